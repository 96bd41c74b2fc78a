"""Trains a bundle: `python -m training.train training/configs/default.yaml --data ../shared/data --out models/default`.

A run that was stopped goes on from its last checkpoint when it is started again with the same recipe and data.
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from cxsentiment.errors import CxError, UsageError
from training.batches import epoch_batches, load_tokeniser, pad, turns_of
from training.config import Config, read_config
from training.data import Tables, build
from training.losses import batch_loss, positive_weights
from training.model import Network, load_encoder
from training.sources import LabelledTurn

_SAVE_EVERY = 300  # steps
_REPORT_EVERY = 100  # steps
_SHAPE_STEP = 8


@dataclass(slots=True)
class Progress:
    """Where a run stands: epochs done, steps done in the current one, seconds spent so far."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0


def fit(
    network: Network,
    turns: list[LabelledTurn],
    tokeniser: Tokenizer,
    config: Config,
    checkpoint: Path | None,
    say: Callable[[str], None] = print,
) -> Progress:
    """Train `network` in place. With `checkpoint`, save there and go on from there.

    Raises CxError where the loss is no number any more.
    """
    torch.manual_seed(config.seed)
    plans = [list(epoch_batches(turns, tokeniser, config, epoch)) for epoch in range(config.optimiser.epochs)]
    steps = sum(map(len, plans))
    optimiser, schedule = _optimiser(network, config, steps)
    weights = positive_weights(turns, config.loss)
    progress = _resume(checkpoint, network, optimiser, schedule, say)
    started = time.monotonic() - progress.seconds
    network.train()
    running: list[float] = []
    while progress.epoch < config.optimiser.epochs:
        for items in islice(plans[progress.epoch], progress.step, None):
            batch = pad(items, _SHAPE_STEP)
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
                outputs = network(batch.input_ids, batch.attention_mask)
            loss = batch_loss(outputs, batch, weights, config.loss)
            _refuse_not_a_number(loss, progress)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.optimiser.clip)
            optimiser.step()
            schedule.step()
            progress.step += 1
            progress.seconds = time.monotonic() - started
            running.append(loss.item())
            done = sum(map(len, plans[: progress.epoch])) + progress.step
            if done % _REPORT_EVERY == 0 or done == steps:
                left = progress.seconds / done * (steps - done)
                mean = sum(running) / len(running)
                say(f"epoch {progress.epoch + 1}, step {done} of {steps}, loss {mean:.3f}, {left:.0f} s left")
                running.clear()
            if checkpoint and progress.step % _SAVE_EVERY == 0:
                _save(checkpoint, network, optimiser, schedule, progress)
        progress.epoch, progress.step = progress.epoch + 1, 0
        if checkpoint:
            _save(checkpoint, network, optimiser, schedule, progress)
    network.eval()
    return progress


def _refuse_not_a_number(loss: torch.Tensor, progress: Progress) -> None:
    if not torch.isfinite(loss):
        raise CxError(
            f"epoch {progress.epoch + 1}, step {progress.step + 1}",
            f"the loss is {loss.item()}: training has diverged",
            do="Lower optimiser.encoder_rate or optimiser.head_rate, or set precision: fp32; then start again "
            "with --fresh",
        )


def _optimiser(network: Network, config: Config, steps: int) -> tuple[Any, Any]:
    encoder = [parameter for parameter in network.encoder.parameters() if parameter.requires_grad]
    known = {id(parameter) for parameter in network.encoder.parameters()}
    heads = [parameter for parameter in network.parameters() if id(parameter) not in known]
    use = config.optimiser
    groups = [{"params": encoder, "lr": use.encoder_rate}, {"params": heads, "lr": use.head_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=use.weight_decay, fused=True)
    rise = max(1, round(steps * use.warmup))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / rise, max(0.0, (steps - step) / max(1, steps - rise)))
    )
    return optimiser, schedule


def _save(path: Path, network: Network, optimiser: Any, schedule: Any, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "chance": torch.get_rng_state(),
        "progress": (progress.epoch, progress.step, progress.seconds),
    }
    aside = path.with_suffix(".tmp")
    torch.save(state, aside)
    aside.replace(path)


def _resume(path: Path | None, network: Network, optimiser: Any, schedule: Any, say: Callable[[str], None]) -> Progress:
    if path is None or not path.exists():
        return Progress()
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    torch.set_rng_state(state["chance"])
    progress = Progress(*state["progress"])
    say(f"going on from {path}: epoch {progress.epoch + 1}, step {progress.step} (--fresh starts anew)")
    return progress


def checkpoint_of(config: Config, tables: Tables) -> Path:
    """Where the checkpoint of this recipe on this data lies: in the temporary folder, named by their hashes."""
    digest = hashlib.sha256((config.sha256 + repr(sorted(tables.files.items()))).encode()).hexdigest()
    return Path(tempfile.gettempdir()) / f"cxsentiment-{config.name}-{digest[:12]}" / "checkpoint.pt"


def main() -> None:
    """Build the tables, train, calibrate, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sources (training/README.md)")
    parser.add_argument("--out", type=Path, default=Path("models/default"))
    parser.add_argument(
        "--threads", type=int, default=1, help="of the processor; 1 gives the same sums on every run (%(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="start anew even where a checkpoint stands")
    options = parser.parse_args()
    try:
        train(options.config, options.data, options.out, threads=options.threads, fresh=options.fresh)
    except CxError as error:
        raise SystemExit(f"{error.message}") from error


def train(recipe: Path, data: Path, out: Path, *, threads: int, fresh: bool) -> None:
    """Train the recipe of file `recipe` on the sources under `data` and write the bundle to `out`."""
    from training.bundle import write_bundle

    config = read_config(recipe)
    if out.exists() and any(out.iterdir()) and not (out / "bundle.json").exists():
        raise UsageError(str(out), "is not empty and not a model folder", do="Give --out another folder")
    torch.set_num_threads(threads)
    tables = build(data, config)
    turns = turns_of(tables.parts["train"])
    print(f"{len(turns)} training turns; recipe {config.name} {config.version}, sha256 {config.sha256[:12]}")
    tokeniser = load_tokeniser(config)
    torch.manual_seed(config.seed)
    network = Network(load_encoder(config), config.acts_pooling, config.dropout)
    checkpoint = checkpoint_of(config, tables)
    if fresh:
        checkpoint.unlink(missing_ok=True)
    progress = fit(network, turns, tokeniser, config, checkpoint)
    print(f"trained in {progress.seconds:.0f} s; calibrating and exporting")
    write_bundle(network, tokeniser, config, tables, progress.seconds, out)
    checkpoint.unlink(missing_ok=True)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
