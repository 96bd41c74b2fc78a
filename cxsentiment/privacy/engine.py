"""One text, masked: what the shapes, the cues and the runs of digits found, in order of how sure they are."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cxsentiment.errors import UsageError
from cxsentiment.privacy import abroad, cues, dates, emails, keys, names, secrets, shapes, typed
from cxsentiment.privacy.errors import MaskingError
from cxsentiment.privacy.marks import EVERYTHING_USUAL, Found, Masked, Masking
from cxsentiment.privacy.numbers import SHORT, judged
from cxsentiment.privacy.spoken import Run, Token, has_digits, runs, words_of

_WORD = re.compile(r"\w+")
# Every pass takes characters away, so passes end; a text made to need many is refused rather than kept.
_MAX_PASSES = 50


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in a text: its tokens, its cues, its runs of digits, and what of it is personal, surest first."""

    tokens: Sequence[Token] = ()
    said: Sequence[cues.Said] = ()
    runs: Sequence[Run] = ()
    found: Sequence[Found] = ()


def mask(text: str, masking: Masking = EVERYTHING_USUAL) -> Masked:
    """Replace personal data by marks such as [CARD]; `marks.MARKS` says what each is for.

    Masking a masked text changes nothing. Raises MaskingError, which holds nothing of the text, if anything goes wrong.
    """
    return guarded(lambda: masked(text, masking))


def guarded(work: Callable[[], Masked]) -> Masked:
    """The result of `work`; whatever it raises becomes a MaskingError that holds nothing of the text."""
    try:
        return work()
    except (MaskingError, UsageError):
        raise
    except Exception as error:
        name = type(error).__name__
    raise MaskingError(name)  # outside of the handler, so that no cause or context carries the text


def words_in(text: str) -> frozenset[str]:
    """The lower-case words of a text."""
    return frozenset(_WORD.findall(text.lower()))


def masked(text: str, masking: Masking, first: Sequence[Found] | None = None) -> Masked:
    """As `mask`; `first` are findings that were made before, which are all of the first pass."""
    counts: Counter[str] = Counter()
    active = masking.active

    def mark(kind: str) -> str:
        if kind not in active:
            return ""
        counts[kind] += 1
        return f"[{kind}]"

    # A mark can bring two numbers' surroundings to light that hid them, so repeat until nothing changes.
    for _ in range(_MAX_PASSES):
        before = text
        found = read(text, masking).found if first is None else first
        text = typed.mask_typed(replaced(text, found, mark), mark)
        first = None
        if text == before:
            return Masked(text, counts)
    raise MaskingError("RepeatedPasses")


def read(text: str, masking: Masking) -> Reading:
    """Read one text; a text that can hold nothing personal is not read closely."""
    words = words_in(text)
    elsewhere = abroad.may_hold(words)
    digits = elsewhere or has_digits(text, words)
    secret, dotted = not words.isdisjoint(secrets.GATE), emails.may_be_said(text, words)
    born = not words.isdisjoint(dates.GATE)
    named = "NAME" in masking.active
    mailed = emails.emails(text) if emails.may_hold(text, words) else []
    if not (digits or secret or dotted or born or named or mailed):
        return Reading()
    active = masking.active
    tokens: Sequence[Token] = words_of(text)
    said = cues.said(text, tokens) if digits else []
    tokens = abroad.in_english(tokens) if elsewhere else tokens
    digit_runs = runs(text, tokens, [(cue.start, cue.end) for cue in said]) if digits else []
    found: list[Found] = [*mailed, *keys.keys(text), *shapes.shapes(text)] if digits else mailed
    if said:
        found += cues.announced(text, said, digit_runs, typed.kept_spans(text), active)
    if secret:
        found += secrets.passwords(text)
    if born:
        found += dates.births(text, digit_runs)
    if dotted:
        found += shapes.said_emails(text)
    if digits:
        found += shapes.said_places(text, words)
        found += [one for run in digit_runs for one in judged(run)]
    if named:
        found += names.names(text)
    found = [one for one in found if one.kind in active]
    return Reading(tokens, said, digit_runs, [*found, *wholes(digit_runs, found)])


def wholes(digit_runs: Sequence[Run], found: Sequence[Found]) -> list[Found]:
    """Typed numbers of which only a part was found: what is left might be too short to be masked by itself."""
    long = [run for run in digit_runs if len(run.digits) >= SHORT and not run.spoken and run.tight]
    return [
        Found(run.start, run.end, one.kind)
        for run in long
        for one in found
        if one.start < run.end and run.start < one.end and not one.start <= run.start < run.end <= one.end
    ]


def replaced(text: str, found: Iterable[Found], mark: Callable[[str], str]) -> str:
    """The text with marks for what was found. Where two overlap, the first in order gives the kind, both are masked."""
    pieces = []
    position = 0
    for start, end, kind in _disjoint(found):
        pieces += [text[position:start], mark(kind) or text[start:end]]
        position = end
    return "".join([*pieces, text[position:]])


def _disjoint(found: Iterable[Found]) -> list[Found]:
    ranked = sorted(enumerate(found), key=lambda pair: (pair[1].start, pair[0]))
    merged: list[tuple[int, Found]] = []
    for rank, one in ranked:
        if merged and one.start < merged[-1][1].end:
            best, last = merged[-1]
            kind = last.kind if best <= rank else one.kind
            merged[-1] = (min(best, rank), Found(last.start, max(last.end, one.end), kind))
        else:
            merged.append((rank, one))
    return [one for _, one in merged]
