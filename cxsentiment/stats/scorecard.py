"""Targets reached, and the balanced scorecard made of them, with an interval from the intervals of its indicators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray
from cxsentiment.stats.estimates import missing, standard_error

MOST = 1.2
LEAST_WEIGHT = 0.6
PERSPECTIVES = ("customer", "internal process", "learning", "financial")
_DRAWS = 4_000


@dataclass(frozen=True, slots=True)
class Target:
    """What an indicator should reach: attainment 0 at `floor`, 1 at `target` (target < floor where lower is better)."""

    target: float
    floor: float

    def __post_init__(self) -> None:
        if self.target == self.floor:
            raise ValueError("target and floor must differ")


@dataclass(frozen=True, slots=True)
class Entry:
    """One indicator of the scorecard, with its perspective and its weight (above 0) within it."""

    perspective: str
    weight: float
    estimate: Estimate
    target: Target


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Composite attainment (0 to 1.2), that of each perspective, and of each indicator, in the order given."""

    composite: Estimate
    perspectives: dict[str, Estimate]
    attainments: tuple[Estimate, ...]


def attainment(value: float, target: Target) -> float:
    """clip((x - floor) / (target - floor), 0, 1.2); the same formula serves where lower is better."""
    return float(np.clip((value - target.floor) / (target.target - target.floor), 0.0, MOST))


def attained(estimate: Estimate, target: Target) -> Estimate:
    """The attainment of an estimate, its interval carried over end by end (the formula is monotone)."""
    method = f"attainment of ({estimate.method})"
    if estimate.value is None:
        return missing(estimate.reason or Reason("not_given", "the indicator has no value"), method, estimate.n)
    value = attainment(estimate.value, target)
    if estimate.low is None or estimate.high is None:
        return Estimate(value, None, None, estimate.n, method, estimate.reason)
    ends = sorted(attainment(end, target) for end in (estimate.low, estimate.high))
    return Estimate(value, ends[0], ends[1], estimate.n, method, estimate.reason)


def scorecard(entries: Sequence[Entry], weights: Mapping[str, float] | None = None, *, seed: int = 0) -> Scorecard:
    """Mean attainment within each perspective by the indicators' weights, and over perspectives by `weights`.

    The interval draws each indicator 4,000 times from the normal that its own interval implies, independently; one
    without an interval is held at its value and the reason says so. A perspective with less than 60 % of its weight
    has no value, and then there is no composite: an average of what happens to be known would mislead. Perspectives
    weigh the same if `weights` is None. ValueError for no entries or a weight not above 0.
    """
    if not entries or any(entry.weight <= 0 for entry in entries):
        raise ValueError("a scorecard needs indicators, each with a weight above 0")
    rng = np.random.default_rng(seed)
    draws = [_draws(entry, rng.standard_normal(_DRAWS)) for entry in entries]
    names = list(dict.fromkeys(entry.perspective for entry in entries))
    shares = {name: 1.0 if weights is None else weights[name] for name in names}
    if any(share <= 0 for share in shares.values()):
        raise ValueError("a perspective's weight must be above 0")
    found = {name: _perspective(name, entries, draws) for name in names}
    perspectives = {name: estimate for name, (estimate, _) in found.items()}
    lacking = [name for name in names if perspectives[name].value is None]
    method = "balanced scorecard: weighted mean of perspectives, drawn from the indicators' intervals"
    if lacking:
        reason = Reason(
            "incomplete",
            f"no composite, for less than {LEAST_WEIGHT:.0%} of the weight is known of: {', '.join(lacking)}",
        )
        composite = missing(reason, method)
    else:
        total = sum(shares.values())
        value = sum(shares[name] * (perspectives[name].value or 0.0) for name in names) / total
        drawn = np.sum([shares[name] * found[name][1] for name in names], axis=0) / total
        composite = _with_interval(value, drawn, len(entries), method, entries)
    return Scorecard(composite, perspectives, tuple(attained(entry.estimate, entry.target) for entry in entries))


def _draws(entry: Entry, normal: FloatArray) -> FloatArray | None:
    if entry.estimate.value is None:
        return None
    values = entry.estimate.value + (standard_error(entry.estimate) or 0.0) * normal
    span = entry.target.target - entry.target.floor
    return np.asarray(np.clip((values - entry.target.floor) / span, 0.0, MOST))


def _perspective(
    name: str, entries: Sequence[Entry], draws: Sequence[FloatArray | None]
) -> tuple[Estimate, FloatArray]:
    own = [(entry, drawn) for entry, drawn in zip(entries, draws, strict=True) if entry.perspective == name]
    known = [(entry, drawn) for entry, drawn in own if drawn is not None]
    weight = sum(entry.weight for entry, _ in known)
    share = weight / sum(entry.weight for entry, _ in own)
    method = "weighted mean of attainments, drawn from the indicators' intervals"
    if share < LEAST_WEIGHT:
        return missing(
            Reason("incomplete", f"only {share:.0%} of its weight is known ({LEAST_WEIGHT:.0%} needed)"), method
        ), np.zeros(_DRAWS)
    value = sum(entry.weight * attainment(entry.estimate.value or 0.0, entry.target) for entry, _ in known) / weight
    drawn = np.sum([entry.weight * drawn for entry, drawn in known], axis=0) / weight
    return _with_interval(value, drawn, len(known), method, [entry for entry, _ in known]), drawn


def _with_interval(value: float, drawn: FloatArray, n: int, method: str, entries: Sequence[Entry]) -> Estimate:
    fixed = sum(entry.estimate.value is not None and entry.estimate.low is None for entry in entries)
    reason = Reason("remark", f"{fixed} indicators have no interval and were held at their value") if fixed else None
    if np.ptp(drawn) == 0:
        why = Reason("no_spread", "every indicator stays beyond its floor or cap, or none has an interval")
        return Estimate(value, None, None, n, method, why if reason is None else why.joined(reason))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, min(value, float(low)), max(value, float(high)), n, method, reason)
