"""Charts that tell a change from noise: Laney p', EWMA, and two drift charts that tell agents from model.

The mean of machine scores moves when agents, the mix of contacts or the model move. How often the machine is right on
randomly chosen labelled contacts, of each class apart, moves with the model only. Their difference says which it was.
"""

import math
from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, same_shape

_RANGE_TO_SD = 1.128  # mean absolute difference of two normal values, in standard deviations (d2)
MIN_POINTS = 3
LAMBDA, LIMIT, DRIFT_LIMIT = 0.2, 2.86, 3.1
_SMALLEST_SHARE = 1e-4
# Fewer labels of all classes in a batch cannot see a moderate drift (Sp from .80 to .70).
MIN_LABELS_FOR_DRIFT = 150


@dataclass(frozen=True, slots=True)
class Chart:
    """One point per period: `value`, `low` and `high` limits, whether it lies `outside`; shapes (T,). `centre` is the
    line the limits lie about, `spread` Laney's sigma_z (or 1). `reason` says why there is no chart, its arrays empty.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    outside: BoolArray
    centre: float | None
    spread: float | None
    reason: Reason | None


def laney_p(passed: FloatArray, n: FloatArray) -> Chart:
    """Laney's p' chart (2002) of shares `passed` / `n` per period, shapes (T,); periods with n = 0 are left out.

    sig_i = √(p̄(1-p̄)/n_i), z_i = (p_i - p̄)/sig_i, sigma_z = mean|Δz| / 1.128, limits p̄ ± 3·sig_i·sigma_z, cut at 0
    and 1. Days that differ more than chance explains do not set it off, as they do the plain p chart.
    """
    same_shape(passed=passed, n=n)
    if not np.all((passed >= 0) & (passed <= n)):
        raise ValueError("more contacts passed than there were, fewer than none, or a count is missing")
    keep = n > 0
    if keep.sum() < MIN_POINTS:
        return _no_chart(
            Reason("too_few", f"{int(keep.sum())} periods with contacts are too few for a chart ({MIN_POINTS} needed)")
        )
    share, size = passed[keep] / n[keep], n[keep]
    centre = float(passed[keep].sum() / size.sum())
    sigma = np.sqrt(centre * (1 - centre) / size)
    if centre in (0.0, 1.0):
        return _no_chart(Reason("constant", "all contacts have the same verdict, so there is nothing to chart"))
    spread = float(np.mean(np.abs(np.diff((share - centre) / sigma)))) / _RANGE_TO_SD
    low, high = np.maximum(0, centre - 3 * sigma * spread), np.minimum(1, centre + 3 * sigma * spread)
    # Days that are all the same have limits of no width, which rounding must not put them outside of.
    outside = (share < low - 1e-12) | (share > high + 1e-12)
    return Chart(share, low, high, outside, centre, spread, None)


def ewma(z: FloatArray, lam: float = LAMBDA, limit: float = LIMIT) -> Chart:
    """Exponentially weighted moving average of standardised values `z` (T,), NaN periods carried over.

    s_t = lam·z_t + (1-lam)·s_(t-1), limits ± limit·√(lam/(2-lam)·(1-(1-lam)^2t)) (Roberts 1959). In control it runs 375
    periods on average with lam .2 and limit 2.86. ValueError for lam outside (0, 1].
    """
    if not 0 < lam <= 1:
        raise ValueError(f"a weight of {lam} does not lie in (0, 1]")
    if z.size == 0:
        return _no_chart(Reason("nothing_to_count", "no periods"))
    known = ~np.isnan(z)
    seen, level = np.cumsum(known), 0.0
    value = np.zeros(z.size)
    for period in range(z.size):
        if known[period]:
            level += lam * (float(z[period]) - level)
        value[period] = level
    high = limit * np.sqrt(lam / (2 - lam) * (1 - (1 - lam) ** (2 * seen)))
    outside = known & (np.abs(value) > high)
    return Chart(value, -high, high, outside, 0.0, 1.0, None)


def standardised(values: FloatArray, baseline: int) -> FloatArray:
    """Values (T,) less the mean of the first `baseline` periods, over their standard deviation; for `ewma`.

    ValueError where the baseline has fewer than eight known periods or does not vary.
    """
    first = values[:baseline][~np.isnan(values[:baseline])]
    if first.size < 8 or float(first.std(ddof=1)) == 0:
        raise ValueError("the baseline needs eight periods that are not all the same")
    scaled: FloatArray = (values - first.mean()) / first.std(ddof=1)
    return scaled


def confusion_residuals(correct: FloatArray, labels: FloatArray, baseline: float) -> FloatArray:
    """z = (K - N·P0) / √(N·P0·(1-P0)) per batch, shape (T,): K correct verdicts among N labels of one class.

    `baseline` is the rate P0 (0-1, exclusive) when the model was accepted: sensitivity for labels 1, specificity for
    labels 0. NaN where a batch has no label of the class. Not mean(Y - f), which moves with prevalence too.
    """
    same_shape(correct=correct, labels=labels)
    if not 0 < baseline < 1:
        raise ValueError(f"a baseline rate of {baseline} leaves no room for errors; use (k + 1) / (n + 2)")
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (correct - labels * baseline) / np.sqrt(labels * baseline * (1 - baseline))
    return np.asarray(np.where(labels > 0, z, math.nan))


@dataclass(frozen=True, slots=True)
class Drift:
    """The two drift charts and the first batch (0-based) outside on either, None if none; `warning` for few labels."""

    sensitivity: Chart
    specificity: Chart
    alarm: int | None
    warning: str | None


def drift(truth: FloatArray, flagged: FloatArray, batch: IntArray, sensitivity: float, specificity: float) -> Drift:
    """EWMA charts (lam .2, L 3.1) of the confusion residuals of randomly labelled contacts, in batches 0..T-1.

    `truth`, `flagged` (n,) are 0 or 1, `batch` (n,) codes; the rates are those at acceptance (0-1, exclusive). An alarm
    means the model moved: freeze scores and label anew.
    """
    same_shape(truth=truth, flagged=flagged, batch=batch)
    count = int(batch.max()) + 1 if batch.size else 0
    charts = []
    for value, rate in ((1.0, sensitivity), (0.0, specificity)):
        own = truth == value
        labels = np.bincount(batch[own], minlength=count).astype(np.float64)
        correct = np.bincount(batch[own & (flagged == value)], minlength=count).astype(np.float64)
        charts.append(ewma(confusion_residuals(correct, labels, rate), LAMBDA, DRIFT_LIMIT))
    alarms = [int(np.argmax(chart.outside)) for chart in charts if chart.outside.any()]
    sizes = np.bincount(batch, minlength=count)
    few = count and float(np.median(sizes)) < MIN_LABELS_FOR_DRIFT
    warning = f"fewer than {MIN_LABELS_FOR_DRIFT} labels a batch cannot see a moderate drift" if few else None
    return Drift(charts[0], charts[1], min(alarms, default=None), warning)


def stability_index(baseline: FloatArray, current: FloatArray, bins: int = 10) -> float | None:
    """Population stability index (0 and up) of scores, in bins of equal baseline counts; shapes (n,), (m,), NaN out.

    Σ (q-p)·ln(q/p); above .1 look, above .25 act, by custom. A share of 0 counts as .0001. None where a side is empty.
    """
    before, after = baseline[~np.isnan(baseline)], current[~np.isnan(current)]
    if before.size == 0 or after.size == 0:
        return None
    edges = np.unique(np.quantile(before, np.linspace(0, 1, bins + 1)[1:-1]))
    p, q = (
        np.maximum(
            np.bincount(np.searchsorted(edges, x, side="right"), minlength=edges.size + 1) / x.size, _SMALLEST_SHARE
        )
        for x in (before, after)
    )
    return float(np.sum((q - p) * np.log(q / p)))


def undecided_share(q: FloatArray, low: float = 0.3, high: float = 0.7) -> float | None:
    """Share (0-1) of probabilities between `low` and `high`: it grows where the model meets what it does not know."""
    known = q[~np.isnan(q)]
    return float(np.mean((known >= low) & (known <= high))) if known.size else None


def _no_chart(reason: Reason) -> Chart:
    empty = np.zeros(0)
    return Chart(empty, empty, empty, np.zeros(0, dtype=np.bool_), None, None, reason)
