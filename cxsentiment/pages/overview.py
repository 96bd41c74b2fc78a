"""The overview of a report: the few sentences and figures that a client is shown first. It names no agent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cxsentiment.amounts import counted
from cxsentiment.evidence import told_apart
from cxsentiment.page_schema import Section
from cxsentiment.pages.printing import PRINTERS, interval, kind_of, number
from cxsentiment.schema import Estimate, Findings, ItemRate

_NAMED = 2  # items named at either end
_ALL_CHANNELS = "all"


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the overview, and the part of the report that says more."""

    part: str
    title: str
    text: str


def overview(findings: Findings, sections: Sequence[Section]) -> tuple[Line, ...]:
    """What the report says, in the order of its parts; nothing where there is nothing to say."""
    return (
        *_quality(findings),
        *_agents(findings),
        *_items(findings),
        *_journey(findings),
        *_survey(findings),
        *_said("consistency", "Consistency", sections),
        *_said("kpis", "Targets", sections),
        *_queue(findings),
    )


def _quality(findings: Findings) -> Iterator[Line]:
    kpis = {kpi.name: kpi for kpi in findings.kpis}
    quality = kpis.get("Call quality")
    if quality and quality.estimate.value is not None:
        text = f"Contacts score {_value(quality.estimate, kind_of(quality.unit))} of 100 points on average"
        before = kpis.get("Call quality, before critical errors")
        if before and before.estimate.value is not None:
            text += f"; {_value(before.estimate, kind_of(before.unit))} without what flags of critical errors take off"
        text += "."
        yield Line("items", "Quality", text)
    csat = kpis.get("CSAT, satisfied customers")
    if csat and csat.estimate.value is not None:
        # A customer who comes back answers more than once: n counts answers.
        text = (
            f"{_value(csat.estimate, 'percent')} of the {number(csat.estimate.n)} answers are of satisfied customers."
        )
        yield Line("associations", "CSAT", text)


def _agents(findings: Findings) -> Iterator[Line]:
    placed = [agent.standing for agent in findings.agents if agent.standing is not None]
    if not placed:
        return
    told = sum(standing in ("above", "below") for standing in placed)
    text = (
        f"{number(told)} of {number(len(placed))} agents are probably above or below the mean of all (probability at "
        "least 90%); the others cannot be told apart from it."
        if told
        else f"None of the {number(len(placed))} agents can be told apart from the mean of all."
    )
    yield Line("agents", "Agents", text)


def _items(findings: Findings) -> Iterator[Line]:
    known = sorted((item for item in findings.items if item.estimate.value is not None), key=_met)
    if len(known) <= 2 * _NAMED:
        return
    missed = ", ".join(_item(item) for item in known[:_NAMED])
    kept = ", ".join(_item(item) for item in reversed(known[-_NAMED:]))
    yield Line("items", "Scorecard", f"Least often met: {missed}. Most often met: {kept}.")


def _journey(findings: Findings) -> Iterator[Line]:
    points = [p for p in findings.journey if p.channel == _ALL_CHANNELS and p.estimate.value is not None]
    if len(points) < 2:
        return
    first, last = points[0], points[-1]
    lowest = min(points, key=lambda point: point.estimate.value or 0.0)
    text = (
        f"Customers' words average {_value(first.estimate, 'r')} in the first tenth of a contact and "
        f"{_value(last.estimate, 'r')} in the last (−1 negative, +1 positive); they are lowest "
        f"{10 * lowest.tenth} to {10 * lowest.tenth + 10}% into it."
    )
    yield Line("journey", "Mood", text)


def _survey(findings: Findings) -> Iterator[Line]:
    tested = [one for one in findings.associations if one.p_adjusted is not None]
    if not tested:
        return
    clear = sum(told_apart(one) for one in tested)
    text = (
        f"{number(clear)} of {number(len(tested))} associations between what was measured and what customers answered "
        "can be told apart from chance. None of them shows a cause."
    )
    yield Line("associations", "Survey", text)


def _said(part: str, title: str, sections: Sequence[Section]) -> Iterator[Line]:
    for section in sections:
        if section.part == part and section.says:
            yield Line(part, title, section.says[0])
            return


def _queue(findings: Findings) -> Iterator[Line]:
    flags = sum(one.why == "flag" for one in findings.queue)
    if flags:
        wait = "waits" if flags == 1 else "wait"
        text = f"{counted(flags, 'flag')} of a critical error {wait} for a person. A flag is no finding."
        yield Line("queue", "To check", text)


def _met(item: ItemRate) -> float:
    return item.estimate.value or 0.0


def _item(item: ItemRate) -> str:
    return f"{item.item.replace('_', ' ')} ({PRINTERS['share'](item.estimate.value)})"


def _value(estimate: Estimate, kind: str) -> str:
    said = PRINTERS[kind](estimate.value)
    return said if estimate.low is None else f"{said} ({interval(estimate, kind)})"
