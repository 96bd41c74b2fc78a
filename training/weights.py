"""A bundle's ONNX file → the torch network it was exported from, so that training can start from a shipped model.

The exporter keeps the names of biases, norms and tables, but stores the weight of a linear layer on many tokens
transposed, under a number of its own. Such a weight is found by what the graph does with it: it is multiplied, and the
bias that is then added bears the layer's name. Layers that were joined are parted, and the storage in fp16 and int8
(export.py) is undone on the way; of a bundle that multiplies in whole numbers the graph in floats is read. Shape and
number of layers come from the graph too, so the bundle alone is enough; at the end the network must say what the file
says, or nothing is returned.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from cxsentiment.devices import open_engine
from cxsentiment.errors import BundleError
from cxsentiment.model import FLOATS, GRAPH, read_bundle
from training.model import Network

_WORDS = "encoder.embeddings.word_embeddings.weight"
_POSITIONS = "encoder.embeddings.position_embeddings.weight"
_SEGMENTS = "encoder.embeddings.token_type_embeddings.weight"
_INNER = "encoder.encoder.layer.0.intermediate.dense.bias"
_OF_SHAPE = (_WORDS, _POSITIONS, _SEGMENTS, _INNER)
_LIMIT = 1e-3  # of a logit between the file and the restored network; both compute in fp32
_DO = "Start from a bundle that training.train has written with this version"
Values = Mapping[str, NDArray[np.float32]]


def load_network(folder: Path, dropout: float = 0.0) -> Network:
    """The network of the bundle in `folder`, ready for training; `dropout` is that of the heads.

    Raises BundleError where the bundle is damaged, or its graph is no export of this training.
    """
    files = read_bundle(folder)[0].files  # checks the hashes
    path = folder / (FLOATS if FLOATS in files else GRAPH)
    where = str(path)
    graph = onnx.load(path).graph
    weights = _weights(graph)
    if missing := [name for name in _OF_SHAPE if name not in weights]:
        raise BundleError(where, f"the graph holds no weight {missing[0]}", do=_DO)
    network = Network(_encoder(graph, weights), "attention" if "attention.bias" in weights else "mean", dropout)
    state = network.state_dict()
    for name, value in state.items():
        if name not in weights or weights[name].shape != tuple(value.shape):
            shape = weights[name].shape if name in weights else "missing"
            raise BundleError(where, f"weight {name} is {shape}", allowed=str(tuple(value.shape)), do=_DO)
    network.load_state_dict({name: torch.tensor(weights[name]) for name in state})
    _compare(network.eval(), path, len(weights[_WORDS]))
    return network


def mean_of(networks: Sequence[Network]) -> Network:
    """The first network with the mean of the weights of all, which must have one shape and have begun from one encoder.

    Models that were trained apart from the same weights often lie in one basin, and their mean is steadier than each
    on talk by strangers (Wortsman et al. 2022, "Model soups"). Raises BundleError for networks of different shapes.
    """
    first = networks[0].state_dict()
    others = [network.state_dict() for network in networks[1:]]
    for other in others:
        if {name: value.shape for name, value in other.items()} != {name: value.shape for name, value in first.items()}:
            raise BundleError("start", "the models have different shapes, so their weights have no mean", do=_DO)
    mean = {
        name: torch.stack([value, *(other[name] for other in others)]).mean(0) if value.is_floating_point() else value
        for name, value in first.items()
    }
    networks[0].load_state_dict(mean)
    return networks[0]


def _weights(graph: onnx.GraphProto) -> Values:
    """Every weight by its name in torch, in fp32."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {}
    for name, values in stored.items():
        if name.endswith(".int8"):
            name = name.removesuffix(".int8")
            weights[name] = values.astype(np.float32) * stored[name + ".scale"] * stored.get(name + ".rows", 1)
            if name + ".kept" in stored:  # inputs whose weights are exact
                weights[name][stored[name + ".kept"].ravel()] = stored[name + ".exact"]
        elif values.dtype in (np.float32, np.float16):
            weights[name.removesuffix(".fp16")] = values.astype(np.float32)
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type == "Add":
            for product, bias in (tuple(node.input), tuple(node.input)[::-1]):
                matrix = weights.get(products.get(product, ""))
                if matrix is not None and bias.endswith(".bias"):
                    weights[bias.removesuffix("bias") + "weight"] = np.ascontiguousarray(matrix.T)
    return {**weights, **_parted(weights, stored)}


def _parted(weights: Values, stored: Mapping[str, NDArray[Any]]) -> Values:
    """The weights and biases of each layer that was joined with others (integers.join_products)."""
    found: dict[str, NDArray[np.float32]] = {}
    for name, sizes in stored.items():
        if name.endswith(".sizes"):
            stem, _, joined = name.removesuffix(".sizes").rpartition(".")
            for kind in ("weight", "bias"):
                parts = np.split(weights[f"{stem}.{joined}.{kind}"], np.cumsum(sizes)[:-1])
                found |= {f"{stem}.{layer}.{kind}": part for layer, part in zip(joined.split("+"), parts, strict=True)}
    return found


def _encoder(graph: onnx.GraphProto, weights: Values) -> torch.nn.Module:
    """An encoder (BERT, Devlin et al. 2019) of the graph's shape with weights of no meaning."""
    from transformers import BertConfig, BertModel

    vocabulary, width = weights[_WORDS].shape
    layers = {name.split(".")[3] for name in weights if name.startswith("encoder.encoder.layer.")}
    norm = next(node for node in graph.node if node.op_type == "LayerNormalization")
    shape = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=_attention_heads(graph, weights, width),
        intermediate_size=len(weights[_INNER]),
        max_position_embeddings=len(weights[_POSITIONS]),
        type_vocab_size=len(weights[_SEGMENTS]),
        layer_norm_eps=next(part.f for part in norm.attribute if part.name == "epsilon"),
    )
    return BertModel(shape, add_pooling_layer=False)


def _attention_heads(graph: onnx.GraphProto, weights: Values, width: int) -> int:
    """Attention scores are multiplied by 1 / √(width of a head) before they go, masked, into the softmax."""
    products = {node.output[0] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type == "Mul" and node.input[0] in products and weights.get(node.input[1], np.ones(2)).size == 1:
            return round(width * float(weights[node.input[1]]) ** 2)
    raise BundleError("model.onnx", "the graph has no scaled attention", do=_DO)


def _compare(network: Network, path: Path, vocabulary: int) -> None:
    """Raise BundleError unless network and file give the same logits for rows of chance tokens of several lengths."""
    chance = np.random.default_rng(5)
    ids = chance.integers(0, vocabulary, (8, 24))
    mask = (np.arange(24) < chance.integers(3, 25, (8, 1))).astype(np.int64)
    mask[0] = 1
    names = ("sentiment", "acts")
    theirs = dict(zip(names, open_engine(path, "cpu").run(names, ids, mask), strict=True))
    with torch.no_grad():
        sentiment, acts, _ = network(torch.tensor(ids), torch.tensor(mask))
    ours = {"sentiment": sentiment.numpy(), "acts": acts.numpy()}
    largest = max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)
    if not largest <= _LIMIT:
        raise BundleError(
            str(path), f"the restored network's logits differ by {largest:.2g}", allowed=f"{_LIMIT:g}", do=_DO
        )
