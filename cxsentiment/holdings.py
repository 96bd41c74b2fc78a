"""What a run holds of whom: finds the rows of contacts in its tables and rejects, and writes them without those."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment import erasures, receipt, runs
from cxsentiment.erasures import Selection, Traces
from cxsentiment.errors import RunError
from cxsentiment.receipt import Refused
from cxsentiment.schema import Reject

REPORT = "report"
_META = b"cxsentiment"
_ID_COLUMNS = ("contact_id", "customer_id", "started_at")

Ids = tuple[str | None, str | None, str | None]  # of a row: contact, customer, start


@dataclass(slots=True)
class Found:
    """Rows by table for each request; the contacts and whose they are; the parts to rewrite; what tells of them."""

    counts: list[Counter[str]]
    owners: dict[str, int] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)
    refused: Refused = field(default_factory=Refused)
    traces: Traces = field(default_factory=Traces)
    undated: list[str] = field(default_factory=list)

    @property
    def any(self) -> bool:
        """Whether anything was found."""
        return any(sum(counts.values()) for counts in self.counts)


def look(run: Path, before: Mapping[str, Any], selection: Selection) -> Found:
    """Find what `selection` takes of a run with the receipt `before`; nothing is changed."""
    found = Found([Counter({name: 0 for name in (*sorted(runs.TABLES), "rejects")}) for _ in selection.requests])
    notes_of(run)  # what cannot be read must show before anything is changed
    rows = {path: Counter(rows_of(path)) for path in parts(run)}
    _find_owners(rows, selection, found)
    for path, ids in rows.items():
        places = [(_place(one, found.owners, selection), count) for one, count in ids.items()]
        for place, count in places:
            if place is not None:
                found.counts[place][path.parent.name] += count
        if any(place is not None for place, _ in places) or _refuses(path, found.owners, selection):
            found.parts |= {_name(path), *_with_it(run, path)}
    _, found.refused = without_rejects(run, found.owners, selection, found.traces, found.counts, before)
    return found


def _refuses(path: Path, owners: Mapping[str, int], selection: Selection) -> bool:
    """Whether a part of contacts notes that one who goes could not be masked and was refused."""
    refused = _note_of(path).refused if path.parent.name == "contacts" else ()
    return any(_place_of_reject(one.contact_id, owners, selection) is not None for one in refused)


def parts(run: Path) -> list[Path]:
    """Every part of every table that names contacts or customers."""
    paths = sorted(run.glob("*/part-*.parquet"))
    return [
        path
        for path in paths
        if path.parent.name != REPORT and {"contact_id", "customer_id"} & set(_read(path, pq.read_schema).names)
    ]


def rows_of(path: Path) -> list[Ids]:
    """The ids of each row of a part."""
    names = _read(path, pq.read_schema).names
    table = _read(path, lambda part: pq.read_table(part, columns=[name for name in _ID_COLUMNS if name in names]))
    length = table.num_rows
    missing = {"contact_id": None, "customer_id": None, "started_at": erasures.NOT_BY_AGE}
    columns = [table[n].to_pylist() if n in names else [missing[n]] * length for n in _ID_COLUMNS]
    return list(zip(*columns, strict=True))


def _place(ids: Ids, owners: Mapping[str, int], selection: Selection) -> int | None:
    """The request that takes a row: by its contact, or by the row itself where it names no contact."""
    return selection.find(*ids) if ids[0] is None else owners.get(ids[0])


def _place_of_reject(contact: str | None, owners: Mapping[str, int], selection: Selection) -> int | None:
    return None if contact is None else owners.get(contact, selection.by_id(contact, None))


def _find_owners(rows: Mapping[Path, Counter[Ids]], selection: Selection, found: Found) -> None:
    """Find the contacts that go. The contacts' own table tells their age; other tables that of contacts not in it."""
    scored: set[str | None] = set()
    for path in sorted(rows, key=lambda path: path.parent.name != "contacts"):
        own = path.parent.name == "contacts"
        for contact, customer, began in rows[path]:
            if own:
                scored.add(contact)
                if erasures.moment(began) is None:
                    found.undated.append(str(contact))
            place = selection.find(contact, customer, began if own or contact not in scored else erasures.NOT_BY_AGE)
            if place is None:
                continue
            if contact is not None:
                found.owners.setdefault(contact, place)
            found.traces.add(selection.requests[place], contact, customer)
    for path in rows:
        if path.parent.name == "contacts":
            table = _read(path, lambda part: pq.read_table(part, columns=["contact_id", "source"]))
            for contact, source in set(zip(*(table[n].to_pylist() for n in table.column_names), strict=True)):
                (found.traces.gone if contact in found.owners else found.traces.kept).add(source)
    found.undated = [contact for contact in found.undated if contact not in found.owners]


def _with_it(run: Path, path: Path) -> list[str]:
    """The part of contacts that holds the hash of this one."""
    contacts = run / "contacts" / path.name
    return [_name(contacts)] if contacts.exists() and _name(path) in content_of(contacts)["sha256"] else []


def without_rejects(
    run: Path,
    owners: Mapping[str, int],
    selection: Selection,
    traces: Traces,
    counts: Sequence[Counter[str]] = (),
    before: Mapping[str, Any] | None = None,
) -> tuple[bytes, Refused]:
    """rejects.jsonl without those of the contacts that go, and what stays refused of the input.

    What was refused of the input comes first in the file, refused survey rows after it.
    """
    path = run / runs.REJECTS
    lines = _read(path, Path.read_bytes).splitlines(keepends=True)
    rejects = _read(path, lambda _: [json.loads(line) for line in lines])
    places = [_place_of_reject(one["contact_id"], owners, selection) for one in rejects]
    for place, reject in zip(places, rejects, strict=True):
        (traces.kept if place is None else traces.gone).add(reject["source"])
        if place is not None:
            traces.add(selection.requests[place], reject["contact_id"], None)
            if counts:
                counts[place]["rejects"] += 1
    first = receipt.refused_lines(before) if before else 0
    stay = [Reject(**one) for one, place in zip(rejects[:first], places[:first], strict=True) if place is None]
    kept = [_blanked(line, traces) for line, place in zip(lines, places, strict=True) if place is None]
    return b"".join(kept), receipt.refused_of(stay)


def _blanked(line: bytes, traces: Traces) -> bytes:
    reject = json.loads(line)
    clean = traces.blanked(reject)
    return line if clean == reject else json.dumps(clean, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def rewrite(run: Path, path: Path, owners: Mapping[str, int], selection: Selection) -> None:
    """Write a part without the rows that go; what else stands in it stays as it is, in its order."""
    stays = [_place(ids, owners, selection) is None for ids in rows_of(path)]
    table = _read(path, pq.read_table).filter(pa.array(stays, pa.bool_()))
    if path.parent.name == "contacts":
        meta = json.dumps(_content_of_rest(run, path, table, owners, selection), sort_keys=True)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _META: meta.encode()})
    runs.write_table(table, path)


def _content_of_rest(
    run: Path, path: Path, contacts: pa.Table, owners: Mapping[str, int], selection: Selection
) -> dict[str, Any]:
    """A shard's note and hashes, for the contacts that stay.

    A warning or note that no more contacts had than went may be about them alone, and may quote them; so it goes too.
    Marks and turns without text are not counted by contact and stay as they were when all were scored.
    """
    content = content_of(path)
    note = content["note"]
    turns = _read(run / "turns" / path.name, pq.read_table)
    heads = [turns[name].to_pylist() for name in turns.column_names if name.startswith("p_")]
    scored = [any(p is not None for p in row) for row in zip(*heads, strict=True)]
    note["refused"] = [
        one for one in note.get("refused", ()) if _place_of_reject(one["contact_id"], owners, selection) is None
    ]
    gone = content.get("erased", 0) + note["contacts"] - contacts.num_rows
    note |= {
        "contacts": contacts.num_rows,
        "turns_in": turns.num_rows + note["turns_without_text"],
        "turns_scored": sum(scored),
        "turns_unknown_speaker": turns["speaker"].to_pylist().count("unknown"),
        "null_reasons": dict(sorted(Counter(filter(None, contacts["null_reason"].to_pylist())).items())),
        "warnings": {text: count for text, count in note["warnings"].items() if count > gone},
        "notes": {text: count for text, count in note.get("notes", {}).items() if count > gone},
    }
    if "role_source" in contacts.column_names:  # a run of an earlier version has none
        note["roles"] = dict(sorted(Counter(contacts["role_source"].to_pylist()).items()))
    hashes = {name: runs.sha256_of(run / name) for name in content["sha256"]}
    return {"note": note, "sha256": hashes, "erased": gone}


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def content_of(path: Path) -> dict[str, Any]:
    """What the metadata of a part of contacts hold of its shard."""
    found: dict[str, Any] = _read(path, lambda part: json.loads(pq.read_schema(part).metadata[_META]))
    return found


def notes_of(run: Path) -> list[runs.ShardNote]:
    """The notes of all shards."""
    return [_note_of(path) for path in runs.part_paths(run, "contacts")]


def _note_of(path: Path) -> runs.ShardNote:
    note = {"roles": {}, "refused": (), **content_of(path)["note"]}  # what a run of an earlier version has not
    refused = _read(path, lambda _: tuple(Reject(**reject) for reject in note["refused"]))
    made: runs.ShardNote = _read(path, lambda _: runs.ShardNote(**note | {"refused": refused}))
    return made


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    try:
        return reader(path)
    except (OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        do = "cxsentiment verify tells how to mend the run; then erase"
        raise RunError(str(path), f"cannot be read: {error}", do=do) from error
