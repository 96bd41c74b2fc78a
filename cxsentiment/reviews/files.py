"""Files of labels, one row a verdict or a contact: CSV, TSV, Excel, Parquet, JSONL, JSON.

A row is its place and its cells by normalised column name. An Amazon Connect evaluation is one document.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.csvfile import open_csv
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.excel import open_excel
from cxsentiment.ingest.options import normalise_name
from cxsentiment.ingest.parquet import open_parquet
from cxsentiment.ingest.sources import Source, ignore, open_bytes, source_name
from cxsentiment.ingest.tables import Table
from cxsentiment.ingest.values import json_type, shown
from cxsentiment.spreadsheets import plain

ITEM_PREFIX = "item:"
"""Before the name of an item where a column of verdicts is meant: item:greeting."""
PLANNED = {"agent_id", "channel", "campaign"}
"""Columns of the planner's form that tell the grader something and are not read back."""


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One row: its file, its number (line, row, or place in a JSON file, from 1), and its cells by column.

    `table` says that all rows have the same columns. `problem` is what is wrong with the row as a whole. `document` is
    an evaluation of Amazon Connect instead of cells.
    """

    source: str
    number: int
    cells: Mapping[str, object]
    table: bool = False
    problem: InputError | None = None
    document: Mapping[str, Any] | None = None


def read_rows(source: Source, sheet: str | None = None) -> Iterator[LabelRow]:
    """The rows of one file, by its structure.

    Raises:
        InputError: the file as a whole cannot be read (as the readers of transcripts), or it has no rows (`empty`).
    """
    with open_bytes(source) as file:
        head = file.read(64)
    if head.startswith(b"PAR1"):
        return _of_table(open_parquet(source), sheet=False)
    if head.startswith(b"PK"):
        return _of_table(open_excel(source, sheet))
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _of_json(source)
    return _of_table(open_csv(source))


def _of_table(table: Table, *, sheet: bool = True) -> Iterator[LabelRow]:
    """The rows of a table; cells of a `sheet`, which a spreadsheet opens, may have an apostrophe before a formula."""
    names = [normalise_name(column) for column in table.columns]
    if repeated := {name for name in names if name and names.count(name) > 1}:
        raise InputError(
            "duplicate_column",
            table.source,
            f'two columns are named "{shown(min(repeated))}"',
            do="Rename or remove one of them",
        )
    for row in table.rows(ignore):
        problem = InputError("bad_row", f"{table.source}:{row.number}", row.problem) if row.problem else None
        cells = {
            name: plain(cell) if sheet and isinstance(cell, str) else cell
            for name, cell in zip(names, row.cells, strict=False)
            if name
        }
        yield LabelRow(table.source, row.number, cells, True, problem)


def _of_json(source: Source) -> Iterator[LabelRow]:
    name = source_name(source)
    text, _ = read_text(source)
    try:
        whole = json.loads(text)
    except RecursionError as error:
        raise InputError("json", name, "is nested too deeply to hold labels") from error
    except ValueError:
        yield from _of_lines(text, name)
        return
    for number, record in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield _record(record, name, number)


def _of_lines(text: str, name: str) -> Iterator[LabelRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            where = f"{name}:{number}"
            why = getattr(error, "msg", "nested too deeply")
            yield LabelRow(
                name,
                number,
                {},
                problem=InputError("json", where, f"is not valid JSON: {why}", do="Write one object a line (JSONL)"),
            )
        else:
            yield _record(record, name, number)


def _record(record: object, name: str, number: int) -> LabelRow:
    where = f"{name}:{number}"
    if not isinstance(record, dict):
        problem = InputError("record_type", where, f"the record is {json_type(record)}", allowed="an object")
        return LabelRow(name, number, {}, problem=problem)
    if isinstance(record.get("questions"), list) and isinstance(record.get("metadata"), dict):
        return LabelRow(name, number, {}, document=record)
    cells = {normalise_name(key): value for key, value in record.items() if key != "items"}
    nested = record.get("items")
    if isinstance(nested, dict):
        cells |= {normalise_name(f"{ITEM_PREFIX}{item}"): value for item, value in nested.items()}
    return LabelRow(name, number, cells)
