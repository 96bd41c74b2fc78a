"""What is compared between shifts, sites and days: the score and the scorecard's items, contact by contact."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.reasons import Reason
from cxsentiment.slices import Shift, slices
from cxsentiment.starts import Starts
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats, tally

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOURS, _BUSIEST = 24, 6
_SMALLEST_LEVEL, _MOST_LEVELS = 20, 12
# A queue is of one channel, so adjusting for it would take the channel itself away.
_OWN = {"channel": ("channel", "queue")}


@dataclass(frozen=True, slots=True)
class Measure:
    """A value of each contact, shape (n,), NaN where it has none: the score 0-100, or an item 100 (met) or 0."""

    name: str
    value: FloatArray


@dataclass(frozen=True, slots=True)
class Factor:
    """The group of each contact: `of` (n,) codes into `groups`, -1 where not known; `reason` where there are no two."""

    name: str
    of: IntArray
    groups: tuple[str, ...]
    reason: Reason | None = None
    note: str = ""


def measures(contacts: pa.Table, verdicts: pa.Table) -> tuple[Measure, ...]:
    """The score, then each item of the table by name."""
    found = [Measure("score", floats(contacts["score"]))]
    item_of, names = codes(verdicts["item"])
    at = pc.index_in(verdicts["contact_id"].combine_chunks(), value_set=contacts["contact_id"].combine_chunks())
    place = np.asarray(pc.fill_null(at, -1), dtype=np.int64)
    met = np.asarray(pc.equal(verdicts["verdict"], "met"))
    judged = (met | np.asarray(pc.equal(verdicts["verdict"], "not_met"))) & (place >= 0)
    for code, name in enumerate(names):
        own = judged & (item_of == code)
        value = np.full(contacts.num_rows, np.nan)
        value[place[own]] = 100.0 * met[own]
        found.append(Measure(f"item:{name}", value))
    return tuple(found)


def factors(
    contacts: pa.Table,
    times: Starts,
    offered_hours: IntArray,
    shifts: Sequence[Shift] = (),
    peak: Sequence[int] | None = None,
) -> tuple[Factor, ...]:
    """Shift, peak hours, site, channel and weekday of each contact.

    `offered_hours` are the hours of the day (0-23, -1 unknown) of all contacts, also those only a log has; `peak` the
    hours declared as peak, else the six with most contacts.
    """
    found = []
    for way in ("shift", "site", "channel"):
        split = slices(contacts, way, times, shifts)
        found.append(_factor(way, split.of, split.names))
    found.insert(1, _peak(times, offered_hours, peak))
    return (*found, _factor("weekday", times.weekday, WEEKDAYS))


def case_mix(contacts: pa.Table, factor: str) -> FloatArray:
    """Columns (n, k) of what the agent did not cause: campaign, channel, queue, and the customer's opening sentiment.

    Those that stand for the factor itself are left out. A contact without an opening sentiment (too few turns) gets the
    mean, and a column that says so.
    """
    columns: list[FloatArray] = []
    for name in ("campaign", "channel", "queue"):
        if name not in _OWN.get(factor, ()):
            columns += _levels(contacts[name])
    opening = floats(contacts["sentiment_start"])
    unknown = np.isnan(opening)
    if not unknown.all():
        columns.append(np.where(unknown, float(np.nanmean(opening)), opening))
        if unknown.any():
            columns.append(unknown.astype(np.float64))
    return np.stack(columns, axis=1) if columns else np.zeros((contacts.num_rows, 0))


def _levels(column: pa.ChunkedArray) -> list[FloatArray]:
    """A 0/1 column for each of the 12 commonest levels but the first; rare ones (under 20 contacts) share one."""
    of, names = codes(column)
    sizes = tally(of[of >= 0], len(names))
    order = sorted(range(len(names)), key=lambda code: -sizes[code])[:_MOST_LEVELS]
    large = [code for code in order if sizes[code] >= _SMALLEST_LEVEL]
    found = [(of == code).astype(np.float64) for code in large[1:]]
    rest = ~np.isin(of, large)
    return [*found, rest.astype(np.float64)] if large and rest.any() else found


def _factor(name: str, of: IntArray, groups: tuple[str, ...], note: str = "") -> Factor:
    """A factor of the groups that occur."""
    present = np.unique(of[of >= 0])
    if present.size == 0:
        lacks = {
            "shift": Reason(
                "not_given", "no contact has a shift: give a contact log with the column shift, or --shifts"
            ),
            "site": Reason("not_given", "no contact has a site: give a contact log with the column site"),
        }
        return Factor(name, of, (), lacks.get(name) or Reason("not_given", f"no contact has a {name}"), note)
    kept = tuple(groups[code] for code in present.tolist())
    place = np.where(of >= 0, np.searchsorted(present, of), -1)
    reason = Reason("not_comparable", f"all contacts are of one {name}: {kept[0]}") if len(kept) == 1 else None
    return Factor(name, place, kept, reason, note)


def _peak(times: Starts, offered_hours: IntArray, declared: Sequence[int] | None) -> Factor:
    counts = tally(offered_hours[offered_hours >= 0], _HOURS)
    hours = list(declared) if declared is not None else np.argsort(-counts, kind="stable")[:_BUSIEST].tolist()
    named = ", ".join(f"{hour:02d}" for hour in sorted(hours))
    note = f"peak: the hours {named} of {times.zone}" + ("" if declared is not None else ", those with most contacts")
    of = np.where(times.hour < 0, -1, np.where(np.isin(times.hour, hours), 0, 1))
    return _factor("peak", of, ("peak hours", "other hours"), note)
