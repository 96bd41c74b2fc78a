"""The contacts of a finished run with the survey answers and the contact log that a report reads them with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.errors import RunError
from cxsentiment.ingest import contactlog
from cxsentiment.ingest.contactlog import ContactLog, LogJoin
from cxsentiment.ingest.joins import Joins
from cxsentiment.ingest.matching import held, join
from cxsentiment.ingest.scales import NPS_SCALE, Scale, Scales, turned
from cxsentiment.ingest.surveys import Survey
from cxsentiment.schema import Reject

OUTCOMES = ("csat", "nps", "ces")


@dataclass(frozen=True, slots=True)
class Joined:
    """`contacts` with answers in their outcome columns; `log` is the contact log's own table, if there is one;
    `receipt` that of the run, with what became of answers and log; `rejects` the rows of either that were refused.
    """

    receipt: dict[str, Any]
    contacts: pa.Table
    log: pa.Table | None
    rejects: tuple[Reject, ...]


def joined(run: Path, joins: Joins) -> Joined:
    """The contacts of a finished run. Raises RunError for a folder that is no finished run.

    Surveys and log of `joins` replace those that the run was scored with; its scales count where the run has none.
    """
    receipt = runs.require_complete(run)
    contacts = runs.read_table(run, "contacts")
    rejects: list[Reject] = []
    if joins.log is not None:
        contacts, log, facts = _join_log(contacts, joins.log)
        receipt = {**receipt, "log": facts}
        rejects += joins.log.rejects
    else:
        log = runs.read_table(run, "log") if runs.has_table(run, "log") else None
    if joins.surveys is not None:
        found = join(joins.surveys, held(contacts))
        contacts = _with_answers(contacts, {name: _by_outcome(answer) for name, answer in found.answers.items()})
        receipt = {**receipt, "surveys": found.facts}
        rejects += [*joins.surveys.rejects, *found.rejects]
    elif runs.has_table(run, "surveys"):
        rows = runs.read_table(run, "surveys").to_pylist()
        contacts = _with_answers(contacts, {row["contact_id"]: row for row in rows}, keep_own=True)
    else:
        contacts, receipt = _on_scales(contacts, receipt, joins.scales)
    return Joined(receipt, contacts, log, tuple(rejects))


def csat_scale(receipt: Mapping[str, Any], declared: Scale | None) -> tuple[float, float] | None:
    """The lowest and highest CSAT answer, as declared now or when the run was scored; None where nobody did."""
    if declared is not None:
        return declared.low, declared.high
    scale = (receipt.get("surveys") or {}).get("csat_scale") or receipt["settings"].get("csat_scale")
    return (float(scale[0]), float(scale[1])) if scale else None


def scales_of(receipt: Mapping[str, Any], joins: Joins) -> dict[str, tuple[float, float] | None]:
    """The lowest and highest answer of each outcome; that of CSAT is None where nobody declared it."""
    ces = None if joins.surveys is not None else receipt["settings"].get("ces_scale")
    return {
        "csat": csat_scale(receipt, joins.scales.csat),
        "nps": (NPS_SCALE.low, NPS_SCALE.high),
        "ces": (float(ces[0]), float(ces[1])) if ces else (joins.scales.ces.low, joins.scales.ces.high),
    }


def off_scale(contacts: pa.Table, scales: Mapping[str, tuple[float, float] | None]) -> tuple[pa.Table, list[Reject]]:
    """Contacts without the answers that lie outside their outcome's scale, and each of those as a reject.

    Answers on two scales in one file show here: those that only the wider one holds are set aside and told.
    """
    rejects: list[Reject] = []
    for outcome, scale in scales.items():
        if scale is None:
            continue
        answers = np.asarray(contacts[outcome].to_numpy(zero_copy_only=False), dtype=np.float64)
        bad = (answers < scale[0]) | (answers > scale[1])
        if bad.any():
            places = np.flatnonzero(bad)
            sources, records = contacts["source"], contacts["record"]
            rejects += [
                Reject(
                    sources[place].as_py() or "",
                    records[place].as_py() or 0,
                    contacts["contact_id"][place].as_py(),
                    f"{outcome}_out_of_scale",
                    f"{outcome} {answers[place]:g} lies outside {scale[0]:g}-{scale[1]:g}",
                )
                for place in places.tolist()
            ]
            contacts = with_column(contacts, outcome, np.where(bad, np.nan, answers).tolist())
    return contacts, rejects


def require_single_ids(contacts: pa.Table) -> None:
    """Raises RunError where two contacts of a run have one id: no label or answer could be told to belong to either."""
    ids = contacts["contact_id"]
    if pc.count_distinct(ids).as_py() < contacts.num_rows:
        counts = ids.value_counts().to_pylist()
        twice = sorted(one["values"] for one in counts if one["counts"] > 1)
        raise RunError(
            "contacts",
            f"{len(twice)} contact ids occur more than once, such as {twice[0]}",
            allowed="one row a contact",
            do="Score again: cxsentiment score refuses the second contact of an id",
        )


def with_column(contacts: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    """The contacts with one column replaced."""
    field_ = runs.CONTACTS.field(name)
    array = pa.array(values, field_.type, from_pandas=True)  # NaN is no value
    return contacts.set_column(contacts.schema.get_field_index(name), field_, array)


def _by_outcome(answer: Survey) -> dict[str, float | None]:
    """An answer by outcome."""
    return {outcome: getattr(answer, outcome) for outcome in OUTCOMES}


def _with_answers(
    contacts: pa.Table, answers: Mapping[str, Mapping[str, float | None]], *, keep_own: bool = False
) -> pa.Table:
    """Put the answers into the outcome columns; with `keep_own` an answer inside the transcript stays without one."""
    ids = contacts.column("contact_id").to_pylist()
    for outcome in OUTCOMES:
        own = contacts.column(outcome).to_pylist() if keep_own else [None] * len(ids)
        given = [answers[name][outcome] if name in answers else None for name in ids]
        contacts = with_column(contacts, outcome, [b if a is None else a for a, b in zip(given, own, strict=True)])
    return contacts


def _join_log(contacts: pa.Table, log: ContactLog) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    """Contacts with what a log adds to them, the log's own table, and what became of its rows."""
    joining = LogJoin(log)
    columns = {name: contacts.column(name).to_pylist() for name in contactlog.FILLED}
    added = []
    for place, contact_id in enumerate(contacts.column("contact_id").to_pylist()):
        added.append(joining.values({"id": contact_id, **{name: own[place] for name, own in columns.items()}})[0])
    for name in contactlog.FILLED:
        filled = [one.get(name, own) for one, own in zip(added, columns[name], strict=True)]
        contacts = with_column(contacts, name, filled)
    for name in contactlog.COLUMNS:
        contacts = with_column(contacts, name, [one.get(name) for one in added])
    return contacts, pa.Table.from_pylist(joining.table(), schema=runs.LOG), joining.facts()


def _on_scales(contacts: pa.Table, receipt: dict[str, Any], scales: Scales) -> tuple[pa.Table, dict[str, Any]]:
    """Turn the answers inside transcripts where a reversed scale is declared only now, and say so."""
    settings, notes = receipt["settings"], []
    if scales.csat is not None and scales.csat.reversed and not settings.get("csat_scale"):
        contacts = _turned(contacts, "csat", scales.csat)
        notes.append(turned("CSAT", scales.csat, "better"))
    if scales.ces.reversed and not settings.get("ces_reversed") and not receipt.get("surveys"):
        contacts = _turned(contacts, "ces", scales.ces)
        notes.append(turned("CES", scales.ces, "easier"))
    return contacts, {**receipt, "warnings": receipt["warnings"] | dict.fromkeys(notes, contacts.num_rows)}


def _turned(contacts: pa.Table, outcome: str, scale: Scale) -> pa.Table:
    own = contacts.column(outcome).to_pylist()
    return with_column(contacts, outcome, [None if value is None else scale.stored(value) for value in own])
