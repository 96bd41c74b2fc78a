import math
from datetime import UTC, datetime

import pytest

from cxsentiment.ingest.times import changed_clock, in_utc, seconds_of, seconds_of_duration


@pytest.mark.parametrize("space", [" ", "\t", "\x1c", "\x1d", "\x1f", "\x85", "\u2003"])
def test_any_white_space_may_stand_around_a_number(space: str) -> None:
    assert seconds_of(f"{space}5.5{space}") == 5.5


@pytest.mark.parametrize("value", ["", "five", "1e5", "9" * 5000, 10**400, math.inf, math.nan, True, None, [5]])
def test_what_is_no_number_is_no_time(value: object) -> None:
    assert seconds_of(value) is None


def test_thousands_of_digits_are_no_hang_and_no_traceback() -> None:
    assert seconds_of_duration(f"PT{'9' * 5000}S") in (None, math.inf)


@pytest.mark.parametrize(
    ("text", "told", "read"),
    [
        ("2024-10-27T01:59:59", None, "2024-10-26T23:59:59"),
        ("2024-10-27T02:30:00", "the hour that comes twice in Europe/Berlin", "2024-10-27T00:30:00"),
        ("2024-10-27T03:00:00", None, "2024-10-27T02:00:00"),
        ("2024-03-31T02:30:00", "the hour that Europe/Berlin does not have", "2024-03-31T01:30:00"),
        ("2024-03-31T03:00:00", None, "2024-03-31T01:00:00"),
        ("2024-10-27T02:30:00+01:00", None, "2024-10-27T01:30:00"),
    ],
)
def test_a_time_in_a_change_of_the_clocks_is_told(text: str, told: str | None, read: str) -> None:
    found = datetime.fromisoformat(text)
    doubt = changed_clock(found, "Europe/Berlin")
    assert (doubt is None) if told is None else (doubt is not None and told in doubt)
    assert in_utc(found, "Europe/Berlin") == datetime.fromisoformat(read).replace(tzinfo=UTC)
    assert changed_clock(found, None) is None
