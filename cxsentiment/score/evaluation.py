"""Pure: (transcript, predictions, measures) → Evaluation, by one scorecard. A score never sees CSAT.

Section and contact scores follow the weighted mean over what applies (NA leaves the denominator):
S_s = Σ w·s / Σ w over the section's scored items; Q = 100 · Σ W·S / Σ W over sections with a scored item.
`ItemResult.weight` is W·w/Σw, so Q = 100 · Σ points / Σ weight over the scored items of the contact. With `flat` the
sections' weights are left out. Critical errors are reported apart; only an item that says so caps the score.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cxsentiment.rubric.scorecard import Cap, Item, Rubric, Section
from cxsentiment.schema import Evaluation, ItemResult, Transcript, TurnPrediction
from cxsentiment.score.conditions import Conditions, Judge
from cxsentiment.score.contact import Contact, Labels
from cxsentiment.score.events import Events
from cxsentiment.score.expectation import Expected, expected_score
from cxsentiment.score.flows import FlowJudge, Walk
from cxsentiment.score.verdicts import Finding, ItemJudge

_CRITICAL_CLASSES = ("customer", "business", "compliance")


class Scorecard:
    """A rubric, made ready to be applied to any number of contacts."""

    def __init__(self, rubric: Rubric, labels: Labels) -> None:
        self.rubric = rubric
        self.labels = labels
        self._pairs = list(rubric.pairs())
        conditions = [one for _, item in self._pairs for one in item.conditions()]
        conditions += [one for flow in rubric.flows for one in flow.conditions()]
        judges: dict[str, Judge] = {}
        walks: dict[str, Mapping[str, Judge]] = {}
        stands = Counter(part.key for one in conditions for part in one.walk())
        repeated = frozenset(key for key, count in stands.items() if count > 1)
        made = Conditions(Events(rubric, labels, conditions), judges, walks, repeated)
        self._flows = {flow.id: FlowJudge(flow, made) for flow in rubric.flows}
        walks.update({name: flow.judges() for name, flow in self._flows.items()})
        self._items = [ItemJudge(item, rubric, made) for _, item in self._pairs]
        judges.update({judge.item.id: judge.outcome for judge in self._items})
        # What an item weighs where its section is scored whole, and each section's whole weight.
        self._whole = {section.id: sum(item.weight for item in section.items) for section in rubric.sections}
        self._shares = [self._share(section, item) for section, item in self._pairs]
        self._rounded = [round(share, 6) for share in self._shares]
        self._total = sum(self._shares)
        # What is asked of every contact is looked up once: place of the item, its section's id and weight, its own.
        self._slots = [(section.id, section.weight, item.weight) for section, item in self._pairs]
        self._capping = [place for place, (_, item) in enumerate(self._pairs) if item.effect != "report"]

    def evaluate(
        self, transcript: Transcript, predictions: Sequence[TurnPrediction], measured: Mapping[str, Any]
    ) -> Evaluation:
        """Apply the rubric to one contact.

        `predictions` are those of `cxsentiment.predict.predict` for this transcript; `measured` its measures by name.
        The score is None, with a reason, where no agent turn was scored, nothing applies, or the applicable weight is
        under the rubric's minimum coverage.
        """
        contact = Contact(transcript, predictions, measured, self.labels)
        if not contact.places("agent"):
            return self._without_agent(transcript)
        findings = [judge.judge(contact) for judge in self._items]
        items = self._results(contact, findings)
        coverage = self._coverage(findings)
        score, reason = self._score(items, coverage)
        capped, effect = self._effects(score, findings)
        expected = None if score is None else self._expected(contact)
        contact.memo.clear()  # outcomes know their contact and it them: circles that only the collector would find
        return Evaluation(
            transcript.id,
            transcript.agent_id,
            capped,
            round(coverage, 6),
            reason,
            items,
            p_critical(items),
            score if effect else None,
            effect,
            expected,
        )

    def walk(
        self,
        transcript: Transcript,
        predictions: Sequence[TurnPrediction],
        measured: Mapping[str, Any],
        only: Collection[str] | None = None,
    ) -> dict[str, Walk]:
        """Every flow of the rubric (or those named by `only`) that applies to the contact, step by step."""
        contact = Contact(transcript, predictions, measured, self.labels)
        if not contact.places("agent"):
            return {}
        asked = {name: flow for name, flow in self._flows.items() if only is None or name in only}
        return {name: flow.walk(contact) for name, flow in asked.items() if flow.applies(contact)}

    def _results(self, contact: Contact, findings: Sequence[Finding]) -> tuple[ItemResult, ...]:
        results = []
        for (section, item), finding, weight in zip(self._pairs, findings, self._weights(findings), strict=True):
            quotes = tuple(contact.quote(sighting, finding.reason) for sighting in finding.evidence)
            points = None if finding.share is None else round(finding.share * weight, 6)
            results.append(
                ItemResult(
                    item.id,
                    section.id,
                    finding.verdict,
                    finding.p_met,
                    points,
                    weight,
                    item.critical,
                    quotes[0] if quotes else None,
                    finding.reason,
                    quotes[1:],
                )
            )
        return tuple(results)

    def _share(self, section: Section, item: Item) -> float:
        """What an item weighs of the whole, as long as everything is scored."""
        return item.weight if self.rubric.flat else section.weight * item.weight / self._whole[section.id]

    def _weights(self, findings: Sequence[Finding]) -> list[float]:
        """W·w/Σw for each item; Σ over the section's scored items for a scored item, over all its items otherwise."""
        if self.rubric.flat:
            return self._rounded
        sums = dict.fromkeys(self._whole, 0.0)
        for (section, _, weight), finding in zip(self._slots, findings, strict=True):
            if finding.share is not None:
                sums[section] += weight
        return [
            whole if finding.share is None else round(of_section * weight / sums[section], 6)
            for (section, of_section, weight), finding, whole in zip(self._slots, findings, self._rounded, strict=True)
        ]

    def _coverage(self, findings: Sequence[Finding]) -> float:
        """Share of the rubric's whole weight (section weight times the item's share of it) that was scored."""
        scored = zip(self._shares, findings, strict=True)
        return sum([share for share, finding in scored if finding.share is not None]) / self._total

    def _score(self, items: Sequence[ItemResult], coverage: float) -> tuple[float | None, str | None]:
        score = weighted_score([item.points for item in items], [item.weight for item in items])
        if score is None:
            if any(item.verdict == "unscored" for item in items):
                return None, "no item of the rubric could be scored on this contact"
            return None, "no item of the rubric applies to this contact"
        least = self.rubric.minimum_coverage
        if coverage < least:
            return None, f"only {coverage:.0%} of the rubric's weight was scored (minimum {least:.0%})"
        return round(score, 4), None

    def _expected(self, contact: Contact) -> float | None:
        """The score to be expected, 0-100: probabilities in the place of verdicts."""
        entries = []
        for (section, of_section, weight), judge in zip(self._slots, self._items, strict=True):
            found = judge.expected(contact)
            if found is not None:
                entries.append(Expected("" if self.rubric.flat else section, of_section, weight, *found))
        return expected_score(entries, contact.transcript.id)

    def _effects(self, score: float | None, findings: Sequence[Finding]) -> tuple[float | None, str | None]:
        """The score after critical errors that cap it, and which did."""
        lowest, why = score, None
        for place in self._capping:
            item, finding = self._pairs[place][1], findings[place]
            if score is None or finding.verdict != "not_met":
                continue
            cap = item.effect.cap if isinstance(item.effect, Cap) else 0.0
            if lowest is None or cap < lowest:
                lowest, why = cap, f"critical error ({item.critical}): {item.id} caps the score at {cap:g}"
        return lowest, why

    def _without_agent(self, transcript: Transcript) -> Evaluation:
        unknown = sum(turn.speaker == "unknown" for turn in transcript.turns)
        reason = "no agent turn with text in this contact"
        if unknown:
            reason = f"no agent turn: the speaker of {unknown} turns is unknown (map it with --role LABEL=agent)"
        finding = Finding("unscored", None, None, (), reason, "unknown")
        items = tuple(
            ItemResult(item.id, section.id, "unscored", None, None, weight, item.critical, None, reason)
            for (section, item), weight in zip(self._pairs, self._weights([finding] * len(self._pairs)), strict=True)
        )
        return Evaluation(transcript.id, transcript.agent_id, None, 0.0, reason, items, p_critical(items))


def weighted_score(points: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """100 · Σ points / Σ weight over the entries whose points (0 to weight) are given; None where there is none."""
    scored = [(p, w) for p, w in zip(points, weights, strict=True) if p is not None]
    total = sum(w for _, w in scored)
    return 100 * sum(p for p, _ in scored) / total if total > 0 else None


def p_critical(items: Sequence[ItemResult]) -> Mapping[str, float | None]:
    """Probability of at least one critical error of each class; None where the rubric has none or none was judged.

    Items count as independent. An uncertain verdict counts with its probability.
    """
    critical: dict[str, float | None] = {}
    marked = [item for item in items if item.critical != "none"]
    for kind in _CRITICAL_CLASSES:
        judged = [item.p_met for item in marked if item.critical == kind and item.p_met is not None]
        none_happened = 1.0
        for p_met in judged:
            none_happened *= p_met
        critical[kind] = round(1 - none_happened, 5) if judged else None
    return critical
