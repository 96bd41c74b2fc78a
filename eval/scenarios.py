"""The simulations by name: what is repeated, and the bands its mean figures must lie in."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from eval import planted, replicates
from eval.replicates import Figures

Replicate = Callable[[np.random.Generator], Figures]
Band = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A replicate, the bands its mean figures must lie in, and whether the bands are those of the methods' table."""

    replicate: Replicate
    bands: tuple[Band, ...]
    from_methods: bool = True


_COVERED: Band = ("coverage", 0.90, 0.98)
_AGENT_BANDS: tuple[Band, ...] = (
    ("coverage", 0.92, 0.985),
    ("coverage_below_30_contacts", 0.90, 1.0),
    ("rmse_over_raw", 0.0, 0.90),
    ("rank_coverage", 0.94, 1.0),
)
_PPI_BANDS: tuple[Band, ...] = (("coverage", 0.92, 0.98), ("width_over_human", 0.0, 1.02))


def _agents(make: Callable[[np.random.Generator], planted.Planted]) -> Scenario:
    return Scenario(partial(replicates.agents, make=make), _AGENT_BANDS)


def _item(labels: int, se: float, sp: float, yes: float, tau: float, machine_sd: float = 0.0) -> Scenario:
    return _agents(lambda rng: planted.item(rng, labels, se, sp, yes=yes, tau=tau, machine_sd=machine_sd))


def _composite(labels: int, agent_sd: float, machine_sd: float = 0.0) -> Scenario:
    return _agents(lambda rng: planted.composite(rng, labels, agent_sd=agent_sd, machine_sd=machine_sd))


SCENARIOS: dict[str, Scenario] = {
    "agents: item, 10 labels": _item(10, 0.95, 0.80, 0.85, 0.5),
    "agents: item, 10 labels, machine errs by agent": _item(10, 0.95, 0.80, 0.85, 0.5, 0.7),
    "agents: item, 3 labels, machine errs by agent": _item(3, 0.95, 0.80, 0.85, 0.5, 0.7),
    "agents: weak item, 5 labels": _item(5, 0.80, 0.75, 0.65, 0.35),
    "agents: composite, ICC .05, 4 labels": _composite(4, 0.20),
    "agents: composite, ICC .05, 4 labels, machine errs by agent": _composite(4, 0.20, 0.15),
    "agents: composite, ICC .26, 10 labels": _composite(10, 0.53),
    "tiers: no agent effect": Scenario(partial(replicates.tiers, tau=0.0), (("decided", 0.0, 0.10),)),
    "tiers: tau .5": Scenario(partial(replicates.tiers, tau=0.5), (("wrong_of_decided", 0.0, 0.10),)),
    "campaign: PPI, good machine": Scenario(partial(replicates.campaign, se=0.95, sp=0.80, by_agent=False), _PPI_BANDS),
    "campaign: PPI, weak machine": Scenario(partial(replicates.campaign, se=0.80, sp=0.75, by_agent=False), _PPI_BANDS),
    "campaign: PPI, good machine, by agent": Scenario(
        partial(replicates.campaign, se=0.95, sp=0.80, by_agent=True), _PPI_BANDS
    ),
    "campaign: PPI, weak machine, by agent": Scenario(
        partial(replicates.campaign, se=0.80, sp=0.75, by_agent=True), _PPI_BANDS
    ),
    "campaign: Rogan-Gladen": Scenario(replicates.rogan, (("coverage", 0.92, 0.98),), from_methods=False),
    "associations: both sides": Scenario(
        partial(replicates.associations, name="both sides"),
        (_COVERED, ("naive_coverage", 0.0, 0.89), ("auc_coverage", 0.90, 0.98)),
    ),
    "associations: one side": Scenario(
        partial(replicates.associations, name="one side"), (_COVERED, ("auc_coverage", 0.90, 0.98))
    ),
    "associations: neither": Scenario(
        partial(replicates.associations, name="neither"), (_COVERED, ("auc_coverage", 0.90, 0.98))
    ),
    "associations: unbalanced": Scenario(
        partial(replicates.associations, name="unbalanced"), (_COVERED, ("auc_coverage", 0.90, 0.98))
    ),
    "associations: polyserial, 55 % top box": Scenario(
        partial(replicates.polyserial, thresholds=(-1.6, -1.2, -0.7, -0.126)),
        (_COVERED, ("value", 0.28, 0.32)),
        from_methods=False,
    ),
    "associations: polyserial, 90 % top box": Scenario(
        partial(replicates.polyserial, thresholds=(-2.2, -1.9, -1.6, -1.282)),
        (_COVERED, ("value", 0.28, 0.32)),
        from_methods=False,
    ),
    "associations: Simpson": Scenario(replicates.simpson, (("signs_found", 0.95, 1.0), ("flagged", 0.95, 1.0))),
    "associations: 45 features": Scenario(replicates.many_tests, (("fdr", 0.0, 0.12),)),
    "non-response: at random": Scenario(
        partial(replicates.response, by_happiness=0.0), (("weighted_error", -0.01, 0.01), ("warned", 1.0, 1.0))
    ),
    "non-response: by happiness": Scenario(
        partial(replicates.response, by_happiness=1.2), (("warned", 1.0, 1.0), ("bounds_hold", 1.0, 1.0))
    ),
    "conformal": Scenario(
        replicates.conformal,
        (("coverage", 0.88, 0.93), ("coverage_channel_0", 0.88, 0.93), ("coverage_channel_1", 0.88, 0.93)),
    ),
    "charts: p', day SD 0": Scenario(partial(replicates.charts, day_sd=0.0), (("alarms", 0.0, 0.01),)),
    "charts: p', day SD .3": Scenario(partial(replicates.charts, day_sd=0.3), (("alarms", 0.0, 0.01),)),
    "charts: EWMA in control": Scenario(
        partial(replicates.run_length, shift=0.0), (("run_length", 300, 450),), from_methods=False
    ),
    "charts: EWMA, shift .5 SD": Scenario(
        partial(replicates.run_length, shift=0.5), (("run_length", 25, 43),), from_methods=False
    ),
    "case mix": Scenario(replicates.mix, (("within_slope", -8.5, -7.5), ("slope_coverage", 0.90, 0.98))),
    "drift: 60 labels a batch": Scenario(partial(replicates.drift, labels=60), (("agents_changed", 0.0, 0.10),)),
    "drift: 150 labels a batch": Scenario(partial(replicates.drift, labels=150), (("agents_changed", 0.0, 0.10),)),
    "drift: 400 labels a batch": Scenario(
        partial(replicates.drift, labels=400), (("found", 0.95, 1.0), ("agents_changed", 0.0, 0.10))
    ),
    "shifts: no difference": Scenario(
        partial(replicates.shifts, difference=0.0), (_COVERED, ("different", 0.0, 0.08)), from_methods=False
    ),
    "shifts: at the margin": Scenario(
        partial(replicates.shifts, difference=3.0), (_COVERED, ("equivalent", 0.0, 0.08)), from_methods=False
    ),
    "agreement: 100 contacts": Scenario(
        partial(replicates.double_scoring, n=100), (_COVERED, ("ratio_coverage", 0.90, 0.98)), from_methods=False
    ),
    "agreement: 400 contacts": Scenario(
        partial(replicates.double_scoring, n=400), (_COVERED, ("ratio_coverage", 0.90, 0.98)), from_methods=False
    ),
}
