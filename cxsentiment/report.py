"""Findings to a folder of files a person opens: a page (HTML, PDF) and tables (CSV, Excel, JSON). It computes nothing.

The page is one file with its style and charts inside: no script, no font, no request. Every text is escaped in HTML,
and a CSV cell that a spreadsheet would take for a formula gets an apostrophe in front.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from cxsentiment.figures import Kind, Rows, Tables
from cxsentiment.figures import table_of as table_of_figures
from cxsentiment.page_schema import Section
from cxsentiment.pages.paper import pdf
from cxsentiment.pages.printing import natural
from cxsentiment.pages.report_page import html
from cxsentiment.pages.workbook import workbook
from cxsentiment.runs import write_atomically
from cxsentiment.schema import Findings
from cxsentiment.spreadsheets import Cell, csv_text

_NUMBERS, _WHY = ("estimate", "low", "high", "n"), ("method", "reason", "reason_code")
_OF_ESTIMATE = {name: name for name in (*_NUMBERS, *_WHY)} | {"estimate": "value"}
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

Format = Literal["html", "pdf", "xlsx", "csv", "json"]
FORMATS: tuple[Format, ...] = ("html", "pdf", "xlsx", "csv", "json")
DEFAULT: tuple[Format, ...] = ("html", "csv")
Table = tuple[Sequence[str], Sequence[Sequence[Cell]]]


def write(
    findings: Findings,
    folder: Path,
    sections: Sequence[Section] = (),
    figures: Tables | None = None,
    formats: Collection[Format] = DEFAULT,
    *,
    client: bool = False,
) -> Path:
    """Write the report into `folder` in each format, and return the path of the page, else of the first file.

    `sections` go on the page beside what the findings say, and `figures` into tables of their own. html is index.html,
    pdf the same page as report.pdf; csv is a file a table; report.xlsx and report.json hold all of them. Each file is
    replaced whole or not at all, the page last. Raises RunError where the folder cannot be written, or a PDF is wanted
    and no browser that prints is installed. For a `client` there is client.html (client.pdf) too, without agents,
    quotes and customers.
    """
    every = tables(findings) | {name: _of_figures(kind, rows) for name, (kind, rows) in (figures or {}).items()}
    files: dict[str, bytes] = {}
    if "csv" in formats:
        files |= {f"{name}.csv": csv_text(*table).encode("utf-8", "replace") for name, table in every.items()}
    if "xlsx" in formats:
        files["report.xlsx"] = workbook(every)
    if "json" in formats:
        files["report.json"] = json_text(findings.run, every).encode("utf-8", "replace")
    for name, paper, asked in (("client.html", "client.pdf", client), ("index.html", "report.pdf", True)):
        page = (
            html(findings, sections, client=name == "client.html") if asked and {"html", "pdf"} & set(formats) else ""
        )
        if page and "pdf" in formats:
            files[paper] = pdf(page)
        if page and "html" in formats:
            files[name] = page.encode("utf-8", "replace")
    for name, content in files.items():
        write_atomically(folder / name, content)
    names = [name for name in ("index.html", "report.pdf", "report.xlsx", "report.json") if name in files]
    return folder / names[0] if names else folder / next(iter(files))


def json_text(run: Mapping[str, Any], every: Mapping[str, Table]) -> str:
    """The receipt and all tables, each a list of rows by column name; a number that is not finite is null."""
    document: dict[str, Any] = {"run": dict(run)}
    for name, (columns, rows) in every.items():
        document[name] = [dict(zip(columns, map(_finite, row), strict=True)) for row in rows]
    return json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n"


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


def _finite(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
