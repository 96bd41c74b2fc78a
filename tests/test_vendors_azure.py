import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junk import JSON, junked
from reading import Facts, facts, one, read, told
from speech_junk import check_samples, check_survives, items, named, under

from cxsentiment.ingest.catalogue import DOCUMENT_FORMATS
from cxsentiment.schema import Transcript

FAMILY = [known for known in DOCUMENT_FORMATS if known.facts.family == "azure"]
FORMAT_OF = {
    "azure_speech_batch": "azure-speech-batch",
    "azure_conversation_analysis": "azure-conversation-analysis",
    "ms_ckm_convo": "microsoft-knowledge-mining",
}


def mined(identity: str, speakers: str, last: str, agent: str, started: str, client: str) -> Facts:
    first = f"Thank you for calling Woodgrove  IT Helpdesk. My name is {agent}. How can I assist you today?"
    return Facts(identity, speakers, (None, None, first), (None, None, last), started, None, client, "call")


# Read off the files by eye; ../shared/formats/open/<folder>/<file>.
OPEN = {
    "azure_speech_batch/transcriptSample.json": Facts(
        id="transcriptSample",
        speakers="uuu",
        first=(0.04, 2.22, "Run Alabama drivers license."),
        last=(5.4, 7.46, "669"),
        channel="call",
    ),
    "azure_conversation_analysis/Json_input_customer_support.json": Facts(
        id="2b601070-f418-4684-a3f8-e58b48f5d72e",
        speakers="acacacacaaacacaca",
        first=(None, None, "Hello, you’re chatting with Rene. How may I help you?"),
        last=(None, None, "you're welcome! Have a nice day!"),
        channel="call",
    ),
    "ms_ckm_convo/contactcenter_0b7ecd6e.json": mined(
        "0b7ecd6e-f37c-4bcb-8ea5-4b48906d37c0",
        "ac" * 17 + "a",
        "Goodbye, Helena. Take care!",
        "Chris",
        "2025-12-05T02:00:00",
        "10013",
    ),
    "ms_ckm_convo/contactcenter_0b9ac5e7.json": mined(
        "0b9ac5e7-de36-42fd-b65c-80a1991f68ab", "ac" * 15 + "a", "Goodbye!", "Jannie", "2025-12-08T11:00:00", "10010"
    ),
    "ms_ckm_convo/contactcenter_0c9f84ce.json": mined(
        "0c9f84ce-11b3-4ce6-8c00-d1bd49843f94", "ac" * 16 + "a", "Goodbye!", "Daleen", "2025-12-07T02:00:00", "10007"
    ),
    "ms_ckm_convo/contactcenter_0ce4dd06.json": mined(
        "0ce4dd06-2795-4720-8852-31b3fc434158", "ac" * 17, "Goodbye.", "Jannie", "2025-12-09T02:00:00", "10014"
    ),
}
# Files without marks: the whole text is one turn of nobody known. Start, and minutes as the file has them.
UNMARKED = {
    "telecom_32e38683": ("2024-12-07T04:00:00", 12.6),
    "telecom_38fdec6e": ("2024-12-07T17:00:00", 9.83),
    "telecom_44c8a398": ("2024-12-08T08:00:00", 28.48),
    "telecom_52db6950": ("2024-12-05T17:00:00", 14.544),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / name)
    assert rejects == []
    assert facts(contact) == OPEN[name]
    assert contact.format == FORMAT_OF[name.partition("/")[0]]


@pytest.mark.shared
@pytest.mark.parametrize("name", UNMARKED)
def test_real_conversations_without_marks_are_one_turn_of_nobody_known(shared: Path, name: str) -> None:
    path = shared / "formats" / "open" / "ms_ckm_convo" / f"{name}.json"
    (contact,), _ = read(path)
    (turn,) = contact.turns
    assert turn.text == json.loads(path.read_text(encoding="utf-8"))["Content"].strip()
    assert (turn.speaker, contact.started_at) == ("unknown", UNMARKED[name][0])
    assert contact.attrs["duration_s"] == pytest.approx(60 * UNMARKED[name][1])


@pytest.mark.shared
def test_voices_of_a_real_transcription_are_declared(shared: Path) -> None:
    path = shared / "formats" / "open" / "azure_speech_batch" / "transcriptSample.json"
    (contact,), _ = read(path, roles=("1=agent", "speaker:2=customer"))
    assert "".join(turn.speaker[0] for turn in contact.turns) == "aca"
    (contact,), _ = read(path, roles=("channel:0=agent",))
    assert "".join(turn.speaker[0] for turn in contact.turns) == "aaa"


@pytest.mark.shared
def test_each_sample_is_taken_by_its_own_format_only(shared: Path) -> None:
    check_samples(shared / "formats" / "open", "azure", FORMAT_OF)


def times(contact: Transcript) -> list[tuple[float | None, float | None]]:
    return [(turn.start_s, turn.end_s) for turn in contact.turns]


def phrase(text: str, **more: Any) -> dict[str, Any]:
    best = [{"confidence": 0.9, "display": text, "lexical": text.lower()}, {"display": "no"}]
    return {"recognitionStatus": "Success", "nBest": best, **more}


def batch(
    *phrases: dict[str, Any], source: object = "https://acme.blob.core.windows.net/calls/2024/c%2017.wav?sv=1&sig=x"
) -> dict[str, Any]:
    return {
        "source": source,
        "timestamp": "2024-06-26T15:18:35Z",
        "durationInTicks": 1,
        "combinedRecognizedPhrases": [{"channel": 0, "display": "All of it again."}],
        "recognizedPhrases": list(phrases),
    }


def test_channels_of_a_batch_are_put_in_the_order_of_time(tmp_path: Path) -> None:
    document = batch(
        phrase(
            "Hello.", channel=0, offset="PT0.5S", duration="PT1S", offsetInTicks=5000000.0, durationInTicks=10000000.0
        ),
        phrase("Sure.", channel=0, offset="PT1M4S", duration="PT2S"),
        phrase("Hi, a favour?", channel=1, offset="PT2S", duration="PT1.25S", locale="en-GB"),
        {"recognitionStatus": "Failed", "channel": 1, "offset": "PT9S", "duration": "PT1S"},
    )
    contact = one(tmp_path, document, roles=("channel:0=agent", "1=customer"))
    assert told(contact) == [("agent", "Hello."), ("customer", "Hi, a favour?"), ("agent", "Sure.")]
    assert times(contact) == [(0.5, 1.5), (2.0, 3.25), (64.0, 66.0)]
    assert (contact.id, contact.dropped_turns, contact.attrs["language"]) == ("c 17", 1, "en-GB")
    assert contact.started_at is None  # "timestamp" is when it was transcribed


@pytest.mark.parametrize(
    ("offset", "duration"),
    [
        ({"offsetInTicks": 12000000}, {"durationInTicks": 5000000}),
        ({"offsetTicks": 12000000}, {"durationTicks": 5000000}),
        ({"offsetMilliseconds": 1200}, {"durationMilliseconds": 500}),
        ({"offset": "PT1.2S", "offsetInTicks": None}, {"duration": "PT0.5S"}),
    ],
)
def test_every_spelling_of_a_time_is_read(tmp_path: Path, offset: dict[str, Any], duration: dict[str, Any]) -> None:
    assert times(one(tmp_path, batch(phrase("Yes.", channel=0, **offset, **duration)))) == [(1.2, 1.7)]


def test_keys_in_capitals_are_the_same_keys(tmp_path: Path) -> None:
    best = [{"Display": "", "MaskedITN": "", "ITN": "hello", "Lexical": "hello"}]
    said = {
        "RecognitionStatus": "Success",
        "Channel": 0,
        "Speaker": 1,
        "Offset": "PT0.86S",
        "DurationInTicks": 1e7,
        "NBest": best,
    }
    contact = one(tmp_path, {"Source": "a/b.mp4", "RecognizedPhrases": [said]}, roles=("speaker:1=agent",))
    assert told(contact) == [("agent", "hello")]
    assert (contact.id, times(contact)) == ("b", [(0.86, 1.86)])


def test_text_is_the_first_form_that_is_not_empty(tmp_path: Path) -> None:
    forms = {"display": "", "maskedITN": "", "itn": "four pm", "lexical": "four p m"}
    contact = one(tmp_path, batch({"recognitionStatus": "Success", "channel": 0, "nBest": [forms]}))
    assert told(contact) == [("unknown", "four pm")]


def test_speakers_of_several_channels_are_not_mixed_up(tmp_path: Path) -> None:
    document = batch(phrase("A.", channel=0, speaker=1), phrase("B.", channel=1, speaker=1))
    contact = one(tmp_path, document, roles=("channel:0=agent", "channel:1/speaker:1=customer"))
    assert told(contact) == [("agent", "A."), ("customer", "B.")]


@pytest.mark.parametrize(
    ("source", "identity"),
    [
        ("https://www.contoso.com", "one"),
        ("https://www.contoso.com/", "one"),
        ("C7.wav", "C7"),
        ("https://h/a/b/call-9.mp3#t=1", "call-9"),
        (None, "one"),
        ("http://[", "one"),
    ],
)
def test_a_batch_is_called_by_its_audio(tmp_path: Path, source: object, identity: str) -> None:
    assert one(tmp_path, batch(phrase("Hm."), source=source)).id == identity


def test_a_batch_without_phrases_is_a_contact_with_nothing_to_score(tmp_path: Path) -> None:
    contact = one(tmp_path, batch())
    assert (contact.format, contact.turns) == ("azure-speech-batch", ())


def fast(**first: Any) -> dict[str, Any]:
    return {
        "durationMilliseconds": 9000,
        "combinedPhrases": [{"channel": 0, "text": "Hello. Hi."}],
        "phrases": [
            {"channel": 0, "text": "Hello.", "words": [], "locale": "en-US", "confidence": 0.9} | first,
            {"channel": 1, "offsetMilliseconds": 2500, "durationMilliseconds": 100, "text": "Hi."},
        ],
    }


@pytest.mark.parametrize(
    "first", [{"offsetMilliseconds": 720, "durationMilliseconds": 480}, {"offset": 720, "duration": 480}]
)
def test_fast_transcription_has_milliseconds_in_the_preview_too(tmp_path: Path, first: dict[str, int]) -> None:
    contact = one(tmp_path, fast(**first), roles=("channel:0=agent", "channel:1=customer"))
    assert told(contact) == [("agent", "Hello."), ("customer", "Hi.")]
    assert times(contact) == [(0.72, 1.2), (2.5, 2.6)]
    assert (contact.format, contact.attrs["language"]) == ("azure-speech-fast", "en-US")


def test_fast_transcription_without_its_whole_text_is_known_by_its_times(tmp_path: Path) -> None:
    document = {"phrases": [{"offsetMilliseconds": 40, "durationMilliseconds": 20, "speaker": 0, "text": "Hm."}]}
    contact = one(tmp_path, document)
    assert (contact.format, times(contact), contact.parties[0].label) == (
        "azure-speech-fast",
        [(0.04, 0.06)],
        "speaker:0",
    )


def test_fast_transcription_names_speakers_where_it_tells_them_apart(tmp_path: Path) -> None:
    document = fast(offsetMilliseconds=0, durationMilliseconds=100, speaker=1)
    del document["phrases"][0]["channel"]
    assert [party.label for party in one(tmp_path, document).parties] == ["speaker:1", "channel:1"]


def test_real_time_results_have_ticks(tmp_path: Path) -> None:
    def live(second: float, text: str, speaker: str, **more: Any) -> dict[str, Any]:
        ticks = {"Offset": int(second * 10_000_000), "Duration": 4_000_000}
        return {"RecognitionStatus": "Success", "DisplayText": text, "SpeakerId": speaker, **ticks, **more}

    best = [{"Display": "Hi there.", "Lexical": "hi there"}]
    document = [
        live(1.3, "Hello.", "0", Type="ConversationTranscription"),
        live(2.0, "hi", "Guest-2", Channel=0, NBest=best, RecognitionStatus=0),
        live(3.0, "Er.", "Unknown"),
        {"RecognitionStatus": "InitialSilenceTimeout", "Offset": 50000000, "Duration": 0},
    ]
    contact = one(tmp_path, document, roles=("0=agent", "Guest-2=customer"))
    assert told(contact) == [("agent", "Hello."), ("customer", "Hi there."), ("unknown", "Er.")]
    assert times(contact) == [(1.3, 1.7), (2.0, 2.4), (3.0, 3.4)]
    assert (contact.format, contact.dropped_turns) == ("azure-speech-live", 1)
    assert told(one(tmp_path, {"call": "7", "results": document})) == [("unknown", turn[1]) for turn in told(contact)]


def conversation(identity: str, *talk: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": identity, "language": "en", "modality": "text", "conversationItems": list(talk), **more}


def test_conversation_analysis_has_a_contact_for_each_conversation(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    timing = {"offset": 10000000, "duration": 5000000}
    first = conversation(
        "007",
        {"participantId": "Agent_1", "role": "Agent", "text": "Hello.", "conversationItemLevelTiming": timing},
        {"participantId": "Customer_1", "text": "", "itn": "", "lexical": "hi"},
        {"participantId": "Generic_1", "role": "Generic", "text": "Hm."},
        {"participantId": "Customer", "text": ""},
    )
    document = {"conversations": [first, {"id": "x"}, conversation("8", modality="transcript")]}
    path.write_text(json.dumps(document), encoding="utf-8")
    contacts, (reject,) = read(path, roles=("Customer_1=customer",))
    assert [(contact.id, contact.channel, len(contact.turns)) for contact in contacts] == [
        ("007", "chat", 3),
        ("8", "call", 0),
    ]
    assert told(contacts[0]) == [("agent", "Hello."), ("customer", "hi"), ("unknown", "Hm.")]
    assert times(contacts[0])[0] == (1.0, 1.5)
    assert (reject.code, reject.record) == ("no_turns", 2)


def test_one_conversation_a_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    lines = [conversation(name, {"participantId": "Agent", "text": "Hello."}) for name in ("a", "b")]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert [contact.id for contact in read(path)[0]] == ["a", "b"]


def mining(content: object, **more: Any) -> dict[str, Any]:
    return {"ConversationId": "m-1", "StartTime": "2024-12-07 04:00:00", "EndTime": None, "Content": content, **more}


def test_marks_in_bold_split_a_conversation(tmp_path: Path) -> None:
    content = (
        "## Call\n**A transcript**\n\n**Agent (Jo):** Hello.\nHow can I help?\n\n**Customer**: It **never**: works.\n"
        "**Customer:**\n**Bot:** One moment.\n**Supervisor's aide:** Yes.\n\n---\n**End of call**\n"
    )
    contact = one(tmp_path, mining(content, Duration=2.5, ClientId="undefined"))
    assert told(contact) == [
        ("agent", "Hello.\nHow can I help?"),
        ("customer", "It **never**: works."),
        ("bot", "One moment."),
        ("unknown", "Yes."),
    ]
    assert (contact.dropped_turns, contact.skipped) == (1, {"heading": 4})
    assert (contact.customer_id, contact.started_at, contact.attrs["duration_s"]) == (
        None,
        "2024-12-07T04:00:00",
        150.0,
    )


def test_words_before_the_first_mark_are_kept(tmp_path: Path) -> None:
    contact = one(tmp_path, mining("Call 7\nHello there.\n**Agent:** Hi."))
    assert told(contact) == [("unknown", "Call 7\nHello there."), ("agent", "Hi.")]


def test_marks_without_bold_type_are_the_two_words_only(tmp_path: Path) -> None:
    contact = one(tmp_path, mining("Agent: Hi.\nNote: he waits.\ncustomer: Well: no."))
    assert told(contact) == [("agent", "Hi.\nNote: he waits."), ("customer", "Well: no.")]


SHAPES = [
    (
        "azure-speech-batch",
        batch(phrase("A.", channel=0, speaker=1, offset="PT1S", duration="PT1S"), phrase("B.", channel=1)),
        lambda d: items(under(d, "recognizedPhrases")) + items(under(d, "RecognizedPhrases")),
    ),
    (
        "azure-speech-fast",
        fast(offsetMilliseconds=720, durationMilliseconds=480),
        lambda d: items(under(d, "phrases")),
    ),
    ("azure-speech-live", [{"Offset": 1, "Duration": 2, "DisplayText": "a", "SpeakerId": "0"}] * 2, items),
    (
        "azure-conversation-analysis",
        conversation("1", {"participantId": "Agent", "role": "Agent", "text": "a", "lexical": "a"}),
        lambda d: items(under(d, "conversationItems")),
    ),
    ("microsoft-knowledge-mining", mining("**Agent:** a\n**Customer:** b", Duration=1.5), None),
]


@pytest.mark.parametrize(("name", "document", "count"), SHAPES, ids=[shape[0] for shape in SHAPES])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_any_field_loses_no_entry(name: str, document: Any, count: Any, data: st.DataObject) -> None:
    assert named(name).detect(document)
    check_survives(name, data.draw(junked(document)), count)


@settings(max_examples=60, deadline=None)
@given(
    content=st.lists(st.sampled_from(["**Agent:**", "**", ":", "a", " ", "\n", "#", "---", "Customer:"]), max_size=12)
)
def test_no_word_of_a_conversation_is_lost_however_it_is_marked(content: list[str]) -> None:
    (contact,) = named("microsoft-knowledge-mining").read(mining("".join(content)), None)  # type: ignore[arg-type]
    kept = "".join(f"{entry.label}{entry.text}" for entry in contact.entries)  # type: ignore[union-attr]
    headings = contact.skipped["heading"]  # type: ignore[union-attr]
    assert kept.count("a") == content.count("a") or headings


@settings(max_examples=60, deadline=None)
@given(document=JSON)
def test_any_json_value_gets_an_answer(document: object) -> None:
    for known in FAMILY:
        assert known.detect(document) in (True, False)
        check_survives(known.name, document, None)
