"""An exported graph → the same graph with its encoder's matrix products in whole numbers, and the same in floats.

A product x·W in whole numbers: every row of x is scaled so that it fills 8 bits, rounded, and multiplied with weights
that are whole numbers too (sums of 32 bits, exact on every processor), and the scales are put back. A row's scale
comes from that row alone, so a text scores the same in any batch. Which numbers the weights become: see rounding.py.

Both graphs read one file of weights (ONNX's external data): the whole numbers for the default engine, and the floats
that they stand for on devices that are quicker with those.
"""

from collections.abc import Mapping, Sequence
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
_AXES, _ONE, _TINY = "whole.axes", "whole.one", "whole.tiny"
_KEPT_WITH_GRAPH = 1024  # bytes; larger tensors go to the file of weights


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight matrix (inputs by outputs) = `whole` (int8, that shape) · `scale` (outputs) · `rows` (inputs).

    `zero`: what zero becomes among its rounded inputs, MIDDLE or LOW.
    """

    whole: NDArray[np.int8]
    scale: NDArray[np.float32]
    rows: NDArray[np.float32]
    zero: int

    def floats(self) -> NDArray[np.float32]:
        """The matrix that the whole numbers stand for."""
        return np.asarray(self.whole.astype(np.float32) * self.scale * self.rows[:, None], np.float32)


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


def in_floats(model: onnx.ModelProto, matrices: Mapping[str, Matrix]) -> onnx.ModelProto:
    """A copy of `model` whose weights of these names are made of whole numbers and scales, multiplied out at load."""
    new = onnx.ModelProto()
    new.CopyFrom(model)
    _drop(new.graph, matrices)
    nodes: list[onnx.NodeProto] = []
    for name, matrix in matrices.items():
        _store(new.graph, name, matrix)
        _add(new.graph, f"{name}.rows", matrix.rows[:, None])
        nodes += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [f"{name}.scaled"]),
            helper.make_node("Mul", [f"{name}.scaled", f"{name}.rows"], [name]),
        ]
    for place, node in enumerate(nodes):
        new.graph.node.insert(place, node)
    return new


def in_integers(model: onnx.ModelProto, matrices: Mapping[str, Matrix]) -> onnx.ModelProto:
    """A copy of `model` that multiplies in whole numbers with the weights of these names."""
    new = onnx.ModelProto()
    new.CopyFrom(model)
    graph = new.graph
    _drop(graph, matrices)
    for name, value in ((_AXES, np.array([-1], np.int64)), (_ONE, np.float32(1)), (_TINY, np.float32(1e-9))):
        _add(graph, name, value)
    nodes: list[onnx.NodeProto] = []
    rounded: dict[str, str] = {}
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in matrices:
            nodes.append(node)
            continue
        taken, name = node.input
        matrix = matrices[name]
        if taken not in rounded:
            rounded[taken] = f"whole.{len(rounded)}"
            nodes += _rounding(graph, taken, rounded[taken], matrix)
        _store(graph, name, matrix)
        _add(graph, f"{name}.zero", np.zeros(len(matrix.scale), np.int8))
        stem = rounded[taken]
        nodes += [
            helper.make_node(
                "MatMulIntegerToFloat",
                [f"{stem}.bytes", f"{name}.int8", _ONE, f"{name}.scale", f"{stem}.zero", f"{name}.zero"],
                [f"{name}.product"],
                domain="com.microsoft",
            ),
            helper.make_node("Div", [f"{name}.product", f"{stem}.scale"], [node.output[0]]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    new.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return new


def _rounding(graph: onnx.GraphProto, taken: str, stem: str, matrix: Matrix) -> list[onnx.NodeProto]:
    """Nodes that make bytes of each row: round(row · scale) + zero, with the scale that just fills them."""
    reach = 255 - matrix.zero
    # After Gelu the scale is bounded, so that -0.17 stays above the least byte.
    least = reach * -GELU_LEAST * float(matrix.rows.max()) / LOW if matrix.zero == LOW else 1e-9
    _add(graph, f"{stem}.rows", matrix.rows)
    _add(graph, f"{stem}.zero", np.uint8(matrix.zero))
    _add(graph, f"{stem}.reach", np.float32(reach))
    _add(graph, f"{stem}.least", np.float32(least))
    smooth, sized, scaled = f"{stem}.smooth", f"{stem}.sized", f"{stem}.scaled"
    size = [] if matrix.zero == LOW else [helper.make_node("Abs", [smooth], [sized])]
    return [
        helper.make_node("Mul", [taken, f"{stem}.rows"], [smooth]),
        *size,
        helper.make_node("ReduceMax", [sized if size else smooth, _AXES], [f"{stem}.max"], keepdims=1),
        helper.make_node("Max", [f"{stem}.max", f"{stem}.least"], [f"{stem}.bound"]),
        helper.make_node("Div", [f"{stem}.reach", f"{stem}.bound"], [f"{stem}.scale"]),
        helper.make_node("Mul", [smooth, f"{stem}.scale"], [scaled]),
        helper.make_node("QuantizeLinear", [scaled, _ONE, f"{stem}.zero"], [f"{stem}.bytes"]),
    ]


def _store(graph: onnx.GraphProto, name: str, matrix: Matrix) -> None:
    _add(graph, f"{name}.int8", matrix.whole)
    _add(graph, f"{name}.scale", matrix.scale)


def _add(graph: onnx.GraphProto, name: str, values: Any) -> None:
    graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))


def _drop(graph: onnx.GraphProto, names: Mapping[str, Matrix]) -> None:
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
