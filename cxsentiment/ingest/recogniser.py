"""What speech recognisers write (words, stretches of who spoke) → entries, alike for every such format.

Words become turns by one rule: a turn ends where the speaker changes, or where no word follows for more than `PAUSE_S`
seconds (`LONG_PAUSE_S` in the middle of a sentence, which only text with punctuation has). Utterances and segments that
the recogniser made itself stay as they are.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.values import text_or_none

PAUSE_S = 1.0
LONG_PAUSE_S = 3.0
# How far from a stretch of speech (seconds) a word may lie and still be its speaker's.
NEAR_S = 1.0
# A word lies in few stretches of one speaker; more are not looked at, so that a file made to be slow is not.
_MOST_STRETCHES = 20

_SENTENCE_END = re.compile(r"[.!?…。！？؟।]+[\"'”’)\]]*\s*$")


@dataclass(slots=True)
class Word:
    """One word; times in seconds. `before` stands between it and the word before it in the same turn.

    `tied` words (punctuation) never start a turn and do not make it longer; `opens` words always start one.
    """

    text: str
    start: float | None = None
    end: float | None = None
    label: str | None = None
    also: tuple[str, ...] = ()
    before: str = " "
    tied: bool = False
    opens: bool = False


def turns_of(words: Iterable[Word]) -> list[Entry]:
    """The words of one stream, in its order, as turns; words without text are left out."""
    stream = [word for word in words if word.text.strip()]
    punctuated = any(_SENTENCE_END.search(word.text[-8:]) for word in stream)
    turns: list[Entry] = []
    texts: list[list[str]] = []
    last: float | None = None
    for word in stream:
        inside = punctuated and bool(texts) and not _SENTENCE_END.search(texts[-1][-1][-8:])
        if not turns or (not word.tied and _starts_turn(word, turns[-1], last, LONG_PAUSE_S if inside else PAUSE_S)):
            turns.append(Entry("", word.label, word.start, word.end, also=word.also))
            texts.append([word.text])
            last = word.end if word.end is not None else word.start
            continue
        turn = turns[-1]
        texts[-1] += [word.before, word.text]
        if word.tied:
            continue
        turn.start = word.start if turn.start is None else turn.start
        turn.end = word.end if word.end is not None else turn.end
        last = next((time for time in (word.end, word.start) if time is not None), last)
    for turn, pieces in zip(turns, texts, strict=True):
        turn.text = "".join(pieces)
    return turns


def _starts_turn(word: Word, turn: Entry, last: float | None, pause: float) -> bool:
    if word.opens or (word.label, word.also) != (turn.label, turn.also):
        return True
    return word.start is not None and last is not None and word.start - last > pause


def by_time(entries: Sequence[Entry]) -> list[Entry]:
    """The entries of several streams in the order of their starts, where all have one."""
    if any(entry.start is None for entry in entries):
        return list(entries)
    return sorted(entries, key=lambda entry: entry.start or 0.0)


class Timeline:
    """Who speaks when, from stretches (start, end, speaker) in seconds, which may overlap."""

    def __init__(self, stretches: Iterable[tuple[float, float, str]]) -> None:
        parted: dict[str, list[tuple[float, float]]] = {}
        for start, end, speaker in stretches:
            parted.setdefault(speaker, []).append((start, end))
        self._of = {speaker: _joined(parts) for speaker, parts in parted.items()}

    def speaker(self, start: float | None, end: float | None, before: str | None = None) -> str | None:
        """The speaker of most of a word, else of the stretch nearest to it, up to `NEAR_S` away; None where none is.

        Where several overlap it alike, `before` (who spoke last) goes on.
        """
        if start is None:
            return None
        until = max(start, end if end is not None else start)
        best: tuple[float, bool] = (-NEAR_S, False)
        found = None
        for speaker, (starts, ends) in self._of.items():
            place = (_overlap(start, until, starts, ends), speaker == before)
            if place > best or (found is None and place[0] >= -NEAR_S):
                best, found = place, speaker
        return found


def _joined(parts: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Starts and ends of one speaker's stretches, in order, those that touch made one."""
    starts: list[float] = []
    ends: list[float] = []
    for start, end in sorted(parts):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


def _overlap(start: float, end: float, starts: Sequence[float], ends: Sequence[float]) -> float:
    """Seconds of the overlap with the stretch that fits best; negative: how far the nearest one lies away."""
    after = bisect_right(starts, end)
    best = end - starts[after] if after < len(starts) else -NEAR_S * 2
    for k in range(after - 1, max(after - _MOST_STRETCHES, 0) - 1, -1):
        mine = (end if end < ends[k] else ends[k]) - (start if start > starts[k] else starts[k])
        if mine > best:
            best = mine
        if starts[k] <= start:  # those before end before it
            break
    return best


class Voices:
    """What to call a speaker, from all pairs of channel and speaker that occur in a contact (None: not given).

    One channel says nothing of who speaks, so it is no label there; a speaker's name that comes on two channels is two
    people.
    """

    def __init__(self, heard: Iterable[tuple[str | None, str | None]]) -> None:
        pairs = set(heard)
        self._several = len({channel for channel, _ in pairs if channel is not None}) > 1
        self._times = Counter(speaker for _, speaker in pairs if speaker is not None)

    def name(self, channel: str | None, speaker: str | None) -> tuple[str | None, tuple[str, ...]]:
        """The label, and other names for --role."""
        by_channel = f"channel:{channel}"
        if speaker is None:
            if channel is None:
                return None, ()
            shown = by_channel if channel.isdigit() else channel
            return (shown if self._several else None), (by_channel, channel)
        if channel is None or not self._several:
            return speaker, (f"speaker:{speaker}",)
        if self._times[speaker] > 1:
            return f"{by_channel} speaker:{speaker}", (by_channel,)
        return speaker, (f"speaker:{speaker}", by_channel)


def named(value: object) -> str | None:
    """An id or a speaker as text; None for what is missing ("", "null", -1) or no name."""
    try:
        return text_or_none(value)
    except ValueError:
        return None


def known(**facts: object) -> dict[str, object]:
    """The facts that are given: none that is None or an empty text."""
    return {name: value for name, value in facts.items() if value not in (None, "")}


def recording(entries: list[Entry], id: object = None, **facts: object) -> Contact:
    """The contact of one recording, with a note where its speakers were not told apart."""
    contact = Contact(entries, id=named(id), channel="call", attrs=known(**facts))
    if any(entry.text.strip() for entry in entries) and not any(entry.label for entry in entries):
        contact.notes.add(
            "the speakers were not told apart: transcribe the recording again with speaker labels (diarisation), "
            "or with one channel a speaker"
        )
    return contact
