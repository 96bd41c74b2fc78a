"""Reads each labelled source into turns, with the mapping of its labels to ours written down as tables.

| source | their label | ours |
|---|---|---|
| service_turns, service_talk, act_gallery | codebook v1 | the same: sentiment of customers, acts of agents |
| talk_*, agent_turns, customer_turns (training/labels) | codebook v1 | the same |
| goemotions | anger, annoyance, disappointment, disapproval, disgust, embarrassment, fear, grief, nervousness, sadness | negative |
| goemotions | admiration, excitement, gratitude, joy, love, pride, relief | positive |
| goemotions | neutral | neutral |
| goemotions | amusement, approval, caring, confusion, curiosity, desire, optimism, realization, remorse, surprise | dropped: neither satisfaction nor dissatisfaction by the codebook; so are comments of two of our classes |
| senti4sd | polarity | the same three classes |
| uci_reviews | 0, 1 | negative, positive; says nothing about neutral, so neutral is left out of the loss |
"""  # noqa: E501  # a table

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxsentiment.errors import UsageError
from cxsentiment.privacy import mask
from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.text import clean

CODES: dict[str, str] = {
    **{"neg": "negative", "neu": "neutral", "pos": "positive"},
    **{f"E{k}": act for k, act in enumerate(ACTS[:4], 1)},
    **{f"P{k}": act for k, act in enumerate(ACTS[4:16], 1)},
    "N1": "unprofessional",
}
EMOTIONS: dict[str, str] = {
    **dict.fromkeys(
        [
            "anger",
            "annoyance",
            "disappointment",
            "disapproval",
            "disgust",
            "embarrassment",
            "fear",
            "grief",
            "nervousness",
            "sadness",
        ],
        "negative",
    ),
    **dict.fromkeys(["admiration", "excitement", "gratitude", "joy", "love", "pride", "relief"], "positive"),
    "neutral": "neutral",
}
_TURN = re.compile(r"([AC]) ([^:]+): (.*)")


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """One text with its labels. `sentiment` is None for an agent; `acts` is None for a customer.

    `polar` marks a sentiment that says nothing about neutral. `turn` is the 0-based place in the conversation.
    """

    source: str
    dataset: str
    conversation: str
    turn: int
    style: str
    text: str
    sentiment: str | None = None
    acts: tuple[str, ...] | None = None
    polar: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a source lies, under which terms, and whether it is talk between customers and agents (`own`).

    A file `labels/…` lies in this package; others under the folder of the data. `tested` tells whether a part of it is
    kept for testing. `read` takes the file and the folder of the data, where texts that a label file names are found.
    """

    file: str
    licence: str
    credit: str
    own: bool
    read: Callable[[Path, Path], Iterator[LabelledTurn]]
    tested: bool = True


def sha256(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def as_scored(text: str) -> str:
    """The text as the product gives it to the model: cleaned, then masked."""
    return mask(clean(text)).text


def path_of(data: Path, source: Source) -> Path:
    """The file of `source` under `data`; UsageError where it is missing."""
    inside = source.file.startswith("labels/")
    path = (Path(__file__).parent if inside else data) / source.file
    if not path.exists():
        raise UsageError(str(path), "this source is missing", do="Give --data the folder that training/README.md lists")
    return path


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a gzipped JSONL file; UsageError names the line that is not JSON."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UsageError(f"{path}:{number}", f"not valid JSON: {error}", do="Restore the file") from error


def _service_talk(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Read `# key=value …` headers and `A CODES: text` turns, one conversation a block."""
    name = path.stem
    header: dict[str, str] = {}
    turn = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            header = dict(part.split("=", 1) for part in line[1:].split() if "=" in part)
            turn = 0
        elif line.strip():
            match = _TURN.fullmatch(line)
            if not match or "id" not in header:
                raise UsageError(f"{path}:{number}", "not a turn such as 'A E1 P7: text'", do="Restore the file")
            labels = codes(f"{path}:{number}", match[2])
            customer = match[1] == "C"
            yield LabelledTurn(
                source=name,
                dataset=name,
                conversation=header["id"],
                turn=turn,
                style=header["style"],
                text=as_scored(match[3]),
                sentiment=labels[0] if customer else None,
                acts=None if customer else labels,
            )
            turn += 1


def _written_talk(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Talk whose neighbouring contacts may be variants of one situation: a campaign is split as one conversation."""
    campaigns = dict(re.findall(r"^# id=(\S+) .*?campaign=(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    for turn in _service_talk(path, data):
        yield replace(turn, conversation=f"{path.stem}/{campaigns[turn.conversation]}")


def _labelled_turns(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Labels keyed by dataset, conversation and turn; the texts are looked up in the datasets under `data`.

    Raises UsageError for a label that points at a turn which does not exist.
    """
    wanted: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        wanted.setdefault(row["dataset"], {})[row["conversation_id"], row["turn"]] = row
    for dataset, rows in sorted(wanted.items()):
        found = 0
        for conversation in read_rows(data / f"{dataset}.jsonl.gz"):
            for turn, said in enumerate(conversation["turns"]):
                row = rows.get((conversation["id"], turn))
                if row is None:
                    continue
                found += 1
                where = f"{conversation['id']}, turn {turn}"
                yield LabelledTurn(
                    source=path.stem,
                    dataset=dataset,
                    conversation=conversation["id"],
                    turn=turn,
                    style="call" if conversation.get("channel") == "call" else "chat",
                    text=as_scored(said["text"]),
                    sentiment=_known(path, where, row.get("sentiment")),
                    acts=_known_acts(path, where, row.get("acts")),
                )
        if found != len(rows):
            raise UsageError(
                str(path),
                f"{len(rows) - found} labels of {dataset} point at turns that do not exist",
                do="Correct the keys",
            )


def codes(where: str, text: str) -> tuple[str, ...]:
    """Labels of a turn's codes ("E1 P7", "neg", "-"); UsageError names an unknown code."""
    labels = []
    for code in text.split():
        if code == "-":
            continue
        if code not in CODES:
            raise UsageError(where, f"unknown code {code!r}", allowed=", ".join((*CODES, "-")), do="Correct the code")
        labels.append(CODES[code])
    return tuple(labels)


def _service_turns(path: Path, data: Path) -> Iterator[LabelledTurn]:
    for row in read_rows(path):
        yield LabelledTurn(
            source="service_turns",
            dataset=row["dataset"],
            conversation=row["conversation_id"],
            turn=row["turn"],
            style="call" if row["dataset"] in ("primock57", "hvb", "natcs") else "chat",
            text=as_scored(row["text"]),
            sentiment=_known(path, row["id"], row.get("sentiment")),
            acts=_known_acts(path, row["id"], row.get("acts")),
        )


def _known(path: Path, row: str, label: str | None) -> str | None:
    if label is not None and label not in SENTIMENTS:
        raise UsageError(f"{path}, {row}", f"unknown sentiment {label!r}", allowed=", ".join(SENTIMENTS))
    return label


def _known_acts(path: Path, row: str, acts: list[str] | None) -> tuple[str, ...] | None:
    if acts is None:
        return None
    labels = tuple(act for act in acts if act != "none")
    if unknown := [act for act in labels if act not in ACTS]:
        raise UsageError(f"{path}, {row}", f"unknown acts {unknown}", allowed=", ".join(ACTS))
    return labels


def _single(source: str, row: dict[str, Any], label: str, *, polar: bool = False) -> LabelledTurn:
    return LabelledTurn(source, source, row["id"], 0, "written", as_scored(row["text"]), sentiment=label, polar=polar)


def _goemotions(path: Path, data: Path) -> Iterator[LabelledTurn]:
    for row in read_rows(path):
        emotions = row["labels"]["emotions"]
        classes = {EMOTIONS.get(emotion) for emotion in emotions}
        if row.get("dup_of_held") or len(classes) != 1 or None in classes:
            continue
        yield _single("goemotions", row, EMOTIONS[emotions[0]])


def _senti4sd(path: Path, data: Path) -> Iterator[LabelledTurn]:
    for row in read_rows(path):
        yield _single("senti4sd", row, row["labels"]["polarity"])


def _uci_reviews(path: Path, data: Path) -> Iterator[LabelledTurn]:
    for row in read_rows(path):
        yield _single("uci_reviews", row, {"0": "negative", "1": "positive"}[row["labels"]["sentiment"]], polar=True)


SOURCES: dict[str, Source] = {
    "service_turns": Source(
        "service_turns.jsonl.gz",
        "labels: this project's own; texts as their sources (below)",
        "turns of STAR (MIT, RasaHQ), SGD (CC BY-SA 4.0, Google), MultiDoGO (CDLA-Permissive-1.0, Amazon), "
        "BANKING77 (CC BY 4.0, PolyAI), NatCS (CDLA-Permissive-2.0, Amazon), PriMock57 (CC BY 4.0, Babylon Health), "
        "ABCD (MIT, ASAPP), HarperValleyBank (CC BY 4.0, Gridspace); labelled by language-model annotators",
        True,
        _service_turns,
    ),
    "service_talk": Source(
        "service_talk.txt", "Apache-2.0", "written and labelled for this project", True, _service_talk
    ),
    "act_gallery": Source(
        "act_gallery.txt", "Apache-2.0", "written and labelled for this project", True, _service_talk
    ),
    **{
        f"talk_{kind}": Source(
            f"labels/talk_{kind}.txt",
            "Apache-2.0",
            "written and labelled for this project",
            True,
            _written_talk,
            tested=False,
        )
        for kind in ("calls", "chat", "customers", "rare", "services", "social")
    },
    "agent_turns": Source(
        "labels/agent_turns.jsonl",
        "labels: this project's own; texts as their sources (see service_turns)",
        "further agent turns of STAR, SGD, PriMock57, ABCD and HarperValleyBank, labelled by a language-model "
        "annotator",
        True,
        _labelled_turns,
    ),
    "customer_turns": Source(
        "labels/customer_turns.jsonl",
        "labels: this project's own; texts as their sources (see service_turns)",
        "further customer turns of STAR, MultiDoGO, BANKING77, PriMock57, NatCS, SGD and Taskmaster-4, labelled by a "
        "language-model annotator",
        True,
        _labelled_turns,
    ),
    "goemotions": Source(
        "goemotions.jsonl.gz",
        "CC BY 4.0",
        "GoEmotions, Demszky et al. 2020, Google: Reddit comments with 27 emotions",
        False,
        _goemotions,
    ),
    "senti4sd": Source(
        "senti4sd.jsonl.gz",
        "MIT",
        "Senti4SD, Calefato et al. 2018: Stack Overflow posts with polarity",
        False,
        _senti4sd,
    ),
    "uci_reviews": Source(
        "uci_reviews.jsonl.gz",
        "CC BY 4.0",
        "Sentiment Labelled Sentences, Kotzias et al. 2015, UCI: sentences of Amazon, Yelp and IMDb reviews",
        False,
        _uci_reviews,
    ),
}
HELD_OUT = ("test/goemotions.jsonl.gz", "test/stanford_politeness.jsonl.gz", "test/casino.jsonl.gz")
