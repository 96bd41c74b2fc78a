from pathlib import Path

import pytest

from cxsentiment.errors import InputError
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.plain import read_plain
from cxsentiment.schema import Transcript


@pytest.fixture
def read(tmp_path: Path):
    def read(text: str, name: str = "call 7.txt", **options) -> Transcript:
        path = tmp_path / name
        path.write_bytes(text.encode())
        (contact,) = read_plain(path, ReadOptions(**options))
        assert isinstance(contact, Transcript)
        return contact

    return read


def said(contact: Transcript) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in contact.turns]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_speakers_lines_and_continuations(read, end: str) -> None:
    contact = read(
        end.join(["Agent: Good morning.", "How can I help?", "", "Customer: It is broken.", "agent: Oh no:", "sorry"])
    )
    assert said(contact) == [
        ("agent", "Good morning.\nHow can I help?"),
        ("customer", "It is broken."),
        ("agent", "Oh no:\nsorry"),
    ]
    assert (contact.id, contact.record, contact.warnings) == ("call 7", 1, ())


@pytest.mark.parametrize(
    ("line", "speaker", "text"),
    [
        ("CUSTOMER : hi", "customer", "hi"),
        ("Customer(Mary): hi", "customer", "hi"),
        ("Agent [2]: hi", "agent", "hi"),
        ("Bot:hi", "bot", "hi"),
        ("12:45 Agent: hi", "agent", "hi"),
        ("[00:01:05] Customer: hi", "customer", "hi"),
        ("(1:05 PM) - Agent: hi", "agent", "hi"),
        ("Agent：hi", "agent", "hi"),
        ("Agent: Re: my ticket: hi", "agent", "Re: my ticket: hi"),
        ("Agent John Smith: hi", "unknown", "hi"),
    ],
)
def test_what_is_a_speaker(read, line: str, speaker: str, text: str) -> None:
    assert said(read(f"System: start\n{line}\n"))[1:] == [(speaker, text)]


@pytest.mark.parametrize(
    "line",
    [
        "Note: she sounded upset",
        "http://example.com/a:b",
        "I said: no!",
        "Customer ID: 4471",
        "At 10:30: be on time",
        "10:30",
        "this is a very long beginning of a line: yes",
        "- item: one",
    ],
)
def test_what_is_no_speaker_joins_the_turn_before(read, line: str) -> None:
    assert said(read(f"Agent: first\n{line}\nCustomer: last")) == [("agent", f"first\n{line}"), ("customer", "last")]


def test_words_that_notes_start_with_are_no_speakers_however_often(read) -> None:
    assert len(read("Agent: a\nNote: b\nNote: c\nRe: d\nRe: e").turns) == 1


def test_joined_lines_that_look_like_speakers_are_told(read) -> None:
    contact = read("Agent: a\nMaria: b\nCustomer: c")
    assert contact.warnings == (
        'lines that start with "Maria:" were read as part of the turn before; a speaker needs --role',
    )


def test_names_that_come_twice_are_unknown_speakers_until_declared(read) -> None:
    text = "Priya: Good morning.\nTom Lee: Hello.\nPriya: How can I help?\nTom Lee: Bye."
    contact = read(text)
    assert {turn.speaker for turn in contact.turns} == {"unknown"}
    assert contact.warnings == (
        'unknown speakers "Priya", "Tom Lee": say who they are, for example --role Priya=agent',
    )
    declared = read(text, roles={"priya": "agent", "tom lee": "customer"})
    assert [turn.speaker for turn in declared.turns] == ["agent", "customer", "agent", "customer"]
    assert declared.warnings == ()


def test_a_declared_name_needs_to_come_only_once(read) -> None:
    assert said(read("caller: hi\nAgent: yo", roles={"caller": "customer"})) == [("customer", "hi"), ("agent", "yo")]


def test_lines_before_the_first_speaker_are_counted(read) -> None:
    contact = read("Transcript of a call\n\nAgent: hi")
    assert contact.warnings == ("1 lines before the first speaker were not read",)


@pytest.mark.parametrize(
    ("times", "starts", "warning"),
    [
        (("[00:00:10]", "[00:00:14]", "[00:01:00]"), [0.0, 4.0, 50.0], None),
        (("14:05:10", "14:05:12.5", "14:06:10"), [0.0, 2.5, 60.0], None),
        (("12:45", "12:46", "12:47"), [None] * 3, "could be hours or minutes"),
        (("00:00:10", "", "00:01:00"), [None] * 3, "2 of 3 turns have a time"),
        (("23:59:59", "00:00:01", "00:00:02"), [None] * 3, "go back"),
        (("12:59:50 PM", "1:00:00 PM", "1:00:05pm"), [0.0, 10.0, 15.0], None),
        (("[12:00:00 AM]", "[11:00:00 AM]", "[11:00:00 PM]"), [0.0, 11 * 3600.0, 23 * 3600.0], None),
        (("11:59:59 PM", "12:00:01 AM", "12:00:02 AM"), [None] * 3, "go back"),
    ],
)
def test_times(read, times, starts, warning) -> None:
    contact = read("\n".join(f"{time} Agent: hi" for time in times))
    assert [turn.start_s for turn in contact.turns] == starts
    assert (warning is None) == (contact.warnings == ())
    assert warning is None or warning in contact.warnings[0]


def test_a_turn_that_starts_with_a_digit_right_after_the_colon_is_its_speakers(read) -> None:
    assert said(read("Agent:How much?\nCustomer:5 euros")) == [("agent", "How much?"), ("customer", "5 euros")]
    named = read("Ana:How much?\nBo:5 euros\nAna:ok\nBo:bye", roles={"Ana": "agent", "Bo": "customer"})
    assert said(named)[1] == ("customer", "5 euros")
    numbers = read("1: hi\n2: yo\n1: at\n2:30 then", roles={"1": "agent", "2": "customer"})
    assert said(numbers) == [("agent", "hi"), ("customer", "yo"), ("agent", "at\n2:30 then")]
    assert said(read("Agent: rates\nClass A:12\nClass A:13")) == [("agent", "rates\nClass A:12\nClass A:13")]


def test_a_name_after_a_time_keeps_its_first_letters(read) -> None:
    contact = read("10:00:01 Amy: hi\n10:00:05 Pmela: yo", roles={"Amy": "agent", "Pmela": "customer"})
    assert said(contact) == [("agent", "hi"), ("customer", "yo")]


@pytest.mark.parametrize("text", ["no speakers here", "file: a\nrepo: b\nfile: c\nrepo: d", "Note: a\nNote: b"])
def test_text_without_speakers_is_refused(read, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.code == "no_speakers"
    assert "--role NAME=agent" in caught.value.message


def test_the_encoding_warning_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "call.txt"
    path.write_bytes("Agent: It’s fine".encode("cp1252"))
    (contact,) = read_plain(path, ReadOptions())
    assert isinstance(contact, Transcript)
    assert contact.turns[0].text == "It’s fine"
    assert "Windows-1252" in contact.warnings[0]


@pytest.mark.parametrize(
    ("text", "speakers"),
    [
        ("[00:00:01] Bob: Hello.\n[00:00:09] Maria: My bill is wrong.\n[00:00:20] Bob: Sorry.\n", "aua"),
        ("Bob: Hello.\nMaria: My bill is wrong.\nBob: Sorry.\nBob: One moment.\n", "auaa"),
        ("Bob: Hello.\nthere is more\nand more\nRemember: one thing.\nBob: Sorry.\n", "aa"),
    ],
)
def test_who_speaks_once_is_not_read_as_part_of_the_other_side(tmp_path: Path, text: str, speakers: str) -> None:
    path = tmp_path / "call.txt"
    path.write_text(text)
    (found,) = read_plain(path, ReadOptions(roles={"Bob": "agent"}))
    assert isinstance(found, Transcript)
    assert "".join(turn.speaker[0] for turn in found.turns) == speakers
