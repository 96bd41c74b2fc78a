"""Disputes: an agent or lead contests a verdict with a reason, a reviewer decides; both sides stay on record."""

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from cxsentiment.errors import InputError
from cxsentiment.reviews.assigning import Assignments, ChangedMeanwhileError
from cxsentiment.reviews.disputes import Decision, Dispute, Disputes, Machine
from cxsentiment.reviews.verdicts import graded
from cxsentiment.web import contact
from cxsentiment.web.access import Person
from cxsentiment.web.desk import Desk
from cxsentiment.web.facts import Facts
from cxsentiment.web.grading import questions
from cxsentiment.web.posting import Form
from cxsentiment.web.reading import visible
from cxsentiment.web.refusals import Refusal, not_here
from cxsentiment.web.rendering import page

router = APIRouter()
_SHOWN = 500


@router.get("/r/{run}/disputes", name="disputes")
def disputes(request: Request, run: str) -> Response:
    """The disputes of a run that this person may see: open ones first."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    facts = desk.facts(run)
    found = Disputes(desk.store).of(facts.key)
    if person.role == "agent":
        own = facts.ask("SELECT contact_id FROM contacts WHERE agent_id = ?", [person.agent_id])
        mine = {row["contact_id"] for row in own}
        found = [one for one in found if one.contact_id in mine]
    return page(
        request,
        "disputes.html.j2",
        run=run,
        here="disputes",
        disputes=found[:_SHOWN],
        total=len(found),
        facts=facts,
        hidden=Assignments(desk.store).hidden(facts.key, person.name),
    )


@router.get("/r/{run}/dispute", name="dispute")
def dispute(request: Request, run: str, id: int = Query(ge=1, le=2**31 - 1)) -> Response:
    """One dispute with its history, and for who may decide, the form."""
    desk: Desk = request.app.state.desk
    facts = desk.facts(run)
    return _page(request, run, facts, _found(request, facts, id))


@router.post("/r/{run}/contest", name="contest")
def contest(request: Request, run: str) -> Response:
    """Contest a verdict of the machine."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    seen = contact.view(facts, visible(facts, person, form.text("contact")))
    _require_graded(desk, facts, person, seen.contact_id)
    item = next((one for one in seen.items if one.item == form.text("item")), None)
    if item is None:
        raise not_here("This contact has no such item.", "Go back to the contact.")
    machine = Machine(item.verdict, item.share, item.p_met)
    number = Disputes(desk.store).open(facts.key, seen.contact_id, item.item, machine, form.text("reason"), person.name)
    return RedirectResponse(f"/r/{run}/dispute?id={number}&said=contested", 303)


@router.post("/r/{run}/withdraw", name="withdraw")
def withdraw(request: Request, run: str) -> Response:
    """Take a dispute back; only who opened it can."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    found = _found(request, facts, form.number("dispute") or 0)
    if found.opened_by != person.name:
        raise Refusal(403, "Not yours", "Only who contested a verdict can withdraw it.", "Go back to the dispute.")
    try:
        Disputes(desk.store).withdraw(found.id, _version(form), person.name)
    except ChangedMeanwhileError:
        return _page(request, run, facts, _found(request, facts, found.id), meanwhile=True)
    return RedirectResponse(f"/r/{run}/dispute?id={found.id}&said=withdrawn", 303)


@router.post("/r/{run}/decide", name="decide")
def decide(request: Request, run: str) -> Response:
    """Decide a dispute: the verdict stands, or another takes its place."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    found = _found(request, facts, form.number("dispute") or 0)
    if found.opened_by == person.name and person.way != "link":
        raise Refusal(403, "Your own dispute", "Who contested a verdict does not decide it.", "Ask another reviewer.")
    why = form.text("why")
    try:
        decision = _decision(facts, found.item, form.text("verdict"), why)
        Disputes(desk.store).decide(found.id, _version(form), decision, person.name)
    except ChangedMeanwhileError:
        return _page(request, run, facts, _found(request, facts, found.id), meanwhile=True, why=why)
    except InputError as error:
        problem = f"Nothing is saved yet: {error.where} {error.what}."
        return _page(request, run, facts, found, why=why, chosen=form.text("verdict"), problem=problem)
    return RedirectResponse(f"/r/{run}/dispute?id={found.id}&said=decided", 303)


def _version(form: Form) -> int:
    version = form.number("version")
    return -1 if version is None else version


def _decision(facts: Facts, item: str, value: str, why: str) -> Decision:
    if value == "stands":
        return Decision(None, None, why)
    options = next((one.options for one in questions(facts) if one.item == item), ())
    if value not in {option.value for option in options}:
        raise InputError("dispute", "the verdict", "is not chosen", allowed=", ".join(one.words for one in options))
    if value == "na":
        return Decision("not_applicable", None, why)
    verdict, share = graded(float(value))
    return Decision(verdict, share, why)


def _found(request: Request, facts: Facts, number: int) -> Dispute:
    """A dispute of this run that this person may see."""
    desk: Desk = request.app.state.desk
    found = Disputes(desk.store).get(number)
    if found is None or found.run != facts.key:
        raise not_here("This run has no such dispute.", "Go to the list of disputes.")
    row = contact.find(facts, found.contact_id)
    person: Person = request.state.person
    if not person.sees(None if row is None else row["agent_id"]):
        raise Refusal(403, "Not yours", "Agents see disputes about their own contacts only.", "Go to the disputes.")
    _require_graded(desk, facts, person, found.contact_id)
    return found


def _require_graded(desk: Desk, facts: Facts, person: Person, contact_id: str) -> None:
    """Refuse who is asked to grade the contact blind: a dispute says what the machine and others think of it."""
    if contact_id in Assignments(desk.store).hidden(facts.key, person.name):
        raise Refusal(403, "Grade it first", "You are asked to grade this contact blind.", "Go to the review desk.")


def _page(
    request: Request,
    run: str,
    facts: Facts,
    found: Dispute,
    *,
    meanwhile: bool = False,
    why: str = "",
    chosen: str = "",
    problem: str = "",
) -> Response:
    desk: Desk = request.app.state.desk
    if meanwhile:
        problem = "Nothing is saved: somebody decided or withdrew this dispute meanwhile. What holds now stands below."
    earlier = [one for one in Disputes(desk.store).of(facts.key, found.contact_id) if one.item == found.item]
    return page(
        request,
        "dispute.html.j2",
        status=409 if meanwhile else 400 if problem else 200,
        run=run,
        here="disputes",
        facts=facts,
        dispute=found,
        earlier=[one for one in earlier if one.id != found.id],
        question=next((one for one in questions(facts) if one.item == found.item), None),
        problem=problem,
        why=why,
        chosen=chosen,
    )
