"""Gates of the export: the shipped file must say what the trained network says, whatever the batch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from cxsentiment.devices import open_engine
from cxsentiment.errors import CxError
from cxsentiment.model import Head
from training.batches import Item, pad
from training.model import Network

_BATCH = 32
_COMPANIES = (2, 7, 32, 64)  # rows of a batch
_COMPARED = 100  # texts that are read alone as well
_LONGEST = 256  # tokens; the rest of a longer text is left out of the comparison
_HEADS = ("sentiment", "acts")
Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest differences found over `texts` texts; shares in 0-1.

    `fp32_logit`: torch against the fp32 graph. `shipped_logit`, `shipped_p99`, `labels_agree`: torch against the
    file that ships (logits; 99th percentile of the differences of probabilities; share of equal labels).
    `alone_in_batch`: a probability of a text alone against the same text in padded batches of several sizes and orders.
    Probabilities and labels are those that the calibrated heads give.
    """

    texts: int
    fp32_logit: float
    shipped_logit: float
    shipped_p99: float
    labels_agree: float
    alone_in_batch: float


GATES = {"fp32_logit": 1e-4, "shipped_p99": 0.02, "labels_agree": 0.995, "alone_in_batch": 1e-5}


def measure(
    network: Network, exact: Path, shipped: Path, texts: Sequence[str], tokeniser: Tokenizer, heads: Sequence[Head]
) -> Parity:
    """Compare `network` (torch, fp32) with the graph in fp32 and with the shipped file, read through `heads`."""
    rows = [tuple(encoding.ids)[:_LONGEST] for encoding in tokeniser.encode_batch(list(texts))]
    reference = _torch(network, rows)
    with_fp32 = _onnx(exact, rows, _BATCH)
    with_shipped = _onnx(shipped, rows, _BATCH)
    few = rows[:: max(1, len(rows) // _COMPARED)]
    alone = _probabilities(_onnx(shipped, few, 1), heads)
    p, q = _probabilities(reference, heads), _probabilities(with_shipped, heads)
    mood_agrees = p["sentiment"].argmax(1) == q["sentiment"].argmax(1)
    acts_agree = (p["acts"] > 0.5) == (q["acts"] > 0.5)
    return Parity(
        texts=len(rows),
        fp32_logit=_largest(reference, with_fp32),
        shipped_logit=_largest(reference, with_shipped),
        shipped_p99=max(float(np.quantile(np.abs(p[name] - q[name]), 0.99)) for name in _HEADS),
        labels_agree=min(float(mood_agrees.mean()), float(acts_agree.mean())),
        alone_in_batch=max(_in_company(shipped, few, alone, heads, size) for size in _COMPANIES),
    )


def _in_company(
    shipped: Path, rows: Sequence[tuple[int, ...]], alone: dict[str, Table], heads: Sequence[Head], size: int
) -> float:
    """Largest difference to `alone` when the rows are shuffled and read `size` at a time."""
    order = np.random.default_rng(size).permutation(len(rows))
    together = _probabilities(_onnx(shipped, [rows[k] for k in order], size), heads)
    return max(float(np.abs(together[name] - alone[name][order]).max()) for name in _HEADS)


def check(found: Parity) -> None:
    """Raise CxError where a figure misses its gate."""
    for name, limit in GATES.items():
        value = asdict(found)[name]
        good = value >= limit if name == "labels_agree" else value <= limit
        if not good:
            raise CxError(
                f"export, {name}",
                f"is {value:.2g}",
                allowed=f"{limit:g}",
                do="Set storage: fp16+int8 or fp16 in the recipe",
            )


def _torch(network: Network, rows: Sequence[tuple[int, ...]]) -> dict[str, Table]:
    network.eval()
    tables: dict[str, list[Table]] = {name: [] for name in _HEADS}
    with torch.no_grad():
        for start in range(0, len(rows), _BATCH):
            batch = pad([Item((row,), None, False, None, 1.0) for row in rows[start : start + _BATCH]])
            for name, values in zip(_HEADS, network(batch.input_ids, batch.attention_mask), strict=False):
                tables[name].append(values.numpy())
    return {name: np.concatenate(values) for name, values in tables.items()}


def _onnx(path: Path, rows: Sequence[tuple[int, ...]], size: int) -> dict[str, Table]:
    engine = open_engine(path, "cpu")
    tables: dict[str, list[Table]] = {name: [] for name in _HEADS}
    for start in range(0, len(rows), size):
        batch = pad([Item((row,), None, False, None, 1.0) for row in rows[start : start + size]])
        found = engine.run(_HEADS, batch.input_ids.numpy(), batch.attention_mask.numpy())
        for name, values in zip(_HEADS, found, strict=True):
            tables[name].append(values)
    return {name: np.concatenate(values) for name, values in tables.items()}


def _probabilities(logits: dict[str, Table], heads: Sequence[Head]) -> dict[str, Table]:
    return {head.name: head.probabilities(logits[head.name]) for head in heads}


def _largest(one: dict[str, Table], other: dict[str, Table]) -> float:
    return max(float(np.abs(one[name] - other[name]).max()) for name in _HEADS)
