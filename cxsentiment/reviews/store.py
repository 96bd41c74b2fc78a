"""The store of human labels: append-only, each import idempotent, each change in the audit log."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, true, update

from cxsentiment.errors import StoreError
from cxsentiment.ingest.sources import writable
from cxsentiment.mentions import ERASED, mention_of_long
from cxsentiment.reviews import database as db
from cxsentiment.reviews.audit import NAMED_BY_PEOPLE, OF_A_CONTACT, note, now
from cxsentiment.reviews.labels import FIELDS, Label
from cxsentiment.reviews.tables import OF_CONTACTS, audit, batches, labels

_AT_ONCE = 500  # values of one question: SQLite takes some thousands, PostgreSQL 65,535


@dataclass(frozen=True, slots=True)
class Added:
    """What became of labels that were given: `new` ones, those `known` before, and `replaced` verdicts of a grader.

    `late` ones are new, but the grader's current verdict was given after them; they are history at once.
    """

    new: int
    known: int
    replaced: int
    late: int


class LabelStore:
    """Human labels in SQLite (a path) or PostgreSQL (a URL), at the newest schema once it is open.

    Several processes may read and write at once: a writer waits up to 30 seconds for another.
    """

    def __init__(self, engine: Engine, database: str) -> None:
        self._engine = engine
        self._database = database

    @classmethod
    def open(cls, database: str, *, create: bool = False) -> Self:
        """Open a store; with `create` a file that does not exist is made, and an empty database gets its tables.

        Raises:
            StoreError: there is none, it cannot be used, or a newer version wrote it.
            UsageError: a URL that is none, or its driver is not installed.
        """
        if not create and "://" not in database and not Path(database).exists():
            raise StoreError(
                database, "there is no store of labels here", do="Make one: cxsentiment labels import FILE --db PATH"
            )
        engine = db.open_engine(database)
        try:
            applied = db.migrate(engine, database)
            store = cls(engine, database)
            if applied:
                with db.writing(engine, database) as connection:
                    note(connection, "migrated", db.shown_database(database), {"versions": applied})
        except BaseException:
            engine.dispose()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that may write, for what belongs to the store beside labels. Raises StoreError."""
        return db.writing(self._engine, self._database)

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that reads. Raises StoreError."""
        return db.reading(self._engine, self._database)

    def add(self, given: Sequence[Label], *, subject: str = "", who: str | None = None, **details: object) -> Added:
        """Add labels in one transaction, and one line to the audit log: all of them are in, or none.

        A label that says exactly what one in the store says (also one that was replaced since) is known and left alone.
        A new verdict of a grader on the same item of the same contact by the same rubric replaces the current one, by
        the time of rating where both have one, else in the order given. Raises StoreError.
        """
        with self.writing() as connection:
            done = add_labels(connection, given)
            counts = {"new": done.new, "known": done.known, "replaced": done.replaced, "late": done.late}
            note(connection, "imported", subject, {**counts, **details}, who)
        return done

    def labels(self, *, history: bool = False, contacts: Collection[str] | None = None) -> list[Label]:
        """The current labels (of these contacts, where some are named), by identity and then oldest first.

        With `history` those that were replaced are there too.
        """
        columns = [labels.c[name] for name in FIELDS]
        question = select(*columns).order_by(labels.c.id)
        if not history:
            question = question.where(labels.c.superseded_by.is_(None))
        with self.reading() as connection:
            if contacts is None:
                found = [Label(*row) for row in connection.execute(question)]
            else:
                found = [
                    Label(*row)
                    for some in _pieces(set(contacts))
                    for row in connection.execute(question.where(labels.c.contact_id.in_(some)))
                ]
        return sorted(found, key=lambda label: label.identity)  # here, for databases sort text in their own ways

    def erase(self, contacts: Sequence[str], *, reason: str = "", who: str | None = None) -> int:
        """Remove all labels of these contacts, history included; how many. The audit log keeps the count, no ids.

        What the review desk holds of them goes too: assignments, disputes and labelled turns. Lines of the audit log
        that tell of what was done with one of them stay, but no longer say with which; names of files and batches too.
        """
        count = 0
        with self.writing() as connection:
            for some in _pieces(set(contacts)):
                count += connection.execute(delete(labels).where(labels.c.contact_id.in_(some))).rowcount
                for table in OF_CONTACTS:
                    connection.execute(delete(table).where(table.c.contact_id.in_(some)))
                named = audit.c.action.in_(OF_A_CONTACT) & audit.c.subject.in_([writable(one) for one in some])
                connection.execute(update(audit).where(named).values(subject=ERASED))
                _blank_names(connection, some)
            note(connection, "erased", reason, {"labels": count, "contacts": len(set(contacts))}, who)
        if self._engine.dialect.name == "sqlite":
            # The write-ahead log still holds what was there; emptied, the file is all there is.
            with db.told(self._database), self._engine.connect() as plain:
                plain.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def superseded(self) -> dict[str, str]:
        """Digest of each label that was replaced → digest of the one that took its place."""
        question = select(labels.c.digest, labels.c.superseded_by).where(labels.c.superseded_by.is_not(None))
        with self.reading() as connection:
            return {digest: by for digest, by in connection.execute(question)}

    def log(self) -> list[dict[str, Any]]:
        """The audit log, oldest first: at, who, action, subject, details."""
        question = select(audit).order_by(audit.c.id)
        with self.reading() as connection:
            rows = connection.execute(question).mappings().all()
        return [{**row, "details": json.loads(row["details"])} for row in rows]

    def log_page(self, most: int, skip: int) -> tuple[list[dict[str, Any]], int]:
        """`most` lines of the audit log, latest first, after the latest `skip`; and how many there are in all."""
        question = select(audit).order_by(audit.c.id.desc()).limit(most).offset(skip)
        with self.reading() as connection:
            rows = connection.execute(question).mappings().all()
            total = connection.execute(select(func.count()).select_from(audit)).scalar_one()
        return [{**row, "details": json.loads(row["details"])} for row in rows], int(total)

    def note(self, action: str, subject: str, details: Mapping[str, object], who: str | None = None) -> None:
        """Add a line to the audit log, as for an export. Raises StoreError."""
        with self.writing() as connection:
            note(connection, action, subject, details, who)


def add_labels(connection: Connection, given: Sequence[Label]) -> Added:
    """Add labels within a transaction that writes, as `LabelStore.add` does; without a line in the audit log."""
    digests = [label.digest for label in given]
    known = _known(connection, set(digests))
    current = _current(connection, {label.contact_id for label in given})
    rows: list[dict[str, Any]] = []
    replaced_in_store: list[dict[str, str]] = []
    row_of: dict[str, dict[str, Any]] = {}
    counts = {"known": 0, "replaced": 0, "late": 0}
    at = now()
    for label, digest in zip(given, digests, strict=True):
        if digest in known:
            counts["known"] += 1
            continue
        known.add(digest)
        row: dict[str, Any] = {name: getattr(label, name) for name in FIELDS}
        row |= {"digest": digest, "superseded_by": None, "imported_at": at}
        before = current.get(label.identity)
        if before is not None and label.rated_at and before[1] and label.rated_at < before[1]:
            row["superseded_by"] = before[0]
            counts["late"] += 1
        else:
            if before is not None:
                counts["replaced"] += 1
                if before[0] in row_of:
                    row_of[before[0]]["superseded_by"] = digest
                else:
                    replaced_in_store.append({"old": before[0], "by": digest})
            current[label.identity] = (digest, label.rated_at)
        rows.append(row)
        row_of[digest] = row
    if replaced_in_store:
        # Before the new ones are in: there must never be two current ones. The link is checked at the end.
        change = update(labels).where(labels.c.digest == bindparam("old")).values(superseded_by=bindparam("by"))
        connection.execute(change, replaced_in_store)
    if rows:
        connection.execute(insert(labels), rows)
    return Added(len(rows), counts["known"], counts["replaced"], counts["late"])


def _blank_names(connection: Connection, contacts: Sequence[str]) -> None:
    """Blank these ids in names of files and batches, as they stand in the audit log, the labels and the batches."""
    named = mention_of_long(map(writable, contacts))
    if named is None:
        return
    chosen = (audit.c.action.in_(NAMED_BY_PEOPLE), audit.c.subject)
    for table, where, column in (
        (audit, *chosen),
        (labels, true(), labels.c.source),
        (batches, true(), batches.c.name),
    ):
        for text in connection.execute(select(column).where(where).distinct()).scalars().all():
            if (blanked := named.sub(ERASED, text)) != text:
                connection.execute(update(table).where(where, column == text).values({column.name: blanked}))


def _known(connection: Connection, digests: set[str]) -> set[str]:
    return {
        digest
        for some in _pieces(digests)
        for (digest,) in connection.execute(select(labels.c.digest).where(labels.c.digest.in_(some)))
    }


def _current(connection: Connection, contacts: set[str]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Identity of each current label of the contacts → its digest and when it was rated."""
    identity = [labels.c[name] for name in ("contact_id", "item", "grader", "rubric_name", "rubric_version")]
    wanted = select(labels.c.digest, labels.c.rated_at, *identity).where(labels.c.superseded_by.is_(None))
    return {
        tuple(names): (digest, rated_at)
        for some in _pieces(contacts)
        for digest, rated_at, *names in connection.execute(wanted.where(labels.c.contact_id.in_(some)))
    }


def _pieces(values: set[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))
