"""A file of who was coached in what, and when → that skill before and after, with its interval.

A change after coaching is no proof that the coaching made it: who is coached after a bad spell does better by chance
alone. Therefore the change of the agents who were not coached in the skill stands beside it, over the same days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from cxsentiment.consistency.measures import Measure
from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.ingest.sources import find_sources, ignore
from cxsentiment.ingest.survey_files import open_rows
from cxsentiment.ingest.tables import missing_column
from cxsentiment.ingest.values import text_or_none
from cxsentiment.page_schema import CoachedSkill
from cxsentiment.schema import Estimate, Reject
from cxsentiment.starts import Starts, within
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray
from cxsentiment.stats.equivalence import contrast
from cxsentiment.stats.estimates import scaled
from cxsentiment.stats.means import mean_difference, mean_t_interval
from cxsentiment.stats.rates import share_difference, share_interval

_FIELDS = ("agent_id", "skill", "date")
_NAMES = {"agent_id": ("agent_id", "agent"), "skill": ("skill", "item"), "date": ("date", "day", "coached_on")}
_NO_PRESENT = datetime(9000, 1, 1, tzinfo=UTC)
SCORE = "score"


@dataclass(frozen=True, slots=True)
class Coaching:
    """One line of the file: an agent was coached in a skill (an item's id, or `score`) on a day, YYYY-MM-DD."""

    agent_id: str
    skill: str
    day: str


def read_coaching(
    path: str, agents: Sequence[str], skills: Sequence[str], *, order: str | None = None, zone: str | None = None
) -> tuple[tuple[Coaching, ...], tuple[Reject, ...]]:
    """Read a CSV, Excel or Parquet file of the columns agent_id, skill and date; and the rows that were refused.

    A row whose agent or skill the run does not know is refused. Raises UsageError for a file that cannot be read or
    lacks a column.
    """
    try:
        return _read(path, agents, skills, DateRules(order, zone))  # type: ignore[arg-type]
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do) from error


def _read(
    path: str, agents: Sequence[str], skills: Sequence[str], dates: DateRules
) -> tuple[tuple[Coaching, ...], tuple[Reject, ...]]:
    found: list[Coaching] = []
    rejects = []
    for source in find_sources([path]):
        opened = open_rows(source, None)
        if opened is None:
            continue
        fields = replace(opened, names={**opened.names, **_NAMES}).layout(_FIELDS, {}).fields
        for needed in _FIELDS:
            if needed not in fields:
                raise missing_column(opened.table.source, opened.table.columns, needed)
        for row in opened.table.rows(ignore):
            where = f"{opened.table.source}:{row.number}"
            try:
                if row.problem:
                    raise InputError("bad_row", where, row.problem)
                found.append(_row({name: row.cells[at] for name, at in fields.items()}, where, agents, skills, dates))
            except InputError as error:
                rejects.append(Reject(opened.table.source, row.number, None, error.code, error.message))
    return tuple(found), tuple(rejects)


def _row(
    cells: Mapping[str, object], where: str, agents: Sequence[str], skills: Sequence[str], dates: DateRules
) -> Coaching:
    try:
        agent, skill = text_or_none(cells["agent_id"]), text_or_none(cells["skill"])
    except ValueError as error:
        raise InputError("bad_row", where, str(error)) from error
    if agent is None or agent not in agents:
        raise InputError("unknown_agent", where, f"no contact of this run names the agent {agent!r}")
    if skill is None or skill not in skills:
        raise InputError("unknown_skill", where, f"{skill!r} is no skill", allowed=", ".join(skills))
    try:
        moment = read_date(cells["date"], dates, _NO_PRESENT)
    except DateError as error:
        raise InputError(error.code, where, f"date {error}") from error
    if moment is None:
        raise InputError("missing_date", where, "does not say when")
    return Coaching(agent, skill, moment.at.date().isoformat())


def coached_skills(
    lines: Sequence[Coaching], values: Sequence[Measure], times: Starts, agent_of: IntArray, agents: Sequence[str]
) -> tuple[CoachedSkill, ...]:
    """Each line's skill in the days before it and from the day after it on; the day itself is in neither."""
    by_name = {one.name.removeprefix("item:"): one.value for one in values}
    rows = []
    for line in lines:
        value = by_name[line.skill]
        upto = within(times, "0001-01-01", line.day)
        on = within(times, line.day, line.day)
        before, after = upto & ~on, within(times, line.day, "9999-12-31") & ~on
        own = agent_of == agents.index(line.agent_id)
        told = {agents.index(other.agent_id) for other in lines if other.skill == line.skill}
        others = (agent_of >= 0) & ~np.isin(agent_of, sorted(told))
        rows.append(
            CoachedSkill(
                line.agent_id,
                line.skill,
                line.day,
                _level(value[own & before], line.skill),
                _level(value[own & after], line.skill),
                _change(value[own & before], value[own & after], line.skill),
                _others(value, before, after, others, agent_of),
            )
        )
    return tuple(rows)


def _level(value: FloatArray, skill: str) -> Estimate:
    return mean_t_interval(value) if skill == SCORE else scaled(share_interval(value / 100), 100)


def _change(before: FloatArray, after: FloatArray, skill: str) -> Estimate:
    if skill == SCORE:
        return mean_difference(after, before)
    counts = [(int(np.nansum(part) / 100 + 0.5), int(np.sum(~np.isnan(part)))) for part in (after, before)]
    return scaled(share_difference(*counts[0], *counts[1]), 100)


def _others(value: FloatArray, before: BoolArray, after: BoolArray, others: BoolArray, agent_of: IntArray) -> Estimate:
    use = others & (before | after)
    return contrast(value[use], after[use].astype(np.float64), agent_of[use]).difference
