"""Dialpad: the AI transcript of a call."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, objects, words
from cxsentiment.ingest.times import moment
from cxsentiment.ingest.values import text_or_none
from cxsentiment.schema import Speaker

_SPEECH = "transcript"
_KINDS = frozenset({_SPEECH, "moment", "ai_question", "custom_moment", "real_time_moment"})


def _is_dialpad(document: object) -> bool:
    return any(
        "content" in line and "time" in line and isinstance(line.get("type"), str) and line["type"] in _KINDS
        for line in objects(document, "lines")
    )


def _read_dialpad(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    entries = []
    skipped: Counter[str] = Counter()
    for place, line in enumerate(objects(document, "lines")):
        if line.get("type") not in (_SPEECH, None):
            skipped["event"] += 1
            continue
        entries.append(_entry(line, place))
    customers = {entry.also[0] for entry in entries if entry.role == "customer"}
    yield Contact(
        entries,
        id=_id(document.get("call_id")),
        channel="call",
        customer_id=min(customers) if len(customers) == 1 else None,
        skipped=skipped,
    )


def _entry(line: dict[str, Any], place: int) -> Entry:
    user, contact = _id(line.get("user_id")), _id(line.get("contact_id"))
    role: Speaker | None = None
    if (user is None) != (contact is None):
        role = "agent" if user else "customer"
    also = tuple(name for name in (user, contact) if name)
    return Entry(
        words(line.get("content")),
        words(line.get("name")).strip() or next(iter(also), None),
        at=moment(line.get("time")),
        role=role,
        also=also,
        agent_id=user if role == "agent" else None,
        index=place,
    )


def _id(value: object) -> str | None:
    try:
        return text_or_none(value)
    except ValueError:
        return None


DIALPAD = DocumentFormat(
    Format(
        name="dialpad",
        title="Dialpad transcript",
        family="telephony",
        roles="lines[].user_id is the agent's side, contact_id the customer's",
        times="ISO 8601",
        example="cxsentiment score transcripts/ --out run",
    ),
    _is_dialpad,
    _read_dialpad,
)
