"""Predicted CSAT of contacts without an answer: the probability of a bad one, and sets that hold the true one in 90 %.

Means of agents and campaigns come from the answers with the predictions' help (PPI), never from predictions alone.
"""

from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise

import numpy as np
import pyarrow as pa

from cxsentiment.behaviours import everything
from cxsentiment.figures import schema_of
from cxsentiment.gradings import Gradings
from cxsentiment.ingest.times import moment
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats
from cxsentiment.stats.estimates import missing
from cxsentiment.stats.logistic import fit_ordinal
from cxsentiment.stats.nonresponse import ResponseWeights
from cxsentiment.stats.ordinal import AnswerModel, at_most, fit_answers, three_parts
from cxsentiment.stats.prediction_powered import Sample, ppi_mean

LOW = 2  # an answer up to this is a bad one, on scales that begin at 1
_MOST_LEVELS = 11


@dataclass(frozen=True, slots=True)
class PredictedContact:
    """A row of one contact without an answer: P(answer <= 2) as `estimate`, the set of answers that holds the true one
    with 90 % (`answers`, such as 3,4,5), and whether its channel had enough answers to promise that (`certain`).
    """

    contact_id: str
    channel: str
    estimate: Estimate
    answers: str
    certain: bool


@dataclass(frozen=True, slots=True)
class GroupMean:
    """Mean answer of one agent or campaign, on the scale of the survey."""

    by: str
    name: str
    estimate: Estimate
    answers: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predicted `contacts` in the order of the run (a table of `PredictedContact`), group `means`, and how good the
    model is on contacts it never saw: share `covered` by the sets, their mean size, mean absolute error and that of
    always saying the median; or `reason`.
    """

    contacts: pa.Table
    means: tuple[GroupMean, ...]
    covered: Estimate
    mean_size: float | None
    error: float | None
    baseline_error: float | None
    reason: Reason | None


def predictions(
    contacts: pa.Table,
    gradings: Gradings,
    scale: tuple[float, float] | None,
    weighting: ResponseWeights | None = None,
) -> Predictions:
    """Predicted CSAT of all contacts without an answer; `weighting` by 1 / P(response) counts in sets and means.

    The model is fitted, calibrated and tested on different agents and times. Too few answers, or a scale that is not
    declared or not of whole steps: none, with the reason.
    """
    answers = floats(contacts["csat"])
    given = ~np.isnan(answers)
    if reason := _unfit(answers[given], scale):
        return _none(reason)
    assert scale is not None
    columns = everything(contacts, gradings)
    if not columns:
        return _none(Reason("nothing_to_count", "no feature of the contacts is known and varies"))
    x = np.stack([one.values for one in columns], axis=1)
    levels, y = int(scale[1] - scale[0]) + 1, np.where(given, answers - scale[0], 0).astype(np.int64)
    agents, _ = codes(contacts["agent_id"])
    channels, _ = codes(contacts["channel"])
    w = None if weighting is None else weighting.weights[given]
    parts = three_parts(agents[given], _times(contacts["started_at"].filter(pa.array(given))))
    model = fit_answers(x[given], y[given], levels, parts, groups=channels[given], weights=w)
    if isinstance(model, Reason):
        return _none(model)
    rest = np.flatnonzero(~given)
    own = None if weighting is None else weighting.of_everybody[rest]
    found = _contacts(contacts, rest, model, x[rest], channels[rest], own, scale)
    f = _crossfitted(x, y, levels, given, agents) + scale[0]
    weights = None if weighting is None else weighting.weights
    means = _means("campaign", contacts, answers, f, weights, scale) + _means(
        "agent_id", contacts, answers, f, weights, scale
    )
    return Predictions(found, means, model.covered, model.mean_size, model.error, model.baseline_error, None)


def _unfit(answers: FloatArray, scale: tuple[float, float] | None) -> Reason | None:
    if answers.size == 0:
        return Reason("no_answers", "no contact has a CSAT answer")
    if scale is None:
        return Reason("not_declared", "the scale of CSAT is not declared (--csat-scale)")
    if np.any(answers != np.round(answers)) or scale[1] - scale[0] >= _MOST_LEVELS or scale[0] != round(scale[0]):
        return Reason("out_of_scale", f"CSAT {scale[0]:g}-{scale[1]:g} has no up to {_MOST_LEVELS} whole steps")
    if np.ptp(answers) == 0:
        return Reason("constant", "all answers are the same, so nothing can be predicted")
    return None


def _none(reason: Reason) -> Predictions:
    return Predictions(
        schema_of(PredictedContact).empty_table(),
        (),
        missing(reason, "share covered, Wilson interval"),
        None,
        None,
        None,
        reason,
    )


def _contacts(
    contacts: pa.Table,
    rest: IntArray,
    model: AnswerModel,
    x: FloatArray,
    channels: IntArray,
    weights: FloatArray | None,
    scale: tuple[float, float],
) -> pa.Table:
    schema = schema_of(PredictedContact)
    if rest.size == 0:
        return schema.empty_table()
    p = model.probabilities(x)
    sets = model.sets(x, channels, weights)
    cut = LOW - int(scale[0]) if scale[0] >= 1 else 0
    low = np.clip(at_most(p, cut), 0, 1)
    method = f"ordered logit, P(CSAT <= {scale[0] + cut:g})"
    reason = Reason(
        "one_contact", "the probability of one contact has no interval; the set of answers says how sure it is"
    )
    taken, n = pa.array(rest), rest.size
    # A set is a number of which each answer is a bit, so that each set is put into words once.
    which, place = np.unique(sets.included @ (1 << np.arange(p.shape[1])), return_inverse=True)
    words = [",".join(str(k + int(scale[0])) for k in range(p.shape[1]) if bits >> k & 1) for bits in which.tolist()]
    columns = {
        "contact_id": contacts["contact_id"].take(taken),
        "channel": contacts["channel"].take(taken),
        "estimate": low,
        "low": pa.nulls(n, pa.float64()),
        "high": pa.nulls(n, pa.float64()),
        "n": pa.repeat(pa.scalar(model.covered.n, pa.int64()), n),
        "method": pa.repeat(method, n),
        "reason": pa.repeat(str(reason), n),
        "reason_code": pa.repeat(reason.code, n),
        "answers": pa.array(words).take(pa.array(place)),
        "certain": sets.certain,
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _crossfitted(x: FloatArray, y: IntArray, levels: int, given: BoolArray, agents: IntArray) -> FloatArray:
    """Expected answer in steps, of each contact by a model that was not fitted on its agent, (n,).

    A mean corrected by the model's error on answered contacts must not use contacts that the model has learnt by heart;
    and it must use one model for an agent's answered and silent contacts, else the models' difference is the agent's.
    """
    names = np.unique(agents)
    half = np.isin(agents, np.random.default_rng(2).permutation(names)[: names.size // 2])
    expected = np.zeros((2, y.size))
    for place, fold in enumerate((half, ~half)):
        fit = given & ~fold
        if np.unique(y[fit]).size < 2:
            fit = given  # one side has answers of one kind only
        expected[place] = fit_ordinal(x[fit], y[fit], levels).probabilities(x) @ np.arange(levels)
    return np.asarray(np.where(half, expected[0], expected[1]))


def _means(
    by: str,
    contacts: pa.Table,
    answers: FloatArray,
    f: FloatArray,
    weights: FloatArray | None,
    scale: tuple[float, float],
) -> tuple[GroupMean, ...]:
    of, names = codes(contacts[by])
    order = np.argsort(of, kind="stable")
    ends = np.searchsorted(of[order], np.arange(len(names) + 1))
    made = []
    for name, (first, last) in zip(names, pairwise(ends.tolist()), strict=True):
        mine = order[first:last]
        y, machine = answers[mine], f[mine]
        has = ~np.isnan(y)
        own = None if weights is None else weights[mine][has]
        found = ppi_mean(Sample(y[has], machine[has], machine[~has], own), bounds=scale)
        made.append(GroupMean(by.removesuffix("_id"), name, found.estimate, found.labelled, found.unlabelled))
    return tuple(made)


def _times(started: pa.ChunkedArray) -> FloatArray:
    """Seconds since 1970, NaN where the start is not known; a time without a zone counts as UTC."""
    try:
        return floats(started.cast(pa.timestamp("us", "UTC")).cast(pa.int64())) / 1e6
    except pa.ArrowInvalid:  # some without a zone, or no times at all: one by one
        found = np.full(len(started), np.nan)
    for place, text in enumerate(started.to_pylist()):
        at = moment(text) if text else None
        if at is not None:
            found[place] = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return found
