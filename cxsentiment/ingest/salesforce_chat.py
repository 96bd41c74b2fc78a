"""The body of a Salesforce LiveChatTranscript: HTML with a head, and "( 1m 13s ) Name: text<br>" for each message.

The head says when the chat started and who the agent is. An agent's name there that nobody speaks under (a placeholder
such as "(UserFirstName)") tells no roles.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, identity_of, settle
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, source_name
from cxsentiment.ingest.vendors.fields import credit
from cxsentiment.schema import Reject, Speaker, Transcript

NAME = "salesforce-chat"
_STARTED = re.compile(r"Chat Started:\s{0,5}([^<\n]{1,80})")
_PARAGRAPH = re.compile(r"<p\s[^<>]{0,40}center[^<>]{0,40}>([^<]{0,400})</p>", re.IGNORECASE)
_TRANSFER = re.compile(r"Chat Transferred From (.{1,80}) To (.{1,80})")
_OFFSET = r"\(\s{0,5}(?:(?P<h>\d{1,4})h\s{0,5})?(?:(?P<m>\d{1,4})m\s{0,5})?(?P<s>\d{1,6})s\s{0,5}\)"
# A message starts at the start, or after a line break or a paragraph; its name may be on the next line.
_MARK = re.compile(rf"(?:\A|(?<=>)|(?<=\n))[ \t\r\n]{{0,20}}{_OFFSET}[ \t\r\n]{{0,20}}(?:(?P<name>[^:<>\n]{{1,80}}):)?")
_DATE = re.compile(
    r"(?:[^\W\d]+,\s*)?(?P<month>[A-Z][a-z]{2})[a-z]*\s+(?P<day>\d{1,2}),\s*(?P<year>\d{4}),?\s+"
    r"(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2})\s*(?P<half>[AaPp][Mm])?\s*(?:\((?P<zone>[+-]\d{4})\))?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_body(text: str) -> bool:
    """Whether a text starts as such a body."""
    if not text.lstrip("\ufeff \t\r\n").startswith(("<", "Chat Started")):
        return False
    started = _STARTED.search(text[:4000])
    return started is not None and _MARK.search(text, started.end()) is not None


def read_body(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the one contact of a body; its id is the file's name without endings.

    Raises:
        InputError: `wrong_format`, or as `read_text`.
    """
    source = source_name(path)
    text, warning = read_text(path)
    if not is_body(text):
        raise InputError(
            "wrong_format",
            source,
            "is no body of a Salesforce chat transcript",
            allowed='"Chat Started: …", then "( 1m 13s ) Name: text<br>"',
            do="Leave --format out, and the format is found by structure",
        )
    contact = _contact(text)
    credit(contact.entries, options)
    if warning:
        contact.notes.add(warning)
    identity = identity_of(contact, Path(content_name(path)).stem)
    yield settle(contact, identity, options, source=source, record=1, format_name=NAME)


def _contact(text: str) -> Contact:
    head = [plain_text(match[1]) for match in _PARAGRAPH.finditer(text)]
    agents = {line.removeprefix("Agent ").strip().casefold() for line in head if line.startswith("Agent ")}
    for line in head:
        if (transfer := _TRANSFER.fullmatch(line)) is not None:
            agents |= {transfer[1].strip().casefold(), transfer[2].strip().casefold()}
    started = _STARTED.search(text)
    entries, skipped = _entries(_PARAGRAPH.sub("<br>", text))
    _tell_roles(entries, agents)
    return Contact(
        entries,
        channel="chat",
        started_at=_started_at(started[1]) if started else None,
        skipped=skipped,
    )


def _entries(text: str) -> tuple[list[Entry], Counter[str]]:
    """Every message; a time without a name before words is an event ("( 3s ) The chat was transferred")."""
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    marks = list(_MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    for mark, end in zip(marks, ends, strict=True):
        said = plain_text(text[mark.end() : end])
        if mark["name"] is None and said:
            skipped["event"] += 1
            continue
        seconds = int(mark["h"] or 0) * 3600 + int(mark["m"] or 0) * 60 + int(mark["s"])
        entries.append(Entry(said, plain_text(mark["name"] or "") or None, float(seconds)))
    return entries, skipped


def _tell_roles(entries: list[Entry], agents: set[str]) -> None:
    """The head's agents are agents; the one other name is the customer's. Two other names could be anybody's."""
    names = {entry.label for entry in entries if entry.label}
    found = {name for name in names if name.casefold() in agents}
    others = names - found
    roles: dict[str, Speaker] = dict.fromkeys(found, "agent")
    if found and len(others) == 1:
        roles[others.pop()] = "customer"
    for entry in entries:
        entry.role = roles.get(entry.label or "")
        if entry.role == "agent":
            entry.agent_id = entry.label


def _started_at(text: str) -> str | None:
    """ "Monday, December 17, 2018, 23:27:57 (-0500)" as ISO 8601 in UTC, or without a zone where it gives none."""
    match = _DATE.match(text)
    if match is None or match["month"] not in _MONTHS:
        return None
    hour = int(match["h"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    try:
        moment = datetime(
            int(match["year"]),
            _MONTHS.index(match["month"]) + 1,
            int(match["day"]),
            hour,
            int(match["m"]),
            int(match["s"]),
            tzinfo=_zone(match["zone"]),
        )
        return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat()
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
