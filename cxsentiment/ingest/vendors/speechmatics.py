"""Speechmatics: JSON 2.x (results), and the old 1.0 (words, with a list of who spoke when)."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import Timeline, Voices, Word, by_time, named, recording, turns_of
from cxsentiment.ingest.times import seconds_of

# An empty word_delimiter is believed for these languages only: files in English have it too.
_WITHOUT_SPACES = ("cmn", "yue", "zh", "ja", "th", "lo", "km", "my")
_NOBODY = "UU"
_MARKS = frozenset(".,?!;:。、，？！")


def _is_results(document: object) -> bool:
    found = at(document, "results")
    if not isinstance(found, list) or not isinstance(at(document, "metadata"), dict):
        return False
    return words(at(document, "format")).startswith("2.") and all(
        isinstance(at(item, "type"), str) and "start_time" in item for item in found
    )


def _read_results(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    language = _language(document)
    items = objects(document, "results")
    voices = Voices(map(_who, items))
    delimiter = at(document, "metadata", "language_pack_info", "word_delimiter")
    if not isinstance(delimiter, str) or (not delimiter and not language.startswith(_WITHOUT_SPACES)):
        delimiter = " "
    channels: dict[str | None, list[dict[str, Any]]] = {}
    for item in items:
        channels.setdefault(_who(item)[0], []).append(item)
    turns = [turn for stream in channels.values() for turn in turns_of(_stream(stream, voices, delimiter))]
    yield recording(
        by_time(turns),
        id=at(document, "job", "id"),
        language=language,
        duration_s=seconds_of(at(document, "job", "duration")),
    )


def _language(document: Any) -> str:
    best = objects(document, "results", 0, "alternatives")
    return words(at(document, "metadata", "transcription_config", "language")) or words(at(best, 0, "language"))


def _who(item: dict[str, Any]) -> tuple[str | None, str | None]:
    speaker = named(at(item, "alternatives", 0, "speaker"))
    return named(item.get("channel")), None if speaker == _NOBODY else speaker


def _stream(items: list[dict[str, Any]], voices: Voices, delimiter: str) -> Iterator[Word]:
    glued = opens = False
    for item in items:
        if item.get("type") == "speaker_change":
            opens = True
            continue
        mark = item.get("type") == "punctuation"
        ties = words(item.get("attaches_to")) or ("previous" if mark else "none")
        label, also = voices.name(*_who(item))
        tied = ties in ("previous", "both")
        yield Word(
            words(at(item, "alternatives", 0, "content")),
            seconds_of(item.get("start_time")),
            seconds_of(item.get("end_time")),
            label,
            also if label else (*also, _NOBODY),
            before="" if tied or glued else delimiter,
            tied=tied,
            opens=opens,
        )
        glued, opens = ties in ("next", "both"), False


def _is_legacy(document: object) -> bool:
    return (
        words(at(document, "format")).startswith("1.")
        and isinstance(at(document, "job"), dict)
        and isinstance(at(document, "words"), list)
    )


def _read_legacy(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    stretches = []
    for item in objects(document, "speakers"):
        start, end = _legacy_times(item)
        name = named(item.get("name"))
        if start is not None and end is not None and name not in (None, _NOBODY):
            stretches.append((start, end, name or ""))
    timeline = Timeline(stretches)
    spoken = []
    label = None
    for item in objects(document, "words"):
        text = words(item.get("name"))
        start, end = _legacy_times(item)
        mark = text in _MARKS
        label = label if mark else timeline.speaker(start, end, label)
        spoken.append(Word(text, start, end, label, before="" if mark else " ", tied=mark))
    entries: list[Entry] = turns_of(spoken)
    yield recording(
        entries,
        id=at(document, "job", "id"),
        language=at(document, "job", "lang"),
        duration_s=seconds_of(at(document, "job", "duration")),
    )


def _legacy_times(item: dict[str, Any]) -> tuple[float | None, float | None]:
    start, duration = seconds_of(item.get("time")), seconds_of(item.get("duration"))
    return start, None if start is None or duration is None else round(start + duration, 6)


SPEECHMATICS = DocumentFormat(
    Format(
        name="speechmatics",
        title="Speechmatics",
        family="asr",
        roles="none; declare its speakers with --role S1=agent, its channels by their names",
        times="seconds",
        example="cxsentiment score calls/ --role S1=agent --role S2=customer --out run",
    ),
    _is_results,
    _read_results,
)
SPEECHMATICS_LEGACY = DocumentFormat(
    Format(
        name="speechmatics-legacy",
        title="Speechmatics 1.0",
        family="asr",
        roles="none; declare its speakers with --role M1=agent",
        times="seconds as text, with durations",
        example="cxsentiment score calls/ --role M1=agent --role F1=customer --out run",
    ),
    _is_legacy,
    _read_legacy,
)
