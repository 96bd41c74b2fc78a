"""Contacts and surveys → key performance indicators, each with its definition, interval and n.

An indicator whose data a run does not hold stands in the list with no value and the data it lacks.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.schema import Estimate, Kpi
from cxsentiment.stats.arrays import FloatArray, codes, floats
from cxsentiment.stats.estimates import clipped, missing, normal_interval
from cxsentiment.stats.means import clustered_mean, mean_t_interval, median_interval
from cxsentiment.stats.rates import wilson_interval

_PERCENT = "%"
_CRITICAL = {"customer": "the customer", "business": "the business", "compliance": "compliance"}
NO_VERDICTS = pa.schema(
    [(name, pa.string()) for name in ("contact_id", "verdict", "critical")] + [("points", pa.float64())]
).empty_table()
_PROMOTER, _DETRACTOR, _NPS_HIGHEST = 9, 6, 10
_SMALLEST_WITH_TOP_THREE = 9  # steps of a 1-10 scale

# Indicator, unit, definition, the data it lacks.
_ELSEWHERE = (
    ("First-contact resolution", _PERCENT, "episodes with no further contact of the customer in 7 days / episodes",
     "a contact log with every contact of each customer"),
    ("Service level", _PERCENT, "answered within the target time / (offered - abandoned early)",
     "a declared target time and a contact log with queue times"),
    ("Customer retention", _PERCENT, "(customers at the end - new customers) / customers at the start",
     "a customer table"),
    ("Customer lifetime value", "currency", "margin x retention / (1 + discount rate - retention)",
     "a customer table with margin and retention"),
)  # fmt: skip


# Indicator, unit, column of the contact log, definition. Contacts of the log count, with a transcript or without.
_LOGGED = (
    ("Average handle time", "s", "handle_s", "mean handle time (talk + hold + after-call work) of answered contacts"),
    ("Average wait", "s", "wait_s", "mean wait of answered contacts (average speed of answer)"),
    ("Abandonment", _PERCENT, "abandoned", "abandoned contacts / offered contacts, early ones not left out"),
    ("Transfer rate", _PERCENT, "transferred", "transferred contacts / answered contacts"),
    ("Resolved, as logged", _PERCENT, "resolved", "contacts logged as resolved / answered contacts; by whom and how "
     "it is logged is up to the log"),
)  # fmt: skip

# Signs of friction, found by phrases: a floor, for customers say the same in other words too.
_CUES = (
    (
        "supervisor_requests",
        "Customers who ask for a supervisor",
        "contacts with a customer turn that asks for a supervisor or to escalate / contacts with a customer turn; by "
        "phrases, so rather too low",
    ),
    (
        "repeat_effort",
        "Customers who say they repeat themselves",
        "contacts with a customer turn such as 'I already told you' / contacts with a customer turn; by phrases, so "
        "rather too low",
    ),
)


def kpis(
    contacts: pa.Table,
    csat_scale: tuple[float, float] | None,
    log: pa.Table | None = None,
    verdicts: pa.Table | None = None,
) -> tuple[Kpi, ...]:
    """All indicators in a fixed order; shares and CSAT in percent (0-100), NPS from -100 to 100, times in seconds.

    `contacts` is the run's table; `csat_scale` the declared lowest and highest answer; `log` its contact log, where it
    has one; `verdicts` its items table. Survey answers count as independent in their intervals, and describe the
    customers who answered only.
    """
    result = [
        *_csat(floats(contacts["csat"]), csat_scale),
        _nps(floats(contacts["nps"])),
        _ces(floats(contacts["ces"])),
    ]
    result += _first_response(contacts["channel"].to_pylist(), floats(contacts["first_response_s"]))
    result += [_talk_time(floats(contacts["duration_s"])), _quality(contacts)]
    verdicts = NO_VERDICTS if verdicts is None else verdicts
    result += [_accuracy(verdicts, kind) for kind in _CRITICAL]
    result += [_other_accuracy(verdicts)]
    result += [_cue(name, floats(contacts[signal]), definition) for signal, name, definition in _CUES]
    result += [_logged(log, *indicator) for indicator in _LOGGED]
    for name, unit, definition, lacks in _ELSEWHERE:
        result.append(Kpi(name, unit, missing(f"needs {lacks}, which this run does not hold", "none"), definition))
    return tuple(result)


def _csat(answers: FloatArray, scale: tuple[float, float] | None) -> list[Kpi]:
    top = "CSAT, satisfied customers"
    mean = "CSAT, mean"
    given = answers[~np.isnan(answers)]
    reason = ""
    if given.size == 0:
        reason = "no contact has a CSAT answer"
    elif scale is None:
        reason = f"{given.size} CSAT answers, but their scale is not known: declare it with --csat-scale, such as 1-5"
    elif scale[1] <= 0 or scale[0] >= scale[1]:
        reason = f"the declared scale {scale[0]:g}-{scale[1]:g} must rise to a highest answer above 0"
    elif outside := int(np.sum((given < scale[0]) | (given > scale[1]))):
        reason = f"{outside} of {given.size} answers lie outside the declared scale {scale[0]:g}-{scale[1]:g}"
    if reason or scale is None:
        return [
            Kpi(top, _PERCENT, missing(reason, "share, Wilson interval", given.size), "satisfied answers / answers"),
            Kpi(mean, _PERCENT, missing(reason, "mean, t interval", given.size), "100 x mean / highest answer"),
        ]
    least = _satisfied_from(scale)
    named = f"{scale[0]:g}-{scale[1]:g}"
    share = _times(wilson_interval(int(np.sum(given >= least)), given.size), 100)
    average = clipped(_times(mean_t_interval(given), 100 / scale[1]), 100 * scale[0] / scale[1], 100.0)
    return [
        Kpi(top, _PERCENT, share, f"answers of at least {least:g} on {named} / answers"),
        Kpi(mean, _PERCENT, average, f"100 x mean / {scale[1]:g} on {named}"),
    ]


def _satisfied_from(scale: tuple[float, float]) -> float:
    """Lowest answer that counts as satisfied: 4 of 1-5, 8 of 1-10, the upper one of a yes/no scale."""
    low, high = scale
    if high - low <= 1:
        return high
    return high - 2 if high - low >= _SMALLEST_WITH_TOP_THREE else high - 1


def _nps(answers: FloatArray) -> Kpi:
    definition = "share answering 9-10 less share answering 0-6, x 100"
    method = "100(P - D), normal interval"
    given = answers[~np.isnan(answers)]
    n = given.size
    if n == 0:
        return Kpi("NPS", "points", missing("no contact has an NPS answer", method), definition)
    if outside := int(np.sum((given < 0) | (given > _NPS_HIGHEST))):
        return Kpi("NPS", "points", missing(f"{outside} of {n} answers lie outside 0-10", method, n), definition)
    promoters, detractors = float(np.mean(given >= _PROMOTER)), float(np.mean(given <= _DETRACTOR))
    value = 100 * (promoters - detractors)
    variance = promoters + detractors - (promoters - detractors) ** 2
    if variance <= 1e-12:
        alike = f"all {n} answers fall into one group, so their spread gives no interval"
        return Kpi("NPS", "points", Estimate(value, None, None, n, method, alike), definition)
    estimate = clipped(normal_interval(value, 100 * math.sqrt(variance / n), n, method), -100.0, 100.0)
    return Kpi("NPS", "points", estimate, definition)


def _ces(answers: FloatArray) -> Kpi:
    estimate = _because(mean_t_interval(answers), "no contact has a CES answer")
    return Kpi(
        "CES, mean",
        "answer",
        estimate,
        "mean answer; higher is easier, if it was asked so or --ces-direction says how",
    )


def _first_response(channels: Sequence[str | None], waits: FloatArray) -> list[Kpi]:
    """One indicator per channel, by name; `waits` in seconds, NaN where a contact's cannot be told."""
    definition = "from the end of the customer's first turn (its start, where no end is known) to the first agent turn "
    definition += "after it, per contact"
    named = np.array([channel or "channel not given" for channel in channels], dtype=np.object_)
    return [
        Kpi(f"First response time, {channel}", "s", _first_response_of(channel, waits[named == channel]), definition)
        for channel in sorted(set(named.tolist()))
    ]


def _first_response_of(channel: str, waits: FloatArray) -> Estimate:
    if channel == "call":
        return missing("a call is answered before anybody speaks: needs a contact log with queue times", "none")
    if np.all(np.isnan(waits)):
        return missing("no contact has the times of a customer turn and of an agent turn after it", "none")
    return median_interval(waits)


def _talk_time(duration: FloatArray) -> Kpi:
    estimate = _because(median_interval(duration), "no contact has a duration: the turns carry no times")
    definition = "median length of the transcript; talk time only: hold and after-call work need a contact log"
    return Kpi("Handle time (talk only)", "s", estimate, definition)


def _logged(log: pa.Table | None, name: str, unit: str, column: str, definition: str) -> Kpi:
    """A mean or a share over the contact log; contacts count as independent."""
    if log is None:
        return Kpi(
            name, unit, missing(f"needs a contact log with {column}, which this run does not hold", "none"), definition
        )
    values, abandoned = floats(log[column]), floats(log["abandoned"])
    if column != "abandoned":
        values = values[~(abandoned > 0)]
    known = values[~np.isnan(values)]
    if unit == _PERCENT:
        estimate = _times(wilson_interval(int(np.sum(known > 0)), known.size), 100)
    else:
        estimate = clipped(mean_t_interval(known), 0.0, math.inf)
    return Kpi(name, unit, _because(estimate, f"no contact of the log has {column}"), definition)


def _quality(contacts: pa.Table) -> Kpi:
    scores = floats(contacts["score"])
    of, _ = codes(contacts["agent_id"])
    causes = Counter(why for why in contacts["null_reason"].to_pylist() if why).most_common(1)
    reason = "no contact has a score" + "".join(f": {why}" for why, _ in causes)
    estimate = _because(clipped(clustered_mean(scores, of), 0.0, 100.0), reason)
    definition = "mean machine score (0-100) of all scored contacts; contacts without an agent id count as one agent"
    return Kpi("Call quality", "points", estimate, definition)


def _accuracy(verdicts: pa.Table, kind: str) -> Kpi:
    """Share of contacts without an error of one critical class; each class stands for itself."""
    scored = verdicts.filter(pc.and_(pc.equal(verdicts["critical"], kind), pc.is_valid(verdicts["points"])))
    wrong = pc.equal(scored["verdict"], "not_met")
    contacts = scored.append_column("wrong", wrong).group_by("contact_id").aggregate([("wrong", "any")])
    flagged = pc.sum(contacts["wrong_any"]).as_py() or 0
    estimate = _times(wilson_interval(contacts.num_rows - flagged, contacts.num_rows), 100)
    definition = (
        f"contacts without a machine flag of an error critical to {_CRITICAL[kind]} / contacts where one was judged; "
        "at low prevalence most flags are false: have a person listen"
    )
    reason = f"no contact was scored on an item critical to {_CRITICAL[kind]}"
    return Kpi(f"Accuracy, {kind}-critical", _PERCENT, _because(estimate, reason), definition)


def _other_accuracy(verdicts: pa.Table) -> Kpi:
    """Share of opportunities without a defect, over the items that are not critical."""
    scored = verdicts.filter(pc.and_(pc.equal(verdicts["critical"], "none"), pc.is_valid(verdicts["points"])))
    defects = pc.sum(pc.equal(scored["verdict"], "not_met")).as_py() or 0
    value = 100 * (1 - defects / scored.num_rows) if scored.num_rows else None
    reason = "verdicts of one contact are not independent, so their number gives no interval"
    estimate = missing("no item that is not critical was scored", "none")
    if value is not None:
        estimate = Estimate(value, None, None, scored.num_rows, "share of opportunities", reason)
    definition = "1 - defects / opportunities, over items that are not critical; an opportunity is an item on a contact"
    return Kpi("Accuracy, non-critical", _PERCENT, estimate, definition)


def _cue(name: str, turns: FloatArray, definition: str) -> Kpi:
    known = turns[~np.isnan(turns)]
    estimate = _times(wilson_interval(int(np.sum(known > 0)), known.size), 100)
    return Kpi(name, _PERCENT, _because(estimate, "no contact has a customer turn"), definition)


def _because(estimate: Estimate, reason: str) -> Estimate:
    """The estimate, with `reason` where it has no value."""
    return replace(estimate, reason=reason) if estimate.value is None else estimate


def _times(estimate: Estimate, factor: float) -> Estimate:
    """The estimate in another unit."""
    value, low, high = (None if x is None else x * factor for x in (estimate.value, estimate.low, estimate.high))
    return replace(estimate, value=value, low=low, high=high)
