"""The parts of a scorecard (rubric): sections of weighted items, each with when it applies, what counts, and how."""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxsentiment.language import LANGUAGES
from cxsentiment.rubric.conditions import Condition, Count, Strict, nearest, refuse_times
from cxsentiment.rubric.flows import Flow, Id
from cxsentiment.schema import Criticality, ItemText

MAX_ITEMS = 1_000
Names = Annotated[tuple[str, ...], Field(min_length=1)]
Weight = Annotated[float, Field(gt=0, le=1000)]
Probability = Annotated[float, Field(ge=0, le=1)]
Bounds = tuple[Probability, Probability]


class AppliesWhen(Strict):
    """When an item counts; everything given must hold. None given: always.

    Without the fact it asks for (a contact whose channel is not given) an item does not apply.
    """

    channels: Names | None = None
    campaigns: Names | None = None
    queues: Names | None = None
    languages: Names | None = None
    if_: Condition | None = Field(default=None, alias="if")

    @model_validator(mode="after")
    def _known(self) -> "AppliesWhen":
        for name in self.languages or ():
            if name not in LANGUAGES:
                near = nearest(name.lower()[:2], LANGUAGES)
                raise ValueError(f"no contact is found to be in {name!r}{near} (allowed: {', '.join(LANGUAGES)})")
        return self


class Level(Strict):
    """One level of an ordinal item: `points` (0-1) where `when` holds; the last level, without `when`, is the rest.

    Where no level has `when`, a person chooses the level.
    """

    name: Annotated[str, Field(min_length=1)]
    points: Probability
    when: Condition | None = None


class Counted(Strict):
    """How often something happened: all points from `full_at` on (or down to it), none from `none_at` on."""

    of: Condition
    full_at: Annotated[int, Field(ge=0, le=10_000)]
    none_at: Annotated[int, Field(ge=0, le=10_000)]

    @model_validator(mode="after")
    def _sound(self) -> "Counted":
        if not self.of.is_event:
            raise ValueError("of needs something that happens in a turn, so that it can be counted")
        refuse_times(self.of, "count")
        if self.full_at == self.none_at:
            raise ValueError("full_at and none_at must differ")
        return self


class Cap(Strict):
    """A critical error lowers the contact's score to this at most."""

    cap: Annotated[float, Field(ge=0, le=100)]


class Item(Strict):
    """One question of the scorecard, as a grader reads it.

    `met_when` (yes_no), `levels` (ordinal) or `count` (count) say what counts; an item with none of them, or with
    levels of which none says when, is graded by a person alone. `effect` is what a critical error does to the contact's
    score: nothing but be reported, unless told. `uncertain_between`: a p_met strictly between goes to a person.
    `belongs_at` says where in the contact a missing act would have belonged: the turn quoted for `not_met` when none
    came near.
    """

    id: Id
    question: Annotated[str, Field(min_length=3)]
    weight: Weight
    kind: Literal["yes_no", "ordinal", "count"] = "yes_no"
    critical: Criticality = "none"
    effect: Literal["report", "zero"] | Cap = "report"
    applies_when: AppliesWhen = AppliesWhen()
    met_when: Condition | None = None
    levels: Annotated[tuple[Level, ...], Field(min_length=2)] | None = None
    count: Counted | None = None
    uncertain_between: Bounds | None = None
    belongs_at: Literal["start", "end"] | None = None
    hint: str = ""

    @model_validator(mode="after")
    def _sound(self) -> "Item":
        needs = {"yes_no": "met_when", "ordinal": "levels", "count": "count"}
        for kind, name in needs.items():
            if kind != self.kind and getattr(self, name) is not None:
                raise ValueError(f"{name} goes with kind: {kind}, this item is {self.kind}")
        if self.kind != "yes_no" and getattr(self, needs[self.kind]) is None:
            raise ValueError(f"an item of kind {self.kind} needs {needs[self.kind]}")
        if self.effect != "report" and self.critical == "none":
            raise ValueError("effect goes with a critical item: say critical: customer, business or compliance")
        if self.uncertain_between is not None:
            check_bounds(self.uncertain_between)
        _check_levels(self.levels or ())
        return self

    @property
    def ceiling(self) -> float | None:
        """What the score (0-100) of a contact is at most where the item is not met; None: nothing but its points go."""
        if isinstance(self.effect, Cap):
            return self.effect.cap
        return 0.0 if self.effect == "zero" else None

    def conditions(self) -> Iterator[Condition]:
        """Every condition of the item, outermost ones only."""
        if self.applies_when.if_ is not None:
            yield self.applies_when.if_
        yield from self.counting()

    def counting(self) -> Iterator[Condition]:
        """The conditions that say what counts."""
        if self.met_when is not None:
            yield self.met_when
        yield from (level.when for level in self.levels or () if level.when is not None)
        if self.count is not None:
            yield self.count.of


class Section(Strict):
    """Items that share a weight of the whole."""

    id: Id
    title: str
    weight: Weight
    items: Annotated[tuple[Item, ...], Field(min_length=1)]


class Rubric(Strict):
    """A whole scorecard.

    `negative_at` is the probability from which a customer turn counts as negative. `total_weight`: what the weights of
    the sections (with `flat`: of the items) must add up to, so that a slip of the pen is found. `flat` leaves the
    sections' weights out: every item weighs what it says. `cues` are events by name, for use in many items; those of
    the ready-made library that a rubric uses are written into it when it is read, so that its hash covers them.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    version: Annotated[str, Field(min_length=1, max_length=40)]
    description: str = ""
    negative_at: Annotated[float, Field(gt=0, lt=1)] = 0.5
    minimum_coverage: Probability = 0.5
    total_weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    flat: bool = False
    uncertain_between: Bounds | None = None
    cues: dict[Id, Condition] = Field(default_factory=dict)
    flows: tuple[Flow, ...] = ()
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]

    def pairs(self) -> Iterator[tuple[Section, Item]]:
        """Every item with its section, in the order of the file."""
        for section in self.sections:
            for item in section.items:
                yield section, item

    def bounds(self, item: Item) -> Bounds | None:
        """Between which probabilities a verdict of the item is left to a person; None: nowhere."""
        return item.uncertain_between if item.uncertain_between is not None else self.uncertain_between

    def texts(self) -> dict[str, ItemText]:
        """What reports print of each item, by item id, in the order of the file."""
        return {item.id: ItemText(section.title, item.question, item.hint) for section, item in self.pairs()}

    @cached_property
    def sha256(self) -> str:
        """Hash of the rubric's meaning: comments and layout of the YAML do not change it."""
        canonical = json.dumps(self.content(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def content(self) -> dict[str, object]:
        """The rubric as plain data that `parse_rubric` reads again; what is not given is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def check_bounds(bounds: Bounds) -> None:
    """Raise ValueError unless the bounds of uncertainty are in order and hold 0.5."""
    low, high = bounds
    if not low <= 0.5 <= high:
        raise ValueError(f"uncertain_between: [{low:g}, {high:g}] must hold 0.5, where met turns into not met")


def _check_levels(levels: tuple[Level, ...]) -> None:
    graded_by_a_person = all(level.when is None for level in levels)
    for level in levels[:-1]:
        if level.when is None and not graded_by_a_person:
            raise ValueError(f"the level {level.name!r} needs when: only the last one may go without")
    points = [level.points for level in levels]
    if same := [repr(level.name) for level in levels if points.count(level.points) > 1]:
        raise ValueError(
            f"each level needs points of its own, {' and '.join(same)} give the same; for what does not apply there is "
            "no level: a grader can always say so"
        )
    if points != sorted(points, reverse=True):
        raise ValueError("levels go from most points to fewest: the first whose condition holds counts")
    if levels and levels[-1].when is not None:
        raise ValueError("the last level is the rest and takes no when")


__all__ = ["AppliesWhen", "Cap", "Count", "Counted", "Item", "Level", "Rubric", "Section", "check_bounds"]
