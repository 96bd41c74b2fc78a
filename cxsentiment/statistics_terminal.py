"""What `cxsentiment agents`, `rates` and `associations` print: tables for a person, or JSON."""

import json
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cxsentiment.figures import rows_of
from cxsentiment.schema import Estimate
from cxsentiment.screens import fitted

if TYPE_CHECKING:
    from cxsentiment.analysis import Analysis

_CONTACTS_SHOWN = 10
_STATISTICS = {"spearman": "Spearman", "auc": "AUC, best answers"}


def print_agents(found: "Analysis", *, as_json: bool) -> None:
    """Agents in the order of their ids, the raw and the adjusted figure side by side; then the models."""
    if as_json:
        _print_json(found)
        return
    console = _console()
    for name in dict.fromkeys(one.name for one in _rows(found, "agents")):
        rows = [one for one in _rows(found, "agents") if one.name == name]
        kind = "calibrated by human labels" if rows[0].calibrated else "uncalibrated machine scores"
        columns = ("agent", "labels:r", "n:r", "score:r", "95% interval:r", "same mix:r", "machine:r", "reliability:r",
                   "effective n:r", "tier", "allows")  # fmt: skip
        cells = [
            (
                escape(one.agent_id), str(one.labels), str(one.estimate.n), _value(one.estimate),
                _interval(one.estimate), _value(one.adjusted), _value(one.machine), _real(one.reliability),
                _real(one.effective_n, 0), one.tier or "–", one.use,
            )
            for one in rows
        ]  # fmt: skip
        _print_table(console, f"{escape(name)}: {kind}", columns, cells, once=("effective n", "allows"))
        _print_reasons(console, [(one.agent_id, one.estimate) for one in rows])
    if "ranks" in found.tables:
        table = _table("expected rank (1 is the highest), agents by id", "value", "agent", "rank:r", "95% interval:r")
        for one in _rows(found, "ranks"):
            table.add_row(escape(one.name), escape(one.agent_id), _value(one.estimate), _interval(one.estimate))
        console.print(fitted(table, console.width))
        _print_reasons(console, [(one.agent_id, one.estimate) for one in _rows(found, "ranks")])
    table = _table(
        "how the figures were made",
        "value", "labels:r", "agents differ (SD):r", "machine errs by agent (SD):r", "beta:r", "machine usable",
        "contacts for .7:r",
    )  # fmt: skip
    for one in _rows(found, "models"):
        usable = "–" if one.usable is None else "yes" if one.usable else "no"
        table.add_row(
            escape(one.name), str(one.labels), _value(one.tau), _value(one.tau_machine), _value(one.beta, 2), usable,
            "–" if one.minimum_n is None else str(one.minimum_n),
        )  # fmt: skip
    console.print(fitted(table, console.width))
    _print_end(console, found)


def print_rates(found: "Analysis", *, as_json: bool) -> None:
    """Rates by campaign, the method on every row."""
    if as_json:
        _print_json(found)
        return
    console = _console()
    for campaign in dict.fromkeys(one.campaign for one in _rows(found, "rates")):
        columns = ("kind", "name", "rate:r", "95% interval:r", "contacts:r", "labels:r", "n:r", "method")
        rows = [one for one in _rows(found, "rates") if one.campaign == campaign]
        cells = [
            (
                one.kind, escape(one.name), _share(one.estimate.value), _shares(one.estimate), str(one.contacts),
                str(one.labels), str(one.estimate.n), one.estimate.method,
            )
            for one in rows
        ]  # fmt: skip
        _print_table(console, escape(campaign), columns, cells, once=("method",))
        _print_reasons(console, [(one.name, one.estimate) for one in rows])
    if rows := [one for one in _rows(found, "calibration") if one.by == "all"]:
        title = "are the machine's probabilities right? (all contacts; the files have each campaign and channel)"
        table = _table(title, "item", "measure", "value:r", "95% interval:r", "labels:r")
        for one in rows:
            table.add_row(
                escape(one.item), one.measure, _value(one.estimate, 3), _interval(one.estimate, 3),
                str(one.estimate.n),
            )  # fmt: skip
        console.print(fitted(table, console.width))
        _print_reasons(console, [(one.item, one.estimate) for one in rows])
    _print_end(console, found)


def print_associations(found: "Analysis", *, as_json: bool) -> None:
    """Spearman and AUC of each feature; who answers; drivers; means; the contacts likeliest to be dissatisfied."""
    if as_json:
        _print_json(found)
        return
    console = _console()
    figures = _rows(found, "associations")
    for outcome in dict.fromkeys(one.outcome for one in figures):
        for statistic, title in _STATISTICS.items():
            table = _table(
                f"{outcome.upper()}: {title}",
                "feature", "level", "value:r", "95% interval:r", "n:r", "agents:r", "adjusted p:r", "least |r|:r",
            )  # fmt: skip
            rows = [one for one in figures if one.outcome == outcome and one.statistic == statistic]
            for one in rows:
                table.add_row(
                    escape(one.feature), one.level, _value(one.estimate, 2), _interval(one.estimate, 2),
                    str(one.estimate.n), str(one.agents), _real(one.p_adjusted, 3), _real(one.minimal_detectable),
                )  # fmt: skip
            console.print(fitted(table, console.width))
            _print_reasons(console, [(f"{one.feature}, {one.level}", one.estimate) for one in rows])
    _print_flags(console, figures)
    _print_beside(console, found)
    _print_end(console, found)


def _print_flags(console: Console, figures: Sequence[Any]) -> None:
    flags: dict[str, list[str]] = {}
    for one in figures:
        if one.flag and one.statistic == "spearman":
            for flag in one.flag.split("; "):
                flags.setdefault(flag, []).append(one.feature)
    for flag, features in flags.items():
        console.print(f"! {', '.join(map(escape, dict.fromkeys(features)))}: {escape(flag)}")


def _print_beside(console: Console, found: "Analysis") -> None:
    if rows := _rows(found, "responses"):
        table = _table("if all had answered", "outcome", "measure", "assuming", "value:r", "95% interval:r", "n:r")
        for one in rows:
            table.add_row(
                one.outcome, one.measure, one.assuming, _value(one.estimate, 3), _interval(one.estimate, 3),
                str(one.estimate.n),
            )  # fmt: skip
        console.print(fitted(table, console.width))
        _print_reasons(console, [(f"{one.outcome}, {one.assuming}", one.estimate) for one in rows])
    if rows := _rows(found, "drivers"):
        table = _table(
            "drivers: share of the differences", "outcome", "family", "share:r", "95% interval:r", "slope", ""
        )
        for one in rows:
            table.add_row(
                one.outcome, escape(one.family), _share(one.estimate.value), _shares(one.estimate), one.slope,
                "changes sign beside the others" if one.suppressor else "",
            )  # fmt: skip
        console.print(fitted(table, console.width))
        _print_reasons(console, [(one.family, one.estimate) for one in rows])
    if rows := _rows(found, "means"):
        table = _table(
            "mean CSAT, answers with the predictions' help", "of", "name", "mean:r", "95% interval:r", "answers:r"
        )
        for one in rows:
            table.add_row(
                one.by, escape(one.name), _value(one.estimate, 2), _interval(one.estimate, 2), str(one.answers)
            )
        console.print(fitted(table, console.width))
        _print_reasons(console, [(one.name, one.estimate) for one in rows])
    likeliest = found.tables["predicted"][1]
    if likeliest.num_rows:
        table = _table(
            f"likeliest bad answers among {likeliest.num_rows} unanswered contacts", "contact", "P:r", "answers"
        )
        rows = likeliest.sort_by([("estimate", "descending"), ("contact_id", "ascending")]).slice(0, _CONTACTS_SHOWN)
        for row in rows.to_pylist():
            table.add_row(escape(row["contact_id"]), _share(row["estimate"]), row["answers"])
        console.print(fitted(table, console.width))


def _print_reasons(console: Console, rows: Sequence[tuple[str, Estimate]]) -> None:
    """Each reason once, with whom it concerns."""
    whom: dict[str, list[str]] = {}
    for name, estimate in rows:
        if estimate.reason:
            whom.setdefault(estimate.reason, []).append(name)
    for reason, names in whom.items():
        named = f"{len(names)} of {len(rows)}" if len(names) > 6 else ", ".join(map(escape, names))
        console.print(f"  {named}: {escape(reason)}", style="dim")


def _print_end(console: Console, found: "Analysis") -> None:
    for note in found.notes:
        console.print(escape(note))
    if found.rejects:
        count = Counter(reject.code for reject in found.rejects)
        console.print(f"set aside: {', '.join(f'{n} {code}' for code, n in count.items())}", style="yellow")
        for code in count:
            first = next(reject for reject in found.rejects if reject.code == code)
            where = f"{first.source}, row {first.record}, contact {first.contact_id or '–'}"
            console.print(f"  {escape(where)}: {escape(first.message)}", style="yellow")


def _print_json(found: "Analysis") -> None:
    document = {name: rows_of(rows) for name, (_, rows) in found.tables.items()}
    notes = {"notes": list(found.notes), "rejects": [asdict(reject) for reject in found.rejects]}
    text = json.dumps({**document, **notes}, ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write(text + "\n")


def _rows(found: "Analysis", name: str) -> Sequence[Any]:
    rows: Sequence[Any] = found.tables[name][1]
    return rows


def _console() -> Console:
    # A pipe has no width: tables must not lose their columns there.
    console = Console()
    return console if console.is_terminal else Console(width=180)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        name, _, side = column.partition(":")
        table.add_column(name, justify="right" if side == "r" else "left")
    return table


def _print_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, once: Collection[str]
) -> None:
    """A table; a column named in `once` that says the same in all rows is told in a line below instead."""
    same = [place for place, name in enumerate(columns) if name.partition(":")[0] in once]
    same = [place for place in same if len({row[place] for row in rows}) == 1]
    table = _table(title, *(name for place, name in enumerate(columns) if place not in same))
    for row in rows:
        table.add_row(*(cell for place, cell in enumerate(row) if place not in same))
    console.print(fitted(table, console.width))
    for place in same:
        if rows[0][place] != "–":
            console.print(f"  {columns[place].partition(':')[0]}: {rows[0][place]}", style="dim")


def _value(estimate: Estimate, digits: int = 1) -> str:
    return _real(estimate.value, digits)


def _real(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:z.{digits}f}"


def _interval(estimate: Estimate, digits: int = 1) -> str:
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"[{estimate.low:z.{digits}f}, {estimate.high:z.{digits}f}]"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _shares(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"[{estimate.low:.1%}, {estimate.high:.1%}]"
