"""Which contacts are new: an id that came before is refused, one that was made from a file's name is told apart.

The same contact once more is a copy: it counts once, and nothing is lost; another contact with the same id is refused.
"""

from dataclasses import replace
from pathlib import Path

from cxsentiment.ingest.values import MadeId, shown
from cxsentiment.schema import Reject, Transcript

# Contact id → source, record and content hash of the first contact that had it.
FirstSeen = dict[str, tuple[str, int, int]]


def check_new(contact: Transcript, first_seen: FirstSeen) -> Transcript | Reject:
    """The contact where its id is new (then noted in `first_seen`), or its refusal."""
    own = (contact.source, contact.record, _content(contact))
    first = own
    if isinstance(contact.id, MadeId):
        # A copy is known by its name and content together, for the first of them may have got another id.
        first = first_seen.setdefault(f"{contact.id}\0{own[2]}", own)
        contact = _named_apart(contact, own, first_seen) if first == own else replace(contact, id=str(contact.id))
    if first == own:
        first = first_seen.setdefault(contact.id, own)
    source, record, content = first
    if (source, record) == (contact.source, contact.record):
        return contact
    same = content == own[2]
    what = "is in the input twice" if same else "has the id of another contact"
    return Reject(
        contact.source,
        contact.record,
        contact.id,
        "duplicate_contact" if same else "duplicate_id",
        f'{contact.source}:{contact.record}: contact "{shown(contact.id)}" {what}; the first is {source}:{record}'
        + ("; it counts once" if same else ". Give each contact its own id"),
        "copy" if same else "record",
    )


def told_of_copies(copies: int) -> str:
    """The warning of an input that holds contacts more than once."""
    told = "1 copy of a contact was" if copies == 1 else f"{copies:,} copies of contacts were"
    return f"{told} left out; each contact counts once"


def _named_apart(contact: Transcript, own: tuple[str, int, int], first_seen: FirstSeen) -> Transcript:
    """The contact with folders' names before its made id until no other contact has it."""
    name = str(contact.id)
    folders = Path(contact.source).parent.parts
    while first_seen.get(name, own) != own and folders:
        name = f"{folders[-1]}/{name}"
        folders = folders[:-1]
    if name == contact.id:
        return replace(contact, id=name)
    note = "the id made from the file's name was taken; the folder's name stands before it"
    return replace(contact, id=name, warnings=(*contact.warnings, note))


def _content(contact: Transcript) -> int:
    # Equal within one process only; enough to tell a repeated contact from another one with the same id.
    return hash(
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
