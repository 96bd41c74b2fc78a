"""What the machine said of contacts that people graded: a run's items table as ratings."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.stats.arrays import FloatArray
from cxsentiment.stats.ratings import Metric

_JUDGED = ("met", "not_met")
_DECIMALS = 6  # so that a third of the points is the same number, whatever the item weighs


@dataclass(frozen=True, slots=True)
class RunItems:
    """The run's scorecard (name, version, sha256; questions and kinds of its items) and its points by item, contact."""

    rubric: tuple[str, str, str]
    questions: Mapping[str, str]
    kinds: Mapping[str, str]
    contacts: Collection[str]
    _points: Mapping[str, Mapping[str, float]]

    def points(self, item: str, contacts: Sequence[str]) -> FloatArray:
        """The machine's points (0-1) of these contacts, shape (contacts,); NaN where there are none."""
        known = self._points.get(item, {})
        return np.array([known.get(contact, math.nan) for contact in contacts], dtype=np.float64)

    def metric(self, item: str, verdicts: Collection[str]) -> Metric:
        """nominal for yes/no items, ordinal for levels and counts; of an item the scorecard lacks by its verdicts."""
        kind = self.kinds.get(item)
        if kind is None:
            return "ordinal" if "points" in verdicts else "nominal"
        return "nominal" if kind == "yes_no" and "points" not in verdicts else "ordinal"


def run_items(run: Path, contacts: Sequence[str]) -> RunItems:
    """Read a finished run's scorecard, and what it says of the contacts given (none: the scorecard alone).

    Raises:
        RunError: no finished run.
    """
    receipt = runs.require_complete(run)
    rubric = receipt["rubric"]
    items = [item for section in rubric["content"]["sections"] for item in section["items"]]
    points: dict[str, dict[str, float]] = {}
    present: set[str] = set()
    if contacts:
        wanted = pa.array(contacts)
        table = runs.read_table(run, "items", ["contact_id", "item", "verdict", "points", "weight"])
        table = table.filter(pc.is_in(table["contact_id"], wanted))
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        for contact, item, verdict, earned, weight in rows:
            if verdict in _JUDGED and earned is not None and weight:
                # The table has them in the unit of the contact's score; people give shares of an item.
                points.setdefault(item, {})[contact] = round(earned / weight, _DECIMALS)
        ids = runs.read_table(run, "contacts", ["contact_id"])
        present = set(ids.filter(pc.is_in(ids["contact_id"], wanted))["contact_id"].to_pylist())
    return RunItems(
        (rubric["name"], rubric["version"], rubric["sha256"]),
        {item["id"]: item["question"] for item in items},
        {item["id"]: item.get("kind", "yes_no") for item in items},
        present,
        points,
    )
