"""All indicators of a run that its data and what is declared allow, for the run as a whole and by slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.kpis.cost import Prices, costs
from cxsentiment.kpis.customers import Customers, customer_kpis
from cxsentiment.kpis.handling import (
    QueueRules,
    first_response,
    logged,
    median_response,
    parts,
    queue,
    transcript_length,
)
from cxsentiment.kpis.quality import CUES, Judged, judged, quality
from cxsentiment.kpis.resolution import WINDOW_DAYS, Episodes, first_contacts, in_time
from cxsentiment.kpis.surveys import Scale, ces, csat, csat_top_box, nps
from cxsentiment.kpis.units import key_of
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.slices import Shift, all_contacts, slices
from cxsentiment.starts import Starts, starts
from cxsentiment.stats.arrays import IntArray, floats

# What the indicators of a slice need of the run's contacts, and of run and log together.
_PARTED = [
    "agent_id",
    "channel",
    "score",
    "score_uncapped",
    "null_reason",
    "duration_s",
    "first_response_s",
    "median_response_s",
]
_PARTED += ["csat", "nps", "ces", *(signal for signal, _, _ in CUES)]
_PARTED_LOG = ["handle_s", "wait_s", "hold_s", "wrap_up_s", "abandoned", "transferred", "resolved"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is declared of a run: queues, prices, the period of customers, shifts, the zone of the wall clock."""

    queues: QueueRules = field(default_factory=QueueRules)
    prices: Prices = field(default_factory=Prices)
    csat_scale: Scale | None = None
    window_days: float = WINDOW_DAYS
    resolve_within_h: float | None = None
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
    has_log = run.log is not None
    made = _made(run.receipt)
    declared: dict[str, Any] = {"window_days": rules.window_days, "same_queue": rules.same_queue}
    resolved = first_contacts(every, times, present=made, has_log=has_log or _dated_customers(every, times), **declared)
    solved = in_time(every, times, present=made, within_h=rules.resolve_within_h, has_log=has_log, **declared)
    used = [*times.notes(), *resolved.notes]
    if rules.handle_from_transcripts:
        every, filled = _with_handle_times(every)
        used.append(f"{filled} handle times are the length of the transcript (hold lies in it) + after-call work")
    log = None if run.log is None else every
    found = judged(run.contacts, run.verdicts)
    whole = _measured(run.contacts, log, found, [resolved.kpi, solved.kpi], rules)
    whole += customer_kpis(rules.customers, rules.period, rules.discount)
    whole += costs(run.receipt, rules.prices)
    rows = [_row(kpi) for kpi in whole]
    for way in by:
        parted = _sliced(run, every, found, times, (resolved, solved), rules, way)
        rows += parted
        if not parted:
            used.append(f"no contact has a {way} that is known, so nothing is parted by it")
    if run.log is None and resolved.kpi.estimate.value is not None:
        used.append("first-contact resolution knows the run's contacts only: a customer who came back elsewhere counts "
                    "as resolved; give the contact log with --log")  # fmt: skip
    return Indicators(tuple(rows), tuple(used))


def _measured(
    contacts: pa.Table, log: pa.Table | None, judgements: Judged, resolved: Sequence[Kpi], rules: Rules
) -> list[Kpi]:
    """The indicators that any part of the contacts has, in a fixed order."""
    answers = floats(contacts["csat"])
    found = [*csat(answers, rules.csat_scale), csat_top_box(answers, rules.csat_scale)]
    found += [nps(floats(contacts["nps"])), ces(floats(contacts["ces"])), *resolved]
    found += [kpi for kpi in logged(log) if kpi.name != "Abandonment"]
    found += parts(log)
    found += queue(log, rules.queues)
    found += [*first_response(contacts), *first_response(contacts, ninetieth=True), *median_response(contacts)]
    found.extend(transcript_length(contacts))
    return found + quality(contacts, judgements)


def _sliced(
    run: Run, every: pa.Table, found: Judged, times: Starts, resolved: Sequence[Episodes], rules: Rules, way: str
) -> list[Row]:
    """Rows of each slice. Tables are sorted by slice once, so that each slice is a part of them."""
    split = slices(every, way, times, rules.shifts)
    shares = [(one.kpi, one.by(split)) for one in resolved]
    order, ends = _sorted(split.of[: run.contacts.num_rows], len(split.names))  # the run's contacts stand first
    contacts = run.contacts.select(_PARTED).take(pa.array(order))
    offered_order, offered_ends = _sorted(split.of, len(split.names))
    offered = None if run.log is None else every.select(_PARTED_LOG).take(pa.array(offered_order))
    rows = []
    for code, name in enumerate(split.names):
        first, last = int(ends[code]), int(ends[code + 1])
        log = None
        if offered is not None:
            log = offered.slice(int(offered_ends[code]), int(offered_ends[code + 1] - offered_ends[code]))
        parted = [replace(kpi, estimate=share[name]) for kpi, share in shares]
        own = found.part(order[first:last])
        rows += [
            _row(one, way, name) for one in _measured(contacts.slice(first, last - first), log, own, parted, rules)
        ]
    return rows


def _sorted(of: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """The places of known slices, slice by slice, and where each slice begins (count + 1 places)."""
    order = np.argsort(of, kind="stable")
    order = order[of[order] >= 0]
    return order, np.searchsorted(of[order], np.arange(count + 1))


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
