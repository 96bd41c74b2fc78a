"""What a session report says in plain sentences, for a QA lead, and as tables for files."""

from collections.abc import Iterator
from dataclasses import dataclass

from cxsentiment.amounts import counted, share
from cxsentiment.figures import Tables
from cxsentiment.reasons import Reason
from cxsentiment.reviews.session import Dispute, ItemReport, SessionReport
from cxsentiment.schema import Estimate
from cxsentiment.stats.estimates import bare

_GATES = {
    "performance": "reliable enough to judge agents by",
    "usable": "reliable enough for coaching and averages, not to judge a single agent by",
    "not yet": "not reliable enough yet: talk over the cases on which graders differ, then grade again",
    "rewrite": "graders do not mean the same by it: rewrite the question before anybody is graded by it",
}
_EARLY = {
    "performance": "so far reliable enough to judge agents by",
    "usable": "so far reliable enough for coaching and averages",
    "not yet": "nobody can say yet whether it is reliable enough",
    "rewrite": "so far graders do not seem to mean the same by it; look at the cases on which they differ",
}
_SHOWN = 10
LEFT_OUT = {
    "other_contact": "of other contacts",
    "no_time": "without a time of rating, so nobody knows whether they belong here",
    "earlier": "given earlier",
    "other_rubric": "graded by another scorecard",
    "other_version": "graded by another version of the scorecard",
    "older_verdict": "older verdicts of a grader on the same item",
    **{f"purpose_{name}": f"{name}; --purpose includes them" for name in ("random", "double", "targeted", "coaching")},
}


def sentences(report: SessionReport) -> Iterator[str]:
    """The report in words: what was looked at, each item, the graders, the machine."""
    yield (
        f"{counted(report.labels, 'verdict')} on {counted(report.contacts, 'contact')} "
        f"by {counted(len(report.graders), 'grader')}."
    )
    for code, count in report.left_out.items():
        yield f"{counted(count, 'verdict')} left out: {LEFT_OUT.get(code, code)}."
    if report.ungraded:
        shown = ", ".join(report.ungraded[:_SHOWN]) + (" …" if len(report.ungraded) > _SHOWN else "")
        yield f"No verdict counts of {counted(len(report.ungraded), 'contact')} that --contacts names: {shown}."
    if report.not_in_run:
        yield (
            f"Not in this run: {counted(report.not_in_run, 'contact')}, "
            "which count for the graders and not for the machine."
        )
    if report.other_content:
        who = f"{counted(report.other_content, 'verdict')} {'names' if report.other_content == 1 else 'name'}"
        yield (
            f"{who} a scorecard of this name and version with other content: "
            "look whether its questions are the same, and give a changed scorecard a new version."
        )
    for item in report.items:
        yield from item_sentences(item)
    yield from _on_graders(report)


def item_sentences(item: ItemReport) -> Iterator[str]:
    """One item in words."""
    people = item.people
    if people.contacts == 1 and people.raw.value is not None:
        yield _on_one_contact(item, people.raw.value)
        return
    if people.raw.value is None:
        yield f"{item.item}: {people.raw.reason}, so nobody can say whether graders agree."
    else:
        always = ""
        if item.always_met.value is not None:
            always = f"; a grader who always says met would reach {share(item.always_met.value)}"
        of = counted(people.contacts, "contact")
        yield (
            f"{item.item}: two graders agree in {share(people.raw.value)} of cases on {of}{always}. "
            f"Beyond chance (Krippendorff's alpha) that is {figure(people.alpha)}."
        )
    if item.gate is not None and people.warning is None:
        yield f"{item.item}: {_GATES[item.gate]}."
    elif item.gate is not None:
        # The gate is of the interval; where that rests on few contacts, what it says of the question is no verdict yet.
        yield f"{item.item}: {_EARLY[item.gate]}. Too few for a firm answer: {people.warning}."
    elif people.raw.value is not None:
        yield f"{item.item}: without an interval nobody can say how reliable it is: {people.alpha.reason}."
    yield from _on_machine(item)


def _on_one_contact(item: ItemReport, raw: float) -> str:
    """What can be said where graders met on one contact only: who said what there, and no measure of agreement."""
    said = "the graders agree" if raw == 1 else "the graders differ"
    machine = item.versus.raw.value  # with one of the graders, so of graders who differ it says nothing
    if raw == 1 and machine is not None:
        said += ", and the machine with them" if machine == 1 else ", and the machine says otherwise"
    return f"{item.item}: on the one contact that several graded {said}. One contact tells nothing of others."


def _on_machine(item: ItemReport) -> Iterator[str]:
    ratio, versus = item.machine.ratio, item.versus
    if ratio.value is not None:
        yield (
            f"{item.item}: as one more grader the machine reaches {figure(item.machine.machine)} with people, "
            f"who reach {figure(item.machine.people)} among themselves on the same contacts."
        )
    elif versus.raw.value is not None:
        yield (
            f"{item.item}: the machine and a person agree in {share(versus.raw.value)} of cases on "
            f"{counted(versus.contacts, 'contact')} (alpha {figure(versus.alpha)})."
        )


def _on_graders(report: SessionReport) -> Iterator[str]:
    known = [one for one in report.graders if one.severity.value is not None]
    apart = [
        one
        for one in known
        if one.severity.low is not None
        and one.severity.high is not None
        and (one.severity.low > 0 or one.severity.high < 0)
    ]
    for one in apart:
        value = one.severity.value or 0.0
        side = "stricter" if value < 0 else "more lenient"
        yield f"{one.grader} is {side} than the average grader by {abs(value) * 100:.1f} points of 100."
    if known and not apart:
        yield "No grader can be told apart from the average in strictness."
    if not known and report.graders:
        yield f"How strict graders are cannot be said: {report.graders[0].severity.reason}."


def figure(estimate: Estimate) -> str:
    """An estimate as .71 [.60, .80], or the reason why there is none."""
    if estimate.value is None:
        return f"not known ({estimate.reason})"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f} (no interval: {estimate.reason})"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One measure of one item; `gate` and `warning` stand where the measure is what they are about."""

    item: str
    measure: str
    estimate: Estimate
    gate: str | None
    warning: str | None


@dataclass(frozen=True, slots=True)
class GraderRow:
    """How much more lenient (above 0) one grader is than the average one, in shares of 0-1."""

    grader: str
    labels: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class PairRow:
    """How far two graders agree on one item: `measure` is raw or kappa."""

    item: str
    grader: str
    other_grader: str
    measure: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class PrevalenceRow:
    """How often people gave these `points` (0-1) for an item, as a share of their verdicts."""

    item: str
    points: float
    estimate: Estimate
    contacts: int
    raters: int


def agreement_tables(report: SessionReport) -> Tables:
    """The report as tables: agreement (item, measure), agreement_graders, agreement_pairs, agreement_disputes and
    agreement_prevalence.
    """
    return {
        "agreement": (AgreementRow, [*_agreement_rows(report)]),
        "agreement_graders": (GraderRow, [GraderRow(one.grader, one.labels, one.severity) for one in report.graders]),
        "agreement_pairs": (
            PairRow,
            [
                PairRow(pair.item, pair.first, pair.second, name, found)
                for pair in report.pairs
                for name, found in (("raw", pair.raw), ("kappa", pair.kappa))
            ],
        ),
        "agreement_disputes": (Dispute, report.disputes),
        "agreement_prevalence": (
            PrevalenceRow,
            [
                PrevalenceRow(item.item, value, _share(share, item), item.people.contacts, item.people.raters)
                for item in report.items
                for value, share in item.people.prevalence.items()
            ],
        ),
    }


def _share(share: float, item: ItemReport) -> Estimate:
    reason = Reason("one_contact", "verdicts on one contact are alike, so their number gives no interval")
    return bare(share, item.people.contacts, "share of the verdicts on doubly graded contacts", reason)


def _agreement_rows(report: SessionReport) -> Iterator[AgreementRow]:
    for item in report.items:
        for name, found in measures(item).items():
            gated = item.gate if name == "alpha" else None
            warned = item.people.warning if name in ("raw", "kappa", "alpha", "ac") else None
            yield AgreementRow(item.item, name, found, gated, warned)


def measures(item: ItemReport) -> dict[str, Estimate]:
    """Every figure of an item by its name in the tables."""
    return {
        "raw": item.people.raw,
        "kappa": item.people.kappa,
        "alpha": item.people.alpha,
        "ac": item.people.ac,
        "always_met": item.always_met,
        "applies": item.applies,
        "machine_people_alpha": item.machine.people,
        "machine_alpha": item.machine.machine,
        "machine_ratio": item.machine.ratio,
        "machine_raw": item.versus.raw,
        "machine_kappa": item.versus.kappa,
    }
