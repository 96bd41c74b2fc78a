"""The cues of WebVTT and SubRip captions: number, id, times and lines of text, and what is wrong with a cue.

A cue is never lost: one whose time cannot be read, and text that stands between cues without a time, are cues with a
`problem`. WebVTT and SubRip differ in little: in SubRip a blank line may stand inside a text, and the line before the
times is a number.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# Hours may be missing; exports write the fraction with a point, a comma or not at all.
_TIME = r"(?:[0-9]{1,4}:)?[0-9]{1,3}:[0-5]?[0-9](?:[.,][0-9]{1,9})?"
TIMING = re.compile(rf"\s*({_TIME})\s*-->\s*({_TIME})(?:\s.*)?", re.DOTALL)
_LIKE_TIMING = re.compile(rf"\s*{_TIME}\s*-->|.*-->\s*{_TIME}\s*$", re.DOTALL)
_ARROW = "-->"
_HEADER = re.compile(r"\ufeff?WEBVTT(?:[ \t].*)?")
_COMMENT = re.compile(r"NOTE(?:[ \t]|$)")
_LANGUAGE = re.compile(r"(?:NOTE\s+)?language\s*:\s*([A-Za-z0-9-]{2,20})\s*", re.IGNORECASE)
NO_TIME = "has no time"
BAD_TIME = "has a time that cannot be read"


@dataclass(slots=True)
class Cue:
    """One cue: `number` is its place among all cues from 1, `start` and `end` are seconds."""

    number: int
    lines: list[str] = field(default_factory=list)
    id: str | None = None
    start: float | None = None
    end: float | None = None
    problem: str | None = None


@dataclass(slots=True)
class Captions:
    """The cues of a file. `numbered`: an id must be a number. `headless`: a WebVTT file without its first line.

    `joined` holds the places in `cues` from which on they are those of another file that was put behind the first.
    """

    cues: list[Cue] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    language: str | None = None
    numbered: bool = False
    headless: bool = False

    def add(self, lines: Sequence[str], id: str | None, timing: str | None) -> None:
        """Take one more cue, with its line of times as it stands."""
        cue = Cue(len(self.cues) + 1, list(lines), id)
        match = TIMING.fullmatch(timing) if timing is not None else None
        if match:
            cue.start, cue.end = _seconds(match[1]), _seconds(match[2])
        else:
            cue.problem = NO_TIME if timing is None else BAD_TIME
        if self.numbered and self.cues and id == "1":
            self.joined.append(len(self.cues))
        self.cues.append(cue)


def _seconds(text: str) -> float:
    whole, _, fraction = text.replace(",", ".").partition(".")
    result = 0
    for part in whole.split(":"):
        result = result * 60 + int(part)
    return round(result + float(f"0.{fraction or 0}"), 6)


def read_webvtt(text: str) -> Captions:
    """The cues of a WebVTT text; comments, styles and regions are left out."""
    found = Captions()
    blocks = list(_blocks(_lines(text), blank_is_empty=True))
    found.headless = not (blocks and blocks[0][0].startswith("WEBVTT"))
    if not found.headless:
        blocks[0] = _read_header(blocks[0], found)
    for block in blocks:
        if found.cues and _HEADER.fullmatch(block[0]):
            found.joined.append(len(found.cues))
            block = _read_header(block, found)
        if not block or _is_apart(block, found):
            continue
        rest = _read_block(block, found)
        if rest and not _is_number(rest):
            found.add(rest[1:] if rest[0].strip().isdecimal() else rest, None, None)
    return found


def read_srt(text: str) -> Captions:
    """The cues of a SubRip text. A block without a number and times goes on with the text of the cue before."""
    found = Captions(numbered=True)
    number: str | None = None
    for block in _blocks(_lines(text), blank_is_empty=False):
        if number is not None and _is_timing(block, 0):
            block = [number, *block]
        number = None
        rest = _read_block(block, found)
        if _is_number(rest):
            number = rest[0]
        elif rest and (rest[0].strip().isdecimal() or not found.cues):
            found.add(rest[1:] if rest[0].strip().isdecimal() else rest, None, None)
        elif rest:
            found.cues[-1].lines += rest
    return found


def _lines(text: str) -> list[str]:
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _blocks(lines: Sequence[str], *, blank_is_empty: bool) -> Iterator[list[str]]:
    """Runs of lines between blank ones; a line of spaces is blank in SubRip, and text in WebVTT."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line if blank_is_empty else line.strip():
            block.append(line)
        elif block:
            if any(part.strip() for part in block):
                yield block
            block = []


def _read_header(block: Sequence[str], found: Captions) -> list[str]:
    """Read the header's language; the lines of a cue that follows it without a blank line come back."""
    for at, line in enumerate(block[1:], start=1):
        if TIMING.fullmatch(line):
            return list(block[at:])
        if match := _LANGUAGE.fullmatch(line):
            found.language = match[1]
    return []


def _is_apart(block: Sequence[str], found: Captions) -> bool:
    """Whether a block is a comment, a style or a region; a comment may name the language."""
    first = block[0].strip()
    if _COMMENT.match(first):
        if match := _LANGUAGE.fullmatch(first):
            found.language = found.language or match[1]
        return not any(TIMING.fullmatch(line) for line in block[1:])
    return first in ("STYLE", "REGION") and not any(TIMING.fullmatch(line) for line in block[1:])


def _read_block(block: Sequence[str], found: Captions) -> list[str]:
    """Take the cues of a block; the lines before its first line of times, but for an id, come back."""
    timings = [at for at in range(len(block)) if _is_timing(block, at)]
    if not timings:
        return list(block)
    ids = [at - 1 if _is_id(block, at - 1, numbered=found.numbered) else None for at in timings]
    starts = [at if id is None else id for at, id in zip(timings, ids, strict=True)]
    rest = [line for line in block[: starts[0]] if not _COMMENT.match(line)]
    if any(line.strip() for line in rest):
        found.add(rest, None, None)
    for at, id, end in zip(timings, ids, [*starts[1:], len(block)], strict=True):
        found.add(block[at + 1 : end], None if id is None else block[id].strip(), block[at])
    return []


def _is_timing(block: Sequence[str], at: int) -> bool:
    """Whether a line is one of times, even of bad ones: not every arrow in a text is."""
    line = block[at]
    if _ARROW not in line:
        return False
    return bool(_LIKE_TIMING.match(line)) or at == 0 or (at == 1 and _ARROW not in block[0])


def _is_id(block: Sequence[str], at: int, *, numbered: bool) -> bool:
    """Whether the line before times is the cue's id: a number, or in WebVTT the first line of its block."""
    if at < 0 or _ARROW in block[at] or _COMMENT.match(block[at]):
        return False
    return block[at].strip().isdecimal() or (not numbered and (at == 0 or not block[at - 1].strip()))


def _is_number(lines: Sequence[str]) -> bool:
    return len(lines) == 1 and lines[0].strip().isdecimal()
