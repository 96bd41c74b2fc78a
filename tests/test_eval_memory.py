"""`eval.memory` on small inputs: each is what it says, and both kinds of processes are seen."""

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
