"""What `cxsentiment consistency` prints and writes: tables for a person, JSON, CSV, Parquet and SVG."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from cxsentiment.consistency.contrasts import Change, Difference, counted
from cxsentiment.consistency.monitoring import Monitor
from cxsentiment.figures import Tables, rows_of, write_all
from cxsentiment.runs import write_atomically
from cxsentiment.schema import Estimate
from cxsentiment.screens import grid, interval, number, print_notes, screen
from cxsentiment.stats.estimates import missing
from cxsentiment.steadiness import Steadiness, drawings

_CHANGES_SHOWN, _ITEMS_SHOWN, _ALARMS_SHOWN = 30, 12, 4


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One point of one chart: `estimate` is its value, with the chart's limits as low and high."""

    chart: str
    period: str | None
    unit: str
    centre: float | None
    estimate: Estimate
    outside: bool | None


def tables(found: Steadiness) -> Tables:
    """Every table by the name of its file."""
    return {
        "differences": (Difference, found.differences),
        "changes": (Change, found.changes),
        "charts": (ChartPoint, [row for one in found.monitors for row in _points(one)]),
    }


def write(found: Steadiness, csv: Path | None, parquet: Path | None, charts: Path | None, margin: float) -> None:
    """Write the tables and drawings into the folders given. Raises RunError where one cannot be written."""
    write_all(tables(found), found.rejects, csv, parquet)
    if charts is not None:
        for name, svg in drawings(found, margin).items():
            write_atomically(charts / name.replace("/", "-"), svg.encode("utf-8", "replace"))


def print_steadiness(found: Steadiness, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        document: dict[str, Any] = {name: rows_of(rows) for name, (_, rows) in tables(found).items()}
        document |= {"notes": list(found.notes), "rejects": [asdict(reject) for reject in found.rejects]}
        print(json.dumps(document, ensure_ascii=False, indent=2))  # noqa: T201
        return
    console = screen()
    _print_differences(console, found.differences)
    _print_changes(console, found.changes)
    _print_charts(console, found.monitors)
    print_notes(console, found.notes)
    for reject in found.rejects[:5]:
        console.print(f"[yellow]refused:[/] {escape(reject.message)}")


def _print_differences(console: Console, rows: Sequence[Difference]) -> None:
    sides = ("mean", "right"), ("others", "right"), ("difference", "right"), ("95% interval", "right")
    table = grid(
        "Score of each group against all other contacts, adjusted for case mix",
        [("", "left"), ("group", "left"), ("n", "right"), *sides, ("verdict", "left")],
    )
    lacking = []
    for one in rows:
        if one.measure != "score":
            continue
        if not one.group:
            lacking.append(f"{one.factor}: {one.estimate.reason}")
            continue
        table.add_row(
            one.factor,
            escape(one.group),
            f"{one.contacts:,}",
            number(one.mean.value),
            number(one.others.value),
            number(one.estimate.value),
            interval(one.estimate),
            _said(one.verdict, one.estimate),
        )
    console.print(table)
    print_notes(console, lacking)
    items = [one for one in rows if one.measure != "score"]
    if not items:
        return
    counts = counted(one.verdict for one in items)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    console.print(f"\nItems by group: {said} (margin {items[0].margin:g} points)")
    different = sorted(
        (one for one in items if one.verdict == "different"), key=lambda one: -abs(one.estimate.value or 0)
    )
    for one in different[:_ITEMS_SHOWN]:
        name = one.measure.removeprefix("item:")
        where = f"{escape(name)}, {one.factor} {escape(one.group)}"
        console.print(f"  {where}: {number(one.estimate.value)} points {interval(one.estimate)}")
    if len(different) > _ITEMS_SHOWN:
        console.print(f"  {len(different) - _ITEMS_SHOWN} more: --csv, --parquet or --json has all")


def _print_changes(console: Console, rows: Sequence[Change]) -> None:
    if not rows:
        return
    sides = ("before", "right"), ("after", "right"), ("change", "right"), ("95% interval", "right")
    title = "\nSince the baseline, " + ("agents against themselves" if rows[0].paired else "periods as they are")
    table = grid(title, [("", "left"), *sides, ("verdict", "left")])
    for one in rows[:_CHANGES_SHOWN]:
        table.add_row(
            escape(one.measure.removeprefix("item:")),
            number(one.before.value),
            number(one.after.value),
            number(one.estimate.value),
            interval(one.estimate),
            _said(one.verdict, one.estimate),
        )
    console.print(table)


def _print_charts(console: Console, rows: Sequence[Monitor]) -> None:
    table = grid("\nCharts", [("", "left"), ("points", "right"), ("outside", "left")])
    for one in rows:
        alarms = one.alarms
        said = ", ".join(alarms[:_ALARMS_SHOWN]) + (
            f" and {len(alarms) - _ALARMS_SHOWN} more" if len(alarms) > _ALARMS_SHOWN else ""
        )
        table.add_row(escape(one.title), str(len(one.periods)), escape(one.reason or said or "none"))
    console.print(table)


def _said(verdict: str, estimate: Estimate) -> str:
    return verdict if estimate.low is not None else f"{verdict}: {escape(estimate.reason or '')}"


def _points(one: Monitor) -> list[ChartPoint]:
    """A row a period: its value, and as low and high the chart's limits; one row that says why there is no chart."""
    if one.reason is not None:
        return [ChartPoint(one.name, None, one.unit, None, missing(one.reason, one.method), None)]
    chart, method = one.chart, f"{one.method}; low and high are its limits"
    return [
        ChartPoint(
            one.name,
            period,
            one.unit,
            chart.centre,
            Estimate(float(chart.value[k]), float(chart.low[k]), float(chart.high[k]), int(one.n[k]), method),
            bool(chart.outside[k]),
        )
        for k, period in enumerate(one.periods)
    ]
