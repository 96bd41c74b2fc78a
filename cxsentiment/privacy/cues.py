"""Finds cues ("security code", "last four", "sort code") in a text, and the values that they announce.

A cue speaks for the first value after it that has its length, as long as only small words stand between ("is", "uh",
"of my card"). The same cues, asked in one turn, speak for the next turns (`turns`).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxsentiment.privacy.cue_table import CUES, STARTS, Cue
from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.spoken import Flavour, Joint, Run, Token, is_digit_word, words_of

_ALL = re.compile(
    "(?:" + "|".join(f"(?P<c{k}>{cue.pattern})" for k, cue in enumerate(CUES)) + r")(?!\w)",
    re.IGNORECASE,
)
_SMALL = frozenset(
    "is are was were be will would could should it's its it that's thats that this number no code digits digit please"
    " um uh er erm ah okay ok yes yeah sure so to the my your of on for card with we have you gave me here as in a i"
    " i'm sent got just received back at from text sms says reads and well hold let see like being has account which"
    " ending ends end details do write down take say first new old current correct can or either was maybe think might"
    " may try try: looks appears actually".split()
)
# Of the other languages that have cues, from a cue to its value; elsewhere "ma", "de", "la" and "mi" are states.
_SMALL_ABROAD = frozenset(
    "es son el la mi ist sind lautet mein meine nummer est sont c'est le mon ma é são meu minha número numero numéro"
    " del de da do".split()
)
_IS = re.compile(r"^['’]s\b", re.IGNORECASE)
_GAP_WORDS = 9
_GAP_CHARACTERS = 80
# Before a number they say how much it is, not whose.
_CURRENCIES = (
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KES|KRW|KWD|MAD|MXN|MYR|NGN|NOK"
    "|NZD|PEN|PHP|PKR|PLN|QAR|RMB|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_VALUE_WITH_DIGITS = re.compile(
    r"[A-Za-z]{2} ?\d\d ?\d\d ?\d\d ?[A-Za-z](?!\w)"
    # A British driving licence, and capitals before a number, as passports have them.
    r"|(?<!\w)[A-Z9]{5} ?\d{6} ?[A-Z\d]{5}(?: ?\d\d)?(?!\w)"
    rf"|(?<!\w)(?!(?:{_CURRENCIES}) )[A-Z]{{1,3}} \d{{5,9}}(?!\w)"
    r"|(?=[A-Za-z\-/]{0,8}\d)[A-Za-z0-9][A-Za-z0-9\-/]{3,33}(?!\w)"
)
# Of letters and digits mixed: a Mexican CURP has 18, a British driving licence with spaces and issue 21. Nothing
# without letters is so long an id (a card), and with dashes nothing of few digits ("iphone-15-pro-max").
_LONGEST_ID = 21
_DASHED_DIGITS = 6
_YEAR = re.compile(r"(?:19[5-9]|20[0-5])\d")
_LOOK_AHEAD = 240  # characters in which a spelled value must end
_COUNTED = re.compile(
    r"[\s-]*(?:%|°|(?:dollars?|bucks|euros?|pounds?|rupees?|pesos?|cents?|percent|per cent|am|pm|a\.m|p\.m|o'?clock"
    r"|days?|weeks?|months?|years?|hours?|hrs?|minutes?|mins?|seconds?|times|people|persons?|nights?|miles?|km|kg|lbs?"
    r"|items?|pieces?|units?|guests?|tickets?|rooms?|stars?|points?|degrees?|gb|mb|tb|inch(?:es)?|feet|ft|cm|mm|of them"
    r"|euro|quid|grand|digits?)\b)",
    re.IGNORECASE,
)
_OR = re.compile(r"[\s,.?!]*(?:or|no|sorry|but|maybe|it|could|be|was|it's|[\s,.?!]){0,8}", re.IGNORECASE)
_DECIMAL = re.compile(r"\d{1,6}[.,]\d{1,2}")
_ID_BEFORE = re.compile(r"[A-Za-z][-_/]$")
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹]|\b(?:rs|usd|eur|gbp|inr|php)\.?)\s?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """A cue in a text: characters [start, end)."""

    cue: Cue
    start: int
    end: int


def said(text: str, tokens: Iterable[Token]) -> list[Said]:
    """Every cue in a text, in order; none reaches into another."""
    found: list[Said] = []
    for start, _, word in tokens:
        if (
            word.removesuffix("'s") not in STARTS
            or (found and start < found[-1].end)
            or text[start - 1 : start] in ("[", "{", "<")
        ):
            continue  # a mark is no cue
        match = _ALL.match(text, start)
        if match is not None:
            found.append(Said(CUES[int(str(match.lastgroup)[1:])], start, match.end()))
    return found


def announced(
    text: str, cues: Sequence[Said], runs: Sequence[Run], kept: Sequence[tuple[int, int]], active: frozenset[str]
) -> list[Found]:
    """What the cues say is personal; `kept` are spans of dates, times and prices, which no cue here means."""
    values = []
    for place, cue in enumerate(cues):
        if cue.cue.kind not in active:
            continue
        limit = cues[place + 1].start if place + 1 < len(cues) else len(text)
        value = _value_after(text, cue, limit, runs, kept)
        if value is None and cue.cue.kind in ("CVV", "PIN", "CARD"):
            value = _value_before(text, cue, runs)
        if value is not None:
            values += [value, *_alternatives(text, value, cue.cue, runs)]
    return values


def next_run(runs: Sequence[Run], start: int) -> Run | None:
    """The first of a text's runs from `start` on; they are in order, and a text may have as many as cues."""
    place = bisect_left(runs, start, key=lambda run: run.start)
    return runs[place] if place < len(runs) else None


def fitting(run: Run, low: int, high: int) -> list[Run]:
    """The run, or else those of its parts that have `low` to `high` digits."""
    if low <= len(run.digits) <= high:
        return [run]
    if run.tight and not run.spoken:
        return []  # a phone is no last four
    for joint in (Joint.WORD, Joint.JOINER, Joint.HESITATION, Joint.SIGN):
        if run.loosest >= joint:
            parts = [part for part in run.parts(joint) if low <= len(part.digits) <= high]
            if parts:
                return parts
    return []


def is_count(text: str, run: Run, kept: Sequence[tuple[int, int]]) -> bool:
    """Whether a run is a date, a time, a price, a sum, a number of things or a part of an id with letters."""
    if _DECIMAL.fullmatch(text, run.start, run.end) or _ID_BEFORE.search(text, max(0, run.start - 2), run.start):
        return True
    # The last of the spans that begin before the run ends: they are in order, and none reaches into another.
    place = bisect_left(kept, (run.end,))
    if (place > 0 and run.start < kept[place - 1][1]) or _COUNTED.match(text, run.end):
        return True
    if _MONEY_BEFORE.search(text, max(0, run.start - 6), run.start):
        return True
    return run.count(Flavour.SCALE) > 0 and run.count(Flavour.UNIT) < 5


def small_words(gap: str) -> bool:
    """Whether only small words and signs stand in a gap, and not many."""
    if len(gap) > _GAP_CHARACTERS:
        return False
    # "The pin's 4821": the cue ends before its "'s".
    words = [word for _, _, word in words_of(_IS.sub("", gap)) if word[0].isalnum()]
    return len(words) <= _GAP_WORDS and all(map(_joins, words))


def _joins(word: str) -> bool:
    return word in _SMALL or word in _SMALL_ABROAD


def is_small(word: str) -> bool:
    """Whether a word says little beside a number."""
    return word in _SMALL


def lettered(text: str, start: int, cue: Cue) -> Found | None:
    """A value with letters from `start` on, typed ("X1234567") or spelled ("q q one two three four five six c")."""
    shape = re.compile(cue.shape) if cue.shape else _VALUE_WITH_DIGITS
    match = shape.search(text, start, start + _LOOK_AHEAD)
    if match is not None and _has_length(match[0], cue) and small_words(text[start : match.start()]):
        return Found(match.start(), match.end(), cue.kind)
    return _spelled(text, start, cue)


def _has_length(value: str, cue: Cue) -> bool:
    bare = value.replace(" ", "")
    digits = sum(map(str.isdecimal, bare))
    mixed = any(map(str.isalpha, bare)) and (bare.isalnum() or digits >= _DASHED_DIGITS)
    return cue.low <= len(value) <= (max(cue.high, _LONGEST_ID) if mixed else cue.high)


def _value_after(
    text: str, announcing: Said, limit: int, runs: Sequence[Run], kept: Sequence[tuple[int, int]]
) -> Found | None:
    cue, end = announcing.cue, announcing.end
    run = next_run(runs, end)
    if run is not None and run.start < limit and small_words(text[end : run.start]):
        for fit in fitting(run, cue.low, cue.high)[:1]:
            if _is_meant(text, end, fit, announcing) and not is_count(text, fit, kept):
                return Found(fit.start, fit.end, cue.kind)
    return lettered(text[:limit], end, cue) if cue.letters else None


def _alternatives(text: str, value: Found, cue: Cue, runs: Sequence[Run]) -> list[Found]:
    """ "my PIN is 1234 or 4321": the values that follow as second guesses."""
    more: list[Found] = []
    for place in range(bisect_left(runs, value.end, key=lambda run: run.start), len(runs)):
        run = runs[place]
        if not _OR.fullmatch(text, (more or [value])[-1].end, run.start) or not cue.low <= len(run.digits) <= cue.high:
            break
        more.append(Found(run.start, run.end, cue.kind))
    return more


def _value_before(text: str, announcing: Said, runs: Sequence[Run]) -> Found | None:
    """ "one two three is the security code"."""
    before = bisect_right(runs, announcing.start, key=lambda run: run.end)
    if not before:
        return None
    run = runs[before - 1]
    gap = text[run.end : announcing.start].lower().split()
    if not gap or gap[0] not in ("is", "are", "was", "that's", "it's") or len(gap) > 4:
        return None
    fits = fitting(run, announcing.cue.low, announcing.cue.high)
    return Found(fits[-1].start, fits[-1].end, announcing.cue.kind) if fits else None


def _is_meant(text: str, end: int, run: Run, announcing: Said) -> bool:
    gap = text[end : run.start]
    since = _is_since(gap, text[run.start : run.end])
    return small_words(gap) and not since and not _is_year(text, run, announcing)


def _is_since(gap: str, value: str) -> bool:
    """ "I forgot my PIN in 2019"."""
    return gap.lower().endswith((" in ", " from ")) and bool(_YEAR.fullmatch(value))


def _is_year(text: str, run: Run, announcing: Said) -> bool:
    """ "The offer ending 2024" is no card; "card ending 2024" is."""
    alone = text[announcing.start : announcing.end].lower().startswith("end")
    return alone and bool(_YEAR.fullmatch(text[run.start : run.end]))


def _spelled(text: str, end: int, cue: Cue) -> Found | None:
    """Single letters and digits, said one by one."""
    start = last = None
    length = digits = 0
    for a, b, word in words_of(text[end : end + _LOOK_AHEAD]):
        letter = len(word) == 1 and word.isalpha() and (start is not None or word not in ("a", "i"))
        number = is_digit_word(word) or (start is not None and word == "oh")
        if letter or number:
            start = end + a if start is None else start
            last, length, digits = end + b, length + 1, digits + number
        elif not _may_stand_in_spelling(word, begun=start is not None):
            break
    letters = length - digits
    if start is None or last is None or digits < 2 or not letters or not cue.low <= length <= cue.high:
        return None
    return Found(start, last, cue.kind)


def _may_stand_in_spelling(word: str, *, begun: bool) -> bool:
    if begun:
        return word in ("-", ",", ".", "double", "triple")
    return not word[0].isalnum() or _joins(word)
