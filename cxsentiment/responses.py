"""Who answers the survey: what weighting by what was known before repairs, and what nothing can."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.associations import Scales, best_answers
from cxsentiment.mix import CaseMixColumns
from cxsentiment.outcomes import OUTCOMES
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import codes, floats
from cxsentiment.stats.estimates import bare, missing
from cxsentiment.stats.nonresponse import BALANCED, WARNING, NonResponse, ResponseWeights, nonresponse

_APART = "standardised mean difference of those who answered from all contacts"
_UNITS: Mapping[str, str] = {"mean": "mean answer", "best": "share of the best answers"}


@dataclass(frozen=True, slots=True)
class ResponseFigure:
    """`measure` (mean answer, or share of the best answers) of an outcome, `assuming` as given: that those who did not
    answer are like those who did (raw), like those alike before the survey (weighted), lower by d SD, or anything.
    """

    outcome: str
    measure: str
    assuming: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Balance:
    """How far those who answered are from all contacts on one covariate, in SD: as they are (`raw`), and weighted
    (`estimate`).
    """

    outcome: str
    covariate: str
    raw: Estimate
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Responses:
    """Figures and balance of every outcome with an answer, the weighting by outcome (None without), and notes."""

    figures: tuple[ResponseFigure, ...]
    balance: tuple[Balance, ...]
    weightings: Mapping[str, ResponseWeights | None]
    notes: tuple[str, ...]


def responses(contacts: pa.Table, scales: Scales, mix: CaseMixColumns) -> Responses:
    """The report on non-response of all contacts, with the case mix as what was known before the survey.

    Who was invited is not known: every contact counts as invited. An outcome whose scale is not declared has no figure.
    """
    agents, _ = codes(contacts["agent_id"])
    figures: list[ResponseFigure] = []
    balance: list[Balance] = []
    weightings: dict[str, ResponseWeights | None] = {}
    notes = ["Who was invited is not known: every contact counts as invited."]
    for outcome in OUTCOMES:
        answers = floats(contacts[outcome])
        given = ~np.isnan(answers)
        if not given.any():
            continue
        weightings[outcome] = None
        scale = scales.get(outcome)
        if scale is None:
            nothing = missing(
                Reason("not_declared", f"the scale of {outcome} is not declared (--{outcome}-scale)"), "mean of answers"
            )
            figures.append(ResponseFigure(outcome, _UNITS["mean"], "raw", nothing))
            continue
        columns = mix.x if mix.x.shape[1] else None
        clusters = agents if np.any(agents[given] >= 0) else None
        found = nonresponse(answers, columns, scale, clusters)
        best, _ = best_answers(answers, outcome, scale)
        figures += _figures(outcome, "mean", found)
        figures += _figures(outcome, "best", nonresponse(best, columns, (0.0, 1.0), clusters))
        notes += _told(outcome, found, int(given.sum()), answers.size)
        if found.weighting is not None:
            weightings[outcome] = found.weighting
            n = int(given.sum())
            balance += [
                Balance(outcome, name, _apart(before, n, _APART), _apart(after, n, f"{_APART}, weighted"))
                for name, before, after in zip(
                    mix.names, found.weighting.difference_before, found.weighting.difference_after, strict=True
                )
            ]
    return Responses(tuple(figures), tuple(balance), weightings, tuple(notes) if figures else ())


def _apart(difference: float, n: int, method: str) -> Estimate:
    return bare(difference, n, method, Reason("counted", "compared with all contacts there are: counted, no sample"))


def _figures(outcome: str, measure: str, found: NonResponse) -> list[ResponseFigure]:
    named = [("raw", found.raw), ("weighted", found.weighted)]
    named += [(f"others lower by {d:g} SD", one) for d, one in found.shifted if d > 0]
    named.append(("worst case", found.bounds))
    return [ResponseFigure(outcome, _UNITS[measure], assuming, one) for assuming, one in named]


def _told(outcome: str, found: NonResponse, given: int, contacts: int) -> list[str]:
    name = outcome.upper()
    notes = [f"{name}: {given} of {contacts} contacts have an answer ({given / contacts:.1%}); {WARNING}."]
    if (weighting := found.weighting) is not None:
        worst = max((abs(one) for one in weighting.difference_after), default=0.0)
        held = "balanced" if weighting.balanced else f"not balanced (more than {BALANCED} SD apart)"
        notes.append(
            f"{name}: weighted answers count as {weighting.effective_n:.0f}; what was known before the survey is "
            f"{held}, at most {worst:.2f} SD apart."
        )
    return notes
