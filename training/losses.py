"""The loss of a batch: cross-entropy for sentiment, weighted binary cross-entropy for acts."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from cxsentiment.schema import ACTS, SENTIMENTS
from training.batches import Batch
from training.config import Loss
from training.sources import LabelledTurn

_NEUTRAL = SENTIMENTS.index("neutral")


def positive_weights(turns: Sequence[LabelledTurn], loss: Loss) -> Tensor:
    """Weight of the positive cases of each act: min(cap, (negatives / positives) ** power)."""
    acts = [set(turn.acts) for turn in turns if turn.acts is not None]
    found = torch.tensor([float(sum(act in present for present in acts)) for act in ACTS])
    return ((len(acts) - found) / found).pow(loss.positive_power).clamp(max=loss.positive_cap)


def batch_loss(outputs: tuple[Tensor, Tensor, Tensor], batch: Batch, weights: Tensor, loss: Loss) -> Tensor:
    """Sum of both heads' weighted means; `outputs` are the network's for the rows of `batch`."""
    sentiment, acts = outputs[0].float(), outputs[1].float()
    total = sentiment.new_zeros(())
    customers = [place for place, item in enumerate(batch.items) if item.sentiment is not None]
    agents = [place for place, item in enumerate(batch.items) if item.acts is not None]
    share = torch.tensor([item.weight for item in batch.items])
    if customers:
        logits = sentiment[batch.pieces[customers, 0]]
        total = total + loss.sentiment * _sentiment(logits, batch, customers, loss.smoothing, share)
    if agents:
        target = torch.tensor([batch.items[place].acts for place in agents], dtype=torch.float32)
        target = target * (1 - loss.smoothing) + loss.smoothing / 4
        whole = functional.binary_cross_entropy_with_logits(
            acts[batch.pieces[agents, 0]], target, pos_weight=weights, reduction="none"
        )
        each = whole.mean(1)
        if loss.acts_pooled:
            highest = acts[batch.pieces[agents]].amax(1)
            pooled = functional.binary_cross_entropy_with_logits(highest, target, pos_weight=weights, reduction="none")
            each = (1 - loss.acts_pooled) * each + loss.acts_pooled * pooled.mean(1)
        total = total + loss.acts * (each * share[agents]).sum() / share[agents].sum() * len(agents) / len(share)
    return total


def _sentiment(logits: Tensor, batch: Batch, customers: list[int], smoothing: float, share: Tensor) -> Tensor:
    polar = torch.tensor([batch.items[place].polar for place in customers])
    target = torch.tensor([batch.items[place].sentiment for place in customers], dtype=torch.float32)
    # Reviews say good or bad and nothing about neutral: there, neutral takes no part in the loss.
    masked = logits.clone()
    masked[:, _NEUTRAL] = torch.where(polar, torch.full_like(masked[:, _NEUTRAL], -1e4), masked[:, _NEUTRAL])
    log_p = torch.log_softmax(masked, 1)
    hit = -(log_p * target).sum(1)
    even = -torch.where(polar[:, None], log_p[:, [0, 2]].mean(1, keepdim=True), log_p.mean(1, keepdim=True)).squeeze(1)
    each = (1 - smoothing) * hit + smoothing * even
    return (each * share[customers]).sum() / len(batch.items)
