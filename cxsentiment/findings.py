"""Stage 2: a run folder → Findings (agents, items, associations, KPIs, journey, coaching moments) → its report."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from cxsentiment import agents, items, outcomes, queue, report, runs
from cxsentiment.analysis import label_notes, label_rejects
from cxsentiment.answers import Joined, csat_scale, joined, require_single_ids
from cxsentiment.calibrated import AgentFigure, agent_figures
from cxsentiment.calibration import CalibrationFigure, calibration
from cxsentiment.coaching.moments import moments
from cxsentiment.consistency.contrasts import Difference
from cxsentiment.drivers import DriverFigure, driver_figures
from cxsentiment.errors import RunError
from cxsentiment.figures import Tables
from cxsentiment.gradings import Gradings
from cxsentiment.ingest.joins import Joins
from cxsentiment.journey.valence import journey
from cxsentiment.journey_sections import journey_of, journey_sections
from cxsentiment.kpis.indicators import Rules
from cxsentiment.kpis.overview import kpis
from cxsentiment.labels import Labels
from cxsentiment.measurement import measure
from cxsentiment.mix import case_mix
from cxsentiment.page_schema import Section
from cxsentiment.people_sections import people_section
from cxsentiment.rates import Rate, rates
from cxsentiment.report import Format
from cxsentiment.rubric.reading import parse_rubric, texts_of
from cxsentiment.schema import Findings, Reject
from cxsentiment.sections import agents_section, consistency_section, drivers_section, quality_section, targets_section
from cxsentiment.slices import Shift
from cxsentiment.starts import starts
from cxsentiment.stats.arrays import floats
from cxsentiment.steadiness import Plan, steadiness_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked for beside the run: a targets file, shifts by the wall clock of `zone`, dates' order, the
    formats to write, whether there is a page for a client too, and what people found of contacts.
    """

    targets: Path | None = None
    shifts: Sequence[Shift] = ()
    zone: str | None = None
    date_order: str | None = None
    formats: Sequence[Format] = report.DEFAULT
    client: bool = False
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class Beyond:
    """What the second half of a report says: sections of the page, and the figures behind them by table name; and the
    labels that could not be used.
    """

    sections: tuple[Section, ...]
    tables: Tables
    rejects: tuple[Reject, ...]


def gather(run: Path, joins: Joins | None = None) -> Findings:
    """Everything stage 2 says about a finished run. Raises RunError for a folder that is no finished run.

    Surveys and log of `joins` replace those that the run was scored with; its scales count where the run has none.
    """
    return _gather(run, joined(run, joins or Joins()), joins or Joins())


def write_report(
    run: Path, joins: Joins | None = None, command: str = "", asked: Asked | None = None
) -> tuple[Findings, Path]:
    """Gather the findings of a run, write them into its `report/` folder, and return them with the page's path.

    Rows of surveys, of a log or of labels given here that were refused are listed in `report/rejects.jsonl`; `command`
    is what was typed, for the page. Raises RunError, and leaves no report, where the run changed meanwhile: whoever was
    just erased from it must not stay in a report.
    """
    before = runs.require_complete(run)
    try:
        made = _write(run, joins or Joins(), command, asked or Asked())
    finally:
        if changed := runs.read_receipt(run) != before:
            shutil.rmtree(run / "report", ignore_errors=True)
    if changed:
        what = "the run was added to, or contacts were removed from it, while it was read; the report was taken away"
        raise RunError(str(run), what, do="Make the report again")
    return made


def _write(run: Path, joins: Joins, command: str, asked: Asked) -> tuple[Findings, Path]:
    tables = joined(run, joins)
    findings = _gather(run, tables, joins)
    more = beyond(run, tables, findings, joins, asked)
    if command:
        findings = replace(findings, run={**findings.run, "report_command": command})
    if asked.labels is not None:
        unknown = len(more.rejects) - len(asked.labels.rejects)
        count = {"usable": asked.labels.table.num_rows - unknown, "rejected": len(more.rejects)}
        findings = replace(findings, run={**findings.run, "labels": {"source": asked.labels.source, **count}})
    if joins.surveys is not None or joins.log is not None or asked.labels is not None:
        runs.write_rejects(run / "report", [*tables.rejects, *more.rejects])
    page = report.write(findings, run / "report", more.sections, more.tables, asked.formats, client=asked.client)
    return findings, page


def beyond(run: Path, tables: Joined, findings: Findings, joins: Joins, asked: Asked) -> Beyond:
    """Agents with the same mix, drivers, consistency, and targets and what people found where there are some.

    Raises UsageError, RunError.
    """
    contacts, labels = tables.contacts, asked.labels
    if labels is not None:
        require_single_ids(contacts)
    verdicts = runs.read_table(run, "items", ("contact_id", "item", "verdict", "p_met", "points", "weight"))
    card = parse_rubric(tables.receipt["rubric"]["content"], str(run))
    gradings = Gradings(contacts, verdicts, card, labels)
    mixed = agent_figures(contacts, gradings)
    answered = np.logical_or.reduce([~np.isnan(floats(contacts[name])) for name in outcomes.OUTCOMES])
    some = contacts.filter(pa.array(answered))
    drivers, driver_notes = driver_figures(some, gradings.part(some), case_mix(some))
    plan = Plan(shifts=asked.shifts, zone=asked.zone, date_order=asked.date_order, items=False)
    steady = steadiness_of(tables, verdicts, plan)
    times = starts(contacts["started_at"], asked.zone or tables.receipt["settings"].get("timezone"), asked.date_order)
    course = journey_of(contacts, runs.read_table(run, "turns"), verdicts, times)
    sections = [
        agents_section(mixed.figures, mixed.notes),
        drivers_section(drivers, driver_notes),
        consistency_section(steady, plan.margin),
        *journey_sections(course),
        quality_section(contacts, findings.items),
    ]
    by_people: Tables = {}
    if labels is not None:
        found, notes = rates(contacts, gradings)
        checked = calibration(contacts, gradings)
        sections.append(people_section(found, checked, findings.items, (*label_notes(labels), *notes)))
        by_people = {"rates": (Rate, found), "calibration": (CalibrationFigure, checked)}
    if asked.targets is not None:
        rules = Rules(shifts=asked.shifts, zone=asked.zone, date_order=asked.date_order)
        balance = measure(run, joins, rules, targets=asked.targets).balance
        sections.append(targets_section(balance) if balance else None)
    figures: Tables = {
        "agents_same_mix": (AgentFigure, mixed.figures),
        "drivers": (DriverFigure, drivers),
        "consistency": (Difference, steady.differences),
        **course.tables(),
        **by_people,
    }
    return Beyond(tuple(one for one in sections if one is not None), figures, label_rejects(labels, gradings))


def _gather(run: Path, found: Joined, joins: Joins) -> Findings:
    receipt, contacts = found.receipt, found.contacts
    turns = runs.read_table(run, "turns")
    verdicts = runs.read_table(run, "items")
    texts = texts_of(receipt["rubric"]["content"])
    scored_agents, agent_notes = agents.score_agents(contacts)
    associations, association_notes = outcomes.associate(contacts, verdicts)
    return Findings(
        run=receipt,
        agents=scored_agents,
        agent_notes=agent_notes,
        items=items.item_rates(verdicts, texts),
        associations=associations,
        association_notes=association_notes,
        kpis=kpis(
            contacts, csat_scale(receipt, joins.scales.csat), found.log, verdicts, receipt["settings"].get("timezone")
        ),
        journey=journey(turns, contacts),
        moments=moments(contacts, turns, verdicts, texts),
        queue=queue.queue(contacts, verdicts, texts),
    )
