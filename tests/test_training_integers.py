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
from training.integers import (  # noqa: E402
    LOW,
    MIDDLE,
    Matrix,
    Product,
    in_floats,
    in_integers,
    join_products,
    products,
    share_weights,
)
from training.rounding import _as_rounded, _far_out, _one_after_the_other, _rounded  # noqa: E402
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
    assert kinds[GRAPH].count("MatMulIntegerToFloat") == 4  # two of attention, two of the feed-forward part
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
    assert len(matrices) == 24  # six layers of four
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


def test_a_matrix_stands_for_its_whole_numbers_times_both_scales_and_what_is_exact() -> None:
    whole = np.array([[2, -1], [1, 0], [0, 0]], np.int8)
    exact = np.array([[7, 9]], np.float32)
    matrix = Matrix(whole, np.float32([0.5, 4]), np.float32([3, 1, 0]), MIDDLE, np.array([2]), exact)
    assert matrix.floats().tolist() == [[3.0, -12.0], [0.5, 0.0], [7.0, 9.0]]


def network_of_products(weights: "dict[str, np.ndarray]") -> "onnx.ModelProto":
    """x times each weight, plus a bias, one after the other from the same x."""
    helper, chance = onnx.helper, np.random.default_rng(11)
    nodes, tensors, outputs = [], [], []
    for name, weight in weights.items():
        tensors.append(onnx.numpy_helper.from_array(weight, f"w.{name}"))
        bias = chance.standard_normal(weight.shape[1]).astype(np.float32)
        tensors.append(onnx.numpy_helper.from_array(bias, f"encoder.self.{name}.bias"))
        nodes.append(helper.make_node("MatMul", ["x", f"w.{name}"], [f"p.{name}"]))
        nodes.append(helper.make_node("Add", [f"encoder.self.{name}.bias", f"p.{name}"], [f"y.{name}"]))
        outputs.append(helper.make_tensor_value_info(f"y.{name}", onnx.TensorProto.FLOAT, None))
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", "tokens", len(weight)])
    graph = helper.make_graph(nodes, "g", [x], outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def outputs_of(model: "onnx.ModelProto", x: np.ndarray) -> list[np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": x}))


def test_joined_products_give_what_each_gave() -> None:
    chance = np.random.default_rng(12)
    model = network_of_products(
        {name: chance.standard_normal((8, width)).astype(np.float32) for name, width in (("query", 6), ("key", 4))}
    )
    x = chance.standard_normal((3, 5, 8)).astype(np.float32)
    before = outputs_of(model, x)
    join_products(model)
    assert [product.layer for product in products(model.graph)] == ["encoder.self.query+key"]
    assert [node.op_type for node in model.graph.node] == ["MatMul", "Add", "Split"]
    for one, other in zip(outputs_of(model, x), before, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_an_input_far_out_is_multiplied_in_floats_and_the_rest_gains_by_it() -> None:
    chance = np.random.default_rng(13)
    x = chance.standard_normal((2000, 16)).astype(np.float32)
    x[::20, 3] = 60  # as in the tokens on which a trained encoder rests its attention
    weight = chance.standard_normal((16, 12)).astype(np.float32)
    weight[3] *= 10
    model = network_of_products({"dense": weight})
    matrix = _rounded(x, x, weight, after_gelu=False)
    assert matrix.kept.tolist() == [3]
    assert (matrix.exact == weight[3]).all()
    assert not matrix.whole[3].any()
    (whole,) = outputs_of(in_integers(model, {"w.dense": matrix}), x[None])
    (floats,) = outputs_of(in_floats(model, {"w.dense": matrix}), x[None])
    (exact,) = outputs_of(model, x[None])
    assert np.abs(floats - x @ matrix.floats() - (exact - x @ weight)).max() < 1e-3
    plain = x @ (np.round(weight / (scale := np.abs(weight).max(0) / 127)) * scale)
    assert np.abs(whole - exact).mean() < 0.5 * np.abs(plain - x @ weight).mean()


def test_inputs_stay_exact_only_where_value_and_weight_are_far_out_and_two_at_most() -> None:
    chance = np.random.default_rng(14)
    given, weight = chance.standard_normal((1000, 12)), chance.standard_normal((12, 9))
    assert _far_out(given, weight).tolist() == []
    weight[[2, 5, 7], [0, 1, 2]] = 100, 300, 200
    assert _far_out(given, weight).tolist() == [5, 7]


def test_after_gelu_the_steps_leave_room_below_zero() -> None:
    chance = np.random.default_rng(15)
    before = chance.standard_normal((500, 16)).astype(np.float32)
    x = np.asarray(torch.nn.functional.gelu(torch.tensor(before)))
    weight = chance.standard_normal((16, 4)).astype(np.float32)
    matrix = _rounded(x, x, weight, after_gelu=True)
    assert matrix.zero == LOW
    (whole,) = outputs_of(in_integers(network_of_products({"dense": weight}), {"w.dense": matrix}), x[None])
    (exact,) = outputs_of(network_of_products({"dense": weight}), x[None])
    assert 0 < np.abs(whole - exact).max() < 0.05 * np.ptp(exact)
