"""A finished run and what is declared → its indicators, slices, attainment and balanced scorecard."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from cxsentiment import runs
from cxsentiment.answers import csat_scale, joined
from cxsentiment.errors import UsageError
from cxsentiment.ingest.joins import Joins
from cxsentiment.kpis.attainment import Balance, balance
from cxsentiment.kpis.indicators import Indicators, Rules, Run, indicators
from cxsentiment.kpis.quality import VERDICT_COLUMNS
from cxsentiment.kpis.targets import read_targets
from cxsentiment.schema import Reject
from cxsentiment.slices import all_contacts
from cxsentiment.starts import day_name, in_future, period, starts


@dataclass(frozen=True, slots=True)
class Measurement:
    """Indicators, the balance where targets were given, and rows of surveys, log and customers that were refused."""

    indicators: Indicators
    balance: Balance | None
    rejects: tuple[Reject, ...]


def measure(
    run: Path,
    joins: Joins,
    rules: Rules,
    *,
    by: Sequence[str] = (),
    targets: Path | None = None,
    as_of: str | None = None,
) -> Measurement:
    """Everything `cxsentiment kpis` says. `as_of` (YYYY-MM-DD) is the day whose targets count, else the last contact's.

    Raises:
        RunError: for a folder that is no finished run.
        UsageError: for options or a targets file that cannot be used.
    """
    tables = joined(run, joins)
    receipt, contacts, log, rejects = tables.receipt, tables.contacts, tables.log, list(tables.rejects)
    zone = rules.zone or receipt["settings"].get("timezone")
    if rules.shifts and zone is None:
        raise UsageError("--shifts", "need the zone of their clock", do="Say --timezone, such as Europe/Berlin")
    rules = replace(rules, zone=zone, csat_scale=csat_scale(receipt, joins.scales.csat))
    found = indicators(Run(contacts, runs.read_table(run, "items", VERDICT_COLUMNS), log, receipt), rules, by)
    rejects += rules.customers.rejects if rules.customers else ()
    balanced = None
    if targets is not None:
        whole = found.whole()
        day = period(f"{as_of}..{as_of}", "--as-of")[0] if as_of else _last_day(contacts, log, rules, receipt)
        balanced = balance(whole, read_targets(targets, tuple(whole)), day)
    return Measurement(found, balanced, tuple(rejects))


def _last_day(contacts: pa.Table, log: pa.Table | None, rules: Rules, receipt: dict[str, object]) -> str:
    """The day of the last contact that does not lie in the future; where none has a start, the day of the run."""
    made = starts(pa.chunked_array([[receipt.get("started_at")]], pa.string()), rules.zone)
    times = starts(all_contacts(contacts, log)["started_at"], rules.zone, rules.date_order)
    known = ~np.isnan(times.at)
    if not np.isnan(made.at[0]):
        known &= ~in_future(times, float(made.at[0]))
    return day_name(int(times.day[known].max() if known.any() else made.day[0]))
