"""How strict each grader is: an additive grader effect, drawn towards 0 as far as chance explains it.

value = contact + severity of the grader + error. Graders are taken as drawn from a population of graders with mean 0.
"""

import math
from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, group_sums, same_shape, tally
from cxsentiment.stats.estimates import missing, normal_interval
from cxsentiment.stats.reliability import variance_components


@dataclass(frozen=True, slots=True)
class Severity:
    """Severity of the graders `names` (codes), in the unit of the value: below 0 is stricter than the average grader.

    `spread` is the standard deviation of graders beyond chance. `reason` says where graders cannot be compared.
    """

    names: IntArray
    graders: tuple[Estimate, ...]
    spread: float | None
    reason: Reason | None


def grader_severity(
    values: FloatArray, contacts: IntArray, graders: IntArray, *, assigned_at_random: bool = False
) -> Severity:
    """Severity of each grader with a 95 % interval; shapes (n,), one row a rating, NaN left out.

    Default: from contacts that two or more graders rated, each contact having its own level (least squares), so that
    nobody is called strict for having been given bad contacts. `assigned_at_random` instead compares the graders' means
    over all contacts, which is right only if chance alone decided who grades what. Both are then shrunk: severity ~
    N(0, spread²), the spread by the method of moments (Morris 1983). ValueError for a contact graded twice by one.
    """
    same_shape(values=values, contacts=contacts, graders=graders)
    keep = ~np.isnan(values)
    y, contacts, graders = values[keep], contacts[keep], graders[keep]
    pairs = contacts.astype(np.int64) * (int(graders.max(initial=0)) + 1) + graders
    if np.unique(pairs).size < pairs.size:
        raise ValueError("a grader has graded the same contact twice")
    if assigned_at_random:
        return _from_means(y, graders)
    _, of, sizes = np.unique(contacts, return_inverse=True, return_counts=True)
    several = sizes[of] >= 2
    return _from_shared(y[several], of[several], graders[several])


def _from_means(y: FloatArray, graders: IntArray) -> Severity:
    method = "grader mean - mean of graders, shrunk; contacts assigned at random"
    names, of = np.unique(graders, return_inverse=True)
    found = variance_components(y, graders)
    if found is None:
        return _nothing(names, Reason("too_few", "two graders, one of them with two ratings, are needed"), method)
    n, total = group_sums(of, names.size, y).T
    means = total / n
    variance = found.within / n
    weight = 1 / (found.between + variance) if found.between + float(variance.max()) > 0 else n
    centre = float(np.average(means, weights=weight))
    return _shrunk(names, means - centre, variance, math.sqrt(found.between), n, method)


def _from_shared(y: FloatArray, contacts: IntArray, graders: IntArray) -> Severity:
    method = "grader effect beside contact effects, shrunk; contacts rated by several"
    names, of = np.unique(graders, return_inverse=True)
    if names.size < 2:
        return _nothing(names, Reason("not_comparable", "no contact was rated by two graders"), method)
    _, unit = np.unique(contacts, return_inverse=True)
    size, total = group_sums(unit, int(unit.max()) + 1, y).T
    incidence = np.zeros((size.size, names.size))
    incidence[unit, of] = 1
    # Normal equations of the graders after the contacts' levels are taken out: a graph Laplacian.
    laplacian = np.diag(incidence.sum(axis=0)) - incidence.T @ (incidence / size[:, None])
    right = tally(of, names.size, y - (total / size)[unit])
    if int(np.linalg.matrix_rank(laplacian)) < names.size - 1:
        return _nothing(
            names,
            Reason("not_comparable", "some graders share no contact with the others, even through third graders"),
            method,
        )
    # The pseudo-inverse, whose null space is known: a constant. Finding it by size fails where rounding leaves 1e-14.
    constant = np.full_like(laplacian, 1 / names.size)
    scale = float(np.trace(laplacian)) / names.size
    inverse = np.linalg.inv(laplacian + scale * constant) - constant / scale
    effects = inverse @ right
    df = y.size - size.size - (names.size - 1)
    if df < 1:
        return _nothing(
            names, Reason("too_few", "too few contacts rated by several graders to tell severity from chance"), method
        )
    residual = y - (total / size)[unit] - (effects[of] - (incidence @ effects / size)[unit])
    error = float(residual @ residual) / df
    variance = error * np.diag(inverse)
    spread = max(0.0, (float(effects @ effects) - float(variance.sum())) / (names.size - 1))
    return _shrunk(names, effects, variance, math.sqrt(spread), incidence.sum(axis=0), method)


def _shrunk(
    names: IntArray, effects: FloatArray, variance: FloatArray, spread: float, n: FloatArray, method: str
) -> Severity:
    kept = []
    for effect, own, size in zip(effects.tolist(), variance.tolist(), n.tolist(), strict=True):
        shrink = spread**2 / (spread**2 + own) if spread > 0 else 0.0
        # Where the spread is estimated as 0 the error of the effect itself is shown, not an interval of width 0.
        error = math.sqrt(shrink * own) if shrink > 0 else math.sqrt(own)
        kept.append(normal_interval(shrink * effect, error, int(size), method))
    return Severity(names, tuple(kept), spread, None)


def _nothing(names: IntArray, reason: Reason, method: str) -> Severity:
    return Severity(names, tuple(missing(reason, method) for _ in names), None, reason)
