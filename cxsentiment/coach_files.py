"""Files of a coach: who was coached in what and when, and which team an agent belongs to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.ingest.sources import find_sources, ignore
from cxsentiment.ingest.survey_files import open_rows
from cxsentiment.ingest.tables import missing_column
from cxsentiment.ingest.values import text_or_none
from cxsentiment.schema import Reject

SCORE = "score"
"""The skill that stands for the score as a whole."""
_NAMES = {
    "agent_id": ("agent_id", "agent"),
    "skill": ("skill", "item"),
    "date": ("date", "day", "coached_on"),
    "team": ("team", "group"),
}
_NO_PRESENT = datetime(9000, 1, 1, tzinfo=UTC)
_Line = TypeVar("_Line")
Cells = Mapping[str, object]


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
    dates = DateRules(order, zone)  # type: ignore[arg-type]

    def line(cells: Cells, where: str) -> Coaching:
        agent, skill = _agent(cells, where, agents), _text(cells, "skill", where)
        if skill not in skills:
            raise InputError("unknown_skill", where, f"{skill!r} is no skill", allowed=", ".join(skills))
        try:
            moment = read_date(cells["date"], dates, _NO_PRESENT)
        except DateError as error:
            raise InputError(error.code, where, f"date {error}") from error
        if moment is None:
            raise InputError("missing_date", where, "does not say when")
        return Coaching(agent, skill, moment.at.date().isoformat())

    return _read(path, ("agent_id", "skill", "date"), line)


def read_teams(path: str, agents: Sequence[str]) -> tuple[dict[str, list[str]], tuple[Reject, ...]]:
    """Read a CSV, Excel or Parquet file of the columns agent_id and team: agents by team, and the rows refused.

    A row whose agent the run does not know is refused, and so is an agent's second row. Raises UsageError for a file
    that cannot be read or lacks a column.
    """
    seen: set[str] = set()

    def line(cells: Cells, where: str) -> tuple[str, str]:
        agent, team = _agent(cells, where, agents), _text(cells, "team", where)
        if agent in seen:
            raise InputError("duplicate_agent", where, f"{agent!r} stands in an earlier row, which is kept")
        seen.add(agent)
        return team, agent

    lines, rejects = _read(path, ("agent_id", "team"), line)
    found: dict[str, list[str]] = {}
    for team, agent in lines:
        found.setdefault(team, []).append(agent)
    return dict(sorted(found.items())), rejects


def _read(
    path: str, needed: Sequence[str], line: Callable[[Cells, str], _Line]
) -> tuple[tuple[_Line, ...], tuple[Reject, ...]]:
    """What `line` makes of the needed cells of each row; rows for which it raises InputError are refused."""
    found, rejects = [], []
    try:
        for source in find_sources([path]):
            opened = open_rows(source, None)
            if opened is None:
                continue
            fields = replace(opened, names={**opened.names, **_NAMES}).layout(tuple(needed), {}).fields
            for name in needed:
                if name not in fields:
                    raise missing_column(opened.table.source, opened.table.columns, name)
            for row in opened.table.rows(ignore):
                where = f"{opened.table.source}:{row.number}"
                try:
                    if row.problem:
                        raise InputError("bad_row", where, row.problem)
                    found.append(line({name: row.cells[at] for name, at in fields.items()}, where))
                except InputError as error:
                    rejects.append(Reject(opened.table.source, row.number, None, error.code, error.message))
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do) from error
    return tuple(found), tuple(rejects)


def _agent(cells: Cells, where: str, agents: Sequence[str]) -> str:
    agent = _text(cells, "agent_id", where)
    if agent not in agents:
        raise InputError("unknown_agent", where, f"no contact of this run names the agent {agent!r}")
    return agent


def _text(cells: Cells, name: str, where: str) -> str:
    try:
        text = text_or_none(cells[name])
    except ValueError as error:
        raise InputError("bad_row", where, f"{name} {error}") from error
    if text is None:
        raise InputError(f"missing_{name}", where, f"has no {name}")
    return text
