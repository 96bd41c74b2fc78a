"""What did not map from one kind of scorecard to another, and why; and a scorecard with the list of it."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that was not carried over: where it stood, what it was, and why it could not come along."""

    place: str
    what: str
    why: str

    def __str__(self) -> str:
        return one_line(f"{self.place}: {self.what} ({self.why})")


@dataclass(frozen=True, slots=True)
class Imported:
    """A rubric as plain data, made from another kind of scorecard, with what did not map."""

    content: Mapping[str, Any]
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """A file's content, made from a rubric, with what did not map."""

    content: Any
    losses: tuple[Loss, ...]


def one_line(text: str) -> str:
    """The text without line breaks and control characters, so that it can stand in a comment or a terminal."""
    shown = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    return " ".join(shown.split())


def once(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """Each loss once, in order."""
    return tuple(dict.fromkeys(losses))
