"""Charts of days or weeks: pass and item rates (Laney p'), mean score (EWMA), and what tells agents from model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.consistency.labels import Beside
from cxsentiment.consistency.measures import Measure
from cxsentiment.reasons import Reason
from cxsentiment.starts import Starts, day_name, week_name
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, floats
from cxsentiment.stats.control import Chart, drift, ewma, laney_p, stability_index, standardised

Per = Literal["day", "week"]
_LEAST_BASELINE = 8
_UNSURE = 0.3, 0.7
MOVED, _LEAST_PROBABILITIES = 0.25, 200


@dataclass(frozen=True, slots=True)
class Monitor:
    """A chart: its `name`, what it shows, and per period the value, its limits, whether outside, and n; shapes (T,).

    `reason` says why there is none. Values of a rate are 0-100 %; of an EWMA they are in standard deviations.
    """

    name: str
    title: str
    unit: str
    method: str
    periods: tuple[str, ...]
    chart: Chart
    n: IntArray
    reason: Reason | None = None

    @property
    def alarms(self) -> list[str]:
        """Periods outside the limits."""
        return [name for name, out in zip(self.periods, self.chart.outside.tolist(), strict=False) if out]


@dataclass(frozen=True, slots=True)
class Periods:
    """The period of each contact: `of` (n,) codes into `names`, -1 where its start is not known."""

    of: IntArray
    names: tuple[str, ...]


def periods(times: Starts, per: Per) -> Periods:
    """Days or weeks that have contacts, in order."""
    number = times.day if per == "day" else times.week
    known, of = np.unique(number, return_inverse=True)
    unknown = int(np.sum(known < 0))
    name = day_name if per == "day" else week_name
    return Periods(np.where(number < 0, -1, of - unknown), tuple(name(one) for one in known[unknown:].tolist()))


def monitors(
    values: Sequence[Measure], split: Periods, per: Per, *, pass_mark: float | None = None, baseline: int | None = None
) -> list[Monitor]:
    """The pass rate and each item's rate by Laney's p', and the EWMA of the mean score.

    A contact passes with a score of at least `pass_mark` (0-100; the median of all, where None). `baseline` is the
    number of first periods that say what is usual; half of them, but at least eight, where None.
    """
    score, *items = values
    given = score.value[~np.isnan(score.value)]
    mark = float(np.median(given)) if pass_mark is None and given.size else pass_mark or 0.0
    passed = np.where(np.isnan(score.value), np.nan, 100.0 * (score.value >= mark))
    said = f"contacts that score at least {mark:.4g}" + (", the median" if pass_mark is None else "")
    found = [_rate(Measure("pass", passed), said, split, per)]
    found.append(_ewma(score, split, per, baseline))
    return found + [_rate(item, f"contacts that met {item.name.removeprefix('item:')}", split, per) for item in items]


def probability_monitors(
    verdicts: pa.Table, contacts: pa.Table, split: Periods, per: Per, baseline: int | None = None
) -> list[Monitor]:
    """What tells of the model without labels: the share of unsure probabilities, and how far all of them have moved.

    `verdicts` needs contact_id and p_met of items that were judged. Unsure is .3 to .7 (Laney's p'); the population
    stability index compares each period with the first `baseline` ones (half, where None), .25 being a shift.
    """
    p = floats(verdicts["p_met"])
    at = pc.index_in(verdicts["contact_id"], value_set=contacts["contact_id"].combine_chunks())
    row = np.asarray(pc.fill_null(at, -1), dtype=np.int64)
    of = np.where((row >= 0) & ~np.isnan(p), split.of[row], -1)
    known = of >= 0
    p, of = p[known], of[known]
    unsure = np.where((p >= _UNSURE[0]) & (p <= _UNSURE[1]), 100.0, 0.0)
    share = _rate(Measure("unsure", unsure), "item probabilities between .3 and .7", Periods(of, split.names), per)
    return [share, _stability(p, Periods(of, split.names), per, baseline)]


def _stability(p: FloatArray, split: Periods, per: Per, baseline: int | None) -> Monitor:
    title, count = f"How far item probabilities have moved, by {per}", len(split.names)
    first = max(1, count // 2) if baseline is None else min(max(baseline, 1), count)
    n = np.bincount(split.of, minlength=count)
    # Of fewer probabilities the index is large by chance alone.
    kept = np.flatnonzero(n >= _LEAST_PROBABILITIES)
    usual = p[split.of < first]
    if usual.size < _LEAST_PROBABILITIES or kept.size == 0 or kept.max() < first:
        reason = Reason(
            "too_few", f"{_LEAST_PROBABILITIES} probabilities are needed of the baseline, and of a {per} after it"
        )
        return _none("stability", title, per, reason)
    value = np.array([stability_index(usual, p[split.of == k]) or 0.0 for k in kept.tolist()])
    limits = np.zeros(kept.size), np.full(kept.size, MOVED)
    chart = Chart(value, *limits, value > MOVED, None, None, None)
    method = f"population stability index against the first {first} {per}s; .25 counts as moved"
    return Monitor("stability", title, "index", method, tuple(split.names[k] for k in kept.tolist()), chart, n[kept])


def drift_monitors(
    labels: Beside, split: Periods, per: Per, baseline: int | None = None
) -> tuple[list[Monitor], list[str]]:
    """EWMA charts of how often the machine is right, on labels "met" and on "not met" apart; and notes.

    `labels.row` are rows of the contacts that `split` parts. The rates when the model was accepted are those of the
    first `baseline` periods with labels (half of them, where None), as (k + 1) / (n + 2).
    """
    batch_of = split.of[labels.row]
    keep = batch_of >= 0
    present, batch = np.unique(batch_of[keep], return_inverse=True)
    names = tuple(split.names[one] for one in present.tolist())
    truth, flagged = labels.truth[keep], labels.flagged[keep]
    first = max(1, len(names) // 2) if baseline is None else min(max(baseline, 1), len(names))
    if len(names) < 2:
        reason = Reason("too_few", "labels of two periods are needed")
        return [_none(f"drift_{side}", _drift_title(side), per, reason) for side in ("sensitivity", "specificity")], []
    rates = [_accepted(truth, flagged, batch < first, value) for value in (1.0, 0.0)]
    found = drift(truth, flagged, batch.astype(np.int64), *rates)
    monitored = []
    for side, chart, value, rate in (
        ("sensitivity", found.sensitivity, 1.0, rates[0]),
        ("specificity", found.specificity, 0.0, rates[1]),
    ):
        n = np.bincount(batch[truth == value], minlength=len(names))
        method = f"EWMA (lam .2, L 3.1) of confusion residuals; {side} {rate:.3f} in the first {first} {per}s"
        monitored.append(Monitor(f"drift_{side}", _drift_title(side), "SD", method, names, chart, n))
    return monitored, [found.warning] if found.warning else []


def reading(mean: Monitor, residuals: Sequence[Monitor]) -> str:
    """What the two drift charts together say (the mean moves with agents, mix and model; residuals with the
    model alone).
    """
    if any(one.reason for one in residuals) or not residuals:
        return "whether agents or the model moved cannot be told without labels of several periods"
    if any(one.alarms for one in residuals):
        return "the model moved (it is right less or more often than when accepted): freeze scores and label anew"
    if mean.reason:
        return "the model did not move beyond its limits; the mean score has no chart, so of agents nothing is said"
    if mean.alarms:
        return "the mean score moved and the model did not: agents, or the mix of contacts, changed"
    return "neither the mean score nor the model moved beyond its limits"


def _rate(measure: Measure, said: str, split: Periods, per: Per) -> Monitor:
    known = ~np.isnan(measure.value) & (split.of >= 0)
    of = split.of[known]
    n = np.bincount(of, minlength=len(split.names))
    passed = np.bincount(of, weights=measure.value[known] / 100, minlength=len(split.names))
    chart = laney_p(np.round(passed), n.astype(np.float64))
    kept = n > 0
    method = f"Laney p' chart by {per}, limits at 3 sigma"
    title = f"Share of {said}, by {per}"
    if chart.reason is not None:
        return Monitor(measure.name, title, "%", method, (), chart, np.zeros(0, dtype=np.int64), chart.reason)
    names = tuple(name for name, there in zip(split.names, kept.tolist(), strict=True) if there)
    return Monitor(measure.name, title, "%", method, names, _scaled(chart, 100), n[kept])


def _ewma(score: Measure, split: Periods, per: Per, baseline: int | None) -> Monitor:
    known = ~np.isnan(score.value) & (split.of >= 0)
    of = split.of[known]
    n = np.bincount(of, minlength=len(split.names))
    kept = n > 0
    names = tuple(name for name, there in zip(split.names, kept.tolist(), strict=True) if there)
    title = f"Mean score, moving average by {per}"
    means = np.bincount(of, weights=score.value[known], minlength=len(split.names))[kept] / n[kept]
    first = max(_LEAST_BASELINE, len(names) // 2) if baseline is None else baseline
    try:
        z = standardised(means, first)
    except ValueError as error:
        return _none(
            "ewma",
            title,
            per,
            Reason("too_few" if min(first, len(names)) < _LEAST_BASELINE else "constant", str(error)),
        )
    method = f"EWMA (lam .2, L 2.86) of {per}ly means, in SD of the first {min(first, len(names))} {per}s"
    return Monitor("ewma", title, "SD", method, names, ewma(z), n[kept])


def _accepted(truth: FloatArray, flagged: FloatArray, first: BoolArray, value: float) -> float:
    own = first & (truth == value)
    return (int(np.sum(flagged[own] == value)) + 1) / (int(own.sum()) + 2)


def _scaled(chart: Chart, factor: float) -> Chart:
    centre = None if chart.centre is None else chart.centre * factor
    return Chart(
        chart.value * factor, chart.low * factor, chart.high * factor, chart.outside, centre, chart.spread, chart.reason
    )


def _none(name: str, title: str, per: Per, reason: Reason) -> Monitor:
    empty = np.zeros(0)
    nothing = Chart(empty, empty, empty, np.zeros(0, dtype=np.bool_), None, None, reason)
    return Monitor(name, title, "SD", f"EWMA by {per}", (), nothing, np.zeros(0, dtype=np.int64), reason)


def _drift_title(side: str) -> str:
    met = "met" if side == "sensitivity" else "not met"
    return f"Machine right where people say {met} ({side}), moving average"
