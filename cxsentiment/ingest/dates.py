"""Dates and times of surveys and contact logs. What could be two days, or is none, is refused with a code.

A time without a zone is read in the declared zone; without one as UTC, and marked: `Moment.zoned` is False.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, cast, get_args

from cxsentiment.errors import UsageError
from cxsentiment.zones import require_zone, zone_of

DateOrder = Literal["dmy", "mdy", "ymd"]

_MISSING = frozenset({"", "na", "n/a", "none", "null", "nan", "-", "undefined", "-1"})
_NUMBER = re.compile(r"\d{1,17}(?:\.\d+)?")
_NUMERIC = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ]+(.*))?")
_NAMED = re.compile(r"(?:([A-Za-z]{3,9})\.? (\d{1,2})|(\d{1,2})\.?[ -]([A-Za-z]{3,9})\.?),?[ -](\d{4})(?:,? (.*))?")
_CLOCK = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp])?\.?(?(4)[Mm])\.?\s*(Z|UTC|[+-]\d{2}:?\d{2})?"
)
_ZONE_NAME = re.compile(r"(.*\d) ([A-Za-z_]+/[A-Za-z_/+-]+)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Seconds since 1970 between 2001 and 2096, and the units in which exports count them.
_EPOCH_S = (1e9, 4e9)
_EPOCH_UNITS = (1.0, 1e3, 1e6)
# Before this there were no records of the kind: 1970-01-01 and 1900-01-00 stand for an empty cell.
_EARLIEST_YEAR = 1980
# Clocks differ, and a time without a zone may be up to 14 hours ahead.
_AHEAD = timedelta(days=1)


class DateError(ValueError):
    """A date that cannot be used; `code` is ambiguous_date, impossible_date, future_date or not_a_date."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, always with a zone; `zoned` says whether the source or the user gave it.

    `day_only`: the source has a day and no time, which Excel and databases write as midnight without a zone.
    """

    at: datetime
    zoned: bool
    day_only: bool = False

    def __str__(self) -> str:
        return (self.at if self.zoned else self.at.replace(tzinfo=None)).isoformat()


@dataclass(frozen=True, slots=True)
class DateRules:
    """What the user declares: the order of day, month and year, and the zone of times that name none."""

    order: DateOrder | None = None
    zone: str | None = None


def date_rules(order: str | None, zone: str | None) -> DateRules:
    """Check --date-order and --timezone.

    Raises:
        UsageError: for an unknown order or zone.
    """
    if order is not None and order not in get_args(DateOrder):
        raise UsageError(f"--date-order {order}", "is not an order", allowed=", ".join(get_args(DateOrder)))
    if zone is not None:
        require_zone(zone)
    return DateRules(cast("DateOrder | None", order), zone)


def read_date(value: object, rules: DateRules, now: datetime | None = None) -> Moment | None:
    """Read a date or time: ISO 8601, seconds to microseconds since 1970, D/M/Y in the declared order, English months.

    `now` is the present, for tests. Absent is None.

    Raises:
        DateError: as its codes say.
    """
    found = _read(value, rules)
    if found is not None:
        _require_plausible(found, now or datetime.now(UTC))
    return found


def date_or_error(value: object, rules: DateRules) -> Moment | DateError | None:
    """As `read_date`, with what it raises as a value; texts are remembered, for tables write the same again and again.

    Not so other values: equal datetimes may stand in different zones. Nor is the present: a watch runs for weeks.
    """
    try:
        found = _text_or_error(value, rules) if isinstance(value, str) else _read(value, rules)
        if isinstance(found, Moment):
            _require_plausible(found, datetime.now(UTC))
    except DateError as error:
        return error
    return found


def looks_like_date(value: object, rules: DateRules) -> bool:
    """Whether a value is a date, also one that is impossible, in the future or could be two days.

    Of plain numbers only those since 1970 count: others may be anything.
    """
    text = str(value).strip()
    if _NUMBER.fullmatch(text):
        return _epoch(float(text)) is not None
    try:
        return read_date(value, rules) is not None
    except DateError as error:
        return error.code != "not_a_date"


@lru_cache(maxsize=4096)
def _text_or_error(text: str, rules: DateRules) -> Moment | DateError | None:
    try:
        return _read(text, rules)
    except DateError as error:
        return error


def _require_plausible(found: Moment, now: datetime) -> None:
    if found.at.year < _EARLIEST_YEAR:
        raise DateError("impossible_date", f"lies before {_EARLIEST_YEAR}, as an empty value often does")
    if found.at > now + _AHEAD:
        raise DateError("future_date", "lies in the future")


def _read(value: object, rules: DateRules) -> Moment | None:
    if isinstance(value, datetime):
        return _placed(value, rules.zone)
    if isinstance(value, date):
        return _placed(datetime(value.year, value.month, value.day), rules.zone)  # noqa: DTZ001 (placed in a zone)
    text = "" if value is None else str(value).strip()
    if text.lower() in _MISSING:
        return None
    if _NUMBER.fullmatch(text) and (epoch := _epoch(float(text))) is not None:
        return Moment(epoch, zoned=True)
    if text.endswith("+00:00Z"):  # Zendesk Chat writes both
        text = text[:-1]
    zone = rules.zone
    if (named := _ZONE_NAME.fullmatch(text)) and zone_of(named[2]) is not None:
        text, zone = named[1], named[2]
    try:
        return _placed(datetime.fromisoformat(text), zone)
    except DateError:
        raise
    except ValueError:
        return _written(text, rules.order, zone)


def _epoch(number: float) -> datetime | None:
    for unit in _EPOCH_UNITS:
        if _EPOCH_S[0] <= number / unit <= _EPOCH_S[1]:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def _written(text: str, order: DateOrder | None, zone: str | None) -> Moment:
    """A date that is not ISO 8601: digits with signs between them, or the name of a month."""
    if match := _NUMERIC.fullmatch(text):
        day = _numeric_day(int(match[1]), int(match[3]), int(match[4]), (match[1], match[4]), order)
        return _placed(_at(day, match[5]), zone)
    if (match := _NAMED.fullmatch(text)) and (name := (match[1] or match[4])[:3].lower()) in _MONTHS:
        day = _day(int(match[5]), _MONTHS.index(name) + 1, int(match[2] or match[3]))
        return _placed(_at(day, match[6]), zone)
    if _NUMBER.fullmatch(text):
        raise DateError("not_a_date", "is a number, but no seconds since 1970; write dates as 2024-05-01T10:00:00Z")
    raise DateError("not_a_date", "is no date that is known; write dates as 2024-05-01T10:00:00Z")


def _numeric_day(first: int, second: int, third: int, texts: tuple[str, str], order: DateOrder | None) -> date:
    if len(texts[0]) > 2:
        return _day(first, second, third)
    readings = {"dmy": (third, second, first), "mdy": (third, first, second), "ymd": (first, second, third)}
    if len(texts[1]) > 2:
        del readings["ymd"]
    if order is not None:
        if order not in readings:
            raise DateError("impossible_date", f"is no date in the order {order}")
        return _day(*readings[order])
    possible: dict[date, None] = {}
    for parts in readings.values():
        try:
            possible[_day(*parts)] = None
        except DateError:
            continue
    if not possible:
        raise DateError("impossible_date", "is no day of any calendar")
    if len(possible) > 1:
        raise DateError("ambiguous_date", "could be two days; say which with --date-order dmy, mdy or ymd")
    return next(iter(possible))


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year + 2000 if year < 100 and year else year, month, day)
    except ValueError:
        raise DateError("impossible_date", "is no day of the calendar") from None


def _at(day: date, clock: str | None) -> datetime:
    if not clock:
        return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (placed in a zone by the caller)
    match = _CLOCK.fullmatch(clock.strip())
    if match is None:
        raise DateError("not_a_date", "is a date with a time that is not known")
    hour, half = int(match[1]), (match[4] or "").lower()
    if half and not 1 <= hour <= 12:
        raise DateError("impossible_date", "is no time of a day")
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    zone = (match[5] or "").replace("UTC", "Z")
    try:
        return datetime.fromisoformat(f"{day.isoformat()}T{hour:02d}:{match[2]}:{match[3] or '00'}{zone}")
    except ValueError:
        raise DateError("impossible_date", "is no time of a day") from None


def _placed(found: datetime, zone: str | None) -> Moment:
    """A time in its own zone, else in `zone`, else in UTC and marked."""
    if not 1 < found.year < 9999:
        raise DateError("impossible_date", "is no day of our time")
    if found.tzinfo is not None:
        return Moment(found, zoned=True)
    day_only = found.time() == time(0)
    if zone is None:
        return Moment(found.replace(tzinfo=UTC), zoned=False, day_only=day_only)
    local = found.replace(tzinfo=zone_of(zone))
    if local.astimezone(UTC).astimezone(local.tzinfo).replace(tzinfo=None) != found:
        raise DateError("impossible_date", f"does not exist in {zone}: the clock was put forward over it")
    return Moment(local, zoned=True, day_only=day_only)
