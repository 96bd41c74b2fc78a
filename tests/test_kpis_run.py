"""The command kpis: queues by declared times, percentiles, slices, files, and what a run lacks."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cxsentiment.cli import app
from cxsentiment.errors import UsageError
from cxsentiment.kpis.units import key_of, percentile_interval
from tests import finished

AGENTS = ("A1", "A2")


def command(*arguments):
    return CliRunner().invoke(app, ["kpis", *map(str, arguments)])


def measured(*arguments):
    found = command(*arguments, "--json")
    assert found.exit_code == 0, (found.output, found.exception)
    return json.loads(found.stdout)


def by_key(document):
    return {row["kpi"]: row for row in document["kpis"]}


@pytest.fixture
def run(tmp_path):
    rows = [
        {
            "agent_id": AGENTS[k % 2], "customer_id": f"C{k}", "channel": "chat", "queue": "q", "score": 50.0 + k,
            "started_at": f"2026-06-{k + 1:02d}T10:00:00Z", "csat": float(k % 5 + 1), "nps": float(k % 11),
            "first_response_s": float(k), "median_response_s": 2.0 * k, "duration_s": 100.0 + k,
        }
        for k in range(20)
    ]  # fmt: skip
    verdicts = [
        {"contact_id": f"c{k:03d}", "item": "greet", "verdict": "met" if k % 2 else "not_met", "points": float(k % 2)}
        for k in range(20)
    ]
    log = [
        {"contact_id": f"c{k:03d}", "wait_s": 10.0 * k, "hold_s": 5.0, "wrap_up_s": 30.0, "handle_s": 200.0 + k,
         "abandoned": False, "transferred": k == 0, "shift": "late", "site": "north"}
        for k in range(10)
    ]  # fmt: skip
    log += [{"contact_id": f"gone{k}", "wait_s": wait, "abandoned": True} for k, wait in enumerate((2.0, 4.0, 60.0))]
    settings = {"csat_scale": [1, 5], "timezone": None}
    return finished.run(tmp_path / "run", rows, verdicts, log, settings=settings)


def test_queues_by_the_declared_times(run):
    found = by_key(measured(run, "--answer-within", 20, "--short-abandon", 5))
    assert (found["service_level"]["estimate"], found["service_level"]["n"]) == (pytest.approx(100 * 3 / 11), 11)
    assert (found["abandonment"]["estimate"], found["abandonment"]["n"]) == (pytest.approx(100 / 11), 11)
    assert "answered within 20 s / (offered - abandoned within 5 s)" in found["service_level"]["definition"]
    plain = by_key(measured(run))
    assert plain["abandonment"]["estimate"] == pytest.approx(100 * 3 / 13)
    assert plain["service_level"]["estimate"] is None
    assert "--answer-within" in plain["service_level"]["reason"]


def test_handle_time_its_parts_and_percentiles(run):
    found = by_key(measured(run))
    assert found["average_handle_time"]["estimate"] == pytest.approx(204.5)
    assert found["average_hold"]["estimate"] == 5
    assert found["average_after_call_work"]["estimate"] == 30
    assert found["handle_time_90th_percentile"]["estimate"] == pytest.approx(208.1)
    assert found["transfer_rate"]["estimate"] == pytest.approx(10)
    assert found["response_time_chat"]["estimate"] == 19
    assert found["first_response_time_90th_percentile_chat"]["estimate"] == pytest.approx(17.1)
    assert found["csat_top_box"]["estimate"] == 20
    assert found["csat_satisfied_customers"]["estimate"] == 40


def test_handle_times_from_transcripts_only_where_declared_and_not_logged(tmp_path):
    rows = [{"duration_s": 100.0}, {"duration_s": 100.0}, {"duration_s": 100.0}]
    log = [{"contact_id": "c000", "handle_s": 200.0, "wrap_up_s": 9.0}, {"contact_id": "c001", "wrap_up_s": 30.0}]
    run = finished.run(tmp_path / "run", rows, (), log)
    assert by_key(measured(run))["average_handle_time"]["n"] == 1
    document = measured(run, "--handle-from-transcripts")
    found = by_key(document)["average_handle_time"]
    assert (found["estimate"], found["n"]) == (165, 2)
    assert any(note.startswith("1 handle times are the length of the transcript") for note in document["notes"])


def test_every_row_has_its_columns_and_every_null_its_reason(run):
    document = measured(run, *(f"--by={way}" for way in ("agent", "channel", "queue", "shift", "site", "week")))
    assert document["slices"]
    for row in document["kpis"] + document["slices"]:
        assert {"estimate", "low", "high", "n", "method", "reason", "reason_code"} <= row.keys()
        assert row["estimate"] is not None or row["reason"]
        assert row["estimate"] is None or row["low"] is None or row["low"] <= row["estimate"] <= row["high"]
        assert row["low"] is not None or row["reason"]


def test_slices_are_the_indicator_of_their_contacts(run):
    rows = {
        (row["by"], row["slice"], row["kpi"]): row for row in measured(run, "--by", "agent", "--by", "site")["slices"]
    }
    own = rows["agent", "A2", "call_quality"]
    assert (own["estimate"], own["n"]) == (pytest.approx(60.0), 10)
    assert rows["agent", "A2", "accuracy_non_critical"]["estimate"] == 100
    assert rows["agent", "A1", "accuracy_non_critical"]["estimate"] == 0
    assert rows["site", "north", "average_handle_time"]["n"] == 10
    assert {name for way, name, _ in rows if way == "agent"} == set(AGENTS)


def test_declared_shifts_come_before_those_of_the_log_and_need_a_zone(run):
    refused = command(run, "--by", "shift", "--shifts", "day=06-18")
    assert isinstance(refused.exception, UsageError)
    assert "--timezone" in refused.exception.message
    rows = measured(run, "--by", "shift", "--shifts", "day=06-18", "--timezone", "UTC")["slices"]
    assert {row["slice"] for row in rows} == {"day"}
    assert {row["slice"] for row in measured(run, "--by", "shift")["slices"]} == {"late"}


def test_files_hold_what_json_does_and_are_the_same_each_time(run, tmp_path):
    (tmp_path / "targets.yaml").write_text(
        "targets:\n- {kpi: nps, target: 50, floor: 0, direction: higher, perspective: customer, owner: =cmd}\n",
        encoding="utf-8",
    )
    (tmp_path / "customers.csv").write_text("customer_id,from\na,2025-01-01\na,2025-01-01\n", encoding="utf-8")
    given = "--by", "agent", "--targets", tmp_path / "targets.yaml", "--customers", tmp_path / "customers.csv"
    for name in ("one", "two"):
        done = command(run, *given, "--csv", tmp_path / name, "--parquet", tmp_path / name)
        assert done.exit_code == 3, "one row of the customers was refused"
        assert "duplicate_customer" in (tmp_path / name / "rejects.jsonl").read_text(encoding="utf-8")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {f"{table}.{kind}" for table in ("kpis", "slices", "targets", "scorecard") for kind in
                     ("csv", "parquet")} | {"rejects.jsonl"}  # fmt: skip
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    document = json.loads(command(run, *given, "--json").stdout)
    with (tmp_path / "one" / "kpis.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kpi"] for row in rows] == [row["kpi"] for row in document["kpis"]]
    assert pq.read_table(tmp_path / "one" / "slices.parquet").to_pylist() == document["slices"]
    assert "'=cmd" in (tmp_path / "one" / "targets.csv").read_text(encoding="utf-8"), "no formula for a spreadsheet"


def test_an_empty_run_and_an_empty_log(tmp_path):
    for name, log in (("none", None), ("empty", [])):
        run = finished.run(tmp_path / name, [], (), log)
        for row in measured(run, "--by", "week")["kpis"]:
            assert row["estimate"] is None
            assert row["reason"]


def test_constant_data_has_values_and_says_why_no_interval(tmp_path):
    rows = [{"csat": 5.0, "score": 80.0, "agent_id": f"A{k}", "duration_s": 60.0} for k in range(10)]
    settings = {"csat_scale": [1, 5], "timezone": None}
    found = by_key(measured(finished.run(tmp_path / "run", rows, settings=settings)))
    for name, value in (("csat_mean", 100), ("call_quality", 80)):
        assert (found[name]["estimate"], found[name]["low"]) == (value, None)
        assert "equal" in found[name]["reason"]


def test_a_way_that_parts_nothing_is_said(tmp_path):
    document = measured(finished.run(tmp_path / "run", [{"score": 5.0}]), "--by", "site")
    assert document["slices"] == []
    assert "no contact has a site that is known, so nothing is parted by it" in document["notes"]


def test_what_a_person_reads(run):
    text = command(run, "--by", "agent").stdout
    assert "Call quality (points) by agent" in text
    assert "Not known" in text
    assert "say the time with --answer-within" in text


def test_a_slice_without_an_interval_says_why(tmp_path):
    rows = [{"score": 50.0 + k, "agent_id": f"A{k % 2}", "campaign": "bank"} for k in range(10)]
    text = command(finished.run(tmp_path / "run", rows), "--by", "campaign").stdout
    assert "\n  bank: too few agents for an interval: 2 of 8\n" in text.split("Call quality (points) by campaign")[1]


def test_targets_count_as_of_the_last_contact_or_the_day_given(run, tmp_path):
    path = tmp_path / "targets.yaml"
    goal = "{kpi: nps, target: 50, floor: 0, direction: higher, perspective: customer, valid_from: 2026-06-21}"
    path.write_text(f"targets:\n- {goal}\n", encoding="utf-8")
    assert measured(run, "--targets", path)["targets"] == []
    assert len(measured(run, "--targets", path, "--as-of", "2026-06-21")["targets"]) == 1


def test_percentiles_cover_and_have_no_interval_where_there_are_too_few():
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(400):
        found = percentile_interval(rng.exponential(size=200), 0.9)
        hits += found.low <= -np.log(0.1) <= found.high
    assert hits / 400 >= 0.93
    few = percentile_interval(np.arange(10.0), 0.9)
    assert (few.value, few.low) == (pytest.approx(8.1), None)
    assert "too few" in few.reason
    assert percentile_interval(np.zeros(0), 0.9).value is None


def test_keys_are_plain_words():
    assert key_of("CSAT, satisfied customers") == "csat_satisfied_customers"
    assert key_of("Length of transcript (talk only)") == "length_of_transcript_talk_only"
