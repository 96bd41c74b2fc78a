"""Machine scores, accuracies by critical class, and signs of friction."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.kpis.units import PERCENT, because
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.stats.arrays import FloatArray, codes, floats
from cxsentiment.stats.estimates import clipped, missing, scaled
from cxsentiment.stats.means import clustered_mean
from cxsentiment.stats.rates import wilson_interval

_CRITICAL = {"customer": "the customer", "business": "the business", "compliance": "compliance"}
NO_VERDICTS = pa.schema(
    [(name, pa.string()) for name in ("contact_id", "verdict", "critical")] + [("points", pa.float64())]
).empty_table()

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


def quality(contacts: pa.Table, verdicts: pa.Table) -> list[Kpi]:
    """Call quality (0-100 points), four accuracies and the signs of friction (all 0-100 %)."""
    found = [_score(contacts), *(_accuracy(verdicts, kind) for kind in _CRITICAL), _other_accuracy(verdicts)]
    return found + [_cue(name, floats(contacts[signal]), definition) for signal, name, definition in _CUES]


def _score(contacts: pa.Table) -> Kpi:
    scores = floats(contacts["score"])
    of, _ = codes(contacts["agent_id"])
    causes = Counter(why for why in contacts["null_reason"].to_pylist() if why).most_common(1)
    reason = "no contact has a score" + "".join(f": {why}" for why, _ in causes)
    estimate = because(clipped(clustered_mean(scores, of), 0.0, 100.0), reason)
    definition = "mean machine score (0-100) of all scored contacts; contacts without an agent id count as one agent"
    return Kpi("Call quality", "points", estimate, definition)


def _accuracy(verdicts: pa.Table, kind: str) -> Kpi:
    """Share of contacts without an error of one critical class; each class stands for itself."""
    scored = verdicts.filter(pc.and_(pc.equal(verdicts["critical"], kind), pc.is_valid(verdicts["points"])))
    wrong = pc.equal(scored["verdict"], "not_met")
    contacts = scored.append_column("wrong", wrong).group_by("contact_id").aggregate([("wrong", "any")])
    flagged = pc.sum(contacts["wrong_any"]).as_py() or 0
    estimate = scaled(wilson_interval(contacts.num_rows - flagged, contacts.num_rows), 100)
    definition = (
        f"contacts without a machine flag of an error critical to {_CRITICAL[kind]} / contacts where one was judged; "
        "at low prevalence most flags are false: have a person listen"
    )
    reason = f"no contact was scored on an item critical to {_CRITICAL[kind]}"
    return Kpi(f"Accuracy, {kind}-critical", PERCENT, because(estimate, reason), definition)


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
    return Kpi("Accuracy, non-critical", PERCENT, estimate, definition)


def _cue(name: str, turns: FloatArray, definition: str) -> Kpi:
    known = turns[~np.isnan(turns)]
    estimate = scaled(wilson_interval(int(np.sum(known > 0)), known.size), 100)
    return Kpi(name, PERCENT, because(estimate, "no contact has a customer turn"), definition)
