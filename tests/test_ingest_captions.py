"""WebVTT and SubRip."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read

from cxsentiment.ingest.captions import entries_of
from cxsentiment.ingest.cues import read_srt, read_webvtt
from cxsentiment.ingest.intake import find_reader, read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Reject, Transcript

# Read off the files by eye: turns, turns per named speaker (in order of appearance), turns without text, cues reported,
# and (start, end, first words) of the first and the last turn.
OPEN = {
    "webvtt/awsbites_1.vtt": (75, [75], 2, [], (0.0, 11.66, "Hello, everyone,"), (414.0, 437.32, "you at the next ")),
    "webvtt/ms_stream.vtt": (4, [4], 0, [], (12.2, 13.08, "Hi Microsoft Str"), (23.76, 27.4, "We are in a tena")),
    "webvtt/paren_speakers_excerpt.vtt": (6, [4, 2], 0, [], (8.0, 12.0, "I wanted to star"), (20.0, 24.0, "or Jewish")),
    "webvtt/teams_excerpt.vtt": (14, [11, 2, 1], 0, [], (5.485, 5.725, "No."), (87.245, 87.645, "No.")),
    "webvtt/wp_captions_with_bom.vtt": (
        4,
        [4],
        0,
        [],
        (0.5, 7.0, "Caption text #1"),
        (16.32, 21.58, "Caption text #4"),
    ),
    "webvtt/wp_comments.vtt": (5, [5], 0, [], (135.0, 140.0, "Ta en kopp varmt"), (145.0, 150.0, "Ta en kopp")),
    "webvtt/wp_cue_tags.vtt": (3, [3], 0, [], (16.5, 18.5, "When the moon hi"), (20.5, 21.5, "That's amore")),
    "webvtt/wp_invalid.vtt": (7, [7], 0, [], (0.5, 7.0, "Caption text #1"), (27.28, 30.28, "Caption text #7")),
    "webvtt/wp_invalid_timeframe.vtt": (
        *(7, [7], 0, [2]),
        *((0.5, 7.0, "Caption text #1"), (27.28, 30.28, "Caption text #7")),
    ),
    "webvtt/wp_metadata_headers.vtt": (2, [2], 0, [], (0.5, 7.0, "Caption text #1"), (7.0, 11.89, "Caption text #2")),
    "webvtt/wp_missing_caption_text.vtt": (
        *(4, [4], 1, []),
        *((0.5, 7.0, "Caption text #1"), (21.58, 23.88, "Caption text #5")),
    ),
    "webvtt/wp_missing_timeframe.vtt": (
        *(7, [7], 0, [2]),
        *((0.5, 7.0, "Caption text #1"), (27.28, 30.28, "Caption text #7")),
    ),
    "webvtt/wp_styles.vtt": (1, [1], 0, [], (0.0, 10.0, "Hello world."), (0.0, 10.0, "Hello world.")),
    "webvtt/wp_using_identifiers.vtt": (
        6,
        [6],
        0,
        [],
        (0.5, 7.0, "Caption text #1"),
        (23.88, 27.28, "Caption text #6"),
    ),
    "webvtt/wp_youtube_dl.vtt": (3, [3], 0, [], (286.07, 286.47, "yeah"), (304.08, 305.069, "this will happen")),
    "webvtt/zoom_excerpt.vtt": (
        5,
        [1, 4],
        0,
        [],
        (144.72, 152.85, "gotcha gotcha ok"),
        (172.17, 179.04, "Yes, and yeah ev"),
    ),
    "srt/dosparlants.srt": (14, [6, 8], 0, [], (0.0, 2.0, "Hola, bon dia, c"), (32.0, 34.0, "D'acord, moltes ")),
    "srt/gossos.srt": (2, [2], 0, [], (1.18, 16.0, "Igual que la maj"), (16.0, 31.24, "L'esquelet ances")),
    "srt/wp_invalid_format4.srt": (1, [1], 1, [1], (None, None, "some text"), (None, None, "some text")),
    "srt/wp_invalid_timeframe.srt": (5, [5], 0, [], (0.5, 7.0, "Caption text #1"), (21.58, 23.88, "Caption text #5")),
    "srt/wp_missing_caption_text.srt": (
        4,
        [4],
        1,
        [],
        (0.5, 7.0, "Caption text #1"),
        (21.58, 23.88, "Caption text #5"),
    ),
    "srt/wp_missing_timeframe.srt": (5, [5], 0, [2], (0.5, 7.0, "Caption text #1"), (21.58, 23.88, "Caption text #5")),
    "srt/wp_one_caption.srt": (1, [1], 0, [], (0.5, 7.0, "Caption text #1"), (0.5, 7.0, "Caption text #1")),
    "srt/wp_sample.srt": (5, [5], 0, [], (0.5, 7.0, "Caption text #1"), (21.58, 23.88, "Caption text #5")),
}
EMPTY = ["webvtt/wp_empty.vtt", "webvtt/wp_no_captions.vtt"]


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / name)
    ends = [(turn.start_s, turn.end_s, turn.text[:16]) for turn in (contact.turns[0], contact.turns[-1])]
    assert (
        len(contact.turns),
        [party.turns for party in contact.parties],
        contact.dropped_turns,
        [(reject.record, reject.code) for reject in rejects],
        *ends,
    ) == (*OPEN[name][:3], [(number, "bad_cue") for number in OPEN[name][3]], *OPEN[name][4:])
    assert (contact.id, contact.format) == (Path(name).stem, name.partition("/")[0])
    assert {turn.speaker for turn in contact.turns} == {"unknown"}


@pytest.mark.shared
def test_the_table_holds_every_real_file(shared: Path) -> None:
    folder = shared / "formats" / "open"
    files = [path for kind in ("webvtt", "srt") for path in (folder / kind).iterdir() if path.suffix != ".txt"]
    assert sorted([*OPEN, *EMPTY]) == sorted(path.relative_to(folder).as_posix() for path in files)


@pytest.mark.shared
@pytest.mark.parametrize("name", EMPTY)
def test_real_files_without_a_cue_are_refused(shared: Path, name: str) -> None:
    found, (refused,) = read(shared / "formats" / "open" / name)
    assert (found, refused.code, refused.record) == ([], "empty", 0)


@pytest.mark.shared
def test_a_declared_role_reaches_every_turn_of_a_name_with_an_entity(shared: Path) -> None:
    path = shared / "formats" / "open" / "webvtt" / "teams_excerpt.vtt"
    (contact,), _ = read(path, roles=["María Prueba=agent", "Ejemplo Dos=customer"])
    assert Counter(turn.speaker for turn in contact.turns) == {"agent": 11, "customer": 2, "unknown": 1}


ROLLING = """WEBVTT

00:00:00.000 --> 00:00:02.000
 
hello<00:00:00.500><c> there</c>

00:00:02.000 --> 00:00:02.010
hello there
 

00:00:02.010 --> 00:00:04.000
hello there
yes

00:00:04.000 --> 00:00:04.010
yes
 

00:00:04.010 --> 00:00:06.000
yes
yes

00:00:06.000 --> 00:00:06.010
yes
 

00:00:09.000 --> 00:00:10.000
yes
"""


def test_a_line_that_rolls_up_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "video.vtt"
    path.write_text(ROLLING)
    (contact,), rejects = read(path)
    assert [(turn.start_s, turn.text) for turn in contact.turns] == [
        (0.0, "hello there"),
        (2.01, "yes"),
        (4.01, "yes"),
        (9.0, "yes"),  # after a break: said again
    ]
    assert (contact.skipped, contact.dropped_turns, rejects) == ({"caption shown again": 3}, 0, [])
    assert any("5 lines shown again" in warning for warning in contact.warnings)


def test_without_word_stamps_a_line_that_comes_twice_was_said_twice(tmp_path: Path) -> None:
    path = tmp_path / "video.vtt"
    path.write_text(ROLLING.replace("<00:00:00.500><c> there</c>", " there"))
    (contact,), _ = read(path)
    assert (len(contact.turns), contact.skipped) == (7, {})
    assert not any("shown again" in warning for warning in contact.warnings)


def told(text: str, *, srt: bool = False) -> list[tuple[str, str]]:
    """(label, text) of the turns of captions."""
    entries, _ = entries_of((read_srt if srt else read_webvtt)(text).cues, ReadOptions())
    return [(entry.label or "", entry.text) for entry in entries]


CUE = "00:00:01.000 --> 00:00:02.000\n"


@pytest.mark.parametrize(
    ("cue", "expected"),
    [
        ("<v Ann>Hi there.</v>", [("Ann", "Hi there.")]),
        ("<v Ann>Hi there.", [("Ann", "Hi there.")]),
        ("<v.loud.first Ann Lee>Hi</v> all", [("Ann Lee", "Hi all")]),
        ("<v Lee, Ann (Contractor)>Hi</v>", [("Lee, Ann (Contractor)", "Hi")]),
        ("<v Fran&ccedil;ois &amp; Co>Hi &lt;you&gt;</v>", [("François & Co", "Hi <you>")]),
        ("<v Ann>Hi</v>\n<v Bob>Hello\nyou</v>", [("Ann", "Hi"), ("Bob", "Hello you")]),
        ("<v Ann>Hi <v Bob>Hello", [("Ann", "Hi"), ("Bob", "Hello")]),
        ("[door] <v Ann>Hi</v>", [("", "[door]"), ("Ann", "Hi")]),
        ("<v>Hi</v>", [("", "Hi")]),
        ("R&D, R&notes and AT&amp;T", [("", "R&D, R&notes and AT&T")]),
        ("<c.yellow><v Ann>Hi</v></c> <00:00:01.500>you", [("Ann", "Hi you")]),
        ("no voice here", [("", "no voice here")]),
        ("<i>Hi</i> <b>there</b> <c.red>you</c><lang en>!</lang>", [("", "Hi there you!")]),
        ("a < b and <unk> <NAME> stay", [("", "a < b and <unk> <NAME> stay")]),
        ("[SPEAKER_00]: Hi", [("SPEAKER_00", "Hi")]),
        ("Agent: Hi", [("Agent", "Hi")]),
        ("Agent: Hi\nCustomer: Hello\nyou", [("Agent", "Hi"), ("Customer", "Hello you")]),
        ("- Hi there.\n- Who is this?", [("", "Hi there."), ("", "Who is this?")]),
        ("- Agent: Hi.\n- Customer: Hello.", [("Agent", "Hi."), ("Customer", "Hello.")]),
        (">> Agent: Hi.\n>> Hello.", [("Agent", "Hi."), ("", "Hello.")]),
        ("(Agent)\nHi.\n-\n \n(Customer)\nHello.", [("Agent", "Hi."), ("Customer", "Hello.")]),
        ("(laughter)\nHi.", [("", "(laughter) Hi.")]),
        ("Note: bring a pen", [("", "Note: bring a pen")]),
    ],
)
def test_who_says_what_in_a_cue(cue: str, expected: list[tuple[str, str]]) -> None:
    assert told(f"WEBVTT\n\n{CUE}{cue}\n") == expected


def cues(*texts: str, srt: bool = False) -> str:
    mark = "," if srt else "."
    head = "" if srt else "WEBVTT\n\n"
    return head + "".join(
        f"{at}\n00:00:{at:02}{mark}000 --> 00:00:{at + 1:02}{mark}000\n{text}\n\n" for at, text in enumerate(texts, 1)
    )


CALL = "1\n{}.000 --> {}.000\nAgent: Good day.\n\n2\n{}.000 --> {}.000\nCustomer: My bill is wrong.\n\n"


@pytest.mark.parametrize("name", ["call.srt", "call.vtt"])
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("23:59:50", "23:59:53", "00:00:03", "00:00:06")], "as a clock does at midnight"),
        ([("00:00:01", "00:00:02", "00:00:09", "00:00:10")] * 2, "the times start again at cue 3"),
    ],
)
def test_times_that_start_again_do_not_turn_a_contact_round(
    tmp_path: Path, name: str, parts: list[tuple[str, ...]], expected: str
) -> None:
    path = tmp_path / name
    head = "WEBVTT\n\n" if path.suffix == ".vtt" else ""
    path.write_text("".join(head + CALL.format(*times) for times in parts))
    (contact,), rejects = read(path)
    assert [(turn.speaker, turn.text) for turn in contact.turns] == [
        ("agent", "Good day."),
        ("customer", "My bill is wrong."),
    ] * len(parts)
    assert {(turn.start_s, turn.end_s) for turn in contact.turns} == {(None, None)}
    assert (rejects, [expected in warning for warning in contact.warnings]) == ([], [True])


@pytest.mark.parametrize("second", [("00:00:03", "00:00:04", "00:00:05", "00:00:06"), ("00:00:00", "00:00:01") * 2])
def test_other_times_of_captions_are_used(tmp_path: Path, second: tuple[str, ...]) -> None:
    path = tmp_path / "call.srt"
    path.write_text(CALL.format("00:00:01", "00:00:02", "00:00:02", "00:00:03"))
    with path.open("a") as file:
        file.write(CALL.replace("1\n{}", "3\n{}", 1).replace("\n2\n", "\n4\n").format(*second))
    (contact,), _ = read(path)
    starts = [turn.start_s for turn in contact.turns]
    assert starts == sorted(starts)  # raises where one has none


def test_a_name_holds_until_the_next_one() -> None:
    text = cues(
        "music", "Agent: Good day.", "How can I help?", "Mia: My bill.", "It is wrong.", "Mia: Really.", srt=True
    )
    assert told(text, srt=True) == [
        ("", "music"),
        ("Agent", "Good day."),
        ("Agent", "How can I help?"),
        ("Mia", "My bill."),
        ("Mia", "It is wrong."),
        ("Mia", "Really."),
    ]


def test_a_dash_ends_what_a_name_holds() -> None:
    text = cues("Agent: Good day.", "- Hi.", "You there?", "Agent: Yes.", srt=True)
    assert told(text, srt=True) == [
        ("Agent", "Good day."),
        ("", "Hi."),
        ("", "You there?"),
        ("Agent", "Yes."),
    ]


def test_a_word_before_a_colon_is_no_speaker_unless_it_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "call.srt"
    path.write_text(cues("Agent: Good day.", "Well: no.", "One more:", srt=True))
    (contact,), _ = read(path)
    assert [(turn.speaker, turn.text) for turn in contact.turns] == [
        ("agent", "Good day."),
        ("agent", "Well: no."),
        ("agent", "One more:"),
    ]
    assert any('"Well:"' in warning for warning in contact.warnings)


def test_where_nearly_all_cues_start_with_a_name_once_is_enough() -> None:
    text = cues("Ann Lee: hi.", "bo: hello.", "Ann Lee: so: yes.", "Cy D: bye.")
    assert [label for label, _ in told(text)] == ["Ann Lee", "bo", "Ann Lee", "Cy D"]


def test_sounds_in_round_brackets_are_no_speakers() -> None:
    text = cues("(Applause)\nHi.", "(Applause)\nYou.", "(Jo)\nOh.", "(Sue)\nAh.", "(Sue)\nNo.", "(Sue)")
    assert [label for label, _ in told(text)] == [""] * 6


def test_parts_of_one_utterance_are_joined(tmp_path: Path) -> None:
    group = "0a1b2c3d-0000-4000-8000-00000000000f"
    path = tmp_path / "meeting.vtt"
    path.write_text(
        "WEBVTT\n\n"
        f"{group}/7-0\n00:00:01.000 --> 00:00:02.000\n<v Ann>One\ntwo</v>\n\n"
        f"{group}/7-1\n00:00:02.000 --> 00:00:03.500\n<v Ann>three.</v>\n\n"
        f"{group}/8-0\n00:00:03.000 --> 00:00:04.000\n<v Bob>Four.</v>\n\n"
        f"{group}/8-1\n00:00:04.000 --> 00:00:05.000\n<v Ann>Five.</v>\n\n"
        f"{group}/9-0\n00:00:06.000 --> 00:00:07.000\n<v Ann>Six.</v>\n"
    )
    (contact,), rejects = read(path)
    assert rejects == []
    assert [(turn.start_s, turn.end_s, turn.text) for turn in contact.turns] == [
        (1.0, 3.5, "One two three."),
        (3.0, 4.0, "Four."),
        (4.0, 5.0, "Five."),
        (6.0, 7.0, "Six."),
    ]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("WEBVTT\n\n00:01.000 --> 00:02.000\none\n", [(1.0, 2.0)]),
        ("WEBVTT\n\n100:00:01.000 --> 100:00:02.000\none\n", [(360001.0, 360002.0)]),
        ("WEBVTT FILE\r\n\r\n1\r\n00:00:01,5 --> 00:00:02\r\none\r\n", [(1.5, 2.0)]),
        ("WEBVTT\rKind: captions\r\r00:01.000 --> 00:02.000 align:start\rone\r", [(1.0, 2.0)]),
        ("WEBVTT\n00:01.000 --> 00:02.000\none\n00:03.000 --> 00:04.000\ntwo\n", [(1.0, 2.0), (3.0, 4.0)]),
        (
            "WEBVTT\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\n\nNOTE x --> y\nz\n\n00:01.000 --> 00:02.000\no\n",
            [(1.0, 2.0)],
        ),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\none --> two\n", [(1.0, 2.0)]),
        ("WEBVTT\n\n1\n\n00:01.000 --> 00:02.000\none\n", [(1.0, 2.0)]),
    ],
)
def test_the_cues_of_webvtt(text: str, numbers: list[tuple[float, float]]) -> None:
    found = read_webvtt(text).cues
    assert [(cue.start, cue.end) for cue in found] == numbers
    assert all(cue.problem is None and cue.lines for cue in found)


def test_the_cues_of_subrip() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\none\n \nand more\n\n1\n\n00:00:03,000 --> 00:00:04,000\n1984\nwas\n"
    first, second = read_srt(f"\ufeff{text}").cues
    assert (first.lines, second.lines, second.id, second.start) == (["one", "and more"], ["1984", "was"], "1", 3.0)


def test_a_name_may_stand_behind_the_number_of_a_cue() -> None:
    text = f'WEBVTT\n\n1 "Ann Lee" (3)\n{CUE}Hi: you.\n\n2 "Bo"\n{CUE}Hello\n\n3 ""\n{CUE}Eh\n'
    assert told(text) == [("Ann Lee", "Hi: you."), ("Bo", "Hello"), ("", "Eh")]


def test_a_damaged_cue_is_reported_and_its_text_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "call.vtt"
    path.write_text(
        "WEBVTT\n\n1\n00:01.000 --> 00:02.000\nAgent: one\n\n2\n00:0x.000 --> 00:03.000\nAgent: two\n\nlost words\n\n"
        "4\n00:04.000 --> 00:05.000\nAgent: four\n"
    )
    (contact,), rejects = read(path)
    assert [(turn.text, turn.start_s) for turn in contact.turns] == [
        ("one", 1.0),
        ("two", None),
        ("lost words", None),
        ("four", 4.0),
    ]
    assert [(reject.record, reject.code, reject.contact_id) for reject in rejects] == [
        (2, "bad_cue", "call"),
        (3, "bad_cue", "call"),
    ]
    assert ({reject.kind for reject in rejects}, contact.refused_turns) == ({"time"}, 0)
    assert "cue 2 has a time that cannot be read" in rejects[0].message
    assert [warning for warning in contact.warnings if warning.startswith("cue")] == [
        "cue 2 has a time that cannot be read; the text is kept as a turn without a time",
        "cue 3 has no time; the text is kept as a turn without a time",
    ]


@pytest.mark.parametrize("start", ["", "12:30", "[", "Ann", "- ", "("])
def test_a_line_of_very_many_spaces_does_not_stall(start: str) -> None:
    line = f"{start}{' ' * 100_000}x"  # minutes, if a pattern were quadratic in it
    assert len(told(f"WEBVTT\n\n{CUE}{line}\n")) == 1


def test_the_language_and_a_missing_header_are_told(tmp_path: Path) -> None:
    with_language, without = tmp_path / "a.vtt", tmp_path / "b.vtt"
    with_language.write_text(f"WEBVTT\nLanguage: pt-BR\n\n{CUE}Agent: hi\n")
    without.write_text(f"{CUE}Agent: hi\n")
    (first, second), rejects = read(with_language, without)
    assert rejects == []
    assert first.attrs == {"language": "pt-BR"}
    assert first.notes == ('the source gives its language as "pt-BR": the model was made for English',)
    assert second.warnings == ("the first line is not WEBVTT; it was read as WebVTT all the same",)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", f"WEBVTT\n\n{CUE}hi", "webvtt"),
        ("a", f"{CUE}hi", "webvtt"),
        ("a.txt", "1\n00:00:01,000 --> 00:00:02,000\nhi", "srt"),
        ("a.srt", "1\n00:00:0x,000 --> 00:00:02,000\nhi", "srt"),
        ("a.vtt", "Agent: hi\nCustomer: hello", "text"),
        ("a.vtt", '{"turns": []}', "jsonl"),
        ("a.txt", "Agent: press A --> B\nCustomer: fine", "text"),
    ],
)
def test_captions_are_known_by_their_content(tmp_path: Path, name: str, text: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert find_reader(path, ReadOptions())[0].name == expected


@pytest.mark.parametrize(("name", "format"), [("a.vtt", "webvtt"), ("a.srt", "srt")])
def test_what_has_no_cue_is_refused(tmp_path: Path, name: str, format: str) -> None:
    path = tmp_path / name
    path.write_text("WEBVTT\n\nNOTE nothing\n\nwords without a time\n" if format == "webvtt" else "1\n\n2\n\n-->\n")
    if format == "srt":
        path.write_text("words without a time")
    found, (refused,) = read(path, format=format)
    assert (found, refused.code) == ([], "empty")


LINES = st.sampled_from(
    [
        *("WEBVTT", "", " ", "NOTE x", "NOTE", "STYLE", "REGION", "1", "2", "-", "- a", ">> b", "(Ann)", "(Laughs)"),
        *("00:01.000 --> 00:02.000", "00:00:03,000 --> 00:00:02,000", "00:x --> 00:01.000", "-->", "a --> b"),
        *(
            "<v Ann>hi</v>",
            "<v>x",
            "</v>",
            "<v Bob",
            "&amp;&#0;&#xd800;",
            "[S]: a",
            "Agent: b",
            "Ann: c",
            "\ufeff",
            "g/1-0",
        ),
        *("99999:59:59.999 --> 1:1:1", "\x00\u2028x", "text"),
    ]
)


@settings(max_examples=120, deadline=None)
@given(lines=st.lists(st.one_of(LINES, st.text(max_size=12)), max_size=24), srt=st.booleans())
def test_any_captions_give_a_contact_or_a_reject(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], srt: bool
) -> None:
    path = tmp_path_factory.mktemp("captions") / ("a.srt" if srt else "a.vtt")
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace", newline="")
    results = list(read_contacts([path], ReadOptions(format="srt" if srt else "webvtt")))
    assert all(isinstance(result, (Transcript, Reject)) for result in results)
    for contact in (result for result in results if isinstance(result, Transcript)):
        found = (read_srt if srt else read_webvtt)(path.read_text(encoding="utf-8-sig", errors="replace")).cues
        joined = sum(cue.id is not None and "/" in cue.id for cue in found)
        assert len(contact.turns) + contact.dropped_turns >= len(found) - joined
        assert len(results) == 1 + sum(cue.problem is not None for cue in found)
