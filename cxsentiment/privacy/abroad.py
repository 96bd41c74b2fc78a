"""Numbers said in Spanish, German, French and Portuguese, put into English words for `spoken` to read.

Only three numbers of one language in a row are read, of which two are in no doubt: "once" and "six" are English too,
and "um" a pause. What they are is then judged as of English ones: by length, check digit, or the word before them.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from cxsentiment.privacy.spoken import PAUSES, Token

_LEAST = 3
_LONG = 7  # numbers in a row of which one need be in no doubt: "quatre un un un …"
_UNITS = "zero one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_DOUBTFUL = frozenset("six zero um un once seize sept".split())
_AMONG = {"double": "double", "doble": "double", "doppel": "double", "triple": "triple"} | dict.fromkeys(
    "eh este euh heu äh ähm".split(), "um"
)
# By language: the words of 0 to 9, 10 to 19 and 20 to 90, parted by spaces, other spellings by a stroke, and what
# stands between a ten and a unit. Words that are said apart are joined by a hyphen, which need not be written.
_WORDS = (
    (
        "cero uno|un dos tres cuatro cinco seis siete ocho nueve",
        "diez once doce trece catorce quince dieciséis|dieciseis diecisiete dieciocho diecinueve",
        "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
        "y",
    ),
    (
        "zero um|uma dois|duas três|tres quatro cinco seis|meia sete oito nove",
        "dez onze doze treze catorze|quatorze quinze dezesseis|dezasseis dezessete|dezassete dezoito dezenove|dezanove",
        "vinte trinta quarenta|corenta cinquenta sessenta setenta oitenta noventa",
        "e",
    ),
    (
        "zéro|zero un|une deux trois quatre cinq six sept huit neuf",
        "dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf",
        "vingt trente quarante cinquante soixante septante quatre-vingt|quatre-vingts|huitante|octante nonante",
        "et",
    ),
    (
        "null eins|ein zwei|zwo drei vier fünf|fuenf sechs sieben acht neun",
        "zehn elf zwölf|zwoelf dreizehn vierzehn fünfzehn|fuenfzehn sechzehn siebzehn achtzehn neunzehn",
        "zwanzig dreißig|dreissig vierzig fünfzig|fuenfzig sechzig siebzig achtzig neunzig",
        "und",
    ),
)
# Phones in Spain begin so: "seiscientos doce" is 612.
_HUNDREDS = "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos"

_Words = tuple[str, ...]


class _Number(NamedTuple):
    """A number in a text: where it begins and ends, its English words, how many tokens it took, and the first word."""

    start: int
    end: int
    words: _Words
    used: int
    first: str


def _spellings(cell: str) -> list[_Words]:
    return [tuple(spelling.split("-")) for spelling in cell.split("|")]


def _language(units: str, teens: str, tens: str, link: str) -> dict[_Words, _Words]:
    made: dict[_Words, _Words] = {}
    ones = list(zip(map(_spellings, units.split()), _UNITS, strict=True))
    for english, cell in zip(_TEENS, teens.split(), strict=True):
        made |= dict.fromkeys(_spellings(cell), (english,))
    for english, cell in zip(_TENS, tens.split(), strict=True):
        for ten in _spellings(cell):
            made[ten] = (english,)
            for spelled, one in ones[1:]:
                for unit in spelled:
                    made |= dict.fromkeys([(*ten, link, *unit), (*ten, *unit)], (english, one))
    for spelled, one in ones:
        made |= dict.fromkeys(spelled, (one,))
    return made


def _spanish() -> dict[_Words, _Words]:
    made = _language(*_WORDS[0])
    twenties = "uno dós|dos trés|tres cuatro cinco séis|seis siete ocho nueve".split()
    for one, cell in zip(_UNITS[1:], twenties, strict=True):
        made |= {(f"veinti{unit}",): ("twenty", one) for unit in cell.split("|")}
    return made | {(word,): (one,) for word, one in zip(_HUNDREDS.split(), _UNITS[1:], strict=True)}


def _french() -> dict[_Words, _Words]:
    """With 70 to 79 and 90 to 99 as twenties: "soixante-dix-huit", "quatre-vingt-onze"."""
    made = _language(*_WORDS[2])
    for twenty, ten in ((("soixante",), "seventy"), (("quatre", "vingt"), "ninety")):
        for k, cell in enumerate(_WORDS[2][1].split()):
            for teen in _spellings(cell):
                english = (ten, _UNITS[k]) if k else (ten,)
                made |= dict.fromkeys([(*twenty, *teen), (*twenty, "et", *teen)], english)
    return made


def _german() -> dict[_Words, _Words]:
    """With the unit before the ten, in one word: "dreiundzwanzig"."""
    units, _, tens, link = _WORDS[3]
    made = _language(*_WORDS[3])
    for one, cell in list(zip(_UNITS, units.split(), strict=True))[1:]:
        for english, ten in zip(_TENS, tens.split(), strict=True):
            made |= {(a[0] + link + b[0],): (english, one) for a in _spellings(cell) for b in _spellings(ten)}
    return made


_LANGUAGES: tuple[Mapping[_Words, _Words], ...] = (_spanish(), _language(*_WORDS[1]), _french(), _german())
_LONGEST = max(len(words) for language in _LANGUAGES for words in language)
_SURE = frozenset(words[0] for language in _LANGUAGES for words in language) - _DOUBTFUL


def may_hold(words: Set[str]) -> bool:
    """Whether a text, of these lower-case words, may hold numbers in another language than English."""
    return not words.isdisjoint(_SURE)


def in_english(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens of a text, with its runs of numbers in another language in English words, at the same places."""
    made: list[Token] = []
    given_up = [0] * len(_LANGUAGES)  # the token up to which a language has no run: each is read once
    at = 0
    while at < len(tokens):
        run: tuple[int, list[Token]] = (at, [])
        for place, language in enumerate(_LANGUAGES):
            if given_up[place] <= at:
                end, words = _run(tokens, at, language)
                given_up[place] = end
                run = max(run, (end, words), key=lambda one: one[0] if one[1] else 0)
        end, words = run
        made += words or [tokens[at]]
        at = end if words else at + 1
    return made


def _run(tokens: Sequence[Token], at: int, language: Mapping[_Words, _Words]) -> tuple[int, list[Token]]:
    """Where the numbers of a language that begin at a token end, and what stands for them if they are a run."""
    made: list[Token] = []
    between: list[Token] = []
    numbers: list[str] = []
    end = at
    while at < len(tokens):
        number = _number(tokens, at, language)
        if number is not None:
            made += [*between, *_placed(number)]
            between = []
            numbers.append(number.first)
            at += number.used
            end = at
        elif numbers and _may_stand(tokens[at][2]):
            start, stop, word = tokens[at]
            between.append((start, stop, _AMONG.get(word, word)))
            at += 1
        else:
            break
    sure = sum(word not in _DOUBTFUL for word in numbers)
    is_run = len(numbers) >= _LEAST and (sure > 1 or (sure == 1 and len(numbers) >= _LONG))
    return end, made if is_run else []


def _may_stand(word: str) -> bool:
    """Between numbers: signs, pauses and "double"."""
    return word in _AMONG or word in PAUSES


def _number(tokens: Sequence[Token], at: int, language: Mapping[_Words, _Words]) -> _Number | None:
    """The longest number that begins at a token; hyphens may stand between its words."""
    found = None
    words: _Words = ()
    for place in range(at, min(len(tokens), at + 2 * _LONGEST)):
        word = tokens[place][2]
        if word == "-" and words:
            continue
        words = (*words, word)
        if len(words) > _LONGEST:
            break
        if words in language:
            found = _Number(tokens[at][0], tokens[place][1], language[words], place + 1 - at, tokens[at][2])
    return found


def _placed(number: _Number) -> Iterator[Token]:
    """The English words of a number, over the characters of the number."""
    *before, last = number.words
    for word in before:
        yield number.start, number.start + 1, word
    yield number.start + len(before), number.end, last
