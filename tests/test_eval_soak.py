"""`eval.soak` for a few seconds, and what it calls wrong."""

import json
from pathlib import Path

import pytest

from eval import soak

GOOD = {
    "contacts_lost": 0,
    "contacts_doubled": 0,
    "contacts_that_never_landed": 0,
    "records_rejected": 0,
    "differences_found_by_verify": [],
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="kills process groups")
def test_a_short_soak_loses_nothing(toy_bundle: Path, tmp_path: Path) -> None:
    figures = soak.soak(0.4, 2, toy_bundle, tmp_path)
    assert figures["faults_in_all"] >= 1
    assert figures["contacts_landed"] > 0
    assert not soak.wrong(figures), figures


@pytest.mark.parametrize("name", GOOD)
def test_every_figure_that_must_be_nothing_is_looked_at(name: str) -> None:
    assert not soak.wrong(GOOD)
    assert soak.wrong(GOOD | {name: ["x"] if isinstance(GOOD[name], list) else 1})


def test_the_committed_result_is_without_fault() -> None:
    found = json.loads(soak.RESULTS.read_text(encoding="utf-8"))
    assert found["minutes"] >= 10
    assert found["faults_in_all"] >= 20
    assert not soak.wrong(found)
