from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.ingest.contacts import Entry
from cxsentiment.ingest.recogniser import Timeline, Voices, Word, by_time, named, recording, turns_of


def texts(*words: Word) -> list[str]:
    return [turn.text for turn in turns_of(words)]


def test_a_turn_ends_where_the_speaker_changes() -> None:
    turns = turns_of([Word("hello", 0, 0.4, "A"), Word("there", 0.5, 1, "A"), Word("hi", 1.1, 1.3, "B")])
    assert [(turn.label, turn.text, turn.start, turn.end) for turn in turns] == [
        ("A", "hello there", 0, 1),
        ("B", "hi", 1.1, 1.3),
    ]


@pytest.mark.parametrize(
    ("first", "gap", "turns"),
    [
        ("well", 1.0, 1),  # nothing is punctuated: one second counts
        ("well", 1.01, 2),
        ("Well.", 1.0, 1),
        ("Well.", 1.01, 2),
        ('Well."', 1.01, 2),
        ("Well,", 1.01, 1),  # in the middle of a sentence: three seconds
        ("Well,", 3.0, 1),
        ("Well,", 3.01, 2),
    ],
)
def test_a_turn_ends_at_a_pause(first: str, gap: float, turns: int) -> None:
    last = "then" if first == "well" else "then."
    assert len(texts(Word(first, 0, 1), Word(last, 1 + gap, 3 + gap))) == turns


def test_words_without_times_and_without_text_break_nothing() -> None:
    turns = turns_of([Word("a", 0, 1), Word("b"), Word(" "), Word("c", 1.5, None), Word("d", 2.4, 2.5)])
    assert [(turn.text, turn.start, turn.end) for turn in turns] == [("a b c d", 0, 2.5)]


def test_tied_words_stay_with_the_word_before_and_do_not_fill_the_pause_after_it() -> None:
    dot = Word(".", 0.5, 5, "B", before="", tied=True)
    turns = turns_of([Word("yes", 0, 0.5, "A"), dot, Word("no", 5, 5.2, "A")])
    assert [(turn.label, turn.text, turn.end) for turn in turns] == [("A", "yes.", 0.5), ("A", "no", 5.2)]


def test_a_word_may_open_a_turn() -> None:
    assert texts(Word("a", 0, 1, "A"), Word("b", 1, 2, "A", opens=True)) == ["a", "b"]


@given(
    st.lists(
        st.builds(
            Word,
            st.sampled_from(["a", "b.", ",", "", " "]),
            st.none() | st.floats(-10, 100),
            st.none() | st.floats(-10, 100),
            st.none() | st.sampled_from(["A", "B"]),
            tied=st.booleans(),
        ),
        max_size=20,
    )
)
@settings(max_examples=60)
def test_no_word_is_lost_and_none_comes_twice(words: list[Word]) -> None:
    turns = turns_of(words)
    assert " ".join(turn.text for turn in turns).split() == " ".join(word.text for word in words).split()


def test_who_speaks_is_the_stretch_with_most_of_the_word() -> None:
    timeline = Timeline([(0, 2, "A"), (1.8, 4, "B"), (10, 11, "A")])
    assert timeline.speaker(1.7, 2.1) == "A"
    assert timeline.speaker(1.9, 2.5) == "B"
    assert timeline.speaker(4.5, 4.9) == "B"  # half a second after it
    assert timeline.speaker(5.1, 6) is None
    assert timeline.speaker(9.2, 9.5) == "A"
    assert timeline.speaker(1.9, 1.9, "B") == "B"  # both fit alike: who spoke before goes on
    assert timeline.speaker(1.9, 1.9) == "A"
    assert timeline.speaker(None, 3) is None
    assert Timeline([]).speaker(1, 2) is None


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8), st.sampled_from("ABC")), max_size=8),
    st.integers(0, 40),
    st.integers(1, 3),
)
@settings(max_examples=60)
def test_the_speaker_is_one_whose_overlap_none_exceeds(
    stretches: list[tuple[int, int, str]], start: int, length: int
) -> None:
    end = start + length
    spans = [(a, a + long, who) for a, long, who in stretches]
    found = Timeline(spans).speaker(start, end)
    seconds = {
        who: sum(
            any(a <= second and second + 1 <= b for a, b, of in spans if of == who) for second in range(start, end)
        )
        for *_, who in spans
    }
    if max(seconds.values(), default=0) == length:  # somebody speaks all of it
        assert seconds[found or ""] == length
    elif all(b < start - 1 or a > end + 1 for a, b, _ in spans):
        assert found is None


def test_names_of_speakers_and_channels() -> None:
    mono = Voices([("0", None)])
    assert mono.name("0", None) == (None, ("channel:0", "0"))
    stereo = Voices([("0", None), ("1", None)])
    assert stereo.name("1", None) == ("channel:1", ("channel:1", "1"))
    letters = Voices([("A", None), ("B", None)])
    assert letters.name("A", None)[0] == "A"
    diarised = Voices([("0", "0"), ("0", "1")])
    assert diarised.name("0", "1") == ("1", ("speaker:1",))
    both = Voices([("0", "0"), ("1", "0"), ("1", "1")])
    assert both.name("1", "0") == ("channel:1 speaker:0", ("channel:1",))
    assert both.name("1", "1") == ("1", ("speaker:1", "channel:1"))
    assert Voices([(None, None)]).name(None, None) == (None, ())


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), ("A", "A"), ("", None), ("null", None), (-1, None), (None, None), ([1], None), (True, None), ({}, None)],
)
def test_what_is_a_name(value: object, expected: str | None) -> None:
    assert named(value) == expected


def test_streams_are_merged_by_time_only_where_all_have_one() -> None:
    entries = [Entry("b", start=2.0), Entry("a", start=1.0)]
    assert [entry.text for entry in by_time(entries)] == ["a", "b"]
    assert [entry.text for entry in by_time([*entries, Entry("c")])] == ["b", "a", "c"]
    assert all((a.start or 0) <= (b.start or 0) for a, b in pairwise(by_time(entries)))


def test_a_recording_says_where_nobody_is_told_apart() -> None:
    assert "not told apart" in recording([Entry("a")]).notes.lines()[0]
    assert recording([Entry("a", "A")]).notes.lines() == ()
    assert recording([Entry("")]).notes.lines() == ()
    assert recording([], 7, language="", duration_s=None, model="x").attrs == {"model": "x"}
