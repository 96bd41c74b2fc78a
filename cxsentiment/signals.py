"""What needs no further model: sentiment-arc features, times, talk share, cue phrases.

Sentiment features use the valence v = p_positive - p_negative of each customer turn (-1 to 1), in order:
start and end are means of the first and last quarter (at least one turn), slope is the least-squares slope of v on the
turn's position (0 to 1), recovery is end less the minimum before the last quarter, peak_end = (min + end) / 2,
volatility is the standard deviation of the steps, neg_share the share of turns with v < -0.2. With fewer than four
customer turns only the mean is given.
"""

import itertools
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean, median, stdev

from cxsentiment.phrases import PhraseBook, Phrases
from cxsentiment.schema import (
    CUE_SIGNALS,
    SENTIMENT_SIGNALS,
    SENTIMENTS,
    TIME_SIGNALS,
    Evidence,
    Signal,
    Transcript,
    Turn,
    TurnPrediction,
)

_NEGATIVE = SENTIMENTS.index("negative")
_POSITIVE = SENTIMENTS.index("positive")
_MIN_TURNS_FOR_ARC = 4

# Phrases a customer uses, in the language of cxsentiment.rubric.phrasing.
CUES: dict[str, tuple[str, ...]] = {
    "supervisor_requests": (
        "speak|talk to|with a|your|the (_) supervisor|manager|superior",
        "get|want|need me|a|your|the|to (_) (_) supervisor|manager|superior",
        "speak|talk to|with someone else|senior|higher",
        "escalate this|it|my|the",
    ),
    "repeat_effort": (
        "already told|said|explained|gave|called|sent|contacted|did|tried",
        "i've|we've already",
        "i|we have already",
        "second|third|fourth|fifth|2nd|3rd|4th|5th|tenth time i|we|calling|this|that|i'm|i've|we've",
        "keep|kept calling|asking|repeating|explaining|getting|being",
        "repeat myself|it|all",
        "explain (_) (_) again",
        "how many times do|must|have|should",
    ),
}


def measure(transcript: Transcript, predictions: Sequence[TurnPrediction]) -> dict[str, Signal]:
    """All signals of a contact by name; a value that cannot be measured is None."""
    values = _arc(transcript, predictions) | _times(transcript)
    signals = {name: Signal(name, _rounded(values.get(name))) for name in SENTIMENT_SIGNALS + TIME_SIGNALS}
    return signals | {name: _cue(name, transcript) for name in CUE_SIGNALS}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _arc(transcript: Transcript, predictions: Sequence[TurnPrediction]) -> dict[str, float]:
    customer = {turn.index for turn in transcript.turns if turn.speaker == "customer"}
    v = [p.probs[_POSITIVE] - p.probs[_NEGATIVE] for p in predictions if p.turn in customer]
    if not v:
        return {}
    features = {"sentiment_mean": fmean(v), "sentiment_neg_share": fmean(x < -0.2 for x in v)}
    if len(v) < _MIN_TURNS_FOR_ARC:
        return features
    quarter = max(1, len(v) // 4)
    end = fmean(v[-quarter:])
    steps = [b - a for a, b in itertools.pairwise(v)]
    return features | {
        "sentiment_start": fmean(v[:quarter]),
        "sentiment_end": end,
        "sentiment_min": min(v),
        "sentiment_slope": _slope(v),
        "sentiment_recovery": end - min(v[:-quarter]),
        "sentiment_peak_end": (min(v) + end) / 2,
        "sentiment_volatility": stdev(steps),
    }


def _slope(v: Sequence[float]) -> float:
    """Least-squares slope of v on positions 0 … 1 (not positions of turns of other speakers)."""
    n = len(v)
    positions = [k / (n - 1) for k in range(n)]
    mean_u, mean_v = 0.5, fmean(v)
    above = sum((u - mean_u) * (x - mean_v) for u, x in zip(positions, v, strict=True))
    return above / sum((u - mean_u) ** 2 for u in positions)


def _times(transcript: Transcript) -> dict[str, float]:
    """Talk share (by seconds of speech where every turn has both times, else by words) and response times."""
    turns = [turn for turn in transcript.turns if turn.speaker in ("agent", "customer")]
    values: dict[str, float] = {}
    timed = all(turn.start_s is not None and turn.end_s is not None for turn in turns)
    talk = {"agent": 0.0, "customer": 0.0}
    for turn in turns:
        talk[turn.speaker] += _seconds(turn) if timed else len(turn.text.split())
    if talk["agent"] and talk["customer"]:
        values["agent_talk_share"] = talk["agent"] / (talk["agent"] + talk["customer"])
    waits = _waits(turns)
    if waits:
        values["median_response_s"] = median(waits)
    if (first := _first_response(turns)) is not None:
        values["first_response_s"] = first
    if timed and len(turns) > 1:
        # Nobody is silent while an earlier turn goes on: a word thrown in does not end it.
        ends = itertools.accumulate((turn.end_s or 0.0 for turn in turns), max)
        values["longest_gap_s"] = max(
            max(0.0, (b.start_s or 0.0) - end) for end, b in zip(ends, turns[1:], strict=False)
        )
    return values


def _seconds(turn: Turn) -> float:
    return max(0.0, (turn.end_s or 0.0) - (turn.start_s or 0.0))


def _first_response(turns: Sequence[Turn]) -> float | None:
    """Seconds from the end (start, where no end is known) of the customer's first turn to the next agent turn."""
    customer = next((place for place, turn in enumerate(turns) if turn.speaker == "customer"), len(turns))
    answer = next((turn for turn in turns[customer:] if turn.speaker == "agent"), None)
    if answer is None or answer.start_s is None:
        return None
    asked = turns[customer]
    since = asked.end_s if asked.end_s is not None else asked.start_s
    return None if since is None else max(0.0, answer.start_s - since)


def _waits(turns: Sequence[Turn]) -> list[float]:
    """Seconds from a customer turn's end (start, where no end is known) to the agent turn that follows it."""
    waits = []
    for before, after in itertools.pairwise(turns):
        if before.speaker == "customer" and after.speaker == "agent" and after.start_s is not None:
            spoken = before.end_s if before.end_s is not None else before.start_s
            if spoken is not None:
                waits.append(max(0.0, after.start_s - spoken))
    return waits


def _cue(name: str, transcript: Transcript) -> Signal:
    """How many customer turns hold a cue phrase, with the phrase found in each; None without a customer turn."""
    turns = [turn for turn in transcript.turns if turn.speaker == "customer"]
    if not turns:
        return Signal(name, None)
    evidence = []
    for turn in turns:
        if (found := cues_in(turn.text).get(name)) is not None:
            start, end = found
            evidence.append(Evidence(turn.index, start, end, turn.text[start:end], name))
    return Signal(name, float(len(evidence)), tuple(evidence))


def cues_in(text: str) -> Mapping[str, tuple[int, int]]:
    """The characters [start, end) of the first phrase of each cue that a customer's text holds."""
    return _cues().find(text)


@cache
def _cues() -> PhraseBook:
    return PhraseBook({name: Phrases(texts, guarded=False) for name, texts in CUES.items()})
