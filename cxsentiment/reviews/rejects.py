"""labels-rejects.jsonl: the rows of labels that were refused, each with its code."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cxsentiment.runs import write_atomically
from cxsentiment.schema import Reject


def write_rejects(path: Path, rejects: Sequence[Reject]) -> None:
    """Write one JSON object a line (also none: so that an old file does not stay). Raises RunError."""
    lines = "".join(json.dumps(asdict(reject), ensure_ascii=False) + "\n" for reject in rejects)
    write_atomically(path, lines.encode("utf-8", "replace"))
