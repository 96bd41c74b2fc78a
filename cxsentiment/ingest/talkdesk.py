"""Talkdesk: transcripts as a CSV table with one message a row. A turn table whose columns have names of their own."""

from collections.abc import Iterator
from dataclasses import replace

from cxsentiment.ingest.csvfile import header_names, read_csv
from cxsentiment.ingest.heads import head_of
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source, ignore
from cxsentiment.schema import Reject, Transcript

# Our field → its column. All messages carry the one time at which the interaction began: no time of a turn.
_COLUMNS = {
    "id": "interaction_id",
    "speaker": "message_participant",
    "text": "message_text",
    "started_at": "interaction_started",
}
_NEEDED = frozenset({"interaction_id", "message_participant", "message_text"})


def is_talkdesk(text: str) -> bool:
    """Whether a text starts with the header of such a table."""
    return header_names(text) >= _NEEDED


def read_talkdesk(source: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the contacts of the table; columns that --map names come first.

    Raises:
        InputError: as `read_csv`.
    """
    there = header_names(head_of(source).text)
    columns = {field: name for field, name in _COLUMNS.items() if name in there}
    yield from read_csv(source, replace(options, columns={**columns, **options.columns}), advance)
