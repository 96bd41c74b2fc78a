"""Ratings of contacts by several raters as counts of values, and the sums over contacts that agreement is made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxsentiment.stats.arrays import FloatArray, IntArray, same_shape

Metric = Literal["nominal", "ordinal", "interval"]
_MOST_VALUES = 50
_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """How often each of the `values` (K,), ascending, was given to each contact: `counts` (contacts, K)."""

    values: FloatArray
    counts: FloatArray

    @property
    def ratings(self) -> FloatArray:
        """Ratings of each contact, shape (contacts,)."""
        total: FloatArray = self.counts.sum(axis=1)
        return total


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over contacts, for B weightings of them.

    `cells` (B, K, K) are Krippendorff's coincidences; `shares` (B, K) the contacts' shares of each value; `unequal` and
    `squared` (B,) the contacts' share of unequal pairs and mean squared distance of pairs, in units of the values'
    range; `rated`, `paired` (B,) the contacts with at least one rating, and with two.
    """

    cells: FloatArray
    shares: FloatArray
    unequal: FloatArray
    squared: FloatArray
    rated: FloatArray
    paired: FloatArray


def wide(contacts: IntArray, raters: IntArray, values: FloatArray) -> tuple[FloatArray, IntArray, IntArray]:
    """A table (contacts, raters) from one row per rating, NaN where there is none, and the codes of both sides.

    Shapes (n,). ValueError where a rater rated a contact twice.
    """
    same_shape(contacts=contacts, raters=raters, values=values)
    keep = ~np.isnan(values)
    contact_names, contact = np.unique(contacts[keep], return_inverse=True)
    rater_names, rater = np.unique(raters[keep], return_inverse=True)
    cells = contact * max(rater_names.size, 1) + rater
    if np.unique(cells).size < cells.size:
        raise ValueError("a rater has rated the same contact twice")
    table = np.full((contact_names.size, rater_names.size), np.nan)
    table[contact, rater] = values[keep]
    return table, contact_names, rater_names


def tabulate(ratings: FloatArray, values: FloatArray | None = None) -> Table:
    """Counts from `ratings`, shape (contacts, raters), NaN missing; contacts without a rating stay, with zeros.

    `values` are the scale's values where not all need to occur. ValueError for more than 50 values.
    """
    if values is None:
        values = np.unique(ratings[~np.isnan(ratings)])
    if values.size > _MOST_VALUES:
        raise ValueError(f"{values.size} different values: agreement takes at most {_MOST_VALUES}; group them first")
    counts = np.stack([np.sum(ratings == value, axis=1) for value in values], axis=1) if values.size else None
    return Table(values, np.zeros((ratings.shape[0], 0)) if counts is None else counts.astype(np.float64))


def coincidences(table: Table) -> FloatArray:
    """Each contact's ordered pairs of ratings over (ratings - 1): shape (contacts, K, K); 0 below two ratings."""
    counts, m = table.counts, table.ratings
    pairs = np.einsum("uk,ul->ukl", counts, counts)
    pairs[:, np.arange(counts.shape[1]), np.arange(counts.shape[1])] -= counts
    weight = np.where(m >= 2, 1 / np.maximum(m - 1, 1), 0.0)
    cells: FloatArray = pairs * weight[:, None, None]
    return cells


def sums(table: Table, weightings: Iterator[FloatArray]) -> Sums:
    """Sums over contacts for each of the weightings, given in pieces of shape (b, contacts)."""
    k, m = table.values.size, table.ratings
    cells = coincidences(table)
    per_pair = cells / np.maximum(m, 1)[:, None, None]
    span = float(table.values[-1] - table.values[0]) or 1.0
    squares = ((table.values[:, None] - table.values[None, :]) / span) ** 2
    columns = [
        cells.reshape(m.size, -1),
        table.counts / np.maximum(m, 1)[:, None],
        np.sum(per_pair * (1 - np.eye(k)), axis=(1, 2))[:, None],
        np.sum(per_pair * squares, axis=(1, 2))[:, None],
        (m >= 1).astype(np.float64)[:, None],
        (m >= 2).astype(np.float64)[:, None],
    ]
    everything = np.concatenate(columns, axis=1)
    found = np.concatenate([w @ everything for w in weightings])
    edges = np.cumsum([column.shape[1] for column in columns])[:-1]
    flat, shares, unequal, squared, rated, paired = np.split(found, edges, axis=1)
    return Sums(flat.reshape(-1, k, k), shares, unequal[:, 0], squared[:, 0], rated[:, 0], paired[:, 0])


def everyone(contacts: int) -> Iterator[FloatArray]:
    """The one weighting in which each contact counts once."""
    yield np.ones((1, contacts))


def resampled(contacts: int, draws: int, seed: int) -> Iterator[FloatArray]:
    """Bootstrap weightings: how often each contact is drawn, in pieces of at most two million numbers."""
    rng = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // max(contacts, 1))
    for start in range(0, draws, step):
        yield rng.multinomial(contacts, np.full(contacts, 1 / contacts), size=min(step, draws - start)).astype(
            np.float64
        )
