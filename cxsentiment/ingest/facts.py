"""What people are told of the formats that are read in a way of their own (readers.py), and of all together."""

from cxsentiment.ingest import captions, salesforce_chat
from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.ingest.formats import Format

_LABELS = "the speaker's label: agent, customer, bot, system, other; --role declares any other"
_SECONDS = "seconds from the start"

PARQUET = Format("parquet", "Parquet", "generic", _LABELS, _SECONDS, "cxsentiment check turns.parquet --map text=words")
SALESFORCE_CHAT = Format(
    salesforce_chat.NAME,
    "Salesforce chat transcript body",
    "messaging",
    "the head's agent; the other name is the customer's",
    "(1m 13s) from the start",
    "cxsentiment check bodies/",
)
EXCEL = Format("excel", "Excel", "generic", _LABELS, _SECONDS, "cxsentiment check turns.xlsx --map sheet=Calls")
WEBVTT = Format(
    captions.WEBVTT,
    "WebVTT",
    "captions",
    "the voice, or the name before the colon; --role declares it",
    "h:mm:ss.mmm",
    'cxsentiment check meeting.vtt --role "Ann Lee=agent"',
)
SRT = Format(
    captions.SRT,
    "SubRip",
    "captions",
    "the name before the colon; --role declares it",
    "h:mm:ss,mmm",
    "cxsentiment check call.srt --role SPEAKER_00=agent",
)
JSONL = Format("jsonl", "JSON Lines", "generic", _LABELS, _SECONDS, "cxsentiment check contacts.jsonl")
JSON = Format("json", "JSON", "generic", _LABELS, _SECONDS, "cxsentiment check contact.json --map turns=segments")
WHISPER_TSV = Format(
    "whisper-tsv",
    "Whisper .tsv",
    "whisper",
    "none: the table has no speakers",
    "milliseconds",
    "cxsentiment check call.tsv",
)
WHISPER_TXT = Format(
    "whisper-txt",
    "Whisper .txt",
    "whisper",
    "[SPEAKER_00]: at the start of a line; --role declares it",
    "none",
    "cxsentiment score calls/ --role SPEAKER_00=agent --role SPEAKER_01=customer --out run",
)
CTM = Format(
    "ctm",
    "NIST CTM",
    "research",
    "the speakers of the RTTM beside it, else channels; --role declares them",
    "seconds, with durations",
    "cxsentiment score calls/ --role A=agent --role B=customer --out run",
)
STM = Format(
    "stm",
    "NIST STM",
    "research",
    "the third column; --role declares it",
    "seconds",
    "cxsentiment score calls/ --role Ana=agent --role Ben=customer --out run",
)
TALKDESK = Format(
    "talkdesk",
    "Talkdesk CSV",
    "telephony",
    "message_participant: AGENT, CUSTOMER",
    "none of a turn; ISO 8601 of the start",
    "cxsentiment check transcripts.csv",
)
CSV = Format("csv", "CSV", "generic", _LABELS, _SECONDS, "cxsentiment check turns.csv --map id=call --role AGT=agent")
TEXT = Format("text", "plain text", "generic", "the name before the colon; --role declares it", "[h:mm:ss]", "")

# In the order in which their readers are asked.
OWN = (
    PARQUET,
    SALESFORCE_CHAT,
    EXCEL,
    WEBVTT,
    SRT,
    JSONL,
    JSON,
    WHISPER_TSV,
    WHISPER_TXT,
    CTM,
    STM,
    TALKDESK,
    CSV,
    TEXT,
)


def formats() -> tuple[Format, ...]:
    """The facts of every format that is read without another package, the vendors' first."""
    return (*(known.facts for known in DOCUMENT_FORMATS), *OWN)
