"""Agents' means made comparable: less what the contacts they were given explain, never what they did themselves.

Slopes come from within agents, so that a queue given to better agents does not look easier than it is (Mundlak 1978).
Adjust for what the agent did not cause: campaign, channel, issue, wait, the customer's opening sentiment; never for
handle time, closing sentiment or resolution, which lie on the way from the agent to the outcome.
"""

from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray
from cxsentiment.stats.estimates import bare, t_interval
from cxsentiment.stats.regression import clustered_regression, products

LEAST_OVERLAP = 0.10


@dataclass(frozen=True, slots=True)
class CaseMix:
    """Raw and adjusted means of the agents `names` (codes), in the unit of the value, and the within-agent `slopes`."""

    names: IntArray
    raw: tuple[Estimate, ...]
    adjusted: tuple[Estimate, ...]
    slopes: tuple[Estimate, ...]


def adjust(y: FloatArray, x: FloatArray, agents: IntArray) -> CaseMix:
    """adj_a = mean of y - g'(mean of x of the agent - mean of x of all), g the within-agent slopes.

    `y` (n,), `x` (n, k) case-mix columns (0/1 columns for categories, one left out), `agents` (n,) codes; contacts
    with a NaN or the code -1 are left out. An agent's interval has the pooled within-agent variance and the slopes'
    uncertainty; no interval where no agent has two contacts.
    """
    found = clustered_regression(y, x, agents, within=True)
    sums = products(y, x, agents)
    means = sums.sums / sums.sizes[:, None]
    k, n = x.shape[1], sums.sizes
    slopes = np.array([slope.value or 0.0 for slope in found.slopes])
    moments = sums.within().sum(axis=0)
    df = float(n.sum()) - n.size - k
    residual = moments[-1, -1] - slopes @ moments[:-1, -1]
    within = max(float(residual), 0.0) / df if df > 0 else 0.0
    raw_within = max(float(moments[-1, -1]), 0.0) / (df + k) if df + k > 0 else 0.0
    shift = means[:, :-1] @ slopes
    uncertainty = np.einsum("ak,kl,al->a", means[:, :-1], found.covariance, means[:, :-1])
    level = sums.centre[-1]
    raw = _each(means[:, -1] + level, raw_within / n, n, "mean", df + k)
    adjusted = _each(
        means[:, -1] + level - shift, within / n + uncertainty, n, "mean adjusted for case mix, within slopes", df
    )
    return CaseMix(sums.names, raw, adjusted, found.slopes)


def overlap(strata: IntArray, agents: IntArray) -> tuple[FloatArray, IntArray]:
    """Share (0-1) of each agent's mix that the other agents' mix covers, and the agents' codes in the same order.

    Σ over strata of the smaller of the two shares. `strata`, `agents` are codes of shape (n,), -1 unknown and left out.
    Below .10 a comparison rests on the model, not on like contacts: warn.
    """
    keep = (strata >= 0) & (agents >= 0)
    names, of = np.unique(agents[keep], return_inverse=True)
    _, stratum = np.unique(strata[keep], return_inverse=True)
    if names.size < 2:
        return np.zeros(names.size), names
    size = int(stratum.max()) + 1
    counts = np.bincount(of * size + stratum, minlength=names.size * size).reshape(names.size, size).astype(np.float64)
    others = counts.sum(axis=0) - counts
    mine = counts / counts.sum(axis=1, keepdims=True)
    shares = np.minimum(mine, others / others.sum(axis=1, keepdims=True)).sum(axis=1)
    return shares, names


def _each(values: FloatArray, variances: FloatArray, n: FloatArray, method: str, df: float) -> tuple[Estimate, ...]:
    return tuple(
        t_interval(float(value), float(variance) ** 0.5, int(size), method, df=max(df, 1.0))
        if variance > 0
        else bare(
            float(value), int(size), method, Reason("no_spread", "no spread within agents, so there is no interval")
        )
        for value, variance, size in zip(values, variances, n, strict=True)
    )
