"""Means and medians with their intervals. Missing values are NaN and are left out, never counted as zero."""

import math

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, compact
from cxsentiment.stats.estimates import LEVEL, MIN_CLUSTERS, bare, binomial_quantile, missing, t_interval, too_few

_ONE_VALUE = Reason("too_few", "one value has no spread, so there is no interval")


def mean_t_interval(values: FloatArray) -> Estimate:
    """Mean with Student's t interval; the values count as independent."""
    method = "mean, t interval"
    x = values[~np.isnan(values)]
    n = x.size
    if n == 0:
        return missing(Reason("nothing_to_count", "no values"), method)
    mean = float(x.mean())
    if n == 1:
        return bare(mean, 1, method, _ONE_VALUE)
    if np.ptp(x) == 0:
        return bare(mean, n, method, _all_equal(n))
    return t_interval(mean, float(x.std(ddof=1)) / math.sqrt(n), n, method, df=n - 1)


def mean_difference(values: FloatArray, others: FloatArray) -> Estimate:
    """Mean of `values` less that of `others`, with Welch's interval (1947); all count as independent, n counts both."""
    method = "difference of means, Welch interval"
    x, y = values[~np.isnan(values)], others[~np.isnan(others)]
    n = x.size + y.size
    if x.size == 0 or y.size == 0:
        return missing(Reason("nothing_to_count", "one of the two has no values"), method, n)
    difference = float(x.mean() - y.mean())
    if min(x.size, y.size) < 2:
        return bare(difference, n, method, _ONE_VALUE)
    parts = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
    if sum(parts) == 0:
        return bare(difference, n, method, Reason("constant", "neither varies, so their spread gives no interval"))
    df = sum(parts) ** 2 / (parts[0] ** 2 / (x.size - 1) + parts[1] ** 2 / (y.size - 1))
    return t_interval(difference, math.sqrt(sum(parts)), n, method, df=df)


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
        return missing(Reason("nothing_to_count", "no values"), method)
    mean = float(x.mean())
    of, names = compact(clusters[keep])
    count = names.size
    if count < max(least, 2):
        return bare(mean, n, method, too_few(count, unit, max(least, 2)))
    if np.ptp(x) == 0:
        return bare(mean, n, method, _all_equal(n))
    residuals = np.bincount(of, weights=x - mean)
    variance = float(residuals @ residuals) * count / (count - 1) / n**2
    return t_interval(mean, math.sqrt(variance), n, method, df=count - 1)


def mean_of_contacts(values: FloatArray, agents: IntArray) -> Estimate:
    """Mean of a value of contacts; the interval allows for contacts of one agent being alike.

    `agents` are codes, -1 where a contact names none: those count as one agent.
    """
    return mean_t_interval(values) if of_one_agent(agents) else clustered_mean(values, agents)


def of_one_agent(agents: IntArray) -> bool:
    """Whether all contacts are one known agent's: then they are independent of each other, given who served them."""
    return bool(agents.size) and bool(agents[0] >= 0) and bool(np.all(agents == agents[0]))


def median_interval(values: FloatArray) -> Estimate:
    """Median with the interval between two order statistics (exact binomial, at least 95 %; Conover 1999, ch. 3.2)."""
    method = "median, order-statistic interval"
    x = np.sort(values[~np.isnan(values)])
    n = x.size
    if n == 0:
        return missing(Reason("nothing_to_count", "no values"), method)
    median = float(np.median(x))
    rank = binomial_quantile((1 - LEVEL) / 2, n, 0.5)
    if rank < 1:
        return bare(median, n, method, Reason("too_few", f"{n} values are too few for an interval; 6 are needed"))
    return Estimate(median, float(x[rank - 1]), float(x[n - rank]), n, method)


def _all_equal(n: int) -> Reason:
    return Reason("constant", f"all {n} values are equal, so their spread gives no interval")
