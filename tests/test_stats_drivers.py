from itertools import permutations

import numpy as np
import pytest

from cxsentiment.stats.drivers import lmg, lmg_of_correlations

FEW = 5  # so few agents leave the plain figures as they are, for there is no jackknife


def data(seed=0, agents=20, each=40):
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(agents), each)
    x = rng.multivariate_normal(np.zeros(4), 0.4 * np.ones((4, 4)) + 0.6 * np.eye(4), of.size)
    y = x @ np.array([0.6, 0.3, 0.0, 0.1]) + 0.5 * rng.standard_normal(agents)[of] + rng.standard_normal(of.size)
    return y, x, of


def r2(y, x):
    if x.shape[1] == 0:
        return 0.0
    design = np.column_stack([np.ones(y.size), x])
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return 1 - residual @ residual / ((y - y.mean()) @ (y - y.mean()))


def test_lmg_known_answer():
    total, shares = lmg_of_correlations(np.array([[1, 0.3], [0.3, 1]]), np.array([0.5, 0.4]))
    assert round(total, 5) == 0.31868
    assert shares.round(5).tolist() == [0.20434, 0.11434]


def test_lmg_is_the_mean_gain_over_all_orders():
    y, x, of = data()
    groups = np.array([0, 1, 1, 2])
    gains = np.zeros(3)
    for order in permutations(range(3)):
        for place, group in enumerate(order):
            before = np.isin(groups, order[:place])
            gains[group] += (r2(y, x[:, before | (groups == group)]) - r2(y, x[:, before])) / 6
    plain = lmg(y, x, groups, of % FEW)
    assert [one.value for one in plain.importance] == pytest.approx(gains.tolist())
    assert plain.r2.value == pytest.approx(r2(y, x))
    found = lmg(y, x, groups, of)
    for one in (plain, found):
        assert sum(share.value for share in one.importance) == pytest.approx(one.r2.value)
    assert all(one.low < one.value < one.high for one in found.importance)


def test_the_jackknife_leaves_agents_out():
    y, x, of = data()
    found = lmg(y, x, np.arange(4), of).importance[0]
    plain = lmg(y, x, np.arange(4), of % FEW).importance[0].value
    without = [lmg(y[of != a], x[of != a], np.arange(4), of[of != a] % FEW).importance[0].value for a in range(20)]
    error = np.sqrt(19 / 20 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert (found.high - found.low) / 2 == pytest.approx(2.0930 * error, rel=1e-4)
    assert found.value == pytest.approx(20 * plain - 19 * np.mean(without))


def test_noise_explains_nothing():
    """R² of 18 columns of noise is 5 % of 400 answers by chance alone, and it is never below 0."""
    rng = np.random.default_rng(2)
    values, clear = [], 0
    for _ in range(60):
        found = lmg(rng.normal(size=400), rng.normal(size=(400, 18)), np.arange(18) % 6, rng.integers(0, 20, 400)).r2
        values.append(found.value)
        clear += found.low > 0
    assert abs(np.mean(values)) < 0.01
    assert clear <= 5


def test_case_mix_stays_in_every_model():
    y, x, of = data()
    found = lmg(y, x[:, :2], np.array([0, 1]), of % FEW, x[:, 2:])
    assert found.r2.value == pytest.approx(r2(y, x) - r2(y, x[:, 2:]))
    assert len(found.importance) == len(found.suppressors) == 2


def test_a_suppressor_is_told():
    rng = np.random.default_rng(1)
    cause, noise = rng.standard_normal((2, 2_000))
    measured = cause + noise
    found = lmg(cause, np.column_stack([measured, noise + 0.2 * cause]), np.array([0, 1]), np.arange(2_000) % 20)
    assert found.suppressors == (False, True)


def test_columns_that_repeat_each_other_share_what_they_explain():
    y, x, of = data()
    found = lmg(y, np.column_stack([x[:, 0], x[:, 0], np.ones(y.size)]), np.array([0, 1, 2]), of % FEW)
    shares = [one.value for one in found.importance]
    assert shares == pytest.approx([r2(y, x[:, :1]) / 2] * 2 + [0.0], abs=1e-9)


def test_edges():
    y, x, of = data()
    assert "the same in all" in lmg(np.ones(y.size), x, np.arange(4), of).r2.reason
    assert "too few" in lmg(y[:4], x[:4], np.arange(4), of[:4]).importance[0].reason
    assert "too few agents" in lmg(y, x, np.arange(4), of % 5).r2.reason
    with pytest.raises(ValueError, match="groups are needed"):
        lmg(y, np.tile(x, 4)[:, :13], np.arange(13), of)
    with pytest.raises(ValueError, match="each with a column"):
        lmg(y, x, np.array([0, 1, 1, 3]), of)
    with pytest.raises(ValueError, match="predictors"):
        lmg_of_correlations(np.zeros((0, 0)), np.zeros(0))
