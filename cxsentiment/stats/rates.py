"""Shares from counts: Wilson, the rule of three, Rogan-Gladen, and the accuracy of critical errors."""

import math
from dataclasses import replace

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, compact, group_sums, same_shape
from cxsentiment.stats.estimates import (
    LEVEL,
    MIN_CLUSTERS,
    bare,
    because,
    clipped,
    complement,
    missing,
    normal_interval,
    normal_quantile,
    t_interval,
    too_few,
)

# Where sensitivity + specificity - 1 may be this low, dividing by it says nothing.
LEAST_YOUDEN = 0.2


def wilson_interval(successes: int, n: int) -> Estimate:
    """Share `successes / n` (0-1) with Wilson's score interval; the n trials count as independent."""
    method = "share, Wilson interval"
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes among {n} trials")
    if n == 0:
        return missing(Reason("nothing_to_count", "nothing to count"), method)
    low, high = _wilson(successes / n, n)
    return Estimate(successes / n, low, high, n, method)


def share_difference(successes: int, n: int, other_successes: int, other_n: int) -> Estimate:
    """Share `successes / n` less `other_successes / other_n` (-1 to 1), the trials independent; n counts both.

    The interval is made of the two Wilson intervals (Newcombe 1998, method 10).
    """
    method = "difference of two shares, Newcombe interval"
    one, other = wilson_interval(successes, n), wilson_interval(other_successes, other_n)
    if n == 0 or other_n == 0:
        return missing(Reason("nothing_to_count", "one of the two has nothing to count"), method, n + other_n)
    difference = _value(one) - _value(other)
    down = math.hypot(_value(one) - (one.low or 0.0), (other.high or 0.0) - _value(other))
    up = math.hypot((one.high or 0.0) - _value(one), _value(other) - (other.low or 0.0))
    return Estimate(difference, difference - down, difference + up, n + other_n, method)


def share_interval(values: FloatArray, weights: FloatArray | None = None, clusters: IntArray | None = None) -> Estimate:
    """Share of the ones among `values` (0 or 1, NaN left out), by Wilson's interval with the effective n.

    `weights` (above 0; 1 / inclusion probability) and `clusters` (an agent's contacts are alike) lower the effective n:
    it is p(1-p) over the sandwich variance of the weighted share, never above Kish's (Σw)² / Σw² (Kish 1965; Korn &
    Graubard 1998). Shapes (n,). ValueError for another value, or a weight that is not above 0.
    """
    keep = ~np.isnan(values)
    x = values[keep]
    w = np.ones(x.size) if weights is None else checked_weights(weights[keep])
    if np.any((x != 0) & (x != 1)):
        raise ValueError("a share is of values 0 and 1 only")
    method = "share, Wilson interval" + (", weighted" if weights is not None else "")
    method += ", clustered by agent" if clusters is not None else ""
    if x.size == 0:
        return missing(Reason("nothing_to_count", "nothing to count"), method)
    share = float(np.average(x, weights=w))
    kish = float(w.sum() ** 2 / (w @ w))
    if clusters is None:
        of, count = np.arange(x.size), x.size
    else:
        of, names = compact(clusters[keep])
        count = names.size
        if count < MIN_CLUSTERS:
            return bare(share, x.size, method, too_few(count))
    sums = np.bincount(of, weights=w * (x - share), minlength=count)
    variance = float(sums @ sums) / w.sum() ** 2 * count / max(count - 1, 1)
    informative = kish if variance <= 0 else min(kish, share * (1 - share) / variance)
    low, high = _wilson(share, informative if weights is not None or clusters is not None else x.size)
    return Estimate(share, low, high, x.size, method)


def rule_of_three(n: int) -> Estimate:
    """No event in `n` trials: share 0 with the upper 95 % bound 3 / n (Hanley & Lippman-Hand 1983)."""
    method = "no event seen, rule of three"
    if n <= 0:
        return missing(Reason("nothing_to_count", "nothing to count"), method)
    return Estimate(0.0, 0.0, min(1.0, 3 / n), n, method)


def rogan_gladen(
    flagged: int, n: int, true_positives: int, positives: int, true_negatives: int, negatives: int
) -> Estimate:
    """True share (0-1) from the share a machine flags, given its errors on labelled contacts (Rogan & Gladen 1978).

    `flagged` of `n` unlabelled contacts; `true_positives` of `positives` labelled ones are flagged, `true_negatives` of
    `negatives` are not. p = (p_obs + Sp - 1) / J with J = Se + Sp - 1, and Var = [p_obs(1-p_obs)/n + p²Se(1-Se)/n1 +
    (1-p)²Sp(1-Sp)/n0] / J²; a rate of exactly 0 or 1 enters the variance as (k+1)/(n+2), for its error is not 0.
    Refused where the interval of J (Newcombe 1998, from two Wilson intervals) reaches below .2. A value outside 0-1
    is cut, and the reason says so.
    """
    method = "Rogan-Gladen"
    if not (0 <= flagged <= n and 0 <= true_positives <= positives and 0 <= true_negatives <= negatives):
        raise ValueError("a count exceeds its total")
    if n == 0:
        return missing(Reason("nothing_to_count", "nothing to count"), method)
    if positives == 0 or negatives == 0:
        return missing(
            Reason("one_class", "the labels are all of one class, so the machine's errors are not known"), method, n
        )
    se, sp = wilson_interval(true_positives, positives), wilson_interval(true_negatives, negatives)
    youden = _value(se) + _value(sp) - 1
    low = youden - math.hypot(_value(se) - (se.low or 0.0), _value(sp) - (sp.low or 0.0))
    if low < LEAST_YOUDEN:
        why = f"the machine separates too little: sensitivity + specificity - 1 is {youden:.2f}, may be {low:.2f}"
        return missing(Reason("weak_machine", f"{why}, and {LEAST_YOUDEN} is needed"), method, n)
    observed = flagged / n
    share = (observed + _value(sp) - 1) / youden
    cut = min(1.0, max(0.0, share))
    variance = _spread(flagged, n) / n
    variance += cut**2 * _spread(true_positives, positives) / positives
    variance += (1 - cut) ** 2 * _spread(true_negatives, negatives) / negatives
    found = normal_interval(share, math.sqrt(variance) / youden, n, method)
    if cut != share:
        found = because(replace(found, value=cut), Reason("remark", f"the formula gives {share:.3f}, outside 0-1: cut"))
        found = replace(found, low=min(cut, found.low or 0.0), high=max(cut, found.high or 0.0))
    return clipped(found, 0.0, 1.0)


def youden(flagged: FloatArray, truth: FloatArray) -> tuple[int, int, int, int]:
    """Counts for `rogan_gladen` from labelled contacts: true positives, positives, true negatives, negatives.

    Shapes (n,), values 0 or 1; pairs with a NaN are left out.
    """
    same_shape(flagged=flagged, truth=truth)
    keep = ~(np.isnan(flagged) | np.isnan(truth))
    f, y = flagged[keep] > 0.5, truth[keep] > 0.5
    return int(np.sum(f & y)), int(y.sum()), int(np.sum(~f & ~y)), int(np.sum(~y))


def predictive_value(prevalence: float, sensitivity: float, specificity: float) -> float | None:
    """Share of flags that are right (PPV, 0-1); None where nothing would be flagged. All arguments 0-1."""
    right, wrong = prevalence * sensitivity, (1 - prevalence) * (1 - specificity)
    return right / (right + wrong) if right + wrong > 0 else None


def expected_flagged(prevalence: float, sensitivity: float, specificity: float) -> float:
    """Share (0-1) a machine with these errors flags when the true share is `prevalence`: p·Se + (1-p)(1-Sp)."""
    return prevalence * sensitivity + (1 - prevalence) * (1 - specificity)


def critical_accuracy(errors: int, n: int) -> Estimate:
    """Critical-error accuracy (0-1): 1 - contacts with at least one error / contacts it applied to (`n`).

    No error among n: [1 - 3/n, 1]. Counts of people's labels or of confirmed flags, contacts independent.
    """
    found = complement(rule_of_three(n) if errors == 0 else wilson_interval(errors, n))
    return replace(found, method=f"1 - ({found.method})")


def noncritical_accuracy(defects: FloatArray, opportunities: FloatArray, clusters: IntArray | None = None) -> Estimate:
    """1 - defects / opportunities (0-1), summed over contacts: a ratio of sums with the sandwich interval.

    Shapes (contacts,): counts per contact, a NaN leaves its contact out. `clusters` are agents; else each contact
    counts as independent. ValueError where a contact has more defects than opportunities.
    """
    same_shape(defects=defects, opportunities=opportunities)
    method = "1 - defects / opportunities, ratio of sums" + ("" if clusters is None else ", clustered by agent")
    keep = ~(np.isnan(defects) | np.isnan(opportunities)) & (opportunities > 0)
    d, o = defects[keep], opportunities[keep]
    if np.any((d < 0) | (d > o)):
        raise ValueError("a contact has more defects than opportunities, or fewer than none")
    if d.size == 0:
        return missing(Reason("nothing_to_count", "no contact had an opportunity"), method)
    if d.sum() == 0:
        none = complement(rule_of_three(int(o.sum())))
        return replace(none, n=d.size, method=f"{method}; no defect seen, rule of three by opportunity")
    of, names = (np.arange(d.size), np.arange(d.size)) if clusters is None else compact(clusters[keep])
    count, rate = names.size, float(d.sum() / o.sum())
    if count < MIN_CLUSTERS:
        return bare(1 - rate, d.size, method, too_few(count, "contact" if clusters is None else "agent"))
    residuals = group_sums(of, count, d - rate * o)[:, 1]
    error = math.sqrt(float(residuals @ residuals) * count / (count - 1)) / float(o.sum())
    return clipped(t_interval(1 - rate, error, d.size, method, df=count - 1), 0.0, 1.0)


def checked_weights(weights: FloatArray) -> FloatArray:
    """The weights; ValueError where one is missing, infinite or not above 0."""
    if not np.all(np.isfinite(weights) & (weights > 0)):
        raise ValueError("each weight must be a number above 0; an inclusion probability is missing, 0 or no number")
    return weights


def _wilson(share: float, n: float) -> tuple[float, float]:
    z = normal_quantile((1 + LEVEL) / 2)
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and n successes the bound is exactly 0 or 1; rounding must not put it on the wrong side of the share.
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def _spread(k: int, n: int) -> float:
    share = k / n if 0 < k < n else (k + 1) / (n + 2)
    return share * (1 - share)


def _value(estimate: Estimate) -> float:
    return estimate.value or 0.0
