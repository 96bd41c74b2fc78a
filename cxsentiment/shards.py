"""One shard: a slice of the input, masked, predicted, measured, scored and written; a pure function of what it gets.

Any engine (this process, a pool, a cluster) that maps `Scorer.score` over the same shards makes the same bytes.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment import runs
from cxsentiment.cache import Cache
from cxsentiment.devices import Device
from cxsentiment.ingest.values import shown
from cxsentiment.model import Bundle, Model
from cxsentiment.predict import Memory, predict
from cxsentiment.privacy import EVERYTHING_USUAL, Masking, MaskingError, mask_transcript
from cxsentiment.rows import Rows, measured
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Reject, Transcript, TurnPrediction
from cxsentiment.score.contact import Labels
from cxsentiment.score.evaluation import Scorecard
from cxsentiment.signals import measure

# A shard closes at whichever comes first: large enough that Parquet compresses, small enough that all cores have work,
# an interruption loses little and memory stays flat. A longer contact is a shard of its own.
SHARD_CONTACTS = 500
SHARD_TURNS = 4_000
SHARD_CHARACTERS = 4_000_000  # ten times what so many turns have
PHASES = ("mask", "predict", "score", "write")


@dataclass(frozen=True, slots=True)
class Shard:
    """A slice of the input: its number, its key and its contacts, not yet masked."""

    number: int
    key: str
    contacts: tuple[Transcript, ...]


@dataclass(frozen=True, slots=True)
class ShardResult:
    """A finished shard: what it tells the receipt, its files' hashes, and its seconds per phase (none if reused).

    `core_seconds` are those of processors that worked for it in another process, where this one is not told of them.
    """

    number: int
    note: runs.ShardNote
    hashes: Mapping[str, str]
    seconds: Mapping[str, float]
    core_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ScoredShard:
    """A shard that is scored and not yet written: its files by their path in a run folder, in the order of writing."""

    number: int
    note: runs.ShardNote
    files: Mapping[str, bytes]
    seconds: Mapping[str, float]
    core_seconds: float = 0.0

    def write(self, run_folder: Path) -> ShardResult:
        """Write the files, replacing what may lie there under the shard's number."""
        begun = time.perf_counter()
        hashes = runs.write_files(run_folder, self.files)
        seconds = {**self.seconds, "write": self.seconds["write"] + time.perf_counter() - begun}
        return ShardResult(self.number, self.note, hashes, seconds, self.core_seconds)


def cut(transcripts: Iterable[Transcript], identity: str) -> Iterator[Shard]:
    """Cut contacts, in order, into shards whose keys hash the run's `identity` and everything the slice holds."""
    batch: list[Transcript] = []
    turns = characters = number = 0
    for transcript in transcripts:
        said = sum(len(turn.text) for turn in transcript.turns)
        full = len(batch) == SHARD_CONTACTS or turns + len(transcript.turns) > SHARD_TURNS
        if batch and (full or characters + said > SHARD_CHARACTERS):
            yield _shard(number, identity, batch)
            number, batch, turns, characters = number + 1, [], 0, 0
        batch.append(transcript)
        turns += len(transcript.turns)
        characters += said
    if batch:
        yield _shard(number, identity, batch)


def _shard(number: int, identity: str, contacts: Sequence[Transcript]) -> Shard:
    digest = hashlib.sha256(identity.encode())
    for transcript in contacts:
        digest.update(repr(transcript).encode("utf-8", "backslashreplace"))
    return Shard(number, digest.hexdigest(), tuple(contacts))


class Scorer:
    """What a process needs to score shards: the model, loaded once, and the rubric; `cache`: a folder, or none.

    `read` as for `Model`.
    """

    def __init__(
        self,
        model: Path,
        rubric: Rubric,
        masking: Masking = EVERYTHING_USUAL,
        cache: Path | None = None,
        device: Device = "cpu",
        read: tuple[Bundle, str] | None = None,
    ) -> None:
        self.model = Model(model, device, read)
        acts = next(head for head in self.model.bundle.heads if head.speaker == "agent")
        self.scorecard = Scorecard(rubric, Labels(acts.labels, acts.thresholds))
        self.masking = masking
        width = sum(len(head.labels) for head in self.model.bundle.heads)
        self.memory = Memory(Cache(cache, self.model.sha256, width, device) if cache else None)

    def score_shard(self, shard: Shard, run_folder: Path) -> ShardResult:
        """Score one shard into `run_folder`, replacing what may lie there under its number."""
        return self.score(shard).write(run_folder)

    def score(self, shard: Shard) -> ScoredShard:
        """Score one shard and leave its files to be written by whoever asked."""
        clock = _Clock()
        tables, note = self._tables(shard, clock)
        files = runs.shard_files(shard.number, tables, note)
        clock.lap("write")
        return ScoredShard(shard.number, note, files, clock.seconds)

    def tables(self, shard: Shard) -> tuple[Mapping[str, Mapping[str, Sequence[Any]]], runs.ShardNote]:
        """What the files of a shard hold: the columns of each table by name, and the note."""
        return self._tables(shard, _Clock())

    def _tables(
        self, shard: Shard, clock: "_Clock"
    ) -> tuple[Mapping[str, Mapping[str, Sequence[Any]]], runs.ShardNote]:
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
        rows = Rows({head.name: head.labels for head in self.model.bundle.heads})
        for transcript, predicted in zip(masked, predictions, strict=True):
            signals = measure(transcript, predicted)
            evaluation = self.scorecard.evaluate(transcript, predicted, measured(transcript, signals))
            rows.add(transcript, predicted, signals, evaluation)
        clock.lap("score")
        tables = rows.tables
        reasons = Counter(reason for reason in tables["contacts"]["null_reason"] if reason)
        return tables, _note(shard.key, masked, predictions, counts, reasons, refused)


class _Clock:
    """Seconds per phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = now - self._last
        self._last = now


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
        notes=dict(sorted(Counter(line for contact in contacts for line in contact.notes).items())),
        roles=dict(sorted(Counter(contact.role_source for contact in contacts).items())),
        refused=tuple(refused),
    )
