"""Twilio: messages of Conversations, and sentences of Voice (Conversational) Intelligence.

Both come as a page of the REST API ({"messages": […], "meta": …}), as the bare list, or with the camel-case keys of the
client libraries. Pages of one conversation in one list are one contact.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import moment, seconds_of
from cxsentiment.schema import Speaker

_ROLES: dict[str, Speaker] = {"agent": "agent", "customer": "customer"}
# Sentences do not say which transcript they are of; the address of their page does.
_TRANSCRIPT = re.compile(r"intelligence\.twilio\.com/.*/Transcripts/(GT[0-9A-Za-z]+)")
_CONVERSATION = re.compile(r"conversations\.twilio\.com/.*/Conversations/(CH[0-9A-Za-z]+)")


def _pages(document: object, key: str) -> list[dict[str, Any]]:
    """The objects under `key` of a page, of a list of pages, or the bare list."""
    if isinstance(document, dict):
        return objects(document, key)
    pages = objects(document)
    return [item for page in pages for item in objects(page, key)] if any(key in page for page in pages) else pages


def _get(item: Mapping[str, Any], name: str) -> Any:
    """The value under a key, in snake or camel case."""
    first, *rest = name.split("_")
    return item.get(name, item.get(first + "".join(part.capitalize() for part in rest)))


def _name(value: object) -> str | None:
    """A label or id as text; whole numbers too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return words(value).strip() or None


def _in_order(items: Sequence[dict[str, Any]], name: str) -> list[tuple[int, dict[str, Any]]]:
    """Items with their places in the source, by their own numbers where each has another, else as they stand."""
    placed = list(enumerate(items))
    numbers = [_get(item, name) for item in items]
    if len(set(map(repr, numbers))) == len(items) and all(type(number) is int for number in numbers):
        placed.sort(key=lambda place: _get(place[1], name))
    return placed


def _is_conversation(document: object) -> bool:
    messages = _pages(document, "messages")
    if not messages:
        return isinstance(at(document, "messages"), list) and _address_id(document, _CONVERSATION) is not None
    return any(
        _name(_get(message, "conversation_sid")) and ("author" in message or _name(_get(message, "participant_sid")))
        for message in messages
    )


def _read_conversations(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    messages = _pages(document, "messages")
    named = [_name(_get(message, "conversation_sid")) for message in messages]
    known = _address_id(document, _CONVERSATION) or next(filter(None, named), None)
    conversations: dict[str, list[dict[str, Any]]] = {} if messages else {known or "": []}
    for message, sid in zip(messages, named, strict=True):
        conversations.setdefault(sid or known or "", []).append(message)
    for sid, messages in conversations.items():
        skipped: Counter[str] = Counter()
        entries = []
        for place, message in _in_order(messages, "index"):
            body = words(message.get("body"))
            if not body.strip() and message.get("media"):
                skipped["attachment"] += 1
                continue
            author, participant = _name(message.get("author")), _name(_get(message, "participant_sid"))
            entries.append(
                Entry(
                    body,
                    author or participant,
                    at=moment(_get(message, "date_created")),
                    also=(participant,) if author and participant else (),
                    index=place,
                )
            )
        contact = Contact(entries, id=sid or None, channel="chat", skipped=skipped)
        _doubt_end(document, contact)
        yield contact


def _is_voice(document: object) -> bool:
    sentences = _pages(document, "sentences")
    if not sentences:
        return isinstance(at(document, "sentences"), list) and _address_id(document, _TRANSCRIPT) is not None
    return any("transcript" in sentence and _get(sentence, "media_channel") is not None for sentence in sentences)


def _read_voice(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    roles = {
        _name(_get(who, "channel_participant")): _ROLES.get(words(who.get("role")).casefold())
        for who in objects(document, "channel", "participants")
    }
    entries = []
    for place, sentence in _in_order(_pages(document, "sentences"), "sentence_index"):
        label = _name(_get(sentence, "media_channel"))
        entries.append(
            Entry(
                words(sentence.get("transcript")),
                label,
                seconds_of(_get(sentence, "start_time")),
                seconds_of(_get(sentence, "end_time")),
                role=roles.get(label) if label else None,
                also=(f"channel:{label}",) if label else (),
                index=place,
            )
        )
    facts = {"language": at(document, "language_code"), "customer_key": at(document, "customer_key")}
    contact = Contact(
        entries,
        id=_transcript_sid(document),
        channel="call",
        attrs={name: value for name, value in facts.items() if value},
    )
    _doubt_end(document, contact)
    yield contact


def _doubt_end(document: object, contact: Contact) -> None:
    """Warn where the page, or the last of a list of pages, names a next one."""
    last = document if isinstance(document, dict) else (objects(document) or [{}])[-1]
    if words(at(last, "meta", "next_page_url")):
        contact.notes.add("a further page is missing (next_page_url): fetch it too, and put all pages into one list")


def _transcript_sid(document: object) -> str | None:
    first = document if isinstance(document, dict) else next(iter(objects(document)), {})
    own = words(first.get("sid"))
    named = _name(_get(first, "transcript_sid")) or (own if own.startswith("GT") else None)
    return named or _address_id(document, _TRANSCRIPT)


def _address_id(document: object, address: re.Pattern[str]) -> str | None:
    """The id in the address of a page, or of the first page of a list."""
    first = document if isinstance(document, dict) else next(iter(objects(document)), {})
    places = (at(first, "meta", "url"), at(first, "meta", "first_page_url"), at(first, "url"))
    return next((match[1] for place in places if (match := address.search(words(place)))), None)


CONVERSATIONS = DocumentFormat(
    Format(
        name="twilio-conversations",
        title="Twilio Conversations",
        family="telephony",
        roles="none: --role declares authors or participant ids",
        times="ISO 8601",
        example="cxsentiment check messages.json --role +15550100=customer --role support=agent",
    ),
    _is_conversation,
    _read_conversations,
)
VOICE_INTELLIGENCE = DocumentFormat(
    Format(
        name="twilio-voice-intelligence",
        title="Twilio Voice Intelligence",
        family="telephony",
        roles="none: --role declares channels",
        times="seconds",
        example="cxsentiment check sentences.json --role channel:1=agent --role channel:2=customer",
    ),
    _is_voice,
    _read_voice,
)
