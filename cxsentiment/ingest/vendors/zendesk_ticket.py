"""Zendesk Support: tickets with their comments, lists of comments, and audits, of which one file holds many tickets."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.vendors.fields import beside, by_id, credit, identifier, known, moment_of
from cxsentiment.schema import Speaker

_USER_ROLES: dict[str, Speaker] = {"end-user": "customer", "agent": "agent", "admin": "agent"}
_ACTORS: dict[str, Speaker] = {"end-user": "customer", "agent": "agent", "bot": "bot", "system": "system"}
_CHANNELS = {
    "email": "email",
    **dict.fromkeys(("chat", "native_messaging", "sunshine_conversations_api", "whatsapp", "sms"), "chat"),
    **dict.fromkeys(("voice", "phone"), "call"),
    **dict.fromkeys(("twitter", "twitter_dm", "facebook", "instagram_dm", "any_channel"), "social"),
}
_COMMENTS = ("Comment", "VoiceComment")
# Freshdesk, too, has tickets with a requester_id and a description; one of these keys is in every such ticket.
_FRESHDESK = ("responder_id", "description_text", "conversations", "notes", "display_id", "helpdesk_ticket")
_NO_AUTHOR = "-1"  # what Zendesk itself writes


def _is_ticket(value: object) -> bool:
    """Whether a value is a ticket; scripts that export leave out much of what the API gives."""
    if not isinstance(value, dict) or not ("requester_id" in value or "requester" in value):
        return False
    described = isinstance(value.get("description"), str)
    if any(key in value for key in ("submitter_id", "submitter", "raw_subject")):
        return described or isinstance(value.get("comments"), list)
    if any("author_id" in comment for comment in objects(value, "comments")):
        return True
    return described and "requester_id" in value and not any(key in value for key in _FRESHDESK)


def _is_comment(value: object) -> bool:
    return (
        isinstance(value, dict)
        and "author_id" in value
        and isinstance(value.get("public"), bool)
        and any(isinstance(value.get(key), str) for key in ("plain_body", "body", "html_body"))
    )


def _is_audit(value: object) -> bool:
    return isinstance(value, dict) and "ticket_id" in value and "author_id" in value and "events" in value


def _is_rating(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "SatisfactionRating" and "score" in value


def _parts(document: object, one: str, many: str) -> list[object]:
    """The documents of a file: itself, the one under its name, or those of a list, bare or under its name."""
    if isinstance(document, list):
        return document
    if isinstance(found := at(document, many), list) and not _is_ticket(document):
        return found
    if isinstance(at(document, one), dict):
        return [at(document, one)]
    return [document]


def _detect_ticket(document: object) -> bool:
    if isinstance(document, list):  # a list of tickets is read one by one
        return bool(document) and all(map(_is_comment, document))
    return (
        any(map(_is_ticket, _parts(document, "ticket", "tickets")))
        or any(map(_is_comment, _parts(document, "comment", "comments")))
        or _is_rating(document)
    )


def _detect_audits(document: object) -> bool:
    return any(map(_is_audit, _parts(document, "audit", "audits")))


def _read_ticket(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if _is_rating(document):
        raise InputError(
            "no_turns", origin.where, "is a rating without its ticket", do="Export the audits of the ticket"
        )
    users = by_id(objects(document, "users"))
    parts = _parts(document, "ticket", "tickets")
    if not any(map(_is_ticket, parts)):
        contact = _of_comments(objects(_parts(document, "comment", "comments")), users, origin)
        _doubt_end(document, contact)
        yield contact
        return
    for place, ticket in enumerate(parts, start=1):
        if not isinstance(ticket, dict) or not _is_ticket(ticket):
            yield InputError("no_turns", f"{origin.where}:{place}", "the ticket has no requester and description")
            continue
        page = ticket
        if at(ticket, "comments") is None and len(parts) == 1:
            page = document
            if at(document, "comments") is None and origin.source.name == "ticket.json":
                page = beside(origin, "comments.json")
        contact = _of_ticket(ticket, objects(page, "comments"), users)
        _doubt_end(page, contact)
        yield contact


def _doubt_end(page: object, contact: Contact) -> None:
    """Warn where a page of comments names a next one."""
    more = words(at(page, "next_page")) or at(page, "meta", "has_more") is True
    if more and isinstance(at(page, "comments"), list):
        contact.notes.add(
            "a further page of comments is missing (next_page): fetch it too, and put all comments into one list"
        )


def _of_comments(comments: list[dict[str, Any]], users: Mapping[str, dict[str, Any]], origin: Origin) -> Contact:
    """Comments without their ticket; it is looked for where both lie in a folder under the names of the API."""
    if origin.source.name == "comments.json":
        found = _parts(beside(origin, "ticket.json"), "ticket", "tickets")
        if len(found) == 1 and isinstance(ticket := found[0], dict) and _is_ticket(ticket):
            return _of_ticket(ticket, comments, users)
    told = _Ticket(users)
    for comment in comments:
        told.add(comment, comment)
    credit(told.entries, origin.options)
    return Contact(told.entries, mails=True, skipped=told.skipped)


@dataclass(slots=True)
class _Ticket:
    """The entries of one ticket as they are gathered; `requesters` are all who ever were its requester."""

    users: Mapping[str, dict[str, Any]]
    requesters: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def role(self, author: str | None) -> Speaker | None:
        """By the list of users where there is one, else the requester is the customer and all others are agents."""
        if author == _NO_AUTHOR:
            return "system"
        if author is None:
            return None
        listed = _USER_ROLES.get(words(at(self.users.get(author), "role")))
        if author in self.requesters or listed == "customer":
            return "customer"
        return listed or ("agent" if self.requesters else None)

    def add(self, comment: dict[str, Any], audit: dict[str, Any]) -> None:
        """A comment; author and time are the audit's where the comment has none."""
        if comment.get("public") is False:
            self.skipped["internal note"] += 1
            return
        if _is_call(comment) and not _text(comment):
            self.skipped["call record"] += 1
            return
        author = _author(comment.get("author_id", audit.get("author_id")))
        role = self.role(author)
        name = words(at(self.users.get(author or ""), "name"))
        self.entries.append(
            Entry(
                _text(comment),
                author,
                at=moment_of(comment.get("created_at", audit.get("created_at"))),
                role=role,
                also=(name,) if name else (),
                agent_id=author if role == "agent" else None,
            )
        )

    def add_chat(self, history: list[dict[str, Any]]) -> None:
        """The messages of a chat or of messaging, which an audit holds as a whole."""
        for item in history:
            if item.get("type") != "ChatMessage":
                self.skipped["event"] += 1
                continue
            role = _ACTORS.get(words(item.get("actor_type")).lower())
            author = identifier(item.get("actor_id"))
            name = words(item.get("actor_name"))
            self.entries.append(
                Entry(
                    words(item.get("message")),
                    author or name or None,
                    at=moment_of(item.get("timestamp")),
                    role=role,
                    also=(name,) if name and author else (),
                    agent_id=(author or name or None) if role == "agent" else None,
                )
            )

    def assignee(self, value: object) -> str | None:
        """Who was assigned last; a requester, as those who try the system out are, is no agent."""
        found = identifier(value)
        return None if found in self.requesters else found


def _author(value: object) -> str | None:
    return _NO_AUTHOR if value in (-1, _NO_AUTHOR) else identifier(value)


def _is_call(comment: dict[str, Any]) -> bool:
    """Whether it is Zendesk's record of a call: its body lists numbers and times, in nobody's words."""
    return comment.get("type") == "VoiceComment" and isinstance(comment.get("data"), dict)


def _text(comment: dict[str, Any]) -> str:
    if _is_call(comment):
        return words(at(comment, "data", "transcription_text")).strip()
    if text := words(comment.get("plain_body")):
        return text.replace("&nbsp;", " ")
    if text := words(comment.get("body")):
        return text
    return plain_text(words(comment.get("html_body"))) or words(at(comment, "data", "transcription_text"))


def _of_ticket(ticket: dict[str, Any], comments: list[dict[str, Any]], users: Mapping[str, dict[str, Any]]) -> Contact:
    requester = identifier(ticket.get("requester_id")) or identifier(at(ticket, "requester", "id"))
    told = _Ticket(users, {requester} if requester else set())
    for comment in comments:
        told.add(comment, comment)
    if not comments:
        # The description is the first comment again; it stands in for it only where no comments are given.
        description = {"body": ticket.get("description"), "created_at": ticket.get("created_at")}
        submitter = ticket.get("submitter_id") or at(ticket, "submitter", "id")
        told.add(description | {"author_id": submitter or requester}, ticket)
    score = at(ticket, "satisfaction_rating", "score")
    return _contact(
        told,
        identifier(ticket.get("id")),
        requester,
        ticket.get("assignee_id") or at(ticket, "assignee", "id"),
        ticket.get("group_id") or at(ticket, "group", "id"),
        at(ticket, "via", "channel"),
        subject=ticket.get("subject"),
        rating=score,
        rating_comment=at(ticket, "satisfaction_rating", "comment"),
        status=ticket.get("status"),
        priority=ticket.get("priority"),
        tags=ticket.get("tags"),
    )


def _contact(
    told: _Ticket,
    name: str | None,
    requester: str | None,
    assignee: object,
    group: object,
    via: object,
    **facts: object,
) -> Contact:
    if words(facts.get("rating")).startswith(("good", "bad")):
        facts["rating_scale"] = "good or bad"
    else:
        facts.pop("rating", None)  # "offered", "unoffered"
    return Contact(
        told.entries,
        id=name,
        channel=_CHANNELS.get(words(via)),
        mails=True,  # whatever the ticket came by, it is answered by mail
        assignee=told.assignee(assignee),
        customer_id=requester,
        queue=identifier(group),
        attrs=known(**facts, via=via),
        skipped=told.skipped,
    )


def _read_audits(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    users = by_id(objects(document, "users"))
    tickets: dict[str | None, list[dict[str, Any]]] = {}
    for audit in _parts(document, "audit", "audits"):
        if isinstance(audit, dict) and _is_audit(audit):
            tickets.setdefault(identifier(audit.get("ticket_id")), []).append(audit)
    for name, audits in tickets.items():
        # Some answers list the newest first; what a field held last counts.
        contact = _of_audits(name, sorted(audits, key=lambda audit: words(audit.get("created_at"))), users)
        credit(contact.entries, origin.options)
        yield contact


def _of_audits(name: str | None, audits: Sequence[dict[str, Any]], users: Mapping[str, dict[str, Any]]) -> Contact:
    fields: dict[str, object] = {}
    requesters: set[str] = set()
    for audit in audits:
        for event in objects(audit, "events"):
            if event.get("type") in ("Create", "Change"):
                fields[words(event.get("field_name"))] = event.get("value")
                if event.get("field_name") == "requester_id":
                    both = (identifier(event.get("value")), identifier(event.get("previous_value")))
                    requesters.update(filter(None, both))
    told = _Ticket(users, requesters)
    rating: dict[str, Any] = {}
    for audit in audits:
        for event in objects(audit, "events"):
            if event.get("type") in _COMMENTS:
                told.add(event, audit)
                continue
            if event.get("type") == "ChatStartedEvent":
                told.add_chat(objects(event, "value", "history"))
            told.skipped["event"] += 1
            if _is_rating(event):
                rating = event
    return _contact(
        told,
        name,
        identifier(fields.get("requester_id")),
        fields.get("assignee_id"),
        fields.get("group_id"),
        at(audits[0], "via", "channel"),
        subject=fields.get("subject"),
        rating=rating.get("score"),
        rating_comment=rating.get("body"),
        status=fields.get("status"),
        priority=fields.get("priority"),
    )


ZENDESK_TICKET = DocumentFormat(
    Format(
        name="zendesk-ticket",
        title="Zendesk ticket",
        family="helpdesks",
        roles="the requester is the customer, other authors of comments are agents",
        times="ISO 8601",
        example="cxsentiment check tickets.json",
    ),
    _detect_ticket,
    _read_ticket,
)
ZENDESK_AUDITS = DocumentFormat(
    Format(
        name="zendesk-audits",
        title="Zendesk ticket audits",
        family="helpdesks",
        roles="the requester (field requester_id) is the customer, other authors of comments are agents",
        times="ISO 8601",
        example="cxsentiment check audits.json",
    ),
    _detect_audits,
    _read_audits,
)
