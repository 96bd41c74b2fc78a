"""A protocol flow: the steps a task asks for, the orders they may come in, and the branches it may take."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxsentiment.rubric.conditions import Condition, Strict, refuse_times

ID = "^[a-z][a-z0-9_]{0,63}$"
Id = Annotated[str, Field(pattern=ID)]


class Step(Strict):
    """One step. Without `seen` it cannot be read off a transcript (a click in another system), and is never missed.

    `after` names steps that must come before it; `only_if` says when it is asked for at all; `due` is an event by
    whose first occurrence it must be done, or it is late.
    """

    id: Id
    title: Annotated[str, Field(min_length=1)]
    seen: Condition | None = None
    required: bool = True
    after: tuple[Id, ...] = ()
    only_if: Condition | None = None
    due: Condition | None = None

    @model_validator(mode="after")
    def _events(self) -> "Step":
        for name in ("seen", "due"):
            condition = getattr(self, name)
            if condition is not None and not condition.is_event:
                raise ValueError(f"{name} needs something that happens in a turn, so that it has a place in the order")
            if condition is not None and (condition.before_every or condition.after_every):
                raise ValueError(f"{name} is one place (allowed: before, after, after_first; not …_every)")
        refuse_times(self.due, "due")
        return self


class Branch(Strict):
    """One of several ways a task may go on: the way whose steps are seen most is the one that was taken."""

    id: Id
    title: str = ""
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]


class Flow(Strict):
    """A task's protocol. `order` strict: every step after the one before it; free: only as `after` says."""

    id: Id
    title: str = ""
    applies_if: Condition | None = None
    order: Literal["strict", "free"] = "free"
    steps: tuple[Step, ...] = ()
    branches: tuple[Branch, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> "Flow":
        ways = [self.steps + branch.steps for branch in self.branches] or [self.steps]
        if not all(ways):
            raise ValueError(f"the flow {self.id!r} has no step")
        for way in ways:
            ids = [step.id for step in way]
            places = {name: place for place, name in enumerate(ids)}
            if twice := sorted({name for name in ids if ids.count(name) > 1}):
                raise ValueError(f"the step id {twice[0]!r} is used more than once in the flow {self.id!r}")
            for step in way:
                for name in step.after:
                    if name not in ids:
                        raise ValueError(f"the step {step.id!r} comes after {name!r}, which is no step of its way")
                    if self.order == "strict" and places[name] > places[step.id]:
                        raise ValueError(
                            f"the step {step.id!r} comes after {name!r}, which stands later (allowed in strict "
                            "order: earlier steps)"
                        )
            _refuse_cycle(self.id, {step.id: step.after for step in way})
        return self

    def conditions(self) -> Iterator[Condition]:
        """Every condition of the flow."""
        if self.applies_if is not None:
            yield self.applies_if
        for step in self.all_steps():
            yield from (one for one in (step.seen, step.only_if, step.due) if one is not None)

    def all_steps(self) -> Iterator[Step]:
        """The common steps, then those of each branch."""
        yield from self.steps
        for branch in self.branches:
            yield from branch.steps


def _refuse_cycle(flow: str, after: dict[str, tuple[str, ...]]) -> None:
    done: set[str] = set()
    while len(done) < len(after):
        ready = {name for name, needs in after.items() if name not in done and done.issuperset(needs)}
        if not ready:
            rest = ", ".join(sorted(set(after) - done))
            raise ValueError(f"the steps {rest} of the flow {flow!r} wait for one another (after)")
        done |= ready
