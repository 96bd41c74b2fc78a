"""Parquet files that hold a hash of their own bytes, so that a damaged one shows without its receipt."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_SEAL = b"sha256 of this file, with zeros here: "
_UNSEALED = b"0" * 64


def parquet(table: pa.Table, *, sealed: bool) -> bytes:
    """A table as the bytes of a Parquet file."""
    if sealed:
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"seal": _SEAL + _UNSEALED})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return _with_seal(content, hashlib.sha256(content).hexdigest().encode()) if sealed else content


def _with_seal(content: bytes, seal: bytes) -> bytes:
    """The file with another seal; the last place that reads like one is it, for metadata end a file."""
    place = content.rindex(_SEAL) + len(_SEAL)
    return content[:place] + seal + content[place + len(seal) :]


def is_whole(path: Path) -> bool:
    """Whether the hash that a sealed file holds of itself is right."""
    content = path.read_bytes()
    if (place := content.rfind(_SEAL)) < 0:
        return False
    seal = content[place + len(_SEAL) :][: len(_UNSEALED)]
    return hashlib.sha256(_with_seal(content, _UNSEALED)).hexdigest().encode() == seal
