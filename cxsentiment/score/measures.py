"""Measures of a contact that a rubric may ask for: signals, counts of turns, dead air, and what a contact log says."""

from collections.abc import Callable, Mapping
from itertools import pairwise

from cxsentiment.rubric.conditions import MEASURES
from cxsentiment.schema import CUE_SIGNALS, SENTIMENT_SIGNALS, TIME_SIGNALS
from cxsentiment.score.contact import Contact

DEAD_AIR_S = 3.0  # a pause from here on counts as dead air (as in the non-talk time of Amazon Connect)
_QUESTIONS = ("probe", "verify")  # acts that ask: recognisers of speech seldom write a question mark
_LOGGED = ("wait_s", "hold_s", "wrap_up_s", "handle_s")


def measure_of(name: str, contact: Contact) -> float | None:
    """The value of a measure (seconds, counts or shares 0-1); None where the contact does not tell."""
    if name in _COUNTED:
        return _COUNTED[name](contact)
    value = contact.measured.get(name)
    return None if value is None else float(value)


def _questions(contact: Contact) -> float:
    acts = [(number, contact.labels.thresholds[number]) for number in map(contact.labels.acts.index, _QUESTIONS)]
    asked = 0
    for place in contact.places("agent"):
        probs = contact.prediction(place).probs
        asked += "?" in contact.turns[place].text or any(probs[number] >= threshold for number, threshold in acts)
    return float(asked)


def _words_per_turn(contact: Contact) -> float | None:
    places = contact.places("agent")
    return sum(len(contact.turns[place].text.split()) for place in places) / len(places) if places else None


def _dead_air(contact: Contact) -> float | None:
    """Seconds of pauses of at least `DEAD_AIR_S` between turns, overlaps respected; None without all times."""
    turns = contact.turns
    if len(turns) < 2 or any(turn.start_s is None or turn.end_s is None for turn in turns):
        return None
    total, end = 0.0, turns[0].end_s or 0.0
    for _, turn in pairwise(turns):
        pause = (turn.start_s or 0.0) - end
        total += pause if pause >= DEAD_AIR_S else 0.0
        end = max(end, turn.end_s or 0.0)
    return round(total, 3)


def _dead_air_share(contact: Contact) -> float | None:
    silent = _dead_air(contact)
    length = contact.measured.get("duration_s")
    return None if silent is None or not length else min(1.0, silent / float(length))


_COUNTED: Mapping[str, Callable[[Contact], float | None]] = {
    "turns": lambda contact: float(len(contact.turns)),
    "agent_turns": lambda contact: float(len(contact.places("agent"))),
    "customer_turns": lambda contact: float(len(contact.places("customer"))),
    "agent_questions": _questions,
    "agent_words_per_turn": _words_per_turn,
    "dead_air_s": _dead_air,
    "dead_air_share": _dead_air_share,
}


def _lacks(name: str) -> str:
    said = name.replace("_", " ")
    if name in _LOGGED:
        return f"{said} is not known: no contact log gives it (--log)"
    if name in SENTIMENT_SIGNALS:
        return f"{said} is not known: too few customer turns"
    if name in CUE_SIGNALS:
        return f"{said} is not known: no customer turn"
    if name in TIME_SIGNALS or name in ("duration_s", "dead_air_s", "dead_air_share"):
        return f"{said} is not known: the turns lack times or one side"
    return f"{said} is not known"


MISSING: Mapping[str, str] = {name: _lacks(name) for name in MEASURES}
