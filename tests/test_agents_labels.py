"""Human labels in memory: each row that cannot be used says why, and loses no other."""

from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from cxsentiment.labels import LABELS, Card, labels_in, labels_of

GOOD = {
    "contact_id": "c1",
    "item": "a",
    "grader": "g",
    "value": "1",
    "purpose": "random",
    "inclusion_probability": "0.1",
}


def test_a_good_row_is_kept_as_it_is() -> None:
    found = labels_of([GOOD])
    assert found.rejects == ()
    assert found.table.to_pylist() == [{**GOOD, "value": 1.0, "inclusion_probability": 0.1}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"inclusion_probability": ""}, "missing_probability"),
        ({"inclusion_probability": None, "purpose": "targeted"}, "missing_probability"),
        ({"inclusion_probability": "nan"}, "missing_probability"),
        ({"inclusion_probability": "0"}, "bad_probability"),
        ({"inclusion_probability": "1.5"}, "bad_probability"),
        ({"value": "nan"}, "unknown_value"),
        ({"value": "5"}, "points_out_of_range"),
        ({"value": "perhaps"}, "unknown_value"),
        ({"value": ""}, "missing_value"),
        ({"purpose": "audit"}, "unknown_purpose"),
        ({"contact_id": " "}, "missing_contact"),
        ({"grader": ""}, "missing_grader"),
        ({"item": ""}, "missing_item"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_the_others_stay(change: dict[str, object], code: str) -> None:
    found = labels_of([{**GOOD, **change}, GOOD], "mine.csv")
    (reject,) = found.rejects
    assert (reject.code, reject.source, reject.record) == (code, "mine.csv", 1)
    assert found.table.num_rows == 1


def test_one_grader_counts_once_for_an_item_of_a_contact() -> None:
    found = labels_of([GOOD, GOOD, {**GOOD, "grader": "h", "purpose": "double", "value": "0"}])
    assert found.table.num_rows == 1, "two graders of one contact are no two contacts"
    assert found.purposes == {"random": 2, "double": 1}
    assert found.notes == (
        "1 label left out: older verdicts, or repeated ones, of a grader on the same item of a contact",
        "1 label of second graders left out: one stands for a contact's item",
    )
    assert [one.code for one in labels_of([GOOD, {**GOOD, "value": "0"}]).rejects] == ["conflict"]


def test_not_applicable_is_a_verdict_and_no_number() -> None:
    assert labels_of([{**GOOD, "value": "NA"}]).table["value"].to_pylist() == [None]


def test_coaching_goes_without_a_probability_and_never_calibrates() -> None:
    found = labels_of([{**GOOD, "purpose": "coaching", "inclusion_probability": ""}])
    assert (found.rejects, found.table.num_rows, found.purposes) == ((), 0, {"coaching": 1})
    assert found.notes == ("1 label left out: picked for coaching, so it is no sample of anything",)


def test_a_file_is_read_and_one_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\ufeff" + ",".join(LABELS.names) + "\n" + ",".join(GOOD.values()) + "\n", encoding="utf-8")
    assert labels_in(str(path)).table.num_rows == 1
    path.write_text("contact_id,item,grader,value,purpose\nc1,a,g,1,random\n", encoding="utf-8")
    assert [one.code for one in labels_in(str(path)).rejects] == ["missing_probability"]
    assert labels_in(str(path), weighted=False).table.num_rows == 1
    path.write_text("contact_id,grader,value,purpose\nc1,g,1,random\n", encoding="utf-8")
    with pytest.raises(UsageError, match="neither a column item nor columns of items"):
        labels_in(str(path))
    with pytest.raises(UsageError, match=r"none\.csv"):
        labels_in(str(tmp_path / "none.csv"))


def test_labels_of_another_scorecard_do_not_calibrate(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    head = ",".join([*LABELS.names, "rubric_name", "rubric_version"])
    rows = [
        ",".join([f"c{k}", *list(GOOD.values())[1:], *card])
        for k, card in enumerate((("s", "1"), ("t", "1"), ("", "")))
    ]
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    found = labels_in(str(path), Card("s", "1"))
    assert found.table["contact_id"].to_pylist() == ["c0", "c2"]
    assert found.notes == ("1 label left out: graded by another scorecard",)
    assert [found.record(place) for place in (0, 1)] == [2, 4]
