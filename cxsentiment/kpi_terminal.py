"""What `cxsentiment kpis` prints and writes: tables for a person, JSON, CSV or Parquet for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from cxsentiment.figures import Tables, rows_of, write_all
from cxsentiment.kpis.attainment import Attained, Perspective
from cxsentiment.kpis.indicators import Row
from cxsentiment.measurement import Measurement
from cxsentiment.schema import Estimate
from cxsentiment.screens import grid, interval, number, print_notes, screen

_SLICES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator of the whole run."""

    kpi: str
    name: str
    unit: str
    estimate: Estimate
    definition: str


@dataclass(frozen=True, slots=True)
class SliceIndicator:
    """One indicator of one slice (`slice`) of a way to part the contacts (`by`)."""

    by: str
    slice: str
    kpi: str
    name: str
    unit: str
    estimate: Estimate
    definition: str


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target: what was declared, what was `measured`, and as `estimate` how far it is attained (0 to 1.2)."""

    kpi: str
    name: str
    unit: str
    target: float
    floor: float
    direction: str
    owner: str | None
    valid_from: str | None
    perspective: str
    weight: float
    measured: Estimate
    standing: str | None
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class PerspectiveRow:
    """Attainment of one perspective, or of the composite."""

    perspective: str
    weight: float | None
    estimate: Estimate


def tables(found: Measurement) -> Tables:
    """Every table of a measurement by the name of its file."""
    rows = found.indicators.rows
    whole = [Indicator(row.kpi, row.name, row.unit, row.estimate, row.definition) for row in rows if not row.by]
    parted = [
        SliceIndicator(row.by, row.slice, row.kpi, row.name, row.unit, row.estimate, row.definition)
        for row in rows
        if row.by
    ]
    result: dict[str, tuple[type[Any], Any]] = {"kpis": (Indicator, whole), "slices": (SliceIndicator, parted)}
    if found.balance is not None:
        perspectives = [PerspectiveRow(one.name, one.weight, one.estimate) for one in found.balance.perspectives]
        result["targets"] = (TargetRow, [_target(one) for one in found.balance.targets])
        result["scorecard"] = (PerspectiveRow, perspectives)
    return result


def write(found: Measurement, csv: Path | None, parquet: Path | None) -> None:
    """Write the tables, and the rows refused, into the folders given. Raises RunError where one cannot be written."""
    write_all(tables(found), found.rejects, csv, parquet)


def print_measurement(found: Measurement, *, as_json: bool) -> None:
    """Print it."""
    notes = [*found.indicators.notes, *(found.balance.notes if found.balance else ())]
    if as_json:
        document: dict[str, Any] = {name: rows_of(rows) for name, (_, rows) in tables(found).items()}
        document |= {"notes": notes, "rejects": [asdict(reject) for reject in found.rejects]}
        print(json.dumps(document, ensure_ascii=False, indent=2))  # noqa: T201
        return
    console = screen()
    _print_indicators(console, [row for row in found.indicators.rows if not row.by])
    _print_slices(console, [row for row in found.indicators.rows if row.by])
    if found.balance is not None:
        _print_balance(console, found.balance.targets, found.balance.perspectives)
    print_notes(console, notes)
    for reject in found.rejects[:5]:
        console.print(f"[yellow]refused:[/] {escape(reject.message)}")
    if len(found.rejects) > 5:
        console.print(f"{len(found.rejects) - 5} more rows refused; --csv or --json lists them")


def _print_indicators(console: Console, rows: Sequence[Row]) -> None:
    known = [row for row in rows if row.estimate.value is not None]
    left = ("indicator", "left"), ("", "left"), ("value", "right"), ("95% interval", "right"), ("n", "right")
    table = grid("Indicators", [*left, ("", "left")])
    for row in known:
        one = row.estimate
        table.add_row(
            escape(row.name), row.unit, number(one.value), interval(one), f"{one.n:,}", escape(one.reason or "")
        )
    if known:
        console.print(table)
    lacking: dict[str, list[str]] = {}
    for row in rows:
        if row.estimate.value is None:
            lacking.setdefault(row.estimate.reason or "", []).append(row.name)
    if lacking:
        console.print("\n[bold]Not known[/]")
    for reason, names in lacking.items():
        console.print(f"  {escape(', '.join(names))}: {escape(reason)}")


def _print_slices(console: Console, rows: Sequence[Row]) -> None:
    """One table an indicator and way; those without any value are left out."""
    for way in dict.fromkeys(row.by for row in rows):
        for kpi in dict.fromkeys(row.kpi for row in rows if row.by == way):
            own = [row for row in rows if row.by == way and row.kpi == kpi and row.estimate.value is not None]
            if not own:
                continue
            table = grid(
                f"\n{escape(own[0].name)} ({own[0].unit}) by {way}",
                [(way, "left"), ("value", "right"), ("95% interval", "right"), ("n", "right")],
            )
            for row in own[:_SLICES_SHOWN]:
                table.add_row(
                    escape(row.slice), number(row.estimate.value), interval(row.estimate), f"{row.estimate.n:,}"
                )
            console.print(table)
            without: dict[str, list[str]] = {}
            for row in own[:_SLICES_SHOWN]:
                if row.estimate.low is None and row.estimate.reason:
                    without.setdefault(row.estimate.reason, []).append(row.slice)
            for reason, names in without.items():
                console.print(f"  {escape(', '.join(names))}: {escape(reason)}")
            if len(own) > _SLICES_SHOWN:
                console.print(f"  {len(own) - _SLICES_SHOWN} more: --csv, --parquet or --json has all")


def _print_balance(console: Console, targets: Sequence[Attained], perspectives: Sequence[Perspective]) -> None:
    sides = ("value", "right"), ("target", "right"), ("attained", "right"), ("95% interval", "right")
    table = grid("\nTargets", [("indicator", "left"), *sides, ("standing", "left"), ("owner", "left")])
    for one in targets:
        table.add_row(
            escape(one.name),
            number(one.measured.value),
            number(one.goal.target),
            number(one.estimate.value),
            interval(one.estimate),
            one.standing or escape(one.estimate.reason or ""),
            escape(one.goal.owner or ""),
        )
    console.print(table)
    table = grid("\nBalanced scorecard (1 is every target reached)", [("", "left"), *sides[2:], ("", "left")])
    for part in perspectives:
        why = escape(part.estimate.reason or "")
        table.add_row(part.name, number(part.estimate.value), interval(part.estimate), why)
    console.print(table)


def _target(one: Attained) -> TargetRow:
    goal = one.goal
    since = goal.valid_from.isoformat() if goal.valid_from else None
    return TargetRow(
        one.kpi, one.name, one.unit, goal.target, goal.floor, goal.direction, goal.owner, since, goal.perspective,
        goal.weight, one.measured, one.standing, one.estimate,
    )  # fmt: skip
