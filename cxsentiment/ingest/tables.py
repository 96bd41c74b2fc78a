"""Turn tables: one row a turn, with a column that says which contact it belongs to.

Rows of one contact need not stand together. The source is read twice: first the ids alone, to know how many rows each
contact has, then the rows, giving each contact out when its last row has come. So memory holds only open contacts,
and a contact is never split.

A row with a wrong number of cells, or with faulty quotes, is refused, and with it what it damages. With a speaker in
its place it is a row of its own, and leaves a hole in its contact. Without, it is most often the rest of a cell with a
line break that is not quoted; then the row before it is cut, and refused as well. What stands in the place of its id is
believed only where a whole row has that id too. A row whose date cannot be used is refused too. A contact keeps its
other rows and is marked (records.py); with none left it is refused whole.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from cxsentiment.errors import InputError
from cxsentiment.ingest.dates import DateError, DateRules, Moment, date_or_error, looks_like_date
from cxsentiment.ingest.options import CONTACT_FIELDS, START_COLUMNS, TURN_FIELDS, ReadOptions, normalise_name
from cxsentiment.ingest.records import Unusable, read_or_reject
from cxsentiment.ingest.sources import Advance, ignore
from cxsentiment.ingest.values import contact_id, shown
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

# Rows held for contacts whose last row has not come yet: about 1 GiB of short turns.
MAX_OPEN_ROWS = 2_000_000

_MAX_LABELS = 1_000_000
_DATES_TRIED = 1_000  # rows that tell whether a column holds dates
_LISTED = 5
_FILL_DOWN = (
    "Where the id stands only in a contact's first row (merged cells), unmerge the cells and fill it down to the last"
    " row of the contact: its other turns are missing"
)
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
    declared = "started_at" in layout.fields
    layout = layout if declared else _with_dates(table, layout, options.dates)
    at = layout.fields.get("id")
    expected, broken, labels, below = _survey(table, layout)
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
        _damage(broken, expected, labels, options),
        below,
        first_date=not declared,
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
    """A row with a wrong number of cells, or with faulty quotes.

    `own` and `label` stand in the places of its id and its speaker; `before` are key and number of the last whole row.
    """

    number: int
    problem: str
    own: str
    label: str | None
    before: tuple[str, int] | None


def _survey(
    table: Table, layout: Layout
) -> tuple[Counter[str], list[_Broken], set[object], Mapping[str, Sequence[int]]]:
    """How many whole rows each contact has, the broken rows, the speakers of the whole ones, and those without an id
    that stand right below a contact's."""
    at, speaker = layout.fields.get("id"), layout.fields["speaker"]
    expected: Counter[str] = Counter()
    broken = []
    labels: set[object] = set()
    below: dict[str, list[int]] = {}
    before, named = None, ""
    for row in table.rows(ignore):
        key = _key(row, at)
        if row.problem:
            label = str(row.cells[speaker]) if speaker < len(row.cells) else None
            # Only of lines and rows one can be the rest of the one before.
            broken.append(_Broken(row.number, row.problem, key, label, None if table.unit == "element" else before))
        else:
            expected[key] += 1
            before = key, row.number
            named = key or named
            if at is not None and named and not key:
                below.setdefault(named, []).append(row.number)
            if len(labels) < _MAX_LABELS and isinstance(row.cells[speaker], str):
                labels.add(row.cells[speaker])
    return expected, broken, labels, below


def _damage(
    broken: Iterable[_Broken], known: Collection[str], labels: Collection[object], options: ReadOptions
) -> dict[str | None, dict[int, str]]:
    """What is wrong with each row that is refused, by its number, for each contact; None for no known contact."""
    damage: dict[str | None, dict[int, str]] = {}
    own: tuple[str | None, int] | None = None  # the last broken row that is a row of its own
    for row in broken:
        if row.label is not None and (row.label in labels or options.speaker(row.label) is not None):
            own = row.own if row.own in known else None, row.number
            damage.setdefault(own[0], {})[row.number] = row.problem
            continue
        # What is no row of its own is the rest of the row before it, whether that is whole or broken.
        before = max(filter(None, (row.before, own)), key=lambda one: one[1], default=None)
        if before is None:
            damage.setdefault(None, {})[row.number] = row.problem
        else:
            contact, cut = before
            rows = damage.setdefault(contact, {})
            rows.setdefault(cut, "its end is missing: what follows is no row of its own (a line break needs quotes)")
            rows[row.number] = row.problem
    return damage


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
        damage: Mapping[str | None, Mapping[int, str]],
        below: Mapping[str, Sequence[int]],
        *,
        first_date: bool,
    ) -> None:
        self._table = table
        self._layout = layout
        self._options = options
        self._warnings = warnings
        self._damage = damage
        self._below = below
        self._first_date = first_date

    def orphans(self) -> Iterator[Reject]:
        """The broken rows that belong to no contact that is known."""
        yield from self._nobodys(None)

    def contacts(self, key: str, rows: Sequence[Row]) -> Iterator[Transcript | Reject]:
        first = rows[0].number
        has_id = "id" in self._layout.fields
        if has_id and not key:
            numbers = [row.number for row in rows]
            column = shown(self._table.columns[self._layout.fields["id"]].strip())
            yield self._reject(numbers, "missing_id", f'have no contact id in column "{column}". {_FILL_DOWN}')
            yield from self._nobodys(key, numbers)
            return
        record, notes = self._record(rows, self._damage.get(key, {}))
        if orphans := self._below.get(key):
            notes.append(f"no contact id in {self._rows(orphans)} right below: turns of this contact may be missing")
        yield read_or_reject(
            record,
            source=self._table.source,
            number=first,
            options=self._options,
            warnings=(*self._warnings, *notes),
            made_id=None if has_id else self._table.stem,
        )

    def _nobodys(self, key: str | None, but: Collection[int] = ()) -> Iterator[Reject]:
        damage = self._damage.get(key, {})
        if rows := sorted(set(damage) - set(but)):
            yield self._reject(rows, "bad_row", damage[rows[0]])

    def _reject(self, rows: Sequence[int], code: str, what: str) -> Reject:
        return Reject(self._table.source, rows[0], None, code, f"{self._table.source}: {self._rows(rows)}: {what}")

    def _rows(self, rows: Sequence[int]) -> str:
        numbers = ", ".join(map(str, rows[:_LISTED]))
        more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
        return f"{self._table.unit}{'s' if len(rows) > 1 else ''} {numbers}{more}"

    def _record(self, rows: Sequence[Row], damage: Mapping[int, str]) -> tuple[dict[str, object], list[str]]:
        fields, extra = self._layout.fields, self._layout.extra
        record: dict[str, object] = {}
        notes = []
        for field in CONTACT_FIELDS:
            if field not in fields:
                continue
            values = self._dates(rows) if field == "started_at" else _distinct(rows, fields[field])
            if len(values) > 1 and field == "id":  # 17 and "17": the rows are of one contact, as `_key` found
                values = values[:1]
            if len(values) > 1 and field != "agent_id":
                notes.append(f"{field} differs between the rows of the contact; it is taken as missing")
            elif len(values) == 1:
                record[field] = values[0]
        attrs = {name: values[0] for name, at in extra.items() if len(values := _distinct(rows, at)) == 1}
        turns: dict[int, object] = {row.number: self._turn(row) for row in rows}
        turns |= {number: self._fault(number, "bad_row", what) for number, what in damage.items()}
        return {**record, "attrs": attrs, "turns": [turns[number] for number in sorted(turns)]}, notes

    def _fault(self, number: int, code: str, what: str, do: str = "") -> Unusable:
        where = f"{self._table.source}: {self._table.unit} {number}"
        return Unusable(number, InputError(code, where, what, do=do))

    def _date(self, row: Row) -> Moment | DateError | None:
        at = self._layout.fields.get("started_at")
        if at is None:
            return None
        return date_or_error(row.cells[at], self._options.dates)

    def _dates(self, rows: Sequence[Row]) -> list[object]:
        """The different dates of the contact, as they stand: where the rows have dates of their own, the first."""
        at = self._layout.fields["started_at"]
        found = [(date.at, row.cells[at]) for row in rows if isinstance(date := self._date(row), Moment)]
        if self._first_date and found:
            return [min(found, key=lambda one: one[0])[1]]
        return list(dict.fromkeys(value for _, value in found))

    def _turn(self, row: Row) -> dict[str, object] | Unusable:
        fields = self._layout.fields
        if isinstance(error := self._date(row), DateError):
            name = shown(self._table.columns[fields["started_at"]].strip())
            return self._fault(row.number, error.code, f'"{name}" {error}', "Correct the date, or leave it empty")
        turn = {field: row.cells[fields[field]] for field in TURN_FIELDS if field in fields}
        if "agent_id" in fields and _present(row.cells[fields["agent_id"]]):
            turn["agent_id"] = str(row.cells[fields["agent_id"]]).strip()
        return turn


def _with_dates(table: Table, layout: Layout, rules: DateRules) -> Layout:
    """The layout with the column that dates the rows: the first of START_COLUMNS of whose values most are dates."""
    columns = [name for name in START_COLUMNS if name in layout.extra]
    rows = [row for row in islice(table.rows(ignore), _DATES_TRIED) if not row.problem] if columns else []
    for name in columns:
        values = [value for row in rows if _present(value := row.cells[layout.extra[name]])]
        if 2 * sum(looks_like_date(value, rules) for value in values) > len(values):
            extra = {other: at for other, at in layout.extra.items() if other != name}
            return Layout({**layout.fields, "started_at": layout.extra[name]}, extra)
    return layout


def _distinct(rows: Sequence[Row], at: int) -> list[object]:
    """The different values of a column, absent ones left out; spaces around a text make no other value."""
    values: dict[object, None] = {}
    for row in rows:
        value = row.cells[at]
        if _present(value):
            value = value.strip() if isinstance(value, str) else value
            values[value if isinstance(value, Hashable) else str(value)] = None
    return list(values)


def _present(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())
