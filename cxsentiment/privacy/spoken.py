"""Numbers as they are said: digit words, "double five", "forty one eleven", mixed with typed digits.

`runs` reads a text once, left to right, and gives every run of digits with the characters it spans. A run goes on over
signs, hesitations ("um", "dash") and joining words ("and then"), and each element remembers what joined it to the one
before, so that a run which is no number as a whole can be taken apart where it hangs together least. What sounds like
a digit ("won", "to", "ate") is one only between spoken digits. One word that is neither may stand between spoken digits
too, for a recogniser writes any word now and then; only long numbers may hold such words.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple


class Flavour(IntEnum):
    """How an element's digits were given."""

    TYPED = 0
    UNIT = 1  # four, double four
    PAIR = 2  # eleven, forty one
    SCALE = 3  # hundred, thousand
    ALIKE = 4  # won, to, oh


class Joint(IntEnum):
    """What stands between an element and the one before it, from tight to loose."""

    NEXT = 0
    SIGN = 1
    HESITATION = 2
    JOINER = 3
    WORD = 4


class Element(NamedTuple):
    """One or more digits of a run; characters [start, end) of the text."""

    start: int
    end: int
    digits: str
    flavour: Flavour
    joint: Joint


@dataclass(frozen=True, slots=True)
class Run:
    """A run of at least one element.

    `plus` is where a plus sign before it begins, else None. `lead` and `trail` are words right before and after it that
    sound like digits, and may be ones.
    """

    elements: tuple[Element, ...]
    plus: int | None = None
    lead: tuple[Element, ...] = ()
    trail: tuple[Element, ...] = ()

    @property
    def digits(self) -> str:
        """All digits, in order."""
        return "".join(element.digits for element in self.elements)

    @property
    def start(self) -> int:
        """First character, the plus sign among them."""
        return self.elements[0].start if self.plus is None else self.plus

    @property
    def end(self) -> int:
        """One past the last character."""
        return self.elements[-1].end

    @property
    def spoken(self) -> bool:
        """Whether any of it is a word."""
        return any(element.flavour for element in self.elements)

    @property
    def loosest(self) -> Joint:
        """The loosest joint inside the run."""
        return max((element.joint for element in self.elements[1:]), default=Joint.NEXT)

    @property
    def tight(self) -> bool:
        """Whether nothing but a space or one sign stands between its elements: "312-764-1919"."""
        return all(
            after.joint <= Joint.SIGN and after.start - before.end <= 1 for before, after in pairwise(self.elements)
        )

    def count(self, flavour: Flavour) -> int:
        """How many digits are of one flavour."""
        return sum(len(element.digits) for element in self.elements if element.flavour == flavour)

    def parts(self, joint: Joint) -> list["Run"]:
        """The pieces between the joints that are as loose as `joint` or looser."""
        cuts = [0, *(k for k, e in enumerate(self.elements) if k and e.joint >= joint), len(self.elements)]
        pieces = [Run(self.elements[a:b]) for a, b in pairwise(cuts)]
        return [Run(pieces[0].elements, self.plus), *pieces[1:]]


_UNITS = {
    word: str(number) for number, word in enumerate("zero one two three four five six seven eight nine".split())
} | {"nought": "0", "naught": "0", "niner": "9"}
_TEENS = {
    word: str(number)
    for number, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(), 10
    )
}
_TENS = {
    word: str(number) for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
} | {"fourty": "4", "fourtey": "4"}
_REPEATS = {"double": 2, "dubble": 2, "triple": 3, "treble": 3, "quadruple": 4}
_SCALES = {"hundred": "00", "thousand": "000"}
_ZEROS = frozenset("oh o ow owe zeros zeroes".split())
_ALIKE = {
    sound: digit
    for digit, sounds in enumerate(
        (
            "oh o ow owe zeros zeroes hero xero",
            "won wan wun ones",
            "to too tu tew twos",
            "tree free thee threes sri",
            "for fore foe fours ford",
            "fife fives hive fi",
            "sex sicks sics sixes sick sikhs",
            "heaven sevens savin seben",
            "ate ait eights hate aight",
            "nein nines nigh mine line",
        )
    )
    for sound in sounds.split()
}
_HESITATIONS = frozenset(
    "um uh er erm ah eh hmm hm mm uhm umm uhh dash hyphen space slash stroke dot point comma period".split()
)
_JOINERS = frozenset(
    "and then next so okay ok yeah yes it's its that's thats followed by again like well is are the sorry".split()
)
# What is counted: no digit that was misheard.
_COUNTED = frozenset(
    "dollars pounds euros pesos rupees cents percent minutes hours days weeks months years times".split()
)
_SIGNS = frozenset("-,./;_()…–—‐‑‒−\"'")
PAUSES = _SIGNS | _HESITATIONS
_TOKEN = re.compile(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)?|[^\s\u00ad\u200b-\u200d\u2060\ufeff]")
_GAP_TOKENS = 6
_EDGE_TOKENS = 4
_SURELY_LONG = 12  # digits after which a stray word is bridged even before the last digit
_SURE = frozenset([*_UNITS, *_TEENS, *_TENS, *_REPEATS])
_HAS_DIGIT = re.compile(r"\d")

Token = tuple[int, int, str]


class _Piece(NamedTuple):
    """A token, or several that are read as one: its digits and flavour, or how it may join digits (None: not)."""

    start: int
    end: int
    digits: str
    flavour: Flavour
    joint: Joint
    word: str


def words_of(text: str) -> list[Token]:
    """Every token of a text as (start, end, token in lower case)."""
    return [(match.start(), match.end(), match[0].lower().replace("’", "'")) for match in _TOKEN.finditer(text)]


def is_digit_word(word: str) -> bool:
    """Whether a lower-case word is digits, typed or said, beyond doubt."""
    return word in _SURE or word.isdecimal()


def has_digits(text: str, words: Set[str]) -> bool:
    """Whether a text, whose lower-case words are given, holds any digit, typed or said beyond doubt."""
    return not words.isdisjoint(_SURE) or _HAS_DIGIT.search(text) is not None


def runs(text: str, tokens: Sequence[Token], blocked: Sequence[tuple[int, int]] = ()) -> list[Run]:
    """Every run of digits of a text (with its `tokens`), in order.

    Characters in a `blocked` span (start, end) are never digits; the spans are in order.
    """
    pieces = _pieces(text, tokens, blocked)
    found: list[Run] = []
    place = 0
    while place < len(pieces):
        if not _opens(pieces, place):
            place += 1
            continue
        elements, last = _collect(pieces, place)
        lead, trail = _alike(pieces, place - 1, -1)[::-1], _alike(pieces, last + 1, 1)
        found.append(Run(tuple(elements), _plus(pieces, place), lead, trail))
        place = last + 1
    return found


def _opens(pieces: list[_Piece], place: int) -> bool:
    piece = pieces[place]
    if not piece.digits or piece.flavour == Flavour.SCALE:
        return False
    if piece.flavour != Flavour.ALIKE:
        return True
    after = pieces[place + 1] if place + 1 < len(pieces) else None
    if piece.word not in _ZEROS or after is None or not after.digits:
        return False
    return after.flavour in (Flavour.UNIT, Flavour.PAIR) or (
        after.flavour == Flavour.ALIKE and _opens(pieces, place + 1)
    )


def _plus(pieces: list[_Piece], place: int) -> int | None:
    before = pieces[place - 1] if place else None
    return before.start if before and before.word in ("+", "plus") else None


def _alike(pieces: list[_Piece], at: int, step: int) -> tuple[Element, ...]:
    """Up to two words that sound like digits, from `at` on in one direction, behind signs and pauses too."""
    found: list[Element] = []
    for _ in range(_EDGE_TOKENS):
        piece = pieces[at] if 0 <= at < len(pieces) else None
        if piece is None or len(found) == 2:
            break
        if piece.digits and piece.flavour == Flavour.ALIKE:
            found.append(Element(piece.start, piece.end, piece.digits, Flavour.ALIKE, Joint.NEXT))
        elif piece.joint not in (Joint.SIGN, Joint.HESITATION):
            break
        at += step
    return tuple(found)


def _collect(pieces: list[_Piece], place: int) -> tuple[list[Element], int]:
    """The elements of the run that opens at `place`, and the last piece that is in it."""
    first = pieces[place]
    elements = [Element(first.start, first.end, first.digits, first.flavour, Joint.NEXT)]
    while (step := _step(pieces, place, elements)) is not None:
        more, place = step
        elements += more
    return elements, place


def _step(pieces: list[_Piece], place: int, elements: list[Element]) -> tuple[list[Element], int] | None:
    """What continues a run after the piece at `place`: new elements up to the next sure digits, and where they end."""
    gap: list[_Piece] = []
    for at in range(place + 1, min(place + 1 + _GAP_TOKENS, len(pieces))):
        piece = pieces[at]
        if piece.digits and piece.flavour != Flavour.ALIKE:
            made = _bridge(pieces, at, gap, elements)
            return None if made is None else (made, at)
        gap.append(piece)
        if piece.joint == Joint.WORD and (piece.word in _COUNTED or not piece.word.isalpha()):
            return None
    return _trailing_zeros(gap, elements, place)


def _bridge(pieces: list[_Piece], at: int, gap: list[_Piece], elements: list[Element]) -> list[Element] | None:
    """The gap's digits and the piece at `at` as elements, or None where the gap parts two numbers."""
    before, after = elements[-1], pieces[at]
    spoken = before.flavour != Flavour.TYPED and after.flavour != Flavour.TYPED
    units = before.flavour in (Flavour.UNIT, Flavour.ALIKE) or after.flavour == Flavour.UNIT
    made: list[Element] = []
    joint, unknown = Joint.NEXT, 0
    for piece in gap:
        if piece.digits and ((spoken and units) or piece.word in _ZEROS):
            made.append(Element(piece.start, piece.end, piece.digits, Flavour.ALIKE, joint))
            joint = Joint.NEXT
            continue
        joint = max(joint, piece.joint)
        unknown += piece.joint == Joint.WORD
    if unknown and not (unknown == 1 and spoken and _goes_on(pieces, at, elements)):
        return None
    if after.flavour == Flavour.SCALE and joint > Joint.NEXT:
        return None
    return [*made, Element(after.start, after.end, after.digits, after.flavour, joint)]


def _goes_on(pieces: list[_Piece], at: int, elements: list[Element]) -> bool:
    """Whether more digits follow the piece at `at`, or enough stand before it."""
    if at + 1 < len(pieces) and pieces[at + 1].digits:
        return True
    return sum(len(element.digits) for element in elements) >= _SURELY_LONG


def _trailing_zeros(gap: list[_Piece], elements: list[Element], place: int) -> tuple[list[Element], int] | None:
    """ "one five oh": a zero word right after digits that were said one by one belongs to them."""
    said = elements[-1].flavour in (Flavour.UNIT, Flavour.ALIKE)
    if not gap or gap[0].word not in _ZEROS or not said:
        return None
    zero = gap[0]
    return [Element(zero.start, zero.end, zero.digits, Flavour.ALIKE, Joint.NEXT)], place + 1


def _pieces(text: str, tokens: Sequence[Token], blocked: Sequence[tuple[int, int]]) -> list[_Piece]:
    made: list[_Piece] = []
    at = block = 0
    while at < len(tokens):
        start, end, word = tokens[at]
        while block < len(blocked) and blocked[block][1] <= start:
            block += 1
        if block < len(blocked) and blocked[block][0] <= start:
            made.append(_Piece(start, end, "", Flavour.TYPED, Joint.WORD, "|"))
            at += 1
            continue
        digits, flavour, used = ("", Flavour.TYPED, 1) if _glued(text, start, end) else _read(tokens, at)
        joint = Joint.WORD if digits and flavour == Flavour.ALIKE else _joint(word)
        made.append(_Piece(start, tokens[at + used - 1][1], digits, flavour, joint, word))
        at += used
    return made


def _glued(text: str, start: int, end: int) -> bool:
    """Whether a typed number is part of a word: "4th", "B12"; the typed pass sees to those."""
    return text[start].isdecimal() and (text[start - 1 : start].isalpha() or text[end : end + 1].isalpha())


def _joint(word: str) -> Joint:
    if word in _SIGNS:
        return Joint.SIGN
    if word in _HESITATIONS:
        return Joint.HESITATION
    return Joint.JOINER if word in _JOINERS else Joint.WORD


def _read(tokens: Sequence[Token], at: int) -> tuple[str, Flavour, int]:
    """Digits, flavour, and how many tokens were read as one."""
    word = tokens[at][2]
    if word.isdecimal():
        return "".join(str(int(character)) for character in word), Flavour.TYPED, 1
    if word in _UNITS:
        return _UNITS[word], Flavour.UNIT, 1
    if word in _TEENS:
        return _TEENS[word], Flavour.PAIR, 1
    if word in _TENS:
        return _tens(tokens, at)
    if word in _REPEATS:
        return _repeated(tokens, at)
    if word in _SCALES:
        return _SCALES[word], Flavour.SCALE, 1
    if word in _ALIKE:
        return str(_ALIKE[word]), Flavour.ALIKE, 1
    return "", Flavour.TYPED, 1


def _tens(tokens: Sequence[Token], at: int) -> tuple[str, Flavour, int]:
    ten = _TENS[tokens[at][2]]
    skip = 1 + (at + 1 < len(tokens) and tokens[at + 1][2] in ("-", "‐", "‑"))
    unit = _UNITS.get(tokens[at + skip][2], "0") if at + skip < len(tokens) else "0"
    return (ten + unit, Flavour.PAIR, skip + 1) if unit != "0" else (ten + "0", Flavour.PAIR, 1)


def _repeated(tokens: Sequence[Token], at: int) -> tuple[str, Flavour, int]:
    skip = 1 + (at + 1 < len(tokens) and tokens[at + 1][2] == "-")
    if at + skip >= len(tokens):
        return "", Flavour.TYPED, 1
    word = tokens[at + skip][2]
    alike = _ALIKE.get(word)
    digit = _UNITS.get(word) or ("" if alike is None else str(alike))
    if word.isdecimal() and len(word) == 1:
        digit = str(int(word))
    if not digit:
        return "", Flavour.TYPED, 1
    return digit * _REPEATS[tokens[at][2]], Flavour.UNIT, skip + 1
