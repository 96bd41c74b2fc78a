"""Rows of figures for people and programs: dataclasses with `Estimate`s → flat rows → JSON, CSV, Parquet.

A field named `estimate` becomes estimate, low, high, n, method, reason and reason_code; another one, X, becomes X,
X_low, X_high, X_n, X_method, X_reason and X_reason_code. A number that is not finite never leaves: it becomes a null.
The code is one of `cxsentiment.reasons.CODES` where the value, low or high is null, else null.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.errors import RunError
from cxsentiment.runs import write_atomically, write_rejects
from cxsentiment.schema import Estimate, Reject
from cxsentiment.spreadsheets import NEEDS_APOSTROPHE

_PARTS: tuple[tuple[str, pa.DataType], ...] = (
    ("", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("n", pa.int64()),
    ("method", pa.string()),
    ("reason", pa.string()),
    ("reason_code", pa.string()),
)
_OF_ESTIMATE = {field.name for field in fields(Estimate)}
_TYPES = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
Kind = type[Any]
Rows = Any  # dataclasses of the kind in a sequence, or an Arrow table with their columns
Tables = Mapping[str, tuple[Kind, Rows]]


def schema_of(kind: Kind) -> pa.Schema:
    """The columns of rows of one dataclass, in the order of its fields."""
    hints = get_type_hints(kind)
    columns: list[tuple[str, pa.DataType]] = []
    for field in fields(kind):
        plain = _plain(hints[field.name])
        if plain is Estimate:
            columns += zip(_names(field.name), (kind for _, kind in _PARTS), strict=True)
        else:
            columns.append((field.name, _TYPES[plain]))
    return pa.schema(columns)


def flat(figure: Any) -> dict[str, Any]:
    """One row by column name; numbers are finite or null."""
    row: dict[str, Any] = {}
    hints = get_type_hints(type(figure))
    for field in fields(figure):
        value = getattr(figure, field.name)
        if _plain(hints[field.name]) is Estimate:
            row |= dict(zip(_names(field.name), _parts(value), strict=True))
        else:
            row[field.name] = _finite(value)
    return row


def document(record: Any) -> dict[str, Any]:
    """A dataclass with all that it holds, for JSON; each estimate in it has its `reason_code` too."""
    return asdict(record, dict_factory=_with_code)


def table_of(kind: Kind, figures: Rows) -> pa.Table:
    """The rows as an Arrow table with the columns of `schema_of`."""
    if isinstance(figures, pa.Table):  # rows of single contacts are made as a table
        return figures
    return pa.Table.from_pylist([flat(figure) for figure in figures], schema=schema_of(kind))


def rows_of(figures: Rows) -> list[dict[str, Any]]:
    """The rows by column name, for JSON."""
    rows: list[dict[str, Any]] = (
        figures.to_pylist() if isinstance(figures, pa.Table) else [flat(figure) for figure in figures]
    )
    return rows


def write_all(tables: Tables, rejects: Iterable[Reject] | None, csv: Path | None, parquet: Path | None) -> list[Path]:
    """The tables, and what was refused (None: nothing can be), into the folders given; the tables' paths.

    Raises RunError where one cannot be written.
    """
    written = []
    refused = None if rejects is None else tuple(rejects)
    for folder, form in ((csv, "csv"), (parquet, "parquet")):
        if folder is not None:
            written += write_tables(folder, tables, form)  # type: ignore[arg-type]
            if refused is not None:
                write_rejects(folder, refused)
    return written


def write_tables(folder: Path, tables: Tables, form: Literal["csv", "parquet"]) -> list[Path]:
    """One file a table in the folder, made where it is not there. Raises RunError where it cannot be written."""
    written = []
    for name, (kind, figures) in tables.items():
        sink = pa.BufferOutputStream()
        if form == "csv":
            from pyarrow import csv

            csv.write_csv(_plain_cells(table_of(kind, figures)), sink)
        else:
            from pyarrow import parquet

            parquet.write_table(table_of(kind, figures), sink, compression="zstd")
        path = folder / f"{name}.{form}"
        if folder.exists() and not folder.is_dir():
            raise RunError(str(folder), "is a file", allowed="a folder", do="Name another folder")
        write_atomically(path, sink.getvalue().to_pybytes())
        written.append(path)
    return written


def _plain_cells(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before each text that a spreadsheet would take for a formula."""
    for place, field in enumerate(table.schema):
        if field.type == pa.string():
            column = table.column(place)
            formula = pc.match_substring_regex(column, NEEDS_APOSTROPHE)
            marked = pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)
            table = table.set_column(place, field, marked)
    return table


def _with_code(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if made.keys() == _OF_ESTIMATE:
        made["reason_code"] = Estimate(**made).reason_code
    return made


def _parts(estimate: Estimate) -> tuple[float | str | None, ...]:
    given = replace(estimate, value=_finite(estimate.value), low=_finite(estimate.low), high=_finite(estimate.high))
    return (given.value, given.low, given.high, given.n, given.method, given.reason, given.reason_code)


def _names(name: str) -> Iterator[str]:
    for suffix, _ in _PARTS:
        if name == "estimate":
            yield suffix or name
        else:
            yield f"{name}_{suffix}" if suffix else name


def _plain(hint: Any) -> Any:
    """The type of a field without None; a Literal is text."""
    if isinstance(hint, UnionType):
        return next(_plain(one) for one in get_args(hint) if one is not type(None))
    return str if get_origin(hint) is Literal else hint


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
