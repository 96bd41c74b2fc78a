"""Intercom: a conversation, or a list of conversations, of the API (1.x with conversation_message, 2.x with source)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, Notes
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.values import shown
from cxsentiment.ingest.vendors.fields import identifier, known, moment_of
from cxsentiment.schema import Speaker

_ROLES: dict[str, Speaker] = {
    **dict.fromkeys(("user", "lead", "contact"), "customer"),
    **dict.fromkeys(("admin", "team"), "agent"),
    "bot": "bot",
}
# Intercom's own bot may write on behalf of an admin, under this name and mailbox.
_OPERATOR = "operator"
_NOTES = ("note", "note_and_reopen")
# Parts that are messages, and acts that may come with one: a reply to a closed conversation opens it, and who closes or
# assigns it may tell the customer something with that.
_MESSAGES = ("comment", "quick_reply")
_MAY_SPEAK = ("open", "close", "assignment")
_MOST_PARTS = 500  # the last ones, and no more, that the API gives of a conversation
_CHANNELS = {
    **dict.fromkeys(("conversation", "whatsapp", "sms", "push", "inapp"), "chat"),
    "email": "email",
    **dict.fromkeys(("facebook", "instagram", "twitter"), "social"),
    **dict.fromkeys(("phone_call", "phone_switch"), "call"),
}


def _first(document: dict[str, Any]) -> dict[str, Any] | None:
    for key in ("source", "conversation_message"):
        if isinstance(found := document.get(key), dict):
            return found
    return None


def _is_conversation(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "conversation" and _first(value) is not None


def _conversations(document: object) -> list[object] | None:
    for key in ("conversations", "data"):
        if isinstance(found := at(document, key), list):
            return found
    return None


def _detect(document: object) -> bool:
    return _is_conversation(document) or any(map(_is_conversation, _conversations(document) or []))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if _is_conversation(document):
        yield _contact(document)
        return
    for place, conversation in enumerate(_conversations(document) or [], start=1):
        if isinstance(conversation, dict) and _is_conversation(conversation):
            yield _contact(conversation)
        else:
            yield InputError(
                "no_turns",
                f"{origin.where}:{place}",
                'the conversation has neither "source" nor "conversation_message"',
            )


def _contact(document: dict[str, Any]) -> Contact:
    first = _first(document) or {}
    skipped: Counter[str] = Counter()
    entries = []
    if _is_redacted(first):
        skipped["redacted message"] += 1
    else:
        entries.append(_entry(first, document.get("created_at")))
    notes = Notes()
    listed = at(document, "conversation_parts", "conversation_parts")
    parts = objects(listed if isinstance(listed, list) else at(document, "conversation_parts"))
    if len(parts) == _MOST_PARTS:
        notes.add(f"{_MOST_PARTS} parts are the most that the API gives: others after the first message may be missing")
    for part in parts:
        kind, text = words(part.get("part_type")), words(part.get("body"))
        if kind in _MESSAGES or (kind in _MAY_SPEAK and text):
            if _is_redacted(part):
                skipped["redacted message"] += 1
                continue
            entries.append(_entry(part, part.get("created_at")))
            continue
        skipped["internal note" if kind in _NOTES else "event"] += 1
        if text and kind not in _NOTES:
            notes.add(f'a part of type "{shown(kind)}" holds a text, which was left out: it may be no message')
    rating = document.get("conversation_rating")
    rated = at(rating, "rating")
    return Contact(
        entries,
        id=identifier(document.get("id")),
        channel=_CHANNELS.get(words(first.get("type"))),
        mails=True,  # those who left a chat answer by mail
        assignee=_assignee(document),
        customer_id=_customer(document),
        queue=identifier(document.get("team_assignee_id")),
        attrs=known(
            subject=plain_text(words(first.get("subject"))),
            rating=rated,
            rating_scale="1 to 5" if isinstance(rated, int) else None,
            rating_comment=at(rating, "remark"),
            state=document.get("state"),
            tags=[words(tag.get("name")) for tag in objects(document, "tags", "tags")],
            delivered_as=first.get("delivered_as"),
            language=at(document, "custom_attributes", "Language"),
        ),
        notes=notes,
        skipped=skipped,
    )


def _is_redacted(part: dict[str, Any]) -> bool:
    """Whether a message was deleted; its body is then Intercom's ("This message was deleted"), not its author's."""
    return part.get("redacted") is True


def _customer(document: dict[str, Any]) -> str | None:
    for path in (("contacts", "contacts", 0, "id"), ("user", "id"), ("customers", 0, "id")):
        if (found := identifier(at(document, *path))) is not None:
            return found
    return None


def _assignee(document: dict[str, Any]) -> str | None:
    if at(document, "assignee", "type") in ("team", "nobody_admin"):
        return None
    found = document.get("admin_assignee_id") or at(document, "assignee", "id")
    return None if found in (0, "0") else identifier(found)


def _entry(part: dict[str, Any], when: object) -> Entry:
    author = part.get("author")
    role = _role(author)
    name = identifier(at(author, "id"))
    others = (words(at(author, "name")), words(at(author, "email")))
    return Entry(
        plain_text(words(part.get("body"))),
        name,
        at=moment_of(when),
        role=role,
        also=tuple(filter(None, others)),
        agent_id=name if role == "agent" else None,
    )


def _role(author: object) -> Speaker | None:
    role = _ROLES.get(words(at(author, "type")))
    name, mail = words(at(author, "name")).strip().lower(), words(at(author, "email")).lower()
    if role == "agent" and (at(author, "from_ai_agent") is True or _is_operator(name, mail)):
        return "bot"
    return role


def _is_operator(name: str, mail: str) -> bool:
    return name == _OPERATOR or (mail.startswith(f"{_OPERATOR}+") and mail.endswith("@intercom.io"))


INTERCOM = DocumentFormat(
    Format(
        name="intercom",
        title="Intercom conversation",
        family="helpdesks",
        roles="author.type: user, lead, contact; admin, team; bot",
        times="seconds since 1970",
        example="cxsentiment check conversations.json",
    ),
    _detect,
    _read,
)
