"""Network → ONNX files whose weights are stored small.

Storage: `fp16` keeps every weight matrix in half precision behind a Cast that ONNX Runtime folds when it loads the
file; `fp16+int8` also keeps the word embeddings in 8 bits with one scale per word (the 256-fold smaller rounding
step of a word's largest value). Either way every sum is done in fp32. `whole` does as `fp16+int8`, but the products of
the encoder with its weights are done in whole numbers of 8 bits (integers.py), which processors do several times as
fast. However it is stored, a text scores the same in any batch.
"""

import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cxsentiment.errors import CxError
from cxsentiment.model import FLOATS, GRAPH, WEIGHTS
from training.integers import in_floats, in_integers, join_products, share_weights
from training.model import Network
from training.rounding import round_weights

OPSET = 20  # the first with Gelu as one operator
OUTPUTS = ("sentiment", "acts", "embedding")


def export(network: Network, files: Mapping[Path, str]) -> None:
    """Write `network` to each path in its storage, with inputs and outputs as cxsentiment.model describes."""
    traced = _trace(network)
    for path, storage in files.items():
        model = onnx.ModelProto()
        model.CopyFrom(traced)
        if storage != "fp32":
            store_small(model, embeddings=storage == "fp16+int8")
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))


def export_whole(network: Network, exact: Path, folder: Path, rows: Sequence[tuple[int, ...]]) -> None:
    """Write the network in fp32 to `exact`, and in storage `whole` to three files in `folder` (see cxsentiment.model).

    `rows`: token ids of training texts, between their ends, on which the whole numbers are chosen.
    """
    traced = _trace(network)
    exact.write_bytes(traced.SerializeToString(deterministic=True))
    matrices = round_weights(traced, rows)
    store_small(traced, embeddings=True, but=matrices)
    graphs = {GRAPH: in_integers(traced, matrices), FLOATS: in_floats(traced, matrices)}
    (folder / WEIGHTS).write_bytes(share_weights(list(graphs.values()), WEIGHTS))
    for name, graph in graphs.items():
        (folder / name).write_bytes(graph.SerializeToString(deterministic=True))
        onnx.checker.check_model(folder / name)


def _trace(network: Network) -> onnx.ModelProto:
    """The graph in fp32. It takes torch seconds, whatever the size of the weights."""
    network.eval()
    network.encoder.set_attn_implementation("eager")
    ids = torch.randint(5, 100, (3, 7))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    shapes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens", max=512)}
    # The exporter warns of parts that are not installed and not needed here.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns of its own parts (a torchvision that is not there, names of axes that it merges).
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (ids, mask),
            dynamo=True,
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=[f"head.{name}" for name in OUTPUTS],
            dynamic_shapes=(shapes, shapes),
            verbose=False,
        )
    model = program.model_proto
    _strip(model)
    _name_outputs(model.graph)
    join_products(model)
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Leave out what only tells where the exporter ran (source lines, paths), so that runs give the same bytes."""
    del model.metadata_props[:]
    model.doc_string = ""
    for part in (model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info):
        part.doc_string = ""
        if hasattr(part, "metadata_props"):
            del part.metadata_props[:]


def _name_outputs(graph: onnx.GraphProto) -> None:
    """Give the outputs their names; the exporter itself would mix them up with inner values of the same name."""
    names = {name: f"inner.{name}" for name in OUTPUTS} | {f"head.{name}": name for name in OUTPUTS}
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    for value in (*graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)


def store_small(model: onnx.ModelProto, *, embeddings: bool, but: Collection[str] = ()) -> None:
    """Store the weights of `model` in place as fp16, and its largest looked-up table as int8 where asked.

    Weights named in `but` stay as they are, and so do biases and norms, which are too small to matter.
    """
    graph = model.graph
    added: list[onnx.NodeProto] = []
    table = _largest_lookup(graph) if embeddings else None
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or tensor.name in but:
            continue
        values = numpy_helper.to_array(tensor)
        graph.initializer.remove(tensor)
        if table is not None and tensor.name == table.input[0]:
            _lookup_small(graph, table, values)
        else:
            graph.initializer.append(numpy_helper.from_array(_half(tensor.name, values), tensor.name + ".fp16"))
            added.append(helper.make_node("Cast", [tensor.name + ".fp16"], [tensor.name], to=TensorProto.FLOAT))
    for place, node in enumerate(added):
        graph.node.insert(place, node)


def _half(name: str, values: NDArray[np.float32]) -> NDArray[np.float16]:
    if np.abs(values).max() > np.finfo(np.float16).max:
        raise CxError(f"weight {name}", "too large for half precision", do="Set storage: fp32 in the recipe")
    return values.astype(np.float16)


def _largest_lookup(graph: onnx.GraphProto) -> onnx.NodeProto:
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    lookups = [node for node in graph.node if node.op_type == "Gather" and node.input[0] in sizes]
    return max(lookups, key=lambda node: sizes[node.input[0]])


def _lookup_small(graph: onnx.GraphProto, lookup: onnx.NodeProto, values: NDArray[np.float32]) -> None:
    """Gather int8 rows and their scales, multiply: the same numbers as gathering from the restored table."""
    scale = np.maximum(np.abs(values).max(1, keepdims=True), 1e-12).astype(np.float32) / 127
    name, ids, result = lookup.input[0], lookup.input[1], lookup.output[0]
    graph.initializer.append(numpy_helper.from_array(np.round(values / scale).astype(np.int8), name + ".int8"))
    graph.initializer.append(numpy_helper.from_array(scale, name + ".scale"))
    nodes = (
        helper.make_node("Gather", [name + ".int8", ids], [result + ".rows"]),
        helper.make_node("Cast", [result + ".rows"], [result + ".float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", [name + ".scale", ids], [result + ".scales"]),
        helper.make_node("Mul", [result + ".float", result + ".scales"], [result]),
    )
    place = list(graph.node).index(lookup)
    graph.node.remove(lookup)
    for offset, node in enumerate(nodes):
        graph.node.insert(place + offset, node)
