import math

import numpy as np
import pytest

from cxsentiment.stats.casemix import adjust, overlap
from cxsentiment.stats.regression import clustered_regression
from eval import planted

NAN = math.nan


def data(seed=0, agents=15, each=30):
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(agents), each)
    x = rng.standard_normal((of.size, 3)) + rng.standard_normal((agents, 3))[of]
    y = x @ np.array([1.0, -0.5, 0.0]) + 2 * rng.standard_normal(agents)[of] + rng.standard_normal(of.size)
    return y, x, of


def least_squares(y, x):
    return np.linalg.lstsq(np.column_stack([np.ones(y.size), x]), y, rcond=None)[0][1:]


@pytest.mark.parametrize("within", [False, True])
def test_slopes_and_their_jackknife_are_those_of_fitting_again(within):
    y, x, of = data()
    if within:
        means = np.stack([np.bincount(of, weights=c) / np.bincount(of) for c in x.T], axis=1)
        plain = least_squares(y - (np.bincount(of, weights=y) / np.bincount(of))[of], x - means[of])
    else:
        plain = least_squares(y, x)
    found = clustered_regression(y, x, of, within=within)
    assert [slope.value for slope in found.slopes] == pytest.approx(plain.tolist())
    if not within:
        for agent in (0, 7):
            again = least_squares(y[of != agent], x[of != agent])
            assert found.without[agent] == pytest.approx(again)
    errors = np.sqrt(14 / 15 * np.sum((found.without - found.without.mean(axis=0)) ** 2, axis=0))
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(errors)
    assert found.p[0] < 0.05


def test_missing_values_and_unknown_agents_are_left_out():
    y, x, of = data()
    more = clustered_regression(np.append(y, [NAN, 5.0]), np.vstack([x, x[:2]]), np.append(of, [0, -1]))
    assert more.slopes == clustered_regression(y, x, of).slopes


def test_columns_that_do_not_vary_or_repeat_each_other():
    y, x, of = data()
    wide = np.column_stack([x[:, 0], np.ones(y.size), x[:, 0], of % 2])
    pooled = clustered_regression(y, wide, of)
    assert pooled.slopes[1].value is None
    assert pooled.slopes[1].reason == "it does not vary"
    assert pooled.slopes[0].value == pytest.approx(pooled.slopes[2].value)
    inside = clustered_regression(y, wide, of, within=True)
    assert inside.slopes[3].reason == "it does not vary within any agent"
    assert np.isfinite(inside.covariance).all()


def test_too_few_contacts_or_agents():
    y, x, of = data()
    assert clustered_regression(y[:3], x[:3], of[:3]).slopes[0].value is None
    few = clustered_regression(y, x, of % 4).slopes[0]
    assert few.value is not None
    assert "too few agents" in few.reason
    assert clustered_regression(np.zeros(0), np.zeros((0, 2)), np.zeros(0, dtype=np.int64)).slopes[0].reason


def test_a_hard_queue_given_to_better_agents():
    y, hard, of, skill = planted.case_mix(np.random.default_rng(0), agents=80)
    found = adjust(y, hard[:, None], of)
    assert found.slopes[0].value == pytest.approx(-8, abs=0.9)
    pooled = clustered_regression(y, hard[:, None], of).slopes[0].value
    assert pooled > found.slopes[0].value + 0.5
    raw, adjusted = (np.array([one.value for one in part]) for part in (found.raw, found.adjusted))
    assert np.corrcoef(adjusted, skill)[0, 1] > np.corrcoef(raw, skill)[0, 1]
    assert found.contextual[0].low > 0
    assert adjusted.mean() == pytest.approx(raw.mean(), abs=0.5)


def test_the_adjustment_moves_a_mean_by_its_own_mix_only():
    y, x, of = data(1)
    found = adjust(y, x, of)
    slopes = np.array([slope.value for slope in found.slopes])
    own = x[of == 4].mean(axis=0) - x.mean(axis=0)
    assert found.adjusted[4].value == pytest.approx(y[of == 4].mean() - slopes @ own)
    assert found.raw[4].value == pytest.approx(y[of == 4].mean())
    assert found.raw[4].n == 30


@pytest.mark.parametrize(("agents", "each"), [(3, 8), (6, 8), (5, 30)])
def test_slopes_of_few_agents_have_errors_too(agents, each):
    """Under eight agents no jackknife is made; a slope taken for certain covered .81 instead of .95."""
    rng = np.random.default_rng(4)
    of = np.repeat(np.arange(agents), each)
    given = np.linspace(-2, 2, agents)[of]  # the mix that each agent gets
    covered = []
    for _ in range(150):
        x = given + rng.standard_normal(of.size)
        y = 50 + 3 * x + rng.normal(0, 5, of.size)
        found = adjust(y, x[:, None], of).adjusted
        covered += [one.low <= 50 + 3 * x.mean() <= one.high for one in found]
    assert 0.925 <= np.mean(covered) <= 0.975


def test_the_plain_covariance_of_few_agents_is_that_of_least_squares():
    y, x, of = data(3, agents=5)
    found = clustered_regression(y, x, of, within=True)
    dummies = np.column_stack([x, *(of == agent for agent in range(5))]).astype(float)
    slopes, residual, *_ = np.linalg.lstsq(dummies, y, rcond=None)
    plain = residual[0] / (y.size - 8) * np.linalg.inv(dummies.T @ dummies)[:3, :3]
    assert [slope.value for slope in found.slopes] == pytest.approx(slopes[:3].tolist())
    assert found.covariance == pytest.approx(plain)
    assert all(slope.low is None for slope in found.slopes), "contacts of one agent are alike: no interval of a slope"


def test_agents_with_one_contact_each_are_not_adjusted_and_have_no_interval():
    y, x, of = data(2, agents=20, each=1)
    found = adjust(y, x, of)
    assert all(one.low is None and one.reason for one in found.adjusted)
    assert [one.value for one in found.adjusted] == pytest.approx(y.tolist())
    one = adjust(y, x, np.zeros_like(of))
    assert one.contextual[0].reason


def test_overlap_is_the_share_others_cover():
    agents = np.repeat([0, 1, 2], 10)
    strata = np.concatenate([np.zeros(10), np.zeros(5), np.ones(5), np.full(10, 2)]).astype(int)
    shares, names = overlap(strata, agents)
    assert names.tolist() == [0, 1, 2]
    assert shares.tolist() == pytest.approx([0.25, 0.5, 0.0])
    assert overlap(strata[:10], agents[:10])[0].tolist() == [0.0]
    assert overlap(np.full(3, -1), np.arange(3))[0].size == 0
