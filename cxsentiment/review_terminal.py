"""What `cxsentiment labels …`, `agreement` and `plan` print: sentences and tables for a person, or JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxsentiment.amounts import counted
from cxsentiment.figures import document, rows_of
from cxsentiment.reviews.importing import Read
from cxsentiment.reviews.labels import LEFT_OUT, Label, counts, labels_for_calibration
from cxsentiment.reviews.planning import Plan
from cxsentiment.reviews.session import ItemReport, SessionReport
from cxsentiment.reviews.store import Added
from cxsentiment.reviews.wording import agreement_tables, measures, sentences
from cxsentiment.schema import Estimate
from cxsentiment.screens import as_typed, fitted

_REJECTS_SHOWN = 5
_ROWS_SHOWN = 30
_MEASURES = {"raw": "agree", "kappa": "kappa", "alpha": "alpha", "ac": "AC", "always_met": "always met"}


def print_import(read: Read, added: Added, rejects: Path, *, as_json: bool) -> None:
    """What became of imported files."""
    if as_json:
        _json(
            {
                "rows": read.rows,
                "labels": len(read.labels),
                **asdict(added),
                "empty_forms": read.empty,
                "text_answers": read.texts,
                "columns_not_read": list(read.unread),
                "rejected": len(read.rejects),
                "rejects": str(rejects),
            }
        )
        return
    console = _console()
    console.print(
        f"{counted(len(read.labels), 'verdict')} in {counted(read.rows, 'row')}: {added.new:,} new, "
        f"{added.known:,} known before, {added.replaced:,} in place of an earlier verdict of the same grader"
    )
    if added.late:
        console.print(f"{counted(added.late, 'verdict')} older than the one that counts, kept as history")
    if read.empty:
        console.print(f"{counted(read.empty, 'row')} {'is' if read.empty == 1 else 'are'} not filled in yet")
    if read.unread:
        console.print(f"not read, for they are called after no item: columns {escape(', '.join(read.unread))}")
    if read.texts:
        console.print(f"{counted(read.texts, 'answer')} in free text, without a verdict")
    if read.rejects:
        console.print(f"[yellow]{len(read.rejects):,} refused[/]; each with its code in {escape(str(rejects))}:")
        for reject in read.rejects[:_REJECTS_SHOWN]:
            console.print(f"  {reject.code}: {escape(reject.message)}")
        if (more := len(read.rejects) - _REJECTS_SHOWN) > 0:
            console.print(f"  … and {more:,} more")


def print_labels(labels: Sequence[Label], replaced: int, *, as_json: bool) -> None:
    """Labels by grader, item and purpose, and which may calibrate."""
    usable = labels_for_calibration(labels)
    rows = counts(labels)
    if as_json:
        _json(
            {
                "labels": len(labels),
                "replaced": replaced,
                "for_calibration": len(usable.labels),
                "weighted": usable.weighted,
                "left_out": usable.left_out,
                "counts": rows,
            }
        )
        return
    console = _console()
    if rows:
        table = _table(*rows[0])
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row.values()))
        console.print(fitted(table, console.width))
    console.print(f"{counted(len(labels), 'label')}, and {replaced:,} replaced")
    console.print(f"{len(usable.labels):,} may calibrate the machine" + (", weighted" if usable.weighted else ""))
    for code, count in usable.left_out.items():
        console.print(f"  {count:,} may not: {LEFT_OUT[code]}")


def print_log(log: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """The audit log."""
    if as_json:
        _json(log)
        return
    table = _table("at", "who", "action", "subject", "details")
    for line in log:
        details = ", ".join(f"{name}: {value}" for name, value in line["details"].items())
        table.add_row(*(escape(str(line[name])) for name in ("at", "who", "action", "subject")), escape(details))
    console = _console()
    console.print(fitted(table, console.width))


def print_agreement(report: SessionReport, written: Sequence[Path], *, as_json: bool) -> None:
    """The report of a calibration session."""
    if as_json:
        _json(
            {
                "contacts": report.contacts,
                "labels": report.labels,
                "left_out": dict(report.left_out),
                "not_in_run": report.not_in_run,
                "ungraded": list(report.ungraded),
                "other_content": report.other_content,
                "sentences": [*sentences(report)],
                "items": [
                    {
                        "item": item.item,
                        "question": item.question,
                        "metric": item.metric,
                        "gate": item.gate,
                        "warning": item.people.warning,
                        "problem": item.problem,
                        "prevalence": {f"{value:g}": share for value, share in item.people.prevalence.items()},
                        "confusion": item.confusion,
                        "measures": {name: document(found) for name, found in measures(item).items()},
                    }
                    for item in report.items
                ],
                **{
                    name: rows_of(rows)
                    for name, (_, rows) in agreement_tables(report).items()
                    if name in ("agreement_graders", "agreement_pairs", "agreement_disputes")
                },
            }
        )
        return
    console = _console()
    table = _table("item", "contacts", *_MEASURES.values(), "machine alpha", "for")
    for item in report.items:
        found = measures(item)
        shown = [_brief(found[name]) for name in _MEASURES]
        table.add_row(escape(item.item), str(item.people.contacts), *shown, _brief(found["machine_alpha"]), _use(item))
    console.print(fitted(table, console.width))
    graders = _table("grader", "labels", "severity (points of 100)")
    for one in report.graders:
        graders.add_row(escape(one.grader), f"{one.labels:,}", _brief(one.severity, 100, 1))
    console.print(fitted(graders, console.width))
    for sentence in sentences(report):
        console.print(escape(sentence))
    for path in written:
        console.print(f"written: {escape(str(path))}")


def print_plan(plan: Plan, forms: Mapping[str, Path], *, as_json: bool) -> None:
    """How many contacts to grade, of whom, and where the forms are."""
    if as_json:
        _json(
            {
                "goal": asdict(plan.goal),
                "contacts": len(plan.frame.ids),
                "without_agent_turn": plan.frame.silent,
                "needed": plan.needed,
                "graded": plan.graded,
                "drawn": len(plan.drawn),
                "double": sum(one.purpose == "double" for one in plan.drawn),
                "targeted": len(plan.targeted),
                "spread": document(plan.spread),
                "needed_with_machine": document(plan.with_machine),
                "confidence_reached": document(plan.reached),
                "agents": [document(one) for one in plan.shares],
                "strata": [document(one) for one in plan.strata],
                "forms": {name: str(path) for name, path in forms.items()},
            }
        )
        return
    console = _console()
    _print_goal(console, plan)
    table = _agents(plan) if plan.goal.kind == "per-agent" else _strata(plan)
    console.print(fitted(table, console.width))
    rest = len(plan.shares if plan.goal.kind == "per-agent" else plan.strata) - _ROWS_SHOWN
    if rest > 0:
        console.print(f"… and {rest} more (--csv FOLDER writes all)")
    for name, path in forms.items():
        rows = plan.drawn if name == "random" else plan.targeted
        console.print(f"{counted(len(rows), 'contact')} to grade, {name}: {escape(str(path))}")
    first = escape(as_typed(next(iter(forms.values()))))
    console.print(f"next: fill in grader and items, then cxsentiment labels import {first} --db labels.db")


def _agents(plan: Plan) -> Table:
    table = _table("agent", "contacts", "graded", "needed", "drawn now", "± points then")
    for one in plan.shares[:_ROWS_SHOWN]:
        width = "–" if one.half_width.value is None else f"{one.half_width.value:.1f}"
        numbers = (one.contacts, one.graded, one.needed, one.drawn)
        table.add_row(escape(one.agent), *(f"{number:,}" for number in numbers), width)
    return table


def _strata(plan: Plan) -> Table:
    table = _table("stratum", "contacts", "graded", "drawn now")
    for one in plan.strata[:_ROWS_SHOWN]:
        table.add_row(escape(one.stratum), *(f"{number:,}" for number in (one.contacts, one.graded, one.drawn)))
    return table


def _print_goal(console: Console, plan: Plan) -> None:
    goal, of = plan.goal, counted(len(plan.frame.ids), "contact")
    if goal.kind == "per-agent":
        console.print(
            f"To know each agent's mean score to ± {goal.half_width:g} points people must grade {plan.needed:,} of "
            f"{of}; one contact's score varies by {plan.spread.value or 0:.1f} points ({plan.spread.method})."
        )
    else:
        console.print(
            f"To find an error that is in {goal.prevalence:.1%} of contacts with {goal.confidence:.0%} confidence "
            f"people must grade {plan.needed:,} of {of}; with this plan it is {plan.reached.value or 0:.0%}."
        )
    if plan.with_machine.value is not None:
        console.print(
            f"For the mean of the whole run {plan.with_machine.value:.0f} suffice where machine scores are used too."
        )
    console.print(f"{plan.graded:,} are graded already; {len(plan.drawn):,} are drawn now.")
    if plan.frame.silent:
        console.print(f"{counted(plan.frame.silent, 'contact')} without an agent's turn cannot be graded.")


def _use(item: ItemReport) -> str:
    if item.gate is None:
        return "–"
    return f"{item.gate} (few contacts)" if item.people.warning else item.gate


def _brief(estimate: Estimate, times: float = 1.0, decimals: int = 2) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value * times:z.{decimals}f}"
    low, high = (f"{bound * times:z.{decimals}f}" for bound in (estimate.low, estimate.high))
    return rf"{estimate.value * times:z.{decimals}f} \[{low}, {high}]"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2, default=str, allow_nan=False))  # noqa: T201
