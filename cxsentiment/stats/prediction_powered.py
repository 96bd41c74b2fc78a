"""A mean from a few human labels and many machine scores: prediction-powered inference, PPI++ (arXiv 2311.01453).

theta = lam·mean(f') + mean(Y - lam·f): the machine's mean over unlabelled contacts, corrected by its error on labelled
ones. lam = 0 is the plain human mean, lam = 1 plain PPI; the tuned lam has the smallest variance, so a useless machine
is left aside by itself.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, compact, same_shape, tally
from cxsentiment.stats.estimates import (
    MIN_CLUSTERS,
    bare,
    because,
    clipped,
    missing,
    normal_interval,
    t_interval,
    too_few,
)
from cxsentiment.stats.means import clustered_mean, mean_t_interval
from cxsentiment.stats.rates import checked_weights, share_interval

MIN_LABELS = 30
MIN_PER_CLASS = 5


@dataclass(frozen=True, slots=True)
class PoweredMean:
    """A mean with the power `lam` (0-1) the machine got, and how many contacts were labelled and not."""

    estimate: Estimate
    lam: float
    labelled: int
    unlabelled: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What `ppi_mean` takes. Labelled contacts: human value `y`, machine score `f`, both of shape (n,); unlabelled
    ones: machine score `f_unlabelled` (N,). `weights` (n,) are 1 / inclusion probability, `clusters` (n,) and
    `clusters_unlabelled` (N,) the agents, in the same codes. NaN scores and labels leave their contact out.
    """

    y: FloatArray
    f: FloatArray
    f_unlabelled: FloatArray
    weights: FloatArray | None = None
    clusters: IntArray | None = None
    clusters_unlabelled: IntArray | None = None


def ppi_mean(sample: Sample, *, lam: float | None = None, bounds: tuple[float, float] = (0.0, 1.0)) -> PoweredMean:
    """Mean of the human value over all contacts, in its own unit, cut at `bounds`; `lam` fixes the power (0-1).

    lam* = Cov(Y, f) / ((1 + n/N) Var(f)), cut to 0-1. SE² = lam² Var(f')/N + Var(Y - lam f)/n. With weights the means
    and variances are those of the weighted (Hájek) mean, and the machine's mean runs over all contacts. With clusters
    they are between-agent sums, and since an agent's labelled and unlabelled contacts are alike, the two sums of an
    agent are added before they are squared. Fewer than 30 labels, or of a share fewer than 5 of a class, or no
    unlabelled contact: the human labels alone, by Wilson's interval (or Student's t), and the reason says so. Fewer
    than 8 agents: no interval.
    """
    sample = _kept(sample)
    n, unlabelled = sample.y.size, sample.f_unlabelled.size
    method = "PPI++" if lam is None else f"PPI, lam {lam:g}"
    method += "".join(
        [", weighted"] * (sample.weights is not None) + [", clustered by agent"] * (sample.clusters is not None)
    )
    if lam is None and (reason := _too_few(sample)):
        return PoweredMean(because(clipped(_human_only(sample), *bounds), reason), 0.0, n, unlabelled)
    if n < 2:
        return PoweredMean(missing(Reason("too_few", "too few labels"), method, n), 0.0, n, unlabelled)
    human, machine = _influence(sample)
    w = _weights(sample)
    power = _tuned(human, machine, sample, w) if lam is None else lam
    value = float(np.average(sample.y, weights=w))
    value += power * float(sample.f_unlabelled.mean() - np.average(sample.f, weights=w))
    found = _interval(value, human + power * machine, sample, method)
    return PoweredMean(clipped(found, *bounds), power, n, unlabelled)


def ppi_group_means(
    y: FloatArray, f: FloatArray, groups: IntArray, weights: FloatArray | None = None
) -> dict[int, PoweredMean]:
    """`ppi_mean` of each group: `y` is NaN where a contact has no label (no survey answer). Shapes (contacts,).

    `weights` of the labelled contacts, such as response weights; NaN elsewhere is allowed.
    """
    same_shape(y=y, f=f, groups=groups)
    found = {}
    scale = (float(np.nanmin(y)), float(np.nanmax(y))) if np.any(~np.isnan(y)) else (0.0, 1.0)
    for group in np.unique(groups[groups >= 0]).tolist():
        mine = groups == group
        has = mine & ~np.isnan(y)
        own = None if weights is None else weights[has]
        found[group] = ppi_mean(Sample(y[has], f[has], f[mine & np.isnan(y)], own), bounds=scale)
    return found


def _kept(sample: Sample) -> Sample:
    same_shape(y=sample.y, f=sample.f)
    if (sample.clusters is None) != (sample.clusters_unlabelled is None):
        raise ValueError("clusters are needed of labelled and unlabelled contacts, or of neither")
    if sample.weights is not None:
        same_shape(y=sample.y, weights=sample.weights)
        checked_weights(sample.weights)
    keep, rest = ~(np.isnan(sample.y) | np.isnan(sample.f)), ~np.isnan(sample.f_unlabelled)
    y, f, unlabelled = sample.y[keep], sample.f[keep], sample.f_unlabelled[rest]
    weights = None if sample.weights is None else sample.weights[keep]
    clusters = None if sample.clusters is None else sample.clusters[keep]
    others = None if sample.clusters_unlabelled is None else sample.clusters_unlabelled[rest]
    if weights is not None and unlabelled.size:
        # What a targeted sample left over is no picture of the campaign; all its contacts together are.
        unlabelled = np.concatenate([unlabelled, f])
        others = None if others is None or clusters is None else np.concatenate([others, clusters])
    return Sample(y, f, unlabelled, weights, clusters, others)


def _weights(sample: Sample) -> FloatArray:
    w = np.ones(sample.y.size) if sample.weights is None else sample.weights
    return np.asarray(w / w.sum())


def _binary(values: FloatArray) -> bool:
    return bool(np.all((values == 0) | (values == 1)))


def _too_few(sample: Sample) -> Reason | None:
    n = sample.y.size
    if sample.f_unlabelled.size == 0:
        return Reason("not_scored", "no unlabelled contact has a machine score: the human labels alone")
    if n < MIN_LABELS:
        return Reason(
            "too_few", f"{n} labels are too few to use the machine ({MIN_LABELS} are needed): the human labels alone"
        )
    if _binary(sample.y):
        least = int(min(sample.y.sum(), n - sample.y.sum()))
        if least < MIN_PER_CLASS:
            return Reason(
                "one_class", f"only {least} labels of one class ({MIN_PER_CLASS} are needed): the human labels alone"
            )
    return None


def _human_only(sample: Sample) -> Estimate:
    if sample.y.size == 0:
        return missing(Reason("no_labels", "no human labels"), "human labels only")
    if _binary(sample.y):
        found = share_interval(sample.y, sample.weights, sample.clusters)
    elif sample.weights is None and sample.clusters is not None:
        found = clustered_mean(sample.y, sample.clusters)
    elif sample.weights is None:
        found = mean_t_interval(sample.y)
    else:
        found = _weighted_mean(sample)
    return replace(found, method=f"human labels only: {found.method}")


def _weighted_mean(sample: Sample) -> Estimate:
    """The weighted mean of people's values, which are not 0 and 1 only; without clusters with Kish's effective n."""
    w, n = _weights(sample), sample.y.size
    mean = float(w @ sample.y)
    parts, method = w * (sample.y - mean), "mean, t interval, weighted"
    if sample.clusters is None:
        return t_interval(mean, math.sqrt(float(parts @ parts)), n, method, df=max(1.0, 1 / float(w @ w) - 1))
    method += ", clustered by agent"
    of, names = compact(sample.clusters)
    count = names.size
    if count < MIN_CLUSTERS:
        return bare(mean, n, method, too_few(count))
    sums = tally(of, count, parts)
    return t_interval(mean, math.sqrt(float(sums @ sums) * count / (count - 1)), n, method, df=count - 1)


def _influence(sample: Sample) -> tuple[FloatArray, FloatArray]:
    """What each unit (contact, or agent) adds to the error of mean(Y), and of mean(f') - mean(f).

    Without clusters the labelled units come first, the unlabelled after them.
    """
    w = _weights(sample)
    n, unlabelled = sample.y.size, sample.f_unlabelled.size
    y = w * (sample.y - w @ sample.y)
    f = w * (sample.f - w @ sample.f)
    rest = (sample.f_unlabelled - sample.f_unlabelled.mean()) / unlabelled
    if sample.clusters is None or sample.clusters_unlabelled is None:
        return np.concatenate([y, np.zeros(unlabelled)]), np.concatenate([-f, rest])
    of, names = compact(np.concatenate([sample.clusters, sample.clusters_unlabelled]))
    human = tally(of[:n], names.size, y)
    machine = tally(of[n:], names.size, rest)
    return human, machine - tally(of[:n], names.size, f)


def _tuned(human: FloatArray, machine: FloatArray, sample: Sample, w: FloatArray) -> float:
    spread = float(machine @ machine)
    if sample.clusters is None:
        # Both samples estimate Var(f); the pooled one is steadier than that of the few labels.
        everything = np.concatenate([sample.f, sample.f_unlabelled])
        spread = float(everything.var()) * (float(w @ w) + 1 / sample.f_unlabelled.size)
    if spread <= 0:
        return 0.0
    return min(1.0, max(0.0, -float(human @ machine) / spread))


def _interval(value: float, influence: FloatArray, sample: Sample, method: str) -> Estimate:
    n = sample.y.size
    if sample.clusters is None:
        variance = float(influence[:n] @ influence[:n]) + float(influence[n:] @ influence[n:])
        return normal_interval(value, math.sqrt(variance), n, method)
    count = influence.size
    if count < MIN_CLUSTERS:
        return bare(value, n, method, too_few(count))
    error = math.sqrt(float(influence @ influence) * count / (count - 1))
    return t_interval(value, error, n, method, df=count - 1)
