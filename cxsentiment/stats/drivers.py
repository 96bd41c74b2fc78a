"""How much of the variance of an answer each family of behaviours accounts for: LMG, an association and no cause.

LMG (Lindeman, Merenda & Gold 1980; the Shapley value of R²) is a family's gain in R² averaged over all orders in which
the families can enter. Leave out whatever measures the answer itself early, such as the customer's closing sentiment.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray
from cxsentiment.stats.estimates import MIN_CLUSTERS, missing
from cxsentiment.stats.jackknife import plain_jackknife
from cxsentiment.stats.regression import Products, column_scale, products, solve

MOST_GROUPS = 12
METHOD = "LMG share of R², bias and interval by delete-one-agent jackknife"
_COLLINEAR = 1e-6
_MOST_BLOCKS = 60  # agents are left out in blocks where there are more: 2^12 fits for each of 1,000 agents take minutes


@dataclass(frozen=True, slots=True)
class Drivers:
    """R² (0-1) of all families beyond the covariates, the families' shares of it (they add up to it; less what chance
    gives them, so that they may lie below 0), and per column whether it is a suppressor: its slope beside the others
    has another sign than its own correlation.
    """

    r2: Estimate
    importance: tuple[Estimate, ...]
    suppressors: tuple[bool, ...]
    slopes: tuple[float, ...]


def lmg(
    y: FloatArray, x: FloatArray, groups: IntArray, agents: IntArray, covariates: FloatArray | None = None
) -> Drivers:
    """LMG of each group of columns, exact over all 2^p subsets, with an agent jackknife.

    `y` (n,), `x` (n, k), `groups` (k,) codes 0..p-1 of the families, at most 12, `agents` (n,) codes (-1 and NaN rows
    are left out). `covariates` (n, c), the case mix, stay in every model; shares are of the whole variance of y, less
    the bias that the jackknife finds. More than 60 agents are left out in 60 blocks. ValueError for more than 12 groups
    or a group without a column.
    """
    p = int(groups.max()) + 1 if groups.size else 0
    if not 0 < p <= MOST_GROUPS or np.unique(groups).size != p:
        raise ValueError(f"between 1 and {MOST_GROUPS} groups are needed, each with a column")
    kept = 0 if covariates is None else covariates.shape[1]
    table = x if covariates is None else np.concatenate([covariates, x], axis=1)
    sums = products(y, table, agents)
    n, method = int(sums.sizes.sum()), METHOD
    moments = _moments(sums)
    if n <= table.shape[1] + 1 or moments[0, -1, -1] <= 0:
        reason = (
            Reason("constant", "the outcome is the same in all contacts")
            if n > table.shape[1] + 1
            else Reason("too_few", f"{n} contacts are too few")
        )
        nothing = missing(reason, method, n)
        return Drivers(nothing, (nothing,) * p, (False,) * x.shape[1], (0.0,) * x.shape[1])
    places = [np.flatnonzero(groups == group) + kept for group in range(p)]
    gains = _gains(moments, np.arange(kept), places)
    shares = _shapley(gains, p)
    importance = tuple(_corrected(shares[:, i], n, method) for i in range(p))
    r2 = _corrected(gains[:, -1], n, "R², bias and interval by delete-one-agent jackknife")
    slopes = solve(moments[0], column_scale(moments[0]))[kept:]
    own = moments[0, kept:-1, -1]
    return Drivers(r2, importance, tuple((slopes * own < 0).tolist()), tuple(slopes.tolist()))


def lmg_of_correlations(correlations: FloatArray, with_y: FloatArray) -> tuple[float, FloatArray]:
    """R² and the LMG share of each predictor from their correlations (p, p) and those with y (p,), at most 12."""
    p = with_y.size
    if not 0 < p <= MOST_GROUPS:
        raise ValueError(f"between 1 and {MOST_GROUPS} predictors are needed")
    moments = np.ones((1, p + 1, p + 1))
    moments[0, :-1, :-1], moments[0, :-1, -1], moments[0, -1, :-1] = correlations, with_y, with_y
    gains = _gains(moments, np.arange(0), [np.array([i]) for i in range(p)])
    return float(gains[0, -1]), _shapley(gains, p)[0]


def _corrected(values: FloatArray, n: int, method: str) -> Estimate:
    """The first of `values`, that of all agents, less the bias that those without one each show (Quenouille 1956).

    Every column explains something by chance, so R² is never below 0: without the correction, 18 columns of noise had
    an interval that left out 0 in half of the cases. Fewer than eight agents: the plain value, and no interval.
    """
    value, without = float(values[0]), values[1:]
    if without.size >= MIN_CLUSTERS and np.all(np.isfinite(without)):
        value = without.size * value - (without.size - 1) * float(without.mean())
    return plain_jackknife(value, without, n, method)[0]


def _moments(sums: Products) -> FloatArray:
    """Centred sums of products of all contacts and, after them, without each block of agents."""
    block = np.arange(sums.names.size) % _MOST_BLOCKS
    count = min(sums.names.size, _MOST_BLOCKS)
    k = sums.sums.shape[1]
    sizes = np.bincount(block, weights=sums.sizes, minlength=count)
    total, cross = np.zeros((count, k)), np.zeros((count, k, k))
    np.add.at(total, block, sums.sums)
    np.add.at(cross, block, sums.products)
    sizes = np.concatenate([[0.0], sizes])
    total, cross = np.concatenate([np.zeros((1, k)), total]), np.concatenate([np.zeros((1, k, k)), cross])
    left, rest = sums.sums.sum(axis=0) - total, np.maximum(sizes.sum() - sizes, 1.0)
    moments: FloatArray = sums.products.sum(axis=0) - cross - np.einsum("ck,cl->ckl", left, left) / rest[:, None, None]
    return moments


def _gains(moments: FloatArray, kept: IntArray, places: list[IntArray]) -> FloatArray:
    """R² beyond the kept columns of every subset of groups, shape (B, 2^p), bit g of the index for group g."""
    gains = np.zeros((moments.shape[0], 2 ** len(places)))
    scale = column_scale(moments[0])
    unit = moments / np.outer(np.append(scale, 1.0), np.append(scale, 1.0))
    # No subset of columns is nearer to collinear than all of them, so one look decides which solver all may use.
    separate = bool(np.linalg.eigvalsh(unit[:, :-1, :-1]).min() > _COLLINEAR)
    base = _explained(unit, kept, separate)
    for size in range(1, len(places) + 1):
        for subset in combinations(range(len(places)), size):
            columns = np.concatenate([kept, *(places[group] for group in subset)])
            gains[:, sum(1 << group for group in subset)] = _explained(unit, columns, separate) - base
    return gains


def _explained(moments: FloatArray, columns: IntArray, separate: bool) -> FloatArray:
    if columns.size == 0:
        return np.zeros(moments.shape[0])
    xx, xy = moments[:, columns[:, None], columns], moments[:, columns, -1]
    if separate:
        slopes = np.linalg.solve(xx, xy[:, :, None])[:, :, 0]
    else:
        slopes = solve(moments[:, np.append(columns, -1)[:, None], np.append(columns, -1)], np.ones(columns.size))
    with np.errstate(divide="ignore", invalid="ignore"):
        share: FloatArray = np.sum(slopes * xy, axis=1) / moments[:, -1, -1]
    return share


def _shapley(gains: FloatArray, p: int) -> FloatArray:
    """Mean gain of each group over all orders, shape (B, p): weights |S|!(p-|S|-1)!/p! over subsets S without it."""
    subsets = np.arange(2**p)
    sizes = np.array([int(subset).bit_count() for subset in subsets])
    weights = np.array([math.factorial(s) * math.factorial(p - s - 1) / math.factorial(p) for s in range(p)])
    shares = []
    for group in range(p):
        without = subsets[(subsets >> group) & 1 == 0]
        shares.append((gains[:, without | (1 << group)] - gains[:, without]) @ weights[sizes[without]])
    return np.stack(shares, axis=1)
