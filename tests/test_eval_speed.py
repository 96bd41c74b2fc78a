"""The benchmarks run and tell what they measured; what they found stands in eval/results."""

import gzip
import json
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cxsentiment.model import default_model
from eval import growth, limits, memory, speed

RESULTS = Path(__file__).parents[1] / "eval" / "results"
DEMO = Path(__file__).parents[1] / "cxsentiment" / "demo" / "contacts.jsonl"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    lines = DEMO.read_text(encoding="utf-8").splitlines(keepends=True)[:12]
    for name in growth.SOURCES:
        with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(lines)
    return folder


def test_every_rival_reads_the_same_turns_and_ours_reads_them_all(data: Path) -> None:
    found = speed.measure(data, default_model(), contacts=6, rounds=1, starts=1)
    assert found["ours_over"]["contacts"]["scored"] == 12
    assert found["others_over"]["contacts"] == 6
    assert all(value > 0 for values in found["turns_per_second"].values() for value in values)
    assert set(found["ours_times"]) == set(found["turns_per_second"]) - {
        "ours",
        "ours with OpenVINO",
        "one process",
        "two processes",
    }
    shares = found["where_the_time_of_one_process_goes"]
    assert set(shares) == {"read", "mask", "graph", "tokenise", "rest of predict", "score", "write"}
    assert sum(shares.values()) == pytest.approx(1, abs=0.01)
    shares = [share for one in found["one_core"].values() for share in one["share_of_what_it_can_multiply"].values()]
    assert all(0 < share < 4 for share in shares)
    assert {len(values) for values in found["cold_start_seconds"].values()} == {1}


def test_an_encoder_of_six_layers_needs_21_million_operations_a_token() -> None:
    assert limits.products_a_token(6) == pytest.approx(21.2e6, rel=0.01)
    assert limits.products_a_token(3) == limits.products_a_token(6) / 2


def test_contacts_of_a_growing_run_hardly_repeat(data: Path) -> None:
    lines = [json.loads(line) for line in growth.contacts(growth.pairs_of(data), 200, random.Random(1))]
    texts = [turn["text"] for line in lines for turn in line["turns"]]
    assert len({line["id"] for line in lines}) == 200
    assert len(set(texts)) > 0.95 * len(texts)


def test_growth_compares_a_contact_s_cost_between_sizes(data: Path) -> None:
    found = growth.measure(data, default_model(), (3, 6))
    assert [row["contacts"] for row in found["runs"]] == [3, 6]
    assert found["times"]["processor_milliseconds_a_contact"]["3"] == 1


@pytest.mark.parametrize("command", [speed, growth, memory])
def test_what_is_missing_is_told(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: ModuleType
) -> None:
    out = tmp_path / "figures.json"
    for options, says in (
        (["--data", str(tmp_path / "none")], r"star\.jsonl\.gz: this source is missing.*Give --data"),
        (["--data", str(data), "--model", str(tmp_path / "none")], "not a model folder"),
    ):
        monkeypatch.setattr(sys, "argv", ["command", *options, "--out", str(out)])
        with pytest.raises(SystemExit, match=says):
            command.main()
    assert not out.exists()
