"""Which contacts are new: an id that came before is refused, one that was made from a file's name is told apart.

The same contact once more is a copy: it counts once, and nothing is lost; another contact with the same id is refused.
"""

import hashlib
from array import array
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cxsentiment.ingest.values import MadeId, shown
from cxsentiment.schema import Reject, Transcript

_WORDS = 4  # of 8 bytes, in a place: two of the id's hash, the content's hash, and where the contact stands
_RECORD_BITS = 40
_LOW = 2**64 - 1
_FULLEST = 2 / 3


class Sighting(NamedTuple):
    """A contact that came: where it stands, and the hash of its content (64 bits; 0 where nobody knows it)."""

    source: str
    record: int
    content: int


class FirstSeen:
    """Contact id → the first contact that had it. Ids are kept as hashes of 16 bytes.

    A run needs this of every contact to its end, so it is small: 48 to 96 bytes a contact, however long its id. (A dict
    of strings and tuples takes 350.) It is a table of 8-byte words with open addressing; nothing is ever removed.
    """

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 * _WORDS * 64))
        self._count = 0
        # Contacts of one source come one after the other, so a source is noted where it changes.
        self._sources: list[str] = []

    def __len__(self) -> int:
        return self._count

    def get(self, name: str) -> Sighting | None:
        """The first contact that had this id, or None."""
        table, place = self._table, self._place(*_hashed(name))
        return self._at(place) if table[place + 3] else None

    def setdefault(self, name: str, sighting: Sighting) -> Sighting:
        """The first contact that had this id; where there was none, this one, from now on."""
        high, low = _hashed(name)
        place = self._place(high, low)
        if self._table[place + 3]:
            return self._at(place)
        if not self._sources or self._sources[-1] != sighting.source:
            self._sources.append(sighting.source)
        where = (len(self._sources) << _RECORD_BITS) | sighting.record  # never 0, which marks a free place
        self._table[place : place + _WORDS] = array("Q", (high, low, sighting.content & _LOW, where))
        self._count += 1
        if self._count * _WORDS > len(self._table) * _FULLEST:
            self._grow()
        return sighting

    def copy(self) -> "FirstSeen":
        """Another one with the same contacts."""
        other = FirstSeen()
        other._table, other._count, other._sources = self._table[:], self._count, self._sources[:]
        return other

    def _place(self, high: int, low: int) -> int:
        """Where an id stands in the table, or would."""
        table = self._table
        end = len(table)
        place = low * _WORDS % end
        while table[place + 3] and (table[place] != high or table[place + 1] != low):
            place = (place + _WORDS) % end
        return place

    def _at(self, place: int) -> Sighting:
        _, _, content, where = self._table[place : place + _WORDS]
        return Sighting(self._sources[(where >> _RECORD_BITS) - 1], where & (2**_RECORD_BITS - 1), content)

    def _grow(self) -> None:
        before = self._table
        self._table = array("Q", bytes(16 * len(before)))
        for at in range(0, len(before), _WORDS):
            if before[at + 3]:
                place = self._place(before[at], before[at + 1])
                self._table[place : place + _WORDS] = before[at : at + _WORDS]


def _hashed(name: str) -> tuple[int, int]:
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:])


def check_new(contact: Transcript, first_seen: FirstSeen) -> Transcript | Reject:
    """The contact where its id is new (then noted in `first_seen`), or its refusal."""
    own = first = Sighting(contact.source, contact.record, _content(contact))
    if isinstance(contact.id, MadeId):
        # A copy is known by its name and content together, for the first of them may have got another id.
        first = first_seen.setdefault(f"{contact.id}\0{own.content}", own)
        contact = _named_apart(contact, own, first_seen) if first == own else replace(contact, id=str(contact.id))
    if first == own:
        first = first_seen.setdefault(contact.id, own)
    source, record, content = first
    if (source, record) == (contact.source, contact.record):
        return contact
    same = content == own.content
    what, do = "has the id of another contact", ". Give each contact its own id"
    if same:
        what, do = "is in the input twice", "; it counts once"
    elif not content:  # scored by an earlier batch of a watch, which kept no trace of its content
        what, do = "is in the run already", ". If it is another contact, give it an id of its own"
    return Reject(
        contact.source,
        contact.record,
        contact.id,
        "duplicate_contact" if same else "duplicate_id",
        f'{contact.source}:{contact.record}: contact "{shown(contact.id)}" {what}; the first is {source}:{record}{do}',
        "copy" if same else "record",
    )


def told_of_copies(copies: int) -> str:
    """The warning of an input that holds contacts more than once."""
    told = "1 copy of a contact was" if copies == 1 else f"{copies:,} copies of contacts were"
    return f"{told} left out; each contact counts once"


def _named_apart(contact: Transcript, own: Sighting, first_seen: FirstSeen) -> Transcript:
    """The contact with folders' names before its made id until no other contact has it."""
    name = str(contact.id)
    folders = Path(contact.source).parent.parts
    while first_seen.get(name) not in (None, own) and folders:
        name = f"{folders[-1]}/{name}"
        folders = folders[:-1]
    if name == contact.id:
        return replace(contact, id=name)
    note = "the id made from the file's name was taken; the folder's name stands before it"
    return replace(contact, id=name, warnings=(*contact.warnings, note))


def _content(contact: Transcript) -> int:
    # Equal within one process only; enough to tell a repeated contact from another one with the same id.
    return _LOW & hash(
        (
            contact.turns,
            contact.channel,
            contact.agent_id,
            contact.customer_id,
            contact.campaign,
            contact.queue,
            contact.started_at,
            contact.csat,
            contact.nps,
            contact.ces,
            tuple((refused.kind, refused.code) for refused in contact.refused),
        )
    )
