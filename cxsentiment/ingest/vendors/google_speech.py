"""Google Speech-to-Text, v1 to v2: REST and client output, operations, and batches of several files."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.vendors.speech import Word, facts, name, turns_of, voice

_NANOSECONDS = 1e9
# How many first words tell that the last result repeats all others, where words have no times.
_COMPARED = 5


def _is_speech(document: object) -> bool:
    return any(_is_results(results) for results, _ in _transcripts(document))


def _is_results(results: object) -> bool:
    """Whether a list of results is Google's. Watson's, which is alike, has "final" and "timestamps"."""
    listed = objects(results)
    alternatives = [alternative for result in listed for alternative in objects(result, "alternatives")]
    if any("final" in result for result in listed) or any("timestamps" in found for found in alternatives):
        return False
    return any(isinstance(found.get("transcript"), str) or _timed_words(found) for found in alternatives)


def _timed_words(alternative: Mapping[str, Any]) -> bool:
    return any("word" in word and _has_time(word) for word in objects(alternative, "words"))


def _has_time(word: Mapping[str, Any]) -> bool:
    return any(
        key in word for key in ("startTime", "startOffset", "start_time", "start_offset", "endTime", "endOffset")
    )


def _transcripts(document: object) -> list[tuple[object, str | None]]:
    """Each list of results with the address of its audio: one of a response, several of a batch of v2."""
    response = at(document, "response")
    top = response if isinstance(response, dict) else document
    results = at(top, "results")
    if isinstance(results, dict):
        found = []
        for uri, file in results.items():
            inline = at(file, "inlineResult", "transcript", "results") or at(
                file, "inline_result", "transcript", "results"
            )
            found.append((inline or at(file, "transcript", "results"), uri))
        return found
    return [(results, None)]


def _read_speech(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    for results, uri in _transcripts(document):
        if uri is not None and not isinstance(results, list):
            what = f'holds no transcript of "{PurePosixPath(uri).name}"'
            yield InputError(
                "no_turns", origin.where, what, do="Look for its error in the file, and transcribe it again"
            )
            continue
        listed = objects(results)
        final = [result for result in listed if _either(result, "isFinal", "is_final") is not False]
        skipped = Counter({"interim result": len(listed) - len(final)}) if len(final) < len(listed) else Counter()
        yield Contact(
            _entries(final),
            id=PurePosixPath(uri).stem or None if uri is not None else None,
            channel="call",
            attrs=facts(language=next((code for code in map(_language, final) if code), None)),
            skipped=skipped,
        )


def _language(result: Mapping[str, Any]) -> str:
    return words(_either(result, "languageCode", "language_code"))


def _entries(results: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Turns of all channels, each channel by itself."""
    channels: dict[str | None, list[Mapping[str, Any]]] = {}
    for result in results:
        channels.setdefault(_channel(result), []).append(result)
    if any(_tagged(word) for result in results for word in _raw_words(result)):
        return [entry for channel, own in channels.items() for entry in _diarized(own, channel)]
    return [_whole(result, opens=place == 0) for place, result in enumerate(results)]


def _diarized(results: Sequence[Mapping[str, Any]], channel: str | None) -> list[Entry]:
    """Words grouped by speaker. In v1 the last result repeats the words of all, tagged; in v2 each has its own."""
    spoken = [_words(result, channel, opens=place == 0) for place, result in enumerate(results)]
    return turns_of(spoken[-1] if _repeats(results, spoken) else [word for own in spoken for word in own])


def _repeats(results: Sequence[Mapping[str, Any]], spoken: Sequence[Sequence[Word]]) -> bool:
    """Whether the last of several results repeats the words of those before it."""
    earlier = next((own for own in spoken[:-1] if own), None)
    if earlier is None or not any(_tagged(word) for word in _raw_words(results[-1])):
        return False
    if not any(_tagged(word) for result in results[:-1] for word in _raw_words(result)):
        return True
    first, last = earlier[0].start, spoken[-1][0].start
    if first is not None and last is not None:
        return last <= first
    return [word.text.casefold() for word in earlier[:_COMPARED]] == [
        word.text.casefold() for word in spoken[-1][: min(_COMPARED, len(earlier))]
    ]


def _whole(result: Mapping[str, Any], *, opens: bool) -> Entry:
    """A result without speakers: its text, and its times from its words."""
    spoken = _words(result, None, opens=opens)
    label, also = voice(None, _channel(result))
    starts = [word.start for word in spoken if word.start is not None]
    ends = [word.end for word in spoken if word.end is not None]
    end = ends[-1] if ends else _seconds(_either(result, "resultEndTime", "resultEndOffset", "result_end_time"))
    text = words(at(result, "alternatives", 0, "transcript"))
    return Entry(text or " ".join(word.text for word in spoken), label, starts[0] if starts else None, end, also=also)


def _words(result: Mapping[str, Any], channel: str | None, *, opens: bool) -> list[Word]:
    """The words of a result; `opens` where it is the first, whose first word may leave its start out: that is 0."""
    found: list[Word] = []
    for raw in _raw_words(result):
        label, also = voice(_tag(raw), channel)
        start = _seconds(_either(raw, "startTime", "startOffset", "start_time", "start_offset"))
        end = _seconds(_either(raw, "endTime", "endOffset", "end_time", "end_offset"))
        if opens and not found and start is None and end is not None:
            start = 0.0
        found.append(Word(words(raw.get("word")), start, end, label, also))
    return found


def _raw_words(result: object) -> list[dict[str, Any]]:
    return objects(result, "alternatives", 0, "words")


def _tag(word: Mapping[str, Any]) -> str | None:
    """The number of the speaker; 0 is v1's way to say that there is none."""
    tag = name(_either(word, "speakerTag", "speakerLabel", "speaker_tag", "speaker_label"))
    return None if tag == "0" else tag


def _tagged(word: Mapping[str, Any]) -> bool:
    return _tag(word) is not None


def _channel(result: Mapping[str, Any]) -> str | None:
    """The number of the channel, from 1; 0 says that there is one only."""
    channel = name(_either(result, "channelTag", "channel_tag"))
    return None if channel == "0" else channel


def _either(item: Mapping[str, Any], *keys: str) -> object:
    """The first of the keys that is there: REST writes startTime, Python's client start_time, v2 startOffset."""
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _seconds(value: object) -> float | None:
    """A duration: {"seconds": "12", "nanos": 900000000}, each of which may be absent, or "12.900s"."""
    if isinstance(value, dict):
        whole, rest = seconds_of(value.get("seconds", 0)), seconds_of(value.get("nanos", 0), _NANOSECONDS)
        return None if whole is None or rest is None else round(whole + rest, 6)
    return seconds_of(value.removesuffix("s") if isinstance(value, str) else value)


SPEECH = DocumentFormat(
    Format(
        name="google-speech",
        title="Google Speech-to-Text",
        family="google",
        roles="--role speaker:1=agent, or --role channel:1=agent",
        times="durations",
        example="cxsentiment score stt/ --role speaker:1=agent --role speaker:2=customer --out run",
    ),
    _is_speech,
    _read_speech,
)
