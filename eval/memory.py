"""What a run holds in memory: the peak of the main process and of its largest worker, for inputs of every shape.

    python -m eval.memory --data ../shared/data

Each case is a `cxsentiment score` of its own; a peak is what the system counted for a process (VmHWM: all memory of it
that was resident, pages that it shares with others too). `turns` are real chats (STAR), again and again with ids of
their own; texts repeat, as they do in chats, so that the model is asked seldom. `contacts` is the main process alone: a
million contacts of two turns are read, cut and merged, while the parts that they belong to stand already and are
verified; so no model runs. The other cases are what an export may hold at worst.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment import runs
from cxsentiment.cores import cores
from cxsentiment.errors import CxError
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.sources import find_sources
from cxsentiment.kept_figures import read_figures
from cxsentiment.model import default_model, read_bundle
from cxsentiment.pipeline import Settings, plan_of
from cxsentiment.receipt import fingerprint
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.schema import Transcript
from cxsentiment.shards import Shard, cut
from eval.machine import described, tree
from eval.sources import lines_of

SOURCE = "star.jsonl.gz"
RESULTS = Path(__file__).parent / "results" / "memory.json"
_PROGRAM = "from cxsentiment.cli import main; main()"
_LOOK_EVERY_S = 0.1
_DONE = (0, 3)  # done, and done with rejects
_LINES_A_FILE = 6
_BROKEN = '{"id": "broken-%d", "turns": [{"speaker": "agent"'


@dataclass(frozen=True)
class Peaks:
    """The largest resident memory of a run's main process and of its largest worker (0: it had none), in bytes."""

    main: int
    worker: int


@dataclass(frozen=True)
class Case:
    """An input of so many units, written by `write(source contacts, folder, count)`; the path to score."""

    unit: str
    count: int
    write: Callable[[list[dict[str, Any]], Path, int], Path]
    standing: bool = False


def star(data: Path) -> list[dict[str, Any]]:
    """The chats of STAR with what a contact needs."""
    return [_plain(json.loads(line)) for line in lines_of(data / SOURCE)]


def _plain(contact: dict[str, Any]) -> dict[str, Any]:
    turns = [{"speaker": one["speaker"], "text": one["text"]} for one in contact["turns"]]
    return {"id": contact["id"], "channel": "chat", "agent_id": contact["agent_id"], "turns": turns}


def _again(contacts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The contacts again and again, with ids of their own."""
    for number, contact in enumerate(itertools.cycle(contacts)):
        yield {**contact, "id": f"contact-{number:07d}"}


def _texts(contacts: list[dict[str, Any]]) -> Iterator[str]:
    return itertools.cycle([" ".join(turn["text"].split()) for contact in contacts for turn in contact["turns"]])


def _write(path: Path, contacts: Iterable[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(contact) + "\n" for contact in contacts)
    return path


def turns(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """Whole chats of `count` turns or a few more."""

    def enough() -> Iterator[dict[str, Any]]:
        written = 0
        for contact in _again(contacts):
            yield contact
            written += len(contact["turns"])
            if written >= count:
                return

    return _write(folder / "turns.jsonl", enough())


def short_contacts(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """`count` contacts of the first two turns of a chat."""
    short = ({**contact, "turns": contact["turns"][:2]} for contact in _again(contacts))
    return _write(folder / "contacts.jsonl", itertools.islice(short, count))


def table(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """The same contacts as a CSV file, one row a turn."""
    path = folder / "contacts.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("contact_id,speaker,text\n")
        for contact in itertools.islice(_again(contacts), count):
            for turn in contact["turns"][:2]:
                text = turn["text"].replace('"', '""')
                file.write(f'{contact["id"]},{turn["speaker"]},"{text}"\n')
    return path


def broken_lines(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """`count` lines that are cut off, after one good contact."""
    path = folder / "broken.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(contacts[0]) + "\n")
        file.writelines(_BROKEN % number + "\n" for number in range(count))
    return path


def long_call(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """One contact of `count` turns."""
    both = zip(itertools.cycle(("agent", "customer")), _texts(contacts), strict=True)  # neither ends
    said = [{"speaker": who, "text": text} for who, text in itertools.islice(both, count)]
    return _write(folder / "call.jsonl", [{"id": "long", "turns": said}])


def long_turn(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """A contact in which one turn has `count` characters."""
    said = " ".join(itertools.islice(_texts(contacts), count // 10))[:count]
    turns = [{"speaker": "customer", "text": said}, {"speaker": "agent", "text": said}]
    return _write(folder / "turn.jsonl", [{"id": "long", "turns": turns}])


def files(contacts: list[dict[str, Any]], folder: Path, count: int) -> Path:
    """A folder of `count` files with a few turns each."""
    calls = folder / "calls"
    calls.mkdir()
    both = zip(itertools.cycle(("Agent", "Customer")), _texts(contacts), strict=True)
    for number in range(count):
        lines = [f"{who}: {text}\n" for who, text in itertools.islice(both, _LINES_A_FILE)]
        (calls / f"call-{number:05d}.txt").write_text("".join(lines), encoding="utf-8")
    return calls


CASES: dict[str, Case] = {
    "one chat": Case("turns", 20, turns),
    "turns": Case("turns", 1_000_000, turns),
    "contacts": Case("contacts", 1_000_000, short_contacts, standing=True),
    "contacts in a table": Case("contacts", 1_000_000, table, standing=True),
    "lines that are broken": Case("lines", 1_000_000, broken_lines),
    "one long call": Case("turns", 50_000, long_call),
    "one long turn": Case("characters", 200_000, long_turn),
    "many files": Case("files", 10_000, files),
}


def stand(source: Path, out: Path, model: Path) -> int:
    """Write the parts of a run over `source` with their keys and nothing in them; how many there are."""
    settings = Settings(model, read_rubric(default_rubric()))
    sources = find_sources([str(source)])
    plan = plan_of(settings, *read_bundle(model), [fingerprint(one) for one in sources])
    read = (one for one in read_contacts(sources, settings.options) if isinstance(one, Transcript))
    empty: dict[str, dict[str, list[Any]]] = {
        name: {column: [] for column in schema.names} for name, schema in runs.SCHEMAS.items()
    }
    count = 0
    for shard in cut(read, plan.identity()):
        runs.write_shard(out, shard.number, empty, _note(shard))
        count += 1
    runs.write_receipt(out, {"state": "incomplete", "identity": plan.identity(), "parts": plan.parts()})
    return count


def _note(shard: Shard) -> runs.ShardNote:
    """What the scorer would say of a shard, as far as it can be said without a model."""
    count = sum(len(contact.turns) for contact in shard.contacts)
    return runs.ShardNote(shard.key, len(shard.contacts), count, count, 0, 0, {}, {}, {}, {})


def score(source: Path, out: Path, model: Path, workers: int) -> tuple[Peaks, dict[str, Any]]:
    """Score `source` in processes of their own; their peaks and the receipt."""
    options = ["--out", str(out), "--model", str(model), "--workers", str(workers), "--json"]
    command = [sys.executable, "-c", _PROGRAM, "score", str(source), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # nosec B603  # a fixed command, no shell
    peaks = Peaks(0, 0)
    while process.poll() is None:
        main, *others = tree(process.pid)
        worker = max((_peak(pid) for pid in others if _is_worker(pid)), default=0)
        peaks = Peaks(max(peaks.main, _peak(main)), max(peaks.worker, worker))
        time.sleep(_LOOK_EVERY_S)
    if process.returncode not in _DONE:
        raise SystemExit(f"scoring {source} failed")
    return peaks, json.loads((out / runs.RECEIPT).read_text(encoding="utf-8"))


def _peak(pid: int) -> int:
    """The largest resident memory that a process had so far, in bytes; 0 where it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _is_worker(pid: int) -> bool:
    """Whether it is a process of the pool: the pool has one more that only cleans up."""
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def measure(case: Case, count: int, contacts: list[dict[str, Any]], model: Path, workers: int) -> dict[str, Any]:
    """One case with `count` units: what was scored, in how long, and the peaks."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = case.write(contacts, folder, count)
        parts = stand(source, folder / "run", model) if case.standing else 0
        peaks, receipt = score(source, folder / "run", model, workers)
    if case.standing and receipt["shards_reused"] != parts:
        raise SystemExit("the parts that stood were not taken for those of this run")
    return {
        case.unit: count,
        "contacts_in": receipt["contacts"]["in"],
        "turns_in": receipt["turns"]["in"],
        "rejected": receipt["contacts"]["rejected"],
        "shards": receipt["shards"],
        "seconds": round(receipt["seconds"]["total"], 1),
        "main_process_mb": round(peaks.main / 2**20),
        "largest_worker_mb": round(peaks.worker / 2**20) or None,
    }


def main() -> None:
    """Print the peaks and write them, of a whole run to eval/results/memory.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds star.jsonl.gz")
    parser.add_argument("--model", type=Path, default=None, help="model folder; the bundled one otherwise")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--case", action="append", choices=list(CASES), help="these only, beside what was measured")
    parser.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="how much of each input; for a quick look, which writes nothing without --out",
    )
    parser.add_argument("--out", type=Path, help="default: eval/results/memory.json")
    options = parser.parse_args()
    model = options.model or default_model()
    out = options.out or (RESULTS if options.share == 1 else None)
    try:
        read_bundle(model)
        contacts = star(options.data)
        found = _kept(out) if options.case and out else {}
    except CxError as error:
        raise SystemExit(error.message) from error
    under = {"machine": described(), "workers": options.workers, "share": options.share}
    for name in options.case or CASES:
        count = round(CASES[name].count * options.share)
        found[name] = measure(CASES[name], count, contacts, model, options.workers) | under
        print(f"{name}: {found[name]}", flush=True)
        if out:
            cases = {known: found[known] for known in CASES if known in found}
            out.write_text(json.dumps({"source": SOURCE, "cases": cases}, indent=2) + "\n", encoding="utf-8")


def _kept(out: Path) -> dict[str, Any]:
    """The cases that were measured before, each with the machine, workers and share that it was measured with."""
    do = "Restore the file, or measure without --case"
    return dict(read_figures(out, do, ("cases",))["cases"]) if out.exists() else {}


if __name__ == "__main__":
    main()
