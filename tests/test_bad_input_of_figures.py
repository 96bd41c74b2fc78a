"""What the figures do with input that cannot carry them: a reason on the row, or an error; never a silent default."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from gradebook import Book
from typer.testing import CliRunner

from cxsentiment.cli import app
from cxsentiment.errors import RunError
from cxsentiment.reasons import CODES
from cxsentiment.stats.rates import share_interval
from tests import finished


def run(*arguments, code=0):
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == code, (done.output, done.exception)
    document = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} in the figures"))
    for rows in document.values():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and "estimate" in row:
                lacks = None in (row["estimate"], row["low"], row["high"])
                assert row["reason"] or not lacks, row
                assert row["reason_code"] in CODES if lacks else row["reason_code"] is None, row
    return document


def labels_file(path: Path, rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def surveyed(book: Book, csat) -> Book:
    book.columns = {**book.columns, "csat": list(csat)}
    return book


def test_one_agent(tmp_path):
    book = Book(200, agents=1)
    labels = labels_file(tmp_path / "labels.csv", book.label_rows(book.random(80)))
    folder = surveyed(book, book.rng.integers(1, 6, 200).astype(float)).write(tmp_path / "run")
    (raw,) = run("agents", folder)["agents"]
    assert raw["tier"] is None
    assert "no tier: it needs two agents" in raw["reason"]
    (one,) = run("agents", folder, "--labels", labels)["agents"]
    assert one["reliability"] is None
    assert one["use"] == "no comparison"
    rows = run("associations", folder)["associations"]
    assert all(row["low"] is None and "agent" in row["reason"] for row in rows if row["feature"] == "item:a")


def test_no_labels(tmp_path):
    folder = Book(200).write(tmp_path / "run")
    document = run("agents", folder)
    assert all(row["method"].startswith("uncalibrated machine score") for row in document["agents"])
    assert any("No human label calibrates" in note for note in document["notes"])
    rates = run("rates", folder)["rates"]
    assert all(row["method"].startswith("machine alone, uncalibrated") for row in rates)
    held = run("agents", folder, "--target", 50)["agents"]
    assert all(row["tier"] is None and "cannot be held against a target" in row["reason"] for row in held)


def test_all_labels_of_one_class(tmp_path):
    book = Book(600)
    rows = [{**row, "value": 1} for row in book.label_rows(book.random(120))]
    folder, labels = book.write(tmp_path / "run"), labels_file(tmp_path / "labels.csv", rows)
    for row in run("agents", folder, "--labels", labels, "--level", "item")["agents"]:
        assert row["tier"] is None
        assert row["reason"]
    found = run("rates", folder, "--labels", labels)["rates"]
    row = next(row for row in found if row["name"] == "a" and row["campaign"] == "all campaigns")
    assert "human labels only" in row["method"]


def test_constant_csat(tmp_path):
    folder = surveyed(Book(400), [4.0] * 400).write(tmp_path / "run")
    document = run("associations", folder)
    for row in document["associations"]:
        if row["statistic"] != "risk_difference":
            assert row["estimate"] is None, "null, not 0"
        assert row["reason"]
    assert any("all 400 answers are the same" in note for note in document["notes"])
    assert any("No predicted CSAT: all answers are the same" in note for note in document["notes"])


def test_answers_out_of_scale(tmp_path):
    csat = [9.0, 0.0, *Book(400).rng.integers(1, 6, 398).astype(float)]
    document = run("associations", surveyed(Book(400), csat).write(tmp_path / "run"), code=3)
    assert [(one["code"], one["contact_id"]) for one in document["rejects"]] == [
        ("csat_out_of_scale", "c00000"),
        ("csat_out_of_scale", "c00001"),
    ]


def test_two_scales_in_one_file(tmp_path):
    """Answers on 1-10 among those on 1-5: each that only the wider one holds is set aside and told."""
    folder = Book(60).write(tmp_path / "run")
    with (tmp_path / "surveys.csv").open("w", encoding="utf-8") as file:
        file.write("contact_id,csat\n")
        file.writelines(f"c{k:05d},{k % 5 + 1 if k < 40 else k % 10 + 1}\n" for k in range(60))
    given = ("--surveys", tmp_path / "surveys.csv")
    document = run("associations", folder, *given, "--csat-scale", "1-5", code=3)
    wrong = [one for one in document["rejects"] if "csat" in one["code"] or "scale" in one["code"]]
    assert len(wrong) == 10
    assert all(int(one["contact_id"][1:]) >= 40 for one in wrong)


def test_duplicate_contact_ids(tmp_path):
    folder = finished.run(tmp_path / "run", [{"contact_id": "a", "score": 1.0}, {"contact_id": "a", "score": 2.0}])
    for command in ("agents", "rates", "associations"):
        done = CliRunner().invoke(app, [command, str(folder)])
        assert isinstance(done.exception, RunError)
        assert "1 contact ids occur more than once, such as a" in done.exception.message


def test_labels_without_an_inclusion_probability(tmp_path):
    book = Book(400)
    rows = [{**row, "inclusion_probability": ""} for row in book.label_rows(book.random(50))]
    labels = labels_file(tmp_path / "labels.csv", rows)
    document = run("rates", book.write(tmp_path / "run"), "--labels", labels, code=3)
    assert {one["code"] for one in document["rejects"]} == {"missing_probability"}
    assert [one["record"] for one in document["rejects"]][:2] == [2, 3]
    assert all(row["labels"] == 0 for row in document["rates"])


@pytest.mark.parametrize("weight", [np.nan, 0.0, -1.0, np.inf])
def test_weights_that_are_no_weights(weight):
    with pytest.raises(ValueError, match="each weight must be a number above 0"):
        share_interval(np.array([1.0, 0.0]), np.array([1.0, weight]))


def test_zones_and_the_change_of_clocks_in_first_contact_resolution(tmp_path):
    """On 29 March clocks go forward: seven days later by the wall clock is 6 days and 23 hours; and two zones."""
    rows = [
        {"customer_id": "u1", "started_at": "2026-03-25T10:00:00"},
        {"customer_id": "u1", "started_at": "2026-04-01T10:30:00"},  # 6 d 23.5 h: came back
        {"customer_id": "u2", "started_at": "2026-03-25T10:00:00+01:00"},
        {"customer_id": "u2", "started_at": "2026-04-01T05:30:00-04:00"},  # 7 d 0.5 h: did not
        {"customer_id": "u3", "started_at": "2026-05-30T10:00:00Z"},
    ]
    folder = finished.run(tmp_path / "run", rows, (), [])
    found = {row["kpi"]: row for row in run("kpis", folder, "--timezone", "Europe/Berlin")["kpis"]}
    fcr = found["first_contact_resolution"]
    # u1 came back; both contacts of u2 are episodes of one contact.
    assert (fcr["estimate"], fcr["n"]) == (pytest.approx(200 / 3), 3)


def test_dates_in_the_future(tmp_path):
    rows = [{"customer_id": f"u{k}", "started_at": f"2026-06-{k + 1:02d}T10:00:00Z"} for k in range(20)]
    rows.append({"customer_id": "u0", "started_at": "2031-01-01T00:00:00Z"})
    document = run("kpis", finished.run(tmp_path / "run", rows, (), []))
    assert any("1 contact with a start in the future" in note for note in document["notes"])
    fcr = next(row for row in document["kpis"] if row["kpi"] == "first_contact_resolution")
    assert fcr["n"] == 13, "the data end with the last start that is no mistake"
