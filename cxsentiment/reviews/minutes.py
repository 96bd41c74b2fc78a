"""The report of a calibration session as a document (Markdown) that a QA lead takes to the meeting."""

from collections.abc import Iterator, Sequence

from cxsentiment.amounts import share
from cxsentiment.reviews.session import Dispute, ItemReport, SessionReport
from cxsentiment.reviews.wording import figure, sentences
from cxsentiment.schema import Estimate

_CASES_SHOWN = 10  # of an item
_HEAD = ("Item", "Contacts", "Agree", "Always met", "Alpha", "Machine", "Good for")


def session_document(report: SessionReport, run: str) -> str:
    """The whole report: what was graded, item by item, the graders, and the cases to talk over. Same in, same out."""
    return "\n".join(_lines(report, run)) + "\n"


def _lines(report: SessionReport, run: str) -> Iterator[str]:
    yield "# Calibration session"
    yield ""
    yield f"Run: {_plain(run)}"
    yield ""
    yield "## What it says"
    yield ""
    yield from (f"- {_plain(one)}" for one in sentences(report))
    yield ""
    yield "## Items"
    yield ""
    yield from _table(_HEAD, [_item(one) for one in report.items])
    yield ""
    yield "Agree: how often two graders agree. Always met: how often one who always says met would. Alpha: what is "
    yield "left beyond chance, with its 95% interval. Machine: the same for the machine as one more grader."
    yield ""
    yield "## Graders"
    yield ""
    rows = [(one.grader, f"{one.labels:,}", _points(one.severity)) for one in report.graders]
    yield from _table(("Grader", "Verdicts", "More lenient (+) or stricter (-), points of 100"), rows)
    yield ""
    yield "## Cases to talk over"
    yield ""
    yield from _cases(report.disputes)


def _item(one: ItemReport) -> tuple[str, ...]:
    good_for = f"{one.gate or 'not known'}{' (few contacts)' if one.people.warning else ''}"
    raw, always = (share(estimate.value) for estimate in (one.people.raw, one.always_met))
    alpha, machine = figure(one.people.alpha), figure(one.machine.machine)
    return one.item, f"{one.people.contacts:,}", raw, always, alpha, machine, good_for


def _cases(disputes: Sequence[Dispute]) -> Iterator[str]:
    if not disputes:
        yield "No contact was graded differently by two graders."
        return
    for item in dict.fromkeys(one.item for one in disputes):
        own = [one for one in disputes if one.item == item]
        yield f"### {_plain(item)}"
        yield ""
        if own[0].question:
            yield f"{_plain(own[0].question)}"
            yield ""
        rows = [(one.contact_id, one.verdicts, one.machine) for one in own[:_CASES_SHOWN]]
        yield from _table(("Contact", "Verdicts", "Machine"), rows)
        if len(own) > _CASES_SHOWN:
            yield ""
            yield f"{len(own) - _CASES_SHOWN} more: the table agreement_disputes has all."
        yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_plain, row))} |"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no table, no link, no markup comes from a name or a question."""
    kept = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        kept = kept.replace(sign, f"\\{sign}")
    return kept


def _points(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"not known ({estimate.reason})"
    if estimate.low is None or estimate.high is None:
        return f"{100 * estimate.value:+.1f}"
    return f"{100 * estimate.value:+.1f} [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]"
