"""A run's turns and verdicts → ranked `CoachingMoment`s, each with its quote, its neighbours and what was observed.

Ranked by confidence × gain × novelty. Confidence is the product of the probabilities that make the moment; gain is 1,
for missed empathy the share of the contact's negative turns that were left so, for an unmet item its weight (as a share
of the heaviest) times how often this agent misses it (for one well met: all agents), for a wait the share that is too
long; novelty is 1/(1 + moments of the same skill or advice already chosen), halved where the contact was
already used. No two moments of a contact share their cause or the turn that set them off.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from cxsentiment.coaching.candidates import Candidate
from cxsentiment.coaching.card import met_items, unmet_items
from cxsentiment.coaching.empathy import acknowledging, advice_first, conduct, downturns, missed_empathy, recoveries
from cxsentiment.coaching.service import escalations, late_verification, repeat_effort, unanswered_questions, waits
from cxsentiment.coaching.talk import Talk
from cxsentiment.schema import CoachingMoment, ItemText

STRENGTH_SHARE = 1 / 3
# Candidates kept per agent and kind: enough for every pick to meet a fresh contact, few enough to stay fast.
_POOL = 5


def moments(
    contacts: pa.Table, turns: pa.Table, items: pa.Table, texts: Mapping[str, ItemText], *, per_agent: int = 6
) -> tuple[CoachingMoment, ...]:
    """At most `per_agent` moments for each agent: agents by id, strengths first, then by rank.

    The tables are the run's: the rows of a contact stand in the order they were said. A third of the places is for
    strengths; places that one side cannot fill go to the other. Turns of nobody known have no
    moments; where a source tells agents of one contact apart, a moment is the agent's whose turn it is about.
    `context` holds the quoted turn, two before it and one after it; for missed empathy the one after is the agent's
    next turn. Probabilities are those of the run, from 0 to 1.
    """
    if turns.num_rows == 0 or per_agent < 1:
        return ()
    talk = Talk(contacts, turns)
    by_agent: dict[int, list[Candidate]] = {}
    for one in _candidates(talk, contacts, items, dict(texts), per_agent):
        by_agent.setdefault(one.agent, []).append(one)
    return tuple(_moment(talk, one) for agent in sorted(by_agent) for one in _pack(by_agent[agent], per_agent))


def library(
    contacts: pa.Table,
    turns: pa.Table,
    items: pa.Table,
    texts: Mapping[str, ItemText],
    *,
    places: int = 8,
    per_skill: int = 2,
) -> tuple[CoachingMoment, ...]:
    """The best good examples of the run, for colleagues to learn from: by skill, the clearest example of each first.

    Ranked as `moments` are; at most `places` in all and `per_skill` of a skill, those of different agents. It says
    nothing of who is better.
    """
    if turns.num_rows == 0:
        return ()
    talk = Talk(contacts, turns)
    pool = places * _POOL
    left = [*acknowledging(talk, pool), *recoveries(talk, pool), *met_items(talk, items, dict(texts), per_skill)]
    chosen: list[Candidate] = []
    while left and len(chosen) < places:
        if not (best := _choose(left, 1, chosen)):
            break
        chosen += best
        full = {one.skill for one in chosen if sum(other.skill == one.skill for other in chosen) == per_skill}
        left = [one for one in left if one.skill not in full and not _alike(one, best[0])]
    return tuple(_moment(talk, one) for one in sorted(chosen, key=lambda one: (one.skill, -one.confidence, one.row)))


def _alike(one: Candidate, other: Candidate) -> bool:
    """Whether both show the same skill of the same agent."""
    return one.skill == other.skill and one.agent == other.agent


def _candidates(
    talk: Talk, contacts: pa.Table, items: pa.Table, texts: dict[str, ItemText], per_agent: int
) -> list[Candidate]:
    pool = per_agent * _POOL
    return [
        *missed_empathy(talk, texts, pool),
        *advice_first(talk, texts, pool),
        *conduct(talk, items, texts, pool),
        *unmet_items(talk, items, texts, per_agent),
        *unanswered_questions(talk, texts, pool),
        *repeat_effort(talk, contacts, texts, pool),
        *escalations(talk, contacts, texts, pool),
        *late_verification(talk, contacts, texts, pool),
        *waits(talk, contacts, pool),
        *downturns(talk, texts, pool),
        *acknowledging(talk, pool),
        *recoveries(talk, pool),
        *met_items(talk, items, texts, per_agent),
    ]


def _pack(candidates: Sequence[Candidate], places: int) -> list[Candidate]:
    """One agent's moments: strengths first, each side giving the places it cannot fill to the other."""
    good = [one for one in candidates if one.strength]
    growth = [one for one in candidates if not one.strength]
    chosen = _choose(good, round(places * STRENGTH_SHARE), [])
    chosen += _choose(growth, places - len(chosen), chosen)
    chosen += _choose(good, places - len(chosen), chosen)
    return sorted(chosen, key=lambda one: not one.strength)


def _choose(candidates: Sequence[Candidate], places: int, taken: Sequence[Candidate]) -> list[Candidate]:
    """Greedily the best by confidence × gain × novelty, beside those `taken` already."""
    chosen: list[Candidate] = []

    def worth(one: Candidate) -> tuple[float, int]:
        before = [*taken, *chosen]
        novelty = 1 / (1 + sum(_same_lesson(one, other) for other in before))
        if any(other.contact == one.contact for other in before):
            novelty /= 2
        return one.confidence * one.gain * novelty, -one.row

    while len(chosen) < places:
        candidates = [one for one in candidates if not any(_repeats(one, other) for other in [*taken, *chosen])]
        if not candidates:
            break
        chosen.append(max(candidates, key=worth))
    return chosen


def _same_lesson(one: Candidate, other: Candidate) -> bool:
    """Whether both show the same skill, or give the same advice under two names (missed empathy, and its item)."""
    return one.skill == other.skill or (not one.strength and one.focus == other.focus)


def _repeats(one: Candidate, other: Candidate) -> bool:
    """Whether both are of one contact and have the same cause, or were set off by the same turn."""
    if one.contact != other.contact:
        return False
    return one.cause == other.cause or bool({one.row, one.trigger} & {other.row, other.trigger})


def _moment(talk: Talk, one: Candidate) -> CoachingMoment:
    shown = talk.turn(one.row)
    return CoachingMoment(
        contact_id=talk.contacts[one.contact],
        agent_id=talk.agents[one.agent],
        skill=one.skill,
        strength=one.strength,
        turn=shown.turn,
        quote=one.quote or shown.text,
        context=talk.neighbours(one.row, one.after),
        why=one.why,
        focus=one.focus,
        confidence=one.confidence,
        speaker=shown.speaker,
        asks=one.asks,
    )
