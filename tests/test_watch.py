"""`cxsentiment watch`: what lands is scored once and whole, whenever it is killed, stopped or in another's way."""

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import slow_run
from command_line import Command
from slow_run import Slow, contacts, kill, wait_for, write
from watched import AT_ONCE, CALL, ids_of, once, rejects_of, require_whole

from cxsentiment import libraries, lock, pipeline, runs
from cxsentiment.batches import INCOMING, Batches
from cxsentiment.erase import Whom, erase
from cxsentiment.errors import BusyError, RunError, UsageError
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.landing import Landing
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import find_rubric, read_rubric
from cxsentiment.verify import verify
from cxsentiment.watch import watch


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def slow(tmp_path: Path, toy_bundle: Path) -> Slow:
    return Slow(tmp_path / "program", toy_bundle, pause=0.1)


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxsentiment.shards.SHARD_CONTACTS", slow_run.PER_SHARD)


def _rows(out: Path, table: str) -> list[str]:
    return sorted(map(repr, runs.read_table(out, table).to_pylist()))


def _state(out: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]}


# What comes of files that land


def test_files_are_scored_as_they_land_into_one_run_as_if_scored_together(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write(folder / "monday.jsonl", contacts(10))
    (first,) = once(folder, out, settings)
    assert first["this_batch"]["scored"] == 10
    write(folder / "tuesday.jsonl", contacts(7, first=10))
    (folder / "call.txt").write_text(CALL)
    (second,) = once(folder, out, settings)
    assert second["this_batch"] == second["this_batch"] | {"files": 2, "scored": 8, "rejected": 0}
    assert second["contacts"] == {"in": 18, "scored": 18, "rejected": 0}
    assert (second["batches"], second["shards"]) == (2, 3 + 2)
    assert len(second["inputs"]) == 3
    together = run([str(folder)], tmp_path / "together", settings)
    for table in runs.TABLES:
        assert _rows(out, table) == _rows(tmp_path / "together", table)
    for name in ("contacts", "turns", "roles", "null_reasons", "masked", "warnings", "model", "rubric", "settings"):
        assert second[name] == together[name], name
    require_whole(out, settings.model)


def test_where_nothing_has_landed_nothing_is_written(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(folder / "monday.jsonl", contacts(5))
    once(folder, out, settings)
    before = _state(out)
    assert once(folder, out, settings) == []
    assert _state(out) == before
    (folder / "monday.jsonl").rename(tmp_path / "away.jsonl")
    assert once(folder, out, settings) == []
    assert _state(out) == before


def test_a_contact_is_scored_once_whatever_file_it_comes_in(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(6))
    once(folder, out, settings)
    write(folder / "b.jsonl", contacts(6, first=4))
    (receipt,) = once(folder, out, settings)
    assert sorted(ids_of(out)) == sorted(f"c{k}" for k in range(10))
    assert receipt["contacts"] == {"in": 12, "scored": 10, "rejected": 2}
    assert [one["contact_id"] for one in rejects_of(out)] == ["c4", "c5"]
    said = rejects_of(out)[0]["message"]
    assert f'contact "c4" is in the run already; the first is {folder / "a.jsonl"}:5. If it is another' in said
    require_whole(out, settings.model)


def test_a_file_that_changed_after_it_was_scored_is_refused_once(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(3))
    once(folder, out, settings)
    write(folder / "a.jsonl", contacts(5))
    write(folder / "b.jsonl", contacts(2, first=9))
    (receipt,) = once(folder, out, settings)
    assert receipt["contacts"] == {"in": 6, "scored": 5, "rejected": 1}
    (reject,) = rejects_of(out)
    assert (reject["code"], reject["source"]) == ("changed_file", str(folder / "a.jsonl"))
    assert "Land it under another name" in reject["message"]
    assert once(folder, out, settings) == []
    write(folder / "a.jsonl", contacts(8))
    (receipt,) = once(folder, out, settings)
    assert receipt["contacts"] == {"in": 7, "scored": 5, "rejected": 2}
    found = verify(out, settings.model)
    assert [one.what for one in found.differences] == ["this input has changed since it was scored"] * 2


def test_hostile_files_become_rejects_and_good_ones_are_scored(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    (folder / "cut.jsonl").write_text('{"id": "x", "turns": [{"spe')
    (folder / "odd [1]*.jsonl").write_text(json.dumps(contacts(1)[0]) + "\n")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (receipt,) = once(folder, out, settings)
    assert receipt["contacts"]["scored"] == 1
    assert receipt["this_batch"]["rejected"] == 2
    assert len(rejects_of(out)) == 2
    assert once(folder, out, settings) == []
    require_whole(out, settings.model)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_refused_and_read_when_it_may(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    source = write(folder / "a.jsonl", contacts(2))
    source.chmod(0)
    (receipt,) = once(folder, tmp_path / "run", settings)
    assert receipt["contacts"] == {"in": 1, "scored": 0, "rejected": 1}
    source.chmod(0o600)
    (receipt,) = once(folder, tmp_path / "run", settings)
    assert receipt["contacts"]["scored"] == 2


def test_erased_contacts_stay_away_and_an_erasure_in_between_counts(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(5))
    once(folder, out, settings)
    list(erase([out], Whom(contacts=("c2",))))
    write(folder / "b.jsonl", [*contacts(1, first=2), *contacts(2, first=7)])
    (receipt,) = once(folder, out, settings)
    assert sorted(ids_of(out)) == ["c0", "c1", "c3", "c4", "c7", "c8"]
    assert receipt["contacts"] == {"in": 8, "scored": 6, "rejected": 0, "erased": 2}
    require_whole(out, settings.model)
    list(erase([out], Whom(contacts=("c7", "c8"))))
    assert once(folder, out, settings) == [], "a file of which all contacts were erased holds nothing new"
    assert sorted(ids_of(out)) == ["c0", "c1", "c3", "c4"]


def test_a_file_named_after_who_was_erased_is_neither_scored_again_nor_named(
    folder: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    rows = [row | {"customer_id": f"cust-{k}"} for k, row in enumerate(contacts(2))]
    write(folder / "june_cust-0.jsonl", rows)
    once(folder, out, settings)
    list(erase([out], Whom(customers=("cust-0",))))
    assert once(folder, out, settings) == []
    assert ids_of(out) == ["c1"]
    assert [path.name for path in out.glob("*.json*") if "cust-0" in path.read_text()] == []


def test_another_run_is_not_mixed_with(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    source = write(folder / "a.jsonl", contacts(5))
    once(folder, out, settings)
    other = replace(settings, rubric=read_rubric(find_rubric("banking")))
    with pytest.raises(UsageError, match=r"holds another run: it differs in rubric\. Give --out another folder$"):
        once(folder, out, other)
    with pytest.raises(UsageError, match="holds another run: it differs in inputs"):
        run([str(source)], out, settings)
    with pytest.raises(UsageError, match="it differs in options of reading"):
        once(folder, out, replace(settings, options=ReadOptions(guess_roles=True)))
    run([str(source)], tmp_path / "scored", settings)
    with pytest.raises(UsageError, match="it differs in inputs"):
        once(folder, tmp_path / "scored", settings)
    with pytest.raises(UsageError, match="is no folder"):
        once(folder / "nowhere", out, settings)


def test_batches_of_two_versions_of_a_library_are_not_mixed(
    folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(5))
    once(folder, out, settings)
    watching = Batches(out, settings)
    monkeypatch.setattr(pipeline, "versions", lambda *given: libraries.versions(*given) | {"numpy": "1.0"})
    with pytest.raises(UsageError, match=r"numpy \S+ \(here 1\.0\)\. Give --out another folder; to go on") as told:
        once(folder, out, settings)
    assert "--overwrite" not in told.value.message, "watch has no such option"
    with pytest.raises(RunError, match=r"exchanged after the watch began: numpy \S+ \(here 1\.0\)"):
        watching.take([write(folder / "b.jsonl", contacts(5, first=5))])
    require_whole(out, settings.model)
    assert len(ids_of(out)) == 5


def test_a_run_inside_its_own_folder_is_no_input(folder: Path, settings: Settings) -> None:
    write(folder / "a.jsonl", contacts(5))
    (receipt,) = once(folder, folder / "run", settings)
    assert receipt["contacts"]["scored"] == 5
    assert once(folder, folder / "run", settings) == []


# When a file has landed


def test_a_file_is_read_when_it_has_stayed_the_same(folder: Path, tmp_path: Path) -> None:
    landing = Landing(folder, tmp_path / "run", settle_s=10)
    growing, empty = folder / "growing.jsonl", folder / "empty.jsonl"
    growing.write_text("1")
    empty.touch()
    for name in ("upload.jsonl.part", "UPLOAD.TMP", ".hidden", "edit~"):
        (folder / name).write_text("x")
    (folder / "link.jsonl").symlink_to(growing)
    assert landing.look(100.0) == ([], [empty, growing])
    assert landing.look(109.9) == ([], [empty, growing])
    growing.write_text("12")
    assert landing.look(110.1) == ([], [empty, growing]), "it grew: the time begins anew"
    os.utime(growing, ns=(0, 0))
    assert landing.look(119.0) == ([], [empty, growing]), "a date in the past is a change, nothing more"
    assert landing.look(129.0) == ([growing], [empty])
    empty.write_text("x")
    assert landing.look(130.0) == ([growing], [empty])
    assert landing.look(140.0) == ([empty, growing], [])
    growing.unlink()
    assert landing.look(141.0) == ([empty], [])
    growing.write_text("12")
    assert landing.look(142.0) == ([empty], [growing]), "it came anew"


# Processes


def test_a_process_scores_what_lands_and_a_signal_ends_it_cleanly(
    folder: Path, slow: Slow, tmp_path: Path, settings: Settings
) -> None:
    out = tmp_path / "run"
    process = slow.start("watch", folder, "--out", out, "--interval", 0.1, "--settle", 0.2, "--workers", 1)
    for day in range(3):
        write(folder / f"day-{day}.jsonl", contacts(5, first=5 * day))
        wait_for(lambda day=day: _scored(out) == 5 * (day + 1), process)
    os.kill(process.pid, signal.SIGTERM)
    said, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert f"watching {folder} every 0.1 s" in said
    assert said.count("1 file: 5 contacts scored, 0 records rejected") == 3
    assert sorted(ids_of(out)) == sorted(f"c{k}" for k in range(15))
    require_whole(out, settings.model)


def _scored(out: Path) -> int:
    receipt = runs.read_receipt(out) if out.exists() else None
    return receipt["contacts"]["scored"] if receipt and receipt["state"] == "complete" else 0


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--once",), 130)])
def test_a_signal_in_a_batch_writes_the_shard_under_way_and_the_rest_comes_later(
    folder: Path, slow: Slow, tmp_path: Path, settings: Settings, options: tuple[str, ...], code: int
) -> None:
    out = tmp_path / "run"
    slow.pause = 0.5
    write(folder / "a.jsonl", contacts(12))
    process = slow.start("watch", folder, "--out", out, "--settle", 0, "--workers", 1, *options)
    wait_for(lambda: slow.begun() == 2, process)
    os.kill(process.pid, signal.SIGTERM)
    errors = process.communicate(timeout=20)[1]
    assert process.returncode == code, errors
    assert "stopped in a batch" in errors
    assert slow_run.finished(out / INCOMING / "run") == [0, 1]
    (receipt,) = once(folder, out, replace(settings, price_per_core_hour=1.0))
    assert receipt["shards_reused"] == 2
    speed = [receipt[name] for name in ("turns_per_second", "contacts_per_second", "cost")]
    assert speed == [None, None, None], "the time of what the stopped process scored is not known"
    assert sorted(ids_of(out)) == sorted(f"c{k}" for k in range(12))
    require_whole(out, settings.model)


def test_a_run_that_is_busy_is_waited_for_but_not_by_cron(folder: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(3))
    held = ExitStack()
    held.enter_context(lock.alone(out, "cxsentiment erase"))()
    with pytest.raises(BusyError, match="at work here: cxsentiment erase"):
        once(folder, out, settings)
    notes: list[str] = []

    def told(text: str) -> None:
        notes.append(text)
        held.close()

    waiting = watch(folder, out, settings, AT_ONCE, on_note=told)
    assert next(waiting)["contacts"]["scored"] == 3
    waiting.close()
    assert ["cxsentiment erase" in note for note in notes] == [True]


class Killed(BaseException):
    pass


def test_wherever_it_is_broken_off_every_contact_is_there_once(
    folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch is broken off before each of its writes in turn, and then finished."""
    write(folder / "a.jsonl", contacts(6))
    once(folder, tmp_path / "base", settings)
    write(folder / "b.jsonl", [*contacts(5, first=6), {"id": "bad"}])
    (whole,) = once(folder, _copy(tmp_path / "base", tmp_path / "whole"), settings)
    expected = slow_run.files(tmp_path / "whole")
    real = runs.write_atomically
    for number in range(1, 200):
        out = _copy(tmp_path / "base", tmp_path / f"run-{number}")
        left = number

        def counted(path: Path, content: bytes | Iterable[bytes]) -> None:
            nonlocal left
            left -= 1
            if not left:
                path.parent.mkdir(parents=True, exist_ok=True)
                there = content if isinstance(content, bytes) else b"".join(content)
                path.with_name(f".{path.name}.1").write_bytes(there[: len(there) // 2])
                raise Killed
            real(path, content)

        with monkeypatch.context() as patched:
            patched.setattr(runs, "write_atomically", counted)
            try:
                once(folder, out, settings)
            except Killed:
                broken = True
            else:
                broken = False
        once(folder, out, settings)
        assert slow_run.files(out) == expected, number
        receipt = runs.require_complete(out)
        assert receipt["contacts"] == whole["contacts"]
        assert receipt["batches"] == 2
        if not broken:
            break
    else:
        raise AssertionError("it never came to an end")
    assert number > 15, "there are that many writes at least"


def _copy(run_folder: Path, target: Path) -> Path:
    shutil.copytree(run_folder, target)
    return target


@pytest.mark.parametrize("harm", ["removed", "flipped bit"])
def test_a_batch_that_was_harmed_while_it_was_taken_in_is_scored_anew(
    folder: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", contacts(6))
    once(folder, out, settings)
    once(folder, _copy(out, tmp_path / "whole"), settings)
    write(folder / "b.jsonl", contacts(6, first=6))
    once(folder, tmp_path / "whole", settings)
    with monkeypatch.context() as patched:
        patched.setattr(Batches, "_joined", _killed)
        with pytest.raises(Killed):
            once(folder, out, settings)
    with pytest.raises(RunError, match="a batch is being taken into this run"):
        verify(out, settings.model)
    if harm == "removed":
        shutil.rmtree(out / INCOMING)
    else:
        part = out / INCOMING / "run" / "turns" / "part-00001.parquet"
        content = bytearray(part.read_bytes())
        content[len(content) // 3] ^= 1
        part.write_bytes(content)
    once(folder, out, settings)
    assert slow_run.files(out) == slow_run.files(tmp_path / "whole")
    require_whole(out, settings.model)


def test_who_is_erased_while_a_batch_waits_is_not_in_it(
    folder: Path, slow: Slow, tmp_path: Path, settings: Settings
) -> None:
    out = tmp_path / "run"
    write(folder / "a.jsonl", [row | {"customer_id": f"cust-{k % 3}"} for k, row in enumerate(contacts(6))])
    once(folder, out, settings)
    write(folder / "b.jsonl", [row | {"customer_id": f"cust-{k % 3}"} for k, row in enumerate(contacts(12, first=6))])
    process = slow.start("watch", folder, "--out", out, "--settle", 0, "--workers", 1, "--once")
    wait_for(lambda: slow_run.finished(out / INCOMING / "run"), process)
    kill(process)
    list(erase([out], Whom(customers=("cust-1",))))
    once(folder, out, settings)
    table = runs.read_table(out, "contacts", ["customer_id"])["customer_id"].to_pylist()
    assert sorted(table) == ["cust-0"] * 6 + ["cust-2"] * 6
    require_whole(out, settings.model)


def _killed(*args: object) -> None:
    raise Killed


def test_killed_again_and_again_at_random_it_loses_and_doubles_nothing(
    folder: Path, slow: Slow, tmp_path: Path, settings: Settings
) -> None:
    out = tmp_path / "run"
    chance = random.Random(5)
    slow.pause = 0.02
    for round_ in range(6):
        write(folder / f"{round_}.jsonl", contacts(20, first=20 * round_))
        process = slow.start("watch", folder, "--out", out, "--interval", 0.1, "--settle", 0, "--workers", 1)
        wait_for(lambda: slow.begun(), process)
        time.sleep(chance.uniform(0, 0.4))
        kill(process)
    once(folder, out, settings)
    assert sorted(ids_of(out)) == sorted(f"c{k}" for k in range(120))
    require_whole(out, settings.model)


def test_the_command_for_cron(folder: Path, tmp_path: Path, toy_bundle: Path, command: Command) -> None:
    def watched(*arguments: object) -> tuple[int, str]:
        options = ["--out", tmp_path / "run", "--once", "--settle", 0, "--model", toy_bundle, *arguments]
        code, said, _ = command("watch", folder, *options)
        return code, said

    write(folder / "a.jsonl", contacts(4))
    code, said = watched("--price-per-core-hour", 0.05)
    assert code == 0
    assert "1 file: 4 contacts scored" in said
    assert "per 1,000 contacts" in said
    assert watched() == (0, "")
    (folder / "b.jsonl").write_text("{\n")
    code, said = watched("--json")
    assert code == 3
    assert json.loads(said)["contacts"] == {"in": 5, "scored": 4, "rejected": 1}
