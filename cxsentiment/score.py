"""Pure: (transcript, predictions, rubric) → Evaluation. A score never sees CSAT, and nothing here is learnt.

Section and contact scores follow the weighted mean over what applies (NA leaves the denominator):
S_s = Σ w·s / Σ w over the section's scored items; Q = 100 · Σ W·S / Σ W over sections with a scored item.
`ItemResult.weight` is W·w/Σw, so Q = 100 · Σ points / Σ weight over the scored items of the contact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cxsentiment.rubric import Item, MetWhen, Rubric, Section
from cxsentiment.schema import (
    SENTIMENTS,
    Evaluation,
    Evidence,
    ItemResult,
    Span,
    Transcript,
    Turn,
    TurnPrediction,
)

_QUOTE_CHARACTERS = 300
_NEAR = 0.2  # below this probability no turn came near the act, and quoting the strongest would puzzle
_CRITICAL_CLASSES = ("customer", "business", "compliance")


@dataclass(frozen=True, slots=True)
class Labels:
    """What the model's numbers mean: the labels of its acts, in order, and the threshold of each (0-1)."""

    acts: tuple[str, ...]
    thresholds: tuple[float, ...]


class _Contact:
    """One contact with its predictions, indexed for the questions a rubric asks."""

    def __init__(self, transcript: Transcript, predictions: Sequence[TurnPrediction], labels: Labels) -> None:
        self.transcript = transcript
        self.labels = labels
        # Turns stand in time order, which need not be the order of their places in the source.
        self.place = {turn.index: place for place, turn in enumerate(transcript.turns)}
        self.by_turn = {prediction.turn: prediction for prediction in predictions}
        self.agent_turns = [t for t in transcript.turns if t.speaker == "agent" and t.index in self.by_turn]
        self.customer_turns = [t for t in transcript.turns if t.speaker == "customer" and t.index in self.by_turn]

    def p_negative(self, turn: Turn) -> float:
        return self.by_turn[turn.index].probs[SENTIMENTS.index("negative")]

    def p_act(self, turn: Turn, act: str) -> float:
        return self.by_turn[turn.index].probs[self.labels.acts.index(act)]

    def threshold(self, act: str) -> float:
        return self.labels.thresholds[self.labels.acts.index(act)]

    def quote(self, turn: Turn, why: str, act: str | None = None) -> Evidence:
        """Evidence from `turn`: the sentence that carries `act`, or the whole turn; long quotes end in …."""
        span = Span(0, len(turn.text))
        if act is not None:
            span = self.by_turn[turn.index].spans[self.labels.acts.index(act)]
        end = min(span.end, span.start + _QUOTE_CHARACTERS)
        quote = turn.text[span.start : end] + ("…" if end < span.end else "")
        return Evidence(turn.index, span.start, end, quote, why)


@dataclass(frozen=True, slots=True)
class _Finding:
    """The turn that speaks most for an act in a window; `margin` is its probability less the act's threshold."""

    turn: Turn
    act: str
    p: float
    margin: float


def evaluate(
    transcript: Transcript, predictions: Sequence[TurnPrediction], rubric: Rubric, labels: Labels
) -> Evaluation:
    """Apply `rubric` to one contact.

    `predictions` are those of `cxsentiment.predict.predict` for this transcript. The score is None, with a reason,
    where no agent turn was scored, nothing applies, or the applicable weight is under the rubric's minimum coverage.
    """
    contact = _Contact(transcript, predictions, labels)
    negative = [turn for turn in contact.customer_turns if contact.p_negative(turn) >= rubric.negative_at]
    results = [_judge(contact, section, item, negative) for section, item in rubric.pairs()]
    weights = _weights(rubric, [result.verdict in ("met", "not_met") for result in results])
    items = tuple(
        replace(result, weight=weight, points=None if result.points is None else round(result.points * weight, 6))
        for result, weight in zip(results, weights, strict=True)
    )
    coverage = _coverage(rubric, items)
    score, reason = _total(items, coverage, rubric, has_agent=bool(contact.agent_turns))
    return Evaluation(
        transcript.id, transcript.agent_id, score, round(coverage, 6), reason, items, _p_critical(rubric, items)
    )


def weighted_score(points: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """100 · Σ points / Σ weight over the entries whose points (0 to weight) are given; None where there is none."""
    scored = [(p, w) for p, w in zip(points, weights, strict=True) if p is not None]
    total = sum(w for _, w in scored)
    return 100 * sum(p for p, _ in scored) / total if total > 0 else None


def _judge(contact: _Contact, section: Section, item: Item, negative: Sequence[Turn]) -> ItemResult:
    """Verdict of one item; its weight is filled in once it is known which items of the section count."""

    def result(verdict: str, reason: str = "", p: float | None = None, evidence: Evidence | None = None) -> ItemResult:
        points = {"met": 1.0, "not_met": 0.0}.get(verdict)
        return ItemResult(item.id, section.id, verdict, p, points, 0.0, item.critical, evidence, reason)  # type: ignore[arg-type]

    if not contact.agent_turns:
        return result("unscored", _no_agent(contact.transcript))
    if reason := _does_not_apply(contact, item, negative):
        return result("not_applicable", reason)
    met_when = item.met_when
    window = _window(contact, met_when, negative)
    if not window:
        # The customer's last word was the negative one: the agent had no chance to answer it.
        return result("not_applicable", "no agent turn followed the customer's negative turn")
    best = _strongest(contact, met_when, window)
    found = best.margin >= 0
    p_met = round(1 - best.p if met_when.absent else best.p, 5)
    met = found is not met_when.absent
    return result("met" if met else "not_met", "", p_met, _explain(contact, item, best, negative, window))


def _no_agent(transcript: Transcript) -> str:
    unknown = sum(turn.speaker == "unknown" for turn in transcript.turns)
    if unknown:
        return f"no agent turn: the speaker of {unknown} turns is unknown (map it with --role LABEL=agent)"
    return "no agent turn with text in this contact"


def _does_not_apply(contact: _Contact, item: Item, negative: Sequence[Turn]) -> str:
    when = item.applies_when
    channel = contact.transcript.channel
    if when.channels is not None and channel not in when.channels:
        return f"channel is {channel or 'not given'}, the item is for {', '.join(when.channels)}"
    if when.customer_negative and not negative:
        return "no customer turn is negative" if contact.customer_turns else "no customer turn was scored"
    if when.agent_act is not None:
        act = when.agent_act
        if not any(contact.p_act(turn, act) >= contact.threshold(act) for turn in contact.agent_turns):
            return f"no agent turn with the act {act}"
    return ""


def _window(contact: _Contact, met_when: MetWhen, negative: Sequence[Turn]) -> list[Turn]:
    turns = contact.agent_turns
    if met_when.in_first is not None:
        return turns[: met_when.in_first]
    if met_when.in_last is not None:
        return turns[-met_when.in_last :]
    if not met_when.after_negative:
        return turns
    chosen: dict[int, Turn] = {}
    place = 0
    for trigger in negative:
        while place < len(turns) and contact.place[turns[place].index] < contact.place[trigger.index]:
            place += 1
        chosen.update((turn.index, turn) for turn in turns[place : place + met_when.reach])
    return list(chosen.values())


def _strongest(contact: _Contact, met_when: MetWhen, window: Sequence[Turn]) -> _Finding:
    found: _Finding | None = None
    for turn in window:
        for act in met_when.acts:
            p = contact.p_act(turn, act)
            margin = p - contact.threshold(act)
            if found is None or margin > found.margin:
                found = _Finding(turn, act, p, margin)
    assert found is not None  # a window and the acts of an item are never empty here
    return found


def _explain(
    contact: _Contact, item: Item, best: _Finding, negative: Sequence[Turn], window: Sequence[Turn]
) -> Evidence:
    met_when = item.met_when
    numbers = f"p({best.act}) = {best.p:.2f}, threshold {contact.threshold(best.act):.2f}"
    if best.margin >= 0:
        return contact.quote(best.turn, numbers, best.act)
    acts = " or ".join(met_when.acts)
    if met_when.after_negative:
        why = f"no {acts} in the {len(window)} agent turns that follow; strongest: {numbers}"
        return _trigger(contact, negative, why)
    why = f"no {acts} in {len(window)} agent turns; strongest: {numbers}"
    if item.belongs_at is not None and best.p < _NEAR:
        return contact.quote(window[0] if item.belongs_at == "start" else window[-1], why)
    return contact.quote(best.turn, why, best.act)


def _trigger(contact: _Contact, negative: Sequence[Turn], why: str) -> Evidence:
    """The customer's most negative turn: what an unmet empathy item would have answered."""
    worst = max(negative, key=contact.p_negative)
    return contact.quote(worst, why)


def _weights(rubric: Rubric, scored: Sequence[bool]) -> list[float]:
    """W·w/Σw for each item; Σ over the section's scored items for a scored item, over all its items otherwise."""
    pairs = list(rubric.pairs())
    sums: dict[str, float] = {}
    for (section, item), counts in zip(pairs, scored, strict=True):
        if counts:
            sums[section.id] = sums.get(section.id, 0.0) + item.weight
    weights = []
    for (section, item), counts in zip(pairs, scored, strict=True):
        whole = sums[section.id] if counts else sum(other.weight for other in section.items)
        weights.append(round(section.weight * item.weight / whole, 6))
    return weights


def _coverage(rubric: Rubric, items: Sequence[ItemResult]) -> float:
    """Share of the rubric's whole weight (section weight times the item's share of it) that was scored."""
    total = sum(section.weight for section in rubric.sections)
    covered = 0.0
    for (section, item), result in zip(rubric.pairs(), items, strict=True):
        if result.points is not None:
            covered += section.weight * item.weight / sum(other.weight for other in section.items)
    return covered / total


def _total(
    items: Sequence[ItemResult], coverage: float, rubric: Rubric, *, has_agent: bool
) -> tuple[float | None, str | None]:
    if not has_agent:
        return None, next(item.reason for item in items)
    score = weighted_score([item.points for item in items], [item.weight for item in items])
    if score is None:
        return None, "no item of the rubric applies to this contact"
    if coverage < rubric.minimum_coverage:
        return None, f"only {coverage:.0%} of the rubric's weight applies (minimum {rubric.minimum_coverage:.0%})"
    return round(score, 4), None


def _p_critical(rubric: Rubric, items: Sequence[ItemResult]) -> Mapping[str, float | None]:
    """Probability of at least one critical error of each class; None where the rubric has none or none was scored."""
    critical: dict[str, float | None] = {}
    for kind in _CRITICAL_CLASSES:
        scored = [item.p_met for item in items if item.critical == kind and item.p_met is not None]
        none_happened = 1.0
        for p_met in scored:
            none_happened *= p_met
        critical[kind] = round(1 - none_happened, 5) if scored else None
    return critical
