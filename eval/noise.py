"""What channels do to a turn's words: capitals, marks, fillers, a recogniser's errors. For the invariance tests.

Deliberately not the augmentation that training uses: a model must not be tested on the very noise it was taught. All
chance comes from the text, the kind and the number of the draw, so every run makes the same variants.
"""

import random
import re
from collections.abc import Callable, Mapping

_FILLERS = ("um", "uh", "you know", "er", "like", "i mean", "well", "erm")
_EVERY = 5  # about one filler or repeat to this many words
# What a recogniser writes for words that sound like them; other words turn into one of the common ones.
_HEARD = dict(
    pair.split(":")
    for pair in """
    a:the about:out account:count address:dress again:gain and:an angel:angle are:our arrived:arrive
    birth:berth bothered:bother bought:brought but:bought call:cool called:cold calling:falling can:can't car:cart
    ceiling:sealing colleague:college come:calm coming:common costs:cost date:data day:they delivered:deliver
    disgrace:grace eight:ate family:family's five:fine flat:flap for:four forty:fourteen four:for full:fool goodbye:good
    half:halve have:of help:health horrible:horror how:now i:a is:his it:its know:no lamp:lamb landlord:landlords
    leak:leek left:lift line:lying lovely:lonely money:many morning:mourning my:by name:names need:knead news:nose
    night:knight nobody:somebody number:member of:off on:an one:won order:older ordered:order please:pleased
    plumber:number pounds:pound rack:wreck really:rarely repairs:repair roof:rough rung:wrong says:said sorry:sorrow
    stay:say take:tape team:tea thank:thanks that:the the:a this:these through:threw time:dime times:time to:two
    today:day tomorrow:tomorrows transfer:transferred trouble:double tuesday:tuesdays two:to very:fairy visit:visits
    was:what water:what week:weak weekend:weekends weeks:week what:want when:then will:well with:width wonderful:wonder
    worried:worry would:wood you:your your:you
    """.split()
)
_COMMON = ("the", "and", "it", "in", "there", "was", "so", "they", "on", "what")


def _fillers(text: str, chance: random.Random) -> str:
    words = text.split()
    for place in sorted(chance.sample(range(len(words)), -(-len(words) // _EVERY)), reverse=True):
        words.insert(place, chance.choice(_FILLERS))
    return " ".join(words)


def _repeats(text: str, chance: random.Random) -> str:
    words = text.split()
    for place in sorted(chance.sample(range(len(words)), -(-len(words) // _EVERY)), reverse=True):
        words.insert(place, words[place].rstrip(".,;:!?"))
    return " ".join(words)


def _without_marks(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s']|(?<!\w)'|'(?!\w)", " ", text).split())


def _spoken(text: str) -> str:
    return _without_marks(text.lower())


def _misheard(share: float) -> Callable[[str, random.Random], str]:
    """A recogniser that gets `share` (0-1) of the words wrong, at least one: 7 in 10 replaced, 2 lost, 1 added."""

    def mishear(text: str, chance: random.Random) -> str:
        words = _spoken(text).split()
        errors = min(len(words), max(1, round(share * len(words))))
        for place in sorted(chance.sample(range(len(words)), errors), reverse=True):
            roll = chance.random()
            if roll < 0.7:
                others = [word for word in _COMMON if word != words[place]]
                words[place] = _HEARD.get(words[place]) or chance.choice(others)
            elif roll < 0.9 and len(words) > 1:
                del words[place]
            else:
                words.insert(place, chance.choice(_COMMON))
        return " ".join(words)

    return mishear


def _once(change: Callable[[str], str]) -> tuple[int, Callable[[str, random.Random], str]]:
    return 1, lambda text, _: change(text)


# Name → how many draws, and the change.
NOISES: Mapping[str, tuple[int, Callable[[str, random.Random], str]]] = {
    "upper case": _once(str.upper),
    "lower case": _once(str.lower),
    "title case": _once(lambda text: " ".join(word[:1].upper() + word[1:] for word in text.split())),
    "no punctuation": _once(_without_marks),
    "no full stop": _once(lambda text: text.rstrip(".!?")),
    "spaced marks": _once(lambda text: re.sub(r"(?<=\w)([.,;:!?])", r" \1", text)),
    "curly quotes": _once(lambda text: text.replace("'", "’")),
    "fillers": (3, _fillers),
    "repeats": (3, _repeats),
    "speech form": _once(_spoken),
    "5 % word errors": (4, _misheard(0.05)),
    "10 % word errors": (4, _misheard(0.10)),
    "20 % word errors": (4, _misheard(0.20)),
    "30 % word errors": (4, _misheard(0.30)),
}


def noisy(text: str, kind: str) -> tuple[str, ...]:
    """The draws of one kind of noise (a key of NOISES) on `text`; the same ones every time."""
    draws, change = NOISES[kind]
    # repeatable by its seed; no secret
    return tuple(change(text, random.Random(f"{kind}/{draw}/{text}")) for draw in range(draws))  # nosec B311
