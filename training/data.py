"""Labelled sources → train, dev and test: split by conversation, nothing of a test text in training.

`python -m training.data --source ../shared/data --out DIR` writes them as Parquet files with a card for each source
and a manifest of everything with its sha256.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from datasets import Dataset, DatasetDict, Features, List, Value, disable_progress_bars

from cxsentiment.errors import CxError, UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from training import duplicates
from training.catalogue import HELD_OUT, SOURCES, TESTS, Source, source_of
from training.config import CAMPAIGN, Config, Split, read_config
from training.sources import LabelledTurn, as_scored, dataset_file, read_rows, service_talk, sha256
from training.templates import environment

Part = Literal["train", "dev", "test"]
PARTS: tuple[Part, ...] = ("train", "dev", "test")
_SHA_RANGE = 1 << 64
TAUGHT = "dev turn with the words of a campaign's training turn"
_FEATURES = Features(
    {
        **dict.fromkeys(("source", "dataset", "conversation"), Value("string")),
        "turn": Value("int32"),
        **dict.fromkeys(("style", "text", "sentiment"), Value("string")),
        "acts": List(Value("string")),
        "polar": Value("bool"),
    }
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The three parts, every file that gives a label or a text (name → sha256), how many turns were dropped and why."""

    parts: DatasetDict
    files: dict[str, str]
    dropped: dict[str, int]

    def conversations(self, part: Part) -> list[str]:
        """Keys `source/conversation` of the talk in `part`, sorted."""
        rows = self.parts[part]
        return sorted({f"{a}/{b}" for a, b in zip(rows["source"], rows["conversation"], strict=True)})

    @property
    def taught(self) -> str:
        """Hash of the training turns: texts, labels and order."""
        return hashlib.sha256(json.dumps(self.parts["train"].to_list()).encode()).hexdigest()


def part_of(split: Split, conversation: str) -> Part:
    """Part of a conversation, by hash: the same on every machine and for every order of reading."""
    digest = hashlib.sha256(f"{split.salt}:{conversation}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / _SHA_RANGE
    if place < split.test:
        return "test"
    return "dev" if place < split.test + split.dev else "train"


def build(data: Path, config: Config, team: Mapping[Part, Sequence[LabelledTurn]] | None = None) -> Tables:
    """Read every source of `config` and split it. Single texts of other domains only ever go to train.

    `team`: turns of a team's own campaign, already split, that stand beside them (campaign.py).

    A training turn is dropped where it stands in dev or a test with another source's label, has the same words (four or
    more) as a turn of dev or of a test, or nearly the same as a turn of a test (duplicates.py). The team's turns are
    never dropped, for the campaign's split has settled what measures them; dev turns of the sources that say the words
    of its training turns are. Raises UsageError for a
    source that is missing, damaged or of unknown labels, and for a label that no training turn carries.
    """
    files: dict[str, str] = {}
    own: dict[Part, list[LabelledTurn]] = {part: list((team or {}).get(part, ())) for part in PARTS}
    turns: dict[Part, list[LabelledTurn]] = {part: [] for part in PARTS}
    dropped: Counter[str] = Counter()
    for name in sorted(config.sources):
        source = source_of(name)
        path = source.path(data)
        files[source.file] = sha256(path)
        read = list(source.read(path, data))
        files |= _looked_up(source, read, data)
        if source.left_out is not None:
            dropped.update({f"{name}: {reason}": number for reason, number in source.left_out(path).items()})
        for turn in read:
            part = part_of(config.split, turn.conversation) if source.own else "train"
            if part == "test" and not source.tested:
                part = "train"
            if not turn.text:
                dropped[f"{name}: no text"] += 1
            else:
                turns[part].append(turn)
    turns["dev"] = _untaught(turns["dev"], own["train"], dropped)
    turns = {part: [*own[part], *turns[part]] for part in PARTS}
    tests = [turn.text for turn in turns["test"]] + written_tests(TESTS)
    for held_out in HELD_OUT:
        if (data / held_out).exists():
            files[held_out] = sha256(data / held_out)
            tests.extend(_texts(data / held_out))
    taught = _not_of(turns["train"][len(own["train"]) :], (*turns["test"], *turns["dev"]), dropped)
    turns["train"] = own["train"] + _without(taught, tests, [turn.text for turn in turns["dev"]], dropped)
    _refuse_empty(turns["train"])
    parts = DatasetDict({part: Dataset.from_dict(_columns(turns[part]), features=_FEATURES) for part in PARTS})
    return Tables(parts, files, dict(sorted(dropped.items())))


def _looked_up(source: Source, turns: Iterable[LabelledTurn], data: Path) -> dict[str, str]:
    """The datasets that gave the texts of a source's turns, with their sha256; none where its own file holds them."""
    names = sorted({dataset_file(turn.dataset) for turn in turns}) if source.keyed else []
    return {name: sha256(data / name) for name in names}


def _columns(turns: Sequence[LabelledTurn]) -> dict[str, list[Any]]:
    return {name: [getattr(turn, name) for turn in turns] for name in _FEATURES}


def written_tests(folder: Path) -> list[str]:
    """Texts of the tests in this repository: talk by strangers, and the cases of the behaviour tests."""
    talk = [turn.text for path in sorted(folder.glob("bundled/strangers_*.txt")) for turn in service_talk(path, folder)]
    cases = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("behaviour/*.yaml"))]
    return talk + [as_scored(text) for case in cases for text in _strings(case)]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _strings(inner)


def _texts(path: Path) -> list[str]:
    texts: list[str] = []
    for row in read_rows(path):
        texts.extend([row["text"]] if "text" in row else [turn["text"] for turn in row.get("turns", ())])
    return texts


def _not_of(turns: list[LabelledTurn], held: Iterable[LabelledTurn], dropped: Counter[str]) -> list[LabelledTurn]:
    """The turns that do not stand, with a label of another source, among those held out."""
    places = {(turn.dataset, turn.conversation, turn.turn) for turn in held}
    kept = [turn for turn in turns if (turn.dataset, turn.conversation, turn.turn) not in places]
    gone = Counter(turn.source for turn in turns) - Counter(turn.source for turn in kept)
    dropped.update({f"{source}: held out by another label": number for source, number in gone.items()})
    return kept


def _without(turns: list[LabelledTurn], tests: list[str], dev: list[str], dropped: Counter[str]) -> list[LabelledTurn]:
    same = {key for text in (*tests, *dev) if (key := duplicates.key(text))}
    nearly = duplicates.near([turn.text for turn in turns], tests)
    kept = []
    for turn, near in zip(turns, nearly, strict=True):
        if duplicates.key(turn.text) in same:
            dropped[f"{turn.source}: same words as a held-out text"] += 1
        elif near:
            dropped[f"{turn.source}: nearly the same as a test text"] += 1
        else:
            kept.append(turn)
    return kept


def _untaught(dev: list[LabelledTurn], shown: Iterable[LabelledTurn], dropped: Counter[str]) -> list[LabelledTurn]:
    """The dev turns whose words (four or more) a campaign's training turns do not say."""
    same = {key for turn in shown if (key := duplicates.key(turn.text))}
    kept = [turn for turn in dev if duplicates.key(turn.text) not in same]
    gone = Counter(turn.source for turn in dev) - Counter(turn.source for turn in kept)
    dropped.update({f"{source}: {TAUGHT}": number for source, number in gone.items()})
    return kept


def _refuse_empty(turns: Iterable[LabelledTurn]) -> None:
    found = Counter(label for turn in turns for label in ((turn.sentiment,) if turn.acts is None else turn.acts))
    if empty := [label for label in (*SENTIMENTS, *ACTS) if not found[label]]:
        raise UsageError(
            "training data", f"no training turn carries {', '.join(empty)}", do="Add a source that has such turns"
        )


def calibrates(source: str) -> bool:
    """Whether the model is calibrated on the development turns of a source: on a campaign's, and on those of talk."""
    return source == CAMPAIGN or SOURCES[source].calibrates


def refuse_one_sided(dev: Dataset) -> None:
    """Raise UsageError unless both heads can be calibrated on the development part."""
    acts = [acts for source, acts in zip(dev["source"], dev["acts"], strict=True) if calibrates(source)]
    agents = sum(one is not None for one in acts)
    sides = {"customers": len(acts) - agents, "agents": agents}
    if lacking := [side for side, number in sides.items() if not number]:
        raise UsageError(
            "development part",
            f"holds no turn of {' and of '.join(lacking)}, and the model is calibrated on it",
            do="Add sources of talk between customers and agents, or raise split.dev",
        )


def counts(rows: Dataset) -> dict[str, Counter[str]]:
    """Turns per source and label of one part ("none" for an agent turn without an act)."""
    found: dict[str, Counter[str]] = {}
    for source, sentiment, acts in zip(rows["source"], rows["sentiment"], rows["acts"], strict=True):
        labels = (sentiment,) if acts is None else acts or ("none",)
        found.setdefault(source, Counter()).update(labels)
    return found


def _cards(out: Path) -> list[Path]:
    """The cards that tables in `out` have; UsageError where something else lies there."""
    if out.exists() and not out.is_dir():
        raise UsageError(str(out), "is a file", do="Give --out a folder")
    if not out.exists() or not any(out.iterdir()):
        return []
    try:
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict) or "recipe_sha256" not in manifest:
        raise UsageError(str(out), "is not empty and holds no training tables", do="Give --out another folder")
    return [out / "cards" / f"{name}.md" for name in manifest.get("sources", ()) if name in SOURCES]


def write(tables: Tables, config: Config, out: Path) -> None:
    """Write the parts as Parquet, a card for each source, and manifest.json, to the folder `out`.

    The same sources and recipe give the same bytes. Raises UsageError where `out` holds something else.
    """
    old = _cards(out)
    (out / "cards").mkdir(parents=True, exist_ok=True)
    for card in old:
        card.unlink(missing_ok=True)
    disable_progress_bars()
    template = environment().get_template("source_card.md.j2")
    by_part = {part: counts(tables.parts[part]) for part in PARTS}
    written: dict[str, dict[str, object]] = {}
    for part in PARTS:
        path = out / f"{part}.parquet"
        tables.parts[part].to_parquet(path)
        written[path.name] = {"rows": len(tables.parts[part]), "sha256": sha256(path)}
    sources: dict[str, object] = {}
    for name, use in sorted(config.sources.items()):
        source = source_of(name)
        found = {part: dict(sorted(by_part[part].get(name, Counter()).items())) for part in PARTS}
        reasons = {reason.split(": ", 1)[1]: n for reason, n in tables.dropped.items() if reason.startswith(f"{name}:")}
        sources[name] = {
            "file": source.file,
            "sha256": tables.files[source.file],
            "licence": source.licence,
            "credit": source.credit,
            "repeat": use.repeat,
            "weight": use.weight,
            "mapping": source.labels or "codebook v1",
            "labels": found,
            "dropped": reasons,
        }
        text = template.render(name=name, source=source, use=use, found=found, reasons=reasons)
        (out / "cards" / f"{name}.md").write_text(text, encoding="utf-8")
    manifest = {
        "recipe": config.name,
        "recipe_sha256": config.sha256,
        "split": config.split.model_dump(),
        "tables": written,
        "files": tables.files,
        "sources": sources,
        "held_out": {name: tables.files.get(name) for name in HELD_OUT},  # None: missing, so not compared with
        "cards": {path.name: sha256(path) for path in sorted((out / "cards").glob("*.md"))},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Write the tables and print what stands in each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder of the sources (training/README.md)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "configs" / "default.yaml")
    options = parser.parse_args()
    try:
        config = read_config(options.config)
        tables = build(options.source, config)
        try:
            write(tables, config, options.out)
        except OSError as error:
            what = f"the tables cannot be written: {error.strerror or error}"
            raise UsageError(str(options.out), what, do="Make room there, or give --out another folder") from error
    except CxError as error:
        raise SystemExit(error.message) from error
    for part in PARTS:
        print(f"{part}: {len(tables.parts[part])} turns")
        for source, found in counts(tables.parts[part]).items():
            print(f"  {source}: " + ", ".join(f"{label} {n}" for label, n in found.most_common()))
    for reason, n in tables.dropped.items():
        print(f"dropped, {reason}: {n}")
    for name in HELD_OUT:
        if name not in tables.files:
            print(f"not compared with {name}: this test set is missing, so its texts may stand in train")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
