"""What a machine's errors take from a correlation: rho(f, csat) = phi(f, y) · rho(y, csat).

It holds for a 0/1 item whose errors do not depend on the answer. Where the machine and the answer share cues in the
text they do, and nothing here may be used. The corrected figure stands beside the headline, never in its place.
"""

import math

import numpy as np

from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, compact, group_sums, same_shape
from cxsentiment.stats.estimates import MIN_CLUSTERS, missing
from cxsentiment.stats.jackknife import known_pairs

LEAST_PHI = 0.2
_DRAWS = 2_000


def phi(f: FloatArray, y: FloatArray) -> float | None:
    """Correlation (-1 to 1) of machine `f` and human `y` on labelled contacts, (n,); None if either is constant."""
    same_shape(f=f, y=y)
    keep = ~(np.isnan(f) | np.isnan(y))
    f, y = f[keep], y[keep]
    if f.size < 2 or np.ptp(f) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(f, y)[0, 1])


def attenuated(rho: float, phi: float) -> float:
    """What is left of the correlation `rho` of the human value when the machine's agrees with it by `phi`."""
    return rho * phi


def disattenuated(
    f: FloatArray,
    answers: FloatArray,
    agents: IntArray,
    f_labelled: FloatArray,
    y_labelled: FloatArray,
    agents_labelled: IntArray,
    *,
    seed: int = 0,
) -> Estimate:
    """rho(f, answers) / phi(f, y) with a percentile bootstrap over agents (2,000 draws, both parts drawn together).

    `f`, `answers`, `agents` are of the surveyed contacts, shape (n,); the others of the labelled ones, shape (m,), the
    agents in the same codes. `answers` may be ranks, which gives Spearman's correlation of a 0/1 item. Null where phi
    may be below .2, for then the division only multiplies noise.
    """
    method = "disattenuated by phi, bootstrap by agent"
    surveyed = known_pairs(f, answers, agents)
    labelled = known_pairs(f_labelled, y_labelled, agents_labelled)
    n = surveyed.x.size
    if surveyed.nameless or labelled.nameless or n == 0 or labelled.x.size == 0:
        return missing("no surveyed, or no labelled, contact names its agent", method, n)
    _, names = compact(np.concatenate([surveyed.names, labelled.names]))
    if min(surveyed.names.size, labelled.names.size) < MIN_CLUSTERS:
        return missing(
            f"too few agents: {MIN_CLUSTERS} with answers and {MIN_CLUSTERS} with labels are needed", method, n
        )
    parts = []
    for pairs in (surveyed, labelled):
        of = np.searchsorted(names, pairs.names)[pairs.of]
        x, y = pairs.x - pairs.x.mean(), pairs.y - pairs.y.mean()
        parts.append(group_sums(of, names.size, x, y, x * x, y * y, x * y))
    draws = np.random.default_rng(seed).multinomial(names.size, np.full(names.size, 1 / names.size), size=_DRAWS)
    whole = np.ones((1, names.size))
    rho, own = (float(_pearson(whole @ part)[0]) for part in parts)
    rhos, owns = (_pearson(draws @ part) for part in parts)
    owns = owns[~np.isnan(owns)]
    if math.isnan(rho) or math.isnan(own) or owns.size < _DRAWS / 2 or np.percentile(owns, 2.5) < LEAST_PHI:
        return missing(
            f"machine and people agree too little (phi {own:.2f}; its interval must stay above {LEAST_PHI})", method, n
        )
    ratios = rhos / _pearson(draws @ parts[1])
    low, high = np.percentile(ratios[np.isfinite(ratios)], [2.5, 97.5])
    value = rho / own
    reason = None if abs(value) <= 1 else "beyond 1: the errors are not independent of the answer, or chance"
    return Estimate(max(-1.0, min(1.0, value)), max(-1.0, float(low)), min(1.0, float(high)), n, method, reason)


def _pearson(sums: FloatArray) -> FloatArray:
    n, x, y, xx, yy, xy = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (xx - x * x / n) * (yy - y * y / n)
        r: FloatArray = (xy - x * y / n) / np.sqrt(np.where(spread > 0, spread, math.nan))
    return r
