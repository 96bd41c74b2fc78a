"""Parquet: a turn table (one row a turn), or one contact a row where a column `turns` holds lists."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment.errors import InputError
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.records import read_or_reject
from cxsentiment.ingest.sources import Advance, Source, ignore, source_name
from cxsentiment.ingest.tables import Row, Table, read_table
from cxsentiment.ingest.values import plain
from cxsentiment.schema import Reject, Transcript

_BATCH_ROWS = 4096
# What pyarrow raises on broken files; ValueError and OverflowError come from cells that are no text or no date.
_DAMAGE = (pa.ArrowException, OSError, ValueError, OverflowError)


def read_parquet(path: Source, options: ReadOptions, advance: Advance = ignore) -> Iterator[Transcript | Reject]:
    """Yield the contacts of a Parquet file, in row batches; `record` is the row from 1.

    Raises:
        InputError: `damaged`, `duplicate_column`, or as `read_table`.
    """
    table = open_parquet(path)
    turns = options.columns.get("turns", "turns")
    if turns in table.columns or turns.partition(".")[0] in table.columns:
        for number, record in enumerate(_records(path), start=1):
            yield read_or_reject(record, source=table.source, number=number, options=options)
        return
    yield from read_table(table, options)


def open_parquet(path: Source) -> Table:
    """The columns of a Parquet file; its rows are read when asked for.

    Raises:
        InputError: `damaged`, `duplicate_column`.
    """
    source = source_name(path)
    try:
        with _opened(path) as file:
            names = list(file.schema_arrow.names)
    except _DAMAGE as error:
        raise InputError("damaged", source, "is not a readable Parquet file", do="Export it again") from error
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError("duplicate_column", source, f'two columns are named "{repeated[0]}"')

    def rows(_: Advance) -> Iterator[Row]:
        for number, record in enumerate(_records(path), start=1):
            yield Row(number, list(record.values()))

    return Table(source, tuple(names), rows, path.stem, "row")


def rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows of a batch; its decimals (at any depth of a column's type) as `plain`, for no reader knows them."""
    rows: list[dict[str, Any]] = batch.to_pylist()
    return [plain(row) for row in rows] if "decimal" in str(batch.schema.types) else rows


def _opened(source: Source) -> pq.ParquetFile:
    """A file by its path, which is mapped into memory; anything else as a stream that can seek."""
    return pq.ParquetFile(source if isinstance(source, Path) else source.open("rb"))


def _records(path: Source) -> Iterator[dict[str, Any]]:
    try:
        with _opened(path) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                yield from rows_of(batch)
    except _DAMAGE as error:
        raise InputError("damaged", source_name(path), f"cannot be read to its end ({error})") from error
