"""Twilio, Genesys Cloud, Aircall, Dialpad, Talkdesk."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Facts, facts, one, read

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact
from cxsentiment.ingest.documents import find_format
from cxsentiment.ingest.formats import DocumentFormat, Origin
from cxsentiment.ingest.intake import find_reader
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.vendors.aircall import AIRCALL
from cxsentiment.ingest.vendors.dialpad import DIALPAD
from cxsentiment.ingest.vendors.genesys import GENESYS
from cxsentiment.ingest.vendors.twilio import CONVERSATIONS, VOICE_INTELLIGENCE
from cxsentiment.schema import Transcript

OURS = (CONVERSATIONS, VOICE_INTELLIGENCE, GENESYS, AIRCALL, DIALPAD)

# Read off the files by eye; ../shared/formats/open/<folder>/<file>.
OPEN = {
    "twilio_conversations/messages_list.json": Facts(
        id="CH" + "a" * 32,
        speakers="uu",
        first=(0.0, None, "I like pie."),
        last=(24.0, None, "Cake is my favorite!"),
        started_at="2016-03-24T20:37:57+00:00",
        channel="chat",
    ),
    "twilio_voice_intelligence/sentences.json": Facts(
        id="GT" + "a" * 32,
        speakers="u",
        first=(None, None, "test test"),
        last=(None, None, "test test"),
        channel="call",
    ),
    "dialpad/transcript.json": Facts(
        id="1001",
        speakers="ac",
        first=(0.0, None, "hello [expletive]"),
        last=(4.0, None, "hi"),
        started_at="2018-05-08T21:33:15.300000",
        agent_id="2",
        customer_id="ag5kZXZ-dWJlci12b2ljZXIOCxIHQ29udGFjdBjoBww",
        channel="call",
    ),
}
FORMATS = {
    "twilio_conversations": "twilio-conversations",
    "twilio_voice_intelligence": "twilio-voice-intelligence",
    "dialpad": "dialpad",
}
SKIPPED = {"twilio_conversations": {"attachment": 1}, "twilio_voice_intelligence": {}, "dialpad": {"event": 2}}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / name)
    folder = name.partition("/")[0]
    assert rejects == []
    assert facts(contact) == OPEN[name]
    assert (contact.format, contact.skipped) == (FORMATS[folder], SKIPPED[folder])


@pytest.mark.shared
def test_our_formats_claim_their_own_files_and_no_others(shared: Path) -> None:
    claimed: dict[str, set[str]] = {}
    for path in sorted((shared / "formats" / "open").rglob("*.*")):
        try:
            document = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError:
            continue
        for known in OURS:
            if known.detect(document):
                claimed.setdefault(known.name, set()).add(path.parent.name)
        found = find_format(document, ReadOptions())
        assert (found in OURS) == (path.parent.name in FORMATS), path
    assert claimed == {name: {folder} for folder, name in FORMATS.items()}


def said(contact: Transcript) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in contact.turns]


def message(index: int, body: str | None, author: str | None = "shop", **more: object) -> dict[str, object]:
    return {
        "conversation_sid": "CH1",
        "author": author,
        "participant_sid": "MB7" if author == "shop" else "MB8",
        "body": body,
        "media": None,
        "index": index,
        "date_created": f"2024-01-01T10:00:{index:02}Z",
        **more,
    }


def test_twilio_messages_come_in_the_order_of_their_index(tmp_path: Path) -> None:
    page = {"messages": [message(2, "three", date_created=None), message(0, "one"), message(1, "two", "+15550100")]}
    contact = one(tmp_path, page, roles=["MB7=agent", "+15550100=customer"])
    assert said(contact) == [("agent", "one"), ("customer", "two"), ("agent", "three")]
    assert [turn.index for turn in contact.turns] == [1, 2, 0]
    assert {party.source for party in contact.parties} == {"declared"}


def test_twilio_messages_with_one_index_for_all_stay_as_they_are(tmp_path: Path) -> None:
    page = {"messages": [message(0, "one"), message(0, "two"), message(0, None)]}
    contact = one(tmp_path, page)
    assert (said(contact), contact.dropped_turns) == ([("unknown", "one"), ("unknown", "two")], 1)


def test_twilio_attachments_are_counted_and_their_text_is_kept(tmp_path: Path) -> None:
    media = [{"sid": "ME1", "content_type": "image/png"}]
    page = {"messages": [message(0, None, media=media), message(1, " ", media=media), message(2, "look", media=media)]}
    contact = one(tmp_path, page)
    assert (said(contact), contact.skipped, contact.dropped_turns) == ([("unknown", "look")], {"attachment": 2}, 0)


def test_twilio_messages_of_several_conversations_in_camel_case(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(
        json.dumps(
            [
                {"conversationSid": sid, "author": "system", "body": sid, "dateCreated": "2024-01-01T10:00:00.000Z"}
                for sid in ("CH1", "CH2", "CH1")
            ]
        )
    )
    found, rejects = read(path)
    assert rejects == []
    assert [(c.id, len(c.turns), c.turns[0].speaker, c.started_at) for c in found] == [
        ("CH1", 2, "system", "2024-01-01T10:00:00+00:00"),
        ("CH2", 1, "system", "2024-01-01T10:00:00+00:00"),
    ]


def test_a_twilio_page_without_messages_is_a_contact_without_turns(tmp_path: Path) -> None:
    url = "https://conversations.twilio.com/v1/Conversations/CH9/Messages?PageSize=50"
    contact = one(tmp_path, {"meta": {"url": url}, "messages": []})
    assert (contact.id, contact.turns, contact.format) == ("CH9", (), "twilio-conversations")


def sentence(index: int, channel: int, text: str, start: object = None, end: object = None) -> dict[str, object]:
    return {
        "media_channel": channel,
        "sentence_index": index,
        "transcript": text,
        "start_time": start,
        "end_time": end,
        "words": [{"word": text, "start_time": start, "end_time": end}],
    }


@pytest.mark.parametrize("texts", [{"messages": [message(0, "one")]}, {"sentences": [sentence(0, 1, "Hi.")]}])
def test_a_twilio_page_that_names_a_next_one_says_that_it_is_missing(tmp_path: Path, texts: dict[str, Any]) -> None:
    first = {"meta": {"next_page_url": "https://x.twilio.com/?Page=1"}, **texts}
    last = {"meta": {"next_page_url": None}, **texts}

    def warned(document: object) -> bool:
        return any("next_page_url" in warning for warning in one(tmp_path, document).warnings)

    assert (warned(first), warned(last), warned([first, last]), warned([first, first])) == (True, False, False, True)


def test_twilio_sentences_have_channels_that_are_declared(tmp_path: Path) -> None:
    page = {
        "meta": {"first_page_url": "https://intelligence.twilio.com/v2/Transcripts/GT5/Sentences?Page=0"},
        "sentences": [sentence(1, 2, "Hello.", "2.5", "3.75"), sentence(0, 1, "Hi.", 0.25, 1)],
    }
    contact = one(tmp_path, page, roles=["channel:1=agent", "2=customer"])
    assert (contact.id, said(contact)) == ("GT5", [("agent", "Hi."), ("customer", "Hello.")])
    assert [(turn.start_s, turn.end_s) for turn in contact.turns] == [(0.25, 1.0), (2.5, 3.75)]


def test_a_twilio_transcript_that_names_its_participants_has_roles(tmp_path: Path) -> None:
    document = {
        "sid": "GT6",
        "customer_key": "order 1",
        "language_code": "en-GB",
        "channel": {
            "participants": [
                {"channel_participant": 1, "role": "Customer"},
                {"channel_participant": 2, "role": "Agent"},
                {"channel_participant": 3, "role": "Supervisor"},
            ]
        },
        "sentences": [sentence(0, 1, "Hi."), sentence(1, 2, "Hello."), sentence(2, 3, "Me.")],
    }
    contact = one(tmp_path, document)
    assert (contact.id, said(contact)) == ("GT6", [("customer", "Hi."), ("agent", "Hello."), ("unknown", "Me.")])
    assert contact.attrs == {"language": "en-GB", "customer_key": "order 1"}


BEGUN = 1_700_000_000_000  # 2023-11-14T22:13:20Z in milliseconds


def phrase(purpose: str | None, text: str, start: object, length: object = 500, **more: object) -> dict[str, object]:
    return {
        "participantPurpose": purpose,
        "text": text,
        "startTimeMs": start,
        "duration": {"milliseconds": length},
        **more,
    }


def genesys(*phrases: dict[str, object], **more: object) -> dict[str, object]:
    return {
        "conversationId": "c-1",
        "communicationId": "m-1",
        "mediaType": "voice",
        "transcripts": [{"language": "en-us", "phrases": list(phrases)}],
        **more,
    }


def test_genesys_purposes_are_roles_and_participants_tell_machines_and_agents(tmp_path: Path) -> None:
    document = genesys(
        phrase("internal", "welcome press one", BEGUN + 1000),
        phrase("external", "one", BEGUN + 4000),
        phrase("internal", "hi", BEGUN + 11_000, decoratedText="Hi."),
        phrase("internal", "i take over", BEGUN + 31_000),
        phrase("observer", "hm", BEGUN + 40_000),
        conversationStartTime=BEGUN,
        participants=[
            {"participantPurpose": "customer", "startTimeMs": BEGUN},
            {"participantPurpose": "ivr", "startTimeMs": BEGUN, "endTimeMs": BEGUN + 9000},
            {
                "participantPurpose": "agent",
                "userId": "u-1",
                "startTimeMs": BEGUN + 10_000,
                "endTimeMs": BEGUN + 30_000,
            },
            {"participantPurpose": "agent", "userId": "u-2", "startTimeMs": BEGUN + 30_500, "endTimeMs": None},
        ],
    )
    contact = one(tmp_path, document)
    assert said(contact) == [
        ("system", "welcome press one"),
        ("customer", "one"),
        ("agent", "Hi."),
        ("agent", "i take over"),
        ("unknown", "hm"),
    ]
    assert [(turn.start_s, turn.end_s, turn.agent_id) for turn in contact.turns] == [
        (1.0, 1.5, None),
        (4.0, 4.5, None),
        (11.0, 11.5, "u-1"),
        (31.0, 31.5, "u-2"),
        (40.0, 40.5, None),
    ]
    assert (contact.id, contact.channel, contact.started_at, contact.agent_id) == (
        *("c-1", "call", "2023-11-14T22:13:20+00:00"),
        None,
    )
    assert contact.attrs == {"communication_id": "m-1", "language": "en-us"}


def test_genesys_times_may_be_offsets_and_lengths_numbers(tmp_path: Path) -> None:
    document = genesys(
        phrase("external", "hello", 500),
        {**phrase("internal", "hi", 4200), "duration": 900},
        participants=[{"participantPurpose": "internal", "userId": "u-1"}],
    )
    contact = one(tmp_path, document)
    assert [(turn.speaker, turn.start_s, turn.end_s) for turn in contact.turns] == [
        ("customer", 0.5, 1.0),
        ("agent", 4.2, 5.1),
    ]
    assert (contact.started_at, contact.agent_id) == (None, "u-1")


def test_genesys_communications_of_one_conversation_are_one_contact(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(
        json.dumps(
            [
                genesys(phrase("internal", "transferred", BEGUN + 9000), communicationId="m-2"),
                genesys(phrase("external", "hello", BEGUN + 1000)),
                {**genesys(phrase("external", "other", BEGUN)), "conversationId": None},
                {**genesys(phrase("external", "third", BEGUN)), "conversationId": "", "mediaType": "message"},
            ]
        )
    )
    found, rejects = read(path)
    assert rejects == []
    assert [([turn.text for turn in c.turns], c.id, c.channel) for c in found] == [
        (["hello", "transferred"], "c-1", "call"),
        (["other"], "export:2", "call"),
        (["third"], "export:3", "chat"),
    ]
    assert found[0].attrs["communication_id"] == "m-2, m-1"


def test_genesys_without_phrases_is_a_contact_without_turns(tmp_path: Path) -> None:
    contact = one(tmp_path, {**genesys(), "transcripts": []})
    assert (contact.id, contact.turns) == ("c-1", ())


def transcription(call: object, *utterances: dict[str, object]) -> dict[str, object]:
    return {
        "id": 5,
        "call_id": call,
        "call_created_at": "2024-07-26T13:30:54.000Z",
        "type": "call",
        "content": {"language": "en-GB", "utterances": list(utterances)},
    }


def utterance(kind: str | None, text: str, start: object, **more: object) -> dict[str, object]:
    return {"participant_type": kind, "text": text, "start_time": start, "end_time": start, **more}


TALK = (
    utterance("external", "Hello?", 5.12, phone_number="+33612345678"),
    utterance("internal", "Good morning.", 7, user_id=123),
    utterance("ai_voice_agent", "I am a machine.", 9.5),
    utterance("somebody", "Eh.", 11),
)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda found: found,
        lambda found: {"transcription": found},
        lambda found: {"resource": "transcription", "event": "transcription.created", "data": found},
        lambda found: {"call": {"id": 77, "transcription": found}},
        lambda found: {"calls": [{"id": 1}, {"id": 77, "transcription": found}]},
    ],
)
def test_aircall_transcriptions_wherever_they_lie(tmp_path: Path, wrap: Any) -> None:
    contact = one(tmp_path, wrap(transcription(77, *TALK)))
    assert [turn.speaker for turn in contact.turns] == ["customer", "agent", "bot", "unknown"]
    assert facts(contact) == Facts(
        id="77",
        speakers="cabu",
        first=(5.12, 5.12, "Hello?"),
        last=(11.0, 11.0, "Eh."),
        started_at="2024-07-26T13:30:54+00:00",
        agent_id="123",
        channel="call",
    )
    assert contact.attrs == {"language": "en-GB", "type": "call"}


def test_several_aircall_calls_and_a_call_without_words(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([transcription(1, TALK[0]), {"transcription": transcription("2")}]))
    found, rejects = read(path, roles=["+33612345678=other"])
    assert rejects == []
    assert [(c.id, said(c)) for c in found] == [("1", [("other", "Hello?")]), ("2", [])]


def test_aircall_words_in_real_time_have_moments(tmp_path: Path) -> None:
    document = {
        "call_id": 3,
        "content": {
            "utterances": [
                {"participant_type": "external", "text": "Hi", "timestamp": BEGUN},
                {"participant_type": "internal", "text": "Yes", "timestamp": BEGUN + 1500},
            ]
        },
    }
    contact = one(tmp_path, document)
    assert [(turn.speaker, turn.start_s) for turn in contact.turns] == [("customer", 0.0), ("agent", 1.5)]


def test_dialpad_sides_are_known_by_their_ids(tmp_path: Path) -> None:
    document = {
        "call_id": 9007199254740993,
        "lines": [
            {"type": "transcript", "content": "a", "time": "2024-01-01T10:00:01.5", "name": "Ann", "user_id": 4},
            {"type": "transcript", "content": "b", "time": "2024-01-01T10:00:03", "name": "Ann", "contact_id": "k1"},
            {"type": "transcript", "content": "c", "time": "2024-01-01T10:00:04", "name": "Lee"},
            {"type": None, "content": "d", "time": "2024-01-01T10:00:05", "user_id": "5", "contact_id": "k1"},
            {"type": "transcript", "content": None, "time": "2024-01-01T10:00:06", "user_id": "4"},
            {"type": "ai_question", "content": "x", "time": "2024-01-01T10:00:07", "user_id": "4"},
            {"type": "real_time_moment", "content": "x", "time": None},
        ],
    }
    contact = one(tmp_path, document)
    assert said(contact) == [("agent", "a"), ("customer", "b"), ("unknown", "c"), ("unknown", "d")]
    assert [turn.start_s for turn in contact.turns] == [0.0, 1.5, 2.5, 3.5]
    assert (contact.id, contact.agent_id, contact.customer_id) == ("9007199254740993", "4", "k1")
    assert (contact.skipped, contact.dropped_turns) == ({"event": 2}, 1)


TALKDESK = (
    "Interaction_ID,Interaction_Started,Message_Participant,Message_Text\n"
    'i-1,2024-05-01T10:00:00Z,AGENT,"Hello, how can I help?"\n'
    "i-2,2024-05-01T11:00:00Z,CUSTOMER,Hi\n"
    "i-1,2024-05-01T10:00:00Z,CUSTOMER,My bill.\n"
    "i-2,2024-05-01T11:00:00Z,VIRTUAL AGENT,Press one\n"
)


def test_a_talkdesk_table_is_known_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(TALKDESK)
    found, rejects = read(path, roles=["virtual agent=bot"])
    assert rejects == []
    assert [(c.id, c.format, c.started_at, said(c)) for c in found] == [
        ("i-1", "talkdesk", "2024-05-01T10:00:00Z", [("agent", "Hello, how can I help?"), ("customer", "My bill.")]),
        ("i-2", "talkdesk", "2024-05-01T11:00:00Z", [("customer", "Hi"), ("bot", "Press one")]),
    ]
    assert all(turn.start_s is None for c in found for turn in c.turns)


def test_a_talkdesk_table_may_lack_the_start_and_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("interaction_id;message_participant;message_text;words\n1;AGENT;x;y\n")
    assert find_reader(path, ReadOptions())[0].name == "talkdesk"
    (contact,), _ = read(path, maps=["text=words"])
    assert (contact.id, said(contact)) == ("1", [("agent", "y")])


# Arbitrary junk where the formats have their values.
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "2024-01-01T10:00:00Z", "1e999", "NaN", 1e308, -1, BEGUN, 10**30, "agent", "external"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def shaped(*names: str) -> st.SearchStrategy[list[Any]]:
    item = st.fixed_dictionaries({}, optional=dict.fromkeys(names, JUNK))
    return st.lists(st.one_of(item, item, item, JUNK), max_size=6)


SHAPES = {
    CONVERSATIONS.name: st.fixed_dictionaries(
        {"messages": shaped("conversation_sid", "author", "participant_sid", "body", "media", "index", "date_created")},
        optional={"meta": JUNK},
    ),
    VOICE_INTELLIGENCE.name: st.fixed_dictionaries(
        {"sentences": shaped("media_channel", "sentence_index", "start_time", "end_time", "transcript")},
        optional={"meta": JUNK, "sid": JUNK, "channel": st.fixed_dictionaries({"participants": shaped("role")})},
    ),
    GENESYS.name: st.fixed_dictionaries(
        {
            "transcripts": st.lists(
                st.fixed_dictionaries(
                    {"phrases": shaped("participantPurpose", "text", "decoratedText", "startTimeMs", "duration")},
                    optional={"language": JUNK},
                ),
                max_size=2,
            )
        },
        optional={
            "conversationId": JUNK,
            "communicationId": JUNK,
            "conversationStartTime": JUNK,
            "mediaType": JUNK,
            "participants": shaped("participantPurpose", "userId", "startTimeMs", "endTimeMs"),
        },
    ),
    AIRCALL.name: st.fixed_dictionaries(
        {
            "content": st.fixed_dictionaries(
                {"utterances": shaped("participant_type", "text", "start_time", "end_time", "user_id", "timestamp")}
            )
        },
        optional={"call_id": JUNK, "id": JUNK, "call_created_at": JUNK},
    ),
    DIALPAD.name: st.fixed_dictionaries(
        {"lines": shaped("type", "content", "time", "name", "user_id", "contact_id")}, optional={"call_id": JUNK}
    ),
}
TREE = st.recursive(
    JUNK,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    *("messages", "sentences", "transcripts", "phrases", "participants", "content", "utterances"),
                    *("lines", "type", "time", "call_id", "transcription", "data", "call", "calls", "meta", "url"),
                    *("participantPurpose", "text", "conversation_sid", "author", "media_channel", "transcript"),
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=16,
)


def contacts_of(known: DocumentFormat, document: object) -> list[Contact]:
    origin = Origin(Path("file.json"), "file.json", ReadOptions())
    try:
        return [found for found in known.read(document, origin) if isinstance(found, Contact)]
    except InputError:
        return []


def items_of(document: Any) -> int:
    """How many objects stand where a format has its turns."""
    if "transcripts" in document:
        lists = [part["phrases"] for part in document["transcripts"]]
    else:
        lists = [document[key] for key in ("messages", "sentences", "lines") if key in document]
        lists += [document["content"]["utterances"]] if "content" in document else []
    return sum(isinstance(item, dict) for found in lists for item in found)


@pytest.mark.parametrize("known", OURS, ids=lambda known: known.name)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_junk_in_the_shape_of_a_format_never_raises_and_loses_no_entry(
    tmp_path_factory: pytest.TempPathFactory, known: DocumentFormat, data: st.DataObject
) -> None:
    document = data.draw(SHAPES[known.name])
    if not known.detect(document):
        return
    found = contacts_of(known, document)
    assert sum(len(c.entries) + sum(c.skipped.values()) for c in found) == items_of(document)
    path = tmp_path_factory.mktemp("junk") / "file.json"
    path.write_text(json.dumps(document))
    transcripts, rejects = read(path, format=known.name)
    assert len(transcripts) + len(rejects) >= 1
    assert all(reject.code in ("duplicate_id", "duplicate_contact", "json_number") for reject in rejects)
    if not rejects:
        kept = sum(len(t.turns) + t.dropped_turns + sum(t.skipped.values()) for t in transcripts)
        assert kept == items_of(document)


@pytest.mark.parametrize("known", OURS, ids=lambda known: known.name)
@settings(max_examples=60, deadline=None)
@given(document=TREE)
def test_any_json_is_answered_and_what_is_claimed_is_read(known: DocumentFormat, document: object) -> None:
    if known.detect(document):
        assert all(isinstance(found, Contact) for found in contacts_of(known, document))
