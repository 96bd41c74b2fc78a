"""Microsoft Azure AI Speech: results of batch transcription, fast transcription and real-time recognition."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of, seconds_of_duration
from cxsentiment.ingest.vendors.speech import facts, name, voice

TICKS = 1e7
_MILLISECONDS = 1000
_UNITS = (("inticks", TICKS), ("ticks", TICKS), ("milliseconds", _MILLISECONDS))
# What was said, from the form for people to the form of the recogniser; each may be absent or empty.
_BATCH_TEXTS = ("display", "maskeditn", "itn", "lexical")
_LIVE_TEXTS = ("Display", "MaskedITN", "ITN", "Lexical")
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://[^/?#]*")


def _is_batch(document: object) -> bool:
    phrases = at(document, "recognizedPhrases") or at(document, "RecognizedPhrases")
    if phrases is None:
        return at(document, "recognizedPhrases") == [] and at(document, "combinedRecognizedPhrases") is not None
    return any("nbest" in phrase or "recognitionstatus" in phrase for phrase in map(_folded, objects(phrases)))


def _is_fast(document: object) -> bool:
    times = ("offsetMilliseconds", "offset") if at(document, "combinedPhrases") is not None else ("offsetMilliseconds",)
    return any("text" in phrase and any(time in phrase for time in times) for phrase in objects(document, "phrases"))


def _is_live(document: object) -> bool:
    return bool(_live_phrases(document))


def _live_phrases(document: object) -> list[dict[str, Any]]:
    """The results of a call: the document itself, or the one list that it holds, whatever its name."""
    candidates = list(document.values()) if isinstance(document, dict) else [document]
    lists = [found for found in candidates if isinstance(found, list) and found and all(map(_is_live_phrase, found))]
    return lists[0] if len(lists) == 1 else []


def _is_live_phrase(phrase: object) -> bool:
    return (
        isinstance(phrase, dict)
        and "Offset" in phrase
        and any(key in phrase for key in ("DisplayText", "NBest", "RecognitionStatus"))
    )


def _read_batch(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    phrases = [
        _folded(phrase) for key in ("recognizedPhrases", "RecognizedPhrases") for phrase in objects(document, key)
    ]
    entries = _entries(phrases, lambda phrase: first_text(_folded(at(phrase, "nbest", 0)), _BATCH_TEXTS))
    yield Contact(
        entries,
        id=_audio(document.get("source") or document.get("Source")),
        channel="call",
        attrs=facts(language=_locale(phrases)),
    )


def _read_fast(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    phrases = [_folded(phrase) for phrase in objects(document, "phrases")]
    entries = _entries(phrases, lambda phrase: words(phrase.get("text")))
    yield Contact(entries, channel="call", attrs=facts(language=_locale(phrases)))


def _read_live(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    entries = []
    for phrase in _live_phrases(document):
        speaker = name(phrase.get("SpeakerId"))
        nobody = speaker is not None and speaker.casefold() == "unknown"
        label, also = (None, ()) if nobody else voice(speaker, phrase.get("Channel"))
        start = seconds_of(phrase.get("Offset"), TICKS)
        text = first_text(at(phrase, "NBest", 0), _LIVE_TEXTS) or words(phrase.get("DisplayText"))
        entries.append(Entry(text, label, start, after(start, seconds_of(phrase.get("Duration"), TICKS)), also=also))
    yield Contact(entries, channel="call")


def _folded(item: object) -> dict[str, Any]:
    """An object with its keys in lower case: some tools write offsetInTicks as OffsetInTicks."""
    return {key.casefold(): value for key, value in item.items()} if isinstance(item, dict) else {}


def _entries(phrases: list[dict[str, Any]], text_of: Callable[[dict[str, Any]], str]) -> list[Entry]:
    """One turn a phrase (keys in lower case); the number of a speaker goes with its channel where there are several."""
    several = len({name(phrase.get("channel")) for phrase in phrases}) > 1
    entries = []
    for phrase in phrases:
        speaker, channel = name(phrase.get("speaker")), name(phrase.get("channel"))
        label, also = voice(speaker, channel)
        if several and speaker is not None and channel is not None:
            label, also = f"channel:{channel}/speaker:{speaker}", (f"channel:{channel}",)
        start = _time(phrase, "offset")
        entries.append(Entry(text_of(phrase), label, start, after(start, _time(phrase, "duration")), also=also))
    return entries


def _time(phrase: Mapping[str, Any], key: str) -> float | None:
    """A time under the first of its keys that is there; under the bare key ISO 8601, or milliseconds as a number."""
    for suffix, per_second in _UNITS:
        if (found := seconds_of(phrase.get(key + suffix), per_second)) is not None:
            return found
    bare = phrase.get(key)
    return seconds_of_duration(bare) if isinstance(bare, str) else seconds_of(bare, _MILLISECONDS)


def after(start: float | None, duration: float | None) -> float | None:
    """The end of what starts at `start`."""
    return None if start is None or duration is None else round(start + duration, 6)


def first_text(item: object, keys: Iterable[str]) -> str:
    """The first text under `keys` that is not empty."""
    texts = (words(at(item, key)) for key in keys)
    return next((text for text in texts if text.strip()), "")


def _audio(source: object) -> str | None:
    """The name of the audio without its ending, which is what tells one result from another; None without a path."""
    text = words(source)
    match = _ADDRESS.match(text)
    path = text[match.end() :] if match else text
    return PurePosixPath(unquote(re.split("[?#]", path, maxsplit=1)[0])).stem or None


def _locale(phrases: Iterable[Mapping[str, Any]]) -> str | None:
    return next((found for found in (words(phrase.get("locale")) for phrase in phrases) if found), None)


BATCH = DocumentFormat(
    Format(
        name="azure-speech-batch",
        title="Azure AI Speech, batch transcription",
        family="azure",
        roles="--role speaker:1=agent, or --role channel:0=agent",
        times="ISO 8601 durations and ticks",
        example="cxsentiment score results/ --role channel:0=agent --role channel:1=customer --out run",
    ),
    _is_batch,
    _read_batch,
)
FAST = DocumentFormat(
    Format(
        name="azure-speech-fast",
        title="Azure AI Speech, fast transcription",
        family="azure",
        roles="--role speaker:1=agent, or --role channel:0=agent",
        times="milliseconds",
        example="cxsentiment score results/ --role channel:0=agent --role channel:1=customer --out run",
    ),
    _is_fast,
    _read_fast,
)
LIVE = DocumentFormat(
    Format(
        name="azure-speech-live",
        title="Azure AI Speech, real-time results",
        family="azure",
        roles="--role speaker:Guest-1=agent",
        times="ticks of 100 ns",
        example="cxsentiment score results/ --role Guest-1=agent --role Guest-2=customer --out run",
    ),
    _is_live,
    _read_live,
)
