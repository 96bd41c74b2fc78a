"""Evaluation outputs of Amazon Connect (schema 3.1): each question of the form as the cells of one verdict.

The form's own score decides where there is one: 100 % is met, 0 % or an automatic fail not_met, what lies between are
points; so a question that is answered well by No is read rightly. Without a score the answer's words are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.options import normalise_name
from cxsentiment.ingest.values import contact_id, shown

_MAJOR = "3."


@dataclass(frozen=True, slots=True)
class Answer:
    """One question: the item it stands for, the cells of its verdict, or why it cannot be used."""

    item: str
    cells: Mapping[str, object]
    problem: InputError | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The questions of one evaluation; `texts` counts those of free text, which hold no verdict."""

    contact: str | None
    answers: tuple[Answer, ...]
    texts: int


def answers_of(document: Mapping[str, Any], where: str, items: Mapping[str, str]) -> Answers:
    """The answers of an evaluation; `items`: a question's id or text, normalised → item.

    Raises:
        InputError: `schema_version` for a version that is not known.
    """
    version = str(document.get("schemaVersion", ""))
    if not version.startswith(_MAJOR):
        raise InputError("schema_version", where, f'the schema version "{shown(version)}"', allowed="3.x")
    facts = document["metadata"]
    about = {
        "contact_id": facts.get("contactId"),
        "grader": facts.get("evaluator"),
        "rated_at": facts.get("evaluationSubmitTimestamp"),
    }
    answers, texts = [], 0
    for question in document["questions"]:
        if not isinstance(question, dict):
            answers.append(Answer("", {}, InputError("record_type", where, "a question is no object")))
        elif question.get("questionType") == "TEXT":
            texts += 1
        else:
            answers.append(_answer(question, about, where, items))
    return Answers(_contact(about["contact_id"]), tuple(answers), texts)


def _contact(value: object) -> str | None:
    try:
        return contact_id(value)
    except ValueError:
        return None


def _answer(question: Mapping[str, Any], about: Mapping[str, object], where: str, items: Mapping[str, str]) -> Answer:
    names = [str(question.get(key) or "") for key in ("questionRefId", "questionText")]
    item = next((items[normalise_name(name)] for name in names if normalise_name(name) in items), None)
    if item is None:
        asked = shown(names[1] or names[0])
        return Answer(
            "",
            {},
            InputError(
                "unmapped_question",
                where,
                f'the question "{asked}" stands for no item',
                do=f"Say which it is: --item '{asked}=ITEM', or give the scorecard that has this question: --rubric",
            ),
        )
    given = _object(question.get("answer"))
    return Answer(item, {**about, "value": _value(question, given), "comment": given.get("notes")})


def _value(question: Mapping[str, Any], given: Mapping[str, Any]) -> object:
    if _object(given.get("metadata")).get("notApplicable") is True:
        return "not_applicable"
    score = _object(question.get("score"))
    if score.get("automaticFail") is True:
        return "not_met"
    percentage = score.get("percentage")
    if isinstance(percentage, (int, float)) and not isinstance(percentage, bool):
        return percentage / 100
    chosen = [one for one in given.get("values") or () if isinstance(one, dict) and one.get("selected") is True]
    if len(chosen) == 1:
        return chosen[0].get("valueText")
    # Without a score a number of the form says nothing of the item's points: its scale is not in the file.
    return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
