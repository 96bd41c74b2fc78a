import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.schema import Estimate
from cxsentiment.stats.agreement import (
    agreement,
    cohen_kappa,
    gate,
    gwet_ac,
    krippendorff_alpha,
    machine_agreement,
    raw_agreement,
)
from cxsentiment.stats.ratings import tabulate, wide
from cxsentiment.stats.severity import grader_severity

NAN = math.nan
# Krippendorff's canonical example, one row per rater.
CANONICAL = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
FIRST = np.array([1.0, 2, 3, 4, 5, 3, 2, 4, 5, 1, 3, 3])
SECOND = np.array([1.0, 3, 3, 4, 4, 3, 2, 5, 5, 2, 2, 3])


def graded(seed, n, error=0.07, passing=0.85, raters=2):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < passing
    return np.stack([np.where(rng.random(n) < error, ~y, y) for _ in range(raters)], axis=1).astype(float)


@pytest.mark.parametrize(("metric", "alpha"), [("nominal", 0.7434), ("ordinal", 0.8154), ("interval", 0.8491)])
def test_krippendorff_known_answers(metric, alpha):
    assert round(krippendorff_alpha(CANONICAL, metric), 4) == alpha


def test_gwet_known_answers():
    assert round(gwet_ac(CANONICAL), 4) == 0.7754
    assert round(gwet_ac(CANONICAL, "ordinal"), 4) == 0.9140


@pytest.mark.parametrize(("weights", "kappa"), [("none", 0.4643), ("linear", 0.7), ("quadratic", 0.8649)])
def test_weighted_kappa_known_answers(weights, kappa):
    assert round(cohen_kappa(FIRST, SECOND, weights), 4) == kappa


def test_raw_agreement_counts_each_contact_once():
    # Contact 1: three raters, one pair of three agrees. Contact 2: two raters agree. Contact 3: one rater, no pair.
    ratings = np.array([[1, 1, 2], [3, 3, NAN], [1, NAN, NAN]])
    assert raw_agreement(ratings) == pytest.approx((1 / 3 + 1) / 2)


def test_everything_stands_side_by_side():
    found = agreement(CANONICAL, "ordinal")
    assert found.alpha.value == pytest.approx(0.8153875)
    assert found.alpha.low < found.alpha.value <= found.alpha.high
    assert found.contacts == 11  # the last has one rating
    assert found.raters == 4
    assert "two raters; there are 4" in found.kappa.reason
    assert sum(found.prevalence.values()) == pytest.approx(1)
    assert (found.baseline_value, round(found.baseline, 4)) == (2.0, 0.3171)
    assert found.warning == "11 contacts were rated twice; 100 are needed"


def test_two_raters_have_a_kappa_and_an_easy_item_needs_more_contacts():
    found = agreement(np.stack([FIRST, SECOND], axis=1))
    assert found.kappa.value == pytest.approx(0.4642857)
    assert found.kappa.low < found.kappa.value < found.kappa.high
    assert (
        "200 are needed, for more than 90% of the ratings are the same"
        in agreement(graded(0, 150, passing=0.98)).warning
    )
    assert agreement(graded(0, 120, passing=0.7)).warning is None


def test_same_input_same_output_and_the_seed_matters_only_for_the_interval():
    ratings = graded(1, 80)
    assert agreement(ratings) == agreement(ratings)
    other = agreement(ratings, seed=1)
    assert other.alpha.value == agreement(ratings).alpha.value
    assert other.alpha.low != agreement(ratings).alpha.low


@pytest.mark.parametrize(
    "ratings",
    [
        np.zeros((0, 2)),
        np.full((5, 3), NAN),
        np.array([[1.0, NAN], [NAN, 2.0]]),
    ],
)
def test_without_a_pair_there_is_no_figure_but_a_reason(ratings):
    found = agreement(ratings)
    for estimate in (found.raw, found.kappa, found.alpha, found.ac):
        assert estimate.value is None
        assert estimate.reason
    assert found.warning


def test_all_ratings_alike_leave_alpha_undefined_and_ac_at_one():
    found = agreement(np.ones((20, 2)))
    assert found.alpha.value is None
    assert "chance alone" in found.alpha.reason
    assert found.kappa.value is None
    assert (found.raw.value, found.ac.value) == (1.0, 1.0)
    assert found.raw.low is None
    assert found.raw.reason
    assert cohen_kappa(np.ones(3), np.ones(3)) is None
    assert cohen_kappa(np.array([NAN]), np.array([1.0])) is None


def test_too_many_values_are_refused():
    with pytest.raises(ValueError, match="at most 50"):
        agreement(np.arange(120.0).reshape(60, 2))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from([1.0, 2.0, 4.0, NAN]), min_size=3, max_size=3), min_size=2, max_size=12))
def test_order_of_contacts_and_of_raters_does_not_matter(rows):
    ratings = np.array(rows)
    for metric in ("nominal", "ordinal", "interval"):
        for figure in (krippendorff_alpha, gwet_ac):
            one, other = figure(ratings, metric), figure(ratings[::-1, ::-1], metric)
            assert (one is None) == (other is None)
            if one is not None:
                assert one == pytest.approx(other)
                assert one <= 1 + 1e-12


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=30))
def test_interval_alpha_and_kappa_follow_their_definitions(pairs):
    a, b = np.array(pairs, dtype=float).T
    n = a.size
    pooled = np.concatenate([a, b])
    expected = np.mean([(x - y) ** 2 for i, x in enumerate(pooled) for j, y in enumerate(pooled) if i != j])
    found = krippendorff_alpha(np.stack([a, b], axis=1), "interval")
    if expected == 0:
        assert found is None
        return
    assert found == pytest.approx(1 - np.mean((a - b) ** 2) / expected)
    chance = np.mean([(x - y) ** 2 for x in a for y in b])
    kappa = cohen_kappa(a, b, "quadratic")
    assert kappa is None if chance == 0 else kappa == pytest.approx(1 - np.mean((a - b) ** 2) / chance)
    assert n == len(pairs)


@pytest.mark.parametrize(
    ("value", "low", "word"),
    [(0.9, 0.8, "performance"), (0.8, 0.7, "usable"), (0.6, 0.5, "not yet"), (0.3, 0.1, "rewrite"), (0.5, None, None)],
)
def test_gates_stand_on_the_lower_end(value, low, word):
    assert gate(Estimate(value, low, None if low is None else 1.0, 100, "m", None)) == word


def test_a_machine_as_good_as_a_grader_has_the_ratio_one():
    ratings = graded(3, 3_000, raters=3)
    found = machine_agreement(ratings[:, :2], ratings[:, 2])
    assert found.people.value == pytest.approx(krippendorff_alpha(ratings[:, :2]))
    assert found.ratio.low < 1 < found.ratio.high
    assert abs(found.ratio.value - 1) < 0.1
    worse = np.where(np.random.default_rng(9).random(3_000) < 0.3, 1 - ratings[:, 2], ratings[:, 2])
    assert machine_agreement(ratings[:, :2], worse).ratio.high < 0.9


def test_machine_pairs_alone_make_the_second_alpha():
    # One person per pair would be a plain alpha of two raters; with two alike persons it is the same.
    person, robot = FIRST, SECOND
    found = machine_agreement(np.stack([person, person], axis=1), robot, "interval")
    assert found.people.value == 1
    assert found.machine.value == pytest.approx(krippendorff_alpha(np.stack([person, robot], axis=1), "interval"))


def test_the_machine_is_judged_on_the_same_contacts_only():
    ratings, machine = graded(4, 200), graded(5, 200)[:, 0]
    machine[:50] = NAN
    ratings[50:80, 1] = NAN
    found = machine_agreement(ratings, machine)
    assert found.people.n == found.machine.n == 120
    assert machine_agreement(ratings, np.full(200, NAN)).people.value is None


def test_wide_puts_rows_into_a_table_and_refuses_a_double_rating():
    table, contacts, raters = wide(np.array([7, 7, 3]), np.array([1, 2, 1]), np.array([0.0, 1.0, 1.0]))
    np.testing.assert_array_equal(table, [[1, NAN], [0, 1]])
    assert contacts.tolist() == [3, 7]
    assert raters.tolist() == [1, 2]
    with pytest.raises(ValueError, match="twice"):
        wide(np.array([7, 7]), np.array([1, 1]), np.array([0.0, 1.0]))


def test_values_of_the_scale_that_nobody_used_stay_in_the_table():
    assert tabulate(np.array([[1.0, 3.0]]), np.array([1.0, 2.0, 3.0])).counts.tolist() == [[1, 0, 1]]


def severities(seed=0, graders=8, contacts=300, sd=0.5):
    rng = np.random.default_rng(seed)
    contact = np.repeat(np.arange(contacts), 2)
    grader = np.concatenate([rng.permutation(graders)[:2] for _ in range(contacts)])
    effect = sd * rng.standard_normal(graders)
    value = rng.standard_normal(contacts)[contact] + effect[grader] + 0.5 * rng.standard_normal(contact.size)
    return value, contact, grader, effect - effect.mean()


def test_severity_is_found_beside_contact_effects():
    value, contact, grader, effect = severities()
    found = grader_severity(value, contact, grader)
    estimate = np.array([one.value for one in found.graders])
    assert np.corrcoef(estimate, effect)[0, 1] > 0.95
    assert np.mean([one.low <= e <= one.high for one, e in zip(found.graders, effect, strict=True)]) >= 0.75
    assert found.spread == pytest.approx(effect.std(ddof=1), rel=0.1)


def test_severity_follows_bad_contacts_only_where_assignment_was_by_chance():
    # Grader 0 gets the bad contacts; on shared contacts all graders agree.
    level = np.array([-5.0] * 20 + [5.0] * 20)
    contact = np.concatenate([np.arange(40), np.arange(40)])
    grader = np.concatenate([np.where(level < 0, 0, 1), np.full(40, 2)])
    rng = np.random.default_rng(0)
    value = level[contact] + 0.1 * rng.standard_normal(80)
    shared = grader_severity(value, contact, grader)
    assert max(abs(one.value) for one in shared.graders) < 0.2
    assert grader_severity(value, contact, grader, assigned_at_random=True).graders[0].value < -2


@pytest.mark.parametrize(
    ("contact", "grader", "words"),
    [
        ([0, 1, 2], [0, 1, 2], "no contact was rated by two graders"),
        ([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 0, 1, 2, 3, 2, 3], "share no contact"),
        ([0, 0], [0, 1], "too few contacts"),
    ],
)
def test_graders_that_cannot_be_compared(contact, grader, words):
    found = grader_severity(np.arange(len(contact), dtype=float), np.array(contact), np.array(grader))
    assert words in found.reason
    assert all(one.value is None and one.reason for one in found.graders)


def test_a_contact_graded_twice_by_one_grader_is_refused():
    with pytest.raises(ValueError, match="twice"):
        grader_severity(np.array([1.0, 0.0]), np.array([0, 0]), np.array([1, 1]))


@pytest.mark.parametrize("shared", [100, 150, 450])
def test_graders_who_all_rated_the_same_contacts_have_their_mean_differences(shared):
    """The effects are the graders' means about the mean of all; for some sizes rounding once made nonsense of them."""
    rng = np.random.default_rng(3)
    truth = rng.random(shared) < 0.6
    strict = truth & (rng.random(shared) > 0.4)
    values = np.stack([truth, truth, strict], axis=1).astype(float)
    contacts = np.repeat(np.arange(shared), 3)
    found = grader_severity(values.ravel(), contacts, np.tile(np.arange(3), shared))
    effects = values.mean(axis=0) - values.mean()
    assert [one.value for one in found.graders] == pytest.approx(effects, abs=0.01)
    assert all(one.low < one.value < one.high for one in found.graders)
