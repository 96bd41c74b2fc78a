"""What `cxsentiment check` prints: what each file holds, and what of it would be rejected."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from cxsentiment.amounts import counted
from cxsentiment.check import Check
from cxsentiment.screens import screen
from cxsentiment.terminal import print_unmet

_SHOWN = 20


def print_checks(checks: Sequence[Check], unmet_roles: Sequence[str] = ()) -> None:
    """What each file holds, what would be rejected, and which declared roles no speaker had."""
    console = screen()
    for found in checks:
        mark = "[yellow]![/]" if found.rejects or found.warnings else "[green]✓[/]"
        console.print(f"{mark} [bold]{escape(found.source)}[/] ({found.kind})")
        for fact in found.facts:
            console.print(f"    {escape(fact)}")
        for warning in found.warnings[:_SHOWN]:
            console.print(f"    [yellow]warning:[/] {escape(warning)}")
        for note in found.notes[:_SHOWN]:
            console.print(f"    note: {escape(note)}")
        for reject in found.rejects[:_SHOWN]:
            console.print(f"    [red]would be rejected[/] ({reject.code}): {escape(reject.message)}")
        if (more := max(len(found.warnings), len(found.notes), len(found.rejects)) - _SHOWN) > 0:
            console.print(f"    … and {more:,} more; --json prints all")
    _print_totals(console, checks)
    print_unmet(console, unmet_roles)


def _print_totals(console: Console, checks: Sequence[Check]) -> None:
    files = [found for found in checks if found.kind == "transcripts"]
    if len(files) < 2:
        return
    rejects = Counter(reject.code for found in files for reject in found.rejects)
    contacts, both = sum(found.contacts for found in files), sum(found.both_sides for found in files)
    console.print(
        f"[bold]in all[/]: {counted(len(files), 'file')}, {counted(contacts, 'contact')}, "
        f"{counted(sum(found.turns for found in files), 'turn')}; "
        f"agent and customer both speak, as known, in {both:,}"
    )
    if rejects:
        console.print(
            f"    would be rejected: {', '.join(f'{code} {count:,}' for code, count in rejects.most_common())}"
        )
