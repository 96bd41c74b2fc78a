"""A finished run folder made of rows written by hand, so that a test of what stage 2 says needs no model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxsentiment import runs
from tests.tables import Row, contacts, items

_NOTE = runs.ShardNote("key", 0, 0, 0, 0, 0, {}, {}, {}, {})


def run(
    folder: Path,
    rows: Sequence[Row],
    verdicts: Sequence[Row] = (),
    log: Sequence[Row] | None = None,
    turns: Any = None,
    **receipt: Any,
) -> Path:
    """Write a run of these contacts; the receipt says it was made on 2026-07-01 and took an hour of one core."""
    table = contacts(rows)
    said = runs.TURNS.empty_table() if turns is None else turns
    runs.write_shard(folder, 0, {"turns": said, "items": items(verdicts), "contacts": table}, _NOTE)
    if log is not None:
        runs.write_side_table(folder, "log", log)
    content: Mapping[str, Any] = {
        "state": "complete",
        "settings": {"csat_scale": None, "timezone": None},
        "contacts": {"in": len(rows), "scored": len(rows), "rejected": 0},
        "started_at": "2026-07-01T12:00:00+00:00",
        "seconds": {"read": 600.0, "predict": 3000.0, "total": 1900.0},
        "shards_reused": 0,
        "surveys": None,
        "log": None,
        "warnings": {},
    }
    runs.write_receipt(folder, {**content, **receipt})
    return folder
