"""Rows of figures for people and machines: flat columns, and files of CSV or Parquet, one a table.

Each row has estimate, low, high, n, method and reason; a null says why in its reason, and NaN never leaves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment.report import Cell, csv_text
from cxsentiment.runs import write_atomically
from cxsentiment.schema import Estimate

ESTIMATE = ("estimate", "low", "high", "n", "method", "reason")
_INTEGERS = frozenset({"n", "agents", "contacts"})
_TRUTHS = frozenset({"outside"})
Flat = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Figures:
    """A table: its columns in order and its rows by column. Columns in `numbers` are numbers beside the estimate's."""

    columns: Sequence[str]
    rows: Sequence[Flat]
    numbers: frozenset[str] = frozenset()


def flat(estimate: Estimate) -> dict[str, Cell]:
    """The columns of an estimate."""
    return {
        "estimate": _finite(estimate.value),
        "low": _finite(estimate.low),
        "high": _finite(estimate.high),
        "n": estimate.n,
        "method": estimate.method,
        "reason": estimate.reason,
    }


def write_csv(folder: Path, tables: Mapping[str, Figures]) -> None:
    """Write NAME.csv for each table. Raises RunError where the folder cannot be written."""
    for name, table in tables.items():
        rows = [[row.get(column) for column in table.columns] for row in table.rows]
        write_atomically(folder / f"{name}.csv", csv_text((table.columns, rows)).encode("utf-8", "replace"))


def write_parquet(folder: Path, tables: Mapping[str, Figures]) -> None:
    """Write NAME.parquet for each table. Raises RunError where the folder cannot be written."""
    for name, table in tables.items():
        schema = pa.schema([(column, _type(column, table.numbers)) for column in table.columns])
        rows = [{column: row.get(column) for column in table.columns} for row in table.rows]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
        write_atomically(folder / f"{name}.parquet", sink.getvalue().to_pybytes())


def _type(column: str, numbers: frozenset[str]) -> pa.DataType:
    if column in _INTEGERS:
        return pa.int64()
    if column in _TRUTHS:
        return pa.bool_()
    return pa.float64() if column in numbers or column in ("estimate", "low", "high") else pa.string()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
