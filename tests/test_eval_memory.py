"""`eval.memory` on small inputs: each is what it says, and both kinds of processes are seen."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval import memory

CHATS: list[dict[str, Any]] = [
    {
        "id": f"chat-{k}",
        "channel": "chat",
        "agent_id": "ana",
        "turns": [
            {"speaker": "agent" if turn % 2 else "customer", "text": f'my order {k}, "again" {turn}'}
            for turn in range(20)
        ],
    }
    for k in range(5)
]
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to know a process's peak")


@needs_proc
@pytest.mark.parametrize("name", ["contacts", "contacts in a table"])
def test_parts_that_stand_are_verified_and_no_model_runs(toy_bundle: Path, name: str) -> None:
    found = memory.measure(memory.CASES[name], 700, CHATS, toy_bundle, 2)
    assert (found["contacts"], found["contacts_in"], found["turns_in"], found["shards"]) == (700, 700, 1400, 2)
    assert found["main_process_mb"] > 20
    assert found["largest_worker_mb"] is None


@needs_proc
def test_workers_are_told_from_the_main_process(toy_bundle: Path) -> None:
    found = memory.measure(memory.CASES["turns"], 9_000, CHATS, toy_bundle, 2)
    assert (found["turns_in"], found["shards"]) == (9_000, 3)
    assert found["main_process_mb"] > 20
    assert found["largest_worker_mb"] > 20


def test_inputs_are_what_they_say(tmp_path: Path) -> None:
    assert len(memory.long_turn(CHATS, tmp_path, 5_000).read_text(encoding="utf-8")) > 2 * 5_000
    assert len(list(memory.files(CHATS, tmp_path, 30).iterdir())) == 30
    assert len(memory.broken_lines(CHATS, tmp_path, 30).read_text(encoding="utf-8").splitlines()) == 31
    assert memory.long_call(CHATS, tmp_path, 500).read_text(encoding="utf-8").count('"speaker"') == 500


@pytest.fixture
def star(tmp_path: Path, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Run the command on chats of ours with a measurement that takes no time; the file it writes to."""
    with gzip.open(tmp_path / "star.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(chat) + "\n" for chat in CHATS)
    monkeypatch.setattr(memory, "measure", lambda case, count, *_: {case.unit: count})
    monkeypatch.setattr(memory, "RESULTS", tmp_path / "memory.json")

    def command(*options: str, cores: int = 2) -> Path:
        monkeypatch.setattr(memory, "described", lambda: {"cores": cores})
        monkeypatch.setattr(sys, "argv", ["memory", "--data", str(tmp_path), "--model", str(toy_bundle), *options])
        memory.main()
        return tmp_path / "memory.json"

    return command


def test_a_case_that_is_measured_again_leaves_the_others_their_machine(star: Callable[..., Path]) -> None:
    star("--workers", "2")
    path = star("--workers", "8", "--case", "many files", cores=8)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert set(found) == {"source", "cases"}
    assert list(found["cases"]) == list(memory.CASES)
    under = {name: (one["machine"], one["workers"], one["share"]) for name, one in found["cases"].items()}
    assert under.pop("many files") == ({"cores": 8}, 8, 1.0)
    assert set(map(str, under.values())) == {str(({"cores": 2}, 2, 1.0))}


def test_a_quick_look_writes_only_where_it_is_told_to(
    star: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not star("--share", "0.1", "--case", "many files").exists()
    assert "many files: {'files': 1000," in capsys.readouterr().out
    star("--share", "0.1", "--case", "many files", "--out", str(tmp_path / "quick.json"))
    quick = json.loads((tmp_path / "quick.json").read_text(encoding="utf-8"))["cases"]["many files"]
    assert (quick["files"], quick["share"]) == (1000, 0.1)


@pytest.mark.parametrize(
    ("text", "says"), [("{", "not valid JSON"), ("[]", "holds no figures"), ("{}", "lacks 'cases'")]
)
def test_kept_cases_that_cannot_be_read_are_told(
    star: Callable[..., Path], tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "memory.json").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=says):
        star("--case", "many files")
    assert (tmp_path / "memory.json").read_text(encoding="utf-8") == text


def test_the_committed_cases_say_what_they_were_measured_with() -> None:
    cases = json.loads(memory.RESULTS.read_text(encoding="utf-8"))["cases"]
    assert list(cases) == list(memory.CASES)
    assert all({"machine", "workers", "share"} <= set(one) for one in cases.values())
