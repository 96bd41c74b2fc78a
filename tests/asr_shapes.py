"""Documents in the shapes of recognisers, with junk in any place; and how to write and read one."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, settle
from cxsentiment.ingest.formats import DocumentFormat, Origin
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Reject, Transcript

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "null", "-1", "0", "NaN", "A", "UU", "en", ".", "\ud800"]),
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)


Way = tuple[str | int, ...]


def _paths(document: object, path: Way = ()) -> list[Way]:
    """Where something stands in a document, the document itself left out."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(document, dict):
        inner = list(document.items())
    elif isinstance(document, list):
        inner = list(enumerate(document))
    return [found for key, value in inner for found in ((*path, key), *_paths(value, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn, document: object) -> object:
    """A copy of the document with junk in, or nothing left of, up to four of its places."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 4))):
        paths = _paths(document)
        if not paths:
            break
        *way, last = draw(st.sampled_from(paths))
        place: Any = document
        for step in way:
            place = place[step]
        if draw(st.booleans()):
            place[last] = draw(ANY_JSON)
        else:
            del place[last]
    return document


def contacts_of(known: DocumentFormat, document: object, path: Path = Path("calls/one.json")) -> list[Contact]:
    """What the format reads where it takes the document for its own; no error but InputError comes out."""
    if not known.detect(document):
        return []
    try:
        found = list(known.read(document, Origin(path, path.as_posix(), ReadOptions())))
    except InputError:
        return []
    return [contact for contact in found if isinstance(contact, Contact)]


def check_account(contact: Contact) -> Transcript:
    """Entries in = turns out + dropped, whatever they hold."""
    entries = len(contact.entries)
    transcript = settle(contact, "one", ReadOptions(), source="one.json", record=1)
    assert len(transcript.turns) + transcript.dropped_turns == entries
    return transcript


def check_spoilt(known: DocumentFormat, document: object) -> None:
    """Whatever is broken in the document, its format reads what is left, and nothing is lost uncounted."""
    assert contacts_of(known, document), "the document itself is not of its format"
    whole = 0

    @given(spoilt(document))
    @settings(max_examples=60)
    def check(changed: object) -> None:
        nonlocal whole
        for contact in contacts_of(known, changed):
            whole += bool(check_account(contact).turns)

    check()
    assert whole


def one(
    folder: Path, document: object, *, roles: Sequence[str] = (), name: str = "one.json", format: str | None = None
) -> Transcript:
    """The one contact of a document written to a file."""
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    (contact,), rejects = read(path, roles=roles, format=format)
    assert rejects == []
    return contact


def refused(folder: Path, document: object, name: str = "one.json") -> Reject:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    found, (reject,) = read(path)
    assert found == []
    return reject


def said(contact: Transcript) -> list[tuple[str, str, float | None, float | None]]:
    """(label, text, start, end) of each turn; the label is known only where each has one turn or all have one."""
    return [(turn.speaker[0], turn.text, turn.start_s, turn.end_s) for turn in contact.turns]


def labels(contact: Transcript) -> dict[str, int]:
    return {party.label: party.turns for party in contact.parties}


def open_documents(shared: Path) -> dict[str, object]:
    """Every sample that is JSON: folder/name → document."""
    found: dict[str, object] = {}
    for path in sorted((shared / "formats" / "open").rglob("*")):
        try:
            found[f"{path.parent.name}/{path.name}"] = json.loads(path.read_bytes())
        except (ValueError, OSError):
            continue
    return found
