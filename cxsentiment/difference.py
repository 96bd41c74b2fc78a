"""Two rubrics on one run: what differs between them, which contacts and agents change, and through which items."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.rescore import scorecard_of, stored_contacts
from cxsentiment.rubric.scorecard import Item, Rubric
from cxsentiment.schema import Estimate, Evaluation
from cxsentiment.stats.estimates import missing
from cxsentiment.stats.means import mean_t_interval

_LEAST = 1e-4  # points of 100 below which a score counts as the same: scores are rounded to four decimals
_REASONS = 5
ABSENT = "no such item"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One item (or `rubric`) that differs: added, removed or changed, and in what."""

    item: str
    change: str
    what: str


@dataclass(frozen=True, slots=True)
class ContactChange:
    """A contact whose score or verdicts differ. `items`: item → (verdict by the first, by the second)."""

    contact_id: str
    agent_id: str | None
    before: float | None
    after: float | None
    items: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AgentChange:
    """An agent's mean score by each rubric over contacts scored by both, and the mean difference with its interval.

    `items`: the points of the difference that each item accounts for, largest first; the parts add up to it.
    """

    agent_id: str
    contacts: int
    before: float
    after: float
    difference: Estimate
    items: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a run says of two rubrics. `verdicts`: item → (first's verdict, second's verdict) → contacts."""

    rules: tuple[RuleChange, ...]
    contacts: int
    changed: tuple[ContactChange, ...]
    agents: tuple[AgentChange, ...]
    verdicts: Mapping[str, Mapping[tuple[str, str], int]]
    lost_scores: int
    gained_scores: int


def compare(first: Rubric, second: Rubric, run: Path) -> Difference:
    """Apply both rubrics to every contact of a finished run. Raises RunError for a folder that is no finished run."""
    cards = (scorecard_of(run, first), scorecard_of(run, second))
    contacts = lost = gained = 0
    changed: list[ContactChange] = []
    verdicts: dict[str, Counter[tuple[str, str]]] = {}
    agents: dict[str, list[tuple[float, float, dict[str, float]]]] = {}
    for transcript, predictions, row in stored_contacts(run):
        contacts += 1
        before, after = (card.evaluate(transcript, predictions, row) for card in cards)
        lost += before.score is not None and after.score is None
        gained += before.score is None and after.score is not None
        moved = dict(_moved(before, after))
        for item, pair in moved.items():
            verdicts.setdefault(item, Counter())[pair] += 1
        if moved or _differ(before.score, after.score):
            changed.append(ContactChange(transcript.id, transcript.agent_id, before.score, after.score, moved))
        if before.score is not None and after.score is not None and transcript.agent_id is not None:
            parts = _parts(before, after)
            agents.setdefault(transcript.agent_id, []).append((before.score, after.score, parts))
    changed.sort(key=lambda one: (-abs((one.after or 0.0) - (one.before or 0.0)), one.contact_id))
    return Difference(
        tuple(rule_changes(first, second)),
        contacts,
        tuple(changed),
        tuple(_agent(name, rows) for name, rows in sorted(agents.items())),
        verdicts,
        lost,
        gained,
    )


def rule_changes(first: Rubric, second: Rubric) -> Iterator[RuleChange]:
    """What differs between two rubrics as they are written, whatever a run says."""
    for name in ("negative_at", "minimum_coverage", "flat", "uncertain_between"):
        before, after = getattr(first, name), getattr(second, name)
        if before != after:
            yield RuleChange("rubric", "changed", f"{name}: {before} to {after}")
    weights = [{section.id: section.weight for section in one.sections} for one in (first, second)]
    for section in weights[0]:
        if section in weights[1] and weights[0][section] != weights[1][section]:
            yield RuleChange(
                "rubric", "changed", f"section {section}: {weights[0][section]:g} to {weights[1][section]:g}"
            )
    old, new = ({item.id: (section.id, item) for section, item in one.pairs()} for one in (first, second))
    for name, (section, item) in old.items():
        if name not in new:
            yield RuleChange(name, "removed", item.question)
        elif what := _changed_keys(section, item, *new[name]):
            yield RuleChange(name, "changed", what)
    yield from (RuleChange(name, "added", item.question) for name, (_, item) in new.items() if name not in old)
    for kind in ("cues", "flows"):
        if getattr(first, kind) != getattr(second, kind):
            yield RuleChange("rubric", "changed", kind)


def _changed_keys(section: str, item: Item, other_section: str, other: Item) -> str:
    keys = [name for name in Item.model_fields if getattr(item, name) != getattr(other, name)]
    told = [f"weight: {item.weight:g} to {other.weight:g}" if name == "weight" else name for name in keys]
    return ", ".join(told + ["section"] * (section != other_section))


def _moved(before: Evaluation, after: Evaluation) -> Iterator[tuple[str, tuple[str, str]]]:
    old = {item.item: item.verdict for item in before.items}
    new = {item.item: item.verdict for item in after.items}
    for name in dict.fromkeys((*old, *new)):
        pair = (old.get(name, ABSENT), new.get(name, ABSENT))
        if pair[0] != pair[1]:
            yield name, pair


def _differ(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(before - after) > _LEAST


def _parts(before: Evaluation, after: Evaluation) -> dict[str, float]:
    """Each item's part of the score by the second rubric less its part by the first; they add up to the difference."""
    parts: dict[str, float] = {}
    for sign, evaluation in ((-1, before), (1, after)):
        weight = sum(item.weight for item in evaluation.items if item.points is not None)
        for item in evaluation.items:
            if item.points is not None and weight:
                parts[item.item] = parts.get(item.item, 0.0) + sign * 100 * item.points / weight
        uncapped = evaluation.score_uncapped
        if uncapped is not None and evaluation.score is not None:
            parts["critical error"] = parts.get("critical error", 0.0) + sign * (evaluation.score - uncapped)
    return {name: part for name, part in parts.items() if abs(part) > _LEAST}


def _agent(name: str, rows: Sequence[tuple[float, float, dict[str, float]]]) -> AgentChange:
    before, after = (np.array([row[place] for row in rows], dtype=np.float64) for place in (0, 1))
    steps = after - before
    estimate = (
        mean_t_interval(steps)
        if len(rows) > 1
        else missing(Reason("too_few", "one contact has no interval"), "paired t", 1)
    )
    totals: Counter[str] = Counter()
    for _, _, parts in rows:
        totals.update(parts)
    items = sorted(((item, total / len(rows)) for item, total in totals.items()), key=lambda one: -abs(one[1]))
    kept = {item: round(part, 3) for item, part in items if abs(part) > _LEAST}
    return AgentChange(name, len(rows), float(before.mean()), float(after.mean()), estimate, kept)


def main_reasons(change: AgentChange) -> list[str]:
    """The items that account for most of an agent's difference, in points."""
    return [f"{item} {part:+.1f}" for item, part in list(change.items.items())[:_REASONS]]
