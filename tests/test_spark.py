"""`score_partition`: the rows of a run, out of Arrow batches, and out of real Spark with a Python worker killed."""

import json
import os
import re
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import slow_run
from slow_run import TURNS, contacts, finish

from cxsentiment import executors, libraries, runs
from cxsentiment.errors import RubricError, RunError
from cxsentiment.privacy import Masking
from cxsentiment.spark import arrow_schema, schema, score_partition

CONTACTS = 30


def _rows() -> list[dict[str, Any]]:
    rows = contacts(CONTACTS)
    rows[3] |= {"turns": [*TURNS, {"speaker": "customer", "text": "my card is 4111 1111 1111 1111"}], "csat": 4.0}
    rows[5] |= {"started_at": "2026-07-01T09:00:00+00:00", "campaign": "parcels", "channel": "chat"}
    return rows


def _plain(rows: Any) -> list[dict[str, Any]]:
    """Rows without what a partition cannot know: the file and the place in it."""
    return [{name: value for name, value in row.items() if name not in ("source", "record")} for row in rows]


def _expected(toy_bundle: Path, tmp_path: Path) -> dict[str, list[dict[str, Any]]]:
    source = slow_run.write(tmp_path / "contacts.jsonl", _rows())
    finish(source, tmp_path / "run", toy_bundle)
    tables = {name: _plain(runs.read_table(tmp_path / "run", name).to_pylist()) for name in runs.TABLES}
    assert len(tables["contacts"]) == CONTACTS
    return tables


def test_the_rows_are_those_of_a_run(toy_bundle: Path, tmp_path: Path) -> None:
    expected = _expected(toy_bundle, tmp_path)
    names = dict.fromkeys(name for row in _rows() for name in row)
    table = pa.Table.from_pylist([{name: row.get(name) for name in names} for row in _rows()])
    batches = table.to_batches(max_chunksize=7)
    found = pa.Table.from_batches(list(score_partition(model=toy_bundle)(iter(batches)))).to_pylist()
    assert [row["contact_id"] for row in found] == [f"c{k}" for k in range(CONTACTS)]
    assert _plain(row["contact"] for row in found) == expected["contacts"]
    assert [turn for row in found for turn in row["turns"]] == expected["turns"]
    assert [item for row in found for item in row["items"]] == expected["items"]
    assert {row["contact"]["source"] for row in found} == {"partition"}
    assert [row["contact"]["record"] for row in found] == list(range(1, CONTACTS + 1))


def test_what_cannot_be_scored_comes_out_with_its_reason(toy_bundle: Path) -> None:
    rows = [
        {"id": "good", "turns": TURNS, "started_at": datetime(2026, 7, 1, 9, tzinfo=UTC)},
        {"id": None, "turns": TURNS},
        {"id": "silent", "turns": None},
        {"id": "also", "turns": TURNS},
        {"id": " ", "turns": TURNS},  # no file's name could make an id here, and a made one would be every partition's
        {"id": "", "turns": TURNS},
    ]
    batches = pa.Table.from_pylist(rows).to_batches()
    found = pa.Table.from_batches(list(score_partition(model=toy_bundle)(iter(batches))), arrow_schema()).to_pylist()
    assert len(found) == len(rows)
    by_code = {row["reject_code"]: row for row in found if row["contact"] is None}
    assert Counter(row["reject_code"] for row in found) == {None: 2, "no_id": 3, "turns_type": 1}
    assert "Give the rows a column id" in by_code["no_id"]["reject_message"]
    assert by_code["turns_type"]["contact_id"] == "silent"
    assert [row["contact_id"] for row in found if row["contact"] is not None] == ["good", "also"]
    assert found[0]["contact"]["started_at"] == "2026-07-01T09:00:00+00:00"


def _scored(rows: list[dict[str, Any]], model: Path | str, **settings: Any) -> list[dict[str, Any]]:
    batches = pa.Table.from_pylist(rows).to_batches(max_chunksize=2)
    return pa.Table.from_batches(list(score_partition(model=model, **settings)(iter(batches)))).to_pylist()


def test_what_a_run_tells_of_a_contact_stands_in_its_row(toy_bundle: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "hole", "turns": [TURNS[0], None, TURNS[1]], "csat": "often"},
        {"id": "whole", "turns": TURNS, "csat": "4"},
        {"id": "time", "turns": [{"speaker": "customer", "text": "hi", "start": "abc"}, TURNS[2]], "csat": "4"},
    ]
    by_id = {row["contact_id"]: row for row in _scored(rows, str(toy_bundle))}
    receipt = finish(slow_run.write(tmp_path / "contacts.jsonl", rows), tmp_path / "run", toy_bundle)
    lines = [json.loads(line) for line in (tmp_path / "run" / runs.REJECTS).read_text().splitlines()]
    assert {line["contact_id"] for line in lines} >= {"hole"}
    for name, row in by_id.items():
        told = [(line["kind"], line["code"]) for line in lines if line["contact_id"] == name]
        assert [(one["kind"], one["code"]) for one in row["refused"]] == told
    assert "partition:1 turn 1" in by_id["hole"]["refused"][0]["message"]
    assert by_id["hole"]["contact"]["refused_turns"] == 1
    assert Counter(line for row in by_id.values() for line in row["warnings"]) == receipt["warnings"]
    assert (by_id["whole"]["warnings"], by_id["whole"]["notes"], by_id["whole"]["refused"]) == ([], [], [])


def test_a_contact_of_a_partition_counts_once_and_ids_of_the_refused_are_masked(toy_bundle: Path) -> None:
    other = [{"speaker": "customer", "text": "another"}]
    rows = [
        {"id": "a", "turns": TURNS},
        {"id": "b", "turns": TURNS},
        {"id": "a", "turns": TURNS},
        {"id": "a", "turns": other},
        {"id": "john.doe@example.com", "turns": None},
    ]
    score = score_partition(model=toy_bundle)
    for _ in range(2):  # each call is a partition of its own
        found = [row for batch in score(iter(pa.Table.from_pylist(rows).to_batches())) for row in batch.to_pylist()]
        assert [(row["contact_id"], row["reject_code"]) for row in found] == [
            ("a", None),
            ("b", None),
            ("a", "duplicate_contact"),
            ("a", "duplicate_id"),
            ("[EMAIL]", "turns_type"),
        ]
    assert not [row for row in found if "john" in str(row)]


def test_decimals_are_numbers(toy_bundle: Path) -> None:
    turns = [one | {"start": Decimal(f"{place}.50")} for place, one in enumerate(TURNS)]
    answers = {"csat": Decimal("4.0"), "nps": Decimal("9"), "ces": Decimal("6.5"), "agent_id": Decimal("12")}
    rows = [
        {"id": Decimal(f"{2**90}"), "turns": turns, **answers},
        {"id": Decimal("-1"), "turns": turns, **answers},
    ]
    first, second = _scored(rows, toy_bundle)
    assert first["contact_id"] == str(2**90)
    contact = first["contact"]
    assert [contact[name] for name in ("csat", "nps", "ces", "agent_id")] == [4.0, 9.0, 6.5, "12"]
    assert first["turns"][1]["start_s"] == 1.5
    assert (first["warnings"], second["reject_code"]) == ([], "no_id")


def test_an_executor_that_would_score_otherwise_is_refused(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = shutil.copytree(toy_bundle, tmp_path / "model")
    score = score_partition(model=there)
    batches = pa.Table.from_pylist([{"id": "a", "turns": TURNS}]).to_batches()
    with monkeypatch.context() as other:
        other.setattr(executors, "versions", lambda *given: libraries.versions(*given) | {"onnxruntime": "1.0"})
        with pytest.raises(RunError, match=r"other versions than .+: onnxruntime \d+\.\S+ \(here 1\.0\)\. Install"):
            list(score(iter(batches)))
    bundle = json.loads((there / "bundle.json").read_text())
    (there / "bundle.json").write_text(json.dumps(bundle | {"version": "other"}))
    with pytest.raises(RunError, match="the model here is not that of the machine that began the job"):
        list(score(iter(batches)))


def test_a_rubric_that_is_none_is_told_before_the_job_begins() -> None:
    with pytest.raises(RubricError):
        score_partition("no such rubric")


def test_the_two_schemas_say_the_same() -> None:
    assert schema().startswith(
        "contact_id string, reject_code string, reject_message string, contact struct<`contact_id`"
    )
    for table in runs.TABLES:
        assert all(f"`{name}`: " in schema() for name in runs.SCHEMAS[table].names)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="needs the extra spark")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17")
    from pyspark.sql import SparkSession

    before = os.environ.get("PYSPARK_PYTHON")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2,4]")
        .appName("cxsentiment")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "512m")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "4")
        .getOrCreate()
    )
    yield session
    session.stop()
    if before is None:
        del os.environ["PYSPARK_PYTHON"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # pyspark's own
def test_real_spark_gives_the_rows_of_a_run_though_a_worker_is_killed(
    spark: Any, toy_bundle: Path, tmp_path: Path
) -> None:
    expected = _expected(toy_bundle, tmp_path)
    (tmp_path / "jsonl").mkdir()
    shutil.copy(tmp_path / "contacts.jsonl", tmp_path / "jsonl")
    score, mark = score_partition(model=toy_bundle, masking=Masking()), tmp_path / "killed"

    def once_killed(batches: Any) -> Any:
        for place, batch in enumerate(score(batches)):
            if place == 1 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield batch

    frame = spark.read.json(str(tmp_path / "jsonl")).repartition(3, "id")
    rows = [row.asDict(recursive=True) for row in frame.mapInArrow(once_killed, schema()).collect()]
    assert mark.exists(), "a worker was killed"
    rows.sort(key=lambda row: int(row["contact_id"][1:]))
    assert _plain(row["contact"] for row in rows) == expected["contacts"]
    assert [turn for row in rows for turn in row["turns"]] == expected["turns"]
    assert [item for row in rows for item in row["items"]] == expected["items"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_example_of_the_docs_runs(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    slow_run.write(tmp_path / "contacts" / "day.jsonl", [*contacts(5), {"id": "bad"}])
    page = (slow_run.ROOT / "docs" / "spark.md").read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"```py\n(.*?)```", page, re.DOTALL) if "mapInArrow" in block)
    # The Java process has a working folder of its own, so paths are whole here.
    here = example.replace('"contacts"', f'"{tmp_path}/contacts"').replace('"scored/', f'"{tmp_path}/scored/')
    exec(here, {"spark": spark})
    assert spark.read.parquet(f"{tmp_path}/scored/contacts").count() == 5
    assert spark.read.parquet(f"{tmp_path}/scored/turns").count() == 15
    assert [row.contact_id for row in spark.read.parquet(f"{tmp_path}/scored/refused").collect()] == ["bad"]
