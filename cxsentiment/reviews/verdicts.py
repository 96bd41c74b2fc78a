"""What graders write as a verdict: words of yes, no and not applicable, or points from 0 to 1."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.values import json_type, number, shown
from cxsentiment.reviews.labels import Verdict
from cxsentiment.rubric.scorecard import Rubric

_WORDS: Mapping[str, Verdict] = {
    **dict.fromkeys(("met", "yes", "y", "true", "pass", "passed", "ok"), "met"),
    **dict.fromkeys(("not_met", "not met", "no", "n", "false", "fail", "failed"), "not_met"),
    **dict.fromkeys(("not_applicable", "not applicable", "na", "n/a", "n.a.", "does not apply"), "not_applicable"),
}
_POINTS: Mapping[Verdict, float | None] = {"met": 1.0, "not_met": 0.0, "not_applicable": None}
_ALLOWED = "met, not_met, not_applicable (or yes, no, n/a), or points from 0 to 1"

Graded = tuple[Verdict, float | None]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How verdicts are written: the known words, those declared with --value, and levels of the rubric's items.

    `words`: word in lower case → the verdict and its points (0-1).
    """

    words: Mapping[str, Graded] = field(default_factory=dict)

    def read(self, value: object, where: str, item: str, rubric: Rubric | None) -> Graded | None:
        """The verdict and its points in a cell; None where it is empty.

        Raises:
            InputError: `unknown_value`, `points_out_of_range`, or `value_not_of_item` (points for a yes/no item).
        """
        found = self._read(value, where, item, rubric)
        if found is None or rubric is None or found[0] != "points":
            return found
        kind = next((one.kind for _, one in rubric.pairs() if one.id == item), None)
        if kind == "yes_no":
            raise InputError(
                "value_not_of_item",
                where,
                f'"{item}" is a yes/no item, and {found[1]:g} is neither',
                allowed="met, not_met, not_applicable, 1 or 0",
            )
        return found

    def _read(self, value: object, where: str, item: str, rubric: Rubric | None) -> Graded | None:
        if value is None:
            return None
        if isinstance(value, bool):
            return ("met", 1.0) if value else ("not_met", 0.0)
        if not isinstance(value, (str, int, float)):
            raise InputError("unknown_value", where, f"the verdict is {json_type(value)}", allowed=_ALLOWED)
        word = " ".join(str(value).split()).casefold()
        if not word:
            return None
        if (declared := self.words.get(word)) is not None:
            return declared
        if word in _WORDS:
            return _WORDS[word], _POINTS[_WORDS[word]]
        if (level := _level(rubric, item, word)) is not None:
            return graded(level)
        return graded(_points(word, where))


def graded(points: float) -> Graded:
    """The verdict of points (0-1): met for 1, not_met for 0, else points."""
    return ("met" if points == 1 else "not_met" if points == 0 else "points"), points


def _points(word: str, where: str) -> float:
    try:
        found = number(word)
    except ValueError:
        found = None
    if found is None or not math.isfinite(found):
        raise InputError(
            "unknown_value",
            where,
            f'"{shown(word)}" is no verdict',
            allowed=_ALLOWED,
            do="Say what a word stands for: --value WORD=met, or --value WORD=0.5",
        )
    if not 0 <= found <= 1:
        raise InputError(
            "points_out_of_range", where, f"{found:g} points", allowed="0 to 1", do="Divide by the most points"
        )
    return found


def _level(rubric: Rubric | None, item: str, word: str) -> float | None:
    """The points of an ordinal item's level that has this name."""
    if rubric is None:
        return None
    levels = next((one.levels or () for _, one in rubric.pairs() if one.id == item), ())
    return next((level.points for level in levels if level.name.casefold() == word), None)


def parse_values(texts: list[str]) -> Vocabulary:
    """Read `--value WORD=met|not_met|not_applicable|POINTS`.

    Raises:
        UsageError: no `=`, or no verdict after it.
    """
    words: dict[str, Graded] = {}
    for text in texts:
        word, equals, meaning = text.rpartition("=")
        try:
            found = Vocabulary().read(meaning.strip(), f"--value {text}", "", None) if equals and word.strip() else None
        except InputError as error:
            raise UsageError(f"--value {text}", error.what, allowed=_ALLOWED) from error
        if found is None:
            raise UsageError(f"--value {text}", "is not of the form WORD=VERDICT", do="Write for example Maybe=0.5")
        words[" ".join(word.split()).casefold()] = found
    return Vocabulary(words)
