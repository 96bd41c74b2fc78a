import math

import numpy as np
import pytest

from cxsentiment.stats.control import (
    confusion_residuals,
    drift,
    ewma,
    laney_p,
    stability_index,
    standardised,
    undecided_share,
)
from eval import planted

NAN = math.nan
N = np.array([400.0, 380, 420, 410, 395, 405, 390])
PASSED = np.array([340.0, 310, 371, 350, 329, 349, 320])


def test_laney_known_answers():
    chart = laney_p(PASSED, N)
    assert round(chart.centre, 5) == 0.84607
    assert round(chart.spread, 4) == 1.8197
    assert chart.high.round(4).tolist() == [0.9446, 0.9471, 0.9422, 0.9434, 0.9452, 0.944, 0.9458]
    assert chart.low.round(4).tolist() == [0.7476, 0.745, 0.7499, 0.7488, 0.7469, 0.7482, 0.7463]
    assert not chart.outside.any()


def test_laney_bears_days_that_differ_and_still_sees_a_collapse():
    alarms = []
    for seed in range(20):
        passed, n = planted.days(np.random.default_rng(seed), 0.3)
        chart = laney_p(passed, n)
        alarms.append(chart.outside.mean())
        plain = np.abs(passed / n - chart.centre) > 3 * np.sqrt(chart.centre * (1 - chart.centre) / n)
        assert plain.mean() > chart.outside.mean()
    assert np.mean(alarms) <= 0.01
    passed[30] = 200
    assert laney_p(passed, n).outside[30]


@pytest.mark.parametrize(
    ("passed", "n", "words"),
    [([5.0, 5], [10.0, 10], "too few"), ([10.0] * 5, [10.0] * 5, "same verdict"), ([0.0] * 4, [0.0] * 4, "too few")],
)
def test_no_chart_without_matter(passed, n, words):
    chart = laney_p(np.array(passed), np.array(n))
    assert words in chart.reason
    assert chart.value.size == 0
    assert chart.centre is None


def test_a_chart_refuses_impossible_counts_and_leaves_empty_days_out():
    with pytest.raises(ValueError, match="more contacts passed"):
        laney_p(np.array([11.0]), np.array([10.0]))
    with pytest.raises(ValueError, match="missing"):
        laney_p(np.array([NAN, 1, 1, 1]), np.full(4, 10.0))
    assert not laney_p(np.full(9, 85.0), np.full(9, 100.0)).outside.any()
    assert laney_p(np.append(PASSED, 0), np.append(N, 0)).value.size == 7


def test_ewma_known_answers():
    chart = ewma(np.ones(3))
    assert chart.value[-1] == pytest.approx(0.488)
    assert chart.high[0] == pytest.approx(0.572)
    assert ewma(np.zeros(200)).high[-1] == pytest.approx(0.9533, abs=1e-4)
    assert chart.low[0] == -chart.high[0]


def test_ewma_carries_over_periods_without_a_value():
    chart = ewma(np.array([NAN, 1.0, NAN, 1.0]))
    assert chart.value.tolist() == pytest.approx([0, 0.2, 0.2, 0.36])
    assert not chart.outside.any()
    assert ewma(np.zeros(0)).reason == "no periods"
    assert ewma(np.full(3, NAN)).value.tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="weight"):
        ewma(np.ones(3), lam=0)


@pytest.mark.parametrize(("shift", "length", "periods"), [(0.0, 375, 2_500), (0.5, 34, 400), (1.0, 9, 100)])
def test_ewma_runs_long_in_control_and_short_after_a_shift(shift, length, periods):
    rng = np.random.default_rng(0)
    outside = [ewma(rng.standard_normal(periods) + shift).outside for _ in range(120)]
    found = [np.argmax(one) + 1 if one.any() else periods for one in outside]
    assert np.mean(found) == pytest.approx(length, rel=0.3)


def test_values_are_standardised_by_the_baseline():
    values = np.concatenate([np.arange(10.0), [20.0, NAN]])
    z = standardised(values, 10)
    assert z[:10].mean() == pytest.approx(0)
    assert z[10] == pytest.approx((20 - 4.5) / np.std(np.arange(10), ddof=1))
    for bad in (np.ones(10), np.arange(5.0)):
        with pytest.raises(ValueError, match="baseline"):
            standardised(bad, 10)


def test_residuals_by_hand():
    z = confusion_residuals(np.array([40.0, 0]), np.array([60.0, 0]), 0.8)
    assert z[0] == pytest.approx((40 - 48) / math.sqrt(60 * 0.16))
    assert math.isnan(z[1])
    with pytest.raises(ValueError, match="no room for errors"):
        confusion_residuals(np.ones(1), np.ones(1), 1.0)


def test_a_worse_model_alarms_and_other_agents_do_not():
    found, calm = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        worse = planted.batches(rng, 400, yes=0.85, se=0.95, sp=0.70)
        others = planted.batches(rng, 400, yes=0.75, se=0.95, sp=0.80)
        found.append(drift(*worse, sensitivity=0.95, specificity=0.80).alarm is not None)
        calm.append(drift(*others, sensitivity=0.95, specificity=0.80).alarm is not None)
    assert np.mean(found) >= 0.95
    assert np.mean(calm) <= 0.10


def test_few_labels_are_warned_of_and_no_labels_are_no_chart():
    rng = np.random.default_rng(0)
    few = drift(*planted.batches(rng, 60, yes=0.85, se=0.95, sp=0.80), sensitivity=0.95, specificity=0.80)
    assert "150 labels" in few.warning
    none = drift(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), sensitivity=0.95, specificity=0.80)
    assert none.alarm is None
    assert none.specificity.reason
    one_class = drift(np.ones(200), np.ones(200), np.zeros(200, dtype=int), sensitivity=0.95, specificity=0.80)
    assert one_class.specificity.outside.tolist() == [False]


def test_stability_index_is_zero_for_the_same_scores_and_grows():
    rng = np.random.default_rng(1)
    scores = rng.beta(5, 2, 20_000)
    assert stability_index(scores, scores) == pytest.approx(0)
    small, large = stability_index(scores, scores**1.1), stability_index(scores, scores**3)
    assert 0 < small < 0.1 < 0.25 < large
    assert stability_index(scores, np.full(5, NAN)) is None
    assert math.isfinite(stability_index(np.ones(50), np.zeros(50)))
    assert undecided_share(np.array([0.1, 0.5, 0.69, 0.9, NAN])) == 0.5
    assert undecided_share(np.zeros(0)) is None
