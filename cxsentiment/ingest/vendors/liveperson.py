"""LivePerson: conversations of the Messaging Interactions API."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.vendors.fields import identifier, known, moment_of
from cxsentiment.schema import Speaker

_SENDERS: dict[str, Speaker] = {
    "consumer": "customer",
    "agent": "agent",
    "bot": "bot",
    "system": "system",
    "controller": "system",
}
_USER_TYPES: dict[str, Speaker] = {"human": "agent", "bot": "bot", "system": "system"}
_UNASSIGNED = "Unassigned"
_INTERNAL = "AGENTS_AND_MANAGERS"
_SURVEY = "POST_SURVEY"


def _is_record(value: object) -> bool:
    return isinstance(at(value, "info"), dict) and isinstance(at(value, "messageRecords"), list)


def _detect(document: object) -> bool:
    return _is_record(document) or any(map(_is_record, objects(document, "conversationHistoryRecords")))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if _is_record(document):
        yield _contact(document)
        return
    for place, record in enumerate(document["conversationHistoryRecords"], start=1):
        if _is_record(record):
            yield _contact(record)
        else:
            yield InputError("no_turns", f"{origin.where}:{place}", 'the record has no "info" and "messageRecords"')


def _contact(record: dict[str, Any]) -> Contact:
    info = record["info"]
    agents = {identifier(agent.get("agentId")): agent for agent in objects(record, "agentParticipants")}
    # A survey after the conversation is a dialog of its own; its questions and scores are no part of what was said.
    dialogs = objects(record, "dialogs")
    surveys = {words(dialog.get("dialogId")) for dialog in dialogs if dialog.get("dialogType") == _SURVEY} - {""}
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    for message in objects(record, "messageRecords"):
        if message.get("audience") == _INTERNAL:
            skipped["internal note"] += 1
        elif words(message.get("dialogId")) in surveys:
            skipped["survey"] += 1
        elif message.get("type", "TEXT_PLAIN") != "TEXT_PLAIN":
            skipped["attachment"] += 1
        else:
            entries.append(_entry(message, agents))
    consumers = objects(record, "consumerParticipants") or objects(record, "consumerParticipant")
    queue = identifier(info.get("latestSkillName"))
    return Contact(
        entries,
        id=identifier(info.get("conversationId")),
        channel="chat",
        assignee=identifier(info.get("latestAgentId")),
        customer_id=identifier(consumers[0].get("participantId")) if consumers else None,
        queue=None if queue == _UNASSIGNED else queue,
        attrs=known(
            mcs=_score(info.get("mcs")),
            csat_rate=_score(info.get("csatRate")),
            close_reason=info.get("closeReason"),
            status=info.get("status"),
            source=info.get("source"),
        ),
        skipped=skipped,
    )


def _score(value: object) -> object:
    """A score; -1 stands for none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def _entry(message: dict[str, Any], agents: dict[str | None, dict[str, Any]]) -> Entry:
    name = identifier(message.get("participantId"))
    agent = agents.get(name, {}) if name is not None else {}
    role = _SENDERS.get(words(message.get("sentBy")).lower())
    if role == "agent":
        role = _USER_TYPES.get(words(agent.get("userTypeName")).lower(), role)
    names = (words(agent.get("agentNickname")), words(agent.get("agentFullName")), words(agent.get("agentLoginName")))
    data = message.get("messageData")
    when = moment_of(message.get("timeL"))
    return Entry(
        words(at(data, "msg", "text")) or words(at(data, "msg")),
        name,
        at=when if when is not None else moment_of(message.get("time")),
        role=role,
        also=tuple(dict.fromkeys(filter(None, names))),
        agent_id=name if role == "agent" else None,
    )


LIVEPERSON = DocumentFormat(
    Format(
        name="liveperson",
        title="LivePerson conversation history",
        family="messaging",
        roles="sentBy; agentParticipants[].userTypeName tells bots",
        times="milliseconds since 1970",
        example="cxsentiment check history.json",
    ),
    _detect,
    _read,
)
