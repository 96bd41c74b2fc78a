"""E-mail addresses, payment cards, phones and other long digit runs, as typed, whatever stands around them.

Every run of 12 or more digits is masked whether or not it is a card number (PCI DSS 3.3 keeps no card data; a Luhn
failure may be a typing error). Kept are dates, times, prices, decimals, version numbers, year ranges, and ids with
letters of fewer than 12 digits in a row.
"""

import re
from collections.abc import Callable

from cxsentiment.privacy.checks import card, digits_of

_MAX_PHONE_DIGITS = 15  # ITU-T E.164
_PHONE_DIGITS = 10

# Members of character classes: what stands for a space, for a dash, and what cannot be seen (soft hyphen, joiners).
_SPACE = r" \t\u00a0\u2000-\u200a\u202f\u205f\u3000"
_DASH = r"\-\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_HIDDEN = r"\u00ad\u200b-\u200d\u2060\ufeff"

_MIN_DIGITS = 7
_NAME = rf"\w\-\u2010\u2011{_HIDDEN}"
_EMAIL = re.compile(rf"[.+%'{_NAME}]{{1,64}}(?:@|%40)[{_NAME}]{{1,63}}(?:\.[{_NAME}]{{1,63}})+")
# "50%40example.com off" is a percentage, not a local part; "12345678%40qq.com" is one.
_PERCENTAGE = re.compile(r"\d{1,3}(?:\.\d{1,2})?%40[^@%]*")
# Up to two signs may stand between the digits of one number: "4111 - 1111" is two numbers, "4111- 1111" is one.
_LONG_RUN = re.compile(
    rf"\+?\d(?:[{_HIDDEN}]*(?:,[{_HIDDEN}]*|(?:[{_SPACE}\n.{_DASH}/_][{_HIDDEN}]*){{0,2}})\d){{11,}}"
)
_RUN = re.compile(rf"[+(]{{0,2}}\d(?:[{_HIDDEN}]*(?:[{_SPACE}.{_DASH}/()][{_HIDDEN}]*){{0,3}}\d){{6,}}")
_CURRENCY = (
    r"(?:USD|EUR|GBP|INR|AUD|CAD|CHF|JPY|BRL|MXN|PLN|SEK|NOK|DKK|dollars?|euros?|pounds?|rupees?|pesos?|cents?|reais"
    r"|francs?|franken|yen|yuan|kr|zł|руб(?:ль|ля|лей)?|VND|IDR|KRW|COP|CLP|PHP|HUF|NGN|points|miles)"
)
_KEPT = re.compile(
    (
        r"""(
    (?<![\d<dash>./])\d{4}([<dash>/.])(?:0?[1-9]|1[0-2])\2(?:3[01]|[12]\d|0?[1-9])(?!\d|[<dash>/.]\d)  # 2024-05-01
    | (?<![\d<dash>./])(?:3[01]|[12]\d|0?[1-9])([<dash>/.])(?:3[01]|[12]\d|0?[1-9])\3(?:19|20)\d\d
      (?!\d|[<dash>/.]\d)                                                                  # 01/05/2024
    | (?<![\d:])\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\d:])                                # 10:30, 10:30:05.5
    | (?<![\d<dash>./])(?:19|20)\d\d[<space>]?[<dash>/][<space>]?(?:19|20)\d\d(?!\d|[<dash>./]\d)     # 2019-2024
    | \b(?:v|version|ver|release|build|firmware)[.:]?[<space>]?\d{1,5}(?:\.\d{1,5}){1,4}
      (?![.\d])                                                                              # version 115.0.5790.170
    | \b(?:v|version|ver|release|build|firmware)[.:]?[<space>]?20[0-3]\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?!\d)
    | (?:[$€£¥₹]|\b(?:Rs|USD|EUR|GBP|INR)\b\.?)\ ?\d{1,9}(?:[.,]\d{1,3})*(?!\d)            # $1,999.00
    | (?<![\d.,<dash>+(<hidden>])(?<!\d[<space>])(?:[1-9]\d{0,2}(?:[<space>]\d{3}){1,3}|\d{1,9}(?:[.,]\d{1,3})*)
      (?:\ ?(?:%|[$€£¥₹₽](?!\d))|[元円원]|\ [元円원](?!\w)|\ ?"""  # apart, 원 may begin a word, and $ a price
        + _CURRENCY
        + r"""\b)                                                                              # 1 999 euros
    )"""
    )
    .replace("<space>", _SPACE)
    .replace("<dash>", _DASH)
    .replace("<hidden>", _HIDDEN),
    re.VERBOSE | re.IGNORECASE,
)
_SOCIAL_SECURITY = re.compile(r"\d{3}[- ]\d{2}[- ]\d{4}")
# "INV-2045817", "AB_1234567", "АБ1234567": letters that belong to the number after them. Latin ones and capitals:
# scripts without spaces write a phone number right beside a word, and others may ("телефон89991234567").
_ID_BEFORE = re.compile(rf"(?:[A-Za-z0-9_]|\b[A-Z]{{1,6}}[_{_DASH}])$")
# "1500000руб", "1000000人": the word after a number says what is counted; but in scripts without spaces, and in Korean,
# whose particles stand right after a word, only some do.
_NO_SPACES = re.compile(r"[\u0e00-\u0e7f\u3005-\u9fff\uac00-\ud7af]")
_COUNTER = re.compile(r"人(?!工)|[个個](?!人)|次(?![にの])|회(?!사)|万(?!一)|[件명개건億亿만억]")
_ANY_SPACE, _ANY_DASH, _ANY_HIDDEN = (re.compile(f"[{members}]") for members in (_SPACE, _DASH, _HIDDEN))


def mask_typed(text: str, mark: Callable[[str], str]) -> str:
    """The text with `mark(kind)` in place of what was found; an empty mark leaves it as it is."""
    if "@" in text or "%40" in text:  # in an address of the web
        text = _EMAIL.sub(
            lambda match: match[0] if _PERCENTAGE.fullmatch(match[0]) else mark("EMAIL") or match[0], text
        )
    if _digits(text) < _MIN_DIGITS:
        return text
    text = _LONG_RUN.sub(lambda match: mark(_long_kind(match[0])) or match[0], text)
    pieces = []
    position = 0
    for start, end in kept_spans(text):
        pieces += [_mask_runs(text[position:start], mark), text[start:end]]
        position = end
    return "".join([*pieces, _mask_runs(text[position:], mark)])


def kept_spans(text: str) -> list[tuple[int, int]]:
    """Dates, times, prices, versions and year ranges: characters [start, end) each."""
    return [match.span() for match in _KEPT.finditer(text)]


def _mask_runs(text: str, mark: Callable[[str], str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        kind = _kind(match)
        return (mark(kind) if kind else "") or match[0]

    return _RUN.sub(replaced, text)


def _kind(match: re.Match[str]) -> str | None:
    """PHONE, NUMBER, or None for what is kept, of a run of 7 to 11 digits."""
    run = _as_typed(match[0])
    digits = _digits(run)
    plain = run.isdecimal()
    before = match.string[max(0, match.start() - 1) : match.start()]
    if _ID_BEFORE.search(match.string, max(0, match.start() - 9), match.start()):
        return None
    if digits < _PHONE_DIGITS and (before.isupper() or _goes_on(match.string, match.end(), plain=plain)):
        return None
    if _is_decimal(run) or _is_range(run):
        return None
    if _SOCIAL_SECURITY.fullmatch(run):
        return "NUMBER"
    return "PHONE" if not plain or _is_plain_phone(run) else "NUMBER"


def _goes_on(text: str, end: int, *, plain: bool) -> bool:
    """Whether the word right after a number belongs to it."""
    if _NO_SPACES.match(text, end):
        return plain and _COUNTER.match(text, end) is not None
    return text[end : end + 1].isalpha()


def _long_kind(run: str) -> str:
    """CARD, PHONE or NUMBER, of a run of 12 digits or more."""
    if run.startswith("+") and _digits(run) <= _MAX_PHONE_DIGITS:
        return "PHONE"
    return "CARD" if card(digits_of(run)) else "NUMBER"


def _is_plain_phone(run: str) -> bool:
    """Digits without any sign that are as long as a national phone number: 9123456780, 07700900123, 12025550143."""
    return len(run) == _PHONE_DIGITS or (len(run) == _PHONE_DIGITS + 1 and run[0] in "01")


def _as_typed(run: str) -> str:
    """The run with plain spaces and hyphens, and without what cannot be seen."""
    return _ANY_HIDDEN.sub("", _ANY_DASH.sub("-", _ANY_SPACE.sub(" ", run)))


def _digits(run: str) -> int:
    return sum(map(str.isdecimal, run))


def _is_decimal(run: str) -> bool:
    whole, point, rest = run.partition(".")
    return bool(point) and whole.isdecimal() and rest.isdecimal() and max(len(whole), len(rest)) < 7


def _is_range(run: str) -> bool:
    """Round numbers in rising order: "1500 - 2000"."""
    low, _, high = run.replace(" ", "").partition("-")
    round_numbers = low.isdecimal() and high.isdecimal() and low.endswith("0") and high.endswith("0")
    return round_numbers and int(low) < int(high)
