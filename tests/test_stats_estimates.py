import math

import numpy as np
import pytest
from scipy.stats import binom, norm, t

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import compact, group_means, group_sums, same_shape
from cxsentiment.stats.estimates import (
    bare,
    because,
    binomial_quantile,
    complement,
    estimated,
    normal_quantile,
    scaled,
    standard_error,
    t_interval,
    t_quantile,
    t_two_sided,
)

ONE = Estimate(0.8, 0.7, 0.9, 50, "m", None)
FEW, ALIKE = Reason("too_few", "few"), Reason("constant", "alike")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_leaves_as_a_null_with_a_reason(bad):
    found = estimated(bad, 0.0, 1.0, 5, "m")
    assert (found.value, found.low, found.high) == (None, None, None)
    assert found.reason
    open_ended = estimated(0.5, 0.0, bad, 5, "m")
    assert (open_ended.value, open_ended.low, open_ended.high) == (0.5, None, None)
    assert open_ended.reason
    assert estimated(0.5, 0.4, 0.6, 5, "m").reason is None


def test_reasons_add_up():
    assert because(ONE, FEW).reason == "few"
    assert because(because(ONE, FEW), ALIKE).reason == "few; alike"
    assert because(because(ONE, FEW), ALIKE).reason.code == "too_few"
    assert bare(1.0, 3, "m", FEW).reason == "few"


def test_turning_and_scaling_keep_the_interval_round_the_value():
    turned = complement(ONE)
    assert (turned.value, turned.low, turned.high) == (pytest.approx(0.2), pytest.approx(0.1), pytest.approx(0.3))
    assert scaled(ONE, 100).high == pytest.approx(90)
    nothing = Estimate(None, None, None, 0, "m", FEW)
    assert complement(nothing) == scaled(nothing, 3) == nothing


def test_quantiles_are_scipys():
    for share in (0.025, 0.5, 0.9, 0.975):
        assert normal_quantile(share) == pytest.approx(norm.ppf(share), abs=1e-12)
        for df in (1, 7, 11.5, 999):
            assert t_quantile(share, df) == pytest.approx(t.ppf(share, df), rel=1e-9, abs=1e-12)
    assert t_two_sided(-2.2, 11) == pytest.approx(2 * t.sf(2.2, 11))
    assert standard_error(t_interval(0.0, 2.0, 9, "m", df=1e9)) == pytest.approx(2.0)
    assert standard_error(bare(1.0, 1, "m", FEW)) is None
    half = t_interval(0.0, 1.0, 9, "m", df=8, level=0.9).high
    assert half == pytest.approx(t.ppf(0.95, 8))


@pytest.mark.parametrize("n", [1, 2, 5, 6, 20, 999, 100_000])
@pytest.mark.parametrize("chance", [0.01, 0.5, 0.9])
def test_binomial_quantiles_are_scipys(n, chance):
    for share in (0.025, 0.4, 0.5, 0.975):
        assert binomial_quantile(share, n, chance) == binom.ppf(share, n, chance)


@pytest.mark.parametrize("groups", [[3, 1, 3, 7], [-1, 5, 5, 9], [10**9, 2, 2, 10**12], []])
def test_compact_codes_keep_the_order(groups):
    groups = np.array(groups, dtype=np.int64)
    of, names = compact(groups)
    expected, place = np.unique(groups, return_inverse=True)
    assert names.tolist() == expected.tolist()
    assert of.tolist() == place.tolist()


def test_sums_and_means_by_group():
    of = np.array([0, 2, 2])
    assert group_sums(of, 3, np.array([1.0, 2, 3])).tolist() == [[1, 1], [0, 0], [2, 5]]
    assert group_means(np.array([1.0, 2, 4]), np.array([0, 1, 1])).tolist() == [1, 3]
    with pytest.raises(ValueError, match="a 1, b 2"):
        same_shape(a=np.zeros(1), b=np.zeros(2))
