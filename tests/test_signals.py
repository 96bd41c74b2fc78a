from collections.abc import Callable

import pytest

from cxsentiment.schema import CUE_SIGNALS, SIGNALS, Span, Transcript, Turn, TurnPrediction
from cxsentiment.signals import CUES, measure


def _arc(valences: list[float]) -> dict[str, float | None]:
    turns = tuple(Turn(k, "customer", "x") for k in range(len(valences)))
    spans = (Span(0, 1),) * 3
    predictions = [
        TurnPrediction(k, "sentiment", (max(-v, 0), 1 - abs(v), max(v, 0)), spans) for k, v in enumerate(valences)
    ]
    return {name: signal.value for name, signal in measure(Transcript("c", turns), predictions).items()}


def test_the_arc_of_a_recovering_customer() -> None:
    values = _arc([-0.2, -0.8, -0.4, 0.0, 0.2, 0.4, 0.6, 1.0])
    assert values["sentiment_mean"] == pytest.approx(0.1)
    assert values["sentiment_start"] == pytest.approx(-0.5)
    assert values["sentiment_end"] == pytest.approx(0.8)
    assert values["sentiment_min"] == pytest.approx(-0.8)
    assert values["sentiment_recovery"] == pytest.approx(1.6)
    assert values["sentiment_peak_end"] == pytest.approx(0.0)
    assert values["sentiment_neg_share"] == pytest.approx(0.25)


def test_the_slope_is_per_contact_not_per_turn() -> None:
    assert _arc([-1, -0.5, 0, 0.5, 1])["sentiment_slope"] == pytest.approx(2)
    assert _arc([0.3] * 9)["sentiment_slope"] == pytest.approx(0)


def test_every_cue_has_its_column() -> None:
    assert tuple(CUES) == CUE_SIGNALS


def test_short_and_silent_customers() -> None:
    values = _arc([0.5, -0.5, 0.3])
    assert values["sentiment_mean"] == pytest.approx(0.1)
    assert values["sentiment_end"] is None
    assert set(_arc([]).values()) == {None}


def test_talk_share_and_waits_with_times() -> None:
    turns = (
        Turn(0, "agent", "hello", 0, 2),
        Turn(1, "customer", "hi", 2, 3),
        Turn(2, "agent", "one moment", 5, 6),
        Turn(3, "customer", "ok", 26, 27),
        Turn(4, "agent", "done", 27, 30),
    )
    signals = {name: signal.value for name, signal in measure(Transcript("c", turns), []).items()}
    assert signals["agent_talk_share"] == pytest.approx(6 / 8)
    assert signals["first_response_s"] == 2
    assert signals["median_response_s"] == 1
    assert signals["longest_gap_s"] == 20


def test_without_times_words_are_counted_and_waits_are_unknown(contact: Callable[..., Transcript]) -> None:
    signals = {n: s.value for n, s in measure(contact("A: one two three", "C: four"), []).items()}
    assert signals["agent_talk_share"] == 0.75
    assert signals["first_response_s"] is None
    assert signals["longest_gap_s"] is None
    assert set(signals) == set(SIGNALS)


def test_the_first_response_counts_from_the_customers_first_turn() -> None:
    turns = (
        Turn(0, "customer", "hello?", 0, 1),
        Turn(1, "customer", "anybody?", 100, 101),
        Turn(2, "agent", "yes", 110, 111),
    )
    signals = measure(Transcript("c", turns), [])
    assert signals["first_response_s"].value == 109
    assert signals["median_response_s"].value == 9


def test_overlapping_speech_is_no_negative_wait() -> None:
    turns = (Turn(0, "customer", "so i", 0, 5), Turn(1, "agent", "yes", 4, 6))
    signals = measure(Transcript("c", turns), [])
    assert signals["first_response_s"].value == 0
    assert signals["longest_gap_s"].value == 0


def test_a_word_thrown_in_does_not_end_the_turn_that_goes_on() -> None:
    turns = (Turn(0, "agent", "so i", 0, 100), Turn(1, "customer", "mhm", 10, 12), Turn(2, "agent", "yes", 101, 110))
    assert measure(Transcript("c", turns), [])["longest_gap_s"].value == 1


@pytest.mark.parametrize(
    ("text", "cue", "quote"),
    [
        ("I want to speak to your manager now", "supervisor_requests", "speak to your manager"),
        ("get me a supervisor", "supervisor_requests", "get me a supervisor"),
        ("please escalate this", "supervisor_requests", "escalate this"),
        ("my manager asked me to call", "supervisor_requests", None),
        ("I already told the last person", "repeat_effort", "already told"),
        ("this is the third time I call", "repeat_effort", "third time i"),
        ("do i have to explain it all again", "repeat_effort", "explain it all again"),
        ("see you again", "repeat_effort", None),
        ("first time caller", "repeat_effort", None),
    ],
)
def test_cues(contact: Callable[..., Transcript], text: str, cue: str, quote: str | None) -> None:
    signal = measure(contact(f"C: {text}", "A: I already told you"), [])[cue]
    assert signal.value == (1 if quote else 0)
    assert [e.quote.lower() for e in signal.evidence] == ([quote] if quote else [])
