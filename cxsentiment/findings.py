"""Stage 2: a run folder → Findings (agents, items, associations, KPIs, journey, coaching moments) → its report."""

from dataclasses import replace
from pathlib import Path

from cxsentiment import agents, items, journey, outcomes, queue, report, runs
from cxsentiment.answers import csat_scale, joined
from cxsentiment.coaching.moments import moments
from cxsentiment.ingest.joins import Joins
from cxsentiment.kpis.overview import kpis
from cxsentiment.rubric.reading import texts_of
from cxsentiment.schema import Findings, Reject


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


def _gather(run: Path, joins: Joins) -> tuple[Findings, list[Reject]]:
    found = joined(run, joins)
    receipt, contacts = found.receipt, found.contacts
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
        kpis=kpis(
            contacts, csat_scale(receipt, joins.scales.csat), found.log, verdicts, receipt["settings"].get("timezone")
        ),
        journey=journey.journey(turns, contacts),
        moments=moments(contacts, turns, verdicts, texts),
        queue=queue.queue(contacts, verdicts, texts),
    )
    return findings, list(found.rejects)
