"""The report of a calibration session: do graders agree, how strict is each, and how does the machine compare."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import cast

import numpy as np

from cxsentiment.errors import UsageError
from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.reasons import Reason
from cxsentiment.reviews.importing import as_utc
from cxsentiment.reviews.labels import PURPOSES, Label, chance, of_rubric
from cxsentiment.reviews.machine import RunItems, run_items
from cxsentiment.schema import Estimate
from cxsentiment.stats.agreement import Agreement, Gate, MachineAgreement, agreement, gate, machine_agreement
from cxsentiment.stats.arrays import FloatArray
from cxsentiment.stats.estimates import bare, missing
from cxsentiment.stats.rates import share_interval
from cxsentiment.stats.ratings import Metric
from cxsentiment.stats.severity import grader_severity

_LEAST_PAIR = 10  # contacts that two graders share before their kappa is worth a row


@dataclass(frozen=True, slots=True)
class Chosen:
    """The labels of a session, how many others were left out for each reason, and contacts asked for that have none."""

    labels: tuple[Label, ...]
    left_out: Mapping[str, int]
    ungraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """Two graders on one item: raw agreement (0-1) and kappa on the contacts both graded."""

    item: str
    first: str
    second: str
    raw: Estimate
    kappa: Estimate


@dataclass(frozen=True, slots=True)
class ItemReport:
    """One item. `applies`: raw agreement on whether it applies; the rest is on contacts where graders gave a verdict.

    `always_met` (0-1): the raw agreement with people of a grader who always says met. `versus` sets the machine against
    one label of each contact (picked by hash of contact and grader), `machine` is METHODS' ratio on doubly graded ones.
    """

    item: str
    question: str
    metric: Metric
    people: Agreement
    applies: Estimate
    always_met: Estimate
    gate: Gate | None
    machine: MachineAgreement
    versus: Agreement
    confusion: Mapping[str, int] | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Grader:
    """How strict a grader is: share of the points (-1 to 1), below 0 stricter than the average one; their labels."""

    grader: str
    labels: int
    severity: Estimate


@dataclass(frozen=True, slots=True)
class Dispute:
    """One item of one contact on which graders differ: who said what (`verdicts`), the machine's verdict, and how far
    apart they are in points (0-1; 1 too where one says that it does not apply).
    """

    item: str
    question: str
    contact_id: str
    verdicts: str
    machine: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class SessionReport:
    """Everything that a calibration session is told.

    `disputes` stand by item, the widest first.
    `not_in_run`: contacts that the run does not have. `other_content`: verdicts by a scorecard of the run's name and
    version whose content is another. `ungraded`: contacts asked for of which no verdict counts.
    """

    items: tuple[ItemReport, ...]
    graders: tuple[Grader, ...]
    pairs: tuple[Pair, ...]
    disputes: tuple[Dispute, ...]
    contacts: int
    labels: int
    left_out: Mapping[str, int]
    not_in_run: int
    other_content: int
    ungraded: tuple[str, ...]


def choose(
    labels: Sequence[Label], run: Path, *, contacts: str | None = None, since: str | None = None, purposes: str = ""
) -> Chosen:
    """The labels of these contacts, given since that day, with these purposes, graded by the run's scorecard.

    Raises:
        UsageError: no purpose, or no day.
    """
    wanted = {part.strip() for part in purposes.split(",") if part.strip()} or set(PURPOSES[:2])
    if unknown := wanted - set(PURPOSES):
        raise UsageError(f"--purpose {min(unknown)}", "is no purpose of a label", allowed=", ".join(PURPOSES))
    named = {part.strip() for part in contacts.split(",") if part.strip()} if contacts is not None else None
    start = _day(since)
    left: Counter[str] = Counter()
    kept = []
    for label in labels:
        if named is not None and label.contact_id not in named:
            left["other_contact"] += 1
        elif label.purpose not in wanted:
            left[f"purpose_{label.purpose}"] += 1
        elif start and not label.rated_at:
            left["no_time"] += 1
        elif start and label.rated_at < start:
            left["earlier"] += 1
        else:
            kept.append(label)
    rubric = run_items(run, []).rubric
    chosen, others = of_rubric(kept, rubric[0], rubric[1])
    ungraded = (named or set()) - {label.contact_id for label in chosen}
    return Chosen(tuple(chosen), dict(sorted((left + Counter(others)).items())), tuple(sorted(ungraded)))


def _day(since: str | None) -> str:
    if since is None:
        return ""
    try:
        found = read_date(since, DateRules())
    except DateError as error:
        raise UsageError(f"--since {since}", str(error), do="Write for example 2026-05-01") from error
    if found is None:
        raise UsageError("--since", "names no day", do="Write for example 2026-05-01")
    return as_utc(found.at)


def session_report(chosen: Chosen, run: Path, *, seed: int = 0) -> SessionReport:
    """Agreement of the chosen labels, item by item, in the order of the run's scorecard; others follow by name."""
    contacts = sorted({label.contact_id for label in chosen.labels})
    scored = run_items(run, contacts)
    by_item: dict[str, list[Label]] = {}
    for label in chosen.labels:
        by_item.setdefault(label.item, []).append(label)
    order = [item for item in scored.questions if item in by_item]
    order += sorted(set(by_item) - set(order))
    reports: list[ItemReport] = []
    pairs: list[Pair] = []
    disputes: list[Dispute] = []
    for item in order:
        table = _Table.of(by_item[item])
        metric = scored.metric(item, {label.verdict for label in by_item[item]})
        reports.append(_item_report(item, table, metric, scored, seed))
        pairs += _pairs(item, table, metric, seed)
        disputes += _disputes(item, by_item[item], scored)
    return SessionReport(
        tuple(reports),
        _graders(chosen.labels),
        tuple(pairs),
        tuple(disputes),
        len(contacts),
        len(chosen.labels),
        chosen.left_out,
        len(set(contacts) - set(scored.contacts)),
        sum(label.rubric_sha256 not in ("", scored.rubric[2]) for label in chosen.labels),
        chosen.ungraded,
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Ratings of one item: `points` and `applies` of shape (contacts, graders), NaN missing."""

    contacts: list[str]
    graders: list[str]
    points: FloatArray
    applies: FloatArray

    @classmethod
    def of(cls, labels: Sequence[Label]) -> "_Table":
        contacts = sorted({label.contact_id for label in labels})
        graders = sorted({label.grader for label in labels})
        row = {name: k for k, name in enumerate(contacts)}
        column = {name: k for k, name in enumerate(graders)}
        points = np.full((len(contacts), len(graders)), np.nan)
        applies = points.copy()
        for label in labels:
            at = row[label.contact_id], column[label.grader]
            applies[at] = label.verdict != "not_applicable"
            points[at] = math.nan if label.points is None else label.points
        return cls(contacts, graders, points, applies)


def _item_report(item: str, table: _Table, metric: Metric, scored: RunItems, seed: int) -> ItemReport:
    machine = scored.points(item, table.contacts)
    try:
        people = agreement(table.points, metric, seed=seed)
        versus = agreement(np.stack([_one_label(table), machine], axis=1), metric, seed=seed)
        compared = machine_agreement(table.points, machine, metric, seed=seed)
        problem = None
    except ValueError as error:  # more than 50 different values
        none = missing(Reason("not_applicable", str(error)), "agreement", 0)
        people = versus = Agreement(none, none, none, none, {}, None, None, 0, 0, str(error))
        compared, problem = MachineAgreement(none, none, none), str(error)
    return ItemReport(
        item=item,
        question=scored.questions.get(item, ""),
        metric=metric,
        people=people,
        applies=agreement(table.applies, seed=seed).raw,
        always_met=_always_met(table),
        gate=gate(people.alpha),
        machine=compared,
        versus=versus,
        confusion=_confusion(_one_label(table), machine) if metric == "nominal" else None,
        problem=problem,
    )


def _one_label(table: _Table) -> FloatArray:
    """One label of each contact, shape (contacts,), the same at every call; NaN where nobody gave a verdict.

    Picked as `one_per_contact` picks.
    """
    picked = np.full(len(table.contacts), np.nan)
    for row, contact in enumerate(table.contacts):
        given = [k for k in range(len(table.graders)) if not math.isnan(table.points[row, k])]
        if given:
            picked[row] = table.points[row, min(given, key=lambda k: chance(contact, table.graders[k]))]
    return picked


def _always_met(table: _Table) -> Estimate:
    """The share of met among verdicts, with the contacts as clusters: graders of one contact are no two trials."""
    row, _ = np.nonzero(~np.isnan(table.points))
    values = (table.points[~np.isnan(table.points)] == 1).astype(np.float64)
    method = "share of met, Wilson interval, clustered by contact"
    if values.size == 0:
        return missing(Reason("nothing_to_count", "no verdict"), method)
    found = share_interval(values, clusters=row.astype(np.int64))
    reason = found.reason.reworded(found.reason.replace("agents", "contacts")) if found.reason else None
    return replace(found, method=method, reason=reason)


def _confusion(people: FloatArray, machine: FloatArray) -> dict[str, int]:
    both = ~np.isnan(people) & ~np.isnan(machine)
    p, m = people[both] == 1, machine[both] == 1
    return {
        "both_met": int(np.sum(p & m)),
        "only_machine_met": int(np.sum(~p & m)),
        "only_person_met": int(np.sum(p & ~m)),
        "both_not_met": int(np.sum(~p & ~m)),
    }


def _pairs(item: str, table: _Table, metric: Metric, seed: int) -> Iterable[Pair]:
    if len(table.graders) < 3:
        return  # of two graders the item's own row says it
    for a, b in combinations(range(len(table.graders)), 2):
        columns = table.points[:, [a, b]]
        if int(np.sum(~np.isnan(columns).any(axis=1))) >= _LEAST_PAIR:
            both = columns[~np.isnan(columns).any(axis=1)]
            try:
                found = agreement(both, metric, seed=seed)
            except ValueError:
                continue  # more than 50 different values: the item's own row says so
            yield Pair(item, table.graders[a], table.graders[b], found.raw, found.kappa)


def _disputes(item: str, labels: Sequence[Label], scored: RunItems) -> list[Dispute]:
    of: dict[str, list[Label]] = {}
    for label in labels:
        of.setdefault(label.contact_id, []).append(label)
    contacts = [contact for contact, own in of.items() if len({(one.verdict, one.points) for one in own}) > 1]
    machine = dict(zip(contacts, scored.points(item, contacts).tolist(), strict=True))
    found = []
    for contact in contacts:
        own = sorted(of[contact], key=lambda label: label.grader)
        points = [label.points for label in own if label.points is not None]
        apart = max(points) - min(points) if len(points) == len(own) else 1.0
        said = ", ".join(f"{label.grader}: {_verdict(label.points)}" for label in own)
        why = Reason("one_contact", "one contact: described, not estimated")
        estimate = bare(apart, len(own), "largest less smallest points of the graders", why)
        own_machine = (
            Reason("nothing_to_count", "no verdict") if math.isnan(machine[contact]) else _verdict(machine[contact])
        )
        found.append(Dispute(item, scored.questions.get(item, ""), contact, said, own_machine, estimate))
    return sorted(found, key=lambda one: (-(one.estimate.value or 0.0), one.contact_id))


def _verdict(points: float | None) -> str:
    if points is None:
        return "not applicable"
    return {1.0: "met", 0.0: "not met"}.get(points, f"{points:g}")


def _graders(labels: Sequence[Label]) -> tuple[Grader, ...]:
    """Severity over all items: each contact and item is a level of its own."""
    given = [label for label in labels if label.points is not None]
    tally = Counter(label.grader for label in given)
    names = sorted(tally)
    code = {name: k for k, name in enumerate(names)}
    unit = {pair: k for k, pair in enumerate(sorted({(label.contact_id, label.item) for label in given}))}
    severity = grader_severity(
        np.array([cast("float", label.points) for label in given], dtype=np.float64),
        np.array([unit[label.contact_id, label.item] for label in given], dtype=np.int64),
        np.array([code[label.grader] for label in given], dtype=np.int64),
    )
    of = {int(k): estimate for k, estimate in zip(severity.names, severity.graders, strict=True)}
    reason = severity.reason or Reason("not_comparable", "shares no contact with another grader")
    return tuple(Grader(name, tally[name], of.get(code[name], missing(reason, "grader effect"))) for name in names)
