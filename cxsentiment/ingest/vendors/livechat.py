"""LiveChat: a chat, a page of archives, a thread or a single event of the Agent Chat API (3.x).

One thread is one contact: a chat lives on for years, and an archive lists it once a thread.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.vendors.fields import by_id, credit, identifier, known, moment_of
from cxsentiment.schema import Speaker

_EVENTS = ("message", "filled_form", "system_message", "file", "rich_message", "form", "custom", "annotation")
_USERS: dict[str, Speaker] = {"agent": "agent", "customer": "customer", "bot": "bot", "supervisor": "other"}
_ALL = "all"


def _is_event(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") in _EVENTS
        and ("created_at" in value or "timestamp" in value)
        and ("visibility" in value or "recipients" in value)
        and ("author_id" in value or "system_message_type" in value)
    )


def _is_thread(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("user_ids"), list)
        and ("events" in value or "active" in value)
        and ("created_at" in value or "timestamp" in value)
    )


def _is_chat(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("users"), list)
        and (_is_thread(value.get("thread")) or any(map(_is_thread, objects(value, "threads"))))
    )


def _detect(document: object) -> bool:
    if isinstance(document, list):  # a list of chats or threads is read one by one
        return bool(document) and all(map(_is_event, document))
    return (
        _is_chat(document)
        or _is_thread(document)
        or _is_event(document)
        or any(map(_is_chat, objects(document, "chats")))
        or any(map(_is_thread, objects(document, "threads")))
    )


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    for contact in _contacts(document, origin):
        if isinstance(contact, Contact):
            credit(contact.entries, origin.options)
        yield contact


def _contacts(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if isinstance(document, list):
        yield _contact({"events": document}, {})
    elif _is_chat(document):
        yield from _of_chat(document)
    elif _is_thread(document):
        yield _contact(document, {})
    elif _is_event(document):
        yield _contact({"events": [document]}, {})
    else:
        yield from _of_page(document, origin)


def _of_page(document: dict[str, Any], origin: Origin) -> Iterator[Contact | InputError]:
    for thread in objects(document, "threads"):
        yield _contact(thread, {})
    chats = at(document, "chats")
    for place, chat in enumerate(chats if isinstance(chats, list) else [], start=1):
        if isinstance(chat, dict) and _is_chat(chat):
            yield from _of_chat(chat)
        else:
            yield InputError("no_turns", f"{origin.where}:{place}", "the chat has no thread with its users")


def _of_chat(chat: dict[str, Any]) -> Iterator[Contact]:
    threads = [chat["thread"]] if isinstance(chat.get("thread"), dict) else objects(chat, "threads")
    for thread in threads:
        yield _contact(thread, chat)


def _contact(thread: dict[str, Any], chat: dict[str, Any]) -> Contact:
    users = by_id(objects(chat, "users"))
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    rating = _rating(thread.get("properties")) or _rating(chat.get("properties"))
    for event in objects(thread, "events"):
        if (kind := _not_said(event)) is not None:
            skipped[kind] += 1
        else:
            entries.append(_entry(event, users))
    customers = [name for name, user in users.items() if user.get("type") == "customer"]
    groups = at(thread, "access", "group_ids") or at(chat, "access", "group_ids")
    return Contact(
        entries,
        id=identifier(thread.get("id")) or identifier(chat.get("id")),
        channel="chat",
        customer_id=customers[0] if len(customers) == 1 else None,
        queue=identifier(groups[0]) if isinstance(groups, list) and len(groups) == 1 else None,
        attrs=known(chat_id=identifier(chat.get("id")), tags=thread.get("tags"), **rating),
        skipped=skipped,
    )


def _not_said(event: dict[str, Any]) -> str | None:
    """What kind of entry it is, where nobody said it to the other side."""
    kind = event.get("type")
    if event.get("visibility", _ALL) != _ALL or event.get("recipients", _ALL) != _ALL:
        return "event" if kind == "system_message" else "internal note"
    if kind == "filled_form":
        return "survey" if words(event.get("form_type")) == "postchat" else None
    if kind == "file":
        return "attachment"
    return None if kind in ("message", "system_message") else "event"


def _entry(event: dict[str, Any], users: Mapping[str, dict[str, Any]]) -> Entry:
    author = identifier(event.get("author_id"))
    user = users.get(author or "", {})
    role = _USERS.get(words(user.get("type")))
    if event.get("type") == "system_message":
        role = "system"
    elif event.get("type") == "filled_form":
        role = "customer"  # forms are shown to customers only
    elif role is None and author is not None and "@" in author:
        role = "agent"  # only agents have a mailbox as their id
    name = words(user.get("name"))
    text = words(event.get("text")) if event.get("type") != "filled_form" else _form(event)
    return Entry(
        text,
        author or ("system" if role == "system" else None),
        at=moment_of(event.get("created_at", event.get("timestamp"))),
        role=role,
        also=(name,) if name else (),
        agent_id=author if role == "agent" else None,
    )


def _form(event: dict[str, Any]) -> str:
    """What the customer wrote into a form: "question: answer" a line; fields without an answer are left out."""
    lines = []
    for field in objects(event, "fields"):
        answers = [field.get("answer"), *objects(field, "answers")]
        told = [words(answer) or words(at(answer, "label")) for answer in answers]
        if said := ", ".join(filter(None, told)):
            lines.append(f"{plain_text(words(field.get('label'))).rstrip(':')}: {said}".removeprefix(": "))
    return "\n".join(lines)


def _rating(properties: object) -> dict[str, object]:
    """The customer's rating: 1 is good, 0 is bad."""
    score, comment = at(properties, "rating", "score"), at(properties, "rating", "comment")
    score = at(score, "value") if isinstance(score, dict) else score
    comment = at(comment, "value") if isinstance(comment, dict) else comment
    if isinstance(score, bool) or not isinstance(score, int):
        return {}
    return {"rating": score, "rating_scale": "0 bad, 1 good", "rating_comment": comment}


LIVECHAT = DocumentFormat(
    Format(
        name="livechat",
        title="LiveChat chat",
        family="messaging",
        roles="users[].type; without it, an author whose id is a mailbox is an agent",
        times="ISO 8601",
        example="cxsentiment check archives.json",
    ),
    _detect,
    _read,
)
