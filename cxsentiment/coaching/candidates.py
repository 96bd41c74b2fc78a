"""A possible coaching moment, before it is known which ones are chosen; and the kinds there are."""

from dataclasses import dataclass

import numpy as np

from cxsentiment.coaching.talk import Talk
from cxsentiment.schema import EMPATHY_ACTS, ItemText
from cxsentiment.stats.arrays import FloatArray, IntArray

MISSED_EMPATHY = "empathy"
ADVICE_FIRST = "advice_first"
CONDUCT = "conduct"
UNANSWERED = "unanswered_question"
REPEAT_EFFORT = "repeat_effort"
ESCALATION = "escalation"
DISCLOSURE = "verification_after_disclosure"
SLOW_REPLY = "slow_reply"
SILENCE = "long_silence"
DOWNTURN = "turning_point"
ACKNOWLEDGING = "acknowledging"
RECOVERY = "recovery"
KEEP = "Keep doing this, and offer it to colleagues as an example."
NAME_IT = "Name the customer's trouble before the solution."

Texts = dict[str, ItemText]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible moment. `row`, `trigger`, `contact` and `agent` are places in `Talk`.

    `cause` and `trigger` (the turn that set it off) are what it is de-duplicated by: of a contact no two moments share
    one. `confidence` and `gain` lie in [0, 1]; `asks` is what the rubric asks there, where it has an item for it.
    """

    row: int
    contact: int
    agent: int
    skill: str
    cause: str
    trigger: int
    strength: bool
    confidence: float
    gain: float
    why: str
    focus: str
    asks: str = ""
    quote: str | None = None
    after: int | None = None


def candidate(
    talk: Talk,
    row: int,
    skill: str,
    confidence: float,
    why: str,
    focus: str,
    *,
    strength: bool = False,
    cause: str | None = None,
    trigger: int | None = None,
    gain: float = 1.0,
    asks: str = "",
    quote: str | None = None,
    after: int | None = None,
) -> Candidate:
    """A candidate at a row; its cause is its skill and its trigger the row itself, unless others are given."""
    return Candidate(
        row,
        int(talk.contact[row]),
        int(talk.agent[row]),
        skill,
        cause or skill,
        row if trigger is None else trigger,
        strength,
        confidence,
        gain,
        why,
        focus,
        asks,
        quote,
        after,
    )


def or_none(row: int) -> int | None:
    """The row, or None for -1."""
    return int(row) if row >= 0 else None


def top(groups: IntArray, values: FloatArray, keep: int) -> list[int]:
    """Places of the `keep` largest values of each group, group by group; ties by place."""
    order = np.lexsort((-values, groups))
    sizes = np.unique(groups, return_counts=True)[1]
    rank = np.arange(groups.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return [int(place) for place in order[rank < keep]]


def item_for(texts: Texts, *names: str) -> ItemText | None:
    """The first of the named scorecard items that the rubric has with a hint."""
    return next((texts[name] for name in names if name in texts and texts[name].hint), None)


def empathy_item(texts: Texts) -> ItemText | None:
    """The rubric's item on empathy: the first act of empathy that it asks for."""
    return item_for(texts, *EMPATHY_ACTS)


def focus_of(item: ItemText | None, otherwise: str) -> str:
    """The hint of the rubric's item, or a plain sentence where it has none."""
    return item.hint if item else otherwise


def asks_of(item: ItemText | None) -> str:
    """The question of the rubric's item, or nothing."""
    return item.question if item else ""
