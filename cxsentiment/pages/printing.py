"""How values are printed on pages: numbers, shares, durations, intervals, and names in their natural order."""

import math
import re
from collections.abc import Callable, Mapping

from cxsentiment.amounts import percent, share
from cxsentiment.schema import Estimate
from cxsentiment.text import clean

NONE = "–"


def plain(value: object) -> str:
    """Any value as text: a dash for null, yes or no, numbers without noise in the last digits."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}".replace("-", "−")
    return clean(str(value))


def number(value: object) -> str:
    """A count of the receipt, thousands apart; anything else as text."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else plain(value)


def decimals(places: int, unit: str = "") -> Callable[[float | None], str]:
    """A printer of numbers with `places` decimals and `unit`, thousands apart, a true minus sign, no negative zero."""

    def text(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return NONE
        return f"{round(value, places) + 0.0:,.{places}f}".replace("-", "−") + unit

    return text


def duration(seconds: float | None) -> str:
    """Seconds as seconds, minutes or hours, whichever reads best."""
    if seconds is None or abs(seconds) < 90:
        return decimals(1, " s")(seconds)
    return decimals(1, " min")(seconds / 60) if abs(seconds) < 5400 else decimals(1, " h")(seconds / 3600)


def p_value(p: float | None) -> str:
    """A p-value with three decimals, or `< .001`."""
    if p is None or not math.isfinite(p):
        return NONE
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


PRINTERS: Mapping[str, Callable[[float | None], str]] = {
    "score": decimals(1),
    "r": decimals(2),
    "share": share,
    "percent": percent,
    "seconds": duration,
    "p": p_value,
}
"""How a number of each kind is printed."""


def interval(estimate: Estimate, kind: str) -> str:
    """The 95% interval as `low to high`, or a dash."""
    if estimate.low is None or estimate.high is None:
        return NONE
    return f"{PRINTERS[kind](estimate.low)} to {PRINTERS[kind](estimate.high)}"


def kind_of(unit: str) -> str:
    """How a KPI of this unit is printed: percentages whole, seconds and points with one decimal."""
    return {"%": "percent", "s": "seconds", "answer": "r", "currency": "r"}.get(unit, "score")


def natural(name: str) -> list[tuple[int, str]]:
    """A key that puts A2 before A10."""
    parts = re.split(r"0*([0-9]+)", name)  # every second part is a number: the longer one is the larger
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(parts)]
