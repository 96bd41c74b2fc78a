"""What Whisper writes that is no JSON: .tsv (start, end in milliseconds, text) and .txt (a segment a line)."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, identity_of, settle
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.recogniser import recording
from cxsentiment.ingest.sources import Advance, Source, content_name, ignore, source_name
from cxsentiment.ingest.times import seconds_of
from cxsentiment.schema import Transcript

_MS = 1000
_LINES_LOOKED_AT = 20
_HEADER = ("start", "end", "text")
_ROW = re.compile(r"(\d{1,12})\t(\d{1,12})(?:\t(.*))?", re.DOTALL)
_SPEAKER = re.compile(r"\s*\[([A-Z][A-Z0-9]*_\d+|UNKNOWN)\]:\s?(.*)", re.DOTALL)


def is_tsv(text: str) -> bool:
    """Whether a text starts as Whisper's table: its header, and whole milliseconds below it."""
    lines = _lines(text)
    if not lines or tuple(lines[0].split("\t")) != _HEADER:
        return False
    return len(lines) == 1 or _ROW.fullmatch(lines[1]) is not None


def is_txt(text: str) -> bool:
    """Whether a text starts as Whisper's lines with speakers: most of the first are "[SPEAKER_00]: …"."""
    lines = _lines(text)[:_LINES_LOOKED_AT]
    return 2 * sum(_SPEAKER.fullmatch(line) is not None for line in lines) > len(lines)


def read_tsv(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript]:
    """Yield the one contact of a table; it has no speakers.

    Raises:
        InputError: `row` for a line that is no row, `wrong_format` without the header, or as `read_text`.
    """
    name = source_name(path)
    text, warning = read_text(path)
    if not is_tsv(text):
        raise InputError(
            "wrong_format", name, "is not Whisper's .tsv", allowed='a header "start, end, text" and whole milliseconds'
        )
    entries = []
    lines = _split(text)
    header = next(number for number, line in enumerate(lines) if line.strip())
    for number, line in enumerate(lines[header + 1 :], start=header + 2):
        if not line.strip():
            continue
        row = _ROW.fullmatch(line)
        if row is None:
            raise InputError(
                "row", f"{name}:{number}", "is no row", allowed="start, end (whole milliseconds) and text, with tabs"
            )
        entries.append(Entry(row[3] or "", None, seconds_of(row[1], _MS), seconds_of(row[2], _MS)))
    yield _settled(recording(entries), path, options, warning, "whisper-tsv")


def read_txt(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript]:
    """Yield the one contact of a text file, a turn a line; a line without "[SPEAKER_00]:" has no speaker.

    Raises:
        InputError: as `read_text`.
    """
    text, warning = read_text(path)
    entries = []
    for line in _lines(text):
        marked = _SPEAKER.fullmatch(line)
        label = marked[1] if marked and marked[1] != "UNKNOWN" else None
        entries.append(Entry(marked[2] if marked else line, label))
    yield _settled(recording(entries), path, options, warning, "whisper-txt")


def _settled(contact: Contact, path: Source, options: ReadOptions, warning: str | None, name: str) -> Transcript:
    if warning:
        contact.notes.add(warning)
    identity = identity_of(contact, Path(content_name(path)).stem)
    return settle(contact, identity, options, source=source_name(path), record=1, format_name=name)


def _lines(text: str) -> Sequence[str]:
    """The lines that are not blank, without the byte-order mark."""
    return [line for line in _split(text) if line.strip()]


def _split(text: str) -> list[str]:
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
