"""Is a run what its receipt says? Every hash and count again, from the files.

What is not as recorded is a `Difference`; what could not be looked at is said too, and is none.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxsentiment import amounts, erasures, parts, runs
from cxsentiment.devices import Device, choose, facts
from cxsentiment.errors import CxError, ReceiptError
from cxsentiment.model import default_model, read_bundle
from cxsentiment.receipt import fingerprint, how_to_mend, path_of, refused_lines
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.schema import ACTS, SENTIMENTS

# A column of probabilities that is filled exactly in the turns of a speaker.
_READ = {"customer": f"p_{SENTIMENTS[0]}", "agent": f"p_{ACTS[0]}"}
_SHOWN_IDS = 3
_RESTORE = "Bring run.json back from a backup, or score again into a new folder"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in a run that is not as its receipt says: where, what, and what to do."""

    where: str
    what: str
    do: str


@dataclass(slots=True)
class Verification:
    """What was checked and held, what differs, and what could not be compared, in the order it was looked at."""

    run: str
    held: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)

    def add(self, held: str, found: Sequence[Difference]) -> None:
        """Note differences, or what held where there are none."""
        self.differences += found
        if not found:
            self.held.append(held)


def verify(run: Path, model: Path | None = None) -> Verification:
    """Check a finished run against its receipt; `model` is the model folder (the bundled one otherwise).

    A receipt that is damaged is a difference too. Raises RunError for a folder that is no finished run.
    """
    found = Verification(str(run))
    with _receipt_told(found):
        receipt = runs.require_complete(run)
        for check in (_check_files, _check_tables, _check_rejects, _check_erasures, _check_rubric, _check_inputs):
            with _receipt_told(found):
                check(run, receipt, found)
        with _receipt_told(found):
            _check_model(receipt, model, found)
    return found


@contextmanager
def _receipt_told(found: Verification) -> Iterator[None]:
    """Make a difference of what is wrong with the receipt itself, such as a part that it lacks."""
    try:
        yield
    except ReceiptError as error:
        found.differences.append(Difference(error.where, error.what, error.do))


def model_of(receipt: Mapping[str, Any], model: Path | None) -> tuple[Path | None, str]:
    """The folder of the model that scored a run, where it is here; else None, and why in words."""
    try:
        folder = model or default_model()
        bundle, digest = read_bundle(folder)
    except CxError as error:
        return None, error.message
    recorded = receipt.get("model") or {}
    if digest != recorded.get("sha256"):
        return None, (
            f"{folder} holds {bundle.name} {bundle.version} ({digest[:12]}…), the run was scored by "
            f"{recorded.get('name')} {recorded.get('version')} ({str(recorded.get('sha256'))[:12]}…); give --model"
        )
    return folder, ""


def device_of(receipt: Mapping[str, Any]) -> tuple[Device | None, str]:
    """The device that scored a run, where it is here, and how its library has changed, if it has.

    Else None, and why in words. Runs of earlier versions name no device: the processor scored them.
    """
    recorded = receipt.get("device") or {"name": "cpu"}
    try:
        device = choose(recorded["name"])
        # The precision follows from the device and the model, whose hash is compared apart.
        now = facts(device) | {key: recorded[key] for key in ("precision",) if key in recorded}
    except CxError as error:
        return None, error.message
    if "version" in recorded and now != recorded:
        then, here = (f"{one['library']} {one['version']} ({one['precision']})" for one in (recorded, now))
        return device, f"scored with {then}, here is {here}"
    return device, ""


# Files


def _check_files(run: Path, receipt: Mapping[str, Any], found: Verification) -> None:
    hashes: Mapping[str, str] = receipt["files"]
    wrong = [
        Difference(
            str(run / name),
            "its content is not what the receipt recorded" if (run / name).exists() else "is missing",
            how_to_mend(receipt),
        )
        for name in runs.altered(run, hashes)
    ]
    unhashed = _unhashed(hashes)
    wrong += [Difference(str(run / name), "the receipt holds no hash of it", _RESTORE) for name in unhashed]
    shards = len(parts.recorded(hashes, runs.TABLES))
    if (counted := receipt.get("shards", shards)) != shards:
        what = f"does not add up: it counts {counted:,} shards and holds hashes of {shards:,}"
        wrong.append(Difference(str(run / runs.RECEIPT), what, _RESTORE))
    wrong += [
        Difference(
            str(run / name),
            "is no part of this run, but whoever reads the tables as files would read it too",
            "Move it elsewhere",
        )
        for name in parts.strays(run, runs.ALL_TABLES, hashes)
        if name not in unhashed
    ]
    have = "file has its hash as" if len(hashes) == 1 else "files have the hashes that"
    found.add(f"{len(hashes):,} {have} the receipt recorded, and no others are read", wrong)


def _unhashed(hashes: Mapping[str, str]) -> list[str]:
    """The files that every run with these shards has, and of which no hash is recorded."""
    numbers = parts.recorded(hashes, runs.TABLES)
    due = [runs.shard_path(Path(), table, number).as_posix() for number in numbers for table in runs.TABLES]
    return [name for name in (*due, runs.REJECTS) if name not in hashes]


# Tables


@dataclass(slots=True)
class _Counted:
    """What the tables hold. `odd_turns`: read by no head though one reads their speaker, or the other way round."""

    contacts: int = 0
    turns: int = 0
    scored_turns: int = 0
    odd_turns: int = 0
    contacts_turns: int = 0
    ids: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    astray: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    unknown_speaker: int = 0
    null_reasons: Counter[str] = field(default_factory=Counter)


def _check_tables(run: Path, receipt: Mapping[str, Any], found: Verification) -> None:
    try:
        counted = _count(run, receipt)
    except CxError as error:
        found.differences.append(Difference(error.where, error.what, error.do))
        return
    found.add(
        f"{amounts.counted(counted.contacts, 'contact')} and {amounts.counted(counted.turns, 'turn')} stand in the "
        "tables, as the receipt counts them",
        [Difference(str(run), what, how_to_mend(receipt)) for what in _faults(counted, receipt)],
    )


def _count(run: Path, receipt: Mapping[str, Any]) -> _Counted:
    asked = len(list(_items(receipt)))
    counted = _Counted()
    for number in runs.numbers_of(run):
        contacts = runs.read_part(run, "contacts", number)
        turns = runs.read_part(run, "turns", number)
        items = runs.read_part(run, "items", number)
        own = contacts["contact_id"].to_pylist()
        for one in own:
            if one in counted.ids:
                counted.twice.append(one)
            counted.ids.add(one)
        counted.contacts += len(own)
        counted.contacts_turns += sum(contacts["turns"].to_pylist())
        counted.null_reasons.update(filter(None, contacts["null_reason"].to_pylist()))
        counted.turns += turns.num_rows
        filled = {who: turns[column].is_valid().to_pylist() for who, column in _READ.items()}
        speakers = turns["speaker"].to_pylist()
        counted.unknown_speaker += speakers.count("unknown")
        for place, speaker in enumerate(speakers):
            read = {who for who, column in filled.items() if column[place]}
            counted.scored_turns += bool(read)
            counted.odd_turns += read != ({speaker} & set(_READ))
        verdicts = items["contact_id"].to_pylist()
        of_contact = dict.fromkeys(own, 0)
        for one in verdicts:
            if one in of_contact:
                of_contact[one] += 1
        counted.astray += sorted({*verdicts, *turns["contact_id"].to_pylist()} - set(own))
        counted.short += [one for one, count in of_contact.items() if count != asked]
    return counted


def _faults(counted: _Counted, receipt: Mapping[str, Any]) -> Iterator[str]:
    """What does not add up, in words."""
    contacts, turns = receipt["contacts"], receipt["turns"]
    sums = {
        "contacts in = scored + rejected + copies + erased": (
            contacts["in"],
            sum(contacts.get(name, 0) for name in ("scored", "rejected", "copies", "erased")),
        ),
        "contacts scored = rows of the table of contacts": (contacts["scored"], counted.contacts),
        "turns in = rows of the table of turns + without text + refused": (
            turns["in"],
            counted.turns + turns["without_text"] + turns.get("refused", 0),
        ),
        "turns scored = turns with probabilities": (turns["scored"], counted.scored_turns),
        "turns that contacts count = rows of the table of turns": (counted.contacts_turns, counted.turns),
        "turns of customers and agents = turns with probabilities of theirs": (counted.odd_turns, 0),
        "turns of an unknown speaker = such rows": (turns["unknown_speaker"], counted.unknown_speaker),
    }
    reasons = receipt["null_reasons"]
    for reason in sorted({*reasons, *counted.null_reasons}):
        left, right = reasons.get(reason, 0), counted.null_reasons[reason]
        sums[f'contacts without a score ("{reason}") = such rows'] = (left, right)
    for name, (left, right) in sums.items():
        if left != right:
            yield f"does not add up: {name}, but {left:,} ≠ {right:,}"
    for what, ids in (
        ("in it twice", counted.twice),
        ("with turns or verdicts and not in the table of contacts", counted.astray),
        ("without one verdict for each item of the scorecard", counted.short),
    ):
        if ids:
            shown = ", ".join(ids[:_SHOWN_IDS]) + (" …" if len(ids) > _SHOWN_IDS else "")
            yield f"{amounts.counted(len(ids), 'contact')} {what}: {shown}"


def _items(receipt: Mapping[str, Any]) -> Iterator[Any]:
    for section in receipt["rubric"]["content"].get("sections", ()):
        yield from section.get("items", ())


# Records beside the tables


def _check_rejects(run: Path, receipt: Mapping[str, Any], found: Verification) -> None:
    path = run / runs.REJECTS
    beside = sum((receipt.get(name) or {}).get("rejected", 0) for name in ("surveys", "log"))
    least = refused_lines(receipt)
    most = least + beside
    if "erasures" not in receipt:  # an erasure takes lines of surveys and logs away, and leaves their counts
        least = most
    try:
        lines = path.read_bytes().splitlines()
        for line in lines:
            json.loads(line)
    except (OSError, ValueError) as error:
        found.differences.append(Difference(str(path), f"cannot be read: {error}", how_to_mend(receipt)))
        return
    wrong = [] if least <= len(lines) <= most else [f"has {len(lines):,} lines, the receipt counts {most:,} refusals"]
    differences = [Difference(str(path), what, how_to_mend(receipt)) for what in wrong]
    found.add(f"{amounts.counted(len(lines), 'refusal')}, as many as the receipt counts", differences)


def _check_erasures(run: Path, receipt: Mapping[str, Any], found: Verification) -> None:
    if "erasures" not in receipt and not (run / erasures.FILE).exists():
        return
    try:
        entries = erasures.read(run)
    except CxError as error:
        found.differences.append(Difference(error.where, error.what, error.do))
        return
    found.held.append(f"the record of erasures ({len(entries):,} entries) is unbroken")


def _check_rubric(run: Path, receipt: Mapping[str, Any], found: Verification) -> None:
    recorded = receipt["rubric"]
    try:
        digest = parse_rubric(recorded["content"], runs.RECEIPT).sha256
    except CxError as error:
        found.not_compared.append(f"scorecard: this version cannot read it ({error.message})")
        return
    changed = digest != recorded["sha256"]
    wrong = [Difference(str(run / runs.RECEIPT), "the scorecard in it was changed", _RESTORE)] if changed else []
    found.add(f"the scorecard is {recorded['name']} {recorded['version']}, as recorded", wrong)


def _check_inputs(run: Path, receipt: Mapping[str, Any], found: Verification) -> None:
    wrong, gone, same = [], 0, 0
    for entry in receipt["inputs"]:
        path = path_of(entry)
        if entry["sha256"] is None or not path.is_file():
            gone += 1
        elif fingerprint(path)["sha256"] == entry["sha256"]:
            same += 1
        else:
            what = "this input has changed since it was scored"
            do = "Score again into a new folder if the file should have changed; else bring it back"
            if not path.is_absolute():  # then the receipt does not hold from which folder
                what += ", or is another file of that name"
                do = f"Verify from the folder in which the command was given. {do}"
            wrong.append(Difference(entry["source"], what, do))
    if same or wrong:
        found.add(f"inputs: {same:,} of {len(receipt['inputs']):,} are as they were when they were scored", wrong)
    if not receipt["inputs"]:
        found.not_compared.append(f"inputs: {run / runs.RECEIPT} records none")
    if gone:
        found.not_compared.append(f"inputs: {gone:,} of {len(receipt['inputs']):,} are not to be found from here")


def _check_model(receipt: Mapping[str, Any], model: Path | None, found: Verification) -> None:
    recorded = receipt["model"]
    if not (recorded or {}).get("sha256"):
        what = "is not a receipt as this version writes it: it names no model"
        raise ReceiptError(str(Path(found.run) / runs.RECEIPT), what, do=_RESTORE)
    folder, why = model_of(receipt, model)
    if folder is None:
        found.not_compared.append(f"model: {why}")
        return
    what = f"the model is {recorded['name']} {recorded['version']}, every file as recorded"
    if (known := recorded.get("thresholds")) is None:
        found.not_compared.append("thresholds: the receipt holds none, as those of earlier versions")
        found.held.append(what)
    else:
        found.add(f"{what}, and every threshold", list(_other_thresholds(known, folder, found.run)))


def _other_thresholds(thresholds: Mapping[str, Any], folder: Path, run: str) -> Iterator[Difference]:
    """The labels whose threshold in the receipt is not that of the model; a rescoring decides by the receipt's."""
    for head in read_bundle(folder)[0].heads:
        known = thresholds.get(head.name, {})
        wrong = [label for label, at in zip(head.labels, head.thresholds, strict=True) if known.get(label) != at]
        if wrong:
            what = f"the thresholds of {', '.join(wrong)} are not those of the model"
            yield Difference(str(Path(run) / runs.RECEIPT), what, _RESTORE)
