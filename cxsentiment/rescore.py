"""A run scored by another scorecard from its stored predictions: no model is run, verdicts are as if scored anew."""

import gc
import hashlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment import erasures, lock, parts, runs
from cxsentiment.errors import RunError, UsageError
from cxsentiment.receipt import how_to_mend, stands
from cxsentiment.rows import SCORED, contacts_of, item_columns, score_row
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ACTS, Evaluation, ItemResult, Transcript, TurnPrediction
from cxsentiment.score.contact import Labels
from cxsentiment.score.evaluation import Scorecard

_WHOLE_QUOTES = "made by an earlier version, which kept no places of quotes: evidence quotes whole turns"
_NAMES_SHOWN = 5
Scored = tuple[Transcript, tuple[TurnPrediction, ...], dict[str, Any]]


def stored_contacts(run: Path) -> Iterator[Scored]:
    """Every contact of a finished run as it was scored: transcript, predictions, its row of the contacts table."""
    for number in runs.numbers_of(run):
        contacts, turns, _ = _read(run, number)
        yield from contacts_of(contacts, turns)


def scorecard_of(run: Path, rubric: Rubric) -> Scorecard:
    """`rubric` with the labels and thresholds of the model that scored the run."""
    kept = ((runs.require_complete(run).get("model") or {}).get("thresholds") or {}).get("acts") or {}
    return Scorecard(rubric, Labels(tuple(kept) or ACTS, tuple(kept.values()) or (0.5,) * len(ACTS)))


def evaluations(run: Path, rubric: Rubric) -> Iterator[tuple[Scored, Evaluation]]:
    """Every contact of a finished run with what `rubric` says of it."""
    scorecard = scorecard_of(run, rubric)
    for transcript, predictions, row in stored_contacts(run):
        yield (transcript, predictions, row), scorecard.evaluate(transcript, predictions, row)


def rescore(
    run: Path,
    rubric: Rubric,
    out: Path,
    *,
    overwrite: bool = False,
    command: str = "",
    on_progress: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """Score the finished run `run` by `rubric` into the new run folder `out` and return its receipt.

    Turns and predictions are taken over as they are. Raises RunError for a folder that is no finished run or has a
    damaged file, and where contacts were erased from `out` that `run` still holds; UsageError where `out` cannot be
    used.
    """
    before = runs.require_complete(run)
    _refuse_itself(run, out)
    _require_undamaged(run, before)
    with lock.alone(out, "cxsentiment rescore") as sign:
        return _rescore(run, before, rubric, out, overwrite, command, on_progress, sign)


def _rescore(
    run: Path,
    before: Mapping[str, Any],
    rubric: Rubric,
    out: Path,
    overwrite: bool,
    command: str,
    on_progress: Callable[[float], None],
    sign: Callable[[], None],
) -> dict[str, Any]:
    started, clock, work = datetime.now(UTC), time.perf_counter(), time.process_time()
    identity = _identity(before, rubric)
    kept = _earlier(run, out, identity, overwrite=overwrite)
    if kept is not None:
        return kept | {"already_scored": True}
    hashed = {**(before.get("parts") or {}), "rubric": hashlib.sha256(rubric.sha256.encode()).hexdigest()}
    head = {"state": "incomplete", "identity": identity, "parts": hashed, "demo": bool(before.get("demo"))}
    sign()
    runs.remove_asides(out)
    runs.write_receipt(out, head)
    made = _rescore_shards(run, rubric, out, on_progress)
    made.hashes |= _take_over(run, out)
    parts.remove_strays(out, runs.ALL_TABLES, made.hashes)  # of a longer run that stood here
    seconds = time.perf_counter() - clock
    receipt = {
        **before,
        **head,
        "state": "complete",
        "command": command or None,
        "software": {"name": "cxsentiment", "version": version("cxsentiment")},
        "rubric": {
            "name": rubric.name,
            "version": rubric.version,
            "sha256": rubric.sha256,
            "content": rubric.content(),
        },
        "rescored_from": {
            "run": str(run),
            "identity": before.get("identity"),
            "rubric": {key: (before.get("rubric") or {}).get(key) for key in ("name", "version", "sha256")},
        },
        "null_reasons": dict(sorted(made.reasons.items())),
        "warnings": {**before.get("warnings", {}), **({_WHOLE_QUOTES: 1} if made.whole_quotes else {})},
        "started_at": started.isoformat(timespec="seconds"),
        "seconds": {"score": round(seconds, 3), "total": round(seconds, 3)},
        "turns_per_second": round(before["turns"]["in"] / seconds, 1) if seconds else None,
        "contacts_per_second": round(before["contacts"]["scored"] / seconds, 1) if seconds else None,
        "core_seconds": round(time.process_time() - work, 3),
        "cost": None,
        "redone": [],
        "shards_reused": 0,
        "files": made.hashes,
    }
    runs.write_receipt(out, receipt)
    return receipt


@contextmanager
def _no_collector() -> Iterator[None]:
    """Leave the collector of circles out: a shard makes millions of small objects and no circle, which it would walk
    again and again; a third of the time goes there.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


@dataclass(slots=True)
class _Made:
    """The shards that were written: hashes by file, why scores are missing, and whether quotes had no places."""

    hashes: dict[str, str] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    whole_quotes: bool = False


def _rescore_shards(run: Path, rubric: Rubric, out: Path, on_progress: Callable[[float], None]) -> _Made:
    scorecard = scorecard_of(run, rubric)
    numbers = runs.numbers_of(run)
    made = _Made()
    for done, number in enumerate(numbers, 1):
        with _no_collector():
            _rescore_shard(run, out, number, scorecard, rubric, made)
        on_progress(done / len(numbers))
    return made


def _rescore_shard(run: Path, out: Path, number: int, scorecard: Scorecard, rubric: Rubric, made: _Made) -> None:
    """Write one shard of the new run, and add it to what was `made`."""
    contacts, turns, whole = _read(run, number)
    verdicts: list[tuple[str, Sequence[ItemResult]]] = []
    scores: list[dict[str, Any]] = []
    for transcript, predictions, row in contacts_of(contacts, turns):
        evaluation = scorecard.evaluate(transcript, predictions, row)
        scores.append(score_row(evaluation))
        verdicts.append((transcript.id, evaluation.items))
    for name in SCORED:
        column = runs.CONTACTS.field(name)
        values = pa.array([one[name] for one in scores], column.type)
        contacts = contacts.set_column(contacts.schema.get_field_index(name), column, values)
    reasons = Counter(one["null_reason"] for one in scores if one["null_reason"])
    found = runs.read_any_note(run, number)
    if found is None:
        raise RunError(str(runs.shard_path(run, "contacts", number)), "is damaged", do="Score again into a new folder")
    key = hashlib.sha256(f"{found.key} {rubric.sha256}".encode()).hexdigest()
    note = replace(found, key=key, null_reasons=dict(sorted(reasons.items())))
    tables = {"turns": turns, "items": item_columns(verdicts), "contacts": contacts}
    made.hashes |= runs.write_shard(out, number, tables, note)
    made.reasons.update(reasons)
    made.whole_quotes |= whole


def _read(run: Path, number: int) -> tuple[pa.Table, pa.Table, bool]:
    """Contacts and turns of one shard, and whether the turns lack the places of quotes."""
    turns = runs.read_part(run, "turns", number)
    return runs.read_part(run, "contacts", number), turns, not runs.part_has(run, "turns", number, "act_spans")


def _identity(before: Mapping[str, Any], rubric: Rubric) -> str:
    text = json.dumps(["rescored", before.get("identity"), before.get("files"), rubric.sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse_itself(run: Path, out: Path) -> None:
    if lock.resolved(out).is_relative_to(run.resolve()):
        raise UsageError(str(out), "is the run itself", do="Give --out another folder: a run is never changed")


def _require_undamaged(run: Path, before: Mapping[str, Any]) -> None:
    """Refuse a run that is not what its receipt says: what is made of it would pass for whole."""
    erasures.read(run)
    if wrong := runs.altered(run, before["files"]):
        names = ", ".join(wrong[:_NAMES_SHOWN]) + (" …" if len(wrong) > _NAMES_SHOWN else "")
        raise RunError(
            str(run), f"{len(wrong):,} of its files are missing or were altered: {names}", do=how_to_mend(before)
        )


def _refuse_erased(run: Path, out: Path) -> None:
    """Refuse a folder from which somebody was erased who may still stand in `run`. Raises as `erasures.read`."""
    erasures.read(out)
    own, source = (one.read_bytes() if one.exists() else b"" for one in (out / erasures.FILE, run / erasures.FILE))
    if not source.startswith(own):
        raise RunError(
            str(out),
            f"contacts were erased from this run, and {run} may hold them: they would come back",
            do=f"Erase the same contacts from {run}, rescore it into a new folder, and delete this one",
        )


def _earlier(run: Path, out: Path, identity: str, *, overwrite: bool) -> dict[str, Any] | None:
    """The receipt of the same rescoring that stands in `out`; None where the folder is free to use."""
    receipt = runs.read_receipt(out) if out.is_dir() else None
    if receipt is None:
        if out.is_dir() and runs.is_empty(out):
            return None
        raise UsageError(str(out), "is not empty and holds no run", do="Give --out a new or empty folder")
    if receipt.get("state") == runs.ERASING:
        raise runs.half_erased(out)
    same = receipt.get("identity") == identity
    if same and receipt.get("state") == "complete" and stands(out, receipt):
        return receipt
    if not same and not overwrite:
        raise UsageError(
            str(out), "holds another run", do="Give --out another folder, or add --overwrite to replace it"
        )
    _refuse_erased(run, out)
    if not same:
        runs.remove_report(out)
    return None


def _take_over(run: Path, out: Path) -> dict[str, str]:
    """Copy what the scorecard has no part in: tables of the whole run, rejects, the record of erasures."""
    hashes = {}
    for name in runs.SIDE_SCHEMAS:
        shutil.rmtree(out / name, ignore_errors=True)
        if runs.has_table(run, name):
            path = runs.shard_path(run, name, 0)
            runs.write_atomically(out / name / path.name, path.read_bytes())
            hashes[f"{name}/{path.name}"] = runs.sha256_of(out / name / path.name)
    for name in (runs.REJECTS, erasures.FILE):
        if (run / name).exists():
            runs.write_atomically(out / name, (run / name).read_bytes())
    if (out / runs.REJECTS).exists():
        hashes[runs.REJECTS] = runs.sha256_of(out / runs.REJECTS)
    return hashes
