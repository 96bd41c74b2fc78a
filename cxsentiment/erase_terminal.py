"""What `cxsentiment erase` prints: what was removed from each run, or would be, and whose record is unbroken."""

from collections.abc import Mapping
from pathlib import Path

from rich.markup import escape

from cxsentiment.amounts import counted
from cxsentiment.erase import Erasure
from cxsentiment.screens import as_typed, screen

_SHOWN = 20


def print_erasure(erasure: Erasure) -> None:
    """What was removed from a run, or would be."""
    console = screen()
    would = "would be removed" if erasure.dry_run else "removed"
    console.print(f"[bold]{escape(erasure.run)}[/]")
    if erasure.finished:
        console.print("  an erasure that was interrupted is finished")
    for entry in erasure.entries:
        whom = entry["kind"] if entry["before"] is None else f"contacts from before {entry['before']}"
        removed = ", ".join(_rows(count, table) for table, count in entry["removed"].items() if count)
        console.print(f"  {whom}: {removed} {would}" if removed else f"  {whom}: nothing found")
    if any(entry["report"] for entry in erasure.entries):
        console.print(f"  report/ {would}; make it again: cxsentiment report {escape(as_typed(Path(erasure.run)))}")
    if erasure.undated:
        shown = ", ".join(map(escape, erasure.undated[:_SHOWN]))
        shown += " …" if len(erasure.undated) > _SHOWN else ""
        console.print(
            f"  [yellow]kept, for they have no date ({len(erasure.undated):,}):[/] {shown}; --undated takes them"
        )
    if erasure.not_searched:
        rest = len(erasure.not_searched) - _SHOWN
        more = f" and {counted(rest, 'more file')} (--json lists all)" if rest > 0 else ""
        console.print(f"  [yellow]not looked into:[/] {escape(', '.join(erasure.not_searched[:_SHOWN]))}{more}")


def _rows(count: int, table: str) -> str:
    """`1 contact`, `3 turns`: the tables are called after what a row of them is."""
    return counted(count, table.removesuffix("s")) if table.endswith("s") else f"{count:,} {table}"


def print_records(records: Mapping[str, int]) -> None:
    """How many entries the unbroken record of each run has."""
    for run, count in records.items():
        screen().print(f"{escape(run)}: {counted(count, 'erasure')} recorded, the record is unbroken")
