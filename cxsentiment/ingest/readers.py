"""Every format in one table: the vendors' JSON of the catalogue, and those that are read in a way of their own.

To add a vendor's JSON: see catalogue.py. To add a format that is no JSON: a module with
`read(source, options, advance) -> Iterator[Transcript | Reject]`, and a line in READERS. A reader that streams may tell
`advance` how many of the source's bytes it has read; for the others it is told at the end.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cxsentiment.ingest import captions, csvfile, excel, jsonl, nist, plain, salesforce_chat, talkdesk, whispertext
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.formats import Format
from cxsentiment.ingest.heads import Head
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Advance, Source
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
        Format("excel", "Excel", "generic", _LABELS, _SECONDS, "cxsentiment check turns.xlsx --map sheet=Calls"),
        (".xlsx", ".xlsm"),
        lambda head, _: head.is_workbook,
        excel.read_excel,
    ),
    Reader(
        Format(
            captions.WEBVTT,
            "WebVTT",
            "captions",
            "the voice, or the name before the colon; --role declares it",
            "h:mm:ss.mmm",
            'cxsentiment check meeting.vtt --role "Ann Lee=agent"',
        ),
        (".vtt",),
        _detect_webvtt,
        captions.read_webvtt_file,
    ),
    Reader(
        Format(
            captions.SRT,
            "SubRip",
            "captions",
            "the name before the colon; --role declares it",
            "h:mm:ss,mmm",
            "cxsentiment check call.srt --role SPEAKER_00=agent",
        ),
        (".srt",),
        _detect_srt,
        captions.read_srt_file,
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
            "talkdesk",
            "Talkdesk CSV",
            "telephony",
            "message_participant: AGENT, CUSTOMER",
            "none of a turn; ISO 8601 of the start",
            "cxsentiment check transcripts.csv",
        ),
        (".csv", ".tsv", ".txt"),
        lambda head, _: talkdesk.is_talkdesk(head.text),
        talkdesk.read_talkdesk,
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
