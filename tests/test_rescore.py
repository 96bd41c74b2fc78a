import copy
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cxsentiment import runs
from cxsentiment.abstention import curves, lines_of, measured, widest_for
from cxsentiment.charts import abstention_chart
from cxsentiment.cli import app
from cxsentiment.difference import compare
from cxsentiment.erase import Whom, erase
from cxsentiment.errors import BundleError, RunError, UsageError
from cxsentiment.explanation import explain
from cxsentiment.findings import gather, write_report
from cxsentiment.model import default_model, read_bundle
from cxsentiment.pipeline import Settings, run
from cxsentiment.rescore import rescore
from cxsentiment.rubric.reading import default_rubric, parse_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.trial import use_in_run

CONTACTS: list[list[str]] = [
    ["A: Hello, Anna speaking. What is the number?", "C: terrible, again", "A: Well. I am sorry. It will come. Bye!"],
    ["A: whatever", "C: my order", "A: one moment", "A: It is the price. Anything else?"],
    ["C: hello?", "B: Our agents are busy."],
    ["A: Hello. When?", "C: thanks", "A: Goodbye"],
]


def _records(times: int = 1) -> list[dict[str, Any]]:
    speakers = {"A": "agent", "C": "customer", "B": "bot"}
    return [
        {
            "id": f"c{number}-{k}",
            "agent_id": f"a{k % 2}",
            "channel": "chat",
            "csat": 4,
            "turns": [{"speaker": speakers[line[0]], "text": line[3:]} for line in lines],
        }
        for number in range(times)
        for k, lines in enumerate(CONTACTS)
    ]


def _changed(**met_when: Any) -> dict[str, Any]:
    content: dict[str, Any] = copy.deepcopy(yaml.safe_load(default_rubric().read_text(encoding="utf-8")))
    content["name"] = "mine"
    for section in content["sections"]:
        for item in section["items"]:
            if item["id"] in met_when:
                item["met_when"] = met_when[item["id"]]
    return content


ORDERED: dict[str, Any] = {"closing": {"act": "close", "in_first": 1}, "greeting": {"act": "greet"}}


@pytest.fixture
def mine() -> Rubric:
    return parse_rubric(_changed(**ORDERED), "mine")


@pytest.fixture
def scored(jsonl: Callable[..., Path], toy_bundle: Path, tmp_path: Path) -> Path:
    settings = Settings(toy_bundle, read_rubric(default_rubric()), workers=1)
    run([str(jsonl(_records()))], tmp_path / "run", settings)
    return tmp_path / "run"


def _rows(folder: Path, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = runs.read_table(folder, table).to_pylist()
    return rows


def test_rescoring_says_what_scoring_anew_would(
    jsonl: Callable[..., Path], scored: Path, mine: Rubric, toy_bundle: Path, tmp_path: Path
) -> None:
    receipt = rescore(scored, mine, tmp_path / "anew", command="cxsentiment rescore …")
    run([str(jsonl(_records()))], tmp_path / "direct", Settings(toy_bundle, mine, workers=1))
    for table in ("contacts", "turns", "items"):
        assert _rows(tmp_path / "anew", table) == _rows(tmp_path / "direct", table)
    for table in ("turns", "items"):
        files = [runs.shard_path(tmp_path / name, table, 0).read_bytes() for name in ("anew", "direct")]
        assert files[0] == files[1]
    assert _rows(scored, "items") != _rows(tmp_path / "anew", "items")
    assert receipt["rubric"]["name"] == "mine"
    assert receipt["rescored_from"]["rubric"]["name"] == "default"
    assert receipt["null_reasons"] == {"no agent turn with text in this contact": 1}
    assert runs.require_complete(tmp_path / "anew") == receipt


def test_quotes_of_a_sentence_survive_rescoring(scored: Path, tmp_path: Path) -> None:
    rescore(scored, read_rubric(default_rubric()), tmp_path / "anew")
    (apology,) = [
        row for row in _rows(tmp_path / "anew", "items") if row["item"] == "apologise" and row["verdict"] == "met"
    ]
    assert apology["evidence_quote"] == "I am sorry."


def test_a_rescored_run_makes_a_report(scored: Path, mine: Rubric, tmp_path: Path) -> None:
    rescore(scored, mine, tmp_path / "anew")
    findings, page = write_report(tmp_path / "anew")
    assert findings.run["rubric"]["name"] == "mine"
    assert "mine" in page.read_text(encoding="utf-8")


def test_the_same_rescoring_twice_does_nothing_and_a_broken_one_is_redone(
    scored: Path, mine: Rubric, tmp_path: Path
) -> None:
    out = tmp_path / "anew"
    rescore(scored, mine, out)
    assert rescore(scored, mine, out)["already_scored"]
    runs.shard_path(out, "items", 0).unlink()
    assert "already_scored" not in rescore(scored, mine, out)
    assert runs.shard_path(out, "items", 0).exists()


@pytest.mark.parametrize("inside", [".", "report"])
def test_a_run_is_never_changed(scored: Path, mine: Rubric, inside: str) -> None:
    before = {path: path.read_bytes() for path in sorted(scored.rglob("*")) if path.is_file()}
    with pytest.raises(UsageError, match="is the run itself"):
        rescore(scored, mine, scored / inside)
    rescore(scored, mine, scored.with_name("other"))
    assert {path: path.read_bytes() for path in sorted(scored.rglob("*")) if path.is_file()} == before


@pytest.mark.parametrize("damage", ["changed", "gone", "shard"])
def test_a_damaged_run_is_not_rescored(scored: Path, mine: Rubric, tmp_path: Path, damage: str) -> None:
    path = runs.shard_path(scored, "turns", 0)
    if damage == "changed":
        path.write_bytes(path.read_bytes() + b"x")
    for table in runs.TABLES if damage == "shard" else ("turns",) if damage == "gone" else ():
        runs.shard_path(scored, table, 0).unlink()
    with pytest.raises(RunError, match=r"turns/part-00000\.parquet.*score command again"):
        rescore(scored, mine, tmp_path / "anew")
    assert not (tmp_path / "anew").exists()


def test_no_part_just_written_is_deleted_and_no_stray_one_is_left(scored: Path, mine: Rubric, tmp_path: Path) -> None:
    before = runs.require_complete(scored)
    for table in runs.TABLES:  # a run whose only shard is numbered 3
        runs.shard_path(scored, table, 0).rename(runs.shard_path(scored, table, 3))
    files = {name.replace("part-00000", "part-00003"): digest for name, digest in before["files"].items()}
    runs.write_receipt(scored, {**before, "files": files})
    out = tmp_path / "anew"
    receipt = rescore(scored, mine, out)
    assert len(_rows(out, "contacts")) == 4
    path = runs.shard_path(out, "contacts", 3)
    strays = [path.with_name("part-00003 (1).parquet"), runs.shard_path(out, "contacts", 4)]
    for stray in strays:
        stray.write_bytes(path.read_bytes())
    assert len(_rows(out, "contacts")) == 4
    assert rescore(scored, mine, out)["files"] == receipt["files"]
    assert sorted(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("overwrite", [False, True])
def test_erased_contacts_do_not_come_back(scored: Path, mine: Rubric, tmp_path: Path, overwrite: bool) -> None:
    out = tmp_path / "anew"
    rescore(scored, mine, out)
    list(erase([out], Whom(contacts=("c0-1",))))
    assert rescore(scored, mine, out)["already_scored"]
    rubric = read_rubric(default_rubric()) if overwrite else mine
    path = runs.shard_path(out, "items", 0)
    path.write_bytes(path.read_bytes() + b"x")
    before = {one: one.read_bytes() for one in sorted(out.rglob("*")) if one.is_file()}
    with pytest.raises(RunError, match=r"contacts were erased from this run, and .* may hold them"):
        rescore(scored, rubric, out, overwrite=overwrite)
    (out / "erasures.jsonl").rename(tmp_path / "record")
    with pytest.raises(RunError, match="the record of erasures was altered"):
        rescore(scored, rubric, out, overwrite=overwrite)
    (tmp_path / "record").rename(out / "erasures.jsonl")
    assert {one: one.read_bytes() for one in sorted(out.rglob("*")) if one.is_file()} == before
    runs.write_receipt(out, {**runs.require_complete(out), "state": runs.ERASING})
    with pytest.raises(RunError, match="contacts are being removed"):
        rescore(scored, rubric, out, overwrite=overwrite)


def test_what_was_erased_from_the_run_itself_stays_away_and_may_be_rescored(
    scored: Path, mine: Rubric, tmp_path: Path
) -> None:
    out = tmp_path / "anew"
    list(erase([scored], Whom(contacts=("c0-1",))))
    rescore(scored, mine, out)
    list(erase([scored], Whom(contacts=("c0-2",))))
    rescore(scored, mine, out, overwrite=True)
    assert [row["contact_id"] for row in _rows(out, "contacts")] == ["c0-0", "c0-3"]
    assert runs.require_complete(out)["erasures"]["entries"] == 2


def test_folders_that_cannot_be_used(scored: Path, mine: Rubric, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is no run folder"):
        rescore(tmp_path / "nothing", mine, tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty and holds no run"):
        rescore(scored, mine, tmp_path / "full")
    rescore(scored, mine, tmp_path / "other")
    with pytest.raises(UsageError, match=r"holds another run.*--overwrite"):
        rescore(scored, read_rubric(default_rubric()), tmp_path / "other")
    receipt = rescore(scored, read_rubric(default_rubric()), tmp_path / "other", overwrite=True)
    assert receipt["rubric"]["name"] == "default"


def test_a_run_of_an_earlier_version_quotes_whole_turns_and_says_so(scored: Path, mine: Rubric, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = runs.shard_path(scored, "turns", 0)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["act_spans"]), path)
    before = runs.require_complete(scored)
    runs.write_receipt(
        scored, {**before, "files": {**before["files"], "turns/part-00000.parquet": runs.sha256_of(path)}}
    )
    receipt = rescore(scored, mine, tmp_path / "anew")
    assert any("evidence quotes whole turns" in warning for warning in receipt["warnings"])
    (apology,) = [
        row for row in _rows(tmp_path / "anew", "items") if row["item"] == "apologise" and row["verdict"] == "met"
    ]
    assert apology["evidence_quote"] == "Well. I am sorry. It will come. Bye!"


def test_every_stored_quote_stands_in_its_stored_turn(scored: Path) -> None:
    texts = {(row["contact_id"], row["turn"]): row["text"] for row in _rows(scored, "turns")}
    quoted = 0
    for row in _rows(scored, "items"):
        quotes = [
            dict(
                row,
                turn=row["evidence_turn"],
                start=row["evidence_start"],
                end=row["evidence_end"],
                quote=row["evidence_quote"],
            )
        ]
        for one in [*quotes, *(row["more_evidence"] or [])]:
            if one["turn"] is not None:
                quoted += 1
                assert (
                    one["quote"].removesuffix("…") == texts[row["contact_id"], one["turn"]][one["start"] : one["end"]]
                )
        assert row["reason"]
    assert quoted > 20


def test_the_difference_between_two_rubrics(scored: Path, mine: Rubric) -> None:
    found = compare(read_rubric(default_rubric()), mine, scored)
    assert {(rule.item, rule.change, rule.what) for rule in found.rules} == {
        ("greeting", "changed", "met_when"),
        ("closing", "changed", "met_when"),
    }
    assert found.contacts == 4
    assert {change.contact_id: dict(change.items) for change in found.changed} == {
        "c0-0": {"closing": ("met", "not_met")},
        "c0-3": {"closing": ("met", "not_met")},
    }
    for agent in found.agents:
        assert sum(agent.items.values()) == pytest.approx(agent.after - agent.before, abs=1e-2)
    assert compare(mine, mine, scored).changed == ()


def test_the_parts_of_items_add_up_to_the_change_of_a_score(scored: Path) -> None:
    content = _changed()
    content["sections"][0]["items"] = content["sections"][0]["items"][:1]
    content["sections"][3]["items"][0]["weight"] = 20
    content["sections"][6]["items"][0]["effect"] = {"cap": 5}
    found = compare(read_rubric(default_rubric()), parse_rubric(content, "mine"), scored)
    assert {rule.item: rule.change for rule in found.rules}["identification"] == "removed"
    assert any("critical error" in agent.items for agent in found.agents)
    for agent in found.agents:
        assert sum(agent.items.values()) == pytest.approx(agent.after - agent.before, abs=1e-2)
    assert ("met", "no such item") in found.verdicts["identification"]


def test_an_explanation_walks_the_items(scored: Path, mine: Rubric) -> None:
    found = explain(mine, scored, "c0-1")
    assert [item.item for item in found.evaluation.items] == [item.id for _, item in mine.pairs()]
    with pytest.raises(UsageError, match=r"holds no such contact \(allowed: c0-0, c0-1"):
        explain(mine, scored, "c0")


def test_the_curve_of_abstention(jsonl: Callable[..., Path], toy_bundle: Path, tmp_path: Path) -> None:
    run([str(jsonl(_records(5)))], tmp_path / "run", Settings(toy_bundle, read_rubric(default_rubric()), workers=1))
    whole, *items = curves(read_rubric(default_rubric()), tmp_path / "run")
    assert whole.verdicts == sum(curve.verdicts for curve in items)
    shares = [point.abstained for point in whole.points]
    errors = [point.expected_error for point in whole.points if point.expected_error is not None]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert errors == sorted(errors, reverse=True)
    assert widest_for(whole, 1.0) == whole.points[0]
    assert widest_for(whole, -1.0) is None
    lines = lines_of(whole, {"all": [{"abstained": 0.1, "wrong": 0.02}, {"abstained": 1.0, "wrong": None}]})
    assert lines["measured, labelled turns"] == [(0.1, 0.02)]
    assert "left to a person" in (abstention_chart(lines) or "")


ROW = {"half_width": 0.0, "abstained": 0.0, "wrong": 0.02, "low": None, "high": None, "kept": 9}


def _measured(folder: Path, **changes: object) -> Path:
    content = {"bundle_sha256": read_bundle(folder)[1], "turns": 9, "verdicts": 9, "all": [ROW], "acts": {}} | changes
    (folder / "abstention.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_curve_of_another_model_is_no_measured_curve(
    jsonl: Callable[..., Path], toy_bundle: Path, tmp_path: Path
) -> None:
    run([str(jsonl(_records(5)))], tmp_path / "run", Settings(toy_bundle, read_rubric(default_rubric()), workers=1))
    model = shutil.copytree(toy_bundle, tmp_path / "toy")
    command = ("rubric", "abstain", "default", "--run", str(tmp_path / "run"), "--model", str(model))
    assert "No measured curve" in (told := " ".join(_cli(*command).split()))
    assert "python -m eval.abstention" in told
    _measured(model)
    assert "2.0%" in (told := _cli(*command))
    assert "9 labelled turns" in told
    assert json.loads(_cli(*command, "--json"))["measured_reason"] is None
    for named in ("0" * 64, None):
        _measured(model, bundle_sha256=named)
        assert "is of another model. Measure it" in " ".join((told := _cli(*command)).split())
        assert "2.0%" not in told
    found = json.loads(_cli(*command, "--json"))
    assert found["measured"] is None
    assert found["measured_reason"].startswith("No measured curve: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "holds no figures by name but list"),
        ('{"all": ', "not valid JSON"),
        ({"all": {}}, "key 'all'"),
        ({"all": [ROW | {"wrong": float("nan")}]}, r"key 'all\.0\.wrong'"),
        ({"acts": [1]}, "key 'acts'"),
        ({"turns": None}, "key 'turns'"),
    ],
)
def test_a_measured_curve_of_another_shape_is_told(
    toy_bundle: Path, tmp_path: Path, text: str | dict[str, object], says: str
) -> None:
    model = shutil.copytree(toy_bundle, tmp_path / "toy")
    if isinstance(text, str):
        (model / "abstention.json").write_text(text, encoding="utf-8")
    else:
        _measured(model, **text)
    with pytest.raises(BundleError, match=rf"abstention\.json: {says}.*Restore the file"):
        measured(model)


def test_the_curve_that_ships_is_of_the_model_that_ships() -> None:
    known, lacks = measured(default_model())
    assert (known is not None, lacks) == (True, "")


def test_a_run_shows_which_rules_say_nothing(jsonl: Callable[..., Path], toy_bundle: Path, tmp_path: Path) -> None:
    run([str(jsonl(_records(12)))], tmp_path / "run", Settings(toy_bundle, read_rubric(default_rubric()), workers=1))
    content = _changed(
        greeting={"phrase": "xylophone"},
        identification={"pattern": "[a-z]"},
        verification={"not": {"phrase": "zebra"}},
    )
    uses, warnings = use_in_run(parse_rubric(content, "mine"), tmp_path / "run")
    assert {use.item: use.not_met for use in uses}["greeting"] == 36
    told = "\n".join(warnings)
    assert "greeting: the phrase is found in none of the run's 36 contacts" in told
    assert "identification: the pattern is found in every turn of the run" in told
    assert "verification: met in all 36 contacts it was scored in: it tells no one apart" in told


def test_the_queue_puts_flags_first(scored: Path, tmp_path: Path) -> None:
    content = _changed()
    content["sections"][6]["items"][0]["uncertain_between"] = [0.5, 0.999]
    rescore(scored, parse_rubric(content, "mine"), tmp_path / "anew")
    findings = gather(tmp_path / "anew")
    first = findings.queue[0]
    assert (first.contact_id, first.item, first.why, first.critical) == ("c0-1", "professional", "flag", "customer")
    assert {one.why for one in findings.queue} == {"flag", "uncertain"}
    assert findings.queue[0].quote == "whatever"
    rows = runs.read_table(tmp_path / "anew", "items").to_pylist()
    unsure = sum(row["verdict"] == "unscored" and row["p_met"] is not None for row in rows)
    assert sum(one.why == "uncertain" for one in findings.queue) == unsure > 0


RUNNER = CliRunner()


def _cli(*arguments: str, code: int = 0) -> str:
    result = RUNNER.invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands(scored: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(_changed(**ORDERED), sort_keys=False))
    assert "4 contacts scored by mine 1.0" in _cli("rescore", str(scored), "--rubric", str(path))
    assert (tmp_path / "run-mine-1.0" / "run.json").exists()
    other = _cli("rubric", "diff", "default", "customer_support", "--run", str(scored))
    assert "items that only one rubric has" in " ".join(other.split())
    assert "no such item" not in other
    assert "already scored" in _cli("rescore", str(scored), "--rubric", str(path))
    assert json.loads(_cli("rescore", str(scored), "--rubric", str(path), "--json"))["rubric"]["name"] == "mine"
    assert "of 4 contacts change" in _cli("rubric", "diff", "default", str(path), "--run", str(scored))
    assert json.loads(_cli("rubric", "diff", "default", str(path), "--run", str(scored), "--json"))["contacts"] == 4
    told = _cli("rubric", "explain", "default", "--contact", "c0-1", "--run", str(scored))
    assert "Is every agent turn free of rude" in told
    assert "turn 0: “whatever”" in told
    assert (
        json.loads(_cli("rubric", "explain", "default", "--contact", "c0-1", "--run", str(scored), "--json"))["flows"]
        == []
    )
    assert "Bounds for at most 5%" in _cli("rubric", "abstain", "default", "--run", str(scored))
    assert json.loads(_cli("rubric", "schema"))["title"] == "Rubric"
    assert re.search(r"default +14 +1", _cli("rubric", "list"))
    assert _cli("rubric", "show", "default") == default_rubric().read_text(encoding="utf-8")


def test_testing_a_rubric_by_its_examples(toy_bundle: Path, tmp_path: Path, scored: Path) -> None:
    rubric = tmp_path / "mine.yaml"
    rubric.write_text(yaml.safe_dump(_changed(**ORDERED), sort_keys=False))
    assert "no example contacts" in _cli("rubric", "test", str(rubric), "--model", str(toy_bundle))
    example = {"id": "one", "channel": "chat", "turns": ["agent: hello", "customer: 17"], "expect": {"greeting": "met"}}
    examples = tmp_path / "mine.examples.yaml"
    examples.write_text(yaml.safe_dump({"contacts": [example]}))
    told = _cli("rubric", "test", str(rubric), "--model", str(toy_bundle), "--run", str(scored))
    assert "1 of 1 verdict on 1 example contact is right" in told
    assert "No example of not_met or not_applicable: greeting" in told
    assert "too few to say what never or always holds" in told
    example["expect"] = {"greeting": "not_met"}
    examples.write_text(yaml.safe_dump({"contacts": [example]}))
    told = _cli("rubric", "test", str(rubric), "--model", str(toy_bundle), code=4)
    assert "greeting on one: expected not_met, got met" in told
    assert (
        json.loads(_cli("rubric", "test", str(rubric), "--model", str(toy_bundle), "--json", code=4))["examples"] == 1
    )
