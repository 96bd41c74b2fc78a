"""`cxsentiment report RUN`. Imports of weight are inside the command."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.arguments import (
    CesDirection,
    CesScale,
    CsatMap,
    CsatScale,
    DateOrderOption,
    Json,
    Keep,
    LogFiles,
    LogTimeUnit,
    Map,
    MatchBy,
    MatchWindow,
    SurveyFiles,
    Timezone,
    one_of,
)
from cxsentiment.errors import ExitCode
from cxsentiment.invocation import print_json, rejected_beside, typed
from cxsentiment.kpi_commands import Shifts


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")],
    surveys: SurveyFiles = [],  # noqa: B006
    csat_scale: CsatScale = None,
    csat_map: CsatMap = [],  # noqa: B006
    ces_scale: CesScale = None,
    ces_direction: CesDirection = None,
    match: MatchBy = "id",
    match_window: MatchWindow = "72h",
    keep: Keep = "last",
    date_order: DateOrderOption = None,
    timezone: Timezone = None,
    log: LogFiles = [],  # noqa: B006
    log_time_unit: LogTimeUnit = "s",
    map_: Map = [],  # noqa: B006
    targets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Targets (YAML): attainment and a balanced scorecard.")
    ] = None,
    shifts: Shifts = None,
    format_: Annotated[
        list[str],
        typer.Option(
            "--format", metavar="NAME", help="html, pdf, xlsx, csv or json; repeatable; html and csv otherwise."
        ),
    ] = [],  # noqa: B006
    client: Annotated[
        bool, typer.Option("--client", help="Also write client.html: without agents, quotes and customers.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write RUN/report (HTML page and CSVs) and print the main tables. Surveys or a log given here replace its own."""
    from cxsentiment import report as made
    from cxsentiment import terminal
    from cxsentiment.findings import Asked, write_report
    from cxsentiment.ingest.joins import read_joins
    from cxsentiment.slices import read_shifts

    joins = read_joins(
        surveys=surveys,
        csat_scale=csat_scale,
        csat_map=csat_map,
        ces_scale=ces_scale,
        ces_direction=ces_direction,
        match=match,
        match_window=match_window,
        keep=keep,
        date_order=date_order,
        timezone=timezone,
        log=log,
        log_time_unit=log_time_unit,
        map_=map_,
    )
    formats = [one_of("--format", name, made.FORMATS) for name in format_] or made.DEFAULT
    asked = Asked(targets, read_shifts(shifts), timezone, date_order, formats, client)
    findings, page = write_report(run, joins, typed(), asked)
    if as_json:
        from dataclasses import asdict

        print_json({**asdict(findings), "page": str(page)})
    else:
        if surveys or log:
            terminal.print_joined(findings.run, page.with_name("rejects.jsonl"), surveys=bool(surveys), log=bool(log))
        terminal.print_findings(findings, page)
    rejected = rejected_beside({"surveys": surveys and findings.run["surveys"], "log": log and findings.run["log"]})
    raise typer.Exit(ExitCode.REJECTS if rejected else ExitCode.DONE)
