import json
from pathlib import Path

import openpyxl
import pytest
from labelled import CARD, label
from scored import rubric

from cxsentiment.errors import UsageError
from cxsentiment.ingest.dates import DateRules
from cxsentiment.reviews.exporting import export_labels
from cxsentiment.reviews.importing import (
    ImportRules,
    parse_items,
    parse_label_map,
    read_labels,
)
from cxsentiment.reviews.labels import known_purpose
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.verdicts import parse_values

HEAD = "contact_id,item,grader,value,purpose,inclusion_probability,rated_at\n"
LEVELS = rubric(
    {
        "id": "tone",
        "kind": "ordinal",
        "levels": [
            {"name": "Warm", "points": 1, "when": {"act": ["greet"]}},
            {"name": "Polite", "points": 0.5, "when": {"act": ["close"]}},
            {"name": "Cold", "points": 0},
        ],
    }
)


@pytest.fixture
def write(tmp_path):
    def file(text, name="labels.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return file


def codes(read):
    return [reject.code for reject in read.rejects]


def rules(**more):
    card = more.get("rubric")
    return ImportRules(items=parse_items(more.pop("items", []), card), **more)


def test_one_row_a_verdict(write):
    read = read_labels([write(HEAD + "c1,greet,anna,yes,random,0.25,2026-05-01T12:00:00+02:00\n")], rules())
    at = "2026-05-01T10:00:00+00:00"
    assert read.labels == (label(inclusion_probability=0.25, rated_at=at, source="labels.csv"),)
    assert read.rejects == ()


@pytest.mark.parametrize(
    ("written", "verdict", "points"),
    [
        ("met", "met", 1.0),
        ("Yes", "met", 1.0),
        ("1", "met", 1.0),
        ("1.0", "met", 1.0),
        ("TRUE", "met", 1.0),
        ("not met", "not_met", 0.0),
        ("No", "not_met", 0.0),
        ("0", "not_met", 0.0),
        ("n/a", "not_applicable", None),
        ("N.A.", "not_applicable", None),
        ("0.5", "points", 0.5),
        ('"0,5"', "points", 0.5),
    ],
)
def test_how_verdicts_are_written(write, written, verdict, points):
    (found,) = read_labels([write(HEAD + f"c1,greet,anna,{written},random,,\n")], rules()).labels
    assert (found.verdict, found.points) == (verdict, points)


def test_a_table_without_a_column_of_contacts_is_told_once(write):
    table = "Interaction,grader,item:greet\nc1,anna,yes\nc2,anna,no\n"
    (reject,) = read_labels([write(table)], rules()).rejects
    assert reject.code == "missing_column"
    assert reject.message.endswith(
        "(allowed: contact_id, conversation_id, id). Say which it is with --map contact_id=COLUMN"
    )


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (",greet,anna,met,random,,", "missing_contact"),
        ("c1,,anna,met,random,,", "missing_item"),
        ("c1,greet,,met,random,,", "missing_grader"),
        ("c1,greet,anna,,random,,", "missing_value"),
        ("c1,greet,anna,maybe,random,,", "unknown_value"),
        ("c1,greet,anna,nan,random,,", "unknown_value"),
        ("c1,greet,anna,7,random,,", "points_out_of_range"),
        ("c1,greet,anna,-0.1,random,,", "points_out_of_range"),
        ("c1,greet,anna,met,,,", "missing_purpose"),
        ("c1,greet,anna,met,fun,,", "unknown_purpose"),
        ("c1,greet,anna,met,random,0,", "bad_probability"),
        ("c1,greet,anna,met,random,1.2,", "bad_probability"),
        ("c1,greet,anna,met,random,often,", "bad_probability"),
        ("c1,greet,anna,met,random,,03/04/2026", "ambiguous_date"),
        ("c1,greet,anna,met,random,,31/31/2026", "impossible_date"),
        ("c1,greet,anna,met,random,,2999-01-01", "future_date"),
        ("c1,greet,anna,met,random,,soon", "not_a_date"),
        ("c1,greet,anna,met", "bad_row"),
        ("c1,dance,anna,met,random,,", "unknown_item"),
        ("c1,greet,anna,0.5,random,,", "value_not_of_item"),
    ],
)
def test_every_bad_row_has_its_code_and_loses_no_other(write, row, code):
    good = "c8,greet,anna,met,random,,\n"
    read = read_labels([write(HEAD + good + row + "\n" + good.replace("c8", "c9"))], rules(rubric=CARD))
    assert codes(read) == [code]
    assert read.rejects[0].record == 3
    assert [one.contact_id for one in read.labels] == ["c8", "c9"]


def test_one_row_a_contact(write):
    text = (
        "contact_id,grader,purpose,item:greet,Is it solved?\nc1,anna,random,yes,n/a\nc2,,random,,\nc3,ben,random,x,no\n"
    )
    read = read_labels([write(text)], rules(rubric=CARD))
    named = {"rubric_name": "t", "rubric_version": "1", "rubric_sha256": CARD.sha256, "source": "labels.csv"}
    assert read.labels == (
        label(**named),
        label(item="solve", points=None, **named),
        label("c3", "solve", "ben", 0.0, **named),
    )
    assert codes(read) == ["unknown_value"]
    assert read.empty == 1


def test_verdicts_that_contradict_each_other_need_times(write):
    twice = "c1,greet,anna,met,random,,{}\nc1,greet,anna,not_met,random,,{}\n"
    read = read_labels([write(HEAD + twice.format("", ""))], rules())
    assert codes(read) == ["conflict"]
    assert len(read.labels) == 1
    assert len(read_labels([write(HEAD + twice.format("2026-05-01", "2026-05-02"))], rules()).labels) == 2


def test_another_scorecards_labels_are_refused_where_one_is_named(write):
    text = "contact_id,item,grader,value,purpose,rubric_name,rubric_version\nc1,greet,anna,met,random,t,0.9\n"
    assert codes(read_labels([write(text)], rules(rubric=CARD))) == ["other_rubric"]
    assert read_labels([write(text)], rules()).labels[0].rubric_version == "0.9"
    edited = text.replace("rubric_version", "rubric_version,rubric_sha256").replace("0.9", "1,abc")
    assert codes(read_labels([write(edited)], rules(rubric=CARD))) == ["other_rubric"]


def test_levels_of_an_ordinal_item_by_name_or_points(write):
    text = HEAD + "c1,tone,anna,Polite,random,,\nc2,tone,anna,0.5,random,,\nc3,tone,anna,Hot,random,,\n"
    read = read_labels([write(text)], rules(rubric=LEVELS))
    assert [one.points for one in read.labels] == [0.5, 0.5]
    assert codes(read) == ["unknown_value"]


def test_what_the_user_declares(write):
    text = "Call;Frage;Wer;Antwort;Wann\n7;Begruessung;anna;geht so;03.04.2026\n"
    declared = rules(
        columns=parse_label_map(["contact_id=Call", "item=Frage", "grader=Wer", "value=Antwort", "rated_at=Wann"]),
        items=["Begruessung=greet"],
        words=parse_values(["geht so=0.5"]),
        purpose="random",
        dates=DateRules("dmy"),
    )
    (found,) = read_labels([write(text)], declared).labels
    assert (found.contact_id, found.item, found.points) == ("7", "greet", 0.5)
    assert found.rated_at == "2026-04-03T00:00:00+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: parse_label_map(["what=ever"]),
        lambda: parse_label_map(["item=a", "item=b"]),
        lambda: parse_items(["Greeted?=dance"], CARD),
        lambda: parse_items(["Greeted?"], None),
        lambda: parse_items(["Greeted?=a", "greeted?=b"], None),
        lambda: parse_values(["Maybe=perhaps"]),
        lambda: parse_values(["Maybe"]),
        lambda: parse_values(["Maybe=2"]),
        lambda: known_purpose("fun"),
    ],
)
def test_what_cannot_be_declared(wrong):
    with pytest.raises(UsageError):
        wrong()


def test_files_without_what_is_needed_are_refused_as_a_whole(write):
    read = read_labels(
        [write("a,b\n1,2\n", "a.csv"), write(HEAD, "b.csv"), write(HEAD + "c1,greet,anna,met,random,,\n", "c.csv")],
        rules(),
    )
    assert codes(read) == ["missing_column", "empty"]
    assert [reject.record for reject in read.rejects] == [0, 0]
    assert len(read.labels) == 1
    mapped = rules(columns={"value": "Score"})
    assert codes(read_labels([write(HEAD + "c1,greet,anna,met,random,,\n")], mapped)) == ["missing_column"]
    with pytest.raises(UsageError):
        read_labels(["nowhere.csv"], rules())


def test_jsonl_long_and_nested_and_broken(write):
    lines = [
        {"contact_id": "c1", "item": "greet", "grader": "anna", "value": True, "purpose": "random"},
        {"contact_id": "c2", "grader": "anna", "purpose": "random", "items": {"greet": "no", "solve": None}},
        ["c3"],
        {"contact_id": "c4", "grader": "anna", "purpose": "random"},
        {"contact_id": "c5", "item": "greet", "grader": "anna", "value": ["met"], "purpose": "random"},
        {"contact_id": ["c6"], "item": "greet", "grader": "anna", "value": "met", "purpose": "random"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "{broken\n"
    read = read_labels([write(text, "labels.jsonl")], rules())
    assert [(one.contact_id, one.points) for one in read.labels] == [("c1", 1.0), ("c2", 0.0)]
    assert codes(read) == ["record_type", "missing_column", "unknown_value", "bad_text", "json"]
    assert [reject.record for reject in read.rejects] == [3, 4, 5, 6, 7]


def test_excel(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Contact ID", "Grader", "Purpose", "item:greet"])
    book.active.append(["c1", "anna", "random", 1])
    book.active.append(["c2", "anna", "random", "maybe"])
    book.save(tmp_path / "labels.xlsx")
    read = read_labels([str(tmp_path / "labels.xlsx")], rules())
    assert [one.points for one in read.labels] == [1.0]
    assert [(reject.code, reject.record) for reject in read.rejects] == [("unknown_value", 3)]


def test_text_that_no_database_takes_does_no_harm(write, tmp_path):
    record = {"contact_id": "c\u00001", "item": "greet", "grader": "a\ud800", "value": "met", "purpose": "random"}
    read = read_labels([write(json.dumps(record | {"comment": "x\u0000\udfff"}), "odd.jsonl")], rules())
    with LabelStore.open(str(tmp_path / "a b?#%.db"), create=True) as store:
        assert store.add(read.labels).new == len(read.labels) == 1
        assert store.labels()[0].contact_id.isprintable()
    assert (tmp_path / "a b?#%.db").exists()


def test_comments_are_masked(write):
    text = "contact_id,item,grader,value,purpose,comment\nc1,greet,anna,met,random,card 4111 1111 1111 1111\n"
    (found,) = read_labels([write(text)], rules()).labels
    assert "4111" not in found.comment


@pytest.fixture
def evaluation(shared):
    path = shared / "formats" / "open" / "amazon_connect_evaluation" / "evaluation_3_1.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_amazon_connects_own_example(evaluation, write):
    questions = ["Did the agent introduce themselves?=greet", "q570b206a=solve"]
    read = read_labels([write(json.dumps(evaluation), "e.json")], rules(items=questions, purpose="random"))
    solve, greet = read.labels
    assert (greet.contact_id, greet.grader) == ("badd4896-75f7-43b3-bee6-c617ed3d04cb", "jane")
    assert (greet.item, greet.verdict, greet.rated_at) == ("greet", "met", "2022-11-14T17:59:29+00:00")
    assert (solve.item, solve.verdict, solve.points) == ("solve", "not_applicable", None)
    assert (read.texts, read.rejects) == (1, ())


def test_amazon_connect_by_a_scorecards_question_and_what_stands_for_nothing(evaluation, write):
    evaluation["questions"][1]["questionText"] = "is the customer greeted?"
    read = read_labels([write(json.dumps([evaluation]), "e.json")], rules(rubric=CARD, purpose="double"))
    assert [one.item for one in read.labels] == ["greet"]
    assert codes(read) == ["unmapped_question"]
    assert "--item" in read.rejects[0].message


@pytest.mark.parametrize(
    ("score", "chosen", "verdict", "points"),
    [
        ({"percentage": 100}, "No", "met", 1.0),  # a question that is answered well by No
        ({"percentage": 0}, "Yes", "not_met", 0.0),
        ({"percentage": 50}, "Maybe", "points", 0.5),
        ({"percentage": 100, "automaticFail": True}, "Yes", "not_met", 0.0),
        ({}, "Yes", "met", 1.0),
        ({}, "No", "not_met", 0.0),
    ],
)
def test_amazon_connects_score_decides_before_words(evaluation, write, score, chosen, verdict, points):
    question = evaluation["questions"][1]
    question["score"] = score
    for one in question["answer"]["values"]:
        one["selected"] = one["valueText"] == chosen
    evaluation["questions"] = [question]
    read = read_labels([write(json.dumps(evaluation), "e.json")], rules(items=["q73bc5b9d=greet"], purpose="random"))
    assert [(one.verdict, one.points) for one in read.labels] == [(verdict, points)]


def test_amazon_connect_that_cannot_be_used(evaluation, write):
    question = evaluation["questions"][1]
    unanswered = {**question, "score": {}, "answer": {"values": [], "metadata": {}}}
    for document, wanted in (
        ({**evaluation, "questions": [unanswered, "odd"]}, ["missing_value", "record_type"]),
        ({**evaluation, "schemaVersion": "4.0"}, ["schema_version"]),
        ({**evaluation, "metadata": {}, "questions": [question]}, ["missing_contact"]),
    ):
        text = json.dumps(document)
        read = read_labels([write(text, "e.json")], rules(items=["q73bc5b9d=greet"], purpose="random"))
        assert codes(read) == wanted
        assert read.labels == ()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_what_is_exported_is_read_back_the_same(tmp_path, kind):
    given = [
        label("=1+1", comment="=SUM(A1)", inclusion_probability=0.125, stratum="A1/call", source="x.csv"),
        label(
            "c2", points=0.5, purpose="coaching", rubric_name="t", rubric_version="1", rubric_sha256="ab", source="y"
        ),
        label("c3", points=None, purpose="double", rated_at="2026-05-01T00:00:00+00:00", source="=z"),
        label("c4", comment="'-5 points", source="''quoted''"),
    ]
    out = tmp_path / f"out.{kind}"
    with LabelStore.open(str(tmp_path / "a.db"), create=True) as store:
        store.add(given)
        assert export_labels(store, out) == 4
    read = read_labels([str(out)], rules())
    assert read.rejects == ()
    with LabelStore.open(str(tmp_path / "b.db"), create=True) as store:
        assert store.add(read.labels).new == 4
        assert store.labels() == given
        again = tmp_path / f"again.{kind}"
        export_labels(store, again)
        assert again.read_bytes() == out.read_bytes()
        with pytest.raises(UsageError, match="no kind of file"):
            export_labels(store, Path("out.docx"))


def test_an_export_with_history_names_what_replaced_what(tmp_path):
    with LabelStore.open(str(tmp_path / "a.db"), create=True) as store:
        store.add([label(points=1.0)])
        store.add([label(points=0.0)])
        export_labels(store, tmp_path / "all.jsonl", history=True)
    old, new = (json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines())
    assert old["superseded_by"] == new["digest"]
    assert new["superseded_by"] is None
