"""AssemblyAI: the transcript object, its sentences and its paragraphs. Their times are milliseconds."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import Voices, Word, by_time, named, recording, turns_of
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.values import shown

_MS = 1000
_PIECES = ("utterances", "sentences", "paragraphs")


def _is_transcript(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    if "words" in document and isinstance(document["words"], list | None):
        return "status" in document and ("audio_url" in document or "audio_src_url" in document)
    return "audio_duration" in document and any(
        isinstance(item.get("words"), list) and isinstance(item.get("text"), str) and "start" in item
        for name in _PIECES
        for item in objects(document, name)
    )


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    status = words(document.get("status"))
    if status == "error":
        why = shown(words(document.get("error"))) or "no reason given"
        raise InputError("no_words", origin.where, f"holds a transcription that failed ({why})", do="Transcribe again")
    if status in ("queued", "processing"):
        raise InputError("no_words", origin.where, "holds a transcription that is not done", do="Fetch it again later")
    pieces = next((found for name in _PIECES if (found := _said(objects(document, name)))), None)
    yield recording(
        by_time(_turns(objects(document, "words")) if pieces is None else _entries(pieces)),
        id=at(document, "id"),
        language=at(document, "language_code"),
        duration_s=seconds_of(document.get("audio_duration")),  # the one time in seconds
    )


def _said(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return pieces if any(words(piece.get("text")).strip() for piece in pieces) else []


def _who(item: dict[str, Any]) -> tuple[str | None, str | None]:
    return named(item.get("channel")), named(item.get("speaker"))


def _entries(pieces: list[dict[str, Any]]) -> list[Entry]:
    voices = Voices(map(_who, pieces))
    entries = []
    for piece in pieces:
        label, also = voices.name(*_who(piece))
        times = seconds_of(piece.get("start"), _MS), seconds_of(piece.get("end"), _MS)
        entries.append(Entry(words(piece.get("text")), label, *times, also=also))
    return entries


def _turns(items: list[dict[str, Any]]) -> list[Entry]:
    """Each channel's words as turns: where two people talk at once, their words stand in turn in one list."""
    voices = Voices(map(_who, items))
    channels: dict[str | None, list[Word]] = {}
    for item in items:
        label, also = voices.name(*_who(item))
        times = seconds_of(item.get("start"), _MS), seconds_of(item.get("end"), _MS)
        channels.setdefault(_who(item)[0], []).append(Word(words(item.get("text")), *times, label, also))
    return [turn for channel in channels.values() for turn in turns_of(channel)]


ASSEMBLYAI = DocumentFormat(
    Format(
        name="assemblyai",
        title="AssemblyAI",
        family="asr",
        roles="none; declare its speakers with --role A=agent, its channels with --role channel:1=agent",
        times="milliseconds (audio_duration: seconds)",
        example="cxsentiment score calls/ --role A=agent --role B=customer --out run",
    ),
    _is_transcript,
    _read,
)
