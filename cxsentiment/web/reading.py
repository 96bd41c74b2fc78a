"""Pages that only read: the runs, a run's overview, its contacts, one contact, its agents, its coaching moments."""

import csv
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from cxsentiment.errors import CxError
from cxsentiment.reviews.assigning import Assignments
from cxsentiment.reviews.disputes import Dispute, Disputes, holding
from cxsentiment.reviews.labels import Label, of_rubric
from cxsentiment.spreadsheets import plain
from cxsentiment.web import contact, listing, overview
from cxsentiment.web.access import Person
from cxsentiment.web.customer import timeline
from cxsentiment.web.desk import Desk
from cxsentiment.web.facts import Facts
from cxsentiment.web.refusals import Refusal, not_here
from cxsentiment.web.rendering import page
from cxsentiment.web.revised import revised, revised_scores

router = APIRouter()
_MOMENTS_SHOWN = 200


@router.get("/", name="home")
def home(request: Request) -> Response:
    """The runs; with one run, its first page for this role."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    names = desk.shelf.names
    first = "contacts" if person.role == "agent" else "overview"
    if len(names) == 1:
        return RedirectResponse(f"/r/{names[0]}/{first}", 303)
    rows = []
    for name in names:
        try:
            facts, problem = desk.shelf.facts(name), ""
        except CxError as error:
            facts, problem = None, error.what
        rows.append({"name": name, "facts": facts, "problem": problem})
    return page(request, "home.html.j2", rows=rows, first=first, here="home")


@router.get("/r/{run}/overview", name="overview")
def overview_page(request: Request, run: str) -> Response:
    """What a run says in all."""
    facts = request.app.state.desk.facts(run)
    figures = _figures(facts)
    changed = 0
    if request.state.person.role == "client":
        figures = overview.for_client(figures)
    else:
        changed = len(revised_scores(facts, _disputes(request, facts)))
    return page(
        request,
        "overview.html.j2",
        run=run,
        here="overview",
        facts=facts,
        figures=figures,
        least=overview.LEAST_SHOWN,
        changed=changed,
    )


@router.get("/r/{run}/contacts", name="contacts")
def contacts(
    request: Request,
    run: str,
    after: int = Query(0, ge=0, le=10**9),
    before: int = Query(0, ge=0, le=10**9),
) -> Response:
    """Contacts by filters, a page at a time."""
    facts = request.app.state.desk.facts(run)
    person: Person = request.state.person
    filters = listing.Filters.of(request.query_params)
    own = ""
    if person.role == "agent":
        own = _own(person)
        filters = replace(filters, agent=own)  # as it stands in the run, whatever the address says
    hidden = _hidden(request, facts)
    found = listing.listed(facts, filters, after=after, before=before, hidden=hidden)
    shown = [row["contact_id"] for row in found.rows]
    return page(
        request,
        "contacts.html.j2",
        run=run,
        here="contacts",
        facts=facts,
        filters=filters,
        narrowed=replace(filters, agent="" if own else filters.agent).any,
        found=found,
        hidden=hidden,
        changed=revised_scores(facts, _disputes(request, facts, *shown)) if shown else {},
        agents=listing.choices(facts, "agent_id", own),
        campaigns=listing.choices(facts, "campaign", own),
        channels=listing.choices(facts, "channel", own),
    )


@router.get("/r/{run}/contact", name="contact")
def contact_page(
    request: Request,
    run: str,
    id: str = Query(max_length=2_000),
    first: int = Query(0, ge=0, le=10**7),
) -> Response:
    """One contact."""
    facts = request.app.state.desk.facts(run)
    seen = contact.view(facts, visible(facts, request.state.person, id), first=first)
    disputes = _disputes(request, facts, seen.contact_id)
    hidden = _hidden(request, facts)
    blind = seen.contact_id in hidden
    return page(
        request,
        "contact.html.j2",
        run=run,
        here="contacts",
        facts=facts,
        seen=seen,
        blind=blind,
        mine={} if blind else _mine(request, facts, seen.contact_id),
        customer=timeline(facts, seen.row, request.state.person, hidden),
        disputes=disputes,
        held={item: one for (_, item), one in holding(disputes).items()},
        contested={one.item: one for one in disputes if one.state == "open"},
        revised=revised(facts, seen.items, disputes),
    )


@router.get("/r/{run}/agents", name="agents")
def agents(request: Request, run: str) -> Response:
    """Each agent's mean with its interval."""
    facts = request.app.state.desk.facts(run)
    changed = revised_scores(facts, _disputes(request, facts))
    found, notes = overview.agents_of(facts, changed)
    return page(
        request, "agents.html.j2", run=run, here="agents", facts=facts, agents=found, notes=notes, changed=len(changed)
    )


@router.get("/r/{run}/coaching", name="coaching")
def coaching(request: Request, run: str, agent: str = Query("", max_length=200)) -> Response:
    """The coaching moments that the run's report holds."""
    facts = request.app.state.desk.facts(run)
    person: Person = request.state.person
    wanted = _own(person) if person.role == "agent" else agent
    path = facts.run / "report" / "coaching.csv"
    moments = _moments(path, path.stat().st_mtime_ns) if path.is_file() else None
    hidden = _hidden(request, facts)
    shown = [one for one in moments or () if wanted in ("", one["agent_id"]) and one["contact_id"] not in hidden]
    return page(
        request,
        "coaching.html.j2",
        run=run,
        here="coaching",
        facts=facts,
        made=moments is not None,
        moments=shown[:_MOMENTS_SHOWN],
        total=len(shown),
        agent=wanted,
        agents=sorted({one["agent_id"] for one in moments or ()}),
    )


def _hidden(request: Request, facts: Facts) -> frozenset[str]:
    """Contacts that this person is asked to grade blind: their verdicts and scores are not shown."""
    return Assignments(request.app.state.desk.store).hidden(facts.key, request.state.person.name)


def _disputes(request: Request, facts: Facts, *contacts: str) -> list[Dispute]:
    return Disputes(request.app.state.desk.store).of(facts.key, *contacts)


def _mine(request: Request, facts: Facts, contact_id: str) -> dict[str, Label]:
    """By item, what this person said of a contact by this run's scorecard."""
    person: Person = request.state.person
    if not person.may("grade"):
        return {}
    found = request.app.state.desk.store.labels(contacts={contact_id})
    kept, _ = of_rubric(found, str(facts.rubric["name"]), str(facts.rubric["version"]))
    return {one.item: one for one in kept if one.grader == person.name}


def visible(facts: Facts, person: Person, contact_id: str) -> dict[str, object]:
    """The row of a contact that this person may see. Raises Refusal where there is none, or it is somebody else's."""
    row = contact.find(facts, contact_id)
    if row is None:
        raise not_here(
            "This run has no contact of this id. It may have been erased, or the run scored again.",
            "Look for it in the list of contacts.",
        )
    if not person.sees(row["agent_id"]):
        raise Refusal(403, "Not your contact", "Agents see their own contacts only.", "Go back to your contacts.")
    return row


def _own(person: Person) -> str:
    """The agent id of an agent. Raises Refusal where there is none: an empty filter would show everybody's."""
    if not person.agent_id:
        raise Refusal(403, "No agent", "No agent's id belongs to your name.", "Ask an admin.")
    return person.agent_id


def _figures(facts: Facts) -> overview.Overview:
    """The overview of a run, made once as long as the run does not change."""
    if "overview" not in facts.kept:
        facts.kept["overview"] = overview.overview(facts)
    figures: overview.Overview = facts.kept["overview"]
    return figures


@lru_cache(maxsize=4)
def _moments(path: Path, _stamp: int) -> list[dict[str, str]]:
    """coaching.csv as it stands; an apostrophe that keeps a cell from being a formula is taken off again."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: plain(value) for name, value in row.items() if isinstance(value, str)} for row in rows]
