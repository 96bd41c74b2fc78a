"""Reads the labelled turns and tells which of them the bundle was kept from.

Test turns are those of service_turns, service_talk and act_gallery, and of `strangers`: talk by writers of whom nothing
was ever trained on. What this project may copy of them lies in `eval/bundled`, so that a checkout alone can test the
model. The project's further labels (`training/labels`) teach the baselines, so that these learn from the same talk as
the model; the real turns among them that lie in a test conversation, less those that service_turns has as well, are a
set of its own (`further_turns`) that counts in no other, for many of them were chosen where an early model was unsure.
So are `posts`, public posts that are no service talk, read by the codebook, and `random_turns`: turns drawn at random
from the test conversations of the same datasets, with the labels of two of three annotators (`random_turns.jsonl`).
Agents say the same in many conversations, so those of the random turns that a turn of a training conversation says too,
word for word or nearly (repeats.py), are left out and counted; for the other sets training left such turns out itself.

Texts are cleaned and masked as the product does before scoring. This module stands apart from training on purpose: the
split comes from the bundle's own `split.json`, and a slip in one reader of the sources shows as a difference to the
other.
"""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxsentiment.errors import BundleError, UsageError
from cxsentiment.privacy import mask
from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.text import clean
from eval.repeats import repeated, words

OWN_TEXT = ("service_talk", "act_gallery", "strangers")  # written for this project: may be quoted
FURTHER = "further_turns"
POSTS = "posts"
RANDOM = "random_turns"
BESIDE = (FURTHER, POSTS, RANDOM)
"""Sets that count in no other."""
_CODES = dict(zip(("neg", "neu", "pos"), SENTIMENTS, strict=True)) | dict(
    zip([f"E{k}" for k in range(1, 5)] + [f"P{k}" for k in range(1, 13)] + ["N1"], ACTS, strict=True)
)
_LABELS = Path(__file__).parent.parent / "training" / "labels"
_BUNDLED = Path(__file__).parent / "bundled"
_RANDOM = Path(__file__).parent / "random_turns.jsonl"
_SPOKEN = ("primock57", "hvb", "natcs")


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled turn. `sentiment` is None for an agent, `acts` is None for a customer; `part` is train, dev or test.

    `style` is asr (written in the manner of a recogniser), clean (a call written out), chat or email; of real calls:
    call. `channel` is call, chat, email or social.
    """

    source: str
    conversation: str
    turn: int
    channel: str
    style: str
    text: str
    part: str
    sentiment: str | None
    acts: tuple[str, ...] | None


def read_cases(data: Path, model: Path) -> list[Case]:
    """The labelled turns for an evaluation, the further ones too, without training turns that repeat held-out ones.

    Raises as `all_cases` does.
    """
    return read_counted(data, model)[0]


def read_counted(data: Path, model: Path) -> tuple[list[Case], dict[str, int]]:
    """The turns of `read_cases`, and how many turns of a set were left out because training says the same."""
    kept = _kept(model)
    cases = all_cases(data, model)
    further = [_case(source, row, kept) for source, row in _further(data)]
    known = {(case.conversation, case.turn, case.text) for case in cases}
    hard = [
        replace(case, source=POSTS if case.source == POSTS else FURTHER)
        for case in further
        if case.part == "test" and (case.conversation, case.turn, case.text) not in known
    ]
    taught = {case.conversation for case in (*cases, *further) if case.part != "test"}
    drawn = [replace(_case(RANDOM, row, kept), part="test") for row in _keyed(_RANDOM, data)]
    free = [case for case in drawn if case.conversation not in taught]
    others = without_duplicates([*cases, *(case for case in further if case.part != "test"), *hard])
    again = repeated([case.text for case in free], [case.text for case in others if case.part == "train"])
    new = [case for case, repeats in zip(free, again, strict=True) if not repeats]
    return [*others, *new], {RANDOM: sum(again)}


def without_duplicates(cases: Sequence[Case]) -> list[Case]:
    """All cases but training turns that say the same words (four or more) as a turn of dev or test."""
    held = {key for case in cases if case.part != "train" and (key := words(case.text))}
    return [case for case in cases if case.part != "train" or words(case.text) not in held]


def all_cases(data: Path, model: Path) -> list[Case]:
    """All turns of the tested sources, each with its part as `split.json` of the bundle in `model` records it.

    Raises UsageError for a missing source, BundleError for a bundle without a split.
    """
    kept = _kept(model)
    readers = {
        "service_turns": ("service_turns.jsonl.gz", _service_turns),
        "service_talk": ("service_talk.txt", _service_talk),
        "act_gallery": ("act_gallery.txt", _service_talk),
    }
    cases: list[Case] = []
    for source, (name, reader) in readers.items():
        if not (data / name).exists():
            raise UsageError(str(data / name), "this source is missing", do="Give --data the folder of the sources")
        cases.extend(_case(source, row, kept) for row in reader(data / name))
    return cases + _strangers()


def read_bundled() -> list[Case]:
    """The test turns that lie in this repository: of service_talk, act_gallery and strangers."""
    cases = [
        replace(_case(path.stem, row, {}), part="test")
        for path in sorted(_BUNDLED.glob("*.txt"))
        if not path.stem.startswith("strangers")
        for row in _service_talk(path)
    ]
    return cases + _strangers()


def _strangers() -> list[Case]:
    return [
        replace(_case("strangers", row, {}), part="test")
        for path in sorted(_BUNDLED.glob("strangers_*.txt"))
        for row in _service_talk(path)
    ]


def _case(source: str, row: "_Row", kept: dict[str, str]) -> Case:
    conversation, turn, channel, style, text, labels = row
    moods = [label for label in labels if label in SENTIMENTS]
    return Case(
        source=source,
        conversation=conversation,
        turn=turn,
        channel=channel,
        style=style,
        text=mask(clean(text)).text,
        part=kept.get(f"{source}/{conversation}", "train"),
        sentiment=moods[0] if moods else None,
        acts=None if moods else tuple(labels),
    )


def _kept(model: Path) -> dict[str, str]:
    path = model / "split.json"
    if not path.exists():
        raise BundleError(
            str(path), "the bundle does not say what it was not trained on", do="Train it with training.train"
        )
    split = json.loads(path.read_text(encoding="utf-8"))
    parts = {key: "dev" for key in split["dev_conversations"]}
    return parts | {key: "test" for key in split["test_conversations"]}


_Row = tuple[str, int, str, str, str, list[str]]


def _service_turns(path: Path) -> Iterator[_Row]:
    for row in _json_rows(path):
        labels = [row["sentiment"]] if "sentiment" in row else [act for act in row["acts"] if act != "none"]
        style = "call" if row["dataset"] in _SPOKEN else "chat"
        yield row["conversation_id"], row["turn"], style, style, row["text"], labels


def _service_talk(path: Path) -> Iterator[_Row]:
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8").strip()):
        head, *lines = block.splitlines()
        facts = dict(part.split("=", 1) for part in head.lstrip("# ").split())
        for turn, line in enumerate(lines):
            marks, text = line.split(": ", 1)
            labels = [_CODES[code] for code in marks.split()[1:] if code != "-"]
            yield facts["id"], turn, facts["channel"], facts["style"], text, labels


def _further(data: Path) -> Iterator[tuple[str, _Row]]:
    """The project's further labels with their source: written talk, and labels keyed to turns of datasets."""
    for path in sorted(_LABELS.glob("talk_*.txt")):
        campaigns = dict(re.findall(r"^# id=(\S+) .*?campaign=(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))
        for contact, turn, channel, style, text, labels in _service_talk(path):
            yield path.stem, (f"{path.stem}/{campaigns[contact]}", turn, channel, style, text, labels)
    for path in sorted(_LABELS.glob("*.jsonl")):
        for found in _keyed(path, data):
            yield path.stem, found


def _keyed(path: Path, data: Path) -> Iterator[_Row]:
    """Labels keyed by dataset, conversation and turn, with the texts of the datasets."""
    wanted: dict[str, dict[tuple[str, int], list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        labels = [row["sentiment"]] if "sentiment" in row else row["acts"]
        wanted.setdefault(row["dataset"], {})[row["conversation_id"], row["turn"]] = labels
    for dataset, turns in sorted(wanted.items()):
        if not (data / f"{dataset}.jsonl.gz").exists():
            raise UsageError(str(data / f"{dataset}.jsonl.gz"), "this source is missing", do="Restore it")
        for talk in _json_rows(data / f"{dataset}.jsonl.gz"):
            if "turns" in talk:
                channel = style = "call" if talk.get("channel") == "call" else "chat"
                texts = [said["text"] for said in talk["turns"]]
            else:
                channel, style, texts = "social", "written", [talk["text"]]
            for turn, text in enumerate(texts):
                if (labels_of := turns.get((talk["id"], turn))) is not None:
                    yield talk["id"], turn, channel, style, text, labels_of


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
