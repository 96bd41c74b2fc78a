"""A bundle of a real but tiny network, for tests that train from a bundle.

One layer, for an export takes torch seconds a layer; chance weights.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from toy_bundle import write_toy_bundle

from training.bundle import describe
from training.calibrate import plain_heads
from training.config import Config, read_config
from training.export import export, export_whole
from training.model import Network

RECIPE = Path(__file__).parents[1] / "training" / "configs" / "default.yaml"


def tiny_network(pooling: str, seed: int = 3) -> Network:
    """Chance weights, the heads' large enough that a difference would show."""
    torch.manual_seed(seed)
    shape = transformers.BertConfig(
        vocab_size=120,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    network = Network(transformers.BertModel(shape, add_pooling_layer=False), pooling, 0.0)
    for name, values in network.named_parameters():
        if not name.startswith("encoder.embeddings"):
            torch.nn.init.normal_(values, mean=float("LayerNorm.weight" in name), std=0.2)
    return network.eval()


def tiny_recipe(pooling: str = "attention", storage: str = "fp32") -> Config:
    """The default recipe for the tiny network."""
    return read_config(RECIPE).model_copy(
        update={"layers": 1, "acts_pooling": pooling, "storage": storage, "max_tokens": 32, "precision": "fp32"}
    )


@cache
def _exported(pooling: str) -> dict[str, bytes]:
    """The network's file in each storage. The export takes torch seconds, so all tests of a process share it."""
    with TemporaryDirectory() as folder:
        files = {Path(folder, f"{storage}.onnx"): storage for storage in ("fp32", "fp16", "fp16+int8")}
        export(tiny_network(pooling), files)
        return {storage: path.read_bytes() for path, storage in files.items()}


@cache
def _in_whole_numbers(pooling: str) -> dict[str, bytes]:
    """The files of the network that multiplies in whole numbers, chosen on rows of chance tokens."""
    chance = np.random.default_rng(4)
    rows = [tuple(chance.integers(5, 120, chance.integers(4, 30)).tolist()) for _ in range(100)]
    with TemporaryDirectory() as folder:
        aside = Path(folder) / "aside"
        aside.mkdir()
        export_whole(tiny_network(pooling), Path(folder) / "exact.onnx", aside, rows)
        return {path.name: path.read_bytes() for path in sorted(aside.iterdir())}


def write_tiny_bundle(folder: Path, pooling: str = "attention", storage: str = "fp32") -> Path:
    """Write the bundle (named tiny) into `folder` and return it."""
    words = write_toy_bundle(folder.with_name(folder.name + "-toy"))
    folder.mkdir()
    files = _in_whole_numbers(pooling) if storage == "whole" else {"model.onnx": _exported(pooling)[storage]}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Tokenizer.from_file(str(words / "tokenizer.json")).save(str(folder / "tokenizer.json"))
    config = tiny_recipe(pooling, storage)
    sources = {
        "old_talk": {"licence": "Apache-2.0", "credit": "written for a test"},  # a source that no catalogue knows today
        "posts": {"licence": "CC BY 4.0", "credit": "texts of GoEmotions alone"},  # as it was before more were added
    }
    describe(
        folder, "tiny", config, plain_heads(), {"recipe": config.model_dump(exclude_none=True), "sources": sources}
    )
    return folder
