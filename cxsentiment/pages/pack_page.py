"""Coaching packs as pages: one or two sheets of paper for an agent's week, and the index of them all."""

from collections.abc import Mapping, Sequence

from cxsentiment.charts import trend_chart
from cxsentiment.page_schema import Pack
from cxsentiment.pages.moments import view
from cxsentiment.pages.printing import natural
from cxsentiment.pages.rendering import template

_EXCERPT, _QUOTE = 160, 320  # shorter than on the report's page, so that a pack stays on two sheets


def pack_page(pack: Pack, *, demo: bool = False) -> str:
    """The pack of an agent, or of the team, as one self-contained HTML page."""
    return template("pack.html.j2").render(
        pack=pack,
        team=not pack.agent_id,
        moments=[view(one, excerpt=_EXCERPT, most=_QUOTE) for one in pack.moments],
        trend=trend_chart(pack.trend, "own"),
        demo=demo,
    )


def index_page(
    packs: Sequence[Pack],
    week: str,
    names: Mapping[str, str],
    notes: Sequence[str],
    *,
    demo: bool,
    team: bool,
    teams: Mapping[str, str],
) -> str:
    """Links to all packs, agents by id; `names` are the file names of agents, `teams` the pages of teams by name, and
    `team` says whether there is a pack of everybody.
    """
    return template("packs.html.j2").render(
        packs=sorted(packs, key=lambda pack: natural(pack.agent_id)),
        week=week,
        names=names,
        notes=notes,
        demo=demo,
        team=team,
        teams=teams,
    )
