"""Findings to a folder of files a person opens: index.html and CSV tables. It renders values and computes none.

The page is one file with its style and charts inside: no script, no font, no request. Every text is escaped in HTML,
and a CSV cell that a spreadsheet would take for a formula gets an apostrophe in front.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxsentiment.runs import write_atomically
from cxsentiment.schema import (
    FALSE_DISCOVERY_RATE,
    Association,
    CoachingMoment,
    Estimate,
    Findings,
    ItemRate,
    QuotedTurn,
)
from cxsentiment.spreadsheets import Cell, csv_text
from cxsentiment.text import clean

if TYPE_CHECKING:
    from jinja2 import Template

MOMENTS_SHOWN = 6
"""At most this many coaching moments of an agent stand on the page; coaching.csv has all."""
_READINGS_OPEN = 8  # reading sentences that stand open; the rest unfold
_EXCERPT = 300  # characters of a turn shown on either side of its quote
_QUOTE = 600  # characters of a quote shown
_INPUTS_SHOWN = 20
_QUEUE_SHOWN = 20
_NONE = "–"
# Long parts of the receipt that run.json holds and the page does not repeat.
_NOT_REPEATED = {"inputs", "files", "rubric.content", "warnings", "notes", "null_reasons"}

_OF_ESTIMATE = {"estimate": "value", "low": "low", "high": "high", "n": "n", "method": "method", "reason": "reason"}
_NUMBERS, _WHY = ("estimate", "low", "high", "n"), ("method", "reason")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agents": ("agent_id", "contacts", *_NUMBERS, "reliability", "p_above", "standing", *_WHY),
    "associations": ("feature", "outcome", "level", *_NUMBERS, "agents", "p", "p_adjusted", "minimal_detectable")
    + ("flag", "reading", *_WHY),
    "kpis": ("name", "unit", *_NUMBERS, "definition", *_WHY),
    "items": ("item", "section", "question", *_NUMBERS, "met", "not_met", "not_applicable", "unscored", "hint", *_WHY),
    "journey": ("channel", "tenth", *_NUMBERS, *_WHY),
    "coaching": ("agent_id", "contact_id", "skill", "strength", "turn", "speaker", "quote", "context")
    + ("why", "focus", "confidence"),
    "queue": ("contact_id", "agent_id", "item", "question", "critical", "why", "p_error", "turn", "quote", "reason"),
}
"""The columns of each CSV table, in their order."""

Table = tuple[Sequence[str], Sequence[Sequence[Cell]]]


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """The associations of one survey outcome; `clear` of `tested` rows are distinguishable from zero."""

    outcome: str
    chart: str | None
    rows: tuple[Association, ...]
    readings: tuple[str, ...]
    more_readings: tuple[str, ...]
    clear: int
    tested: int


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn split around the quote to mark; `cut` counts its characters that are not shown."""

    turn: int
    speaker: str
    before: str
    quote: str
    after: str
    cut: int


@dataclass(frozen=True, slots=True)
class MomentView:
    """A coaching moment with its turns in the order they were said."""

    moment: CoachingMoment
    turns: tuple[TurnView, ...]


@dataclass(frozen=True, slots=True)
class AgentMoments:
    """The coaching moments of one agent that stand on the page, strengths first, out of `total`."""

    agent_id: str
    moments: tuple[MomentView, ...]
    total: int


def write(findings: Findings, folder: Path) -> Path:
    """Write the CSV tables and index.html into `folder` and return the path of index.html.

    Each file is replaced whole or not at all, the page last. Raises RunError where the folder cannot be written.
    """
    files = {f"{name}.csv": csv_text(*table) for name, table in tables(findings).items()}
    files["index.html"] = html(findings)
    for name, content in files.items():
        write_atomically(folder / name, content.encode("utf-8", "replace"))
    return folder / "index.html"


def html(findings: Findings) -> str:
    """The whole report as one self-contained HTML page."""
    from cxsentiment.charts import MAX_ROWS, agents_chart, items_chart, journey_chart

    agents = sorted(findings.agents, key=lambda agent: _natural(agent.agent_id))
    items = _most_missed(findings.items)
    return _template().render(
        findings=findings,
        run=findings.run,
        kpis={kpi.name: kpi for kpi in findings.kpis},
        agents=agents,
        agents_chart=agents_chart(agents),
        items=items,
        items_chart=items_chart(items),
        journey_chart=journey_chart(findings.journey),
        outcomes=_outcomes(findings.associations),
        moments=_moments(findings.moments),
        queue=findings.queue[:_QUEUE_SHOWN],
        flags=sum(one.why == "flag" for one in findings.queue),
        methods=_methods(findings),
        receipt=_flat(findings.run),
        command=_command(findings.run),
        max_rows=MAX_ROWS,
        inputs_shown=_INPUTS_SHOWN,
    )


def tables(findings: Findings) -> dict[str, Table]:
    """The report's CSV tables by name: (column names, rows). A null is an empty cell; its reason stands in the row."""
    agents = sorted(findings.agents, key=lambda agent: _natural(agent.agent_id))
    records: dict[str, Sequence[object]] = {
        "agents": agents,
        "associations": findings.associations,
        "kpis": findings.kpis,
        "items": findings.items,
        "journey": findings.journey,
        "coaching": findings.moments,
        "queue": findings.queue,
    }
    return {
        name: (COLUMNS[name], [[_value(one, column) for column in COLUMNS[name]] for one in records[name]])
        for name in COLUMNS
    }


def _value(record: Any, column: str) -> Cell:
    """The field of that name, of the record or of its estimate."""
    if column == "context":
        return "\n".join(f"turn {turn.turn}, {turn.speaker}: {turn.text}" for turn in record.context)
    estimate = column in _OF_ESTIMATE and hasattr(record, "estimate")
    value: Cell = getattr(record.estimate, _OF_ESTIMATE[column]) if estimate else getattr(record, column)
    return value


# What the page shows


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that puts A2 before A10."""
    parts = re.split(r"0*([0-9]+)", name)  # every second part is a number: the longer one is the larger
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(parts)]


def _most_missed(items: Iterable[ItemRate]) -> list[ItemRate]:
    """The least met first; items without a rate last."""
    return sorted(items, key=lambda item: (item.estimate.value is None, item.estimate.value or 0.0))


def _outcomes(associations: Sequence[Association]) -> list[OutcomeView]:
    from cxsentiment.charts import associations_chart

    views = []
    for outcome in dict.fromkeys(association.outcome for association in associations):
        rows = tuple(a for a in associations if a.outcome == outcome)
        spoken = sorted((a for a in rows if a.reading), key=lambda a: (a.feature != "score", not is_clear(a)))
        readings = tuple(dict.fromkeys(a.reading for a in spoken))
        tested = [a for a in rows if a.p_adjusted is not None]
        shown, more = readings[:_READINGS_OPEN], readings[_READINGS_OPEN:]
        clear = sum(is_clear(a) for a in tested)
        views.append(OutcomeView(outcome, associations_chart(rows), rows, shown, more, clear, len(tested)))
    return views


def is_clear(association: Association) -> bool:
    """Whether the association is distinguishable from zero after the adjustment for many comparisons."""
    return association.p_adjusted is not None and association.p_adjusted <= FALSE_DISCOVERY_RATE


def _moments(moments: Sequence[CoachingMoment]) -> list[AgentMoments]:
    by_agent: dict[str, list[CoachingMoment]] = {}
    for moment in moments:
        by_agent.setdefault(moment.agent_id, []).append(moment)
    return [
        AgentMoments(agent, tuple(_moment(m) for m in _some(by_agent[agent])), len(by_agent[agent]))
        for agent in sorted(by_agent, key=_natural)
    ]


def _some(moments: Sequence[CoachingMoment]) -> list[CoachingMoment]:
    """Strengths first; where there are too many, half the places are kept for each kind."""
    strengths = [moment for moment in moments if moment.strength]
    others = [moment for moment in moments if not moment.strength]
    room = max(MOMENTS_SHOWN // 2, MOMENTS_SHOWN - len(others))
    strengths = strengths[:room]
    return strengths + others[: MOMENTS_SHOWN - len(strengths)]


def _moment(moment: CoachingMoment) -> MomentView:
    views = []
    for turn in moment.context:
        quote = moment.quote if turn.turn == moment.turn else ""
        shown = turn if quote in turn.text else QuotedTurn(turn.turn, turn.speaker, quote)
        views.append(_turn(shown, quote))
    return MomentView(moment, tuple(views))


def _turn(turn: QuotedTurn, quote: str) -> TurnView:
    """Split around the quote; a very long turn is cut, and the view says by how much."""
    text, quote = clean(turn.text), clean(quote)
    start = text.find(quote) if quote else -1
    if start < 0:
        shown = text[: 2 * _EXCERPT]
        return TurnView(turn.turn, turn.speaker, shown, "", "", len(text) - len(shown))
    before, after = text[:start][-_EXCERPT:], text[start + len(quote) :][:_EXCERPT]
    marked = quote[:_QUOTE]
    if len(marked) < len(quote):
        after = ""
    return TurnView(turn.turn, turn.speaker, before, marked, after, len(text) - len(before + marked + after))


def _methods(findings: Findings) -> list[tuple[str, list[str]]]:
    """The methods that the estimates name, by part of the report."""
    parts: dict[str, Iterable[Estimate]] = {
        "Agents": (agent.estimate for agent in findings.agents),
        "Scorecard items": (item.estimate for item in findings.items),
        "Survey associations": (association.estimate for association in findings.associations),
        "Sentiment journey": (point.estimate for point in findings.journey),
        "Key performance indicators": (kpi.estimate for kpi in findings.kpis),
    }
    named = ((part, dict.fromkeys(e.method for e in estimates)) for part, estimates in parts.items())
    return [(part, real) for part, methods in named if (real := [name for name in methods if name not in ("", "none")])]


def _flat(value: object, path: str = "") -> list[tuple[str, str]]:
    """A receipt as (dotted key, text) rows; parts that run.json alone repeats are left out."""
    if path in _NOT_REPEATED:
        return []
    if isinstance(value, Mapping):
        return [row for key, part in value.items() for row in _flat(part, f"{path}.{key}" if path else str(key))]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [(path, ", ".join(plain(part) for part in value) or _NONE)]
    return [(path, plain(value))]


def _command(run: Mapping[str, object]) -> str:
    """The commands that the receipt names, else their general form: what is not in the receipt is not guessed."""
    if run.get("command"):
        return "\n".join(clean(str(run[key])) for key in ("command", "report_command") if run.get(key))
    score = "cxsentiment score INPUT… --out RUN [--rubric …] [--model …] [--surveys … --csat-scale …]"
    return f"{score}\ncxsentiment report RUN"


# How values are printed


def plain(value: object) -> str:
    """Any value as text: a dash for null, yes or no, numbers without noise in the last digits."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}".replace("-", "−")
    return clean(str(value))


def number(value: object) -> str:
    """A count of the receipt, thousands apart; anything else as text."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else plain(value)


def decimals(places: int, unit: str = "") -> Callable[[float | None], str]:
    """A printer of numbers with `places` decimals and `unit`, thousands apart, a true minus sign, no negative zero."""

    def text(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return _NONE
        return f"{round(value, places) + 0.0:,.{places}f}".replace("-", "−") + unit

    return text


def percent(value: float | None) -> str:
    """A percentage (0-100) without decimals; what is not quite 0 or 100 does not print as 0% or 100%."""
    if value is None or not math.isfinite(value):
        return _NONE
    if 0 < value < 0.5:
        return "<1%"
    if 99.5 <= value < 100:
        return ">99%"
    return f"{value:.0f}%"


def share(value: float | None) -> str:
    """A share (0-1) as a whole percentage."""
    return percent(None if value is None else 100 * value)


def duration(seconds: float | None) -> str:
    """Seconds as seconds, minutes or hours, whichever reads best."""
    if seconds is None or abs(seconds) < 90:
        return decimals(1, " s")(seconds)
    return decimals(1, " min")(seconds / 60) if abs(seconds) < 5400 else decimals(1, " h")(seconds / 3600)


def p_value(p: float | None) -> str:
    """A p-value with three decimals, or `< .001`."""
    if p is None or not math.isfinite(p):
        return _NONE
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


PRINTERS: Mapping[str, Callable[[float | None], str]] = {
    "score": decimals(1),
    "r": decimals(2),
    "share": share,
    "percent": percent,
    "seconds": duration,
    "p": p_value,
}
"""How a number of each kind is printed."""


def interval(estimate: Estimate, kind: str) -> str:
    """The 95% interval as `low to high`, or a dash."""
    if estimate.low is None or estimate.high is None:
        return _NONE
    return f"{PRINTERS[kind](estimate.low)} to {PRINTERS[kind](estimate.high)}"


def kind_of(unit: str) -> str:
    """How a KPI of this unit is printed: percentages whole, seconds and points with one decimal."""
    return {"%": "percent", "s": "seconds", "answer": "r", "currency": "r"}.get(unit, "score")


def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from cxsentiment.charts import LEVELS, channel_words, words

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= PRINTERS
    environment.filters.update(
        plain=plain, number=number, interval=interval, words=words, channel=channel_words, clean=clean
    )
    environment.globals |= {"levels": LEVELS, "is_clear": is_clear, "kind_of": kind_of, "printers": PRINTERS}
    return environment.get_template("report.html.j2")
