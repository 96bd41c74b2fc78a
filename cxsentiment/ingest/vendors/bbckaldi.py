"""BBC Kaldi: words, and segments that say who spoke when."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import Timeline, Word, named, recording, turns_of
from cxsentiment.ingest.times import seconds_of


def _result(document: object) -> Any:
    inner = at(document, "retval")
    return inner if isinstance(inner, dict) else document


def _is_transcript(document: object) -> bool:
    result = _result(document)
    return isinstance(at(result, "words"), list) and (
        isinstance(at(result, "segmentation", "segments"), list)
        or (isinstance(at(document, "retval"), dict) and ("wonid" in result or "punct" in result))
    )


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    result = _result(document)
    stretches = []
    for segment in objects(result, "segmentation", "segments"):
        start, duration = seconds_of(segment.get("start")), seconds_of(segment.get("duration"))
        speaker = named(at(segment, "speaker", "@id"))
        if start is not None and duration is not None and speaker is not None:
            stretches.append((start, start + duration, speaker))
    timeline = Timeline(stretches)
    spoken = []
    label = None
    for item in objects(result, "words"):
        start, end = seconds_of(item.get("start")), seconds_of(item.get("end"))
        label = timeline.speaker(start, end, label)
        spoken.append(Word(words(item.get("punct")) or words(item.get("word")), start, end, label))
    yield recording(turns_of(spoken), id=at(result, "wonid"))


BBC_KALDI = DocumentFormat(
    Format(
        name="bbc-kaldi",
        title="BBC Kaldi",
        family="asr",
        roles="none; declare its speakers with --role S0=agent",
        times="seconds; segments have durations",
        example="cxsentiment score calls/ --role S0=agent --role S1=customer --out run",
    ),
    _is_transcript,
    _read,
)
