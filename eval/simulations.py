"""Checks every interval on made data with planted truth: `python -m eval.simulations`.

Each scenario is repeated with fixed seeds and its mean figures are held against their bands. Results are written after
each scenario, so that a run which was broken off goes on where it stopped; `--again` starts over. Exit code 4 if a band
is missed.
"""

import argparse
import json
import math
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from eval.replicates import Figures
from eval.scenarios import SCENARIOS, Scenario

RESULTS = Path(__file__).parent / "results" / "simulations.json"
REPLICATES = 400
GATE_FAILED = 4


def simulate(name: str, scenario: Scenario, replicates: int) -> dict[str, Any]:
    """Mean figures over the replicates, their simulation errors, and how each band is met."""
    # The seed comes from the name, so that no scenario's numbers depend on which others were run.
    runs = [scenario.replicate(np.random.default_rng([crc32(name.encode()), seed])) for seed in range(replicates)]
    figures = {key: np.array([run[key] for run in runs]) for key in runs[0]}
    means = {key: _mean(values) for key, values in figures.items()}
    errors = {key: _mean((values - means[key]) ** 2) ** 0.5 / math.sqrt(replicates) for key, values in figures.items()}
    means.update(_derived(means))
    bands = [
        {"figure": key, "low": low, "high": high, "value": _round(means[key]), "met": low <= means[key] <= high}
        for key, low, high in scenario.bands
    ]
    return {
        "replicates": replicates,
        "from_methods": scenario.from_methods,
        "figures": {key: _round(value) for key, value in means.items()},
        "simulation_error": {key: _round(value) for key, value in errors.items()},
        "bands": bands,
    }


def _mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a figure that no replicate has is NaN, and misses its band
        return float(np.nanmean(values))


def _derived(means: Figures) -> Figures:
    """Figures made of the mean figures: roots of mean squares, and ratios of means."""
    found = {key.replace("mse_", "rmse_"): math.sqrt(means[key]) for key in means if key.startswith("mse_")}
    if "rmse_raw" in found:
        found["rmse_over_raw"] = found["rmse_model"] / found["rmse_raw"]
    if "human_width" in means:
        found["width_over_human"] = means["width"] / means["human_width"]
    if "wrong_of_all" in means:
        found["wrong_of_decided"] = means["wrong_of_all"] / means["decided"] if means["decided"] else 0.0
    return found


def _round(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _write(path: Path, results: dict[str, Any]) -> None:
    ordered = {name: results[name] for name in SCENARIOS if name in results}
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(aside, path)  # noqa: PTH105


def missed(results: dict[str, Any]) -> list[str]:
    """One line for each band that is not met."""
    return [
        f"{name}: {band['figure']} {band['value']} is not in {band['low']}-{band['high']}"
        for name, result in results.items()
        for band in result["bands"]
        if not band["met"]
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not in the results yet, print each scenario's bands, and say which are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument("--only", default="", help="scenarios whose name holds this text")
    parser.add_argument("--again", action="store_true", help="also those that are in the results")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args(arguments)
    results = json.loads(given.results.read_text(encoding="utf-8")) if given.results.exists() else {}
    for name, scenario in SCENARIOS.items():
        done = name in results and results[name]["replicates"] == given.replicates
        if given.only not in name or (done and not given.again):
            continue
        results[name] = simulate(name, scenario, given.replicates)
        _write(given.results, results)
        bands = "; ".join(
            f"{band['figure']} {band['value']} [{band['low']}, {band['high']}] {'' if band['met'] else 'MISSED'}"
            for band in results[name]["bands"]
        )
        print(f"{name}: {bands}", flush=True)
    lines = missed(results)
    print("\n".join(lines) if lines else f"All bands of {len(results)} scenarios are met.")
    return GATE_FAILED if lines else 0


if __name__ == "__main__":
    sys.exit(main())
