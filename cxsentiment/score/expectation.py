"""The expected score of a contact: E[Q] where verdicts, and whether items apply, are known by their probability.

With what applies known, Q is linear in the verdicts, and their probabilities in their place give E[Q] exactly. Whether
an item applies stands in the denominator of a ratio: where that is unsure, Q is averaged over draws of it.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_DRAWS = 200


class Expected(NamedTuple):
    """An item as expected on a contact: `p_applies` and `share` (of its points if it applies) are 0-1."""

    section: str
    section_weight: float
    weight: float
    p_applies: float
    share: float


def expected_score(entries: Sequence[Expected], contact_id: str) -> float | None:
    """E[Q], 0-100, to four places; None where nothing is likely to apply.

    Draws (200) hang on the contact's id alone, so the same contact has the same value in every run.
    """
    sections: dict[str, list[Expected]] = {}
    for entry in entries:
        sections.setdefault(entry.section, []).append(entry)
    if all(entry.p_applies >= 1 for entry in entries):
        weights = {name: 1.0 if not name else held[0].section_weight for name, held in sections.items()}
        reached = sum(weights[name] * _mean(held) for name, held in sections.items())
        return round(100 * reached / sum(weights.values()), 4) if weights else None
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(contact_id.encode()).digest()[:8], "big"))
    numerator, denominator = np.zeros(_DRAWS), np.zeros(_DRAWS)
    for name, held in sections.items():
        applies = chance.random((_DRAWS, len(held))) < [entry.p_applies for entry in held]
        weighted = applies * [entry.weight for entry in held]
        whole = weighted.sum(1)
        some = whole > 0
        share = weighted @ [entry.share for entry in held]
        section_weight = held[0].section_weight if name else 1.0
        numerator += np.where(some, section_weight * share / np.where(some, whole, 1.0), 0.0)
        denominator += np.where(some, section_weight, 0.0)
    drawn = denominator > 0
    return round(float(100 * (numerator[drawn] / denominator[drawn]).mean()), 4) if drawn.any() else None


def _mean(held: Sequence[Expected]) -> float:
    return sum(entry.weight * entry.share for entry in held) / sum(entry.weight for entry in held)
