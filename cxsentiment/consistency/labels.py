"""People's verdicts of randomly drawn contacts beside the machine's, to chart how often the machine is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.amounts import counted
from cxsentiment.errors import UsageError
from cxsentiment.stats.arrays import FloatArray, IntArray, floats

# Contacts somebody picked say nothing of how often the machine is right on all.
_RANDOM = ("random", "double")


@dataclass(frozen=True, slots=True)
class Beside:
    """Verdicts of both, shapes (n,): the contact's row, people's and the machine's (1 met, 0 not); `unknown` are the
    places in the labels whose contact the run does not have.
    """

    row: IntArray
    truth: FloatArray
    flagged: FloatArray
    unknown: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def beside(labels: pa.Table, contacts: pa.Table, verdicts: pa.Table, items: Sequence[str] | None = None) -> Beside:
    """Labels (contact_id, item, value 0-1 or null, purpose) with the machine's verdicts (contact_id, item, verdict).

    `items` keeps those of some items. Only random draws and yes-no verdicts count. UsageError for an unknown item.
    """
    known = set(pc.unique(verdicts["item"]).to_pylist())
    for item in items or ():
        if item not in known:
            raise UsageError(f"--item {item}", "is no item of the run's scorecard", allowed=", ".join(sorted(known)))
    row = _places(labels["contact_id"], contacts["contact_id"])
    own = np.ones(labels.num_rows, dtype=bool)
    if items is not None:
        own = np.asarray(pc.is_in(labels["item"], pa.array(items, pa.string())))
    unknown = np.flatnonzero(own & (row < 0))
    drawn = np.asarray(pc.is_in(labels["purpose"], pa.array(_RANDOM)))
    own &= row >= 0
    chosen = np.flatnonzero(own & drawn)
    machine = _verdicts(labels.take(pa.array(chosen)), verdicts)
    truth = floats(labels["value"])[chosen]
    judged = ((truth == 0) | (truth == 1)) & ~np.isnan(machine)
    notes = []
    if picked := int(np.sum(own & ~drawn)):
        notes.append(
            f"{counted(picked, 'label')} of picked contacts (targeted) left out: they tell nothing of the others"
        )
    if unjudged := int(np.sum(~judged)):
        notes.append(f"{counted(unjudged, 'label')} where people or the machine gave no verdict of yes or no left out")
    return Beside(row[chosen][judged], truth[judged], machine[judged], tuple(unknown.tolist()), tuple(notes))


def _verdicts(labels: pa.Table, verdicts: pa.Table) -> FloatArray:
    """The machine's verdict of each label's contact and item: 1 met, 0 not met, NaN without one."""
    wanted = verdicts.filter(pc.is_in(verdicts["contact_id"], labels["contact_id"].combine_chunks()))
    names = pc.unique(pa.chunked_array([*labels["item"].chunks, *wanted["item"].chunks], pa.string()))
    contacts = pc.unique(labels["contact_id"])

    def keys(table: pa.Table) -> IntArray:
        return _places(table["contact_id"], contacts) * len(names) + _places(table["item"], names)

    judged = np.asarray(pc.is_in(wanted["verdict"], pa.array(["met", "not_met"])))
    given, at = keys(wanted)[judged], keys(labels)
    met = np.asarray(pc.equal(wanted["verdict"], "met"))[judged].astype(np.float64)
    order = np.argsort(given, kind="stable")
    place = np.minimum(np.searchsorted(given[order], at), max(given.size - 1, 0))
    if given.size == 0:
        return np.full(at.size, np.nan)
    return np.where(given[order][place] == at, met[order][place], np.nan)


def _places(column: pa.ChunkedArray, names: pa.ChunkedArray | pa.Array) -> IntArray:
    values = names if isinstance(names, pa.Array) else names.combine_chunks()
    return np.asarray(pc.fill_null(pc.index_in(column, value_set=values), -1).to_numpy(), dtype=np.int64)
