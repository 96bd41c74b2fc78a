"""The start of a source: what tells its format, and what is refused by it without being opened any further."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import UTF16_BOMS
from cxsentiment.ingest.sources import Source, content_name, open_bytes

_HEAD_BYTES = 65_536
_EXPORT = "Export it as JSON, CSV or plain text"


@dataclass(frozen=True, slots=True)
class Head:
    """The start of a source, decompressed; `text` is decoded as far as it goes; `suffix` in lower case.

    `is_workbook` tells an Excel workbook, by the list of its parts, which stands at its end.
    """

    data: bytes
    text: str
    suffix: str
    is_workbook: bool = False


# What is refused by its first bytes: code, what it is, what to do. Never opened, unpickled or expanded.
_REFUSED: tuple[tuple[bytes, str, str, str], ...] = (
    (b"RIFF", "audio", "is audio", "Transcribe it first, and give the transcript"),
    (b"ID3", "audio", "is audio", "Transcribe it first, and give the transcript"),
    (b"OggS", "audio", "is audio", "Transcribe it first, and give the transcript"),
    (b"fLaC", "audio", "is audio", "Transcribe it first, and give the transcript"),
    (b"\xff\xfb", "audio", "is audio", "Transcribe it first, and give the transcript"),
    (b"\x89PNG", "image", "is an image, not text", "Give the transcript as text, JSON, CSV or Parquet"),
    (b"\xff\xd8\xff", "image", "is an image, not text", "Give the transcript as text, JSON, CSV or Parquet"),
    (b"%PDF", "document", "is a PDF", "Save the transcript as plain text"),
    (b"\xd0\xcf\x11\xe0", "document", "is an Office document", "Save it as CSV or plain text"),
    (b"\xfd7zXZ", "compressed", "is compressed with xz", "Unpack it, or use .gz or .zst"),
    (b"7z\xbc\xaf", "archive", "is a 7z archive", "Unpack it and give the folder"),
    (b"Rar!", "archive", "is a RAR archive", "Unpack it and give the folder"),
)
_ZIP = b"PK\x03\x04"
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_MARKUP = re.compile(r"\s*<(?:\?xml|!DOCTYPE|[a-zA-Z])")


def head_of(path: Source) -> Head:
    """The first bytes of a source. Raises InputError where it cannot be opened or unpacked."""
    with open_bytes(path) as file:
        data = file.read(_HEAD_BYTES)
    wide = data.startswith(UTF16_BOMS)
    text = data.decode("utf-16" if wide else "utf-8", errors="replace")
    return Head(data, text, Path(content_name(path)).suffix.lower(), data.startswith(_ZIP) and _is_workbook(path))


def _is_workbook(path: Source) -> bool:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.NameToInfo
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def refuse(head: Head, where: str) -> None:
    """Raise InputError for what is never read, by its first bytes."""
    for magic, code, what, advice in _REFUSED:
        if head.data.startswith(magic):
            raise InputError(code, where, what, do=advice)
    if head.data.startswith(b"PK") and not head.is_workbook:
        _refuse_office(head, where)
    if head.suffix == ".zip":
        raise InputError("archive", where, "is not a zip archive though named so", do="Name it by what it holds")
    if _PICKLE.match(head.data):
        raise InputError("pickle", where, "is a Python pickle, which is never opened: it could run code", do=_EXPORT)
    if not head.text.strip("\ufeff \t\r\n"):
        raise InputError("empty", where, "holds no contact: the file is empty", do="Export it again")


def refuse_unread(head: Head, where: str) -> None:
    """Raise InputError for what no reader took and can be named."""
    if _MARKUP.match(head.text):
        raise InputError("markup", where, "is XML or HTML", do=_EXPORT)


def _refuse_office(head: Head, where: str) -> None:
    if b"xl/workbook.xml" in head.data:
        raise InputError("damaged", where, "is an Excel workbook that is cut off", do="Save or copy it again")
    raise InputError("document", where, "is an Office document", do="Save it as CSV or plain text")
