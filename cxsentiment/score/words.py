"""How verdicts are put into words: one plain sentence each, with the numbers of turns as the source counts them."""

from cxsentiment.amounts import counted
from cxsentiment.rubric.conditions import Condition

DONE = {
    "acknowledge": "named or validated the customer's feeling or trouble",
    "apologise": "apologised",
    "reassure": "took ownership or reassured",
    "appreciate": "thanked the customer for patience, information or custom",
    "greet": "greeted",
    "identify": "gave a name or the brand",
    "offer_help": "offered help or asked what is needed",
    "verify": "asked for identity or account data",
    "probe": "asked a question to understand",
    "confirm": "restated or confirmed",
    "hold": "asked the customer to wait",
    "inform": "gave an answer, result or explanation",
    "check_resolved": "checked that it is solved or understood",
    "further_help": "offered further help",
    "close": "closed with thanks, a wish or a goodbye",
    "transfer": "handed over or escalated",
    "unprofessional": "said what reads as unprofessional",
}
_ACTORS = {
    "agent": "the agent",
    "customer": "the customer",
    "bot": "the bot",
    "system": "the system",
    "other": "a third party",
    "anyone": "somebody",
}
_PHRASES_SHOWN = 2
_LONGEST_QUOTE = 60


def actor(speaker: str) -> str:
    """Who: `the agent`."""
    return _ACTORS[speaker]


def turns_of(speaker: str, count: int) -> str:
    """`3 agent turns`, `1 customer turn`, `2 turns`."""
    whose = "" if speaker == "anyone" else f"{speaker} "
    return counted(count, f"{whose}turn")


def deed(condition: Condition) -> str:
    """What an event is, as something done: `asked for identity or account data`."""
    what = condition.what
    if what == "act":
        text = " or ".join(DONE[act] for act in condition.act or ())
    elif what == "phrase":
        phrases = condition.phrase or ()
        text = "said " + " or ".join(f"“{_spoken(phrase)}”" for phrase in phrases[:_PHRASES_SHOWN])
        text += " or the like" if len(phrases) > _PHRASES_SHOWN else ""
    elif what == "pattern":
        text = f"said what the pattern {_short(condition.pattern or '')} looks for"
    elif what == "wording":
        text = f"said the required words “{_short(condition.wording or '')}”"
    elif what == "sentiment":
        text = f"was {condition.sentiment}"
    elif what == "silence":
        text = f"was silent for {condition.silence:g} s or more"
    elif what == "cue":
        text = f"{(condition.cue or '').replace('_', ' ')}"
    else:
        text = " or ".join(dict.fromkeys(deed(part) for part in condition.any or ()))
    return text + _beside(condition)


def _beside(condition: Condition) -> str:
    """What else must, or must not, stand in the event's turn."""
    text = ""
    if condition.with_ is not None:
        text += f" where {who_did(condition.with_)}"
    if condition.without is not None and condition.without.what in ("silence", "cue", "any"):
        text += f" but not where {who_did(condition.without)}"
    elif condition.without is not None:
        text += f" where {actor(condition.without.speaker)} has not {deed(condition.without)}"
    return text


def who_did(condition: Condition) -> str:
    """Who and what: `the agent apologised`."""
    if condition.what == "silence":
        return f"there were {condition.silence:g} s of silence or more"
    if condition.what == "cue":
        return f"“{deed(condition)}” was heard"
    if condition.what == "any":
        return " or ".join(dict.fromkeys(who_did(part) for part in condition.any or ()))
    return f"{actor(condition.speaker)} {deed(condition)}"


def where(condition: Condition) -> str:
    """The place an event is bound to: ` in the first 2 agent turns before the agent informed`; empty where to none."""
    text = ""
    speaker = "anyone" if condition.what in ("any", "cue") else condition.speaker
    for name, said in (("in_first", "first"), ("in_last", "last")):
        if (count := getattr(condition, name)) is not None:
            text += f" in the {said} {turns_of(speaker, count).removeprefix('1 ')}"
    for name, said in (("in_first_seconds", "first"), ("in_last_seconds", "last")):
        if (seconds := getattr(condition, name)) is not None:
            text += f" in the {said} {seconds:g} s"
    within = f" within {turns_of(speaker, condition.within)}" if condition.within else ""
    for name, said in _ORDERS:
        if (anchor := getattr(condition, name)) is not None:
            text += f"{within} {said} {who_did(anchor)}"
    return text


_ORDERS = (
    ("before", "before"),
    ("before_every", "each time before"),
    ("after", "after"),
    ("after_first", "after the first time"),
    ("after_every", "each time after"),
)


def sentence(text: str) -> str:
    """A text as a sentence: a capital first, a full stop last."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def _spoken(phrase: str) -> str:
    """A phrase as a person reads it: refund/reimburse for alternatives, … for what may stand between."""
    return phrase.replace("|", "/").replace(" * ", " … ").replace(" _ ", " … ")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
