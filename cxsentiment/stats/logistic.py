"""Logistic regressions by maximum likelihood: binary (who answers) and cumulative (which of the ordered answers)."""

from dataclasses import dataclass

import numpy as np

from cxsentiment.stats.arrays import FloatArray, IntArray, same_shape

_RIDGE = 1e-3  # standardised slopes are held this much, which keeps them finite where the classes separate


@dataclass(frozen=True, slots=True)
class Standardised:
    """Columns less `centre`, over `scale`, both (k,); a column that does not vary becomes 0."""

    centre: FloatArray
    scale: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        """`x` (n, k) in standard deviations."""
        scaled: FloatArray = (x - self.centre) / self.scale
        return scaled


@dataclass(frozen=True, slots=True)
class Logit:
    """P(1) = 1 / (1 + exp(-(intercept + slopes · standardised x)))."""

    intercept: float
    slopes: FloatArray
    standard: Standardised

    def probabilities(self, x: FloatArray) -> FloatArray:
        """P(1) for the rows of `x` (n, k), shape (n,)."""
        from scipy.special import expit

        return np.asarray(expit(self.intercept + self.standard(x) @ self.slopes))


@dataclass(frozen=True, slots=True)
class OrdinalLogit:
    """P(y <= j) = expit(threshold_j - slopes · standardised x), j = 0..K-2 (McCullagh 1980)."""

    thresholds: FloatArray
    slopes: FloatArray
    standard: Standardised

    def probabilities(self, x: FloatArray) -> FloatArray:
        """Probability of each of the K answers for the rows of `x` (n, k), shape (n, K), rows adding up to 1."""
        return _cells(self.thresholds, self.standard(x) @ self.slopes)


def standardise(x: FloatArray) -> Standardised:
    """Means and standard deviations of the columns of `x` (n, k). ValueError where a value is missing."""
    if not np.all(np.isfinite(x)):
        raise ValueError("a covariate is missing or not finite: leave the contact out, or add a column that says so")
    scale = x.std(axis=0)
    return Standardised(x.mean(axis=0), np.where(scale > 1e-12, scale, 1.0))


def fit_logit(x: FloatArray, y: FloatArray) -> Logit:
    """Binary logit of `y` (n,) in {0, 1} on `x` (n, k), by Newton steps, slopes with a slight ridge.

    ValueError where a value is missing or all of `y` are the same.
    """
    from scipy.special import expit

    same_shape(x=x, y=y)
    if np.all(y == y[:1]):
        raise ValueError("all contacts have the same outcome, so nothing tells them apart")
    standard = standardise(x)
    design = np.concatenate([np.ones((y.size, 1)), standard(x)], axis=1)
    ridge = np.diag([0.0] + [_RIDGE * y.size / 100] * x.shape[1])
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(y.mean() / (1 - y.mean()))

    def loss(beta: FloatArray) -> float:
        score = design @ beta
        return float(np.sum(np.logaddexp(0.0, score)) - y @ score + 0.5 * beta @ ridge @ beta)

    reached = loss(beta)
    for _ in range(100):
        p = expit(design @ beta)
        gradient = design.T @ (y - p) - ridge @ beta
        step = np.linalg.solve(
            (design * (p * (1 - p))[:, None]).T @ design + ridge + 1e-12 * np.eye(beta.size), gradient
        )
        # Full steps overshoot where probabilities are near 0 or 1, and then never come back: halve until it is better.
        size = min(1.0, 5 / max(float(np.abs(step).max()), 1e-12))
        while (found := loss(beta + size * step)) > reached + 1e-12 * abs(reached) and size > 1e-6:
            size /= 2
        beta, reached = beta + size * step, found
        if float(np.abs(size * step).max()) < 1e-9:
            break
    return Logit(float(beta[0]), beta[1:], standard)


def fit_ordinal(x: FloatArray, y: IntArray, levels: int) -> OrdinalLogit:
    """Proportional-odds logit of answers `y` (n,), codes 0..levels-1, on `x` (n, k), slopes with a slight ridge.

    An answer that nobody gave gets half a contact, so that its probability is small and not 0. ValueError where fewer
    than two answers occur, a code is out of range, or a value is missing.
    """
    from scipy.optimize import minimize

    same_shape(x=x, y=y)
    if y.size == 0 or not 0 <= y.min() <= y.max() < levels or y.min() == y.max():
        raise ValueError(f"answers must be codes 0-{levels - 1}, at least two of them different")
    standard = standardise(x)
    z = standard(x)
    counts = np.bincount(y, minlength=levels) + 0.5 * (np.bincount(y, minlength=levels) == 0)
    shares = np.cumsum(counts)[:-1] / counts.sum()
    start = np.log(shares / (1 - shares))
    # The first threshold and the logs of the gaps keep the thresholds in order without a constraint.
    free = np.concatenate([start[:1], np.log(np.diff(start)), np.zeros(z.shape[1])])
    unseen = np.bincount(y, minlength=levels) == 0

    def loss(free: FloatArray) -> tuple[float, FloatArray]:
        gaps = np.exp(free[1 : levels - 1])
        thresholds = free[0] + np.concatenate([[0.0], np.cumsum(gaps)])
        slopes = free[levels - 1 :]
        value, by_threshold, by_slope = _ordinal_loss(thresholds, slopes, z, y, unseen)
        tail = np.cumsum(by_threshold[::-1])[::-1]
        gradient = np.concatenate([tail[:1], tail[1:] * gaps, by_slope])
        return value, gradient

    found = minimize(loss, free, jac=True, method="L-BFGS-B", options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8})
    thresholds = found.x[0] + np.concatenate([[0.0], np.cumsum(np.exp(found.x[1 : levels - 1]))])
    return OrdinalLogit(thresholds, found.x[levels - 1 :], standard)


def _ordinal_loss(
    thresholds: FloatArray, slopes: FloatArray, z: FloatArray, y: IntArray, unseen: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Mean negative log likelihood with the ridge, and its gradient by threshold (K-1,) and by slope (k,)."""
    from scipy.special import expit

    n, levels = y.size, thresholds.size + 1
    score = z @ slopes
    low = np.where(y > 0, expit(thresholds[np.maximum(y - 1, 0)] - score), 0.0)
    high = np.where(y < levels - 1, expit(thresholds[np.minimum(y, levels - 2)] - score), 1.0)
    p = np.maximum(high - low, 1e-300)
    d_high, d_low = high * (1 - high) / p, low * (1 - low) / p
    by_threshold = np.bincount(
        np.minimum(y, levels - 2), weights=np.where(y < levels - 1, d_high, 0), minlength=levels - 1
    )
    by_threshold -= np.bincount(np.maximum(y - 1, 0), weights=np.where(y > 0, d_low, 0), minlength=levels - 1)
    by_slope = -(d_high - d_low) @ z
    value = -float(np.log(p).sum())
    if unseen.any():
        cells = _cells(thresholds, np.zeros(1))[0]
        value -= 0.5 * float(np.log(np.maximum(cells[unseen], 1e-300)).sum())
        edge = expit(thresholds) * (1 - expit(thresholds))
        pull = np.where(unseen, 0.5 / np.maximum(cells, 1e-300), 0.0)
        by_threshold += edge * (pull[:-1] - pull[1:])
    value += 0.5 * _RIDGE * n / 100 * float(slopes @ slopes)
    by_slope -= _RIDGE * n / 100 * slopes
    return value / n, -by_threshold / n, -by_slope / n


def _cells(thresholds: FloatArray, score: FloatArray) -> FloatArray:
    from scipy.special import expit

    below = expit(thresholds[None, :] - score[:, None])
    ends = np.zeros((score.size, 1))
    cells: FloatArray = np.diff(np.concatenate([ends, below, ends + 1], axis=1), axis=1)
    return np.maximum(cells, 0.0)
