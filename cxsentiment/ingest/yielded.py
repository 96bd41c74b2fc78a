"""What a package's format yields, held to the types that `Contact` promises, and its words about it masked.

A built-in reader keeps these promises by its tests. A package's slip must be one refused contact, not the end of a run
of thousands when its table is written; and what it says in notes and refusals may quote a customer.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from cxsentiment.errors import CompanionError, InputError
from cxsentiment.ingest.contacts import Contact, Entry, Notes
from cxsentiment.privacy import mask
from cxsentiment.schema import SPEAKERS, Reject

_TEXTS = ("id", "channel", "agent_id", "assignee", "customer_id", "campaign", "queue", "started_at")
_NUMBERS = ("csat", "nps", "ces")
_MOST = 1e15
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")
_TELL = "Tell the package's makers"


def checked(read: Callable[[], Iterable[object]], where: str) -> Iterator[Contact | InputError]:
    """What `read` finds in the source `where`, with refusals in place of what is no contact.

    Raises:
        InputError: as the format's `read`, masked.
    """
    try:
        for number, one in enumerate(read(), start=1):
            if isinstance(one, InputError):
                yield _masked(one, where)
            elif (fault := _fault_of(one)) is not None:
                yield InputError("reader_failed", f"{where}:{number}", f"the reader gave {fault}", do=_TELL)
            else:
                assert isinstance(one, Contact)
                one.notes = _notes(one.notes)
                one.refused = [replace(refused, message=mask(refused.message).text) for refused in one.refused]
                yield one
    except InputError as error:
        raise _masked(error, where) from error


def _fault_of(contact: object) -> str | None:
    """What of a contact is not as it must be, in words."""
    if not isinstance(contact, Contact):
        return f"a {type(contact).__name__}, which is neither a Contact nor an InputError"
    for name in _TEXTS:
        if not _is_label(getattr(contact, name)):
            return f"a contact whose {name} is no line of text"
    for name in _NUMBERS:
        if not _is_number(getattr(contact, name)):
            return f"a contact whose {name} is no number"
    if not isinstance(contact.attrs, Mapping) or not all(
        isinstance(one, str) for one in (*contact.attrs, *contact.skipped)
    ):
        return "a contact whose attrs or skipped have names that are no text"
    if not isinstance(contact.notes, Notes) or not all(isinstance(one, Reject) for one in contact.refused):
        return "a contact whose notes are no Notes, or whose refused are no Rejects"
    if not isinstance(contact.entries, list):
        return "a contact whose entries are no list"
    return next((f"{fault} (entry {n})" for n, one in enumerate(contact.entries) if (fault := _fault_in(one))), None)


def _fault_in(entry: object) -> str | None:
    if not isinstance(entry, Entry):
        return f"a {type(entry).__name__} among the entries"
    fits = {
        "text": isinstance(entry.text, str),
        "label": isinstance(entry.label, str | None),
        "start": _is_number(entry.start),
        "end": _is_number(entry.end),
        "at": isinstance(entry.at, datetime | None),
        "role": entry.role is None or entry.role in SPEAKERS,
        "also": isinstance(entry.also, tuple) and all(isinstance(name, str) for name in entry.also),
        "agent_id": _is_label(entry.agent_id),
        "index": entry.index is None or type(entry.index) is int,
    }
    return next((f"an entry whose {name} is none" for name, fit in fits.items() if not fit), None)


def _is_label(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.isprintable())


def _is_number(value: object) -> bool:
    """Whether a value is none or such a number as any column can hold; not a number that is none (NaN)."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST)


def _notes(notes: Notes) -> Notes:
    told = Notes(mask(line).text for line in notes.lines())
    for line in notes.told():
        told.tell(mask(line).text)
    return told


def _masked(error: InputError, where: str) -> InputError:
    """The refusal without personal data; the name of the source stays as it is."""
    code = error.code if isinstance(error.code, str) and _CODE.fullmatch(error.code) else "reader_failed"
    place = error.where.removeprefix(where)
    there = where + mask(place).text if place != error.where else mask(error.where).text
    what, allowed, do = (mask(text).text for text in (error.what, error.allowed, error.do))
    if isinstance(error, CompanionError):
        return CompanionError(there, what, main=error.main, do=do)
    return InputError(code, there, what, allowed=allowed, do=do)
