"""From command-line arguments to files, and from files to bytes."""

import bz2
import glob
import gzip
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.remote import STDIN, find_objects, read_stdin

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BZIP2 = b"BZh"
_COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2")
_SYSTEM_NAMES = {"__macosx", "thumbs.db", "desktop.ini"}
_CHUNK = 2**20
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# What unpacks to more than this, and to this many times its bytes, is no transcript: text packs to a tenth or so.
_BOMB_BYTES = 64 * 2**20
_BOMB_RATIO = 200
# What a library below raises on damaged bytes.
_DAMAGE = (EOFError, OSError, zlib.error, zipfile.BadZipFile)


Advance = Callable[[int], None]


class Source(Protocol):
    """What is read: a file (`pathlib.Path`), or something that behaves like one, such as a member of an archive."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    @property
    def stem(self) -> str:
        """The name without its last suffix."""

    @property
    def suffix(self) -> str:
        """The last suffix, with its dot."""

    def as_posix(self) -> str:
        """Its whole name, as it stands in results and messages."""

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Its bytes, from the start, as often as asked."""

    def is_file(self) -> bool:
        """Whether there is something to read."""

    def is_symlink(self) -> bool:
        """Whether it is a link, which is not followed."""

    def with_name(self, name: str) -> "Source":
        """Another file beside it, which need not exist."""


def size_of(source: Source) -> int:
    """The bytes of a source as stored; 0 where nobody can tell."""
    if isinstance(source, Path):
        return source.stat().st_size if source.is_file() else 0
    size = getattr(source, "size", 0)
    return size if isinstance(size, int) else 0


def ignore(count: int) -> None:
    """Take no notice of progress."""


def find_sources(inputs: Sequence[str]) -> list[Source]:
    """Expand files, folders (recursively, sorted), globs, "-" (standard input) and URLs of stores, in the order given.

    A file named twice comes once.

    Hidden files, what operating systems leave behind, and folders of an earlier run (they hold `run.json`, `contacts/`
    and `turns/`: its results are no input) are skipped. Files of an unknown kind, and in a folder links and
    folders that may not be read, are kept, so that the reader can refuse them by name. A link given by name is
    followed.

    Raises:
        UsageError: an input does not exist, or nothing was found.
    """
    found: dict[object, Source] = {}
    for text in inputs:
        if text == STDIN:
            found.setdefault(STDIN, read_stdin())
        elif "://" in text:
            found |= {source.as_posix(): source for source in find_objects(text)}
        else:
            for path in _expand(text):
                found.setdefault(path if path.is_symlink() else path.resolve(), path)
    if not found:
        raise UsageError(
            ", ".join(inputs) or "input",
            "no file found",
            do="Name at least one file, folder or pattern; folders of an earlier run are not read",
        )
    return list(found.values())


def _expand(text: str) -> list[Path]:
    path = Path(text)
    if path.is_dir():
        return _walk(path)
    if path.exists():
        return [path.resolve() if path.is_symlink() else path]
    matches = sorted(glob.glob(text, recursive=True)) if glob.has_magic(text) else []  # noqa: PTH207 (may be absolute)
    if not matches:
        raise UsageError(text, "no such file or folder", do="Check the path, or quote the pattern")
    return [file for match in matches for file in _expand(match)]


def _walk(folder: Path) -> list[Path]:
    files: list[Path] = []

    def keep(error: OSError) -> None:
        files.append(Path(error.filename))

    for root, folders, names in os.walk(folder, onerror=keep, followlinks=False):
        if _is_run(folders, names):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not is_junk(name))
        files += [Path(root, name) for name in names if not is_junk(name)]
    return sorted(files)


def _is_run(folders: Sequence[str], names: Sequence[str]) -> bool:
    return "run.json" in names and {"contacts", "turns"} <= set(folders)


def is_junk(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or left behind by an operating system."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def source_name(path: Source) -> str:
    """The path as it stands in results and messages, as `writable`."""
    return writable(path.as_posix())


def writable(name: str) -> str:
    """A name with "?" for what is no text, and for what would recolour a terminal or turn its text around."""
    return name if name.isprintable() else _UNWRITABLE.sub("?", name)


def content_name(path: Source) -> str:
    """The file's name without a compression suffix: `calls.jsonl.gz` → `calls.jsonl`."""
    return path.stem if path.suffix.lower() in _COMPRESSED_SUFFIXES else path.name


class _Checked(io.RawIOBase):
    """A byte stream whose damage speaks as InputError, whatever the library below raises."""

    def __init__(self, file: BinaryIO, where: str, advance: Advance) -> None:
        self._file = file
        self._where = where
        self._advance = advance
        self._told = self._given = 0
        self._stream = file
        try:
            self._stream = _decompressed(file)
        except _DAMAGE as error:
            file.close()
            raise self._damage(error) from error

    def _damage(self, error: Exception) -> InputError:
        what = f"the file cannot be read to its end ({error})"
        return InputError("damaged", self._where, what, do="Export or copy it again")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        try:
            data = self._stream.read(len(view))
        except _DAMAGE as error:
            raise self._damage(error) from error
        position = self._file.tell()
        self._advance(position - self._told)
        self._told = position
        self._given += len(data)
        if self._stream is not self._file and is_bomb(self._given, position):
            raise bomb(self._where, self._given, position)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        self._file.close()
        super().close()


def is_bomb(size: int, packed: int) -> bool:
    """Whether `packed` bytes that unpack to `size` (so far) are no transcript but an attack on memory and disk."""
    return size > _BOMB_BYTES and size > _BOMB_RATIO * max(packed, 1)


def bomb(where: str, size: int, packed: int) -> InputError:
    """The refusal of such a file or member."""
    return InputError(
        "bomb",
        where,
        f"unpacks from {packed:,} bytes to {size:,} or more, which no transcript does",
        do="Unpack it yourself where you trust it, and give the file",
    )


def open_bytes(path: Source, advance: Advance = ignore) -> BinaryIO:
    """Open a file for reading, decompressing gzip, bzip2 and Zstandard, which are known by their first bytes.

    `advance` is told the bytes of the file (as stored) each time some have been read.

    Raises:
        InputError: `unreadable` at once, `damaged` or `bomb` here or later while reading.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise InputError(
            "unreadable", source_name(path), f"cannot be opened ({error.strerror or error})", do="Check its permissions"
        ) from error
    return io.BufferedReader(_Checked(file, source_name(path), advance), _CHUNK)


def _decompressed(file: BinaryIO) -> BinaryIO:
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    if magic.startswith(_BZIP2):
        return cast(BinaryIO, bz2.BZ2File(file, "rb"))
    if magic == _ZSTD:
        import pyarrow as pa  # takes a moment to load, which plain files need not pay

        return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))
    return file
