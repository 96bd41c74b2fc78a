"""Generates MODEL_CARD.md of a bundle: `python -m training.card models/default --results eval/results/default.json`.

Every number comes from bundle.json or from the evaluation's results; the words around them stand in card.md.j2.
"""

import argparse
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from cxsentiment.errors import CxError, UsageError
from cxsentiment.kept_figures import read_figures_of
from cxsentiment.model import Bundle, read_bundle
from training.catalogue import SOURCES
from training.templates import environment

_MODEL = "this model"
_EXAMPLES = 16
_WORST = 5
_LONGEST = 240  # characters of an example


def figure(value: dict[str, Any]) -> str:
    """`.812 [.79, .83]`; `.812` where too few cases give an interval; a dash where there was nothing to measure."""
    if value["value"] is None:
        return "–"
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} [{value['low']:.2f}, {value['high']:.2f}]"


def counted(share: dict[str, Any]) -> str:
    """`18/33, .55 [.38, .70]`, or a dash where there was nothing to count."""
    return f"{share['count']}/{share['n']}, {figure(share)}" if share["n"] else "–"


def read_results(path: Path, bundle_sha256: str) -> dict[str, Any]:
    """Read the evaluation's results; UsageError where they are missing, damaged or of another model."""
    keys = ("heads", "calibration", "failures", "transfer")
    return read_figures_of(path, bundle_sha256, "Run python -m eval.run on this bundle", keys)


def read_behaviour(path: Path, bundle_sha256: str) -> dict[str, Any]:
    """Read the results of the behaviour tests; UsageError where they are missing, damaged or of another model."""
    keys = ("all", "heads", "kinds", "capabilities", "fairness", "failed")
    return read_figures_of(path, bundle_sha256, "Run python -m eval.behaviour on this bundle", keys)


def least_passed(behaviour: dict[str, Any]) -> list[str]:
    """The capabilities with the smallest share of passed cases, smallest first."""
    rates = {name: one["all"]["value"] for name, one in behaviour["capabilities"].items() if one["all"]["n"]}
    return sorted(rates, key=lambda name: (rates[name], name))[:_WORST]


def examples(behaviour: dict[str, Any]) -> list[dict[str, str]]:
    """One failed text of each capability, the capabilities that fail most first."""
    chosen: dict[str, dict[str, str]] = {}
    for one in behaviour["failed"]:
        if one["report_only"]:
            continue
        failure = one["failures"][0]
        chosen.setdefault(
            one["capability"],
            {"capability": one["capability"], "head": one["head"], "text": failure["text"], "why": failure["why"]},
        )
    rates = behaviour["capabilities"]
    worst = sorted(chosen, key=lambda name: (rates[name]["all"]["value"] or 0.0, name))
    return [chosen[name] for name in worst[:_EXAMPLES] if len(chosen[name]["text"]) <= _LONGEST]


def card(folder: Path, results: Path) -> str:
    """The text of the card of the bundle in `folder`. Raises BundleError, UsageError."""
    bundle, sha256 = read_bundle(folder)
    found = read_results(results, sha256)
    behaviour = read_behaviour(results.with_name(f"{results.stem}-behaviour.json"), sha256)
    try:
        return _rendered(bundle, found, behaviour)
    except (UndefinedError, KeyError, TypeError, AttributeError) as error:
        what = f"these lack something that the card shows: {error}"
        raise UsageError(f"{folder}, {results}", what, do="Run python -m eval.run and eval.behaviour anew") from error


def _rendered(bundle: Bundle, found: dict[str, Any], behaviour: dict[str, Any]) -> str:
    templates = environment()
    templates.filters["figure"] = figure
    templates.filters["counted"] = counted
    templates.globals["by_source"] = lambda sets: {k: v for k, v in sets.items() if not k.startswith("style ")}
    templates.globals["by_style"] = lambda sets: {k: v for k, v in sets.items() if k.startswith(("all", "style "))}
    return templates.get_template("card.md.j2").render(
        bundle=bundle,
        megabytes=sum(file.bytes for file in bundle.files.values()) / 1e6,
        training=bundle.training,
        sources={name: SOURCES[name] for name in bundle.training["sources"]},  # type: ignore[attr-defined]
        results=found,
        behaviour=behaviour,
        examples=examples(behaviour),
        worst=least_passed(behaviour),
        noises=[
            name
            for name, one in behaviour["capabilities"].items()
            if one["flips"] and name not in behaviour["fairness"]
        ],
        channels=list(dict.fromkeys(name for head in found["calibration"].values() for name in head)),
        model=_MODEL,
    )


def main() -> None:
    """Write the card beside the bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    try:
        text = card(options.model, options.results)
    except CxError as error:
        raise SystemExit(error.message) from error
    (options.model / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    print(f"wrote {options.model / 'MODEL_CARD.md'}")


if __name__ == "__main__":
    main()
