"""Whether groups of contacts, or before and after, are served alike: differences with their equivalence verdicts.

"Not significant" never prints as "the same": a difference is equivalent, different or undetermined (two
one-sided tests, Schuirmann 1987, see `cxsentiment.stats.equivalence`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cxsentiment.consistency.measures import Factor, Measure, case_mix
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes
from cxsentiment.stats.equivalence import MARGIN, Contrast, before_after, contrast
from cxsentiment.stats.estimates import because, missing
from cxsentiment.stats.means import clustered_mean

# Above this share of a group's variance the case mix tells the group itself, and cannot be adjusted for.
_SAME = 0.99
UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of one group less that of all other contacts, in points of 100; `mean` and `others` are not adjusted.

    `verdict` is equivalent, different or undetermined for the margin. `contacts` counts the group's contacts.
    """

    factor: str
    group: str
    measure: str
    contacts: int
    mean: Estimate
    others: Estimate
    difference: Estimate
    low90: float | None
    high90: float | None
    margin: float
    verdict: str
    adjusted: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One measure after the baseline less in it; `paired` says whether agents were compared with themselves."""

    measure: str
    before: Estimate
    after: Estimate
    difference: Estimate
    low90: float | None
    high90: float | None
    margin: float
    verdict: str
    paired: bool
    agents_both: int


def differences(
    contacts: pa.Table, parts: Sequence[Factor], values: Sequence[Measure], *, margin: float = MARGIN
) -> list[Difference]:
    """Each group of each factor against all other contacts, for each measure; of two groups only the first.

    Adjusted for the case mix by least squares; errors by a delete-one-agent jackknife. A factor that parts
    nothing gives one row that says why.
    """
    agents, _ = codes(contacts["agent_id"])
    rows = []
    for factor in parts:
        if factor.reason is not None:
            nothing = missing(factor.reason, "none")
            rows.append(
                Difference(
                    factor.name, "", "score", 0, nothing, nothing, nothing, None, None, margin, UNDETERMINED, False
                )
            )
            continue
        mix = case_mix(contacts, factor.name)
        for code in range(len(factor.groups) if len(factor.groups) > 2 else 1):
            rows += [_difference(factor, code, measure, agents, mix, margin) for measure in values]
    return rows


def changes(
    contacts: pa.Table, values: Sequence[Measure], before: BoolArray, after: BoolArray, *, margin: float = MARGIN
) -> list[Change]:
    """Each measure after less before, case-mix adjusted; agents against themselves where eight have both."""
    agents, _ = codes(contacts["agent_id"])
    use = before | after
    mix = case_mix(contacts, "")[use]
    rows = []
    for measure in values:
        y = measure.value[use]
        known = ~np.isnan(y)
        told = _tells(after[use][known].astype(np.float64), mix[known])
        found = before_after(y, after[use], agents[use], None if told else mix, margin=margin)
        contrast_ = _complete(found.contrast)
        rows.append(
            Change(
                measure.name,
                found.before,
                found.after,
                _named(contrast_.difference, adjusted=not told),
                contrast_.low90,
                contrast_.high90,
                margin,
                contrast_.verdict or UNDETERMINED,
                found.paired,
                found.agents_both,
            )
        )
    return rows


def counted(verdicts: Iterable[str]) -> dict[str, int]:
    """How many differences have each verdict."""
    found = dict.fromkeys(("equivalent", "different", UNDETERMINED), 0)
    for verdict in verdicts:
        found[verdict] += 1
    return found


def _difference(
    factor: Factor, code: int, measure: Measure, agents: IntArray, mix: FloatArray, margin: float
) -> Difference:
    known = ~np.isnan(measure.value) & (factor.of >= 0)
    y, group = measure.value[known], factor.of[known] == code
    second, who = group.astype(np.float64), agents[known]
    told = _tells(second, mix[known])
    found = _complete(contrast(y, second, who, None if told else mix[known], margin=margin))
    return Difference(
        factor.name,
        factor.groups[code],
        measure.name,
        int(group.sum()),
        clustered_mean(y[group], who[group]),
        clustered_mean(y[~group], who[~group]),
        _named(found.difference, adjusted=not told),
        found.low90,
        found.high90,
        margin,
        found.verdict or UNDETERMINED,
        not told,
    )


def _named(estimate: Estimate, *, adjusted: bool) -> Estimate:
    if adjusted:
        return replace(estimate, method=f"{estimate.method}, adjusted for case mix")
    said = replace(estimate, method=f"{estimate.method}, not adjusted")
    return because(said, "case mix goes with the groups, so it cannot be adjusted for")


def _complete(found: Contrast) -> Contrast:
    """A measure that is the same on every contact shows no difference, but also no spread to judge it by."""
    if found.difference.value is None and not found.difference.reason:
        return replace(found, difference=replace(found.difference, reason="the two groups cannot be compared"))
    return found


def _tells(second: FloatArray, mix: FloatArray) -> bool:
    """Whether the case mix as good as tells which group a contact is of."""
    if mix.shape[1] == 0 or second.size == 0 or np.ptp(second) == 0:
        return False
    x = mix - mix.mean(axis=0)
    y = second - second.mean()
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return bool(fitted @ fitted > _SAME * (y @ y))
