"""Ids for sections and items, made from titles: valid, unique, and the same for the same file."""

import re
import unicodedata

from cxsentiment.rubric.flows import ID

_LONGEST = 40
_VALID = re.compile(ID)
# Machine-made references of other systems say nothing to a reader: q570b206a, s1a1b58d6, UUIDs.
_MACHINE_MADE = re.compile(r"[a-z]?_?[0-9a-f]{6,}|[0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12}")
_FILLERS = frozenset(
    "a agent an and are at did do does for has have how in is it its of on or that the their they this to was".split()
)


class Ids:
    """Gives each title an id that no earlier one has."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def take(self, title: str, preferred: str = "") -> str:
        """`preferred` where it is a valid id with a meaning, else one made from the title; numbered where taken."""
        usable = _VALID.fullmatch(preferred) and not _MACHINE_MADE.fullmatch(preferred)
        name = preferred if usable else _made_from(title)
        free, number = name, 2
        while free in self._given:
            free, number = f"{name[: _LONGEST - 5]}_{number}", number + 1
        self._given.add(free)
        return free

    def exactly(self, name: str) -> str:
        """An id that was given by a person and is used as it is."""
        self._given.add(name)
        return name


def _made_from(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    telling = [word for word in words if word not in _FILLERS] or words
    name = ""
    for word in telling:
        if len(name) + len(word) + 1 > _LONGEST:
            break
        name += f"_{word}" if name else word
    name = name or (telling[0][:_LONGEST] if telling else "item")
    return name if name[0].isalpha() else f"item_{name}"[:_LONGEST]
