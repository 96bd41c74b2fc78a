"""`cxsentiment agents`, `rates` and `associations`: what they print, write and return."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Command
from gradebook import Book
from pyarrow import parquet

from cxsentiment.labels import LABELS

FIGURE = {"estimate", "low", "high", "n", "method", "reason", "reason_code"}


@pytest.fixture(scope="module")
def book() -> Book:
    book = Book(600)
    csat = np.clip(np.round(2.5 + 1.5 * book.truth[0] + book.rng.normal(0, 0.9, book.n)), 1, 5)
    book.columns = {**book.columns, "csat": np.where(book.rng.random(book.n) < 0.5, csat, np.nan).tolist()}
    return book


@pytest.fixture(scope="module")
def run(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return book.write(tmp_path_factory.mktemp("made") / "run")


@pytest.fixture(scope="module")
def labels(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    write(path, book.label_rows(book.random(150)))
    return path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, LABELS.names)
        table.writeheader()
        table.writerows(rows)


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in JSON")

    return json.loads(text, parse_constant=refuse)


def test_agents_without_labels_say_what_they_are(command: Command, run: Path) -> None:
    done = command("agents", run)
    assert done.code == 0
    assert "score: uncalibrated machine scores" in done.out
    assert "There is no league table" in done.out


def test_agents_with_labels_are_calibrated_in_the_order_of_their_ids(command: Command, run: Path, labels: Path) -> None:
    done = command("agents", run, "--labels", labels, "--target", 60, "--json")
    assert done.code == 0
    found = strict(done.out)
    assert [row["agent_id"] for row in found["agents"]] == [f"a{k:02d}" for k in range(12)]
    assert all(row.keys() >= FIGURE and row["calibrated"] for row in found["agents"])
    assert {"machine", "machine_low", "adjusted", "adjusted_method", "overlap"} <= found["agents"][0].keys()
    assert found["models"][0]["beta"] > 0.5


@pytest.mark.parametrize("level", ["section", "item", "critical"])
def test_other_levels(command: Command, run: Path, labels: Path, level: str) -> None:
    found = strict(command("agents", run, "--labels", labels, "--level", level, "--json").out)
    assert {row["level"] for row in found["agents"]} == {level}


def test_the_same_input_gives_the_same_bytes(command: Command, run: Path, labels: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        command("agents", run, "--labels", labels, "--csv", tmp_path / name, "--parquet", tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["agents.csv", "agents.parquet", "models.csv", "models.parquet", "rejects.jsonl"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_rates_are_written_with_their_methods(command: Command, run: Path, labels: Path, tmp_path: Path) -> None:
    done = command("rates", run, "--labels", labels, "--parquet", tmp_path / "out")
    assert done.code == 0
    assert "PPI++" in done.out
    rows = parquet.read_table(tmp_path / "out" / "rates.parquet").to_pylist()
    assert {row["campaign"] for row in rows} == {"all campaigns", "k0", "k1"}
    assert all(row.keys() >= FIGURE and row["method"] for row in rows)


def test_associations_have_every_table(command: Command, run: Path, labels: Path, tmp_path: Path) -> None:
    done = command("associations", run, "--labels", labels, "--csv", tmp_path / "out", "--json")
    assert done.code == 0
    found = strict(done.out)
    names = ("associations", "responses", "drivers", "means", "predicted")
    for name in names:
        assert all(row.keys() >= FIGURE for row in found[name]), name
    assert {f"{name}.csv" for name in (*names, "balance")} <= {path.name for path in (tmp_path / "out").iterdir()}
    shown = command("associations", run)
    assert shown.code == 0
    assert "CSAT: Spearman" in shown.out
    assert "weighting cannot repair it" in shown.out


def test_labels_and_answers_that_cannot_be_used_make_exit_code_3_and_lose_no_other(
    command: Command, book: Book, tmp_path: Path
) -> None:
    rows = book.label_rows(book.random(150))
    rows[0]["inclusion_probability"] = ""
    rows[4]["contact_id"] = "gone"
    write(tmp_path / "labels.csv", rows)
    spoilt = Book(600)
    spoilt.columns = {**book.columns, "csat": [9.0, *book.columns["csat"][1:]]}
    folder = spoilt.write(tmp_path / "run")
    done = command("agents", folder, "--labels", tmp_path / "labels.csv", "--csv", tmp_path / "out")
    assert done.code == 3
    assert "1 missing_probability, 1 unknown_contact" in done.out
    assert len((tmp_path / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    answered = command("associations", folder)
    assert answered.code == 3
    assert "csat 9 lies outside 1-5" in answered.out


def test_what_cannot_be_used_at_all(command: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("contact_id,grader\na,b\n", encoding="utf-8")
    refused = command("agents", run, "--labels", tmp_path / "labels.csv")
    assert refused.code == 2
    assert "neither a column item nor columns of items" in refused.err
    far = command("agents", run, "--target", 120)
    assert far.code == 2
    assert "0-100" in far.err
    assert command("rates", tmp_path / "none").code == 1
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    assert command("rates", run, "--csv", file).code == 1


def test_a_run_in_which_an_id_occurs_twice_is_refused(command: Command, tmp_path: Path) -> None:
    book = Book(40)
    folder = book.write(tmp_path / "run")
    table = parquet.read_table(folder / "contacts" / "part-00000.parquet")
    parquet.write_table(table.slice(0, 1), folder / "contacts" / "part-00001.parquet")
    done = command("agents", folder)
    assert done.code == 1
    assert "c00000" in done.err
