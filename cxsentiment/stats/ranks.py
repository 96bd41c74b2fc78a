"""Spearman's correlation of all pairs and without each cluster, ranked once.

Leaving a cluster out lowers each mid-rank by how many of the cluster's values lie below it, so no pair is ranked
again. For few pairs the sum of products is formed anew for every cluster; for many, it is expanded: what is linear in
the lowered ranks comes exactly from one cumulative sum, and the small product of two lowerings from a table of 256 x
256 bins (exact where neither side has more than 256 values).
"""

import math

import numpy as np

from cxsentiment.stats.arrays import FloatArray, IntArray, tally

_BINS = 256
_MOST_DIRECT = 20_000_000  # pairs times clusters
_MOST_AT_ONCE = 2_000_000  # the same, held in memory


def spearman(x: FloatArray, y: FloatArray) -> float | None:
    """Spearman's rank correlation with mid-ranks for ties; None where a side is constant or n < 2."""
    keep = ~(np.isnan(x) | np.isnan(y))
    return LeaveOneOut(x[keep], y[keep], np.zeros(int(keep.sum()), dtype=np.int64), 1).correlation()


class LeaveOneOut:
    """Spearman of all pairs, and without each cluster.

    `x`, `y` have shape (n,) and no NaN; `of` are cluster codes 0..count-1; `weights` counts of each pair (1 if None).
    """

    def __init__(
        self, x: FloatArray, y: FloatArray, of: IntArray, count: int, weights: FloatArray | None = None
    ) -> None:
        order = np.argsort(of, kind="stable")
        self._x, self._x_size = _distinct(x[order])
        self._y, self._y_size = _distinct(y[order])
        self._of, self._count = of[order], count
        self._weights = np.ones(x.size) if weights is None else weights[order]
        self._weighted = weights is not None
        self._x_counts = tally(self._x, self._x_size, self._weights)
        self._y_counts = tally(self._y, self._y_size, self._weights)
        self._edges = np.searchsorted(self._of, np.arange(count + 1))

    def correlation(self) -> float | None:
        """Spearman of all pairs; None where a side is constant."""
        x_ranks, y_ranks = _centred_ranks(self._x_counts), _centred_ranks(self._y_counts)
        spread = float(self._x_counts @ x_ranks**2) * float(self._y_counts @ y_ranks**2)
        if spread <= 0:
            return None
        products = float((x_ranks[self._x] * self._weights) @ y_ranks[self._y])
        return max(-1.0, min(1.0, products / math.sqrt(spread)))

    def without_each(self) -> FloatArray:
        """Spearman without each cluster, shape (count,); NaN where a side is then constant."""
        if self._weighted or self._x.size * self._count <= _MOST_DIRECT:
            largest = max(self._x.size, self._x_size, self._y_size, 1)
            step = max(1, _MOST_AT_ONCE // largest)
            parts = [self._direct(first, min(first + step, self._count)) for first in range(0, self._count, step)]
            return np.concatenate(parts) if parts else np.zeros(0)
        return self._expanded()

    def _direct(self, first: int, last: int) -> FloatArray:
        """Spearman without each of the clusters `first` up to `last`: the sum of products formed anew for each."""
        out = slice(self._edges[first], self._edges[last])
        own, weights = self._of[out] - first, self._weights[out]
        x_ranks, x_spread = self._ranks_without(own, self._x[out], weights, self._x_counts, last - first)
        y_ranks, y_spread = self._ranks_without(own, self._y[out], weights, self._y_counts, last - first)
        spread = x_spread * y_spread
        products = np.einsum("cn,cn,n->c", x_ranks[:, self._x], y_ranks[:, self._y], self._weights)
        theirs = weights * x_ranks[own, self._x[out]] * y_ranks[own, self._y[out]]
        products -= tally(own, last - first, theirs)
        r: FloatArray = np.where(spread > 0, products / np.sqrt(np.where(spread > 0, spread, 1.0)), math.nan)
        return np.clip(r, -1.0, 1.0)

    @staticmethod
    def _ranks_without(
        own: IntArray, place: IntArray, weights: FloatArray, counts: FloatArray, clusters: int
    ) -> tuple[FloatArray, FloatArray]:
        """Centred ranks of each value without each cluster, (clusters, values), and the sums of their squares."""
        removed = tally(own * counts.size + place, clusters * counts.size, weights).reshape(clusters, counts.size)
        left = counts - removed
        ranks = np.cumsum(left, axis=1) - (left - 1) / 2 - (left.sum(axis=1, keepdims=True) + 1) / 2
        return ranks, np.sum(left * ranks**2, axis=1)

    def _expanded(self) -> FloatArray:
        sizes = tally(self._of, self._count)
        x_ranks, y_ranks = _centred_ranks(self._x_counts)[self._x], _centred_ranks(self._y_counts)[self._y]
        x_own = _own_below(self._of, self._x, self._x_size) - sizes[self._of] / 2
        y_own = _own_below(self._of, self._y, self._y_size) - sizes[self._of] / 2
        linear = _above(self._x, y_ranks, self._x_size)[self._x] + _above(self._y, x_ranks, self._y_size)[self._y]
        # Σ over all pairs of (rank of x, lowered) x (rank of y, lowered), less the cluster's own pairs.
        own = linear + (x_ranks - x_own) * (y_ranks - y_own)
        products = float(x_ranks @ y_ranks) - tally(self._of, self._count, own) + self._of_both(sizes)
        left = self._x.size - sizes
        spread = _spread(self._of, self._x, self._x_counts, left) * _spread(self._of, self._y, self._y_counts, left)
        with np.errstate(divide="ignore", invalid="ignore"):
            result: FloatArray = np.where(spread > 0, products / np.sqrt(np.maximum(spread, 0)), math.nan)
        return np.clip(result, -1.0, 1.0)

    def _of_both(self, sizes: FloatArray) -> FloatArray:
        """Σ over all pairs of (lowering of x) x (lowering of y), by cluster, from binned counts."""
        x_bin, y_bin = _bins(self._x, self._x_counts), _bins(self._y, self._y_counts)
        table = np.bincount(x_bin * _BINS + y_bin, minlength=_BINS * _BINS).reshape(_BINS, _BINS).astype(np.float64)
        x_low, y_low = (self._lowering(bins, sizes) for bins in (x_bin, y_bin))
        both: FloatArray = np.sum((x_low @ table) * y_low, axis=1)
        return both

    def _lowering(self, bins: IntArray, sizes: FloatArray) -> FloatArray:
        """By how much leaving each cluster out lowers the centred rank of each bin: shape (count, bins)."""
        counts = np.bincount(self._of * _BINS + bins, minlength=self._count * _BINS).reshape(self._count, _BINS)
        lowered: FloatArray = np.cumsum(counts, axis=1) - counts / 2 - sizes[:, None] / 2
        return lowered


def _distinct(values: FloatArray) -> tuple[IntArray, int]:
    """Codes of the values in their order, and how many distinct ones there are."""
    distinct, place = np.unique(values, return_inverse=True)
    return place.astype(np.int64), distinct.size


def _centred_ranks(counts: FloatArray) -> FloatArray:
    """Mid-rank of each distinct value less the mean rank, from how often each occurs."""
    ranks: FloatArray = np.cumsum(counts) - (counts - 1) / 2 - (counts.sum() + 1) / 2
    return ranks


def _above(place: IntArray, values: FloatArray, size: int) -> FloatArray:
    """For each distinct value: Σ `values` of pairs above it, plus half of those at it."""
    at = tally(place, size, values)
    above: FloatArray = at.sum() - np.cumsum(at) + at / 2
    return above


def _own_below(of: IntArray, place: IntArray, size: int) -> FloatArray:
    """How many values of its own cluster lie below each value, plus half of those at it (itself among them)."""
    key = of * size + place
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    ties = np.diff(first, append=key.size)
    starts = np.searchsorted(of, np.arange(int(of[-1]) + 2))  # `of` is sorted
    below = np.empty(key.size)
    below[order] = np.repeat(first + ties / 2, ties) - starts[of[order]]
    return below


def _spread(of: IntArray, place: IntArray, counts: FloatArray, left: FloatArray) -> FloatArray:
    """Σ of squared centred ranks without each cluster: ((N³ - N) - Σ (t³ - t)) / 12 over the remaining ties t."""
    size = counts.size
    cells, own = np.unique(of * size + place, return_counts=True)
    ties, cluster = counts[cells % size], cells // size
    change = _tie_term(ties - own) - _tie_term(ties)
    total = _tie_term(counts).sum() + tally(cluster, left.size, change)
    spread: FloatArray = (_tie_term(left) - total) / 12
    # What is left of the subtraction of two equal numbers of this size is rounding.
    return np.where(spread > 1e-9 * _tie_term(left), spread, 0.0)


def _tie_term(counts: FloatArray) -> FloatArray:
    term: FloatArray = counts * (counts * counts - 1)
    return term


def _bins(place: IntArray, counts: FloatArray) -> IntArray:
    """At most 256 bins of about equally many pairs; each distinct value its own bin where there are no more."""
    if counts.size <= _BINS:
        return place
    middle = np.cumsum(counts) - counts / 2
    bins: IntArray = np.minimum((_BINS * middle / counts.sum()).astype(np.int64), _BINS - 1)
    return bins[place]
