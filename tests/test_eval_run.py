import gzip
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("sklearn", reason="needs the train extra")

from cxsentiment.model import read_bundle
from cxsentiment.schema import ACTS, SENTIMENTS
from eval import abstention, behaviour, run
from eval.baselines import BASELINES, frozen_encoder

_CODES = ["E1", "E2", "E3", "E4", *(f"P{k}" for k in range(1, 13)), "N1"]
_WORDS = {"apologise": "sorry", "greet": "hello", "close": "goodbye", "hold": "moment"}


def conversation(name: str) -> str:
    lines = [f"# id={name} channel=chat campaign=x agent=A01 style=chat outcome=resolved csat=-"]
    words = ("terrible", "number", "thanks")
    lines += [f"C {code}: it is {word}" for code, word in zip(("neg", "neu", "pos"), words, strict=True)]
    lines += [f"A {code}: {_WORDS.get(act, act)}" for code, act in zip(_CODES, ACTS, strict=True)]
    return "\n".join(lines)


@pytest.fixture
def data(tmp_path: Path, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("eval.testset._LABELS", tmp_path / "no further labels")
    monkeypatch.setattr("eval.testset._BUNDLED", tmp_path / "nothing bundled")
    monkeypatch.setattr("eval.testset._RANDOM", tmp_path / "nothing drawn.jsonl")
    (tmp_path / "nothing drawn.jsonl").touch()
    monkeypatch.setattr(run, "probes", lambda model, data: {})  # tests of their own: test_eval_transfer.py
    for source in ("service_talk", "act_gallery"):
        blocks = [conversation(f"{source}-{k}") for k in range(12)]
        (tmp_path / f"{source}.txt").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    row = {"dataset": "star", "conversation_id": "star-1", "turn": 0, "text": "sorry", "acts": ["apologise"]}
    with gzip.open(tmp_path / "service_turns.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n" + json.dumps(row | {"acts": ["none"], "conversation_id": "star-2"}) + "\n")
        customer = {"dataset": "star", "turn": 1, "text": "thanks", "sentiment": "positive"}
        file.write(json.dumps(customer | {"conversation_id": "star-1"}) + "\n")
    (tmp_path / "test").mkdir()
    with gzip.open(tmp_path / "test" / "goemotions.jsonl.gz", "wt", encoding="utf-8") as file:
        for k in range(3):
            row = {"id": f"g{k}", "text": "awful", "derived": {"official_groups": ["negative"]}}
            file.write(json.dumps(row) + "\n")
        file.write(json.dumps(row | {"derived": {"official_groups": ["ambiguous"]}}) + "\n")
    shutil.copytree(toy_bundle, tmp_path / "toy")
    tests = [f"{source}/{source}-{k}" for source in ("service_talk", "act_gallery") for k in range(6)]
    for name in ("stanford_politeness", "casino"):
        for folder in (tmp_path, tmp_path / "test"):
            gzip.open(folder / f"{name}.jsonl.gz", "wt").close()
    split = {"dev_conversations": [], "test_conversations": [*tests, "service_turns/star-1"]}
    (tmp_path / "toy" / "split.json").write_text(json.dumps(split), encoding="utf-8")
    return tmp_path


def test_the_command_writes_figures_of_the_test_part(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    light = {
        head: {name: one for name, one in methods.items() if one is not frozen_encoder}
        for head, methods in BASELINES.items()
    }
    monkeypatch.setattr(run, "BASELINES", light)
    monkeypatch.setattr(sys, "argv", ["run", str(data / "toy"), "--data", str(data), "--out", str(data / "results")])
    run.main()
    results = json.loads((data / "results" / "toy.json").read_text(encoding="utf-8"))
    assert results["left_out"] == {"random_turns": 0}
    assert results["model"]["bundle_sha256"] == read_bundle(data / "toy")[1]
    assert "(0 that say what a turn of a training conversation says" in (data / "results" / "toy.md").read_text("utf-8")
    mood = results["heads"]["sentiment"]["all"]
    assert mood["this model"]["turns"] == 12 * 3 + 1
    assert mood["this model"]["macro_f1"]["value"] == 1
    assert set(mood) == {"this model", "majority", "VADER", "TF-IDF + LR"}
    assert sum(one["f1"]["value"] > 0 for one in mood["majority"]["classes"].values()) == 1
    acts = results["heads"]["acts"]["all"]["this model"]
    assert acts["classes"]["apologise"]["f1"]["value"] == 1
    assert acts["classes"]["identify"]["f1"]["value"] == 0  # the toy does not know the word
    assert results["transfer"]["goemotions test, 3 classes"]["turns"] == 3
    assert {one["label"] for one in results["failures"]} <= {*ACTS, *SENTIMENTS}
    assert results["failures"]
    table = (data / "results" / "toy.md").read_text(encoding="utf-8")
    assert table in capsys.readouterr().out
    assert "| this model | 1.000 [1.00, 1.00] |" in table
    calibration = results["calibration"]["sentiment"]
    assert set(calibration) == {"all", "chat"}
    assert sum(one["cases"] for one in calibration["all"]["bins"]) == 3 * (12 * 3 + 1)
    assert calibration["all"]["ece"] < 0.1
    assert "<svg" in (data / "results" / "toy-reliability.svg").read_text(encoding="utf-8")


def test_a_bundle_without_a_split_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "toy" / "split.json").unlink()
    monkeypatch.setattr(sys, "argv", ["run", str(data / "toy"), "--data", str(data)])
    with pytest.raises(SystemExit, match="does not say what it was not trained on"):
        run.main()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-12])


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("test/goemotions.jsonl.gz", Path.unlink, "this source is missing"),
        ("test/casino.jsonl.gz", Path.unlink, "this source is missing"),
        ("stanford_politeness.jsonl.gz", lambda path: path.write_text("[]"), "cannot be read: Not a gzipped file"),
        ("test/goemotions.jsonl.gz", _cut, "cannot be read: Compressed file ended"),
        ("service_turns.jsonl.gz", _cut, "cannot be read: Compressed file ended"),
        ("service_turns.jsonl.gz", lambda path: path.write_text("x"), "cannot be read: Not a gzipped file"),
        ("service_turns.jsonl.gz", lambda path: path.write_bytes(gzip.compress(b'{"a": ')), "line 1: not valid JSON"),
        ("service_turns.jsonl.gz", lambda path: path.write_bytes(gzip.compress(b"\xff")), "cannot be read: 'utf-8'"),
    ],
)
def test_a_source_that_cannot_be_read_is_told_before_anything_is_scored(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: Callable[[Path], object], says: str
) -> None:
    damage(data / name)
    monkeypatch.delattr(run, "evaluate")
    monkeypatch.setattr(sys, "argv", ["run", str(data / "toy"), "--data", str(data)])
    with pytest.raises(SystemExit, match=rf"^{re.escape(str(data / name))}.*{says}.*Give --data"):
        run.main()
    if name.startswith("service"):
        with pytest.raises(SystemExit, match=says):
            abstention.main([str(data / "toy"), "--data", str(data)])


@pytest.mark.parametrize("command", [run, behaviour])
def test_results_that_cannot_be_written_are_told_before_anything_is_measured(
    command: ModuleType, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "file").touch()
    argv = [command.__name__, str(data / "toy"), "--out", str(data / "file" / "results")]
    monkeypatch.setattr(sys, "argv", argv if command is behaviour else [*argv, "--data", str(data)])
    monkeypatch.setattr(command, "predict_texts", lambda *_: pytest.fail("it was measured"))
    with pytest.raises(SystemExit, match=r"results: cannot be written: Not a directory\. Give --out another folder"):
        command.main()
