"""Kills a run again and again with SIGKILL, at random, and checks that nothing is lost, doubled or done twice.

The input are demo contacts, repeated with ids of their own. A run without a kill comes first, to compare with. Then a
run is started and killed after a random time, started again, and so on; when it gets to its end its tables must be,
byte for byte, those of the first, every contact must stand in them once, `cxsentiment verify` must find no difference,
and no file of a shard that stood after a kill may have been written again: so only shards that were under way, at most
one a worker, are done twice. Then the next run begins, until all kills are used. A kill meets the main process alone
(whose workers must end by themselves), one worker, or all at once.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxsentiment import runs
from cxsentiment.verify import verify
from eval.machine import described

DEMO = Path(__file__).parent.parent / "cxsentiment" / "demo" / "contacts.jsonl"
RESULTS = Path(__file__).parent / "results" / "kills.json"
VICTIMS = ("main", "worker", "all")
_PROGRAM = "from cxsentiment.cli import main; main()"
_MODEL_ARGUMENT = "--model"


@dataclass
class Tally:
    """What was done and found."""

    kills: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    lost: int = 0
    doubled: int = 0
    other_bytes: int = 0
    differences: int = 0
    finished_shards_written_again: int = 0
    shards_standing_at_kills: list[int] = field(default_factory=list)
    orphans: int = 0

    @property
    def faults(self) -> int:
        """How much was not as it must be."""
        wrong = (self.lost, self.doubled, self.other_bytes, self.differences)
        return sum(wrong) + self.finished_shards_written_again + self.orphans


def repeated(count: int, path: Path) -> Path:
    """`count` contacts: the demo's, again and again, each time with other ids."""
    rows = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
    with path.open("w", encoding="utf-8") as file:
        for k in range(count):
            row = rows[k % len(rows)]
            file.write(json.dumps({**row, "id": f"{row['id']}/{k // len(rows)}"}) + "\n")
    return path


def start(source: Path, out: Path, workers: int, model: Path | None) -> subprocess.Popen[str]:
    """`cxsentiment score` in a process group of its own."""
    arguments = ["score", str(source), "--out", str(out), "--workers", str(workers)]
    arguments += [_MODEL_ARGUMENT, str(model)] if model else []
    return subprocess.Popen(  # nosec B603  # a fixed command, no shell
        [sys.executable, "-c", _PROGRAM, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The worker processes of a run; none where it has just ended."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    except OSError:
        return []


def strike(process: subprocess.Popen[str], victim: str, chance: random.Random) -> tuple[str, list[int]]:
    """Kill, and return whom (a run without workers yet is killed whole) and the workers that must end by themselves."""
    workers = workers_of(process)
    if victim == "worker" and workers:
        os.kill(chance.choice(workers), signal.SIGKILL)
    elif victim == "main":
        os.kill(process.pid, signal.SIGKILL)
    else:
        victim = "all"
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return victim, workers


def standing(out: Path) -> dict[str, tuple[int, int]]:
    """The files of shards that stand whole, with what tells whether they are written again."""
    found = {}
    for path in sorted((out / "contacts").glob("part-*.parquet")):
        number = int(path.stem.removeprefix("part-"))
        note = runs.read_any_note(out, number)
        if note is not None and runs.read_shard_note(out, number, note.key):
            for name in runs.TABLES:
                status = runs.shard_path(out, name, number).stat()
                found[f"{name}/{path.name}"] = (status.st_ino, status.st_mtime_ns)
    return found


def contents(out: Path) -> dict[str, str]:
    """The hash of every file of a run but its receipt, which holds times."""
    files = (path for path in sorted(out.rglob("*")) if path.is_file() and path.name != runs.RECEIPT)
    return {path.relative_to(out).as_posix(): runs.sha256_of(path) for path in files}


def check(out: Path, whole: dict[str, str], ids: set[str], stood: dict[str, tuple[int, int]], tally: Tally) -> None:
    """Compare a run that got to its end with the one that nothing happened to."""
    tally.rounds += 1
    there = runs.read_table(out, "contacts", ["contact_id"])["contact_id"].to_pylist()
    tally.lost += len(ids.difference(there))
    tally.doubled += len(there) - len(set(there))
    found = contents(out)
    tally.other_bytes += sum(found.get(name) != whole.get(name) for name in {*found, *whole})
    tally.differences += len(verify(out).differences)
    now = standing(out)
    tally.finished_shards_written_again += sum(now.get(name) != state for name, state in stood.items())


def measure(
    contacts: int, kills: int, mean: float, workers: int, seed: int, model: Path | None, folder: Path
) -> tuple[Tally, dict[str, Any]]:
    """Do it all in `folder`; what was found, and how long the run without a kill took. `mean`: seconds up to a kill."""
    chance, tally = random.Random(seed), Tally()  # nosec B311  # repeatable by its seed; no secret
    source = repeated(contacts, folder / "contacts.jsonl")
    ids = {json.loads(line)["id"] for line in source.read_text(encoding="utf-8").splitlines()}
    begun = time.perf_counter()
    untouched = start(source, folder / "whole", workers, model)
    untouched.communicate()
    if untouched.returncode:
        raise SystemExit("the run without a kill failed")
    seconds = time.perf_counter() - begun
    whole = contents(folder / "whole")
    shards = runs.require_complete(folder / "whole")["shards"]
    out, stood = folder / "run-0", dict[str, tuple[int, int]]()
    while True:
        process = start(source, out, workers, model)
        left = kills - tally.kills.total()
        try:
            process.communicate(timeout=chance.expovariate(1 / mean) if left else None)
        except subprocess.TimeoutExpired:
            victim, orphans = strike(process, chance.choice(VICTIMS), chance)
            tally.kills[victim] += 1
            tally.orphans += _outlive(orphans)
            now = standing(out)
            tally.finished_shards_written_again += sum(now.get(name) != state for name, state in stood.items())
            stood = now
            done = len(now) // len(runs.TABLES)
            tally.shards_standing_at_kills.append(done)
            print(f"kill {tally.kills.total()} of {kills} ({victim}): {done} shards stand", flush=True)
            continue
        if process.returncode:
            raise SystemExit(f"a run failed: {process.returncode}")
        check(out, whole, ids, stood, tally)
        print(f"round {tally.rounds}: to its end, {tally.faults} faults so far", flush=True)
        if not left:
            return tally, {"seconds_without_kill": round(seconds, 1), "shards": shards}
        out, stood = folder / f"run-{tally.rounds}", {}


def _outlive(pids: list[int], seconds: float = 20.0) -> int:
    """How many of these processes still run when they should have ended."""
    limit = time.monotonic() + seconds
    while (alive := [pid for pid in pids if _runs(pid)]) and time.monotonic() < limit:
        time.sleep(0.05)
    return len(alive)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main() -> None:
    """Print what happens and write it to eval/results/kills.json; exit code 4 where anything is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0, help="from a start to a kill, on average (%(default)s)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=None, help="model folder; the bundled one otherwise")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        how = (given.contacts, given.kills, given.seconds, given.workers, given.seed, given.model)
        tally, run = measure(*how, Path(scratch))
    figures = {
        "machine": described(),
        "contacts": given.contacts,
        "workers": given.workers,
        "seed": given.seed,
        "seconds_to_a_kill_on_average": given.seconds,
        **run,
        "kills": dict(sorted(tally.kills.items())),
        "kills_in_all": tally.kills.total(),
        "runs_to_their_end": tally.rounds,
        "shards_standing_at_kills": tally.shards_standing_at_kills,
        "contacts_lost": tally.lost,
        "contacts_doubled": tally.doubled,
        "files_with_other_bytes": tally.other_bytes,
        "differences_found_by_verify": tally.differences,
        "files_of_finished_shards_written_again": tally.finished_shards_written_again,
        "workers_that_outlived_their_run": tally.orphans,
    }
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(f"{tally.kills.total()} kills, {tally.rounds} runs to their end, {tally.faults} faults")
    if tally.faults:
        sys.exit(4)


if __name__ == "__main__":
    main()
