"""Starts of contacts: zones, the change of clocks, weeks; and contacts parted by them."""

import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from cxsentiment import runs
from cxsentiment.errors import UsageError
from cxsentiment.ingest.dates import date_rules
from cxsentiment.slices import all_contacts, read_hours, read_shifts, shift_of, slices
from cxsentiment.starts import day_name, in_future, period, starts, week_name, within
from tests.tables import contacts


def times(*texts, zone=None, order=None):
    return starts(pa.chunked_array([pa.array(texts, pa.string())]), zone, order)


def test_offsets_and_zones_give_the_same_moment():
    found = times("2026-06-01T09:00:00+02:00", "2026-06-01T07:00:00Z", "2026-06-01T09:00:00", zone="Europe/Berlin")
    assert found.at.tolist() == [found.at[0]] * 3
    assert found.hour.tolist() == [9, 9, 9]
    assert found.zoneless == 1
    assert "1 start without a zone, read as Europe/Berlin" in found.notes()


def test_the_hour_that_clocks_skip_is_no_time_and_the_one_that_comes_twice_is_its_first():
    found = times("2026-03-29T02:30:00", "2026-10-25T02:30:00", zone="Europe/Berlin")
    assert np.isnan(found.at[0])
    assert found.unread == 1
    assert found.at[1] == times("2026-10-25T00:30:00Z").at[0], "in summer time, two hours ahead of UTC"


def test_a_day_over_the_change_of_clocks_has_one_hour_less():
    found = times("2026-03-28T12:00:00", "2026-03-29T12:00:00", zone="Europe/Berlin")
    assert found.at[1] - found.at[0] == 23 * 3600


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_the_clock_on_the_wall_is_that_of_the_database_also_past_2037(zone):
    texts = [f"{year}-{month:02d}-15T12:34:56Z" for year in (1985, 2026, 2039) for month in (1, 4, 7, 10)]
    local = times(*texts, None, zone=zone).local
    walls = [datetime.fromisoformat(text).astimezone(zoneinfo.ZoneInfo(zone)) for text in texts]
    assert local[:-1].tolist() == [wall.replace(tzinfo=UTC).timestamp() for wall in walls]


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system without a database of time zones, as Windows is, and without the package that has one."""
    for name in {"tzdata", *(name for name in sys.modules if name.startswith("tzdata."))}:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.usefixtures("no_database")
def test_utc_needs_no_database_of_time_zones_and_another_zone_says_what_it_needs():
    assert times("2026-06-01T09:00:00+02:00").hour.tolist() == times("2026-06-01T07:00:00", zone="UTC").hour.tolist()
    assert date_rules(None, "UTC").zone == "UTC"
    for asked in (
        lambda: times("2026-06-01T09:00:00", zone="Europe/Berlin"),
        lambda: date_rules(None, "Europe/Berlin"),
    ):
        with pytest.raises(UsageError, match=r"no database of time zones\. pip install tzdata"):
            asked()


def test_what_is_no_date_leaves_only_itself_out():
    found = times("2026-02-31T10:00:00Z", None, "soon", "", "2026-06-01T10:00:00Z", "03/04/2026")
    assert np.isnan(found.at).tolist() == [True, True, True, True, False, True]
    assert (found.absent, found.unread) == (2, 3)
    assert found.hour.tolist() == [-1, -1, -1, -1, 10, -1]
    assert found.week[0] == found.weekday[0] == found.day[0] == -1
    assert not np.isnan(times("03/04/2026", order="dmy").at[0])


def test_weeks_are_those_of_iso_and_begin_on_monday():
    found = times("2026-01-01T00:00:00Z", "2026-01-04T23:59:59Z", "2026-01-05T00:00:00Z", "1969-12-30T00:00:00Z")
    assert [week_name(week) for week in found.week[:3].tolist()] == ["2026-W01", "2026-W01", "2026-W02"]
    assert found.weekday[:3].tolist() == [3, 6, 0]
    assert day_name(int(found.day[1])) == "2026-01-04"


def test_days_of_a_period_are_by_the_wall_clock():
    found = times("2026-03-31T23:30:00Z", "2026-04-01T00:30:00Z", zone="America/New_York")
    assert within(found, "2026-03-31", "2026-03-31").tolist() == [True, True]


@pytest.mark.parametrize("text", ["2026-01-01", "2026-02-30..2026-03-01", "2026-03-01..2026-01-01", "a..b", ""])
def test_periods_that_are_none(text):
    with pytest.raises(UsageError, match="--baseline"):
        period(text, "--baseline")


def test_future_is_more_than_a_day_ahead():
    found = times("2026-06-02T11:00:00Z", "2026-06-02T13:00:00Z", None)
    assert in_future(found, times("2026-06-01T12:00:00Z").at[0]).tolist() == [False, True, False]


def test_an_unknown_zone_is_refused():
    with pytest.raises(UsageError, match="Mars"):
        times("2026-06-01T10:00:00Z", zone="Mars/Base")


def test_shifts_go_over_midnight_and_by_the_wall_clock():
    shifts = read_shifts("day=06-14,late=14-22,night=22-06")
    found = times("2026-06-01T21:30:00Z", "2026-06-01T19:30:00Z", "2026-06-01T04:30:00Z", None, zone="Europe/Berlin")
    assert shift_of(found, shifts).tolist() == [2, 1, 0, -1]
    assert read_hours("23-01,12-13") == (23, 0, 12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("day", "is no shift"),
        ("day=8-25", "is no shift"),
        ("day=24-08", "is no shift"),
        ("day=08-16,day=16-24", "stands twice"),
        ("day=08-16,late=15-24", "hour 15 belongs to day and to late"),
        ("", "is no shift"),
    ],
)
def test_shifts_that_are_none(text, words):
    with pytest.raises(UsageError, match=words):
        read_shifts(text)


def test_slices_name_what_occurs_and_leave_out_what_is_not_known():
    table = contacts([{"queue": "b"}, {"queue": "a"}, {}])
    found = slices(table, "queue", times(None, None, None))
    assert (found.names, found.of.tolist()) == (("a", "b"), [1, 0, -1])
    weekly = slices(table, "week", times("2026-01-05T00:00:00Z", None, "2026-01-01T00:00:00Z"))
    assert (weekly.names, weekly.of.tolist()) == (("2026-W01", "2026-W02"), [1, -1, 0])
    with pytest.raises(UsageError, match="--by team"):
        slices(table, "team", times(None, None, None))


def test_contacts_of_run_and_log_stand_once_and_fill_each_other_in():
    table = contacts([{"contact_id": "a", "agent_id": "A1", "channel": "chat"}, {"contact_id": "b"}])
    log = pa.Table.from_pylist(
        [
            {"contact_id": "a", "agent_id": "A9", "wait_s": 4.0},
            {"contact_id": "c", "abandoned": True},
            {"contact_id": None, "customer_id": "C1"},
        ],
        schema=runs.LOG,
    )
    found = all_contacts(table, log)
    assert found["contact_id"].to_pylist() == ["a", "b", "c", None]
    assert found["agent_id"].to_pylist() == ["A1", None, None, None], "the transcript's own word counts"
    assert found["wait_s"].to_pylist() == [4.0, None, None, None]
    assert found["customer_id"].to_pylist()[-1] == "C1"
    assert all_contacts(table, None) is table
