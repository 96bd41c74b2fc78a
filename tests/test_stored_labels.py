from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxsentiment.cli import app
from cxsentiment.errors import StoreError, UsageError
from cxsentiment.labels import labels_in

ROWS = """contact_id,item,grader,value,purpose,inclusion_probability
a,greeting,ann,met,random,0.1
a,greeting,bob,not_met,double,0.1
b,greeting,ann,not_applicable,random,0.1
c,greeting,ann,met,coaching,
d,greeting,ann,met,targeted,
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # refused rows are written beside
    (tmp_path / "labels.csv").write_text(ROWS)
    done = CliRunner().invoke(
        app, ["labels", "import", str(tmp_path / "labels.csv"), "--db", str(tmp_path / "labels.db")]
    )
    assert done.exit_code == 0, done.output
    return tmp_path / "labels.db"


def test_a_store_hands_over_what_may_calibrate(store: Path) -> None:
    found = labels_in(str(store))
    rows = found.table.to_pylist()
    assert [(row["contact_id"], row["value"]) for row in rows][1] == ("b", None)
    assert [row["contact_id"] for row in rows] == ["a", "b"]
    assert rows[0]["value"] in (0.0, 1.0)
    assert {row["inclusion_probability"] for row in rows} == {0.1}
    assert found.rejects == ()
    assert [note.partition(": ")[2].split(",")[0] for note in found.notes] == [
        "picked for coaching",
        "targeted",
        "one stands for a contact's item",
    ]


def test_the_same_labels_from_a_file(store: Path) -> None:
    found, stored = labels_in(str(store.with_name("labels.csv"))), labels_in(str(store))
    assert found.table.equals(stored.table)
    assert [(reject.code, reject.record) for reject in found.rejects] == [("missing_probability", 6)]
    assert found.purposes == {"random": 2, "double": 1, "coaching": 1}


def test_places_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.csv"):
        labels_in(str(tmp_path / "nothing.csv"))
    with pytest.raises((UsageError, StoreError)):
        labels_in("nonsense://nowhere/labels")
