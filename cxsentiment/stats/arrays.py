"""Arrays that all statistics take: numbers as float64 (NaN is missing), groups as integer codes (-1 is unknown)."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def floats(column: object) -> FloatArray:
    """One Arrow column as float64; a null becomes NaN."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)  # type: ignore[attr-defined]


def codes(column: object) -> tuple[IntArray, list[str]]:
    """One Arrow column of names as codes into the sorted names; a null becomes -1."""
    encoded = column.cast("string").combine_chunks().dictionary_encode()  # type: ignore[attr-defined]
    names = np.array(encoded.dictionary.to_pylist(), dtype=np.object_)
    place = np.empty(names.size + 1, dtype=np.int64)
    order = np.argsort(names)
    place[order], place[-1] = np.arange(names.size), -1
    return place[np.asarray(encoded.indices.fill_null(-1))], names[order].tolist()


def compact(groups: IntArray) -> tuple[IntArray, IntArray]:
    """Codes 0..G-1 in the order of the codes given, and the G codes they stand for.

    `groups` has shape (n,). A table is used where the codes are small numbers, which is faster than sorting them.
    """
    if groups.size and groups.min() >= 0 and groups.max() < 4 * groups.size + 1024:
        present = np.bincount(groups) > 0
        names = np.flatnonzero(present)
        return (np.cumsum(present) - 1)[groups], names
    names, of = np.unique(groups, return_inverse=True)
    return of.astype(np.int64), names


def tally(of: IntArray, count: int, weights: FloatArray | None = None) -> FloatArray:
    """Sum of the weights (None: how many there are) of each of the codes 0..count-1, shape (count,)."""
    return np.asarray(np.bincount(of, weights=weights, minlength=count), dtype=np.float64)


def group_sums(of: IntArray, count: int, *columns: FloatArray) -> FloatArray:
    """Sums of each column by group: shape (count, 1 + number of columns), the first column the group's size."""
    return np.stack([tally(of, count), *(tally(of, count, column) for column in columns)], axis=1)


def group_means(values: FloatArray, of: IntArray) -> FloatArray:
    """Mean of each group of the compact codes `of`, shape (G,)."""
    means: FloatArray = np.bincount(of, weights=values) / np.bincount(of)
    return means


def same_shape(**arrays: NDArray[np.generic]) -> None:
    """Raise ValueError, naming them, where arrays that belong together differ in length."""
    sizes = {name: array.shape[0] for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError("arrays of different length: " + ", ".join(f"{name} {size}" for name, size in sizes.items()))
