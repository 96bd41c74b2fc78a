"""The run folder: Parquet schemas, shards, the receipt, atomic writes and reads.

A shard is three Parquet files of one number. `contacts/part-N` is written last, and its metadata holds the shard's key
(a hash of its input slice, the model, the rubric and the settings), the hashes of the other two, its counts, and a hash
of its own bytes; so a shard counts as done exactly when that file stands, whole, with the right key.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment import lock, parts, seals
from cxsentiment.errors import ReceiptError, RunError
from cxsentiment.keyed import keyed
from cxsentiment.receipt_shape import fault
from cxsentiment.schema import ACTS, SENTIMENTS, SIGNALS, Reject

TABLES = ("turns", "items", "contacts")  # in the order in which a shard writes them
RECEIPT = "run.json"
REJECTS = "rejects.jsonl"
ERASING = "erasing"  # the state of a run from which contacts are being removed
_META = b"cxsentiment"
_RESTORE = "Bring it back from a backup, or score again into a new folder"
_ASIDE = re.compile(r"\..+\.\d+")  # what write_atomically leaves behind when it is killed

_TEXT = pa.string()
_REAL = pa.float64()
_COUNT = pa.int32()

# What only a contact log says of a contact.
_LOGGED = (
    [(name, _REAL) for name in ("wait_s", "hold_s", "wrap_up_s", "handle_s")]
    + [(name, pa.bool_()) for name in ("transferred", "abandoned", "resolved")]
    + [(name, _TEXT) for name in ("shift", "site")]
)

CONTACTS = pa.schema(
    [(name, _TEXT) for name in ("contact_id", "source")]
    + [("record", pa.int64())]
    + [(name, _TEXT) for name in ("agent_id", "customer_id", "campaign", "channel", "queue", "started_at")]
    + [("duration_s", _REAL), ("turns", _COUNT), ("agent_turns", _COUNT), ("customer_turns", _COUNT)]
    + [("score", _REAL), ("coverage", _REAL), ("null_reason", _TEXT)]
    + [(f"p_critical_{kind}", _REAL) for kind in ("customer", "business", "compliance")]
    + [(name, _REAL) for name in (*SIGNALS, "csat", "nps", "ces")]
    + [("role_source", _TEXT), ("role_p", _REAL)]
    + _LOGGED
    + [("score_uncapped", _REAL), ("score_effect", _TEXT), ("score_expected", _REAL), ("refused_turns", _COUNT)]
)
TURNS = pa.schema(
    [("contact_id", _TEXT), ("turn", _COUNT), ("speaker", _TEXT), ("text", _TEXT), ("start_s", _REAL), ("end_s", _REAL)]
    + [(f"p_{label}", pa.float32()) for label in SENTIMENTS + ACTS]
    # For each act the characters [start, end) that support it, one after another; null where all are the whole turn.
    + [("agent_id", _TEXT), ("act_spans", pa.list_(pa.int32()))]
)
_QUOTE = pa.struct([("turn", _COUNT), ("start", _COUNT), ("end", _COUNT), ("quote", _TEXT)])
ITEMS = pa.schema(
    [(name, _TEXT) for name in ("contact_id", "item", "section", "verdict")]
    + [(name, _REAL) for name in ("p_met", "points", "weight")]
    + [("critical", _TEXT)]
    + [(name, _COUNT) for name in ("evidence_turn", "evidence_start", "evidence_end")]
    + [("evidence_quote", _TEXT), ("reason", _TEXT), ("more_evidence", pa.list_(_QUOTE))]
)
SCHEMAS = {"contacts": CONTACTS, "turns": TURNS, "items": ITEMS}
# Tables of the whole run, in one part each, that stand only where there is something for them: the contact log (also
# of contacts that have no transcript), and answers that were matched by customer after scoring.
LOG = pa.schema(
    [(name, _TEXT) for name in ("contact_id", "customer_id", "agent_id", "campaign", "queue", "started_at")]
    + _LOGGED
    + [("scored", pa.bool_())]
)
SURVEYS = pa.schema([("contact_id", _TEXT)] + [(name, _REAL) for name in ("csat", "nps", "ces")])
SIDE_SCHEMAS = {"log": LOG, "surveys": SURVEYS}
ALL_TABLES = (*TABLES, *SIDE_SCHEMAS)


@dataclass(frozen=True, slots=True)
class ShardNote:
    """What a shard tells the receipt: its key, its counts, what it masked, warned of, noted and could not mask."""

    key: str
    contacts: int
    turns_in: int
    turns_scored: int
    turns_without_text: int
    turns_unknown_speaker: int
    null_reasons: Mapping[str, int]
    masked: Mapping[str, int]
    warnings: Mapping[str, int]
    roles: Mapping[str, int]
    refused: tuple[Reject, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)


def shard_path(run: Path, table: str, number: int) -> Path:
    """Where one table of one shard lies."""
    return run / table / f"part-{number:05d}.parquet"


def write_shard(
    run: Path, number: int, rows: Mapping[str, Mapping[str, Sequence[Any]] | pa.Table], note: ShardNote
) -> dict[str, str]:
    """Write a shard's three tables (columns by name, or tables as they are) and return each file's sha256 by path."""
    return write_files(run, shard_files(number, rows, note))


def shard_files(
    number: int, rows: Mapping[str, Mapping[str, Sequence[Any]] | pa.Table], note: ShardNote
) -> dict[str, bytes]:
    """The files of a shard by their path in the run folder, in the order in which they are to be written."""
    files: dict[str, bytes] = {}
    for name in TABLES:
        schema = SCHEMAS[name]
        if name == "contacts":
            hashes = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
            meta = json.dumps({"note": asdict(note), "sha256": hashes}, sort_keys=True)
            schema = schema.with_metadata({_META: meta.encode()})
        given = rows[name]
        if isinstance(given, pa.Table):
            table = given.replace_schema_metadata(schema.metadata)
        else:
            table = pa.Table.from_pydict(dict(given), schema=schema)
        files[shard_path(Path(), name, number).as_posix()] = _parquet(table)
    return files


def write_files(run: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write files into a run folder, one after the other, and return each one's sha256 by its path there."""
    for name, content in files.items():
        write_atomically(run / name, content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def read_shard_note(
    run: Path, number: int, key: str, on_damage: Callable[[str], None] = lambda name: None
) -> tuple[ShardNote, dict[str, str]] | None:
    """The note and file hashes of a finished shard with this key; None where it is missing, other or damaged.

    `on_damage` is told each file of the shard that is not as it was written.
    """
    path = shard_path(run, "contacts", number)
    own = f"contacts/{path.name}"
    if not path.exists():
        return None
    content = _note_in(path)
    if content is None or not seals.is_whole(path):
        on_damage(own)
        return None
    if content["note"]["key"] != key:
        return None
    hashes: dict[str, str] = dict(content["sha256"])
    damaged = altered(run, hashes)
    for name in damaged:
        on_damage(name)
    return None if damaged else (_note(content["note"]), {**hashes, own: sha256_of(path)})


def read_any_note(run: Path, number: int) -> ShardNote | None:
    """The note of a shard, whatever its key; None where it is missing or damaged."""
    content = _note_in(shard_path(run, "contacts", number))
    return None if content is None else _note(content["note"])


def _note_in(path: Path) -> dict[str, Any] | None:
    try:
        metadata = pq.read_schema(path).metadata or {}
        content: dict[str, Any] = json.loads(metadata[_META])
    except (OSError, KeyError, ValueError):
        return None
    return content


def _note(fields: Mapping[str, Any]) -> ShardNote:
    return ShardNote(**{**fields, "refused": tuple(Reject(**reject) for reject in fields["refused"])})


def write_side_table(run: Path, name: str, rows: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """Write a table of the whole run and return its file's hash by its relative path; None removes an earlier one."""
    path = shard_path(run, name, 0)
    if rows is None:
        shutil.rmtree(path.parent, ignore_errors=True)
        return {}
    return {f"{name}/{path.name}": write_table(pa.Table.from_pylist(list(rows), schema=SIDE_SCHEMAS[name]), path)}


def has_table(run: Path, name: str) -> bool:
    """Whether a run holds a table of the whole run."""
    return bool(part_paths(run, name))


def part_paths(run: Path, name: str, receipt: Mapping[str, Any] | None = None) -> list[Path]:
    """Where the parts of a table lie, in order: those that the receipt names, whether or not they are there.

    Of a run whose receipt names no files, because it is being written, those that lie there. `receipt` spares reading.
    """
    files = (receipt or read_receipt(run) or {}).get("files")
    if files is None:
        return parts.lying(run / name)
    return [shard_path(run, name, number) for number in parts.recorded(files, TABLES if name in TABLES else (name,))]


def numbers_of(run: Path) -> list[int]:
    """The numbers of a run's shards."""
    return [number for path in part_paths(run, "contacts") if (number := parts.number_of(path.name)) is not None]


def remove_shards_from(run: Path, number: int) -> None:
    """Delete shards numbered `number` and above: left by an earlier, longer run that was overwritten."""
    for name in TABLES:
        for path in parts.lying(run / name):
            if (parts.number_of(path.name) or 0) >= number:
                path.unlink()


def altered(run: Path, hashes: Mapping[str, str]) -> list[str]:
    """The files that are missing, or are not what was recorded of them."""
    return [name for name, digest in hashes.items() if not (run / name).exists() or sha256_of(run / name) != digest]


def remove_altered(run: Path, hashes: Mapping[str, str]) -> list[str]:
    """Delete what an earlier receipt recorded otherwise, so that it is scored again, and strays; the names."""
    names = altered(run, hashes)
    for name in names:
        (run / name).unlink(missing_ok=True)
    return names + parts.remove_strays(run, ALL_TABLES, hashes)


def is_empty(folder: Path) -> bool:
    """Whether nothing lies in a folder but what a process that was killed at its start left behind."""
    return all(path.name == lock.NOTE or _ASIDE.fullmatch(path.name) for path in folder.iterdir())


def remove_asides(run: Path) -> None:
    """Delete what writers that were killed left unfinished. Only for who holds the folder alone."""
    for path in [*run.glob(".*"), *run.glob("*/.*")]:
        if _ASIDE.fullmatch(path.name) and path.is_file():
            path.unlink()


def remove_report(run: Path) -> None:
    """Delete the report of a run that is about to be replaced."""
    shutil.rmtree(run / "report", ignore_errors=True)


def write_rejects(folder: Path, rejects: Iterable[Reject]) -> None:
    """Write rejects.jsonl (also when empty) into `folder`, line by line."""
    write_atomically(folder / REJECTS, reject_lines(rejects))


def reject_lines(rejects: Iterable[Reject]) -> Iterator[bytes]:
    """The lines of rejects.jsonl."""
    for reject in rejects:
        yield (json.dumps(asdict(reject), ensure_ascii=False) + "\n").encode("utf-8", "replace")


def write_receipt(run: Path, receipt: Mapping[str, Any]) -> None:
    """Write run.json."""
    text = json.dumps(receipt, indent=2, ensure_ascii=False) + "\n"
    write_atomically(run / RECEIPT, text.encode("utf-8", "replace"))  # a file's name need not be UTF-8


def read_receipt(run: Path) -> dict[str, Any] | None:
    """Read run.json; None where there is none. Raises RunError where it cannot be read."""
    path = run / RECEIPT
    if not path.exists():
        return None
    try:
        receipt = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ReceiptError(str(path), f"not valid JSON: {error}", do=_RESTORE) from error
    if not isinstance(receipt, dict):
        raise ReceiptError(str(path), "is not a receipt", do=_RESTORE)
    if wrong := fault(receipt):
        raise ReceiptError(str(path), f"is not a receipt as this version writes it: {wrong}", do=_RESTORE)
    return keyed(receipt, path)


def require_complete(run: Path) -> dict[str, Any]:
    """The receipt of a finished run. Raises RunError for a folder that is no run, or a run that was interrupted."""
    receipt = read_receipt(run) if run.is_dir() else None
    if receipt is None:
        raise RunError(
            str(run), "is no run folder", allowed=f"a folder with {RECEIPT}", do="Make one: cxsentiment score"
        )
    if receipt.get("state") == ERASING:
        raise half_erased(run)
    if "committing" in receipt:
        do = "Try again; where no cxsentiment watch is at work, run its command again to finish"
        raise RunError(str(run), "a batch is being taken into this run, or that was interrupted", do=do)
    if receipt.get("state") != "complete":
        raise RunError(
            str(run), "this run was interrupted", do="Run the same cxsentiment score command again to finish it"
        )
    return receipt


def half_erased(run: Path) -> RunError:
    """The error of whoever meets a run while contacts are being removed from it."""
    return RunError(
        str(run),
        "contacts are being removed from this run, or their removal was interrupted",
        do="Run the same cxsentiment erase command again to finish it",
    )


def read_table(run: Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """One table (contacts, turns, items, log or surveys) of a run, all shards in order; it may be empty.

    A column that a run of an earlier version does not have is null.
    """
    paths = part_paths(run, name)
    schema = {**SCHEMAS, **SIDE_SCHEMAS}[name]
    wanted = list(columns) if columns is not None else schema.names
    empty = pa.schema([schema.field(column) for column in wanted]).empty_table()
    if gone := [path for path in paths if not path.exists()]:
        do = "Copy the whole run folder, or run the same cxsentiment command again, which mends it"
        raise RunError(str(gone[0]), f"is missing ({len(gone):,} of the {len(paths):,} parts of {name} are)", do=do)
    try:
        tables = [_read_part(path, empty.schema) for path in paths]
    except (OSError, pa.ArrowException) as error:
        raise RunError(str(run / name), f"a shard cannot be read: {error}", do="Run cxsentiment score again") from error
    return pa.concat_tables([empty, *tables])


def read_part(run: Path, name: str, number: int) -> pa.Table:
    """One table of one shard. Raises RunError where it cannot be read."""
    path = shard_path(run, name, number)
    try:
        return _read_part(path, SCHEMAS[name])
    except (OSError, pa.ArrowException) as error:
        raise RunError(str(path), f"cannot be read: {error}", do="Run cxsentiment score again") from error


def part_has(run: Path, name: str, number: int, column: str) -> bool:
    """Whether a shard's table has a column; one that an earlier version wrote may lack it."""
    return column in pq.read_schema(shard_path(run, name, number)).names


def _read_part(path: Path, schema: pa.Schema) -> pa.Table:
    present = set(pq.read_schema(path).names)
    table = pq.read_table(path, columns=[name for name in schema.names if name in present])
    columns = [table.column(one.name) if one.name in present else pa.nulls(table.num_rows, one.type) for one in schema]
    return pa.table(columns, schema=schema)


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write aside, flush to disk, rename: a reader sees the old file or the whole new one, never a part.

    `content` is the whole file, or its parts in their order. Raises RunError where it cannot be written, or where
    something stands there that is no file: a device or a pipe would be replaced, for everybody if root does it.
    """
    if path.exists() and not path.is_file():
        raise RunError(str(path), "is no file, and is not replaced", do="Give the path of a file")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as file:
                file.writelines([content] if isinstance(content, bytes) else content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            str(path),
            f"cannot be written: {error.strerror or error}",
            do="Free space or choose a folder you may write to",
        ) from error


def write_table(table: pa.Table, path: Path) -> str:
    """Write a Parquet file and return its sha256. One that holds a shard's note is sealed with a hash of itself."""
    content = _parquet(table)
    write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def _parquet(table: pa.Table) -> bytes:
    """One that holds a shard's note is sealed."""
    return seals.parquet(table, sealed=_META in (table.schema.metadata or {}))
