"""Evaluates a bundle on turns it was kept from: `python -m eval.run models/default --data ../shared/data`.

What is measured is the shipped file through the product's own path (cxsentiment.predict), beside the baselines.
Writes `<out>/<model>.json`, `<out>/<model>.md` and the reliability curves `<out>/<model>-reliability.svg`.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cxsentiment.errors import CxError
from cxsentiment.kept_figures import OF_BUNDLE
from cxsentiment.model import Model
from cxsentiment.predict import predict_texts
from cxsentiment.schema import ACTS, EMPATHY_ACTS, SENTIMENTS
from eval.baselines import BASELINES, Answer, one_hot, truth_of
from eval.metrics import LEAST, HeadFigures, calibration_error, measure, reliability
from eval.reliability import draw
from eval.sources import check, results_folder, told
from eval.tables import markdown
from eval.testset import BESIDE, OWN_TEXT, Case, read_counted
from eval.transfer import probes, read_goemotions

LABELS = {"sentiment": SENTIMENTS, "acts": ACTS}
MODEL = "this model"
# What `transfer` reads: looked at first, for the scoring before it takes minutes.
_TRANSFER = (
    "test/goemotions.jsonl.gz",
    *(f"{folder}{name}.jsonl.gz" for name in ("stanford_politeness", "casino") for folder in ("", "test/")),
)
_FAILURES = 12  # quoted in the results, the surest mistakes first


def answers_of(model: Model, head_name: str, cases: Sequence[Case]) -> Answer:
    """What the bundle says of `cases`: the likeliest sentiment, the acts at or above their thresholds."""
    head = model.bundle.head(head_name)
    rows = [probs for probs, _ in predict_texts(model, [(head, case.text) for case in cases])]
    scores = np.array(rows, np.float64).reshape(-1, len(head.labels))
    if head.kind == "single":
        return Answer(one_hot(scores.argmax(1), len(head.labels)), scores)
    return Answer(scores >= np.asarray(head.thresholds), scores)


def subsets(cases: Sequence[Case]) -> dict[str, list[int]]:
    """Places of the cases of each reported set: each source; of those in no set beside: all, each style."""
    found: dict[str, list[int]] = {"all": [place for place, case in enumerate(cases) if case.source not in BESIDE]}
    for place, case in enumerate(cases):
        found.setdefault(case.source, []).append(place)
        if case.source not in BESIDE:
            found.setdefault(f"style {case.style}", []).append(place)
    return found


def evaluate(model: Model, cases: Sequence[Case], say: Any = print) -> dict[str, Any]:
    """Figures of the bundle and of every baseline per head and set, as plain data; reliability; surest mistakes."""
    heads: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    failures: list[dict[str, Any]] = []
    for head, labels in LABELS.items():
        mine = [case for case in cases if (case.sentiment is not None) == (head == "sentiment")]
        train = [case for case in mine if case.part == "train"]
        test = [case for case in mine if case.part == "test"]
        answers = {MODEL: answers_of(model, head, test)}
        for name, method in BASELINES[head].items():
            say(f"{head}: {name}")
            answers[name] = method(head, train, test)
        truth = truth_of(test, head)
        heads[head] = {
            name: {method: _plain(_figures(labels, truth, answer, test, rows)) for method, answer in answers.items()}
            for name, rows in subsets(test).items()
        }
        calibration[head] = _calibration(truth, answers[MODEL].scores, test)
        failures.extend(_failures(labels, truth, answers[MODEL].predicted, answers[MODEL].scores, test))
    return {"heads": heads, "calibration": calibration, "failures": failures}


def _calibration(truth: Any, scores: Any, test: Sequence[Case]) -> dict[str, Any]:
    """Reliability curve and expected calibration error on all turns and on each channel's."""
    places: dict[str, list[int]] = {"all": []}
    for place, case in enumerate(test):
        if case.source not in BESIDE:
            places["all"].append(place)
            places.setdefault(case.channel, []).append(place)
    return {
        channel: {
            "turns": len(rows),
            "ece": calibration_error(truth[rows], scores[rows]),
            "ece_above": calibration_error(truth[rows], scores[rows], least=LEAST),
            "bins": [asdict(one) for one in reliability(truth[rows], scores[rows])],
        }
        for channel, rows in places.items()
    }


def _figures(
    labels: Sequence[str], truth: Any, answer: Answer, test: Sequence[Case], rows: Sequence[int]
) -> HeadFigures:
    scores = None if answer.scores is None else answer.scores[rows]
    conversations = [f"{test[row].source}/{test[row].conversation}" for row in rows]
    return measure(labels, truth[rows], answer.predicted[rows], scores, conversations)


def _failures(
    labels: Sequence[str], truth: Any, predicted: Any, scores: Any, test: Sequence[Case]
) -> list[dict[str, Any]]:
    """The surest mistakes on the project's own texts, at most two a label."""
    sure = sorted(np.argwhere(predicted != truth).tolist(), key=lambda at: -abs(scores[*at] - truth[*at]))
    found: list[dict[str, Any]] = []
    for row, label in sure:
        case = test[row]
        if case.source not in OWN_TEXT or sum(one["label"] == labels[label] for one in found) >= 2:
            continue
        found.append(
            {
                "label": labels[label],
                "true": bool(truth[row, label]),
                "p": round(float(scores[row, label]), 3),
                "text": case.text,
                "source": f"{case.source}/{case.conversation}/{case.turn}",
            }
        )
    return found[:_FAILURES]


def transfer(model: Model, data: Path) -> dict[str, Any]:
    """How far the model carries: sentiment on GoEmotions' official test, politeness and empathy by probes."""
    cases = read_goemotions(data)
    answer = answers_of(model, "sentiment", cases)
    figures = _figures(SENTIMENTS, truth_of(cases, "sentiment"), answer, cases, range(len(cases)))
    return {"goemotions test, 3 classes": _plain(figures), "probes": probes(model, data)}


def _plain(figures: HeadFigures) -> dict[str, Any]:
    plain = asdict(figures)
    empathy = [figures.classes[act].f1.value for act in EMPATHY_ACTS if act in figures.classes]
    if empathy and None not in empathy:
        plain["empathy_macro_f1"] = round(float(np.mean([value for value in empathy if value is not None])), 4)
    return plain


def main() -> None:
    """Evaluate, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sources (training/README.md)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    try:
        model = Model(options.model)
        results_folder(options.out)
        check(options.data / name for name in _TRANSFER)
        with told(options.data):
            cases, left_out = read_counted(options.data, options.model)
        results = {
            "model": {
                "name": model.bundle.name,
                "version": model.bundle.version,
                OF_BUNDLE: model.sha256,
                "bytes": sum(file.bytes for file in model.bundle.files.values()),
            },
            "left_out": left_out,
            **evaluate(model, cases),
            "transfer": transfer(model, options.data),
        }
    except CxError as error:
        raise SystemExit(error.message) from error
    path = options.out / f"{model.bundle.name}.json"
    path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    table = markdown(results)
    path.with_suffix(".md").write_text(table, encoding="utf-8")
    curves = options.out / f"{model.bundle.name}-reliability.svg"
    curves.write_text(draw(results["calibration"]), encoding="utf-8")
    print(table)
    print(f"wrote {path}, {path.with_suffix('.md')} and {curves}")


if __name__ == "__main__":
    main()
