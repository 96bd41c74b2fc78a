"""Whole contacts as people graded them: the scorecard's mean over the items that have labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.reviews.frame import Frame
from cxsentiment.reviews.labels import Label, labels_for_calibration
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.stats.arrays import FloatArray, IntArray

_LEAST_SHARE = 0.8  # of the weight of a contact's items that people must have graded


def human_scores(run: Path, labels: Sequence[Label], frame: Frame) -> tuple[IntArray, FloatArray]:
    """Rows of the frame whose contacts people graded nearly whole, and their scores (0-100), shape (n,) both.

    Σ weight·points / Σ weight over the items that apply, of several graders the mean; at most what the scorecard leaves
    of it where all of them found a critical error. Only labels for calibration.
    """
    given: dict[tuple[str, str], list[float]] = {}
    seen: set[tuple[str, str]] = set()
    for label in labels_for_calibration(labels).labels:
        seen.add((label.contact_id, label.item))
        if label.points is not None:
            given.setdefault((label.contact_id, label.item), []).append(label.points)
    contacts = sorted({contact for contact, _ in seen})
    ceilings = _ceilings(run)
    highest = dict.fromkeys(contacts, 100.0)
    for (contact, item), several in given.items():
        if item in ceilings and max(several) == 0:
            highest[contact] = min(highest[contact], ceilings[item])
    # By contact: the weight of all items, of those graded, of those to which people gave points, and weight · points.
    totals = {contact: np.zeros(4) for contact in contacts}
    if contacts:
        table = runs.read_table(run, "items", ["contact_id", "item", "weight"])
        table = table.filter(pc.is_in(table["contact_id"], pa.array(contacts)))
        for contact, item, weight in zip(*(column.to_pylist() for column in table.columns), strict=True):
            points = given.get((contact, item))
            mean = float(np.mean(points)) if points else 0.0
            graded = float((contact, item) in seen)
            totals[contact] += (weight or 0.0) * np.array([1.0, graded, float(points is not None), mean])
    place = {contact: row for row, contact in enumerate(frame.ids)}
    rows, scores = [], []
    for contact, (whole, graded, applied, earned) in totals.items():
        if contact in place and applied > 0 and graded >= _LEAST_SHARE * whole:
            rows.append(place[contact])
            scores.append(min(100 * earned / applied, highest[contact]))
    order = np.argsort(np.array(rows, dtype=np.int64), kind="stable")
    return np.array(rows, dtype=np.int64)[order], np.array(scores, dtype=np.float64)[order]


def _ceilings(run: Path) -> dict[str, float]:
    """What a critical error leaves of a score (0-100) at most, of the items that lower it."""
    rubric = parse_rubric(runs.require_complete(run)["rubric"]["content"], str(run / runs.RECEIPT))
    return {item.id: item.ceiling for _, item in rubric.pairs() if item.ceiling is not None}
