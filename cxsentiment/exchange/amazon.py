"""Amazon Connect evaluation forms ↔ rubric: a form's definition, and the questions in an evaluation's output (3.1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cxsentiment.errors import RubricError
from cxsentiment.exchange.answers import (
    Answer,
    cut,
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
from cxsentiment.rubric.scorecard import Item, Rubric, Section
from cxsentiment.schema import Criticality

_SCORES = {"SINGLESELECT": "SingleSelect", "NUMERIC": "Numeric"}
_SETTINGS = (
    "AutoEvaluationConfiguration",
    "TargetConfiguration",
    "LanguageConfiguration",
    "ReviewConfiguration",
    "Tags",
)
# What the API takes at most.
_TITLE, _QUESTION, _TEXT, _REF, _QUESTIONS = 128, 350, 1024, 40, 100
_MOST_POINTS = 10


def is_form(document: object) -> bool:
    """Whether it is the definition of a form, as the API gives or takes it."""
    return isinstance(document, Mapping) and "Items" in _form(document)


def is_evaluation(document: object) -> bool:
    """Whether it is the output of an evaluation (schema 3.1 and its kin)."""
    return isinstance(document, Mapping) and {"questions", "sections", "schemaVersion"} <= set(document)


def read_form(document: Mapping[str, Any], where: str, critical: Criticality) -> Imported:
    """The rubric of a form's definition. Automatic fails become critical of the class `critical`, with effect zero."""
    form = _form(document)
    made = _Made(where, critical)
    title = text_of(form, "Title", where) or "Amazon Connect form"
    strategy = form.get("ScoringStrategy") or {}
    mode = text_of(strategy, "Mode", where) if isinstance(strategy, Mapping) else ""
    if isinstance(strategy, Mapping) and strategy.get("Status") == "DISABLED":
        made.lose("ScoringStrategy", "Status DISABLED", "a rubric always scores; the weights are used")
    if mode not in ("", "SECTION_ONLY", "QUESTION_ONLY"):
        made.lose("ScoringStrategy", f"Mode {mode}", "weights are used as those of questions within sections")
    for key in _SETTINGS:
        if form.get(key):
            made.lose("form", key, "a setting of the vendor's system, no part of a rubric")
    made.by_section, made.by_question = mode == "SECTION_ONLY", mode == "QUESTION_ONLY"
    made.items(objects(form, "Items", where), "", 100.0)
    return made.imported(title, text_of(form, "Description", where), flat=mode == "QUESTION_ONLY")


def read_evaluation(document: Mapping[str, Any], where: str, critical: Criticality) -> Imported:
    """The form behind an evaluation's output: sections, questions and options; its answers are not imported."""
    made = _Made(where, critical)
    sections = {text_of(one, "sectionRefId", where): one for one in objects(document, "sections", where)}
    by_section: dict[str, list[Mapping[str, Any]]] = {name: [] for name in sections}
    answered = 0
    for number, question in enumerate(objects(document, "questions", where), 1):
        ref = text_of(question, "sectionRefId", where)
        if ref not in by_section:
            raise RubricError(
                f"{where}: questions[{number}]", f"there is no section {ref!r}", allowed=", ".join(sections) or "none"
            )
        answered += "answer" in question
        by_section[ref].append(_as_question(question, where))
    if answered:
        made.lose("answers", f"{answered} answers with notes and scores", "a rubric asks; answers are reviews")
    made.lose("weights", "weights, scores of options and automatic fails", "an evaluation's output does not tell them")
    for ref, section in sections.items():
        if not by_section[ref] and not any(one.get("parentSectionRefId") == ref for one in sections.values()):
            made.lose(text_of(section, "sectionTitle", where) or ref, "the section", "it has no question")
        if by_section[ref]:
            made.section(_title(ref, sections, where), "", 1.0, by_section[ref])
        if section.get("notes"):
            made.lose(
                text_of(section, "sectionTitle", where), "the evaluator's note", "a rubric asks; notes are reviews"
            )
    metadata = document.get("metadata") or {}
    title = text_of(metadata, "evaluationDefinitionTitle", where) if isinstance(metadata, Mapping) else ""
    version = metadata.get("evaluationDefinitionVersion", 1) if isinstance(metadata, Mapping) else 1
    return made.imported(title or "Amazon Connect form", "", version=str(version))


def _form(document: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = document.get("EvaluationForm")
    return inner if isinstance(inner, Mapping) else document


def _title(ref: str, sections: Mapping[str, Mapping[str, Any]], where: str) -> str:
    names: list[str] = []
    seen: set[str] = set()
    while ref in sections and ref not in seen:
        seen.add(ref)
        names.insert(0, text_of(sections[ref], "sectionTitle", where) or ref)
        ref = str(sections[ref].get("parentSectionRefId") or "")
    return ": ".join(names)


def _as_question(question: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A question of an evaluation's output in the shape of a definition."""
    title = text_of(question, "questionText", where)
    kind = text_of(question, "questionType", where)
    answer = question.get("answer")
    values = objects(answer, "values", where) if isinstance(answer, Mapping) and "values" in answer else []
    options = [{"RefId": one.get("valueRefId"), "Text": text_of(one, "valueText", where)} for one in values]
    shape = {"Title": title, "RefId": question.get("questionRefId"), "QuestionType": kind}
    return shape | ({"QuestionTypeProperties": {"SingleSelect": {"Options": options}}} if options else {})


@dataclass
class _Made:
    """A rubric in the making."""

    where: str
    critical: Criticality
    sections: list[dict[str, Any]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    section_ids: Ids = field(default_factory=Ids)
    item_ids: Ids = field(default_factory=Ids)
    by_section: bool = False  # questions of a section weigh the same
    by_question: bool = False  # sections weigh what their questions do

    def lose(self, place: str, what: str, why: str) -> None:
        self.losses.append(Loss(place, what, why))

    def imported(self, name: str, description: str, *, version: str = "1", flat: bool = False) -> Imported:
        if not self.sections:
            raise RubricError(self.where, "has no question that can be scored", allowed="SINGLESELECT, NUMERIC")
        head: dict[str, Any] = {"name": name[:100], "version": version}
        if description:
            head["description"] = description
        return Imported(head | ({"flat": True} if flat else {}) | {"sections": self.sections}, once(self.losses))

    def items(self, items: Sequence[Mapping[str, Any]], parent: str, whole: float) -> None:
        """The sections and questions of one level; questions that stand beside sections get a section of their own."""
        questions = [one["Question"] for one in items if isinstance(one.get("Question"), Mapping)]
        inner = [one["Section"] for one in items if isinstance(one.get("Section"), Mapping)]
        for one in items:
            if not {"Question", "Section"} & set(one):
                raise RubricError(self.where, f"an item is {', '.join(one) or 'empty'}", allowed="Section or Question")
        if parent or questions:
            shared = whole * (len(questions) / (len(questions) + len(inner)) if inner and questions else 1)
            if questions:
                self.section(parent or "General", "", shared, questions)
            if inner and parent:
                self.lose(parent, f"{len(inner)} subsections", "each becomes a section with its share of the weight")
            whole -= shared if questions and inner else 0
        weights = [number_of(one, "Weight", self.where) for one in inner]
        known = sum(weight for weight in weights if weight)
        for section, weight in zip(inner, weights, strict=True):
            share = (weight / known * whole if parent else weight) if weight else whole / len(inner)
            self._inner(section, parent, share, counts=weight != 0 or not self.by_section)

    def _inner(self, section: Mapping[str, Any], parent: str, share: float, *, counts: bool) -> None:
        title = text_of(section, "Title", self.where) or text_of(section, "RefId", self.where) or "Section"
        name = f"{parent}: {title}" if parent else title
        contents = objects(section, "Items", self.where)
        if not counts:
            self.lose(name, f"a section without weight and its {len(contents)} items", "a section of a rubric counts")
            return
        if section.get("Instructions"):
            self.lose(name, "instructions of the section", "a rubric has hints of items only")
        if section.get("IsExcludedFromScoring"):
            self.lose(name, "excluded from scoring", "its questions are kept as items; delete what you do not want")
        if any("Section" in one for one in contents):
            self.items(contents, name, share)
        else:
            ref = text_of(section, "RefId", self.where)
            self.section(name, ref, share, [q for one in contents if isinstance(q := one.get("Question"), Mapping)])

    def section(self, title: str, ref: str, weight: float, questions: Sequence[Mapping[str, Any]]) -> None:
        items = [item for question in questions for item in self._item(question)]
        if not items:
            self.lose(title, "the section", "it has no question that can be scored")
            return
        weight = round(min(max(weight, 0.001), 1000.0), 6)
        if self.by_question:
            weight = min(sum(item["weight"] for item in items), 1000.0)
        self.sections.append(
            {"id": self.section_ids.take(title, ref), "title": title, "weight": weight, "items": items}
        )

    def _item(self, question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        title = text_of(question, "Title", self.where)
        kind = text_of(question, "QuestionType", self.where)
        if kind not in _SCORES:
            self.lose(
                title, f"a question of type {kind or 'none'}", "it has no score; keep it as a note of the reviewer"
            )
            return
        weight = None if self.by_section else number_of(question, "Weight", self.where)
        if weight == 0 or question.get("IsExcludedFromScoring"):
            self.lose(title, "a question without weight", "an item of a rubric counts; give it a weight to keep it")
            return
        if len(title) < 3:
            raise RubricError(self.where, f"the question {title!r} has no title", allowed="three characters or more")
        properties = question.get("QuestionTypeProperties") or {}
        options = properties.get(_SCORES[kind]) if isinstance(properties, Mapping) else None
        if isinstance(options, Mapping) and options.get("Automation"):
            self.lose(title, "its automation", "rules of the vendor's system; write met_when instead")
        if question.get("Enablement"):
            self.lose(title, "when it is shown", "conditions on other answers; write applies_when instead")
        hint, marks = marks_of(text_of(question, "Instructions", self.where))
        answers = list(self._answers(title, kind, options if isinstance(options, Mapping) else {}))
        item: dict[str, Any] = {
            "id": self.item_ids.take(title, text_of(question, "RefId", self.where)),
            "question": title,
            "weight": min(weight or 1.0, 1000.0),
        }
        levels, losses = graded(answers, title)
        self.losses += losses
        item |= levels
        if marks:
            item |= marks
        elif any(answer.fails for answer in answers):
            item |= {"critical": self.critical, "effect": "zero"}
            self.lose(title, "the class of its automatic fail", f"assumed {self.critical}; say another with --critical")
        yield item | ({"hint": hint} if hint else {})

    def _answers(self, title: str, kind: str, properties: Mapping[str, Any]) -> Iterator[Answer]:
        for option in objects(properties, "Options", self.where) if "Options" in properties else ():
            if kind == "NUMERIC":
                low, high = option.get("MinValue"), option.get("MaxValue")
                text = f"{low}" if low == high else f"{low} to {high}"
            else:
                text = text_of(option, "Text", self.where) or text_of(option, "RefId", self.where)
            if option.get("AutomaticFailConfiguration"):
                self.lose(title, f"that {text} fails a section", "a critical error bears on the whole contact")
            points = option.get("PointsConfiguration")
            score = number_of(option, "Score", self.where)
            if score is None and isinstance(points, Mapping):
                score = number_of(points, "PointValue", self.where)
                if points.get("IsBonus"):
                    self.lose(title, f"that {text} is a bonus", "items have no points beyond their weight")
            yield Answer(text, score, bool(option.get("AutomaticFail")))


def write_form(rubric: Rubric) -> Exported:
    """The rubric as a form's definition, ready for CreateEvaluationForm but for the instance's id."""
    title, losses = cut(rubric.name, _TITLE, "rubric", "name")
    description, more = cut(rubric.description, _TEXT, "rubric", "description")
    losses += [*more, *uncarried_settings(rubric)]
    count = sum(1 for _ in rubric.pairs())
    if count > _QUESTIONS:
        losses.append(Loss("rubric", f"{count} items in one form", f"at most {_QUESTIONS} are taken: split the form"))
    # Weights are given by section, and then its questions weigh the same, or by question over the whole form.
    by_section = not rubric.flat and all(_alike(section) for section in rubric.sections)
    if not by_section and len(rubric.sections) > 1:
        losses.append(
            Loss("rubric", "weights of sections", "questions of a section differ: they carry the whole weight")
        )
    section_weights = _hundred([section.weight for section in rubric.sections])
    question_weights = iter(_hundred([_share(section, item, rubric) for section, item in rubric.pairs()]))
    sections = []
    for section, weight in zip(rubric.sections, section_weights, strict=True):
        name, more = cut(section.title, _TITLE, section.id, "title")
        losses += more
        made: dict[str, Any] = {"Title": name, "RefId": _ref(section.id, losses)}
        made |= {"Weight": weight} if by_section else {}
        questions = [_question(item, losses) for item in section.items]
        if not by_section:
            questions = [one | {"Weight": next(question_weights)} for one in questions]
        sections.append({"Section": made | {"Items": [{"Question": one} for one in questions]}})
    mode = "SECTION_ONLY" if by_section else "QUESTION_ONLY"
    form: dict[str, Any] = {"Title": title} | ({"Description": description} if description else {})
    form |= {"Items": sections, "ScoringStrategy": {"Mode": mode, "Status": "ENABLED"}}
    return Exported(form, once(losses))


def _alike(section: Section) -> bool:
    return len({item.weight for item in section.items}) == 1


def _share(section: Section, item: Item, rubric: Rubric) -> float:
    return item.weight if rubric.flat else section.weight * item.weight / sum(one.weight for one in section.items)


def _hundred(weights: Sequence[float]) -> list[float]:
    """The weights as shares of 100, which they add up to in spite of rounding."""
    shares = [max(round(100 * weight / sum(weights), 6), 1e-6) for weight in weights]
    largest = max(range(len(shares)), key=shares.__getitem__)
    shares[largest] = round(shares[largest] + 100 - sum(shares), 6)
    return shares


def _question(item: Item, losses: list[Loss]) -> dict[str, Any]:
    losses += uncarried(item)
    title, more = cut(item.question, _QUESTION, item.id, "question")
    losses += more
    hint, more = marked(item.hint, item, _TEXT)
    losses += more
    answers, more = scored_answers(item)
    losses += more
    options: list[dict[str, Any]] = []
    for number, (text, points) in enumerate(answers, 1):
        name, more = cut(text, _TITLE, item.id, "answer")
        losses += more
        score = round(points * _MOST_POINTS)
        if abs(score - points * _MOST_POINTS) > 1e-6:
            losses.append(Loss(item.id, f"the exact points of {text}", f"scores are whole numbers to {_MOST_POINTS}"))
        options.append({"RefId": f"{item.id[: _REF - 4]}_{number}", "Text": name, "Score": score})
    if item.effect == "zero":
        options[-1]["AutomaticFail"] = True
        if len(options) > 2:
            losses.append(Loss(item.id, "a zero for levels between", "only the worst answer fails the form"))
    elif item.critical != "none":
        losses.append(
            Loss(
                item.id,
                f"critical: {item.critical} without a zero",
                "the system has automatic fails only; see the hint",
            )
        )
    question = {
        "Title": title,
        "RefId": _ref(item.id, losses),
    }
    question |= {"Instructions": hint} if hint else {}
    return question | {
        "QuestionType": "SINGLESELECT",
        "NotApplicableEnabled": True,
        "QuestionTypeProperties": {"SingleSelect": {"Options": options, "DisplayAs": "RADIO"}},
    }


def _ref(name: str, losses: list[Loss]) -> str:
    if len(name) <= _REF:
        return name
    losses.append(Loss(name, "its id", f"{len(name)} characters, at most {_REF} are taken"))
    return name[: _REF - 13] + "_" + sha256(name.encode()).hexdigest()[:12]
