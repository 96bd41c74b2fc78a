"""The flows of a rubric walked over the contacts of a finished run: what became of each step, and how often."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxsentiment.rescore import scorecard_of, stored_contacts
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.score.flows import FAULTS, Walk


@dataclass(slots=True)
class StepTally:
    """What became of one step: in how many contacts it was done, missed, late, out of order, and so on."""

    step: str
    title: str
    branch: str
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class FlowTally:
    """One flow over a run: the contacts it applies to, those that kept to it, its branches and steps.

    `complete`: no required step was missed; `orderly`: none that was done was late or out of order; `in_order`: both.
    """

    flow: str
    title: str
    contacts: int = 0
    complete: int = 0
    orderly: int = 0
    in_order: int = 0
    branches: Counter[str] = field(default_factory=Counter)
    steps: dict[tuple[str, str], StepTally] = field(default_factory=dict)

    def add(self, walk: Walk) -> None:
        """Count one contact."""
        self.contacts += 1
        self.complete += all(finding.status != "missed" for finding in walk.steps)
        self.orderly += all(finding.status == "missed" for finding in walk.faults)
        self.in_order += not walk.faults
        if walk.branch:
            self.branches[walk.branch] += 1
        for finding in walk.steps:
            tally = self.steps.get(("", finding.step.id)) or self.steps[walk.branch, finding.step.id]
            tally.statuses[finding.status] += 1


def walk_run(run: Path, rubric: Rubric) -> list[FlowTally]:
    """Each flow of the rubric over the contacts it applies to.

    Where items build on a flow, it applies to the contacts that one of them applies to: so the channels, campaigns and
    queues of `applies_when` count. Raises RunError for a folder that is no finished run.
    """
    card = scorecard_of(run, rubric)
    asking = {flow.id: _items_of(rubric, flow.id) for flow in rubric.flows}
    tallies = {flow.id: FlowTally(flow.id, flow.title or flow.id) for flow in rubric.flows}
    for flow in rubric.flows:
        parts = [("", flow.steps), *((branch.id, branch.steps) for branch in flow.branches)]
        for branch, steps in parts:
            for step in steps:
                tallies[flow.id].steps[branch, step.id] = StepTally(step.id, step.title, branch)
    for transcript, predictions, row in stored_contacts(run):
        results = card.evaluate(transcript, predictions, row).items
        concerned = {result.item for result in results if result.verdict != "not_applicable"}
        only = [name for name, items in asking.items() if not items or concerned.intersection(items)]
        for name, walk in card.walk(transcript, predictions, row, only).items():
            tallies[name].add(walk)
    return list(tallies.values())


def _items_of(rubric: Rubric, flow: str) -> Sequence[str]:
    """The items that build on a flow."""
    return [
        item.id
        for _, item in rubric.pairs()
        if any(part.flow == flow for condition in item.conditions() for part in condition.walk())
    ]


SHOWN = ("done", *FAULTS, "left_out", "not_needed", "cannot_be_seen")
