"""What runs a model's graph: ONNX Runtime on the processor or a GPU, or OpenVINO. The only home of these libraries.

An `Engine` has a graph open and runs it; whoever asks names the outputs that it wants. The graph takes `input_ids` and
`attention_mask` (int64, rows by tokens) and each of its outputs is float32, rows by width.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from cxsentiment.errors import UsageError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
Shapes = Mapping[str, Sequence[int | str | None]]
Device = Literal["cpu", "openvino", "gpu"]
DEVICES: tuple[Device, ...] = get_args(Device)
ASKED = ("auto", *DEVICES)
"""What --device takes: a device, or the fastest of this machine."""

_PROCESSORS = Path("/proc/cpuinfo")
_NODES = Path("/dev")
_AMX = ("amx_bf16",)
_BF16 = (*_AMX, "avx512_bf16")
_PRECISION: Mapping[Device, str] = {"cpu": "fp32", "openvino": "bf16", "gpu": "fp32"}
# What a process takes that scores, with room to spare (docs/running.md has peaks; those of a GPU were not measured).
_BYTES: Mapping[Device, int] = {"cpu": 400 * 2**20, "openvino": 600 * 2**20, "gpu": 600 * 2**20}
# Tokens that a batch holds, padding included. With few, what a core works on stays in its cache (256 took a tenth less
# time than 1,024, and 128 a little more); the others share out what they are given, or want much (not measured).
_BATCHES: Mapping[Device, int] = {"cpu": 256, "openvino": 1024, "gpu": 1024}
_PACKAGES: Mapping[Device, tuple[str, ...]] = {
    "cpu": ("onnxruntime", "onnxruntime-gpu"),  # the latter brings both
    "openvino": ("openvino",),
    "gpu": ("onnxruntime-gpu", "onnxruntime"),
}
# Widths to which OpenVINO's rows are padded. Each row goes by its own length alone, never by that of its neighbours.
_WIDTHS = np.array([4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 512])

_TOKENS = 512  # that OpenVINO is given at once


class Engine(Protocol):
    """An open graph. `outputs`: the shape of each output by its name; of the sizes only the last is fixed."""

    outputs: Shapes

    def run(self, names: Sequence[str], ids: IntArray, mask: IntArray) -> list[FloatArray]:
        """The named outputs (rows by width), in that order, for rows of token ids, padded at their end, and their mask.

        A row's values do not hang on the rows beside it.
        """


def choose(asked: str, *, whole: bool = False) -> Device:
    """The device that a value of --device means on this machine; `auto`: a GPU, else OpenVINO, else the processor.

    `whole`: the model multiplies in whole numbers on the processor, which OpenVINO beats with AMX alone.

    Raises UsageError for a device that is not here.
    """
    if asked == "auto":
        if not _lacking("gpu") and any(_NODES.glob("nvidia[0-9]*")):
            return "gpu"
        return "openvino" if not _lacking("openvino") and _has(_AMX if whole else _BF16) else "cpu"
    for device in DEVICES:
        if device == asked:
            require(device)
            return device
    raise UsageError("--device", f"{asked!r} is not known", allowed=", ".join(ASKED))


def require(device: Device) -> None:
    """Raises UsageError where this machine does not have the device."""
    if lacking := _lacking(device):
        what, do = lacking
        here = ", ".join(["auto", *(one for one in DEVICES if not _lacking(one))])
        raise UsageError(f"--device {device}", what, allowed=f"here: {here}", do=do)


def facts(device: Device) -> dict[str, str]:
    """What a receipt says of a device: its name, the precision of its sums, the library that runs it, its version."""
    for package in _PACKAGES[device]:
        try:
            return {"name": device, "precision": _PRECISION[device], "library": package, "version": version(package)}
        except PackageNotFoundError:
            continue
    raise UsageError(f"--device {device}", f"{_PACKAGES[device][0]} is not installed", do="Reinstall cxsentiment")


def memory_of(device: Device) -> int:
    """How many bytes to reckon with for each process that scores with a device."""
    return _BYTES[device]


def tokens_at_once(device: Device) -> int:
    """How many tokens, padding included, a batch for a device should hold."""
    return _BATCHES[device]


def open_engine(graph: Path, device: Device) -> Engine:
    """Open a graph. Raises UsageError for a device that is not here; what its library raises passes through."""
    require(device)
    if device == "openvino":
        return OpenVino(graph)
    return OnnxRuntime(graph, "CUDAExecutionProvider" if device == "gpu" else "CPUExecutionProvider")


# Both libraries report to their makers when they are imported, and write an id of the machine into the home folder,
# unless they are told before. Nothing leaves the machine, so they are.


def load_onnxruntime() -> Any:
    """The library, told to report nothing. Whoever needs it takes it from here."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read at the import (Linux, macOS; since 1.29 it is on there)
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows the system's own events
    return onnxruntime


def _openvino() -> Any:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes an import of it fail
    import openvino

    return openvino


class OnnxRuntime:
    """ONNX Runtime. On the processor it is the default, and what every other engine is held against."""

    def __init__(self, graph: Path, provider: str) -> None:
        ort = load_onnxruntime()
        options = ort.SessionOptions()
        # One thread a process: the same sums in the same order, and processes scale better than threads.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A GPU would round the factors of fp32 sums to 10 bits (TF32) unless told not to.
        settings = [{"use_tf32": "0"}] if provider == "CUDAExecutionProvider" else None
        self._session = ort.InferenceSession(
            str(graph),
            options,
            providers=[provider],
            provider_options=settings,
            # On a processor these fused kernels are slower than the two that each replaces: see decision 17.
            disabled_optimizers=["SkipLayerNormFusion", "BiasGeluFusion"],
        )
        if provider not in self._session.get_providers():  # it goes on with the processor, and says nothing
            raise UsageError(
                "--device gpu",
                "ONNX Runtime was made for CUDA, but finds no GPU that it can use, or not the CUDA libraries",
                allowed="here: cpu",
                do="See that nvidia-smi shows the GPU and that CUDA and cuDNN are those of onnxruntime-gpu's version",
            )
        self.outputs: Shapes = {output.name: output.shape for output in self._session.get_outputs()}

    def run(self, names: Sequence[str], ids: IntArray, mask: IntArray) -> list[FloatArray]:
        """See Engine."""
        found: list[FloatArray] = self._session.run(list(names), {"input_ids": ids, "attention_mask": mask})
        return found


class OpenVino:
    """OpenVINO on the processor, in bf16: faster where the processor multiplies bf16 (AMX, or AVX-512 BF16).

    Every row is run at a width that its own length fixes, whatever batch it came in.
    """

    def __init__(self, graph: Path) -> None:
        openvino = _openvino()
        core = openvino.Core()
        read = core.read_model(str(graph))
        outputs = {output.get_any_name(): output for output in read.outputs}
        # As outputs of their own sums stay apart from what follows. OpenVINO 2026.4 merges a sum with the addition of
        # a bias after it, and reads beyond the bias.
        read.add_outputs([one.output(0) for one in read.get_ops() if one.get_type_name() == "ReduceSum"])
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": "1",
            "ENABLE_CPU_PINNING": "NO",  # else all processes would share one core
            "CPU_RUNTIME_CACHE_CAPACITY": "500",  # of what it keeps for each shape; 5,000 took hundreds of megabytes
        }
        compiled = core.compile_model(read, "CPU", settings)
        if (precision := compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()) != "bf16":
            raise _no_bf16(f"OpenVINO would work in {precision} on this processor")
        self._request = compiled.create_infer_request()
        self.outputs: Shapes = {
            name: [size.get_length() if size.is_static else None for size in output.partial_shape]
            for name, output in outputs.items()
        }

    def run(self, names: Sequence[str], ids: IntArray, mask: IntArray) -> list[FloatArray]:
        """See Engine."""
        found = [np.empty((len(ids), int(self.outputs[name][-1] or 0)), np.float32) for name in names]
        lengths = mask.sum(axis=1)
        places = np.searchsorted(_WIDTHS, lengths)
        for place in np.unique(places).tolist():
            width = int(_WIDTHS[place]) if place < len(_WIDTHS) else int(lengths.max())
            alike = np.flatnonzero(places == place)
            for start in range(0, len(alike), rows := max(_TOKENS // width, 1)):
                chosen = alike[start : start + rows]
                asked = {"input_ids": _wide(ids[chosen], width), "attention_mask": _wide(mask[chosen], width)}
                self._request.infer(asked)
                for table, name in zip(found, names, strict=True):
                    table[chosen] = self._request.get_tensor(name).data
        return found


def _wide(rows: IntArray, width: int) -> IntArray:
    """The rows at another width: padding is added, or taken away."""
    same = np.zeros((len(rows), width), np.int64)
    kept = min(width, rows.shape[1])
    same[:, :kept] = rows[:, :kept]
    return same


def _lacking(device: Device) -> tuple[str, str] | None:
    """Why a device cannot be used here, and what to do; None where it can, as far as is seen without loading it."""
    if device == "openvino":
        if find_spec("openvino") is None:
            return "OpenVINO is not installed", "pip install 'cxsentiment[openvino]'"
        if _has(_BF16) is False:
            error = _no_bf16("this processor does not multiply bf16")
            return error.what, error.do
    if device == "gpu" and "CUDAExecutionProvider" not in load_onnxruntime().get_available_providers():
        return (
            "ONNX Runtime was installed without CUDA",
            "pip uninstall onnxruntime && pip install onnxruntime-gpu, on a machine with an NVIDIA GPU",
        )
    return None


def _no_bf16(what: str) -> UsageError:
    return UsageError("--device openvino", what, do=f"Use --device cpu, or a processor with {' or '.join(_BF16)}")


def _has(any_of: Sequence[str]) -> bool | None:
    """Whether the processor has one of these instruction sets; None where the system does not tell (not Linux)."""
    if not _PROCESSORS.exists():
        return None
    flags = next((line for line in _PROCESSORS.read_text().splitlines() if line.startswith("flags")), "")
    return bool(set(any_of) & set(flags.split()))
