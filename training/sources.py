"""Readers of the labelled sources: each yields turns with our labels, and refuses a label it does not know."""

import gzip
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
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
# Source label → ours; None where the label says neither satisfaction nor dissatisfaction by the codebook.
EMOTIONS: dict[str, str | None] = {
    **dict.fromkeys("anger annoyance disappointment disapproval disgust embarrassment fear".split(), "negative"),
    **dict.fromkeys("grief nervousness sadness".split(), "negative"),
    **dict.fromkeys("admiration excitement gratitude joy love pride relief".split(), "positive"),
    "neutral": "neutral",
    **dict.fromkeys("amusement approval caring confusion curiosity desire optimism".split()),
    **dict.fromkeys("realization remorse surprise".split()),
}
POLARITY: dict[str, str | None] = {label: label for label in SENTIMENTS}
STARS: dict[str, str | None] = {"0": "negative", "1": "positive"}
_LABEL_KEYS = ("dataset", "conversation_id", "turn", "sentiment", "acts")
_KINDS = {str: "text", int: "a whole number", list: "a list", dict: "an object"}
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


def sha256(path: Path) -> str:
    """Hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def dataset_file(dataset: str) -> str:
    """The file of an open dataset under the folder of the data."""
    return f"{dataset}.jsonl.gz"


def as_scored(text: str) -> str:
    """The text as the product gives it to the model: cleaned, then masked."""
    return mask(clean(text)).text


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a gzipped JSONL file; UsageError where it is missing or damaged, and names the line that is no row."""
    if not path.exists():
        raise UsageError(str(path), "this file is missing", do="Give the folder that training/README.md describes")
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield _row(f"{path}:{number}", line)
    except UnicodeDecodeError as error:
        raise UsageError(str(path), "not UTF-8 text", do="Restore the file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(str(path), f"cannot be read as gzip: {error}", do="Restore the file") from error


def _row(where: str, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(where, f"not valid JSON: {error}", do="Restore the file") from error
    if not isinstance(row, dict):
        raise UsageError(where, "not a JSON object", do="Restore the file")
    return row


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(str(path), "not UTF-8 text", do="Save the file as UTF-8") from error
    except OSError as error:
        raise UsageError(str(path), f"cannot be read: {error.strerror}", do="Restore the file") from error


def _check(where: str, row: object, **kinds: type) -> None:
    """Raise UsageError unless `row` is an object whose keys hold what `kinds` says."""
    if not isinstance(row, dict):
        raise UsageError(where, "not a JSON object", do="Correct the row")
    for key, kind in kinds.items():
        if type(row.get(key)) is not kind:
            raise UsageError(
                where,
                f"key {key!r} holds {row[key]!r:.60}" if key in row else f"the key {key!r} is missing",
                allowed=_KINDS[kind],
                do="Correct the row",
            )


def service_talk(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Read `# key=value …` headers and `A CODES: text` turns, one conversation a block."""
    return (turn for _, turn in _talk(path, ("id", "style")))


def _talk(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[dict[str, str], LabelledTurn]]:
    """Turns with the header above them, which must have the `needed` keys."""
    header: dict[str, str] = {}
    turn = 0
    for number, line in enumerate(_lines(path), 1):
        where = f"{path}:{number}"
        if line.startswith("#"):
            header = dict(part.split("=", 1) for part in line[1:].split() if "=" in part)
            turn = 0
        elif line.strip():
            yield header, _written(where, path.stem, _headed(where, header, needed), turn, line)
            turn += 1


def _headed(where: str, header: dict[str, str], needed: tuple[str, ...]) -> dict[str, str]:
    if missing := [f"{key}=" for key in needed if key not in header]:
        raise UsageError(
            where,
            f"the header above this turn lacks {', '.join(missing)}",
            allowed="a line '# id=… channel=… campaign=… style=…'",
            do="Restore the file",
        )
    return header


def _written(where: str, name: str, header: dict[str, str], turn: int, line: str) -> LabelledTurn:
    match = _TURN.fullmatch(line)
    if not match:
        raise UsageError(where, "not a turn such as 'A E1 P7: text'", do="Restore the file")
    customer = match[1] == "C"
    labels = _of_speaker(where, customer, match[2])
    return LabelledTurn(
        source=name,
        dataset=name,
        conversation=header["id"],
        turn=turn,
        style=header["style"],
        text=as_scored(match[3]),
        sentiment=labels[0] if customer else None,
        acts=None if customer else labels,
    )


def written_talk(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Talk whose neighbouring contacts may be variants of one situation: a campaign is split as one conversation."""
    for header, turn in _talk(path, ("id", "style", "campaign")):
        yield replace(turn, conversation=f"{path.stem}/{header['campaign']}")


def labelled_turns(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Labels keyed by dataset, conversation and turn; the texts are looked up in the datasets under `data`.

    A single text counts as the one turn, 0, of a customer. Raises UsageError for a label that points at a turn which
    does not exist, and for two of one turn.
    """
    for dataset, rows in sorted(_labels(path).items()):
        found = set()
        file = data / dataset_file(dataset)
        for number, conversation in enumerate(read_rows(file), 1):
            _check(f"{file}:{number}", conversation, id=str)
            for turn, said in enumerate(_said(f"{file}:{number}", conversation)):
                row = rows.get((conversation["id"], turn))
                if row is None:
                    continue
                found.add((conversation["id"], turn))
                where = f"{conversation['id']}, turn {turn}"
                _check(f"{file}:{number}, turn {turn}", said, speaker=str, text=str)
                _fits_speaker(path, where, said["speaker"], row)
                yield LabelledTurn(
                    source=path.stem,
                    dataset=dataset,
                    conversation=conversation["id"],
                    turn=turn,
                    style=_style(conversation),
                    text=as_scored(said["text"]),
                    sentiment=_known(path, where, row.get("sentiment")),
                    acts=_known_acts(path, where, row.get("acts")),
                )
        if lost := sorted(rows.keys() - found):
            first = ", ".join(f"{conversation} turn {turn}" for conversation, turn in lost[:3])
            raise UsageError(
                str(path),
                f"{len(lost)} labels of {dataset} point at turns that do not exist: {first}",
                do="Correct the keys",
            )


def _said(where: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The turns of a conversation, or a single text as the only one."""
    if "turns" in row or "text" not in row:
        _check(where, row, turns=list)
        return list(row["turns"])
    return [{"speaker": "customer", "text": row["text"]}]


def _style(row: dict[str, Any]) -> str:
    if "turns" not in row:
        return "written"
    return "call" if row.get("channel") == "call" else "chat"


def _labels(path: Path) -> dict[str, dict[tuple[str, int], dict[str, Any]]]:
    """The rows of a label file by dataset, and by conversation and turn."""
    wanted: dict[str, dict[tuple[str, int], dict[str, Any]]] = {}
    for number, line in enumerate(_lines(path), 1):
        where = f"{path}:{number}"
        row = _row(where, line)
        _check(where, row, dataset=str, conversation_id=str, turn=int)
        if unknown := sorted(row.keys() - _LABEL_KEYS):
            raise UsageError(where, f"unknown key {unknown[0]!r}", allowed=", ".join(_LABEL_KEYS), do="Take it out")
        rows = wanted.setdefault(row["dataset"], {})
        key = (row["conversation_id"], row["turn"])
        if key in rows:
            raise UsageError(where, f"a second label of {key[0]} turn {key[1]}", do="Keep one of them")
        rows[key] = row
    return wanted


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


def _of_speaker(where: str, customer: bool, text: str) -> tuple[str, ...]:
    """Labels of a turn's codes; UsageError unless they are one mood of a customer, or acts (or "-") of an agent."""
    labels = codes(where, text)
    moods = [label for label in labels if label in SENTIMENTS]
    alone = len(text.split()) == 1
    if customer and not (moods and alone):
        raise UsageError(
            where, f"a turn of a customer is labelled {text!r}", allowed="one of neg, neu, pos", do="Correct the codes"
        )
    if not customer and (moods or (not alone and "-" in text.split()) or not text.strip()):
        raise UsageError(
            where,
            f"a turn of an agent is labelled {text!r}",
            allowed="acts such as E1 P7, or '-': what an agent feels is not judged here",
            do="Correct the codes",
        )
    return labels


def service_turns(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Turns of open conversations labelled with the codebook, each row with its text."""
    for number, row in enumerate(read_rows(path), 1):
        _check(f"{path}:{number}", row, id=str, dataset=str, conversation_id=str, turn=int, speaker=str, text=str)
        _fits_speaker(path, row["id"], row["speaker"], row)
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


def _fits_speaker(path: Path, where: str, speaker: str, row: dict[str, Any]) -> None:
    """Raise UsageError unless a customer's turn has a sentiment alone and an agent's turn acts alone."""
    wanted = {"customer": "sentiment", "agent": "acts"}.get(speaker)
    found = [key for key in ("sentiment", "acts") if row.get(key) is not None]
    if found != [wanted]:
        raise UsageError(
            f"{path}, {where}",
            f"the turn of speaker {speaker!r} is labelled with {' and '.join(found) or 'nothing'}",
            allowed="sentiment for a customer, acts for an agent: what an agent feels is not judged here",
            do="Correct the row",
        )


def _known(path: Path, row: str, label: str | None) -> str | None:
    if label is not None and label not in SENTIMENTS:
        raise UsageError(
            f"{path}, {row}", f"unknown sentiment {label!r}", allowed=", ".join(SENTIMENTS), do="Correct the label"
        )
    return label


def _known_acts(path: Path, row: str, acts: list[str] | None) -> tuple[str, ...] | None:
    if acts is None:
        return None
    if not isinstance(acts, list):
        raise UsageError(f"{path}, {row}", f"acts are {acts!r:.60}", allowed="a list", do="Correct the label")
    labels = tuple(act for act in acts if act != "none")
    if unknown := [act for act in labels if act not in ACTS]:
        raise UsageError(f"{path}, {row}", f"unknown acts {unknown}", allowed=", ".join(ACTS), do="Correct the label")
    return labels


def _singles(path: Path, key: str, kind: type) -> Iterator[tuple[dict[str, Any], Any]]:
    """Rows of single texts, each with what stands under `key` of its labels."""
    for number, row in enumerate(read_rows(path), 1):
        where = f"{path}:{number}"
        _check(where, row, id=str, text=str, labels=dict)
        _check(where, row["labels"], **{key: kind})
        yield row, row["labels"][key]


def _single(source: str, row: dict[str, Any], label: str, *, polar: bool = False) -> LabelledTurn:
    return LabelledTurn(source, source, row["id"], 0, "written", as_scored(row["text"]), sentiment=label, polar=polar)


def _mapped(path: Path, row: dict[str, Any], label: str, table: dict[str, str | None]) -> str | None:
    if not isinstance(label, str) or label not in table:
        raise UsageError(
            f"{path}, {row['id']}",
            f"unknown label {label!r}",
            allowed=", ".join(table),
            do="Correct the row, or write down in training/sources.py what the label means",
        )
    return table[label]


def goemotions(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Comments whose emotions all fall into one of our classes, without those that the official test repeats."""
    for row, label, _ in _comments(path):
        if label is not None:
            yield _single("goemotions", row, label)


def goemotions_left_out(path: Path) -> Counter[str]:
    """How many comments `goemotions` leaves out, by reason."""
    return Counter(reason for _, label, reason in _comments(path) if label is None)


def _comments(path: Path) -> Iterator[tuple[dict[str, Any], str | None, str]]:
    """Each comment with our label, or None and why it has none."""
    for row, emotions in _singles(path, "emotions", list):
        classes = {_mapped(path, row, emotion, EMOTIONS) for emotion in emotions}
        ours = classes - {None}
        if row.get("dup_of_held"):
            yield row, None, "repeated by the official test"
        elif not ours:
            yield row, None, "with emotions that are neither satisfaction nor dissatisfaction"
        elif len(ours) > 1:
            yield row, None, "of two of our classes"
        elif None in classes:
            yield row, None, "with such an emotion beside one of ours"
        else:
            yield row, ours.pop(), ""


def senti4sd(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Developers' posts with their polarity."""
    for row, theirs in _singles(path, "polarity", str):
        if label := _mapped(path, row, theirs, POLARITY):
            yield _single("senti4sd", row, label)


def uci_reviews(path: Path, data: Path) -> Iterator[LabelledTurn]:
    """Review sentences, good or bad: they say nothing about neutral, which is left out of their loss."""
    for row, theirs in _singles(path, "sentiment", str):
        if label := _mapped(path, row, theirs, STARS):
            yield _single("uci_reviews", row, label, polar=True)
