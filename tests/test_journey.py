import pyarrow as pa
import pytest

from cxsentiment.journey.valence import journey
from tests.tables import agent, contacts, customer, no_contacts, no_turns, turns


def point(points, channel, tenth):
    (found,) = [p for p in points if (p.channel, p.tenth) == (channel, tenth)]
    return found.estimate


def test_a_turn_falls_into_the_tenth_of_its_middle_among_all_turns():
    table = turns("c000", [customer(negative=0.5), agent(), agent(), customer(positive=0.25)])  # ⅛ … ⅞
    points = journey(table, contacts([{"channel": "chat"}]))
    assert point(points, "all", 1).value == -0.5
    assert point(points, "all", 8).value == 0.25
    assert {p.tenth for p in points if p.channel == "all" and p.estimate.value is None} == {0, 2, 3, 4, 5, 6, 7, 9}


def test_rows_stand_in_time_order_and_turn_numbers_do_not_matter():
    # A source that lists the agent's turns first: the customer's turns are 2 and 3, and are said first and last.
    rows = [customer(positive=0.5, turn=2), agent(turn=0), agent(turn=1), customer(negative=0.5, turn=3)]
    points = journey(turns("c000", rows), contacts([{"channel": "chat"}]))
    assert (point(points, "all", 1).value, point(points, "all", 8).value) == (0.5, -0.5)


def test_contacts_may_lie_among_each_other():
    one = turns("c000", [customer(positive=0.5), agent(), agent(), customer(negative=0.5)])
    two = turns("c001", [agent(), customer(negative=0.25)])
    meta = contacts([{"channel": "chat"}, {"channel": "call"}])
    table = pa.concat_tables([one, two])
    assert journey(table.take([4, 0, 1, 5, 2, 3]), meta) == journey(table, meta)


def test_an_interval_stays_on_the_scale():
    table = pa.concat_tables([turns(f"c{k:03d}", [customer(positive=v)]) for k, v in enumerate((1.0, 0.5))])
    estimate = point(journey(table, contacts([{"channel": "chat"}] * 2)), "all", 5)
    assert (estimate.value, estimate.low, estimate.high) == (0.75, -1.0, 1.0)


def test_interval_is_clustered_by_contact_and_n_counts_contacts():
    # Twenty turns each, so two of each contact fall into a tenth; copies within a contact must not count twice.
    values = [0.0, 0.25, 0.5, 0.75]
    table = pa.concat_tables([turns(f"c{k:03d}", [customer(positive=v)] * 20) for k, v in enumerate(values)])
    estimate = point(journey(table, contacts([{"channel": "call"}] * 4)), "all", 0)
    assert estimate.value == 0.375
    assert estimate.n == 4
    half = 3.1824 * 0.3227486 / 2  # t(3), SD of the four, √4
    assert estimate.high == pytest.approx(0.375 + half, abs=1e-4)


def test_channels_by_name_and_contacts_without_one_apart():
    table = pa.concat_tables([turns(f"c{k:03d}", [customer(positive=v)]) for k, v in enumerate([0.5, 0.25, 1.0])])
    points = journey(table, contacts([{"channel": "email"}, {"channel": "call"}, {}]))
    assert list(dict.fromkeys(p.channel for p in points)) == ["all", "call", "email", "not given"]
    assert point(points, "call", 5).value == 0.25
    assert point(points, "not given", 5).value == 1.0
    assert point(points, "call", 5).low is None
    assert "too few contacts" in point(points, "call", 5).reason


def test_no_customer_turns_and_no_turns():
    points = journey(turns("c000", [agent(), agent()]), contacts([{"channel": "chat"}]))
    assert len(points) == 20
    assert {p.estimate.reason for p in points} == {"no scored customer turn lies in this tenth"}
    assert journey(no_turns(), no_contacts()) == ()
