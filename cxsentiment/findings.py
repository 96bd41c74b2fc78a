"""Stage 2: a run folder → Findings (agents, items, associations, KPIs, journey, coaching moments) → its report."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment import agents, coaching, items, journey, kpis, outcomes, report, runs
from cxsentiment.ingest.surveys import Scale, Surveys
from cxsentiment.rubric import parse_rubric
from cxsentiment.schema import Findings

OUTCOMES = ("csat", "nps", "ces")


def gather(run: Path, surveys: Surveys | None = None, csat_scale: Scale | None = None) -> Findings:
    """Everything stage 2 says about a finished run.

    `surveys`, where given, replace the answers that the run was scored with; `csat_scale` declares the scale of CSAT
    answers where the run did not. Raises RunError for a folder that is no finished run.
    """
    receipt = runs.require_complete(run)
    contacts = runs.read_table(run, "contacts")
    if surveys is not None:
        contacts, receipt = _join(contacts, surveys, receipt)
    turns = runs.read_table(run, "turns")
    verdicts = runs.read_table(run, "items")
    texts = parse_rubric(receipt["rubric"]["content"], str(run / runs.RECEIPT)).texts()
    scored_agents, agent_notes = agents.score_agents(contacts)
    associations, association_notes = outcomes.associate(contacts, verdicts)
    return Findings(
        run=receipt,
        agents=scored_agents,
        agent_notes=agent_notes,
        items=items.item_rates(verdicts, texts),
        associations=associations,
        association_notes=association_notes,
        kpis=kpis.kpis(contacts, _csat_scale(receipt, csat_scale)),
        journey=journey.journey(turns, contacts),
        moments=coaching.moments(contacts, turns, verdicts, texts),
    )


def write_report(
    run: Path, surveys: Surveys | None = None, csat_scale: Scale | None = None, command: str = ""
) -> tuple[Findings, Path]:
    """Gather the findings of a run, write them into its `report/` folder, and return them with the page's path.

    Survey rows that were refused are listed in `report/rejects.jsonl`; `command` is what was typed, for the page.
    """
    findings = gather(run, surveys, csat_scale)
    if command:
        findings = replace(findings, run={**findings.run, "report_command": command})
    if surveys is not None:
        runs.write_rejects(run / "report", surveys.rejects)
    return findings, report.write(findings, run / "report")


def _join(contacts: pa.Table, surveys: Surveys, receipt: Mapping[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
    """Put the answers into the outcome columns, and what became of them into the receipt that the report shows."""
    ids = contacts.column("contact_id").to_pylist()
    answers = [surveys.answers.get(contact_id) for contact_id in ids]
    for outcome in OUTCOMES:
        values = [getattr(answer, outcome) if answer else None for answer in answers]
        place = contacts.schema.get_field_index(outcome)
        contacts = contacts.set_column(place, runs.CONTACTS.field(outcome), pa.array(values, pa.float64()))
    matched = sum(answer is not None for answer in answers)
    return contacts, {**receipt, "surveys": surveys.facts(matched)}


def _csat_scale(receipt: Mapping[str, Any], declared: Scale | None) -> tuple[float, float] | None:
    if declared is not None:
        return declared.low, declared.high
    scale = (receipt.get("surveys") or {}).get("csat_scale") or receipt["settings"].get("csat_scale")
    return (float(scale[0]), float(scale[1])) if scale else None
