"""What the tests of formats say of a file that was read, in the shortest form that fixes it."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxsentiment.ingest.documents import find_format
from cxsentiment.ingest.formats import DocumentFormat
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions, parse_map, parse_roles
from cxsentiment.schema import Reject, Transcript


@dataclass(frozen=True)
class Facts:
    """One contact as a person reads it from the file.

    `speakers` are the initials of all turns' speakers in order (a agent, c customer, b bot, s system, o other,
    u unknown). `first` and `last` are (start, end, text) of the first and last turn in order of time.
    """

    id: str
    speakers: str
    first: tuple[float | None, float | None, str]
    last: tuple[float | None, float | None, str]
    started_at: str | None = None
    agent_id: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    dropped: int = 0


def facts(contact: Transcript) -> Facts:
    def told(place: int) -> tuple[float | None, float | None, str]:
        turn = contact.turns[place]
        return turn.start_s, turn.end_s, turn.text

    return Facts(
        contact.id,
        "".join(turn.speaker[0] for turn in contact.turns),
        told(0),
        told(-1),
        contact.started_at,
        contact.agent_id,
        contact.customer_id,
        contact.channel,
        contact.dropped_turns,
    )


def read(
    *paths: Path, roles: Sequence[str] = (), maps: Sequence[str] = (), format: str | None = None
) -> tuple[list[Transcript], list[Reject]]:
    """Contacts and rejects of `paths` with --role, --map and --format as typed."""
    results = list(read_contacts(paths, ReadOptions(parse_map(maps), parse_roles(roles), format)))
    return (
        [result for result in results if isinstance(result, Transcript)],
        [result for result in results if isinstance(result, Reject)],
    )


def claimed_files(folder: Path, formats: Collection[DocumentFormat]) -> dict[str, set[str]]:
    """The JSON files below that are of `formats`: path → names. That two of them take one file is an error."""
    claimed = {}
    for path in sorted(folder.rglob("*")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        name = path.relative_to(folder).as_posix()
        parts = document if isinstance(document, list) and find_format(document, ReadOptions()) is None else [document]
        found = {known.name for part in parts if (known := find_format(part, ReadOptions())) in formats}
        if found:
            claimed[name] = found
        hits = [known.name for known in formats if any(map(known.detect, parts))]
        assert len(hits) <= 1, name
    return claimed


def one(
    folder: Path, document: object, name: str = "one.json", *, roles: Sequence[str] = (), format: str | None = None
) -> Transcript:
    """The one contact of a document, or of a text, written to a file."""
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    (contact,), rejects = read(path, roles=roles, format=format)
    assert rejects == []
    return contact


def told(contact: Transcript) -> list[tuple[str, str]]:
    """(speaker, text) of each turn."""
    return [(turn.speaker, turn.text) for turn in contact.turns]
