"""Whether probabilities are what they say, by campaign and channel."""

import numpy as np
import pytest
from gradebook import Book

from cxsentiment.calibration import ECE, IN_THE_LARGE, calibration
from cxsentiment.stats.calibration import expected_error, in_the_large


def test_known_answers() -> None:
    p = np.array([0.05] * 20 + [0.95] * 20)
    y = np.array([0.0] * 19 + [1.0] + [1.0] * 19 + [0.0])
    assert expected_error(p, y).value == pytest.approx(0.0)
    assert in_the_large(p, y).value == pytest.approx(0.0)
    high = expected_error(np.full(40, 0.9), np.tile([1.0, 0.0], 20))
    assert high.value == pytest.approx(0.4)
    assert high.low is not None
    assert high.low < 0.4 < high.high
    assert in_the_large(np.full(40, 0.9), np.tile([1.0, 0.0], 20)).value == pytest.approx(0.4)


def test_errors_that_cancel_out_show_in_the_error_and_not_in_the_large() -> None:
    p = np.array([0.25] * 30 + [0.75] * 30)
    y = np.array([0.0] * 30 + [1.0] * 30)
    assert in_the_large(p, y).value == pytest.approx(0.0)
    assert expected_error(p, y).value == pytest.approx(0.25)


def test_too_few_and_wrong_values() -> None:
    few = expected_error(np.full(29, 0.5), np.zeros(29))
    assert few.value is None
    assert "29 labels are too few" in (few.reason or "")
    assert expected_error(np.array([np.nan] * 40), np.zeros(40)).value is None
    with pytest.raises(ValueError, match="0-1"):
        expected_error(np.full(40, 1.5), np.zeros(40))


def test_one_campaign_that_is_off_is_seen_there() -> None:
    book = Book(2400, seed=4)
    off = np.array([name == "k1" for name in book.columns["campaign"]])
    # In the second campaign the machine says met where people do not.
    book.truth[0, off] = 0.0
    found = calibration(book.contacts, book.gradings(book.label_rows(book.random(600))))
    value = {(one.part, one.measure): one.estimate.value for one in found if one.item == "a"}
    assert abs(value["k0", IN_THE_LARGE]) < 0.1 < value["k1", IN_THE_LARGE]
    assert value["k0", ECE] < 0.12 < value["k1", ECE]
    assert found[0].by == "all"
    assert calibration(book.contacts, book.gradings()) == ()
