"""A parsed JSON document → transcripts: a vendor's format or a package's by its structure, else the generic record."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cxsentiment.errors import CompanionError, InputError
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.formats import DocumentFormat, Origin, settled
from cxsentiment.ingest.installed import guarded, installed
from cxsentiment.ingest.options import TURN_FIELDS, ReadOptions, normalise_name
from cxsentiment.ingest.paths import MISSING, value_at, without
from cxsentiment.ingest.plain import turns_of
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, source_name
from cxsentiment.ingest.tables import Row, Table, read_table
from cxsentiment.ingest.values import json_type
from cxsentiment.schema import Reject, Transcript


def find_format(document: object, options: ReadOptions) -> DocumentFormat | None:
    """The vendor's format of a document; None for the generic record. `options.format` decides where it names one.

    Formats of other packages are asked last, of what would be read as a generic record that has no `turns`.
    """
    if options.format is not None:
        named = next((known for known in DOCUMENT_FORMATS if known.name == options.format), None)
        named = named or installed().document(options.format)
        # An array that is not itself such a document may be one of such documents.
        return named if named and (not isinstance(document, list) or named.detect(document)) else None
    if value_at(document, options.columns.get("turns", "turns")) is not MISSING:
        return None
    own = next((known for known in DOCUMENT_FORMATS if known.detect(document)), None)
    return own or next((known for known in installed().documents() if known.detect(document)), None)


def read_document(
    document: object, source: Source, options: ReadOptions, warnings: Sequence[str] = ()
) -> Iterator[Transcript | Reject]:
    """Yield the contacts of a whole document: a vendor's, one generic record, an array of either, or one of turns.

    Contact n of a document is record n from 1.

    Raises:
        InputError: `empty` for an empty array, `wrong_format` where --format names another, or as the format's `read`.
    """
    if (found := find_format(document, options)) is not None:
        yield from _read(found, document, source, 1, options, warnings)
        return
    records: Sequence[object] = document if isinstance(document, list) else [document]
    if not records:
        raise InputError("empty", source_name(source), "holds no contact: the list is empty", do="Export it again")
    if isinstance(document, list) and (table := turn_table(document, source, options, warnings)) is not None:
        yield from read_table(table, options)
        return
    number = 1
    for record in records:
        for result in read_element(record, source, number, options, warnings):
            number += 1
            yield result


def turn_table(
    items: Sequence[object], source: Source, options: ReadOptions, warnings: Sequence[str] = ()
) -> Table | None:
    """An array of turns, with a text and a speaker, as a turn table; None for any other.

    An element that is no object is refused by its place, where most are turns.
    """
    paths = [name for name in options.columns.values() if "." in name]
    records = [item for item in items if isinstance(item, dict)]
    columns = tuple(dict.fromkeys([*(key for record in records for key in record), *paths]))
    names = {normalise_name(column) for column in columns}
    if (
        2 * len(records) <= len(items)
        or any(value_at(record, options.columns.get("turns", "turns")) is not MISSING for record in records)
        or any(options.source_name(field, {*columns, *names}) is None for field in ("text", "speaker"))
    ):
        return None

    def rows(_: Advance = ignore) -> Iterator[Row]:
        for number, record in enumerate(items, start=1):
            if not isinstance(record, dict):
                yield Row(number, (), f"is {json_type(record)}, not an object")
                continue
            found = [value_at(record, column) for column in columns]
            yield Row(number, [None if value is MISSING else value for value in found])

    stem = Path(content_name(source)).stem
    return Table(source_name(source), columns, rows, stem, "element", tuple(warnings))


def read_element(
    record: object, source: Source, number: int, options: ReadOptions, warnings: Sequence[str] = ()
) -> Iterator[Transcript | Reject]:
    """Yield the contacts of one line of JSONL or one element of an array; the first of them is record `number`."""
    found = find_format(record, options)
    if found is None:
        name = source_name(source)
        record, options, notes = _lines_as_turns(record, options)
        yield read_or_reject(record, source=name, number=number, options=options, warnings=(*warnings, *notes))
        return
    try:
        yield from _read(found, record, source, number, options, warnings)
    except CompanionError:
        raise  # what it says is of the whole file
    except InputError as error:
        yield Reject(source_name(source), number, None, error.code, error.message)


def _lines_as_turns(record: object, options: ReadOptions) -> tuple[object, ReadOptions, Sequence[str]]:
    """A record whose turns are one text of lines such as "Agent: …", with a list of turns, and how that is read."""
    path = options.columns.get("turns", "turns")
    said = value_at(record, path)
    if not isinstance(record, dict) or not isinstance(said, str):
        return record, options, ()
    turns, notes = turns_of(said, options)
    if not turns:
        return record, options, ()
    ours = {field: name for field, name in options.columns.items() if field not in ("turns", *TURN_FIELDS)}
    return {**without(record, path), "turns": turns}, replace(options, columns=ours, time_unit=None), notes


def _read(
    found: DocumentFormat,
    document: object,
    source: Source,
    first: int,
    options: ReadOptions,
    warnings: Sequence[str],
) -> Iterator[Transcript | Reject]:
    name = source_name(source)
    if not found.detect(document):
        raise InputError(
            "wrong_format",
            name,
            f"is not {found.facts.title}: its structure is another",
            do="Leave --format out, and the format is found by structure",
        )
    origin = Origin(source, name, options)
    results = settled(found.read(document, origin), found.facts, origin, first, warnings)
    yield from guarded(found.facts, name, results) if found.facts.package else results
