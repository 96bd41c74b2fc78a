"""Google CX Insights (CCAI): the file for upload, a conversation as its API has it, a row of the BigQuery export,
and the messages of a Dialogflow conversation.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.vendors.speech import clock, facts, name, started, voice
from cxsentiment.schema import Speaker

_MICROSECONDS = 1e6
_NANOSECONDS = 1e9
_EPOCH_S = 1e9
_WHOLE = re.compile(r"[0-9]{1,25}")
# ANY_AGENT is not here: it is a person or a bot, which the file does not say.
_ROLES: dict[str, Speaker] = {
    "AGENT": "agent",
    "HUMAN_AGENT": "agent",
    "AUTOMATED_AGENT": "bot",
    "CUSTOMER": "customer",
    "END_USER": "customer",
}
# The roles of Dialogflow; others write AGENT and CUSTOMER into messages that are alike.
_DIALOGFLOW = ("HUMAN_AGENT", "AUTOMATED_AGENT", "END_USER")
_MEDIA = {"PHONE_CALL": "call", "CHAT": "chat"}


def _is_upload(document: object) -> bool:
    return any(
        "text" in entry and ("start_timestamp_usec" in entry or ("role" in entry and "user_id" in entry))
        for entry in objects(document, "entries")
    )


def _read_upload(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    entries = []
    for item in objects(document, "entries"):
        entry = _entry(item.get("text"), name(item.get("role")), name(item.get("user_id")))
        _place(entry, _counted(item, "start_timestamp_usec", _MICROSECONDS))
        entries.append(entry)
    yield Contact(entries, attrs=facts(language=_language(document, "entries")))


def _entry(text: object, role: str | None, user: str | None) -> Entry:
    """A turn called by its role as written; the number of the participant within the conversation names it too."""
    also = (f"user:{user}", user) if user else ()
    return Entry(words(text), role or user, role=_ROLES.get((role or "").upper()), also=also)


def _place(entry: Entry, seconds: float | None) -> None:
    """Seconds since 1970, or from the start of the conversation where they are too few for that."""
    if seconds is not None and seconds >= _EPOCH_S:
        entry.at = clock(seconds)
    else:
        entry.start = seconds


def _is_conversation(document: object) -> bool:
    return _has_segments(document) or any(map(_has_segments, objects(document, "conversations")))


def _has_segments(conversation: object) -> bool:
    return isinstance(at(conversation, "transcript", "transcriptSegments"), list)


def _read_conversation(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    conversations = [document] if _has_segments(document) else objects(document, "conversations")
    for number, conversation in enumerate(conversations, start=1):
        if not _has_segments(conversation):
            where = f"{origin.where}: conversation {number}"
            yield InputError("no_turns", where, "has no transcript", do='Ask the API for its view "FULL"')
            continue
        yield _conversation(conversation)


def _conversation(conversation: Mapping[str, Any]) -> Contact:
    segments = objects(conversation, "transcript", "transcriptSegments")
    by_words = any(_offset(segment, 0, "startOffset") is not None for segment in segments)
    channels = {
        name(at(conversation, "callMetadata", key)): role
        for key, role in (("customerChannel", "END_USER"), ("agentChannel", "HUMAN_AGENT"))
    }
    entries = []
    for segment in segments:
        channel = name(segment.get("channelTag"))
        who = segment.get("segmentParticipant")
        role = name(at(who, "role")) or (channels.get(channel) if channel else None)
        entry = _entry(segment.get("text"), role, name(at(who, "userId")))
        if entry.label is None:
            entry.label, entry.also = voice(None, channel)
        if by_words:
            entry.start, entry.end = _offset(segment, 0, "startOffset"), _offset(segment, -1, "endOffset")
        else:
            entry.at = clock(segment.get("messageTime"))
        entries.append(entry)
    named = objects(conversation, "qualityMetadata", "agentInfo")
    return Contact(
        entries,
        id=_last_part(conversation.get("name")),
        channel=_MEDIA.get(words(conversation.get("medium"))),
        agent_id=name(conversation.get("agentId")) or (name(named[0].get("agentId")) if len(named) == 1 else None),
        customer_id=name(conversation.get("obfuscatedUserId")),
        started_at=started(conversation.get("startTime")),
        attrs={
            **_labels(conversation.get("labels")),
            **facts(
                language=conversation.get("languageCode") or _language(conversation, "transcript", "transcriptSegments")
            ),
        },
    )


def _offset(segment: object, place: int, key: str) -> float | None:
    """A time of the first or last word, such as "12.900s"."""
    text = at(segment, "words", place, key)
    return seconds_of(text.removesuffix("s")) if isinstance(text, str) else None


def _labels(labels: object) -> dict[str, object]:
    """A contact's own labels: an object in the API, a list of key and value in BigQuery."""
    if isinstance(labels, list):
        labels = {words(label.get("key")): label.get("value") for label in objects(labels)}
    return facts(**{str(key): value for key, value in labels.items() if key}) if isinstance(labels, dict) else {}


def _last_part(path: object) -> str | None:
    """The id at the end of a name such as projects/p/locations/l/conversations/ID."""
    return words(path).rpartition("/")[2] or None


def _language(document: object, *path: str) -> str | None:
    codes = (words(item.get("languageCode")) for item in objects(document, *path))
    return next((code for code in codes if code), None)


def _is_row(document: object) -> bool:
    return any("sentence" in item for item in objects(document, "sentences"))


def _read_row(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    sentences = objects(document, "sentences")
    # In a chat every offset is 0 or absent, and the sentences have the time at which they were written.
    spoken = any(_nanoseconds(item, "endOffsetNanos") or _nanoseconds(item, "startOffsetNanos") for item in sentences)
    entries = []
    for item in sentences:
        entry = _entry(item.get("sentence"), name(item.get("participantRole")), name(item.get("participantId")))
        if entry.label is None:
            entry.label, entry.also = voice(item.get("speakerTag"))
        if spoken:
            entry.start, entry.end = _nanoseconds(item, "startOffsetNanos"), _nanoseconds(item, "endOffsetNanos")
        else:
            _place(entry, _nanoseconds(item, "createTimeNanos"))
        entries.append(entry)
    agents = objects(document, "agents")
    yield Contact(
        entries,
        id=_last_part(document.get("conversationName")),
        channel=_MEDIA.get(words(document.get("medium"))),
        agent_id=name(document.get("agentId")) or (name(agents[0].get("agentId")) if len(agents) == 1 else None),
        started_at=started(document.get("startTimestampUtc")),
        attrs={
            **_labels(document.get("labels")),
            **facts(language=document.get("languageCode") or _language(document, "sentences")),
        },
    )


def _nanoseconds(item: Mapping[str, Any], key: str) -> float | None:
    return _counted(item, key, _NANOSECONDS)


def _counted(item: Mapping[str, Any], key: str, per_second: float) -> float | None:
    """Seconds of a whole number of small units, which JSON of 64-bit numbers writes as text."""
    value = item.get(key)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    return seconds_of(value, per_second)


def _is_messages(document: object) -> bool:
    return any(
        words(item.get("participantRole")) in _DIALOGFLOW and "content" in item
        for item in objects(document, "messages")
    )


def _read_messages(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    """The messages of a conversation of Dialogflow, which its API lists from the newest to the oldest."""
    items = objects(document, "messages")
    entries = []
    for place, item in enumerate(items):
        entry = _entry(item.get("content"), name(item.get("participantRole")), name(item.get("participant")))
        entry.at = clock(item.get("sendTime")) or clock(item.get("createTime"))
        entry.index = place
        entries.append(entry)
    first, last = (entries[0].at, entries[-1].at) if entries else (None, None)
    if first is not None and last is not None and first.tzinfo and last.tzinfo and first > last:
        entries.reverse()
    paths = (words(item.get("name")).partition("/messages/")[0] for item in items)
    yield Contact(
        entries,
        id=next(filter(None, map(_last_part, paths)), None),
        attrs=facts(language=_language(document, "messages")),
    )


def _format(name: str, title: str, roles: str, times: str, example: str) -> Format:
    return Format(name, title, "google", roles, times, example)


UPLOAD = DocumentFormat(
    _format(
        "google-ccai",
        "Google CX Insights (CCAI), file for upload",
        "entries[].role",
        "microseconds since 1970",
        "cxsentiment score conversations/ --out run",
    ),
    _is_upload,
    _read_upload,
)
CONVERSATION = DocumentFormat(
    _format(
        "google-insights",
        "Google CX Insights conversation",
        "segmentParticipant.role, else callMetadata",
        "durations, or ISO 8601",
        "cxsentiment score conversations/ --out run",
    ),
    _is_conversation,
    _read_conversation,
)
BIGQUERY = DocumentFormat(
    _format(
        "google-insights-bigquery",
        "Google CX Insights, row of the BigQuery export",
        "sentences[].participantRole",
        "nanoseconds",
        "cxsentiment score export.jsonl --out run",
    ),
    _is_row,
    _read_row,
)
DIALOGFLOW = DocumentFormat(
    _format(
        "google-dialogflow",
        "Google Dialogflow, messages of a conversation",
        "messages[].participantRole",
        "ISO 8601",
        "cxsentiment check messages.json",
    ),
    _is_messages,
    _read_messages,
)
