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
    """Floating-point operations of an encoder's matrix products for one token; those of attention are left out."""
    return layers * 2.0 * (4 * width * width + 2 * width * inner)


def most_products(precision: str, rounds: int = 60) -> float:
    """Floating-point operations a second of plain products of the encoder's shape on one thread: fp32 or bf16.

    The quickest of the libraries at hand counts: on some processors torch's fp32 products take twice as long as others.
    """
    ways = [_by_torch(precision)] + ([_by_onnxruntime()] if precision == "fp32" else [])
    return max(_rate(way, rounds) for way in ways)


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


def _by_onnxruntime() -> Callable[[], Any]:
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    chance = np.random.default_rng(1)
    weights = {
        name: numpy_helper.from_array(chance.standard_normal(shape, np.float32), name)
        for name, shape in (("up", (_WIDTH, _INNER)), ("down", (_INNER, _WIDTH)))
    }
    nodes = [helper.make_node("MatMul", ["a", "up"], ["b"]), helper.make_node("MatMul", ["b", "down"], ["c"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [_ROWS, _WIDTH]) for name in ("a", "c")]
    graph = helper.make_graph(nodes, "products", ends[:1], ends[1:], list(weights.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = {"a": chance.standard_normal((_ROWS, _WIDTH), np.float32)}
    return lambda: session.run(None, given)


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
