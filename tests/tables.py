"""Small run tables with the contract's columns, for tests of stage 2. What a row does not name is null."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from cxsentiment.runs import CONTACTS, ITEMS, TURNS

Row = Mapping[str, object]


def contacts(rows: Sequence[Row]) -> pa.Table:
    """One contact a row; the id is c000, c001, … where the row names none."""
    return pa.Table.from_pylist([{"contact_id": f"c{k:03d}", **row} for k, row in enumerate(rows)], schema=CONTACTS)


def turns(contact_id: str, rows: Sequence[Row]) -> pa.Table:
    """The turns of one contact, numbered from 0; a row's `text` is its speaker and number where it has none."""
    full = [
        {"contact_id": contact_id, "turn": k, "text": f"{row['speaker']} says {k}", **row} for k, row in enumerate(rows)
    ]
    return pa.Table.from_pylist(full, schema=TURNS)


def customer(negative: float = 0.0, positive: float = 0.0, **more: object) -> Row:
    return {
        "speaker": "customer",
        "p_negative": negative,
        "p_positive": positive,
        "p_neutral": 1 - negative - positive,
        **more,
    }


def agent(**probabilities: object) -> Row:
    """An agent turn: acts by name (`apologise=.9`), all others 0; other columns by their own name."""
    acts = {name: 0.0 for name in TURNS.names if name.startswith("p_") and name.removeprefix("p_") not in _SENTIMENTS}
    named = {f"p_{key}" if f"p_{key}" in acts else key: value for key, value in probabilities.items()}
    return {"speaker": "agent", **acts, **named}


def items(rows: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist([{"section": "s", "critical": "none", **row} for row in rows], schema=ITEMS)


def no_contacts() -> pa.Table:
    return CONTACTS.empty_table()


def no_turns() -> pa.Table:
    return TURNS.empty_table()


def no_items() -> pa.Table:
    return ITEMS.empty_table()


_SENTIMENTS = ("negative", "neutral", "positive")
