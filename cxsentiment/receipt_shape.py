"""What run.json may hold: of each key that is there, the kind of its value. Which keys must be there, who asks says."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

_Kind = Callable[[Any, str], Iterator[str]]


def faults(receipt: Mapping[str, Any]) -> Iterator[str]:
    """What is not of the kind that this version writes, in words."""
    yield from _RECEIPT(receipt, "")


def _of(kinds: type | tuple[type, ...], name: str) -> _Kind:
    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
            yield f"{where} is {_shown(value)}, not {name}"

    return check


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value)
    return repr(text[:37] + "…" if len(text) > 40 else text) if isinstance(value, str) else text[:40]


def _or_null(kind: _Kind) -> _Kind:
    return lambda value, where: iter(()) if value is None else kind(value, where)


def _by_name(kind: _Kind) -> _Kind:
    """An object of which every value is of one kind."""

    def check(value: Any, where: str) -> Iterator[str]:
        yield from _object(value, where)
        for name, member in value.items() if isinstance(value, dict) else ():
            yield from kind(member, f"{where}[{name!r}]")

    return check


def _list_of(kind: _Kind) -> _Kind:
    def check(value: Any, where: str) -> Iterator[str]:
        yield from _list(value, where)
        for place, member in enumerate(value if isinstance(value, list) else ()):
            yield from kind(member, f"{where}[{place}]")

    return check


def _with(**kinds: _Kind) -> _Kind:
    """An object of which these keys, where they are there, have values of these kinds."""

    def check(value: Any, where: str) -> Iterator[str]:
        yield from _object(value, where)
        for name, kind in kinds.items() if isinstance(value, dict) else ():
            if name in value:
                yield from kind(value[name], f"{where}.{name}" if where else name)

    return check


def _count(value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield f"{where} is {_shown(value)}, not a count"


def _hex(value: Any, where: str) -> Iterator[str]:
    try:
        bytes.fromhex(value)
    except (TypeError, ValueError):
        yield f"{where} is {_shown(value)}, not bytes in hex"


def _hashes(value: Any, where: str) -> Iterator[str]:
    """Hashes by the names of files, none of which leads out of the run folder."""
    yield from _by_name(_text)(value, where)
    for name in value if isinstance(value, dict) else ():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            yield f"{where} names {_shown(name)}, which is no file of the run folder"


_object, _list = _of(dict, "an object"), _of(list, "a list")
_text, _number = _of(str, "text"), _of((int, float), "a number")
_counts = _by_name(_count)
_beside = _or_null(_with(rejected=_count))
_MODEL = _with(name=_text, version=_text, sha256=_text, thresholds=_by_name(_by_name(_number)))
_CONTENT = _with(sections=_list_of(_with(items=_list_of(_object))))
_RECEIPT = _with(
    state=_text,
    identity=_text,
    parts=_by_name(_text),
    model=_or_null(_MODEL),
    device=_by_name(_text),
    rubric=_with(name=_text, version=_text, sha256=_text, content=_CONTENT),
    settings=_object,
    inputs=_list_of(_with(source=_text, sha256=_or_null(_text), path_hex=_hex)),
    contacts=_counts,
    turns=_counts,
    roles=_counts,
    null_reasons=_counts,
    masked=_counts,
    warnings=_counts,
    notes=_counts,
    surveys=_beside,
    log=_beside,
    seconds=_by_name(_number),
    core_seconds=_number,
    shards=_count,
    shards_reused=_count,
    batches=_count,
    erasures=_with(entries=_count, sha256=_text),
    rescored_from=_object,
    files=_hashes,
)
