import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from labelled import label

from cxsentiment.errors import StoreError, UsageError
from cxsentiment.reviews import database
from cxsentiment.reviews.assigning import Assignments, Draw
from cxsentiment.reviews.labels import labels_for_calibration, of_rubric, one_per_contact
from cxsentiment.reviews.store import Added, LabelStore
from cxsentiment.reviews.tables import metadata


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "labels.db")


def test_the_same_label_twice_changes_nothing(path):
    with LabelStore.open(path, create=True) as store:
        assert store.add([label(), label("c2")]) == Added(2, 0, 0, 0)
        assert store.add([label(), label("c2")]) == Added(0, 2, 0, 0)
        assert len(store.labels(history=True)) == 2


def test_the_file_it_comes_from_is_not_part_of_a_label(path):
    with LabelStore.open(path, create=True) as store:
        store.add([label(source="one.csv")])
        assert store.add([label(source="two.csv")]).known == 1


def test_a_new_verdict_replaces_and_keeps_the_old_one(path):
    old, new = label(points=1.0), label(points=0.0)
    with LabelStore.open(path, create=True) as store:
        store.add([old])
        assert store.add([new]) == Added(1, 0, 1, 0)
        assert store.labels() == [new]
        assert store.labels(history=True) == [old, new]
        assert store.superseded() == {old.digest: new.digest}
        assert store.add([old]) == Added(0, 1, 0, 0), "an old file read again must not undo the correction"
        assert store.labels() == [new]


def test_a_verdict_given_earlier_than_the_current_one_is_history_at_once(path):
    late = label(points=0.0, rated_at="2026-05-02T10:00:00+00:00")
    early = label(points=1.0, rated_at="2026-05-01T10:00:00+00:00")
    with LabelStore.open(path, create=True) as store:
        store.add([late])
        assert store.add([early]) == Added(1, 0, 0, 1)
        assert store.labels() == [late]


def test_corrections_within_one_import_chain(path):
    given = [label(points=points, rated_at=f"2026-05-0{k}T00:00:00+00:00") for k, points in enumerate((1, 0, 0.5), 1)]
    with LabelStore.open(path, create=True) as store:
        assert store.add(given) == Added(3, 0, 2, 0)
        assert store.labels() == [given[2]]
        assert len(store.superseded()) == 2


def test_verdicts_by_two_versions_of_a_scorecard_stand_beside_each_other(path):
    with LabelStore.open(path, create=True) as store:
        store.add([label(rubric_name="t", rubric_version=version) for version in ("1", "2")])
        assert len(store.labels()) == 2


def test_the_audit_log_says_who_did_what(path):
    with LabelStore.open(path, create=True) as store:
        store.add([label()], subject="may.csv", who="lea", rejected=3)
        migrated, imported = store.log()
    assert migrated["action"] == "migrated"
    assert migrated["details"] == {"versions": ["0001", "0002", "0003"]}
    assert (imported["who"], imported["action"], imported["subject"]) == ("lea", "imported", "may.csv")
    assert imported["details"] == {"new": 1, "known": 0, "replaced": 0, "late": 0, "rejected": 3}


def test_erasing_a_contact_leaves_nothing_of_it_in_the_files(path):
    with LabelStore.open(path, create=True) as store:
        store.add([label("gone-1", comment="unmistakable words", points=1.0), label("kept")])
        store.add([label("gone-1", comment="unmistakable words", points=0.0)])
        assert store.erase(["gone-1", "never-there"], reason="ticket 7", who="lea") == 2
        assert store.labels(history=True) == [label("kept")]
        assert store.log()[-1]["details"] == {"contacts": 2, "labels": 2}
    files = b"".join(file.read_bytes() for file in Path(path).parent.glob("labels.db*"))
    assert b"unmistakable" not in files
    assert b"gone-1" not in files
    assert b"kept" in files


def test_names_of_files_and_batches_lose_the_id_of_an_erased_contact(path):
    with LabelStore.open(path, create=True) as store:
        store.add([label("gone-1")], subject="may.csv, evals/gone-1.json, gone-12.json", who="lea")
        store.add([label("kept", source="gone-1_and_kept.csv:7"), label("c17")], subject="c17.csv")
        draw = Draw("run", "the case gone-1", "random", ["kept"], 1, ["lea"])
        Assignments(store).draw(draw, "lea")
        store.note("exported", "for gone-1.csv", {}, "lea")
        store.erase(["gone-1", "c17"], reason="ticket 7")
        names = {line["action"]: line["subject"] for line in store.log()}
        assert names["exported"] == "for [erased].csv"
        assert names["assigned"] == "the case [erased]"
        assert [line["subject"] for line in store.log() if line["action"] == "imported"] == [
            "may.csv, evals/[erased].json, gone-12.json",
            "c17.csv",  # too short to be told from other words
        ]
        assert [one.source for one in store.labels()] == ["[erased]_and_kept.csv:7"]
        assert store.add([label("kept", source="again.csv")]).known == 1
        assert Assignments(store).batches("run")[0].name == "the case [erased]"
    files = b"".join(file.read_bytes() for file in Path(path).parent.glob("labels.db*"))
    assert b"gone-1" not in files.replace(b"gone-12", b"")


def test_an_import_that_fails_leaves_nothing(path):
    with LabelStore.open(path, create=True) as store:
        with pytest.raises(StoreError, match="ck_labels_points"):
            store.add([label(), replace(label("c2"), points=7.0)])
        assert store.labels() == []
        assert [line["action"] for line in store.log()] == ["migrated"]


def test_sqlite_is_set_up_for_several_writers(path):
    with LabelStore.open(path, create=True) as store, store._engine.connect() as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "foreign_keys")]
        assert told == ["wal", 1]
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == database.BUSY_MS


def _write(path: str, writer: int) -> None:
    with LabelStore.open(path, create=True) as store:
        for k in range(20):
            store.add(
                [label(f"c{writer}-{k}"), label("same", grader=f"g{writer}"), label("shared", points=float(k % 2))]
            )


def test_two_writers_at_once_lose_nothing(path):
    """Both make the file, migrate it, write their own contacts, and the same verdict against each other."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, k)) for k in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with LabelStore.open(path) as store:
        current = store.labels()
        assert len([one for one in current if one.contact_id.startswith("c")]) == 40
        assert len([one for one in current if one.contact_id == "same"]) == 2
        assert len([one for one in current if one.contact_id == "shared"]) == 1
        assert sum(line["action"] == "imported" for line in store.log()) == 40
        assert sum(line["action"] == "migrated" for line in store.log()) == 1


def test_an_older_schema_is_brought_up_and_its_labels_stay(path):
    engine = database.open_engine(path)
    with database.writing(engine, path) as connection:
        database._upgrade(connection, "0001")
        old = {"digest": label().digest, "contact_id": "c1", "item": "greet", "grader": "anna", "verdict": "met"}
        old |= {"points": 1.0, "purpose": "random", "rated_at": "", "imported_at": ""}
        old |= dict.fromkeys(("rubric_name", "rubric_version", "rubric_sha256", "comment", "source"), "")
        table = sa.table("labels", *map(sa.column, old))
        connection.execute(sa.insert(table), old)
    engine.dispose()
    with LabelStore.open(path) as store:
        assert store.labels() == [label()]
        assert store.log()[0]["details"] == {"versions": ["0002", "0003"]}
        assert store.add([label()]).known == 1


def test_the_migrations_make_the_tables_that_the_code_knows(path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with LabelStore.open(path, create=True) as store, store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_newer_schema_is_refused_and_left_alone(path):
    LabelStore.open(path, create=True).close()
    with sqlite3.connect(path) as file:
        file.execute("UPDATE alembic_version SET version_num = '0099'")
    file.close()
    with pytest.raises(StoreError, match=r"newer cxsentiment \(schema 0099.*Update cxsentiment"):
        LabelStore.open(path)


def test_what_is_no_store_is_refused(path, tmp_path):
    with pytest.raises(StoreError, match="there is no store of labels here"):
        LabelStore.open(path)
    Path(path).write_text("contact_id,item\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        LabelStore.open(path)
    with pytest.raises(StoreError, match=r"cannot be opened: unable to open database file\. Name a file"):
        LabelStore.open(str(tmp_path / "no" / "folder.db"), create=True)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE labels (x)")
    file.close()
    with pytest.raises(StoreError, match="table 'labels' that cxsentiment did not make"):
        LabelStore.open(str(other))
    browser = tmp_path / "browser.db"
    with sqlite3.connect(browser) as file:
        file.execute("CREATE TABLE cookies (x)")
    file.close()
    before = browser.read_bytes()
    with pytest.raises(StoreError, match="table 'cookies' that cxsentiment did not make"):
        LabelStore.open(str(browser), create=True)
    assert browser.read_bytes() == before


def test_other_urls_are_refused_without_their_password():
    with pytest.raises(UsageError, match="mysql") as told:
        LabelStore.open("mysql://anna:secret@host/db")
    assert "secret" not in str(told.value)
    assert database.shown_database("postgresql+psycopg://anna:secret@host/db?x=1") == "postgresql+psycopg://host/db"


def test_postgresql_does_the_same(postgres):
    old, new = label(points=1.0, comment="Grüße"), label(points=0.0)
    with LabelStore.open(postgres, create=True) as store:
        assert store.add([old, label("c2", inclusion_probability=0.25)]) == Added(2, 0, 0, 0)
        assert store.add([new]) == Added(1, 0, 1, 0)
        assert store.add([old, new]) == Added(0, 2, 0, 0)
        assert store.labels() == [new, label("c2", inclusion_probability=0.25)]
        assert store.superseded() == {old.digest: new.digest}
        assert [line["action"] for line in store.log()] == ["migrated", *["imported"] * 3]
        with pytest.raises(StoreError, match="ck_labels_points"):
            store.add([replace(label(), points=7.0)])
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(postgres, k)) for k in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with LabelStore.open(postgres.replace("postgresql+psycopg", "postgresql")) as store:
        assert len([one for one in store.labels() if one.contact_id.startswith("c0-")]) == 20


def test_only_random_double_and_weighted_labels_calibrate():
    given = [
        label("a"),
        label("b", purpose="double"),
        label("c", purpose="coaching"),
        label("d", purpose="targeted"),
        label("e", purpose="targeted", inclusion_probability=0.5),
    ]
    found = labels_for_calibration(given)
    assert [one.contact_id for one in found.labels] == ["a", "b"]
    assert not found.weighted
    assert found.left_out == {"coaching": 1, "targeted_without_probability": 1, "targeted_beside_unweighted": 1}


def test_labels_with_probabilities_are_weighted_together():
    given = [
        label("a", inclusion_probability=0.1),
        label("b"),
        label("e", purpose="targeted", inclusion_probability=0.5),
    ]
    found = labels_for_calibration(given)
    assert [(one.contact_id, found.weight(one)) for one in found.labels] == [("a", 10.0), ("e", 2.0)]
    assert found.left_out == {"unweighted_beside_weighted": 1}
    alone = labels_for_calibration(given[2:])
    assert alone.weighted
    assert alone.weight(alone.labels[0]) == 2.0


@pytest.mark.parametrize("p", [0.0, -0.1, 1.5, float("nan")])
def test_a_probability_outside_its_range_never_calibrates(p):
    found = labels_for_calibration([label(inclusion_probability=p)])
    assert found.labels == ()
    assert found.left_out == {"bad_probability": 1}


def test_a_runs_labels_are_those_of_its_scorecard():
    named = {"rubric_name": "t"}
    given = [
        label("a", rubric_name="other"),
        label("b", rubric_version="0", **named),
        label("c", points=0.0, rated_at="2026-05-01T00:00:00+00:00"),
        label("c", rubric_version="1", rated_at="2026-05-02T00:00:00+00:00", **named),
    ]
    kept, left = of_rubric(given, "t", "1")
    assert kept == [given[3]]
    assert left == {"older_verdict": 1, "other_rubric": 1, "other_version": 1}


def test_one_label_of_a_contact_stands_for_it_and_no_grader_is_preferred():
    given = [
        label(f"c{k}", grader=name, points=points) for k in range(400) for name, points in (("a", 1.0), ("b", 0.0))
    ]
    picked = one_per_contact(given)
    assert picked == one_per_contact(reversed(given))
    assert len(picked) == 400
    assert 150 < sum(one.grader == "a" for one in picked) < 250
    known = one_per_contact([label(grader="a", points=None), label(grader="b"), label("c2", points=None)])
    assert [(one.contact_id, one.points) for one in known] == [("c1", 1.0), ("c2", None)]
