"""Human labels in memory: what a person found for one item of one contact, and how the contact came to be looked at.

One plain table (`LABELS`), whoever hands it over: a CSV file here, a store of reviews elsewhere. Rows that cannot be
used are set aside with a code and never lose the others.
"""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment.errors import UsageError
from cxsentiment.schema import Reject

PURPOSES = ("random", "double", "targeted", "coaching")
# Coaching contacts are picked because of what is in them; no weight makes them a picture of an agent.
CALIBRATING = ("random", "double", "targeted")
WHOLE_CONTACT = "score"  # the item of a label that grades the contact as a whole
NOT_APPLICABLE = ("na", "n/a", "not_applicable", "not applicable")
# `value` is 0-1, null where the grader found the item not applicable; the probability is null for coaching only.
LABELS = pa.schema(
    [(name, pa.string()) for name in ("contact_id", "item", "grader")]
    + [("value", pa.float64()), ("purpose", pa.string()), ("inclusion_probability", pa.float64())]
)


@dataclass(frozen=True, slots=True)
class Labels:
    """`table` has the columns of `LABELS`; `rejects` are rows that could not be used, each with its reason. `source`
    and, where rows were left out, `records` say where each row of the table stands.
    """

    table: pa.Table
    rejects: tuple[Reject, ...] = ()
    source: str = "labels"
    records: tuple[int, ...] = ()

    def record(self, place: int) -> int:
        """Where a row of the table stands in its source, counted from 1."""
        return self.records[place] if self.records else place + 1

    @property
    def purposes(self) -> dict[str, int]:
        """How many labels each purpose has, in the order of `PURPOSES`."""
        count = Counter(self.table["purpose"].to_pylist())
        return {purpose: count[purpose] for purpose in PURPOSES if count[purpose]}


class _Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_labels(path: Path) -> Labels:
    """Labels of a CSV file with the columns of `LABELS`, in any order; other columns are left alone.

    `value` is 0-1 or NA (not applicable); `inclusion_probability` lies above 0 and up to 1, and only coaching labels
    go without. Raises UsageError for a file that cannot be read or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            if lacking := [name for name in LABELS.names if name not in names]:
                raise UsageError(
                    str(path),
                    f"lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}",
                    allowed=", ".join(LABELS.names),
                    do="Add what lacks; see docs/agents.md",
                )
            return labels_of(reader, str(path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}", do="Give a CSV file in UTF-8"
        ) from error


def labels_of(rows: Iterable[Mapping[str, Any]], source: str = "labels") -> Labels:
    """Labels from rows by column name, as `read_labels` takes them from a file; `source` names them in rejects."""
    kept: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    records: list[int] = []
    seen: set[tuple[str, str, str]] = set()
    for number, row in enumerate(rows, start=1):
        try:
            label = _label(row)
            key = (label["contact_id"], label["item"], label["grader"])
            if key in seen:
                raise _Refused("duplicate_label", f"{key[2]} has graded {key[1]} of {key[0]} before: one label counts")
        except _Refused as refusal:
            rejects.append(Reject(source, number, _text(row, "contact_id") or None, refusal.code, str(refusal)))
            continue
        seen.add(key)
        kept.append(label)
        records.append(number)
    return Labels(pa.Table.from_pylist(kept, schema=LABELS), tuple(rejects), source, tuple(records))


def _label(row: Mapping[str, Any]) -> dict[str, Any]:
    label: dict[str, Any] = {name: _text(row, name) for name in ("contact_id", "item", "grader")}
    for name, value in label.items():
        if not value:
            raise _Refused(f"no_{name}", f"{name} is empty")
    purpose = _text(row, "purpose").lower()
    if purpose not in PURPOSES:
        raise _Refused("unknown_purpose", f"purpose {purpose!r} is none of {', '.join(PURPOSES)}")
    return label | {
        "value": _value(_text(row, "value")),
        "purpose": purpose,
        "inclusion_probability": _probability(_text(row, "inclusion_probability"), purpose),
    }


def _value(text: str) -> float | None:
    if text.lower() in NOT_APPLICABLE:
        return None
    if not text:
        raise _Refused("no_value", "value is empty: 0-1, or NA where the item did not apply")
    value = _number(text)
    if value is None or not 0 <= value <= 1:
        raise _Refused("value_out_of_scale", f"value {text} lies outside 0-1 (NA: the item did not apply)")
    return value


def _probability(text: str, purpose: str) -> float | None:
    if not text:
        if purpose == "coaching":
            return None
        raise _Refused(
            "no_inclusion_probability",
            f"a {purpose} label needs the probability with which its contact was drawn (1 of 50 at random: 0.02)",
        )
    value = _number(text)
    if value is None or not 0 < value <= 1:
        raise _Refused("bad_inclusion_probability", f"inclusion probability {text} is no number above 0 and up to 1")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()
