"""Labels to a file that the import reads back: CSV, JSONL or Parquet."""

import json
from pathlib import Path

from cxsentiment.errors import UsageError
from cxsentiment.reviews.labels import FIELDS, Label
from cxsentiment.reviews.store import LabelStore
from cxsentiment.runs import write_atomically
from cxsentiment.spreadsheets import Cell, csv_text

_KINDS = (".csv", ".jsonl", ".parquet")
_HISTORY = ("digest", "superseded_by")


def export_labels(store: LabelStore, path: Path, *, history: bool = False) -> int:
    """Write the labels and return how many; with `history` also those that were replaced, and the digest of by which.

    Same labels, same bytes. Raises UsageError for another kind of file, RunError where it cannot be written.
    """
    if path.suffix.lower() not in _KINDS:
        raise UsageError(f"--out {path}", "is no kind of file that is written", allowed=", ".join(_KINDS))
    labels = store.labels(history=history)
    by = store.superseded() if history else {}
    columns = (*FIELDS, *_HISTORY) if history else FIELDS
    rows = [_row(label, by, history) for label in labels]
    write_atomically(path, _written(path.suffix.lower(), columns, rows))
    return len(rows)


def _row(label: Label, by: dict[str, str], history: bool) -> list[Cell]:
    row: list[Cell] = [getattr(label, name) for name in FIELDS]
    return [*row, label.digest, by.get(label.digest)] if history else row


def _written(kind: str, columns: tuple[str, ...], rows: list[list[Cell]]) -> bytes:
    if kind == ".csv":
        return csv_text(columns, rows).encode("utf-8")
    if kind == ".jsonl":
        lines = (json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
        return "".join(lines).encode("utf-8")
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {"points", "inclusion_probability"}
    schema = pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in columns])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in rows], schema=schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
