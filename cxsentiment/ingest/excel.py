"""Excel workbooks (.xlsx, .xlsm): a turn table on the first sheet, or on the one that --map sheet=NAME names.

Only the values of cells are read: of formulas what was last computed. Macros, links and pictures are not opened.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import MAX_WHOLE_FILE_BYTES
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, open_bytes, source_name
from cxsentiment.ingest.tables import Row, Table, read_table
from cxsentiment.ingest.values import shown
from cxsentiment.schema import Reject, Transcript

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

_MAX_PARTS = 10_000
# What Excel itself allows in rows; cells are bounded because a sheet of few bytes can name cells that are far apart.
_MAX_ROWS = 1_048_576
_MAX_CELLS = 50_000_000
# Excel keeps 15 digits of a number; of a longer one the rest are noughts.
_ROUNDED_FROM = 1e15
_MAX_WHOLE = 1e30
_DOCTYPE_WITHIN = 4096
_SHOWN = 5
# What a number format shows as it stands: text in quotes, a sign after a backslash, and the widths after _ and *.
_LITERAL = re.compile(r'"[^"]*"|[\\_*].')
# A character that Excel keeps as its number, such as the carriage return of a line break from elsewhere.
_ESCAPED = re.compile(r"_x((?!D[89A-F])[0-9A-F]{4})_")
# A format that puts zeros before a whole number, as ids have them.
_PADDED = re.compile(r"0{2,}")
_T = TypeVar("_T")


def read_excel(source: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the contacts of a sheet; a row's number is the one that Excel shows.

    Raises:
        InputError: `too_large`, `damaged`, `no_sheet`, `empty`, or as `read_table`.
    """
    yield from read_table(open_excel(source, options.columns.get("sheet")), options, advance)


def open_excel(source: Source, sheet: str | None = None, *, percentages: bool = False) -> Table:
    """A sheet as a table: the named one, else the first that is not hidden.

    Where people see 80 %, Excel holds 0.8: with `percentages` the cell is the text 80%, else the number, with a note.

    Raises:
        InputError: `too_large`, `damaged`, `no_sheet`, `empty`.
    """
    where = source_name(source)
    rows, notes = _rows(source, sheet, where, percentages=percentages)
    if not rows:
        raise InputError("empty", where, "holds no rows on that sheet")
    columns = [cell or "" for cell in rows[0][1]]
    while columns and not columns[-1].strip():
        columns.pop()

    def body(_: Advance = ignore) -> Iterator[Row]:
        for number, cells in rows[1:]:
            yield Row(number, [*cells[: len(columns)], *[None] * (len(columns) - len(cells))])

    if beside := [number for number, cells in rows[1:] if any(cell and cell.strip() for cell in cells[len(columns) :])]:
        listed = ", ".join(map(str, beside[:_SHOWN])) + (" …" if len(beside) > _SHOWN else "")
        notes += (f"cells in columns without a name were not read (row {listed})",)
    return Table(where, tuple(columns), body, Path(content_name(source)).stem, "row", notes)


def _rows(
    source: Source, sheet: str | None, where: str, *, percentages: bool
) -> tuple[list[tuple[int, list[str | None]]], tuple[str, ...]]:
    """The rows of a sheet that are not empty, with their numbers, and what to note of them."""
    data = _bytes(source, where)
    _guarded(where, lambda: _check_parts(data, where))
    workbook = _guarded(where, lambda: _open(data))
    try:
        # What is hidden holds lists and lookups; it is read where it is named, or where nothing else is there.
        sheets = sorted(workbook.worksheets, key=lambda each: each.sheet_state != "visible")
        names = [each.title for each in sheets]
        if not names or (sheet is not None and sheet not in names):
            raise InputError(
                "no_sheet",
                where,
                f'has no sheet "{shown(sheet)}"' if sheet else "has no sheet with cells",
                allowed=", ".join(map(shown, names)),
                do="Name one of its sheets with --map sheet=NAME",
            )
        found = _guarded(where, lambda: _values(workbook, sheet or names[0], where))
    finally:
        workbook.close()
    notes = []
    if len(names) > 1 and sheet is None:
        notes.append(f'only one of {len(names)} sheets was read, "{shown(names[0])}"; --map sheet=NAME names another')
    if any(_is_rounded(value) for _, cells in found for value in cells):
        notes.append("numbers of more than 15 digits are rounded by Excel; keep such ids as text")
    if not percentages and any(isinstance(value, _Share) for _, cells in found for value in cells):
        notes.append("cells that Excel shows in percent are read as shares: 80% as 0.8")
    texts = [(number, [_text(value, percentages=percentages) for value in cells]) for number, cells in found]
    return texts, tuple(notes)


def _bytes(source: Source, where: str) -> bytes:
    with open_bytes(source) as file:
        data = file.read(MAX_WHOLE_FILE_BYTES + 1)
    if len(data) > MAX_WHOLE_FILE_BYTES:
        raise _too_large(where)
    return data


def _too_large(where: str) -> InputError:
    limit = MAX_WHOLE_FILE_BYTES // 2**20
    return InputError(
        "too_large", where, f"holds more than {limit} MiB", do="Save the sheet as CSV, which has no limit"
    )


def _guarded(where: str, work: Callable[[], _T]) -> _T:
    """Do the work; whatever the libraries raise over a broken workbook (it can be anything) becomes an InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and rules that are not kept, which nobody needs here
            return work()
    except InputError:
        raise
    except Exception as error:
        raise InputError("damaged", where, "is not a readable Excel workbook", do="Save it again in Excel") from error


def _check_parts(data: bytes, where: str) -> None:
    """Refuse a workbook that would unpack to more than it may, or whose parts declare entities, before opening it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > MAX_WHOLE_FILE_BYTES:
            raise _too_large(where)
        for part in parts:
            if part.filename.lower().endswith((".xml", ".rels")):
                with archive.open(part) as file:
                    if b"<!DOCTYPE" in file.read(_DOCTYPE_WITHIN):
                        raise InputError("damaged", where, "declares XML entities, which no workbook of Excel does")


def _open(data: bytes) -> "Workbook":
    from openpyxl import load_workbook  # takes a while to load; most inputs do without

    return load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)


def _values(workbook: "Workbook", sheet: str, where: str) -> list[tuple[int, Sequence[object]]]:
    found = workbook[sheet]
    found.reset_dimensions()  # some programs write wrong ones, and cells outside would be lost
    rows: list[tuple[int, Sequence[object]]] = []
    count = 0
    for number, row in enumerate(found.iter_rows(), start=1):
        cells = [_value(cell) for cell in row]
        count += len(cells)
        if number > _MAX_ROWS or count > _MAX_CELLS:
            raise InputError("too_large", where, f"has cells past row {_MAX_ROWS:,} or more than {_MAX_CELLS:,} cells")
        if any(cell is not None and cell != "" for cell in cells):
            rows.append((number, cells))
    return rows


class _Share(float):
    """A number that Excel shows in percent."""


def _value(cell: Any) -> object:
    """The value of a cell; a number that its format shows in percent is a `_Share`, one with zeros before it a text.

    A % that only stands beside the number (0"%") makes no share.
    """
    value = cell.value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    try:
        form = cell.number_format
    except IndexError:  # a style or format that the workbook does not define: Excel shows a plain number
        return value
    if "%" in _LITERAL.sub("", form):
        return _Share(value)
    if _PADDED.fullmatch(form) and 0 <= value < _ROUNDED_FROM and value % 1 == 0:
        return str(int(value)).zfill(len(form))
    return value


def _is_rounded(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) >= _ROUNDED_FROM


def _text(value: object, *, percentages: bool) -> str | None:
    """A cell as the text that people see; what Excel marks as an error is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)
        return None if value in ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!") else value
    if isinstance(value, bool):
        return str(value).upper()
    if percentages and isinstance(value, _Share):
        return f"{value * 100:.12g}%"
    if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_WHOLE:
        return str(int(value))
    if isinstance(value, (datetime, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        total = round(value.total_seconds(), 3)
        return f"{int(total // 3600)}:{int(total % 3600 // 60):02}:{total % 60:06.3f}"
    return str(value)
