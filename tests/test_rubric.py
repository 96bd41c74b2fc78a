import copy
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from cxsentiment.errors import ExitCode, RubricError
from cxsentiment.rubric.reading import default_rubric, find_rubric, parse_rubric, read_rubric

HOLD = {"act": "hold"}


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
    content["sections"][0]["items"][0]["weight"] = 11
    assert parse_rubric(content, "x").sha256 != read_rubric(default_rubric()).sha256


def _item(content: dict[str, Any]) -> dict[str, Any]:
    return content["sections"][0]["items"][1]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: _item(c).update(weight=True), r"items\[identification\]\.weight: yes, no, .* are no numbers"),
        (lambda c: _item(c).update(met_when={"phrase": False}), r"met_when\.phrase: .* in quotes"),
        (
            lambda c: _item(c).update(wieght=2),
            r"items\[identification\]\.wieght: unknown key; did you mean 'weight'\? \(allowed: id, question",
        ),
        (
            lambda c: _item(c)["met_when"].update(act=["gret"]),
            r"met_when: 'gret' is not an act; did you mean 'greet'\?",
        ),
        (lambda c: _item(c)["met_when"].update(in_last=2), "only one of in_first and in_last"),
        (lambda c: _item(c).pop("question"), r"identification\]\.question: this key is required"),
        (lambda c: _item(c).update(id="greeting"), "the item id 'greeting' is used more than once"),
        (
            lambda c: _item(c).update(weight=0),
            r"identification\]\.weight: 0 is too small \(allowed: a number above 0\)$",
        ),
        (lambda c: _item(c).update(id="Q 1"), "id: 'Q 1' cannot be used .allowed: lower-case letters, digits and _, a"),
        (lambda c: _item(c).update(kind="yesno"), "kind: 'yesno' is not known; did you mean 'yes_no'"),
        (
            lambda c: _item(c).update(critical="customer", effect="fail"),
            r"effect: 'fail' is not known \(allowed: report, zero, \{ cap: 0 to 100 \}\)$",
        ),
        (
            lambda c: _item(c).update(critical="customer", effect={"cap": 150}),
            r"effect\.cap: 150 is too large \(allowed: at most 100\)$",
        ),
        (lambda c: _item(c).update(critical="fatal"), r"identification\]\.critical"),
        (lambda c: _item(c).update(applies_when={"if": {"act": "sing"}}), "'sing' is not an act"),
        (lambda c: _item(c)["met_when"].update(within=2), "within counts turns from an anchor"),
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
        ("[" * 500_000, r"mine\.yaml:1: is nested deeper than 100 levels"),
        ("- " * 5_000, "nested deeper than 100 levels"),
        ("? " * 5_000, "nested deeper than 100 levels"),
        ("".join(" " * k + "a:\n" for k in range(1_000)), r"mine\.yaml:101: is nested deeper"),
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


@pytest.mark.parametrize(
    ("cue", "message"),
    [
        ({"phrase": "thank you", "in_last": 2}, "in_last has no effect inside a cue"),
        ({"phrase": "date of birth", "times": 2}, "times has no effect inside a cue"),
        ({"any": [{"act": "verify", "before": {"act": "inform"}}, {"phrase": "who am i"}]}, "before has no effect"),
    ],
)
def test_a_place_or_an_order_inside_a_cue_is_refused(
    content: dict[str, Any], cue: dict[str, Any], message: str
) -> None:
    content["cues"] = {"mine": cue}
    _item(content)["met_when"] = {"cue": "mine"}
    with pytest.raises(RubricError, match=message) as caught:
        parse_rubric(content, "x")
    assert "where it is used" in str(caught.value)


def test_a_cue_may_ask_for_two_things_in_one_turn(content: dict[str, Any]) -> None:
    content["cues"] = {"mine": {"phrase": "your name", "with": {"phrase": "date of birth"}}}
    _item(content)["met_when"] = {"cue": "mine", "in_first": 2}
    assert "mine" in parse_rubric(content, "x").cues


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"act": "verify", "measure": "hold_s"}, "says act and measure.*exactly one of act, phrase"),
        ({"in_first": 2}, "says nothing that could hold"),
        ({"act": "verify", "min": 2}, "min does not go with act"),
        ({"measure": "hold_s"}, "needs min, max or both"),
        ({"measure": "hold", "max": 2}, "'hold' is not measured; did you mean 'hold_s'"),
        ({"measure": "hold_s", "min": 5, "max": 2}, "can never be at least 5 and at most 2"),
        ({"act": "hold", "before": {"measure": "hold_s", "max": 1}}, "before needs something that happens in a turn"),
        ({"act": "hold", "before": {"act": "close"}, "after": {"act": "greet"}}, "only one of before and after"),
        ({"act": "hold", "within": 2}, "within counts turns from an anchor"),
        ({"at_least": {"n": 3, "of": [{"act": "hold"}, {"act": "greet"}]}}, "3 of 2 conditions can never hold"),
        ({"phrase": "* _"}, "would match any text"),
        ({"phrase": "pay {sum}"}, "'{sum}' in the phrase 'pay {sum}' is no slot .allowed: {number}"),
        ({"pattern": "(a+)+$(?=b)"}, "RE2 syntax, which has no look-around"),
        ({"pattern": "x*"}, "matches even an empty text"),
        ({"wording": "be kind"}, "at least three words"),
        ({"item": "nobody"}, "there is no item 'nobody'"),
        ({"item": "greting"}, "there is no item 'greting'; did you mean 'greeting'"),
        ({"item": "greeting", "is": "fine"}, "is: 'fine' is not known .allowed: met, not_met, applicable"),
        ({"cue": "asked_to_cancl"}, "there is no cue 'asked_to_cancl'"),
        ({"flow": "refund"}, "there is no flow 'refund' .allowed: none is defined"),
        ({"item": "identification"}, "circular: the item identification needs identification"),
        ({"all": [{"act": "hold"}, {"not": {"act": "hold"}}]}, "nobody can ever meet this item"),
        ({"any": [{"act": "hold"}, {"not": {"act": "hold"}}]}, "everybody meets this item"),
        ({"any": [{"act": "hold", "in_first": 1}], "in_last": 2}, "in_first has no effect inside an any"),
        ({"act": "hold", "after": {"any": [{"act": "greet", "in_first": 1}]}}, "in_first has no effect inside an any"),
    ],
)
def test_conditions_that_cannot_be_meant(content: dict[str, Any], condition: dict[str, Any], message: str) -> None:
    _item(content)["met_when"] = condition
    with pytest.raises(RubricError, match=message):
        parse_rubric(content, "mine.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["sections"][0].update(weight=11), "weights of the sections add up to 101, not to 100"),
        (lambda c: c.update(flat=True), "weights of the items add up to"),
        (
            lambda c: _item(c).update(applies_when={"if": {"all": [{"act": "hold"}, {"not": {"act": "hold"}}]}}),
            "can never apply",
        ),
        (lambda c: _item(c).update(uncertain_between=[0.6, 0.9]), "must hold 0.5"),
        (lambda c: _item(c).update(effect="zero"), "effect goes with a critical item"),
        (lambda c: _item(c).update(kind="count"), "met_when goes with kind: yes_no, this item is count"),
        (lambda c: c["sections"].append(c["sections"][0]), "the section id 'opening' is used more than once"),
        (lambda c: c.update(cues={"a": {"cue": "b"}, "b": {"cue": "a"}}), "circular: the cue a needs b needs a"),
        (
            lambda c: c.update(cues={"a": {"measure": "hold_s", "max": 1}}),
            "a cue needs something that happens in a turn",
        ),
    ],
)
def test_faults_of_the_whole(content: dict[str, Any], change: Any, message: str) -> None:
    change(content)
    with pytest.raises(RubricError, match=message):
        parse_rubric(content, "mine.yaml")


def test_the_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = default_rubric().read_text(encoding="utf-8")
    line = 1 + text[: text.index("act: identify")].count("\n")
    path.write_text(text.replace("act: identify", "act: identfy"))
    with pytest.raises(RubricError, match=rf"mine\.yaml:{line}: .*identification.*did you mean 'identify'"):
        read_rubric(path)
    path.write_text(text.replace("weight: 25", "weight: 26", 1))
    with pytest.raises(
        RubricError, match=rf"mine\.yaml:{1 + text[: text.index('total_weight')].count(chr(10))}: total_weight"
    ):
        read_rubric(path)
    path.write_text(text.replace("    weight: 10", "    weight: 10\n    weight: 10", 1))
    with pytest.raises(RubricError, match="the key 'weight' stands twice"):
        read_rubric(path)


def test_a_large_rubric(content: dict[str, Any]) -> None:
    content["sections"] = [
        {
            "id": f"s{k}",
            "title": f"S {k}",
            "weight": 2,
            "items": [
                {"id": f"i{k}_{n}", "question": "Is it?", "weight": 1, "met_when": {"act": "greet", "in_first": n + 1}}
                for n in range(5)
            ],
        }
        for k in range(50)
    ]
    rubric = parse_rubric(content, "x")
    assert len(list(rubric.pairs())) == 250
    assert parse_rubric(rubric.content(), "x").sha256 == rubric.sha256


def test_cues_of_the_library_are_written_into_the_rubric(content: dict[str, Any]) -> None:
    _item(content)["met_when"] = {"cue": "asked_to_cancel"}
    rubric = parse_rubric(content, "x")
    assert list(rubric.cues) == ["asked_to_cancel"]
    assert parse_rubric(rubric.content(), "x").sha256 == rubric.sha256
    content["cues"] = {"asked_to_cancel": {"phrase": "mine alone", "by": "customer"}}
    assert parse_rubric(content, "x").cues["asked_to_cancel"].phrase == ("mine alone",)


def test_names_of_ready_rubrics() -> None:
    assert find_rubric("default") == default_rubric()
    assert find_rubric("mine.yaml") == Path("mine.yaml")
    with pytest.raises(RubricError, match=r"did you mean 'default'\? \(allowed: .*default"):
        find_rubric("defalt")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"phrase": "ham", "with": {"phrase": "eggs", "in_first": 1}}, "in_first has no effect inside with"),
        ({"phrase": "ham", "without": {"act": "hold", "after": HOLD}}, "after has no effect inside without"),
        ({"phrase": "ham", "before": HOLD | {"times": 2}}, "times has no effect inside before"),
        ({"measure": "turns", "min": float("nan")}, "is not finite"),
        ({"measure": "turns", "max": float("inf")}, "is not finite"),
        ({"pattern": r"\b"}, "matches even an empty text"),
        ({"pattern": r"\Qham"}, r"\\Q without \\E"),
        ({"wording": "... !!! ???"}, "at least three words"),
        ({"cue": "held", "by": "customer"}, "by has no effect on the cue 'held'"),
        ({"cue": "deeper", "by": "customer"}, "by has no effect on the cue 'deeper'"),
        ({"cue": "mixed", "by": "customer"}, "by reaches no act in the cue 'mixed'"),
    ],
)
def test_what_would_have_no_effect_or_never_hold(
    content: dict[str, Any], condition: dict[str, Any], message: str
) -> None:
    mixed = {"any": [{"phrase": "one moment"}, {"cue": "deeper"}]}
    content["cues"] = {"held": {"act": "hold"}, "deeper": {"cue": "held"}, "mixed": mixed}
    _item(content)["met_when"] = condition
    with pytest.raises(RubricError, match=message):
        parse_rubric(content, "x")


def test_how_often_has_no_effect_in_a_count_and_in_what_is_due(content: dict[str, Any]) -> None:
    twice = HOLD | {"times": 2}
    step = {"id": "a", "title": "A", "seen": {"act": "verify"}, "due": twice}
    with pytest.raises(RubricError, match="times has no effect inside due"):
        parse_rubric(content | {"flows": [{"id": "f", "steps": [step]}]}, "x")
    _item(content).pop("met_when")
    _item(content).update(kind="count", count={"of": twice, "full_at": 1, "none_at": 3})
    with pytest.raises(RubricError, match="times has no effect inside count"):
        parse_rubric(content, "x")


def test_one_fault_is_one_fault(content: dict[str, Any]) -> None:
    for section in content["sections"]:
        del section["items"][1:]
    del content["sections"][1:]
    content["total_weight"] = 10
    content["sections"][0]["items"][0]["met_when"]["act"] = "gret"
    with pytest.raises(RubricError) as raised:
        parse_rubric(content, "x")
    assert "more]" not in raised.value.message


def test_many_faults_cost_no_time(content: dict[str, Any]) -> None:
    content["sections"][0]["items"] = [_item(content) | {"id": f"i{k}", "wieght": 1} for k in range(2000)]
    before = time.process_time()
    with pytest.raises(RubricError, match=r"unknown key.*and 1999 more"):
        parse_rubric(content, "x")
    assert time.process_time() - before < 2


def test_a_key_that_is_a_number(content: dict[str, Any]) -> None:
    with pytest.raises(RubricError, match="1: Keys should be strings"):
        parse_rubric(content | {1: 2}, "x")


@pytest.mark.parametrize("name", ["english", "EN", "en-US"])
def test_a_language_that_no_contact_is_found_to_be_in(content: dict[str, Any], name: str) -> None:
    _item(content)["applies_when"] = {"languages": [name]}
    with pytest.raises(RubricError, match=r"is found to be in .*did you mean 'en'\? \(allowed: ar, de"):
        parse_rubric(content, "x")
