"""A team's campaign as training data: its labelled turns, split by contact, and its unlabelled ones with soft targets.

The labelled turns are split by the hash of their contact; where no contact is given, each distinct text is a
conversation of its own. Turns for calibrating and measuring whose words training also reads are left out, for macros
recur in many contacts, and the figures should tell of wording that was never shown. Unlabelled turns get the
probabilities of the start model as targets: they show the campaign's wording and keep the model from forgetting, and
are no source of new knowledge, so those that nearly repeat a labelled turn are left out.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from training.annotations import Annotation, Annotations, read_annotations
from training.batches import SoftTurn
from training.catalogue import source_of
from training.config import CAMPAIGN, TRANSCRIPTS, Campaign, Config, Split, start_folder
from training.data import PARTS, TAUGHT, Part, Tables, build, part_of
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
    no texts); `notes` are for the person at the terminal.
    """

    tables: Tables
    soft: tuple[SoftTurn, ...]
    facts: Mapping[str, object]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Distinct unlabelled turns, drawn by seed, and how the reading went."""

    turns: tuple[SoftTurn, ...] = ()
    contacts: int = 0
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
    parts, left_out = _split(annotations, campaign, config.split.salt)
    tables = build(_PACKAGE, config, parts)
    drawn = _draw(team, campaign, config.seed)
    soft = _soft(Model(start), [turn for turn in drawn.turns if turn.text], parts)
    bundle, sha256 = read_bundle(start)
    untaught = sum(number for reason, number in tables.dropped.items() if reason.endswith(TAUGHT))
    files = {**tables.files, **annotations.files, f"start {bundle.name} {bundle.version}": sha256}
    if soft:
        files["transcripts, turns drawn"] = _digest(soft)
    facts = {
        "labels": {
            "files": dict(annotations.files),
            "turns": len(annotations.turns),
            "contacts": len({one.contact for one in annotations.turns if one.contact}),
            "parts": {part: _counts(parts[part]) for part in PARTS},
            "left_out": left_out,
            "replay_dev_left_out": untaught,
        },
        "transcripts": {
            "contacts": drawn.contacts,
            "files_skipped": len(drawn.skipped),
            "records_refused": drawn.refused,
            "turns_used": len(soft),
            "sha256": files.get("transcripts, turns drawn"),
        },
    }
    told = _notes(parts, left_out, campaign)
    if untaught:
        told.append(f"left out of the replay's dev part, for labelled training turns say the same words: {untaught}")
    notes = (*annotations.notes, *told, *_notes_of(drawn, soft, team))
    return Material(replace(tables, files=files), soft, facts, notes)


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


def _split(
    annotations: Annotations, campaign: Campaign, salt: str
) -> tuple[dict[Part, list[LabelledTurn]], dict[str, int]]:
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
    for one in annotations.turns:
        conversation = one.contact or f"{one.speaker}: {one.text}"
        # Contacts are numbered: a model folder travels, and ids of contacts need not travel with it.
        number = numbers.setdefault(conversation, len(numbers) + 1)
        parts[part_of(split, conversation)].append(_labelled(one, number))
    shown = [turn.text for turn in parts["train"]]
    left_out = {}
    for part in ("dev", "test"):
        kept = _unlike(parts[part], shown)
        left_out[part] = len(parts[part]) - len(kept)
        parts[part] = kept
    if len(parts["test"]) < campaign.least_test:
        raise UsageError(
            ", ".join(annotations.files),
            f"{len(parts['test'])} turns of {len(numbers)} contacts are held out ({left_out['test']} more repeat the "
            "words of training turns): too few to tell whether the new model is better",
            allowed=f"{campaign.least_test} or more (campaign.least_test of the recipe)",
            do="Label turns of more contacts; a contact's part comes from the hash of its id",
        )
    return parts, left_out


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


def _draw(team: Team, campaign: Campaign, seed: int) -> _Drawn:
    """Distinct turns of the transcripts: those with the smallest hashes of seed and text, so any order of files agrees.

    Labels lie in the same folder now and then; they are no transcripts.
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
    refused = contacts = other_speakers = 0
    for record in read_contacts(found, team.options):
        if isinstance(record, Reject):
            refused += record.record > 0 and record.kind != "copy"
            skipped.extend([record.message] * (record.record == 0))
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
    return _Drawn(turns, contacts, tuple(skipped), refused, other_speakers)


def _unlabelled(speaker: str, text: str, style: str) -> SoftTurn:
    acts = () if speaker == "agent" else None
    return SoftTurn(TRANSCRIPTS, TRANSCRIPTS, TRANSCRIPTS, 0, style, text, acts=acts)


def _soft(model: Model, turns: Sequence[SoftTurn], parts: Parts) -> tuple[SoftTurn, ...]:
    """The turns with the model's calibrated probabilities, without those that nearly repeat a labelled turn."""
    labelled = [turn.text for part in parts.values() for turn in part]
    heads = {head.speaker: head for head in model.bundle.heads}
    chosen = [turn for turn in _unlike(turns, labelled) if isinstance(turn, SoftTurn)]
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


def _counts(turns: Iterable[LabelledTurn]) -> dict[str, int]:
    found = Counter(label for turn in turns for label in ((turn.sentiment,) if turn.acts is None else turn.acts))
    names = (*SENTIMENTS, *ACTS)
    return {"turns": sum(1 for _ in turns)} | {name: found[name] for name in names if found[name]}


def _notes(parts: Parts, left_out: Mapping[str, int], campaign: Campaign) -> list[str]:
    sizes = ", ".join(f"{part} {len(parts[part])}" for part in PARTS)
    notes = [f"labelled turns: {sizes}; each training turn is shown {campaign.labelled.repeat:g} times an epoch"]
    if any(left_out.values()):
        notes.append(
            f"left out, for training reads the same words: {left_out['dev']} of dev, {left_out['test']} of the measure"
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
    if soft:
        notes.append(f"unlabelled turns: {len(soft)} drawn from {drawn.contacts} contacts")
    else:
        where = "no --data was given" if team.transcripts is None else f"{team.transcripts} gave no turns"
        notes.append(f"training goes without unlabelled transcripts: {where}")
    return notes
