"""One replicate of each simulation: planted data in, figures out. `eval.scenarios` names them and sets their bands."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from cxsentiment.schema import Estimate
from cxsentiment.stats import control, equivalence
from cxsentiment.stats.agreement import krippendorff_alpha, machine_agreement
from cxsentiment.stats.arrays import IntArray
from cxsentiment.stats.casemix import adjust
from cxsentiment.stats.channels import channels
from cxsentiment.stats.concordance import clustered_concordance
from cxsentiment.stats.conformal import calibrate, prediction_sets
from cxsentiment.stats.correlation import clustered_spearman
from cxsentiment.stats.jackknife import sign_conflict
from cxsentiment.stats.logistic import fit_ordinal
from cxsentiment.stats.nonresponse import nonresponse
from cxsentiment.stats.polyserial import clustered_polyserial
from cxsentiment.stats.power import benjamini_hochberg
from cxsentiment.stats.prediction_powered import Sample, ppi_mean
from cxsentiment.stats.ranks import spearman
from cxsentiment.stats.rates import rogan_gladen, share_interval, youden
from cxsentiment.stats.regression import clustered_regression
from cxsentiment.stats.twochannel import fit_two_channel
from eval import planted

Figures = dict[str, float]
_ENDS = ("value", "low", "high")


def agents(rng: np.random.Generator, make: Callable[[np.random.Generator], planted.Planted]) -> Figures:
    """Coverage and error of the two-channel model."""
    data = make(rng)
    fit = fit_two_channel(channels(data.contacts), seed=int(rng.integers(2**31)))
    value, low, high = (np.array([getattr(agent.estimate, name) for agent in fit.agents]) for name in _ENDS)
    rank_low, rank_high = (np.array([getattr(agent.rank, name) for agent in fit.agents]) for name in _ENDS[1:])
    rank = len(data.truth) - np.argsort(np.argsort(data.truth))
    covered = (low <= data.truth) & (data.truth <= high)
    few = data.sizes < 30
    return {
        "coverage": float(covered.mean()),
        "coverage_below_30_contacts": float(covered[few].mean()) if few.any() else math.nan,
        "rank_coverage": float(np.mean((rank_low <= rank) & (rank <= rank_high))),
        "rank_width": float(np.mean(rank_high - rank_low) / len(rank)),
        "mse_model": float(np.mean((value - data.truth) ** 2)),
        "mse_raw": float(np.mean((data.raw - data.truth) ** 2)),
        "mse_human": float(np.mean((data.human_only - data.truth) ** 2)),
        "beta": fit.beta.value or math.nan,
    }


def tiers(rng: np.random.Generator, tau: float) -> Figures:
    """Agents placed above or below a target at the median agent's true mean, and the wrong among them."""
    data = planted.item(rng, 4, 0.95, 0.80, yes=0.85, tau=tau)
    fit = fit_two_channel(channels(data.contacts), target=0.85, seed=int(rng.integers(2**31)))
    p = np.array([agent.p_above for agent in fit.agents])
    relative = np.mean(fit.draws > fit.draws.mean(axis=1, keepdims=True), axis=0)
    above, below = p >= 0.9, p <= 0.1
    wrong = (above & (data.truth < 0.85)) | (below & (data.truth > 0.85))
    return {
        "decided": float(np.mean(above | below)),
        "wrong_of_all": float(np.mean(wrong)),
        "decided_against_the_mean_of_all": float(np.mean((relative >= 0.9) | (relative <= 0.1))),
    }


def campaign(rng: np.random.Generator, se: float, sp: float, *, by_agent: bool) -> Figures:
    """PPI of a share from 200 labels; the truth is the campaign's own share, or with agents that of all such agents."""
    size, labels = 3_600, 200
    agent = rng.integers(0, planted.AGENTS, size)
    effect = 0.5 * rng.standard_normal(planted.AGENTS)
    p = planted.expit(planted.logit(0.85) + effect)[agent]
    y = (rng.random(size) < p).astype(np.float64)
    f = np.where(y == 1, rng.random(size) < se, rng.random(size) > sp).astype(np.float64)
    has = np.zeros(size, dtype=np.bool_)
    has[rng.choice(size, labels, replace=False)] = True
    clusters = (agent[has], agent[~has]) if by_agent else (None, None)
    found = ppi_mean(Sample(y[has], f[has], f[~has], None, *clusters))
    human = share_interval(y[has], None, clusters[0])
    truth = _population_share() if by_agent else float(y.mean())
    return {
        "coverage": covers(found.estimate, truth),
        "human_coverage": covers(human, truth),
        "width": width(found.estimate),
        "human_width": width(human),
        "lam": found.lam,
    }


@cache
def _population_share() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    return float(planted.expit(planted.logit(0.85) + 0.5 * nodes) @ weights / weights.sum())


def rogan(rng: np.random.Generator) -> Figures:
    """Rogan-Gladen coverage with 300 labelled and 2,000 flagged contacts."""
    y = (rng.random(300) < 0.7).astype(np.float64)
    f = np.where(y == 1, rng.random(300) < 0.9, rng.random(300) > 0.85).astype(np.float64)
    flagged = rng.binomial(2_000, 0.7 * 0.9 + 0.3 * 0.15)
    return {"coverage": covers(rogan_gladen(flagged, 2_000, *youden(f, y)), 0.7)}


_SIZES: dict[str, tuple[IntArray, float, float]] = {
    "both sides": (np.full(20, 20), 1.0, 1.0),
    "one side": (np.full(20, 20), 0.0, 1.0),
    "neither": (np.full(20, 20), 0.0, 0.0),
    "unbalanced": (np.array([5, 5, 6, 8, 8, 10, 10, 12, 15, 15, 20, 20, 25, 30, 40, 60, 80, 100]), 0.5, 0.5),
}


@cache
def _true_value(name: str, statistic: str) -> float:
    _, x_sd, y_sd = _SIZES[name]
    x, y, of = planted.clustered_pairs(np.random.default_rng(1), np.full(20_000, 20), x_sd, y_sd, 0.25)
    if statistic == "auc":
        return clustered_concordance(x, (y >= 4).astype(np.float64), of, "auc").estimate.value or math.nan
    return spearman(x, y) or math.nan


def associations(rng: np.random.Generator, name: str) -> Figures:
    """Coverage of the clustered Spearman and AUC, and of Fisher's interval that ignores agents."""
    sizes, x_sd, y_sd = _SIZES[name]
    x, y, of = planted.clustered_pairs(rng, sizes, x_sd, y_sd, 0.25)
    rho = _true_value(name, "spearman")
    found = clustered_spearman(x, y, of)
    auc = clustered_concordance(x, (y >= 4).astype(np.float64), of, "auc")
    naive = abs(math.atanh(found.estimate.value or 0.0) - math.atanh(rho)) <= 1.96 / math.sqrt(x.size - 3)
    return {
        "coverage": covers(found.estimate, rho),
        "auc_coverage": covers(auc.estimate, _true_value(name, "auc")),
        "naive_coverage": float(naive),
    }


def polyserial(rng: np.random.Generator, thresholds: tuple[float, ...]) -> Figures:
    """Polyserial of a latent correlation of .30, beside Spearman's; 1,000 contacts of 25 agents."""
    of = np.repeat(np.arange(25), 40)
    x = rng.standard_normal(of.size)
    latent = 0.3 * x + math.sqrt(1 - 0.09) * rng.standard_normal(of.size)
    y = np.digitize(latent, thresholds).astype(np.float64)
    found = clustered_polyserial(x, y, of).estimate
    return {
        "coverage": covers(found, 0.3),
        "value": found.value or math.nan,
        "spearman": spearman(x, y) or math.nan,
        "tau_b": clustered_concordance(x, y, of, "tau_b").estimate.value or math.nan,
        "auc": clustered_concordance(x, (y == y.max()).astype(np.float64), of, "auc").estimate.value or math.nan,
    }


def simpson(rng: np.random.Generator) -> Figures:
    """Within .25, between -.6: 40 agents of 40 contacts."""
    of = np.repeat(np.arange(40), 40)
    u = rng.multivariate_normal([0, 0], [[1, -0.6], [-0.6, 1]], 40) * 0.7
    e = rng.multivariate_normal([0, 0], [[1, 0.25], [0.25, 1]], of.size)
    x, latent = (u[of] + e).T
    y = np.clip(np.round(3.5 + latent), 1, 5)
    within, between = (clustered_spearman(x, y, of, level) for level in ("within", "between"))
    signs = (within.estimate.value or 0) > 0 > (between.estimate.value or 0)
    return {
        "signs_found": float(signs),
        "flagged": float(sign_conflict(within, between)),
        "pooled": clustered_spearman(x, y, of).estimate.value or math.nan,
    }


def many_tests(rng: np.random.Generator) -> Figures:
    """40 null and 5 real features, 600 contacts of 30 agents, all clustered; Benjamini-Hochberg at .10."""
    of = np.repeat(np.arange(30), 20)
    features = 0.4 * rng.standard_normal((30, 45))[of] + rng.standard_normal((of.size, 45))
    slopes = np.array([0.15] * 5 + [0.0] * 40)
    latent = features @ slopes + 0.4 * rng.standard_normal(30)[of] + rng.standard_normal(of.size)
    y = np.clip(np.round(3.5 + latent), 1, 5)
    adjusted = benjamini_hochberg([clustered_spearman(column, y, of).p for column in features.T])
    found = np.array([p is not None and p <= 0.10 for p in adjusted])
    false = int(found[5:].sum())
    return {"fdr": false / max(1, int(found.sum())), "power": float(found[:5].mean())}


def response(rng: np.random.Generator, by_happiness: float) -> Figures:
    """Raw and weighted share of satisfied customers less the true one."""
    data = planted.survey(rng, by_happiness=by_happiness)
    report = nonresponse(data.seen, data.covariates, (0.0, 1.0))
    truth = float(data.happy.mean())
    bounds = report.bounds
    return {
        "raw_error": (report.raw.value or math.nan) - truth,
        "weighted_error": (report.weighted.value or math.nan) - truth,
        "balanced": float(report.weighting is not None and report.weighting.balanced),
        "warned": float("cannot repair" in report.warning),
        "bounds_hold": float((bounds.low or 0.0) <= truth <= (bounds.high or 0.0)),
    }


def conformal(rng: np.random.Generator) -> Figures:
    """Mondrian sets of nominal .90, marginally and in each channel."""
    x, y, channel = planted.answers(rng, 4_000)
    model = fit_ordinal(x[:1_000], y[:1_000], 5)
    calibration = calibrate(model.probabilities(x[1_000:2_000]), y[1_000:2_000], channel[1_000:2_000])
    sets = prediction_sets(calibration, model.probabilities(x[2_000:]), channel[2_000:])
    inside = sets.included[np.arange(2_000), y[2_000:]]
    return {
        "coverage": float(inside.mean()),
        "coverage_channel_0": float(inside[channel[2_000:] == 0].mean()),
        "coverage_channel_1": float(inside[channel[2_000:] == 1].mean()),
        "mean_size": sets.mean_size or math.nan,
    }


def charts(rng: np.random.Generator, day_sd: float) -> Figures:
    """False alarms a day of Laney's p' and of the plain p chart."""
    passed, n = planted.days(rng, day_sd)
    chart = control.laney_p(passed, n)
    centre = chart.centre or 0.0
    plain = np.abs(passed / n - centre) > 3 * np.sqrt(centre * (1 - centre) / n)
    return {"alarms": float(chart.outside.mean()), "plain_alarms": float(plain.mean())}


def run_length(rng: np.random.Generator, shift: float) -> Figures:
    """Periods until the EWMA (lam .2, L 2.86) alarms, in control or after a shift in standard deviations."""
    chart = control.ewma(rng.standard_normal(4_000) + shift)
    return {"run_length": float(np.argmax(chart.outside) + 1) if chart.outside.any() else 4_000.0}


def mix(rng: np.random.Generator) -> Figures:
    """Case mix: the planted queue effect of -8, within agents and pooled, and how well agents are told apart."""
    y, hard, of, skill = planted.case_mix(rng)
    found = adjust(y, hard[:, None], of)
    raw, adjusted = (np.array([one.value for one in part]) for part in (found.raw, found.adjusted))
    low, high = (np.array([getattr(one, end) for one in found.adjusted]) for end in ("low", "high"))
    truth = 75 + skill - 8 * hard.mean()
    return {
        "within_slope": found.slopes[0].value or math.nan,
        "slope_coverage": covers(found.slopes[0], -8.0),
        "pooled_slope": clustered_regression(y, hard[:, None], of).slopes[0].value or math.nan,
        "correlation_raw": float(np.corrcoef(raw, skill)[0, 1]),
        "correlation_adjusted": float(np.corrcoef(adjusted, skill)[0, 1]),
        "adjusted_coverage": float(np.mean((low <= truth) & (truth <= high))),
    }


def drift(rng: np.random.Generator, labels: int) -> Figures:
    """Alarms within 10 batches: nothing changed, agents changed, the model's specificity fell from .80 to .70."""
    cases = {"false_alarm": (0.85, 0.80), "agents_changed": (0.75, 0.80), "found": (0.85, 0.70)}
    result = {}
    for name, (yes, sp) in cases.items():
        data = planted.batches(rng, labels, yes=yes, se=0.95, sp=sp)
        result[name] = float(control.drift(*data, sensitivity=0.95, specificity=0.80).alarm is not None)
    return result


def shifts(rng: np.random.Generator, difference: float) -> Figures:
    """Verdicts on two shifts that differ by `difference` points, agents working in both."""
    of = np.repeat(np.arange(40), 60)
    late = (rng.random(of.size) < 0.4).astype(np.float64)
    effect = difference + 2 * rng.standard_normal(40)
    y = 75 + 4 * rng.standard_normal(40)[of] + effect[of] * late + 12 * rng.standard_normal(of.size)
    found = equivalence.contrast(y, late, of)
    return {
        "coverage": covers(found.difference, difference),
        "equivalent": float(found.verdict == "equivalent"),
        "different": float(found.verdict == "different"),
    }


def double_scoring(rng: np.random.Generator, n: int) -> Figures:
    """Alpha of two graders with 7 % error on `n` contacts of which 85 % pass, and the machine beside them."""
    y = rng.random(n) < 0.85
    rating = np.stack([np.where(rng.random(n) < 0.07, ~y, y) for _ in range(2)], axis=1).astype(np.float64)
    robot = np.where(rng.random(n) < 0.07, ~y, y).astype(np.float64)
    found = machine_agreement(rating, robot, seed=int(rng.integers(2**31)))
    return {
        "alpha": krippendorff_alpha(rating) or math.nan,
        "coverage": covers(found.people, _true_alpha()),
        "ratio": found.ratio.value or math.nan,
        "ratio_coverage": covers(found.ratio, 1.0),
    }


@cache
def _true_alpha() -> float:
    pass_rate = 0.85 * 0.93 + 0.15 * 0.07
    disagree = 2 * 0.07 * 0.93
    return 1 - disagree / (2 * pass_rate * (1 - pass_rate))


def covers(estimate: Estimate, truth: float) -> float:
    """1 or 0; NaN where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return math.nan
    return float(estimate.low <= truth <= estimate.high)


def width(estimate: Estimate) -> float:
    """Width of the interval; NaN where there is none."""
    if estimate.low is None or estimate.high is None:
        return math.nan
    return estimate.high - estimate.low
