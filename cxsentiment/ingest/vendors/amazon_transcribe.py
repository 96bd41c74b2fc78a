"""Amazon Transcribe: plain jobs, Call Analytics jobs, and what AWS post-call analytics (PCA) makes of both."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.vendors.amazon_connect import MILLISECONDS, ROLES
from cxsentiment.ingest.vendors.speech import Word, facts, name, other_names, started, turn_of, turns_of_channels
from cxsentiment.schema import Speaker


def _is_transcribe(document: object) -> bool:
    results = at(document, "results")
    if not isinstance(at(results, "items"), list):
        return False
    return isinstance(at(results, "transcripts"), list) or any(
        item.get("type") in ("pronunciation", "punctuation") for item in objects(results, "items")
    )


def _read_transcribe(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    results = document["results"]
    joiner = _joiner(results)
    if objects(results, "speaker_labels", "segments"):
        entries = _of_segments(results, joiner)
    elif channels := objects(results, "channel_labels", "channels"):
        entries = turns_of_channels((_of_channel(channel) for channel in channels), joiner)
    else:
        entries = _unlabelled(results, joiner)
    yield Contact(
        entries,
        id=name(at(document, "jobName")),
        channel="call",
        attrs=facts(language=at(results, "language_code")),
    )


def _joiner(results: object) -> str:
    """What stands between words: nothing where the whole text of several words has no space (Japanese, Chinese)."""
    whole = words(at(results, "transcripts", 0, "transcript")).strip()
    spoken = sum(item.get("type") == "pronunciation" for item in objects(results, "items"))
    return "" if whole and spoken > 1 and " " not in whole else " "


def _words(items: Sequence[Mapping[str, Any]]) -> list[Word]:
    """Items as words; punctuation, which has no time, is glued to the word before it."""
    found: list[Word] = []
    for item in items:
        text = words(at(item, "alternatives", 0, "content"))
        if item.get("type") == "punctuation" and found:
            found[-1].text += text
            continue
        label = name(item.get("speaker_label"))
        found.append(
            Word(text, seconds_of(item.get("start_time")), seconds_of(item.get("end_time")), label, other_names(label))
        )
    return found


def _of_channel(channel: Mapping[str, Any]) -> list[Word]:
    """The words of a channel, all under its label, which older outputs do not repeat with each word."""
    found = _words(objects(channel, "items"))
    label = name(channel.get("channel_label"))
    for word in found:
        word.label, word.also = label, other_names(label)
    return found


@dataclass(slots=True)
class _Segment:
    """A stretch of one speaker, and the words that fall to it."""

    label: str | None
    start: float | None
    end: float | None
    words: list[Word] = field(default_factory=list)

    def holds(self, time: float | None) -> bool:
        return None not in (time, self.start, self.end) and self.start <= time < self.end  # type: ignore[operator]


def _of_segments(results: object, joiner: str) -> list[Entry]:
    """One turn a segment. Words find their segment by their times; a segment may have none, and then no text."""
    segments: list[_Segment] = []
    by_times: dict[tuple[float | None, ...], _Segment] = {}
    for raw in objects(results, "speaker_labels", "segments"):
        segment = _Segment(name(raw.get("speaker_label")), *_times(raw))
        segments.append(segment)
        by_times |= {_times(item): segment for item in objects(raw, "items")}
    timed = sorted((s for s in segments if s.start is not None), key=lambda segment: segment.start or 0.0)
    starts = [segment.start or 0.0 for segment in timed]
    last: _Segment | None = None
    for word in _words(objects(results, "items")):
        found = by_times.get((word.start, word.end)) if word.start is not None else None
        if found is None and word.start is not None and (place := bisect_right(starts, word.start)):
            found = timed[place - 1] if timed[place - 1].holds(word.start) else None
        if found is None:  # a word of no segment: it stays beside its neighbour of the same speaker
            own = _Segment(word.label, word.start, word.end)
            found = last if last is not None and last.label == word.label else own
            if found is own:
                segments.append(own)
        found.words.append(word)
        last = found
    return [_entry(segment, joiner) for segment in segments]


def _entry(segment: _Segment, joiner: str) -> Entry:
    turn = turn_of(segment.words, joiner)
    turn.label, turn.also = segment.label, other_names(segment.label)
    turn.start = segment.start if segment.start is not None else turn.start
    turn.end = segment.end if segment.end is not None else turn.end
    return turn


def _times(item: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return seconds_of(item.get("start_time")), seconds_of(item.get("end_time"))


def _unlabelled(results: object, joiner: str) -> list[Entry]:
    """The segments of audio of newer outputs; older ones have nothing but words, which are one turn."""
    if segments := objects(results, "audio_segments"):
        return [Entry(words(segment.get("transcript")), None, *_times(segment)) for segment in segments]
    spoken = _words(objects(results, "items"))
    return [turn_of(spoken, joiner)] if spoken else []


def _is_call_analytics(document: object) -> bool:
    turns = objects(document, "Transcript")
    if not turns:
        return isinstance(at(document, "Transcript"), list) and at(document, "JobName") is not None
    return any("ParticipantRole" in turn and "BeginOffsetMillis" in turn for turn in turns) and not any(
        "ParticipantId" in turn for turn in turns
    )


def _read_call_analytics(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    entries = []
    for turn in objects(document, "Transcript"):
        label = name(turn.get("ParticipantRole"))
        entries.append(
            Entry(
                words(turn.get("Content")),
                label,
                seconds_of(turn.get("BeginOffsetMillis"), MILLISECONDS),
                seconds_of(turn.get("EndOffsetMillis"), MILLISECONDS),
                role=ROLES.get(label or ""),
            )
        )
    yield Contact(
        entries,
        id=name(at(document, "JobName")),
        channel="call",
        attrs=facts(language=at(document, "LanguageCode"), output=at(document, "ContentMetadata", "Output")),
    )


def _is_pca(document: object) -> bool:
    return isinstance(at(document, "ConversationAnalytics"), dict) and isinstance(at(document, "SpeechSegments"), list)


def _read_pca(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    about = document["ConversationAnalytics"]
    shown = {words(label.get("Speaker")): words(label.get("DisplayText")) for label in objects(about, "SpeakerLabels")}
    listed = at(about, "Agents")
    agents = {words(agent) for agent in listed} - {""} if isinstance(listed, list) else set()
    customer = name(about.get("Cust"))
    entries = []
    for segment in objects(document, "SpeechSegments"):
        speaker = words(segment.get("SegmentSpeaker"))
        label = shown.get(speaker) or speaker or None
        role = _pca_role(segment, label, agents, customer)
        entries.append(
            Entry(
                words(segment.get("DisplayText")) or words(segment.get("OriginalText")),
                label,
                seconds_of(segment.get("SegmentStartTime")),
                seconds_of(segment.get("SegmentEndTime")),
                role=role,
                also=tuple(other for other in (speaker, *other_names(speaker)) if other and other != label),
                agent_id=label if role == "agent" else None,
            )
        )
    several = any(entry.agent_id is not None for entry in entries)
    yield Contact(
        entries,
        id=name(about.get("GUID")) or name(_job(about).get("TranscriptionJobName")),
        channel="call",
        # With several agents this is the one who talked most; the turns then say who said what.
        agent_id=None if several else name(about.get("Agent")),
        customer_id=customer,
        # A call whose time PCA could not find in its file name gets that of its processing.
        started_at=started(about.get("ConversationTime")) if not _unknown_time(about) else None,
        attrs=facts(language=about.get("LanguageCode"), location=about.get("ConversationLocation")),
    )


def _unknown_time(about: Mapping[str, Any]) -> bool:
    return about.get("ConversationTime") == about.get("ProcessTime")


def _pca_role(
    segment: Mapping[str, Any], label: str | None, agents: Collection[str], customer: str | None
) -> Speaker | None:
    """By the marks of a telephony system: an IVR, a name among the agents, the customer's name."""
    if segment.get("IVRSegment") is True:
        return "system"
    if label is None:
        return None
    return "agent" if label in agents else "customer" if label == customer else None


def _job(about: Mapping[str, Any]) -> dict[str, Any]:
    """What PCA says of the job of Transcribe, in a list of sources."""
    jobs = (at(source, "TranscribeJobInfo") for source in objects(about, "SourceInformation"))
    return next((job for job in jobs if isinstance(job, dict)), {})


TRANSCRIBE = DocumentFormat(
    Format(
        name="amazon-transcribe",
        title="Amazon Transcribe",
        family="amazon",
        roles="--role spk_0=agent, or --role ch_0=agent",
        times="seconds as text",
        example="cxsentiment score jobs/ --role spk_0=agent --role spk_1=customer --out run",
    ),
    _is_transcribe,
    _read_transcribe,
)
CALL_ANALYTICS = DocumentFormat(
    Format(
        name="amazon-transcribe-call-analytics",
        title="Amazon Transcribe Call Analytics",
        family="amazon",
        roles="Transcript[].ParticipantRole",
        times="milliseconds",
        example="cxsentiment score analytics/ --out run",
    ),
    _is_call_analytics,
    _read_call_analytics,
)
PCA = DocumentFormat(
    Format(
        name="amazon-post-call-analytics",
        title="AWS post-call analytics (PCA)",
        family="amazon",
        roles="ConversationAnalytics.SpeakerLabels[].DisplayText",
        times="seconds",
        example="cxsentiment score parsedFiles/ --out run",
    ),
    _is_pca,
    _read_pca,
)
