"""JSONL with one contact a line (streamed), and JSON documents that hold one contact or an array of contacts."""

import codecs
import json
from collections.abc import Iterator
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.documents import read_document, read_element
from cxsentiment.ingest.encoding import UTF16_BOMS, detect_encoding, open_text, read_text
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source, ignore, open_bytes, source_name
from cxsentiment.ingest.values import shown
from cxsentiment.schema import Reject, Transcript

# One contact of 50,000 turns takes about 5 MiB; a longer line is no contact.
MAX_LINE_CHARACTERS = 64 * 2**20
_CONTACTS = "Write one contact a line (JSONL), or an array of contacts"


class _Parser:
    """json.loads that says where and why in a person's words and remembers keys given twice (the last one wins)."""

    def __init__(self) -> None:
        self.repeated: list[str] = []
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            seen: set[str] = set()
            self.repeated += [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
        return result

    def parse(self, text: str, where: str) -> Any:
        self.repeated.clear()
        try:
            return self._decoder.decode(text)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno} column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
            raise InputError(
                "json",
                where,
                f"is not valid JSON: {error.msg.removesuffix(' at')} at {place}",
                do=_json_hint(text, error),
            ) from error
        except RecursionError as error:
            raise InputError(
                "json_depth", where, "the JSON is nested too deeply to be a contact", do=_CONTACTS
            ) from error
        except ValueError as error:
            raise InputError(
                "json_number", where, "the JSON holds a number of thousands of digits", do="Write it as text"
            ) from error

    def warnings(self) -> tuple[str, ...]:
        if not self.repeated:
            return ()
        names = ", ".join(sorted({f'"{shown(name)}"' for name in self.repeated}))
        return (f"keys given twice: {names}; the last one was read",)


def _json_hint(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
        return "It looks cut off: export it again"
    if error.msg.startswith("Extra data"):
        return _CONTACTS
    if text[error.pos : error.pos + 2] in ("//", "/*") or error.msg.startswith(
        ("Expecting property", "Illegal trailing")
    ):
        return "Comments, trailing commas and single quotes are not JSON"
    if error.msg.startswith("Invalid control"):
        return "Write it as an escape such as \\n or \\u0007: export it again with a JSON library"
    return "Look just before that place for a missing comma or quote"


def read_jsonl(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield one contact a line, in constant memory; `record` is the line number from 1; blank lines are skipped.

    Raises:
        InputError: `damaged`, or `encoding` for UTF-16 that breaks off; a bad line of UTF-8 is one Reject.
    """
    source = source_name(path)
    parser = _Parser()
    for number, line in _lines(path, advance):
        where = f"{source}:{number}"
        try:
            text = _decoded(line, where)
            if not text.strip():
                continue
            record = parser.parse(text, where)
        except InputError as error:
            yield Reject(source, number, None, error.code, error.message)
            continue
        yield from read_element(record, path, number, options, parser.warnings())


def _lines(path: Source, advance: Advance) -> Iterator[tuple[int, bytes | str]]:
    with open_bytes(path) as file:
        wide = file.read(2) in UTF16_BOMS
    with open_text(path, detect_encoding(path), advance) if wide else open_bytes(path, advance) as file:
        number = 0
        while line := file.readline(MAX_LINE_CHARACTERS + 1):
            number += 1
            # Blank lines pack well: a small file of millions of them must not take minutes.
            if not line.isspace() or len(line) > MAX_LINE_CHARACTERS:
                yield number, line
            while len(line) > MAX_LINE_CHARACTERS and line[-1:] not in ("\n", b"\n"):
                line = file.readline(MAX_LINE_CHARACTERS + 1)


def _decoded(line: bytes | str, where: str) -> str:
    if len(line) > MAX_LINE_CHARACTERS:
        raise InputError("too_large", where, f"the line is longer than {MAX_LINE_CHARACTERS // 2**20} MiB")
    if isinstance(line, str):
        return line
    try:
        return line.decode("utf-8-sig" if line.startswith(codecs.BOM_UTF8) else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "encoding", where, f"byte {error.start + 1} of the line is not UTF-8", do="Save the file as UTF-8"
        ) from error


def read_json(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the contacts of one JSON document, as `read_document`.

    Raises:
        InputError: `json`, `too_large`, or as `detect_encoding` and `read_document`.
    """
    source = source_name(path)
    text, warning = read_text(path)
    if not text.strip():
        raise InputError("empty", source, "holds no contact", do="Export it again")
    parser = _Parser()
    document = parser.parse(text, source)
    warnings = parser.warnings() + ((warning,) if warning else ())
    yield from read_document(document, path, options, warnings)


def is_lines(text: str) -> bool:
    """Whether the start of a JSON text is JSONL rather than one document.

    It is where the first line is a whole object, where there is no second line (read alike either way, but a line may
    be longer than what was seen of it), or where the second line starts another object (then the first is damaged).
    """
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(lines[0]), dict)
    except (ValueError, RecursionError):
        return len(lines) == 1 or (lines[1].startswith("{") and lines[0].strip() != "{")
