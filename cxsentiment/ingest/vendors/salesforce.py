"""Salesforce: ConversationEntry records of a query, and the entries of the Connect API, by conversation."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.vendors.fields import identifier, moment_of
from cxsentiment.schema import Speaker

_ACTORS: dict[str, Speaker] = {
    "agent": "agent",
    "bot": "bot",
    "chatbot": "bot",
    "enduser": "customer",
    "supervisor": "other",
    "system": "system",
}
# Kinds of entries that hold words; every other one ("AdminOptedOut", "BotEscalated" …) is an event.
_SAID = frozenset({"", "text", "message", "voice", "chatmessage", "staticcontentmessage"})
_TIMES = ("EntryTime", "ClientTimestamp", "MessageSendTime", "ServerReceivedTimestamp", "CreatedDate")
# The first letters of a record id say what it is the record of.
_CHANNELS = {"0Mw": "chat", "0LQ": "call", "570": "chat"}


def _is_record(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    if at(value, "attributes", "type") == "ConversationEntry":
        return True
    return "ActorType" in value and "ConversationId" in value and bool(value.keys() & {"EntryTime", "Message", *_TIMES})


def _is_connect(value: object) -> bool:
    """Whether it is an entry of the Connect API."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("sender"), dict)
        and "role" in value["sender"]
        and "clientTimestamp" in value
    )


def _records(document: object) -> list[object]:
    for path in (("records",), ("result", "records"), ("conversationEntries",)):
        if isinstance(found := at(document, *path), list):
            return found
    return document if isinstance(document, list) else [document]


def _detect(document: object) -> bool:
    return any(_is_record(record) or _is_connect(record) for record in _records(document))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    conversations: dict[str | None, list[dict[str, Any]]] = {}
    for record in objects(_records(document)):
        if _is_record(record):
            conversations.setdefault(identifier(record.get("ConversationId")), []).append(record)
        elif _is_connect(record):
            name = identifier(at(document, "conversationIdentifier"))
            conversations.setdefault(name, []).append(_as_record(record))
        else:
            yield InputError("no_turns", origin.where, "a record among the entries is no ConversationEntry")
    for name, records in conversations.items():
        yield _contact(name, records)


def _as_record(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the Connect API under the names of the object's fields."""
    sender = entry["sender"]
    return {
        "ActorType": sender.get("role"),
        "ActorName": entry.get("senderDisplayName") or sender.get("subject"),
        "ActorId": sender.get("subject"),
        "EntryTime": entry.get("clientTimestamp"),
        "EntryType": entry.get("entryType"),
        "Message": entry.get("messageText"),
        "EntryPayload": entry.get("entryPayload"),
    }


def _contact(name: str | None, records: list[dict[str, Any]]) -> Contact:
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    for record in _in_order(records):
        text = _text(record)
        if words(record.get("EntryType")).lower() not in _SAID:
            skipped["event"] += 1
        elif not text.strip() and record.get("HasAttachments") is True:
            skipped["attachment"] += 1
        else:
            entries.append(_entry(record, text))
    customers = {entry.label for entry in entries if entry.role == "customer"}
    return Contact(
        entries,
        id=name,
        channel=_CHANNELS.get((name or "")[:3]),
        customer_id=_actor(records, "enduser") if len(customers) == 1 else None,
        skipped=skipped,
    )


def _in_order(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By their sequence number where all have one: two entries may have the same time."""
    if all(isinstance(record.get("Seq"), int) for record in records):
        return sorted(records, key=lambda record: int(record["Seq"]))
    return records


def _actor(records: list[dict[str, Any]], kind: str) -> str | None:
    found = (identifier(record.get("ActorId")) for record in records if _kind(record) == kind)
    return next(filter(None, found), None)


def _kind(record: dict[str, Any]) -> str:
    return words(record.get("ActorType")).replace(" ", "").replace("_", "").lower()


def _text(record: dict[str, Any]) -> str:
    if text := words(record.get("Message")):
        return text
    payload = record.get("EntryPayload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return ""
    for path in (("abstractMessage", "staticContent", "text"), ("staticContent", "text"), ("text",)):
        if text := words(at(payload, *path)):
            return plain_text(text) if "</" in text else text
    return ""


def _entry(record: dict[str, Any], text: str) -> Entry:
    role = _ACTORS.get(_kind(record))
    name, actor = identifier(record.get("ActorName")), identifier(record.get("ActorId"))
    times = (moment_of(record.get(key)) for key in _TIMES)
    return Entry(
        text,
        name or actor or (words(record.get("ActorType")) or None),
        at=next((when for when in times if when is not None), None),
        role=role,
        also=(actor,) if actor else (),
        agent_id=(actor or name) if role == "agent" else None,
    )


SALESFORCE_ENTRIES = DocumentFormat(
    Format(
        name="salesforce-entries",
        title="Salesforce ConversationEntry",
        family="messaging",
        roles="ActorType",
        times="ISO 8601",
        example="cxsentiment check entries.json",
    ),
    _detect,
    _read,
)
