"""What a person sees of how a run went: speed, processor time, cost, and what had to be done again."""

from collections.abc import Mapping
from typing import Any

import typer


def print_spent(receipt: Mapping[str, Any]) -> None:
    """The cost line, and which files were mended; nothing of a run that was scored before."""
    if receipt.get("already_scored"):
        return
    for name in receipt["redone"]:
        if name in receipt["files"]:
            typer.echo(f"scored again: {name} was damaged or missing since it was written")
        else:
            typer.echo(f"removed: {name} lay among the parts of this run and is none")
    if receipt["contacts_per_second"] is None:
        typer.echo(f"nothing was scored; {receipt['core_seconds']:,.1f} core-seconds")
        return
    parts = [
        # A run of contacts without a turn's text has contacts, and no turns to have a speed.
        f"{receipt['turns_per_second'] or 0:,.0f} turns a second",
        f"{receipt['contacts_per_second']:,.1f} contacts a second",
        f"{receipt['core_seconds']:,.1f} core-seconds",
    ]
    if receipt["cost"]:
        cost = receipt["cost"]
        parts.append(
            f"{cost['per_1000_contacts']:.4g} per 1,000 contacts at {cost['price_per_core_hour']:g} a core-hour"
        )
    if receipt["shards_reused"]:
        parts.append(f"{receipt['shards_reused']:,} of {receipt['shards']:,} parts taken from before, not counted here")
    typer.echo("; ".join(parts))
