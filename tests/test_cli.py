import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from command_line import Command

from cxsentiment import cli, runs


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / "call.txt"
    path.write_text("Agent: Hello, Anna speaking.\nCustomer: This is terrible!\nAgent: I am sorry. One moment.\n")
    return path


def test_score_then_report(command: Command, call: Path, toy_bundle: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    scored = command("score", call, "--out", run, "--model", toy_bundle)
    assert scored.code == 0
    assert "1 contact scored of 1; 3 turns (3 scored, 0 without text, 0 refused)" in scored.out
    assert scored.out.count("turns a second") == 1, "the rate is told once"
    assert f"next: cxsentiment report {run}" in scored.out
    reported = command("report", run)
    assert reported.code == 0
    assert str(run / "report" / "index.html") in reported.out
    names = {path.name for path in (run / "report").iterdir()}
    assert {"index.html", "agents.csv", "associations.csv", "kpis.csv", "coaching.csv"} <= names


def test_json_for_machines(command: Command, call: Path, toy_bundle: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    receipt = json.loads(command("score", call, "--out", run, "--model", toy_bundle, "--json").out)
    assert receipt["contacts"] == {"in": 1, "scored": 1, "rejected": 0}
    findings = json.loads(command("report", run, "--json").out)
    assert findings["page"].endswith("index.html")
    assert isinstance(findings["agents"], list)
    checked = json.loads(command("check", call, "--json").out)
    assert checked[0]["kind"] == "transcripts"


def test_roles_and_columns_are_declared(command: Command, toy_bundle: Path, tmp_path: Path) -> None:
    table = tmp_path / "calls.csv"
    table.write_text("call,who,message\n1,AGT,hello\n1,CUS,terrible\n")
    arguments = [
        "score",
        table,
        "--model",
        toy_bundle,
        "--map",
        "text=message",
        "--map",
        "speaker=who",
        "--map",
        "id=call",
    ]
    unknown = command(*arguments, "--out", tmp_path / "a", "--json")
    assert json.loads(unknown.out)["turns"]["scored"] == 0
    assert "--role" in str(json.loads(unknown.out)["warnings"])
    known = command(*arguments, "--role", "AGT=agent", "--role", "CUS=customer", "--out", tmp_path / "b", "--json")
    assert json.loads(known.out)["turns"]["scored"] == 2
    wrong = command(*arguments, "--role", "AGT=agnet", "--out", tmp_path / "c")
    assert wrong.code == 2
    assert "agent" in wrong.err


def test_surveys_may_join_when_reporting(command: Command, call: Path, toy_bundle: Path, tmp_path: Path) -> None:
    run, surveys = tmp_path / "run", tmp_path / "surveys.csv"
    surveys.write_text("contact_id,csat\ncall,4\nother,9\n")
    command("score", call, "--out", run, "--model", toy_bundle)
    outcome = command("report", run, "--surveys", surveys, "--csat-scale", "1-5")
    assert outcome.code == 3
    assert "1 answer, 1 matched a contact, 0 did not, 1 rejected" in outcome.out
    assert "csat_out_of_scale" in (run / "report" / "rejects.jsonl").read_text()
    assert "cxsentiment report" in (run / "report" / "index.html").read_text()
    again = command("score", call, "--out", run, "--model", toy_bundle)
    assert "already scored: nothing to do" in again.out


def test_the_scale_of_answers_inside_the_transcripts_may_be_declared_when_reporting(
    command: Command, toy_bundle: Path, tmp_path: Path
) -> None:
    source = tmp_path / "x.jsonl"
    contact = {"agent_id": "a", "turns": [{"speaker": "agent", "text": "hello"}]}
    rows = [contact | {"id": str(k), "csat": k % 5 + 1} for k in range(10)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command("score", source, "--out", tmp_path / "run", "--model", toy_bundle)

    def satisfied(*options: str) -> object:
        kpis = json.loads(command("report", tmp_path / "run", "--json", *options).out)["kpis"]
        return next(kpi["estimate"]["value"] for kpi in kpis if kpi["name"].startswith("CSAT, satisfied"))

    assert satisfied() is None
    assert satisfied("--csat-scale", "1-5") == pytest.approx(40)


def test_rejects_make_exit_code_3(command: Command, toy_bundle: Path, tmp_path: Path) -> None:
    source = tmp_path / "x.jsonl"
    source.write_text('{"id": "a", "turns": [{"speaker": "agent", "text": "hello"}]}\n{"id": \n')
    outcome = command("score", source, "--out", tmp_path / "run", "--model", toy_bundle)
    assert outcome.code == 3
    assert "1 record rejected" in outcome.out
    assert "x.jsonl:2: is not valid JSON" in outcome.out
    assert "rejects.jsonl" in outcome.out
    checked = command("check", source)
    assert checked.code == 3
    assert "would be rejected" in checked.out


def test_usage_errors_make_exit_code_2(command: Command, call: Path, toy_bundle: Path, tmp_path: Path) -> None:
    rubric = tmp_path / "mine.yaml"
    rubric.write_text("name: x\nversion: '1'\nsectoins: []\n")
    cases = {
        ("score", tmp_path / "no.jsonl", "--out", tmp_path / "r"): "no such file or folder",
        ("score", call): "--out",
        ("score", call, "--out", tmp_path / "r", "--rubric", rubric): "did you mean 'sections'",
        ("check", rubric): "did you mean 'sections'",
        ("sing",): "No such command",
        ("score", call, "--out", tmp_path / "r", "--csat-scale", "five"): "1-5",
        ("score", call, "--out", tmp_path / "r", "--surveys", tmp_path / "no.csv"): "no such survey file",
    }
    for price, told in (("inf", "is no price (allowed: a finite"), ("nan", "Usage:")):
        cases["score", call, "--out", tmp_path / "r", "--price-per-core-hour", price] = told
    for arguments, message in cases.items():
        outcome = command(*arguments)
        assert outcome.code == 2, arguments
        assert message in outcome.err, arguments
    assert not (tmp_path / "r").exists()


def test_a_run_folder_that_is_a_link_to_itself_is_told(
    command: Command, call: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for arguments in (("score", call), ("watch", tmp_path, "--once")):
        outcome = command(*arguments, "--out", tmp_path / "loop", "--model", toy_bundle)
        assert outcome.code in (1, 2)
        assert "error:" in outcome.err
        assert f"{tmp_path / 'loop'}:" in outcome.err


def test_a_broken_bundle_or_run_makes_exit_code_1(
    command: Command, call: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "model"
    broken.mkdir()
    for path in toy_bundle.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "model.onnx").write_bytes((toy_bundle / "model.onnx").read_bytes()[:-1] + b"!")
    outcome = command("score", call, "--out", tmp_path / "run", "--model", broken)
    assert outcome.code == 1
    assert "model.onnx" in outcome.err
    assert "Restore" in outcome.err
    assert command("report", tmp_path).code == 1


@pytest.mark.parametrize("name", ["agents", "report", "verify", "score"])
def test_a_path_that_the_system_refuses_makes_exit_code_1_or_2(command: Command, name: str) -> None:
    path = "a" * 300
    left = command(name, path, *(("--out", "run") if name == "score" else ()))
    assert left.code in (1, 2)
    assert "error:" in left.err
    assert path in left.err
    assert "File name too long" in left.err


def test_check_says_what_it_found(command: Command, call: Path, toy_bundle: Path) -> None:
    outcome = command("check", call, toy_bundle, Path(cli.__file__).parent / "rubrics" / "default.yaml")
    assert outcome.code == 0
    assert "speakers: agent 2, customer 1" in outcome.out
    assert "7 sections, 14 items" in outcome.out
    assert "every file as recorded" in outcome.out


def test_check_sees_a_contact_that_stands_in_two_files(command: Command, tmp_path: Path) -> None:
    contact = json.dumps({"id": "a", "turns": [{"speaker": "agent", "text": "hello"}]})
    for name in ("one.jsonl", "two.jsonl"):
        (tmp_path / name).write_text(contact + "\n")
    outcome = command("check", tmp_path / "one.jsonl", tmp_path / "two.jsonl")
    assert outcome.code == 0
    assert "warning: 1 copy of a contact was left out; each contact counts once" in outcome.out
    assert "two.jsonl:1)" in outcome.out
    assert "no contact of its own: its contacts stand in the input already" in outcome.out
    assert "would be rejected" not in outcome.out


def test_holes_copies_and_notes_are_told_and_only_holes_change_the_exit_code(
    command: Command, tmp_path: Path, toy_bundle: Path
) -> None:
    agent, customer = {"speaker": "agent", "text": "hello"}, {"speaker": "customer", "text": "hi"}
    whole = json.dumps({"id": "a", "language": "es", "turns": [agent, customer]})
    source = tmp_path / "in.jsonl"
    source.write_text(f"{whole}\n{whole}\n")
    outcome = command("score", source, "--out", tmp_path / "whole", "--model", toy_bundle)
    assert outcome.code == 0
    assert "warning (1 contact): 1 copy of a contact was left out; each contact counts once" in outcome.out
    assert 'note (1 contact): the source gives its language as "es"' in outcome.out
    assert "rejected" not in outcome.out
    source.write_text(f"{whole}\n" + json.dumps({"id": "b", "turns": [agent, {"speaker": "agent", "text": []}]}))
    outcome = command("score", source, "--out", tmp_path / "holes", "--model", toy_bundle)
    assert outcome.code == 3
    assert "1 turn refused, of contacts that were scored without, among them:" in outcome.out
    assert "(turn_type)" in outcome.out
    assert "warning (1 contact): 1 of its turns was refused" in outcome.out
    outcome = command("check", source, "--json")
    assert outcome.code == 3
    (found,) = json.loads(outcome.out)
    assert (found["contacts"], found["turns"], found["refused_turns"], found["copies"]) == (2, 3, 1, 0)
    assert [one["kind"] for one in found["rejects"]] == ["turn"]
    assert found["notes"] == ['the source gives its language as "es": the model was made for English (1 contact)']


def test_an_interruption_makes_exit_code_130(
    command: Command, call: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxsentiment.shards import Scorer

    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Scorer, "score_shard", interrupt)
    outcome = command("score", call, "--out", tmp_path / "run", "--model", toy_bundle)
    assert outcome.code == 130
    assert "run the same command again" in outcome.err
    monkeypatch.undo()
    assert command("report", tmp_path / "run").code == 1
    assert command("score", call, "--out", tmp_path / "run", "--model", toy_bundle).code == 0


def test_help_and_version(command: Command) -> None:
    outcome = command("--help")
    assert outcome.code == 0
    for name in ("score", "report", "check", "demo", "--install-completion"):
        assert name in outcome.out
    assert command("--version").out.strip() == "0.1.0"
    module = subprocess.run(
        [sys.executable, "-m", "cxsentiment", "--version"], capture_output=True, text=True, check=True
    )
    assert module.stdout.strip() == "0.1.0"


def test_every_command_option_and_argument_says_what_it_is() -> None:
    def silent(command: Any, name: str) -> Iterator[str]:
        if not command.help:
            yield name
        yield from (f"{name} {one.name}" for one in command.params if not one.help)
        for own, below in getattr(command, "commands", {}).items():
            yield from silent(below, f"{name} {own}")

    assert list(silent(typer.main.get_command(cli.app), "cxsentiment")) == []


def test_completion_is_offered() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from cxsentiment.cli import main; main()"],
        env={"_CXSENTIMENT_COMPLETE": "complete_bash", "COMP_WORDS": "cxsentiment sc", "COMP_CWORD": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "score" in done.stdout


def test_a_contact_log_and_words_join_from_the_command_line(
    command: Command, call: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    run, log, ratings = tmp_path / "run", tmp_path / "log.csv", tmp_path / "ratings.json"
    log.write_text("Call;Ring;Dropped\ncall;0.5;no\ngone;2;yes\nodd;2;maybe\n")
    ratings.write_text(json.dumps([{"ticket_id": "call", "score": "good"}]))
    options = ["--log", log, "--map", "id=Call", "--map", "wait_s=Ring", "--map", "abandoned=Dropped"]
    options += ["--log-time-unit", "min", "--surveys", ratings, "--csat-map", "good=1", "--csat-map", "bad=0"]
    outcome = command("score", call, "--out", run, "--model", toy_bundle, *options)
    assert outcome.code == 3
    assert "contact log: 3 rows, 1 matched a contact, 1 stand only in the log, 1 rejected" in outcome.out
    assert "surveys: 1 answer, 1 matched a contact" in outcome.out
    reported = json.loads(command("report", run, *options, "--json").out)
    assert reported["run"]["log"]["rows"] == 3
    values = {kpi["name"]: kpi["estimate"]["value"] for kpi in reported["kpis"]}
    assert values["Abandonment"] == 50
    assert values["Average wait"] == 30
    assert values["CSAT, mean"] == 100
    for wrong in (["--match", "name"], ["--csat-map", "good"], ["--log", tmp_path / "no.csv"]):
        assert command("report", run, *wrong).code == 2


def test_guessed_roles_are_marked_in_columns_terminal_and_report(
    command: Command, toy_bundle: Path, tmp_path: Path
) -> None:
    path = tmp_path / "call.txt"
    path.write_text(
        "S1: Thank you for calling, my name is Ines, how can I help?\nS2: My order never came, I already called.\n"
        "S1: I'm sorry to hear that. May I have your order number?\nS2: It's B7.\nS1: One moment, let me check.\n"
    )
    out = tmp_path / "run"
    scored = command("score", path, "--out", out, "--model", toy_bundle, "--guess-roles")
    assert "roles were guessed in 1 contact" in scored.out
    (contact,) = runs.read_table(out, "contacts", ["role_source", "role_p", "agent_turns"]).to_pylist()
    assert (contact["role_source"], contact["agent_turns"]) == ("guessed", 3)
    assert 0.8 <= contact["role_p"] <= 1
    assert command("report", out).code == 0
    assert "Roles were guessed" in (out / "report" / "index.html").read_text(encoding="utf-8")


def test_every_format_is_listed_with_its_rules(command: Command) -> None:
    listed = json.loads(command("formats", "--json").out)
    names = [facts["name"] for facts in listed]
    assert len(names) == len(set(names)) > 50
    assert {"vcon", "webvtt", "deepgram", "genesys-cloud", "excel", "jsonl"} <= set(names)
    assert all(facts["title"] and facts["roles"] and facts["times"] and facts["family"] for facts in listed)
    told = command("formats").out
    assert all(name in told for name in names)


def test_an_unknown_format_names_the_known_ones(command: Command, call: Path) -> None:
    outcome = command("check", call, "--format", "deepgramm")
    assert outcome.code == 2
    assert "deepgram" in outcome.err


def test_a_role_that_no_speaker_has_is_told(command: Command, call: Path, toy_bundle: Path, tmp_path: Path) -> None:
    checked = command("check", call, "--role", "spk_9=agent", "--role", "Agent=agent").out
    assert 'no speaker is called "spk_9"' in checked
    scored = command("score", call, "--out", tmp_path / "run", "--model", toy_bundle, "--role", "spk_9=agent")
    assert 'no speaker is called "spk_9"' in scored.out


def test_survey_answers_given_as_transcripts_are_sent_to_their_option(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("contact_id,csat\nc-1,4\n")
    outcome = command("check", path)
    assert outcome.code == 3
    assert "--surveys" in outcome.out
