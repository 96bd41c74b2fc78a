import math

import numpy as np
import pytest

from cxsentiment.stats.logistic import fit_logit
from cxsentiment.stats.nonresponse import nonresponse, response_weights
from eval import planted

NAN = math.nan


def test_weights_repair_what_covariates_explain():
    errors, raw = [], []
    for seed in range(6):
        data = planted.survey(np.random.default_rng(seed))
        report = nonresponse(data.seen, data.covariates, (0.0, 1.0))
        errors.append(report.weighted.value - data.happy.mean())
        raw.append(report.raw.value - data.happy.mean())
        assert report.weighting.balanced
        assert max(map(abs, report.weighting.difference_before)) > 0.1
        assert report.weighting.effective_n < report.raw.n
    assert abs(np.mean(errors)) < 0.015
    assert np.mean(raw) > 0.04


def test_weights_cannot_repair_selection_by_happiness_and_say_so():
    data = planted.survey(np.random.default_rng(1), by_happiness=1.5)
    report = nonresponse(data.seen, data.covariates, (0.0, 1.0))
    assert report.weighted.low > data.happy.mean()
    assert report.weighting.balanced
    assert "weighting cannot repair it" in report.warning
    assert report.bounds.low <= data.happy.mean() <= report.bounds.high


def test_bounds_and_shifts_by_hand():
    answers = np.array([1.0] * 30 + [0.0] * 10 + [NAN] * 60)
    report = nonresponse(answers, None, (0.0, 1.0))
    assert report.response == 0.4
    assert (report.bounds.low, report.bounds.high) == pytest.approx((0.3, 0.9))
    assert report.bounds.value is None
    assert report.bounds.reason
    sd = np.std(answers[:40], ddof=1)
    assert [d for d, _ in report.shifted] == [0.0, 0.25, 0.5]
    assert [one.value for _, one in report.shifted] == pytest.approx([0.75, 0.75 - 0.15 * sd, 0.75 - 0.3 * sd])
    assert report.weighted.value is None
    assert "no covariates" in report.weighted.reason


def test_weights_are_stabilised_and_trimmed():
    data = planted.survey(np.random.default_rng(2))
    found = response_weights(data.answered, data.covariates)
    own = found.weights[data.answered > 0]
    assert own.mean() == pytest.approx(1, abs=0.05)
    raw = data.answered.mean() / found.probabilities[data.answered > 0]
    assert own.max() == pytest.approx(np.percentile(raw, 99))
    assert np.all(found.weights[data.answered == 0] == 0)


def test_agents_alike_widen_the_weighted_mean():
    rng = np.random.default_rng(3)
    agent = np.repeat(np.arange(20), 100)
    answers = np.clip(np.round(3 + 1.5 * rng.standard_normal(20)[agent] + 0.5 * rng.standard_normal(2_000)), 1, 5)
    seen = np.where(rng.random(2_000) < 0.3, answers, NAN)
    x = rng.standard_normal((2_000, 1))
    plain = nonresponse(seen, x, (1.0, 5.0))
    clustered = nonresponse(seen, x, (1.0, 5.0), agent)
    assert clustered.weighted.high - clustered.weighted.low > 2 * (plain.weighted.high - plain.weighted.low)
    assert "clustered" in clustered.weighted.method
    few = nonresponse(seen, x, (1.0, 5.0), agent % 3).weighted
    assert few.low is None
    assert "too few agents" in few.reason


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (np.full(10, NAN), "nobody answered"),
        (np.array([1.0] * 10 + [NAN] * 10), "too few to weight"),
        (np.ones(40), "everybody answered"),
        (np.zeros(0), "nobody answered"),
    ],
)
def test_edges_have_a_reason_and_the_warning(answers, words):
    report = nonresponse(answers, np.ones((answers.size, 1)), (0.0, 1.0))
    assert report.weighted.value is None
    assert words in report.weighted.reason
    assert report.warning


def test_constant_answers_have_no_interval():
    answers = np.array([1.0] * 40 + [NAN] * 40)
    report = nonresponse(answers, np.random.default_rng(0).standard_normal((80, 1)), (0.0, 1.0))
    assert (report.weighted.value, report.weighted.low) == (1.0, None)
    assert report.weighted.reason


def test_an_answer_outside_the_scale_is_refused():
    with pytest.raises(ValueError, match="outside the scale 1-5"):
        nonresponse(np.array([6.0]), None, (1.0, 5.0))


def test_the_logit_finds_its_maximum_where_most_answered_and_few_of_a_kind_did() -> None:
    """Of 94 % who answered, with a column of rare contacts half of which did: full Newton steps never come back."""
    rng = np.random.default_rng(0)
    rare = (rng.random(4500) < 0.1).astype(float)
    other = (rng.random((4500, 12)) < 0.05).astype(float)
    y = (rng.random(4500) < np.where(rare == 1, 0.52, 0.985)).astype(float)
    x = np.column_stack([other, rng.normal(0, 1, 4500), rare])
    p = fit_logit(x, y).probabilities(x)
    for column in (rare, *other.T):
        # At the maximum of a likelihood with an intercept, fitted and seen shares agree for every 0/1 column.
        assert abs(p[column == 1].mean() - y[column == 1].mean()) < 0.01
