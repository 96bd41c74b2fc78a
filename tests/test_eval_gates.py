import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

pytest.importorskip("sklearn", reason="needs the train extra")

from cxsentiment.errors import UsageError
from cxsentiment.model import read_bundle
from eval import gates
from eval.run import MODEL
from eval.testset import Case

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toy bundle with results, a bundled test set of which it gets three of four customers right, and gates."""
    shutil.copytree(toy_bundle, tmp_path / "toy")
    bundle = json.loads((tmp_path / "toy" / "bundle.json").read_text(encoding="utf-8"))
    bundle["training"] = {"parity": {"labels_agree": 1.0}}
    (tmp_path / "toy" / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    results = {"model": {"bundle_sha256": read_bundle(tmp_path / "toy")[1]}, "heads": {"acts": {"f1": 0.5}}}
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
    return run_text(folder, monkeypatch, yaml.safe_dump(list(rows)).encode())


def run_text(folder: Path, monkeypatch: pytest.MonkeyPatch, text: bytes) -> int:
    (folder / "gates.yaml").write_bytes(text)
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
        ({"of": "results", "path": ["heads", "acts"], "at_least": 0}, "is no finite number"),
        ({"of": "results", "path": ["heads"]}, "has no bound"),
        ({"of": "dreams", "path": ["heads"], "at_least": 0}, "gate 1"),
        ({"of": "results", "path": [], "at_least": 0}, "gate 1: ('path',)"),
        ({"of": "results", "path": ["heads", "acts", "f1"], "at_least": float("nan")}, "gate 1: ('at_least',)"),
        ({"of": "results", "path": ["heads", "acts", "f1"], "at_most": float("inf")}, "gate 1: ('at_most',)"),
        ({"of": "results", "path": ["heads", "acts", "f1"], "at_least": False}, "gate 1: ('at_least',)"),
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
    (folder / "toy.json").write_text(json.dumps({"model": {"bundle_sha256": "0"}}), encoding="utf-8")
    assert run(folder, monkeypatch, *HELD) == 2
    assert "of another model" in capsys.readouterr().out


def test_results_of_another_calibration_of_the_same_graph_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, monkeypatch, *HELD) == 0
    bundle = json.loads((folder / "toy" / "bundle.json").read_text(encoding="utf-8"))
    bundle["heads"][1]["biases"][0] += 0.5
    (folder / "toy" / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    assert run(folder, monkeypatch, *HELD) == 2
    assert "of another model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "nothing could be missed"),
        (b"# all of it is away\n", "nothing could be missed"),
        (b"[]", "nothing could be missed"),
        (b"{of: results}", "nothing could be missed"),
        (b"- \xff", "cannot be read as YAML in UTF-8"),
        (b"- {of: results, path: [heads, acts, f1], at_least: 0.9, at_least: 0.1}", "'at_least' stands twice"),
        (b"- 1", "gate 1"),
    ],
)
def test_gates_that_cannot_be_missed_are_refused_before_anything_is_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: bytes, says: str
) -> None:
    monkeypatch.delattr(gates, "bundled_figures")
    shutil.rmtree(folder / "toy")
    assert run_text(folder, monkeypatch, text) == 2
    told = capsys.readouterr().out
    assert "gates.yaml" in told
    assert says in told


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), True])
def test_a_figure_that_is_no_number_holds_no_gate(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], figure: object
) -> None:
    results = json.loads((folder / "toy.json").read_text(encoding="utf-8"))
    results["heads"]["acts"]["f1"] = figure
    (folder / "toy.json").write_text(json.dumps(results), encoding="utf-8")
    assert run(folder, monkeypatch, HELD[0]) == 2
    assert "heads / acts / f1 at least 0.5: " in (told := capsys.readouterr().out)
    assert "is no finite number" in told


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.unlink(), "there is no such file"),
        (lambda path: path.write_text(path.read_text()[:40]), "not valid JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe{"), "not valid JSON"),
        (lambda path: path.write_text("{}"), "lacks 'model'"),
        (lambda path: path.write_text('{"model": {}}'), "does not say which model it is of"),
        (lambda path: path.write_text('{"model": []}'), "does not say which model it is of"),
        (lambda path: path.write_text("[]"), "holds no figures by name but list: []"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
    ],
)
def test_results_that_cannot_be_read_are_told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
    says: str,
) -> None:
    damage(folder / "toy.json")
    assert run(folder, monkeypatch, *HELD) == 2
    told = capsys.readouterr().out
    assert told.startswith(f"{folder / 'toy.json'}: ")
    assert says in told
    assert "Run python -m eval.run on this bundle" in told


def test_a_bundle_that_says_nothing_of_its_export_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], toy_bundle: Path
) -> None:
    shutil.copyfile(toy_bundle / "bundle.json", folder / "toy" / "bundle.json")
    results = {"model": {"bundle_sha256": read_bundle(folder / "toy")[1]}}
    (folder / "toy.json").write_text(json.dumps(results), encoding="utf-8")
    assert run(folder, monkeypatch, HELD[2]) == 2
    assert "no figure 'parity' (allowed: bytes)" in capsys.readouterr().out


def test_the_gates_that_ship_watch_both_heads_every_act_and_every_capability() -> None:
    found = gates.read_gates(gates.GATES)
    paths = {(gate.of, *gate.path) for gate in found}
    for capability in sorted(path.stem for path in (ROOT / "eval" / "behaviour").glob("*.yaml")):
        assert any(path[0] == "behaviour" and capability in path for path in paths), capability
    from cxsentiment.schema import ACTS, SENTIMENTS

    for label in (*SENTIMENTS, *ACTS):
        assert any(label in path for path in paths), label
    assert {gate.of for gate in found} == {"results", "bundle", "bundled", "behaviour"}


def test_every_set_that_has_a_macro_f1_has_a_gate() -> None:
    paths = {gate.path for gate in gates.read_gates(gates.GATES) if gate.of == "results"}
    results = json.loads((ROOT / "eval" / "results" / "default.json").read_text(encoding="utf-8"))
    wanted = {
        ("heads", head, name, MODEL, "macro_f1", "value")
        for head, sets in results["heads"].items()
        for name, methods in sets.items()
        if methods[MODEL]["macro_f1"]["value"] is not None
    }
    assert len(wanted) > 20
    assert wanted <= paths


def test_every_capability_that_has_flips_has_a_gate_under_them() -> None:
    paths = {gate.path for gate in gates.read_gates(gates.GATES) if gate.of == "behaviour"}
    results = json.loads((ROOT / "eval" / "results" / "default-behaviour.json").read_text(encoding="utf-8"))
    wanted = {("flips", name, "all") for name, one in results["capabilities"].items() if one["flips"]}
    assert len(wanted) > 8
    assert wanted <= paths


def test_a_missing_file_of_gates_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as YAML"):
        gates.read_gates(tmp_path / "none.yaml")
