import json
import zipfile
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.scales import declare
from cxsentiment.ingest.surveys import Survey, SurveyRules, Surveys, read_surveys

FIVE = SurveyRules(declare("1-5"))
GOOD_BAD = SurveyRules(declare(None, ["good=1", "bad=0"]))

QUALTRICS = """\
StartDate,EndDate,Status,Finished,RecordedDate,ResponseId,ExternalReference,DistributionChannel,Q3,contactNo
Start,End,Type,Done,Recorded,Response,External,Channel,"How satisfied
were you?",Number
"{""ImportId"":""startDate""}","{""ImportId"":""e""}","{}","{}","{}","{}","{}","{}","{""ImportId"":""QID3""}","{}"
2026-01-05 10:00:00,2026-01-05 10:02:00,0,1,2026-01-05 10:02:01,R_1,c-1,anonymous,4,77
2026-01-05 10:00:00,2026-01-05 10:03:00,0,1,2026-01-05 10:03:01,R_2,c-2,preview,5,78
2026-01-05 10:00:00,2026-01-05 10:04:00,0,0,2026-01-05 10:04:01,R_3,c-3,email,1,79
2026-01-05 10:00:00,2026-01-05 10:05:00,1,1,2026-01-05 10:05:01,R_4,c-4,email,1,80
2026-01-05 10:00:00,2026-01-05 10:06:00,0,True,2026-01-05 10:06:01,R_5,c-5,email,,81
2026-01-05 10:00:00,2026-01-05 10:07:00,0,True,2026-01-05 10:07:01,R_6,,email,3,82
"""
LEGACY_V = """\
V1,V2,V4,V7,V9,V10,Q3,
ResponseID,ResponseSet,ExternalDataReference,Status,EndDate,Finished,How satisfied were you?,
R_1,Default,c-1,0,2026-01-05 10:02:00,1,4,
R_2,Default,c-2,1,2026-01-05 10:02:00,1,5,
R_3,Default,c-3,0,2026-01-05 10:02:00,0,5,
"""
LEGACY = LEGACY_V.replace("V1,V2,V4,V7,V9,V10", "ResponseID,ResponseSet,ExternalDataReference,Status,EndDate,Finished")


@pytest.fixture
def read(tmp_path: Path):
    def read(content: object, rules: SurveyRules = FIVE, name: str = "", **columns: str) -> Surveys:
        path = tmp_path / (name or ("s.csv" if isinstance(content, str) else "s.json"))
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return read_surveys([str(path)], rules, columns)

    return read


def test_qualtrics_leaves_out_previews_and_unfinished_answers_and_counts_them(read) -> None:
    surveys = read(QUALTRICS, csat="Q3")
    assert surveys.answers == {"c-1": Survey(csat=4.0)}
    assert surveys.counts.excluded == {"preview": 2, "unfinished": 1}
    assert surveys.counts.without_answer == 1
    assert [(reject.code, reject.record) for reject in surveys.rejects] == [("missing_id", 10)]
    assert any("--timezone" in note for note in surveys.notes)
    assert list(read(QUALTRICS, csat="Q3", id="contactNo").answers) == ["77", "82"]


@pytest.mark.parametrize("table", ["\ufeff" + LEGACY_V, LEGACY], ids=["numbered", "named"])
def test_legacy_qualtrics(read, table: str) -> None:
    surveys = read(table, csat="Q3")
    assert surveys.answers == {"c-1": Survey(csat=4.0)}
    assert surveys.counts.excluded == {"preview": 1, "unfinished": 1}
    assert surveys.counts.rows == 3


def test_qualtrics_saved_without_its_extra_headers(read) -> None:
    lines = QUALTRICS.splitlines()
    assert list(read("\n".join([lines[0], *lines[4:]]), csat="Q3").answers) == ["c-1"]


def test_parquet(tmp_path: Path) -> None:
    table = pa.table({"contact_id": ["a", "b", None], "nps": [9, None, 3]})
    pq.write_table(table, tmp_path / "s.parquet")
    surveys = read_surveys([str(tmp_path / "s.parquet")], FIVE)
    assert surveys.answers == {"a": Survey(nps=9.0)}
    assert (surveys.counts.without_answer, len(surveys.rejects)) == (1, 1)


def test_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["about this file"])
    sheet = book.create_sheet("Answers")
    for row in (["contact_id", "csat", "answered_at"], ["a", 4, datetime(2026, 1, 5, 10)], ["b", "x", None]):  # noqa: DTZ001
        sheet.append(row)
    book.save(tmp_path / "s.xlsx")
    surveys = read_surveys([str(tmp_path / "s.xlsx")], FIVE, {"sheet": "Answers"})
    assert surveys.answers == {"a": Survey(csat=4.0)}
    assert [(reject.code, reject.record) for reject in surveys.rejects] == [("csat_not_a_number", 3)]
    assert any("--timezone" in note for note in surveys.notes)


@pytest.mark.parametrize(("scale", "answers"), [("0-100", [80, 7]), ("0-1", [0.8, 0.07]), ("1-5", None)])
def test_percentages_of_a_workbook_are_what_people_see(tmp_path: Path, scale: str, answers: list | None) -> None:
    workbook = Workbook()
    for row in (["contact_id", "csat"], ["a", 0.8], ["b", 0.07]):
        workbook.active.append(row)
    workbook.active["B2"].number_format = "0%"
    workbook.active["B3"].number_format = "0.0%"
    workbook.save(tmp_path / "s.xlsx")
    surveys = read_surveys([str(tmp_path / "s.xlsx")], SurveyRules(declare(scale)))
    if answers is None:
        assert not surveys.answers
        assert all("--csat-scale 0-100" in reject.message for reject in surveys.rejects)
    else:
        assert [surveys.answers[name].csat for name in "ab"] == answers


@pytest.mark.parametrize("shown", ['0"%"', r"0\%", "0_%", "0*%"])
def test_a_percent_sign_that_only_stands_beside_the_number_changes_nothing(tmp_path: Path, shown: str) -> None:
    workbook = Workbook()
    for row in (["contact_id", "csat"], ["a", 80]):
        workbook.active.append(row)
    workbook.active["B2"].number_format = shown
    workbook.save(tmp_path / "s.xlsx")
    assert read_surveys([str(tmp_path / "s.xlsx")], SurveyRules(declare("0-100"))).answers == {"a": Survey(csat=80.0)}


def test_zendesk_ratings(read) -> None:
    ratings = [
        {"id": 1, "ticket_id": 208, "requester_id": 7, "score": "good", "updated_at": "2026-01-05T10:00:00Z"},
        {"id": 2, "ticket_id": 209, "requester_id": 8, "score": "bad", "updated_at": "2026-01-05T10:00:00Z"},
        {"id": 3, "ticket_id": 210, "requester_id": 9, "score": "offered", "updated_at": "2026-01-05T10:00:00Z"},
    ]
    surveys = read({"satisfaction_ratings": ratings, "count": 3}, GOOD_BAD)
    assert surveys.answers == {"208": Survey(csat=1.0), "209": Survey(csat=0.0)}
    assert surveys.counts.without_answer == 1
    assert surveys.facts(0)["csat_scale"] == [0, 1]
    assert len(read(ratings[0], GOOD_BAD).answers) == 1
    assert len(read({"satisfaction_rating": ratings[0]}, GOOD_BAD).answers) == 1
    with pytest.raises(UsageError, match="--csat-map good=1"):
        read(ratings, SurveyRules())
    by_customer = read(ratings, SurveyRules(GOOD_BAD.scales, match="customer"))
    assert [answer.who for answer in by_customer.loose] == ["7", "8"]


def test_intercom_ratings(read) -> None:
    rated = {
        "type": "conversation",
        "id": "51",
        "conversation_rating": {"rating": 4, "remark": "ok", "created_at": 1700000000, "contact": {"id": "u"}},
    }
    silent = {"type": "conversation", "id": "52", "user": {"id": "v"}, "conversation_rating": None}
    surveys = read({"type": "conversation.list", "conversations": [rated, silent]})
    assert surveys.answers == {"51": Survey(csat=4.0)}
    assert surveys.counts.without_answer == 1


def test_liveperson_ratings(read) -> None:
    consumer = [{"participantId": "u-9"}]
    info = {"conversationId": "e5", "mcs": 67, "csatRate": 3, "startTimeL": 1472481024565}
    unrated = {"conversationId": "e6", "mcs": 50}
    document = {"conversationHistoryRecords": [{"info": info, "consumerParticipant": consumer}, {"info": unrated}]}
    assert read(document).answers == {"e5": Survey(csat=3.0)}
    # A score that a machine gave is an answer only where somebody says so.
    assert len(read(document, SurveyRules(declare("0-100")), csat="mcs").answers) == 2


def test_chat_ratings(read) -> None:
    chat = {"type": "chat", "id": "17.4", "rating": "good", "visitor": {"id": "v"}, "history": [], "timestamp": ""}
    assert read([chat], GOOD_BAD).answers == {"17.4": Survey(csat=1.0)}
    thread = {"id": "K6", "user_ids": ["a"], "properties": {"rating": {"score": 1}}}
    livechat = {"chats": [{"id": "PJ", "users": [], "thread": thread}, {"id": "PK", "thread": {"user_ids": []}}]}
    assert read(livechat, SurveyRules(declare("0-1"))).answers == {"K6": Survey(csat=1.0)}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_json_end_as_any_system_ends_them(tmp_path: Path, end: str) -> None:
    lines = [json.dumps({"contact_id": name, "csat": answer}) for name, answer in (("a", 5), ("b", 1))]
    (tmp_path / "s.jsonl").write_bytes((end.join(lines) + end).encode())
    surveys = read_surveys([str(tmp_path / "s.jsonl")], FIVE)
    assert surveys.answers == {"a": Survey(csat=5.0), "b": Survey(csat=1.0)}


def test_flat_objects_and_lines_of_them(read) -> None:
    assert read([{"contact_id": "a", "csat": 5}, {"contact_id": "b", "nps": 3}]).answers == {
        "a": Survey(csat=5.0),
        "b": Survey(nps=3.0),
    }
    surveys = read('{"contact_id": "a", "csat": 5}\n{"contact_id": \n{"contact_id": "b", "csat": 1}\n', name="s.jsonl")
    assert list(surveys.answers) == ["a", "b"]
    assert [(reject.code, reject.record) for reject in surveys.rejects] == [("bad_row", 2)]


def test_a_line_separator_in_a_comment_ends_no_line(read) -> None:
    surveys = read(
        '{"contact_id": "a", "csat": 5, "why": "good\u2028very\x85good"}\n{"contact_id": "b", "csat": 1}\n',
        name="s.jsonl",
    )
    assert (surveys.answers, surveys.rejects) == ({"a": Survey(5), "b": Survey(1)}, ())


def test_a_first_line_that_cannot_be_read_costs_that_line(read) -> None:
    surveys = read('{"contact_id":\n{"contact_id": "b", "csat": 1}\n{"contact_id": "c", "csat": 2}\n', name="s.jsonl")
    assert surveys.answers == {"b": Survey(1), "c": Survey(2)}
    assert [(reject.record, reject.code) for reject in surveys.rejects] == [(1, "bad_row")]


def test_json_of_utf_16_is_known_as_json(tmp_path: Path) -> None:
    path = tmp_path / "ratings.json"
    path.write_bytes('[{"contact_id": "a", "csat": 5}]'.encode("utf-16"))
    assert read_surveys([str(path)], FIVE).answers == {"a": Survey(5)}


def test_an_archive_of_answers_is_no_broken_workbook(tmp_path: Path) -> None:
    path = tmp_path / "answers.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("answers.csv", "contact_id,csat\na,5\n")
    with pytest.raises(InputError, match="is an archive"):
        read_surveys([str(path)], FIVE)


def test_what_is_no_answer_of_the_same_kind_is_refused_by_its_number(read) -> None:
    surveys = read([{"ticket_id": 1, "score": "good"}, 7, {"type": "conversation", "id": "5"}], GOOD_BAD)
    assert list(surveys.answers) == ["1"]
    assert [(reject.code, reject.record) for reject in surveys.rejects] == [("bad_row", 2), ("bad_row", 3)]
    assert surveys.counts.rows == 3


@pytest.mark.parametrize("content", ["{}", "[]", "[1]", '{"a": {"b": 1}}', '[{"turns": []}]'])
def test_json_that_holds_no_answers(read, content: str) -> None:
    with pytest.raises(InputError):
        read(content)


DETAILS = {
    "title": "After your call",
    "question_count": 2,
    "pages": [
        {
            "questions": [
                {
                    "id": "7",
                    "headings": [{"heading": "How satisfied are you?"}],
                    "answers": {
                        "choices": [
                            {"id": "71", "text": "Very satisfied", "weight": 5},
                            {"id": "72", "text": "", "weight": 1},
                        ]
                    },
                },
                {"id": "8", "headings": [{"heading": "Would you recommend us?"}]},
            ]
        }
    ],
}


def _response(number: int, *answers: dict[str, object], **more: object) -> dict[str, object]:
    questions = [{"id": str(7 + place), "answers": [answer]} for place, answer in enumerate(answers)]
    return {
        "id": str(number),
        "survey_id": "1",
        "response_status": "completed",
        "collection_mode": "default",
        "custom_variables": {"contact": f"c-{number}"},
        "date_modified": "2026-01-05T10:00:00+00:00",
        "pages": [{"questions": questions}],
    } | more


def test_surveymonkey_choices_are_named_by_the_details_beside_them(read, tmp_path: Path) -> None:
    responses = {
        "data": [
            _response(1, {"choice_id": "71"}, {"text": "9"}),
            _response(2, {"choice_id": "72"}),
            _response(3, {"choice_id": "71"}, response_status="partial"),
            _response(4, {"choice_id": "71"}, collection_mode="preview"),
        ]
    }
    with pytest.raises(InputError, match=r"details\.json"):
        read(responses, csat="7.weight", id="contact")
    (tmp_path / "details.json").write_text(json.dumps(DETAILS))
    surveys = read(responses, csat="7.weight", nps="Would you recommend us?", id="contact")
    assert surveys.answers == {"c-1": Survey(csat=5.0, nps=9.0), "c-2": Survey(csat=1.0)}
    assert surveys.counts.excluded == {"preview": 1, "unfinished": 1}
    words = SurveyRules(declare("1-5", ["very satisfied=5"]))
    assert read(responses, words, csat="How satisfied are you?", id="contact").answers["c-1"] == Survey(csat=5.0)
    # A folder of both is the responses once.
    assert len(read_surveys([str(tmp_path)], FIVE, {"csat": "7.weight", "id": "contact"}).answers) == 2


_KEYS = st.sampled_from(
    "ticket_id score type id conversation_rating rating info conversationId csatRate history thread user_ids "
    "properties sid caller survey_response data chats conversations visitor survey_id response_status pages questions "
    "answers custom_variables contact contacts consumerParticipants contact_id csat".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=12,
)
SEEDS = st.sampled_from(
    [
        {"ticket_id": 1, "score": "good"},
        {"type": "conversation", "id": "1"},
        {"info": {"conversationId": "1"}},
        {"type": "chat", "history": []},
        {"thread": {"user_ids": []}},
        {"sid": "1", "caller": {}},
        {"survey_id": "1", "response_status": "completed"},
    ]
)


@settings(deadline=None)  # a busy machine is no fault of the code
@given(st.tuples(JSON, SEEDS))
def test_junk_in_any_field_is_refused_or_read_but_crashes_nothing(tmp_path_factory, made) -> None:
    junk, seed = made
    folder = tmp_path_factory.mktemp("junk")
    (folder / "details.json").write_text(json.dumps(DETAILS))
    document = [{**junk, **seed}] if isinstance(junk, dict) else [seed | {"pages": junk, "custom_variables": junk}]
    (folder / "s.json").write_text(json.dumps(document))
    try:
        surveys = read_surveys([str(folder / "s.json")], GOOD_BAD)
    except (InputError, UsageError):
        return
    assert surveys.counts.rows == 1


@pytest.mark.shared
def test_real_files(shared: Path) -> None:
    folder = shared / "formats" / "open"

    def read(name: str, rules: SurveyRules = FIVE, **columns: str) -> Surveys:
        return read_surveys([str(folder / name)], rules, columns)

    assert read("qualtrics_csv/sample.csv", csat="Q1", id="ResponseId").answers == {
        "R_2YPOQ602ER1jkf1": Survey(csat=2.0)
    }
    assert [one.code for one in read("qualtrics_csv/sample.csv", csat="Q1").rejects] == ["missing_id"]
    pets = SurveyRules(declare("0-4"))
    for column in ("How many pets do you have?", "769893650"):
        found = read("surveymonkey/responses_bulk.json", pets, csat=column, id="response_id")
        assert found.answers == {"13376313674": Survey(csat=3.0), "13376299051": Survey(csat=3.0)}
    assert read("zendesk_satisfaction/satisfaction_rating.json", GOOD_BAD).answers == {"208": Survey(csat=1.0)}
    for name, rows in (("intercom/conversations.json", 3), ("zendesk_chat/chat.json", 1)):
        assert read(name, GOOD_BAD).counts.without_answer == rows
    liveperson = read("liveperson/messaging_history_content10.json")
    assert liveperson.counts.without_answer == liveperson.counts.rows == 1
    harper = read("harper_valley/*.metadata.json", SurveyRules(declare("1-10")))
    assert harper.answers == {"0002f70f7386445b": Survey(csat=10.0)}
