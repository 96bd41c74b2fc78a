"""People's verdicts as a table (contact_id, item, value, purpose), joined to the machine's, for the drift charts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.sources import find_sources, ignore
from cxsentiment.ingest.survey_files import open_rows
from cxsentiment.ingest.tables import Row, missing_column
from cxsentiment.ingest.values import text_or_none
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject
from cxsentiment.stats.arrays import FloatArray, IntArray

_FIELDS = ("contact_id", "item", "value", "purpose")
_VALUES = {"met": 1.0, "1": 1.0, "yes": 1.0, "true": 1.0, "not_met": 0.0, "0": 0.0, "no": 0.0, "false": 0.0}
_NOT_APPLICABLE = frozenset({"na", "n/a", "not_applicable"})
# Contacts somebody picked say nothing of how often the machine is right on all.
_RANDOM = ("random", "double")
PURPOSES = (*_RANDOM, "targeted", "coaching")


@dataclass(frozen=True, slots=True)
class Labels:
    """Randomly chosen labels, shapes (n,): the contact's row, people's verdict and the machine's (1 met, 0 not)."""

    row: IntArray
    truth: FloatArray
    flagged: FloatArray
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()


def read_labels(path: str, contacts: pa.Table, verdicts: pa.Table, item: str | None = None) -> Labels:
    """Read labels of a run's contacts; `item` keeps those of one item.

    A row that cannot be used is refused with a code. Raises UsageError where the file is missing or lacks a column.
    """
    machine = {
        (contact, name): verdict
        for contact, name, verdict in zip(
            *(verdicts[column].to_pylist() for column in ("contact_id", "item", "verdict")), strict=True
        )
    }
    rows = {name: place for place, name in enumerate(contacts["contact_id"].to_pylist())}
    if item is not None and item not in {name for _, name in machine}:
        names = sorted({name for _, name in machine})
        raise UsageError(f"--item {item}", "is no item of the run's scorecard", allowed=", ".join(names))
    try:
        return _read(path, machine, rows, item)
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do) from error


def _read(path: str, machine: Mapping[tuple[str, str], str], rows: Mapping[str, int], item: str | None) -> Labels:
    rejects: list[Reject] = []
    given = [one for one in _rows(path, rows, rejects) if item is None or one[1] == item]
    chosen = [one for one in given if one[3] in _RANDOM]
    kept = [
        (rows[contact], value, float(machine[contact, name] == "met"))
        for contact, name, value, _ in chosen
        if value is not None and machine.get((contact, name)) in ("met", "not_met")
    ]
    notes = []
    if picked := len(given) - len(chosen):
        notes.append(
            f"{picked} labels of picked contacts (targeted, coaching) left out: they tell nothing of the others"
        )
    if unjudged := len(chosen) - len(kept):
        notes.append(f"{unjudged} labels where people or the machine gave no verdict left out")
    table = np.array(kept, dtype=np.float64).reshape(-1, 3)
    return Labels(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], tuple(rejects), tuple(notes))


def _rows(path: str, rows: Mapping[str, int], rejects: list[Reject]) -> Iterator[tuple[str, str, float | None, str]]:
    """Contact, item, verdict (None: not applicable) and purpose of each usable row; the others go to `rejects`."""
    for source in find_sources([path]):
        opened = open_rows(source)
        if opened is None:
            continue
        table, fields = opened.table, opened.layout(_FIELDS, {}).fields
        for needed in _FIELDS:
            if needed not in fields:
                raise missing_column(table.source, table.columns, needed)
        for row in table.rows(ignore):
            try:
                yield _row(row, fields, f"{table.source}:{row.number}", rows)
            except InputError as error:
                told = None if row.problem else mask(str(row.cells[fields["contact_id"]] or "")).text or None
                rejects.append(Reject(table.source, row.number, told, error.code, error.message))


def _row(
    row: Row, fields: Mapping[str, int], where: str, rows: Mapping[str, int]
) -> tuple[str, str, float | None, str]:
    if row.problem:
        raise InputError("bad_row", where, row.problem)
    try:
        contact, item, purpose = (text_or_none(row.cells[fields[name]]) for name in ("contact_id", "item", "purpose"))
    except ValueError as error:
        raise InputError("bad_row", where, f"a name {error}") from error
    if contact is None or item is None:
        raise InputError("missing_id", where, "names no contact or no item")
    if contact not in rows:
        raise InputError("unknown_contact", where, "this contact is not in the run")
    if purpose not in PURPOSES:
        raise InputError("bad_purpose", where, "does not say why the contact was labelled", allowed=", ".join(PURPOSES))
    text = str(row.cells[fields["value"]]).strip().lower().removesuffix(".0")
    if text in _NOT_APPLICABLE:
        return contact, item, None, purpose
    if text not in _VALUES:
        raise InputError("bad_value", where, "is no verdict", allowed="met, not_met, not_applicable")
    return contact, item, _VALUES[text], purpose
