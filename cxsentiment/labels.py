"""Human labels for calibration: what a person found for an item of a contact, and how the contact came to be looked at.

They come from a file of any form that `cxsentiment labels import` reads, or from the store it fills, by one reader
(`cxsentiment.reviews`) and one rule of what may calibrate. Rows that cannot be used are set aside with a code and never
lose the others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment.amounts import counted
from cxsentiment.errors import UsageError
from cxsentiment.reviews.files import LabelRow
from cxsentiment.reviews.importing import ImportRules, Read, read_label_rows, read_labels
from cxsentiment.reviews.labels import LEFT_OUT, PURPOSES, labels_for_calibration, of_rubric, one_per_contact
from cxsentiment.schema import Reject

WHOLE_CONTACT = "score"  # the item of a label that grades the contact as a whole
# `value` is 0-1, null where the grader found the item not applicable.
LABELS = pa.schema(
    [(name, pa.string()) for name in ("contact_id", "item", "grader")]
    + [("value", pa.float64()), ("purpose", pa.string()), ("inclusion_probability", pa.float64())]
)
NOT_NAMED = "not named"
_SQLITE = b"SQLite format 3\x00"
_RULES = ImportRules(needs_probability=True)
# How often the machine is right on random contacts does not hang on who graded, nor on how many were drawn.
_UNWEIGHTED = ImportRules(grader=NOT_NAMED)
_OTHER_CARD = {
    "other_rubric": "graded by another scorecard",
    "other_version": "graded by another version of the scorecard",
    "older_verdict": "older verdicts, or repeated ones, of a grader on the same item of a contact",
}


@dataclass(frozen=True, slots=True)
class Labels:
    """`table` has the columns of `LABELS`: one label a contact and item that may calibrate. `rejects` are rows that
    could not be used, each with its reason; `notes` say what was left out by rule. `source` and, where rows were left
    out, `records` say where each row of the table stands; `purposes` how many labels of each purpose there were.
    """

    table: pa.Table
    rejects: tuple[Reject, ...] = ()
    source: str = "labels"
    records: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    purposes: Mapping[str, int] = field(default_factory=dict)

    def record(self, place: int) -> int:
        """Where a row of the table stands in its source, counted from 1; 0 where it stands in a store."""
        return self.records[place] if self.records else 0


@dataclass(frozen=True, slots=True)
class Card:
    """The scorecard that labels must have been graded by, where they say: its name and version."""

    name: str
    version: str


def labels_in(place: str, card: Card | None = None, *, weighted: bool = True) -> Labels:
    """The labels of a file, or of a store (a SQLite file, or a URL), that may calibrate the machine.

    Of several graders of a contact's item one stands for it, the same at every call. In a file each label but those for
    coaching needs its inclusion probability, unless it is not `weighted`: then only the random draw matters, and
    neither probability nor grader is asked for. Raises UsageError or StoreError for a place that cannot be read.
    """
    if _is_store(place):
        from cxsentiment.reviews.store import LabelStore

        with LabelStore.open(place) as store:
            return _calibrating(Read(tuple(store.labels()), (), 0, 0, 0), place, card)
    read = read_labels([place], _RULES if weighted else _UNWEIGHTED)
    whole = [reject for reject in read.rejects if reject.record == 0]
    if whole and not read.labels:
        raise UsageError(
            place,
            f"no labels can be read: {whole[0].message}",
            allowed=", ".join(LABELS.names),
            do="See docs/agents.md for the columns, docs/labels.md for the forms that are read",
        )
    return _calibrating(read, place, card)


def labels_of(rows: Iterable[Mapping[str, Any]], source: str = "labels") -> Labels:
    """Labels from rows by column name, as `labels_in` takes them from a file; `source` names them in rejects."""
    cells = (LabelRow(source, number, dict(row)) for number, row in enumerate(rows, start=1))
    return _calibrating(read_label_rows(cells, _RULES), source, None)


def card_of(receipt: Mapping[str, Any]) -> Card | None:
    """The scorecard of a run by its receipt."""
    rubric = receipt.get("rubric") or {}
    return Card(rubric["name"], rubric["version"]) if "name" in rubric and "version" in rubric else None


def _calibrating(read: Read, place: str, card: Card | None) -> Labels:
    record = {id(label): number for label, number in zip(read.labels, read.records, strict=False)}
    own, other = of_rubric(read.labels, *((card.name, card.version) if card else (None, None)))
    fit = labels_for_calibration(own)
    chosen = one_per_contact(fit.labels)
    rows = [
        {
            "contact_id": label.contact_id,
            "item": label.item,
            "grader": label.grader,
            "value": label.points,
            "purpose": label.purpose,
            # Where no label is to be weighted, all count the same.
            "inclusion_probability": label.inclusion_probability if fit.weighted else 1.0,
        }
        for label in chosen
    ]
    notes = [f"{counted(count, 'label')} left out: {_OTHER_CARD[code]}" for code, count in other.items()]
    notes += [f"{counted(count, 'label')} left out: {LEFT_OUT[code]}" for code, count in fit.left_out.items()]
    if graded_twice := len(fit.labels) - len(chosen):
        notes.append(f"{counted(graded_twice, 'label')} of second graders left out: one stands for a contact's item")
    if rows and not fit.weighted:
        notes.append("no label has an inclusion probability: all contacts count as equally likely to have been drawn")
    count = Counter(label.purpose for label in read.labels)
    return Labels(
        pa.Table.from_pylist(rows, schema=LABELS),
        read.rejects,
        place,
        tuple(record.get(id(label), 0) for label in chosen),
        tuple(notes),
        {purpose: count[purpose] for purpose in PURPOSES if count[purpose]},
    )


def _is_store(place: str) -> bool:
    if "://" in place:
        return True
    try:
        with Path(place).open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False
