"""Mean score by week: of an agent, and of all contacts."""

from collections.abc import Sequence

import numpy as np

from cxsentiment.page_schema import TrendPoint
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray
from cxsentiment.stats.estimates import clipped
from cxsentiment.stats.means import clustered_mean, mean_t_interval

LONGEST = 8
"""Weeks that a trend goes back, the pack's own week among them."""


def trends(
    score: FloatArray, agent_of: IntArray, agents: Sequence[str], week_of: IntArray, weeks: Sequence[str]
) -> dict[str, list[TrendPoint]]:
    """By agent ("" for everybody together), a point for each of `weeks`, in their order.

    Shapes (n,): scores 0-100 (NaN where a contact has none), agents' codes, and places in `weeks`; -1 is neither. The
    interval of an agent is Student's t; that of everybody allows for the contacts of one agent being alike.
    """
    inside = (week_of >= 0) & ~np.isnan(score)
    everybody = [
        clipped(clustered_mean(score[inside & (week_of == k)], agent_of[inside & (week_of == k)]), 0.0, 100.0)
        for k in range(len(weeks))
    ]
    cell = np.where(inside & (agent_of >= 0), agent_of * len(weeks) + week_of, -1)
    order = np.argsort(cell, kind="stable")
    ends = np.searchsorted(cell[order], np.arange(len(agents) * len(weeks) + 1))

    def own(agent: int, week: int) -> Estimate:
        place = agent * len(weeks) + week
        return clipped(mean_t_interval(score[order[ends[place] : ends[place + 1]]]), 0.0, 100.0)

    found = {
        name: [TrendPoint(name, week, own(code, k), everybody[k]) for k, week in enumerate(weeks)]
        for code, name in enumerate(agents)
    }
    return found | {"": [TrendPoint("", week, one, one) for week, one in zip(weeks, everybody, strict=True)]}
