import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from cxsentiment.errors import ExitCode, RubricError
from cxsentiment.rubric import default_rubric, parse_rubric, read_rubric


@pytest.fixture
def content() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(default_rubric().read_text(encoding="utf-8")))


def test_the_default_rubric_covers_what_it_says() -> None:
    rubric = read_rubric(default_rubric())
    assert [section.id for section in rubric.sections] == [
        "opening",
        "verification",
        "discovery",
        "empathy",
        "resolution",
        "closing",
        "conduct",
    ]
    assert sum(section.weight for section in rubric.sections) == 100
    assert [item.id for _, item in rubric.pairs() if item.critical != "none"] == ["professional"]
    assert all(item.hint for _, item in rubric.pairs())


def test_comments_and_layout_do_not_change_the_hash(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# mine\n" + yaml.safe_dump(content))
    assert read_rubric(path).sha256 == read_rubric(default_rubric()).sha256
    content["sections"][0]["weight"] = 11
    assert parse_rubric(content, "x").sha256 != read_rubric(default_rubric()).sha256


def _item(content: dict[str, Any]) -> dict[str, Any]:
    return content["sections"][0]["items"][1]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: _item(c).update(wieght=2),
            r"items\[identification\]\.wieght: unknown key; did you mean 'weight'\? \(allowed: id, question",
        ),
        (
            lambda c: _item(c)["met_when"].update(acts=["gret"]),
            r"met_when: 'gret' is not an act; did you mean 'greet'\?",
        ),
        (lambda c: _item(c)["met_when"].update(in_last=2), "only one of in_first, in_last and after_negative"),
        (lambda c: _item(c).pop("met_when"), r"identification\]\.met_when: this key is required"),
        (lambda c: _item(c).update(id="greeting"), "item id 'greeting' is used more than once"),
        (lambda c: _item(c).update(weight=0), r"identification\]\.weight: Input should be greater than 0"),
        (lambda c: _item(c).update(critical="fatal"), r"identification\]\.critical"),
        (lambda c: _item(c).update(applies_when={"agent_act": "sing"}), "'sing' is not an act"),
        (lambda c: _item(c)["met_when"].update(within=2), "give after_negative: true as well"),
        (lambda c: c.update(sections=[]), "sections: "),
        (lambda c: c.update(sectoins=1), "sectoins: unknown key; did you mean 'sections'"),
    ],
)
def test_a_fault_is_named_with_key_and_what_is_allowed(content: dict[str, Any], change: Any, message: str) -> None:
    change(content)
    with pytest.raises(RubricError, match=message) as caught:
        parse_rubric(content, "mine.yaml")
    assert caught.value.message.startswith("mine.yaml: ")
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty or not a mapping"),
        ("- a\n- b\n", "empty or not a mapping"),
        ("name: [unclosed", "not valid YAML"),
        ("a: &x [1]\nb: *x\n", r"mine\.yaml:2: YAML alias \*x"),
        ("x: " + "a" * 1_000_001, "at most 1,000,000 bytes"),
        ("[" * 1500, "not valid YAML"),
    ],
)
def test_files_that_are_no_rubric(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RubricError, match=message):
        read_rubric(path)


def test_a_missing_file_and_wrong_bytes(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="cannot be read: No such file"):
        read_rubric(tmp_path / "no.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: café".encode("latin-1"))
    with pytest.raises(RubricError, match="not UTF-8"):
        read_rubric(path)
