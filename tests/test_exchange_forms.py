"""Amazon Connect evaluation forms and Google QA questions, in and out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cxsentiment.errors import RubricError, UsageError
from cxsentiment.exchange.formats import export_rubric, import_rubric, imported_text, write_new, write_rubric
from cxsentiment.exchange.ids import Ids
from cxsentiment.exchange.losses import Imported
from cxsentiment.rubric.reading import default_rubric, parse_rubric, read_rubric
from cxsentiment.rubric.scorecard import Item, Rubric

Import = Callable[..., Imported]


@pytest.fixture
def load(tmp_path: Path) -> Import:
    """Import a document that is written as JSON."""

    def load(document: Any, **options: Any) -> Imported:
        path = tmp_path / "given.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return import_rubric(path, **options)

    return load


def _option(text: str, score: int | None = None, **more: Any) -> dict[str, Any]:
    return {"RefId": text.lower(), "Text": text} | ({} if score is None else {"Score": score}) | more


def _question(title: str, *options: dict[str, Any], **more: Any) -> dict[str, Any]:
    shape = {"Title": title, "RefId": "q570b206a", "QuestionType": "SINGLESELECT"}
    return {"Question": shape | {"QuestionTypeProperties": {"SingleSelect": {"Options": list(options)}}} | more}


def _section(title: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Section": {"Title": title, "RefId": "s1a1b58d6", "Items": list(items)} | more}


def _form(*items: dict[str, Any], mode: str = "SECTION_ONLY", **more: Any) -> dict[str, Any]:
    return {"Title": "Form", "Items": list(items), "ScoringStrategy": {"Mode": mode, "Status": "ENABLED"}} | more


WARM = [_option(*one) for one in (("Very", 10), ("So so", 5), ("Fair", 5), ("Not", 0))]
YES_NO = (_option("Yes", 10), _option("No", 0))


def _items(imported: Imported) -> dict[str, dict[str, Any]]:
    return {item["question"]: item for section in imported.content["sections"] for item in section["items"]}


def _said(imported: Imported) -> str:
    return "\n".join(map(str, imported.losses))


def _shares(rubric: Rubric) -> dict[str, float]:
    """What each item weighs of the whole."""
    weights = {}
    for section, item in rubric.pairs():
        inner = 1.0 if rubric.flat else section.weight / sum(one.weight for one in section.items)
        weights[item.id] = item.weight * inner
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _back(rubric: Rubric, target: Any, tmp_path: Path) -> tuple[Rubric, Imported]:
    content, _ = export_rubric(rubric, target)
    path = tmp_path / f"out.{target}"
    path.write_bytes(content)
    imported = import_rubric(path)
    return parse_rubric(imported.content, "again"), imported


GOOD_TO_POOR = [{"name": "Good", "points": 1}, {"name": "Fair", "points": 0.5}, {"name": "Poor", "points": 0}]
RICH = parse_rubric(
    {
        "name": "Rich",
        "version": "7",
        "description": "For tests: everything that another system may not know.",
        "negative_at": 0.6,
        "cues": {"hold": {"phrase": "one moment"}},
        "flows": [{"id": "task", "steps": [{"id": "a", "title": "a", "seen": {"cue": "hold"}}]}],
        "sections": [
            {
                "id": "first",
                "title": "First",
                "weight": 30,
                "items": [
                    {"id": "one", "question": "Is it one?", "weight": 1, "met_when": {"act": "greet"}, "hint": "Say."},
                    {
                        "id": "two",
                        "question": "Is it two?",
                        "weight": 3,
                        "critical": "compliance",
                        "effect": "zero",
                        "applies_when": {"channels": ["call"]},
                        "met_when": {"flow": "task", "is": "in_order"},
                    },
                ],
            },
            {
                "id": "second",
                "title": "Second",
                "weight": 50,
                "items": [
                    {"id": "three", "question": "Is it three?", "weight": 2, "critical": "customer"},
                    {
                        "id": "four",
                        "question": "How good is it?",
                        "weight": 1,
                        "kind": "ordinal",
                        "critical": "business",
                        "effect": {"cap": 60},
                        "levels": GOOD_TO_POOR,
                    },
                    {
                        "id": "five",
                        "question": "How often is it?",
                        "weight": 1,
                        "kind": "count",
                        "count": {"of": {"act": "probe"}, "full_at": 2, "none_at": 0},
                    },
                ],
            },
        ],
    },
    "rich",
)  # fmt: skip


@pytest.mark.parametrize("target", ["amazon", "google"])
def test_a_rubric_comes_back_with_its_sections_questions_weights_and_criticality(target: Any, tmp_path: Path) -> None:
    for rubric in (RICH, read_rubric(default_rubric()), RICH.model_copy(update={"flat": True})):
        again, _ = _back(rubric, target, tmp_path)
        assert again.name == rubric.name
        assert [section.title for section in again.sections] == [section.title for section in rubric.sections]
        for (_, old), (_, new) in zip(rubric.pairs(), again.pairs(), strict=True):
            assert (new.id, new.question, new.hint) == (old.id, old.question, old.hint)
            assert (new.critical, new.effect) == (old.critical, old.effect)
        assert _shares(again) == pytest.approx(_shares(rubric), abs=1e-6)


@pytest.mark.parametrize("target", ["amazon", "google"])
def test_graded_answers_come_back_as_levels(target: Any, tmp_path: Path) -> None:
    again, _ = _back(RICH, target, tmp_path)
    items = {item.id: item for _, item in again.pairs()}
    assert items["four"].levels == next(item for _, item in RICH.pairs() if item.id == "four").levels
    assert [(level.name, level.points) for level in items["five"].levels or ()] == [
        ("2 or more", 1.0),
        ("1", 0.5),
        ("0", 0.0),
    ]
    assert items["one"].kind == "yes_no"


@pytest.mark.parametrize("target", ["amazon", "google"])
def test_what_others_cannot_say_is_listed(target: Any) -> None:
    _, losses = export_rubric(RICH, target)
    said = {(loss.place, loss.what.partition(" (")[0]) for loss in losses}
    expected = {
        ("rubric", "negative_at"), ("rubric", "cues"), ("rubric", "flows"), ("rubric", "version"), ("one", "met_when"),
        ("two", "met_when"), ("two", "applies_when"), ("five", "count.of"), ("five", "that it is counted"),
    }  # fmt: skip
    assert expected <= said
    assert ("three", "met_when") not in said  # a person grades it here too


def test_an_automatic_fail_goes_out_and_comes_in(load: Import) -> None:
    content, _ = export_rubric(RICH, "amazon")
    form = json.loads(content)
    two = form["Items"][0]["Section"]["Items"][1]["Question"]
    assert two["QuestionTypeProperties"]["SingleSelect"]["Options"][-1]["AutomaticFail"] is True
    fails = _form(_section("S", _question("Is it safe?", _option("Yes", 10), _option("No", 0, AutomaticFail=True))))
    imported = load(fails)
    assert (_items(imported)["Is it safe?"]["critical"], _items(imported)["Is it safe?"]["effect"]) == (
        "business",
        "zero",
    )
    assert "assumed business; say another with --critical" in _said(imported)
    assert _items(load(fails, critical="compliance"))["Is it safe?"]["critical"] == "compliance"


def test_a_form_of_amazon(load: Import) -> None:
    form = _form(
        _section(
            "Opening",
            _question("Did they greet?", *YES_NO, Weight=25.0, Instructions="Listen to the start."),
            _question("How warm was it?", *WARM),
            {"Question": {"Title": "What happened?", "RefId": "t", "QuestionType": "TEXT"}},
            Weight=40,
        ),
        _section(
            "Service",
            _section("Empathy", _question("Did they say sorry?", *YES_NO)),
            _section("Speed", _question("Did they interrupt?", _option("Yes", 0), _option("No", 10))),
            Weight=60,
        ),
        Description="What we ask.",
    )  # fmt: skip
    imported = load(form)
    assert [(one["title"], one["weight"]) for one in imported.content["sections"]] == [
        ("Opening", 40),
        ("Service: Empathy", 30),
        ("Service: Speed", 30),
    ]
    items = _items(imported)
    assert items["Did they greet?"] == {
        "id": "greet",
        "question": "Did they greet?",
        "weight": 1,  # weighed by section, questions of a section are alike
        "hint": "Listen to the start.",
    }
    assert items["How warm was it?"]["levels"] == [
        {"name": "Very", "points": 1},
        {"name": "So so / Fair", "points": 0.5},
        {"name": "Not", "points": 0},
    ]
    assert items["Did they interrupt?"]["levels"][0] == {"name": "No", "points": 1}
    said = _said(imported)
    assert "What happened?: a question of type TEXT" in said
    assert "the answers So so / Fair apart" in said
    assert "2 subsections" in said


def test_numbers_become_levels_and_question_weights_a_flat_rubric(load: Import) -> None:
    options = [{"MinValue": 8, "MaxValue": 10, "Score": 10}, {"MinValue": 1, "MaxValue": 7, "Score": 0}]
    number = {"Title": "How many?", "RefId": "n", "QuestionType": "NUMERIC", "Weight": 30}
    number["QuestionTypeProperties"] = {"Numeric": {"MinValue": 1, "MaxValue": 10, "Options": options}}
    imported = load(
        _form(_section("S", {"Question": number}, _question("Is it?", *YES_NO, Weight=70)), mode="QUESTION_ONLY")
    )
    assert imported.content["flat"] is True
    assert _items(imported)["How many?"]["levels"] == [
        {"name": "8 to 10", "points": 1},
        {"name": "1 to 7", "points": 0},
    ]
    assert _items(imported)["Is it?"]["weight"] == 70


def test_what_a_form_has_beyond_a_rubric_is_listed(load: Import) -> None:
    question = _question("Is it?", *YES_NO, Enablement={"Condition": {}})
    question["Question"]["QuestionTypeProperties"]["SingleSelect"]["Automation"] = {"Options": []}
    form = _form(
        _section("S", question, Instructions="Read this."),
        _section("Out", _question("Unweighed?", *YES_NO), Weight=0),
        _section("T", _question("Zero?", *YES_NO, IsExcludedFromScoring=True), _question("Kept?", *YES_NO)),
        AutoEvaluationConfiguration={"Enabled": True},
    )
    said = _said(load(form))
    for part in ("its automation", "when it is shown", "instructions of the section", "Out: a section without weight"):
        assert part in said
    assert "Zero?: a question without weight" in said
    assert "AutoEvaluationConfiguration" in said
    assert set(_items(load(form))) == {"Is it?", "Kept?"}


@pytest.mark.shared
def test_the_evaluation_of_amazons_guide(shared: Path) -> None:
    path = shared / "formats" / "open" / "amazon_connect_evaluation" / "evaluation_3_1.json"
    imported = import_rubric(path)
    assert imported.content["name"] == "Compliance Evaluation Form"
    assert imported.content["version"] == "2"
    assert len(imported.content["sections"]) == 1
    assert len(_items(imported)) == 2
    said = _said(imported)
    assert "3 answers with notes and scores" in said
    assert "a question of type TEXT" in said
    assert "its answers Yes, No, Maybe" in said
    assert parse_rubric(yaml.safe_load(imported_text(imported, "x")), "x").content() == dict(imported.content)


def test_an_evaluation_tells_its_form(load: Import) -> None:
    evaluation = {
        "schemaVersion": "3.1",
        "metadata": {"evaluationDefinitionTitle": "Ours"},
        "sections": [
            {"sectionRefId": "a", "sectionTitle": "Top"},
            {"sectionRefId": "b", "sectionTitle": "Sub", "parentSectionRefId": "a"},
            {"sectionRefId": "c", "sectionTitle": "Empty", "notes": "hm"},
        ],
        "questions": [
            {"questionRefId": "q", "sectionRefId": "b", "questionType": "SINGLESELECT", "questionText": "Is it so?",
             "answer": {"values": [{"valueText": "Yes", "valueRefId": "o"}, {"valueText": "No", "valueRefId": "p"}]}}
        ],
    }  # fmt: skip
    imported = load(evaluation)
    assert [one["title"] for one in imported.content["sections"]] == ["Top: Sub"]
    said = _said(imported)
    assert "Empty: the section" in said
    assert "Empty: the evaluator's note" in said
    assert "its answers" not in said  # yes and no are what an item asks
    evaluation["questions"][0]["sectionRefId"] = "z"  # type: ignore[index]
    with pytest.raises(RubricError, match=r"no section 'z' .allowed: a, b, c"):
        load(evaluation)


def _choice(score: float | None, **value: Any) -> dict[str, Any]:
    return value | ({} if score is None else {"score": score})


def test_questions_of_google(load: Import) -> None:
    document = {
        "qaQuestions": [
            {
                "name": "projects/p/locations/l/qaScorecards/s/revisions/r/qaQuestions/2",
                "questionBody": "Did the agent solve it?",
                "answerChoices": [
                    _choice(20, key="y", strValue="Fully"),
                    _choice(5, key="p", strValue="Partly"),
                    _choice(0, key="n", strValue="Not"),
                    {"key": "na", "naValue": True},
                ],
                "tags": ["COMPLIANCE", "Service", "Extra"],
                "order": 2,
                "metrics": {"accuracy": 0.9},
            },
            {
                "questionBody": "Did the agent greet?",
                "abbreviation": "Greeting",
                "answerInstructions": "Look at the start.",
                "answerChoices": [_choice(10, boolValue=True), _choice(0, boolValue=False)],
                "order": 1,
            },
        ],
        "nextPageToken": "more",
    }
    imported = load(document)
    assert [(one["title"], one["weight"]) for one in imported.content["sections"]] == [("General", 10), ("Service", 20)]
    assert _items(imported)["Did the agent greet?"] == {
        "id": "greeting",
        "question": "Did the agent greet?",
        "weight": 10,
        "hint": "Look at the start.",
    }
    solved = _items(imported)["Did the agent solve it?"]
    assert [level["points"] for level in solved["levels"]] == [1, 0.25, 0]
    assert "critical" not in solved  # the tag groups questions
    for part in ("further pages", "the tag COMPLIANCE", "the tags Extra", "metrics"):
        assert part in _said(imported)
    one = load(document["qaQuestions"][1])
    assert len(_items(one)) == 1
    assert len(_items(load(document["qaQuestions"]))) == 2


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "given.json:1: not JSON"),
        ('{"a": NaN, "Items": []}', "NaN is no JSON number"),
        ({"rows": []}, "is JSON of another kind .allowed: an Amazon Connect form"),
        ([1, 2], "is JSON of another kind"),
        (_form(), "has no question that can be scored"),
        (_form(_section("S", {"Widget": {}})), "has no question|Widget"),
        ({"Title": "x", "Items": "no"}, "Items is \"no\" .allowed: a list of objects"),
        (_form(_section("S", _question("Is it?", *YES_NO), Weight="much")), "Weight is \"much\" .allowed: a number"),
        (_form(_section("S", _question("Is it?", *YES_NO, Weight=-1)), mode="QUESTION_ONLY"), "Weight is -1"),
        ({"qaQuestions": [{"questionBody": "x"}]}, "question 1: questionBody is missing or too short"),
        ({"qaQuestions": [{"questionBody": "Is it?", "answerChoices": [{"key": "a"}]}]}, "an answer has no value"),
        ({"qaQuestions": [{"questionBody": "Is it?", "tags": "x"}]}, "tags are no list"),
        ({"qaQuestions": [{"questionBody": 7}]}, "questionBody is 7 .allowed: text"),
    ],
)  # fmt: skip
def test_bad_documents(document: Any, message: str, load: Import) -> None:
    with pytest.raises(RubricError, match=message):
        load(document)


def test_a_named_kind_must_be_that_kind(load: Import) -> None:
    with pytest.raises(RubricError, match=r"another kind .allowed: qaQuestions"):
        load(_form(_section("S", _question("Is it?", *YES_NO))), source="google")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="cannot be read"):
        import_rubric(tmp_path / "nowhere.json")
    large = tmp_path / "large.json"
    large.write_bytes(b"{" + b" " * 10_000_000 + b"}")
    with pytest.raises(RubricError, match=r"10,000,002 bytes is no scorecard"):
        import_rubric(large)
    latin = tmp_path / "latin.json"
    latin.write_bytes('{"Items": "é"}'.encode("latin-1"))
    with pytest.raises(RubricError, match="not UTF-8"):
        import_rubric(latin)
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(RubricError, match="not JSON"):
        import_rubric(deep)


def test_what_stands_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="stands already"):
        write_new(path, b"new")
    assert path.read_text(encoding="utf-8") == "mine"
    with pytest.raises(UsageError, match="cannot be written"):
        write_new(tmp_path / "no" / "folder.yaml", b"new")


def test_texts_of_a_file_cannot_break_out_of_comments_or_yaml(load: Import) -> None:
    evil = "Is it?\nsections: []\u2028- x: 1\n# [critical]: {a: &b 1}"
    form = _form(_section("S\nname: other", _question(evil, *YES_NO, Instructions="a: b\n- c # d")))
    form["Items"][0]["Section"]["Items"][0]["Question"]["Enablement"] = {"x": 1}
    imported = load(form)
    assert parse_rubric(yaml.safe_load(imported_text(imported, "f\nname: x")), "x").content() == dict(imported.content)


def test_long_texts_are_cut_and_said_to_be(tmp_path: Path) -> None:
    plain = parse_rubric(
        {
            "name": "t",
            "version": "1",
            "sections": [
                {
                    "id": "s",
                    "title": "T" * 200,
                    "weight": 1,
                    "items": [
                        {"id": "a" * 64, "question": "Q" * 400, "weight": 1, "hint": "h" * 2000, "critical": "customer"}
                    ],
                }
            ],
        },
        "t",
    )  # fmt: skip
    content, losses = export_rubric(plain, "amazon")
    section = json.loads(content)["Items"][0]["Section"]
    question = section["Items"][0]["Question"]
    assert (len(section["Title"]), len(question["Title"]), len(question["Instructions"])) == (128, 350, 1024)
    assert len(question["RefId"]) <= 40
    assert question["Instructions"].endswith("[critical: customer; effect: report]")
    assert {"the end of its title", "the end of its question", "the end of its hint", "its id"} <= {
        loss.what for loss in losses
    }
    again, _ = _back(plain, "amazon", tmp_path)
    assert next(again.pairs())[1].critical == "customer"


def test_ids() -> None:
    ids = Ids()
    assert ids.take("Did the agent greet the customer?") == "greet_customer"
    assert ids.take("Did the agent greet the customer!") == "greet_customer_2"
    assert ids.take("anything", "kept_as_it_is") == "kept_as_it_is"
    assert ids.take("Say hello", "q570b206a") == "say_hello"
    assert ids.take("90 seconds") == "item_90_seconds"
    assert ids.take("Überprüfung") == "uberprufung"
    assert ids.take("日本語") == "item"
    assert ids.take("the of") == "the_of"
    for title in ("x" * 300, "wort " * 50, "", "___", "9" * 80):
        Item.model_validate({"id": ids.take(title), "question": "Is it?", "weight": 1})


def test_levels_without_conditions_are_graded_by_a_person() -> None:
    levels = [{"name": "a", "points": 1}, {"name": "b", "points": 0}]
    item = {"id": "x", "question": "Is it?", "weight": 1, "kind": "ordinal", "levels": levels}
    assert next(Item.model_validate(item).counting(), None) is None
    mixed = [{"name": "a", "points": 1, "when": {"act": "greet"}}, {"name": "b", "points": 0.5}, levels[1]]
    with pytest.raises(ValueError, match="needs when"):
        Item.model_validate(item | {"levels": mixed})


def test_weights_go_by_section_where_its_questions_are_alike_and_by_question_otherwise() -> None:
    def form(*weights: tuple[float, ...]) -> dict[str, Any]:
        sections = [
            {
                "id": f"s{n}",
                "title": f"S{n}",
                "weight": n + 1,
                "items": [{"id": f"i{n}_{k}", "question": "Is it?", "weight": one} for k, one in enumerate(inner)],
            }
            for n, inner in enumerate(weights)
        ]
        rubric = parse_rubric({"name": "t", "version": "1", "sections": sections}, "t")
        made: dict[str, Any] = json.loads(export_rubric(rubric, "amazon")[0])
        return made

    alike = form((2, 2, 2), (5,), (1, 1))
    weights = [one["Section"]["Weight"] for one in alike["Items"]]
    assert alike["ScoringStrategy"]["Mode"] == "SECTION_ONLY"
    assert weights == pytest.approx([100 / 6, 200 / 6, 50])
    assert sum(weights) == 100  # also after rounding
    assert not any("Weight" in item["Question"] for one in alike["Items"] for item in one["Section"]["Items"])
    differ = form((2, 1), (5,), (1, 1))
    assert differ["ScoringStrategy"]["Mode"] == "QUESTION_ONLY"
    weights = [item["Question"]["Weight"] for one in differ["Items"] for item in one["Section"]["Items"]]
    assert weights == pytest.approx([200 / 18, 100 / 18, 200 / 6, 25, 25])
    assert round(sum(weights), 9) == 100
    assert not any("Weight" in one["Section"] for one in differ["Items"])


def test_points_bonuses_and_fails_of_a_section(load: Import) -> None:
    options = [
        _option("All", PointsConfiguration={"PointValue": 4, "IsBonus": True}),
        _option("Half", PointsConfiguration={"PointValue": 2}),
        _option("None", PointsConfiguration={"PointValue": 0}, AutomaticFailConfiguration={"TargetSection": "s"}),
    ]
    imported = load(_form(_section("S", _question("Is it?", *options)), mode="POINTS_BASED"))
    assert [level["points"] for level in _items(imported)["Is it?"]["levels"]] == [1, 0.5, 0]
    for part in ("that All is a bonus", "that None fails a section", "Mode POINTS_BASED"):
        assert part in _said(imported)


def test_a_rubric_that_could_not_be_read_again_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    with pytest.raises(RubricError, match=r"is no scorecard .allowed: at most 1,000,000 bytes"):
        write_rubric(path, "# " + "x" * 1_000_000)
    assert not path.exists()


@pytest.mark.parametrize("target", ["amazon", "google"])
def test_tiny_weights_and_sections_of_one_title(target: Any, tmp_path: Path) -> None:
    sections = [
        {
            "id": f"s{n}",
            "title": "Same",
            "weight": 1,
            "items": [{"id": f"i{n}{k}", "question": "Is it?", "weight": one}],
        }
        for n, weights in enumerate(((0.0001,), (1000.0,)))
        for k, one in enumerate(weights)
    ]
    sections[0]["items"].append({"id": "big", "question": "Is it big?", "weight": 1000})  # type: ignore[attr-defined]
    rubric = parse_rubric({"name": "t", "version": "1", "flat": True, "sections": sections}, "t")
    again, _ = _back(rubric, target, tmp_path)
    assert {item.id for _, item in again.pairs()} == {item.id for _, item in rubric.pairs()}  # none is left out
    _, losses = export_rubric(rubric, target)
    assert ("sections of one title apart" in {loss.what for loss in losses}) == (target == "google")
