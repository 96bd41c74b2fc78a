"""A table of customers (one row each: since when, until when, margin) → churn, retention and lifetime value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.ingest.sources import find_sources, ignore
from cxsentiment.ingest.survey_files import open_rows
from cxsentiment.ingest.tables import Row, missing_column
from cxsentiment.ingest.values import text_or_none
from cxsentiment.kpis.units import PERCENT
from cxsentiment.privacy import mask
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate, Kpi, Reject
from cxsentiment.stats.arrays import FloatArray
from cxsentiment.stats.estimates import missing, scaled, standard_error
from cxsentiment.stats.indicators import churn, lifetime_value, retention
from cxsentiment.stats.means import mean_t_interval

_FIELDS = ("customer_id", "from", "to", "margin", "clv")
_NAMES = {"from": ("from", "since", "start"), "to": ("to", "until", "end"), "customer_id": ("customer_id", "customer")}
_NO_PRESENT = datetime(9000, 1, 1, tzinfo=UTC)  # a contract may end in the future
_DRAWS = 4_000


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers by row, shapes (n,): first and last day as YYYY-MM-DD ("" where still one), margin per period and
    lifetime value (NaN where not given); and the rows refused.
    """

    first: tuple[str, ...]
    last: tuple[str, ...]
    margin: FloatArray
    clv: FloatArray
    rejects: tuple[Reject, ...] = ()


def read_customers(
    path: str, *, order: str | None = None, zone: str | None = None, columns: Mapping[str, str] | None = None
) -> Customers:
    """Read a CSV, Excel or Parquet file of the columns customer_id, from, to, and, where known, margin and clv.

    A row that cannot be read is refused with a code; so is a second row of a customer. Raises UsageError for a file
    that cannot be read or lacks a column.
    """
    try:
        return _read(path, DateRules(order, zone), columns or {})  # type: ignore[arg-type]
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do) from error


def _read(path: str, dates: DateRules, columns: Mapping[str, str]) -> Customers:
    found: dict[str, tuple[str, str, float, float]] = {}
    rejects = []
    for source in find_sources([path]):
        opened = open_rows(source, columns.get("sheet"))
        if opened is None:
            continue
        fields = replace(opened, names={**opened.names, **_NAMES}).layout(_FIELDS, columns).fields
        for needed in ("customer_id", "from"):
            if needed not in fields:
                raise missing_column(opened.table.source, opened.table.columns, needed)
        for row in opened.table.rows(ignore):
            where = f"{opened.table.source}:{row.number}"
            try:
                customer, values = _row(row, fields, dates, where)
                if customer in found:
                    raise InputError(
                        "duplicate_customer", where, "this customer stands in an earlier row, which is kept"
                    )
            except InputError as error:
                told = mask(str(row.cells[fields["customer_id"]] or "")).text or None if not row.problem else None
                rejects.append(Reject(opened.table.source, row.number, told, error.code, error.message))
                continue
            found[customer] = values
    first, last, margin, clv = zip(*found.values(), strict=True) if found else ((), (), (), ())
    return Customers(first, last, np.array(margin, dtype=np.float64), np.array(clv, dtype=np.float64), tuple(rejects))


def _row(
    row: Row, fields: Mapping[str, int], dates: DateRules, where: str
) -> tuple[str, tuple[str, str, float, float]]:
    if row.problem:
        raise InputError("bad_row", where, row.problem)
    cells = {name: row.cells[at] for name, at in fields.items()}
    try:
        customer = text_or_none(cells.get("customer_id"))
    except ValueError as error:
        raise InputError("bad_row", where, f"customer_id {error}") from error
    if customer is None:
        raise InputError("missing_id", where, "has no customer id")
    days = {}
    for name in ("from", "to"):
        try:
            moment = read_date(cells.get(name), dates, _NO_PRESENT)
        except DateError as error:
            raise InputError(error.code, where, f"{name} {error}") from error
        days[name] = "" if moment is None else moment.at.date().isoformat()
    if not days["from"]:
        raise InputError("missing_from", where, "does not say since when this is a customer")
    if days["to"] and days["to"] < days["from"]:
        raise InputError("ends_before_it_begins", where, f"to {days['to']} lies before from {days['from']}")
    margin, clv = (_number(name, cells.get(name), where) for name in ("margin", "clv"))
    return customer, (days["from"], days["to"], margin, clv)


def _number(name: str, cell: object, where: str) -> float:
    try:
        text = text_or_none(cell)
        number = float("nan") if text is None else float(text)
    except ValueError:
        text, number = "", float("inf")
    if np.isinf(number) or (np.isnan(number) and text is not None):
        raise InputError(f"bad_{name}", where, f"{name} is no number", allowed="digits with a point, e.g. 1250.50")
    return number


def customer_kpis(table: Customers | None, period: tuple[str, str] | None, discount: float | None) -> list[Kpi]:
    """Churn, retention (0-100 %) and lifetime value for the days of `period`; `discount` is a rate per such period."""
    lost_name, kept_name, value_name = "Customer churn", "Customer retention", "Customer lifetime value"
    lost_text = "customers at the start who left in the period / customers at the start"
    kept_text = "(customers at the end - new customers) / customers at the start"
    if table is None or period is None:
        lacks = Reason("not_declared", "say the period with --period, such as 2026-01-01..2026-03-31")
        if table is None:
            lacks = Reason("not_given", "needs a customer table (--customers), which was not given")
        nothing = missing(lacks, "none")
        found = [Kpi(lost_name, PERCENT, nothing, lost_text), Kpi(kept_name, PERCENT, nothing, kept_text)]
        return [*found, _value(value_name, table, None, discount, lacks)]
    start, end, gained, lost = _moves(table, period)
    kept = retention(start, end, gained)
    left = churn(start, lost)
    return [
        Kpi(lost_name, PERCENT, scaled(left, 100), f"{lost_text}; {period[0]} to {period[1]}"),
        Kpi(kept_name, PERCENT, scaled(kept, 100), f"{kept_text}; {period[0]} to {period[1]}"),
        _value(value_name, table, kept, discount, None),
    ]


def _moves(table: Customers, period: tuple[str, str]) -> tuple[int, int, int, int]:
    """Customers at the start and at the end of the period, new ones still there, and those of the start who left.

    Who leaves on the first day was a customer at the start; who leaves on the last day is none at the end.
    """
    first, last = np.array(table.first, dtype="U10"), np.array(table.last, dtype="U10")
    open_end = last == ""
    at_start = (first < period[0]) & (open_end | (last >= period[0]))
    at_end = (first <= period[1]) & (open_end | (last > period[1]))
    new = at_end & (first >= period[0])
    return int(at_start.sum()), int(at_end.sum()), int(new.sum()), int((at_start & ~at_end).sum())


def _value(
    name: str,
    table: Customers | None,
    kept: Estimate | None,
    discount: float | None,
    lacks: Reason | None,
) -> Kpi:
    """The mean of imported lifetime values, else margin x r / (1 + d - r) with an interval by drawing."""
    if table is not None and np.any(~np.isnan(table.clv)):
        return Kpi(name, "currency", mean_t_interval(table.clv), "mean of the column clv, as imported")
    definition = "margin x retention / (1 + discount rate - retention), each per period"
    method = "from mean margin and retention, interval by drawing both"
    if not lacks and table is not None and np.all(np.isnan(table.margin)):
        lacks = Reason("not_given", "the customer table gives neither margin nor clv")
    if lacks is None and discount is None:
        lacks = Reason("not_declared", "say the discount rate per period with --discount, such as 0.02")
    if lacks is not None:
        return Kpi(name, "currency", missing(lacks, "none"), definition)
    assert table is not None
    assert kept is not None
    assert discount is not None
    margin = mean_t_interval(table.margin)
    if kept.value is None or margin.value is None:
        return Kpi(
            name, "currency", missing(kept.reason or Reason("not_given", "no margin is known"), method), definition
        )
    value = lifetime_value(margin.value, kept.value, discount) if 1 + discount > kept.value else None
    if value is None:
        reason = Reason("undefined", "nobody left and nothing is discounted, so the value has no end")
        return Kpi(name, "currency", missing(reason, method, margin.n), definition)
    bounds = _drawn(margin, kept, discount)
    if bounds is None:
        reason = Reason(
            "undefined", "margin or retention has no interval, or retention may reach 1 + the discount rate"
        )
        return Kpi(name, "currency", Estimate(value, None, None, margin.n, method, reason), definition)
    low, high = bounds
    return Kpi(name, "currency", Estimate(value, min(value, low), max(value, high), margin.n, method), definition)


def _drawn(margin: Estimate, kept: Estimate, discount: float) -> tuple[float, float] | None:
    errors = standard_error(margin), standard_error(kept)
    if errors[0] is None or errors[1] is None:
        return None
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((2, _DRAWS))
    margins = (margin.value or 0.0) + errors[0] * normal[0]
    rates = np.clip((kept.value or 0.0) + errors[1] * normal[1], 0.0, 1.0)
    if np.any(rates >= 1 + discount - 1e-9):
        return None
    low, high = np.percentile(margins * rates / (1 + discount - rates), [2.5, 97.5])
    return float(low), float(high)
