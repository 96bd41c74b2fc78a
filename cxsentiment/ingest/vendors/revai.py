"""Rev.ai and Rev: monologues of elements."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import named, recording
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.values import seconds


def _is_transcript(document: object) -> bool:
    found = at(document, "monologues")
    return isinstance(found, list) and all(isinstance(at(item, "elements"), list) for item in found)


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    names = {named(who.get("id")): named(who.get("name")) for who in objects(document, "speakers")}
    entries = [_entry(monologue, names) for monologue in objects(document, "monologues")]
    yield recording(entries, language=at(document, "language"))


def _entry(monologue: dict[str, Any], names: dict[str | None, str | None]) -> Entry:
    label = named(monologue.get("speaker"))
    also = [named(at(monologue, "speaker_info", "display_name")), named(monologue.get("speaker_name"))]
    also += [names.get(label), f"speaker:{label}" if label else None]
    elements = objects(monologue, "elements")
    starts = [_time(item, "ts", "timestamp") for item in elements]
    ends = [_time(item, "end_ts", "end_timestamp") for item in elements]
    return Entry(
        _text(elements),
        label,
        next((time for time in starts if time is not None), None),
        next((time for time in reversed(ends) if time is not None), None),
        also=tuple(name for name in also if name),
    )


def _text(elements: list[dict[str, Any]]) -> str:
    """All values as they stand, for spaces are elements too; without punctuation the format leaves them out."""
    pieces: list[str] = []
    was_word = False
    for item in elements:
        is_word = item.get("type") != "punct"
        if was_word and is_word and words(item.get("value")):
            pieces.append(" ")
        pieces.append(words(item.get("value")))
        was_word = is_word
    return "".join(pieces)


def _time(item: dict[str, Any], number: str, clock: str) -> float | None:
    if (time := seconds_of(item.get(number))) is not None:
        return time
    try:
        return seconds(item.get(clock)) if isinstance(item.get(clock), str) else None
    except ValueError:
        return None


REVAI = DocumentFormat(
    Format(
        name="revai",
        title="Rev.ai",
        family="asr",
        roles="none; declare its speakers with --role 0=agent",
        times="seconds",
        example="cxsentiment score calls/ --role 0=agent --role 1=customer --out run",
    ),
    _is_transcript,
    _read,
)
