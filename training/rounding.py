"""Which whole numbers the encoder's weights become, so that products in whole numbers say what the floats say.

Product by product, in the order of the graph, on tokens of the training talk:
- inputs whose values and weights are far larger than all others' stay exact: a trained encoder has a handful (massive
  activations, Sun et al. 2024), and beside them all else would be rounded to nothing;
- columns of x that are large are made smaller, and the weights that meet them larger by the same factor (SmoothQuant,
  Xiao et al. 2023), for the largest value of a row sets the step to which all of it is rounded;
- the weights are moved so that the rounded inputs, which bear the errors of the products before, give what the exact
  ones would (ridge regression towards the exact product);
- then they are rounded one input after the other, each error made good by those not yet rounded (GPTQ, Frantar et al.
  2023).
Two neighbouring weights of a column are never larger than 128 together: processors without VNNI add two products of
bytes in 16 bits, which would overflow, and give other numbers than the rest.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cxsentiment.devices import open_engine
from training.batches import Item, pad
from training.integers import GELU_LEAST, LOW, MIDDLE, Matrix, in_integers, products

_INTO_RESIDUAL = ".output.dense"  # the second product of a feed-forward layer
_MOST, _PAIR = 127, 128  # of one weight, and of two neighbours together
_FAR = 5.0  # times what is usual: an input of larger value times weight stays exact
_MOST_KEPT = 2  # inputs of one product
_SHARE = 0.5  # how far large inputs are evened out at the cost of the weights (0: not at all; 1: wholly)
_GELU_MOST = 3.0  # what inputs after Gelu hardly pass once they are evened out
_BATCH = 32
_BLOCK = 64  # inputs rounded between two updates of all that follow
Table = NDArray[np.float32]
Wide = NDArray[np.float64]


def round_weights(model: onnx.ModelProto, rows: Sequence[tuple[int, ...]]) -> dict[str, Matrix]:
    """The rounded matrices of an exported fp32 `model` by their names; `rows`: token ids of training texts.

    No two products of `model` take the same input (integers.join_products).
    """
    chosen = products(model.graph)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    exact = _values(model, [product.taken for product in chosen], rows)
    done: dict[str, Matrix] = {}
    for product in chosen:
        given = (
            _values(in_integers(model, done), [product.taken], rows)[product.taken] if done else exact[product.taken]
        )
        after_gelu = product.layer.endswith(_INTO_RESIDUAL) and ".attention" not in product.layer
        done[product.weight] = _rounded(given, exact[product.taken], weights[product.weight], after_gelu=after_gelu)
    return done


def _rounded(given: Table, exact: Table, weight: Table, *, after_gelu: bool) -> Matrix:
    """`given`: what goes in when the products before are rounded (tokens by inputs); `exact`: what should."""
    even = _evened(given, weight, after_gelu=after_gelu)
    kept = _far_out(given / even, weight * even[:, None])
    rows = (1 / even).astype(np.float32)
    rows[kept] = 0
    taken = _as_rounded(given * rows, after_gelu=after_gelu, largest=float(rows.max()))
    wanted = exact @ weight - given[:, kept] @ weight[kept]
    start = weight.astype(np.float64) * even[:, None]
    start[kept] = 0
    spread = (taken.T @ taken / len(taken)).astype(np.float64)
    typical = float(np.diag(spread).mean())
    missing = (taken.T @ (wanted - taken @ start.astype(np.float32)) / len(taken)).astype(np.float64)
    moved = start + np.linalg.solve(spread + 0.01 * typical * np.eye(len(spread)), missing)
    whole, scale = _one_after_the_other(moved, spread + 0.005 * typical * np.eye(len(spread)))
    return Matrix(whole, scale, rows, LOW if after_gelu else MIDDLE, kept, weight[kept])


def _evened(given: Table, weight: Table, *, after_gelu: bool) -> Wide:
    """By what each input is divided, and its weights are multiplied."""
    if after_gelu:
        return np.asarray(np.maximum(1, np.quantile(given, 0.9995, axis=0) / _GELU_MOST), np.float64)
    sizes = (np.sqrt((table.astype(np.float64) ** 2).mean(axis) + 1e-12) for table, axis in ((given, 0), (weight, 1)))
    inputs, weights = sizes
    even = inputs**_SHARE / weights ** (1 - _SHARE)
    return np.asarray(even / np.exp(np.log(even).mean()), np.float64)


def _far_out(given: Wide, weight: Wide) -> NDArray[np.int64]:
    """The inputs that stay exact: their largest value, in relation to that of others, times their largest weight."""
    values, weights = np.quantile(np.abs(given), 0.999, axis=0), np.abs(weight).max(1)
    size = values / np.median(values) * weights / np.median(np.abs(weight).max(0))
    largest = np.argsort(-size, kind="stable")[:_MOST_KEPT]
    return np.sort(largest[size[largest] > _FAR]).astype(np.int64)


def _as_rounded(values: Table, *, after_gelu: bool, largest: float) -> Table:
    """What the graph's bytes stand for (see integers.py)."""
    if after_gelu:
        reach = 255 - LOW
        scale = reach / np.maximum(values.max(1, keepdims=True), reach * -GELU_LEAST * largest / LOW)
        return np.asarray((np.clip(np.round(values * scale) + LOW, 0, 255) - LOW) / scale, np.float32)
    scale = _MOST / np.maximum(np.abs(values).max(1, keepdims=True), 1e-9)
    return np.asarray(np.round(values * scale) / scale, np.float32)


def _one_after_the_other(weight: Wide, spread: Wide) -> tuple[NDArray[np.int8], Table]:
    """GPTQ: inputs in the order of their size, with a scale for each output that holds the largest weight and pair."""
    inputs, outputs = weight.shape
    size = np.abs(weight)
    scale = np.maximum(size.max(0) / _MOST, size.reshape(inputs // 2, 2, outputs).sum(1).max(0) / _PAIR)
    scale = np.maximum(scale, 1e-12)
    order = np.argsort(-np.diag(spread), kind="stable")
    left = weight[order]
    inverse = np.linalg.cholesky(np.linalg.inv(spread[np.ix_(order, order)])).T
    whole = np.zeros((inputs, outputs))
    for first in range(0, inputs, _BLOCK):
        last = min(first + _BLOCK, inputs)
        errors = np.zeros((last - first, outputs))
        for k in range(first, last):
            bound = np.minimum(_MOST, _PAIR - np.abs(whole[order[k] ^ 1]))
            whole[order[k]] = np.clip(np.round(left[k] / scale), -bound, bound)
            errors[k - first] = (left[k] - whole[order[k]] * scale) / inverse[k, k]
            left[k + 1 : last] -= np.outer(inverse[k, k + 1 : last], errors[k - first])
        left[last:] -= inverse[first:last, last:].T @ errors
    return whole.astype(np.int8), scale.astype(np.float32)


def _values(model: onnx.ModelProto, names: Sequence[str], rows: Sequence[tuple[int, ...]]) -> Mapping[str, Table]:
    """Inner values of the graph over all tokens of `rows` (tokens by width), padding left out."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    found: dict[str, list[Table]] = {name: [] for name in names}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "probe.onnx"
        path.write_bytes(probe.SerializeToString())
        engine = open_engine(path, "cpu")
        order = sorted(range(len(rows)), key=lambda k: len(rows[k]))
        for start in range(0, len(order), _BATCH):
            batch = pad([Item((rows[k],), None, False, None, 1.0) for k in order[start : start + _BATCH]])
            ids, mask = batch.input_ids.numpy(), batch.attention_mask.numpy()
            for name, values in zip(names, engine.run(names, ids, mask), strict=True):
                found[name].append(values[mask.astype(bool)])
    return {name: np.concatenate(tables) for name, tables in found.items()}
