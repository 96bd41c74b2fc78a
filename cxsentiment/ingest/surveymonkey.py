"""SurveyMonkey's responses (API v3): answers name choices by id, and the survey's details beside them say which.

A question is a column under its id and under its heading; "… .weight" holds the weight of the choice.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.options import normalise_name
from cxsentiment.ingest.sources import Source, source_name

DETAILS = "details.json"
NOT_COUNTED = "not counted"
_PREVIEWS = ("preview", "survey_preview")


def is_details(document: object) -> bool:
    """Whether a document describes a survey and holds no responses."""
    return isinstance(document, dict) and "question_count" in document and isinstance(document.get("pages"), list)


def is_response(record: Mapping[str, Any]) -> bool:
    """Whether an object is one response to a survey."""
    return "response_status" in record and "survey_id" in record


@dataclass(slots=True)
class _Details:
    """Choice id → (text, weight), and question id → heading."""

    choices: dict[str, tuple[str, object]] = field(default_factory=dict)
    headings: dict[str, str] = field(default_factory=dict)


def responses(records: Sequence[Mapping[str, Any]], source: Source) -> list[dict[str, object]]:
    """Each response as a flat row; the column `not counted` says why one does not count.

    Raises:
        InputError: `missing_details`, `json`.
    """
    details = _details(source)
    variables = {normalise_name(name) for record in records for name, _ in _pairs(record.get("custom_variables"))}
    taken = {"response_id", "answered_at", "custom_value", "not_counted"} | variables
    rows = []
    for record in records:
        row: dict[str, object] = {"response_id": record.get("id"), "answered_at": record.get("date_modified")}
        row |= {normalise_name(name): value for name, value in _pairs(record.get("custom_variables"))}
        row["custom_value"] = record.get("custom_value")
        for question in _questions(record):
            given = _answer(question, details)
            row |= {name: cell for name, cell in given.items() if normalise_name(name) not in taken}
        row[NOT_COUNTED] = _why_not(record)
        rows.append(row)
    return rows


def _why_not(record: Mapping[str, Any]) -> str | None:
    if record.get("collection_mode") in _PREVIEWS:
        return "preview"
    return None if record["response_status"] == "completed" else "unfinished"


def _answer(question: Mapping[str, Any], details: _Details) -> dict[str, object]:
    """One question's answer under its id and its heading; of several answers to one question the first counts."""
    answers = list(_objects(question.get("answers")))
    if not answers:
        return {}
    text, weight = details.choices.get(str(answers[0].get("choice_id")), (None, None))
    names = [str(question.get("id")), details.headings.get(str(question.get("id")), str(question.get("heading") or ""))]
    given = text if text is not None else answers[0].get("simple_text") or answers[0].get("text")
    cell = weight if given in (None, "") else given
    return {name: cell for name in names if name} | {f"{name}.weight": weight for name in names if name}


def _details(source: Source) -> _Details:
    beside = source.with_name(DETAILS)
    if not beside.is_file():
        raise InputError(
            "missing_details",
            source_name(source),
            "names choices by number, and the survey's details are not beside it",
            do=f"Save GET /surveys/ID/details as {DETAILS} in the same folder",
        )
    try:
        document = json.loads(read_text(beside)[0])
    except (ValueError, RecursionError) as error:
        raise InputError("json", source_name(beside), f"is not valid JSON ({error})", do="Export it again") from error
    details = _Details()
    headings: dict[str, list[str]] = {}
    for question in _questions(document):
        headings.setdefault(_heading(question), []).append(str(question.get("id")))
        answers = question.get("answers")
        for choice in _objects(answers.get("choices") if isinstance(answers, dict) else None):
            details.choices[str(choice.get("id"))] = (str(choice.get("text") or ""), choice.get("weight"))
    # Two questions of one wording can be told apart by their ids only.
    details.headings = {ids[0]: heading for heading, ids in headings.items() if len(ids) == 1}
    return details


def _heading(question: Mapping[str, Any]) -> str:
    return next((str(one.get("heading", "")) for one in _objects(question.get("headings"))), "")


def _questions(document: object) -> Iterator[Mapping[str, Any]]:
    for page in _objects(document.get("pages") if isinstance(document, dict) else None):
        yield from _objects(page.get("questions"))


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _pairs(value: object) -> list[tuple[str, object]]:
    return [(str(name), one) for name, one in value.items()] if isinstance(value, dict) else []
