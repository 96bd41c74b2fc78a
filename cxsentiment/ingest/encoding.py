"""From bytes to text: UTF-8 (also where single bytes are broken), UTF-16 with its mark, else Windows-1252."""

import codecs
import io
import re
from dataclasses import dataclass
from typing import TextIO

from cxsentiment.errors import InputError
from cxsentiment.ingest.sources import Advance, Source, ignore, open_bytes, source_name

# Readers that must hold a whole file (JSON documents, plain text) stop here; JSONL, CSV and Parquet have no limit.
MAX_WHOLE_FILE_BYTES = 256 * 2**20

UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Above these shares bytes are not Western text: NUL bytes mean UTF-16 without its mark, high bytes another script.
_MAX_NUL_SHARE = 0.2
_MAX_HIGH_SHARE = 0.3
# UTF-8 with broken bytes has so many times more bytes in whole characters of UTF-8 as outside them; in other encodings
# such sequences are chance.
_MIN_WHOLE = 4

_WHOLE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = bytes(range(0x80, 0x100))
_CONTROL = bytes(set(range(0x20)) - set(b"\t\n\x0b\x0c\r\x1a\x1b"))
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Encoding:
    """How to decode a file, and the warning to give where that was not plain UTF-8 or UTF-16."""

    name: str
    warning: str | None = None
    errors: str = "strict"


def open_text(path: Source, encoding: Encoding, advance: Advance = ignore) -> TextIO:
    """Open a file as text with its line ends untouched; `encoding` is what `detect_encoding` said of it."""
    return io.TextIOWrapper(open_bytes(path, advance), encoding=encoding.name, errors=encoding.errors, newline="")


def read_text(path: Source) -> tuple[str, str | None]:
    """A whole file as text, with the warning of its encoding.

    Raises:
        InputError: `too_large`, or as `detect_encoding`.
    """
    encoding = detect_encoding(path, MAX_WHOLE_FILE_BYTES)
    with open_text(path, encoding) as file:
        return file.read(), encoding.warning


def detect_encoding(path: Source, limit: int | None = None) -> Encoding:
    """Find an encoding in which the bytes of the file can be read.

    Raises:
        InputError: `encoding` where the bytes are no such text, `not_text` for binary data, `too_large` past `limit`.
    """
    size = 0
    scan = _Scan()
    with open_bytes(path) as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            if limit is not None and size > limit:
                raise InputError(
                    "too_large",
                    source_name(path),
                    f"holds more than {limit // 2**20} MiB",
                    do="Split it, or write one contact a line (JSONL), which has no limit",
                )
            scan.add(chunk)
    return scan.verdict(source_name(path))


class _Scan:
    """Decodes a file's bytes on trial, and counts what tells its encoding where that fails."""

    def __init__(self) -> None:
        self._name = "utf-8-sig"
        self._decoder: codecs.IncrementalDecoder | None = None
        self._valid = True
        self._marked = False
        self._size = self._nul = self._high = self._whole = self._control = self._undefined = 0

    def add(self, chunk: bytes) -> None:
        if self._decoder is None:
            self._name = "utf-16" if chunk.startswith(UTF16_BOMS) else "utf-8-sig"
            self._decoder = codecs.getincrementaldecoder(self._name)()
            self._marked = chunk.startswith(codecs.BOM_UTF8)
        self._size += len(chunk)
        self._nul += chunk.count(0)
        self._try(chunk, final=False)
        # Counted from the start, for only a later chunk may show that the file is not UTF-8.
        if not (self._valid and chunk.isascii()):
            high = _count(chunk, _HIGH)
            self._high += high
            self._whole += high if self._valid else sum(map(len, _WHOLE.findall(chunk)))
            self._control += _count(chunk, _CONTROL)
            self._undefined += _count(chunk, _UNDEFINED_IN_CP1252)

    def _try(self, chunk: bytes, *, final: bool) -> None:
        try:
            if self._valid and self._decoder:
                self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self._valid = False

    def verdict(self, where: str) -> Encoding:
        cut = self._decoder.getstate()[0] if self._decoder and self._valid else b""
        self._try(b"", final=True)
        if not self._valid:
            self._whole -= len(cut)  # a character that the file breaks off in
        wide = self._name == "utf-16"
        if wide and not self._valid:
            raise InputError("encoding", where, "starts as UTF-16 and goes on as something else", do="Save it as UTF-8")
        if not wide and self._nul > _MAX_NUL_SHARE * max(self._size, 1):
            raise InputError("encoding", where, "looks like UTF-16 without its byte-order mark", do="Save it as UTF-8")
        if self._valid:
            return Encoding(self._name)
        if self._control:
            raise InputError("not_text", where, "is not text", do="Give a transcript as text, JSON, CSV or Parquet")
        broken = self._high - self._whole
        if self._marked or self._whole > _MIN_WHOLE * broken:
            what = f"the file is UTF-8 with broken bytes ({broken:,}); U+FFFD stands in their place"
            return Encoding(self._name, what, "replace")
        if self._undefined or self._high > _MAX_HIGH_SHARE * self._size:
            raise InputError("encoding", where, "is neither UTF-8 nor Windows-1252 text", do="Save it as UTF-8")
        return Encoding("cp1252", "the file is not UTF-8; it was read as Windows-1252")


def _count(chunk: bytes, wanted: bytes) -> int:
    return len(chunk) - len(chunk.translate(None, wanted))
