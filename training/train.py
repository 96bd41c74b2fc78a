"""Trains a bundle: `python -m training.train training/configs/default.yaml --data ../shared/data --out models/default`.

With a campaign's recipe it adapts a bundle to a team's own turns, and says whether that made it better:
`python -m training.train training/configs/campaign.yaml --labels turns.csv --data transcripts --out models/mycampaign`.
A run that was stopped goes on from its last checkpoint when it is started again with the same recipe and data.
"""

import argparse
import contextlib
import glob
import hashlib
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from cxsentiment.errors import CxError, ExitCode, UsageError
from cxsentiment.ingest.options import ReadOptions, parse_map, parse_roles
from cxsentiment.model import read_bundle
from training.batches import Item, epoch_batches, idle_sources, load_tokeniser, pad, turns_of
from training.campaign import Material, Team, gather
from training.config import Config, read_config, start_folders
from training.data import Tables, build, refuse_one_sided
from training.losses import batch_loss, positive_weights
from training.model import Network, load_encoder
from training.sources import LabelledTurn
from training.weights import load_network, mean_of

_SAVE_EVERY = 300  # steps
_SAVE_AFTER = 120  # seconds: steps are slow where other work shares the processor
_REPORT_EVERY = 100  # steps
_SHAPE_STEP = 8
_GOES_ON = "the same command goes on from the last checkpoint, if one was written"
_NO_MEMORY = ("not enough memory", "allocate memory")  # what torch says, by system


@dataclass(slots=True)
class Progress:
    """Where a run stands: epochs done, steps done in the current one, seconds spent so far."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0


def fit(
    network: Network,
    turns: Sequence[LabelledTurn],
    tokeniser: Tokenizer,
    config: Config,
    checkpoint: Path | None,
    say: Callable[[str], None] = print,
) -> Progress:
    """Train `network` in place. With `checkpoint`, save there and go on from there.

    Raises CxError where the loss is no number any more, and UsageError where there is nothing to train on.
    """
    torch.manual_seed(config.seed)
    plans = [list(epoch_batches(turns, tokeniser, config, epoch)) for epoch in range(config.optimiser.epochs)]
    steps = sum(map(len, plans))
    if not steps:
        raise UsageError(f"recipe {config.name}", "trains on no turn", do="Raise the `repeat` of its sources")
    optimiser, schedule = _optimiser(network, config, steps)
    weights = positive_weights(turns, config.loss)
    progress = _resume(checkpoint, network, optimiser, schedule, say)
    saved = time.monotonic()
    started = saved - progress.seconds
    network.train()
    running: list[float] = []
    while progress.epoch < config.optimiser.epochs:
        for items in islice(plans[progress.epoch], progress.step, None):
            running.append(_step(network, items, weights, optimiser, config, progress))
            schedule.step()
            progress.step += 1
            progress.seconds = time.monotonic() - started
            done = sum(map(len, plans[: progress.epoch])) + progress.step
            if done % _REPORT_EVERY == 0 or done == steps:
                left = progress.seconds / done * (steps - done)
                mean = sum(running) / len(running)
                say(f"epoch {progress.epoch + 1}, step {done} of {steps}, loss {mean:.3f}, {left:.0f} s left")
                running.clear()
            if checkpoint and (progress.step % _SAVE_EVERY == 0 or time.monotonic() - saved > _SAVE_AFTER):
                _save(checkpoint, network, optimiser, schedule, progress)
                saved = time.monotonic()
        progress.epoch, progress.step = progress.epoch + 1, 0
        if checkpoint:
            _save(checkpoint, network, optimiser, schedule, progress)
    network.eval()
    return progress


def _step(
    network: Network, items: list[Item], weights: torch.Tensor, optimiser: Any, config: Config, progress: Progress
) -> float:
    """One step of the optimiser; returns the loss."""
    try:
        batch = pad(items, _SHAPE_STEP)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
            outputs = network(batch.input_ids, batch.attention_mask)
        loss = batch_loss(outputs, batch, weights, config.loss)
        _refuse_not_a_number(loss, progress)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.optimiser.clip)
        optimiser.step()
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
            raise CxError(
                f"epoch {progress.epoch + 1}, step {progress.step + 1}",
                "there is not enough memory for a batch",
                do=f"Lower optimiser.batch_rows (now {config.optimiser.batch_rows}) in the recipe and start again",
            ) from error
        raise
    return float(loss.item())


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
    state = {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "chance": torch.get_rng_state(),
        "progress": (progress.epoch, progress.step, progress.seconds),
    }
    aside = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, aside)
        aside.replace(path)
    except (OSError, RuntimeError) as error:  # of a full disk torch speaks in words of its own, as RuntimeError
        with contextlib.suppress(OSError):
            aside.unlink()
        raise CxError(
            str(path),
            "the checkpoint cannot be written (the disk may be full)",
            do="Make room there, or name a folder with room in the variable TMPDIR, and give the same command again",
        ) from error


def _resume(path: Path | None, network: Network, optimiser: Any, schedule: Any, say: Callable[[str], None]) -> Progress:
    if path is None or not path.exists():
        return Progress()
    try:
        state = torch.load(path, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["chance"])
        progress = Progress(*state["progress"])
    except Exception as error:  # a damaged file fails in many ways
        raise CxError(str(path), f"this checkpoint cannot be read: {error}", do="Start anew with --fresh") from error
    say(f"going on from {path}: epoch {progress.epoch + 1}, step {progress.step} (--fresh starts anew)")
    return progress


def checkpoint_of(config: Config, tables: Tables) -> Path:
    """Where the checkpoint of this recipe on these turns lies: in the temporary folder, named by their hashes.

    The hashes of the files do not suffice: another version of a reader makes other turns of the same files.
    """
    start = "".join(read_bundle(folder)[1] for folder in start_folders(config))
    digest = hashlib.sha256(
        (config.sha256 + start + repr(sorted(tables.files.items())) + tables.taught).encode()
    ).hexdigest()
    return Path(tempfile.gettempdir()) / f"cxsentiment-{config.name}-{digest[:12]}" / "checkpoint.pt"


def _unfinished(config: Config) -> list[str]:
    """The folders that hold a checkpoint of a recipe of this name."""
    found = Path(tempfile.gettempdir()).glob(f"cxsentiment-{glob.escape(config.name)}-*/checkpoint.pt")
    return sorted(str(path.parent) for path in found)


def main() -> None:
    """Build the tables, train, calibrate, export; after a campaign, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument(
        "--data", type=Path, help="folder of the sources (training/README.md); for a campaign, of its transcripts"
    )
    parser.add_argument("--out", type=Path, help="folder to write; models/NAME otherwise, by the recipe's name")
    parser.add_argument(
        "--labels", type=Path, action="append", default=[], help="a campaign's labelled turns (CSV, JSONL); repeatable"
    )
    parser.add_argument("--run", type=Path, help="run folder that holds the texts of labels without a text")
    parser.add_argument("--map", action="append", default=[], help="a transcripts' column: OURS=YOURS; repeatable")
    parser.add_argument("--role", action="append", default=[], help="a transcripts' speaker: LABEL=SPEAKER; repeatable")
    parser.add_argument(
        "--threads", type=int, default=1, help="of the processor; 1 gives the same sums on every run (%(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="start anew even where a checkpoint stands")
    options = parser.parse_args()
    try:
        reading = ReadOptions(parse_map(options.map), parse_roles(options.role))
        team = (
            Team(tuple(options.labels), options.run, options.data, reading) if options.labels or options.run else None
        )
        with _stopped_alike():
            train(options.config, options.data, options.out, team=team, threads=options.threads, fresh=options.fresh)
    except CxError as error:
        raise SystemExit(f"{error.message}") from error
    except OSError as error:
        where, what = error.filename or "a file", error.strerror or error
        raise SystemExit(f"{where}: {what}. Mend that, and give the same command again: {_GOES_ON}") from error
    except KeyboardInterrupt:
        print(f"interrupted: {_GOES_ON}")
        raise SystemExit(ExitCode.INTERRUPTED) from None


@contextlib.contextmanager
def _stopped_alike() -> Iterator[None]:
    """SIGTERM, by which schedulers and `timeout` stop a run, is told as Ctrl-C is."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def train(
    recipe: Path,
    data: Path | None,
    out: Path | None,
    *,
    team: Team | None = None,
    threads: int = 1,
    fresh: bool = False,
) -> Path:
    """Train the recipe of file `recipe` and write the bundle to `out`; return that folder.

    `data` is the folder of the sources. A campaign's recipe takes what the `team` brings instead.
    """
    from training.bundle import check_folder, origin, write_bundle

    if threads < 1:
        raise UsageError("--threads", f"{threads} threads cannot train", allowed="1 or more", do="Correct the number")
    config = read_config(recipe)
    out = out or Path("models") / config.name
    check_folder(out, config)
    torch.set_num_threads(threads)
    tables, turns, material = _read(config, data, team)
    refuse_one_sided(tables.parts["dev"])
    print(f"{len(turns)} training turns; recipe {config.name} {config.version}, sha256 {config.sha256[:12]}")
    for name in idle_sources(turns, config):
        print(f"source {name} gives no turn to an epoch: its `repeat` is too small, or all its turns were left out")
    tokeniser = load_tokeniser(config)
    torch.manual_seed(config.seed)
    network = _network(config)
    checkpoint = checkpoint_of(config, tables)
    if fresh:
        checkpoint.unlink(missing_ok=True)
    if not checkpoint.exists() and (others := _unfinished(config)):
        print(
            "starts anew; unfinished runs with other labels, transcripts, start model or values of this recipe (each "
            f"goes on with its own; delete those that nobody needs): {', '.join(others)}"
        )
    progress = fit(network, turns, tokeniser, config, checkpoint)
    if config.mean_with_start:
        network = mean_of([network, _network(config)]).eval()
    print(f"trained in {progress.seconds:.0f} s; calibrating and exporting")
    write_bundle(network, tokeniser, config, tables, origin(config, tables, progress.seconds), out)
    if material is not None:
        from training.comparison import report, table

        held_out, kept = report(start_folders(config)[0], out, material)
        print("on the campaign:", table(held_out), "on the replay, kept from training:", table(kept), sep="\n")
    shutil.rmtree(checkpoint.parent, ignore_errors=True)
    print(f"wrote {out}")
    return out


def _read(
    config: Config, data: Path | None, team: Team | None
) -> tuple[Tables, Sequence[LabelledTurn], Material | None]:
    """The tables, the training turns, and of a campaign all that it brought."""
    if config.campaign is None and team is not None:
        raise UsageError(
            f"recipe {config.name}",
            "has no part `campaign`, so --labels and --run have no place",
            do="Use training/configs/campaign.yaml",
        )
    if config.campaign is not None:
        if team is None or not team.labels:
            raise UsageError(f"recipe {config.name}", "needs a campaign's labelled turns", do="Give --labels FILE")
        material = gather(config, team)
        print(*material.notes, sep="\n")
        return material.tables, [*turns_of(material.tables.parts["train"]), *material.soft], material
    if data is None:
        raise UsageError("--data", "the folder of the sources is missing", do="See training/README.md")
    tables = build(data, config)
    return tables, turns_of(tables.parts["train"]), None


def _network(config: Config) -> Network:
    """The encoder with new heads, or the whole network of the models that the recipe starts from."""
    if not config.start:
        return Network(load_encoder(config), config.acts_pooling, config.dropout)
    network = mean_of([load_network(folder, config.dropout) for folder in start_folders(config)])
    network.encoder.embeddings.word_embeddings.weight.requires_grad_(config.words == "trained")
    return network


if __name__ == "__main__":
    main()
