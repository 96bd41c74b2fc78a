"""One text, masked: what the shapes, the cues and the runs of digits found, in order of how sure they are."""

import re
from collections import Counter
from collections.abc import Callable, Iterable

from cxsentiment.privacy import cues, dates, secrets, shapes, typed
from cxsentiment.privacy.errors import MaskingError
from cxsentiment.privacy.marks import EVERYTHING_USUAL, Found, Masked, Masking
from cxsentiment.privacy.numbers import judged
from cxsentiment.privacy.spoken import CANDIDATE, Run, runs

# What a text must hold for anything to be looked for at all.
_WORDS = re.compile(
    r"@|\bat\b.*\bdot\b|pass ?(?:word|phrase)|p/w|pwd|memorable|secret|security (?:word|ans|phr)|::|birth|born", re.I
)
_OWN_MARK = re.compile(r"\[[A-Z]{2,10}\]")
# Every pass takes characters away, so passes end; texts made to need many are refused rather than kept.
_MAX_PASSES = 50

Extra = Callable[[str, list[Run]], Iterable[Found]]


def mask(text: str, masking: Masking = EVERYTHING_USUAL) -> Masked:
    """Replace personal data by marks such as [CARD]; `marks.MARKS` says what each is for.

    Masking a masked text changes nothing. Raises MaskingError, which holds nothing of the text, if anything goes wrong.
    """
    return guarded(lambda: masked(text, masking))


def guarded(work: Callable[[], Masked]) -> Masked:
    """The result of `work`; whatever it raises becomes a MaskingError that holds nothing of the text."""
    try:
        return work()
    except MaskingError:
        raise
    except Exception as error:
        name = type(error).__name__
    raise MaskingError(name)  # outside of the handler, so that no cause or context carries the text


def worth_a_look(text: str) -> bool:
    """Whether a text may hold anything to mask."""
    return bool(CANDIDATE.search(text) or _WORDS.search(text))


def masked(text: str, masking: Masking, extra: Extra | None = None) -> Masked:
    """As `mask`, with the findings of `extra` (given the text and its runs) in the first pass."""
    if extra is None and not worth_a_look(text):
        return Masked(text, {})
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
        text = _once(text, masking, mark, extra)
        extra = None
        if text == before:
            return Masked(text, counts)
    raise MaskingError("RepeatedPasses")


def _once(text: str, masking: Masking, mark: Callable[[str], str], extra: Extra | None) -> str:
    found, digit_runs = findings(text, masking)
    if extra is not None:
        found = [*(one for one in extra(text, digit_runs) if one.kind in masking.active), *found]
    return typed.mask_typed(replaced(text, found, mark), mark)


def findings(text: str, masking: Masking) -> tuple[list[Found], list[Run]]:
    """What is personal in a text, surest first, and the runs of digits in it."""
    active = masking.active
    digits = CANDIDATE.search(text) is not None
    said = cues.said(text, active) if digits else []
    digit_runs = runs(text, [(cue.start, cue.end) for cue in said]) if digits else []
    found: list[Found] = []
    if digits:
        found += shapes.shapes(text)
    found += secrets.passwords(text)
    found += cues.announced(text, said, digit_runs, typed.kept_spans(text) if said else [])
    found += dates.births(text, digit_runs)
    found += shapes.said_emails(text)
    if digits:
        found += shapes.said_streets(text)
        found += [one for run in digit_runs for one in judged(run)]
    return [one for one in found if one.kind in active], digit_runs


def replaced(text: str, found: Iterable[Found], mark: Callable[[str], str]) -> str:
    """The text with marks for what was found. Where two overlap, the first in order gives the kind, both are masked."""
    merged: list[Found] = []
    for start, end, kind in _disjoint(text, found):
        merged.append(Found(start, end, kind))
    pieces = []
    position = 0
    for start, end, kind in merged:
        pieces += [text[position:start], mark(kind) or text[start:end]]
        position = end
    return "".join([*pieces, text[position:]])


def _disjoint(text: str, found: Iterable[Found]) -> list[Found]:
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
