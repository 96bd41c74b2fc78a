"""Moments about feeling: empathy missed or late, rudeness; and the good ones, acknowledging and recovery."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.coaching.candidates import (
    ACKNOWLEDGING,
    ADVICE_FIRST,
    CONDUCT,
    DOWNTURN,
    KEEP,
    MISSED_EMPATHY,
    NAME_IT,
    RECOVERY,
    Candidate,
    Texts,
    asks_of,
    candidate,
    empathy_item,
    focus_of,
    or_none,
    top,
)
from cxsentiment.coaching.talk import ACKNOWLEDGING_ACTS, PRESENT, TAKING_ON, Talk
from cxsentiment.stats.arrays import FloatArray

STRONG = 0.7
_RECOVERED_WITHIN = 12  # turns
_NEWS = "Look at what was said just before: how could this news be told another time?"
_PERSON_FIRST = "Have a person read this passage before anything follows from it."


def missed_empathy(talk: Talk, texts: Texts, pool: int) -> Iterator[Candidate]:
    """A negative customer turn, and no acknowledging act in either of the agent's next two turns.

    Gain is the share of the contact's negative turns that this agent left so: who has answered five and not the sixth
    learns little from it.
    """
    rows = np.flatnonzero(talk.unanswered & (talk.agent >= 0))
    best = talk.acknowledged[rows]
    first = talk.next_agent[rows]
    second = talk.next_agent[first]
    confidence = talk.p_negative[rows] * (1 - best)
    gain = _share_left(talk)[rows]
    item = empathy_item(texts)
    for k in top(talk.agent[rows], confidence * gain, pool):
        row, reply = int(rows[k]), int(first[k])
        replies = f"turn {talk.number[reply]}" + (f" and turn {talk.number[second[k]]}" if second[k] >= 0 else "")
        why = (
            f"The customer's turn {talk.number[row]} reads as negative (p {talk.p_negative[row]:.2f}); no "
            f"acknowledgement, apology or reassurance was seen in the agent's {replies} (highest p {best[k]:.2f})."
        )
        yield candidate(
            talk, row, MISSED_EMPATHY, float(confidence[k]), why, focus_of(item, NAME_IT),
            gain=float(gain[k]), asks=asks_of(item), after=reply,
        )  # fmt: skip


def _share_left(talk: Talk) -> FloatArray:
    """Of the negative turns of a row's contact that its agent could answer, the share left unanswered; 0 of none."""
    place = np.unique(np.stack([talk.contact, talk.agent]), axis=1, return_inverse=True)[1].reshape(-1)
    answerable = np.bincount(place, (talk.p_negative >= PRESENT) & ~np.isnan(talk.acknowledged))
    left: FloatArray = (np.bincount(place, talk.unanswered) / np.maximum(answerable, 1))[place]
    return left


def advice_first(talk: Talk, texts: Texts, pool: int) -> Iterator[Candidate]:
    """After a negative customer turn the agent first informs, and acknowledges only in the turn after that.

    Whatever the customer says between the two must be negative still: who is content by then, or speaks of something
    else, gets an apology for something else.
    """
    acknowledging = talk.strongest(ACKNOWLEDGING_ACTS)
    inform = talk.column("p_inform")
    first = talk.next_agent
    second = np.where(first >= 0, first[first], -1)
    late = (talk.p_negative >= PRESENT) & (talk.agent >= 0) & (second >= 0)
    late &= (inform[first] >= PRESENT) & (acknowledging[first] < PRESENT) & (acknowledging[second] >= PRESENT)
    other = talk.following(talk.is_customer & ~(talk.p_negative >= PRESENT))
    late &= (other[first] < 0) | (other[first] > second)
    rows = np.flatnonzero(late)
    at, then = first[rows], second[rows]
    confidence = talk.p_negative[rows] * inform[at] * (1 - acknowledging[at]) * acknowledging[then]
    item = empathy_item(texts)
    for k in top(talk.agent[rows], confidence, pool):
        row, reply, later = int(rows[k]), int(at[k]), int(then[k])
        why = (
            f"The customer's turn {talk.number[row]} reads as negative (p {talk.p_negative[row]:.2f}); the agent's "
            f"turn {talk.number[reply]} already informs (p {inform[reply]:.2f}), and only turn {talk.number[later]} "
            f"acknowledges, apologises or reassures (p {acknowledging[later]:.2f})."
        )
        yield candidate(
            talk, reply, ADVICE_FIRST, float(confidence[k]), why, focus_of(item, NAME_IT),
            trigger=row, asks=asks_of(item), after=later,
        )  # fmt: skip


def conduct(talk: Talk, items: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """An agent turn that reads as rude; for a person to read first."""
    rows = np.flatnonzero(talk.unprofessional & (talk.agent >= 0))
    critical = set(items.filter(pc.equal(items["critical"], "customer"))["item"].to_pylist())
    item = next((text for name, text in texts.items() if name in critical and text.hint), None)
    p = talk.p_unprofessional[rows]
    for k in top(talk.agent[rows], p, pool):
        row = int(rows[k])
        why = (
            f"The agent's turn {talk.number[row]} reads as rude, dismissive, blaming or mocking (p {p[k]:.2f}). "
            "This is a machine flag: have a person read it."
        )
        yield candidate(talk, row, CONDUCT, float(p[k]), why, focus_of(item, _PERSON_FIRST), asks=asks_of(item))


def downturns(talk: Talk, texts: Texts, pool: int) -> Iterator[Candidate]:
    """The turning point downwards: of four customer turns in a row two are not negative and then two are.

    Quoted is the first negative one; the agent's turn before it is what a coach looks at.
    """
    customer = np.flatnonzero(talk.is_customer & ~np.isnan(talk.p_negative))
    if customer.size < 4:
        return
    windows = np.lib.stride_tricks.sliding_window_view(customer, 4)
    windows = windows[talk.contact[windows[:, 0]] == talk.contact[windows[:, 3]]]
    p = talk.p_negative[windows]
    turned = (p[:, :2] < PRESENT).all(axis=1) & (p[:, 2:] >= PRESENT).all(axis=1)
    windows, p = windows[turned], p[turned]
    rows = windows[:, 2]
    before = talk.preceding(talk.is_agent)
    # Of those without an agent's turn at the turning point there is nothing to show; they must not fill the pool.
    known = (talk.agent[rows] >= 0) & (before[rows] >= windows[:, 1])
    windows, p, rows = windows[known], p[known], rows[known]
    confidence = (1 - p[:, :2]).mean(axis=1) * p[:, 2:].mean(axis=1)
    item = empathy_item(texts)
    for k in top(talk.agent[rows], confidence, pool):
        row = int(rows[k])
        earlier = ", ".join(f"turn {talk.number[r]}" for r in windows[k, :2])
        why = (
            f"The customer's words turn negative here: {earlier} do not read as negative, turn {talk.number[row]} and "
            f"turn {talk.number[windows[k, 3]]} do (p {p[k, 2]:.2f} and {p[k, 3]:.2f}). Look at the agent's turn "
            f"{talk.number[before[row]]}, just before: it may have been the news, how it was told, or nothing that the "
            "agent said."
        )
        # Who named the trouble at once is not to be told to name it.
        named = bool(talk.acknowledged[row] >= PRESENT)
        if named:
            why += " The agent's answer acknowledges, apologises or reassures."
        yield candidate(
            talk, row, DOWNTURN, float(confidence[k]), why, _NEWS if named else focus_of(item, NAME_IT),
            trigger=row, asks="" if named else asks_of(item), after=or_none(talk.next_agent[row]),
        )  # fmt: skip


def acknowledging(talk: Talk, pool: int) -> Iterator[Candidate]:
    """Strength: the agent's turn right after a negative customer turn acknowledges it strongly.

    Not where the customer's next turn reads as negative still: what did not help is no example.
    """
    asked = np.flatnonzero((talk.p_negative >= PRESENT) & (talk.agent >= 0) & (talk.next_agent >= 0))
    reply = talk.next_agent[asked]
    p = talk.column("p_acknowledge")[reply]
    answer = talk.following(talk.is_customer)[reply]
    keep = (p >= STRONG) & ~((answer >= 0) & (talk.p_negative[answer] >= PRESENT))
    asked, reply, p = asked[keep], reply[keep], p[keep]
    confidence = talk.p_negative[asked] * p
    for k in top(talk.agent[asked], confidence, pool):
        why = (
            f"The agent's turn {talk.number[reply[k]]} names or validates the trouble (p {p[k]:.2f}) right after the "
            f"customer's negative turn {talk.number[asked[k]]} (p {talk.p_negative[asked[k]]:.2f})."
        )
        yield candidate(
            talk, int(reply[k]), ACKNOWLEDGING, float(confidence[k]), why, KEEP, strength=True, trigger=int(asked[k])
        )


def recoveries(talk: Talk, pool: int) -> Iterator[Candidate]:
    """Strength: a customer turn is negative, a later one positive; quoted is the agent turn between that names the
    trouble or takes it on most clearly.

    The two are at most a dozen turns apart, and no other negative turn lies between them: what was said in between can
    have helped. An apology alone ("I am sorry, there is no table at seven"), or thanks alone, is no example.
    """
    later = talk.following(talk.p_positive >= PRESENT)
    again = talk.following(talk.p_negative >= PRESENT)
    near = (later >= 0) & (later - np.arange(later.size) <= _RECOVERED_WITHIN) & ((again < 0) | (again > later))
    start = np.flatnonzero((talk.p_negative >= PRESENT) & (talk.agent >= 0) & near)
    between = start[:, None] + np.arange(1, _RECOVERED_WITHIN)
    seen = np.stack([np.nan_to_num(talk.column(f"p_{act}")) for act in TAKING_ON])
    seen = seen[:, np.minimum(between, later.size - 1)]
    seen = np.where(between < later[start][:, None], seen, 0.0)
    p = np.moveaxis(seen, 1, 0).reshape(start.size, len(TAKING_ON) * between.shape[1])  # act by act, turn by turn
    act, place = np.divmod(p.argmax(axis=1), _RECOVERED_WITHIN - 1)
    rows, clearest = start + 1 + place, p.max(axis=1)
    # Where nobody known showed any empathy there is nothing to show; those must not fill the pool.
    keep = np.flatnonzero((clearest >= PRESENT) & (talk.agent[np.minimum(rows, later.size - 1)] >= 0))
    start, rows, clearest, act = start[keep], rows[keep], clearest[keep], act[keep]
    confidence = talk.p_negative[start] * talk.p_positive[later[start]] * clearest
    for k in top(talk.agent[rows], confidence, pool):
        low, high, row = int(start[k]), int(later[start[k]]), int(rows[k])
        why = (
            f"The customer reads as negative in turn {talk.number[low]} (p {talk.p_negative[low]:.2f}) and as positive "
            f"in turn {talk.number[high]} (p {talk.p_positive[high]:.2f}); between them, turn {talk.number[row]} shows "
            f"the clearest act of empathy ({TAKING_ON[act[k]]}, p {clearest[k]:.2f})."
        )
        yield candidate(talk, row, RECOVERY, float(confidence[k]), why, KEEP, strength=True, trigger=low)
