"""What the two-channel model needs of each agent: human labels, machine scores, and how the machine errs.

The two channels must not share a contact: the machine channel is the mean over *unlabelled* contacts only.
"""

import math
from dataclasses import dataclass

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.stats.arrays import FloatArray, IntArray, compact, group_sums, same_shape
from cxsentiment.stats.rates import checked_weights
from cxsentiment.stats.reliability import variance_components

MIN_CALIBRATION = 10  # labelled contacts with a machine score
LEAST_SLOPE = 0.05
USABLE_SLOPE = 0.3
_PSEUDO_CONTACTS = 20
_LEAST_SPREAD = 0.01  # of the scale: what a channel without any spread is taken to have


@dataclass(frozen=True, slots=True)
class Contacts:
    """Labelled contacts: agent code (0-based, below `agents`), human value, machine score, each of shape (n,), and
    weights (1 / inclusion probability, or None); unlabelled contacts: agent code and machine score, shape (N,), and
    weights (1 / (1 - inclusion probability): what a targeted sample leaves over is no picture of the agent).

    `scale` are the ends of the value; `binary` says that the human value is 0 or 1. A NaN leaves its value out.
    """

    agents: int
    labelled_agent: IntArray
    human: FloatArray
    machine_of_labelled: FloatArray
    unlabelled_agent: IntArray
    machine: FloatArray
    binary: bool
    scale: tuple[float, float] = (0.0, 1.0)
    weights: FloatArray | None = None
    unlabelled_weights: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class MachineLine:
    """f = alpha + beta·y fitted on labelled contacts; `covariance` (2, 2) of (alpha, beta), clustered by agent.

    For a 0/1 item alpha is 1 - specificity and beta Youden's J; above 0 or the machine tells nothing.
    """

    alpha: float
    beta: float
    covariance: FloatArray
    n: int

    @property
    def usable(self) -> bool:
        """Whether the machine follows people closely enough to be used for this value."""
        return self.beta >= USABLE_SLOPE


@dataclass(frozen=True, slots=True)
class Channels:
    """Per agent, shape (agents,): the means of both channels (0 where empty), the contacts they rest on (effective
    for weighted labels), and the variance of one contact's value in each; `line` is None with a `reason`; `labels`
    are counted, and `labels_vary` says whether any two of them differ.
    """

    human_mean: FloatArray
    human_n: FloatArray
    human_variance: FloatArray
    machine_mean: FloatArray
    machine_n: FloatArray
    machine_variance: FloatArray
    line: MachineLine | None
    reason: Reason | None
    labels: IntArray
    labels_vary: bool
    binary: bool
    scale: tuple[float, float]


def channels(contacts: Contacts) -> Channels:
    """Both channels of every agent. ValueError for arrays of different length, a code out of range, a bad weight."""
    human, of_human, of_machine, machine = _checked(contacts)
    has = ~np.isnan(human)
    w = np.ones(human.size) if contacts.weights is None else checked_weights(contacts.weights)
    mean, effective, labels = _means(of_human[has], human[has], w[has], contacts.agents)
    scored = ~np.isnan(machine)
    given = contacts.unlabelled_weights
    rest = np.ones(machine.size) if given is None else checked_weights(given)
    machine_mean, machine_n, _ = _means(of_machine[scored], machine[scored], rest[scored], contacts.agents)
    spread = (_LEAST_SPREAD * (contacts.scale[1] - contacts.scale[0])) ** 2
    human_variance = _pooled(of_human[has], human[has], contacts)
    machine_variance = _variance(of_machine[scored], machine[scored], contacts, machine_mean, machine_n)
    line, reason = machine_line(of_human, human, contacts.machine_of_labelled, contacts.weights)
    return Channels(
        mean,
        effective,
        np.maximum(human_variance, spread),
        machine_mean,
        machine_n,
        np.maximum(machine_variance, spread),
        line,
        reason,
        labels.astype(np.int64),
        bool(has.any()) and float(np.ptp(human[has])) > 0,
        contacts.binary,
        contacts.scale,
    )


def machine_line(
    agent: IntArray, human: FloatArray, machine: FloatArray, weights: FloatArray | None = None
) -> tuple[MachineLine | None, Reason | None]:
    """Least squares of the machine's score on the human value, or None and the reason why there is none.

    Shapes (n,). The covariance is the sandwich by agent with the factor C/(C-1)·(n-1)/(n-2) (Cameron & Miller 2015);
    with fewer than eight agents each contact counts as its own cluster.
    """
    keep = ~(np.isnan(human) | np.isnan(machine))
    y, f = human[keep], machine[keep]
    w = np.ones(y.size) if weights is None else weights[keep] / weights[keep].mean()
    if y.size < MIN_CALIBRATION:
        return (
            None,
            Reason(
                "too_few",
                f"{y.size} labelled contacts with a machine score are too few to calibrate ({MIN_CALIBRATION} needed)",
            ),
        )
    if np.ptp(y) == 0:
        return None, Reason("one_class", "the labels are all of one class, so the machine cannot be calibrated")
    x = np.stack([np.ones(y.size), y], axis=1)
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    alpha, beta = bread @ ((x * w[:, None]).T @ f)
    residual = (f - alpha - beta * y) * w
    of, names = compact(agent[keep])
    if names.size < 8:
        of, names = np.arange(y.size), np.arange(y.size)
    scores = group_sums(of, names.size, residual, residual * y)[:, 1:]
    factor = names.size / (names.size - 1) * (y.size - 1) / (y.size - 2)
    return MachineLine(float(alpha), float(beta), factor * bread @ (scores.T @ scores) @ bread, y.size), None


def _checked(contacts: Contacts) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
    same_shape(agent=contacts.labelled_agent, human=contacts.human, machine=contacts.machine_of_labelled)
    same_shape(agent=contacts.unlabelled_agent, machine=contacts.machine)
    for codes in (contacts.labelled_agent, contacts.unlabelled_agent):
        if codes.size and not 0 <= codes.min() <= codes.max() < contacts.agents:
            raise ValueError(f"an agent code lies outside 0-{contacts.agents - 1}")
    given = contacts.human[~np.isnan(contacts.human)]
    low, high = contacts.scale
    if np.any((given < low) | (given > high)):
        raise ValueError(f"a human value lies outside the scale {low:g}-{high:g}")
    if contacts.binary and np.any((given != 0) & (given != 1)):
        raise ValueError("a binary item has human values 0 and 1 only")
    return contacts.human, contacts.labelled_agent, contacts.unlabelled_agent, contacts.machine


def _means(of: IntArray, values: FloatArray, w: FloatArray, agents: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted mean (0 where empty), effective n (Σw)²/Σw², and count, by agent."""
    sums = group_sums(of, agents, w, w * w, w * values)
    count, total, squares, products = sums.T
    some = count > 0
    mean, effective = np.zeros(agents), np.zeros(agents)
    mean[some] = products[some] / total[some]
    effective[some] = total[some] ** 2 / squares[some]
    return mean, effective, count


def _variance(of: IntArray, values: FloatArray, contacts: Contacts, mean: FloatArray, n: FloatArray) -> FloatArray:
    """Variance of one contact's value within an agent, shape (agents,).

    Of 0/1 values p(1-p), the agent's p drawn towards the overall one with 20 pseudo-contacts, so that an agent whose
    few contacts all agree does not seem certain; else the variance pooled over agents.
    """
    if values.size == 0:
        return np.ones(contacts.agents)
    if contacts.binary and bool(np.all((values == 0) | (values == 1))):
        overall = (float(values.sum()) + 1) / (values.size + 2)
        p = (n * mean + _PSEUDO_CONTACTS * overall) / (n + _PSEUDO_CONTACTS)
        return np.asarray(p * (1 - p))
    return _pooled(of, values, contacts)


def _pooled(of: IntArray, values: FloatArray, contacts: Contacts) -> FloatArray:
    """Variance of one contact's value within an agent, the same for all agents, shape (agents,).

    For the labels always: the few of one agent say nearly nothing about its own variance, and where they all agree
    a variance of its own would make them count for more, which draws the estimates towards such agents.
    """
    found = variance_components(values, of)
    if found is None or found.within == 0:
        # No agent has two values; the total variance is more than that within, so the interval errs to the wide side.
        within = float(values.var(ddof=1)) if values.size > 1 else math.inf
        within = within if math.isfinite(within) else ((contacts.scale[1] - contacts.scale[0]) / 2) ** 2
    else:
        within = found.within
    return np.full(contacts.agents, within)
