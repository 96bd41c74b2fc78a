import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from cxsentiment.model import Head
from cxsentiment.schema import ACTS
from training.calibrate import Calibration, calibrate_acts, calibrate_sentiment, plain_heads


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def calibrated(head: Head, fitted: Calibration, scores: np.ndarray) -> np.ndarray:
    whole = Head(**head.model_dump() | {"temperatures": fitted.temperatures, "biases": fitted.biases})
    logits = np.log(scores) if head.kind == "single" else np.log(scores / (1 - scores))
    return whole.probabilities(logits.astype(np.float32))


def test_overconfident_moods_are_cooled() -> None:
    chance = np.random.default_rng(1)
    target = chance.integers(0, 3, 900)
    logits = chance.normal(0, 1, (900, 3)) + 1.5 * np.eye(3)[target]
    raw = np.exp(4 * logits)
    scores = raw / raw.sum(1, keepdims=True)
    fitted = calibrate_sentiment(scores, target)
    assert 2 < fitted.temperatures[0] < 4
    after = calibrated(plain_heads()[0], fitted, np.clip(scores, 2e-5, 1))
    hits = scores.argmax(1) == target
    assert abs(after.max(1).mean() - hits.mean()) < 0.05 < scores.max(1).mean() - hits.mean()


def many_acts(rows: int, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose logits lie `offset` too low (all acts alike), with their truth."""
    chance = np.random.default_rng(2)
    truth = chance.random((rows, len(ACTS))) < 0.15
    logits = 2 * chance.normal(0, 1, truth.shape) + 4 * truth - 2
    return sigmoid(logits - offset), truth.astype(np.int64)


@pytest.mark.parametrize("offset", [-2.0, 0.0, 3.0])
def test_half_becomes_the_threshold_with_the_fewest_errors_whatever_the_offset(offset: float) -> None:
    scores, truth = many_acts(800, offset)
    fitted = calibrate_acts(scores, truth)
    after = calibrated(plain_heads()[1], fitted, np.clip(scores, 2e-5, 1 - 2e-5))
    logits = np.log(scores / (1 - scores))
    fewest = min(((logits > edge) != truth).mean() for edge in np.arange(-6, 6, 0.1))
    assert ((after > 0.5) != truth).mean() < fewest + 0.003


def test_a_rare_act_stays_near_the_others() -> None:
    scores, truth = many_acts(800, 3.0)
    truth[:, 5] = 0
    truth[3, 5] = 1
    fitted = calibrate_acts(scores, truth)
    usual = np.median(fitted.temperatures)
    assert 0.4 * usual < fitted.temperatures[5] < 2.5 * usual


@pytest.mark.parametrize("offset", [-2.0, 3.0])
def test_probabilities_of_acts_mean_what_they_say(offset: float) -> None:
    scores, truth = many_acts(1500, offset)
    fitted = calibrate_acts(scores, truth)
    after = calibrated(plain_heads()[1], fitted, np.clip(scores, 2e-5, 1 - 2e-5))
    for low in (0.1, 0.3, 0.5, 0.7):
        band = (after >= low) & (after < low + 0.2)
        assert truth[band].mean() == pytest.approx(after[band].mean(), abs=0.05)


def test_calibration_is_the_same_every_time() -> None:
    scores, truth = many_acts(200, 1.0)
    assert calibrate_acts(scores, truth) == calibrate_acts(scores, truth)
