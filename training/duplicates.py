"""Which texts repeat held-out ones, word for word or nearly so."""

import re
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

# Shorter texts ("yes", "thank you so much") are everybody's: leaving them out would unteach the commonest turns.
_MIN_WORDS = 4
# Of texts this long one word changed in about ten still counts as the same text.
_MIN_WORDS_NEAR = 6
NEAR = 0.8
_WORDS = re.compile(r"[^\W\d_]+")
_CHUNK = 2000


def key(text: str) -> str | None:
    """The words of a text in lower case without digits and marks; None where they are too few to be anybody's own."""
    words = _WORDS.findall(text.lower())
    return " ".join(words) if len(words) >= _MIN_WORDS else None


def words(text: str) -> str:
    """The words of a text in lower case without digits and marks, however few; the text itself where it has none."""
    return " ".join(_WORDS.findall(text.lower())) or text


def near(texts: Sequence[str], held: Collection[str]) -> NDArray[np.bool_]:
    """For each of `texts`, whether one of `held` is nearly the same.

    Nearly the same: cosine of the binary counts of words and word pairs at least `NEAR`, both texts of six words or
    more.
    """
    found = np.zeros(len(texts), np.bool_)
    long_held = sorted({text for text in held if len(_WORDS.findall(text)) >= _MIN_WORDS_NEAR})
    places = [place for place, text in enumerate(texts) if len(_WORDS.findall(text)) >= _MIN_WORDS_NEAR]
    if not long_held or not places:
        return found
    counter = CountVectorizer(lowercase=True, token_pattern=_WORDS.pattern, ngram_range=(1, 2), binary=True)
    theirs = normalize(counter.fit_transform(long_held).astype(np.float32)).T.tocsc()
    # Words that no held-out text has must count against likeness, so the length comes from all words.
    sizes = CountVectorizer(lowercase=True, token_pattern=_WORDS.pattern, ngram_range=(1, 2), binary=True)
    for start in range(0, len(places), _CHUNK):
        chunk = places[start : start + _CHUNK]
        chosen = [texts[place] for place in chunk]
        length = np.sqrt(np.asarray(sizes.fit_transform(chosen).sum(axis=1)).ravel())
        likeness = _largest(counter.transform(chosen).astype(np.float32) @ theirs) / length
        found[chunk] = likeness >= NEAR
    return found


def _largest(products: csr_array | csr_matrix) -> NDArray[np.float32]:
    """The largest value of each row, none of them below zero; the matrix's own `max` would sort every row first."""
    largest = np.zeros(products.shape[0], np.float32)
    filled = np.diff(products.indptr) > 0
    if filled.any():
        largest[filled] = np.maximum.reduceat(products.data, products.indptr[:-1][filled])
    return largest
