"""A team's campaign as training data: its labelled turns, split by contact, and its unlabelled ones with soft targets.

The labelled turns are split by the hash of their contact; where no contact is given, each distinct text is a
conversation of its own, and no verdict is given. Turns of four words or more for calibrating and measuring whose words
labelled training turns say too are left out, for macros recur in many contacts, and the figures should tell of wording
that was never shown; shorter ones that repeat a training turn stay, for contacts are made of them, and are counted.
Unlabelled turns get the probabilities of the start model as targets: they show the campaign's wording and keep the
model from forgetting, and are no source of new knowledge, so those that say a labelled turn again, or nearly so, are
left out, and so is every contact that is held out for the measure.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cxsentiment.errors import UsageError
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import find_sources
from cxsentiment.model import Model, read_bundle
from cxsentiment.predict import predict_texts
from cxsentiment.schema import ACTS, SENTIMENTS, Reject
from training import duplicates
from training.annotations import Annotations, read_annotations
from training.batches import SoftTurn
from training.catalogue import source_of
from training.config import CAMPAIGN, TRANSCRIPTS, Campaign, Config, Split, start_folder
from training.data import PARTS, TAUGHT, Part, Tables, build, part_of
from training.labelled_turn import Annotation
from training.sources import LabelledTurn, as_scored

_PACKAGE = Path(__file__).parent
_SPEAKERS = ("agent", "customer")
Parts = Mapping[Part, Sequence[LabelledTurn]]


@dataclass(frozen=True, slots=True)
class Team:
    """What a team brings: label files, the run folder they may point at, and its transcripts with how to read them."""

    labels: tuple[Path, ...]
    run: Path | None = None
    transcripts: Path | None = None
    options: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, slots=True)
class Material:
    """All that a campaign's training reads.

    `tables` hold replay and labelled turns, `soft` the unlabelled turns. `facts` goes to the card (counts and hashes,
    no texts); `notes` are for the person at the terminal. `unnamed` labelled turns name no contact.
    """

    tables: Tables
    soft: tuple[SoftTurn, ...]
    facts: Mapping[str, object]
    notes: tuple[str, ...]
    unnamed: int = 0


@dataclass(frozen=True, slots=True)
class _Division:
    """The labelled turns by part. `left_out` of dev and test, for training reads the same words; of the test turns
    that stay, `repeats` say no more than a training turn says. `held` are the ids of the contacts that measure; their
    `unsure` turns do not, for they were picked where the start model is weak. Of `unmarked` turns nobody says why.
    """

    parts: dict[Part, list[LabelledTurn]]
    left_out: dict[str, int]
    repeats: int
    unnamed: int
    unsure: int
    unmarked: int
    held: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Distinct unlabelled turns, drawn by seed, and how the reading went. Contacts `held` are not drawn from."""

    turns: tuple[SoftTurn, ...] = ()
    contacts: int = 0
    held: int = 0
    skipped: tuple[str, ...] = ()
    refused: int = 0
    other_speakers: int = 0


def gather(config: Config, team: Team) -> Material:
    """Read what the team brings and join it with the replay of `config`.

    Raises UsageError for labels that cannot be used, RunError for a broken run folder, BundleError for a start model
    that is damaged.
    """
    campaign, start = _settings(config)
    annotations = read_annotations(team.labels, team.run)
    division = _split(annotations, campaign, config.split.salt)
    parts = division.parts
    tables = build(_PACKAGE, config, parts)
    drawn = _draw(team, campaign, config.seed, division.held)
    soft = _soft(Model(start), [turn for turn in drawn.turns if turn.text], parts)
    bundle, sha256 = read_bundle(start)
    untaught = sum(number for reason, number in tables.dropped.items() if reason.endswith(TAUGHT))
    files = {**tables.files, **annotations.files, "labelled turns, as read": _digest_labelled(parts)}
    files |= {f"start {bundle.name} {bundle.version}": sha256}
    if soft:
        files["transcripts, turns drawn"] = _digest(soft)
    facts = {
        "labels": {
            "files": dict(annotations.files),
            "turns": len(annotations.turns),
            "contacts": len({one.contact for one in annotations.turns if one.contact}),
            "unnamed": division.unnamed,
            "unsure": division.unsure,
            "unmarked": division.unmarked,
            "parts": {part: _counts(parts[part]) for part in PARTS},
            "left_out": division.left_out,
            "repeats": division.repeats,
            "replay_dev_left_out": untaught,
        },
        "transcripts": {
            "contacts": drawn.contacts,
            "contacts_held_out": drawn.held,
            "files_skipped": len(drawn.skipped),
            "records_refused": drawn.refused,
            "turns_used": len(soft),
            "sha256": files.get("transcripts, turns drawn"),
        },
    }
    told = _notes(division, campaign)
    if untaught:
        told.append(f"left out of the replay's dev part, for labelled training turns say the same words: {untaught}")
    notes = (*annotations.notes, *told, *_notes_of(drawn, soft, team))
    return Material(replace(tables, files=files), soft, facts, notes, division.unnamed)


def _settings(config: Config) -> tuple[Campaign, Path]:
    if config.campaign is None:
        raise UsageError(config.name, "is no campaign's recipe", do="See training/configs/campaign.yaml")
    for name in config.sources:
        if not source_of(name).file.startswith("labels/"):
            raise UsageError(
                f"sources.{name}",
                "lies outside the package; beside a campaign, --data is the folder of its transcripts",
                do="Replay sources of training/labels/ alone",
            )
    return config.campaign, start_folder(*config.start)


def _split(annotations: Annotations, campaign: Campaign, salt: str) -> _Division:
    if len(annotations.turns) < campaign.least:
        raise UsageError(
            ", ".join(annotations.files),
            f"{len(annotations.turns)} labelled turns are too few to learn from and to measure with",
            allowed=f"{campaign.least} or more (campaign.least of the recipe)",
            do="Label more turns",
        )
    split = Split(salt=salt, dev=campaign.dev, test=campaign.test)
    numbers: dict[str, int] = {}
    parts: dict[Part, list[LabelledTurn]] = {part: [] for part in PARTS}
    held: set[str] = set()
    unsure = 0
    for one in annotations.turns:
        conversation = one.contact or f"{one.speaker}: {one.text}"
        # Contacts are numbered: a model folder travels, and ids of contacts need not travel with it.
        number = numbers.setdefault(conversation, len(numbers) + 1)
        part = part_of(split, conversation)
        if part == "test" and one.contact:
            held.add(one.contact)
        if part == "test" and one.picked == "unsure":
            unsure += 1
        else:
            parts[part].append(_labelled(one, number))
    _refuse_nothing_to_learn(annotations, parts, len(numbers))
    shown = [turn.text for turn in parts["train"]]
    left_out = {}
    for name in ("dev", "test"):
        kept = _unlike(parts[name], shown)
        left_out[name] = len(parts[name]) - len(kept)
        parts[name] = kept
    if len(parts["test"]) < campaign.least_test:
        raise UsageError(
            ", ".join(annotations.files),
            f"{len(parts['test'])} turns of {len(numbers)} contacts are held out ({left_out['test']} more repeat the "
            f"words of training turns, {unsure} were picked as unsure): too few to tell whether the model is better",
            allowed=f"{campaign.least_test} or more (campaign.least_test of the recipe)",
            do="Label turns of more contacts; a contact's part comes from the hash of its id",
        )
    said = {(turn.acts is None, duplicates.words(turn.text)) for turn in parts["train"]}
    repeats = sum((turn.acts is None, duplicates.words(turn.text)) in said for turn in parts["test"])
    unnamed = sum(one.contact is None for one in annotations.turns)
    unmarked = sum(one.picked is None for one in annotations.turns)
    return _Division(parts, left_out, repeats, unnamed, unsure, unmarked, frozenset(held))


def _refuse_nothing_to_learn(annotations: Annotations, parts: Parts, contacts: int) -> None:
    files = ", ".join(annotations.files)
    if contacts == 1:
        raise UsageError(
            files,
            "all rows name one contact, and a contact lies in one part: nothing is left to train on or to measure with",
            do="Give each row the id of its own contact, or leave contact_id out where nobody knows it",
        )
    if not parts["train"]:
        raise UsageError(
            files,
            f"none of the {contacts} contacts lies in the training part",
            do="Label turns of more contacts; a contact's part comes from the hash of its id",
        )


def _labelled(one: Annotation, number: int) -> LabelledTurn:
    return LabelledTurn(
        source=CAMPAIGN,
        dataset=CAMPAIGN,
        conversation=f"{number:05}",
        turn=one.turn or 0,
        style=_style(one.channel, one.text),
        text=one.text,
        sentiment=one.sentiment,
        acts=one.acts,
    )


def _style(channel: str | None, text: str) -> str:
    """The style that written replay of this kind has, so that turns are varied and composed alike."""
    if channel == "call":
        return "clean" if any(mark in text for mark in ".?!") else "asr"
    return "email" if channel == "email" else "chat"


def _unlike(turns: Sequence[LabelledTurn], others: Sequence[str]) -> list[LabelledTurn]:
    """The turns that say no other text again, word for word (four words or more) or nearly so."""
    same = {key for text in others if (key := duplicates.key(text))}
    nearly = duplicates.near([turn.text for turn in turns], others)
    return [
        turn for turn, near in zip(turns, nearly, strict=True) if not near and duplicates.key(turn.text) not in same
    ]


def _draw(team: Team, campaign: Campaign, seed: int, held: Collection[str]) -> _Drawn:
    """Distinct turns of the transcripts: those with the smallest hashes of seed and text, so any order of files agrees.

    Nothing is drawn from the contacts `held`. Labels lie in the same folder now and then; they are no transcripts.
    """
    if team.transcripts is None:
        return _Drawn()
    if not team.transcripts.is_dir():
        raise UsageError(str(team.transcripts), "no such folder", do="Give --data the folder of the transcripts")
    labels = {path.resolve() for path in team.labels}
    try:
        found = [one for one in find_sources([str(team.transcripts)]) if Path(one.as_posix()).resolve() not in labels]
    except UsageError:  # the folder is empty, which is allowed
        return _Drawn()
    limit = campaign.transcripts.turns
    kept: dict[str, SoftTurn] = {}
    skipped: list[str] = []
    refused = contacts = other_speakers = measuring = 0
    for record in read_contacts(found, team.options):
        if isinstance(record, Reject):
            refused += record.record > 0 and record.kind != "copy"
            skipped.extend([record.message] * (record.record == 0))
            continue
        if record.id in held:
            measuring += 1
            continue
        contacts += 1
        for turn in record.turns:
            if turn.speaker not in _SPEAKERS:
                other_speakers += 1
                continue
            text = as_scored(turn.text)
            key = hashlib.sha256(f"{seed}:{turn.speaker}:{text}".encode()).hexdigest()
            kept[key] = _unlabelled(turn.speaker, text, _style(record.channel, text))
        if len(kept) > 2 * limit + 10_000:
            kept = dict(sorted(kept.items())[:limit])
    turns = tuple(turn for _, turn in sorted(kept.items())[:limit])
    return _Drawn(turns, contacts, measuring, tuple(skipped), refused, other_speakers)


def _unlabelled(speaker: str, text: str, style: str) -> SoftTurn:
    acts = () if speaker == "agent" else None
    return SoftTurn(TRANSCRIPTS, TRANSCRIPTS, TRANSCRIPTS, 0, style, text, acts=acts)


def _soft(model: Model, turns: Sequence[SoftTurn], parts: Parts) -> tuple[SoftTurn, ...]:
    """The turns with the model's calibrated probabilities, without those that say a labelled turn again or nearly so.

    Of a short text only the same speaker's own counts: "yes" is everybody's, but where it is labelled the label holds.
    """
    labelled = {(turn.acts is None, turn.text) for part in parts.values() for turn in part}
    heads = {head.speaker: head for head in model.bundle.heads}
    new = [turn for turn in turns if (turn.acts is None, turn.text) not in labelled]
    chosen = [turn for turn in _unlike(new, [text for _, text in labelled]) if isinstance(turn, SoftTurn)]
    found = predict_texts(model, [(heads["customer" if turn.acts is None else "agent"], turn.text) for turn in chosen])
    made = []
    for turn, (probabilities, _) in zip(chosen, found, strict=True):
        if turn.acts is None:
            mood = SENTIMENTS[int(np.argmax(probabilities))]
            made.append(replace(turn, sentiment=mood, probabilities=probabilities))
        else:
            acts = tuple(act for act, p in zip(ACTS, probabilities, strict=True) if p >= 0.5)
            made.append(replace(turn, acts=acts, probabilities=probabilities))
    return tuple(made)


def _digest(turns: Iterable[SoftTurn]) -> str:
    lines = "".join(f"{'C' if turn.acts is None else 'A'} {turn.style} {turn.text}\0" for turn in turns)
    return hashlib.sha256(lines.encode()).hexdigest()


def _digest_labelled(parts: Parts) -> str:
    """Of what training reads, for texts may come from a run folder, whose ids say nothing of them."""
    rows = [[part, turn.acts is None, turn.style, turn.text, _labels(turn)] for part in PARTS for turn in parts[part]]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _labels(turn: LabelledTurn) -> tuple[str | None, ...]:
    return (turn.sentiment,) if turn.acts is None else turn.acts


def _counts(turns: Iterable[LabelledTurn]) -> dict[str, int]:
    found = Counter(label for turn in turns for label in _labels(turn))
    names = (*SENTIMENTS, *ACTS)
    return {"turns": sum(1 for _ in turns)} | {name: found[name] for name in names if found[name]}


def _notes(division: _Division, campaign: Campaign) -> list[str]:
    parts, left_out = division.parts, division.left_out
    sizes = ", ".join(f"{part} {len(parts[part])}" for part in PARTS)
    notes = [f"labelled turns: {sizes}; each training turn is shown {campaign.labelled.repeat:g} times an epoch"]
    if any(left_out.values()):
        notes.append(
            f"left out, for training reads the same words: {left_out['dev']} of dev, {left_out['test']} of the measure"
        )
    if division.repeats:
        notes.append(
            f"of the {len(parts['test'])} turns that measure, {division.repeats} of fewer than four words repeat a "
            "labelled training turn word for word; they stay, for contacts are made of such turns"
        )
    if division.unsure:
        notes.append(
            f"held-out turns that were picked as unsure, and so are not measured: {division.unsure} (picked where the "
            "start model is weak, they flatter whatever comes after it)"
        )
    if division.unmarked:
        notes.append(
            f"labelled turns that do not say why they were picked: {division.unmarked}; if for a model's doubt, the "
            "table flatters the new model (a column picked, unsure or chance, mends that)"
        )
    if division.unnamed:
        notes.append(
            f"labelled turns that name no contact: {division.unnamed}; turns of one contact may be trained on and "
            "measured, so no verdict is given (a column contact_id mends that)"
        )
    shown = _counts(parts["train"])
    if bare := [label for label in (*SENTIMENTS, *ACTS) if label not in shown]:
        notes.append(f"no labelled training turn carries {', '.join(bare)}: there the replay alone teaches")
    return notes


def _notes_of(drawn: _Drawn, soft: Sequence[SoftTurn], team: Team) -> list[str]:
    notes = [f"skipped: {message}" for message in drawn.skipped]
    if drawn.skipped:
        notes.append(f"{len(drawn.skipped)} files of the transcripts could not be read and were skipped")
    if drawn.refused:
        notes.append(f"{drawn.refused} records were refused; cxsentiment check {team.transcripts} says why")
    if drawn.other_speakers:
        notes.append(f"{drawn.other_speakers} turns of other or unknown speakers were left out (--role names speakers)")
    if drawn.held:
        notes.append(f"contacts of the transcripts that measure, so that nothing was drawn from them: {drawn.held}")
    if soft:
        notes.append(f"unlabelled turns: {len(soft)} drawn from {drawn.contacts} contacts")
    else:
        where = "no --data was given" if team.transcripts is None else f"{team.transcripts} gave no turns"
        notes.append(f"training goes without unlabelled transcripts: {where}")
    return notes
