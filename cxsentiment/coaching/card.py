"""Moments from the scorecard: items not met whose evidence points at a turn, and items well met."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.coaching.candidates import KEEP, MISSED_EMPATHY, Candidate, Texts, candidate, or_none, top
from cxsentiment.coaching.talk import PRESENT, TAKING_ON, Talk
from cxsentiment.schema import ItemText
from cxsentiment.score.words import sentence
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats


@dataclass(frozen=True, slots=True)
class _Card:
    """The verdicts of a run as arrays, shape (n,): the item, whether met (1) or not (0; NaN: neither), the row of the
    evidence (-1: none), the contact's agent (-1: nobody known), p_met, the weight as a share of the heaviest.
    """

    names: list[str]
    item: IntArray
    met: FloatArray
    row: IntArray
    agent: IntArray
    p_met: FloatArray
    weight: FloatArray


def _card(talk: Talk, items: pa.Table) -> _Card:
    item, names = codes(items["item"])
    verdict_of, verdicts = codes(items["verdict"])
    known = np.array([{"met": 1.0, "not_met": 0.0}.get(name, np.nan) for name in verdicts] + [np.nan])
    contact_of, contact_names = codes(items["contact_id"])
    weight = floats(items["weight"])
    return _Card(
        names,
        item,
        known[verdict_of],
        talk.rows(items["contact_id"], floats(items["evidence_turn"])),
        talk.agents_of(contact_names)[contact_of],
        floats(items["p_met"]),
        weight / (float(np.nanmax(weight, initial=0.0)) or 1.0),
    )


def unmet_items(talk: Talk, items: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """Items not met whose evidence points at a turn; each agent keeps the surest ones of each item.

    Turns that missed empathy or conduct speak for already are left to those.
    """
    card = _card(talk, items)
    known = (card.agent >= 0) & ~np.isnan(card.met)
    cell = card.agent * len(card.names) + card.item
    size = len(talk.agents) * len(card.names)
    unmet = known & (card.met == 0)
    missed = np.bincount(cell[unmet], minlength=size) / np.maximum(np.bincount(cell[known], minlength=size), 1)
    elsewhere = (talk.unanswered | talk.unprofessional)[card.row]
    at = np.flatnonzero(unmet & (card.row >= 0) & ~elsewhere & ~np.isnan(card.p_met) & ~np.isnan(card.weight))
    quotes = items["evidence_quote"]
    for k in top(cell[at], 1 - card.p_met[at], pool):
        place = int(at[k])
        row, name = int(card.row[place]), card.names[card.item[place]]
        text = texts.get(name, ItemText("", f"item {name}.", ""))
        cause, after = name, None
        place_of_quote = "where it came nearest, or would have belonged"
        if not talk.is_agent[row]:
            # The evidence is the customer's turn that went unanswered: the same cause as missed empathy.
            cause, after = MISSED_EMPATHY, or_none(talk.next_agent[row])
            place_of_quote = "the customer's turn that called for it"
        why = f"Not met: {sentence(text.question)} Quoted is turn {talk.number[row]}, {place_of_quote}."
        yield candidate(
            talk,
            row,
            name,
            float(1 - card.p_met[place]),
            why,
            text.hint or f"Look at this item of the scorecard: {sentence(text.question)}",
            cause=cause,
            gain=float(card.weight[place] * missed[cell[place]]),
            asks=text.question,
            quote=quotes[place].as_py() or None,
            after=after,
        )


def met_items(talk: Talk, items: pa.Table, texts: Texts, pool: int) -> Iterator[Candidate]:
    """Strength: an item met in a turn of the agent, after which the customer does not read as negative.

    Confidence is p_met times the probability that the customer's next turn is not negative. Gain is the item's weight,
    as a share of the heaviest, times how often all agents together miss it: what few do is worth showing. An apology
    alone is no example: "I am sorry, I don't understand" is one.
    """
    card = _card(talk, items)
    known = ~np.isnan(card.met)
    count = len(card.names)
    missed = np.bincount(card.item[known & (card.met == 0)], minlength=count) / np.maximum(
        np.bincount(card.item[known], minlength=count), 1
    )
    reply = talk.following(talk.is_customer & ~np.isnan(talk.p_negative))
    answered = np.where(card.row >= 0, reply[card.row], -1)
    calm = np.where(answered >= 0, 1 - talk.p_negative[answered], np.nan)
    confidence = card.p_met * calm
    use = (card.met == 1) & (card.row >= 0) & talk.is_agent[card.row] & ~np.isnan(confidence + card.weight)
    apology = np.array([name == "apologise" for name in card.names], dtype=np.bool_)[card.item]
    use &= ~apology | (talk.strongest(TAKING_ON)[card.row] >= PRESENT)
    at = np.flatnonzero(use)
    at = at[(talk.agent[card.row[at]] >= 0) & (calm[at] >= 0.5) & (missed[card.item[at]] > 0)]
    quotes = items["evidence_quote"]
    for k in top(talk.agent[card.row[at]] * count + card.item[at], confidence[at], pool):
        place = int(at[k])
        row, code = int(card.row[place]), int(card.item[place])
        text = texts.get(card.names[code], ItemText("", f"item {card.names[code]}.", ""))
        why = (
            f"Met: {sentence(text.question)} Turn {talk.number[row]} does it (p {card.p_met[place]:.2f}), and the "
            f"customer's next turn does not read as negative; all agents together miss it in {missed[code]:.0%} of "
            "contacts."
        )
        yield candidate(
            talk,
            row,
            card.names[code],
            float(confidence[place]),
            why,
            KEEP,
            strength=True,
            gain=float(card.weight[place] * missed[code]),
            asks=text.question,
            quote=quotes[place].as_py() or None,
        )
