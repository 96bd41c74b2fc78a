"""What became of a condition on one contact, and how outcomes combine.

`holds` is True, False, or None with a gap: "no_chance" (there was no occasion: it does not apply) or "unknown" (the
contact lacks what it needs). Combining follows Kleene's three-valued logic, and what had no chance drops out:

- all: False if one is False, else unknown if one is unknown, else True;
- any: True if one is True, else unknown if one is unknown, else False;
- at least n: True if n are True, False if fewer than n could be, else unknown;
- not: turns True and False round, leaves a gap as it is;
- where every part had no chance, so had the whole.

`p` is the probability that the condition holds. Parts count as independent: all multiplies, any is 1 - Π(1 - p), at
least n is the Poisson-binomial tail. Within one event the surest turns stand for the contact: turns of one contact are
not independent, and over a long one a product would add up the model's noise. The verdict follows the logic of what is
seen or not, not the product: five steps each seen with .85 are all seen, with p = .44.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Literal, NamedTuple

from cxsentiment.score.contact import Sighting

Gap = Literal["", "no_chance", "unknown"]


class Outcome(NamedTuple):
    """Whether a condition holds, how sure that is (0-1), what shows it (best first), and why in plain words.

    `why` is made only when asked for: most outcomes are never told.
    """

    holds: bool | None
    p: float | None
    evidence: tuple[Sighting, ...] = ()
    why: Callable[[], str] = str
    gap: Gap = ""


def all_of(parts: Sequence[Outcome]) -> Outcome:
    """Every part must hold."""
    return _combined(parts, len, lambda ps: reduce(float.__mul__, ps, 1.0))


def any_of(parts: Sequence[Outcome]) -> Outcome:
    """One part must hold."""
    return _combined(parts, lambda counted: 1, lambda ps: 1 - reduce(float.__mul__, (1 - p for p in ps), 1.0))


def at_least(n: int, parts: Sequence[Outcome]) -> Outcome:
    """`n` parts must hold."""
    return _combined(parts, lambda counted: n, lambda ps: _tail(n, ps))


def not_of(part: Outcome) -> Outcome:
    """The part must not hold."""
    if part.holds is None:
        return part
    return part._replace(holds=not part.holds, p=None if part.p is None else 1 - part.p)


def _combined(
    parts: Sequence[Outcome],
    needed: Callable[[Sequence[Outcome]], int],
    probability: Callable[[Sequence[float]], float],
) -> Outcome:
    counted = [part for part in parts if part.gap != "no_chance"]
    if not counted:
        return parts[0]
    n = needed(counted)
    true = [part for part in counted if part.holds]
    open_ = [part for part in counted if part.holds is None]
    if len(true) >= n:
        holds, telling = True, true
    elif len(true) + len(open_) < n:
        holds, telling = False, [part for part in counted if part.holds is False]
    else:
        return Outcome(None, None, (), open_[0].why, "unknown")
    known = [float(part.p) for part in counted if part.p is not None]
    evidence = tuple(dict.fromkeys(sighting for part in telling for sighting in part.evidence))
    return Outcome(holds, probability(known), evidence, _told(telling, len(true), n, len(counted), holds))


def _told(telling: Sequence[Outcome], true: int, n: int, whole: int, holds: bool) -> Callable[[], str]:
    def why() -> str:
        text = "; ".join(part.why() for part in telling)
        return text if holds or n in (1, whole) else f"{true} of {n} needed: {text}"

    return why


def _tail(n: int, ps: Sequence[float]) -> float:
    """P(at least n of independent events with these probabilities), by adding one event at a time."""
    chances = [1.0]
    for p in ps:
        chances = [
            (chances[k] * (1 - p) if k < len(chances) else 0.0) + (chances[k - 1] * p if k else 0.0)
            for k in range(len(chances) + 1)
        ]
    return min(1.0, sum(chances[n:]))
