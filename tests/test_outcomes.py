import re

import numpy as np
import pytest
from scipy.stats import spearmanr

from cxsentiment.outcomes import associate, reading
from cxsentiment.schema import Association, Estimate
from cxsentiment.stats.arrays import codes
from cxsentiment.stats.correlation import clustered_spearman
from tests.tables import contacts, items, no_contacts, no_items

CAUSAL = re.compile(
    r"\b(caus|because|due to|leads? to|effect|improv|impact|drives?|results? in|thanks to)", re.IGNORECASE
)


def surveyed(seed=0, agents=12, each=12, slope=0.0, between=0.0, share=1.0):
    """Contacts whose CSAT rises with the score by `slope` within agents and by `between` across agents' means."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(agents):
        mean = rng.normal(0, 1)
        for _ in range(each):
            own = rng.normal(0, 1)
            csat = 3 + slope * own + between * mean + rng.normal(0, 1)
            rows.append(
                {
                    "agent_id": f"a{k:02d}",
                    "score": float(60 + 10 * (mean + own)),
                    "csat": float(np.clip(round(csat), 1, 5)) if rng.random() < share else None,
                }
            )
    return rows


def pick(found, feature, level, outcome="csat"):
    (one,) = [a for a in found if (a.feature, a.level, a.outcome) == (feature, level, outcome)]
    return one


def test_score_and_csat_at_three_levels():
    rows = surveyed(slope=1.0)
    found, notes = associate(contacts(rows), no_items())
    pooled = pick(found, "score", "pooled")
    assert pooled.estimate.value == pytest.approx(
        spearmanr([row["score"] for row in rows], [row["csat"] for row in rows]).statistic
    )
    assert pooled.estimate.low > 0
    assert pooled.p_adjusted < 0.1
    assert pooled.agents == 12
    assert pooled.estimate.n == 144
    assert pick(found, "score", "within").estimate.low > 0
    assert pick(found, "score", "between").estimate.n == 144
    assert {a.level for a in found} == {"pooled", "within", "between"}
    assert "CSAT: 144 of 144 contacts have an answer (100.0%)." in notes, "nobody was silent, so nobody differs"


def test_the_report_allows_for_customers_who_come_back():
    rows = [{**row, "customer_id": f"k{k % 9}"} for k, row in enumerate(surveyed(agents=16, each=9, slope=0.3))]
    score, csat = (np.array([row[name] for row in rows]) for name in ("score", "csat"))
    ways = [
        clustered_spearman(score, csat, codes(contacts(rows)[name])[0]).estimate for name in ("agent_id", "customer_id")
    ]
    found, notes = associate(contacts(rows), no_items())
    pooled = pick(found, "score", "pooled").estimate
    assert pooled.high - pooled.low == pytest.approx(max(one.high - one.low for one in ways))
    assert pooled.value == ways[0].value
    assert any("customers come back" in note for note in notes)
    once, notes = associate(contacts(surveyed(agents=16, each=9, slope=0.3)), no_items())
    assert pick(once, "score", "pooled").estimate.low == ways[0].low
    assert not any("come back" in note for note in notes)


def test_planted_reversal_is_flagged_on_every_level():
    found, _ = associate(contacts(surveyed(seed=3, agents=40, each=40, slope=0.5, between=-1.5)), no_items())
    assert pick(found, "score", "within").estimate.value > 0
    assert pick(found, "score", "between").estimate.value < 0
    for level in ("pooled", "within", "between"):
        assert (
            "signs differ within and between agents (the interval of the difference leaves out 0)"
            in pick(found, "score", level).flag
        )


def test_adjustment_spans_the_whole_table_and_nulls_stay_null():
    rows = [{**row, "nps": row["csat"] * 2, "sentiment_end": row["score"] / 100} for row in surveyed(slope=0.3)]
    found, _ = associate(contacts(rows), no_items())
    known = [a for a in found if a.p is not None]
    assert {a.outcome for a in found} == {"csat", "nps"}
    assert len(known) == 2 * 2 * 3
    smallest = min(known, key=lambda a: a.p)
    assert smallest.p_adjusted <= smallest.p * len(known) + 1e-12
    assert all(a.p_adjusted >= a.p for a in known)
    assert all(a.p_adjusted is None and a.estimate.reason for a in found if a.p is None)


def test_an_item_is_one_where_met_zero_where_not_and_missing_else():
    rows = surveyed(agents=10, each=4)
    verdict = ["met", "not_met", "not_applicable", "unscored"]
    table = items([{"contact_id": f"c{k:03d}", "item": "greet", "verdict": verdict[k % 4]} for k in range(40)])
    found, _ = associate(contacts(rows), table)
    one = pick(found, "item:greet", "pooled")
    assert one.estimate.n == 20
    met = [1 - k % 4 for k in range(40) if k % 4 < 2]
    csat = [rows[k]["csat"] for k in range(40) if k % 4 < 2]
    assert one.estimate.value == pytest.approx(spearmanr(met, csat).statistic)


def test_constant_csat_is_null_with_the_reason():
    rows = [{**row, "csat": 5.0} for row in surveyed()]
    found, notes = associate(contacts(rows), no_items())
    one = pick(found, "score", "pooled")
    assert (one.estimate.value, one.p, one.p_adjusted) == (None, None, None)
    assert "the outcome is the same in all contacts" in one.estimate.reason
    assert "Cannot" not in reading(one)
    assert "no figure (the outcome is the same in all contacts" in reading(one)
    assert any("none of the figures has an interval" in note for note in notes)


def test_fewer_than_eight_agents_give_the_estimate_alone():
    found, notes = associate(contacts(surveyed(agents=7)), no_items())
    one = pick(found, "score", "pooled")
    assert one.estimate.value is not None
    assert one.estimate.low is None
    assert "7 of 8" in one.estimate.reason
    assert "read nothing into it" in reading(one)
    assert any("none of the figures has an interval" in note for note in notes)


def test_nothing_found_says_what_could_have_been_found():
    found, notes = associate(contacts(surveyed(seed=2)), no_items())
    assert all(a.p_adjusted is None or a.p_adjusted > 0.1 for a in found)
    smallest = min(a.minimal_detectable for a in found if a.level == "pooled" and a.minimal_detectable)
    assert any(note.startswith("No association found") and f"{smallest:.2f}" in note for note in notes)


def test_suspiciously_large_correlations_ask_for_a_leakage_check():
    rows = [{**row, "sentiment_end": row["csat"] + 0.01 * row["score"]} for row in surveyed()]
    found, notes = associate(contacts(rows), no_items())
    assert "check for leakage" in pick(found, "sentiment_end", "pooled").flag
    assert any("Treat these as suspect" in note and "0.24" in note for note in notes)
    assert pick(found, "score", "pooled").flag is None or "leakage" not in pick(found, "score", "pooled").flag


def test_contacts_without_agent_are_left_out_and_counted_or_pooled_when_there_is_none():
    rows = surveyed()
    some = [{**row, "agent_id": None if k % 12 == 0 else row["agent_id"]} for k, row in enumerate(rows)]
    found, notes = associate(contacts(some), no_items())
    assert pick(found, "score", "pooled").estimate.n == 132
    assert "CSAT: contacts with an answer but no agent id, left out: 12." in notes
    none = [{**row, "agent_id": None} for row in rows]
    found, notes = associate(contacts(none), no_items())
    assert pick(found, "score", "pooled").estimate.n == 144
    assert pick(found, "score", "pooled").estimate.low is None
    assert pick(found, "score", "within").estimate.value is None
    assert any("so there are no intervals" in note for note in notes)


def test_a_low_response_share_is_called_out():
    _, notes = associate(contacts(surveyed(each=100, share=0.05)), no_items())
    assert any("fewer than 10% of the contacts have an answer" in note for note in notes)
    assert any("Those who answer may differ" in note and "weighting cannot repair" in note for note in notes)


@pytest.mark.parametrize("table", [no_contacts(), contacts([{"agent_id": "a", "score": 1.0}])])
def test_without_answers_there_is_one_note_and_nothing_else(table):
    found, notes = associate(table, no_items())
    assert found == ()
    assert len(notes) == 1
    assert "nothing to associate" in notes[0]


def test_headlines_are_put_into_words_and_others_where_they_survive():
    rows = [{**row, "sentiment_start": float(k % 7)} for k, row in enumerate(surveyed())]
    found, _ = associate(contacts(rows), no_items())
    assert pick(found, "score", "pooled").reading == reading(pick(found, "score", "pooled"))
    assert pick(found, "sentiment_mean", "within").reading.startswith("Among contacts of the same agent")
    assert pick(found, "sentiment_start", "pooled").reading == ""
    noisy = [{**row, "sentiment_min": row["csat"] + k % 3} for k, row in enumerate(surveyed())]
    found, _ = associate(contacts(noisy), no_items())
    assert "go up together" in pick(found, "sentiment_min", "pooled").reading


def test_same_input_same_result():
    table = contacts(surveyed(slope=0.3))
    assert associate(table, no_items()) == associate(table, no_items())


@pytest.mark.parametrize("level", ["pooled", "within", "between"])
@pytest.mark.parametrize(
    ("low", "high", "p_adjusted", "words"),
    [
        (0.1, 0.3, 0.01, "go up together"),
        (-0.3, -0.1, 0.01, "go in opposite directions"),
        (-0.1, 0.3, 0.4, "not settled"),
        (0.01, 0.3, 0.2, "allowing for the number of comparisons"),
        (-0.01, 0.3, 0.08, "not settled"),  # where most others are clear, a p of .07 is .08 adjusted
    ],
)
def test_readings_are_one_plain_sentence_without_causal_words(level, low, high, p_adjusted, words):
    estimate = Estimate((low + high) / 2, low, high, 500, "m")
    text = reading(Association("item:greet", "csat", level, estimate, 20, 0.01, p_adjusted, 0.1))
    assert words in text
    assert not CAUSAL.search(text)
    assert text.count(". ") == 0
    assert "meeting the item greet" in text


def test_many_contacts_with_a_tiny_correlation_are_called_near_zero():
    """With enough contacts a correlation of .05 can be told apart from 0; the notes say that it is next to nothing."""
    rng = np.random.default_rng(3)
    rows = []
    for k in range(6000):
        score = rng.normal()
        csat = float(np.clip(np.round(3 + 0.07 * score + rng.normal()), 1, 5))
        rows.append({"agent_id": f"a{k % 40}", "score": 50 + 10 * score, "csat": csat})
    found, notes = associate(contacts(rows), no_items())
    pooled = pick(found, "score", "pooled")
    assert pooled.p_adjusted < 0.1
    assert "almost unrelated" in pooled.reading
    assert any(note.startswith("Near zero") for note in notes)
    assert not any("Near zero" in note for note in associate(contacts(surveyed(slope=1.0)), no_items())[1])
