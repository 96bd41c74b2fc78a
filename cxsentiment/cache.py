"""What a model said of pieces of text, on disk: shared by processes and runs, bounded, and never needed.

One SQLite file for each model and library that runs it, which together with the kind of processor decide every bit.
A row holds the hash of a piece's token ids, the logits of all heads, and a hash of both: a row that is damaged is not
found. No text stands in it; but whoever has the file can find out whether a given text was scored.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxsentiment.devices import Device, facts
from cxsentiment.errors import RunError

MAX_ROWS = 1_000_000
"""Pieces that are kept, about 200 MB; a tenth, the oldest, goes where there would be more."""
_WAIT_S = 20.0
_CHECK = 8
_TABLE = "create table if not exists pieces (place integer primary key, piece blob unique, logits blob, digest blob)"

FloatArray = NDArray[np.float32]


class Cache:
    """The pieces that one model scored on one device, in `folder`; `width` logits each."""

    def __init__(
        self, folder: Path, model_sha256: str, width: int, device: Device = "cpu", max_rows: int = MAX_ROWS
    ) -> None:
        """Open or make it. Raises RunError where that cannot be done."""
        self.path = folder / f"{model_sha256[:16]}-{_library(device)}.sqlite"
        self._width = width
        self._max_rows = max_rows
        self._connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Kept in order by the system; a loss of power may damage it, which the rows' hashes and SQLite tell.
            self._connection = sqlite3.connect(
                self.path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("pragma synchronous = off")
            self._connection.execute(_TABLE)
        except (OSError, sqlite3.Error, ValueError) as error:  # a schema that is damaged may be no text
            self.close()
            do = "Delete the file, or give --cache another folder"
            raise RunError(str(self.path), f"cannot be used as a cache: {error}", do=do) from error

    def find(self, piece: bytes) -> FloatArray | None:
        """The logits of a piece (its token ids as bytes), or None."""
        if self._connection is None:
            return None
        key = _key(piece)
        try:
            row = self._connection.execute("select logits, digest from pieces where piece = ?", (key,)).fetchone()
        except (sqlite3.Error, ValueError):
            self.close()
            return None
        logits, digest = row or (None, None)
        # SQLite gives what a damaged cell says that it is: a number, a text, nothing.
        if not isinstance(logits, bytes) or len(logits) != 4 * self._width or digest != _digest(key, logits):
            return None
        return np.frombuffer(logits, np.float32)

    def keep(self, pieces: Mapping[bytes, FloatArray]) -> None:
        """Write pieces that were scored. Where that fails the cache is left alone from then on: no run needs it."""
        if self._connection is None or not pieces:
            return
        rows = []
        for piece, logits in pieces.items():
            key, value = _key(piece), np.ascontiguousarray(logits, np.float32).tobytes()
            rows.append((key, value, _digest(key, value)))
        try:
            with self._connection:
                self._connection.execute("begin immediate")
                # A damaged row is written anew.
                self._connection.executemany(
                    "insert or replace into pieces (piece, logits, digest) values (?, ?, ?)", rows
                )
                self._bound()
        except (sqlite3.Error, ValueError):
            self.close()

    def _bound(self) -> None:
        if self._connection is not None:
            (count,) = self._connection.execute("select count(*) from pieces").fetchone()
            if (surplus := count - self._max_rows) > 0:
                oldest = "select place from pieces order by place limit ?"
                gone = surplus + self._max_rows // 10
                # a constant; the number is bound
                self._connection.execute(f"delete from pieces where place in ({oldest})", (gone,))  # nosec B608

    def close(self) -> None:
        """Let go of the file; nothing is found or kept from then on."""
        if self._connection is not None:
            with suppress(sqlite3.Error, ValueError):
                self._connection.close()
        self._connection = None


def _library(device: Device) -> str:
    """What runs the model, as part of a file's name."""
    known = facts(device)
    name = known["library"] if device == "cpu" else f"{device}-{known['library']}-{known['precision']}"
    return f"{name}-{known['version']}"


def _key(piece: bytes) -> bytes:
    return hashlib.sha256(piece).digest()


def _digest(key: bytes, value: bytes) -> bytes:
    return hashlib.sha256(key + value).digest()[:_CHECK]
