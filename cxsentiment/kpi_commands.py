"""`cxsentiment kpis RUN`. Imports of weight are inside the command."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.arguments import CsvFolder, Json, ParquetFolder, RunFolder
from cxsentiment.errors import ExitCode
from cxsentiment.join_options import AS_TYPED, DATES, LOGS, SCALES, JoinOptions, joined_by

Shifts = Annotated[
    str | None,
    typer.Option(metavar="NAME=FROM-TO,…", help="Shifts by the wall clock of --timezone: day=08-16,night=22-06."),
]


@joined_by(("surveys", *SCALES, *DATES, *LOGS, "map_"))
def kpis(
    run: RunFolder,
    targets: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Targets (YAML): attainment and a balanced scorecard.")
    ] = None,
    customers: Annotated[
        str | None, typer.Option(metavar="FILE", help="Customers: customer_id, from, to, margin or clv.")
    ] = None,
    by: Annotated[
        list[str], typer.Option(metavar="WAY", help="agent, campaign, channel, queue, shift, site or week; repeatable.")
    ] = [],  # noqa: B006
    period: Annotated[
        str | None, typer.Option(metavar="FIRST..LAST", help="Days over which customers stay or leave.")
    ] = None,
    discount: Annotated[
        float | None, typer.Option(metavar="RATE", min=0.0, help="Discount rate per period, for lifetime value.")
    ] = None,
    answer_within: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.0, help="Answered within this counts for service level.")
    ] = None,
    short_abandon: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0.0, help="Abandoned up to this does not count as offered.")
    ] = None,
    window: Annotated[
        float, typer.Option(metavar="DAYS", min=0.1, help="First-contact resolution: no contact in …")
    ] = 7,
    resolve_within: Annotated[
        float | None, typer.Option(metavar="HOURS", min=0.01, help="Resolved within this counts for its service level.")
    ] = None,
    any_queue: Annotated[
        bool, typer.Option("--any-queue", help="A contact in another queue counts as coming back too.")
    ] = False,
    price_per_core_hour: Annotated[float | None, typer.Option(metavar="PRICE", min=0.0, help="For the cost.")] = None,
    price_per_manual_evaluation: Annotated[
        float | None, typer.Option(metavar="PRICE", min=0.0, help="What a person's evaluation costs, for the return.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day whose targets count; else the last contact's.")
    ] = None,
    handle_from_transcripts: Annotated[
        bool,
        typer.Option(
            "--handle-from-transcripts",
            help="Where the log has no handle time: length of the transcript + after-call work.",
        ),
    ] = False,
    shifts: Shifts = None,
    beside: JoinOptions = AS_TYPED,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """Print the indicators of a run with their intervals, by slices, and against targets; what lacks says so."""
    from cxsentiment import kpi_terminal as terminal
    from cxsentiment.ingest.options import parse_map
    from cxsentiment.kpis.cost import Prices
    from cxsentiment.kpis.customers import read_customers
    from cxsentiment.kpis.handling import QueueRules
    from cxsentiment.kpis.indicators import Rules
    from cxsentiment.measurement import measure
    from cxsentiment.slices import read_shifts
    from cxsentiment.starts import period as read_period

    table = None
    if customers is not None:
        table = read_customers(customers, order=beside.date_order, zone=beside.timezone, columns=parse_map(beside.map_))
    rules = Rules(
        queues=QueueRules(answer_within, short_abandon),
        prices=Prices(price_per_core_hour, price_per_manual_evaluation),
        window_days=window,
        resolve_within_h=resolve_within,
        same_queue=not any_queue,
        customers=table,
        period=read_period(period, "--period") if period else None,
        discount=discount,
        shifts=read_shifts(shifts),
        handle_from_transcripts=handle_from_transcripts,
        zone=beside.timezone,
        date_order=beside.date_order,
    )
    found = measure(run, beside.read(), rules, by=by, targets=targets, as_of=as_of)
    terminal.write(found, csv, parquet)
    terminal.print_measurement(found, as_json=as_json)
    raise typer.Exit(ExitCode.REJECTS if found.rejects else ExitCode.DONE)
