"""The receipt of a run (run.json): what was scored, with what, how long it took, and hashes to check it all by."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cxsentiment import runs
from cxsentiment.errors import UsageError
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.surveys import Scale, Surveys
from cxsentiment.model import Bundle
from cxsentiment.rubric import Rubric
from cxsentiment.shards import PHASES, ShardResult

FORMAT = 1
_WARNINGS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that fixes a run's output."""

    bundle: Bundle
    model_sha256: str
    rubric: Rubric
    options: ReadOptions
    surveys: Surveys | None
    csat_scale: Scale | None
    inputs: tuple[Mapping[str, Any], ...]
    demo: bool
    command: str

    def identity(self) -> str:
        """One hash of all of it: two runs with the same identity write the same shards."""
        facts = {
            "format": FORMAT,
            "software": version("cxsentiment"),
            "model": self.model_sha256,
            "rubric": self.rubric.sha256,
            "map": dict(self.options.columns),
            "role": dict(self.options.roles),
            "surveys": sorted((k, asdict(v)) for k, v in self.surveys.answers.items()) if self.surveys else None,
            "csat_scale": str(self.csat_scale),
            "inputs": list(self.inputs),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the input found: contacts accepted, records rejected, survey answers matched, seconds."""

    contacts: int
    rejected: int
    matched: int
    seconds: float


def fingerprint(path: Path) -> dict[str, Any]:
    """An input file as the receipt names it."""
    return {"source": str(path), "sha256": runs.sha256_of(path), "bytes": path.stat().st_size}


def earlier_run(out: Path, identity: str, *, overwrite: bool) -> dict[str, Any] | None:
    """The receipt of an equal run that lies in `out`, finished or not; None where the folder is free to use.

    Raises UsageError where `out` holds another run (unless `overwrite`), or something that is no run.
    """
    if not out.exists():
        return None
    if not out.is_dir():
        raise UsageError(str(out), "is a file", do="Give --out a folder")
    receipt = runs.read_receipt(out)
    if receipt is None:
        if any(out.iterdir()):
            raise UsageError(str(out), "is not empty and holds no run", do="Give --out a new or empty folder")
        return None
    if receipt.get("identity") == identity:
        return receipt
    if not overwrite:
        raise UsageError(
            str(out),
            "holds a run of other inputs, another model, rubric, survey or version",
            do="Give --out another folder, or add --overwrite to replace that run",
        )
    return None


def stands(out: Path, receipt: Mapping[str, Any]) -> bool:
    """Whether every file of a finished run is there and unchanged."""
    hashes: Mapping[str, str] = receipt["files"]
    return all((out / name).exists() and runs.sha256_of(out / name) == digest for name, digest in hashes.items())


def compose(
    plan: Plan, out: Path, results: Sequence[ShardResult], reading: Reading, started: datetime, seconds: float
) -> dict[str, Any]:
    """The receipt of a finished run."""
    notes = [result.note for result in results]
    scored = sum(note.contacts for note in notes)
    turns_in = sum(note.turns_in for note in notes)
    phases = {phase: round(sum(r.seconds.get(phase, 0.0) for r in results), 3) for phase in PHASES}
    hashes = {name: digest for result in results for name, digest in sorted(result.hashes.items())}
    hashes[runs.REJECTS] = runs.sha256_of(out / runs.REJECTS)
    return {
        "state": "complete",
        "identity": plan.identity(),
        "demo": plan.demo,
        "command": plan.command or None,
        "software": {"name": "cxsentiment", "version": version("cxsentiment")},
        "model": {"name": plan.bundle.name, "version": plan.bundle.version, "sha256": plan.model_sha256},
        "rubric": {
            "name": plan.rubric.name,
            "version": plan.rubric.version,
            "sha256": plan.rubric.sha256,
            "content": plan.rubric.model_dump(mode="json"),
        },
        "settings": {
            "map": dict(plan.options.columns),
            "role": dict(plan.options.roles),
            "csat_scale": [plan.csat_scale.low, plan.csat_scale.high] if plan.csat_scale else None,
        },
        "inputs": list(plan.inputs),
        "contacts": {"in": scored + reading.rejected, "scored": scored, "rejected": reading.rejected},
        "turns": {
            "in": turns_in,
            "scored": sum(note.turns_scored for note in notes),
            "without_text": sum(note.turns_without_text for note in notes),
            "unknown_speaker": sum(note.turns_unknown_speaker for note in notes),
        },
        "masked": _total(note.masked for note in notes),
        "warnings": _most(_total(note.warnings for note in notes)),
        "surveys": plan.surveys.facts(reading.matched) if plan.surveys else None,
        "started_at": started.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": {"read": round(reading.seconds, 3), **phases, "total": round(seconds, 3)},
        "turns_per_second": round(turns_in / seconds, 1) if seconds else None,
        "shards": len(results),
        "shards_reused": sum(not result.seconds for result in results),
        "files": hashes,
    }


def _total(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _most(warnings: dict[str, int]) -> dict[str, int]:
    """The kinds of warning that concern most contacts, and how many more there were: a receipt stays readable."""
    if len(warnings) <= _WARNINGS_SHOWN:
        return warnings
    first = dict(sorted(warnings.items(), key=lambda item: (-item[1], item[0]))[:_WARNINGS_SHOWN])
    rest = sum(warnings.values()) - sum(first.values())
    return {**first, f"and {len(warnings) - _WARNINGS_SHOWN} other warnings, each in few contacts": rest}
