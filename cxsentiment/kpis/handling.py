"""How long customers wait and contacts take: response, talk and handle times, service level, abandonment, transfer."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.kpis.units import PERCENT, because, percentile_interval
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.stats.arrays import FloatArray, codes, floats
from cxsentiment.stats.estimates import clipped, missing, scaled
from cxsentiment.stats.indicators import abandonment, service_level
from cxsentiment.stats.means import mean_t_interval, median_interval
from cxsentiment.stats.rates import wilson_interval

_NINETY = 0.9

# Indicator, unit, column of the contact log, definition. Contacts of the log count, with a transcript or without.
LOGGED = (
    ("Average handle time", "s", "handle_s", "mean handle time (talk + hold + after-call work) of answered contacts"),
    ("Average wait", "s", "wait_s", "mean wait of answered contacts (average speed of answer)"),
    ("Abandonment", PERCENT, "abandoned", "abandoned contacts / offered contacts, early ones not left out"),
    ("Transfer rate", PERCENT, "transferred", "transferred contacts / answered contacts"),
    ("Resolved, as logged", PERCENT, "resolved", "contacts logged as resolved / answered contacts; by whom and how "
     "it is logged is up to the log"),
)  # fmt: skip
_PARTS = (
    ("Average hold", "hold_s", "mean time on hold of answered contacts, those without hold among them"),
    ("Average after-call work", "wrap_up_s", "mean after-call work (wrap-up) of answered contacts"),
)
_RESPONSE = "time from the end of the customer's first turn (its start, where no end is known) to the first agent turn "
_RESPONSE += "after it, per contact"


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What is declared of queues: answered within how many seconds counts; abandoned up to when is not offered (s)."""

    answer_within_s: float | None = None
    short_abandon_s: float | None = None


def first_response(contacts: pa.Table, *, ninetieth: bool = False) -> list[Kpi]:
    """Median (or 90th percentile) of the first response per channel, by name, in seconds."""
    name, definition = "First response time", f"median {_RESPONSE}"
    measure: Callable[[FloatArray], Estimate] = median_interval
    if ninetieth:
        name, definition, measure = "First response time, 90th percentile", f"90% are faster; {_RESPONSE}", _ninetieth
    return _by_channel(contacts, "first_response_s", name, definition, measure)


def median_response(contacts: pa.Table) -> list[Kpi]:
    """Median over contacts of the median response to a customer's turn, per channel, in seconds."""
    definition = "median over contacts of each contact's median time from a customer turn to the agent turn after it"
    return _by_channel(contacts, "median_response_s", "Response time", definition, median_interval)


def _by_channel(
    contacts: pa.Table, signal: str, name: str, definition: str, measure: Callable[[FloatArray], Estimate]
) -> list[Kpi]:
    waits = floats(contacts[signal])
    of, names = codes(contacts["channel"])
    parts = [(channel, of == code) for code, channel in enumerate(names)]
    if np.any(of < 0):
        parts.append(("channel not given", of < 0))
    return [
        Kpi(f"{name}, {channel}", "s", _response(channel, signal, waits[own], measure), definition)
        for channel, own in sorted(parts, key=lambda part: part[0])
    ]


def _response(channel: str, signal: str, waits: FloatArray, measure: Callable[[FloatArray], Estimate]) -> Estimate:
    if channel == "call" and signal == "first_response_s":
        return missing(
            Reason("not_given", "a call is answered before anybody speaks: needs a contact log with queue times"),
            "none",
        )
    if signal == "duration_s":
        return because(measure(waits), Reason("not_given", "no contact has a duration: the turns carry no times"))
    if np.all(np.isnan(waits)):
        return missing(
            Reason("not_given", "no contact has the times of a customer turn and of an agent turn after it"), "none"
        )
    return measure(waits)


def transcript_length(contacts: pa.Table) -> list[Kpi]:
    """Median length of the transcript per channel, by name, in seconds: e-mails take days, calls minutes."""
    definition = "median time from the first to the last turn, pauses included; hold and after-call work need a "
    definition += "contact log"
    return _by_channel(contacts, "duration_s", "Length of transcript", definition, median_interval)


def logged(log: pa.Table | None) -> list[Kpi]:
    """Means and shares over the contact log; contacts count as independent."""
    return [_logged(log, *indicator) for indicator in LOGGED]


def parts(log: pa.Table | None) -> list[Kpi]:
    """Hold and after-call work, and the 90th percentiles of handle time and wait, in seconds."""
    found = [_logged(log, name, "s", column, definition) for name, column, definition in _PARTS]
    for name, column in (("Handle time, 90th percentile", "handle_s"), ("Wait, 90th percentile", "wait_s")):
        found.append(_logged(log, name, "s", column, "of answered contacts 90% take at most this", _ninetieth))
    return found


def queue(log: pa.Table | None, rules: QueueRules) -> list[Kpi]:
    """Service level and abandonment (0-100 %) by the declared times. Contacts whose wait is not logged are left out."""
    early = rules.short_abandon_s or 0.0
    less = f"(offered - abandoned within {early:g} s)" if early else "offered contacts, early ones not left out"
    level = f"answered within {rules.answer_within_s or 0:g} s / {less}"
    if rules.answer_within_s is None:
        level, lacks = (
            "answered within the declared time / offered contacts",
            Reason("not_declared", "say the time with --answer-within"),
        )
        served = missing(lacks, "share, Wilson interval")
    else:
        within = rules.answer_within_s
        served = _offered(log, lambda waits, gone: service_level(waits, gone, within, early))
    gone = _offered(log, lambda waits, gone: abandonment(waits, gone, early))
    definition = f"abandoned after more than {early:g} s / {less}"
    found = [Kpi("Service level", PERCENT, served, level)]
    if early:
        return [*found, Kpi("Abandonment", PERCENT, gone, definition)]
    return [*found, _logged(log, *next(one for one in LOGGED if one[0] == "Abandonment"))]


def _offered(log: pa.Table | None, formula: Callable[[FloatArray, FloatArray], Estimate]) -> Estimate:
    if log is None:
        return missing(
            Reason("not_given", "needs a contact log with wait_s and abandoned, which this run does not hold"), "none"
        )
    waits, gone = floats(log["wait_s"]), floats(log["abandoned"])
    estimate = scaled(formula(waits, gone), 100)
    return because(estimate, Reason("not_given", "no contact of the log has both wait_s and abandoned"))


def _logged(
    log: pa.Table | None,
    name: str,
    unit: str,
    column: str,
    definition: str,
    measure: Callable[[FloatArray], Estimate] = mean_t_interval,
) -> Kpi:
    """A mean (or another measure) or a share over the contact log; contacts count as independent."""
    if log is None:
        reason = Reason("not_given", f"needs a contact log with {column}, which this run does not hold")
        return Kpi(name, unit, missing(reason, "none"), definition)
    values, abandoned = floats(log[column]), floats(log["abandoned"])
    if column != "abandoned":
        values = values[~(abandoned > 0)]
    known = values[~np.isnan(values)]
    if unit == PERCENT:
        estimate = scaled(wilson_interval(int(np.sum(known > 0)), known.size), 100)
    else:
        estimate = clipped(measure(known), 0.0, math.inf)
    return Kpi(name, unit, because(estimate, Reason("not_given", f"no contact of the log has {column}")), definition)


def _ninetieth(values: FloatArray) -> Estimate:
    return percentile_interval(values, _NINETY)
