"""When contacts started: text as the source wrote it → seconds of UTC, and the clock on the wall of a time zone.

Windows of time are counted in UTC, so that neither zones nor the change of clocks move them; shifts, hours and weekdays
are those of the wall clock.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.amounts import counted
from cxsentiment.errors import UsageError
from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray
from cxsentiment.zones import require_zone

_ISO = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"
_DAY_S, _HOUR_S, _QUARTER_S = 86_400, 3600, 900
_NOTHING, _EPOCH = timedelta(), datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD_S = 86_400.0  # as `read_date` allows: clocks differ
# Any present: whether a date lies in the future is judged against the end of the data, not against today.
_NO_PRESENT = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Starts:
    """Starts of contacts, shapes (n,): `at` in seconds of UTC (NaN where not known), `local` the seconds of the wall
    clock in `zone`; counts of those without a start, with one that is no date, and of those that name no zone.
    """

    at: FloatArray
    local: FloatArray
    zone: str
    absent: int
    unread: int
    zoneless: int

    @property
    def day(self) -> IntArray:
        """Days since 1970-01-01 by the wall clock; -1 where not known."""
        return _floored(self.local, _DAY_S)

    @property
    def week(self) -> IntArray:
        """Weeks (Monday to Sunday) since that of 1970-01-01, a Thursday; -1 where not known."""
        day = self.day
        return np.where(day < 0, -1, (day + 3) // 7)

    @property
    def weekday(self) -> IntArray:
        """0 (Monday) to 6; -1 where not known."""
        day = self.day
        return np.where(day < 0, -1, (day + 3) % 7)

    @property
    def hour(self) -> IntArray:
        """Hour of the day, 0 to 23; -1 where not known."""
        hours = _floored(self.local, _HOUR_S)
        return np.where(hours < 0, -1, hours % 24)

    def notes(self) -> list[str]:
        """What a reader should know of the times."""
        found = []
        if self.absent:
            found.append(f"{counted(self.absent, 'contact')} without a start")
        if self.unread:
            found.append(
                f"{counted(self.unread, 'start')} without a date that is known, or that could be two: say --date-order"
            )
        if self.zoneless:
            found.append(f"{counted(self.zoneless, 'start')} without a zone, read as {self.zone}")
        return found


def starts(column: pa.ChunkedArray, zone: str | None = None, order: str | None = None) -> Starts:
    """Read a column of texts. `zone` is that of the wall clock and of times that name none; UTC where it is None.

    A wall time that occurs twice when clocks are put back is its first. Raises UsageError for an unknown zone.
    """
    name = zone or "UTC"
    clock = require_zone(name)
    text = column.cast("string").combine_chunks()
    iso = pc.fill_null(pc.match_substring_regex(text, _ISO), False)
    at = np.full(len(text), np.nan)
    rows = np.flatnonzero(np.asarray(iso))
    try:
        stamps = text.filter(iso).cast(pa.timestamp("us", tz="UTC"))
        at[rows] = np.asarray(stamps.cast("int64")) / 1e6
        others = np.flatnonzero(~np.asarray(iso))
    except pa.ArrowInvalid:  # a day that no calendar has: read one by one, to leave only that one out
        others = np.arange(len(text))
    rules = DateRules(order, name)  # type: ignore[arg-type]
    absent = unread = zoneless = 0
    for row in others.tolist():
        value = text[row].as_py()
        try:
            moment = read_date(value, rules, _NO_PRESENT)
        except DateError:
            unread += 1
            continue
        if moment is None:
            absent += 1
            continue
        zoneless += not _names_zone(value, order)
        at[row] = moment.at.timestamp()
    return Starts(at, _wall(at, clock), name, absent, unread, zoneless)


def within(found: Starts, first: str, last: str) -> BoolArray:
    """Whether a contact started from day `first` to day `last` (YYYY-MM-DD, both included), by the wall clock."""
    low, high = np.datetime64(first, "D").astype(np.int64), np.datetime64(last, "D").astype(np.int64)
    day = found.day
    return (day >= low) & (day <= high)


def period(text: str, option: str) -> tuple[str, str]:
    """Read `2026-01-01..2026-03-31`. Raises UsageError naming `option` for anything else, and for an end before it."""
    parts = text.split("..")
    try:
        first, last = (datetime.strptime(part.strip(), "%Y-%m-%d").date().isoformat() for part in parts)  # noqa: DTZ007
    except ValueError:
        raise UsageError(
            f"{option} {text}", "is no period", allowed="FIRST..LAST, e.g. 2026-01-01..2026-03-31"
        ) from None
    if last < first:
        raise UsageError(f"{option} {text}", "ends before it begins", do="Put the earlier day first")
    return first, last


def day_name(day: int) -> str:
    """A day since 1970-01-01 as YYYY-MM-DD."""
    return str(np.datetime64(day, "D"))


def week_name(week: int) -> str:
    """A week as its ISO name, YYYY-Www."""
    year, number, _ = datetime.fromisoformat(str(np.datetime64(week * 7 - 3, "D"))).isocalendar()
    return f"{year}-W{number:02d}"


def in_future(found: Starts, present: float) -> BoolArray:
    """Whether a contact starts more than a day after `present` (seconds of UTC)."""
    return np.asarray(np.nan_to_num(found.at, nan=0.0) > present + _AHEAD_S)


def _names_zone(value: object, order: str | None) -> bool:
    moment = read_date(value, DateRules(order), _NO_PRESENT)  # type: ignore[arg-type]
    return moment is not None and moment.zoned


def _wall(at: FloatArray, zone: tzinfo) -> FloatArray:
    known = ~np.isnan(at)
    local = np.full(at.size, np.nan)
    seconds = np.floor(at[known])
    # A clock is set at a full quarter of an hour of UTC. (Arrow's own zones need another database on Windows.)
    quarters, of = np.unique(seconds // _QUARTER_S, return_inverse=True)
    begins = (_EPOCH + timedelta(seconds=quarter * _QUARTER_S) for quarter in quarters.tolist())
    ahead = [(begin.astimezone(zone).utcoffset() or _NOTHING).total_seconds() for begin in begins]
    local[known] = seconds + np.array(ahead)[of]
    return local


def _floored(seconds: FloatArray, unit: int) -> IntArray:
    known = ~np.isnan(seconds)
    found = np.full(seconds.size, -1, dtype=np.int64)
    found[known] = np.floor(seconds[known] / unit).astype(np.int64)
    return found
