"""What a format is: its name, how its structure is known, where its roles and times come from.

A vendor's JSON is a `DocumentFormat`: `detect` looks at a parsed document (and must answer for any JSON value), `read`
yields its contacts. Formats that are no JSON are a `Reader` (readers.py), which has the same facts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Source


@dataclass(frozen=True, slots=True)
class Format:
    """Facts of a format for people: `name` is what --format takes, `family` the page of the docs that describes it.

    `roles` says how agent and customer are known, `times` the unit of its times, `example` is a command that reads it.
    """

    name: str
    title: str
    family: str
    roles: str
    times: str
    example: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document comes from: its source (for files beside it), `where` for messages, and the user's options."""

    source: Source
    where: str
    options: ReadOptions


@dataclass(frozen=True, slots=True)
class DocumentFormat:
    """A JSON format. `read` yields contacts, and an InputError for one that cannot be used while others can.

    `read` may raise InputError for the whole document; whatever else it raises is a bug.
    """

    facts: Format
    detect: Callable[[object], bool]
    read: Callable[[Any, Origin], Iterator[Contact | InputError]]

    @property
    def name(self) -> str:
        """What --format takes."""
        return self.facts.name


def at(document: object, *path: str | int) -> Any:
    """The value that lies at `path` (keys, and positions in lists) of a JSON value; None where the way breaks off."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(document, list) or not -len(document) <= step < len(document):
                return None
            document = document[step]
        elif isinstance(document, dict):
            document = document.get(step)
        else:
            return None
    return document


def objects(document: object, *path: str | int) -> list[dict[str, Any]]:
    """The objects of the list at `path`; what is no object is left out, and no list is an empty one."""
    found = at(document, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def words(value: object) -> str:
    """A text as it stands; "" for whatever is no text."""
    return value if isinstance(value, str) else ""
