import copy
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junk import JSON, entries_told, junked, kept, keyed, outcome
from reading import Facts, claimed_files, facts, read

from cxsentiment.ingest.vendors.livechat import LIVECHAT
from cxsentiment.ingest.vendors.liveperson import LIVEPERSON
from cxsentiment.ingest.vendors.salesforce import SALESFORCE_ENTRIES
from cxsentiment.ingest.vendors.slack import SLACK
from cxsentiment.schema import Reject, Transcript

FORMATS = (LIVECHAT, LIVEPERSON, SALESFORCE_ENTRIES, SLACK)
FORM = (
    "Your name: Thomas Anderson\nYour email: t.anderson@example.com\nChat purpose: Support\n"
    "Company industry: automotive, it\nChoose department: Marketing"
)


def single(id: str, speaker: str, text: str, started_at: str, **more: Any) -> Facts:
    return Facts(id, speaker, (0.0, None, text), (0.0, None, text), started_at, channel="chat", **more)


LIVEPERSON_FACTS = Facts(
    id="e5c58e49-e4a5-40a8-8a18-d6580d1d5630",
    speakers="cc",
    first=(0.0, None, "Hi there #4"),
    last=(83.004, None, "I love your service"),
    started_at="2016-08-29T15:14:19.564000+00:00",
    customer_id="f92c9890-2c95-428b-8a32-083528620d31",
    channel="chat",
)
# Read off the files by eye; ../shared/formats/open/<folder>/<file> → its format and contacts.
OPEN: dict[str, tuple[str, list[Facts]]] = {
    "livechat/event_filled_form.json": (
        "livechat",
        [single("event_filled_form", "c", FORM, "2017-10-12T15:19:21.010200+00:00")],
    ),
    "livechat/event_system_message.json": (
        "livechat",
        [single("event_system_message", "s", "Hello there!", "2017-10-12T15:19:21.010200+00:00")],
    ),
    "livechat/get_chat.jsonc": (
        "livechat",
        [
            single(
                "K600PKZON8",
                "a",
                "Hello",
                "2019-12-17T07:57:41.512000+00:00",
                agent_id="smith@example.com",
                customer_id="b7eff798-f8df-4364-8059-649c35c9ed0c",
            )
        ],
    ),
    "liveperson/messaging_history_content10.json": ("liveperson", [LIVEPERSON_FACTS]),
    "liveperson/messaging_history_content3.json": ("liveperson", [LIVEPERSON_FACTS]),
    "slack_export/bot_message.json": (
        "slack",
        [single("bot_message", "b", "Some question?", "2023-02-22T01:33:51.029259+00:00")],
    ),
    "slack_export/thread_array.json": (
        "slack",
        [
            Facts(
                id="1736478630.905399-1736554746.482349",
                speakers="uu",
                first=(0.0, None, "A message from a deactivated account"),
                last=(36.55785, None, "Reply to the same thread"),
                started_at="2025-01-11T00:19:06.482349+00:00",
                channel="chat",
            )
        ],
    ),
    "slack_export/slackdump_channel.json": (
        "slack",
        [
            single("CHY5HUESG:2025-01-10", "u", "test", "2025-01-10T03:08:34.897649+00:00"),
            Facts(
                id="CHY5HUESG:1736478630.905399",
                speakers="uuu",
                first=(0.0, None, "test2"),
                last=(76152.1348, None, "Reply to the same thread"),
                started_at="2025-01-10T03:10:30.905399+00:00",
                channel="chat",
            ),
            Facts(
                id="CHY5HUESG:2025-01-11",
                speakers="uuu",
                first=(0.0, None, "External files test begins"),
                last=(1668.51865, None, "https://media1.tenor.com/m/fukyy8-b8pMAAAAd/cats-toby-the-cat.gif"),
                started_at="2025-01-11T02:02:35.039969+00:00",
                channel="chat",
            ),
            Facts(
                id="CHY5HUESG:1736554801.872639",
                speakers="uu",
                first=(0.0, None, "A message from a deactivated user"),
                last=(17.6671, None, "Reply to a message from a deactivated user"),
                started_at="2025-01-11T00:20:01.872639+00:00",
                channel="chat",
            ),
            single(
                "CHY5HUESG:1736554828.343759",
                "u",
                "Deleted message reply from a deactivated user",
                "2025-01-11T00:20:38.911679+00:00",
            ),
            single(
                "CHY5HUESG:2025-01-18",
                "b",
                "*Joe Doe* (Polly Sender: @UHSD97ZA5) has a polly for you!",
                "2025-01-18T00:32:43.583369+00:00",
            ),
            Facts(
                id="CHY5HUESG:2025-01-24",
                speakers="uu",
                first=(0.0, None, "Hello <MARQUEE> frenchesco's old friend"),
                last=(1493.24394, None, "Hello <MARQUEE> frenchesco's old friend *bold _bolditalic_* test link"),
                started_at="2025-01-24T10:34:09.675319+00:00",
                channel="chat",
            ),
        ],
    ),
}
SKIPPED = {
    "CHY5HUESG:2025-01-11": {"attachment": 1, "event": 1},
    "CHY5HUESG:1736554828.343759": {"event": 1},
}
COMMENTED = "livechat/list_archives.jsonc"


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    contacts, rejects = read(shared / "formats" / "open" / name)
    format_name, expected = OPEN[name]
    assert rejects == []
    assert sorted(map(facts, contacts), key=lambda told: told.id) == sorted(expected, key=lambda told: told.id)
    assert {contact.format for contact in contacts} == {format_name}
    assert {contact.id: contact.skipped for contact in contacts} == {
        told.id: SKIPPED.get(told.id, {}) for told in expected
    }


@pytest.mark.shared
def test_a_documents_comments_are_refused_with_a_hint_and_read_once_they_are_gone(shared: Path, tmp_path: Path) -> None:
    path = shared / "formats" / "open" / COMMENTED
    found, (refused,) = read(path)
    assert (found, refused.code) == ([], "json")
    assert "line 22" in refused.message
    assert "Comments" in refused.message
    clean = tmp_path / "archives.json"
    clean.write_text(re.sub(r"//\s?optional", "", path.read_text(encoding="utf-8")))
    (contact,), rejects = read(clean)
    assert rejects == []
    assert facts(contact) == single(
        "K600PKZON8", "a", "Hello there", "2020-05-28T11:45:32.269000+00:00", agent_id="smith@example.com"
    )
    assert (contact.queue, contact.attrs["chat_id"]) == ("0", "PJ0MRSHTDG")


@pytest.mark.shared
def test_slack_roles_are_declared_by_user(shared: Path) -> None:
    path = shared / "formats" / "open" / "slack_export" / "slackdump_channel.json"
    contacts, _ = read(path, roles=["UHSD97ZA5=agent", "U0887G31L03=customer", "Polly=system"])
    told = {contact.id: ("".join(turn.speaker[0] for turn in contact.turns), contact.agent_id) for contact in contacts}
    assert told["CHY5HUESG:1736478630.905399"] == ("aca", "UHSD97ZA5")
    assert told["CHY5HUESG:1736554801.872639"] == ("ca", "UHSD97ZA5")
    assert told["CHY5HUESG:2025-01-18"] == ("s", None)


@pytest.mark.shared
def test_exactly_the_files_of_these_systems_are_claimed(shared: Path) -> None:
    claimed = claimed_files(shared / "formats" / "open", FORMATS)
    assert claimed == {name: {known} for name, (known, _) in OPEN.items()}


# Our own documents of the same shapes.
LIVE = {
    "id": "CHAT1",
    "users": [
        {"id": "c-1", "type": "customer", "name": "Ida"},
        {"id": "ben@shop.example", "type": "agent", "name": "Ben"},
    ],
    "thread": {
        "id": "THREAD1",
        "created_at": "2023-05-01T10:00:00.000000Z",
        "user_ids": ["c-1", "ben@shop.example"],
        "tags": ["returns"],
        "access": {"group_ids": [4]},
        "properties": {"rating": {"score": 1, "comment": "nice"}},
        "events": [
            {
                "type": "filled_form",
                "form_type": "prechat",
                "author_id": "c-1",
                "created_at": "2023-05-01T10:00:00Z",
                "visibility": "all",
                "fields": [
                    {"type": "question", "label": "How can we help?", "answer": "My shoes broke"},
                    {"type": "name", "label": "Name:", "answer": ""},
                    {"type": "checkbox", "label": "Kinds", "answers": [{"label": "a"}, {"label": "b"}]},
                ],
            },
            {
                "type": "system_message",
                "system_message_type": "routing.assigned",
                "text": "Ben joined",
                "created_at": "2023-05-01T10:00:05Z",
                "visibility": "all",
            },
            {
                "type": "message",
                "text": "VIP, be quick",
                "author_id": "eva@shop.example",
                "created_at": "2023-05-01T10:00:06Z",
                "visibility": "agents",
            },
            {
                "type": "message",
                "text": "Hello Ida",
                "author_id": "ben@shop.example",
                "created_at": "2023-05-01T10:00:10Z",
                "visibility": "all",
            },
            {"type": "file", "author_id": "c-1", "created_at": "2023-05-01T10:00:20Z", "visibility": "all"},
            {"type": "rich_message", "author_id": "bot", "created_at": "2023-05-01T10:00:21Z", "visibility": "all"},
            {
                "type": "system_message",
                "system_message_type": "manual_archived_agent",
                "text": "archived",
                "created_at": "2023-05-01T10:00:22Z",
                "visibility": "agents",
            },
            {
                "type": "filled_form",
                "form_type": "postchat",
                "author_id": "c-1",
                "created_at": "2023-05-01T10:01:00Z",
                "visibility": "all",
                "fields": [],
            },
        ],
    },
}
HISTORY = {
    "conversationHistoryRecords": [
        {
            "info": {
                "conversationId": "conv-1",
                "latestAgentId": "9",
                "latestSkillId": 3,
                "latestSkillName": "Sales",
                "mcs": 44,
                "csatRate": -1,
                "closeReason": "AGENT",
            },
            "messageRecords": [
                {
                    "type": "TEXT_PLAIN",
                    "sentBy": "Consumer",
                    "participantId": "p",
                    "messageData": {"msg": {"text": "Is it in stock?"}},
                    "time": "2020-02-02 10:00:00.250+0000",
                },
                {
                    "type": "TEXT_PLAIN",
                    "sentBy": "Agent",
                    "participantId": "8",
                    "messageData": {"msg": {"text": "Let me ask a person."}},
                    "timeL": 1580637601250,
                },
                {"type": "RICH_CONTENT", "sentBy": "Agent", "participantId": "8", "timeL": 1580637602250},
                {
                    "type": "TEXT_PLAIN",
                    "audience": "AGENTS_AND_MANAGERS",
                    "sentBy": "Agent",
                    "participantId": "9",
                    "messageData": {"msg": {"text": "whisper"}},
                },
                {
                    "type": "TEXT_PLAIN",
                    "audience": "ALL",
                    "sentBy": "Agent",
                    "participantId": "9",
                    "messageData": {"msg": {"text": "Yes, two are left."}},
                    "timeL": 1580637610250,
                },
            ],
            "agentParticipants": [
                {"agentId": "8", "agentNickname": "Robo", "userTypeName": "Bot"},
                {"agentId": 9, "agentNickname": "Liv", "userTypeName": "Human"},
            ],
            "consumerParticipants": [{"participantId": "p"}],
        }
    ]
}


def entry(actor: str, message: object, second: int, **more: object) -> dict[str, object]:
    return {
        "attributes": {"type": "ConversationEntry", "url": "/x"},
        "ConversationId": "0Mw000000000001AAA",
        "ActorType": actor,
        "ActorName": actor.title(),
        "EntryTime": f"2024-03-04T09:00:{second:02}.000+0000",
        "EntryType": "Text",
        "Message": message,
        **more,
    }


PAYLOAD = json.dumps({"abstractMessage": {"messageType": "StaticContentMessage", "staticContent": {"text": "Sure."}}})
ENTRIES = {
    "totalSize": 8,
    "done": True,
    "records": [
        entry("Bot", "I am a bot", 0),
        entry("EndUser", "A person please", 3, ActorId="0PA1"),
        entry("Bot", "", 4, EntryType="BotEscalated"),
        entry("Agent", None, 9, ActorId="0051", EntryPayload=PAYLOAD),
        entry("Supervisor", "I take over", 12, ActorId="0052"),
        entry("System", "The chat has ended", 20),
        entry("EndUser", None, 15, HasAttachments=True),
        entry("EndUser", "Mine is another call", 1, ConversationId="0LQ000000000001AAA"),
    ],
}
CONNECT = {
    "conversationIdentifier": "abc-def",
    "conversationEntries": [
        {
            "clientTimestamp": 1709542800000,
            "messageText": "Hello?",
            "sender": {"role": "EndUser", "subject": "v1", "appType": "web"},
        },
        {
            "clientTimestamp": 1709542803000,
            "messageText": "Hi there",
            "sender": {"role": "Chatbot", "subject": "b1", "appType": "bot"},
        },
    ],
}
DAY: list[dict[str, Any]] = [
    {"type": "message", "user": "U1", "text": "Printer down &amp; on fire", "ts": "1700000000.000100"},
    {
        "type": "message",
        "user": "U2",
        "text": "<@U1> see <https://help.example/a|the guide> in <#C1|help> <!here> <mailto:a@b.example>",
        "ts": "1700000010.000100",
    },
    {"type": "message", "subtype": "channel_join", "user": "U3", "text": "joined", "ts": "1700000011.000100"},
    {
        "type": "message",
        "user": "U1",
        "text": "Root",
        "ts": "1700000020.000100",
        "thread_ts": "1700000020.000100",
        "reply_count": 1,
    },
    {
        "type": "message",
        "user": "U2",
        "text": "Reply",
        "ts": "1700000025.000100",
        "thread_ts": "1700000020.000100",
    },
    {"type": "message", "user": "U1", "text": "", "files": [{"id": "F"}], "ts": "1700000030.000100"},
    {
        "type": "message",
        "subtype": "bot_message",
        "bot_id": "B1",
        "username": "alarm",
        "text": "ping",
        "ts": "1700000031.000100",
    },
]


def told(document: object, *, name: str = "x/file.json") -> list[Transcript]:
    results = outcome(document, name)
    assert all(isinstance(result, Transcript) for result in results), results
    return [result for result in results if isinstance(result, Transcript)]


def initials(contact: Transcript) -> str:
    return "".join(turn.speaker[0] for turn in contact.turns)


def test_a_livechat_chat() -> None:
    (contact,) = told(LIVE)
    assert [(turn.speaker, turn.text, turn.start_s) for turn in contact.turns] == [
        ("customer", "How can we help?: My shoes broke\nKinds: a, b", 0.0),
        ("system", "Ben joined", 5.0),
        ("agent", "Hello Ida", 10.0),
    ]
    assert contact.skipped == {"attachment": 1, "event": 2, "internal note": 1, "survey": 1}
    assert (contact.id, contact.agent_id, contact.customer_id, contact.queue) == (
        "THREAD1",
        "ben@shop.example",
        "c-1",
        "4",
    )
    assert (contact.attrs["rating"], contact.attrs["rating_scale"]) == (1, "0 bad, 1 good")


def test_an_archive_lists_a_chat_once_a_thread() -> None:
    second: Any = copy.deepcopy(LIVE)
    second["thread"]["id"] = "THREAD2"
    page = {"chats": [LIVE, second, {"id": "x"}], "found_chats": 3}
    results = outcome(page)
    assert [getattr(result, "id", None) for result in results] == ["THREAD1", "THREAD2", None]
    assert isinstance(results[2], Reject)
    assert "sample.json:3" in results[2].message


def test_a_bare_livechat_thread_knows_agents_by_their_mailbox() -> None:
    thread: Any = copy.deepcopy(LIVE["thread"])
    thread["events"][3]["timestamp"] = 1
    (contact,) = told(thread)
    assert (initials(contact), contact.agent_id) == ("csa", "ben@shop.example")
    thread["events"].append(
        {"type": "message", "text": "hm", "author_id": "c-1", "created_at": "2023-05-01T10:02:00Z", "visibility": "all"}
    )
    assert initials(told({"threads": [thread]})[0]) == "csau"


def test_a_liveperson_conversation() -> None:
    (contact,) = told(HISTORY)
    assert [(turn.speaker, turn.text, turn.start_s, turn.agent_id) for turn in contact.turns] == [
        ("customer", "Is it in stock?", 0.0, None),
        ("bot", "Let me ask a person.", 1.0, None),
        ("agent", "Yes, two are left.", 10.0, "9"),
    ]
    assert contact.skipped == {"attachment": 1, "internal note": 1}
    assert (contact.agent_id, contact.queue, contact.attrs["mcs"]) == ("9", "Sales", 44)
    assert "csat_rate" not in contact.attrs
    assert initials(told(HISTORY["conversationHistoryRecords"][0])[0]) == "cba"


def test_a_liveperson_agent_who_never_wrote_is_not_credited() -> None:
    record: Any = copy.deepcopy(HISTORY["conversationHistoryRecords"][0])
    record["messageRecords"] = record["messageRecords"][:2]
    (contact,) = told(record)
    assert (initials(contact), contact.agent_id, contact.attrs["assignee"]) == ("cb", None, "9")


def test_livepersons_survey_is_no_part_of_the_conversation() -> None:
    record: Any = copy.deepcopy(HISTORY["conversationHistoryRecords"][0])
    for message in record["messageRecords"]:
        message["dialogId"] = "d-1"
    asked = {"type": "TEXT_PLAIN", "sentBy": "Agent", "participantId": "77", "dialogId": "d-2"}
    answered = {"type": "TEXT_PLAIN", "sentBy": "Consumer", "participantId": "p", "dialogId": "d-2"}
    record["messageRecords"] += [
        {**asked, "messageData": {"msg": {"text": "How satisfied are you?"}}},
        {**answered, "messageData": {"msg": {"text": "1, awful"}}},
    ]
    record["dialogs"] = [
        {"dialogId": "d-1", "dialogType": "MAIN"},
        {"dialogId": "d-2", "dialogType": "POST_SURVEY"},
        {"dialogType": "POST_SURVEY"},
    ]
    (contact,) = told(record)
    assert (initials(contact), contact.agent_id) == ("cba", "9")
    assert contact.skipped == {"attachment": 1, "internal note": 1, "survey": 2}


def test_salesforce_entries_by_conversation() -> None:
    chat, call = told(ENTRIES)
    assert [(turn.speaker, turn.text, turn.start_s) for turn in chat.turns] == [
        ("bot", "I am a bot", 0.0),
        ("customer", "A person please", 3.0),
        ("agent", "Sure.", 9.0),
        ("other", "I take over", 12.0),
        ("system", "The chat has ended", 20.0),
    ]
    assert chat.skipped == {"attachment": 1, "event": 1}
    assert (chat.id, chat.channel, chat.agent_id, chat.customer_id) == ("0Mw000000000001AAA", "chat", "0051", "0PA1")
    assert (call.id, call.channel, initials(call)) == ("0LQ000000000001AAA", "call", "c")


def test_salesforce_entries_as_the_command_line_gives_them() -> None:
    chat, call = told({"status": 0, "result": ENTRIES})
    assert (initials(chat), initials(call)) == ("bcaos", "c")


def test_salesforce_entries_of_one_time_stand_in_their_sequence() -> None:
    records = [entry("Agent", f"{number}", 0, Seq=number) for number in (3, 1, 2)]
    (contact,) = told(records)
    assert [turn.text for turn in contact.turns] == ["1", "2", "3"]


def test_salesforce_entries_of_the_connect_api() -> None:
    (contact,) = told(CONNECT)
    assert [(turn.speaker, turn.start_s) for turn in contact.turns] == [("customer", 0.0), ("bot", 3.0)]
    assert contact.id == "abc-def"


def test_a_slack_day() -> None:
    day, thread = told(DAY, name="help/2023-11-14.json")
    assert [(turn.speaker, turn.text) for turn in day.turns] == [
        ("unknown", "Printer down & on fire"),
        ("unknown", "@U1 see the guide in #help @here a@b.example"),
        ("bot", "ping"),
    ]
    assert (day.id, day.skipped) == ("2023-11-14", {"attachment": 1, "event": 1})
    assert (thread.id, initials(thread), thread.turns[1].start_s) == ("1700000020.000100", "uu", 5.0)


def test_slack_users_have_names_where_their_list_lies_beside_or_above(tmp_path: Path) -> None:
    users = [
        {"id": "U1", "team_id": "T", "name": "ida", "profile": {"real_name": "Ida Berg", "display_name": "ida.b"}},
        {"id": "U2", "team_id": "T", "name": "ben", "profile": {}, "real_name": "Ben Ode"},
    ]
    day = tmp_path / "help" / "2023-11-14.json"
    day.parent.mkdir()
    day.write_text(json.dumps(DAY))
    for path in (tmp_path / "users.json", day.with_name("users.json")):
        path.write_text(json.dumps(users))
        (contact, thread), _ = read(day, roles=["Ben Ode=agent", "ida=customer"])
        assert (initials(contact), contact.agent_id) == ("cab", "U2")
        assert contact.turns[1].text.startswith("@Ida Berg see")
        assert initials(thread) == "ca"
        found, (refused,) = read(path)
        assert (found, refused.code) == ([], "companion")
        assert read(day, path)[1] == []  # beside the messages that it is read with it is no reject
        assert "list of an export" in refused.message
        path.unlink()


def test_a_slack_reply_that_was_also_sent_to_the_channel_counts_once() -> None:
    root = {**DAY[3], "slackdump_thread_replies": [DAY[4]]}
    broadcast = {**DAY[4], "subtype": "thread_broadcast"}
    (contact,) = told({"channel_id": "C9", "messages": [root, broadcast]})
    assert (contact.id, initials(contact)) == ("C9:1700000020.000100", "uu")


COUNTED: list[tuple[Any, str, int, tuple[str, ...]]] = [
    (LIVE, "events", 8, ()),
    (HISTORY, "messageRecords", 5, ()),
    (ENTRIES, "records", 8, ("attributes", "type")),
    (CONNECT, "conversationEntries", 2, ("sender", "role", "clientTimestamp")),
    ({"channel_id": "C9", "messages": DAY}, "messages", 7, ("type", "ts")),
]


@pytest.mark.parametrize("which", range(len(COUNTED)))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_entry_is_accounted_for_whatever_its_fields_hold(which: int, data: st.DataObject) -> None:
    document, deep, count, needed = COUNTED[which]
    outside = kept(deep)
    mixed = data.draw(junked(document, lambda place: outside(place) or place[-1] in needed))
    assert entries_told(outcome(mixed)) == count


@pytest.mark.parametrize("document", [LIVE, LIVE["thread"], HISTORY, ENTRIES, CONNECT, DAY, {"messages": DAY}])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_anything_anywhere_raises_nothing(document: object, data: st.DataObject) -> None:
    assert outcome(data.draw(junked(document)))


@settings(max_examples=60, deadline=None)
@given(document=st.one_of(JSON, keyed([LIVE, HISTORY, ENTRIES, CONNECT, DAY])))
def test_detection_answers_for_anything(document: object) -> None:
    for known in FORMATS:
        if known.detect(document):
            assert outcome(document)


def test_a_slack_export_as_a_zip_has_its_users_too(tmp_path: Path) -> None:
    users = [
        {"id": "U1", "team_id": "T", "name": "ida", "profile": {"display_name": "ida.b"}},
        {"id": "U2", "team_id": "T", "name": "ben", "profile": {}, "real_name": "Ben Ode"},
    ]
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as packed:
        packed.writestr("users.json", json.dumps(users))
        packed.writestr("help/2023-11-14.json", json.dumps(DAY))
    (contact, _), rejects = read(tmp_path / "export.zip", roles=["Ben Ode=agent", "ida=customer"])
    assert (initials(contact), contact.agent_id, rejects) == ("cab", "U2", [])
