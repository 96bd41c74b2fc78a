"""`cxsentiment report RUN`. Imports of weight are inside the command."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.arguments import (
    Json,
    one_of,
)
from cxsentiment.errors import ExitCode
from cxsentiment.invocation import print_json, rejected_beside, typed
from cxsentiment.join_options import AS_TYPED, EVERY, JoinOptions, joined_by
from cxsentiment.kpi_commands import Shifts


@joined_by(EVERY)
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")],
    beside: JoinOptions = AS_TYPED,
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
    from cxsentiment.slices import read_shifts

    joins = beside.read()
    surveys, log = bool(beside.surveys), bool(beside.log)
    formats = [one_of("--format", name, made.FORMATS) for name in format_] or made.DEFAULT
    asked = Asked(targets, read_shifts(shifts), beside.timezone, beside.date_order, formats, client)
    findings, page = write_report(run, joins, typed(), asked)
    if as_json:
        from cxsentiment.figures import document

        print_json({**document(findings), "page": str(page)})
    else:
        if surveys or log:
            terminal.print_joined(findings.run, page.with_name("rejects.jsonl"), surveys=surveys, log=log)
        terminal.print_findings(findings, page)
    rejected = rejected_beside({"surveys": surveys and findings.run["surveys"], "log": log and findings.run["log"]})
    raise typer.Exit(ExitCode.REJECTS if rejected else ExitCode.DONE)
