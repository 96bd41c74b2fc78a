"""Survey files and logs as tables, by structure: CSV, TSV, Parquet, Excel, Qualtrics exports, JSON of survey tools.

Each is opened as one row an answer, with the columns under which our fields are looked for where --map names none.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from cxsentiment.errors import InputError
from cxsentiment.ingest.archives import is_archive, is_office
from cxsentiment.ingest.csvfile import open_csv
from cxsentiment.ingest.excel import open_excel
from cxsentiment.ingest.heads import head_of
from cxsentiment.ingest.options import ReadOptions, normalise_name
from cxsentiment.ingest.parquet import open_parquet
from cxsentiment.ingest.sources import Advance, Source, ignore, source_name
from cxsentiment.ingest.survey_documents import open_document
from cxsentiment.ingest.tables import Layout, Row, Table, find_columns

NAMES: Mapping[str, Sequence[str]] = {
    "id": ("contact_id", "conversation_id", "id"),
    "customer_id": ("customer_id",),
    "answered_at": ("answered_at", "responded_at", "submitted_at"),
}
_SHARED = frozenset({"id", "customer_id", "agent_id", "campaign", "queue", "started_at"})
_QUALTRICS: Mapping[str, Sequence[str]] = {
    "id": ("externalreference", "externaldatareference"),
    "answered_at": ("enddate", "recordeddate"),
}
_LEGACY_NAME = re.compile(r"V\d{1,3}")
# What Qualtrics writes into Status for answers of its own makers: preview, test, spam in preview, offline preview.
_NO_CUSTOMER = frozenset({"1", "2", "9", "17", "survey preview", "survey test"})
_UNFINISHED = frozenset({"0", "false"})
_SAMPLE_ROWS = 2


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of one row an answer or contact: the table, the names our fields go by in it, rows that do not count.

    `excluded` says of the cells of a row why its answer does not count, or None.
    """

    table: Table
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    excluded: Callable[[Sequence[object]], str | None] = lambda cells: None

    def layout(self, fields: Sequence[str], declared: Mapping[str, str]) -> Layout:
        """Where our `fields` stand: as declared with --map, else under the first of their names that is there.

        A field that transcripts have too may be declared for them only, and is no fault where its column is not here.

        Raises:
            InputError: as `find_columns`.
        """
        present = {normalise_name(column) for column in self.table.columns}
        names = {**NAMES, **self.names}
        columns = {
            name: column
            for name, column in declared.items()
            if name in fields and (name not in _SHARED or normalise_name(column) in present)
        }
        for name in fields:
            found = next((known for known in names.get(name, (name,)) if known in present), None)
            if name not in columns and found is not None:
                columns[name] = found
        wanted = [name for name in fields if name in columns]
        return find_columns(self.table.source, self.table.columns, wanted, ReadOptions(columns=columns))


def open_rows(source: Source, sheet: str | None = None) -> RowFile | None:
    """Open a file by its structure; None for one that only explains another (SurveyMonkey's details.json).

    `sheet` is the name of the sheet to read of a workbook.

    Raises:
        InputError: where it cannot be read, or its JSON holds no answers that are known.
    """
    head = head_of(source)
    if head.data.startswith(b"PAR1"):
        return RowFile(open_parquet(source))
    if is_archive(head.data) and not is_office(source, head.data):
        raise InputError("archive", source_name(source), "is an archive", do="Unpack it, and give the files in it")
    if head.data.startswith(b"PK"):
        return RowFile(open_excel(source, sheet, percentages=True))
    if head.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        found = open_document(source)
        return None if found is None else RowFile(*found)
    table = open_csv(source)
    return _qualtrics(table) or RowFile(table)


def _qualtrics(table: Table) -> RowFile | None:
    """A Qualtrics export: under the header the questions, and in the newer form ids as JSON, before the answers."""
    first = list(islice(table.rows(ignore), _SAMPLE_ROWS))
    columns = [normalise_name(column) for column in table.columns]
    if len(first) == _SAMPLE_ROWS and any('"ImportId"' in str(cell) for cell in first[1].cells):
        return _with_exclusions(_below(table, _SAMPLE_ROWS))
    seconds = [normalise_name(str(cell)) for cell in first[0].cells] if first else []
    if _LEGACY_NAME.fullmatch(table.columns[0].strip()) and {"responseid", "responseset"} <= set(seconds):
        names = [
            str(second) if _LEGACY_NAME.fullmatch(name.strip()) else name
            for name, second in zip(table.columns, first[0].cells, strict=False)
        ]
        return _with_exclusions(_below(replace(table, columns=(*names, *table.columns[len(names) :])), 1))
    if "responseid" not in columns or not {"finished", "responseset"} & set(columns):
        return None
    at = columns.index("responseid")
    has_questions = bool(first) and at < len(first[0].cells) and not str(first[0].cells[at]).startswith("R_")
    return _with_exclusions(_below(table, 1 if has_questions else 0))


def _below(table: Table, count: int) -> Table:
    """The table without its first `count` rows."""

    def rows(advance: Advance) -> Iterator[Row]:
        return islice(table.rows(advance), count, None)

    return replace(table, rows=rows)


def _with_exclusions(table: Table) -> RowFile:
    at = {normalise_name(column): place for place, column in enumerate(table.columns)}

    def told(cells: Sequence[object], column: str) -> str:
        place = at.get(column)
        return str(cells[place]).strip().lower() if place is not None and place < len(cells) else ""

    def excluded(cells: Sequence[object]) -> str | None:
        if told(cells, "distributionchannel") == "preview" or told(cells, "status") in _NO_CUSTOMER:
            return "preview"
        return "unfinished" if told(cells, "finished") in _UNFINISHED else None

    return RowFile(table, _QUALTRICS, excluded)
