"""A run folder of contacts that are made up, as large as one likes, for measuring pages: no model scores it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment import runs
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric

SHARD = 256  # contacts of one
TURNS = 16
_SAID = (
    "Hello, this is Anna speaking, how can I help you today?",
    "My order has not arrived and I have been waiting for two weeks, this is really annoying.",
    "I am sorry to hear that, let me look into it for you right away.",
    "I already told your colleague about this yesterday.",
    "Could you give me the order number, please?",
    "Sure, it is in the mail that you sent me.",
    "I have sent a new one, it will be with you on Friday. Is there anything else?",
    "No, thank you, that is all.",
)


def write_run(folder: Path, contacts: int, *, seed: int = 7) -> Path:
    """A run folder of made-up contacts of 16 turns, with the default scorecard."""
    rng = np.random.default_rng(seed)
    rubric = read_rubric(default_rubric())
    for number, first in enumerate(range(0, contacts, SHARD)):
        ids = [f"c{k:07d}" for k in range(first, min(first + SHARD, contacts))]
        _write(folder, "contacts", number, _contacts(rng, ids))
        _write(folder, "items", number, _items(rng, ids, rubric))
        _write(folder, "turns", number, _turns(rng, ids))
    written = sorted(folder.glob("*/part-*.parquet"))
    hashes = {path.relative_to(folder).as_posix(): runs.sha256_of(path) for path in written}
    head = {"name": rubric.name, "version": rubric.version, "sha256": rubric.sha256, "content": rubric.content()}
    receipt: dict[str, Any] = {
        "state": "complete",
        "identity": "f" * 64,
        "software": {"name": "cxsentiment", "version": "made up"},
    }
    receipt |= {"rubric": head, "contacts": {"in": contacts, "scored": contacts, "rejected": 0}, "files": hashes}
    receipt |= {"started_at": "2026-05-01T00:00:00+00:00", "demo": False, "model": None}
    runs.write_receipt(folder, receipt)
    return folder


def _write(folder: Path, table: str, number: int, columns: Mapping[str, Any]) -> None:
    schema = runs.SCHEMAS[table]
    rows = len(next(iter(columns.values())))
    path = runs.shard_path(folder, table, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in schema
    ]
    pq.write_table(pa.table(arrays, schema=schema), path, compression="zstd")


def _contacts(rng: np.random.Generator, ids: Sequence[str]) -> dict[str, Any]:
    n = len(ids)
    day, minute = rng.integers(1, 29, n), rng.integers(0, 1440, n)
    return {
        "contact_id": ids,
        "agent_id": [f"A{k:03d}" for k in rng.integers(0, 500, n)],
        "campaign": [f"campaign-{k}" for k in rng.integers(0, 12, n)],
        "channel": [("call", "chat", "email")[k] for k in rng.integers(0, 3, n)],
        "started_at": [f"2026-05-{d:02d}T{m // 60:02d}:{m % 60:02d}:00Z" for d, m in zip(day, minute, strict=True)],
        "turns": np.full(n, TURNS),
        "score": rng.uniform(0, 100, n).round(4),
        "coverage": np.ones(n),
        "sentiment_start": rng.uniform(-1, 1, n),
        "sentiment_end": rng.uniform(-1, 1, n),
    }


def _items(rng: np.random.Generator, ids: Sequence[str], rubric: Rubric) -> dict[str, Any]:
    pairs = list(rubric.pairs())
    n = len(ids) * len(pairs)
    met = rng.random(n) < 0.8
    return {
        "contact_id": [name for name in ids for _ in pairs],
        "item": [item.id for _, item in pairs] * len(ids),
        "section": [section.id for section, _ in pairs] * len(ids),
        "verdict": np.where(met, "met", "not_met"),
        "p_met": np.where(met, 0.9, 0.1),
        "points": np.where(met, 5.0, 0.0),
        "weight": np.full(n, 5.0),
        "critical": [item.critical for _, item in pairs] * len(ids),
        "evidence_turn": np.zeros(n, dtype=np.int32),
        "evidence_quote": [_SAID[0]] * n,
        "reason": ["made up"] * n,
    }


def _turns(rng: np.random.Generator, ids: Sequence[str]) -> dict[str, Any]:
    n = len(ids) * TURNS
    customer = np.tile(np.arange(TURNS) % 2 == 1, len(ids))
    negative = np.where(customer, rng.random(n), np.nan)
    absent = ~customer
    # A number in each, so that hardly two turns are alike: a search must read them one by one, as of real ones.
    said = [f"{_SAID[k % len(_SAID)]} {number}" for k, number in enumerate(rng.integers(0, 10**9, n))]
    return {
        "contact_id": [name for name in ids for _ in range(TURNS)],
        "turn": np.tile(np.arange(TURNS, dtype=np.int32), len(ids)),
        "speaker": np.where(customer, "customer", "agent"),
        "text": said,
        "p_negative": pa.array(negative, pa.float32(), mask=absent),
        "p_neutral": pa.array(np.where(customer, 0.0, np.nan), pa.float32(), mask=absent),
        "p_positive": pa.array(1 - negative, pa.float32(), mask=absent),
    }
