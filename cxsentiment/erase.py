"""`cxsentiment erase`: removes contacts from run folders, by customer, contact or age, and leaves a record of it.

What will be removed is first written into the receipt (salted hashes only), whose state then says `erasing`, and no
other command reads or writes the run; then the tables are rewritten, part by part; then the entry is written and the
receipt is complete again. An interruption anywhere is finished by the next `erase` of the run.
"""

import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from cxsentiment import erasures, holdings, lock, parts, receipt, runs
from cxsentiment.erasures import Request, Selection, Traces
from cxsentiment.errors import RunError, UsageError
from cxsentiment.holdings import Found
from cxsentiment.ingest.values import contact_id as as_contact_id
from cxsentiment.ingest.values import text_or_none
from cxsentiment.mentions import mention
from cxsentiment.privacy.pseudonyms import KEY_VARIABLE, PREFIXES, pseudonym


class Store(Protocol):
    """Something beside the tables that holds data of contacts, such as a store of reviews."""

    @property
    def name(self) -> str:
        """Its name in the record."""

    def count(self, contact_ids: Collection[str]) -> int:
        """How many of its rows are of these contacts."""

    def remove(self, contact_ids: Collection[str]) -> None:
        """Remove those rows; it may be asked again for the same contacts."""


@dataclass(frozen=True, slots=True)
class Whom:
    """Whose contacts are removed: ids as they stand in the source, and contacts older than `retain_days`.

    Contacts without a readable date are kept, unless `undated`. `key` makes the pseudonyms of a run that has them.
    """

    customers: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    retain_days: int | None = None
    undated: bool = False
    key: bytes | None = None

    def within(self, run: Path, before: Mapping[str, Any]) -> "Whom":
        """The same for a run: where its ids are pseudonyms, customers are sought by theirs and by their own id.

        Raises UsageError where there is no key and a customer's id is no pseudonym.
        """
        if not before["settings"].get("pseudonyms") or all(
            one.startswith(PREFIXES["customer"]) for one in self.customers
        ):
            return self
        if self.key is None:
            do = f"Add --pseudonym-key FILE (or set {KEY_VARIABLE}), or give the pseudonym"
            raise UsageError(str(run), "customers have pseudonyms in this run, and no key was given", do=do)
        hidden = [pseudonym(self.key, "customer", text_or_none(one) or "") for one in self.customers]
        return replace(self, customers=(*hidden, *self.customers))

    def requests(self, salt: str, now: datetime) -> list[Request]:
        """The same with salted hashes and a date. Raises UsageError for what selects nobody or is no id."""
        found: dict[Request, None] = {}
        for text in self.customers:
            found[Request("customer", erasures.digest(salt, _known(text_or_none(text), "--customer", text)))] = None
        for text in self.contacts:
            found[Request("contact", erasures.digest(salt, contact_of(text)))] = None
        if self.retain_days is not None:
            try:
                before = now.astimezone(UTC) - timedelta(days=self.retain_days)
            except OverflowError as error:
                do = "Give a number of days that reaches back to a date"
                raise UsageError(f"--retain {self.retain_days}", "is too long ago", do=do) from error
            found[Request("retention", None, before.isoformat(timespec="seconds"), self.undated)] = None
        elif self.undated:
            raise UsageError("--undated", "says nothing without --retain", do="Add --retain DAYS")
        if not found:
            raise UsageError("erase", "nobody to erase", do="Give --customer ID, --contact ID or --retain DAYS")
        return list(found)


def contact_of(text: str) -> str:
    """A contact's id as runs and stores hold it. Raises UsageError for what is no id."""
    return _known(as_contact_id(text), "--contact", text)


def require_no_id(reason: str | None, ids: Sequence[str]) -> None:
    """Raise UsageError where the reason, which is kept, tells who was erased."""
    if reason and ids and mention(one.strip() for one in ids).search(reason):
        raise UsageError("--reason", "holds the id, which would stay", do="Name the request, such as a ticket's number")


def _known(identifier: str | None, option: str, given: str) -> str:
    if identifier is None:
        raise UsageError(f"{option} {given!r}", "is no id", do="Give the id as it stands in the source")
    return identifier


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was removed from one run, or would be (`dry_run`): the entries of the record.

    `undated` are contacts without a readable date, which were kept; `finished` counts entries of an interrupted
    erasure that was finished first; `not_searched` are files in the folder that are no part of a run.
    """

    run: str
    dry_run: bool
    entries: tuple[Mapping[str, Any], ...]
    undated: tuple[str, ...] = ()
    finished: int = 0
    not_searched: tuple[str, ...] = ()


def erase(
    folders: Sequence[Path],
    whom: Whom,
    *,
    reason: str | None = None,
    dry_run: bool = False,
    now: datetime | None = None,
    stores: Sequence[Store] = (),
) -> Iterator[Erasure]:
    """Remove contacts from run folders, one after the other, and yield what was removed from each.

    Raises UsageError for a request that cannot be used, and RunError, before anything is changed, where one of the
    folders is no finished run, has a damaged file, or is held by another process.
    """
    now = now or datetime.now(UTC)
    whom.requests("", now)
    require_no_id(reason, whom.customers + whom.contacts)
    for run in folders:
        whom.within(run, _usable(run))
        erasures.read(run)
    with ExitStack() as held:
        signs = {
            run: held.enter_context(lock.alone(run, "cxsentiment erase"))
            for run in {run.resolve(): run for run in folders}.values()
        }
        for run in signs:
            if (before := _usable(run))["state"] != runs.ERASING:
                _require_undamaged(run, before)
        for run, sign in signs.items():
            try:
                if not dry_run:
                    sign()
                done = _erase(run, whom, reason, dry_run, now, stores)
            except OSError as error:
                do = "Give yourself the rights to the folder, and erase again"
                raise RunError(str(run), f"cannot be changed: {error.strerror or error}", do=do) from error
            yield done


def moment_of(text: str | None) -> datetime | None:
    """Read `--now`. Raises UsageError for what is no date."""
    found = erasures.moment(text)
    if text and found is None:
        raise UsageError(f"--now {text}", "is no date", do="Write it as 2026-06-01 or 2026-06-01T09:00:00Z")
    return found


def verified(run: Path) -> int:
    """How many entries the record of a run has. Raises RunError where it was altered, or the folder is no run."""
    _usable(run)
    return len(erasures.read(run))


def _erase(run: Path, whom: Whom, reason: str | None, dry_run: bool, now: datetime, stores: Sequence[Store]) -> Erasure:
    before = _usable(run)
    whom = whom.within(run, before)
    finished: list[dict[str, Any]] = []
    if dry_run and before["state"] == runs.ERASING:
        raise runs.half_erased(run)
    if not dry_run:
        runs.remove_asides(run)
        if before["state"] == runs.ERASING:
            finished, before = _carry_out(run, before, stores)
    salt = erasures.salt_of(erasures.read(run)) or secrets.token_hex(16)
    requests = whom.requests(salt, now)
    if requests == [erasures.request_of(entry) for entry in finished]:
        return Erasure(str(run), False, tuple(finished), not_searched=_not_searched(run))
    if finished:
        _require_undamaged(run, before)
    found = holdings.look(run, before, Selection(salt, requests))
    for store in stores:
        for place, counts in enumerate(found.counts):
            counts[store.name] = store.count({one for one, owner in found.owners.items() if owner == place})
    common: dict[str, Any] = {"salt": salt, "reason": reason, "software": f"cxsentiment {version('cxsentiment')}"}
    common |= {"report": found.any and (run / holdings.REPORT).exists()}
    time = {"time": datetime.now(UTC).isoformat(timespec="seconds")}
    both = zip(requests, found.counts, strict=True)
    facts = [{**time, **asdict(request), "removed": dict(counts), **common} for request, counts in both]
    entries = erasures.chained(run, facts)
    if not dry_run and found.any:
        _begin(run, before, found, entries)
        entries, _ = _carry_out(run, runs.read_receipt(run) or {}, stores)
    elif not dry_run:
        erasures.append(run, entries)
        runs.write_receipt(run, {**before, **erasures.head(run)})
    undated = tuple(found.undated) if whom.retain_days is not None and not whom.undated else ()
    return Erasure(str(run), dry_run, tuple(entries), undated, len(finished), _not_searched(run))


# How it goes


def _begin(run: Path, before: Mapping[str, Any], found: Found, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write what will be removed into the receipt. From here on only an erasure may touch the run."""
    salt = entries[0]["salt"]
    journal = {
        "entries": list(entries),
        "contact_ids": sorted(erasures.digest(salt, contact) for contact in found.owners),
        "parts": sorted(found.parts),
        "refused": asdict(found.refused),
    }
    runs.write_receipt(run, {**found.traces.receipt(before), "state": runs.ERASING, "erasing": journal})


def _carry_out(
    run: Path, begun: Mapping[str, Any], stores: Sequence[Store]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Remove what the receipt says is to be removed, from wherever it still stands; the contacts' own parts go last."""
    journal = begun["erasing"]
    entries = journal["entries"]
    selection = Selection(entries[0]["salt"], [erasures.request_of(entry) for entry in entries])
    wanted = set(journal["contact_ids"])
    ids = {one[:2] for path in holdings.parts(run) for one in holdings.rows_of(path) if one[0] is not None}
    owners = {one: 0 for one, _ in ids if one and erasures.digest(selection.salt, one) in wanted}
    traces = Traces()
    for contact, customer in ids:
        if contact in owners and (place := selection.by_id(contact, customer)) is not None:
            traces.add(selection.requests[place], contact, customer)
    if (run / holdings.REPORT).exists():
        shutil.rmtree(run / holdings.REPORT)
    for store in stores:
        store.remove(set(owners))
    runs.write_atomically(run / runs.REJECTS, holdings.without_rejects(run, owners, selection, traces)[0])
    for name in sorted(journal["parts"], key=_order):
        holdings.rewrite(run, run / name, owners, selection)
    _flush(run)
    erasures.append(run, entries)
    notes = holdings.notes_of(run)
    searched = [name for name in journal["parts"] if name in begun["files"]]  # a copy that lay there stays unrecorded
    files = {name: runs.sha256_of(run / name) for name in (*searched, runs.REJECTS)}
    done = {
        **{name: value for name, value in begun.items() if name != "erasing"},
        "state": "complete",
        **receipt.totals(notes, begun["contacts"]["in"], receipt.Refused(**journal["refused"])),
        "files": {**begun["files"], **files},
        **erasures.head(run),
    }
    runs.write_receipt(run, done)
    return entries, done


def _order(name: str) -> tuple[str, bool, str]:
    """Shard by shard, the part of contacts after those whose hashes it holds."""
    table, _, part = name.partition("/")
    return part, table == "contacts", table


# The folder


def _usable(run: Path) -> dict[str, Any]:
    """The receipt of a run from which contacts can be removed. Raises RunError for any other folder."""
    found = runs.read_receipt(run) if run.is_dir() else None
    if found is not None and found.get("state") == runs.ERASING:
        return found
    if found is not None and found.get("state") != "complete":
        raise RunError(
            str(run),
            "this run is being scored, or was interrupted, so it is not known what it holds",
            do="Let the same cxsentiment score command finish it, or delete the folder; then erase",
        )
    return runs.require_complete(run)


def _require_undamaged(run: Path, before: Mapping[str, Any]) -> None:
    for name in runs.altered(run, before["files"]):
        do = f"{receipt.how_to_mend(before)}; or delete the folder"
        raise RunError(str(run / name), "is missing, or was altered after it was written", do=do)
    for name in parts.strays(run, runs.TABLES, before["files"]):
        what = "is no part of this run, and may hold those who are to go"
        raise RunError(str(run / name), what, do="Delete it, or move it elsewhere and see to it there; then erase")


def _flush(run: Path) -> None:
    """Bring the renames to the disk, where the system can, before anything says that they are done."""
    for folder in {run, *(path.parent for path in run.glob("*/part-*.parquet"))}:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _not_searched(run: Path) -> tuple[str, ...]:
    """Files in the folder that are no part of a run, or whose rows name nobody: they are the user's to look into."""
    known = {run / name for name in (runs.RECEIPT, runs.REJECTS, erasures.FILE, lock.NOTE)} | set(holdings.parts(run))
    files = (path for path in sorted(run.rglob("*")) if path.is_file() and path not in known)
    return tuple(
        path.relative_to(run).as_posix() for path in files if path.relative_to(run).parts[0] != holdings.REPORT
    )
