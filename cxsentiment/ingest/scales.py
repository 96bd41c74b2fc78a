"""Scales of survey answers: declared with their direction, never guessed. Stored answers rise with satisfaction."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.values import shown

OUTCOMES = ("csat", "nps", "ces")
DIRECTIONS = ("higher-is-easier", "lower-is-easier")

_NO_ANSWER = frozenset({"", "na", "n/a", "none", "null", "nan", "-", "undefined"})
_ANSWER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s?%")
_SCALE = re.compile(r"\s*(\d{1,3}(?:\.\d+)?)\s*-\s*(\d{1,3}(?:\.\d+)?)\s*")
# "1 = very satisfied" in a column's name.
_LABELLED = re.compile(r"(\d{1,3})\s*[=:]\s*([^\d=:,;()]+)")
_BAD = re.compile(r"dissatisf|unsatisf|not satisf|unhappy|worst|bad|poor|difficult|hard", re.IGNORECASE)


# The scales on which a percentage can only be one answer.
_PERCENT_OF = ((0.0, 100.0), (0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """The lowest and highest answer that can be given. `reversed`: the lowest is the best."""

    low: float
    high: float
    reversed: bool = False

    def __str__(self) -> str:
        worst, best = (self.high, self.low) if self.reversed else (self.low, self.high)
        return f"{worst:g}-{best:g}"

    def holds(self, value: float) -> bool:
        """Whether an answer can be given on this scale."""
        return self.low <= value <= self.high

    def stored(self, value: float) -> float:
        """The answer turned so that the highest is the best."""
        return self.low + self.high - value if self.reversed else value


NPS_SCALE = Scale(0, 10)
CES_SCALE = Scale(1, 7)


@dataclass(frozen=True, slots=True)
class Scales:
    """What the user declares about answers. `words`: what a CSAT answer in words stands for, in lower case.

    `csat` is None where nobody declared it. CES is easier upwards unless its scale is reversed.
    """

    csat: Scale | None = None
    ces: Scale = CES_SCALE
    words: Mapping[str, float] = field(default_factory=dict)

    def answer(self, outcome: str, cell: object, where: str) -> float | None:
        """The answer in one cell, in the direction in which it is stored; None where nobody answered.

        Raises:
            InputError: `…_not_a_number`, `…_out_of_scale`.
        """
        text = "" if cell is None else str(cell).strip()
        word = self.words.get(_word(text)) if outcome == "csat" else None
        if word is not None:
            return (self.csat or NPS_SCALE).stored(word)
        if text.lower() in _NO_ANSWER:
            return None
        percent = _PERCENT.fullmatch(text) if outcome == "csat" and self.csat else None
        if percent and self.csat and (self.csat.low, self.csat.high) in _PERCENT_OF:
            text = f"{float(percent[1]) * self.csat.high / 100:.9g}"
        if not _ANSWER.fullmatch(text):
            raise InputError(
                f"{outcome}_not_a_number",
                where,
                f"the {outcome} answer is not a number",
                do=_hint(text) if outcome == "csat" else "",
            )
        value = float(text)
        scale = {"csat": self.csat or NPS_SCALE, "nps": NPS_SCALE, "ces": self.ces}[outcome]
        if not scale.holds(value) or (outcome == "nps" and value % 1):
            allowed = f"{scale}, whole numbers" if outcome == "nps" else str(scale)
            raise InputError(f"{outcome}_out_of_scale", where, f"the {outcome} answer is {value:g}", allowed=allowed)
        return scale.stored(value)

    def notes(self, outcomes: Sequence[str]) -> list[str]:
        """How answers were turned, of the outcomes that are asked for."""
        notes = []
        if "csat" in outcomes and self.csat is not None and self.csat.reversed:
            notes.append(turned("CSAT", self.csat, "better"))
        if "ces" in outcomes and self.ces.reversed:
            notes.append(turned("CES", self.ces, "easier"))
        return notes


def _hint(text: str) -> str:
    """What to do about a CSAT answer that is not a number."""
    if _PERCENT.fullmatch(text):
        return "A percentage needs --csat-scale 0-100"
    if _ANSWER.fullmatch(text.replace(",", ".", 1)):
        return "Write it with a decimal point"
    return "Say what the word stands for, such as --csat-map good=1"


def turned(name: str, scale: Scale, best: str) -> str:
    """What is said of answers that were turned round."""
    return (
        f"{name} was asked with {scale.low:g} as the best answer; it is stored as {scale.low + scale.high:g} less the "
        f"answer, so that higher is {best}"
    )


def parse_scale(text: str, option: str = "--csat-scale") -> Scale:
    """Read WORST-BEST: "1-5", or "5-1" where 1 is the best answer.

    Raises:
        UsageError: where it is not two different numbers.
    """
    match = _SCALE.fullmatch(text)
    if not match or float(match[1]) == float(match[2]):
        raise UsageError(
            f"{option} {text}", "is not a scale", do="Write WORST-BEST, for example 1-5, or 5-1 where 1 is the best"
        )
    worst, best = float(match[1]), float(match[2])
    return Scale(min(worst, best), max(worst, best), reversed=worst > best)


def declare(
    csat_scale: str | None = None,
    csat_map: Sequence[str] = (),
    ces_scale: str | None = None,
    ces_direction: str | None = None,
) -> Scales:
    """The scales as typed on the command line. Without --csat-scale the scale of a map runs from its least to its most.

    Raises:
        UsageError: for what is no scale, map or direction, or contradicts another option.
    """
    words = _parse_words(csat_map)
    csat = parse_scale(csat_scale) if csat_scale else None
    if csat is None and words:
        csat = parse_scale(f"{min(words.values()):g}-{max(words.values()):g}", "--csat-map")
    if csat is not None and (off := [word for word, value in words.items() if not csat.holds(value)]):
        raise UsageError(f"--csat-map {off[0]}={words[off[0]]:g}", "lies off the scale", allowed=str(csat))
    ces = parse_scale(ces_scale, "--ces-scale") if ces_scale else CES_SCALE
    if ces_direction is not None and ces_direction not in DIRECTIONS:
        raise UsageError(f"--ces-direction {ces_direction}", "is not a direction", allowed=", ".join(DIRECTIONS))
    if ces.reversed and ces_direction == "higher-is-easier":
        raise UsageError(
            f"--ces-scale {ces_scale}", "says that the lowest answer is the easiest; the direction does not"
        )
    return Scales(csat, replace(ces, reversed=ces.reversed or ces_direction == "lower-is-easier"), words)


def contradicted(column: str, scale: Scale) -> str | None:
    """What a column's name says of the direction ("1=very satisfied, 5=very dissatisfied") where it is another one."""
    labelled = [(float(number), bool(_BAD.search(label))) for number, label in _LABELLED.findall(column)]
    bad = [number for number, is_bad in labelled if is_bad]
    good = [number for number, is_bad in labelled if not is_bad]
    if not bad or not good or (min(bad) > max(good)) == scale.reversed:
        return None
    low, high = min(*bad, *good), max(*bad, *good)
    best = low if min(bad) > max(good) else high
    return f'the column "{shown(column)}" says that {best:g} is the best answer; --csat-scale {scale} says another'


def _parse_words(texts: Sequence[str]) -> dict[str, float]:
    words: dict[str, float] = {}
    for text in texts:
        word, _, value = text.rpartition("=")
        if not word.strip() or not _ANSWER.fullmatch(value.strip()):
            raise UsageError(f"--csat-map {text}", "is not of the form WORD=NUMBER", do="Write --csat-map good=1")
        if words.setdefault(_word(word), float(value)) != float(value):
            raise UsageError(f"--csat-map {text}", f'"{word.strip()}" already stands for {words[_word(word)]:g}')
    return words


def _word(text: str) -> str:
    return " ".join(text.casefold().split())
