"""How long a scorecard takes: a finished run rescored by rubrics of 1, 14, 100 and 200 items, on one core, in turns.

`python -m eval.rubric_speed RUN [--out FILE]`. The rubrics go round one after another in one process, three times each,
so that a slow minute of the machine meets them all; medians are reported.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from cxsentiment import runs
from cxsentiment.rescore import rescore
from cxsentiment.rubric.reading import default_rubric, parse_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ACTS
from eval.machine import described

_ROUNDS = 3
_PHRASES = (
    "sorry to hear|learn", "thank you for waiting|holding|your patience", "let me check|see|look", "pay|paid {money}",
    "is there anything else", "can i have your (_) number", "you can (also) find", "i will|i'll send you",
    "please (_) confirm", "have a nice|great|good day", "your booking|order|reservation is", "how can|may i help",
    "one moment|second please", "would you like me to", "i understand * frustrating", "we don't have",
    "unfortunately", "no problem", "what is|what's your", "by (_) tomorrow|today|monday",
)  # fmt: skip


def rubric_of(items: int) -> Rubric:
    """A rubric of as many items, of every kind of condition, in sections of four."""
    made = [_item(number) for number in range(items)]
    sections = [
        {"id": f"s{start}", "title": f"Section {start}", "weight": 1, "items": made[start : start + 4]}
        for start in range(0, items, 4)
    ]
    return parse_rubric(
        {"name": f"bench-{items}", "version": "1", "minimum_coverage": 0, "sections": sections}, "bench"
    )


def _item(number: int) -> dict[str, Any]:
    act, other = ACTS[number % len(ACTS)], ACTS[(number * 7 + 3) % len(ACTS)]
    phrase = _PHRASES[number % len(_PHRASES)]
    conditions: tuple[dict[str, Any], ...] = (
        {"act": act},
        {"act": act, "in_first": 1 + number % 5},
        {"phrase": [phrase, f"{phrase} (and) item {number}"]},
        {"act": act, "before": {"act": other}},
        {"act": act, "after": {"sentiment": "negative"}, "within": 1 + number % 4},
        {"any": [{"act": act}, {"phrase": phrase}]},
        {"all": [{"act": act}, {"not": {"phrase": phrase, "by": "customer"}}]},
        {"pattern": rf"\b(?:item|booking|order) {number}\d*\b"},
        {"act": act, "after_every": {"act": other}, "within": 3},
        {"at_least": {"n": 2, "of": [{"act": act}, {"act": other}, {"phrase": phrase}]}},
    )
    item: dict[str, Any] = {
        "id": f"i{number}",
        "question": f"Item {number}?",
        "weight": 1,
        "met_when": conditions[number % 10],
    }
    if number % 3 == 0 and act != other:
        item["applies_when"] = {"if": {"act": other}}
    return item


def measure(run: Path) -> dict[str, Any]:
    """Seconds of each rubric (median of the rounds), the ratio to one item, and the size of the run."""
    receipt = runs.require_complete(run)
    rubrics = [rubric_of(1), read_rubric(default_rubric()), rubric_of(100), rubric_of(200)]
    seconds: dict[str, list[float]] = {rubric.name: [] for rubric in rubrics}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(_ROUNDS):
            for rubric in rubrics:
                begun = time.process_time()
                rescore(run, rubric, Path(folder) / f"{rubric.name}-{number}")
                seconds[rubric.name].append(time.process_time() - begun)
    medians = {name: round(statistics.median(values), 2) for name, values in seconds.items()}
    base = medians["bench-1"]
    phases = receipt["seconds"]
    return {
        "run": {"contacts": receipt["contacts"]["scored"], "turns": receipt["turns"]["scored"]},
        "seconds_of_one_core": medians,
        "all_rounds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
        "times_one_item": {name: round(value / base, 2) for name, value in medians.items()},
        "share_of_scoring": {
            "score_phase_seconds": phases.get("score"),
            "all_phases_seconds": round(
                sum(phases.get(name, 0.0) for name in ("mask", "predict", "score", "write")), 2
            ),
        },
        "machine": described(),
    }


def main() -> None:
    """Measure, print and, with --out, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    result = measure(arguments.run)
    text = json.dumps(result, indent=2) + "\n"
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
