"""The contacts of one customer in their order: the moods with which each began and ended, drawn and as numbers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cxsentiment.web.access import Person
from cxsentiment.web.facts import Facts

_SIDE = 6  # contacts shown before this one, and after it
_HEIGHT, _WIDTH, _EDGE = 100, 600, 8  # of the drawing, in its own units


@dataclass(frozen=True, slots=True)
class Step:
    """One contact: the moods (-1 to 1) at its start and end and the score (0-100), None where not known or `blind`;
    `x`, `begin` and `end` are where they are drawn; `here` marks the contact whose page this is.
    """

    contact_id: str
    started_at: str | None
    channel: str | None
    mood_start: float | None
    mood_end: float | None
    score: float | None
    blind: bool
    here: bool
    x: float
    begin: float | None
    end: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The contacts around one, oldest first, of `total` that this person may see."""

    steps: tuple[Step, ...]
    total: int

    @property
    def drawn(self) -> bool:
        """Whether any mood is known, so that there is something to draw."""
        return any(one.begin is not None or one.end is not None for one in self.steps)


def timeline(facts: Facts, row: Mapping[str, Any], person: Person, hidden: Collection[str]) -> Timeline | None:
    """The contacts of the customer of a row, at most six before and six after it; None where there is no other.

    An agent sees their own alone. `hidden` contacts are graded blind: nothing that the machine found in them is shown.
    """
    if not row["customer_id"]:
        return None
    condition, values = "customer_id = ?", [row["customer_id"]]
    if person.role == "agent":
        condition, values = f"{condition} AND agent_id = ?", [*values, person.agent_id]
    # names of ours; values are bound
    total = facts.number(f"SELECT count(*) FROM contacts WHERE {condition}", values)  # nosec B608
    if total < 2:
        return None
    # names of ours; values are bound
    asked = f"SELECT * FROM contacts WHERE {condition} AND place"  # nosec B608
    place = row["place"]  # the newest contact has place 1
    newer = facts.ask(f"{asked} < ? ORDER BY place DESC LIMIT {_SIDE}", [*values, place])
    older = facts.ask(f"{asked} >= ? ORDER BY place LIMIT {_SIDE + 1}", [*values, place])
    found = [*reversed(older), *newer]
    gap = _WIDTH / len(found)
    return Timeline(
        tuple(_step(one, one["place"] == place, hidden, gap * (k + 0.5)) for k, one in enumerate(found)), total
    )


def _step(row: Mapping[str, Any], here: bool, hidden: Collection[str], x: float) -> Step:
    blind = row["contact_id"] in hidden
    start, end, score = (None if blind else row[name] for name in ("sentiment_start", "sentiment_end", "score"))
    return Step(
        row["contact_id"],
        row["started_at"],
        row["channel"],
        start,
        end,
        score,
        blind,
        here,
        round(x, 1),
        _height(start),
        _height(end),
    )


def _height(mood: float | None) -> float | None:
    return None if mood is None else round(_HEIGHT / 2 - mood * (_HEIGHT / 2 - _EDGE), 1)
