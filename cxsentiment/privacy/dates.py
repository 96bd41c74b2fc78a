"""Dates of birth: a date, typed or said, after words that say whose day it is."""

import re

from cxsentiment.privacy.cues import small_words
from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.spoken import Run

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_UNIT_WORD = r"(?:one|two|three|four|five|six|seven|eight|nine)"
_TEEN_WORD = r"(?:ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen)"
_TENS_WORD = r"(?:twenty|thirty|fou?rty|fifty|sixty|seventy|eighty|ninety)"
_PAIR_WORD = rf"(?:{_TENS_WORD}(?:[ -]{_UNIT_WORD})?|{_TEEN_WORD}|(?:oh|o|zero) {_UNIT_WORD})"
_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
)
_DAY = rf"(?:[0-3]?\d(?:st|nd|rd|th)?|{_ORDINAL}|(?:twenty|thirty)(?:[ -]{_UNIT_WORD})?|{_TEEN_WORD}|{_UNIT_WORD})"
_DIGIT_WORD = rf"(?:{_UNIT_WORD}|oh|o|zero)"
_YEAR = (
    rf"(?:(?:19|20)\d\d|['’]?\d\d(?!\d)|two thousand(?: and)?(?: (?:{_PAIR_WORD}|{_UNIT_WORD}))?"
    rf"|(?:nineteen|twenty)(?: hundred(?: and)?)? {_PAIR_WORD}|{_DIGIT_WORD}(?: {_DIGIT_WORD}){{3}}|{_PAIR_WORD})"
)
_LATER = rf"(?:,?\s+(?:of\s+|in\s+|the year\s+)?{_YEAR})?"
DATE = re.compile(
    rf"(?<!\w)(?:(?:the\s+)?{_DAY}(?:\s+day)?(?:\s+of)?[\s\-/.]+{_MONTH}(?:[\s\-/.]+{_YEAR}(?!\w)|{_LATER})"
    rf"|{_MONTH}[\s\-]+(?:the\s+)?{_DAY}{_LATER}"
    rf"|{_MONTH},?\s+{_YEAR}"
    r"|\d{1,4}\s?[./\-–]\s?\d{1,2}\s?[./\-–]\s?\d{2,4}|\d{1,2} \d{1,2} (?:19|20)?\d\d|(?:19|20)\d\d"
    rf"|(?:nineteen|twenty) {_PAIR_WORD})(?!\w)",
    re.IGNORECASE,
)
_BORN = re.compile(
    r"(?<!\w)(?:(?:date|day|year|month) of (?:my |your |his |her )?birth|birth ?(?:date|day|year)|d\.?\s?o\.?\s?b\.?"
    r"|born|b-?day)(?!\w)",
    re.IGNORECASE,
)
_DAY_DIGITS = range(4, 9)


def births(text: str, runs: list[Run]) -> list[Found]:
    """Dates of birth in a text, each after its cue."""
    found = []
    for cue in _BORN.finditer(text):
        value = _date_after(text, cue.end(), runs)
        if value is not None:
            found.append(value)
    return found


def asks_birth(text: str) -> int | None:
    """Where the last cue of a birth date ends, or None."""
    ends = [cue.end() for cue in _BORN.finditer(text)]
    return ends[-1] if ends else None


def _date_after(text: str, end: int, runs: list[Run]) -> Found | None:
    date = DATE.search(text, end, end + 160)
    if date is not None and small_words(text[end : date.start()]):
        return Found(date.start(), date.end(), "DOB")
    run = next((run for run in runs if run.start >= end), None)
    if run is not None and len(run.digits) in _DAY_DIGITS and small_words(text[end : run.start]):
        return Found(run.start, run.end, "DOB")
    return None


def answered(text: str, runs: list[Run]) -> list[Found]:
    """Dates in the answer to a question for a birth date."""
    dates = [Found(date.start(), date.end(), "DOB") for date in DATE.finditer(text)]
    if dates:
        return dates
    return [Found(run.start, run.end, "DOB") for run in runs if len(run.digits) in _DAY_DIGITS]
