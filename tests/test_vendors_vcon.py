import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junk import JSON, entries_told, junked, keyed, outcome
from reading import Facts, facts, read

from cxsentiment.ingest.documents import find_format
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.vendors.vcon import VCON
from cxsentiment.schema import Reject, Transcript

CALL = (
    "Hello. This is example.com. My name is Bob. How can I help you? Hi. I'd like to add Sue to my service. Okay. Can "
    "you give me your name and phone number so I can look up your account? My name is Alice, and my number is "
    "+1 234567890. Thank you. Okay. I've added two to your service. Is there anything else I can help you with? No. "
    "Thank you. Goodbye. Goodbye. Have a nice day."
)
QUOTED = (
    "Hi Bob:Got it. Thanks.\n\n    On Friday, September 23, 2022, 9:44:40 PM UTC, Bob <b@example.com> wrote:  \n \n "
    "Alice:Please find the image attached.\n\nRegards,Bob"
)
FOLLOWED = (
    "Awesome!\n\n    On Friday, September 23, 2022, 23:34: PM UTC, Bob <b@example.com> wrote:  \n\n  Hi Alice:\n"
    "  All is fine. Thanks.\n  \n      On Friday, September 23, 2022, 23:24:59 PM UTC, Alice <a@example.com> wrote:  \n"
    "   \n    Hi Bob:\n    I just wanted to follow up to see that your account is ok now.\n    \n    Regards,\n"
    "    Alice"
)


def server(id: str, first: str, last: str, started_at: str, agent_id: str, customer_id: str) -> Facts:
    return Facts(
        id, "acacacacaca", (None, None, first), (None, None, last), started_at, agent_id, customer_id, channel="call"
    )


# Read off the files by eye; ../shared/formats/open/vcon/<file>.
OPEN: dict[str, Facts] = {
    "ietf_ab_call_ext_rec_analysis.vcon": Facts(
        id="0195544a-b9b1-8ee4-b9a2-279e0d16bc46",
        speakers="u",
        first=(1.2, 32.074875, CALL),
        last=(1.2, 32.074875, CALL),
        started_at="2022-06-21T17:53:26+00:00",
        channel="call",
    ),
    "ietf_ab_email_acct_prob_thread.vcon": Facts(
        id="0195544a-cc55-8d85-b9a2-279e0d16bc46",
        speakers="uu",
        first=(0.0, None, "Alice:Please find the image attached.\n\nRegards,Bob"),
        last=(34.0, None, QUOTED),
        started_at="2022-09-23T21:44:25+00:00",
        channel="email",
    ),
    "ietf_ab_email_prob_followup_text_thread.vcon": Facts(
        id="0195544a-d292-8cda-b9a2-279e0d16bc46",
        speakers="uuu",
        first=(0.0, None, "Hi Bob:\nI just wanted to follow up to see that your account is ok now.\n\nRegards,\nAlice"),
        last=(793.0, None, FOLLOWED),
        started_at="2022-09-23T23:24:59+00:00",
        channel="email",
    ),
    "server_05cec3d4.vcon.json": server(
        "05cec3d4-0561-4010-9fb8-23cc7edef146",
        "Good day! My name is Louis Anderson, and I'm with PetroMax, the premier gas station chain. "
        "May I have your name please?",
        "Goodbye, Olivia. Have a great day!",
        "2024-03-16T16:09:20.701736",
        "louis.anderson@gasstation.com",
        "+11124724907",
    ),
    "server_11ca4148.vcon.json": server(
        "11ca4148-6369-41fc-a3ac-476c31cf9740",
        "Hello! My name is Brian Martinez, and I'm with Green Thumb Gardening Services. May I have your name, please?",
        "You're welcome, Samantha! Thank you for contacting Green Thumb Gardening Services. Have a great day!",
        "2024-03-16T07:07:11.240727",
        "brian.martinez@gardeningservice.com",
        "+18416977122",
    ),
    "server_17ff8328.vcon.json": server(
        "17ff8328-3a85-457b-b8c4-db874ade4d58",
        "Hello! My name is Benjamin Russell, and I'm with Arcade Security Solutions. How can I assist you today?",
        "You're welcome, Julia. If there's anything else you need, just let me know. And thank you for contacting "
        "Arcade Security Solutions. Have a great day!",
        "2024-03-16T16:08:29.819583",
        "benjamin.russell@arcade.com",
        "+12510260159",
    ),
    # Its transcript is called analysis_info, and is one by its shape.
    "server_hugging_llm_test.vcon.json": server(
        "0193db2c-2bf7-88a3-9dd8-dd37220d739c",
        "Hello! My name is Walter Gonzalez, and I'm with Clean Shirts R Us, your friendly dry cleaning service.",
        "I understand, and I’ll do my best to expedite the process. Thank you for your time, Tiffany. "
        "Have a wonderful day!",
        "2024-12-18T14:08:44.685843",
        "walter.gonzalez@drycleaner.com",
        "+16326928505",
    ),
}
SEALED = {"ietf_ab_call_ext_rec_signed.vcon": "signed", "ietf_ab_call_ext_rec_encrypted.vcon": "encrypted"}
# The 11 invalid ones and the placeholder of the drafts: the place that the refusal must name.
INVALID = {
    "vcon__ietf_simple-vcon.vcon": ("json", "line 2 column 15"),
    "vcon_invalid__bad_dialog_types.json": ("vcon", "dialog 0: duration is text"),
    "vcon_invalid__bad_duration.json": ("vcon", "dialog 0: duration is negative"),
    "vcon_invalid__bad_mimetype.json": ("vcon", "dialog 0: mediatype"),
    "vcon_invalid__bad_party_ref.json": ("vcon", "dialog 0: parties names 99, but there are 2"),
    "vcon_invalid__bad_url.json": ("vcon", "dialog 0: url"),
    "vcon_invalid__empty_vcon.json": ("no_turns", "no dialog and no transcript"),
    "vcon_invalid__invalid_dialog_url.json": ("vcon", "dialog 0: url"),
    "vcon_invalid__missing_uuid_and_vcon_version.json": ("no_turns", "dialog 0 (type recording)"),
    "vcon_invalid__null_dialog_string_analysis.json": ("vcon", '"dialog" is null'),
    "vcon_invalid__null_parties.json": ("vcon", '"parties" is null'),
    "vcon_invalid__out_of_range_party_indices.json": ("vcon", "dialog 0: parties names 5, 9"),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / "vcon" / name)
    assert rejects == []
    assert facts(contact) == OPEN[name]
    assert (contact.format, contact.skipped) == ("vcon", {})


@pytest.mark.shared
@pytest.mark.parametrize("name", SEALED)
def test_signed_and_encrypted_ones_are_refused_by_name(shared: Path, name: str) -> None:
    contacts, (reject,) = read(shared / "formats" / "open" / "vcon" / name)
    assert (contacts, reject.code) == ([], SEALED[name])


@pytest.mark.shared
@pytest.mark.parametrize("name", INVALID)
def test_invalid_ones_are_refused_with_the_place(shared: Path, name: str) -> None:
    path = shared / "formats" / "hostile" / "near_miss_from_docs" / name
    contacts, (reject,) = read(path)
    code, place = INVALID[name]
    assert (contacts, reject.code) == ([], code)
    assert reject.message.startswith(path.as_posix())
    assert place in reject.message


@pytest.mark.shared
def test_roles_of_a_call_without_roles_are_declared(shared: Path) -> None:
    folder = shared / "formats" / "open" / "vcon"
    (mail,), _ = read(folder / "ietf_ab_email_acct_prob_thread.vcon", roles=["Bob=agent", "a@example.com=customer"])
    assert ([turn.speaker for turn in mail.turns], mail.agent_id) == (["agent", "customer"], "b@example.com")
    (call,), _ = read(folder / "ietf_ab_call_ext_rec_analysis.vcon", roles=["speaker:0=agent"])
    assert [turn.speaker for turn in call.turns] == ["agent"]


@pytest.mark.shared
def test_exactly_the_vcons_are_claimed(shared: Path) -> None:
    folder = shared / "formats" / "open"
    claimed = set()
    for path in sorted(folder.rglob("*")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        parts = document if isinstance(document, list) else [document]
        if any(VCON.detect(part) for part in parts):
            assert find_format(document, ReadOptions()) is VCON
            claimed.add(path.relative_to(folder / "vcon").as_posix())
    assert claimed == {*OPEN, *SEALED}


# Our own documents of the same shapes.
PARTIES = [
    {"name": "Nia", "tel": "+6421000000", "role": "customer"},
    {"name": "Oto", "mailto": "mailto:oto@shop.example", "meta": {"role": "Agent"}},
    {"name": "Helper", "role": "ai"},
]


def vcon(*, dialog: object = (), analysis: object = (), **more: object) -> dict[str, Any]:
    return {
        "vcon": "0.0.2",
        "uuid": "v-1",
        "parties": PARTIES,
        "dialog": list(dialog) if isinstance(dialog, tuple) else dialog,
        "analysis": list(analysis) if isinstance(analysis, tuple) else analysis,
        **more,
    }


def message(body: str, second: int, parties: object, **more: object) -> dict[str, object]:
    start = f"2025-02-03T10:00:{second:02}Z"
    return {"type": "text", "start": start, "parties": parties, "mediatype": "text/plain", "body": body, **more}


RECORDING = {"type": "recording", "start": "2025-02-03T10:00:00+00:00", "duration": 60, "parties": [0, 1]}


def transcript(body: object, **more: object) -> dict[str, object]:
    return {"type": "transcript", "dialog": 0, "vendor": "x", "body": body, **more}


LIST = [{"speaker": "Nia", "message": "My kettle leaks."}, {"speaker": "Oto", "message": "Oh no."}]
THREAD = vcon(
    dialog=(
        message("Hi", 0, 0),
        message("<p>Hello <b>Nia</b></p>", 4, [1, 0], mediatype="text/html"),
        message("I can help", 5, [0, 2], originator=2),
        {"type": "transfer", "start": "2025-02-03T10:00:06Z", "parties": [0, 1]},
        {"type": "text", "start": "2025-02-03T10:00:07Z", "parties": [0], "url": "https://x.example/m"},
        message("", 8, 0),
    )
)


def told(document: object) -> Transcript:
    (result,) = outcome(document)
    assert isinstance(result, Transcript), result
    return result


def said(contact: Transcript) -> list[tuple[str, str, float | None, float | None]]:
    return [(turn.speaker, turn.text, turn.start_s, turn.end_s) for turn in contact.turns]


def test_messages_are_their_partys() -> None:
    contact = told(THREAD)
    assert said(contact) == [
        ("customer", "Hi", 0.0, None),
        ("agent", "Hello Nia", 4.0, None),
        ("bot", "I can help", 5.0, None),
    ]
    assert (contact.dropped_turns, contact.skipped) == (1, {"event": 1, "external content": 1})
    assert (contact.agent_id, contact.customer_id, contact.channel) == ("oto@shop.example", "+6421000000", "chat")
    assert [party.label for party in contact.parties] == ["Nia", "Oto", "Helper"]


@pytest.mark.parametrize(
    "body", [LIST, json.dumps(LIST), json.dumps({"conversation": LIST})], ids=["list", "text", "in"]
)
def test_a_list_of_speakers_and_messages_takes_the_roles_of_parties_by_name(body: object) -> None:
    contact = told(vcon(dialog=(RECORDING,), analysis=(transcript(body, encoding="json"),)))
    assert said(contact) == [("customer", "My kettle leaks.", None, None), ("agent", "Oh no.", None, None)]
    assert (contact.started_at, contact.channel) == ("2025-02-03T10:00:00+00:00", "call")


def test_a_message_without_a_speaker_is_nobodys_and_one_without_words_is_counted() -> None:
    contact = told(
        vcon(dialog=(RECORDING,), analysis=(transcript([*LIST, {"message": "Hold on."}, {"speaker": "Oto"}]),))
    )
    assert [(turn.speaker, turn.text) for turn in contact.turns][2:] == [("unknown", "Hold on.")]
    assert contact.dropped_turns == 1
    assert any("1 turn has no speaker" in warning for warning in contact.warnings)


def test_a_body_in_base64url() -> None:
    body = base64.urlsafe_b64encode(json.dumps(LIST).encode()).decode().rstrip("=")
    contact = told(vcon(dialog=(RECORDING,), analysis=(transcript(body, encoding="base64url"),)))
    assert [turn.text for turn in contact.turns] == ["My kettle leaks.", "Oh no."]


def word(text: str, start: float, speaker: int | None = None) -> dict[str, object]:
    more = {} if speaker is None else {"speaker": speaker}
    return {"word": text.lower(), "punctuated_word": text, "start": start, "end": start + 0.5, **more}


def test_words_are_joined_while_the_speaker_stays() -> None:
    words = [word("Hello.", 1, 0), word("Yes?", 2, 0), word("Hi.", 3, 1), word("So.", 4, 0)]
    alternative = {"transcript": "Hello. Yes? Hi. So.", "words": words}
    whole = {"results": {"channels": [{"alternatives": [alternative]}]}}
    for body in (whole, alternative):
        contact = told(vcon(dialog=(RECORDING,), analysis=(transcript(body),)))
        assert said(contact) == [
            ("unknown", "Hello. Yes?", 1.0, 2.5),
            ("unknown", "Hi.", 3.0, 3.5),
            ("unknown", "So.", 4.0, 4.5),
        ]
        assert {party.label for party in contact.parties} == {"0", "1"}


def test_channels_are_told_apart_and_stand_in_order_of_time() -> None:
    channels = [
        {"alternatives": [{"words": [word("Hello.", 1), word("Bye.", 9)]}]},
        {"alternatives": [{"words": [word("Hi.", 3)]}]},
    ]
    document = vcon(dialog=(RECORDING,), analysis=(transcript({"results": {"channels": channels}}),))
    contact = told(document)
    assert [turn.text for turn in contact.turns] == ["Hello. Bye.", "Hi."]
    assert [party.label for party in contact.parties] == ["channel:0", "channel:1"]


def test_segments_and_utterances() -> None:
    segments = [
        {"start": 0.5, "end": 1.5, "text": " My kettle leaks.", "speaker": 0},
        {"start": 2, "end": 3, "text": "Oh no.", "speaker": 1},
    ]
    body = {
        "transcript": {"text": "My kettle leaks. Oh no."},
        "segments": segments,
        "speakers": {"0": {"label": "Nia"}, "1": {"label": "somebody"}},
    }
    kinds = ({"type": "wtf_transcription"}, {"type": None, "purpose": "wtf_transcription"})
    for kind in kinds:
        item = {**transcript(body), **kind}
        more: dict[str, Any] = {"analysis": (item,)} if kind["type"] else {"attachments": [item]}
        contact = told(vcon(dialog=(RECORDING,), **more))
        assert said(contact) == [("customer", "My kettle leaks.", 0.5, 1.5), ("unknown", "Oh no.", 2.0, 3.0)]
    utterances = [{"start": 0.5, "end": 1.5, "transcript": "Hi.", "speaker": 3}]
    contact = told(vcon(dialog=(RECORDING,), analysis=(transcript({"results": {"utterances": utterances}}),)))
    assert said(contact) == [("unknown", "Hi.", 0.5, 1.5)]


def test_a_whole_text_is_one_turn_of_nobody_known() -> None:
    for body in ("Hello and goodbye", {"transcript": "Hello and goodbye"}, {"text": "Hello and goodbye"}):
        contact = told(vcon(dialog=(RECORDING,), analysis=(transcript(body),)))
        assert said(contact) == [("unknown", "Hello and goodbye", None, None)]


def test_a_second_recording_counts_its_times_from_the_first() -> None:
    later = {**RECORDING, "start": "2025-02-03T10:02:00+00:00"}
    first = [{"speaker": "Nia", "text": "One", "start": 1, "duration": 1}]
    second = [{"party": 1, "text": "Two", "start": 1, "end": 2}]
    document = vcon(dialog=(RECORDING, later), analysis=(transcript(second, dialog=1), transcript(first, dialog=0)))
    assert said(told(document)) == [("customer", "One", 1.0, 2.0), ("agent", "Two", 121.0, 122.0)]


def test_a_dialog_has_one_transcript() -> None:
    document = vcon(dialog=(RECORDING,), analysis=(transcript(LIST), transcript("My kettle leaks. Oh no.")))
    contact = told(document)
    assert len(contact.turns) == 2
    assert any("several transcripts" in warning for warning in contact.warnings)
    text = vcon(dialog=(message("My kettle leaks.", 0, 0),), analysis=(transcript("My kettle leaks."),))
    assert len(told(text).turns) == 1


def test_faults_beside_a_good_transcript_are_warnings() -> None:
    broken = {**RECORDING, "parties": [0, 7], "duration": -1}
    contact = told(vcon(dialog=(broken,), analysis=(transcript(LIST),)))
    assert len(contact.turns) == 2
    assert "dialog 0: parties names 7, but there are 3" in contact.warnings
    assert "dialog 0: duration is negative" in contact.warnings


MAIL = (
    "--b\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    "<p>Caf=C3=A9 &amp; more</p>\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "aGk=\r\n--b--\r\n"
)


def test_mails() -> None:
    mixed = message(MAIL, 0, 0, mediatype='multipart/mixed;\r\n\tboundary="b"')
    whole = message("Subject: x\nContent-Type: text/plain\n\nShort and plain", 5, 1, mediatype="message/rfc822")
    broken = message("no parts", 9, 1, mediatype="multipart/mixed; boundary")
    contact = told(vcon(dialog=(mixed, whole, broken)))
    assert [turn.text for turn in contact.turns] == ["Café & more", "Short and plain"]
    assert (contact.channel, contact.dropped_turns) == ("email", 1)


def test_one_vcon_a_line(tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    path.write_text("\n".join(json.dumps({**THREAD, "uuid": name}) for name in ("a", "b")))
    contacts, rejects = read(path)
    assert ([contact.id for contact in contacts], rejects) == (["a", "b"], [])
    one = tmp_path / "one.vcon"
    one.write_text(json.dumps(THREAD))
    (contact,), _ = read(one)
    assert not [warning for warning in contact.warnings if "by its content" in warning]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_message_is_accounted_for_whatever_its_fields_hold(data: st.DataObject) -> None:
    mixed = data.draw(junked(THREAD, lambda place: len(place) < 3 or place[0] != "dialog" or place[-1] == "type"))
    assert entries_told(outcome(mixed)) == 6


DOCUMENTS: list[Any] = [
    THREAD,
    vcon(dialog=(RECORDING,), analysis=(transcript(LIST),)),
    vcon(dialog=(RECORDING,), analysis=(transcript({"segments": [{"text": "a", "start": 1, "speaker": 0}]}),)),
    vcon(
        dialog=(RECORDING,),
        analysis=(transcript({"results": {"channels": [{"alternatives": [{"words": [word("Hi.", 1, 0)]}]}]}}),),
    ),
    vcon(dialog=(message(MAIL, 0, 0, mediatype='multipart/mixed; boundary="b"'),)),
]


@pytest.mark.parametrize("which", range(len(DOCUMENTS)))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_anything_anywhere_raises_nothing(which: int, data: st.DataObject) -> None:
    assert outcome(data.draw(junked(copy.deepcopy(DOCUMENTS[which]))))


@settings(max_examples=60, deadline=None)
@given(document=st.one_of(JSON, keyed([*DOCUMENTS, {"payload": "x", "signatures": [], "ciphertext": "y"}])))
def test_detection_answers_for_anything(document: object) -> None:
    if VCON.detect(document):
        assert all(isinstance(result, (Transcript, Reject)) for result in outcome(document))


@settings(max_examples=60, deadline=None)
@given(
    body=st.text(max_size=80),
    media=st.sampled_from(
        ["multipart/mixed; boundary=b", "multipart/alternative", "message/rfc822", "multipart/x; charset=none"]
    ),
    head=st.sampled_from(["", "--b\nContent-Type: text/plain; charset=no-such\n\n", "--b\nContent-Type: text/\n\n"]),
)
def test_no_mail_raises(body: str, media: str, head: str) -> None:
    assert entries_told(outcome(vcon(dialog=(message(head + body, 0, 0, mediatype=media),)))) == 1
