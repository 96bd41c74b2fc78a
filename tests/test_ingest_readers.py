import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxsentiment.ingest.identities import FirstSeen, told_of_copies
from cxsentiment.ingest.intake import find_reader, read_contacts
from cxsentiment.ingest.options import ReadOptions, parse_map, parse_roles
from cxsentiment.ingest.sources import find_sources
from cxsentiment.schema import Reject, Transcript

OPTIONS = ReadOptions()
SAMPLES = Path(__file__).parent / "data" / "readers"

# A new format adds a file to tests/data/readers and a line here: its reader, and (id, speakers' initials, characters).
EXPECTED = {
    "bakery.csv": ("CSV", [("bakery-4", "ac", 48), ("bakery-5", "ac", 30)]),
    "bakery.json": ("JSON", [("bakery-3", "ac", 46)]),
    "bakery.jsonl": ("JSON Lines", [("bakery-1", "cac", 80), ("bakery-2", "ac", 46)]),
    "bakery.srt": ("SubRip", [("bakery", "ac", 39)]),
    "bakery.tsv": ("CSV", [("bakery-6", "ac", 31)]),
    "bakery.vtt": ("WebVTT", [("bakery", "ac", 44)]),
    "bakery.xlsx": ("Excel", [("bakery-9", "ac", 34)]),
    "bakery-7.txt": ("plain text", [("bakery-7", "aca", 128)]),
}


def contact(name: str, **fields: object) -> str:
    return json.dumps({"id": name, "turns": [{"speaker": "agent", "text": f"Hello {name}"}], **fields})


def read(*paths: Path) -> tuple[list[Transcript], list[Reject]]:
    results = list(read_contacts(paths, OPTIONS))
    return (
        [result for result in results if isinstance(result, Transcript)],
        [result for result in results if isinstance(result, Reject)],
    )


def test_every_sample_is_expected() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("renamed", [False, True], ids=["named", "nameless"])
def test_every_reader_finds_and_reads_its_sample(tmp_path: Path, name: str, renamed: bool) -> None:
    reader, contacts = EXPECTED[name]
    path = SAMPLES / name
    if renamed:
        path = tmp_path / Path(name).stem
        path.write_bytes((SAMPLES / name).read_bytes())
    assert find_reader(path, OPTIONS)[0].facts.title == reader
    found, rejects = read(path)
    assert rejects == []
    told = [(c.id, "".join(t.speaker[0] for t in c.turns), sum(len(t.text) for t in c.turns)) for c in found]
    assert told == contacts
    assert all((f"read as {reader} by its content" in c.warnings) == renamed for c in found)


def test_a_whole_folder_is_read_in_order_beside_what_is_refused(tmp_path: Path) -> None:
    for name in EXPECTED:
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    (tmp_path / "again.jsonl.gz").write_bytes(gzip.compress(contact("bakery-8").encode()))
    (tmp_path / "zz.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVE")
    (tmp_path / "empty.csv").touch()
    (tmp_path / ".DS_Store").touch()
    found, rejects = read(*find_sources([str(tmp_path)]))
    assert [c.id for c in found] == [
        "bakery-8",
        "bakery-7",
        "bakery-4",
        "bakery-5",
        "bakery-3",
        "bakery-1",
        "bakery-2",
        "bakery",
        "bakery-6",
        f"{tmp_path.name}/bakery",
        "bakery-9",
    ]
    assert [(Path(r.source).name, r.record, r.code) for r in rejects] == [
        ("empty.csv", 0, "empty"),
        ("zz.wav", 0, "audio"),
    ]


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.json", b"", "empty"),
        ("a.txt", b"\xef\xbb\xbf \n\t", "empty"),
        ("a.json", b"\x89PNG\r\n\x1a\n", "image"),
        ("a.jsonl", b"\x80\x04\x95\x01", "pickle"),
        ("a.parquet", b"PAR1" + bytes(40) + b"PAR1", "damaged"),
        ("a.docx", b"PK\x03\x04....word/document.xml", "document"),
        ("a.zip", b"PK\x03\x04....a.json", "damaged"),
        ("a.zip", contact("a").encode(), "archive"),
        ("a.bz2", b"BZh91AY", "damaged"),
        ("a.xz", b"\xfd7zXZ\x00", "compressed"),
        ("a.mp3", b"ID3\x03", "audio"),
        ("a.vtt", b"WEBVTT\n\nNOTE no cue", "empty"),
        ("a.xml", b'<?xml version="1.0"?><!DOCTYPE l []>', "markup"),
        ("a.txt", b"only words", "no_speakers"),
        ("a.dat", b"only words", "unknown_format"),
        ("a.csv", b"speaker,words\nagent,hi", "missing_column"),
        ("a.csv", "speaker,text\nagent,hi".encode("utf-16-le"), "encoding"),
        ("a.json", b"{'id': 1}", "json"),
        ("a.jsonc", b"{ // note\n}", "json"),
        ("a.json", b'"hello"', "record_type"),
        ("a.json.gz", gzip.compress(contact("a").encode(), mtime=0)[:-12], "damaged"),
    ],
)
def test_what_cannot_be_read_is_one_reject_that_says_where_and_what(
    tmp_path: Path, name: str, data: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found, (refused,) = read(path)
    assert (found, refused.code, refused.source) == ([], code, path.as_posix())
    assert refused.message.startswith(path.as_posix())


def test_links_folders_and_files_that_are_gone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_text(contact("a"))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    (tmp_path / "folder.json").mkdir()
    found, rejects = read(tmp_path / "link.jsonl", tmp_path / "folder.json", tmp_path / "gone.json")
    assert (found, [r.code for r in rejects]) == ([], ["link", "not_a_file", "not_a_file"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [r.code for r in read(tmp_path / "pipe")[1]] == ["not_a_file"]


def test_ids_that_come_again_are_refused_across_files(tmp_path: Path) -> None:
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text(f"{contact('a')}\n{contact('b')}\n")
    second.write_text(f"{contact('a', site='x')}\n{contact('b', csat=5)}\n{contact('c')}\n")
    found, rejects = read(first, second)
    assert [c.id for c in found] == ["a", "b", "c"]
    assert [(r.source, r.record, r.contact_id, r.code) for r in rejects] == [
        (second.as_posix(), 1, "a", "duplicate_contact"),
        (second.as_posix(), 2, "b", "duplicate_id"),
    ]
    assert f"the first is {first.as_posix()}:1" in rejects[0].message


def test_calls_that_share_what_was_seen_find_ids_that_come_again(tmp_path: Path) -> None:
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text(contact("a"))
    second.write_text(contact("a"))
    seen = FirstSeen()
    assert all(isinstance(result, Transcript) for result in read_contacts([first], OPTIONS, first_seen=seen))
    (again,) = read_contacts([second], OPTIONS, first_seen=seen)
    assert isinstance(again, Reject)
    assert again.code == "duplicate_contact"
    (same_file,) = read_contacts([first], OPTIONS, first_seen=seen)
    assert isinstance(same_file, Transcript)


def test_made_ids_that_clash_get_the_folders_name(tmp_path: Path) -> None:
    sources = {
        "p1/0001.txt": "Agent: one",
        "p2/0001.txt": "Agent: two",
        "p3/0001.txt": "Agent: two",
        "p4/0001.csv": "speaker,text\nagent,three\n",
        "q/p2/0001.txt": "Agent: four",
        "p1/c.jsonl": '{"turns": [{"speaker": "agent", "text": "five"}]}',
        "p2/c.jsonl": '{"turns": [{"speaker": "agent", "text": "six"}]}',
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found, rejects = read(*(tmp_path / name for name in sources))
    assert {c.turns[0].text: c.id for c in found} == {
        "one": "0001",
        "two": "p2/0001",
        "three": "p4/0001",
        "four": "q/p2/0001",
        "five": "c.jsonl:1",
        "six": "p2/c.jsonl:1",
    }
    assert all(type(c.id) is str for c in found)
    assert ["was taken" in "".join(c.warnings) for c in found] == [False, True, True, True, False, True]
    (copy,) = rejects
    assert (copy.source, copy.code) == ((tmp_path / "p3/0001.txt").as_posix(), "duplicate_contact")
    assert (tmp_path / "p2/0001.txt").as_posix() in copy.message


def test_ids_of_rejects_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "jane@mail.com 4111111111111111", "turns": 1}')
    _, (refused,) = read(path)
    assert refused.contact_id == "[EMAIL] [CARD]"


def test_progress_adds_up_to_the_size_of_the_files(tmp_path: Path) -> None:
    paths = [SAMPLES / name for name in EXPECTED]
    broken = tmp_path / "cut.json.gz"
    broken.write_bytes(gzip.compress(contact("a").encode())[:-12])
    for sources in ([path] for path in (*paths, broken)):
        counts: list[int] = []
        list(read_contacts(sources, OPTIONS, counts.append))
        assert sum(counts) == sources[0].stat().st_size


def test_progress_of_a_long_file_comes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text("".join(f"{contact(str(n), note='x' * 2000)}\n" for n in range(2000)))
    counts: list[int] = []
    results = read_contacts([path], OPTIONS, counts.append)
    for _ in range(1000):
        next(results)
    assert 0.4 < sum(counts) / path.stat().st_size < 0.8


# What every hostile file that is a contact must be told of, in a message's words.
TOLD = {
    "01_trailing_comma_comments.jsonc": "Comments, trailing commas",
    "01_two_objects.json": "one contact a line",
    "03_cp1252.txt": "Windows-1252",
    "03_utf16le_nobom.csv": "UTF-16",
    "04_missing_speaker_column.csv": "--map speaker=COLUMN",
    "04_ragged_rows.csv": "2 of its turns were refused",
    "05_exact_duplicates.jsonl": "2 copies of contacts were left out",
    "07_call_50k_turns.json": "the call lasts 13.9 hours",
    "09_rtl_zero_width.json": "reads as Arabic",
    "12_unsorted_overlap.json": "sorted by their start",
    "13_two_agents_transfer.json": "2 agents took part (A1, A2)",
    "13_swapped_roles.txt": "the roles look swapped",
    "14_traversal.zip": "points out of the archive",
    "15_wrong_types.json": "6 of its turns were refused",
    "18_dates.csv": "could be two days",
    "19_wav_header.wav": "Transcribe it first",
    "20_mixed.jsonl": "20_mixed.jsonl:5",
    "23_damage.vtt": "cue 5",
    "29_mixed_languages.json": 'language as "xx-INVALID"',
}


def verdict_of(path: Path) -> tuple[str, list[str]]:
    """What became of a file, and the lines that its user reads."""
    found, rejects = read(path)
    refusals = [one for one in rejects if one.kind != "copy"]
    for refused in refusals:
        assert refused.message.startswith(path.as_posix()), "a message says where"
        advice = refused.message.rpartition(". ")[2]
        assert "(allowed:" in refused.message or advice[:1].isupper() or refused.code in ("bad_row", "bad_cue")
    warnings = [line for contact in found for line in contact.warnings]
    if copies := len(rejects) - len(refusals):
        warnings.append(told_of_copies(copies))
    notes = [line for contact in found for line in contact.notes]
    verdict = "partial" if refusals else "accept_warn" if warnings else "accept"
    return verdict if found else "reject", [*warnings, *notes, *(one.message for one in refusals)]


@pytest.mark.shared
def test_hostile_files_get_their_verdicts_and_say_why(shared: Path) -> None:
    """Every file of the set but 17_*: those are surveys (test_ingest_surveys.py), and no transcripts."""
    folder = shared / "formats" / "hostile"
    wrong = []
    for case in json.loads((folder / "EXPECTED.json").read_text(encoding="utf-8")):
        name, entry = case["file"], case["verdict"]
        verdict, lines = verdict_of(folder / name)
        if name.startswith("17_"):
            assert verdict == "reject", name
            continue
        assert (verdict in ("accept", "accept_warn")) == (not any(": " in x and name in x for x in lines)), name
        assert TOLD.get(name, "") in "\n".join(lines), name
        if verdict != entry:
            wrong.append((name, verdict))
    # Refused whole or read in part with a warning, says its "expect": what stands behind the open quote is good.
    assert wrong == [("04_unclosed_quote.csv", "partial")]


@pytest.mark.shared
def test_near_misses_of_the_docs_are_refused_by_name_and_place(shared: Path) -> None:
    paths = sorted((shared / "formats" / "hostile" / "near_miss_from_docs").iterdir())
    assert len(paths) == 15
    for path in paths:
        found, (refused,) = read(path)
        assert found == []
        where, _, what = refused.message.removeprefix(path.as_posix()).partition(": ")
        assert where == ""
        assert any(place in what for place in ("line ", "dialog", '"parties"')), refused.message
        verdict_of(path)


@pytest.mark.shared
@pytest.mark.slow
def test_huge_files_get_their_verdicts_in_seconds_and_little_memory(shared: Path, tmp_path: Path) -> None:
    generator = shared / "formats" / "hostile" / "gen_hostile.py"
    subprocess.run([sys.executable, generator, tmp_path, "--huge"], check=True, capture_output=True)
    names = {path.name for path in (shared / "formats" / "hostile").iterdir()}
    cases = json.loads((tmp_path / "EXPECTED.huge.json").read_text(encoding="utf-8"))
    huge = {case["file"]: case["verdict"] for case in cases if case["file"] not in names}
    assert len(huge) == 7
    # In a process of its own, so that the peak is theirs alone.
    program = (
        "import json, pathlib, sys, time; from test_ingest_readers import verdict_of;"
        "found = {path: (verdict_of(pathlib.Path(path))[0], time.process_time()) for path in sys.argv[1:]};"
        "status = pathlib.Path('/proc/self/status');"
        "print(json.dumps([found, status.read_text() if status.exists() else '']))"
    )
    command = [sys.executable, "-c", program, *(str(tmp_path / name) for name in huge)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found, status = json.loads(done.stdout)
    before = 0.0
    for name, entry in huge.items():
        verdict, after = found[str(tmp_path / name)]
        assert verdict == entry, name
        assert after - before < 40  # of processor time: some seconds on a machine at rest, minutes if it were quadratic
        before = after
    for peak in re.findall(r"VmHWM:\s+(\d+) kB", status):  # elsewhere no system says it this plainly
        assert int(peak) < 250_000


@pytest.mark.shared
def test_real_chats_are_read_whole(shared: Path) -> None:
    contacts = turns = doubted = 0
    agents = set()
    for result in read_contacts([shared / "data" / "star.jsonl.gz"], OPTIONS):
        assert isinstance(result, Transcript)
        doubted += bool(result.warnings)
        contacts += 1
        turns += len(result.turns)
        agents.add(result.agent_id)
    assert (contacts, turns, len(agents)) == (4501, 78487, 91)
    assert doubted == 2  # customers who say "have a good one" and ask an agent of few words "do you have …"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "maps", "roles", "contacts", "agent", "customer"),
    [
        ("plain_text", [], [], 11, 85, 74),
        (
            "generic_csv",
            ["id=transcript_id", "text=utterance_text", "speaker=interlocutor", "start=timestamp"],
            ["therapist=agent", "client=customer"],
            2,
            46,
            45,
        ),
    ],
)
def test_real_files_of_other_shapes(shared: Path, folder, maps, roles, contacts, agent, customer) -> None:
    paths = [path for path in find_sources([str(shared / "formats" / "open" / folder)]) if path.name != "SOURCE.txt"]
    found = list(read_contacts(paths, ReadOptions(parse_map(maps), parse_roles(roles))))
    speakers = [turn.speaker for result in found if isinstance(result, Transcript) for turn in result.turns]
    assert (len(found), speakers.count("agent"), speakers.count("customer")) == (contacts, agent, customer)
    assert len(speakers) == agent + customer


def test_a_sample_cut_anywhere_gives_contacts_or_rejects_and_no_exception(tmp_path: Path) -> None:
    for name in EXPECTED:
        data = (SAMPLES / name).read_bytes()
        for end in range(0, len(data), 7):
            path = tmp_path / name
            path.write_bytes(data[:end])
            assert all(isinstance(result, (Transcript, Reject)) for result in read_contacts([path], OPTIONS))


@pytest.mark.skipif(os.name != "posix", reason="names that are no text exist on POSIX systems only")
def test_a_file_name_that_is_no_text_does_not_break_what_is_written(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    path.write_text('{"turns": []}\nrubbish')
    (found,), (refused,) = read(path)
    assert found.source.endswith("caf?.jsonl")
    assert f"{found.id} {refused.source} {refused.message}".encode()
