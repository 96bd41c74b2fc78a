import math

import numpy as np
import pytest
from scipy.stats import t

from cxsentiment.stats.equivalence import before_after, contrast, contrasts, verdict

NAN = math.nan


def shifts(seed, difference, agents=30, each=40, sd=12.0):
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(agents), each)
    late = (rng.random(of.size) < 0.4).astype(float)
    y = 75 + 4 * rng.standard_normal(agents)[of] + difference * late + sd * rng.standard_normal(of.size)
    return y, late, of


@pytest.mark.parametrize(
    ("difference", "error", "word"),
    [(0.0, 1.0, "equivalent"), (5.0, 1.0, "different"), (1.0, 3.0, "undetermined"), (0.5, 0.1, "equivalent"),
     (3.0, 0.1, "different"), (0.0, 0.0, "equivalent"), (2.0, 0.7, "different")],
)  # fmt: skip
def test_three_verdicts(difference, error, word):
    assert verdict(difference, error, 3.0) == word
    assert verdict(-difference, error, 3.0) == word


def test_two_one_sided_tests_are_the_90_percent_interval():
    for difference, error, df in ((1.2, 1.0, 11), (1.3, 1.0, 11), (-1.2, 1.0, 40)):
        p = max(t.sf((difference + 3) / error, df), t.cdf((difference - 3) / error, df))
        assert (verdict(difference, error, 3.0, df) == "equivalent") == (p < 0.05)
    with pytest.raises(ValueError, match="margin"):
        verdict(0.0, 1.0, 0.0)


def test_shifts_that_are_alike_differ_or_cannot_be_told():
    alike = contrast(*shifts(0, 0.0, agents=60))
    assert alike.verdict == "equivalent"
    assert -3 < alike.low90 < alike.difference.value < alike.high90 < 3
    assert contrast(*shifts(1, 8.0)).verdict == "different"
    y, late, of = shifts(2, 0.0, agents=10, each=6)
    assert contrast(y, late, of).verdict == "undetermined"
    assert alike.difference.low < alike.low90


def test_covariates_take_out_the_mix():
    rng = np.random.default_rng(33)
    y, late, of = shifts(3, 0.0, agents=60)
    hard = (rng.random(y.size) < 0.2 + 0.5 * late).astype(float)
    y = y - 8 * hard
    assert contrast(y, late, of).difference.high < 0
    adjusted = contrast(y, late, of, hard[:, None]).difference
    assert adjusted.low < 0 < adjusted.high


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y, g, of: (y, np.zeros_like(g), of), "no contacts to compare"),
        (lambda y, g, of: (y, g, of % 4), "too few agents"),
        (lambda y, g, of: (np.full_like(y, NAN), g, of), "no contact has a value of it"),
    ],
)
def test_without_an_interval_there_is_no_verdict(change, words):
    found = contrast(*change(*shifts(4, 0.0)))
    assert found.verdict is None
    assert words in found.difference.reason


def test_groups_are_marked_by_0_and_1_and_margins_are_above_0():
    y, late, of = shifts(5, 0.0)
    with pytest.raises(ValueError, match="marked"):
        contrast(y, late + 1, of)
    with pytest.raises(ValueError, match="margin"):
        contrast(y, late, of, margin=-1)


def test_each_site_against_the_others():
    y, _, of = shifts(6, 0.0)
    site = of % 3
    y = y + 10 * (site == 2)
    found = contrasts(y, np.where(of == 0, -1, site), of)
    assert set(found) == {0, 1, 2}
    assert found[2].verdict == "different"
    assert found[2].difference.value == pytest.approx(10, abs=3)


def test_before_and_after_compare_agents_with_themselves_where_they_can():
    y, late, of = shifts(7, 5.0)
    after = late > 0
    found = before_after(y, after, of)
    assert found.paired
    assert found.agents_both == 30
    assert found.contrast.difference.low < 5 < found.contrast.difference.high
    assert found.before.value == pytest.approx(y[~after].mean())
    assert "within agents" in found.contrast.difference.method
    # All agents changed: a better staff looks like an effect, and the pairing is refused.
    of_new = np.where(after, of + 100, of)
    fresh = before_after(y, after, of_new)
    assert not fresh.paired
    assert fresh.agents_both == 0
    assert fresh.contrast.difference.high - fresh.contrast.difference.low > (
        found.contrast.difference.high - found.contrast.difference.low
    )


def test_before_and_after_without_an_after():
    y, late, of = shifts(8, 0.0)
    found = before_after(y, np.zeros(y.size, dtype=bool), of)
    assert found.after.value is None
    assert found.contrast.verdict is None
    assert found.contrast.difference.reason
    assert late.size == y.size
