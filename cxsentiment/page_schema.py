"""The nouns of coaching packs: what `cxsentiment coach` makes of a run, and its pages render."""

from dataclasses import dataclass

from cxsentiment.schema import CoachingMoment, Estimate


@dataclass(frozen=True, slots=True)
class Area:
    """A scorecard item that is a strength or a focus area of an agent, or of the team (then `agent_id` is empty).

    `own` is the share (0-1) of contacts that met it where it applied, `others` that of everybody else (of the weeks
    before, for the team), `difference` own less others. `kept` (0-1) is the share of the card's points that the item
    brings in a contact, `lost` the share it costs: its weight times how often it is met, or not.
    """

    agent_id: str
    item: str
    strength: bool
    question: str
    hint: str
    own: Estimate
    others: Estimate
    difference: Estimate
    kept: float
    lost: float


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """Mean score (0-100) of one week, of an agent and of all contacts; `agent_id` is empty for the team."""

    agent_id: str
    week: str
    own: Estimate
    everybody: Estimate


@dataclass(frozen=True, slots=True)
class CoachedSkill:
    """A skill before and after its coaching (a day, YYYY-MM-DD): an item's share in % or the score, both 0-100.

    `difference` is after less before; `others` that of agents who were not coached in it, over the same days.
    """

    agent_id: str
    skill: str
    day: str
    before: Estimate
    after: Estimate
    difference: Estimate
    others: Estimate


@dataclass(frozen=True, slots=True)
class Pack:
    """The coaching pack of an agent, or of the team (then `agent_id` is empty), for one week or for a whole run.

    `weeks` are those that the areas count; `moments` are of the week itself, or the team's library of good examples.
    """

    agent_id: str
    week: str
    weeks: tuple[str, ...]
    contacts: int
    scored: int
    strengths: tuple[Area, ...]
    focus: tuple[Area, ...]
    moments: tuple[CoachingMoment, ...]
    trend: tuple[TrendPoint, ...]
    coached: tuple[CoachedSkill, ...]
