"""One labelled turn, and what several rows come to that are about one turn or say the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxsentiment.errors import UsageError


@dataclass(frozen=True, slots=True)
class Annotation:
    """One labelled turn. `where` is file and line; `sentiment` is None for an agent, `acts` for a customer."""

    where: str
    speaker: str
    text: str
    sentiment: str | None
    acts: tuple[str, ...] | None
    contact: str | None
    turn: int | None
    channel: str | None
    picked: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, whatever the speaker; empty for an agent's turn without an act."""
        return self.acts or () if self.sentiment is None else (self.sentiment,)


def once(found: Sequence[Annotation]) -> tuple[tuple[Annotation, ...], list[str]]:
    """Each turn once, and what a person should know of the rows that repeat one; UsageError where two disagree.

    A row without its place is a repeat of any row of its contact that says the same.
    """
    kept: dict[tuple[object, ...], Annotation] = {}
    reworded: list[tuple[Annotation, Annotation]] = []
    for one in found:
        first = kept.setdefault(_key(one), one)
        _refuse_other_labels(one, first)
        if one.text != first.text:
            reworded.append((one, first))
        if "unsure" in (one.picked, first.picked):  # of a turn picked twice, the doubt is what would flatter
            kept[_key(one)] = replace(first, picked="unsure")
    placed: dict[tuple[object, ...], list[Annotation]] = {}
    for one in kept.values():
        if _placed(one):
            placed.setdefault((one.contact, one.speaker, one.text), []).append(one)
    # A row without its place may say the doubt for which a turn was picked, and another row of the turn its place.
    doubted = {key for key, one in kept.items() if one.picked == "unsure" and not _placed(one)}
    turns = []
    for key, one in kept.items():
        same = placed.get(key, ())
        for other in same:
            _refuse_other_labels(one, other)
        if not same:
            turns.append(replace(one, picked="unsure") if (one.contact, one.speaker, one.text) in doubted else one)
    return tuple(turns), _repeats(len(found) - len(turns), reworded)


def _repeats(repeated: int, reworded: Sequence[tuple[Annotation, Annotation]]) -> list[str]:
    """What a person should know of repeated rows; of those `reworded` (row, first row) the texts differ."""
    notes = [f"rows that repeat a turn with the same labels, counted once: {repeated}"] if repeated else []
    if reworded:
        one, first = reworded[0]
        notes.append(
            f"of these, rows whose text is not that of the row they repeat: {len(reworded)} (first: {one.where}, turn "
            f"{one.turn} of contact {one.contact!r} as {first.where}; the earlier row counts); two contacts of one id "
            "need two ids"
        )
    return notes


def _placed(one: Annotation) -> bool:
    return one.contact is not None and one.turn is not None


def _key(one: Annotation) -> tuple[object, ...]:
    return (one.contact, one.turn) if _placed(one) else (one.contact, one.speaker, one.text)


def _refuse_other_labels(one: Annotation, other: Annotation) -> None:
    if other.labels == one.labels and other.speaker == one.speaker:
        return
    labels = f"{_said(one)}; there {_said(other)}"
    if one.text != other.text:
        raise UsageError(
            one.where,
            f"turn {one.turn} of contact {one.contact!r} has another text and other labels in {other.where} ({labels})",
            do="Correct contact_id or turn; two contacts of one id need two ids",
        )
    raise UsageError(
        one.where,
        f"the same turn has other labels in {other.where} ({labels})",
        do="Decide for one of them, and give both rows their turn where they are two",
    )


def ambiguous(turns: Sequence[Annotation]) -> list[str]:
    """Equal texts whose labels differ from contact to contact: allowed, but no model of single turns can learn them."""
    first: dict[tuple[str, str], Annotation] = {}
    pairs = [
        (first[one.speaker, one.text], one)
        for one in turns
        if first.setdefault((one.speaker, one.text), one).labels != one.labels
    ]
    if not pairs:
        return []
    one, other = pairs[0]
    return [
        f"turns with the words of another turn and other labels: {len(pairs)} (first: {one.where} {_said(one)}, "
        f"{other.where} {_said(other)}); the model reads single turns and cannot tell such turns apart"
    ]


def _said(one: Annotation) -> str:
    return " ".join(one.labels) or "none"
