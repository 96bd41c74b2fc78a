"""The training configuration: one YAML file, unknown keys refused. Its sha256 stands in the bundle it makes."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxsentiment.errors import UsageError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceUse(_Strict):
    """How often one epoch visits a source (0.25: a fresh quarter; 3: three times) and the weight of its loss."""

    repeat: Annotated[float, Field(gt=0, le=20)]
    weight: Positive = 1.0


class Split(_Strict):
    """Shares of the conversations (by hash of salt and conversation id) kept for development and for testing."""

    salt: str
    dev: Share
    test: Share


class Augment(_Strict):
    """Chance of each change to a turn of the project's own sources; the changes are described in augment.py."""

    asr: Share
    marks: Share
    social: Share
    typos: Share
    compose: Share


class Loss(_Strict):
    """Weights of the two heads' losses and the treatment of rare acts.

    `acts_pooled` is the share of the acts loss taken after the maximum over turn and sentences (as in scoring);
    the rest is taken on the whole turn alone. `positive_power` p and `positive_cap` c weight the positive cases of an
    act by min(c, (negatives / positives) ** p).
    """

    sentiment: Positive
    acts: Positive
    acts_pooled: Share
    positive_power: Share
    positive_cap: Positive
    smoothing: Share


class Optimiser(_Strict):
    """AdamW with linear warm-up (share of all steps) and linear decay; rates of the encoder and of the heads."""

    encoder_rate: Positive
    head_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    warmup: Share
    epochs: Annotated[int, Field(ge=1, le=20)]
    batch_rows: Annotated[int, Field(ge=1)]
    clip: Positive


class Config(_Strict):
    """One training recipe."""

    name: str
    version: str
    seed: int
    encoder: str
    layers: Annotated[int, Field(ge=1, le=12)]
    words: Literal["trained", "frozen"]
    acts_pooling: Literal["mean", "attention"]
    dropout: Share
    max_tokens: Annotated[int, Field(ge=16, le=512)]
    precision: Literal["fp32", "bf16"]
    storage: Literal["fp32", "fp16", "fp16+int8"]
    split: Split
    sources: Annotated[dict[str, SourceUse], Field(min_length=1)]
    augment: Augment
    loss: Loss
    optimiser: Optimiser

    @property
    def sha256(self) -> str:
        """Hash of the settings (not of the file's spacing or comments)."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_config(path: Path) -> Config:
    """Read a recipe; UsageError names the key that is wrong."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise UsageError(
            str(path), f"cannot be read as YAML: {error}", do="See training/configs/default.yaml"
        ) from error
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(str(path), f"key {key!r}: {first['msg']}", do="See training/configs/default.yaml") from error
