"""A scorecard (rubric): YAML → Rubric. Says what each item asks, when it applies, what counts, and what it weighs.

Ready-made rubrics lie in `rubrics/*.yaml`. Unknown keys are refused, and an error names file, key and what is allowed.
"""

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxsentiment.errors import RubricError
from cxsentiment.schema import ACTS, Criticality, ItemText

_MAX_BYTES = 1_000_000
DEFAULT_REACH = 3
_ID = "^[a-z][a-z0-9_]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AppliesWhen(_Strict):
    """When an item counts; every condition given must hold. None given: always."""

    channels: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    customer_negative: bool = False
    agent_act: str | None = None

    @model_validator(mode="after")
    def _known_act(self) -> "AppliesWhen":
        if self.agent_act is not None:
            _check_act(self.agent_act)
        return self


class MetWhen(_Strict):
    """What meets an item: one of `acts` in an agent turn of the window, or, with `absent`, in none of them.

    The window is all agent turns, the first `in_first`, the last `in_last`, or the next `within` (3 unless told)
    after a negative customer turn (`after_negative`).
    """

    acts: Annotated[tuple[str, ...], Field(min_length=1)]
    absent: bool = False
    in_first: Annotated[int, Field(ge=1)] | None = None
    in_last: Annotated[int, Field(ge=1)] | None = None
    after_negative: bool = False
    within: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_window(self) -> "MetWhen":
        for act in self.acts:
            _check_act(act)
        if sum((self.in_first is not None, self.in_last is not None, self.after_negative)) > 1:
            raise ValueError("give only one of in_first, in_last and after_negative")
        if self.within is not None and not self.after_negative:
            raise ValueError("within means turns after a negative customer turn: give after_negative: true as well")
        return self

    @property
    def reach(self) -> int:
        """How many agent turns after a negative customer turn count."""
        return self.within or DEFAULT_REACH


class Item(_Strict):
    """One question of the scorecard, as a grader reads it.

    `belongs_at` says where in the contact a missing act would have belonged: the turn quoted for `not_met` when none
    came near.
    """

    id: Annotated[str, Field(pattern=_ID)]
    question: Annotated[str, Field(min_length=3)]
    weight: Annotated[float, Field(gt=0, le=1000)]
    critical: Criticality = "none"
    applies_when: AppliesWhen = AppliesWhen()
    met_when: MetWhen
    belongs_at: Literal["start", "end"] | None = None
    hint: str = ""


class Section(_Strict):
    """Items that share a weight of the whole."""

    id: Annotated[str, Field(pattern=_ID)]
    title: str
    weight: Annotated[float, Field(gt=0, le=1000)]
    items: Annotated[tuple[Item, ...], Field(min_length=1)]


class Rubric(_Strict):
    """A whole scorecard. `negative_at` is the probability from which a customer turn counts as negative."""

    name: str
    version: str
    description: str = ""
    negative_at: Annotated[float, Field(gt=0, lt=1)] = 0.5
    minimum_coverage: Annotated[float, Field(ge=0, le=1)] = 0.5
    sections: Annotated[tuple[Section, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique_ids(self) -> "Rubric":
        for kind, ids in (
            ("section", [section.id for section in self.sections]),
            ("item", [item.id for _, item in self.pairs()]),
        ):
            if twice := sorted({name for name in ids if ids.count(name) > 1}):
                raise ValueError(f"{kind} id {twice[0]!r} is used more than once; ids must be unique")
        return self

    def pairs(self) -> Iterator[tuple[Section, Item]]:
        """Every item with its section, in the order of the file."""
        for section in self.sections:
            for item in section.items:
                yield section, item

    def texts(self) -> dict[str, ItemText]:
        """What reports print of each item, by item id, in the order of the file."""
        return {item.id: ItemText(section.title, item.question, item.hint) for section, item in self.pairs()}

    @cached_property
    def sha256(self) -> str:
        """Hash of the rubric's meaning: comments and layout of the YAML do not change it."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def default_rubric() -> Path:
    """Where the default rubric lies."""
    return Path(__file__).parent / "rubrics" / "default.yaml"


def read_rubric(path: Path) -> Rubric:
    """Read and validate a rubric file. Raises RubricError with file, key and what is allowed."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RubricError(str(path), f"cannot be read: {error.strerror}", do="Give --rubric a YAML file") from error
    if len(raw) > _MAX_BYTES:
        raise RubricError(str(path), f"{len(raw):,} bytes is no scorecard", allowed=f"at most {_MAX_BYTES:,} bytes")
    try:
        text = raw.decode("utf-8")
        _refuse_aliases(text, path)
        content = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise RubricError(str(path), "not UTF-8 text", do="Save the file as UTF-8") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise RubricError(str(path), f"not valid YAML: {' '.join(str(error).split())}") from error
    return parse_rubric(content, str(path))


def parse_rubric(content: object, where: str) -> Rubric:
    """Validate a rubric that is already plain data (as kept in a run's receipt)."""
    if not isinstance(content, Mapping):
        raise RubricError(where, "is empty or not a mapping", allowed="name, version, sections", do="See rubrics/")
    try:
        return Rubric.model_validate(content)
    except ValidationError as error:
        raise _explain(error, content, where) from error


def _refuse_aliases(text: str, path: Path) -> None:
    # An alias can make a small file expand without bound, and safe_load follows it.
    for token in yaml.scan(text):
        if isinstance(token, yaml.AliasToken):
            line = token.start_mark.line + 1
            raise RubricError(f"{path}:{line}", f"YAML alias *{token.value}", allowed="plain YAML", do="Write it out")


def _check_act(act: str) -> None:
    if act not in ACTS:
        raise ValueError(f"{act!r} is not an act{_nearest(act, ACTS)} (allowed: {', '.join(ACTS)})")


def _nearest(word: str, allowed: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, allowed, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _explain(error: ValidationError, content: Mapping[Any, Any], where: str) -> RubricError:
    """The first fault as a person would say it: the path with ids instead of positions, and the nearest name."""
    # A misspelt key is reported before the key that is missing because of it.
    fault = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    names: list[str] = []
    node: Any = content
    model: type[BaseModel] | None = Rubric
    for part in fault["loc"]:
        node = _child(node, part)
        if isinstance(part, int):
            label = node.get("id", part + 1) if isinstance(node, Mapping) else part + 1
            names[-1] += f"[{label}]"
        else:
            names.append(str(part))
            if part in (model.model_fields if model else {}):
                model = _model_of(model.model_fields[part].annotation) or model if model else None
    path = ".".join(names)
    allowed = ""
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden" and model is not None:
        fields = tuple(model.model_fields)
        message = f"unknown key{_nearest(str(fault['loc'][-1]), fields)}"
        allowed = ", ".join(fields)
    elif fault["type"] == "missing":
        message = "this key is required"
    more = len(error.errors()) - 1
    return RubricError(
        where, f"{path or 'rubric'}: {message}" + (f" [and {more} more]" if more else ""), allowed=allowed
    )


def _child(node: Any, part: int | str) -> Any:
    if isinstance(node, Mapping):
        return node.get(part)
    return node[part] if isinstance(node, list) and isinstance(part, int) and part < len(node) else None


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_of(part))), None)
