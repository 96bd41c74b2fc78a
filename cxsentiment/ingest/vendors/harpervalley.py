"""HarperValleyBank: a call as a list of segments, with the file of its metadata beside it or in a folder `metadata`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cxsentiment.errors import CompanionError, InputError
from cxsentiment.ingest.beside import beside
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.recogniser import known, named
from cxsentiment.ingest.sources import Source, content_name, source_name
from cxsentiment.ingest.times import moment, seconds_of
from cxsentiment.schema import Speaker

_MS = 1000
_ROLES: dict[str, Speaker] = {"agent": "agent", "caller": "customer"}
_TRANSCRIPT = ".transcript"
_SID = re.compile(r"[0-9a-f]{16}")


def _is_call(document: object) -> bool:
    return (
        isinstance(document, list)
        and bool(document)
        and all(
            isinstance(item, dict)
            and "speaker_role" in item
            and "offset_ms" in item
            and ("human_transcript" in item or "transcript" in item)
            for item in document
        )
    )


def _is_harper_valley(document: object) -> bool:
    return _is_call(document) or _is_metadata(document)


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if _is_metadata(document):
        what = "is the metadata of a HarperValleyBank call and holds no words"
        advice = "Give the call's transcript; what stands here is read with it from the file beside it"
        if (call := _call_of(origin.source)) is not None:
            raise CompanionError(origin.where, what, main=source_name(call), do=advice)
        raise InputError("no_words", origin.where, what, do=advice)
    entries = []
    for item in objects(document):
        label = named(item.get("speaker_role"))
        start, duration = seconds_of(item.get("offset_ms"), _MS), seconds_of(item.get("duration_ms"), _MS)
        channel = named(item.get("channel_index"))
        said = item.get("human_transcript")
        entries.append(
            Entry(
                words(said if isinstance(said, str) else item.get("transcript")),
                label,
                start,
                None if start is None or duration is None else round(start + duration, 6),
                role=_ROLES.get(label or ""),
                also=(f"channel:{channel}",) if channel else (),
            )
        )
    contact = Contact(entries, channel="call")
    stem = Path(content_name(origin.source)).stem.removesuffix(_TRANSCRIPT)
    contact.id = stem if _SID.fullmatch(stem) else None  # files are named by the id
    _add_metadata(contact, origin.source, stem)
    yield contact


def _add_metadata(contact: Contact, source: Source, stem: str) -> None:
    found = next(_places(source, stem), None)
    if found is None:
        return
    try:
        metadata = json.loads(read_text(found)[0])
    except (InputError, ValueError, RecursionError):
        contact.notes.add(f"its metadata cannot be read ({found.name})")
        return
    if not _is_metadata(metadata):
        return
    started = moment(at(metadata, "start_time_ms"))
    rating = seconds_of(at(metadata, "caller", "survey_response", "data", "partner_rating"))
    tasks = [words(task.get("task_type")) for task in objects(metadata, "tasks")]
    contact.id = named(at(metadata, "sid")) or contact.id
    contact.agent_id = named(at(metadata, "agent", "speaker_id"))
    contact.customer_id = named(at(metadata, "caller", "speaker_id"))
    contact.started_at = started.isoformat() if started else None
    contact.attrs = known(
        rating=rating, rating_scale="1-10" if rating is not None else None, tasks=", ".join(filter(None, tasks))
    )


def _places(source: Source, stem: str) -> Iterator[Source]:
    if (found := beside(source, f"{stem}.metadata.json")) is not None:
        yield found
    if isinstance(source, Path) and source.parent.name == "transcript":
        folder = source.parent.with_name("metadata")
        if (found := beside(folder / source.name, f"{stem}.json")) is not None:
            yield found


def _call_of(source: Source) -> Source | None:
    """The transcript that a file of metadata belongs to, by the same names as `_places`."""
    name = source.name.replace(".metadata.", ".transcript.")
    if name != source.name and (found := beside(source, name)) is not None:
        return found
    if isinstance(source, Path) and source.parent.name == "metadata":
        return beside(source.parent.with_name("transcript") / source.name, source.name)
    return None


def _is_metadata(document: object) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("sid"), str)
        and "start_time_ms" in document
        and isinstance(document.get("caller"), dict)
        and isinstance(document.get("agent"), dict)
    )


HARPER_VALLEY = DocumentFormat(
    Format(
        name="harper-valley",
        title="HarperValleyBank",
        family="research",
        roles="speaker_role: agent, caller (the customer)",
        times="milliseconds (offset_ms)",
        example="cxsentiment score data/transcript/ --out run",
    ),
    _is_harper_valley,
    _read,
)
