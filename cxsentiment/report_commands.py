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
from cxsentiment.statistics_commands import LabelFile, labels_given


@joined_by(EVERY)
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")],
    beside: JoinOptions = AS_TYPED,
    targets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Targets (YAML): attainment and a balanced scorecard.")
    ] = None,
    shifts: Shifts = None,
    labels: LabelFile = None,
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
    formats = [one_of("--format", name, made.FORMATS) for name in format_] or made.DEFAULT
    people = labels_given(run, labels)
    asked = Asked(targets, read_shifts(shifts), beside.timezone, beside.date_order, formats, client, people)
    findings, page = write_report(run, joins, typed(), asked)
    given = {"surveys": bool(beside.surveys), "log": bool(beside.log), "labels": people is not None}
    told = {name: findings.run[name] for name, yes in given.items() if yes}
    if as_json:
        from cxsentiment.figures import document

        print_json({**document(findings), "page": str(page)})
    else:
        if told:
            terminal.print_joined(told, page.with_name("rejects.jsonl"))
        terminal.print_findings(findings, page)
    raise typer.Exit(ExitCode.REJECTS if rejected_beside(told) else ExitCode.DONE)
