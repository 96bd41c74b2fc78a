"""Aircall: transcriptions of calls, as the API, its webhooks and lists of calls give them."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import moment, seconds_of
from cxsentiment.ingest.values import text_or_none
from cxsentiment.schema import Speaker

_ROLES: dict[str, Speaker] = {
    "internal": "agent",
    "agent": "agent",
    "external": "customer",
    "customer": "customer",
    "ai_voice_agent": "bot",
}
# Where a transcription lies in an answer of the API, in a webhook, in a call, or in a list of calls.
_WRAPPERS = ("transcription", "transcriptions", "data", "call", "calls")
_MAX_DEPTH = 4


def _found(document: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The transcriptions in a document, from the outside in."""
    if isinstance(document, list):
        for item in document:
            yield from _found(item, depth + 1) if depth < _MAX_DEPTH else ()
    elif isinstance(document, dict):
        if isinstance(at(document, "content", "utterances"), list):
            yield document
        elif depth < _MAX_DEPTH:
            for name in _WRAPPERS:
                yield from _found(document.get(name), depth + 1)


def _is_aircall(document: object) -> bool:
    found = list(_found(document))
    utterances = [utterance for item in found for utterance in objects(item, "content", "utterances")]
    if not utterances:
        return any("call_id" in item for item in found)
    return any("participant_type" in utterance for utterance in utterances)


def _read_aircall(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    for transcription in _found(document):
        entries = [_entry(utterance) for utterance in objects(transcription, "content", "utterances")]
        begun = moment(transcription.get("call_created_at"))
        facts = {"language": words(at(transcription, "content", "language")), "type": words(transcription.get("type"))}
        yield Contact(
            entries,
            id=_id(transcription.get("call_id")) or _id(transcription.get("id")),
            channel="call",
            started_at=begun.isoformat() if begun else None,
            attrs={name: value for name, value in facts.items() if value},
        )


def _entry(utterance: dict[str, Any]) -> Entry:
    kind = words(utterance.get("participant_type")).strip()
    phone, user = _id(utterance.get("phone_number")), _id(utterance.get("user_id"))
    role = _ROLES.get(kind.casefold())
    return Entry(
        words(utterance.get("text")),
        kind or user or phone,
        seconds_of(utterance.get("start_time")),
        seconds_of(utterance.get("end_time")),
        moment(utterance.get("timestamp")),  # what is transcribed while the call goes on has this instead
        role,
        tuple(name for name in (phone, user) if name),
        user if role == "agent" else None,
    )


def _id(value: object) -> str | None:
    try:
        return text_or_none(value)
    except ValueError:
        return None


AIRCALL = DocumentFormat(
    Format(
        name="aircall",
        title="Aircall transcription",
        family="telephony",
        roles="utterances[].participant_type",
        times="seconds",
        example="cxsentiment score transcriptions/ --out run",
    ),
    _is_aircall,
    _read_aircall,
)
