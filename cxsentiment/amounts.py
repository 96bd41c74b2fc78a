"""How counts and shares stand in a sentence: a count before its noun, with its plural, and a share in percent."""

import math


def counted(count: int, noun: str) -> str:
    """`1 contact`, `0 contacts`, `1,204 contacts`: of nouns whose plural is an s at the end."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def percent(value: float | None) -> str:
    """A percentage (-100 to 100) without decimals; what is not quite 0 or 100 does not print as 0% or 100%."""
    if value is None or not math.isfinite(value):
        return "–"
    if 0 < abs(value) <= 0.5:  # rounding takes .5 to the even number, which is 0
        return "<1%" if value > 0 else ">−1%"
    if 99.5 <= abs(value) < 100:
        return ">99%" if value > 0 else "<−99%"
    return f"{value + 0.0:.0f}%".replace("-", "−")


def share(value: float | None) -> str:
    """A share (0-1) as a whole percentage."""
    return percent(None if value is None else 100 * value)
