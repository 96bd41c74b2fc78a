"""All turns of a run as arrays, and where in them something stands before or after something else."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.schema import QuotedTurn
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats

PRESENT = 0.5
"""Probability from which an act or a sentiment counts as present: the threshold the calibrated heads ship with."""
ACKNOWLEDGING_ACTS = ("acknowledge", "apologise", "reassure")
TAKING_ON = ("acknowledge", "reassure")
"""One of these makes an apology an example to others: alone it may be a refusal, or say that nothing was understood."""


class Talk:
    """All turns of a run as arrays, by contact, and within a contact in the order of the table's rows.

    That is the order in which they were said. The number of a turn is only its name: in a source that lists one
    speaker after the other, the numbers do not rise with time.
    """

    def __init__(self, contacts: pa.Table, turns: pa.Table) -> None:
        contact_of, self.contacts = codes(turns["contact_id"])
        number = floats(turns["turn"]).astype(np.int64)
        self.order = np.argsort(contact_of, kind="stable")
        self.table = turns
        self.contact: IntArray = contact_of[self.order]
        self.number: IntArray = number[self.order]
        speaker_of, speakers = codes(turns["speaker"])
        speaker = speaker_of[self.order]
        self.is_agent = _is("agent", speaker, speakers)
        self.is_customer = _is("customer", speaker, speakers)
        of_contact, names = codes(contacts["agent_id"])
        of_turn, turn_names = codes(turns["agent_id"])
        self.agents = sorted({*names, *turn_names})
        ids = contacts["contact_id"].to_pylist()
        self._agent_by_contact = dict(zip(ids, _among(self.agents, names)[of_contact].tolist(), strict=True))
        self._row_by_contact = {name: row for row, name in enumerate(ids)}
        self.next_agent = self.following(self.is_agent)
        self.agent = self._agent_of_rows(_among(self.agents, turn_names)[of_turn][self.order])
        self.p_negative = self.column("p_negative")
        self.p_positive = self.column("p_positive")
        self.p_unprofessional = self.column("p_unprofessional")
        self.acknowledged = self.strongest_reply(self.strongest(ACKNOWLEDGING_ACTS))
        self.unanswered: BoolArray = (self.p_negative >= PRESENT) & (self.acknowledged < PRESENT)
        self.unprofessional: BoolArray = self.is_agent & (self.p_unprofessional >= PRESENT)

    def agents_of(self, contact_ids: Sequence[str]) -> IntArray:
        """Agent code of each contact; -1 where it names none."""
        return np.array([self._agent_by_contact.get(name, -1) for name in contact_ids], dtype=np.int64)

    def _agent_of_rows(self, named: IntArray) -> IntArray:
        """Whose each row is, -1 where nobody is known: an agent's turn is the agent's who said it, where the source
        tells agents of one contact apart (`named`), any other the agent's who speaks next; else the contact's.
        """
        said = np.where(self.is_agent & (named >= 0), named, self.agents_of(self.contacts)[self.contact])
        found: IntArray = np.where(~self.is_agent & (self.next_agent >= 0), said[self.next_agent], said)
        return found

    def column(self, name: str) -> FloatArray:
        """A number of each row; NaN where it has none."""
        return floats(self.table[name])[self.order]

    def matching(self, pattern: str) -> BoolArray:
        """The rows whose text matches a regular expression (RE2)."""
        found = pc.fill_null(pc.match_substring_regex(self.table["text"], pattern), False)
        return np.asarray(found.combine_chunks())[self.order]

    def of_contact(self, column: pa.ChunkedArray, default: object = None) -> list[object]:
        """A column of the contacts table for each of `contacts`, the default where it is null or not there."""
        values = column.to_pylist()
        rows = [self._row_by_contact.get(name) for name in self.contacts]
        return [default if row is None or values[row] is None else values[row] for row in rows]

    def strongest(self, acts: Sequence[str]) -> FloatArray:
        """The highest of the acts' probabilities in each row; NaN where one was not scored."""
        return reduce(np.maximum, (self.column(f"p_{act}") for act in acts))

    def strongest_reply(self, value: FloatArray) -> FloatArray:
        """For each row, the higher value of the agent's next two turns.

        NaN where no agent turn follows, or where one of the two has no value: nothing is said about those.
        """
        first = self.next_agent
        second = np.where(first >= 0, first[first], -1)
        best = np.maximum(value[first], np.where(second >= 0, value[second], 0.0))
        return np.where(first >= 0, best, np.nan)

    def following(self, wanted: BoolArray) -> IntArray:
        """For each row, the next later row of the same contact that is wanted; -1 where there is none."""
        size = wanted.size
        nearest = np.minimum.accumulate(np.where(wanted, np.arange(size), size)[::-1])[::-1]
        later = np.append(nearest[1:], size)[:size]
        inside = later < size
        inside[inside] = self.contact[later[inside]] == self.contact[inside]
        return np.where(inside, later, -1)

    def preceding(self, wanted: BoolArray) -> IntArray:
        """For each row, the last earlier row of the same contact that is wanted; -1 where there is none."""
        nearest = np.maximum.accumulate(np.where(wanted, np.arange(wanted.size), -1))
        earlier = np.append(-1, nearest[:-1])[: wanted.size]
        inside = earlier >= 0
        inside[inside] = self.contact[earlier[inside]] == self.contact[inside]
        return np.where(inside, earlier, -1)

    def rows(self, contact_ids: pa.ChunkedArray, numbers: FloatArray) -> IntArray:
        """Rows of the named turns; -1 where there is no such turn."""
        named, names = codes(contact_ids)
        place = {name: code for code, name in enumerate(self.contacts)}
        contact = np.array([place.get(name, -1) for name in names], dtype=np.int64)[named]
        step = int(self.number.max(initial=0)) + 2
        keys = self.contact * step + self.number
        by_key = np.argsort(keys)
        # No turn has the number step - 1, so a missing or unknown number finds nothing.
        wanted = contact * step + np.minimum(np.nan_to_num(numbers, nan=step - 1), step - 1).astype(np.int64)
        if keys.size == 0:
            return np.full(wanted.size, -1)
        row = by_key[np.minimum(np.searchsorted(keys, wanted, sorter=by_key), keys.size - 1)]
        return np.where((contact >= 0) & (keys[row] == wanted), row, -1)

    def text(self, row: int) -> str:
        """What was said in a row."""
        return self.table["text"][int(self.order[row])].as_py() or ""

    def turn(self, row: int) -> QuotedTurn:
        """A row as it is shown."""
        speaker = self.table["speaker"][int(self.order[row])].as_py()
        return QuotedTurn(int(self.number[row]), speaker, self.text(row))

    def neighbours(self, row: int, after: int | None) -> tuple[QuotedTurn, ...]:
        """`row` with two turns before it and one after it (`after` where that is given), of the same contact."""
        rows = [row - 2, row - 1, row, row + 1 if after is None else after]
        return tuple(self.turn(r) for r in rows if 0 <= r < self.contact.size and self.contact[r] == self.contact[row])


def _is(name: str, speaker: IntArray, speakers: Sequence[str]) -> BoolArray:
    found: BoolArray = speaker == (speakers.index(name) if name in speakers else len(speakers))
    return found


def _among(all_names: Sequence[str], names: Sequence[str]) -> IntArray:
    """The place of each of `names` among all; the last entry, for code -1, is -1."""
    place = {name: code for code, name in enumerate(all_names)}
    return np.array([*(place[name] for name in names), -1], dtype=np.int64)
