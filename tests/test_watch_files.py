"""Files of a watched folder that move, look alike, change or are damaged: none is lost or doubled in silence."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from slow_run import Slow, contacts, wait_for, write
from toy_bundle import write_toy_bundle
from watched import CALL, ids_of, once, rejects_of, require_whole

from cxsentiment import runs
from cxsentiment.batches import INCOMING, Batches
from cxsentiment.errors import RunError
from cxsentiment.pipeline import Settings
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.verify import verify
from cxsentiment.watch import Rhythm, watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_a_file_that_was_moved_is_told_once_and_not_scored_again(
    folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    (folder / "call.txt").write_text(CALL)
    once(folder, out, settings)
    monkeypatch.chdir(tmp_path)
    assert once(Path(folder.name), out, settings) == [], "the same file by another name of its folder"
    (folder / "done").mkdir()
    (folder / "call.txt").rename(folder / "done" / "call.txt")
    (receipt,) = once(folder, out, settings)
    assert receipt["contacts"] == {"in": 2, "scored": 1, "rejected": 0, "copies": 1}
    assert receipt["this_batch"] == receipt["this_batch"] | {"files": 1, "scored": 0, "rejected": 0}
    (line,) = rejects_of(out)
    assert (line["code"], line["source"]) == ("moved_file", str(folder / "done" / "call.txt"))
    assert once(folder, out, settings) == []
    require_whole(out, settings.model)


def test_calls_that_are_word_for_word_the_same_are_two_calls(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for name in ("call-1.txt", "call-2.txt"):
        (folder / name).write_text(CALL)
    once(folder, out, settings)
    (folder / "call-3.txt").write_text(CALL)
    once(folder, out, settings)
    assert sorted(ids_of(out)) == ["call-1", "call-2", "call-3"]
    assert rejects_of(out) == []
    (folder / "call-1.txt").rename(folder / "call-9.txt")
    once(folder, out, settings)
    assert [line["code"] for line in rejects_of(out)] == ["moved_file"], "one of three is gone, and one came"
    (folder / "call-4.txt").write_text(CALL)
    once(folder, out, settings)
    assert sorted(ids_of(out)) == ["call-1", "call-2", "call-3", "call-4"]
    require_whole(out, settings.model)


def test_what_a_changed_file_holds_is_scored_where_it_lands_under_another_name(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(2))
    once(folder, out, settings)
    write(folder / "a.jsonl", contacts(2, first=2))
    once(folder, out, settings)
    assert [line["code"] for line in rejects_of(out)] == ["changed_file"]
    (folder / "a.jsonl").rename(folder / "b.jsonl")  # as the line advises
    once(folder, out, settings)
    assert sorted(ids_of(out)) == ["c0", "c1", "c2", "c3"]
    require_whole(out, settings.model)


def test_names_that_are_shown_alike_are_two_files(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for number, letter in enumerate((b"\xfc", b"\xe4")):
        write(folder / os.fsdecode(b"m" + letter + b"ller.jsonl"), contacts(2, first=2 * number))
        (receipt,) = once(folder, out, settings)
        assert receipt["this_batch"]["scored"] == 2
    assert [entry["source"] for entry in receipt["inputs"]] == [f"{folder}/m?ller.jsonl"] * 2
    assert once(folder, out, settings) == []
    require_whole(out, settings.model)


def test_a_damaged_run_does_not_grow(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(3))
    once(folder, out, settings)
    part = out / "turns" / "part-00000.parquet"
    whole = part.read_bytes()
    part.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    write(folder / "b.jsonl", contacts(3, first=3))
    with pytest.raises(RunError, match=r"part-00000\.parquet: is missing, or was altered .* from a backup"):
        once(folder, out, settings)
    assert "have all inputs scored anew into another folder" in verify(out, settings.model).differences[0].do
    part.write_bytes(whole)
    once(folder, out, settings)
    assert len(ids_of(out)) == 6
    require_whole(out, settings.model)


def test_a_run_beside_whose_parts_a_copy_lies_does_not_grow(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(3))
    once(folder, out, settings)
    copy = out / "turns" / "part-00000 (1).parquet"
    copy.write_bytes((out / "turns" / "part-00000.parquet").read_bytes())
    write(folder / "b.jsonl", contacts(3, first=3))
    with pytest.raises(RunError, match=r"part-00000 \(1\)\.parquet: is no part of this run\. Move it elsewhere"):
        once(folder, out, settings)
    copy.unlink()
    once(folder, out, settings)
    require_whole(out, settings.model)


def test_a_model_that_is_exchanged_meanwhile_ends_the_watch(folder: Path, tmp_path: Path) -> None:
    model = write_toy_bundle(tmp_path / "model")
    settings = Settings(model, read_rubric(default_rubric()), workers=1)
    batches = Batches(tmp_path / "run", settings)
    batches.take([write(folder / "a.jsonl", contacts(3))])
    as_it_was = (model / "bundle.json").read_text()
    (model / "bundle.json").write_text(as_it_was.replace('"version": "0"', '"version": "1"'))
    second = write(folder / "b.jsonl", contacts(3, first=3))
    with pytest.raises(RunError, match="the model was exchanged after the watch began"):
        batches.take([second])
    (model / "bundle.json").write_text(as_it_was)
    batches.take([second])
    assert len(ids_of(tmp_path / "run")) == 6
    require_whole(tmp_path / "run", model)


def test_files_that_do_not_rest_are_looked_at_again(
    folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, moved, changed = (
        tmp_path / "run",
        write(folder / "a.jsonl", contacts(3)),
        write(folder / "b.jsonl", contacts(3, first=3)),
    )
    atomically, begin = runs.write_atomically, runs.write_receipt

    def move(path: Path, data: bytes) -> None:
        atomically(path, data)
        if path.name == "batch.json" and moved.exists():
            moved.rename(folder / "c.jsonl")

    def change(path: Path, receipt: dict[str, Any]) -> None:
        begin(path, receipt)
        if path.parent.name == INCOMING and len(changed.read_bytes().splitlines()) == 3:
            write(changed, contacts(4, first=3))

    monkeypatch.setattr(runs, "write_atomically", move)
    monkeypatch.setattr(runs, "write_receipt", change)
    notes: list[str] = []
    (receipt,) = watch(folder, out, settings, Rhythm(0.01, 0), once=True, on_note=notes.append)
    assert len(notes) == 2
    assert "a.jsonl: was moved away before it was read" in notes[0]
    assert "b.jsonl: was changed while it was scored" in notes[1]
    assert receipt["contacts"] == {"in": 7, "scored": 7, "rejected": 0}
    assert sorted(ids_of(out)) == [f"c{k}" for k in range(7)]
    require_whole(out, settings.model)


def test_a_signal_before_anything_was_scored_ends_one_look_with_130_and_a_service_with_0(
    folder: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    slow = Slow(tmp_path / "program", toy_bundle, pause=0)
    (folder / "cut.jsonl").write_text('{"id": "x", "turns": [{"spe')
    out = tmp_path / "run"
    process = slow.start("watch", folder, "--out", out, "--settle", 300, "--workers", 1, "--once")
    wait_for(lambda: _takes_signals(process.pid), process)
    os.kill(process.pid, signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert (process.returncode, out.exists()) == (130, False), errors
    process = slow.start("watch", folder, "--out", out, "--settle", 0, "--workers", 1)
    wait_for(lambda: (out / runs.REJECTS).exists() and not (out / INCOMING).exists(), process)
    os.kill(process.pid, signal.SIGTERM)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "1 record rejected" in said


def _takes_signals(pid: int) -> bool:
    """Whether a process handles SIGTERM itself, as its first look at the folder makes it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(status.split("SigCgt:")[1].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)
