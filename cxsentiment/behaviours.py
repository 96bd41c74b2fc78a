"""What agents do in a contact, as columns for models of survey answers: by family, and what else a prediction may use.

Two uses, never mixed: drivers take behaviours and process only, for the customer's sentiment is the answer measured
early; a prediction takes everything.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.gradings import Gradings
from cxsentiment.schema import SENTIMENT_SIGNALS
from cxsentiment.stats.arrays import FloatArray, floats

PROCESS = ("wait_s", "transferred", "repeat_effort")
PACE = ("first_response_s", "median_response_s", "agent_talk_share")
_LEAST_KNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Column:
    """One column without NaN (n,): its name, its family, and whether it only marks where another was not known."""

    name: str
    family: str
    values: FloatArray
    marks: bool = False


def behaviours(contacts: pa.Table, gradings: Gradings) -> list[Column]:
    """A column for each section of the scorecard, for the pace of replies and for the process.

    A section that did not apply takes its mean, and a column that marks it follows (it tells of the customer, not of
    the agent, so that it belongs to the case mix). What is known for fewer than half, or does not vary, is left out.
    """
    columns = [column for name, score in gradings.section_scores().items() for column in _filled(name, name, score)]
    for family, names in (("pace of replies", PACE), ("process", PROCESS)):
        for name in names:
            columns += _filled(name, family, floats(contacts[name].cast(pa.float64())))
    return columns


def everything(contacts: pa.Table, gradings: Gradings) -> list[Column]:
    """`behaviours`, the contact's score and the customer's sentiment: for prediction only."""
    columns = behaviours(contacts, gradings)
    for name in ("score", *SENTIMENT_SIGNALS):
        columns += _filled(name, "sentiment" if name != "score" else name, floats(contacts[name]))
    return columns


def _filled(name: str, family: str, values: FloatArray) -> list[Column]:
    known = ~np.isnan(values)
    if known.size == 0 or known.mean() < _LEAST_KNOWN or np.ptp(values[known]) == 0:
        return []
    columns = [Column(name, family, np.where(known, values, values[known].mean()))]
    if not known.all():
        columns.append(Column(f"{name} unknown", family, (~known).astype(np.float64), marks=True))
    return columns
