"""Which texts say another text again, word for word or nearly so: the rule by which training leaves out test texts.

Written apart from training's own (`training/duplicates.py`), as the readers are; a test holds them against each other.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import sqrt

_WORD = re.compile(r"[^\W\d_]+")
_MIN_WORDS = 4
_MIN_WORDS_NEAR = 6
_NEAR = 0.8


def words(text: str) -> str | None:
    """The words in lower case without digits and marks; None below four, for "yes please" is everybody's."""
    found = _WORD.findall(text.lower())
    return " ".join(found) if len(found) >= _MIN_WORDS else None


def repeated(texts: Sequence[str], others: Iterable[str]) -> list[bool]:
    """For each of `texts`, whether one of `others` has the same words (four or more), or nearly the same (six or more).

    Nearly: the cosine of the sets of words and word pairs is at least .8.
    """
    known = set(others)
    same = {found for text in known if (found := words(text))}
    held = [parts for text in sorted(known) if (parts := _parts(text))]
    often = Counter(part for parts in held for part in parts)
    places: dict[str, list[int]] = {}
    for place, parts in enumerate(held):
        for part in parts:
            places.setdefault(part, []).append(place)
    return [words(text) in same or _is_near(_parts(text), held, often, places) for text in texts]


def _parts(text: str) -> frozenset[str]:
    """Words and word pairs of a text of six words or more, else nothing."""
    found = _WORD.findall(text.lower())
    if len(found) < _MIN_WORDS_NEAR:
        return frozenset()
    return frozenset(found) | {f"{one} {two}" for one, two in pairwise(found)}


def _is_near(
    mine: frozenset[str], held: Sequence[frozenset[str]], often: Counter[str], places: dict[str, list[int]]
) -> bool:
    # Texts of cosine c share at least c² of the parts of either, so one of the rarest 1 - c² and one more is shared.
    rarest = sorted(mine, key=lambda part: (often[part], part))[: int((1 - _NEAR**2) * len(mine)) + 1]
    chosen = {place for part in rarest for place in places.get(part, ())}
    return any(len(mine & held[place]) >= _NEAR * sqrt(len(mine) * len(held[place])) - 1e-9 for place in chosen)
