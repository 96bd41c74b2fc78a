"""Behaviour tests of a bundle: `python -m eval.behaviour models/default [--out eval/results]`.

Runs the cases of `eval/behaviour/*.yaml` (see eval/suite.py) through the product's own path, prints pass rates per
capability and head with Wilson intervals, flip rates and failures, and writes `<out>/<model>-behaviour.json` and `.md`.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxsentiment.errors import CxError
from cxsentiment.kept_figures import OF_BUNDLE
from cxsentiment.model import Head, Model
from cxsentiment.predict import predict_texts
from cxsentiment.privacy import mask
from cxsentiment.stats.rates import share_interval, wilson_interval
from cxsentiment.text import clean
from eval.sources import results_folder
from eval.suite import HEADS, Capability, Case, Direction, Invariance, Minimum, Variant, read_suite
from eval.tables import TITLES, interval

CASES = Path(__file__).parent / "behaviour"
SURE = 0.8  # a label that must not be there, with more than this probability, is surely wrong
_SHOWN = 160  # characters of a text in the Markdown; the JSON has all of it
_KINDS = ("minimum", "invariance", "direction")


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n` as `value` in 0-1, with its 95 % interval; all None where n is 0.

    Cases count as independent (Wilson); variants of one text do not, see `_flipped`.
    """

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that failed, why, and the probabilities of the labels it turns on."""

    group: str
    text: str
    why: str
    probs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Flip:
    """Whether a variant got other labels than its reference, and the largest shift of a probability (0-1)."""

    group: str
    flipped: bool
    shift: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case: it passed where no text failed. `flips` are its variants, of an invariance only.

    `surely_wrong` says that a label that must not be there has a probability above SURE; None but for minimum.
    """

    id: str
    capability: str
    kind: str
    head: str
    report_only: bool
    failures: tuple[Failure, ...]
    flips: tuple[Flip, ...] = ()
    surely_wrong: bool | None = None

    @property
    def passed(self) -> bool:
        """Whether no text of the case failed."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class CapabilityResult:
    """Figures of a capability: cases passed, in all and by head and kind, without those that are report_only.

    `flips` is the share of variants with other labels, by group and over all, of report_only cases too; `shifts` is the
    mean of their shifts.
    """

    about: str
    groups: str
    all: Share
    heads: dict[str, Share]
    kinds: dict[str, Share]
    report_only: Share
    surely_wrong: Share
    flips: dict[str, Share]
    shifts: dict[str, float]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Figures of a whole suite. `fairness` names the capabilities whose groups are people."""

    cases: int
    all: Share
    heads: dict[str, Share]
    kinds: dict[str, Share]
    capabilities: dict[str, CapabilityResult]
    fairness: tuple[str, ...]
    outcomes: tuple[Outcome, ...]


class _Answers:
    """What the model says of a set of texts, each scored once."""

    def __init__(self, model: Model, asked: Iterable[tuple[str, str]]) -> None:
        self.heads: dict[str, Head] = {name: model.bundle.head(name) for name in HEADS}
        pairs = list(dict.fromkeys(asked))
        found = predict_texts(model, [(self.heads[name], mask(clean(text)).text) for name, text in pairs])
        self._probs = {pair: np.array(probs) for pair, (probs, _) in zip(pairs, found, strict=True)}

    def probs(self, head: str, text: str) -> Any:
        """Probabilities, in the order of the head's labels."""
        return self._probs[head, text]

    def named(self, head: str, probs: Any) -> frozenset[str]:
        """The likeliest sentiment; the acts at or above their thresholds."""
        one = self.heads[head]
        if one.kind == "single":
            return frozenset({one.labels[int(np.argmax(probs))]})
        return frozenset(label for label, p, edge in zip(one.labels, probs, one.thresholds, strict=True) if p >= edge)

    def of(self, head: str, probs: Any, labels: Iterable[str]) -> dict[str, float]:
        """The probabilities of some labels, by label."""
        by_label = dict(zip(self.heads[head].labels, probs.tolist(), strict=True))
        return {label: round(by_label[label], 4) for label in sorted(labels, key=list(by_label).index)}


def behaviour(model: Model, folder: Path = CASES) -> Behaviour:
    """Run all cases of `folder` on `model`. Raises UsageError, with file and case, where a case is not right."""
    suite = read_suite(folder)
    pairs = [(one, case) for one in suite for case in one.cases]
    answers = _Answers(model, ((case.head, text) for one, case in pairs for text in _texts(one, case)))
    outcomes = tuple(_outcome(one, case, answers) for one, case in pairs)
    gated = [outcome for outcome in outcomes if not outcome.report_only]
    return Behaviour(
        cases=len(outcomes),
        all=_passed(gated),
        heads=_by(gated, "head", HEADS),
        kinds=_by(gated, "kind", _KINDS),
        capabilities={
            one.capability: _figures(one, [found for found in outcomes if found.capability == one.capability])
            for one in suite
        },
        fairness=tuple(one.capability for one in suite if one.fairness),
        outcomes=outcomes,
    )


def _texts(capability: Capability, case: Case) -> list[str]:
    filled = [variant.text for variant in capability.filled(case.text)]
    if isinstance(case, Minimum):
        return filled or [case.text]
    if isinstance(case, Direction):
        return [case.text, *case.variants]
    return filled or [case.text, *(variant.text for variant in case.made())]


def _outcome(capability: Capability, case: Case, answers: _Answers) -> Outcome:
    if isinstance(case, Minimum):
        return _minimum(capability, case, answers)
    if isinstance(case, Direction):
        return _direction(capability, case, answers)
    return _invariance(capability, case, answers)


def _minimum(capability: Capability, case: Minimum, answers: _Answers) -> Outcome:
    failures = []
    surely = False
    for variant in capability.filled(case.text) or (Variant("", case.text),):
        probs = answers.probs(case.head, variant.text)
        named = answers.named(case.head, probs)
        wrong = [label for label, there in case.wanted.items() if (label in named) != there]
        forbidden = [label for label, there in case.wanted.items() if not there]
        surely |= any(p > SURE for p in answers.of(case.head, probs, forbidden).values())
        if wrong:
            said = {True: "misses", False: "wrongly has"}
            why = ", ".join(f"{said[case.wanted[label]]} {label}" for label in wrong)
            failures.append(Failure(variant.group, variant.text, why, answers.of(case.head, probs, {*wrong, *named})))
    return Outcome(case.id, capability.capability, "minimum", case.head, case.report_only, tuple(failures), (), surely)


def _invariance(capability: Capability, case: Invariance, answers: _Answers) -> Outcome:
    filled = capability.filled(case.text)
    variants = filled or tuple(case.made())
    if filled or capability.fairness:
        # No group of people is the norm: the reference is what the groups get on average, each counting alike.
        groups: dict[str, list[Any]] = {}
        for variant in variants:
            groups.setdefault(variant.group, []).append(answers.probs(case.head, variant.text))
        reference = np.mean([np.mean(rows, axis=0) for rows in groups.values()], axis=0)
    else:
        reference = answers.probs(case.head, case.text)
    expected = answers.named(case.head, reference)
    flips, failures = [], []
    for variant in variants:
        probs = answers.probs(case.head, variant.text)
        changed = answers.named(case.head, probs) ^ expected
        flips.append(Flip(variant.group, bool(changed), float(np.abs(probs - reference).max())))
        if changed:
            before = answers.of(case.head, reference, changed)
            why = "flips " + ", ".join(f"{label} (reference {p:.2f})" for label, p in before.items())
            failures.append(Failure(variant.group, variant.text, why, answers.of(case.head, probs, changed)))
    return Outcome(
        case.id, capability.capability, "invariance", case.head, case.report_only, tuple(failures), tuple(flips)
    )


def _direction(capability: Capability, case: Direction, answers: _Answers) -> Outcome:
    label = case.watched
    before = answers.of(case.head, answers.probs(case.head, case.text), [label])[label]
    failures = []
    for text in case.variants:
        after = answers.of(case.head, answers.probs(case.head, text), [label])
        if case.gain(before, after[label]) < 0:
            way, ask = ("raise" if case.raises else "lower"), f" by {case.by}" if case.by else ""
            why = f"does not {way} {label}{ask}: {before:.2f} → {after[label]:.2f}"
            failures.append(Failure("", text, why, after))
    return Outcome(case.id, capability.capability, "direction", case.head, case.report_only, tuple(failures))


def _share(values: Sequence[bool]) -> Share:
    found = wilson_interval(sum(values), len(values))
    figures = (None if one is None else round(one, 4) for one in (found.value, found.low, found.high))
    return Share(sum(values), len(values), *figures)


def _flipped(flips: Sequence[tuple[str, Flip]]) -> Share:
    """The share of variants that flip, from pairs of a case's id and a flip.

    Variants of one text are alike, so Wilson's interval takes the effective number of trials (`share_interval`); where
    none or all flip, nothing tells how alike they are and each text counts as one trial. Fewer than MIN_CLUSTERS texts
    give no interval where some flip.
    """
    texts, clusters = np.unique([case for case, _ in flips], return_inverse=True)
    flipped = np.array([flip.flipped for _, flip in flips], dtype=float)
    if 0 < flipped.sum() < flipped.size:
        found = share_interval(flipped, clusters=clusters.astype(np.int64))
    else:
        found = wilson_interval(len(texts) * int(flipped.all()), len(texts))
    figures = (None if one is None else round(one, 4) for one in (found.value, found.low, found.high))
    return Share(int(flipped.sum()), flipped.size, *figures)


def _passed(outcomes: Iterable[Outcome]) -> Share:
    return _share([outcome.passed for outcome in outcomes])


def _by(outcomes: Sequence[Outcome], field: str, names: Iterable[str]) -> dict[str, Share]:
    return {name: _passed(one for one in outcomes if getattr(one, field) == name) for name in names}


def _figures(capability: Capability, outcomes: Sequence[Outcome]) -> CapabilityResult:
    gated = [outcome for outcome in outcomes if not outcome.report_only]
    groups: dict[str, list[tuple[str, Flip]]] = {}
    for outcome in outcomes:
        for flip in outcome.flips:
            groups.setdefault(flip.group, []).append((outcome.id, flip))
    if groups:
        groups["all"] = [flip for flips in groups.values() for flip in flips]
    return CapabilityResult(
        about=capability.about,
        groups=capability.groups,
        all=_passed(gated),
        heads=_by(gated, "head", HEADS),
        kinds=_by(gated, "kind", _KINDS),
        report_only=_passed(outcome for outcome in outcomes if outcome.report_only),
        surely_wrong=_share([one.surely_wrong for one in outcomes if one.surely_wrong is not None]),
        flips={group: _flipped(flips) for group, flips in groups.items()},
        shifts={group: round(float(np.mean([flip.shift for _, flip in flips])), 4) for group, flips in groups.items()},
    )


def pass_rates(model: Model, folder: Path = CASES) -> dict[str, Any]:
    """The figures of `behaviour` as plain numbers in 0-1, for gates; None where there is nothing to count.

    `all`; `heads` and `kinds` by name; `capabilities`, `report_only` and `surely_wrong` by capability; `flips` by
    capability, group.
    """
    found = behaviour(model, folder)
    capabilities = found.capabilities.items()
    return {
        "all": found.all.value,
        "heads": {name: share.value for name, share in found.heads.items()},
        "kinds": {name: share.value for name, share in found.kinds.items()},
        "capabilities": {name: one.all.value for name, one in capabilities},
        "report_only": {name: one.report_only.value for name, one in capabilities},
        "surely_wrong": {name: one.surely_wrong.value for name, one in capabilities},
        "flips": {name: {group: s.value for group, s in one.flips.items()} for name, one in capabilities if one.flips},
    }


def plain(model: Model, found: Behaviour) -> dict[str, Any]:
    """The results as they stand in the JSON: figures, then only the outcomes that failed."""
    content = asdict(found)
    content["failed"] = [one for one in content.pop("outcomes") if one["failures"]]
    for one in content["failed"]:
        del one["flips"]
    bundle = model.bundle
    return {"model": {"name": bundle.name, "version": bundle.version, OF_BUNDLE: model.sha256}} | content


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def _counted(share: Mapping[str, Any]) -> str:
    return f"{interval(dict(share))} ({share['count']}/{share['n']})" if share["n"] else "–"


def _quoted(text: str) -> str:
    """A text as code, so that Markdown shows its marks as they are."""
    text = " ".join(text.split()).replace("`", "'")
    return f"`{text if len(text) <= _SHOWN else text[:_SHOWN] + ' …'}`"


def markdown(results: Mapping[str, Any]) -> str:
    """The report of what `plain` gives."""
    model, capabilities = results["model"], results["capabilities"]
    kinds = "; ".join(f"{kind} {_counted(share)}" for kind, share in results["kinds"].items())
    lines = [
        f"# Behaviour of {model['name']} {model['version']}",
        "",
        f"Written by `python -m eval.behaviour`; bundle.json sha256 {model[OF_BUNDLE][:16]}…; {results['cases']} "
        "cases written for the project, in the style of CheckList. A case passes when each of its texts does; 95 % "
        f"intervals are Wilson's, of flips with variants of one text as alike. Passed by kind: {kinds}. Cases that are "
        "only reported count in no other pass rate. Surely wrong: a minimum case with a label that must not be there "
        f"above a probability of {SURE}.",
        "",
    ]
    heads = (*(TITLES[head] for head in HEADS), "only reported", "surely wrong")
    rows = [["**all**", _counted(results["all"]), *(_counted(results["heads"][head]) for head in HEADS), "", ""]]
    for name, one in capabilities.items():
        shares = (one["all"], *(one["heads"][head] for head in HEADS), one["report_only"], one["surely_wrong"])
        rows.append([name, *map(_counted, shares)])
    lines += [*_table(["capability", "passed", *heads], rows), "", "## Flip rates", ""]
    lines += ["How often a variant got other labels than its reference; shift: the largest change of a probability."]
    for name, one in capabilities.items():
        if one["flips"]:
            flips = [[group, _counted(s), f"{one['shifts'][group]:.3f}"] for group, s in one["flips"].items()]
            note = " (fairness)" if name in results["fairness"] else ""
            lines += ["", f"### {name}{note}", "", *_table([one["groups"], "flips", "mean shift"], flips)]
    lines += ["", "## Failures", ""]
    for one in results["failed"]:
        mark = ", only reported" if one["report_only"] else ""
        lines.append(f"- **{one['id']}** ({one['kind']}, {one['head']}{mark})")
        for found in one["failures"]:
            probs = ", ".join(f"{label} {p:.2f}" for label, p in found["probs"].items())
            group = f" ({found['group']})" if found["group"] else ""
            lines.append(f"  - {_quoted(found['text'])}{group}: {found['why']}" + (f"; {probs}" if probs else ""))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the cases, print the report, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cases", type=Path, default=CASES, help="folder of the cases")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    try:
        model = Model(options.model)
        results_folder(options.out)
        results = plain(model, behaviour(model, options.cases))
    except CxError as error:
        raise SystemExit(error.message) from error
    path = options.out / f"{model.bundle.name}-behaviour.json"
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    report = markdown(results)
    path.with_suffix(".md").write_text(report, encoding="utf-8")
    print(report)
    print(f"wrote {path} and {path.with_suffix('.md')}")


if __name__ == "__main__":
    main()
