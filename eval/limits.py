"""How near the model's path comes to what one core can multiply, and where the time of a run goes."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cxsentiment.model import Model
from cxsentiment.predict import Memory, predict_texts

_ROWS, _WIDTH, _INNER = 1024, 384, 1536  # the shape of the encoder's largest products at a full batch


def products_a_token(layers: int, width: int = _WIDTH, inner: int = _INNER) -> float:
    """Multiplications and additions of an encoder's matrix products for one token; attention's own are left out."""
    return layers * 2.0 * (4 * width * width + 2 * width * inner)


def most_products(precision: str, rounds: int = 60) -> float:
    """Operations a second of plain products of the encoder's shape on one thread: fp32, bf16 or int8.

    The quickest of the libraries at hand counts: on some processors torch's fp32 products take twice as long as others.
    """
    ways = {
        "fp32": lambda: [_by_torch("fp32"), _by_onnxruntime("MatMul", np.float32, np.float32)],
        "bf16": lambda: [_by_torch("bf16")],
        "int8": lambda: [_by_onnxruntime("MatMulInteger", np.uint8, np.int8)],
    }
    return max(_rate(way, rounds) for way in ways[precision]())


def _rate(products: Callable[[], Any], rounds: int) -> float:
    products()  # loads and packs once
    start = time.perf_counter()
    for _ in range(rounds):
        products()
    return rounds * 4.0 * _ROWS * _WIDTH * _INNER / (time.perf_counter() - start)


def _by_torch(precision: str) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(1)
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a, up, down = (torch.randn(shape).to(kind) for shape in ((_ROWS, _WIDTH), (_WIDTH, _INNER), (_INNER, _WIDTH)))
    return lambda: (a @ up) @ down


def _by_onnxruntime(operator: str, taken: type, weight: type) -> Callable[[], Any]:
    """Both products in one graph, but not one after the other: whole numbers come out wider than they go in."""
    import onnxruntime
    from onnx import helper, numpy_helper

    chance = np.random.default_rng(1)
    shapes = {"up": (_WIDTH, _INNER), "down": (_INNER, _WIDTH)}
    inputs: dict[str, Any] = {
        f"to {name}": chance.integers(0, 255, (_ROWS, shape[0])).astype(taken) for name, shape in shapes.items()
    }
    weights: dict[str, Any] = {name: chance.integers(-60, 60, shape).astype(weight) for name, shape in shapes.items()}
    nodes = [helper.make_node(operator, [f"to {name}", name], [f"from {name}"]) for name in shapes]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(taken))
    sums = helper.np_dtype_to_tensor_dtype(np.dtype(np.float32 if taken is np.float32 else np.int32))
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info(name, kind, values.shape) for name, values in inputs.items()],
        [helper.make_tensor_value_info(f"from {name}", sums, [_ROWS, shape[1]]) for name, shape in shapes.items()],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, inputs)


def tokens_a_second(model: Model, texts: Sequence[str]) -> float:
    """Tokens a second that the model's whole path reads on one core: tokenise, cut, batch, run, pool.

    `texts` are distinct and read once each, as customers' turns; padding is not counted.
    """
    head = next(head for head in model.bundle.heads if head.speaker == "customer")
    tokens = sum(len(found.ids) + 2 for found in model.tokenise(list(texts)))
    start = time.perf_counter()
    predict_texts(model, [(head, text) for text in texts], Memory())
    return tokens / (time.perf_counter() - start)


def where_time_goes(score: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Shares (0-1) of the processor's time by phase; `score` runs a scorer in this process and gives seconds by phase.

    The phase `predict` is told apart into the graph, the tokeniser and the rest (cutting, batching, pooling).
    """
    with _timed(Model, "tokenise") as tokenise, _timed(Model, "logits") as graph:
        seconds = dict(score())
    inside = {"graph": graph[0], "tokenise": tokenise[0]}
    seconds["rest of predict"] = seconds.pop("predict") - sum(inside.values())
    seconds |= inside
    whole = sum(seconds.values())
    return {name: round(value / whole, 3) for name, value in sorted(seconds.items(), key=lambda item: -item[1])}


@contextmanager
def _timed(kind: type, name: str) -> Iterator[list[float]]:
    """Within it, calls of the method add their seconds to the one number of the list."""
    plain: Callable[..., Any] = getattr(kind, name)
    spent = [0.0]

    def timed(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return plain(*arguments, **named)
        finally:
            spent[0] += time.perf_counter() - start

    setattr(kind, name, timed)
    try:
        yield spent
    finally:
        setattr(kind, name, plain)
