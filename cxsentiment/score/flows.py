"""A protocol flow walked on one contact: which steps were done, missed, late or out of order.

A step must follow every step that comes before it in the flow's order, also where a step between them is missing. Each
step takes the first sighting that does; sightings that overlap in one sentence have no order and count as either.
Steps that look for the same thing need a sighting each. A step that came too early is out of order, not the step it
should have followed: where the first step is done last, all others are out of order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from cxsentiment.rubric.flows import Branch, Flow, Step
from cxsentiment.score.conditions import Conditions, Judge
from cxsentiment.score.contact import Contact, Sighting
from cxsentiment.score.outcome import Outcome
from cxsentiment.score.windows import Window
from cxsentiment.score.words import who_did

Status = Literal["done", "missed", "late", "out_of_order", "left_out", "not_needed", "cannot_be_seen"]
FAULTS: tuple[Status, ...] = ("missed", "late", "out_of_order")
_UNJUDGED = ("left_out", "not_needed", "cannot_be_seen")
_Found = Callable[[Contact], tuple[Window, list[Sighting]]]


@dataclass(frozen=True, slots=True)
class StepFinding:
    """What became of a step. `sighting` is where it was done; `other` what it should have come after, or before.

    left_out: an optional step that was not seen; not_needed: its `only_if` does not hold, or what it should follow
    never came; cannot_be_seen: the flow does not say how it would show, or the contact lacks what it takes to tell.
    `p` is the probability that it was done in its place and time, `p_done` that it was done at all.
    """

    step: Step
    status: Status
    p: float
    p_done: float
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
        return tuple(finding for finding in self.steps if finding.status in FAULTS)

    @property
    def judged(self) -> tuple[StepFinding, ...]:
        """The steps that were asked for and can be seen in a transcript."""
        return tuple(finding for finding in self.steps if finding.status not in _UNJUDGED)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A step with its conditions made ready, and the ids of all steps it must follow."""

    step: Step
    seen: _Found | None
    due: _Found | None
    only_if: Judge | None
    follows: frozenset[str]


class FlowJudge:
    """A flow, made ready to be walked on any number of contacts."""

    def __init__(self, flow: Flow, conditions: Conditions) -> None:
        self.flow = flow
        self._applies = conditions.judge(flow.applies_if) if flow.applies_if is not None else None
        ways: dict[str, Branch | None] = {branch.id: branch for branch in flow.branches}
        self._ways: Mapping[str, tuple[_Ready, ...]] = {
            name: tuple(_made_ready(flow, flow.steps + (branch.steps if branch is not None else ()), conditions))
            for name, branch in (ways or {"": None}).items()
        }

    def judges(self) -> dict[str, Judge]:
        """The judges of `is: complete` (no required step missed) and `is: in_order` (and none late or out of order)."""
        return {
            "complete": lambda contact: self._judged(contact, ("missed",)),
            "in_order": lambda contact: self._judged(contact, FAULTS),
        }

    def applies(self, contact: Contact) -> bool:
        """Whether the contact is of the flow's task."""
        return self._applies is None or bool(self._applies(contact).holds)

    def walk(self, contact: Contact) -> Walk:
        """The steps of the way that was taken, each with what became of it."""
        key = f"walk {self.flow.id}"
        found: Walk | None = contact.memo.get(key)
        if found is None:
            found = contact.memo[key] = self._walk(contact)
        return found

    def _walk(self, contact: Contact) -> Walk:
        branch = self._taken(contact)
        way = self._ways[branch]
        done: dict[str, StepFinding] = {}
        used: dict[str, set[Sighting]] = {}
        for ready in _sorted(way):
            seen = ready.step.seen
            taken = used.setdefault(seen.key, set()) if seen is not None else set()
            finding = _find(contact, ready, [done[name] for name in ready.follows], taken)
            if finding.sighting is not None:
                taken.add(finding.sighting)
            done[ready.step.id] = finding
        return Walk(self.flow.id, branch, tuple(done[ready.step.id] for ready in way))

    def _taken(self, contact: Contact) -> str:
        """The branch of which the largest share of asked-for steps was seen; of equals the one with more, the first."""
        if not self.flow.branches:
            return ""
        common = len(self.flow.steps)

        def share(name: str) -> tuple[float, int]:
            wanted = [
                ready
                for ready in self._ways[name][common:]
                if ready.seen is not None and (ready.only_if is None or ready.only_if(contact).holds)
            ]
            seen = sum(any(one.sure for one in ready.seen(contact)[1]) for ready in wanted if ready.seen is not None)
            return (seen / len(wanted) if wanted else 0.0), seen

        return max(self._ways, key=share)

    def _judged(self, contact: Contact, faults: Sequence[Status]) -> Outcome:
        if not self.applies(contact):
            name = self.flow.title or self.flow.id
            return Outcome(None, None, (), lambda: f"the contact is not of the task {name}", "no_chance")
        walk = self.walk(contact)
        judged = walk.judged
        if not judged:
            if any(finding.status != "cannot_be_seen" for finding in walk.steps):
                return Outcome(None, None, (), lambda: "no step of the flow was asked for", "no_chance")
            return Outcome(None, None, (), lambda: "no step of the flow can be seen in this transcript", "unknown")
        wrong = [finding for finding in judged if finding.status in faults]
        p = 1.0
        for finding in judged:
            p *= finding.p if "out_of_order" in faults else finding.p_done
        shown = wrong or judged[:1]
        evidence = tuple(one for finding in shown for one in (finding.sighting, finding.other) if one is not None)
        return Outcome(not wrong, p, evidence, partial(_told, wrong, len(judged)))


def _made_ready(flow: Flow, way: Sequence[Step], conditions: Conditions) -> Iterator[_Ready]:
    needs: dict[str, set[str]] = {}
    for place, step in enumerate(way):
        needs[step.id] = set(step.after) | ({one.id for one in way[:place]} if flow.order == "strict" else set())
    for step in way:
        yield _Ready(
            step,
            conditions.tally(step.seen) if step.seen is not None else None,
            conditions.tally(step.due) if step.due is not None else None,
            conditions.judge(step.only_if) if step.only_if is not None else None,
            frozenset(_all_before(step.id, needs)),
        )


def _all_before(name: str, needs: Mapping[str, Iterable[str]]) -> set[str]:
    """Every step that must come before one, directly or by way of others."""
    before: set[str] = set()
    waiting = list(needs[name])
    while waiting:
        one = waiting.pop()
        if one not in before:
            before.add(one)
            waiting += needs[one]
    return before


def _sorted(way: Sequence[_Ready]) -> list[_Ready]:
    """The steps so that each comes after those it must follow: a step follows more than any that it follows does."""
    return sorted(way, key=lambda ready: len(ready.follows))


def _find(contact: Contact, ready: _Ready, earlier: Sequence[StepFinding], used: set[Sighting]) -> StepFinding:
    step = ready.step
    if ready.only_if is not None and not (asked := ready.only_if(contact)).holds:
        unknown = asked.gap == "unknown"
        return StepFinding(step, "cannot_be_seen" if unknown else "not_needed", 1.0, 1.0, why=asked.why())
    if ready.seen is None:
        return StepFinding(step, "cannot_be_seen", 1.0, 1.0)
    window, found = ready.seen(contact)
    if window.gap:
        unknown = window.gap == "unknown"
        return StepFinding(step, "cannot_be_seen" if unknown else "not_needed", 1.0, 1.0, why=window.why)
    sightings = sorted((one for one in found if one not in used), key=lambda one: one.at)
    times = (step.seen.times if step.seen is not None else None) or 1
    p_done = _p_of(sightings, times)
    sure = [one for one in sightings if one.sure][times - 1 :]
    needed = [one for one in earlier if one.sighting is not None]
    last = max(needed, key=lambda one: one.sighting.at if one.sighting else 0, default=None)
    placed = [one for one in sightings if last is None or last.sighting is None or _follows(one, last.sighting)]
    if not sure:
        return StepFinding(step, "missed" if step.required else "left_out", _p_of(placed, times), p_done)
    chosen = next(iter([one for one in placed if one.sure][times - 1 :]), None)
    due = next((one for one in sorted(ready.due(contact)[1], key=_at) if one.sure), None) if ready.due else None
    timely = [one for one in placed if due is None or _follows(due, one)]
    p = _p_of(timely, times)
    if chosen is None:
        assert last is not None  # with nothing to follow, the first sure sighting is chosen
        return StepFinding(
            step, "out_of_order", p, p_done, sure[0], last.sighting, f"it should come after {last.step.title}"
        )
    if due is not None and chosen not in timely:
        assert step.due is not None
        return StepFinding(step, "late", p, p_done, chosen, due, f"it should come before {who_did(step.due)}")
    return StepFinding(step, "done", p, p_done, chosen)


def _p_of(sightings: Sequence[Sighting], times: int) -> float:
    """The probability of the surest sighting; where several are asked for, of the least sure that is needed."""
    ps = sorted((one.p for one in sightings), reverse=True)
    return ps[times - 1] if len(ps) >= times else 0.0


def _at(sighting: Sighting) -> int:
    return sighting.at


def _follows(one: Sighting, other: Sighting) -> bool:
    """Whether one comes after the other, or overlaps it: an act is seen in a whole sentence, a phrase in its words."""
    return one.at >= other.at or (one.place == other.place and one.end > other.start)


def _told(wrong: Sequence[StepFinding], judged: int) -> str:
    if not wrong:
        return f"all {judged} steps that can be seen were done"
    said = [
        f"{finding.step.title}: {finding.status.replace('_', ' ')}" + (f" ({finding.why})" if finding.why else "")
        for finding in wrong
    ]
    return f"{len(wrong)} of {judged} steps were not as the protocol says: " + "; ".join(said)
