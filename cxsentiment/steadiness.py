"""A finished run → how steadily it serves: groups compared, charts over time, before and after, all with verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cxsentiment import runs
from cxsentiment.amounts import counted
from cxsentiment.answers import Joined, joined
from cxsentiment.charts import control_chart, differences_chart
from cxsentiment.consistency.contrasts import Change, Difference, changes, differences, judged_together
from cxsentiment.consistency.labels import beside
from cxsentiment.consistency.measures import factors, measures
from cxsentiment.consistency.monitoring import (
    Monitor,
    Per,
    drift_monitors,
    monitors,
    periods,
    probability_monitors,
    reading,
)
from cxsentiment.errors import UsageError
from cxsentiment.ingest.joins import Joins
from cxsentiment.labels import Labels, card_of, labels_in
from cxsentiment.schema import FALSE_DISCOVERY_RATE, Estimate, Reject
from cxsentiment.slices import Shift, all_contacts
from cxsentiment.starts import Starts, in_future, starts, within
from cxsentiment.stats.equivalence import MARGIN


@dataclass(frozen=True, slots=True)
class Plan:
    """What is declared: shifts and peak hours by the wall clock of `zone`, the baseline period (first and last day),
    the margin of equivalence in points of 100, what passes (0-100), the period of charts, people's labels and the item
    whose labels count (None: all). Without `items` only the score is compared and charted, not each item.
    """

    shifts: Sequence[Shift] = ()
    peak: Sequence[int] | None = None
    baseline: tuple[str, str] | None = None
    margin: float = MARGIN
    pass_mark: float | None = None
    per: Per = "week"
    labels: str | None = None
    item: str | None = None
    zone: str | None = None
    date_order: str | None = None
    items: bool = True


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Differences between groups, changes since the baseline (none without one), charts, notes and rows refused."""

    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]
    monitors: tuple[Monitor, ...]
    notes: tuple[str, ...]
    rejects: tuple[Reject, ...]


def steadiness(run: Path, joins: Joins, plan: Plan) -> Steadiness:
    """Everything `cxsentiment consistency` says.

    Raises:
        RunError: for a folder that is no finished run.
        UsageError: for options that cannot be used.
    """
    return steadiness_of(
        joined(run, joins), runs.read_table(run, "items", ("contact_id", "item", "verdict", "p_met")), plan
    )


def steadiness_of(tables: Joined, verdicts: pa.Table, plan: Plan) -> Steadiness:
    """The same from tables in memory; `verdicts` needs contact_id, item, verdict, p_met. Raises UsageError."""
    receipt, contacts, log, rejects = tables.receipt, tables.contacts, tables.log, list(tables.rejects)
    zone = plan.zone or receipt["settings"].get("timezone")
    if (plan.shifts or plan.peak is not None) and zone is None:
        option = "--shifts" if plan.shifts else "--peak"
        raise UsageError(option, "needs the zone of its clock", do="Say --timezone, such as Europe/Berlin")
    every = starts(all_contacts(contacts, log)["started_at"], zone, plan.date_order)
    times = starts(contacts["started_at"], zone, plan.date_order)
    notes = list(times.notes())
    times = _without_future(times, receipt, zone, notes)
    values = measures(contacts, verdicts if plan.items else verdicts.slice(0, 0))
    parts = factors(contacts, times, every.hour, plan.shifts, plan.peak)
    notes += [factor.note for factor in parts if factor.note]
    found = differences(contacts, parts, values, margin=plan.margin)
    split = periods(times, plan.per)
    first = _baseline_periods(times, split.of, plan.baseline)
    charts = monitors(values, split, plan.per, pass_mark=plan.pass_mark, baseline=first)
    charts += probability_monitors(verdicts, contacts, split, plan.per, first)
    if plan.labels is not None:
        labels = labels_in(plan.labels, card_of(receipt), weighted=False)
        paired = beside(labels.table, contacts, verdicts, None if plan.item is None else [plan.item])
        residuals, warned = drift_monitors(paired, split, plan.per, first)
        notes += [*labels.notes, *paired.notes, *warned, reading(charts[1], residuals)]
        rejects += [*labels.rejects, *(_unknown(labels, place) for place in paired.unknown)]
        charts += residuals
    changed = _changes(contacts, values, times, plan, notes) if plan.baseline else []
    parted, since = judged_together(found, changed)
    if tested := sum(p is not None for p in (*(one.p for one in parted), *(one.p for one in since))):
        notes.append(
            f"{tested} differences were judged; different is what stays so when all of them are allowed for "
            f"(Benjamini-Hochberg, false discovery rate {FALSE_DISCOVERY_RATE:.0%})"
        )
    return Steadiness(parted, since, tuple(charts), tuple(notes), tuple(rejects))


def _unknown(labels: Labels, place: int) -> Reject:
    contact = labels.table["contact_id"][place].as_py()
    return Reject(labels.source, labels.record(place), contact, "unknown_contact", "the run has no contact of this id")


def drawings(found: Steadiness, margin: float) -> dict[str, str]:
    """SVG by file name: the score's differences, each chart, and the changes since the baseline."""
    made: dict[str, str | None] = {}
    scores = [one for one in found.differences if one.measure == "score" and one.group]
    rows: list[tuple[str, str, Estimate]] = [
        (one.group if one.factor == "peak" else f"{one.factor} {one.group}", one.verdict, one.estimate)
        for one in scores
    ]
    unit = "difference in points, with 95% interval"
    title = "Score of each group less that of all other contacts"
    made["differences"] = differences_chart("differences", title, rows, margin, unit)
    changed = [(one.measure.removeprefix("item:"), one.verdict, one.estimate) for one in found.changes]
    title = "Change since the baseline period"
    made["changes"] = differences_chart("changes", title, changed, margin, unit)
    for one in found.monitors:
        limits = list(zip(one.chart.low.tolist(), one.chart.high.tolist(), strict=True))
        name = "chart-" + one.name.replace("item:", "item-")
        outside = one.chart.outside.tolist()
        made[name] = control_chart(
            name, one.title, one.periods, one.chart.value.tolist(), limits, outside, f"{one.unit}"
        ) if one.reason is None else None  # fmt: skip
    return {f"{name}.svg": svg for name, svg in made.items() if svg is not None}


def _changes(contacts: pa.Table, values: Sequence[Any], times: Starts, plan: Plan, notes: list[str]) -> list[Change]:
    assert plan.baseline is not None
    first, last = plan.baseline
    before = within(times, first, last)
    after = within(times, last, "9999-12-31") & ~before
    left_out = int(np.sum(~before & ~after))
    notes.append(
        f"baseline {first} to {last}: {counted(int(before.sum()), 'contact')} in it, {int(after.sum())} after it"
    )
    if left_out:
        notes.append(f"{left_out} contacts before the baseline, or without a start, are in neither")
    return changes(contacts, values, before, after, margin=plan.margin)


def _without_future(times: Starts, receipt: Mapping[str, Any], zone: str | None, notes: list[str]) -> Starts:
    """Starts with those after the run was made left out, for they are mistakes."""
    made = starts(pa.chunked_array([[receipt.get("started_at")]], pa.string()), zone).at[0]
    if np.isnan(made):
        return times
    future = in_future(times, float(made))
    if not future.any():
        return times
    those = counted(int(future.sum()), "contact")
    notes.append(f"{those} with a start in the future, after the run was made: left out of all times")
    at, local = (np.where(future, np.nan, values) for values in (times.at, times.local))
    return Starts(at, local, times.zone, times.absent, times.unread, times.zoneless)


def _baseline_periods(times: Starts, of: Any, baseline: tuple[str, str] | None) -> int | None:
    """How many of the first periods end up in the baseline; None where none was declared."""
    if baseline is None:
        return None
    inside = of[within(times, "0001-01-01", baseline[1]) & (of >= 0)]
    return int(inside.max()) + 1 if inside.size else 0
