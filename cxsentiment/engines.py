"""Where shards are scored: what an engine is, and the one of this machine, with a pool of processes."""

import sys
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children
from pathlib import Path
from typing import Any, Protocol

from cxsentiment.devices import Device
from cxsentiment.errors import RunError
from cxsentiment.model import Bundle
from cxsentiment.privacy import Masking
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.shards import Scorer, Shard, ShardResult
from cxsentiment.workers import score_in_worker, start_worker

_MOST_ON_WINDOWS = 61  # processes that one may wait for there


class Engine(Protocol):
    """Scores shards into a run folder, in any order. It starts nothing before the first shard."""

    @property
    def room(self) -> int:
        """How many shards may be under way before one is waited for; it may change while the engine works."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the receipt says of it."""

    def submit(self, shard: Shard, *, is_last: bool) -> "Future[ShardResult]":
        """Begin with a shard; `is_last`: none comes after it."""

    def told(self, error: Exception) -> RunError | None:
        """What an error of `submit`, or of what it gave, tells a person; None where it is no death of workers."""

    def close(self, *, at_once: bool) -> None:
        """Finish what is under way, leave the rest, and end; `at_once`: leave also what can be left of the former."""


@dataclass(slots=True)
class LocalEngine:
    """This process where that is enough, else a pool with a bounded queue.

    `read` is what `read_bundle` said of the model.
    """

    workers: int
    model: Path
    rubric: Rubric
    masking: Masking
    cache: Path | None
    device: Device
    read: tuple[Bundle, str]
    out: Path
    _scorer: Scorer | None = None
    _pool: ProcessPoolExecutor | None = None

    @property
    def room(self) -> int:
        """One more than there are workers, so that none waits for work."""
        return 0 if self._pool is None else self.workers + 1

    @property
    def facts(self) -> dict[str, Any]:
        """Its name."""
        return {"name": "local"}

    def submit(self, shard: Shard, *, is_last: bool) -> "Future[ShardResult]":
        """Score a shard here, or have it scored. Raises RunError where no worker can be started."""
        if self.workers > 1 and not (is_last and self._pool is None):
            try:
                self._pool = self._pool or self._started()
                return self._pool.submit(score_in_worker, shard, self.out, self.read[1])
            except (OSError, ImportError, NotImplementedError) as error:  # no /dev/shm, too many processes
                raise _not_started(error) from error
        self._scorer = self._scorer or Scorer(*self._of_scorer, self.read)
        done: Future[ShardResult] = Future()
        done.set_result(self._scorer.score_shard(shard, self.out))
        return done

    def told(self, error: Exception) -> RunError | None:
        """A worker that died takes the pool with it."""
        if not isinstance(error, BrokenProcessPool):
            return None
        return RunError(
            str(self.out),
            "a worker process ended before its time (killed, or out of memory)",
            do="Run the same command again: finished shards are kept. If memory is short, add --workers 1",
        )

    def close(self, *, at_once: bool) -> None:
        """End the workers when they have written what they have; at once, or when asked again, by killing them."""
        if self._pool is not None:
            if at_once:
                _kill_workers()
            try:
                self._pool.shutdown(cancel_futures=True)
            except KeyboardInterrupt:
                _kill_workers()
                raise
        if self._scorer is not None:
            self._scorer.memory.close()

    @property
    def _of_scorer(self) -> tuple[Path, Rubric, Masking, Path | None, Device]:
        """What a process needs to score shards (see Scorer)."""
        return self.model, self.rubric, self.masking, self.cache, self.device

    def _started(self) -> ProcessPoolExecutor:
        from multiprocessing import get_context

        # Spawned, not forked: a forked ONNX Runtime or Arrow thread pool may hang.
        return ProcessPoolExecutor(
            min(self.workers, _MOST_ON_WINDOWS) if sys.platform == "win32" else self.workers,
            get_context("spawn"),
            initializer=start_worker,
            initargs=self._of_scorer,
        )


def _not_started(error: Exception) -> RunError:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    do = "Add --workers 1, or see to it that this process may write to /dev/shm and start processes"
    return RunError("--workers", f"worker processes cannot be started here: {why}", do=do)


def _kill_workers() -> None:
    """End them whatever they do: what they had written stands, and what they had not is scored again."""
    for child in active_children():
        child.kill()
