"""Predicted answers of contacts nobody surveyed: probabilities of each answer, never a single class.

Group means of predictions reproduce the survey's bias; estimate them with `prediction_powered.ppi_group_means`.
"""

from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, same_shape
from cxsentiment.stats.conformal import Calibration, Sets, calibrate, coverage, prediction_sets
from cxsentiment.stats.logistic import OrdinalLogit, fit_ordinal

MIN_TRAINING = 100


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """Ordered logit with its conformal calibration; `covered` and `mean_size` are of contacts it never saw, `error` the
    mean absolute error of the expected answer there in steps of the scale, `baseline_error` that of always saying the
    median answer.
    """

    model: OrdinalLogit
    calibration: Calibration
    covered: Estimate
    mean_size: float | None
    error: float
    baseline_error: float

    def probabilities(self, x: FloatArray) -> FloatArray:
        """P(each answer), shape (n, K)."""
        return self.model.probabilities(x)

    def sets(self, x: FloatArray, groups: IntArray | None = None, weights: FloatArray | None = None) -> Sets:
        """Conformal sets of new contacts, by group where the calibration was."""
        return prediction_sets(self.calibration, self.probabilities(x), groups, weights)


def at_most(probabilities: FloatArray, code: int) -> FloatArray:
    """P(answer <= `code`), shape (n,), such as P(CSAT <= 2) with code 1 of 1-5; `probabilities` (n, K)."""
    total: FloatArray = probabilities[:, : code + 1].sum(axis=1)
    return np.minimum(total, 1.0)


def three_parts(agents: IntArray, times: FloatArray, *, seed: int = 0) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Contacts to fit on, to calibrate on and to test on, such that no agent and no period is in two parts.

    Half of the agents fit, a quarter each calibrate and test. Fitting takes the earlier 60 % of the time, the others
    the rest; contacts of fitting agents later, and of the others earlier, are in no part. Shapes (n,); times in any
    unit, NaN in no part.
    """
    same_shape(agents=agents, times=times)
    names = np.unique(agents[agents >= 0])
    order = np.random.default_rng(seed).permutation(names)
    half, rest = names.size // 2, (names.size - names.size // 2) // 2
    cut = float(np.nanquantile(times, 0.6)) if np.any(~np.isnan(times)) else np.nan
    fit, calibration, test = (np.isin(agents, part) for part in np.split(order, [half, half + rest]))
    return fit & (times <= cut), calibration & (times > cut), test & (times > cut)


def fit_answers(
    x: FloatArray,
    answers: IntArray,
    levels: int,
    parts: tuple[BoolArray, BoolArray, BoolArray],
    *,
    groups: IntArray | None = None,
    weights: FloatArray | None = None,
    nominal: float = 0.9,
) -> AnswerModel | Reason:
    """Fit, calibrate and test on the three parts of the surveyed contacts, or say in plain words what lacks.

    `x` (n, k) without NaN, `answers` (n,) codes 0..levels-1, `groups` (n,) channels, `weights` (n,) 1 / P(response).
    """
    fit, calibration, test = parts
    if fit.sum() < MIN_TRAINING or calibration.sum() < 1 / (1 - nominal) or not test.any():
        return Reason(
            "too_few",
            f"{int(fit.sum())} contacts to fit on ({MIN_TRAINING} needed), {int(calibration.sum())} to calibrate on, "
            f"{int(test.sum())} to test on: too few",
        )
    if np.unique(answers[fit]).size < 2:
        return Reason("constant", "all answers are the same, so nothing can be predicted")
    model = fit_ordinal(x[fit], answers[fit], levels)

    def of(part: BoolArray, values: IntArray | FloatArray | None) -> object:
        return None if values is None else values[part]

    calibrated = calibrate(
        model.probabilities(x[calibration]),
        answers[calibration],
        of(calibration, groups),  # type: ignore[arg-type]
        of(calibration, weights),  # type: ignore[arg-type]
        nominal,
    )
    p = model.probabilities(x[test])
    sets = prediction_sets(calibrated, p, of(test, groups), of(test, weights))  # type: ignore[arg-type]
    expected = p @ np.arange(levels)
    error = float(np.mean(np.abs(expected - answers[test])))
    baseline = float(np.mean(np.abs(np.median(answers[fit]) - answers[test])))
    return AnswerModel(model, calibrated, coverage(sets, answers[test]), sets.mean_size, error, baseline)
