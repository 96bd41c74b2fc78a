"""What `cxsentiment rubric …` prints: tables for a person, or JSON."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxsentiment.amounts import counted
from cxsentiment.exchange.losses import Loss, one_line
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.trial import Trial, Use
from cxsentiment.walks import SHOWN, FlowTally


def print_json(document: Any) -> None:
    """Print a document as JSON."""
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str))  # noqa: T201


def print_rubrics(rubrics: Mapping[str, Rubric], *, as_json: bool) -> None:
    """The ready-made rubrics with their size and what they are for."""
    if as_json:
        facts = {name: {"items": _items(one), "sections": len(one.sections)} for name, one in rubrics.items()}
        print_json({name: {**facts[name], "description": one.description} for name, one in rubrics.items()})
        return
    table = Table(box=None, pad_edge=False)
    for column, side in (("rubric", "left"), ("items", "right"), ("critical", "right"), ("for", "left")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for name, one in rubrics.items():
        critical = sum(item.critical != "none" for _, item in one.pairs())
        table.add_row(name, str(_items(one)), str(critical), escape(one.description))
    Console().print(table)


def print_trials(
    rubric: Rubric,
    trials: Sequence[Trial],
    lacking: Mapping[str, Sequence[str]],
    uses: Sequence[Use],
    warnings: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """What became of the example contacts and of the run, if one was given."""
    wrong = [trial for trial in trials if not trial.right]
    if as_json:
        print_json(
            {
                "rubric": {"name": rubric.name, "version": rubric.version, "sha256": rubric.sha256},
                "examples": len(trials),
                "wrong": [asdict(trial) for trial in wrong],
                "lacking": {item: list(verdicts) for item, verdicts in lacking.items()},
                "use": [asdict(use) for use in uses],
                "warnings": list(warnings),
            }
        )
        return
    console = Console()
    _print_examples(console, rubric, trials, wrong, lacking)
    if uses:
        _print_uses(console, uses)
    for warning in warnings:
        console.print(f"[yellow]Warning:[/] {escape(warning)}")


def _print_examples(
    console: Console,
    rubric: Rubric,
    trials: Sequence[Trial],
    wrong: Sequence[Trial],
    lacking: Mapping[str, Sequence[str]],
) -> None:
    name = f"{escape(rubric.name)} {escape(rubric.version)}"
    if not trials:
        console.print(f"{name}: no example contacts (put them into NAME.examples.yaml beside the rubric)")
        return
    contacts = len({trial.contact for trial in trials})
    console.print(
        f"{name}: {len(trials) - len(wrong)} of {counted(len(trials), 'verdict')} "
        f"on {counted(contacts, 'example contact')} {'is' if len(trials) == 1 else 'are'} right"
    )
    for trial in wrong:
        console.print(
            f"  [red]{escape(trial.item)}[/] on {escape(trial.contact)}: expected {trial.expected}, "
            f"got {trial.result.verdict}. {escape(trial.result.reason)}"
        )
    by_lack = Counter(tuple(verdicts) for verdicts in lacking.values())
    for verdicts in by_lack:
        items = [item for item, lacks in lacking.items() if tuple(lacks) == verdicts]
        console.print(f"No example of {' or '.join(verdicts)}: {escape(', '.join(items))}")


def _print_uses(console: Console, uses: Sequence[Use]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("item")
    for column in ("met", "not met", "does not apply", "unscored"):
        table.add_column(column, justify="right")
    for use in uses:
        numbers = (use.met, use.not_met, use.not_applicable, use.unscored)
        table.add_row(escape(use.item), *(f"{number:,}" for number in numbers))
    console.print(table)


def print_exchanged(written: Path, losses: Sequence[Loss]) -> None:
    """What was written, on standard output; what did not map, on standard error."""
    print(f"written: {one_line(str(written))}")  # noqa: T201
    if losses:
        print(f"not carried over ({len(losses)}):", file=sys.stderr)  # noqa: T201
        for loss in losses:
            print(f"  {loss}", file=sys.stderr)  # noqa: T201


def print_walks(tallies: Sequence[FlowTally], *, as_json: bool) -> None:
    """Each flow with what became of its steps, as shares of the contacts that took their way."""
    if as_json:
        print_json([_plain_tally(tally) for tally in tallies])
        return
    console = Console()
    for tally in tallies:
        if not tally.contacts:
            continue
        counts = {"complete": tally.complete, "nothing out of place": tally.orderly, "both": tally.in_order}
        shares = ", ".join(f"{name} {count / tally.contacts:.1%}" for name, count in counts.items())
        console.print(f"[bold]{escape(tally.title)}[/]: {counted(tally.contacts, 'contact')}: {shares}", soft_wrap=True)
        if tally.branches:
            ways = ", ".join(f"{name} {count:,}" for name, count in tally.branches.most_common())
            console.print(f"  branches taken: {escape(ways)}", soft_wrap=True)
        columns = [one for one in SHOWN if any(step.statuses[one] for step in tally.steps.values())]
        table = Table(box=None, pad_edge=False)
        table.add_column("  step", no_wrap=True)
        for column in columns:
            table.add_column(column.replace("_", " "), justify="right")
        for step in tally.steps.values():
            whole = step.statuses.total()
            name = f"{step.branch}: {step.title}" if step.branch else step.title
            cells = [f"{step.statuses[one] / whole:.1%}" if step.statuses[one] else "" for one in columns]
            table.add_row("  " + escape(name), *cells)
        console.print(table)
    if idle := [tally.title for tally in tallies if not tally.contacts]:
        console.print(f"apply to no contact of the run: {escape(', '.join(idle))}", soft_wrap=True)


def _plain_tally(tally: FlowTally) -> dict[str, Any]:
    facts = {
        key: getattr(tally, key) for key in ("flow", "title", "contacts", "complete", "orderly", "in_order", "branches")
    }
    steps = [
        {"step": one.step, "title": one.title, "branch": one.branch, **{key: one.statuses[key] for key in SHOWN}}
        for one in tally.steps.values()
    ]
    return facts | {"steps": steps}


def _items(rubric: Rubric) -> int:
    return sum(1 for _ in rubric.pairs())
