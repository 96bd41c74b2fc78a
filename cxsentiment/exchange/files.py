"""Spreadsheet files: CSV and XLSX as rows of text. No cell that is written can be taken for a formula."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from cxsentiment.errors import RubricError
from cxsentiment.exchange.cells import carried
from cxsentiment.exchange.columns import CHOICES, COLUMNS, SETTINGS
from cxsentiment.exchange.documents import read_bytes
from cxsentiment.exchange.losses import Loss
from cxsentiment.exchange.sheet import Placed
from cxsentiment.spreadsheets import neutral, plain

_SEPARATOR = re.compile("[,;\t]")
_QUOTED_CELL = re.compile(r'"(?:[^"]|"")*"')
_SETTING = "#"  # what starts a setting in a sheet of items
_MOST_ROWS, _MOST_COLUMNS, _MOST_UNPACKED = 5_000, 100, 100_000_000
_WIDE = {"question": 60, "hint": 50, "phrases": 40, "acts": 24, "section": 20}
_EXAMPLES = (
    {"section": "Opening", "section weight": "30", "question": "Does the agent greet the customer at the start?",
     "acts": "greet", "first turns": "2", "belongs at": "start", "hint": "Open with a greeting."},
    {"section": "Opening", "question": "Is identity verified before details are given?", "critical": "compliance",
     "channels": "call; chat", "acts": "verify", "before": "inform", "hint": "Verify first."},
    {"section": "Service", "section weight": "70", "question": "Does the agent apologise to a negative customer?",
     "weight": "2", "only if": "customer negative", "acts": "apologise", "after": "customer negative",
     "within turns": "3", "hint": "Say sorry for what went wrong."},
    {"section": "Service", "question": "Was the advice right? (a person grades it)",
     "levels": "Right = 1; Partly = 0.5; Wrong = 0"},
)  # fmt: skip


def read_sheet(path: Path) -> tuple[list[Placed], list[Loss]]:
    """The rows of a CSV or XLSX file, and what of it is no scorecard. Raises RubricError."""
    raw = read_bytes(path)
    losses: list[Loss] = []
    rows = _xlsx_rows(raw, path, losses) if raw[:4] == b"PK\x03\x04" else _csv_rows(raw, path)
    placed = []
    for place, cells in rows:
        note = bool(cells) and cells[0].lstrip().startswith("#")
        placed.append(
            Placed(
                place,
                [cells[0].strip() if note and not k else plain(one, _SETTING) for k, one in enumerate(cells)],
                note,
            )
        )
    return placed, losses


def _csv_rows(raw: bytes, path: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RubricError(str(path), "not UTF-8 text", do="Save it as CSV UTF-8, or as XLSX") from error
    if "\0" in text:
        raise RubricError(str(path), "holds NUL bytes: no text file", allowed="CSV or XLSX")
    # Quoted cells may hold anything, line breaks too. What is left of the first row that is no setting begins with a
    # name, and what follows that separates.
    bare = _QUOTED_CELL.sub('""', text).splitlines()
    first = next((line for line in bare if line.strip() and not line.startswith(_SETTING)), "")
    found = _SEPARATOR.search(first)
    separator = found.group() if found else ","
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), 1):
            _check_size(number, len(row), path)
            yield f"row {number}", row
    except csv.Error as error:
        raise RubricError(str(path), f"not a CSV file: {error}", allowed="CSV or XLSX") from error


def _xlsx_rows(raw: bytes, path: Path, losses: list[Loss]) -> Iterator[tuple[str, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MOST_UNPACKED:
            raise RubricError(str(path), f"unpacks to {size:,} bytes", allowed=f"at most {_MOST_UNPACKED:,} bytes")
        book = load_workbook(io.BytesIO(raw), read_only=True)
    except RubricError:
        raise
    except Exception as error:  # openpyxl raises whatever its parts raise for a damaged file
        raise RubricError(str(path), f"not an XLSX file that can be read: {error}", allowed="CSV or XLSX") from error
    with_header = [sheet for sheet in book.worksheets if hasattr(sheet, "iter_rows")]
    for number, sheet in enumerate(with_header):
        for place, row in enumerate(sheet.iter_rows(max_col=_MOST_COLUMNS + 1), 1):
            _check_size(place, sum(cell.value is not None for cell in row), path)
            at = f"row {place}" if not number else f"sheet {sheet.title}, row {place}"
            cells = [_cell(cell, f"{path}: {at}") for cell in row]
            if not number or (cells and cells[0].lstrip().startswith("#")):
                yield at, cells
            elif any(cells):
                losses.append(Loss(at, " ".join(cells)[:80], "items stand on the first sheet, settings behind a #"))


def _cell(cell: Any, at: str) -> str:
    if cell.value is None:
        return ""
    if cell.data_type == "f":
        raise RubricError(
            f"{at}, column {get_column_letter(cell.column)}",
            "is a formula",
            allowed="text or a number",
            do="Paste its value",
        )
    if isinstance(cell.value, bool):
        return "yes" if cell.value else "no"
    return f"{cell.value:.12g}" if isinstance(cell.value, float) else str(cell.value)


def _check_size(rows: int, columns: int, path: Path) -> None:
    if rows > _MOST_ROWS or columns > _MOST_COLUMNS:
        raise RubricError(
            str(path), "is too large for a scorecard", allowed=f"{_MOST_ROWS:,} rows, {_MOST_COLUMNS} columns"
        )


def csv_bytes(settings: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> bytes:
    """Settings, header and items as CSV with a byte order mark, without which Excel misreads other letters."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([row[0], *[neutral(carried(cell), _SETTING) for cell in row[1:]]] for row in settings)
    writer.writerows([neutral(carried(cell), _SETTING) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def xlsx_bytes(settings: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> bytes:
    """Items on the first sheet with notes on the header and choices in the cells, settings and notes on the second."""
    book = Workbook()
    items = book.active
    assert items is not None
    items.title = "Items"
    for row in rows:
        items.append([neutral(carried(cell), _SETTING) for cell in row])
    for place, name in enumerate(rows[0], 1):
        cell = items.cell(1, place)
        cell.font = Font(bold=True)
        cell.comment = Comment(COLUMNS[name], "cxsentiment", width=320, height=120)
        items.column_dimensions[get_column_letter(place)].width = _WIDE.get(name, 14)
        if name in CHOICES:
            choice = DataValidation("list", formula1=f'"{",".join(CHOICES[name])}"', allow_blank=True)
            items.add_data_validation(choice)
            choice.add(f"{get_column_letter(place)}2:{get_column_letter(place)}{_MOST_ROWS}")
    items.freeze_panes = "A2"
    about = book.create_sheet("About")
    for row in [*settings, *_explained()]:
        about.append([row[0], *[neutral(carried(cell), _SETTING) for cell in row[1:]]])
    about.column_dimensions["B"].width = 24
    about.column_dimensions["C"].width = 100
    for cell in about["C"]:
        cell.alignment = Alignment(wrap_text=True)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def template(path: Path) -> bytes:
    """An empty sheet with four example rows and an explanation of every column, for `path`'s kind of file."""
    settings = [["#name", "My scorecard"], ["#version", "1"], ["#minimum_coverage", "0.5"]]
    rows = [list(COLUMNS), *[[one.get(name, "") for name in COLUMNS] for one in _EXAMPLES]]
    if path.suffix.lower() == ".csv":
        return csv_bytes([*settings, *_explained()], rows)
    return xlsx_bytes(settings, rows)


def _explained() -> Iterator[list[str]]:
    yield ["#", "column", "what may stand in it"]
    yield from (["#", name, text] for name, text in COLUMNS.items())
    yield ["#", "setting", "rows that begin with # and its name"]
    yield from (["#", name, text] for name, text in SETTINGS.items())
