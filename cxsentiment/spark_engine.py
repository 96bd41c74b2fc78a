"""The engine whose shards are scored by Spark's executors. This process reads, cuts, resumes and writes; they score.

Each shard is a Spark job of one task, so that neither a slow shard nor a lost executor holds the others up, and no more
shards are in memory than the cluster has work for. Executors need no access to the input or the run folder.
"""

import os
import re
import shutil
import socket
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from cxsentiment.errors import CxError, RunError, UsageError
from cxsentiment.executors import Task, pack
from cxsentiment.shards import Shard, ShardResult

MASTERS = "local[4], local-cluster[2,1,1024], spark://HOST:PORT, yarn, k8s://https://HOST:PORT"
_MASTER = re.compile(r"local|local\[.+\]|local-cluster\[.+\]|yarn|(spark|k8s)://.+")
_PATIENCE_S = 10.0
_MOST = 1024  # shards under way, whatever the cluster's size: each has a thread here
_JAVA = "Install Java 17 (on Debian and Ubuntu: apt install openjdk-17-jre-headless), or set JAVA_HOME"
# Contacts travel unmasked. With this, Spark writes nothing of them to a disk in clear, here or on executors.
_USUAL = {"spark.io.encryption.enabled": "true"}
# What needs no network is not offered to one.
_USUAL_LOCALLY = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
_ABOVE = "See what Spark itself says above"
_MEMORY = "If memory is short, give executors more of it (spark.executor.memoryOverhead), or fewer cores"
_REMEDIES = {
    "No module named": "Install cxsentiment, in the same version, on every executor (docs/spark.md)",
    "Cannot run program": "Set PYSPARK_PYTHON to the Python of the executors (docs/spark.md)",
    "PYTHON_VERSION_MISMATCH": "Set PYSPARK_PYTHON to a Python of this version on the executors (docs/spark.md)",
    "ExecutorLostFailure": _MEMORY,
    "Python worker exited": _MEMORY,
    "SparkContext has been shut": _ABOVE,
}
_LOST = re.compile(r"Job aborted .+ most recent failure: Lost task .+?\((\S+) executor \w+\): (?:[a-z.]+\.\w+: )?(.+)")


class SparkFailed(RunError):
    """Spark did not score a shard: executors died too often, cannot run this package, or are gone."""


@dataclass(frozen=True, slots=True)
class Spark:
    """Where Spark runs: `master` as Spark writes it (None: what Spark is configured for).

    Or a SparkContext that runs already, `context`: it is used, and left running.
    """

    master: str | None = None
    context: Any = None


def refuse(spark: Spark, workers: int, cache: Path | None) -> None:
    """Raise UsageError for settings that do not go with Spark, a master that is none, and where Spark cannot run."""
    if workers:
        raise UsageError(
            f"--workers {workers}",
            "has no meaning with --engine spark: the cores of its executors score",
            do="Leave it out; on this machine say how many with --master, for example local[4]",
        )
    if cache is not None:
        raise UsageError(
            f"--cache {cache}",
            "cannot be used with --engine spark: executors on several machines would share one file",
            do="Leave it out, and CXSENTIMENT_CACHE unset",
        )
    if spark.context is not None:
        return
    if spark.master is not None and not _MASTER.fullmatch(spark.master):
        raise UsageError(f"--master {spark.master}", "is no master of Spark", allowed=MASTERS)
    if spark.master == "yarn" and not {"HADOOP_CONF_DIR", "YARN_CONF_DIR"} & os.environ.keys():
        do = "Set HADOOP_CONF_DIR to the folder of its core-site.xml and yarn-site.xml"
        raise UsageError("--master yarn", "nothing says where that cluster is", do=do)
    if find_spec("pyspark") is None:
        raise UsageError("--engine spark", "PySpark is not installed here", do="pip install 'cxsentiment[spark]'")
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=str(Path(home, "bin")) if home else None) is None:
        where = f"in JAVA_HOME, {home}" if home else "on the PATH"
        raise UsageError("--engine spark", f"there is no Java {where}", allowed="Java 17 or 21", do=_JAVA)


@dataclass(slots=True)
class SparkEngine:
    """Scores shards by Spark."""

    spark: Spark
    task: Task
    out: Path
    _context: Any = None
    _master: str | None = None
    _group: str = field(default_factory=lambda: f"cxsentiment {uuid4()}")
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_MOST, "shard"))

    @property
    def room(self) -> int:
        """A quarter more than the executors have cores, so that none waits, and a cluster that may grow does."""
        cores = int(self._context.defaultParallelism) if self._context is not None else 1
        return min(cores + cores // 4 + 1, _MOST)

    @property
    def facts(self) -> dict[str, Any]:
        """Its name, and the master that Spark had; where nothing was left to score, the one that was asked for."""
        return {"name": "spark", "master": self._master or self.spark.master}

    def submit(self, shard: Shard, *, is_last: bool) -> "Future[ShardResult]":
        """Send a shard."""
        if self._context is None:
            # In the main thread PySpark would take the signals, which are asked to let shards be finished.
            self._context = self.spark.context or self._threads.submit(self._started).result()
            self._master = str(self._context.master)
        return self._threads.submit(self._score, pack(shard), f"shard {shard.number}")

    def told(self, error: Exception) -> RunError | None:
        """What Spark could not do."""
        return error if isinstance(error, SparkFailed) else None

    def close(self, *, at_once: bool) -> None:
        """End Spark when the shards under way are written, or at once where asked or where the wait is interrupted."""
        try:
            if at_once:
                self._cancel()
            self._threads.shutdown(cancel_futures=True)
        except KeyboardInterrupt:
            self._cancel()
            raise
        finally:
            if self._context is not None and self.spark.context is None:
                self._context.stop()

    def _cancel(self) -> None:
        if self._context is not None:
            self._context.cancelJobGroup(self._group)  # a context that was handed over may have jobs of others

    def _score(self, packed: bytes, name: str) -> ShardResult:
        try:
            self._context.setJobGroup(self._group, f"cxsentiment score: {name}")
            (found,) = self._context.parallelize([packed], 1).map(self.task).collect()
        except Exception as error:
            why = _said(error)
            kept = "Run the same command again: finished shards are kept"
            do = next((f"{remedy}. {kept}" for sign, remedy in _REMEDIES.items() if sign in why), kept)
            raise SparkFailed(str(self.out), f"Spark could not score {name}: {why}", do=do) from error
        if isinstance(found, CxError):
            raise found
        result: ShardResult = found.write(self.out)
        return result

    def _started(self) -> Any:
        from pyspark import SparkConf, SparkContext

        _require_reached(self.spark.master or "")
        try:
            with _python_of_executors(), warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of pandas, which PySpark meets and this never uses
                SparkContext._ensure_initialized()  # without it no defaults of spark-defaults.conf are seen
                conf = SparkConf().setAppName("cxsentiment score").set("spark.ui.showConsoleProgress", "false")
                if self.spark.master is not None:
                    conf.setMaster(self.spark.master)
                local = conf.get("spark.master", "local[*]").startswith("local")
                for name, value in (_USUAL | (_USUAL_LOCALLY if local else {})).items():
                    conf.setIfMissing(name, value)
                return SparkContext(conf=conf)
        except Exception as error:
            where = f"--master {self.spark.master}" if self.spark.master else "--engine spark"
            raise SparkFailed(where, f"Spark did not start: {_said(error)}", do=_ABOVE) from error


def _require_reached(master: str) -> None:
    """Raise SparkFailed where no master of a standalone cluster can be reached: Spark itself says so of none of them,
    tries for minutes, and then ends in an error of Java's that speaks of something else.
    """
    if not master.startswith("spark://"):
        return
    why = ""
    for address in master.removeprefix("spark://").split(","):  # several stand by for each other
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE_S).close()
        except OSError as error:
            why = error.strerror or str(error)
        except ValueError:  # no port: Spark says what an address looks like
            return
        else:
            return
    do = "Check host and port, and that the master runs and lets this machine in"
    raise SparkFailed(f"--master {master}", f"the master could not be reached: {why}", do=do)


@contextmanager
def _python_of_executors() -> Iterator[None]:
    """Executors run the Python that runs this, at the same path, unless PYSPARK_PYTHON says otherwise."""
    given = os.environ.get("PYSPARK_PYTHON")
    os.environ["PYSPARK_PYTHON"] = given or sys.executable
    try:
        yield
    finally:
        if given is None:
            del os.environ["PYSPARK_PYTHON"]


def _said(error: Exception) -> str:
    """What matters of what Spark says: where a task failed, and the Python error or the root of the trouble there."""
    java = getattr(error, "java_exception", None)
    said = str(error)
    if java is not None:
        said, cause = str(java.getMessage()), java.getCause()
        while cause is not None and not _LOST.match(said):
            said, cause = str(cause.getMessage()), cause.getCause()
    lines = said.strip().splitlines() or [type(error).__name__]
    raised = [line for line in lines[1:] if re.match(r"[A-Za-z_.]+(Error|Exception)\b", line)]
    if (lost := _LOST.match(lines[0])) is None:
        return (raised or lines[:1])[-1].strip()
    return f"on {lost[1]}: {(raised or [lost[2]])[-1].strip()}"
