"""Worker processes on systems that have other bounds than Linux, and where none can be started."""

import multiprocessing
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import slow_run

from cxsentiment import engines, shards, workers
from cxsentiment.errors import RunError
from cxsentiment.shards import ShardResult


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Contacts for more than one shard."""
    monkeypatch.setattr(shards, "SHARD_CONTACTS", 2)
    return slow_run.write(tmp_path / "contacts.jsonl", slow_run.contacts(6))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(30, "Read-only file system"), "Read-only file system"),  # /dev/shm
        (BlockingIOError(11, "Resource temporarily unavailable"), "Resource temporarily unavailable"),  # ulimit -u
        (ImportError("This platform lacks a functioning sem_open implementation"), "This platform lacks"),
    ],
)
def test_where_no_worker_can_be_started_the_error_says_so_and_what_to_do(
    source: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, why: str
) -> None:
    def refuse(self: engines.LocalEngine) -> Any:
        raise error

    monkeypatch.setattr(engines.LocalEngine, "_started", refuse)
    with pytest.raises(RunError, match=rf"--workers: worker processes cannot be started here: {why}.+ Add --workers 1"):
        slow_run.finish(source, tmp_path / "run", toy_bundle, workers=2)
    assert slow_run.finish(source, tmp_path / "run", toy_bundle, workers=1)["contacts"]["scored"] == 6


def test_windows_waits_for_61_processes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("spawn")
    monkeypatch.setattr(multiprocessing, "get_context", lambda name: context)
    monkeypatch.setattr(engines, "ProcessPoolExecutor", lambda count, *rest, **more: count)
    engine = SimpleNamespace(workers=96, _of_scorer=())
    for platform, expected in (("linux", 96), ("win32", 61)):
        monkeypatch.setattr(sys, "platform", platform)
        assert engines.LocalEngine._started(engine) == expected  # type: ignore[arg-type, comparison-overlap]


def test_workers_tell_their_seconds_where_the_system_does_not_add_up_those_of_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On Windows `os.times` knows nothing of children; the cost of a run was that of its main process alone."""
    scorer: Any = SimpleNamespace(
        model=SimpleNamespace(sha256="m"),
        score_shard=lambda shard, out: ShardResult(0, None, {}, {}),  # type: ignore[arg-type]
    )
    monkeypatch.setattr(workers, "_worker", [workers._Worker(scorer)])
    seconds = iter([2.5, 4.0])
    monkeypatch.setattr(workers.time, "process_time", lambda: next(seconds))

    def score() -> float:
        return workers.score_in_worker(None, Path(), "m").core_seconds  # type: ignore[arg-type]

    assert score() == 0, "here the parent is told when they have ended"
    monkeypatch.setattr(sys, "platform", "win32")
    assert [score(), score()] == [2.5, 1.5], "loading the model counts too"
