"""The stage of a contact that each turn belongs to: opening, discovery, resolution, closing; by what agents do.

Discovery begins with the agent's first turn that works on the matter (verifies, probes, confirms, holds, informs,
transfers), resolution with the first that informs, closing with the first that offers further help or closes after the
last that informs. A customer's turn belongs to the stage that the agent has reached. A stage that a contact does not
have is skipped.
"""

import numpy as np
import pyarrow as pa

from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats

STAGES = ("opening", "discovery", "resolution", "closing")
PRESENT = 0.5
_WORKING = ("verify", "probe", "confirm", "hold", "inform", "transfer")
_CLOSING = ("further_help", "close")


class Course:
    """The turns of a run contact by contact, in the order they were said; arrays have one entry a row, shape (n,).

    `valence` is p_positive - p_negative of customer turns (NaN elsewhere), `stage` a place in `STAGES`, and `contact`
    the contact's code in `contacts`.
    """

    def __init__(self, turns: pa.Table) -> None:
        contact_of, self.contacts = codes(turns["contact_id"])
        self.order = np.argsort(contact_of, kind="stable")
        self.table = turns
        self.contact: IntArray = contact_of[self.order]
        self.valence = self.column("p_positive") - self.column("p_negative")
        self.is_agent: BoolArray = np.asarray(_equal(turns, "agent"))[self.order]
        self.stage = self._stages()

    def column(self, name: str) -> FloatArray:
        """A number of each row."""
        return floats(self.table[name])[self.order]

    def has(self, *acts: str) -> BoolArray:
        """Agent rows with one of the acts."""
        found: BoolArray = np.zeros(self.contact.size, dtype=np.bool_)
        for act in acts:
            found |= self.column(f"p_{act}") >= PRESENT
        return self.is_agent & found

    def before(self, wanted: BoolArray) -> IntArray:
        """For each row, the last earlier row of its contact that is wanted; -1 where there is none."""
        nearest = np.maximum.accumulate(np.where(wanted, np.arange(wanted.size), -1))
        earlier = np.append(-1, nearest[:-1])[: wanted.size]
        same = (earlier >= 0) & (self.contact[earlier] == self.contact)
        return np.where(same, earlier, -1)

    def texts(self, rows: IntArray) -> list[str]:
        """What was said in rows."""
        return [text or "" for text in self.table["text"].take(pa.array(self.order[rows])).to_pylist()]

    def _stages(self) -> IntArray:
        size, row = self.contact.size, np.arange(self.contact.size)
        if size == 0:
            return np.zeros(0, dtype=np.int64)
        informing = self.has("inform")
        work = self._first(self.has(*_WORKING))
        inform = self._first(informing)
        last = np.full(len(self.contacts), -1)
        np.maximum.at(last, self.contact[informing], row[informing])
        ends = self.has(*_CLOSING) & (row > last[self.contact]) & (row > work[self.contact])
        close = self._first(ends)
        stage = np.zeros(size, dtype=np.int64)
        for number, since in ((1, work), (2, inform), (3, close)):
            stage[row >= since[self.contact]] = number
        return stage

    def _first(self, wanted: BoolArray) -> IntArray:
        """The first wanted row of each contact; beyond all rows where there is none."""
        found = np.full(len(self.contacts), self.contact.size)
        np.minimum.at(found, self.contact[wanted], np.flatnonzero(wanted))
        return found


def _equal(turns: pa.Table, speaker: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.fill_null(pc.equal(turns["speaker"], speaker), False).combine_chunks()
