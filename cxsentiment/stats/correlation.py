"""Spearman and Pearson correlations at three levels; intervals allow for contacts of one agent being alike."""

import math

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate, Level
from cxsentiment.stats.arrays import FloatArray, IntArray, group_sums
from cxsentiment.stats.jackknife import (
    ClusteredCorrelation,
    Pairs,
    centred,
    cluster_means,
    constant,
    effective_n,
    fisher_jackknife,
    in_blocks,
    known_pairs,
    no_correlation,
    too_little,
    without_singles,
)
from cxsentiment.stats.ranks import LeaveOneOut, spearman

MIN_FOR_SPEARMAN = 8


def clustered_spearman(
    x: FloatArray, y: FloatArray, clusters: IntArray, level: Level = "pooled"
) -> ClusteredCorrelation:
    """Spearman correlation whose interval allows for contacts of one agent (cluster) being alike.

    Delete-one-cluster jackknife on Fisher's z with t of A-1 degrees of freedom. Levels: `pooled` takes the values as
    they are; `within` centres both sides by cluster (clusters with one pair say nothing and are left out);
    `between` takes each cluster's means, weighted by its pairs. A cluster code of -1 means unknown: such pairs are
    left out, except where every code is -1: then the pooled estimate stands alone, without an interval.
    """
    pairs = known_pairs(x, y, clusters)
    method = f"Spearman, {level}, delete-one-agent jackknife"
    if pairs.nameless:
        return _unclustered(pairs, level)
    if level == "within":
        pairs = without_singles(pairs)
    n, count = pairs.x.size, pairs.names.size
    if reason := too_little(n, count, level):
        return no_correlation(reason, method, n, count)
    informative_n = effective_n(pairs, level)
    weights = np.bincount(pairs.of).astype(np.float64) if level == "between" else None
    pairs = _at_level(in_blocks(pairs) if level == "pooled" else pairs, level)
    if reason := constant(pairs.x, pairs.y, level):
        return no_correlation(reason, method, n, count)
    ranks = LeaveOneOut(pairs.x, pairs.y, pairs.of, pairs.names.size, weights)
    r = ranks.correlation()
    assert r is not None  # constant sides were refused before
    return fisher_jackknife(r, ranks.without_each(), pairs.names, n, method, informative_n)


def clustered_pearson(
    x: FloatArray, y: FloatArray, clusters: IntArray, level: Level = "pooled"
) -> ClusteredCorrelation:
    """Pearson correlation with the same levels and the same jackknife as `clustered_spearman`.

    Of a feature of 0 and 1 it is the point-biserial correlation, of two such features phi. Values of any unit.
    """
    pairs = known_pairs(x, y, clusters)
    method = f"Pearson, {level}, delete-one-agent jackknife"
    if pairs.nameless:
        return no_correlation(Reason("not_named", "no contact names its agent"), method, pairs.x.size, 0)
    if level == "within":
        pairs = without_singles(pairs)
    n, count = pairs.x.size, pairs.names.size
    if reason := too_little(n, count, level):
        return no_correlation(reason, method, n, count)
    informative_n = effective_n(pairs, level)
    weights = np.bincount(pairs.of).astype(np.float64) if level == "between" else np.ones(n)
    pairs = _at_level(pairs, level)
    if reason := constant(pairs.x, pairs.y, level):
        return no_correlation(reason, method, n, count)
    a, b = pairs.x - np.average(pairs.x, weights=weights), pairs.y - np.average(pairs.y, weights=weights)
    sums = group_sums(
        pairs.of, count, weights, weights * a, weights * b, weights * a * a, weights * b * b, weights * a * b
    )
    sums = sums[:, 1:]
    r = float(_correlations(sums.sum(axis=0)[None, :])[0])
    without = _correlations(sums.sum(axis=0) - sums)
    return fisher_jackknife(r, without, pairs.names, n, method, informative_n, what="all points lie on one line")


def _correlations(sums: FloatArray) -> FloatArray:
    """Pearson from rows of n, Σx, Σy, Σx², Σy², Σxy; NaN where a side does not vary."""
    n, x, y, xx, yy, xy = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread_x, spread_y = xx - x * x / n, yy - y * y / n
        spread = np.where((spread_x > 1e-12 * xx) & (spread_y > 1e-12 * yy), spread_x * spread_y, math.nan)
        r: FloatArray = (xy - x * y / n) / np.sqrt(spread)
    return np.clip(r, -1.0, 1.0)


def _at_level(pairs: Pairs, level: Level) -> Pairs:
    """The pairs as `level` sees them: as they are, less their cluster's means, or the clusters' means themselves."""
    if level == "pooled":
        return pairs
    if level == "within":
        return Pairs(centred(pairs.x, pairs.of), centred(pairs.y, pairs.of), pairs.of, pairs.names)
    means = cluster_means(pairs.x, pairs.of), cluster_means(pairs.y, pairs.of)
    return Pairs(*means, np.arange(pairs.names.size), pairs.names)


def _unclustered(pairs: Pairs, level: Level) -> ClusteredCorrelation:
    method = f"Spearman, {level}"
    n = pairs.x.size
    if level != "pooled":
        return no_correlation(Reason("not_named", "no contact names its agent"), method, n, 0)
    if reason := too_little(n, MIN_FOR_SPEARMAN, level) or constant(pairs.x, pairs.y, level):
        return no_correlation(reason, method, n, 0)
    reason = Reason(
        "not_named", "no contact names its agent, so an interval cannot allow for contacts of one agent being alike"
    )
    value = spearman(pairs.x, pairs.y)
    return ClusteredCorrelation(Estimate(value, None, None, n, method, reason), 0, None, None, {}, float(n))
