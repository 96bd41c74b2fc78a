"""`cxsentiment consistency RUN`. Imports of weight are inside the command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cxsentiment.arguments import CsvFolder, Json, ParquetFolder, RunFolder
from cxsentiment.errors import ExitCode, UsageError
from cxsentiment.join_options import AS_TYPED, DATES, LOGS, JoinOptions, joined_by
from cxsentiment.kpi_commands import Shifts

if TYPE_CHECKING:
    from cxsentiment.consistency.monitoring import Per


@joined_by((*DATES, *LOGS, "map_"))
def consistency(
    run: RunFolder,
    shifts: Shifts = None,
    peak: Annotated[
        str | None, typer.Option(metavar="FROM-TO,…", help="Peak hours, e.g. 09-12,17-20; else the six busiest.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="FIRST..LAST", help="Compare what came after these days with them.")
    ] = None,
    margin: Annotated[
        float, typer.Option(metavar="POINTS", min=0.01, help="Smaller differences than this count as none.")
    ] = 3.0,
    pass_mark: Annotated[
        float | None, typer.Option(metavar="SCORE", min=0, max=100, help="What passes; the median of all otherwise.")
    ] = None,
    per: Annotated[str, typer.Option(metavar="PERIOD", help="A point of a chart is a day or a week.")] = "week",
    labels: Annotated[
        str | None, typer.Option(metavar="FILE", help="People's verdicts: contact_id, item, value, purpose.")
    ] = None,
    item: Annotated[str | None, typer.Option(metavar="ITEM", help="With --labels: those of this item only.")] = None,
    beside: JoinOptions = AS_TYPED,
    charts: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also draw the charts (SVG).")] = None,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """Compare shifts, peak hours, sites, channels and weekdays; chart days or weeks; compare before and after."""
    from cxsentiment import consistency_terminal as terminal
    from cxsentiment.slices import read_hours, read_shifts
    from cxsentiment.starts import period
    from cxsentiment.steadiness import Plan, steadiness

    if per not in ("day", "week"):
        raise UsageError(f"--per {per}", "is no period", allowed="day, week")
    plan = Plan(
        shifts=read_shifts(shifts),
        peak=read_hours(peak),
        baseline=period(baseline, "--baseline") if baseline else None,
        margin=margin,
        pass_mark=pass_mark,
        per=cast("Per", per),
        labels=labels,
        item=item,
        zone=beside.timezone,
        date_order=beside.date_order,
    )
    found = steadiness(run, beside.read(), plan)
    terminal.write(found, csv, parquet, charts, margin)
    terminal.print_steadiness(found, as_json=as_json)
    raise typer.Exit(ExitCode.REJECTS if found.rejects else ExitCode.DONE)
