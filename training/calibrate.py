"""Calibration on the development split: temperatures and biases per label, so that probabilities mean what they say.

Platt scaling (Platt 1999; temperatures: Guo et al. 2017) on the scores that the product itself gives. A rare act has
too few turns for two numbers of its own, so each label's numbers are drawn towards values shared by all, by a penalty
worth a few turns of evidence. Then 0.5 is the threshold with the fewest errors. No further shift towards
the best macro-F1 is made: probabilities would mean less, and on service_talk, the hardest of the talk, it lost what it
won elsewhere.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cxsentiment.model import Head, Model
from cxsentiment.predict import predict_texts
from cxsentiment.schema import ACTS, SENTIMENTS
from training.sources import LabelledTurn

_EDGE = 2e-5  # scores are rounded to five decimals
_DRAW = 4.0  # strength of the pull of each label's numbers towards the shared ones

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Numbers of one head: p = softmax or sigmoid of logit / temperature + bias."""

    temperatures: tuple[float, ...]
    biases: tuple[float, ...]


def plain_heads() -> tuple[Head, Head]:
    """Both heads before calibration."""
    mood, acts = len(SENTIMENTS), len(ACTS)
    return (
        Head(
            name="sentiment",
            speaker="customer",
            kind="single",
            labels=SENTIMENTS,
            temperatures=(1.0,) * mood,
            biases=(0.0,) * mood,
            thresholds=(0.5,) * mood,
            evidence="turn",
        ),
        Head(
            name="acts",
            speaker="agent",
            kind="multi",
            labels=ACTS,
            temperatures=(1.0,) * acts,
            biases=(0.0,) * acts,
            thresholds=(0.5,) * acts,
            evidence="sentence",
        ),
    )


def scores_of(model: Model, turns: Sequence[LabelledTurn]) -> tuple[Scores, Scores]:
    """Probabilities of the customers among `turns` (rows by 3) and of the agents (rows by 17), as the product gives."""
    heads = {head.speaker: head for head in model.bundle.heads}
    tables = []
    for head, chosen in (
        (heads["customer"], [turn for turn in turns if turn.sentiment is not None]),
        (heads["agent"], [turn for turn in turns if turn.acts is not None]),
    ):
        rows = [probs for probs, _ in predict_texts(model, [(head, turn.text) for turn in chosen])]
        tables.append(np.array(rows, np.float64).reshape(-1, len(head.labels)))
    return tables[0], tables[1]


def targets_of(turns: Sequence[LabelledTurn]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Class numbers of the customers among `turns` and 0/1 rows of the agents."""
    moods = [SENTIMENTS.index(turn.sentiment) for turn in turns if turn.sentiment is not None]
    acts = [[int(act in turn.acts) for act in ACTS] for turn in turns if turn.acts is not None]
    return np.array(moods, np.int64), np.array(acts, np.int64).reshape(-1, len(ACTS))


def calibrate_sentiment(scores: Scores, target: NDArray[np.int64]) -> Calibration:
    """One temperature and a bias per class, from uncalibrated probabilities and class numbers."""
    logits = torch.tensor(np.log(np.clip(scores, _EDGE, 1)))
    truth = torch.tensor(target)
    log_t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(logits.shape[1], dtype=torch.float64, requires_grad=True)
    # Half-way (by the square root) to counting classes alike: one that is rare here may not be so elsewhere.
    share = torch.bincount(truth, minlength=logits.shape[1]).double().clamp(min=1).rsqrt()
    share = share / (share[truth].mean())

    def loss() -> Tensor:
        z = logits * torch.exp(-log_t) + bias
        return functional.cross_entropy(z, truth, weight=share, reduction="sum") + _DRAW * (log_t**2 + (bias**2).sum())

    _minimise(loss, [log_t, bias])
    t = torch.exp(log_t).item()
    return Calibration((round(t, 4),) * len(SENTIMENTS), _rounded(bias - bias.mean()))


def calibrate_acts(scores: Scores, target: NDArray[np.int64]) -> Calibration:
    """A temperature and a bias per act, drawn to shared ones."""
    p = np.clip(scores, _EDGE, 1 - _EDGE)
    logits = torch.tensor(np.log(p / (1 - p)))
    truth = torch.tensor(target).double()
    labels = logits.shape[1]
    shared = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # log temperature, bias
    own = torch.zeros(2, labels, dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        z = logits * torch.exp(-shared[0] - own[0]) + shared[1] + own[1]
        nll = functional.binary_cross_entropy_with_logits(z, truth, reduction="sum")
        return nll + _DRAW * ((own**2).sum() + 0.1 * (shared**2).sum())

    _minimise(loss, [shared, own])
    return Calibration(_rounded(torch.exp(shared[0] + own[0])), _rounded(shared[1] + own[1]))


def _minimise(loss: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    optimiser = torch.optim.LBFGS(parameters, max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        return value

    optimiser.step(closure)


def _rounded(values: Tensor) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values.detach())
