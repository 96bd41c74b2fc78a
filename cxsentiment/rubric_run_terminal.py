"""What `cxsentiment rescore` and `rubric diff, explain, abstain` print: what a run says of a rubric."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxsentiment.abstention import Curve, rows_of, widest_for
from cxsentiment.amounts import counted
from cxsentiment.difference import ABSENT, Difference, main_reasons
from cxsentiment.explanation import Explanation
from cxsentiment.figures import document
from cxsentiment.rubric.scorecard import Item, Rubric
from cxsentiment.rubric_terminal import print_json
from cxsentiment.schema import ItemResult
from cxsentiment.screens import as_typed

_CONTACTS_SHOWN = 10
_COLOURS = {"met": "green", "not_met": "red", "not_applicable": "dim", "unscored": "yellow"}


def print_rescored(receipt: Mapping[str, Any], out: Path, *, as_json: bool) -> None:
    """What became of a run that was scored anew."""
    if as_json:
        print_json(
            {**{key: value for key, value in receipt.items() if key not in ("inputs", "files")}, "run": str(out)}
        )
        return
    console = Console(highlight=False, soft_wrap=True)
    scored, rubric = receipt["contacts"]["scored"], receipt["rubric"]
    name = f"{escape(rubric['name'])} {escape(rubric['version'])}"
    if receipt.get("already_scored"):
        console.print(f"already scored by {name}: nothing to do; the run is {escape(str(out))}")
        return
    console.print(
        f"{counted(scored, 'contact')} scored by {name} in {receipt['seconds']['total']:.1f} s; the model was not run"
    )
    without = sum(receipt["null_reasons"].values())
    if without:
        most = max(receipt["null_reasons"], key=receipt["null_reasons"].get)
        console.print(f"  {counted(without, 'contact')} without a score, for instance: {escape(most)}")
    console.print(f"next: cxsentiment report {escape(as_typed(out))}")


def print_difference(first: Rubric, second: Rubric, found: Difference, *, as_json: bool) -> None:
    """What differs between two rubrics, in the rules and in a run."""
    if as_json:
        whole = document(found)
        whole["verdicts"] = {
            item: [{"from": a, "to": b, "contacts": count} for (a, b), count in pairs.items()]
            for item, pairs in found.verdicts.items()
        }
        print_json(whole)
        return
    console = Console(highlight=False)
    console.print(f"[bold]{escape(_named(first))}[/] to [bold]{escape(_named(second))}[/]")
    if not found.rules:
        console.print("The rules are the same.")
    for rule in found.rules:
        console.print(f"  {rule.change}: {escape(rule.item)} ({escape(rule.what)})")
    console.print(f"\n{len(found.changed):,} of {found.contacts:,} contacts change.")
    if found.lost_scores or found.gained_scores:
        console.print(f"{found.lost_scores:,} lose their score, {found.gained_scores:,} get one.")
    _print_verdicts(console, found)
    _print_contacts(console, found)
    _print_agents(console, found)


def _print_verdicts(console: Console, found: Difference) -> None:
    table = _table(("item", "left"), ("from", "left"), ("to", "left"), ("contacts", "right"))
    for item, pairs in found.verdicts.items():
        # Items that only one rubric has are listed with the rules.
        moved = {pair: count for pair, count in pairs.items() if ABSENT not in pair}
        for (before, after), count in sorted(moved.items(), key=lambda one: -one[1]):
            table.add_row(escape(item), _words(before), _words(after), f"{count:,}")
    if table.row_count:
        console.print(table)


def _print_contacts(console: Console, found: Difference) -> None:
    moved = [one for one in found.changed if one.before is not None and one.after is not None]
    table = _table(("contact", "left"), ("agent", "left"), ("score", "right"), ("new", "right"), ("through", "left"))
    for one in moved[:_CONTACTS_SHOWN]:
        both = {item: pair for item, pair in one.items.items() if ABSENT not in pair}
        told = [f"{item}: {_words(pair[0])} to {_words(pair[1])}" for item, pair in both.items()]
        if len(both) < len(one.items):
            told.append("items that only one rubric has")
        through = ", ".join(told)
        table.add_row(
            escape(one.contact_id),
            escape(one.agent_id or "–"),
            f"{one.before:.1f}",
            f"{one.after:.1f}",
            escape(through or "weights"),
        )
    if moved:
        console.print("\nContacts that move most:")
        console.print(table)


def _print_agents(console: Console, found: Difference) -> None:
    table = _table(
        ("agent", "left"),
        ("scored", "right"),
        ("mean", "right"),
        ("new", "right"),
        ("change", "right"),
        ("through", "left"),
    )
    for agent in found.agents:
        estimate = agent.difference
        change = f"{agent.after - agent.before:+.1f}"
        if estimate.low is not None and estimate.high is not None:
            change += f" [{estimate.low:+.1f}, {estimate.high:+.1f}]"
        through = escape(", ".join(main_reasons(agent)) or "–")
        table.add_row(
            escape(agent.agent_id), f"{agent.contacts:,}", f"{agent.before:.1f}", f"{agent.after:.1f}", change, through
        )
    if found.agents:
        console.print("\nAgents, by id (mean machine score; change in points with 95% interval over contacts):")
        console.print(table)


def print_explanation(rubric: Rubric, found: Explanation, *, as_json: bool) -> None:
    """One contact, item by item."""
    if as_json:
        print_json(
            {
                "contact": asdict(found.transcript),
                "evaluation": asdict(found.evaluation),
                "flows": [asdict(walk) for walk in found.flows],
            }
        )
        return
    console = Console(highlight=False)
    evaluation, contact = found.evaluation, found.transcript
    facts = [
        contact.channel or "",
        f"agent {contact.agent_id}" if contact.agent_id else "",
        counted(len(contact.turns), "turn"),
    ]
    console.print(
        f"[bold]Contact {escape(contact.id)}[/] · {escape(' · '.join(filter(None, facts)))} · {escape(_named(rubric))}"
    )
    results = {item.item: item for item in evaluation.items}
    for section in rubric.sections:
        console.print(f"\n[bold]{escape(section.title)}[/] (weight {section.weight:g})")
        for item in section.items:
            _print_item(console, item, results[item.id])
    for walk in found.flows:
        console.print(
            f"\n[bold]Flow {escape(walk.flow)}[/]" + (f", branch {escape(walk.branch)}" if walk.branch else "")
        )
        for step in walk.steps:
            turn = f", turn {contact.turns[step.sighting.place].index}" if step.sighting else ""
            console.print(
                f"  {escape(step.step.title)}: {_words(step.status)}{turn}"
                + (f" ({escape(step.why)})" if step.why else "")
            )
    score = (
        f"no score: {escape(evaluation.null_reason or '')}"
        if evaluation.score is None
        else f"score {evaluation.score:.1f} of 100"
    )
    console.print(f"\n[bold]{score}[/]; {evaluation.coverage:.0%} of the rubric's weight was scored")
    if evaluation.score_expected is not None:
        console.print(f"expected from the probabilities: {evaluation.score_expected:.1f}")
    if evaluation.score_effect:
        console.print(f"{escape(evaluation.score_effect)} (without it: {evaluation.score_uncapped:.1f})")


def _print_item(console: Console, item: Item, result: ItemResult) -> None:
    said = "p(met)" if item.kind == "yes_no" else "expected share of the points"  # what can be met in part has no p
    sure = f", {said} {result.p_met:.2f}" if result.p_met is not None else ""
    points = f", {result.points:.1f} of {result.weight:.1f} points" if result.points is not None else ""
    critical = f" · critical ({item.critical})" if item.critical != "none" else ""
    console.print(f"  {escape(item.question)}{critical}")
    console.print(f"    [{_COLOURS[result.verdict]}]{_words(result.verdict)}[/]{sure}{points}. {escape(result.reason)}")
    for quote in (result.evidence, *result.more):
        if quote is not None:
            console.print(f"    turn {quote.turn}: “{escape(quote.quote)}”")


def _measured_wrong(row: Mapping[str, Any] | None) -> str:
    """The share with its interval, where there is one."""
    if row is None or row["wrong"] is None:
        return "–"
    if row["low"] is None or row["high"] is None:
        return f"{row['wrong']:.1%}"
    return f"{row['wrong']:.1%} [{row['low']:.1%}, {row['high']:.1%}]"


def print_abstention(
    found: Sequence[Curve], measured: Mapping[str, Any] | None, lacks: str, at_most: float, *, as_json: bool
) -> None:
    """What leaving unsure verdicts to a person costs and saves; `lacks` says why nothing was measured."""
    if as_json:
        print_json({"expected": rows_of(found), "measured": measured, "measured_reason": lacks or None})
        return
    console = Console(highlight=False)
    if not found:
        console.print("No verdict of this run depends on a probability: nothing is unsure.")
        return
    whole, *items = found
    _print_curve(console, whole, measured)
    if not measured:
        console.print(escape(lacks), style="dim")
    console.print(
        "Expected: by the model's own probabilities, right as far as they are calibrated on your talk.", style="dim"
    )
    _print_bounds(console, items, at_most)


def _print_curve(console: Console, whole: Curve, measured: Mapping[str, Any] | None) -> None:
    """What each half-width leaves to a person, and what is expected, and was measured, to be wrong among the rest."""
    console.print(
        f"Verdicts left to a person where p(met) is within 0.5 ± w; {counted(whole.verdicts, 'verdict')} of this run"
    )
    table = _table(
        ("w", "right"),
        ("left to a person", "right"),
        ("expected wrong among the rest", "right"),
        ("measured: left", "right"),
        ("measured: wrong", "right"),
    )
    rows = {row["half_width"]: row for row in (measured or {}).get("all", [])}
    for one in whole.points:
        row = rows.get(one.half_width)
        table.add_row(
            f"{one.half_width:.2f}",
            f"{one.abstained:.1%}",
            _share(one.expected_error),
            "–" if row is None else f"{row['abstained']:.1%}",
            _measured_wrong(row),
        )
    console.print(table)
    if measured:
        console.print(
            f"Measured: acts on {measured['turns']:,} labelled turns that the model was kept from.", style="dim"
        )


def _print_bounds(console: Console, items: Sequence[Curve], at_most: float) -> None:
    """The bounds that each item needs for at most `at_most` (0-1) wrong."""
    console.print(f"\nBounds for at most {at_most:.0%} expected wrong among the verdicts that are left:")
    table = _table(
        ("item", "left"),
        ("verdicts", "right"),
        ("wrong without bounds", "right"),
        ("uncertain_between", "left"),
        ("left to a person", "right"),
    )
    for curve in items:
        point = widest_for(curve, at_most)
        bounds = (
            "cannot be reached"
            if point is None
            else "not needed"
            if not point.half_width
            else f"[{0.5 - point.half_width:.2f}, {0.5 + point.half_width:.2f}]"
        )
        table.add_row(
            escape(curve.item),
            f"{curve.verdicts:,}",
            _share(curve.points[0].expected_error),
            bounds,
            "–" if point is None else f"{point.abstained:.1%}",
        )
    console.print(table)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in columns:
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    return table


def _named(rubric: Rubric) -> str:
    return f"{rubric.name} {rubric.version}"


def _words(name: str) -> str:
    return name.replace("_", " ")
