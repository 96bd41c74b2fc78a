import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.errors import InputError
from cxsentiment.ingest.dates import DateRules
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.records import read_or_reject, read_record
from cxsentiment.schema import SPEAKERS, Party, Reject, Transcript, Turn

AGENT = {"speaker": "agent", "text": "Hello there."}
CUSTOMER = {"speaker": "customer", "text": "Hi."}


def read(record: object, **options) -> Transcript:
    return read_record(record, source="in/calls.jsonl", number=7, options=ReadOptions(**options))


def test_a_whole_record() -> None:
    contact = read(
        {
            "id": "001",
            "channel": "call",
            "agent_id": "a7",
            "customer_id": 42,
            "campaign": "spring",
            "queue": "billing",
            "started_at": "2024-05-01T10:00:00Z",
            "csat": 4,
            "nps": "9",
            "ces": None,
            "labels": {"x": 1},
            "language": "en",
            "attrs": {"site": "north"},
            "turns": [
                {"speaker": "AGENT", "text": " Hello there. ", "start": 0, "end": 1.5, "labels": []},
                {"speaker": "customer", "text": "Hi.", "start": "1,5"},
            ],
        }
    )
    assert contact == Transcript(
        id="001",
        turns=(Turn(0, "agent", "Hello there.", 0.0, 1.5), Turn(1, "customer", "Hi.", 1.5, None)),
        source="in/calls.jsonl",
        record=7,
        channel="call",
        agent_id="a7",
        customer_id="42",
        campaign="spring",
        queue="billing",
        started_at="2024-05-01T10:00:00Z",
        csat=4.0,
        nps=9.0,
        attrs={"language": "en", "site": "north"},
        parties=(Party("AGENT", "agent", "label", 1), Party("customer", "customer", "label", 1)),
    )


@pytest.mark.parametrize(
    ("record", "code", "said"),
    [
        (None, "record_type", "the record is null"),
        ("hello", "record_type", "the record is text"),
        ([], "record_type", "the record is a list"),
        ({}, "no_turns", "--map turns=KEY"),
        ({"id": "1", "messages": []}, "no_turns", "keys seen: id, messages"),
        ({"turns": {"0": AGENT}}, "turns_type", "an object"),
        ({"turns": None}, "turns_type", "null"),
        ({"turns": ["hi"]}, "turn_type", "turn 0: is text"),
        ({"turns": ["hi", AGENT | {"text": " \u200b"}]}, "turn_type", "turn 0: is text"),
        ({"turns": [[], 1, None]}, "turn_type", "turn 0, turn 1, turn 2 cannot be used, and no other turn has text"),
        ({"turns": [{"speaker": "agent", "text": math.nan}]}, "turn_type", 'turn 0: "text" is a number'),
        ({"turns": [{"speaker": "agent", "text": ["a"]}]}, "turn_type", "a list"),
        ({"turns": [{"speaker": "agent", "text": True}]}, "turn_type", "true or false"),
        ({"turns": [{"speaker": {"id": 1}, "text": "x"}]}, "turn_type", "the speaker is an object"),
        ({"turns": [{"speaker": "a", "message": "x"}]}, "no_text", "keys seen: speaker, message). If the text stands"),
        ({"id": True, "turns": []}, "id_type", "true or false"),
        ({"id": ["1"], "turns": []}, "id_type", "a list"),
    ],
)
def test_unusable_records_say_where_and_why(record, code, said) -> None:
    with pytest.raises(InputError) as caught:
        read(record)
    assert caught.value.code == code
    assert caught.value.message.startswith("in/calls.jsonl:7")
    assert said in caught.value.message


def test_a_turn_that_cannot_be_used_is_refused_by_its_place_and_the_others_are_kept() -> None:
    contact = read({"id": "c", "turns": [AGENT, "hi", CUSTOMER, {"speaker": {}, "text": "x"}, {"text": True}]})
    assert [(turn.index, turn.text) for turn in contact.turns] == [(0, "Hello there."), (2, "Hi.")]
    assert contact.warnings[0].startswith("3 of its turns were refused: the contact has a hole there")
    assert [(one.contact_id, one.code, one.kind) for one in contact.refused] == [("c", "turn_type", "turn")] * 3
    places = [one.message.partition(": ")[0] for one in contact.refused]
    assert places == [f"in/calls.jsonl:7 turn {index}" for index in (1, 3, 4)]
    assert (contact.refused_turns, contact.dropped_turns) == (3, 0)


@pytest.mark.parametrize(("given", "read_as"), [(12345, "12345"), (-1, "-1"), (12.0, "12"), (1.5, "1.5")])
def test_a_text_that_is_a_number_is_read_as_its_digits_with_a_warning(given: float, read_as: str) -> None:
    contact = read({"id": "c", "turns": [AGENT, CUSTOMER | {"text": given}]})
    assert contact.turns[1].text == read_as
    assert contact.warnings == ('"text" is a number and was read as its digits; zeros before it may be lost (turn 1)',)


def test_a_refused_record_keeps_its_id() -> None:
    refused = read_or_reject({"id": " 5 ", "turns": 1}, source="s", number=3, options=ReadOptions())
    assert isinstance(refused, Reject)
    assert (refused.source, refused.record, refused.contact_id, refused.code) == ("s", 3, "5", "turns_type")


@pytest.mark.parametrize(
    ("record", "field", "value", "warning"),
    [
        ({"id": None}, "id", "calls.jsonl:7", 'is called "calls.jsonl:7"'),
        ({}, "id", "calls.jsonl:7", "has no id"),
        ({"id": "none"}, "id", "calls.jsonl:7", "has no id"),
        ({"id": 1.0}, "id", "1.0", "decimal point"),
        ({"csat": math.nan}, "csat", None, "csat is not a finite number"),
        ({"csat": "good"}, "csat", None, "csat is not a number"),
        ({"nps": math.inf}, "nps", None, "nps is not a finite number"),
        ({"channel": ["chat"]}, "channel", None, "channel is a list, not text"),
        ({"started_at": "03/04/2024"}, "started_at", None, "started_at could be two days"),
    ],
)
def test_fields_that_cannot_be_read_are_missing_with_a_warning(record, field, value, warning) -> None:
    contact = read({"id": "c", "turns": [AGENT], **record} if "id" in record or field != "id" else {"turns": [AGENT]})
    assert getattr(contact, field) == value
    assert [line for line in contact.warnings if warning in line] == list(contact.warnings)
    assert contact.warnings


@pytest.mark.parametrize("absent", ["None", "null", "", " ", None])
def test_absent_ids_are_none_without_a_warning(absent) -> None:
    contact = read({"id": "c", "agent_id": absent, "csat": absent, "turns": [AGENT]})
    assert (contact.agent_id, contact.csat, contact.warnings) == (None, None, ())


def test_turns_without_text_are_left_out_counted_and_leave_gaps() -> None:
    contact = read(
        {"id": "c", "turns": [AGENT, {"speaker": "agent", "text": " \u200b"}, {"speaker": "agent"}, CUSTOMER]}
    )
    assert [turn.index for turn in contact.turns] == [0, 3]
    assert contact.dropped_turns == 2
    assert contact.warnings == ("2 of 4 turns have no text and were left out",)


@pytest.mark.parametrize("turns", [[], [{"speaker": "agent", "text": None}]])
def test_a_contact_without_text_is_accepted_with_a_warning(turns) -> None:
    contact = read({"id": "c", "turns": turns})
    assert contact.turns == ()
    assert contact.dropped_turns == len(turns)
    assert "no turn has text: there is nothing to score" in contact.warnings


def test_words_for_missing_are_kept_where_somebody_said_them() -> None:
    contact = read({"id": "c", "turns": [{"speaker": "agent", "text": text} for text in ("NA", "None", "nan")]})
    assert [turn.text for turn in contact.turns] == ["NA", "None", "nan"]


def test_unknown_speakers_stay_unknown_with_one_hint() -> None:
    turns = [{"speaker": label, "text": "x"} for label in ("AGT 1", "AGT 1", 0, None, "")] + [{"text": "x"}]
    contact = read({"id": "c", "turns": turns})
    assert {turn.speaker for turn in contact.turns} == {"unknown"}
    assert contact.warnings == (
        "3 turns have no speaker and will not be scored: add one, or name its key with --map speaker=KEY",
        'unknown speakers "0", "AGT 1": say who they are, for example --role 0=agent',
    )


def test_declared_roles_and_columns_are_used() -> None:
    contact = read(
        {"ref": 5, "script": [{"who": "spk_0", "body": "Hello", "at": 1}, {"who": 1, "body": "Hi", "at": 2}]},
        columns={"id": "ref", "turns": "script", "speaker": "who", "text": "body", "start": "at"},
        roles={"SPK_0": "agent", "1": "customer"},
    )
    assert contact.id == "5"
    assert contact.turns == (Turn(0, "agent", "Hello", 1.0), Turn(1, "customer", "Hi", 2.0))
    assert (contact.warnings, contact.attrs) == ((), {})


@pytest.mark.parametrize(
    ("times", "kept", "warning"),
    [
        ({"start": -3, "end": 1}, (None, 1.0), "start is negative; it is taken as missing (turn 0)"),
        ({"start": 5, "end": 2}, (5.0, None), "the end is before the start"),
        ({"start": "abc"}, (None, None), "start is not a number"),
        ({"start": math.nan}, (None, None), "start is not a finite number"),
        ({"start": 0, "end": math.inf}, (0.0, None), "end is not a finite number"),
        ({"start": 1.7e12}, (None, None), "start is not in seconds from the start"),
        ({"start": 0, "end": 2400}, (0.0, 2400.0), "longer than 10 minutes"),
    ],
)
def test_doubtful_times_are_told(times, kept, warning) -> None:
    contact = read({"id": "c", "turns": [AGENT | times]})
    assert (contact.turns[0].start_s, contact.turns[0].end_s) == kept
    assert len(contact.warnings) == 1
    assert warning in contact.warnings[0]


def test_a_call_of_many_hours_is_told_one_of_days_doubted_and_a_thread_of_days_is_neither() -> None:
    def lasting(channel: str, end: float) -> Transcript:
        turns = [AGENT | {"start": 0}, CUSTOMER | {"start": end}]
        return read({"id": "c", "channel": channel, "turns": turns})

    assert "25.0 hours" in lasting("call", 90_000).warnings[0]
    assert lasting("call", 50_000).notes == ("the call lasts 13.9 hours",)
    for contact in (lasting("call", 28_000), lasting("email", 90_000)):
        assert contact.warnings == contact.notes == ()
    assert lasting("call", 90_000).notes == lasting("call", 50_000).warnings == ()


def test_turns_are_put_in_order_of_time_and_keep_their_place_in_the_source() -> None:
    texts = [("second", 5), ("first", 0), ("third", 8), ("also third", 8)]
    turns = [{"speaker": "agent", "text": text, "start": start} for text, start in texts]
    contact = read({"id": "c", "turns": turns})
    assert [turn.index for turn in contact.turns] == [1, 0, 2, 3]
    assert contact.warnings == ()
    assert "sorted by their start" in contact.notes[0]
    del turns[2]["start"]
    untimed = read({"id": "c", "turns": turns})
    assert [turn.index for turn in untimed.turns] == [0, 1, 2, 3]


def _at(*starts: object) -> Transcript:
    return read(
        {"id": "a", "channel": "call", "turns": [{"speaker": "agent", "text": "x", "start": s} for s in starts]}
    )


def test_times_of_a_day_that_pass_midnight_do_not_turn_the_contact_round() -> None:
    over = _at("23:59:50", "23:59:58", "0:00:05")
    assert [(turn.index, turn.start_s) for turn in over.turns] == [(0, None), (1, None), (2, None)]
    assert any("midnight" in warning for warning in over.warnings)
    for starts in (
        (0, 50_000, 20, 50_010),
        ("9:00:05", "9:00:00", "9:00:09"),
        (90_000, 5, 7),
        (80_000, 9),
        ("80000", "9"),
    ):
        found = _at(*starts)
        assert [turn.start_s for turn in found.turns] == sorted(turn.start_s or 0 for turn in found.turns)
        assert not any("midnight" in warning for warning in found.warnings)


def _dated(zone: str | None, *starts: str) -> Transcript:
    turns = [{"speaker": "agent", "text": "x", "start": start, "end": start} for start in starts]
    return read({"id": "a", "turns": turns}, dates=DateRules(zone=zone))


def test_times_of_which_some_name_a_zone_and_others_none_are_told_or_placed_as_declared() -> None:
    mixed = _dated(None, "2026-05-01T10:00:05", "2026-05-01T08:00:00Z")
    assert any("some times name a zone and others none" in warning for warning in mixed.warnings)
    declared = _dated("Europe/Berlin", "2026-05-01T10:00:05", "2026-05-01T08:00:00Z")
    assert [(turn.index, turn.start_s, turn.end_s) for turn in declared.turns] == [(1, 0.0, 0.0), (0, 5.0, 5.0)]
    assert (declared.started_at, declared.warnings) == ("2026-05-01T08:00:00+00:00", ())
    spring = _dated("Europe/Berlin", "2026-03-29T01:59:50", "2026-03-29T03:00:05")  # there was no hour between
    assert [(turn.start_s, turn.end_s) for turn in spring.turns] == [(0.0, 0.0), (15.0, 15.0)]
    assert _dated(None, "2026-03-29T01:59:50", "2026-03-29T03:00:05").warnings == ()


def test_a_time_in_a_change_of_the_clocks_is_doubtful() -> None:
    autumn = _dated("Europe/Berlin", "2025-10-26T01:59:50", "2025-10-26T02:30:00")
    twice = "in the hour that comes twice in Europe/Berlin, as the clocks are put back: read as the first of the two"
    assert autumn.warnings == (f"the time is {twice} (turn 1)",)
    turns = [{"speaker": "agent", "text": "x"}]
    begun = read({"started_at": "2025-10-26T02:30:00", "turns": turns}, dates=DateRules(zone="Europe/Berlin"))
    assert f"the start of the contact is {twice}" in begun.warnings
    assert begun.started_at == "2025-10-26T00:30:00+00:00"
    assert _dated("UTC", "2025-10-26T02:30:00").warnings == _dated(None, "2025-10-26T02:30:00").warnings == ()


def test_a_call_with_times_of_a_day_lasts_from_its_first_one() -> None:
    assert _at("21:00:00", "21:04:00").notes == ()
    assert any("lasts 9.0 hours" in note for note in _at("9:00:00", "18:00:00").notes)


def test_two_agents_are_credited_to_none() -> None:
    contact = read({"id": "c", "agent_id": "a7", "turns": [AGENT | {"agent_id": "a1"}, AGENT | {"agent_id": "a2"}]})
    assert contact.agent_id is None
    told = "2 agents took part ({}): each turn is its own agent's, the contact is credited to none"
    assert (contact.warnings, contact.notes) == ((), (told.format("a1, a2"),))
    assert read({"id": "c", "agent_id": "a7", "turns": [AGENT | {"agent_id": "a7"}]}).agent_id == "a7"
    personal = read({"id": "c", "turns": [AGENT | {"agent_id": "jo@mail.com"}, AGENT | {"agent_id": "a2"}]})
    assert personal.notes == (told.format("a2, [EMAIL]"),)


@pytest.mark.parametrize(
    ("turn_agents", "agent"),
    [(["a1"], "a1"), (["a1", "a1"], "a1"), ([], "a7"), ([None], "a7"), (["a7", None], "a7"), (["a1", None], None)],
)
def test_an_agent_of_the_contact_who_says_nothing_takes_no_part(turn_agents, agent) -> None:
    turns = [AGENT | {"agent_id": name} for name in turn_agents]
    assert read({"id": "c", "agent_id": "a7", "turns": [CUSTOMER, *turns]}).agent_id == agent


@pytest.mark.parametrize(
    ("turn_agents", "agent"),
    [(["a7", "a7"], "a7"), ([None, 7], "7"), (["none", "a7"], "a7"), ([None, None], None), (["a1", "a2"], None)],
)
def test_the_one_agent_that_turns_name_is_the_contacts_agent(turn_agents, agent) -> None:
    assert read({"id": "c", "turns": [AGENT | {"agent_id": name} for name in turn_agents]}).agent_id == agent


def test_an_agent_of_a_turn_that_is_no_text_is_told() -> None:
    contact = read({"id": "c", "turns": [AGENT | {"agent_id": ["a"]}, AGENT | {"agent_id": "a7"}]})
    assert contact.agent_id == "a7"
    assert contact.warnings == ("agent_id is a list, not text; it is taken as missing (turn 0)",)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("a\x00b\x07c\x1b[31mred", "abc[31mred"), ("bad \ud83d half", "bad \ufffd half")],
)
def test_broken_characters_are_removed_with_a_warning(text, cleaned) -> None:
    contact = read({"id": "c", "turns": [{"speaker": "agent", "text": text}]})
    assert contact.turns[0].text == cleaned
    assert contact.warnings == ("control characters or broken characters were removed from the text (turn 0)",)


def test_line_breaks_tabs_and_other_scripts_are_no_defect() -> None:
    contact = read({"id": "c", "turns": [{"speaker": "agent", "text": "one\r\ntwo\tthree שלום 😀"}]})
    assert contact.turns[0].text == "one\ntwo\tthree שלום 😀"
    assert contact.warnings == ()


def test_a_very_long_turn_is_kept_whole_with_a_warning() -> None:
    contact = read({"id": "c", "turns": [{"speaker": "agent", "text": "x" * 200_000}]})
    assert len(contact.turns[0].text) == 200_000
    assert contact.warnings == ("more than 20,000 characters in one turn (turn 0)",)


def test_many_turns_with_one_fault_give_one_warning() -> None:
    contact = read({"id": "c", "turns": [AGENT | {"start": "x"}] * 9})
    assert contact.warnings == ("start is not a number; it is taken as missing (turns 0, 1, 2, 3, 4 and 4 more)",)


def test_personal_data_does_not_leak_into_messages() -> None:
    with pytest.raises(InputError) as caught:
        read({"4111 1111 1111 1111": 1})
    assert "4111" not in caught.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
TURN = st.fixed_dictionaries({}, optional=dict.fromkeys(("speaker", "text", "start", "end", "agent_id"), JSON)) | JSON
RECORD = st.fixed_dictionaries(
    {"turns": st.lists(TURN, max_size=5)},
    optional=dict.fromkeys(("id", "channel", "agent_id", "started_at", "csat", "attrs", "labels"), JSON),
)


@given(RECORD | JSON)
def test_every_json_value_is_read_or_refused(record) -> None:
    result = read_or_reject(record, source="s", number=1, options=ReadOptions())
    if isinstance(result, Reject):
        assert result.message
        return
    assert len(result.turns) + result.dropped_turns + result.refused_turns == len(record["turns"])
    assert all(turn.text and turn.speaker in SPEAKERS for turn in result.turns)
    assert all(turn.start_s is None or math.isfinite(turn.start_s) for turn in result.turns)
    assert result.id
    json.dumps([turn.text for turn in result.turns]).encode("utf-8")


def test_nothing_of_a_contact_can_break_a_utf8_file_or_a_terminal() -> None:
    bad = "\x1b[31m\ud800"
    contact = read({"id": bad, "channel": bad, "agent_id": bad, "turns": [{"speaker": bad, "text": bad}]})
    told = [contact.id, contact.channel, contact.agent_id, contact.turns[0].text, *contact.warnings]
    assert all("\x1b" not in str(text) and str(text).encode("utf-8") for text in told)


@pytest.mark.parametrize(
    ("given", "order", "zone", "expected"),
    [
        ("2026-03-02T09:15:00Z", None, None, "2026-03-02T09:15:00Z"),
        ("2026-03-02T09:15:00+02:00", None, None, "2026-03-02T07:15:00+00:00"),
        ("2026-03-02T09:15:00", None, None, "2026-03-02T09:15:00"),
        ("2026-03-02T09:15:00", None, "Europe/Berlin", "2026-03-02T08:15:00+00:00"),
        ("2026-07-02T09:15:00", None, "Europe/Berlin", "2026-07-02T07:15:00+00:00"),
        ("2026-03-02", None, "Europe/Berlin", "2026-03-02"),
        ("02/03/2026 09:15", "dmy", "UTC", "2026-03-02T09:15:00+00:00"),
        ("02/03/2026 09:15", "mdy", None, "2026-02-03T09:15:00"),
        ("02/03/2026 09:15", None, None, None),
        ("31/02/2026", "dmy", None, None),
    ],
)
def test_the_start_is_in_utc_where_its_zone_is_known(given, order, zone, expected) -> None:
    options = ReadOptions(dates=DateRules(order, zone))
    contact = read_record({"id": "1", "started_at": given, "turns": [AGENT]}, source="s", number=1, options=options)
    assert contact.started_at == expected
    assert bool(contact.warnings) == (expected is None)


def test_the_likely_keys_are_proposed() -> None:
    said = {"who": "agent", "content": "How can I help you?", "id": "7"}
    with pytest.raises(InputError, match='"segments" looks like it: --map turns=segments'):
        read_record({"id": "1", "tags": ["a"], "segments": [said]}, source="s", number=1, options=ReadOptions())
    options = ReadOptions(columns={"turns": "segments"})
    with pytest.raises(InputError, match='"content" looks like it: --map text=content'):
        read_record({"id": "1", "segments": [said]}, source="s", number=1, options=options)


def test_a_speaker_whose_name_is_no_text_can_be_written() -> None:
    found = read_record(
        {"id": "a", "turns": [{"speaker": " \ud800\x1b[31m", "text": "a"}]}, source="s", number=1, options=ReadOptions()
    )
    (party,) = found.parties
    assert party.label == found.turns[0].label == "\ufffd[31m"
    assert f"{party.label} {found.warnings}".encode()
