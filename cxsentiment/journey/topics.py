"""What customers speak of at the troughs and peaks: phrases that stand out there against all other customer turns.

Weighted log-odds with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008): the prior is how often customers
say a phrase at all, so that neither rare nor common words stand out by themselves.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST = 8
LEAST_CONTACTS = 3
_STANDS_OUT = 1.96
_PRIOR = 1000.0
_WORD = re.compile(r"\[[A-Z_]+\]|[^\W\d_]+(?:['’][^\W\d_]+)*")
_PLAIN = frozenset(
    (
        "a about after again all also am an and any are as at be been before being but by can can't could did "
        "didn't do does every doesn't doing don't for from get gets getting got had has have haven't having he her "
        "here him his how i i'd i'll i'm i've if in into is isn't it it's its just like me more much my no not now "
        "of off oh ok okay on one only or our out over please she so some such than thank thanks that that's "
        "the their them then there they they're this those to too um uh up us very was wasn't we were what "
        "when where which who why will with would yes yeah you you're your"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A phrase that stands out at troughs or peaks (`at`): contacts whose turn there holds it, contacts in which it is
    said elsewhere, and `z`, how many standard errors its log-odds lie above those elsewhere.
    """

    at: str
    phrase: str
    contacts: int
    elsewhere: int
    z: float


def topics(at: str, own: Sequence[str], rest: Sequence[str]) -> tuple[Topic, ...]:
    """At most eight phrases of one or two words, those that stand out most first.

    `own` are the turns at troughs or peaks, one a contact, `rest` all other customer turns. A phrase needs three turns
    of `own`. A single word that says no more than a chosen phrase with it is left out.
    """
    mine, other = _counts(own), _counts(rest)
    total_mine, total_other = sum(mine.values()), sum(other.values())
    if not total_mine or not total_other:
        return ()
    scored = []
    for phrase, count in mine.items():
        if count < LEAST_CONTACTS:
            continue
        prior = _PRIOR * (count + other[phrase]) / (total_mine + total_other)
        odds = [
            math.log((n + prior) / (total + _PRIOR - n - prior))
            for n, total in ((count, total_mine), (other[phrase], total_other))
        ]
        error = math.sqrt(1 / (count + prior) + 1 / (other[phrase] + prior))
        scored.append(((odds[0] - odds[1]) / error, phrase))
    chosen: list[Topic] = []
    for z, phrase in sorted(scored, key=lambda one: (-one[0], one[1])):
        if z < _STANDS_OUT or len(chosen) == MOST:
            break
        if not any(_same(phrase, mine[phrase], one) for one in chosen):
            chosen.append(Topic(at, phrase, mine[phrase], other[phrase], z))
    return tuple(chosen)


def _same(phrase: str, count: int, one: Topic) -> bool:
    """Whether two phrases share a word and mostly stand in the same turns."""
    shared = set(phrase.split()) & set(one.phrase.split())
    return bool(shared) and min(count, one.contacts) >= 0.6 * max(count, one.contacts)


def _counts(texts: Iterable[str]) -> Counter[str]:
    """How many of the texts hold each word and each pair of neighbours; words that say nothing alone are left out."""
    found: Counter[str] = Counter()
    for text in texts:
        words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
        said = {word for word in words if _telling(word)}
        said |= {f"{a} {b}" for a, b in pairwise(words) if _telling(a) and _telling(b)}
        found.update(said)
    return found


def _telling(word: str) -> bool:
    return len(word) > 2 and word not in _PLAIN and not word.startswith("[")
