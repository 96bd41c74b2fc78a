"""Stage 2: a run folder → Findings (agents, items, associations, KPIs, journey, coaching moments) → its report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment import agents, coaching, items, journey, outcomes, queue, report, runs
from cxsentiment.ingest import contactlog
from cxsentiment.ingest.contactlog import ContactLog, LogJoin
from cxsentiment.ingest.joins import Joins
from cxsentiment.ingest.matching import held, join
from cxsentiment.ingest.scales import Scale, Scales, turned
from cxsentiment.ingest.surveys import Survey
from cxsentiment.kpis.overview import kpis
from cxsentiment.rubric.reading import texts_of
from cxsentiment.schema import Findings, Reject

OUTCOMES = ("csat", "nps", "ces")


def gather(run: Path, joins: Joins | None = None) -> Findings:
    """Everything stage 2 says about a finished run. Raises RunError for a folder that is no finished run.

    Surveys and log of `joins` replace those that the run was scored with; its scales count where the run has none.
    """
    return _gather(run, joins or Joins())[0]


def write_report(run: Path, joins: Joins | None = None, command: str = "") -> tuple[Findings, Path]:
    """Gather the findings of a run, write them into its `report/` folder, and return them with the page's path.

    Rows of surveys or of a log given here that were refused are listed in `report/rejects.jsonl`; `command` is what
    was typed, for the page.
    """
    joins = joins or Joins()
    findings, rejects = _gather(run, joins)
    if command:
        findings = replace(findings, run={**findings.run, "report_command": command})
    if joins.surveys is not None or joins.log is not None:
        runs.write_rejects(run / "report", rejects)
    return findings, report.write(findings, run / "report")


def joined_tables(run: Path, joins: Joins) -> tuple[dict[str, Any], pa.Table, pa.Table | None, list[Reject]]:
    """The receipt, contacts and log (None where there is none) of a finished run, with what `joins` adds to them, and
    the rows of surveys and log that were refused. Raises RunError for a folder that is no finished run.
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
        joined = join(joins.surveys, held(contacts))
        contacts = _with_answers(contacts, {name: _by_outcome(answer) for name, answer in joined.answers.items()})
        receipt = {**receipt, "surveys": joined.facts}
        rejects += [*joins.surveys.rejects, *joined.rejects]
    elif runs.has_table(run, "surveys"):
        rows = runs.read_table(run, "surveys").to_pylist()
        contacts = _with_answers(contacts, {row["contact_id"]: row for row in rows}, keep_own=True)
    else:
        contacts, receipt = _on_scales(contacts, receipt, joins.scales)
    return receipt, contacts, log, rejects


def _gather(run: Path, joins: Joins) -> tuple[Findings, list[Reject]]:
    receipt, contacts, log, rejects = joined_tables(run, joins)
    turns = runs.read_table(run, "turns")
    verdicts = runs.read_table(run, "items")
    texts = texts_of(receipt["rubric"]["content"])
    scored_agents, agent_notes = agents.score_agents(contacts)
    associations, association_notes = outcomes.associate(contacts, verdicts)
    findings = Findings(
        run=receipt,
        agents=scored_agents,
        agent_notes=agent_notes,
        items=items.item_rates(verdicts, texts),
        associations=associations,
        association_notes=association_notes,
        kpis=kpis(contacts, csat_scale(receipt, joins.scales.csat), log, verdicts, receipt["settings"].get("timezone")),
        journey=journey.journey(turns, contacts),
        moments=coaching.moments(contacts, turns, verdicts, texts),
        queue=queue.queue(contacts, verdicts, texts),
    )
    return findings, rejects


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
        contacts = _with_column(contacts, outcome, [b if a is None else a for a, b in zip(given, own, strict=True)])
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
        contacts = _with_column(contacts, name, filled)
    for name in contactlog.COLUMNS:
        contacts = _with_column(contacts, name, [one.get(name) for one in added])
    return contacts, pa.Table.from_pylist(joining.table(), schema=runs.LOG), joining.facts()


def _with_column(contacts: pa.Table, name: str, values: Sequence[object]) -> pa.Table:
    field_ = runs.CONTACTS.field(name)
    return contacts.set_column(contacts.schema.get_field_index(name), field_, pa.array(values, field_.type))


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
    return _with_column(contacts, outcome, [None if value is None else scale.stored(value) for value in own])


def csat_scale(receipt: Mapping[str, Any], declared: Scale | None) -> tuple[float, float] | None:
    """The declared scale of CSAT answers (lowest, highest), else that of the run; None where neither is known."""
    if declared is not None:
        return declared.low, declared.high
    scale = (receipt.get("surveys") or {}).get("csat_scale") or receipt["settings"].get("csat_scale")
    return (float(scale[0]), float(scale[1])) if scale else None
