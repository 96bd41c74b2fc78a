"""Labelling turns for retraining: a customer's sentiment, an agent's acts; without what the machine read in them."""

from collections.abc import Collection

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from cxsentiment.errors import InputError
from cxsentiment.reviews.assigning import ChangedMeanwhileError
from cxsentiment.reviews.turnlabels import NONE, TurnLabel, TurnLabels
from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.web import contact
from cxsentiment.web.access import Person
from cxsentiment.web.desk import Desk
from cxsentiment.web.facts import Facts
from cxsentiment.web.posting import Form
from cxsentiment.web.reading import visible
from cxsentiment.web.rendering import page

router = APIRouter()
_FIRST = 100
"""Turns of a contact that can be labelled on its page: a form of thousands of fields helps nobody."""


@router.get("/r/{run}/turns", name="turns")
def turns(request: Request, run: str, id: str = Query(max_length=2_000)) -> Response:
    """The form of labelling the turns of one contact."""
    facts = request.app.state.desk.facts(run)
    return _form(request, run, facts, id)


@router.post("/r/{run}/turns", name="save_turns")
def save_turns(request: Request, run: str) -> Response:
    """Save the labels of the turns that have one."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    seen = contact.view(facts, visible(facts, person, form.text("contact")))
    sent = {name for name, _ in form.fields}
    given, cleared = [], set[int]()
    for turn in seen.turns[:_FIRST]:
        label = _label(form, seen.contact_id, turn, person.name)
        if label is not None:
            given.append(label)
        elif {f"sentiment.{turn.turn}", f"acts.{turn.turn}"} & sent:
            cleared.add(turn.turn)  # the form asked, and the answer is "not labelled"
    version = form.number("version")
    labelled = TurnLabels(desk.store)
    try:
        if not given and not cleared & set(labelled.of(facts.key, seen.contact_id, person.name)[1]):
            raise InputError("turns", "no turn", "has a label", do="Choose a label of at least one turn")
        seen_version = -1 if version is None else version
        labelled.save(facts.key, seen.contact_id, person.name, seen_version, given, cleared)
    except (ChangedMeanwhileError, InputError) as error:
        meanwhile = isinstance(error, ChangedMeanwhileError)
        if isinstance(error, InputError):
            what_to_do = error.do or f"Allowed: {error.allowed}"
            problem = f"Nothing is saved yet: {error.where} {error.what}. {what_to_do}."
        else:
            problem = (
                "Nothing is saved yet: you saved labels of this contact meanwhile, perhaps in another tab. "
                "What you entered here stands below; send again to replace those."
            )
        entered = {label.turn: label for label in given}
        status = 409 if meanwhile else 400
        return _form(request, run, facts, seen.contact_id, entered, problem, status, cleared=cleared)
    return RedirectResponse(f"/r/{run}/review?said=labelled", 303)


def _label(form: Form, contact_id: str, turn: contact.TurnView, grader: str) -> TurnLabel | None:
    """What the form says of a turn; None where it says nothing."""
    if turn.speaker == "customer":
        sentiment = form.text(f"sentiment.{turn.turn}")
        return TurnLabel(contact_id, turn.turn, "customer", grader, sentiment, ()) if sentiment else None
    if turn.speaker == "agent":
        acts = [act for act in form.texts(f"acts.{turn.turn}") if act]
        if acts:
            named = tuple(act for act in ACTS if act in acts)
            unknown = tuple(act for act in acts if act not in ACTS and act != NONE)
            return TurnLabel(contact_id, turn.turn, "agent", grader, None, named + unknown)
    return None


def _form(
    request: Request,
    run: str,
    facts: Facts,
    contact_id: str,
    entered: dict[int, TurnLabel] | None = None,
    problem: str = "",
    status: int = 200,
    *,
    cleared: Collection[int] = (),
) -> Response:
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    seen = contact.view(facts, visible(facts, person, contact_id))
    version, saved = TurnLabels(desk.store).of(facts.key, seen.contact_id, person.name)
    return page(
        request,
        "turns.html.j2",
        status=status,
        run=run,
        here="review",
        facts=facts,
        seen=seen,
        shown=seen.turns[:_FIRST],
        version=version,
        labels={turn: one for turn, one in {**saved, **(entered or {})}.items() if turn not in cleared},
        problem=problem,
        acts=ACTS,
        sentiments=SENTIMENTS,
    )
