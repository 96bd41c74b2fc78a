"""Whether cost grows in proportion: the time of a contact in runs of 1,000, 10,000 and 100,000 contacts.

    python -m eval.growth --data ../shared/data

A contact here is a customer's turn and the agent's next one out of STAR and SGD, each with three words of others at its
end, so that hardly a turn occurs twice: a run whose texts repeat would gain with its size and hide what grows. Small
runs stand before and after the large one. What a run takes before it scores (measured with one contact) is left out.
"""

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from cxsentiment.cores import cores
from cxsentiment.errors import CxError
from cxsentiment.model import default_model, read_bundle
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric
from eval.machine import described
from eval.sources import lines_of

RESULTS = Path(__file__).parent / "results" / "growth.json"
SIZES = (1_000, 1_000, 10_000, 100_000, 10_000, 1_000, 1_000)
SOURCES = ("star", "sgd")
_WORDS_ADDED = 3


def pairs_of(data: Path) -> list[tuple[str, str]]:
    """A customer's turn and the agent's next one, of all sources, as they follow each other."""
    found = []
    for name in SOURCES:
        for line in lines_of(data / f"{name}.jsonl.gz"):
            for one, other in pairwise(json.loads(line)["turns"]):
                if (one["speaker"], other["speaker"]) == ("customer", "agent"):
                    found.append((one["text"], other["text"]))
    return found


def contacts(pairs: Sequence[tuple[str, str]], count: int, chance: random.Random) -> Iterator[str]:
    """`count` contacts as JSONL lines, drawn at random, with words of other turns at their ends."""
    for number in range(count):
        texts = list(chance.choice(pairs))
        for place, text in enumerate(texts):
            words = [
                chance.choice(chance.choice(chance.choice(pairs)).split() or ["well"]) for _ in range(_WORDS_ADDED)
            ]
            texts[place] = f"{text} {' '.join(words)}"
        turns = [{"speaker": "customer", "text": texts[0]}, {"speaker": "agent", "text": texts[1]}]
        yield json.dumps({"id": f"c{number:06d}", "agent_id": f"a{number % 100}", "turns": turns}) + "\n"


def measure(data: Path, model: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """Score runs of these sizes, one after another, and return seconds and processor seconds of a contact in each."""
    settings = Settings(model, read_rubric(default_rubric()), workers=cores())
    read_bundle(model)  # a missing model is told before the sources are read
    pairs = pairs_of(data)
    chance = random.Random(1)  # nosec B311  # the same contacts each time
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for place, size in enumerate((1, *sizes)):
            source = folder / f"{place}.jsonl"
            source.write_text("".join(contacts(pairs, size, chance)), encoding="utf-8")
            receipt = run([str(source)], folder / f"run-{place}", settings)
            assert receipt["contacts"]["scored"] == size
            start = rows[0]["seconds"] if rows else 0.0
            seconds = receipt["seconds"]["total"]
            rows.append(
                {
                    "contacts": size,
                    "seconds": round(seconds, 2),
                    "milliseconds_a_contact": round(1000 * (seconds - start) / size, 3),
                    "processor_milliseconds_a_contact": round(1000 * _worked(receipt) / size, 3),
                }
            )
            print(rows[-1], flush=True)
    return {"machine": described(), "to_start_seconds": rows[0]["seconds"], "runs": rows[1:], "times": _times(rows[1:])}


def _worked(receipt: dict[str, Any]) -> float:
    """Seconds of all phases together, of all processes."""
    return float(sum(seconds for name, seconds in receipt["seconds"].items() if name != "total"))


def _times(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """A contact's cost in each size of run as a multiple of that in the smallest; medians of the runs of a size."""
    found = {}
    for key in ("milliseconds_a_contact", "processor_milliseconds_a_contact"):
        sizes = sorted({row["contacts"] for row in rows})
        medians = [statistics.median(row[key] for row in rows if row["contacts"] == size) for size in sizes]
        found[key] = {str(size): round(value / medians[0], 3) for size, value in zip(sizes, medians, strict=True)}
    return found


def main() -> None:
    """Print the figures and write them to eval/results/growth.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds star.jsonl.gz and sgd.jsonl.gz")
    parser.add_argument("--model", type=Path, default=None, help="model folder; the bundled one otherwise")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="contacts of the runs, in their order")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    try:
        figures = measure(given.data, given.model or default_model(), given.sizes)
    except CxError as error:
        raise SystemExit(error.message) from error
    given.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures["times"], indent=2))


if __name__ == "__main__":
    main()
