"""`score --engine spark`: the files of the local engine, whatever is killed; either engine finishes the other's run."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slow_run
from slow_run import ROOT, TURNS, alive, contacts, files, finish, finished, kill, wait_for
from spark_faults import faulty

from cxsentiment import executors, pipeline, runs, spark_engine
from cxsentiment.errors import RunError, UsageError
from cxsentiment.executors import Task, pack
from cxsentiment.invocation import engine_of
from cxsentiment.model import default_model
from cxsentiment.privacy import EVERYTHING_USUAL
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.shards import Shard
from cxsentiment.spark_engine import Spark, SparkEngine, SparkFailed

CONTACTS = 34
SHARDS = 9
CLUSTER = "local-cluster[2,1,1024]"
# What a receipt says of one run and not of its result.
OF_THE_RUN = {"engine", "seconds", "started_at", "core_seconds", "turns_per_second", "contacts_per_second", "cost"}
pytestmark = pytest.mark.filterwarnings("ignore")  # pyspark's own
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find processes")


def require_spark() -> None:
    pytest.importorskip("pyspark", reason="needs the extra spark")
    if shutil.which("java") is None:
        pytest.skip("needs Java 17")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rows = contacts(CONTACTS)
    rows[3] |= {"turns": [*TURNS, {"speaker": "customer", "text": "my card is 4111 1111 1111 1111"}], "csat": 4.0}
    rows[9] |= {"turns": [{"speaker": "customer", "text": "häuser 🏠 are terrible " * 200}], "channel": "chat"}
    return slow_run.write(tmp_path / "contacts.jsonl", [*rows, {"id": "bad"}, rows[0]])


@pytest.fixture
def whole(source: Path, tmp_path: Path, toy_bundle: Path) -> dict[str, bytes]:
    """The files of the local engine's run."""
    receipt = finish(source, tmp_path / "whole", toy_bundle)
    assert (receipt["contacts"]["scored"], receipt["shards"]) == (CONTACTS, SHARDS)
    return files(tmp_path / "whole")


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    """Spark in processes of this machine, which tries a task twice."""
    require_spark()
    from pyspark import SparkConf, SparkContext

    before = os.environ.get("PYSPARK_PYTHON")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.io.encryption.enabled": "true"}
    started = SparkContext(conf=SparkConf().setMaster("local[2,2]").setAppName("test").setAll(settings.items()))
    yield started
    started.stop()
    if before is None:
        del os.environ["PYSPARK_PYTHON"]


@pytest.fixture
def spark(context: Any, toy_bundle: Path) -> Callable[..., dict[str, Any]]:
    """Score by Spark, with shards of the same size as `finish`."""

    def score(source: Path, out: Path, **settings: Any) -> dict[str, Any]:
        return finish(source, out, toy_bundle, workers=0, spark=Spark(context=context), **settings)

    return score


@pytest.mark.slow
def test_the_run_folder_is_that_of_the_local_engine(
    spark: Callable[..., dict[str, Any]], source: Path, tmp_path: Path, whole: dict[str, bytes]
) -> None:
    receipt = spark(source, tmp_path / "run", price_per_core_hour=3.6)
    assert files(tmp_path / "run") == whole
    assert receipt["engine"] == {"name": "spark", "master": "local[2,2]"}
    worked = sum(receipt["seconds"][phase] for phase in ("mask", "predict", "score"))
    assert receipt["core_seconds"] > worked / 2 > 0, "the work of executors counts"
    local = runs.read_receipt(tmp_path / "whole") or {}
    assert local["engine"] == {"name": "local"}
    result = {name: value for name, value in receipt.items() if name not in OF_THE_RUN}
    assert result == {name: value for name, value in local.items() if name not in OF_THE_RUN}
    assert spark(source, tmp_path / "run")["already_scored"]


@pytest.mark.slow
def test_no_more_shards_are_in_memory_than_there_is_work_for(
    spark: Callable[..., dict[str, Any]], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, cut, unfinished = tmp_path / "run", pipeline.cut, []

    def counted(*given: Any) -> Iterator[Shard]:
        for read, shard in enumerate(cut(*given), 1):
            unfinished.append(read - len(finished(out)))
            yield shard

    monkeypatch.setattr(pipeline, "cut", counted)
    monkeypatch.setattr(pipeline, "Task", faulty(tmp_path, pause=0.1))
    spark(source, out)
    # Two cores: three shards under way, one more sent before the first is waited for, one read ahead.
    assert len(unfinished) == SHARDS
    assert 3 <= max(unfinished) <= 5


@pytest.mark.slow
def test_spark_goes_on_with_a_run_of_the_local_engine_and_mends_it(
    spark: Callable[..., dict[str, Any]], source: Path, tmp_path: Path, toy_bundle: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "whole"
    (out / "contacts" / "part-00002.parquet").unlink()
    (out / "turns" / "part-00005.parquet").write_bytes(b"damaged")
    receipt = spark(source, out)
    assert receipt["shards_reused"] == SHARDS - 2
    assert receipt["redone"] == ["contacts/part-00002.parquet", "turns/part-00005.parquet"]
    assert files(out) == whole


@pytest.mark.slow
def test_executors_with_other_versions_are_refused(
    spark: Callable[..., dict[str, Any]], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "versions", lambda *given: executors.versions(*given) | {"pyarrow": "1.0"})
    says = r"executor .+: other versions than .+: pyarrow 1\.0 \(here \d+\.\S+\)\. Install"
    with pytest.raises(RunError, match=says):
        spark(source, tmp_path / "run")
    assert finished(tmp_path / "run") == []


@pytest.mark.slow
def test_the_example_for_notebooks_runs(context: Any, tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    slow_run.write(tmp_path / "contacts" / "day.jsonl", contacts(5))
    page = (ROOT / "docs" / "spark.md").read_text(encoding="utf-8")
    (example,) = (block for block in re.findall(r"```py\n(.*?)```", page, re.DOTALL) if "sparkContext" in block)
    here = example.replace('"/Volumes/quality/', f'"{tmp_path}/')

    class Session:
        sparkContext = context

    exec(here, {"spark": Session})
    receipt = runs.read_receipt(tmp_path / "run") or {}
    assert receipt["contacts"]["scored"] == 5
    assert receipt["engine"]["name"] == "spark"


@pytest.mark.slow
def test_a_second_signal_stops_at_once_and_leaves_a_context_that_was_handed_over(
    spark: Callable[..., dict[str, Any]],
    source: Path,
    tmp_path: Path,
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pause = 120

    def interrupt_twice() -> None:
        wait_for(lambda: context.statusTracker().getActiveJobsIds())
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    monkeypatch.setattr(pipeline, "Task", faulty(tmp_path, pause))
    begun = time.monotonic()
    threading.Thread(target=interrupt_twice).start()
    with pytest.raises(KeyboardInterrupt):
        spark(source, tmp_path / "run")
    assert time.monotonic() - begun < pause
    assert finished(tmp_path / "run") == []
    assert context.parallelize([1], 1).collect() == [1]


@pytest.mark.slow
def test_a_killed_python_worker_changes_nothing(
    spark: Callable[..., dict[str, Any]],
    source: Path,
    tmp_path: Path,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    monkeypatch.setattr(pipeline, "Task", faulty(marks, worker_over=2))
    receipt = spark(source, tmp_path / "run")
    assert (marks / "killed-worker").exists()
    assert receipt["shards_reused"] == 0
    assert files(tmp_path / "run") == whole


@pytest.mark.slow
def test_a_shard_that_spark_cannot_score_is_told_and_the_local_engine_goes_on(
    spark: Callable[..., dict[str, Any]],
    source: Path,
    tmp_path: Path,
    toy_bundle: Path,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Failing(Task):
        def __call__(self, packed: bytes) -> Any:
            scored = Task.__call__(self, packed)
            if scored.number == 4:  # type: ignore[union-attr]
                raise ModuleNotFoundError("No module named 'cxsentiment'")
            return scored

    out = tmp_path / "run"
    monkeypatch.setattr(pipeline, "Task", Failing)
    with pytest.raises(SparkFailed) as told:
        spark(source, out)
    failed = r"Spark could not score shard 4: (on \S+: )?ModuleNotFoundError: No module named 'cxsentiment'"
    assert re.fullmatch(failed, told.value.what)
    assert told.value.do.startswith("Install cxsentiment, in the same version, on every executor")
    done = finished(out)
    assert 4 not in done
    assert done
    receipt = finish(source, out, toy_bundle)
    assert receipt["shards_reused"] == len(done)
    assert receipt["redone"] == []
    assert files(out) == whole


class Started:
    """`cxsentiment score --engine spark` in a process of its own; SPARK_HOME is a copy, for workers write into it."""

    def __init__(self, folder: Path, source: Path, out: Path, model: Path, master: str, *faults: object) -> None:
        import pyspark

        self.marks, home = folder / "marks", folder / "spark"
        self.marks.mkdir()
        home.mkdir()
        for part in Path(pyspark.__file__).parent.iterdir():
            if part.name != "work":  # what a cluster started from there left
                (home / part.name).symlink_to(part)
        command = ["score", source, "--out", out, "--model", model, "--engine", "spark", "--master", master]
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "spark_faults.py"), str(self.marks), *map(str, [*faults, *command])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "SPARK_HOME": str(home)},
        )

    def others(self) -> list[int]:
        """The processes of its session that still run, but for itself: Java and the Python workers."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(stat.read_text().rpartition(")")[2].split()[3])
            except OSError:
                continue
            if session == self.process.pid and int(stat.parent.name) != self.process.pid:
                found.append(int(stat.parent.name))
        return [pid for pid in found if alive(pid)]


@needs_proc
@pytest.mark.slow
def test_on_a_cluster_each_process_loads_the_model_once_and_killed_ones_change_nothing(
    source: Path, tmp_path: Path, toy_bundle: Path, whole: dict[str, bytes]
) -> None:
    require_spark()
    out = tmp_path / "run"
    started = Started(tmp_path, source, out, toy_bundle, CLUSTER, 0, 1, 4)
    said = started.process.communicate(timeout=600)[1]
    assert started.process.returncode == 3, said  # one record of the input is refused
    assert {path.name for path in started.marks.glob("killed-*")} == {"killed-worker", "killed-executor"}
    assert files(out) == whole
    receipt = runs.read_receipt(out) or {}
    assert receipt["engine"] == {"name": "spark", "master": CLUSTER}
    assert receipt["shards_reused"] == 0
    configured = json.loads((started.marks / "conf.json").read_text())
    assert configured["spark.io.encryption.enabled"] == "true", "else contacts lie on disks in clear"
    processes = {path.name.rpartition("-")[2] for path in started.marks.glob("shard-*")}
    assert {path.name: path.read_text() for path in started.marks.glob("load-*")} == {
        f"load-{p}": "x" for p in processes
    }
    assert len(processes) >= 3, "two executors, and those that came for the killed ones"


@needs_proc
@pytest.mark.slow
def test_a_killed_driver_leaves_no_process_and_either_engine_finishes_its_run(
    source: Path, tmp_path: Path, toy_bundle: Path, whole: dict[str, bytes], spark: Callable[..., dict[str, Any]]
) -> None:
    out = tmp_path / "run"
    started = Started(tmp_path, source, out, toy_bundle, "local[2]", 0.4, -1, -1)
    wait_for(lambda: len(finished(out)) > 1, started.process)
    assert started.others()
    kill(started.process)
    wait_for(lambda: not started.others(), seconds=300)
    done = finished(out)
    assert 1 < len(done) < SHARDS
    shutil.copytree(out, tmp_path / "copy")
    for folder, engine in ((out, "local"), (tmp_path / "copy", "spark")):
        receipt = finish(source, folder, toy_bundle) if engine == "local" else spark(source, folder)
        assert receipt["engine"]["name"] == engine
        assert receipt["shards_reused"] == len(done)
        assert files(folder) == whole


@needs_proc
@pytest.mark.slow
def test_ctrl_c_lets_the_shards_under_way_be_finished(
    source: Path, tmp_path: Path, toy_bundle: Path, whole: dict[str, bytes]
) -> None:
    require_spark()
    out = tmp_path / "run"
    started = Started(tmp_path, source, out, toy_bundle, "local[2]", 0.4, -1, -1)
    wait_for(lambda: finished(out), started.process)
    os.killpg(started.process.pid, signal.SIGINT)
    said = started.process.communicate(timeout=300)[1]
    assert started.process.returncode == 130, said
    assert "stopping when the parts under way are written" in said
    assert "Traceback" not in said
    done = finished(out)
    assert {int(path.name.split("-")[1]) for path in started.marks.glob("shard-*")} == set(done)
    assert 1 < len(done) < SHARDS
    assert finish(source, out, toy_bundle)["shards_reused"] == len(done)
    assert files(out) == whole


def refused(spark: Spark, **settings: Any) -> UsageError:
    with pytest.raises(UsageError) as told:
        pipeline.run(
            ["x"], Path("y"), pipeline.Settings(Path(), read_rubric(default_rubric()), spark=spark, **settings)
        )
    return told.value


def test_options_that_do_not_go_with_spark_are_refused(tmp_path: Path) -> None:
    assert "has no meaning with --engine spark" in refused(Spark(), workers=4).message
    assert "cannot be used with --engine spark" in refused(Spark(), cache=tmp_path).message
    for master in ("cluster:7077", "sc://host", "local[", "spark://", ""):
        assert "is no master of Spark (allowed: local[4], " in refused(Spark(master)).message
    with pytest.raises(UsageError, match=r"--master yarn: is for --engine spark\. Add --engine spark"):
        engine_of("local", "yarn")
    with pytest.raises(UsageError, match=r"--engine: 'dask' is not known \(allowed: local, spark\)"):
        engine_of("dask", None)
    assert engine_of("local", None) is None
    assert engine_of("spark", "yarn") == Spark("yarn")


def test_what_is_missing_for_spark_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_engine, "find_spec", lambda name: object())
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    said = refused(Spark("local[2]")).message
    assert f"there is no Java in JAVA_HOME, {tmp_path} (allowed: Java 17 or 21). Install Java 17" in said
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no Java on the PATH" in refused(Spark()).message
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    monkeypatch.delenv("YARN_CONF_DIR", raising=False)
    assert "--master yarn: nothing says where that cluster is. Set HADOOP_CONF_DIR" in refused(Spark("yarn")).message
    monkeypatch.setattr(spark_engine, "find_spec", lambda name: None)
    assert refused(Spark()).message == "--engine spark: PySpark is not installed here. pip install 'cxsentiment[spark]'"


def test_a_master_that_cannot_be_reached_is_told(toy_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="needs the extra spark")
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{taken.getsockname()[1]}"
        task = Task(toy_bundle, "", executors.versions(), read_rubric(default_rubric()), EVERYTHING_USUAL)
        engine = SparkEngine(Spark(master), task, tmp_path)
        try:
            with pytest.raises(
                SparkFailed, match=rf"--master {master}: the master could not be reached: .+ Check host"
            ):
                engine.submit(Shard(0, "key", ()), is_last=True)
        finally:
            engine.close(at_once=False)


def test_an_executor_refuses_another_model(toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys.modules.get("torch"))  # a task shuts it out of its process
    task = Task(toy_bundle, "0" * 64, executors.versions(), read_rubric(default_rubric()), EVERYTHING_USUAL)
    error = task(pack(Shard(0, "key", ())))
    assert isinstance(error, RunError)
    assert re.fullmatch(r"executor \S+: \S+: the model here is not that of the machine .+", error.message)
    lost = Task(toy_bundle / "lost", "", executors.versions(), task.rubric, task.masking)(b"")
    assert "lost: no bundle.json here, so this is not a model folder" in str(lost)


def test_the_bundled_model_is_where_the_package_is_and_another_stands_by_its_whole_path(
    toy_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy_bundle.parent)
    assert executors.folder_there(default_model()) is None
    assert executors.folder_there(Path(toy_bundle.name)) == toy_bundle.resolve()
