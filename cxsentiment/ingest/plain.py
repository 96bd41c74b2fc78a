"""Plain text with a speaker before each turn: "Agent: …" / "Customer: …", one contact a file.

What counts as a speaker at the start of a line: a word before a colon that
- is one of our speakers, an exact synonym, or declared with --role, alone or with a note in brackets
  ("Customer (Mary):"); or
- is such a word followed by capitalised names ("AGENT JOHN SMITH:"): a speaker whose role has to be declared; or
- stands before a colon at least twice in the file (or once, where a time stands before it or nearly every line starts
  with a label), has at most four words, and starts with a capital or holds a digit ("Priya:", "spk_0:"), unless it is a
  word that notes and letters start with ("Note:", "Re:").
Every other line belongs to the turn before it. A time before the speaker ("[00:01:05] Agent:") is left out of the
text, and is the turn's start, counted from the first turn, where every turn has one with seconds and none goes back.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, source_name
from cxsentiment.ingest.values import seconds, shown
from cxsentiment.schema import Reject, Transcript

# No two runs of spaces stand side by side in it: a line of very many spaces would take for ever.
_TIME = (
    r"(?:[\[(]\s*)?(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,3})?)?(?:\s*[AaPp][Mm]\b)?)"
    r"(?:\s*[\])])?(?:\s*[-–])?\s*"
)
# `tight`: a digit follows the colon at once, as in "at 10:30".
_LINE = re.compile(
    rf"^\s*(?:{_TIME})?(?P<label>[^\W_][^:：\n]{{0,39}}?)\s*[:：](?!//)(?P<tight>(?=\d))?\s*(?P<text>.*)$", re.DOTALL
)
_HALF_DAY_S = 12 * 3600.0
_NEARLY_ALL = 0.9  # share of lines that start with a label
_ENOUGH_LINES = 4
_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]$")
MAX_WORDS = 4
# Words before a colon that are no people, however often they come.
NOT_SPEAKERS = frozenset(
    {
        *("attention", "date", "duration", "example", "fyi", "http", "https", "id", "important", "note", "notes"),
        *("p.s", "ps", "re", "reason", "ref", "reference", "regards", "remark", "result", "subject", "summary"),
        *("time", "tip", "total", "update", "url", "warning"),
    }
)
# "Agent ID: 7", "Customer Number: 12" name a fact, not a person.
_NOT_NAMES = frozenset(
    {
        *("account", "address", "email", "id", "info", "name", "no", "note", "notes", "number", "phone", "ref"),
        *("reference", "status", "type"),
    }
)
_SHOWN = 5


@dataclass(slots=True)
class _Turn:
    speaker: str
    time: str | None
    lines: list[str] = field(default_factory=list)


def read_plain(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the one contact of a text file; its id is the file's name without endings.

    Raises:
        InputError: `no_speakers`, or as `read_text`.
    """
    source = source_name(path)
    text, warning = read_text(path)
    turns, notes = turns_of(text, options)
    if not turns:
        raise InputError(
            "no_speakers",
            source,
            "no line starts with a speaker",
            allowed='turns such as "Agent: …" and "Customer: …"',
            do="If the speakers have other names, say --role NAME=agent",
        )
    warnings = [*([warning] if warning else []), *notes]
    reading = replace(options, columns={})
    made = Path(content_name(path)).stem
    yield read_or_reject({"turns": turns}, source=source, number=1, options=reading, warnings=warnings, made_id=made)


def turns_of(text: str, options: ReadOptions) -> tuple[list[dict[str, object]], list[str]]:
    """The turns of a text (speaker, text, start), and what to note of it; none where no line starts with a speaker."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    speakers = find_speakers(lines, options)
    if not speakers:
        return [], []
    turns, notes = _split(lines, speakers)
    starts, time_notes = _starts(turns)
    found: list[dict[str, object]] = [
        {"speaker": speakers[turn.speaker], "text": "\n".join(turn.lines), "start": start}
        for turn, start in zip(turns, starts, strict=True)
    ]
    return found, [*notes, *time_notes]


def start_of_turn(line: str) -> re.Match[str] | None:
    """The line as label and text, where it may start a turn; with `tight` only if other lines make the label one."""
    match = _LINE.match(line)
    return match if match and (match["tight"] is None or not match["label"].isdecimal()) else None


def has_known_speaker(lines: Sequence[str], options: ReadOptions) -> bool:
    """Whether some line starts with a speaker that needs no second occurrence."""
    return any(match and _known(match["label"], options) for match in map(start_of_turn, lines))


def find_speakers(lines: Sequence[str], options: ReadOptions) -> dict[str, str]:
    """Label as written → label to look the role up with, for the labels that are speakers."""
    found = [match for match in map(start_of_turn, lines) if match]
    # "At 10:30" and "Class A:12" make no speaker; of one that others make, "Ana:5 euros" is a turn.
    matches = [match for match in found if match["tight"] is None]
    counts = Counter(match["label"] for match in matches)
    # With a time before it, or where nearly every line starts so, a name that comes once opens a turn too: whoever
    # spoke once would otherwise be read as part of what the other side said.
    timed = {match["label"] for match in matches if match["time"]}
    all_start_so = len(matches) >= _NEARLY_ALL * sum(bool(line.strip()) for line in lines)
    speakers = {}
    for label in dict.fromkeys(match["label"] for match in found):
        count = counts[label]
        known = _known(label, options)
        often = count > 1 or label in timed or (all_start_so and len(matches) >= _ENOUGH_LINES)
        if known or _has_names(label, options) or (often and _may_be_speaker(label)):
            speakers[label] = known or label
    return speakers


def _known(label: str, options: ReadOptions) -> str | None:
    bare = _BRACKETS.sub("", label)
    return next((name for name in (label, bare) if name and options.speaker(name) is not None), None)


def _has_names(label: str, options: ReadOptions) -> bool:
    first, *names = label.split()
    if not names or len(names) >= MAX_WORDS or options.speaker(first) is None:
        return False
    return all(name[0].isupper() and name.lower() not in _NOT_NAMES for name in names)


def _may_be_speaker(label: str) -> bool:
    words = label.split()
    if len(words) > MAX_WORDS or any(word.lower().strip(".") in NOT_SPEAKERS for word in words):
        return False
    return label[0].isupper() or any(character.isdigit() for character in label)


def _split(lines: Sequence[str], speakers: dict[str, str]) -> tuple[list[_Turn], list[str]]:
    turns: list[_Turn] = []
    before = 0
    joined: dict[str, None] = {}
    for line in lines:
        match = start_of_turn(line)
        if match and match["label"] in speakers:
            turns.append(_Turn(match["label"], match["time"], [match["text"]]))
        elif turns:
            turns[-1].lines.append(line)
            if match and match["tight"] is None:
                joined[match["label"]] = None
        else:
            before += bool(line.strip())
    notes = []
    if before:
        notes.append(f"{before} lines before the first speaker were not read")
    if joined:
        starts = ", ".join(f'"{shown(label)}:"' for label in list(joined)[:_SHOWN])
        notes.append(f"lines that start with {starts} were read as part of the turn before; a speaker needs --role")
    return turns, notes


def _starts(turns: Sequence[_Turn]) -> tuple[list[float | None], list[str]]:
    """Seconds from the first turn, or None for all with the reason."""
    timed = [turn.time for turn in turns if turn.time]
    absent: list[float | None] = [None] * len(turns)
    if not timed:
        return absent, []
    if len(timed) < len(turns):
        return absent, [f"{len(timed)} of {len(turns)} turns have a time; times were not used"]
    if any(time.count(":") < 2 for time in timed):
        return absent, ["times without seconds could be hours or minutes; they were not used"]
    times = list(map(_seconds, timed))
    if any(later < earlier for earlier, later in pairwise(times)):
        return absent, ["the times go back; they were not used"]
    return [time - times[0] for time in times], []


def _seconds(time: str) -> float:
    """Seconds of a time with hours; AM and PM are of a clock on which 12 stands for 0."""
    half = time[-2:].lower()
    if half not in ("am", "pm"):
        return seconds(time) or 0.0
    of_half = (seconds(time[:-2].strip()) or 0.0) % _HALF_DAY_S
    return of_half + _HALF_DAY_S if half == "pm" else of_half
