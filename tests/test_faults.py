"""Faults that really happen to a run: processes killed, disks full, bits flipped; each time it is finished exactly."""

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import slow_run
from slow_run import Slow, alive, contacts, files, finish, finished, kill, wait_for, workers_of

from cxsentiment import lock, pipeline, runs
from cxsentiment.errors import RunError
from cxsentiment.ingest.options import ReadOptions

CONTACTS = 40  # ten shards: where one of two workers starts late, the other is in the third while four more wait
SHARDS = CONTACTS // slow_run.PER_SHARD
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find worker processes")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return slow_run.write(tmp_path / "contacts.jsonl", contacts(CONTACTS))


@pytest.fixture
def slow(tmp_path: Path, toy_bundle: Path) -> Slow:
    return Slow(tmp_path / "program", toy_bundle)


@pytest.fixture
def whole(source: Path, tmp_path: Path, toy_bundle: Path) -> dict[str, bytes]:
    """The files of a run that nothing happened to."""
    finish(source, tmp_path / "whole", toy_bundle)
    return files(tmp_path / "whole")


def test_a_second_run_into_the_folder_is_turned_away_until_the_first_ends(
    source: Path, slow: Slow, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "run"
    slow.pause = 300  # it is killed long before; on a busy machine the second takes long to start
    first = slow.start("score", source, "--out", out, "--workers", 1)
    wait_for(lambda: slow.begun(), first)
    with pytest.raises(RunError, match=rf"at work here: cxsentiment score, process {first.pid}, since 2\d{{3}}-"):
        finish(source, out, slow.model)
    second = slow.start("score", source, "--out", out)
    assert "another process is at work here" in second.communicate()[1]
    assert second.returncode == 1
    kill(first)
    assert (out / lock.NOTE).exists(), "a killed process leaves its note"
    receipt = finish(source, out, slow.model)
    assert receipt["contacts"]["scored"] == CONTACTS
    assert files(out) == whole


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_its_processes_lets_the_shards_under_way_be_finished(
    source: Path, slow: Slow, tmp_path: Path, whole: dict[str, bytes], workers: int, number: signal.Signals
) -> None:
    out = tmp_path / "run"
    process = slow.start("score", source, "--out", out, "--workers", workers)
    wait_for(lambda: slow.begun() > workers, process)
    os.killpg(process.pid, number)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "stopping when the parts under way are written" in said
    assert "interrupted: run the same command again" in said
    done = finished(out)
    assert workers < len(done) < SHARDS
    assert len(done) == slow.begun(), "every shard that was begun is written"
    assert json.loads((out / "run.json").read_text())["state"] == "incomplete"
    receipt = finish(source, out, slow.model)
    assert receipt["shards_reused"] == len(done)
    assert receipt["redone"] == []
    assert files(out) == whole


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_stops_at_once(
    source: Path, slow: Slow, tmp_path: Path, whole: dict[str, bytes], workers: int
) -> None:
    out = tmp_path / "run"
    slow.pause = 300
    process = slow.start("score", source, "--out", out, "--workers", workers)
    wait_for(lambda: slow.begun() == workers, process)
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr is not None
    assert "stopping" in process.stderr.readline()
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert finished(out) == []
    finish(source, out, slow.model)
    assert files(out) == whole


@needs_proc
def test_the_death_of_a_worker_is_told_and_what_is_done_stays(
    source: Path, slow: Slow, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "run"
    process = slow.start("score", source, "--out", out, "--workers", 2)
    wait_for(lambda: slow.begun() > 2, process)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "a worker process ended before its time" in said
    assert "Traceback" not in said
    done = len(finished(out))
    assert 0 < done < SHARDS
    assert finish(source, out, slow.model)["shards_reused"] == done
    assert files(out) == whole


@needs_proc
def test_workers_do_not_outlive_a_killed_run(source: Path, slow: Slow, tmp_path: Path, whole: dict[str, bytes]) -> None:
    out = tmp_path / "run"
    process = slow.start("score", source, "--out", out, "--workers", 2)
    wait_for(lambda: slow.begun() > 2, process)
    workers = workers_of(process)
    assert len(workers) == 2
    kill(process)
    wait_for(lambda: not any(map(alive, workers)), seconds=10)
    before = len(finished(out))
    assert finish(source, out, slow.model)["shards_reused"] == before
    assert files(out) == whole


def test_a_kill_in_the_middle_of_a_write_leaves_nothing_behind(
    source: Path, slow: Slow, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "run"
    process = slow.start("score", source, "--out", out, "--workers", 1)
    wait_for(lambda: finished(out), process)
    kill(process)
    (out / "turns" / f".part-00003.parquet.{process.pid}").write_bytes(b"half a file")
    finish(source, out, slow.model)
    assert files(out) == whole


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 100 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)]
    try:
        done = subprocess.run(options, capture_output=True, check=False)
    except OSError:
        pytest.skip("needs the program mount")
    if done.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_told_and_the_run_goes_on_when_there_is_space(
    source: Path, slow: Slow, small_disk: Path, whole: dict[str, bytes], workers: int
) -> None:
    out = small_disk / "run"
    slow.pause = 0
    process = slow.start("score", source, "--out", out, "--workers", workers)
    said = process.communicate()[1]
    assert process.returncode == 1
    assert "cannot be written: No space left on device. Free space" in " ".join(said.split())
    assert "Traceback" not in said
    _remount(small_disk, "size=10m")
    done = len(finished(out))
    assert 0 < done < SHARDS
    assert finish(source, out, slow.model)["shards_reused"] == done
    assert files(out) == whole


def test_on_a_read_only_disk_a_finished_run_still_counts_and_no_other_can_be_made(
    source: Path, toy_bundle: Path, small_disk: Path
) -> None:
    _remount(small_disk, "size=10m")
    out = small_disk / "run"
    finish(source, out, toy_bundle)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]}
    _remount(small_disk, "ro")
    try:
        assert finish(source, out, toy_bundle)["already_scored"]
        assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]} == before
        for other in (small_disk / "other", out):
            with pytest.raises(RunError, match=r"cannot be written: Read-only file system"):
                finish(source, other, toy_bundle, options=ReadOptions(guess_roles=True), overwrite=True)
    finally:
        _remount(small_disk, "rw")


def test_an_unchanged_run_touches_nothing(source: Path, toy_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    finish(source, out, toy_bundle)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]}
    assert finish(source, out, toy_bundle)["already_scored"]
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]} == before


@pytest.mark.parametrize("state", ["interrupted", "finished"])
@pytest.mark.parametrize("table", runs.TABLES)
def test_a_flipped_bit_anywhere_in_a_shard_is_found_told_and_mended(
    source: Path, toy_bundle: Path, tmp_path: Path, whole: dict[str, bytes], table: str, state: str
) -> None:
    out = tmp_path / "run"
    finish(source, out, toy_bundle)
    chance = random.Random(f"{table} {state}")
    name = f"{table}/part-00002.parquet"
    size = len(whole[name])
    # Data pages come first, then the columns' statistics, then the note; the last bytes are the footer's own.
    for place in [*(chance.randrange(size) for _ in range(12)), 0, size - 1]:
        if state == "interrupted":
            receipt = json.loads((out / "run.json").read_text())
            (out / "run.json").write_text(json.dumps(receipt | {"state": "incomplete"}))
        content = bytearray(whole[name])
        content[place] ^= 1 << chance.randrange(8)
        (out / name).write_bytes(content)
        mended = finish(source, out, toy_bundle)
        assert mended["redone"] == [name], place
        assert mended["shards_reused"] == SHARDS - 1
        assert files(out) == whole


def test_a_clock_that_jumps_changes_no_duration_and_no_result(
    source: Path, toy_bundle: Path, tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jumping(datetime):
        days = 0

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            cls.days -= 400
            return datetime.now(tz) + timedelta(days=cls.days)

    monkeypatch.setattr(pipeline, "datetime", Jumping)
    monkeypatch.setattr("time.time", lambda: float(Jumping.now().timestamp()))
    receipt = finish(source, tmp_path / "run", toy_bundle)
    assert 0 < receipt["seconds"]["total"] < 300
    assert receipt["core_seconds"] > 0
    assert files(tmp_path / "run") == whole
