"""The formats of a report: HTML, PDF, Excel, CSV and JSON."""

import io
import json
import shutil
import stat
from pathlib import Path

import pytest
from openpyxl import load_workbook
from test_report import EMPTY, NASTY, RUN, findings

from cxsentiment import report
from cxsentiment.errors import RunError
from cxsentiment.pages import paper
from cxsentiment.pages.workbook import workbook


@pytest.mark.parametrize(
    ("formats", "first", "names"),
    [
        (("json",), "report.json", {"report.json"}),
        (("xlsx", "json"), "report.xlsx", {"report.json", "report.xlsx"}),
        (("html",), "index.html", {"index.html"}),
    ],
)
def test_only_the_formats_asked_for_are_written(tmp_path: Path, formats, first, names) -> None:
    assert report.write(findings(), tmp_path / "report", formats=formats).name == first
    assert {path.name for path in (tmp_path / "report").iterdir()} == names


def test_the_page_for_a_client_is_written_beside(tmp_path: Path) -> None:
    assert report.write(findings(), tmp_path, formats=("html",), client=True).name == "index.html"
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "client.html"}


def test_json_holds_the_receipt_and_every_table(tmp_path: Path) -> None:
    document = json.loads(report.write(findings(), tmp_path, formats=("json",)).read_text(encoding="utf-8"))
    assert document["run"]["contacts"] == RUN["contacts"]
    assert set(document) == {"run", *report.COLUMNS}
    assert set(document["agents"][0]) == set(report.COLUMNS["agents"])
    assert NASTY[1] in {row["quote"] for row in document["coaching"]}  # as it is: JSON has no formulas
    assert report.json_text({}, {"t": (("x",), [[float("nan")], [1.5]])}).count("null") == 1


def test_the_workbook_has_a_sheet_a_table_and_no_formula(tmp_path: Path) -> None:
    book = load_workbook(report.write(findings(), tmp_path, formats=("xlsx",)))
    assert book.sheetnames == list(report.COLUMNS)
    sheet = book["coaching"]
    assert [cell.value for cell in sheet[1]] == list(report.COLUMNS["coaching"])
    quotes = [row[report.COLUMNS["coaching"].index("quote")] for row in sheet.iter_rows(min_row=2)]
    assert NASTY[1] in {cell.value for cell in quotes}
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}


def test_cells_that_excel_does_not_take_are_made_to_fit() -> None:
    made = workbook({"x" * 40: (("a", "b"), [["\x00bell\x07", float("inf")], ["long" * 20_000, True], [None, -1.5]])})
    book = load_workbook(io.BytesIO(made))
    (sheet,) = book.worksheets
    assert sheet.title == "x" * 31
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert rows[0] == ["bell", None]
    assert len(rows[1][0]) == 32_767
    assert rows[1][0].endswith("[cut: a cell holds no more]")
    assert rows[2] == [None, -1.5]


def test_without_a_browser_a_pdf_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError) as error:
        report.write(EMPTY, tmp_path / "report", formats=("html", "pdf"))
    assert "none is on the PATH" in error.value.message
    assert "print it to a file" in error.value.message
    assert not (tmp_path / "report").exists()


def test_a_browser_that_does_not_print_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\necho broken display >&2\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(RunError, match="did not print: broken display"):
        paper.pdf("<p>hello</p>")


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, paper.BROWSERS)), reason="no Chromium, Chrome or Edge on the PATH")
def test_a_pdf_is_printed(tmp_path: Path) -> None:
    made = report.write(EMPTY, tmp_path, formats=("pdf",))
    assert made.name == "report.pdf"
    assert made.read_bytes().startswith(b"%PDF-")
