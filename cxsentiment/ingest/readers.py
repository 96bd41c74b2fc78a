"""Every format in one table: the vendors' JSON of the catalogue, and those that are read in a way of their own.

To add a vendor's JSON: see catalogue.py. To add a format that is no JSON: a module with
`read(source, options, advance) -> Iterator[Transcript | Reject]`, its facts in facts.py, and a line in READERS. One
that streams may tell `advance` how many of the source's bytes it has read; for the others it is told at the end.
Formats of other packages are not here: see installed.py.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cxsentiment.ingest import (
    captions,
    csvfile,
    excel,
    facts,
    jsonl,
    nist,
    plain,
    salesforce_chat,
    talkdesk,
    whispertext,
)
from cxsentiment.ingest.formats import FileFormat, Format, Origin, settled
from cxsentiment.ingest.heads import Head
from cxsentiment.ingest.installed import guarded
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source, source_name
from cxsentiment.schema import Reject, Transcript

Read = Callable[[Source, ReadOptions, Advance], Iterator[Transcript | Reject]]

_JSON_START = re.compile(r'\ufeff?\s*(?:\{\s*["}]|\[\s*[\[{"\]])')


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


def reader_of(known: FileFormat) -> Reader:
    """The reader of a format that another package gives."""

    def read(source: Source, options: ReadOptions, _: Advance) -> Iterator[Transcript | Reject]:
        origin = Origin(source, source_name(source), options)
        return guarded(known.facts, origin.where, settled(known.read(origin), known.facts, origin))

    return Reader(known.facts, known.suffixes, lambda head, _: known.detect(head), read)


def _is_json(head: Head, suffixes: tuple[str, ...]) -> bool:
    return bool(_JSON_START.match(head.text)) or head.suffix in suffixes


def _detect_jsonl(head: Head, options: ReadOptions) -> bool:
    return _is_json(head, (".jsonl", ".ndjson")) and (
        jsonl.is_lines(head.text.lstrip("\ufeff")) or not head.text.lstrip("\ufeff \t\r\n").startswith(("[", "{"))
    )


def _detect_json(head: Head, options: ReadOptions) -> bool:
    return _is_json(head, (".json", ".jsonl", ".ndjson", ".jsonc"))


def _detect_webvtt(head: Head, options: ReadOptions) -> bool:
    return captions.detect_format(head.text, head.suffix) == captions.WEBVTT


def _detect_srt(head: Head, options: ReadOptions) -> bool:
    return captions.detect_format(head.text, head.suffix) == captions.SRT


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
    Reader(facts.PARQUET, (".parquet", ".pq"), lambda head, _: head.data.startswith(b"PAR1"), _read_parquet),
    Reader(
        facts.SALESFORCE_CHAT,
        (".html", ".htm", ".txt"),
        lambda head, _: salesforce_chat.is_body(head.text),
        salesforce_chat.read_body,
    ),
    Reader(facts.EXCEL, (".xlsx", ".xlsm"), lambda head, _: head.is_workbook, excel.read_excel),
    Reader(facts.WEBVTT, (".vtt",), _detect_webvtt, captions.read_webvtt_file),
    Reader(facts.SRT, (".srt",), _detect_srt, captions.read_srt_file),
    Reader(facts.JSONL, (".jsonl", ".ndjson", ".json", ".vcon"), _detect_jsonl, jsonl.read_jsonl),
    Reader(facts.JSON, (".json", ".jsonl", ".ndjson", ".vcon"), _detect_json, jsonl.read_json),
    Reader(facts.WHISPER_TSV, (".tsv", ".txt"), lambda head, _: whispertext.is_tsv(head.text), whispertext.read_tsv),
    Reader(facts.WHISPER_TXT, (".txt", ".text"), lambda head, _: whispertext.is_txt(head.text), whispertext.read_txt),
    Reader(facts.CTM, (".ctm", ".rttm"), _detect_ctm, nist.read_ctm),
    Reader(facts.STM, (".stm",), _detect_stm, nist.read_stm),
    Reader(
        facts.TALKDESK,
        (".csv", ".tsv", ".txt"),
        lambda head, _: talkdesk.is_talkdesk(head.text),
        talkdesk.read_talkdesk,
    ),
    Reader(facts.CSV, (".csv", ".tsv", ".tab", ".txt"), _detect_csv, csvfile.read_csv),
    Reader(facts.TEXT, (".txt", ".text"), _detect_plain, plain.read_plain),
)
