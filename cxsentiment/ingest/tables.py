"""Turn tables: one row a turn, with a column that says which contact it belongs to.

Rows of one contact need not stand together. The source is read twice: first the ids alone, to know how many rows each
contact has, then the rows, giving each contact out when its last row has come. So memory holds only open contacts,
and a contact is never split.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cxsentiment.errors import InputError
from cxsentiment.ingest.options import CONTACT_FIELDS, TURN_FIELDS, ReadOptions, normalise_name
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.sources import Advance, ignore
from cxsentiment.ingest.values import contact_id, shown
from cxsentiment.schema import Reject, Transcript

# Rows held for contacts whose last row has not come yet: about 1 GiB of short turns.
MAX_OPEN_ROWS = 2_000_000

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line or row number from 1 (the header is line 1), its cells, and what is wrong with it, if so."""

    number: int
    cells: Sequence[object]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can be read more than once. `unit` is what a row's number counts: "line" or "row"."""

    source: str
    columns: tuple[str, ...]
    rows: Callable[[Advance], Iterator[Row]]
    stem: str
    unit: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """Our field → position of its column; `extra`: other column → position."""

    fields: Mapping[str, int]
    extra: Mapping[str, int]


def find_columns(source: str, columns: Sequence[str], fields: Sequence[str], options: ReadOptions) -> Layout:
    """Find each field's column, by --map or by its known names, after normalising the header.

    Raises:
        InputError: `duplicate_column`, or `missing_column` where a column named with --map is not there.
    """
    positions: dict[str, int] = {}
    for position, column in enumerate(columns):
        name = normalise_name(column)
        if name and name in positions:
            raise InputError(
                "duplicate_column", source, f'two columns are named "{name}"', do="Rename or remove one of them"
            )
        positions[name] = position
    found = {}
    for field in fields:
        column_name = options.source_name(field, positions)
        if column_name is not None:
            found[field] = positions[column_name]
        elif field in options.columns:
            raise missing_column(source, columns, options.columns[field], f"--map {field}={options.columns[field]}")
    used = set(found.values())
    return Layout(found, {name: at for name, at in positions.items() if name and at not in used})


def missing_column(source: str, columns: Sequence[str], name: str, wanted_by: str = "") -> InputError:
    """The error for a column that is not there: names the columns seen and how to map one."""
    seen = ", ".join(shown(column) for column in columns[:20]) or "none"
    wanted = f" (asked for by {wanted_by})" if wanted_by else ""
    return InputError(
        "missing_column",
        source,
        f'no column "{name}"{wanted}; columns seen: {seen}',
        do="The first row must name the columns"
        + ("" if wanted_by else f". If it has another name, say --map {name}=COLUMN"),
    )


def read_table(table: Table, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the contacts of a turn table in the order of their last rows; `record` is the number of the first row.

    Raises:
        InputError: `missing_column`, `duplicate_column`, `empty`, `scattered_rows`.
    """
    layout = find_columns(table.source, table.columns, (*CONTACT_FIELDS, *TURN_FIELDS), options)
    for field in ("text", "speaker"):
        if field not in layout.fields:
            raise missing_column(table.source, table.columns, field)
    at = layout.fields.get("id")
    expected = Counter(_key(row, at) for row in table.rows(ignore))
    if not expected:
        raise InputError("empty", table.source, "holds no turns: there is no row below the header")
    warnings = table.warnings
    if at is None:
        warnings += (f'there is no contact id column; the whole file is one contact, "{table.stem}"',)
    builder = _Builder(table, layout, ReadOptions(roles=options.roles), warnings)
    waiting: dict[str, list[Row]] = {}
    held = 0
    for row in table.rows(advance):
        key = _key(row, at)
        group = waiting.setdefault(key, [])
        group.append(row)
        held += 1
        if len(group) == expected[key]:
            del waiting[key]
            held -= len(group)
            yield from builder.contacts(key, group)
        elif held > MAX_OPEN_ROWS:
            raise InputError(
                "scattered_rows",
                table.source,
                f"more than {MAX_OPEN_ROWS:,} rows belong to contacts that are not complete",
                do="Sort the table by contact id",
            )


def _key(row: Row, at: int | None) -> str:
    """What rows of one contact share: its id; empty where there is none."""
    if at is None or at >= len(row.cells):
        return ""
    value = row.cells[at]
    return _id(value if isinstance(value, (str, int)) else str(value or ""))


@lru_cache(maxsize=4096)
def _id(value: str | int) -> str:
    return contact_id(str(value)) or ""


class _Builder:
    """Makes generic records of the rows of one table."""

    def __init__(self, table: Table, layout: Layout, options: ReadOptions, warnings: tuple[str, ...]) -> None:
        self._table = table
        self._layout = layout
        self._options = options
        self._warnings = warnings

    def contacts(self, key: str, rows: Sequence[Row]) -> Iterator[Transcript | Reject]:
        first = rows[0].number
        has_id = "id" in self._layout.fields
        if has_id and not key:
            yield self._reject(rows, None, "missing_id", "have no contact id")
            return
        bad = [row for row in rows if row.problem]
        if bad:
            yield self._reject(bad, key if has_id else self._table.stem, "bad_row", bad[0].problem or "")
            return
        record, notes = self._record(rows)
        if not has_id:
            record["id"] = self._table.stem
        yield read_or_reject(
            record,
            source=self._table.source,
            number=first,
            options=self._options,
            warnings=(*self._warnings, *notes),
        )

    def _reject(self, rows: Sequence[Row], contact: str | None, code: str, what: str) -> Reject:
        numbers = ", ".join(str(row.number) for row in rows[:_LISTED])
        more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        whole = f'; contact "{shown(contact)}" is refused, for a hole would be scored wrongly' if contact else ""
        where = f"{self._table.source}: {self._table.unit} {numbers}{more}"
        return Reject(self._table.source, rows[0].number, contact, code, f"{where}: {what}{whole}")

    def _record(self, rows: Sequence[Row]) -> tuple[dict[str, object], list[str]]:
        fields, extra = self._layout.fields, self._layout.extra
        record: dict[str, object] = {}
        notes = []
        for field in CONTACT_FIELDS:
            if field not in fields:
                continue
            values = _distinct(rows, fields[field])
            if len(values) > 1 and field != "agent_id":
                notes.append(f"{field} differs between the rows of the contact; it is taken as missing")
            elif len(values) == 1:
                record[field] = values[0]
        attrs = {name: values[0] for name, at in extra.items() if len(values := _distinct(rows, at)) == 1}
        return {**record, "attrs": attrs, "turns": [self._turn(row) for row in rows]}, notes

    def _turn(self, row: Row) -> dict[str, object]:
        fields = self._layout.fields
        turn = {field: row.cells[fields[field]] for field in TURN_FIELDS if field in fields}
        if "agent_id" in fields and _present(row.cells[fields["agent_id"]]):
            turn["agent_id"] = str(row.cells[fields["agent_id"]]).strip()
        return turn


def _distinct(rows: Sequence[Row], at: int) -> list[object]:
    """The different values of a column, absent ones left out."""
    values: dict[object, None] = {}
    for row in rows:
        value = row.cells[at]
        if _present(value):
            values[value if isinstance(value, Hashable) else str(value)] = None
    return list(values)


def _present(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())
