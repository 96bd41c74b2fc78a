import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, pointbiserialr, somersd, spearmanr

from cxsentiment.stats.attenuation import attenuated, disattenuated, phi, powered_correlation
from cxsentiment.stats.concordance import clustered_concordance, risk_difference
from cxsentiment.stats.correlation import clustered_pearson, clustered_spearman
from cxsentiment.stats.jackknife import in_blocks, known_pairs, sign_conflict, two_way
from cxsentiment.stats.polyserial import clustered_polyserial
from cxsentiment.stats.power import adjusted_p_values, design_effect, n_for_r
from cxsentiment.stats.ranks import LeaveOneOut

NAN = math.nan
X = np.array([-1.2, -0.7, -0.3, 0, 0.1, 0.4, 0.8, 0.9, 1.1, 1.6])
CSAT = np.array([1.0, 2, 2, 3, 5, 3, 4, 5, 4, 5])
ALONE = np.arange(10)


def clustered(seed=0, agents=12, each=20, levels=5):
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(agents), rng.integers(2, 2 * each, agents))
    x = np.round(rng.standard_normal(agents)[of] + rng.standard_normal(of.size), 1)
    y = np.clip(np.round(3 + 0.4 * x + rng.standard_normal(of.size)), 1, levels)
    return x, y, of


@pytest.mark.parametrize(("statistic", "value"), [("tau_b", 0.74), ("somers_d", 0.7949)])
def test_known_answers(statistic, value):
    assert round(clustered_concordance(X, CSAT, ALONE, statistic).estimate.value, 4) == value


def test_known_answers_of_the_top_box():
    top = (CSAT >= 4).astype(float)
    assert clustered_concordance(X, top, ALONE, "auc").estimate.value == pytest.approx(0.96)
    assert round(clustered_pearson(X, top, ALONE).estimate.value, 4) == 0.7708
    assert round(clustered_spearman(X, CSAT, ALONE).estimate.value, 4) == 0.8299


def gamma(x, y):
    signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
    return signs.sum() / np.abs(signs).sum()


INDEPENDENT = {
    "tau_b": lambda x, y: kendalltau(x, y).statistic,
    "somers_d": lambda x, y: somersd(y, x).statistic,
    "gamma": gamma,
}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), min_size=5, max_size=60))
def test_counting_pairs_agrees_with_scipy(pairs):
    x, y = np.array(pairs, dtype=float).T
    of = np.arange(x.size) % 9
    for statistic, independent in INDEPENDENT.items():
        found = clustered_concordance(x, y, of, statistic).estimate
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            assert found.value is None
            assert found.reason
        elif found.value is not None:
            assert found.value == pytest.approx(independent(x, y))


@pytest.mark.parametrize("statistic", list(INDEPENDENT))
def test_leaving_out_an_agent_is_exact(statistic):
    x, y, of = clustered(1)
    found = clustered_concordance(x, y, of, statistic)
    for agent in range(12):
        expected = INDEPENDENT[statistic](x[of != agent], y[of != agent])
        assert math.tanh(found.z_without[agent]) == pytest.approx(expected)


def test_auc_without_each_agent_and_within_agents():
    x, y, of = clustered(2)
    top = (y >= 4).astype(float)

    def auc(x, top):
        high, low = x[top == 1], x[top == 0]
        return np.mean((high[:, None] > low) + 0.5 * (high[:, None] == low))

    found = clustered_concordance(x, top, of, "auc")
    assert found.estimate.value == pytest.approx(auc(x, top))
    assert 0 <= found.estimate.low < found.estimate.value < found.estimate.high <= 1
    assert (math.tanh(found.z_without[3]) + 1) / 2 == pytest.approx(auc(x[of != 3], top[of != 3]))
    within = clustered_concordance(x, top, of, "auc", "within")
    pairs = [(np.sum(top[of == a] == 1) * np.sum(top[of == a] == 0), a) for a in range(12)]
    expected = sum(n * auc(x[of == a], top[of == a]) for n, a in pairs if n) / sum(n for n, _ in pairs)
    assert within.estimate.value == pytest.approx(expected)
    with pytest.raises(ValueError, match="0 and 1"):
        clustered_concordance(x, y, of, "auc")


def test_more_than_64_values_on_both_sides_have_no_tau_but_one_side_may():
    rng = np.random.default_rng(0)
    x, y, of = rng.standard_normal(300), rng.standard_normal(300), np.arange(300) % 10
    found = clustered_concordance(x, y, of, "tau_b")
    assert found.estimate.value is None
    assert "more than 64" in found.estimate.reason
    swapped = clustered_concordance(np.round(x), y, of, "tau_b").estimate.value
    assert swapped == pytest.approx(kendalltau(np.round(x), y).statistic)


def test_pearson_is_scipys_at_every_level_and_jackknifed_exactly():
    x, y, of = clustered(3)
    pooled = clustered_pearson(x, y, of)
    assert pooled.estimate.value == pytest.approx(pearsonr(x, y).statistic)
    assert math.tanh(pooled.z_without[5]) == pytest.approx(pearsonr(x[of != 5], y[of != 5]).statistic)
    means = [np.bincount(of, weights=side) / np.bincount(of) for side in (x, y)]
    within = clustered_pearson(x, y, of, "within").estimate.value
    assert within == pytest.approx(pearsonr(x - means[0][of], y - means[1][of]).statistic, abs=1e-7)
    between = clustered_pearson(x, y, of, "between").estimate.value
    assert between == pytest.approx(pearsonr(means[0][of], means[1][of]).statistic, abs=1e-7)
    flag = (x > 0).astype(float)
    assert clustered_pearson(flag, y, of).estimate.value == pytest.approx(pointbiserialr(flag, y).statistic)


@pytest.mark.parametrize("kind", ["ties", "continuous", "both continuous"])
def test_the_expanded_jackknife_is_the_direct_one(kind):
    rng = np.random.default_rng(4)
    of = rng.integers(0, 25, 4_000)
    x = rng.standard_normal(25)[of] + rng.standard_normal(of.size)
    y = np.clip(np.round(3 + 0.5 * x + rng.standard_normal(of.size)), 1, 5)
    if kind == "ties":
        x = np.round(x, 1)
    if kind == "both continuous":
        y = y + rng.standard_normal(of.size)
    ranks = LeaveOneOut(x, y, of, 25)
    direct, fast = ranks.without_each(), ranks._expanded()
    spread = float(np.std(direct))
    assert np.abs(direct - fast).max() < (1e-12 if kind == "ties" else 1e-3 * spread)
    assert direct[7] == pytest.approx(spearmanr(x[of != 7], y[of != 7]).statistic)


@pytest.mark.slow
def test_a_million_contacts_of_a_thousand_agents_take_seconds():
    rng = np.random.default_rng(0)
    of = rng.integers(0, 1_000, 1_000_000)
    x = 0.3 * rng.standard_normal(1_000)[of] + rng.standard_normal(of.size)
    y = np.clip(np.round(3 + 0.3 * x + rng.standard_normal(of.size)), 1, 5)
    start = time.process_time()
    for level in ("pooled", "within", "between"):
        assert clustered_spearman(x, y, of, level).estimate.low is not None
    assert clustered_concordance(x, (y >= 4).astype(float), of, "auc").estimate.low is not None
    assert time.process_time() - start < 30


def test_very_many_clusters_are_left_out_in_blocks_and_give_the_same_interval():
    rng = np.random.default_rng(1)
    n = 60_000
    x = rng.standard_normal(n)
    y = 0.2 * x + rng.standard_normal(n)
    found = clustered_spearman(x, y, np.arange(n) // 2)
    assert found.estimate.high - found.estimate.low == pytest.approx(2 * 1.96 * 0.96 / math.sqrt(n), rel=0.12)
    assert in_blocks(known_pairs(x, y, np.arange(n) // 2)).names.size == 1_000
    assert found.clusters == 1_000 or found.clusters == n // 2


def test_the_larger_of_two_errors_wins():
    x, y, of = clustered(5, agents=20)
    customer = np.arange(of.size) // 2
    by_agent, by_customer = clustered_spearman(x, y, of), clustered_spearman(x, y, customer)
    both = two_way(by_agent, by_customer)
    widths = [e.high - e.low for e in (by_agent.estimate, by_customer.estimate)]
    assert both.estimate.high - both.estimate.low == max(widths)
    assert "two-way" in both.estimate.method
    assert both.clusters == by_agent.clusters
    few = clustered_spearman(x, y, np.zeros_like(of))
    assert two_way(by_agent, few).estimate.low == by_agent.estimate.low
    assert "agents only" in two_way(by_agent, few).estimate.method


def test_signs_that_differ_are_flagged():
    rng = np.random.default_rng(6)
    of = np.repeat(np.arange(40), 40)
    u = rng.multivariate_normal([0, 0], [[1, -0.6], [-0.6, 1]], 40) * 0.7
    x, y = (u[of] + rng.multivariate_normal([0, 0], [[1, 0.25], [0.25, 1]], of.size)).T
    within, between = (clustered_spearman(x, y, of, level) for level in ("within", "between"))
    assert within.estimate.value > 0 > between.estimate.value
    assert sign_conflict(within, between)
    assert not sign_conflict(within, within)
    assert not sign_conflict(within, clustered_spearman(x[of < 5], y[of < 5], of[of < 5], "between"))


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ((-1.6, -1.2, -0.7, -0.126), (0.255, 0.195, 0.300, 0.637)),
        ((-2.2, -1.9, -1.6, -1.282), (0.171, 0.138, 0.299, 0.664)),
    ],
)
def test_what_a_crowded_top_box_does_to_each_statistic(thresholds, expected):
    # Latent correlation .30; figures measured for the method with 55 and 90 % in the top box.
    rng = np.random.default_rng(7)
    of = np.arange(200_000) % 20
    x = rng.standard_normal(of.size)
    y = np.digitize(0.3 * x + math.sqrt(0.91) * rng.standard_normal(of.size), thresholds).astype(float)
    top = (y == 4).astype(float)
    found = (
        clustered_spearman(x, y, of).estimate.value,
        clustered_concordance(x, y, of, "tau_b").estimate.value,
        clustered_polyserial(x, y, of).estimate.value,
        clustered_concordance(x, top, of, "auc").estimate.value,
    )
    assert found == pytest.approx(expected, abs=0.012)


def test_polyserial_without_an_agent_is_near_fitting_again():
    rng = np.random.default_rng(8)
    of = np.repeat(np.arange(12), 40)
    x = rng.standard_normal(of.size)
    y = np.digitize(0.5 * x + rng.standard_normal(of.size), [-1, 0, 0.8]).astype(float)
    found = clustered_polyserial(x, y, of)
    for agent in range(12):
        again = clustered_polyserial(x[of != agent], y[of != agent], of[of != agent]).estimate.value
        assert math.tanh(found.z_without[agent]) == pytest.approx(again, abs=1e-4)


@pytest.mark.parametrize(
    "function", [clustered_polyserial, clustered_pearson, lambda *a: clustered_concordance(*a, "tau_b")]
)
def test_edges_are_null_with_a_reason(function):
    x, y, of = clustered(9)
    for a, b, groups in (
        (x, np.full_like(y, 5), of),
        (np.full_like(x, 0.1), y, of),
        (np.full_like(x, NAN), y, of),
        (x[:3], y[:3], of[:3]),
    ):
        found = function(a, b, groups)
        assert found.estimate.value is None
        assert found.estimate.reason
        assert found.p is None
    few = function(x, y, of % 3)
    assert few.estimate.value is not None
    assert "too few agents" in few.estimate.reason
    with pytest.raises(ValueError, match="different length"):
        function(x, y[:-1], of)


def test_pairs_without_any_agent_have_a_value_and_no_interval():
    x, y, of = clustered(10)
    nobody = np.full_like(of, -1)
    found = clustered_concordance(x, y, nobody, "tau_b")
    assert found.estimate.value == pytest.approx(kendalltau(x, y).statistic)
    assert found.estimate.low is None
    assert "no contact names its agent" in found.estimate.reason
    assert clustered_concordance(x, y, nobody, "tau_b", "within").estimate.value is None
    assert clustered_polyserial(x, y, nobody).estimate.value is None
    assert risk_difference(x, (y >= 4).astype(float), nobody).low is None


def test_risk_difference_of_quarters_and_of_a_flag():
    x, y, of = clustered(11, agents=20)
    top = (y >= 4).astype(float)
    low, high = np.quantile(x, [0.25, 0.75])
    found = risk_difference(x, top, of)
    assert found.value == pytest.approx(top[x >= high].mean() - top[x <= low].mean())
    assert found.low < found.value < found.high
    flag = (x > 1).astype(float)
    assert risk_difference(flag, top, of).value == pytest.approx(top[flag == 1].mean() - top[flag == 0].mean())
    assert "the same in all" in risk_difference(np.ones_like(x), top, of).reason
    crowded = np.where(np.arange(x.size) < 0.8 * x.size, 1.0, np.arange(x.size) + 2.0)
    assert risk_difference(crowded, top, of).value is None or risk_difference(crowded, top, of).low is not None


@pytest.mark.parametrize(("r", "n"), [(0.1, 783), (0.15, 347), (0.2, 194), (0.3, 85)])
def test_power_known_answers(r, n):
    assert n_for_r(r) == n
    assert n_for_r(-r) == n
    assert n_for_r(r, deff=2.0) in (2 * n, 2 * n - 1)
    assert design_effect(41, 0.1, 0.5) == pytest.approx(3)


@pytest.mark.parametrize("r", [0.0, 1.0, -1.0])
def test_no_sample_finds_no_correlation(r):
    with pytest.raises(ValueError, match="no sample size"):
        n_for_r(r)


def test_the_stricter_adjustment_is_stricter():
    p = [0.001, 0.008, None, 0.039, 0.2]
    bh, by = adjusted_p_values(p, "bh"), adjusted_p_values(p, "by")
    assert by[2] is None
    assert all(b >= a for a, b in zip(bh, by, strict=True) if a is not None)


@pytest.mark.parametrize(
    ("se", "sp", "expected"), [(0.95, 0.90, (0.205, 0.846)), (0.85, 0.80, (0.152, 0.630)), (0.75, 0.70, (0.102, 0.426))]
)
def test_attenuation_known_answers(se, sp, expected):
    # Half of the contacts fulfil the item, and answers rise with it so that their correlation is .243.
    rng = np.random.default_rng(0)
    n = 400_000
    y = (rng.random(n) < 0.5).astype(float)
    answer = 0.5 * y + rng.standard_normal(n)
    f = np.where(y == 1, rng.random(n) < se, rng.random(n) > sp).astype(float)
    agreement = phi(f, y)
    assert agreement == pytest.approx(expected[1], abs=0.03)
    rho = pearsonr(y, answer).statistic
    assert rho == pytest.approx(0.243, abs=0.006)
    assert pearsonr(f, answer).statistic == pytest.approx(attenuated(rho, agreement), abs=0.005)
    assert attenuated(0.243, expected[1]) == pytest.approx(expected[0], abs=0.002)


def test_disattenuation_recovers_the_correlation_and_refuses_a_poor_machine():
    rng = np.random.default_rng(1)
    n = 6_000
    agent = rng.integers(0, 30, n)
    y = (rng.random(n) < 0.5).astype(float)
    answer = 0.5 * y + rng.standard_normal(n)
    f = np.where(y == 1, rng.random(n) < 0.85, rng.random(n) > 0.8).astype(float)
    labelled = slice(0, 900)
    found = disattenuated(f, answer, agent, f[labelled], y[labelled], agent[labelled])
    assert found.low < pearsonr(y, answer).statistic < found.high
    assert found.value == pytest.approx(pearsonr(f, answer).statistic / phi(f[labelled], y[labelled]))
    again = disattenuated(f, answer, agent, f[labelled], y[labelled], agent[labelled])
    assert found == again
    noise = (rng.random(n) < 0.5).astype(float)
    poor = disattenuated(noise, answer, agent, noise[labelled], y[labelled], agent[labelled])
    assert poor.value is None
    assert "too little" in poor.reason
    few = disattenuated(f, answer, agent % 3, f[labelled], y[labelled], agent[labelled] % 3)
    assert "too few agents" in few.reason
    assert phi(np.ones(4), y[:4]) is None


def test_a_prediction_powered_correlation_is_the_human_one_and_narrower():
    covered, narrower = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        n = 6_000
        agent = rng.integers(0, 30, n)
        quality = rng.standard_normal(n)
        answer = np.clip(np.round(3.5 + 0.3 * quality + rng.standard_normal(n)), 1, 5)
        # The machine hears the answer in the text: its errors are differential, and its own correlation is too high.
        machine = quality + 0.3 * (answer - 3.5) + 0.5 * rng.standard_normal(n)
        human = np.where(np.arange(n) < 600, quality, NAN)
        found, lam = powered_correlation(human, machine, answer, agent)
        truth = 0.2636
        covered.append(found.low <= truth <= found.high)
        alone = clustered_spearman(human, answer, agent).estimate
        narrower.append((found.high - found.low) / (alone.high - alone.low))
        assert clustered_spearman(machine, answer, agent).estimate.low > truth
        assert 0 < lam <= 1
    assert np.mean(covered) >= 0.75
    assert np.mean(narrower) < 0.95
    few, _ = powered_correlation(np.where(np.arange(n) < 150, quality, NAN), machine, answer, agent)
    assert "150 contacts" in few.reason
    lone, _ = powered_correlation(human, machine, answer, agent % 3)
    assert lone.value is None
    assert lone.reason
