import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.scales import Scale, Scales, contradicted, declare, parse_scale

FIVE = Scale(1, 5)
REVERSED = Scale(1, 5, reversed=True)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1-5", FIVE),
        (" 0 - 10 ", Scale(0, 10)),
        ("0.5-5", Scale(0.5, 5)),
        ("5-1", REVERSED),
        ("10-0", Scale(0, 10, True)),
    ],
)
def test_scales(text: str, scale: Scale) -> None:
    assert parse_scale(text) == scale


@pytest.mark.parametrize("text", ["", "5", "3-3", "one-five", "1-", "1-5-10", "-1-5"])
def test_what_is_no_scale(text: str) -> None:
    with pytest.raises(UsageError, match="1-5"):
        parse_scale(text)


@given(st.integers(0, 20), st.integers(1, 20), st.floats(0, 1))
def test_turning_an_answer_twice_gives_it_back_and_stays_on_the_scale(low: int, width: int, share: float) -> None:
    scale = Scale(low, low + width, reversed=True)
    value = low + share * width
    assert scale.holds(scale.stored(value)) or scale.stored(value) == pytest.approx(value)
    assert scale.stored(scale.stored(value)) == pytest.approx(value)
    assert parse_scale(str(scale)) == scale


def test_answers_are_stored_so_that_higher_is_better() -> None:
    scales = declare("5-1", ces_direction="lower-is-easier")
    assert scales.answer("csat", "1", "") == 5
    assert scales.answer("ces", 7, "") == 1
    assert scales.answer("nps", "9", "") == 9
    assert len(scales.notes(("csat", "ces"))) == 2
    assert scales.notes(("nps",)) == []
    assert "6 less the answer" in scales.notes(("csat",))[0]
    assert declare("1-5").notes(("csat", "ces")) == []


def test_words_stand_for_numbers_by_a_map_only() -> None:
    scales = declare(None, ["good=1", "bad=0"])
    assert scales.csat == Scale(0, 1)
    assert scales.answer("csat", " Good ", "") == 1
    assert scales.answer("csat", "bad", "") == 0
    with pytest.raises(InputError, match=r"--csat-map"):
        scales.answer("csat", "offered", "s:1")
    with pytest.raises(InputError, match="not a number"):
        scales.answer("nps", "good", "s:1")
    labels = declare("1-5", ["Very  satisfied=5", "5/5=5", "N/A=3"])
    assert labels.answer("csat", "very satisfied", "") == 5
    assert labels.answer("csat", "5/5", "") == 5
    assert labels.answer("csat", "n/a", "") == 3
    assert declare("5-1", ["top=1"]).answer("csat", "top", "") == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"csat_map": ["good"]}, "WORD=NUMBER"),
        ({"csat_map": ["good=much"]}, "WORD=NUMBER"),
        ({"csat_map": ["good=1", "Good=2"]}, "already stands for 1"),
        ({"csat_map": ["good=1"]}, "is not a scale"),
        ({"csat_scale": "1-5", "csat_map": ["good=9"]}, "off the scale"),
        ({"ces_direction": "easy"}, "higher-is-easier"),
        ({"ces_scale": "7-1", "ces_direction": "higher-is-easier"}, "lowest answer is the easiest"),
    ],
)
def test_declarations_that_cannot_be_used(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        declare(**options)  # type: ignore[arg-type]


def test_a_ces_scale_says_its_direction_too() -> None:
    assert declare(ces_scale="5-1").ces == REVERSED
    assert declare(ces_scale="1-5", ces_direction="lower-is-easier").ces == REVERSED
    assert declare(ces_scale="1-5").ces == FIVE
    assert Scales().ces == Scale(1, 7)


@pytest.mark.parametrize(
    ("column", "scale", "best"),
    [
        ("Satisfaction (1=very satisfied, 5=very dissatisfied)", FIVE, "1 is the best"),
        ("Satisfaction (1=very satisfied, 5=very dissatisfied)", REVERSED, None),
        ("How was it? 1 = bad, 5 = good", REVERSED, "5 is the best"),
        ("How was it? 1 = bad, 5 = good", FIVE, None),
        ("csat", REVERSED, None),
        ("Q3: how satisfied were you", FIVE, None),
    ],
)
def test_a_heading_that_says_another_direction_stops_the_reading(column: str, scale: Scale, best: str | None) -> None:
    told = contradicted(column, scale)
    assert (told is None) if best is None else (told is not None and best in told)
