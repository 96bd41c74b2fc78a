"""How fast transcripts are read, and in how much memory, against parsing the same lines with json.loads alone.

    python -m eval.ingest_speed

Contacts are made in code, as generic JSON Lines. Reading alone, reading with masking, and json.loads run by turns in
one process, so that a busy machine slows all of them alike; the ratio of a round is what counts. The peak memory is
that of a process of its own for each size: where contacts are streamed it does not grow with the file.
"""

import argparse
import json
import platform
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.privacy import mask_transcript
from cxsentiment.schema import Transcript

RESULTS = Path(__file__).parent / "results" / "ingest_speed.json"
SIZES = (2_000, 20_000)
ROUNDS = 5
TURNS = 12
_SEED = 7
_AGENT = (
    "Thank you for calling, this is Ana. How can I help you today?",
    "I am sorry to hear that. Let me check your order for you.",
    "May I have the number of your account, please?",
    "It was sent on 2024-05-01 and should arrive by Friday.",
    "Is there anything else I can do for you?",
    "You will get a mail with all of this within the hour.",
)
_CUSTOMER = (
    "Hi, my parcel has not arrived and nobody tells me anything.",
    "Yes, it is 20458, under the name of my wife.",
    "You can reach me at jo.doe@mail.example or on 202 555 0143.",
    "That is what I was told last week too, and nothing happened.",
    "Okay.",
    "Thanks, that would be great.",
)


def write_contacts(path: Path, count: int) -> int:
    """Write so many contacts of twelve turns as JSON Lines; the number of turns."""
    dice = random.Random(_SEED)  # nosec B311  # repeatable by its seed; no secret
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            turns = [
                {
                    "speaker": "customer" if place % 2 else "agent",
                    "text": dice.choice(_CUSTOMER if place % 2 else _AGENT),
                    "start": place * 5.5,
                    "end": place * 5.5 + 4.0,
                }
                for place in range(TURNS)
            ]
            contact = {"id": f"c-{number}", "channel": "call", "agent_id": f"a-{number % 40}", "turns": turns}
            file.write(json.dumps({**contact, "started_at": "2024-05-01T10:00:00Z", "site": "north"}) + "\n")
    return count * TURNS


def read(path: Path) -> int:
    """Read every contact; the number of turns."""
    return sum(len(each.turns) for each in read_contacts([path], ReadOptions()) if isinstance(each, Transcript))


def read_masked(path: Path) -> int:
    """Read and mask every contact; the number of turns."""
    contacts = (each for each in read_contacts([path], ReadOptions()) if isinstance(each, Transcript))
    return sum(len(mask_transcript(each)[0].turns) for each in contacts)


def parse(path: Path) -> int:
    """Only parse every line; the number of turns."""
    with path.open(encoding="utf-8") as file:
        return sum(len(json.loads(line)["turns"]) for line in file)


WAYS: dict[str, Callable[[Path], int]] = {"read": read, "read_and_mask": read_masked, "json_loads": parse}


def rates(path: Path, turns: int, rounds: int) -> dict[str, list[float]]:
    """Turns per second of processor time of each way, round by round."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            start = time.process_time()
            if way(path) != turns:
                raise SystemExit(f"{name} lost turns")
            found[name].append(round(turns / (time.process_time() - start)))
    return found


def _peak_kib() -> float:
    """The peak memory of this process; getrusage, where there is nothing better, counts what its parent held."""
    status = Path("/proc/self/status")
    if status.exists():
        return float(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)


def peak_mb(path: Path) -> float:
    """The peak memory of a process that reads and masks the file, in MB."""
    command = [sys.executable, "-m", "eval.ingest_speed", "--peak", str(path)]
    # a fixed command, no shell
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # nosec B603


def measure(sizes: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """All figures for all sizes."""
    results: dict[str, Any] = {"python": platform.python_version(), "turns_a_contact": TURNS, "rounds": rounds}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = Path(folder, f"{size}.jsonl")
            turns = write_contacts(path, size)
            found = rates(path, turns, rounds)
            against = [own / plain for own, plain in zip(found["read"], found["json_loads"], strict=True)]
            results[str(size)] = {
                "turns": turns,
                "mb": round(path.stat().st_size / 1e6, 1),
                "turns_per_cpu_second": {name: statistics.median(each) for name, each in found.items()},
                "rounds": found,
                "read_against_json_loads": round(statistics.median(against), 3),
                "peak_mb": peak_mb(path),
            }
    return results


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peak", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        read_masked(options.peak)
        print(round(_peak_kib() / 1000, 1))
        return
    results = measure(SIZES, options.rounds)
    options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for size in map(str, SIZES):
        found = results[size]
        rate = ", ".join(f"{name} {value:,.0f}" for name, value in found["turns_per_cpu_second"].items())
        print(
            f"{size} contacts: turns/s {rate}; {found['read_against_json_loads']} of json.loads; {found['peak_mb']} MB"
        )


if __name__ == "__main__":
    main()
