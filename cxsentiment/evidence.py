"""What may be called told apart from 0: the one rule of the report, its overview, its sentences and the terminal."""

from cxsentiment.schema import FALSE_DISCOVERY_RATE, Association


def told_apart(association: Association) -> bool:
    """Whether the interval leaves 0 out, and the p-value adjusted for the number of comparisons is up to .10.

    Both are needed: where most comparisons are clear, an adjusted p is hardly above the plain one, and .10 asks for
    less than a 95 % interval does.
    """
    low, high, p = association.estimate.low, association.estimate.high, association.p_adjusted
    if low is None or high is None or low <= 0 <= high:
        return False
    return p is not None and p <= FALSE_DISCOVERY_RATE
