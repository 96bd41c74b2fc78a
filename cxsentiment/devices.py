"""What runs a model's graph. The only home of onnxruntime.

An `Engine` has a graph open and runs it; whoever asks names the outputs that it wants. The graph takes `input_ids` and
`attention_mask` (int64, rows by tokens) and each of its outputs is float32, rows by width.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Shapes = Mapping[str, Sequence[int | str | None]]


class Engine(Protocol):
    """An open graph. `outputs`: the shape of each output by its name; of the sizes only the last is fixed."""

    outputs: Shapes

    def run(self, names: Sequence[str], ids: IntArray, mask: IntArray) -> list[FloatArray]:
        """The named outputs (rows by width), in that order, for padded rows of token ids and their mask."""


class OnnxRuntimeCpu:
    """ONNX Runtime on the processor, in fp32: the default, whose results every other engine is held against."""

    def __init__(self, graph: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        # One thread a process: the same sums in the same order, and processes scale better than threads.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self.outputs: Shapes = {output.name: output.shape for output in self._session.get_outputs()}

    def run(self, names: Sequence[str], ids: IntArray, mask: IntArray) -> list[FloatArray]:
        """See Engine."""
        found: list[FloatArray] = self._session.run(list(names), {"input_ids": ids, "attention_mask": mask})
        return found


def open_engine(graph: Path) -> Engine:
    """Open a graph. Whatever the library raises for a file that it cannot read passes through."""
    return OnnxRuntimeCpu(graph)
