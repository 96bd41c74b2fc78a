"""A scorecard (rubric): YAML → Rubric. An error names file, line and key, what is allowed, and the nearest name.

Ready-made rubrics lie in `cxsentiment/rubrics/*.yaml`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from cxsentiment.errors import RubricError
from cxsentiment.rubric.checks import faults
from cxsentiment.rubric.conditions import Condition, nearest
from cxsentiment.rubric.misfits import told
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ItemText
from cxsentiment.strict_yaml import OnceOnly, SafeLoader

_MAX_BYTES = 1_000_000
_FOLDER = Path(__file__).parent.parent / "rubrics"
_LIBRARY = "cues.yaml"
_EXAMPLES = ".examples.yaml"
_NAME = re.compile(r"[a-z0-9_-]+")
_MAX_DEPTH = 100
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def default_rubric() -> Path:
    """Where the default rubric lies."""
    return _FOLDER / "default.yaml"


def ready_rubrics() -> dict[str, Path]:
    """The ready-made rubrics by name."""
    paths = sorted(path for path in _FOLDER.glob("*.yaml") if path.name != _LIBRARY)
    return {path.stem: path for path in paths if not path.name.endswith(_EXAMPLES)}


def find_rubric(name: str) -> Path:
    """The rubric file of that path, or the ready-made rubric of that name. Raises RubricError for neither."""
    ready = ready_rubrics()
    if name in ready and not Path(name).is_file():
        return ready[name]
    if _NAME.fullmatch(name) and not Path(name).exists():
        raise RubricError(
            name, f"is neither a file nor a ready-made rubric{nearest(name, tuple(ready))}", allowed=", ".join(ready)
        )
    return Path(name)


def read_rubric(path: Path) -> Rubric:
    """Read and validate a rubric file. Raises RubricError with file, line, key and what is allowed."""
    text, content = read_yaml(path)
    return _parsed(content, str(path), text)


def parse_rubric(content: object, where: str) -> Rubric:
    """Validate a rubric that is already plain data (as kept in a run's receipt)."""
    return _parsed(content, where, None)


def texts_of(content: Mapping[str, Any]) -> dict[str, ItemText]:
    """What reports print of each item, from the rubric that a run's receipt keeps, whatever version wrote it."""
    return {
        item["id"]: ItemText(section["title"], item["question"], item.get("hint", ""))
        for section in content["sections"]
        for item in section["items"]
    }


def in_parts(content: Mapping[str, Any]) -> frozenset[str]:
    """Items that can be met in part (ordinal, count), from a receipt's rubric: their p_met is a share of points."""
    items = (item for section in content["sections"] for item in section["items"])
    return frozenset(item["id"] for item in items if item.get("kind", "yes_no") != "yes_no")


def read_yaml(path: Path) -> tuple[str, object]:
    """The text and the plain data of a YAML file. Raises RubricError where it is too large, has aliases or is none."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            size = path.stat().st_size
            raise RubricError(str(path), f"{size:,} bytes is no scorecard", allowed=f"at most {_MAX_BYTES:,} bytes")
        raw = path.read_bytes()
    except OSError as error:
        raise RubricError(str(path), f"cannot be read: {error.strerror}", do="Give --rubric a YAML file") from error
    try:
        text = raw.decode("utf-8")
        _refuse_dangers(text, path)
        return text, yaml.load(text, OnceOnly)  # nosec B506  # a SafeLoader
    except UnicodeDecodeError as error:
        raise RubricError(str(path), "not UTF-8 text", do="Save the file as UTF-8") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RubricError(str(path), f"not valid YAML: {' '.join(str(error).split())}") from error


def _refuse_dangers(text: str, path: Path) -> None:
    """Refuse aliases, which can make a small file expand without bound, and depths at which the loader may crash."""
    depth = 0
    for token in yaml.scan(text, SafeLoader):
        where = f"{path}:{token.start_mark.line + 1}"
        if isinstance(token, yaml.AliasToken):
            raise RubricError(where, f"YAML alias *{token.value}", allowed="plain YAML", do="Write it out")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _MAX_DEPTH:
            raise RubricError(where, f"is nested deeper than {_MAX_DEPTH} levels, which no scorecard is")


def _parsed(content: object, where: str, text: str | None) -> Rubric:
    if not isinstance(content, Mapping):
        raise RubricError(where, "is empty or not a mapping", allowed="name, version, sections", do="See rubrics/")
    try:
        rubric = _with_library(Rubric.model_validate(content))
    except ValidationError as error:
        raise _explain(error, content, where, text) from error
    found = list(faults(rubric))
    if found:
        first = found[0]
        message = f"{_said(first.path, content)}: {first.what}" + _and_more(len(found))
        raise RubricError(line_of(where, text, first.path), message, allowed=first.allowed)
    return rubric


def _with_library(rubric: Rubric) -> Rubric:
    """The rubric with those cues of the ready-made library that it uses and does not define itself."""
    library = _library()
    cues = dict(rubric.cues)
    wanted = _cues(_all_conditions(rubric))
    while wanted:
        new = {name: library[name] for name in wanted if name not in cues and name in library}
        cues |= new
        wanted = _cues(new.values())
    return rubric if len(cues) == len(rubric.cues) else rubric.model_copy(update={"cues": cues})


def _all_conditions(rubric: Rubric) -> Iterable[Condition]:
    yield from rubric.cues.values()
    for flow in rubric.flows:
        yield from flow.conditions()
    for _, item in rubric.pairs():
        yield from item.conditions()


def _cues(conditions: Iterable[Condition]) -> list[str]:
    return sorted({part.cue for one in conditions for part in one.walk() if part.cue is not None})


@cache
def _library() -> dict[str, Condition]:
    _, content = read_yaml(_FOLDER / _LIBRARY)
    assert isinstance(content, dict)
    return {name: Condition.model_validate(one) for name, one in content.items()}


def library_cues() -> dict[str, Condition]:
    """The ready-made cues by name."""
    return dict(_library())


def _explain(error: ValidationError, content: Mapping[Any, Any], where: str, text: str | None) -> RubricError:
    """The first fault as a person would say it: the path with ids instead of positions, and the nearest name."""
    # A misspelt key is reported before the key that is missing because of it.
    found = independent(error.errors())
    fault = min(found, key=lambda one: one["type"] != "extra_forbidden")
    path = tuple(part for part in fault["loc"] if _is_real(part))
    message, allowed = told(fault)
    if fault["type"] == "extra_forbidden":
        names = _keys_at(path[:-1])
        message = f"unknown key{nearest(str(path[-1]), names)}"
        allowed = ", ".join(names)
    elif fault["type"] == "missing":
        message = "this key is required"
    elif path[-1:] == ("effect",):
        allowed = "report, zero, { cap: 0 to 100 }"
    said = f"{_said(path, content) or 'rubric'}: {message}{_and_more(len(found))}"
    return RubricError(line_of(where, text, path), said, allowed=allowed)


def independent(faults: Sequence[Any]) -> list[Any]:
    """The faults without lists that count as too short only because what stands in them is faulty, and of a value that
    may be a word or a mapping those of the kind that it is.
    """
    above = {one["loc"][:length] for one in faults for length in range(len(one["loc"]))}
    found = [one for one in faults if one["type"] != "too_short" or one["loc"] not in above]
    return [one for one in found if not _is_of_another_kind(one)] or found


def _is_of_another_kind(fault: Any) -> bool:
    """Whether the fault is that a mapping is no word, or a word no mapping, where either will do (`effect`)."""
    either = fault["type"] in ("literal_error", "model_type") and not _is_real(fault["loc"][-1])
    return either and isinstance(fault["input"], Mapping) == (fault["type"] == "literal_error")


def _is_real(part: str | int) -> bool:
    """Whether a part of pydantic's path is a key of the file, and not the name of a type or of a union's member."""
    return isinstance(part, int) or (part[:1].islower() and "[" not in part)


def _and_more(count: int) -> str:
    return f" [and {count - 1} more]" if count > 1 else ""


def _said(path: tuple[str | int, ...], content: object) -> str:
    """A path as a person reads it: `sections[opening].items[greeting].met_when`."""
    names: list[str] = []
    node: Any = content
    for part in path:
        node = _child(node, part)
        if isinstance(part, int) and names:
            label = node.get("id", part + 1) if isinstance(node, Mapping) else part + 1
            names[-1] += f"[{label}]"
        else:
            names.append(str(part))
    return ".".join(names)


def _child(node: Any, part: int | str) -> Any:
    if isinstance(node, Mapping):
        return node.get(part)
    return node[part] if isinstance(node, list) and isinstance(part, int) and part < len(node) else None


def line_of(where: str, text: str | None, path: tuple[str | int, ...]) -> str:
    """`file:line` of the deepest part of the path that the file has; the file alone where its text is not at hand."""
    if text is None:
        return where
    node = yaml.compose(text, yaml.SafeLoader)
    line = 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return f"{where}:{line}"


def _keys_at(path: tuple[str | int, ...]) -> tuple[str, ...]:
    """The keys that are allowed at a place of a rubric."""
    model: type[BaseModel] = Rubric
    for part in path:
        fields = _fields(model)
        if isinstance(part, str) and part in fields:
            model = _model_of(fields[part]) or model
    return tuple(_fields(model))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model_of(part))), None)
