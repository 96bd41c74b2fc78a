"""What people read in single turns, for retraining: a customer's sentiment, an agent's acts, never an agent's mood."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from cxsentiment.errors import InputError
from cxsentiment.reviews.assigning import ChangedMeanwhileError
from cxsentiment.reviews.audit import note, now
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.tables import turn_labels
from cxsentiment.schema import ACTS, SENTIMENTS

NONE = "none"
"""Stands for an agent's turn without any act, which is a label too."""


@dataclass(frozen=True, slots=True)
class TurnLabel:
    """One person's reading of one turn: `sentiment` of a customer's, `acts` of an agent's (none of them: empty)."""

    contact_id: str
    turn: int
    speaker: str
    grader: str
    sentiment: str | None
    acts: tuple[str, ...]


class TurnLabels:
    """The labelled turns of a store. Methods raise StoreError where it cannot be used."""

    def __init__(self, store: LabelStore) -> None:
        self._store = store

    def of(self, run: str, contact_id: str, grader: str) -> tuple[int, dict[int, TurnLabel]]:
        """A version of what the person labelled of a contact, and the labels by turn."""
        mine = _mine(run, contact_id, grader)
        with self._store.reading() as connection:
            version = _version(connection, mine)
            question = select(turn_labels).where(*mine, turn_labels.c.replaced_at.is_(None))
            found = [_label(row) for row in connection.execute(question).mappings()]
        return version, {one.turn: one for one in found}

    def save(
        self,
        run: str,
        contact_id: str,
        grader: str,
        version: int,
        given: Sequence[TurnLabel],
        cleared: Collection[int] = (),
    ) -> int:
        """Save the labels of a contact that are new or changed, and take those of `cleared` turns back; how many.

        Earlier ones stay as history.

        Raises:
            ChangedMeanwhileError: the person saved in another tab since `version`.
            InputError: an agent's turn with a sentiment, or a word that is no label.
        """
        for one in given:
            check(one)
        mine, moment, count = _mine(run, contact_id, grader), now(), 0
        with self._store.writing() as connection:
            newest = _version(connection, mine)
            if newest != version:
                raise ChangedMeanwhileError(newest)
            question = select(turn_labels).where(*mine, turn_labels.c.replaced_at.is_(None))
            before = {row["turn"]: _label(row) for row in connection.execute(question).mappings()}
            old = update(turn_labels).where(*mine, turn_labels.c.replaced_at.is_(None)).values(replaced_at=moment)
            for turn in sorted(set(cleared) & set(before)):
                connection.execute(old.where(turn_labels.c.turn == turn))
                count += 1
            for one in given:
                if before.get(one.turn) == one:
                    continue
                connection.execute(old.where(turn_labels.c.turn == one.turn))
                row: dict[str, Any] = {"run": run, "contact_id": contact_id, "turn": one.turn, "grader": grader}
                row |= {"speaker": one.speaker, "sentiment": one.sentiment, "labelled_at": moment}
                row["acts"] = None if one.speaker != "agent" else ";".join(one.acts) or NONE
                connection.execute(insert(turn_labels), row)
                count += 1
            note(connection, "turns labelled", contact_id, {"turns": count, "run": run}, grader)
        return count

    def all_of(self, run: str) -> list[TurnLabel]:
        """All current labels of a run, by contact, turn and person."""
        order = (turn_labels.c.contact_id, turn_labels.c.turn, turn_labels.c.grader)
        question = select(turn_labels).where(turn_labels.c.run == run, turn_labels.c.replaced_at.is_(None))
        with self._store.reading() as connection:
            return [_label(row) for row in connection.execute(question.order_by(*order)).mappings()]


def check(one: TurnLabel) -> None:
    """Raise InputError for a label that training would not take."""
    where = f"turn {one.turn}"
    if one.speaker == "customer":
        if one.sentiment not in SENTIMENTS or one.acts:
            raise InputError("turn_label", where, "is a customer's", allowed=f"a sentiment: {', '.join(SENTIMENTS)}")
    elif one.speaker == "agent":
        if one.sentiment is not None or not set(one.acts) <= set(ACTS):
            raise InputError("turn_label", where, "is an agent's", allowed=f"acts: {', '.join(ACTS)}")
    else:
        raise InputError("turn_label", where, "is nobody's to label", allowed="turns of customers and agents")


def agreed(labels: Sequence[TurnLabel]) -> tuple[list[TurnLabel], int]:
    """One label of each turn on which all who labelled it say the same; and how many turns people differ on."""
    said: dict[tuple[str, int], list[TurnLabel]] = {}
    for one in labels:
        said.setdefault((one.contact_id, one.turn), []).append(one)
    same = [given for given in said.values() if len({(one.sentiment, one.acts) for one in given}) == 1]
    return [given[0] for given in same], len(said) - len(same)


def for_training(labels: Sequence[TurnLabel], texts: Mapping[tuple[str, int], str]) -> list[dict[str, Any]]:
    """The rows that `python -m training.train --labels` reads, one a turn; turns without a text are left out.

    A turn on which people differ is left out too: they should talk about it before a model learns from it.
    """
    rows = []
    for one in agreed(labels)[0]:
        text = texts.get((one.contact_id, one.turn))
        if text:
            row: dict[str, Any] = {"contact_id": one.contact_id, "turn": one.turn, "speaker": one.speaker, "text": text}
            rows.append(row | ({"sentiment": one.sentiment} if one.speaker == "customer" else {"acts": _named(one)}))
    return rows


def _named(label: TurnLabel) -> list[str]:
    return list(label.acts) or [NONE]


def _mine(run: str, contact_id: str, grader: str) -> tuple[Any, ...]:
    return turn_labels.c.run == run, turn_labels.c.contact_id == contact_id, turn_labels.c.grader == grader


def _version(connection: Connection, mine: tuple[Any, ...]) -> int:
    """A number that grows with every label and with every one that is taken back."""
    newest = func.coalesce(func.max(turn_labels.c.id), 0) + func.count(turn_labels.c.replaced_at)
    return int(connection.execute(select(newest).where(*mine)).scalar_one())


def _label(row: Any) -> TurnLabel:
    acts = tuple(act for act in (row["acts"] or "").split(";") if act and act != NONE)
    return TurnLabel(row["contact_id"], row["turn"], row["speaker"], row["grader"], row["sentiment"], acts)
