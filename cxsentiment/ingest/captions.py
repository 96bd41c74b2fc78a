"""WebVTT and SubRip captions: whose words a cue holds, and cues → turns. One file is one contact.

A speaker is named in one of these ways:
- a voice tag, `<v Name>` (Teams), or a name in quotes behind the cue's number (Webex); other text is of an unknown
  speaker;
- `Name:` at the start of a line (Zoom), under the rules of plain text (plain.py), but that one time is enough where
  nearly every cue starts so; or `[Name]:` (WhisperX);
- a line of its own with the name in round brackets, for names that stand so at least twice.
Names of the last two kinds hold until the next one. A line that starts with a dash or with ">>" is another speaker's,
unknown unless it goes on with a name.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, settle
from cxsentiment.ingest.cues import NO_TIME, TIMING, Captions, Cue, read_srt, read_webvtt
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.moments import PAST_MIDNIGHT, passes_midnight
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.plain import MAX_WORDS, NOT_SPEAKERS, find_speakers, start_of_turn
from cxsentiment.ingest.rolling import without_repeats
from cxsentiment.ingest.sources import Advance, Source, content_name, source_name
from cxsentiment.ingest.values import MadeId, contact_id, shown
from cxsentiment.schema import Reject, Transcript

WEBVTT = "webvtt"
SRT = "srt"
_FIRST_LINES = 40
# Where this share of the cues starts with a name, and one of the names comes again, every such start is one.
_NAMED_SHARE = 0.9
_MIN_NAMED = 4
_SHOWN = 5

# Tags that WebVTT and SubRip know, and word stamps; "<unk>" and "<name>" are marks of what was said, and stay.
_TAG = re.compile(r"</?(?:v|c|b|i|u|s|ruby|rt|lang|font)(?:[.\s][^<>]*)?/?>|<[0-9:.,]+>|\{\\an?[0-9]\}", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?(?:\s+([^<>]*))?>|(</v\s*>)", re.IGNORECASE)
_DASH = re.compile(r"\s*(?:[-–‐]+(?:\s+|$)|>{2,}\s*)")
_BRACKETED = re.compile(r"\s*\[([^\[\]]{1,60})\]\s*:\s*(.*)")
_ROUND = re.compile(r"\s*\(([^()]{1,60})\)\s*:?\s*")
# Only whole entities: "R&Notes" has none, though "&not" alone would be one in HTML.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][0-9A-Za-z]{1,30});")
_QUOTED_ID = re.compile(r'[0-9]+\s+"([^"]{1,60})"(?:\s+\([^()]*\))?')
# Teams splits one utterance over cues whose ids differ after the last hyphen: GUID/12-0, GUID/12-1.
_PART = re.compile(r"(.+/[0-9]+)-([0-9]{1,6})")
# What stands alone in round brackets and is a sound.
_SOUNDS = frozenset(
    "applause background beep breathing chuckles coughing coughs crosstalk crying foreign inaudible indistinct "
    "laughing laughs laughter music noise pause phone ringing sighs silence sniffs speaking unintelligible".split()
)


@dataclass(slots=True)
class _Segment:
    """What one speaker says in a cue; `carried` tells that the cue does not say whose words these are."""

    label: str | None
    lines: list[str] = field(default_factory=list)
    carried: bool = False

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.lines).split())


def detect_format(text: str, suffix: str) -> str | None:
    """The format of a text that starts as captions: "webvtt", "srt" or None."""
    start = text.lstrip("\ufeff")
    if re.match(r"WEBVTT(?:\s|$)", start):
        return WEBVTT
    lines = [line for line in start.replace("\r", "\n").split("\n") if line.strip()][:_FIRST_LINES]
    timings = [match for line in lines if (match := TIMING.fullmatch(line))]
    if suffix == ".vtt" and any("-->" in line for line in lines):
        return WEBVTT
    if suffix == ".srt" and any("-->" in line for line in lines):
        return SRT
    if not timings:
        return None
    return SRT if "," in timings[0][1] else WEBVTT


def read_webvtt_file(source: Source, options: ReadOptions, advance: Advance) -> Iterator[Transcript | Reject]:
    """Yield the one contact of a WebVTT file, with the cues that are damaged.

    Raises:
        InputError: `empty` where there is no cue, or as `read_text`.
    """
    return _read(source, options, read_webvtt, WEBVTT)


def read_srt_file(source: Source, options: ReadOptions, advance: Advance) -> Iterator[Transcript | Reject]:
    """Yield the one contact of a SubRip file, as `read_webvtt_file`."""
    return _read(source, options, read_srt, SRT)


def _read(
    source: Source, options: ReadOptions, read: Callable[[str], Captions], name: str
) -> Iterator[Transcript | Reject]:
    where = source_name(source)
    text, warning = read_text(source)
    captions = read(text)
    if all(cue.problem == NO_TIME for cue in captions.cues):
        raise InputError("empty", where, "holds no contact: there are captions without a cue", do="Export it again")
    contact = Contact([], attrs={"language": captions.language} if captions.language else {})
    if warning:
        contact.notes.add(warning)
    if captions.headless:
        contact.notes.add("the first line is not WEBVTT; it was read as WebVTT all the same")
    rolled = without_repeats(captions.cues, _plain)
    if rolled.lines:
        lines = "1 line" if rolled.lines == 1 else f"{rolled.lines} lines"
        contact.notes.add(f"rolling captions: {lines} shown again from the cue before were left out")
    if rolled.shown_again:
        contact.skipped["caption shown again"] = rolled.shown_again
    contact.entries, unread = entries_of(rolled.cues, options)
    _leave_out_times(contact, _doubt_of_times(captions))
    bad = [cue for cue in captions.cues if cue.problem]
    for problem, numbers in _by_problem(bad).items():
        contact.notes.add(f"{numbers} {problem}; the text is kept as a turn without a time")
    if unread:
        starts = ", ".join(f'"{shown(label)}:"' for label in unread[:_SHOWN])
        contact.notes.add(f"lines that start with {starts} were read as part of the turn; a speaker needs --role")
    made = contact_id(Path(content_name(source)).stem) or Path(content_name(source)).stem
    for cue in bad:
        message = f"{where}: cue {cue.number} {cue.problem}; its text is kept as a turn without a time"
        contact.refused.append(Reject(where, cue.number, made, "bad_cue", message, "time"))
    yield settle(contact, MadeId(made), options, source=where, record=1, format_name=name)


def _leave_out_times(contact: Contact, doubt: str | None) -> None:
    if doubt is not None:
        contact.notes.add(doubt)
        for entry in contact.entries:
            entry.start = entry.end = None


def _doubt_of_times(captions: Captions) -> str | None:
    """Why turns sorted by these times would stand in another order than they were said in, if they would."""
    if passes_midnight([cue.start for cue in captions.cues if cue.start is not None]):
        return PAST_MIDNIGHT
    for place in captions.joined:
        before, start = (
            captions.cues[place - 1].start,
            captions.cues[place].start if place < len(captions.cues) else None,
        )
        if before is not None and start is not None and start < before:
            return (
                f"two captions files were put together and the times start again at cue {place + 1}; they were not used"
            )
    return None


def _by_problem(cues: Iterable[Cue]) -> dict[str, str]:
    """Problem → "cue 5", "cues 2, 7 and 3 more"."""
    numbers: dict[str, list[int]] = {}
    for cue in cues:
        numbers.setdefault(cue.problem or "", []).append(cue.number)
    return {
        problem: f"cue{'s' if len(found) > 1 else ''} {', '.join(map(str, found[:_SHOWN]))}"
        + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        for problem, found in numbers.items()
    }


def entries_of(cues: Sequence[Cue], options: ReadOptions) -> tuple[list[Entry], list[str]]:
    """The turns of all cues, and the words before a colon that might have been speakers."""
    if any(_QUOTED_ID.fullmatch(cue.id or "") or any(map(_VOICE.search, cue.lines)) for cue in cues):
        return list(_joined(cues, [_voices(cue) for cue in cues])), []
    texts = [[_plain(line) for line in cue.lines] for cue in cues]
    names = _Names.find(texts, options)
    return list(_joined(cues, [names.segments(lines) for lines in texts])), names.unread()


def _joined(cues: Sequence[Cue], segments: Iterable[Sequence[_Segment]]) -> Iterator[Entry]:
    """An entry for each segment; the parts of one utterance are joined."""
    last: Entry | None = None
    group: str | None = None
    for cue, parts in zip(cues, segments, strict=True):
        match = _PART.fullmatch(cue.id or "")
        goes_on = match is not None and match[1] == group and len(parts) == 1 and cue.problem is None
        group = match[1] if match and len(parts) == 1 else None
        if goes_on and last is not None and last.label == parts[0].label:
            last.text = f"{last.text} {parts[0].text}".strip()
            last.end = cue.end
            continue
        for part in parts:
            last = Entry(part.text, part.label, cue.start, cue.end)
            yield last


def _plain(line: str) -> str:
    return _unescaped(_TAG.sub("", line))


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda match: html.unescape(match[0]), text)


def _voices(cue: Cue) -> list[_Segment]:
    """Voice by voice; what stands after the end of a voice is still of it, what stands before the first of nobody."""
    text = "\n".join(cue.lines)
    quoted = _QUOTED_ID.fullmatch(cue.id or "")
    segments = [_Segment(quoted[1].strip() if quoted else None)]
    at = 0
    for match in [*_VOICE.finditer(text), None]:
        segments[-1].lines.append(_plain(text[at : match.start() if match else len(text)]))
        if match is None:
            break
        at = match.end()
        if match[2] is None:
            label = " ".join(_unescaped(match[1] or "").split()) or None
            if label != segments[-1].label or not segments[-1].text:
                segments.append(_Segment(label))
    return _with_text(segments)


def _with_text(segments: Sequence[_Segment]) -> list[_Segment]:
    """The segments that have a text; where none has, the last one, so that the cue is counted."""
    return [segment for segment in segments if segment.text] or [segments[-1]]


@dataclass(slots=True)
class _Names:
    """The speakers of a file without voice tags: name as written → label; `current` speaks on until another does."""

    colon: Mapping[str, str]
    round: frozenset[str]
    current: str | None = None
    others: dict[str, None] = field(default_factory=dict)

    @classmethod
    def find(cls, texts: Sequence[Sequence[str]], options: ReadOptions) -> "_Names":
        lines = [_without_dash(line)[0] for cue in texts for line in cue]
        colon = {**_starts(texts), **find_speakers(lines, options)}
        return cls(colon, frozenset(_round_names(texts, options)))

    def segments(self, lines: Sequence[str]) -> list[_Segment]:
        segments = [_Segment(self.current)]
        for line in lines:
            rest, dash = _without_dash(line)
            label, text = self._named(rest)
            if label is not None:
                segments.append(_Segment(label, [text]))
            elif dash:
                segments.append(_Segment(None, [rest]))
            else:
                segments[-1].lines.append(rest)
        found = _with_text(segments)
        self.current = segments[-1].label
        return found

    def _named(self, line: str) -> tuple[str | None, str]:
        """The label that a line starts with, and the rest of the line."""
        if match := _BRACKETED.fullmatch(line):
            return match[1].strip(), match[2]
        if (match := _ROUND.fullmatch(line)) and match[1].strip() in self.round:
            return match[1].strip(), ""
        match = start_of_turn(line)
        if match is None:
            return None, line
        if (label := self.colon.get(match["label"])) is not None:
            return label, match["text"]
        if match["tight"] is None:
            self.others[match["label"]] = None
        return None, line

    def unread(self) -> list[str]:
        """Words before a colon that were taken for text, in a file that names speakers so."""
        return list(self.others) if self.colon else []


def _without_dash(line: str) -> tuple[str, bool]:
    """The line without the mark of another speaker at its start, and whether it had one."""
    dash = _DASH.match(line)
    return (line[dash.end() :], True) if dash else (line, False)


def _starts(texts: Iterable[Sequence[str]]) -> dict[str, str]:
    """The words before a colon with which nearly all cues start; none where fewer do."""
    firsts = [first for lines in texts if (first := next((line for line in lines if line.strip()), None)) is not None]
    matches = filter(None, map(start_of_turn, firsts))
    found = [match for match in matches if match["tight"] is None and match["text"].strip()]
    labels = [match["label"] for match in found if _is_short(match["label"])]
    named = len(labels) >= max(_MIN_NAMED, _NAMED_SHARE * len(firsts)) and len(set(labels)) < len(labels)
    return {label: label for label in labels} if named else {}


def _is_short(label: str) -> bool:
    words = label.split()
    return len(words) <= MAX_WORDS and not any(word.casefold().strip(".") in NOT_SPEAKERS for word in words)


def _round_names(texts: Iterable[Sequence[str]], options: ReadOptions) -> Iterator[str]:
    """What stands in round brackets on a line of its own, at least twice or as a known speaker, always before text."""
    counts: Counter[str] = Counter()
    alone: set[str] = set()
    for lines in texts:
        for at, line in enumerate(lines):
            if match := _ROUND.fullmatch(line):
                name = match[1].strip()
                counts[name] += 1
                if not any(rest.strip() for rest in lines[at + 1 : at + 2]):
                    alone.add(name)
    for name, count in counts.items():
        sound = any(word.strip(".,").casefold() in _SOUNDS for word in name.split())
        known = options.speaker(name) is not None
        if known or (count > 1 and name not in alone and not sound and name[:1].isupper()):
            yield name
