import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.ingest.values import (
    MAX_ID_CHARACTERS,
    channel,
    contact_id,
    instant,
    number,
    seconds,
    shown,
    text_or_none,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("001", "001"),
        (" a ", "a"),
        (1, "1"),
        ("a\x1b[31mb\ud800", "a[31mb\ufffd"),
        (1.0, "1.0"),
        ("12345678901234567890", "12345678901234567890"),
        ("1e5", "1e5"),
        *((absent, None) for absent in (None, "", "  ", "None", "null", "undefined", "NaN", "-1", -1, math.nan)),
    ],
)
def test_labels_stay_what_they_are(value, text) -> None:
    assert text_or_none(value) == text


@pytest.mark.parametrize("value", [True, [], {}])
def test_labels_of_other_types_are_refused(value) -> None:
    with pytest.raises(ValueError, match="not text"):
        text_or_none(value)


def test_a_long_id_is_cut_and_stays_itself() -> None:
    first, second = contact_id("x" * 5000 + "1"), contact_id("x" * 5000 + "2")
    assert first is not None
    assert second is not None
    assert first != second
    assert len(first) == len(second) == MAX_ID_CHARACTERS
    assert contact_id(first) == first


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (4, 4.0),
        ("4", 4.0),
        (" 4,5 ", 4.5),
        ("1e2", 100.0),
        (-2, -2.0),
        *((absent, None) for absent in (None, "", "N/A", "nan", math.inf, math.nan, 10**400, "1e999")),
    ],
)
def test_numbers(value, result) -> None:
    assert number(value) == result


@pytest.mark.parametrize("value", ["five", "5/5", "1,234.5", True, [], "4 5"])
def test_what_is_no_number_is_refused(value) -> None:
    with pytest.raises(ValueError, match="number"):
        number(value)


@given(st.text(max_size=20))
def test_text_is_a_finite_number_absent_or_refused(text: str) -> None:
    try:
        result = number(text)
    except ValueError:
        return
    assert result is None or math.isfinite(result)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (1.5, 1.5),
        ("1,5", 1.5),
        ("0:00:01.5", 1.5),
        ("00:01:05", 65.0),
        ("02:03", 123.0),
        ("1:00:00,250", 3600.25),
        (0, 0.0),
        ("", None),
        (None, None),
    ],
)
def test_seconds(value, result) -> None:
    assert seconds(value) == result


@pytest.mark.parametrize(
    ("value", "said"),
    [(-1, "negative"), ("abc", "not a number"), ("1:2:3:4", "not a time"), (1.7e12, "from the start")],
)
def test_what_is_no_time_is_refused(value, said) -> None:
    with pytest.raises(ValueError, match=said):
        seconds(value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        (" 2024-05-01 10:00 ", "2024-05-01 10:00"),
        ("2024-01-01T10:00:00+05:30", "2024-01-01T10:00:00+05:30"),
        (1700000000, "2023-11-14T22:13:20+00:00"),
        ("1700000000000", "2023-11-14T22:13:20+00:00"),
        (datetime(2024, 5, 1, tzinfo=UTC), "2024-05-01T00:00:00+00:00"),
        ("", None),
        (None, None),
    ],
)
def test_instants(value, result) -> None:
    assert instant(value) == result


@pytest.mark.parametrize(
    "value",
    [
        "13/02/2024",
        "03/04/2024",
        "2024-02-30",
        "0000-00-00 00:00:00",
        "10:15 PM",
        "2017-04-24T12:45:32+00:00Z",
        45321.4,
    ],
)
def test_dates_that_could_be_two_days_or_none_are_refused(value) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        instant(value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        *((name, "call") for name in (" Voice ", "PHONE", "telephone", "Call")),
        *((name, "email") for name in ("E-Mail", "mail", "Email")),
        *((name, "chat") for name in ("Live Chat", "live_chat", "livechat", "Messaging", "WebChat", "chat")),
        ("Social", "social"),
        ("In-Store", "in-store"),
        (" ", None),
        (None, None),
    ],
)
def test_channels_have_one_name(value, result) -> None:
    assert channel(value) == result


def test_what_is_shown_is_masked_before_it_is_cut() -> None:
    assert shown("x" * 30 + " 4111 1111 1111 1111") == "x" * 30 + " [CARD]"
    assert "411" not in shown("x" * 33 + " 4111 1111 1111 1111")
    assert len(shown("x" * 99)) == 40
