"""A protocol flow walked on one contact: which steps were done, missed, late or out of order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from cxsentiment.rubric.flows import Branch, Flow, Step
from cxsentiment.score.conditions import Conditions, Judge
from cxsentiment.score.contact import Contact, Sighting
from cxsentiment.score.outcome import Outcome
from cxsentiment.score.words import who_did

Status = Literal["done", "missed", "late", "out_of_order", "left_out", "not_needed", "cannot_be_seen"]
_FAULTS = ("missed", "late", "out_of_order")
_Found = Callable[[Contact], list[Sighting]]


@dataclass(frozen=True, slots=True)
class StepFinding:
    """What became of a step. `sighting` is where it was done; `other` what it should have come after, or before.

    left_out: an optional step that was not seen; not_needed: its `only_if` does not hold; cannot_be_seen: the flow
    does not say how it would show in a transcript.
    """

    step: Step
    status: Status
    p: float
    sighting: Sighting | None = None
    other: Sighting | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Walk:
    """A flow on one contact: the branch that was taken (empty without branches) and its steps in the flow's order."""

    flow: str
    branch: str
    steps: tuple[StepFinding, ...]

    @property
    def faults(self) -> tuple[StepFinding, ...]:
        """The steps that were missed, late or out of order."""
        return tuple(finding for finding in self.steps if finding.status in _FAULTS)


class FlowJudge:
    """A flow, made ready to be walked on any number of contacts."""

    def __init__(self, flow: Flow, conditions: Conditions) -> None:
        self.flow = flow
        self._conditions = conditions
        self._applies = conditions.judge(flow.applies_if) if flow.applies_if is not None else None
        steps = list(flow.all_steps())
        self._seen: dict[str, _Found] = {}
        self._due: dict[str, _Found] = {}
        self._only_if: dict[str, Judge] = {}
        for step in steps:
            key = _key(step)
            if step.seen is not None:
                self._seen[key] = self._sightings(conditions, step)
            if step.due is not None:
                self._due[key] = partial(_first_of, conditions.tally(step.due))
            if step.only_if is not None:
                self._only_if[key] = conditions.judge(step.only_if)

    @staticmethod
    def _sightings(conditions: Conditions, step: Step) -> _Found:
        assert step.seen is not None
        return partial(_first_of, conditions.tally(step.seen))

    def judges(self) -> dict[str, Judge]:
        """The judges of `is: complete` (no required step missed) and `is: in_order` (and none late or out of order)."""
        return {
            "complete": lambda contact: self._judged(contact, ("missed",)),
            "in_order": lambda contact: self._judged(contact, _FAULTS),
        }

    def applies(self, contact: Contact) -> bool:
        """Whether the contact is of the flow's task."""
        return self._applies is None or bool(self._applies(contact).holds)

    def walk(self, contact: Contact) -> Walk:
        """The steps of the way that was taken, each with what became of it."""
        branch = self._taken(contact)
        way = self.flow.steps + (branch.steps if branch is not None else ())
        strict = self.flow.order == "strict"
        before: dict[str, tuple[str, ...]] = {}
        previous: tuple[str, ...] = ()
        for step in way:
            before[step.id] = tuple(dict.fromkeys((*step.after, *(previous if strict else ()))))
            previous = (step.id,) if step.seen is not None else previous
        done: dict[str, StepFinding] = {}
        waiting = list(way)
        while waiting:
            step = next(one for one in waiting if all(name in done or name not in before for name in before[one.id]))
            waiting.remove(step)
            done[step.id] = self._find(contact, step, [done[name] for name in before[step.id]])
        return Walk(self.flow.id, branch.id if branch is not None else "", tuple(done[step.id] for step in way))

    def _taken(self, contact: Contact) -> Branch | None:
        """The branch of which the largest share of visible steps was seen; of equals the first."""
        if not self.flow.branches:
            return None

        def share(branch: Branch) -> float:
            visible = [step for step in branch.steps if step.seen is not None]
            seen = sum(any(one.sure for one in self._seen[_key(step)](contact)) for step in visible)
            return seen / len(visible) if visible else 0.0

        return max(self.flow.branches, key=share)

    def _find(self, contact: Contact, step: Step, earlier: Sequence[StepFinding]) -> StepFinding:
        key = _key(step)
        if key in self._only_if and not self._only_if[key](contact).holds:
            return StepFinding(step, "not_needed", 1.0)
        if key not in self._seen:
            return StepFinding(step, "cannot_be_seen", 1.0)
        sightings = self._seen[key](contact)
        p = max((one.p for one in sightings), default=0.0)
        sure = [one for one in sightings if one.sure]
        if not sure:
            return StepFinding(step, "missed" if step.required else "left_out", p)
        needed = [one for one in earlier if one.sighting is not None]
        last = max(needed, key=lambda one: one.sighting.at if one.sighting else 0, default=None)
        chosen = next(
            (one for one in sure if last is None or last.sighting is None or one.at >= last.sighting.at), None
        )
        if chosen is None and last is not None:
            return StepFinding(
                step, "out_of_order", 0.0, sure[0], last.sighting, f"it should come after {last.step.title}"
            )
        assert chosen is not None
        due = [one for one in self._due[key](contact) if one.sure] if key in self._due else []
        if due and chosen.at > due[0].at and step.due is not None:
            return StepFinding(step, "late", 0.0, chosen, due[0], f"it should come before {who_did(step.due)}")
        return StepFinding(step, "done", p, chosen)

    def _judged(self, contact: Contact, faults: Sequence[str]) -> Outcome:
        if not self.applies(contact):
            name = self.flow.title or self.flow.id
            return Outcome(None, None, (), lambda: f"the contact is not of the task {name}", "no_chance")
        walk = self.walk(contact)
        visible = [
            finding for finding in walk.steps if finding.status not in ("not_needed", "cannot_be_seen", "left_out")
        ]
        if not visible:
            return Outcome(None, None, (), lambda: "no step of the flow can be seen in a transcript", "unknown")
        wrong = [finding for finding in visible if finding.status in faults]
        p = 1.0
        for finding in visible:
            p *= finding.p if finding.status in ("done", "missed") or finding.status in faults else 1.0
        shown = wrong or visible[:1]
        evidence = tuple(one for finding in shown for one in (finding.sighting, finding.other) if one is not None)
        return Outcome(not wrong, p, evidence, partial(_told, walk, wrong, len(visible)))


def _key(step: Step) -> str:
    return step.model_dump_json(by_alias=True)


def _first_of(tally: Callable[[Contact], tuple[object, list[Sighting]]], contact: Contact) -> list[Sighting]:
    """Sightings in time order."""
    return sorted(tally(contact)[1], key=lambda one: one.at)


def _told(walk: Walk, wrong: Sequence[StepFinding], visible: int) -> str:
    if not wrong:
        return f"all {visible} steps that can be seen were done"
    said = [
        f"{finding.step.title}: {finding.status.replace('_', ' ')}" + (f" ({finding.why})" if finding.why else "")
        for finding in wrong
    ]
    return f"{len(wrong)} of {visible} steps were not as the protocol says: " + "; ".join(said)
