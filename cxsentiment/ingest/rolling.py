"""Rolling captions, as YouTube makes them by machine: each line is shown again above the next one.

Only files with YouTube's word stamps ("this<00:00:01.000><c> will</c>") are taken for such: elsewhere a line that
comes twice was said twice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cxsentiment.ingest.cues import Cue

_TIME = r"<[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}>"
_STAMP = re.compile(rf"{_TIME}<c[.>]|<c[^<>]*>{_TIME}")
# A line that rolls up stays on the screen: the cues follow each other without a break.
_BREAK_S = 0.1


@dataclass(slots=True)
class Rolled:
    """The cues with what is new in each; how many lines were shown again, and how many cues showed nothing else."""

    cues: list[Cue] = field(default_factory=list)
    lines: int = 0
    shown_again: int = 0


def without_repeats(cues: Sequence[Cue], plain: Callable[[str], str]) -> Rolled:
    """The cues without the lines that rolled up from the cue before; `plain` takes the tags out of a line."""
    found = Rolled()
    if not any(_STAMP.search(line) for cue in cues for line in cue.lines):
        found.cues = list(cues)
        return found
    last: Cue | None = None
    for cue in cues:
        count = _carried(last, cue, plain) if last is not None and _follows(last, cue) else 0
        found.lines += count
        rest = cue.lines[count:]
        if count and not any(plain(line).strip() for line in rest):
            found.shown_again += 1
        else:
            found.cues.append(replace(cue, lines=rest) if count else cue)
        last = cue
    return found


def _follows(last: Cue, cue: Cue) -> bool:
    return last.end is not None and cue.start is not None and abs(cue.start - last.end) <= _BREAK_S


def _carried(last: Cue, cue: Cue, plain: Callable[[str], str]) -> int:
    """How many lines at the start of a cue are the last ones of the cue before; stamped words are new ones."""
    before = [text for line in last.lines if (text := _spoken(line, plain))]
    fresh = next((at for at, line in enumerate(cue.lines) if _STAMP.search(line)), len(cue.lines))
    again = [_spoken(line, plain) for line in cue.lines[:fresh]]
    most = min(len(before), len(again))
    return next((count for count in range(most, 0, -1) if again[:count] == before[-count:]), 0)


def _spoken(line: str, plain: Callable[[str], str]) -> str:
    return " ".join(plain(line).split())
