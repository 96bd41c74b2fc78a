"""Human labels in memory: each row that cannot be used says why, and loses no other."""

from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from cxsentiment.labels import LABELS, labels_of, read_labels

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
        ({"inclusion_probability": ""}, "no_inclusion_probability"),
        ({"inclusion_probability": None, "purpose": "targeted"}, "no_inclusion_probability"),
        ({"inclusion_probability": "nan"}, "bad_inclusion_probability"),
        ({"inclusion_probability": "0"}, "bad_inclusion_probability"),
        ({"inclusion_probability": "1.5"}, "bad_inclusion_probability"),
        ({"value": "nan"}, "value_out_of_scale"),
        ({"value": "5"}, "value_out_of_scale"),
        ({"value": "yes"}, "value_out_of_scale"),
        ({"value": ""}, "no_value"),
        ({"purpose": "audit"}, "unknown_purpose"),
        ({"contact_id": " "}, "no_contact_id"),
        ({"grader": ""}, "no_grader"),
        ({"item": ""}, "no_item"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_the_others_stay(change: dict[str, object], code: str) -> None:
    found = labels_of([{**GOOD, **change}, GOOD], "mine.csv")
    (reject,) = found.rejects
    assert (reject.code, reject.source, reject.record) == (code, "mine.csv", 1)
    assert found.table.num_rows == 1


def test_one_grader_counts_once_for_an_item_of_a_contact() -> None:
    found = labels_of([GOOD, {**GOOD, "value": "0"}, {**GOOD, "grader": "h", "purpose": "double"}])
    assert [reject.code for reject in found.rejects] == ["duplicate_label"]
    assert found.purposes == {"random": 1, "double": 1}


def test_not_applicable_is_a_verdict_and_no_number() -> None:
    assert labels_of([{**GOOD, "value": "NA"}]).table["value"].to_pylist() == [None]


def test_coaching_goes_without_a_probability() -> None:
    found = labels_of([{**GOOD, "purpose": "coaching", "inclusion_probability": ""}])
    assert found.rejects == ()


def test_a_file_is_read_and_one_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("\ufeff" + ",".join(LABELS.names) + "\n" + ",".join(GOOD.values()) + "\n", encoding="utf-8")
    assert read_labels(path).table.num_rows == 1
    path.write_text("contact_id,item,grader,value,purpose\nc1,a,g,1,random\n", encoding="utf-8")
    with pytest.raises(UsageError, match="lacks the column inclusion_probability"):
        read_labels(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_labels(tmp_path / "none.csv")
