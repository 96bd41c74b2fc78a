"""`cxsentiment coach RUN --out FOLDER`. Imports of weight are inside the command."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.amounts import counted
from cxsentiment.arguments import DateOrderOption, Json, Timezone
from cxsentiment.errors import ExitCode
from cxsentiment.invocation import print_json

_REFUSED_SHOWN = 5


def coach(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where the pages are written.")],
    agent: Annotated[list[str], typer.Option(metavar="ID", help="Only this agent's pack; repeatable.")] = [],  # noqa: B006
    week: Annotated[
        str | None,
        typer.Option(
            metavar="WEEK", help="ISO week, such as 2026-W07, or all; the last one with enough contacts otherwise."
        ),
    ] = None,
    campaign: Annotated[str | None, typer.Option(metavar="NAME", help="Only contacts of this campaign.")] = None,
    coached: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Who was coached: agent_id, skill (an item, or score), date; before and after."
        ),
    ] = None,
    teams: Annotated[
        str | None, typer.Option(metavar="FILE", help="Which team an agent is in: agent_id, team; a pack of each.")
    ] = None,
    date_order: DateOrderOption = None,
    timezone: Timezone = None,
    as_json: Json = False,
) -> None:
    """Write a coaching pack of each agent's week, and of each team: strengths, focus areas, moments, trend."""
    from cxsentiment.pack_files import earlier_pages, write
    from cxsentiment.packs import Wanted, gather

    wanted = Wanted(agent, week, campaign, coached, teams, timezone, date_order)
    packs = gather(run, wanted)
    page = write(packs, out, alone=bool(agent))
    if as_json:
        from cxsentiment.figures import document

        print_json({**document(packs), "page": str(page)})
    else:
        for note in packs.notes:
            typer.echo(note)
        for reject in packs.rejects[:_REFUSED_SHOWN]:
            typer.echo(f"refused: {reject.message}", err=True)
        if packs.rejects:
            typer.echo(f"all {len(packs.rejects)} refused rows: {out / 'rejects.jsonl'}", err=True)
        of = packs.agents if agent else (packs.team,)
        held, count = counted(sum(pack.contacts for pack in of), "contact"), counted(len(packs.agents), "agent")
        typer.echo(f"week {packs.week}: {held}, packs of {count}: {page}")
        if earlier := earlier_pages(page):
            shown = ", ".join(earlier[:_REFUSED_SHOWN]) + (" …" if len(earlier) > _REFUSED_SHOWN else "")
            typer.echo(
                f"{out} still holds pages of earlier packs, which this index does not lead to: {shown}", err=True
            )
    raise typer.Exit(ExitCode.REJECTS if packs.rejects else ExitCode.DONE)
