"""Polyserial correlation: of a continuous feature with what lies under an ordinal answer (Olsson et al. 1982).

It does not shrink when nearly everybody ticks the top box, as Spearman's does, so campaigns can be compared on it. It
takes both sides as jointly normal, which a very skewed feature is not.
"""

import math

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.stats.arrays import FloatArray, IntArray
from cxsentiment.stats.estimates import MIN_CLUSTERS
from cxsentiment.stats.jackknife import (
    ClusteredCorrelation,
    Pairs,
    constant,
    effective_n,
    fisher_jackknife,
    in_blocks,
    known_pairs,
    no_correlation,
    too_little,
)

_MOST_LEVELS = 20
_BINS = 500  # values of the feature are put together in so many bins of like values where there are more
_STEP = 1e-3
_FEW_CLUSTERS = 200
_CELLS_AT_ONCE = 4_000_000
_BOUND = 0.999


def clustered_polyserial(x: FloatArray, y: FloatArray, clusters: IntArray) -> ClusteredCorrelation:
    """Polyserial correlation (-1 to 1) of `x` (continuous) and `y` (2 to 20 ordered answers), jackknifed by agent.

    Two-step maximum likelihood: thresholds from the cumulative shares, then a bounded search over rho; `x` is
    standardised. Without each agent, means, thresholds and rho, by Newton steps, are made anew. Shapes (n,).
    """
    pairs = in_blocks(known_pairs(x, y, clusters))
    method = "polyserial, two-step ML, delete-one-agent jackknife"
    n, count = pairs.x.size, pairs.names.size
    if pairs.nameless:
        return no_correlation(Reason("not_named", "no contact names its agent"), method, n, 0)
    if reason := too_little(n, count, "pooled") or constant(pairs.x, pairs.y, "pooled"):
        return no_correlation(reason, method, n, count)
    levels = np.unique(pairs.y)
    if levels.size > _MOST_LEVELS:
        reason = Reason(
            "not_applicable",
            f"the outcome has {levels.size} different answers; a polyserial correlation takes at most {_MOST_LEVELS}",
        )
        return no_correlation(reason, method, n, count)
    table = _Table(pairs, levels)
    rho = table.maximum()
    if abs(rho) >= _BOUND - 1e-6:
        return no_correlation(
            Reason("no_spread", "the answers follow the feature so closely that no correlation below 1 fits"),
            method,
            n,
            count,
        )
    # Of few clusters no interval is made, and of a single one nothing is left without it.
    without = table.without_each(rho) if count >= MIN_CLUSTERS else np.zeros(count)
    return fisher_jackknife(rho, without, pairs.names, n, method, effective_n(pairs, "pooled"))


class _Table:
    """Counts of each bin of x by answer, in all and by cluster."""

    def __init__(self, pairs: Pairs, levels: FloatArray) -> None:
        centre, spread = float(pairs.x.mean()), float(pairs.x.std())
        x = (pairs.x - centre) / spread
        values, bins = np.unique(x, return_inverse=True)
        if values.size > _BINS:
            order = np.argsort(x, kind="stable")
            bins = np.empty(x.size, dtype=np.int64)
            bins[order] = np.arange(x.size) * _BINS // x.size
            values = np.bincount(bins, weights=x) / np.bincount(bins)
        answer = np.searchsorted(levels, pairs.y)
        self._values, self._count, k = values, pairs.names.size, levels.size
        cell = (pairs.of * values.size + bins) * k + answer
        size = self._count * values.size * k
        self._own = np.bincount(cell, minlength=size).reshape(self._count, values.size, k)
        self._all = self._own.sum(axis=0)
        self._sums = np.stack([np.bincount(pairs.of, weights=x**power, minlength=self._count) for power in (0, 1, 2)])

    def maximum(self) -> float:
        from scipy.optimize import minimize_scalar

        table, values = self._all[None].astype(np.float64), self._values[None]
        bounds = (-_BOUND, _BOUND)
        # The search is over Fisher's z, in which the likelihood is near a parabola.
        found = minimize_scalar(
            lambda z: -_likelihood(table, values, np.array([math.tanh(z)]))[0],
            bounds=tuple(math.atanh(bound) for bound in bounds),
            method="bounded",
            options={"xatol": 1e-8},
        )
        return math.tanh(float(found.x))

    def without_each(self, rho: float) -> FloatArray:
        """rho without each cluster: one Newton step on Fisher's z from the estimate of all, two for few clusters."""
        z = math.atanh(rho)
        result = np.empty(self._count)
        at_once = max(1, _CELLS_AT_ONCE // self._all.size)
        for start in range(0, self._count, at_once):
            rows = slice(start, min(start + at_once, self._count))
            table = (self._all - self._own[rows]).astype(np.float64)
            n, total, squares = self._sums.sum(axis=1)[:, None] - self._sums[:, rows]
            mean = total / n
            spread = np.sqrt(np.maximum(squares / n - mean**2, 1e-12))
            values = (self._values - mean[:, None]) / spread[:, None]
            own = np.full(table.shape[0], z)
            for _ in range(2 if self._count <= _FEW_CLUSTERS else 1):
                low, middle, high = (_likelihood(table, values, np.tanh(own + step)) for step in (-_STEP, 0.0, _STEP))
                curvature, slope = (high - 2 * middle + low) / _STEP**2, (high - low) / (2 * _STEP)
                own = np.where(curvature < 0, own - slope / np.where(curvature < 0, curvature, -1.0), math.nan)
            result[rows] = own
        return np.tanh(result)


def _likelihood(table: FloatArray, values: FloatArray, rho: FloatArray) -> FloatArray:
    """Log likelihood of rho for each of C tables (C, bins, answers), values (C, bins); thresholds from the table."""
    from scipy.special import ndtr, ndtri

    shares = np.cumsum(table.sum(axis=1), axis=1)
    thresholds = ndtri(np.clip(shares[:, :-1] / shares[:, -1:], 1e-12, 1 - 1e-12))
    scale = np.sqrt(1 - rho**2)[:, None, None]
    below = ndtr((thresholds[:, None, :] - rho[:, None, None] * values[:, :, None]) / scale)
    ends = np.zeros((*below.shape[:2], 1))
    p = np.diff(np.concatenate([ends, below, ends + 1], axis=2), axis=2)
    likelihood: FloatArray = np.sum(table * np.log(np.maximum(p, 1e-300)), axis=(1, 2))
    return likelihood
