"""What the commands' outputs on a terminal are made of: a console, tables, numbers with their intervals, notes."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxsentiment.schema import Estimate


def screen() -> Console:
    """A console that does not wrap what is piped."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 120)


def grid(title: str, columns: Sequence[tuple[str, str]]) -> Table:
    """An empty table of columns (name, side)."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, side in columns:
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
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
