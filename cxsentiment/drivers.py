"""How much of the differences in answers each family of behaviours accounts for: an association, no cause."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.behaviours import Column, behaviours
from cxsentiment.gradings import Gradings
from cxsentiment.mix import CaseMixColumns
from cxsentiment.outcomes import OUTCOMES
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, codes, floats
from cxsentiment.stats.drivers import METHOD, MOST_GROUPS, lmg
from cxsentiment.stats.estimates import missing

MIN_ANSWERS = 100
WHOLE = "all families together"


@dataclass(frozen=True, slots=True)
class DriverFigure:
    """A family's share (0-1) of the differences in an outcome's answers, beyond the case mix; `slope` is the sign of
    its column (+, - or 0) and `suppressor` says that it has another sign alone than beside the others.
    """

    outcome: str
    family: str
    estimate: Estimate
    slope: str
    suppressor: bool


def driver_figures(
    contacts: pa.Table, gradings: Gradings, mix: CaseMixColumns
) -> tuple[tuple[DriverFigure, ...], tuple[str, ...]]:
    """Shares by outcome and family, and notes. `contacts` have an answer; `gradings` and `mix` are theirs.

    The customer's sentiment is in none of them. Fewer than 100 answers: none, with the reason.
    """
    columns = behaviours(contacts, gradings)
    own, marks = [one for one in columns if not one.marks], [one for one in columns if one.marks]
    families = list(dict.fromkeys(one.family for one in own))[:MOST_GROUPS]
    own = [one for one in own if one.family in families]
    agents, _ = codes(contacts["agent_id"])
    figures: list[DriverFigure] = []
    for outcome in OUTCOMES:
        answers = floats(contacts[outcome])
        given = int(np.sum(~np.isnan(answers) & (agents >= 0)))
        if np.isnan(answers).all():
            continue
        reason = None
        if given < MIN_ANSWERS:
            reason = Reason(
                "too_few", f"{given} answers of contacts with an agent are too few for drivers ({MIN_ANSWERS} needed)"
            )
        elif not own:
            reason = Reason("nothing_to_count", "no behaviour of the agents is known and varies")
        if reason:
            figures.append(DriverFigure(outcome, WHOLE, missing(reason, METHOD, given), "", False))
            continue
        covariates = [mix.x, _matrix(marks, len(answers))]
        found = lmg(
            answers,
            _matrix(own, len(answers)),
            np.array([families.index(one.family) for one in own]),
            agents,
            np.concatenate(covariates, axis=1),
        )
        figures.append(DriverFigure(outcome, WHOLE, found.r2, "", False))
        for place, family in enumerate(families):
            at = [k for k, one in enumerate(own) if one.family == family]
            signs = {np.sign(found.slopes[k]) for k in at}
            slope = "mixed" if len(signs) > 1 else {1.0: "+", -1.0: "-"}.get(float(signs.pop()), "0")
            figures.append(
                DriverFigure(outcome, family, found.importance[place], slope, any(found.suppressors[k] for k in at))
            )
    notes = (
        "Drivers are shares of the differences in answers that go with what agents do, beyond the case mix: an "
        "association. The customer's sentiment is left out, for it is the answer measured early.",
    )
    return tuple(figures), notes if figures else ()


def _matrix(columns: Iterable[Column], rows: int) -> FloatArray:
    made = [one.values for one in columns]
    return np.stack(made, axis=1) if made else np.zeros((rows, 0))
