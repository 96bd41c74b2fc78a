"""How much of the spread of agents' means is the agents: variance components, ICC, reliability."""

import math
from dataclasses import dataclass

import numpy as np

from cxsentiment.stats.arrays import FloatArray, IntArray, compact


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """One-way random effects: variance `between` groups and `within` them, in squared units of the values."""

    between: float
    within: float


def variance_components(values: FloatArray, groups: IntArray) -> VarianceComponents | None:
    """Unbalanced one-way ANOVA estimator; `between` is floored at 0 (Searle, Casella & McCulloch 1992, ch. 3.6).

    None where it cannot be made: fewer than two groups, or no group with two values.
    """
    keep = ~np.isnan(values)
    x = values[keep]
    of, names = compact(groups[keep])
    sizes = np.bincount(of, minlength=names.size)
    count, n = sizes.size, x.size
    if count < 2 or n <= count:
        return None
    means = np.bincount(of, weights=x) / sizes
    within = float(np.sum((x - means[of]) ** 2)) / (n - count)
    between = float(np.sum(sizes * (means - x.mean()) ** 2)) / (count - 1)
    typical_size = (n - float(np.sum(sizes.astype(np.float64) ** 2)) / n) / (count - 1)
    return VarianceComponents(max(0.0, (between - within) / typical_size), within)


def icc_oneway(values: FloatArray, groups: IntArray) -> float | None:
    """Intraclass correlation ICC(1), 0-1, from `variance_components`; None where that is None or nothing varies."""
    found = variance_components(values, groups)
    # A variance below this is rounding error of the values.
    if found is None or found.between + found.within <= (1e-12 * float(np.nanmax(np.abs(values)))) ** 2:
        return None
    return found.between / (found.between + found.within)


def reliability(n: float, icc: float) -> float:
    """Reliability (0-1) of a mean of n values: n·ICC / (1 + (n-1)·ICC) (Spearman-Brown)."""
    return n * icc / (1 + (n - 1) * icc) if n > 0 else 0.0


def n_for_reliability(target: float, icc: float) -> int | None:
    """Values needed for reliability `target` (0-1); None where no number suffices."""
    if icc <= 0 or target >= 1:
        return None
    return max(1, math.ceil(round(target / (1 - target) * (1 - icc) / icc, 9)))
