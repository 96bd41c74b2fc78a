import math

import pytest

from cxsentiment.ingest.times import seconds_of, seconds_of_duration


@pytest.mark.parametrize("space", [" ", "\t", "\x1c", "\x1d", "\x1f", "\x85", "\u2003"])
def test_any_white_space_may_stand_around_a_number(space: str) -> None:
    assert seconds_of(f"{space}5.5{space}") == 5.5


@pytest.mark.parametrize("value", ["", "five", "1e5", "9" * 5000, 10**400, math.inf, math.nan, True, None, [5]])
def test_what_is_no_number_is_no_time(value: object) -> None:
    assert seconds_of(value) is None


def test_thousands_of_digits_are_no_hang_and_no_traceback() -> None:
    assert seconds_of_duration(f"PT{'9' * 5000}S") in (None, math.inf)
