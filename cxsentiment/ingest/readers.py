"""Every way to read a source in one table, found by structure, and the one way through all sources.

To add a vendor's JSON: see catalogue.py. To add a format that is no JSON: a module with
`read(source, options, advance) -> Iterator[Transcript | Reject]`, and a line in READERS. A reader that streams may tell
`advance` how many of the source's bytes it has read; for the others it is told at the end.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest import csvfile, jsonl, nist, plain, salesforce_chat, whispertext
from cxsentiment.ingest.archives import is_archive, is_office, members
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.formats import Format
from cxsentiment.ingest.heads import Head, head_of, refuse, refuse_unread
from cxsentiment.ingest.identities import FirstSeen, check_new
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source, ignore, size_of, source_name
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

Read = Callable[[Source, ReadOptions, Advance], Iterator[Transcript | Reject]]

_JSON_START = re.compile(r'\ufeff?\s*(?:\{\s*["}]|\[\s*[\[{"\]])')
_LABELS = "the speaker's label: agent, customer, bot, system, other; --role declares any other"
_SECONDS = "seconds from the start"


@dataclass(frozen=True, slots=True)
class Reader:
    """A format that is read in its own way: its facts, usual suffixes, how its structure is known, how it is read."""

    facts: Format
    suffixes: tuple[str, ...]
    detect: Callable[[Head, ReadOptions], bool]
    read: Read

    @property
    def name(self) -> str:
        """What --format takes."""
        return self.facts.name


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


def _detect_ctm(head: Head, options: ReadOptions) -> bool:
    return head.suffix in (".ctm", ".rttm") or (head.suffix != ".stm" and nist.is_ctm(head.text))


def _detect_stm(head: Head, options: ReadOptions) -> bool:
    return head.suffix == ".stm" or nist.is_stm(head.text)


def _read_parquet(source: Source, options: ReadOptions, advance: Advance) -> Iterator[Transcript | Reject]:
    from cxsentiment.ingest.parquet import read_parquet  # pyarrow takes a while to load; most inputs do without

    return read_parquet(source, options, advance)


# The first whose structure fits reads the source.
READERS: tuple[Reader, ...] = (
    Reader(
        Format("parquet", "Parquet", "generic", _LABELS, _SECONDS, "cxsentiment check turns.parquet --map text=words"),
        (".parquet", ".pq"),
        lambda head, _: head.data.startswith(b"PAR1"),
        _read_parquet,
    ),
    Reader(
        Format(
            salesforce_chat.NAME,
            "Salesforce chat transcript body",
            "messaging",
            "the head's agent; the other name is the customer's",
            "(1m 13s) from the start",
            "cxsentiment check bodies/",
        ),
        (".html", ".htm", ".txt"),
        lambda head, _: salesforce_chat.is_body(head.text),
        salesforce_chat.read_body,
    ),
    Reader(
        Format("jsonl", "JSON Lines", "generic", _LABELS, _SECONDS, "cxsentiment check contacts.jsonl"),
        (".jsonl", ".ndjson", ".json", ".vcon"),
        _detect_jsonl,
        jsonl.read_jsonl,
    ),
    Reader(
        Format("json", "JSON", "generic", _LABELS, _SECONDS, "cxsentiment check contact.json --map turns=segments"),
        (".json", ".jsonl", ".ndjson", ".vcon"),
        _detect_json,
        jsonl.read_json,
    ),
    Reader(
        Format(
            "whisper-tsv",
            "Whisper .tsv",
            "whisper",
            "none: the table has no speakers",
            "milliseconds",
            "cxsentiment check call.tsv",
        ),
        (".tsv", ".txt"),
        lambda head, _: whispertext.is_tsv(head.text),
        whispertext.read_tsv,
    ),
    Reader(
        Format(
            "whisper-txt",
            "Whisper .txt",
            "whisper",
            "[SPEAKER_00]: at the start of a line; --role declares it",
            "none",
            "cxsentiment score calls/ --role SPEAKER_00=agent --role SPEAKER_01=customer --out run",
        ),
        (".txt", ".text"),
        lambda head, _: whispertext.is_txt(head.text),
        whispertext.read_txt,
    ),
    Reader(
        Format(
            "ctm",
            "NIST CTM",
            "research",
            "the speakers of the RTTM beside it, else channels; --role declares them",
            "seconds, with durations",
            "cxsentiment score calls/ --role A=agent --role B=customer --out run",
        ),
        (".ctm", ".rttm"),
        _detect_ctm,
        nist.read_ctm,
    ),
    Reader(
        Format(
            "stm",
            "NIST STM",
            "research",
            "the third column; --role declares it",
            "seconds",
            "cxsentiment score calls/ --role Ana=agent --role Ben=customer --out run",
        ),
        (".stm",),
        _detect_stm,
        nist.read_stm,
    ),
    Reader(
        Format(
            "csv", "CSV", "generic", _LABELS, _SECONDS, "cxsentiment check turns.csv --map id=call --role AGT=agent"
        ),
        (".csv", ".tsv", ".tab", ".txt"),
        _detect_csv,
        csvfile.read_csv,
    ),
    Reader(
        Format("text", "plain text", "generic", "the name before the colon; --role declares it", "[h:mm:ss]", ""),
        (".txt", ".text"),
        _detect_plain,
        plain.read_plain,
    ),
)


def formats() -> tuple[Format, ...]:
    """The facts of every format that can be read, the vendors' first."""
    return (*(known.facts for known in DOCUMENT_FORMATS), *(reader.facts for reader in READERS))


def read_contacts(
    sources: Sequence[Source],
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
    for source in sources:
        told = _Told(advance)
        for result in _read_source(source, options, told):
            checked = result if isinstance(result, Reject) else check_new(result, seen)
            yield _masked(checked) if isinstance(checked, Reject) else checked
        advance(size_of(source) - told.count)


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


def _read_source(
    source: Source, options: ReadOptions, advance: Advance, *, packed: bool = False
) -> Iterator[Transcript | Reject]:
    """The contacts of a source; of an archive, those of its members (`packed`), but no archives in archives."""
    try:
        head = _head(source)
        if not is_archive(head.data) or is_office(source, head.data):
            yield from _read_file(source, head, options, advance)
        elif packed:
            raise InputError("nested_archive", source_name(source), "is an archive in an archive", do="Unpack it first")
        else:
            yield from _read_archive(source, options)
    except InputError as error:
        yield Reject(source_name(source), 0, None, error.code, error.message)


def _read_archive(archive: Source, options: ReadOptions) -> Iterator[Transcript | Reject]:
    empty = True
    for member in members(archive):
        empty = False
        if isinstance(member, InputError):
            yield Reject(source_name(archive), 0, None, member.code, member.message)
            continue
        for result in _read_source(member, options, ignore, packed=True):
            if member.note and isinstance(result, Transcript):
                result = replace(result, warnings=(member.note, *result.warnings))
            yield result
    if empty:
        raise InputError("empty", source_name(archive), "holds no file")


def _read_file(source: Source, head: Head, options: ReadOptions, advance: Advance) -> Iterator[Transcript | Reject]:
    reader, note = _reader_for(source, head, options)
    for result in reader.read(source, options, advance):
        if isinstance(result, Transcript):
            warnings = (note, *result.warnings) if note else result.warnings
            result = replace(result, format=result.format or reader.name, warnings=warnings)
        yield result


def _head(source: Source) -> Head:
    """The start of a source. Raises InputError for what is no file: `link`, `not_a_file`, `unreadable`, `damaged`."""
    where = source_name(source)
    if source.is_symlink():
        raise InputError("link", where, "is a link, and links in folders are not followed", do="Give its target")
    if not source.is_file():
        raise InputError("not_a_file", where, "is not a file")
    return head_of(source)


def find_reader(source: Source, options: ReadOptions) -> tuple[Reader, str | None]:
    """The reader whose structure fits, and a note where the file's name says another format.

    With `options.format` the reader of that format, whatever the structure (a vendor's JSON: that of JSON).

    Raises:
        UsageError: `options.format` is no format.
        InputError: `link`, `not_a_file`, `unreadable`, `damaged`, `empty`, `unknown_format`, or a code that names
            what it is: `audio`, `image`, `document`, `compressed`, `archive`, `pickle`, `captions`, `markup`.
    """
    return _reader_for(source, _head(source), options)


def _reader_for(source: Source, head: Head, options: ReadOptions) -> tuple[Reader, str | None]:
    where = source_name(source)
    refuse(head, where)
    for reader in _candidates(options):
        if options.format == reader.name or reader.detect(head, options):
            note = None if head.suffix in reader.suffixes else f"read as {reader.facts.title} by its content"
            return reader, note
    refuse_unread(head, where)
    raise InputError(
        "unknown_format",
        where,
        "is in no format that can be read",
        allowed=", ".join(reader.facts.title for reader in READERS) + "; cxsentiment formats lists all",
        do="A table needs a header with a text and a speaker column; plain text needs lines such as 'Agent: …'",
    )


def _candidates(options: ReadOptions) -> Sequence[Reader]:
    name = options.format
    if name is None:
        return READERS
    if chosen := [reader for reader in READERS if reader.name == name]:
        return chosen
    if any(known.name == name for known in DOCUMENT_FORMATS):
        return [reader for reader in READERS if reader.name in ("jsonl", "json")]
    raise UsageError(f"--format {name}", "is no format", allowed=", ".join(known.name for known in formats()))
