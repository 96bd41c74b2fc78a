"""Statistics: numpy arrays in, `Estimate` out. Nothing here knows what a contact or an agent is.

Every interval is a 95 % interval. Missing values are NaN in the arrays and are left out, never counted as zero.
An estimate that cannot be made has the value None and a reason; one whose interval cannot be made keeps its value.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cxsentiment.schema import Estimate, Level

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

LEVEL = 0.95
MIN_PAIRS = 4  # Fisher's z has the standard error 1/√(n-3)
MIN_CLUSTERS = 8  # the jackknife's coverage was checked from 8 clusters on
MIN_CLUSTERS_BETWEEN = 10
_POWER = 0.8
# Centring and averaging leave noise in the last digits, which would break ties that are real.
_SNAP_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """One-way random effects: variance `between` groups and `within` them, in squared units of the values."""

    between: float
    within: float


@dataclass(frozen=True, slots=True)
class ClusteredCorrelation:
    """A Spearman correlation; `p` is two-sided, from the same t as the interval.

    `z` is Fisher's z, `z_without[c]` the same without cluster c, `effective_n` is n after the design effect.
    """

    estimate: Estimate
    clusters: int
    p: float | None
    z: float | None
    z_without: Mapping[int, float]
    effective_n: float | None


def floats(column: object) -> FloatArray:
    """One Arrow column as float64; a null becomes NaN."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)  # type: ignore[attr-defined]


def codes(column: object) -> tuple[IntArray, list[str]]:
    """One Arrow column of names as codes into the sorted names; a null becomes -1."""
    encoded = column.cast("string").combine_chunks().dictionary_encode()  # type: ignore[attr-defined]
    names = np.array(encoded.dictionary.to_pylist(), dtype=np.object_)
    place = np.empty(names.size + 1, dtype=np.int64)
    order = np.argsort(names)
    place[order], place[-1] = np.arange(names.size), -1
    return place[np.asarray(encoded.indices.fill_null(-1))], names[order].tolist()


def missing(reason: str, method: str, n: int = 0) -> Estimate:
    """An estimate that could not be made, with the reason in plain words."""
    return Estimate(None, None, None, n, method, reason)


def clipped(estimate: Estimate, lowest: float, highest: float) -> Estimate:
    """The estimate, its interval cut at the ends of the scale, beyond which its value cannot lie."""
    if estimate.low is None or estimate.high is None:
        return estimate
    return replace(estimate, low=max(estimate.low, lowest), high=min(estimate.high, highest))


def mean_t_interval(values: FloatArray) -> Estimate:
    """Mean with Student's t interval; the values count as independent."""
    method = "mean, t interval"
    x = values[~np.isnan(values)]
    n = x.size
    if n == 0:
        return missing("no values", method)
    mean = float(x.mean())
    if n == 1:
        return Estimate(mean, None, None, 1, method, "one value has no spread, so there is no interval")
    if np.ptp(x) == 0:
        return Estimate(mean, None, None, n, method, f"all {n} values are equal, so their spread gives no interval")
    return _around(mean, float(x.std(ddof=1)) / math.sqrt(n), n, method, df=n - 1)


def clustered_mean(
    values: FloatArray, clusters: IntArray, *, least: int = MIN_CLUSTERS, unit: str = "agent"
) -> Estimate:
    """Mean of all values; the interval allows for values of one cluster being alike.

    Sandwich variance of a ratio mean, Σ_c (S_c - n_c·mean)² · C/(C-1) / N², with t of C-1 degrees of freedom
    (Cochran 1977, ch. 2 and 6). `least` clusters are needed for an interval; n counts values.
    """
    method = f"mean, interval clustered by {unit}"
    keep = ~np.isnan(values)
    x = values[keep]
    n = x.size
    if n == 0:
        return missing("no values", method)
    mean = float(x.mean())
    _, of = np.unique(clusters[keep], return_inverse=True)
    count = int(of.max()) + 1
    if count < max(least, 2):
        return Estimate(mean, None, None, n, method, f"too few {unit}s for an interval: {count} of {max(least, 2)}")
    if np.ptp(x) == 0:
        return Estimate(mean, None, None, n, method, f"all {n} values are equal, so their spread gives no interval")
    residuals = np.bincount(of, weights=x - mean)
    variance = float(residuals @ residuals) * count / (count - 1) / n**2
    return _around(mean, math.sqrt(variance), n, method, df=count - 1)


def median_interval(values: FloatArray) -> Estimate:
    """Median with the interval between two order statistics (exact binomial, at least 95 %; Conover 1999, ch. 3.2)."""
    from scipy.stats import binom

    method = "median, order-statistic interval"
    x = np.sort(values[~np.isnan(values)])
    n = x.size
    if n == 0:
        return missing("no values", method)
    median = float(np.median(x))
    rank = int(binom.ppf((1 - LEVEL) / 2, n, 0.5))
    if rank < 1:
        return Estimate(median, None, None, n, method, f"{n} values are too few for an interval; 6 are needed")
    return Estimate(median, float(x[rank - 1]), float(x[n - rank]), n, method)


def wilson_interval(successes: int, n: int) -> Estimate:
    """Share `successes / n` (0-1) with Wilson's score interval; the n trials count as independent."""
    method = "share, Wilson interval"
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes among {n} trials")
    if n == 0:
        return missing("nothing to count", method)
    z = _normal_quantile((1 + LEVEL) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and n successes the bound is exactly 0 or 1; rounding must not put it on the wrong side of the share.
    return Estimate(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)), n, method)


def normal_interval(value: float, standard_error: float, n: int, method: str) -> Estimate:
    """`value` ± 1.96 standard errors."""
    half = _normal_quantile((1 + LEVEL) / 2) * standard_error
    return Estimate(value, value - half, value + half, n, method)


def variance_components(values: FloatArray, groups: IntArray) -> VarianceComponents | None:
    """Unbalanced one-way ANOVA estimator; `between` is floored at 0 (Searle, Casella & McCulloch 1992, ch. 3.6).

    None where it cannot be made: fewer than two groups, or no group with two values.
    """
    keep = ~np.isnan(values)
    x = values[keep]
    _, of = np.unique(groups[keep], return_inverse=True)
    sizes = np.bincount(of) if x.size else np.zeros(0, dtype=np.int64)
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


def spearman(x: FloatArray, y: FloatArray) -> float | None:
    """Spearman's rank correlation with mid-ranks for ties; None where a side is constant or n < 2."""
    keep = ~(np.isnan(x) | np.isnan(y))
    ranks = _LeaveOneOut(x[keep], y[keep], np.zeros(int(keep.sum()), dtype=np.int64))
    return ranks.correlation()


def clustered_spearman(
    x: FloatArray, y: FloatArray, clusters: IntArray, level: Level = "pooled"
) -> ClusteredCorrelation:
    """Spearman correlation whose interval allows for contacts of one agent (cluster) being alike.

    Delete-one-cluster jackknife on Fisher's z with t of A-1 degrees of freedom. Levels: `pooled` takes the values as
    they are; `within` centres both sides by cluster (clusters with one pair say nothing and are left out);
    `between` takes each cluster's means, weighted by its pairs. A cluster code of -1 means unknown: such pairs are
    left out, except where every code is -1: then the pooled estimate stands alone, without an interval.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    if np.any(clusters[known] >= 0):
        known &= clusters >= 0
    x, y, clusters = x[known], y[known], clusters[known]
    method = f"Spearman, {level}, delete-one-agent jackknife"
    if clusters.size and clusters[0] < 0:
        return _unclustered(x, y, level)
    if level == "within":
        x, y, clusters = _drop_singles(x, y, clusters)
    n, count = x.size, np.unique(clusters).size
    if reason := _too_little(n, count, level):
        return _no_correlation(reason, method, n, count)
    effective_n = _effective_n(x, y, clusters, level)
    x, y = _at_level(x, clusters, level), _at_level(y, clusters, level)
    if reason := _constant(x, y, level):
        return _no_correlation(reason, method, n, count)
    return _jackknife(x, y, clusters, method, effective_n)


def compare_levels(within: ClusteredCorrelation, between: ClusteredCorrelation) -> Estimate:
    """Difference within - between on Fisher's z, with the interval of the same jackknife run on the difference."""
    method = "difference of Fisher's z (within - between), delete-one-agent jackknife"
    if within.z is None or between.z is None or not within.z_without or not between.z_without:
        return missing("one of the two has no interval", method)
    names = sorted(within.z_without.keys() | between.z_without.keys())
    without = np.array([within.z_without.get(c, within.z) - between.z_without.get(c, between.z) for c in names])
    return _around(within.z - between.z, _jackknife_error(without), len(names), method, df=len(names) - 1)


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p-values (Benjamini & Hochberg 1995) over those that are given; None stays None."""
    from scipy.stats import false_discovery_control

    known = [p for p in p_values if p is not None]
    adjusted = iter(false_discovery_control(known).tolist() if known else [])
    return [None if p is None else next(adjusted) for p in p_values]


def minimal_detectable_r(n: float) -> float | None:
    """Smallest |r| (0-1) that n independent pairs find at .05, two-sided, with 80 % power (Fisher's z); None to n 3."""
    if n <= 3:
        return None
    return math.tanh((_normal_quantile((1 + LEVEL) / 2) + _normal_quantile(_POWER)) / math.sqrt(n - 3))


class _LeaveOneOut:
    """Spearman of all pairs, and without each cluster, exactly, with one sort in all.

    Without a cluster the mid-rank of each distinct value follows from its count alone, so no pair is ranked again.
    """

    def __init__(self, x: FloatArray, y: FloatArray, clusters: IntArray) -> None:
        order = np.argsort(clusters, kind="stable")
        _, self._x = np.unique(x[order], return_inverse=True)
        _, self._y = np.unique(y[order], return_inverse=True)
        self._x_counts = np.bincount(self._x)
        self._y_counts = np.bincount(self._y)
        self.names, starts = np.unique(clusters[order], return_index=True)
        self._edges = np.append(starts, x.size)

    def correlation(self, without: int | None = None) -> float | None:
        """Spearman of all pairs, or without the cluster at place `without`; None where a side is constant."""
        out = slice(0, 0) if without is None else slice(self._edges[without], self._edges[without + 1])
        x_counts = self._x_counts - np.bincount(self._x[out], minlength=self._x_counts.size)
        y_counts = self._y_counts - np.bincount(self._y[out], minlength=self._y_counts.size)
        x_ranks, y_ranks = _centred_ranks(x_counts), _centred_ranks(y_counts)
        spread = float(x_counts @ x_ranks**2) * float(y_counts @ y_ranks**2)
        if spread <= 0:
            return None
        products = x_ranks[self._x] @ y_ranks[self._y] - x_ranks[self._x[out]] @ y_ranks[self._y[out]]
        return max(-1.0, min(1.0, float(products) / math.sqrt(spread)))


def _centred_ranks(counts: IntArray) -> FloatArray:
    """Mid-rank of each distinct value less the mean rank, from how often each occurs."""
    ranks: FloatArray = np.cumsum(counts) - (counts - 1) / 2 - (counts.sum() + 1) / 2
    return ranks


def _jackknife(
    x: FloatArray, y: FloatArray, clusters: IntArray, method: str, effective_n: float
) -> ClusteredCorrelation:
    from scipy.stats import t

    ranks = _LeaveOneOut(x, y, clusters)
    n, count = x.size, ranks.names.size
    r = ranks.correlation()
    assert r is not None  # constant sides were refused before

    def bare(reason: str) -> ClusteredCorrelation:
        return ClusteredCorrelation(Estimate(r, None, None, n, method, reason), count, None, None, {}, effective_n)

    if count < MIN_CLUSTERS:
        return bare(f"too few agents for an interval: {count} of {MIN_CLUSTERS}")
    without = [w for place in range(count) if (w := ranks.correlation(place)) is not None]
    if len(without) < count:
        return bare("all the variation comes from one agent, so there is no interval")
    if any(abs(value) >= 1 - 1e-12 for value in [r, *without]):
        return bare("the ranks agree perfectly, which leaves no spread for an interval")
    z_without = np.arctanh(np.array(without))
    error = _jackknife_error(z_without)
    if error <= 1e-12:
        return bare("leaving out any one agent changes nothing, which leaves no spread for an interval")
    z = math.atanh(r)
    half = float(t.ppf((1 + LEVEL) / 2, count - 1)) * error
    estimate = Estimate(r, math.tanh(z - half), math.tanh(z + half), n, method)
    p = 2 * float(t.sf(abs(z) / error, count - 1))
    kept = dict(zip(ranks.names.tolist(), z_without.tolist(), strict=True))
    return ClusteredCorrelation(estimate, count, p, z, kept, effective_n)


def _jackknife_error(without: FloatArray) -> float:
    """Standard error from the estimates without each cluster (Efron & Stein 1981)."""
    count = without.size
    return math.sqrt((count - 1) / count * float(np.sum((without - without.mean()) ** 2)))


def _unclustered(x: FloatArray, y: FloatArray, level: Level) -> ClusteredCorrelation:
    method = f"Spearman, {level}"
    n = x.size
    if level != "pooled":
        return _no_correlation("no contact names its agent", method, n, 0)
    if reason := _too_little(n, MIN_CLUSTERS, level) or _constant(x, y, level):
        return _no_correlation(reason, method, n, 0)
    reason = "no contact names its agent, so an interval cannot allow for contacts of one agent being alike"
    return ClusteredCorrelation(Estimate(spearman(x, y), None, None, n, method, reason), 0, None, None, {}, float(n))


def _no_correlation(reason: str, method: str, n: int, count: int) -> ClusteredCorrelation:
    return ClusteredCorrelation(missing(reason, method, n), count, None, None, {}, None)


def _too_little(n: int, count: int, level: Level) -> str:
    if level == "between" and count < MIN_CLUSTERS_BETWEEN:
        return f"too few agents to compare them: {count} of {MIN_CLUSTERS_BETWEEN}"
    if n < MIN_PAIRS or (level == "within" and n - count < MIN_PAIRS - 1):
        kind = "contacts beyond each agent's first" if level == "within" else "contacts"
        return f"too few {kind} have both values ({n} contacts in all; {MIN_PAIRS} are needed)"
    return ""


def _constant(x: FloatArray, y: FloatArray, level: Level) -> str:
    where = {"pooled": "in all contacts", "within": "within each agent", "between": "for all agents"}
    for side, values in (("feature", x), ("outcome", y)):
        if np.ptp(values) == 0:
            return f"the {side} is the same {where[level]}, so it cannot be correlated"
    return ""


def _drop_singles(x: FloatArray, y: FloatArray, clusters: IntArray) -> tuple[FloatArray, FloatArray, IntArray]:
    _, of, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    keep = sizes[of] >= 2 if clusters.size else np.zeros(0, dtype=np.bool_)
    return x[keep], y[keep], clusters[keep]


def _at_level(values: FloatArray, clusters: IntArray, level: Level) -> FloatArray:
    """The values as `level` sees them: as they are, less their cluster's mean, or their cluster's mean."""
    if level == "pooled":
        return values
    _, of = np.unique(clusters, return_inverse=True)
    means = (np.bincount(of, weights=values) / np.bincount(of))[of]
    seen = means if level == "between" else values - means
    scale = float(np.max(np.abs(values))) or 1.0
    snapped: FloatArray = np.round(seen / scale, _SNAP_DECIMALS) + 0.0  # + 0.0 turns -0.0 into 0.0
    return snapped


def _effective_n(x: FloatArray, y: FloatArray, clusters: IntArray, level: Level) -> float:
    """n after the design effect: pooled 1 + (n̄-1)·ICC_x·ICC_y; within N-A+1 (df + 2); between the agents."""
    n, count = x.size, np.unique(clusters).size
    if level == "within":
        return float(n - count + 1)
    if level == "between":
        return float(count)
    likeness = (icc_oneway(x, clusters) or 0.0) * (icc_oneway(y, clusters) or 0.0)
    return n / (1 + (n / count - 1) * likeness)


def _around(value: float, error: float, n: int, method: str, *, df: float) -> Estimate:
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, df)) * error
    return Estimate(value, value - half, value + half, n, method)


def _normal_quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)
