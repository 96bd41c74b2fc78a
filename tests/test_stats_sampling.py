import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from cxsentiment.stats.sampling import (
    allocate,
    draw,
    draw_by_size,
    inclusion_probabilities,
    n_for_interval,
    n_to_find,
    n_with_machine,
    next_agents,
)


def test_sample_sizes_by_hand():
    assert n_for_interval(0.05, 0.5) == 385
    assert n_for_interval(0.05, 0.5, population=1_000) == 278
    assert n_for_interval(0.05, 0.5, deff=2) == 769
    assert n_for_interval(10, 15) == 9
    assert n_for_interval(0.05, 0.5, population=0) == 0
    assert n_for_interval(0.05, 0.0) == 1
    assert n_with_machine(0.05, 0.5, 0.8) == math.ceil(385 * 0.36)
    assert n_with_machine(0.05, 0.5, 1.0) == 30
    assert n_with_machine(0.2, 0.5, 1.0) == 25  # not more than without the machine
    for bad in (lambda: n_for_interval(0, 0.5), lambda: n_with_machine(0.1, 0.5, 2)):
        with pytest.raises(ValueError, match=r"above 0|between -1 and 1"):
            bad()


def test_finding_a_rare_error():
    assert n_to_find(0.03) == 99
    assert n_to_find(0.01) == 299
    assert n_to_find(1.0) == 1
    for population, prevalence in ((200, 0.03), (50, 0.05), (10, 0.1)):
        n = n_to_find(prevalence, population)
        errors = math.ceil(prevalence * population)
        assert hypergeom.cdf(0, population, errors, n) <= 0.05 + 1e-12
        assert hypergeom.cdf(0, population, errors, n - 1) > 0.05
    assert n_to_find(0.03, 10**7) == 99
    with pytest.raises(ValueError, match="between 0 and 1"):
        n_to_find(0.0)


@settings(deadline=None)
@given(
    st.integers(0, 300),
    st.lists(st.tuples(st.integers(0, 80), st.floats(0, 5)), min_size=1, max_size=8),
    st.integers(0, 5),
)
def test_an_allocation_gives_out_what_there_is(n, strata, least):
    sizes, spreads = np.array([s for s, _ in strata]), np.array([d for _, d in strata])
    found = allocate(n, sizes, spreads, least)
    assert found.sum() == min(n, sizes.sum())
    assert np.all((found >= 0) & (found <= sizes))
    if n >= np.minimum(sizes, least).sum():
        assert np.all(found >= np.minimum(sizes, least))


def test_allocations_are_proportional_or_neymans():
    assert allocate(100, np.array([500, 300, 200])).tolist() == [50, 30, 20]
    assert allocate(100, np.array([500, 500]), np.array([3.0, 1.0])).tolist() == [75, 25]
    assert allocate(60, np.array([500, 10]), least=10).tolist() == [50, 10]
    assert allocate(100, np.array([1000, 40]), np.array([0.1, 10.0])).tolist() == [60, 40]
    assert allocate(2, np.array([5, 9, 7])).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="fewer than no"):
        allocate(5, np.array([-1]))


def test_a_draw_is_random_repeatable_and_knows_its_probabilities():
    strata = np.concatenate([np.zeros(50), np.ones(20), np.full(5, -1)]).astype(int)
    found = draw(strata, np.array([5, 10]))
    assert np.bincount(strata[found.rows]).tolist() == [5, 10]
    assert set(found.probabilities[strata[found.rows] == 0]) == {0.1}
    assert set(found.probabilities[strata[found.rows] == 1]) == {0.5}
    np.testing.assert_array_equal(found.rows, draw(strata, np.array([5, 10])).rows)
    assert draw(strata, np.array([5, 10]), seed=1).rows.tolist() != found.rows.tolist()
    more = draw(strata, np.array([5, 10]), graded=found.rows)
    assert not set(more.rows) & set(found.rows)
    assert set(more.probabilities[strata[more.rows] == 1]) == {1.0}
    assert draw(strata, np.array([0, 0])).rows.size == 0


def test_a_draw_by_size_takes_each_contact_as_often_as_it_says():
    rng = np.random.default_rng(0)
    sizes = rng.random(40) ** 3 + 0.01
    p = inclusion_probabilities(sizes, 12)
    assert p.sum() == pytest.approx(12)
    assert p.max() <= 1
    taken = np.zeros(40)
    for seed in range(2_000):
        found = draw_by_size(sizes, 12, seed=seed)
        assert found.rows.size == 12
        taken[found.rows] += 1
    assert taken / 2_000 == pytest.approx(p, abs=0.05)
    assert inclusion_probabilities(np.array([0.0, 1.0, 1.0]), 5).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="negative or missing"):
        draw_by_size(np.array([np.nan]), 1)


def test_what_each_agent_lacks():
    assert next_agents(np.array([0, 3, 9]), np.array([2, 20, 20]), 5).tolist() == [2, 2, 0]
