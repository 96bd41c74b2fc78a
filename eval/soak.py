"""`cxsentiment watch` for a while, with faults: files keep landing, and the watcher is killed, stopped and shut out.

Files of a few demo contacts land every few seconds, whole or written bit by bit. Every so often the watcher (all its
processes, or the main one alone) gets SIGKILL or SIGTERM, and is started again; or another process holds the run folder
for a while; or, after a kill, a bit is flipped in a part of the batch that was under way. At the end `watch --once`
takes what is left: every contact that landed must stand in the run once, nothing else, and `cxsentiment verify` must
find no difference.
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

from cxsentiment import lock, runs
from cxsentiment.batches import INCOMING
from cxsentiment.errors import RunError
from cxsentiment.verify import verify
from eval.kills import repeated
from eval.machine import described

RESULTS = Path(__file__).parent / "results" / "soak.json"
FAULTS = ("SIGKILL to all", "SIGKILL to the main process", "SIGTERM to all", "a bit flipped after a kill", "shut out")
SETTLE_S = 3.0
_LANDS_EVERY_S = (1.0, 6.0)
_FAULT_EVERY_S = (4.0, 25.0)
_PROGRAM = "from cxsentiment.cli import main; main()"


@dataclass
class Soak:
    """The watcher, what has landed, and what was done to it."""

    inbox: Path
    out: Path
    contacts: list[str]
    chance: random.Random
    model: Path | None
    taken: int = 0
    files: int = 0
    slowly: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def command(self, *more: str) -> list[str]:
        """The watcher's command line."""
        options = ["--out", str(self.out), "--interval", "1", "--settle", str(SETTLE_S), "--workers", "2"]
        options += ["--model", str(self.model)] if self.model else []
        return [sys.executable, "-c", _PROGRAM, "watch", str(self.inbox), *options, *more]

    def start(self) -> subprocess.Popen[bytes]:
        """Start the watcher in a process group of its own."""
        return subprocess.Popen(  # nosec B603  # a fixed command, no shell
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def land(self) -> None:
        """Let a file of one to four contacts land, one time in four bit by bit."""
        lines = self.contacts[self.taken : self.taken + self.chance.randint(1, 4)]
        self.taken += len(lines)
        self.files += 1
        path = self.inbox / f"{self.files:05d}.jsonl"
        text = "".join(lines)
        if self.chance.random() < 0.25:
            self.slowly += 1
            with path.open("w", encoding="utf-8") as file:
                for place in range(0, len(text), max(len(text) // 4, 1)):
                    file.write(text[place : place + max(len(text) // 4, 1)])
                    file.flush()
                    time.sleep(SETTLE_S / 10)
        else:
            aside = path.with_suffix(".part")
            aside.write_text(text, encoding="utf-8")
            aside.replace(path)

    def disturb(self, watcher: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """One fault; the watcher that runs afterwards."""
        fault = self.chance.choice(FAULTS)
        if fault == "shut out":
            try:
                with lock.alone(self.out, "a soak") as sign:
                    sign()
                    time.sleep(2.5)
            except RunError:  # the watcher is at work just now
                return watcher
        else:
            number = signal.SIGTERM if fault == "SIGTERM to all" else signal.SIGKILL
            if fault == "SIGKILL to the main process":
                os.kill(watcher.pid, number)
            else:
                os.killpg(watcher.pid, number)
            watcher.wait()
            if fault == "a bit flipped after a kill":
                fault = fault if self._flip() else "SIGKILL to all"
            watcher = self.start()
        self.faults[fault] += 1
        return watcher

    def _flip(self) -> bool:
        """Flip a bit in a part of the batch that was under way; False where there is none."""
        parts = sorted((self.out / INCOMING / "run").glob("*/part-*.parquet"))
        if not parts:
            return False
        path = self.chance.choice(parts)
        content = bytearray(path.read_bytes())
        content[self.chance.randrange(len(content))] ^= 1 << self.chance.randrange(8)
        path.write_bytes(content)
        return True


def soak(minutes: float, seed: int, model: Path | None, folder: Path) -> dict[str, Any]:
    """Watch for so long in `folder`, and say what came of it."""
    chance = random.Random(seed)  # nosec B311  # repeatable by its seed; no secret
    source = repeated(100_000, folder / "contacts.jsonl")
    contacts = source.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "inbox").mkdir()
    state = Soak(folder / "inbox", folder / "run", contacts, chance, model)
    watcher = state.start()
    begun = time.monotonic()
    lands = faults = begun
    while (now := time.monotonic()) - begun < 60 * minutes:
        if now >= lands:
            state.land()
            lands = now + chance.uniform(*_LANDS_EVERY_S)
        if now >= faults and state.out.exists():
            watcher = state.disturb(watcher)
            faults = time.monotonic() + chance.uniform(*_FAULT_EVERY_S)
            print(
                f"{(now - begun) / 60:.1f} min: {state.taken} contacts landed, {state.faults.total()} faults",
                flush=True,
            )
        time.sleep(0.1)
    os.killpg(watcher.pid, signal.SIGTERM)
    watcher.wait()
    # a fixed command, no shell
    left = subprocess.run(state.command("--once"), capture_output=True, text=True, check=False)  # nosec B603
    if left.returncode:
        raise SystemExit(f"the last look failed: {left.stderr}")
    there = runs.read_table(state.out, "contacts", ["contact_id"])["contact_id"].to_pylist()
    landed = {json.loads(line)["id"] for line in contacts[: state.taken]}
    receipt = runs.require_complete(state.out)
    return {
        "minutes": minutes,
        "seed": seed,
        "files": state.files,
        "files_written_bit_by_bit": state.slowly,
        "faults": dict(sorted(state.faults.items())),
        "faults_in_all": state.faults.total(),
        "batches": receipt["batches"],
        "contacts_landed": len(landed),
        "contacts_lost": len(landed.difference(there)),
        "contacts_doubled": len(there) - len(set(there)),
        "contacts_that_never_landed": len(set(there).difference(landed)),
        "records_rejected": receipt["contacts"]["rejected"],
        "differences_found_by_verify": [f"{one.where}: {one.what}" for one in verify(state.out).differences],
    }


def wrong(figures: dict[str, Any]) -> bool:
    """Whether anything is not as it must be."""
    names = ("contacts_lost", "contacts_doubled", "contacts_that_never_landed", "records_rejected")
    return any(figures[name] for name in names) or bool(figures["differences_found_by_verify"])


def main() -> None:
    """Print what happens and write it to eval/results/soak.json; exit code 4 where anything is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, default=None, help="model folder; the bundled one otherwise")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = soak(given.minutes, given.seed, given.model, Path(scratch))
    machine = described()
    given.out.write_text(json.dumps({"machine": machine, **figures}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    if wrong(figures):
        sys.exit(4)


if __name__ == "__main__":
    main()
