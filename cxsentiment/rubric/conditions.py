"""The conditions of a scorecard: what counts, where in the contact, in which order, and how conditions combine.

A condition says exactly one *what*. An event happens in a turn (`act`, `phrase`, `pattern`, `wording`, `sentiment`,
`silence`, `cue`); it may be bound to a place and an order. A fact is of the whole contact (`measure`, `item`, `flow`).
`all`, `any`, `not` and `at_least` combine conditions.
"""

import difflib
import json
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

import re2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from cxsentiment.rubric.phrasing import parse_phrase
from cxsentiment.schema import ACTS, SENTIMENTS, SIGNALS

EVENTS = ("act", "phrase", "pattern", "wording", "sentiment", "silence", "cue")
SAID = ("phrase", "pattern", "wording")  # read off the words, without the model
FACTS = ("measure", "item", "flow")
COMBINATORS = ("all", "any", "not", "at_least")
# Order and place, for events only.
ANCHORS = ("before", "before_every", "after", "after_first", "after_every")
PLACES = ("in_first", "in_last", "in_first_seconds", "in_last_seconds")
MEASURES = SIGNALS + (
    "duration_s",
    "turns",
    "agent_turns",
    "customer_turns",
    "agent_questions",
    "agent_words_per_turn",
    "dead_air_s",
    "dead_air_share",
    "wait_s",
    "hold_s",
    "wrap_up_s",
    "handle_s",
)
_IS = {"item": ("met", "not_met", "applicable"), "flow": ("in_order", "complete")}
_MAX_DEPTH = 20
_MAX_PATTERN = 2_000
_PATTERN_MEMORY = 8 << 20


def no_yes_or_no(value: Any) -> Any:
    """The value, unless it is true or false, which pydantic would take for 1 and 0. Raises ValueError."""
    if isinstance(value, bool):
        raise ValueError("yes, no, true, false, on and off are no numbers; where they are words they belong in quotes")
    return value


class Strict(BaseModel):
    """Base of what people write in YAML: unknown keys are refused, and yes or no for a number; values are fixed."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_yes_or_no(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = cls.model_fields[info.field_name or ""].annotation
        return value if wanted is bool or bool in get_args(wanted) else no_yes_or_no(value)


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), BeforeValidator(_several)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Seconds = Annotated[float, Field(gt=0, le=1e7)]
Conditions = Annotated[tuple["Condition", ...], Field(min_length=1)]


class AtLeast(Strict):
    """At least `n` of these conditions hold."""

    n: Count
    of: Conditions

    @model_validator(mode="after")
    def _possible(self) -> "AtLeast":
        if self.n > len(self.of):
            raise ValueError(
                f"{self.n} of {len(self.of)} conditions can never hold (allowed: n of 1 to {len(self.of)})"
            )
        return self


class Condition(Strict):
    """One condition; see docs/rubric.md for every key with an example."""

    act: Texts | None = None
    phrase: Texts | None = None
    pattern: Annotated[str, Field(min_length=1, max_length=_MAX_PATTERN)] | None = None
    wording: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    sentiment: Literal["negative", "neutral", "positive"] | None = None
    silence: Seconds | None = None
    cue: str | None = None
    measure: str | None = None
    item: str | None = None
    flow: str | None = None
    all: Conditions | None = None
    any: Conditions | None = None
    not_: "Condition | None" = Field(default=None, alias="not")
    at_least: AtLeast | None = None

    by: Literal["agent", "customer", "bot", "system", "other", "anyone"] | None = None
    negated: Literal["skip", "count"] | None = None
    typos: Annotated[int, Field(ge=0, le=2)] | None = None
    tolerance: Annotated[float, Field(ge=0, le=0.5)] | None = None
    times: Count | None = None
    with_: "Condition | None" = Field(default=None, alias="with")
    without: "Condition | None" = None

    in_first: Count | None = None
    in_last: Count | None = None
    in_first_seconds: Seconds | None = None
    in_last_seconds: Seconds | None = None
    before: "Condition | None" = None
    before_every: "Condition | None" = None
    after: "Condition | None" = None
    after_first: "Condition | None" = None
    after_every: "Condition | None" = None
    within: Count | None = None

    min: Annotated[float, Field(allow_inf_nan=False)] | None = None
    max: Annotated[float, Field(allow_inf_nan=False)] | None = None
    is_: str | None = Field(default=None, alias="is")

    @model_validator(mode="after")
    def _sound(self) -> "Condition":
        given = [name for name in EVENTS + FACTS + COMBINATORS if self._value(name) is not None]
        if len(given) != 1:
            kinds = ", ".join(EVENTS + FACTS + COMBINATORS)
            said = f"says {' and '.join(given)}" if given else "says nothing that could hold"
            raise ValueError(f"a condition {said} (allowed: exactly one of {kinds})")
        _check_keys(self)
        _check_values(self)
        if self.depth > _MAX_DEPTH:
            raise ValueError(f"conditions are nested more than {_MAX_DEPTH} deep")
        return self

    def _value(self, name: str) -> Any:
        return getattr(self, f"{name}_" if name in ("not", "with", "is") else name)

    @cached_property
    def what(self) -> str:
        """Which key says what the condition is about."""
        return next(name for name in EVENTS + FACTS + COMBINATORS if self._value(name) is not None)

    @cached_property
    def depth(self) -> int:
        """How deep conditions are nested in this one (1: not at all)."""
        return 1 + max((part.depth for part in self.parts()), default=0)

    @cached_property
    def speaker(self) -> str:
        """Who must have said it: acts are the agent's, sentiment the customer's, the rest the agent's unless told."""
        if self.what == "sentiment":
            return "customer"
        return self.by or ("anyone" if self.what == "silence" else "agent")

    @cached_property
    def key(self) -> str:
        """Its meaning as text: conditions that say the same have the same key."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True, by_alias=True), sort_keys=True)

    @property
    def is_event(self) -> bool:
        """Whether it happens in turns, so that it can be bound to a place and can bind others."""
        if self.what == "any":
            return all(part.is_event for part in self.any or ())
        return self.what in EVENTS

    def branches(self) -> tuple["Condition", ...]:
        """The conditions it combines; none for an event or a fact."""
        if self.at_least is not None:
            return self.at_least.of
        return self.all or self.any or ((self.not_,) if self.not_ is not None else ())

    def parts(self) -> Iterator["Condition"]:
        """The conditions directly inside: those it combines, its anchors, what must (not) share its turn."""
        yield from self.branches()
        for name in (*ANCHORS, "with", "without"):
            if (part := self._value(name)) is not None:
                yield part

    def walk(self) -> Iterator["Condition"]:
        """This condition and all inside it."""
        yield self
        for part in self.parts():
            yield from part.walk()


def nearest(word: str, allowed: tuple[str, ...]) -> str:
    """`; did you mean '…'?` where one of the allowed words is near, else nothing."""
    near = difflib.get_close_matches(word, allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def compile_pattern(pattern: str, *, whole: bool = False) -> Any:
    """A regular expression that takes time in proportion to the text, whatever it says. Raises ValueError.

    `whole`: the pattern is made of all patterns of a rubric, each of which was looked at before.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.max_mem = _PATTERN_MEMORY * (32 if whole else 1)
    options.log_errors = False
    try:
        compiled = re2.compile(unicodedata.normalize("NFC", pattern), options)
    except re2.error as error:
        detail = error.args[0] if error.args else error
        detail = detail.decode() if isinstance(detail, bytes) else detail
        raise ValueError(
            f"the pattern {pattern!r} cannot be used: {detail} (allowed: RE2 syntax, which has no look-around and no "
            "back-references, so that no pattern can hang a run)"
        ) from error
    probes = [compiled.search(text) for text in ("", "a")]
    if any(match is not None and match.start() == match.end() for match in probes):
        raise ValueError(f"the pattern {pattern!r} matches even an empty text (allowed: one that asks for something)")
    if not whole and "\\Q" in pattern:
        _refuse_open_quote(pattern, options)
    return compiled


def _refuse_open_quote(pattern: str, options: Any) -> None:
    """Raise ValueError for a `\\Q` without `\\E`: it would swallow the patterns that are sought together with it."""
    try:
        re2.compile(f"(?:{pattern})", options)
    except re2.error as error:
        raise ValueError(f"the pattern {pattern!r} cannot be used: \\Q without \\E (allowed: both)") from error


# Which further keys go with which what.
_OF_EVENTS = (*PLACES, *ANCHORS, "within", "times", "with", "without")
_KEYS: dict[str, tuple[str, ...]] = {
    "act": _OF_EVENTS,
    "phrase": ("by", "negated", "typos", *_OF_EVENTS),
    "pattern": ("by", *_OF_EVENTS),
    "wording": ("by", "tolerance", *_OF_EVENTS),
    "sentiment": _OF_EVENTS,
    "silence": _OF_EVENTS,
    "cue": ("by", *_OF_EVENTS),
    "measure": ("min", "max"),
    "item": ("is",),
    "flow": ("is",),
    "all": (),
    "any": _OF_EVENTS,
    "not": (),
    "at_least": (),
}


def _check_keys(condition: Condition) -> None:
    allowed = _KEYS[condition.what]
    for name in ("by", "negated", "typos", "tolerance", "min", "max", "is", *_OF_EVENTS):
        if condition._value(name) is not None and name not in allowed:
            where = (
                f"allowed with {condition.what}: {', '.join(allowed)}" if allowed else f"{condition.what} takes none"
            )
            raise ValueError(f"{name} does not go with {condition.what} ({where})")
    anchors = [name for name in ANCHORS if condition._value(name) is not None]
    if len(anchors) > 1:
        raise ValueError(f"give only one of {' and '.join(anchors)} (combine several with all)")
    if condition.within is not None and not anchors:
        raise ValueError(f"within counts turns from an anchor: give one of {', '.join(ANCHORS)} as well")
    if condition.in_first is not None and condition.in_last is not None:
        raise ValueError("give only one of in_first and in_last")
    for name in (*anchors, "with", "without"):
        anchor = condition._value(name)
        if anchor is not None:
            _check_anchor(anchor, name)
    bound = _bounds_of(condition)
    if condition.what == "any" and bound and not condition.is_event:
        raise ValueError(f"{bound[0]} goes with any only where all in it are events ({', '.join(EVENTS)})")
    for name in (*anchors, "with", "without") if not bound else (*anchors, "with", "without", "any"):
        _check_kinds(condition if name == "any" else condition._value(name), name)


def _bounds_of(condition: Condition) -> list[str]:
    """Its keys that say where it counts and how often."""
    return [name for name in _OF_EVENTS if condition._value(name) is not None]


def _check_anchor(anchor: Condition, name: str) -> None:
    """Refuse what an event that others are bound to, or share their turn with, cannot say."""
    if not anchor.is_event:
        raise ValueError(f"{name} needs something that happens in a turn (allowed: {', '.join(EVENTS)}, any of them)")
    lost = [key for key in _bounds_of(anchor) if key not in ("with", "without")]
    if lost and name in ("with", "without"):
        raise ValueError(f"{lost[0]} has no effect inside {name} (say it beside {name})")
    refuse_times(anchor, name)


def refuse_times(event: Condition | None, name: str) -> None:
    """Raise ValueError for an event that only its sightings matter of, however many: `times` would be lost."""
    if event is not None and event.times is not None:
        raise ValueError(
            f"times has no effect inside {name}, where each time counts (allowed: the event without times)"
        )


def _check_kinds(event: Condition | None, name: str) -> None:
    """An any that is one event of several kinds is bound as a whole: what its kinds say of places would be lost."""
    for kind in (event.any or ()) if event is not None else ():
        bound = [key for key in _bounds_of(kind) if key not in ("with", "without")]
        if bound:
            raise ValueError(f"{bound[0]} has no effect inside an any that is bound by {name} (say it beside the any)")
        _check_kinds(kind, name)


def _check_values(condition: Condition) -> None:
    for act in condition.act or ():
        if act not in ACTS:
            raise ValueError(f"{act!r} is not an act{nearest(act, ACTS)} (allowed: {', '.join(ACTS)})")
    for phrase in condition.phrase or ():
        parse_phrase(phrase)
    if condition.pattern is not None:
        compile_pattern(condition.pattern)
    if condition.wording is not None and _words(condition.wording) < 3:
        raise ValueError("wording needs at least three words; use phrase for fewer")
    if condition.measure is not None:
        _check_measure(condition)
    what = condition.what
    if what in _IS and condition.is_ is not None and condition.is_ not in _IS[what]:
        raise ValueError(f"is: {condition.is_!r} is not known (allowed: {', '.join(_IS[what])})")


def _words(text: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in text.split())


def _check_measure(condition: Condition) -> None:
    name = condition.measure or ""
    if name not in MEASURES:
        raise ValueError(f"{name!r} is not measured{nearest(name, MEASURES)} (allowed: {', '.join(MEASURES)})")
    if condition.min is None and condition.max is None:
        raise ValueError(f"measure: {name} needs min, max or both")
    if condition.min is not None and condition.max is not None and condition.min > condition.max:
        raise ValueError(f"measure: {name} can never be at least {condition.min:g} and at most {condition.max:g}")


assert set(SENTIMENTS) == {"negative", "neutral", "positive"}
