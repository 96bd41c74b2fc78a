import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asr_shapes import (
    check_account,
    check_spoilt,
    contacts_of,
    labels,
    open_documents,
    refused,
    said,
)
from hypothesis import given, settings
from junk import JSON
from reading import Facts, facts, one, read

from cxsentiment.ingest.documents import find_format
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.vendors import assemblyai, bbckaldi, deepgram, harpervalley, revai, speechmatics

FORMATS = {
    known.name: known
    for known in (
        deepgram.DEEPGRAM,
        assemblyai.ASSEMBLYAI,
        revai.REVAI,
        speechmatics.SPEECHMATICS,
        speechmatics.SPEECHMATICS_LEGACY,
        bbckaldi.BBC_KALDI,
        harpervalley.HARPER_VALLEY,
    )
}
PEOPLE = (
    "We, the people of {}, in order to form a more perfect union, establish justice, ensure domestic tranquility, "
    "provide for the common defense, promote the general welfare, and secure the blessings of liberty to ourselves and "
    "our posterity to ordain and establish this constitution for {}."
)
UPPER = PEOPLE.format("The United States", "The United States Of America")
LOWER = PEOPLE.format("the United States", "the United States of America")
LIFE = "Life moves pretty fast. You don't stop and look around once in a while, you could miss it."
TODAY = "and didn't get the same opportunities that we have today."

# Read off the files; where words are made turns, by a script of its own that applies the documented rule.
# Name → (roles declared, facts).
OPEN: dict[str, tuple[list[str], Facts]] = {
    "deepgram/dg_speakers.json": (
        ["0=agent", "1=customer", "speaker:2=other"],
        Facts(
            "e4ac910d-2bd6-4e54-b656-4cb971284bad",
            "aaaaccaccccoooccccoocc",
            (3.04, 3.54, "And,"),
            (162.605, 163.105, "Copy."),
            channel="call",
        ),
    ),
    "deepgram/dg_speakers_no_utterances.json": (
        ["0=agent", "1=customer", "2=other"],
        Facts(
            "e4ac910d-2bd6-4e54-b656-4cb971284bad",
            "aaacaccococcccoocc",
            (3.04, 7.585, "And, Jessica, Christina, we are so proud of you."),
            (162.605, 163.105, "Copy."),
            channel="call",
        ),
    ),
    "deepgram/dg_transcription.json": (
        [],
        Facts(
            "686278aa-d315-4aeb-b2a9-713615544366",
            "u",
            *[
                (
                    0.08,
                    25.439999,
                    "Yeah. As as much as, it's worth celebrating, the first, spacewalk, with an all female team, I "
                    "think many of us are looking forward to it just being normal and I think if it signifies anything,"
                    " It is to honor the the women who came before us who, were skilled and qualified, " + TODAY,
                )
            ]
            * 2,
            channel="call",
        ),
    ),
    "deepgram/dg_utterances.json": (
        ["channel:0=agent"],
        Facts(
            "686278aa-d315-4aeb-b2a9-713615544366",
            "aaaaaa",
            (0.08, 3.22, "Yeah. As as much as, it's worth celebrating,"),
            (22.3, 25.439999, TODAY),
            channel="call",
        ),
    ),
    **{
        f"deepgram/sdk_rest_{number}.json": ([], Facts(id, "u" * turns, first, last, channel="call"))
        for number, id, turns, first, last in [
            (
                0,
                "1ef3b141-68af-4a3e-80c3-ee1f6ef05a35",
                2,
                (5.52, 8.96, "Yep. I said it before, and I'll say it again."),
                (10.071313, 15.511313, LIFE),
            ),
            (1, "cb126cd9-f72f-4336-bf62-57b3015272bc", 1, (0.32, 18.592875, UPPER), (0.32, 18.592875, UPPER)),
            (
                2,
                "e171e35d-e7d5-4bc3-9467-16186ea7f37b",
                2,
                (5.52, 6.02, "Yep."),
                (7.095, 17.566313, "I said it before and I'll say it again. " + LIFE),
            ),
            (3, "5d5d60ea-c711-4ca1-822f-6427d7227119", 1, (0.32, 18.575, LOWER), (0.32, 18.575, LOWER)),
            (
                4,
                "b9c2dec0-9239-4d80-8a53-75bb357a05b1",
                2,
                (5.52, 8.96, "Yep. I said it before, and I'll say it again."),
                (10.071313, 15.511313, LIFE),
            ),
            (5, "e33264a5-a72f-486f-99a1-85c630fa0191", 1, (0.32, 18.592875, UPPER), (0.32, 18.592875, UPPER)),
            (
                6,
                "87b489fa-8fec-4782-9428-8f45f1c0601e",
                2,
                (5.52, 6.02, "Yep."),
                (7.095, 17.566313, "I said it before and I'll say it again. " + LIFE),
            ),
            (7, "3cba8b9c-fb4b-4938-8324-5c50ffa2a946", 1, (0.32, 18.575, LOWER), (0.32, 18.575, LOWER)),
        ]
    },
    "whisper_json/_deepgram_hosted_whisper.json": (
        [],
        Facts(
            "9e213b5c-cf78-4c95-bb5d-bb1ca65f26a1",
            "uuu",
            (0.06, 3.42, "yeah as much as it's worth celebrating"),
            (
                13.78,
                25.56,
                "and i think if it signifies anything it is to honor the women who came before us who were skilled and "
                "qualified and didn't get the same opportunities that we have today",
            ),
            channel="call",
        ),
    ),
    "speechmatics/batch-job-transcript.json": (
        [],
        Facts("p8t3dcrign", "uuuuu", (1.41, 2.37, "Tidy things up."), (11.74, 12.3, "Whyalla."), channel="call"),
    ),
    "speechmatics/entity.json": (
        ["S1=agent"],
        Facts("entity", "a", *[(8.441504, 10.169486, "$2.05.")] * 2, channel="call"),
    ),
    "speechmatics/punctuation.json": (
        [],
        Facts("punctuation", "u", *[(0.0, 0.8, "Yes, *great for-sure & stuff")] * 2, channel="call"),
    ),
    "speechmatics/simple_case.json": (
        [],
        Facts("simple_case", "u", *[(0.03, 2.04, "That's amazing.")] * 2, channel="call"),
    ),
    "speechmatics/two_speakers.json": (
        ["S1=agent", "S2=customer"],
        Facts("two_speakers", "ac", (0.03, 2.04, "That's amazing."), (3.0, 3.2, "I know"), channel="call"),
    ),
    "speechmatics/legacy_v1_ted.json": (
        ["F4=agent", "F3=customer", "F2=other"],
        Facts(
            "11055456",
            "aaaccccaaaaaaaaaaacccaaacccaaaaaaaacccccccaaaccco",
            (
                13.05,
                19.53,
                "There was a day about 10 years ago when I asked a friend to hold a baby dinosaur robot upside down.",
            ),
            (705.53, 705.92, "Thank you."),
            channel="call",
        ),
    ),
    "kaldi_bbc/withSpeakers.json": (
        ["S12=agent", "S10=customer"],
        Facts(
            "octo:2692ea33-d595-41d8-bfd5-aa7f2d2f89ee",
            "aaaccccaaaaaaccaacccaaaaaaaacaccccc",
            (
                13.02,
                19.58,
                "There is a day. About ten years ago when I asked a friend to hold a baby dinosaur robot upside down.",
            ),
            (
                698.23,
                704.34,
                "Those robots aren't just motors in years and a groom's. Their reflections of our own humanity.",
            ),
            channel="call",
        ),
    ),
    "harper_valley/0002f70f7386445b.transcript.json": (
        [],
        Facts(
            "0002f70f7386445b",
            "aaaccccaccaccacacc",
            (3.72, 6.39, "hello this is harper valley national bank"),
            (50.19, 50.61, "[noise]"),
            started_at="2020-06-02T00:13:03.191000+00:00",
            agent_id="46",
            customer_id="44",
            channel="call",
        ),
    ),
}
# Long turns by their start and end: name → (roles, id, speakers, start, first words, end, last words).
LONG: dict[str, tuple[list[str], str, str, float, str, float, str]] = {
    "assemblyai/assemblyai-sample.json": (
        [],
        "5936415",
        "u",
        0.0,
        "Movements that people automatically",
        18.08,
        "touch a robot private parts.",
    ),
    "assemblyai/assemblyai-speakers-sample.json": (
        ["A=agent"],
        "z0et8fpvu-b4bd-4fc1-8299-7c6602645393",
        "a",
        0.0,
        "Good day, everyone.",
        101.18,
        "we.",
    ),
    "assemblyai/assemblyai_transcription.json": (
        ["speaker:A=customer"],
        "6a9zvzyx8u-f8fd-4bf4-9614-9497d76c6891",
        "c",
        0.17,
        "Yeah. As much as it's worth",
        25.14,
        "that we have today.",
    ),
    "rev_ai/node_transcript.json": (
        ["0=agent"],
        "node_transcript",
        "aa",
        0.3,
        "Hi, my name's Jack resinger. And I'm gonna",
        106.33,
        ".",
    ),
}
NO_TURNS = "speechmatics/empty.json"
METADATA = "harper_valley/0002f70f7386445b.metadata.json"


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    roles, expected = OPEN[name]
    (contact,), rejects = read(shared / "formats" / "open" / name, roles=roles)
    assert rejects == []
    assert facts(contact) == expected


@pytest.mark.shared
@pytest.mark.parametrize("name", LONG)
def test_real_files_of_long_turns(shared: Path, name: str) -> None:
    roles, id, speakers, start, first, end, last = LONG[name]
    (contact,), rejects = read(shared / "formats" / "open" / name, roles=roles)
    assert rejects == []
    told = facts(contact)
    assert (told.id, told.speakers, told.first[0], told.last[1]) == (id, speakers, start, end)
    assert told.first[2].startswith(first)
    assert told.last[2].endswith(last)


@pytest.mark.shared
@pytest.mark.parametrize("name", [name for name, (roles, _) in OPEN.items() if roles])
def test_no_role_is_made_up_in_real_files(shared: Path, name: str) -> None:
    (contact,), _ = read(shared / "formats" / "open" / name)
    assert {turn.speaker for turn in contact.turns} == {"unknown"}


@pytest.mark.shared
def test_what_has_no_words_in_real_files(shared: Path) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / NO_TURNS)
    assert (contact.id, contact.turns, rejects) == ("empty", (), [])
    found, (reject,) = read(shared / "formats" / "open" / METADATA)
    assert (found, reject.code) == ([], "companion")


@pytest.mark.shared
def test_every_sample_is_claimed_by_its_own_format_only(shared: Path) -> None:
    folders = {
        "deepgram": "deepgram",
        "assemblyai": "assemblyai",
        "rev_ai": "revai",
        "speechmatics": "speechmatics",
        "kaldi_bbc": "bbc-kaldi",
        "harper_valley": "harper-valley",
    }
    others = {
        "whisper_json/_deepgram_hosted_whisper.json": "deepgram",
        "speechmatics/legacy_v1_ted.json": "speechmatics-legacy",
    }
    documents = open_documents(shared)
    assert {*OPEN, *LONG, NO_TURNS, METADATA} <= set(documents)
    for name, document in documents.items():
        expected = others.get(name, folders.get(name.split("/")[0]))
        claimed = [known.name for known in FORMATS.values() if known.detect(document)]
        assert claimed == ([expected] if expected else []), name
        found = find_format(document, ReadOptions())
        assert (found.name if found and found.name in FORMATS else None) == expected, name


# Deepgram


def dg_word(text: str, start: float, **more: object) -> dict[str, Any]:
    return {"word": text.strip(",.").lower(), "punctuated_word": text, "start": start, "end": start + 0.3, **more}


def dg(*channels: list[dict[str, Any]], **results: object) -> dict[str, Any]:
    found = [{"alternatives": [{"transcript": "NEVER THIS", "words": words}]} for words in channels]
    return {"metadata": {"request_id": "r-1", "duration": 9.5}, "results": {"channels": found, **results}}


def test_deepgram_channels_are_people_and_come_in_order_of_time(tmp_path: Path) -> None:
    document = dg(
        [dg_word("Hello.", 0.2), dg_word("Bye.", 6)], [dg_word("Hi,", 1), dg_word("I", 1.4), dg_word("called.", 1.8)]
    )
    contact = one(tmp_path, document, roles=["channel:0=agent", "channel:1=customer"])
    assert said(contact) == [("a", "Hello.", 0.2, 0.5), ("c", "Hi, I called.", 1.0, 2.1), ("a", "Bye.", 6.0, 6.3)]
    assert labels(contact) == {"channel:0": 2, "channel:1": 1}
    assert (contact.id, contact.warnings, dict(contact.attrs)) == ("r-1", (), {"duration_s": 9.5})


def test_deepgram_speakers_of_two_channels_are_told_apart(tmp_path: Path) -> None:
    document = dg([dg_word("a", 0, speaker=0)], [dg_word("b", 1, speaker=0), dg_word("c", 2, speaker=1)])
    contact = one(tmp_path, document, roles=["channel:0=agent"])
    assert labels(contact) == {"channel:0 speaker:0": 1, "channel:1 speaker:0": 1, "1": 1}
    assert [turn.speaker for turn in contact.turns] == ["agent", "unknown", "unknown"]


def test_deepgram_utterances_come_before_words_unless_they_are_empty(tmp_path: Path) -> None:
    utterance = {"start": 1.5, "end": 2, "channel": 0, "speaker": 1, "transcript": "Hello there."}
    words = [dg_word("Other.", 0)]
    contact = one(tmp_path, dg(words, utterances=[utterance, {**utterance, "transcript": ""}]))
    assert (said(contact), contact.dropped_turns) == ([("u", "Hello there.", 1.5, 2.0)], 1)
    assert said(one(tmp_path, dg(words, utterances=[])))[0][1] == "Other."
    assert said(one(tmp_path, dg(words, utterances=None)))[0][1] == "Other."


def test_deepgram_without_words_has_its_paragraphs_or_its_text(tmp_path: Path) -> None:
    paragraph = {"speaker": 0, "start": 1, "end": 3, "sentences": [{"text": "One."}, {"text": "Two."}]}
    best: dict[str, Any] = {"transcript": "One. Two.", "paragraphs": {"paragraphs": [paragraph]}}
    document: dict[str, Any] = {
        "results": {"channels": [{"detected_language": "de", "alternatives": [best]}, {"alternatives": []}]}
    }
    contact = one(tmp_path, document)
    assert (said(contact), labels(contact)) == ([("u", "One. Two.", 1.0, 3.0)], {"0": 1})
    assert contact.attrs["language"] == "de"
    del best["paragraphs"]
    assert said(one(tmp_path, document)) == [("u", "One. Two.", None, None)]


def test_deepgram_mono_without_speakers_says_so(tmp_path: Path) -> None:
    contact = one(tmp_path, dg([dg_word("Hello", 0)]))
    assert labels(contact) == {"": 1}
    assert any("not told apart" in warning for warning in contact.warnings)


# AssemblyAI


def aai(**fields: object) -> dict[str, Any]:
    return {"id": "t-1", "status": "completed", "audio_url": "u", "words": None, "text": "NEVER THIS", **fields}


def aai_word(text: str, start: int, speaker: object = None, **more: object) -> dict[str, Any]:
    return {"text": text, "start": start, "end": start + 300, "speaker": speaker, **more}


def test_assemblyai_times_are_milliseconds_but_not_the_duration(tmp_path: Path) -> None:
    document = aai(
        utterances=[aai_word("Hello.", 1500, "A"), aai_word("Hi.", 2000, "B")], audio_duration=12, language_code="en_us"
    )
    contact = one(tmp_path, document, roles=["A=agent", "B=customer"])
    assert said(contact) == [("a", "Hello.", 1.5, 1.8), ("c", "Hi.", 2.0, 2.3)]
    assert dict(contact.attrs) == {"language": "en_us", "duration_s": 12.0}


def test_assemblyai_words_take_the_place_of_utterances(tmp_path: Path) -> None:
    spoken = [
        aai_word("So,", 0, "A"),
        aai_word("hi.", 400, "A"),
        aai_word("Yes?", 800, "B"),
        aai_word("No.", 3000, "B"),
    ]
    contact = one(tmp_path, aai(words=spoken, utterances=None))
    assert said(contact) == [("u", "So, hi.", 0.0, 0.7), ("u", "Yes?", 0.8, 1.1), ("u", "No.", 3.0, 3.3)]
    assert labels(contact) == {"A": 1, "B": 2}


def test_assemblyai_channels(tmp_path: Path) -> None:
    spoken = [
        aai_word("Hello", 0, None, channel="1"),
        aai_word("um", 100, None, channel="2"),
        aai_word("there.", 400, None, channel="1"),
    ]
    contact = one(tmp_path, aai(words=spoken, dual_channel=True), roles=["channel:1=agent", "2=customer"])
    assert said(contact) == [("a", "Hello there.", 0.0, 0.7), ("c", "um", 0.1, 0.4)]
    named = [aai_word("Hello", 0, "1A", channel="1"), aai_word("Hi", 900, "2A", channel="2")]
    contact = one(tmp_path, aai(utterances=named, words=[]), roles=["channel:2=customer"])
    assert (labels(contact), contact.turns[1].speaker) == ({"1A": 1, "2A": 1}, "customer")


@pytest.mark.parametrize("key", ["sentences", "paragraphs"])
def test_assemblyai_sentences_and_paragraphs(tmp_path: Path, key: str) -> None:
    item = {**aai_word("Hello there.", 900, "A"), "words": [aai_word("Hello", 900, "A")]}
    contact = one(tmp_path, {key: [item], "id": "t-2", "confidence": 0.9, "audio_duration": 3.0})
    assert (contact.id, contact.format, said(contact)) == ("t-2", "assemblyai", [("u", "Hello there.", 0.9, 1.2)])


@pytest.mark.parametrize("status", ["error", "queued", "processing"])
def test_assemblyai_that_is_not_done_is_refused(tmp_path: Path, status: str) -> None:
    reject = refused(tmp_path, aai(status=status, error="Download failed for jane@mail.com"))
    assert reject.code == "no_words"
    assert "jane" not in reject.message


# Rev.ai


def rev(*values: str) -> list[dict[str, Any]]:
    return [
        {"type": "text", "value": value, "ts": 1 + place, "end_ts": 1.5 + place}
        if value.isalnum()
        else {"type": "punct", "value": value}
        for place, value in enumerate(values)
    ]


def test_revai_elements_are_joined_as_they_stand(tmp_path: Path) -> None:
    document = {
        "monologues": [
            {"speaker": 0, "elements": rev("Hi", ",", " ", "it", "'", "s", " ", "me", ".")},
            {"speaker": 0, "elements": rev("Again", ".")},
            {"speaker": 1, "speaker_info": {"id": "x", "display_name": "Ana"}, "elements": rev("Yes", ".")},
            {"speaker": 1, "elements": []},
        ]
    }
    contact = one(tmp_path, document, roles=["0=customer", "ana=agent"])
    assert said(contact) == [("c", "Hi, it's me.", 1.0, 8.5), ("c", "Again.", 1.0, 1.5), ("a", "Yes.", 1.0, 1.5)]
    assert contact.dropped_turns == 1


def test_revai_without_punctuation_gets_its_spaces(tmp_path: Path) -> None:
    contact = one(tmp_path, {"monologues": [{"speaker": 1, "elements": rev("hello", "world")}]})
    assert contact.turns[0].text == "hello world"


def test_rev_of_people_has_clock_times_and_names(tmp_path: Path) -> None:
    element = {"type": "text", "value": "Good morning", "timestamp": "00:01:02,500", "end_timestamp": "00:01:03,250"}
    document = {
        "speakers": [{"id": 1, "name": "Ana"}],
        "monologues": [{"speaker": 1, "elements": [element, {"type": "tag", "name": "laugh"}]}],
    }
    assert said(one(tmp_path, document, roles=["Ana=agent"])) == [("a", "Good morning", 62.5, 63.25)]


# Speechmatics


def sm_item(content: str, start: float, speaker: object = "S1", kind: str = "word", **more: object) -> dict[str, Any]:
    best = {"content": content, "speaker": speaker, "language": "en"}
    length = 0.0 if kind == "punctuation" else 0.4
    return {"type": kind, "start_time": start, "end_time": start + length, "alternatives": [best], **more}


def sm(*items: dict[str, Any], delimiter: object = " ", language: str = "en") -> dict[str, Any]:
    return {
        "format": "2.9",
        "job": {"id": "j-1", "duration": 20},
        "metadata": {
            "type": "transcription",
            "transcription_config": {"language": language},
            "language_pack_info": {"word_delimiter": delimiter},
        },
        "results": list(items),
    }


def test_speechmatics_marks_stay_with_the_word_before(tmp_path: Path) -> None:
    document = sm(
        sm_item("Hello", 0),
        sm_item(".", 0.4, "S2", "punctuation", attaches_to="previous", is_eos=True),
        sm_item("Hi", 0.5, "S2"),
        sm_item("?", 0.9, "S2", "punctuation"),
    )
    contact = one(tmp_path, document, roles=["S1=agent", "S2=customer"])
    assert said(contact) == [("a", "Hello.", 0.0, 0.4), ("c", "Hi?", 0.5, 0.9)]
    assert (contact.id, dict(contact.attrs)) == ("j-1", {"language": "en", "duration_s": 20.0})


@pytest.mark.parametrize(
    ("delimiter", "language", "text"),
    [
        (" ", "en", "one two"),
        ("", "en", "one two"),
        (None, "en", "one two"),
        ("", "cmn", "onetwo"),
        ("", "ja", "onetwo"),
        (7, "", "one two"),
    ],
)
def test_speechmatics_delimiter(tmp_path: Path, delimiter: object, language: str, text: str) -> None:
    contact = one(tmp_path, sm(sm_item("one", 0), sm_item("two", 0.4), delimiter=delimiter, language=language))
    assert contact.turns[0].text == text


def test_speechmatics_unknown_speaker_is_nobody_unless_declared(tmp_path: Path) -> None:
    document = sm(sm_item("one", 0, "UU"), sm_item("two", 0.5, "S1"))
    contact = one(tmp_path, document, roles=["S1=agent"])
    assert (labels(contact), said(contact)[0][0]) == ({"": 1, "S1": 1}, "u")
    assert said(one(tmp_path, document, roles=["UU=customer"]))[0][0] == "c"


def test_speechmatics_channels_have_names(tmp_path: Path) -> None:
    items = [
        sm_item("Hello", 0, None, channel="Agent"),
        sm_item("uh", 0.1, None, channel="Caller"),
        sm_item("there", 0.5, None, channel="Agent"),
    ]
    contact = one(tmp_path, sm(*items), roles=["caller=customer"])
    assert said(contact) == [("a", "Hello there", 0.0, 0.9), ("c", "uh", 0.1, 0.5)]
    assert contact.parties[0].source == "label"  # the vendor was told the channel's name


def test_speechmatics_change_of_speaker_without_names(tmp_path: Path) -> None:
    change = {"type": "speaker_change", "start_time": 0.4, "end_time": 0.4, "score": 1}
    contact = one(tmp_path, sm(sm_item("one", 0, None), change, sm_item("two", 0.4, None)))
    assert [turn.text for turn in contact.turns] == ["one", "two"]


def test_speechmatics_legacy(tmp_path: Path) -> None:
    spoken = [("Hello", "0.10", "0.40"), (".", "0.50", "0.90"), ("Hi", "1.50", "0.20"), ("there", "1.70", "0.30")]
    document = {
        "format": "1.0",
        "job": {"id": 7, "lang": "en", "duration": 3},
        "speakers": [
            {"name": "M1", "time": "0.00", "duration": "1.40"},
            {"name": "UU", "time": "1.40", "duration": "9.00"},
            {"name": "F1", "time": "1.45", "duration": "1.00"},
        ],
        "words": [{"name": name, "time": time, "duration": long, "confidence": "1.0"} for name, time, long in spoken],
    }
    contact = one(tmp_path, document, roles=["M1=agent", "F1=customer"])
    assert said(contact) == [("a", "Hello.", 0.1, 0.5), ("c", "Hi there", 1.5, 2.0)]
    assert contact.id == "7"


# BBC Kaldi


def test_bbc_kaldi(tmp_path: Path) -> None:
    inner = {
        "wonid": "octo:1",
        "punct": "NEVER THIS",
        "words": [
            {"word": "hello", "punct": "Hello.", "start": 1.0, "end": 1.4},
            {"word": "yes", "punct": "Yes", "start": 1.6, "end": 1.9},
            {"word": "far", "start": 9.0, "end": 9.2},
        ],
        "segmentation": {
            "segments": [
                {"start": 0.5, "duration": 1.0, "speaker": {"@id": "S0", "gender": "F"}},
                {"start": 1.5, "duration": 1.0, "speaker": {"@id": "S1"}},
            ]
        },
    }
    for document in ({"action": "audio-transcribe", "retval": inner}, inner):
        contact = one(tmp_path, document)
        assert said(contact) == [("u", "Hello.", 1.0, 1.4), ("u", "Yes", 1.6, 1.9), ("u", "far", 9.0, 9.2)]
        assert (contact.id, labels(contact)) == ("octo:1", {"S0": 1, "S1": 1, "": 1})


# HarperValleyBank

SID = "00112233aabbccdd"


def hv(role: str, offset: int, human: str | None = "hello", **more: object) -> dict[str, Any]:
    return {
        "speaker_role": role,
        "offset_ms": offset,
        "start_ms": 1,
        "duration_ms": 500,
        "channel_index": 2 if role == "agent" else 1,
        "human_transcript": human,
        "transcript": "heard",
        **more,
    }


METADATA_OF_CALL = {
    "sid": SID,
    "start_time_ms": 1591056783191,
    "agent": {"speaker_id": 46, "metadata": {"agent_name": "Zoe"}},
    "caller": {
        "speaker_id": 44,
        "survey_response": {"data": {"partner_rating": "9"}},
        "metadata": {"first and last name": "Jo Doe"},
    },
    "tasks": [{"task_type": "order checks"}],
}


def without_human() -> list[dict[str, Any]]:
    second = hv("caller", 900)
    del second["human_transcript"]
    return [hv("agent", 100), second, hv("bank", 2000, None)]


@pytest.mark.parametrize("layout", ["beside", "folder"])
def test_harper_valley_with_its_metadata(tmp_path: Path, layout: str) -> None:
    if layout == "beside":
        transcript, metadata = tmp_path / f"{SID}.transcript.json", tmp_path / f"{SID}.metadata.json"
    else:
        transcript, metadata = tmp_path / "transcript" / f"{SID}.json", tmp_path / "metadata" / f"{SID}.json"
    for path, document in ((transcript, without_human()), (metadata, METADATA_OF_CALL)):
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
    (contact,), rejects = read(transcript)
    assert said(contact) == [("a", "hello", 0.1, 0.6), ("c", "heard", 0.9, 1.4), ("u", "heard", 2.0, 2.5)]
    assert (contact.id, contact.agent_id, contact.customer_id, rejects) == (SID, "46", "44", [])
    assert contact.started_at == "2020-06-02T00:13:03.191000+00:00"
    assert dict(contact.attrs) == {"rating": 9.0, "rating_scale": "1-10", "tasks": "order checks"}
    found, (reject,) = read(metadata)
    assert (found, reject.code) == ([], "companion")
    assert read(metadata, transcript)[1] == []  # beside the call that it is read with it is no reject
    transcript.unlink()
    assert read(metadata)[1][0].code == "no_words"


def test_harper_valley_without_its_metadata_is_called_by_its_file(tmp_path: Path) -> None:
    contact = one(tmp_path, [hv("agent", 0)], name=f"{SID}.transcript.json")
    assert (contact.id, contact.agent_id, contact.warnings) == (SID, None, ())
    contact = one(tmp_path, [hv("agent", 0)], name="other.json")
    assert (contact.id, len(contact.warnings)) == ("other", 1)


def test_harper_valley_of_a_long_name_has_no_metadata(tmp_path: Path) -> None:
    assert len(one(tmp_path, [hv("agent", 0)], name=f"{'x' * 245}.json").turns) == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"sid": 7}', "[" * 100_000])
def test_harper_valley_metadata_that_is_none_harms_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / f"{SID}.metadata.json").write_text(text)
    contact = one(tmp_path, [hv("agent", 0)], name=f"{SID}.transcript.json")
    assert (contact.id, contact.agent_id, len(contact.turns)) == (SID, None, 1)


@pytest.mark.shared
def test_harper_valley_finds_its_metadata_as_a_copy_too(shared: Path, tmp_path: Path) -> None:
    for name in ("transcript", "metadata"):
        shutil.copy(shared / "formats" / "open" / "harper_valley" / f"0002f70f7386445b.{name}.json", tmp_path)
    (contact,), _ = read(tmp_path / "0002f70f7386445b.transcript.json")
    assert (contact.agent_id, contact.attrs["rating"], contact.attrs["tasks"]) == ("46", 10.0, "replace card")


# Whatever stands in them

WHOLE: dict[str, list[Any]] = {
    "deepgram": [
        dg([dg_word("Hello.", 0, speaker=0)], [dg_word("Hi.", 1, speaker=0)]),
        dg([], utterances=[{"start": 1, "end": 2, "channel": 0, "speaker": 1, "transcript": "Hello."}]),
        {
            "results": {
                "channels": [
                    {
                        "alternatives": [
                            {"paragraphs": {"paragraphs": [{"speaker": 0, "sentences": [{"text": "One."}]}]}}
                        ]
                    }
                ]
            }
        },
    ],
    "assemblyai": [
        aai(words=[aai_word("So,", 0, "A", channel="1"), aai_word("hi.", 400, "B", channel="2")]),
        aai(utterances=[aai_word("Hello.", 1500, "A"), aai_word("Hi.", 2000, "B")], audio_duration=12),
    ],
    "revai": [
        {
            "speakers": [{"id": 0, "name": "Ana"}],
            "monologues": [
                {"speaker": 0, "speaker_info": {"display_name": "A"}, "elements": rev("Hi", ",", " ", "me")}
            ],
        }
    ],
    "speechmatics": [
        sm(
            sm_item("Hello", 0, channel="1"),
            sm_item(".", 0.4, "S2", "punctuation", attaches_to="previous"),
            sm_item("Hi", 3.5, "UU", channel="2"),
        )
    ],
    "speechmatics-legacy": [
        {
            "format": "1.0",
            "job": {"id": 7},
            "speakers": [{"name": "M1", "time": "0.00", "duration": "1.40"}],
            "words": [
                {"name": "Hello", "time": "0.1", "duration": "0.3"},
                {"name": ".", "time": "0.4", "duration": "0.3"},
            ],
        }
    ],
    "bbc-kaldi": [
        {
            "retval": {
                "wonid": "o",
                "words": [{"word": "hello", "punct": "Hello.", "start": 1.0, "end": 1.4}],
                "segmentation": {"segments": [{"start": 0.5, "duration": 1.0, "speaker": {"@id": "S0"}}]},
            }
        }
    ],
    "harper-valley": [without_human()],
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


def nested(depth: int, wrap: Callable[[object], object]) -> object:
    document: object = 1
    for _ in range(depth):
        document = wrap(document)
    return document


@pytest.mark.parametrize("key", ["results", "monologues", "retval", "words", "segmentation"])
def test_deep_documents_are_answered(key: str) -> None:
    for document in (nested(5000, lambda inner: {key: inner}), nested(5000, lambda inner: [inner])):
        assert not [known.name for known in FORMATS.values() if known.detect(document)]
