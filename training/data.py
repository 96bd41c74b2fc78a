"""Labelled sources → train, dev and test: split by conversation, nothing of a test text in training.

Run as `python -m training.data --data DIR` it prints how many turns of each source and label stand in each part.
"""

import argparse
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from datasets import Dataset, DatasetDict

from cxsentiment.errors import UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from training.config import Config, Split, read_config
from training.sources import HELD_OUT, SOURCES, LabelledTurn, path_of, read_rows, sha256

Part = Literal["train", "dev", "test"]
PARTS: tuple[Part, ...] = ("train", "dev", "test")
# Shorter texts ("yes", "thank you so much") are everybody's: leaving them out would unteach the commonest turns.
_MIN_DUPLICATE_WORDS = 4
_WORDS = re.compile(r"[^\W\d_]+")
_SHA_RANGE = 1 << 64


@dataclass(frozen=True, slots=True)
class Tables:
    """The three parts, the files they come from (name → sha256), and how many turns were dropped and why."""

    parts: DatasetDict
    files: dict[str, str]
    dropped: dict[str, int]

    def conversations(self, part: Part) -> list[str]:
        """Keys `source/conversation` of the talk in `part`, sorted."""
        rows = self.parts[part]
        return sorted({f"{a}/{b}" for a, b in zip(rows["source"], rows["conversation"], strict=True)})


def part_of(split: Split, conversation: str) -> Part:
    """Part of a conversation, by hash: the same on every machine and for every order of reading."""
    digest = hashlib.sha256(f"{split.salt}:{conversation}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / _SHA_RANGE
    if place < split.test:
        return "test"
    return "dev" if place < split.test + split.dev else "train"


def duplicate_key(text: str) -> str | None:
    """The words of a text in lower case without digits and marks, for near-duplicates; None where they are too few."""
    words = _WORDS.findall(text.lower())
    return " ".join(words) if len(words) >= _MIN_DUPLICATE_WORDS else None


def build(data: Path, config: Config) -> Tables:
    """Read every source of `config` and split it. Single texts of other domains only ever go to train."""
    files: dict[str, str] = {}
    turns: dict[Part, list[LabelledTurn]] = {part: [] for part in PARTS}
    dropped: Counter[str] = Counter()
    for name in sorted(config.sources):
        source = SOURCES[name]
        path = path_of(data, source)
        files[source.file] = sha256(path)
        for turn in source.read(path, data):
            part = part_of(config.split, turn.conversation) if source.own else "train"
            if part == "test" and not source.tested:
                part = "train"
            if not turn.text:
                dropped[f"{name}: no text"] += 1
            else:
                turns[part].append(turn)
    held = {key for turn in (*turns["dev"], *turns["test"]) if (key := duplicate_key(turn.text))}
    for held_out in HELD_OUT:
        if (data / held_out).exists():
            files[held_out] = sha256(data / held_out)
            held |= _held_texts(data / held_out)
    kept = []
    for turn in turns["train"]:
        if duplicate_key(turn.text) in held:
            dropped[f"{turn.source}: same words as a held-out text"] += 1
        else:
            kept.append(turn)
    turns["train"] = kept
    _refuse_empty(turns["train"])
    parts = DatasetDict({part: Dataset.from_list([asdict(turn) for turn in turns[part]]) for part in PARTS})
    return Tables(parts, files, dict(sorted(dropped.items())))


def _held_texts(path: Path) -> set[str]:
    texts: list[str] = []
    for row in read_rows(path):
        texts.extend([row["text"]] if "text" in row else [turn["text"] for turn in row.get("turns", ())])
    return {key for text in texts if (key := duplicate_key(text))}


def _refuse_empty(turns: Iterable[LabelledTurn]) -> None:
    found = Counter(label for turn in turns for label in ((turn.sentiment,) if turn.acts is None else turn.acts))
    if empty := [label for label in (*SENTIMENTS, *ACTS) if not found[label]]:
        raise UsageError(
            "training data", f"no training turn carries {', '.join(empty)}", do="Add a source that has such turns"
        )


def counts(rows: Dataset) -> dict[str, Counter[str]]:
    """Turns per source and label of one part ("none" for an agent turn without an act)."""
    found: dict[str, Counter[str]] = {}
    for source, sentiment, acts in zip(rows["source"], rows["sentiment"], rows["acts"], strict=True):
        labels = (sentiment,) if acts is None else acts or ("none",)
        found.setdefault(source, Counter()).update(labels)
    return found


def main() -> None:
    """Print the parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "configs" / "default.yaml")
    options = parser.parse_args()
    tables = build(options.data, read_config(options.config))
    for part in PARTS:
        print(f"{part}: {len(tables.parts[part])} turns")
        for source, found in counts(tables.parts[part]).items():
            print(f"  {source}: " + ", ".join(f"{label} {n}" for label, n in found.most_common()))
    for reason, n in tables.dropped.items():
        print(f"dropped, {reason}: {n}")


if __name__ == "__main__":
    main()
