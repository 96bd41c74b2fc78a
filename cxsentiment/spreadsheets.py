"""Text that spreadsheets open: no cell of it may be taken for a formula (OWASP ASVS 5.0, 1.2.10), and all come back.

A text that a spreadsheet would compute gets an apostrophe in front, which spreadsheets do not show; so does one that
begins with such an apostrophe itself, so that what is read back is what was written.
"""

import csv
import io
import math
from collections.abc import Sequence

FORMULA = "=+-@\t\r\n"  # the first characters of what spreadsheets compute
NEEDS_APOSTROPHE = r"^'?[=+\-@\t\r\n]|^''"
"""The rule of `neutral` as a regular expression, for whole columns of text."""

Cell = str | float | bool | None


def neutral(text: str, also: str = "") -> str:
    """The text as a cell that is no formula; `also` are more characters that must not stand first."""
    first = FORMULA + also
    risky = text[:1] != "" and text[0] in first
    doubled = text[:1] == "'" and text[1:2] != "" and text[1] in first + "'"
    return "'" + text if risky or doubled else text


def plain(text: str, also: str = "") -> str:
    """The text that `neutral` was given."""
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in FORMULA + also + "'" else text


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table as CSV (RFC 4180). Nothing, and a number that is not finite, is an empty cell."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")  # it also makes the writer quote a lone carriage return
    writer.writerow(columns)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return sink.getvalue()


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return neutral(cell)
    return repr(cell) if math.isfinite(cell) else ""
