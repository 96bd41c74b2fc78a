"""How fast the scoring path is, beside what a user would write and beside what the processor can multiply.

    python -m eval.speed --data ../shared/data

"Ours" is the whole path (read, mask, tokenise, score, apply the scorecard, write Parquet) over all of STAR, with one
process a core. Beside it, over the turns of contacts drawn evenly from the same file: the `transformers` pipeline, ONNX
Runtime as one would first use it, VADER and a spaCy text classifier, scoring only (see `rivals`). All of them run by
turns, round after round, and the ratio within a round is what counts: machines are noisy. Then one process against
two, the share of the model's path in what a core can multiply (see `limits`), where the time goes, and the cold start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cxsentiment.cores import cores
from cxsentiment.devices import Device, choose
from cxsentiment.errors import CxError
from cxsentiment.model import Model, default_model
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric
from eval import limits, rivals
from eval.machine import described, resident, tree
from eval.sources import lines_of

RESULTS = Path(__file__).parent / "results" / "speed.json"
COLD_TURNS = 20
_LIMIT_TEXTS = 3000
_WITH_OPENVINO = "ours with OpenVINO"


def texts_of(contacts: Sequence[str]) -> list[str]:
    """The texts that a head reads, as they stand."""
    turns = [turn for line in contacts for turn in json.loads(line)["turns"]]
    return [turn["text"] for turn in turns if turn["speaker"] in ("agent", "customer")]


def our_path(
    source: Path, model: Path, folder: Path, workers: int, device: Device = "cpu"
) -> Callable[[], dict[str, Any]]:
    """A function that scores a file into a fresh run folder and returns the receipt."""
    settings = Settings(model, read_rubric(default_rubric()), workers=workers, device=device)

    def once() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            return run([str(source)], Path(out) / "run", settings)

    return once


def rate_of(receipt: Mapping[str, Any]) -> float:
    """Turns a second of a run, from its start to its last file."""
    return float(receipt["turns"]["scored"] / receipt["seconds"]["total"])


def cold_start(model: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of whole processes: `cxsentiment --help`, and `score` on one file of 20 turns."""
    call = folder / "call.txt"
    lines = ["Agent: Hello, this is Ana. How can I help?", "Customer: My order never came and I am upset."]
    call.write_text("\n".join(f"{line} ({k})" for k in range(COLD_TURNS // 2) for line in lines) + "\n")
    seconds: dict[str, list[float]] = {"help": [], "score": []}
    # What was installed is compiled, and a checkout from its first start on, unless the environment forbids to keep it.
    compiled = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for k in range(rounds + 1):
        score = ["score", str(call), "--out", str(folder / f"cold{k}"), "--model", str(model)]
        for name, arguments in (("help", ["--help"]), ("score", score)):
            start = time.perf_counter()
            # a fixed command, no shell
            subprocess.run([*_program(), *arguments], check=True, capture_output=True, env=compiled)  # nosec B603
            seconds[name].append(round(time.perf_counter() - start, 3))
    return {name: values[1:] for name, values in seconds.items()}  # the first compiles, and fills the file cache


def peak_memory(source: Path, model: Path, folder: Path) -> int:
    """Bytes that a whole `cxsentiment score` and its workers hold at most, memory that they share counted once."""
    arguments = ["score", str(source), "--out", str(folder / "whole"), "--model", str(model)]
    silent = subprocess.DEVNULL
    process = subprocess.Popen([*_program(), *arguments], stdout=silent, stderr=silent)  # nosec B603  # no shell
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(resident(pid) for pid in tree(process.pid)))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"scoring {source} failed")
    return peak


def _program() -> list[str]:
    return [sys.executable, "-c", "from cxsentiment.cli import main; main()"]


def measure(data: Path, model: Path, contacts: int, rounds: int, starts: int) -> dict[str, Any]:
    """Run everything and return the figures."""
    bundle = Model(model).bundle
    recipe: Any = bundle.training["recipe"]
    source = data / "star.jsonl.gz"
    rows = lines_of(source)
    sample = texts_of(rows[:: max(1, len(rows) // contacts)])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        ours = {"ours": our_path(source, model, folder, cores())}
        if choose("auto") == "openvino":  # also where it is not what `auto` takes for this model
            ours[_WITH_OPENVINO] = our_path(source, model, folder, cores(), "openvino")
        others = {
            "transformers pipeline": rivals.transformers_pipeline(
                sample, recipe["layers"], recipe["encoder"].replace("-", "_")
            ),
            "onnxruntime, batches of 32 in file order": rivals.naive_onnxruntime(sample, model),
            "VADER, one core": rivals.vader(sample),
            "spaCy text classifier, one core": rivals.spacy_classifier(sample),
        }
        found: dict[str, list[float]] = {name: [] for name in (*ours, *others, "one process", "two processes")}
        for number in range(rounds):
            for name, path in ours.items():
                receipt = path()
                found[name].append(rate_of(receipt))
            for name, other in others.items():
                found[name].append(other())
            for name, workers in (("one process", 1), ("two processes", 2)):
                # Over the whole file: shares of a third of it, seven shards, could not be even.
                same = workers == cores()
                rate = found["ours"][-1] if same else rate_of(our_path(source, model, folder, workers)())
                found[name].append(rate)
            print(f"round {number + 1}: " + ", ".join(f"{k} {v[-1]:,.0f}" for k, v in found.items()), flush=True)
        cold = cold_start(model, folder, starts)
        memory = peak_memory(source, model, folder)
        here: list[tuple[str, Device]] = [("ours", "cpu")]
        if _WITH_OPENVINO in ours:
            here.append((_WITH_OPENVINO, "openvino"))
        part = folder / "part.jsonl"
        part.write_text("".join(rows[: len(rows) // 3]), encoding="utf-8")
        phases = limits.where_time_goes(lambda: _phases(our_path(part, model, folder, 1)()))
    return {
        "machine": described(),
        "model": {"name": bundle.name, "version": bundle.version, "layers": recipe["layers"]},
        "ours_over": {name: receipt[name] for name in ("contacts", "turns")},
        "others_over": {"contacts": len(rows[:: max(1, len(rows) // contacts)]), "turns": len(sample)},
        "turns_per_second": {name: [round(value, 1) for value in values] for name, values in found.items()},
        **{f"{name}_times": {one: _ratio(found[name], found[one]) for one in others} for name in ours},
        "two_processes_times_one": _ratio(found["two processes"], found["one process"]),
        "one_core": {name: one_core(Model(model, device), sample, recipe["layers"], rounds) for name, device in here},
        "where_the_time_of_one_process_goes": phases,
        "cold_start_seconds": cold,
        "peak_memory_mb": round(memory / 2**20),
    }


def one_core(model: Model, texts: Sequence[str], layers: int, rounds: int) -> dict[str, Any]:
    """The model's path on distinct real turns beside plain matrix products, by turns, on one thread.

    The products are as precise as the path's own, and on the default device fp32 too, which the goal is set in.
    """
    distinct = list(dict.fromkeys(texts))[:_LIMIT_TEXTS]
    precision = model.bundle.engine(model.device)["precision"]
    kinds = list(dict.fromkeys([precision, *(["fp32"] if model.device == "cpu" else [])]))
    model.load()
    tokens: list[float] = []
    most: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        tokens.append(limits.tokens_a_second(model, distinct))
        for kind in kinds:
            most[kind].append(limits.most_products(kind))
    needed = limits.products_a_token(layers)
    return {
        "tokens_per_second": [round(rate) for rate in tokens],
        "precision": precision,
        "products_giga_per_second": {kind: [round(rate / 1e9, 1) for rate in most[kind]] for kind in kinds},
        "share_of_what_it_can_multiply": {
            kind: round(
                statistics.median(rate * needed / limit for rate, limit in zip(tokens, most[kind], strict=True)), 3
            )
            for kind in kinds
        },
    }


def _phases(receipt: Mapping[str, Any]) -> dict[str, float]:
    return {name: seconds for name, seconds in receipt["seconds"].items() if name != "total"}


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {"median": round(statistics.median(ratios), 2), "rounds": [round(ratio, 2) for ratio in ratios]}


def main() -> None:
    """Print the figures and write them to eval/results/speed.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds star.jsonl.gz")
    parser.add_argument("--model", type=Path, default=None, help="model folder; the bundled one otherwise")
    parser.add_argument("--contacts", type=int, default=600, help="contacts whose turns the others read")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--starts", type=int, default=5, help="cold starts that are timed")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    try:
        figures = measure(given.data, given.model or default_model(), given.contacts, given.rounds, given.starts)
    except CxError as error:
        raise SystemExit(error.message) from error
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps({name: figures[name] for name in figures if name != "turns_per_second"}, indent=2))


if __name__ == "__main__":
    main()
