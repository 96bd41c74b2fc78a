"""One shard: a slice of the input, masked, predicted, measured, scored and written; a pure function of what it gets.

Any engine (this process, a pool, a cluster) that maps `Scorer.score_shard` over the same shards writes the same bytes.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment import runs
from cxsentiment.ingest.values import shown
from cxsentiment.model import Model
from cxsentiment.predict import Memory, predict
from cxsentiment.privacy import EVERYTHING_USUAL, Masking, MaskingError, mask_transcript
from cxsentiment.rubric import Rubric
from cxsentiment.schema import SIGNALS, Evaluation, Reject, Signal, Transcript, Turn, TurnPrediction
from cxsentiment.score import Labels, evaluate
from cxsentiment.signals import measure

# A shard closes at whichever comes first: large enough that Parquet compresses, small enough that all cores have work,
# an interruption loses little and memory stays flat. A longer contact is a shard of its own.
SHARD_CONTACTS = 500
SHARD_TURNS = 4_000
PHASES = ("mask", "predict", "score", "write")


@dataclass(frozen=True, slots=True)
class Shard:
    """A slice of the input: its number, its key and its contacts, not yet masked."""

    number: int
    key: str
    contacts: tuple[Transcript, ...]


@dataclass(frozen=True, slots=True)
class ShardResult:
    """A finished shard: what it tells the receipt, its files' hashes, and its seconds per phase (none if reused)."""

    number: int
    note: runs.ShardNote
    hashes: Mapping[str, str]
    seconds: Mapping[str, float]


def cut(transcripts: Iterable[Transcript], identity: str) -> Iterator[Shard]:
    """Cut contacts, in order, into shards whose keys hash the run's `identity` and everything the slice holds."""
    batch: list[Transcript] = []
    turns = number = 0
    for transcript in transcripts:
        if batch and (len(batch) == SHARD_CONTACTS or turns + len(transcript.turns) > SHARD_TURNS):
            yield _shard(number, identity, batch)
            number, batch, turns = number + 1, [], 0
        batch.append(transcript)
        turns += len(transcript.turns)
    if batch:
        yield _shard(number, identity, batch)


def _shard(number: int, identity: str, contacts: Sequence[Transcript]) -> Shard:
    digest = hashlib.sha256(identity.encode())
    for transcript in contacts:
        digest.update(repr(transcript).encode("utf-8", "backslashreplace"))
    return Shard(number, digest.hexdigest(), tuple(contacts))


class Scorer:
    """What a process needs to score shards: the model, loaded once, and the rubric."""

    def __init__(self, model: Path, rubric: Rubric, masking: Masking = EVERYTHING_USUAL) -> None:
        self.model = Model(model)
        self.rubric = rubric
        self.masking = masking
        self.memory = Memory()
        self.acts = next(head for head in self.model.bundle.heads if head.speaker == "agent")

    def score_shard(self, shard: Shard, run_folder: Path) -> ShardResult:
        """Score one shard into `run_folder`, replacing what may lie there under its number."""
        clock = _Clock()
        masked: list[Transcript] = []
        counts: Counter[str] = Counter()
        refused: list[Reject] = []
        for contact in shard.contacts:
            try:
                transcript, found = mask_transcript(contact, self.masking)
            except MaskingError as error:  # what cannot be masked is neither scored nor written
                refused.append(Reject(contact.source, contact.record, shown(contact.id), error.code, error.message))
                continue
            masked.append(transcript)
            counts.update(found)
        clock.lap("mask")
        predictions = predict(self.model, masked, self.memory)
        clock.lap("predict")
        labels = Labels(self.acts.labels, self.acts.thresholds)
        rows = _Rows({head.name: head.labels for head in self.model.bundle.heads})
        for transcript, predicted in zip(masked, predictions, strict=True):
            evaluation = evaluate(transcript, predicted, self.rubric, labels)
            rows.add(transcript, predicted, measure(transcript, predicted), evaluation)
        clock.lap("score")
        reasons = Counter(reason for reason in rows.tables["contacts"]["null_reason"] if reason)
        note = _note(shard.key, masked, predictions, counts, reasons, refused)
        hashes = runs.write_shard(run_folder, shard.number, rows.tables, note)
        clock.lap("write")
        return ShardResult(shard.number, note, hashes, clock.seconds)


class _Clock:
    """Seconds per phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = now - self._last
        self._last = now


class _Rows:
    """The columns of a shard's three tables, filled contact by contact."""

    def __init__(self, labels: Mapping[str, tuple[str, ...]]) -> None:
        self._labels = labels
        self.tables: dict[str, dict[str, list[Any]]] = {
            name: {column: [] for column in schema.names} for name, schema in runs.SCHEMAS.items()
        }

    def add(
        self,
        transcript: Transcript,
        predictions: Sequence[TurnPrediction],
        signals: Mapping[str, Signal],
        evaluation: Evaluation,
    ) -> None:
        self._append("contacts", _contact_row(transcript, signals, evaluation))
        by_turn = {prediction.turn: prediction for prediction in predictions}
        for turn in transcript.turns:
            self._append("turns", self._turn_row(transcript, turn, by_turn.get(turn.index)))
        for result in evaluation.items:
            evidence = result.evidence
            row = {
                "contact_id": transcript.id,
                "item": result.item,
                "section": result.section,
                "verdict": result.verdict,
                "p_met": result.p_met,
                "points": result.points,
                "weight": result.weight,
                "critical": result.critical,
            }
            if evidence is not None:
                row |= {
                    "evidence_turn": evidence.turn,
                    "evidence_start": evidence.start,
                    "evidence_end": evidence.end,
                    "evidence_quote": evidence.quote,
                }
            self._append("items", row)

    def _turn_row(self, transcript: Transcript, turn: Turn, prediction: TurnPrediction | None) -> dict[str, Any]:
        row: dict[str, Any] = {
            "contact_id": transcript.id,
            "turn": turn.index,
            "speaker": turn.speaker,
            "text": turn.text,
            "start_s": turn.start_s,
            "end_s": turn.end_s,
            "agent_id": turn.agent_id,
        }
        if prediction is not None:
            labels = self._labels[prediction.head]
            row |= {f"p_{label}": p for label, p in zip(labels, prediction.probs, strict=True)}
        return row

    def _append(self, table: str, row: Mapping[str, Any]) -> None:
        for column, values in self.tables[table].items():
            values.append(row.get(column))


def _contact_row(transcript: Transcript, signals: Mapping[str, Signal], evaluation: Evaluation) -> dict[str, Any]:
    speakers = Counter(turn.speaker for turn in transcript.turns)
    row: dict[str, Any] = {
        "contact_id": transcript.id,
        "source": transcript.source,
        "record": transcript.record,
        "agent_id": transcript.agent_id,
        "customer_id": transcript.customer_id,
        "campaign": transcript.campaign,
        "channel": transcript.channel,
        "queue": transcript.queue,
        "started_at": transcript.started_at,
        "duration_s": _duration(transcript.turns),
        "turns": len(transcript.turns),
        "agent_turns": speakers["agent"],
        "customer_turns": speakers["customer"],
        "score": evaluation.score,
        "coverage": evaluation.coverage,
        "null_reason": evaluation.null_reason,
        "csat": transcript.csat,
        "nps": transcript.nps,
        "ces": transcript.ces,
        "role_source": transcript.role_source,
        "role_p": transcript.role_p,
    }
    row |= {f"p_critical_{kind}": p for kind, p in evaluation.p_critical.items()}
    return row | {name: signals[name].value for name in SIGNALS} | dict(transcript.log)


def _duration(turns: Sequence[Turn]) -> float | None:
    """Seconds from the first turn's start to the last known moment; None without times."""
    starts = [turn.start_s for turn in turns if turn.start_s is not None]
    ends = starts + [turn.end_s for turn in turns if turn.end_s is not None]
    return round(max(ends) - min(starts), 3) if starts else None


def _note(
    key: str,
    contacts: Sequence[Transcript],
    predictions: Sequence[Sequence[TurnPrediction]],
    masked: Mapping[str, int],
    reasons: Mapping[str, int],
    refused: Sequence[Reject],
) -> runs.ShardNote:
    without_text = sum(contact.dropped_turns for contact in contacts)
    return runs.ShardNote(
        key=key,
        contacts=len(contacts),
        turns_in=sum(len(contact.turns) for contact in contacts) + without_text,
        turns_scored=sum(len(predicted) for predicted in predictions),
        turns_without_text=without_text,
        turns_unknown_speaker=sum(t.speaker == "unknown" for contact in contacts for t in contact.turns),
        null_reasons=dict(sorted(reasons.items())),
        masked=dict(sorted(masked.items())),
        warnings=dict(sorted(Counter(w for contact in contacts for w in contact.warnings).items())),
        roles=dict(sorted(Counter(contact.role_source for contact in contacts).items())),
        refused=tuple(refused),
    )
