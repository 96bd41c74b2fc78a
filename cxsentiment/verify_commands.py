"""`cxsentiment verify RUN`. Imports of weight stand inside the command."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.amounts import counted
from cxsentiment.arguments import Json, ModelFolder
from cxsentiment.errors import ExitCode
from cxsentiment.invocation import print_json


def verify(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder; it stays as it is.")],
    rescore: Annotated[
        int, typer.Option(metavar="N", min=0, help="Also score N random contacts again, and compare.")
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Which contacts --rescore draws.")] = 1,
    model: ModelFolder = None,
    as_json: Json = False,
) -> None:
    """Check a run against its receipt: hashes, counts, records; exit code 1 where anything differs."""
    from dataclasses import asdict

    from cxsentiment.verify import verify as check

    found = check(run, model)
    done = True
    if rescore and not found.differences:
        from cxsentiment.samples import rescore_sample

        done = rescore_sample(run, rescore, seed, model, found)
    elif rescore:
        found.not_compared.append("scoring again: only a run without differences is scored again")
    if as_json:
        print_json(asdict(found))
    else:
        for text in found.held:
            typer.echo(f"✓ {text}")
        for text in found.not_compared:
            typer.echo(f"? not compared: {text}")
        for difference in found.differences:
            typer.echo(f"✗ {difference.where}: {difference.what}. {difference.do}")
        count = len(found.differences)
        typer.echo(counted(count, "difference") if count else "the run is what its receipt says")
    raise typer.Exit(ExitCode.FAILURE if found.differences or not done else ExitCode.DONE)
