"""What tests of readers of vendors' JSON share: documents with junk in any field, and the samples of all formats."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cxsentiment.errors import InputError
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.documents import find_format, read_document
from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Transcript

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(
        [10**400, -1, 1e308, 1.5e9, 1.5e15, "", "None", "-1", "9" * 40, "PT9S", "0001-01-01T00:00:00+14:00"]
    ),
    st.text(max_size=8),
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """`document` with up to four of its values, at any depth, replaced by junk or left out."""
    root = {"": copy.deepcopy(document)}
    for _ in range(draw(st.integers(0, 4))):
        holder: Any = root
        key: Any = ""
        while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 3)):
            holder = holder[key]
            key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if holder is not root and isinstance(holder, dict) and draw(st.booleans()):
            del holder[key]
            if not holder:
                break
        else:
            holder[key] = draw(JSON)
    return root[""]


def named(name: str) -> DocumentFormat:
    """The format called `name`."""
    return next(known for known in DOCUMENT_FORMATS if known.name == name)


def check_survives(name: str, document: object, count: Callable[[Any], int] | None) -> None:
    """The format answers for a document: where it takes it, nothing of it is lost and only InputError is raised.

    `count` says how many entries stand in the document; None where turns are made of words.
    """
    known = named(name)
    if not known.detect(document):
        return
    try:
        results = list(read_document(document, Path("calls/x.json"), ReadOptions(format=name)))
    except InputError:
        return
    contacts = [result for result in results if isinstance(result, Transcript)]
    out = sum(len(contact.turns) + contact.dropped_turns + sum(contact.skipped.values()) for contact in contacts)
    if count is not None and len(contacts) == len(results):
        assert out == count(document)


def check_samples(folder: Path, family: str, format_of: Mapping[str, str]) -> None:
    """Of all JSON files below, those in a folder of `format_of` are that format's, and no other is the family's."""
    seen = 0
    for path in sorted(folder.rglob("*.json*")):
        try:
            document = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError:
            continue
        seen += 1
        own = format_of.get(path.parent.name)
        found = find_format(document, ReadOptions())
        taken = [known.name for known in DOCUMENT_FORMATS if known.facts.family == family and known.detect(document)]
        assert taken == ([own] if own else []), path
        assert (found is not None and found.name == own) if own else (found is None or found.facts.family != family), (
            path
        )
    assert seen > 60


def items(value: object) -> int:
    """How many objects a list holds; 0 for what is no list."""
    return sum(isinstance(item, dict) for item in value) if isinstance(value, list) else 0


def under(document: object, *path: str) -> Any:
    """What lies at a path of keys; None where it breaks off."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document
