"""A small run folder and labels for tests of what people said of contacts."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tables
from scored import rubric

from cxsentiment import runs
from cxsentiment.reviews.labels import Label

CARD = rubric({"id": "greet", "question": "Is the customer greeted?"}, {"id": "solve", "question": "Is it solved?"})


def label(
    contact: str = "c1", item: str = "greet", grader: str = "anna", points: float | None = 1.0, **more: Any
) -> Label:
    """A label; `points` None is not_applicable."""
    verdict = "not_applicable" if points is None else {1.0: "met", 0.0: "not_met"}.get(points, "points")
    return Label(contact, item, grader, verdict, points, **({"purpose": "random"} | more))  # type: ignore[arg-type]


def write_run(folder: Path, contacts: Sequence[Mapping[str, object]], verdicts: Sequence[Mapping[str, object]]) -> Path:
    """A finished run of these contacts and item verdicts, scored by CARD; an item weighs 5 where a row says nothing."""
    note = runs.ShardNote("key", len(contacts), 0, 0, 0, 0, {}, {}, {}, {})
    rows = {
        "turns": tables.no_turns(),
        "items": tables.items([{"weight": 5.0, **row} for row in verdicts]),
        "contacts": tables.contacts([{"agent_turns": 3, **row} for row in contacts]),
    }
    runs.write_shard(folder, 0, rows, note)
    named = {"name": CARD.name, "version": CARD.version, "sha256": CARD.sha256, "content": CARD.content()}
    runs.write_receipt(folder, {"state": "complete", "rubric": named})
    return folder


def campaign(folder: Path, agents: int = 4, each: int = 40, seed: int = 1) -> Path:
    """A run of `agents` with `each` contacts in two channels; the machine's p_met and scores vary."""
    chance = random.Random(seed)
    contacts, verdicts = [], []
    for k in range(agents * each):
        name = f"c{k:04d}"
        p = chance.random()
        contacts.append(
            {
                "contact_id": name,
                "agent_id": f"A{k % agents}",
                "channel": "call" if k % 8 < 4 else "chat",
                "campaign": "spring",
                "score": 50 + 10 * chance.gauss(0, 1) + 3 * (k % agents),
                "p_critical_customer": 0.9 if k % 20 == 0 else 0.01,
            }
        )
        for item in ("greet", "solve"):
            met = p > 0.5
            verdicts.append(
                {"contact_id": name, "item": item, "verdict": "met" if met else "not_met", "p_met": p}
                | {"points": 5.0 * met}
            )
    return write_run(folder, contacts, verdicts)
