import json
from pathlib import Path
from typing import Any

import pytest
from asr_shapes import check_account, check_spoilt, contacts_of, labels, open_documents, said
from hypothesis import given, settings
from junk import JSON
from reading import Facts, facts, one, read

from cxsentiment.ingest.documents import find_format
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.vendors import whisper

FORMATS = {
    known.name: known for known in (whisper.WHISPERX, whisper.WHISPER, whisper.WHISPER_CPP, whisper.WHISPER_CHUNKS)
}
# Read off the files by eye.
OPEN: dict[str, tuple[list[str], Facts]] = {
    "whisper_json/dosparlants.json": (
        ["SPEAKER_00=agent", "SPEAKER_01=customer"],
        Facts(
            "dosparlants",
            "cacaaacacacaac",
            (0.0, 2.0, "Hola, bon dia, com et dius?"),
            (32.0, 34.0, "D'acord, moltes gràcies."),
            channel="call",
        ),
    ),
    "whisper_json/gossos_words.json": (
        [],
        Facts(
            "gossos_words",
            "uu",
            (
                1.18,
                16.0,
                "Igual que la majoria de mamíferes de predadors, el gos té músculos potents, un sistema cardiovascular "
                "que permet una alta velocitat i una gran resistència i dents per caçar, aguantar i "
                "estripar les preses.",
            ),
            (
                16.0,
                31.24,
                "L'esquelet ancestral dels gossos els permet córrer i saltar. Les seves potes s'han desenvolupat per "
                "impulsar-los ràpidament cap endavant, saltant quan cal, per acassar i atrapar les preses.",
            ),
            channel="call",
        ),
    ),
    "whisper_json/wt_arabic.mp3.words.json": (
        [],
        Facts(
            "wt_arabic.mp3.words",
            "uuuuuuuu",
            (1.8, 7.48, "حبّي أنصار الهدى"),
            (38.88, 41.3, "ونغمّض كي لا نمسر"),
            channel="call",
        ),
    ),
    "whisper_json/wt_empty.mp3.words.json": (
        [],
        Facts("wt_empty.mp3.words", "u", *[(0.02, 3.06, "Thanks for watching!")] * 2, channel="call"),
    ),
    "whisper_json/wt_issue24_empty.wav.words.json": (
        [],
        Facts(
            "wt_issue24_empty.wav.words",
            "u" * 29,
            (0.0, 0.96, "I'm sorry."),
            (28.46, 29.32, "I'm sorry."),
            channel="call",
        ),
    ),
    "whisperx/trimit_fixture.json": (
        ["speaker_04=agent"],
        Facts(
            "trimit_fixture",
            "aaaaaaaaa",
            (1.238, 2.299, "Yeah, sorry, what is his number?"),
            (13.664, 14.345, "Yeah, I'm ready, yeah."),
            channel="call",
        ),
    ),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    roles, expected = OPEN[name]
    (contact,), rejects = read(shared / "formats" / "open" / name, roles=roles)
    assert rejects == []
    assert facts(contact) == expected


@pytest.mark.shared
@pytest.mark.parametrize("name", [name for name, (roles, _) in OPEN.items() if roles])
def test_no_role_is_made_up_in_real_files(shared: Path, name: str) -> None:
    (contact,), _ = read(shared / "formats" / "open" / name)
    assert {turn.speaker for turn in contact.turns} == {"unknown"}


@pytest.mark.shared
def test_every_sample_is_claimed_by_its_own_format_only(shared: Path) -> None:
    documents = open_documents(shared)
    assert set(OPEN) <= set(documents)
    for name, document in documents.items():
        expected = {"whisper_json": "whisper", "whisperx": "whisperx"}.get(name.split("/")[0]) if name in OPEN else None
        claimed = [known.name for known in FORMATS.values() if known.detect(document)]
        assert claimed == ([expected] if expected else []), name
        found = find_format(document, ReadOptions())
        assert (found.name if found and found.name in FORMATS else None) == expected, name


@pytest.mark.shared
def test_words_on_silence_are_told(shared: Path) -> None:
    (contact,), _ = read(shared / "formats" / "open" / "whisper_json" / "wt_empty.mp3.words.json")
    assert any("silence" in warning and "turn 0" in warning for warning in contact.warnings)
    (contact,), _ = read(shared / "formats" / "open" / "whisper_json" / "wt_issue24_empty.wav.words.json")
    assert any("repeats itself" in warning for warning in contact.warnings)


def segment(text: str, start: float, **more: object) -> dict[str, Any]:
    return {"id": 0, "seek": 0, "start": start, "end": start + 1, "text": text, "words": None, **more}


def whisper_json(*segments: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"text": "NEVER THIS", "segments": list(segments), "language": "en", **more}


X_WORD = {"word": "Hello", "start": 0.1, "end": 0.4, "score": 0.9, "speaker": "SPEAKER_00"}


def test_segments_are_turns_and_lose_their_leading_blank(tmp_path: Path) -> None:
    document = whisper_json(segment(" Hello.", 0, speaker="SPEAKER_00"), segment(" ", 1), segment(" Hi.", 2))
    contact = one(tmp_path, document, roles=["SPEAKER_00=agent"])
    assert said(contact) == [("a", "Hello.", 0.0, 1.0), ("u", "Hi.", 2.0, 3.0)]
    assert (contact.dropped_turns, contact.attrs["language"], labels(contact)) == (1, "en", {"SPEAKER_00": 1, "": 1})


@pytest.mark.parametrize(
    "document",
    [
        whisper_json(segment(" Hi.", 1)),
        {"segments": [segment(" Hi.", 1)]},  # no text, no language: the decoder's keys tell it
        [segment(" Hi.", 1)],  # faster-whisper's segments in a list
        {"text": "Hi.", "language": "en", "segments": [{"start": 1, "end": 2, "text": " Hi."}]},
        {"task": "transcribe", "text": "Hi.", "segments": [{"start": 1, "end": 2, "text": " Hi."}], "x_groq": {}},
        {
            "segments": [
                {"type": "transcript.text.segment", "id": "s", "start": 1, "end": 2, "text": "Hi.", "speaker": "A"}
            ]
        },
        {"task": "transcribe", "language": "english", "text": "Hi.", "words": [{"word": "Hi.", "start": 1, "end": 2}]},
    ],
    ids=["cli", "bare", "list", "short", "service", "diarised", "words"],
)
def test_the_shapes_of_whisper(tmp_path: Path, document: object) -> None:
    contact = one(tmp_path, document)
    assert (contact.format, said(contact)) == ("whisper", [("u", "Hi.", 1.0, 2.0)])


@pytest.mark.parametrize(
    "document",
    [
        {"speakers": {"spk_0": "Ana"}, "segments": [{"speakerLabel": "spk_0", "start": 0, "end": 1, "text": "Hi"}]},
        {"version": "1.0.0", "segments": [{"speaker": "Ana", "startTime": 0.5, "endTime": 0.75, "body": "I"}]},
        {"segments": []},
        {"text": "Hi", "words": [{"word": "Hi", "start": 1}]},
        {"turns": [], "text": "", "language": "en", "segments": []},
        [],
        [[]],
        {"chunks": []},
        {"transcription": []},
        {"transcription": [{"text": "Hi", "offsets": 5}]},
        {"text": "", "chunks": [{"text": "Hi", "timestamp": 5}]},
        {"word_segments": [5]},
    ],
)
def test_what_is_not_whisper(document: object) -> None:
    found = find_format(document, ReadOptions())
    assert found is None or found.name not in FORMATS


def test_no_segments_is_a_call_in_which_nobody_spoke(tmp_path: Path) -> None:
    contact = one(tmp_path, {"text": "", "segments": [], "language": "en"})
    assert (contact.format, contact.turns) == ("whisper", ())
    contact = one(tmp_path, {"segments": [], "word_segments": []})
    assert (contact.format, contact.turns) == ("whisperx", ())


def test_a_segment_takes_what_it_lacks_from_its_words(tmp_path: Path) -> None:
    words = [X_WORD, {"word": "42"}, {**X_WORD, "word": "there.", "start": 0.9, "end": 1.2}]
    contact = one(tmp_path, {"segments": [{"words": words}, {"text": " Yes.", "start": 2, "end": 3, "words": []}]})
    assert (contact.format, said(contact)) == (
        "whisperx",
        [("u", "Hello 42 there.", 0.1, 1.2), ("u", "Yes.", 2.0, 3.0)],
    )
    assert labels(contact) == {"SPEAKER_00": 1, "": 1}


def test_words_that_name_two_speakers_give_their_segment_none(tmp_path: Path) -> None:
    words = [X_WORD, {**X_WORD, "speaker": "SPEAKER_01"}]
    contact = one(tmp_path, {"segments": [{"text": "Hello Hello", "start": 0, "end": 1, "words": words}]})
    assert labels(contact) == {"": 1}


def test_whisperx_word_segments_repeat_the_words(tmp_path: Path) -> None:
    found = {"text": "Hello.", "start": 0.1, "end": 0.4, "words": [X_WORD], "speaker": "SPEAKER_00"}
    contact = one(tmp_path, {"segments": [found], "word_segments": [X_WORD], "language": "en"})
    assert [turn.text for turn in contact.turns] == ["Hello."]
    contact = one(tmp_path, {"word_segments": [X_WORD, {**X_WORD, "word": "there", "start": 0.5, "end": 0.9}]})
    assert said(contact) == [("u", "Hello there", 0.1, 0.9)]


def test_whisper_cpp(tmp_path: Path) -> None:
    def item(text: str, start: int, **more: object) -> dict[str, Any]:
        stamps = {"timestamps": {"from": "00:00:00,000"}, "offsets": {"from": start, "to": start + 500}}
        return {"text": text, **stamps, **more}

    document = {
        "result": {"language": "de"},
        "transcription": [
            item(" Hallo.", 0, speaker="0"),
            item(" Ja?", 700, speaker="1"),
            item(" So", 1500, speaker="?"),
        ],
    }
    contact = one(tmp_path, document, roles=["0=agent", "1=customer"])
    assert contact.format == "whisper-cpp"
    assert said(contact) == [("a", "Hallo.", 0.0, 0.5), ("c", "Ja?", 0.7, 1.2), ("u", "So", 1.5, 2.0)]
    assert contact.attrs["language"] == "de"


def test_transformers_chunks(tmp_path: Path) -> None:
    chunks = [{"text": " Hello there.", "timestamp": [0.0, 1.5]}, {"text": " Hi.", "timestamp": [2.0, None]}]
    contact = one(tmp_path, {"text": "NEVER THIS", "chunks": chunks})
    assert contact.format == "whisper-chunks"
    assert said(contact) == [("u", "Hello there.", 0.0, 1.5), ("u", "Hi.", 2.0, None)]
    speakers = [{"speaker": "SPEAKER_00", **chunks[0]}, {"speaker": "SPEAKER_01", **chunks[1]}]
    contact = one(tmp_path, {"text": "x", "chunks": chunks, "speakers": speakers}, roles=["SPEAKER_01=agent"])
    assert [turn.speaker for turn in contact.turns] == ["unknown", "agent"]


def test_transformers_words_become_turns(tmp_path: Path) -> None:
    chunks = [
        {"text": " Hel", "timestamp": [0.0, 0.2]},
        {"text": "lo.", "timestamp": [0.2, 0.5]},
        {"text": " Hi.", "timestamp": [2.0, 2.5]},
    ]
    assert said(one(tmp_path, {"text": "x", "chunks": chunks})) == [("u", "Hello.", 0.0, 0.5), ("u", "Hi.", 2.0, 2.5)]


def test_turns_can_still_be_mapped_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(whisper_json(segment("Hi.", 0, who="Ana"))))
    (contact,), _ = read(path, maps=["turns=segments", "speaker=who"], roles=["Ana=agent"])
    assert (contact.format, said(contact)) == ("jsonl", [("a", "Hi.", 0.0, 1.0)])


WHOLE: dict[str, list[Any]] = {
    "whisper": [
        whisper_json(segment(" Hello.", 0, speaker="S", no_speech_prob=0.9, compression_ratio=3), segment(" Hi.", 2)),
        [segment(" Hi.", 1, words=[{"word": " Hi.", "start": 1, "end": 2, "probability": 1}])],
        {"task": "transcribe", "text": "Hi.", "words": [{"word": "Hi.", "start": 1, "end": 2}]},
    ],
    "whisperx": [
        {"segments": [{"text": "Hello.", "start": 0.1, "end": 0.4, "words": [X_WORD]}], "word_segments": [X_WORD]},
        {"word_segments": [X_WORD]},
    ],
    "whisper-cpp": [
        {
            "result": {"language": "en"},
            "transcription": [{"text": " Hi", "offsets": {"from": 1, "to": 2}, "speaker": "0"}],
        }
    ],
    "whisper-chunks": [
        {
            "text": "x",
            "chunks": [{"text": " Hello there.", "timestamp": [0.0, 1.5]}],
            "speakers": [{"speaker": "S", "text": " Hello there.", "timestamp": [0.0, 1.5]}],
        },
        {"text": "x", "chunks": [{"text": " Hello", "timestamp": [0.0, 1.5]}]},
    ],
}


@pytest.mark.parametrize("name", FORMATS)
def test_junk_in_any_place_gives_contacts_that_add_up(name: str) -> None:
    for document in WHOLE[name]:
        check_spoilt(FORMATS[name], document)


@given(JSON)
@settings(max_examples=60)
def test_detect_answers_for_any_json(document: object) -> None:
    for known in FORMATS.values():
        for contact in contacts_of(known, document):
            check_account(contact)
