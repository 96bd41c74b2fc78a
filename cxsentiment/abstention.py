"""Abstain and route: what it costs and saves to leave unsure verdicts to a person.

For bounds of 0.5 ± w the share of verdicts that would be left to a person, and the error expected among the others:
by the probabilities themselves (the mean of min(p, 1 - p), right as far as they are calibrated), and as measured on
labelled turns that the model never saw, where the model's folder holds such a measurement (`abstention.json`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from cxsentiment.errors import BundleError
from cxsentiment.kept_figures import OF_BUNDLE, read_figures
from cxsentiment.model import read_bundle
from cxsentiment.rescore import evaluations
from cxsentiment.rubric.scorecard import Rubric

WIDTHS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
MEASURED = "abstention.json"
Floats = NDArray[np.float64]


_Share = Annotated[float, Field(ge=0, le=1)]


class _Row(BaseModel):
    """One row of a measured curve; what no verdict, or too few conversations, could tell is null."""

    half_width: _Share
    abstained: _Share
    wrong: _Share | None
    low: _Share | None
    high: _Share | None
    kept: Annotated[int, Field(ge=0)]


class _Measured(BaseModel):
    """What `measured` answers with: a curve over all verdicts, and one for each act."""

    turns: Annotated[int, Field(ge=0)]
    verdicts: Annotated[int, Field(ge=0)]
    all: list[_Row]
    acts: dict[str, list[_Row]]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve: verdicts between 0.5 - `half_width` and 0.5 + it are left to a person.

    `abstained` is the share (0-1) of all verdicts; `expected_error` the share of the others expected to be wrong, None
    where none is left.
    """

    half_width: float
    abstained: float
    expected_error: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The curve of one item, or of the whole rubric (`item` empty), over `verdicts` verdicts."""

    item: str
    verdicts: int
    points: tuple[Point, ...]


def curves(rubric: Rubric, run: Path) -> list[Curve]:
    """The curves of a finished run, the whole rubric's first. Items that no probability decides are left out."""
    ps: dict[str, list[float]] = {item.id: [] for _, item in rubric.pairs() if item.kind == "yes_no"}
    # Without bounds every verdict shows its probability, whatever the rubric leaves to a person now.
    bare = rubric.model_copy(update={"uncertain_between": None})
    for _, evaluation in evaluations(run, bare):
        for result in evaluation.items:
            if result.item in ps and result.p_met is not None:
                ps[result.item].append(result.p_met)
    unsure = {name: np.array(p) for name, p in ps.items() if any(0.0 < one < 1.0 for one in p)}
    whole = np.concatenate([np.zeros(0), *unsure.values()])
    found = [_curve("", whole), *(_curve(name, p) for name, p in unsure.items())]
    return [curve for curve in found if curve.verdicts]


def widest_for(curve: Curve, error: float) -> Point | None:
    """The narrowest bounds at which at most `error` of the verdicts that are left are expected to be wrong."""
    return next((one for one in curve.points if one.expected_error is not None and one.expected_error <= error), None)


def measured(model: Path) -> tuple[dict[str, Any] | None, str]:
    """The model's own measurement on labelled turns; or None, and why its folder holds none.

    Raises BundleError for a folder that is no model, and a measurement of another shape than `eval.abstention` writes.
    """
    path = model / MEASURED
    _, sha256 = read_bundle(model)
    anew = f"Measure it with python -m eval.abstention {model} --data FOLDER"
    if not path.exists():
        return None, f"No measured curve: {path} is missing. {anew}"
    do = "Restore the file, or delete it"
    content = read_figures(path, do, kind=BundleError)
    if content.get(OF_BUNDLE) != sha256:
        return None, f"No measured curve: {path} is of another model. {anew}"
    try:
        _Measured.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BundleError(str(path), f"key {key!r}: {first['msg']}", do=do) from error
    return content, ""


def points(p: Floats, wrong: Floats) -> tuple[Point, ...]:
    """The curve of probabilities `p` (n, 0-1) whose verdicts are wrong with the chances (or facts, 0 or 1) `wrong`."""
    found = []
    for width in WIDTHS:
        kept = np.abs(p - 0.5) >= width
        error = float(np.mean(wrong[kept])) if kept.any() else None
        found.append(Point(width, round(float(np.mean(~kept)), 5), None if error is None else round(error, 5)))
    return tuple(found)


def lines_of(whole: Curve, known: Mapping[str, Any] | None) -> dict[str, list[tuple[float, float]]]:
    """The curve of a run, and the measured one where there is one, as (share left to a person, share wrong)."""
    expected = [(one.abstained, one.expected_error) for one in whole.points if one.expected_error is not None]
    rows = [] if known is None else known["all"]
    seen = [(row["abstained"], row["wrong"]) for row in rows if row["wrong"] is not None]
    return {"expected, this run": expected} | ({"measured, labelled turns": seen} if seen else {})


def _curve(item: str, p: Floats) -> Curve:
    return Curve(item, p.size, points(p, np.minimum(p, 1 - p)) if p.size else ())


def rows_of(found: Sequence[Curve]) -> list[dict[str, Any]]:
    """The curves as rows: item, half_width, abstained, expected_error."""
    return [
        {
            "item": curve.item or "all",
            "half_width": one.half_width,
            "abstained": one.abstained,
            "expected_error": one.expected_error,
        }
        for curve in found
        for one in curve.points
    ]
