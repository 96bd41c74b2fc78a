"""What people are asked to grade: batches drawn by chance, contacts they picked, and saving what they say of them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Select, insert, select, update

from cxsentiment.errors import InputError, UsageError
from cxsentiment.reviews.audit import note, now
from cxsentiment.reviews.labels import Label, Purpose
from cxsentiment.reviews.store import LabelStore, add_labels
from cxsentiment.reviews.tables import assignments, batches

Kind = Literal["random", "double", "calibration"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST = 2_000
"""Contacts of one batch."""
_PICKED = "picked"
_PURPOSES: dict[str, Purpose] = {
    "random": "random",
    "double": "double",
    "calibration": "double",
    # Somebody chose it, and nobody knows how likely that was: it says nothing of the other contacts.
    _PICKED: "targeted",
}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One contact that one person is asked to grade. `version` counts how often it was saved."""

    id: int
    batch_id: int
    run: str
    batch: str
    kind: str
    purpose: Purpose
    contact_id: str
    grader: str
    inclusion_probability: float | None
    done_at: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Contacts that were drawn together; `done` of `size` assignments are graded."""

    id: int
    run: str
    name: str
    kind: str
    created_by: str
    created_at: str
    size: int
    done: int


class ChangedMeanwhileError(Exception):
    """Somebody (or the same person in another tab) saved it after the page was opened; `version` is the one now."""

    def __init__(self, version: int) -> None:
        self.version = version
        super().__init__(f"saved meanwhile, version {version}")


@dataclass(frozen=True, slots=True)
class Draw:
    """What is to be drawn: `count` of `frame`, the ids of all contacts that could be, for these graders."""

    run: str
    name: str
    kind: str
    frame: Sequence[str]
    count: int
    graders: Sequence[str]
    seed: int = 0


class Assignments:
    """The assignments of a store. Methods raise StoreError where it cannot be used."""

    def __init__(self, store: LabelStore) -> None:
        self._store = store

    def draw(self, asked: Draw, who: str) -> int:
        """Draw contacts by chance (the same with the same seed), share them out; the batch's id.

        Every contact is as likely as any other, count / len(frame). random: one grader each, in turn; double: two;
        calibration: all of them. Raises UsageError for what cannot be drawn, and for the name of another batch.
        """
        _require_drawable(asked)
        graders = sorted(set(asked.graders))
        # repeatable by its seed; no secret
        drawn = random.Random(asked.seed).sample(sorted(asked.frame), asked.count)  # nosec B311
        each = {"random": 1, "double": 2, "calibration": len(graders)}[asked.kind]
        p = asked.count / len(asked.frame)
        with self._store.writing() as connection:
            same = select(batches.c.id).where(batches.c.run == asked.run, batches.c.name == asked.name)
            if connection.execute(same).first():  # a form sent twice must not double what people are asked to do
                raise UsageError(
                    f"a batch named {asked.name}", "is there already", do="See the batches, or choose another name"
                )
            batch = _new_batch(connection, asked.run, asked.name, asked.kind, asked.seed, who)
            rows = [
                _row(batch, contact, graders[(k * each + j) % len(graders)], p)
                for k, contact in enumerate(drawn)
                for j in range(each)
            ]
            connection.execute(insert(assignments), rows)
            details = {"kind": asked.kind, "contacts": asked.count, "of": len(asked.frame), "graders": graders}
            note(connection, "assigned", asked.name, {**details, "seed": asked.seed, "run": asked.run}, who)
        return batch

    def pick(self, run: str, contact_id: str, grader: str) -> int:
        """The assignment of a contact that a person chose from a queue; made where they have none of this contact.

        One that was drawn by chance is taken again: a second one would turn its verdicts into chosen ones, which
        calibrate nothing, and of a random sample just the contacts that the machine flagged would be lacking.
        """
        with self._store.writing() as connection:
            theirs = select(assignments.c.id).join(batches).where(batches.c.run == run)
            theirs = theirs.where(assignments.c.contact_id == contact_id, assignments.c.grader == grader)
            known = connection.execute(theirs.order_by(assignments.c.done_at.is_not(None), assignments.c.id)).scalar()
            if known is not None:
                return int(known)
            where = (batches.c.run == run, batches.c.kind == _PICKED)
            batch = connection.execute(select(batches.c.id).where(*where)).scalar()
            if batch is None:
                batch = _new_batch(connection, run, "Chosen from the queue", _PICKED, 0, grader)
            row = _row(batch, contact_id, grader, None)
            found = connection.execute(insert(assignments).values(**row).returning(assignments.c.id)).scalar_one()
            note(connection, "picked", contact_id, {"run": run}, grader)
        return int(found)

    def get(self, number: int) -> Assignment | None:
        """An assignment; None where there is none of this id."""
        with self._store.reading() as connection:
            row = connection.execute(_question().where(assignments.c.id == number)).mappings().first()
        return None if row is None else Assignment(**row)

    def of(self, run: str, grader: str) -> list[Assignment]:
        """A person's assignments of a run: open ones first, then those graded, latest first."""
        question = _question().where(batches.c.run == run, assignments.c.grader == grader)
        with self._store.reading() as connection:
            found = [Assignment(**row) for row in connection.execute(question.order_by(assignments.c.id)).mappings()]
        graded = sorted((one for one in found if one.done_at), key=lambda one: str(one.done_at), reverse=True)
        return [one for one in found if not one.done_at] + graded

    def hidden(self, run: str, grader: str, *, drawn: bool = False) -> frozenset[str]:
        """Contacts whose verdicts this person must not see yet: they are asked to grade them blind.

        With `drawn` those alone that chance gave them, not those that they picked from the queue.
        """
        question = select(assignments.c.contact_id).join(batches)
        question = question.where(batches.c.run == run, assignments.c.grader == grader, assignments.c.done_at.is_(None))
        if drawn:
            question = question.where(batches.c.kind != _PICKED)
        with self._store.reading() as connection:
            return frozenset(connection.execute(question).scalars())

    def batches(self, run: str) -> list[Batch]:
        """The batches of a run, latest first."""
        with self._store.reading() as connection:
            question = select(batches).where(batches.c.run == run).order_by(batches.c.id.desc())
            rows = connection.execute(question).mappings().all()
            return [_batch(connection, row) for row in rows]

    def batch(self, number: int) -> tuple[Batch, list[Assignment]] | None:
        """A batch with its assignments; None where there is none of this id."""
        with self._store.reading() as connection:
            row = connection.execute(select(batches).where(batches.c.id == number)).mappings().first()
            if row is None:
                return None
            question = _question().where(batches.c.id == number).order_by(assignments.c.id)
            found = [Assignment(**one) for one in connection.execute(question).mappings()]
            return _batch(connection, row), found

    def save(self, number: int, version: int, given: Sequence[Label], who: str) -> None:
        """Save verdicts of an assignment, all or none. Earlier ones of the same person stay as history.

        Raises:
            ChangedMeanwhileError: it was saved since `version`.
            InputError: there is no such assignment any more.
        """
        with self._store.writing() as connection:
            row = connection.execute(_question().where(assignments.c.id == number)).mappings().first()
            if row is None:
                raise InputError("assignment", "this assignment", "is not there any more", do="Go to the review desk")
            if row["version"] != version:
                raise ChangedMeanwhileError(row["version"])
            added = add_labels(connection, given)
            change = update(assignments).where(assignments.c.id == number, assignments.c.version == version)
            connection.execute(change.values(version=version + 1, done_at=now()))
            details = {"new": added.new, "replaced": added.replaced, "batch": row["batch_id"], "run": row["run"]}
            note(connection, "graded", row["contact_id"], details, who)


def _require_drawable(asked: Draw) -> None:
    if asked.kind not in KINDS:
        raise UsageError("kind", f"{asked.kind!r} is not known", allowed=", ".join(KINDS))
    if not 1 <= asked.count <= min(MOST, len(asked.frame)):
        most = min(MOST, len(asked.frame))
        raise UsageError("contacts", f"{asked.count} cannot be drawn", allowed=f"1 to {most}")
    least = 1 if asked.kind == "random" else 2
    if len(set(asked.graders)) < least:
        few = "one grader" if least == 1 else "two graders"
        raise UsageError("graders", f"are too few: {asked.kind} needs at least {few}", do="Choose more, or add users")
    if not asked.name.strip():
        raise UsageError("name", "is empty", do="Name the batch, e.g. May, week 2")


def _new_batch(connection: Connection, run: str, name: str, kind: str, seed: int, who: str) -> int:
    row = {"run": run, "name": name, "kind": kind, "purpose": _PURPOSES[kind], "seed": seed}
    made = insert(batches).values(**row, created_by=who, created_at=now()).returning(batches.c.id)
    return int(connection.execute(made).scalar_one())


def _row(batch: int, contact_id: str, grader: str, p: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {"batch_id": batch, "contact_id": contact_id, "grader": grader}
    return row | {"inclusion_probability": p, "version": 0}


def _question() -> Select[Any]:
    return select(
        assignments.c.id,
        assignments.c.batch_id,
        batches.c.run,
        batches.c.name.label("batch"),
        batches.c.kind,
        batches.c.purpose,
        assignments.c.contact_id,
        assignments.c.grader,
        assignments.c.inclusion_probability,
        assignments.c.done_at,
        assignments.c.version,
    ).join(batches)


def _batch(connection: Connection, row: Any) -> Batch:
    states = (
        connection.execute(select(assignments.c.done_at).where(assignments.c.batch_id == row["id"])).scalars().all()
    )
    names = ("id", "run", "name", "kind", "created_by", "created_at")
    return Batch(**{name: row[name] for name in names}, size=len(states), done=sum(one is not None for one in states))
