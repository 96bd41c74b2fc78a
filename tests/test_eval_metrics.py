import numpy as np
import pytest

from eval.metrics import average_precision, calibration_error, measure, reliability


def bools(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, bool)


def test_known_answers() -> None:
    # Class a: 2 hits of 3 named, 4 true → precision 2/3, recall 1/2, F1 4/7. Class b: never named, 1 true → 0.
    truth = bools([[1, 0], [1, 0], [1, 0], [1, 1], [0, 0]])
    predicted = bools([[1, 0], [1, 0], [0, 0], [0, 0], [1, 0]])
    found = measure(("a", "b"), truth, predicted, None, [f"c{k}" for k in range(5)])
    one = found.classes["a"]
    assert (one.cases, one.precision.value, one.recall.value, one.f1.value) == (4, 0.6667, 0.5, 0.5714)
    assert found.classes["b"].f1.value == 0
    assert found.micro_f1.value == 0.5  # 2·2 / (3 + 5)
    assert one.ap.value is None  # no scores, no ranking
    assert found.macro_f1.value is None  # no class has ten cases


def test_a_class_without_cases_has_no_figures() -> None:
    found = measure(("a", "b"), bools([[1, 0]] * 12), bools([[1, 1]] * 12), np.full((12, 2), 0.6), ["c"] * 12)
    assert found.classes["b"].f1.value is None
    assert found.macro_classes == ("a",)
    assert found.macro_f1.value == 1


def test_a_draw_without_the_class_says_nothing_of_it() -> None:
    # All twelve cases, all found, lie in one of six conversations: a third of the draws hold none of them.
    truth = bools([[1]] * 12 + [[0]] * 5)
    conversations = ["full"] * 12 + [f"c{k}" for k in range(5)]
    one = measure(("a",), truth, truth, np.linspace(1, 0, 17)[:, None], conversations).classes["a"]
    assert {(found.low, found.high) for found in (one.precision, one.recall, one.f1, one.ap)} == {(1, 1)}


def test_a_class_with_few_cases_has_no_intervals() -> None:
    truth = bools([[1]] * 9 + [[0]] * 9)
    found = measure(("a",), truth, truth, truth.astype(float), [f"c{k}" for k in range(18)])
    one = found.classes["a"]
    assert {(each.value, each.low, each.high) for each in (one.precision, one.recall, one.f1, one.ap)} == {
        (1, None, None)
    }
    assert found.micro_f1.low == 1


def test_average_precision_of_a_perfect_and_of_a_reversed_ranking() -> None:
    truth = bools([[1], [1], [0], [0]])
    for scores, expected in (([0.9, 0.8, 0.2, 0.1], 1.0), ([0.1, 0.2, 0.8, 0.9], 0.4167)):
        ap = measure(("a",), truth, truth, np.array(scores)[:, None], list("wxyz")).classes["a"].ap
        assert ap.value == expected


def test_average_precision_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="needs the train extra")
    chance = np.random.default_rng(7)
    truth, scores = chance.random(120) < 0.3, chance.random(120).round(1)  # rounded, so that many are equal
    weights = chance.integers(0, 3, (5, 120)).astype(float)
    expected = [metrics.average_precision_score(truth, scores, sample_weight=row) for row in weights]
    assert average_precision(truth, scores, weights) == pytest.approx(expected)


def test_the_interval_holds_the_value_and_is_the_same_every_time() -> None:
    chance = np.random.default_rng(1)
    truth = chance.random((200, 2)) < 0.4
    predicted = truth ^ (chance.random((200, 2)) < 0.2)
    conversations = [f"c{k // 4}" for k in range(200)]
    found = [measure(("a", "b"), truth, predicted, None, conversations) for _ in range(2)]
    assert found[0] == found[1]
    figure = found[0].macro_f1
    assert figure.low < figure.value < figure.high
    assert 0.03 < figure.high - figure.low < 0.25


def test_conversations_are_drawn_not_turns() -> None:
    # 40 copies of the same answer within a conversation are one observation: the interval must not shrink.
    truth = np.repeat(bools([[1], [1], [1], [0], [0], [1]]), 40, axis=0)
    predicted = np.repeat(bools([[1], [0], [1], [1], [0], [1]]), 40, axis=0)
    clustered = measure(("a",), truth, predicted, None, [f"c{k // 40}" for k in range(240)]).macro_f1
    single = measure(("a",), truth, predicted, None, [f"c{k}" for k in range(240)]).macro_f1
    assert clustered.value == single.value
    assert clustered.high - clustered.low > 3 * (single.high - single.low)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([1.0, 1.0, 0.0, 0.0], 0.0), ([0.75, 0.75, 0.25, 0.25], 0.25), ([0.5, 0.5, 0.5, 0.5], 0.0), ([0, 0, 1, 1], 1.0)],
)
def test_calibration_error(scores: list[float], expected: float) -> None:
    assert calibration_error(bools([[1], [1], [0], [0]]), np.array(scores, float)[:, None]) == expected


def test_reliability_holds_the_share_that_is_true_of_each_band_of_scores() -> None:
    truth, scores = bools([[1], [0], [1], [1]]), np.array([[0.12], [0.18], [0.95], [1.0]])
    low, high = reliability(truth, scores)
    assert (low.low, low.high, low.cases, low.mean, low.share) == (0.1, 0.2, 2, 0.15, 0.5)
    assert (high.cases, high.mean, high.share) == (2, 0.975, 1.0)
    assert calibration_error(truth, scores) == pytest.approx((0.35 * 2 + 0.025 * 2) / 4)
