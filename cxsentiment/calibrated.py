"""Agents' figures at four levels: calibrated by human labels where there are any, else the machine's, named as such.

All figures are on 0-100, 100 being good: a score, the share of contacts meeting an item, the share without a critical
error. Agents stand in the order of their ids; there is no league table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cxsentiment.adjusted import UNCALIBRATED, MixAdjustment, adjusted_estimate
from cxsentiment.agents import (
    LEAST_RELIABILITY,
    WITHHELD,
    by_agent,
    p_above_mean,
    spread_of,
    standing_of,
    withheld,
)
from cxsentiment.gradings import Grading, Gradings, Granularity
from cxsentiment.mix import CaseMixColumns, case_mix
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import IntArray, codes
from cxsentiment.stats.casemix import LEAST_OVERLAP, overlap
from cxsentiment.stats.channels import Channels, Contacts, channels
from cxsentiment.stats.estimates import because, clipped, missing, scaled
from cxsentiment.stats.reliability import n_for_reliability, reliability
from cxsentiment.stats.twochannel import AgentPosterior, TwoChannelFit, fit_two_channel

COACHING, PERFORMANCE = 0.7, 0.8
_NO_RANK = Reason("no_labels", "uncalibrated machine scores have no ranks: give --labels")
_ALONE = Reason("one_agent", "no tier: one agent alone has nobody to be compared with")
_NO_TARGET = Reason("no_labels", "an uncalibrated machine score cannot be held against a target")


@dataclass(frozen=True, slots=True)
class AgentFigure:
    """One value of one agent, on 0-100.

    `estimate` is calibrated where `calibrated`, else the machine's. `machine` is the machine's mean as it is and
    `adjusted` is `estimate` less what the case mix explains; `overlap` (0-1) is the share of the agent's mix that the
    others' covers. `tier`: above | below | cannot be told apart, against the target or the mean of all agents.
    `reliability` (0-1) says how much of the differences between agents' figures is the agents; `effective_n` how many
    human-graded contacts would tell as much; `use` what such a reliability allows. Where null, the reason stands in
    `estimate`.
    """

    agent_id: str
    level: Granularity
    name: str
    calibrated: bool
    contacts: int
    labels: int
    unlabelled: int
    estimate: Estimate
    machine: Estimate
    adjusted: Estimate
    overlap: float | None
    p_above: float | None
    tier: str | None
    reliability: float | None
    effective_n: float | None
    use: str


@dataclass(frozen=True, slots=True)
class AgentRank:
    """The rank that one agent's value is expected to have (1 is the highest) with its 95 % interval."""

    agent_id: str
    level: Granularity
    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class ValueModel:
    """The model of one value: how agents differ (`tau`, points), how the machine errs by agent (`tau_machine`, points),
    its line on people's value (`alpha`, `beta`), whether it is `usable`, and `minimum_n`: contacts graded by people
    that give reliability .7.
    """

    level: Granularity
    name: str
    calibrated: bool
    labels: int
    tau: Estimate
    tau_machine: Estimate
    alpha: Estimate
    beta: Estimate
    usable: bool | None
    minimum_n: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AgentFigures:
    """Figures by value and agent, the model of each value, and notes to print with them; `ranks` for who insists on
    them, in the order of the agents' ids: their intervals are most of the table.
    """

    figures: tuple[AgentFigure, ...]
    models: tuple[ValueModel, ...]
    notes: tuple[str, ...]
    ranks: tuple[AgentRank, ...] = ()


@dataclass(frozen=True, slots=True)
class _Agents:
    of: IntArray
    names: list[str]
    mix: CaseMixColumns
    overlap: dict[int, float]
    target: float | None  # 0-1


def agent_figures(
    contacts: pa.Table,
    gradings: Gradings,
    levels: Iterable[Granularity] = ("agent",),
    *,
    target: float | None = None,
    unreliable: bool = False,
) -> AgentFigures:
    """Figures of all agents at the levels asked for; `target` is on 0-100, None compares with the mean of all agents.

    `contacts` are those of the gradings, with agent_id and the case-mix columns. Contacts without an agent are left
    out, and a note counts them. Numbers of a reliability below .5 are withheld, unless `unreliable` asks for them; the
    tier stays, for its error is bounded. ValueError for a target outside 0-100.
    """
    if target is not None and not 0 <= target <= 100:
        raise ValueError(f"a target of {target:g} lies outside 0-100")
    of, names = codes(contacts["agent_id"])
    mix = case_mix(contacts)
    shares, who = overlap(mix.strata, of)
    agents = _Agents(
        of, names, mix, dict(zip(who.tolist(), shares.tolist(), strict=True)), None if target is None else target / 100
    )
    figures: list[AgentFigure] = []
    models: list[ValueModel] = []
    ranks: list[AgentRank] = []
    for level in levels:
        for grading in gradings.of(level):
            own, model, ranked = _figures(grading, agents)
            ranks += ranked
            figures += own if unreliable else [_withheld(one) for one in own]
            models.append(model)
    return AgentFigures(tuple(figures), tuple(models), _notes(figures, models, agents), tuple(ranks))


def _figures(grading: Grading, agents: _Agents) -> tuple[list[AgentFigure], ValueModel, list[AgentRank]]:
    of, count = agents.of, len(agents.names)
    machine = [clipped(scaled(one, 100), 0, 100) for one in by_agent(grading.machine, of, count)]
    mix = MixAdjustment(grading.machine, agents.mix.x, agents.of, len(agents.names))
    labelled = grading.labelled & (of >= 0)
    if not labelled.any():
        nothing = missing(_NO_RANK, "posterior expected rank")
        ranks = [AgentRank(name, grading.level, grading.name, nothing) for name in agents.names]
        return (*_uncalibrated(grading, agents, machine, mix), ranks)
    rest = (of >= 0) & ~grading.labelled
    # What a targeted sample leaves over is no picture of an agent; all its contacts together are.
    others = (of >= 0) if grading.unequal else rest
    found = channels(
        Contacts(
            count,
            of[labelled],
            grading.human[labelled],
            grading.machine[labelled],
            of[others],
            grading.machine[others],
            grading.binary,
            weights=grading.weights[labelled] if grading.unequal else None,
        )
    )
    fit = fit_two_channel(found, target=agents.target)
    adjusted = mix.adjusted(found, fit)
    contacts = np.bincount(of[of >= 0], minlength=count)
    spread = float(np.median(found.human_variance))
    tau = fit.tau.value
    several = sum(agent.estimate.value is not None for agent in fit.agents) > 1
    figures = []
    for code, given in enumerate(fit.agents):
        # How much of the differences between agents is the agents: one alone has no such share.
        agent = given if several else replace(given, reliability=None)
        estimate = _explained(scaled(agent.estimate, 100), agent, fit)
        if estimate.value is not None and not several and agents.target is None:
            estimate = because(estimate, _ALONE)
        figures.append(
            AgentFigure(
                agents.names[code],
                grading.level,
                grading.name,
                True,
                int(contacts[code]),
                agent.labels,
                agent.unlabelled,
                estimate,
                machine[code],
                adjusted_estimate(adjusted, code, estimate, mix.lack),
                agents.overlap.get(code),
                agent.p_above,
                agent.tier,
                agent.reliability,
                _effective(agent.reliability, tau, spread),
                allowed_use(agent.reliability),
            )
        )
    ranks = [
        AgentRank(name, grading.level, grading.name, agent.rank)
        for name, agent in zip(agents.names, fit.agents, strict=True)
    ]
    return figures, _model(grading, fit, found, spread), ranks


def _uncalibrated(
    grading: Grading, agents: _Agents, machine: list[Estimate], mix: MixAdjustment
) -> tuple[list[AgentFigure], ValueModel]:
    of = agents.of
    found, lack = spread_of(grading.machine[of >= 0], of[of >= 0])
    icc = None if found is None else found.between / (found.between + found.within)
    means = [scaled(one, 0.01) for one in machine]
    p_above = [None] * len(means) if agents.target is not None else p_above_mean(means, found)
    contacts = np.bincount(of[of >= 0], minlength=len(agents.names))
    adjusted = mix.machine()
    figures = []
    for code, one in enumerate(machine):
        trust = None if icc is None or one.n == 0 else reliability(one.n, icc)
        estimate = replace(one, method=f"{UNCALIBRATED}: {one.method}")
        if one.value is None:
            estimate = replace(estimate, reason=Reason("not_scored", "none of this agent's contacts has this value"))
        elif agents.target is not None:
            estimate = because(estimate, _NO_TARGET.reworded(f"no tier: {_NO_TARGET}"))
        elif p_above[code] is None and lack is not None:
            estimate = because(estimate, lack.reworded(f"no tier: {lack}"))
        figures.append(
            AgentFigure(
                agents.names[code],
                grading.level,
                grading.name,
                False,
                int(contacts[code]),
                0,
                one.n,
                estimate,
                one,
                adjusted.get(
                    code,
                    missing(mix.lack or Reason("not_scored", "no contact has this value"), "adjusted for case mix"),
                ),
                agents.overlap.get(code),
                p_above[code],
                standing_of(p_above[code]),
                trust,
                None,
                _use_of_uncalibrated(trust),
            )
        )
    nothing = missing(Reason("no_labels", "no human labels of this value"), "two-channel hierarchical model")
    reason = Reason("no_labels", "no human labels of this value: uncalibrated machine scores")
    least = None if icc is None else n_for_reliability(COACHING, icc)
    model = ValueModel(grading.level, grading.name, False, 0, nothing, nothing, nothing, nothing, None, least, reason)
    return figures, model


def _withheld(one: AgentFigure) -> AgentFigure:
    """The figure without its numbers where its reliability is below .5: they tell more of chance than of the agent."""
    if one.reliability is None or one.reliability >= LEAST_RELIABILITY:
        return one
    reason = withheld(one.reliability)

    def hidden(estimate: Estimate) -> Estimate:
        return estimate if estimate.value is None else missing(reason, estimate.method, estimate.n)

    return replace(
        one, estimate=hidden(one.estimate), machine=hidden(one.machine), adjusted=hidden(one.adjusted), p_above=None
    )


def _explained(estimate: Estimate, agent: AgentPosterior, fit: TwoChannelFit) -> Estimate:
    if estimate.value is not None and fit.reason and (estimate.reason is None or fit.reason not in estimate.reason):
        estimate = because(estimate, fit.reason)
    if agent.reliability is not None and agent.reliability < LEAST_RELIABILITY:
        estimate = because(
            estimate,
            Reason(
                "too_few",
                f"reliability {agent.reliability:.2f} is below {LEAST_RELIABILITY}: too little to compare agents",
            ),
        )
    return estimate


def _effective(trust: float | None, tau: float | None, spread: float) -> float | None:
    """Human-graded contacts that give the reliability: R/(1-R) · σ²/τ²."""
    if trust is None or not tau or trust >= 1:
        return None
    return trust / (1 - trust) * spread / tau**2


def allowed_use(trust: float | None) -> str:
    """What figures of such a reliability (0-1) allow."""
    if trust is None:
        return "no comparison"
    if trust < LEAST_RELIABILITY:
        return "too little to compare"
    if trust < COACHING:
        return "a hint"
    return "coaching" if trust < PERFORMANCE else "decisions, with a person's review"


def _use_of_uncalibrated(trust: float | None) -> str:
    usable = trust is not None and trust >= LEAST_RELIABILITY
    return "differences only: uncalibrated" if usable else allowed_use(trust)


def _model(grading: Grading, fit: TwoChannelFit, found: Channels, spread: float) -> ValueModel:
    tau = fit.tau.value
    icc = None if tau is None else tau**2 / (tau**2 + spread)
    usable = fit.usable if found.line is not None else None
    return ValueModel(
        grading.level,
        grading.name,
        True,
        int(found.labels.sum()),
        scaled(fit.tau, 100),
        scaled(fit.tau_machine, 100),
        scaled(fit.alpha, 100),
        fit.beta,
        usable,
        None if icc is None else n_for_reliability(COACHING, icc),
        fit.reason,
    )


def _notes(figures: list[AgentFigure], models: list[ValueModel], agents: _Agents) -> tuple[str, ...]:
    if not agents.names:
        return ("No contact names its agent, so there are no agent scores.",)
    notes = []
    raw = [model for model in models if not model.calibrated]
    if len(raw) == len(models):
        notes.append(
            "No human label calibrates these figures: they are uncalibrated machine scores. Read differences, not "
            "levels, and have a person review before anything follows for an agent."
        )
        if agents.target is not None:
            notes.append(f"No tiers against the target: {_NO_TARGET}. Give --labels.")
    elif raw:
        notes.append(f"Without human labels, so uncalibrated: {', '.join(model.name for model in raw)}.")
    notes += [f"{model.name}: {model.reason}." for model in models if model.calibrated and model.reason]
    hidden = sum((figure.estimate.reason or "").startswith(WITHHELD) for figure in figures)
    if hidden:
        notes.append(
            f"Withheld: the numbers of {hidden} of {len(figures)} figures, whose reliability is below "
            f"{LEAST_RELIABILITY}: they would tell more of chance than of the agent. --unreliable shows them."
        )
    notes.append("Agents stand in the order of their ids. There is no league table: ranks of close means are noise.")
    against = "the mean of all agents" if agents.target is None else f"the target {100 * agents.target:g}"
    notes.append(f"Tiers: above or below {against} with a posterior probability of at least .90; else not told apart.")
    notes += agents.mix.notes
    few = [agents.names[code] for code, share in agents.overlap.items() if share < LEAST_OVERLAP]
    if few and len(agents.names) > 1 and agents.mix.x.shape[1]:
        notes.append(
            f"Less than {LEAST_OVERLAP:.0%} of their case mix is like that of the others, so their adjusted figures "
            f"rest on the model alone: {', '.join(few[:20])}{' …' if len(few) > 20 else ''}."
        )
    if nobody := int(np.sum(agents.of < 0)):
        notes.append(f"Contacts without an agent id, left out here: {nobody}.")
    return tuple(notes)
