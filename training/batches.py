"""One epoch of training data: every source as often as the recipe says, varied, tokenised, batched by length."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from tokenizers import Tokenizer
from torch import Tensor

from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.text import sentences
from training.augment import composed, variant
from training.catalogue import SOURCES
from training.config import CAMPAIGN, Config, start_folders
from training.model import encoder_folder
from training.sources import LabelledTurn

_MAX_SENTENCES = 6  # of a turn, in one step of training; scoring reads them all
_POOL = 50  # batches sorted by length together


@dataclass(frozen=True, slots=True)
class SoftTurn(LabelledTurn):
    """A turn that a model has labelled: besides the likeliest labels all its probabilities, which are the targets.

    `probabilities` (0-1) stand in the order of SENTIMENTS or of ACTS.
    """

    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """A turn as token ids: the whole first, then (for an agent) its sentences; with targets (0-1) and loss weight."""

    pieces: tuple[tuple[int, ...], ...]
    sentiment: tuple[float, ...] | None
    polar: bool
    acts: tuple[float, ...] | None
    weight: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded rows of pieces (rows by tokens). `pieces` (items by most pieces) holds the rows of each item, the whole
    turn first and again in the place of missing ones; so a maximum over it is the maximum over turn and sentences.
    """

    input_ids: Tensor
    attention_mask: Tensor
    pieces: Tensor
    items: tuple[Item, ...]


def load_tokeniser(config: Config) -> Tokenizer:
    """The tokeniser of the encoder or start model, without truncation and padding, as it goes into the bundle."""
    folder = start_folders(config)[0] if config.start else encoder_folder(config.encoder)
    tokeniser = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokeniser.no_truncation()
    tokeniser.no_padding()
    return tokeniser


def turns_of(rows: Dataset) -> list[LabelledTurn]:
    """The rows of a table as labelled turns."""
    return [
        LabelledTurn(**{**row, "acts": None if row["acts"] is None else tuple(row["acts"])}) for row in rows.to_list()
    ]


def epoch_turns(turns: Sequence[LabelledTurn], config: Config, epoch: int) -> list[tuple[LabelledTurn, float]]:
    """Turns of one epoch with their loss weights, varied and shuffled by the recipe's seed and the epoch's number."""
    chance = random.Random(f"{config.seed}-{epoch}")  # nosec B311  # repeatable by its seed; no secret
    by_source: dict[str, list[LabelledTurn]] = {}
    for turn in turns:
        by_source.setdefault(turn.source, []).append(turn)
    chosen: list[tuple[LabelledTurn, float]] = []
    own: list[LabelledTurn] = []
    for name, use in sorted(config.uses.items()):
        rows = by_source.get(name, [])
        picked = rows * int(use.repeat) + chance.sample(rows, round(len(rows) * (use.repeat % 1)))
        chosen.extend((variant(turn, config.augment, chance), use.weight) for turn in picked)
        if name == CAMPAIGN or (name in SOURCES and SOURCES[name].own):
            own.extend(picked)
    joined = composed(own, config.augment.compose, chance)
    chosen.extend((variant(turn, config.augment, chance), 1.0) for turn in joined)
    chance.shuffle(chosen)
    return chosen


def idle_sources(turns: Sequence[LabelledTurn], config: Config) -> list[str]:
    """The sources of the recipe of which an epoch shows no turn."""
    held = Counter(turn.source for turn in turns)
    return [name for name, use in sorted(config.sources.items()) if not round(held[name] * use.repeat)]


def encode(chosen: Sequence[tuple[LabelledTurn, float]], tokeniser: Tokenizer, config: Config) -> list[Item]:
    """Tokenise turns; pieces beyond `max_tokens` are cut there (scoring reads such turns in windows)."""
    texts: list[str] = []
    counts: list[int] = []
    pooled = config.loss.acts_pooled > 0
    for turn, _ in chosen:
        spans = sentences(turn.text) if pooled and turn.acts is not None else ()
        parts = [turn.text[span.start : span.end] for span in spans[:_MAX_SENTENCES]] if len(spans) > 1 else []
        texts.extend((turn.text, *parts))
        counts.append(1 + len(parts))
    rows = [tuple(encoding.ids) for encoding in tokeniser.encode_batch(texts)]
    last = config.max_tokens - 1
    rows = [row if len(row) <= config.max_tokens else (*row[:last], row[-1]) for row in rows]
    items = []
    start = 0
    for (turn, weight), count in zip(chosen, counts, strict=True):
        mood, acts = _targets(turn)
        items.append(Item(tuple(rows[start : start + count]), mood, turn.polar, acts, weight))
        start += count
    return items


def _targets(turn: LabelledTurn) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    soft = turn.probabilities if isinstance(turn, SoftTurn) else None
    mood = None if turn.sentiment is None else soft or tuple(float(mood == turn.sentiment) for mood in SENTIMENTS)
    acts = None if turn.acts is None else soft or tuple(float(act in turn.acts) for act in ACTS)
    return mood, acts


def batches(items: Sequence[Item], rows: int, seed: str) -> list[list[Item]]:
    """Batches of at most `rows` pieces (or one item), of like length, in random order."""
    chance = random.Random(seed)  # nosec B311  # repeatable by its seed; no secret
    made: list[list[Item]] = []
    for start in range(0, len(items), rows * _POOL):
        batch: list[Item] = []
        filled = 0
        for item in sorted(items[start : start + rows * _POOL], key=lambda item: len(item.pieces[0])):
            if batch and filled + len(item.pieces) > rows:
                made.append(batch)
                batch, filled = [], 0
            batch.append(item)
            filled += len(item.pieces)
        made.append(batch)
    chance.shuffle(made)
    return made


def pad(items: Sequence[Item], step: int = 1) -> Batch:
    """Put the pieces of `items` into one padded tensor (padding id 0, as in the encoder's vocabulary).

    Rows (by copies of the first that nobody reads) and width are rounded up to multiples of `step`, for the processor's
    kernels are prepared anew for every shape.
    """
    rows = [piece for item in items for piece in item.pieces]
    height, width = (-(-size // step) * step for size in (len(rows), max(len(row) for row in rows)))
    ids = torch.zeros(height, width, dtype=torch.int64)
    mask = torch.zeros(height, width, dtype=torch.int64)
    for place, row in enumerate(rows + [rows[0]] * (height - len(rows))):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    most = max(len(item.pieces) for item in items)
    index = []
    start = 0
    for item in items:
        count = len(item.pieces)
        index.append([*range(start, start + count), *[start] * (most - count)])
        start += count
    return Batch(ids, mask, torch.tensor(index), tuple(items))


def epoch_batches(turns: Sequence[LabelledTurn], tokeniser: Any, config: Config, epoch: int) -> Iterator[list[Item]]:
    """Batches of one epoch: the same list for the same recipe, so that a broken run can go on where it stopped."""
    items = encode(epoch_turns(turns, config, epoch), tokeniser, config)
    yield from batches(items, config.optimiser.batch_rows, f"{config.seed}-{epoch}-order")
