"""Contacts of run and log as one table, parted by agent, campaign, channel, queue, shift, site or week."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.errors import UsageError
from cxsentiment.starts import Starts, week_name
from cxsentiment.stats.arrays import IntArray, codes

BY = ("agent", "campaign", "channel", "queue", "shift", "site", "week")
_COLUMN = {"agent": "agent_id"}
_SHIFT = re.compile(r"\s*([^=,]{1,40}?)\s*=\s*(\d{1,2})(?::00)?\s*-\s*(\d{1,2})(?::00)?\s*")
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Slices:
    """The slice of each contact: `of` (n,) codes into `names`, -1 where not known."""

    by: str
    of: IntArray
    names: tuple[str, ...]


def all_contacts(contacts: pa.Table, log: pa.Table | None) -> pa.Table:
    """Contacts with a transcript, and those only the log has; what one does not say the other fills in.

    The columns are those of the run's contacts. A contact of both stands once.
    """
    if log is None or log.num_rows == 0:
        return contacts
    at = pc.index_in(contacts["contact_id"].combine_chunks(), value_set=log["contact_id"].combine_chunks())
    for name in runs.LOG.names:
        if name in contacts.column_names and name != "contact_id":
            filled = pc.coalesce(contacts[name].combine_chunks(), log[name].combine_chunks().take(at))
            contacts = contacts.set_column(contacts.column_names.index(name), contacts.schema.field(name), filled)
    # A row without an id (joined by customer) that no transcript took is a contact of its own.
    known = pc.is_in(log["contact_id"], value_set=contacts["contact_id"].combine_chunks())
    rest = log.filter(pc.invert(pc.and_(known, pc.is_valid(log["contact_id"]))))
    columns = [
        rest[field.name].cast(field.type) if field.name in rest.column_names else pa.nulls(rest.num_rows, field.type)
        for field in contacts.schema
    ]
    return pa.concat_tables([contacts, pa.table(columns, schema=contacts.schema)])


def slices(contacts: pa.Table, by: str, times: Starts, shifts: Sequence["Shift"] = ()) -> Slices:
    """Part the contacts. `shifts`, where given, come before the log's own. Raises UsageError for an unknown `by`."""
    if by not in BY:
        raise UsageError(f"--by {by}", "is no way to part contacts", allowed=", ".join(BY))
    if by == "week":
        weeks, of = np.unique(times.week, return_inverse=True)
        known = weeks >= 0
        return Slices(
            by, np.where(known[of], of - int((~known).sum()), -1), tuple(map(week_name, weeks[known].tolist()))
        )
    if by == "shift" and shifts:
        return Slices(by, shift_of(times, shifts), tuple(shift.name for shift in shifts))
    of, names = codes(contacts[_COLUMN.get(by, by)])
    return Slices(by, of, tuple(names))


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift by the wall clock: from `first` (0-23) up to `last` (1-24), over midnight where `last` <= `first`."""

    name: str
    first: int
    last: int

    def hours(self) -> list[int]:
        """The hours of the day that belong to it."""
        length = (self.last - self.first) % _HOURS or _HOURS
        return [(self.first + k) % _HOURS for k in range(length)]


def read_shifts(text: str | None) -> tuple[Shift, ...]:
    """Read `day=08-16,evening=16-24,night=00-08`. Raises UsageError for bad hours and for hours of two shifts."""
    if text is None:
        return ()
    found: list[Shift] = []
    taken: dict[int, str] = {}
    for part in text.split(","):
        match = _SHIFT.fullmatch(part)
        if match is None or int(match[2]) >= _HOURS or not 0 <= int(match[3]) <= _HOURS:
            raise UsageError(
                f"--shifts {part.strip()}", "is no shift", allowed="NAME=FROM-TO in whole hours, e.g. day=08-16"
            )
        shift = Shift(match[1], int(match[2]), int(match[3]))
        if shift.name in {one.name for one in found}:
            raise UsageError("--shifts", f"the shift {shift.name} stands twice", do="Give each its own name")
        for hour in shift.hours():
            if hour in taken:
                raise UsageError("--shifts", f"hour {hour:02d} belongs to {taken[hour]} and to {shift.name}")
            taken[hour] = shift.name
        found.append(shift)
    return tuple(found)


def read_hours(text: str | None) -> tuple[int, ...] | None:
    """Read peak hours `09-12,17-20` as hours of the day; None where none are declared. Raises UsageError."""
    if text is None:
        return None
    named = ",".join(f"{place}={part}" for place, part in enumerate(text.split(",")))
    try:
        return tuple(hour for shift in read_shifts(named) for hour in shift.hours())
    except UsageError:
        raise UsageError(f"--peak {text}", "are no hours", allowed="FROM-TO in whole hours, e.g. 09-12,17-20") from None


def shift_of(times: Starts, shifts: Sequence[Shift]) -> IntArray:
    """The place in `shifts` of each contact's shift, shape (n,); -1 where it has none, or no known start."""
    table = np.full(_HOURS + 1, -1, dtype=np.int64)  # the last is for hour -1
    for place, shift in enumerate(shifts):
        table[shift.hours()] = place
    return table[times.hour]
