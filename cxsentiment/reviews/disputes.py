"""Verdicts that somebody contests: who, when and why, what a reviewer decided, and what holds now. Nothing is lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, update

from cxsentiment.errors import InputError
from cxsentiment.privacy import mask
from cxsentiment.reviews.assigning import ChangedMeanwhileError
from cxsentiment.reviews.audit import note, now
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.tables import disputes

LONGEST = 4_000
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the run says: the verdict, the share of the item's points (0-1) and the probability of met (0-1)."""

    verdict: str
    share: float | None
    p_met: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer decided: `verdict` None leaves what holds; `share` of the points (0-1), None does not apply."""

    verdict: str | None
    share: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Dispute:
    """One contested verdict. `state`: open, upheld (it stands), changed (human_* holds now) or withdrawn."""

    id: int
    run: str
    contact_id: str
    item: str
    machine_verdict: str
    machine_points: float | None
    machine_p: float | None
    opened_by: str
    opened_at: str
    reason: str
    state: str
    decided_by: str | None
    decided_at: str | None
    decision: str | None
    human_verdict: str | None
    human_points: float | None
    version: int


class Disputes:
    """The disputes of a store. Methods raise StoreError where it cannot be used."""

    def __init__(self, store: LabelStore) -> None:
        self._store = store

    def open(self, run: str, contact_id: str, item: str, machine: Machine, reason: str, who: str) -> int:
        """Contest a verdict; the dispute's id. Raises InputError without a reason, or where it is contested already."""
        reason = _text("reason", reason)
        with self._store.writing() as connection:
            same = (disputes.c.run == run, disputes.c.contact_id == contact_id, disputes.c.item == item)
            if connection.execute(select(disputes.c.id).where(*same, disputes.c.state == "open")).first():
                raise InputError(
                    "dispute", item, "is contested already", do="Wait for the decision of the open dispute"
                )
            row: dict[str, Any] = {"run": run, "contact_id": contact_id, "item": item, "version": 0, "state": "open"}
            row |= {"machine_verdict": machine.verdict, "machine_points": machine.share, "machine_p": machine.p_met}
            row |= {"opened_by": who, "opened_at": now(), "reason": reason}
            number = int(connection.execute(insert(disputes).values(**row).returning(disputes.c.id)).scalar_one())
            note(connection, "contested", contact_id, {"item": item, "dispute": number, "run": run}, who)
        return number

    def decide(self, number: int, version: int, decision: Decision, who: str) -> Dispute:
        """Decide an open dispute. Raises InputError without a reason, ChangedMeanwhileError where it is not open."""
        why = _text("reason", decision.why)
        values: dict[str, Any] = {"state": "upheld" if decision.verdict is None else "changed", "decision": why}
        values |= {"human_verdict": decision.verdict, "human_points": decision.share}
        return self._close(number, version, values, "decided", who)

    def withdraw(self, number: int, version: int, who: str) -> Dispute:
        """Take an open dispute back. Raises ChangedMeanwhileError where it is not open any more."""
        return self._close(number, version, {"state": "withdrawn"}, "withdrawn", who)

    def _close(self, number: int, version: int, values: dict[str, Any], action: str, who: str) -> Dispute:
        with self._store.writing() as connection:
            change = update(disputes).where(
                disputes.c.id == number, disputes.c.version == version, disputes.c.state == "open"
            )
            closed = change.values(**values, version=version + 1, decided_by=who, decided_at=now())
            if connection.execute(closed).rowcount != 1:
                found = connection.execute(select(disputes.c.version).where(disputes.c.id == number)).scalar()
                raise ChangedMeanwhileError(-1 if found is None else int(found))
            row = connection.execute(select(disputes).where(disputes.c.id == number)).mappings().one()
            details = {name: row[name] for name in ("item", "state", "machine_verdict", "human_verdict", "run")}
            note(connection, action, row["contact_id"], {**details, "dispute": number}, who)
        return Dispute(**row)

    def get(self, number: int) -> Dispute | None:
        """A dispute; None where there is none of this id."""
        with self._store.reading() as connection:
            row = connection.execute(select(disputes).where(disputes.c.id == number)).mappings().first()
        return None if row is None else Dispute(**row)

    def of(self, run: str, *contacts: str) -> list[Dispute]:
        """The disputes of a run, or of these contacts (a page of them): open ones first, then the latest."""
        question = select(disputes).where(disputes.c.run == run)
        if contacts:
            question = question.where(disputes.c.contact_id.in_(contacts))
        question = question.order_by(disputes.c.state != "open", disputes.c.id.desc())
        with self._store.reading() as connection:
            return [Dispute(**row) for row in connection.execute(question).mappings()]


def holding(found: Sequence[Dispute]) -> dict[tuple[str, str], Dispute]:
    """Contact and item → the dispute whose human verdict holds: the latest that changed it."""
    held: dict[tuple[str, str], Dispute] = {}
    for one in sorted(found, key=lambda one: one.id):
        if one.state == "changed":
            held[one.contact_id, one.item] = one
    return held


def _text(name: str, value: str) -> str:
    text = value.strip()
    if not text:
        raise InputError("dispute", name, "is empty", do="Say why, in a sentence that the other side can follow")
    if len(text) > LONGEST:
        raise InputError("dispute", name, f"has {len(text):,} characters", allowed=f"up to {LONGEST:,}")
    return mask(text).text  # people quote contacts, and what they heard
