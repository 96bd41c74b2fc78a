"""`cxsentiment watch FOLDER --out RUN`. Imports of weight stand inside the command."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cxsentiment.amounts import counted
from cxsentiment.arguments import (
    CacheFolder,
    DateOrderOption,
    DeviceOption,
    FormatName,
    GuessRoles,
    KeepVendorMarks,
    Map,
    MaskAlso,
    ModelFolder,
    NoMasking,
    PricePerCoreHour,
    PseudonymKey,
    Role,
    RoleFile,
    RubricOption,
    RunOut,
    TimeUnit,
    Timezone,
    Workers,
)
from cxsentiment.errors import ExitCode
from cxsentiment.invocation import masking_of, options_of, stopping, typed


def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder in which files land.")],
    out: RunOut,
    once: Annotated[bool, typer.Option("--once", help="Score what lies there, and end; for cron.")] = False,
    interval: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="Between two looks.")] = 5.0,
    settle: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.0, help="How long a file must have stayed the same to be read.")
    ] = 2.0,
    rubric: RubricOption = None,
    model: ModelFolder = None,
    date_order: DateOrderOption = None,
    timezone: Timezone = None,
    map_: Map = [],  # noqa: B006
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
    cache: CacheFolder = None,
    device: DeviceOption = "cpu",
    price_per_core_hour: PricePerCoreHour = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for each batch, and nothing where nothing is new.")
    ] = False,
) -> None:
    """Score files as they land in a folder into one run that grows; Ctrl-C or SIGTERM ends it."""
    from cxsentiment.imports import leave_out
    from cxsentiment.model import default_model, device_for
    from cxsentiment.pipeline import Settings
    from cxsentiment.rubric.reading import find_rubric, read_rubric
    from cxsentiment.watch import Rhythm
    from cxsentiment.watch import watch as look

    leave_out("pandas")  # pyarrow imports it where it is installed, and a watch would hold it for ever
    settings = Settings(
        model=model or default_model(),
        rubric=read_rubric(find_rubric(rubric or "default")),
        options=options_of(map_, role, roles, guess_roles, format_, time_unit, date_order, timezone),
        masking=masking_of(mask_also, no_masking, keep_vendor_marks, pseudonym_key),
        workers=workers,
        command=typed(),
        price_per_core_hour=price_per_core_hour,
        cache=cache,
        device=device_for(device, model or default_model()),
    )
    if not once and not as_json:
        _say(f"watching {folder} every {interval:g} s; a file is read when it has not changed for {settle:g} s")
    rejected = 0
    try:
        for receipt in look(
            folder, out, settings, Rhythm(interval, settle), once=once, on_note=_note, on_stop=stopping
        ):
            rejected += receipt["this_batch"]["rejected"]
            _tell(receipt, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("stopped in a batch: it goes on when this is run again", err=True)
        if once:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
    # A service that was told to end has ended well; what it refused was told batch by batch.
    raise typer.Exit(ExitCode.REJECTS if once and rejected else ExitCode.DONE)


def _tell(receipt: dict[str, Any], *, as_json: bool) -> None:
    import json

    batch, contacts = receipt["this_batch"], receipt["contacts"]
    if as_json:
        typer.echo(json.dumps({**batch, "contacts": contacts, "turns": receipt["turns"]}))
        return
    _say(
        f"{counted(batch['files'], 'file')}: {counted(batch['scored'], 'contact')} scored, "
        f"{counted(batch['rejected'], 'record')} rejected, "
        f"{batch['seconds']:.1f} s; in the run {counted(contacts['scored'], 'contact')}, "
        f"{receipt['core_seconds']:,.0f} core-seconds"
        + (f", {receipt['cost']['per_1000_contacts']:.4g} per 1,000 contacts" if receipt["cost"] else "")
    )


def _say(text: str) -> None:
    typer.echo(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {text}")


def _note(text: str) -> None:
    typer.echo(text, err=True)
