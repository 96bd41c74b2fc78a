"""A watched folder, looked at once, and what must hold of the run that grows from it."""

import json
from pathlib import Path
from typing import Any

from cxsentiment import lock, runs
from cxsentiment.batches import INCOMING
from cxsentiment.pipeline import Settings
from cxsentiment.samples import rescore_sample
from cxsentiment.verify import verify
from cxsentiment.watch import Rhythm, watch

AT_ONCE = Rhythm(0.1, 0.0)
CALL = "Agent: Hello, Anna speaking.\nCustomer: This is terrible!\nAgent: I am sorry.\n"


def once(folder: Path, out: Path, settings: Settings) -> list[dict[str, Any]]:
    """The receipts of one look at a folder."""
    return list(watch(folder, out, settings, AT_ONCE, once=True))


def ids_of(out: Path) -> list[str]:
    """The contacts of a run."""
    return runs.read_table(out, "contacts", ["contact_id"])["contact_id"].to_pylist()


def rejects_of(out: Path) -> list[dict[str, Any]]:
    """What a run refused."""
    return [json.loads(line) for line in (out / runs.REJECTS).read_text().splitlines()]


def require_whole(out: Path, model: Path) -> None:
    """The run is what its receipt says, and its contacts score as they did."""
    found = verify(out, model)
    assert rescore_sample(out, 1000, 1, model, found)
    assert found.differences == []
    assert not (out / INCOMING).exists()
    assert not (out / lock.NOTE).exists()
