"""Sources that are no files on this machine: standard input, and objects in cloud stores (extra `remote`).

A URL such as s3://bucket/calls/*.json is opened with fsspec and the driver of that store (s3fs for s3, gcsfs for gs,
adlfs for abfs), which take their credentials from where the store's own tools do. Nothing is copied to disk.
"""

import io
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal, cast

from cxsentiment.errors import UsageError
from cxsentiment.ingest.placed import Placed

# Readers go through their input more than once, so standard input is held in memory.
MAX_STDIN_BYTES = 2**30
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Held(Placed):
    """Bytes in memory that are read like a file of that name."""

    path: PurePosixPath
    data: bytes

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.data)

    def as_posix(self) -> str:
        """Its name."""
        return self.path.as_posix()

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Its bytes."""
        return io.BytesIO(self.data)

    def is_file(self) -> bool:
        """Always."""
        return True

    def with_name(self, name: str) -> "Held":
        """Nothing lies beside it."""
        return Held(self.path.with_name(name), b"")


@dataclass(frozen=True, slots=True)
class StoredObject(Placed):
    """An object of a cloud store, read like a file; `system` is its fsspec file system."""

    system: Any
    path: PurePosixPath
    size: int
    there: bool = True

    def as_posix(self) -> str:
        """Its URL."""
        return str(self.system.unstrip_protocol(self.path.as_posix()))

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Its bytes, fetched as they are read."""
        return cast(BinaryIO, self.system.open(self.path.as_posix(), mode))

    def is_file(self) -> bool:
        """Whether it is there; a name beside another may not be."""
        return self.there

    def with_name(self, name: str) -> "StoredObject":
        """The object beside it, which need not exist."""
        path = self.path.with_name(name)
        there = bool(self.system.isfile(path.as_posix()))
        return StoredObject(self.system, path, self.system.size(path.as_posix()) or 0 if there else 0, there)


def read_stdin() -> Held:
    """All of standard input, held in memory.

    Raises:
        UsageError: nothing is piped in, or it is larger than a gibibyte.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(STDIN, "nothing is piped in", do="Pipe a transcript in: cat call.json | cxsentiment check -")
    data = sys.stdin.buffer.read(MAX_STDIN_BYTES + 1)
    if len(data) > MAX_STDIN_BYTES:
        raise UsageError(STDIN, f"more than {MAX_STDIN_BYTES // 2**20} MiB were piped in", do="Give it as a file")
    return Held(PurePosixPath("stdin"), data)


def find_objects(url: str) -> list[StoredObject]:
    """The objects that a URL names: one, all below a folder (sorted), or those that fit a pattern.

    Raises:
        UsageError: fsspec or the store's driver is not installed, the store refuses, or nothing is there.
    """
    try:
        import fsspec
    except ModuleNotFoundError as error:
        raise UsageError(
            url, "reading from a store needs fsspec", do="pip install 'cxsentiment[remote]' and the store's driver"
        ) from error
    try:
        system, path = fsspec.core.url_to_fs(url)
        names = system.glob(path) if any(sign in path for sign in "*?[") else [path]
        files = sorted({file for name in names for file in system.find(name)})
        found = [StoredObject(system, PurePosixPath(file), int(system.size(file) or 0)) for file in files]
    except ImportError as error:
        raise UsageError(url, f"the driver of this store is not installed ({error})", do="pip install it") from error
    except (ValueError, OSError) as error:
        raise UsageError(url, f"cannot be opened ({error})", do="Check the address and your credentials") from error
    if not found:
        raise UsageError(url, "no such object", do="Check the address")
    return found
