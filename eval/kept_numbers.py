"""Numbers that are no personal data, each kind made in many forms, for the measurement of masking.

All chance comes from the generator that is given. Numbers stand in sentences as in service talk.
"""

import random
from collections.abc import Callable, Mapping

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_MONTHS = "January February March April May June July August September October November December".split()
_SMALL = "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty".split()
_SAID_YEARS = ("twenty nineteen", "two thousand and eight", "nineteen ninety nine", "twenty twenty four", "twenty ten")


def _n(chance: random.Random, low: int, high: int) -> str:
    return str(chance.randint(low, high))


def _letters(chance: random.Random, low: int, high: int) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.randint(low, high)))


def _pick(*forms: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda chance: chance.choice(forms)(chance)


def _date(chance: random.Random) -> str:
    year, month, day = chance.randint(1995, 2030), chance.randint(1, 12), chance.randint(1, 28)
    return chance.choice(
        (
            f"{year}-{month:02}-{day:02}",
            f"{day:02}/{month:02}/{year}",
            f"{day}.{month}.{year}",
            f"{day} {_MONTHS[month - 1]} {year}",
            f"{_MONTHS[month - 1]} {day}, {year}",
            f"the {day}th of {_MONTHS[month - 1]}",
            f"{_MONTHS[month - 1][:3]} {day}",
            f"{day}/{month}",
        )
    )


def _time(chance: random.Random) -> str:
    hour, minute = chance.randint(0, 23), chance.randint(0, 59)
    return chance.choice(
        (f"{hour}:{minute:02}", f"{hour % 12 + 1}:{minute:02} pm", f"{hour % 12 + 1}pm", f"{hour:02}:{minute:02}:15")
    )


def _price(chance: random.Random) -> str:
    pounds, cents = chance.randint(1, 99999), chance.randint(0, 99)
    return chance.choice(
        (
            f"£{pounds}.{cents:02}",
            f"${pounds:,}.{cents:02}",
            f"{pounds} euros",
            f"€{pounds:,}",
            f"{pounds:,} dollars",
            f"Rs. {pounds:,}",
            f"₱{pounds:,}.00",
            f"{pounds}p",
        )
    )


def _said_price(chance: random.Random) -> str:
    some = chance.choice(_SMALL)
    return chance.choice(
        (
            f"{some} hundred and fifty pounds",
            f"{some} dollars and ninety nine cents",
            f"{some} ninety nine",
            f"{some} thousand two hundred pesos",
            f"a hundred and {some} euros",
        )
    )


def _count(chance: random.Random) -> str:
    return chance.choice(
        (f"{_n(chance, 2, 999)} boxes", f"{chance.randint(1000, 99999):,} units", f"{_n(chance, 2, 40)} of them")
    )


def _version(chance: random.Random) -> str:
    parts = ".".join(_n(chance, 0, 30) for _ in range(chance.randint(2, 3)))
    return chance.choice((f"version {parts}", f"v{parts}", f"iOS {parts}", f"firmware {parts}", f"build {parts}.7"))


def _length(chance: random.Random) -> str:
    a, b = chance.randint(1, 400), chance.randint(1, 400)
    units = "cm mm m km kg lbs inches GB TB litres watts".split()
    return chance.choice((f"{a} {chance.choice(units)}", f"{a}x{b} cm", f"{a}.{b % 10} {chance.choice(units)}"))


_FRAMES: Mapping[str, tuple[str, Callable[[random.Random], str]]] = {
    "order id with letters": ("my order {} has not arrived", lambda c: f"{_letters(c, 2, 4)}-{_n(c, 1000, 9999999)}"),
    "booking reference": (
        "the reference is {} I think",
        lambda c: f"{_letters(c, 2, 3)}{_n(c, 10, 99)}{_letters(c, 1, 2)}",
    ),
    "time": ("can someone call at {} tomorrow?", _time),
    "time range": ("between {} please", lambda c: f"{_n(c, 1, 11)}:00 and {_n(c, 1, 11)}:30"),
    "date": ("it was due on {} and nothing came", _date),
    "price": ("you charged me {} twice", _price),
    "said price": ("it came to {} in the end", _said_price),
    "year": ("I have been a customer since {}", lambda c: _n(c, 1980, 2030)),
    "said year": ("we moved here in {} you know", lambda c: c.choice(_SAID_YEARS)),
    "year range": (
        "the accounts for {} please",
        lambda c: f"{_n(c, 1990, 2010)}{c.choice(('-', '–', ' - ', ' to '))}{_n(c, 2011, 2030)}",
    ),
    "quantity": ("I ordered {} in total", _count),
    "said quantity": (
        "there are {} in the box",
        lambda c: f"{c.choice(_SMALL)} {c.choice(('cups', 'plates', 'of them'))}",
    ),
    "said range": ("it takes {} to arrive", lambda c: f"{c.choice(_SMALL)} to {c.choice(_SMALL)} days"),
    "percentage": (
        "a discount of {} was promised",
        lambda c: f"{_n(c, 1, 99)}{c.choice(('%', ' percent', '.5%', ' per cent'))}",
    ),
    "measurement": ("the shelf is {} wide or so", _length),
    "flight": ("I am on flight {} tonight", lambda c: f"{_letters(c, 2, 2)}{c.choice(('', ' '))}{_n(c, 10, 9999)}"),
    "model": (
        "it is the {} that broke",
        lambda c: f"{_letters(c, 1, 4)}{c.choice(('', '-', ' '))}{_n(c, 10, 9999)}{c.choice(('', 'X', 'S'))}",
    ),
    "version": ("the app is on {} here", _version),
    "duration": (
        "I have waited {} already",
        lambda c: f"{_n(c, 1, 59)} {c.choice(('minutes', 'hours', 'days', 'weeks', 'min'))}",
    ),
    "room": ("we were in room {} on floor {}", lambda c: _n(c, 1, 2400)),
    "seat": ("my seat is {} by the window", lambda c: f"{_n(c, 1, 60)}{c.choice('ABCDEF')}"),
    "gate": ("go to gate {} now", lambda c: f"{c.choice(('', 'A', 'B', 'C'))}{_n(c, 1, 99)}"),
    "points": ("I have {} points left", lambda c: f"{c.randint(10, 999999):,}"),
    "score": ("we lost {} last night", lambda c: f"{_n(c, 0, 9)}-{_n(c, 0, 9)}"),
    "rating": (
        "I would give it {} honestly",
        lambda c: c.choice((f"{_n(c, 1, 10)}/10", f"{_n(c, 1, 5)} out of 5", "five stars")),
    ),
    "temperature": (
        "it is {} in this room",
        lambda c: f"{c.choice(('-', ''))}{_n(c, 0, 45)}{c.choice(('°C', ' degrees', '°', ' C'))}",
    ),
    "ratio": ("mix it {} with water", lambda c: f"{_n(c, 1, 9)}:{_n(c, 1, 20)}"),
    "tracking id with letters": (
        "tracking says {} is lost",
        lambda c: f"{_letters(c, 2, 2)}{_n(c, 10**8, 10**9 - 1)}{_letters(c, 2, 2)}",
    ),
    "house number alone": ("we are at number {} with the red door", lambda c: _n(c, 1, 400)),
    "page or step": ("see page {} of the guide", lambda c: f"{_n(c, 1, 300)}, step {_n(c, 1, 12)}"),
    "decimal": ("the rate was {} yesterday", lambda c: f"{_n(c, 0, 9)}.{_n(c, 10, 99999)}"),
    "age": ("my son is {} years old", lambda c: c.choice((_n(c, 1, 99), c.choice(_SMALL)))),
    "short code": ("just text {} from your phone", lambda c: c.choice(("911", "60300", "STOP to 4545", "101", "7726"))),
    "coordinates": (
        "we are near {} on the map",
        lambda c: f"{_n(c, 1, 89)}.{_n(c, 1000, 9999)}, -{_n(c, 1, 179)}.{_n(c, 1000, 9999)}",
    ),
    "said words": (
        "{} is fine for me",
        lambda c: c.choice(("one or two", "one of the four", "either one", "the second one", "the one for two")),
    ),
    "phrases": (
        "{} and that is it",
        lambda c: c.choice(
            (
                "I told you one time too many",
                "one to one",
                "two for one",
                "at sixes and sevens",
                "ten out of ten",
                "twenty four seven",
            )
        ),
    ),
}
KINDS = tuple(_FRAMES)


def kept(kind: str, chance: random.Random) -> str:
    """A sentence with numbers of a kind (one of KINDS), none of which is personal data."""
    frame, value = _FRAMES[kind]
    return frame.replace("{}", "\0").replace("\0", value(chance), 1).replace("\0", str(chance.randint(1, 40)))
