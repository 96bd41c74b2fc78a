"""Passwords, memorable words and the answers to security questions: what is said after the cue, or to a question for
it, unless it is said about the password."""

import re

from cxsentiment.privacy.marks import Found

_CUE = re.compile(
    r"(?<!\w)(?:pass ?words?|pass ?phrase|p/w|pwd|memorable (?:word|name|place)|secret (?:word|answer)"
    r"|security (?:word|answer|phrase)|pw|maiden name|(?:childhood|first) pet(?:['’]s name)?"
    r"|(?<!boarding )(?<!day )(?<!bus )pass(?=\s*[:=]))(?!\w)",
    re.IGNORECASE,
)
# In other languages what is said about a password is not known: a value has a digit.
_ABROAD = re.compile(
    r"(?<!\w)(?:contraseña|contrasena|clave|senha|palavra-passe|passwort|kennwort|mot de passe)(?!\w)"
    r"(?:\s*[:=]\s*|\s+(?:es|é|est|c'est|ist|lautet)\s+)((?=[^\s\d]{0,40}\d)(?!\[)\S{4,64})",
    re.IGNORECASE,
)
# One of these words stands in every cue.
GATE = frozenset(
    """
    password passwords pass passphrase phrase memorable secret security pwd pw w maiden childhood pet contraseña
    contrasena clave senha passe passwort kennwort
    """.split()
)
_BETWEEN = re.compile(
    r"(?:\s+(?:for|of|to|on) (?:the|my|your|this|that)(?: \w+){1,2}?)?"
    r"(?:\s*[:=]\s*|(?:(?<=password)['’]s|\s+(?:is|was|being|it's|its|it is|as|to))\s+"
    r"(?:now |currently |just |set to |going to be )?)"
    r"(?:(?:um|uh|er|erm|okay|so|like|capital|all lower ?case|the word)[,\s]+)*",
    re.IGNORECASE,
)
_DIGIT = r"(?:\d{1,8}|zero|one|two|three|four|five|six|seven|eight|nine|oh|double|triple)"
# Quoted; spelled ("b l u e four four"); or a word, with the digits and single letters after it ("tomato 12").
_SPELLED = re.compile(rf"(?:[A-Za-z]|{_DIGIT})(?:[\s-]+(?:[A-Za-z]|{_DIGIT})(?![\w'])){{2,30}}", re.IGNORECASE)
_MORE = re.compile(rf"(?:\s+(?:[B-HJ-Zb-hj-z]|{_DIGIT})(?![\w'])){{1,6}}")
_VALUE = re.compile(r"[\"'“‘]([^\"'”’\n]{2,60})[\"'”’]|(\S{2,64})")
# Said about a password, not instead of one.
_ABOUT = frozenset(
    """
    a about accepted access account after again all almost already also always an and another any anything as asked at
    be because been being blank blocked broken but by can can't case change changed changing confidential correct
    correctly different disabled do does doesn't don't done either empty enough enter entered even ever exactly expire
    expired expires fine for forgotten from getting given going gone good got has have he help her here his how i i'd
    i'll i'm i've if ignored in incorrect incorrectly invalid is it it's its just keep keeps known later locked long
    longer lost make me missing most much must my need needed needs never new no not nothing now of ok okay old on one
    only open or our out over please possible private probably protected really recover refused rejected required reset
    resetting right same save saved secure see send sensitive sent set she should showing so some somebody someone
    something stay still stolen store stored strong such sure temporary that that's the their them then there these they
    this those to too try unable under unique up update updated us use used using valid very visible want was wasn't we
    weak well were what when where which who why will with won't work worked working works wrong yes yet you you'll
    you're your yours safe sign log login create created remember remembered hidden shared correctly, first second third
    1st 2nd 3rd letter letters length
    """.split()
)


def passwords(text: str) -> list[Found]:
    """The values after each cue."""
    found = []
    for cue in _CUE.finditer(text):
        between = _BETWEEN.match(text, cue.end())
        if between is None:
            continue
        spelled, value = _SPELLED.match(text, between.end()), _VALUE.match(text, between.end())
        if spelled is not None:
            found.append(Found(spelled.start(), spelled.end(), "PASSWORD"))
        elif value is not None and (span := _span(text, value)) is not None:
            found.append(Found(*span, "PASSWORD"))
    for cue in _ABROAD.finditer(text):
        end = cue.start(1) + len(cue[1].rstrip(".,;:!?)\"'”’"))
        found.append(Found(cue.start(1), end, "PASSWORD"))
    return found


_ASKS = re.compile(
    r"\b(?:what(?:'s| is| was)|tell me|give me|provide|confirm|verify|(?:have|get) (?:your|the|me))\b[^.?!\n]{0,40}"
    r"\b(?:pass ?word|pass ?phrase|(?:memorable|secret|security) (?:word|answer|name|place)|maiden name"
    r"|(?:first|childhood|favou?rite) (?:pet|school|teacher)|pet you had)\b"
    r"|\b(?:what|which) pass ?word (?:are|do|did|have|were|was)\b"
    r"|\banswer to (?:your|the) (?:security|secret) question\b[^.!\n]{0,20}\?"
    r"|\bname of (?:your|the) (?:first |childhood |favou?rite )(?:pet|school|teacher)\b[^.!\n]{0,20}\?"
    r"|\bmaiden name\?"
    # Nothing else is said: "And your password, please?"
    r"|^\W*(?:(?:and|ok|okay|your|the|current|username|user|name|login|email|id|may|can|could|i|have)\b\W*){0,6}"
    r"pass ?word(?:,? please)?\W*$",
    re.IGNORECASE,
)
# One of these is in every such question.
_ASKED = ("word", "pass", "maiden", "secret", "security", "pet", "school", "teacher")
_ASKS_ABROAD = re.compile(
    r"(?<!\w)(?:contraseña|contrasena|senha|palavra-passe|passwort|kennwort|mot de passe)(?!\w)[^.!\n]{0,30}\?",
    re.IGNORECASE,
)
_BEFORE_ANSWER = re.compile(
    r"[^\w\[]*(?:(?:yes|yeah|yep|sure|ok|okay|um|uh|well|so|oh)\b[^\w\[]*)*"
    r"(?:(?:i think )?(?:it's|it is|it was|it would be|that's|that is|that was|that would be|the answer is)\s+)?",
    re.IGNORECASE,
)
# What an open question for a secret takes: nothing, a value with a digit, or any short answer.
_NONE, _WITH_DIGIT, _ANY = range(3)


def asks(text: str) -> int:
    """Whether a turn asks for a password or the answer to a security question, as `answer` takes it."""
    low = text.lower()
    if any(word in low for word in _ASKED) and _ASKS.search(text):
        return _ANY
    return _WITH_DIGIT if "?" in text and _ASKS_ABROAD.search(text) else _NONE


def answer(text: str, asked: int = _ANY) -> Found | None:
    """The short answer to a question for a secret, unless it is small talk; "it's" before it is left."""
    before = _BEFORE_ANSWER.match(text)
    begin = before.end() if before is not None else 0
    value = text[begin:].rstrip()
    if not _may_answer(value.split()) or (asked != _ANY and not any(map(str.isdecimal, value))):
        return None
    return Found(begin, begin + len(value.rstrip(".,;:!?") or value), "PASSWORD")


def _may_answer(words: list[str]) -> bool:
    if not 1 <= len(words) <= 3 or any(_bare(word) in _ABOUT or len(_bare(word)) < 2 for word in words):
        return False
    return not all(_bare(word) in _TALK for word in words) and not any("[" in word for word in words)


_TALK = frozenset(
    """
    hello hi hey thanks thank yeah yep nope hmm sorry what pardon wait second moment hold hang fine great alright maybe
    really oh uh um er ma'am sir ready sounds cool perfect forgot forget idea agent bye
    """.split()
)


def _bare(word: str) -> str:
    return word.lower().strip(".,!?;:\"'“”‘’")


def _span(text: str, value: re.Match[str]) -> tuple[int, int] | None:
    if value[1] is not None:
        return value.span(1)
    word = value[2].rstrip(".,;:!?)\"'”’")
    if len(word) < 2 or word.startswith("["):
        return None
    if _bare(word) in _ABOUT or _bare(word) in _TALK or _bare(word).endswith("ing"):
        return None
    end = value.start(2) + len(word)
    more = _MORE.match(text, end)
    return value.start(2), end if more is None else more.end()
