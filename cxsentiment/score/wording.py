"""Required wording: the words of a disclosure, said one after another, with a tolerated share of wrong words.

The fewest words to insert, drop or replace are counted (Levenshtein distance between the wording and the best stretch
of what was said: Sellers 1980). What one speaker says in successive turns counts as one stretch: recognisers cut
speech into turns anywhere.
"""

import re
import unicodedata
from collections.abc import Sequence

from cxsentiment.score.contact import Contact, Sighting

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_USUAL_TOLERANCE = 0.15  # share of the wording's words; a recogniser gets about one word in ten wrong


class Wording:
    """A wording to be said. `tolerance` (0-0.5) is the share of its words that may be wrong."""

    def __init__(self, text: str, tolerance: float | None = None) -> None:
        composed = unicodedata.normalize("NFC", text)  # as the texts are that it is sought in
        self._words = [match.group().lower().replace("’", "'") for match in _WORD.finditer(composed)]
        self._allowed = int((_USUAL_TOLERANCE if tolerance is None else tolerance) * len(self._words) + 1e-9)
        self._distinct = frozenset(self._words)

    def sightings(self, contact: Contact, speaker: str) -> list[Sighting]:
        """Where it was said; a stretch over several turns is quoted from the turn that holds most of it."""
        found = []
        for run in _runs(contact.places(speaker)):
            words = [
                (match.group().lower().replace("’", "'"), place, match.start(), match.end())
                for place in run
                for match in _WORD.finditer(contact.turns[place].text)
            ]
            if len(self._distinct.intersection(word for word, *_ in words)) < len(self._distinct) - self._allowed:
                continue
            if (span := self._best([word for word, *_ in words])) is not None:
                found.append(_quoted(words[span[0] : span[1]]))
        return found

    def _best(self, said: Sequence[str]) -> tuple[int, int] | None:
        """The words [first, last) of the stretch with the fewest errors; None where more than allowed are wrong."""
        # One row a wanted word; entry k: the fewest errors of a stretch that ends before said word k, and its start.
        row = [(0, k) for k in range(len(said) + 1)]
        for count, wanted in enumerate(self._words, 1):
            above, row = row, [(count, 0)]
            for k, word in enumerate(said):
                errors, start = min(
                    (above[k][0] + (word != wanted), above[k][1]),
                    (above[k + 1][0] + 1, above[k + 1][1]),
                    (row[k][0] + 1, row[k][1]),
                )
                row.append((errors, start))
        last = min(range(len(row)), key=lambda k: row[k][0])
        return (row[last][1], last) if row[last][0] <= self._allowed and last > row[last][1] else None


def _runs(places: Sequence[int]) -> list[list[int]]:
    """Places that follow one another without another speaker between."""
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _quoted(words: Sequence[tuple[str, int, int, int]]) -> Sighting:
    counts: dict[int, int] = {}
    for _, place, _, _ in words:
        counts[place] = counts.get(place, 0) + 1
    most = max(counts, key=lambda place: counts[place])
    held = [(start, end) for _, place, start, end in words if place == most]
    return Sighting(most, held[0][0], held[-1][1], 1.0, 0.0, "")
