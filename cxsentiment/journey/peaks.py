"""The emotional peaks and troughs of contacts: where they lie, and what agents did just before them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.journey.stages import PRESENT, STAGES, Course
from cxsentiment.journey.valence import ALL, channels_of
from cxsentiment.schema import ACTS, Estimate
from cxsentiment.stats.arrays import BoolArray, IntArray, codes
from cxsentiment.stats.estimates import clipped
from cxsentiment.stats.means import clustered_mean
from cxsentiment.stats.rates import share_difference, wilson_interval

LEAST_TURNS = 4
"""Scored customer turns that a contact needs to have a peak and a trough."""
LEAST_CONTACTS = 10
"""Contacts with, and without, a trough to which an item must apply to be compared."""


@dataclass(frozen=True, slots=True)
class StageMood:
    """Customers' words in one stage, of one channel or of all: the mean valence (-1 to 1), and the shares (0-1) of all
    troughs, and of all peaks, that lie in it. The n of a share counts contacts that have one.
    """

    channel: str
    stage: str
    valence: Estimate
    troughs: Estimate
    peaks: Estimate


@dataclass(frozen=True, slots=True)
class ActBefore:
    """How often (0-1) an act stands in the agent's turn just before a trough (or peak), and before all other customer
    turns; `difference` is the first less the second.
    """

    at: str
    act: str
    before: Estimate
    elsewhere: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class ItemAround:
    """How often (0-1) an item is met in contacts with a trough, and in those that could have one and have none."""

    item: str
    with_trough: Estimate
    without: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Extremes:
    """The rows of `Course` where a contact's customer is lowest and is negative, and highest and is positive."""

    troughs: IntArray
    peaks: IntArray
    measured: IntArray  # the codes of contacts that have enough customer turns


def extremes(course: Course) -> Extremes:
    """At most one trough and one peak of a contact: its first lowest and its last highest customer turn.

    A contact of fewer than four scored customer turns has neither; the turn must read as negative, or positive.
    """
    rows = np.flatnonzero(~np.isnan(course.valence))
    counts = np.bincount(course.contact[rows], minlength=len(course.contacts))
    rows = rows[counts[course.contact[rows]] >= LEAST_TURNS]
    valence, contact = course.valence[rows], course.contact[rows]
    low = rows[np.lexsort((rows, valence, contact))]
    high = rows[np.lexsort((-rows, -valence, contact))]
    first = np.unique(contact, return_index=True)[1]
    troughs, peaks = low[first], high[first]
    return Extremes(
        np.sort(troughs[course.column("p_negative")[troughs] >= PRESENT]),
        np.sort(peaks[course.column("p_positive")[peaks] >= PRESENT]),
        np.unique(contact),
    )


def stage_moods(course: Course, found: Extremes, contacts: pa.Table) -> tuple[StageMood, ...]:
    """The stages of all channels together, then of each channel by name."""
    channel_of, names = channels_of(contacts, course.contacts)
    rows = []
    for code, name in [(-1, ALL), *enumerate(names)] if len(names) != 1 else [(-1, ALL)]:
        own = np.ones(course.contact.size, dtype=bool) if code < 0 else channel_of[course.contact] == code
        rows += [_stage(course, found, own, name, number) for number in range(len(STAGES))]
    return tuple(rows)


def _stage(course: Course, found: Extremes, own: BoolArray, channel: str, number: int) -> StageMood:
    here = own & (course.stage == number)
    mood = clustered_mean(course.valence[here], course.contact[here], least=2, unit="contact")
    shares = []
    for rows in (found.troughs, found.peaks):
        mine = rows[own[rows]]
        shares.append(wilson_interval(int(np.sum(course.stage[mine] == number)), mine.size))
    return StageMood(channel, STAGES[number], clipped(mood, -1.0, 1.0), shares[0], shares[1])


def acts_before(course: Course, found: Extremes) -> tuple[ActBefore, ...]:
    """Each act in the agent's turn just before troughs and before peaks, the largest difference first.

    Acts that stand before none of either are left out. One contact's turns count as independent: an interval that just
    misses 0 is no finding.
    """
    customer = np.flatnonzero(~np.isnan(course.valence))
    previous = course.before(course.is_agent)
    rows = []
    for name, places in (("trough", found.troughs), ("peak", found.peaks)):
        at = np.isin(customer, places)
        before = previous[customer]
        for act in ACTS:
            here = course.has(act)
            known = before >= 0
            own, rest = here[before[known & at]], here[before[known & ~at]]
            if not own.size or not (own.any() or rest.any()):
                continue
            counts = int(own.sum()), own.size, int(rest.sum()), rest.size
            rows.append(
                ActBefore(
                    name,
                    act,
                    wilson_interval(*counts[:2]),
                    wilson_interval(*counts[2:]),
                    share_difference(*counts),
                )
            )
    return tuple(sorted(rows, key=lambda row: (row.at != "trough", -abs(row.difference.value or 0.0), row.act)))


def items_around(course: Course, found: Extremes, items: pa.Table) -> tuple[ItemAround, ...]:
    """Each item's share in contacts with a trough and without one, the largest difference first.

    Fewer than ten contacts on either side are not compared. Items that apply only where a customer is negative are met
    or missed because of it: read the difference so.
    """
    place = {name: code for code, name in enumerate(course.contacts)}
    of, names = codes(items["contact_id"])
    contact = np.array([place.get(name, -1) for name in names], dtype=np.int64)[of]
    item, kinds = codes(items["item"])
    verdict, verdicts = codes(items["verdict"])
    said = np.array(verdicts, dtype=np.object_)[verdict] if verdicts else np.zeros(0, dtype=np.object_)
    low = np.isin(contact, course.contact[found.troughs])
    measured = np.isin(contact, found.measured)
    rows = []
    for code, name in enumerate(kinds):
        own = measured & (item == code) & np.isin(said, ("met", "not_met"))
        counts = [
            count for part in (own & low, own & ~low) for count in (int(np.sum(said[part] == "met")), int(part.sum()))
        ]
        if min(counts[1], counts[3]) >= LEAST_CONTACTS:
            shares = wilson_interval(*counts[:2]), wilson_interval(*counts[2:])
            rows.append(ItemAround(name, *shares, share_difference(*counts)))
    return tuple(sorted(rows, key=lambda row: (-abs(row.difference.value or 0.0), row.item)))
