import math

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import rankdata, spearmanr, t, ttest_ind

from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import codes, floats
from cxsentiment.stats.correlation import clustered_spearman
from cxsentiment.stats.estimates import clipped
from cxsentiment.stats.jackknife import compare_levels
from cxsentiment.stats.means import clustered_mean, mean_difference, mean_t_interval, median_interval
from cxsentiment.stats.power import benjamini_hochberg, minimal_detectable_r
from cxsentiment.stats.ranks import spearman
from cxsentiment.stats.rates import wilson_interval
from cxsentiment.stats.reliability import icc_oneway, n_for_reliability, reliability, variance_components

NAN = math.nan


def clustered_data(seed, agents=12, each=15, agent_sd=0.6):
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(agents), each)
    x = rng.normal(0, agent_sd, agents)[of] + rng.normal(0, 1, of.size)
    y = np.clip(np.round(3 + 0.4 * x + rng.normal(0, agent_sd, agents)[of] + rng.normal(0, 1, of.size)), 1, 5)
    return x, y, of


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.chunked_array([[1, None], [3]]), [1, NAN, 3]),
        (pa.chunked_array([pa.nulls(2)]), [NAN, NAN]),
        (pa.chunked_array([], type=pa.float64()), []),
    ],
)
def test_a_null_becomes_nan(column, expected):
    np.testing.assert_array_equal(floats(column), expected)


def test_codes_point_into_sorted_names_and_null_is_minus_one():
    of, names = codes(pa.chunked_array([["b", None], ["a", "b"]]))
    assert of.tolist() == [1, -1, 0, 1]
    assert names == ["a", "b"]
    assert codes(pa.chunked_array([pa.nulls(2)]))[0].tolist() == [-1, -1]


def test_wilson_known_answer():
    estimate = wilson_interval(8, 10)
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (0.4902, 0.9433)
    assert estimate.value == 0.8
    assert estimate.n == 10


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5)])
def test_wilson_stays_inside_the_unit_interval_and_has_width_at_the_ends(successes, n):
    estimate = wilson_interval(successes, n)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.high - estimate.low > 0.3


def test_wilson_without_trials_is_null_with_a_reason_and_impossible_counts_are_refused():
    assert wilson_interval(0, 0).value is None
    assert wilson_interval(0, 0).reason
    with pytest.raises(ValueError, match="3 successes among 2"):
        wilson_interval(3, 2)


def test_mean_interval_is_students():
    estimate = mean_t_interval(np.array([1.0, 2.0, 3.0, 4.0, NAN]))
    half = t.ppf(0.975, 3) * np.std([1, 2, 3, 4], ddof=1) / 2
    assert estimate.n == 4
    assert estimate.low == pytest.approx(2.5 - half)
    assert estimate.high == pytest.approx(2.5 + half)


@pytest.mark.parametrize(
    ("values", "mean", "n"), [([], None, 0), ([NAN, NAN], None, 0), ([7.0], 7.0, 1), ([7.0] * 3, 7.0, 3)]
)
def test_a_mean_that_has_no_interval_says_why(values, mean, n):
    estimate = mean_t_interval(np.array(values))
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (mean, None, None, n)
    assert estimate.reason


def test_clustered_mean_of_clusters_of_one_is_the_normal_theory_interval():
    x = np.random.default_rng(0).normal(size=20)
    estimate = clustered_mean(x, np.arange(20))
    plain = mean_t_interval(x)
    assert estimate.low == pytest.approx(plain.low)
    assert estimate.high == pytest.approx(plain.high)


def test_copies_within_a_cluster_do_not_narrow_the_clustered_interval():
    x = np.random.default_rng(0).normal(size=20)
    copied = clustered_mean(np.repeat(x, 7), np.repeat(np.arange(20), 7))
    assert copied.low == pytest.approx(mean_t_interval(x).low)
    assert copied.n == 140
    assert clustered_mean(np.arange(7.0), np.arange(7)).reason == "too few agents for an interval: 7 of 8"


@pytest.mark.parametrize(("n", "low", "high"), [(5, None, None), (6, 1, 6), (10, 2, 9), (25, 8, 18)])
def test_median_interval_ranks(n, low, high):
    estimate = median_interval(np.arange(1.0, n + 1)[::-1])
    assert (estimate.value, estimate.low, estimate.high) == ((n + 1) / 2, low, high)
    assert (estimate.reason is None) == (low is not None)


@pytest.mark.parametrize(
    ("n", "expected"), [(5, 0.208), (10, 0.345), (20, 0.513), (44, 0.698), (76, 0.800), (171, 0.900)]
)
def test_reliability_known_answers(n, expected):
    assert round(reliability(n, 0.05), 3) == expected


@pytest.mark.parametrize(("target", "n"), [(0.7, 45), (0.8, 76), (0.9, 171)])
def test_n_for_reliability_known_answers(target, n):
    assert n_for_reliability(target, 0.05) == n
    assert n_for_reliability(target, 0.0) is None


def test_variance_components_of_an_unbalanced_table_worked_by_hand():
    # Groups (1, 3) and (5, 6, 7): SSW = 2 + 2 over 3 df; SSB = 2·(2-4.4)² + 3·(6-4.4)² = 19.2; n0 = 5 - 13/5 = 2.4.
    found = variance_components(np.array([1.0, 3, 5, 6, 7]), np.array([0, 0, 1, 1, 1]))
    assert found.within == pytest.approx(4 / 3)
    assert found.between == pytest.approx((19.2 - 4 / 3) / 2.4)
    icc = icc_oneway(np.array([1.0, 3, 5, 6, 7]), np.array([0, 0, 1, 1, 1]))
    assert icc == pytest.approx(found.between / (found.between + found.within))


@pytest.mark.parametrize(
    ("values", "groups", "icc"),
    [
        ([1.0, 2, 1, 2], [0, 0, 1, 1], 0.0),  # equal means: floored at 0
        ([1.0, 2, 3], [0, 1, 2], None),  # no group with two values
        ([1.0, 2, 3], [0, 0, 0], None),  # one group
        ([0.1, 0.1, 0.1, 0.1], [0, 0, 1, 1], None),  # nothing varies
        ([], [], None),
    ],
)
def test_icc_edges(values, groups, icc):
    assert icc_oneway(np.array(values), np.array(groups, dtype=np.int64)) == icc


def test_spearman_known_answer():
    x = np.array([-1.2, -0.7, -0.3, 0, 0.1, 0.4, 0.8, 0.9, 1.1, 1.6])
    csat = np.array([1.0, 2, 2, 3, 5, 3, 4, 5, 4, 5])
    assert round(spearman(x, csat), 4) == 0.8299
    assert spearman(x, np.full(10, 4.0)) is None


def brute_force(x, y, of):
    z = math.atanh(spearmanr(x, y).statistic)
    names = np.unique(of)
    without = np.array([math.atanh(spearmanr(x[of != a], y[of != a]).statistic) for a in names])
    count = names.size
    error = math.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2))
    half = t.ppf(0.975, count - 1) * error
    return math.tanh(z), math.tanh(z - half), math.tanh(z + half), 2 * t.sf(abs(z) / error, count - 1)


@pytest.mark.parametrize("level", ["pooled", "within", "between"])
def test_clustered_spearman_equals_ranking_again_without_each_agent(level):
    x, y, of = clustered_data(3)
    keep = np.random.default_rng(5).random(of.size) < 0.7  # unbalanced agents
    x, y, of = np.round(x[keep], 1), y[keep], of[keep]
    found = clustered_spearman(x, y, of, level)
    sizes = np.bincount(of)
    means = [np.bincount(of, weights=side) / sizes for side in (x, y)]
    if level == "within":
        x, y = np.round(x - means[0][of], 9), np.round(y - means[1][of], 9)
    if level == "between":
        x, y = np.round(means[0][of], 9), np.round(means[1][of], 9)
    expected = brute_force(x, y, of)
    actual = (found.estimate.value, found.estimate.low, found.estimate.high, found.p)
    assert actual == pytest.approx(expected, abs=1e-9)
    assert found.clusters == 12


def test_interval_and_p_agree_about_zero():
    for seed in range(30):
        found = clustered_spearman(*clustered_data(seed, agents=9, each=6))
        assert (found.p < 0.05) == (found.estimate.low * found.estimate.high > 0)


def test_ties_created_by_centring_stay_ties():
    # Thirds do not centre exactly in binary; the residuals of the two patterns must still tie.
    x = np.array([1.0, 1, 2] * 10 + [0.1, 0.1, 1.1] * 10)
    y = np.array([1.0, 2, 3] * 20)
    of = np.repeat(np.arange(20), 3)
    expected = spearmanr(rankdata(np.array([1, 1, 2] * 20)), y).statistic
    assert clustered_spearman(x, y, of, "within").estimate.value == pytest.approx(expected)


@pytest.mark.parametrize(
    ("agents", "level", "has_value", "has_interval", "words"),
    [
        (7, "pooled", True, False, "too few agents for an interval: 7 of 8"),
        (8, "pooled", True, True, None),
        (7, "within", True, False, "too few agents for an interval: 7 of 8"),
        (9, "between", False, False, "too few agents to compare them: 9 of 10"),
        (10, "between", True, True, None),
        (1, "pooled", True, False, "too few agents for an interval: 1 of 8"),
    ],
)
def test_few_agents(agents, level, has_value, has_interval, words):
    found = clustered_spearman(*clustered_data(1, agents=agents), level)
    assert (found.estimate.value is not None) == has_value
    assert (found.estimate.low is not None) == has_interval
    assert (found.p is not None) == has_interval
    assert found.estimate.reason is None if words is None else words in found.estimate.reason


@pytest.mark.parametrize("level", ["pooled", "within", "between"])
@pytest.mark.parametrize("side", ["feature", "outcome"])
def test_a_constant_side_is_null_with_the_reason(level, side):
    x, y, of = clustered_data(1)
    if side == "feature":
        x = np.full_like(x, 0.1)
    else:
        y = np.full_like(y, 5)
    found = clustered_spearman(x, y, of, level)
    assert found.estimate.value is None
    assert found.p is None
    assert f"the {side} is the same" in found.estimate.reason


def test_an_outcome_constant_within_agents_has_no_within_level():
    x, _, of = clustered_data(1)
    within = clustered_spearman(x, of % 3 + 0.1, of, "within")
    assert within.estimate.value is None
    assert "the outcome is the same within each agent" in within.estimate.reason


def test_variation_from_one_agent_alone_gives_no_interval():
    x, y, of = clustered_data(1)
    y = np.where(of == 0, y, 3.0)
    found = clustered_spearman(x, y, of)
    assert found.estimate.value is not None
    assert found.estimate.low is None
    assert "one agent" in found.estimate.reason


def test_perfect_agreement_has_no_interval():
    of = np.repeat(np.arange(10), 4)
    found = clustered_spearman(np.arange(40.0), np.arange(40.0), of)
    assert found.estimate.value == pytest.approx(1)
    assert "perfectly" in found.estimate.reason


@pytest.mark.parametrize("level", ["pooled", "within", "between"])
def test_nothing_to_correlate(level):
    none = np.full(30, NAN)
    found = clustered_spearman(none, none, np.repeat(np.arange(10), 3), level)
    assert (found.estimate.value, found.estimate.n, found.clusters) == (None, 0, 0)
    assert found.estimate.reason


def test_pairs_without_agent_are_left_out_unless_no_pair_has_one():
    x, y, of = clustered_data(2)
    some = np.where(np.arange(of.size) % 5 == 0, -1, of)
    kept = some >= 0
    assert clustered_spearman(x, y, some).estimate == clustered_spearman(x[kept], y[kept], of[kept]).estimate
    nobody = clustered_spearman(x, y, np.full(of.size, -1))
    assert nobody.estimate.value == pytest.approx(spearmanr(x, y).statistic)
    assert nobody.estimate.low is None
    assert "no contact names its agent" in nobody.estimate.reason
    assert clustered_spearman(x, y, np.full(of.size, -1), "within").estimate.value is None


def test_agents_with_one_pair_say_nothing_within():
    x, y, of = clustered_data(2)
    lone = clustered_spearman(np.append(x, [9, -9]), np.append(y, [1, 5]), np.append(of, [50, 51]), "within")
    assert lone.estimate == clustered_spearman(x, y, of, "within").estimate


def test_row_order_does_not_matter():
    x, y, of = clustered_data(4)
    order = np.random.default_rng(0).permutation(of.size)
    one, other = clustered_spearman(x, y, of), clustered_spearman(x[order], y[order], of[order])
    assert one.estimate.low == pytest.approx(other.estimate.low, abs=1e-12)


def test_compare_levels_finds_the_planted_reversal_and_not_the_same_slope():
    x, y, of = clustered_data(6, agents=40, each=20)
    same = compare_levels(clustered_spearman(x, y, of, "within"), clustered_spearman(x, y, of, "within"))
    assert same.value == 0
    assert (same.low, same.high) == (0, 0)
    reverse = y - 4 * (np.bincount(of, weights=x) / 20)[of]
    found = compare_levels(clustered_spearman(x, reverse, of, "within"), clustered_spearman(x, reverse, of, "between"))
    assert found.low > 0


def test_clustered_interval_covers_where_the_naive_one_fails():
    # Both sides cluster, true correlation 0; bands from the method's acceptance table.
    rng = np.random.default_rng(20)
    covered = naive = 0
    runs = 200
    of = np.repeat(np.arange(20), 20)
    for _ in range(runs):
        x = rng.normal(0, 1, 20)[of] + rng.normal(0, 1, of.size)
        y = rng.normal(0, 1, 20)[of] + rng.normal(0, 1, of.size)
        estimate = clustered_spearman(x, y, of).estimate
        covered += estimate.low <= 0 <= estimate.high
        naive += abs(math.atanh(estimate.value)) <= 1.96 / math.sqrt(of.size - 3)
    assert 0.90 <= covered / runs <= 0.98
    assert naive / runs < 0.89


def test_design_effect_shrinks_n():
    x, y, of = clustered_data(8, agents=30, each=30, agent_sd=2)
    found = clustered_spearman(x, y, of)
    deff = 1 + 29 * icc_oneway(x, of) * icc_oneway(y, of)
    assert deff > 2
    assert found.effective_n == pytest.approx(900 / deff)
    assert clustered_spearman(x, y, of, "within").effective_n == 900 - 30 + 1
    assert clustered_spearman(x, y, of, "between").effective_n == 30


def test_benjamini_hochberg_known_answer_and_none_stays_none():
    p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.2, 0.9]
    adjusted = benjamini_hochberg([None, *p, None])
    assert [round(value, 4) for value in adjusted[1:-1]] == [0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.2286, 0.9]
    assert adjusted[0] is None
    assert adjusted[-1] is None
    assert benjamini_hochberg([None]) == [None]


@pytest.mark.parametrize(("r", "n"), [(0.1, 783), (0.15, 347), (0.2, 194), (0.3, 85)])
def test_power_known_answers(r, n):
    assert minimal_detectable_r(n) <= r < minimal_detectable_r(n - 1)


def test_three_pairs_detect_nothing():
    assert minimal_detectable_r(3) is None


@pytest.mark.parametrize(
    ("low", "high", "cut"),
    [(-0.2, 0.4, (0, 0.4)), (0.3, 1.7, (0.3, 1)), (0.2, 0.3, (0.2, 0.3)), (None,) * 2 + ((None,) * 2,)],
)
def test_an_interval_is_cut_at_the_ends_of_the_scale(low, high, cut):
    found = clipped(Estimate(0.25, low, high, 3, "m"), 0.0, 1.0)
    assert (found.low, found.high) == cut
    assert found.value == 0.25


def test_mean_difference_is_welchs():
    one, other = np.array([27.5, 21, 19, 23.6, 17, 17.9, NAN]), np.array([27.1, 22, 20.8, 23.4, 23.4])
    found = mean_difference(one, other)
    reference = ttest_ind(one[:-1], other, equal_var=False).confidence_interval()
    assert (found.value, found.low, found.high) == pytest.approx(
        (one[:-1].mean() - other.mean(), reference.low, reference.high)
    )
    assert found.n == 11
    assert mean_difference(one, np.array([NAN])).reason == "one of the two has no values"
    assert mean_difference(one, np.array([3.0])).low is None
    assert mean_difference(np.ones(3), np.zeros(3)).low is None
