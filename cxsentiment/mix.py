"""The case mix: what an agent was given and did not cause, as columns to adjust by.

Campaign, channel, queue, wait and the customer's opening sentiment; never handle time, closing sentiment or resolution,
which lie on the way from the agent to the outcome.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats

CATEGORIES = ("campaign", "channel", "queue")
NUMBERS = ("wait_s", "sentiment_start")
_MOST_NAMES = 12  # of one category; the rarer ones together are one more
_LEAST_KNOWN = 0.5


@dataclass(frozen=True, slots=True)
class CaseMixColumns:
    """`x` (n, k) without NaN, its columns' `names`, the `strata` (n,) of like contacts, and `notes` for the reader."""

    x: FloatArray
    names: tuple[str, ...]
    strata: IntArray
    notes: tuple[str, ...]


def case_mix(contacts: pa.Table) -> CaseMixColumns:
    """The case-mix columns of contacts: 0/1 for all but the commonest name of a category, and numbers.

    A number known for fewer than half of the contacts is left out; where it is missing otherwise, it takes the mean and
    one more column says so. What does not vary is left out.
    """
    columns: list[tuple[str, FloatArray]] = []
    strata = np.zeros(contacts.num_rows, dtype=np.int64)
    used, notes = [], []
    for name in CATEGORIES:
        of, shown, pooled = _category(contacts, name)
        if len(shown) < 2:
            continue
        used.append(name)
        commonest = int(np.argmax(np.bincount(of, minlength=len(shown))))
        columns += [
            (f"{name}={text}", (of == code).astype(np.float64)) for code, text in enumerate(shown) if code != commonest
        ]
        _, strata = np.unique(strata * len(shown) + of, return_inverse=True)
        if pooled:
            notes.append(f"Case mix: {pooled} rarer names of {name} count as one.")
    for name in NUMBERS:
        values = floats(contacts[name])
        known = ~np.isnan(values)
        if known.mean() < _LEAST_KNOWN if known.size else True:
            if known.any():
                notes.append(f"Case mix: {name} is known for {known.mean():.0%} of the contacts only and left out.")
            continue
        if np.ptp(values[known]) == 0:
            continue
        used.append(name)
        columns.append((name, np.where(known, values, values[known].mean())))
        if not known.all():
            columns.append((f"{name} unknown", (~known).astype(np.float64)))
    what = ", ".join(used) or "nothing: no campaign, channel, queue, wait or opening sentiment differs"
    x = np.stack([column for _, column in columns], axis=1) if columns else np.zeros((contacts.num_rows, 0))
    return CaseMixColumns(
        x, tuple(name for name, _ in columns), strata.astype(np.int64), (f"Adjusted for {what}.", *notes)
    )


def _category(contacts: pa.Table, name: str) -> tuple[IntArray, list[str], int]:
    """Codes 0.. of a category, what they stand for, and how many rare names share the last but one."""
    of, names = codes(contacts[name])
    counts = np.bincount(of[of >= 0], minlength=len(names))
    pooled = 0
    if len(names) > _MOST_NAMES + 1:
        kept = np.sort(np.argsort(-counts, kind="stable")[:_MOST_NAMES])
        place = np.full(len(names) + 1, kept.size, dtype=np.int64)
        place[kept], place[-1] = np.arange(kept.size), -1
        pooled = len(names) - kept.size
        of, names = place[of], [*(names[code] for code in kept), "other names"]
    if np.any(of < 0):
        of = np.where(of < 0, len(names), of)
        names = [*names, "not given"]
    return of, names, pooled
