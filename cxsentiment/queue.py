"""What a person should look at: flags of critical errors, and verdicts that are too close to call.

Nothing here is decided: at the low rates of critical errors most flags of a machine are false (with 2 % of contacts in
error, sensitivity .90 and specificity .97, 38 % of flags are right). Flags stand before unsure verdicts, compliance
before the customer's and the business's harm, the likelier error first.
"""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.schema import ItemText, Queued

_ORDER = ("compliance", "customer", "business", "none")
_COLUMNS = ("contact_id", "item", "critical", "verdict", "p_met", "reason", "evidence_turn", "evidence_quote")


def queue(contacts: pa.Table, verdicts: pa.Table, texts: Mapping[str, ItemText]) -> tuple[Queued, ...]:
    """The verdicts to look at, most pressing first.

    `contacts` needs contact_id and agent_id, `verdicts` the columns of a run's items table; `texts` are the rubric's.
    """
    unsure = pc.and_(pc.equal(verdicts["verdict"], "unscored"), pc.is_valid(verdicts["p_met"]))
    flagged = pc.and_(pc.equal(verdicts["verdict"], "not_met"), pc.not_equal(verdicts["critical"], "none"))
    rows = verdicts.select(_COLUMNS).filter(pc.or_(unsure, flagged)).to_pylist()
    ids, names = contacts["contact_id"].to_pylist(), contacts["agent_id"].to_pylist()
    agents = dict(zip(ids, names, strict=True))
    found = [
        Queued(
            row["contact_id"],
            agents.get(row["contact_id"]),
            row["item"],
            texts[row["item"]].question if row["item"] in texts else "",
            row["critical"],
            "flag" if row["verdict"] == "not_met" else "uncertain",
            None if row["p_met"] is None else round(1 - row["p_met"], 5),
            row["evidence_turn"],
            row["evidence_quote"] or "",
            row["reason"] or "",
        )
        for row in rows
    ]
    return tuple(sorted(found, key=_pressing))


def _pressing(one: Queued) -> tuple[bool, int, float, str, str]:
    return one.why != "flag", _ORDER.index(one.critical), -(one.p_error or 0.0), one.contact_id, one.item
