"""`cxsentiment score`. Imports of weight stand inside the command."""

from typing import Annotated

import typer

from cxsentiment.arguments import (
    CacheFolder,
    DeviceOption,
    EngineName,
    FormatName,
    GuessRoles,
    Inputs,
    Json,
    KeepVendorMarks,
    MaskAlso,
    Master,
    ModelFolder,
    NoMasking,
    PricePerCoreHour,
    PseudonymKey,
    Role,
    RoleFile,
    RubricOption,
    RunOut,
    TimeUnit,
    Workers,
)
from cxsentiment.errors import ExitCode
from cxsentiment.invocation import (
    engine_of,
    interruptible,
    masking_of,
    options_of,
    print_json,
    rejected_beside,
    stopping,
    typed,
)
from cxsentiment.join_options import AS_TYPED, EVERY, JoinOptions, joined_by


@joined_by(EVERY)
def score(
    inputs: Inputs,
    out: RunOut,
    rubric: RubricOption = None,
    model: ModelFolder = None,
    beside: JoinOptions = AS_TYPED,
    role: Role = [],  # noqa: B006
    roles: RoleFile = None,
    guess_roles: GuessRoles = False,
    format_: FormatName = None,
    time_unit: TimeUnit = None,
    mask_also: MaskAlso = [],  # noqa: B006
    no_masking: NoMasking = False,
    keep_vendor_marks: KeepVendorMarks = False,
    pseudonym_key: PseudonymKey = None,
    workers: Workers = 0,
    engine: EngineName = "local",
    master: Master = None,
    cache: CacheFolder = None,
    device: DeviceOption = "cpu",
    price_per_core_hour: PricePerCoreHour = None,
    overwrite: Annotated[bool, typer.Option(help="Replace another run that lies in RUN.")] = False,
    as_json: Json = False,
) -> None:
    """Score transcripts into a run folder. An interrupted run goes on where it stopped when run again."""
    from cxsentiment import score_terminal, terminal
    from cxsentiment.imports import leave_out
    from cxsentiment.model import default_model, device_for
    from cxsentiment.pipeline import Settings, run
    from cxsentiment.receipt import refusals
    from cxsentiment.rubric.reading import find_rubric, read_rubric
    from cxsentiment.screens import as_typed

    if engine == "local":  # Spark's Python has uses for it
        leave_out("pandas")  # pyarrow imports it where it is installed, which takes a third of a small run
    joins = beside.read()
    settings = Settings(
        model=model or default_model(),
        rubric=read_rubric(find_rubric(rubric or "default")),
        options=options_of(
            beside.map_, role, roles, guess_roles, format_, time_unit, beside.date_order, beside.timezone
        ),
        surveys=joins.surveys,
        scales=joins.scales,
        log=joins.log,
        masking=masking_of(mask_also, no_masking, keep_vendor_marks, pseudonym_key),
        workers=workers,
        spark=engine_of(engine, master),
        overwrite=overwrite,
        command=typed(),
        price_per_core_hour=price_per_core_hour,
        cache=cache,
        device=device_for(device, model or default_model()),
    )
    with interruptible(), terminal.progress(quiet=as_json) as show:
        receipt = run(inputs, out, settings, show, stopping)
    if as_json:
        print_json(receipt)
    else:
        terminal.print_run(receipt, out)
        score_terminal.print_spent(receipt)
        if receipt["contacts"]["scored"]:
            typer.echo(f"next: cxsentiment report {as_typed(out)}")
    rejected = refusals(receipt) + rejected_beside(receipt)
    raise typer.Exit(ExitCode.REJECTS if rejected else ExitCode.DONE)
