import json
from pathlib import Path
from typing import Any

import pytest

from cxsentiment.errors import RunError, UsageError
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric
from training.annotations import read_annotations
from training.labelled_turn import Annotation

HEAD = "contact_id,turn,speaker,text,sentiment,acts,channel\n"


def one(tmp_path: Path, content: str, name: str = "labels.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "labels", "speaker"),
    [
        ("c1,0,customer,it broke again,negative,,chat", ("negative",), "customer"),
        ("c1,0,Customer,it broke again, Negative ,none,chat", ("negative",), "customer"),
        ('c1,0,agent,"Hello, one moment",,greet;hold,chat', ("greet", "hold"), "agent"),
        ('c1,0,agent,"Hello, one moment",,"hold, greet",chat', ("greet", "hold"), "agent"),
        ("c1,0,agent,Hello one moment,,hold greet hold,", ("greet", "hold"), "agent"),
        ("c1,0,agent,ok,,none,chat", (), "agent"),
        (",,agent,ok,,none,", (), "agent"),
    ],
)
def test_rows_of_a_table(tmp_path: Path, row: str, labels: tuple[str, ...], speaker: str) -> None:
    (turn,) = read_annotations([one(tmp_path, HEAD + row + "\n")]).turns
    assert (turn.labels, turn.speaker) == (labels, speaker)
    assert (turn.sentiment is None) == (turn.acts is not None) == (speaker == "agent")


def test_objects_a_line_with_other_names_and_a_mask(tmp_path: Path) -> None:
    rows = [
        {
            "conversation_id": "c9",
            "turn_index": 4,
            "speaker": "agent",
            "text": "Hi, I am Bo",
            "acts": ["greet", "identify"],
        },
        {"speaker": "customer", "text": " call me on 07700 900123 ", "sentiment": "neutral", "acts": [], "team": "x"},
    ]
    path = one(tmp_path, "\n" + "".join(json.dumps(row) + "\n" for row in rows), "labels.jsonl")
    found = read_annotations([path])
    assert found.turns[0] == Annotation(
        f"{path.as_posix()}:2", "agent", "Hi, I am Bo", None, ("greet", "identify"), "c9", 4, None
    )
    assert found.turns[1].text == "call me on [PHONE]"
    assert found.notes == ("columns that are not read: team",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            HEAD + "c1,0,agent,hello,,greet,chat\nc1,1,agent,hello,,wave,chat\n",
            r":3: unknown act 'wave' \(allowed: ack",
        ),
        (HEAD + "c1,0,customer,hello,grumpy,,chat\n", r":2: unknown sentiment 'grumpy' \(allowed: negative, neutral"),
        (HEAD + "c1,0,customer,hello,,,chat\n", ":2: a customer's turn without a sentiment"),
        (HEAD + "c1,0,customer,hello,neutral,greet,chat\n", ":2: a customer's turn with acts"),
        (HEAD + "c1,0,agent,hello,positive,greet,chat\n", ":2: an agent's turn with a sentiment.*not judged here"),
        (HEAD + "c1,0,agent,hello,,none greet,chat\n", "'none' beside none, greet"),
        (HEAD + "c1,0,supervisor,hello,,greet,chat\n", r"speaker 'supervisor' \(allowed: agent, customer"),
        (HEAD + "c1,0,agent, ,,greet,chat\n", ":2: the text is empty"),
        (HEAD + "c1,x,agent,hello,,greet,chat\n", "turn 'x'"),
        (HEAD + "c1,0,agent,hello,,greet\n", ":2: 6 cells where the header has 7"),
        ("speaker,text,sentiment\nagent,hello,\n", "no column 'acts'; columns seen: speaker, text, sentiment"),
        ("speaker,text,acts\ncustomer,hello,\n", "no column 'sentiment'"),
        ("text,acts\nhello,greet\n", "no column 'speaker'"),
        ("contact_id,turn,acts\nc1,0,greet\n", r"no column 'text' \(or contact_id and turn, with --run RUN\)"),
        (
            HEAD + "c1,0,agent,hello,,greet,chat\nc1,0,agent,hello,,close,chat\n",
            r":3: the same turn has other labels in .*:2 \(close; there greet\)",
        ),
        (HEAD + ",,agent,hello,,greet,\n,,agent,hello,,none,\n", r"\(none; there greet\)"),
        ('{"speaker": "agent", "text": "hello", "acts": ["greet"]}\n{"speaker"\n', ":2: not valid JSON"),
        ('[{"speaker": "agent"}]\n', ":1: is not an object"),
        (
            '{"speaker": "agent", "text": "hi", "acts": [""]}\n',
            r':1: acts holds "", which is no act.*Write the acts, or \[\]',
        ),
        ('{"speaker": "agent", "text": "hi", "acts": [null]}\n', ":1: acts holds null, which is no act"),
        ('{"speaker": "agent", "text": "hi", "acts": ["greet", 3]}\n', ":1: acts holds 3, which is no act"),
        ('{"speaker": "agent", "text": "hi", "acts": {"greet": true}}\n', ":1: acts is "),
        ('{"speaker": "agent", "text": ["hi"], "acts": []}\n', r":1: text is \['hi'\] \(allowed: text or a number"),
        ('{"speaker": "agent", "text": {"a": 1}, "acts": []}\n', ":1: text is "),
        ('{"speaker": "agent", "text": true, "acts": []}\n', ":1: text is True"),
        (
            '{"speaker": "agent", "text": "hi", "acts": [], "\\ud800": 1}\n',
            ":1: the key '.ud800' holds half a character",
        ),
        ('{"speaker": "agent", "text": "hi", "acts": [], "contact_id": "\\ud800"}\n', "contact_id '.ud800' holds half"),
        (
            '{"speaker": "agent", "text": "a", "text": "b", "acts": []}\n',
            "two columns of text that disagree: 'a' and 'b'",
        ),
        (HEAD + f"c1,{'9' * 5000},agent,hello,,greet,chat\n", r":2: turn '9{39}… \(allowed: .* 0 to 2147483647"),
        ("conversation_id," + HEAD + "c2,c1,0,agent,hello,,greet,chat\n", "contact_id that disagree: 'c2' and 'c1'"),
        (
            HEAD + "c1,4,agent,hello,,greet,chat\nc1,,agent,hello,,close,chat\n",
            r":3: the same turn has other labels in .*:2 \(close; there greet\)",
        ),
        (HEAD + "c1,,agent,hello,,close,chat\nc1,4,agent,hello,,greet,chat\n", "the same turn has other labels"),
        ("picked," + HEAD + "doubt,c1,0,agent,hello,,greet,chat\n", r":2: picked 'doubt' \(allowed: unsure, chance\)"),
        ("", "holds no rows"),
        (HEAD, "holds no labelled turn"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_annotations([one(tmp_path, content)])


@pytest.mark.parametrize("what", ["brackets", "digits", "digits in a table"])
def test_what_no_parser_can_hold_is_named_by_its_line(tmp_path: Path, what: str) -> None:
    content, says = {
        "brackets": ('{"x": ' + "[" * 100_000 + "\n", ":1: not valid JSON: .*recursion"),
        "digits": ('{"turn": ' + "9" * 5000 + "}\n", ":1: not valid JSON: .*digits"),
        "digits in a table": (
            HEAD + f"c1,{'9' * 5000},agent,hello,,greet,chat\n",
            r":2: turn '9{39}… \(allowed: a whole number from 0 to 2147483647",
        ),
    }[what]
    with pytest.raises(UsageError, match=says):
        read_annotations([one(tmp_path, content)])


def test_an_excel_file_is_called_so(tmp_path: Path) -> None:
    for name, start in (("labels.xlsx", b"PK\x03\x04\x14\x00"), ("labels.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
        (tmp_path / name).write_bytes(start + b"\x00" * 600)
        with pytest.raises(UsageError, match=rf"{name}: is an Excel file.*\(allowed: CSV, JSONL\)\. Save it as CSV"):
            read_annotations([tmp_path / name])


def test_of_two_columns_of_one_field_the_filled_one_counts(tmp_path: Path) -> None:
    head = HEAD.replace("contact_id", "contact_id,conversation_id")
    path = one(
        tmp_path, head + "c1,,0,agent,hello,,greet,chat\n,c2,0,agent,hello,,greet,chat\nc3,c3,0,agent,hi,,none,\n"
    )
    assert [turn.contact for turn in read_annotations([path]).turns] == ["c1", "c2", "c3"]


def test_an_empty_list_and_a_number_are_what_they_say(tmp_path: Path) -> None:
    path = one(tmp_path, '{"speaker": "agent", "text": 42, "acts": [], "turn": 2147483647}\n', "labels.jsonl")
    (turn,) = read_annotations([path]).turns
    assert (turn.text, turn.acts, turn.turn) == ("42", (), 2**31 - 1)


def test_a_row_without_its_turn_repeats_one_that_has_it(tmp_path: Path) -> None:
    path = one(tmp_path, HEAD + "c1,,agent,hello,,greet,chat\nc1,4,agent,hello,,greet,chat\nc1,9,agent,hello,,greet,\n")
    found = read_annotations([path])
    assert [turn.turn for turn in found.turns] == [4, 9]
    assert found.notes == ("rows that repeat a turn with the same labels, counted once: 1",)


def test_two_texts_at_one_turn_are_told(tmp_path: Path) -> None:
    """Two teams that number their contacts from 1 lost the second one's turns without a word."""
    first = one(tmp_path, HEAD + "1,0,customer,it broke,negative,,\n", "first.csv")
    same = one(tmp_path, HEAD + "1,0,customer,it is late,negative,,\n", "same.csv")
    found = read_annotations([first, same])
    assert len(found.turns) == 1
    assert "rows whose text is not that of the row they repeat: 1 (first: " in found.notes[1]
    assert "same.csv:2, turn 0 of contact '1' as " in found.notes[1]
    other = one(tmp_path, HEAD + "1,0,customer,it works,positive,,\n", "other.csv")
    with pytest.raises(UsageError, match=r"other\.csv:2: turn 0 of contact '1' has another text and other labels in"):
        read_annotations([first, other])


def test_why_a_turn_was_picked_is_read_and_doubt_wins(tmp_path: Path) -> None:
    turns = "chance,c1,0,agent,a,,greet,\nUnsure,c1,1,agent,b,,greet,\n,c1,2,agent,c,,greet,\n"
    again = "unsure,c1,0,agent,a,,greet,\nchance,c1,1,agent,b,,greet,\n"
    found = read_annotations([one(tmp_path, "picked," + HEAD + turns + again)])
    assert [turn.picked for turn in found.turns] == ["unsure", "unsure", None]
    assert found.notes == ("rows that repeat a turn with the same labels, counted once: 2",)


def test_the_doubt_of_a_row_without_its_turn_counts_for_the_row_that_has_it(tmp_path: Path) -> None:
    rows = "chance,c1,0,agent,a,,greet,\nunsure,c1,,agent,a,,greet,\nchance,c1,1,agent,b,,greet,\n"
    found = read_annotations([one(tmp_path, "picked," + HEAD + rows)])
    assert [(turn.turn, turn.picked) for turn in found.turns] == [(0, "unsure"), (1, "chance")]


def test_an_empty_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no rows\. Write one labelled turn a row below the column names"):
        read_annotations([one(tmp_path, "")])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.csv: no such label file"):
        read_annotations([tmp_path / "gone.csv"])


def test_an_old_encoding_is_read_and_told(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes("speaker,text,sentiment\ncustomer,voilà a café,neutral\n".encode("cp1252"))
    found = read_annotations([path])
    assert found.turns[0].text == "voilà a café"
    assert "Windows-1252" in found.notes[0]


def test_repeats_count_once_and_doubtful_texts_are_told(tmp_path: Path) -> None:
    first = one(tmp_path, HEAD + "c1,0,customer,ok,neutral,,chat\nc1,1,agent,Bye,,close,chat\n")
    second = one(tmp_path, HEAD + "c1,1,agent,Bye,,close,chat\nc2,5,customer,ok,positive,,chat\n", "more.csv")
    found = read_annotations([first, second])
    assert [(turn.contact, turn.turn) for turn in found.turns] == [("c1", 0), ("c1", 1), ("c2", 5)]
    assert found.notes[0] == "rows that repeat a turn with the same labels, counted once: 1"
    assert "turns with the words of another turn and other labels: 1" in found.notes[1]
    assert list(found.files) == ["labels 1: labels.csv", "labels 2: more.csv"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Path:
    folder = tmp_path_factory.mktemp("scored")
    contact: dict[str, Any] = {
        "id": "c7",
        "channel": "email",
        "turns": [
            {"speaker": "customer", "text": "terrible, my number is 4539 1488 0343 6467"},
            {"speaker": "bot", "text": "a ticket was made"},
            {"speaker": "agent", "text": "so sorry"},
        ],
    }
    (folder / "in.jsonl").write_text(json.dumps(contact) + "\n", encoding="utf-8")
    run([str(folder / "in.jsonl")], folder / "run", Settings(toy_bundle, read_rubric(default_rubric()), workers=1))
    return folder / "run"


def test_texts_are_looked_up_in_a_run_folder(tmp_path: Path, scored: Path) -> None:
    path = one(tmp_path, "contact_id,turn_index,sentiment,acts\nc7,0,negative,\nc7,2,,apologise\n")
    customer, agent = read_annotations([path], scored).turns
    assert (customer.text, customer.sentiment, customer.channel) == (
        "terrible, my number is [CARD]",
        "negative",
        "email",
    )
    assert (agent.text, agent.acts) == ("so sorry", ("apologise",))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("c8,0,,negative,", ":2: contact 'c8' is not in"),
        ("c7,9,,negative,", r"points at turn '9' of contact 'c7'.*\(allowed: turns stored: 0 to 2\)"),
        ("c7,,,negative,", "points at turn '' of contact"),
        ("c7,1,,negative,", "speaker 'bot'"),
        ("c7,2,customer,negative,", "speaker 'customer', but .* has 'agent'"),
    ],
)
def test_a_label_that_points_at_nothing_is_refused(tmp_path: Path, scored: Path, row: str, says: str) -> None:
    path = one(tmp_path, f"contact_id,turn,speaker,sentiment,acts\n{row}\n")
    with pytest.raises(UsageError, match=says):
        read_annotations([path], scored)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    path = one(tmp_path, "contact_id,turn,sentiment,acts\nc7,0,negative,\n")
    with pytest.raises(RunError, match="is no run folder"):
        read_annotations([path], tmp_path)
