"""Whether raters agree: raw agreement, Cohen's kappa, Krippendorff's alpha, Gwet's AC1 and AC2, each beside the others.

An AC2 of .94 beside an alpha of .2 on the same ratings is what a narrow use of the scale looks like; so all are given,
with the prevalence and the agreement that a rater who always says the same would reach.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, same_shape
from cxsentiment.stats.estimates import estimated, missing
from cxsentiment.stats.ratings import Metric, Sums, Table, coincidences, everyone, resampled, sums, tabulate

USABLE, FOR_PERFORMANCE, REWRITE = 0.667, 0.80, 0.40
MIN_CONTACTS, MIN_CONTACTS_EASY, EASY = 100, 200, 0.9
_DRAWS = 2_000

Gate = Literal["performance", "usable", "not yet", "rewrite"]
Weights = Literal["none", "linear", "quadratic"]
Formula = Callable[[Sums, FloatArray, Metric], FloatArray]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one item, each figure with a 95 % bootstrap interval by contact.

    `raw` (0-1) is the share of agreeing pairs of ratings; `kappa` (two raters only), `alpha`, `ac` (AC1, or AC2 for an
    ordered scale) are chance-corrected, at most 1; `prevalence` is each value's share of ratings; `baseline` (0-1) the
    raw agreement with people of a rater who always gives `baseline_value`, the commonest. `contacts` counts those with
    two ratings; `warning` says if they are too few.
    """

    raw: Estimate
    kappa: Estimate
    alpha: Estimate
    ac: Estimate
    prevalence: dict[float, float]
    baseline_value: float | None
    baseline: float | None
    contacts: int
    raters: int
    warning: str | None


@dataclass(frozen=True, slots=True)
class MachineAgreement:
    """Alpha among people, alpha of machine and people, on the same contacts, and the latter over the former."""

    people: Estimate
    machine: Estimate
    ratio: Estimate


def agreement(ratings: FloatArray, metric: Metric = "nominal", *, seed: int = 0) -> Agreement:
    """All figures of one item from `ratings`, shape (contacts, raters), NaN where a rater did not rate.

    `metric` is how far two values lie apart: nominal (same or not), ordinal, or interval; with the latter two kappa
    and AC2 have quadratic weights. Bootstrap: 2,000 draws, percentiles. ValueError for more than 50 values.
    """
    table = tabulate(ratings)
    prevalence = _prevalence(table)
    raters = int(np.sum(~np.isnan(ratings).all(axis=0)))
    paired = int(np.sum(table.ratings >= 2))
    if paired == 0:
        none = missing(Reason("too_few", "no contact was rated by two raters"), "agreement", 0)
        return Agreement(none, none, none, none, prevalence, None, None, 0, raters, _warning(0, prevalence))
    commonest = max(prevalence, key=lambda value: (prevalence[value], -value))
    n = ratings.shape[0]
    whole, drawn = sums(table, everyone(n)), sums(table, resampled(n, _DRAWS, seed))

    def both(formula: Formula, method: str) -> Estimate:
        value, values = (formula(part, table.values, metric) for part in (whole, drawn))
        return percentiles(float(value[0]), values, paired, method)

    ac = "Gwet AC1" if metric == "nominal" else "Gwet AC2, quadratic weights"
    return Agreement(
        raw=both(_raw, "raw agreement of pairs"),
        kappa=_kappa_estimate(ratings, "none" if metric == "nominal" else "quadratic", seed),
        alpha=both(_alpha, f"Krippendorff alpha, {metric}"),
        ac=both(_gwet, ac),
        prevalence=prevalence,
        baseline_value=commonest,
        baseline=prevalence[commonest],
        contacts=paired,
        raters=raters,
        warning=_warning(paired, prevalence),
    )


def krippendorff_alpha(ratings: FloatArray, metric: Metric = "nominal") -> float | None:
    """Krippendorff's alpha (at most 1; 2004, ch. 11) of `ratings` (contacts, raters), NaN missing.

    None where no contact has two ratings, or all ratings are the same.
    """
    return _single(ratings, metric, _alpha)


def gwet_ac(ratings: FloatArray, metric: Metric = "nominal") -> float | None:
    """Gwet's AC1 (nominal; 2008) or AC2 with quadratic weights (2014) of `ratings` (contacts, raters), NaN missing.

    None where no contact has two ratings. If all ratings are the same it is 1: AC takes the scale's values as given.
    """
    return _single(ratings, metric, _gwet)


def raw_agreement(ratings: FloatArray) -> float | None:
    """Share (0-1) of pairs of ratings of a contact that agree, each contact counting once; None without pairs."""
    return _single(ratings, "nominal", _raw)


def cohen_kappa(a: FloatArray, b: FloatArray, weights: Weights = "none") -> float | None:
    """Cohen's kappa of two raters (1960; weighted 1968), at most 1; shapes (n,), contacts with a NaN left out.

    Weights are by the distance of the values. None where no contact has both, or all ratings are the same.
    """
    same_shape(a=a, b=b)
    values, cells = _crossed(a, b)
    if cells.shape[0] == 0:
        return None
    found = float(_kappa(cells.sum(axis=0, keepdims=True), values, weights)[0])
    return found if math.isfinite(found) else None


def gate(alpha: Estimate) -> Gate | None:
    """What an item may be used for by the lower end of its alpha: from .80 performance, from .667 usable.

    A value below .40 means that the item must be rewritten; None where there is no interval (Krippendorff 2004).
    """
    if alpha.value is None or alpha.low is None:
        return None
    if alpha.low >= FOR_PERFORMANCE:
        return "performance"
    if alpha.low >= USABLE:
        return "usable"
    return "rewrite" if alpha.value < REWRITE else "not yet"


def machine_agreement(
    ratings: FloatArray, machine: FloatArray, metric: Metric = "nominal", *, seed: int = 0
) -> MachineAgreement:
    """The machine as one more rater: alpha of machine-human pairs over alpha of human-human pairs.

    `ratings` (contacts, raters) by people, `machine` (contacts,) on the same scale, NaN missing. Only contacts that two
    people rated and the machine scored enter, in both figures, each with the same weight. Bootstrap by contact, both
    figures from the same draws.
    """
    same_shape(ratings=ratings, machine=machine)
    keep = (np.sum(~np.isnan(ratings), axis=1) >= 2) & ~np.isnan(machine)
    n = int(keep.sum())
    if n == 0:
        none = missing(
            Reason("too_few", "no contact was rated by two people and scored by the machine"), "Krippendorff alpha", 0
        )
        return MachineAgreement(none, none, none)
    values = tabulate(np.concatenate([ratings[keep], machine[keep, None]], axis=1)).values
    people, robot = tabulate(ratings[keep], values), tabulate(machine[keep, None], values)
    weight = 1 / people.ratings[:, None, None]
    crossed = np.einsum("uk,ul->ukl", people.counts, robot.counts) * weight
    tables = (2 * coincidences(people) * weight, crossed + crossed.transpose(0, 2, 1))
    found = []
    for cells in tables:
        flat, k = cells.reshape(n, -1), values.size
        parts = [np.concatenate([w @ flat for w in ws]) for ws in (everyone(n), resampled(n, _DRAWS, seed))]
        found.append([_alpha_of(part.reshape(-1, k, k), values, metric) for part in parts])
    (human, humans), (mixed, mixeds) = found
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, ratios = mixed / human, np.where(humans > 0, mixeds / humans, math.nan)
    return MachineAgreement(
        percentiles(float(human[0]), humans, n, f"Krippendorff alpha, {metric}, people"),
        percentiles(float(mixed[0]), mixeds, n, f"Krippendorff alpha, {metric}, machine and people"),
        percentiles(float(ratio[0]), ratios, n, "alpha of machine and people / alpha of people"),
    )


def percentiles(value: float, draws: FloatArray, n: int, method: str) -> Estimate:
    """`value` with the 2.5 and 97.5 percentiles of bootstrap `draws`; a reason where the value or they do not exist."""
    method = f"{method}; bootstrap by contact"
    if not math.isfinite(value):
        return missing(Reason("one_class", "all ratings are the same, so chance alone explains them"), method, n)
    if n == 1:
        return estimated(value, None, None, n, method, Reason("one_contact", "one contact gives no interval"))
    known = draws[np.isfinite(draws)]
    if known.size < draws.size / 2:
        return estimated(
            value, None, None, n, method, Reason("undefined", "too many draws of contacts leave it undefined")
        )
    if np.ptp(known) == 0:
        return estimated(
            value,
            None,
            None,
            n,
            method,
            Reason("no_spread", "all contacts agree alike, which leaves no spread for an interval"),
        )
    low, high = np.percentile(known, [2.5, 97.5])
    return estimated(value, float(low), float(high), n, method)


def _single(ratings: FloatArray, metric: Metric, formula: Formula) -> float | None:
    table = tabulate(ratings)
    if not np.any(table.ratings >= 2):
        return None
    found = float(formula(sums(table, everyone(ratings.shape[0])), table.values, metric)[0])
    return found if math.isfinite(found) else None


def _prevalence(table: Table) -> dict[float, float]:
    total = table.counts.sum()
    return {
        float(value): float(count / total) for value, count in zip(table.values, table.counts.sum(axis=0), strict=True)
    }


def _warning(paired: int, prevalence: dict[float, float]) -> str | None:
    easy = max(prevalence.values(), default=0.0) > EASY
    needed = MIN_CONTACTS_EASY if easy else MIN_CONTACTS
    if paired >= needed:
        return None
    why = f", for more than {EASY:.0%} of the ratings are the same" if easy else ""
    return f"{paired} contacts were rated twice; {needed} are needed{why}"


def _alpha(part: Sums, values: FloatArray, metric: Metric) -> FloatArray:
    return _alpha_of(part.cells, values, metric)


def _alpha_of(cells: FloatArray, values: FloatArray, metric: Metric) -> FloatArray:
    """Alpha of coincidence matrices (B, K, K): 1 - (n-1) Σ o_ck·d_ck / Σ n_c·n_k·d_ck."""
    totals = cells.sum(axis=2)
    apart = _distances(values, metric, totals)
    n = totals.sum(axis=1)
    observed = np.sum(cells * apart, axis=(1, 2))
    expected = np.sum(totals[:, :, None] * totals[:, None, :] * apart, axis=(1, 2))
    return _ratio(expected - (n - 1) * observed, expected)


def _distances(values: FloatArray, metric: Metric, totals: FloatArray) -> FloatArray:
    """Squared distance of two values, shape (B or 1, K, K); ordinal: of their mid-ranks among all ratings."""
    if metric == "nominal":
        return (1 - np.eye(values.size))[None]
    if metric == "interval":
        return ((values[:, None] - values[None, :]) ** 2)[None]
    ranks = np.cumsum(totals, axis=1) - totals / 2
    apart: FloatArray = (ranks[:, :, None] - ranks[:, None, :]) ** 2
    return apart


def _gwet(part: Sums, values: FloatArray, metric: Metric) -> FloatArray:
    """(pa - pe) / (1 - pe) with pe = Σ weights / (K(K-1)) · Σ π(1-π), π the mean share of a value over contacts."""
    k = values.size
    if k < 2:
        return np.ones(part.rated.size)
    span = float(values[-1] - values[0])
    weights = np.eye(k) if metric == "nominal" else 1 - ((values[:, None] - values[None, :]) / span) ** 2
    pi = _ratio(part.shares, part.rated[:, None])
    chance = weights.sum() / (k * (k - 1)) * np.sum(pi * (1 - pi), axis=1)
    agreed = 1 - _ratio(part.unequal if metric == "nominal" else part.squared, part.paired)
    return _ratio(agreed - chance, 1 - chance)


def _raw(part: Sums, values: FloatArray, metric: Metric) -> FloatArray:
    return 1 - _ratio(part.unequal, part.paired)


def _ratio(a: FloatArray, b: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(b > 0, a / b, math.nan))


def _crossed(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The values, and one K x K table with a single 1 for each contact that both rated."""
    keep = ~(np.isnan(a) | np.isnan(b))
    values, codes = np.unique(np.concatenate([a[keep], b[keep]]), return_inverse=True)
    n, k = int(keep.sum()), values.size
    cells = np.zeros((n, k * k))
    cells[np.arange(n), codes[:n] * k + codes[n:]] = 1
    return values, cells.reshape(n, k, k)


def _kappa(cells: FloatArray, values: FloatArray, weights: Weights) -> FloatArray:
    apart = np.abs(values[:, None] - values[None, :])
    apart = {"none": (apart > 0).astype(np.float64), "linear": apart, "quadratic": apart**2}[weights]
    n = cells.sum(axis=(1, 2))
    expected = np.einsum("bc,bk,ck->b", cells.sum(axis=2), cells.sum(axis=1), apart)
    return 1 - _ratio(n * np.sum(cells * apart, axis=(1, 2)), expected)


def _kappa_estimate(ratings: FloatArray, weights: Weights, seed: int) -> Estimate:
    method = "Cohen kappa" if weights == "none" else "Cohen kappa, quadratic weights"
    some = np.flatnonzero(~np.isnan(ratings).all(axis=0))
    if some.size != 2:
        return missing(
            Reason("not_applicable", f"Cohen's kappa compares two raters; there are {some.size}"),
            method,
            ratings.shape[0],
        )
    values, cells = _crossed(ratings[:, some[0]], ratings[:, some[1]])
    n, k = cells.shape[:2]
    flat = cells.reshape(n, -1)
    drawn = np.concatenate([w @ flat for w in resampled(n, _DRAWS, seed)]).reshape(-1, k, k)
    value = float(_kappa(cells.sum(axis=0, keepdims=True), values, weights)[0])
    return percentiles(value, _kappa(drawn, values, weights), n, method)
