import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junk import JSON, entries_told, junked, kept, keyed, outcome
from reading import Facts, claimed_files, facts, read

from cxsentiment.ingest.vendors.freshdesk import FRESHDESK
from cxsentiment.ingest.vendors.intercom import INTERCOM
from cxsentiment.ingest.vendors.zendesk_chat import ZENDESK_CHAT
from cxsentiment.ingest.vendors.zendesk_ticket import ZENDESK_AUDITS, ZENDESK_TICKET
from cxsentiment.schema import Reject, Transcript

FORMATS = (ZENDESK_CHAT, ZENDESK_TICKET, ZENDESK_AUDITS, FRESHDESK, INTERCOM)
SAMPLE = "This is a sample ticket, feel free to delete it."


def single(id: str, speaker: str, text: str, started_at: str, **more: Any) -> Facts:
    return Facts(id, speaker, (0.0, None, text), (0.0, None, text), started_at, **more)


# Read off the files by eye; ../shared/formats/open/<folder>/<file> → its format and contacts.
OPEN: dict[str, tuple[str, list[Facts]]] = {
    "zendesk_chat/chat.json": (
        "zendesk-chat",
        [
            Facts(
                id="1704.2314815.QHgVx6SOrRuSx",
                speakers="caaacccacccaaaaaaac",
                first=(0.0, None, "so many things"),
                last=(717.117, None, "aadasd"),
                started_at="2017-04-24T04:36:45.165000+00:00",
                agent_id="4120927",
                customer_id="2314815.gCgOWZRtqVKquB",
                channel="chat",
            )
        ],
    ),
    "zendesk_ticket/ticket.json": (
        "zendesk-ticket",
        [
            single(
                "1",
                "c",
                "This is the first comment. Feel free to delete this sample ticket.",
                "2015-07-25T02:21:13+00:00",
                customer_id="1159307768",
            )
        ],
    ),
    "zendesk_ticket/comment.json": (
        "zendesk-ticket",
        [single("comment", "u", "Thanks for your help!", "2009-07-20T22:55:29+00:00")],
    ),
    "zendesk_ticket/audit.json": (
        "zendesk-audits",
        [
            single(
                "7",
                "c",
                "THIS IS MY FUNCY COMMENT",
                "2015-08-29T03:45:36+00:00",
                customer_id="1276936927",
            )
        ],
    ),
    "freshdesk/all_tickets.json": (
        "freshdesk",
        [single("1", "c", SAMPLE, "2014-12-31T02:27:09+00:00", customer_id="5004272351")],
    ),
    "freshdesk/ticket_1.json": (
        "freshdesk",
        [single("1", "c", SAMPLE, "2016-05-18T04:36:04+00:00", customer_id="6012691534")],
    ),
    "intercom/conversation.json": (
        "intercom",
        [
            Facts(
                id="5143511111",
                speakers="cca",
                first=(0.0, None, "test"),
                last=(1328039.0, None, "im-99a3a78f-5105-449d-a114-a7b5eb7e5b80"),
                started_at="2016-06-23T17:32:12+00:00",
                agent_id="358111",
                customer_id="576c1a139d0baad1010001111",
            )
        ],
    ),
    "intercom/conversation_no_tags.json": (
        "intercom",
        [
            single(
                "5143511111",
                "c",
                "test",
                "2016-06-23T17:32:12+00:00",
                customer_id="576c1a139d0baad1010001111",
            )
        ],
    ),
    "intercom/conversations.json": (
        "intercom",
        [
            single("5680931777", "c", "Hey2", "2016-08-17T12:57:17+00:00", customer_id="57b45f16d1aad7e69e011111"),
            single("5680912811", "c", "Hey", "2016-08-17T12:49:11+00:00", customer_id="57b45bfef436c8d78611111"),
            single(
                "5143511111",
                "c",
                "test",
                "2016-06-23T17:32:12+00:00",
                customer_id="576c1a139d0baad101001111",
            ),
        ],
    ),
}
SKIPPED = {"zendesk_chat/chat.json": {"event": 7}, "zendesk_ticket/audit.json": {"event": 9}}
# Files of these systems that hold no dialogue: what they are, and what to do.
NO_CONTACT = {
    "zendesk_ticket/satisfaction_rating_event.json": ("zendesk-ticket", "Export the audits"),
    "freshdesk/note_1.json": ("freshdesk", "Give the ticket with its conversations"),
    "freshdesk/reply_1.json": ("freshdesk", "Give the ticket with its conversations"),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    contacts, rejects = read(shared / "formats" / "open" / name)
    format_name, expected = OPEN[name]
    assert rejects == []
    assert [facts(contact) for contact in contacts] == expected
    assert {contact.format for contact in contacts} == {format_name}
    assert [contact.skipped for contact in contacts] == [SKIPPED.get(name, {})] * len(contacts)


@pytest.mark.shared
@pytest.mark.parametrize("name", NO_CONTACT)
def test_what_is_no_ticket_is_no_contact(shared: Path, name: str) -> None:
    contacts, (reject,) = read(shared / "formats" / "open" / name)
    assert (contacts, reject.code) == ([], "no_turns")
    assert NO_CONTACT[name][1] in reject.message


@pytest.mark.shared
def test_a_reply_does_not_take_the_id_of_its_ticket(shared: Path) -> None:
    folder = shared / "formats" / "open" / "freshdesk"
    (contact,), rejects = read(*(folder / f"{name}_1.json" for name in ("note", "reply", "ticket")))
    assert (contact.id, contact.source.rpartition("/")[2]) == ("1", "ticket_1.json")
    assert [reject.code for reject in rejects] == ["no_turns", "no_turns"]


@pytest.mark.shared
def test_exactly_the_files_of_these_systems_are_claimed(shared: Path) -> None:
    claimed = claimed_files(shared / "formats" / "open", FORMATS)
    expected = {name: {known} for name, (known, _) in OPEN.items()}
    assert claimed == {
        **expected,
        **{name: {known} for name, (known, _) in NO_CONTACT.items()},
    }


# Our own documents of the same shapes.
CHAT = {
    "type": "chat",
    "id": "1805.7.aaa",
    "timestamp": "2018-05-01T10:00:00Z",
    "visitor": {"id": "7.v", "name": "Mia"},
    "agent_names": ["Ben", "Zoe"],
    "agent_ids": ["11", "12"],
    "department_name": "Billing",
    "rating": "bad",
    "session": {"country_code": "NZ"},
    "history": [
        {"type": "chat.memberjoin", "name": "Mia", "timestamp": "2018-05-01T10:00:00Z"},
        {"type": "chat.msg", "name": "Mia", "msg": "My bill is wrong.", "timestamp": "2018-05-01T10:00:02Z"},
        {"type": "chat.msg", "name": "Ben", "msg": "Let me look.", "timestamp": "2018-05-01T10:00:12+00:00Z"},
        {"type": "chat.msg", "name": "Care", "nick": "agent:trigger", "msg": "Hold on.", "timestamp": "1525168820"},
        {"type": "chat.msg", "name": "Helper", "sender_type": "Bot", "msg": "I can help", "timestamp": None},
        {"type": "chat.msg", "name": "Mia", "msg": " ", "timestamp": "2018-05-01T10:01:00Z"},
        {"type": "chat.file", "name": "Mia", "attachment": {"name": "bill.pdf"}},
        {"type": "chat.rating", "name": "Mia", "rating": "bad", "new_rating": "good"},
        {"type": "chat.comment", "name": "Mia", "new_comment": "fine after all"},
    ],
}
OFFLINE = {
    "type": "offline_msg",
    "id": "1805.7.bbb",
    "visitor": {"id": "8.v", "name": "Tom"},
    "message": "Please ring me back.",
    "timestamp": "2018-05-02T08:00:00+00:00Z",
    "session": {},
}
TICKET = {
    "id": 31,
    "requester_id": 500,
    "submitter_id": 500,
    "assignee_id": 600,
    "group_id": 9,
    "created_at": "2021-03-01T09:00:00Z",
    "description": "The oven is cold.",
    "subject": "Oven",
    "via": {"channel": "email"},
    "satisfaction_rating": {"score": "good", "comment": "Quick!"},
}
COMMENTS = [
    {
        "id": 1,
        "type": "Comment",
        "author_id": 500,
        "public": True,
        "body": "The oven is cold.",
        "plain_body": "The oven is&nbsp;cold.",
        "created_at": "2021-03-01T09:00:00Z",
    },
    {"id": 2, "author_id": 600, "public": False, "body": "An old one", "created_at": "2021-03-01T09:05:00Z"},
    {
        "id": 3,
        "author_id": 600,
        "public": True,
        "html_body": "<p>Sorry!</p><p>We&#39;ll send Ann &amp; Jo.</p>",
        "created_at": "2021-03-01T10:00:00Z",
    },
    {"id": 4, "author_id": -1, "public": True, "body": "Ticket merged.", "created_at": "2021-03-02T10:00:00Z"},
]
AUDITS = [
    {
        "id": 1,
        "ticket_id": 41,
        "author_id": 600,
        "created_at": "2021-04-01T09:00:00Z",
        "via": {"channel": "web"},
        "events": [
            {"type": "Comment", "author_id": 501, "body": "It broke again", "public": True},
            {"type": "Create", "field_name": "requester_id", "value": "501"},
            {"type": "Create", "field_name": "assignee_id", "value": "600"},
        ],
    },
    {
        "id": 2,
        "ticket_id": 42,
        "author_id": 700,
        "created_at": "2021-04-01T09:01:00Z",
        "events": [{"type": "Comment", "body": "Who wrote this?", "public": True}],
    },
    {
        "id": 3,
        "ticket_id": 41,
        "author_id": 600,
        "created_at": "2021-04-01T09:10:00Z",
        "events": [
            {"type": "Comment", "body": "note to self", "public": False},
            {"type": "Comment", "body": "A new one is on its way", "public": True},
            {"type": "SatisfactionRating", "score": "bad", "body": "too slow"},
        ],
    },
    {
        "id": 4,
        "ticket_id": 43,
        "author_id": 502,
        "created_at": "2021-04-01T09:20:00Z",
        "events": [
            {
                "type": "ChatStartedEvent",
                "value": {
                    "history": [
                        {"type": "ChatJoin", "actor_type": "end-user", "timestamp": 1617269000000},
                        {
                            "type": "ChatMessage",
                            "actor_type": "end-user",
                            "actor_id": 502,
                            "message": "Hi",
                            "timestamp": 1617269001000,
                        },
                        {
                            "type": "ChatMessage",
                            "actor_type": "agent",
                            "actor_id": 600,
                            "actor_name": "Ann",
                            "message": "Hello!",
                            "timestamp": 1617269003500,
                        },
                    ]
                },
            }
        ],
    },
]
FRESH: dict[str, Any] = {
    "id": 77,
    "requester_id": 1,
    "responder_id": 2,
    "group_id": None,
    "source": 1,
    "created_at": "2022-01-01T00:00:00Z",
    "description_text": "",
    "description": "<div>Where is<br>my parcel?</div>",
    "subject": "Parcel",
    "status": 5,
    "requester": {"id": 1, "name": "Kim"},
    "conversations": [
        {
            "id": 1,
            "ticket_id": 77,
            "incoming": False,
            "private": False,
            "source": 0,
            "user_id": 2,
            "body_text": "On its way",
            "created_at": "2022-01-01T01:00:00Z",
        },
        {"id": 2, "ticket_id": 77, "incoming": False, "private": True, "source": 2, "user_id": 2, "body": "<b>hm</b>"},
        {
            "id": 3,
            "ticket_id": 77,
            "incoming": True,
            "private": False,
            "source": 0,
            "user_id": 1,
            "body": "<p>Thanks &amp; bye</p>",
            "created_at": "2022-01-01T02:00:00Z",
        },
        {"id": 4, "ticket_id": 77, "incoming": True, "private": False, "source": 6, "user_id": 1, "body": "5 stars"},
    ],
}
TALK = {
    "type": "conversation",
    "id": "900",
    "created_at": 1700000000,
    "source": {
        "type": "email",
        "id": "1",
        "delivered_as": "customer_initiated",
        "subject": "<p>Refund</p>",
        "body": "<p>I want my money back.</p><p>Now.</p>",
        "author": {"type": "user", "id": "u1", "name": "Lea", "email": "lea@example.org"},
    },
    "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "u1"}]},
    "admin_assignee_id": 5,
    "team_assignee_id": 6,
    "conversation_rating": {"rating": 2, "remark": "slow"},
    "conversation_parts": {
        "conversation_parts": [
            {
                "part_type": "comment",
                "body": "<p>Hi, I am a robot</p>",
                "created_at": 1700000005,
                "author": {"type": "admin", "id": "9", "name": "Operator"},
            },
            {"part_type": "assignment", "body": None, "created_at": 1700000006, "author": {"type": "bot", "id": "9"}},
            {"part_type": "note", "body": "<p>difficult</p>", "created_at": 1700000007, "author": {"type": "admin"}},
            {
                "part_type": "comment",
                "body": "<p>Of course.</p>",
                "created_at": 1700000060,
                "author": {"type": "admin", "id": "5", "name": "Max"},
            },
            {
                "part_type": "close",
                "body": "<p>Bye!</p>",
                "created_at": 1700000061,
                "author": {"type": "admin", "id": "5"},
            },
            {"part_type": "snoozed", "body": "<p>Later</p>", "created_at": 1700000062, "author": {"type": "admin"}},
            {
                "part_type": "open",
                "body": "<p>One more thing</p>",
                "created_at": 1700000090,
                "author": {"type": "user", "id": "u1"},
            },
            {"part_type": "comment", "body": None, "created_at": 1700000091, "author": {"type": "team", "id": "6"}},
        ]
    },
}


def told(document: object, *, name: str = "x/file.json") -> list[Transcript]:
    results = outcome(document, name)
    assert all(isinstance(result, Transcript) for result in results), results
    return [result for result in results if isinstance(result, Transcript)]


def initials(contact: Transcript) -> str:
    return "".join(turn.speaker[0] for turn in contact.turns)


def test_a_zendesk_chat() -> None:
    (contact,) = told(CHAT)
    assert [(turn.speaker, turn.start_s, turn.agent_id) for turn in contact.turns] == [
        ("customer", 0.0, None),
        ("agent", 10.0, "Ben"),
        ("bot", 18.0, None),
        ("bot", None, None),
    ]
    assert (contact.agent_id, contact.queue, contact.dropped_turns) == ("Ben", "Billing", 1)
    assert contact.skipped == {"attachment": 1, "event": 3}
    assert contact.attrs["rating"] == "good"
    assert contact.attrs["rating_comment"] == "fine after all"
    assert contact.attrs["country"] == "NZ"


def test_a_name_that_is_both_the_visitors_and_an_agents_is_neither() -> None:
    chat = {**CHAT, "agent_names": ["Ben", "Mia"]}
    (contact,) = told(chat)
    assert initials(contact) == "uabb"


def test_a_message_left_while_nobody_was_there() -> None:
    (contact,) = told(OFFLINE)
    assert [(turn.speaker, turn.text) for turn in contact.turns] == [("customer", "Please ring me back.")]
    assert contact.started_at == "2018-05-02T08:00:00+00:00"


def test_a_page_of_zendesk_chats() -> None:
    first, second, third = outcome({"chats": [CHAT, {"type": "chat"}, OFFLINE], "count": 3})
    assert isinstance(second, Reject)
    assert second.message.startswith("nowhere/sample.json:2: ")
    assert [getattr(first, "id", None), getattr(third, "id", None)] == ["1805.7.aaa", "1805.7.bbb"]
    assert [contact.id for contact in told({"docs": {"a": CHAT, "b": OFFLINE}})] == ["1805.7.aaa", "1805.7.bbb"]


def test_a_zendesk_ticket_of_an_export_has_its_comments() -> None:
    (contact,) = told({**TICKET, "comments": COMMENTS})
    assert [(turn.speaker, turn.text, turn.start_s) for turn in contact.turns] == [
        ("customer", "The oven is cold.", 0.0),
        ("agent", "Sorry!\nWe'll send Ann & Jo.", 3600.0),
        ("system", "Ticket merged.", 90000.0),
    ]
    assert (contact.id, contact.agent_id, contact.customer_id) == ("31", "600", "500")
    assert (contact.channel, contact.queue, contact.skipped) == ("email", "9", {"internal note": 1})
    assert contact.attrs["rating"] == "good"
    assert contact.attrs["rating_scale"] == "good or bad"


def test_zendesk_tickets_in_their_wrappers() -> None:
    assert [contact.id for contact in told({"tickets": [TICKET, {**TICKET, "id": 32}]})] == ["31", "32"]
    (contact,) = told({"ticket": TICKET})
    assert (contact.id, initials(contact), contact.agent_id, contact.attrs["assignee"]) == ("31", "c", None, "600")
    (one,) = told({"ticket": TICKET, "comments": COMMENTS})
    assert initials(one) == "cas"
    whole = {**TICKET, "requester": {"id": 500}, "assignee": {"id": 600}, "submitter": {"id": 500}}
    for key in ("requester_id", "assignee_id", "submitter_id"):
        del whole[key]
    (other,) = told({**whole, "comments": COMMENTS})
    assert initials(other) == "cas"


def test_a_zendesk_ticket_of_which_a_script_kept_little() -> None:
    few = {"id": 31, "requester_id": 500}
    for ticket, speakers in (
        ({**few, "description": "The oven is cold."}, "c"),
        ({**few, "comments": COMMENTS}, "cas"),
        ({"id": 31, "requester": {"id": 500}, "comments": COMMENTS}, "cas"),
    ):
        for document in (ticket, {"ticket": ticket}, {"tickets": [ticket]}):
            (contact,) = told(document)
            assert (contact.format, contact.id, initials(contact)) == ("zendesk-ticket", "31", speakers)


def test_what_is_nearly_a_zendesk_ticket_is_none() -> None:
    for document in (
        {"requester_id": 500, "responder_id": 2, "description": "Where is it?"},
        {"requester_id": 500, "comments": [{"text": "hello"}]},
        {"requester_id": 500, "comments": []},
        {"requester": "Eve", "description": "a request"},
    ):
        assert not ZENDESK_TICKET.detect(document)


def test_a_survey_that_nobody_answered_is_no_rating() -> None:
    (contact,) = told({**TICKET, "satisfaction_rating": {"score": "unoffered"}})
    assert not {"rating", "rating_scale"} & set(contact.attrs)


def test_a_ticket_that_an_agent_wrote_for_the_customer() -> None:
    (contact,) = told({**TICKET, "submitter_id": 600})
    assert [(turn.speaker, turn.agent_id) for turn in contact.turns] == [("agent", "600")]


def test_an_assignee_is_the_agent_only_of_what_an_agent_said() -> None:
    own = {**TICKET, "assignee_id": 500}
    (himself,) = told(own)
    assert (himself.customer_id, himself.agent_id, himself.attrs.get("assignee")) == ("500", None, None)
    (answered,) = told({**own, "comments": COMMENTS})
    assert (answered.agent_id, answered.attrs.get("assignee")) == ("600", None)
    silent: Any = [COMMENTS[0], {**COMMENTS[2], "author_id": 500}]
    (alone,) = told({**TICKET, "comments": silent})
    assert (initials(alone), alone.agent_id, alone.attrs["assignee"]) == ("cc", None, "600")
    audits: Any = copy.deepcopy(AUDITS[:1])
    audits[0]["events"][2]["value"] = "501"
    (asked,) = told(audits)
    assert (asked.customer_id, asked.agent_id, asked.attrs.get("assignee")) == ("501", None, None)


def test_a_turn_of_a_nameless_agent_is_the_assignees() -> None:
    reply: Any = {key: value for key, value in FRESH["conversations"][0].items() if key != "user_id"}
    (spoken,) = told({**FRESH, "conversations": [reply]})
    assert (initials(spoken), spoken.agent_id, spoken.attrs.get("assignee")) == ("ca", "2", None)
    (silent,) = told({**FRESH, "conversations": [{**reply, "body_text": " "}]})
    assert (initials(silent), silent.agent_id, silent.attrs["assignee"]) == ("c", None, "2")
    (waiting,) = told({**TALK, "conversation_parts": []})
    assert (initials(waiting), waiting.agent_id, waiting.attrs["assignee"]) == ("c", None, "5")


def test_comments_without_their_ticket_tell_roles_only_with_users() -> None:
    (contact,) = told({"comments": COMMENTS})
    assert initials(contact) == "uus"
    users = [{"id": 500, "role": "end-user", "name": "Eve"}, {"id": 600, "role": "admin"}]
    (known,) = told({"comments": COMMENTS, "users": users})
    assert (initials(known), known.agent_id) == ("cas", "600")
    (listed,) = told(COMMENTS)
    assert initials(listed) == "uus"


def test_roles_of_comments_without_their_ticket_are_declared(tmp_path: Path) -> None:
    path = tmp_path / "31.json"
    path.write_text(json.dumps({"comments": COMMENTS}))
    (contact,), _ = read(path, roles=["600=agent", "500=customer"])
    assert (initials(contact), contact.agent_id) == ("cas", "600")


def test_a_colleague_of_the_customer_is_no_agent_where_users_say_so() -> None:
    more = {"id": 5, "author_id": 501, "public": True, "body": "Me too", "created_at": "2021-03-03T10:00:00Z"}
    comments = [*COMMENTS, more]
    (guess,) = told({"ticket": TICKET, "comments": comments})
    (known,) = told({"ticket": TICKET, "comments": comments, "users": [{"id": 501, "role": "end-user"}]})
    assert (initials(guess), initials(known)) == ("casa", "casc")


def test_ticket_and_comments_of_the_api_side_by_side_are_one_contact(tmp_path: Path) -> None:
    ticket, comments = tmp_path / "ticket.json", tmp_path / "comments.json"
    ticket.write_text(json.dumps({"ticket": TICKET}))
    (alone,), _ = read(ticket)
    assert initials(alone) == "c"
    comments.write_text(json.dumps({"comments": COMMENTS}))
    for path in (ticket, comments):
        (contact,), rejects = read(path)
        assert (contact.id, initials(contact), rejects) == ("31", "cas", [])
    _, (again,) = read(comments, ticket)
    assert again.code == "duplicate_contact"
    comments.write_text("{")
    found, (broken,) = read(ticket)
    assert (found, broken.code) == ([], "json")
    assert "comments.json" in broken.message


def test_audits_of_many_tickets() -> None:
    for document in (AUDITS, {"audits": AUDITS}, AUDITS[::-1]):
        first, second, third = sorted(told(document), key=lambda contact: contact.id)
        assert (first.id, initials(first), first.agent_id, first.customer_id) == ("41", "ca", "600", "501")
        assert first.skipped == {"event": 3, "internal note": 1}
        assert (first.attrs["rating"], first.attrs["rating_comment"]) == ("bad", "too slow")
        assert (second.id, initials(second), second.agent_id) == ("42", "u", None)
        assert (third.id, initials(third), third.agent_id, third.skipped) == ("43", "ca", "600", {"event": 2})
        assert [turn.start_s for turn in third.turns] == [0.0, 2.5]


def test_who_was_requester_before_is_still_the_customer() -> None:
    audits: Any = copy.deepcopy(AUDITS[:1])
    change = {"type": "Change", "field_name": "requester_id", "value": "502", "previous_value": "501"}
    audits.insert(0, {**audits[0], "id": 9, "created_at": "2021-04-02T09:00:00Z", "events": [change]})
    (contact,) = told(audits)
    assert (initials(contact), contact.customer_id) == ("c", "502")


def test_a_freshdesk_ticket_with_its_conversations() -> None:
    (contact,) = told(FRESH)
    assert [(turn.speaker, turn.text, turn.start_s) for turn in contact.turns] == [
        ("customer", "Where is\nmy parcel?", 0.0),
        ("agent", "On its way", 3600.0),
        ("customer", "Thanks & bye", 7200.0),
    ]
    assert contact.skipped == {"internal note": 1, "survey": 1}
    assert (contact.channel, contact.agent_id, contact.customer_id) == ("email", "2", "1")


def test_a_freshdesk_ticket_that_an_agent_started() -> None:
    (contact,) = told({**FRESH, "source": 10, "conversations": []})
    assert [(turn.speaker, turn.agent_id) for turn in contact.turns] == [("agent", "2")]


def test_freshdesk_wrappers_and_lists() -> None:
    notes = [{"note": entry} for entry in FRESH["conversations"]]
    old = {key: value for key, value in FRESH.items() if key != "conversations"}
    (first,) = told({"helpdesk_ticket": {**old, "notes": notes}})
    assert initials(first) == "cac"
    results = outcome({"results": [FRESH, 7], "total": 2})
    assert [getattr(result, "id", None) for result in results] == ["77", None]
    assert getattr(results[1], "code", None) == "no_turns"
    entries: Any = copy.deepcopy(FRESH["conversations"])
    entries[0]["ticket_id"] = 78
    assert [(contact.id, initials(contact)) for contact in told(entries)] == [("78", "a"), ("77", "c")]


def test_freshdesk_notes_of_a_ticket_alone_are_no_contact() -> None:
    reply, note, *_ = FRESH["conversations"]
    results = outcome([{**note, "ticket_id": 78}, reply])
    assert [getattr(result, "id", getattr(result, "code", None)) for result in results] == ["no_turns", "77"]
    assert "only internal notes" in getattr(results[0], "message", "")
    for single in (reply, note, {"note": note}):
        (refused,) = outcome(single)
        assert getattr(refused, "code", None) == "no_turns"


def test_freshdesk_ticket_and_conversations_side_by_side(tmp_path: Path) -> None:
    entries: Any = copy.deepcopy(FRESH["conversations"])
    entries[0]["ticket_id"] = 78
    ticket = {key: value for key, value in FRESH.items() if key != "conversations"}
    (tmp_path / "ticket.json").write_text(json.dumps(ticket))
    (tmp_path / "conversations.json").write_text(json.dumps(entries))
    (contact,), rejects = read(tmp_path / "ticket.json")
    assert (contact.id, initials(contact), rejects) == ("77", "cc", [])
    both, _ = read(tmp_path / "conversations.json")
    assert [(found.id, initials(found)) for found in both] == [("78", "a"), ("77", "cc")]


def test_a_page_that_cannot_hold_all_messages_says_so() -> None:
    def warned(document: object) -> bool:
        return any("missing" in warning for contact in told(document) for warning in contact.warnings)

    for more in ({"next_page": "https://x.zendesk.com/2"}, {"meta": {"has_more": True}}):
        assert warned({"comments": COMMENTS, **more})
        assert warned({"ticket": TICKET, "comments": COMMENTS, **more})
        assert not warned({"tickets": [{**TICKET, "comments": COMMENTS}], **more})  # more tickets, not comments
        assert not warned({"tickets": [TICKET], **more})
    assert not warned({"comments": COMMENTS, "next_page": None, "meta": {"has_more": False}})
    reply = FRESH["conversations"][0]
    assert [warned({**FRESH, "conversations": [reply] * count}) for count in (9, 10, 11)] == [False, True, False]
    part = TALK["conversation_parts"]["conversation_parts"][0]
    assert [warned({**TALK, "conversation_parts": [part] * count}) for count in (499, 500)] == [False, True]


def test_zendesks_record_of_a_call_is_nobodys_words() -> None:
    record = "Call from: +1 (555) 0100\nTime of call: 9:00\nLength of phone call: 2 minutes"
    call = {"type": "VoiceComment", "author_id": 500, "public": True, "body": record, "plain_body": record}
    spoken = {**call, "data": {"call_duration": 20, "transcription_text": "Please call me back."}}
    silent = {**call, "data": {"call_duration": 120, "transcription_text": None}}
    (contact,) = told({"ticket": {**TICKET, "comments": [spoken, silent]}})
    assert [(turn.speaker, turn.text) for turn in contact.turns] == [("customer", "Please call me back.")]
    assert contact.skipped == {"call record": 1}
    audit = {"id": 1, "ticket_id": 31, "author_id": 500, "created_at": "2021-03-01T09:00:00Z"}
    (audited,) = told({"audits": [{**audit, "events": [spoken, silent]}]})
    assert ([turn.text for turn in audited.turns], audited.skipped) == (["Please call me back."], {"call record": 1})


def test_what_freshdesk_forwards_to_others_is_not_said_to_the_customer() -> None:
    forwarded = {"ticket_id": 77, "user_id": 2, "incoming": False, "private": False, "source": 8, "body_text": "Lost?"}
    ticket = {**FRESH, "conversations": [*FRESH["conversations"], forwarded]}
    (before,), (after,) = told(FRESH), told(ticket)
    assert after.turns == before.turns
    assert after.skipped == {**before.skipped, "forwarded mail": 1}


def test_an_intercom_conversation() -> None:
    (contact,) = told(TALK)
    assert [(turn.speaker, turn.text, turn.start_s) for turn in contact.turns] == [
        ("customer", "I want my money back.\nNow.", 0.0),
        ("bot", "Hi, I am a robot", 5.0),
        ("agent", "Of course.", 60.0),
        ("agent", "Bye!", 61.0),
        ("customer", "One more thing", 90.0),
    ]
    assert contact.skipped == {"event": 2, "internal note": 1}
    assert (contact.dropped_turns, contact.channel, contact.queue) == (1, "email", "6")
    assert (contact.attrs["rating"], contact.attrs["rating_scale"]) == (2, "1 to 5")
    assert contact.attrs["subject"] == "Refund"
    assert any('"snoozed" holds a text' in warning for warning in contact.warnings)


def test_intercoms_messages_that_come_with_an_act() -> None:
    def part(kind: str, body: str | None, author: str) -> dict[str, Any]:
        return {"part_type": kind, "body": body, "author": {"type": author, "id": author}, "created_at": 1700000100}

    parts = [
        part("quick_reply", "<p>Which plan?</p>", "bot"),
        part("comment", "<p>Pro</p>", "user"),
        part("assignment", "<p>Hi, Max here.</p>", "admin"),
        part("assignment", None, "admin"),
        part("close", "<p>Bye!</p>", "admin"),
        part("close", None, "admin"),
    ]
    (contact,) = told({**TALK, "conversation_parts": {"conversation_parts": parts}})
    assert [turn.text for turn in contact.turns[1:]] == ["Which plan?", "Pro", "Hi, Max here.", "Bye!"]
    assert (initials(contact), contact.skipped) == ("cbcaa", {"event": 2})


def test_intercoms_deleted_messages_are_nobodys_words() -> None:
    gone = {"body": "<p><i>This message was deleted</i></p>", "redacted": True}
    talk: Any = copy.deepcopy(TALK)
    talk["source"] |= gone
    talk["conversation_parts"]["conversation_parts"][3] |= gone
    (contact,) = told(talk)
    assert [turn.text for turn in contact.turns] == ["Hi, I am a robot", "Bye!", "One more thing"]
    assert contact.skipped == {"event": 2, "internal note": 1, "redacted message": 2}
    assert contact.started_at == "2023-11-14T22:13:25+00:00"


def test_an_intercom_list_with_a_hole() -> None:
    results = outcome({"type": "conversation.list", "conversations": [TALK, {"type": "conversation", "id": "2"}]})
    assert [type(result).__name__ for result in results] == ["Transcript", "Reject"]
    assert initials(told({"type": "list", "data": [TALK]})[0]) == "cbaac"


def test_roles_are_declared_by_id_or_name(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text(json.dumps(TALK))
    (contact,), _ = read(path, roles=["Max=other", "u1=agent"])
    assert initials(contact) == "aboaa"


def test_help_desks_leave_out_what_mails_quote() -> None:
    history = "\n\nOn 1 March 2021, Eve wrote:\n> The oven is cold."
    reply = {**FRESH["conversations"][0], "body_text": f"On its way{history}"}
    comment = {**COMMENTS[0], "author_id": 600, "plain_body": f"We come.{history}"}
    talk: Any = copy.deepcopy(TALK)
    talk["conversation_parts"]["conversation_parts"][3]["body"] = f"Of course.{history}"
    for document, said in (
        ({**FRESH, "source": 2, "conversations": [reply]}, "On its way"),
        ({**TICKET, "via": {"channel": "web"}, "comments": [comment]}, "We come."),
        (talk, "Of course."),
    ):
        (contact,) = told(document)
        assert said in [turn.text for turn in contact.turns]
        assert any(warning.startswith("quoted history was left out") for warning in contact.warnings)


# Document, where its entries lie, how many there are, and the fields that make it what it is.
COUNTED: list[tuple[Any, tuple[str, ...], int, tuple[str, ...]]] = [
    (CHAT, ("history",), 9, ()),
    ({**TICKET, "comments": COMMENTS}, ("comments",), 4, ()),
    ({"audits": AUDITS[:3]}, ("events",), 7, ()),
    (FRESH, ("conversations",), 5, ()),
    (TALK, ("conversation_parts",), 9, ("conversation_parts",)),
]


@pytest.mark.parametrize("which", range(len(COUNTED)))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_entry_is_accounted_for_whatever_its_fields_hold(which: int, data: st.DataObject) -> None:
    document, deep, count, needed = COUNTED[which]
    outside = kept(*deep)
    mixed = data.draw(junked(document, lambda place: outside(place) or place[-1] in needed))
    assert entries_told(outcome(mixed)) == count


@pytest.mark.parametrize("document", [CHAT, OFFLINE, TICKET, {"comments": COMMENTS}, {"audits": AUDITS}, FRESH, TALK])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_anything_anywhere_raises_nothing(document: object, data: st.DataObject) -> None:
    assert outcome(data.draw(junked(document)))


@settings(max_examples=60, deadline=None)
@given(document=st.one_of(JSON, keyed([CHAT, OFFLINE, TICKET, COMMENTS, AUDITS, FRESH, TALK])))
def test_detection_answers_for_anything(document: object) -> None:
    for known in FORMATS:
        if known.detect(document):
            assert outcome(document)
