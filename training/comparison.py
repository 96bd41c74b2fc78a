"""The start model against the new one on the same held-out turns: F1 with intervals, and the paired difference.

Contacts are drawn with replacement, the same ones for both models (paired bootstrap; Efron and Tibshirani 1993), for
turns of one contact are alike. Where labelled turns name no contact, single turns are drawn in their place, the
interval is too narrow, and no verdict is given. Intervals are percentiles, 2.5 to 97.5; the seed is fixed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cxsentiment.amounts import counted
from cxsentiment.model import GRAPH, WEIGHTS, Bundle, Model
from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.stats.estimates import MIN_CLUSTERS
from training.batches import turns_of
from training.calibrate import scores_of, targets_of
from training.campaign import Material
from training.config import CAMPAIGN
from training.data import Part
from training.sources import LabelledTurn
from training.templates import environment

REPEATS = 2000
SEED = 20
MIN_CASES = 5  # classes with fewer true cases stay out of the macro mean and get no interval: mostly chance
FEW = 30  # contacts; a percentile bootstrap of fewer clusters covers less than it says (Cameron and others 2008)
HEADS = ("sentiment", "acts")
CARD = "MODEL_CARD.md"
FIGURES = "campaign.json"
Verdict = Literal["better", "worse", "cannot be told apart", "not measured", "not judged"]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval; `low` and `high` are None where contacts or true cases are too few for one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure of both models (F1, 0-1) and their difference (-1 to 1); `cases` turns truly carry the class."""

    cases: int
    before: Figure
    after: Figure
    difference: Figure


@dataclass(frozen=True, slots=True)
class HeadPair:
    """Both models on one head: the macro mean over `macro_classes` (None where there are none), and each class.

    Where `unnamed` labelled turns name no contact, `contacts` counts turns of theirs too.
    """

    turns: int
    contacts: int
    macro_classes: tuple[str, ...]
    macro: Pair | None
    classes: Mapping[str, Pair]
    unnamed: int = 0

    @property
    def verdict(self) -> Verdict:
        """Whether the macro mean of the new model is better: the interval of the difference decides, over contacts."""
        if self.macro is None:
            return "not measured"
        if self.unnamed:
            return "not judged"
        low, high = self.macro.difference.low, self.macro.difference.high
        if low is not None and low > 0:
            return "better"
        return "worse" if high is not None and high < 0 else "cannot be told apart"


Comparison = Mapping[str, HeadPair]


def compare(start: Model, new: Model, turns: Sequence[LabelledTurn], unnamed: int = 0) -> dict[str, HeadPair]:
    """Both models on `turns`, per head that any of them is for; `unnamed` labelled turns name no contact."""
    truths, before, after = targets_of(turns), scores_of(start, turns), scores_of(new, turns)
    customers = [turn.conversation for turn in turns if turn.sentiment is not None]
    agents = [turn.conversation for turn in turns if turn.acts is not None]
    found = {}
    if customers:
        one_hot = np.eye(len(SENTIMENTS), dtype=np.bool_)
        then, now = one_hot[before[0].argmax(1)], one_hot[after[0].argmax(1)]
        found["sentiment"] = compare_head(SENTIMENTS, one_hot[truths[0]], then, now, customers)
    if agents:
        found["acts"] = compare_head(ACTS, truths[1] > 0, before[1] > 0.5, after[1] > 0.5, agents)
    return {head: replace(pair, unnamed=unnamed) for head, pair in found.items()}


def compare_head(labels: Sequence[str], truth: Bools, before: Bools, after: Bools, contacts: Sequence[str]) -> HeadPair:
    """Figures for the labels that two models give (turns by labels) where `truth` holds; `contacts` by turn."""
    names, groups = np.unique(np.asarray(contacts), return_inverse=True)
    whole = np.ones((1, len(names)))
    chance = np.random.default_rng(SEED)
    draws = chance.multinomial(len(names), np.full(len(names), 1 / len(names)), REPEATS).astype(np.float64)
    cases = truth.sum(0)
    macro = [k for k in range(len(labels)) if cases[k] >= MIN_CASES]
    points = [np.nan_to_num(_f1(truth, said, groups, whole)) for said in (before, after)]
    drawn = [_f1(truth, said, groups, draws) for said in (before, after)]
    enough = len(names) >= MIN_CLUSTERS

    def pair(columns: list[int]) -> Pair:
        old, new = (float(table[0, columns].mean()) for table in points)
        olds, news = (np.ma.masked_invalid(table[:, columns]).mean(1).filled(np.nan) for table in drawn)
        # A single case is found or missed in every draw alike, and would look as sure as a hundred.
        told = enough and bool((cases[columns] >= MIN_CASES).all())
        return Pair(
            int(cases[columns].sum()),
            _figure(old, olds, told),
            _figure(new, news, told),
            _figure(new - old, news - olds, told),
        )

    return HeadPair(
        turns=len(truth),
        contacts=len(names),
        macro_classes=tuple(labels[k] for k in macro),
        macro=pair(macro) if macro else None,
        classes={
            labels[k]: pair([k]) for k in range(len(labels)) if cases[k] or before[:, k].any() or after[:, k].any()
        },
    )


def _f1(truth: Bools, said: Bools, groups: NDArray[np.int64], draws: Floats) -> Floats:
    """F1 by draw and class; nan in a draw that holds no true case, where nothing was to be found."""

    def by_contact(values: Bools) -> Floats:
        table = np.zeros((draws.shape[1], values.shape[1]))
        np.add.at(table, groups, values)
        return draws @ table

    true = by_contact(truth)
    return np.where(true > 0, 2, np.nan) * by_contact(truth & said) / np.maximum(true + by_contact(said), 1)


def _figure(value: float, drawn: Floats, enough: bool) -> Figure:
    known = drawn[np.isfinite(drawn)]
    if not enough or not known.size:
        return Figure(round(value, 4), None, None)
    low, high = (round(float(edge), 4) for edge in np.quantile(known, (0.025, 0.975)))
    return Figure(round(value, 4), low, high)


def shown(figure: Figure, sign: str = "") -> str:
    """`.812 [.79, .83]`, or without an interval where there is none."""
    value = f"{figure.value:{sign}.3f}"
    return value if figure.low is None else f"{value} [{figure.low:{sign}.2f}, {figure.high:{sign}.2f}]"


def sentence(head: str, found: HeadPair | None) -> str:
    """What the comparison says of one head, in plain words; None where no turn of it was held out."""
    if found is None:
        return f"{head}: no labelled turn was held out, so nothing can be said."
    said = {
        "not measured": f"no class has {MIN_CASES} cases, so nothing can be said.",
        "better": "the new model is better.",
        "worse": "the new model is WORSE than the one it started from.",
        "cannot be told apart": "the new model is not shown to be better; the difference may be chance.",
        "not judged": f"no verdict, for {found.unnamed} labelled turns name no contact: turns of one contact may stand "
        "on both sides, and the intervals are too narrow.",
    }[found.verdict]
    few = found.verdict in ("better", "worse") and found.contacts < FEW
    doubt = " With so few contacts the interval is too narrow: label more before relying on it." if few else ""
    of = "" if found.unnamed else f" of {counted(found.contacts, 'contact')}"
    return f"{head}, {counted(found.turns, 'held-out turn')}{of}: {said}{doubt}{_judged_by(found)}"


def _judged_by(found: HeadPair) -> str:
    """Which classes the verdict is about, where others that were held out have too few cases to count in it."""
    known = [name for name, row in found.classes.items() if row.cases]
    if not found.macro or found.unnamed or len(known) == len(found.macro_classes):
        return ""
    names = found.macro_classes
    by = f"{names[0]} alone" if len(names) == 1 else f"{len(names)} of the {len(known)} classes that were held out"
    return f" It is judged by {by}, for the others have fewer than {MIN_CASES} cases."


def report(start: Path, out: Path, material: Material) -> tuple[Comparison, Comparison]:
    """Compare the bundle `out` with the one it started from; write campaign.json and the card into `out`.

    Returns the comparison on the campaign's held-out turns, and on the part of the replay that was kept from training.
    """
    before, after = Model(start), Model(out)

    def compared(part: Part, own: bool) -> dict[str, HeadPair]:
        rows = [turn for turn in turns_of(material.tables.parts[part]) if (turn.source == CAMPAIGN) == own]
        return compare(before, after, rows, material.unnamed if own else 0)

    held_out, kept = compared("test", own=True), compared("dev", own=False)
    figures = {
        "start": _identity(before),
        "model": _identity(after),
        **material.facts,
        "held_out": {head: asdict(found) | {"verdict": found.verdict} for head, found in held_out.items()},
        "replay_dev": {head: asdict(found) | {"verdict": found.verdict} for head, found in kept.items()},
    }
    (out / FIGURES).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (out / CARD).write_text(card(after.bundle, figures, held_out, kept), encoding="utf-8")
    return held_out, kept


def _identity(model: Model) -> dict[str, str]:
    bundle = model.bundle
    return {"name": bundle.name, "version": bundle.version, "sha256": model.sha256} | {
        "onnx_sha256": bundle.files[WEIGHTS if WEIGHTS in bundle.files else GRAPH].sha256
    }


def card(bundle: Bundle, figures: Mapping[str, Any], held_out: Comparison, kept: Comparison) -> str:
    """The text of a campaign model's card."""
    templates = environment()
    templates.filters |= {"shown": shown}
    return templates.get_template("campaign_card.md.j2").render(
        bundle=bundle,
        training=bundle.training,
        figures=figures,
        held_out=held_out,
        kept=kept,
        heads=HEADS,
        sentence=sentence,
    )


def table(found: Comparison) -> str:
    """The comparison for a terminal: one line a figure."""
    lines = []
    for head in HEADS:
        lines.append(sentence(head, found.get(head)))
        if (pair := found.get(head)) is None:
            continue
        rows = {f"macro-F1, classes: {len(pair.macro_classes)}": pair.macro} if pair.macro else {}
        lines += [f"  {'':28} {'cases':>5}  {'before':21} {'after':21} difference"]
        lines += [
            f"  {name:28} {row.cases:5}  {shown(row.before):21} {shown(row.after):21} {shown(row.difference, '+')}"
            for name, row in (rows | dict(pair.classes)).items()
        ]
    return "\n".join(lines)
