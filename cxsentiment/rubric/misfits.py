"""What the first fault of a file that a person wrote (scorecard, sheet, targets) is, in words a person would use.

Pydantic says "Input should be greater than 0": here the value stands in the sentence, and what is allowed behind it.
"""

import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from cxsentiment.rubric.conditions import nearest
from cxsentiment.rubric.flows import ID

_Told = tuple[str, str]
_PATTERNS = {ID: "lower-case letters, digits and _, a letter first, 64 at most"}


def told(fault: Mapping[str, Any]) -> _Told:
    """What is wrong and what is allowed ("" where the message says it), of one of pydantic's `errors()`."""
    say = _WORDS.get(fault["type"])
    if say is None:
        return fault["msg"].removeprefix("Value error, "), ""
    return say(_shown(fault["input"]), fault.get("ctx", {}))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else reprlib.repr(value)


def _few(count: int) -> str:
    return "1 is too few" if count == 1 else f"{count} are too few"


def _literal(value: str, context: Mapping[str, Any]) -> _Told:
    allowed = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    return f"{value} is not known{nearest(value.strip(chr(39)), tuple(allowed.split(', ')))}", allowed


def _bound(what: str, allowed: str) -> Callable[[str, Mapping[str, Any]], _Told]:
    def say(value: str, context: Mapping[str, Any]) -> _Told:
        return f"{value} {what}", allowed.format(**context)

    return say


_WORDS: Mapping[str, Callable[[str, Mapping[str, Any]], _Told]] = {
    "greater_than": _bound("is too small", "a number above {gt:g}"),
    "greater_than_equal": _bound("is too small", "at least {ge:g}"),
    "less_than": _bound("is too large", "a number below {lt:g}"),
    "less_than_equal": _bound("is too large", "at most {le:g}"),
    "finite_number": _bound("is not finite", "a number"),
    "float_type": _bound("is no number", "a number"),
    "float_parsing": _bound("is no number", "a number"),
    "int_type": _bound("is no whole number", "a whole number"),
    "int_parsing": _bound("is no whole number", "a whole number"),
    "int_from_float": _bound("is no whole number", "a whole number"),
    "string_type": _bound("is no text", "text"),
    "string_too_short": _bound("is too short", "at least {min_length} characters"),
    "string_too_long": _bound("is too long", "at most {max_length} characters"),
    "string_pattern_mismatch": lambda value, context: (
        f"{value} cannot be used",
        _PATTERNS.get(context["pattern"], f"what {context['pattern']} finds"),
    ),
    "too_short": lambda value, context: (_few(context["actual_length"]), f"at least {context['min_length']}"),
    "literal_error": _literal,
}
