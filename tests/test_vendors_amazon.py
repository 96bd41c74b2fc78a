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

FAMILY = [known for known in DOCUMENT_FORMATS if known.facts.family == "amazon"]

VOICE_FIRST = (0.0, 0.09, "Okay.")
VOICE_LAST = (30.58, 32.11, "Thank you. Sir. Have a nice evening.")
# Read off the files by eye; ../shared/formats/open/<folder>/<file>.
OPEN = {
    "amazon_contact_lens_voice/voice_1_1_0_redacted.json": Facts(
        id="voice_1_1_0_redacted", speakers="acacacacac", first=VOICE_FIRST, last=VOICE_LAST, channel="call"
    ),
    "amazon_contact_lens_voice/voice_2022_raw.repaired.json": Facts(
        id="voice_2022_raw.repaired", speakers="acacacacac", first=VOICE_FIRST, last=VOICE_LAST, channel="call"
    ),
    "amazon_contact_lens_voice/voice_2022_redacted.repaired.json": Facts(
        id="voice_2022_redacted.repaired", speakers="acacacacac", first=VOICE_FIRST, last=VOICE_LAST, channel="call"
    ),
    "amazon_contact_lens_chat/chat_2022_raw.json": Facts(
        id="b49644f6-672f-445c-b209-f76b36482830",
        speakers="sssacccacacacacacaacaaacacacaca",
        first=(
            0.0,
            None,
            "Hello, thanks for contacting us. This is an example of what the Amazon Connect virtual contact center can "
            "enable you to do.",
        ),
        last=(168.058, None, "Ok great! Have a great day."),
        started_at="2022-10-27T03:31:53.390000+00:00",
        channel="chat",
    ),
    "amazon_transcribe/speakers.json": Facts(
        id="my-first-transcription-job",
        speakers="uu",
        first=(4.87, 6.88, "I've been on hold for an hour."),
        last=(8.49, 9.24, "Sorry about that."),
        channel="call",
    ),
    "amazon_transcribe/channels.json": Facts(
        id="my-first-transcription-job",
        speakers="uu",
        first=(4.86, 6.87, "I've been on hold for an hour."),
        last=(8.5, 9.25, "Sorry about that."),
        channel="call",
    ),
    "amazon_transcribe_call_analytics/example-call.json": Facts(
        id="example-call.wav",
        speakers="ac" * 18 + "a",
        first=(
            0.04,
            5.05,
            "Thank you for calling Anchor Credit Union, the number one choice for captains worldwide, how can I help "
            "you?",
        ),
        last=(181.94, 182.89, "Bye."),
        channel="call",
    ),
}
FORMAT_OF = {
    "amazon_contact_lens_voice": "amazon-contact-lens-voice",
    "amazon_contact_lens_chat": "amazon-contact-lens-chat",
    "amazon_transcribe": "amazon-transcribe",
    "amazon_transcribe_call_analytics": "amazon-transcribe-call-analytics",
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / name)
    assert rejects == []
    assert facts(contact) == OPEN[name]
    assert contact.format == FORMAT_OF[name.partition("/")[0]]


@pytest.mark.shared
def test_a_real_file_without_speakers_is_one_turn(shared: Path) -> None:
    path = shared / "formats" / "open" / "amazon_transcribe" / "amazonTranscribe.sample.json"
    (contact,), _ = read(path)
    (turn,) = contact.turns
    assert (contact.id, turn.speaker, turn.start_s, turn.end_s) == ("foobar", "unknown", 13.03, 705.995)
    assert turn.text == json.loads(path.read_text(encoding="utf-8"))["results"]["transcripts"][0]["transcript"]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "roles"),
    [("speakers", ("spk_0=customer", "spk_1=agent")), ("channels", ("channel:0=customer", "ch_1=agent"))],
)
def test_roles_of_a_real_transcription_are_declared(shared: Path, name: str, roles: tuple[str, ...]) -> None:
    (contact,), _ = read(shared / "formats" / "open" / "amazon_transcribe" / f"{name}.json", roles=roles)
    assert [(turn.speaker, turn.text) for turn in contact.turns] == [
        ("customer", "I've been on hold for an hour."),
        ("agent", "Sorry about that."),
    ]
    assert contact.role_source == "declared"


@pytest.mark.shared
def test_each_sample_is_taken_by_its_own_format_only(shared: Path) -> None:
    check_samples(shared / "formats" / "open", "amazon", FORMAT_OF)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("voice_2022_raw", "Extra data at line 297 column 1"),
        ("voice_2022_redacted", "Expecting ',' delimiter at line 10 column 44. Comments"),
        ("voice_v1_oldest_raw", "Expecting property name enclosed in double quotes at line 4 column 69. Comments"),
    ],
)
def test_examples_of_the_manual_that_are_no_json_are_refused_by_place_and_cause(
    shared: Path, name: str, place: str
) -> None:
    path = shared / "formats" / "hostile" / "near_miss_from_docs" / f"amazon_contact_lens_voice__{name}.json"
    contacts, (reject,) = read(path)
    assert contacts == []
    assert reject.code == "json"
    assert place in reject.message


def voice(**changes: Any) -> dict[str, Any]:
    """Contact Lens for a call, as version 1.0.0 has it: real ids for agent and customer."""
    return {
        "Version": "1.0.0",
        "Channel": "VOICE",
        "LanguageCode": "en-GB",
        "Participants": [
            {"ParticipantId": "7f1c", "ParticipantRole": "AGENT"},
            {"ParticipantId": "20", "ParticipantRole": "CUSTOMER"},
        ],
        "ContentMetadata": {"Output": "Redacted"},
        "CustomerMetadata": {"ContactId": "c-17", "InstanceId": "i-1"},
        "Transcript": [
            {"ParticipantId": "7f1c", "Content": "Water board.", "BeginOffsetMillis": 0, "EndOffsetMillis": 900},
            {"ParticipantId": "20", "Content": "No water.", "BeginOffsetMillis": 1200, "EndOffsetMillis": 2000},
            {"ParticipantId": "CUSTOMER", "Content": "None.", "BeginOffsetMillis": 1900, "EndOffsetMillis": 2500},
            {"ParticipantId": "AGENT", "Content": "I see.", "BeginOffsetMillis": 2600, "EndOffsetMillis": 3000},
        ],
    } | changes


def test_voice_takes_roles_from_participants_and_from_ids_that_are_roles(tmp_path: Path) -> None:
    contact = one(tmp_path, voice())
    assert told(contact) == [
        ("agent", "Water board."),
        ("customer", "No water."),
        ("customer", "None."),
        ("agent", "I see."),
    ]
    assert (contact.id, contact.channel, contact.role_source) == ("c-17", "call", "format")
    assert dict(contact.attrs) == {"language": "en-GB", "output": "Redacted"}
    assert (contact.turns[2].start_s, contact.turns[2].end_s) == (1.9, 2.5)  # overlaps the turn before, and stays so


def test_voice_without_participants_leaves_real_ids_unknown_until_they_are_declared(tmp_path: Path) -> None:
    document = voice(Participants=None)
    assert [turn.speaker for turn in one(tmp_path, document).turns] == ["unknown", "unknown", "customer", "agent"]
    contact = one(tmp_path, document, roles=("7f1c=agent", "20=customer"))
    assert [turn.speaker for turn in contact.turns] == ["agent", "customer", "customer", "agent"]


@pytest.mark.parametrize(
    "name",
    [
        "9d2e_analysis_2022-11-30T10:15:04Z.json",
        "9d2e_analysis_redacted_2022-11-30T10_15_04Z.json",
        "9d2e_analysis_redacted_2022-11-30T10%3A15%3A04Z.json",
        "9d2e_analysis_2022-11-30T101504Z.json",
    ],
)
def test_the_name_of_the_file_tells_contact_and_time(tmp_path: Path, name: str) -> None:
    contact = one(tmp_path, voice(CustomerMetadata=None), name)
    assert (contact.id, contact.started_at) == ("9d2e", "2022-11-30T10:15:04+00:00")


def test_the_name_of_the_recording_tells_the_start_of_the_call_where_the_file_does_not(tmp_path: Path) -> None:
    about = {"ContactId": "c-17", "InputS3Uri": "s3://b/CallRecordings/2022/11/30/c-17_20221130T10:02_UTC.wav"}
    document = voice(CustomerMetadata=about)
    assert one(tmp_path, document, "call.json").started_at == "2022-11-30T10:02:00+00:00"
    contact = one(tmp_path, document, "other_analysis_2022-11-30T10:02:31Z.json")
    assert (contact.id, contact.started_at) == ("c-17", "2022-11-30T10:02:31+00:00")


def test_a_call_without_turns_is_a_contact_with_nothing_to_score(tmp_path: Path) -> None:
    contact = one(tmp_path, voice(Transcript=[]))
    assert (contact.id, contact.turns) == ("c-17", ())
    assert "no turn has text: there is nothing to score" in contact.warnings


def chat(**changes: Any) -> dict[str, Any]:
    """Contact Lens for a redacted chat: participants without roles, everybody called "[PII]"."""

    def item(second: int, kind: str, role: str | None, text: str | None, content: str) -> dict[str, Any]:
        found = {"AbsoluteTime": f"2024-02-03T09:00:{second:02}.500Z", "Type": kind, "ContentType": content}
        if role:
            found |= {"ParticipantId": f"id-{role}", "ParticipantRole": role, "DisplayName": "[PII]"}
        return found | ({"Content": text} if text is not None else {})

    vendor = "application/vnd.amazonaws.connect"
    return {
        "Version": "CHAT-2022-11-30",
        "Channel": "CHAT",
        "LanguageCode": "en-US",
        "CustomerMetadata": {"ContactId": "chat-3"},
        "Participants": [{"DisplayName": "[PII]", "ParticipantId": "id-AGENT"}],
        "Transcript": [
            item(0, "EVENT", "CUSTOMER", None, f"{vendor}.event.participant.joined"),
            item(1, "MESSAGE", "SYSTEM", "Please wait.", "text/plain"),
            item(2, "MESSAGE", "CUSTOM_BOT", "I am Robo.", "text/plain"),
            item(4, "MESSAGE", "AGENT", "Hi, this is [PII].", "text/markdown"),
            item(9, "MESSAGE", "CUSTOMER", "My **bill** is wrong.", "text/markdown"),
            item(12, "ATTACHMENT", "CUSTOMER", None, "application/pdf"),
            item(20, "MESSAGE", "AGENT", '{"templateType":"ListPicker"}', f"{vendor}.message.interactive"),
            item(30, "MESSAGE", "SUPERVISOR", "I take over.", "text/plain"),
            item(31, "MESSAGE", "CUSTOMER", "", "text/plain"),
            item(40, "EVENT", None, None, f"{vendor}.event.chat.ended"),
        ],
    } | changes


def test_chat_keeps_messages_and_counts_the_rest(tmp_path: Path) -> None:
    contact = one(tmp_path, chat())
    assert told(contact) == [
        ("system", "Please wait."),
        ("bot", "I am Robo."),
        ("agent", "Hi, this is [PII]."),
        ("customer", "My **bill** is wrong."),
        ("other", "I take over."),
    ]
    assert contact.skipped == {"attachment": 1, "event": 2, "interactive message": 1}
    assert (contact.dropped_turns, contact.started_at) == (1, "2024-02-03T09:00:01.500000+00:00")
    assert [turn.start_s for turn in contact.turns] == [0.0, 1.0, 3.0, 8.0, 29.0]


def test_a_chat_of_connect_itself_has_its_contact_id_at_the_top(tmp_path: Path) -> None:
    document = chat(Version="2019-08-26", ContactId="own-1", Channel=None, CustomerMetadata=None)
    contact = one(tmp_path, document)
    assert (contact.format, contact.id, len(contact.turns)) == ("amazon-contact-lens-chat", "own-1", 5)


def test_a_chat_that_the_api_gave_has_the_id_of_its_messages_else_that_of_the_first_contact(tmp_path: Path) -> None:
    document = chat(InitialContactId="first-1", Channel=None, CustomerMetadata=None)
    assert one(tmp_path, document).id == "first-1"
    for item in document["Transcript"][2:]:  # those of an earlier session, which the answer may hold, name none
        item["ContactId"] = "own-2"
    assert one(tmp_path, document).id == "own-2"


def test_chats_of_one_chain_that_name_several_contacts_are_called_by_their_files(tmp_path: Path) -> None:
    moved = chat(InitialContactId="first-1", Channel=None, CustomerMetadata=None)
    moved["Transcript"][1]["ContactId"] = "own-1"
    moved["Transcript"][4]["ContactId"] = "own-2"
    earlier = chat(InitialContactId="first-1", Channel=None, CustomerMetadata=None)
    earlier["Transcript"][1]["RelatedContactId"] = "own-3"
    assert [one(tmp_path, moved, "one.json").id, one(tmp_path, earlier, "two.json").id] == ["one", "two"]


def test_what_was_said_in_an_earlier_session_is_not_said_again(tmp_path: Path) -> None:
    document = chat(InitialContactId="first-1", Channel=None, CustomerMetadata=None)
    for item in document["Transcript"][:4]:
        item["RelatedContactId"] = "old-1"
    for item in document["Transcript"][4:]:
        item["ContactId"] = "own-2"
    contact = one(tmp_path, document)
    assert told(contact) == [("customer", "My **bill** is wrong."), ("other", "I take over.")]
    assert (contact.id, contact.started_at) == ("own-2", "2024-02-03T09:00:09.500000+00:00")
    assert contact.skipped["message of an earlier session"] == 3
    for item in document["Transcript"]:
        item["ContactId"], item["RelatedContactId"] = None, "old-1"
    assert len(one(tmp_path, document).turns) == 5  # nothing else was said


def test_agents_of_a_chat_are_told_apart_after_a_transfer(tmp_path: Path) -> None:
    second: dict[str, Any] = {
        "AbsoluteTime": "2024-02-03T09:00:35.000Z",
        "Type": "MESSAGE",
        "ContentType": "text/plain",
        "ParticipantId": "id-TWO",
        "ParticipantRole": "AGENT",
        "DisplayName": "[PII]",
        "Content": "I am the second.",
    }
    said = [*chat()["Transcript"], second]
    moved = one(tmp_path, chat(Transcript=said))
    assert [turn.agent_id for turn in moved.turns if turn.speaker == "agent"] == ["id-AGENT", "id-TWO"]
    assert moved.agent_id is None
    told = "2 agents took part (id-AGENT, id-TWO): each turn is its own agent's, the contact is credited to none"
    assert told in moved.notes
    assert {party.label for party in moved.parties if party.speaker == "agent"} == {"AGENT"}
    named = [{**item, "DisplayName": "Ana" if item is second else "Bo"} for item in said]
    declared = one(tmp_path, chat(Transcript=named), roles=("Ana=other",))
    assert [turn.speaker for turn in declared.turns][-1] == "other"
    assert {turn.agent_id for turn in declared.turns} == {None, "id-AGENT"}
    alone = one(tmp_path, chat())
    assert (alone.agent_id, {turn.agent_id for turn in alone.turns}) == (None, {None})


def test_names_in_a_chat_can_be_declared_but_a_redaction_mark_is_no_name(tmp_path: Path) -> None:
    contact = one(tmp_path, chat(), roles=("[PII]=bot", "id-SUPERVISOR=agent"))
    assert [turn.speaker for turn in contact.turns] == ["system", "bot", "agent", "customer", "agent"]


def job(results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "jobName": "job-9",
        "status": "COMPLETED",
        "results": {"transcripts": [{"transcript": "a b"}]} | results,
    } | changes


def said(text: str, start: float | None = None, end: float | None = None, **more: Any) -> dict[str, Any]:
    """An item of Transcribe: a word with its times as text, punctuation without."""
    kind = "punctuation" if start is None else "pronunciation"
    times = {} if start is None else {"start_time": str(start), "end_time": str(end)}
    return {"type": kind, "alternatives": [{"confidence": "0.9", "content": text}], **times, **more}


def segment(label: str, start: float, end: float, *words: tuple[float, float]) -> dict[str, Any]:
    return {
        "speaker_label": label,
        "start_time": str(start),
        "end_time": str(end),
        "items": [{"speaker_label": label, "start_time": str(a), "end_time": str(b)} for a, b in words],
    }


def test_transcribe_attaches_words_to_segments_by_their_times(tmp_path: Path) -> None:
    results = {
        "speaker_labels": {
            "segments": [
                segment("spk_0", 0.0, 1.0, (0.0, 0.4), (0.5, 1.0)),
                segment("", 1.0, 2.0, (1.2, 1.6)),
                segment("spk_1", 2.0, 3.0),  # a segment without words
                segment("spk_1", 3.0, 4.0),  # words only by their place in time
            ]
        },
        "items": [
            *(said("Hello", 0.0, 0.4), said(","), said("Jo", 0.5, 1.0), said("."), said("Hm", 1.2, 1.6), said("?")),
            *(said("Yes", 3.1, 3.5), said("!"), said("Bye", 9.0, 9.5, speaker_label="spk_0"), said(".")),
        ],
    }
    contact = one(tmp_path, job(results), roles=("speaker:0=agent",))
    assert [(turn.speaker, turn.text, turn.start_s, turn.end_s) for turn in contact.turns] == [
        ("agent", "Hello, Jo.", 0.0, 1.0),
        ("unknown", "Hm?", 1.0, 2.0),
        ("unknown", "Yes!", 3.0, 4.0),
        ("agent", "Bye.", 9.0, 9.5),
    ]
    assert (contact.id, contact.dropped_turns) == ("job-9", 1)
    assert [party.label for party in contact.parties] == ["spk_0", "", "spk_1"]


def test_transcribe_interleaves_channels_and_keeps_a_turn_whole_that_is_talked_into(tmp_path: Path) -> None:
    results = {
        "channel_labels": {
            "channels": [
                {
                    "channel_label": "ch_0",
                    "items": [
                        *(said("It", 0.0, 0.5), said("leaks", 0.5, 1.0), said("badly", 1.0, 1.5), said(".")),
                        *(said("Since", 4.0, 4.5), said("May", 4.5, 5.0), said(".")),
                    ],
                },
                {
                    "channel_label": "ch_1",
                    "items": [
                        *(said("Mhm", 0.7, 0.9), said(".")),
                        *(said("Since", 2.0, 2.5), said("when", 2.5, 3.0), said("?")),
                    ],
                },
            ]
        },
        "items": [said("It", 0.0, 0.5, channel_label="ch_0")],
    }
    contact = one(tmp_path, job(results), roles=("ch_0=customer", "channel:1=agent"))
    assert told(contact) == [
        ("customer", "It leaks badly."),
        ("agent", "Mhm."),
        ("agent", "Since when?"),
        ("customer", "Since May."),
    ]


def test_transcribe_without_speakers_takes_segments_of_audio_where_there_are_some(tmp_path: Path) -> None:
    items_ = [said("One", 0.0, 0.5), said("."), said("Two", 1.0, 1.5), said(".")]
    pieces = [
        {"id": 0, "transcript": "One.", "start_time": "0.0", "end_time": "0.5", "items": [0, 1]},
        {"id": 1, "transcript": "Two.", "start_time": "1.0", "end_time": "1.5", "items": [2, 3]},
    ]
    whole = one(tmp_path, job({"items": items_}), "whole.json")
    parts = one(tmp_path, job({"items": items_, "audio_segments": pieces}), "parts.json")
    assert [turn.text for turn in whole.turns] == ["One. Two."]
    assert [(turn.text, turn.start_s) for turn in parts.turns] == [("One.", 0.0), ("Two.", 1.0)]


def test_transcribe_puts_no_spaces_into_a_language_that_has_none(tmp_path: Path) -> None:
    results = {
        "language_code": "ja-JP",
        "transcripts": [{"transcript": "お待ちください。"}],
        "items": [said("お", 0.0, 0.1), said("待ち", 0.1, 0.5), said("ください", 0.5, 0.9), said("。")],
    }
    contact = one(tmp_path, job(results))
    assert [turn.text for turn in contact.turns] == ["お待ちください。"]
    assert contact.attrs["language"] == "ja-JP"


def test_silence_transcribed_is_a_contact_with_nothing_to_score(tmp_path: Path) -> None:
    contact = one(tmp_path, job({"transcripts": [{"transcript": ""}], "items": []}))
    assert (contact.id, contact.turns) == ("job-9", ())


def analytics() -> dict[str, Any]:
    def turn(role: str, text: str, begin: int, end: int) -> dict[str, Any]:
        return {
            "ParticipantRole": role,
            "Content": text,
            "BeginOffsetMillis": begin,
            "EndOffsetMillis": end,
            "Items": [],
        }

    return {
        "JobName": "tca-1",
        "JobStatus": "COMPLETED",
        "LanguageCode": "en-US",
        "Channel": "VOICE",
        "Participants": [{"ParticipantRole": "AGENT"}, {"ParticipantRole": "CUSTOMER"}],
        "Transcript": [
            turn("AGENT", "Hello.", 10, 510),
            turn("CUSTOMER", "Hi.", 400, 900),
        ],
    }


def test_call_analytics_has_its_roles_in_the_turns(tmp_path: Path) -> None:
    contact = one(tmp_path, analytics())
    assert (contact.format, contact.id) == ("amazon-transcribe-call-analytics", "tca-1")
    assert [(turn.speaker, turn.start_s, turn.end_s) for turn in contact.turns] == [
        ("agent", 0.01, 0.51),
        ("customer", 0.4, 0.9),
    ]


def pca(**about: Any) -> dict[str, Any]:
    def part(speaker: str, text: str, start: float, end: float, **more: Any) -> dict[str, Any]:
        times = {"SegmentStartTime": start, "SegmentEndTime": end}
        return {"SegmentSpeaker": speaker, "DisplayText": text, **times, **more}

    return {
        "ConversationAnalytics": {
            "GUID": "None",
            "Agent": "None",
            "ConversationTime": "2023-05-04 09:08:07",
            "LanguageCode": "en-US",
            "SpeakerLabels": [
                {"Speaker": "spk_0", "DisplayText": "Customer"},
                {"Speaker": "spk_1", "DisplayText": "Agent"},
            ],
            "SourceInformation": [{"TranscribeJobInfo": {"TranscriptionJobName": "call-7"}}],
        }
        | about,
        "SpeechSegments": [
            part("spk_9", "Press 1.", 0.0, 1.5, IVRSegment=True),
            part("spk_1", "Hello.", 2.0, 2.5, OriginalText="hello"),
            part("spk_0", "", 2.5, 3.0, OriginalText="Hi."),
            part("spk_0", "", 3.0, 3.1),
        ],
    }


def test_pca_takes_roles_from_its_labels_and_none_for_no_agent(tmp_path: Path) -> None:
    contact = one(tmp_path, pca())
    assert told(contact) == [("system", "Press 1."), ("agent", "Hello."), ("customer", "Hi.")]
    assert (contact.id, contact.agent_id, contact.started_at) == ("call-7", None, "2023-05-04T09:08:07")
    assert (contact.dropped_turns, contact.turns[1].start_s) == (1, 2.0)


def test_pca_names_the_agent_of_a_call(tmp_path: Path) -> None:
    contact = one(tmp_path, pca(GUID="g-1", Agent="ANA", Cust="c-5"))
    assert (contact.id, contact.agent_id, contact.customer_id) == ("g-1", "ANA", "c-5")


def test_pca_gives_a_call_of_unknown_time_that_of_its_processing_which_is_none(tmp_path: Path) -> None:
    assert one(tmp_path, pca(ProcessTime="2023-05-04 09:08:07")).started_at is None
    assert one(tmp_path, pca(ProcessTime="2023-06-01 00:00:00")).started_at == "2023-05-04T09:08:07"


def test_pca_knows_several_agents_by_their_names(tmp_path: Path) -> None:
    labels = [
        {"Speaker": "spk_0", "DisplayText": "Ben"},
        {"Speaker": "spk_1", "DisplayText": "Ana", "UserId": "u-1"},
        {"Speaker": "spk_9", "DisplayText": "Cleo"},
    ]
    contact = one(tmp_path, pca(Agent="Ana", Agents=["Ana", "Cleo"], Cust="Ben", SpeakerLabels=labels))
    assert told(contact) == [("system", "Press 1."), ("agent", "Hello."), ("customer", "Hi.")]
    assert contact.agent_id == "Ana"


SHAPES = [
    ("amazon-contact-lens-voice", voice(), lambda d: items(under(d, "Transcript"))),
    ("amazon-contact-lens-chat", chat(), lambda d: items(under(d, "Transcript"))),
    ("amazon-transcribe-call-analytics", analytics(), lambda d: items(under(d, "Transcript"))),
    ("amazon-post-call-analytics", pca(), lambda d: items(under(d, "SpeechSegments"))),
]


@pytest.mark.parametrize(("name", "document", "count"), SHAPES, ids=[shape[0] for shape in SHAPES])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_any_field_loses_no_entry(name: str, document: Any, count: Any, data: st.DataObject) -> None:
    assert named(name).detect(document)
    check_survives(name, data.draw(junked(document)), count)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_a_transcription_loses_no_word(data: st.DataObject) -> None:
    document = job(
        {
            "speaker_labels": {"segments": [segment("spk_0", 0.0, 1.0, (0.0, 0.4)), segment("spk_1", 1.0, 2.0)]},
            "items": [said("Hello", 0.0, 0.4), said(","), said("you", 1.1, 1.2), said(".")],
        }
    )
    spoilt = data.draw(junked(document))
    known = named("amazon-transcribe")
    if known.detect(spoilt):
        (contact,) = known.read(spoilt, None)  # type: ignore[arg-type]
        raw = under(spoilt, "results", "items")
        words = [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
        texts = [
            a[0].get("content")
            for w in words
            if isinstance(a := w.get("alternatives"), list) and a and isinstance(a[0], dict)
        ]
        whole = "".join(entry.text for entry in contact.entries)  # type: ignore[union-attr]
        assert all(text in whole for text in texts if isinstance(text, str))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_channels_raises_nothing(data: st.DataObject) -> None:
    channels = [
        {"channel_label": "ch_0", "items": [said("A", 0.0, 0.4), said(",")]},
        {"channel_label": "ch_1", "items": [said("B", 0.5, 0.6), said(".")]},
    ]
    document = data.draw(junked(job({"channel_labels": {"channels": channels}, "items": [said("A", 0.0, 0.4)]})))
    known = named("amazon-transcribe")
    if known.detect(document):
        assert len(list(known.read(document, None))) == 1  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(document=JSON)
def test_any_json_value_gets_an_answer(document: object) -> None:
    for known in FAMILY:
        assert known.detect(document) in (True, False)
        check_survives(known.name, document, None)
