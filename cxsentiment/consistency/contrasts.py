"""Whether groups of contacts, or before and after, are served alike: differences with their equivalence verdicts.

"Not significant" never prints as "the same": a difference is equivalent, different or undetermined (two
one-sided tests, Schuirmann 1987, see `cxsentiment.stats.equivalence`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa

from cxsentiment.consistency.measures import Factor, Measure, case_mix
from cxsentiment.reasons import Reason
from cxsentiment.schema import FALSE_DISCOVERY_RATE, Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes
from cxsentiment.stats.equivalence import MARGIN, Contrast, before_after, contrast
from cxsentiment.stats.estimates import because, missing
from cxsentiment.stats.means import clustered_mean
from cxsentiment.stats.power import benjamini_hochberg

# Above this share of a group's variance the case mix tells the group itself, and cannot be adjusted for.
_SAME = 0.99
UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of one group less that of all other contacts (`estimate`), in points of 100; `mean` and `others` are
    not adjusted.

    `verdict` is equivalent, different or undetermined for the margin; `p_adjusted` is Benjamini and Hochberg's over all
    differences and changes of the report. `contacts` counts the group's contacts.
    """

    factor: str
    group: str
    measure: str
    contacts: int
    mean: Estimate
    others: Estimate
    estimate: Estimate
    low90: float | None
    high90: float | None
    margin: float
    verdict: str
    p: float | None
    p_adjusted: float | None
    adjusted: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One measure after the baseline less in it (`estimate`); `paired` says whether agents were compared with
    themselves, `agents` how many have contacts in both.
    """

    measure: str
    before: Estimate
    after: Estimate
    estimate: Estimate
    low90: float | None
    high90: float | None
    margin: float
    verdict: str
    p: float | None
    p_adjusted: float | None
    paired: bool
    agents: int


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
            lacking = Difference(
                factor.name, "", "score", 0, nothing, nothing, nothing, None, None, margin, UNDETERMINED,
                None, None, False,
            )  # fmt: skip
            rows.append(lacking)
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
                contrast_.p,
                None,
                found.paired,
                found.agents_both,
            )
        )
    return rows


def judged_together(
    parted: Sequence[Difference], changed: Sequence[Change]
) -> tuple[tuple[Difference, ...], tuple[Change, ...]]:
    """Both with p-values adjusted over all of them; what only stands out alone is no longer called different."""
    adjusted = benjamini_hochberg([*(one.p for one in parted), *(one.p for one in changed)])
    tested = sum(p is not None for p in adjusted)
    return (
        tuple(_among(one, p, tested) for one, p in zip(parted, adjusted[: len(parted)], strict=True)),
        tuple(_among(one, p, tested) for one, p in zip(changed, adjusted[len(parted) :], strict=True)),
    )


Judged = TypeVar("Judged", Difference, Change)


def _among(one: Judged, p_adjusted: float | None, tested: int) -> Judged:
    if one.verdict != "different" or p_adjusted is None or p_adjusted <= FALSE_DISCOVERY_RATE:
        return replace(one, p_adjusted=p_adjusted)
    why = Reason("remark", f"its interval leaves out 0, but not after allowing for {tested} comparisons")
    return replace(one, p_adjusted=p_adjusted, verdict=UNDETERMINED, estimate=because(one.estimate, why))


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
        found.p,
        None,
        not told,
    )


def _named(estimate: Estimate, *, adjusted: bool) -> Estimate:
    if adjusted:
        return replace(estimate, method=f"{estimate.method}, adjusted for case mix")
    said = replace(estimate, method=f"{estimate.method}, not adjusted")
    return because(said, Reason("remark", "case mix goes with the groups, so it cannot be adjusted for"))


def _complete(found: Contrast) -> Contrast:
    """A measure that is the same on every contact shows no difference, but also no spread to judge it by."""
    if found.difference.value is None and not found.difference.reason:
        return replace(
            found,
            difference=replace(found.difference, reason=Reason("not_comparable", "the two groups cannot be compared")),
        )
    return found


def _tells(second: FloatArray, mix: FloatArray) -> bool:
    """Whether the case mix as good as tells which group a contact is of."""
    if mix.shape[1] == 0 or second.size == 0 or np.ptp(second) == 0:
        return False
    x = mix - mix.mean(axis=0)
    y = second - second.mean()
    fitted = x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return bool(fitted @ fitted > _SAME * (y @ y))
