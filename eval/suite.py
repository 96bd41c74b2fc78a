"""Reads the behaviour tests, `eval/behaviour/<capability>.yaml`, in the style of CheckList (Ribeiro et al. 2020).

Three kinds of test: minimum (a text has, or lacks, labels), invariance (variants of a text keep its labels), direction
(variants raise or lower the probability of a label). A text of a customer is judged by the head `sentiment`, one of an
agent by `acts`. Unknown keys are refused; every error names file and case.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxsentiment.errors import UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.strict_yaml import OnceOnly
from eval.noise import NOISES, noisy

HeadName = Literal["sentiment", "acts"]
HEADS: tuple[HeadName, ...] = ("sentiment", "acts")
LABELS = {"sentiment": SENTIMENTS, "acts": ACTS}


_SLOT = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")  # `{{so}}` is a mask as people write them, no slot


@dataclass(frozen=True, slots=True)
class Variant:
    """One text of a case; `group` says what was done to it, or whose name or dialect it has."""

    group: str
    text: str


def _one_of(allowed: tuple[str, ...]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"{value!r} is not known (allowed: {', '.join(allowed)})")
        return value

    return AfterValidator(check)


Sentiment = Annotated[str, _one_of(SENTIMENTS)]
Act = Annotated[str, _one_of(ACTS)]
Label = Annotated[str, _one_of(SENTIMENTS + ACTS)]
Noise = Annotated[str, _one_of(tuple(NOISES))]
Text = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Case(_Strict):
    """A text with an id like `negation-07`. One that is `report_only` counts in no pass rate."""

    id: Annotated[str, Field(pattern=r"^[a-z_]+-\d{2,3}$")]
    text: Text
    report_only: bool = False


class Minimum(_Case):
    """Minimum functionality: `label` of a customer's text; acts an agent's text `has` and `lacks`, or has `only`."""

    label: Sentiment | None = None
    has: tuple[Act, ...] = ()
    lacks: tuple[Act, ...] = ()
    only: tuple[Act, ...] | None = None

    @model_validator(mode="after")
    def _one_demand(self) -> "Minimum":
        given = (self.label is not None, bool(self.has or self.lacks), self.only is not None)
        if sum(given) != 1:
            raise ValueError("give either label (a customer's text), or has and lacks, or only (an agent's text)")
        if both := set(self.has) & set(self.lacks):
            raise ValueError(f"{sorted(both)} cannot be both in has and in lacks")
        return self

    @property
    def head(self) -> HeadName:
        """The head that is tested."""
        return "acts" if self.label is None else "sentiment"

    @property
    def wanted(self) -> Mapping[str, bool]:
        """Whether each label that matters must be there (True) or must not (False)."""
        if self.label is not None:
            return {label: label == self.label for label in SENTIMENTS}
        if self.only is not None:
            return {act: act in self.only for act in ACTS}
        return dict.fromkeys(self.has, True) | dict.fromkeys(self.lacks, False)


class Invariance(_Case):
    """Variants of `text` must keep its labels: written ones by group, kinds of `noise`, or the fills of a slot."""

    head: HeadName
    variants: dict[str, Text] = Field(default_factory=dict)
    noise: tuple[Noise, ...] = ()

    def made(self) -> Iterator[Variant]:
        """The written variants, then those made by noise: each text once, for a copy would only dilute the rate."""
        seen = {self.text}
        drawn = [Variant(kind, text) for kind in self.noise for text in noisy(self.text, kind)]
        for variant in [*(Variant(group, text) for group, text in self.variants.items()), *drawn]:
            if variant.text not in seen:
                seen.add(variant.text)
                yield variant


class Direction(_Case):
    """Each variant must raise, or lower, the probability of a label by at least `by`.

    Without `by` the probability must only not move the other way by more than `tolerance`.
    """

    variants: Annotated[tuple[Text, ...], Field(min_length=1)]
    raises: Label | None = None
    lowers: Label | None = None
    by: Annotated[float, Field(gt=0, le=1)] | None = None
    tolerance: Annotated[float, Field(ge=0, le=0.2)] = 0.05

    @model_validator(mode="after")
    def _one_way(self) -> "Direction":
        if (self.raises is None) == (self.lowers is None):
            raise ValueError("give either raises or lowers")
        if self.by is not None and "tolerance" in self.model_fields_set:
            raise ValueError("give either by or tolerance")
        return self

    @property
    def watched(self) -> str:
        """The label whose probability must move."""
        return str(self.raises or self.lowers)

    @property
    def head(self) -> HeadName:
        """The head that is tested."""
        return "sentiment" if self.watched in SENTIMENTS else "acts"

    def gain(self, before: float, after: float) -> float:
        """How far the probability moved the right way, less what is asked; a negative gain fails."""
        moved = after - before if self.raises else before - after
        return moved + self.tolerance if self.by is None else moved - self.by


Case = Minimum | Invariance | Direction


class Capability(_Strict):
    """One file: what is tested, its cases, and `fills`, texts by group for `{slot}`s in them.

    `groups` says what the groups of variants and fills are; `fairness` that their flip rates are to be compared.
    """

    capability: str
    about: Text
    groups: str = "variant"
    fairness: bool = False
    fills: dict[str, dict[str, Annotated[tuple[Text, ...], Field(min_length=1)]]] = Field(default_factory=dict)
    minimum: tuple[Minimum, ...] = ()
    invariance: tuple[Invariance, ...] = ()
    direction: tuple[Direction, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> "Capability":
        if not self.cases:
            raise ValueError("there is no case (minimum, invariance, direction)")
        for case in self.cases:
            if not case.id.startswith(f"{self.capability}-"):
                raise ValueError(f"case {case.id!r} must be called after its capability, {self.capability}-…")
            slots = [slot for slot in self.fills if f"{{{slot}}}" in case.text]
            if len(slots) > 1:
                raise ValueError(f"case {case.id!r} has the slots {slots}; one is allowed")
            if unknown := [slot for slot in _SLOT.findall(case.text) if slot not in self.fills]:
                known = ", ".join(self.fills) or "none: there are no fills"
                raise ValueError(
                    f"case {case.id!r} has the slot {unknown[0]!r}, which is not filled (allowed: {known})"
                )
        for one in self.invariance:
            self._tests_something(one)
        for way in self.direction:
            if self.filled(way.text):
                raise ValueError(f"case {way.id!r} is a test of direction, which has no slots")
        return self

    def _tests_something(self, one: Invariance) -> None:
        filled = self.filled(one.text)
        if bool(one.variants or one.noise) == bool(filled):
            raise ValueError(f"case {one.id!r} needs either variants and noise, or one slot of fills")
        if len({variant.text for variant in filled or one.made()} | (set() if filled else {one.text})) < 2:
            raise ValueError(f"case {one.id!r} tests nothing: none of its variants is another text")

    @property
    def cases(self) -> tuple[Case, ...]:
        """All cases: minimum, invariance, direction."""
        return (*self.minimum, *self.invariance, *self.direction)

    def filled(self, text: str) -> tuple[Variant, ...]:
        """`text` with each fill of its slot; none where it has no slot."""
        for slot, groups in self.fills.items():
            mark = f"{{{slot}}}"
            if mark in text:
                return tuple(Variant(group, text.replace(mark, fill)) for group, of in groups.items() for fill in of)
        return ()


def read_suite(folder: Path) -> tuple[Capability, ...]:
    """All capabilities in `folder`, by name. Raises UsageError with file and case for anything that is not right."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise UsageError(str(folder), "no behaviour tests here", allowed="*.yaml", do="Give the folder of the cases")
    suite = tuple(_read(path) for path in paths)
    first: dict[str, str] = {}
    for path, one in zip(paths, suite, strict=True):
        for case in one.cases:
            if case.id in first:
                raise UsageError(f"{path} case {case.id}", f"this id is also in {first[case.id]}", do="Rename one")
            first[case.id] = str(path)
    return suite


def _read(path: Path) -> Capability:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), OnceOnly)  # nosec B506  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(str(path), f"not valid YAML in UTF-8: {' '.join(str(error).split())}") from error
    try:
        found = Capability.model_validate(content)
    except ValidationError as error:
        raise _explain(error, content, path) from error
    if found.capability != path.stem:
        raise UsageError(str(path), f"capability {found.capability!r} is not the name of the file", do="Rename one")
    return found


def _explain(error: ValidationError, content: Any, path: Path) -> UsageError:
    # A misspelt key is reported before the key that is missing because of it.
    fault = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    kind, place, *rest = (*fault["loc"], None, None)
    where = str(path)
    if isinstance(content, Mapping) and isinstance(place, int):
        case = content[kind][place]
        where += f" case {case.get('id', '')}" if isinstance(case, Mapping) else f" {kind}[{place}]"
        key = ".".join(str(part) for part in rest if part is not None)
    else:
        key = ".".join(str(part) for part in fault["loc"])
    what = fault["msg"].removeprefix("Value error, ")
    return UsageError(where, f"{key}: {what}" if key else what, do="See eval/suite.py for what a case may hold")
