import pyarrow as pa
import pytest

from cxsentiment.coaching.candidates import (
    ADVICE_FIRST,
    DISCLOSURE,
    DOWNTURN,
    ESCALATION,
    MISSED_EMPATHY,
    REPEAT_EFFORT,
    SILENCE,
    SLOW_REPLY,
    UNANSWERED,
)
from cxsentiment.coaching.moments import library, moments
from cxsentiment.schema import ItemText
from tests.tables import agent, contacts, customer, items, no_contacts, no_items, no_turns, turns

TEXTS = {
    "confirming": ItemText("Resolution", "Does the agent confirm?", "Repeat the request in your own words."),
    "acknowledge": ItemText("Empathy", "Does the agent acknowledge?", "Name the trouble."),
    "inform": ItemText("Resolution", "Does the agent inform?", "State the answer."),
    "verification": ItemText("Verification", "Does the agent verify?", "Ask for two identifiers."),
}


def found(*rows, channel="chat", texts=TEXTS, **contact):
    """The moments of one contact of one agent."""
    meta = contacts(
        [{"agent_id": "a", "channel": channel, "repeat_effort": 1.0, "supervisor_requests": 1.0, **contact}]
    )
    return moments(meta, turns("c000", rows), no_items(), texts)


def skills(*rows, **more):
    return [one.skill for one in found(*rows, **more)]


def test_advice_before_acknowledging_quotes_the_advice_and_shows_the_late_words():
    still = customer(negative=0.5)
    (one,) = found(customer(negative=0.75), agent(inform=1.0, acknowledge=0.25), still, agent(apologise=0.5))
    assert (one.skill, one.turn, one.quote) == (ADVICE_FIRST, 1, "agent says 1")
    assert one.confidence == pytest.approx(0.75 * 1.0 * 0.75 * 0.5)
    assert [turn.turn for turn in one.context] == [0, 1, 3]
    assert (one.asks, one.focus) == ("Does the agent acknowledge?", "Name the trouble.")
    assert "turn 1 already informs (p 1.00), and only turn 3 acknowledges" in one.why


@pytest.mark.parametrize(
    "talk",
    [
        [customer(negative=0.9), agent(inform=0.9, reassure=0.5), agent(acknowledge=0.9)],  # in the same turn
        [customer(negative=0.9), agent(probe=0.9), agent(acknowledge=0.9)],  # a question is no advice
        [customer(negative=0.4), agent(inform=0.9), agent(acknowledge=0.9)],
        # "Then the other place!" "It has a table." "Lovely!" "I am sorry, it was taken just now."
        [customer(negative=0.9), agent(inform=0.9), customer(positive=0.9), agent(apologise=0.9)],
        [customer(negative=0.9), agent(inform=0.9), customer(negative=0.9), customer(), agent(apologise=0.9)],
    ],
)
def test_no_advice_first(talk):
    assert ADVICE_FIRST not in skills(*talk)


@pytest.mark.parametrize(
    ("question", "reply", "named"),
    [
        ("When will it come?", {"text": "Is there anything else for you?"}, True),
        ("When will it come?", {"text": "It will come on Monday.", "inform": 0.5}, False),
        ("When will it come?", {"text": "Let me see for you.", "hold": 0.9}, False),
        ("Will it come today?", {"text": "Yes it will, I think so."}, False),
        ("Which one is it?", {"text": "Lyft"}, False),
        ("Hi, how are you?", {"text": "Very well, thank you so much."}, False),
        ("When will it come", {"text": "Is there anything else for you?"}, False),
        ("When will it come?", {"text": "Is there anything else?", "inform": None}, False),  # not scored
    ],
)
def test_unanswered_question(question, reply, named):
    assert (UNANSWERED in skills(customer(text=question), agent(**reply))) is named


def test_an_unanswered_question_takes_the_rubrics_words():
    (one,) = found(customer(text="When will it come?"), agent(text="Is there anything else for you?", inform=0.25))
    assert (one.asks, one.focus) == ("Does the agent inform?", "State the answer.")
    assert one.confidence == pytest.approx(0.75 * 20 / 31)
    assert "from turn 1 on" in one.why


def test_repeat_effort_needs_the_phrase_and_a_negative_turn():
    text = "I already told you my number."
    (one,) = found(customer(negative=0.75, text=text), agent(reassure=0.9))
    assert (one.skill, one.turn, one.confidence) == (REPEAT_EFFORT, 0, pytest.approx(0.75 * 15 / 21))
    assert "“already told”" in one.why
    assert (one.asks, one.focus) == ("", "Look up what was said before you ask; where you must ask again, say why.")
    assert skills(customer(negative=0.4, text=text), agent()) == []
    assert REPEAT_EFFORT not in skills(customer(negative=0.9, text="My number is here."), agent(acknowledge=0.9))
    # A contact that was counted as having none is not read.
    assert REPEAT_EFFORT not in skills(customer(negative=0.9, text=text), agent(acknowledge=0.9), repeat_effort=0.0)


def test_escalation_quotes_the_request():
    (one,) = found(agent(), customer(text="I want to speak to your manager."), agent())
    assert (one.skill, one.turn, one.speaker) == (ESCALATION, 1, "customer")
    assert one.confidence == pytest.approx(5 / 6)


def test_verification_after_disclosure():
    talk = [customer(), agent(inform=0.8, text="Your order was shipped on Monday."), customer(), agent(verify=0.5)]
    (one,) = found(*talk)
    assert (one.skill, one.turn, one.focus) == (DISCLOSURE, 1, "Ask for two identifiers.")
    assert one.confidence == pytest.approx(0.8 * 0.5 * 0.5)
    assert [turn.turn for turn in one.context] == [0, 1, 3]
    assert "have a person read" in one.why
    assert skills(*talk, channel="social") == []
    assert skills(agent(verify=0.9), *talk) == []  # asked before
    assert skills(*talk[:3]) == []  # never asked: the item of the scorecard says so
    assert skills(customer(), agent(inform=0.8, text="Shops are open on Monday."), agent(verify=0.9)) == []


def test_slow_replies_and_silences_by_channel():
    def talk(gap, **before):
        return [customer(start_s=0.0, end_s=5.0), agent(start_s=6.0, end_s=10.0, **before), agent(start_s=10.0 + gap)]

    def reply(wait):
        return [customer(start_s=0.0, end_s=5.0), agent(start_s=5.0 + wait)]

    (one,) = found(*reply(60.0), channel="call")
    assert (one.skill, one.turn, one.confidence) == (SLOW_REPLY, 1, 1.0)
    assert "comes 60 s after turn 0, more than 15 s" in one.why
    assert skills(*reply(15.0), channel="call") == []
    assert skills(*reply(119.0), channel="chat") == []
    assert skills(*reply(121.0), channel="chat") == [SLOW_REPLY]
    assert skills(*reply(9999.0), channel="email") == []
    assert skills(*talk(16.0), channel="call") == [SILENCE]
    assert skills(*talk(16.0), channel="chat") == []
    assert skills(*talk(16.0, hold=0.5), channel="call") == []
    assert skills(customer(), agent(), channel="call") == []  # no times
    assert skills(customer(start_s=0.0, end_s=5.0), agent(start_s=60.0, close=0.5), channel="call") == []


def test_turning_point_downwards():
    talk = [
        customer(negative=0.25),
        agent(),
        customer(),
        agent(text="No."),
        customer(negative=0.5),
        agent(acknowledge=0.6),
        customer(negative=0.75),
        agent(acknowledge=0.6),
    ]
    (one,) = found(*talk)
    assert (one.skill, one.turn) == (DOWNTURN, 4)
    assert one.confidence == pytest.approx(0.875 * 0.625)
    assert "Look at the agent's turn 3" in one.why
    assert [turn.turn for turn in one.context] == [2, 3, 4, 5]
    # Who named the trouble at once is not told to name it.
    assert (one.asks, one.focus) == (
        "",
        "Look at what was said just before: how could this news be told another time?",
    )
    assert one.why.endswith("The agent's answer acknowledges, apologises or reassures.")
    # An answer to the second negative turn alone does not count: the first one had none.
    late = [*talk[:5], agent(), agent(), *talk[6:]]
    assert "The agent's answer" not in "".join(one.why for one in found(*late))
    assert DOWNTURN not in skills(*talk[:6])
    # Nothing that an agent said lies between the last quiet turn and the first negative one.
    apart = [customer(), agent(), customer(), customer(negative=0.9), agent(acknowledge=0.9), customer(negative=0.9)]
    assert DOWNTURN not in skills(*apart, agent(acknowledge=0.9))


def test_one_turn_of_the_customer_sets_off_one_moment():
    # Negative, a question without answer, "already told you", after which the contact turns: one moment.
    words = "I already told you. When will it come?"
    reply = agent(text="Is there anything else for you?")
    rows = [customer(), agent(), customer(), agent(), customer(negative=0.9, text=words), reply, customer(negative=0.9)]
    assert skills(*rows) == [MISSED_EMPATHY]


def test_a_late_verification_and_an_unmet_item_are_one_cause():
    talk = [customer(), agent(inform=0.9, text="Your order was shipped."), customer(), agent(verify=0.9), customer()]
    verdict = {"contact_id": "c000", "item": "verification", "verdict": "not_met", "p_met": 0.1, "weight": 1.0}
    meta = contacts([{"agent_id": "a", "channel": "chat"}])
    result = moments(meta, turns("c000", talk), items([{**verdict, "evidence_turn": 3}]), TEXTS)
    assert len(result) == 1


def test_the_library_has_the_clearest_examples_of_different_agents():
    good = [customer(negative=0.9), agent(acknowledge=0.8), customer()]
    better = [customer(negative=0.9), agent(acknowledge=0.95), customer()]
    talk = [good, better, better, good, [customer(negative=0.9), agent()]]
    meta = contacts([{"agent_id": name} for name in ("a", "b", "b", "c", "d")])
    table = pa.concat_tables([turns(f"c{k:03d}", rows) for k, rows in enumerate(talk)])
    result = library(meta, table, no_items(), TEXTS)
    assert [(one.skill, one.agent_id) for one in result] == [("acknowledging", "b"), ("acknowledging", "a")]
    assert all(one.strength for one in result)
    assert library(no_contacts(), no_turns(), no_items(), TEXTS) == ()


def well_met(contact, met=True, item="inform", turn=1):
    verdict = {"contact_id": f"c{contact:03d}", "item": item, "verdict": "met" if met else "not_met", "weight": 10.0}
    return {**verdict, "p_met": 0.8 if met else 0.1, "evidence_turn": turn if met else None, "evidence_quote": "quote"}


def test_an_item_well_met_that_others_miss_is_a_strength():
    talk = [customer(), agent(), customer(negative=0.25), agent()]
    meta = contacts([{"agent_id": name} for name in "abbb"])
    table = pa.concat_tables([turns(f"c{k:03d}", talk) for k in range(4)])
    verdicts = items([well_met(0), *(well_met(k, met=False) for k in (1, 2, 3))])
    (one,) = [one for one in moments(meta, table, verdicts, TEXTS) if one.agent_id == "a"]
    assert (one.skill, one.strength, one.turn, one.quote) == ("inform", True, 1, "quote")
    assert one.confidence == pytest.approx(0.8 * 0.75)
    assert "all agents together miss it in 75% of contacts" in one.why
    assert [one.skill for one in library(meta, table, verdicts, TEXTS)] == ["inform"]


def test_an_apology_alone_is_no_example_of_an_apology():
    talk = [customer(negative=0.9), agent(apologise=0.9), customer(), agent()]
    both = [customer(negative=0.9), agent(apologise=0.9, reassure=0.5), customer(), agent()]
    meta = contacts([{"agent_id": name} for name in "abc"])
    table = pa.concat_tables([turns(f"c{k:03d}", rows) for k, rows in enumerate([talk, both, talk])])
    verdicts = items([well_met(k, met=k < 2, item="apologise") for k in range(3)])
    assert [one.agent_id for one in library(meta, table, verdicts, TEXTS)] == ["b"]


@pytest.mark.parametrize(
    ("last", "verdicts"),
    [
        (customer(negative=0.6), [well_met(0), well_met(1, met=False)]),  # the customer was not helped by it
        (agent(), [well_met(0), well_met(1, met=False)]),  # nobody replied
        (customer(), [well_met(0), well_met(1)]),  # everybody does it
        (customer(), [well_met(0, turn=0), well_met(1, met=False)]),  # the evidence is the customer's turn
    ],
)
def test_no_item_well_met(last, verdicts):
    meta = contacts([{"agent_id": "a"}, {"agent_id": "b"}])
    table = pa.concat_tables([turns(f"c{k:03d}", [customer(), agent(), last]) for k in range(2)])
    assert [one for one in moments(meta, table, items(verdicts), TEXTS) if one.strength] == []


def test_the_library_has_two_of_a_skill_and_eight_in_all():
    talk = [customer(), agent()] * 6 + [customer()]
    names = [f"item{k}" for k in range(6)]
    meta = contacts([{"agent_id": f"a{k}"} for k in range(4)])
    table = pa.concat_tables([turns(f"c{k:03d}", talk) for k in range(4)])
    rows = [well_met(k, met=k < 3, item=name, turn=2 * place + 1) for k in range(4) for place, name in enumerate(names)]
    result = library(meta, table, items(rows), {})
    assert len(result) == 8
    assert len({(one.skill, one.agent_id) for one in result}) == 8
    assert max(sum(other.skill == one.skill for other in result) for one in result) == 2
    assert len(library(meta, table, items(rows), {}, places=3)) == 3
