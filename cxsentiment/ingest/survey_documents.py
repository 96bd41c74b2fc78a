"""Survey answers in JSON, by structure: ratings of desk and chat tools, SurveyMonkey responses, plain lists of answers.

Every answer becomes a flat row; the tools' own names stay as columns, so that --map can name them.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.sources import Advance, Source, content_name, source_name
from cxsentiment.ingest.surveymonkey import NOT_COUNTED, is_details, is_response, responses
from cxsentiment.ingest.tables import Row, Table

Flat = dict[str, object]
Excluded = Callable[[Sequence[object]], str | None]

_LISTS = ("satisfaction_ratings", "conversations", "conversationHistoryRecords", "chats", "data")
_ONE = "satisfaction_rating"
# Of a file: a text may hold other separators of lines, which end none here.
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool's record of one rated contact: how it is known, its answer as a flat row, and our fields' names in it."""

    fits: Callable[[Mapping[str, Any]], bool]
    flat: Callable[[Mapping[str, Any]], Flat]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def matches(self, record: object) -> bool:
        """Whether something is a record of this tool."""
        return isinstance(record, dict) and self.fits(record)


def open_document(source: Source) -> tuple[Table, Mapping[str, Sequence[str]], Excluded] | None:
    """The answers of a JSON or JSONL file, the names of our fields in it, and which rows do not count.

    None for a file that holds no answers but explains them (SurveyMonkey's details).

    Raises:
        InputError: `json`, `unknown_survey`, or as the tool's reader.
    """
    records = _parsed(source)
    if len(records) == 1 and is_details(records[0][1]):
        return None
    first = next((record for _, record in records if isinstance(record, dict)), None)
    kind = next((kind for kind in _KINDS if kind.matches(first)), None)
    if kind is None:
        raise InputError(
            "unknown_survey",
            source_name(source),
            "holds no answers of a kind that is known",
            allowed="Zendesk, Intercom, LivePerson, LiveChat, HarperValleyBank, SurveyMonkey, or flat objects",
        )
    known = [(number, record) for number, record in records if kind.matches(record)]
    problems = [
        Row(number, (), "is not an answer of the kind of the first")
        for number, record in records
        if not kind.matches(record)
    ]
    return _tabled(source, known, kind, problems)


def _parsed(source: Source) -> list[tuple[int, Any]]:
    """The records of a document, by place; or the objects of its lines, by line. A line that is no JSON is None."""
    text, _ = read_text(source)
    try:
        return list(enumerate(_records(json.loads(text)), start=1))
    except (ValueError, RecursionError) as error:
        whole = error
    records: list[tuple[int, Any]] = []
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if line.strip():
            records.append((number, _line(line)))
    if sum(record is None for _, record in records) * 2 >= len(records):
        raise InputError("json", source_name(source), f"is not valid JSON ({whole})", do="Export it again") from whole
    return records


def _line(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _records(document: object) -> Iterator[object]:
    if isinstance(document, list):
        for element in document:
            yield from _records(element)
    elif isinstance(document, dict):
        wrapped = next((document[key] for key in _LISTS if isinstance(document.get(key), list)), None)
        if set(document) == {_ONE}:
            wrapped = [document[_ONE]]
        yield from [document] if wrapped is None else wrapped
    else:
        yield document


def _tabled(
    source: Source, records: Sequence[tuple[int, Mapping[str, Any]]], kind: "_Tool", problems: Sequence[Row]
) -> tuple[Table, Mapping[str, Sequence[str]], Excluded]:
    given = [record for _, record in records]
    flat = responses(given, source) if kind is _SURVEYMONKEY else list(map(kind.flat, given))
    columns = tuple(dict.fromkeys(name for record in flat for name in record))
    at = columns.index(NOT_COUNTED) if kind is _SURVEYMONKEY else None

    def rows(_: Advance) -> Iterator[Row]:
        for (number, _record), record in zip(records, flat, strict=True):
            yield Row(number, [record.get(name) for name in columns])
        yield from problems

    def excluded(cells: Sequence[object]) -> str | None:
        return None if at is None or cells[at] is None else str(cells[at])

    table = Table(source_name(source), columns, rows, Path(content_name(source)).stem, "record")
    return table, kind.names, excluded


def _in(value: object, *keys: str | int) -> Any:
    """What stands at a path of keys and places; None where the path ends before."""
    for key in keys:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _scalars(record: Mapping[str, Any]) -> Flat:
    return {key: value for key, value in record.items() if not isinstance(value, (dict, list))}


def _zendesk(record: Mapping[str, Any]) -> Flat:
    asked_only = str(record["score"]).lower() in ("offered", "unoffered")
    return {**_scalars(record), "score": None if asked_only else record["score"]}


def _intercom(record: Mapping[str, Any]) -> Flat:
    rating = record.get("conversation_rating") or {}
    customers = (
        _in(rating, "contact", "id"),
        _in(rating, "customer", "id"),
        _in(record, "contacts", "contacts", 0, "id"),
        _in(record, "user", "id"),
    )
    return {
        "id": record.get("id"),
        "customer_id": next((customer for customer in customers if customer), None),
        "rating": _in(rating, "rating"),
        "answered_at": _in(rating, "created_at"),
    }


def _liveperson(record: Mapping[str, Any]) -> Flat:
    customers = (_in(record, key, 0, "participantId") for key in ("consumerParticipants", "consumerParticipant"))
    return {
        **_scalars(record["info"]),
        "customer_id": next((customer for customer in customers if customer), None),
        "csatRate": _in(record, "info", "csatRate"),
    }


def _zendesk_chat(record: Mapping[str, Any]) -> Flat:
    return {**_scalars(record), "customer_id": _in(record, "visitor", "id"), "rating": record.get("rating")}


def _livechat(record: Mapping[str, Any]) -> Flat:
    return {
        "id": _in(record, "thread", "id"),
        "chat_id": record.get("id"),
        "rating": _in(record, "thread", "properties", "rating", "score"),
        "created_at": _in(record, "thread", "created_at"),
    }


def _harper_valley(record: Mapping[str, Any]) -> Flat:
    answers = _in(record, "caller", "survey_response", "data") or {}
    return {
        "sid": record["sid"],
        "partner_rating": None,
        **_scalars(answers),
        "answered_at": _in(record, "caller", "survey_response", "submit_time_ms"),
    }


_SURVEYMONKEY = _Tool(is_response, dict)
_KINDS = (
    _SURVEYMONKEY,
    _Tool(
        lambda record: "ticket_id" in record and "score" in record,
        _zendesk,
        {"id": ("ticket_id",), "customer_id": ("requester_id",), "csat": ("score",), "answered_at": ("updated_at",)},
    ),
    _Tool(
        lambda record: record.get("type") == "conversation" and "id" in record,
        _intercom,
        {"csat": ("rating",)},
    ),
    _Tool(
        lambda record: bool(_in(record, "info", "conversationId")),
        _liveperson,
        {"id": ("conversationid",), "csat": ("csatrate",)},
    ),
    _Tool(
        lambda record: record.get("type") in ("chat", "offline_msg") and ("history" in record or "message" in record),
        _zendesk_chat,
        {"csat": ("rating",), "answered_at": ("end_timestamp", "timestamp")},
    ),
    _Tool(
        lambda record: isinstance(_in(record, "thread", "user_ids"), list),
        _livechat,
        {"csat": ("rating",), "answered_at": ()},
    ),
    _Tool(
        lambda record: "sid" in record and isinstance(record.get("caller"), dict),
        _harper_valley,
        {"id": ("sid",), "csat": ("partner_rating",)},
    ),
    _Tool(lambda record: bool(record) and not any(isinstance(value, (dict, list)) for value in record.values()), dict),
)
