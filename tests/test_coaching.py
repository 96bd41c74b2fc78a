import pyarrow as pa
import pytest

from cxsentiment.coaching.candidates import ACKNOWLEDGING, CONDUCT, DOWNTURN, MISSED_EMPATHY, RECOVERY
from cxsentiment.coaching.moments import moments
from cxsentiment.schema import ItemText
from tests.tables import agent, contacts, customer, items, no_contacts, no_items, no_turns, turns

TEXTS = {
    "greet": ItemText("Opening", "Does the agent greet?", "Say hello first."),
    "acknowledge": ItemText("Empathy", "Does the agent acknowledge?", "Name the trouble."),
    "professional": ItemText("Conduct", "Is every turn professional?", "Have a person listen."),
}


def found(talk, *, agents=None, verdicts=None, texts=TEXTS, **more):
    """Moments of one agent, or of `agents` by contact, over a list of turns per contact."""
    tables = pa.concat_tables([turns(f"c{k:03d}", rows) for k, rows in enumerate(talk)])
    meta = contacts([{"agent_id": name} for name in (agents or ["a"] * len(talk))])
    return moments(meta, tables, items(verdicts or []), texts, **more)


def unmet(item="greet", contact="c000", turn=0, p=0.1, weight=10.0, **more):
    return {
        "contact_id": contact,
        "item": item,
        "verdict": "not_met",
        "p_met": p,
        "weight": weight,
        "evidence_turn": turn,
        "evidence_quote": "the quote",
        **more,
    }


def test_missed_empathy_quotes_the_customer_and_shows_the_reply():
    (one,) = found([[agent(), customer(), customer(negative=0.75), customer(), agent(apologise=0.25), agent()]])
    assert (one.skill, one.strength, one.turn) == (MISSED_EMPATHY, False, 2)
    assert (one.quote, one.speaker) == ("customer says 2", "customer")
    assert [turn.turn for turn in one.context] == [0, 1, 2, 4]
    assert one.context[-1].speaker == "agent"
    assert one.confidence == pytest.approx(0.75 * 0.75)
    assert "turn 2 reads as negative (p 0.75)" in one.why
    assert "no acknowledgement, apology or reassurance was seen in the agent's turn 4 and turn 5" in one.why
    assert "highest p 0.25" in one.why
    assert one.focus == "Name the trouble."


@pytest.mark.parametrize(
    ("talk", "missed"),
    [
        ([customer(negative=0.5), agent(), agent(acknowledge=0.5)], False),
        ([customer(negative=0.5), agent(), agent(apologise=0.9)], False),
        ([customer(negative=0.5), agent(reassure=0.9)], False),
        ([customer(negative=0.5), agent(), agent(), agent(acknowledge=0.9)], True),  # the third reply is too late
        ([customer(negative=0.5), agent(appreciate=0.9)], True),  # thanks answer nothing
        ([customer(negative=0.49), agent()], False),
        ([customer(negative=0.9)], False),  # nobody replied
        ([customer(negative=0.9), agent(acknowledge=None, apologise=None, reassure=None)], False),  # reply not scored
        ([customer(negative=0.9), {"speaker": "bot"}, agent()], True),
    ],
)
def test_missed_empathy_border(talk, missed):
    assert [one.skill for one in found([talk])] == ([MISSED_EMPATHY] if missed else [])


def test_a_contact_whose_trouble_was_never_acknowledged_ranks_before_one_where_it_mostly_was():
    mostly = [customer(negative=0.9), agent(acknowledge=0.9)] * 3 + [customer(negative=0.99), agent(), agent()]
    never = [customer(negative=0.6), agent(), customer(), agent()]
    (one,) = [one for one in found([mostly, never], per_agent=1) if one.skill == MISSED_EMPATHY]
    assert one.contact_id == "c001"


def test_the_share_left_unanswered_is_of_the_agent_whose_turns_they_are():
    # ana answers her customer, ben leaves his; one contact was handed over from her to him.
    ana, ben = {"agent_id": "ana"}, {"agent_id": "ben"}
    talk = [
        [customer(negative=0.9), agent(acknowledge=0.9, **ana), customer(negative=0.7), agent(**ben), agent(**ben)],
        [customer(negative=0.8), agent(), agent(), customer(negative=0.8), agent(acknowledge=0.6)],
    ]
    missed = [one for one in found(talk, agents=["ana", "ben"]) if one.skill == MISSED_EMPATHY]
    assert [(one.agent_id, one.contact_id) for one in missed] == [("ben", "c000"), ("ben", "c001")]


def test_a_reply_in_the_next_contact_does_not_count():
    assert found([[customer(negative=0.9)], [agent()]]) == ()


def test_unprofessional_turn_asks_for_a_person():
    verdicts = [unmet("professional", turn=1, critical="customer", p=0.1)]
    (one,) = found([[customer(), agent(unprofessional=0.75), customer()]], verdicts=verdicts)
    assert (one.skill, one.turn, one.quote) == (CONDUCT, 1, "agent says 1")
    assert "have a person read it" in one.why
    assert one.focus == "Have a person listen."
    assert [turn.turn for turn in one.context] == [0, 1, 2]


def test_unmet_item_takes_quote_and_hint():
    (one,) = found([[agent(), customer()]], verdicts=[unmet(p=0.25)])
    assert (one.skill, one.turn, one.quote, one.focus) == ("greet", 0, "the quote", "Say hello first.")
    assert one.confidence == 0.75
    assert one.why == "Not met: Does the agent greet? Quoted is turn 0, where it came nearest, or would have belonged."


def test_a_question_without_a_mark_at_its_end_is_a_sentence_of_its_own():
    texts = {"greet": ItemText("", "greeting at the start", "")}
    (one,) = found([[agent(), customer()]], texts=texts, verdicts=[unmet()])
    assert one.why.startswith("Not met: Greeting at the start. Quoted is turn 0")
    assert one.focus == "Look at this item of the scorecard: Greeting at the start."


@pytest.mark.parametrize(
    "row",
    [
        unmet(turn=None),
        unmet(turn=99),
        unmet(contact="nowhere"),
        unmet(verdict="met"),
        unmet(verdict="not_applicable"),
        unmet(verdict="unscored", p_met=None),
    ],
)
def test_items_without_evidence_or_verdict_make_no_moment(row):
    assert found([[agent(), customer()], [agent()]], verdicts=[row]) == ()


def test_an_unanswered_trigger_and_missed_empathy_are_one_cause():
    talk = [customer(negative=0.9), agent()]
    verdicts = [unmet("acknowledge", turn=0), unmet("apologise", turn=0)]
    (one,) = found([talk], verdicts=verdicts)
    assert one.skill == MISSED_EMPATHY
    # Where the replies hold another answer, the unmet item stands alone, and shows the agent's next turn.
    talk = [customer(negative=0.9), customer(), agent(reassure=0.9)]
    (one,) = found([talk], verdicts=verdicts)
    assert one.skill == "acknowledge"
    assert [turn.turn for turn in one.context] == [0, 2]


def test_never_two_of_one_cause_from_one_contact():
    talk = [
        customer(negative=0.9),
        agent(),
        agent(),
        customer(negative=0.8),
        agent(),
        agent(),
        customer(negative=0.7),
        agent(),
    ]
    (one,) = found([talk])
    assert one.turn == 0


def test_strong_acknowledgement_right_after_a_negative_turn_is_a_strength():
    (one,) = found([[customer(negative=0.75), agent(acknowledge=0.75), customer()]])
    assert (one.skill, one.strength, one.turn) == (ACKNOWLEDGING, True, 1)
    assert one.confidence == pytest.approx(0.5625)
    assert found([[customer(negative=0.75), agent(acknowledge=0.625)]]) == ()
    # "That is exactly the general text I asked you not to send."
    talk = [customer(negative=0.75), agent(acknowledge=0.75), customer(negative=0.5), agent(acknowledge=0.6)]
    assert found([talk]) == ()


def test_recovery_quotes_the_most_empathic_turn_between():
    talk = [customer(negative=0.75), agent(), agent(apologise=0.5), agent(reassure=0.625), customer(positive=0.5)]
    strengths = [one for one in found([talk]) if one.strength]
    (one,) = strengths
    assert (one.skill, one.turn) == (RECOVERY, 3)
    assert "negative in turn 0 (p 0.75) and as positive in turn 4 (p 0.50)" in one.why
    assert "reassure, p 0.62" in one.why


@pytest.mark.parametrize(
    "talk",
    [
        [customer(positive=0.9), agent(reassure=0.9), customer(negative=0.9)],  # the wrong way round
        [customer(negative=0.9), customer(positive=0.9), agent(reassure=0.9)],  # no agent between
        [customer(negative=0.9), agent(apologise=0.9), customer(positive=0.9)],  # "Sorry, I don't understand."
        [customer(negative=0.9), agent(appreciate=0.9), customer(positive=0.9)],  # "Great job! Another question?"
    ],
)
def test_no_recovery(talk):
    assert [one for one in found([talk]) if one.skill == RECOVERY] == []


def test_an_example_by_nobody_known_is_nobodys():
    # The contact names no agent; of its turns only the last one of the agent does.
    by = {"agent_id": "b"}
    talk = [customer(negative=0.9), agent(**by), agent(reassure=0.9), customer(positive=0.9), agent(**by)]
    other = [customer(), agent(agent_id="z")]
    assert [one for one in found([talk, other], agents=[None, "z"]) if one.skill == RECOVERY] == []


def test_turning_points_without_an_agent_do_not_crowd_out_others():
    alone = [customer(), customer(), customer(negative=0.9), customer(negative=0.9), agent(reassure=0.9)]
    one = [customer(), customer(), agent(), customer(negative=0.6), customer(negative=0.6), agent(reassure=0.9)]
    chosen = found([*[alone] * 12, one], per_agent=2)
    assert [moment.contact_id for moment in chosen if moment.skill == DOWNTURN] == ["c012"]


def test_recoveries_without_empathy_do_not_crowd_out_others():
    alone = [customer(negative=0.9), agent(), customer(positive=0.9)]
    one = [customer(negative=0.6), agent(reassure=0.9), customer(positive=0.6)]
    chosen = found([*[alone] * 12, one], per_agent=2)
    assert [moment.contact_id for moment in chosen if moment.skill == RECOVERY] == ["c012"]


def test_order_agents_by_id_strengths_first_and_places():
    good = [customer(negative=0.9), agent(acknowledge=0.9)]
    bad = [customer(negative=0.8), agent()]
    result = found([bad] * 8 + [good] * 4 + [bad], agents=["b"] * 12 + ["a"])
    assert [one.agent_id for one in result] == ["a"] + ["b"] * 6
    assert [one.strength for one in result if one.agent_id == "b"] == [True, True, False, False, False, False]
    assert len(found([bad] * 2 + [good] * 9, per_agent=6)) == 6
    assert sum(one.strength for one in found([bad] * 2 + [good] * 9, per_agent=6)) == 4
    assert [one.strength for one in found([bad, good], per_agent=1)] == [False]
    assert found([bad], per_agent=0) == ()


def test_novelty_brings_a_second_skill_before_more_of_the_same():
    talk = [[customer(negative=0.9), agent()]] * 3 + [[agent(), customer()]]
    result = found(talk, verdicts=[unmet(contact="c003", turn=0, p=0.5)], per_agent=2)
    assert [one.skill for one in result] == [MISSED_EMPATHY, "greet"]


def test_the_same_advice_under_another_name_brings_nothing_new():
    # Missed empathy and its item of the scorecard both say: name the trouble.
    talk = [[customer(negative=0.99), agent()], [agent(), customer()], [customer(), customer(), agent()]]
    verdicts = [unmet("greet", "c001", p=0.5), unmet("acknowledge", "c002", p=0.1)]
    result = found(talk, verdicts=verdicts, per_agent=2)
    assert [one.skill for one in result] == [MISSED_EMPATHY, "greet"]


def test_an_item_this_agent_often_misses_ranks_before_a_rare_slip():
    talk = [[agent(), agent()] for _ in range(4)]
    rare = [unmet("rare", turn=0, p=0.1)] + [unmet("rare", f"c{k:03d}", None, verdict="met") for k in (1, 2, 3)]
    often = [unmet("often", f"c{k:03d}", 1, p=0.2) for k in range(4)]
    assert found(talk, verdicts=rare + often, per_agent=1)[0].skill == "often"


def test_contacts_without_agent_and_empty_tables_have_no_moments():
    assert found([[customer(negative=0.9), agent(unprofessional=0.9)]], agents=[None]) == ()
    assert moments(no_contacts(), no_turns(), no_items(), {}) == ()


def test_turns_follow_the_rows_of_the_table_not_their_numbers():
    # A source that lists the agent's turns first, then the customer's; the rows stand in time order.
    rows = [agent(turn=0), customer(negative=0.75, turn=3), agent(turn=1), agent(turn=2), customer(turn=4)]
    unasked, missed = found([rows], verdicts=[unmet(turn=2)])
    assert (missed.skill, missed.turn, missed.quote) == (MISSED_EMPATHY, 3, "customer says 1")
    assert [turn.turn for turn in missed.context] == [0, 3, 1]
    assert "no acknowledgement, apology or reassurance was seen in the agent's turn 1 and turn 2" in missed.why
    assert (unasked.skill, unasked.turn) == ("greet", 2)
    assert [(turn.turn, turn.speaker) for turn in unasked.context] == [
        (3, "customer"),
        (1, "agent"),
        (2, "agent"),
        (4, "customer"),
    ]


def test_the_order_of_contacts_does_not_matter():
    talk = [[customer(negative=0.5 + 0.04 * k), agent(), customer(), agent(unprofessional=0.6)] for k in range(9)]
    meta = contacts([{"agent_id": f"a{k % 2}"} for k in range(9)])
    table = pa.concat_tables([turns(f"c{k:03d}", rows) for k, rows in enumerate(talk)])
    verdicts = items([unmet(contact=f"c{k:03d}", turn=1) for k in range(9)])
    # Contacts last to first, each with its four rows in their order.
    reverse = [4 * k + row for k in reversed(range(9)) for row in range(4)]
    assert moments(meta, table, verdicts, TEXTS) == moments(meta, table.take(reverse), verdicts, TEXTS)


def test_texts_without_hints_fall_back_to_plain_sentences():
    talk = [[customer(negative=0.9), agent()], [agent(unprofessional=0.9), customer()], [agent(), customer()]]
    result = found(talk, texts={}, verdicts=[unmet(contact="c002")])
    assert {one.skill for one in result} == {MISSED_EMPATHY, CONDUCT, "greet"}
    assert all(one.focus for one in result)


def test_a_moment_is_the_agents_who_said_it_where_a_contact_has_several():
    talk = [
        customer(negative=0.9),
        agent(acknowledge=0.9, agent_id="first"),
        customer(),
        agent(agent_id="second"),
        customer(negative=0.8),
        agent(unprofessional=0.9, agent_id="second"),
    ]
    assert [(one.agent_id, one.skill) for one in found([talk], agents=["first"])] == [
        ("first", ACKNOWLEDGING),
        ("second", CONDUCT),
        ("second", MISSED_EMPATHY),
    ]
    assert {one.agent_id for one in found([talk], agents=[None])} == {"first", "second"}
