"""What the readers of speech services share: names of voices, words that become turns, facts that may be missing."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cxsentiment.ingest.contacts import Entry
from cxsentiment.ingest.times import moment
from cxsentiment.ingest.values import text_or_none

# Years in which a contact can have taken place; others are placeholders, and some cannot be moved to UTC.
_YEARS = (1970, 2200)
_NUMBERED = re.compile(r"(spk|ch)_(\d+)")
_KINDS = {"spk": "speaker", "ch": "channel"}


@dataclass(slots=True)
class Word:
    """One spoken word with its punctuation; times in seconds, `label` and `also` as of an Entry."""

    text: str
    start: float | None = None
    end: float | None = None
    label: str | None = None
    also: tuple[str, ...] = ()


def name(value: object) -> str | None:
    """An id or label as text ("007" stays "007", 2 becomes "2"); None where there is none."""
    try:
        return text_or_none(value)
    except ValueError:
        return None


def clock(value: object) -> datetime | None:
    """A moment within the years of contact centres, else None."""
    found = moment(value)
    return found if found is not None and _YEARS[0] <= found.year < _YEARS[1] else None


def started(value: object) -> str | None:
    """A moment as ISO 8601, for `Contact.started_at`."""
    found = clock(value)
    return None if found is None else found.isoformat()


def facts(**values: object) -> dict[str, object]:
    """Attributes of a contact: those that are there and are text, a number, true or false."""
    return {key: value for key, value in values.items() if isinstance(value, (str, int, float)) and _told(value)}


def _told(value: str | float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else value != ""


def voice(speaker: object, channel: object = None) -> tuple[str | None, tuple[str, ...]]:
    """The label of a voice that has only numbers ("speaker:1", else "channel:0"), and its other names for --role."""
    spoken, heard = name(speaker), name(channel)
    by_channel = f"channel:{heard}" if heard is not None else None
    if spoken is None:
        return by_channel, ((heard,) if heard is not None else ())
    return f"speaker:{spoken}", (spoken, *((by_channel,) if by_channel else ()))


def other_names(label: str | None) -> tuple[str, ...]:
    """Amazon's "spk_0" is also "speaker:0", "ch_1" is also "channel:1"."""
    match = _NUMBERED.fullmatch(label or "")
    return (f"{_KINDS[match[1]]}:{match[2]}",) if match else ()


def turns_of(words: Sequence[Word], joiner: str = " ") -> list[Entry]:
    """Words in the order they were said → a turn wherever the voice changes."""
    groups: list[list[Word]] = []
    for word in words:
        if groups and (groups[-1][0].label, groups[-1][0].also) == (word.label, word.also):
            groups[-1].append(word)
        else:
            groups.append([word])
    return [turn_of(group, joiner) for group in groups]


def turn_of(words: Sequence[Word], joiner: str = " ") -> Entry:
    """Words of one voice as one turn, from the first time that is known to the last."""
    return Entry(
        joiner.join(word.text for word in words if word.text),
        words[0].label if words else None,
        next((word.start for word in words if word.start is not None), None),
        next((word.end for word in reversed(words) if word.end is not None), None),
        also=words[0].also if words else (),
    )


def turns_of_channels(channels: Iterable[Sequence[Word]], joiner: str = " ") -> list[Entry]:
    """Words of each channel → turns, cut where another channel starts to speak in a silence between two words.

    So a channel's turn is whole though the other one talks into it, and an answer stands between two turns.
    """
    listed = [list(words) for words in channels]
    entries = []
    for place, words in enumerate(listed):
        starts = sorted(
            word.start
            for other, theirs in enumerate(listed)
            if other != place
            for word in theirs
            if word.start is not None
        )
        group: list[Word] = []
        for word in words:
            if group and _spoken_between(starts, group[-1].end, word.start):
                entries.append(turn_of(group, joiner))
                group = []
            group.append(word)
        if group:
            entries.append(turn_of(group, joiner))
    if all(entry.start is not None for entry in entries):
        entries.sort(key=lambda entry: entry.start or 0.0)
    return entries


def _spoken_between(starts: Sequence[float], since: float | None, until: float | None) -> bool:
    """Whether one of the sorted `starts` lies in [since, until)."""
    if since is None or until is None:
        return False
    place = bisect_left(starts, since)
    return place < len(starts) and starts[place] < until
