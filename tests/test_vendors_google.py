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

FAMILY = [known for known in DOCUMENT_FORMATS if known.facts.family == "google"]
FORMAT_OF = {"google_stt": "google-speech", "google_ccai_conversation": "google-ccai"}


@pytest.mark.shared
def test_a_real_upload(shared: Path) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / "google_ccai_conversation" / "readme_example.json")
    assert rejects == []
    assert facts(contact) == Facts(
        id="readme_example",
        speakers="acac",
        first=(0.0, None, "Hello, what can I assist you with?"),
        last=(
            87.0,
            None,
            "I have not been able to connect to my account. I cannot log into my account. I cannot access my account. "
            "I do not know what to do to fix my account.",
        ),
        started_at="2023-02-07T23:40:29+00:00",
    )
    assert contact.role_source == "format"


@pytest.mark.shared
def test_a_real_transcription_without_speakers_has_a_turn_for_each_result(shared: Path) -> None:
    path = shared / "formats" / "open" / "google_stt" / "gcpStt.sample.json"
    (contact,), _ = read(path)
    assert facts(contact) == Facts(
        id="gcpStt.sample",
        speakers="u" * 57,
        first=(
            12.9,
            19.6,
            "there was a day about 10 years ago when I asked a friend to hold a baby dinosaur robot upside down",
        ),
        last=(705.4, 706.0, "thank you"),
        channel="call",
    )
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    assert [turn.text for turn in contact.turns] == [each["alternatives"][0]["transcript"].strip() for each in results]


@pytest.mark.shared
def test_a_real_diarized_transcription_has_the_words_of_its_last_result_once(shared: Path) -> None:
    path = shared / "formats" / "open" / "google_stt" / "gcpSttSpeakerDiarization.sample.json"
    (contact,), _ = read(path, roles=("speaker:2=agent", "1=customer"))
    # 788 words of speaker 2, 2 of speaker 1, 976 of speaker 2: all 1,766 of the last result and none of the others.
    assert [len(turn.text.split()) for turn in contact.turns] == [788, 2, 976]
    assert [(turn.speaker, turn.start_s, turn.end_s) for turn in contact.turns] == [
        ("agent", 12.9, 319.1),
        ("customer", 321.3, 322.0),
        ("agent", 322.0, 706.0),
    ]
    assert contact.turns[1].text == "I'm sure"
    assert contact.attrs["language"] == "en-us"
    assert [turn.speaker for turn in read(path)[0][0].turns] == ["unknown"] * 3


@pytest.mark.shared
def test_each_sample_is_taken_by_its_own_format_only(shared: Path) -> None:
    check_samples(shared / "formats" / "open", "google", FORMAT_OF)


def word(text: str, start: str | None, end: str, **more: Any) -> dict[str, Any]:
    """A word of v1 with times as REST writes them."""
    return {"word": text, "endTime": end, **({"startTime": start} if start else {}), **more}


def result(text: str, *words: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "alternatives": [{"transcript": text, "confidence": 0.9, "words": list(words)}, {"transcript": "no"}],
        **more,
    }


def test_words_of_the_first_version_are_taken_from_the_last_result_once() -> None:
    first = result("Good day", word("Good", "0s", "0.400s"), word("day", "0.400s", "1s"))
    second = result("hello", word("hello", "2s", "2.500s"))
    last = result(
        "",
        word("Good", "0s", "0.400s", speakerTag=1),
        word("day.", "0.400s", "1s", speakerTag=1),
        word("Hello.", "2s", "2.500s", speakerTag=2),
    )
    (contact,) = named("google-speech").read({"results": [first, second, last]}, None)  # type: ignore[arg-type]
    assert [(e.text, e.label, e.start, e.end) for e in contact.entries] == [  # type: ignore[union-attr]
        ("Good day.", "speaker:1", 0.0, 1.0),
        ("Hello.", "speaker:2", 2.0, 2.5),
    ]


@pytest.mark.parametrize("timed", [True, False])
def test_results_that_repeat_all_words_so_far_are_told_by_their_start_or_their_words(timed: bool) -> None:
    def tagged(text: str, second: int, tag: int) -> dict[str, Any]:
        found = word(text, f"{second}s", f"{second + 1}s", speakerTag=tag)
        return found if timed else {"word": text, "speakerTag": tag}

    growing = [
        result("Good day", tagged("Good", 0, 1), tagged("day", 1, 1)),
        result("Yes", tagged("Good", 0, 1), tagged("day", 1, 1), tagged("Yes", 3, 2)),
    ]
    (contact,) = named("google-speech").read({"results": growing}, None)  # type: ignore[arg-type]
    assert [e.text for e in contact.entries] == ["Good day", "Yes"]  # type: ignore[union-attr]


def test_results_of_version_two_each_have_their_own_words(tmp_path: Path) -> None:
    def said(text: str, start: str | None, end: str, speaker: str) -> dict[str, Any]:
        found = {"word": text, "endOffset": end, "speakerLabel": speaker}
        return found | ({"startOffset": start} if start else {})

    document = {
        "results": [
            result("Good day.", said("Good", None, "0.4s", "1"), said("day.", "0.4s", "1s", "1"), languageCode="en-gb"),
            result("So. Yes?", said("So.", "2s", "2.5s", "1"), said("Yes?", "3s", "3.5s", "2"), resultEndOffset="4s"),
            {"resultEndOffset": "9s", "languageCode": "en-gb"},
        ],
        "metadata": {"totalBilledDuration": "9s"},
    }
    contact = one(tmp_path, document, roles=("speaker:1=agent", "2=customer"))
    assert told(contact) == [("agent", "Good day. So."), ("customer", "Yes?")]
    assert [(turn.start_s, turn.end_s) for turn in contact.turns] == [(0.0, 2.5), (3.0, 3.5)]
    assert contact.attrs["language"] == "en-gb"


def test_channels_are_turns_by_result_in_the_order_of_time(tmp_path: Path) -> None:
    document = {
        "name": "operations/5",
        "done": True,
        "response": {
            "@type": "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeResponse",
            "results": [
                result("hello", word("hello", "0.500s", "1s"), channelTag=1),
                result("not yet", word("not", "5s", "5.200s"), word("yet", "5.200s", "5.600s"), channelTag=1),
                result("has it come", word("has", "2s", "2.200s"), word("come", "2.200s", "3s"), channelTag=2),
                {"alternatives": [{}], "channelTag": 2, "resultEndTime": "9s"},
            ],
        },
    }
    contact = one(tmp_path, document, roles=("channel:1=customer", "channel:2=agent"))
    assert told(contact) == [("customer", "hello"), ("agent", "has it come"), ("customer", "not yet")]
    assert contact.dropped_turns == 1


@pytest.mark.parametrize(
    "time",
    [{"seconds": "12", "nanos": 900000000}, {"seconds": 12, "nanos": 900000000}, "12.900s", "12.9s"],
)
def test_durations_of_every_client_are_read(tmp_path: Path, time: object) -> None:
    words = [{"word": "hm", "start_time": time, "end_time": {"seconds": "13"}, "speaker_tag": 1}]
    contact = one(tmp_path, {"results": [{"alternatives": [{"transcript": "hm", "words": words}]}]})
    assert [(turn.start_s, turn.end_s) for turn in contact.turns] == [(12.9, 13.0)]


def test_a_batch_of_version_two_has_a_contact_for_each_file(tmp_path: Path) -> None:
    path = tmp_path / "batch.json"
    spoken = {"results": [result("Hello", channelTag=1)]}
    files = {
        "gs://calls/2024/a-1.wav": {"uri": "gs://out/a-1.json", "inlineResult": {"transcript": spoken}},
        "gs://calls/2024/b-2.wav": {"error": {"code": 3, "message": "bad audio"}},
        "gs://calls/2024/c-3.wav": {"transcript": spoken},
    }
    path.write_text(json.dumps({"done": True, "response": {"results": files}}), encoding="utf-8")
    contacts, (reject,) = read(path)
    assert [(contact.id, len(contact.turns)) for contact in contacts] == [("a-1", 1), ("c-3", 1)]
    assert (reject.record, reject.code) == (2, "no_turns")
    assert "b-2.wav" in reject.message


def test_interim_results_are_counted_and_not_read(tmp_path: Path) -> None:
    document = {"results": [result("hel", isFinal=False), result("hello", isFinal=True)]}
    contact = one(tmp_path, document)
    assert told(contact) == [("unknown", "hello")]
    assert contact.skipped == {"interim result": 1}


def test_watson_which_looks_alike_is_not_taken() -> None:
    watson = {"results": [{"final": True, "alternatives": [{"transcript": "hello ", "timestamps": [["hello", 0, 1]]}]}]}
    assert not named("google-speech").detect(watson)


def upload(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"conversation_info": {"categories": [{"display_name": "bills"}]}, "entries": list(entries)}


def test_roles_of_an_upload_are_those_of_the_format(tmp_path: Path) -> None:
    second = 1_700_000_000_000_000
    document = upload(
        {"start_timestamp_usec": str(second), "text": "I am a bot.", "role": "AUTOMATED_AGENT", "user_id": 3},
        {"start_timestamp_usec": second + 1_500_000, "text": "Hello?", "role": "END_USER", "user_id": 1},
        {"start_timestamp_usec": second + 4_000_000, "text": "Yes?", "role": "AGENT", "user_id": 2},
        {"start_timestamp_usec": second + 5_000_000, "text": "", "role": "CUSTOMER", "user_id": 1},
        {"start_timestamp_usec": second + 6_000_000, "text": "Sst.", "role": "ANY_AGENT", "user_id": 9},
    )
    contact = one(tmp_path, document, roles=("user:9=other",))
    assert told(contact) == [("bot", "I am a bot."), ("customer", "Hello?"), ("agent", "Yes?"), ("other", "Sst.")]
    assert [turn.start_s for turn in contact.turns] == [0.0, 1.5, 4.0, 6.0]
    assert (contact.started_at, contact.dropped_turns) == ("2023-11-14T22:13:20+00:00", 1)
    # The number of a participant is one within the conversation: 2 is somebody else in the next.
    assert (contact.agent_id, contact.customer_id) == (None, None)


def test_microseconds_from_the_start_of_the_conversation_are_no_dates(tmp_path: Path) -> None:
    document = upload(
        {"start_timestamp_usec": 0, "text": "Hello.", "role": "AGENT"},
        {"start_timestamp_usec": "2500000", "text": "Hi.", "role": "CUSTOMER"},
    )
    contact = one(tmp_path, document)
    assert [turn.start_s for turn in contact.turns] == [0.0, 2.5]
    assert contact.started_at is None


def insights(*segments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": "projects/7/locations/global/conversations/conv-4",
        "agentId": "A17",
        "medium": "PHONE_CALL",
        "languageCode": "en-AU",
        "startTime": "2025-12-29T00:29:16.550796635Z",
        "labels": {"queue": "HARDSHIP", "site": "MEL"},
        "callMetadata": {"customerChannel": 1, "agentChannel": 2},
        "transcript": {"transcriptSegments": list(segments)},
    } | changes


def heard(text: str, start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "words": [{"startOffset": start, "endOffset": end, "word": text}], **more}


def test_a_conversation_of_insights_has_roles_by_participant_else_by_channel(tmp_path: Path) -> None:
    document = insights(
        heard("This is Marc.", "0.5s", "2s", channelTag=2, segmentParticipant={"role": "HUMAN_AGENT", "userId": "2"}),
        heard("Press 1.", "2s", "3s", segmentParticipant={"role": "AUTOMATED_AGENT"}),
        heard("Who?", "3s", "4s", channelTag=1),
        heard("Noise.", "4s", "5s"),
    )
    contact = one(tmp_path, document)
    assert told(contact) == [
        ("agent", "This is Marc."),
        ("bot", "Press 1."),
        ("customer", "Who?"),
        ("unknown", "Noise."),
    ]
    assert (contact.id, contact.agent_id, contact.channel) == ("conv-4", "A17", "call")
    assert contact.started_at == "2025-12-29T00:29:16.550796+00:00"
    assert dict(contact.attrs) == {"queue": "HARDSHIP", "site": "MEL", "language": "en-AU"}
    assert (contact.turns[0].start_s, contact.turns[0].end_s) == (0.5, 2.0)


def test_a_chat_of_insights_has_the_times_of_its_messages(tmp_path: Path) -> None:
    document = insights(
        {"text": "Hi", "messageTime": "2025-01-02T03:04:05Z", "segmentParticipant": {"role": "END_USER"}},
        {"text": "Hello", "messageTime": "2025-01-02T03:04:09.5Z", "segmentParticipant": {"role": "HUMAN_AGENT"}},
        medium="CHAT",
        agentId=None,
        startTime=None,
        qualityMetadata={"agentInfo": [{"agentId": "A18"}]},
    )
    contact = one(tmp_path, document)
    assert [turn.start_s for turn in contact.turns] == [0.0, 4.5]
    assert (contact.channel, contact.agent_id, contact.started_at) == ("chat", "A18", "2025-01-02T03:04:05+00:00")


def test_a_list_of_conversations_keeps_the_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    good = insights(heard("Hello", "0s", "1s", channelTag=2))
    path.write_text(json.dumps({"conversations": [good, {"name": "conversations/x"}]}), encoding="utf-8")
    (contact,), (reject,) = read(path)
    assert (contact.id, reject.code) == ("conv-4", "no_turns")
    assert "conversation 2" in reject.message


def row(**changes: Any) -> dict[str, Any]:
    """A row of the export to BigQuery, whose JSON has whole numbers as text."""

    def spoken(text: str, start: str, end: str, role: str) -> dict[str, Any]:
        return {"sentence": text, "startOffsetNanos": start, "endOffsetNanos": end, "participantRole": role}

    return {
        "conversationName": "projects/7/locations/us/conversations/conv-5",
        "startTimestampUtc": "1700000000",
        "medium": "PHONE_CALL",
        "agentId": "A17",
        "languageCode": "en-US",
        "transcript": "Hello. Hi.",
        "labels": [{"key": "queue", "value": "billing"}],
        "sentences": [
            spoken("Hello.", "500000000", "1500000000", "HUMAN_AGENT"),
            spoken("Hi.", "2000000000", "2500000000", "END_USER"),
            {"sentence": "", "startOffsetNanos": "3000000000", "speakerTag": "1"},
        ],
    } | changes


def test_rows_of_bigquery_are_contacts_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    second = row(
        conversationName="projects/7/locations/us/conversations/conv-6", agentId=None, agents=[{"agentId": "B2"}]
    )
    path.write_text(f"{json.dumps(row())}\n{json.dumps(second)}\n", encoding="utf-8")
    contacts, rejects = read(path)
    assert rejects == []
    assert [(contact.id, contact.agent_id) for contact in contacts] == [("conv-5", "A17"), ("conv-6", "B2")]
    assert told(contacts[0]) == [("agent", "Hello."), ("customer", "Hi.")]
    assert [(turn.start_s, turn.end_s) for turn in contacts[0].turns] == [(0.5, 1.5), (2.0, 2.5)]
    assert (contacts[0].started_at, contacts[0].dropped_turns) == ("2023-11-14T22:13:20+00:00", 1)
    assert dict(contacts[0].attrs) == {"queue": "billing", "language": "en-US"}


def test_sentences_of_a_chat_have_the_time_they_were_written_at(tmp_path: Path) -> None:
    written = 1_700_000_000 * 10**9
    sentences = [
        {"sentence": "Hi", "startOffsetNanos": "0", "createTimeNanos": str(written), "participantRole": "END_USER"},
        {"sentence": "Yes?", "startOffsetNanos": "0", "createTimeNanos": str(written + 3 * 10**9), "speakerTag": 2},
    ]
    contact = one(tmp_path, row(sentences=sentences, medium="CHAT", startTimestampUtc=None), roles=("speaker:2=agent",))
    assert told(contact) == [("customer", "Hi"), ("agent", "Yes?")]
    assert [turn.start_s for turn in contact.turns] == [0.0, 3.0]


def test_messages_of_dialogflow_are_put_in_the_order_of_time(tmp_path: Path) -> None:
    base = "projects/7/conversations/conv-8/messages"
    times = {"createTime": "2025-01-02T03:04:05Z"}, {"createTime": "2025-01-02T03:04:09Z"}
    document = {
        "messages": [
            {"name": f"{base}/2", "content": "Yes?", "participantRole": "HUMAN_AGENT", **times[1]},
            {"name": f"{base}/1", "content": "Hi", "participantRole": "END_USER", **times[0]},
        ]
    }
    contact = one(tmp_path, document)
    assert told(contact) == [("customer", "Hi"), ("agent", "Yes?")]
    assert (contact.format, contact.id, contact.warnings) == ("google-dialogflow", "conv-8", ())
    assert [turn.index for turn in contact.turns] == [1, 0]


def test_messages_of_others_are_not_those_of_dialogflow() -> None:
    for role in ("AGENT", "CUSTOM_BOT", ["END_USER"], None):
        assert not named("google-dialogflow").detect({"messages": [{"content": "Hi", "participantRole": role}]})


def test_what_is_no_fact_is_no_attribute(tmp_path: Path) -> None:
    labels = {"queue": "A", "score": 1.5, "size": float("nan"), "list": [1], "none": None, "": "x", "empty": ""}
    contact = one(tmp_path, insights(heard("Hm", "0s", "1s"), labels=labels))
    assert dict(contact.attrs) == {"queue": "A", "score": 1.5, "language": "en-AU"}


TIME = "2025-01-02T03:04:05Z"
SHAPES = [
    (
        "google-speech",
        {"results": [result("one", word("one", "0s", "1s"), channelTag=1), result("two", word("two", "1s", "2s"))]},
        None,
    ),
    (
        "google-speech",
        {"results": [result("one", word("one", "0s", "1s")), result("", word("one", "0s", "1s", speakerTag=1))]},
        None,
    ),
    (
        "google-ccai",
        upload({"start_timestamp_usec": 1_700_000_000_000_000, "text": "a", "role": "AGENT", "user_id": 2}),
        lambda d: items(under(d, "entries")),
    ),
    (
        "google-insights",
        insights(heard("a", "0s", "1s", channelTag=2), {"text": "b", "messageTime": TIME}),
        lambda d: items(under(d, "transcript", "transcriptSegments")),
    ),
    ("google-insights-bigquery", row(), lambda d: items(under(d, "sentences"))),
    (
        "google-dialogflow",
        {"messages": [{"content": "a", "participantRole": "END_USER", "createTime": TIME}]},
        lambda d: items(under(d, "messages")),
    ),
]


@pytest.mark.parametrize(("name", "document", "count"), SHAPES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_any_field_loses_no_entry(name: str, document: Any, count: Any, data: st.DataObject) -> None:
    assert named(name).detect(document)
    check_survives(name, data.draw(junked(document)), count)


@settings(max_examples=60, deadline=None)
@given(document=JSON)
def test_any_json_value_gets_an_answer(document: object) -> None:
    for known in FAMILY:
        assert known.detect(document) in (True, False)
        check_survives(known.name, document, None)
