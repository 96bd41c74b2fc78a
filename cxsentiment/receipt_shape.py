"""What run.json may hold: of each key that is there, the kind of its value. Which keys must be there, who asks says."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

_KINDS = {
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "string_type": "text",
    "float_type": "a number",
}


def fault(receipt: Mapping[str, Any]) -> str | None:
    """The first value that is not of the kind that this version writes, in words; None where all are."""
    try:
        _Receipt.model_validate(receipt)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "value_error":
            return f"{_place(first['loc'][:1])} {first['ctx']['error']}"
        return f"{_place(first['loc'])} is {_shown(first['input'])}, not {_KINDS.get(first['type'], 'a count')}"
    return None


def _place(keys: tuple[int | str, ...]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).removeprefix(".")


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value)
    return repr(text[:37] + "…" if len(text) > 40 else text) if isinstance(value, str) else text[:40]


def _bytes_in_hex(text: str) -> str:
    try:
        bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"hold the path {_shown(text)}, which is not bytes in hex") from None
    return text


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise ValueError(f"names {_shown(name)}, which is no file of the run folder")
    return name


_Count = Annotated[int, Field(ge=0)]
_Counts = dict[str, _Count]


class _Object(BaseModel):
    """An object of which these keys, where they are there, have values of these kinds; others are not looked at."""

    model_config = ConfigDict(strict=True)


class _Model(_Object):
    name: str = ""
    version: str = ""
    sha256: str = ""
    thresholds: dict[str, dict[str, float]] = {}


class _Section(_Object):
    items: list[dict[str, Any]] = []


class _Content(_Object):
    sections: list[_Section] = []


class _Rubric(_Object):
    name: str = ""
    version: str = ""
    sha256: str = ""
    content: _Content = _Content()


class _Input(_Object):
    source: str = ""
    sha256: str | None = None
    path_hex: Annotated[str, AfterValidator(_bytes_in_hex)] = ""


class _Beside(_Object):
    rejected: _Count = 0


class _Erasures(_Object):
    entries: _Count = 0
    sha256: str = ""


class _Receipt(_Object):
    state: str = ""
    identity: str = ""
    parts: dict[str, str] = {}
    model: _Model | None = None
    device: dict[str, str] = {}
    rubric: _Rubric = _Rubric()
    settings: dict[str, Any] = {}
    inputs: list[_Input] = []
    readers: _Counts = {}
    reader_faults: list[str] = []
    contacts: _Counts = {}
    turns: _Counts = {}
    roles: _Counts = {}
    null_reasons: _Counts = {}
    masked: _Counts = {}
    warnings: _Counts = {}
    notes: _Counts = {}
    surveys: _Beside | None = None
    log: _Beside | None = None
    seconds: dict[str, float] = {}
    core_seconds: float = 0.0
    shards: _Count = 0
    shards_reused: _Count = 0
    batches: _Count = 0
    erasures: _Erasures = _Erasures()
    rescored_from: dict[str, Any] = {}
    files: dict[Annotated[str, AfterValidator(_inside)], str] = {}
