"""`eval.kills` on a small run: it kills, compares, and sees what is wrong."""

import json
from pathlib import Path

import pytest
from slow_run import contacts, finish, write

from eval import kills


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find worker processes")
def test_a_run_that_is_killed_comes_out_as_one_that_is_not(toy_bundle: Path, tmp_path: Path) -> None:
    tally, run = kills.measure(300, 3, 1.5, 2, 3, toy_bundle, tmp_path)
    assert tally.kills.total() == 3
    assert tally.rounds >= 1
    assert tally.faults == 0
    assert len(tally.shards_standing_at_kills) == 3
    assert run["shards"] > 1


def test_what_is_lost_doubled_or_done_twice_is_counted(toy_bundle: Path, tmp_path: Path) -> None:
    source = write(tmp_path / "contacts.jsonl", contacts(12))
    out = tmp_path / "run"
    finish(source, out, toy_bundle)
    whole, stood, ids = kills.contents(out), kills.standing(out), {f"c{k}" for k in range(12)}
    good = kills.Tally()
    kills.check(out, whole, ids, stood, good)
    assert (good.faults, len(stood)) == (0, 9)
    (out / "contacts" / "part-00002.parquet").write_bytes((out / "contacts" / "part-00001.parquet").read_bytes())
    bad = kills.Tally()
    kills.check(out, whole, ids, stood, bad)
    assert (bad.lost, bad.doubled, bad.other_bytes) == (4, 4, 1)
    assert bad.differences > 0
    assert bad.finished_shards_written_again > 0


def test_the_input_is_the_demo_again_and_again_with_ids_of_its_own(tmp_path: Path) -> None:
    source = kills.repeated(1000, tmp_path / "contacts.jsonl")
    ids = [json.loads(line)["id"] for line in source.read_text(encoding="utf-8").splitlines()]
    assert len(set(ids)) == 1000


def test_the_committed_result_is_without_fault() -> None:
    found = json.loads(kills.RESULTS.read_text(encoding="utf-8"))
    assert found["kills_in_all"] == len(found["shards_standing_at_kills"]) >= 20
    for name in ("contacts_lost", "contacts_doubled", "files_with_other_bytes", "differences_found_by_verify"):
        assert found[name] == 0, name
    assert found["files_of_finished_shards_written_again"] == found["workers_that_outlived_their_run"] == 0
