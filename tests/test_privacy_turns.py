import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from cxsentiment.privacy import Masking, mask_transcript
from cxsentiment.privacy.marks import STANDARD
from cxsentiment.privacy.pseudonyms import KEY_VARIABLE, pseudonym, read_key
from cxsentiment.privacy.vendor import map_marks
from cxsentiment.schema import Transcript, Turn

Make = Callable[..., Transcript]


def texts(transcript: Transcript, masking: Masking | None = None) -> list[str]:
    masked, _ = mask_transcript(transcript) if masking is None else mask_transcript(transcript, masking)
    return [turn.text for turn in masked.turns]


@pytest.mark.parametrize(
    ("lines", "masked"),
    [
        (["A: and the last four?", "C: one one one one"], ["and the last four?", "[CARD]"]),
        (["A: what's the security code?", "C: yes hold on it's one two three"], [None, "yes hold on it's [CVV]"]),
        (["A: your PIN please", "C: 4821"], [None, "[PIN]"]),
        (["A: what is your date of birth?", "C: july nine nineteen sixty eight"], [None, "[DOB]"]),
        (["A: I just sent you a code, can you read it?", "C: 4 8 2 9 1 3"], [None, "[PIN]"]),
        (["A: date of birth?", "C: 04/05/1987"], [None, "[DOB]"]),
        (["A: best number to reach you?", "C: 555 01 99"], [None, "[PHONE]"]),
        (["A: the card number please", "C: 4111", "A: okay", "C: 1111"], [None, "[CARD]", "okay", "[CARD]"]),
        (["A: and your social?", "C: oh seven eight", "A: mhm", "C: oh five one"], [None, "[ID]", "mhm", "[ID]"]),
        (["A: postcode?", "C: s w one a one a a"], [None, "[ADDRESS]"]),
        (["A: what is your memorable word?", "C: walrus"], [None, "[PASSWORD]"]),
        (["C: I remembered my PIN. It is 5380."], ["I remembered my PIN. It is [PIN]."]),
        # read out over several turns, and read back
        (
            ["C: four one one one", "A: okay", "C: one one one one", "A: yes", "C: double one double one", "C: 1111"],
            ["[CARD]", "okay", "[CARD]", "yes", "[CARD]", "[CARD]"],
        ),
        (
            ["A: card number?", "C: 4539 1488 0343 6467", "A: so that card with six four six seven?"],
            [None, "[CARD]", "so that card with [CARD]?"],
        ),
        (
            ["C: 4318", "A: okay", "C: 8220", "A: yes", "C: 6968", "A: yes", "C: 0"],
            ["[CARD]", None, "[CARD]", None, "[CARD]", None, "[CARD]"],
        ),
        (["A: the last four?", "C: it's +1 312-764-1919 you can call"], [None, "it's [PHONE] you can call"]),
        # an address beside it is no piece of what is read out
        (["C: 987 lynnway ma 6543", "C: 786 865 5632"], [None, "[PHONE]"]),
        # who speaks need not be known
        (["U: and the last four?", "U: one one one one"], [None, "[CARD]"]),
    ],
)
def test_numbers_split_over_turns(contact: Make, lines: list[str], masked: list[str | None]) -> None:
    expected = [line[3:] if new is None else new for line, new in zip(lines, masked, strict=True)]
    assert texts(contact(*lines)) == expected


@pytest.mark.parametrize(
    "lines",
    [
        ["A: How many people?", "C: 4", "A: At what time?", "C: 1830"],
        ["A: What's your order number?", "C: 55123"],
        ["A: Your PIN?", "C: I forgot it", "A: When did you join?", "C: 2019"],
        ["A: security code?", "C: what is that", "A: How much was the charge?", "C: 450"],
        ["A: your card?", "C: it's 3 days late", "A: okay", "C: 250 dollars"],
        ["A: password?", "C: yes", "A: hello", "C: thanks"],
        ["C: one", "A: okay", "C: two", "A: okay", "C: three"],
    ],
)
def test_other_answers_are_kept(contact: Make, lines: list[str]) -> None:
    assert texts(contact(*lines)) == [line[3:] for line in lines]


def test_order_numbers_in_answers_by_option(contact: Make) -> None:
    made = contact("A: What's your order number?", "C: 55123")
    assert texts(made, Masking(kinds=STANDARD | {"ORDER"})) == ["What's your order number?", "[ORDER]"]


def test_codes_in_answers_are_not_kept_with_masking_off(contact: Make) -> None:
    made = contact("A: what's the security code?", "C: one two three", "A: and your phone?", "C: 555 0199 123")
    assert texts(made, Masking(off=True))[1::2] == ["[CVV]", "555 0199 123"]


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("I am [PII] of {{COMPANY}}", "I am [REDACTED] of [COMPANY]"),
        ("{{SSN}} and <PHONE_NUMBER>", "[NUMBER] and [PHONE]"),
        ("***-**-1234, XXXX-1234, card ####", "[NUMBER], [NUMBER], card [REDACTED]"),
        ("[CREDIT_DEBIT_NUMBER] of [Agent Name]", "[CARD] of [NAME]"),
        ("well [laughter] <unk> yes", "well yes"),
        ("<UNSURE>hello</UNSURE> there", "hello there"),
        ("[noise]", "…"),
        ("[expletive]!", "[REDACTED]!"),
        ("[CARD] [DOB] [NAME]", "[CARD] [DOB] [NAME]"),
    ],
)
def test_marks_of_other_tools(text: str, mapped: str) -> None:
    assert map_marks(text).text == mapped
    assert map_marks(mapped).text == mapped


@pytest.mark.parametrize(
    "text",
    ["<br> a [link](x) [1]", "thanks xxxx", "(agent)", "f(x) {a}", "**bold** ### title", "[click here]", "a_b__c"],
)
def test_what_is_no_mark_is_left(text: str) -> None:
    assert map_marks(text).text == text


def test_marks_are_mapped_unless_told_not_to(contact: Make) -> None:
    made = contact("C: I am {{NAME}}")
    masked, counts = mask_transcript(made)
    assert masked.turns[0].text == "I am [NAME]"
    assert counts == {"VENDOR": 1}
    assert mask_transcript(made, Masking(vendor_marks=False))[0] is made


KEY = b"0123456789abcdef"


def test_pseudonyms_hide_ids_and_hold_together(contact: Make) -> None:
    made = contact("A: Hello", customer_id="jane@example.com", agent_id="a7")
    masked, _ = mask_transcript(made, Masking(key=KEY))
    again, _ = mask_transcript(made, Masking(key=KEY))
    other, _ = mask_transcript(made, Masking(key=KEY + b"!"))
    assert masked.customer_id == again.customer_id != other.customer_id
    assert masked.customer_id is not None
    assert masked.customer_id.startswith("cu_")
    assert len(masked.customer_id) >= 16
    assert masked.agent_id == pseudonym(KEY, "agent", "a7")
    assert pseudonym(KEY, "agent", "a7") != "ag_" + pseudonym(KEY, "customer", "a7")[3:]


def test_agents_of_turns_get_the_same_pseudonyms() -> None:
    made = Transcript("c", (Turn(0, "agent", "Hi", agent_id="a7"), Turn(1, "customer", "Hi")), agent_id="a7")
    masked, _ = mask_transcript(made, Masking(key=KEY))
    assert masked.turns[0].agent_id == masked.agent_id
    assert masked.turns[1].agent_id is None
    assert masked.customer_id is None


def test_a_key_is_read_from_file_or_environment_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert read_key(tmp_path / "key", {}) == KEY
    assert read_key(None, {KEY_VARIABLE: KEY.decode()}) == KEY
    assert read_key(None, {}) is None
    assert KEY.decode() not in repr(Masking(key=KEY))
    with pytest.raises(UsageError, match="16 bytes or more"):
        read_key(None, {KEY_VARIABLE: "short"})
    with pytest.raises(UsageError, match="cannot be read"):
        read_key(tmp_path / "none", {})


@pytest.mark.parametrize(
    ("said", "masked"),
    [
        (["pin 4111 one street one one one one"], ["pin [ADDRESS] [PIN]"]),
        (["pin 10.0.0.1 forty forty"], ["pin [IP] [PIN]"]),
        # A mark is an answer, not a question: the date that follows is no date of birth.
        (
            ["birthday", "[DOB]", "searching", "delivered march fourteen"],
            ["birthday", "[DOB]", "searching", "delivered march fourteen"],
        ),
    ],
)
def test_what_a_mark_brings_to_light_is_masked_too(said: list[str], masked: list[str]) -> None:
    turns = tuple(Turn(k, "customer" if k % 2 else "agent", text) for k, text in enumerate(said))
    found, _ = mask_transcript(Transcript("c", turns))
    assert [turn.text for turn in found.turns] == masked


@pytest.mark.parametrize("line", ["at 1:11 ", "pin 1 "])
def test_a_long_turn_of_times_or_cues_costs_little_time(contact: Make, line: str) -> None:
    before = time.process_time()
    mask_transcript(contact("A: " + line * 6_000))
    assert time.process_time() - before < 2
