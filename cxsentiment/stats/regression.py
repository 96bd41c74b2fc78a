"""Least squares whose errors allow for contacts of one agent being alike: a delete-one-agent jackknife from sums.

The sums of products of each agent are formed once; leaving an agent out subtracts its sums. The error is that of CR3
(Bell & McCaffrey 2002), which holds up with few and unequal clusters.
"""

from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, compact, same_shape, tally
from cxsentiment.stats.estimates import MIN_CLUSTERS, missing
from cxsentiment.stats.jackknife import plain_jackknife

_FLAT = 1e-10  # share of a column's variance below which what is left of it is rounding


@dataclass(frozen=True, slots=True)
class Coefficients:
    """Slopes in units of y per unit of x, their two-sided p, their covariance (k, k; of fewer than 8 clusters as if
    contacts were independent), and the slopes `without` each cluster, shape (C, k). A slope that the data do not
    determine is null with a reason and NaN in no array (0 there).
    """

    slopes: tuple[Estimate, ...]
    p: tuple[float | None, ...]
    covariance: FloatArray
    without: FloatArray
    clusters: int
    n: int


@dataclass(frozen=True, slots=True)
class Products:
    """Sums by cluster: sizes (C,), sums (C, k+1) and sums of products (C, k+1, k+1) of the columns of x and, last, y,
    each column less its overall mean (`centre`).
    """

    sizes: FloatArray
    sums: FloatArray
    products: FloatArray
    centre: FloatArray
    names: IntArray

    def within(self) -> FloatArray:
        """Sums of products about the clusters' own means, shape (C, k+1, k+1)."""
        outer = np.einsum("ck,cl->ckl", self.sums, self.sums) / self.sizes[:, None, None]
        return np.asarray(self.products - outer)

    def between(self) -> FloatArray:
        """Sums of products of the clusters' means, weighted by size, shape (C, k+1, k+1)."""
        outer: FloatArray = np.einsum("ck,cl->ckl", self.sums, self.sums) / self.sizes[:, None, None]
        return outer


def products(y: FloatArray, x: FloatArray, clusters: IntArray) -> Products:
    """Sums of the contacts with every value and a cluster; `y` (n,), `x` (n, k), `clusters` (n,) codes, -1 unknown."""
    same_shape(y=y, x=x, clusters=clusters)
    table = np.concatenate([x, y[:, None]], axis=1)
    keep = ~np.isnan(table).any(axis=1) & (clusters >= 0)
    table = table[keep]
    centre = table.mean(axis=0) if table.size else np.zeros(table.shape[1])
    table = table - centre
    of, names = compact(clusters[keep])
    count, k = names.size, table.shape[1]
    sums = np.stack([tally(of, count, column) for column in table.T], axis=1)
    moments = np.zeros((count, k, k))
    for i in range(k):
        for j in range(i + 1):
            moments[:, i, j] = moments[:, j, i] = tally(of, count, table[:, i] * table[:, j])
    return Products(tally(of, count), sums, moments, centre, names)


def clustered_regression(y: FloatArray, x: FloatArray, clusters: IntArray, *, within: bool = False) -> Coefficients:
    """Slopes of `y` (n,) on the columns of `x` (n, k), an intercept (or, with `within`, one per cluster) added.

    `within` uses only how contacts of the same agent differ (agent fixed effects). Contacts with a NaN or without a
    cluster (-1) are left out. Fewer than 8 clusters: slopes without intervals.
    """
    found = products(y, x, clusters)
    method = "least squares within agents" if within else "least squares"
    method += ", delete-one-agent jackknife"
    if within:
        moments = found.within()
        return _jackknifed(moments.sum(axis=0), moments.sum(axis=0) - moments, moments.sum(axis=0), found, method)
    total = found.products.sum(axis=0)
    sums, n = found.sums.sum(axis=0) - found.sums, found.sizes.sum() - found.sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        outer = np.einsum("ck,cl->ckl", sums, sums) / np.maximum(n, 1)[:, None, None]
    return _jackknifed(total, total - found.products - outer, total, found, method)


def solve(moments: FloatArray, scale: FloatArray) -> FloatArray:
    """Slopes from sums of products (..., k+1, k+1), the last column being y; columns scaled by `scale` (k,) first.

    A combination of columns that does not vary gets the slope 0 (pseudo-inverse), so that no solution explodes.
    """
    xx, xy = moments[..., :-1, :-1], moments[..., :-1, -1]
    inverse = np.linalg.pinv(xx / np.outer(scale, scale), rcond=_FLAT, hermitian=True)
    slopes: FloatArray = np.einsum("...kl,...l->...k", inverse, xy / scale) / scale
    return slopes


def column_scale(moments: FloatArray) -> FloatArray:
    """Root of each column's sum of squares, shape (k,); 1 where a column does not vary."""
    squares = np.diag(moments)[:-1]
    return np.where(squares > 0, np.sqrt(np.maximum(squares, 0)), 1.0)


def _jackknifed(
    total: FloatArray, without: FloatArray, varying: FloatArray, found: Products, method: str
) -> Coefficients:
    k, n, count = total.shape[0] - 1, int(found.sizes.sum()), found.names.size
    if n <= k + 1 or count == 0:
        lack = Reason("too_few", f"{n} contacts are too few for {k} slopes")
        nothing = missing(lack if n else Reason("nothing_to_count", "no contact has a value of it"), method, n)
        return Coefficients((nothing,) * k, (None,) * k, np.zeros((k, k)), np.zeros((count, k)), count, n)
    scale = column_scale(varying)
    slopes, left = solve(total, scale), solve(without, scale)
    flat = np.diag(varying)[:-1] <= _FLAT * np.maximum(np.diag(found.products.sum(axis=0))[:-1], 1e-300)
    estimates: list[Estimate] = []
    p_values: list[float | None] = []
    for place in range(k):
        if flat[place]:
            estimates.append(
                missing(
                    Reason("constant", "it does not vary within any agent")
                    if "within" in method
                    else Reason("constant", "it does not vary"),
                    method,
                    n,
                )
            )
            p_values.append(None)
            continue
        estimate, p = plain_jackknife(float(slopes[place]), left[:, place], n, method)
        estimates.append(estimate)
        p_values.append(p)
    spread = left - left.mean(axis=0)
    covariance: FloatArray = (count - 1) / count * spread.T @ spread
    if count < MIN_CLUSTERS:
        covariance = _plain_covariance(total, slopes, scale, n - k - (count if "within" in method else 1))
    return Coefficients(tuple(estimates), tuple(p_values), covariance, left, count, n)


def _plain_covariance(moments: FloatArray, slopes: FloatArray, scale: FloatArray, df: int) -> FloatArray:
    """σ²·(X'X)⁻¹, of independent contacts: too few clusters to leave out, but slopes that have errors all the same."""
    k = slopes.size
    if df < 1:
        return np.zeros((k, k))
    residual = max(0.0, float(moments[-1, -1] - slopes @ moments[:-1, -1]))
    size = np.outer(scale, scale)
    inverse: FloatArray = np.linalg.pinv(moments[:-1, :-1] / size, rcond=_FLAT, hermitian=True) / size
    return residual / df * inverse
