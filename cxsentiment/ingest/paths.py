"""Where a value lies in a record of JSON: a key as it stands, else keys with dots between ("data.messages")."""

from collections.abc import Mapping
from typing import Any, Final

MISSING: Final = object()


def value_at(record: object, path: str) -> Any:
    """The value at `path`, or MISSING. A whole number counts in a list, from 0."""
    if isinstance(record, dict) and path in record:
        return record[path]
    if "." not in path:
        return MISSING
    for step in path.split("."):
        if isinstance(record, dict) and step in record:
            record = record[step]
        elif isinstance(record, list) and step.isascii() and step.isdecimal() and int(step[:9]) < len(record):
            record = record[int(step[:9])]
        else:
            return MISSING
    return record


def without(record: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A copy of the record that lacks the value at `path`; what stands beside it stays."""
    rest = dict(record)
    if path in rest:
        del rest[path]
        return rest
    first, _, more = path.partition(".")
    if more and isinstance(rest.get(first), dict):
        rest[first] = without(rest[first], more)
    return rest
