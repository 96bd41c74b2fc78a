"""A finished run, with human labels and survey answers → the figures of agents, rates and associations."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from cxsentiment import runs
from cxsentiment.answers import Joined, joined, off_scale, require_single_ids, scales_of
from cxsentiment.associations import AssociationFigure, Correction, Scales, association_figures
from cxsentiment.calibrated import AgentFigure, AgentRank, ValueModel, agent_figures
from cxsentiment.calibration import CalibrationFigure, calibration
from cxsentiment.drivers import DriverFigure, driver_figures
from cxsentiment.errors import UsageError
from cxsentiment.figures import Tables
from cxsentiment.gradings import Gradings, Granularity, purposes_note
from cxsentiment.ingest.joins import Joins
from cxsentiment.labels import Labels
from cxsentiment.mix import case_mix
from cxsentiment.outcomes import OUTCOMES
from cxsentiment.predicted import GroupMean, PredictedContact, Predictions, predictions
from cxsentiment.rates import Rate, rates
from cxsentiment.responses import Balance, ResponseFigure, responses
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.schema import Reject
from cxsentiment.stats.arrays import floats


@dataclass(frozen=True, slots=True)
class Analysis:
    """`tables` by name: the kind of row and the rows; `notes` to print with them; `rejects` are labels and answers that
    could not be used.
    """

    tables: Tables
    notes: tuple[str, ...]
    rejects: tuple[Reject, ...]


def analyse_agents(
    run: Path,
    labels: Labels | None = None,
    level: Granularity = "agent",
    target: float | None = None,
    *,
    unreliable: bool = False,
    ranks: bool = False,
) -> Analysis:
    """Tables `agents` and `models` of one level, and `ranks` where asked for; `target` on 0-100, `unreliable` as for
    `agent_figures`.

    Raises RunError, UsageError.
    """
    if target is not None and not 0 <= target <= 100:
        raise UsageError(f"--target {target:g}", "lies outside the scale of scores", allowed="0-100")
    contacts = _contacts(run, Joins()).contacts
    gradings = _gradings(run, contacts, labels)
    found = agent_figures(contacts, gradings, (level,), target=target, unreliable=unreliable)
    tables: Tables = {
        "agents": (AgentFigure, found.figures),
        "models": (ValueModel, found.models),
    }
    if ranks:
        tables = {**tables, "ranks": (AgentRank, found.ranks)}
    return Analysis(tables, (*label_notes(labels), *found.notes), label_rejects(labels, gradings))


def analyse_rates(run: Path, labels: Labels | None = None) -> Analysis:
    """Tables `rates` of all campaigns, and `calibration` of the machine's probabilities. Raises RunError."""
    contacts = _contacts(run, Joins()).contacts
    gradings = _gradings(run, contacts, labels)
    found, notes = rates(contacts, gradings)
    tables: Tables = {"rates": (Rate, found), "calibration": (CalibrationFigure, calibration(contacts, gradings))}
    return Analysis(tables, (*label_notes(labels), *notes), label_rejects(labels, gradings))


def analyse_associations(
    run: Path, joins: Joins | None = None, labels: Labels | None = None, correction: Correction = "bh"
) -> Analysis:
    """Tables `associations`, `responses`, `balance`, `drivers`, `predicted` and `means`. Raises RunError."""
    joins = joins or Joins()
    found = _contacts(run, joins)
    scales = scales_of(found.receipt, joins)
    contacts, off = off_scale(found.contacts, scales)
    items = runs.read_table(run, "items", ("contact_id", "item", "verdict", "p_met", "points", "weight"))
    card = parse_rubric(found.receipt["rubric"]["content"], str(run))
    every = Gradings(contacts, items, card, labels)
    tables, notes = associate(contacts, every, scales, labelled=labels is not None, correction=correction)
    rejects = (*found.rejects, *off, *label_rejects(labels, every))
    return Analysis(tables, (*label_notes(labels), *notes), rejects)


def associate(
    contacts: pa.Table, every: Gradings, scales: Scales, *, labelled: bool, correction: Correction = "bh"
) -> tuple[Tables, tuple[str, ...]]:
    """The tables of `analyse_associations` from tables in memory, and notes; `every` are all contacts' gradings."""
    answered = np.zeros(contacts.num_rows, dtype=bool)
    for outcome in OUTCOMES:
        answered |= ~np.isnan(floats(contacts[outcome]))
    mix = case_mix(contacts)
    some = contacts.filter(pa.array(answered))
    own = every.part(some)
    figures, notes = association_figures(some, own, scales, every if labelled else None, correction)
    back = responses(contacts, scales, mix)
    drivers, driver_notes = driver_figures(some, own, case_mix(some))
    guess = predictions(contacts, every, scales.get("csat"), back.weightings.get("csat"))
    tables: Tables = {
        "associations": (AssociationFigure, figures),
        "responses": (ResponseFigure, back.figures),
        "balance": (Balance, back.balance),
        "drivers": (DriverFigure, drivers),
        "means": (GroupMean, guess.means),
        "predicted": (PredictedContact, guess.contacts),
    }
    return tables, (*notes, *back.notes, *driver_notes, *_prediction_notes(guess))


def _prediction_notes(guess: Predictions) -> tuple[str, ...]:
    if guess.reason is not None:
        return (f"No predicted CSAT: {guess.reason}.",)
    covered = guess.covered
    return (
        f"Predicted CSAT: of {covered.n} contacts that the model never saw, {covered.value or 0:.0%} have theirs in "
        f"the predicted set (90 % wanted), of {guess.mean_size or 0:.1f} answers on average; it misses by "
        f"{guess.error or 0:.2f} steps on average, always saying the median answer by {guess.baseline_error or 0:.2f}.",
    )


def _contacts(run: Path, joins: Joins) -> Joined:
    found = joined(run, joins)
    require_single_ids(found.contacts)
    return found


def _gradings(run: Path, contacts: pa.Table, labels: Labels | None) -> Gradings:
    items = runs.read_table(run, "items", ("contact_id", "item", "verdict", "p_met", "points", "weight"))
    card = parse_rubric(runs.require_complete(run)["rubric"]["content"], str(run))
    return Gradings(contacts, items, card, labels)


def label_notes(labels: Labels | None) -> tuple[str, ...]:
    """What to know of the labels: how many of which purpose, what was left out."""
    return () if labels is None else (purposes_note(labels), *labels.notes)


def label_rejects(labels: Labels | None, gradings: Gradings) -> tuple[Reject, ...]:
    """Labels that cannot be used, and those that no contact or item of the run takes."""
    return () if labels is None else (*labels.rejects, *gradings.rejects)
