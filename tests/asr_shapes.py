"""Documents of recognisers: that junk in any place loses nothing, and what is read of one."""

import json
from pathlib import Path

from hypothesis import given, settings
from junk import junked
from reading import read

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, settle
from cxsentiment.ingest.formats import DocumentFormat, Origin
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Reject, Transcript


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

    @given(junked(document))
    @settings(max_examples=60)
    def check(changed: object) -> None:
        nonlocal whole
        for contact in contacts_of(known, changed):
            whole += bool(check_account(contact).turns)

    check()
    assert whole


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
