"""Which runs of said digits are personal data by themselves, without a word that says what they are.

Twelve digits or more are always masked (a card, or what may be one with an error in it); seven to eleven where they
were read out digit by digit. Runs of typed digits alone are the business of `typed`, except where they are read out
with hesitations or joined like a card.
"""

from itertools import pairwise

from cxsentiment.privacy.checks import card, issued_card
from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.spoken import Flavour, Joint, Run

LONG = 12
SHORT = 7
_MAX_PHONE_DIGITS = 15  # ITU-T E.164


def judged(run: Run) -> list[Found]:
    """What of a run is masked whatever stands around it."""
    if len(run.digits) < SHORT:
        return []
    if not run.spoken:
        return _typed(run)
    if _is_long(run):
        fitted = _fitted(run)
        return [Found(fitted.start, fitted.end, kind_of(fitted))]
    if run.loosest > Joint.NEXT and not _is_short(run):
        return [found for part in run.parts(run.loosest) for found in judged(part)]
    return [Found(run.start, run.end, kind_of(run))] if _is_short(run) else []


def kind_of(run: Run) -> str:
    """CARD, PHONE or NUMBER, of seven digits or more."""
    digits = run.digits
    count = len(digits)
    if (run.plus is not None or digits.startswith("00")) and count <= _MAX_PHONE_DIGITS:
        return "PHONE"
    if count >= LONG:
        return "CARD" if card(digits) or _holds_card(run) else "NUMBER"
    phone = count in (7, 10) or (count == 11 and digits[0] in "01")
    return "PHONE" if phone else "NUMBER"


def _holds_card(run: Run) -> bool:
    """Whether a card is left where words or pauses at the ends are cut off: "one is four one one one …"."""
    parts = run.parts(Joint.HESITATION)
    starts = range(min(len(parts), 3))
    return any(issued_card("".join(p.digits for p in parts[a : len(parts) - b])) for a in starts for b in range(3))


def _typed(run: Run) -> list[Found]:
    """Typed digits that were read out with pauses, or that form a card though commas or words stand between."""
    digits = run.digits
    if run.loosest < Joint.SIGN:
        return []
    hesitant = any(element.joint == Joint.HESITATION for element in run.elements[1:])
    if hesitant and len(digits) >= SHORT and run.loosest == Joint.HESITATION:
        return [Found(run.start, run.end, kind_of(run))]
    if issued_card(digits):
        return [Found(run.start, run.end, "CARD")]
    if run.loosest >= Joint.JOINER:
        return [found for part in run.parts(run.loosest) for found in judged(part)]
    return []


def _is_long(run: Run) -> bool:
    """Twelve digits or more that were said one by one or in pairs, not a sum, a list of years or a count in tens."""
    count = len(run.digits)
    words = sum(element.joint == Joint.WORD for element in run.elements[1:])
    if count < LONG or words > count / 4:
        return False
    if words and any(card(part.digits) for part in run.parts(Joint.WORD)):
        return False  # the card, and what was said after it
    scales = run.count(Flavour.SCALE)
    if scales and (count - scales < 10 or sum(e.flavour == Flavour.SCALE for e in run.elements) > 4):
        return False
    if run.count(Flavour.ALIKE) > count / 2:
        return False
    return not _is_list(run)


def _is_list(run: Run) -> bool:
    """Years joined by signs or words ("nineteen ninety, nineteen ninety five and …"), or numbers in rising order."""
    if run.loosest >= Joint.SIGN:
        groups = [part.digits for part in run.parts(Joint.SIGN)]
        if all(len(group) == 4 and group[:2] in ("19", "20") for group in groups):
            return True
    if any(element.flavour not in (Flavour.PAIR, Flavour.TYPED) for element in run.elements):
        return False
    numbers = [int(element.digits) for element in run.elements]
    return all(low < high for low, high in pairwise(numbers))


def _is_short(run: Run) -> bool:
    """Seven to eleven digits that were said one by one (or in pairs, where they start as a national number does)."""
    count = len(run.digits)
    if not SHORT <= count < LONG or run.loosest == Joint.WORD:
        return False
    units, alike, scales = run.count(Flavour.UNIT), run.count(Flavour.ALIKE), run.count(Flavour.SCALE)
    national = count >= 10 and (run.digits[0] == "0" or run.plus is not None) and run.loosest <= Joint.SIGN
    # No sum begins with a nought: "07700 nine hundred 123".
    if alike > max(2, count / 4) or (scales and units < 6 and not (national and run.digits[0] == "0")):
        return False
    if run.loosest == Joint.JOINER:
        return units + alike + run.count(Flavour.TYPED) == count and units >= 5
    if units + alike >= 5:
        return True
    return national


def _fitted(run: Run) -> Run:
    """The run with or without what sounds like a digit at its ends ("for four one … one to"), so that a card is left.

    Where no reading is a card, the longest is taken: better a word lost than a digit kept.
    """
    middle = run.elements
    if card(run.digits):
        return run
    readings = [
        (*run.lead[len(run.lead) - a :], *middle, *run.trail[:b])
        for a in range(len(run.lead) + 1)
        for b in range(len(run.trail) + 1)
    ]
    readings += [middle[:-1]] if middle[-1].flavour == Flavour.ALIKE else []
    readings += [middle[1:]] if middle[0].flavour == Flavour.ALIKE else []
    for elements in readings:
        if card("".join(element.digits for element in elements)):
            return Run(elements, run.plus)
    return Run((*run.lead[-1:], *middle, *run.trail[:1]), run.plus)
