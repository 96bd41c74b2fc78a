"""Coaching moments as pages show them: the turns in their order, the quote marked, long turns cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from cxsentiment.pages.printing import natural
from cxsentiment.schema import CoachingMoment, QuotedTurn
from cxsentiment.text import clean

MOMENTS_SHOWN = 6
"""At most this many coaching moments of an agent stand on the page; coaching.csv has all."""
_TITLES = {
    "empathy": "missed empathy",
    "advice_first": "advice before acknowledging",
    "acknowledging": "acknowledging a trouble",
    "recovery": "recovering a contact",
}
_EXCERPT = 300  # characters of a turn shown on either side of its quote
_QUOTE = 600  # characters of a quote shown


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


def skill_words(skill: str) -> str:
    """A skill as words; an item of the scorecard by its id."""
    return _TITLES.get(skill, skill.replace("_", " "))


def by_agent(moments: Sequence[CoachingMoment]) -> list[AgentMoments]:
    """The moments of each agent that stand on a page, agents by id."""
    found: dict[str, list[CoachingMoment]] = {}
    for moment in moments:
        found.setdefault(moment.agent_id, []).append(moment)
    return [
        AgentMoments(agent, tuple(view(m) for m in _some(found[agent])), len(found[agent]))
        for agent in sorted(found, key=natural)
    ]


def _some(moments: Sequence[CoachingMoment]) -> list[CoachingMoment]:
    """Strengths first; where there are too many, half the places are kept for each kind."""
    strengths = [moment for moment in moments if moment.strength]
    others = [moment for moment in moments if not moment.strength]
    room = max(MOMENTS_SHOWN // 2, MOMENTS_SHOWN - len(others))
    strengths = strengths[:room]
    return strengths + others[: MOMENTS_SHOWN - len(strengths)]


def view(moment: CoachingMoment, *, excerpt: int = _EXCERPT, most: int = _QUOTE) -> MomentView:
    """A moment with its turns split around the quote: at most `most` characters of it, `excerpt` on either side."""
    views = []
    for turn in moment.context:
        quote = moment.quote if turn.turn == moment.turn else ""
        shown = turn if quote in turn.text else QuotedTurn(turn.turn, turn.speaker, quote)
        views.append(_turn(shown, quote, excerpt, most))
    return MomentView(moment, tuple(views))


def _turn(turn: QuotedTurn, quote: str, excerpt: int, most: int) -> TurnView:
    """Split around the quote; a very long turn is cut, and the view says by how much."""
    text, quote = clean(turn.text), clean(quote)
    start = text.find(quote) if quote else -1
    if start < 0:
        shown = text[: 2 * excerpt]
        return TurnView(turn.turn, turn.speaker, shown, "", "", len(text) - len(shown))
    before, after = text[:start][-excerpt:], text[start + len(quote) :][:excerpt]
    marked = quote[:most]
    if len(marked) < len(quote):
        after = ""
    return TurnView(turn.turn, turn.speaker, before, marked, after, len(text) - len(before + marked + after))
