"""Indicators against their targets: attainment of each, and the balanced scorecard of four perspectives."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cxsentiment.kpis.indicators import Row
from cxsentiment.kpis.targets import Goal, Targets
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.estimates import missing
from cxsentiment.stats.rates import rule_of_three
from cxsentiment.stats.scorecard import PERSPECTIVES, Entry, Target, scorecard

Standing = Literal["reached", "not reached", "cannot be told"]
COMPOSITE = "composite"
# Numbers that were counted, or that somebody vouches for, need no interval to be held against a target.
_NO_SAMPLE = ("counted", "imported")
# Where answers are all equal, others that were not seen can lie no further away than the ends of their scale.
_ENDS: Mapping[str, tuple[float, float]] = {"nps": (-100.0, 100.0), "csat_mean": (0.0, 100.0), "ces_mean": (0.0, 10.0)}


@dataclass(frozen=True, slots=True)
class Attained:
    """One target: the indicator's estimate, how far it is attained (0 at the floor, 1 at the target, at most 1.2), and
    whether the target is reached, which cannot be told where the interval holds it, or where a sample has none
    (answers that are all equal have a bound all the same).
    """

    kpi: str
    name: str
    unit: str
    goal: Goal
    measured: Estimate
    estimate: Estimate
    standing: Standing | None


@dataclass(frozen=True, slots=True)
class Perspective:
    """Attainment (0 to 1.2) of a perspective, or of the composite."""

    name: str
    weight: float | None
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Balance:
    """Targets in the file's order, the four perspectives and last the composite, and notes."""

    targets: tuple[Attained, ...]
    perspectives: tuple[Perspective, ...]
    notes: tuple[str, ...]


def balance(rows: Mapping[str, Row], targets: Targets, day: str) -> Balance:
    """The balanced scorecard as of a day (YYYY-MM-DD); `rows` are the whole run's indicators by key."""
    goals = targets.valid_on(day)
    later = sorted({goal.kpi for goal in targets.targets} - {goal.kpi for goal in goals})
    notes = [f"targets as of {day}"]
    if later:
        notes.append(f"no target of these is valid yet: {', '.join(later)}")
    if not goals:
        reason = Reason("not_declared", f"no target is valid on {day}")
        empty = [Perspective(name, None, missing(reason, "none")) for name in (*PERSPECTIVES, COMPOSITE)]
        return Balance((), tuple(empty), tuple(notes))
    entries = [
        Entry(goal.perspective, goal.weight, _measured(rows, goal), Target(goal.target, goal.floor)) for goal in goals
    ]
    given = dict.fromkeys(PERSPECTIVES, 1.0) if targets.perspectives is None else targets.perspectives
    weights = {str(name): share for name, share in given.items()}
    found = scorecard(entries, weights)
    attained = tuple(
        Attained(
            goal.key,
            rows[goal.key].name if goal.key in rows else goal.kpi,
            rows[goal.key].unit if goal.key in rows else goal.unit,
            goal,
            entry.estimate,
            estimate,
            _standing(entry.estimate, goal),
        )
        for goal, entry, estimate in zip(goals, entries, found.attainments, strict=True)
    )
    return Balance(attained, _perspectives(found.perspectives, found.composite, weights), tuple(notes))


def _measured(rows: Mapping[str, Row], goal: Goal) -> Estimate:
    imported = goal.imported()
    return rows[goal.key].estimate if imported is None else imported


def _perspectives(
    found: Mapping[str, Estimate], composite: Estimate, weights: Mapping[str, float]
) -> tuple[Perspective, ...]:
    """All four; one that has a weight but no target leaves no composite, as one that is mostly unknown does."""
    absent = [name for name in weights if name not in found]
    if absent:
        reason = Reason(
            "not_declared",
            f"no composite, for no target belongs to: {', '.join(absent)}; weigh only the others (perspectives:)",
        )
        composite = missing(reason if composite.reason is None else reason.joined(composite.reason), composite.method)
    nothing = missing(Reason("not_declared", "no target belongs to this perspective"), "none")
    rows = [Perspective(name, weights.get(name), found.get(name, nothing)) for name in PERSPECTIVES]
    return (*rows, Perspective(COMPOSITE, None, composite))


def _standing(measured: Estimate, goal: Goal) -> Standing | None:
    if measured.value is None:
        return None
    if measured.reason_code in _NO_SAMPLE and (measured.low is None or measured.high is None):
        return "reached" if _at_least(measured.value, goal) else "not reached"
    interval = _interval(measured, goal.key)
    if interval is None:  # one answer, three agents: a value that chance may have made
        return "cannot be told"
    ends = _at_least(interval[0], goal), _at_least(interval[1], goal)
    if ends[0] != ends[1]:
        return "cannot be told"
    return "reached" if ends[0] else "not reached"


def _interval(measured: Estimate, key: str) -> tuple[float, float] | None:
    """The estimate's interval; for equal answers what is left if as many differ as may (rule of three), at an end."""
    if measured.low is not None and measured.high is not None:
        return measured.low, measured.high
    unseen, value = rule_of_three(measured.n).high, measured.value
    low, high = _ENDS.get(key, (math.inf, -math.inf))
    if measured.reason_code != "constant" or unseen is None or value is None or not low <= value <= high:
        return None
    return value - unseen * (value - low), value + unseen * (high - value)


def _at_least(value: float, goal: Goal) -> bool:
    return value >= goal.target if goal.direction == "higher" else value <= goal.target
