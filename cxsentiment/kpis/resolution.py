"""Resolution at first contact, from who came back, and in time, from the log; over run and contact log together."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cxsentiment.amounts import counted
from cxsentiment.kpis.units import PERCENT
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.slices import Slices
from cxsentiment.starts import Starts, in_future
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats
from cxsentiment.stats.estimates import missing, scaled
from cxsentiment.stats.indicators import first_contact_resolution, resolution_in_time
from cxsentiment.stats.rates import wilson_interval

NAME = "First-contact resolution"
IN_TIME = "Resolution service level"
WINDOW_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class Episodes:
    """A share of episodes (0-100 %): resolved at first contact, or in time; per episode counted, the row of its first
    contact and whether it was; notes on contacts left out.
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
                    self.kpi.estimate.reason or Reason("nothing_to_count", "no episode that can be judged began here"),
                    self.kpi.estimate.method,
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
) -> Episodes:
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
        lacks = Reason(
            "not_given", "needs a contact log with every contact of each customer, which this run does not hold"
        )
        return _none(lacks, definition)
    usable, end, notes = _usable(every, times, present)
    rows = np.flatnonzero(usable)
    if rows.size == 0:
        return _none(
            Reason("not_named", "no contact has both a customer and a start that can be read"), definition, notes
        )
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
        notes.append(
            f"{counted(found.censored, 'episode')} began in the last {window_days:g} days: nobody can tell yet"
        )
    estimate = scaled(found.share, 100)
    return Episodes(Kpi(NAME, PERCENT, estimate, definition), rows[found.first], found.resolved, tuple(notes))


def in_time(
    every: pa.Table,
    times: Starts,
    *,
    present: float | None,
    within_h: float | None,
    window_days: float = WINDOW_DAYS,
    same_queue: bool = True,
    has_log: bool = True,
) -> Episodes:
    """Episodes solved within `within_h` hours of their start / episodes; a contact solves where the log says resolved.

    A contact ends after its wait and its handle time (where the log has none, the transcript's length); an episode
    whose solving contact has neither is left out. `within_h` is declared; without it there is no figure.
    """
    said = "the declared time" if within_h is None else f"{within_h:g} h"
    left_out = "hours, as many as are declared," if within_h is None else said
    definition = (
        f"episodes whose first contact logged as resolved ended within {said} of the episode's start / episodes; "
        f"episodes as for {NAME.lower()}; those of the last {left_out} are left out"
    )
    if within_h is None:
        return _none(Reason("not_declared", "say the time with --resolve-within"), definition, name=IN_TIME)
    if not has_log:
        lacks = Reason(
            "not_given",
            "needs a contact log with resolved and every contact of each customer, which this run does not hold",
        )
        return _none(lacks, definition, name=IN_TIME)
    usable, end, _ = _usable(every, times, present)
    rows = np.flatnonzero(usable)
    solved = floats(every["resolved"])[rows]
    if rows.size == 0 or np.isnan(solved).all():
        return _none(
            Reason("not_given", "no contact of the log says whether it was resolved"), definition, name=IN_TIME
        )
    handled = floats(every["handle_s"])[rows]
    length = np.where(np.isnan(handled), floats(every["duration_s"])[rows], handled)
    ended = times.at[rows] + np.nan_to_num(floats(every["wait_s"])[rows]) + length
    customers, _ = codes(every["customer_id"])
    queues, _ = codes(every["queue"])
    found = resolution_in_time(
        customers[rows],
        times.at[rows],
        ended,
        solved,
        end,
        within_h * 3600,
        issues=queues[rows] if same_queue else None,
        window_days=window_days,
    )
    kpi = Kpi(IN_TIME, PERCENT, scaled(found.share, 100), definition)
    return Episodes(kpi, rows[found.first], found.resolved, ())


def _usable(every: pa.Table, times: Starts, present: float | None) -> tuple[BoolArray, float, list[str]]:
    """Which contacts can be counted, where the data end (the last start that is no mistake), and notes."""
    notes = []
    dated = ~np.isnan(times.at)
    named = np.asarray(every["customer_id"].is_valid())
    future = in_future(times, present) if present is not None else np.zeros(dated.size, dtype=np.bool_)
    gone = floats(every["abandoned"]) > 0
    for count, what in (
        (int(np.sum(~dated)), "without a start that can be read"),
        (int(np.sum(dated & future)), "with a start in the future, after the run was made, which is a wrong date"),
        (int(np.sum(dated & ~future & ~named)), "without a customer"),
        (int(np.sum(dated & ~future & named & gone)), "abandoned, and so served by nobody"),
    ):
        if count:
            notes.append(f"{counted(count, 'contact')} {what}: left out of first-contact resolution")
    end = float(np.max(times.at[dated & ~future], initial=-np.inf))
    return np.asarray(dated & named & ~future & ~gone), end, notes


def _none(reason: Reason, definition: str, notes: list[str] | None = None, *, name: str = NAME) -> Episodes:
    kpi = Kpi(name, PERCENT, missing(reason, "none"), definition)
    return Episodes(kpi, np.zeros(0, dtype=np.int64), np.zeros(0), tuple(notes or ()))
