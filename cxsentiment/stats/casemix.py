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
from cxsentiment.stats.estimates import bare, missing, t_interval
from cxsentiment.stats.jackknife import plain_jackknife
from cxsentiment.stats.regression import clustered_regression, column_scale, products, solve

LEAST_OVERLAP = 0.10
MIN_AGENTS = 10


@dataclass(frozen=True, slots=True)
class CaseMix:
    """Raw and adjusted means of the agents `names` (codes), in the unit of the value; the within-agent `slopes`; and
    `contextual`, between less within slopes: where it is not 0, the mix is not given to agents at random.
    """

    names: IntArray
    raw: tuple[Estimate, ...]
    adjusted: tuple[Estimate, ...]
    slopes: tuple[Estimate, ...]
    contextual: tuple[Estimate, ...]


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
    return CaseMix(sums.names, raw, adjusted, found.slopes, _contextual(y, x, agents))


def _contextual(y: FloatArray, x: FloatArray, agents: IntArray) -> tuple[Estimate, ...]:
    """Between less within slope of each column, jackknifed by agent."""
    method = "between - within slope (Mundlak), delete-one-agent jackknife"
    sums = products(y, x, agents)
    k, count = x.shape[1], sums.names.size
    if count < max(MIN_AGENTS, k + 2):
        reason = Reason("too_few", f"too few agents to compare them: {count} of {max(MIN_AGENTS, k + 2)}")
        return tuple(missing(reason, method, int(sums.sizes.sum())) for _ in range(int(k)))
    inside, across = sums.within(), sums.between()
    totals, rest = sums.sums.sum(axis=0), sums.sizes.sum() - sums.sizes
    left = totals - sums.sums
    without = across.sum(axis=0) - across - np.einsum("ck,cl->ckl", left, left) / rest[:, None, None]
    scale_in, scale_across = column_scale(inside.sum(axis=0)), column_scale(across.sum(axis=0))
    difference: FloatArray = solve(across.sum(axis=0), scale_across) - solve(inside.sum(axis=0), scale_in)
    each = solve(without, scale_across) - solve(inside.sum(axis=0) - inside, scale_in)
    n = int(sums.sizes.sum())
    return tuple(plain_jackknife(float(difference[i]), each[:, i], n, method)[0] for i in range(int(k)))


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
