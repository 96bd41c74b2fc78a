"""Generic JSON, tables, Parquet and Excel with a declared map: nested keys, units of time, tables without a header."""

import json
import re
import struct
import zipfile
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from cxsentiment.errors import UsageError
from cxsentiment.ingest import excel
from cxsentiment.ingest.intake import find_reader, read_contacts
from cxsentiment.ingest.options import ReadOptions, TimeUnit, parse_map, parse_roles, parse_time_unit
from cxsentiment.ingest.paths import MISSING, value_at, without
from cxsentiment.schema import Reject, Transcript


def read(
    *paths: Path, maps: Sequence[str] = (), roles: Sequence[str] = (), unit: TimeUnit | None = None
) -> tuple[list[Transcript], list[Reject]]:
    results = list(read_contacts(paths, ReadOptions(parse_map(maps), parse_roles(roles), time_unit=unit)))
    return (
        [result for result in results if isinstance(result, Transcript)],
        [result for result in results if isinstance(result, Reject)],
    )


def one(path: Path, **options: Any) -> Transcript:
    (contact,), rejects = read(path, **options)
    assert rejects == []
    return contact


def said(contact: Transcript) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in contact.turns]


def times(contact: Transcript) -> list[tuple[float | None, float | None]]:
    return [(turn.start_s, turn.end_s) for turn in contact.turns]


# folder/file: maps, roles → (id, turns by speaker, first start, last start) of each contact, read off the files by eye.
REAL: dict[str, tuple[list[str], list[str], list[tuple[str, dict[str, int], float | None, float | None]]]] = {
    "generic_csv/annomi_0_1.csv": (
        ["id=transcript_id", "text=utterance_text", "speaker=interlocutor", "start=timestamp"],
        ["therapist=agent", "client=customer"],
        [("0", {"agent": 27, "customer": 27}, 13.0, 339.0), ("1", {"agent": 19, "customer": 18}, 11.0, 275.0)],
    ),
    "generic_json/autoqa_04059653.json": (
        ["id=session_id", "turns=transcript", "agent_id=agent_name", "start=timestamp", "started_at=start_time"],
        [],
        [("04059653", {"agent": 1}, 0.0, 0.0)],
    ),
    "generic_json/autoqa_190cf5b9.json": (
        ["id=session_id", "turns=transcript", "start=timestamp"],
        [],
        [("190cf5b9", {"agent": 3, "customer": 2}, 0.0, 24.063284)],
    ),
    "generic_json/autoqa_6e1ecc27.json": (
        ["id=session_id", "turns=transcript", "start=timestamp"],
        [],
        [("6e1ecc27", {"agent": 2, "customer": 1}, 0.0, 8.897135)],
    ),
    "generic_json/podcast_segments.json": (
        ["turns=segments", "text=body", "start=startTime", "end=endTime"],
        ["Luke=customer"],
        [("podcast_segments.json:1", {"unknown": 4, "customer": 1}, 0.5, 2.75)],
    ),
    "generic_json/segments_speakermap.json": (
        ["turns=segments", "speaker=speakerLabel"],
        ["spk_0=agent"],  # the map of names inside the file is not applied by itself
        [("segments_speakermap.json:1", {"agent": 38, "unknown": 37}, 0.0, 414.0)],
    ),
    "generic_jsonl/tau_airline_3.jsonl": (
        ["turns=messages_display"],
        ["user=customer", "assistant=agent", "tool=system"],
        [
            ("tau_airline_3.jsonl:1", {"agent": 5, "customer": 4, "system": 2}, None, None),
            ("tau_airline_3.jsonl:2", {"agent": 3, "customer": 3, "system": 1}, None, None),
            ("tau_airline_3.jsonl:3", {"agent": 5, "customer": 4, "system": 2}, None, None),
        ],
    ),
    "generic_tsv/uss_sgd_head.tsv": (
        ["speaker=1", "text=2"],
        ["USER=customer", "SYSTEM=agent"],
        [
            ("uss_sgd_head:1", {"customer": 10, "agent": 9}, None, None),
            ("uss_sgd_head:2", {"customer": 14, "agent": 13}, None, None),
            ("uss_sgd_head:3", {"customer": 6, "agent": 5}, None, None),
        ],
    ),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_real_files(shared: Path, name: str) -> None:
    maps, roles, expected = REAL[name]
    found, rejects = read(shared / "formats" / "open" / name, maps=maps, roles=roles)
    assert rejects == []
    assert [
        (c.id, Counter(turn.speaker for turn in c.turns), c.turns[0].start_s, c.turns[-1].start_s) for c in found
    ] == expected


@pytest.mark.shared
def test_the_table_holds_every_real_file(shared: Path) -> None:
    files = (shared / "formats" / "open").glob("generic_*/*")
    assert sorted(REAL) == sorted(f"{path.parent.name}/{path.name}" for path in files if path.name != "SOURCE.txt")


@pytest.mark.shared
def test_the_same_table_as_csv_parquet_and_excel(shared: Path, tmp_path: Path) -> None:
    source = shared / "formats" / "open" / "generic_csv" / "annomi_0_1.csv"
    table = pc.read_csv(source, convert_options=pc.ConvertOptions(column_types={"transcript_id": pa.string()}))
    pq.write_table(table, tmp_path / "turns.parquet")
    workbook = Workbook()
    workbook.active.append(table.column_names)
    for row in table.to_pylist():
        workbook.active.append(list(row.values()))
    workbook.save(tmp_path / "turns.xlsx")
    maps, roles, _ = REAL["generic_csv/annomi_0_1.csv"]
    told = []
    for path in (source, tmp_path / "turns.parquet", tmp_path / "turns.xlsx"):
        found, rejects = read(path, maps=maps, roles=roles)
        assert rejects == []
        told.append([(c.id, c.turns, c.parties) for c in found])
    assert told[0] == told[1] == told[2]


NESTED = {
    "meta": {"call": {"id": "007", "queue": "billing"}, "site": "x"},
    "data": {"messages": [{"who": {"role": "AGT"}, "content": {"text": "Hi", "kind": "text"}, "at": {"ms": 1500}}]},
    "a.b": "kept",
}
MAPS = ["id=meta.call.id", "queue=meta.call.queue", "turns=data.messages", "speaker=who.role", "text=content.text"]


def test_nested_keys_are_reached_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    path.write_text(json.dumps(NESTED))
    contact = one(path, maps=[*MAPS, "start=at.ms"], roles=["AGT=agent"], unit="ms")
    assert (contact.id, contact.queue, said(contact), times(contact)) == (
        "007",
        "billing",
        [("agent", "Hi")],
        [(1.5, None)],
    )
    assert contact.attrs == {"meta": NESTED["meta"], "data": {}, "a.b": "kept"}


def test_a_key_with_a_dot_of_its_own_comes_first() -> None:
    record = {"a.b": 1, "a": {"b": 2, "c": [{"d": 3}]}}
    assert [value_at(record, path) for path in ("a.b", "a.c.0.d", "a.c.1.d", "a.x", "x", "a.b.c", "")] == [
        *(1, 3),
        *[MISSING] * 5,
    ]
    assert without(record, "a.c") == {"a.b": 1, "a": {"b": 2}}
    assert record["a"] == {"b": 2, "c": [{"d": 3}]}


def test_nested_keys_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    path.write_text(json.dumps(NESTED))
    _, (turns,) = read(path, maps=["turns=data.turns"])
    _, (text,) = read(path, maps=["turns=data.messages", "text=content.words"])
    assert (turns.code, text.code) == ("no_turns", "no_text")
    assert 'no "data.turns"' in turns.message


def turns_file(path: Path, *starts: object, ends: Sequence[object] = ()) -> Path:
    pairs = [(start, ends[at] if ends else None) for at, start in enumerate(starts)]
    path.write_text(
        json.dumps({"id": "1", "turns": [{"speaker": "agent", "text": "x", "start": s, "end": e} for s, e in pairs]})
    )
    return path


@pytest.mark.parametrize(
    ("unit", "starts", "expected"),
    [
        (None, (1.5, "2.5", "0:00:03"), [1.5, 2.5, 3.0]),
        ("s", (1.5, "2,5", "0:00:03"), [1.5, 2.5, 3.0]),
        ("ms", (1500, "2500", "0:00:03"), [1.5, 2.5, 3.0]),
        ("us", (1_500_000, 2_500_000.0), [1.5, 2.5]),
        ("ticks", (15_000_000, 25_000_000), [1.5, 2.5]),
        ("ms", (1_700_000_000_000, 1_700_000_001_500), [0.0, 1.5]),
        ("s", (1_700_000_000, 1_700_000_001.5), [0.0, 1.5]),
        (None, (1_700_000_000_000, 1_700_000_001_500), [None, None]),
    ],
)
def test_times_in_a_declared_unit(
    tmp_path: Path, unit: TimeUnit | None, starts: Sequence[object], expected: list[float | None]
) -> None:
    contact = one(turns_file(tmp_path / "call.json", *starts), unit=unit)
    assert [turn.start_s for turn in contact.turns] == expected


def test_a_table_has_the_declared_unit_too(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    path.write_text("id,speaker,text,start,end\n1,agent,a,1500,2000\n")
    assert times(one(path, unit="ms")) == [(1.5, 2.0)]


def test_moments_count_from_the_first(tmp_path: Path) -> None:
    path = turns_file(
        tmp_path / "call.json",
        "2024-05-01T10:00:00Z",
        "2024-05-01 12:00:02.5+02:00",
        ends=["2024-05-01T10:00:01Z", "2024-05-01T10:00:03Z"],
    )
    contact = one(path)
    assert times(contact) == [(0.0, 1.0), (2.5, 3.0)]
    assert (contact.started_at, contact.warnings) == ("2024-05-01T10:00:00+00:00", ())


def test_a_date_is_no_time_of_a_turn(tmp_path: Path) -> None:
    contact = one(turns_file(tmp_path / "call.json", "2024-05-01", "2024-13-01T10:00:00Z"))
    assert times(contact) == [(None, None), (None, None)]
    assert any("turns 0, 1" in warning or "turn 0" in warning for warning in contact.warnings)


def test_units_are_read_and_others_are_named() -> None:
    assert [parse_time_unit(text) for text in (None, "MS", " ticks ")] == [None, "ms", "ticks"]
    with pytest.raises(UsageError, match="minutes"):
        parse_time_unit("minutes")


@settings(max_examples=60, deadline=None)
@given(
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.lists(st.integers())
    ),
    unit=st.sampled_from([None, "s", "ms", "us", "ticks"]),
)
def test_any_time_is_read_or_noted(
    tmp_path_factory: pytest.TempPathFactory, value: object, unit: TimeUnit | None
) -> None:
    path = tmp_path_factory.mktemp("times") / "call.json"
    contact = one(turns_file(path, value, 0.5, ends=[value, 1]), unit=unit)
    assert len(contact.turns) == 2
    assert all(turn.start_s is None or 0 <= turn.start_s < 1e10 for turn in contact.turns)


def test_turns_that_are_lines_of_text(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    lines = [
        {"id": "1", "log": {"text": "Agent: Hi.\nBot: One\nmore.\nCustomer: Yes."}},
        {"id": "2", "log": {"text": "nobody speaks"}},
        {"id": "3", "log": {"text": 7}},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    (contact,), rejects = read(path, maps=["turns=log.text", "text=words", "start=at"], unit="ms")
    assert said(contact) == [("agent", "Hi."), ("bot", "One\nmore."), ("customer", "Yes.")]
    assert [(reject.contact_id, reject.code) for reject in rejects] == [("2", "turns_type"), ("3", "turns_type")]


def test_one_element_that_is_no_turn_spares_the_turns(tmp_path: Path) -> None:
    path = tmp_path / "turns.json"
    turn = {"id": "1", "speaker": "agent", "text": "hi"}
    path.write_text(json.dumps([turn, "x", {**turn, "speaker": "customer"}, {**turn, "id": "2"}]))
    refused, first, second = read_contacts([path], ReadOptions())
    assert isinstance(refused, Reject)
    assert (refused.code, refused.record) == ("bad_row", 2)
    assert "element 2: is text, not an object" in refused.message
    assert [first.id, len(first.turns), second.id, first.refused] == ["1", 2, "2", ()]


def test_an_array_of_turns_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    turns = [
        {"who": {"role": "AGT"}, "msg": "Hi", "call": "2", "start": 1},
        {"who": {"role": "CUS"}, "msg": "Yo", "call": "1", "start": 2, "more": [1]},
        {"who": {"role": "CUS"}, "msg": None, "call": "2", "start": 3},
    ]
    path.write_text(json.dumps(turns))
    maps, roles = ["speaker=who.role", "text=msg"], ["AGT=agent", "CUS=customer"]
    assert said(one(path, maps=maps, roles=roles)) == [("agent", "Hi"), ("customer", "Yo")]
    found, rejects = read(path, maps=[*maps, "id=call"], roles=roles)
    assert rejects == []
    assert [(c.id, said(c), c.dropped_turns) for c in found] == [
        ("1", [("customer", "Yo")], 0),
        ("2", [("agent", "Hi")], 1),
    ]


@pytest.mark.parametrize("items", [[{"text": "a"}], [{"speaker": "agent", "text": "a"}, 7], [{"text": 1, "turns": []}]])
def test_an_array_of_other_things_is_none(tmp_path: Path, items: list[object]) -> None:
    path = tmp_path / "call.json"
    path.write_text(json.dumps(items))
    _, rejects = read(path)
    assert {reject.code for reject in rejects} <= {"no_turns", "record_type"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AGT\tHi\nCUS\tYo\n", [("t", 2)]),
        ("\n\nAGT\tHi\nCUS\tYo\n\n", [("t", 2)]),
        ("AGT\tHi\n\nCUS\tYo\nAGT\tOh\n\n\nCUS\tA\n", [("t:1", 1), ("t:2", 2), ("t:3", 1)]),
        ('AGT\t"one\n\ntwo"\nCUS\tYo\n', [("t:1", 2)]),
    ],
)
def test_a_table_without_a_header(tmp_path: Path, text: str, expected: list[tuple[str, int]]) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(text)
    found, rejects = read(path, maps=["speaker=1", "text=2"], roles=["AGT=agent", "CUS=customer"])
    assert rejects == []
    assert [(c.id, len(c.turns)) for c in found] == expected
    assert {turn.speaker for c in found for turn in c.turns} == {"agent", "customer"}


def test_a_table_without_a_header_may_have_ids_and_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("agent,1,Hi\n\ncustomer,1,Yo\nagent,2\n")
    (found,), (refused,) = read(path, maps=["speaker=1", "text=3", "id=2"])
    assert (len(found.turns), refused.code, refused.contact_id) == (2, "bad_row", None)


def test_columns_may_be_named_by_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,2\nagent,Hi\n")
    assert said(one(path, maps=["speaker=1", "text=2"])) == [("agent", "Hi")]


def test_a_blank_first_line_hides_no_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("\n\nspeaker\ttext\nagent\tHi\n")
    assert said(one(path)) == [("agent", "Hi")]


def test_parquet_with_moments_durations_and_nested_turns(tmp_path: Path) -> None:
    flat, nested = tmp_path / "flat.parquet", tmp_path / "nested.parquet"
    begun = datetime(2024, 5, 1, 10, tzinfo=UTC)
    rows = [
        {"id": "1", "speaker": "agent", "text": "a", "start": begun, "end": begun + timedelta(seconds=1)},
        {"id": "1", "speaker": "agent", "text": "b", "start": begun + timedelta(seconds=61), "end": None},
    ]
    pq.write_table(pa.Table.from_pylist(rows), flat)
    spans = [{"speaker": "agent", "text": "a", "start": timedelta(seconds=3725.5)}]
    pq.write_table(pa.Table.from_pylist([{"id": "2", "data": {"turns": spans}}]), nested)
    assert times(one(flat)) == [(0.0, 1.0), (61.0, None)]
    assert times(one(nested, maps=["turns=data.turns"])) == [(3725.5, None)]


def save(path: Path, *rows: Sequence[object], title: str = "Calls") -> Path:
    workbook = Workbook()
    workbook.active.title = title
    for row in rows:
        workbook.active.append(list(row))
    workbook.save(path)
    return path


MORNING = datetime(2024, 5, 1, 10, 30)  # noqa: DTZ001 (a workbook knows no zones)
HEADER = ("Contact ID", "Speaker", "Text", "Start", "CSAT", "Started at")


def test_excel_cells_become_the_text_that_people_see(tmp_path: Path) -> None:
    path = save(
        tmp_path / "calls.xlsx",
        HEADER,
        ("007", "agent", "Hello", 0.5, 4, MORNING),
        ("007", "customer", 4711, timedelta(seconds=75.25), 4, MORNING),
        (),
        (8, "agent", "=1+1", time(0, 1, 3), None, date(2024, 5, 2)),
        (8.0, "customer", True, "0:02:00", None, date(2024, 5, 2)),
        (8, "customer", "#N/A", None, None, date(2024, 5, 2)),
    )
    (first, second), rejects = read(path)
    assert rejects == []
    assert (first.id, said(first), times(first)) == (
        "007",
        [("agent", "Hello"), ("customer", "4711")],
        [(0.5, None), (75.25, None)],
    )
    assert (first.csat, first.started_at, first.format) == (4.0, "2024-05-01T10:30:00", "excel")
    # A formula that was never computed has no value, and Excel's error marks are none.
    assert (second.id, said(second), second.dropped_turns) == ("8", [("customer", "TRUE")], 2)
    assert (second.turns[0].start_s, second.record) == (120.0, 5)


def test_excel_sheets_that_are_hidden_come_last(tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.active.append(["a list"])
    workbook.active.sheet_state = "hidden"
    turns = workbook.create_sheet("Turns")
    turns.append(["speaker", "text"])
    turns.append(["agent", "hi"])
    workbook.active = turns
    workbook.save(tmp_path / "calls.xlsx")
    contact = one(tmp_path / "calls.xlsx")
    assert said(contact) == [("agent", "hi")]
    assert any('only one of 2 sheets was read, "Turns"' in warning for warning in contact.warnings)
    assert read(tmp_path / "calls.xlsx", maps=["sheet=Sheet"])[1][0].code == "missing_column"


def test_excel_characters_that_are_kept_as_numbers_are_characters(tmp_path: Path) -> None:
    said_so = "One_x000D_\ntwo _x005F_x000D_ _x00e9_ _xD800_ a_xyz_"
    path = save(tmp_path / "calls.xlsx", ("speaker", "text"), ("agent", said_so))
    assert said(one(path)) == [("agent", "One\ntwo _x000D_ _x00e9_ _xD800_ a_xyz_")]


def test_excel_numbers_shown_in_percent_are_the_shares_they_hold(tmp_path: Path) -> None:
    workbook = Workbook()
    for row in (("speaker", "text", "csat", "discount"), ("agent", "Hello", 0.8, 0.1)):
        workbook.active.append(row)
    workbook.active["C2"].number_format = workbook.active["D2"].number_format = "0%"
    workbook.save(tmp_path / "calls.xlsx")
    contact = one(tmp_path / "calls.xlsx")
    assert (contact.csat, contact.attrs["discount"]) == (0.8, "0.1")
    assert any("80% as 0.8" in warning for warning in contact.warnings)


def test_excel_ids_keep_the_zeros_that_their_format_shows(tmp_path: Path) -> None:
    workbook = Workbook()
    for row in (("id", "speaker", "text", "csat"), (7, "agent", "Hello", 4), (1234.0, "agent", "Hi", 4.5)):
        workbook.active.append(row)
    for cell in ("A2", "A3", "D2", "D3"):
        workbook.active[cell].number_format = "000"
    workbook.save(tmp_path / "calls.xlsx")
    found, _ = read(tmp_path / "calls.xlsx")
    assert [(contact.id, contact.csat) for contact in found] == [("007", 4.0), ("1234", 4.5)]


def test_a_format_of_numbers_that_the_workbook_does_not_define_is_none(tmp_path: Path) -> None:
    path = save(tmp_path / "calls.xlsx", ("speaker", "text", "start"), ("agent", "Hello", 1.5))
    with zipfile.ZipFile(path) as archive:
        styles = re.sub(rb'numFmtId="0"', b'numFmtId="190"', archive.read("xl/styles.xml"))
    assert times(one(rebuilt(path, tmp_path / "undefined.xlsx", xl__styles_xml=styles))) == [(1.5, None)]


def test_excel_sheets_are_chosen_by_name(tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.active.append(["speaker", "text"])
    workbook.active.append(["agent", "first"])
    second = workbook.create_sheet("Turns")
    second.append(["speaker", "text"])
    second.append(["agent", "second"])
    workbook.save(tmp_path / "calls.xlsx")
    contact = one(tmp_path / "calls.xlsx")
    assert said(contact) == [("agent", "first")]
    assert any('only one of 2 sheets was read, "Sheet"' in warning for warning in contact.warnings)
    assert said(one(tmp_path / "calls.xlsx", maps=["sheet=Turns"])) == [("agent", "second")]
    _, (refused,) = read(tmp_path / "calls.xlsx", maps=["sheet=Turn"])
    assert refused.code == "no_sheet"
    assert "allowed: Sheet, Turns" in refused.message


def test_excel_cells_without_a_column_and_ids_that_lost_digits(tmp_path: Path) -> None:
    path = save(
        tmp_path / "calls.xlsx",
        ("id", "speaker", "text"),
        (1, "agent", "a", None, " "),
        (2, "agent", "b", "past the last column"),
        (12345678901234567, "agent"),
    )
    found, rejects = read(path)
    assert rejects == []
    assert [(c.id, len(c.turns)) for c in found] == [("1", 1), ("2", 1), ("12345678901234570", 0)]
    assert any("rounded by Excel" in warning for warning in found[0].warnings)
    assert any("without a name were not read (row 3)" in warning for warning in found[0].warnings)


def test_a_workbook_is_known_by_its_parts_and_word_is_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "calls.dat", ("speaker", "text"), ("agent", "a"))
    assert find_reader(path, ReadOptions())[0].name == "excel"
    word = tmp_path / "call.docx"
    with zipfile.ZipFile(word, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    other = tmp_path / "xl.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("calls.json", "{}")
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(path.read_bytes()[:-200])
    _, rejects = read(word, cut)
    assert [reject.code for reject in rejects] == ["document", "damaged"]
    assert find_or_code(other) != "excel"


def find_or_code(path: Path) -> str:
    _, rejects = read(path)
    return rejects[0].code if rejects else "read"


def rebuilt(path: Path, target: Path, **parts: bytes) -> Path:
    """A workbook with some of its parts replaced; "__" in a name stands for "/"."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            archive.writestr(
                info.filename, parts.pop(info.filename.replace("/", "__").replace(".", "_"), source.read(info))
            )
        for name, data in parts.items():
            archive.writestr(name.replace("__", "/"), data)
    return target


def test_workbooks_that_are_bombs_or_broken_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "calls.xlsx", ("speaker", "text"), ("agent", "a"))
    entities = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><worksheet/>'
    assert find_or_code(rebuilt(path, tmp_path / "1.xlsx", xl__worksheets__sheet1_xml=entities)) == "damaged"
    assert find_or_code(rebuilt(path, tmp_path / "2.xlsx", xl__worksheets__sheet1_xml=b"<worksheet>")) == "damaged"
    assert find_or_code(rebuilt(path, tmp_path / "3.xlsx", xl__workbook_xml=b"not xml")) == "damaged"
    far = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="2000000000"><c r="A2000000000"><v>1</v></c></row></sheetData></worksheet>'
    )
    assert find_or_code(rebuilt(path, tmp_path / "4.xlsx", xl__worksheets__sheet1_xml=far)) == "too_large"
    monkeypatch.setattr(excel, "MAX_WHOLE_FILE_BYTES", 2**20)
    bomb = rebuilt(path, tmp_path / "5.xlsx", xl__media__a=bytes(2**21))
    assert bomb.stat().st_size < 2**20
    assert find_or_code(bomb) == "too_large"
    assert find_or_code(path) == "read"


def test_macros_and_links_are_not_touched(tmp_path: Path) -> None:
    path = save(tmp_path / "calls.xlsx", ("speaker", "text"), ("agent", "a"))
    macro = rebuilt(path, tmp_path / "calls.xlsm", xl__vbaProject_bin=struct.pack("<Q", 0xE11AB1A1E011CFD0))
    linked = rebuilt(path, tmp_path / "linked.xlsx", **{"xl__externalLinks__externalLink1.xml": b"<broken"})
    assert [said(one(each)) for each in (macro, linked)] == [[("agent", "a")]] * 2


@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
    kept=st.one_of(st.just(1.0), st.floats(0.5, 1)),
)
def test_a_workbook_with_any_byte_changed_gives_results_and_no_exception(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]], kept: float
) -> None:
    path = save(tmp_path_factory.mktemp("bytes") / "calls.xlsx", ("id", "speaker", "text"), ("1", "agent", "hello"))
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(bytes(data[: int(kept * len(data))]))
    assert all(isinstance(result, (Transcript, Reject)) for result in read_contacts([path], ReadOptions()))
