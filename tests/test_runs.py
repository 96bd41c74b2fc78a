import json
import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cxsentiment import runs
from cxsentiment.errors import RunError
from cxsentiment.schema import ACTS, Reject

NOTE = runs.ShardNote("key", 1, 2, 1, 1, 0, {}, {"CARD": 1}, {"odd": 1}, {"label": 1})


def _rows(contact_id: str = "c1", text: str = "hello") -> dict[str, dict[str, list[Any]]]:
    rows: dict[str, dict[str, list[Any]]] = {
        name: {column: [None] for column in schema.names} for name, schema in runs.SCHEMAS.items()
    }
    for table in rows.values():
        table["contact_id"] = [contact_id]
    rows["turns"] |= {"turn": [0], "speaker": ["agent"], "text": [text], "p_greet": [0.9]}
    return rows


def test_the_columns_are_the_contract() -> None:
    contract = (
        "contact_id source record agent_id customer_id campaign channel queue started_at duration_s turns agent_turns "
        "customer_turns score coverage null_reason p_critical_customer p_critical_business p_critical_compliance "
        "sentiment_mean sentiment_start sentiment_end sentiment_min sentiment_slope sentiment_recovery"
    ).split()
    assert runs.CONTACTS.names[: len(contract)] == contract
    answers = runs.CONTACTS.names.index("csat")
    assert runs.CONTACTS.names[answers : answers + 5] == ["csat", "nps", "ces", "role_source", "role_p"]
    logged = ["wait_s", "hold_s", "wrap_up_s", "handle_s", "transferred", "abandoned", "resolved", "shift", "site"]
    told = ["score_uncapped", "score_effect", "score_expected", "refused_turns"]
    assert runs.CONTACTS.names[answers + 5 :] == [*logged, *told]
    turns = ["contact_id", "turn", "speaker", "text", "start_s", "end_s", "p_negative", "p_neutral", "p_positive"]
    assert runs.TURNS.names == [*turns, *(f"p_{act}" for act in ACTS), "agent_id", "act_spans"]
    assert (
        runs.ITEMS.names
        == (
            "contact_id item section verdict p_met points weight critical "
            "evidence_turn evidence_start evidence_end evidence_quote reason more_evidence"
        ).split()
    )


def test_no_column_speaks_of_an_agents_mood() -> None:
    words = ("mood", "emotion", "anger", "feeling", "agent_sentiment")
    assert not [name for s in runs.SCHEMAS.values() for name in s.names if any(word in name for word in words)]


def test_a_column_that_an_earlier_version_did_not_write_is_null(tmp_path: Path) -> None:
    runs.write_shard(tmp_path, 0, _rows(), NOTE)
    path = runs.shard_path(tmp_path, "contacts", 0)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["wait_s", "abandoned"]), path)
    row = runs.read_table(tmp_path, "contacts").to_pylist()[0]
    assert (row["wait_s"], row["abandoned"]) == (None, None)
    assert row["contact_id"] == table.to_pylist()[0]["contact_id"]


def test_a_shard_comes_back_as_written(tmp_path: Path) -> None:
    hashes = runs.write_shard(tmp_path, 3, _rows(), NOTE)
    assert set(hashes) == {f"{table}/part-00003.parquet" for table in ("contacts", "turns", "items")}
    assert runs.read_shard_note(tmp_path, 3, "key") == (NOTE, hashes)
    assert runs.read_table(tmp_path, "turns", ["text", "p_greet"]).to_pylist() == [
        {"text": "hello", "p_greet": pytest.approx(0.9)}
    ]
    assert [path.name for path in (tmp_path / "contacts").iterdir()] == ["part-00003.parquet"]


def test_the_same_shard_has_the_same_bytes(tmp_path: Path) -> None:
    assert runs.write_shard(tmp_path / "a", 0, _rows(), NOTE) == runs.write_shard(tmp_path / "b", 0, _rows(), NOTE)


@pytest.mark.parametrize("table", runs.TABLES)
def test_a_damaged_or_missing_file_means_the_shard_is_not_done(tmp_path: Path, table: str) -> None:
    runs.write_shard(tmp_path, 0, _rows(), NOTE)
    path = runs.shard_path(tmp_path, table, 0)
    path.write_bytes(path.read_bytes()[:-20])
    assert runs.read_shard_note(tmp_path, 0, "key") is None
    path.unlink()
    assert runs.read_shard_note(tmp_path, 0, "key") is None


def test_a_shard_of_another_key_is_not_done(tmp_path: Path) -> None:
    runs.write_shard(tmp_path, 0, _rows(), NOTE)
    assert runs.read_shard_note(tmp_path, 0, "other") is None


def test_tables_of_no_shards_are_empty_with_their_columns(tmp_path: Path) -> None:
    assert runs.read_table(tmp_path, "items").schema == runs.ITEMS
    assert runs.read_table(tmp_path, "contacts", ["score"]).num_rows == 0


def test_left_over_shards_are_removed(tmp_path: Path) -> None:
    for number in range(3):
        runs.write_shard(tmp_path, number, _rows(str(number)), NOTE)
    runs.remove_shards_from(tmp_path, 1)
    assert runs.read_table(tmp_path, "contacts", ["contact_id"]).to_pylist() == [{"contact_id": "0"}]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(RunError, match="is no file, and is not replaced"):
            runs.write_atomically(path, b"x")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_rejects_are_lines_of_json(tmp_path: Path) -> None:
    runs.write_rejects(tmp_path, [Reject("f.jsonl", 2, None, "bad_json", "línea")])
    line = json.loads((tmp_path / "rejects.jsonl").read_text(encoding="utf-8"))
    fields = {"source": "f.jsonl", "record": 2, "contact_id": None, "code": "bad_json", "message": "línea"}
    assert line == {**fields, "kind": "record"}
    runs.write_rejects(tmp_path, [])
    assert (tmp_path / "rejects.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no run folder"),
        ("{", "not valid JSON"),
        ("[]", "is not a receipt"),
        ("[" * 200_000, "not valid JSON"),
        ('{"state": "complete", "files": []}', "is not a receipt as this version writes it: files is a list, not an"),
        ('{"state": "complete", "inputs": "x"}', "inputs is 'x', not a list"),
        ('{"state": "complete", "inputs": ["x"]}', r"inputs\[0\] is 'x', not an object"),
        ('{"state": "complete", "device": "cpu"}', "device is 'cpu', not an object"),
        ('{"state": "complete", "turns": {"in": "3"}}', r"turns\.in is '3', not a count"),
        ('{"state": "complete", "files": {"../x": "0"}}', r"files names '\.\./x', which is no file of the run folder"),
        ('{"state": "complete", "files": {"/x": "0"}}', "files names '/x'"),
        ('{"state": "complete", "rubric": {"content": {"sections": [3]}}}', r"rubric\.content\.sections\[0\] is 3"),
        ('{"state": "incomplete"}', "was interrupted.*Run the same cxsentiment score command again"),
    ],
)
def test_a_folder_that_is_no_finished_run(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=message):
        runs.require_complete(tmp_path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.write_atomically(tmp_path / "x", b"old")

    def broken(fd: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(RunError, match="cannot be written: disk full"):
        runs.write_atomically(tmp_path / "x", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old")]


def test_a_receipt_that_lacks_a_part_says_so(tmp_path: Path) -> None:
    (tmp_path / runs.RECEIPT).write_text('{"state": "complete", "turns": {"in": 3}}')
    receipt = runs.require_complete(tmp_path)
    assert receipt["turns"] == {"in": 3}
    assert receipt.get("settings") is None
    with pytest.raises(RunError, match=r"run\.json: 'settings' is missing: the receipt was edited"):
        receipt["settings"]
    with pytest.raises(RunError, match=r"run\.json: 'without_text' is missing"):
        receipt["turns"]["without_text"]


def _finished(run: Path, contacts: int = 2) -> None:
    """A run of one contact a shard, whose receipt says what was written."""
    files = [runs.write_shard(run, number, _rows(f"c{number}"), NOTE) for number in range(contacts)]
    hashes = {name: digest for one in files for name, digest in one.items()}
    runs.write_receipt(run, {"state": "complete", "files": hashes})


def test_exactly_the_parts_that_the_receipt_names_are_read(tmp_path: Path) -> None:
    _finished(tmp_path)
    for name in ("part-00001 (1).parquet", "part-1.parquet", "part-00002.parquet"):
        shutil.copy(runs.shard_path(tmp_path, "contacts", 1), tmp_path / "contacts" / name)
    shutil.copytree(tmp_path / "contacts", tmp_path / "log")
    ids = runs.read_table(tmp_path, "contacts", ["contact_id"])["contact_id"].to_pylist()
    assert ids == ["c0", "c1"]
    assert runs.numbers_of(tmp_path) == [0, 1]
    assert not runs.has_table(tmp_path, "log")
    runs.shard_path(tmp_path, "turns", 1).unlink()
    with pytest.raises(RunError, match=r"part-00001\.parquet: is missing \(1 of the 2 parts of turns are\)"):
        runs.read_table(tmp_path, "turns")


def test_of_a_run_that_is_being_written_the_parts_that_lie_there_are_read_in_the_order_of_their_numbers(
    tmp_path: Path,
) -> None:
    for number in (100_000, 99_999):
        runs.write_shard(tmp_path, number, _rows(str(number)), NOTE)
    shutil.copy(runs.shard_path(tmp_path, "contacts", 99_999), tmp_path / "contacts" / "part-99999 (1).parquet")
    rows = runs.read_table(tmp_path, "contacts", ["contact_id"]).to_pylist()
    assert [row["contact_id"] for row in rows] == ["99999", "100000"]
    runs.remove_shards_from(tmp_path, 100_000)
    assert runs.numbers_of(tmp_path) == [99_999]
