"""Contact scores → one `AgentScore` per agent, in the order of their ids: intervals and standing, never ranks.

Scores are means of machine scores. Where two agents cannot be told apart, that is what is said.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pyarrow as pa

from cxsentiment.amounts import counted
from cxsentiment.reasons import Reason
from cxsentiment.schema import AgentScore, Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats
from cxsentiment.stats.estimates import because, clipped, missing
from cxsentiment.stats.means import mean_t_interval
from cxsentiment.stats.reliability import VarianceComponents, n_for_reliability, reliability, variance_components

FEW_CONTACTS = 5
_ABOVE, _BELOW = 0.90, 0.10
LEAST_RELIABILITY, _GOOD_RELIABILITY = 0.5, 0.7
WITHHELD = "withheld"
UNDECIDED = "cannot be told apart"
_TOO_FEW = Reason("too_few", "it needs two agents, one of them with two scored contacts")
_NO_SPREAD = Reason(
    "constant", "no agent's contacts differ in their score, so nothing tells how far chance moves a mean"
)


def score_agents(contacts: pa.Table, *, unreliable: bool = False) -> tuple[tuple[AgentScore, ...], tuple[str, ...]]:
    """Scores of all agents, ordered by id, and notes to print with them.

    `contacts` needs the columns agent_id, score (0-100, null where a contact has none) and null_reason. Contacts
    without an agent id belong to nobody here; a note counts them. Below a reliability of .5 the numbers are withheld,
    unless `unreliable` asks for them; the standing stays, for its error is bounded. Reliability comes from the one-way
    ICC over all agents; where no agent's scores vary, neither it nor a standing can be estimated.
    """
    of, names = codes(contacts["agent_id"])
    scores = floats(contacts["score"])
    why = np.array(contacts["null_reason"].to_pylist(), dtype=np.object_)
    known = of >= 0
    contacts_of = np.bincount(of[known], minlength=len(names))
    found, lack = spread_of(scores[known], of[known])
    icc = None if found is None else found.between / (found.between + found.within)
    means = by_agent(scores, of, len(names))
    p_above = p_above_mean(means, found)
    agents = []
    for code, name in enumerate(names):
        estimate = _flagged(clipped(means[code], 0.0, 100.0), why[of == code].tolist())
        trust = None if icc is None or estimate.n == 0 else reliability(estimate.n, icc)
        if trust is not None and trust < LEAST_RELIABILITY and not unreliable:
            estimate = missing(withheld(trust), estimate.method, estimate.n)
        standing = standing_of(p_above[code])
        if standing is None and estimate.n and lack is not None:
            estimate = because(estimate, lack.reworded(f"no standing: {lack}"))
        shown = None if estimate.value is None else p_above[code]
        agents.append(AgentScore(name, int(contacts_of[code]), estimate, trust, shown, standing))
    return tuple(agents), _notes(tuple(agents), icc, lack, unattributed=int((~known).sum()))


def by_agent(values: FloatArray, of: IntArray, agents: int) -> list[Estimate]:
    """Mean of each agent's values with Student's t interval; `of` (n,) are agent codes, -1 for nobody's."""
    order = np.argsort(of, kind="stable")
    ends = np.searchsorted(of[order], np.arange(agents + 1))
    return [mean_t_interval(values[order[low:high]]) for low, high in pairwise(ends.tolist())]


def spread_of(scores: FloatArray, of: IntArray) -> tuple[VarianceComponents | None, Reason | None]:
    """The variance between and within agents; else None, and what lacks to estimate them."""
    found = variance_components(scores, of)
    if found is None:
        return None, _TOO_FEW
    # A variance below this is rounding error of the scores.
    if found.within <= (1e-12 * float(np.nanmax(np.abs(scores)))) ** 2:
        return None, _NO_SPREAD
    return found, None


def _flagged(estimate: Estimate, null_reasons: Sequence[str | None]) -> Estimate:
    """The estimate, its reason saying where there are few contacts or none, and the commonest cause of none."""
    if estimate.n == 0:
        causes = Counter(why for why in null_reasons if why).most_common(1)
        cause = "".join(f": {why}" for why, _ in causes)
        return missing(Reason("not_scored", f"none of this agent's contacts has a score{cause}"), estimate.method)
    if estimate.n < FEW_CONTACTS:
        few = Reason("too_few", f"only {counted(estimate.n, 'scored contact')}: too few to say much")
        return replace(estimate, reason=few.joined(estimate.reason) if estimate.reason else few)
    return estimate


def p_above_mean(means: Sequence[Estimate], found: VarianceComponents | None) -> list[float | None]:
    """Posterior probability that each agent's true mean is above the mean of all agents.

    Normal-normal empirical Bayes (Morris 1983): θ_a ~ N(μ, τ²), ȳ_a ~ N(θ_a, σ²/n_a), τ² and σ² from the ANOVA
    (`found`; None for everybody where there is none). With shrinkage B = τ²/(τ²+σ²/n_a), θ_a - μ has the mean
    B·(ȳ_a - μ̂) and the variance τ²(1-B) + B²·Var(μ̂), where μ̂ is the precision-weighted mean. τ² = 0 gives one half
    for everybody: nothing tells the agents apart.
    """
    if found is None:
        return [None] * len(means)
    noise = {code: found.within / mean.n for code, mean in enumerate(means) if mean.n}
    if found.between <= 1e-12 * found.within:
        return [0.5 if mean.n else None for mean in means]
    precision = {code: 1 / (found.between + noise[code]) for code in noise}
    total = sum(precision.values())
    centre = sum(weight * (means[code].value or 0.0) for code, weight in precision.items()) / total
    result: list[float | None] = []
    for code, mean in enumerate(means):
        if mean.value is None:
            result.append(None)
            continue
        shrink = found.between * precision[code]
        spread = math.sqrt(found.between * (1 - shrink) + shrink**2 / total)
        result.append(NormalDist().cdf(shrink * (mean.value - centre) / spread))
    return result


def withheld(reliability: float) -> Reason:
    """Why the numbers of an agent of such a reliability (0-1) are not shown."""
    return Reason("withheld", f"{WITHHELD}: reliability {reliability:.2f} is below {LEAST_RELIABILITY}")


def standing_of(p_above: float | None) -> str | None:
    """above | below | cannot be told apart, by the posterior probability; None where there is none."""
    if p_above is None:
        return None
    if p_above >= _ABOVE:
        return "above"
    return "below" if p_above <= _BELOW else UNDECIDED


def _notes(
    agents: tuple[AgentScore, ...], icc: float | None, lack: Reason | None, *, unattributed: int
) -> tuple[str, ...]:
    notes = [
        "These are machine scores that no human label of this run has calibrated: read differences, not levels, and "
        "have a person review before anything follows for an agent."
    ]
    if agents:
        notes.append(
            "Agents stand in the order of their ids. There is no league table: ranks of close means are noise."
        )
        notes.append(_reliability_note(agents, icc, lack))
        notes.append(_standing_note(agents, lack))
    else:
        notes.append("No contact names its agent, so there are no agent scores.")
    if unattributed and agents:
        notes.append(f"Contacts without an agent id, left out here: {unattributed}.")
    return tuple(notes)


def _standing_note(agents: tuple[AgentScore, ...], lack: Reason | None) -> str:
    """How many of the agents that have a standing differ from the mean of all."""
    placed = [agent for agent in agents if agent.standing is not None]
    if not placed:
        return f"Agents cannot be compared with the mean of all agents: {lack}."
    decided = sum(agent.standing != UNDECIDED for agent in placed)
    note = (
        f"{decided} of {len(placed)} agents with a scored contact differ from the mean of all agents with a posterior "
        "probability of at least .90"
    )
    if decided == len(placed):
        return note + "."
    return (
        note + "; the others cannot be told apart from it. This allows for the uncertainty of the mean of all as well, "
        "so an agent's own interval may leave that mean out and it is still not settled."
    )


def _reliability_note(agents: tuple[AgentScore, ...], icc: float | None, lack: Reason | None) -> str:
    if icc is None:
        return f"Reliability cannot be estimated: {lack}."
    needed = n_for_reliability(_GOOD_RELIABILITY, icc)
    if needed is None:
        return "The agents' means differ no more than chance explains (ICC 0), so their reliability is 0."
    low = sum(agent.reliability is not None and agent.reliability < LEAST_RELIABILITY for agent in agents)
    return (
        f"Agents account for {icc:.1%} of the variance of contact scores (ICC, estimated from "
        f"{sum(agent.estimate.n for agent in agents)} scored contacts); a mean reaches reliability "
        f"{_GOOD_RELIABILITY:.1f} with {needed} contacts, which is no advice to judge "
        f"anyone on so few. A mean with a reliability under {LEAST_RELIABILITY:.1f} tells more of chance than of the "
        f"agent and is withheld; here {low} of {len(agents)} are."
    )
