"""Contacts whose predictions are written by hand, so that a test of a scorecard needs no model."""

from collections.abc import Mapping, Sequence
from typing import Any

from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ACTS, SENTIMENTS, Evaluation, ItemResult, Span, Transcript, Turn, TurnPrediction
from cxsentiment.score.contact import Labels
from cxsentiment.score.evaluation import Scorecard
from cxsentiment.text import sentences

LABELS = Labels(ACTS, (0.5,) * len(ACTS))
Line = tuple[str, Mapping[str, float]] | str


def contact(*lines: Line, times: Sequence[tuple[float, float]] = (), **fields: Any) -> tuple[Transcript, list[Any]]:
    """A transcript and its predictions. A line is `A: text` (agent), `C: text` (customer), `B: …` (bot), or that with
    the probabilities of its labels; labels that are not given have p = 0 (sentiment: neutral).
    """
    turns, predictions = [], []
    for index, line in enumerate(lines):
        text, given = line if isinstance(line, tuple) else (line, {})
        speaker = {"A": "agent", "C": "customer", "B": "bot"}[text[0]]
        start, end = times[index] if times else (None, None)
        turns.append(Turn(index, speaker, text[3:], start, end))  # type: ignore[arg-type]
        if speaker == "bot":
            continue
        labels = ACTS if speaker == "agent" else SENTIMENTS
        probs = {label: given.get(label, 0.0) for label in labels}
        if speaker == "customer":
            probs["neutral"] = 1 - probs["negative"] - probs["positive"]
        span = sentences(text[3:])[-1] if sentences(text[3:]) else Span(0, 0)
        head = "acts" if speaker == "agent" else "sentiment"
        predictions.append(TurnPrediction(index, head, tuple(probs[label] for label in labels), (span,) * len(labels)))
    return Transcript("c1", tuple(turns), **fields), predictions


def rubric(*items: Mapping[str, Any], **fields: Any) -> Rubric:
    """A rubric of one section."""
    whole = [{"question": "Is it?", "weight": 1} | dict(item) for item in items]
    section = {"id": "all", "title": "All", "weight": 1, "items": whole}
    return parse_rubric({"name": "t", "version": "1", "minimum_coverage": 0, "sections": [section]} | fields, "t")


def evaluate(card: Rubric, scored: tuple[Transcript, list[Any]], **measured: float | None) -> Evaluation:
    """What the rubric says of the contact."""
    return Scorecard(card, LABELS).evaluate(*scored, measured)


def verdict(condition: Mapping[str, Any], scored: tuple[Transcript, list[Any]], **measured: float | None) -> ItemResult:
    """What one condition, as an item of its own, says of the contact."""
    (item,) = evaluate(rubric({"id": "it", "met_when": condition}), scored, **measured).items
    return item
