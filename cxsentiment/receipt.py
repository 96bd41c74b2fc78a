"""The receipt of a run (run.json): what was scored, with what, how long it took, and hashes to check it all by."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cxsentiment import parts, runs
from cxsentiment.errors import UsageError
from cxsentiment.ingest.contactlog import ContactLog
from cxsentiment.ingest.identities import told_of_copies
from cxsentiment.ingest.installed import installed, offered
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.scales import Scales
from cxsentiment.ingest.sources import Source, size_of, source_name
from cxsentiment.ingest.surveys import Surveys
from cxsentiment.libraries import OWN, told
from cxsentiment.model import Bundle
from cxsentiment.privacy import Masking
from cxsentiment.privacy.pseudonyms import key_mark
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Reject
from cxsentiment.shards import PHASES, ShardResult

FORMAT = 4
_WARNINGS_SHOWN = 100
_CHUNK = 2**20
_LIBRARIES = "versions of the libraries that shape results"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that fixes a run's output."""

    bundle: Bundle
    model_sha256: str
    rubric: Rubric
    options: ReadOptions
    surveys: Surveys | None
    scales: Scales
    log: ContactLog | None
    masking: Masking
    inputs: tuple[Mapping[str, Any], ...]
    demo: bool
    command: str
    device: Mapping[str, str]
    libraries: Mapping[str, str | None]

    def parts(self) -> dict[str, str]:
        """A hash of each part, by the name that a person knows it by."""
        facts: dict[str, object] = {
            "version of cxsentiment": [FORMAT, version("cxsentiment")],
            "model": self.model_sha256,
            "rubric": self.rubric.sha256,
            "options of reading (--map, --role, --format …)": [
                dict(self.options.columns),
                dict(self.options.roles),
                self.options.format,
                self.options.guess_roles,
                self.options.time_unit,
                [self.options.dates.order, self.options.dates.zone],
            ],
            "surveys or their options": [repr(self.scales), self.surveys.content() if self.surveys else None],
            "contact log": self.log.content() if self.log else None,
            "masking or the key of pseudonyms": [repr(self.masking), key_mark(self.masking.key)],
            "inputs (names and contents)": list(self.inputs),
            _LIBRARIES: self.others(),
        }
        if self.device["name"] != "cpu":  # the default, which runs of earlier versions do not name
            facts["device or the version of its library (--device)"] = dict(self.device)
        return {name: _hash(fact) for name, fact in facts.items()}

    def others(self) -> dict[str, str | None]:
        """The libraries without this package, whose version is a part of its own."""
        return {name: found for name, found in self.libraries.items() if name != OWN}

    def offers(self, receipt: Mapping[str, Any]) -> bool:
        """Whether files are offered to the same formats of other packages as in the finished run of that receipt.

        That is no part of the identity: a package changes nothing of what others read.
        """
        return {*receipt.get("readers", ())} == {*offered(self.options.format).values()}

    def identity(self) -> str:
        """One hash of all of it: two runs with the same identity write the same shards."""
        return _hash(self.parts())


def _hash(fact: object) -> str:
    text = json.dumps(fact, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Refused:
    """How much of the input was refused, by kind; `copied` are the contacts that stood in it more than once."""

    records: int = 0
    turns: int = 0
    times: int = 0
    copies: int = 0
    copied: int = 0


def refused_lines(receipt: Mapping[str, Any]) -> int:
    """How many lines of a run's rejects.jsonl tell of its input, as its receipt counts them; those come first."""
    contacts, turns = receipt["contacts"], receipt["turns"]
    counts = (contacts["rejected"], contacts.get("copies", 0), turns.get("refused", 0), turns.get("times_refused", 0))
    return sum(counts)


def refusals(receipt: Mapping[str, Any]) -> int:
    """How many records, turns and times of a run's input were refused; copies of contacts lose nothing."""
    copies: int = receipt["contacts"].get("copies", 0)
    return refused_lines(receipt) - copies


def refused_of(rejects: Iterable[Reject]) -> Refused:
    """Count what was refused of the input (its contacts and turns, not surveys and logs)."""
    kinds: Counter[str] = Counter()
    copied = set()
    for one in rejects:
        kinds[one.kind] += 1
        if one.kind == "copy":
            copied.add(one.contact_id)
    return Refused(kinds["record"], kinds["turn"], kinds["time"], kinds["copy"], len(copied))


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading the input found: contacts in it, what was refused, seconds; what became of surveys and log.

    `contacts` counts also what was rejected, copies, and what was erased from this run before and is left out; `side`
    are the hashes of the tables of the whole run; `formats` counts contacts by format.
    """

    contacts: int
    refused: Refused
    seconds: float
    surveys: Mapping[str, Any] | None = None
    log: Mapping[str, Any] | None = None
    side: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, int] = field(default_factory=dict)


def fingerprint(source: Source) -> dict[str, Any]:
    """An input as the receipt names it; without a hash where it cannot be read, which its reject then says."""
    digest = hashlib.sha256()
    try:
        if not source.is_file():
            raise OSError("no file")
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return {**_named(source), "sha256": None, "bytes": 0}
    return {**_named(source), "sha256": digest.hexdigest(), "bytes": size_of(source)}


def _named(source: Source) -> dict[str, str]:
    """The name as it is shown; and its bytes where those cannot be shown, for then two files may be shown alike."""
    shown, name = source_name(source), source.as_posix()
    return {"source": shown} if shown == name else {"source": shown, "path_hex": os.fsencode(name).hex()}


def path_of(entry: Mapping[str, Any]) -> Path:
    """Where an input of a receipt lay."""
    return Path(os.fsdecode(bytes.fromhex(entry["path_hex"])) if "path_hex" in entry else entry["source"])


def how_to_mend(receipt: Mapping[str, Any]) -> str:
    """What to do about a file of a finished run that is not what the receipt says."""
    if "batches" in receipt:  # `watch` goes on from what is there, and its inputs may be gone
        return "Bring the file back from a backup, or have all inputs scored anew into another folder"
    command = "rescore" if "rescored_from" in receipt else "score"
    return (
        f"Run the same cxsentiment {command} command again, which mends the run, or bring the file back from a backup"
    )


def begin(plan: Plan) -> dict[str, Any]:
    """The receipt of a run that has only begun: enough to resume it, or to say how another run differs from it."""
    return {
        "state": "incomplete",
        "identity": plan.identity(),
        "parts": plan.parts(),
        "libraries": plan.others(),
        "demo": plan.demo,
    }


def earlier_run(out: Path, plan: Plan, *, overwrite: bool, replaceable: bool = True) -> dict[str, Any] | None:
    """The receipt of an equal run that lies in `out`, finished or not; None where the folder is free to use.

    Raises UsageError where `out` holds another run, or something that is no run. Another run may be replaced with
    `overwrite`, which is advised where the run is `replaceable`; a demo run replaces demo runs only.
    """
    if not out.exists():
        return None
    if not out.is_dir():
        raise UsageError(str(out), "is a file", do="Give --out a folder")
    receipt = runs.read_receipt(out)
    if receipt is not None and receipt.get("state") == runs.ERASING:
        raise runs.half_erased(out)
    if receipt is None:
        if not runs.is_empty(out):
            raise UsageError(str(out), "is not empty and holds no run", do="Give --out a new or empty folder")
        return None
    if receipt.get("identity") == plan.identity():
        return receipt
    if overwrite and (receipt.get("demo") or not plan.demo):
        return None
    raise _another(out, receipt, plan, replaceable=replaceable and not plan.demo)


def _another(out: Path, receipt: Mapping[str, Any], plan: Plan, *, replaceable: bool) -> UsageError:
    """How the run that lies in `out` differs from the one that was asked for, and what to do."""
    earlier: Mapping[str, str] = receipt.get("parts") or {}
    parts = plan.parts()
    different = [name for name in dict.fromkeys([*parts, *earlier]) if earlier.get(name) != parts.get(name)]
    then = receipt.get("libraries")
    which = "its receipt does not name them" if then is None else told(then, plan.others())
    if not which:  # with other settings other libraries count; those that both have are the same
        different = [name for name in different if name != _LIBRARIES]
    do = "Give --out another folder" + (", or add --overwrite to replace that run" if replaceable else "")
    if different != [_LIBRARIES]:
        return UsageError(str(out), f"holds another run: it differs in {', '.join(different) or 'its kind'}", do=do)
    what = f"holds this run, scored with other {_LIBRARIES}, and figures of two are not mixed: {which}"
    do += "; to go on with it, install those versions again"
    if receipt.get("state") == "complete":
        do += ". report, kpis and verify read it as it is"
    return UsageError(str(out), what, do=do)


def stands(out: Path, receipt: Mapping[str, Any]) -> bool:
    """Whether every file of a finished run is there and unchanged, and none lies there that might be taken for one."""
    return not runs.altered(out, receipt["files"]) and not parts.strays(out, runs.ALL_TABLES, receipt["files"])


def compose(
    plan: Plan, out: Path, results: Sequence[ShardResult], reading: Reading, started: datetime, seconds: float
) -> dict[str, Any]:
    """The receipt of a finished run."""
    notes = [result.note for result in results]
    phases = {phase: round(sum(r.seconds.get(phase, 0.0) for r in results), 3) for phase in PHASES}
    hashes = {name: digest for result in results for name, digest in sorted(result.hashes.items())}
    hashes |= reading.side
    hashes[runs.REJECTS] = runs.sha256_of(out / runs.REJECTS)
    return {
        **begin(plan),
        "state": "complete",
        "command": plan.command or None,
        "software": {"name": "cxsentiment", "version": version("cxsentiment")},
        "model": {
            "name": plan.bundle.name,
            "version": plan.bundle.version,
            "sha256": plan.model_sha256,
            "thresholds": {
                head.name: dict(zip(head.labels, head.thresholds, strict=True)) for head in plan.bundle.heads
            },
        },
        "device": dict(plan.device),
        "rubric": {
            "name": plan.rubric.name,
            "version": plan.rubric.version,
            "sha256": plan.rubric.sha256,
            "content": plan.rubric.content(),
        },
        "settings": {
            "map": dict(plan.options.columns),
            "role": dict(plan.options.roles),
            "format": plan.options.format,
            "time_unit": plan.options.time_unit,
            "date_order": plan.options.dates.order,
            "timezone": plan.options.dates.zone,
            "guess_roles": plan.options.guess_roles,
            "masked": sorted(plan.masking.active),
            "vendor_marks": plan.masking.vendor_marks,
            "pseudonyms": plan.masking.key is not None,
            **_scale_settings(plan.scales),
        },
        "unmet_roles": list(plan.options.unmet()),
        "inputs": list(plan.inputs),
        **_readers(plan.options.format, reading.formats),
        **totals(notes, reading.contacts, reading.refused),
        "surveys": reading.surveys,
        "log": reading.log,
        "started_at": started.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": {"read": round(reading.seconds, 3), **phases, "total": round(seconds, 3)},
        "shards": len(results),
        "shards_reused": sum(not result.seconds for result in results),
        "files": hashes,
    }


def _readers(name: str | None, formats: Mapping[str, int]) -> dict[str, Any]:
    """Which formats of other packages were offered, the contacts that each read, and what is wrong with packages."""
    readers = {told: formats.get(one, 0) for one, told in offered(name).items()}
    faults = sorted(installed().faults.values()) if readers or name is None else []
    return ({"readers": readers} if readers else {}) | ({"reader_faults": faults} if faults else {})


def totals(notes: Sequence[runs.ShardNote], contacts: int, refused: Refused) -> dict[str, Any]:
    """What the receipt says of contacts, turns, roles, missing scores, masks, warnings and notes.

    `contacts` is how many the input held: scored, rejected or copies; what is none of these was erased. Turns are those
    of the contacts that were scored; of these some had no text, and some were refused.
    """
    scored = sum(note.contacts for note in notes)
    erased = contacts - scored - refused.records - refused.copies
    copies = {told_of_copies(refused.copies): refused.copied} if refused.copies else {}
    return {
        "contacts": {"in": contacts, "scored": scored, "rejected": refused.records}
        | ({"copies": refused.copies} if refused.copies else {})
        | ({"erased": erased} if erased else {}),
        "turns": {
            "in": sum(note.turns_in for note in notes) + refused.turns,
            "scored": sum(note.turns_scored for note in notes),
            "without_text": sum(note.turns_without_text for note in notes),
            "unknown_speaker": sum(note.turns_unknown_speaker for note in notes),
            "refused": refused.turns,
            "times_refused": refused.times,
        },
        "roles": _total(note.roles for note in notes),
        "null_reasons": _total(note.null_reasons for note in notes),
        "masked": _total(note.masked for note in notes),
        "warnings": copies | _most(_total(note.warnings for note in notes), "warnings"),
        "notes": _most(_total(note.notes for note in notes), "notes"),
    }


def _scale_settings(scales: Scales) -> dict[str, Any]:
    """The declared scales; answers are stored rising, so `reversed` says that they were turned."""
    csat, ces = scales.csat, scales.ces
    return {
        "csat_scale": [csat.low, csat.high] if csat else None,
        "csat_reversed": csat.reversed if csat else None,
        "csat_map": dict(scales.words),
        "ces_scale": [ces.low, ces.high],
        "ces_reversed": ces.reversed,
    }


def _total(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _most(lines: dict[str, int], name: str) -> dict[str, int]:
    """The lines that concern most contacts, and how many more there were: a receipt stays readable."""
    if len(lines) <= _WARNINGS_SHOWN:
        return lines
    first = dict(sorted(lines.items(), key=lambda item: (-item[1], item[0]))[:_WARNINGS_SHOWN])
    rest = sum(lines.values()) - sum(first.values())
    return {**first, f"and {len(lines) - _WARNINGS_SHOWN} other {name}, each in few contacts": rest}
