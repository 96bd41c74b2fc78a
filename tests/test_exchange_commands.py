"""`cxsentiment rubric import | export | template | import-flows | flows`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Command

from cxsentiment import cli
from cxsentiment.rubric.reading import read_rubric

Jsonl = Callable[..., Path]


@pytest.fixture
def command(command: Command) -> Command:
    return lambda *arguments: command("rubric", *arguments)


FLOWS = """name: t
version: "1"
minimum_coverage: 0
flows:
  - id: task
    title: The task
    order: strict
    steps:
      - { id: one, title: first, seen: { phrase: say one } }
      - { id: two, title: second, seen: { phrase: say two } }
    branches:
      - { id: left, steps: [{ id: three, title: third, seen: { phrase: say three } }] }
      - { id: right, steps: [{ id: four, title: fourth, seen: { phrase: say four }, required: false }] }
  - id: idle
    title: Of another campaign
    steps: [{ id: one, title: first, seen: { act: greet } }]
sections:
  - id: s
    title: S
    weight: 1
    items:
      - id: task
        question: Is it?
        weight: 1
        applies_when: { campaigns: [mine] }
        met_when: { flow: task }
      - id: idle
        question: Is it idle?
        weight: 1
        applies_when: { campaigns: [other] }
        met_when: { flow: idle }
"""


@pytest.mark.parametrize("target", ["amazon", "google", "csv", "xlsx"])
def test_export_and_import(target: str, command: Command, tmp_path: Path) -> None:
    file, back = tmp_path / f"card.{target}", tmp_path / "back.yaml"
    exported = command("export", "default", "--to", target, "--out", file)
    assert (exported.code, exported.out) == (0, f"written: {file}\n")
    assert ("not carried over" in exported.err) == (target in ("amazon", "google"))
    assert command("import", file, "--out", back).code == 0
    assert next(item.id for _, item in read_rubric(back).pairs()) == "greeting"
    assert "# Imported from card." in back.read_text(encoding="utf-8")
    assert command("import", file, "--out", back).code == 2  # it stands already


def test_losses_are_printed_and_kept_in_the_file(command: Command, tmp_path: Path) -> None:
    form = {
        "Title": "F",
        "Items": [
            {
                "Section": {
                    "Title": "S",
                    "RefId": "s",
                    "Items": [
                        {"Question": {"Title": "What happened?", "RefId": "t", "QuestionType": "TEXT"}},
                        {"Question": {"Title": "How many?", "RefId": "n", "QuestionType": "NUMERIC"}},
                    ],
                }
            }
        ],
    }
    file, out = tmp_path / "form.json", tmp_path / "mine.yaml"
    file.write_text(json.dumps(form), encoding="utf-8")
    done = command("import", file, "--out", out, "--critical", "customer")
    assert done.code == 0
    assert "not carried over (2):" in done.err
    for text in (done.err, out.read_text(encoding="utf-8")):
        assert "What happened?: a question of type TEXT" in text


def test_what_cannot_be_used_is_exit_code_2(command: Command, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")
    out = tmp_path / "out.yaml"
    for arguments, message in [
        (("import", bad, "--out", out), "bad.json:1: not JSON"),
        (("import", tmp_path / "none.csv", "--out", out), "cannot be read"),
        (
            ("import", bad, "--out", out, "--from", "amzon"),
            "--from: 'amzon' is not known (allowed: amazon, google, sheet)",
        ),
        (("import", bad, "--out", out, "--critical", "none"), "--critical: 'none' is not known"),
        (("export", "default", "--to", "pdf", "--out", out), "--to: 'pdf' is not known (allowed: amazon, google, csv"),
        (("export", "defalt", "--to", "csv", "--out", out), "did you mean 'default'"),
        (("template", tmp_path / "x.txt"), "allowed: FILE.csv or FILE.xlsx"),
        (("import-flows", bad, "--out", out), "not JSON"),
        (("flows", tmp_path, "--rubric", "default"), "default has no flows"),
    ]:
        done = command(*arguments)
        assert done.code == 2, arguments
        assert message in " ".join(done.err.split()), done.err
    assert not out.exists()


def test_template(command: Command, tmp_path: Path) -> None:
    for name in ("t.csv", "t.xlsx"):
        assert command("template", tmp_path / name).code == 0
        assert command("import", tmp_path / name, "--out", tmp_path / f"{name}.yaml").err == ""


def test_flows_are_imported_and_walked(command: Command, tmp_path: Path) -> None:
    charts = tmp_path / "kb.json"
    charts.write_text(json.dumps({"cost": ["search-faq", "select-faq"]}), encoding="utf-8")
    out = tmp_path / "flows.yaml"
    done = command("import-flows", charts, "--out", out, "--name", "shop")
    assert done.code == 0
    assert "search-faq: how it is seen (1 step)" in done.err
    assert read_rubric(out).name == "shop"


@pytest.fixture
def scored(jsonl: Jsonl, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A run of four contacts, three of the flow's campaign, and the rubric with the flow."""
    said = {
        "good": ["say one", "say two", "say three"],
        "swapped": ["say two", "say one", "say three"],
        "short": ["say one", "bye"],
        "other": ["say one"],
    }
    contacts = [
        {
            "id": name,
            "channel": "chat",
            "campaign": "none" if name == "other" else "mine",
            "turns": [{"speaker": "customer", "text": "hi"}, *[{"speaker": "agent", "text": text} for text in texts]],
        }
        for name, texts in said.items()
    ]
    rubric = tmp_path / "flows.yaml"
    rubric.write_text(FLOWS, encoding="utf-8")
    run = tmp_path / "run"
    arguments = ["cxsentiment", "score", str(jsonl(contacts)), "--out", str(run), "--model", str(toy_bundle)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        cli.main()
    return run, rubric


def test_flows_over_a_run(scored: tuple[Path, Path], command: Command) -> None:
    run, rubric = scored
    task, idle = json.loads(command("flows", run, "--rubric", rubric, "--json").out)
    counts = {key: task[key] for key in ("contacts", "complete", "orderly", "in_order", "branches")}
    assert counts == {"contacts": 3, "complete": 2, "orderly": 2, "in_order": 1, "branches": {"left": 3}}
    steps = {step["step"]: step for step in task["steps"]}
    assert (steps["one"]["done"], steps["two"]["done"], steps["two"]["missed"]) == (3, 1, 1)
    assert (steps["two"]["out_of_order"], steps["three"]["done"], steps["three"]["missed"]) == (1, 2, 1)
    assert steps["four"]["left_out"] == 0  # the branch was not taken
    assert idle["contacts"] == 0
    text = command("flows", run, "--rubric", rubric).out
    assert "The task: 3 contacts: complete 66.7%, nothing out of place 66.7%, both 33.3%" in " ".join(text.split())
    assert "left: third" in text
    assert "apply to no contact of the run: Of another campaign" in text


def test_a_flow_that_no_item_uses_is_walked_everywhere(scored: tuple[Path, Path], command: Command) -> None:
    run, rubric = scored
    rubric.write_text(FLOWS.replace("{ flow: task }", "{ act: greet }"), encoding="utf-8")
    task, _ = json.loads(command("flows", run, "--rubric", rubric, "--json").out)
    assert task["contacts"] == 4
