"""The review desk: what is assigned, grading blind, the queue of what the machine flagged or left open, calibration."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from cxsentiment.errors import InputError
from cxsentiment.reviews.assigning import MOST, Assignment, Assignments, ChangedMeanwhileError, Draw
from cxsentiment.reviews.audit import now
from cxsentiment.reviews.disputes import Disputes, holding
from cxsentiment.reviews.labels import Label, of_rubric
from cxsentiment.reviews.session import Chosen, session_report
from cxsentiment.reviews.verdicts import graded
from cxsentiment.reviews.wording import sentences
from cxsentiment.web import contact
from cxsentiment.web.access import ACCESS, Person
from cxsentiment.web.desk import Desk
from cxsentiment.web.facts import Facts
from cxsentiment.web.posting import Form
from cxsentiment.web.reading import visible
from cxsentiment.web.refusals import Refusal, not_here
from cxsentiment.web.rendering import page

router = APIRouter()
_QUEUE_PAGE = 50
_LONGEST_COMMENT = 2_000
_SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to an item: the value in the form, the words beside it."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Question:
    """An item as a grader answers it."""

    item: str
    section: str
    question: str
    hint: str
    options: tuple[Option, ...]


def questions(facts: Facts) -> list[Question]:
    """The scorecard's items with the answers that each can have."""
    found = []
    for section in facts.rubric["content"]["sections"]:
        for item in section["items"]:
            if item.get("levels"):
                marks = [(level["points"], level["name"].replace("_", " ")) for level in item["levels"]]
            elif item.get("kind") == "count":
                marks = [(share, f"{share:.0%} of the points") for share in _SHARES]
            else:
                marks = [(1.0, "met"), (0.0, "not met")]
            options = [Option(f"{float(points):g}", words) for points, words in marks]
            options.append(Option("na", "does not apply"))
            found.append(Question(item["id"], section["title"], item["question"], item.get("hint", ""), tuple(options)))
    return found


@router.get("/r/{run}/review", name="review")
def review(request: Request, run: str) -> Response:
    """What this person is asked to grade; for leads also the batches, and a form for a new one."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    facts = desk.facts(run)
    assigned = Assignments(desk.store)
    return page(
        request,
        "review.html.j2",
        run=run,
        here="review",
        mine=_there(facts, assigned.of(facts.key, person.name)),
        batches=assigned.batches(facts.key),
        graders=_graders(desk, person),
        most=min(MOST, facts.number("SELECT count(*) FROM contacts")),
    )


@router.post("/r/{run}/assign", name="assign")
def assign(request: Request, run: str) -> Response:
    """Draw contacts by chance and share them out."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    frame = [row["contact_id"] for row in facts.ask("SELECT DISTINCT contact_id FROM contacts WHERE score IS NOT NULL")]
    known = set(_graders(desk, person))
    asked = Draw(
        facts.key,
        form.text("name").strip()[:100],
        form.text("kind"),
        frame,
        form.number("count") or 0,
        [name for name in form.texts("grader") if name in known],
        form.number("seed") or 0,
    )
    Assignments(desk.store).draw(asked, person.name)
    return RedirectResponse(f"/r/{run}/review?said=assigned", 303)


@router.get("/r/{run}/queue", name="queue")
def queue(
    request: Request,
    run: str,
    why: str = Query("flag", pattern="^(flag|uncertain)$"),
    after: int = Query(0, ge=0, le=10**9),
) -> Response:
    """Flags of critical errors, and verdicts that were too close to call: the most pressing first."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    facts = desk.facts(run)
    assigned = Assignments(desk.store)
    # That a contact stands here tells what the machine found in it; who is to grade it blind by chance must not know.
    drawn = sorted(assigned.hidden(facts.key, person.name, drawn=True))
    condition = "why = ? AND contact_id NOT IN (SELECT unnest(?::VARCHAR[]))"
    rows = facts.ask(
        # names of ours; values are bound
        f"SELECT * FROM queue WHERE {condition} AND pos > ? ORDER BY pos LIMIT ?",  # nosec B608
        [why, drawn, after, _QUEUE_PAGE + 1],
    )
    hidden = assigned.hidden(facts.key, person.name)
    shown = {row["contact_id"] for row in rows[:_QUEUE_PAGE]} - hidden
    # names of ours; values are bound
    total = facts.number(f"SELECT count(*) FROM queue WHERE {condition}", [why, drawn])  # nosec B608
    return page(
        request,
        "queue.html.j2",
        run=run,
        here="queue",
        facts=facts,
        why=why,
        rows=rows[:_QUEUE_PAGE],
        total=total,
        after=rows[_QUEUE_PAGE - 1]["pos"] if len(rows) > _QUEUE_PAGE else None,
        by_people=_said(desk, facts, shown, person),
        hidden=hidden,
        left_out=bool(drawn),
    )


def _said(desk: Desk, facts: Facts, contacts: set[str], person: Person) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Who said what of these contacts by this run's scorecard, by contact and item: graders, and who decided.

    Of verdicts on contacts that were drawn by chance only this person's own: the others of a session may grade still.
    """
    if not contacts:
        return {}
    labels = desk.store.labels(contacts=contacts)
    kept, _ = of_rubric(labels, str(facts.rubric["name"]), str(facts.rubric["version"]))
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for label in sorted(kept, key=lambda one: one.grader):
        if label.purpose == "targeted" or label.grader == person.name:
            found.setdefault((label.contact_id, label.item), []).append((label.grader, label.verdict))
    for place, one in holding(Disputes(desk.store).of(facts.key, *contacts)).items():
        found.setdefault(place, []).append((f"decided by {one.decided_by}", str(one.human_verdict)))
    return found


@router.post("/r/{run}/pick", name="pick")
def pick(request: Request, run: str) -> Response:
    """Grade a contact of the queue."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    facts = desk.facts(run)
    chosen = str(visible(facts, person, request.state.form.text("contact"))["contact_id"])
    number = Assignments(desk.store).pick(facts.key, chosen, person.name)
    return RedirectResponse(f"/r/{run}/grade?assignment={number}", 303)


@router.get("/r/{run}/grade", name="grade")
def grade(
    request: Request,
    run: str,
    assignment: int = Query(ge=1, le=2**31 - 1),
    first: int = Query(0, ge=0, le=10**7),
) -> Response:
    """The form of grading, without a word of what the machine thinks."""
    desk: Desk = request.app.state.desk
    facts = desk.facts(run)
    asked = _asked(desk, facts, request.state.person, assignment)
    return _form(request, run, facts, asked, first=first)


@router.post("/r/{run}/grade", name="save_grade")
def save_grade(request: Request, run: str) -> Response:
    """Save the verdicts of one contact, all of them or none."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    asked = _asked(desk, facts, person, form.number("assignment") or 0)
    entered = {name: value for name, value in form.fields if name.startswith(("item.", "comment."))}
    labels, missing = _labels(facts, asked, form)
    if missing:
        problem = f"Nothing is saved yet. Without an answer: {', '.join(missing)}."
        return _form(request, run, facts, asked, entered=entered, problem=problem, status=400)
    version = form.number("version")
    try:
        Assignments(desk.store).save(asked.id, -1 if version is None else version, labels, person.name)
    except ChangedMeanwhileError:
        asked = _asked(desk, facts, person, asked.id)
        problem = (
            "Nothing is saved yet. This contact was saved meanwhile, perhaps in another tab. Your entries stand below, "
            "what is saved now stands beside each. Send again to replace it; it stays in the history."
        )
        return _form(request, run, facts, asked, entered=entered, problem=problem, status=409)
    rest = [one for one in _there(facts, Assignments(desk.store).of(facts.key, person.name)) if not one.done_at]
    if rest and form.text("then") == "next":
        return RedirectResponse(f"/r/{run}/grade?assignment={rest[0].id}&said=graded", 303)
    return RedirectResponse(f"/r/{run}/review?said=graded", 303)


@router.get("/r/{run}/batch", name="batch")
def batch(request: Request, run: str, id: int = Query(ge=1, le=2**31 - 1)) -> Response:
    """A batch: who has graded what; and once all have, whether they agree, and the cases on which they do not."""
    desk: Desk = request.app.state.desk
    facts = desk.facts(run)
    found = Assignments(desk.store).batch(id)
    if found is None or found[0].run != facts.key:
        raise not_here("This run has no such batch.", "Go to the review desk.")
    made, asked = found
    progress = {
        grader: (
            sum(1 for one in asked if one.grader == grader and one.done_at),
            sum(one.grader == grader for one in asked),
        )
        for grader in sorted({one.grader for one in asked})
    }
    report, said = None, []
    if made.kind in ("double", "calibration") and made.done and all(one.done_at for one in _there(facts, asked)):
        # By the verdicts themselves, which are saved through other batches and imports too. Another batch may take the
        # place at any moment.
        chosen = _chosen(desk, facts, asked)
        known = facts.kept.get("session")
        if known is None or known[0] != chosen:
            known = facts.kept["session"] = (chosen, session_report(chosen, facts.run))
        report = known[1]
        said = list(sentences(report))
    hidden = Assignments(desk.store).hidden(facts.key, request.state.person.name)
    apart = report.disputes if report else ()
    cases = [one for one in apart if one.contact_id not in hidden]
    return page(
        request, "batch.html.j2", run=run, here="review", batch=made, progress=progress, report=report, sentences=said,
        cases=[(item, list(own)) for item, own in groupby(cases, key=lambda one: one.item)],
        left_out=len(cases) < len(apart),
    )  # fmt: skip


def _there(facts: Facts, found: list[Assignment]) -> list[Assignment]:
    """Those whose contact the run has: one that was erased since cannot be graded, and must hold nobody up."""
    rows = facts.ask(
        "SELECT contact_id FROM contacts WHERE contact_id IN (SELECT unnest(?::VARCHAR[]))",
        [sorted({one.contact_id for one in found})],
    )
    known = {row["contact_id"] for row in rows}
    return [one for one in found if one.contact_id in known]


def _chosen(desk: Desk, facts: Facts, asked: list[Assignment]) -> Chosen:
    """The verdicts of a batch: of its contacts, by its graders, by this run's scorecard."""
    pairs = {(one.contact_id, one.grader) for one in asked}
    labels = desk.store.labels(contacts={one.contact_id for one in asked})
    mine = [one for one in labels if (one.contact_id, one.grader) in pairs]
    kept, left = of_rubric(mine, str(facts.rubric["name"]), str(facts.rubric["version"]))
    return Chosen(tuple(kept), left)


def _graders(desk: Desk, person: Person) -> list[str]:
    """Who can be asked to grade."""
    if person.way == "link":
        return [person.name]
    return [user.name for user in desk.accounts.users() if user.role in ACCESS["grade"] and not user.disabled]


def _asked(desk: Desk, facts: Facts, person: Person, number: int) -> Assignment:
    found = Assignments(desk.store).get(number)
    if found is None or found.run != facts.key:
        raise not_here("This run has no such assignment.", "Go to the review desk.")
    if found.grader != person.name:
        raise Refusal(403, "Not yours", "This contact is assigned to somebody else.", "Go to the review desk.")
    return found


def _form(
    request: Request,
    run: str,
    facts: Facts,
    asked: Assignment,
    *,
    first: int = 0,
    entered: dict[str, str] | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    desk: Desk = request.app.state.desk
    row = visible(facts, request.state.person, asked.contact_id)
    saved = {one.item: one for one in _mine(desk, facts, asked)} if asked.done_at else {}
    if entered is None:
        entered = {f"item.{item}": _value(label) for item, label in saved.items()}
        entered |= {f"comment.{item}": label.comment for item, label in saved.items()}
    return page(
        request,
        "grade.html.j2",
        status=status,
        run=run,
        here="review",
        facts=facts,
        asked=asked,
        seen=contact.view(facts, row, first=first),
        questions=questions(facts),
        entered=entered,
        saved={item: _value(label) for item, label in saved.items()} if status == 409 else {},
        problem=problem,
    )


def _mine(desk: Desk, facts: Facts, asked: Assignment) -> list[Label]:
    return [
        one
        for one in desk.store.labels(contacts=[asked.contact_id])
        if one.grader == asked.grader and one.rubric_sha256 == facts.rubric["sha256"]
    ]


def _value(label: Label) -> str:
    return "na" if label.points is None else f"{label.points:g}"


def _labels(facts: Facts, asked: Assignment, form: Form) -> tuple[list[Label], list[str]]:
    """The verdicts that the form holds, and the items without one. Raises InputError for an answer that is none."""
    labels: list[Label] = []
    missing: list[str] = []
    shared: dict[str, Any] = {name: str(facts.rubric[name]) for name in ("name", "version", "sha256")}
    for one in questions(facts):
        value = form.text(f"item.{one.item}")
        if not value:
            missing.append(one.item.replace("_", " "))
            continue
        if value not in {option.value for option in one.options}:
            allowed = ", ".join(option.words for option in one.options)
            raise InputError("verdict", one.item, "has an answer that it does not have", allowed=allowed)
        verdict, points = ("not_applicable", None) if value == "na" else graded(float(value))
        labels.append(
            Label(
                asked.contact_id,
                one.item,
                asked.grader,
                verdict,
                points,
                asked.purpose,
                asked.inclusion_probability,
                now(),
                shared["name"],
                shared["version"],
                shared["sha256"],
                "",
                form.masked(f"comment.{one.item}").strip()[:_LONGEST_COMMENT],
                f"review desk, batch {asked.batch_id}",
            )
        )
    return labels, missing
