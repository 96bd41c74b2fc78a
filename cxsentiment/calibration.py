"""Whether the machine's probabilities are what people say, by item: for all contacts, each campaign and each channel.

A mean of probabilities is right only where they are calibrated there; a threshold hides where they are not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.gradings import Grading, Gradings
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, IntArray, codes
from cxsentiment.stats.calibration import expected_error, in_the_large
from cxsentiment.stats.estimates import missing

EVERYWHERE, NOT_GIVEN = "all contacts", "not given"
IN_THE_LARGE, ECE = "mean probability less share met", "expected calibration error"


@dataclass(frozen=True, slots=True)
class CalibrationFigure:
    """One `measure` of one item's probabilities (0-1 both) in one part of the labelled contacts: `by` is all, campaign
    or channel, `part` its name. Labels count as they were drawn, not weighted back.
    """

    by: str
    part: str
    item: str
    measure: str
    estimate: Estimate


def calibration(contacts: pa.Table, gradings: Gradings) -> tuple[CalibrationFigure, ...]:
    """Figures by part and item; none where nothing is labelled. `contacts` are those of the gradings."""
    agents, _ = codes(contacts["agent_id"])
    named = bool(np.any(agents >= 0))
    found: list[CalibrationFigure] = []
    for grading in gradings.of("item"):
        if not grading.labelled.any():
            continue
        for by, part, own in _parts(contacts):
            found += _figures(grading, by, part, own & grading.labelled, agents if named else None)
    return tuple(sorted(found, key=lambda one: (one.by != "all", one.by, one.part)))


def _parts(contacts: pa.Table) -> Iterator[tuple[str, str, BoolArray]]:
    yield "all", EVERYWHERE, np.ones(contacts.num_rows, dtype=bool)
    for by in ("campaign", "channel"):
        of, names = codes(contacts[by])
        for code, name in enumerate(names):
            yield by, name, of == code
        if names and np.any(of < 0):
            yield by, NOT_GIVEN, of < 0


def _figures(
    grading: Grading, by: str, part: str, own: BoolArray, agents: IntArray | None
) -> Iterator[CalibrationFigure]:
    p, y = grading.machine[own], grading.human[own]
    if not grading.binary:
        nothing = missing(
            Reason("not_applicable", "people's labels are not 0 and 1 only"), "calibration", int(own.sum())
        )
        measures = {IN_THE_LARGE: nothing, ECE: nothing}
    else:
        clusters = None if agents is None else agents[own]
        measures = {IN_THE_LARGE: in_the_large(p, y, clusters), ECE: expected_error(p, y)}
    for measure, estimate in measures.items():
        yield CalibrationFigure(by, part, grading.name, measure, estimate)
