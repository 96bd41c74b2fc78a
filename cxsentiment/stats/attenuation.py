"""What a machine's errors take from a correlation: rho(f, csat) = phi(f, y) · rho(y, csat).

It holds for a 0/1 item whose errors do not depend on the answer. Where the machine and the answer share cues in the
text they do, and nothing here may be used. The corrected figure stands beside the headline, never in its place.
"""

import math

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, compact, group_sums, same_shape
from cxsentiment.stats.correlation import clustered_spearman
from cxsentiment.stats.estimates import MIN_CLUSTERS, NOT_DETERMINED, missing, t_quantile
from cxsentiment.stats.jackknife import jackknife_error, known_pairs

LEAST_PHI = 0.2
MIN_OVERLAP = 200  # contacts with a label and an answer, below which the correction is noise
_DRAWS = 2_000


def phi(f: FloatArray, y: FloatArray) -> float | None:
    """Correlation (-1 to 1) of machine `f` and human `y` on labelled contacts, (n,); None if either is constant."""
    same_shape(f=f, y=y)
    keep = ~(np.isnan(f) | np.isnan(y))
    f, y = f[keep], y[keep]
    if f.size < 2 or np.ptp(f) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(f, y)[0, 1])


def attenuated(rho: float, phi: float) -> float:
    """What is left of the correlation `rho` of the human value when the machine's agrees with it by `phi`."""
    return rho * phi


def disattenuated(
    f: FloatArray,
    answers: FloatArray,
    agents: IntArray,
    f_labelled: FloatArray,
    y_labelled: FloatArray,
    agents_labelled: IntArray,
    *,
    seed: int = 0,
) -> Estimate:
    """rho(f, answers) / phi(f, y) with a percentile bootstrap over agents (2,000 draws, both parts drawn together).

    `f`, `answers`, `agents` are of the surveyed contacts, shape (n,); the others of the labelled ones, shape (m,), the
    agents in the same codes. `answers` may be ranks, which gives Spearman's correlation of a 0/1 item. Null where phi
    may be below .2, for then the division only multiplies noise.
    """
    method = "disattenuated by phi, bootstrap by agent"
    surveyed = known_pairs(f, answers, agents)
    labelled = known_pairs(f_labelled, y_labelled, agents_labelled)
    n = surveyed.x.size
    if surveyed.nameless or labelled.nameless or n == 0 or labelled.x.size == 0:
        return missing(Reason("not_named", "no surveyed, or no labelled, contact names its agent"), method, n)
    _, names = compact(np.concatenate([surveyed.names, labelled.names]))
    if min(surveyed.names.size, labelled.names.size) < MIN_CLUSTERS:
        return missing(
            Reason("too_few", f"too few agents: {MIN_CLUSTERS} with answers and {MIN_CLUSTERS} with labels are needed"),
            method,
            n,
        )
    parts = []
    for pairs in (surveyed, labelled):
        of = np.searchsorted(names, pairs.names)[pairs.of]
        x, y = pairs.x - pairs.x.mean(), pairs.y - pairs.y.mean()
        parts.append(group_sums(of, names.size, x, y, x * x, y * y, x * y))
    draws = np.random.default_rng(seed).multinomial(names.size, np.full(names.size, 1 / names.size), size=_DRAWS)
    whole = np.ones((1, names.size))
    rho, own = (float(_pearson(whole @ part)[0]) for part in parts)
    rhos, owns = (_pearson(draws @ part) for part in parts)
    owns = owns[~np.isnan(owns)]
    if math.isnan(rho) or math.isnan(own) or owns.size < _DRAWS / 2 or np.percentile(owns, 2.5) < LEAST_PHI:
        return missing(
            Reason(
                "weak_machine",
                f"machine and people agree too little (phi {own:.2f}; its interval must stay above {LEAST_PHI})",
            ),
            method,
            n,
        )
    ratios = rhos / _pearson(draws @ parts[1])
    low, high = np.percentile(ratios[np.isfinite(ratios)], [2.5, 97.5])
    value = rho / own
    reason = (
        None
        if abs(value) <= 1
        else Reason("remark", "beyond 1: the errors are not independent of the answer, or chance")
    )
    return Estimate(max(-1.0, min(1.0, value)), max(-1.0, float(low)), min(1.0, float(high)), n, method, reason)


def powered_correlation(
    human: FloatArray, machine: FloatArray, answers: FloatArray, agents: IntArray
) -> tuple[Estimate, float]:
    """Spearman's correlation of the *human* value with the answer, the machine lending its many contacts; and lam.

    Shapes (n,): `human` is NaN without a label, `answers` without an answer. On Fisher's z: that of labels and
    answers, plus lam (0-1) times the machine's on unlabelled less its own on labelled contacts, with the lam of the
    smallest jackknife variance (PPI++ for a statistic) and a delete-one-agent jackknife of the whole. It corrects the
    machine's errors of any kind, differential ones too. Null below 200 contacts with label and answer.
    """
    method = "Spearman, prediction-powered, delete-one-agent jackknife"
    labelled = ~np.isnan(human)
    overlap = int(np.sum(labelled & ~np.isnan(machine) & ~np.isnan(answers)))
    if overlap < MIN_OVERLAP:
        return missing(
            Reason("too_few", f"{overlap} contacts have a label and an answer ({MIN_OVERLAP} needed)"), method, overlap
        ), 0.0
    seen = labelled & ~np.isnan(machine)
    parts = (
        clustered_spearman(human[seen], answers[seen], agents[seen]),
        clustered_spearman(machine[seen], answers[seen], agents[seen]),
        clustered_spearman(machine[~labelled], answers[~labelled], agents[~labelled]),
    )
    for part in parts:
        if part.z is None:
            return missing(part.estimate.reason or NOT_DETERMINED, method, overlap), 0.0
    names = sorted(set().union(*(part.z_without for part in parts)))
    people, own, rest = (np.array([part.z_without.get(name, part.z) for name in names]) for part in parts)
    apart = own - rest - np.mean(own - rest)
    lam = min(1.0, max(0.0, float((people - people.mean()) @ apart / (apart @ apart)))) if apart @ apart > 0 else 0.0
    z = (parts[0].z or 0.0) - lam * ((parts[1].z or 0.0) - (parts[2].z or 0.0))
    half = t_quantile(0.975, len(names) - 1) * jackknife_error(people - lam * (own - rest))
    return Estimate(math.tanh(z), math.tanh(z - half), math.tanh(z + half), overlap, method), lam


def _pearson(sums: FloatArray) -> FloatArray:
    n, x, y, xx, yy, xy = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = (xx - x * x / n) * (yy - y * y / n)
        r: FloatArray = (xy - x * y / n) / np.sqrt(np.where(spread > 0, spread, math.nan))
    return r
