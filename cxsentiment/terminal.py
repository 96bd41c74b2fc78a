"""What a person sees in the terminal: tables of findings, and progress. Renders values it is given."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxsentiment.amounts import counted
from cxsentiment.errors import CxError
from cxsentiment.evidence import told_apart
from cxsentiment.privacy.marks import ALSO_COUNTED
from cxsentiment.schema import (
    HEADLINE_FEATURES,
    AgentScore,
    Association,
    CoachingMoment,
    Estimate,
    Findings,
)
from cxsentiment.screens import screen

if TYPE_CHECKING:
    from cxsentiment.ingest.formats import Format
    from cxsentiment.pipeline import Progress

_SECONDS_BETWEEN_LINES = 5.0
_AGENTS_SHOWN = 30
_REJECTS_SHOWN = 3
_DEMO = (
    "DEMO DATA: written for this project, not recorded. The bundled model was trained on text of the same kind, so\n"
    "these results are no evidence of accuracy."
)


def fail(error: CxError) -> None:
    """Print an error meant for a person on standard error."""
    Console(stderr=True, highlight=False, emoji=False).print(
        f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True
    )


@contextmanager
def progress(*, quiet: bool) -> Iterator[Any]:
    """A function that shows a Progress: a bar on a terminal, a line now and then elsewhere, nothing when quiet."""
    if quiet:
        yield lambda state: None
    elif sys.stderr.isatty():
        with _bar(Console(stderr=True)) as show:
            yield show
    else:
        yield _lines()


@contextmanager
def _bar(console: Console) -> Iterator[Any]:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("scoring"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TextColumn("{task.fields[state]}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("scoring", total=1.0, state="the first part is under way")

        def show(state: "Progress") -> None:
            # Shards end seldom on small inputs, too seldom for a speed measured from one update to the next.
            bar.update(task, completed=state.fraction, state=f"{_rate(state)}, {_left(state)}")

        yield show


def _lines() -> Any:
    last = time.monotonic()

    def show(state: "Progress") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"scoring {state.fraction:4.0%}: {state.contacts:,} contacts, {_rate(state)}, {_left(state)}"
            )

    return show


def _left(state: "Progress") -> str:
    """Remaining time, as if the rest went as fast as what is done."""
    if state.fraction <= 0:
        return "time left not known yet"
    seconds = round(state.seconds * (1 - state.fraction) / state.fraction)
    return f"about {seconds} s left" if seconds < 120 else f"about {round(seconds / 60)} min left"


def _rate(state: "Progress") -> str:
    return f"{counted(state.turns, 'turn')}, {state.turns / max(state.seconds, 1e-9):,.0f} a second"


def print_run(receipt: Mapping[str, Any], out: Path) -> None:
    """What a run did: counts, rejects, warnings, notes."""
    console = screen()
    contacts, turns = receipt["contacts"], receipt["turns"]
    if receipt.get("already_scored"):
        console.print("[bold]already scored: nothing to do[/]; the folder holds this very run:")
    console.print(
        f"[bold]{counted(contacts['scored'], 'contact')} scored[/] of {contacts['in']:,}; "
        f"{counted(turns['in'], 'turn')} "
        f"({turns['scored']:,} scored, {turns['without_text']:,} without text, {turns['refused']:,} refused) "
        f"in {receipt['seconds']['total']:.1f} s"
    )
    _print_erased(console, contacts.get("erased", 0))
    for reason, count in receipt["null_reasons"].items():
        console.print(f"[yellow]{counted(count, 'contact')} without a score:[/] {escape(reason)}")
    rejected = contacts["rejected"] + sum((receipt.get(name) or {}).get("rejected", 0) for name in ("surveys", "log"))
    refused = turns.get("refused", 0), turns.get("times_refused", 0)
    if rejected or any(refused):
        _print_rejects(console, out / "rejects.jsonl", rejected, *refused)
    if guessed := receipt.get("roles", {}).get("guessed"):
        console.print(
            f"[yellow]roles were guessed[/] in {counted(guessed, 'contact')}: likely, not known (column role_source)"
        )
    if masked := receipt["masked"]:
        console.print(
            "masked before scoring: "
            + ", ".join(f"{count:,} {ALSO_COUNTED.get(kind, kind)}" for kind, count in masked.items())
        )
    if surveys := receipt["surveys"]:
        _print_survey_facts(console, surveys)
    if log := receipt.get("log"):
        _print_log_facts(console, log)
    print_unmet(console, receipt.get("unmet_roles") or ())
    for reader, count in receipt.get("readers", {}).items():
        if count:
            console.print(f"read by {escape(reader)}: {counted(count, 'contact')}")
    warn_of_readers(receipt.get("reader_faults", ()))
    _print_told(console, receipt, out)


def _print_told(console: Console, receipt: Mapping[str, Any], out: Path) -> None:
    """The commonest warnings and notes."""
    for name, style in (("warning", "yellow"), ("note", "bold")):
        lines = sorted(receipt.get(f"{name}s", {}).items(), key=lambda item: -item[1])
        for text, count in lines[:5]:
            console.print(f"[{style}]{name}[/] ({counted(count, 'contact')}): {escape(text)}")
        if len(lines) > 5:
            console.print(f"[{style}]and {len(lines) - 5} more kinds of {name}[/] in {escape(str(out / 'run.json'))}")


def print_joined(given: Mapping[str, Any], rejects: Path) -> None:
    """What became of the survey answers, the contact log and the labels that joined at report time, by those names."""
    console = screen()
    if "surveys" in given:
        _print_survey_facts(console, given["surveys"])
    if "log" in given:
        _print_log_facts(console, given["log"])
    if "labels" in given:
        facts = given["labels"]
        console.print(f"labels: {facts['usable']:,} that may calibrate, {facts['rejected']:,} rejected")
    if rejected := sum(facts["rejected"] for facts in given.values()):
        _print_rejects(console, rejects, rejected)


def _print_log_facts(console: Console, facts: Mapping[str, Any]) -> None:
    console.print(
        f"contact log: {counted(facts['rows'], 'row')}, {facts['matched']:,} matched a contact, "
        f"{facts['only_in_log']:,} stand only in the log, {facts['rejected']:,} rejected"
    )
    for name, count in facts["conflicts"].items():
        have = "has" if count == 1 else "have"
        console.print(f"  {counted(count, 'contact')} {have} another {name} in the log; the transcript's is kept")
    for note in facts["notes"]:
        console.print(f"  {escape(note)}")


def _print_survey_facts(console: Console, facts: Mapping[str, Any]) -> None:
    console.print(
        f"surveys: {counted(facts['answers'], 'answer')}, {facts['matched']:,} matched a contact, "
        f"{facts['unmatched']:,} did not, {facts['rejected']:,} rejected"
        + (
            f" ({facts['rejected'] / facts['rows']:.0%} of {counted(facts['rows'], 'row')})"
            if facts["rejected"]
            else ""
        )
    )
    for note in facts["notes"]:
        console.print(f"  {escape(note)}")


def _print_rejects(console: Console, path: Path, records: int, turns: int = 0, times: int = 0) -> None:
    parts = [counted(records, "record") + " rejected"] if records else []
    parts += [counted(turns, "turn") + " refused, of contacts that were scored without"] if turns else []
    parts += [counted(times, "time") + " of turns refused"] if times else []
    console.print(f"[yellow]{'; '.join(parts)}[/], among them:")
    with path.open(encoding="utf-8") as lines:
        rejects = (reject for reject in map(json.loads, lines) if reject.get("kind") != "copy")
        for reject in islice(rejects, _REJECTS_SHOWN):
            console.print(f"    ({reject['code']}) {escape(reject['message'])}")
    console.print(f"  all reasons: {escape(str(path))}")


def print_findings(findings: Findings, page: Path, *, moments: int = 3) -> None:
    """The agent table, the associations, a few coaching moments, and where the report lies."""
    console = screen()
    if findings.run.get("demo"):
        console.print(f"\n[bold yellow]{_DEMO}[/]")
    _print_agents(console, findings.agents, findings.agent_notes)
    _print_associations(console, findings.associations, findings.association_notes)
    _print_moments(console, findings.moments, moments)
    console.print(f"\nReport: [bold]{escape(str(page))}[/]")


def print_unmet(console: Console, roles: Sequence[str]) -> None:
    """Which declared roles no speaker had."""
    if roles:
        named = ", ".join(f'"{escape(role)}"' for role in roles)
        console.print(
            f"[yellow]no speaker is called[/] {named}: check --role against the speakers that cxsentiment check lists"
        )


def warn_of_readers(faults: Iterable[str]) -> None:
    """What is wrong with formats of other packages, on standard error."""
    console = Console(stderr=True, highlight=False, emoji=False)  # "module:X:" holds no emoji
    for fault in faults:
        console.print(
            f"[yellow]a reader of another package is not used as it should be:[/] {escape(fault)}", soft_wrap=True
        )


def print_formats(formats: Sequence["Format"]) -> None:
    """Every format: its name for --format, how roles are known, the unit of its times, and an example."""
    console = screen()
    for known in formats:
        console.print(f"[bold]{escape(known.name)}[/]  {escape(known.title)}")
        console.print(f"    roles: {escape(known.roles)}")
        console.print(f"    times: {escape(known.times)}")
        if known.package:
            console.print(f"    given by package {escape(known.package)}")
        if known.example:
            console.print(f"    {escape(known.example)}")


def _print_agents(console: Console, agents: Sequence[AgentScore], notes: Sequence[str]) -> None:
    table = Table(title="Agents (by id, not ranked)", title_justify="left", title_style="bold")
    for name, justify in (
        ("agent", "left"),
        ("scored", "right"),
        ("mean score", "right"),
        ("95% interval", "right"),
        ("reliability", "right"),
        ("against the mean of all", "left"),
    ):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for agent in agents[:_AGENTS_SHOWN]:
        table.add_row(
            escape(agent.agent_id),
            f"{agent.estimate.n:,}",
            _number(agent.estimate.value, 1),
            _interval(agent.estimate, 1),
            _number(agent.reliability, 2),
            agent.standing or escape(agent.estimate.reason or "not judged"),
        )
    console.print()
    if agents:
        console.print(table)
    if len(agents) > _AGENTS_SHOWN:
        console.print(f"  {len(agents) - _AGENTS_SHOWN} more agents in report/agents.csv")
    for note in notes:
        console.print(f"  {escape(note)}")


def _print_associations(console: Console, associations: Sequence[Association], notes: Sequence[str]) -> None:
    by_outcome: dict[str, dict[str, dict[str, Association]]] = {}
    for row in associations:
        by_outcome.setdefault(row.outcome, {}).setdefault(row.feature, {})[row.level] = row
    for outcome, features in by_outcome.items():
        table = Table(
            title=f"Association with {outcome.upper()} (Spearman, 95% interval; not causes)",
            title_justify="left",
            title_style="bold",
        )
        table.add_column("feature")
        table.add_column("n", justify="right")
        for level in ("pooled", "within agents", "between agents"):
            table.add_column(level, justify="right")
        shown = {feature: rows for feature, rows in features.items() if _headline(feature, rows)}
        for feature, rows in shown.items():
            pooled = rows["pooled"]
            cells = [_association(rows.get(level)) for level in ("pooled", "within", "between")]
            table.add_row(escape(feature), f"{pooled.estimate.n:,}", *cells)
        console.print()
        console.print(table)
        if len(features) > len(shown):
            console.print(f"  {len(features) - len(shown)} more features in report/associations.csv")
        console.print(
            "  * interval without 0, and p ≤ .10 after adjustment for the number of comparisons; – not estimated, the "
            "reason is in the CSV"
        )
    for note in notes:
        console.print(f"  {escape(note)}")


def _headline(feature: str, rows: Mapping[str, Association]) -> bool:
    return feature in HEADLINE_FEATURES or any(told_apart(row) for row in rows.values())


def _association(row: Association | None) -> str:
    if row is None or row.estimate.value is None:
        return "–"
    star = " *" if told_apart(row) else ""
    return f"{row.estimate.value:+z.2f} {_interval(row.estimate, 2)}{star}"


def _print_moments(console: Console, moments: Sequence[CoachingMoment], count: int) -> None:
    if not moments or not count:
        return
    console.print("\n[bold]Coaching moments[/]")
    for moment in _spread(moments, count):
        kind = "good example" if moment.strength else "to talk about"
        place = f"contact {moment.contact_id}, turn {moment.turn}"
        console.print(f"  [bold]{escape(moment.agent_id)}[/] · {escape(moment.skill)} · {kind} · {escape(place)}")
        console.print(f"    “{escape(moment.quote)}”", style="italic")
        console.print(f"    {escape(moment.why)}")
        console.print(f"    Focus: {escape(moment.focus)}")


def _print_erased(console: Console, count: int) -> None:
    if count:
        was, is_ = ("was", "is") if count == 1 else ("were", "are")
        console.print(f"{counted(count, 'contact')} {was} erased from this run and {is_} not scored again")


def _spread(moments: Sequence[CoachingMoment], count: int) -> list[CoachingMoment]:
    """The first moments in order, one an agent and skill as long as there are others."""
    chosen: list[CoachingMoment] = []
    for moment in moments:
        if len(chosen) == count:
            break
        if all(moment.agent_id != other.agent_id and moment.skill != other.skill for other in chosen):
            chosen.append(moment)
    rest = [moment for moment in moments if moment not in chosen]
    return chosen + rest[: count - len(chosen)]


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:z.{digits}f}"


def _interval(estimate: Estimate, digits: int) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{estimate.low:z.{digits}f}, {estimate.high:z.{digits}f}]".replace("[", "\\[", 1)
