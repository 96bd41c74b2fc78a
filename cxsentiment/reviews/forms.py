"""The forms of a plan: one row a contact (two where two people grade it), one column an item, to be filled in blind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxsentiment.errors import UsageError
from cxsentiment.figures import Tables
from cxsentiment.reasons import Reason
from cxsentiment.reviews.files import ITEM_PREFIX
from cxsentiment.reviews.machine import run_items
from cxsentiment.reviews.planning import Drawn, Plan
from cxsentiment.runs import write_atomically
from cxsentiment.schema import Estimate
from cxsentiment.spreadsheets import csv_text
from cxsentiment.stats.estimates import bare, missing

_FIRST = ("contact_id", "grader", "purpose", "inclusion_probability", "stratum", "agent_id", "channel", "campaign")
_LAST = ("rated_at", "comment", "rubric_name", "rubric_version", "rubric_sha256")


def write_forms(plan: Plan, run: Path, out: Path, *, overwrite: bool = False) -> dict[str, Path]:
    """Write the random list to `out` and the targeted one, if any, to NAME-targeted.csv beside it; paths by list.

    The machine's verdicts are not in it: who sees them before grading drifts towards them. Raises UsageError where a
    file exists with other content, which may hold what people have filled in.
    """
    questions = list(run_items(run, []).questions)
    lists: dict[str, tuple[Path, Sequence[Drawn]]] = {"random": (out, plan.drawn)}
    if plan.targeted:
        lists["targeted"] = (out.with_name(f"{out.stem}-targeted{out.suffix}"), plan.targeted)
    contents = {path: _form(plan, drawn, questions).encode("utf-8") for path, drawn in lists.values()}
    for path, content in contents.items():
        if path.exists() and not overwrite and path.read_bytes() != content:
            raise UsageError(
                f"--out {path}",
                "exists, and what people filled in may be lost",
                do="Name another file with --out, or say --overwrite",
            )
    for path, content in contents.items():
        write_atomically(path, content)
    return {name: path for name, (path, _) in lists.items()}


def _form(plan: Plan, drawn: Sequence[Drawn], items: Sequence[str]) -> str:
    frame = plan.frame
    rows = []
    for one in drawn:
        known = [
            None if codes[one.row] < 0 else names[codes[one.row]]
            for codes, names in (
                (frame.agent, frame.agents),
                (frame.channel, frame.channels),
                (frame.campaign, frame.campaigns),
            )
        ]
        row = [frame.ids[one.row], None, one.purpose, one.probability, one.stratum, *known]
        row += [*[None] * len(items), None, None, *frame.rubric]
        rows += [row] * (2 if one.purpose == "double" else 1)
    return csv_text((*_FIRST, *(f"{ITEM_PREFIX}{item}" for item in items), *_LAST), rows)


@dataclass(frozen=True, slots=True)
class AgentShare:
    """One agent's part of a plan; `estimate` is the half width (points of 100) that its mean will have."""

    agent_id: str
    contacts: int
    graded: int
    needed: int
    drawn: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class StratumShare:
    """One stratum's part of a plan; `estimate` is the share of its contacts that is drawn now."""

    stratum: str
    contacts: int
    graded: int
    drawn: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class PlanTotal:
    """One figure of a plan as a whole."""

    figure: str
    estimate: Estimate


def plan_tables(plan: Plan) -> Tables:
    """The plan as tables: plan_agents, plan_strata, and plan_totals (one row a figure)."""
    agents = [
        AgentShare(one.agent, one.contacts, one.graded, one.needed, one.drawn, one.half_width) for one in plan.shares
    ]
    strata = [
        StratumShare(one.stratum, one.contacts, one.graded, one.drawn, _drawn(one.drawn, one.contacts))
        for one in plan.strata
    ]
    totals = {
        "spread": plan.spread,
        "needed_with_machine": plan.with_machine,
        "confidence_reached": plan.reached,
    }
    return {
        "plan_agents": (AgentShare, agents),
        "plan_strata": (StratumShare, strata),
        "plan_totals": (PlanTotal, [PlanTotal(name, found) for name, found in totals.items()]),
    }


def _drawn(drawn: int, contacts: int) -> Estimate:
    method = "drawn / contacts of the stratum"
    if not contacts:
        return missing(Reason("nothing_to_count", "the stratum has no contact"), method)
    return bare(drawn / contacts, contacts, method, Reason("counted", "counted, so there is no interval"))
