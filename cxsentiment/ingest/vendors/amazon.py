"""Amazon: Contact Lens for Connect (voice)."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of
from cxsentiment.schema import Speaker

_MS = 1000
_ROLES: dict[str, Speaker] = {"AGENT": "agent", "CUSTOMER": "customer", "SYSTEM": "system", "SUPERVISOR": "other"}


def _is_voice(document: object) -> bool:
    return at(document, "Channel") == "VOICE" and any(
        "ParticipantId" in turn for turn in objects(document, "Transcript")
    )


def _read_voice(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    roles = {who.get("ParticipantId"): who.get("ParticipantRole") for who in objects(document, "Participants")}
    entries = []
    for turn in objects(document, "Transcript"):
        name = turn.get("ParticipantId")
        # One version mixes real ids with the literal roles, which stand in no list of participants.
        role = _ROLES.get(str(roles.get(name) or name))
        entries.append(
            Entry(
                words(turn.get("Content")),
                words(name) or None,
                seconds_of(turn.get("BeginOffsetMillis"), _MS),
                seconds_of(turn.get("EndOffsetMillis"), _MS),
                role=role,
            )
        )
    yield Contact(
        entries,
        id=words(at(document, "CustomerMetadata", "ContactId")) or None,
        channel="call",
        attrs={"language": at(document, "LanguageCode")},
    )


CONTACT_LENS_VOICE = DocumentFormat(
    Format(
        name="amazon-contact-lens-voice",
        title="Amazon Connect Contact Lens, voice",
        family="amazon",
        roles="Participants[].ParticipantRole",
        times="milliseconds",
        example="cxsentiment score analysis/ --out run",
    ),
    _is_voice,
    _read_voice,
)
