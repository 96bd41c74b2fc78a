"""Times of generic turns: seconds from the start, or moments with a date, which become seconds from the first one."""

import re
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import pairwise

from cxsentiment.ingest.contacts import Entry, Notes
from cxsentiment.ingest.times import in_utc, moment
from cxsentiment.ingest.values import number, seconds

Stamp = float | datetime | None


class _Clock(float):
    """Seconds that the source writes with colons (h:mm:ss): they may be those of a time of day."""


_DATED = re.compile(r"\s*\d{4}-\d{2}-\d{2}[T ]\d.*", re.DOTALL)
# From here on a number in a declared unit is a moment since 1970, not a time in a contact.
_EPOCH_S = 1e9
_DAY_S = 86_400.0
PAST_MIDNIGHT = "the times go back by more than half a day, as a clock does at midnight; they were not used"


def read_time(value: object, field: str, index: int, notes: Notes, per_second: float | None) -> Stamp:
    """A time of a turn; what cannot be read is None with a note. `per_second` is of a declared unit, None without one.

    Only in a declared unit a number may be a moment since 1970.
    """
    if value is None:
        return None
    found = _moment(value, per_second)
    if found is not None:
        return found
    written = _in_seconds(value)
    try:
        result = seconds(written, per_second or 1.0)
    except ValueError as error:
        notes.turn(index, f"{field} {error}; it is taken as missing")
        return None
    if result is None and not (isinstance(value, str) and not value.strip()):
        notes.turn(index, f"{field} is not a finite number; it is taken as missing")
    return _Clock(result) if result is not None and isinstance(written, str) and ":" in written else result


def _in_seconds(value: object) -> object:
    """A duration or a time of day, as Parquet and Excel have them, as a text with colons."""
    if isinstance(value, timedelta):
        total = value.total_seconds()
        return "-" if total < 0 else f"{int(total // 3600)}:{int(total % 3600 // 60):02}:{total % 60:09.6f}"
    return value.isoformat() if isinstance(value, time) else value


def _moment(value: object, per_second: float | None) -> datetime | None:
    """A date with a time, or in a declared unit a number since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATED.fullmatch(value):
        return moment(value)
    if per_second is None or (isinstance(value, str) and ":" in value):
        return None
    try:
        count = number(value)
    except ValueError:
        return None
    return moment(count / per_second) if count is not None and count / per_second >= _EPOCH_S else None


def place_in_time(
    entries: Sequence[Entry], stamps: Sequence[tuple[Stamp, Stamp]], notes: Notes, zone: str | None = None
) -> None:
    """Give each entry its start and end; moments count from the first start that is one, in `zone` if they name none.

    Times of a day that pass midnight are not used: sorted by them, the end of a contact would stand before its start.
    Plain seconds pass none: where they go back, the source has its turns in another order.
    """
    if passes_midnight([start for start, _ in stamps if isinstance(start, _Clock)]):
        notes.add(PAST_MIDNIGHT)
        return
    moments = [in_utc(start, zone) for start, _ in stamps if isinstance(start, datetime)]
    first = min(moments, default=None)
    for entry, (start, end) in zip(entries, stamps, strict=True):
        if isinstance(start, datetime):
            entry.at = start
        else:
            entry.start = start if start is None else float(start)
        if not isinstance(end, datetime):
            entry.end = end if end is None else float(end)
        elif first is not None:
            entry.end = round((in_utc(end, zone) - first).total_seconds(), 6)


def passes_midnight(starts: Sequence[float]) -> bool:
    """Whether starts in the order of the source are times of a day that go round once, from late to early."""
    if len(starts) < 2 or not starts[-1] < _DAY_S / 2 <= starts[0] or max(starts) >= _DAY_S:
        return False
    falls = [before - after for before, after in pairwise(starts) if after < before]
    return len(falls) == 1 and falls[0] > _DAY_S / 2
