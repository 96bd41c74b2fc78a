"""The small language of cue phrases: words and slots that must follow one another → the parts a matcher looks for.

`can i have your {number}` · `refund|reimburse` (either word) · `(please)` (may be missing) · `_` (any one word) ·
`*` (up to three words) · `{number}`, `{money}`, `{mark}`, `{name}` (slots). Case, and punctuation between words, do not
matter, nor whether a compound is written with its hyphen (`follow up`, `follow-up`).
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

SLOTS = ("number", "money", "mark", "name")
MASKED_NAME = "masked name"  # the slot {name} in a masked text; no phrase can write it
_MAX_PARTS = 40
_WORD = re.compile(r"[^\W_]+(?:['’.&/+-][^\W_]+)*['’]?|['’][^\W_]+|[%$€£&#+]", re.UNICODE)
NEGATIONS = frozenset("not never no without cannot nothing none neither nor".split())


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a phrase: the words that may stand here, a slot, any one word, or a gap of up to three words.

    `exact`: words that no typing error is allowed in.
    """

    kind: Literal["words", "slot", "one", "gap"]
    words: tuple[str, ...] = ()
    optional: bool = False
    exact: bool = False


def parse_phrase(text: str) -> tuple[Part, ...]:
    """The parts of one phrase. Raises ValueError, with what is allowed, for a phrase that cannot be read."""
    composed = unicodedata.normalize("NFC", text)  # as the texts are that it is sought in
    parts = tuple(_part(token, text) for token in composed.lower().replace("’", "'").split())
    if len(parts) > _MAX_PARTS:
        raise ValueError(f"the phrase {text[:40]!r}… has {len(parts)} parts (allowed: at most {_MAX_PARTS})")
    if not any(part.kind == "words" and not part.optional for part in parts):
        raise ValueError(
            f"the phrase {text!r} would match any text (allowed: at least one word that must stand there; "
            "(…) marks what may be missing)"
        )
    return parts


def spellings(parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    """A phrase as it stands and as else it may be written: one of its compounds with or without the hyphen, or a name
    that masking has replaced by a mark.
    """
    yield parts
    for place, part in enumerate(parts):
        before, after = parts[:place], parts[place + 1 :]
        if part.kind == "slot" and part.words == ("name",):
            yield (*before, replace(part, words=(MASKED_NAME,)), *after)
        if part.kind != "words":
            continue
        for word in part.words:
            if "-" in word:  # an optional part that is missing is the first spelling's
                yield (*before, *(Part("words", (piece,)) for piece in word.split("-")), *after)
                if not word.startswith("re-"):  # who re-signs does not resign
                    yield (*before, Part("words", (word.replace("-", ""),)), *after)
        if after and after[0].kind == "words" and not (part.optional or after[0].optional):
            joined = tuple(f"{first}-{second}" for first in part.words for second in after[0].words)
            yield (*before, Part("words", joined, exact=True), *after[1:])


def negates(part: Part) -> bool:
    """Whether a part is itself a negation, so that the phrase means what it says without a guard."""
    return any(word in NEGATIONS or word.endswith("n't") for word in part.words)


def _part(token: str, phrase: str) -> Part:
    if token == "_":  # nosec B105  # a token of a phrase
        return Part("one")
    if token == "*":  # nosec B105  # a token of a phrase
        return Part("gap")
    optional = token.startswith("(") and token.endswith(")")
    inner = token[1:-1] if optional else token
    if inner == "_":
        return Part("one", optional=True)
    if inner.startswith("{"):
        name = inner.removeprefix("{").removesuffix("}")
        if name not in SLOTS or not inner.endswith("}"):
            raise ValueError(f"{inner!r} in the phrase {phrase!r} is no slot (allowed: {_braced()})")
        return Part("slot", (name,), optional)
    words = tuple(inner.strip('.,!?;:"').split("|"))
    for word in words:
        if not _WORD.fullmatch(word.replace("i\u0307", "i")):  # a small İ has a dot of its own
            raise ValueError(
                f"{token!r} in the phrase {phrase!r} cannot be read (allowed: words, a|b, (word), _, *, {_braced()})"
            )
    # Words are told apart without the apostrophes at their ends, in texts too: customers', 'em.
    return Part("words", tuple(word.strip("'") for word in words), optional)


def _braced() -> str:
    return ", ".join(f"{{{name}}}" for name in SLOTS)
