import numpy as np
import pytest
from scipy.optimize import check_grad

from cxsentiment.stats.conformal import calibrate, coverage, prediction_sets
from cxsentiment.stats.logistic import _ordinal_loss, fit_logit, fit_ordinal
from cxsentiment.stats.ordinal import AnswerModel, at_most, fit_answers, three_parts
from eval import planted


def test_the_threshold_is_the_ranked_score():
    # Ten scores .1 .. 1.0; coverage .8 asks for rank ceil(.8 · 11) = 9: 1 - P must not exceed .9.
    p = np.stack([1 - np.arange(1, 11) / 10, np.arange(1, 11) / 10], axis=1)
    calibration = calibrate(p, np.zeros(10, dtype=int), coverage=0.8)
    sets = prediction_sets(calibration, np.array([[0.11, 0.89], [0.09, 0.91], [0.5, 0.5]]))
    assert sets.included.tolist() == [[True, True], [False, True], [True, True]]
    assert sets.certain.all()


def test_a_small_group_gets_every_answer():
    p = np.tile([0.7, 0.2, 0.1], (8, 1))
    calibration = calibrate(p, np.zeros(8, dtype=int), np.array([0] * 5 + [1] * 3))
    sets = prediction_sets(calibration, p[:3], np.array([0, 1, 2]))
    assert sets.included.all()
    assert not sets.certain.any()
    assert sets.mean_size == 3


def test_every_set_has_the_likeliest_answer():
    calibration = calibrate(np.tile([0.99, 0.01], (100, 1)), np.zeros(100, dtype=int))
    sets = prediction_sets(calibration, np.array([[0.6, 0.4]]))
    assert sets.included.tolist() == [[True, False]]


def test_equal_weights_are_no_weights_and_heavy_new_contacts_widen():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), 200)
    y = np.array([rng.choice(5, p=row) for row in p])
    plain = prediction_sets(calibrate(p, y), p)
    same = prediction_sets(calibrate(p, y, weights=np.full(200, 2.5)), p, weights=np.full(200, 2.5))
    np.testing.assert_array_equal(plain.included, same.included)
    heavy = prediction_sets(calibrate(p, y), p, weights=np.full(200, 500.0))
    assert heavy.included.all()
    assert not heavy.certain.any()


def test_coverage_holds_marginally_and_by_channel():
    marginal, channels = [], []
    for seed in range(8):
        x, y, channel = planted.answers(np.random.default_rng(seed), 3_000)
        model = fit_ordinal(x[:1_000], y[:1_000], 5)
        calibration = calibrate(model.probabilities(x[1_000:2_000]), y[1_000:2_000], channel[1_000:2_000])
        sets = prediction_sets(calibration, model.probabilities(x[2_000:]), channel[2_000:])
        marginal.append(coverage(sets, y[2_000:]).value)
        inside = sets.included[np.arange(1_000), y[2_000:]]
        channels.append([inside[channel[2_000:] == c].mean() for c in (0, 1)])
    assert 0.88 <= np.mean(marginal) <= 0.93
    assert np.all((np.mean(channels, axis=0) >= 0.88) & (np.mean(channels, axis=0) <= 0.93))


def test_weights_repair_a_calibration_sample_that_is_not_like_the_rest():
    rng = np.random.default_rng(1)
    x, y, _ = planted.answers(rng, 30_000)
    model = fit_ordinal(x[:5_000], y[:5_000], 5)
    x, y = x[5_000:], y[5_000:]
    respond = planted.expit(-1.5 + 2.0 * x[:, 0])
    answered = rng.random(y.size) < respond
    p = model.probabilities(x)
    weights = 1 / respond
    plain = prediction_sets(calibrate(p[answered], y[answered]), p)
    weighted = prediction_sets(calibrate(p[answered], y[answered], weights=weights[answered]), p, weights=weights)
    error = [abs(coverage(sets, y).value - 0.9) for sets in (plain, weighted)]
    assert error[1] < 0.02
    assert error[1] <= error[0]


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"coverage": 1.0}, "between 0 and 1"),
        ({"answers": np.array([2])}, "has no probability"),
        ({"probabilities": np.array([[np.nan, 1.0]])}, "not finite"),
        ({"weights": np.array([0.0])}, "above 0"),
        ({"answers": np.array([0, 1])}, "different length"),
    ],
)
def test_bad_calibration_is_refused(kwargs, words):
    given = {"probabilities": np.array([[0.5, 0.5]]), "answers": np.array([0])} | kwargs
    with pytest.raises(ValueError, match=words):
        calibrate(**given)


def test_no_contacts_have_no_coverage():
    p = np.zeros((0, 3))
    sets = prediction_sets(calibrate(p, np.zeros(0, dtype=int)), p)
    assert sets.mean_size is None
    assert coverage(sets, np.zeros(0, dtype=int)).reason


def test_the_gradient_of_the_ordinal_model_is_right():
    rng = np.random.default_rng(2)
    z, y = rng.standard_normal((300, 2)), rng.choice([0, 1, 3, 4], 300)
    unseen = np.bincount(y, minlength=5) == 0

    def loss(free):
        return _ordinal_loss(free[:4], free[4:], z, y, unseen)[0]

    def gradient(free):
        return np.concatenate(_ordinal_loss(free[:4], free[4:], z, y, unseen)[1:])

    assert check_grad(loss, gradient, np.array([-1.0, -0.2, 0.3, 1.1, 0.4, -0.2])) < 1e-5


def test_ordinal_model_recovers_its_parameters_and_gives_unseen_answers_a_little():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((30_000, 2)) * [1, 3]
    y = np.digitize(x @ [0.8, -0.1] + rng.logistic(size=30_000), [-2, -1, 0, 1.5])
    model = fit_ordinal(x, y, 5)
    assert model.slopes / model.standard.scale == pytest.approx([0.8, -0.1], abs=0.03)
    assert model.thresholds == pytest.approx([-2, -1, 0, 1.5], abs=0.06)
    p = model.probabilities(x)
    assert p.sum(axis=1) == pytest.approx(np.ones(30_000))
    assert p.mean(axis=0) == pytest.approx(np.bincount(y) / 30_000, abs=0.005)
    gap = fit_ordinal(x, np.where(y == 2, 1, y), 5).probabilities(x)[:, 2]
    assert 0 < gap.mean() < 0.001
    assert at_most(p, 1) == pytest.approx(p[:, 0] + p[:, 1])


def test_logit_recovers_its_parameters_and_stays_finite_when_separated():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((20_000, 2))
    y = (rng.random(20_000) < planted.expit(-1 + x @ [0.7, -0.4])).astype(float)
    model = fit_logit(x, y)
    assert model.intercept == pytest.approx(-1, abs=0.06)
    assert model.slopes == pytest.approx([0.7, -0.4], abs=0.05)
    assert model.probabilities(x).mean() == pytest.approx(y.mean())
    split = fit_logit(x, (x[:, 0] > 0).astype(float))
    assert np.isfinite(split.slopes).all()
    assert np.isfinite(split.probabilities(x)).all()
    flat = fit_logit(np.ones((50, 1)), np.arange(50) % 2.0)
    assert flat.probabilities(np.ones((1, 1)))[0] == pytest.approx(0.5)


def test_models_refuse_what_they_cannot_fit():
    x = np.ones((4, 1))
    for y in (np.zeros(4, dtype=int), np.array([0, 1, 2, 5]), np.zeros(0, dtype=int)):
        with pytest.raises(ValueError, match="answers must be codes"):
            fit_ordinal(x[: y.size], y, 5)
    with pytest.raises(ValueError, match="same outcome"):
        fit_logit(x, np.ones(4))
    with pytest.raises(ValueError, match="missing"):
        fit_logit(np.array([[np.nan], [1.0]]), np.array([0.0, 1.0]))


def test_parts_share_no_agent_and_no_time():
    rng = np.random.default_rng(5)
    agents, times = rng.integers(-1, 20, 2_000), rng.random(2_000)
    times[0] = np.nan
    parts = three_parts(agents, times)
    named = [set(agents[part].tolist()) for part in parts]
    assert not named[0] & named[1]
    assert not named[1] & named[2]
    assert -1 not in named[0] | named[1] | named[2]
    assert times[parts[0]].max() < times[parts[1]].min()
    assert all(np.array_equal(a, b) for a, b in zip(parts, three_parts(agents, times), strict=True))
    assert not three_parts(np.zeros(0, dtype=int), np.zeros(0))[0].any()


def test_predicted_answers_are_probabilities_with_a_coverage_that_was_tested():
    rng = np.random.default_rng(6)
    x, y, channel = planted.answers(rng, 6_000)
    parts = three_parts(rng.integers(0, 40, 6_000), np.arange(6_000.0))
    model = fit_answers(x, y, 5, parts, groups=channel)
    assert isinstance(model, AnswerModel)
    assert 0.86 < model.covered.value < 0.95
    assert model.error < model.baseline_error
    assert model.sets(x[:3], channel[:3]).included.shape == (3, 5)
    few = fit_answers(x[:100], y[:100], 5, tuple(part[:100] for part in parts))
    assert "too few" in few
    assert "all answers are the same" in fit_answers(x, np.zeros_like(y), 5, parts)
