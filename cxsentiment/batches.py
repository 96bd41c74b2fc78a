"""A run that grows: files that landed are scored as a batch of its own beside the run, and then taken into it.

The batch lies in RUN/.incoming until it has been taken in whole, so that whoever reads the run meanwhile sees what was
there before, and a kill at any moment is made good by the next step: a batch that was being scored is scored on, one
that was being taken in is taken in again, to the same bytes.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cxsentiment import erasures, lock, parts, runs
from cxsentiment.errors import RunError, UnsettledError
from cxsentiment.ingest.identities import FirstSeen, Sighting
from cxsentiment.libraries import told
from cxsentiment.model import read_bundle
from cxsentiment.pipeline import Progress, Settings, plan_of, run
from cxsentiment.receipt import (
    Plan,
    begin,
    earlier_run,
    fingerprint,
    how_to_mend,
    path_of,
    refusals,
    refused_lines,
)
from cxsentiment.schema import Reject
from cxsentiment.spending import cost

INCOMING = ".incoming"
_LIST = "batch.json"
# Why a file is not scored: the code of its line in rejects.jsonl, and `left_out` of its entry in the receipt.
_CHANGED, _MOVED = "changed_file", "moved_file"
_SUMS = ("contacts", "turns", "roles", "readers", "null_reasons", "masked", "warnings", "notes", "seconds")


class Batches:
    """The batches of one run folder. `settings` have neither surveys nor a log: those join when reporting."""

    def __init__(
        self,
        out: Path,
        settings: Settings,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._out = out
        self._settings = settings
        self._on_progress = on_progress
        self._on_stop = on_stop
        self._list = out / INCOMING / _LIST
        self._part = out / INCOMING / "run"
        self._bundle = read_bundle(settings.model)
        self._checked = False
        self._plan: Plan = plan_of(settings, *self._bundle, ())

    def take(self, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Finish what was interrupted, then score those files that were not scored before; the batches' receipts.

        Raises BusyError where another process writes to the run, UsageError where the folder holds another run,
        RunError where a file of the run is damaged or the model is another one, UnsettledError where a file does not
        rest.
        """
        with lock.alone(self._out, "cxsentiment watch") as sign:
            before = earlier_run(self._out, self._plan, overwrite=False, replaceable=False)
            self._check(before)
            done = self._finish(before, sign)
            if done:
                before = runs.read_receipt(self._out)
            listed = self._fresh(files, before)
            if any(listed.values()):
                sign()
                runs.remove_asides(self._out)
                if before is None:
                    before = begin(self._plan)
                    runs.write_receipt(self._out, before)
                numbered = {"number": _next(before), **listed}
                runs.write_atomically(self._list, json.dumps(numbered).encode())
                done += self._score(numbered)
        return done

    def _check(self, before: Mapping[str, Any] | None) -> None:
        """Refuse, once in a process, to let a run grow of which a file is damaged."""
        if not self._checked and before is not None and before.get("state") == "complete":
            for name in runs.altered(self._out, before["files"]):
                raise RunError(
                    str(self._out / name), "is missing, or was altered after it was written", do=how_to_mend(before)
                )
            for name in parts.strays(self._out, runs.ALL_TABLES, before["files"]):
                do = "Move it elsewhere: whoever reads the tables as files would read it too"
                raise RunError(str(self._out / name), "is no part of this run", do=do)
        self._checked = True

    def _finish(self, before: Mapping[str, Any] | None, sign: Callable[[], None]) -> list[dict[str, Any]]:
        """Make good what a kill left of a batch."""
        if before is None or not (self._list.parent.exists() or before.get("committing")):
            return []
        sign()
        runs.remove_asides(self._out)
        listed, part = self._listed(), runs.read_receipt(self._part) or {}
        if (number := before.get("committing")) is not None:
            if listed.get("number") == number and self._is_scored(listed, part):
                return [self._take_in(before, part, listed)]
            self._roll_back(before)  # somebody removed the batch, or it was damaged
        if listed.get("number") == _next(before) and self._still(listed):
            return self._score(listed)
        shutil.rmtree(self._out / INCOMING, ignore_errors=True)
        return []

    def _listed(self) -> dict[str, Any]:
        """What the batch is made of; empty where it was not written whole."""
        try:
            found: dict[str, Any] = json.loads(self._list.read_bytes())
        except (OSError, ValueError):
            return {}
        return found

    def _is_scored(self, listed: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
        """Whether a batch lies there whole, every file as it was written."""
        if not listed["inputs"]:
            return True
        return part.get("state") == "complete" and not runs.altered(self._part, part["files"])

    def _still(self, listed: Mapping[str, Any]) -> bool:
        """Whether the files of a batch are as they were, and nobody was erased from the run since."""
        record, own = (_bytes(folder / erasures.FILE) for folder in (self._out, self._part))
        return (record == own or not self._part.exists()) and all(
            {"path": one["path"], **fingerprint(Path(one["path"]))} == one for one in listed["inputs"]
        )

    def _fresh(self, files: Sequence[Path], before: Mapping[str, Any] | None) -> dict[str, list[dict[str, Any]]]:
        """What is new: `inputs`, with their paths; `changed`, scored under this name with another content; `moved`.

        A content that was scored from a file that is gone is taken for that file, moved. Where every file that it was
        scored from is still there, it is one more, as for `score`: calls without ids may be word for word the same.
        """
        known = (before or {}).get("inputs", ())
        told = {(path_of(entry), entry["sha256"]) for entry in known}
        names = {path_of(entry) for entry in known if entry["sha256"] is not None}
        holders: dict[str, list[Path]] = {}
        scored: Counter[str] = Counter()
        for entry in known:
            # What a changed file holds was refused, so it may still land under another name.
            if entry["sha256"] is not None and entry.get("left_out") != _CHANGED:
                holders.setdefault(entry["sha256"], []).append(path_of(entry))
                scored[entry["sha256"]] += "left_out" not in entry
        found: dict[str, list[dict[str, Any]]] = {"inputs": [], "changed": [], "moved": []}
        for path in files:
            entry = fingerprint(path)
            if not path.exists() or (path, entry["sha256"]) in told:  # what cannot be read is refused, once
                continue
            there = [one for one in holders.get(entry["sha256"], ()) if one.exists()]
            if any(_is_same(one, path) for one in there):
                continue  # the folder was named otherwise then
            if any(erasures.is_blanked(str(one), entry["source"]) for one in holders.get(entry["sha256"], ())):
                continue  # its name holds the id of one who was erased, so the receipt has it without
            if path in names:
                found["changed"].append({**entry, "left_out": _CHANGED})
            elif len(there) < scored[entry["sha256"]]:
                found["moved"].append({**entry, "left_out": _MOVED})
                holders[entry["sha256"]].append(path)
            else:
                found["inputs"].append({"path": str(path), **entry})
        return found

    def _score(self, listed: Mapping[str, Any]) -> list[dict[str, Any]]:
        part: dict[str, Any] = {}
        if paths := [one["path"] for one in listed["inputs"]]:
            self._require_files(paths)
            self._require_libraries()
            self._require_model(read_bundle(self._settings.model)[1])
            settings = replace(self._settings, known=self._known())
            if (self._out / erasures.FILE).exists() and not (self._part / erasures.FILE).exists():
                inputs = [{name: value for name, value in one.items() if name != "path"} for one in listed["inputs"]]
                runs.write_receipt(self._part, begin(plan_of(settings, *self._bundle, inputs)))
                runs.write_atomically(self._part / erasures.FILE, _bytes(self._out / erasures.FILE))
            part = run(paths, self._part, settings, self._on_progress, self._on_stop)
            part.pop("already_scored", None)
            self._require_model(part["model"]["sha256"])
        if _holds_only_erased(part) and not listed["changed"] and not listed.get("moved"):
            shutil.rmtree(self._out / INCOMING, ignore_errors=True)
            return []
        return [self._take_in(runs.read_receipt(self._out) or {}, part, listed)]

    def _require_files(self, paths: Sequence[str]) -> None:
        if gone := [path for path in paths if not Path(path).exists()]:
            shutil.rmtree(self._out / INCOMING, ignore_errors=True)
            raise UnsettledError(gone[0], "was moved away before it was read")

    def _require_libraries(self) -> None:
        here = plan_of(self._settings, *self._bundle, ()).others()
        if here != self._plan.others():
            shutil.rmtree(self._out / INCOMING, ignore_errors=True)
            what = f"libraries were exchanged after the watch began: {told(self._plan.others(), here)}"
            do = "Install those versions again and start cxsentiment watch again, or give --out another folder"
            raise RunError(str(self._out), what, do=do)

    def _require_model(self, sha256: str) -> None:
        if sha256 != self._bundle[1]:
            shutil.rmtree(self._out / INCOMING, ignore_errors=True)
            do = "Start cxsentiment watch again; another model needs another run folder"
            raise RunError(str(self._settings.model), "the model was exchanged after the watch began", do=do)

    def _known(self) -> FirstSeen:
        """The contacts of the run, so that none is scored twice."""
        table = runs.read_table(self._out, "contacts", ("contact_id", "source", "record"))
        known = FirstSeen()
        for name, source, record in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
            known.setdefault(name, Sighting(source, record, 0))
        return known

    def _take_in(self, before: Mapping[str, Any], part: Mapping[str, Any], listed: Mapping[str, Any]) -> dict[str, Any]:
        """Write the batch's shards after those of the run, and one receipt for both. May be done again after a kill."""
        changed, moved = listed["changed"], listed.get("moved", [])  # earlier versions wrote none
        runs.write_receipt(self._out, {**before, "state": "incomplete", "committing": listed["number"]})
        first = before.get("shards", 0)
        hashes: dict[str, str] = {}
        numbers = runs.numbers_of(self._part) if part else []
        for place, number in enumerate(numbers, first):
            note = runs.read_any_note(self._part, number)
            if note is None:
                path = runs.shard_path(self._part, "contacts", number)
                raise RunError(str(path), "is damaged", do=f"Delete {self._part.parent} and watch again")
            tables = {name: runs.read_part(self._part, name, number) for name in runs.TABLES}
            hashes |= runs.write_shard(self._out, place, tables, note)
        runs.remove_shards_from(self._out, first + len(numbers))
        told = runs.reject_lines([*map(_changed, changed), *map(_moved, moved)])
        lines = [*self._lines_of(before), *_lines(self._part), *told]
        runs.write_atomically(self._out / runs.REJECTS, b"".join(lines))
        hashes[runs.REJECTS] = runs.sha256_of(self._out / runs.REJECTS)
        whole = self._joined(before, part, changed, moved, hashes)
        runs.write_receipt(self._out, whole)
        shutil.rmtree(self._out / INCOMING, ignore_errors=True)
        return {**whole, "this_batch": _of_batch(part, changed, moved)}

    def _joined(
        self,
        before: Mapping[str, Any],
        part: Mapping[str, Any],
        changed: Sequence[Mapping[str, Any]],
        moved: Sequence[Mapping[str, Any]],
        hashes: Mapping[str, str],
    ) -> dict[str, Any]:
        """The receipt of the run with this batch in it."""
        earlier = {name: value for name, value in before.items() if name != "committing"}
        sums = {name: _added(earlier.get(name, {}), part.get(name, {})) for name in _SUMS if {name} & {*earlier, *part}}
        files = {"in": len(changed) + len(moved), "scored": 0, "rejected": len(changed)}
        sums["contacts"] = _added(sums.get("contacts", {}), files | ({"copies": len(moved)} if moved else {}))
        sums["turns"] = sums.get("turns") or {"in": 0, "scored": 0, "without_text": 0, "unknown_speaker": 0}
        unmet = [set(one["unmet_roles"]) for one in (earlier, part) if "unmet_roles" in one]
        reused = earlier.get("shards_reused", 0) + part.get("shards_reused", 0)
        # What a killed process scored counts here, and its seconds nowhere: then there is no rate and no cost.
        seconds = 0.0 if reused else sums.get("seconds", {}).get("total", 0.0)
        timed = 0 if reused else sums["contacts"]["scored"]
        work = round(earlier.get("core_seconds", 0.0) + part.get("core_seconds", 0.0), 3)
        return {
            **part,
            **earlier,
            **begin(self._plan),
            **sums,
            "state": "complete",
            "command": self._settings.command or None,
            "inputs": [*earlier.get("inputs", ()), *part.get("inputs", ()), *changed, *moved],
            "unmet_roles": sorted(set.intersection(*unmet)) if unmet else [],
            "turns_per_second": round(sums["turns"]["in"] / seconds, 1) if seconds else None,
            "contacts_per_second": round(sums["contacts"]["scored"] / seconds, 1) if seconds else None,
            "core_seconds": work,
            "cost": cost(timed, work, self._settings.price_per_core_hour),
            "shards": earlier.get("shards", 0) + part.get("shards", 0),
            "shards_reused": reused,
            "redone": part.get("redone", []),
            "files": {**earlier.get("files", {}), **hashes},
            "batches": _next(before),
        }

    def _roll_back(self, before: Mapping[str, Any]) -> None:
        """The run as it was before a batch of which nothing is left."""
        runs.remove_shards_from(self._out, before.get("shards", 0))
        runs.write_atomically(self._out / runs.REJECTS, b"".join(self._lines_of(before)))
        state = "complete" if "files" in before else "incomplete"
        kept = {name: value for name, value in before.items() if name != "committing"}
        runs.write_receipt(self._out, {**kept, "state": state})

    def _lines_of(self, before: Mapping[str, Any]) -> list[bytes]:
        """The refusals of the run as it was before the batch; more may stand there if this was interrupted."""
        return _lines(self._out)[: refused_lines(before) if "contacts" in before else 0]


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # it went away just now
        return False


def _holds_only_erased(part: Mapping[str, Any]) -> bool:
    """Whether a batch has nothing new: only contacts that were erased from the run, which stay away."""
    contacts = part.get("contacts", {})
    return bool(contacts.get("erased")) and contacts["erased"] == contacts["in"]


def _next(before: Mapping[str, Any]) -> int:
    """The number of the batch that comes next, from 1."""
    return int(before.get("batches", 0)) + 1


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _lines(folder: Path) -> list[bytes]:
    return _bytes(folder / runs.REJECTS).splitlines(keepends=True)


def _added(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    names = dict.fromkeys([*first, *second])
    return {name: round(first.get(name, 0) + second.get(name, 0), 3) for name in names}


def _changed(entry: Mapping[str, Any]) -> Reject:
    """The refusal of a file that was scored under this name before, with another content."""
    source = entry["source"]
    what = "has changed since it was scored; what it held then is in the run, what it holds now is not"
    do = "Land it under another name: contacts that are in the run are refused, new ones are scored"
    return Reject(source, 0, None, _CHANGED, f"{source}: {what}. {do}")


def _moved(entry: Mapping[str, Any]) -> Reject:
    """The line of a file that holds, byte for byte, what another held that was scored and is gone. It loses nothing."""
    source = entry["source"]
    what = "holds what another file held that was scored and is there no more, so it is taken for that one, moved"
    do = "If it is another contact that happens to read the same, give it an id, or add an empty line to the file"
    return Reject(source, 0, None, _MOVED, f"{source}: {what}. {do}", "copy")


def _of_batch(
    part: Mapping[str, Any], changed: Sequence[Mapping[str, Any]], moved: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What came of this batch alone."""
    contacts = part.get("contacts") or {"in": 0, "scored": 0, "rejected": 0}
    refused = refusals(part) if "turns" in part else contacts["rejected"]
    return {
        "files": len(part.get("inputs", ())) + len(changed) + len(moved),
        "scored": contacts["scored"],
        "rejected": refused + len(changed),
        "seconds": (part.get("seconds") or {}).get("total", 0.0),
    }
