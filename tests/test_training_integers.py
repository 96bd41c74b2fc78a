"""Products in whole numbers: what the graphs say, and that no processor's sums can overflow."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
onnx = pytest.importorskip("onnx", reason="needs the train extra")

import torch  # noqa: E402
from tiny_bundle import tiny_network, write_tiny_bundle  # noqa: E402

from cxsentiment.devices import open_engine  # noqa: E402
from cxsentiment.model import FLOATS, GRAPH, WEIGHTS, Model, default_model  # noqa: E402
from training.integers import MIDDLE, Matrix, Product, products, share_weights  # noqa: E402
from training.rounding import _as_rounded, _one_after_the_other  # noqa: E402
from training.weights import load_network  # noqa: E402

NAMES = ("sentiment", "acts", "embedding")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("whole") / "bundle", storage="whole")


def rows(count: int = 24, width: int = 14) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(8)
    ids = chance.integers(5, 120, (count, width))
    mask = (np.arange(width) < chance.integers(3, width + 1, (count, 1))).astype(np.int64)
    return ids * mask, mask


def test_a_bundle_in_whole_numbers_says_nearly_what_the_network_says(whole: Path) -> None:
    ids, mask = rows()
    with torch.no_grad():
        exact = [values.numpy() for values in tiny_network("attention")(torch.tensor(ids), torch.tensor(mask))]
    for file in (GRAPH, FLOATS):
        found = open_engine(whole / file, "cpu").run(NAMES, ids, mask)
        for one, other in zip(found, exact, strict=True):
            assert 0 < np.abs(one - other).max() < 0.1 * np.ptp(other)


def test_the_default_multiplies_in_whole_numbers_and_others_in_floats(whole: Path) -> None:
    bundle = Model(whole).bundle
    assert set(bundle.files) >= {GRAPH, FLOATS, WEIGHTS}
    assert (bundle.graph("cpu"), bundle.graph("openvino"), bundle.graph("gpu")) == (GRAPH, FLOATS, FLOATS)
    assert bundle.engine("cpu")["precision"] == "int8"
    kinds = {file: [node.op_type for node in onnx.load(whole / file).graph.node] for file in (GRAPH, FLOATS)}
    assert kinds[GRAPH].count("MatMulIntegerToFloat") == 6  # four of attention, two of the feed-forward part
    assert "MatMulIntegerToFloat" not in kinds[FLOATS]


def test_a_text_scores_the_same_to_the_bit_in_any_company(whole: Path) -> None:
    ids, mask = rows(width=16)
    engine = open_engine(whole / GRAPH, "cpu")
    together = engine.run(NAMES, ids, mask)
    for first in range(0, len(ids), 3):
        few = engine.run(NAMES, ids[first : first + 3], mask[first : first + 3])
        for one, other in zip(few, together, strict=True):
            assert np.array_equal(one, other[first : first + 3])


def test_training_goes_on_from_what_the_whole_numbers_stand_for(whole: Path) -> None:
    ids, mask = rows()
    network = load_network(whole)
    with torch.no_grad():
        found = [values.numpy() for values in network(torch.tensor(ids), torch.tensor(mask))]
    for one, other in zip(found, open_engine(whole / FLOATS, "cpu").run(NAMES, ids, mask), strict=True):
        assert np.abs(one - other).max() < 1e-4


def test_the_shipped_weights_cannot_overflow_sixteen_bits() -> None:
    """Processors without VNNI add two products of a byte and a weight in 16 bits."""
    model = onnx.load(default_model() / GRAPH)
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    matrices = [node.input[1] for node in model.graph.node if node.op_type == "MatMulIntegerToFloat"]
    assert len(matrices) == 32  # six layers of six, but the second feed-forward product of four
    for name in matrices:
        size = np.abs(tensors[name].astype(np.int32))
        assert (255 * size.reshape(len(size) // 2, 2, -1).sum(1)).max() < 2**15


def test_each_error_of_rounding_is_made_good_by_the_weights_after_it() -> None:
    chance = np.random.default_rng(3)
    inputs = chance.standard_normal((4000, 8)) @ chance.standard_normal((8, 32))  # what one lacks others have
    inputs += 0.1 * chance.standard_normal(inputs.shape)
    weight = chance.standard_normal((32, 8))
    spread = inputs.T @ inputs / len(inputs)
    whole, scale = _one_after_the_other(weight, spread + 1e-3 * np.eye(32))
    plain = np.round(weight / scale)

    def error(numbers: np.ndarray) -> float:
        return float(np.linalg.norm(inputs @ (numbers * scale - weight)))

    assert error(whole) < 0.7 * error(plain)
    assert np.abs(whole.astype(int).reshape(16, 2, 8)).sum(1).max() <= 128


def test_a_pair_of_weights_that_is_too_large_together_is_held_down() -> None:
    weight = np.full((4, 1), 1.0)
    weight[2:] = 0.1
    whole, scale = _one_after_the_other(weight, np.eye(4))
    assert whole[:2, 0].tolist() == [64, 64]
    assert scale[0] == pytest.approx(2 / 128)


def test_rounded_inputs_are_what_the_graph_makes_of_them() -> None:
    values = np.array([[0.0, -1.0, 0.3], [0.0, 0.0, 0.0]], np.float32)
    assert _as_rounded(values, after_gelu=False, largest=1.0)[0].tolist() == pytest.approx([0, -1, 38 / 127])
    assert not _as_rounded(values, after_gelu=False, largest=1.0)[1].any()
    low = np.array([[-0.17, 0.0, 0.5], [-0.17, 9.0, 4.5]], np.float32)  # the first row's step is bounded
    steps = [24 / 0.17, (255 - 24) / 9]
    for row, found, step in zip(low, _as_rounded(low, after_gelu=True, largest=1.0), steps, strict=True):
        assert found == pytest.approx(np.round(row * step) / step, abs=1e-6)


def test_the_graph_holds_weights_once_for_both_files(whole: Path) -> None:
    sizes = {file: (whole / file).stat().st_size for file in (GRAPH, FLOATS, WEIGHTS)}
    bundle = json.loads((whole / "bundle.json").read_text(encoding="utf-8"))
    assert {file: bundle["files"][file]["bytes"] for file in sizes} == sizes
    places = {}
    for file in (GRAPH, FLOATS):
        model = onnx.load(whole / file, load_external_data=False)
        for tensor in model.graph.initializer:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                place = {entry.key: entry.value for entry in tensor.external_data}
                assert places.setdefault(tensor.name, place) == place
    assert any(name.endswith(".int8") for name in places)
    end = max(int(place["offset"]) + int(place["length"]) for place in places.values())
    assert end == sizes[WEIGHTS]


def test_different_weights_of_one_name_are_not_shared() -> None:
    def graph(value: float) -> "onnx.ModelProto":
        tensor = onnx.numpy_helper.from_array(np.full(1024, value, np.float32), "w")
        return onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))

    with pytest.raises(ValueError, match="w differs between the graphs"):
        share_weights([graph(1), graph(2)], WEIGHTS)


def test_the_encoders_products_are_found_by_their_biases() -> None:
    helper = onnx.helper
    nodes = [
        helper.make_node("MatMul", ["x", "val_7"], ["a"]),
        helper.make_node("Add", ["encoder.encoder.layer.0.output.dense.bias", "a"], ["b"]),
        helper.make_node("MatMul", ["b", "acts.weight"], ["c"]),  # a head
        helper.make_node("Add", ["c", "acts.bias"], ["d"]),
        helper.make_node("MatMul", ["b", "x"], ["e"]),  # of attention: both sides come from the text
    ]
    weights = [onnx.numpy_helper.from_array(np.ones((2, 2), np.float32), name) for name in ("val_7", "acts.weight")]
    found = products(helper.make_graph(nodes, "g", [], [], weights))
    assert found == [Product("encoder.encoder.layer.0.output.dense", "x", "val_7", "a")]


def test_a_matrix_stands_for_its_whole_numbers_times_both_scales() -> None:
    matrix = Matrix(np.array([[2, -1], [1, 0]], np.int8), np.float32([0.5, 4]), np.float32([3, 1]), MIDDLE)
    assert matrix.floats().tolist() == [[3.0, -12.0], [0.5, 0.0]]
