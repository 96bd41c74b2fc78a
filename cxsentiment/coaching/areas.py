"""Strengths and focus areas: the scorecard items that bring an agent, or a team, the most points, or cost the most.

An agent of a few contacts meets or misses an item by chance. Therefore areas are chosen by rates drawn towards those of
everybody else, as if eight of their contacts stood beside the agent's own; what is shown are the rates as they are,
with their intervals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.page_schema import Area
from cxsentiment.schema import ItemText
from cxsentiment.score.words import sentence
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats, tally
from cxsentiment.stats.rates import share_difference, wilson_interval

PLACES = 2
LEAST = 3
"""Contacts to which an item applied, below which it is neither a strength nor a focus area."""
_DRAWN = 8.0
_AHEAD = 0.02  # a strength is met more often than by others by at least this share of contacts, drawn towards theirs
_OFTEN = 0.8  # or it is met in at least this share of them


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Met (100) or not met (0) by row, shapes (n,): which contact (a row of the contacts table), which item."""

    contact: IntArray
    item: IntArray
    met: BoolArray
    items: tuple[str, ...]
    weight: FloatArray  # (items,) share of the card's points


def verdicts_of(contacts: pa.Table, items: pa.Table) -> Verdicts:
    """The decided verdicts of items that are not critical: a flag of a critical error is for a person to read."""
    at = pc.index_in(items["contact_id"].combine_chunks(), value_set=contacts["contact_id"].combine_chunks())
    contact = np.asarray(pc.fill_null(at, -1), dtype=np.int64)
    item, names = codes(items["item"])
    met = np.asarray(pc.fill_null(pc.equal(items["verdict"], "met"), False))
    decided = met | np.asarray(pc.fill_null(pc.equal(items["verdict"], "not_met"), False))
    plain = np.asarray(pc.fill_null(pc.equal(items["critical"], "none"), True))
    heaviest = np.zeros(len(names))
    weight = np.nan_to_num(floats(items["weight"]))
    np.maximum.at(heaviest, item, weight)
    use = decided & plain & (contact >= 0)
    total = heaviest.sum() or 1.0
    return Verdicts(contact[use], item[use], met[use], tuple(names), heaviest / total)


def agent_areas(
    verdicts: Verdicts, agent_of: IntArray, agents: Sequence[str], wanted: BoolArray, texts: Mapping[str, ItemText]
) -> dict[str, list[Area]]:
    """By agent, at most two strengths and two focus areas among the `wanted` contacts; `agent_of` (n,) codes, -1 none.

    An item to which fewer than three of the agent's contacts applied is left out.
    """
    use = wanted[verdicts.contact] & (agent_of[verdicts.contact] >= 0)
    shape = (len(agents), len(verdicts.items))
    cell = agent_of[verdicts.contact[use]] * shape[1] + verdicts.item[use]
    n = tally(cell, shape[0] * shape[1]).reshape(shape)
    met = tally(cell, shape[0] * shape[1], verdicts.met[use].astype(np.float64)).reshape(shape)
    rest_n, rest_met = n.sum(axis=0) - n, met.sum(axis=0) - met
    return {
        name: _areas(name, verdicts, (met[k], n[k]), (rest_met[k], rest_n[k]), texts) for k, name in enumerate(agents)
    }


def team_areas(verdicts: Verdicts, now: BoolArray, before: BoolArray, texts: Mapping[str, ItemText]) -> list[Area]:
    """The strengths and focus areas of all contacts `now`, beside the contacts of the weeks `before`."""
    count = len(verdicts.items)
    sums = []
    for part in (now, before):
        use = part[verdicts.contact]
        sums.append(
            (
                tally(verdicts.item[use], count, verdicts.met[use].astype(np.float64)),
                tally(verdicts.item[use], count),
            )
        )
    return _areas("", verdicts, sums[0], sums[1], texts)


def _areas(
    agent: str,
    verdicts: Verdicts,
    own: tuple[FloatArray, FloatArray],
    rest: tuple[FloatArray, FloatArray],
    texts: Mapping[str, ItemText],
) -> list[Area]:
    (met, n), (rest_met, rest_n) = own, rest
    usual = np.divide(rest_met, rest_n, out=np.divide(met, n, out=np.full(n.size, 0.5), where=n > 0), where=rest_n > 0)
    drawn = (met + _DRAWN * usual) / (n + _DRAWN)
    kept, lost = verdicts.weight * drawn, verdicts.weight * (1 - drawn)
    known = np.flatnonzero(n >= LEAST)
    # A strength is first what is met more often than by others, then what is met nearly always; by points.
    ahead = verdicts.weight * np.where((rest_n > 0) & (drawn - usual >= _AHEAD), drawn - usual, 0.0)
    strong = [k for k in known.tolist() if ahead[k] > 0 or drawn[k] >= _OFTEN]
    good = sorted(strong, key=lambda k: (-ahead[k], -kept[k], k))[:PLACES]
    focus = [k for k in sorted(known.tolist(), key=lambda k: (-lost[k], k)) if k not in good and met[k] < n[k]]
    return [
        _area(agent, verdicts.items[k], strength, (met[k], n[k]), (rest_met[k], rest_n[k]), (kept[k], lost[k]), texts)
        for strength, places in ((True, good), (False, focus[:PLACES]))
        for k in places
    ]


def _area(
    agent: str,
    item: str,
    strength: bool,
    own: tuple[float, float],
    rest: tuple[float, float],
    points: tuple[float, float],
    texts: Mapping[str, ItemText],
) -> Area:
    text = texts.get(item, ItemText("", "", ""))
    counts = (int(own[0]), int(own[1])), (int(rest[0]), int(rest[1]))
    return Area(
        agent,
        item,
        strength,
        sentence(text.question) if text.question else "",
        text.hint,
        wilson_interval(*counts[0]),
        wilson_interval(*counts[1]),
        share_difference(*counts[0], *counts[1]),
        float(points[0]),
        float(points[1]),
    )
