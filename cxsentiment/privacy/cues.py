"""Words that say what the number after them is: "security code", "last four", "date of birth", "sort code".

A cue speaks for the first value after it that has its length, as long as only small words stand between ("is", "uh",
"of my card"). The same cues, asked in one turn, speak for the next turns (`turns`).
"""

import re
from dataclasses import dataclass

from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.spoken import CANDIDATE, Joint, Run, words_of


@dataclass(frozen=True, slots=True)
class Cue:
    """What a cue announces: a kind of mark, and how many digits (`low` to `high`) or letters the value has.

    `letters` says that the value may hold letters too.
    """

    kind: str
    pattern: str
    low: int
    high: int
    letters: bool = False
    option: bool = False


_NO = r"(?: ?(?:numbers?|no\.?|nr\.?|num|#|digits?|code|id|details))?"
CUES: tuple[Cue, ...] = (
    Cue(
        "CVV",
        r"(?:c\.?v\.?v\.?2?|c ?v ?v|c\.?v\.?c\.?2?|c ?v ?c|cv2|c ?s ?c|card (?:verification|security|validation)"
        r"(?: (?:code|number|value))?|security (?:code|number|digits)|verification value"
        r"|(?:three|3|four|4)[ -]?(?:digits?|numbers?)(?: \w+){0,3} (?:on|at|from) the (?:back|front|reverse|rear)"
        r"|(?:three|3|four|4)[ -]digit(?: security| verification| card)? (?:code|number)"
        r"|(?:last|final) (?:three|3)(?: (?:digits?|numbers?))?(?: \w+){0,3} on the (?:back|strip|signature strip|reverse))",
        3,
        4,
    ),
    Cue(
        "PIN",
        r"(?:one[ -]?time(?:[ -](?:pass ?)?(?:code|word|pin|number))?|o\.?t\.?p\.?|verification code|passcode|pass code"
        r"|authenti?cation code|authori[sz]ation code|activation code|access code|log-?in code|confirmation code"
        r" (?:we|i|they|you) \w+|(?:code|number) (?:we|i|they)(?:'ve| have|'d| just)? (?:just )?(?:sent|texted|e?-?mailed)"
        r"(?: to)?(?: you| me)?(?: \w+){0,3}|(?:code|pin) (?:in|from) the (?:text|sms|message|e-?mail|app)"
        r"|(?:six|6|four|4|five|5|eight|8)[ -]digit (?:code|pin|passcode))",
        4,
        8,
    ),
    Cue("PIN", r"(?:p\.?i\.?n\.?|p i n|memorable number|secret (?:code|number)|security pin)" + _NO, 4, 8),
    Cue(
        "CARD",
        r"(?:(?:last|final|first|next|remaining|other) (?:four|4|six|6|eight|8)(?: ?(?:digits?|numbers?|ones?))?"
        r"(?: (?:of|on|for|from) (?:the|your|my|that|this)(?: \w+){0,2}? (?:card|visa|mastercard|amex|number))?"
        r"|(?:(?:card|visa|mastercard|amex|account|number|one|it) )?(?:which |that )?(?:is |are )?end(?:s|ing|ed)"
        r" (?:in|with|on)|(?:long|sixteen[ -]digit|16[ -]digit|card|debit card|credit card|visa|mastercard|amex)"
        r" (?:numbers?|no\.?|details|digits)|(?:debit|credit|my|your) card)",
        4,
        19,
    ),
    Cue(
        "ACCOUNT",
        r"(?:sort ?codes?|routing|routing number|aba|transit number|institution number|b\.?s\.?b\.?|bank account"
        r"|(?:checking|chequing|savings?|current|bank) (?:account|acct)|bank details|swift|direct debit)" + _NO,
        5,
        18,
    ),
    Cue("IBAN", r"(?:iban|i ban|i b a n)" + _NO, 10, 34, letters=True),
    Cue(
        "ID",
        r"(?:social security|social insurance|social|s\.?s\.?n\.?|s s n|national insurance|ni number|nino|n\.?h\.?s\.?"
        r"|n h s|aa?dhaa?r|pan (?:card|number|no)|tax (?:file|id|identification|payer)|taxpayer|t\.?f\.?n\.?|medicare"
        r"|medicaid|phil ?health|pag-?ibig|s\.?s\.?s\.?|umid|g\.?s\.?i\.?s\.?|t\.?i\.?n\.?|passport"
        r"|(?:driver'?s?|driving) licen[cs]e|licen[cs]e number|national id|government id|identity (?:card|number)"
        r"|id number|id card|curp|e\.?i\.?n\.?)" + _NO + r"(?: card)?" + _NO,
        4,
        14,
        letters=True,
    ),
    Cue(
        "PHONE",
        r"(?:(?:tele)?phone|mobile|cell ?(?:phone)?|landline|call ?back|contact|whats ?app|viber|fax)"
        + _NO
        + r"|(?:call|reach|ring|text|phone|get|contact) (?:me|you|us|him|her|them) (?:back )?(?:at|on)"
        r"|(?:my|your|best|his|her) numbers?",
        6,
        15,
    ),
    Cue("ADDRESS", r"(?:zip|zip ?code|post ?code|postal code|postal)" + _NO, 4, 9, letters=True),
    Cue(
        "ORDER",
        r"(?:orders?|booking|reservation|tracking|reference|ref|case|ticket|invoice|confirmation|policy|member(?:ship)?"
        r"|loyalty|customer|client|account|acct|parcel|shipment|claim|incident)" + _NO,
        4,
        34,
        letters=True,
        option=True,
    ),
)
_ALL = re.compile(
    r"(?<![\w'])(?:" + "|".join(f"(?P<c{k}>{cue.pattern})" for k, cue in enumerate(CUES)) + r")(?![\w])",
    re.IGNORECASE,
)
# A cheap first look, by a piece that every cue holds.
_HINT = re.compile(
    r"cv|c[ .]v|csc|c s c|code|card|secur|digit|o\.?t\.?p|time|pin|p\.i|p i n|memorable|secret|end[sie]|last|final|first"
    r"|next|remain|other|visa|amex|number|sort|rout|aba|transit|instit|bsb|b\.s|acc|swift|debit|bank|iban|i b|social|ssn"
    r"|s\.?s|national|nino|n\.?h|n h|aadh|adha|pan |tax|t\.?f|medic|phil|pag|umid|gsis|g\.s|t\.?i\.?n|passport|licen"
    r"|govern|id|curp|ein|phone|mobile|cell|line|back|contact|whats|viber|fax|call|reach|ring|text|get|zip|post|order"
    r"|booking|reserv|track|ref|case|ticket|invoice|confirm|policy|member|loyal|custom|client|parcel|shipm|claim|incid",
    re.IGNORECASE,
)
_SMALL = frozenset(
    "is are was were be will would could should it's its it that's thats that this number no code digits digit please um"
    " uh er erm ah okay ok yes yeah sure so to the my your of on for card with we have you gave me here as in a i i'm"
    " sent got just received back at from text sms says reads and well hold let see like one ones being has account"
    " which ending ends details do write down take say first new old current correct would'll can".split()
) - {"one", "ones"}
_GAP_WORDS = 9
_TOKEN_WITH_DIGITS = re.compile(r"(?=[A-Za-z\-/]{0,8}\d)[A-Za-z0-9][A-Za-z0-9\-/]{3,33}(?![\w])")
_YEAR = re.compile(r"(?:19[5-9]|20[0-5])\d")


@dataclass(frozen=True, slots=True)
class Said:
    """A cue in a text: characters [start, end)."""

    cue: Cue
    start: int
    end: int


def said(text: str, kinds: frozenset[str]) -> list[Said]:
    """Every cue of these kinds in a text, in order."""
    if not _HINT.search(text):
        return []
    return [
        Said(cue, match.start(), match.end())
        for match in _ALL.finditer(text)
        if (cue := CUES[int(str(match.lastgroup)[1:])]).kind in kinds
    ]


def announced(text: str, found: list[Said], runs: list[Run], kept: list[tuple[int, int]]) -> list[Found]:
    """What the cues say is personal; `kept` are spans of dates, times and prices, which no cue but a date's means."""
    values = []
    for cue in found:
        value = _value_after(text, cue, runs, kept)
        if value is None and cue.cue.kind in ("CVV", "PIN", "CARD"):
            value = _value_before(text, cue, runs)
        if value is not None:
            values.append(value)
    return values


def fitting(run: Run, cue: Cue) -> Run | None:
    """The run, or the first of its parts, that has as many digits as the cue announces."""
    if cue.low <= len(run.digits) <= cue.high:
        return run
    if run.loosest == Joint.NEXT:
        return None
    for joint in (Joint.WORD, Joint.JOINER, Joint.HESITATION, Joint.SIGN):
        if run.loosest >= joint:
            part = run.parts(joint)[0]
            if cue.low <= len(part.digits) <= cue.high:
                return part
    return None


def _value_after(text: str, said_cue: Said, runs: list[Run], kept: list[tuple[int, int]]) -> Found | None:
    cue, end = said_cue.cue, said_cue.end
    run = next((run for run in runs if run.start >= end), None)
    if run is not None and small_words(text[end : run.start]):
        fit = fitting(run, cue)
        if fit is not None and not _is_other(text, fit, cue, kept):
            return Found(fit.start, fit.end, cue.kind)
    if cue.letters:
        return lettered(text, end, cue)
    return None


def _value_before(text: str, said_cue: Said, runs: list[Run]) -> Found | None:
    """ "one two three is the security code"."""
    before = [run for run in runs if run.end <= said_cue.start]
    if not before:
        return None
    run = before[-1]
    gap = text[run.end : said_cue.start].lower().split()
    if not gap or gap[0] not in ("is", "are", "was", "that's", "it's") or len(gap) > 4:
        return None
    fit = fitting(run, said_cue.cue)
    return Found(fit.start, fit.end, said_cue.cue.kind) if fit is not None else None


def _is_other(text: str, run: Run, cue: Cue, kept: list[tuple[int, int]]) -> bool:
    """A date, a time, a price, or a year after "ending in"."""
    if any(a < run.end and run.start < b for a, b in kept) and cue.kind not in ("ACCOUNT", "ID"):
        return True
    return cue.kind == "CARD" and bool(_YEAR.fullmatch(text[run.start : run.end]))


def small_words(gap: str) -> bool:
    """Whether only small words and signs stand in a gap, and not many."""
    if len(gap) > 80:
        return False
    words = [word for _, _, word in words_of(gap) if word[0].isalnum()]
    return len(words) <= _GAP_WORDS and all(word in _SMALL for word in words)


def lettered(text: str, end: int, cue: Cue) -> Found | None:
    """A value with letters, typed ("QQ 12 34 56 C") or spelled ("q q one two three four five six c")."""
    for match in _TOKEN_WITH_DIGITS.finditer(text, end, end + 120):
        if small_words(text[end : match.start()]) and cue.low <= len(match[0]) <= cue.high:
            return Found(match.start(), match.end(), cue.kind)
        break
    return _spelled(text, end, cue)


def _spelled(text: str, end: int, cue: Cue) -> Found | None:
    start = last = None
    length = digits = 0
    for a, b, word in words_of(text[end : end + 240]):
        letter = len(word) == 1 and word.isalpha()
        number = bool(CANDIDATE.fullmatch(word)) or word.isdecimal() or (start is not None and word == "oh")
        if letter and start is None and word in ("a", "i"):
            continue
        if letter or number:
            start, last = (end + a if start is None else start), end + b
            length, digits = length + 1, digits + number
        elif start is not None and word not in ("-", ",", ".", "double", "triple"):
            break
        elif start is None and word[0].isalnum() and word not in _SMALL:
            break
    if start is None or last is None or digits < 2 or not cue.low <= length <= cue.high:
        return None
    return Found(start, last, cue.kind)
