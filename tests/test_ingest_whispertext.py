from pathlib import Path

import pytest
from asr_shapes import labels, refused, said
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Facts, facts, one, read

from cxsentiment.errors import InputError
from cxsentiment.ingest import whispertext
from cxsentiment.ingest.intake import find_reader
from cxsentiment.ingest.options import ReadOptions

TSV = "start\tend\ttext\n0\t1500\tGood morning.\n1500\t2750\tHi, \tit is broken.\n3000\t3500\t\n"
TXT = "nobody\n[SPEAKER_01]: Good morning.\n[SPEAKER_00]: Hi: it is broken.\n\nsomebody else\n[SPEAKER_00]: Well?\n"


@pytest.mark.shared
def test_real_files(shared: Path) -> None:
    folder = shared / "formats" / "open"
    (table,), _ = read(folder / "whisper_tsv" / "dosparlants.tsv")
    first, last = "Hola, bon dia, com et dius?", "D'acord, moltes gràcies."
    assert facts(table) == Facts("dosparlants", "u" * 14, (0.0, 2.0, first), (32.0, 34.0, last), channel="call")
    (lines,), _ = read(folder / "whisper_txt" / "dosparlants.txt", roles=["SPEAKER_00=agent", "SPEAKER_01=customer"])
    assert facts(lines) == Facts(
        "dosparlants", "cacaaacacacaac", (None, None, first), (None, None, last), channel="call"
    )
    assert (table.format, lines.format) == ("whisper-tsv", "whisper-txt")


@pytest.mark.shared
def test_no_other_sample_is_taken(shared: Path) -> None:
    for path in (shared / "formats" / "open").rglob("*"):
        if path.is_file() and path.name != "SOURCE.txt":
            try:
                name = find_reader(path, ReadOptions())[0].name
            except InputError:
                continue
            expected = {"whisper_tsv": "whisper-tsv", "whisper_txt": "whisper-txt"}.get(path.parent.name)
            assert (name if name.startswith("whisper-") else None) == expected, path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_tsv(tmp_path: Path, end: str, mark: str) -> None:
    path = tmp_path / "call.tsv"
    path.write_bytes((mark + TSV.replace("\n", end)).encode())
    (contact,), rejects = read(path)
    assert said(contact) == [("u", "Good morning.", 0.0, 1.5), ("u", "Hi, \tit is broken.", 1.5, 2.75)]
    assert (contact.id, contact.channel, contact.dropped_turns, rejects) == ("call", "call", 1, [])
    assert any("not told apart" in warning for warning in contact.warnings)


def test_tsv_without_a_row_is_a_call_without_words(tmp_path: Path) -> None:
    contact = one(tmp_path, "start\tend\ttext\n", name="a.tsv")
    assert (contact.format, contact.turns) == ("whisper-tsv", ())


def test_tsv_with_a_broken_row_is_refused_by_its_line(tmp_path: Path) -> None:
    reject = refused(tmp_path, TSV + "3500\t4000\n4000\tx\tbroken\n", name="a.tsv")
    assert (reject.code, reject.record) == ("row", 0)
    assert "a.tsv:6" in reject.message


@pytest.mark.parametrize(
    "text", ["start\tend\ttext\n0.0\t1.5\tGood morning.\n", "start\tend\ttext\tspeaker\n0\t1\ta\tagent\n"]
)
def test_other_tables_of_turns_are_not_whispers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.tsv"
    path.write_text(text)
    assert find_reader(path, ReadOptions())[0].name == "csv"


def test_txt(tmp_path: Path) -> None:
    contact = one(tmp_path, TXT, name="call.txt", roles=["SPEAKER_01=agent"])
    assert said(contact) == [
        ("u", "nobody", None, None),
        ("a", "Good morning.", None, None),
        ("u", "Hi: it is broken.", None, None),
        ("u", "somebody else", None, None),
        ("u", "Well?", None, None),
    ]
    assert labels(contact) == {"SPEAKER_01": 1, "SPEAKER_00": 2, "": 2}


def test_text_without_speakers_is_no_turn_unless_it_is_called_whispers(tmp_path: Path) -> None:
    text = "Good morning.\nHi: it is broken.\n"
    assert refused(tmp_path, text, name="call.txt").code == "no_speakers"
    contact = one(tmp_path, text, name="call.txt", format="whisper-txt")
    assert said(contact) == [("u", "Good morning.", None, None), ("u", "Hi: it is broken.", None, None)]
    assert any("not told apart" in warning for warning in contact.warnings)


def test_tsv_by_name_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n")
    found, (reject,) = read(path, format="whisper-tsv")
    assert (found, reject.code) == ([], "wrong_format")


@given(st.text(alphabet="starendtx\t\n\r 0159.[]:SPEAKER_\ufeff", max_size=60))
@settings(max_examples=60)
def test_any_text_is_answered(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "a.txt"
    for start in ("", "start\tend\ttext\n", "[SPEAKER_00]: "):
        path.write_bytes((start + text).encode())
        for reader, detect in ((whispertext.read_tsv, whispertext.is_tsv), (whispertext.read_txt, whispertext.is_txt)):
            if detect(start + text):
                try:
                    (contact,) = reader(path, ReadOptions())
                except InputError:
                    continue
                assert contact.source == path.as_posix()
