"""Findings to one self-contained HTML page: style and charts inside, no script, no font, no request."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxsentiment.evidence import told_apart
from cxsentiment.page_schema import Section
from cxsentiment.pages.moments import by_agent
from cxsentiment.pages.overview import overview
from cxsentiment.pages.printing import NONE, natural, plain
from cxsentiment.pages.rendering import template
from cxsentiment.schema import Association, Estimate, Findings, ItemRate
from cxsentiment.text import clean

_READINGS_OPEN = 8  # reading sentences that stand open; the rest unfold
_INPUTS_SHOWN = 20
_QUEUE_SHOWN = 20
# Long parts of the receipt that run.json holds and the page does not repeat.
_NOT_REPEATED = {"inputs", "files", "rubric.content", "warnings", "notes", "null_reasons"}


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


def html(findings: Findings, sections: Sequence[Section] = (), *, client: bool = False) -> str:
    """The whole report as one self-contained HTML page; each section stands at the end of its part.

    For a `client` it leaves out agents, coaching moments, single contacts, customers, warnings and the receipt, of
    which it gives the identity.
    """
    from cxsentiment.charts import MAX_ROWS, agents_chart, items_chart, journey_chart

    agents = sorted(findings.agents, key=lambda agent: natural(agent.agent_id))
    items = _most_missed(findings.items)
    return template("report.html.j2").render(
        findings=findings,
        run=findings.run,
        kpis={kpi.name: kpi for kpi in findings.kpis},
        agents=agents,
        agents_chart=agents_chart(agents),
        items=items,
        items_chart=items_chart(items),
        journey_chart=journey_chart(findings.journey),
        outcomes=_outcomes(findings.associations),
        moments=by_agent(findings.moments),
        queue=findings.queue[:_QUEUE_SHOWN],
        told_apart=told_apart,
        flags=sum(one.why == "flag" for one in findings.queue),
        methods=_methods(findings),
        receipt=_flat(findings.run),
        command=_command(findings.run),
        sections=sections,
        client=client,
        overview=overview(findings, sections),
        max_rows=MAX_ROWS,
        inputs_shown=_INPUTS_SHOWN,
    )


def _most_missed(items: Iterable[ItemRate]) -> list[ItemRate]:
    """The least met first; items without a rate last."""
    return sorted(items, key=lambda item: (item.estimate.value is None, item.estimate.value or 0.0))


def _outcomes(associations: Sequence[Association]) -> list[OutcomeView]:
    from cxsentiment.charts import associations_chart

    views = []
    for outcome in dict.fromkeys(association.outcome for association in associations):
        rows = tuple(a for a in associations if a.outcome == outcome)
        spoken = sorted((a for a in rows if a.reading), key=lambda a: (a.feature != "score", not told_apart(a)))
        readings = tuple(dict.fromkeys(a.reading for a in spoken))
        tested = [a for a in rows if a.p_adjusted is not None]
        shown, more = readings[:_READINGS_OPEN], readings[_READINGS_OPEN:]
        clear = sum(told_apart(a) for a in tested)
        views.append(OutcomeView(outcome, associations_chart(rows), rows, shown, more, clear, len(tested)))
    return views


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
        return [(path, ", ".join(plain(part) for part in value) or NONE)]
    return [(path, plain(value))]


def _command(run: Mapping[str, object]) -> str:
    """The commands that the receipt names, else their general form: what is not in the receipt is not guessed."""
    if run.get("command"):
        return "\n".join(clean(str(run[key])) for key in ("command", "report_command") if run.get(key))
    score = "cxsentiment score INPUT… --out RUN [--rubric …] [--model …] [--surveys … --csat-scale …]"
    return f"{score}\ncxsentiment report RUN"
