"""The cache on disk: it spares the model, changes no result, stays small, and no damage to it harms a run."""

import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest
import slow_run
from slow_run import Slow, contacts, files, finish, wait_for, workers_of
from typer.testing import CliRunner

from cxsentiment.cache import Cache
from cxsentiment.cli import app
from cxsentiment.errors import RunError
from cxsentiment.model import Model

A, B = np.array([1.5, -2.25], np.float32), np.array([0.1, 3.0], np.float32)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return slow_run.write(tmp_path / "contacts.jsonl", contacts(12))


def _file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_pieces_come_back_bit_by_bit_in_another_process_too(tmp_path: Path) -> None:
    Cache(tmp_path, "f" * 64, 2).keep({b"a": A, b"b": B})
    again = Cache(tmp_path, "f" * 64, 2)
    for piece, logits in ((b"a", A), (b"b", B)):
        found = again.find(piece)
        assert found is not None
        assert found.tobytes() == logits.tobytes()
    assert again.find(b"c") is None


def test_another_model_finds_nothing(tmp_path: Path) -> None:
    Cache(tmp_path, "f" * 64, 2).keep({b"a": A})
    assert Cache(tmp_path, "e" * 64, 2).find(b"a") is None
    assert Cache(tmp_path, "f" * 64, 3).find(b"a") is None, "logits of another shape"


def test_the_oldest_go_where_there_would_be_too_many(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "f" * 64, 2, max_rows=20)
    for number in range(50):
        cache.keep({b"%d" % number: A})
    kept = [number for number in range(50) if cache.find(b"%d" % number) is not None]
    assert kept == list(range(50 - len(kept), 50))
    assert 17 <= len(kept) <= 20


def test_no_text_stands_in_it(source: Path, toy_bundle: Path, tmp_path: Path) -> None:
    finish(source, tmp_path / "run", toy_bundle, cache=tmp_path / "cache")
    content = _file(tmp_path / "cache").read_bytes()
    assert b"terrible" not in content
    assert b"Anna" not in content


def test_a_second_run_needs_no_model_and_gives_the_same_bytes(
    source: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(source, tmp_path / "without", toy_bundle)
    finish(source, tmp_path / "first", toy_bundle, cache=tmp_path / "cache")

    def refuse(*args: object) -> None:
        raise AssertionError("the model was asked again")

    monkeypatch.setattr(Model, "logits", refuse)
    finish(source, tmp_path / "second", toy_bundle, cache=tmp_path / "cache")
    assert files(tmp_path / "second") == files(tmp_path / "first") == files(tmp_path / "without")


def test_the_environment_may_name_it_and_an_empty_name_is_none(
    source: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("", str(tmp_path / "cache")):
        monkeypatch.setenv("CXSENTIMENT_CACHE", name)
        out = tmp_path / f"run{len(name)}"
        done = CliRunner().invoke(app, ["score", str(source), "--out", str(out), "--model", str(toy_bundle)])
        assert done.exit_code == 0, done.output
        assert (tmp_path / "cache").exists() == bool(name)
    assert files(out) == files(tmp_path / "run0")


def test_a_flipped_bit_in_it_changes_no_result(source: Path, toy_bundle: Path, tmp_path: Path) -> None:
    finish(source, tmp_path / "without", toy_bundle)
    finish(source, tmp_path / "first", toy_bundle, cache=tmp_path / "cache")
    path = _file(tmp_path / "cache")
    with sqlite3.connect(path) as cache:
        rows = cache.execute("select place, logits from pieces").fetchall()
        for place, logits in rows:
            cache.execute("update pieces set logits = ? where place = ?", (bytes([logits[0] ^ 64]) + logits[1:], place))
    cache.close()
    assert rows
    finish(source, tmp_path / "second", toy_bundle, cache=tmp_path / "cache")
    assert files(tmp_path / "second") == files(tmp_path / "without")
    finish(source, tmp_path / "third", toy_bundle, cache=tmp_path / "cache")
    good = path.read_bytes()
    for place in range(100, len(good), max(len(good) // 25, 1)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
        out = tmp_path / f"run-{place}"
        try:
            finish(source, out, toy_bundle, cache=tmp_path / "cache")
        except RunError as error:
            assert "cannot be used as a cache" in error.message  # noqa: PT017
        else:
            assert files(out) == files(tmp_path / "without"), place


@pytest.mark.parametrize("cell", [None, 7, 1.5, "logits", b"short"])
def test_a_cell_of_another_kind_is_not_found_and_written_anew(tmp_path: Path, cell: object) -> None:
    cache = Cache(tmp_path, "f" * 64, 2)
    cache.keep({b"a": A})
    with sqlite3.connect(_file(tmp_path)) as other:
        other.execute("update pieces set logits = ?", (cell,))
    other.close()
    assert cache.find(b"a") is None
    cache.keep({b"a": A})
    found = cache.find(b"a")
    assert found is not None
    assert found.tobytes() == A.tobytes()


def test_a_schema_that_is_no_text_is_told_or_left_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "f" * 64, 2)
    cache.keep({b"a": A})
    cache.close()
    path = _file(tmp_path)
    good = path.read_bytes()
    assert b"pieces" in good
    for place in range(good.index(b"CREATE TABLE"), good.index(b"CREATE TABLE") + 110):
        path.write_bytes(good[:place] + b"\xff" + good[place + 1 :])
        try:
            damaged = Cache(tmp_path, "f" * 64, 2)
        except RunError as error:
            assert "cannot be used as a cache" in error.message  # noqa: PT017
            continue
        found = damaged.find(b"a")
        assert found is None or found.tobytes() == A.tobytes()
        damaged.keep({b"b": B})
        damaged.close()


def test_a_file_that_is_no_cache_is_refused(source: Path, toy_bundle: Path, tmp_path: Path) -> None:
    finish(source, tmp_path / "first", toy_bundle, cache=tmp_path / "cache")
    _file(tmp_path / "cache").write_bytes(b"something else entirely, for sure" * 100)
    with pytest.raises(RunError, match=r"cannot be used as a cache: .*Delete the file, or give --cache another folder"):
        finish(source, tmp_path / "second", toy_bundle, cache=tmp_path / "cache")


def test_a_full_disk_under_it_harms_no_run(source: Path, toy_bundle: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        (disk / "filler").write_bytes(bytes(4096))
        finish(source, tmp_path / "without", toy_bundle)
        try:
            finish(source, tmp_path / "run", toy_bundle, cache=disk / "cache")
        except RunError as error:
            assert "cannot be used as a cache" in error.message  # noqa: PT017
        else:
            assert files(tmp_path / "run") == files(tmp_path / "without")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find worker processes")
def test_processes_share_it_and_a_kill_leaves_it_sound(source: Path, toy_bundle: Path, tmp_path: Path) -> None:
    finish(source, tmp_path / "without", toy_bundle)
    slow = Slow(tmp_path / "program", toy_bundle, pause=0.2)
    out, cache = tmp_path / "run", tmp_path / "cache"
    process = slow.start("score", source, "--out", out, "--workers", 2, "--cache", cache)
    wait_for(lambda: slow_run.finished(out), process)
    assert workers_of(process)
    slow_run.kill(process)
    with sqlite3.connect(_file(cache)) as opened:
        assert opened.execute("pragma integrity_check").fetchone() == ("ok",)
        assert opened.execute("select count(*) from pieces").fetchone()[0] > 0
    opened.close()
    finish(source, out, toy_bundle, cache=cache)
    assert files(out) == files(tmp_path / "without")
