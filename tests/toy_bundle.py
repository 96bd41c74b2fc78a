"""A tiny model bundle for tests: a hand-made graph that knows a few dozen cue words, built in milliseconds.

Each cue word raises one label ("sorry" → apologise, "terrible" → negative); a text has a label when it holds one of
its cue words. The graph is an embedding lookup, a maximum over the tokens and one linear layer per head, so a text
scores the same alone and in any batch, and a test can tell in advance what the model will say.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from cxsentiment.schema import ACTS, SENTIMENTS

CUES: dict[str, tuple[str, ...]] = {
    "negative": ("terrible", "angry", "awful", "worst", "ridiculous", "unacceptable", "frustrated", "upset", "again"),
    "neutral": (),
    "positive": ("thanks", "great", "perfect", "lovely", "brilliant", "wonderful", "happy"),
    "acknowledge": ("understand", "frustrating", "stressful"),
    "apologise": ("sorry", "apologise", "apologies"),
    "reassure": ("worry", "promise"),
    "appreciate": ("thank", "patience"),
    "greet": ("hello", "hi", "welcome"),
    "identify": ("speaking", "name"),
    "offer_help": ("help", "assist"),
    "verify": ("number", "birth", "postcode"),
    "probe": ("which", "when", "what"),
    "confirm": ("right", "correct"),
    "hold": ("moment", "hold", "check"),
    "inform": ("refund", "price", "because", "will", "is"),
    "check_resolved": ("solved", "fixed"),
    "further_help": ("else",),
    "close": ("goodbye", "bye"),
    "transfer": ("transfer", "supervisor"),
    "unprofessional": ("stupid", "idiot", "whatever"),
}
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_LABELS = SENTIMENTS + ACTS
_INPUTS = ("input_ids", "attention_mask")
_LOGIT = 6.0  # of a label whose cue is there; p = 0.998


def write_toy_bundle(folder: Path) -> Path:
    """Write the toy bundle into `folder` (made where missing) and return it; the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary()
    _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    (folder / "model.onnx").write_bytes(_graph(vocabulary).SerializeToString(deterministic=True))
    files = {}
    for name in ("model.onnx", "tokenizer.json"):
        content = (folder / name).read_bytes()
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    bundle = {
        "format": 1,
        "name": "toy",
        "version": "0",
        "files": files,
        "max_tokens": 32,
        "heads": [
            _head("sentiment", "customer", "single", SENTIMENTS, "turn"),
            _head("acts", "agent", "multi", ACTS, "sentence"),
        ],
        "training": {"note": "hand-made for tests"},
    }
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=2) + "\n", encoding="utf-8")
    return folder


def _vocabulary() -> dict[str, int]:
    words = sorted({word for cues in CUES.values() for word in cues})
    return {word: place for place, word in enumerate((*_SPECIAL, *words))}


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return tokenizer


def _graph(vocabulary: dict[str, int]) -> onnx.ModelProto:
    """Embedding (words by labels, 1 where the word is a cue), maximum over tokens, one linear layer per head."""
    width = len(_LABELS)
    words = np.zeros((len(vocabulary), width), np.float32)
    for place, label in enumerate(_LABELS):
        for cue in CUES[label]:
            words[vocabulary[cue], place] = 1.0
    constants = {
        "words": words,
        "last": np.array([-1], np.int64),
        "tokens": np.array([1], np.int64),
    }
    bias = np.full(width, -_LOGIT / 2, np.float32)
    bias[SENTIMENTS.index("neutral")] = 0.0  # wins where there is no cue
    for head, start, end in (("sentiment", 0, len(SENTIMENTS)), ("acts", len(SENTIMENTS), width)):
        constants[f"{head}_weight"] = np.eye(width, dtype=np.float32)[:, start:end] * _LOGIT
        constants[f"{head}_bias"] = bias[start:end]
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["looked_up"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3d"]),
        helper.make_node("Mul", ["looked_up", "mask_3d"], ["masked"]),
        helper.make_node("ReduceMax", ["masked", "tokens"], ["embedding"], keepdims=0),
    ]
    nodes += [
        helper.make_node("Gemm", ["embedding", f"{head}_weight", f"{head}_bias"], [head])
        for head in ("sentiment", "acts")
    ]
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in _INPUTS]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in (("sentiment", len(SENTIMENTS)), ("acts", len(ACTS)), ("embedding", width))
    ]
    initialisers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "toy", ids, outputs, initialisers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def _head(name: str, speaker: str, kind: str, labels: tuple[str, ...], evidence: str) -> dict[str, object]:
    n = len(labels)
    return {
        "name": name,
        "speaker": speaker,
        "kind": kind,
        "labels": labels,
        "temperatures": [1.0] * n,
        "biases": [0.0] * n,
        "thresholds": [0.5] * n,
        "evidence": evidence,
    }
