"""The nouns of pages: coaching packs, and the parts of a report that are text, drawings and tables of ready cells."""

from dataclasses import dataclass
from typing import Literal

from cxsentiment.schema import CoachingMoment, Estimate


@dataclass(frozen=True, slots=True)
class Area:
    """A scorecard item that is a strength or a focus area of an agent, or of a team (then `agent_id` is empty).

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
    """Mean score (0-100) of one week, of an agent or a team (`of`; empty for everybody) and of all contacts."""

    of: str
    week: str
    own: Estimate
    everybody: Estimate


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One contact of a listed customer, in the order of their starts; moods from -1 to 1, score 0-100."""

    customer_id: str
    place: int
    contact_id: str
    day: str
    channel: str | None
    queue: str | None
    mood_start: float | None
    mood_end: float | None
    score: float | None
    csat: float | None


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
    """The coaching pack of an agent, or of a team (then `agent_id` is empty), for one week or for a whole run.

    `team` names a team; it is empty for an agent, and for everybody together. `weeks` are those that the areas count;
    `moments` are of the week itself, or the team's library of good examples.
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
    team: str = ""


Kind = Literal["id", "short", "n", "note", "long"]
"""How a column is set: an id or name, a short word, a number, a note, a long text."""
Columns = tuple[tuple[str, Kind], ...]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table of ready cells; the first cell of a row names it. `columns` are (heading, how the column is set).

    A `private` one names customers, and does not stand on a client's page.
    """

    id: str
    caption: str
    columns: Columns
    rows: tuple[tuple[str, ...], ...]
    private: bool = False


@dataclass(frozen=True, slots=True)
class FigureView:
    """A drawing (SVG) and what it shows; a `private` one names customers, as of tables."""

    svg: str
    caption: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of a report: it stands at the end of the part of that id, under its title.

    `says` is what to take from it, in plain words; `text` what it is; `notes` what to know before believing it.
    """

    part: str
    title: str
    says: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    figures: tuple[FigureView, ...] = ()
    tables: tuple[TableView, ...] = ()
    notes: tuple[str, ...] = ()
