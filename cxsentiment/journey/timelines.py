"""Customers with several contacts: how they come back, and the course of the longest of them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.page_schema import Touchpoint
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.starts import Starts, day_name
from cxsentiment.stats.arrays import codes, floats
from cxsentiment.stats.estimates import missing
from cxsentiment.stats.means import clustered_mean, median_interval
from cxsentiment.stats.rates import wilson_interval

MOST, LONGEST = 5, 12
"""Customers whose contacts are listed, and of each the latest contacts at most."""
_DAY_S = 86_400.0
_SOON_DAYS = 7


@dataclass(frozen=True, slots=True)
class Returns:
    """Customers with a known start, those of them with several contacts, and steps from one contact to the next.

    `soon` is the share (0-1) of contacts after which the customer came back within seven days, `gap_days` the median
    gap, `end` the mood (-1 to 1) with which a contact ended that was followed by another, `next_start` that with which
    the next began, and `other_channel` the share of steps that changed the channel.
    """

    customers: int
    several: int
    steps: int
    soon: Estimate
    gap_days: Estimate
    end: Estimate
    next_start: Estimate
    other_channel: Estimate


def returns(contacts: pa.Table, times: Starts) -> tuple[Returns | None, tuple[Touchpoint, ...]]:
    """What is known of customers who come back; None where no contact names a customer and has a start.

    The listed customers are the five with most contacts; of equals, those whose moods were lowest.
    """
    of, names = codes(contacts["customer_id"])
    rows = np.flatnonzero((of >= 0) & ~np.isnan(times.at))
    if rows.size == 0:
        return None, ()
    rows = rows[np.lexsort((rows, times.at[rows], of[rows]))]
    who, at = of[rows], times.at[rows]
    step = np.flatnonzero(who[1:] == who[:-1])
    sizes = np.bincount(who)
    start, end = floats(contacts["sentiment_start"])[rows], floats(contacts["sentiment_end"])[rows]
    channel, _ = codes(contacts["channel"])
    gaps = (at[step + 1] - at[step]) / _DAY_S
    # A contact of the last days may still be followed by another: nobody can tell yet.
    old = np.flatnonzero(at <= at.max() - _SOON_DAYS * _DAY_S)
    soon = np.isin(old, step[gaps <= _SOON_DAYS])
    changed = channel[rows][step] != channel[rows][step + 1]
    told = Returns(
        int(np.unique(who).size),
        int(np.sum(sizes > 1)),
        int(step.size),
        wilson_interval(int(soon.sum()), int(soon.size)),
        median_interval(gaps)
        if step.size
        else missing(Reason("nothing_to_count", "nobody came back"), "median, order-statistic interval"),
        clustered_mean(end[step], who[step], unit="customer"),
        clustered_mean(start[step + 1], who[step], unit="customer"),
        wilson_interval(int(changed.sum()), int(step.size)),
    )
    lowest = np.full(len(names), np.inf)
    np.minimum.at(lowest, who, np.nan_to_num(end, nan=1.0))
    longest = [k for k in np.lexsort((lowest[: sizes.size], -sizes)).tolist() if sizes[k] > 1][:MOST]
    listed = [
        _touchpoint(contacts, int(row), names[k], place, times)
        for k in longest
        for place, row in list(enumerate(rows[who == k].tolist(), start=1))[-LONGEST:]
    ]
    return told, tuple(listed)


def _touchpoint(contacts: pa.Table, row: int, customer: str, place: int, times: Starts) -> Touchpoint:
    one = contacts.slice(row, 1).to_pylist()[0]
    return Touchpoint(
        customer,
        place,
        one["contact_id"],
        day_name(int(times.day[row])),
        one["channel"],
        one["queue"],
        one["sentiment_start"],
        one["sentiment_end"],
        one["score"],
        one["csat"],
    )
