"""Pure: (transcript, predictions, measures) → Evaluation, by one scorecard. A score never sees CSAT.

How verdicts become a score stands in `cxsentiment.score.weighing`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cxsentiment.amounts import counted
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Evaluation, ItemResult, Transcript, TurnPrediction
from cxsentiment.score.conditions import Conditions, Judge
from cxsentiment.score.contact import Contact, Labels
from cxsentiment.score.events import Events
from cxsentiment.score.expectation import Expected, expected_score
from cxsentiment.score.flows import FlowJudge, Walk
from cxsentiment.score.verdicts import Finding, ItemJudge
from cxsentiment.score.weighing import Weighing

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
        self._weighing = Weighing(rubric)

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
        shares = [finding.share for finding in findings]
        found = self._weighing.weigh(shares, [finding.verdict for finding in findings])
        items = self._results(contact, findings, found.weights)
        expected = None if found.score is None else self._expected(contact)
        contact.memo.clear()  # outcomes know their contact and it them: circles that only the collector would find
        return Evaluation(
            transcript.id,
            transcript.agent_id,
            found.score,
            round(found.coverage, 6),
            found.reason,
            items,
            p_critical(items),
            found.uncapped if found.effect else None,
            found.effect,
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

    def _results(
        self, contact: Contact, findings: Sequence[Finding], weights: Sequence[float]
    ) -> tuple[ItemResult, ...]:
        results = []
        for (section, item), finding, weight in zip(self._pairs, findings, weights, strict=True):
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

    def _expected(self, contact: Contact) -> float | None:
        """The score to be expected, 0-100: probabilities in the place of verdicts."""
        entries = []
        for (section, of_section, weight), judge in zip(self._weighing.slots, self._items, strict=True):
            found = judge.expected(contact)
            if found is not None:
                entries.append(Expected("" if self.rubric.flat else section, of_section, weight, *found))
        return expected_score(entries, contact.transcript.id)

    def _without_agent(self, transcript: Transcript) -> Evaluation:
        unknown = sum(turn.speaker == "unknown" for turn in transcript.turns)
        reason = "no agent turn with text in this contact"
        if unknown:
            reason = (
                f"no agent turn: the speaker of {counted(unknown, 'turn')} is unknown (map it with --role LABEL=agent)"
            )
        weights = self._weighing.weights([None] * len(self._pairs))
        items = tuple(
            ItemResult(item.id, section.id, "unscored", None, None, weight, item.critical, None, reason)
            for (section, item), weight in zip(self._pairs, weights, strict=True)
        )
        return Evaluation(transcript.id, transcript.agent_id, None, 0.0, reason, items, p_critical(items))


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
