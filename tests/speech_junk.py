"""What tests of readers of vendors' JSON share: that junk loses nothing, and whose the samples are."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.documents import find_format, read_document
from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Transcript


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
