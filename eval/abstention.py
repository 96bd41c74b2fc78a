"""Measures on labelled turns, which the model was kept from, what leaving unsure verdicts to a person costs and saves.

`python -m eval.abstention models/default --data ../shared/data` writes `abstention.json` into the model's folder: for
each act, and for all together, the share of verdicts within 0.5 ± w and the share of wrong ones among the others with
its 95 % interval. Verdicts of a conversation are alike, and those of a turn more so: the interval is Wilson's with the
n that the spread between conversations leaves (`share_interval`). Where none of the verdicts is wrong, or all are,
there is no spread to see, and each conversation counts as one trial. `kept` counts verdicts.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cxsentiment.abstention import MEASURED, WIDTHS
from cxsentiment.errors import CxError
from cxsentiment.kept_figures import OF_BUNDLE
from cxsentiment.model import Model
from cxsentiment.schema import ACTS, Estimate
from cxsentiment.stats.rates import share_interval, wilson_interval
from eval.baselines import truth_of
from eval.run import answers_of
from eval.sources import told
from eval.testset import BESIDE, read_cases


def measure(model: Path, data: Path) -> dict[str, Any]:
    """The curves of every act and of all, as plain data."""
    with told(data):
        every = read_cases(data, model)
    cases = [case for case in every if case.part == "test" and case.sentiment is None and case.source not in BESIDE]
    bundle = Model(model)
    scores = np.asarray(answers_of(bundle, "acts", cases).scores, np.float64)
    truth = np.asarray(truth_of(cases, "acts"), bool)
    wrong = (scores >= 0.5) != truth
    names, of = np.unique([f"{case.source}/{case.conversation}" for case in cases], return_inverse=True)
    found = {act: _curve(scores[:, k], wrong[:, k], of) for k, act in enumerate(ACTS)}
    return {
        OF_BUNDLE: bundle.sha256,
        "turns": len(cases),
        "conversations": len(names),
        "verdicts": int(scores.size),
        "all": _curve(scores.ravel(), wrong.ravel(), np.repeat(of, len(ACTS))),
        "acts": found,
    }


def _curve(p: Any, wrong: Any, conversations: Any) -> list[dict[str, Any]]:
    """The curve of verdicts with probabilities `p`, of which some are `wrong`, in these conversations; shapes (n,)."""
    rows = []
    for width in WIDTHS:
        kept = np.abs(p - 0.5) >= width
        estimate = _share(wrong[kept], conversations[kept])
        rows.append(
            {
                "half_width": width,
                "abstained": round(float(np.mean(~kept)), 5),
                "wrong": None if estimate.value is None else round(estimate.value, 5),
                "low": None if estimate.low is None else round(float(estimate.low), 5),
                "high": None if estimate.high is None else round(float(estimate.high), 5),
                "kept": int(kept.sum()),
            }
        )
    return rows


def _share(wrong: Any, conversations: Any) -> Estimate:
    found = share_interval(wrong.astype(np.float64), clusters=conversations)
    if found.low is None or found.value not in (0.0, 1.0):
        return found
    count = len(np.unique(conversations))
    whole = wilson_interval(round(found.value * count), count)
    return replace(found, low=whole.low, high=whole.high)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args(arguments)
    try:
        result = measure(given.model, given.data)
    except CxError as error:
        raise SystemExit(error.message) from error
    (given.model / MEASURED).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["all"]:
        print(row)


if __name__ == "__main__":
    main()
