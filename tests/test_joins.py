"""Surveys and contact logs through a whole run: what joins, what a report shows, what the run folder keeps."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cxsentiment import runs
from cxsentiment.errors import UsageError
from cxsentiment.findings import gather, write_report
from cxsentiment.ingest.joins import Joins, read_joins
from cxsentiment.pipeline import Settings, run
from cxsentiment.privacy import Masking
from cxsentiment.rubric.reading import default_rubric, read_rubric

Jsonl = Callable[..., Path]
TURNS = [{"speaker": "customer", "text": "this is terrible"}, {"speaker": "agent", "text": "I am so sorry."}]
CONTACTS = [
    {"id": "c-1", "customer_id": "u1", "started_at": "2026-01-05T10:00:00Z", "turns": TURNS},
    {"id": "c-2", "customer_id": "u1", "started_at": "2026-01-06T10:00:00Z", "turns": TURNS, "csat": 1, "ces": 2},
    {"id": "c-3", "customer_id": "u2", "agent_id": "ana", "queue": "cards", "turns": TURNS, "csat": 4},
]
LOG = """\
contact_id,queue,agent_id,started_at,wait_s,handle_s,transferred,abandoned,resolved,shift
c-1,cards,ben,2026-01-05T09:59:50Z,10,300,no,no,yes,early
c-3,loans,ana,2026-01-05T12:00:00Z,20,200,yes,no,no,late
x-9,cards,,2026-01-05T12:30:00Z,90,,no,yes,,late
x-8,cards,,2026-02-30,90,,no,yes,,late
"""
SURVEY = """\
customer_id,csat,answered_at
u1,5,2026-01-06T09:00:00Z
u1,4,2026-01-06T12:00:00Z
u2,3,2026-01-05T13:00:00Z
u3,3,2026-01-05T13:00:00Z
"""


@pytest.fixture
def files(tmp_path: Path, jsonl: Jsonl) -> dict[str, str]:
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "survey.csv").write_text(SURVEY)
    return {"contacts": str(jsonl(CONTACTS)), **{name: str(tmp_path / f"{name}.csv") for name in ("log", "survey")}}


def scored(files: dict[str, str], out: Path, bundle: Path, joins: Joins | None = None, **more: Any) -> dict[str, Any]:
    joins = joins or Joins()
    settings = Settings(
        bundle,
        read_rubric(default_rubric()),
        surveys=joins.surveys,
        scales=joins.scales,
        log=joins.log,
        workers=1,
        **more,
    )
    return run([files["contacts"]], out, settings)


def both(files: dict[str, str], **options: Any) -> Joins:
    return read_joins(surveys=[files["survey"]], csat_scale="1-5", match="customer", log=[files["log"]], **options)


def column(run_folder: Path, name: str) -> list[Any]:
    return runs.read_table(run_folder, "contacts", [name])[name].to_pylist()


def kpi(findings: Any, name: str) -> Any:
    return next(one.estimate for one in findings.kpis if one.name == name)


def test_a_log_fills_contacts_and_is_kept_whole(files: dict[str, str], toy_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    receipt = scored(files, out, toy_bundle, read_joins(log=[files["log"]]))
    assert column(out, "agent_id") == ["ben", None, "ana"]
    assert column(out, "queue") == ["cards", None, "cards"]
    assert column(out, "started_at") == ["2026-01-05T10:00:00Z", "2026-01-06T10:00:00Z", "2026-01-05T12:00:00+00:00"]
    assert column(out, "handle_s") == [300, None, 200]
    assert column(out, "transferred") == [False, None, True]
    facts = receipt["log"]
    assert (facts["rows"], facts["matched"], facts["only_in_log"], facts["rejected"]) == (4, 2, 1, 1)
    assert facts["conflicts"] == {"queue": 1}
    assert receipt["warnings"]["the contact log says another queue; the transcript's is kept"] == 1
    table = runs.read_table(out, "log").to_pylist()
    assert [(row["contact_id"], row["scored"]) for row in table] == [("c-1", True), ("c-3", True), ("x-9", False)]
    assert "log/part-00000.parquet" in receipt["files"]
    assert "impossible_date" in (out / "rejects.jsonl").read_text()
    findings = gather(out)
    assert kpi(findings, "Average handle time").value == 250
    assert kpi(findings, "Average wait").value == 15
    assert kpi(findings, "Abandonment").value == pytest.approx(100 / 3)
    assert kpi(findings, "Transfer rate").value == kpi(findings, "Resolved, as logged").value == 50


def test_a_log_may_join_when_reporting(files: dict[str, str], toy_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    scored(files, out, toy_bundle)
    assert "needs a contact log" in kpi(gather(out), "Abandonment").reason
    findings, page = write_report(out, read_joins(log=[files["log"]]))
    assert kpi(findings, "Average handle time").value == 250
    assert findings.run["log"]["matched"] == 2
    assert {agent.agent_id for agent in findings.agents} == {"ana", "ben"}
    assert "impossible_date" in (page.parent / "rejects.jsonl").read_text()
    assert not runs.has_table(out, "log"), "a report changes nothing of the run"


def test_answers_of_customers_join_when_all_contacts_are_known(
    files: dict[str, str], toy_bundle: Path, tmp_path: Path
) -> None:
    early, late = tmp_path / "early", tmp_path / "late"
    receipt = scored(files, early, toy_bundle, both(files))
    facts = receipt["surveys"]
    assert (facts["answers"], facts["matched"], facts["unmatched"]) == (4, 3, 1)
    rows = {row["contact_id"]: row["csat"] for row in runs.read_table(early, "surveys").to_pylist()}
    assert rows == {"c-1": 5, "c-2": 4, "c-3": 3}, "c-3 got its start from the log"
    assert column(early, "csat") == [None, 1, 4], "the contacts table holds what was known when it was written"
    assert scored(files, early, toy_bundle, both(files))["already_scored"]
    scored(files, late, toy_bundle)
    joined = gather(late, both(files))
    assert joined.run["surveys"] == facts
    assert kpi(joined, "CSAT, mean") == kpi(gather(early), "CSAT, mean")
    assert kpi(joined, "CSAT, mean").value == 80


def test_another_way_to_match_is_another_run_and_leaves_no_answers_behind(
    files: dict[str, str], toy_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    scored(files, out, toy_bundle, both(files))
    with pytest.raises(UsageError, match="surveys or their options"):
        scored(files, out, toy_bundle, both(files, match_window="1h"))
    assert runs.has_table(out, "surveys")
    receipt = scored(files, out, toy_bundle, overwrite=True)
    assert not runs.has_table(out, "surveys")
    assert not runs.has_table(out, "log")
    assert receipt["surveys"] is receipt["log"] is None


def test_a_reversed_scale_turns_the_answers_of_transcripts_once(
    files: dict[str, str], toy_bundle: Path, tmp_path: Path
) -> None:
    declared = read_joins(csat_scale="5-1", ces_direction="lower-is-easier")
    early, late = tmp_path / "early", tmp_path / "late"
    receipt = scored(files, early, toy_bundle, declared)
    assert column(early, "csat") == [None, 5, 2]
    assert column(early, "ces") == [None, 6, None]
    assert receipt["settings"]["csat_scale"] == [1, 5]
    assert receipt["settings"]["csat_reversed"] is True
    assert any("best answer" in warning for warning in receipt["warnings"])
    scored(files, late, toy_bundle)
    values = [
        kpi(gather(early), "CSAT, mean").value,
        kpi(gather(early, declared), "CSAT, mean").value,
        kpi(gather(late, declared), "CSAT, mean").value,
    ]
    assert values == [70, 70, 70]
    assert any("best answer" in warning for warning in gather(late, declared).run["warnings"])
    assert kpi(gather(late, declared), "CES, mean").value == 6


def test_an_altered_table_of_the_log_is_written_again(files: dict[str, str], toy_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    joins = read_joins(log=[files["log"]])
    scored(files, out, toy_bundle, joins)
    path = runs.shard_path(out, "log", 0)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    assert "already_scored" not in scored(files, out, toy_bundle, joins)
    assert path.read_bytes() == good


def test_constant_answers_and_answers_that_match_nothing_are_told(
    files: dict[str, str], toy_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    scored(files, out, toy_bundle)
    survey = tmp_path / "s.csv"
    survey.write_text("contact_id,csat\nX-1,5\nX-2,4\n")
    nothing = gather(out, read_joins(surveys=[str(survey)], csat_scale="1-5"))
    assert nothing.associations == ()
    assert any("X-1, X-2" in note for note in nothing.run["surveys"]["notes"])
    survey.write_text("contact_id,csat\nc-1,5\nc-2,5\nc-3,5\n")
    alike = gather(out, read_joins(surveys=[str(survey)], csat_scale="1-5"))
    assert all(one.estimate.value is None and one.estimate.reason for one in alike.associations)
    json.dumps([one.estimate.reason for one in alike.associations], allow_nan=False)


def test_pseudonyms_stand_in_the_log_too_and_exclude_matching_by_customer(
    files: dict[str, str], toy_bundle: Path, tmp_path: Path
) -> None:
    joins = read_joins(log=[files["log"]])
    masking = Masking(key=b"k" * 16)
    settings = Settings(toy_bundle, read_rubric(default_rubric()), log=joins.log, workers=1, masking=masking)
    run([files["contacts"]], tmp_path / "run", settings)
    agents = {row["agent_id"] for row in runs.read_table(tmp_path / "run", "log").to_pylist() if row["agent_id"]}
    assert agents
    assert all(name.startswith("ag_") for name in agents)
    joins = read_joins(surveys=[files["survey"]], csat_scale="1-5", match="customer")
    settings = Settings(toy_bundle, read_rubric(default_rubric()), surveys=joins.surveys, workers=1, masking=masking)
    with pytest.raises(UsageError, match="pseudonyms"):
        run([files["contacts"]], tmp_path / "other", settings)
