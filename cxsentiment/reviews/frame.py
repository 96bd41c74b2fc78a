"""The contacts of a run that people can grade: what they are drawn by, and how unsure the machine is of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.errors import UsageError
from cxsentiment.reviews.machine import run_items
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats

_CRITICAL = ("p_critical_customer", "p_critical_business", "p_critical_compliance")


@dataclass(frozen=True, slots=True)
class Frame:
    """Contacts in which an agent speaks, in the order of their ids. Arrays have shape (contacts,).

    `agent`, `channel`, `campaign`: codes into their names, -1 where not given. `score` 0-100, NaN where there is none.
    `unsure` (0-1): mean over the items of 4·p·(1-p), p the probability of met; `critical` (0-1): the largest
    probability of a critical error. `silent`: contacts of the run without an agent's turn, which are not here.
    """

    ids: list[str]
    agent: IntArray
    agents: list[str]
    channel: IntArray
    channels: list[str]
    campaign: IntArray
    campaigns: list[str]
    score: FloatArray
    unsure: FloatArray
    critical: FloatArray
    silent: int
    rubric: tuple[str, str, str]

    def crossed(self, rows: IntArray, by: Sequence[str]) -> tuple[IntArray, list[str]]:
        """Codes (rows,) of the strata that the named columns make together, and their names, "unknown" where not given.

        Only strata with contacts have codes.
        """
        kinds = {
            "agent": (self.agent, self.agents),
            "channel": (self.channel, self.channels),
            "campaign": (self.campaign, self.campaigns),
        }
        if not by:
            return np.zeros(rows.size, dtype=np.int64), [""] if rows.size else []
        stacked = np.stack([kinds[name][0][rows] for name in by], axis=1)
        cells, of = np.unique(stacked, axis=0, return_inverse=True)
        names = [
            "/".join("unknown" if code < 0 else kinds[name][1][code] for name, code in zip(by, cell, strict=True))
            for cell in cells.tolist()
        ]
        return of.reshape(-1).astype(np.int64), names


def read_frame(run: Path) -> Frame:
    """Read what can be graded of a finished run.

    Raises:
        RunError: no finished run.
        UsageError: no contact has an agent's turn.
    """
    rubric = run_items(run, []).rubric
    columns = ["contact_id", "agent_id", "channel", "campaign", "agent_turns", "score", *_CRITICAL]
    table = runs.read_table(run, "contacts", columns)
    speaking = table.filter(pc.greater(pc.fill_null(table["agent_turns"], 0), 0)).sort_by("contact_id")
    if speaking.num_rows == 0:
        raise UsageError(str(run), "no contact of this run has an agent's turn, so there is nothing to grade")
    named = {name: codes(speaking[name]) for name in ("agent_id", "channel", "campaign")}
    critical = np.stack([np.nan_to_num(floats(speaking[name])) for name in _CRITICAL]).max(axis=0)
    return Frame(
        speaking["contact_id"].to_pylist(),
        *named["agent_id"],
        *named["channel"],
        *named["campaign"],
        floats(speaking["score"]),
        _unsure(run, speaking["contact_id"]),
        critical,
        table.num_rows - speaking.num_rows,
        rubric,
    )


def _unsure(run: Path, ids: pa.ChunkedArray) -> FloatArray:
    items = runs.read_table(run, "items", ["contact_id", "p_met"])
    p = items["p_met"]
    unsure = pc.multiply(pc.multiply(p, pc.subtract(1.0, p)), 4.0)
    means = (
        pa.table({"contact_id": items["contact_id"], "unsure": unsure})
        .group_by("contact_id")
        .aggregate([("unsure", "mean")])
    )
    place = pc.index_in(ids, value_set=means["contact_id"])
    return np.nan_to_num(floats(means["unsure_mean"].take(place)))
