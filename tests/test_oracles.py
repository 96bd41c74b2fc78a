"""Our formulas against other people's: scipy, statsmodels, and ppi-python where somebody has installed it.

ppi-python is no dependency, not even of development: its wheel puts a package named `tests` into site-packages, which
hides this one. What version 0.2.3 says of the data below is written down here, so that its answers hold without it.
"""

import numpy as np
import pytest
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from cxsentiment.stats.agreement import cohen_kappa
from cxsentiment.stats.concordance import clustered_concordance
from cxsentiment.stats.correlation import clustered_spearman
from cxsentiment.stats.logistic import fit_logit, fit_ordinal
from cxsentiment.stats.power import adjusted_p_values
from cxsentiment.stats.prediction_powered import Sample, ppi_mean
from cxsentiment.stats.rates import wilson_interval
from cxsentiment.stats.regression import clustered_regression

RNG = np.random.default_rng(12)
X = RNG.normal(size=(600, 3)) * [1.0, 2.0, 0.5]
SCORE = X @ np.array([0.8, -0.3, 0.5])
AGENTS = RNG.integers(0, 20, 600)
ANSWERS = np.digitize(SCORE + RNG.logistic(size=600), [-1.5, -0.3, 0.8, 2.0])


# What ppi-python 0.2.3 says of `powered` by its noise: mean, and the ends of its 95 % interval.
ORACLE = {0.1: (0.6913159, 0.6690403, 0.7135915), 0.6: (0.6746879, 0.6285645, 0.7208113)}


@pytest.mark.parametrize(("successes", "n"), [(8, 10), (0, 12), (12, 12), (3, 700)])
def test_wilson(successes, n):
    found = wilson_interval(successes, n)
    assert (found.low, found.high) == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), [("bh", "fdr_bh"), ("by", "fdr_by")])
def test_adjusted_p_values(ours, theirs):
    p = RNG.uniform(size=30) ** 3
    assert adjusted_p_values(p.tolist(), ours) == pytest.approx(multipletests(p, method=theirs)[1])


def test_logit_with_next_to_no_ridge():
    y = (SCORE + RNG.logistic(size=600) > 0).astype(float)
    theirs = Logit(y, np.column_stack([np.ones(600), X])).fit(disp=False)
    ours = fit_logit(X, y)
    assert ours.slopes / ours.standard.scale == pytest.approx(theirs.params[1:], abs=2e-3)
    assert ours.probabilities(X) == pytest.approx(theirs.predict(), abs=1e-3)


def test_ordered_logit_with_next_to_no_ridge():
    theirs = OrderedModel(ANSWERS, X, distr="logit").fit(method="bfgs", disp=False)
    ours = fit_ordinal(X, ANSWERS, 5)
    assert ours.slopes / ours.standard.scale == pytest.approx(theirs.params[:3], abs=2e-3)
    assert ours.probabilities(X) == pytest.approx(np.asarray(theirs.predict()), abs=1e-3)


def test_least_squares_and_about_the_same_clustered_error():
    y = SCORE + RNG.normal(size=20)[AGENTS] + RNG.normal(size=600)
    model = OLS(y, np.column_stack([np.ones(600), X])).fit(cov_type="cluster", cov_kwds={"groups": AGENTS})
    ours = clustered_regression(y, X, AGENTS)
    assert [slope.value for slope in ours.slopes] == pytest.approx(model.params[1:])
    errors = np.sqrt(np.diag(ours.covariance))
    # A jackknife is a little wider than a sandwich (CR3 and CR1).
    assert np.all(errors / model.bse[1:] > 0.98)
    assert np.all(errors / model.bse[1:] < 1.25)


def test_spearman_and_kendall():
    found = clustered_spearman(X[:, 0], ANSWERS.astype(float), AGENTS)
    assert found.estimate.value == pytest.approx(stats.spearmanr(X[:, 0], ANSWERS).statistic)
    levels = np.round(X[:, 0])
    tau = clustered_concordance(levels, ANSWERS.astype(float), AGENTS, "tau_b")
    assert tau.estimate.value == pytest.approx(stats.kendalltau(levels, ANSWERS).statistic)
    d = clustered_concordance(levels, ANSWERS.astype(float), AGENTS, "somers_d")
    assert d.estimate.value == pytest.approx(stats.somersd(ANSWERS, levels).statistic)
    best = (ANSWERS == 4).astype(float)
    area = clustered_concordance(levels, best, AGENTS, "auc").estimate.value
    u = stats.mannwhitneyu(levels[best == 1], levels[best == 0]).statistic
    assert area == pytest.approx(u / (best.sum() * (best == 0).sum()))


def test_cohens_kappa():
    one = RNG.integers(0, 3, 200)
    two = np.where(RNG.random(200) < 0.7, one, RNG.integers(0, 3, 200))
    table = np.zeros((3, 3))
    np.add.at(table, (one, two), 1)
    a, b = one.astype(float), two.astype(float)
    assert cohen_kappa(a, b) == pytest.approx(cohens_kappa(table).kappa)
    for ours, theirs in (("linear", "linear"), ("quadratic", "quadratic")):
        assert cohen_kappa(a, b, ours) == pytest.approx(cohens_kappa(table, wt=theirs).kappa)


def powered(noise):
    """Labels, predictions on the labelled, predictions on the others."""
    rng = np.random.default_rng(99)
    truth = (rng.random(2300) < 0.7).astype(float)
    f = np.clip(truth * 0.8 + 0.1 + rng.normal(0, noise, 2300), 0, 1)
    return truth[:300], f[:300], f[300:]


@pytest.mark.parametrize(("noise", "said"), ORACLE.items())
def test_prediction_powered_mean_is_that_of_ppi_python(noise, said):
    y, f, rest = powered(noise)
    found = ppi_mean(Sample(y, f, rest)).estimate
    assert (found.value, found.low, found.high) == pytest.approx(said, abs=2e-4)


@pytest.mark.parametrize(("noise", "said"), ORACLE.items())
def test_what_ppi_python_says_is_what_is_written_down(noise, said):
    oracle = pytest.importorskip("ppi_py", reason="ppi-python is not installed (it is no dependency: see above)")
    y, f, rest = powered(noise)
    low, high = oracle.ppi_mean_ci(y, f, rest, alpha=0.05)
    assert (oracle.ppi_mean_pointestimate(y, f, rest)[0], low[0], high[0]) == pytest.approx(said, abs=1e-6)
