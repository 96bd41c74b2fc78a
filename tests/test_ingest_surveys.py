from pathlib import Path

import pytest

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.surveys import Scale, Survey, Surveys, apply, parse_scale, read_surveys
from cxsentiment.schema import Transcript

FIVE = Scale(1, 5)


@pytest.fixture
def read(tmp_path: Path):
    def read(rows: str, scale: Scale | None = FIVE, **columns: str) -> Surveys:
        path = tmp_path / "surveys.csv"
        path.write_text(rows, encoding="utf-8")
        return read_surveys(path, scale, ReadOptions(columns=columns))

    return read


def codes(surveys: Surveys) -> dict[int, str]:
    return {reject.record: reject.code for reject in surveys.rejects}


@pytest.mark.parametrize(("text", "scale"), [("1-5", FIVE), (" 0 - 10 ", Scale(0, 10)), ("0.5-5", Scale(0.5, 5))])
def test_scales(text: str, scale: Scale) -> None:
    assert parse_scale(text) == scale


@pytest.mark.parametrize("text", ["", "5", "5-1", "3-3", "one-five", "1-", "1-5-10", "-1-5"])
def test_what_is_no_scale(text: str) -> None:
    with pytest.raises(UsageError, match="1-5"):
        parse_scale(text)


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
        "answers": 3,
        "matched": 2,
        "unmatched": 1,
        "rejected": 0,
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
        read("contact_id,csat\na,5\n", None)
    assert read("contact_id,nps\na,5\n", None).answers == {"a": Survey(nps=5.0)}


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ("c,5,\nc,1,\n", 1.0),
        ("c,5,2024-05-01T11:00:00Z\nc,1,2024-05-01T10:00:00Z\n", 5.0),
        ("c,5,2024-05-01T10:00:00Z\nc,1,2024-05-01T11:00:00Z\n", 1.0),
        ("c,5,2024-05-01T11:00:00Z\nc,1,2024-05-01T10:00:00\n", 1.0),
        ("c,5,yesterday\nc,1,today\n", 1.0),
    ],
)
def test_the_last_answer_is_kept_and_told(read, rows: str, kept: float) -> None:
    surveys = read(f"contact_id,csat,answered_at\n{rows}")
    assert surveys.answers["c"].csat == kept
    assert surveys.notes == ("1 contacts' answers came again; the last answer was kept",)


def test_columns_can_be_mapped_and_maps_for_transcripts_do_no_harm(read) -> None:
    surveys = read("ref;score\nc;3\n", id="ref", csat="Score", text="utterance", speaker="who")
    assert surveys.answers == {"c": Survey(csat=3.0)}


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
        read_surveys(tmp_path / "gone.csv", FIVE)


def test_answers_join_their_contact_and_nothing_else() -> None:
    surveys = Surveys({"a": Survey(csat=2.0, ces=6.0), "z": Survey(csat=1.0)})
    joined = apply(surveys, Transcript("a", (), csat=5.0, nps=9.0))
    assert (joined.csat, joined.nps, joined.ces) == (2.0, 9.0, 6.0)
    other = Transcript("b", (), csat=5.0)
    assert apply(surveys, other) is other


@pytest.mark.shared
def test_hostile_surveys(shared: Path) -> None:
    folder = shared / "formats" / "hostile"
    csat = read_surveys(folder / "17_csat_out_of_scale.csv", FIVE)
    assert sorted(csat.answers) == ["C-1", "C-13", "C-15"]
    assert len(csat.rejects) == 10
    nps = read_surveys(folder / "17_nps_out_of_scale.csv", None)
    assert {reject.contact_id for reject in nps.rejects} == {"C-2", "C-3", "C-5", "C-6"}
    with pytest.raises(UsageError):
        read_surveys(folder / "17_scale_mix.csv", None)
