import numpy as np
import pytest

from cxsentiment import agents as scoring
from tests.tables import contacts, no_contacts


def score_agents(table):
    """With the numbers that are withheld for their reliability."""
    return scoring.score_agents(table, unreliable=True)


def team(scores):
    """Contacts from {agent id: scores}."""
    return contacts([{"agent_id": name, "score": score} for name, own in scores.items() for score in own])


def around(mean, n, sd=10.0):
    """`n` scores with exactly this mean and standard deviation."""
    values = np.random.default_rng(n).normal(size=n)
    return mean + sd * (values - values.mean()) / values.std(ddof=1)


def test_agents_stand_in_the_order_of_their_ids_with_students_interval():
    agents, notes = score_agents(team({"b": [60.0, 70, 80, 90, 100, 50], "a": [40.0, 50, 60, 70, 80, 90]}))
    assert [agent.agent_id for agent in agents] == ["a", "b"]
    assert agents[0].estimate.value == 65
    # SD √350, n 6, t(5) 2.5706
    assert agents[0].estimate.low == pytest.approx(65 - 2.5706 * (350 / 6) ** 0.5, abs=1e-3)
    assert agents[0].contacts == agents[0].estimate.n == 6
    assert any("no league table" in note for note in notes)
    assert any("no human label" in note for note in notes)


def test_clearly_different_agents_are_placed_and_the_middle_one_is_not():
    agents, _ = score_agents(
        team(
            {
                "high": around(80, 40),
                "high2": around(79, 40),
                "low": around(40, 40),
                "low2": around(41, 40),
                "mid": around(60, 40),
            }
        )
    )
    assert {agent.agent_id: agent.standing for agent in agents} == {
        "high": "above",
        "high2": "above",
        "low": "below",
        "low2": "below",
        "mid": "cannot be told apart",
    }
    assert agents[0].p_above > 0.9
    assert agents[0].reliability > 0.95


def test_numbers_of_too_low_a_reliability_are_withheld_and_the_standing_stays():
    table = team({"few": [60.0, 75.0], "many": around(60, 90), "others": around(64, 90)})
    found = {agent.agent_id: agent for agent in scoring.score_agents(table)[0]}
    assert found["few"].reliability < 0.5 < found["many"].reliability
    assert found["few"].estimate.value is found["few"].estimate.low is found["few"].p_above is None
    assert found["few"].estimate.reason.startswith("withheld: reliability 0.")
    assert found["few"].estimate.n == 2
    assert found["few"].standing == "cannot be told apart"
    assert found["many"].estimate.value == pytest.approx(60)
    shown = {agent.agent_id: agent for agent in score_agents(table)[0]}
    assert shown["few"].estimate.value == 67.5


def test_equal_means_cannot_be_told_apart_and_have_no_reliability():
    agents, notes = score_agents(team({name: around(60, 20) for name in "abcd"}))
    assert {agent.standing for agent in agents} == {"cannot be told apart"}
    assert {agent.p_above for agent in agents} == {0.5}
    assert {agent.reliability for agent in agents} == {0.0}
    assert any("ICC 0" in note for note in notes)


def test_without_agent_effect_few_are_placed():
    rng = np.random.default_rng(4)
    placed = total = 0
    for _ in range(60):
        agents, _ = score_agents(team({f"a{k}": rng.normal(60, 15, 30) for k in range(10)}))
        placed += sum(agent.standing != "cannot be told apart" for agent in agents)
        total += len(agents)
    assert placed / total <= 0.10


def test_reliability_is_spearman_brown_of_the_oneway_icc():
    # SSW 4 on 3 df and n0 2.4 as worked by hand in test_stats.
    agents, _ = score_agents(team({"a": [1.0, 3], "b": [5.0, 6, 7]}))
    within, between = 4 / 3, (19.2 - 4 / 3) / 2.4
    icc = between / (between + within)
    assert agents[1].reliability == pytest.approx(3 * icc / (1 + 2 * icc))


@pytest.mark.parametrize(
    ("own", "low_is_known", "words"),
    [
        ([None, None], False, "none of this agent's contacts has a score"),
        ([50.0], False, "only 1 scored contact: too few"),
        ([50.0, 60.0], True, "only 2 scored contacts: too few"),
        ([50.0] * 6, False, "all 6 values are equal"),
        ([50.0, 60, 70, 55, 65], True, None),
    ],
)
def test_thin_agents_say_so(own, low_is_known, words):
    agents, _ = score_agents(team({"other": around(60, 20), "thin": own, "third": around(70, 20)}))
    thin = next(agent for agent in agents if agent.agent_id == "thin")
    assert (thin.estimate.low is not None) == low_is_known
    assert thin.estimate.reason is None if words is None else words in thin.estimate.reason
    assert thin.contacts == len(own)
    if own[0] is None:
        assert (thin.estimate.value, thin.reliability, thin.p_above, thin.standing) == (None, None, None, None)


def test_one_agent_has_a_mean_but_no_standing():
    (agent,), notes = score_agents(team({"only": around(60, 10)}))
    assert agent.estimate.value == pytest.approx(60)
    assert (agent.reliability, agent.p_above, agent.standing) == (None, None, None)
    assert "two agents" in agent.estimate.reason
    assert any("Reliability cannot be estimated: it needs two agents" in note for note in notes)
    assert any("Agents cannot be compared with the mean of all agents: it needs two agents" in note for note in notes)
    assert not any("cannot be told apart" in note for note in notes)


def test_without_spread_within_agents_nothing_is_said_to_be_reliable():
    agents, notes = score_agents(team({"a": [80.0, 80.0], "b": [60.0]}))
    assert {(agent.reliability, agent.p_above, agent.standing) for agent in agents} == {(None, None, None)}
    assert any("Reliability cannot be estimated: no agent's contacts differ" in note for note in notes)
    assert any("Agents cannot be compared" in note and "no agent's contacts differ" in note for note in notes)


def test_the_note_counts_only_agents_with_a_standing():
    _, notes = score_agents(
        team({"high": around(80, 40), "low": around(40, 40), "none": [None], "mid": around(60, 40)})
    )
    assert any(note.startswith("2 of 3 agents with a scored contact differ") for note in notes)


def test_an_agent_without_score_names_the_commonest_reason():
    reasons = ["too little applies", "unknown speaker", "unknown speaker"]
    rows = [{"agent_id": "a", "null_reason": why} for why in reasons] + [{"agent_id": "b", "score": 50.0}]
    agents, _ = score_agents(contacts(rows))
    assert agents[0].estimate.reason == "none of this agent's contacts has a score: unknown speaker"


def test_the_interval_of_two_far_scores_stays_on_the_scale():
    agents, _ = score_agents(team({"a": [0.0, 100.0], "b": [50.0, 60.0]}))
    assert (agents[0].estimate.low, agents[0].estimate.high) == (0, 100)


def test_contacts_without_agent_are_left_out_and_counted():
    table = contacts(
        [{"agent_id": "a", "score": 50.0}, {"agent_id": "a", "score": 60.0}, {"score": 0.0}, {"score": 0.0}]
    )
    (agent,), notes = score_agents(table)
    assert agent.estimate.value == 55
    assert "Contacts without an agent id, left out here: 2." in notes


@pytest.mark.parametrize("table", [no_contacts(), contacts([{"score": 50.0}])])
def test_no_agents_at_all(table):
    agents, notes = score_agents(table)
    assert agents == ()
    assert "No contact names its agent, so there are no agent scores." in notes


def test_identical_scores_everywhere_place_nobody():
    agents, _ = score_agents(team({"a": [70.0] * 3, "b": [70.0] * 3}))
    assert {agent.standing for agent in agents} == {None}
