"""Moments from the scorecard: items not met whose evidence points at a turn."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from cxsentiment.coaching.candidates import MISSED_EMPATHY, Candidate, Texts, candidate, or_none, top
from cxsentiment.coaching.talk import Talk
from cxsentiment.schema import ItemText
from cxsentiment.stats.arrays import codes, floats


def unmet_items(talk: Talk, items: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """Items not met whose evidence points at a turn; each agent keeps the surest ones of each item.

    Turns that missed empathy or conduct speak for already are left to those.
    """
    item_of, names = codes(items["item"])
    verdict_of, verdicts = codes(items["verdict"])
    verdict = np.array(verdicts, dtype=np.object_)[verdict_of] if verdicts else np.zeros(0, dtype=np.object_)
    rows = talk.rows(items["contact_id"], floats(items["evidence_turn"]))
    contact_of, contact_names = codes(items["contact_id"])
    agent = talk.agents_of(contact_names)[contact_of]
    p_met, weight = floats(items["p_met"]), floats(items["weight"])
    known = (agent >= 0) & np.isin(verdict, ("met", "not_met"))
    cell = agent * len(names) + item_of
    size = len(talk.agents) * len(names)
    unmet = known & (verdict == "not_met")
    missed = np.bincount(cell[unmet], minlength=size) / np.maximum(np.bincount(cell[known], minlength=size), 1)
    elsewhere = (talk.unanswered | talk.unprofessional)[rows]
    at = np.flatnonzero(unmet & (rows >= 0) & ~elsewhere & ~np.isnan(p_met) & ~np.isnan(weight))
    heaviest = float(np.nanmax(weight, initial=0.0)) or 1.0
    quotes = items["evidence_quote"]
    for k in top(cell[at], 1 - p_met[at], pool):
        place = int(at[k])
        row, name = int(rows[place]), names[item_of[place]]
        text = texts.get(name, ItemText("", f"item {name}.", ""))
        cause, after = name, None
        place_of_quote = "where it came nearest, or would have belonged"
        if not talk.is_agent[row]:
            # The evidence is the customer's turn that went unanswered: the same cause as missed empathy.
            cause, after = MISSED_EMPATHY, or_none(talk.next_agent[row])
            place_of_quote = "the customer's turn that called for it"
        why = f"Not met: {text.question} Quoted is turn {talk.number[row]}, {place_of_quote}."
        yield candidate(
            talk,
            row,
            name,
            float(1 - p_met[place]),
            why,
            text.hint or f"Look at this item of the scorecard: {text.question}",
            cause=cause,
            gain=float(weight[place] / heaviest * missed[cell[place]]),
            asks=text.question,
            quote=quotes[place].as_py() or None,
            after=after,
        )
