"""`cxsentiment agents`, `rates` and `associations`. Imports are inside the commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cxsentiment.arguments import CsvFolder, Json, ParquetFolder, RunFolder
from cxsentiment.errors import ExitCode
from cxsentiment.join_options import AS_TYPED, DATES, MATCHING, SCALES, JoinOptions, joined_by

if TYPE_CHECKING:
    from cxsentiment.analysis import Analysis
    from cxsentiment.labels import Labels

app = typer.Typer()

LabelFile = Annotated[
    str | None,
    typer.Option("--labels", metavar="FILE", help="Human labels: a file, or the store of `cxsentiment labels import`."),
]
Granularity = Literal["agent", "section", "item", "critical"]


@app.command()
def agents(
    run: RunFolder,
    labels: LabelFile = None,
    target: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Hold agents against this (0-100); else against their mean.")
    ] = None,
    level: Annotated[
        Granularity, typer.Option(help="Whole scores, or those of each section, item or class of critical errors.")
    ] = "agent",
    unreliable: Annotated[
        bool, typer.Option("--unreliable", help="Show numbers of a reliability below .5 too, which tell of chance.")
    ] = False,
    ranks: Annotated[
        bool, typer.Option("--ranks", help="Expected ranks with their intervals too, which are most of the table.")
    ] = False,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """Agents with intervals, reliability and tiers: calibrated by human labels where given; never a league table."""
    from cxsentiment import statistics_terminal as terminal
    from cxsentiment.analysis import analyse_agents

    found = analyse_agents(run, labels_given(run, labels), level, target, unreliable=unreliable, ranks=ranks)
    _write(found, csv, parquet)
    terminal.print_agents(found, as_json=as_json)
    raise typer.Exit(ExitCode.REJECTS if found.rejects else ExitCode.DONE)


@app.command()
def rates(
    run: RunFolder,
    labels: LabelFile = None,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """How often items are met and critical errors happen, by campaign, with the method of every figure."""
    from cxsentiment import statistics_terminal as terminal
    from cxsentiment.analysis import analyse_rates

    found = analyse_rates(run, labels_given(run, labels))
    _write(found, csv, parquet)
    terminal.print_rates(found, as_json=as_json)
    raise typer.Exit(ExitCode.REJECTS if found.rejects else ExitCode.DONE)


@app.command()
@joined_by(("surveys", *SCALES, *MATCHING, *DATES, "map_"))
def associations(
    run: RunFolder,
    labels: LabelFile = None,
    beside: JoinOptions = AS_TYPED,
    any_dependence: Annotated[
        bool, typer.Option("--any-dependence", help="Allow for many comparisons by Benjamini-Yekutieli: stricter.")
    ] = False,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """Scores and items against CSAT, NPS and CES; who answers; drivers; and predicted CSAT where answers allow it."""
    from cxsentiment import statistics_terminal as terminal
    from cxsentiment.analysis import analyse_associations

    correction: Literal["bh", "by"] = "by" if any_dependence else "bh"
    found = analyse_associations(run, beside.read(), labels_given(run, labels), correction)
    _write(found, csv, parquet)
    terminal.print_associations(found, as_json=as_json)
    raise typer.Exit(ExitCode.REJECTS if found.rejects else ExitCode.DONE)


def labels_given(run: Path, place: str | None) -> "Labels | None":
    """The labels of --labels, by the scorecard of the run; None where none are given. Raises UsageError, StoreError."""
    from cxsentiment.labels import card_of, labels_in
    from cxsentiment.runs import require_complete

    return None if place is None else labels_in(place, card_of(require_complete(run)))


def _write(found: "Analysis", csv: Path | None, parquet: Path | None) -> None:
    from cxsentiment.figures import write_all

    write_all(found.tables, found.rejects, csv, parquet)
