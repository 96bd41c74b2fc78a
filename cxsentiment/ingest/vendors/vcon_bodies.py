"""What the bodies of a vCon hold: the text of a message or mail, and transcripts in the shapes that tools write."""

import base64
import binascii
import email
import email.policy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from cxsentiment.ingest.formats import at, objects, words
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.vendors.fields import identifier


@dataclass(slots=True)
class Piece:
    """One utterance of a transcript; times are seconds from the start of its dialog. `party` is a place in parties."""

    speaker: str | None
    text: str
    start: float | None = None
    end: float | None = None
    also: tuple[str, ...] = ()
    party: int | None = None


def parsed(analysis: dict[str, Any]) -> object:
    """The body of an analysis; JSON that stands in a text is read."""
    body = analysis.get("body")
    if not isinstance(body, str):
        return body
    text = _decoded(body, analysis.get("encoding"))
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _decoded(body: str, encoding: object) -> str:
    if encoding != "base64url":
        return body
    try:
        return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return body


def pieces_of(body: object, *, messages_only: bool = False) -> list[Piece]:
    """The utterances of a transcript, whole texts only where it has no pieces."""
    for key in ("messages", "conversation"):
        if isinstance(found := at(body, key), list):
            body = found
    if isinstance(body, list):
        return _messages(body)
    if messages_only:
        return []
    if isinstance(body, dict):
        return _pieces_of_object(body)
    return [Piece(None, body)] if isinstance(body, str) and body.strip() else []


def _messages(items: list[Any]) -> list[Piece]:
    """Objects of a speaker and a message (or text), as models write them; of some the one or the other may lack."""
    said = [item for item in items if isinstance(item, dict)]
    if not any(item.keys() & {"speaker", "party", "parties"} and _text(item) is not None for item in said):
        return []
    return [_piece(item, _text(item) or "") for item in said]


def _text(item: dict[str, Any]) -> str | None:
    return next((words(item[key]) for key in ("message", "text", "transcript") if key in item), None)


def _piece(item: dict[str, Any], text: str) -> Piece:
    start, end = seconds_of(item.get("start")), seconds_of(item.get("end"))
    if end is None and start is not None and (duration := seconds_of(item.get("duration"))) is not None:
        end = round(start + duration, 6)
    speaker = item.get("speaker")
    number = isinstance(speaker, int) and not isinstance(speaker, bool)
    also = (f"speaker:{speaker}",) if number else ()
    return Piece(identifier(speaker), text.strip(), start, end, also, _party(item))


def _party(item: dict[str, Any]) -> int | None:
    """The party that an utterance names: a place in parties, or a list of one."""
    named = item.get("party", item.get("parties"))
    named = named[0] if isinstance(named, list) and len(named) == 1 else named
    return named if isinstance(named, int) and not isinstance(named, bool) else None


def _pieces_of_object(body: dict[str, Any]) -> list[Piece]:
    results = body.get("results") if isinstance(body.get("results"), dict) else body
    for utterances in (objects(results, "utterances"), objects(body, "segments")):
        if utterances:
            return [_labelled(item, at(body, "speakers")) for item in utterances]
    channels = objects(results, "channels")
    if not channels:
        return _of_alternative(body, None)
    found = []
    for number, channel in enumerate(channels):
        alternative = at(channel, "alternatives", 0)
        if isinstance(alternative, dict):
            found += _of_alternative(alternative, number if len(channels) > 1 else None)
    return found


def _labelled(item: dict[str, Any], speakers: object) -> Piece:
    """A segment, whose speaker may have a label in a list beside (World Transcription Format)."""
    piece = _piece(item, words(item.get("transcript")) or words(item.get("text")))
    if label := words(at(speakers, piece.speaker or "", "label")):
        piece.also = (*piece.also, label)
    return piece


def _of_alternative(alternative: dict[str, Any], channel: int | None) -> list[Piece]:
    """The words of one alternative joined while the speaker stays; its whole text where it has none."""
    pieces = list(_joined(objects(alternative, "words"), channel))
    if pieces:
        return pieces
    text = words(alternative.get("transcript")) or words(at(alternative, "transcript", "text"))
    text = text or words(alternative.get("text"))
    return [_piece({}, text)] if text.strip() else []


def _joined(items: list[dict[str, Any]], channel: int | None) -> Iterator[Piece]:
    current: Piece | None = None
    said: list[str] = []
    for item in items:
        piece = _piece(item, words(item.get("punctuated_word")) or words(item.get("word")))
        if channel is not None:
            place = f"channel:{channel}"
            piece.also = (place, *piece.also)
            piece.speaker = place if piece.speaker is None else f"{place} speaker:{piece.speaker}"
        if current is not None and piece.speaker == current.speaker:
            said.append(piece.text)
            current.end = piece.end if piece.end is not None else current.end
            continue
        if current is not None:
            current.text = " ".join(said)
            yield current
        current, said = piece, [piece.text]
    if current is not None:
        current.text = " ".join(said)
        yield current


def body_text(dialog: dict[str, Any]) -> str:
    """The words of a message: plain text, HTML, or the text part of a mail."""
    media = " ".join(words(dialog.get("mediatype") or dialog.get("mimetype")).split())
    text = _decoded(words(dialog.get("body")), dialog.get("encoding"))
    kind = media.partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        return _mail_text(f"Content-Type: {media}\n\n{text}")
    if kind == "message/rfc822":
        return _mail_text(text)
    return plain_text(text) if kind == "text/html" else text


def _mail_text(source: str) -> str:
    """The plain part of a mail, else its HTML as text; attachments are left out."""
    try:
        message = email.message_from_string(source.replace("\r\n", "\n"), policy=email.policy.default)
        part = message.get_body(("plain", "html")) if isinstance(message, EmailMessage) else None
        content = part.get_content() if part is not None else ""
        text = content if isinstance(content, str) else ""
        return plain_text(text) if part is not None and part.get_content_subtype() == "html" else text
    except Exception:  # whatever a broken mail makes of the library, it is a message without words
        return ""
