"""Deepgram: the JSON of a recording, with utterances or with words only; also what its hosted Whisper writes."""

from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import Voices, Word, by_time, named, recording, turns_of
from cxsentiment.ingest.times import seconds_of


def _is_recording(document: object) -> bool:
    channels = at(document, "results", "channels")
    return isinstance(channels, list) and any(
        isinstance(channel.get("alternatives"), list) for channel in objects(document, "results", "channels")
    )


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    utterances = objects(document, "results", "utterances")
    said = any(words(utterance.get("transcript")).strip() for utterance in utterances)
    yield recording(
        _from_utterances(utterances) if said else _from_channels(document),
        id=at(document, "metadata", "request_id"),
        language=at(document, "results", "channels", 0, "detected_language")
        or at(document, "results", "channels", 0, "alternatives", 0, "languages", 0),
        duration_s=seconds_of(at(document, "metadata", "duration")),
    )


def _from_utterances(utterances: list[dict[str, Any]]) -> list[Entry]:
    who = [(named(item.get("channel")), named(item.get("speaker"))) for item in utterances]
    voices = Voices(who)
    entries = []
    for item, (channel, speaker) in zip(utterances, who, strict=True):
        label, also = voices.name(channel, speaker)
        times = seconds_of(item.get("start")), seconds_of(item.get("end"))
        entries.append(Entry(words(item.get("transcript")), label, *times, also=also))
    return entries


def _from_channels(document: Any) -> list[Entry]:
    """The words of each channel as turns, else its paragraphs, else its whole text; all channels in order of time."""
    channels = [at(channel, "alternatives", 0) for channel in objects(document, "results", "channels")]
    voices = Voices(
        (str(number), named(item.get("speaker")))
        for number, best in enumerate(channels)
        for item in (*objects(best, "words"), *objects(best, "paragraphs", "paragraphs"), {})
    )
    entries: list[Entry] = []
    for number, best in enumerate(channels):
        channel = str(number)
        found = (
            turns_of(_word(item, channel, voices) for item in objects(best, "words"))
            or [_paragraph(item, channel, voices) for item in objects(best, "paragraphs", "paragraphs")]
            or [_whole(words(at(best, "transcript")), channel, voices)]
        )
        entries += [entry for entry in found if entry.text]
    return by_time(entries)


def _word(item: dict[str, Any], channel: str, voices: Voices) -> Word:
    text = words(item.get("punctuated_word")) or words(item.get("word"))
    label, also = voices.name(channel, named(item.get("speaker")))
    return Word(text, seconds_of(item.get("start")), seconds_of(item.get("end")), label, also)


def _paragraph(item: dict[str, Any], channel: str, voices: Voices) -> Entry:
    label, also = voices.name(channel, named(item.get("speaker")))
    text = " ".join(words(sentence.get("text")) for sentence in objects(item, "sentences"))
    return Entry(text, label, seconds_of(item.get("start")), seconds_of(item.get("end")), also=also)


def _whole(text: str, channel: str, voices: Voices) -> Entry:
    label, also = voices.name(channel, None)
    return Entry(text, label, also=also)


DEEPGRAM = DocumentFormat(
    Format(
        name="deepgram",
        title="Deepgram",
        family="asr",
        roles="none; declare its speakers with --role 0=agent, its channels with --role channel:0=agent",
        times="seconds",
        example="cxsentiment score calls/ --role channel:0=agent --role channel:1=customer --out run",
    ),
    _is_recording,
    _read,
)
