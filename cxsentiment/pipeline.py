"""Stage 1: read → shards → scored shards → receipt. `run` reads top to bottom."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from cxsentiment import erasures, lock, runs, spark_engine
from cxsentiment.cache import Cache
from cxsentiment.cores import scorers
from cxsentiment.devices import Device, memory_of, require
from cxsentiment.engines import Engine, LocalEngine
from cxsentiment.errors import UsageError
from cxsentiment.executors import Task, folder_there
from cxsentiment.ingest.contactlog import ContactLog, LogJoin
from cxsentiment.ingest.identities import FirstSeen
from cxsentiment.ingest.intake import read_contacts, require_format
from cxsentiment.ingest.matching import HELD_COLUMNS, Held, Joined, held, join
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.scales import Scales
from cxsentiment.ingest.sources import Source, find_sources
from cxsentiment.ingest.surveys import Surveys, on_scale
from cxsentiment.ingest.surveys import apply as apply_survey
from cxsentiment.libraries import versions
from cxsentiment.model import Bundle, read_bundle
from cxsentiment.privacy import EVERYTHING_USUAL, Masking
from cxsentiment.privacy.pseudonyms import pseudonym
from cxsentiment.receipt import Plan, Reading, begin, compose, earlier_run, fingerprint, refused_of, stands
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Reject, Transcript
from cxsentiment.shards import Shard, ShardResult, cut
from cxsentiment.spark_engine import Spark, SparkEngine
from cxsentiment.spending import processor_seconds, spent
from cxsentiment.spool import Spool
from cxsentiment.stillness import Stillness
from cxsentiment.stopping import Stop, stoppable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run does besides its inputs.

    `scales` are those of answers, also of those inside the transcripts; `workers` 0 means one process per available
    core, as far as the memory goes (`cores.scorers`); with `spark` its executors score instead; `command` is what was
    typed, for the receipt; `known` are contacts scored elsewhere, which are refused here; `cache` is a folder in which
    processes and runs share what the model said (see `cache`); `device` runs the model.
    """

    model: Path
    rubric: Rubric
    options: ReadOptions = field(default_factory=ReadOptions)
    surveys: Surveys | None = None
    scales: Scales = field(default_factory=Scales)
    log: ContactLog | None = None
    masking: Masking = EVERYTHING_USUAL
    workers: int = 0
    spark: Spark | None = None
    overwrite: bool = False
    demo: bool = False
    command: str = ""
    price_per_core_hour: float | None = None
    cache: Path | None = None
    device: Device = "cpu"
    known: FirstSeen = field(default_factory=FirstSeen)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `fraction` (0-1) of the input; contacts and turns done; `seconds` since the start."""

    fraction: float
    contacts: int
    turns: int
    seconds: float


def run(
    inputs: Sequence[str],
    out: Path,
    settings: Settings,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_stop: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Score `inputs` (files, folders, globs) into the run folder `out` and return its receipt.

    Finished shards of an earlier, equal run are kept. Where nothing is left to do, nothing is written, and the receipt
    that is returned says `already_scored`. Ctrl-C or SIGTERM (`on_stop` is called) first finishes the shards under way
    and then raises KeyboardInterrupt; a second one raises it at once. Raises UsageError for inputs or a folder that
    cannot be used, BundleError for a broken model, RunError where another process writes to `out`, or it cannot be
    written, UnsettledError where an input was changed meanwhile.
    """
    _refuse(settings)
    require(settings.device)
    require_format(settings.options)
    clock = _Clock()
    sources = _outside(out, find_sources(inputs))
    still = Stillness(sources)
    bundle, model_sha256 = read_bundle(settings.model)  # a broken model stops the run before anything is read
    if settings.cache is not None:  # one that cannot be used stops the run before anything is read
        width = sum(len(head.labels) for head in bundle.heads)
        Cache(settings.cache, model_sha256, width, settings.device).close()
    plan = plan_of(settings, bundle, model_sha256, tuple(fingerprint(path) for path in sources))
    with lock.alone(out, "cxsentiment score") as sign, Spool(out) as refused, stoppable(on_stop) as stop:
        return _run(plan, out, sources, still, settings, clock, sign, refused, stop, on_progress)


def plan_of(settings: Settings, bundle: Bundle, model_sha256: str, inputs: Sequence[Mapping[str, Any]]) -> Plan:
    """What fixes the output of a run over inputs with these fingerprints."""
    return Plan(
        bundle,
        model_sha256,
        settings.rubric,
        settings.options,
        settings.surveys,
        settings.scales,
        settings.log,
        settings.masking,
        tuple(inputs),
        settings.demo,
        settings.command,
        bundle.engine(settings.device),
        versions(settings.masking, settings.device),
    )


def _run(
    plan: Plan,
    out: Path,
    sources: Sequence[Source],
    still: Stillness,
    settings: Settings,
    clock: "_Clock",
    sign: Callable[[], None],
    refused: Spool,
    stop: Stop,
    on_progress: Callable[[Progress], None],
) -> dict[str, Any]:
    """The run itself, in a folder that is held; `refused` takes what is refused of the input."""
    before = earlier_run(out, plan, overwrite=settings.overwrite)
    redone: dict[str, None] = {}
    erased = erasures.suppression(out, settings.masking.key)
    if before is None:
        runs.remove_report(out)
    elif before.get("state") == "complete":
        if not plan.offers(before):  # read again; shards that hold the same contacts are kept
            runs.remove_report(out)
        elif stands(out, before):
            return before | {"already_scored": True}
        redone = dict.fromkeys(runs.remove_altered(out, before["files"]))
    sign()
    runs.remove_asides(out)
    runs.write_receipt(out, {**begin(plan), **erased.head})

    reader = _Reader(sources, settings, sum(entry["bytes"] for entry in plan.inputs), refused)
    results: list[ShardResult] = []
    shards = _without(erased, cut(reader.transcripts(), plan.identity()))
    engine = _engine(plan, out, settings)
    for result in _score_all(shards, out, engine, stop, redone):
        results.append(result)
        contacts = sum(r.note.contacts for r in results)
        turns = sum(r.note.turns_in for r in results)
        share = reader.fraction * contacts / max(reader.contacts, 1)
        on_progress(Progress(share, contacts, turns, clock.seconds))
    still.check()
    results.sort(key=lambda result: result.number)
    runs.remove_shards_from(out, len(results))
    joined = _joined(out, settings.surveys, reader.matched)
    side = runs.write_side_table(out, "surveys", erased.rows(_loose_answers(settings.surveys, joined)))
    side |= runs.write_side_table(out, "log", erased.rows(_log_rows(reader.log, settings.masking.key)))

    def rejects() -> Iterator[Reject]:
        """What was refused of the input, in reading and in scoring, without those who were erased."""
        return erased.rejects(chain(refused, (one for result in results for one in result.note.refused)))

    runs.write_rejects(out, chain(rejects(), erased.rejects(_rejects_beside(settings, joined))))
    reading = Reading(
        reader.contacts + refused.kinds["record"] + refused.kinds["copy"],
        refused_of(rejects()),
        reader.seconds,
        joined.facts if joined else None,
        reader.log.facts() if reader.log else None,
        side,
        reader.formats,
    )
    receipt = erased.receipt(compose(plan, out, results, reading, clock.started, clock.seconds))
    core_seconds = clock.core_seconds + sum(result.core_seconds for result in results)
    receipt |= spent(results, clock.seconds, core_seconds, settings.price_per_core_hour)
    receipt |= {"engine": engine.facts, "redone": sorted(redone)}
    runs.write_receipt(out, receipt)
    return receipt


class _Clock:
    """When a run began, and what has passed since; a wall clock that is set meanwhile changes only the date."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._begun = time.perf_counter()
        self._work = processor_seconds()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begun

    @property
    def core_seconds(self) -> float:
        """Of this process, and of workers that have ended."""
        return processor_seconds() - self._work


def _without(erased: erasures.Suppression, shards: Iterable[Shard]) -> Iterator[Shard]:
    """The shards, with the same keys, without contacts that were erased from this run."""
    for shard in shards:
        yield replace(shard, contacts=tuple(one for one in shard.contacts if not erased.takes(one)))


def _log_rows(log: LogJoin | None, key: bytes | None) -> list[dict[str, Any]] | None:
    """The rows of the contact log as they are written: with pseudonyms where the contacts have them."""
    if log is None:
        return None
    rows = log.table()
    if key is not None:
        for row in rows:
            for kind in ("customer", "agent"):
                if (identity := row.get(f"{kind}_id")) is not None:
                    row[f"{kind}_id"] = pseudonym(key, kind, str(identity))
    return rows


def _refuse(settings: Settings) -> None:
    if settings.spark is not None:
        spark_engine.refuse(settings.spark, settings.workers, settings.cache)
    if settings.masking.key is not None and settings.surveys and settings.surveys.rules.match == "customer":
        raise UsageError(
            "--match customer",
            "answers cannot be matched by customer where customers have pseudonyms",
            do="Match by contact id, or leave --pseudonym-key out",
        )


def _joined(out: Path, surveys: Surveys | None, matched: Iterable[str]) -> Joined | None:
    """What became of the survey answers. By customer they can only be matched when all contacts are known."""
    if surveys is None:
        return None
    if surveys.rules.match == "id":
        return join(surveys, map(Held, matched))
    return join(surveys, held(runs.read_table(out, "contacts", HELD_COLUMNS)))


def _loose_answers(surveys: Surveys | None, joined: Joined | None) -> list[dict[str, Any]] | None:
    """Rows of the table of answers that joined after scoring; None where none can."""
    if surveys is None or joined is None or surveys.rules.match == "id":
        return None
    return [{"contact_id": name, **asdict(survey)} for name, survey in joined.answers.items()]


def _rejects_beside(settings: Settings, joined: Joined | None) -> list[Reject]:
    """Refused rows of surveys and of the contact log."""
    surveys = settings.surveys.rejects if settings.surveys else ()
    return [*surveys, *(joined.rejects if joined else ()), *(settings.log.rejects if settings.log else ())]


def _outside(out: Path, sources: Sequence[Source]) -> list[Source]:
    """The sources that are not part of the run folder itself, which may lie inside the folder that is scored."""
    own = lock.resolved(out)

    def lies_in_it(one: Source) -> bool:
        # A link is refused when it is read; one that leads round in a circle cannot be resolved.
        return isinstance(one, Path) and not one.is_symlink() and one.resolve().is_relative_to(own)

    return [one for one in sources if not lies_in_it(one)]


class _Reader:
    """The input as transcripts, with what is learnt on the way: refused records, counts, how far it has read."""

    def __init__(self, sources: Sequence[Source], settings: Settings, size: int, refused: Spool) -> None:
        self._sources = sources
        self._options = settings.options
        self._surveys = settings.surveys
        self._scales = settings.scales
        self._known = settings.known.copy()
        self._size = max(size, 1)
        self._bytes = 0
        self._refused = refused
        self.contacts = 0
        self.formats: Counter[str] = Counter()
        self.matched: dict[str, None] = {}
        self.log = LogJoin(settings.log) if settings.log else None
        self.seconds = 0.0

    @property
    def fraction(self) -> float:
        return min(self._bytes / self._size, 1.0)

    def transcripts(self) -> Iterator[Transcript]:
        records = read_contacts(self._sources, self._options, self._advance, self._known)
        while True:
            begun = time.perf_counter()
            record = next(records, None)
            self.seconds += time.perf_counter() - begun
            if record is None:
                return
            if isinstance(record, Reject):
                self._refused.add(record)
                continue
            self.contacts += 1
            self.formats[record.format] += 1
            yield self._joined(record)

    def _joined(self, contact: Transcript) -> Transcript:
        """The contact with what surveys and the contact log say of it."""
        contact = on_scale(self._scales, contact)
        if self._surveys is not None and contact.id in self._surveys.answers:
            self.matched[contact.id] = None
            contact = apply_survey(self._surveys, contact)
        return contact if self.log is None else self.log.apply(contact)

    def _advance(self, count: int) -> None:
        self._bytes += count


def _engine(plan: Plan, out: Path, settings: Settings) -> Engine:
    """Where shards are scored; nothing of it has been started yet."""
    model, rubric, masking = settings.model, settings.rubric, settings.masking
    if settings.spark is None:
        read = (plan.bundle, plan.model_sha256)
        workers = settings.workers or scorers(memory_of(settings.device))
        return LocalEngine(workers, model, rubric, masking, settings.cache, settings.device, read, out)
    task = Task(folder_there(model), plan.model_sha256, plan.libraries, rubric, masking, settings.device)
    return SparkEngine(settings.spark, task, out)


def _score_all(
    shards: Iterable[Shard], out: Path, engine: Engine, stop: Stop, redone: dict[str, None]
) -> Iterator[ShardResult]:
    """Score every shard that is not finished, with a bounded number under way.

    `read` is what `read_bundle` said of the model. Files of damaged shards, which are scored again, are added to
    `redone`.
    """
    pending: set[Future[ShardResult]] = set()
    with _deaths_told(engine, stop):
        try:
            for shard, is_last in _with_last(shards):
                stop.check()
                if (found := runs.read_shard_note(out, shard.number, shard.key, redone.setdefault)) is not None:
                    yield ShardResult(shard.number, found[0], found[1], {})
                    continue
                pending.add(engine.submit(shard, is_last=is_last))
                if len(pending) > engine.room:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while pending:
                stop.check()
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            engine.close(at_once=stop.insisted)


@contextmanager
def _deaths_told(engine: Engine, stop: Stop) -> Iterator[None]:
    """Say what the death of a worker means. Where a stop was asked for, workers were asked too, and end after a shard.

    Raises RunError for a death that nobody asked for.
    """
    try:
        yield
    except Exception as error:
        if (told := engine.told(error)) is None:
            raise
        stop.check()
        raise told from error


def _with_last(items: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Each item, with whether it is the last."""
    held: list[T] = []
    for item in items:
        if held:
            yield held.pop(), False
        held.append(item)
    if held:
        yield held.pop(), True
