"""Associations by counting pairs: AUC, Somers' D, Kendall's tau-b, Goodman and Kruskal's gamma; and risk differences.

Concordant, discordant and tied pairs are counted once for each contact, with all others and with those of its agent.
Leaving an agent out subtracts its contacts' counts, so the jackknife is exact and costs nothing more.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, group_sums
from cxsentiment.stats.estimates import bare, missing
from cxsentiment.stats.jackknife import (
    ClusteredCorrelation,
    Pairs,
    constant,
    effective_n,
    fisher_jackknife,
    in_blocks,
    known_pairs,
    no_correlation,
    plain_jackknife,
    too_little,
)

Statistic = Literal["auc", "somers_d", "tau_b", "gamma"]
_MOST_LEVELS = 64
_NAMES = {"auc": "AUC", "somers_d": "Somers' D", "tau_b": "Kendall tau-b", "gamma": "Goodman-Kruskal gamma"}


@dataclass(frozen=True, slots=True)
class _Counts:
    """Pairs: concordant, discordant, tied in x, tied in y, all; by contact, cluster or in total."""

    concordant: FloatArray
    discordant: FloatArray
    tied_x: FloatArray
    tied_y: FloatArray
    pairs: FloatArray

    def by(self, of: IntArray, count: int) -> "_Counts":
        columns = (self.concordant, self.discordant, self.tied_x, self.tied_y, self.pairs)
        return _Counts(*group_sums(of, count, *columns).T[1:])

    def times(self, factor: float) -> "_Counts":
        return _Counts(*(factor * getattr(self, name) for name in self.__slots__))

    def plus(self, other: "_Counts", factor: float = 1.0) -> "_Counts":
        return _Counts(*(getattr(self, name) + factor * getattr(other, name) for name in self.__slots__))

    def total(self) -> "_Counts":
        return _Counts(*(getattr(self, name).sum(keepdims=True) for name in self.__slots__))

    def statistic(self, which: Statistic) -> FloatArray:
        """The statistic in -1 to 1 (of the AUC: Somers' D = 2 AUC - 1); NaN where nothing can be compared."""
        surplus = self.concordant - self.discordant
        with np.errstate(divide="ignore", invalid="ignore"):
            if which == "gamma":
                found = surplus / (self.concordant + self.discordant)
            elif which == "tau_b":
                found = surplus / np.sqrt((self.pairs - self.tied_x) * (self.pairs - self.tied_y))
            else:
                found = surplus / (self.pairs - self.tied_y)
        return np.asarray(np.where(np.isfinite(found), np.clip(found, -1.0, 1.0), math.nan))


def clustered_concordance(
    x: FloatArray,
    y: FloatArray,
    clusters: IntArray,
    statistic: Statistic,
    level: Literal["pooled", "within"] = "pooled",
) -> ClusteredCorrelation:
    """AUC (0-1, `y` 0 or 1), Somers' D of x given y, tau-b or gamma (-1 to 1), jackknifed by agent on Fisher's z.

    `pooled` compares all pairs of contacts, `within` only pairs of one agent. Shapes (n,); clusters as in
    `clustered_spearman`. Null where both sides have more than 64 different values; `z` is that of 2·AUC - 1.
    ValueError where the AUC is asked for and `y` has other values than 0 and 1.
    """
    pairs = in_blocks(known_pairs(x, y, clusters))
    name = f"{_NAMES[statistic]}, {level}"
    method = f"{name}, delete-one-agent jackknife"
    if statistic == "auc" and np.any((pairs.y != 0) & (pairs.y != 1)):
        raise ValueError("the AUC needs an outcome of 0 and 1")
    nameless = pairs.nameless
    if nameless and level == "within":
        return no_correlation(Reason("not_named", "no contact names its agent"), name, pairs.x.size, 0)
    if nameless:
        pairs = Pairs(pairs.x, pairs.y, np.zeros(pairs.x.size, dtype=np.int64), np.zeros(1, dtype=np.int64))
    n, count = pairs.x.size, pairs.names.size
    if reason := too_little(n, count, level) or constant(pairs.x, pairs.y, "pooled"):
        return no_correlation(reason, method, n, count)
    counted = _counted(pairs, statistic)
    if counted is None:
        reason = Reason(
            "not_applicable", f"both sides have more than {_MOST_LEVELS} different values; use Spearman's correlation"
        )
        return no_correlation(reason, method, n, count)
    everywhere, own = counted
    whole = everywhere.total().times(0.5)
    without = whole.plus(everywhere, -1).plus(own)
    if level == "within":
        whole, without = own.total(), own.total().plus(own, -1)
    value = float(whole.statistic(statistic)[0])
    if math.isnan(value):
        return no_correlation(
            Reason("constant", "no two contacts that differ on both sides can be compared"), method, n, count
        )
    found = fisher_jackknife(
        value,
        without.statistic(statistic),
        pairs.names,
        n,
        method,
        None if nameless else effective_n(pairs, level),
        what="every pair of contacts agrees",
    )
    if nameless:
        reason = Reason(
            "not_named", "no contact names its agent, so an interval cannot allow for contacts of one agent being alike"
        )
        found = no_correlation(reason, name, n, 0)
        found = ClusteredCorrelation(Estimate(value, None, None, n, name, reason), 0, None, None, {}, float(n))
    return _as_auc(found) if statistic == "auc" else found


def risk_difference(x: FloatArray, top: FloatArray, clusters: IntArray) -> Estimate:
    """Share of `top` (0 or 1) among contacts with a high `x` less that among those with a low one (-1 to 1).

    High and low are the upper and lower quarter; of a feature with two values, the one and the other. Jackknifed by
    agent, the quarters kept. Shapes (n,).
    """
    pairs = in_blocks(known_pairs(x, top, clusters))
    method = "risk difference, upper less lower quarter, delete-one-agent jackknife"
    n, count = pairs.x.size, pairs.names.size
    if n == 0 or np.ptp(pairs.x) == 0:
        return missing(
            Reason("constant", "the feature is the same in all contacts")
            if n
            else Reason("nothing_to_count", "no contact has both values"),
            method,
            n,
        )
    distinct = np.unique(pairs.x)
    low, high = (distinct[0], distinct[1]) if distinct.size == 2 else np.quantile(pairs.x, [0.25, 0.75])
    if low == high:
        return missing(
            Reason("no_spread", "more than half of the contacts share one value, so there are no quarters to compare"),
            method,
            n,
        )
    upper, lower = (pairs.x >= high).astype(np.float64), (pairs.x <= low).astype(np.float64)
    if pairs.nameless:
        value = float(upper @ pairs.y / upper.sum() - lower @ pairs.y / lower.sum())
        return bare(value, n, method, Reason("not_named", "no contact names its agent, so there is no interval"))
    sums = group_sums(pairs.of, count, upper, upper * pairs.y, lower, lower * pairs.y)[:, 1:]
    total = sums.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        left = total - sums
        without = left[:, 1] / left[:, 0] - left[:, 3] / left[:, 2]
    value = float(total[1] / total[0] - total[3] / total[2])
    return plain_jackknife(value, without, n, method)[0]


def _as_auc(found: ClusteredCorrelation) -> ClusteredCorrelation:
    estimate = found.estimate
    value, low, high = (None if d is None else (d + 1) / 2 for d in (estimate.value, estimate.low, estimate.high))
    halved = Estimate(value, low, high, estimate.n, estimate.method, estimate.reason)
    return ClusteredCorrelation(halved, found.clusters, found.p, found.z, found.z_without, found.effective_n)


def _counted(pairs: Pairs, statistic: Statistic) -> tuple[_Counts, _Counts] | None:
    """Counts of each cluster's contacts with all contacts, and of the pairs inside each cluster."""
    x, x_size = _distinct(pairs.x)
    y, y_size = _distinct(pairs.y)
    swapped = y_size > _MOST_LEVELS
    if swapped:
        x, x_size, y, y_size = y, y_size, x, x_size
    if y_size > _MOST_LEVELS or (swapped and statistic in {"auc", "somers_d"}):
        return None
    count = pairs.names.size
    everywhere = _pairs(np.zeros(x.size, dtype=np.int64), x, y, y_size).by(pairs.of, count)
    own = _pairs(pairs.of, x, y, y_size).by(pairs.of, count).times(0.5)
    return everywhere, own


def _distinct(values: FloatArray) -> tuple[IntArray, int]:
    distinct, place = np.unique(values, return_inverse=True)
    return place.astype(np.int64), distinct.size


def _pairs(segment: IntArray, x: IntArray, y: IntArray, levels: int) -> _Counts:
    """For each contact: its pairs with the other contacts of its segment, by kind."""
    key = segment * (int(x.max()) + 1) + x
    _, row = np.unique(key, return_inverse=True)
    rows = int(row.max()) + 1
    at = np.bincount(row * levels + y, minlength=rows * levels).reshape(rows, levels)
    segment_of_row = np.zeros(rows, dtype=np.int64)
    segment_of_row[row] = segment
    first = np.searchsorted(segment_of_row, segment_of_row)  # rows are ordered by segment, then by x
    running = np.cumsum(at, axis=0)
    before = running - at
    below = before - before[first]
    of_segment = np.zeros((int(segment.max()) + 1, levels), dtype=np.int64)
    np.add.at(of_segment, segment_of_row, at)
    above = of_segment[segment_of_row] - below - at
    lower, higher = np.cumsum(below, axis=1) - below, np.cumsum(above[:, ::-1], axis=1)[:, ::-1] - above
    concordant = (lower + higher)[row, y]
    lower, higher = np.cumsum(above, axis=1) - above, np.cumsum(below[:, ::-1], axis=1)[:, ::-1] - below
    discordant = (lower + higher)[row, y]
    totals = of_segment.sum(axis=1)
    columns = (concordant, discordant, at.sum(axis=1)[row] - 1, of_segment[segment, y] - 1, totals[segment] - 1)
    return _Counts(*(column.astype(np.float64) for column in columns))
