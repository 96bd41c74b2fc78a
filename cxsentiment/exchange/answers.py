"""Answers that a person may choose in other systems, and marks that carry what those systems have no field for."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxsentiment.exchange.losses import Loss
from cxsentiment.rubric.scorecard import Cap, Item, Rubric

_YES = frozenset("yes true met pass passed done y ja oui si sí".split())
_NO = frozenset("no false not_met fail failed n nein non".split()) | {"not met", "not done"}
_MARK = re.compile(r"\s*\[critical: (customer|business|compliance); effect: (report|zero|cap at (\d+(?:\.\d+)?))\]\s*$")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its text, its score in the other system (None: not scored), and whether it fails the whole form."""

    text: str
    score: float | None = None
    fails: bool = False


def graded(answers: Sequence[Answer], place: str) -> tuple[dict[str, Any], list[Loss]]:
    """`kind` and `levels` of an item that a person grades by these answers; nothing for a plain yes or no."""
    scored = [answer for answer in answers if answer.score is not None]
    most = max((answer.score or 0.0 for answer in scored), default=0.0)
    if _is_yes_no(answers):
        yes = next(answer for answer in answers if answer.text.strip().lower() in _YES)
        if yes.score is None or (most and yes.score == most and len(answers) == 2 and _least(answers) == 0):
            return {}, []
    if not answers:
        return {}, [Loss(place, "which answers get which score", "none is given; the item is yes or no")]
    if not most or len({answer.score for answer in scored}) < 2:
        listed = ", ".join(answer.text for answer in answers)
        return {}, [Loss(place, f"its answers {listed}", "they have no different scores; the item is yes or no")]
    names: dict[float, list[str]] = {}
    for answer in scored:
        names.setdefault(round((answer.score or 0.0) / most, 6), []).append(answer.text)
    losses = [
        Loss(place, f"the answers {' / '.join(texts)} apart", "they have one score and become one level")
        for texts in names.values()
        if len(texts) > 1
    ]
    losses += [
        Loss(place, f"the answer {answer.text}", "it has no score") for answer in answers if answer.score is None
    ]
    levels = [{"name": " / ".join(names[points]), "points": points} for points in sorted(names, reverse=True)]
    return {"kind": "ordinal", "levels": levels}, losses


def _is_yes_no(answers: Sequence[Answer]) -> bool:
    words = [answer.text.strip().lower() for answer in answers]
    return len(words) == 2 and any(word in _YES for word in words) and any(word in _NO for word in words)


def _least(answers: Iterable[Answer]) -> float:
    return min(answer.score or 0.0 for answer in answers)


def scored_answers(item: Item) -> tuple[list[tuple[str, float]], list[Loss]]:
    """The answers with points (0-1) by which a person would grade the item, best first."""
    if item.levels is not None:
        return [(level.name, level.points) for level in item.levels], []
    if item.count is not None:
        low, high = sorted((item.count.full_at, item.count.none_at))
        high = min(high, low + 20)
        spread = item.count.full_at - item.count.none_at
        points = {n: round(min(1.0, max(0.0, (n - item.count.none_at) / spread)), 6) for n in range(low, high + 1)}
        ends = {low: f"{low} or fewer" if low else "0", high: f"{high} or more"}
        best = sorted(points.items(), key=lambda pair: -pair[1])
        return [(ends.get(n, str(n)), share) for n, share in best], [
            Loss(item.id, "that it is counted", "the number becomes an answer to choose")
        ]
    return [("Yes", 1.0), ("No", 0.0)], []


def marked(hint: str, item: Item, longest: int) -> tuple[str, list[Loss]]:
    """The hint with a mark of what is critical, cut to `longest` characters."""
    mark = ""
    if item.critical != "none":
        effect = f"cap at {item.effect.cap:g}" if isinstance(item.effect, Cap) else item.effect
        mark = f" [critical: {item.critical}; effect: {effect}]"
    text, losses = cut(hint, longest - len(mark), item.id, "hint")
    return (text + mark).strip(), losses


def marks_of(text: str) -> tuple[str, Mapping[str, Any]]:
    """A text without the mark that `marked` wrote, and what the mark says."""
    match = _MARK.search(text)
    if match is None:
        return text.strip(), {}
    effect: Any = {"cap": float(match[3])} if match[3] else match[2]
    marks: dict[str, Any] = {"critical": match[1]}
    return text[: match.start()].strip(), marks | ({} if effect == "report" else {"effect": effect})


def cut(text: str, longest: int, place: str, what: str) -> tuple[str, list[Loss]]:
    """The text, cut where it is longer than the other system takes, and then the loss."""
    if len(text) <= longest:
        return text, []
    return text[: longest - 1].rstrip() + "…", [
        Loss(place, f"the end of its {what}", f"{len(text)} characters, at most {longest} are taken")
    ]


def uncarried(item: Item) -> list[Loss]:
    """What of an item only a rubric can say."""
    losses = []
    if next(item.counting(), None) is not None:
        keys = {"yes_no": "met_when", "ordinal": "when of its levels", "count": "count.of"}
        losses.append(Loss(item.id, keys[item.kind], "the condition cannot be carried; a person answers the question"))
    if item.applies_when.model_dump(exclude_none=True):
        losses.append(Loss(item.id, "applies_when", "the person chooses 'not applicable'"))
    if item.uncertain_between is not None:
        losses.append(Loss(item.id, "uncertain_between", "there is no model to be uncertain"))
    if item.belongs_at is not None:
        losses.append(Loss(item.id, "belongs_at", "there is no quote to place"))
    return losses


def uncarried_settings(rubric: Rubric) -> list[Loss]:
    """What of a whole rubric only a rubric can say."""
    reasons = {
        "version": "the other system counts its versions itself",
        "negative_at": "there is no model to ask",
        "minimum_coverage": "the other system scores whatever is answered",
        "total_weight": "weights are shares of the whole there",
        "uncertain_between": "there is no model to be uncertain",
        "cues": "conditions cannot be carried",
        "flows": "conditions cannot be carried",
    }
    given = rubric.content()
    losses = []
    for key, why in reasons.items():
        if key in given:
            size = f" ({len(getattr(rubric, key))})" if key in ("cues", "flows") else ""
            losses.append(Loss("rubric", key + size, why))
    return losses
