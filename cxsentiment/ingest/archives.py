"""Zip and tar archives as sources: their members are read where they lie, nothing is ever unpacked to disk.

A member is read like a file of the name `archive.zip/member.json`. Refused, each by its name, while the others are
read: links and devices, names that point out of the archive, encrypted members, archives in archives, and members that
unpack to far more than they hold (a bomb). Folders and what operating systems leave behind are skipped.
"""

import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO, Literal

from cxsentiment.errors import InputError
from cxsentiment.ingest.placed import Placed
from cxsentiment.ingest.sources import Source, bomb, is_bomb, is_junk, open_bytes, source_name, writable

# Tar can only be read from front to back, so each member is held in memory while it is read.
MAX_TAR_MEMBER_BYTES = 256 * 2**20
_MAX_MEMBERS = 1_000_000
_PACK_FILE = "Pack the file itself"
_TAR_MAGIC = (257, b"ustar")
# What the libraries below raise on broken archives: of a directory that points nowhere zipfile raises ValueError.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Member(Placed):
    """A file in an archive, read like one on disk. `note` is a warning that concerns it; `size` its bytes unpacked."""

    archive: Source
    path: PurePosixPath
    size: int
    opener: Callable[[], BinaryIO]
    beside: Callable[[PurePosixPath], "Member | None"]
    note: str | None = None

    def as_posix(self) -> str:
        """The archive's name and its own."""
        return _within(self.archive, self.path.as_posix())

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Its bytes, unpacked as they are read. Raises InputError `damaged` where the archive is broken there."""
        try:
            return self.opener()
        except _DAMAGE as error:
            raise InputError("damaged", self.as_posix(), f"cannot be unpacked ({error})", do="Pack it again") from error

    def is_file(self) -> bool:
        """Whether it is there; a name beside another may not be."""
        return self.size >= 0

    def with_name(self, name: str) -> "Member":
        """The member beside it, which need not exist."""
        return self._at(self.path.with_name(name))

    def above(self, name: str) -> "Member":
        """The member one folder up, which need not exist."""
        return self._at(self.path.parent.parent / name)

    def _at(self, path: PurePosixPath) -> "Member":
        return self.beside(path) or Member(self.archive, path, -1, io.BytesIO, self.beside)


def is_archive(head: bytes) -> bool:
    """Whether a source that starts so is a zip or (unpacked from .gz, .bz2 or .zst) a tar archive."""
    place, magic = _TAR_MAGIC
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) or head[place : place + len(magic)] == magic


def is_office(source: Source, head: bytes) -> bool:
    """Whether a source that is a zip is an Office document (Word, Excel …), which is no archive of transcripts."""
    if not head.startswith(b"PK"):
        return False
    try:
        with source.open("rb") as file, zipfile.ZipFile(file) as packed:
            return "[Content_Types].xml" in packed.namelist()
    except _DAMAGE:
        return any(mark in head for mark in (b"word/", b"xl/", b"[Content_Types]"))


def members(archive: Source) -> Iterator[Member | InputError]:
    """Yield the members of a zip or tar archive in its order, and an InputError for each that is refused.

    Raises:
        InputError: `damaged` where it is no such archive or is cut, `too_many` past a million members.
    """
    with open_bytes(archive) as file:
        zipped = file.read(2) == b"PK"
    try:
        yield from _zip_members(archive) if zipped else _tar_members(archive)
    except _DAMAGE as error:
        kind = "zip" if zipped else "tar"
        raise InputError(
            "damaged", source_name(archive), f"is a damaged {kind} archive ({error})", do="Export or copy it again"
        ) from error


def _zip_members(archive: Source) -> Iterator[Member | InputError]:
    with archive.open("rb") as file, zipfile.ZipFile(file) as packed:
        infos = packed.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise InputError("too_many", source_name(archive), f"holds more than {_MAX_MEMBERS:,} files", do="Split it")
    known = {PurePosixPath(info.filename): info for info in infos if not _is_folder(info)}
    repeated = Counter(info.filename for info in infos)

    def member(info: zipfile.ZipInfo) -> Member:
        def opener() -> BinaryIO:
            return _ZipMember(archive, info)

        def beside(path: PurePosixPath) -> Member | None:
            return member(known[path]) if path in known else None

        note = "two files of the archive have this name; both were read" if repeated[info.filename] > 1 else None
        return Member(archive, PurePosixPath(info.filename), info.file_size, opener, beside, note)

    for info in infos:
        if not _is_folder(info) and not _is_junk(info.filename):
            yield _zip_refusal(_within(archive, info.filename), info) or member(info)


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/")  # zipfile's own test fails on a member without a name


def _zip_refusal(where: str, info: zipfile.ZipInfo) -> InputError | None:
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return InputError("link", where, "is a link or device, and such members are not followed", do=_PACK_FILE)
    if (problem := _unsafe(info.filename)) is not None:
        return InputError("unsafe_name", where, problem, do="Pack it again with plain names")
    if info.flag_bits & 1:
        return InputError("encrypted", where, "is encrypted", do="Pack it without a password")
    return bomb(where, info.file_size, info.compress_size) if is_bomb(info.file_size, info.compress_size) else None


def _tar_members(archive: Source) -> Iterator[Member | InputError]:
    with open_bytes(archive) as file, tarfile.open(fileobj=file, mode="r|") as packed:
        for count, info in enumerate(packed, start=1):
            if count > _MAX_MEMBERS:
                raise InputError("too_many", source_name(archive), f"holds more than {_MAX_MEMBERS:,} files")
            where = _within(archive, info.name)
            if info.isdir() or _is_junk(info.name):
                continue
            if not info.isreg():
                yield InputError("link", where, "is a link or device, and such members are not followed", do=_PACK_FILE)
            elif (problem := _unsafe(info.name)) is not None:
                yield InputError("unsafe_name", where, problem, do="Pack it again with plain names")
            elif info.size > MAX_TAR_MEMBER_BYTES:
                limit = MAX_TAR_MEMBER_BYTES // 2**20
                yield InputError("too_large", where, f"is larger than {limit} MiB", do="Unpack it and give the folder")
            else:
                content = packed.extractfile(info)
                yield _held(archive, PurePosixPath(info.name), b"" if content is None else content.read())


def _held(archive: Source, path: PurePosixPath, data: bytes) -> Member:
    def beside(other: PurePosixPath) -> Member | None:
        """The other member, found by reading the archive anew: rare, for few formats lie in two files."""
        found = (one for one in _tar_members(archive) if isinstance(one, Member) and one.path == other)
        return next(found, None)

    return Member(archive, path, len(data), lambda: io.BytesIO(data), beside)


class _ZipMember(io.BufferedReader):
    """A member of a zip as a file of its own, which closes all that was opened for it."""

    def __init__(self, archive: Source, info: zipfile.ZipInfo) -> None:
        self._file = archive.open("rb")
        try:
            self._packed = zipfile.ZipFile(self._file)
            super().__init__(self._packed.open(info))  # type: ignore[arg-type]  # reads like a raw stream
        except Exception:
            self._file.close()
            raise

    def close(self) -> None:
        super().close()
        self._packed.close()
        self._file.close()


def _within(archive: Source, name: str) -> str:
    """The name of a member as it stands in results and messages."""
    return f"{source_name(archive)}/{writable(name)}"


def _is_junk(name: str) -> bool:
    return any(is_junk(part) for part in PurePosixPath(name).parts if part not in ("..", "/", "."))


def _unsafe(name: str) -> str | None:
    """What is wrong with a member's name; None where it stays inside the archive."""
    if not PurePosixPath(name).name:
        return "has no name"
    if "\x00" in name or "\\" in name or PureWindowsPath(name).drive:
        return "has a name that is not portable"
    path = PurePosixPath(name)
    return "has a name that points out of the archive" if path.is_absolute() or ".." in path.parts else None
