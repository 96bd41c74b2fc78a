"""Finds cue phrases in texts with spaCy's Matcher. The only home of spaCy.

Words are compared without case; commas, dashes and the like between words do not matter, but a phrase never runs over
the end of a sentence. The negation guard drops a match where one of the three words before it, in the same sentence,
is a negation ("we will not refund …"), unless the phrase itself negates.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cxsentiment.imports import left_out
from cxsentiment.rubric.phrasing import MASKED_NAME, NEGATIONS, Part, negates, parse_phrase, spellings

# A word with inner marks (don't, e-mail), a mark of masking, a sign that carries meaning, or a sentence's end.
_TOKEN = re.compile(r"\[[A-Z_]+\]|[^\W_]+(?:['.&/+-][^\W_]+)*|(?P<sign>[%$€£&#+])|(?P<end>[.?!…\n])", re.UNICODE)
_MARK = r"^\[[A-Z_]+\]$"
_MARK_OF_A_NAME = r"^\[[A-Z_]*(?:NAME|PERSON)[A-Z_]*\]$"
_PARTS = re.compile(r"[,;:()–—]|\s-+\s")
_GUARDED = 3  # words before a match that may negate it
_FUZZY_FROM = 5  # letters from which a word may have a typing or hearing error: shorter ones turn into other words
_MEMORY = 100_000
_REMEMBERED = 500  # characters: longer texts seldom come twice
_LONGEST_TEXT = 50_000  # characters of a turn that are searched at a time
_ONE_ZONE = threading.Lock()  # zones of one vocabulary must not overlap
_SIGNS = ("$", "€", "£")
_MONEY = (
    "dollar",
    "dollars",
    "euro",
    "euros",
    "pound",
    "pounds",
    "pesos",
    "cents",
    "usd",
    "eur",
    "gbp",
    "php",
    "bucks",
)


@dataclass(frozen=True, slots=True)
class Phrases:
    """What one event looks for: phrases, letters that may differ in each longer word (0-2), and the negation guard."""

    texts: tuple[str, ...]
    typos: int = 0
    guarded: bool = True


class _Patterns:
    """Phrases for one matcher of spaCy's, which is made once a text may hold one of them."""

    def __init__(self) -> None:
        self._steps: dict[str, list[dict[str, Any]]] = {}
        # What a text must hold for a phrase to be in it, by the words of its longest part: few texts go further.
        self._needs: dict[str, list[tuple[frozenset[str], ...]]] = {}
        self._fuzzy = False
        self._matcher: Any = None

    def add(self, key: str, parts: tuple[Part, ...], typos: int) -> None:
        """Add a phrase; `typos` letters may differ in each of its longer words."""
        self._steps[key] = [step for part in parts for step in _steps(part, typos)]
        literal = [
            part for part in parts if part.kind == "words" and not part.optional and not _may_differ(part, typos)
        ]
        if not literal:
            self._fuzzy = True
            return
        needs = tuple(frozenset(part.words) for part in literal)
        for word in max(literal, key=lambda part: min(map(len, part.words))).words:
            self._needs.setdefault(word, []).append(needs)

    def may_be_in(self, words: frozenset[str]) -> bool:
        """Whether a text of these words may hold one of the phrases."""
        return self._fuzzy or any(
            all(not words.isdisjoint(either) for either in needs)
            for word in words
            for needs in self._needs.get(word, ())
        )

    def matcher(self) -> Any:
        """The matcher of these phrases."""
        if self._matcher is None:
            vocabulary = _vocabulary()
            from spacy.matcher import Matcher  # after the first import of spaCy, which leaves torch out

            matcher = Matcher(vocabulary)
            for key, steps in self._steps.items():
                matcher.add(key, [steps], greedy="LONGEST")
            self._matcher = matcher
        return self._matcher


class PhraseBook:
    """All phrases of a rubric, looked for at once; each distinct text is read once."""

    def __init__(self, wanted: Mapping[str, Phrases]) -> None:
        """`wanted`: phrases by a name of the caller's. Raises ValueError for a phrase that cannot be read."""
        self._parsed = {
            name: [parts for text in one.texts for parts in spellings(parse_phrase(text))]
            for name, one in wanted.items()
        }
        self._wanted = dict(wanted)
        self._memory: dict[str, Mapping[str, tuple[int, int]]] = {}
        # Other spellings are more than the phrases, and hardly any text holds one: they are looked for apart.
        as_written = {name: {parse_phrase(text) for text in one.texts} for name, one in wanted.items()}
        self._patterns = (_Patterns(), _Patterns())
        for name, many in self._parsed.items():
            for number, parts in enumerate(many):
                patterns = self._patterns[parts not in as_written[name]]
                patterns.add(f"{name}\t{number}", parts, wanted[name].typos)

    def find(self, text: str) -> Mapping[str, tuple[int, int]]:
        """The characters [start, end) of the first match of each name that is found in `text`."""
        if len(text) > _REMEMBERED:
            return self._search(text)
        found = self._memory.get(text)
        if found is None:
            if len(self._memory) >= _MEMORY:
                self._memory.clear()
            found = self._memory[text] = self._search(text)
        return found

    def _search(self, text: str) -> dict[str, tuple[int, int]]:
        first: dict[str, tuple[int, int]] = {}
        for offset in range(0, len(text), _LONGEST_TEXT):
            for name, (start, end) in self._search_part(text[offset : offset + _LONGEST_TEXT]).items():
                first.setdefault(name, (start + offset, end + offset))
        return first

    def _search_part(self, text: str) -> dict[str, tuple[int, int]]:
        tokens = list(_TOKEN.finditer(text.replace("’", "'")))
        held = frozenset(token.group().lower() for token in tokens)
        possible = [patterns for patterns in self._patterns if patterns.may_be_in(held)]
        if not tokens or not possible:
            return {}
        matchers = [patterns.matcher() for patterns in possible]
        from spacy.tokens import Doc  # after the first import of spaCy, which leaves torch out

        vocab = _vocabulary()
        words = [token.group() if token.lastgroup != "end" else "." for token in tokens]
        # Outside of a zone spaCy keeps every word that it meets, some 450 bytes each, to the end of the process.
        with _ONE_ZONE, vocab.memory_zone():
            doc = Doc(vocab, words=words)
            matches = [match for matcher in matchers for match in matcher(doc)]
        found: dict[str, tuple[int, int]] = {}
        for key, first, last in sorted(matches, key=lambda match: (match[1], -match[2])):
            name, number = vocab.strings[key].rsplit("\t", 1)
            if name in found:
                continue
            parts = self._parsed[name][int(number)]
            if self._wanted[name].guarded and not any(map(negates, parts)) and _negated(tokens, first, text):
                continue
            found[name] = (tokens[first].start(), tokens[last - 1].end())
        return found


@cache
def _vocabulary() -> Any:
    # spaCy imports torch where it is installed: seconds and hundreds of megabytes that a matcher has no use for.
    with left_out("torch"):
        import spacy
    return spacy.blank("en").vocab


def _may_differ(part: Part, typos: int) -> bool:
    """Whether a part's words may have typing errors."""
    return bool(typos) and not part.exact and min(map(len, part.words)) >= _FUZZY_FROM


def _steps(part: Part, typos: int) -> list[dict[str, Any]]:
    """A part as tokens of spaCy's Matcher."""
    if part.kind == "gap":
        return [{"LOWER": {"NOT_IN": ["."]}, "OP": "?"}] * 3
    optional = {"OP": "?"} if part.optional else {}
    if part.kind == "one":
        return [{"LOWER": {"NOT_IN": ["."]}} | optional]
    if part.kind == "slot":
        return _slot(part.words[0], part.optional)
    words: Any = {"IN": list(part.words)}
    if _may_differ(part, typos):
        words = {f"FUZZY{typos}": words}
    return [{"LOWER": words} | optional]


def _slot(name: str, optional: bool) -> list[dict[str, Any]]:
    many = {"OP": "*" if optional else "+"}
    if name == "number":
        return [{"LIKE_NUM": True} | many]
    if name == "mark":
        return [{"TEXT": {"REGEX": _MARK}} | many]
    if name == MASKED_NAME:
        return [{"TEXT": {"REGEX": _MARK_OF_A_NAME}} | many]
    if name == "name":
        return [{"IS_TITLE": True} | many]
    return [
        {"LOWER": {"IN": list(_SIGNS)}, "OP": "?"},
        {"LIKE_NUM": True} | many,
        {"LOWER": {"IN": [*_MONEY, *_SIGNS]}, "OP": "?"},
    ]


def _negated(tokens: Sequence[re.Match[str]], first: int, text: str) -> bool:
    """Whether a negation stands before the match and nothing (a comma, the end of a sentence) parts the two."""
    for place in range(first - 1, max(-1, first - 1 - _GUARDED), -1):
        token = tokens[place]
        if token.lastgroup == "end" or _PARTS.search(text, token.end(), tokens[place + 1].start()):
            return False
        word = token.group().lower()
        if word in NEGATIONS or word.endswith("n't"):
            return True
    return False
