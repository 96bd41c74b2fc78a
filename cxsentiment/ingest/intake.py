"""The one way through all sources: what each holds is found by its structure, read, and given out as contacts."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cxsentiment.errors import CompanionError, InputError, UsageError
from cxsentiment.ingest.archives import is_archive, is_office, members
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.facts import formats
from cxsentiment.ingest.formats import FileFormat
from cxsentiment.ingest.heads import Head, head_of, refuse, refuse_unread
from cxsentiment.ingest.identities import FirstSeen, check_new
from cxsentiment.ingest.installed import installed
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.readers import READERS, Reader, reader_of
from cxsentiment.ingest.sources import Advance, Source, ignore, size_of, source_name
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

_JSON = [reader for reader in READERS if reader.name in ("jsonl", "json")]


def read_contacts(
    sources: Sequence[Source],
    options: ReadOptions,
    advance: Advance = ignore,
    first_seen: FirstSeen | None = None,
    beside: Sequence[str] = (),
) -> Iterator[Transcript | Reject]:
    """Yield every contact of all sources in order, and a Reject for whatever cannot be used; raises for no content.

    A Reject with record 0 is about the whole file; one of kind "turn" or "time" is about the contact before it, which
    was kept. A contact id that came before is refused: `duplicate_contact`, of kind "copy", where the contact is the
    same, `duplicate_id` where it is another; but an id that was made from the file's name gets the names of the folders
    above before it until it is new. Calls that share one `first_seen` see each other's ids; `beside` are the names,
    sorted, of all sources that such calls read. The ids of rejects are masked: what stands there may be no id.

    `advance` is told the bytes of the files (as stored) as they are read; in all, each file's size.
    """
    seen = FirstSeen() if first_seen is None else first_seen
    given = beside or sorted(set(map(source_name, sources)))
    for source in sources:
        told = _Told(advance)
        for result in _read_source(source, options, told, given):
            checked = result if isinstance(result, Reject) else check_new(result, seen)
            if isinstance(checked, Reject):
                yield masked(checked)
                continue
            yield checked
            yield from (masked(replace(refused, contact_id=checked.id)) for refused in checked.refused)
        advance(size_of(source) - told.count)


def masked(reject: Reject) -> Reject:
    """The refusal with its id masked: what stands there may be no id."""
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
    source: Source, options: ReadOptions, advance: Advance, given: Sequence[str], *, packed: bool = False
) -> Iterator[Transcript | Reject]:
    """The contacts of a source; of an archive, those of its members (`packed`), but no archives in archives.

    `given` are the names of all sources, sorted: one that is read with another of them is no reject (an archive is read
    whole).
    """
    try:
        head = _head(source)
        if not is_archive(head.data) or is_office(source, head.data):
            yield from _read_file(source, head, options, advance)
        elif packed:
            raise InputError("nested_archive", source_name(source), "is an archive in an archive", do="Unpack it first")
        else:
            yield from _read_archive(source, options)
    except CompanionError as error:
        name = source_name(source)
        if not packed and not _is_given(error.main, name, given):
            yield Reject(name, 0, None, error.code, error.message)
    except InputError as error:
        yield Reject(source_name(source), 0, None, error.code, error.message)


def _is_given(main: str, own: str, given: Sequence[str]) -> bool:
    """Whether another source than `own` has a name that begins with `main`; in sorted names such stand together."""
    first = bisect_left(given, main)
    return any(name.startswith(main) and name != own for name in given[first : first + 2])


def _read_archive(archive: Source, options: ReadOptions) -> Iterator[Transcript | Reject]:
    empty = True
    for member in members(archive):
        empty = False
        if isinstance(member, InputError):
            yield Reject(source_name(archive), 0, None, member.code, member.message)
            continue
        for result in _read_source(member, options, ignore, (), packed=True):
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
    if isinstance(source, Path) and source.is_dir():  # a folder is walked, where that can be done
        try:
            next(source.iterdir(), None)
        except OSError as error:
            what = f"is a folder that cannot be read ({error.strerror})"
            raise InputError("unreadable", where, what, do="Check its permissions") from error
    if not source.is_file():
        raise InputError("not_a_file", where, "is not a file", do="Check the path")
    return head_of(source)


def find_reader(source: Source, options: ReadOptions) -> tuple[Reader, str | None]:
    """The reader whose structure fits, and a note where the file's name says another format.

    With `options.format` the reader of that format, whatever the structure (a vendor's JSON: that of JSON).

    Raises:
        UsageError: as `require_format`.
        InputError: `link`, `not_a_file`, `unreadable`, `damaged`, `empty`, `unknown_format`, or a code that names
            what it is: `audio`, `image`, `document`, `compressed`, `archive`, `pickle`, `markup`.
    """
    return _reader_for(source, _head(source), options)


def require_format(options: ReadOptions) -> None:
    """Raise UsageError where `options.format` is no format, or that of a package that cannot be used."""
    if options.format is not None:
        _named(options.format)


def _reader_for(source: Source, head: Head, options: ReadOptions) -> tuple[Reader, str | None]:
    where = source_name(source)
    refuse(head, where)
    if (reader := _fitting(head, options)) is not None:
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


def _fitting(head: Head, options: ReadOptions) -> Reader | None:
    """The reader of a file. What only its suffix gives to a built-in format is offered to those of packages before."""
    if options.format is not None:
        readers = _named(options.format)
        return readers[0] if len(readers) == 1 else _first(readers, head, options)
    own = _first(READERS, head, options)
    nameless = replace(head, suffix="")
    if own is not None and (own.detect(nameless, options) or _first(READERS, nameless, options) is not None):
        return own
    return _first([reader_of(known) for known in installed().files()], head, options) or own


def _first(readers: Sequence[Reader], head: Head, options: ReadOptions) -> Reader | None:
    return next((reader for reader in readers if reader.detect(head, options)), None)


def _named(name: str) -> Sequence[Reader]:
    """Who may read what `--format` names."""
    if chosen := [reader for reader in READERS if reader.name == name]:
        return chosen
    if any(known.name == name for known in DOCUMENT_FORMATS):
        return _JSON
    if (found := installed().find(name)) is not None:
        return [reader_of(found)] if isinstance(found, FileFormat) else _JSON
    known = (*(facts.name for facts in formats()), *installed().declared)
    raise UsageError(f"--format {name}", "is no format", allowed=", ".join(known))
