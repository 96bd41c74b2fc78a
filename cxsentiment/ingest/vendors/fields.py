"""Single values as help desks and chats write them: ids, moments, facts, and the files that lie beside a document."""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.archives import Member
from cxsentiment.ingest.contacts import Entry
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.formats import Origin
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Source, source_name
from cxsentiment.ingest.times import moment
from cxsentiment.ingest.values import text_or_none

# Years outside are placeholders of databases ("0001-01-01"), no times of contacts.
_YEARS = range(1971, 2200)


def identifier(value: object) -> str | None:
    """An id or a name as text; None for what is absent ("undefined", -1) or no single value."""
    try:
        return text_or_none(value)
    except ValueError:
        return None


def moment_of(value: object) -> datetime | None:
    """A moment; also where an offset and a Z stand together ("2017-04-24T12:45:32+00:00Z")."""
    found = moment(value)
    if found is None and isinstance(value, str) and value.strip().endswith("Z"):
        found = moment(value.strip()[:-1])
    return found if found is not None and found.year in _YEARS else None


def known(**values: object) -> dict[str, object]:
    """The values that are there: texts, numbers, true or false, and lists of texts; anything else is left out."""
    return {name: value for name, value in values.items() if _is_fact(value)}


def _is_fact(value: object) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, str) for item in value)
    return isinstance(value, int)


def by_id(items: list[dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    """The objects under their "id"; those without one are left out."""
    return {name: item for item in items if (name := identifier(item.get("id"))) is not None}


def credit(entries: Iterable[Entry], options: ReadOptions) -> None:
    """Credit agents whom only --role knows: where the format tells no role, the label is the agent's id."""
    for entry in entries:
        if entry.role is None and entry.label and options.declared((entry.label, *entry.also)) == "agent":
            entry.agent_id = entry.label


def beside(origin: Origin, name: str) -> Any:
    """The JSON document called `name` in the folder of the source; None where there is none.

    Raises:
        InputError: `json` where it is no JSON, or as `read_text`.
    """
    return document_at(origin.source.with_name(name))


def above(origin: Origin, name: str) -> Any:
    """The JSON document called `name` one folder above that of the source. None and errors as `beside`."""
    source = origin.source
    if isinstance(source, Path):
        return document_at(source.parent.parent / name)
    return document_at(source.above(name)) if isinstance(source, Member) else None


def document_at(source: Source) -> Any:
    """The JSON document in a file; None where there is no such file. Raises as `beside`."""
    if source.is_symlink() or not source.is_file():
        return None
    text, _ = read_text(source)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError("json", source_name(source), "is not valid JSON", do="Export it again") from error
