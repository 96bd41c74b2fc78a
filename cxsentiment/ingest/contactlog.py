"""The contact log of a telephony or routing system: one row a contact, also of those nobody spoke in.

It joins by contact id; or, where its file has no id, by customer and the start that lies nearest. It fills what a
transcript does not say and never overrules it: what differs is counted as a conflict.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateError, DateRules, Moment, read_date
from cxsentiment.ingest.sources import find_sources, ignore
from cxsentiment.ingest.survey_files import RowFile, open_rows
from cxsentiment.ingest.tables import Row, missing_column
from cxsentiment.ingest.values import contact_id, text_or_none
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

LogTimeUnit = Literal["s", "ms", "min"]
TIME_UNITS: Mapping[str, float] = {"s": 1.0, "ms": 0.001, "min": 60.0}

# What a log fills where a contact lacks it, and the columns that only a log can give.
FILLED = ("agent_id", "customer_id", "campaign", "queue", "started_at")
DURATIONS = ("wait_s", "hold_s", "wrap_up_s", "handle_s")
FLAGS = ("transferred", "abandoned", "resolved")
LABELS = ("shift", "site")
COLUMNS = (*DURATIONS, *FLAGS, *LABELS)
_FIELDS = ("id", *FILLED, *COLUMNS)

_NAMES: Mapping[str, Sequence[str]] = {
    "wait_s": ("wait_s", "wait"),
    "hold_s": ("hold_s", "hold"),
    "wrap_up_s": ("wrap_up_s", "wrap_up"),
    "handle_s": ("handle_s", "handle_time"),
}
_MISSING = frozenset({"", "na", "n/a", "none", "null", "nan", "-"})
_WORDS = {**dict.fromkeys(("yes", "true", "1", "y", "t"), True), **dict.fromkeys(("no", "false", "0", "n", "f"), False)}
_NUMBER = re.compile(r"\d{1,12}(?:[.,]\d{1,9})?")
# 1.234 seconds in one country and 1,234 in another.
_TWO_NUMBERS = re.compile(r"[1-9]\d{0,2},\d{3}")
_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d(?:\.\d+)?)")
_MAX_SECONDS = 7 * 86_400.0
# A log counts from the queue, a transcript from the first word: starts this far apart may be of one contact.
_SAME_START_S = 3600.0
# Without an id only a start as near as this makes a row and a contact of one customer the same.
_NEAR_S = 600.0


@dataclass(frozen=True, slots=True)
class LogRules:
    """What the user declares about a log, besides the columns (--map)."""

    dates: DateRules = field(default_factory=DateRules)
    unit: LogTimeUnit = "s"
    keep: Literal["last", "first"] = "last"


@dataclass(frozen=True, slots=True)
class LogRow:
    """One contact as the log has it; `values` by field, absent ones left out."""

    id: str | None
    customer_id: str | None
    start: Moment | None
    values: Mapping[str, str | float | bool]
    source: str
    record: int


@dataclass(frozen=True, slots=True)
class ContactLog:
    """The rows of a log by contact id, those without an id by customer, and what became of the others."""

    by_id: Mapping[str, LogRow]
    by_customer: Mapping[str, Sequence[LogRow]] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    rows: int = 0
    duplicates: int = 0
    rules: LogRules = field(default_factory=LogRules)

    def all_rows(self) -> list[LogRow]:
        """Every row that counts, those with an id first."""
        return [*self.by_id.values(), *(row for rows in self.by_customer.values() for row in rows)]

    def content(self) -> object:
        """All that a run's results depend on, for its identity."""
        return [repr(row) for row in self.all_rows()] + [len(self.rejects)]


class LogJoin:
    """A log being joined to contacts one by one; each row is given out once."""

    def __init__(self, log: ContactLog) -> None:
        self._log = log
        self._contact_of: dict[int, str] = {}
        self._conflicts: Counter[str] = Counter()
        self._unclear = 0

    def values(self, contact: Mapping[str, str | None]) -> tuple[dict[str, Any], list[str]]:
        """What the log adds to a contact (its id and the fields of `FILLED`), and in what they differ."""
        row = self._row(contact)
        if row is None:
            return {}, []
        self._contact_of[id(row)] = str(contact["id"])
        differing = [name for name in FILLED if _differs(name, row, contact.get(name), self._log.rules.dates)]
        self._conflicts.update(differing)
        return {name: value for name, value in row.values.items() if contact.get(name) is None}, differing

    def apply(self, transcript: Transcript) -> Transcript:
        """The transcript with what the log says of it; each conflict is a warning."""
        known = {name: getattr(transcript, name) for name in ("id", *FILLED)}
        added, differing = self.values(known)
        if not added and not differing:
            return transcript
        warnings = [f"the contact log says another {name}; the transcript's is kept" for name in differing]
        return replace(
            transcript,
            **{name: added[name] for name in FILLED if name in added},
            log={name: added[name] for name in COLUMNS if name in added},
            warnings=(*transcript.warnings, *warnings),
        )

    def facts(self) -> dict[str, Any]:
        """What the receipt says about the log."""
        log, matched = self._log, len(self._contact_of)
        used = len(log.all_rows())
        notes = list(log.notes)
        if self._unclear:
            notes.append(f"{self._unclear} contacts have two rows of their customer equally near: none was joined")
        return {
            "source": log.source,
            "rows": log.rows,
            "used": used,
            "matched": matched,
            "only_in_log": used - matched,
            "duplicates": log.duplicates,
            "rejected": len(log.rejects),
            "conflicts": dict(sorted(self._conflicts.items())),
            "notes": notes,
        }

    def table(self) -> list[dict[str, Any]]:
        """Every row of the log that counts, for the run; `scored` says whether its contact has a transcript here."""
        rows = []
        for row in self._log.all_rows():
            contact = self._contact_of.get(id(row))
            rows.append({"contact_id": contact or row.id, **row.values, "scored": contact is not None})
        return rows

    def _row(self, contact: Mapping[str, str | None]) -> LogRow | None:
        found = self._log.by_id.get(str(contact["id"]))
        if found is not None:
            return None if id(found) in self._contact_of else found
        candidates = self._log.by_customer.get(contact.get("customer_id") or "", ())
        start = _moment(contact.get("started_at"), self._log.rules.dates) if candidates else None
        if start is None:
            return None
        free = [row for row in candidates if id(row) not in self._contact_of and row.start is not None]
        near = sorted((_apart(row.start, start), place) for place, row in enumerate(free) if row.start is not None)
        near = [one for one in near if one[0] <= _NEAR_S]
        if len(near) > 1 and near[0][0] == near[1][0]:
            self._unclear += 1
            return None
        return free[near[0][1]] if near else None


def read_log(paths: Sequence[str], rules: LogRules, columns: Mapping[str, str] | None = None) -> ContactLog:
    """Read the files (also folders and globs) of a contact log: CSV, TSV, Parquet or flat JSON, one row a contact.

    A row that has a value that cannot be read is refused, for half a row would make a wrong mean. Of several rows for
    one contact (a transfer makes a second) one is kept, by `rules.keep`.

    Raises:
        UsageError: a file is missing.
        InputError: a file cannot be read, or has neither a contact id nor a customer id and a start.
    """
    reading = _Reading(rules)
    for path in paths:
        try:
            sources = find_sources([path])
        except UsageError as error:
            raise UsageError(path, "no such contact log", do="Check the path given with --log") from error
        for source in sources:
            opened = open_rows(source, (columns or {}).get("sheet"))
            if opened is not None:
                reading.read(opened, columns or {})
    return reading.log()


class _Reading:
    """Rows of a log gathered file by file."""

    def __init__(self, rules: LogRules) -> None:
        self._rules = rules
        self._sources: list[str] = []
        self._by_id: dict[str, LogRow] = {}
        self._by_customer: dict[str, list[LogRow]] = {}
        self._rejects: list[Reject] = []
        self._notes: dict[str, None] = {}
        self._rows = self._duplicates = self._zoneless = 0

    def read(self, file: RowFile, columns: Mapping[str, str]) -> None:
        table = file.table
        self._sources.append(table.source)
        self._notes |= dict.fromkeys(table.warnings)
        named = replace(file, names={**_NAMES, **file.names})
        fields = named.layout(_FIELDS, columns).fields
        if "id" not in fields and not {"customer_id", "started_at"} <= set(fields):
            raise missing_column(table.source, table.columns, "id")
        for row in table.rows(ignore):
            self._rows += 1
            try:
                self._add(self._row(row, fields, table.source))
            except InputError as error:
                told = None
                if "id" in fields and not row.problem and row.cells[fields["id"]] is not None:
                    told = mask(str(row.cells[fields["id"]]).strip()).text or None
                self._rejects.append(Reject(table.source, row.number, told, error.code, error.message))

    def _row(self, row: Row, fields: Mapping[str, int], source: str) -> LogRow:
        where = f"{source}:{row.number}"
        if row.problem:
            raise InputError("bad_row", where, row.problem)
        cells = {name: row.cells[at] for name, at in fields.items()}
        values: dict[str, str | float | bool] = {}
        start: Moment | None = None
        for name, cell in cells.items():
            try:
                if name == "started_at":
                    start = read_date(cell, self._rules.dates)
                    value: str | float | bool | None = None if start is None else str(start)
                else:
                    value = _value(name, cell, self._rules.unit)
            except DateError as error:
                raise InputError(error.code, where, f"started_at {error}") from error
            except ValueError as error:
                raise InputError(f"bad_{name}", where, f"{name} {error}") from error
            if value is not None and name != "id":
                values[name] = value
        identity, customer = contact_id(cells.get("id")), text_or_none(cells.get("customer_id"))
        if identity is None and (customer is None or start is None):
            raise InputError("missing_id", where, "has no contact id, nor a customer id and a start")
        return LogRow(identity, customer, start, values, source, row.number)

    def _add(self, row: LogRow) -> None:
        self._zoneless += row.start is not None and not row.start.zoned
        if row.id is None:
            self._by_customer.setdefault(row.customer_id or "", []).append(row)
            return
        before = self._by_id.get(row.id)
        self._duplicates += before is not None
        if before is None or _replaces(row, before, self._rules.keep):
            self._by_id[row.id] = row

    def log(self) -> ContactLog:
        notes = list(self._notes)
        if self._duplicates:
            notes.append(f"{self._duplicates} rows came again for their contact; the {self._rules.keep} is kept")
        if self._zoneless:
            notes.append(f"{self._zoneless} times name no zone and are kept as they stand; say --timezone")
        return ContactLog(
            self._by_id,
            self._by_customer,
            tuple(self._rejects),
            tuple(notes),
            ", ".join(self._sources),
            self._rows,
            self._duplicates,
            self._rules,
        )


def _value(name: str, cell: object, unit: LogTimeUnit) -> str | float | bool | None:
    if name in DURATIONS:
        return seconds(cell, unit)
    if name in FLAGS:
        return flag(cell)
    return contact_id(cell) if name == "id" else text_or_none(cell)


def seconds(cell: object, unit: LogTimeUnit) -> float | None:
    """A duration in `unit`, or H:MM:SS, as seconds; absent is None.

    Raises:
        ValueError: where it is none, could be two, is negative or longer than a week.
    """
    text = "" if cell is None or isinstance(cell, bool) else str(cell).strip()
    if text.lower() in _MISSING:
        return None
    if clock := _CLOCK.fullmatch(text):
        found = int(clock[1]) * 3600 + int(clock[2]) * 60 + float(clock[3])
    elif _TWO_NUMBERS.fullmatch(text):
        raise ValueError("could be two numbers: write it without a comma between thousands, and decimals with a point")
    elif _NUMBER.fullmatch(text):
        found = float(text.replace(",", ".")) * TIME_UNITS[unit]
    else:
        raise ValueError("is no duration: write seconds or H:MM:SS")
    if found > _MAX_SECONDS:
        raise ValueError("is longer than a week: is it in milliseconds (--log-time-unit ms)?")
    return round(found, 3)


def flag(cell: object) -> bool | None:
    """yes or no, true or false, 1 or 0; absent is None.

    Raises:
        ValueError: for any other word.
    """
    text = "" if cell is None else str(cell).strip().lower().removesuffix(".0")
    if text in _MISSING:
        return None
    if text not in _WORDS:
        raise ValueError("is neither yes nor no (allowed: yes, no, true, false, 1, 0)")
    return _WORDS[text]


def _replaces(new: LogRow, old: LogRow, keep: str) -> bool:
    if new.start is None or old.start is None or new.start.zoned != old.start.zoned or new.start.at == old.start.at:
        return keep == "last"
    return (new.start.at > old.start.at) == (keep == "last")


def _differs(name: str, row: LogRow, own: str | None, rules: DateRules) -> bool:
    if own is None or name not in row.values:
        return False
    if name != "started_at":
        return own != row.values[name]
    moment = _moment(own, rules)
    if moment is None or row.start is None or moment.zoned != row.start.zoned:
        return False  # nobody can tell
    return _apart(row.start, moment) > _SAME_START_S


def _moment(text: str | None, rules: DateRules) -> Moment | None:
    try:
        return read_date(text, rules)
    except DateError:
        return None


def _apart(one: Moment, other: Moment) -> float:
    return abs((one.at - other.at).total_seconds())
