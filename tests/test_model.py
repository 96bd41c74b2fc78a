import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from cxsentiment.errors import BundleError
from cxsentiment.model import Head, Model, read_bundle
from cxsentiment.schema import SENTIMENTS


@pytest.fixture
def bundle(toy_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_bundle, tmp_path / "model"))


def _rewrite(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(content | changes))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_one_flipped_byte_is_refused(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name}.*damaged or changed.*Restore"):
        Model(bundle)


@pytest.mark.parametrize("recorded", [1, 10**9])
def test_a_file_of_another_size_than_is_recorded_is_refused(bundle: Path, recorded: int) -> None:
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    files["model.onnx"]["bytes"] = recorded
    _rewrite(bundle, files=files)
    with pytest.raises(BundleError, match=rf"model\.onnx: its size.*recorded {recorded:,}\): damaged.*Restore"):
        read_bundle(bundle)


def test_missing_files_are_named(bundle: Path, tmp_path: Path) -> None:
    (bundle / "tokenizer.json").unlink()
    with pytest.raises(BundleError, match=r"tokenizer\.json: missing"):
        Model(bundle)
    with pytest.raises(BundleError, match="not a model folder"):
        Model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tokens": 4}, "max_tokens"),
        ({"surprise": 1}, "surprise"),
        ({"files": {}}, r"lists no model\.onnx"),
        ({"format": 2}, "format"),
    ],
)
def test_bundle_of_another_shape_is_refused(bundle: Path, changes: dict[str, object], message: str) -> None:
    _rewrite(bundle, **changes)
    with pytest.raises(BundleError, match=message):
        read_bundle(bundle)


def test_bundle_that_is_no_json_is_refused(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("{")
    with pytest.raises(BundleError, match="not valid JSON"):
        read_bundle(bundle)


def test_wrong_head_shape_is_refused(bundle: Path) -> None:
    content = json.loads((bundle / "bundle.json").read_text())
    for key in ("labels", "temperatures", "biases", "thresholds"):
        content["heads"][1][key] = content["heads"][1][key][:-1]
    (bundle / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(BundleError, match="'acts' has 16 labels"):
        Model(bundle).load()


def _head(**changes: object) -> Head:
    given = {
        "name": "x",
        "speaker": "agent",
        "kind": "multi",
        "labels": ["greet"],
        "temperatures": [1.0],
        "biases": [0.0],
        "thresholds": [0.5],
        "evidence": "turn",
    }
    return Head.model_validate(given | changes)


@pytest.mark.parametrize("label", [*SENTIMENTS, "angry", "mood", "happy"])
def test_no_emotion_of_an_agent_can_be_expressed(label: str) -> None:
    with pytest.raises(ValidationError, match="not labels of a agent turn"):
        _head(labels=[label])


def test_probabilities_are_calibrated() -> None:
    multi = _head(temperatures=[2.0], biases=[1.0])
    assert multi.probabilities(np.array([[-2.0]], np.float32))[0, 0] == pytest.approx(0.5)
    three = {"temperatures": [1.0] * 3, "biases": [0.0] * 3, "thresholds": [0.5] * 3}
    single = _head(speaker="customer", kind="single", labels=SENTIMENTS, **three)
    p = single.probabilities(np.array([[0.0, 0.0, 0.0], [100.0, 0.0, -100.0]], np.float32))
    assert p.sum(axis=1) == pytest.approx([1, 1])
    assert p[0] == pytest.approx([1 / 3] * 3)


def test_tokens_keep_the_whole_text(toy_model: Model) -> None:
    text = "Sorry, hello. " * 500
    tokens = toy_model.tokenise([text, ""])
    assert len(tokens[0].ids) == 500 * 4
    assert text[tokens[0].starts[-2] : tokens[0].ends[-2]] == "hello"
    assert len(tokens[1].ids) == 0
