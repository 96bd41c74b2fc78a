"""A small campaign with planted effects, as files: contacts, contact log, survey answers and labels, and the truth.

Planted are the agents' skill (how often they apologise to a customer who is cross), what a night takes from it and a
training adds to it, what an apology does to the answer, who comes back, and who waits how long.
"""

import csv
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

AGENTS, DAYS, A_DAY = 12, 56, 12
SKILL = np.repeat([0.85, 0.55, 0.15], AGENTS // 3)
NIGHT, TRAINED = -0.25, 0.15  # added to the skill at night, and from the 29th day on
BASELINE = "2026-03-02..2026-03-29"
KIND = ("I am so sorry about that, let me look into it at once.", "Could you tell me the order number, please?")
BLUNT = ("Give me the number.", "What is it?")
WITHIN_S, BACK = 20, 0.3


@dataclass(frozen=True)
class Campaign:
    """The files, and what is true of them: per contact its agent, whether the agent was kind, whether it was at night,
    whether after the training, the answer; and of the log the indicators by their formula.
    """

    folder: Path
    agent: np.ndarray
    kind: np.ndarray
    night: np.ndarray
    after: np.ndarray
    csat: np.ndarray
    resolved_at_first: float
    service_level: float
    handle_s: float


def make(folder: Path, seed: int = 6) -> Campaign:
    """Write contacts.jsonl, log.csv, surveys.csv and labels.csv."""
    rng = np.random.default_rng(seed)
    n = DAYS * A_DAY
    agent = rng.permutation(np.arange(n) % AGENTS)
    day, hour = np.arange(n) // A_DAY, rng.integers(0, 24, n)
    night, after = (hour < 8) | (hour >= 20), day >= 28
    kind = rng.random(n) < np.clip(SKILL[agent] + NIGHT * night + TRAINED * after, 0.02, 0.98)
    csat = np.clip(np.round(2.4 + 1.6 * kind + rng.normal(0, 0.9, n)), 1, 5)
    answered = rng.random(n) < 0.5
    wait = np.where(rng.random(n) < 0.7, rng.integers(1, WITHIN_S + 1, n), rng.integers(WITHIN_S + 1, 200, n))
    handle = rng.integers(120, 600, n)
    starts = [
        datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=int(d), hours=int(h)) for d, h in zip(day, hour, strict=True)
    ]
    came_back = rng.random(n) < BACK
    customers = [f"u{k:04d}" for k in range(n)]
    log = []
    for k in range(n):
        row = {
            "contact_id": f"c{k:04d}",
            "customer_id": customers[k],
            "agent_id": f"a{agent[k]:02d}",
            "queue": "orders",
        }
        row |= {
            "started_at": starts[k].isoformat(),
            "wait_s": int(wait[k]),
            "handle_s": int(handle[k]),
            "abandoned": "no",
        }
        log.append(row)
        if came_back[k]:  # two days later, to nobody who was recorded
            later = starts[k] + timedelta(days=2)
            again = {"contact_id": f"b{k:04d}", "customer_id": customers[k], "queue": "orders"}
            log.append(again | {"started_at": later.isoformat(), "wait_s": 1, "handle_s": 300, "abandoned": "no"})
    with (folder / "contacts.jsonl").open("w", encoding="utf-8") as file:
        for k in range(n):
            first, second = KIND if kind[k] else BLUNT
            said = [("agent", "Hello, this is Dana from Larkfield. How can I help you?")]
            said += [("customer", "My parcel is late again and I am really fed up with this."), ("agent", first)]
            said += [
                ("agent", second),
                ("customer", "It is 4711."),
                ("agent", "Your parcel will arrive tomorrow. Goodbye!"),
            ]
            contact = {"id": f"c{k:04d}", "channel": "chat", "agent_id": f"a{agent[k]:02d}", "queue": "orders"}
            contact |= {"customer_id": customers[k], "started_at": starts[k].isoformat()}
            file.write(json.dumps(contact | {"turns": [{"speaker": s, "text": t} for s, t in said]}) + "\n")
    _write(folder / "log.csv", log)
    _write(
        folder / "surveys.csv", [{"contact_id": f"c{k:04d}", "csat": int(csat[k])} for k in np.flatnonzero(answered)]
    )
    drawn = np.sort(rng.choice(n, n // 4, replace=False))
    _write(
        folder / "labels.csv",
        [
            {"contact_id": f"c{k:04d}", "item": "apologise", "grader": "kim", "value": int(kind[k])}
            | {"purpose": "random", "inclusion_probability": drawn.size / n}
            for k in drawn
        ],
    )  # fmt: skip
    end = max(datetime.fromisoformat(row["started_at"]) for row in log)
    old = np.array([start <= end - timedelta(days=7) for start in starts])
    waits = np.array([row["wait_s"] for row in log])
    return Campaign(
        folder, agent, kind, night, after, np.where(answered, csat, np.nan),
        100 * float(np.mean(~came_back[old])), 100 * float(np.mean(waits <= WITHIN_S)),
        float(np.mean([row["handle_s"] for row in log])),
    )  # fmt: skip


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, dict.fromkeys(name for row in rows for name in row))
        writer.writeheader()
        writer.writerows(rows)
