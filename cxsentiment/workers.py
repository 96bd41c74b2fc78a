"""A process of the pool: it loads the model once, finishes the shard that it has, and never outlives its parent."""

import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType

from cxsentiment.devices import Device
from cxsentiment.errors import RunError
from cxsentiment.imports import leave_out
from cxsentiment.privacy import Masking
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.shards import Scorer, Shard, ShardResult
from cxsentiment.spending import counts_children

_KILLED = 1


class _Worker:
    """What a worker has: its scorer, whether it is at work, and whether it was asked to end."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.busy = False
        self.leaving = False
        self._told = 0.0

    def core_seconds(self) -> float:
        """What processors have worked for this process since it was last asked, or began."""
        total = time.process_time()
        since, self._told = total - self._told, total
        return since

    def leave(self, number: int, frame: FrameType | None) -> None:
        """End now, or when the shard under way is written."""
        self.leaving = True
        if not self.busy:
            os._exit(_KILLED)


_worker: list[_Worker] = []


def start_worker(model: Path, rubric: Rubric, masking: Masking, cache: Path | None, device: Device) -> None:
    """Make this process ready to score shards."""
    # Ctrl-C reaches the whole process group; the parent decides what happens to the shards in flight.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # spaCy imports torch where it is installed, and pyarrow pandas: seconds and hundreds of megabytes for nothing.
    leave_out("torch", "pandas")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    worker = _Worker(Scorer(model, rubric, masking, cache, device))
    _worker.append(worker)
    # A service manager sends its signal to all processes of a service at once.
    signal.signal(signal.SIGTERM, worker.leave)


def _end_with_parent() -> None:
    # A parent that was killed cannot end its workers, and they would wait for work for ever.
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(_KILLED)


def score_in_worker(shard: Shard, out: Path, model_sha256: str) -> ShardResult:
    """Score one shard in this process. Raises RunError where it loaded another model than the run began with."""
    worker = _worker[0]
    if worker.scorer.model.sha256 != model_sha256:
        where, do = str(worker.scorer.model.folder), "Run the same command again when the model stays as it is"
        raise RunError(where, "the model was exchanged while the run began", do=do)
    worker.busy = True
    try:
        result = worker.scorer.score_shard(shard, out)
        # Elsewhere the parent is told of its children's seconds when they have ended.
        return result if counts_children() else replace(result, core_seconds=worker.core_seconds())
    finally:
        worker.busy = False
        if worker.leaving:
            os._exit(_KILLED)
