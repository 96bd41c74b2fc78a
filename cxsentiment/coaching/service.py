"""Moments about service: unanswered questions, repeated effort, escalation, verification too late, waiting.

Words found by rules are no sure sign. The confidence of such a moment is multiplied with the share of hits that were
right among those read for this project, in the STAR chats and the demo campaign, with one right and one wrong added
(Laplace): 14 of 19 negative turns with a phrase of repeat effort, 4 of 4 requests for a supervisor, 19 of 29 questions
called unanswered, 1 of 2 statements about an account before verification.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from cxsentiment.coaching.candidates import (
    DISCLOSURE,
    ESCALATION,
    REPEAT_EFFORT,
    SILENCE,
    SLOW_REPLY,
    UNANSWERED,
    Candidate,
    Texts,
    asks_of,
    candidate,
    focus_of,
    item_for,
    or_none,
    top,
)
from cxsentiment.coaching.talk import PRESENT, Talk
from cxsentiment.signals import cues_in
from cxsentiment.stats.arrays import FloatArray, IntArray, floats

ANSWERING_ACTS = ("inform", "confirm", "probe", "verify", "hold", "transfer", "check_resolved", "reassure")
"""Acts that count as dealing with a question, if only by asking back or by going to look."""
SLOW_S = {"call": 15.0, "chat": 120.0}
"""Seconds from which a reply is slow, or a silence long, where no hold was announced: a judgement, not a norm."""
_QUESTION = r"\?\s*$"
# Small talk and asking for help in general want no answer of substance.
_PLEASANTRY = r"(?i)\b(how are you|how('s| is) it going|can you help|could you help|you there|anyone there|hello)\b"
# Answers too short to read as informing: one or two words, or a yes or no.
_SHORT_ANSWER = (
    r"(?i)^\s*\S+(\s+\S+)?\s*$|^\W*(yes|yeah|yep|yup|no|nope|sure|ok|okay|of course|correct|right|certainly|absolutely|"
    r"definitely|exactly|go ahead|that('s| is) (correct|right|fine)|i am|i do|i don't|it is|it does|i'm)\b"
)
_PRIVATE = (
    r"(?i)\byour(\s+\w+){0,2}\s+(account|balance|order|address|card|payment|bill|invoice|policy|claim|"
    r"appointment|booking|reservation|subscription|plan|statement|transaction|refund|delivery|shipment|package)\s+"
    r"(is|was|has|had|shows|will|went|shipped|includes|ends|costs)\b|\bi( can)? see( that)? (you|your|a|an)\b"
)
_RIGHT = {"repeat_effort": 15 / 21, "supervisor_requests": 5 / 6, UNANSWERED: 20 / 31, DISCLOSURE: 2 / 4}

_ANSWER_IT = "Answer the question that was asked, or say when the answer will come, before you go on."
_LOOK_FIRST = "Look up what was said before you ask; where you must ask again, say why."
_BEFORE_ASKED = "Look at what came before the request: what would have made it unnecessary?"
_VERIFY_FIRST = "Verify who it is before you say anything of the account."
_SAY_IT = "Say that you are looking and how long it will take, and come back within that time."


def unanswered_questions(talk: Talk, texts: Texts, pool: int) -> Iterator[Candidate]:
    """A customer turn that ends with a question, and neither of the agent's next two turns deals with it."""
    best = talk.strongest_reply(talk.strongest(ANSWERING_ACTS))
    asked = talk.is_customer & talk.matching(_QUESTION) & ~talk.matching(_PLEASANTRY)
    asked &= ~talk.matching(_SHORT_ANSWER)[talk.next_agent]
    rows = np.flatnonzero(asked & (best < PRESENT) & (talk.agent >= 0))
    confidence = (1 - best[rows]) * _RIGHT[UNANSWERED]
    item = item_for(texts, "inform")
    for k in top(talk.agent[rows], confidence, pool):
        row = int(rows[k])
        reply = int(talk.next_agent[row])
        why = (
            f"The customer's turn {talk.number[row]} asks; in the agent's next turns, from turn "
            f"{talk.number[reply]} on, no answer, confirmation, question or look-up was seen (highest p "
            f"{best[row]:.2f})."
        )
        yield candidate(
            talk, row, UNANSWERED, float(confidence[k]), why, focus_of(item, _ANSWER_IT), asks=asks_of(item),
            after=reply,
        )  # fmt: skip


def repeat_effort(talk: Talk, contacts: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """A negative customer turn with a phrase of repeat effort, such as "I already told you"."""
    item = item_for(texts, "no_repeated_information")
    said = "has words that often mean that something was told, asked for or done before"
    yield from _cued(
        talk, contacts, "repeat_effort", REPEAT_EFFORT, said, focus_of(item, _LOOK_FIRST), asks_of(item), pool
    )


def escalations(talk: Talk, contacts: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """A customer turn that asks for a supervisor or for somebody else."""
    item = item_for(texts, "escalation", "escalated")
    said = "asks for a supervisor, or for somebody else"
    focus = focus_of(item, _BEFORE_ASKED)
    yield from _cued(talk, contacts, "supervisor_requests", ESCALATION, said, focus, asks_of(item), pool)


def late_verification(talk: Talk, contacts: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """An agent turn informs about the account, and identity is asked for only later; not on public channels."""
    verify, inform = talk.column("p_verify"), talk.column("p_inform")
    asks = talk.is_agent & (verify >= PRESENT)
    later, earlier = talk.following(asks), talk.preceding(asks)
    private = np.array([channel in ("call", "chat", "email") for channel in talk.of_contact(contacts["channel"])], bool)
    told = talk.is_agent & (inform >= PRESENT) & (verify < PRESENT) & talk.matching(_PRIVATE)
    told &= (later >= 0) & (earlier < 0) & private[talk.contact] & (talk.agent >= 0)
    rows = np.flatnonzero(told)
    confidence = inform[rows] * (1 - verify[rows]) * verify[later[rows]] * _RIGHT[DISCLOSURE]
    item = item_for(texts, "verification")
    for k in top(talk.agent[rows], confidence, pool):
        row = int(rows[k])
        why = (
            f"The agent's turn {talk.number[row]} speaks of the customer's account (informs, p {inform[row]:.2f}), and "
            f"identity is asked for only in turn {talk.number[later[row]]} (p {verify[later[row]]:.2f}). The wording "
            "was found by a rule: have a person read whether it gave anything away."
        )
        yield candidate(
            talk, row, DISCLOSURE, float(confidence[k]), why, focus_of(item, _VERIFY_FIRST), cause="verification",
            asks=asks_of(item), after=int(later[row]),
        )  # fmt: skip


def waits(talk: Talk, contacts: pa.Table, pool: int) -> Iterator[Candidate]:
    """A slow reply to the customer (call, chat), or a long silence between two turns of the agent (call).

    Counted from the end of the turn before (its start, where no end is known); an announced hold is no silence, and
    nobody waits for a goodbye.
    Confidence is 1 less the probability that a hold was announced; gain the share of the wait above what is allowed.
    """
    start, end = talk.column("start_s"), talk.column("end_s")
    before = np.arange(talk.contact.size) - 1
    inside = (before >= 0) & talk.is_agent & (talk.agent >= 0)
    inside &= talk.contact[before] == talk.contact
    gap = start - np.where(np.isnan(end), start, end)[before]
    slow, call = _limits(talk, contacts)
    replied = talk.is_customer[before]
    silent = talk.is_agent[before] & call & ~np.isnan(end[before])
    goodbye = talk.column("p_close") >= PRESENT  # nobody waits for one
    rows = np.flatnonzero(inside & (replied | silent) & (gap > slow) & ~goodbye)
    last = talk.preceding(talk.is_agent)[rows]
    hold = np.where(last >= 0, np.nan_to_num(talk.column("p_hold")[last]), 0.0)
    rows, hold = rows[hold < PRESENT], hold[hold < PRESENT]
    gain = 1 - slow[rows] / gap[rows]
    for k in top(talk.agent[rows], (1 - hold) * gain, pool):
        row = int(rows[k])
        asked = bool(replied[row])
        why = (
            f"{'The reply' if asked else 'The next turn'}, turn {talk.number[row]}, comes {gap[row]:.0f} s after turn "
            f"{talk.number[row - 1]}, more than {slow[row]:.0f} s, and no hold was announced."
        )
        yield candidate(
            talk, row, SLOW_REPLY if asked else SILENCE, float(1 - hold[k]), why, _SAY_IT, trigger=row - 1,
            gain=float(gain[k]),
        )  # fmt: skip


def _limits(talk: Talk, contacts: pa.Table) -> tuple[FloatArray, np.ndarray]:
    """Seconds from which a wait is long, by row (infinite on other channels), and whether the row is of a call."""
    channels = talk.of_contact(contacts["channel"])
    limit = np.array([SLOW_S.get(str(channel), np.inf) for channel in channels])
    call = np.array([channel == "call" for channel in channels], dtype=bool)
    return limit[talk.contact], call[talk.contact]


def _cued(
    talk: Talk, contacts: pa.Table, cue: str, skill: str, said: str, focus: str, asks: str, pool: int
) -> Iterator[Candidate]:
    """Customer turns that hold a cue phrase; repeat effort counts only where the turn is negative too."""
    rows, quotes = _found(talk, contacts, cue)
    negative = np.nan_to_num(talk.p_negative[rows])
    mood = negative if cue == "repeat_effort" else np.ones(rows.size)
    keep = mood >= PRESENT
    places = np.flatnonzero(keep)
    confidence = mood[places] * _RIGHT[cue]
    for k in top(talk.agent[rows[places]], confidence, pool):
        row, quote = int(rows[places[k]]), quotes[int(places[k])]
        why = f"The customer's turn {talk.number[row]} {said}: “{quote}” (found by its words"
        why += f"; reads as negative, p {negative[places[k]]:.2f})." if cue == "repeat_effort" else ")."
        yield candidate(
            talk, row, skill, float(confidence[k]), why, focus, asks=asks, after=or_none(talk.next_agent[row])
        )


def _found(talk: Talk, contacts: pa.Table, cue: str) -> tuple[IntArray, list[str]]:
    """Customer rows with the cue, and the phrase in each; only contacts that were counted as having one are read."""
    counted = np.nan_to_num(floats(contacts[cue])) > 0
    names = set(contacts.filter(pa.array(counted))["contact_id"].to_pylist())
    has = np.array([name in names for name in talk.contacts], dtype=bool)
    rows, quotes = [], []
    for row in np.flatnonzero(talk.is_customer & has[talk.contact] & (talk.agent >= 0)).tolist():
        text = talk.text(row)
        if (span := cues_in(text).get(cue)) is not None:
            rows.append(row)
            quotes.append(text[span[0] : span[1]])
    return np.array(rows, dtype=np.int64), quotes
