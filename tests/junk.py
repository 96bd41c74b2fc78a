"""Documents of a format with anything in any field, for property tests of readers."""

import copy
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cxsentiment.errors import InputError
from cxsentiment.ingest.documents import read_document
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Reject, Transcript

Place = tuple[str | int, ...]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -1, 1e308, 1.5e9, 1.5e15]),
    st.sampled_from(["", "-1", "0", "null", "None", "undefined", "NaN", "1e999", "9" * 40, "A", "en", ".", "<p>"]),
    st.sampled_from(["PT9S", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\ud800"]),
    st.text(max_size=8),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)


def places(value: object, prefix: Place = ()) -> list[Place]:
    """Where every value within a JSON value lies."""
    steps: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        steps = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    found: list[Place] = []
    for step, inner in steps:
        found += [(*prefix, step), *places(inner, (*prefix, step))]
    return found


@st.composite
def junked(draw: st.DrawFn, document: object, keep: Callable[[Place], bool] = lambda place: False) -> Any:
    """A copy of `document` in which up to four values are anything or gone, but for the places that `keep` says."""
    result = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 4))):
        free = [place for place in places(result) if not keep(place)]
        if not free:
            break
        *way, last = draw(st.sampled_from(free))
        holder: Any = result
        for step in way:
            holder = holder[step]
        if draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = draw(JSON)
    return result


def kept(*deep: str) -> Callable[[Place], bool]:
    """Keep all but what lies within the entries: below a key of `deep` and a place in its list."""

    def keep(place: Place) -> bool:
        inside = [at for at, step in enumerate(place) if step in deep]
        return not inside or len(place) < inside[-1] + 3

    return keep


def keyed(documents: Sequence[object]) -> st.SearchStrategy[Any]:
    """Any JSON value whose objects have keys, and some values, of the documents."""
    keys = sorted(
        {step for document in documents for place in places(document) for step in place if isinstance(step, str)}
    )
    texts = sorted(_texts(list(documents)))
    leaves = st.one_of(SCALARS, st.sampled_from(texts))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(keys), inner, max_size=6)),
        max_leaves=12,
    )


def _texts(value: object) -> set[str]:
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(_texts, inner))


def outcome(document: object, name: str = "nowhere/sample.json") -> list[Transcript | Reject]:
    """All that comes of a document; one InputError of the whole is a Reject."""
    try:
        results = list(read_document(document, Path(name), ReadOptions()))
    except InputError as error:
        return [Reject(name, 0, None, error.code, error.message)]
    for result in results:
        if isinstance(result, Transcript):
            assert all(
                math.isfinite(time) for turn in result.turns for time in (turn.start_s or 0.0, turn.end_s or 0.0)
            )
    return results


def entries_told(results: Sequence[Transcript | Reject]) -> int:
    """How many entries of the source the results account for."""
    return sum(
        len(result.turns) + result.dropped_turns + sum(result.skipped.values())
        for result in results
        if isinstance(result, Transcript)
    )
