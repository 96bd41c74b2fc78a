"""Machine scores, accuracies by critical class, and signs of friction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.amounts import counted
from cxsentiment.kpis.units import PERCENT, because
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats
from cxsentiment.stats.estimates import clipped, scaled
from cxsentiment.stats.means import mean_of_contacts, of_one_agent
from cxsentiment.stats.rates import noncritical_accuracy, wilson_interval

_CRITICAL = {"customer": "the customer", "business": "the business", "compliance": "compliance"}
BEFORE_ERRORS = "Call quality, before critical errors"
VERDICT_COLUMNS = ("contact_id", "verdict", "critical", "points")


@dataclass(frozen=True, slots=True)
class Judged:
    """What the verdicts say of each contact, shapes (n,): by critical class 1 where an error is flagged, 0 where none
    is, NaN where nothing of the class was judged; and `defects` among the `opportunities` of items not critical.
    """

    flagged: Mapping[str, FloatArray]
    defects: FloatArray
    opportunities: FloatArray

    def part(self, rows: IntArray) -> "Judged":
        """Of some of the contacts, by their places."""
        flagged = {kind: values[rows] for kind, values in self.flagged.items()}
        return Judged(flagged, self.defects[rows], self.opportunities[rows])


def judged(contacts: pa.Table, verdicts: pa.Table | None) -> Judged:
    """The verdicts (None: there are none) counted by contact, once for all indicators and slices.

    Needs `VERDICT_COLUMNS`. Verdicts without points were not judged; those of contacts not in the table do not count.
    """
    n = contacts.num_rows
    nothing = np.zeros(n)
    if verdicts is None:
        return Judged({kind: np.full(n, np.nan) for kind in _CRITICAL}, nothing, nothing)
    at = pc.index_in(verdicts["contact_id"], value_set=contacts["contact_id"].combine_chunks())
    place = np.asarray(pc.fill_null(at, -1), dtype=np.int64)
    scored = np.asarray(verdicts["points"].is_valid()) & (place >= 0)
    wrong = np.asarray(pc.equal(verdicts["verdict"], "not_met"))

    def counts(kind: str) -> tuple[FloatArray, FloatArray]:
        own = scored & np.asarray(pc.fill_null(pc.equal(verdicts["critical"], kind), False))
        errors, seen = (np.bincount(place[which], minlength=n) for which in (own & wrong, own))
        return errors.astype(np.float64), seen.astype(np.float64)

    flagged = {}
    for kind in _CRITICAL:
        errors, seen = counts(kind)
        flagged[kind] = np.where(seen > 0, (errors > 0).astype(np.float64), np.nan)
    return Judged(flagged, *counts("none"))


# Signs of friction, found by phrases: a floor, for customers say the same in other words too.
CUES = (
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


def quality(contacts: pa.Table, found: Judged) -> list[Kpi]:
    """Call quality (0-100 points), four accuracies and the signs of friction (all 0-100 %); `found` is theirs.

    Where a critical error lowered a score, call quality stands there without that too.
    """
    agents, _ = codes(contacts["agent_id"])
    made = [_score(contacts, agents), *_uncapped(contacts, agents)]
    made += [*(_accuracy(found.flagged[kind], kind) for kind in _CRITICAL)]
    made.append(_other_accuracy(found, agents))
    return made + [_cue(name, floats(contacts[signal]), definition) for signal, name, definition in CUES]


def _score(contacts: pa.Table, agents: IntArray) -> Kpi:
    scores = floats(contacts["score"])
    estimate = mean_of_contacts(scores, agents)
    if estimate.value is None:
        estimate = replace(
            estimate, reason=Reason("not_scored", "no contact has a score" + _commonest(contacts["null_reason"]))
        )
    definition = "mean machine score (0-100) of all scored contacts; contacts without an agent id count as one agent"
    return Kpi("Call quality", "points", clipped(estimate, 0.0, 100.0), definition)


def _uncapped(contacts: pa.Table, agents: IntArray) -> list[Kpi]:
    before = floats(contacts["score_uncapped"])
    lowered = int(np.sum(~np.isnan(before)))
    if not lowered:
        return []
    scores = np.where(np.isnan(before), floats(contacts["score"]), before)
    definition = (
        "mean machine score (0-100) as it would be without the effect of critical errors, which lowers that of "
        f"{counted(lowered, 'contact')}; the machine flagged these errors, and a flag is no finding"
    )
    estimate = clipped(mean_of_contacts(scores, agents), 0.0, 100.0)
    return [Kpi(BEFORE_ERRORS, "points", estimate, definition)]


def _commonest(reasons: pa.ChunkedArray) -> str:
    """The reason that most contacts without a score have, after a colon; of several the first by name."""
    counts = pc.value_counts(reasons.drop_null()).to_pylist()
    given = sorted((-one["counts"], one["values"]) for one in counts if one["values"])
    return f": {given[0][1]}" if given else ""


def _accuracy(flagged: FloatArray, kind: str) -> Kpi:
    """Share of contacts without an error of one critical class; each class stands for itself."""
    known = int(np.sum(~np.isnan(flagged)))
    estimate = scaled(wilson_interval(known - int(np.nansum(flagged)), known), 100)
    definition = (
        f"contacts without a machine flag of an error critical to {_CRITICAL[kind]} / contacts where one was judged; "
        "at low prevalence most flags are false: have a person listen"
    )
    reason = Reason("not_scored", f"no contact was scored on an item critical to {_CRITICAL[kind]}")
    return Kpi(f"Accuracy, {kind}-critical", PERCENT, because(estimate, reason), definition)


def _other_accuracy(found: Judged, agents: IntArray) -> Kpi:
    """Share of opportunities without a defect, over the items that are not critical."""
    clusters = None if of_one_agent(agents) else agents
    estimate: Estimate = scaled(noncritical_accuracy(found.defects, found.opportunities, clusters), 100)
    definition = "1 - defects / opportunities, over items that are not critical; an opportunity is an item on a contact"
    reason = Reason("not_scored", "no item that is not critical was scored")
    return Kpi("Accuracy, non-critical", PERCENT, because(estimate, reason), definition)


def _cue(name: str, turns: FloatArray, definition: str) -> Kpi:
    known = turns[~np.isnan(turns)]
    estimate = scaled(wilson_interval(int(np.sum(known > 0)), known.size), 100)
    return Kpi(
        name, PERCENT, because(estimate, Reason("nothing_to_count", "no contact has a customer turn")), definition
    )
