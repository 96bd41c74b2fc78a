"""Google CX Insights (CCAI) QA scorecard questions ↔ rubric: the list of a revision's questions as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cxsentiment.errors import RubricError
from cxsentiment.exchange.answers import (
    Answer,
    graded,
    marked,
    marks_of,
    scored_answers,
    uncarried,
    uncarried_settings,
)
from cxsentiment.exchange.documents import number_of, objects, text_of
from cxsentiment.exchange.ids import Ids
from cxsentiment.exchange.losses import Exported, Imported, Loss, once
from cxsentiment.rubric.scorecard import Item, Rubric

_LISTS = ("qaQuestions", "questions")
_CLASSES = ("CUSTOMER", "BUSINESS", "COMPLIANCE")  # the tags that every scorecard has
_VALUES = ("strValue", "boolValue", "numValue")
_LONGEST = 10_000
_OF_THE_SYSTEM = {
    "metrics": "how well the vendor's model answers it",
    "tuningMetadata": "how the vendor's model was tuned",
    "predefinedQuestionConfig": "a question that the vendor's system answers by itself",
    "qaQuestionDataOptions": "what the vendor's model is shown",
}


def is_questions(document: object) -> bool:
    """Whether it is a list of questions, with or without the revision around it."""
    return any("questionBody" in one for one in _listed(document))


def _listed(document: object) -> Sequence[Mapping[str, Any]]:
    found: object = document
    if isinstance(document, Mapping):
        found = next((document[key] for key in _LISTS if key in document), [document])
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def read_questions(document: Any, where: str, name: str) -> Imported:
    """The rubric of a list of questions. A question's section is its first tag, its weight its highest score."""
    head: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    losses = []
    if text_of(head, "nextPageToken", where):
        losses.append(Loss("file", "further pages", "it holds the first page of a list; fetch and join the others"))
    key = next((key for key in _LISTS if key in head), None)
    questions = objects(head, key, where) if key else list(_listed(document))
    ids = Ids()
    grouped: dict[str, list[dict[str, Any]]] = {}
    ordered = sorted(enumerate(questions), key=lambda pair: (number_of(pair[1], "order", where) or 0, pair[0]))
    for place, question in ordered:
        section, item = _item(question, ids, f"{where}: question {place + 1}", losses)
        grouped.setdefault(section, []).append(item)
    if not grouped:
        raise RubricError(where, "has no question", allowed="qaQuestions: a list of questions")
    section_ids = Ids()
    sections = [
        {
            "id": section_ids.take(title),
            "title": title,
            "weight": round(min(sum(item["weight"] for item in items), 1000.0), 6),
            "items": items,
        }
        for title, items in grouped.items()
    ]
    title = text_of(head, "displayName", where) or name
    about = text_of(head, "description", where)
    content: dict[str, Any] = {"name": title[:100], "version": "1"} | ({"description": about} if about else {})
    # There the score is the sum of the answers' scores over that of the best answers: sections weigh nothing.
    return Imported(content | {"flat": True, "sections": sections}, once(losses))


def _item(question: Mapping[str, Any], ids: Ids, where: str, losses: list[Loss]) -> tuple[str, dict[str, Any]]:
    body = text_of(question, "questionBody", where)
    if len(body) < 3:
        raise RubricError(where, "questionBody is missing or too short", allowed="the question as text")
    short = text_of(question, "abbreviation", where)
    place = short or body
    for key, what in _OF_THE_SYSTEM.items():
        if question.get(key):
            losses.append(Loss(place, key, what))
    section = _section(question, place, where, losses)
    answers = list(_answers(question, where))
    highest = max((answer.score or 0.0 for answer in answers), default=0.0)
    if not highest:
        losses.append(Loss(place, "its weight", "no answer has a score; the item weighs 1"))
    levels, more = graded(answers, place)
    losses += more
    hint, marks = marks_of(text_of(question, "answerInstructions", where))
    item = {"id": ids.take(short or body, short), "question": body, "weight": min(highest, 1000.0) or 1.0}
    return section, item | levels | dict(marks) | ({"hint": hint} if hint else {})


def _section(question: Mapping[str, Any], place: str, where: str, losses: list[Loss]) -> str:
    tags = question.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise RubricError(where, "tags are no list of texts", allowed="a list of texts")
    own = [tag.strip() for tag in tags if tag.strip() and tag.strip() not in _CLASSES]
    marked_critical = "[critical:" in str(question.get("answerInstructions") or "")
    losses += [
        Loss(place, f"the tag {tag}", "it groups questions and says nothing of critical errors; set critical")
        for tag in tags
        if tag in _CLASSES and not marked_critical
    ]
    if len(own) > 1:
        losses.append(Loss(place, f"the tags {', '.join(own[1:])}", "an item is in one section, that of the first tag"))
    return own[0].rpartition("/")[2] if own else "General"


def _answers(question: Mapping[str, Any], where: str) -> Iterator[Answer]:
    for choice in objects(question, "answerChoices", where) if "answerChoices" in question else ():
        if choice.get("naValue"):
            continue  # any item may be graded as not applicable
        value = next((choice[key] for key in _VALUES if key in choice), None)
        if value is None:
            raise RubricError(where, "an answer has no value", allowed=", ".join((*_VALUES, "naValue")))
        text = ("Yes" if value else "No") if isinstance(value, bool) else str(value)
        yield Answer(text, number_of(choice, "score", where))


def write_questions(rubric: Rubric) -> Exported:
    """The rubric as a list of questions for qaQuestions.create, each with its section as a tag."""
    losses = uncarried_settings(rubric)
    if not rubric.flat and len(rubric.sections) > 1:
        losses.append(Loss("rubric", "weights of sections", "folded into the scores: what does not apply shifts them"))
    losses.append(Loss("rubric", "sections", "they become tags, which must be made in the project first"))
    if len({section.title for section in rubric.sections}) < len(rubric.sections):
        losses.append(Loss("rubric", "sections of one title apart", "the title is the tag: they become one"))
    questions = []
    for order, (section, item) in enumerate(rubric.pairs(), 1):
        whole = sum(one.weight for one in section.items)
        weight = item.weight if rubric.flat else section.weight * item.weight / whole
        questions.append(_question(item, section.title, max(round(weight, 6), 1e-6), order, losses))
    head = {"displayName": rubric.name} | ({"description": rubric.description} if rubric.description else {})
    return Exported(head | {"qaQuestions": questions}, once(losses))


def _question(item: Item, section: str, weight: float, order: int, losses: list[Loss]) -> dict[str, Any]:
    losses += uncarried(item)
    answers, more = scored_answers(item)
    losses += more
    hint, more = marked(item.hint, item, _LONGEST)
    losses += more
    if item.critical != "none":
        losses.append(
            Loss(item.id, f"critical: {item.critical}", "scores have no automatic fail; see the instructions")
        )
    yes_no = item.kind == "yes_no"
    choices: list[dict[str, Any]] = []
    for text, points in answers:
        value: dict[str, Any] = {"boolValue": points == 1} if yes_no else {"strValue": text}
        choices.append({"key": text, **value, "score": round(weight * points, 6)})
    choices.append({"key": "N/A", "naValue": True})
    # A section that is named like one of the tags every scorecard has would not be told from it.
    tags = [section.capitalize() if section in _CLASSES else section] + (
        [item.critical.upper()] if item.critical != "none" else []
    )
    question = {"abbreviation": item.id, "questionBody": item.question}
    question |= {"answerInstructions": hint} if hint else {}
    return question | {"answerChoices": choices, "tags": tags, "order": order}
