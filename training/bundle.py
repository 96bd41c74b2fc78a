"""Writes the model bundle: exports, passes the gates, calibrates, and records where everything comes from."""

import contextlib
import hashlib
import importlib.metadata
import json
import platform
import random
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, f1_score
from tokenizers import Tokenizer

from cxsentiment.abstention import MEASURED
from cxsentiment.errors import CxError, UsageError
from cxsentiment.model import BUNDLE_FILE, FLOATS, GRAPH, WEIGHTS, Bundle, BundleFile, Head, Model, read_bundle
from cxsentiment.schema import ACTS
from training.batches import turns_of
from training.calibrate import calibrate_acts, calibrate_sentiment, plain_heads, scores_of, targets_of
from training.catalogue import SOURCES
from training.config import CAMPAIGN, Config, start_folders
from training.data import Part, Tables, calibrates, counts
from training.export import export, export_whole
from training.model import Network
from training.parity import check, measure
from training.sources import LabelledTurn

_DEFAULT = Path(__file__).parents[1] / "models" / "default"
_ROUNDED_ON = 2000  # training texts on which the whole numbers of storage `whole` are chosen
_TOLD = ("MODEL_CARD.md", "campaign.json")  # what is written of a model once it lies there
_LIBRARIES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime", "numpy")


def check_folder(out: Path, config: Config) -> None:
    """Raise UsageError where `out` holds something else, the model that is started from, or another recipe's default.

    Only a recipe named `default` that adapts to no campaign may write a model of that name.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(str(out), "is a file", do="Give --out a folder")
    if out.exists() and any(out.iterdir()) and not (out / BUNDLE_FILE).exists():
        raise UsageError(str(out), "is not empty and not a model folder", do="Give --out another folder")
    there = _json(out / BUNDLE_FILE).get("name")
    adapts = config.campaign is not None or config.name != "default"
    if adapts and (out.resolve() == _DEFAULT or "default" in (there, out.resolve().name)):
        raise UsageError(
            str(out),
            f"is the default model's place, and the recipe {config.name!r} does not make it",
            do="Give --out a folder of its own, such as models/mycampaign",
        )
    if out.resolve() in [folder.resolve() for folder in start_folders(config)]:
        raise UsageError(str(out), "is the model that training starts from", do="Give --out another folder")
    try:  # now, for training may take hours
        there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
        with tempfile.TemporaryDirectory(dir=there):
            pass
    except OSError as error:
        raise UsageError(str(out), f"cannot be written: {error.strerror}", do="Give --out another folder") from error


def write_bundle(
    network: Network,
    tokeniser: Tokenizer,
    config: Config,
    tables: Tables,
    training: dict[str, object],
    out: Path,
    split: dict[str, object] | None = None,
) -> Bundle:
    """Export `network` and write the finished bundle to `out` (replaced file by file); return its description.

    `training`: where it comes from (see `origin`); `split`: which conversations were kept from training, where the
    tables and the start models do not tell. A campaign's model is called as its folder.
    """
    name = config.name if config.campaign is None else out.resolve().name
    dev = weighed(turns_of(tables.parts["dev"]), config)
    with tempfile.TemporaryDirectory() as scratch:
        aside = Path(scratch) / "bundle"
        aside.mkdir()
        exact = Path(scratch) / "exact.onnx"
        if config.storage == "whole":
            export_whole(network, exact, aside, _some_training_texts(tables, tokeniser, config))
        else:
            export(network, {exact: "fp32", aside / GRAPH: config.storage})
        tokeniser.save(str(aside / "tokenizer.json"))
        (aside / "split.json").write_text(
            json.dumps(split or _split(config, tables), indent=1) + "\n", encoding="utf-8"
        )
        describe(aside, name, config, plain_heads(), training)
        heads = calibrated_heads(Model(aside), dev)
        parity = measure(network, exact, aside / GRAPH, [turn.text for turn in dev], tokeniser, heads)
        check(parity)
        training = training | {"parity": _rounded(asdict(parity))}
        describe(aside, name, config, heads, training)
        figures = dev_figures(Model(aside), dev)
        bundle = describe(aside, name, config, heads, training | {"dev": figures})
        put(aside, out)
    return bundle


def put(aside: Path, out: Path) -> None:
    """Copy a finished bundle over the one in `out`, and take away what was measured on that.

    Nothing is replaced before all is copied, so that a full disk leaves the old bundle whole. Raises CxError.
    """
    parts = {path: out / f"{path.name}.part" for path in sorted(aside.iterdir())}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, part in parts.items():
            shutil.copyfile(path, part)
        for name in (MEASURED, *_TOLD, FLOATS, WEIGHTS):  # an earlier bundle may have had files that this one has not
            (out / name).unlink(missing_ok=True)
        for path, part in parts.items():
            part.replace(out / path.name)
    except OSError as error:
        with contextlib.suppress(OSError):
            for part in parts.values():
                part.unlink(missing_ok=True)
        megabytes = sum(path.stat().st_size for path in parts) / 1e6
        raise CxError(
            str(out),
            f"the model ({megabytes:.0f} MB) cannot be written: {error.strerror}",
            do="Make room there or give --out another folder; the same command goes on from its checkpoint",
        ) from error


def _some_training_texts(tables: Tables, tokeniser: Tokenizer, config: Config) -> list[tuple[int, ...]]:
    texts = sorted({turn.text for turn in turns_of(tables.parts["train"])})
    random.Random(config.seed).shuffle(texts)  # nosec B311
    return [tuple(encoding.ids)[: config.max_tokens] for encoding in tokeniser.encode_batch(texts[:_ROUNDED_ON])]


def weighed(dev: list[LabelledTurn], config: Config) -> list[LabelledTurn]:
    """The development turns of talk that is scored, those of a campaign as many times as its recipe says."""
    dev = [turn for turn in dev if calibrates(turn.source)]
    if config.campaign is None:
        return dev
    own = [turn for turn in dev if turn.source == CAMPAIGN]
    return dev + own * (config.campaign.calibration - 1)


def calibrated_heads(model: Model, dev: list[LabelledTurn]) -> tuple[Head, ...]:
    """The heads with their numbers fitted to the development turns; `model` has plain heads."""
    scores, targets = scores_of(model, dev), targets_of(dev)
    found = {
        "sentiment": calibrate_sentiment(scores[0], targets[0]),
        "acts": calibrate_acts(scores[1], targets[1]),
    }
    return tuple(
        Head(**head.model_dump() | {"temperatures": found[head.name].temperatures, "biases": found[head.name].biases})
        for head in plain_heads()
    )


def dev_figures(model: Model, dev: list[LabelledTurn]) -> dict[str, float]:
    """Figures by which recipes are chosen; fitted to these turns by the calibration, so no estimate of quality."""
    (mood, acts), (mood_true, acts_true) = scores_of(model, dev), targets_of(dev)
    held = [k for k in range(len(ACTS)) if acts_true[:, k].any()]
    figures = {
        "sentiment_macro_f1": f1_score(mood_true, mood.argmax(1), average="macro"),
        "acts_macro_f1": f1_score(acts_true, acts > 0.5, average="macro", zero_division=0.0),
        "acts_micro_f1": f1_score(acts_true, acts > 0.5, average="micro"),
        "acts_macro_ap": np.mean([average_precision_score(acts_true[:, k], acts[:, k]) for k in held]),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}


def describe(folder: Path, name: str, config: Config, heads: tuple[Head, ...], training: dict[str, object]) -> Bundle:
    """Write `bundle.json` for the files that lie in `folder`."""
    files = {
        path.name: BundleFile(sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)
        for path in sorted(folder.iterdir())
        if path.name != BUNDLE_FILE
    }
    bundle = Bundle(
        format=1,
        name=name,
        version=config.version,
        files=files,
        max_tokens=config.max_tokens,
        heads=heads,
        training=training,
    )
    (folder / BUNDLE_FILE).write_text(bundle.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return bundle


def _split(config: Config, tables: Tables) -> dict[str, object]:
    """Which conversations were kept from training, of the start model's too; all others were trained on."""
    before = [_json(folder / "split.json") for folder in start_folders(config)]

    def kept(part: Part) -> list[str]:
        key = f"{part}_conversations"
        return sorted({*tables.conversations(part)}.union(*(split.get(key, ()) for split in before)))

    return {
        "rule": "sha256(salt:conversation), first 8 bytes / 2^64: < test: test; < test + dev: dev; else train",
        **config.split.model_dump(),
        "dev_conversations": kept("dev"),
        "test_conversations": kept("test"),
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(str(path), f"cannot be read as JSON: {error}", do="Restore or remove the folder") from error
    if not isinstance(found, dict):
        raise UsageError(str(path), "not a JSON object", do="Restore or remove the folder")
    return found


def origin(config: Config, tables: Tables, seconds: float) -> dict[str, object]:
    """What `bundle.json` says of where a network comes from; `seconds` of training."""
    starts = [read_bundle(folder) for folder in start_folders(config)]
    sources: dict[str, object] = dict.fromkeys(config.sources)
    for folder in start_folders(config):
        # What a start model learnt from is in its weights still, and its credits are owed still.
        sources |= _json(folder / BUNDLE_FILE)["training"].get("sources", {})
    # The catalogue's credit is the later one: what a start recorded may lack makers whose texts were added since.
    now = {name: SOURCES[name] for name in sources if name in SOURCES}
    sources |= {name: {"licence": source.licence, "credit": source.credit} for name, source in now.items()}
    return {
        "recipe": config.model_dump(exclude_none=True),
        "recipe_sha256": config.sha256,
        "files": tables.files,
        "sources": dict(sorted(sources.items())),
        "start": {f"{start.name} {start.version}": sha256 for start, sha256 in starts},
        "turns": {part: {k: dict(v) for k, v in counts(rows).items()} for part, rows in tables.parts.items()},
        "dropped": tables.dropped,
        "seconds": round(seconds),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: value if isinstance(value, int) else float(f"{value:.3g}") for name, value in values.items()}
