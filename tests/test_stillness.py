"""What is hashed is what is scored: inputs and models that are exchanged while a run is at work are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from slow_run import contacts, finish, write
from toy_bundle import write_toy_bundle

from cxsentiment import engines, runs, workers
from cxsentiment.errors import RunError, UnsettledError, UsageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return write(tmp_path / "in" / "contacts.jsonl", contacts(12))


def test_an_input_that_is_replaced_while_it_is_scored_ends_the_run(
    source: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = runs.write_receipt

    def begun(out: Path, receipt: dict[str, Any]) -> None:
        begin(out, receipt)
        if len(source.read_bytes().splitlines()) == 12:  # it was hashed, and not yet read
            write(source, contacts(13))

    monkeypatch.setattr(runs, "write_receipt", begun)
    with pytest.raises(UnsettledError, match=r"contacts\.jsonl: was changed while it was scored, .* --overwrite"):
        finish(source, tmp_path / "run", toy_bundle)
    monkeypatch.undo()
    assert json.loads((tmp_path / "run" / runs.RECEIPT).read_text())["state"] == "incomplete"
    with pytest.raises(UsageError, match="inputs"):
        finish(source, tmp_path / "run", toy_bundle)
    assert finish(source, tmp_path / "run", toy_bundle, overwrite=True)["contacts"]["scored"] == 13


def test_an_input_that_is_gone_after_it_was_read_is_no_fault(
    source: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = runs.remove_shards_from

    def gone(out: Path, number: int) -> None:
        source.unlink(missing_ok=True)
        remove(out, number)

    monkeypatch.setattr(runs, "remove_shards_from", gone)
    assert finish(source, tmp_path / "run", toy_bundle)["contacts"]["scored"] == 12


def test_a_worker_refuses_another_model_than_the_run_began_with(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_toy_bundle(tmp_path / "model")
    started = engines.LocalEngine._started

    def exchanged(self: engines.LocalEngine) -> Any:
        path = model / "bundle.json"
        path.write_text(path.read_text().replace('"version": "0"', '"version": "1"'))
        return started(self)

    monkeypatch.setattr(engines.LocalEngine, "_started", exchanged)
    with pytest.raises(RunError, match="the model was exchanged while the run began"):
        finish(source, tmp_path / "run", model, workers=2)
    assert workers._worker == [], "nothing was scored in this process"


def test_a_link_that_leads_round_in_a_circle_is_refused_and_the_others_scored(
    source: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    (source.parent / "loop").symlink_to("loop")
    receipt = finish(source.parent, tmp_path / "run", toy_bundle)
    assert receipt["contacts"] | {"in": 13, "scored": 12, "rejected": 1} == receipt["contacts"]
    (refused,) = (tmp_path / "run" / runs.REJECTS).read_text().splitlines()
    assert json.loads(refused)["code"] == "link"
