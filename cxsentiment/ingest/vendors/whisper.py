"""JSON of the Whisper family, in which a segment is a turn.

OpenAI's Whisper (program and service), faster-whisper, whisper-timestamped; WhisperX; whisper.cpp; Transformers.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, Notes
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import Word, named, recording, turns_of
from cxsentiment.ingest.times import seconds_of

# Keys that only Whisper's decoder writes into a segment.
_MARKS = frozenset({"seek", "tokens", "avg_logprob", "no_speech_prob", "compression_ratio"})
# Whisper's own limits, past which it takes a segment for silence, or for words repeated in a loop.
_NO_SPEECH = 0.6
_REPEATS = 2.4
_MS = 1000


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_words(found: list[dict[str, Any]]) -> bool:
    return bool(found) and isinstance(found[0].get("word"), str) and "start" in found[0]


def _is_whisperx(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    segments = document.get("segments")
    if isinstance(document.get("word_segments"), list):
        return isinstance(segments, list) or _is_words(objects(document, "word_segments"))
    return any(
        "word" in word and "score" in word for item in objects(document, "segments") for word in objects(item, "words")
    )


def _is_segment(item: object) -> bool:
    return (
        isinstance(item, dict) and isinstance(item.get("text"), str) and _is_number(item.get("start")) and "end" in item
    )


def _is_whisper(document: object) -> bool:
    if isinstance(document, list):  # faster-whisper's segments, written as they are
        return bool(document) and all(_is_segment(item) for item in document) and bool(_MARKS & set(document[0]))
    if not isinstance(document, dict) or _is_whisperx(document):
        return False
    named_so = isinstance(document.get("text"), str) and (
        isinstance(document.get("language"), str) or document.get("task") in ("transcribe", "translate")
    )
    segments = document.get("segments")
    if not segments:
        return named_so and (segments == [] or ("task" in document and _is_words(objects(document, "words"))))
    return (
        isinstance(segments, list)
        and _is_segment(segments[0])
        and (named_so or bool(_MARKS & set(segments[0])) or segments[0].get("type") == "transcript.text.segment")
    )


def _read_segments(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    segments = objects(document, "segments") if isinstance(document, dict) else objects(document)
    if not segments:
        found = objects(document, "words") or objects(document, "word_segments")
        entries = turns_of(_word(word) for word in found)
    else:
        entries = [_entry(segment) for segment in segments]
    contact = recording(
        entries, language=words(at(document, "language")), duration_s=seconds_of(at(document, "duration"))
    )
    _doubt(segments, contact.notes)
    yield contact


def _entry(segment: dict[str, Any]) -> Entry:
    """A segment; what it lacks itself (text, times, the speaker) is its words', where all that name one agree."""
    spoken = [_word(word) for word in objects(segment, "words")]
    label = _speaker(segment)
    if label is None and len(labels := {word.label for word in spoken if word.label}) == 1:
        (label,) = labels
    start, end = seconds_of(segment.get("start")), seconds_of(segment.get("end"))
    if start is None:
        start = next((word.start for word in spoken if word.start is not None), None)
    if end is None:
        end = next((word.end for word in reversed(spoken) if word.end is not None), None)
    text = words(segment.get("text"))
    return Entry(text if text.strip() else " ".join(word.text.strip() for word in spoken), label, start, end)


def _word(word: dict[str, Any]) -> Word:
    text = words(word.get("word")) or words(word.get("text"))
    label = _speaker(word)
    return Word(text.strip(), seconds_of(word.get("start")), seconds_of(word.get("end")), label)


def _speaker(item: dict[str, Any]) -> str | None:
    label = named(item.get("speaker"))
    return None if label == "?" else label


def _doubt(segments: Iterable[dict[str, Any]], notes: Notes) -> None:
    """Say where Whisper itself doubts that anybody spoke: on silence it makes up sentences."""
    for index, segment in enumerate(segments):
        if (seconds_of(segment.get("no_speech_prob")) or 0) > _NO_SPEECH:
            notes.turn(
                index, f"Whisper hears silence there (no_speech_prob over {_NO_SPEECH}); the words may be made up"
            )
        if (seconds_of(segment.get("compression_ratio")) or 0) > _REPEATS:
            notes.turn(index, f"Whisper repeats itself there (compression_ratio over {_REPEATS})")


def _is_cpp(document: object) -> bool:
    found = objects(document, "transcription")
    if not found:
        return at(document, "transcription") == [] and isinstance(at(document, "result", "language"), str)
    return isinstance(found[0].get("text"), str) and _is_number(at(found[0], "offsets", "from"))


def _read_cpp(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    entries = [
        Entry(
            words(item.get("text")),
            _speaker(item),
            seconds_of(at(item, "offsets", "from"), _MS),
            seconds_of(at(item, "offsets", "to"), _MS),
        )
        for item in objects(document, "transcription")
    ]
    yield recording(entries, language=words(at(document, "result", "language")))


def _is_chunks(document: object) -> bool:
    chunks = objects(document, "chunks")
    return (
        isinstance(at(document, "text"), str)
        and bool(chunks)
        and all(isinstance(at(item, "text"), str) and isinstance(at(item, "timestamp"), list) for item in chunks)
    )


def _read_chunks(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    chunks = objects(document, "speakers") or objects(document, "chunks")
    if all(len(words(chunk.get("text")).split()) <= 1 for chunk in chunks):  # return_timestamps="word"
        entries = turns_of(
            Word(words(chunk.get("text")), *_span(chunk), _speaker(chunk), before="") for chunk in chunks
        )
    else:
        entries = [Entry(words(chunk.get("text")), _speaker(chunk), *_span(chunk)) for chunk in chunks]
    yield recording(entries)


def _span(chunk: dict[str, Any]) -> tuple[float | None, float | None]:
    return seconds_of(at(chunk, "timestamp", 0)), seconds_of(at(chunk, "timestamp", 1))


_ROLES = "none, or segments[].speaker; declare it with --role SPEAKER_00=agent"
_EXAMPLE = "cxsentiment score calls/ --role SPEAKER_00=agent --role SPEAKER_01=customer --out run"

WHISPERX = DocumentFormat(
    Format("whisperx", "WhisperX", "whisper", _ROLES, "seconds", _EXAMPLE), _is_whisperx, _read_segments
)
WHISPER = DocumentFormat(
    Format("whisper", "Whisper", "whisper", _ROLES, "seconds", _EXAMPLE), _is_whisper, _read_segments
)
WHISPER_CPP = DocumentFormat(
    Format("whisper-cpp", "whisper.cpp", "whisper", _ROLES, "milliseconds (offsets)", _EXAMPLE), _is_cpp, _read_cpp
)
WHISPER_CHUNKS = DocumentFormat(
    Format("whisper-chunks", "Whisper by Transformers", "whisper", _ROLES, "seconds (timestamp)", _EXAMPLE),
    _is_chunks,
    _read_chunks,
)
