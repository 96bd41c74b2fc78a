import zipfile
from pathlib import Path

import pytest
from asr_shapes import labels, refused, said
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Facts, facts, one, read

from cxsentiment.errors import InputError
from cxsentiment.ingest import nist
from cxsentiment.ingest.intake import find_reader
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Reject

CMU = "CMU_20030109-1530_D_NONE"
SO = (
    108.74,
    113.78,
    "SO FULL OF ARTLESS JEALOUSY IS GUILT IT SPILLS ITSELF IN FEARING TO BE SPLIT",
)
AMONG = (
    108.74,
    115.08,
    "AMONG EACH OTHER LIKE TO READ BECAUSE I I SERIOUSLY ABOUT THE SOME OF THE SURVEILLANCE TECHNOLOGY LIKE",
)
LETTERS = "a b c d e f g"
# Read off the files by eye.
OPEN: dict[str, tuple[list[str], list[Facts]]] = {
    "overlap.ctm": (["1=agent"], [Facts(CMU, "a", AMONG, AMONG, channel="call")]),
    "overlap.correct.ctm": ([], [Facts(CMU, "u", SO, SO, channel="call")]),
    "ref.ctm": (
        ["channel:1=agent"],
        [Facts(f"file{n}", "a", *[(0.0, 4.0, " ".join([LETTERS] * 8))] * 2, channel="call") for n in range(1, 7)],
    ),
    "ref.stm": (
        ["spk1=agent", "spk2=customer"],
        [Facts(f"file{n}", "acuuuuuu", (0.0, 0.5, LETTERS), (3.5, 4.0, LETTERS), channel="call") for n in range(1, 7)],
    ),
    "overlap.stm": (
        ["COU=agent"],
        [
            Facts(
                CMU,
                "uauuau",
                (107.675, 110.695, "(%HESITATION) WITH AMONG EACH OTHER QUIET SIGNIFICANTLY"),
                (
                    110.859,
                    115.267,
                    "(%HESITATION) I I I SEEM TO REMEMBER SOMETHING ABOUT SOME OF THIS SOME OF THE (%HESITATION) "
                    "SURVEILLANCE TECHNOLOGY LIKE",
                ),
                channel="call",
            )
        ],
    ),
    "overlap.correct.stm": (
        ["gertrude=agent"],
        [
            Facts(
                CMU,
                "auuuua",
                (107.675, 110.695, "SO OF"),
                (110.859, 114.267, "SPILLS ITSELF IN FEARING TO BE SPLIT"),
                channel="call",
            )
        ],
    ),
    "rttmstm.stm": ([], [Facts("ALPHA", "uu", (1.0, 4.0, "A B C"), (2.0, 8.0, "D E F G H I"), channel="call")]),
    "pyannote_sample.stm": (
        ["Diane=agent", "Sheila=customer"],
        [
            Facts(
                "sample",
                "acaacaacaacca",
                (6.68, 7.16, "Hello?"),
                (28.445, 29.987, "Oh, I don't hear that in New Jersey now."),
                channel="call",
            )
        ],
    ),
}
WITH_RTTM = "earnings21_4397800.ctm"  # its words are made turns by a script of its own that applies the documented rule
NO_WORDS = (
    "earnings21_4397800.rttm",
    "pyannote_sample.rttm",
    "rttmstm.rttm",
    "speechmatics_nonstandard_diarization.ctm",
)


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    roles, expected = OPEN[name]
    found, rejects = read(shared / "formats" / "open" / "ctm_stm_rttm" / name, roles=roles)
    assert rejects == []
    assert [facts(contact) for contact in found] == expected


@pytest.mark.shared
def test_a_real_ctm_gets_its_speakers_from_the_rttm_beside_it(shared: Path) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / "ctm_stm_rttm" / WITH_RTTM, roles=["3=agent"])
    assert (contact.id, len(contact.turns), rejects) == ("4397800", 102, [])
    assert said(contact)[0] == ("a", "wow", 0.45, 0.81)
    assert said(contact)[-1] == (
        "u",
        "thank you this concludes today's conference you may disconnect your lines at this time and thank you for your "
        "participation",
        2760.62,
        2766.05,
    )
    assert labels(contact) == {"3": 30, "0": 4, "2": 10, "4": 39, "5": 5, "7": 3, "8": 5, "9": 2, "10": 4}
    assert sum(len(turn.text.split()) for turn in contact.turns) == 8036
    assert contact.attrs["speakers_from"] == "earnings21_4397800.rttm"


@pytest.mark.shared
@pytest.mark.parametrize("name", NO_WORDS)
def test_real_files_without_words_are_refused_by_name(shared: Path, name: str) -> None:
    path = shared / "formats" / "open" / "ctm_stm_rttm" / name
    found, (reject,) = read(path)
    twin = path.with_suffix(".ctm")
    is_twin = path.suffix == ".rttm" and twin.exists()
    assert (found, reject.code) == ([], "companion" if is_twin else "no_words")
    if is_twin:
        assert read(path, twin)[1] == []


@pytest.mark.shared
def test_no_other_sample_is_taken(shared: Path) -> None:
    folder = shared / "formats" / "open"
    assert {path.name for path in (folder / "ctm_stm_rttm").iterdir()} == {*OPEN, *NO_WORDS, WITH_RTTM, "SOURCE.txt"}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "SOURCE.txt" and path.parent.name != "ctm_stm_rttm":
            try:
                assert find_reader(path, ReadOptions())[0].name not in ("ctm", "stm"), path
            except InputError:
                continue


CTM = """;; a comment
call-1 A 0.00 0.40 hello 0.9
call-1 A 0.50 0.40 there 0.9
call-1 B 1.00 0.40 hi 0.9
call-1 A 2.50 0.40 yes
call-2 1 .5 4e-1 bye 0.9
"""
STM = """;; CATEGORY "0" "" ""
call-1 1 Ana 0.0 1.5 <o,f0,female> Good morning { how / what } can { @ / uh } I { do / { did / @ } }
call-1 1 Ben 1.5 2 <NA> <unk> it is broken
call-1 1 INTER_SEGMENT_GAP 2 3 <o,,>
call-1 1 Ana 3 4 IGNORE_TIME_SEGMENT_IN_SCORING
call-1 1 Ana 4 5
call-2 1 Ben 0 1 no label
"""
RTTM = """;; a comment
SPKR-INFO call-1 1 <NA> <NA> <NA> unknown ana <NA>
SPEAKER call-1 1 0.0 0.45 <NA> <NA> ana <NA> <NA>
SPEAKER call-1 1 0.45 1.5 <NA> <NA> ben <NA> <NA>
SPEAKER call-1 2 9.0 1.5 <NA> <NA> eve <NA> <NA>
SPEAKER call-1 1 x 1.5 <NA> <NA> eve <NA> <NA>
SPEAKER
"""


def test_ctm_channels_are_labels_and_file_ids_are_contacts(tmp_path: Path) -> None:
    path = tmp_path / "calls.ctm"
    path.write_text(CTM)
    (first, second), rejects = read(path, roles=["A=agent", "channel:B=customer"])
    assert said(first) == [("a", "hello there", 0.0, 0.9), ("c", "hi", 1.0, 1.4), ("a", "yes", 2.5, 2.9)]
    assert said(second) == [("u", "bye", 0.5, 0.9)]
    assert (first.id, second.id, first.record, second.record, rejects) == ("call-1", "call-2", 1, 2, [])
    assert any("not told apart" in warning for warning in second.warnings)


@pytest.mark.parametrize("name", ["calls.rttm", "call-1.rttm", "whatever.rttm"])
def test_an_rttm_beside_the_ctm_names_the_speakers(tmp_path: Path, name: str) -> None:
    (tmp_path / "calls.ctm").write_text("call-1 1 0.0 0.4 hello\ncall-1 1 0.5 0.4 hi\ncall-1 1 9.0 0.4 yes\n")
    (tmp_path / name).write_text(RTTM)
    (tmp_path / "other.rttm").write_text(RTTM.replace("call-1", "call-9"))
    (contact,), _ = read(tmp_path / "calls.ctm", roles=["ana=agent"])
    assert said(contact) == [("a", "hello", 0.0, 0.4), ("u", "hi", 0.5, 0.9), ("u", "yes", 9.0, 9.4)]
    # eve speaks on another channel, and nobody near 9.0 on this one
    assert labels(contact) == {"ana": 1, "ben": 1, "": 1}
    assert contact.attrs["speakers_from"] == name


def test_channels_that_the_rttm_does_not_know_are_joined_by_time_alone(tmp_path: Path) -> None:
    (tmp_path / "calls.ctm").write_text("call-1 X 0.0 0.4 hello\ncall-1 X 9.0 0.4 yes\n")
    (tmp_path / "calls.rttm").write_text(RTTM)
    assert labels(one(tmp_path, (tmp_path / "calls.ctm").read_text(), name="calls.ctm")) == {"ana": 1, "eve": 1}
    assert labels(one(tmp_path, "call-1 B 9.0 0.4 yes\n", name="calls.ctm")) == {"eve": 1}


def test_two_rttms_that_know_the_recording_and_one_of_another_name_it_not(tmp_path: Path) -> None:
    for name in ("x.rttm", "y.rttm"):
        (tmp_path / name).write_text(RTTM)
    contact = one(tmp_path, "call-1 1 0.0 0.4 hello\n", name="calls.ctm")
    assert (labels(contact), "speakers_from" in contact.attrs) == ({"": 1}, False)


def test_a_lone_recording_of_another_id_is_taken_where_the_files_have_one_name(tmp_path: Path) -> None:
    (tmp_path / "calls.rttm").write_text(RTTM)
    assert labels(one(tmp_path, "audio/1 1 0.0 0.4 hello\n", name="calls.ctm")) == {"ana": 1}
    found, _ = read(_written(tmp_path / "calls.ctm", "a 1 0 1 x\nb 1 0 1 y\n"))
    assert [labels(contact) for contact in found] == [{"": 1}, {"": 1}]


def test_an_rttm_that_cannot_be_read_costs_the_speakers_only(tmp_path: Path) -> None:
    (tmp_path / "calls.rttm").write_bytes(b"\x00\x01\xff\xfe\x00" * 9)
    contact = one(tmp_path, "call-1 1 0.0 0.4 hello\n", name="calls.ctm")
    assert len(contact.turns) == 1
    assert any("its speakers could not be read" in warning for warning in contact.warnings)


def test_a_link_beside_a_ctm_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "calls.ctm").write_text("call-1 1 0.0 0.4 hello\n")
    _written(tmp_path / "elsewhere" / "a.rttm", RTTM)
    (tmp_path / "calls.rttm").symlink_to(tmp_path / "elsewhere" / "a.rttm")
    (contact,), _ = read(tmp_path / "calls.ctm")
    assert labels(contact) == {"": 1}


def test_a_member_of_an_archive_finds_its_twin(tmp_path: Path) -> None:
    archive = tmp_path / "calls.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("day/calls.ctm", "call-1 1 0.0 0.4 hello\n")
        file.writestr("day/calls.rttm", RTTM)
    with zipfile.ZipFile(archive) as file:
        # An archive's member is any source with the methods of a path.
        (contact,) = nist.read_ctm(
            zipfile.Path(file, "day/calls.ctm") and _Member(file, "day/calls.ctm"), ReadOptions()
        )
    assert not isinstance(contact, Reject)
    assert labels(contact) == {"ana": 1}


class _Member:
    """A file of an archive, as far as a reader needs one."""

    def __init__(self, file: zipfile.ZipFile, path: str) -> None:
        self._file = file
        self._path = path
        self.name = path.rpartition("/")[2]
        self.stem, _, suffix = self.name.rpartition(".")
        self.suffix = f".{suffix}"

    def as_posix(self) -> str:
        return self._path

    def open(self, mode: str):
        return self._file.open(self._path)

    def is_file(self) -> bool:
        return self._path in self._file.namelist()

    def is_symlink(self) -> bool:
        return False

    def with_name(self, name: str) -> "_Member":
        return _Member(self._file, f"{self._path.rpartition('/')[0]}/{name}")


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_ctm_may_name_speakers_itself_and_have_alternatives(tmp_path: Path) -> None:
    text = (
        "c 1 0.0 0.4 hello 0.9 lex ana\nc 1 * * <ALT_BEGIN>\nc 1 0.5 0.2 one 0.5 lex ben\nc 1 * * <ALT>\n"
        "c 1 0.5 0.2 two 0.5 lex ben\nc 1 * * <ALT_END>\nc 1 0.8 0.2 three 0.9 lex unknown\n"
    )
    contact = one(tmp_path, text, name="c.ctm", roles=["ana=agent"])
    assert [(turn.speaker, turn.text) for turn in contact.turns] == [
        ("agent", "hello"),
        ("unknown", "one"),
        ("unknown", "three"),
    ]
    assert labels(contact) == {"ana": 1, "ben": 1, "": 1}


@pytest.mark.parametrize("id", ["x" * 5000, "a/b", "..", "a\x00b"])
def test_a_file_id_that_is_no_name_of_a_file_harms_nothing(tmp_path: Path, id: str) -> None:
    contact = one(tmp_path, f"{id} 1 0.5 -0.1 there\n", name="c.ctm")
    assert said(contact) == [("u", "there", 0.5, 0.5)]


def test_ctm_lines_are_put_in_order_of_time(tmp_path: Path) -> None:
    contact = one(tmp_path, "c 1 0.5 0.4 there\nc 1 0.0 0.4 hello\n", name="c.ctm")
    assert said(contact) == [("u", "hello there", 0.0, 0.9)]


def test_stm(tmp_path: Path) -> None:
    path = _written(tmp_path / "calls.stm", STM)
    (first, second), rejects = read(path, roles=["Ana=agent", "Ben=customer"])
    assert said(first) == [("a", "Good morning how can I do", 0.0, 1.5), ("c", "<unk> it is broken", 1.5, 2.0)]
    assert (first.dropped_turns, dict(first.skipped)) == (1, {"stretch that is not scored": 2})
    assert (said(second), rejects) == ([("c", "no label", 0.0, 1.0)], [])


def test_stm_with_numbers_for_speakers_is_no_ctm(tmp_path: Path) -> None:
    path = _written(tmp_path / "calls", "c 1 7 0.5 1.5 hi\nc 1 8 1.5 2.5 well yes\n")
    assert find_reader(path, ReadOptions())[0].name == "stm"
    (contact,), _ = read(path)
    assert labels(contact) == {"7": 1, "8": 1}


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [("a", CTM, "ctm"), ("a", STM, "stm"), ("a", RTTM, "ctm"), ("a.ctm", "x", "ctm"), ("a.stm", "x", "stm")],
)
def test_what_it_is_is_known_by_structure_or_name(tmp_path: Path, name: str, text: str, format: str) -> None:
    assert find_reader(_written(tmp_path / name, text), ReadOptions())[0].name == format


@pytest.mark.parametrize(
    "text",
    [
        "Agent: hello there my friend\nCustomer: hi\n",
        "SPEAKER 1: I would like to know where it is\n",
        "1 2 3\n",
        "a,b,c\n",
        "start\tend\ttext\n0\t1\tb\n",
        "x",
    ],
)
def test_other_text_is_neither(text: str) -> None:
    assert not nist.is_ctm(text)
    assert not nist.is_stm(text)


def test_a_bad_line_refuses_the_recording_it_spoils_and_no_other(tmp_path: Path) -> None:
    lines = CTM.splitlines()
    found, rejects = read(_written(tmp_path / "a.ctm", "\n".join([*lines[:4], "call-1 A x 0.4 oh", *lines[4:]])))
    assert [contact.id for contact in found] == ["call-2"]
    assert [(reject.contact_id, reject.code, reject.record) for reject in rejects] == [("call-1", "line", 1)]
    assert "a.ctm:5" in rejects[0].message
    found, rejects = read(_written(tmp_path / "a.stm", STM + "the rest of the line before\n"))
    assert ([contact.id for contact in found], [reject.contact_id for reject in rejects]) == (["call-1"], ["call-2"])
    found, rejects = read(_written(tmp_path / "a.stm", "the rest\n" + STM))
    assert ([contact.id for contact in found], [reject.contact_id for reject in rejects]) == (["call-2"], ["call-1"])


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.ctm", ";; only a comment\n", "empty"),
        ("a.stm", ";; only a comment\n", "empty"),
        ("a.ctm", "one two three\n", "line"),
        ("a.stm", "one two three\n", "line"),
        ("a.rttm", RTTM, "no_words"),
        ("a.txt", RTTM.rpartition("SPEAKER")[0], "no_words"),
        ("a.ctm", "channel1 segment1 0.0 3.5 spk1 0.88\n", "no_words"),
        ("a.ctm", "".join(f"rec part{n} {n}.0 {n + 1}.0 spk{n % 2} 0.9\n" for n in range(6)), "no_words"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, text: str, code: str) -> None:
    reject = refused(tmp_path, text, name=name)
    assert reject.code == code
    assert name in reject.message


CELL = st.sampled_from(
    [
        "call-1",
        "c/2",
        "A",
        "1",
        "*",
        "0.5",
        "1e3",
        ".",
        "-1",
        "nan",
        "9e999",
        "hello",
        "<ALT>",
        "<NA>",
        "SPEAKER",
        "{",
        "}",
        "/",
    ]
)
TEXT = st.lists(st.lists(CELL, max_size=10).map(" ".join), max_size=6).map("\n".join)


@given(TEXT, TEXT)
@settings(max_examples=60)
def test_any_text_is_answered(tmp_path_factory: pytest.TempPathFactory, text: str, beside: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "a.rttm").write_text(RTTM + beside)
    for name, whole in (("a.ctm", CTM), ("a.stm", STM)):
        for start in (whole, ""):
            path = _written(folder / name, start + text)
            nist.is_ctm(start + text)
            nist.is_stm(start + text)
            found, rejects = read(path)
            assert found or rejects
