"""What those who did not answer may have said: weights, balance, sensitivity and worst-case bounds.

Weighting repairs what the covariates explain. Where answering depends on how happy a customer is, it cannot.
"""

import math
from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, compact, same_shape
from cxsentiment.stats.estimates import MIN_CLUSTERS, bare, clipped, missing, t_interval, too_few
from cxsentiment.stats.logistic import fit_logit
from cxsentiment.stats.means import clustered_mean, mean_t_interval

WARNING = "weighting cannot repair it where answering depends on how happy the customer is"
BALANCED = 0.1
MIN_ANSWERS = 30
_TRIM = (1.0, 99.0)
SHIFTS = (0.0, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class ResponseWeights:
    """Stabilised weights of those who answered (`weights`, 0 elsewhere, shape (n,)), P(response) of all contacts, the
    standardised mean differences of the covariates before and after weighting, and the effective n of the answers.
    """

    weights: FloatArray
    probabilities: FloatArray
    difference_before: tuple[float, ...]
    difference_after: tuple[float, ...]
    effective_n: float

    @property
    def of_everybody(self) -> FloatArray:
        """The same stabilised and trimmed 1 / P(response) of every contact, who answered or not, shape (n,)."""
        own = self.weights[self.weights > 0]
        stable = (self.weights > 0).mean() / self.probabilities
        return np.asarray(np.clip(stable, own.min(), own.max()))

    @property
    def balanced(self) -> bool:
        """Whether every covariate is within .1 standard deviations after weighting."""
        return all(abs(one) < BALANCED for one in self.difference_after)


@dataclass(frozen=True, slots=True)
class NonResponse:
    """Mean answer as given, weighted, and if those who did not answer were lower by d standard deviations (`shifted`,
    pairs of d and estimate); `bounds`, the mean if they had all given the lowest or the highest answer; the share who
    answered; `weighting` is None with a `reason`; `warning` is always to be shown.
    """

    raw: Estimate
    weighted: Estimate
    shifted: tuple[tuple[float, Estimate], ...]
    bounds: Estimate
    response: float | None
    weighting: ResponseWeights | None
    warning: str


def response_weights(answered: FloatArray, covariates: FloatArray) -> ResponseWeights:
    """Stabilised inverse-probability weights, trimmed at their 1st and 99th percentile.

    `answered` (n,) 0 or 1 for every contact invited, `covariates` (n, k) known before the survey, without NaN. Weights
    are (share who answered) / P(response | covariates), from a logit. ValueError where all or nobody answered.
    """
    same_shape(answered=answered, covariates=covariates)
    p = np.clip(fit_logit(covariates, answered).probabilities(covariates), 1e-6, 1.0)
    yes = answered > 0.5
    own = yes.mean() / p[yes]
    low, high = np.percentile(own, _TRIM)
    weights = np.zeros(answered.size)
    weights[yes] = np.clip(own, low, high)
    kept = weights[yes]
    effective = float(kept.sum() ** 2 / (kept @ kept))
    before = _differences(covariates, yes, np.ones(kept.size))
    return ResponseWeights(weights, p, before, _differences(covariates, yes, kept), effective)


def nonresponse(
    answers: FloatArray,
    covariates: FloatArray | None,
    scale: tuple[float, float],
    clusters: IntArray | None = None,
) -> NonResponse:
    """The report: `answers` (n,) of every contact invited, NaN where none came, on `scale` (lowest, highest).

    `covariates` (n, k) for the weights, or None. `clusters` (n,) are agents. A share (top box as 0 and 1) has the scale
    (0, 1). Fewer than 30 answers are not weighted. ValueError for an answer outside the scale.
    """
    given = ~np.isnan(answers)
    n = int(given.sum())
    if np.any((answers[given] < scale[0]) | (answers[given] > scale[1])):
        raise ValueError(f"an answer lies outside the scale {scale[0]:g}-{scale[1]:g}")
    if n == 0:
        nothing = missing(Reason("no_answers", "nobody answered"), "mean of answers")
        return NonResponse(nothing, nothing, (), nothing, 0.0 if answers.size else None, None, WARNING)
    y = answers[given]
    raw = mean_t_interval(y) if clusters is None else clustered_mean(y, clusters[given])
    raw = clipped(raw, *scale)
    weighting, weighted = (
        None,
        missing(Reason("nothing_to_count", "no covariates to weight by"), "inverse-probability weighted mean", n),
    )
    if n < MIN_ANSWERS:
        weighted = missing(
            Reason("too_few", f"{n} answers are too few to weight ({MIN_ANSWERS} needed)"), weighted.method, n
        )
    elif given.all():
        weighted = missing(
            Reason("nothing_to_count", "everybody answered, so there is nothing to weight"), weighted.method, n
        )
    elif covariates is not None:
        weighting = response_weights(given.astype(np.float64), covariates)
        weighted = clipped(
            _weighted_mean(y, weighting.weights[given], None if clusters is None else clusters[given]), *scale
        )
    share = n / answers.size
    shifted = tuple((d, _shifted(raw, weighted, d, share, y, scale)) for d in SHIFTS)
    return NonResponse(raw, weighted, shifted, _bounds(y, share, scale), share, weighting, WARNING)


def _weighted_mean(y: FloatArray, w: FloatArray, clusters: IntArray | None) -> Estimate:
    """Hájek mean with the sandwich error, weights taken as known (which errs to the wide side; Lunceford 2004)."""
    method = "inverse-probability weighted mean" + ("" if clusters is None else ", clustered by agent")
    mean = float(np.average(y, weights=w))
    of, names = (np.arange(y.size), np.arange(y.size)) if clusters is None else compact(clusters)
    count = names.size
    if count < MIN_CLUSTERS:
        return bare(mean, y.size, method, too_few(count))
    sums = np.bincount(of, weights=w * (y - mean), minlength=count) / w.sum()
    error = math.sqrt(float(sums @ sums) * count / (count - 1))
    if error <= 0:
        return bare(
            mean, y.size, method, Reason("constant", "all answers are equal, so their spread gives no interval")
        )
    return t_interval(mean, error, y.size, method, df=count - 1)


def _shifted(
    raw: Estimate, weighted: Estimate, d: float, share: float, y: FloatArray, scale: tuple[float, float]
) -> Estimate:
    """Pattern mixture (Little 1993): those who did not answer lie d standard deviations below the (weighted) mean."""
    base = raw if weighted.value is None else weighted
    down = (1 - share) * d * float(y.std(ddof=1) if y.size > 1 else 0.0)
    value, low, high = (None if x is None else max(scale[0], x - down) for x in (base.value, base.low, base.high))
    return Estimate(value, low, high, base.n, f"{base.method}; others lower by {d:g} SD", base.reason)


def _bounds(y: FloatArray, share: float, scale: tuple[float, float]) -> Estimate:
    """Everybody else at the lowest, or at the highest answer (Manski 1989). No probability goes with this interval."""
    known = share * float(y.mean())
    low, high = known + (1 - share) * scale[0], known + (1 - share) * scale[1]
    reason = Reason("bounds", "no single value: these are bounds, whoever the others are")
    return Estimate(None, low, high, y.size, "worst-case bounds", reason)


def _differences(x: FloatArray, yes: BoolArray, w: FloatArray) -> tuple[float, ...]:
    """Weighted mean of those who answered less the mean of all, in standard deviations of all."""
    scale = x.std(axis=0)
    gap = np.average(x[yes], axis=0, weights=w) - x.mean(axis=0)
    return tuple(np.where(scale > 1e-12, gap / np.where(scale > 1e-12, scale, 1.0), 0.0).tolist())
