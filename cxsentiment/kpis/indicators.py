"""All indicators of a run that its data and what is declared allow, for the run as a whole and by slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.kpis.cost import Prices, costs
from cxsentiment.kpis.customers import Customers, customer_kpis
from cxsentiment.kpis.handling import QueueRules, first_response, logged, median_response, parts, queue, talk_time
from cxsentiment.kpis.quality import quality
from cxsentiment.kpis.resolution import WINDOW_DAYS, FirstContacts, first_contacts
from cxsentiment.kpis.surveys import Scale, ces, csat, csat_top_box, nps
from cxsentiment.kpis.units import key_of
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.slices import Shift, all_contacts, slices
from cxsentiment.starts import Starts, starts
from cxsentiment.stats.arrays import floats


@dataclass(frozen=True, slots=True)
class Rules:
    """What is declared of a run: queues, prices, the period of customers, shifts, the zone of the wall clock."""

    queues: QueueRules = field(default_factory=QueueRules)
    prices: Prices = field(default_factory=Prices)
    csat_scale: Scale | None = None
    window_days: float = WINDOW_DAYS
    same_queue: bool = True
    customers: Customers | None = None
    period: tuple[str, str] | None = None
    discount: float | None = None
    shifts: Sequence[Shift] = ()
    handle_from_transcripts: bool = False
    zone: str | None = None
    date_order: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator of one slice; `by` and `slice` are empty for the run as a whole. `kpi` is its name in files."""

    kpi: str
    name: str
    unit: str
    by: str
    slice: str
    estimate: Estimate
    definition: str


@dataclass(frozen=True, slots=True)
class Indicators:
    """The rows, those of the whole run first, and notes on what was left out."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]

    def whole(self) -> dict[str, Row]:
        """The rows of the whole run by key."""
        return {row.kpi: row for row in self.rows if not row.by}


@dataclass(frozen=True, slots=True)
class Run:
    """Tables of a finished run: contacts, items, the log where it has one, and the receipt."""

    contacts: pa.Table
    verdicts: pa.Table
    log: pa.Table | None
    receipt: Mapping[str, Any]


def indicators(run: Run, rules: Rules, by: Sequence[str] = ()) -> Indicators:
    """Every indicator of the run, then of each slice of each way in `by` (see `cxsentiment.slices.BY`).

    Raises UsageError for an unknown way or zone.
    """
    every = all_contacts(run.contacts, run.log)
    times = starts(every["started_at"], rules.zone, rules.date_order)
    resolved = first_contacts(
        every,
        times,
        present=_made(run.receipt),
        window_days=rules.window_days,
        same_queue=rules.same_queue,
        has_log=run.log is not None or _dated_customers(every, times),
    )
    used = [*times.notes(), *resolved.notes]
    if rules.handle_from_transcripts:
        every, filled = _with_handle_times(every)
        used.append(f"{filled} handle times are the length of the transcript (hold lies in it) + after-call work")
    log = None if run.log is None else every
    whole = _measured(run.contacts, log, run.verdicts, resolved.kpi, rules)
    whole += customer_kpis(rules.customers, rules.period, rules.discount)
    whole += costs(run.receipt, rules.prices)
    rows = [_row(kpi) for kpi in whole]
    for way in by:
        parted = _sliced(run, every, times, resolved, rules, way)
        rows += parted
        if not parted:
            used.append(f"no contact has a {way} that is known, so nothing is parted by it")
    if run.log is None and resolved.kpi.estimate.value is not None:
        used.append("first-contact resolution knows the run's contacts only: a customer who came back elsewhere counts "
                    "as resolved; give the contact log with --log")  # fmt: skip
    return Indicators(tuple(rows), tuple(used))


def _measured(contacts: pa.Table, log: pa.Table | None, verdicts: pa.Table, resolved: Kpi, rules: Rules) -> list[Kpi]:
    """The indicators that any part of the contacts has, in a fixed order."""
    answers = floats(contacts["csat"])
    found = [*csat(answers, rules.csat_scale), csat_top_box(answers, rules.csat_scale)]
    found += [nps(floats(contacts["nps"])), ces(floats(contacts["ces"])), resolved]
    found += [kpi for kpi in logged(log) if kpi.name != "Abandonment"]
    found += parts(log)
    found += queue(log, rules.queues)
    found += [*first_response(contacts), *first_response(contacts, ninetieth=True), *median_response(contacts)]
    found.append(talk_time(contacts))
    return found + quality(contacts, verdicts)


def _sliced(run: Run, every: pa.Table, times: Starts, resolved: FirstContacts, rules: Rules, way: str) -> list[Row]:
    """Rows of each slice. Tables are sorted by slice once, so that each slice is a part of them."""
    split = slices(every, way, times, rules.shifts)
    share = resolved.by(split)
    own = split.of[: run.contacts.num_rows]  # the run's contacts stand first
    contacts, contact_ends = _sorted(run.contacts, own, len(split.names))
    at = pc.index_in(run.verdicts["contact_id"].combine_chunks(), value_set=run.contacts["contact_id"].combine_chunks())
    place = np.asarray(pc.fill_null(at, -1), dtype=np.int64)
    verdicts, verdict_ends = _sorted(run.verdicts, np.where(place < 0, -1, own[place]), len(split.names))
    offered, offered_ends = _sorted(every, split.of, len(split.names))
    rows = []
    for code, name in enumerate(split.names):
        part = [
            table.slice(int(ends[code]), int(ends[code + 1] - ends[code]))
            for table, ends in ((contacts, contact_ends), (verdicts, verdict_ends), (offered, offered_ends))
        ]
        kpi = replace(resolved.kpi, estimate=share[name])
        log = None if run.log is None else part[2]
        rows += [_row(one, way, name) for one in _measured(part[0], log, part[1], kpi, rules)]
    return rows


def _sorted(table: pa.Table, of: np.ndarray[Any, np.dtype[np.int64]], count: int) -> tuple[pa.Table, Any]:
    """The rows of known slices, slice by slice, and where each slice begins (count + 1 places)."""
    order = np.argsort(of, kind="stable")
    order = order[of[order] >= 0]
    return table.take(pa.array(order)), np.searchsorted(of[order], np.arange(count + 1))


def _row(kpi: Kpi, by: str = "", name: str = "") -> Row:
    return Row(key_of(kpi.name), kpi.name, kpi.unit, by, name, kpi.estimate, kpi.definition)


def _with_handle_times(every: pa.Table) -> tuple[pa.Table, int]:
    """Contacts whose handle time the log does not give get transcript + after-call work, where both are known."""
    own = every["handle_s"].combine_chunks()
    made = pc.add(every["duration_s"].combine_chunks(), every["wrap_up_s"].combine_chunks())
    whole = pc.coalesce(own, made)
    place = every.column_names.index("handle_s")
    return every.set_column(place, every.schema.field("handle_s"), whole), own.null_count - whole.null_count


def _dated_customers(every: pa.Table, times: Starts) -> bool:
    return bool(np.any(np.asarray(every["customer_id"].is_valid()) & ~np.isnan(times.at)))


def _made(receipt: Mapping[str, Any]) -> float | None:
    """When the run was made, in seconds of UTC: a start after it is a mistake."""
    made = pa.chunked_array([[receipt.get("started_at")]], pa.string())
    at = float(starts(made).at[0])
    return None if np.isnan(at) else at
