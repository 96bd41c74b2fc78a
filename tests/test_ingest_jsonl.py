import json
import time
from pathlib import Path

import pytest

from cxsentiment.errors import InputError
from cxsentiment.ingest import jsonl
from cxsentiment.ingest.jsonl import is_lines, read_json, read_jsonl
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.schema import Reject

OPTIONS = ReadOptions()


def line(name: str) -> bytes:
    return json.dumps({"id": name, "turns": [{"speaker": "agent", "text": f"Hello {name}"}]}).encode()


def outcome(path: Path) -> list[tuple[int, str]]:
    return [
        (result.record, result.code if isinstance(result, Reject) else result.id)
        for result in read_jsonl(path, OPTIONS)
    ]


def test_a_bad_line_is_refused_by_its_number_and_the_others_go_on(tmp_path: Path) -> None:
    deep = b'{"turns": ' + b"[" * 100_000
    lines = [
        *(b"\xef\xbb\xbf" + line("a"), b"", b'{"broken": ', line("b") + b",", b'{"foo": 1}', b"[]", b"null"),
        *(line("caf\xe9").replace(b"\\u00e9", b"\xe9"), b'{"turns": [], "n": ' + b"9" * 5000 + b"}", deep, line("z")),
    ]
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join(lines))
    assert outcome(path) == [
        *((1, "a"), (3, "json"), (4, "json"), (5, "no_turns"), (6, "record_type"), (7, "record_type")),
        *((8, "encoding"), (9, "json_number"), (10, "json_depth"), (11, "z")),
    ]


def test_messages_name_the_place_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"id": "a"\n' + line("b") + line("c") + b"\n" + b"{'id': 1}\n")
    messages = [result.message for result in read_jsonl(path, OPTIONS) if isinstance(result, Reject)]
    assert messages[0].startswith(f"{path}:1: is not valid JSON")
    assert "looks cut off" in messages[0]
    assert "one contact a line" in messages[1]
    assert "single quotes" in messages[2]


def test_a_line_past_the_limit_is_refused_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MAX_LINE_CHARACTERS", 200)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"x": "' + b"y" * 1000 + b'"}\n' + line("b") + b"\n")
    assert outcome(path) == [(1, "too_large"), (2, "b")]


def test_utf16_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "wide.jsonl"
    path.write_text((line("a") + b"\n" + line("b")).decode(), encoding="utf-16")
    assert outcome(path) == [(1, "a"), (2, "b")]


def test_keys_given_twice_are_told_and_the_last_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "twice.jsonl"
    path.write_bytes(b'{"id": "a", "id": "b", "turns": []}\n' + line("c"))
    first, second = read_jsonl(path, OPTIONS)
    assert not isinstance(first, Reject)
    assert first.id == "b"
    assert 'keys given twice: "id"; the last one was read' in first.warnings
    assert not isinstance(second, Reject)
    assert second.warnings == ()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (line("a").decode(), ["a"]),
        (json.dumps([json.loads(line("a")), json.loads(line("b"))], indent=1), ["a", "b"]),
    ],
)
def test_documents_hold_one_contact_or_an_array(tmp_path: Path, text: str, ids: list[str]) -> None:
    path = tmp_path / "calls.json"
    path.write_text(text)
    results = list(read_json(path, OPTIONS))
    assert [(result.record, getattr(result, "id", None)) for result in results] == list(enumerate(ids, start=1))


def test_one_bad_element_of_an_array_spares_the_others(tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    path.write_text(f"[{line('a').decode()}, 5, {line('b').decode()}]")
    assert [type(result).__name__ for result in read_json(path, OPTIONS)] == ["Transcript", "Reject", "Transcript"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[]", "empty", "the list is empty"),
        ("", "empty", "no contact"),
        ('[{"id": 1,\n "turns": [', "json", "line 2 column 12"),
        ('[\n// note\n{"turns": []}]', "json", "Comments"),
        ("[" * 100_000, "json_depth", "nested too deeply"),
    ],
)
def test_a_damaged_document_is_refused_whole(tmp_path: Path, text: str, code: str, said: str) -> None:
    path = tmp_path / "calls.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        list(read_json(path, OPTIONS))
    assert caught.value.code == code
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"id": 1}\n{"id": 2}', True),
        ('{"id": 1}\nrubbish', True),
        ('{"id": \n{"id": 2}', True),
        ('{"id": "a line longer than the head', True),
        ('{\n "id": 1,\n "turns": [', False),
        ('{"id": 1,\n "turns": [', False),
        ("[\n{}\n]", False),
        ("", False),
    ],
)
def test_lines_are_told_from_documents(text: str, lines: bool) -> None:
    assert is_lines(text) is lines


def test_a_small_file_of_millions_of_blank_lines_is_read_in_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "blank.jsonl"
    path.write_bytes(b" \n" * 2**20 + b'{"id": "a", "turns": []}\n')
    start = time.process_time()
    (found,) = read_jsonl(path, ReadOptions())
    assert time.process_time() - start < 3
    assert found.record == 2**20 + 1
