import math
import time

import numpy as np
import pytest

from cxsentiment.stats.channels import Contacts, channels, machine_line
from cxsentiment.stats.rates import wilson_interval
from cxsentiment.stats.twochannel import UNDECIDED, fit_two_channel, tier
from eval import planted

NAN = math.nan
NONE = np.zeros(0)
NOBODY = np.zeros(0, dtype=np.int64)


def some(seed=0, labels=10, **kwargs):
    return planted.item(np.random.default_rng(seed), labels, 0.95, 0.80, **({"yes": 0.85, "tau": 1.0} | kwargs))


def test_the_machines_line_has_the_items_error_rates():
    data = planted.item(np.random.default_rng(1), 60, 0.95, 0.80, yes=0.6, tau=0.5).contacts
    line, reason = machine_line(data.labelled_agent, data.human, data.machine_of_labelled)
    assert reason is None
    y, f = data.human, data.machine_of_labelled
    assert line.alpha == pytest.approx(1 - np.mean(f[y == 0] == 0))
    assert line.alpha + line.beta == pytest.approx(np.mean(f[y == 1]))
    assert line.usable
    # The plain sandwich of two independent shares is near the clustered one when the machine errs alike for all.
    plain = np.var(f[y == 0]) / np.sum(y == 0)
    assert line.covariance[0, 0] == pytest.approx(plain, rel=0.4)


@pytest.mark.parametrize(
    ("human", "words"), [([1.0] * 5 + [0] * 4, "9 labelled contacts"), ([1.0] * 30, "all of one class")]
)
def test_a_line_that_cannot_be_fitted(human, words):
    human = np.array(human)
    line, reason = machine_line(np.arange(human.size), human, human)
    assert line is None
    assert words in reason


def test_the_posterior_lies_between_its_channels_and_the_mean():
    data = some()
    found = channels(data.contacts)
    fit = fit_two_channel(found)
    value = np.array([agent.estimate.value for agent in fit.agents])
    assert np.mean((value - data.truth) ** 2) < np.mean((data.raw - data.truth) ** 2)
    assert np.std(value) < np.std(found.human_mean)
    assert all(agent.estimate.low <= agent.estimate.value <= agent.estimate.high for agent in fit.agents)
    assert all(0 <= agent.reliability <= 1 for agent in fit.agents)
    assert all(1 <= agent.rank.low <= agent.rank.value <= agent.rank.high <= 60 for agent in fit.agents)
    assert fit.tau.low < np.std(data.truth) < fit.tau.high
    assert fit.beta.low < 0.75 < fit.beta.high
    assert fit.usable
    assert fit.reason is None


def test_same_input_same_output_and_another_seed_differs_a_little():
    found = channels(some().contacts)
    one, same, other = fit_two_channel(found), fit_two_channel(found), fit_two_channel(found, seed=1)
    assert one.agents == same.agents
    np.testing.assert_array_equal(one.draws, same.draws)
    gap = max(abs(a.estimate.value - b.estimate.value) for a, b in zip(one.agents, other.agents, strict=True))
    assert 0 < gap < 0.03


def test_a_composite_is_in_its_own_unit():
    data = planted.composite(np.random.default_rng(2), 10, agent_sd=0.53)
    fit = fit_two_channel(channels(data.contacts), target=70.0)
    value = np.array([agent.estimate.value for agent in fit.agents])
    assert np.corrcoef(value, data.truth)[0, 1] > 0.9
    above = np.array([agent.tier == "above" for agent in fit.agents])
    assert data.truth[above].min() > 66
    shifted = data.contacts
    thousand = Contacts(
        shifted.agents, shifted.labelled_agent, shifted.human * 10, shifted.machine_of_labelled * 10,
        shifted.unlabelled_agent, shifted.machine * 10, False, (0.0, 1000.0),
    )  # fmt: skip
    scaled = fit_two_channel(channels(thousand), target=700.0)
    assert scaled.agents[0].estimate.value == pytest.approx(10 * fit.agents[0].estimate.value, rel=1e-6)
    assert scaled.agents[0].p_above == fit.agents[0].p_above


def test_without_labels_there_is_no_score_but_a_reason():
    data = some().contacts
    fit = fit_two_channel(channels(Contacts(60, NOBODY, NONE, NONE, data.unlabelled_agent, data.machine, True)))
    assert all(agent.estimate.value is None for agent in fit.agents)
    assert "no human labels" in fit.reason
    assert "no human labels" in fit.agents[0].estimate.reason
    assert fit.agents[0].tier is None
    assert not fit.usable


def test_labels_of_one_class_leave_the_human_channel_alone():
    data = some().contacts
    fit = fit_two_channel(
        channels(
            Contacts(60, data.labelled_agent, np.ones(data.human.size), data.machine_of_labelled, data.unlabelled_agent,
                     data.machine, True)
        )
    )  # fmt: skip
    assert "all human labels are the same" in fit.reason
    assert (fit.agents[0].unlabelled, fit.agents[0].tier, fit.tau_machine.value) == (0, None, None)
    known = wilson_interval(10, 10)
    assert (fit.agents[0].estimate.low, fit.agents[0].estimate.high) == (known.low, known.high)


def test_scores_that_are_all_the_same_have_no_interval():
    c = some().contacts
    same = Contacts(
        60, c.labelled_agent, np.full(c.human.size, 100.0), c.machine_of_labelled, NOBODY, NONE, False, (0.0, 100.0)
    )
    estimate = fit_two_channel(channels(same)).agents[0].estimate
    assert (estimate.value, estimate.low) == (100.0, None)
    assert estimate.reason


def test_labels_without_machine_scores_are_the_human_channel_alone():
    c = some().contacts
    fit = fit_two_channel(
        channels(Contacts(60, c.labelled_agent, c.human, np.full(c.human.size, NAN), NOBODY, NONE, True))
    )
    assert "human labels alone" in fit.reason
    assert "human labels alone" in fit.agents[0].estimate.method
    assert fit.tau_machine.value is None
    assert all(agent.unlabelled == 0 and math.isfinite(agent.estimate.low) for agent in fit.agents)


def test_an_agent_without_labels_is_estimated_by_the_machine_and_one_without_anything_is_not():
    data = some().contacts
    labelled = (data.labelled_agent != 3) & (data.labelled_agent != 4)
    rest = data.unlabelled_agent != 4
    fit = fit_two_channel(
        channels(
            Contacts(60, data.labelled_agent[labelled], data.human[labelled], data.machine_of_labelled[labelled],
                     data.unlabelled_agent[rest], data.machine[rest], True)
        )
    )  # fmt: skip
    assert fit.agents[3].labels == 0
    assert fit.agents[3].estimate.low is not None
    assert fit.agents[4].estimate.value is None
    assert "neither" in fit.agents[4].estimate.reason
    assert np.isnan(fit.draws[:, 4]).all()
    assert fit.agents[5].rank.high <= 59


def test_one_agent_alone():
    rng = np.random.default_rng(0)
    y = (rng.random(200) < 0.8).astype(float)
    of = np.zeros(40, dtype=np.int64)
    found = channels(Contacts(1, of, y[:40], y[:40], np.zeros(160, dtype=np.int64), y[40:], True))
    fit = fit_two_channel(found)
    agent = fit.agents[0]
    assert agent.estimate.low < y.mean() < agent.estimate.high
    assert (agent.rank.low, agent.rank.high) == (1.0, 1.0)
    assert (agent.p_above, agent.tier) == (None, None), "it is the mean of all, so it is not below it"
    assert fit_two_channel(found, target=0.5).agents[0].tier == "above"


def test_a_useless_machine_is_marked_and_changes_little():
    data = some()
    rng = np.random.default_rng(5)
    c = data.contacts
    noise = Contacts(
        60, c.labelled_agent, c.human, (rng.random(c.human.size) < 0.5) * 1.0, c.unlabelled_agent,
        (rng.random(c.machine.size) < 0.5) * 1.0, True,
    )  # fmt: skip
    fit = fit_two_channel(channels(noise))
    assert not fit.usable
    assert "not usable" in fit.reason
    alone = fit_two_channel(
        channels(Contacts(60, c.labelled_agent, c.human, np.full(c.human.size, NAN), NOBODY, NONE, True))
    )
    gap = np.array([a.estimate.value - b.estimate.value for a, b in zip(fit.agents, alone.agents, strict=True)])
    assert np.abs(gap).mean() < 0.02


def test_missing_values_leave_their_contact_out():
    c = some().contacts
    more = Contacts(
        60, np.append(c.labelled_agent, 0), np.append(c.human, NAN), np.append(c.machine_of_labelled, 1.0),
        np.append(c.unlabelled_agent, 0), np.append(c.machine, NAN), True,
    )  # fmt: skip
    assert fit_two_channel(channels(more)).agents == fit_two_channel(channels(c)).agents


def test_weighted_labels_count_by_their_effective_number():
    c = some().contacts
    weights = np.ones(c.human.size)
    weights[c.labelled_agent == 0] = np.linspace(1, 9, int(np.sum(c.labelled_agent == 0)))
    found = channels(Contacts(60, c.labelled_agent, c.human, c.machine_of_labelled, c.unlabelled_agent, c.machine, True,
                              (0.0, 1.0), weights))  # fmt: skip
    assert found.human_n[0] < found.labels[0]
    assert found.human_n[1] == pytest.approx(found.labels[1])


def test_probabilities_serve_as_machine_scores_of_an_item():
    data = some(3)
    c = data.contacts
    rng = np.random.default_rng(3)
    soft = [
        np.clip(0.15 + 0.7 * f + 0.1 * rng.standard_normal(f.size), 0, 1) for f in (c.machine_of_labelled, c.machine)
    ]
    fit = fit_two_channel(channels(Contacts(60, c.labelled_agent, c.human, soft[0], c.unlabelled_agent, soft[1], True)))
    covered = [a.estimate.low <= t <= a.estimate.high for a, t in zip(fit.agents, data.truth, strict=True)]
    assert np.mean(covered) >= 0.85
    assert fit.beta.value == pytest.approx(0.7 * 0.75, abs=0.08)


def test_a_sample_that_took_flagged_contacts_needs_both_weights():
    rng = np.random.default_rng(4)
    agent = np.repeat(np.arange(60), 200)
    truth = planted.expit(1.2 + 0.6 * rng.standard_normal(60))
    y = (rng.random(agent.size) < truth[agent]).astype(float)
    f = np.where(y == 1, rng.random(y.size) < 0.95, rng.random(y.size) > 0.8).astype(float)
    p = np.where(f == 1, 0.05, 0.5)
    has = rng.random(y.size) < p

    def fit(weights, rest):
        given = Contacts(60, agent[has], y[has], f[has], agent[~has], f[~has], True, (0.0, 1.0), weights, rest)
        return np.array([a.estimate.value for a in fit_two_channel(channels(given)).agents]) - truth

    crooked, right = fit(None, None), fit(1 / p[has], 1 / (1 - p[~has]))
    assert abs(right.mean()) < 0.02 < abs(crooked.mean())
    assert np.mean(right**2) < 0.5 * np.mean(crooked**2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"human": np.array([0.5])}, "0 and 1"),
        ({"human": np.array([2.0])}, "outside the scale"),
        ({"labelled_agent": np.array([7])}, "agent code"),
        ({"human": np.array([1.0, 0.0])}, "different length"),
        ({"weights": np.array([0.0])}, "inclusion probability"),
        ({"weights": np.array([NAN])}, "inclusion probability"),
    ],
)
def test_bad_input_is_refused(change, words):
    given = {"agents": 2, "labelled_agent": np.array([0]), "human": np.array([1.0]),
             "machine_of_labelled": np.array([1.0]), "unlabelled_agent": np.array([1]), "machine": np.array([1.0]),
             "binary": True}  # fmt: skip
    with pytest.raises(ValueError, match=words):
        channels(Contacts(**(given | change)))


def test_a_covariate_moves_agents_towards_their_like():
    rng = np.random.default_rng(7)
    group = np.arange(60) % 2
    truth = 60 + 15.0 * group + rng.standard_normal(60)
    agent = np.repeat(np.arange(60), 4)
    y = np.clip(truth[agent] + 15 * rng.standard_normal(240), 0, 100)
    found = channels(Contacts(60, agent, y, np.full(240, NAN), NOBODY, NONE, False, (0.0, 100.0)))
    plain = fit_two_channel(found)
    informed = fit_two_channel(found, covariates=group[:, None].astype(float))
    error = [
        np.mean([(a.estimate.value - t) ** 2 for a, t in zip(fit.agents, truth, strict=True)])
        for fit in (plain, informed)
    ]
    assert error[1] < 0.6 * error[0]
    double = fit_two_channel(found, covariates=np.column_stack([group, 2 * group, np.ones(60)]).astype(float))
    assert double.agents[0].estimate.value == pytest.approx(informed.agents[0].estimate.value)
    with pytest.raises(ValueError, match="covariate"):
        fit_two_channel(found, covariates=np.full((60, 1), NAN))


def test_no_difference_between_agents_places_hardly_anybody():
    placed = []
    for seed in range(8):
        data = planted.item(np.random.default_rng(seed), 4, 0.95, 0.80, yes=0.85, tau=0.0)
        placed += [agent.tier != UNDECIDED for agent in fit_two_channel(channels(data.contacts)).agents]
    assert np.mean(placed) <= 0.10


@pytest.mark.parametrize(("p", "word"), [(0.9, "above"), (0.1, "below"), (0.5, UNDECIDED), (0.89, UNDECIDED)])
def test_tiers(p, word):
    assert tier(p) == word


def test_a_thousand_agents_take_seconds():
    rng = np.random.default_rng(0)
    truth = planted.expit(1.7 + 0.5 * rng.standard_normal(1_000))
    agent = rng.integers(0, 1_000, 300_000)
    y = (rng.random(agent.size) < truth[agent]).astype(float)
    f = np.where(rng.random(agent.size) < 0.1, 1 - y, y)
    start = time.process_time()
    fit = fit_two_channel(
        channels(Contacts(1_000, agent[:5_000], y[:5_000], f[:5_000], agent[5_000:], f[5_000:], True))
    )
    assert time.process_time() - start < 10
    covered = [a.estimate.low <= t <= a.estimate.high for a, t in zip(fit.agents, truth, strict=True)]
    assert 0.92 <= np.mean(covered) <= 0.985
