"""What the commands' outputs on a terminal are made of: a console, tables, numbers with their intervals, notes."""

import shlex
import subprocess  # nosec B404  # only for how Windows quotes
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cxsentiment.schema import Estimate

_WORD = 16  # letters that stay together where a table must be narrow


def screen() -> Console:
    """A console that does not wrap what is piped."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 120)


def as_typed(path: Path) -> str:
    """A path as it is typed on a command line: in quotes where it has spaces or signs."""
    return subprocess.list2cmdline([str(path)]) if sys.platform == "win32" else shlex.quote(str(path))


def grid(title: str, columns: Sequence[tuple[str, str]]) -> Table:
    """An empty table of columns (name, side)."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, side in columns:
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    return table


def fitted(table: Table, width: int) -> Table:
    """The table in `width` characters: columns break between words, and inside the longest words at need.

    What does not fit a line goes on in the next line of its cell: nothing is left out.
    """
    cells = [[Text.from_markup(str(cell)) for cell in (column.header, *column.cells)] for column in table.columns]
    whole = [max(cell.cell_len for cell in column) for column in cells]
    longest = [max((len(word) for cell in column for word in cell.plain.split()), default=1) for column in cells]
    room = width - 2 * (len(cells) - 1)  # two spaces between columns
    if sum(whole) <= room:
        return table
    most = next((most for most in range(_WORD, 1, -1) if sum(min(most, word) for word in longest) <= room), 1)
    widths = [min(most, word) for word in longest]
    for _ in range(sum(widths), room):  # one more for the column that lacks most
        lacks = [need - has for need, has in zip(whole, widths, strict=True)]
        widths[lacks.index(max(lacks))] += 1
    for column, letters in zip(table.columns, widths, strict=True):
        column.width, column.overflow = letters, "fold"
    return table


def number(value: float | None) -> str:
    """A number with the digits it deserves."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 or value == 0 else 2
    return f"{value:.2g}" if 0 < abs(value) < 0.005 else f"{value:,.{digits}f}"


def interval(estimate: Estimate) -> str:
    """An interval in brackets, or nothing."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"\\[{number(estimate.low)}, {number(estimate.high)}]"


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """What a reader should know, one a line."""
    for note in notes:
        console.print(f"  {escape(note)}")
