"""What a format is: its name, how its structure is known, where its roles and times come from.

A vendor's JSON is a `DocumentFormat`: `detect` looks at a parsed document (and must answer for any JSON value), `read`
yields its contacts. Formats that are no JSON are a `Reader` (readers.py), which has the same facts; one that another
package gives (installed.py) is a `FileFormat`, which yields contacts too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, identity_of, settle
from cxsentiment.ingest.heads import Head
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Source, content_name
from cxsentiment.schema import Reject, Transcript


@dataclass(frozen=True, slots=True)
class Format:
    """Facts of a format for people: `name` is what --format takes, `family` the page of the docs that describes it.

    `roles` says how agent and customer are known, `times` the unit of its times, `example` is a command that reads it.
    `package` is the other package that gives it, with its version; who loads it fills that in.
    """

    name: str
    title: str
    family: str
    roles: str
    times: str
    example: str
    package: str = ""


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


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format that is no JSON, of another package. `read` yields as that of a `DocumentFormat`, from `origin.source`.

    `detect` looks at the start of a file whose structure no built-in format knows; `suffixes` are the usual ones, in
    lower case, with their dots: contacts of a file of another are marked as read by content.
    """

    facts: Format
    suffixes: tuple[str, ...]
    detect: Callable[[Head], bool]
    read: Callable[[Origin], Iterator[Contact | InputError]]

    @property
    def name(self) -> str:
        """What --format takes."""
        return self.facts.name


def settled(
    found: Iterable[Contact | InputError], facts: Format, origin: Origin, first: int = 1, warnings: Sequence[str] = ()
) -> Iterator[Transcript | Reject]:
    """What a format's `read` found, in order, from record `first` on; each contact is marked with `warnings`.

    Raises:
        InputError: `empty` where it found nothing.
    """
    stem = Path(content_name(origin.source)).stem
    count = 0
    for number, contact in enumerate(found, start=first):
        count += 1
        if isinstance(contact, InputError):
            yield Reject(origin.where, number, None, contact.code, contact.message)
            continue
        for warning in warnings:
            contact.notes.add(warning)
        identity = identity_of(contact, stem if number == 1 else f"{stem}:{number}")
        yield settle(contact, identity, origin.options, source=origin.where, record=number, format_name=facts.name)
    if not count:
        raise InputError(
            "empty", origin.where, f"holds no contact ({facts.title})", do="Export it again, with its messages"
        )


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
