"""First-contact resolution from run and log: windows, zones, clocks, censoring, issues, wrong dates."""

import pytest

from cxsentiment.kpis.resolution import first_contacts, in_time
from cxsentiment.slices import slices
from cxsentiment.starts import starts
from tests.tables import contacts

END = {"customer_id": "last", "started_at": "2026-06-30T12:00:00Z"}  # the data end here


def resolved(*rows, zone=None, end=True, **more):
    table = contacts([*rows, *([END] if end else [])])
    found = starts(table["started_at"], zone)
    return first_contacts(table, found, present=more.pop("present", None), **more), table, found


def at(text, customer="C1", **more):
    return {"customer_id": customer, "started_at": text, **more}


def test_one_who_comes_back_in_the_window_was_not_resolved():
    found, *_ = resolved(at("2026-06-01T10:00:00Z"), at("2026-06-05T10:00:00Z"), at("2026-06-01T10:00:00Z", "C2"))
    assert (found.kpi.estimate.value, found.kpi.estimate.n) == (50.0, 2)
    assert found.kpi.estimate.low < 50 < found.kpi.estimate.high


@pytest.mark.parametrize(("back", "value"), [("2026-06-08T10:00:00Z", 0.0), ("2026-06-08T10:00:01Z", 100.0)])
def test_the_window_ends_to_the_second(back, value):
    assert resolved(at("2026-06-01T10:00:00Z"), at(back))[0].kpi.estimate.value == value


def test_zones_do_not_move_the_window():
    """By the wall clocks 7 days and 9 hours lie between; in truth 6 days and 18 hours."""
    found, *_ = resolved(at("2026-06-01T09:00:00-07:00"), at("2026-06-08T18:00:00+08:00"))
    assert found.kpi.estimate.value == 0.0


def test_the_change_of_clocks_does_not_move_the_window():
    """Over the day clocks go forward, the same hour seven days on is an hour less than seven days away."""
    rows = at("2026-03-25T10:00:00"), at("2026-04-01T10:59:00")
    assert resolved(*rows, zone="Europe/Berlin")[0].kpi.estimate.value == 0.0
    assert resolved(*rows, zone="UTC")[0].kpi.estimate.value == 100.0


def test_the_last_window_is_left_out_for_nobody_can_tell_yet():
    found, *_ = resolved(at("2026-06-01T10:00:00Z"), at("2026-06-25T10:00:00Z", "C2"))
    assert (found.kpi.estimate.value, found.kpi.estimate.n) == (100.0, 1)
    assert any("2 episodes began in the last 7 days" in note for note in found.notes)
    late, *_ = resolved(at("2026-06-25T10:00:00Z"))
    assert late.kpi.estimate.value is None
    assert "too late to tell" in late.kpi.estimate.reason


def test_the_data_end_with_the_last_contact_of_anybody():
    rows = at("2026-06-01T10:00:00Z"), at("2026-06-09T10:00:00Z", None)
    found, *_ = resolved(*rows, end=False)
    assert (found.kpi.estimate.value, found.kpi.estimate.n) == (100.0, 1)


def test_two_issues_of_one_customer_are_two_episodes_where_the_queue_tells_them_apart():
    rows = at("2026-06-01T10:00:00Z", queue="billing"), at("2026-06-02T10:00:00Z", queue="technical")
    apart, *_ = resolved(*rows)
    assert (apart.kpi.estimate.value, apart.kpi.estimate.n) == (100.0, 2)
    together, *_ = resolved(*rows, same_queue=False)
    assert (together.kpi.estimate.value, together.kpi.estimate.n) == (0.0, 1)
    assert "in the same queue" in apart.kpi.definition
    assert "in the same queue" not in together.kpi.definition


def test_an_episode_belongs_to_the_agent_of_its_first_contact():
    rows = at("2026-06-01T10:00:00Z", agent_id="A1"), at("2026-06-02T10:00:00Z", agent_id="A2")
    found, table, times = resolved(*rows, at("2026-06-03T10:00:00Z", "C2", agent_id="A3"))
    shares = found.by(slices(table, "agent", times))
    assert shares["A1"].value == 0.0
    assert shares["A3"].value == 100.0
    assert (shares["A2"].value, shares["A2"].n) == (None, 0)
    assert shares["A2"].reason


def test_a_date_in_the_future_is_said_and_does_not_end_the_data():
    """Counted, it would make every other episode look old enough to judge."""
    present = starts(contacts([at("2026-06-30T12:00:00Z")])["started_at"]).at[0]
    rows = at("2026-06-28T10:00:00Z"), at("2062-06-28T10:00:00Z", "C2")
    found, *_ = resolved(*rows, present=present)
    assert any("1 contact with a start in the future" in note for note in found.notes)
    assert found.kpi.estimate.value is None


def test_contacts_without_a_customer_or_abandoned_are_left_out_and_said():
    rows = at("2026-06-01T10:00:00Z", None), at("2026-06-02T10:00:00Z", abandoned=True), at("2026-06-03T10:00:00Z")
    found, *_ = resolved(*rows)
    assert (found.kpi.estimate.value, found.kpi.estimate.n) == (100.0, 1)
    assert any("1 contact without a customer" in note for note in found.notes)
    assert any("1 contact abandoned" in note for note in found.notes)


@pytest.mark.parametrize("rows", [[], [{"customer_id": "C1"}], [at("no date")]])
def test_no_dates_or_no_contacts_are_null_with_the_reason(rows):
    found, *_ = resolved(*rows, end=False)
    assert found.kpi.estimate.value is None
    assert found.kpi.estimate.reason


def test_without_a_log_it_says_what_it_lacks():
    found = first_contacts(contacts([END]), None, present=None, has_log=False)
    assert "needs a contact log" in found.kpi.estimate.reason


def in_time_of(*rows, within=24, **more):
    table = contacts([*rows, END])
    return in_time(table, starts(table["started_at"]), present=None, within_h=within, **more)


def test_an_episode_is_resolved_in_time_where_its_first_solving_contact_ends_in_time():
    rows = (
        at("2026-06-01T10:00:00Z", resolved=False, handle_s=60.0),
        at("2026-06-02T09:50:00Z", resolved=True, handle_s=600.0, wait_s=0.0),  # ends to the second after 24 h
        at("2026-06-01T10:00:00Z", "C2", resolved=False, handle_s=60.0),
        at("2026-06-02T09:50:01Z", "C2", resolved=True, handle_s=600.0),
        at("2026-06-01T10:00:00Z", "C3", resolved=False, handle_s=60.0),
        at("2026-06-01T10:00:00Z", "C4", handle_s=60.0),  # nobody says
        at("2026-06-01T10:00:00Z", "C5", resolved=True),  # nobody says when
        at("2026-06-30T10:00:00Z", "C6", resolved=True, handle_s=60.0),  # too late to tell
    )
    found = in_time_of(*rows)
    assert (found.kpi.estimate.value, found.kpi.estimate.n) == (pytest.approx(100 / 3), 3)
    assert found.kpi.estimate.low < 100 / 3 < found.kpi.estimate.high
    assert found.resolved.tolist() == [1.0, 0.0, 0.0]
    assert in_time_of(*rows, within=25).kpi.estimate.value == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("rows", "given", "words"),
    [
        ([], {"within": None}, "--resolve-within"),
        ([], {"has_log": False}, "needs a contact log with resolved"),
        ([at("2026-06-01T10:00:00Z")], {}, "no contact of the log says whether it was resolved"),
        ([at("2026-06-30T11:00:00Z", resolved=True, handle_s=1.0)], {}, "too late to tell whether it was resolved"),
        ([at("2026-06-01T11:00:00Z", resolved=True)], {}, "no episode says whether it was resolved in time"),
    ],
)
def test_no_resolution_in_time_without_what_it_needs(rows, given, words):
    estimate = in_time_of(*rows, **given).kpi.estimate
    assert estimate.value is None
    assert words in estimate.reason
