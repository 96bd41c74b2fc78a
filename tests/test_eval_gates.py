import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("sklearn", reason="needs the train extra")

from cxsentiment.errors import UsageError
from eval import gates
from eval.testset import Case

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toy bundle with results, a bundled test set of which it gets three of four customers right, and gates."""
    shutil.copytree(toy_bundle, tmp_path / "toy")
    bundle = json.loads((tmp_path / "toy" / "bundle.json").read_text(encoding="utf-8"))
    bundle["training"] = {"parity": {"labels_agree": 1.0}}
    (tmp_path / "toy" / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    results = {"model": {"onnx_sha256": bundle["files"]["model.onnx"]["sha256"]}, "heads": {"acts": {"f1": 0.5}}}
    (tmp_path / "toy.json").write_text(json.dumps(results), encoding="utf-8")
    moods = [("terrible", "negative"), ("thanks", "positive"), ("number", "neutral"), ("number", "negative")]
    cases = [
        *(Case("strangers", f"c{k}", 0, "chat", "chat", t, "test", mood, None) for k, (t, mood) in enumerate(moods)),
        Case("strangers", "c0", 1, "chat", "chat", "so sorry", "test", None, ("apologise",)),
    ]
    monkeypatch.setattr(gates, "read_bundled", lambda: cases)
    monkeypatch.setattr(gates, "pass_rates", lambda model: {"capabilities": {"negation": 0.75}})
    return tmp_path


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *rows: dict[str, object]) -> int:
    (folder / "gates.yaml").write_text(yaml.safe_dump(list(rows)), encoding="utf-8")
    options = ["--results", str(folder / "toy.json"), "--gates", str(folder / "gates.yaml")]
    monkeypatch.setattr(sys, "argv", ["gates", str(folder / "toy"), *options])
    return gates.main()


HELD = [
    {"of": "results", "path": ["heads", "acts", "f1"], "at_least": 0.5},
    {"of": "bundle", "path": ["bytes"], "at_most": 40e6},
    {"of": "bundle", "path": ["parity", "labels_agree"], "at_least": 0.995},
    {"of": "bundled", "path": ["sentiment", "strangers", "micro_f1", "value"], "at_least": 0.75},
    {"of": "bundled", "path": ["acts", "all", "classes", "apologise", "f1", "value"], "at_least": 1},
    {"of": "behaviour", "path": ["capabilities", "negation"], "at_least": 0.7, "at_most": 0.8},
]


def test_all_kinds_of_figures_can_hold(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, monkeypatch, *HELD) == 0
    assert capsys.readouterr().out.count("ok ") == len(HELD)


@pytest.mark.parametrize("place", range(len(HELD)))
def test_each_kind_of_figure_can_be_missed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: int
) -> None:
    gate = dict(HELD[place])
    gate |= {"at_most": 1} if "at_most" in gate and "at_least" not in gate else {"at_least": 1.01, "at_most": 2}
    assert run(folder, monkeypatch, gate) == 4
    assert "missed: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ({"of": "results", "path": ["heads", "moods"], "at_least": 0}, "no figure 'moods' (allowed: acts)"),
        ({"of": "results", "path": ["heads", "acts"], "at_least": 0}, "is no number"),
        ({"of": "results", "path": ["heads"]}, "has no bound"),
        ({"of": "dreams", "path": ["heads"], "at_least": 0}, "gate 1"),
    ],
)
def test_a_gate_that_leads_nowhere_is_told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gate: dict[str, object],
    says: str,
) -> None:
    assert run(folder, monkeypatch, gate) == 2
    assert says in capsys.readouterr().out


def test_results_of_another_model_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "toy.json").write_text(json.dumps({"model": {"onnx_sha256": "0"}}), encoding="utf-8")
    assert run(folder, monkeypatch, *HELD) == 2
    assert "of another model" in capsys.readouterr().out


def test_the_gates_that_ship_watch_both_heads_every_act_and_every_capability() -> None:
    found = gates.read_gates(gates.GATES)
    paths = {(gate.of, *gate.path) for gate in found}
    for capability in sorted(path.stem for path in (ROOT / "eval" / "behaviour").glob("*.yaml")):
        assert any(path[0] == "behaviour" and capability in path for path in paths), capability
    from cxsentiment.schema import ACTS, SENTIMENTS

    for label in (*SENTIMENTS, *ACTS):
        assert any(label in path for path in paths), label
    assert {gate.of for gate in found} == {"results", "bundle", "bundled", "behaviour"}


def test_a_missing_file_of_gates_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as YAML"):
        gates.read_gates(tmp_path / "none.yaml")
