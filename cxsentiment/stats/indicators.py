"""Formulas of contact-centre indicators: numbers in, `Estimate` out. `cxsentiment.kpis` names them for a report."""

import math
from dataclasses import dataclass, replace

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, same_shape
from cxsentiment.stats.estimates import clipped, missing, normal_interval
from cxsentiment.stats.means import mean_t_interval
from cxsentiment.stats.rates import wilson_interval

_PROMOTER, _DETRACTOR = 9, 6
_DAY, _HOUR = 86_400.0, 3600.0


@dataclass(frozen=True, slots=True)
class Resolution:
    """A share of episodes (0-1) that were resolved at first contact, or in time; per episode, in the order of `first`,
    the row of its first contact and whether it was (1, 0); counts of episodes left out as too late to tell, and of
    contacts without a customer.
    """

    share: Estimate
    first: IntArray
    resolved: FloatArray
    censored: int
    nameless: int


def net_promoter(scores: FloatArray) -> Estimate:
    """NPS (-100 to 100) of answers 0-10, NaN left out: 100(P - D), SE 100·√((P + D - (P-D)²)/n).

    ValueError for an answer outside 0-10.
    """
    method = "100 (promoters - detractors) / answers, normal interval"
    given = scores[~np.isnan(scores)]
    n = given.size
    if np.any((given < 0) | (given > 10)):
        raise ValueError("an answer lies outside 0-10")
    if n == 0:
        return missing(Reason("no_answers", "no answers"), method)
    p, d = float(np.mean(given >= _PROMOTER)), float(np.mean(given <= _DETRACTOR))
    value = 100 * (p - d)
    variance = p + d - (p - d) ** 2
    if variance <= 1e-12:
        reason = Reason("constant", f"all {n} answers fall into one group, so their spread gives no interval")
        return Estimate(value, None, None, n, method, reason)
    return clipped(normal_interval(value, 100 * math.sqrt(variance / n), n, method), -100.0, 100.0)


def top_share(answers: FloatArray, least: float) -> Estimate:
    """Share (0-1) of answers of at least `least`, NaN left out, with Wilson's interval; in the unit of the scale."""
    given = answers[~np.isnan(answers)]
    return wilson_interval(int(np.sum(given >= least)), given.size)


def mean_percent(answers: FloatArray, highest: float) -> Estimate:
    """100 · mean / highest answer (0-100), NaN left out, with Student's t interval. ValueError for highest <= 0."""
    if highest <= 0:
        raise ValueError("the highest answer must be above 0")
    return clipped(mean_t_interval(answers * 100 / highest), 0.0, 100.0)


def first_contact_resolution(
    customers: IntArray,
    started: FloatArray,
    until: float,
    *,
    issues: IntArray | None = None,
    window_days: float = 7.0,
) -> Resolution:
    """Episodes with no further contact of the customer within the window / episodes.

    `customers` (n,) codes (-1 unknown: counted, left out), `started` (n,) and `until` (end of the data) in seconds of
    UTC, so that neither time zones nor the change of clocks shift the window; `issues` (n,) codes, where known, part a
    customer's contacts. An episode is a run of contacts each within `window_days` of the one before. It is counted if
    it began at least a window before `until`: of later ones nobody can tell yet. Episodes belong to the agent of their
    first contact. Contacts count as independent in the interval. ValueError for a start after `until` or missing.
    """
    same_shape(customers=customers, started=started)
    method = f"episodes of one contact / episodes, window {window_days:g} d, Wilson interval"
    if np.any(~np.isfinite(started)) or np.any(started > until):
        raise ValueError("a contact has no start, or one after the end of the data")
    known = np.flatnonzero(customers >= 0)
    nameless = customers.size - known.size
    if known.size == 0:
        return Resolution(
            missing(Reason("not_named", "no contact names its customer"), method), known, np.zeros(0), 0, nameless
        )
    order, begins = _episodes(customers, started, issues, known, window_days)
    lone = begins & np.concatenate([begins[1:], [True]])
    old = started[order] <= until - window_days * _DAY
    first, resolved = order[begins & old], lone[begins & old].astype(np.float64)
    censored = int(np.sum(begins & ~old))
    return _resolution(first, resolved, method, censored, nameless, "whether the customer came back")


def resolution_in_time(
    customers: IntArray,
    started: FloatArray,
    ended: FloatArray,
    solved: FloatArray,
    until: float,
    within_s: float,
    *,
    issues: IntArray | None = None,
    window_days: float = 7.0,
) -> Resolution:
    """Episodes whose first solving contact ended within `within_s` seconds of the episode's start / episodes.

    Episodes are those of `first_contact_resolution`. `ended` (n,) are seconds of UTC, NaN where not known; `solved`
    (n,) 1 where the contact solved the matter, 0 where not, NaN where nobody says. An episode of which nobody says
    whether it was solved, or which may have been by a contact without a known end, is left out; so is one that began
    less than `within_s` before `until`.
    """
    same_shape(customers=customers, started=started, ended=ended, solved=solved)
    method = f"episodes resolved within {within_s / _HOUR:g} h / episodes, Wilson interval"
    known = np.flatnonzero(customers >= 0)
    nameless = customers.size - known.size
    if known.size == 0:
        return Resolution(
            missing(Reason("not_named", "no contact names its customer"), method), known, np.zeros(0), 0, nameless
        )
    order, begins = _episodes(customers, started, issues, known, window_days)
    of, first = np.cumsum(begins) - 1, order[begins]
    says = np.bincount(of, weights=~np.isnan(solved[order])) > 0
    solving, end = solved[order] == 1, ended[order]
    done = np.full(first.size, np.inf)
    np.minimum.at(done, of, np.where(solving & ~np.isnan(end), end, np.inf))
    undated = np.bincount(of, weights=solving & np.isnan(end)) > 0
    in_time = done - started[first] <= within_s
    usable = says & (in_time | ~undated)
    old = started[first] <= until - within_s
    kept = usable & old
    return _resolution(
        first[kept],
        in_time[kept].astype(np.float64),
        method,
        int(np.sum(usable & ~old)),
        nameless,
        "whether it was resolved in time",
    )


def _episodes(
    customers: IntArray, started: FloatArray, issues: IntArray | None, known: IntArray, window_days: float
) -> tuple[IntArray, BoolArray]:
    """The known contacts by customer, issue and start, and whether each begins an episode."""
    issue = np.zeros(customers.size, dtype=np.int64) if issues is None else issues
    order = known[np.lexsort((known, started[known], issue[known], customers[known]))]
    gap = np.diff(started[order])
    same = (np.diff(customers[order]) == 0) & (np.diff(issue[order]) == 0) & (gap <= window_days * _DAY)
    return order, np.concatenate([[True], ~same])


def _resolution(
    first: IntArray, resolved: FloatArray, method: str, censored: int, nameless: int, what: str
) -> Resolution:
    if first.size:
        share = replace(wilson_interval(int(resolved.sum()), first.size), method=method)
    elif censored:
        share = missing(Reason("censored", f"every episode began too late to tell {what}"), method)
    else:
        share = missing(Reason("nothing_to_count", f"no episode says {what}"), method)
    in_time = np.argsort(first)
    return Resolution(share, first[in_time], resolved[in_time], censored, nameless)


def service_level(waits: FloatArray, abandoned: FloatArray, within_s: float, early_s: float = 0.0) -> Estimate:
    """Answered within `within_s` seconds / (offered - abandoned within `early_s`), 0-1, with Wilson's interval.

    Shapes (n,): the wait until answered or abandoned in seconds, and 1 where abandoned; NaN leaves the contact out.
    """
    wait, gone, early = _offered(waits, abandoned, early_s)
    return wilson_interval(int(np.sum(~gone & (wait <= within_s))), int(np.sum(~early)))


def abandonment(waits: FloatArray, abandoned: FloatArray, early_s: float = 0.0) -> Estimate:
    """Abandoned after more than `early_s` seconds / (offered - abandoned within `early_s`), 0-1; as `service_level`."""
    _, gone, early = _offered(waits, abandoned, early_s)
    return wilson_interval(int(np.sum(gone & ~early)), int(np.sum(~early)))


def retention(at_start: int, at_end: int, gained: int) -> Estimate:
    """(customers at the end - new ones) / customers at the start, 0-1, with Wilson's interval.

    ValueError where more are left of the customers at the start than there were, or fewer than none.
    """
    method = "(end - new) / start, Wilson interval"
    if at_start < 0 or not 0 <= at_end - gained <= at_start:
        raise ValueError("customers at the end less new ones must lie between 0 and the customers at the start")
    found = wilson_interval(at_end - gained, at_start)
    reason = Reason("nothing_to_count", "no customers at the start") if at_start == 0 else None
    return Estimate(found.value, found.low, found.high, found.n, method, reason)


def churn(at_start: int, lost: int) -> Estimate:
    """Customers lost / customers at the start, 0-1, with Wilson's interval. ValueError for more lost than there were.

    Lost ones must be of those at the start.
    """
    found = wilson_interval(lost, at_start)
    reason = Reason("nothing_to_count", "no customers at the start") if at_start == 0 else None
    return Estimate(found.value, found.low, found.high, found.n, "lost / start, Wilson interval", reason)


def lifetime_value(margin: float, retention: float, discount: float) -> float:
    """margin · r / (1 + d - r), in the margin's currency; margin, retention r and discount rate d are per period.

    ValueError for a retention outside 0-1 or a discount rate that makes it endless (1 + d <= r).
    """
    if not 0 <= retention <= 1 or 1 + discount <= retention:
        raise ValueError("retention must lie in 0-1 and below 1 + the discount rate")
    return margin * retention / (1 + discount - retention)


def scale_score(points: FloatArray, weights: FloatArray) -> tuple[float | None, float]:
    """Weighted share of points (0-100) of the items that applied (NaN did not), and their share of the weight (0-1).

    None where no item applied: never 0 and never 100. ValueError for weights not above 0.
    """
    same_shape(points=points, weights=weights)
    if np.any(weights <= 0):
        raise ValueError("an item's weight must be above 0")
    applied = ~np.isnan(points)
    if not applied.any():
        return None, 0.0
    return 100 * float(points[applied] @ weights[applied] / weights[applied].sum()), float(
        weights[applied].sum() / weights.sum()
    )


def _offered(waits: FloatArray, abandoned: FloatArray, early_s: float) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Of the contacts known: the wait, whether abandoned, and whether so early that it does not count as offered."""
    same_shape(waits=waits, abandoned=abandoned)
    known = ~(np.isnan(waits) | np.isnan(abandoned))
    wait, gone = waits[known], abandoned[known] > 0
    if np.any(wait < 0):
        raise ValueError("a wait is below 0 seconds")
    return wait, gone, gone & (wait <= early_s)
