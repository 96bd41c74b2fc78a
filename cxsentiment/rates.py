"""How often items are met and critical errors happen, by campaign: by people and machine together, as the data allow.

The method stands on every row. In this order: prediction-powered (30 labels, 5 of either class); people's labels alone
where they are fewer; Rogan-Gladen where a campaign has none but others tell how the machine errs; else the machine
alone, named uncalibrated.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cxsentiment.gradings import Grading, Gradings
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes
from cxsentiment.stats.estimates import NOT_DETERMINED, because, clipped, complement, missing
from cxsentiment.stats.means import clustered_mean
from cxsentiment.stats.prediction_powered import MIN_LABELS, MIN_PER_CLASS, Sample, ppi_mean
from cxsentiment.stats.rates import noncritical_accuracy, rogan_gladen, rule_of_three, youden

ALL = "all campaigns"
NOT_GIVEN = "not given"
MACHINE_ONLY = "machine alone, uncalibrated"
MEANS = (
    "The machine alone, and PPI++, take the mean of the machine's probabilities that an item is met. The report counts "
    "its verdicts, with contacts as independent, and corrects nothing: its number of the same item differs."
)


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate of one campaign, a share 0-1: `kind` item (met), critical error (contacts with one), or accuracy (1 -
    defects / opportunities of items that are not critical). `contacts` are those it applied to, `labels` those that
    people graded; `lam` (0-1) is the power the machine got.
    """

    campaign: str
    kind: str
    name: str
    estimate: Estimate
    contacts: int
    labels: int
    lam: float | None


@dataclass(frozen=True, slots=True)
class _Part:
    """The contacts of one campaign."""

    name: str
    mine: BoolArray
    agents: IntArray


def rates(contacts: pa.Table, gradings: Gradings) -> tuple[tuple[Rate, ...], tuple[str, ...]]:
    """Rates of all campaigns together, then of each campaign by name, and notes to print with them.

    `contacts` are those of the gradings, with campaign and agent_id. Intervals allow for contacts of one agent being
    alike where the method can; contacts that name no agent count as one agent's each.
    """
    parts = list(_parts(contacts))
    found: list[Rate] = []
    for grading in [*gradings.of("item"), *gradings.of("critical")]:
        found += [_rate(grading, part) for part in parts]
    accuracy = _defects(contacts, gradings)
    found += [_accuracy(part, *accuracy) for part in parts]
    order = {part.name: place for place, part in enumerate(parts)}
    found.sort(key=lambda rate: order[rate.campaign])
    return tuple(found), (*_notes(found), *_parted(found, gradings.in_parts))


def _parts(contacts: pa.Table) -> Iterator[_Part]:
    agent_of, names = codes(contacts["agent_id"])
    nobody = agent_of < 0
    agents = np.where(nobody, len(names) + np.cumsum(nobody), agent_of)
    of, campaigns = codes(contacts["campaign"])
    yield _Part(ALL, np.ones(of.size, dtype=bool), agents)
    if campaigns:
        for code, name in enumerate(campaigns):
            yield _Part(name, of == code, agents)
        if np.any(of < 0):
            yield _Part(NOT_GIVEN, of < 0, agents)


def _rate(grading: Grading, part: _Part) -> Rate:
    critical = grading.level == "critical"
    labelled = grading.labelled & part.mine
    labels = int(labelled.sum())
    applied = int(np.sum(part.mine & (grading.labelled | ~np.isnan(grading.machine))))
    lam: float | None = None
    if labels:
        estimate, lam = _by_people(grading, part, labelled, critical)
    else:
        estimate = _by_others(grading, part)
    if critical and not estimate.method.startswith("human labels only: no event"):
        estimate = complement(estimate)
    return Rate(part.name, "critical error" if critical else "item", grading.name, estimate, applied, labels, lam)


def _by_people(grading: Grading, part: _Part, labelled: BoolArray, critical: bool) -> tuple[Estimate, float]:
    human = grading.human[labelled]
    if critical and not grading.unequal and human.size < MIN_LABELS and np.all(human == 1):
        none_seen = rule_of_three(human.size)
        reason = Reason(
            "too_few",
            f"{human.size} labels are too few to use the machine ({MIN_LABELS} needed): the human labels alone",
        )
        return because(replace(none_seen, method=f"human labels only: {none_seen.method}"), reason), 0.0
    rest = part.mine & ~grading.labelled & ~np.isnan(grading.machine)
    machine = grading.machine[labelled]
    if np.isnan(machine).any() and _too_few(human[~np.isnan(machine)]):
        # People stand alone then, and their labels on contacts that the machine could not score count too.
        machine, rest = np.nan_to_num(machine), np.zeros_like(rest)
    sample = Sample(
        human,
        machine,
        grading.machine[rest],
        grading.weights[labelled] if grading.unequal else None,
        part.agents[labelled],
        part.agents[rest],
    )
    found = ppi_mean(sample)
    estimate = found.estimate
    if found.estimate.low is None and found.lam == 0:
        # Fewer than eight agents: their likeness cannot be allowed for, and an interval that does not is said to be so.
        alone = ppi_mean(replace(sample, clusters=None, clusters_unlabelled=None))
        if alone.estimate.low is not None:
            estimate = because(
                alone.estimate, Reason("remark", "contacts taken as independent: fewer than 8 agents have labels")
            )
    return estimate, found.lam


def _too_few(human: FloatArray) -> bool:
    return human.size < MIN_LABELS or min(int(np.sum(human == 1)), int(np.sum(human == 0))) < MIN_PER_CLASS


def _by_others(grading: Grading, part: _Part) -> Estimate:
    """Rogan-Gladen with the machine's errors in other campaigns, or the machine alone with the reason."""
    machine = grading.machine[part.mine]
    if np.isnan(machine).all():
        return missing(Reason("not_scored", "it applied to no contact, or was not scored on any"), MACHINE_ONLY)
    alone = clipped(clustered_mean(machine, part.agents[part.mine]), 0.0, 1.0)
    alone = replace(alone, method=f"{MACHINE_ONLY}: {alone.method}")
    if not grading.labelled.any():
        return because(alone, Reason("no_labels", "no human labels"))
    if grading.met is None or not grading.binary:
        why = Reason("not_applicable", "the labels of other campaigns are not 0 and 1 only")
    elif grading.unequal:
        why = Reason("not_applicable", "the labels of other campaigns were not drawn with equal probability")
    else:
        met = grading.met[part.mine]
        counts = youden(grading.met[grading.labelled], grading.human[grading.labelled])
        if min(counts[1], counts[3]) < MIN_PER_CLASS or counts[1] + counts[3] < MIN_LABELS:
            why = Reason("too_few", "the labels of other campaigns are too few to tell how the machine errs")
        else:
            found = rogan_gladen(int(np.nansum(met)), int(np.sum(~np.isnan(met))), *counts)
            if found.value is not None:
                method = "Rogan-Gladen, the machine's errors taken from other campaigns"
                return because(
                    replace(found, method=method),
                    Reason("remark", "no label here: it errs here as there, contacts independent"),
                )
            why = found.reason or NOT_DETERMINED
    return because(alone, Reason("no_labels", f"no label in this campaign, and {why}"))


def _defects(contacts: pa.Table, gradings: Gradings) -> tuple[FloatArray, FloatArray]:
    """Items not met, and items judged, by contact: of those that are not critical, by the machine."""
    defects, judged = np.zeros(contacts.num_rows), np.zeros(contacts.num_rows)
    for grading in gradings.of("item"):
        if grading.met is not None and grading.name not in gradings.critical_items:
            known = ~np.isnan(grading.met)
            judged += known
            defects += np.where(known, 1 - np.nan_to_num(grading.met), 0)
    return defects, judged


def _accuracy(part: _Part, defects: FloatArray, judged: FloatArray) -> Rate:
    found = noncritical_accuracy(defects[part.mine], judged[part.mine], part.agents[part.mine])
    estimate = clipped(replace(found, method=f"{MACHINE_ONLY}: {found.method}"), 0.0, 1.0)
    return Rate(part.name, "accuracy", "not critical", estimate, int(np.sum(judged[part.mine] > 0)), 0, None)


def _notes(found: list[Rate]) -> tuple[str, ...]:
    notes = []
    kinds = [rate for rate in found if rate.kind != "accuracy"]
    if all(rate.estimate.method.startswith(MACHINE_ONLY) for rate in kinds):
        notes.append(
            "No human labels: all rates are the machine's alone, uncalibrated. Of rare errors most machine flags are "
            "wrong, so let people look at the flagged contacts before a critical rate is believed."
        )
    if any(rate.kind == "item" and rate.estimate.method.startswith((MACHINE_ONLY, "PPI++")) for rate in found):
        notes.append(MEANS)
    notes.append("Critical errors are rates of contacts with at least one; they do not change the score here.")
    return tuple(notes)


def _parted(found: list[Rate], in_parts: tuple[str, ...]) -> Iterator[str]:
    """What a rate of items that can be met in part is a rate of."""
    rated = {rate.name for rate in found if rate.kind == "item" and rate.estimate.value is not None}
    if named := [name for name in in_parts if name in rated]:
        yield (
            f"Can be met in part: {', '.join(named)}. The rate is the mean share of the points there; the report's "
            "says how often all points were given."
        )
