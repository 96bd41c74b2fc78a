"""Sets of answers that hold the true one with a stated probability: split conformal prediction on 1 - P(y).

Mondrian sets keep the promise within each group (channel) apart; weighted sets keep it for all contacts when only some
answer (Tibshirani et al. 2019), as far as the weights are right.
"""

from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, same_shape
from cxsentiment.stats.estimates import missing
from cxsentiment.stats.rates import checked_weights, wilson_interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores 1 - P(true answer) of calibration contacts, their groups and weights, for a coverage (0-1)."""

    scores: FloatArray
    groups: IntArray
    weights: FloatArray
    coverage: float


@dataclass(frozen=True, slots=True)
class Sets:
    """`included` (n, K): whether each answer is in the contact's set; `certain` (n,): False where the group had too few
    calibration contacts, so that its set holds every answer.
    """

    included: BoolArray
    certain: BoolArray

    @property
    def mean_size(self) -> float | None:
        """Mean number of answers in a set; None where there are no contacts. Large sets mean: show a probability."""
        return float(self.included.sum(axis=1).mean()) if self.included.size else None


def calibrate(
    probabilities: FloatArray,
    answers: IntArray,
    groups: IntArray | None = None,
    weights: FloatArray | None = None,
    coverage: float = 0.9,
) -> Calibration:
    """Scores of contacts whose answer is known and that the predictor was not fitted on.

    `probabilities` (n, K), rows adding up to 1; `answers` (n,) codes 0..K-1; `groups` (n,) for Mondrian sets;
    `weights` (n,) such as 1 / P(response). ValueError for a code, coverage or weight out of range.
    """
    same_shape(probabilities=probabilities, answers=answers)
    if not 0 < coverage < 1:
        raise ValueError(f"a coverage of {coverage} does not lie between 0 and 1")
    if answers.size and not 0 <= answers.min() <= answers.max() < probabilities.shape[1]:
        raise ValueError("an answer has no probability")
    scores = 1 - probabilities[np.arange(answers.size), answers]
    if np.any(~np.isfinite(scores)):
        raise ValueError("a probability is missing or not finite")
    groups = np.zeros(answers.size, dtype=np.int64) if groups is None else groups
    weights = np.ones(answers.size) if weights is None else checked_weights(weights)
    same_shape(answers=answers, groups=groups, weights=weights)
    return Calibration(scores, groups, weights, coverage)


def prediction_sets(
    calibration: Calibration,
    probabilities: FloatArray,
    groups: IntArray | None = None,
    weights: FloatArray | None = None,
) -> Sets:
    """The answers whose score is within the group's calibrated quantile; shapes as in `calibrate`, of new contacts.

    The quantile is the smallest calibration score s with Σ w(scores <= s) >= coverage · (Σ w + own w); none exists
    where the group is too small, and then the set holds every answer. Answers are never left with an empty set: the
    likeliest is always in it, which only adds coverage.
    """
    n = probabilities.shape[0]
    groups = np.zeros(n, dtype=np.int64) if groups is None else groups
    weights = np.ones(n) if weights is None else checked_weights(weights)
    same_shape(probabilities=probabilities, groups=groups, weights=weights)
    limits = np.full(n, np.inf)
    for group in np.unique(groups):
        own, mine = calibration.groups == group, groups == group
        order = np.argsort(calibration.scores[own], kind="stable")
        scores, running = calibration.scores[own][order], np.cumsum(calibration.weights[own][order])
        if scores.size:
            wanted = calibration.coverage * (running[-1] + weights[mine])
            place = np.searchsorted(running, wanted * (1 - 1e-12))
            limits[mine] = np.append(scores, np.inf)[place]
    included = 1 - probabilities <= limits[:, None] + 1e-12
    included[np.arange(n), np.argmax(probabilities, axis=1)] = True
    return Sets(included, np.isfinite(limits))


def coverage(sets: Sets, answers: IntArray) -> Estimate:
    """Share (0-1) of contacts whose true answer, `answers` (n,) codes, is in the set, with Wilson's interval."""
    if answers.size == 0:
        return missing(Reason("no_answers", "no contact with a known answer"), "share covered, Wilson interval")
    return wilson_interval(int(sets.included[np.arange(answers.size), answers].sum()), answers.size)
