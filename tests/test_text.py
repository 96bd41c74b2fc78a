import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.text import clean, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  hello  ", "hello"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("nul\x00 bell\x07 esc\x1b[31m", "nul bell esc[31m"),
        ("right\u202eleft\u202c", "rightleft"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("soft\u00adhyphen", "softhyphen"),
        ("می\u200cخواهم 👩\u200d💻", "می\u200cخواهم 👩\u200d💻"),
        ("Cafe\u0301", "Café"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("👍🏽 ok", "👍🏽 ok"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there.", ["Hello there."]),
        ("I'm sorry about that. Let me check, one moment.", ["I'm sorry about that.", "Let me check, one moment."]),
        ("Really?! Yes… ok", ["Really?!", "Yes…", "ok"]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("hello this is anna how can i help you", ["hello this is anna how can i help you"]),
        ("Mr. Smith paid £3.50 at 9.30 a.m. today.", ["Mr. Smith paid £3.50 at 9.30 a.m. today."]),
        ("The total is 49. Anything else?", ["The total is 49.", "Anything else?"]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span in sentences(text)] == expected


@given(st.text())
def test_sentences_cover_every_word_in_order(text: str) -> None:
    text = clean(text)
    spans = sentences(text)
    assert "".join("".join(text[s.start : s.end].split()) for s in spans) == "".join(text.split())
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize("text", ["." * 100_000 + "a b", "mr. " * 20_000 + "b", "?!" * 50_000 + '"a b'])
def test_rows_of_signs_and_abbreviations_cost_no_time(text: str) -> None:
    before = time.process_time()
    assert len(sentences(text)) == 1
    assert time.process_time() - before < 2
