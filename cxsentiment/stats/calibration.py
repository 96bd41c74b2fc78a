"""Whether probabilities are what they say: calibration in the large, and the expected calibration error (ECE)."""

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, same_shape
from cxsentiment.stats.estimates import LEVEL, estimated, missing
from cxsentiment.stats.means import clustered_mean, mean_t_interval

BINS = 10
MIN_LABELS = 30
_DRAWS = 500


def in_the_large(p: FloatArray, y: FloatArray, clusters: IntArray | None = None) -> Estimate:
    """Mean probability less share of ones (-1 to 1): 0 where the probabilities are right on average.

    `p` (n,) 0-1, `y` (n,) 0 or 1, pairs with a NaN left out; `clusters` (n,) are agents, whose contacts are alike.
    """
    same_shape(p=p, y=y)
    gap = p - y
    if clusters is None:
        return mean_t_interval(gap)
    return clustered_mean(gap, clusters)


def expected_error(p: FloatArray, y: FloatArray, *, seed: int = 0) -> Estimate:
    """ECE (0-1): Σ over ten bins of equal width of share in the bin · |mean p - share of ones| (Naeini et al. 2015).

    Percentile bootstrap by contact. Few labels make an error of their own, so the value is rather too high; below 30
    there is none. Shapes (n,); pairs with a NaN are left out. ValueError for a p outside 0-1 or a y that is not 0 or 1.
    """
    same_shape(p=p, y=y)
    keep = ~(np.isnan(p) | np.isnan(y))
    p, y = p[keep], y[keep]
    method = f"expected calibration error, {BINS} bins, bootstrap by contact"
    if np.any((p < 0) | (p > 1)) or np.any((y != 0) & (y != 1)):
        raise ValueError("probabilities must lie in 0-1, and verdicts be 0 or 1")
    if p.size < MIN_LABELS:
        return missing(Reason("too_few", f"{p.size} labels are too few ({MIN_LABELS} needed)"), method, p.size)
    of = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    gaps = np.bincount(of, weights=p - y, minlength=BINS)
    rng = np.random.default_rng(seed)
    draws = np.empty(_DRAWS)
    for k in range(_DRAWS):
        chosen = rng.integers(0, p.size, p.size)
        draws[k] = np.abs(np.bincount(of[chosen], weights=(p - y)[chosen], minlength=BINS)).sum() / p.size
    value = float(np.abs(gaps).sum() / p.size)
    low, high = np.percentile(draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return estimated(value, min(value, float(low)), max(value, float(high)), p.size, method)
