"""E-mail addresses whose signs are said, spaced or hidden, where the rest is typed: "jane.doe at gmail.com",
"jane @gmail.com", "jane [at] gmail [dot] com". What is said in words alone is the business of `shapes`."""

import re
from collections.abc import Set

from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.spoken import is_digit_word

TOP = frozenset(
    "com co org net uk in ph au ca edu gov io us info biz de fr es it ie nz sg eu me mail nl za com. me. app"
    " at be br ch cl mx pt".split()
)
NOT_A_LOCAL_PART = frozenset(
    "us me it in on online look site website page out up more found find available here is are live store shop".split()
)
# People speak of these as places too: "my account at gmail.com".
_NOBODY = NOT_A_LOCAL_PART | frozenset("an account accounts mail email mailbox you them login down".split())
# Whose name in an address says mail before it says a shop or a network: "my bill at verizon.com" is no address.
_PROVIDERS = frozenset(
    """
    gmail googlemail yahoo ymail rocketmail hotmail outlook icloud aol msn protonmail proton gmx mail sbcglobal
    btinternet rediffmail
    """.split()
)
# Their shops are under .com: "john at comcast.net" is an address.
_NETWORKS = frozenset("att comcast verizon".split())
# Letters on both sides of a sign ("jane.doe"), a name and a number ("jane1985", "jsmith7"), or letters one by one
# ("j-a-n-e"); not "49.99", "v2.0", "check-in", "iphone15" or "p.m.".
_LIKE_A_LOCAL_PART = re.compile(
    r"[^\W\d_][._+][^\W\d_]|^[^\W\d_]{3,}(?:19[4-9]\d|20[012]\d|[5-9]\d)$|^[^\W\d_](?:-[^\W\d_]){2,}$"
    r"|^(?!iphone|ipad|galaxy|pixel|windows|office|covid|xbox|playstation|macbook|order|item|sav(?:e|ing)|promo|code|flight"
    r"|version|level|room|page|part|step|model|sku|ticket|invoice|gate|terminal)[^\W\d_]{4,}\d{1,4}$"
)
# Before "@", which joins places less often than "at" does: "mike7", "mary-jane".
_NEAR_A_SIGN = re.compile(r"^[^\W\d_]+(?:\d|[._+-][^\W\d_])")
# Two words may be a name ("jane-doe") or what was bought ("gift-card"): a name where nothing else is said.
_MAY_BE_A_NAME = re.compile(
    r"(?!(?:check|sign|log|opt|pre|add|gift|pick|drop|live|self|on|off)-)[^\W\d_]{2,}-[^\W\d_]{2,}$"
)
_ANSWER = re.compile(
    r"(?:\W*\b(?:yes|yeah|yep|sure|okay|ok|um|uh|so|it's|its|it is|that's|that is|that would be)\b)*\W*", re.I
)
_NOTHING = re.compile(r"\W*(?:thanks|thank you|please)?\W*", re.IGNORECASE)
_ABBREVIATION = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]?")
# The signs as they are said in English, Spanish, German, French and Portuguese. "At one point be" is no domain.
DOT = r"(?:dot|punto|punkt|ponto|point(?=\s+(?:com|eu|fr|net|org)\b))"
_SURE_AT = r"(?:at[ -]sign|arr?oba|arr?obase|klammeraffe|ät)"
AT = rf"(?:{_SURE_AT}|at|@)"
_DOT_SAID = re.compile(rf"([^\W\d_]+) {DOT} (?=([^\W\d_]+))")
_DOT_WORDS = frozenset("dot punto punkt ponto point".split())
_AT_WORDS = frozenset("at arroba aroba arobase arrobase klammeraffe ät".split())
_DOT_HIDDEN = rf"\s{{0,3}}[\[({{<]\s?(?:dot|\.)\s?[\])}}>]\s{{0,3}}|\s{{1,3}}{DOT}\s{{1,3}}"
# A recogniser may end a sentence within: "gmail. com".
_DOT = rf"(?:\.|\s?\.\s(?=(?:com?|org)\b)|{_DOT_HIDDEN})"
# From the sign on, so that nothing before it is read in vain; `apart` may be no sign of an address ("sold at …").
_AT_DOMAIN = re.compile(
    r"(?:\s{0,3}[\[({<]\s?(?:at|@)\s?[\])}>]\s{0,3}"
    rf"|\s{{1,3}}{_SURE_AT}\s{{1,3}}"
    r"|(?P<apart>,?\s{1,3}at\s{1,3}|\s{1,3}@\s{0,3})|@\s{0,3})"
    rf"(?P<host>[^\W_][\w-]{{0,62}})(?:{_DOT}[\w-]{{2,63}}){{0,3}}?{_DOT}(?P<top>[a-z]{{2,12}})(?![\w@]|[.-]\w)",
    re.IGNORECASE,
)
_HIDDEN = re.compile(r"[\s\[({<]")
# Up to the sign; single letters before it were spelled. A bare dot stands among the characters alone: were it a
# separator too, a row of dots could be cut in thousands of ways.
_LOCAL = re.compile(
    r"(?<![\w.+'-])(?:[a-z]\s){0,12}[\w.+'-]{1,64}"
    rf"(?:(?:{_DOT_HIDDEN}|\s{{1,3}}(?:underscore|dash|hyphen|plus)\s{{1,3}})[\w.+'-]{{1,64}}){{0,3}}$",
    re.IGNORECASE,
)
_LONGEST = 100  # characters of a local part
_LONGEST_ANSWER = 160
_NAMED = re.compile(
    r"\b(?:e-?mails?|gmail)(?: (?:address|id))?(?:'s|:| is| was| to)?(?: (?:it's|um|uh|at|just))*\s*$", re.I
)


def may_hold(text: str, words: Set[str]) -> bool:
    """Whether a text, of these lower-case words, may hold such an address."""
    return _has_at(text, words) and ("." in text or not words.isdisjoint(_DOT_WORDS))


def may_be_said(text: str, words: Set[str]) -> bool:
    """Whether a text, of these lower-case words, may hold an address whose dots are said."""
    return _has_at(text, words) and not words.isdisjoint(_DOT_WORDS)


def _has_at(text: str, words: Set[str]) -> bool:
    return "@" in text or not words.isdisjoint(_AT_WORDS)


def emails(text: str) -> list[Found]:
    """The addresses.

    A sign that stands apart makes one where what stands before it looks like one or was called one, or where the
    provider's addresses are people's; "see us at example.com" is none.
    """
    found = []
    for match in _AT_DOMAIN.finditer(text):
        local = _LOCAL.search(text, max(0, match.start() - _LONGEST), match.start())
        if local is None or match["top"].lower() not in TOP or not _HIDDEN.search(match[0]):
            continue  # without a sign that is hidden it is an address as any (`typed`)
        if match["apart"] is None or _is_somebody(text, local, match):
            found.append(Found(local.start(), match.end(), "EMAIL"))
    return found


def _is_somebody(text: str, local: re.Match[str], domain: re.Match[str]) -> bool:
    said = local[0].lower().split()[-1]
    if said in _NOBODY or _ABBREVIATION.fullmatch(said):
        return False
    marked = bool(_LIKE_A_LOCAL_PART.search(said)) or _dot_said(local[0].lower())
    marked = marked or ("@" in domain["apart"] and bool(_NEAR_A_SIGN.search(said)))
    marked = marked or (bool(_MAY_BE_A_NAME.match(said)) and _is_all(text, local.start(), domain.end()))
    host = domain["host"].lower()
    provider = host in _PROVIDERS or (host in _NETWORKS and domain["top"].lower() == "net")
    return bool(marked or provider or _NAMED.search(text, max(0, local.start() - 40), local.start()))


def _is_all(text: str, start: int, end: int) -> bool:
    """Whether little stands beside [start, end): "yes, it's …, thanks"."""
    return len(text) < _LONGEST_ANSWER and bool(_ANSWER.fullmatch(text, 0, start) and _NOTHING.fullmatch(text, end))


def _dot_said(local: str) -> bool:
    """Whether "dot" joins two words that are no digits: "jane dot doe", not "two dot five"."""
    return any(not is_digit_word(word) for match in _DOT_SAID.finditer(local) for word in match.groups())
