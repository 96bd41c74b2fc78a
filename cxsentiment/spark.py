"""Scoring inside a Spark job of one's own: `DataFrame.mapInArrow(score_partition(…), schema())`.

A row in is a contact as in the generic input (`id`, `turns` of `speaker` and `text`, and what else is known); a row out
is what became of it, so as many rows come out as go in. Spark itself is not imported here: the function takes Arrow
batches and gives Arrow batches, and works wherever there are some.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from cxsentiment import runs
from cxsentiment.devices import Device
from cxsentiment.executors import scorer_of
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.values import text_or_none
from cxsentiment.model import default_model
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
Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class _Job:
    """What a partition needs; it travels to the executors, which load the model once a process."""

    rubric: Rubric
    model: Path | None
    options: ReadOptions
    masking: Masking
    device: Device

    def __call__(self, batches: Batches) -> Batches:
        place = 0
        for batch in batches:
            contacts: list[Transcript] = []
            rejects: list[Reject] = []
            for row in batch.to_pylist():
                place += 1
                found = _read(row, place, self.options)
                (rejects if isinstance(found, Reject) else contacts).append(found)  # type: ignore[arg-type]
            for shard in cut(contacts, SOURCE):
                tables, note = scorer_of(self.model or default_model(), self.rubric, self.masking, self.device).tables(
                    shard
                )
                rejects += note.refused
                yield _scored(tables)
            if rejects:
                yield _refused(rejects)


def score_partition(
    rubric: str | Path | Rubric = "default",
    *,
    model: Path | None = None,
    options: ReadOptions = ReadOptions(),  # noqa: B008  (frozen)
    masking: Masking = EVERYTHING_USUAL,
    device: Device = "cpu",
) -> Callable[[Batches], Batches]:
    """The function for `mapInArrow`: contacts in, rows of `schema()` out.

    `rubric` is a ready-made one's name, a file on this machine, or a Rubric; `model` a folder that every executor has
    (the bundled one otherwise); `device` one that every executor has, for nothing else would score alike. Raises
    UsageError or RubricError for a rubric that cannot be used.
    """
    card = rubric if isinstance(rubric, Rubric) else read_rubric(find_rubric(str(rubric)))
    return _Job(card, model, options, masking, device)


def arrow_schema() -> pa.Schema:
    """A row out: the contact's id, its row of the table of contacts, its turns and its verdicts, or why it was refused.

    The fields are the columns of a run's tables (`runs.SCHEMAS`); `contact` is null exactly where `reject_code` is not.
    """
    lists = [pa.field(name, pa.list_(_struct(runs.SCHEMAS[name]))) for name in ("turns", "items")]
    head = [pa.field(name, pa.string()) for name in ("contact_id", "reject_code", "reject_message")]
    return pa.schema([*head, pa.field("contact", _struct(runs.CONTACTS)), *lists])


def schema() -> str:
    """The same as Spark writes a schema, for the second argument of `mapInArrow`."""
    return ", ".join(f"{one.name} {_spark_type(one.type)}" for one in arrow_schema())


def _read(row: dict[str, Any], place: int, options: ReadOptions) -> Transcript | Reject:
    found = row.get(options.columns.get("id", "id"))
    if found is None or (isinstance(found, str | float) and text_or_none(found) is None):
        what = f"{SOURCE}:{place}: the contact has no id, and here none can be made from a file's name"
        return Reject(SOURCE, place, None, "no_id", f"{what}. Give the rows a column id")
    record = {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}
    return read_or_reject(record, source=SOURCE, number=place, options=options)


def _struct(of: pa.Schema) -> pa.DataType:
    return pa.struct(list(of))


def _scored(tables: Any) -> pa.RecordBatch:
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
    return _batch([pa.array(ids, pa.string()), nothing, nothing, contact, *lists])


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
