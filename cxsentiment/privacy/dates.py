"""Dates of birth: a date, typed or said, after words that say whose day it is."""

import re
from collections.abc import Sequence
from functools import cache

from cxsentiment.privacy.cues import next_run, small_words
from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.spoken import Run, Token

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?"
    # Spanish, Portuguese, German and French ones
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre"
    r"|janeiro|fevereiro|mar[çc]o|maio|junho|julho|setembro|outubro|novembro|dezembro"
    r"|januar|j[äa]nner|februar|m[äa]rz|mai|juni|juli|oktober|dezember"
    r"|janvier|f[ée]vrier|mars|avril|juin|juillet|ao[ûu]t|septembre|octobre|novembre|d[ée]cembre)\.?"
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
_NTH = rf"(?:{_ORDINAL}|[0-3]?\d(?:st|nd|rd|th))"
_DIGIT_WORD = rf"(?:{_UNIT_WORD}|oh|o|zero)"
_YEAR = (
    rf"(?:(?:19|20)\d\d|['’]?\d\d(?!\d)|two thousand(?: and)?(?: (?:{_PAIR_WORD}|{_UNIT_WORD}))?"
    rf"|(?:nineteen|twenty)(?: hundred(?: and)?)?[\s,]{{1,2}}(?:(?:uh|um)[\s,]{{1,2}})?{_PAIR_WORD}"
    rf"|{_DIGIT_WORD}(?: {_DIGIT_WORD}){{3}}|{_PAIR_WORD})"
)
# What may stand between the parts of a date: signs, hesitations and a mark of noise.
_S = r"(?:[\s,./\-]{1,4}(?:(?:um|uh|uhm|er|erm|of|de|del)\b[\s,.]{1,3}){0,2}(?:<\w{1,12}/?>\s?)?)"
_LATER = rf"(?:{_S}(?:in\s+|the year\s+)?{_YEAR})?"
_NEXT_DAY = rf"(?!{_S}(?:the\s+)?(?:{_ORDINAL}|[0-3]?\d(?:st|nd|rd|th))\b)"
_DATE = (
    rf"(?<!\w)(?:(?:the\s+)?{_DAY}(?:\s+day)?{_S}{_MONTH}(?!\w){_NEXT_DAY}{_LATER}"
    rf"|{_MONTH}{_S}(?:the\s+)?{_DAY}(?!\w){_LATER}"
    rf"|{_MONTH}{_S}{_YEAR}"
    rf"|(?:the\s+)?{_NTH}{_S}(?:the\s+)?{_NTH}{_LATER}"
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z?"
    r"|\d{1,4}\s?[./\-–]\s?\d{1,2}\s?[./\-–]\s?\d{2,4}|\d{1,2} \d{1,2} (?:19|20)?\d\d|(?:19|20)\d\d"
    rf"|(?:nineteen|twenty){_S}{_PAIR_WORD})(?!\w)"
)
_BORN = re.compile(
    r"(?<!\w)(?:(?:date|day|year|month)[ _-]of[ _-](?:my |your |his |her )?birth|birth[ _-]?(?:date|day|year)"
    r"|d\.?\s?o\.?\s?b\.?"
    r"|born|b-?day"
    r"|(?:nac(?:[íi](?:d[oa])?|ió)|nacimiento|cumpleaños|geboren|geburts(?:datum|tag)|née?|naissance|nasci(?:d[oa])?"
    r"|nascimento|anivers[áa]rio)(?: (?:el|am|le|em|no|en|im))?(?: (?:el )?(?:año|ano|jahre?))?)(?!\w)",
    re.IGNORECASE,
)
# One of these is in every cue; forms write them with underscores.
GATE = frozenset(
    """
    birth birthdate birthday birthyear birth_date birth_day birth_year date_of_birth day_of_birth month_of_birth
    year_of_birth dob d b born bday day nací naci nació nacido nacida nacimiento cumpleaños geboren geburtsdatum
    geburtstag né née naissance nasci nascido nascida nascimento aniversário aniversario
    """.split()
)
_DAY_DIGITS = range(5, 9)
# "Born in the year 1985": said between the cue and a year, never between a cue and a number of things.
_THE_YEAR = re.compile(r"\bthe year(?: of)?\s*$", re.IGNORECASE)
# A number alone that counts what follows is no year: "born two thousand miles away", "born at 1995 grams". After "in"
# it stays one, for "born in 1985 months before him" is; better a number lost than a day kept.
_NUMBER_WORDS = rf"{_UNIT_WORD}|{_TEEN_WORD}|{_TENS_WORD}|hundred|thousand|million|and|oh|o|zero|double|triple"
_NUMBER_ALONE = re.compile(rf"\d+|(?:(?:{_NUMBER_WORDS})[\s-]*)+", re.IGNORECASE)
_COUNTED = re.compile(
    r"[\s-]+(?:years?|yrs?|months?|weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|generations?|miles?|kilomet(?:er|re)s?"
    r"|kms?|met(?:er|re)s?|feet|blocks?|grams?|kilos?|kgs?|pounds?|lbs?|ounces?|dollars?|bucks|euros?|rupees?|pesos?|quid"
    r"|cents?|percent|points)\b",
    re.IGNORECASE,
)
_SAID_IN = re.compile(r"\bin\s*$", re.IGNORECASE)
_AGE_AFTER = re.compile(r"\s*(?:years?|yrs?|months?|days?|weeks?|hours?|minutes?|times|people|of (?:them|us))\b", re.I)


@cache
def _date() -> re.Pattern[str]:
    """A date; it takes a while to compile, and many runs meet no birth."""
    return re.compile(_DATE, re.IGNORECASE)


def births(text: str, runs: Sequence[Run]) -> list[Found]:
    """Dates of birth in a text, each after its cue."""
    found = []
    for cue in _BORN.finditer(text):
        value = _date_after(text, cue.end(), runs)
        if value is not None:
            found.append(value)
    return found


def asks_birth(text: str, tokens: Sequence[Token]) -> int | None:
    """Where the last cue of a birth date ends, or None; `tokens` are the text's."""
    if not any(word in GATE for _, _, word in tokens):
        return None
    # A mark is no cue: [DOB] is an answer.
    ends = [cue.end() for cue in _BORN.finditer(text) if text[max(0, cue.start() - 1) : cue.start()] != "["]
    return ends[-1] if ends else None


def _date_after(text: str, end: int, runs: Sequence[Run]) -> Found | None:
    date = _date().search(text, end, end + 160)
    if date is not None and _is_meant(text, end, date.start(), date.end()):
        return Found(date.start(), date.end(), "DOB")
    run = next_run(runs, end)
    if run is not None and _may_be_day(run) and _is_meant(text, end, run.start, run.end):
        return Found(run.start, run.end, "DOB")
    return None


def _is_meant(text: str, cue_end: int, start: int, end: int) -> bool:
    """Whether a cue that ends at `cue_end` speaks of the day or the number at [start, end)."""
    gap = _THE_YEAR.sub("", text[cue_end:start])
    return small_words(gap) and (_SAID_IN.search(gap) is not None or not _is_count(text, start, end))


def _is_count(text: str, start: int, end: int) -> bool:
    """Whether a number without a day or month says how many of the thing after it there are."""
    return _COUNTED.match(text, end) is not None and _NUMBER_ALONE.fullmatch(text, start, end) is not None


def _may_be_day(run: Run) -> bool:
    """Five to eight digits; said, four will do: "three three eighty one"."""
    return len(run.digits) in _DAY_DIGITS or (run.spoken and len(run.digits) == 4)


def answered(text: str, runs: Sequence[Run], *, reading: bool) -> list[Found]:
    """Dates in the answer to a question for a birth date; `reading` says that it is little but digits."""
    found = [
        Found(date.start(), date.end(), "DOB")
        for date in _date().finditer(text)
        if not _AGE_AFTER.match(text, date.end())
    ]
    if not found:
        lengths = range(2, 9) if reading else _DAY_DIGITS
        return [Found(run.start, run.end, "DOB") for run in runs if _is_day(text, run, lengths)]
    # "forty, oh two, nineteen seventy four": what stands right beside a date belongs to it.
    start, end = found[0].start, found[-1].end
    beside = [run for run in runs if len(run.digits) <= 4 and not (start <= run.start < end)]
    found += [Found(run.start, run.end, "DOB") for run in beside if _is_beside(text, run, start, end)]
    return found


def _is_day(text: str, run: Run, lengths: range) -> bool:
    """A run that may be a day, a month, a year or all of them: no age, and no typed number of four digits."""
    if _AGE_AFTER.match(text, run.end) or len(run.digits) not in lengths:
        return False
    return run.spoken or len(run.digits) != 4 or run.digits[:2] in ("19", "20")


def _is_beside(text: str, run: Run, start: int, end: int) -> bool:
    gap = text[run.end : start] if run.end <= start else text[end : run.start]
    return len(gap) < 12 and not any(character.isalnum() for character in gap)
