"""The targets file (YAML): what each indicator should reach, whose it is, and which perspective it belongs to.

An indicator the run cannot measure (cost, revenue, training done) is imported: its `value` stands in the same file. An
error names file, line and key, what is allowed, and the nearest name.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from cxsentiment.errors import RubricError, UsageError
from cxsentiment.kpis.units import key_of
from cxsentiment.reasons import Reason
from cxsentiment.rubric.conditions import Strict, nearest, no_yes_or_no
from cxsentiment.rubric.misfits import told
from cxsentiment.rubric.reading import line_of, read_yaml
from cxsentiment.schema import Estimate

Perspective = Literal["customer", "internal process", "learning", "financial"]
Direction = Literal["higher", "lower"]
Number = Annotated[float, Field(allow_inf_nan=False)]
Weight = Annotated[float, BeforeValidator(no_yes_or_no), Field(gt=0, allow_inf_nan=False)]


class Goal(Strict):
    """One target. `kpi` is an indicator's key or name; with `value` it is imported, and may have any name."""

    kpi: str = Field(min_length=1, max_length=120)
    target: Number
    floor: Number
    direction: Direction
    perspective: Perspective
    owner: str | None = Field(None, max_length=120)
    valid_from: date | None = None
    weight: Weight = 1.0
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    n: int | None = Field(None, ge=0)
    unit: str = Field("", max_length=40)
    source: str = Field("", max_length=200)

    @field_validator("kpi")
    @classmethod
    def _has_a_key(cls, name: str) -> str:
        if not key_of(name):
            raise ValueError("a name needs letters or digits")
        return name

    @property
    def key(self) -> str:
        """The indicator's name in files."""
        return key_of(self.kpi)

    def imported(self) -> Estimate | None:
        """The imported value as an estimate; None where the indicator is the run's."""
        if self.value is None:
            return None
        method = f"imported: {self.source}" if self.source else "imported from the targets file"
        reason = None if self.low is not None else Reason("imported", "imported without an interval")
        return Estimate(self.value, self.low, self.high, self.n or 0, method, reason)


class Targets(Strict):
    """A targets file. `perspectives` are the weights of perspectives in the composite, all the same where not given."""

    targets: tuple[Goal, ...] = Field(min_length=1)
    perspectives: Mapping[Perspective, Weight] | None = None

    def valid_on(self, day: str) -> list[Goal]:
        """Of each indicator the latest goal that is valid on a day (YYYY-MM-DD), in the file's order."""
        latest: dict[str, Goal] = {}
        for goal in self.targets:
            since = _since(goal)
            if since <= day and (goal.key not in latest or since > _since(latest[goal.key])):
                latest[goal.key] = goal
        return [goal for goal in self.targets if latest.get(goal.key) is goal]


def read_targets(path: Path, known: Sequence[str]) -> Targets:
    """Read and check a targets file; `known` are the keys of the indicators that a run has.

    Raises:
        UsageError: with file, line, key and what is allowed.
    """
    try:
        text, content = read_yaml(path)
    except RubricError as error:
        do = "Give --targets a YAML file" if error.do.startswith("Give --rubric") else error.do
        what = error.what.replace("is no scorecard", "is no targets file")
        raise UsageError(error.where, what, allowed=error.allowed, do=do) from error
    if not isinstance(content, Mapping):
        raise UsageError(str(path), "is empty or not a mapping", allowed="targets, perspectives", do="See docs/kpis.md")
    try:
        found = Targets.model_validate(content)
    except ValidationError as error:
        raise _explained(error, path, text) from error
    for place, what, allowed in _faults(found, known):
        goal = found.targets[place[1]] if len(place) > 1 and isinstance(place[1], int) else None
        named = f"targets[{goal.kpi}].{place[-1]}" if goal else str(place[0])
        raise UsageError(line_of(str(path), text, place), f"{named}: {what}", allowed=allowed)
    return found


Place = tuple[str | int, ...]


def _faults(found: Targets, known: Sequence[str]) -> Iterator[tuple[Place, str, str]]:
    """Faults that one key alone does not show: where, what, and what is allowed."""
    seen: dict[tuple[str, str], int] = {}
    for place, goal in enumerate(found.targets):
        at = ("targets", place)
        if goal.value is None and goal.key not in known:
            yield (*at, "kpi"), f"no such indicator{nearest(goal.key, tuple(known))}", ", ".join(known)
        if goal.value is not None and goal.key in known:
            yield (*at, "value"), "the run measures this indicator itself", "no value, or another name"
        if goal.target == goal.floor:
            yield (*at, "floor"), f"target and floor are both {goal.target:g}", "two different numbers"
        if (goal.target > goal.floor) != (goal.direction == "higher"):
            side = "below" if goal.direction == "higher" else "above"
            yield (*at, "direction"), f"{goal.direction} is better, so the floor must lie {side} the target", ""
        yield from (((*at, key), what, allowed) for key, what, allowed in _bounds(goal))
        if (goal.key, _since(goal)) in seen:
            yield (*at, "kpi"), "has two targets that are valid from the same day", "one target, or another valid_from"
        seen[goal.key, _since(goal)] = place
    if found.perspectives is not None:
        for perspective in sorted({goal.perspective for goal in found.targets} - set(found.perspectives)):
            yield ("perspectives",), f"gives {perspective!r} no weight, which targets belong to", "a number above 0"


def _bounds(goal: Goal) -> Iterator[tuple[str, str, str]]:
    given = goal.low is not None, goal.high is not None
    if goal.value is None:
        for key in ("low", "high", "n"):
            if getattr(goal, key) is not None:
                yield key, "belongs to an imported value", "value beside it"
    elif given[0] != given[1]:
        yield "low" if given[0] else "high", "an interval has two ends", "low and high, or neither"
    elif goal.low is not None and goal.high is not None and not goal.low <= goal.value <= goal.high:
        yield "value", "lies outside its own interval", "low <= value <= high"


def _since(goal: Goal) -> str:
    return goal.valid_from.isoformat() if goal.valid_from else ""


def _explained(error: ValidationError, path: Path, text: str) -> UsageError:
    """The first fault as a person would say it, with its line and the nearest name."""
    # A misspelt key is reported before the key that is missing because of it.
    faults = error.errors()
    # A list whose only goal is wrong is also "too short", which is no fault of its own.
    faults = [one for one in faults if one["type"] != "too_short"] or faults
    fault = min(faults, key=lambda found: found["type"] != "extra_forbidden")
    place = tuple(fault["loc"])
    what, allowed = told(fault)
    if fault["type"] == "extra_forbidden":
        names = tuple((Goal if len(place) > 1 else Targets).model_fields)
        what, allowed = f"unknown key{nearest(str(place[-1]), names)}", ", ".join(names)
    elif fault["type"] == "missing":
        what = "this key is required"
    more = f" [and {len(faults) - 1} more]" if len(faults) > 1 else ""
    return UsageError(line_of(str(path), text, place), f"{_said(place)}: {what}{more}", allowed=allowed)


def _said(place: Place) -> str:
    """A place as a person reads it: `targets[2].floor`, counted from 1."""
    said = ""
    for part in place:
        said += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if said else part
    return said or "file"
