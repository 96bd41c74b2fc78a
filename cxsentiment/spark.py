"""Scoring inside a Spark job of one's own: `DataFrame.mapInArrow(score_partition(…), schema())`.

A row in is a contact as in the generic input (`id`, `turns` of `speaker` and `text`, and what else is known); a row out
is what became of it, so as many rows come out as go in. Spark itself is not imported here: the function takes Arrow
batches and gives Arrow batches, and works wherever there are some.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment import runs
from cxsentiment.devices import Device
from cxsentiment.executors import Setup, folder_there
from cxsentiment.ingest.identities import FirstSeen, check_new
from cxsentiment.ingest.intake import masked
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.parquet import rows_of
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.values import text_or_none
from cxsentiment.libraries import versions
from cxsentiment.model import default_model, read_bundle
from cxsentiment.privacy import EVERYTHING_USUAL, Masking
from cxsentiment.rubric.reading import find_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Reject, Transcript
from cxsentiment.shards import cut

SOURCE = "partition"
"""What stands in the column `source`; `record` is the place of the contact in its partition, from 1."""
_SPARK_TYPES = {
    "string": "string",
    "double": "double",
    "float": "float",
    "int32": "int",
    "int64": "bigint",
    "bool": "boolean",
}
_REFUSED = ("kind", "code", "message")
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class _Job:
    """What a partition needs; it travels to the executors, which load the model once a process."""

    setup: Setup
    options: ReadOptions

    def __call__(self, batches: Batches) -> Batches:
        scorer = self.setup.scorer()
        seen, place = FirstSeen(), 0
        for batch in batches:
            contacts: list[Transcript] = []
            rejects: list[Reject] = []
            for row in rows_of(batch):
                place += 1
                found = _read(row, place, self.options, seen)
                (rejects if isinstance(found, Reject) else contacts).append(found)  # type: ignore[arg-type]
            for shard in cut(contacts, SOURCE):
                tables, note = scorer.tables(shard)
                rejects += note.refused
                yield _scored(tables, {one.id: one for one in shard.contacts})
            if rejects:
                yield _refused(rejects)


def score_partition(
    rubric: str | Path | Rubric = "default",
    *,
    model: str | Path | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008  (frozen)
    masking: Masking = EVERYTHING_USUAL,
    device: Device = "cpu",
) -> Callable[[Batches], Batches]:
    """The function for `mapInArrow`: contacts in, rows of `schema()` out.

    `rubric` is a ready-made one's name, a file on this machine, or a Rubric; `model` a folder that this machine has and
    every executor too (the bundled one otherwise); `device` one that every executor has, for nothing else would score
    alike. An executor with another model, or other versions of what shapes results, than this machine raises RunError
    there. Raises UsageError or RubricError for a rubric that cannot be used, BundleError for a model that cannot.
    """
    card = rubric if isinstance(rubric, Rubric) else read_rubric(find_rubric(str(rubric)))
    folder = default_model() if model is None else Path(model)
    sha256 = read_bundle(folder)[1]
    return _Job(Setup(folder_there(folder), sha256, versions(masking, device), card, masking, device), options)


def arrow_schema() -> pa.Schema:
    """A row out: the contact's id, its row of the table of contacts, its turns and its verdicts, or why it was refused.

    The fields are the columns of a run's tables (`runs.SCHEMAS`); `contact` is null exactly where `reject_code` is not.
    `warnings` and `notes` are those of the contact, `refused` is what of it could not be used: turns and times.
    """
    lists = [pa.field(name, pa.list_(_struct(runs.SCHEMAS[name]))) for name in ("turns", "items")]
    head = [pa.field(name, pa.string()) for name in ("contact_id", "reject_code", "reject_message")]
    told = [pa.field(name, pa.list_(pa.string())) for name in ("warnings", "notes")]
    refused = pa.list_(pa.struct([(name, pa.string()) for name in _REFUSED]))
    return pa.schema([*head, pa.field("contact", _struct(runs.CONTACTS)), *lists, *told, pa.field("refused", refused)])


def schema() -> str:
    """The same as Spark writes a schema, for the second argument of `mapInArrow`."""
    return ", ".join(f"{one.name} {_spark_type(one.type)}" for one in arrow_schema())


def _read(row: dict[str, Any], place: int, options: ReadOptions, seen: FirstSeen) -> Transcript | Reject:
    if not _is_named(row.get(options.columns.get("id", "id"))):
        what = f"{SOURCE}:{place}: the contact has no id, and here none can be made from a file's name"
        return Reject(SOURCE, place, None, "no_id", f"{what}. Give the rows a column id")
    record = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
    contact = read_or_reject(record, source=SOURCE, number=place, options=options)
    found = contact if isinstance(contact, Reject) else check_new(contact, seen)
    return masked(found) if isinstance(found, Reject) else found


def _is_named(value: object) -> bool:
    try:
        return text_or_none(value) is not None
    except ValueError:  # no id at all, which is refused as such
        return True


def _struct(of: pa.Schema) -> pa.DataType:
    return pa.struct(list(of))


def _scored(tables: Any, contacts: Mapping[str, Transcript]) -> pa.RecordBatch:
    made = {name: pa.Table.from_pydict(dict(tables[name]), schema=runs.SCHEMAS[name]) for name in runs.TABLES}
    ids = tables["contacts"]["contact_id"]
    counts = {
        "turns": tables["contacts"]["turns"],
        "items": [made["items"].num_rows // max(len(ids), 1)] * len(ids),  # every contact has a verdict for each item
    }
    lists = [
        pa.ListArray.from_arrays(_offsets(counts[name]), made[name].to_struct_array().combine_chunks())
        for name in ("turns", "items")
    ]
    contact = made["contacts"].to_struct_array().combine_chunks()
    nothing = pa.nulls(len(ids), pa.string())
    read = [contacts[name] for name in ids]
    told = [
        [list(one.warnings) for one in read],
        [list(one.notes) for one in read],
        [[{name: getattr(what, name) for name in _REFUSED} for what in one.refused] for one in read],
    ]
    beside = [pa.array(column, field.type) for column, field in zip(told, list(arrow_schema())[-3:], strict=True)]
    return _batch([pa.array(ids, pa.string()), nothing, nothing, contact, *lists, *beside])


def _refused(rejects: Sequence[Reject]) -> pa.RecordBatch:
    said = zip(*((one.contact_id, one.code, one.message) for one in rejects), strict=True)
    columns = [pa.array(column, pa.string()) for column in said]
    return _batch([*columns, *(pa.nulls(len(rejects), one.type) for one in list(arrow_schema())[3:])])


def _batch(columns: Sequence[Any]) -> pa.RecordBatch:
    wanted = arrow_schema()
    return pa.RecordBatch.from_arrays([c.cast(f.type) for c, f in zip(columns, wanted, strict=True)], schema=wanted)


def _offsets(counts: Iterable[int]) -> Any:
    places = [0]
    for count in counts:
        places.append(places[-1] + count)
    return pa.array(places, pa.int32())


def _spark_type(kind: Any) -> str:
    if pa.types.is_struct(kind):
        return "struct<" + ", ".join(f"`{one.name}`: {_spark_type(one.type)}" for one in kind) + ">"
    if pa.types.is_list(kind):
        return f"array<{_spark_type(kind.value_type)}>"
    return _SPARK_TYPES[str(kind)]
