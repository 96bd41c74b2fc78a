"""Microsoft: input of Azure's conversation analysis, and conversations of the knowledge-mining accelerator."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.times import seconds_of
from cxsentiment.ingest.vendors.azure_speech import TICKS, after, first_text
from cxsentiment.ingest.vendors.speech import facts, name, started
from cxsentiment.schema import Speaker

_PER_MINUTE = 1 / 60
_TEXTS = ("text", "maskedItn", "itn", "lexical")
_ROLES: dict[str, Speaker] = {"agent": "agent", "customer": "customer"}
_MODALITIES = {"transcript": "call", "text": "chat"}
# "**Agent:**" or "**Agent**:" at the start of a line; without bold type only the two words that mean one thing.
_BOLD = re.compile(r"^[ \t]*\*\*[ \t]*([^*\n:]{1,60}?)[ \t]*(?::[ \t]*\*\*|\*\*[ \t]*:)[ \t]*", re.MULTILINE)
_PLAIN = re.compile(r"^[ \t]*(agent|customer)[ \t]*:[ \t]*", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"\*\*[^*\n]+\*\*|#+ [^\n]*|[-*_]{3,}")
_BRACKETS = re.compile(r"\s*\([^)]*\)$")


def _is_analysis(document: object) -> bool:
    return any(_has_items(conversation) for conversation in _conversations(document))


def _conversations(document: object) -> list[dict[str, Any]]:
    if _has_items(document):
        return objects([document])
    return objects(document, "analysisInput", "conversations") or objects(document, "conversations")


def _has_items(conversation: object) -> bool:
    return isinstance(at(conversation, "conversationItems"), list)


def _read_analysis(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    for number, conversation in enumerate(_conversations(document), start=1):
        if not _has_items(conversation):
            where = f"{origin.where}: conversation {number}"
            yield InputError("no_turns", where, 'has no list "conversationItems"', do="Export it again")
            continue
        yield Contact(
            [_entry(item) for item in objects(conversation, "conversationItems")],
            id=name(conversation.get("id")),
            channel=_MODALITIES.get(words(conversation.get("modality"))),
            attrs=facts(language=conversation.get("language")),
        )


def _entry(item: Mapping[str, Any]) -> Entry:
    role = name(item.get("role"))
    timing = item.get("conversationItemLevelTiming")
    start = seconds_of(at(timing, "offset"), TICKS)
    return Entry(
        first_text(item, _TEXTS),
        name(item.get("participantId")) or role,
        start,
        after(start, seconds_of(at(timing, "duration"), TICKS)),
        role=_ROLES.get((role or "").casefold()),
    )


def _is_mined(document: object) -> bool:
    return (
        isinstance(at(document, "Content"), str)
        and at(document, "ConversationId") is not None
        and any(at(document, key) is not None for key in ("StartTime", "EndTime"))
    )


def _read_mined(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    entries, headings = _split(document["Content"])
    yield Contact(
        entries,
        id=name(document.get("ConversationId")),
        channel="call",
        customer_id=name(document.get("ClientId")),
        started_at=started(document.get("StartTime")),
        attrs=facts(duration_s=seconds_of(document.get("Duration"), _PER_MINUTE)),
        skipped=Counter({"heading": headings} if headings else {}),
    )


def _split(content: str) -> tuple[list[Entry], int]:
    """The turns of one text, and how many lines of it are headings. A text without marks is one turn of nobody."""
    marks = list(_BOLD.finditer(content)) or list(_PLAIN.finditer(content))
    if not marks:
        return [Entry(content)], 0
    before, headings = _without_headings(content[: marks[0].start()])
    entries = [Entry(before)] if before else []
    ends = [mark.start() for mark in marks[1:]] + [len(content)]
    for mark, end in zip(marks, ends, strict=True):
        label = _BRACKETS.sub("", mark[1]) or mark[1]
        entries.append(Entry(content[mark.end() : end].strip(), label, also=(mark[1],) if mark[1] != label else ()))
    entries[-1].text, last = _without_headings(entries[-1].text)
    return entries, headings + last


def _without_headings(text: str) -> tuple[str, int]:
    """A text without its lines that are headings, and how many these are."""
    lines = text.strip().split("\n")
    kept = [line for line in lines if not _HEADING.fullmatch(line.strip())]
    return "\n".join(kept).strip(), len(lines) - len(kept)


ANALYSIS = DocumentFormat(
    Format(
        name="azure-conversation-analysis",
        title="Azure conversation analysis, input",
        family="azure",
        roles="role, else participantId",
        times="ticks of 100 ns, or none",
        example="cxsentiment score conversations.json --out run",
    ),
    _is_analysis,
    _read_analysis,
)
MINED = DocumentFormat(
    Format(
        name="microsoft-knowledge-mining",
        title="Microsoft knowledge mining, conversation",
        family="azure",
        roles="**Agent:** and **Customer:** in the text",
        times="none",
        example="cxsentiment score convo/ --out run",
    ),
    _is_mined,
    _read_mined,
)
