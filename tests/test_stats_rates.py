import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from cxsentiment.stats.means import mean_t_interval
from cxsentiment.stats.prediction_powered import Sample, ppi_group_means, ppi_mean
from cxsentiment.stats.rates import (
    critical_accuracy,
    expected_flagged,
    noncritical_accuracy,
    predictive_value,
    rogan_gladen,
    rule_of_three,
    share_difference,
    share_interval,
    wilson_interval,
    youden,
)

NAN = math.nan
Y = np.array([int(c) for c in "1111001010010101011111111100111110111001"], dtype=float)
F = np.array([int(c) for c in "1111011010011101011111111101111011111111"], dtype=float)
UNLABELLED = np.concatenate([np.ones(114), np.zeros(86)])


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_wilson_is_scipys(successes, more):
    n = successes + more
    found = wilson_interval(successes, n)
    if n == 0:
        assert found.value is None
        return
    known = binomtest(successes, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == (pytest.approx(known.low, abs=1e-12), pytest.approx(known.high, abs=1e-12))


def test_a_plain_share_is_wilsons():
    found = share_interval(np.array([1.0] * 8 + [0, 0, NAN]))
    assert (round(found.low, 4), round(found.high, 4), found.n) == (0.4902, 0.9433, 10)


def test_equal_weights_change_next_to_nothing_and_unequal_ones_widen():
    values = (np.random.default_rng(0).random(200) < 0.7).astype(float)
    plain, same = share_interval(values), share_interval(values, np.full(200, 3.0))
    assert same.value == pytest.approx(plain.value)
    assert same.low == pytest.approx(plain.low, abs=1e-3)
    unequal = share_interval(values, np.where(np.arange(200) < 20, 20.0, 1.0))
    assert unequal.high - unequal.low > 1.5 * (plain.high - plain.low)


def test_alike_contacts_of_an_agent_widen_the_share():
    of = np.repeat(np.arange(20), 10)
    values = (np.arange(20) % 3 > 0).astype(float)[of]
    clustered, plain = share_interval(values, clusters=of), share_interval(values)
    assert clustered.value == plain.value
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)
    assert share_interval(values[:50], clusters=of[:50]).reason == "too few agents for an interval: 5 of 8"


@pytest.mark.parametrize("values", [np.zeros(0), np.full(3, NAN)])
def test_no_values_no_share(values):
    assert share_interval(values).value is None
    assert share_interval(values).reason


def test_what_is_no_share_and_no_weight_is_refused():
    with pytest.raises(ValueError, match="0 and 1"):
        share_interval(np.array([0.5]))
    for weight in (0.0, -1.0, NAN, math.inf):
        with pytest.raises(ValueError, match="inclusion probability"):
            share_interval(np.array([1.0, 0.0]), np.array([1.0, weight]))


def test_rule_of_three_and_critical_accuracy():
    assert (rule_of_three(100).value, rule_of_three(100).high) == (0.0, 0.03)
    assert rule_of_three(2).high == 1.0
    assert rule_of_three(0).reason
    found = critical_accuracy(0, 100)
    assert (found.value, found.low, found.high) == (1.0, 0.97, 1.0)
    some = critical_accuracy(2, 10)
    assert (some.value, round(some.low, 4), round(some.high, 4)) == (0.8, 0.4902, 0.9433)
    assert critical_accuracy(0, 0).value is None


def test_noncritical_accuracy_is_a_ratio_of_sums():
    defects, opportunities = np.array([1.0, 0, 2, NAN, 0]), np.array([10.0, 8, 12, 9, 0])
    found = noncritical_accuracy(np.tile(defects, 6), np.tile(opportunities, 6))
    assert found.value == pytest.approx(1 - 3 / 30)
    assert found.low < found.value < found.high
    assert found.n == 18
    none = noncritical_accuracy(np.zeros(3), np.full(3, 100.0))
    assert (none.value, none.low) == (1.0, 0.99)
    assert none.n == 3, "n counts contacts, with a defect or without"
    assert noncritical_accuracy(np.zeros(2), np.zeros(2)).reason == "no contact had an opportunity"
    with pytest.raises(ValueError, match="more defects"):
        noncritical_accuracy(np.array([2.0]), np.array([1.0]))


def test_rogan_gladen_known_answer():
    found = rogan_gladen(300, 1000, 90, 100, 85, 100)
    assert found.value == pytest.approx(0.20)
    variance = (0.3 * 0.7 / 1000 + 0.2**2 * 0.9 * 0.1 / 100 + 0.8**2 * 0.85 * 0.15 / 100) / 0.75**2
    assert found.high - found.value == pytest.approx(1.959964 * math.sqrt(variance), rel=1e-6)
    assert expected_flagged(0.9, 0.95, 0.80) == pytest.approx(0.875)


def test_most_flags_of_a_rare_error_are_false():
    assert round(predictive_value(0.02, 0.90, 0.97), 2) == 0.38
    assert predictive_value(0.0, 0.9, 1.0) is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((10, 100, 20, 40, 22, 40), "separates too little"),
        ((10, 100, 9, 10, 0, 0), "all of one class"),
        ((0, 0, 9, 10, 9, 10), "nothing to count"),
    ],
)
def test_rogan_gladen_refuses(counts, words):
    found = rogan_gladen(*counts)
    assert found.value is None
    assert words in found.reason


def test_rogan_gladen_cuts_and_says_so():
    found = rogan_gladen(5, 1000, 90, 100, 85, 100)
    assert found.value == 0
    assert found.low == 0
    assert "outside 0-1: cut" in found.reason
    with pytest.raises(ValueError, match="exceeds"):
        rogan_gladen(5, 4, 1, 1, 1, 1)


def test_a_machine_without_errors_among_the_labels_has_an_interval_all_the_same():
    found = rogan_gladen(300, 100_000, 50, 50, 50, 50)
    assert found.high - found.low > 0.02


def test_youden_counts():
    flagged, truth = np.array([1, 1, 0, 0, 1, NAN]), np.array([1, 0, 0, 1, 1, 1])
    assert youden(flagged, truth) == (2, 3, 1, 2)


def test_ppi_known_answers():
    plain = ppi_mean(Sample(Y, F, UNLABELLED), lam=1)
    assert (plain.estimate.value, plain.estimate.low, plain.estimate.high) == (
        pytest.approx(0.445),
        pytest.approx(0.30353085045330974),
        pytest.approx(0.5864691495466902),
    )
    tuned = ppi_mean(Sample(Y, F, UNLABELLED))
    figures = (tuned.estimate.value, tuned.estimate.low, tuned.estimate.high, tuned.lam)
    assert figures == pytest.approx((0.586513, 0.460375, 0.71265, 0.384727), abs=1e-5)
    package = (0.5868813756922179, 0.4607076059699139, 0.7130551454145219)
    assert figures[:3] == pytest.approx(package, abs=1e-3)


def test_ppi_without_power_is_the_human_mean():
    found = ppi_mean(Sample(Y, F, UNLABELLED), lam=0)
    assert found.estimate.value == pytest.approx(Y.mean())
    assert found.estimate.high - found.estimate.value == pytest.approx(1.959964 * Y.std() / math.sqrt(40))


def test_a_machine_that_says_nothing_is_left_aside():
    rng = np.random.default_rng(0)
    found = ppi_mean(Sample(Y, rng.permutation(Y) * 0, np.zeros(200)))
    assert found.lam == 0
    assert found.estimate.value == pytest.approx(Y.mean())


@pytest.mark.parametrize(
    ("y", "f", "rest", "words"),
    [
        (Y[:20], F[:20], UNLABELLED, "20 labels are too few"),
        (np.concatenate([np.ones(38), np.zeros(2)]), F, UNLABELLED, "only 2 labels of one class"),
        (np.ones(40), F, UNLABELLED, "only 0 labels of one class"),
        (Y, F, np.zeros(0), "no unlabelled contact"),
        (np.zeros(0), np.zeros(0), UNLABELLED, "0 labels"),
    ],
)
def test_ppi_falls_back_to_the_human_labels_and_says_so(y, f, rest, words):
    found = ppi_mean(Sample(y, f, rest))
    assert words in found.estimate.reason
    assert found.lam == 0
    assert found.estimate.method.startswith("human labels only")
    if y.size:
        known = wilson_interval(int(y.sum()), y.size)
        assert (found.estimate.value, found.estimate.low) == (known.value, known.low)
    else:
        assert found.estimate.value is None


def test_scores_that_are_no_share_fall_back_to_students_mean():
    y = np.array([40.0, 60, 80, 90])
    found = ppi_mean(Sample(y, y, y), bounds=(0, 100))
    assert found.estimate.low == mean_t_interval(y).low
    weighted = ppi_mean(Sample(y, y, y, np.array([1.0, 2, 1, 1])), bounds=(0, 100))
    assert weighted.estimate.value == pytest.approx(66)


def test_points_of_people_alone_stay_on_their_scale_and_allow_for_agents() -> None:
    y = np.array([0.5, 1, 1, 0.5, 0])
    alone = ppi_mean(Sample(y, y, y)).estimate
    assert (alone.value, alone.high) == (pytest.approx(0.6), 1.0)  # t(4) · s / √5 would reach 1.12
    points, agent = np.repeat([0.0, 0.5, 1, 0.5], 5), np.arange(20) // 2
    apart = ppi_mean(Sample(points, points, y, None, agent, np.arange(5))).estimate
    assert apart.method == "human labels only: mean, interval clustered by agent"
    # Ten agents with two contacts each: sums of deviations -1, -1, -0.5, 0, 0, 1, 1, 0.5, 0, 0; n 20, t(9) 2.2622.
    assert apart.high == pytest.approx(0.5 + 2.2622 * math.sqrt(4.5 * 10 / 9) / 20, abs=1e-4)
    equal = ppi_mean(Sample(points, points, y, np.ones(20), agent, np.arange(5))).estimate
    assert equal.high == pytest.approx(apart.high)
    assert ppi_mean(Sample(points, points, y, np.ones(20), agent % 4, np.arange(5))).estimate.low is None


def test_weights_correct_a_sample_that_took_flagged_contacts_more_often():
    rng = np.random.default_rng(3)
    y = (rng.random(20_000) < 0.8).astype(float)
    f = np.where(y == 1, rng.random(y.size) < 0.9, rng.random(y.size) > 0.8).astype(float)
    p = np.where(f == 1, 0.01, 0.08)
    taken = rng.random(y.size) < p
    right = ppi_mean(Sample(y[taken], f[taken], f[~taken], 1 / p[taken]))
    assert y[taken].mean() < 0.6
    assert right.estimate.low < y.mean() < right.estimate.high
    assert "weighted" in right.estimate.method


def test_agents_that_differ_widen_the_interval_and_too_few_leave_none():
    rng = np.random.default_rng(4)
    agent = np.repeat(np.arange(20), 50)
    y = (rng.random(1_000) < np.where(agent % 2, 0.95, 0.5)).astype(float)
    f = np.where(rng.random(1_000) < 0.1, 1 - y, y)
    has = np.arange(1_000) % 10 == 0
    plain = ppi_mean(Sample(y[has], f[has], f[~has])).estimate
    clustered = ppi_mean(Sample(y[has], f[has], f[~has], None, agent[has], agent[~has])).estimate
    assert clustered.high - clustered.low > 1.3 * (plain.high - plain.low)
    few = ppi_mean(Sample(y[has], f[has], f[~has], None, agent[has] % 4, agent[~has] % 4)).estimate
    assert few.low is None
    assert "too few agents" in few.reason
    with pytest.raises(ValueError, match="of neither"):
        ppi_mean(Sample(y[has], f[has], f[~has], None, agent[has]))


def test_missing_scores_leave_their_contact_out():
    y, f = np.append(Y, [1.0, NAN]), np.append(F, [NAN, 1.0])
    assert ppi_mean(Sample(y, f, np.append(UNLABELLED, NAN))) == ppi_mean(Sample(Y, F, UNLABELLED))


def test_group_means_use_the_answers_of_each_group_as_labels():
    rng = np.random.default_rng(5)
    group = rng.integers(0, 2, 2_000)
    truth = np.clip(np.round(3 + group + rng.standard_normal(2_000)), 1, 5)
    predicted = truth + 0.5 * rng.standard_normal(2_000)
    answered = rng.random(2_000) < 0.1
    found = ppi_group_means(np.where(answered, truth, NAN), predicted, np.where(np.arange(2_000) < 5, -1, group))
    assert set(found) == {0, 1}
    for name, one in found.items():
        assert one.estimate.low < truth[group == name].mean() < one.estimate.high
        assert one.lam > 0.3


@pytest.mark.parametrize(
    ("counts", "value", "low", "high"),
    [
        ((56, 70, 48, 80), 0.2, 0.0524, 0.3339),  # Newcombe 1998, table II, method 10, contrast (a)
        ((9, 10, 3, 10), 0.6, 0.1705, 0.8090),  # (b)
        ((5, 56, 0, 29), 0.0893, -0.0381, 0.1926),  # (d)
        ((0, 10, 0, 20), 0.0, -0.1611, 0.2775),  # (f)
        ((10, 10, 0, 10), 1.0, 0.6075, 1.0),  # (h)
    ],
)
def test_share_difference(counts, value, low, high):
    found = share_difference(*counts)
    assert (found.value, found.low, found.high) == (
        pytest.approx(value, abs=5e-5),
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
    )
    assert found.n == counts[1] + counts[3]
    assert share_difference(0, 0, 1, 2).value is None
