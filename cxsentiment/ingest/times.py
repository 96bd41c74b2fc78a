"""Times as formats write them → seconds or moments. Absent, or no such time: None; a format decides what that means."""

import math
import re
from datetime import UTC, datetime

from cxsentiment.zones import require_zone

_NUMBER = re.compile(r"\s*[+-]?\d{1,15}(?:\.\d+)?\s*")
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
# Seconds and milliseconds since 1970 between 2001 and 2096: outside a number is no date.
_EPOCH_S = (1e9, 4e9)
_YEARS = range(1971, 2200)  # outside lie placeholders (0001-01-01) and slips, with which no clock can reckon


def seconds_of(value: object, per_second: float = 1.0) -> float | None:
    """A number, or a number as text, in units of which `per_second` make a second (1000: milliseconds)."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value.strip())  # float takes less for white space than the pattern
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        result = float(value) / per_second
    except OverflowError:
        return None
    return round(result, 6) if math.isfinite(result) else None


def seconds_of_duration(text: object) -> float | None:
    """An ISO 8601 duration such as PT1M4.5S."""
    match = _ISO_DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, rest = (float(part or 0) for part in match.groups())
    return round(days * 86_400 + hours * 3600 + minutes * 60 + rest, 6)


def moment(value: object) -> datetime | None:
    """An ISO 8601 time (with Z, +0000 or no zone) of the years 1971 to 2199, or a number since 1970 (as UTC).

    A number is taken as seconds, milliseconds or microseconds by its size.
    """
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
        return found if found.year in _YEARS else None
    number = seconds_of(value)
    for unit in (1.0, 1e3, 1e6):
        if number is not None and _EPOCH_S[0] <= number / unit <= _EPOCH_S[1]:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def changed_clock(found: datetime, zone: str | None) -> str | None:
    """What is doubtful of a time without a zone that falls into a change of the clocks of the declared one.

    None for any other time. `in_utc` reads it by the clock as it went before the change.
    """
    if found.tzinfo is not None or zone is None:
        return None
    first, second = (found.replace(tzinfo=require_zone(zone), fold=fold).utcoffset() for fold in (0, 1))
    if first is None or second is None or first == second:
        return None
    if first > second:
        return f"in the hour that comes twice in {zone}, as the clocks are put back: read as the first of the two"
    return f"in the hour that {zone} does not have, as the clocks are put forward: read as an hour later"


def in_utc(found: datetime, zone: str | None) -> datetime:
    """A time in UTC; where it names no zone it is of the declared one, else of UTC."""
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC if zone is None else require_zone(zone))
    try:
        return found.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar
        return found.replace(tzinfo=UTC)
