from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxsentiment.errors import InputError
from cxsentiment.ingest import csvfile, tables
from cxsentiment.ingest.csvfile import read_csv, sniff_delimiter
from cxsentiment.ingest.dates import DateRules
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.parquet import read_parquet
from cxsentiment.schema import Party, Reject, Transcript, Turn

OPTIONS = ReadOptions()


@pytest.fixture
def contacts(tmp_path: Path):
    def read(text: str, name: str = "calls.csv", options: ReadOptions = OPTIONS) -> list[Transcript | Reject]:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return list(read_csv(path, options))

    return read


def said(result: Transcript | Reject) -> list[tuple[str, str]]:
    assert isinstance(result, Transcript), result
    return [(turn.speaker, turn.text) for turn in result.turns]


@pytest.mark.parametrize(
    "text",
    [
        "contact_id,speaker,text\n1,agent,hi\n1,customer,yo\n",
        "contact_id;speaker;text\r\n1;agent;hi\r\n1;customer;yo",
        "contact_id\tspeaker\ttext\n1\tagent\thi\n\n1\tcustomer\tyo\n",
        "contact_id|speaker|text\n1|agent|hi\n1|customer|yo\n",
        "sep=;\ncontact_id;speaker;text\n1;agent;hi\n1;customer;yo\n",
        "\ufeff Contact ID , Speaker Role ,Message-Text\n1,Agent,hi\n1,CUSTOMER,yo\n",
        "\u200bid,speaker,text\u2060\n1,agent,hi\n1,customer,yo\n",
        "id,speaker,text,,\n1,agent,hi,,\n1,customer,yo,,\n",
        '"contact_id","speaker","text"\r1,agent,hi\r1,customer,yo\r',
        "id,speaker,text\n1,agent,hi\n,,\n1,customer,yo\n, ,\n,\n",  # as Excel writes rows that were cleared
    ],
)
def test_every_dialect_gives_the_same_contact(contacts, text: str) -> None:
    (contact,) = contacts(text)
    assert contact.id == "1"
    assert said(contact) == [("agent", "hi"), ("customer", "yo")]
    assert (contact.warnings, contact.record) == ((), 3 if text.startswith("sep") else 2)


def test_cells_may_hold_line_breaks_quotes_and_delimiters(contacts) -> None:
    (contact,) = contacts('id,speaker,text\n1,agent,"one\ntwo ""quoted"", three"\n1,customer,ok\n')
    assert said(contact) == [("agent", 'one\ntwo "quoted", three'), ("customer", "ok")]


def test_a_cell_may_be_longer_than_the_csv_module_allows(contacts) -> None:
    (contact,) = contacts(f"id,speaker,text\n1,agent,{'x' * 140_000}\n")
    assert len(contact.turns[0].text) == 140_000


def test_rows_of_a_contact_need_not_stand_together(contacts) -> None:
    found = contacts("id,speaker,text\na,agent,1\nb,agent,2\na,customer,3\nc,agent,4\nb,customer,5\n")
    assert [(contact.id, len(contact.turns), contact.record) for contact in found] == [
        ("a", 2, 2),
        ("c", 1, 5),
        ("b", 2, 3),
    ]


def test_too_many_open_rows_are_refused(contacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_OPEN_ROWS", 2)
    with pytest.raises(InputError) as caught:
        contacts("id,speaker,text\na,agent,1\nb,agent,2\nc,agent,3\na,customer,3\nb,agent,2\nc,agent,3\n")
    assert caught.value.code == "scattered_rows"
    assert "Sort the table" in caught.value.message


def test_contact_fields_times_and_other_columns(contacts) -> None:
    (contact,) = contacts(
        "id;channel;agent_id;customer_id;queue;started_at;csat;start;end;speaker;text;site;mood\n"
        "00123;call;007;9;billing;2024-05-01T10:00:00Z;4,5;0,5;1;agent;hi;north;calm\n"
        "00123;call;;9;billing;2024-05-01T10:00:00Z;;1,75;;customer;yo;north;cross\n"
    )
    assert contact == Transcript(
        id="00123",
        turns=(Turn(0, "agent", "hi", 0.5, 1.0, "007"), Turn(1, "customer", "yo", 1.75, None)),
        source=contact.source,
        record=2,
        channel="call",
        agent_id="007",
        customer_id="9",
        queue="billing",
        started_at="2024-05-01T10:00:00Z",
        csat=4.5,
        attrs={"site": "north"},
        parties=(Party("agent", "agent", "label", 1), Party("customer", "customer", "label", 1)),
    )


def test_fields_that_differ_within_a_contact_are_missing_with_a_warning(contacts) -> None:
    (contact,) = contacts("id,speaker,text,csat,agent_id\n1,agent,a,5,x\n1,agent,b,4,y\n")
    assert (contact.csat, contact.agent_id) == (None, None)
    assert contact.warnings == ("csat differs between the rows of the contact; it is taken as missing",)
    assert contact.notes == (
        "2 agents took part (x, y): each turn is its own agent's, the contact is credited to none",
    )


def test_without_an_id_column_the_file_is_one_contact(contacts) -> None:
    (contact,) = contacts("speaker,text\nagent,hello\ncustomer,hi\n", "monday.csv")
    assert contact.id == "monday"
    assert contact.warnings == ('there is no contact id column; the whole file is one contact, "monday"',)


def test_a_map_and_roles_find_other_names(contacts) -> None:
    options = ReadOptions(
        columns={"id": "Call Ref", "text": "utterance", "speaker": "who"}, roles={"T": "agent", "C": "customer"}
    )
    (contact,) = contacts("Call Ref,who,utterance,text\n1,T,hi,x\n1,C,yo,x\n", options=options)
    assert said(contact) == [("agent", "hi"), ("customer", "yo")]
    assert contact.attrs == {"text": "x"}


def test_spaces_around_a_cell_make_no_other_contact_and_no_other_value(contacts) -> None:
    (contact,) = contacts("id,speaker,text,queue,csat\n7,agent,a,cards,4\n7 ,customer,b, cards,4 \n")
    assert (contact.id, contact.queue, contact.csat, contact.warnings) == ("7", "cards", 4.0, ())


def test_words_for_missing_are_text_in_the_text_column(contacts) -> None:
    (contact,) = contacts("id,speaker,text\n1,agent,NA\n1,customer,None\n1,agent,null\n")
    assert [turn.text for turn in contact.turns] == ["NA", "None", "null"]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("id,speaker,start\n1,agent,0\n", "missing_column", ['no column "text"', "id, speaker, start", "--map text="]),
        ("id,text\n1,hi\n", "missing_column", ['no column "speaker"', "--map speaker=COLUMN"]),
        ("C-1,agent,hello\nC-1,customer,hi\n", "missing_column", ["The first row must name the columns"]),
        ("id,text,Text,speaker\n1,a,b,agent\n", "duplicate_column", ['two columns are named "text"']),
        ("id,speaker,text\n", "empty", ["no row below the header"]),
        ("sep=;\n", "empty", ["holds no rows"]),
        ('id,speaker,"text\n1,agent,never closed\n', "csv", [":1:", "the header", "quote that is not closed"]),
    ],
)
def test_unusable_tables_say_why(contacts, text: str, code: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        contacts(text)
    assert caught.value.code == code
    assert [word for word in words if word not in caught.value.message] == []


def test_a_mapped_column_that_is_not_there_is_named(contacts) -> None:
    with pytest.raises(InputError) as caught:
        contacts("id,speaker,text\n1,agent,a\n", options=ReadOptions(columns={"queue": "team"}))
    assert 'no column "team" (asked for by --map queue=team)' in caught.value.message


def test_a_first_row_of_data_does_not_leak_personal_data(contacts) -> None:
    with pytest.raises(InputError) as caught:
        contacts("1,agent,4111 1111 1111 1111,my mother is very ill,Go away!\n")
    assert "columns seen: agent. The first row" in caught.value.message
    with pytest.raises(InputError) as caught:
        contacts("17,I told you so already,no!\n")
    assert "the first row does not look like column names" in caught.value.message
    assert "told" not in caught.value.message


def test_a_ragged_row_is_refused_and_its_contact_keeps_the_others(contacts) -> None:
    short, long, good = contacts(
        "id,speaker,text\na,agent,x\na,customer\na,customer,y\nb,customer,x\nb,agent,hi,there\nc,agent,y\n"
    )
    assert said(short) == [("agent", "x"), ("customer", "y")]
    assert [turn.index for turn in short.turns] == [0, 2]
    (refused,) = short.refused
    assert (refused.contact_id, refused.code, refused.record, refused.kind) == ("a", "bad_row", 3, "turn")
    assert "line 3: 2 cells where the header has 3" in refused.message
    assert short.warnings == (
        "1 of its turns was refused: the contact has a hole there (rejects.jsonl says where and why)",
    )
    assert said(long) == [("customer", "x")]
    assert "line 6: 4 cells where the header has 3" in long.refused[0].message
    assert (said(good), good.refused, good.refused_turns) == ([("agent", "y")], (), 0)


@pytest.mark.parametrize(
    ("rows", "refused", "kept"),
    [
        # A line break that is not quoted: the sentence's rest is no id, and the turn before it is cut.
        ("a,agent,my card\nis lost 4111,ok?\na,customer,x\nb,agent,y\n", {"a": [2, 3]}, {"a": "x", "b": "y"}),
        ("b,agent,y\na,agent,x\na,agent,one\ntwo\nthree,four\n", {"a": [4, 5, 6]}, {"b": "y", "a": "x"}),
        ("a,agent,x\na,agent,my card\nis lost, she said, and, gone\n", {"a": [3, 4]}, {"a": "x"}),
        ("a,agent,x\nb\nb,agent,y\na,agent,z\n", {"a": [2, 3]}, {"b": "y", "a": "z"}),
        # With a speaker it is a row of its own, and the one before it is whole.
        ("a,agent,x\nb,customer\nb,agent,y\n", {"b": [3]}, {"a": "x", "b": "y"}),
        ("a,agent,x\nb,agent,y\na,customer,p,q\nb,agent,z\n", {"a": [4]}, {"a": "x", "b": "yz"}),
        ("a,Ann,x\nb,Ann\nb,Bo,y\n", {"b": [3]}, {"a": "x", "b": "y"}),
    ],
)
def test_what_a_broken_row_damages(contacts, rows: str, refused: dict[str, list[int]], kept: dict[str, str]) -> None:
    found = contacts(f"id,speaker,text\n{rows}")
    assert {one.id: "".join(turn.text for turn in one.turns) for one in found} == kept
    lines = {one.id: [each.record for each in one.refused] for one in found}
    assert all(f"line {each.record}: " in each.message for one in found for each in one.refused)
    assert {contact: numbers for contact, numbers in lines.items() if numbers} == refused
    told = [each.message for one in found for each in one.refused]
    assert not any(word in message for message in told for word in ("card", "lost", "two", "three"))


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        # Nothing good is left of the contact.
        ("a,agent,my card\nis lost\nb,agent,y\n", [("a", "bad_row", 2, "line 2, line 3 cannot be used")]),
        ("a,agent,\na,agent,p,q\nb,agent,y\n", [("a", "bad_row", 2, "line 3: 4 cells")]),
        # What a broken row says is no id, unless a whole row has it.
        ("my card\nb,agent,y\n", [(None, "bad_row", 2, "line 2: 1 cells")]),
        ("b,agent,y\nc,agent\n", [(None, "bad_row", 3, "line 3: 2 cells")]),
        (
            ",agent,x\nmy card\nb,agent,y\n",
            [(None, "missing_id", 2, "line 2: have no contact id"), (None, "bad_row", 3, "line 3: 1 cells")],
        ),
    ],
)
def test_what_is_refused_whole_for_broken_rows(contacts, rows: str, refused: list) -> None:
    found = contacts(f"id,speaker,text\n{rows}")
    assert [one.id for one in found if isinstance(one, Transcript)] == ["b"]
    rejects = [one for one in found if isinstance(one, Reject)]
    assert [(one.contact_id, one.code, one.record, one.kind) for one in rejects] == [
        (*case[:3], "record") for case in refused
    ]
    assert all(case[3] in one.message for case, one in zip(refused, rejects, strict=True))
    assert not any("card" in one.message for one in rejects)


@pytest.mark.parametrize(
    ("rows", "refused", "kept"),
    [
        ('a,agent,x\na,customer,"I said "no" twice"\nb,agent,"y"\n', {"a": [3]}, {"a": "x", "b": "y"}),
        ('a,agent,"never closed\na,customer,x\nb,agent,y\n', {"a": [2]}, {"a": "x", "b": "y"}),
        # The rest of the faulty cell is no end of the whole row before it.
        ('b,agent,y\na,agent,"5" pipe\nis lost\na,agent,"x\nz"\n', {"a": [3, 4]}, {"b": "y", "a": "x\nz"}),
    ],
)
def test_a_faulty_quote_costs_its_row_and_not_the_rest_of_the_file(contacts, rows, refused, kept) -> None:
    found = contacts(f"id,speaker,text\n{rows}")
    assert {one.id: "".join(turn.text for turn in one.turns) for one in found} == kept
    assert {one.id: [each.record for each in one.refused] for one in found if one.refused} == refused
    first = next(one.refused[0] for one in found if one.refused)
    assert (first.code, "quote that is not closed" in first.message) == ("bad_row", True)
    assert not any(word in first.message for word in ("twice", "never", "pipe"))


def test_faulty_quotes_that_would_be_read_again_for_ever_are_refused(contacts, monkeypatch) -> None:
    monkeypatch.setattr(csvfile, "_MAX_READ_AGAIN", 100)
    with pytest.raises(InputError, match="too many rows cannot be read"):
        contacts("id,speaker,text\n" + 'a,agent,"x""\n' * 50)


def test_a_table_of_nothing_but_a_broken_row_holds_no_contact(contacts) -> None:
    (refused,) = contacts("id,speaker,text\nmy card\n")
    assert (refused.contact_id, refused.code, refused.record) == (None, "bad_row", 2)


def test_a_broken_row_without_an_id_column_leaves_a_hole_in_the_file(contacts) -> None:
    (found,) = contacts("speaker,text\nagent,hello\nmy card\ncustomer,hi\n", "monday.csv")
    assert (found.id, said(found)) == ("monday", [("customer", "hi")])
    assert [one.code for one in found.refused] == ["bad_row", "bad_row"]


DATED = "id,speaker,text,{name}\n1,agent,hi,{first}\n1,customer,yo,{second}\n2,agent,ho,2024-05-02\n"


@pytest.mark.parametrize("name", ["started_at", "date", "Date Time", "timestamp", "created_at", "start_date"])
def test_a_column_of_dates_is_the_start_of_the_contact(contacts, name: str) -> None:
    first, second = contacts(DATED.format(name=name, first="2024-05-01 10:00", second="2024-05-01 10:00"))
    assert (first.started_at, second.started_at) == ("2024-05-01 10:00", "2024-05-02")
    assert (first.attrs, first.warnings) == ({}, ())


def test_the_first_of_the_dates_of_rows_is_the_start_of_the_contact(contacts) -> None:
    first, _ = contacts(DATED.format(name="timestamp", first="2024-05-01T10:05:00Z", second="1714557600"))
    assert first.started_at == "2024-05-01T10:00:00+00:00"
    differing, _ = contacts(DATED.format(name="started_at", first="2024-05-01", second="2024-05-03"))
    assert differing.started_at is None
    assert "started_at differs" in differing.warnings[0]


@pytest.mark.parametrize("seconds", ["12.5", "00:00:05", "1200000000", "soon"])
def test_a_column_of_seconds_is_no_column_of_dates(contacts, seconds: str) -> None:
    """1,200,000,000 microseconds are 20 minutes, and a date of 2008 in seconds."""
    rows = "".join(f"1,agent,hi,{value}\n" for value in ("0.5", "4", seconds))
    (contact,) = contacts(f"id,speaker,text,timestamp\n{rows}")
    assert (contact.started_at, len(contact.turns), contact.refused) == (None, 3, ())


@pytest.mark.parametrize(
    ("date", "code"),
    [
        ("03/04/2024", "ambiguous_date"),
        ("2024-02-30", "impossible_date"),
        ("2999-01-01", "future_date"),
        ("45321.4375", "not_a_date"),
    ],
)
@pytest.mark.parametrize("name", ["started_at", "timestamp"])
def test_a_row_whose_date_cannot_be_used_is_refused(contacts, name: str, date: str, code: str) -> None:
    first, second = contacts(DATED.format(name=name, first="2024-05-01", second=date))
    assert (said(first), first.started_at, said(second)) == ([("agent", "hi")], "2024-05-01", [("agent", "ho")])
    (refused,) = first.refused
    assert (refused.code, refused.kind) == (code, "turn")
    assert f'line 3: "{name}" ' in refused.message
    assert date not in refused.message
    others = "".join(f"{other},agent,hi,2024-05-0{other}\n" for other in range(3, 6))
    alone = contacts(DATED.format(name=name, first=date, second=date) + others)[0]
    assert isinstance(alone, Reject)
    assert (alone.contact_id, alone.code, alone.kind) == ("1", code, "record")


def test_the_declared_order_reads_dates_that_could_be_two_days(contacts) -> None:
    text = DATED.format(name="date", first="03/04/2024", second="03/04/2024")
    first, _ = contacts(text, options=ReadOptions(dates=DateRules("dmy")))
    assert first.started_at == "2024-04-03T00:00:00"


def test_rows_without_an_id_are_refused_together(contacts) -> None:
    good, bad = contacts("id,speaker,text\n,agent,x\na,agent,y\nNone,customer,z\n")
    assert said(good) == [("agent", "y")]
    assert (bad.code, bad.record, bad.contact_id) == ("missing_id", 2, None)
    assert 'lines 2, 4: have no contact id in column "id"' in bad.message
    assert "unmerge the cells and fill it down to the last row" in bad.message


def test_a_contact_that_rows_without_an_id_follow_is_doubtful(contacts) -> None:
    first, bad, second = contacts("id,speaker,text\na,agent,x\n,customer,y\n,agent,z\nb,agent,w\nb,customer,v\n")
    assert first.warnings == ("no contact id in lines 3, 4 right below: turns of this contact may be missing",)
    assert (second.warnings, bad.code) == ((), "missing_id")


@pytest.mark.parametrize(
    ("line", "sniffed"),
    [
        ("a,b", (",", 0)),
        ("a;b,c;d", (";", 0)),
        ('"a;b;c",d', (",", 0)),
        ("a", (",", 0)),
        ("SEP=|\r\n", ("|", 1)),
        ("", (",", 0)),
    ],
)
def test_delimiters(line: str, sniffed: tuple[str, int]) -> None:
    assert sniff_delimiter(line) == sniffed


def _parquet(path: Path, columns: dict[str, object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_turn_tables(tmp_path: Path) -> None:
    path = _parquet(
        tmp_path / "calls.parquet",
        {
            "contact_id": [1, 1, 2],
            "speaker": pa.array(["agent", "customer", "agent"]).dictionary_encode(),
            "text": ["hi", None, "yo"],
            "start": [0.5, 1.5, None],
            "started_at": [datetime(2024, 5, 1, 10, tzinfo=UTC)] * 3,
            "csat": [5, None, None],
        },
    )
    first, second = read_parquet(path, OPTIONS)
    assert isinstance(first, Transcript)
    assert (first.id, first.dropped_turns, first.csat, first.started_at) == ("1", 1, 5.0, "2024-05-01T10:00:00+00:00")
    assert first.turns == (Turn(0, "agent", "hi", 0.5),)
    assert isinstance(second, Transcript)
    assert (second.id, second.record) == ("2", 3)


def test_parquet_with_one_contact_a_row(tmp_path: Path) -> None:
    turns = [[{"speaker": "agent", "text": "hi"}], [{"speaker": "customer", "text": "yo"}]]
    first, second = read_parquet(_parquet(tmp_path / "calls.parquet", {"id": ["a", "b"], "turns": turns}), OPTIONS)
    assert said(first) == [("agent", "hi")]
    assert said(second) == [("customer", "yo")]


def test_decimals_of_parquet_are_numbers(tmp_path: Path) -> None:
    ids, csat = [Decimal("7.00"), Decimal("8.00")], [Decimal("4.5"), None]
    turns = [[{"speaker": "agent", "text": "hi", "start": Decimal("1.25")}]] * 2
    by_contact = {"id": ids, "turns": turns, "csat": csat}
    by_turn = {"id": ids, "csat": csat, "speaker": ["agent"] * 2, "text": ["hi"] * 2, "start": [Decimal("1.25")] * 2}
    for number, columns in enumerate((by_contact, by_turn)):
        first, second = read_parquet(_parquet(tmp_path / f"{number}.parquet", columns), OPTIONS)
        assert isinstance(first, Transcript)
        assert isinstance(second, Transcript)
        assert (first.id, first.csat, second.id, second.csat) == ("7", 4.5, "8", None)
        assert first.turns == (Turn(0, "agent", "hi", 1.25),)
        assert first.warnings == ()


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"id": ["a"], "speaker": ["agent"]}, "missing_column"),
        ({"id": ["a"], "text": ["x"]}, "missing_column"),
        (
            {"id": pa.array([], pa.string()), "speaker": pa.array([], pa.string()), "text": pa.array([], pa.string())},
            "empty",
        ),
    ],
)
def test_unusable_parquet_says_why(tmp_path: Path, columns: dict[str, object], code: str) -> None:
    with pytest.raises(InputError) as caught:
        list(read_parquet(_parquet(tmp_path / "calls.parquet", columns), OPTIONS))
    assert caught.value.code == code


def test_parquet_text_that_is_no_text_is_refused_by_row(tmp_path: Path) -> None:
    texts = pa.array([["a"], None], pa.list_(pa.string()))
    path = _parquet(tmp_path / "calls.parquet", {"id": ["a", "a"], "speaker": ["agent", "agent"], "text": texts})
    (refused,) = read_parquet(path, OPTIONS)
    assert isinstance(refused, Reject)
    assert (refused.code, refused.contact_id) == ("turn_type", "a")


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR1" + bytes(60) + b"PAR1")
    with pytest.raises(InputError) as caught:
        list(read_parquet(path, OPTIONS))
    assert caught.value.code == "damaged"
