"""A run's turns and verdicts → ranked `CoachingMoment`s, each with its quote, its neighbours and what was observed.

Ranked by confidence × gain × novelty. Confidence is the product of the probabilities that make the moment; gain is 1,
or for an unmet item its weight (as a share of the heaviest) times how often this agent misses it; novelty is
1/(1 + moments of the same skill already chosen), halved where the contact was already used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cxsentiment.schema import EMPATHY_ACTS, CoachingMoment, ItemText, QuotedTurn
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats

PRESENT = 0.5
"""Probability from which an act or a sentiment counts as present: the threshold the calibrated heads ship with."""
STRONG = 0.7
STRENGTH_SHARE = 1 / 3
_ANSWERING_ACTS = ("acknowledge", "apologise", "reassure")
# Candidates kept per agent and kind: enough for every pick to meet a fresh contact, few enough to stay fast.
_POOL = 5

MISSED_EMPATHY = "empathy"
CONDUCT = "conduct"
ACKNOWLEDGING = "acknowledging"
RECOVERY = "recovery"
_KEEP = "Keep doing this, and offer it to colleagues as an example."
_NAME_IT = "Name the customer's trouble before the solution."
_PERSON_FIRST = "Have a person read this passage before anything follows from it."

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible moment. `row`, `contact` and `agent` are places in `_Talk`; `cause` is what it is de-duplicated by."""

    row: int
    contact: int
    agent: int
    skill: str
    cause: str
    strength: bool
    confidence: float
    gain: float
    why: str
    focus: str
    quote: str | None = None
    after: int | None = None


class _Talk:
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
        self.is_agent: BoolArray = speaker == (speakers.index("agent") if "agent" in speakers else len(speakers))
        agent_codes, self.agents = codes(contacts["agent_id"])
        self._agent_by_contact = dict(zip(contacts["contact_id"].to_pylist(), agent_codes.tolist(), strict=True))
        self.agent: IntArray = self.agents_of(self.contacts)[self.contact]
        self.p_negative = self._column("p_negative")
        self.p_positive = self._column("p_positive")
        self.p_unprofessional = self._column("p_unprofessional")
        self.empathy = np.stack([self._column(f"p_{act}") for act in EMPATHY_ACTS])
        self.next_agent = self.following(self.is_agent)
        self.strongest_answer = self._strongest_answer()
        self.unanswered: BoolArray = (self.p_negative >= PRESENT) & (self.strongest_answer < PRESENT)
        self.unprofessional: BoolArray = self.is_agent & (self.p_unprofessional >= PRESENT)

    def agents_of(self, contact_ids: Sequence[str]) -> IntArray:
        """Agent code of each contact; -1 where it names none."""
        return np.array([self._agent_by_contact.get(name, -1) for name in contact_ids], dtype=np.int64)

    def _column(self, name: str) -> FloatArray:
        return floats(self.table[name])[self.order]

    def _strongest_answer(self) -> FloatArray:
        """For each row, the highest answering act in the agent's next two turns.

        NaN where no agent turn follows, or where one of the two was not scored: nothing is said about those.
        """
        answer = self.empathy[[EMPATHY_ACTS.index(act) for act in _ANSWERING_ACTS]].max(axis=0)
        first = self.next_agent
        second = np.where(first >= 0, first[first], -1)
        best = np.maximum(answer[first], np.where(second >= 0, answer[second], 0.0))
        return np.where(first >= 0, best, np.nan)

    def following(self, wanted: BoolArray) -> IntArray:
        """For each row, the next later row of the same contact that is wanted; -1 where there is none."""
        size = wanted.size
        nearest = np.minimum.accumulate(np.where(wanted, np.arange(size), size)[::-1])[::-1]
        later = np.append(nearest[1:], size)[:size]
        inside = later < size
        inside[inside] = self.contact[later[inside]] == self.contact[inside]
        return np.where(inside, later, -1)

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

    def turn(self, row: int) -> QuotedTurn:
        source = int(self.order[row])
        speaker = self.table["speaker"][source].as_py()
        return QuotedTurn(int(self.number[row]), speaker, self.table["text"][source].as_py() or "")

    def neighbours(self, row: int, after: int | None) -> tuple[QuotedTurn, ...]:
        """`row` with two turns before it and one after it (`after` where that is given), of the same contact."""
        rows = [row - 2, row - 1, row, row + 1 if after is None else after]
        return tuple(self.turn(r) for r in rows if 0 <= r < self.contact.size and self.contact[r] == self.contact[row])


def moments(
    contacts: pa.Table, turns: pa.Table, items: pa.Table, texts: Mapping[str, ItemText], *, per_agent: int = 6
) -> tuple[CoachingMoment, ...]:
    """At most `per_agent` moments for each agent: agents by id, strengths first, then by rank.

    The tables are the run's: the rows of a contact stand in the order they were said. A third of the places is for
    strengths; places that one side cannot fill go to the other. Contacts without an agent id have no moments.
    `context` holds the quoted turn, two before it and one after it; for missed empathy the one after is the agent's
    next turn. Probabilities are those of the run, from 0 to 1.
    """
    if turns.num_rows == 0 or per_agent < 1:
        return ()
    talk = _Talk(contacts, turns)
    pool = per_agent * _POOL
    by_agent: dict[int, list[_Candidate]] = {}
    for candidate in (
        *_missed_empathy(talk, texts, pool),
        *_conduct(talk, items, texts, pool),
        *_unmet_items(talk, items, texts, per_agent),
        *_acknowledging(talk, pool),
        *_recoveries(talk, pool),
    ):
        by_agent.setdefault(candidate.agent, []).append(candidate)
    return tuple(
        _moment(talk, candidate) for agent in sorted(by_agent) for candidate in _pack(by_agent[agent], per_agent)
    )


def _missed_empathy(talk: _Talk, texts: Mapping[str, ItemText], pool: int) -> Iterator[_Candidate]:
    """A negative customer turn, and no answering act in either of the agent's next two turns."""
    rows = np.flatnonzero(talk.unanswered & (talk.agent >= 0))
    best = talk.strongest_answer[rows]
    first = talk.next_agent[rows]
    second = talk.next_agent[first]
    confidence = talk.p_negative[rows] * (1 - best)
    focus = next((texts[act].hint for act in EMPATHY_ACTS if act in texts and texts[act].hint), _NAME_IT)
    for k in _top(talk.agent[rows], confidence, pool):
        row, reply = int(rows[k]), int(first[k])
        replies = f"turn {talk.number[reply]}" + (f" and turn {talk.number[second[k]]}" if second[k] >= 0 else "")
        why = (
            f"The customer's turn {talk.number[row]} reads as negative (p {talk.p_negative[row]:.2f}); nothing in the "
            f"agent's {replies} acknowledges, apologises or reassures (highest p {best[k]:.2f})."
        )
        yield _candidate(talk, row, MISSED_EMPATHY, float(confidence[k]), why, focus, after=reply)


def _conduct(talk: _Talk, items: pa.Table, texts: Mapping[str, ItemText], pool: int) -> Iterator[_Candidate]:
    rows = np.flatnonzero(talk.unprofessional & (talk.agent >= 0))
    critical = set(items.filter(pc.equal(items["critical"], "customer"))["item"].to_pylist())
    focus = next((text.hint for item, text in texts.items() if item in critical and text.hint), _PERSON_FIRST)
    p = talk.p_unprofessional[rows]
    for k in _top(talk.agent[rows], p, pool):
        row = int(rows[k])
        why = (
            f"The agent's turn {talk.number[row]} reads as rude, dismissive, blaming or mocking (p {p[k]:.2f}). "
            "This is a machine flag: have a person read it."
        )
        yield _candidate(talk, row, CONDUCT, float(p[k]), why, focus)


def _unmet_items(talk: _Talk, items: pa.Table, texts: Mapping[str, ItemText], pool: int) -> Iterator[_Candidate]:
    """Items not met whose evidence points at a turn; each agent keeps the surest ones of each item.

    Turns that missed empathy or conduct speak for already are left to those.
    """
    item_of, names = codes(items["item"])
    verdict_of, verdicts = codes(items["verdict"])
    verdict = np.array(verdicts, dtype=np.object_)[verdict_of] if verdicts else np.zeros(0, dtype=np.object_)
    rows = talk.rows(items["contact_id"], floats(items["evidence_turn"]))
    contact_of, contact_names = codes(items["contact_id"])
    agent = talk.agents_of(contact_names)[contact_of]
    p_met, weight = floats(items["p_met"]), floats(items["weight"])
    known = (agent >= 0) & np.isin(verdict, ("met", "not_met"))
    cell = agent * len(names) + item_of
    size = len(talk.agents) * len(names)
    unmet = known & (verdict == "not_met")
    missed = np.bincount(cell[unmet], minlength=size) / np.maximum(np.bincount(cell[known], minlength=size), 1)
    elsewhere = (talk.unanswered | talk.unprofessional)[rows]
    at = np.flatnonzero(unmet & (rows >= 0) & ~elsewhere & ~np.isnan(p_met) & ~np.isnan(weight))
    heaviest = float(np.nanmax(weight, initial=0.0)) or 1.0
    quotes = items["evidence_quote"]
    for k in _top(cell[at], 1 - p_met[at], pool):
        place = int(at[k])
        row, name = int(rows[place]), names[item_of[place]]
        text = texts.get(name, ItemText("", f"item {name}.", ""))
        cause, after = name, None
        place_of_quote = "where it came nearest, or would have belonged"
        if not talk.is_agent[row]:
            # The evidence is the customer's turn that went unanswered: the same cause as missed empathy.
            cause, after = MISSED_EMPATHY, _or_none(talk.next_agent[row])
            place_of_quote = "the customer's turn that called for it"
        why = f"Not met: {text.question} Quoted is turn {talk.number[row]}, {place_of_quote}."
        gain = float(weight[place] / heaviest * missed[cell[place]])
        quote = quotes[place].as_py()
        focus = text.hint or f"Look at this item of the scorecard: {text.question}"
        yield _candidate(
            talk,
            row,
            name,
            float(1 - p_met[place]),
            why,
            focus,
            cause=cause,
            gain=gain,
            quote=quote or None,
            after=after,
        )


def _acknowledging(talk: _Talk, pool: int) -> Iterator[_Candidate]:
    """Strength: the agent's turn right after a negative customer turn acknowledges it strongly."""
    asked = np.flatnonzero((talk.p_negative >= PRESENT) & (talk.agent >= 0) & (talk.next_agent >= 0))
    reply = talk.next_agent[asked]
    p = talk.empathy[EMPATHY_ACTS.index("acknowledge")][reply]
    keep = p >= STRONG
    asked, reply, p = asked[keep], reply[keep], p[keep]
    confidence = talk.p_negative[asked] * p
    for k in _top(talk.agent[asked], confidence, pool):
        why = (
            f"The agent's turn {talk.number[reply[k]]} names or validates the trouble (p {p[k]:.2f}) right after the "
            f"customer's negative turn {talk.number[asked[k]]} (p {talk.p_negative[asked[k]]:.2f})."
        )
        yield _candidate(talk, int(reply[k]), ACKNOWLEDGING, float(confidence[k]), why, _KEEP, strength=True)


def _recoveries(talk: _Talk, pool: int) -> Iterator[_Candidate]:
    """Strength: a customer turn is negative, a later one positive; quoted is the most empathic agent turn between."""
    later = talk.following(talk.p_positive >= PRESENT)
    start = np.flatnonzero((talk.p_negative >= PRESENT) & (talk.agent >= 0) & (later >= 0))
    confidence = talk.p_negative[start] * talk.p_positive[later[start]]
    for k in _top(talk.agent[start], confidence, pool):
        low, high = int(start[k]), int(later[start[k]])
        between = np.nan_to_num(talk.empathy[:, low + 1 : high])
        if between.size == 0 or between.max() < PRESENT:
            continue
        act, place = np.unravel_index(int(between.argmax()), between.shape)
        row = low + 1 + int(place)
        why = (
            f"The customer reads as negative in turn {talk.number[low]} (p {talk.p_negative[low]:.2f}) and as positive "
            f"in turn {talk.number[high]} (p {talk.p_positive[high]:.2f}); between them, turn {talk.number[row]} shows "
            f"the clearest act of empathy ({EMPATHY_ACTS[act]}, p {between[act, place]:.2f})."
        )
        yield _candidate(talk, row, RECOVERY, float(confidence[k] * between[act, place]), why, _KEEP, strength=True)


def _candidate(
    talk: _Talk,
    row: int,
    skill: str,
    confidence: float,
    why: str,
    focus: str,
    *,
    strength: bool = False,
    cause: str | None = None,
    gain: float = 1.0,
    quote: str | None = None,
    after: int | None = None,
) -> _Candidate:
    contact, agent = int(talk.contact[row]), int(talk.agent[row])
    return _Candidate(row, contact, agent, skill, cause or skill, strength, confidence, gain, why, focus, quote, after)


def _or_none(row: int) -> int | None:
    return int(row) if row >= 0 else None


def _top(groups: IntArray, values: FloatArray, keep: int) -> list[int]:
    """Places of the `keep` largest values of each group, group by group; ties by place."""
    order = np.lexsort((-values, groups))
    sizes = np.unique(groups, return_counts=True)[1]
    rank = np.arange(groups.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return [int(place) for place in order[rank < keep]]


def _pack(candidates: Sequence[_Candidate], places: int) -> list[_Candidate]:
    """One agent's moments: strengths first, each side giving the places it cannot fill to the other."""
    good = [candidate for candidate in candidates if candidate.strength]
    growth = [candidate for candidate in candidates if not candidate.strength]
    chosen = _choose(good, round(places * STRENGTH_SHARE), [])
    chosen += _choose(growth, places - len(chosen), chosen)
    chosen += _choose(good, places - len(chosen), chosen)
    return sorted(chosen, key=lambda candidate: not candidate.strength)


def _choose(candidates: Sequence[_Candidate], places: int, taken: Sequence[_Candidate]) -> list[_Candidate]:
    """Greedily the best by confidence × gain × novelty, beside those `taken` already."""
    chosen: list[_Candidate] = []

    def worth(candidate: _Candidate) -> tuple[float, int]:
        before = [*taken, *chosen]
        novelty = 1 / (1 + sum(other.skill == candidate.skill for other in before))
        if any(other.contact == candidate.contact for other in before):
            novelty /= 2
        return candidate.confidence * candidate.gain * novelty, -candidate.row

    def repeats(candidate: _Candidate) -> bool:
        return any(
            other.contact == candidate.contact and (other.cause == candidate.cause or other.row == candidate.row)
            for other in [*taken, *chosen]
        )

    while len(chosen) < places:
        candidates = [candidate for candidate in candidates if not repeats(candidate)]
        if not candidates:
            break
        chosen.append(max(candidates, key=worth))
    return chosen


def _moment(talk: _Talk, candidate: _Candidate) -> CoachingMoment:
    shown = talk.turn(candidate.row)
    return CoachingMoment(
        contact_id=talk.contacts[candidate.contact],
        agent_id=talk.agents[candidate.agent],
        skill=candidate.skill,
        strength=candidate.strength,
        turn=shown.turn,
        quote=candidate.quote or shown.text,
        context=talk.neighbours(candidate.row, candidate.after),
        why=candidate.why,
        focus=candidate.focus,
        confidence=candidate.confidence,
        speaker=shown.speaker,
    )
