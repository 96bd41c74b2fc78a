"""Ids of people who are erased, sought inside texts that stay: file names, messages, commands."""

import re
from collections.abc import Iterable

MIN_SOUGHT = 4
"""Ids of fewer characters are not sought inside texts: there they cannot be told from other words and numbers."""
ERASED = "[erased]"
"""What stands in the place of such an id."""


def mention(ids: Iterable[str]) -> re.Pattern[str]:
    """Finds ids in a text, the first that matches before the others; an underscore beside one is no part of it."""
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, ids))})(?![^\W_])")


def mention_of_long(ids: Iterable[str]) -> re.Pattern[str] | None:
    """The same for the ids that are long enough to be sought, the longest first; None where there is none."""
    sought = sorted((one for one in set(ids) if len(one) >= MIN_SOUGHT), key=lambda one: (-len(one), one))
    return mention(sought) if sought else None
