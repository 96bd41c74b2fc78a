"""Precision, recall, F1 and average precision per class, with intervals by a bootstrap over conversations.

The turns of one conversation share their agent, topic and style, so conversations are drawn, not turns (Cameron,
Gelbach and Miller 2008). Intervals are percentiles, 2.5 to 97.5; the seed is fixed, so runs agree to the last digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

REPEATS = 1000
REPEATS_AP = 200  # average precision is sorted anew in each repeat
SEED = 20
LEAST = 0.1  # scores below it are left out of `ece_above`
MIN_CASES = 10  # classes with fewer true cases stay out of the macro mean: their F1 is mostly chance


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in 0-1 with its 95 % interval.

    All None where it is not defined (no true case); `low` and `high` None where too few cases tell how it would vary.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class; `cases` turns truly carry it. With fewer than MIN_CASES of them there are no intervals."""

    cases: int
    precision: Figure
    recall: Figure
    f1: Figure
    ap: Figure


@dataclass(frozen=True, slots=True)
class HeadFigures:
    """Figures of one head on one set of turns. `macro_f1` is over `macro_classes`, those with ten cases or more."""

    turns: int
    conversations: int
    macro_f1: Figure
    micro_f1: Figure
    macro_classes: tuple[str, ...]
    ece: float | None
    classes: dict[str, ClassFigures]


@dataclass(frozen=True, slots=True)
class Bin:
    """Scores between `low` and `high`: how many (`cases`), their mean, and the share of them that is true (0-1)."""

    low: float
    high: float
    cases: int
    mean: float
    share: float


@dataclass(frozen=True, slots=True)
class Sums:
    """True positives, predicted and true cases, each conversations by classes."""

    hits: Floats
    predicted: Floats
    actual: Floats


def measure(
    labels: Sequence[str], truth: Bools, predicted: Bools, scores: Floats | None, conversations: Sequence[str]
) -> HeadFigures:
    """Figures for `truth` and `predicted` (turns by labels); `scores` (0-1, same shape) where the method has any."""
    names, groups = np.unique(np.asarray(conversations), return_inverse=True)
    sums = _sums(truth, predicted, groups, len(names))
    draws = _draws(len(names), REPEATS)
    cases = truth.sum(0)
    macro = [k for k in range(len(labels)) if cases[k] >= MIN_CASES]
    once = np.ones((1, len(names)))
    point, drawn = _rates(sums, once), _rates(sums, draws)
    ap = _average_precision(truth, scores, groups, draws[:REPEATS_AP])
    classes = {}
    for k, label in enumerate(labels):
        found = [_figure(one[0, k], many[:, k]) for one, many in zip(point[:3], drawn[:3], strict=True)]
        classes[label] = ClassFigures(int(cases[k]), *(_as_sure_as(int(cases[k]), one) for one in (*found, ap[k])))
    return HeadFigures(
        turns=len(truth),
        conversations=len(names),
        macro_f1=_figure(_mean(point[2][:, macro])[0], _mean(drawn[2][:, macro])),
        micro_f1=_figure(point[3][0], drawn[3]),
        macro_classes=tuple(labels[k] for k in macro),
        ece=None if scores is None else calibration_error(truth, scores),
        classes=classes,
    )


def _sums(truth: Bools, predicted: Bools, groups: NDArray[np.int64], count: int) -> Sums:
    def by_group(values: Bools) -> Floats:
        table = np.zeros((count, values.shape[1]))
        np.add.at(table, groups, values)
        return table

    return Sums(by_group(truth & predicted), by_group(predicted), by_group(truth))


def _draws(groups: int, repeats: int) -> Floats:
    """How often each conversation is drawn: repeats by groups."""
    chance = np.random.default_rng(SEED)
    return chance.multinomial(groups, np.full(groups, 1 / groups), size=repeats).astype(np.float64)


def _rates(sums: Sums, draws: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Precision, recall and F1 (draws by classes) and micro-F1 (draws).

    F1 of a class that nobody names is 0; a draw without a true case of a class has no figures of it (nan), for nothing
    was there to be found.
    """
    hits, predicted, actual = draws @ sums.hits, draws @ sums.predicted, draws @ sums.actual
    there = np.where(actual > 0, 1.0, np.nan)
    precision = there * hits / np.maximum(predicted, 1)
    recall = there * hits / np.maximum(actual, 1)
    f1 = there * 2 * hits / np.maximum(predicted + actual, 1)
    micro = 2 * hits.sum(1) / np.maximum(predicted.sum(1) + actual.sum(1), 1)
    return precision, recall, f1, micro


def _average_precision(truth: Bools, scores: Floats | None, groups: NDArray[np.int64], draws: Floats) -> list[Figure]:
    figures = []
    for k in range(truth.shape[1]):
        if scores is None or not truth[:, k].any():
            figures.append(Figure(None, None, None))
            continue
        point = average_precision(truth[:, k], scores[:, k], np.ones((1, len(truth))))
        drawn = average_precision(truth[:, k], scores[:, k], draws[:, groups])
        figures.append(_figure(point[0], drawn))
    return figures


def average_precision(truth: Bools, scores: Floats, weights: Floats) -> Floats:
    """Average precision of one class for each row of `weights` (draws by turns); nan where a draw has no true case.

    The sum over thresholds of precision times the gain in recall, equal scores taken together, as scikit-learn does.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    drawn = weights[:, order]
    found = np.cumsum(drawn * truth[order], axis=1)[:, ends]
    named = np.cumsum(drawn, axis=1)[:, ends]
    precision = np.divide(found, named, out=np.zeros_like(found), where=named > 0)
    gain = np.diff(found, axis=1, prepend=0)
    total = found[:, -1]
    result: Floats = np.divide((precision * gain).sum(1), total, out=np.full_like(total, np.nan), where=total > 0)
    return result


def _mean(values: Floats) -> Floats:
    """Means of rows over the numbers that are there; nan where there is none."""
    there = np.isfinite(values)
    count = there.sum(1)
    total = np.where(there, values, 0).sum(1)
    result: Floats = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return result


def _figure(value: float, drawn: Floats) -> Figure:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not known.size:
        return Figure(None, None, None)
    low, high = np.quantile(known, (0.025, 0.975))
    return Figure(round(float(value), 4), round(float(low), 4), round(float(high), 4))


def _as_sure_as(cases: int, found: Figure) -> Figure:
    return found if cases >= MIN_CASES else replace(found, low=None, high=None)


def reliability(truth: Bools, scores: Floats, bins: int = 10) -> list[Bin]:
    """The reliability curve over all labels: equal-width bins of the score that hold any, lowest first.

    DeGroot and Fienberg 1983; `truth` and `scores` (0-1) are turns by labels.
    """
    p, y = scores.ravel(), truth.ravel()
    place = np.minimum((p * bins).astype(int), bins - 1)
    size = np.bincount(place, minlength=bins)
    told, true = np.bincount(place, p, bins), np.bincount(place, y, bins)
    return [
        Bin(k / bins, (k + 1) / bins, int(n), round(float(told[k] / n), 4), round(float(true[k] / n), 4))
        for k, n in enumerate(size)
        if n
    ]


def calibration_error(truth: Bools, scores: Floats, bins: int = 10, least: float = 0.0) -> float:
    """Expected calibration error: mean |share of true - mean score| over the bins of `reliability`, weighted by size.

    Naeini, Cooper and Hauskrecht 2015. 0 is perfect. Bins below `least` are left out: most scores of most labels are
    near 0 and right, and would hide the others.
    """
    found = [one for one in reliability(truth, scores, bins) if one.low >= least]
    total = sum(one.cases for one in found)
    return round(sum(abs(one.share - one.mean) * one.cases for one in found) / max(total, 1), 4)
