"""Makes payment card numbers and what looks like them, typed and said, for the measurement of masking.

Nothing here is shared with the masker: another's list of words would hide its gaps. All chance comes from the generator
that is given.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Brand → first digits and lengths in use.
_BRANDS: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    ("Visa", ("4",), (13, 16, 16, 16, 19)),
    ("Mastercard", ("51", "52", "53", "54", "55", "2221", "2450", "2720"), (16,)),
    ("American Express", ("34", "37"), (15,)),
    ("Discover", ("6011", "644", "65"), (16, 16, 19)),
    ("Diners Club", ("300", "305", "36", "38"), (14,)),
    ("JCB", ("3528", "3589"), (16, 19)),
    ("UnionPay", ("62",), (16, 17, 18, 19)),
    ("Maestro", ("5018", "5020", "6304", "6759"), (13, 14, 15, 16, 17, 18, 19)),
)
_GAPS = (
    " ",
    " ",
    " ",
    "-",
    "-",
    "",
    "",
    ".",
    "  ",
    " - ",
    "\u2013",
    "\u2011",
    "\u00a0",
    "\u202f",
    ", ",
    ",",
    "/",
    "_",
    "\n",
)
_TYPED_FRAMES = (
    "{}",
    "My card number is {}.",
    "it's {} thanks",
    "Card: {}",
    "please charge {} again",
    "I paid with {} but it was declined, can you check?",
    "you asked for the long number, here you go: {} - is that enough?",
    "visa {} in the name of Jo Park",
    "I typed ({}) on your site and it froze",
    "sure! {}!",
    "the old one was {} and that expired",
    "CC#{}",
    "Can you take {}? I'm in a hurry",
    "pls use {} instead of the one on file",
)
_SAID_FRAMES = (
    "{}",
    "it's {}",
    "yeah okay so the number is {}",
    "sure um {} okay",
    "my card number is {}",
    "alright let me read it out {} did you get that",
    "the long number across the front is {} and the name is on the card too",
    "okay ready {} that is the whole thing",
    "visa {} please",
    "I will pay by card. {}. Can you take that?",
    "hold on where are my glasses right {} thank you",
    "that would be {}",
)
_NAMES = {
    "0": ("zero", "oh", "oh", "o"),
    "1": ("one",),
    "2": ("two",),
    "3": ("three",),
    "4": ("four",),
    "5": ("five",),
    "6": ("six",),
    "7": ("seven",),
    "8": ("eight",),
    "9": ("nine",),
}
_TEN_TO_NINETEEN = ("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen").split()
_DECADES = dict(zip("23456789", "twenty thirty forty fifty sixty seventy eighty ninety".split(), strict=True))
# What recognisers and listeners write for a digit, some of it not even close.
_MISHEARD = {
    "zero": "hero xero zeros cero",
    "oh": "owe ow all",
    "o": "owe ah",
    "one": "won wan want juan on",
    "two": "to too do true",
    "three": "tree free thee the",
    "four": "for fore or floor",
    "five": "fife hive fine bye",
    "six": "sex sicks fix sick",
    "seven": "heaven kevin savin",
    "eight": "ate a aid hate",
    "nine": "nein mine line night",
}
_PAUSES = ("um", "uh", "er", "and", "and then", "then", "dash", "okay", "so", "uhm")


@dataclass(frozen=True)
class Sample:
    """A sentence with a card in it: the sentence is `before + card + after`."""

    before: str
    card: str
    after: str
    brand: str
    style: str

    @property
    def text(self) -> str:
        """The whole sentence."""
        return self.before + self.card + self.after


def card_number(chance: random.Random) -> tuple[str, str]:
    """Brand and digits of a card number whose last digit is the right check digit."""
    brand, starts, lengths = chance.choice(_BRANDS)
    start, length = chance.choice(starts), chance.choice(lengths)
    body = start + "".join(chance.choices("0123456789", k=length - 1 - len(start)))
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return brand, body + str(-total % 10)


def _groups(digits: str, chance: random.Random) -> list[str]:
    if len(digits) == 15 and chance.random() < 0.6:
        return [digits[:4], digits[4:10], digits[10:]]
    if len(digits) == 14 and chance.random() < 0.6:
        return [digits[:4], digits[4:10], digits[10:]]
    size = chance.choice((4, 4, 4, 4, 4, 2, 8))
    return [digits[at : at + size] for at in range(0, len(digits), size)]


def typed(chance: random.Random) -> Sample:
    """A card as people type it, in a sentence."""
    brand, digits = card_number(chance)
    gap = chance.choice(_GAPS)
    groups = list(digits) if chance.random() < 0.05 and gap.strip("-") == "" else _groups(digits, chance)
    before, after = chance.choice(_TYPED_FRAMES).split("{}")
    return Sample(before, gap.join(groups), after, brand, repr(gap))


def said(chance: random.Random, errors: float = 0.0) -> Sample:
    """A card as people say it; `errors` (0-1) is the share of words that are heard as others."""
    brand, digits = card_number(chance)
    style = chance.choices(("digits", "doubles", "pairs", "mixed with typed"), (5, 2, 2, 1))[0]
    spoken = [_GROUP_STYLES[style](group, chance) for group in _groups(digits, chance)]
    words = [_misheard(word, errors, chance) for word in _joined(spoken, chance)]
    text = " ".join(words).replace(" ,", ",").replace(" .", ".")
    before, after = chance.choice(_SAID_FRAMES).split("{}")
    if chance.random() < 0.2:
        text = text[:1].upper() + text[1:]
    return Sample(before, text, after, brand, style)


def _joined(groups: list[list[str]], chance: random.Random) -> list[str]:
    """The words of all groups, with a pause or a sign between some."""
    signs = chance.choice(("", "", "", ",", ".", "-"))
    words: list[str] = []
    for place, group in enumerate(groups):
        if place and signs == "-":
            words.append("-")
        elif place and signs:
            words.append(signs)
        if place and chance.random() < 0.08:
            words += chance.choice(_PAUSES).split()
        words += group
    return words


def _digit(digit: str, chance: random.Random) -> str:
    return chance.choice(_NAMES[digit])


def _one_by_one(group: str, chance: random.Random) -> list[str]:
    return [_digit(digit, chance) for digit in group]


def _doubled(group: str, chance: random.Random) -> list[str]:
    words: list[str] = []
    at = 0
    while at < len(group):
        same = 1
        while at + same < len(group) and group[at + same] == group[at] and same < 3:
            same += 1
        if same > 1 and chance.random() < 0.8:
            words += [("double", "triple")[same - 2], _digit(group[at], chance)]
        else:
            words += [_digit(group[at], chance)] * same
        at += same
    return words


def _paired(group: str, chance: random.Random) -> list[str]:
    words: list[str] = []
    for at in range(0, len(group), 2):
        pair = group[at : at + 2]
        if len(pair) == 2 and pair[0] == "1":
            words.append(_TEN_TO_NINETEEN[int(pair[1])])
        elif len(pair) == 2 and pair[0] != "0":
            words.append(_DECADES[pair[0]])
            words += [] if pair[1] == "0" else [_digit(pair[1], chance)]
        else:
            words += _one_by_one(pair, chance)
    return words


def _half_typed(group: str, chance: random.Random) -> list[str]:
    return [group] if chance.random() < 0.5 else _one_by_one(group, chance)


_GROUP_STYLES: Mapping[str, Callable[[str, random.Random], list[str]]] = {
    "digits": _one_by_one,
    "doubles": _doubled,
    "pairs": _paired,
    "mixed with typed": _half_typed,
}


def _misheard(word: str, share: float, chance: random.Random) -> str:
    if word in _MISHEARD and chance.random() < share:
        return chance.choice(_MISHEARD[word].split())
    return word
