import csv
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.errors import UsageError
from cxsentiment.ingest.dates import DateError, DateRules, date_or_error, date_rules, read_date

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DMY, MDY, YMD = DateRules("dmy"), DateRules("mdy"), DateRules("ymd")


def told(value: object, rules: DateRules = DateRules()) -> str:  # noqa: B008
    """The moment as text, or the code of its refusal."""
    try:
        return str(read_date(value, rules, NOW))
    except DateError as error:
        return error.code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00+00:00"),
        ("2024-05-01 10:00", "2024-05-01T10:00:00"),
        ("2016-08-29 14:30:24.565+0000", "2016-08-29T14:30:24.565000+00:00"),
        ("2024-01-01T10:00:00+05:30", "2024-01-01T10:00:00+05:30"),
        ("2017-04-24T12:45:32+00:00Z", "2017-04-24T12:45:32+00:00"),
        ("2017-04-24T12:45:32+02:00Z", "not_a_date"),
        (1700000000, "2023-11-14T22:13:20+00:00"),
        ("1700000000000", "2023-11-14T22:13:20+00:00"),
        (1700000000000000, "2023-11-14T22:13:20+00:00"),
        (datetime(2024, 5, 1, 10), "2024-05-01T10:00:00"),  # noqa: DTZ001
        (date(2024, 5, 1), "2024-05-01T00:00:00"),
        ("2024/5/1", "2024-05-01T00:00:00"),
        ("13/02/2024 09:30", "2024-02-13T09:30:00"),
        ("02/13/2024 9:30 PM", "2024-02-13T21:30:00"),
        ("12.12.2023", "2023-12-12T00:00:00"),
        ("03/04/2024", "ambiguous_date"),
        ("24-1-5", "ambiguous_date"),
        ("31/31/2024", "impossible_date"),
        ("2024-02-30", "impossible_date"),
        ("Feb 30 2024", "impossible_date"),
        ("Jan 5, 2024 10:15 AM", "2024-01-05T10:15:00"),
        ("5 January 2024", "2024-01-05T00:00:00"),
        ("5-Jan-2024 12:15 am", "2024-01-05T00:15:00"),
        ("5 Jan 2024 25:00", "impossible_date"),
        ("5 Jan 2024 13:00 pm", "impossible_date"),
        ("5 Foo 2024", "not_a_date"),
        ("5 Jan 2024 at noon", "not_a_date"),
        ("0000-00-00 00:00:00", "impossible_date"),
        ("1970-01-01T00:00:00Z", "impossible_date"),
        ("9999-12-31T23:59:59Z", "impossible_date"),
        ("2999-01-01T00:00:00Z", "future_date"),
        ("45321.4375", "not_a_date"),
        ("10:15 PM", "not_a_date"),
        ("yesterday", "not_a_date"),
        (True, "not_a_date"),
        ("", "None"),
        (None, "None"),
        ("n/a", "None"),
        (-1, "None"),
    ],
)
def test_dates(value: object, expected: str) -> None:
    assert told(value) == expected


@pytest.mark.parametrize(
    ("value", "day_only"),
    [
        ("2024-05-01", True),
        (date(2024, 5, 1), True),
        ("13/02/2024", True),
        ("2024-05-01T00:00:00", True),  # a day in Excel
        ("2024-05-01T00:00:00Z", False),
        ("2024-05-01T00:00:00+02:00", False),
        (1714521600, False),
        ("2024-05-01T00:00:01", False),
    ],
)
def test_a_day_without_a_time_is_known_and_a_midnight_with_its_zone_is_a_time(value: object, day_only: bool) -> None:
    for rules in (DateRules(), DateRules(zone="Europe/Berlin")):
        found = read_date(value, rules, NOW)
        assert found is not None
        assert found.day_only == day_only


@pytest.mark.parametrize(
    ("value", "rules", "expected"),
    [
        ("03/04/2024", DMY, "2024-04-03T00:00:00"),
        ("03/04/2024", MDY, "2024-03-04T00:00:00"),
        ("03/04/2024", YMD, "impossible_date"),
        ("03/04/24", DMY, "2024-04-03T00:00:00"),
        ("24-1-5", YMD, "2024-01-05T00:00:00"),
        ("13/02/2024", MDY, "impossible_date"),
        ("2024-05-01T10:00:00", DateRules(zone="Europe/Berlin"), "2024-05-01T10:00:00+02:00"),
        ("2024-05-01T10:00:00Z", DateRules(zone="Europe/Berlin"), "2024-05-01T10:00:00+00:00"),
        ("2024-03-31T02:30:00", DateRules(zone="Europe/Berlin"), "impossible_date"),
        ("2024-03-10T02:30:00 America/New_York", DateRules(), "impossible_date"),
        ("2024-03-10T03:30:00 America/New_York", DateRules(), "2024-03-10T03:30:00-04:00"),
        ("2024-03-10T03:30:00 Middle/Earth", DateRules(), "not_a_date"),
    ],
)
def test_dates_by_declared_order_and_zone(value: str, rules: DateRules, expected: str) -> None:
    assert told(value, rules) == expected


def test_a_time_without_a_zone_is_marked_unless_the_zone_is_declared() -> None:
    bare, declared = read_date("2024-05-01T10:00", DateRules()), read_date("2024-05-01T10:00", DateRules(zone="UTC"))
    assert bare is not None
    assert declared is not None
    assert (bare.zoned, declared.zoned, bare.at == declared.at) == (False, True, True)


@pytest.mark.parametrize(("order", "zone"), [("dym", None), (None, "Middle/Earth"), (None, "../etc"), (None, "Europe")])
def test_what_is_no_order_or_zone(order: str | None, zone: str | None) -> None:
    with pytest.raises(UsageError):
        date_rules(order, zone)


@given(st.datetimes(datetime(1981, 1, 1), datetime(2026, 5, 31)), st.integers(-12, 14))  # noqa: DTZ001
def test_every_iso_time_is_read_as_itself(at: datetime, hours: int) -> None:
    aware = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    found = read_date(aware.isoformat(), DateRules(), NOW)
    assert found is not None
    assert found.at == aware


@given(st.dates(date(1981, 1, 1), date(2026, 5, 31)))
def test_a_declared_order_reads_every_day_and_without_one_no_day_is_read_as_another(day: date) -> None:
    text = f"{day.day}/{day.month}/{day.year}"
    assert told(text, DMY) == f"{day.isoformat()}T00:00:00"
    assert told(text) in (f"{day.isoformat()}T00:00:00", "ambiguous_date")


@given(st.text(max_size=30) | st.integers() | st.floats())
def test_nothing_crashes(value: object) -> None:
    told(value)


def test_what_was_read_before_changes_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    here = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    written = [str(date_or_error(at, DateRules())) for at in (here, here.astimezone(UTC))]
    assert written == ["2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00+00:00"]

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(2031, 1, 1, tzinfo=tz)

    refused = date_or_error("2030-12-31T10:00:00Z", DateRules())
    assert isinstance(refused, DateError)
    assert refused.code == "future_date"
    monkeypatch.setattr("cxsentiment.ingest.dates.datetime", Later)  # a watch that ran on until then
    assert str(date_or_error("2030-12-31T10:00:00Z", DateRules())) == "2030-12-31T10:00:00+00:00"


@pytest.mark.parametrize("value", ["2024-02-30", "5 Foo 2024", "1970-01-01", [], None, "2024-05-01"])
def test_an_error_as_a_value_is_the_one_that_is_raised(value: object) -> None:
    for _ in range(2):
        found = date_or_error(value, DateRules())
        assert (found.code if isinstance(found, DateError) else str(found)) == told(value)


@pytest.mark.shared
def test_hostile_dates(shared: Path) -> None:
    with (shared / "formats" / "hostile" / "18_dates.csv").open(encoding="utf-8") as file:
        found = [told(row["timestamp"]) for row in csv.DictReader(file)]
    assert [place for place, one in enumerate(found) if one.endswith("_date")] == [0, 3, 4, 5, 11, 12, 13, 15, 17, 18]
    assert found[0] == "future_date"
    assert found[3] == found[13] == "ambiguous_date"
    assert found[19] == "None"
