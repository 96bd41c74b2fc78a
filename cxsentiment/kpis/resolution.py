"""First-contact resolution from who came back, over run and contact log together."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cxsentiment.kpis.units import PERCENT
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.slices import Slices
from cxsentiment.starts import Starts, in_future
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats
from cxsentiment.stats.estimates import missing, scaled
from cxsentiment.stats.indicators import first_contact_resolution
from cxsentiment.stats.rates import wilson_interval

NAME = "First-contact resolution"
WINDOW_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class FirstContacts:
    """First-contact resolution (0-100 %); per episode counted, the row of its first contact and whether it was the only
    one; notes on contacts left out.
    """

    kpi: Kpi
    first: IntArray
    resolved: FloatArray
    notes: tuple[str, ...]

    def by(self, parts: Slices) -> dict[str, Estimate]:
        """The share in each slice, an episode belonging to the slice (agent, queue …) of its first contact."""
        of = parts.of[self.first]
        found = {}
        for code, name in enumerate(parts.names):
            own = self.resolved[of == code]
            share = scaled(wilson_interval(int(own.sum()), own.size), 100)
            share = replace(share, method=self.kpi.estimate.method)
            found[name] = (
                share
                if own.size
                else missing(
                    self.kpi.estimate.reason or "no episode that can be judged began here", self.kpi.estimate.method
                )
            )
        return found


def first_contacts(
    every: pa.Table,
    times: Starts | None,
    *,
    present: float | None,
    window_days: float = WINDOW_DAYS,
    same_queue: bool = True,
    has_log: bool = True,
) -> FirstContacts:
    """Episodes of one contact / episodes, by the window; the last window of the data is left out, for it is censored.

    `every` is the table of all contacts (run and log), `times` their starts, `present` the moment (seconds of UTC)
    after which a start is a mistake; the data end with the last start. `same_queue` parts a customer's contacts by
    queue, which stands for the issue. Abandoned contacts were served by nobody: they are left out.
    """
    issue = " in the same queue" if same_queue else ""
    definition = (
        f"episodes with no further contact of the customer{issue} in {window_days:g} days / episodes; those of the "
        f"last {window_days:g} days are left out; an episode belongs to the agent of its first contact"
    )
    if not has_log or times is None:
        lacks = "needs a contact log with every contact of each customer, which this run does not hold"
        return _none(lacks, definition)
    usable, end, notes = _usable(every, times, present)
    rows = np.flatnonzero(usable)
    if rows.size == 0:
        return _none("no contact has both a customer and a start that can be read", definition, notes)
    customers, _ = codes(every["customer_id"])
    queues, _ = codes(every["queue"])
    found = first_contact_resolution(
        customers[rows],
        times.at[rows],
        end,
        issues=queues[rows] if same_queue else None,
        window_days=window_days,
    )
    if found.censored:
        notes.append(f"{found.censored} episodes began in the last {window_days:g} days: nobody can tell yet")
    estimate = scaled(found.share, 100)
    return FirstContacts(Kpi(NAME, PERCENT, estimate, definition), rows[found.first], found.resolved, tuple(notes))


def _usable(every: pa.Table, times: Starts, present: float | None) -> tuple[BoolArray, float, list[str]]:
    """Which contacts can be counted, where the data end (the last start that is no mistake), and notes."""
    notes = []
    dated = ~np.isnan(times.at)
    named = np.asarray(every["customer_id"].is_valid())
    future = in_future(times, present) if present is not None else np.zeros(dated.size, dtype=np.bool_)
    gone = floats(every["abandoned"]) > 0
    for count, what in (
        (int(np.sum(~dated)), "have no start that can be read"),
        (int(np.sum(dated & future)), "start in the future, after the run was made: a wrong date"),
        (int(np.sum(dated & ~future & ~named)), "name no customer"),
        (int(np.sum(dated & ~future & named & gone)), "were abandoned, and so served by nobody"),
    ):
        if count:
            notes.append(f"{count} contacts {what}: left out of first-contact resolution")
    end = float(np.max(times.at[dated & ~future], initial=-np.inf))
    return np.asarray(dated & named & ~future & ~gone), end, notes


def _none(reason: str, definition: str, notes: list[str] | None = None) -> FirstContacts:
    kpi = Kpi(NAME, PERCENT, missing(reason, "none"), definition)
    return FirstContacts(kpi, np.zeros(0, dtype=np.int64), np.zeros(0), tuple(notes or ()))
