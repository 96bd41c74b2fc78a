"""CSV and TSV files: encoding, delimiter, header, rows."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import TextIO

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import Encoding, detect_encoding, open_text
from cxsentiment.ingest.options import ReadOptions, normalise_name
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, source_name
from cxsentiment.ingest.tables import Row, Table, read_table
from cxsentiment.schema import Reject, Transcript

# The csv module stops at 131,072 characters a cell unless told otherwise; a cell past this one is an unclosed quote.
MAX_CELL_CHARACTERS = 16 * 2**20
# Characters that may be read again behind quotes that are not closed; a file made to need more is refused.
_MAX_READ_AGAIN = 16 * MAX_CELL_CHARACTERS

_QUOTES = "Look for a quote that is not closed, or a quote inside a cell that is not doubled"
_DELIMITERS = (",", ";", "\t", "|")
_DECLARED_DELIMITERS = (*_DELIMITERS, ":", "^", "~")


def read_csv(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the contacts of a CSV or TSV turn table.

    Raises:
        InputError: as `open_csv` and `read_table`.
    """
    if (plain := _headless(path, options)) is not None:
        yield from read_table(*plain, advance)
    else:
        yield from read_table(open_csv(path), options, advance)


def open_csv(path: Source) -> Table:
    """Find encoding, delimiter and header of a CSV file; its rows are read when asked for.

    Raises:
        InputError: `empty`, `csv` (the header's quotes cannot be read), or as `detect_encoding`.
    """
    encoding = detect_encoding(path)
    source = source_name(path)
    delimiter, skipped = sniff_delimiter(_first_line(path, encoding))
    rows = _read(path, encoding, delimiter)
    header = next(islice(rows, skipped, None), None)
    if header is None:
        raise InputError("empty", source, "holds no rows")
    if header.problem:
        raise InputError("csv", f"{source}:{header.number}", f"the header {header.problem}")
    columns = tuple(str(cell) for cell in header.cells)

    def body(advance: Advance = ignore) -> Iterator[Row]:
        for row in islice(_read(path, encoding, delimiter, advance), skipped + 1, None):
            yield _fitted(row, len(columns))

    warnings = (encoding.warning,) if encoding.warning else ()
    return Table(source, columns, body, Path(content_name(path)).stem, "line", warnings)


def _first_line(path: Source, encoding: Encoding) -> str:
    """The first line that is not blank."""
    with open_text(path, encoding) as file:
        return next(
            (line for line in iter(lambda: file.readline(MAX_CELL_CHARACTERS), "") if line.strip("\ufeff\r\n")), ""
        )


def _headless(path: Source, options: ReadOptions) -> tuple[Table, ReadOptions] | None:
    """A table without a header, where --map names columns by their numbers from 1; None for one with a header.

    Without a column of ids, rows between blank lines are a contact of their own.
    """
    wanted = {field: name for field, name in options.columns.items() if name.isascii() and name.isdecimal()}
    if not {"text", "speaker"} <= set(wanted):
        return None
    encoding = detect_encoding(path)
    delimiter, skipped = sniff_delimiter(_first_line(path, encoding))
    rows = _read(path, encoding, delimiter)
    first = next(islice(rows, skipped, None), None)
    if first is None or set(wanted.values()) <= {normalise_name(str(cell)) for cell in first.cells}:
        return None
    width = len(first.cells)
    columns = tuple(str(number) for number in range(1, width + 1))
    stem = Path(content_name(path)).stem
    warnings = (encoding.warning,) if encoding.warning else ()
    apart = "id" not in options.columns and _blank_lines(path, encoding)

    def body(advance: Advance = ignore) -> Iterator[Row]:
        block, last = 0, 0
        for row in islice(_read(path, encoding, delimiter, advance), skipped, None):
            block += row.number > last + 1 or not block
            last = row.number + sum(str(cell).count("\n") for cell in row.cells)
            fitted = _fitted(row, width)
            yield Row(row.number, [*fitted.cells, f"{stem}:{block}"], fitted.problem) if apart else fitted

    if apart:
        columns, options = (*columns, "block"), replace(options, columns={**options.columns, "id": "block"})
    return Table(source_name(path), columns, body, stem, "line", warnings), options


def _blank_lines(path: Source, encoding: Encoding) -> bool:
    """Whether rows of a table are parted by blank lines."""
    with open_text(path, encoding) as file:
        lines = (not line.strip("\ufeff\r\n") for line in iter(lambda: file.readline(MAX_CELL_CHARACTERS), ""))
        kinds = [blank for blank, _ in groupby(lines)]
    return True in kinds[1:-1] if kinds else False


def sniff_delimiter(first_line: str) -> tuple[str, int]:
    """The delimiter, and the lines to skip before the header: 1 where Excel's `sep=;` line names the delimiter."""
    line = first_line.lstrip("\ufeff").splitlines()[0] if first_line.strip("\ufeff") else ""
    if line.lower().startswith("sep=") and line[4:] in _DECLARED_DELIMITERS:
        return line[-1], 1
    widths = {delimiter: len(_cells(line, delimiter)) for delimiter in _DELIMITERS}
    return max(_DELIMITERS, key=lambda delimiter: widths[delimiter]), 0


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a first line, or none where it is no line of a CSV file."""
    try:
        return next(csv.reader(line.splitlines()[:1], delimiter=delimiter), [])
    except csv.Error:
        return []


def _read(path: Source, encoding: Encoding, delimiter: str, advance: Advance = ignore) -> Iterator[Row]:
    """Rows with the number of the line they start on; blank lines are left out, and rows of nothing but delimiters.

    A row whose quotes cannot be read has a problem, and what follows is read from the next line on: one stray quote
    must not cost the rest of a file.
    """
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    taken: list[str] = []  # the lines of the row that is being read
    again: deque[str] = deque()
    line, read_again = 1, 0
    with open_text(path, encoding, advance) as file:
        reader = csv.reader(_lines(file, again, taken), delimiter=delimiter, strict=True)
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                read_again += sum(map(len, taken[1:]))
                if read_again > _MAX_READ_AGAIN:
                    where = f"{source_name(path)}:{line}"
                    raise InputError("csv", where, f"too many rows cannot be read ({error})", do=_QUOTES) from error
                again.extendleft(reversed(taken[1:]))
                yield Row(line, _loose_cells(taken[0], delimiter), f"cannot be read ({error}). {_QUOTES}")
                line += 1
                reader = csv.reader(_lines(file, again, taken), delimiter=delimiter, strict=True)
            else:
                if cells is None:
                    return
                if any(map(str.strip, cells)):
                    yield Row(line, cells)
                line += len(taken)
            taken.clear()


def _lines(file: TextIO, again: deque[str], taken: list[str]) -> Iterator[str]:
    """The lines to be read again, then those of the file; each is noted as taken."""
    while line := again.popleft() if again else file.readline():
        taken.append(line)
        yield line


def _loose_cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line with faulty quotes as far as they can be told: enough to say whose row it is."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _fitted(row: Row, width: int) -> Row:
    """The row, cut to the header's width where the rest is empty; else with what is wrong with it."""
    if row.problem:
        return row
    cells = list(row.cells)
    while len(cells) > width and not str(cells[-1]).strip():
        cells.pop()
    if len(cells) == width:
        return Row(row.number, cells)
    problem = f"{len(cells)} cells where the header has {width}; a cell with a line break or delimiter needs quotes"
    return Row(row.number, cells, problem)


def header_names(text: str) -> set[str]:
    """The normalised names in the header of a text that starts as a CSV file."""
    lines = text.lstrip("\ufeff").splitlines(keepends=True)[:2]
    if not lines:
        return set()
    delimiter, skipped = sniff_delimiter(lines[0])
    return {normalise_name(cell) for line in lines[skipped : skipped + 1] for cell in _cells(line, delimiter)}


def looks_like_turns(first_line: str, options: ReadOptions) -> bool:
    """Whether a first line is the header of a turn table: it names a text column and a speaker column."""
    delimiter, skipped = sniff_delimiter(first_line)
    return skipped == 1 or _names_turns(_cells(first_line, delimiter), options)


def _names_turns(cells: Sequence[str], options: ReadOptions) -> bool:
    names = {normalise_name(cell) for cell in cells}
    return all(options.source_name(field, names) is not None for field in ("text", "speaker"))
