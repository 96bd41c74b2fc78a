"""Turn tables: one row a turn, with a column that says which contact it belongs to.

Rows of one contact need not stand together. The source is read twice: first the ids alone, to know how many rows each
contact has, then the rows, giving each contact out when its last row has come. So memory holds only open contacts,
and a contact is never split.

A row with a wrong number of cells is most often the rest of a cell with a line break that is not quoted, and the row
before it is cut. So it refuses the contact of the row before, and its own first words are never taken for an id: only
an id that a whole row has too is believed, and refuses that contact, which would have a hole.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cxsentiment.errors import InputError
from cxsentiment.ingest.options import CONTACT_FIELDS, TURN_FIELDS, ReadOptions, normalise_name
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.sources import Advance, ignore
from cxsentiment.ingest.values import contact_id, shown
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

# Rows held for contacts whose last row has not come yet: about 1 GiB of short turns.
MAX_OPEN_ROWS = 2_000_000

_LISTED = 5
# Columns of files that are no transcripts.
_SURVEY_COLUMNS = frozenset({"csat", "nps", "ces", "rating", "responseid", "response_id", "handle_s", "abandoned"})
_COLUMNS_LISTED = 20
_MAX_COLUMN_NAME_CHARACTERS = 40
_MAX_COLUMN_NAME_WORDS = 3


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
    """The error for a column that is not there: names the columns seen and how to map one.

    Without a header the first row is what somebody said, so only what looks like a column's name is quoted.
    """
    likely = [column for column in columns if _looks_like_name(column)]
    seen = f"columns seen: {', '.join(map(shown, likely[:_COLUMNS_LISTED]))}"
    if not likely:
        seen = "the first row does not look like column names"
    wanted = f" (asked for by {wanted_by})" if wanted_by else ""
    return InputError(
        "missing_column",
        source,
        f'no column "{name}"{wanted}; {seen}',
        do="The first row must name the columns" + ("" if wanted_by else _advice(name, columns)),
    )


def _advice(name: str, columns: Sequence[str]) -> str:
    if name in ("text", "speaker") and _SURVEY_COLUMNS & set(map(normalise_name, columns)):
        return "; these look like survey answers or a contact log: give them with --surveys or --log"
    return f". If it has another name, say --map {name}=COLUMN"


def _looks_like_name(cell: str) -> bool:
    """Short, at most three words, no sentence, no number and nothing personal."""
    name = cell.strip()
    return (
        0 < len(name) <= _MAX_COLUMN_NAME_CHARACTERS
        and len(name.split()) <= _MAX_COLUMN_NAME_WORDS
        and any(character.isalpha() for character in name)
        and not name.endswith((".", "!", "?", ",", "…"))
        and not mask(name).counts
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
    expected, broken = _survey(table, at)
    if not expected and not broken:
        raise InputError(
            "empty", table.source, "holds no turns: there is no row below the header", do="Export it again"
        )
    warnings = table.warnings
    if at is None:
        warnings += (f'there is no contact id column; the whole file is one contact, "{table.stem}"',)
    builder = _Builder(
        table,
        layout,
        replace(options, columns={}),
        warnings,
        _refused(broken, expected),
    )
    yield from builder.orphans()
    waiting: dict[str, list[Row]] = {}
    held = 0
    for row in table.rows(advance):
        if row.problem:
            continue
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


@dataclass(frozen=True, slots=True)
class _Broken:
    """A row with a wrong number of cells: `before` is the key of the last whole row, `own` what stands in its place."""

    number: int
    problem: str
    short: bool
    before: str | None
    own: str

    def refuses(self, known: Collection[str]) -> set[str | None]:
        """The keys of the contacts that it damages; None for no contact that is known."""
        own: set[str | None] = {self.own} if self.own and self.own in known else set()
        return own if own and (self.before is None or not self.short) else own | {self.before}


def _survey(table: Table, at: int | None) -> tuple[Counter[str], list[_Broken]]:
    """How many whole rows each contact has, and the rows that are broken."""
    expected: Counter[str] = Counter()
    broken = []
    before = None
    for row in table.rows(ignore):
        key = _key(row, at)
        if row.problem:
            broken.append(_Broken(row.number, row.problem, len(row.cells) < len(table.columns), before, key))
        else:
            expected[key] += 1
            before = key
    return expected, broken


def _refused(broken: Iterable[_Broken], known: Collection[str]) -> dict[str | None, list[_Broken]]:
    """The broken rows by the key of each contact they damage."""
    refused: dict[str | None, list[_Broken]] = {}
    for row in broken:
        for key in row.refuses(known):
            refused.setdefault(key, []).append(row)
    return refused


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

    def __init__(
        self,
        table: Table,
        layout: Layout,
        options: ReadOptions,
        warnings: tuple[str, ...],
        broken: Mapping[str | None, Sequence[_Broken]],
    ) -> None:
        self._table = table
        self._layout = layout
        self._options = options
        self._warnings = warnings
        self._broken = broken

    def orphans(self) -> Iterator[Reject]:
        """The broken rows that belong to no contact that is known."""
        if rows := self._broken.get(None):
            yield self._reject(rows, None, "bad_row", rows[0].problem)

    def contacts(self, key: str, rows: Sequence[Row]) -> Iterator[Transcript | Reject]:
        first = rows[0].number
        has_id = "id" in self._layout.fields
        if has_id and not key:
            yield self._reject(rows, None, "missing_id", "have no contact id")
            if bad := self._broken.get(key):
                yield self._reject(bad, None, "bad_row", bad[0].problem)
            return
        if bad := self._broken.get(key):
            yield self._reject(bad, key if has_id else self._table.stem, "bad_row", bad[0].problem)
            return
        record, notes = self._record(rows)
        yield read_or_reject(
            record,
            source=self._table.source,
            number=first,
            options=self._options,
            warnings=(*self._warnings, *notes),
            made_id=None if has_id else self._table.stem,
        )

    def _reject(self, rows: Sequence[Row] | Sequence[_Broken], contact: str | None, code: str, what: str) -> Reject:
        numbers = ", ".join(str(row.number) for row in rows[:_LISTED])
        more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        plural = "s" if len(rows) > 1 else ""
        whole = f'; contact "{shown(contact)}" is refused, for a hole would be scored wrongly' if contact else ""
        where = f"{self._table.source}: {self._table.unit}{plural} {numbers}{more}"
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
