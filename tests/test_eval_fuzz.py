import json
import random
from pathlib import Path

import pytest

from eval import fuzz, fuzz_targets, ingest_speed
from eval.fuzz_mutate import mutated


def of_bytes(data: bytes, most: int) -> bytes:
    """Stands in for libFuzzer: one byte changed."""
    dice = random.Random(len(data))
    changed = bytearray(data or b"x")
    changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed[:most])


@pytest.mark.parametrize("target", fuzz_targets.TARGETS, ids=lambda target: target.name)
def test_no_seed_is_a_finding_nor_are_a_few_mutations(target: fuzz_targets.Target) -> None:
    for data in target.seeds():
        target.run(data)
        for seed in range(10):
            changed = mutated(data, 4096, seed, of_bytes) if target.json else of_bytes(data[: len(data) - seed], 4096)
            target.run(changed)


def test_every_json_format_has_a_seed_that_it_takes() -> None:
    lines = [json.loads(line) for line in fuzz_targets.SEEDS.read_text(encoding="utf-8").splitlines()]
    for known in fuzz_targets.DOCUMENT_FORMATS:
        assert any(known.detect(line["document"]) for line in lines if line["format"] == known.name), known.name


def test_mutations_stay_json_nearly_always_and_repeat_by_seed() -> None:
    data = json.dumps({"turns": [{"speaker": "agent", "text": "Hello", "start": 1.5}]}).encode()
    made = [mutated(data, 4096, seed, of_bytes) for seed in range(200)]
    assert made == [mutated(data, 4096, seed, of_bytes) for seed in range(200)]
    valid = 0
    for one in made:
        try:
            json.loads(one)
        except ValueError:
            continue
        valid += 1
    assert valid > 150
    assert len(set(made)) > 100


def test_a_finding_is_written_once_with_its_shortest_input(tmp_path: Path) -> None:
    def run(data: bytes) -> None:
        raise KeyError("no such thing")

    session = fuzz.Session(fuzz_targets.Target("x", list, run), 60, tmp_path / "facts.json")
    for data in (b"long input", b"short", b"longer input"):
        session.one(data)
    session.save()
    facts = json.loads((tmp_path / "facts.json").read_text())
    (finding,) = facts["findings"].values()
    assert (facts["executions"], finding["input"]) == (3, "c2hvcnQ=")
    assert "KeyError" in finding["what"]


def test_runs_of_a_target_add_up() -> None:
    total = fuzz.add({"executions": 2, "seconds": 1.5}, {"executions": 3, "seconds": 1.0, "findings": {}})
    assert total == {"executions": 5, "seconds": 2.5, "findings": {}}


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(SystemExit, match="allowed: json-amazon"):
        fuzz.main(["nothing"])


def test_the_contacts_of_the_benchmark_are_read_whole_in_every_way(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert ingest_speed.write_contacts(path, 3) == 36
    assert [way(path) for way in ingest_speed.WAYS.values()] == [36, 36, 36]
