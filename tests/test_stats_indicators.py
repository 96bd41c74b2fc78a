import math
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.indicators import (
    abandonment,
    churn,
    first_contact_resolution,
    lifetime_value,
    mean_percent,
    net_promoter,
    retention,
    scale_score,
    service_level,
    top_share,
)
from cxsentiment.stats.rates import wilson_interval
from cxsentiment.stats.scorecard import Entry, Target, attained, attainment, scorecard

NAN = math.nan
DAY = 86_400.0


def test_nps_known_answer():
    found = net_promoter(np.array([10.0, 9, 9, 8, 7, 7, 6, 3, 10, 0, NAN]))
    assert (found.value, found.n) == (pytest.approx(10), 10)
    assert (found.high - found.value) / 1.959964 == pytest.approx(26.268, abs=1e-3)
    assert net_promoter(np.full(5, 10.0)).low is None
    assert net_promoter(np.zeros(0)).value is None
    with pytest.raises(ValueError, match="0-10"):
        net_promoter(np.array([11.0]))


def test_shares_and_means_of_answers():
    answers = np.array([5.0, 4, 3, NAN, 1])
    assert top_share(answers, 4).value == 0.5
    assert mean_percent(answers, 5).value == pytest.approx(65)
    with pytest.raises(ValueError, match="highest"):
        mean_percent(answers, 0)


def test_scorecard_known_answer():
    points, weights = np.array([1.0, NAN, 0.5, 0.0]), np.array([10.0, 15, 20, 5])
    value, coverage = scale_score(points, weights)
    assert round(value, 4) == 57.1429
    assert coverage == 0.7
    assert scale_score(np.full(4, NAN), weights) == (None, 0.0)
    with pytest.raises(ValueError, match="weight"):
        scale_score(points, weights * 0)


def resolution(rows, until_day, **kwargs):
    customers, days = zip(*rows, strict=True)
    return first_contact_resolution(np.array(customers), np.array(days, dtype=float) * DAY, until_day * DAY, **kwargs)


def test_fcr_by_hand():
    # Customer 0: back after 3 days. 1: back after 10 days, two episodes. 2: in the last week, cannot be told.
    found = resolution([(0, 1), (0, 4), (1, 2), (1, 12), (2, 28)], 30)
    assert found.share.value == pytest.approx(2 / 3)
    assert (found.share.low, found.share.high) == (wilson_interval(2, 3).low, wilson_interval(2, 3).high)
    assert (found.censored, found.nameless) == (1, 0)
    assert found.first.tolist() == [0, 2, 3]
    assert found.resolved.tolist() == [0, 1, 1]


def test_an_episode_goes_on_while_contacts_follow_within_the_window():
    found = resolution([(0, 1), (0, 6), (0, 11), (0, 16)], 60)
    assert found.share.n == 1
    assert found.resolved.tolist() == [0]


def test_the_window_is_inclusive_and_can_be_set():
    assert resolution([(0, 1), (0, 8)], 60).share.value == 0
    assert resolution([(0, 1), (0, 8.001)], 60).share.value == 1
    assert resolution([(0, 1), (0, 4)], 60, window_days=2).share.value == 1
    assert "window 2 d" in resolution([(0, 1)], 60, window_days=2).share.method


def test_another_issue_is_another_episode():
    rows = [(0, 1), (0, 3), (0, 5)]
    assert resolution(rows, 60).share.n == 1
    found = resolution(rows, 60, issues=np.array([0, 1, 0]))
    assert found.first.tolist() == [0, 1]
    assert found.resolved.tolist() == [0, 1]


def test_contacts_without_a_customer_are_counted_and_order_does_not_matter():
    rows = [(0, 1), (-1, 2), (0, 4), (1, 2)]
    found, other = resolution(rows, 30), resolution(rows[::-1], 30)
    assert (found.nameless, found.share.value) == (1, other.share.value)
    assert resolution([(-1, 1)], 30).share.reason == "no contact names its customer"
    assert "too late" in resolution([(0, 29)], 30).share.reason


def test_time_zones_and_changing_clocks_do_not_move_the_window():
    # 24 March 10:00 to 31 March 10:30 in Berlin: by the clock 7 days and 30 minutes, truly 6 days 23.5 hours.
    berlin = ZoneInfo("Europe/Berlin")
    stamps = [datetime(2024, 3, 24, 10, 0, tzinfo=berlin), datetime(2024, 3, 31, 10, 30, tzinfo=berlin)]
    seconds = np.array([stamp.timestamp() for stamp in stamps])
    found = first_contact_resolution(np.zeros(2, dtype=int), seconds, seconds[1] + 60 * DAY)
    assert found.share.value == 0
    utc = np.array([stamp.astimezone(ZoneInfo("Asia/Manila")).timestamp() for stamp in stamps])
    assert first_contact_resolution(np.zeros(2, dtype=int), utc, seconds[1] + 60 * DAY).share == found.share


@pytest.mark.parametrize("day", [NAN, 31.0])
def test_future_and_missing_starts_are_refused(day):
    with pytest.raises(ValueError, match="no start, or one after"):
        resolution([(0, 1), (0, day)], 30)


def test_service_level_and_abandonment_leave_early_quitters_out():
    waits = np.array([5.0, 15, 40, 2, 60, NAN])
    gone = np.array([0.0, 0, 0, 1, 1, 0])
    assert service_level(waits, gone, 20, early_s=5).value == pytest.approx(2 / 4)
    assert service_level(waits, gone, 20).value == pytest.approx(2 / 5)
    assert abandonment(waits, gone, early_s=5).value == pytest.approx(1 / 4)
    assert abandonment(np.zeros(0), np.zeros(0)).value is None
    with pytest.raises(ValueError, match="below 0"):
        abandonment(np.array([-1.0]), np.array([0.0]))


def test_retention_churn_and_lifetime_value():
    assert retention(100, 95, 15).value == pytest.approx(0.8)
    assert churn(100, 20).value == pytest.approx(0.2)
    assert retention(0, 0, 0).reason == "no customers at the start"
    assert lifetime_value(100, 0.8, 0.1) == pytest.approx(100 * 0.8 / 0.3)
    for bad in (lambda: retention(10, 20, 5), lambda: churn(1, 2), lambda: lifetime_value(1, 1.0, 0.0)):
        with pytest.raises(ValueError, match=r"must lie|successes"):
            bad()


@settings(deadline=None)
@given(st.floats(-100, 200), st.floats(-50, 50), st.floats(51, 100))
def test_attainment_is_mirrored(x, floor, target):
    found = attainment(x, Target(target, floor))
    assert 0 <= found <= 1.2
    assert found == pytest.approx(attainment(-x, Target(-target, -floor)))
    assert attainment(floor, Target(target, floor)) == 0
    assert attainment(target, Target(target, floor)) == pytest.approx(1)


def test_an_interval_is_carried_over_end_by_end():
    found = attained(Estimate(80.0, 70.0, 85.0, 50, "m", None), Target(90, 60))
    assert (found.value, found.low, found.high) == (pytest.approx(2 / 3), pytest.approx(1 / 3), pytest.approx(5 / 6))
    lower = attained(Estimate(300.0, 280.0, 340.0, 50, "m", None), Target(250, 350))
    assert (lower.low, lower.value, lower.high) == (pytest.approx(0.1), pytest.approx(0.5), pytest.approx(0.7))
    assert (
        attained(Estimate(None, None, None, 0, "m", Reason("no_answers", "no survey")), Target(90, 60)).reason
        == "no survey"
    )
    assert attained(Estimate(80.0, None, None, 1, "m", Reason("too_few", "one value")), Target(90, 60)).low is None
    with pytest.raises(ValueError, match="differ"):
        Target(1, 1)


def entry(perspective, value, half, weight=1.0):
    low, high = (None, None) if half is None or value is None else (value - half, value + half)
    reason = "needs a survey" if value is None else None
    return Entry(perspective, weight, Estimate(value, low, high, 100, "m", reason), Target(100, 0))


def test_composite_by_hand_and_by_normal_theory():
    card = scorecard([entry("customer", 60, 10), entry("customer", 80, 10, 3.0), entry("financial", 50, 5)])
    assert card.perspectives["customer"].value == pytest.approx(0.75)
    assert card.composite.value == pytest.approx((0.75 + 0.5) / 2)
    half = math.sqrt(((0.025**2 + 0.075**2) + 0.05**2) / 4)
    assert card.composite.high - card.composite.value == pytest.approx(half, rel=0.06)
    assert card == scorecard([entry("customer", 60, 10), entry("customer", 80, 10, 3.0), entry("financial", 50, 5)])
    heavier = scorecard([entry("customer", 60, 10), entry("financial", 50, 5)], {"customer": 3, "financial": 1})
    assert heavier.composite.value == pytest.approx(0.575)


def test_a_perspective_half_known_stops_the_composite():
    card = scorecard([entry("customer", 60, 10), entry("customer", None, None), entry("financial", 50, 5)])
    assert card.perspectives["customer"].value is None
    assert "only 50% of its weight" in card.perspectives["customer"].reason
    assert card.composite.value is None
    assert "customer" in card.composite.reason
    enough = scorecard([entry("customer", 60, 10, 2.0), entry("customer", None, None)])
    assert enough.composite.value == pytest.approx(0.6)


def test_an_indicator_without_an_interval_is_held_and_said():
    card = scorecard([entry("customer", 60, 10), entry("customer", 80, None)])
    assert "1 indicators have no interval" in card.composite.reason
    fixed = scorecard([entry("customer", 80, None)])
    assert fixed.composite.low is None
    assert fixed.composite.reason
    with pytest.raises(ValueError, match="above 0"):
        scorecard([entry("customer", 60, 10, 0.0)])
    with pytest.raises(ValueError, match="needs indicators"):
        scorecard([])
