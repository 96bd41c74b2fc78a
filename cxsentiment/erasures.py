"""The record of erasures of a run (erasures.jsonl): who was removed, as salted hashes, and who must not come back.

Each line is one entry and holds the SHA-256 of the line before it, so that a changed, missing or moved line shows; the
receipt holds that of the last line, so that a cut end shows too. No id stands in it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cxsentiment import runs
from cxsentiment.errors import RunError
from cxsentiment.mentions import ERASED, mention_of_long
from cxsentiment.privacy.pseudonyms import pseudonym
from cxsentiment.schema import Reject, Transcript

FILE = "erasures.jsonl"
NOT_BY_AGE = "9999-12-31"
"""The start of a row whose age does not count: of a contact whose own date is known, or of a table without dates."""
_NO_INPUT = {"source": ERASED, "sha256": None, "bytes": 0}
Kind = Literal["customer", "contact", "retention"]


@dataclass(frozen=True, slots=True)
class Request:
    """Whom to remove: the customer or contact of a salted hash, or every contact that began `before` a moment.

    With `undated`, contacts without a readable date go too.
    """

    kind: Kind
    sha256: str | None = None
    before: str | None = None
    undated: bool = False


def digest(salt: str, identifier: str) -> str:
    """Hex SHA-256 of the salt, as it is written, followed by the id."""
    return hashlib.sha256((salt + identifier).encode("utf-8", "surrogatepass")).hexdigest()


def moment(text: str | None) -> datetime | None:
    """An ISO 8601 date and time, read as UTC where it names no zone; None where it is none."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Selection:
    """Which contacts a list of requests takes; each is counted for the first request that takes it."""

    def __init__(self, salt: str, requests: Sequence[Request]) -> None:
        self.salt = salt
        self.requests = requests
        self._ids = {(one.kind, one.sha256): place for place, one in reversed(list(enumerate(requests)))}
        self._kinds = {one.kind for one in requests}
        self._dates = [
            (place, limit, one.undated)
            for place, one in enumerate(requests)
            if one.kind == "retention" and (limit := moment(one.before)) is not None
        ]

    def by_id(self, contact_id: str | None, customer_id: str | None) -> int | None:
        """The place of the request that takes this contact by an id."""
        ids: tuple[tuple[Kind, str | None], ...] = (("contact", contact_id), ("customer", customer_id))
        keys = [(kind, digest(self.salt, value)) for kind, value in ids if value is not None and kind in self._kinds]
        return min((self._ids[key] for key in keys if key in self._ids), default=None)

    def by_date(self, started_at: str | None) -> int | None:
        """The place of the request that takes a contact of this date by its age."""
        if not self._dates:
            return None
        began = moment(started_at)
        old = (place for place, limit, undated in self._dates if (undated if began is None else began < limit))
        return next(old, None)

    def find(self, contact_id: str | None, customer_id: str | None, started_at: str | None) -> int | None:
        """The place of the request that takes this contact, by id or by age; None where none does."""
        place = self.by_id(contact_id, customer_id)
        return self.by_date(started_at) if place is None else place


@dataclass(slots=True)
class Traces:
    """What else in a run may tell of erased contacts: their ids in messages, and the names of their source files.

    `names` are ids to blank, `gone` and `kept` the sources of contacts that went and of those that stay.
    """

    names: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)

    def add(self, request: Request, contact_id: str | None, customer_id: str | None) -> None:
        """Note the ids of a contact that goes by this request; of one that goes by its age, none."""
        if request.kind != "retention" and contact_id:
            self.names.add(contact_id)
        if request.kind == "customer" and customer_id:
            self.names.add(customer_id)

    def blanked(self, value: Any) -> Any:
        """The value with every id blanked, in texts, and in the keys and members of what holds texts."""
        named = mention_of_long(self.names)
        return value if named is None else _replaced(value, named)

    def receipt(self, receipt: Mapping[str, Any]) -> dict[str, Any]:
        """The receipt without ids, and without names and hashes of sources that held nothing else."""
        gone = self.gone - self.kept
        inputs = [_NO_INPUT if one["source"] in gone else one for one in receipt["inputs"]]
        parts = {key: receipt[key] for key in ("command", "surveys", "log", "warnings", "notes") if key in receipt}
        return {**receipt, **self.blanked({**parts, "inputs": inputs})}


def is_blanked(name: str, other: str) -> bool:
    """Whether `name` is what is left of the name `other` when ids in it were blanked."""
    parts = name.split(ERASED)
    return len(parts) > 1 and bool(re.fullmatch(".+".join(map(re.escape, parts)), other, re.DOTALL))


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, Mapping):
        return {pattern.sub(ERASED, key): _replaced(member, pattern) for key, member in value.items()}
    return [_replaced(member, pattern) for member in value] if isinstance(value, list) else value


class Suppression:
    """Keeps erased contacts out of a run that is scored again. Ask for all contacts first, then for rejects."""

    def __init__(self, entries: Sequence[Mapping[str, Any]], head: Mapping[str, Any], key: bytes | None = None) -> None:
        self.head = head
        self._key = key
        self._selection = Selection(salt_of(entries) or "", [request_of(entry) for entry in entries])
        self._contacts: set[str] = set()
        self._stay: set[str] = set()
        self._traces = Traces()

    def takes(self, contact: Transcript) -> bool:
        """Whether this contact was erased."""
        if not self._selection.requests:  # nobody was, and what stays need not be remembered
            return False
        place = self._selection.find(contact.id, contact.customer_id, contact.started_at)
        if place is None and self._key and contact.customer_id:
            place = self._selection.by_id(None, pseudonym(self._key, "customer", contact.customer_id))
        if place is None:
            self._traces.kept.add(contact.source)
            self._stay.add(contact.id)
            return False
        self._contacts.add(contact.id)
        self._traces.gone.add(contact.source)
        self._traces.add(self._selection.requests[place], contact.id, contact.customer_id)
        return True

    def rows(self, rows: Sequence[Mapping[str, Any]] | None) -> Sequence[Mapping[str, Any]] | None:
        """The rows of a table of the whole run without those of erased contacts; None for None."""
        return rows if rows is None or not self.head else [row for row in rows if not self._takes_row(row)]

    def _takes_row(self, row: Mapping[str, Any]) -> bool:
        contact, customer = row.get("contact_id"), row.get("customer_id")
        if contact in self._contacts:
            return True
        aged = "started_at" in row and contact not in self._stay
        place = self._selection.find(contact, customer, row.get("started_at") if aged else NOT_BY_AGE)
        if place is not None:
            self._traces.add(self._selection.requests[place], contact, customer)
        return place is not None

    def rejects(self, rejects: Iterable[Reject]) -> Iterator[Reject]:
        """The refused records without those of erased contacts, and without mentions of them; ask for all of them."""
        if not self._selection.requests:
            yield from rejects
            return
        for one in rejects:
            if not self._takes_reject(one.contact_id):
                self._traces.kept.add(one.source)
                yield Reject(**self._traces.blanked(asdict(one)))

    def _takes_reject(self, contact_id: str | None) -> bool:
        return contact_id in self._contacts or self._selection.by_id(contact_id, None) is not None

    def receipt(self, receipt: Mapping[str, Any]) -> dict[str, Any]:
        """The receipt without what tells of them, and with the end of the record."""
        if not self.head:
            return dict(receipt)
        return {**self._traces.receipt(receipt), **self.head}


def suppression(run: Path, key: bytes | None = None) -> Suppression:
    """Who must not be scored again into this folder, with the key of its pseudonyms. Raises as `read`."""
    return Suppression(read(run), head(run), key)


def request_of(entry: Mapping[str, Any]) -> Request:
    """What an entry removed."""
    return Request(entry["kind"], entry["sha256"], entry["before"], bool(entry["undated"]))


def salt_of(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """The salt of a run's record; all entries have the same, so that an id is looked up with one hash."""
    return str(entries[0]["salt"]) if entries else None


def read(run: Path) -> list[dict[str, Any]]:
    """All entries of a run. Raises RunError where the chain, or its end as the receipt has it, is broken."""
    path = run / FILE
    lines = _lines(path)
    entries = []
    previous = None
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            sound = entry["number"] == number and entry["previous"] == previous
            request_of(entry)
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            raise _altered(path, f"line {number} is not what was written after the line before it")
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    known = (runs.read_receipt(run) or {}).get("erasures")
    if known:
        count = known["entries"]
        if len(lines) < count:
            raise _altered(path, f"{count} entries were written, {len(lines)} are there")
        if hashlib.sha256(lines[count - 1]).hexdigest() != known["sha256"]:
            raise _altered(path, f"line {count} is not the entry whose hash {runs.RECEIPT} holds")
    return entries


def append(run: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write entries after those that stand; entries that stand already (an interrupted erasure) are not repeated."""
    lines = _lines(run / FILE)
    for entry in entries:
        if entry["number"] > len(lines):
            lines.append(_line(entry))
    runs.write_atomically(run / FILE, b"".join(line + b"\n" for line in lines))


def chained(run: Path, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries with their numbers, and with the hash of the entry before each."""
    lines = _lines(run / FILE)
    number = len(lines)
    previous = hashlib.sha256(lines[-1]).hexdigest() if lines else None
    made = []
    for entry in entries:
        number += 1
        made.append({"number": number, **entry, "previous": previous})
        previous = hashlib.sha256(_line(made[-1])).hexdigest()
    return made


def head(run: Path) -> dict[str, Any]:
    """What the receipt holds of the record: how many entries there are, and the SHA-256 of the last."""
    lines = _lines(run / FILE)
    return {"erasures": {"entries": len(lines), "sha256": hashlib.sha256(lines[-1]).hexdigest()}} if lines else {}


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise RunError(
            str(path), f"cannot be read: {error.strerror}", do="Give yourself the right to read it"
        ) from error


def _line(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=True).encode()


def _altered(path: Path, what: str) -> RunError:
    return RunError(
        str(path),
        f"the record of erasures was altered: {what}",
        do="Bring it back from a backup; without it erased contacts may be scored again",
    )
