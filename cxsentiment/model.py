"""A model bundle: checks its hashes, tokenises, has its graph run (see `devices`). The only home of tokenizers.

A bundle is a folder with `bundle.json` (this module's `Bundle`), `model.onnx` and `tokenizer.json`. Where `model.onnx`
multiplies in whole numbers, `float.onnx` is the same network in floats, for devices that are quicker with those, and
`weights.bin` holds what both share. A graph takes
`input_ids` and `attention_mask` (int64, batch by tokens) and returns one float32 output of logits per head, named
after the head, and `embedding` (batch by width).
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxsentiment.devices import Device, Engine, choose, facts, open_engine
from cxsentiment.errors import BundleError, CxError, RunError
from cxsentiment.schema import ACTS, SENTIMENTS

BUNDLE_FILE = "bundle.json"
GRAPH, FLOATS, WEIGHTS = "model.onnx", "float.onnx", "weights.bin"
MOST_APART = 0.1
"""How far a probability may be from that of the default engine, with the rounding of another device."""
_CHUNK = 1 << 20
_TOKENISED_AT_ONCE = 256  # texts
_RESTORE = "Restore the folder from its source (git checkout, or reinstall the package), or give --model another folder"
# What another device's engine is tried with, one sentence more a row.
_SAMPLE = (
    "Hello, how can I help you?",
    "My parcel never came, this is terrible and I have been waiting for two weeks now!",
    "I am so sorry about that. Let me check, one moment please.",
    "Thank you for your patience, your refund of 20 pounds will reach your account within five days.",
    "Great, thanks, is there anything else that I need to do, or will you send me an email about it?",
)

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Head(BaseModel):
    """One classifier of the bundle. p = softmax or sigmoid of logit / temperature + bias, per label."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    speaker: Literal["customer", "agent"]
    kind: Literal["single", "multi"]
    labels: tuple[str, ...]
    temperatures: tuple[Annotated[float, Field(gt=0)], ...]
    biases: tuple[float, ...]
    thresholds: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    evidence: Literal["turn", "sentence"]

    @model_validator(mode="after")
    def _consistent(self) -> "Head":
        for name in ("temperatures", "biases", "thresholds"):
            if len(getattr(self, name)) != len(self.labels):
                raise ValueError(f"{name} has {len(getattr(self, name))} values for {len(self.labels)} labels")
        known = SENTIMENTS if self.speaker == "customer" else ACTS
        # An agent has observable acts and nothing else; a mood of an agent is not expressible here.
        if unknown := [label for label in self.labels if label not in known]:
            raise ValueError(f"labels {unknown} are not labels of a {self.speaker} turn (allowed: {', '.join(known)})")
        return self

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Calibrated probabilities (rows by labels, 0-1) from logits of the same shape."""
        z = logits / np.asarray(self.temperatures, np.float32) + np.asarray(self.biases, np.float32)
        if self.kind == "multi":
            return np.asarray(1.0 / (1.0 + np.exp(-z)), np.float32)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)


class BundleFile(BaseModel):
    """The recorded size and hash of one file of the bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    bytes: int


class Bundle(BaseModel):
    """`bundle.json`: what the model is, how to read its outputs, where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1]
    name: str
    version: str
    files: dict[str, BundleFile]
    max_tokens: Annotated[int, Field(ge=8, le=512)]
    heads: tuple[Head, ...]
    training: dict[str, object]

    def graph(self, device: Device) -> str:
        """The file with the graph that `device` runs."""
        return FLOATS if device != "cpu" and FLOATS in self.files else GRAPH

    def engine(self, device: Device) -> dict[str, str]:
        """What a receipt says of the device that runs this bundle: see `devices.facts`."""
        whole = device == "cpu" and FLOATS in self.files
        return facts(device) | ({"precision": "int8"} if whole else {})

    def head(self, name: str) -> Head:
        """Return the head called `name`; KeyError where the bundle has none."""
        return {head.name: head for head in self.heads}[name]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as token ids (no special tokens) with the characters [start, end) of each; both are int arrays of n."""

    ids: IntArray
    starts: IntArray
    ends: IntArray


def default_model() -> Path:
    """Where the model that ships with the package lies: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    for folder in (package / "models" / "default", package.parent / "models" / "default"):
        if (folder / BUNDLE_FILE).exists():
            return folder
    raise BundleError(str(package / "models" / "default"), "the bundled model is missing", do="Reinstall cxsentiment")


class Model:
    """A loaded bundle, run by a device. Raises BundleError where a file is missing, altered or of another shape.

    `read` is what `read_bundle` said of the folder, where this process has just asked it.
    """

    def __init__(self, folder: Path, device: Device = "cpu", read: tuple[Bundle, str] | None = None) -> None:
        self.folder = folder
        self.device = device
        self.bundle, self.sha256 = read or read_bundle(folder)

    @cached_property
    def _tokenizer(self):  # type: ignore[no-untyped-def]  # the type comes with an import that is wanted late
        from tokenizers import Tokenizer

        # One thread here too: others would each keep memory of its own, 60 MB after a turn of 200,000 characters.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()  # windows are ours: nothing may be cut silently
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _engine(self) -> Engine:
        if self.device == "cpu":
            return self._opened("cpu")
        # The default is asked and closed first, so that the other takes its memory over.
        sample = self._sample()
        names = [head.name for head in self.bundle.heads]
        default = self._opened("cpu").run(names, *sample)
        engine = self._opened(self.device)
        self._refuse_another_opinion(default, engine.run(names, *sample))
        return engine

    def _opened(self, device: Device) -> Engine:
        graph = self.folder / self.bundle.graph(device)
        try:
            engine = open_engine(graph, device)
        except CxError:
            raise
        except Exception as error:
            library = facts(device)["library"]
            raise BundleError(str(graph), f"{library} cannot read it: {error}", do=_RESTORE) from error
        outputs = engine.outputs
        for head in self.bundle.heads:
            if head.name not in outputs or outputs[head.name][-1] != len(head.labels):
                raise BundleError(
                    str(graph),
                    f"head {head.name!r} has {len(head.labels)} labels in {BUNDLE_FILE}, "
                    f"but the graph's outputs are {outputs}",
                    do=_RESTORE,
                )
        return engine

    def _sample(self) -> tuple[IntArray, IntArray]:
        """Rows of several lengths, and their mask."""
        texts = self.tokenise([" ".join(_SAMPLE[: k + 1]) for k in range(len(_SAMPLE))])
        longest = max(len(tokens.ids) for tokens in texts) + 2
        ids = np.zeros((len(texts), min(longest, self.bundle.max_tokens)), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(texts):
            whole = [self.ends[0], *tokens.ids[: ids.shape[1] - 2].tolist(), self.ends[1]]
            ids[row, : len(whole)] = whole
            mask[row, : len(whole)] = 1
        return ids, mask

    def _refuse_another_opinion(self, default: list[FloatArray], other: list[FloatArray]) -> None:
        """Raise RunError where an engine says something else than the default one does.

        Libraries and processors are many, and a fault in one of them (we met one) would look like an opinion.
        """
        for head, first, second in zip(self.bundle.heads, default, other, strict=True):
            gap = np.abs(head.probabilities(first) - head.probabilities(second)).max()
            if not gap <= MOST_APART:  # also where it is no number
                known = facts(self.device)
                raise RunError(
                    f"--device {self.device}",
                    f"{known['library']} {known['version']} gives other probabilities than the default on this machine "
                    f"(head {head.name!r}: {gap:.3f} apart, {MOST_APART} is allowed)",
                    do=f"Use --device cpu, or another version of {known['library']}, and tell us of it",
                )

    @cached_property
    def ends(self) -> tuple[int, int]:
        """The ids of the tokens that open and close a sequence."""
        ids = self._tokenizer.encode("", add_special_tokens=True).ids
        return ids[0], ids[-1]

    def load(self) -> None:
        """Load tokeniser and graph now rather than at first use."""
        _ = self._engine, self.ends

    def tokenise(self, texts: list[str]) -> list[Tokens]:
        """Whole texts as tokens, whatever their length."""
        tokens = []
        for first in range(0, len(texts), _TOKENISED_AT_ONCE):  # the tokeniser's own form takes ten times the memory
            for encoding in self._tokenizer.encode_batch(
                texts[first : first + _TOKENISED_AT_ONCE], add_special_tokens=False
            ):
                offsets = np.asarray(encoding.offsets, np.int64).reshape(-1, 2)
                tokens.append(Tokens(np.asarray(encoding.ids, np.int64), offsets[:, 0], offsets[:, 1]))
        return tokens

    def logits(self, ids: IntArray, mask: IntArray) -> dict[str, FloatArray]:
        """Logits of every head (rows by labels) for padded rows of token ids and their mask (rows by tokens)."""
        names = [head.name for head in self.bundle.heads]
        return dict(zip(names, self._engine.run(names, ids, mask), strict=True))

    def embeddings(self, ids: IntArray, mask: IntArray) -> FloatArray:
        """The pooled embedding (rows by width) for padded rows of token ids and their mask (rows by tokens).

        Raises BundleError where the graph has no such output.
        """
        if "embedding" not in self._engine.outputs:
            raise BundleError(str(self.folder / GRAPH), "the graph gives no embedding", do=_RESTORE)
        return self._engine.run(["embedding"], ids, mask)[0]


def device_for(asked: str, folder: Path) -> Device:
    """The device that a value of --device means here for the model in `folder`. Raises UsageError, BundleError."""
    return choose(asked, whole=asked == "auto" and FLOATS in read_bundle(folder)[0].files)


def read_bundle(folder: Path) -> tuple[Bundle, str]:
    """Read and verify `folder`; return its description and the sha256 of `bundle.json`, which fixes all its files."""
    path = folder / BUNDLE_FILE
    if not path.exists():
        raise BundleError(
            str(folder), f"no {BUNDLE_FILE} here, so this is not a model folder", do="Give --model a model folder"
        )
    raw = path.read_bytes()
    try:
        bundle = Bundle.model_validate(json.loads(raw))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BundleError(str(path), f"key {key!r}: {first['msg']}", do=_RESTORE) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(str(path), f"not valid JSON: {error}", do=_RESTORE) from error
    for name in (GRAPH, "tokenizer.json"):
        if name not in bundle.files:
            raise BundleError(str(path), f"files lists no {name}", do=_RESTORE)
    # ONNX Runtime loads a graph with a flipped bit without a word, so the hashes are checked first.
    for name, expected in bundle.files.items():
        _verify(folder / name, expected)
    return bundle, hashlib.sha256(raw).hexdigest()


def _verify(path: Path, expected: BundleFile) -> None:
    if not path.exists():
        raise BundleError(str(path), f"missing, though {BUNDLE_FILE} lists it", do=_RESTORE)
    if (size := path.stat().st_size) != expected.bytes:
        raise BundleError(
            str(path),
            f"its size is not what {BUNDLE_FILE} records ({size:,} bytes, recorded {expected.bytes:,}): "
            "damaged or changed",
            do=_RESTORE,
        )
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != expected.sha256:
        raise BundleError(
            str(path),
            f"its content is not what {BUNDLE_FILE} records (sha256 {digest.hexdigest()[:12]}…, "
            f"recorded {expected.sha256[:12]}…): damaged or changed",
            do=_RESTORE,
        )
