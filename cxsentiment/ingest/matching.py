"""Survey answers → the contacts they belong to, over the contacts of a whole run.

By customer, an answer joins the last contact of that customer which began before it and ended (or, without an end,
began) at most the window before it. So it never joins a contact that came after it. Memory holds ids and times only.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.ingest.surveys import Answer, Kept, Survey, Surveys, examples
from cxsentiment.schema import Reject

_TIED = "two contacts of this customer began at the same time before it; it could be about either"
_DAY_ONLY = (
    "answered_at is a day without a time, and a contact of this customer began on that day; it could have been before "
    "or after it. Export it with its time, or match by contact id"
)


@dataclass(frozen=True, slots=True)
class Held:
    """What matching needs to know of a contact; times as the contacts table has them."""

    id: str
    customer_id: str | None = None
    started_at: str | None = None
    duration_s: float | None = None


HELD_COLUMNS = ("contact_id", "customer_id", "started_at", "duration_s")


def held(contacts: Any) -> list[Held]:
    """The contacts of a table with (at least) the columns `HELD_COLUMNS`."""
    return list(map(Held, *(contacts.column(name).to_pylist() for name in HELD_COLUMNS)))


@dataclass(frozen=True, slots=True)
class Joined:
    """Answers by contact id, answers that were refused while matching, and the receipt's facts of it all."""

    answers: Mapping[str, Survey]
    rejects: tuple[Reject, ...]
    facts: Mapping[str, Any]


def join(surveys: Surveys, contacts: Iterable[Held]) -> Joined:
    """Match the answers of `surveys` to contacts, by id or by customer as their rules say."""
    if surveys.rules.match == "customer":
        return _by_customer(surveys, contacts)
    answers = {held.id: surveys.answers[held.id] for held in contacts if held.id in surveys.answers}
    facts = surveys.facts(len(answers))
    if unmatched := [name for name in surveys.answers if name not in answers]:
        facts["notes"].append(f"answers that match no contact, for example: {examples(unmatched)}")
    return Joined(answers, (), facts)


@dataclass(frozen=True, slots=True, order=True)
class _Visit:
    start: datetime
    end: datetime
    id: str


def _by_customer(surveys: Surveys, contacts: Iterable[Held]) -> Joined:
    visits, undated, zoneless = _visits(contacts, surveys.rules.dates, {answer.who for answer in surveys.loose})
    window = timedelta(seconds=surveys.rules.window_s)
    kept = Kept(surveys.rules.keep)
    rejects: list[Reject] = []
    several = unmatched = 0
    for answer in surveys.loose:
        if _is_day_of_contact(answer, visits.get(answer.who, ())):
            rejects.append(_refused(answer, "day_only", _DAY_ONLY))
            continue
        candidates = _candidates(visits.get(answer.who, ()), answer, window)
        if not candidates:
            unmatched += 1
            continue
        last = candidates[-1]
        if len(candidates) > 1 and candidates[-2].start == last.start:
            rejects.append(_refused(answer, "tied_contacts", _TIED))
            continue
        several += len(candidates) > 1
        kept.add(last.id, answer)
    answers = kept.answers()
    facts = surveys.facts(len(answers))
    facts |= {
        "answers": len(answers) + unmatched,
        "unmatched": unmatched,
        "rejected": facts["rejected"] + len(rejects),
        "duplicates": kept.duplicates,
        "added": kept.added,
        "several_contacts": several,
        "window_s": surveys.rules.window_s,
    }
    facts["notes"] += [*kept.notes(), *_notes(several, undated, zoneless)]
    return Joined(answers, tuple(rejects), facts)


def _candidates(visits: Sequence[_Visit], answer: Answer, window: timedelta) -> list[_Visit]:
    """The contacts an answer may be about, by start."""
    if answer.at is None:
        return []
    at = answer.at.at
    begun = visits[: bisect_right(visits, at, key=lambda visit: visit.start)]
    return [visit for visit in begun if at - visit.end <= window]


def _visits(contacts: Iterable[Held], rules: DateRules, wanted: set[str]) -> tuple[dict[str, list[_Visit]], int, int]:
    """The contacts of each wanted customer by start; how many had no usable start, and how many named no zone."""
    visits: dict[str, list[_Visit]] = {}
    undated = zoneless = 0
    for held in contacts:
        if held.customer_id is None or held.customer_id not in wanted:
            continue
        try:
            start = read_date(held.started_at, rules)
        except DateError:
            start = None
        if start is None:
            undated += 1
            continue
        zoneless += not start.zoned
        end = start.at + timedelta(seconds=held.duration_s or 0.0)
        visits.setdefault(held.customer_id, []).append(_Visit(start.at, end, held.id))
    for of_customer in visits.values():
        of_customer.sort()
    return visits, undated, zoneless


def _is_day_of_contact(answer: Answer, visits: Sequence[_Visit]) -> bool:
    """Whether an answer has a day and no time, and a contact began in the course of that day.

    Taken at midnight it would join the contact before, though it is most often about the one of its day.
    """
    if answer.at is None or not answer.at.day_only:
        return False
    begun = bisect_right(visits, answer.at.at, key=lambda visit: visit.start)
    return begun < len(visits) and visits[begun].start - answer.at.at < timedelta(days=1)


def _refused(answer: Answer, code: str, what: str) -> Reject:
    return Reject(answer.source, answer.record, None, code, f"{answer.source}:{answer.record}: {what}")


def _notes(several: int, undated: int, zoneless: int) -> list[str]:
    told = (
        (several, f"{several} answers had several contacts of their customer in the window; each joined the last"),
        (undated, f"{undated} contacts of customers who answered have no usable started_at and cannot be matched"),
        (zoneless, f"{zoneless} contacts' times name no zone and are read as UTC; say --timezone"),
    )
    return [text for count, text in told if count]
