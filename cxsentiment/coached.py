"""Skills before and after their coaching, with the interval of the change.

A change after coaching is no proof that the coaching made it: who is coached after a bad spell does better by chance
alone. Therefore the change of the agents who were not coached in the skill stands beside it, over the same days.
"""

from collections.abc import Sequence

import numpy as np

from cxsentiment.coach_files import SCORE, Coaching
from cxsentiment.consistency.measures import Measure
from cxsentiment.page_schema import CoachedSkill
from cxsentiment.schema import Estimate
from cxsentiment.starts import Starts, within
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray
from cxsentiment.stats.equivalence import contrast
from cxsentiment.stats.estimates import scaled
from cxsentiment.stats.means import mean_difference, mean_t_interval
from cxsentiment.stats.rates import share_difference, share_interval


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
