import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
onnx = pytest.importorskip("onnx", reason="needs the train extra")

import torch  # noqa: E402
from onnx import numpy_helper  # noqa: E402
from tiny_bundle import tiny_network, write_tiny_bundle  # noqa: E402

from cxsentiment.devices import open_engine  # noqa: E402
from cxsentiment.errors import BundleError  # noqa: E402
from cxsentiment.model import FLOATS, Model  # noqa: E402
from cxsentiment.runs import sha256_of  # noqa: E402
from training.export import export  # noqa: E402
from training.weights import load_network, mean_of  # noqa: E402

DEFAULT = Path(__file__).parents[1] / "models" / "default"
TEXTS = ["Hello, this is Ana from Larkfield Bank.", "it is still broken and nobody calls me back", "ok " * 40]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")


def test_the_shipped_model_comes_back_with_the_same_logits() -> None:
    network, model, exact = load_network(DEFAULT), Model(DEFAULT), open_engine(DEFAULT / FLOATS, "cpu")
    for text in TEXTS:
        ids = np.array([[*model.tokenise([text])[0].ids]] * 2)
        mask = np.ones_like(ids)
        theirs = dict(zip(("sentiment", "acts"), exact.run(("sentiment", "acts"), ids, mask), strict=True))
        with torch.no_grad():
            sentiment, acts, _ = network(torch.tensor(ids), torch.tensor(mask))
        assert np.abs(theirs["sentiment"] - sentiment.numpy()).max() <= 1e-3
        assert np.abs(theirs["acts"] - acts.numpy()).max() <= 1e-3


@pytest.mark.parametrize(("pooling", "storage"), [("mean", "fp32"), ("attention", "fp16+int8")])
def test_what_comes_back_is_exported_to_the_same_bytes(tmp_path: Path, pooling: str, storage: str) -> None:
    folder = write_tiny_bundle(tmp_path / "tiny", pooling, storage)
    network = load_network(folder, dropout=0.25)
    assert network.dropout.p == 0.25
    export(network, {tmp_path / "again.onnx": storage})
    assert (tmp_path / "again.onnx").read_bytes() == (folder / "model.onnx").read_bytes()
    if storage == "fp32":
        before = tiny_network(pooling).state_dict()
        after = network.state_dict()
        assert set(before) == set(after)
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_graph_that_is_no_export_of_ours_is_refused(toy_bundle: Path) -> None:
    with pytest.raises(BundleError, match=r"holds no weight encoder\.embeddings"):
        load_network(toy_bundle)


def rename_a_bias(graph: onnx.GraphProto) -> None:
    name = "encoder.encoder.layer.0.output.LayerNorm.bias"
    for node in graph.node:
        node.input[:] = ["other" if value == name else value for value in node.input]
    for tensor in graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), "other"))


def change_the_last_norm(graph: onnx.GraphProto) -> None:
    """Every weight is there, but the graph computes something else with them."""
    norm = [node for node in graph.node if node.op_type == "LayerNormalization"][-1]
    next(part for part in norm.attribute if part.name == "epsilon").f = 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (rename_a_bias, r"weight encoder\.encoder\.layer\.0\.output\.LayerNorm\.bias is missing"),
        (change_the_last_norm, "the restored network's logits differ by"),
    ],
)
def test_a_graph_of_another_make_is_refused(
    tmp_path: Path, tiny: Path, change: Callable[[onnx.GraphProto], None], says: str
) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "changed"))
    model = onnx.load(folder / "model.onnx")
    change(model.graph)
    onnx.save(model, folder / "model.onnx")
    bundle = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    changed = folder / "model.onnx"
    bundle["files"]["model.onnx"] = {"sha256": sha256_of(changed), "bytes": changed.stat().st_size}
    (folder / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    with pytest.raises(BundleError, match=says):
        load_network(folder)


def test_the_mean_of_networks_is_that_of_their_weights() -> None:
    one, other = tiny_network("attention", 3), tiny_network("attention", 4)
    before = {name: value.clone() for name, value in one.state_dict().items()}
    mean = mean_of([one, other]).state_dict()
    assert not torch.equal(before["acts.weight"], other.acts.weight)
    for name, value in other.state_dict().items():
        assert torch.allclose(mean[name].double(), (before[name].double() + value.double()) / 2, atol=1e-7), name
    alone = tiny_network("attention", 4)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in mean_of([alone]).state_dict().items())


def test_networks_of_different_shapes_have_no_mean() -> None:
    with pytest.raises(BundleError, match="different shapes"):
        mean_of([tiny_network("attention"), tiny_network("mean")])
