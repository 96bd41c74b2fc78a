"""Every feature against every survey answer: Spearman and the AUC of the best answers, and what stands beside them.

Pooled, within agents and between agents; intervals by delete-one-agent jackknife, by customer too where customers come
back. Associations, never causes. `cxsentiment.outcomes` makes the report's shorter table by the same rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import pyarrow as pa

from cxsentiment.gradings import Grading, Gradings
from cxsentiment.outcomes import (
    COME_BACK,
    FEATURES,
    ITEM_PREFIX,
    LEVELS,
    OUTCOMES,
    association_of,
    both_ways,
    conflict_of,
    reading,
    returning,
)
from cxsentiment.reasons import Reason
from cxsentiment.schema import FALSE_DISCOVERY_RATE, Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats
from cxsentiment.stats.attenuation import disattenuated, powered_correlation
from cxsentiment.stats.concordance import clustered_concordance, risk_difference
from cxsentiment.stats.correlation import clustered_spearman
from cxsentiment.stats.estimates import missing
from cxsentiment.stats.jackknife import ClusteredCorrelation
from cxsentiment.stats.polyserial import clustered_polyserial
from cxsentiment.stats.power import adjusted_p_values, minimal_detectable_r

Correction = Literal["bh", "by"]
_CORRECTIONS: Mapping[Correction, str] = {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}
PROMOTER = 9.0
_NOT_CORRECTED = missing(
    Reason("no_labels", "only items that people have labelled have it, at the pooled level"), "not corrected"
)
SAME_RATER = "one person on both sides (the customer's words, the customer's answer): expect it to be larger"
SAME_GRADER = "some labels were given by the customer who answered: one rater on both sides"
Scales = Mapping[str, tuple[float, float] | None]


@dataclass(frozen=True, slots=True)
class AssociationFigure:
    """One statistic of one feature and one outcome at one level: spearman, kendall (-1 to 1), polyserial (-1 to 1),
    auc (0-1, .5 is nothing) or risk_difference (points of 0-1) of the best answers.

    `p_adjusted` is Benjamini and Hochberg's over all figures of the same statistic; `minimal_detectable` the |r| found
    with 80 % power. `corrected` is what the machine's errors on the item leave to be added, `powered` the correlation
    of people's own verdicts with the machine's help: beside the headline, never in its place.
    """

    feature: str
    outcome: str
    statistic: str
    level: str
    estimate: Estimate
    agents: int
    p: float | None
    p_adjusted: float | None
    minimal_detectable: float | None
    flag: str | None
    corrected: Estimate
    powered: Estimate
    reading: str


@dataclass(frozen=True, slots=True)
class _Feature:
    name: str
    values: FloatArray


@dataclass(frozen=True, slots=True)
class _Answers:
    """One outcome of the contacts with any answer: the answers, who are best (1, 0; NaN throughout with a `reason`)."""

    outcome: str
    values: FloatArray
    best: FloatArray
    reason: Reason | None
    agents: IntArray
    customers: IntArray | None


def association_figures(
    contacts: pa.Table,
    gradings: Gradings,
    scales: Scales,
    labelled: Gradings | None = None,
    correction: Correction = "bh",
) -> tuple[tuple[AssociationFigure, ...], tuple[str, ...]]:
    """Figures (outcome, feature, then statistic and level) and notes to print with them.

    `contacts` are those with an answer, and `gradings` theirs; `labelled` those of all contacts, where people have
    labelled any, for the corrected columns. `scales` are the lowest and highest answer by outcome. `correction` is
    for many comparisons: bh, or by, which holds whatever their dependence.
    """
    features = [_Feature(name, floats(contacts[name])) for name in FEATURES]
    features += [_Feature(ITEM_PREFIX + one.name, one.met) for one in gradings.of("item") if one.met is not None]
    found: list[AssociationFigure] = []
    notes: list[str] = []
    for outcome in OUTCOMES:
        answers = _answers(contacts, outcome, scales.get(outcome))
        if np.isnan(answers.values).all():
            continue
        notes += _answer_notes(answers)
        for feature in features:
            found += _of(feature, answers)
    if not found:
        return (), ("No contact has an answer to CSAT, NPS or CES, so there is nothing to associate with.",)
    if labelled is not None:
        found = _corrected(found, labelled)
    found = _adjusted(found, correction)
    notes.append(
        f"{sum(one.p is not None for one in found)} comparisons with a p-value; adjusted by {_CORRECTIONS[correction]} "
        f"within each statistic at a false discovery rate of {FALSE_DISCOVERY_RATE:.0%}. An association is not a cause."
    )
    if sum(one.flag is not None and "leakage" in one.flag for one in found):
        notes.append("Some correlations are larger than honest ones are: look for leakage before believing them.")
    return tuple(found), tuple(notes)


def best_answers(
    values: FloatArray, outcome: str, scale: tuple[float, float] | None
) -> tuple[FloatArray, Reason | None]:
    """1 where the answer is the highest of its scale (NPS: a promoter), 0 below, NaN without one; or why not."""
    if outcome == "nps":
        least = PROMOTER
    elif scale is None:
        return np.full(values.size, np.nan), Reason(
            "not_declared", f"the scale of {outcome} is not declared (--{outcome}-scale)"
        )
    else:
        least = scale[1]
    return np.where(np.isnan(values), np.nan, (values >= least).astype(np.float64)), None


def _answers(contacts: pa.Table, outcome: str, scale: tuple[float, float] | None) -> _Answers:
    values = floats(contacts[outcome])
    best, reason = best_answers(values, outcome, scale)
    agents, _ = codes(contacts["agent_id"])
    customers, _ = codes(contacts["customer_id"])
    return _Answers(outcome, values, best, reason, agents, returning(customers, ~np.isnan(values)))


def _of(feature: _Feature, answers: _Answers) -> Iterator[AssociationFigure]:
    x, y, agents = feature.values, answers.values, answers.agents
    known = ~(np.isnan(x) | np.isnan(y))
    x, y, agents, best = x[known], y[known], agents[known], answers.best[known]
    customers = None if answers.customers is None else answers.customers[known]
    by_level = {level: clustered_spearman(x, y, agents, level) for level in LEVELS}
    by_level["pooled"] = both_ways(lambda of: clustered_spearman(x, y, of), agents, customers)
    conflict = conflict_of(by_level["within"], by_level["between"])
    same = SAME_RATER if feature.name.startswith("sentiment_") else None
    for level, one in by_level.items():
        made = association_of(feature.name, answers.outcome, level, one, conflict)
        flag = "; ".join(text for text in (made.flag, same) if text) or None
        yield _figure(feature, answers, "spearman", level, one, flag)
    for level in ("pooled", "within"):
        if answers.reason:
            nothing = ClusteredCorrelation(missing(answers.reason, f"AUC, {level}", 0), 0, None, None, {}, None)
            yield _figure(feature, answers, "auc", level, nothing, same)
        else:
            auc = partial(clustered_concordance, x, best, statistic="auc", level=level)  # type: ignore[arg-type]
            one = both_ways(auc, agents, customers if level == "pooled" else None)
            yield _figure(feature, answers, "auc", level, one, same)
    kendall = both_ways(lambda of: clustered_concordance(x, y, of, "tau_b"), agents, customers)
    yield _figure(feature, answers, "kendall", "pooled", kendall, same)
    yield _figure(feature, answers, "polyserial", "pooled", clustered_polyserial(x, y, agents), same)
    if answers.reason or best.size == 0 or np.ptp(best) == 0:
        reason = answers.reason or Reason("constant", "the outcome is the same in all contacts")
        difference = missing(reason, "risk difference, upper less lower quarter", best.size)
    else:
        difference = risk_difference(x, best, agents)
    yield _figure(
        feature, answers, "risk_difference", "pooled",
        ClusteredCorrelation(difference, by_level["pooled"].clusters, None, None, {}, None), same,
    )  # fmt: skip


def _figure(
    feature: _Feature, answers: _Answers, statistic: str, level: str, found: ClusteredCorrelation, flag: str | None
) -> AssociationFigure:
    detectable = None
    if statistic == "spearman" and found.effective_n is not None:
        detectable = minimal_detectable_r(found.effective_n)
    return AssociationFigure(
        feature.name, answers.outcome, statistic, level, found.estimate, found.clusters, found.p, None, detectable,
        flag, _NOT_CORRECTED, _NOT_CORRECTED, "",
    )  # fmt: skip


def _adjusted(found: list[AssociationFigure], correction: Correction) -> list[AssociationFigure]:
    adjusted: dict[int, float | None] = {}
    for statistic in dict.fromkeys(one.statistic for one in found):
        places = [place for place, one in enumerate(found) if one.statistic == statistic]
        values = adjusted_p_values([found[place].p for place in places], correction)
        adjusted |= dict(zip(places, values, strict=True))
    return [_spoken(replace(one, p_adjusted=adjusted[place])) for place, one in enumerate(found)]


def _spoken(one: AssociationFigure) -> AssociationFigure:
    if one.statistic != "spearman":
        return one
    found = ClusteredCorrelation(one.estimate, one.agents, one.p, None, {}, None)
    made = association_of(one.feature, one.outcome, one.level, found, None)  # type: ignore[arg-type]
    return replace(one, reading=reading(replace(made, p_adjusted=one.p_adjusted)))


def _corrected(found: list[AssociationFigure], labelled: Gradings) -> list[AssociationFigure]:
    """The figures of items with what people's labels add: both corrected columns, and the same-rater warning."""
    people = {ITEM_PREFIX + one.name: one for one in labelled.of("item") if one.labelled.any()}
    every = labelled.contacts
    agents, _ = codes(every["agent_id"])
    same = labelled.graded_by_customer
    answers = {outcome: floats(every[outcome]) for outcome in OUTCOMES}
    cache: dict[tuple[str, str], tuple[Estimate, Estimate]] = {}
    result = []
    for one in found:
        grading = people.get(one.feature)
        if grading is None or one.statistic != "spearman" or one.level != "pooled":
            result.append(one)
            continue
        key = (one.feature, one.outcome)
        if key not in cache:
            cache[key] = _both(grading, answers[one.outcome], agents)
        flag = "; ".join(text for text in (one.flag, SAME_GRADER if same else None) if text) or None
        result.append(replace(one, corrected=cache[key][0], powered=cache[key][1], flag=flag))
    return result


def _both(grading: Grading, answers: FloatArray, agents: IntArray) -> tuple[Estimate, Estimate]:
    from scipy.stats import rankdata

    machine = grading.met if grading.met is not None else grading.machine
    given = ~(np.isnan(answers) | np.isnan(machine))
    ranks = np.full(answers.size, np.nan)
    ranks[given] = rankdata(answers[given])
    seen = grading.labelled
    corrected = disattenuated(
        machine[given], ranks[given], agents[given], machine[seen], grading.human[seen], agents[seen]
    )
    if not grading.binary:
        corrected = missing(
            Reason("not_applicable", "people's labels are not 0 and 1 only"), corrected.method, corrected.n
        )
    powered, _ = powered_correlation(grading.human[given], machine[given], answers[given], agents[given])
    return corrected, powered


def _answer_notes(answers: _Answers) -> list[str]:
    name, given = answers.outcome.upper(), ~np.isnan(answers.values)
    notes = []
    if answers.reason:
        notes.append(f"{name}: {answers.reason}, so there is no figure for its best answers.")
    if np.ptp(answers.values[given]) == 0:
        notes.append(f"{name}: all {int(given.sum())} answers are the same, so nothing can go together with them.")
    if nobody := int(np.sum(given & (answers.agents < 0))):
        notes.append(f"{name}: contacts with an answer but no agent id, left out where agents matter: {nobody}.")
    if answers.customers is not None:
        notes.append(
            f"{name}: {COME_BACK}, those of the polyserial correlation and of the risk difference for agents only."
        )
    return notes
