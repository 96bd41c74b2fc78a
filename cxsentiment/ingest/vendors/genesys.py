"""Genesys Cloud: transcripts of Speech and Text Analytics, as the transcript URL gives them.

A conversation that was transferred has one such document per communication; several in one list are one contact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of
from cxsentiment.schema import Speaker

_MS = 1000
# From here on milliseconds are since 1970 (the year 2001), before it since the start of the conversation.
_EPOCH_S = 1e9
_LAST_S = 4e9

# What a phrase or a participant is called. "internal" is everyone on the company's side of the line.
_ROLES: dict[str, Speaker] = {
    "external": "customer",
    "customer": "customer",
    "internal": "agent",
    "agent": "agent",
    "user": "agent",
    "bot": "bot",
    "botflow": "bot",
    "ivr": "system",
    "acd": "system",
    "voicemail": "system",
    "fax": "system",
}
_MACHINES = ("bot", "botflow", "ivr", "acd", "voicemail", "fax")
_PEOPLE = ("agent", "user", "internal")
_CHANNELS = {"voice": "call", "call": "call", "callback": "call", "email": "email", "social": "social"}
_CHATS = ("chat", "message", "messaging", "webchat", "webmessaging", "sms", "openmessaging", "whatsapp")


@dataclass(frozen=True, slots=True)
class _Participant:
    """Who was on the company's side from when to when, in seconds as the document counts them."""

    purpose: str
    user: str | None
    start: float | None
    end: float | None

    def speaks_at(self, moment: float | None) -> bool:
        if moment is None or self.start is None:
            return False
        return self.start <= moment and (self.end is None or moment <= self.end)


def _documents(document: object) -> list[dict[str, Any]]:
    return [document] if isinstance(document, dict) else objects(document)


def _is_genesys(document: object) -> bool:
    found = _documents(document)
    return bool(found) and all(_is_transcript(item) for item in found)


def _is_transcript(document: dict[str, Any]) -> bool:
    parts = objects(document, "transcripts")
    phrases = [phrase for part in parts for phrase in objects(part, "phrases")]
    if not phrases:
        named = "conversationId" in document and "communicationId" in document
        return named and isinstance(document.get("transcripts"), list)
    return any("participantPurpose" in phrase and ("text" in phrase or "decoratedText" in phrase) for phrase in phrases)


def _read_genesys(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    conversations: dict[str | int, list[dict[str, Any]]] = {}
    for place, communication in enumerate(_documents(document)):
        identity = words(communication.get("conversationId")).strip()
        conversations.setdefault(identity or place, []).append(communication)
    for key, communications in conversations.items():
        yield _contact(communications, key if isinstance(key, str) else None)


def _contact(communications: Sequence[dict[str, Any]], identity: str | None) -> Contact:
    entries = [entry for communication in communications for entry in _entries(communication)]
    for place, entry in enumerate(entries):
        entry.index = place
    first = communications[0]
    begun = seconds_of(first.get("conversationStartTime"), _MS)
    begun = begun if begun is not None and _EPOCH_S <= begun <= _LAST_S else None
    begun = _count_from_the_start(entries, begun)
    named = [words(communication.get("communicationId")) for communication in communications]
    languages = {words(part.get("language")) for item in communications for part in objects(item, "transcripts")} - {""}
    attrs = {
        "communication_id": ", ".join(dict.fromkeys(filter(None, named))),
        "language": min(languages) if len(languages) == 1 else "",
    }
    users = {who.user for item in communications for who in _staff(item) if who.user and who.purpose in _PEOPLE}
    return Contact(
        entries,
        id=identity,
        channel=_channel(first.get("mediaType")),
        agent_id=min(users) if len(users) == 1 else None,
        started_at=None if begun is None else datetime.fromtimestamp(begun, UTC).isoformat(),
        attrs={name: value for name, value in attrs.items() if value},
    )


def _entries(document: dict[str, Any]) -> Iterator[Entry]:
    staff = _staff(document)
    for part in objects(document, "transcripts"):
        for phrase in objects(part, "phrases"):
            start = seconds_of(phrase.get("startTimeMs"), _MS)
            length = _length(phrase.get("duration"))
            purpose = words(phrase.get("participantPurpose")).casefold()
            role, agent = _ROLES.get(purpose), None
            if role == "agent":
                role, agent = _who(staff, start)
            yield Entry(
                words(phrase.get("decoratedText")) or words(phrase.get("text")),
                words(phrase.get("participantPurpose")) or None,
                start,
                round(start + length, 6) if start is not None and length is not None else None,
                role=role,
                agent_id=agent,
            )


def _who(staff: Sequence[_Participant], start: float | None) -> tuple[Speaker, str | None]:
    """Role and id of the company's side at that time: a machine's where no person was there then."""
    there = [who for who in staff if who.speaks_at(start)]
    people = [who for who in there if who.purpose in _PEOPLE]
    if not people and (machine := next((who for who in there if who.purpose in _MACHINES), None)):
        return _ROLES[machine.purpose], None
    users = {who.user for who in people if who.user}
    return "agent", (min(users) if len(users) == 1 else None)


def _staff(document: dict[str, Any]) -> list[_Participant]:
    return [
        _Participant(
            words(who.get("participantPurpose")).casefold(),
            words(who.get("userId")).strip() or None,
            seconds_of(who.get("startTimeMs"), _MS),
            seconds_of(who.get("endTimeMs"), _MS),
        )
        for who in objects(document, "participants")
        if words(who.get("participantPurpose")).casefold() in (*_PEOPLE, *_MACHINES)
    ]


def _length(value: object) -> float | None:
    """A duration in seconds: {"milliseconds": 900}, or a number of milliseconds."""
    return seconds_of(at(value, "milliseconds") if isinstance(value, dict) else value, _MS)


def _count_from_the_start(entries: Sequence[Entry], begun: float | None) -> float | None:
    """Times since 1970 become seconds from the start; the start (since 1970) is the first phrase's if not `begun`."""
    starts = [entry.start for entry in entries if entry.start is not None and entry.start >= _EPOCH_S]
    if not starts:
        return begun
    first = min(starts) if begun is None else min(begun, *starts)
    for entry in entries:
        if entry.start is not None and entry.start >= _EPOCH_S:
            entry.start = round(entry.start - first, 6)
            entry.end = None if entry.end is None else round(entry.end - first, 6)
    return first if first <= _LAST_S else None


def _channel(media: object) -> str | None:
    name = words(media).casefold()
    return "chat" if name in _CHATS else _CHANNELS.get(name)


GENESYS = DocumentFormat(
    Format(
        name="genesys-cloud",
        title="Genesys Cloud transcript",
        family="telephony",
        roles="phrases[].participantPurpose and participants[]",
        times="milliseconds",
        example="cxsentiment score transcripts/ --out run",
    ),
    _is_genesys,
    _read_genesys,
)
