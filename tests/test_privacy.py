import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.privacy import mask, mask_transcript
from cxsentiment.schema import Transcript, Turn


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("card 4111 1111 1111 1111 please", "card [CARD] please"),
        ("4111-1111-1111-1111", "[CARD]"),
        ("4111111111111111.", "[CARD]."),
        ("3782 822463 10005", "[CARD]"),
        ("4111 1111\n1111 1111", "[CARD]"),
        ("4111,1111,1111,1111", "[CARD]"),
        ("4111_1111/1111.1111", "[CARD]"),
        ("4111 1111 1111 1112", "[NUMBER]"),
        ("4111 1111 1111 1111 12/26 123", "[NUMBER]"),
        ("123456789012", "[NUMBER]"),
        ("order AB4111111111111111Z", "order AB[CARD]Z"),
        ("٤١١١١١١١١١١١١١١١", "[CARD]"),
        ("write to jane.o'neil+x@mail.example.co.uk!", "write to [EMAIL]!"),
        ("a@b.co,c@d.org", "[EMAIL],[EMAIL]"),
        ("mail=12345678%40qq.com 50%40x@example.com", "mail=[EMAIL] [EMAIL]"),
        ("+44 20 7946 0958", "[PHONE]"),
        ("+44 (0)20 7946 0958", "[PHONE]"),
        ("call +1 202 555 0143.", "call [PHONE]."),
        ("(555) 123-4567", "[PHONE]"),
        ("555-1234", "[PHONE]"),
        ("0207 946 0958 or 07700900123", "[PHONE] or [PHONE]"),
        ("it's 9123456780", "it's [PHONE]"),
        ("07700900123pls", "[PHONE]pls"),
        ("account 95381901", "account [NUMBER]"),
        ("078-05-1120", "[NUMBER]"),
        ("1 2 3 4 5 6 7", "[PHONE]"),
        ("due 2024-05-01, call 5551234567 at 10:30", "due 2024-05-01, call [PHONE] at 10:30"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "on 2024-05-01 at 10:30:05",
        "01/05/2024 or 1.5.2024",
        "from 2024-05-01 to 2024-05-09",
        "10:30-11:30",
        "2019-2024",
        "1500-2000 or 1500 - 2000",
        "$1,999.00",
        "£1,250,000",
        "1.999.000,00 €",
        "Rs. 1,999,000",
        "1999000 dollars",
        "order ORD1234567",
        "ticket INV-2045817",
        "part 1234567X",
        "room 12, floor 3, 4 nights",
        "call 911",
        "flight 4471 at gate 22",
        "3.14159 and 51.507",
        "123456",
        "an @ sign, a@b, @handle",
        "50%40example.com off, 12.5%40example.com",
        "1 500 000 euros or 12 500 000 €",
        "1500000 reais, 1500000 руб, 12345678 kr",
        "firmware 1.1.4 build 20230801",
        "no numbers here",
    ],
)
def test_what_is_kept(text: str) -> None:
    assert mask(text).text == text
    assert mask(text).counts == {}


SEPARATORS = "\u00a0\u2007\u2009\u202f\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\u200c\u200d"


@pytest.mark.parametrize("separator", SEPARATORS, ids=[f"U+{ord(sign):04X}" for sign in SEPARATORS])
@pytest.mark.parametrize(
    ("groups", "mark"),
    [
        (("4111", "1111", "1111", "1111"), "[CARD]"),
        (("+44", "20", "7946", "0958"), "[PHONE]"),
        (("555", "123", "4567"), "[PHONE]"),
        (("078", "05", "1120"), "[NUMBER]"),
    ],
)
def test_typographic_and_invisible_separators_hide_nothing(separator: str, groups: tuple[str, ...], mark: str) -> None:
    assert mask(f"it is {separator.join(groups)} ok").text == f"it is {mark} ok"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("\uff14\uff11\uff11\uff11\uff0d\uff11\uff11\uff11\uff11\uff0d1111\uff0d1111", "[CARD]"),
        ("我的电话是13800138000。", "我的电话是[PHONE]。"),
        ("電話12345678です", "電話[NUMBER]です"),
        ("телефон89991234567, ТЕЛ89991234567", "телефон[NUMBER], ТЕЛ[NUMBER]"),
        ("请拨打13800138000找我", "请拨打[PHONE]找我"),
        ("전화는 5551234입니다", "전화는 [NUMBER]입니다"),
        ("โทร0812345678ครับ", "โทร[PHONE]ครับ"),
        ("это 1500000руб, 1000000人, 1000000명", "это 1500000руб, 1000000人, 1000000명"),
        ("номер АБ1234567, ΑΒ1234567", "номер АБ1234567, ΑΒ1234567"),
        ("价格12345678元", "价格12345678元"),
        ("가격은 5551234원입니다, 5551234 원", "가격은 5551234원입니다, 5551234 원"),
        ("전화번호는 5551234 원해요", "전화번호는 [NUMBER] 원해요"),
        ("电话12345678 元旦打", "电话[NUMBER] 元旦打"),
        ("call 5551234 $5 a minute", "call [NUMBER] $5 a minute"),
    ],
)
def test_numbers_beside_words_of_other_scripts(text: str, masked: str) -> None:
    assert mask(text).text == masked


@pytest.mark.parametrize("sign", ["\u200c", "\u200d", "\u00ad"])
def test_invisible_signs_beside_others_and_in_addresses_hide_nothing(sign: str) -> None:
    assert mask(f"4{sign}111 -{sign}1111 1111{sign} 1111").text == "[CARD]"
    assert mask(f"ja{sign}ne.doe@ma{sign}il.ex\u2011ample.com").text == "[EMAIL]"


@pytest.mark.parametrize(
    "text", ["2024\u201105\u201101", "2019\u20132024", "1500\u20142000", "12\u202f500 €", "INV\u20112045817"]
)
def test_dates_ranges_prices_and_ids_with_typographic_signs_are_kept(text: str) -> None:
    assert mask(text).text == text


def test_counts_say_how_often_and_never_what() -> None:
    found = mask("a@b.co 4111 1111 1111 1111, then c@d.co; 5551234567")
    assert found.counts == {"EMAIL": 2, "CARD": 1, "PHONE": 1}


def test_a_transcript_is_masked_turn_by_turn() -> None:
    turns = (Turn(0, "agent", "Number?"), Turn(2, "customer", "95381901", 1.0, 2.0), Turn(3, "customer", "a@b.co"))
    masked, counts = mask_transcript(Transcript("c", turns))
    assert masked.turns == (
        Turn(0, "agent", "Number?"),
        Turn(2, "customer", "[NUMBER]", 1.0, 2.0),
        Turn(3, "customer", "[EMAIL]"),
    )
    assert counts == {"NUMBER": 1, "EMAIL": 1}


def test_a_transcript_with_nothing_to_mask_is_the_same() -> None:
    transcript = Transcript("c", (Turn(0, "agent", "Hello, room 12?"),))
    masked, counts = mask_transcript(transcript)
    assert masked is transcript
    assert not counts


# Text rich in what the patterns look at.
DENSE = st.text(
    alphabet=st.sampled_from("0123456789 -./,:+()@_#$€abINV%\n\u202f\u2011\u2212\u00ad\u200d"), max_size=40
) | st.lists(
    st.sampled_from(
        ["4111", " ", "-", "2024-05-01", "10:30", "$", "€", "INV-", "@x.co", "a", "555", "1234567", ".", "/"]
    )
).map("".join)
RUN = re.compile(r"\d(?:[ \-./\u202f\u2011\u2212\u00ad\u200d]?\d){11,}")


@given(DENSE | st.text(max_size=60))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once.text).text == once.text
    assert mask(once.text).counts == {}


@given(DENSE | st.text(max_size=60))
def test_no_run_of_twelve_digits_survives(text: str) -> None:
    assert not RUN.search(mask(text).text)


@given(
    st.text(max_size=20), st.lists(st.integers(0, 9), min_size=12, max_size=24), st.sampled_from(["", " ", "-", "."])
)
def test_every_long_number_is_masked_in_any_surroundings(around: str, digits: list[int], separator: str) -> None:
    number = separator.join(map(str, digits))
    assert number not in mask(f"{around}{number}{around}").text


@given(st.text(max_size=60).filter(lambda text: not re.search(r"[\d@]", text)))
def test_text_without_digits_or_at_signs_is_unchanged(text: str) -> None:
    assert mask(text).text == text


@pytest.mark.parametrize("text", ["x" * 20_000, "*" * 20_000, "xxx-" * 5_000, "x*" * 10_000, "****-xxxx " * 2_000])
def test_long_runs_of_covering_characters_cost_no_time(text):
    from cxsentiment.privacy.vendor import map_marks

    before = time.process_time()
    map_marks(text)
    assert time.process_time() - before < 2


def test_a_text_of_words_joined_by_dashes_costs_no_time() -> None:
    before = time.process_time()
    assert mask("a-" * 15_000 + " at dot com").counts == {}
    assert time.process_time() - before < 2


def test_rows_of_dots_before_a_mail_sign_cost_no_time() -> None:
    before = time.process_time()
    assert mask(("." * 70 + "! @gmail.com ") * 500).counts == {}
    assert time.process_time() - before < 5
