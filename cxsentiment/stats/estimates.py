"""Making and changing `Estimate`: a value, its 95 % interval, n, the method's name, and a reason where one lacks.

An estimate that cannot be made has the value None and a reason; one whose interval cannot be made keeps its value.
NaN and infinity never leave: `estimated` turns them into a null with a reason.
"""

import math
from dataclasses import replace
from statistics import NormalDist

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate

LEVEL = 0.95
NOT_DETERMINED = Reason("undefined", "the figures given do not determine it")
MIN_CLUSTERS = 8  # the jackknife's coverage was checked from 8 clusters on


def missing(reason: Reason, method: str, n: int = 0) -> Estimate:
    """An estimate that could not be made, with the reason in plain words."""
    return Estimate(None, None, None, n, method, reason)


def bare(value: float, n: int, method: str, reason: Reason) -> Estimate:
    """A value without an interval, with the reason why it has none."""
    return estimated(value, None, None, n, method, reason)


def too_few(count: int, unit: str = "agent", least: int = MIN_CLUSTERS) -> Reason:
    """Why a value whose `count` clusters (agents, customers: the `unit`) are fewer than `least` has no interval."""
    return Reason("too_few", f"too few {unit}s for an interval: {count} of {least}")


def estimated(
    value: float, low: float | None, high: float | None, n: int, method: str, reason: Reason | None = None
) -> Estimate:
    """An estimate; a value that is no finite number becomes a null, an interval that is none is left out."""
    if not math.isfinite(value):
        return missing(reason or NOT_DETERMINED, method, n)
    if low is not None and high is not None and not (math.isfinite(low) and math.isfinite(high)):
        return Estimate(
            value,
            None,
            None,
            n,
            method,
            reason or Reason("undefined", "the figures given do not determine an interval"),
        )
    return Estimate(value, low, high, n, method, reason)


def clipped(estimate: Estimate, lowest: float, highest: float) -> Estimate:
    """The estimate, its interval cut at the ends of the scale, beyond which its value cannot lie."""
    if estimate.low is None or estimate.high is None:
        return estimate
    return replace(estimate, low=max(estimate.low, lowest), high=min(estimate.high, highest))


def because(estimate: Estimate, reason: Reason) -> Estimate:
    """The estimate with one more reason; reasons are joined by a semicolon."""
    return replace(estimate, reason=estimate.reason.joined(reason) if estimate.reason else reason)


def complement(estimate: Estimate) -> Estimate:
    """1 - the estimate of a share (0-1), with the interval turned round."""
    value, low, high = (None if x is None else 1.0 - x for x in (estimate.value, estimate.high, estimate.low))
    return replace(estimate, value=value, low=low, high=high)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """The estimate in another unit: all its numbers times `factor` (above 0)."""
    value, low, high = (None if x is None else x * factor for x in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)


def standard_error(estimate: Estimate) -> float | None:
    """Half the interval's width in units of 1.96, or None where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return None
    return (estimate.high - estimate.low) / (2 * normal_quantile((1 + LEVEL) / 2))


def normal_interval(value: float, standard_error: float, n: int, method: str) -> Estimate:
    """`value` ± 1.96 standard errors."""
    half = normal_quantile((1 + LEVEL) / 2) * standard_error
    return Estimate(value, value - half, value + half, n, method)


def t_interval(
    value: float, standard_error: float, n: int, method: str, *, df: float, level: float = LEVEL
) -> Estimate:
    """`value` ± t(df) standard errors; `level` is the interval's coverage (0-1)."""
    half = t_quantile((1 + level) / 2, df) * standard_error
    return Estimate(value, value - half, value + half, n, method)


def normal_quantile(share: float) -> float:
    """Quantile of the standard normal distribution at `share` (0-1, exclusive)."""
    return NormalDist().inv_cdf(share)


def t_quantile(share: float, df: float) -> float:
    """Quantile of Student's t with `df` degrees of freedom at `share` (0-1)."""
    from scipy.special import stdtrit

    return float(stdtrit(df, share))


def t_two_sided(statistic: float, df: float) -> float:
    """Two-sided p-value of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(df, -abs(statistic)))


def binomial_quantile(share: float, n: int, chance: float) -> int:
    """Smallest number of successes in `n` tries of that chance (0-1) whose cumulative probability reaches `share`."""
    from scipy.special import bdtr, bdtrik  # scipy.stats would take most of a command's start to import

    above: int = max(math.ceil(bdtrik(share, n, chance)), 0)
    return above - 1 if above and bdtr(above - 1, n, chance) >= share else above
