"""What is fuzzed: a parser each, with seeds, and what must hold of whatever it answers.

Only InputError (and of survey files UsageError) may be raised; every contact's numbers are finite and its texts can be
written; of a generic record every turn is a turn of the contact or counted as dropped.
"""

import bz2
import gzip
import io
import json
import math
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.contactlog import LogRules, read_log
from cxsentiment.ingest.formats import objects
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.scales import declare
from cxsentiment.ingest.surveys import SurveyRules, read_surveys
from cxsentiment.privacy import mask
from cxsentiment.schema import SPEAKERS, Reject, Transcript

SEEDS = Path(__file__).parent / "fuzz_seeds.jsonl"
# Where formats of one list of entries have it; the tests of each format hold the others to their counts.
_COUNTED: dict[str, tuple[str, ...]] = {
    "amazon-contact-lens-voice": ("Transcript",),
    "amazon-contact-lens-chat": ("Transcript",),
    "amazon-transcribe-call-analytics": ("Transcript",),
    "amazon-post-call-analytics": ("SpeechSegments",),
    "google-ccai": ("entries",),
    "google-insights": ("transcript", "transcriptSegments"),
    "google-insights-bigquery": ("sentences",),
    "azure-speech-fast": ("phrases",),
}
_GUESSED = ReadOptions(guess_roles=True)


@dataclass(frozen=True)
class Held:
    """A file in memory, as a source."""

    name: str
    data: bytes
    beside: dict[str, bytes] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        """The last suffix, with its dot."""
        return PurePosixPath(self.name).suffix

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data)

    def as_posix(self) -> str:
        """Its whole name."""
        return f"calls/{self.name}"

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Its bytes."""
        return io.BytesIO(self.data)

    def is_file(self) -> bool:
        """Whether it is one that was given."""
        return not self.beside.get("gone")

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def with_name(self, name: str) -> "Held":
        """A file beside it, where there is one."""
        return Held(name, self.beside.get(name, b""), {"gone": b"" if name in self.beside else b"1"})


@dataclass(frozen=True)
class Target:
    """A parser under test: `run` takes any bytes and raises only what is a finding; `json` seeds mutate as JSON."""

    name: str
    seeds: Callable[[], list[bytes]]
    run: Callable[[bytes], None]
    json: bool = False


def check(results: Sequence[Transcript | Reject]) -> None:
    """Raise AssertionError for an answer that no later step could use."""
    for result in results:
        if isinstance(result, Reject):
            assert result.code, "a reject has a code"
            assert result.message, "a reject has a message"
            json.dumps([result.source, result.contact_id, result.message], ensure_ascii=False).encode()
        else:
            _check_contact(result)


def _check_contact(contact: Transcript) -> None:
    texts = [contact.id, *contact.warnings, *contact.notes, *(one.message for one in contact.refused)]
    texts += [*(party.label for party in contact.parties)]
    texts += [text for text in (contact.agent_id, contact.customer_id, contact.channel, contact.started_at) if text]
    assert contact.id, "a contact has an id"
    assert contact.dropped_turns >= 0, "dropped turns are counted"
    assert all(count >= 0 for count in contact.skipped.values()), "skipped entries are counted"
    for turn in contact.turns:
        assert turn.text, "a turn has a text"
        assert turn.speaker in SPEAKERS, "a speaker has a role"
        start, end = turn.start_s, turn.end_s
        assert start is None or (math.isfinite(start) and start >= 0), "a start is a time"
        assert end is None or (math.isfinite(end) and end >= (start or 0)), "an end is a time after the start"
        texts += [turn.text, turn.label, *([turn.agent_id] if turn.agent_id else [])]
    assert sum(party.turns for party in contact.parties) == len(contact.turns), "every turn is a party's"
    "\n".join(texts).encode()


def _read(name: str, options: ReadOptions = ReadOptions(), **beside: bytes) -> Callable[[bytes], None]:  # noqa: B008
    def run(data: bytes) -> None:
        check(
            list(
                read_contacts([Held(name, data, {key.replace("_", "."): one for key, one in beside.items()})], options)
            )
        )

    return run


def _vendor(data: bytes) -> None:
    """A vendor's document; where its entries stand in one known list, each is a turn, dropped or skipped."""
    results = list(read_contacts([Held("a.json", data)], ReadOptions()))
    check(results)
    path = _COUNTED.get(getattr(results[0], "format", "")) if len(results) == 1 else None
    if path is None:
        return
    (contact,) = results
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return  # an array of documents
    entries = objects(document, *path)
    assert isinstance(contact, Transcript)
    told = len(contact.turns) + contact.dropped_turns + sum(contact.skipped.values())
    assert told == len(entries), f"{contact.format}: {len(entries)} entries in, {told} told of"


def _generic(data: bytes) -> None:
    results = list(read_contacts([Held("a.json", data)], ReadOptions(format="json")))
    check(results)
    try:
        record = json.loads(data)
    except (ValueError, RecursionError):
        return  # a file of another encoding may have been read all the same
    turns = record.get("turns") if isinstance(record, dict) else None
    if isinstance(turns, list) and isinstance(results[0], Transcript):
        told = len(results[0].turns) + results[0].dropped_turns + results[0].refused_turns
        assert told == len(turns), f"{len(turns)} turns in, {told} told of"


def _lines(data: bytes) -> None:
    results = list(read_contacts([Held("a.jsonl", data)], ReadOptions(format="jsonl")))
    check(results)
    if data[:2] not in (b"\xff\xfe", b"\xfe\xff") and data[:2] not in (b"\x1f\x8b", b"BZ", b"PK"):
        full = sum(bool(line.decode("utf-8", "replace").strip("\ufeff \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0"))
                   for line in data.split(b"\n"))  # fmt: skip
        told = len({result.record for result in results if result.record})
        assert told >= full or any(result.record == 0 for result in results), f"{full} lines in, {told} told of"


def _masked(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    masked = mask(text)
    assert mask(masked.text).text == masked.text, "masking a masked text changes nothing"
    assert bool(masked.counts) == (masked.text != text), "what was masked is counted"


def _surveys(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.csv")
        path.write_bytes(data)
        try:
            surveys = read_surveys([str(path)], SurveyRules(declare("1-5", [])), {})
        except (InputError, UsageError):
            return
        counts = surveys.counts
        told = len(surveys.answers) + len(surveys.loose) + len(surveys.rejects) + counts.without_answer
        assert counts.rows == told + counts.duplicates + counts.added + sum(counts.excluded.values()), (
            "every row is accounted for"
        )
        json.dumps([surveys.facts(0), [reject.message for reject in surveys.rejects]], allow_nan=False).encode()


def _log(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.csv")
        path.write_bytes(data)
        try:
            log = read_log([str(path)], LogRules(), {})
        except (InputError, UsageError):
            return
        assert all(reject.message.encode() for reject in log.rejects)


def _documents(family: str) -> list[bytes]:
    names = {known.name for known in DOCUMENT_FORMATS if known.facts.family == family}
    lines = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]
    return [json.dumps(line["document"]).encode() for line in lines if line["format"] in names]


def _record(name: str, *texts: str, **fields: Any) -> bytes:
    speakers = ("agent", "customer")
    turns = [{"speaker": speakers[k % 2], "text": text, "start": k, "end": k + 0.5} for k, text in enumerate(texts)]
    return json.dumps({"id": name, "turns": turns, **fields}).encode()


def _zipped() -> list[bytes]:
    packed, nested, tarred = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", _record("a", "Hello", "Hi"))
        archive.writestr("folder/b.txt", "Agent: Hello\nCustomer: Hi\n")
    with zipfile.ZipFile(nested, "w") as archive:
        archive.writestr("in.zip", packed.getvalue())
        archive.writestr("../up.json", _record("u", "Hello"))
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        info = tarfile.TarInfo("a.json")
        info.size = len(data := _record("a", "Hello", "Hi"))
        tar.addfile(info, io.BytesIO(data))
    plain = [packed.getvalue(), nested.getvalue(), tarred.getvalue()]
    return [*plain, gzip.compress(plain[2]), bz2.compress(plain[2]), gzip.compress(_record("g", "Hello"))]


def _workbook() -> list[bytes]:
    from openpyxl import Workbook

    book = Workbook()
    for row in (("id", "speaker", "text", "start"), ("a", "agent", "Hello", 0), ("a", "customer", "Hi", "0:01")):
        book.active.append(row)
    held = io.BytesIO()
    book.save(held)
    return [held.getvalue()]


def _parquet() -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    held = io.BytesIO()
    pq.write_table(pa.table({"id": ["a", "a"], "speaker": ["agent", "customer"], "text": ["Hello", "Hi"]}), held)
    return [held.getvalue()]


def _texts(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in texts]


_FAMILIES = tuple(dict.fromkeys(known.facts.family for known in DOCUMENT_FORMATS))

_VTT = (
    "WEBVTT\nLanguage: en\n\nNOTE said\n\n1\n00:00:01.000 --> 00:00:02.500 align:start\n<v Ann>Hello &amp; hi</v>\n\n"
    '2 "Ben" (99)\n00:02.500 --> 00:03.000\nBen: My order\n>> Ann: Sure\n\nSTYLE\n::cue { color: red }\n\n'
    "3\n01:00:04,000 --> 01:00:05,000\n(Ann)\n- one moment\n- thanks\n"
)
_SRT = (
    "1\n00:00:00,000 --> 00:00:01,000\nAgent: Hello\n\n2\n00:00:01,000 --> 00:00:02,000\n- Hi there\n- Who is this?\n\n"
    "3\n00:00:02,500 --> 00:00:03,000\n[SPEAKER_01]: ok\n"
)
_CTM = ";; words\ncall A 0.00 0.20 hello 0.98\ncall B 0.50 0.20 hi 0.90\ncall A 1.0 0.1 <unk>\n"
_RTTM = "SPEAKER call 1 0.00 0.40 <NA> <NA> ann <NA> <NA>\nSPEAKER call 1 0.50 0.40 <NA> <NA> ben <NA> <NA>\n"
_STM = ";; CATEGORY\ncall 1 ana 0.00 1.50 <o,f0,male> hello there\ncall 1 ben 1.60 2.0 <o> (%HESITATION) hi\n"
_PLAIN = (
    "Agent: The meeting is at 10:30.\nNote: upset\nCustomer (Mary): Re: my ticket?\n12:45 Agent: hello\n"
    "[00:01:05] Customer: fine\nAGENT JOHN : spaced\n\n"
)
_CSV = (
    'id,speaker,text,start,end\na,agent,"Hello, hi",0,1.5\na,customer,"say ""hi""\nnow",0:02,\nb,agent,NA,,\n',
    "sep=;\nconversation_id;speaker;text;start\na;agent;Hello;0,5\na;customer;Hi;1,5\n",
    "Speaker\tText\nagent\tHello\ncustomer\tHi\n",
)
_TALKDESK = (
    "interaction_id,message_participant,message,start_time\na,AGENT,Hello,2024-05-01T10:00:00Z\na,CUSTOMER,Hi,\n"
)
_BODY = (
    '<p align="center">Chat Started: Monday, March 04, 2024, 10:02:11 (+0000)</p>'
    '<p align="center">Agent Ann</p>( 4s ) Ann: Hello<br>( 1m 13s ) Visitor: My &amp; bill<br>( 2m 3s ) Ann: Ok<br>'
)
_ANSWERS = (
    "contact_id,csat,nps,answered_at\na,5,10,2024-05-01T10:00:00Z\nb,,7,01/05/2024\nb,6,x,\n",
    "customer_id,csat,answered_at\nk,4,2024-05-01\n",
    "ResponseId,ExternalReference,csat,Finished,Status,EndDate\nResponse ID,Ref,How?,Finished,Status,End\n"
    '"{""ImportId"":""_r""}",x,y,z,w,v\nR_1,a,5,True,IP Address,2024-05-01 10:00:00\nR_2,b,4,False,Survey Preview,\n',
    '{"satisfaction_rating": {"id": 1, "ticket_id": 7, "score": "good", "updated_at": "2024-05-01T10:00:00Z"}}',
    '[{"contact_id": "a", "csat": 4}, {"contact_id": "b", "csat": "5", "nps": 9}]',
)
_LOG = (
    "contact_id,customer_id,started_at,handle_time,wait_s,abandoned,transfers\n"
    "a,k,2024-05-01T10:00:00Z,0:05:30,12,false,0\nb,k,01/05/2024 11:00,330,1.5,yes,1\n"
)
_PERSONAL = (
    "Mail jo.doe@mail.example, card 4111 1111 1111 1111, +1 (202) 555-0143, 2024-05-01 10:30, $1,999.00, 2019-2024\n"
)

TARGETS: tuple[Target, ...] = (
    *(
        Target(f"json-{family}", lambda family=family: _documents(family), _vendor, json=True)  # type: ignore[misc]
        for family in _FAMILIES
    ),
    Target(
        "json-generic",
        lambda: [_record("a", "Hello", "Hi", csat=4, started_at="2024-05-01T10:00:00Z", channel="Voice", site=1)],
        _generic,
        json=True,
    ),
    Target(
        "json-tables",
        _texts(
            '[{"id": "a", "speaker": "agent", "text": "Hello"}, {"id": "a", "speaker": "customer", "text": "Hi"}]',
            '{"id": "a", "turns": "Agent: Hello\\nCustomer: Hi\\nAgent: Bye"}',
        ),
        _read("a.json"),
        json=True,
    ),
    Target("jsonl", lambda: [_record("a", "Hello") + b"\n" + _record("b", "Hi") + b"\n\n{rubbish\n"], _lines),
    Target("webvtt", _texts(_VTT), _read("a.vtt")),
    Target("srt", _texts(_SRT), _read("a.srt")),
    Target("ctm", _texts(_CTM), _read("call.ctm", call_rttm=_RTTM.encode())),
    Target("rttm", _texts(_RTTM), lambda data: _read("call.ctm", call_rttm=data)(_CTM.encode())),
    Target("stm", _texts(_STM), _read("call.stm")),
    Target("plain", _texts(_PLAIN), _read("a.txt")),
    Target(
        "guess", _texts("Ann: How can I help?\nBen: My order is late.\nAnn: One moment.\n"), _read("a.txt", _GUESSED)
    ),
    Target("csv", _texts(*_CSV), _read("a.csv")),
    Target("talkdesk", _texts(_TALKDESK), _read("a.csv")),
    Target("whisper-txt", _texts("[SPEAKER_00]: Hello\n[SPEAKER_01]: Hi\nand more\n"), _read("a.txt")),
    Target("whisper-tsv", _texts("start\tend\ttext\n0\t1500\tHello\n1500\t2000\tHi\n"), _read("a.tsv")),
    Target("salesforce-body", _texts(_BODY), _read("a.html")),
    Target("archive", _zipped, _read("a.zip")),
    Target("workbook", _workbook, _read("a.xlsx")),
    Target("parquet", _parquet, _read("a.parquet")),
    Target("any", lambda: [b"Agent: a\n", b"{}", b"id,speaker,text\n", b"WEBVTT\n\n", *_zipped()[:1]], _read("a")),
    Target("surveys", _texts(*_ANSWERS), _surveys),
    Target("surveys-json", _texts(*_ANSWERS[3:]), _surveys, json=True),
    Target("log", _texts(_LOG), _log),
    Target("mask", _texts(_PERSONAL), _masked),
)
