"""Freshdesk: tickets with their conversations (v2, and v1 with notes), and lists of conversations."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.vendors.fields import beside, identifier, known, moment_of
from cxsentiment.schema import Speaker

# Codes of the API: where a ticket came from, and what a conversation is.
_CHANNELS = {1: "email", 3: "call", 5: "social", 6: "social", 7: "chat", 10: "email"}
_OUTBOUND = 10
_SURVEY = 6
_FORWARDED = 8  # to a third party, such as a carrier: the customer never sees it
_LISTS = ("conversations", "notes")
_WITH_A_TICKET = 10  # the first conversations, and no more, that the API gives with a ticket
_GIVE = (
    "Give the ticket with its conversations (tickets/77?include=conversations), "
    "or ticket.json and conversations.json in one folder"
)


def _is_entry(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("incoming"), bool)
        and isinstance(value.get("private"), bool)
        and ("body_text" in value or "body" in value)
    )


def _is_ticket(value: object) -> bool:
    return (
        isinstance(value, dict)
        and "requester_id" in value
        and "responder_id" in value
        and any(key in value for key in ("description", "description_text", "conversations", "notes"))
    )


def _tickets(document: object) -> list[object]:
    """The tickets of a document: itself, the one in a wrapper, or the results of a search."""
    if isinstance(found := at(document, "results"), list):
        return found
    for key in ("ticket", "helpdesk_ticket"):
        if isinstance(found := at(document, key), dict):
            return [found]
    return [document]


def _entries(document: object) -> list[dict[str, Any]]:
    """Replies and notes: of a list, of an object that holds them, or the object itself."""
    for key in _LISTS:
        if isinstance(at(document, key), list):
            document = at(document, key)
    found = objects(document) if isinstance(document, list) else [document]
    return [entry for item in found if isinstance(entry := at(item, "note") or item, dict)]


def _is_single(document: object) -> bool:
    """Whether a document is one reply or note, which is no conversation, though it names its ticket."""
    return isinstance(document, dict) and not any(isinstance(document.get(key), list) for key in _LISTS)


def _detect(document: object) -> bool:
    if isinstance(document, list):  # a list of tickets is read one by one
        return bool(document) and all(_is_entry(item) and "ticket_id" in item for item in document)
    return any(map(_is_ticket, _tickets(document))) or any(map(_is_entry, _entries(document)))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    tickets = _tickets(document) if isinstance(document, dict) else []
    if not any(map(_is_ticket, tickets)):
        yield from _of_entries(document, origin)
        return
    for place, ticket in enumerate(tickets, start=1):
        if not isinstance(ticket, dict) or not _is_ticket(ticket):
            yield InputError("no_turns", f"{origin.where}:{place}", "the ticket has no requester and description")
            continue
        entries = [] if _entries(ticket) == [ticket] else _entries(ticket)
        if not entries and origin.source.name == "ticket.json":
            entries = _belonging(beside(origin, "conversations.json"), ticket)
        contact = _contact(ticket, entries)
        if len(objects(ticket, "conversations")) == _WITH_A_TICKET:
            contact.notes.add(
                f"the ticket has {_WITH_A_TICKET} conversations, the most that the API gives with a ticket: later ones "
                "may be missing (tickets/77/conversations has all)"
            )
        yield contact


def _belonging(document: object, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    name = identifier(ticket.get("id"))
    return [entry for entry in _entries(document) if identifier(entry.get("ticket_id")) == name]


def _of_entries(document: object, origin: Origin) -> Iterator[Contact | InputError]:
    """Lists of replies and notes without their ticket, by ticket; it is looked for under its usual name.

    A single one refuses itself: as a contact it would take its ticket's id, and the ticket would be refused.
    """
    if _is_single(document):
        raise InputError("no_turns", origin.where, "is a single reply or note without its ticket", do=_GIVE)
    tickets: dict[str | None, list[dict[str, Any]]] = {}
    for entry in _entries(document):
        tickets.setdefault(identifier(entry.get("ticket_id")), []).append(entry)
    own = None
    if origin.source.name == "conversations.json":
        own = next(iter(_tickets(beside(origin, "ticket.json"))), None)
    for name, entries in tickets.items():
        found = isinstance(own, dict) and _is_ticket(own) and identifier(own.get("id")) == name
        contact = _contact(own if found and isinstance(own, dict) else {"id": name}, entries)
        if contact.entries:
            yield contact
            continue
        kinds = " and ".join(f"{kind}s" for kind in sorted(contact.skipped))
        yield InputError("no_turns", origin.where, f"of one ticket only {kinds} are given", do=_GIVE)


def _contact(ticket: dict[str, Any], conversations: list[dict[str, Any]]) -> Contact:
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    if _is_ticket(ticket):
        entries.append(_description(ticket))
    for item in conversations:
        if item.get("private") is True:
            skipped["internal note"] += 1
        elif item.get("source") == _SURVEY:
            skipped["survey"] += 1
        elif item.get("source") == _FORWARDED:
            skipped["forwarded mail"] += 1
        else:
            entries.append(_entry(item))
    source = ticket.get("source")
    return Contact(
        entries,
        id=identifier(ticket.get("id")) or identifier(ticket.get("display_id")),
        channel=_CHANNELS.get(source) if isinstance(source, int) else None,
        mails=True,  # whatever the ticket came by, it is answered by mail
        assignee=identifier(ticket.get("responder_id")),
        customer_id=identifier(ticket.get("requester_id")),
        queue=identifier(ticket.get("group_id")),
        attrs=known(
            subject=ticket.get("subject"),
            status=ticket.get("status"),
            priority=ticket.get("priority"),
            tags=ticket.get("tags"),
        ),
        skipped=skipped,
    )


def _description(ticket: dict[str, Any]) -> Entry:
    text = words(ticket.get("description_text"))
    # In v1 "description" is plain text, in v2 it is HTML.
    text = text or plain_text(words(ticket.get("description_html")) or words(ticket.get("description")))
    outbound = ticket.get("source") == _OUTBOUND
    author = identifier(ticket.get("responder_id" if outbound else "requester_id"))
    name = words(at(ticket, "requester", "name")) or words(ticket.get("requester_name"))
    return Entry(
        text,
        author,
        at=moment_of(ticket.get("created_at")),
        role="agent" if outbound else "customer",
        also=(name,) if name and not outbound else (),
        agent_id=author if outbound else None,
    )


def _entry(item: dict[str, Any]) -> Entry:
    role: Speaker | None = "customer" if item.get("incoming") is True else None
    if item.get("incoming") is False:
        role = "agent"
    author = identifier(item.get("user_id"))
    return Entry(
        words(item.get("body_text")) or plain_text(words(item.get("body"))),
        author,
        at=moment_of(item.get("created_at")),
        role=role,
        agent_id=author if role == "agent" else None,
    )


FRESHDESK = DocumentFormat(
    Format(
        name="freshdesk",
        title="Freshdesk ticket",
        family="helpdesks",
        roles="incoming: true is the customer, false an agent",
        times="ISO 8601",
        example="cxsentiment check tickets/",
    ),
    _detect,
    _read,
)
