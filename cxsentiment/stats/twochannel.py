"""Agents' true means from two channels: a few human labels and many machine scores, in one hierarchical model.

θ_a ~ N(x_a'g, τ²);  human mean | θ ~ N(θ_a, s_y²/m_a);  machine mean | θ ~ N(α + βθ_a, τ_d² + s_f²/n_a). τ_d is how
far the machine errs by agent (accent, style). Everything read off the model comes from the same 1,000 joint draws of
all θ: 40 draws of the machine's line, 25 of (τ, τ_d, g, θ) for each, the former two from a grid of 24 x 24 with the
REML-type likelihood (the mean profiled out). Priors are flat in τ² (Morris 1983) and in τ_d: with a prior flat in τ,
agents differ too little in the draws, and intervals of a weak item cover .91 instead of .95 (eval/simulations.py).
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray
from cxsentiment.stats.channels import LEAST_SLOPE, Channels
from cxsentiment.stats.estimates import bare, missing
from cxsentiment.stats.rates import wilson_interval

Tier = Literal["above", "below", "cannot be told apart"]
UNDECIDED: Tier = "cannot be told apart"
ABOVE, BELOW = 0.90, 0.10
GRID = 24
LINE_DRAWS, DRAWS_EACH = 40, 25
_METHOD = "two-channel hierarchical model"
_NEGLIGIBLE = 1e-4  # of the largest weight: where the grid may end
_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class AgentPosterior:
    """One agent: the true mean in the value's unit, what it rests on (`labels`, `unlabelled` contacts), P(θ > target),
    the tier, reliability (0-1) and the expected rank (1 is the highest) with its 95 % interval.
    """

    estimate: Estimate
    labels: int
    unlabelled: int
    p_above: float | None
    tier: Tier | None
    reliability: float | None
    rank: Estimate


@dataclass(frozen=True, slots=True)
class TwoChannelFit:
    """All agents in the order of their codes; τ and τ_d (in the value's and the machine's unit), α and β; `draws`
    has shape (1000, agents), NaN for an agent without data; `usable` says whether the machine was good enough.
    """

    agents: tuple[AgentPosterior, ...]
    tau: Estimate
    tau_machine: Estimate
    alpha: Estimate
    beta: Estimate
    usable: bool
    reason: Reason | None
    draws: FloatArray


@dataclass(frozen=True, slots=True)
class _Joined:
    """Both channels of the agents with data, for one line (α, β) and, along the first axis, each τ_d: shape (D, A)."""

    value: FloatArray
    variance: FloatArray
    disagreement: FloatArray  # log density of what the two channels differ by, shape (D,)


def fit_two_channel(
    channels: Channels, *, target: float | None = None, covariates: FloatArray | None = None, seed: int = 0
) -> TwoChannelFit:
    """Posterior of every agent's true mean.

    `target` is in the value's unit; None compares with the mean of all agents, and one agent alone with nobody.
    `covariates`, shape (agents, k), are agent-level x_a (an intercept is added). Without a machine line only the human
    labels speak, and `reason` says so; an agent with neither has a null estimate. Where all labels are the same,
    nothing tells how agents differ: then each agent has the interval of its own labels, and no tier. ValueError for
    covariates that are not finite.
    """
    machine_n = channels.machine_n if channels.line is not None else np.zeros_like(channels.machine_n)
    has = (channels.human_n > 0) | (machine_n > 0)
    usable = channels.line is not None and channels.line.usable
    if not has.any() or not (channels.human_n > 0).any():
        reason = (
            Reason("no_labels", "no human labels, so the machine's scores cannot be calibrated")
            if machine_n.size
            else Reason("nothing_to_count", "no agents")
        )
        return _nothing(channels, reason)
    if not channels.labels_vary:
        return _alike(channels)
    rng = np.random.default_rng(seed)
    lines = _lines(channels, rng)
    model = _Model(channels, has, machine_n, _design(covariates, has))
    tau_grid, machine_grid = model.grids(lines)
    draws = np.full((LINE_DRAWS * DRAWS_EACH, has.size), math.nan)
    taus = np.empty((LINE_DRAWS * DRAWS_EACH, 2))
    for place, line in enumerate(lines):
        rows = slice(place * DRAWS_EACH, (place + 1) * DRAWS_EACH)
        draws[rows, has], taus[rows] = model.sample(line, tau_grid, machine_grid, rng)
    return _summary(channels, machine_n.astype(np.int64), draws, taus, has, target, usable)


def tier(p_above: float) -> Tier:
    """Where P(θ > target) puts an agent: above from .90 on, below up to .10, else it cannot be told apart."""
    if p_above >= ABOVE:
        return "above"
    return "below" if p_above <= BELOW else UNDECIDED


def _lines(channels: Channels, rng: np.random.Generator) -> FloatArray:
    """Draws of (α, β), shape (40, 2); β is at least .05 so that dividing by it stays possible."""
    if channels.line is None:
        return np.tile([0.0, 1.0], (LINE_DRAWS, 1))
    centre = np.array([channels.line.alpha, channels.line.beta])
    draws = rng.multivariate_normal(centre, channels.line.covariance, size=LINE_DRAWS, method="eigh")
    draws[:, 1] = np.maximum(draws[:, 1], LEAST_SLOPE)
    return draws


def _design(covariates: FloatArray | None, has: BoolArray) -> FloatArray:
    intercept = np.ones((int(has.sum()), 1))
    if covariates is None:
        return intercept
    if not np.all(np.isfinite(covariates[has])):
        raise ValueError("a covariate of an agent with data is missing or not finite")
    # Columns that repeat each other are one: only what they span together matters.
    x = covariates[has] - covariates[has].mean(axis=0)
    u, sizes, _ = np.linalg.svd(x / np.maximum(np.abs(x).max(axis=0), 1e-300), full_matrices=False)
    return np.concatenate([intercept, u[:, sizes > 1e-9 * max(float(sizes.max(initial=0)), 1e-300)]], axis=1)


class _Model:
    """The agents with data, and the likelihood of (τ, τ_d) for a given line."""

    def __init__(self, channels: Channels, has: BoolArray, machine_n: FloatArray, design: FloatArray) -> None:
        self._human, self._machine = channels.human_mean[has], channels.machine_mean[has]
        self._human_precision = channels.human_n[has] / channels.human_variance[has]
        n = machine_n[has]
        self._both = (n > 0) & (channels.human_n[has] > 0)
        self._machine_noise = np.where(n > 0, channels.machine_variance[has] / np.maximum(n, 1), math.inf)
        self._design = design
        self._squares = np.einsum("ak,al->akl", design, design).reshape(design.shape[0], -1)

    def join(self, line: FloatArray, machine_grid: FloatArray) -> _Joined:
        alpha, beta = line
        variance_of_machine = (machine_grid[:, None] ** 2 + self._machine_noise) / beta**2
        precision = 1 / variance_of_machine + self._human_precision
        as_human = (self._machine - alpha) / beta
        value = (as_human / variance_of_machine + self._human * self._human_precision) / precision
        apart = (as_human - self._human)[self._both]
        spread = variance_of_machine[:, self._both] + 1 / self._human_precision[self._both]
        return _Joined(value, 1 / precision, -0.5 * np.sum(np.log(spread) + apart**2 / spread, axis=1))

    def log_weights(self, joined: _Joined, tau_grid: FloatArray) -> FloatArray:
        """Log posterior weight of each (τ, τ_d), shape (T, D), the mean structure integrated out."""
        k = self._design.shape[1]
        value = joined.value[:, None, :]
        total = tau_grid[:, None] ** 2 + joined.variance[:, None, :]  # (D, T, agents)
        w = 1 / total
        normal = (w @ self._squares).reshape(*w.shape[:2], k, k)
        weighted = w * value
        moments = weighted @ self._design
        fitted = np.linalg.solve(normal, moments[..., None])[..., 0]
        misfit = np.sum(weighted * value, axis=2) - np.sum(moments * fitted, axis=2)
        likelihood = np.log(total).sum(axis=2) + np.linalg.slogdet(normal)[1] + misfit
        result: FloatArray = (joined.disagreement[:, None] - 0.5 * likelihood).T
        return result + np.log(tau_grid)[:, None]  # flat in τ², on a grid that is even in τ

    def grids(self, lines: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Grids of τ and τ_d that hold all but a negligible part of the weight for the lines drawn."""
        extremes = lines[[0, int(np.argmin(lines[:, 1])), int(np.argmax(lines[:, 1]))]]
        seen = np.isfinite(self._machine_noise)
        spread = float(np.std(self._machine[seen])) if seen.sum() > 1 else 0.0
        start = [self.join(line, np.zeros(1)) for line in extremes]
        widest = max(3 * float(np.std(one.value)) + math.sqrt(float(np.median(one.variance))) for one in start)
        noise = math.sqrt(float(np.median(self._machine_noise[seen]))) if seen.any() else 0.0
        ranges = [(0.0, widest), (0.0, max(2 * spread, noise, 1e-6 * widest))]
        for _ in range(3):
            tau_grid, machine_grid = (_middles(*ends) for ends in ranges)
            found = [self.log_weights(self.join(line, machine_grid), tau_grid) for line in extremes]
            weights = [np.exp(one - one.max()) for one in found]
            ranges = [
                _support(ends, np.max([w.sum(axis=axis) / w.sum(axis=axis).max() for w in weights], axis=0))
                for ends, axis in zip(ranges, (1, 0), strict=True)
            ]
        return _middles(*ranges[0]), _middles(*ranges[1])

    def sample(
        self, line: FloatArray, tau_grid: FloatArray, machine_grid: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Draws of θ, shape (25, A), and of (τ, τ_d), shape (25, 2)."""
        joined = self.join(line, machine_grid)
        log_weights = self.log_weights(joined, tau_grid).ravel()
        weights = np.exp(log_weights - log_weights.max())
        cells = rng.choice(weights.size, size=DRAWS_EACH, p=weights / weights.sum())
        tau, column = tau_grid[cells // machine_grid.size], cells % machine_grid.size
        value, variance = joined.value[column], joined.variance[column]
        k = self._design.shape[1]
        w = 1 / (tau[:, None] ** 2 + variance)
        covariance = np.linalg.inv((w @ self._squares).reshape(-1, k, k))
        mean = np.einsum("skl,sl->sk", covariance, (w * value) @ self._design)
        root = np.linalg.cholesky(covariance)
        g = mean + np.einsum("skl,sl->sk", root, rng.standard_normal((DRAWS_EACH, k)))
        shrink = tau[:, None] ** 2 * w
        centre = shrink * value + (1 - shrink) * (g @ self._design.T)
        theta = centre + np.sqrt(shrink * variance) * rng.standard_normal(value.shape)
        return theta, np.stack([tau, machine_grid[column]], axis=1)


def _middles(low: float, high: float) -> FloatArray:
    return low + (np.arange(GRID) + 0.5) * (high - low) / GRID


def _support(ends: tuple[float, float], weight: FloatArray) -> tuple[float, float]:
    """The part of a range where the weight is not negligible, one cell wider at either end."""
    low, high = ends
    step = (high - low) / GRID
    heavy = np.flatnonzero(weight > _NEGLIGIBLE)
    return max(0.0, low + (heavy[0] - 1) * step), low + (heavy[-1] + 2) * step


def _summary(
    channels: Channels,
    machine_n: IntArray,
    draws: FloatArray,
    taus: FloatArray,
    has: BoolArray,
    target: float | None,
    usable: bool,
) -> TwoChannelFit:
    known = draws[:, has]
    against = known.mean(axis=1, keepdims=True) if target is None else target
    low, high = channels.scale
    means = np.clip(known.mean(axis=0), low, high)
    bounds = np.clip(np.percentile(known, _PERCENTILES, axis=0), low, high)
    p_above = np.mean(known > against, axis=0)
    # One agent alone is the mean of all agents: it lies neither above nor below itself.
    placed = target is not None or known.shape[1] > 1
    reliability = np.clip(1 - known.var(axis=0) / np.mean(taus[:, 0] ** 2), 0.0, 1.0)
    ranks = known.shape[1] - np.argsort(np.argsort(known, axis=1), axis=1)
    rank_means, rank_bounds = ranks.mean(axis=0), np.percentile(ranks, _PERCENTILES, axis=0)
    method = _METHOD if channels.line is not None else "hierarchical model of the human labels alone"
    agents, place = [], 0
    for code in range(has.size):
        labels, unlabelled = int(channels.labels[code]), int(machine_n[code])
        if not has[code]:
            nothing = missing(
                Reason("no_labels", "this agent has neither a human label nor a calibrated machine score"), method
            )
            agents.append(AgentPosterior(nothing, labels, unlabelled, None, None, None, nothing))
            continue
        n = labels + unlabelled
        estimate = Estimate(float(means[place]), float(bounds[0, place]), float(bounds[1, place]), n, method)
        rank = Estimate(
            float(rank_means[place]), float(rank_bounds[0, place]), float(rank_bounds[1, place]), n, "posterior rank"
        )
        p = float(p_above[place]) if placed else None
        standing = None if p is None else tier(p)
        agents.append(AgentPosterior(estimate, labels, unlabelled, p, standing, float(reliability[place]), rank))
        place += 1
    agents_n = int(has.sum())
    return TwoChannelFit(
        tuple(agents),
        _posterior(taus[:, 0], agents_n),
        missing(channels.reason, _METHOD) if channels.reason is not None else _posterior(taus[:, 1], agents_n),
        *_line_estimates(channels),
        usable,
        _warning(channels, usable),
        draws,
    )


def _warning(channels: Channels, usable: bool) -> Reason | None:
    if channels.line is None:
        assert channels.reason is not None
        return channels.reason.reworded(f"{channels.reason}: the human labels alone")
    if not usable:
        return Reason(
            "weak_machine",
            f"machine not usable for this value: its score moves by {channels.line.beta:.2f} where people's moves by 1",
        )
    return None


def _line_estimates(channels: Channels) -> tuple[Estimate, Estimate]:
    line = channels.line
    if line is None:
        assert channels.reason is not None
        return missing(channels.reason, "machine on human, least squares"), missing(channels.reason, "machine on human")
    error = np.sqrt(np.maximum(np.diag(line.covariance), 0.0))
    method = "machine on human, least squares, clustered by agent"
    alpha, beta = (
        Estimate(value, value - 1.96 * float(e), value + 1.96 * float(e), line.n, method)
        for value, e in zip((line.alpha, line.beta), error, strict=True)
    )
    return alpha, beta


def _posterior(draws: FloatArray, n: int) -> Estimate:
    low, high = np.percentile(draws, _PERCENTILES)
    return Estimate(float(draws.mean()), float(low), float(high), n, "posterior mean and percentiles; n counts agents")


def _alike(channels: Channels) -> TwoChannelFit:
    """Labels that are all the same: each agent's own, unpooled; a normal model would take no spread for certainty."""
    reason = Reason(
        "one_class", "all human labels are the same: each agent's own labels alone, not pooled, and no comparison"
    )
    method = "human labels of this agent alone"
    fit = _nothing(channels, reason)
    agents = []
    for agent, mean in zip(fit.agents, channels.human_mean.tolist(), strict=True):
        if agent.labels == 0:
            own = missing(Reason("no_labels", "this agent has no human label"), method)
        elif channels.binary:
            found = wilson_interval(agent.labels if mean > 0.5 else 0, agent.labels)
            own = replace(found, method=f"{method}: {found.method}", reason=reason)
        else:
            own = bare(mean, agent.labels, method, reason)
        agents.append(replace(agent, estimate=own, unlabelled=0))
    return replace(fit, agents=tuple(agents))


def _nothing(channels: Channels, reason: Reason) -> TwoChannelFit:
    lone = missing(reason, _METHOD)
    agents = tuple(
        AgentPosterior(lone, int(labels), int(n), None, None, None, lone)
        for labels, n in zip(channels.labels, channels.machine_n, strict=True)
    )
    draws = np.full((LINE_DRAWS * DRAWS_EACH, len(agents)), math.nan)
    return TwoChannelFit(agents, lone, lone, lone, lone, False, reason, draws)
