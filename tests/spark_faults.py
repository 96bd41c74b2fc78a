"""A task for Spark that notes what its processes do and has some killed; as a program, `cxsentiment` with it."""

import json
import os
import signal
import sys
import time
from pathlib import Path

from cxsentiment import executors, pipeline, shards, spark_engine
from cxsentiment.executors import Task
from cxsentiment.shards import ScoredShard

PER_SHARD = 4


def faulty(marks: Path, pause: float = 0.0, worker_over: int = -1, executor_over: int = -1) -> type[Task]:
    """A task that leaves `load-PID` (a byte for each load of a model) and `shard-N-PID` in `marks`.

    Over shard `worker_over` its own process is killed, over `executor_over` the executor's, once each.
    """

    # All inside a function, so that it travels whole: executors cannot import the tests.
    def parent_of(pid: int) -> int:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    class Faulty(Task):
        def __call__(self, packed: bytes) -> ScoredShard:
            load = executors.Scorer
            if load.__name__ == "Scorer":

                def counted(*given: object, **named: object) -> shards.Scorer:
                    with (marks / f"load-{os.getpid()}").open("a") as file:
                        file.write("x")
                    return load(*given, **named)

                executors.Scorer = counted
            time.sleep(pause)
            scored = Task.__call__(self, packed)
            assert isinstance(scored, ScoredShard), scored
            (marks / f"shard-{scored.number}-{os.getpid()}").touch()
            daemon = parent_of(os.getpid())
            for name, number, victim in (
                ("worker", worker_over, os.getpid()),
                ("executor", executor_over, parent_of(daemon)),
            ):
                mark = marks / f"killed-{name}"
                if scored.number == number and not mark.exists():
                    mark.touch()
                    os.kill(victim, signal.SIGKILL)
                    time.sleep(60)  # it ends with its executor
            return scored

    return Faulty


if __name__ == "__main__":
    folder, wait, worker, executor, *sys.argv[1:] = sys.argv[1:]
    shards.SHARD_CONTACTS = PER_SHARD
    pipeline.Task = faulty(Path(folder), float(wait), int(worker), int(executor))
    close = spark_engine.SparkEngine.close

    def noted(engine: spark_engine.SparkEngine, *, at_once: bool) -> None:
        Path(folder, "conf.json").write_text(json.dumps(dict(engine._context.getConf().getAll())))
        close(engine, at_once=at_once)

    spark_engine.SparkEngine.close = noted
    from cxsentiment.cli import main

    main()
