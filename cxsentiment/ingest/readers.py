"""Every format in one table, found by structure, and the one way through all sources.

To add a format: a module with `read(path, options, advance) -> Iterator[Transcript | Reject]`, and a line in READERS.
A reader that streams may tell `advance` how many of the file's bytes it has read; for the others it is told at the end.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cxsentiment.errors import InputError
from cxsentiment.ingest import csvfile, jsonl, plain
from cxsentiment.ingest.encoding import UTF16_BOMS
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, content_name, ignore, open_bytes, source_name
from cxsentiment.ingest.values import MadeId, shown
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

_HEAD_BYTES = 65_536

# Contact id → source, record and content hash of the first contact that had it.
FirstSeen = dict[str, tuple[str, int, int]]

Read = Callable[[Path, ReadOptions, Advance], Iterator[Transcript | Reject]]


@dataclass(frozen=True, slots=True)
class Head:
    """The start of a source, decompressed; `text` is decoded as far as it goes; `suffix` in lower case."""

    data: bytes
    text: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A format: its name, the suffixes it usually has, how its structure is known, and how it is read."""

    name: str
    suffixes: tuple[str, ...]
    detect: Callable[[Head, ReadOptions], bool]
    read: Read


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
    (b"BZh", "compressed", "is compressed with bzip2", "Unpack it, or use .gz or .zst"),
    (b"\xfd7zXZ", "compressed", "is compressed with xz", "Unpack it, or use .gz or .zst"),
    (b"7z\xbc\xaf", "archive", "is a 7z archive", "Unpack it and give the folder"),
    (b"Rar!", "archive", "is a RAR archive", "Unpack it and give the folder"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_CAPTIONS = re.compile(r"^\ufeff?WEBVTT|^\s*[\d:.,]+\s*-->", re.MULTILINE)
_MARKUP = re.compile(r"\s*<(?:\?xml|!DOCTYPE|[a-zA-Z])")
_JSON_START = re.compile(r'\ufeff?\s*(?:\{\s*["}]|\[\s*[\[{"\]])')


def _is_json(head: Head, suffixes: tuple[str, ...]) -> bool:
    return bool(_JSON_START.match(head.text)) or head.suffix in suffixes


def _detect_jsonl(head: Head, options: ReadOptions) -> bool:
    return _is_json(head, (".jsonl", ".ndjson")) and (
        jsonl.is_lines(head.text.lstrip("\ufeff")) or not head.text.lstrip("\ufeff \t\r\n").startswith(("[", "{"))
    )


def _detect_json(head: Head, options: ReadOptions) -> bool:
    return _is_json(head, (".json", ".jsonl", ".ndjson", ".jsonc"))


def _detect_csv(head: Head, options: ReadOptions) -> bool:
    first = head.text.lstrip("\ufeff").split("\n", 1)[0]
    return head.suffix in (".csv", ".tsv", ".tab") or csvfile.looks_like_turns(first, options)


def _detect_plain(head: Head, options: ReadOptions) -> bool:
    return head.suffix in (".txt", ".text") or plain.has_known_speaker(re.split(r"\r\n?|\n", head.text), options)


def _read_parquet(path: Path, options: ReadOptions, advance: Advance) -> Iterator[Transcript | Reject]:
    from cxsentiment.ingest.parquet import read_parquet  # pyarrow takes a while to load; most inputs do without

    return read_parquet(path, options, advance)


# The first whose structure fits reads the file.
READERS: tuple[Reader, ...] = (
    Reader("Parquet", (".parquet", ".pq"), lambda head, _: head.data.startswith(b"PAR1"), _read_parquet),
    Reader("JSON Lines", (".jsonl", ".ndjson", ".json"), _detect_jsonl, jsonl.read_jsonl),
    Reader("JSON", (".json", ".jsonl", ".ndjson"), _detect_json, jsonl.read_json),
    Reader("CSV", (".csv", ".tsv", ".tab", ".txt"), _detect_csv, csvfile.read_csv),
    Reader("plain text", (".txt", ".text"), _detect_plain, plain.read_plain),
)


def read_contacts(
    sources: Sequence[Path],
    options: ReadOptions,
    advance: Advance = ignore,
    first_seen: FirstSeen | None = None,
) -> Iterator[Transcript | Reject]:
    """Yield every contact of all sources in order, and a Reject for whatever cannot be used; raises for no content.

    A Reject with record 0 is about the whole file. A contact id that came before is refused: `duplicate_contact`
    where the contact is the same, `duplicate_id` where it is another; but an id that was made from the file's name gets
    the names of the folders above before it until it is new. Calls that share a dict `first_seen` see each other's
    ids. The ids of rejects are masked: what stands there may be no id. `advance` is told the bytes of the files (as
    stored) as they are read; in all, each file's size.
    """
    seen: FirstSeen = {} if first_seen is None else first_seen
    for path in sources:
        told = _Told(advance)
        for result in _read_source(path, options, told):
            checked = result if isinstance(result, Reject) else _check_new(result, seen)
            yield _masked(checked) if isinstance(checked, Reject) else checked
        advance((path.stat().st_size if path.is_file() else 0) - told.count)


def _masked(reject: Reject) -> Reject:
    return reject if reject.contact_id is None else replace(reject, contact_id=mask(reject.contact_id).text)


class _Told:
    """Passes progress on and remembers how much it was."""

    def __init__(self, advance: Advance) -> None:
        self.count = 0
        self._advance = advance

    def __call__(self, count: int) -> None:
        self.count += count
        self._advance(count)


def _read_source(path: Path, options: ReadOptions, advance: Advance) -> Iterator[Transcript | Reject]:
    try:
        reader, note = find_reader(path, options)
        for result in reader.read(path, options, advance):
            if note and isinstance(result, Transcript):
                result = replace(result, warnings=(note, *result.warnings))
            yield result
    except InputError as error:
        yield Reject(source_name(path), 0, None, error.code, error.message)


def find_reader(path: Path, options: ReadOptions) -> tuple[Reader, str | None]:
    """The reader whose structure fits, and a note where the file's name says another format.

    Raises:
        InputError: `link`, `not_a_file`, `unreadable`, `damaged`, `empty`, `unknown_format`, or a code that names
            what it is: `audio`, `image`, `document`, `compressed`, `archive`, `pickle`, `captions`, `markup`.
    """
    where = source_name(path)
    if path.is_symlink():
        raise InputError("link", where, "is a link, and links in folders are not followed", do="Give its target")
    if not path.is_file():
        raise InputError("not_a_file", where, "is not a file")
    head = _head(path)
    _refuse(head, where)
    for reader in READERS:
        if reader.detect(head, options):
            note = None if head.suffix in reader.suffixes else f"read as {reader.name} by its content"
            return reader, note
    raise InputError(
        "unknown_format",
        where,
        "is in no format that can be read",
        allowed=", ".join(reader.name for reader in READERS),
        do="A table needs a header with a text and a speaker column; plain text needs lines such as 'Agent: …'",
    )


def _head(path: Path) -> Head:
    with open_bytes(path) as file:
        data = file.read(_HEAD_BYTES)
    wide = data.startswith(UTF16_BOMS)
    text = data.decode("utf-16" if wide else "utf-8", errors="replace")
    return Head(data, text, Path(content_name(path)).suffix.lower())


def _refuse(head: Head, where: str) -> None:
    for magic, code, what, advice in _REFUSED:
        if head.data.startswith(magic):
            raise InputError(code, where, what, do=advice)
    if head.data.startswith(b"PK\x03\x04"):
        _refuse_zip(head, where)
    if head.suffix == ".zip":
        raise InputError("archive", where, "is not a zip archive though named so", do="Name it by what it holds")
    if _PICKLE.match(head.data):
        raise InputError("pickle", where, "is a Python pickle, which is never opened: it could run code")
    if not head.text.strip("\ufeff \t\r\n"):
        raise InputError("empty", where, "holds no contact: the file is empty")
    if _CAPTIONS.search(head.text[:2000]):
        raise InputError("captions", where, "holds captions (WebVTT or SubRip)", do="Save it as 'Agent: …' text or CSV")
    if _MARKUP.match(head.text):
        raise InputError("markup", where, "is XML or HTML", do="Export it as JSON, CSV or plain text")


def _refuse_zip(head: Head, where: str) -> None:
    if b"word/" in head.data or b"xl/" in head.data or b"[Content_Types]" in head.data:
        raise InputError("document", where, "is an Office document", do="Save it as CSV or plain text")
    raise InputError("archive", where, "is a zip archive", do="Unpack it and give the folder")


def _check_new(contact: Transcript, first_seen: FirstSeen) -> Transcript | Reject:
    own = (contact.source, contact.record, _content(contact))
    first = own
    if isinstance(contact.id, MadeId):
        # A copy is known by its name and content together, for the first of them may have got another id.
        first = first_seen.setdefault(f"{contact.id}\0{own[2]}", own)
        contact = _named_apart(contact, own, first_seen) if first == own else replace(contact, id=str(contact.id))
    if first == own:
        first = first_seen.setdefault(contact.id, own)
    source, record, content = first
    if (source, record) == (contact.source, contact.record):
        return contact
    same = content == own[2]
    what = "is in the input twice" if same else "has the id of another contact"
    return Reject(
        contact.source,
        contact.record,
        contact.id,
        "duplicate_contact" if same else "duplicate_id",
        f'{contact.source}:{contact.record}: contact "{shown(contact.id)}" {what}; the first is {source}:{record}'
        + ("" if same else ". Give each contact its own id"),
    )


def _named_apart(contact: Transcript, own: tuple[str, int, int], first_seen: FirstSeen) -> Transcript:
    """The contact with folders' names before its made id until no other contact has it."""
    name = str(contact.id)
    folders = Path(contact.source).parent.parts
    while first_seen.get(name, own) != own and folders:
        name = f"{folders[-1]}/{name}"
        folders = folders[:-1]
    if name == contact.id:
        return replace(contact, id=name)
    note = "the id made from the file's name was taken; the folder's name stands before it"
    return replace(contact, id=name, warnings=(*contact.warnings, note))


def _content(contact: Transcript) -> int:
    # Equal within one process only; enough to tell a repeated contact from another one with the same id.
    return hash(
        (
            contact.turns,
            contact.channel,
            contact.agent_id,
            contact.customer_id,
            contact.campaign,
            contact.queue,
            contact.started_at,
            contact.csat,
            contact.nps,
            contact.ces,
        )
    )
