"""For leads and admins: labels to take along, the audit log."""

import json
from collections.abc import Collection, Iterable

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cxsentiment import runs
from cxsentiment.reviews.assigning import Assignments
from cxsentiment.reviews.audit import OF_A_CONTACT
from cxsentiment.reviews.disputes import Dispute, Disputes
from cxsentiment.reviews.labels import FIELDS, Label
from cxsentiment.reviews.turnlabels import TurnLabel, TurnLabels, agreed, for_training
from cxsentiment.spreadsheets import csv_text
from cxsentiment.web.access import Person
from cxsentiment.web.desk import Desk
from cxsentiment.web.facts import Facts
from cxsentiment.web.posting import Form
from cxsentiment.web.refusals import not_here
from cxsentiment.web.rendering import page

router = APIRouter()
_LOG_PAGE = 100
_DISPUTED: tuple[str, ...] = (
    *("id", "contact_id", "item", "state", "machine_verdict", "machine_points", "machine_p", "human_verdict"),
    *("human_points", "opened_by", "opened_at", "reason", "decided_by", "decided_at", "decision"),
)


@router.get("/r/{run}/export", name="export")
def export(request: Request, run: str) -> Response:
    """What can be taken along."""
    desk: Desk = request.app.state.desk
    facts = desk.facts(run)
    hidden = _hidden(request, facts)
    alike, differing = agreed(_turns(desk, facts, hidden))
    counts = {
        "turns": len(alike),
        "verdicts": len(_verdicts(desk, facts, hidden)),
        "disputes": len(_disputes(desk, facts, hidden)),
    }
    return page(
        request, "export.html.j2", run=run, here="export", counts=counts, differing=differing, left_out=len(hidden)
    )


@router.post("/r/{run}/export", name="export_file")
def export_file(request: Request, run: str) -> Response:
    """One of the files; that it was taken stands in the audit log."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    hidden = _hidden(request, facts)
    kind = form.text("kind")
    if kind == "turns":
        labelled = _turns(desk, facts, hidden)
        rows = for_training(labelled, _texts(facts, labelled))
        text, count, ending = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), len(rows), "jsonl"
    elif kind == "verdicts":
        found = _verdicts(desk, facts, hidden)
        text = csv_text(FIELDS, [[getattr(one, name) for name in FIELDS] for one in found])
        count, ending = len(found), "csv"
    elif kind == "disputes":
        disputes = _disputes(desk, facts, hidden)
        text = csv_text(_DISPUTED, [[getattr(one, name) for name in _DISPUTED] for one in disputes])
        count, ending = len(disputes), "csv"
    else:
        raise not_here("There is no such file to take along.", "Choose one on the page.")
    details = {"rows": count, "run": facts.key} | ({"contacts_left_out": len(hidden)} if hidden else {})
    desk.store.note("exported", kind, details, person.name)
    # The run's name holds only letters, digits, - and _; nothing of a contact reaches a header.
    headers = {"Content-Disposition": f'attachment; filename="{run}-{kind}.{ending}"'}
    media = "application/x-ndjson" if ending == "jsonl" else "text/csv"
    return Response(text.encode("utf-8", "replace"), media_type=f"{media}; charset=utf-8", headers=headers)


@router.get("/audit", name="audit")
def audit(request: Request, page_number: int = Query(1, ge=1, le=10**6, alias="page")) -> Response:
    """Who did what, the latest first."""
    desk: Desk = request.app.state.desk
    lines, total = desk.store.log_page(_LOG_PAGE, (page_number - 1) * _LOG_PAGE)
    # What came of a dispute, and of which item, tells what the machine and others found.
    about = [line for line in lines if line["action"] in OF_A_CONTACT and "run" in line["details"]]
    assigned, name = Assignments(desk.store), request.state.person.name
    hidden = {key: assigned.hidden(key, name) for key in {line["details"]["run"] for line in about}}
    return page(
        request,
        "audit.html.j2",
        here="audit",
        lines=lines,
        blind={line["id"] for line in about if line["subject"] in hidden[line["details"]["run"]]},
        number=page_number,
        more=page_number * _LOG_PAGE < total,
        total=total,
    )


def _hidden(request: Request, facts: Facts) -> frozenset[str]:
    """Contacts that this person is asked to grade blind: no file that they take holds what anybody found in them."""
    asked = Assignments(request.app.state.desk.store).hidden(facts.key, request.state.person.name)
    return frozenset(_in_run(facts, asked))  # one that was erased since cannot be graded


def _turns(desk: Desk, facts: Facts, hidden: Collection[str]) -> list[TurnLabel]:
    return [one for one in TurnLabels(desk.store).all_of(facts.key) if one.contact_id not in hidden]


def _disputes(desk: Desk, facts: Facts, hidden: Collection[str]) -> list[Dispute]:
    return [one for one in Disputes(desk.store).of(facts.key) if one.contact_id not in hidden]


def _verdicts(desk: Desk, facts: Facts, hidden: Collection[str]) -> list[Label]:
    """The current verdicts on this run's contacts by its scorecard."""
    rubric = facts.rubric["name"]
    found = [one for one in desk.store.labels() if one.rubric_name in ("", rubric) and one.contact_id not in hidden]
    known = _in_run(facts, {one.contact_id for one in found})
    return [one for one in found if one.contact_id in known]


def _in_run(facts: Facts, ids: Iterable[str]) -> set[str]:
    rows = facts.ask("SELECT contact_id FROM contacts WHERE contact_id IN (SELECT unnest(?))", [sorted(ids)])
    return {row["contact_id"] for row in rows}


def _texts(facts: Facts, labelled: Iterable[TurnLabel]) -> dict[tuple[str, int], str]:
    """The texts of labelled turns, from the run: the store keeps none."""
    wanted = {(one.contact_id, one.turn) for one in labelled}
    rows = facts.ask(
        "SELECT DISTINCT contact_id, shard FROM contacts WHERE contact_id IN (SELECT unnest(?)) ORDER BY shard",
        [sorted({contact for contact, _ in wanted})],
    )
    texts: dict[tuple[str, int], str] = {}
    for shard in sorted({row["shard"] for row in rows}):
        table = runs.read_part(facts.run, "turns", shard).select(["contact_id", "turn", "text"])
        for contact_id, turn, text in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if (contact_id, turn) in wanted and text:
                texts[contact_id, turn] = text
    return texts
