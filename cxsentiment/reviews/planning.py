"""How many contacts people must grade for a goal, and which ones next: drawn by chance, within strata.

Two lists. The random one is a stratified sample, each contact with its inclusion probability. The targeted one is drawn
from the rest, likelier the less sure the verdicts and the likelier a critical error; its inclusion probabilities hold
both steps, so that either list, or both together, can be weighted back to all contacts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np

from cxsentiment.errors import UsageError
from cxsentiment.reasons import Reason
from cxsentiment.reviews.frame import Frame, read_frame
from cxsentiment.reviews.graded import human_scores
from cxsentiment.reviews.labels import Label, of_rubric
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, tally
from cxsentiment.stats.estimates import bare, missing, normal_quantile
from cxsentiment.stats.reliability import variance_components
from cxsentiment.stats.sampling import (
    allocate,
    draw,
    draw_by_size,
    inclusion_probabilities,
    n_for_interval,
    n_to_find,
    n_with_machine,
)

Kind = Literal["per-agent", "critical"]
_LEAST_SIZE = 0.05  # of a contact about which nothing is unsure: it must be possible to draw it
_LEAST_GRADED = 30  # contacts graded by people before their own spread is used

# What a list is stratified by: the finest of these whose strata get two contacts each.
_WITHIN_AGENT = (("channel", "campaign"), ("channel",), ())
_OVER_ALL = (("agent", "channel", "campaign"), ("agent", "channel"), ("channel", "campaign"), ("channel",), ())


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted: each agent's mean score to ± `half_width` points (0-100), or one error of `prevalence` (0-1)
    found with `confidence` (0-1); `at_most` contacts, if people cannot grade more.
    """

    kind: Kind
    half_width: float = 0.0
    prevalence: float = 0.0
    confidence: float = 0.95
    at_most: int | None = None

    @classmethod
    def of(
        cls,
        kind: str,
        *,
        half_width: float | None,
        prevalence: float | None,
        confidence: float = 0.95,
        at_most: int | None = None,
    ) -> "Goal":
        """Check what the command line gave. Raises UsageError for another goal, or one without its number."""
        if kind not in ("per-agent", "critical"):
            raise UsageError(f"--goal {kind}", "is no goal", allowed="per-agent, critical")
        if kind == "per-agent" and (half_width is None or not 0 < half_width <= 50):
            raise UsageError(
                "--goal per-agent", "needs the width wanted", allowed="--half-width, above 0, at most 50 points"
            )
        if kind == "critical" and (prevalence is None or not 0 < prevalence < 1):
            raise UsageError("--goal critical", "needs how rare the errors are", allowed="--prevalence between 0 and 1")
        if not 0 < confidence < 1:
            raise UsageError(f"--confidence {confidence:g}", "is no share", allowed="between 0 and 1, such as 0.95")
        return cls(cast("Kind", kind), half_width or 0.0, prevalence or 0.0, confidence, at_most)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One contact to grade: its row in the frame, why, how likely it was to be drawn (0-1], and its stratum."""

    row: int
    purpose: Literal["random", "double", "targeted"]
    probability: float
    stratum: str


@dataclass(frozen=True, slots=True)
class Share:
    """What is asked of one agent: contacts in all, those graded, needed for the goal, drawn now; and what comes of it.

    `half_width` is the one that the mean of graded and drawn contacts will have, in points.
    """

    agent: str
    contacts: int
    graded: int
    needed: int
    drawn: int
    half_width: Estimate


@dataclass(frozen=True, slots=True)
class Stratum:
    """What is asked of one stratum: its contacts, those graded, those drawn now; n/N of them is the probability."""

    stratum: str
    contacts: int
    graded: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan. `needed` contacts for the goal, in all; `spread` of one contact's score within agents, in points.

    `with_machine`: the needed ones where machine scores are used as well, by their correlation with people's.
    `reached`: the confidence that what is graded and drawn gives (critical).
    """

    goal: Goal
    frame: Frame
    spread: Estimate
    needed: int
    graded: int
    with_machine: Estimate
    reached: Estimate
    shares: tuple[Share, ...]
    strata: tuple[Stratum, ...]
    drawn: tuple[Drawn, ...]
    targeted: tuple[Drawn, ...]


def make_plan(
    run: Path, goal: Goal, labels: Sequence[Label] = (), *, double: int = 0, targeted: int = 0, seed: int = 0
) -> Plan:
    """Plan a run's next contacts to grade. Same run, labels and seed, same plan.

    Raises:
        RunError: no finished run.
        UsageError: no contact of the run can be graded.
    """
    frame = read_frame(run)
    current, _ = of_rubric(labels, *frame.rubric[:2])
    sampled = {label.contact_id for label in current if label.purpose in ("random", "double")}
    graded = np.array([contact in sampled for contact in frame.ids], dtype=np.bool_)
    pairs = human_scores(run, current, frame)
    spread = _spread(frame, pairs)
    if goal.kind == "per-agent" and spread.value is None:
        raise UsageError(
            "--goal per-agent",
            Reason("constant", f"the spread of scores is not known: {spread.reason}"),
            do="Plan on a run of several agents with several scored contacts each, or use --goal critical",
        )
    wanted, needed = _wanted(frame, goal, graded, spread)
    strata = _Strata.of(frame, goal, wanted)
    found = draw(strata.codes, strata.allocation, graded=np.flatnonzero(graded), seed=seed)
    size = tally(strata.codes[strata.codes >= 0], len(strata.names))
    free = tally(strata.codes[(strata.codes >= 0) & ~graded], len(strata.names))
    code = strata.codes[found.rows]
    # Of all contacts of the stratum, those graded in an earlier round too: these were left to chance then.
    p = found.probabilities * free[code] / size[code]
    twice = _twice(found.rows, double, seed)
    drawn = tuple(
        Drawn(row, "double" if row in twice else "random", float(share), strata.names[strata.codes[row]])
        for row, share in zip(found.rows.tolist(), p.tolist(), strict=True)
    )
    first = np.zeros(len(frame.ids))
    known = strata.codes >= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        first[known] = np.nan_to_num(np.minimum(strata.allocation, free) / size)[strata.codes[known]]
    touched = {label.contact_id for label in current}
    return Plan(
        goal=goal,
        frame=frame,
        spread=spread,
        needed=needed,
        graded=int(graded.sum()),
        with_machine=_with_machine(goal, spread, pairs, frame),
        reached=_reached(goal, int(graded.sum()) + len(drawn), len(frame.ids)),
        shares=_shares(frame, goal, graded, found.rows, spread),
        strata=tuple(
            Stratum(name, int(whole), int(whole - left), int(now))
            for name, whole, left, now in zip(strata.names, size, free, tally(code, size.size), strict=True)
        ),
        drawn=drawn,
        targeted=_targeted(frame, targeted, first, found.rows, touched, strata, seed),
    )


@dataclass(frozen=True, slots=True)
class _Strata:
    """Code of each contact (-1 never drawn), how many to draw from each stratum, and its name."""

    codes: IntArray
    allocation: IntArray
    names: list[str]

    @classmethod
    def of(cls, frame: Frame, goal: Goal, wanted: IntArray) -> "_Strata":
        """`wanted` contacts of each agent (per-agent, shape (agents,)), or of all (critical, shape (1,))."""
        codes = np.full(len(frame.ids), -1, dtype=np.int64)
        allocation: list[int] = []
        names: list[str] = []
        if goal.kind == "critical":
            _fill(frame, np.arange(len(frame.ids)), int(wanted[0]), _OVER_ALL, "", codes, allocation, names)
            return cls(codes, np.array(allocation, dtype=np.int64), names)
        for agent, count in enumerate(wanted.tolist()):
            rows = np.flatnonzero(frame.agent == agent)
            _fill(frame, rows, count, _WITHIN_AGENT, frame.agents[agent], codes, allocation, names)
        return cls(codes, np.array(allocation, dtype=np.int64), names)


def _fill(
    frame: Frame,
    rows: IntArray,
    count: int,
    levels: Sequence[tuple[str, ...]],
    prefix: str,
    codes: IntArray,
    allocation: list[int],
    names: list[str],
) -> None:
    """Stratify `rows` by the finest level whose strata get two contacts each, and share `count` out by size.

    Every stratum gets one at least: a contact that could never be drawn would be spoken for by nobody.
    """
    for by in levels:
        of, labels = frame.crossed(rows, by)
        if len(labels) * 2 <= count or not by:
            break
    codes[rows] = of + len(names)
    allocation.extend(allocate(count, np.bincount(of, minlength=len(labels)), least=1).tolist())
    names.extend("/".join(part for part in (prefix, label) if part) or "all" for label in labels)


def _wanted(frame: Frame, goal: Goal, graded: BoolArray, spread: Estimate) -> tuple[IntArray, int]:
    """Contacts to draw now of each agent (or of all), and the contacts that the goal needs in all."""
    if goal.kind == "critical":
        needed = n_to_find(goal.prevalence, len(frame.ids), goal.confidence)
        more = min(max(0, needed - int(graded.sum())), int((~graded).sum()))
        return np.array([more if goal.at_most is None else min(more, goal.at_most)], dtype=np.int64), needed
    known = frame.agent >= 0
    count = len(frame.agents)
    contacts = tally(frame.agent[known], count).astype(np.int64)
    done = tally(frame.agent[known & graded], count).astype(np.int64)
    needs = [n_for_interval(goal.half_width, spread.value or 0.0, size) for size in contacts.tolist()]
    add = np.minimum(np.maximum(np.array(needs, dtype=np.int64) - done, 0), contacts - done)
    if goal.at_most is not None and add.sum() > goal.at_most:
        add = allocate(goal.at_most, add)
    return add, int(sum(needs))


def _spread(frame: Frame, pairs: tuple[IntArray, FloatArray]) -> Estimate:
    """Standard deviation of one contact's score within agents: of people's scores, or of the machine's until then."""
    rows, human = pairs
    if rows.size >= _LEAST_GRADED:
        found = variance_components(human, frame.agent[rows])
        if found is not None and found.within > 0:
            return bare(
                math.sqrt(found.within),
                rows.size,
                "SD within agents of people's scores",
                Reason("planned", "taken as given for a plan"),
            )
    keep = (frame.agent >= 0) & ~np.isnan(frame.score)
    found = variance_components(frame.score[keep], frame.agent[keep])
    method = "SD within agents of machine scores"
    if found is None or found.within <= 0:
        return missing(
            Reason("constant", "scores do not vary within agents, or there is one agent only"), method, int(keep.sum())
        )
    return bare(
        math.sqrt(found.within),
        int(keep.sum()),
        method,
        Reason("planned", f"taken as given for a plan until people have graded {_LEAST_GRADED} whole contacts"),
    )


def _with_machine(goal: Goal, spread: Estimate, pairs: tuple[IntArray, FloatArray], frame: Frame) -> Estimate:
    """Contacts for one mean over the whole run, with the machine's scores used as well (prediction-powered)."""
    method = "contacts for the mean of the whole run, with machine scores"
    rows, human = pairs
    if goal.kind != "per-agent":
        return missing(Reason("not_applicable", "of a mean score only"), method)
    if rows.size < _LEAST_GRADED:
        return missing(
            Reason("too_few", f"people have graded {rows.size} whole contacts; {_LEAST_GRADED} are needed"),
            method,
            rows.size,
        )
    machine = frame.score[rows]
    known = ~np.isnan(machine)
    if known.sum() < _LEAST_GRADED or np.ptp(human[known]) == 0 or np.ptp(machine[known]) == 0:
        return missing(Reason("constant", "people's or the machine's scores do not vary"), method, int(known.sum()))
    r = float(np.corrcoef(human[known], machine[known])[0, 1])
    needed = n_with_machine(goal.half_width, spread.value or 0.0, r, len(frame.ids))
    return bare(
        float(needed), int(known.sum()), method, Reason("planned", f"the correlation of machine and people is {r:.2f}")
    )


def _reached(goal: Goal, n: int, population: int) -> Estimate:
    """The confidence that `n` of the contacts hold at least one of the run's errors, as `n_to_find` counts them."""
    method = "1 - P(no error among n of N contacts), hypergeometric"
    if goal.kind != "critical":
        return missing(Reason("not_applicable", "of rare errors only"), method)
    errors = math.ceil(round(goal.prevalence * population, 9))
    missed = math.prod(max(0, population - errors - k) / (population - k) for k in range(n))
    return bare(1 - missed, n, method, Reason("planned", "follows from the plan"))


def _shares(
    frame: Frame,
    goal: Goal,
    graded: BoolArray,
    rows: IntArray,
    spread: Estimate,
) -> tuple[Share, ...]:
    known = frame.agent >= 0
    drawn = np.zeros(len(frame.ids), dtype=np.bool_)
    drawn[rows] = True
    counts = np.stack(
        [tally(frame.agent[known & which], len(frame.agents)) for which in (np.ones_like(known), graded, drawn)], axis=1
    )
    found = []
    for agent, (contacts, done, now) in zip(frame.agents, counts.astype(np.int64).tolist(), strict=True):
        needed = n_for_interval(goal.half_width, spread.value or 0.0, contacts) if goal.kind == "per-agent" else 0
        found.append(Share(agent, contacts, done, needed, now, _half_width(spread, done + now, contacts)))
    return tuple(found)


def _half_width(spread: Estimate, n: int, population: int) -> Estimate:
    method = "1.96 SD / √n · √(1 - n/N)"
    if spread.value is None or n == 0:
        return missing(
            Reason("no_labels", "nothing is graded")
            if n == 0
            else Reason("constant", "the spread of scores is not known"),
            method,
            n,
        )
    half = normal_quantile(0.975) * spread.value / math.sqrt(n) * math.sqrt(max(0.0, 1 - n / population))
    return bare(half, n, method, Reason("planned", "follows from the plan"))


def _twice(rows: IntArray, count: int, seed: int) -> set[int]:
    """Which of the drawn contacts two people grade."""
    rng = np.random.default_rng([seed, 1])
    return set(rng.choice(rows, min(count, rows.size), replace=False).tolist()) if count else set()


def _targeted(
    frame: Frame, count: int, first: FloatArray, rows: IntArray, touched: set[str], strata: _Strata, seed: int
) -> tuple[Drawn, ...]:
    """Contacts of which the machine is unsure or that may hold a critical error, from what the random list left."""
    sizes = _LEAST_SIZE + frame.unsure + frame.critical
    sizes[rows] = 0
    sizes[[k for k, contact in enumerate(frame.ids) if contact in touched]] = 0
    if count == 0 or not np.any(sizes > 0):
        return ()
    found = draw_by_size(sizes, count, seed=seed + 1)
    chances = inclusion_probabilities(sizes, count)
    return tuple(
        Drawn(
            row,
            "targeted",
            float(chances[row] * (1 - first[row])),
            strata.names[strata.codes[row]] if strata.codes[row] >= 0 else "",
        )
        for row in found.rows.tolist()
        if chances[row] * (1 - first[row]) > 0
    )
