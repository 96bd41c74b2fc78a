"""Measures on labelled turns, which the model was kept from, what leaving unsure verdicts to a person costs and saves.

`python -m eval.abstention models/default --data ../shared/data` writes `abstention.json` into the model's folder: for
each act, and for all together, the share of verdicts within 0.5 ± w and the share of wrong ones among the others with
its 95 % interval (Wilson; turns count as independent).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from cxsentiment.abstention import MEASURED, WIDTHS
from cxsentiment.model import Model
from cxsentiment.schema import ACTS
from cxsentiment.stats.rates import wilson_interval
from eval.baselines import truth_of
from eval.run import answers_of
from eval.testset import BESIDE, read_cases


def measure(model: Path, data: Path) -> dict[str, Any]:
    """The curves of every act and of all, as plain data."""
    cases = [
        case
        for case in read_cases(data, model)
        if case.part == "test" and case.sentiment is None and case.source not in BESIDE
    ]
    scores = np.asarray(answers_of(Model(model), "acts", cases).scores, np.float64)
    truth = np.asarray(truth_of(cases, "acts"), bool)
    wrong = (scores >= 0.5) != truth
    found = {act: _curve(scores[:, k], wrong[:, k]) for k, act in enumerate(ACTS)}
    return {
        "turns": len(cases),
        "verdicts": int(scores.size),
        "all": _curve(scores.ravel(), wrong.ravel()),
        "acts": found,
    }


def _curve(p: Any, wrong: Any) -> list[dict[str, Any]]:
    rows = []
    for width in WIDTHS:
        kept = np.abs(p - 0.5) >= width
        estimate = wilson_interval(int(wrong[kept].sum()), int(kept.sum()))
        rows.append(
            {
                "half_width": width,
                "abstained": round(float(np.mean(~kept)), 5),
                "wrong": None if estimate.value is None else round(estimate.value, 5),
                "low": None if estimate.low is None else round(estimate.low, 5),
                "high": None if estimate.high is None else round(estimate.high, 5),
                "kept": int(kept.sum()),
            }
        )
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    result = measure(arguments.model, arguments.data)
    (arguments.model / MEASURED).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["all"]:
        print(row)


if __name__ == "__main__":
    main()
