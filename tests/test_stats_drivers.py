from itertools import permutations

import numpy as np
import pytest

from cxsentiment.stats.drivers import lmg, lmg_of_correlations


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
    found = lmg(y, x, groups, of)
    assert [one.value for one in found.importance] == pytest.approx(gains.tolist())
    assert found.r2.value == pytest.approx(r2(y, x))
    assert sum(one.value for one in found.importance) == pytest.approx(found.r2.value)
    assert all(one.low < one.value < one.high for one in found.importance)


def test_the_jackknife_leaves_agents_out():
    y, x, of = data()
    found = lmg(y, x, np.arange(4), of)
    without = [lmg(y[of != a], x[of != a], np.arange(4), of[of != a]).importance[0].value for a in range(20)]
    error = np.sqrt(19 / 20 * np.sum((np.array(without) - np.mean(without)) ** 2))
    half = (found.importance[0].high - found.importance[0].low) / 2
    assert half == pytest.approx(2.0930 * error, rel=1e-4)


def test_case_mix_stays_in_every_model():
    y, x, of = data()
    found = lmg(y, x[:, :2], np.array([0, 1]), of, x[:, 2:])
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
    found = lmg(y, np.column_stack([x[:, 0], x[:, 0], np.ones(y.size)]), np.array([0, 1, 2]), of)
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
