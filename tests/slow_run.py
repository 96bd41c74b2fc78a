"""`cxsentiment` with small shards and slow scoring, in a process of its own, so that a test can meet it at work."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment import runs, shards
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric

ROOT = Path(__file__).parent.parent
PER_SHARD = 4
# Workers import the main module too, so that they are slow as well.
_PROGRAM = f"""
import sys, time
from pathlib import Path
from cxsentiment import shards
shards.SHARD_CONTACTS = {PER_SHARD}
score_shard = shards.Scorer.score_shard
def slow(self, shard, out):
    (Path(sys.argv[0]).parent / f"begun-{{shard.number}}").touch()
    time.sleep(float(Path(sys.argv[0]).with_name("pause").read_text()))
    return score_shard(self, shard, out)
shards.Scorer.score_shard = slow
if __name__ == "__main__":
    from cxsentiment.cli import main
    main()
"""
TURNS = [
    {"speaker": "agent", "text": "Hello, Anna speaking."},
    {"speaker": "customer", "text": "this is terrible"},
    {"speaker": "agent", "text": "I am so sorry. One moment."},
]


def contacts(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Made contacts with distinct ids."""
    return [{"id": f"c{k}", "agent_id": f"a{k % 3}", "turns": TURNS} for k in range(first, first + count)]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write contacts as JSONL, in one step."""
    aside = path.with_name(f".{path.name}")
    aside.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    aside.replace(path)
    return path


@dataclass
class Slow:
    """Starts and watches slow processes; all that it needs lies in `folder`."""

    folder: Path
    model: Path
    pause: float = 0.4

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """`cxsentiment ARGUMENTS --model …` as a process group of its own."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "slow.py"
        program.write_text(_PROGRAM)
        (self.folder / "pause").write_text(str(self.pause))
        for mark in self.folder.glob("begun-*"):
            mark.unlink()
        return subprocess.Popen(
            [sys.executable, str(program), *map(str, arguments), "--model", str(self.model)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def begun(self) -> int:
        """How many shards have been begun."""
        return len(list(self.folder.glob("begun-*")))


def wait_for(what: Callable[[], object], process: subprocess.Popen[str] | None = None, seconds: float = 300.0) -> None:
    """Wait until `what` holds; fails where the process ends before, or it takes too long."""
    limit = time.monotonic() + seconds
    while not what():
        assert process is None or process.poll() is None, f"it ended early: {process.communicate()}"
        assert time.monotonic() < limit, "it takes too long"
        time.sleep(0.01)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The process ids of its pool."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process alone, not to its workers."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def finish(source: Path, out: Path, model: Path, **settings: Any) -> dict[str, Any]:
    """Score in this process, with shards of the same size."""
    size, shards.SHARD_CONTACTS = shards.SHARD_CONTACTS, PER_SHARD
    try:
        return run([str(source)], out, Settings(model, read_rubric(default_rubric()), **{"workers": 1, **settings}))
    finally:
        shards.SHARD_CONTACTS = size


def files(folder: Path) -> dict[str, bytes]:
    """All files of a run but its receipt, which holds times."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != runs.RECEIPT}


def finished(out: Path) -> list[int]:
    """The numbers of shards that stand."""
    return sorted(int(path.stem.removeprefix("part-")) for path in (out / "contacts").glob("part-*.parquet"))
