"""Findings to a folder of files a person opens: index.html and CSV tables. It renders values and computes none.

The page is one file with its style and charts inside: no script, no font, no request. Every text is escaped in HTML,
and a CSV cell that a spreadsheet would take for a formula gets an apostrophe in front.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxsentiment.figures import Kind, Rows, Tables
from cxsentiment.figures import table_of as table_of_figures
from cxsentiment.page_schema import Section
from cxsentiment.pages.printing import natural
from cxsentiment.pages.report_page import html
from cxsentiment.runs import write_atomically
from cxsentiment.schema import Findings

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

_OF_ESTIMATE = {"estimate": "value", "low": "low", "high": "high", "n": "n", "method": "method", "reason": "reason"}
_NUMBERS, _WHY = ("estimate", "low", "high", "n"), ("method", "reason")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agents": ("agent_id", "contacts", *_NUMBERS, "reliability", "p_above", "standing", *_WHY),
    "associations": ("feature", "outcome", "level", *_NUMBERS, "agents", "p", "p_adjusted", "minimal_detectable")
    + ("flag", "reading", *_WHY),
    "kpis": ("name", "unit", *_NUMBERS, "definition", *_WHY),
    "items": ("item", "section", "question", *_NUMBERS, "met", "not_met", "not_applicable", "unscored", "hint", *_WHY),
    "journey": ("channel", "tenth", *_NUMBERS, *_WHY),
    "coaching": ("agent_id", "contact_id", "skill", "strength", "turn", "speaker", "quote", "context")
    + ("why", "focus", "confidence", "asks"),
    "queue": ("contact_id", "agent_id", "item", "question", "critical", "why", "p_error", "turn", "quote", "reason"),
}
"""The columns of each CSV table, in their order."""

Cell = str | float | bool | None
Table = tuple[Sequence[str], Sequence[Sequence[Cell]]]


def write(findings: Findings, folder: Path, sections: Sequence[Section] = (), figures: Tables | None = None) -> Path:
    """Write the CSV tables and index.html into `folder` and return the path of index.html.

    `sections` go on the page beside what the findings say, and `figures` into tables of their own.

    Each file is replaced whole or not at all, the page last. Raises RunError where the folder cannot be written.
    """
    every = tables(findings) | {name: _of_figures(kind, rows) for name, (kind, rows) in (figures or {}).items()}
    files = {f"{name}.csv": csv_text(table) for name, table in every.items()}
    files["index.html"] = html(findings, sections)
    for name, content in files.items():
        write_atomically(folder / name, content.encode("utf-8", "replace"))
    return folder / "index.html"


def tables(findings: Findings) -> dict[str, Table]:
    """The report's CSV tables by name: (column names, rows). A null is an empty cell; its reason stands in the row."""
    agents = sorted(findings.agents, key=lambda agent: natural(agent.agent_id))
    records: dict[str, Sequence[object]] = {
        "agents": agents,
        "associations": findings.associations,
        "kpis": findings.kpis,
        "items": findings.items,
        "journey": findings.journey,
        "coaching": findings.moments,
        "queue": findings.queue,
    }
    return {name: table_of(name, records[name]) for name in COLUMNS}


def table_of(name: str, records: Sequence[object]) -> Table:
    """Records of one kind as the rows of the table of that name."""
    return COLUMNS[name], [[_value(one, column) for column in COLUMNS[name]] for one in records]


def _of_figures(kind: Kind, rows: Rows) -> Table:
    """Rows of figures as a table of the same cells that `cxsentiment agents --csv` and its like write."""
    found = table_of_figures(kind, rows)
    return found.column_names, [list(row.values()) for row in found.to_pylist()]


def _value(record: Any, column: str) -> Cell:
    """The field of that name, of the record or of its estimate."""
    if column == "context":
        return "\n".join(f"turn {turn.turn}, {turn.speaker}: {turn.text}" for turn in record.context)
    estimate = column in _OF_ESTIMATE and hasattr(record, "estimate")
    value: Cell = getattr(record.estimate, _OF_ESTIMATE[column]) if estimate else getattr(record, column)
    return value


def csv_text(table: Table) -> str:
    """One table as CSV; text that a spreadsheet would take for a formula gets an apostrophe in front."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")  # RFC 4180; it also makes the writer quote a lone carriage return
    writer.writerow(table[0])
    writer.writerows([_cell(cell) for cell in row] for row in table[1])
    return sink.getvalue()


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
    return repr(cell) if math.isfinite(cell) else ""
