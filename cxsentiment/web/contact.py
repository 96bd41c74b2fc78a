"""One contact as its page shows it: who and when, turns with what was found in them, items with their evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment import runs
from cxsentiment.schema import ACTS
from cxsentiment.text import clean
from cxsentiment.web.facts import Facts

TURNS_SHOWN = 400
"""Turns on one page of a contact."""
TEXT_SHOWN = 4_000
"""Characters of a turn that are shown."""
_HEIGHT, _WIDTH = 100, 600  # of the drawing of the arc, in its own units


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn: its number in the source, who spoke, the text and how many characters of it are not shown.

    `feeling` is the likeliest sentiment of a customer's turn; `acts` are those of an agent's at or over the threshold.
    """

    turn: int
    speaker: str
    text: str
    cut: int
    start_s: float | None
    feeling: str
    acts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item's verdict: `share` of its points (0-1), the reason, and the quotes with their turns.

    `in_parts`: it can be met in part, and `p_met` is the share of its points that is to be expected.
    """

    item: str
    section: str
    question: str
    verdict: str
    p_met: float | None
    share: float | None
    critical: str
    reason: str
    quotes: tuple[tuple[int, str], ...]
    in_parts: bool = False


@dataclass(frozen=True, slots=True)
class Arc:
    """The customer's sentiment, turn by turn: a line in a drawing of 600 by 100 units, and the same as numbers.

    `rows`: the turn's number and its valence, p(positive) - p(negative), -1 to 1.
    """

    line: str
    dots: tuple[tuple[float, float, int], ...]
    rows: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class ContactView:
    """One contact, one page of its turns, all of its items. `same` counts the run's contacts of this id.

    `places`: where each turn stands among those that are kept; a turn's number goes by its source.
    """

    row: Mapping[str, Any]
    turns: tuple[TurnView, ...]
    total_turns: int
    first: int
    items: tuple[ItemView, ...]
    arc: Arc
    same: int
    places: Mapping[int, int]

    @property
    def contact_id(self) -> str:
        """The contact's id."""
        return str(self.row["contact_id"])


def find(facts: Facts, contact_id: str) -> dict[str, Any] | None:
    """The contact's row in the run; None where the run does not have it."""
    rows = facts.ask("SELECT * FROM contacts WHERE contact_id = ? ORDER BY place LIMIT 1", [contact_id])
    return rows[0] if rows else None


def view(facts: Facts, row: Mapping[str, Any], *, first: int = 0) -> ContactView:
    """The contact of a row that `find` gave, with its turns from place `first` on. Raises RunError."""
    contact_id = str(row["contact_id"])
    turns = _of(runs.read_part(facts.run, "turns", row["shard"]), contact_id)
    items = items_of(runs.read_part(facts.run, "items", row["shard"]), contact_id, facts)
    said = turns.to_pylist()
    thresholds = (((facts.receipt.get("model") or {}).get("thresholds") or {}).get("acts")) or {}
    shown = said[first : first + TURNS_SHOWN]
    same = facts.number("SELECT count(*) FROM contacts WHERE contact_id = ?", [contact_id])
    return ContactView(
        row,
        tuple(_turn(turn, thresholds) for turn in shown),
        len(said),
        first,
        items,
        _arc(said),
        same,
        {turn["turn"]: place for place, turn in enumerate(said)},
    )


def _of(table: pa.Table, contact_id: str) -> pa.Table:
    return table.filter(pc.equal(table["contact_id"], contact_id))


def _turn(turn: Mapping[str, Any], thresholds: Mapping[str, float]) -> TurnView:
    text = turn["text"] or ""
    feelings = {name: turn[f"p_{name}"] for name in ("negative", "neutral", "positive")}
    known = {name: p for name, p in feelings.items() if p is not None}
    acts = tuple(act for act in ACTS if (turn[f"p_{act}"] or 0.0) >= thresholds.get(act, 0.5))
    return TurnView(
        turn["turn"],
        turn["speaker"] or "unknown",
        text[:TEXT_SHOWN],
        max(0, len(text) - TEXT_SHOWN),
        turn["start_s"],
        max(known, key=lambda name: known[name]) if known else "",
        acts if turn["speaker"] == "agent" else (),
    )


def items_of(table: pa.Table, contact_id: str, facts: Facts) -> tuple[ItemView, ...]:
    """The items of a contact in a shard's table, in the order of the scorecard."""
    rows = _of(table, contact_id).to_pylist()
    order = {item: place for place, item in enumerate(facts.texts)}
    seen: dict[str, ItemView] = {}
    for row in rows:  # of a contact that stands twice in the shard the first counts, as everywhere here
        if row["item"] not in seen:
            text = facts.texts.get(row["item"])
            seen[row["item"]] = ItemView(
                row["item"],
                text.section if text else row["section"] or "",
                text.question if text else "",
                row["verdict"],
                row["p_met"],
                None if row["points"] is None or not row["weight"] else row["points"] / row["weight"],
                row["critical"] or "none",
                clean(row["reason"] or ""),
                tuple(_quotes(row)),
                row["item"] in facts.in_parts,
            )
    return tuple(sorted(seen.values(), key=lambda one: order.get(one.item, len(order))))


def _quotes(row: Mapping[str, Any]) -> list[tuple[int, str]]:
    quotes = []
    if row["evidence_turn"] is not None:
        quotes.append((int(row["evidence_turn"]), row["evidence_quote"] or ""))
    quotes += [(int(more["turn"]), more["quote"] or "") for more in row["more_evidence"] or ()]
    return quotes


def _arc(turns: Sequence[Mapping[str, Any]]) -> Arc:
    known = [
        (place, turn["turn"], float(turn["p_positive"] - turn["p_negative"]))
        for place, turn in enumerate(turns)
        if turn["p_positive"] is not None and turn["p_negative"] is not None
    ]
    last = max(len(turns) - 1, 1)
    dots = tuple(
        (round(10 + (_WIDTH - 20) * place / last, 1), round(_HEIGHT / 2 - value * (_HEIGHT / 2 - 8), 1), number)
        for place, number, value in known
    )
    line = " ".join(f"{x:g},{y:g}" for x, y, _ in dots)
    return Arc(line, dots, tuple((number, round(value, 3)) for _, number, value in known))
