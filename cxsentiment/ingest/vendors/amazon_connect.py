"""Amazon Connect: Contact Lens output for voice and for chat, and Connect's own chat transcripts."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.sources import content_name
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.vendors.speech import clock, facts, name, started
from cxsentiment.schema import Speaker

MILLISECONDS = 1000
ROLES: Mapping[str, Speaker] = {
    "AGENT": "agent",
    "CUSTOMER": "customer",
    "SYSTEM": "system",
    "SUPERVISOR": "other",
    "CUSTOM_BOT": "bot",
}
# <contact id>_analysis_2022-11-30T10:15:00Z.json in S3; systems that know no colon in names write another sign.
_FILE = re.compile(
    r"(?P<id>.+?)_analysis(?:_redacted)?_(?P<day>\d{4}-\d\d-\d\d)T"
    r"(?P<h>\d\d)(?:%3A|\D)?(?P<m>\d\d)(?:%3A|\D)?(?P<s>\d\d)(?:\.\d+)?Z?"
)
_RECORDING = re.compile(r"_(\d{4})(\d\d)(\d\d)T(\d\d):?(\d\d)_UTC")
_TEXTS = ("text/plain", "text/markdown")
_EVENT = "application/vnd.amazonaws.connect.event"


def _is_voice(document: object) -> bool:
    if at(document, "Channel") != "VOICE" or not isinstance(at(document, "Transcript"), list):
        return False
    turns = objects(document, "Transcript")
    return any("ParticipantId" in turn for turn in turns) or (
        not turns and at(document, "CustomerMetadata") is not None
    )


def _is_chat(document: object) -> bool:
    entries = objects(document, "Transcript")
    if not entries:
        return at(document, "Channel") == "CHAT" and isinstance(at(document, "Transcript"), list)
    return any("AbsoluteTime" in entry and ("ContentType" in entry or "Type" in entry) for entry in entries)


def _read_voice(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    roles = _roles(document)
    yield Contact(
        [
            Entry(
                words(turn.get("Content")),
                name(turn.get("ParticipantId")),
                seconds_of(turn.get("BeginOffsetMillis"), MILLISECONDS),
                seconds_of(turn.get("EndOffsetMillis"), MILLISECONDS),
                role=_role(turn, roles),
            )
            for turn in objects(document, "Transcript")
        ],
        id=_contact_id(document, origin),
        channel="call",
        started_at=_named_time(origin) or _recorded(document),
        attrs=_attrs(document),
    )


def _read_chat(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    roles = _roles(document)
    entries = []
    skipped: Counter[str] = Counter()
    said = objects(document, "Transcript")
    # Where nothing else was said, the earlier session is what the file is of.
    continued = any(_kind(item) == "message" and not _is_earlier(item) for item in said)
    for item in said:
        kind = _kind(item)
        if kind == "message" and continued and _is_earlier(item):
            kind = "message of an earlier session"
        if kind != "message":
            skipped[kind] += 1
            continue
        who = name(item.get("ParticipantId"))
        names = (name(item.get("DisplayName")), who)
        label = name(item.get("ParticipantRole")) or roles.get(who or "") or who
        entries.append(
            Entry(
                words(item.get("Content")),
                label,
                at=clock(item.get("AbsoluteTime")),
                role=_role(item, roles),
                # A redacted twin calls everybody "[PII]".
                also=tuple(other for other in names if other and other != label and not other.startswith("[")),
            )
        )
        if entries[-1].role == "agent" and who not in ROLES:
            entries[-1].agent_id = who
    _name_agents_of_a_transfer(entries)
    yield Contact(
        entries,
        id=_contact_id(document, origin),
        channel="chat",
        started_at=None if any(entry.at for entry in entries) else _named_time(origin),
        attrs=_attrs(document),
        skipped=skipped,
    )


def _name_agents_of_a_transfer(entries: Iterable[Entry]) -> None:
    """Keep the ids of agents only where they tell several apart.

    A participant has its id for one chat only: as the agent of a contact it would make as many agents as chats, and
    stand in the way of the agent whom a contact log names.
    """
    said = [entry for entry in entries if entry.agent_id]
    if len({entry.agent_id for entry in said if entry.text.strip()}) < 2:
        for entry in said:
            entry.agent_id = None


def _kind(item: Mapping[str, Any]) -> str:
    """What an entry of a chat is: a message in words, or by which name it is counted as skipped."""
    content = words(item.get("ContentType"))
    if item.get("Type") == "EVENT" or content.startswith(_EVENT):
        return "event"
    if item.get("Type") == "ATTACHMENT":
        return "attachment"
    return "message" if content in ("", *_TEXTS) else "interactive message"


def _is_earlier(item: Mapping[str, Any]) -> bool:
    """Whether an entry of a persistent chat is of an earlier session, whose own contact has it too.

    Only then it names its contact as a related one, and has no `ContactId`.
    """
    return name(item.get("RelatedContactId")) is not None and name(item.get("ContactId")) is None


def _roles(document: object) -> dict[str, str]:
    """Participant id → role as written, where the participants have one (a redacted chat has none)."""
    return {
        words(who.get("ParticipantId")): words(who.get("ParticipantRole"))
        for who in objects(document, "Participants")
        if words(who.get("ParticipantRole"))
    }


def _role(entry: Mapping[str, Any], roles: Mapping[str, str]) -> Speaker | None:
    """By the entry itself, else its participant; one version mixes ids with literal roles, which stand in no list."""
    who = words(entry.get("ParticipantId"))
    return ROLES.get(words(entry.get("ParticipantRole")) or roles.get(who) or who)


def _contact_id(document: object, origin: Origin) -> str | None:
    own = name(at(document, "CustomerMetadata", "ContactId")) or name(at(document, "ContactId"))
    match = _FILE.match(_stem(origin))
    return own or (match["id"] if match else _fetched_id(document))


def _fetched_id(document: object) -> str | None:
    """The contact of a chat that the API gave (GetTranscript), where its messages name one.

    Those of an earlier session name theirs as a related one. Where they name several (a transfer, an earlier session),
    the first contact of the chain, which the answer itself names, would be that of more than one file.
    """
    messages = objects(document, "Transcript")
    named = {name(item.get("ContactId")) for item in messages} - {None}
    if len(named) == 1:
        return named.pop()
    several = named or any(name(item.get("RelatedContactId")) for item in messages)
    return None if several else name(at(document, "InitialContactId"))


def _stem(origin: Origin) -> str:
    return Path(content_name(origin.source)).stem


def _named_time(origin: Origin) -> str | None:
    """The start of the contact, to the second, as the name of the file has it."""
    match = _FILE.match(_stem(origin))
    return started("{day}T{h}:{m}:{s}+00:00".format(**match.groupdict())) if match else None


def _recorded(document: object) -> str | None:
    """The start of the call, to the minute, as the name of its recording has it."""
    match = _RECORDING.search(words(at(document, "CustomerMetadata", "InputS3Uri")))
    return started("{}-{}-{}T{}:{}:00+00:00".format(*match.groups())) if match else None


def _attrs(document: object) -> dict[str, object]:
    return facts(language=at(document, "LanguageCode"), output=at(document, "ContentMetadata", "Output"))


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
CONTACT_LENS_CHAT = DocumentFormat(
    Format(
        name="amazon-contact-lens-chat",
        title="Amazon Connect chat, with or without Contact Lens",
        family="amazon",
        roles="Transcript[].ParticipantRole",
        times="ISO 8601",
        example="cxsentiment score chats/ --out run",
    ),
    _is_chat,
    _read_chat,
)
