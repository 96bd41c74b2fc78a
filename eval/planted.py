"""Made data with planted truth, for checking intervals: agents, campaigns, surveys, drift. Nothing here is fitted.

The parameters are those of the methods' acceptance table; where it leaves one open, the value chosen is said here.
"""

from dataclasses import dataclass

import numpy as np

from cxsentiment.stats.arrays import FloatArray, IntArray
from cxsentiment.stats.channels import Contacts

AGENTS = 60
FEWEST, MOST = 10, 110  # contacts of an agent, uniform: 60 on average, some below 30
# A composite of eight items: how often people say yes, and how the machine errs, item by item.
_WEIGHTS = np.array([10, 15, 20, 5, 10, 10, 15, 15]) / 100
_YES = np.array([0.88, 0.78, 0.62, 0.84, 0.72, 0.58, 0.82, 0.68])
_SE, _SP = np.linspace(0.80, 0.97, 8), np.linspace(0.72, 0.90, 8)
_CONTACT_SD = 0.1  # logits by which all items of a contact move together
_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, slots=True)
class Planted:
    """Contacts for the two-channel model, the agents' true means, contacts per agent, and the raw machine means."""

    contacts: Contacts
    truth: FloatArray
    sizes: IntArray
    raw: FloatArray
    human_only: FloatArray


def logit(p: FloatArray | float) -> FloatArray:
    """Log odds."""
    return np.asarray(np.log(np.asarray(p) / (1 - np.asarray(p))))


def expit(x: FloatArray) -> FloatArray:
    """Probability from log odds."""
    return np.asarray(1 / (1 + np.exp(-x)))


def item(
    rng: np.random.Generator, labels: int, se: float, sp: float, *, yes: float, tau: float, machine_sd: float = 0.0
) -> Planted:
    """One 0/1 item: agents differ by `tau` logits, the machine's errors by `machine_sd` logits between agents."""
    truth = expit(logit(yes) + tau * rng.standard_normal(AGENTS))
    sizes, agent = _sizes(rng)
    y = (rng.random(agent.size) < truth[agent]).astype(np.float64)
    se_of = expit(logit(se) + machine_sd * rng.standard_normal(AGENTS))[agent]
    sp_of = expit(logit(sp) + machine_sd * rng.standard_normal(AGENTS))[agent]
    f = np.where(y == 1, rng.random(y.size) < se_of, rng.random(y.size) > sp_of).astype(np.float64)
    return _planted(rng, agent, y, f, labels, truth, sizes, binary=True, scale=(0.0, 1.0))


def composite(rng: np.random.Generator, labels: int, *, agent_sd: float, machine_sd: float = 0.0) -> Planted:
    """A score of 0-100 from eight items; agents differ by `agent_sd` logits on all of them."""
    u = agent_sd * rng.standard_normal(AGENTS)
    sizes, agent = _sizes(rng)
    shift = u[agent] + _CONTACT_SD * rng.standard_normal(agent.size)
    y = rng.random((agent.size, 8)) < expit(logit(_YES) + shift[:, None])
    lean = machine_sd * rng.standard_normal(AGENTS)[agent, None]
    said = np.where(
        y,
        rng.random(y.shape) < expit(logit(_SE) + lean),
        rng.random(y.shape) > expit(logit(_SP) - lean),
    )
    human, machine = 100 * y @ _WEIGHTS, 100 * said @ _WEIGHTS
    return _planted(rng, agent, human, machine, labels, composite_truth(u), sizes, binary=False, scale=(0.0, 100.0))


def composite_truth(u: FloatArray) -> FloatArray:
    """Expected score of agents who lie `u` logits above the mean, the contacts' own shifts integrated out."""
    p = expit(logit(_YES)[None, None] + u[:, None, None] + _CONTACT_SD * _NODES[None, :, None])
    return np.asarray(100 * np.einsum("anj,n,j->a", p, _NODE_WEIGHTS / _NODE_WEIGHTS.sum(), _WEIGHTS))


def _sizes(rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    sizes = rng.integers(FEWEST, MOST + 1, AGENTS)
    return sizes, np.repeat(np.arange(AGENTS), sizes)


def _planted(
    rng: np.random.Generator,
    agent: IntArray,
    y: FloatArray,
    f: FloatArray,
    labels: int,
    truth: FloatArray,
    sizes: IntArray,
    *,
    binary: bool,
    scale: tuple[float, float],
) -> Planted:
    # The first `labels` contacts of each agent in a random order are the ones people grade.
    order = np.lexsort((rng.random(agent.size), agent))
    place = np.empty(agent.size, dtype=np.int64)
    place[order] = np.concatenate([np.arange(size) for size in sizes])
    has = place < labels
    contacts = Contacts(len(truth), agent[has], y[has], f[has], agent[~has], f[~has], binary, scale)
    return Planted(contacts, truth, sizes, _means(agent, f), _means(agent[has], y[has]))


def _means(agent: IntArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.bincount(agent, weights=values, minlength=AGENTS) / np.bincount(agent, minlength=AGENTS))


def clustered_pairs(
    rng: np.random.Generator, sizes: IntArray, x_sd: float, y_sd: float, slope: float
) -> tuple[FloatArray, FloatArray, IntArray]:
    """A feature and an answer of 1-5, each with its own agent effects of that standard deviation."""
    of = np.repeat(np.arange(sizes.size), sizes)
    x = x_sd * rng.standard_normal(sizes.size)[of] + rng.standard_normal(of.size)
    latent = slope * x + y_sd * rng.standard_normal(sizes.size)[of] + rng.standard_normal(of.size)
    return x, np.clip(np.round(3.5 + latent), 1, 5), of


def case_mix(
    rng: np.random.Generator, agents: int = 60, each: int = 60
) -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """Scores, hard-queue flag, agents and true skills: a hard queue costs 8 points and is given to better agents."""
    skill = 4 * rng.standard_normal(agents)
    of = np.repeat(np.arange(agents), each)
    hard = (rng.random(of.size) < expit(-0.4 + 0.8 * skill[of] / 4)).astype(np.float64)
    return 75 + skill[of] - 8 * hard + 12 * rng.standard_normal(of.size), hard, of, skill


@dataclass(frozen=True, slots=True)
class Survey:
    """Answers (1 or 0, top two) of everybody, who answered, and what was known of all before."""

    happy: FloatArray
    answered: FloatArray
    covariates: FloatArray

    @property
    def seen(self) -> FloatArray:
        """The answers, NaN where none came."""
        return np.where(self.answered > 0, self.happy, np.nan)


def survey(rng: np.random.Generator, n: int = 6_000, *, by_happiness: float = 0.0) -> Survey:
    """Satisfaction and answering both depend on two covariates; `by_happiness` logits more if the customer is happy."""
    z = rng.standard_normal((n, 2))
    happy = (rng.random(n) < expit(1.45 + 1.0 * z[:, 0] + 0.4 * z[:, 1])).astype(np.float64)
    answered = rng.random(n) < expit(-2.0 + 0.6 * z[:, 0] - 0.3 * z[:, 1] + by_happiness * happy)
    return Survey(happy, answered.astype(np.float64), z)


def answers(rng: np.random.Generator, n: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Covariates, answers 0-4 and channels 0 or 1; the second channel is noisier."""
    x = rng.standard_normal((n, 3))
    channel = (rng.random(n) < 0.3).astype(np.int64)
    noise = rng.logistic(size=n) * np.where(channel == 1, 1.6, 1.0)
    latent = x @ np.array([0.8, 0.4, -0.3]) + noise
    return x, np.digitize(latent, [-3.0, -1.8, -0.8, 0.6]).astype(np.int64), channel


def days(rng: np.random.Generator, day_sd: float, count: int = 60, n: int = 400) -> tuple[FloatArray, FloatArray]:
    """Passed contacts of `count` days of `n`, days differing by `day_sd` logits about 85 %."""
    p = expit(logit(0.85) + day_sd * rng.standard_normal(count))
    return rng.binomial(n, p).astype(np.float64), np.full(count, float(n))


def batches(
    rng: np.random.Generator, labels: int, *, yes: float, se: float, sp: float, count: int = 10
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Truth and flags of `labels` contacts in each of `count` batches."""
    batch = np.repeat(np.arange(count), labels)
    y = rng.random(batch.size) < yes
    flagged = np.where(y, rng.random(batch.size) < se, rng.random(batch.size) > sp)
    return y.astype(np.float64), flagged.astype(np.float64), batch
