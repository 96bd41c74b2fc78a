"""The training configuration: one YAML file, unknown keys refused. Its sha256 stands in the bundle it makes."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from cxsentiment.errors import UsageError
from cxsentiment.model import BUNDLE_FILE, read_bundle
from cxsentiment.strict_yaml import OnceOnly

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]

# Names of the sources that a team brings itself (campaign.py); all others stand in catalogue.py.
CAMPAIGN = "campaign"
TRANSCRIPTS = "transcripts"
# What a recipe takes from the bundle it starts from: the shape, and the split, so that turns which the start model was
# calibrated on stay out of training.
_FROM_START = ("encoder", "layers", "acts_pooling", "split")
_ROOT = Path(__file__).parents[1]


def _several(value: object) -> object:
    """One start model may stand alone, without a list."""
    return (value,) if isinstance(value, str) else value


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


def _calibrates(split: Split) -> Split:
    if not split.dev:
        raise ValueError("`dev` must be greater than 0, for the model is calibrated on that part")
    return split


class Augment(_Strict):
    """Chance of each change to a turn of the project's own sources; the changes are described in augment.py."""

    asr: Share
    marks: Share
    social: Share
    typos: Share
    compose: Share


class Loss(_Strict):
    """Weights of the two heads' losses and the treatment of rare acts.

    `acts_pooled` is the share of the acts loss taken after the maximum over turn and sentences (sentences teach, too);
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


class Transcripts(SourceUse):
    """Use of a team's unlabelled turns: at most `turns` distinct ones, with the start model's probabilities."""

    turns: Count


class Campaign(_Strict):
    """Use of a team's own labelled and unlabelled turns.

    `dev` and `test` are the shares of its contacts that calibrate and measure. At least `least` labelled turns are
    asked for, and `least_test` for the measure. In the calibration each of the dev turns counts `calibration` times.
    """

    labelled: SourceUse
    transcripts: Transcripts
    dev: Share
    test: Share
    least: Count
    least_test: Count
    calibration: Annotated[int, Field(ge=1)]


class Config(_Strict):
    """One training recipe. With `start`, a bundle's folder, training goes on from its weights; from the mean of the
    weights where several are named (model soups, Wortsman et al. 2022), which must come from one encoder. With
    `mean_with_start` the result is the mean of what was trained and of what it started from (Wortsman et al. 2022,
    "Robust fine-tuning of zero-shot models"): steadier on talk that training showed little of.
    """

    name: str
    version: str
    seed: Annotated[int, Field(ge=0, lt=1 << 63)]  # what torch takes
    start: Annotated[tuple[str, ...], Field(max_length=8), BeforeValidator(_several)] = ()
    mean_with_start: bool = False
    encoder: str
    layers: Annotated[int, Field(ge=1, le=12)]
    words: Literal["trained", "frozen"]
    acts_pooling: Literal["mean", "attention"]
    dropout: Share
    max_tokens: Annotated[int, Field(ge=16, le=512)]
    precision: Literal["fp32", "bf16"]
    storage: Literal["fp32", "fp16", "fp16+int8", "whole"]
    split: Annotated[Split, AfterValidator(_calibrates)]
    sources: Annotated[dict[str, SourceUse], Field(min_length=1)]
    augment: Augment
    loss: Loss
    optimiser: Optimiser
    campaign: Campaign | None = None

    @model_validator(mode="after")
    def _campaign_starts_somewhere(self) -> "Config":
        if self.campaign is not None and len(self.start) != 1:
            raise ValueError("a campaign needs one `start`, the model that it adapts and is compared with")
        if self.mean_with_start and not self.start:
            raise ValueError("`mean_with_start` needs a `start`")
        return self

    @property
    def sha256(self) -> str:
        """Hash of the settings (not of the file's spacing or comments)."""
        return hashlib.sha256(self.model_dump_json(exclude_none=True).encode()).hexdigest()

    @property
    def uses(self) -> dict[str, SourceUse]:
        """Every source by name, a team's own among them."""
        if self.campaign is None:
            return self.sources
        return self.sources | {CAMPAIGN: self.campaign.labelled, TRANSCRIPTS: self.campaign.transcripts}


def start_folders(config: Config) -> list[Path]:
    """The bundles that a recipe starts from; UsageError where one is not there."""
    return [start_folder(start) for start in config.start]


def start_folder(start: str) -> Path:
    """The bundle's folder that a recipe names: from where the command runs, else from the checkout's root."""
    for folder in (Path(start), _ROOT / start):
        if (folder / BUNDLE_FILE).exists():
            return folder
    raise UsageError(f"start {start!r}", f"no model folder (no {BUNDLE_FILE})", do="Correct the recipe's start")


def read_config(path: Path) -> Config:
    """Read a recipe; UsageError names the key that is wrong.

    A recipe with `start` takes encoder, layers, acts_pooling and split from that bundle's own recipe.
    """
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), OnceOnly)  # nosec B506  # a SafeLoader
    except FileNotFoundError as error:
        raise UsageError(
            str(path), "no such recipe", do="Correct the path; the recipes are in training/configs"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(str(path), "not UTF-8 text", do="Save the file as UTF-8") from error
    except (OSError, yaml.YAMLError, RecursionError) as error:
        raise UsageError(
            str(path), f"cannot be read as YAML: {error}", do="See training/configs/default.yaml"
        ) from error
    if isinstance(raw, dict):
        starts = _several(raw.get("start"))
        for start in starts if isinstance(starts, list | tuple) else ():
            raw |= _inherited(path, raw, str(start))
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "start"  # what the check of several keys is about
        raise UsageError(str(path), f"key {key!r}: {first['msg']}", do="See training/configs/default.yaml") from error


def _inherited(path: Path, raw: dict[str, Any], start: str) -> dict[str, Any]:
    folder = start_folder(start)
    recipe = read_bundle(folder)[0].training.get("recipe")
    if not isinstance(recipe, dict) or not set(_FROM_START) <= set(recipe):
        raise UsageError(
            str(folder), "its bundle.json holds no recipe to go on from", do="Start from a bundle that has"
        )
    for key in _FROM_START:
        if raw.get(key, recipe[key]) != recipe[key]:
            raise UsageError(
                str(path),
                f"key {key!r}: comes from the model it starts from ({recipe[key]})",
                do="Leave the key out",
            )
    return {key: recipe[key] for key in _FROM_START}
