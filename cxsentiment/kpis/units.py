"""What all indicators share: the unit of shares, keys made of names, reasons, and percentiles with their interval."""

import re
from dataclasses import replace

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray
from cxsentiment.stats.estimates import LEVEL, binomial_quantile, missing

PERCENT = "%"


def because(estimate: Estimate, reason: Reason) -> Estimate:
    """The estimate, with `reason` where it has no value."""
    return replace(estimate, reason=reason) if estimate.value is None else estimate


def key_of(name: str) -> str:
    """An indicator's name as files write it: `CSAT, satisfied customers` is `csat_satisfied_customers`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def percentile_interval(values: FloatArray, share: float) -> Estimate:
    """The quantile at `share` (0-1, exclusive), NaN left out, with the interval between two order statistics.

    Ranks l and u are such that P(l <= K < u) >= 95 % for K binomial(n, share) (Conover 1999, ch. 3.2); where the sample
    is too small for an upper or lower rank there is no interval.
    """
    method = f"{100 * share:g}th percentile, order-statistic interval"
    x = np.sort(values[~np.isnan(values)])
    if x.size == 0:
        return missing(Reason("nothing_to_count", "no values"), method)
    value = float(np.quantile(x, share))
    low = binomial_quantile((1 - LEVEL) / 2, x.size, share)
    high = binomial_quantile((1 + LEVEL) / 2, x.size, share) + 1
    if low < 1 or high > x.size:
        return Estimate(
            value, None, None, x.size, method, Reason("too_few", f"{x.size} values are too few for an interval")
        )
    return Estimate(value, min(value, float(x[low - 1])), max(value, float(x[high - 1])), x.size, method)
