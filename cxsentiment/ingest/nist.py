"""NIST text files of recognition: CTM (a word a line), STM (a turn a line), RTTM (who spoke when, without words).

A file may hold several recordings; each file id in it is one contact. The speakers of a CTM stand in an RTTM beside it:
the one of the same name, or named by the file id, or the only one in the folder that knows the file id. They are joined
by time, for the two name channels in their own ways. Without one, the channels are the labels where there are several.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cxsentiment.errors import CompanionError, InputError
from cxsentiment.ingest.beside import beside
from cxsentiment.ingest.contacts import Contact, Entry, identity_of, settle
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.recogniser import Timeline, Voices, Word, by_time, recording, turns_of
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, source_name
from cxsentiment.schema import Reject, Transcript

_LINES_LOOKED_AT = 20
_RTTM_TYPES = frozenset(
    "SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB A/P SPEAKER SPKR-INFO".split()
)
_MISSING = frozenset({"<na>", "null", "unknown", "na", "n/a"})
# The two ways to name the channels of a telephone call.
_CHANNELS = {"A": "1", "B": "2"}
_SEGMENT_NAME = re.compile(r"seg(?:ment)?[_-]?\d+", re.IGNORECASE)
_IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"
_NOBODY = frozenset({"inter_segment_gap", "excluded_region"})
_ALTERNATIVES = re.compile(r"\{([^{}]*)\}")
_MAX_NESTED = 10
_TAGS = frozenset({"<ALT_BEGIN>", "<ALT>", "<ALT_END>"})
# Past this length a head ends where it was cut off.
_CUT = 32_768
_LABEL = re.compile(r"<(?:[^<>\s]*,[^<>\s]*|[A-Za-z]\w?|female|male)>", re.IGNORECASE)

_TIME = re.compile(r"[+-]?(?:\d{1,15}\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")

Row = Sequence[str]
_Spoken = tuple[float, float, str, str | None]
"""Start, end (seconds), word, and its speaker where the CTM itself names one."""
Stretch = tuple[str, float, float, str]
"""Channel, start, end (seconds), speaker."""


@dataclass(slots=True)
class _Recording:
    """The rows of one file id, and what is wrong with the first of them that cannot be read."""

    rows: list[Row] = field(default_factory=list)
    problem: InputError | None = None


def is_ctm(text: str) -> bool:
    """Whether a text starts as CTM, or as one of the two files without words that look alike: RTTM, Speechmatics'."""
    rows = _first_rows(text)
    if rows and _is_rttm_row(rows[0]):
        return True
    # An STM whose speakers are numbers looks like a CTM in which every word is a number.
    return bool(rows) and all(map(_is_ctm_row, rows)) and not all(map(_is_stm_row, rows))


def is_stm(text: str) -> bool:
    """Whether a text starts as STM."""
    rows = _first_rows(text)
    return bool(rows) and all(map(_is_stm_row, rows))


def read_ctm(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield a contact for each file id, its words made turns, with the speakers of the RTTM beside it.

    Raises:
        InputError: `no_words` for an RTTM and for Speechmatics' segments, `line`, `empty`, or as `read_text`.
    """
    name = source_name(path)
    text, warning = read_text(path)
    rows = _first_rows(text)
    if any(map(_is_rttm_row, rows)):
        twin = f"{Path(content_name(path)).stem}.ctm"
        what, advice = (
            "is an RTTM: it says who spoke when and holds no words",
            f"Give the CTM of the same name ({twin})",
        )
        if (with_words := beside(path, twin)) is not None:
            raise CompanionError(name, what, main=source_name(with_words), do=advice)
        raise InputError("no_words", name, what, do=advice)
    if _is_segments(rows):
        raise InputError(
            "no_words",
            name,
            "holds segments with start, end and speaker (Speechmatics' diarisation), no words",
            do="Give the transcript with its words, for example as JSON",
        )
    speakers = _Speakers(path)
    found = _parted(text, name, _is_ctm_row, -1, "a CTM line: file, channel, start, duration, word")
    yield from _contacts(
        found, path, options, warning, "ctm", lambda id, rows: _from_words(id, rows, speakers, alone=len(found) == 1)
    )


def read_stm(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield a contact for each file id, each line a turn.

    Raises:
        InputError: `line`, `empty`, or as `read_text`.
    """
    name = source_name(path)
    text, warning = read_text(path)
    found = _parted(text, name, _is_stm_row, 5, "an STM line: file, channel, speaker, start, end, text")
    yield from _contacts(found, path, options, warning, "stm", _from_turns)


def _time(text: str) -> float | None:
    if not _TIME.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _rows(text: str, cells: int) -> Iterator[tuple[int, Row]]:
    """The number of each line that is no comment, and its cells; from cell `cells` on they are one (-1: never)."""
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        row = line.split(None, cells)
        if row and not row[0].startswith(";;"):
            yield number, row


def _first_rows(text: str) -> list[Row]:
    if len(text) >= _CUT:
        text = text[: text.rfind("\n") + 1] or text  # the last line may be cut
    return [row for (_, row), _ in zip(_rows(text, -1), range(_LINES_LOOKED_AT), strict=False)]


def _is_ctm_row(row: Row) -> bool:
    timed = 5 <= len(row) <= 8 and all(cell == "*" or _time(cell) is not None for cell in row[2:4])
    return timed and ("*" not in row[2:4] or row[4] in _TAGS)


def _is_stm_row(row: Row) -> bool:
    return len(row) >= 5 and _time(row[3]) is not None and _time(row[4]) is not None


def _is_rttm_row(row: Row) -> bool:
    timed = len(row) >= 8 and all(cell == "<NA>" or _time(cell) is not None for cell in row[3:5])
    return timed and row[0] in _RTTM_TYPES


def _is_segments(rows: Sequence[Row]) -> bool:
    """Whether each row names a segment of its own where CTM has the channel."""
    if not rows or not all(map(_is_ctm_row, rows)):
        return False
    names = {row[1] for row in rows}
    return all(map(_SEGMENT_NAME.fullmatch, names)) or (len(rows) >= 5 and len(names) == len(rows))


def _parted(text: str, name: str, fits: Callable[[Row], bool], cells: int, allowed: str) -> dict[str, _Recording]:
    """The rows of each file id. A line that does not fit spoils the recording it names, else that of the line before.

    Raises:
        InputError: `line` where no line fits, `empty` where there is none.
    """
    found: dict[str, _Recording] = {}
    bad: list[tuple[str, str | None, InputError]] = []
    before = None
    for number, row in _rows(text, cells):
        if fits(row):
            before = row[0]
            found.setdefault(before, _Recording()).rows.append(row)
        else:
            bad.append((row[0], before, InputError("line", f"{name}:{number}", "cannot be read", allowed=allowed)))
    if not found:
        raise bad[0][2] if bad else InputError("empty", name, "holds no contact", do="Export it again")
    for own, earlier, problem in bad:
        spoilt = found[own if own in found else earlier or next(iter(found))]
        spoilt.problem = spoilt.problem or problem
    return found


def _contacts(
    found: dict[str, _Recording],
    path: Source,
    options: ReadOptions,
    warning: str | None,
    format_name: str,
    make: Callable[[str, list[Row]], Contact],
) -> Iterator[Transcript | Reject]:
    name = source_name(path)
    stem = Path(content_name(path)).stem
    for number, (id, part) in enumerate(found.items(), start=1):
        if part.problem:
            yield Reject(name, number, id, part.problem.code, part.problem.message)
            continue
        contact = make(id, part.rows)
        if warning:
            contact.notes.add(warning)
        identity = identity_of(contact, stem if number == 1 else f"{stem}:{number}")
        yield settle(contact, identity, options, source=name, record=number, format_name=format_name)


def _from_turns(id: str, rows: list[Row]) -> Contact:
    voices = Voices((row[1], row[2]) for row in rows)
    entries = []
    ignored = 0
    for row in rows:
        text = _stm_text(row[5] if len(row) > 5 else "")
        if text == _IGNORED or (row[2].lower() in _NOBODY and not text):
            ignored += 1
            continue
        label, also = voices.name(row[1], row[2])
        entries.append(Entry(text, label, _time(row[3]), _time(row[4]), also=also))
    contact = recording(entries, id)
    if ignored:
        contact.skipped["stretch that is not scored"] = ignored
    return contact


def _stm_text(text: str) -> str:
    """The words of an STM line: without its label, and of alternatives ("{ a / b }") the first."""
    first, _, rest = text.strip().partition(" ")
    text = rest.strip() if _LABEL.fullmatch(first) else text.strip()
    for _ in range(_MAX_NESTED):
        text, count = _ALTERNATIVES.subn(lambda match: _first(match[1]), text)
        if not count:
            break
    return " ".join(text.split())


def _first(alternatives: str) -> str:
    first = alternatives.split(" / ")[0].strip()
    return "" if first == "@" else first


def _from_words(id: str, rows: list[Row], speakers: "_Speakers", *, alone: bool) -> Contact:
    twin = speakers.of(id, alone=alone)
    timelines = _Timelines(twin.stretches)
    channels: dict[str, list[_Spoken]] = {}
    for row in _first_alternatives(rows):
        own = row[7] if len(row) == 8 and row[7].lower() not in _MISSING else None
        channels.setdefault(row[1], []).append((*_span(row), row[4], own))
    who = {channel: list(_speakers_of(mine, timelines.of(channel))) for channel, mine in channels.items()}
    voices = Voices((channel, speaker) for channel, speakers in who.items() for speaker in speakers)
    entries: list[Entry] = []
    for channel, mine in channels.items():
        entries += turns_of(
            Word(text, start, end, *voices.name(channel, speaker))
            for (start, end, text, _), speaker in zip(mine, who[channel], strict=True)
        )
    contact = recording(by_time(entries), id, speakers_from=twin.name)
    if twin.problem:
        contact.notes.add(twin.problem)
    return contact


def _speakers_of(spoken: list[_Spoken], timeline: Timeline) -> Iterator[str | None]:
    """Put the words of one channel in order of time, and yield who says each."""
    spoken.sort(key=lambda word: word[0])
    speaker = None
    for start, end, _, own in spoken:
        speaker = own or timeline.speaker(start, end, speaker)
        yield speaker


def _span(row: Row) -> tuple[float, float]:
    """Start and end of a word; CTM gives start and duration."""
    start = _time(row[2]) or 0.0
    return start, round(start + max(_time(row[3]) or 0.0, 0.0), 6)


def _first_alternatives(rows: list[Row]) -> Iterator[Row]:
    """The rows without the marks of alternatives, and without all alternatives but the first."""
    inside = False
    for row in rows:
        if row[4] in _TAGS:
            inside = row[4] == "<ALT>"
        elif not inside:
            yield row


@dataclass(frozen=True, slots=True)
class _Beside:
    """What an RTTM says of one file id: (channel, start, end, speaker), times in seconds."""

    name: str | None = None
    stretches: tuple[Stretch, ...] = ()
    problem: str | None = None


class _Timelines:
    """Who speaks on each channel; on one that the RTTM does not know, who speaks at all."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        parted: dict[str, list[tuple[float, float, str]]] = {}
        for channel, start, end, speaker in stretches:
            parted.setdefault(_channel(channel), []).append((start, end, speaker))
        self._of = {channel: Timeline(mine) for channel, mine in parted.items()}
        self._all = Timeline((start, end, speaker) for _, start, end, speaker in stretches)

    def of(self, channel: str) -> Timeline:
        return self._of.get(_channel(channel), self._all)


def _channel(name: str) -> str:
    return _CHANNELS.get(name.upper(), name)


class _Speakers:
    """Finds the RTTM beside a CTM."""

    def __init__(self, path: Source) -> None:
        self._path = path
        self._read: dict[str, dict[str, list[Stretch]]] = {}

    def of(self, id: str, *, alone: bool) -> _Beside:
        """The speakers of one file id; `alone`: the CTM holds no other."""
        stem = Path(content_name(self._path)).stem
        problem = None
        for name in (f"{stem}.rttm", f"{id}.rttm"):
            if (twin := beside(self._path, name)) is None:
                continue
            try:
                known = self._stretches(twin)
            except InputError as error:
                problem = f"its speakers could not be read: {error.message}"
                continue
            if id not in known and alone and len(known) == 1 and name == f"{stem}.rttm":
                return _Beside(name, tuple(next(iter(known.values()))))
            if id in known:
                return _Beside(name, tuple(known[id]))
        fitting = [file for file in self._others() if id in _ids_of(file, file.stat().st_mtime_ns)]
        if len(fitting) == 1:
            return _Beside(fitting[0].name, tuple(self._stretches(fitting[0])[id]))
        return _Beside(problem=problem)

    def _others(self) -> list[Path]:
        if not isinstance(self._path, Path):
            return []
        found = sorted(self._path.parent.glob("*.rttm"))
        return [file for file in found if file.is_file() and not file.is_symlink()]

    def _stretches(self, source: Source) -> dict[str, list[Stretch]]:
        name = source_name(source)
        if name not in self._read:
            self._read[name] = _read_rttm(source)
        return self._read[name]


@lru_cache(maxsize=4096)
def _ids_of(path: Path, changed: int) -> frozenset[str]:
    """The file ids of an RTTM as it was at that time; none where it cannot be read."""
    try:
        return frozenset(_read_rttm(path))
    except InputError:
        return frozenset()


def _read_rttm(source: Source) -> dict[str, list[Stretch]]:
    found: dict[str, list[Stretch]] = {}
    for _, row in _rows(read_text(source)[0], -1):
        if len(row) < 8 or row[0] != "SPEAKER" or row[7].lower() in _MISSING:
            continue
        start, length = _time(row[3]), _time(row[4])
        if start is not None and length is not None and length >= 0:
            found.setdefault(row[1], []).append((row[2], start, start + length, row[7]))
    return found
