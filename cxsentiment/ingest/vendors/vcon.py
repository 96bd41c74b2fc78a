"""vCon, the container for conversations of the IETF (drafts 0.0.1 to 0.4), with what its dialogs and transcripts hold.

Messages (dialogs of type text) and transcripts of recordings (analysis of type transcript) are the turns of one
contact. A dialog has one transcript; further ones of it are left out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, Notes
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.values import json_type, shown
from cxsentiment.ingest.vendors.fields import identifier, known, moment_of
from cxsentiment.ingest.vendors.vcon_bodies import Piece, body_text, parsed, pieces_of
from cxsentiment.schema import Speaker

_ROLES: dict[str, Speaker] = {
    "agent": "agent",
    "customer": "customer",
    **dict.fromkeys(("bot", "ai", "virtual agent", "virtual_agent"), "bot"),
    "system": "system",
    "supervisor": "other",
    "sme": "other",
    "thirdparty": "other",
    "third party": "other",
}
_TRANSCRIPTS = ("transcript", "transcription", "wtf_transcription")
_MEDIA = ("recording", "audio", "video")
_PARTS = ("parties", "dialog", "analysis")


def _is_signed(document: object) -> bool:
    return isinstance(at(document, "payload"), str) and isinstance(at(document, "signatures"), list)


def _is_encrypted(document: object) -> bool:
    return isinstance(at(document, "ciphertext"), str) and (
        isinstance(at(document, "recipients"), list) or "protected" in (document if isinstance(document, dict) else ())
    )


def _detect(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    if _is_signed(document) or _is_encrypted(document):
        return True
    parts = [key for key in _PARTS if key in document]
    return bool(parts) and ("vcon" in document or len(parts) == len(_PARTS))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if _is_signed(document):
        raise InputError(
            "signed",
            origin.where,
            "is a signed vCon, which is not opened",
            do="Verify it, and give its payload as JSON",
        )
    if _is_encrypted(document):
        raise InputError("encrypted", origin.where, "is an encrypted vCon", do="Decrypt it, and give the vCon in it")
    yield _Vcon(document, origin).contact()


@dataclass(slots=True)
class _Vcon:
    """One vCon as it is read. `faults` name places that break the draft; alone they refuse nothing."""

    document: dict[str, Any]
    origin: Origin
    entries: list[Entry] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)

    def contact(self) -> Contact:
        parties = self._list("parties")
        dialogs = self._list("dialog")
        analyses = self._list("analysis")
        for place, dialog in enumerate(dialogs):
            self.faults += _faults(dialog, place, len(parties))
        starts = [moment_of(dialog.get("start")) for dialog in dialogs]
        first = min((_aware(start) for start in starts if start), default=None)
        offsets = [(_aware(start) - first).total_seconds() if start and first else None for start in starts]
        for dialog, offset in zip(dialogs, offsets, strict=True):
            self._dialog(dialog, offset, parties)
        self._transcripts(analyses, dialogs, offsets, parties)
        if not self.entries:
            self._refuse(dialogs)
        for fault in self.faults:
            self.notes.add(fault)
        agents, customers = (_of_role(parties, role) for role in ("agent", "customer"))
        return Contact(
            self.entries,
            id=identifier(self.document.get("uuid")),
            channel=_channel(dialogs, self.document),
            agent_id=_person(agents[0], ("mailto", "email", "tel")) if len(agents) == 1 else None,
            customer_id=_person(customers[0], ("tel", "mailto", "email")) if len(customers) == 1 else None,
            started_at=_iso(starts, first),
            attrs=known(
                subject=self.document.get("subject"),
                direction=at(dialogs, 0, "meta", "direction") or at(self.document, "meta", "direction"),
                disposition=at(dialogs, 0, "meta", "disposition") or at(dialogs, 0, "disposition"),
                vcon=self.document.get("vcon"),
            ),
            notes=self.notes,
            skipped=self.skipped,
        )

    def _list(self, key: str) -> list[dict[str, Any]]:
        """The objects of a list; whatever is none keeps its place as an empty one, for places are referred to."""
        value = self.document.get(key)
        if not isinstance(value, list):
            if key in self.document:
                self.faults.append(f'"{key}" is {json_type(value)}, not a list')
            return []
        return [item if isinstance(item, dict) else {} for item in value]

    def _dialog(self, dialog: dict[str, Any], offset: float | None, parties: list[dict[str, Any]]) -> None:
        kind = dialog.get("type")
        if kind in _MEDIA:
            return  # its words stand in a transcript
        if kind != "text":
            self.skipped["event"] += 1
        elif "body" not in dialog and "url" in dialog:
            self.skipped["external content"] += 1
            self.notes.add("messages that lie outside the file (url) were not fetched")
        else:
            entry = self._entry(_speaker_of(dialog), None, parties)
            entry.text, entry.start = body_text(dialog), offset
            self.entries.append(entry)

    def _transcripts(
        self,
        analyses: list[dict[str, Any]],
        dialogs: list[dict[str, Any]],
        offsets: list[float | None],
        parties: list[dict[str, Any]],
    ) -> None:
        told: set[int] = {place for place, dialog in enumerate(dialogs) if dialog.get("type") == "text"}
        # Some tools put a transcript among the attachments, which name their kind as their purpose.
        attachments = objects(self.document, "attachments")
        named = [
            item for item in (*analyses, *attachments) if (item.get("type") or item.get("purpose")) in _TRANSCRIPTS
        ]
        found = [(analysis, pieces_of(parsed(analysis))) for analysis in named]
        if not any(pieces for _, pieces in found):
            # Some tools call a transcript by another name; a list of speakers and messages can be nothing else.
            found = [(analysis, pieces_of(parsed(analysis), messages_only=True)) for analysis in analyses]
        for analysis, pieces in found:
            places = _places(analysis.get("dialog"))
            if not pieces:
                continue
            if told & set(places):
                self.notes.add("a dialog has several transcripts, or is text itself; the first was read")
                continue
            told |= set(places)
            offset = at(offsets, places[0]) if 0 <= places[0] < len(offsets) else None
            for piece in pieces:
                self.entries.append(self._spoken(piece, offset, parties))

    def _spoken(self, piece: Piece, offset: float | None, parties: list[dict[str, Any]]) -> Entry:
        entry = self._entry(piece.party, piece.speaker, parties, piece.also)
        entry.text = piece.text
        entry.start = None if piece.start is None else round(piece.start + (offset or 0.0), 6)
        entry.end = None if piece.end is None else round(piece.end + (offset or 0.0), 6)
        return entry

    def _entry(
        self, place: int | None, label: str | None, parties: list[dict[str, Any]], also: tuple[str, ...] = ()
    ) -> Entry:
        """An entry of the party at `place`, or of the one that is called `label` or as `also` says."""
        if place is None:
            named = [k for k, party in enumerate(parties) if {label, *also} & set(_names(party))]
            place = named[0] if len(named) == 1 else None
        if place is None or not 0 <= place < len(parties):
            return Entry("", label, also=also)
        party = parties[place]
        names = _names(party)
        also = tuple(dict.fromkeys((*also, f"party:{place}", *names)))
        role = _role(party)
        declared = self.origin.options.declared((*((label,) if label else ()), *also))
        is_agent = declared == "agent" or (declared is None and role == "agent")
        return Entry(
            "",
            label or (names[0] if names else f"party:{place}"),
            role=role,
            also=also,
            agent_id=_person(party, ("mailto", "email", "tel")) if is_agent else None,
        )

    def _refuse(self, dialogs: list[dict[str, Any]]) -> None:
        where = self.origin.where
        if self.faults:
            raise InputError("vcon", where, "; ".join(self.faults), do="Correct it, and add a transcript")
        if not dialogs:
            raise InputError("no_turns", where, "holds no dialog and no transcript", do="Add either")
        what = f"dialog 0 (type {shown(str(dialogs[0].get('type')))}) has no text and no analysis of type transcript"
        raise InputError("no_turns", where, what, do="Add a transcript as an analysis of type transcript")


def _faults(dialog: dict[str, Any], place: int, parties: int) -> list[str]:
    """What breaks the draft in a dialog, with its place."""
    found = []
    outside = [number for number in _numbers(dialog.get("parties")) if not 0 <= number < parties]
    if outside:
        named = ", ".join(str(number) for number in outside[:5])
        found.append(f"dialog {place}: parties names {named}, but there are {parties}")
    duration = dialog.get("duration")
    if duration is not None and (isinstance(duration, bool) or not isinstance(duration, (int, float))):
        found.append(f"dialog {place}: duration is {json_type(duration)}, not a number")
    elif isinstance(duration, (int, float)) and duration < 0:
        found.append(f"dialog {place}: duration is negative")
    media = dialog.get("mediatype", dialog.get("mimetype"))
    if media is not None and (not isinstance(media, str) or "/" not in media):
        found.append(f"dialog {place}: mediatype is no media type")
    url = dialog.get("url")
    if url is not None and (not isinstance(url, str) or ":" not in url):
        found.append(f"dialog {place}: url is no address")
    return found


def _numbers(value: object) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [number for number in values if isinstance(number, int) and not isinstance(number, bool)]


def _places(value: object) -> list[int]:
    """The dialogs that an analysis is of; one that names none is of the first."""
    return _numbers(value) or [0]


def _speaker_of(dialog: dict[str, Any]) -> int | None:
    """Who wrote a message: the originator, else the first of the parties."""
    numbers = _numbers(dialog.get("originator")) or _numbers(dialog.get("parties"))
    return numbers[0] if numbers else None


def _role(party: dict[str, Any]) -> Speaker | None:
    said = words(party.get("role")) or words(at(party, "meta", "role"))
    return _ROLES.get(said.strip().lower())


def _of_role(parties: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    return [party for party in parties if _role(party) == role]


def _names(party: dict[str, Any]) -> tuple[str, ...]:
    found = (words(party.get(key)).removeprefix("mailto:") for key in ("name", "mailto", "email", "tel", "id"))
    return tuple(dict.fromkeys(filter(None, found)))


def _person(party: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    """How a party is called in the results: by its own id, else by mailbox or number, else by name."""
    found = (identifier(party.get(key)) for key in ("uuid", "id", *keys, "name"))
    name = next(filter(None, found), None)
    return name.removeprefix("mailto:") if name else None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(starts: list[datetime | None], first: datetime | None) -> str | None:
    """The start of the first dialog, with the zone that its file gives it."""
    if first is None:
        return None
    naive = all(start.tzinfo is None for start in starts if start)
    return (first.replace(tzinfo=None) if naive else first.astimezone(UTC)).isoformat()


def _channel(dialogs: list[dict[str, Any]], document: dict[str, Any]) -> str | None:
    kinds = {kind for dialog in dialogs if isinstance(kind := dialog.get("type"), str)}
    if kinds & set(_MEDIA):
        return "call"
    if "text" not in kinds:
        return "call" if document.get("analysis") else None
    mail = any("message_id" in dialog or "multipart/" in words(dialog.get("mediatype")) for dialog in dialogs)
    return "email" if mail else "chat"


VCON = DocumentFormat(
    Format(
        name="vcon",
        title="vCon",
        family="vcon",
        roles="parties[].role or parties[].meta.role; labels of the transcript",
        times="ISO 8601, seconds",
        example="cxsentiment check calls/",
    ),
    _detect,
    _read,
)
