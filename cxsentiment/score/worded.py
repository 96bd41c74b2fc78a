"""Words in turns: the phrases and patterns of a rubric, sought in each distinct text once, all at the same time."""

from collections.abc import Iterable, Mapping
from typing import Any

from cxsentiment.phrases import PhraseBook, Phrases
from cxsentiment.rubric.conditions import Condition, compile_pattern
from cxsentiment.score.contact import Contact

_MEMORY = 100_000
_MEMO = "words of the contact"


class Words:
    """Finds the phrases and patterns of some conditions; what each is called is `words_key`."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        known = {words_key(one): one for one in conditions if one.what in ("phrase", "pattern")}
        self._book = PhraseBook(
            {
                key: Phrases(one.phrase, one.typos or 0, one.negated != "count")
                for key, one in known.items()
                if one.phrase is not None
            }
        )
        patterns = {key: one.pattern for key, one in known.items() if one.pattern is not None}
        self._patterns = {key: compile_pattern(pattern) for key, pattern in patterns.items()}
        # One pass tells whether any pattern is in a text at all, which is seldom.
        union = "|".join(f"(?:{one})" for one in patterns.values())
        self._sieve: Any = compile_pattern(union, whole=True) if patterns else None
        self._memory: dict[str, Mapping[str, tuple[int, int]]] = {}

    def find(self, contact: Contact) -> Mapping[str, list[tuple[int, int, int]]]:
        """For each phrase or pattern that is in the contact: place, first and last character of each turn's first."""
        found: dict[str, list[tuple[int, int, int]]] | None = contact.memo.get(_MEMO)
        if found is None:
            found = contact.memo[_MEMO] = {}
            for place in contact.places("anyone"):
                for key, span in self._in_text(contact.turns[place].text).items():
                    found.setdefault(key, []).append((place, *span))
        return found

    def _in_text(self, text: str) -> Mapping[str, tuple[int, int]]:
        if self._sieve is None:
            return self._book.find(text)
        found = self._memory.get(text)
        if found is None:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            found = self._memory[text] = {**self._book.find(text), **self._matches(text)}
        return found

    def _matches(self, text: str) -> dict[str, tuple[int, int]]:
        if self._sieve.search(text) is None:
            return {}
        found: dict[str, tuple[int, int]] = {}
        for key, compiled in self._patterns.items():
            match: Any = compiled.search(text)
            if match is not None:
                found[key] = (match.start(), match.end())
        return found


def words_key(condition: Condition) -> str:
    """What a phrase or pattern is called: conditions that look for the same words have the same name."""
    if condition.pattern is not None:
        return "pattern " + condition.pattern
    return repr((condition.phrase, condition.typos or 0, condition.negated != "count"))
