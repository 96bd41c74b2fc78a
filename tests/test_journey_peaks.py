"""Stages, peaks and troughs, what surrounds them, topics and timelines; and the sections that say so."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from test_report import EMPTY

from cxsentiment.journey.peaks import acts_before, extremes, items_around, stage_moods
from cxsentiment.journey.stages import STAGES, Course
from cxsentiment.journey.timelines import LONGEST, MOST, returns
from cxsentiment.journey.topics import Topic, topics
from cxsentiment.journey_sections import journey_of, journey_sections
from cxsentiment.pages.report_page import html
from cxsentiment.starts import starts
from tests.tables import agent, contacts, customer, items, no_contacts, no_items, no_turns, turns


def course(*talks):
    return Course(pa.concat_tables([turns(f"c{k:03d}", rows) for k, rows in enumerate(talks)]))


def stages(*rows):
    return [STAGES[k] for k in course(rows).stage]


def test_stages_follow_what_the_agent_does():
    assert (
        stages(
            agent(greet=0.9),
            customer(),
            agent(probe=0.9),
            customer(),
            agent(inform=0.9),
            customer(),
            agent(further_help=0.9),
            customer(),
            agent(close=0.9),
        )
        == ["opening"] * 2 + ["discovery"] * 2 + ["resolution"] * 2 + ["closing"] * 3
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([agent(greet=0.9), customer(), agent(close=0.9)], ["opening"] * 3),  # no work, so no closing either
        ([customer(), agent(inform=0.9), customer()], ["opening", "resolution", "resolution"]),  # no discovery
        (
            [agent(probe=0.9), agent(further_help=0.9), agent(inform=0.9), customer()],
            ["discovery"] * 2 + ["resolution"] * 2,
        ),
        ([agent(probe=0.9), customer(), agent(close=0.9), customer()], ["discovery"] * 2 + ["closing"] * 2),
        ([agent(probe=0.49), customer()], ["opening"] * 2),
    ],
)
def test_stages_that_a_contact_does_not_have_are_skipped(rows, expected):
    assert stages(*rows) == expected


def test_stages_stay_within_their_contact():
    found = course([agent(inform=0.9), agent(close=0.9)], [customer(), customer()])
    assert found.stage.tolist() == [2, 3, 0, 0]
    assert Course(no_turns()).stage.size == 0


MOODS = [
    customer(negative=0.6),
    customer(positive=0.9),
    customer(negative=0.9),
    customer(negative=0.9),
    customer(positive=0.9),
]


def test_the_trough_is_the_first_lowest_and_the_peak_the_last_highest_turn():
    found = extremes(course(MOODS, [*MOODS[:2], agent()], [customer(negative=0.4)] * 4))
    assert found.troughs.tolist() == [2]
    assert found.peaks.tolist() == [4]
    assert found.measured.tolist() == [0, 2]  # the second contact has two customer turns only


def test_stage_moods_by_channel():
    talk = course(MOODS, MOODS)
    table = contacts([{"channel": "call"}, {"channel": "chat"}])
    rows = stage_moods(talk, extremes(talk), table)
    assert [row.channel for row in rows] == ["all"] * 4 + ["call"] * 4 + ["chat"] * 4
    opening = rows[0]
    assert opening.valence.value == pytest.approx((-0.6 + 0.9 - 0.9 - 0.9 + 0.9) / 5)
    assert (opening.troughs.value, opening.troughs.n, opening.peaks.value) == (1.0, 2, 1.0)
    assert rows[1].valence.value is None
    one = course(MOODS)
    assert [row.channel for row in stage_moods(one, extremes(one), contacts([{"channel": "call"}]))] == ["all"] * 4


def test_acts_just_before_a_trough_against_those_before_other_turns():
    talk = [
        agent(greet=0.9), customer(), agent(transfer=0.9), customer(negative=0.9), agent(inform=0.9), customer(),
        agent(inform=0.9), customer(),
    ]  # fmt: skip
    found = course(talk)
    first, *rest = [row for row in acts_before(found, extremes(found)) if row.at == "trough"]
    assert (first.act, first.before.value, first.before.n, first.elsewhere.value, first.elsewhere.n) == (
        "transfer", 1.0, 1, 0.0, 3,
    )  # fmt: skip
    assert {row.act for row in rest} == {"inform", "greet"}
    assert acts_before(course([customer()]), extremes(course([customer()]))) == ()


def test_items_in_contacts_with_and_without_a_trough():
    sad, calm = MOODS, [customer()] * 4
    found = course(*[sad] * 10, *[calm] * 10, [customer()])
    verdicts = [
        {"contact_id": f"c{k:03d}", "item": "greet", "verdict": "met" if k < 2 or k >= 10 else "not_met"}
        for k in range(21)
    ]
    rare = [{"contact_id": f"c{k:03d}", "item": "rare", "verdict": "met"} for k in range(9)]
    (one,) = items_around(found, extremes(found), items(verdicts + rare))
    assert (one.item, one.with_trough.value, one.without.value, one.without.n) == ("greet", 0.2, 1.0, 10)
    assert one.difference.value == pytest.approx(-0.8)


def test_topics_stand_out_by_the_weighted_log_odds():
    own, rest = ["My parcel is lost"] * 30, ["hello there"] * 200 + ["my parcel arrived"] * 10
    lost, parcel = topics("trough", own, rest)
    assert (lost.phrase, lost.contacts, lost.elsewhere) == ("lost", 30, 0)
    assert (parcel.phrase, parcel.contacts, parcel.elsewhere) == ("parcel", 30, 10)
    # "lost" is in 30 of 60 words and pairs of `own` and in none of the 230 of `rest`.
    prior = 1000 * 30 / (60 + 230)
    odds = math.log((30 + prior) / (60 + 1000 - 30 - prior)) - math.log(prior / (230 + 1000 - prior))
    assert lost.z == pytest.approx(odds / math.sqrt(1 / (30 + prior) + 1 / prior))
    assert topics("trough", [], rest) == ()
    assert topics("trough", ["the and of"] * 5, rest) == ()


def test_customers_who_come_back():
    rows = [
        {"customer_id": "c", "started_at": "2026-06-01T10:00:00Z", "channel": "chat", "sentiment_end": -0.5},
        {"customer_id": "c", "started_at": "2026-06-03T10:00:00Z", "channel": "call", "sentiment_start": -0.8},
        {"customer_id": "d", "started_at": "2026-06-02T10:00:00Z", "channel": "chat"},
        {"customer_id": None, "started_at": "2026-06-02T10:00:00Z", "channel": "chat"},
        {"customer_id": "c", "started_at": "2026-06-20T10:00:00Z", "channel": "call"},
    ]
    table = contacts(rows)
    told, listed = returns(table, starts(table["started_at"]))
    assert (told.customers, told.several, told.steps) == (2, 1, 2)
    assert (told.soon.value, told.soon.n) == (pytest.approx(1 / 3), 3)  # the last contact may still be followed
    assert told.gap_days.value == pytest.approx((2 + 17) / 2)
    assert (told.end.value, told.next_start.value, told.other_channel.value) == (-0.5, -0.8, 0.5)
    assert [(one.customer_id, one.place, one.day, one.channel) for one in listed] == [
        ("c", 1, "2026-06-01", "chat"),
        ("c", 2, "2026-06-03", "call"),
        ("c", 3, "2026-06-20", "call"),
    ]
    assert returns(no_contacts(), starts(no_contacts()["started_at"])) == (None, ())


def test_only_the_longest_timelines_and_their_latest_contacts_are_listed():
    rows = [
        {"customer_id": f"u{k}", "started_at": f"2026-06-{day + 1:02d}T10:00:00Z"}
        for k in range(MOST + 2)
        for day in range(LONGEST + 3)
    ]
    table = contacts(rows)
    _, listed = returns(table, starts(table["started_at"]))
    assert len(listed) == MOST * LONGEST
    assert {one.place for one in listed} == set(range(4, LONGEST + 4))


def test_sections_say_it_in_words():
    talk = [
        agent(greet=0.9),
        customer(negative=0.9, text="My parcel is lost"),
        *MOODS[1:],
        agent(inform=0.9),
        customer(),
    ]
    table = contacts(
        [
            {"customer_id": f"u{k % 3}", "started_at": f"2026-06-{k + 1:02d}T10:00:00Z", "channel": "chat"}
            | {"sentiment_start": -0.4, "sentiment_end": 0.2}
            for k in range(9)
        ]
    )
    said = pa.concat_tables([turns(f"c{k:03d}", talk) for k in range(9)])
    found = journey_of(table, said, no_items(), starts(table["started_at"]))
    found = replace(found, topics=(Topic("trough", "lost", 9, 0, 2.5), Topic("trough", "<b>", 9, 0, 2.5)))
    stages_, around, back = journey_sections(found)
    assert stages_.says[0].startswith(
        "Of 9 contacts with at least 4 customer turns, 9 have a moment that reads as negative"
    )
    assert "Most troughs lie in the opening (100%" in stages_.says[1]
    assert around.says == ("Customers at a trough speak of “lost”, “<b>”.",)
    assert back.says[0].startswith("3 of 3 customers have several contacts, on any matter.")
    assert {len(row) for view in (*stages_.tables, *around.tables, *back.tables) for row in view.rows} == {
        len(view.columns) for view in (*stages_.tables, *around.tables, *back.tables)
    }
    assert "at its end" in back.figures[0].svg
    assert "chart-timelines" in html(EMPTY, (back,))
    assert "chart-timelines" not in html(EMPTY, (back,), client=True)  # it names customers
    assert set(found.tables()) == {f"journey_{part}" for part in ("stages", "acts", "items", "topics", "customers")}


def test_an_empty_run_has_no_journey_to_tell():
    empty = no_contacts()
    assert journey_sections(journey_of(empty, no_turns(), no_items(), starts(empty["started_at"]))) == ()
    assert np.isnan(Course(turns("c000", [agent()])).valence).all()
