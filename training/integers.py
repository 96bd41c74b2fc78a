"""An exported graph → the same graph with its encoder's matrix products in whole numbers, and the same in floats.

A product x·W in whole numbers: every row of x is divided by a step so that it fills 8 bits, rounded, and multiplied
with weights that are whole numbers too (sums of 32 bits, exact on every processor), and the steps are put back. A row's
step comes from that row alone, so a text scores the same in any batch. A few inputs, which rounding would harm most,
are multiplied in floats. Which numbers the weights become, and which inputs stay exact: see rounding.py.

Both graphs read one file of weights (ONNX's external data): the whole numbers for the default engine, and the floats
that they stand for on devices that are quicker with those.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

MIDDLE = 128
"""What zero becomes where inputs have both signs: -127 to 127 are 1 to 255."""
LOW = 24
"""What zero becomes after Gelu, whose values are never below -0.17: nearly all values are for those above."""
GELU_LEAST = -0.17
_LAST, _ONE = "whole.last", "whole.one"
_LEAST_BOUND = 1e-9  # of a row that is all zeros
_KEPT_WITH_GRAPH = 1024  # bytes; larger tensors go to the file of weights


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight matrix (inputs by outputs) = `whole` (int8, that shape) · `scale` (outputs) · `rows` (inputs) + `exact`.

    `zero`: what zero becomes among its rounded inputs, MIDDLE or LOW. `kept`: inputs that are multiplied in floats,
    with `exact` (so many by outputs); `rows` is 0 for them.
    """

    whole: NDArray[np.int8]
    scale: NDArray[np.float32]
    rows: NDArray[np.float32]
    zero: int
    kept: NDArray[np.int64]
    exact: NDArray[np.float32]

    def floats(self) -> NDArray[np.float32]:
        """The matrix that the whole numbers, and those that are exact, stand for."""
        found = self.whole.astype(np.float32) * self.scale * self.rows[:, None]
        found[self.kept] = self.exact
        return np.asarray(found, np.float32)


@dataclass(frozen=True, slots=True)
class Product:
    """A product of many tokens with a weight: the names of its layer, of what goes in, of the weight, of what comes."""

    layer: str
    taken: str
    weight: str
    given: str


def products(graph: onnx.GraphProto) -> list[Product]:
    """The products of the encoder's linear layers, in the graph's order; the bias added after names the layer."""
    weights = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 2}
    made = {node.output[0]: node for node in graph.node if node.op_type == "MatMul" and node.input[1] in weights}
    found = []
    for node in graph.node:
        if node.op_type == "Add":
            for product, bias in (tuple(node.input), tuple(node.input)[::-1]):
                if product in made and bias.startswith("encoder.") and bias.endswith(".bias"):
                    taken, weight = made[product].input
                    found.append(Product(bias.removesuffix(".bias"), taken, weight, product))
    return found


def join_products(model: onnx.ModelProto) -> None:
    """Make one product of those that take the same input, and split what it gives.

    What is rounded of the input is then read once. A joined layer's name has the names of all, with `+` between.
    """
    graph = model.graph
    biased = {node.input[0]: node for node in graph.node if node.op_type == "Add"}
    biased |= {node.input[1]: node for node in graph.node if node.op_type == "Add"}
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    groups: dict[str, list[Product]] = {}
    for product in products(graph):
        groups.setdefault(product.taken, []).append(product)
    for taken, group in groups.items():
        # Biases that are equal, as an untrained network's zeros, are one tensor: those layers have one name.
        if len({product.layer for product in group}) < len(group) or len(group) == 1:
            continue
        sums = [biased[product.given] for product in group]
        gone = [node for node in graph.node if node in sums or node.output[0] in {product.given for product in group}]
        place = list(graph.node).index(gone[0])
        for node in gone:
            graph.node.remove(node)
        stem = group[0].layer.rpartition(".")[0]
        layer = f"{stem}.{'+'.join(product.layer.rpartition('.')[2] for product in group)}"
        weights = [tensors[product.weight] for product in group]
        _add(graph, f"{layer}.weight", np.concatenate(weights, axis=1))
        _add(graph, f"{layer}.bias", np.concatenate([tensors[f"{product.layer}.bias"] for product in group]))
        _add(graph, f"{layer}.sizes", np.array([weight.shape[1] for weight in weights], np.int64))
        _insert(
            graph,
            place,
            [
                helper.make_node("MatMul", [taken, f"{layer}.weight"], [f"{layer}.product"]),
                helper.make_node("Add", [f"{layer}.product", f"{layer}.bias"], [f"{layer}.sum"]),
                helper.make_node("Split", [f"{layer}.sum", f"{layer}.sizes"], [one.output[0] for one in sums], axis=-1),
            ],
        )
        _drop(graph, {name for product in group for name in (product.weight, f"{product.layer}.bias")})


def in_floats(model: onnx.ModelProto, matrices: Mapping[str, Matrix]) -> onnx.ModelProto:
    """A copy of `model` whose weights of these names are made of whole numbers and scales, multiplied out at load."""
    new = onnx.ModelProto()
    new.CopyFrom(model)
    _drop(new.graph, matrices)
    nodes: list[onnx.NodeProto] = []
    for name, matrix in matrices.items():
        _store(new.graph, name, matrix)
        _add(new.graph, f"{name}.rows", matrix.rows[:, None])
        last = f"{name}.rounded" if len(matrix.kept) else name
        nodes += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [f"{name}.scaled"]),
            helper.make_node("Mul", [f"{name}.scaled", f"{name}.rows"], [last]),
        ]
        if len(matrix.kept):
            _add(new.graph, f"{name}.kept", matrix.kept[:, None])
            nodes.append(helper.make_node("ScatterND", [last, f"{name}.kept", f"{name}.exact"], [name]))
    _insert(new.graph, 0, nodes)
    return new


def in_integers(model: onnx.ModelProto, matrices: Mapping[str, Matrix]) -> onnx.ModelProto:
    """A copy of `model` that multiplies in whole numbers with the weights of these names."""
    new = onnx.ModelProto()
    new.CopyFrom(model)
    graph = new.graph
    _drop(graph, matrices)
    _add(graph, _LAST, np.array([-1], np.int64))
    _add(graph, _ONE, np.float32(1))
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in matrices:
            nodes.append(node)
            continue
        taken, name = node.input
        matrix = matrices[name]
        last = f"{name}.rounded" if len(matrix.kept) else node.output[0]
        _store(graph, name, matrix)
        _add(graph, f"{name}.zeros", np.zeros(len(matrix.scale), np.int8))
        nodes += [
            *_rounding(graph, taken, name, matrix),
            helper.make_node(
                "MatMulIntegerToFloat",
                [f"{name}.bytes", f"{name}.int8", _ONE, f"{name}.scale", f"{name}.zero", f"{name}.zeros"],
                [f"{name}.product"],
                domain="com.microsoft",
            ),
            helper.make_node("Mul", [f"{name}.product", f"{name}.step"], [last]),
        ]
        if len(matrix.kept):
            nodes += _exact(graph, taken, name, matrix, node.output[0])
    del graph.node[:]
    graph.node.extend(nodes)
    new.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return new


def _rounding(graph: onnx.GraphProto, taken: str, name: str, matrix: Matrix) -> list[onnx.NodeProto]:
    """Nodes that make bytes of each row: round(row / step) + zero, with the step that just fills them."""
    reach = 255 - matrix.zero
    low = matrix.zero == LOW
    # After Gelu the step is bounded, so that -0.17 stays above the least byte.
    least = reach * -GELU_LEAST * float(matrix.rows.max()) / LOW if low else _LEAST_BOUND
    _add(graph, f"{name}.rows", matrix.rows)
    _add(graph, f"{name}.zero", np.uint8(matrix.zero))
    _add(graph, f"{name}.reach", np.float32(reach))
    _add(graph, f"{name}.least", np.float32(least))
    _add(graph, f"{name}.flat", np.array([-1, len(matrix.rows)], np.int64))
    size = [] if low else [helper.make_node("Abs", [f"{name}.even"], [f"{name}.size"])]
    return [
        helper.make_node("Mul", [taken, f"{name}.rows"], [f"{name}.even"]),
        *size,
        helper.make_node("ReduceMax", [f"{name}.even" if low else f"{name}.size", _LAST], [f"{name}.most"], keepdims=1),
        helper.make_node("Max", [f"{name}.most", f"{name}.least"], [f"{name}.bound"]),
        helper.make_node("Div", [f"{name}.bound", f"{name}.reach"], [f"{name}.step"]),
        # As one list of rows, for then the operator divides each by its own step while it rounds.
        helper.make_node("Reshape", [f"{name}.step", _LAST], [f"{name}.steps"]),
        helper.make_node("Shape", [f"{name}.steps"], [f"{name}.count"]),
        helper.make_node("Expand", [f"{name}.zero", f"{name}.count"], [f"{name}.middles"]),
        helper.make_node("Reshape", [f"{name}.even", f"{name}.flat"], [f"{name}.list"]),
        helper.make_node(
            "QuantizeLinear", [f"{name}.list", f"{name}.steps", f"{name}.middles"], [f"{name}.all"], axis=0
        ),
        helper.make_node("Shape", [taken], [f"{name}.shape"]),
        helper.make_node("Reshape", [f"{name}.all", f"{name}.shape"], [f"{name}.bytes"]),
    ]


def _exact(graph: onnx.GraphProto, taken: str, name: str, matrix: Matrix, given: str) -> list[onnx.NodeProto]:
    """Nodes that add the products of the inputs that stay exact."""
    _add(graph, f"{name}.kept", matrix.kept)
    _add(graph, f"{name}.wide", np.array([-1, len(matrix.scale)], np.int64))
    return [
        helper.make_node("Reshape", [taken, f"{name}.flat"], [f"{name}.taken"]),
        helper.make_node("Gather", [f"{name}.taken", f"{name}.kept"], [f"{name}.few"], axis=1),
        helper.make_node("Reshape", [f"{name}.rounded", f"{name}.wide"], [f"{name}.so_far"]),
        helper.make_node("Gemm", [f"{name}.few", f"{name}.exact", f"{name}.so_far"], [f"{name}.sums"]),
        helper.make_node("Shape", [f"{name}.rounded"], [f"{name}.given"]),
        helper.make_node("Reshape", [f"{name}.sums", f"{name}.given"], [given]),
    ]


def _store(graph: onnx.GraphProto, name: str, matrix: Matrix) -> None:
    _add(graph, f"{name}.int8", matrix.whole)
    _add(graph, f"{name}.scale", matrix.scale)
    if len(matrix.kept):
        _add(graph, f"{name}.exact", matrix.exact)


def _add(graph: onnx.GraphProto, name: str, values: Any) -> None:
    graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))


def _insert(graph: onnx.GraphProto, place: int, nodes: Sequence[onnx.NodeProto]) -> None:
    for node in reversed(nodes):
        graph.node.insert(place, node)


def _drop(graph: onnx.GraphProto, names: Collection[str]) -> None:
    kept = [tensor for tensor in graph.initializer if tensor.name not in names]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def share_weights(models: Sequence[onnx.ModelProto], file: str) -> bytes:
    """Move the large tensors of `models` out of them, each once, and return what the file of that name must hold.

    A tensor of the same name must be the same in all.
    """
    held = bytearray()
    places: dict[str, tuple[int, bytes]] = {}
    for model in models:
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            raw = values.tobytes()
            if len(raw) < _KEPT_WITH_GRAPH:
                continue
            if tensor.name not in places:
                held += bytes(-len(held) % 64)
                places[tensor.name] = (len(held), raw)
                held += raw
            start, known = places[tensor.name]
            if known != raw:
                raise ValueError(f"{tensor.name} differs between the graphs")
            tensor.ClearField("raw_data")
            for field in ("float_data", "int32_data", "int64_data"):
                tensor.ClearField(field)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in (("location", file), ("offset", str(start)), ("length", str(len(raw)))):
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value
    return bytes(held)
