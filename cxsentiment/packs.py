"""A finished run → coaching packs of one week: of each agent, and of the team."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.amounts import counted
from cxsentiment.coach_files import SCORE, read_coaching, read_teams
from cxsentiment.coached import coached_skills
from cxsentiment.coaching.areas import agent_areas, team_areas, verdicts_of
from cxsentiment.coaching.moments import library, moments
from cxsentiment.coaching.trend import LONGEST, trends
from cxsentiment.consistency.measures import measures
from cxsentiment.errors import UsageError
from cxsentiment.page_schema import Area, CoachedSkill, Pack, TrendPoint
from cxsentiment.rubric.reading import texts_of
from cxsentiment.schema import CoachingMoment, ItemText, Reject
from cxsentiment.starts import Starts, in_future, starts, week_name
from cxsentiment.stats.arrays import BoolArray, IntArray, codes, floats

WHOLE = "all"
_AREA_WEEKS = 4
_ENOUGH = 1 / 4
"""Of the contacts of a full week, the share from which a week is coached on unasked."""


@dataclass(frozen=True, slots=True)
class Packs:
    """The packs of agents by id, of teams by name, and of everybody together, the week ("all": the whole run), what to
    know of them, rows refused.
    """

    agents: tuple[Pack, ...]
    teams: tuple[Pack, ...]
    team: Pack
    week: str
    notes: tuple[str, ...]
    rejects: tuple[Reject, ...]
    demo: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: agents (none: all), a week (YYYY-Www, "all", or None: the last full one), a campaign, files of
    who was coached in what and who is in which team, the zone of the wall clock and the order of dates.
    """

    agents: Sequence[str] = ()
    week: str | None = None
    campaign: str | None = None
    coached: str | None = None
    teams: str | None = None
    zone: str | None = None
    date_order: str | None = None


def gather(run: Path, wanted: Wanted) -> Packs:
    """The packs of a finished run.

    Raises:
        RunError: for a folder that is no finished run.
        UsageError: for an agent, week or campaign that the run does not have, and a file that cannot be used.
    """
    receipt = runs.require_complete(run)
    zone = wanted.zone or receipt["settings"].get("timezone")
    contacts, items = runs.read_table(run, "contacts"), runs.read_table(run, "items")
    if wanted.campaign is not None:
        _known("--campaign", wanted.campaign, codes(contacts["campaign"])[1])
        contacts = contacts.filter(pc.equal(contacts["campaign"], wanted.campaign))
    agent_of, agents = codes(contacts["agent_id"])
    for name in wanted.agents:
        _known("--agent", name, agents)
    times = _times(contacts, receipt, zone, wanted.date_order)
    week_of, weeks = _weeks(times)
    notes = [*times.notes()] if weeks else ["No contact has a start that is known, so the packs are of the whole run."]
    at = _week(wanted.week, week_of, weeks)
    if at is not None and (week_of < 0).any():
        notes.append("Contacts whose start is not known are in no week's packs; --week all takes them in.")
    if wanted.week is None and at is not None and at < len(weeks) - 1:
        notes.append(_passed_over(week_of, weeks, at))
    inside, wide = _parts(week_of, at)
    earlier = _earlier(week_of, at)
    skills, rejects = _coached(wanted, zone, contacts, items, agents, agent_of, times)
    texts = texts_of(receipt["rubric"]["content"])
    found = _Run(contacts, runs.read_table(run, "turns"), items, texts, agent_of, agents)
    shown, place = _shown(week_of, weeks, at)
    trend = trends(floats(contacts["score"]), agent_of, agents, place, shown)
    verdicts = verdicts_of(contacts, items)
    areas = agent_areas(verdicts, agent_of, agents, wide, texts)
    week = WHOLE if at is None else weeks[at]
    over = tuple(weeks[max(0, at + 1 - _AREA_WEEKS) : at + 1]) if at is not None else ()
    made = [
        replace(
            _pack(found, name, week, inside, areas[name], picked),
            weeks=over,
            trend=tuple(trend[name]),
            coached=tuple(one for one in skills if one.agent_id == name),
        )
        for name, picked in _picked(found, inside, wanted.agents).items()
    ]
    members, refused = read_teams(wanted.teams, agents) if wanted.teams else ({}, ())
    groups = {name: np.isin(agent_of, [agents.index(one) for one in own]) for name, own in members.items()}
    everybody, *teams = [
        replace(
            _pack(found, "", week, inside & own, team_areas(verdicts, inside & own, earlier & own, texts), picked),
            team=name,
            weeks=over[-1:],
            trend=_team_trend(contacts, name, own, place, shown, trend[""]),
            coached=tuple(one for one in skills if not name or one.agent_id in members[name]),
        )
        for name, own in {"": np.ones(agent_of.size, dtype=np.bool_), **groups}.items()
        for picked in [library(*found.part(inside & own), texts)]
    ]
    if absent := sorted(set(wanted.agents) - {one.agent_id for one in made}):
        notes.append(f"No contact in this week: {', '.join(absent)}.")
    every = (*rejects, *refused)
    return Packs(tuple(made), tuple(teams), everybody, week, tuple(notes), every, bool(receipt.get("demo")))


def _team_trend(
    contacts: pa.Table, name: str, own: BoolArray, place: IntArray, weeks: list[str], everybody: Sequence[TrendPoint]
) -> tuple[TrendPoint, ...]:
    if not name:
        return tuple(everybody)
    agent_of, _ = codes(contacts["agent_id"])
    points = trends(floats(contacts["score"]), agent_of, [], np.where(own, place, -1), weeks)[""]
    return tuple(TrendPoint(name, p.week, p.own, whole.own) for p, whole in zip(points, everybody, strict=True))


@dataclass(frozen=True, slots=True)
class _Run:
    contacts: pa.Table
    turns: pa.Table
    items: pa.Table
    texts: Mapping[str, ItemText]
    agent_of: IntArray
    agents: list[str]

    def part(self, inside: BoolArray) -> tuple[pa.Table, pa.Table, pa.Table]:
        """Contacts, turns and verdicts of some contacts."""
        contacts = self.contacts.filter(pa.array(inside))
        ids = contacts["contact_id"].combine_chunks()
        turns, items = (
            table.filter(pc.is_in(table["contact_id"], value_set=ids)) for table in (self.turns, self.items)
        )
        return contacts, turns, items


def _pack(
    run: _Run,
    agent: str,
    week: str,
    inside: BoolArray,
    areas: Sequence[Area],
    picked: Sequence[CoachingMoment],
) -> Pack:
    own = inside & (run.agent_of == run.agents.index(agent)) if agent else inside
    scored = own & ~np.isnan(floats(run.contacts["score"]))
    return Pack(
        agent,
        week,
        (),
        int(own.sum()),
        int(scored.sum()),
        tuple(one for one in areas if one.strength),
        tuple(one for one in areas if not one.strength),
        tuple(picked),
        (),
        (),
    )


def _picked(run: _Run, inside: BoolArray, wanted: Sequence[str]) -> dict[str, list[CoachingMoment]]:
    """The moments of each agent that is asked for and has a contact."""
    names = wanted or run.agents
    part = inside & np.isin(run.agent_of, [run.agents.index(name) for name in names])
    present = {run.agents[code] for code in np.unique(run.agent_of[part]).tolist()}
    found: dict[str, list[CoachingMoment]] = {name: [] for name in run.agents if name in present}
    # Of everybody's contacts, whoever is asked for: how often all agents miss an item decides which examples are good,
    # and a turn of one agent may stand in another's contact.
    for one in moments(*run.part(inside), run.texts):
        # A turn may be another agent's than the contact's: whoever has no pack here gets it elsewhere.
        if one.agent_id in found:
            found[one.agent_id].append(one)
    return found


def _times(contacts: pa.Table, receipt: Mapping[str, Any], zone: str | None, order: str | None) -> Starts:
    """Starts, without those after the run was made: they are mistakes."""
    times = starts(contacts["started_at"], zone, order)
    made = starts(pa.chunked_array([[receipt.get("started_at")]], pa.string()), zone).at[0]
    if np.isnan(made):
        return times
    future = in_future(times, float(made))
    return replace(times, at=np.where(future, np.nan, times.at), local=np.where(future, np.nan, times.local))


def _weeks(times: Starts) -> tuple[IntArray, list[str]]:
    """The place of each contact's week (-1 where not known), and the names of all weeks from first to last."""
    number = times.week
    if not (number >= 0).any():
        return np.full(number.size, -1), []
    first, last = int(number[number >= 0].min()), int(number.max())
    return np.where(number >= 0, number - first, -1), [week_name(one) for one in range(first, last + 1)]


def _week(wanted: str | None, week_of: IntArray, weeks: Sequence[str]) -> int | None:
    """The place of the week asked for; None for the whole run.

    Where none is asked for, the last one that has at least a quarter as many contacts as the fullest of the eight weeks
    up to the last: two contacts of a Monday morning are no week to coach on.
    """
    if wanted == WHOLE or (wanted is None and not weeks):
        return None
    if wanted is None:
        counts = np.bincount(week_of[week_of >= 0], minlength=len(weeks))
        return int(np.flatnonzero(counts >= counts[-LONGEST:].max() * _ENOUGH)[-1])
    if not weeks:
        raise UsageError(f"--week {wanted}", "no contact of this run has a start", do="Say --week all, or leave it out")
    if wanted.upper() not in weeks:
        span = f"{weeks[0]} to {weeks[-1]}, or all"
        raise UsageError(f"--week {wanted}", "is no week of this run", allowed=span)
    return weeks.index(wanted.upper())


def _passed_over(week_of: IntArray, weeks: Sequence[str], at: int) -> str:
    last = counted(int((week_of == len(weeks) - 1).sum()), "contact")
    return (
        f"The last week, {weeks[-1]}, has {last}, too few beside other weeks: these packs are of {weeks[at]}. "
        f"--week {weeks[-1]} makes those of the last one."
    )


def _parts(week_of: IntArray, at: int | None) -> tuple[BoolArray, BoolArray]:
    """The contacts of the week, and those of the four weeks up to it; all of them where there is no week."""
    if at is None:
        every = np.ones(week_of.size, dtype=np.bool_)
        return every, every
    return week_of == at, (week_of > at - _AREA_WEEKS) & (week_of <= at)


def _coached(
    wanted: Wanted,
    zone: str | None,
    contacts: pa.Table,
    items: pa.Table,
    agents: list[str],
    agent_of: IntArray,
    times: Starts,
) -> tuple[tuple[CoachedSkill, ...], tuple[Reject, ...]]:
    if wanted.coached is None:
        return (), ()
    values = measures(contacts, items)
    skills = [SCORE, *(one.name.removeprefix("item:") for one in values if one.name != SCORE)]
    lines, rejects = read_coaching(wanted.coached, agents, skills, order=wanted.date_order, zone=zone)
    return coached_skills(lines, values, times, agent_of, agents), rejects


def _shown(week_of: IntArray, weeks: list[str], at: int | None) -> tuple[list[str], IntArray]:
    """The weeks of the trend, up to the pack's week, and each contact's place in them (-1: in none)."""
    last = len(weeks) if at is None else at + 1
    first = max(0, last - LONGEST)
    return weeks[first:last], np.where((week_of >= first) & (week_of < last), week_of - first, -1)


def _earlier(week_of: IntArray, at: int | None) -> BoolArray:
    """The contacts of the four weeks before the pack's week; none where it is of the whole run."""
    if at is None:
        return np.zeros(week_of.size, dtype=np.bool_)
    return (week_of >= max(0, at - _AREA_WEEKS)) & (week_of < at)


def _known(option: str, name: str, names: Sequence[str]) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1)
    do = f"Did you mean {near[0]}?" if near else f"{len(names)} are known, such as {', '.join(names[:3]) or 'none'}"
    raise UsageError(f"{option} {name}", "is not in this run", do=do)
