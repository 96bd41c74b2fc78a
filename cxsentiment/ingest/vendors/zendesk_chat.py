"""Zendesk Chat (Zopim): chats and offline messages of the Chat API, one by one or as a page of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.vendors.fields import identifier, known, moment_of
from cxsentiment.schema import Speaker

_MESSAGE = "chat.msg"
_TRIGGER = "agent:trigger"
# What newer exports say of the sender, and the first part of a nick ("agent:12", "visitor").
_SENDERS: dict[str, Speaker] = {
    "visitor": "customer",
    "agent": "agent",
    "trigger": "bot",
    "bot": "bot",
    "system": "system",
}


def _is_chat(document: object) -> bool:
    return (
        at(document, "type") in ("chat", "offline_msg")
        and isinstance(at(document, "visitor"), dict)
        and (isinstance(at(document, "history"), list) or isinstance(at(document, "message"), str))
    )


def _chats(document: object) -> list[object]:
    """The chats of a page: a list ("chats"), or an object by id ("docs")."""
    for key in ("chats", "docs"):
        found = at(document, key)
        if isinstance(found, (list, dict)):
            return list(found.values()) if isinstance(found, dict) else found
    return []


def _detect(document: object) -> bool:
    return _is_chat(document) or any(map(_is_chat, _chats(document)))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if _is_chat(document):
        yield _contact(document)
        return
    for place, chat in enumerate(_chats(document), start=1):
        if isinstance(chat, dict) and _is_chat(chat):
            yield _contact(chat)
        else:
            yield InputError(
                "no_turns", f"{origin.where}:{place}", "the chat has no visitor with a history or a message"
            )


@dataclass(frozen=True, slots=True)
class _People:
    """Who can be told by name in a chat; `agent_id` where one agent took part."""

    agents: frozenset[str]
    visitor: str
    agent_id: str | None

    def role(self, item: dict[str, Any]) -> Speaker | None:
        """What the entry says of its sender, else what the chat says of the name; a name that is both is neither."""
        if item.get("nick") == _TRIGGER:
            return "bot"
        for said in (item.get("sender_type"), words(item.get("nick")).partition(":")[0]):
            if (role := _SENDERS.get(words(said).lower())) is not None:
                return role
        name = words(item.get("name"))
        if (name in self.agents) == (name == self.visitor):
            return None
        return "agent" if name in self.agents else "customer"


def _people(chat: dict[str, Any]) -> _People:
    names = at(chat, "agent_names")
    names = list(names.values()) if isinstance(names, dict) else names if isinstance(names, list) else []
    ids = at(chat, "agent_ids")
    one = identifier(ids[0]) if isinstance(ids, list) and len(ids) == 1 else None
    return _People(frozenset(filter(None, map(words, names))), words(at(chat, "visitor", "name")), one)


def _contact(chat: dict[str, Any]) -> Contact:
    people = _people(chat)
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    rating = identifier(chat.get("rating"))
    comment = words(chat.get("comment"))
    if isinstance(chat.get("message"), str):
        entries.append(Entry(chat["message"], people.visitor or None, at=moment_of(chat.get("timestamp"))))
        entries[0].role = "customer"
    for item in objects(chat, "history"):
        rating = identifier(item.get("new_rating")) or rating
        comment = words(item.get("new_comment")) or comment
        if item.get("type") == _MESSAGE:
            entries.append(_entry(item, people))
        else:
            skipped["attachment" if _is_file(item) else "event"] += 1
    return Contact(
        entries,
        id=identifier(chat.get("id")),
        channel="chat",
        agent_id=people.agent_id,
        customer_id=identifier(at(chat, "visitor", "id")),
        queue=identifier(chat.get("department_name")) or identifier(chat.get("department_id")),
        started_at=None if any(entry.at for entry in entries) else _started(chat),
        attrs=known(
            rating=rating,
            rating_scale="good or bad" if rating else None,
            rating_comment=comment,
            tags=chat.get("tags"),
            missed=chat.get("missed"),
            country=at(chat, "session", "country_code"),
            ticket_id=identifier(chat.get("zendesk_ticket_id")),
        ),
        skipped=skipped,
    )


def _entry(item: dict[str, Any], people: _People) -> Entry:
    role = people.role(item)
    agent_id = None
    if role == "agent":
        agent_id = people.agent_id or identifier(item.get("agent_id")) or identifier(item.get("name"))
    return Entry(
        words(item.get("msg")),
        words(item.get("name")) or None,
        at=moment_of(item.get("timestamp")),
        role=role,
        also=tuple(filter(None, (words(item.get("nick")),))),
        agent_id=agent_id,
    )


def _is_file(item: dict[str, Any]) -> bool:
    return "attachment" in item or words(item.get("type")).startswith("chat.file")


def _started(chat: dict[str, Any]) -> str | None:
    found = moment_of(chat.get("timestamp"))
    return found.isoformat() if found else None


ZENDESK_CHAT = DocumentFormat(
    Format(
        name="zendesk-chat",
        title="Zendesk Chat",
        family="helpdesks",
        roles="agent_names, visitor.name",
        times="ISO 8601",
        example="cxsentiment check chats.json",
    ),
    _detect,
    _read,
)
