import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateRules
from cxsentiment.ingest.scales import Scale, Scales, declare
from cxsentiment.ingest.surveys import Survey, SurveyRules, Surveys, apply, on_scale, read_surveys
from cxsentiment.schema import Transcript

FIVE = SurveyRules(Scales(Scale(1, 5)))
NONE = SurveyRules()


@pytest.fixture
def read(tmp_path: Path):
    def read(rows: str, rules: SurveyRules = FIVE, **columns: str) -> Surveys:
        path = tmp_path / "surveys.csv"
        path.write_text(rows, encoding="utf-8")
        return read_surveys([str(path)], rules, columns)

    return read


def codes(surveys: Surveys) -> dict[int, str]:
    return {reject.record: reject.code for reject in surveys.rejects}


def adds_up(surveys: Surveys) -> bool:
    counts = surveys.counts
    used = len(surveys.answers) + len(surveys.loose) + len(surveys.rejects)
    used += counts.without_answer + counts.duplicates + counts.added
    return counts.rows == used + sum(counts.excluded.values())


def test_answers_by_contact(read) -> None:
    surveys = read("id,csat,nps,ces\n001, 4 ,10,7\n1,4.0,,\n2,N/A,0,\n3,,,\n")
    assert surveys.answers == {
        "001": Survey(4.0, 10.0, 7.0),
        "1": Survey(csat=4.0),
        "2": Survey(nps=0.0),
    }
    assert surveys.rejects == ()
    assert surveys.notes == ("1 of 4 rows hold no answer",)
    assert surveys.facts(2) == {
        "source": surveys.source,
        "rows": 4,
        "answers": 3,
        "matched": 2,
        "unmatched": 1,
        "rejected": 0,
        "without_answer": 1,
        "duplicates": 0,
        "added": 0,
        "excluded": {},
        "match": "id",
        "keep": "last",
        "csat_scale": [1, 5],
        "notes": ["1 of 4 rows hold no answer"],
    }


@pytest.mark.parametrize(
    ("column", "answer", "code"),
    [
        *(("csat", answer, "csat_out_of_scale") for answer in ("0", "6", "-1", "99", "5.01")),
        *(("csat", answer, "csat_not_a_number") for answer in ("five", "5/5", '"4,5"', "★★★★", "100%", "1e1", "inf")),
        *(("nps", answer, "nps_out_of_scale") for answer in ("11", "-5", "7.5")),
        ("nps", "Promoter", "nps_not_a_number"),
        ("ces", "8", "ces_out_of_scale"),
        ("ces", "easy", "ces_not_a_number"),
    ],
)
def test_answers_off_their_scale_are_refused_by_row(read, column: str, answer: str, code: str) -> None:
    surveys = read(f"contact_id,{column}\nok,4\nc1,{answer}\n")
    assert list(surveys.answers) == ["ok"]
    (refused,) = surveys.rejects
    assert (refused.record, refused.contact_id, refused.code) == (3, "c1", code)
    assert refused.message.startswith(f"{refused.source}:3")


def test_an_answer_that_is_text_is_not_repeated_in_the_message(read) -> None:
    assert "4111" not in read("contact_id,csat\nc1,call 4111111111111111\n").rejects[0].message


def test_rows_without_an_id_or_with_too_few_cells_are_refused(read) -> None:
    assert codes(read("contact_id,csat,nps\n,5,\nc1,5\nc2,5,9\n")) == {2: "missing_id", 3: "bad_row"}


def test_the_id_of_a_refused_row_is_masked(read) -> None:
    (refused,) = read("contact_id,csat\njane@mail.com,9\n").rejects
    assert refused.contact_id == "[EMAIL]"


def test_many_answers_off_the_scale_put_the_scale_in_doubt(read) -> None:
    surveys = read("contact_id,csat\na,5\nb,10\nc,9\n")
    assert surveys.notes == ("2 of 3 rows are off their scale: is the declared scale right?",)


def test_an_undeclared_csat_scale_stops_everything(read) -> None:
    with pytest.raises(UsageError, match="--csat-scale 1-5"):
        read("contact_id,csat\na,5\n", NONE)
    assert read("contact_id,nps\na,5\n", NONE).answers == {"a": Survey(nps=5.0)}


def test_a_reversed_scale_is_turned_and_told(read) -> None:
    surveys = read("contact_id,csat,ces\na,1,7\n", SurveyRules(declare("5-1", ces_direction="lower-is-easier")))
    assert surveys.answers == {"a": Survey(csat=5.0, ces=1.0)}
    assert [note[:4] for note in surveys.notes] == ["CSAT", "CES "]


def test_a_heading_against_the_declared_direction_stops_everything(read) -> None:
    table, column = 'id,"How was it (1=good, 5=bad)"\na,1\n', "How was it (1=good, 5=bad)"
    with pytest.raises(UsageError, match="1 is the best answer"):
        read(table, FIVE, csat=column)
    assert read(table, SurveyRules(declare("5-1")), csat=column).answers == {"a": Survey(csat=5.0)}


@pytest.mark.parametrize(
    ("rows", "last", "first"),
    [
        ("c,5,\nc,1,\n", 1.0, 5.0),
        ("c,5,2024-05-01T11:00:00Z\nc,1,2024-05-01T10:00:00Z\n", 5.0, 1.0),
        ("c,5,2024-05-01T10:00:00Z\nc,1,2024-05-01T11:00:00Z\n", 1.0, 5.0),
        ("c,5,2024-05-01T11:00:00Z\nc,1,2024-05-01T10:00:00\n", 1.0, 5.0),
        ("c,5,yesterday\nc,1,today\n", 1.0, 5.0),
    ],
)
def test_of_several_answers_one_is_kept_and_told(read, rows: str, last: float, first: float) -> None:
    surveys = read(f"contact_id,csat,answered_at\n{rows}")
    assert surveys.answers["c"].csat == last
    assert "1 answer came again for their contact; the last is kept" in surveys.notes
    assert surveys.counts.duplicates == 1
    kept = read(f"contact_id,csat,answered_at\n{rows}", SurveyRules(FIVE.scales, keep="first"))
    assert kept.answers["c"].csat == first
    assert adds_up(surveys)
    assert adds_up(kept)


def test_answers_to_other_questions_are_no_copies(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("contact_id,nps\nc,9\n")
    (tmp_path / "b.csv").write_text("contact_id,csat\nc,4\nc,2\nd,5\n")
    last = read_surveys([str(tmp_path)], FIVE)
    assert last.answers == {"c": Survey(csat=2.0, nps=9.0), "d": Survey(csat=5.0)}
    assert (last.counts.duplicates, last.counts.added) == (1, 1)
    assert any("another question" in note for note in last.notes)
    first = read_surveys([str(tmp_path)], SurveyRules(FIVE.scales, keep="first"))
    assert first.answers["c"] == Survey(csat=4.0, nps=9.0)
    assert adds_up(last)
    assert adds_up(first)


def test_times_that_cannot_be_used_are_told_and_cost_no_answer_that_has_its_contact(read) -> None:
    rows = "contact_id,csat,answered_at\na,5,03/04/2024\nb,4,2024-02-30\nc,3,2024-05-01\n"
    surveys = read(rows)
    assert len(surveys.answers) == 3
    assert [note for note in surveys.notes if "--date-order" in note]
    assert [note for note in surveys.notes if "impossible_date" in note]
    assert [note for note in surveys.notes if "--timezone" in note]
    assert len(read(rows, SurveyRules(FIVE.scales, DateRules("dmy", "UTC"))).notes) == 1


def test_matching_by_customer_needs_the_customer_and_the_time_of_every_answer(read) -> None:
    rules = SurveyRules(FIVE.scales, match="customer")
    rows = "customer_id,csat,answered_at\nu,5,2024-05-01T10:00Z\n,5,2024-05-01T10:00Z\nu,5,\nu,5,03/04/2024\nu,,\n"
    surveys = read(rows, rules)
    assert codes(surveys) == {3: "missing_customer", 4: "missing_time", 5: "ambiguous_date"}
    assert [answer.who for answer in surveys.loose] == ["u"]
    assert adds_up(surveys)
    with pytest.raises(InputError, match='no column "customer_id"'):
        read("id,csat,answered_at\na,5,2024-05-01\n", rules)
    with pytest.raises(InputError, match='no column "answered_at"'):
        read("customer_id,csat\na,5\n", rules)


def test_columns_can_be_mapped_and_maps_for_transcripts_do_no_harm(read) -> None:
    surveys = read("ref;score\nc;3\n", id="ref", csat="Score", text="utterance", speaker="who")
    assert surveys.answers == {"c": Survey(csat=3.0)}
    assert read("contact_id,csat\nc,3\n", id="call_of_the_transcripts").answers == {"c": Survey(csat=3.0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [("ref,csat\na,5\n", 'no column "id"'), ("id,rating\na,5\n", 'no column "csat"'), ("", "no rows")],
)
def test_a_file_without_ids_or_answers_says_what_it_has(read, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert said in caught.value.message


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such survey file"):
        read_surveys([str(tmp_path / "gone.csv")], FIVE)


def test_several_files_are_one_survey(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("contact_id,csat\nx,5\ny,4\n")
    (tmp_path / "b.csv").write_text("contact_id;nps;csat\ny;9;1\nz;3;\n")
    surveys = read_surveys([str(tmp_path)], FIVE)
    assert surveys.answers == {"x": Survey(csat=5.0), "y": Survey(csat=1.0, nps=9.0), "z": Survey(nps=3.0)}
    assert surveys.counts.rows == 4
    assert surveys.source.endswith("b.csv")


def test_answers_join_their_contact_and_nothing_else() -> None:
    surveys = Surveys({"a": Survey(csat=2.0, ces=6.0), "z": Survey(csat=1.0)})
    joined = apply(surveys, Transcript("a", (), csat=5.0, nps=9.0))
    assert (joined.csat, joined.nps, joined.ces) == (2.0, 9.0, 6.0)
    other = Transcript("b", (), csat=5.0)
    assert apply(surveys, other) is other


def test_answers_inside_transcripts_are_turned_too_and_told() -> None:
    scales = declare("5-1", ces_direction="lower-is-easier")
    turned = on_scale(scales, Transcript("a", (), csat=1.0, ces=2.0))
    assert (turned.csat, turned.ces) == (5.0, 6.0)
    assert len(turned.warnings) == 2
    off = on_scale(scales, Transcript("a", (), csat=9.0))
    assert off.csat is None
    plain = Transcript("a", (), csat=1.0, nps=10.0, ces=2.0)
    assert on_scale(declare("1-5"), plain) is plain


@pytest.mark.parametrize(
    ("outcome", "value", "said"),
    [("nps", 11.0, "0-10"), ("nps", -3.0, "0-10"), ("nps", 8.5, "whole"), ("ces", 9.0, "1-7"), ("ces", 0.0, "1-7")],
)
def test_answers_inside_transcripts_off_their_scale_are_not_used(outcome: str, value: float, said: str) -> None:
    for scales in (declare(), declare(ces_direction="lower-is-easier")):
        found = on_scale(scales, Transcript("a", (), **{outcome: value}))
        assert getattr(found, outcome) is None
        (warning,) = found.warnings
        assert "not used" in warning
        assert said in warning or "7-1" in warning


CELL = st.sampled_from(["", "1", "5", "9", "good", "n/a", "x", " 3 "])
WHO = st.sampled_from(["a", "b", "", "c"])
WHEN = st.sampled_from(["", "2024-05-01", "2024-05-01T10:00Z", "03/04/2024", "2024-02-30", "soon"])


@settings(deadline=None)  # a busy machine is no fault of the code
@given(
    st.lists(st.tuples(WHO, WHO, CELL, CELL, WHEN), max_size=20),
    st.sampled_from(["id", "customer"]),
    st.sampled_from(["last", "first"]),
)
def test_counts_add_up_whatever_the_rows_hold(tmp_path_factory, rows, match, keep) -> None:
    path = tmp_path_factory.mktemp("surveys") / "s.csv"
    lines = ["contact_id,customer_id,csat,nps,answered_at", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    surveys = read_surveys([str(path)], SurveyRules(FIVE.scales, match=match, keep=keep))
    assert surveys.counts.rows == sum(map(any, rows))  # a row of nothing is none
    assert adds_up(surveys)
    assert all(re.search(r"s\.csv:\d+", reject.message) and reject.code for reject in surveys.rejects)


@pytest.mark.shared
def test_hostile_surveys(shared: Path) -> None:
    folder = shared / "formats" / "hostile"

    def read(name: str, rules: SurveyRules = FIVE, **columns: str) -> Surveys:
        return read_surveys([str(folder / name)], rules, columns)

    csat = read("17_csat_out_of_scale.csv")
    assert sorted(csat.answers) == ["C-1", "C-13", "C-15"]
    assert len(csat.rejects) == 10
    assert adds_up(csat)
    mapped = SurveyRules(declare("1-5", ["5/5=5", "4,5=4.5", "very satisfied=5"]))
    assert sorted(read("17_csat_out_of_scale.csv", mapped).answers) == ["C-1", "C-13", "C-14", "C-15", "C-6", "C-7"]
    nps = read("17_nps_out_of_scale.csv", NONE)
    assert {reject.contact_id for reject in nps.rejects} == {"C-2", "C-3", "C-5", "C-6"}
    with pytest.raises(UsageError, match="scale is not declared"):
        read("17_scale_mix.csv", NONE)
    assert len(read("17_scale_mix.csv").rejects) == 3
    column = "Satisfaction (1=very satisfied, 5=very dissatisfied)"
    for rules in (NONE, FIVE):
        with pytest.raises(UsageError):
            read("17_csat_reversed.csv", rules, csat=column)
    reversed_ = read("17_csat_reversed.csv", SurveyRules(declare("5-1")), csat=column)
    assert reversed_.answers == {"C-1": Survey(csat=5.0), "C-2": Survey(csat=1.0)}
    assert "best answer" in reversed_.notes[0]
    many = read("17_survey_many_per_call.csv")
    assert many.answers == {"C-1": Survey(csat=1.0)}
    assert many.counts.duplicates == 1
    assert read("17_survey_no_match.csv").facts(0)["unmatched"] == 2
    assert len(read("17_constant_csat.csv").answers) == 30
