"""For leads and admins: labels to take along, the audit log."""

import json
from collections.abc import Iterable

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from cxsentiment import runs
from cxsentiment.reviews.disputes import Disputes
from cxsentiment.reviews.labels import FIELDS, Label
from cxsentiment.reviews.turnlabels import TurnLabels, agreed, for_training
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
    alike, differing = agreed(TurnLabels(desk.store).all_of(facts.key))
    counts = {
        "turns": len(alike),
        "verdicts": len(_verdicts(desk, facts)),
        "disputes": len(Disputes(desk.store).of(facts.key)),
    }
    return page(request, "export.html.j2", run=run, here="export", counts=counts, differing=differing)


@router.post("/r/{run}/export", name="export_file")
def export_file(request: Request, run: str) -> Response:
    """One of the files; that it was taken stands in the audit log."""
    desk: Desk = request.app.state.desk
    person: Person = request.state.person
    form: Form = request.state.form
    facts = desk.facts(run)
    kind = form.text("kind")
    if kind == "turns":
        rows = for_training(TurnLabels(desk.store).all_of(facts.key), _texts(desk, facts))
        text, count, ending = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), len(rows), "jsonl"
    elif kind == "verdicts":
        found = _verdicts(desk, facts)
        text = csv_text(FIELDS, [[getattr(one, name) for name in FIELDS] for one in found])
        count, ending = len(found), "csv"
    elif kind == "disputes":
        disputes = Disputes(desk.store).of(facts.key)
        text = csv_text(_DISPUTED, [[getattr(one, name) for name in _DISPUTED] for one in disputes])
        count, ending = len(disputes), "csv"
    else:
        raise not_here("There is no such file to take along.", "Choose one on the page.")
    desk.store.note("exported", kind, {"rows": count, "run": facts.key}, person.name)
    # The run's name holds only letters, digits, - and _; nothing of a contact reaches a header.
    headers = {"Content-Disposition": f'attachment; filename="{run}-{kind}.{ending}"'}
    media = "application/x-ndjson" if ending == "jsonl" else "text/csv"
    return Response(text.encode("utf-8", "replace"), media_type=f"{media}; charset=utf-8", headers=headers)


@router.get("/audit", name="audit")
def audit(request: Request, page_number: int = Query(1, ge=1, le=10**6, alias="page")) -> Response:
    """Who did what, the latest first."""
    desk: Desk = request.app.state.desk
    lines, total = desk.store.log_page(_LOG_PAGE, (page_number - 1) * _LOG_PAGE)
    return page(
        request,
        "audit.html.j2",
        here="audit",
        lines=lines,
        number=page_number,
        more=page_number * _LOG_PAGE < total,
        total=total,
    )


def _verdicts(desk: Desk, facts: Facts) -> list[Label]:
    """The current verdicts on this run's contacts by its scorecard."""
    rubric = facts.rubric["name"]
    found = [one for one in desk.store.labels() if one.rubric_name in ("", rubric)]
    known = _in_run(facts, {one.contact_id for one in found})
    return [one for one in found if one.contact_id in known]


def _in_run(facts: Facts, ids: Iterable[str]) -> set[str]:
    rows = facts.ask("SELECT contact_id FROM contacts WHERE contact_id IN (SELECT unnest(?))", [sorted(ids)])
    return {row["contact_id"] for row in rows}


def _texts(desk: Desk, facts: Facts) -> dict[tuple[str, int], str]:
    """The texts of labelled turns, from the run: the store keeps none."""
    wanted = {(one.contact_id, one.turn) for one in TurnLabels(desk.store).all_of(facts.key)}
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
