"""Whether two groups, or before and after, are the same: equivalent, different, or undetermined.

"Not significant" is no finding of equality. Two groups are equivalent when the 90 % interval of their difference lies
inside ± margin (two one-sided tests, Schuirmann 1987); different when the 95 % interval leaves out 0; else it is not
known.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, same_shape
from cxsentiment.stats.estimates import MIN_CLUSTERS, NOT_DETERMINED, missing, normal_quantile, t_quantile, t_two_sided
from cxsentiment.stats.means import clustered_mean
from cxsentiment.stats.regression import Coefficients, clustered_regression

Verdict = Literal["equivalent", "different", "undetermined"]
MARGIN = 3.0  # points of a score from 0 to 100


@dataclass(frozen=True, slots=True)
class Contrast:
    """Difference of the second group from the first, in the unit of y, with its 95 % interval; the 90 % interval that
    decides on equivalence; the verdict for the margin, and the two-sided p of no difference, None where there is no
    interval.
    """

    difference: Estimate
    low90: float | None
    high90: float | None
    margin: float
    verdict: Verdict | None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """Means before (the baseline) and after, and their contrast; `paired` says whether agents were compared with
    themselves; `agents_both` counts agents with contacts in both periods.
    """

    before: Estimate
    after: Estimate
    contrast: Contrast
    paired: bool
    agents_both: int


def verdict(difference: float, error: float, margin: float, df: float | None = None) -> Verdict:
    """The verdict for a difference with a standard error, in the margin's unit; `df` of Student's t, None for normal.

    ValueError for a margin that is not above 0, or an error below 0.
    """
    if margin <= 0 or error < 0:
        raise ValueError("a margin must be above 0, and an error not below it")
    wide = normal_quantile(0.975) if df is None else t_quantile(0.975, df)
    narrow = normal_quantile(0.95) if df is None else t_quantile(0.95, df)
    if abs(difference) + narrow * error < margin:
        return "equivalent"
    return "different" if abs(difference) > wide * error else "undetermined"


def contrast(
    y: FloatArray,
    second: FloatArray,
    agents: IntArray,
    covariates: FloatArray | None = None,
    *,
    margin: float = MARGIN,
    within: bool = False,
) -> Contrast:
    """Mean of y where `second` is 1 less that where it is 0, adjusted for `covariates` (n, c), by least squares.

    Shapes (n,); `agents` are codes, -1 and NaN rows left out. Errors by a delete-one-agent jackknife, so that agents
    who differ, and differ in how the shift affects them, are allowed for. `within` compares agents with themselves.
    """
    same_shape(y=y, second=second, agents=agents)
    if np.any(~np.isnan(second) & (second != 0) & (second != 1)):
        raise ValueError("the second group must be marked by 1, the first by 0")
    x = second[:, None] if covariates is None else np.concatenate([second[:, None], covariates], axis=1)
    return _judged(clustered_regression(y, x, agents, within=within), margin)


def contrasts(
    y: FloatArray,
    groups: IntArray,
    agents: IntArray,
    covariates: FloatArray | None = None,
    *,
    margin: float = MARGIN,
) -> dict[int, Contrast]:
    """Each group (shift, site, weekday; codes) against all other contacts, as `contrast` does it."""
    return {
        group: contrast(y, (groups == group).astype(np.float64), agents, covariates, margin=margin)
        for group in np.unique(groups[groups >= 0]).tolist()
    }


def before_after(
    y: FloatArray, after: BoolArray, agents: IntArray, covariates: FloatArray | None = None, *, margin: float = MARGIN
) -> BeforeAfter:
    """Means before and after a change and their contrast; with eight agents in both periods, each against itself.

    Comparing agents with themselves leaves out who joined and who left; without enough such agents the periods are
    compared as they are, and a change of staff is part of the difference. Shapes (n,).
    """
    same_shape(y=y, after=after, agents=agents)
    known = ~np.isnan(y) & (agents >= 0)
    both = np.intersect1d(agents[known & after], agents[known & ~after]).size
    paired = both >= MIN_CLUSTERS
    use = known & np.isin(agents, np.intersect1d(agents[known & after], agents[known & ~after])) if paired else known
    rows = None if covariates is None else covariates[use]
    found = contrast(y[use], after[use].astype(np.float64), agents[use], rows, margin=margin, within=paired)
    return BeforeAfter(
        clustered_mean(y[known & ~after], agents[known & ~after]),
        clustered_mean(y[known & after], agents[known & after]),
        found,
        paired,
        int(both),
    )


def _judged(found: Coefficients, margin: float) -> Contrast:
    if margin <= 0:
        raise ValueError("a margin must be above 0")
    difference = found.slopes[0]
    if difference.value is None:
        reason = (
            Reason("not_comparable", "one of the two groups has no contacts to compare")
            if "vary" in (difference.reason or "")
            else difference.reason
        )
        return Contrast(missing(reason or NOT_DETERMINED, difference.method, difference.n), None, None, margin, None)
    if difference.low is None or difference.high is None:
        return Contrast(difference, None, None, margin, None)
    df = found.clusters - 1
    error = (difference.high - difference.low) / 2 / t_quantile(0.975, df)
    half = t_quantile(0.95, df) * error
    decided = verdict(difference.value, error, margin, df)
    named = replace(difference, method=difference.method.replace("least squares", "difference, least squares"))
    p = t_two_sided(difference.value / error, df) if error > 0 else None
    return Contrast(named, difference.value - half, difference.value + half, margin, decided, p)
