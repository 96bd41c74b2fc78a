"""How many contacts to have people grade, from which strata, and which ones next."""

import math
from dataclasses import dataclass

import numpy as np

from cxsentiment.stats.arrays import FloatArray, IntArray, same_shape
from cxsentiment.stats.estimates import LEVEL, normal_quantile


@dataclass(frozen=True, slots=True)
class Draw:
    """Contacts to grade: `rows` (places in the list given, ascending) and each one's inclusion probability (0-1]."""

    rows: IntArray
    probabilities: FloatArray


def n_for_interval(half_width: float, spread: float, population: int | None = None, deff: float = 1.0) -> int:
    """Contacts for a mean whose 95 % interval is ± `half_width`; `spread` is one contact's standard deviation.

    Both in the same unit; of a share p the spread is √(p(1-p)). n0 = (1.96·spread/half_width)²·deff, then
    n0 / (1 + n0/N) of a finite `population` N (Cochran 1977, ch. 4). ValueError for a width not above 0.
    """
    if half_width <= 0 or spread < 0 or deff <= 0:
        raise ValueError("the half-width and the design effect must be above 0, the spread not below it")
    needed = (normal_quantile((1 + LEVEL) / 2) * spread / half_width) ** 2 * deff
    if population is not None:
        needed = needed / (1 + needed / population) if population > 0 else 0.0
    return max(1, math.ceil(round(needed, 9))) if population != 0 else 0


def n_with_machine(half_width: float, spread: float, r: float, population: int | None = None) -> int:
    """As `n_for_interval`, where a machine's scores of all contacts, correlated by `r` with people's, are used as well.

    Prediction-powered, many unlabelled contacts: the spread that remains is spread·√(1 - r²). At least 30 labels, below
    which the machine is not used.
    """
    if not -1 <= r <= 1:
        raise ValueError(f"a correlation of {r} does not lie between -1 and 1")
    plain = n_for_interval(half_width, spread, population)
    return min(plain, max(30, n_for_interval(half_width, spread * math.sqrt(1 - r * r), population)))


def n_to_find(prevalence: float, population: int | None = None, confidence: float = LEVEL) -> int:
    """Contacts of a random sample that hold at least one error of this `prevalence` (0-1) with `confidence` (0-1).

    ln(1 - confidence) / ln(1 - prevalence), 99 for 3 % with 95 %; in a finite `population` with ⌈prevalence·N⌉ errors,
    by the hypergeometric distribution. ValueError for shares outside (0, 1).
    """
    if not 0 < prevalence <= 1 or not 0 < confidence < 1:
        raise ValueError("prevalence and confidence must lie between 0 and 1")
    plain = 1 if prevalence == 1 else math.ceil(round(math.log(1 - confidence) / math.log(1 - prevalence), 9))
    if population is None:
        return plain
    errors = math.ceil(round(prevalence * population, 9))
    missed, n = 1.0, 0
    while missed > 1 - confidence and n < population:
        missed *= max(0, population - errors - n) / (population - n)
        n += 1
    return n


def allocate(n: int, sizes: IntArray, spreads: FloatArray | None = None, least: int = 1) -> IntArray:
    """How many of `n` contacts to take from each stratum of `sizes` (H,): Neyman's allocation, or proportional.

    Proportional to size x spread (spreads (H,), one contact's standard deviation; None for equal). Each stratum gets
    `least` where it has them, none more than it has; remainders go to the largest fractions, earlier strata first.
    ValueError for negative sizes.
    """
    if np.any(sizes < 0) or n < 0:
        raise ValueError("a stratum cannot have fewer than no contacts")
    weights: FloatArray = sizes * (np.ones(sizes.size) if spreads is None else np.maximum(spreads, 0))
    if weights.sum() == 0:
        weights = sizes.astype(np.float64)
    taken = np.minimum(sizes, least)
    if taken.sum() > n:
        # Not enough for the least everywhere: the largest weights first.
        first = np.argsort(-weights, kind="stable")
        taken = np.zeros(sizes.size, dtype=np.int64)
        for stratum in first.tolist():
            taken[stratum] = min(int(sizes[stratum]), least, n - int(taken.sum()))
        return taken
    wanted = min(n, int(sizes.sum()))
    while taken.sum() < wanted:
        taken = _topped_up(taken, sizes, weights, wanted)
    return taken.astype(np.int64)


def draw(strata: IntArray, allocation: IntArray, *, graded: IntArray | None = None, seed: int = 0) -> Draw:
    """A simple random sample from each stratum, with inclusion probabilities n_h / N_h.

    `strata` (n,) codes 0..H-1 of all contacts (-1 never drawn), `allocation` (H,). `graded` are rows already graded,
    left out of the drawing and of N_h. Same seed, same sample.
    """
    free = strata >= 0
    if graded is not None:
        free = free.copy()
        free[graded] = False
    rng = np.random.default_rng(seed)
    rows, probabilities = [], []
    for stratum, size in enumerate(allocation.tolist()):
        pool = np.flatnonzero(free & (strata == stratum))
        taken = min(size, pool.size)
        if taken:
            rows.append(rng.choice(pool, taken, replace=False))
            probabilities.append(np.full(taken, taken / pool.size))
    if not rows:
        return Draw(np.zeros(0, dtype=np.int64), np.zeros(0))
    chosen, p = np.concatenate(rows), np.concatenate(probabilities)
    order = np.argsort(chosen)
    return Draw(chosen[order], p[order])


def draw_by_size(sizes: FloatArray, n: int, *, seed: int = 0) -> Draw:
    """Systematic sample with probability proportional to `sizes` (n,), such as P(critical error), contacts shuffled.

    Inclusion probabilities are n·size/Σ sizes, cut at 1; a size of 0 is never drawn, so its error can never be seen:
    give every contact a small size. ValueError for a negative or missing size.
    """
    if not np.all(np.isfinite(sizes) & (sizes >= 0)):
        raise ValueError("a size is negative or missing")
    p = inclusion_probabilities(sizes, n)
    rng = np.random.default_rng(seed)
    order = rng.permutation(sizes.size)
    running = np.cumsum(p[order])
    points = rng.random() + np.arange(round(float(running[-1])) if running.size else 0)
    rows = np.sort(np.unique(order[np.minimum(np.searchsorted(running, points, side="right"), sizes.size - 1)]))
    return Draw(rows.astype(np.int64), p[rows])


def inclusion_probabilities(sizes: FloatArray, n: int) -> FloatArray:
    """min(1, c·size) with c such that they add up to `n` (or to the contacts with a size above 0, if fewer)."""
    n = min(n, int(np.sum(sizes > 0)))
    p = np.zeros(sizes.size)
    certain = np.zeros(sizes.size, dtype=np.bool_)
    while n > certain.sum():
        rest = ~certain
        p = np.where(certain, 1.0, (n - certain.sum()) * sizes / sizes[rest].sum())
        over = rest & (p >= 1 - 1e-12) & (sizes > 0)
        if not over.any():
            return p
        certain |= over
    return np.where(certain, 1.0, 0.0)


def next_agents(labels: IntArray, unlabelled: IntArray, wanted: int) -> IntArray:
    """Labels to add per agent, shape (A,), so that each has `wanted`, as far as it has unlabelled contacts."""
    same_shape(labels=labels, unlabelled=unlabelled)
    return np.minimum(np.maximum(wanted - labels, 0), unlabelled).astype(np.int64)


def _topped_up(taken: IntArray, sizes: IntArray, weights: FloatArray, wanted: int) -> IntArray:
    """One round: what is still to be given, to the strata that have contacts left, towards their wanted shares."""
    room = sizes - taken
    open_ = (room > 0) & (weights > 0)
    if not open_.any():
        open_ = room > 0
        weights = np.where(open_, 1.0, 0.0)
    left = wanted - int(taken.sum())
    # Towards the allocation of everything given so far, so that the least of small strata is counted in.
    target = (left + taken[open_].sum()) * np.where(open_, weights, 0) / weights[open_].sum()
    gap = np.where(open_, np.maximum(target - taken, 0), 0)
    gap = gap * left / gap.sum() if gap.sum() > 0 else np.where(open_, left / open_.sum(), 0)
    add = np.minimum(np.floor(gap + 1e-9), room).astype(np.int64)
    if add.sum() == 0:
        order = np.lexsort((np.arange(sizes.size), -gap))
        add[[stratum for stratum in order.tolist() if open_[stratum]][:left]] = 1
    result: IntArray = taken + np.minimum(add, room)
    return result
