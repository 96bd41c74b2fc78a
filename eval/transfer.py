"""How far the model carries to other talk: official test splits of three corpora that it was not made for.

GoEmotions (Reddit comments; Demszky et al. 2020): the sentiment head as it is, which learnt from the training part of
the same corpus, since version 7 mostly with the project's own labels of its comments (`posts`), which often differ from
the corpus's; of the other two nothing was ever trained on. CaSiNo (negotiation chats; Chawla et al.
2021): does the highest of the four empathy acts tell the turns that human annotators marked `showing-empathy`?
Stanford politeness (requests; Danescu-Niculescu-Mizil et al. 2013), politest against rudest quarter: does
1 - p(unprofessional) tell them? For the last two, a logistic regression on the model's pooled embedding is also fitted
on the corpus's own training part, beside the same on the encoder before fine-tuning and on TF-IDF words.
"""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from cxsentiment.errors import UsageError
from cxsentiment.model import Model
from cxsentiment.predict import embed_texts, predict_texts
from cxsentiment.privacy import mask
from cxsentiment.schema import ACTS, EMPATHY_ACTS, SENTIMENTS
from cxsentiment.text import clean
from eval.baselines import embed
from eval.metrics import SEED
from eval.testset import Case

_REPEATS = 400
Floats = NDArray[np.float64]
# Texts, 0/1 marks and conversation of each.
Marked = tuple[list[str], NDArray[np.int64], list[str]]


def read_goemotions(data: Path) -> list[Case]:
    """Official test comments of GoEmotions that belong to exactly one of positive, neutral, negative."""
    cases = []
    for row in _rows(data / "test" / "goemotions.jsonl.gz"):
        groups = row["derived"]["official_groups"]
        if len(groups) == 1 and groups[0] in SENTIMENTS:
            cases.append(
                Case("goemotions", row["id"], 0, "social", "written", _read(row["text"]), "test", groups[0], None)
            )
    return cases


def read_politeness(path: Path) -> Marked:
    """Requests of the politest (1) and the rudest (0) quarter."""
    rows = [row for row in _rows(path) if row["derived"]["quartile_class"]]
    return (
        [_read(row["text"]) for row in rows],
        np.array([int(row["derived"]["quartile_class"] > 0) for row in rows], np.int64),
        [row["id"] for row in rows],
    )


def read_casino(path: Path) -> Marked:
    """Annotated turns, 1 where `showing-empathy` is among their strategies."""
    texts, marks, chats = [], [], []
    for row in _rows(path):
        for turn in row["turns"]:
            if strategies := (turn.get("labels") or {}).get("strategies"):
                texts.append(_read(turn["text"]))
                marks.append(int("showing-empathy" in strategies))
                chats.append(row["id"])
    return texts, np.array(marks, np.int64), chats


def probes(model: Model, data: Path) -> dict[str, Any]:
    """Area under the ROC curve (0.5: chance, 1: all told apart) with a 95 % bootstrap interval over conversations."""
    head = model.bundle.head("acts")
    empathy = [ACTS.index(act) for act in EMPATHY_ACTS]
    readers: dict[str, tuple[str, Callable[[Path], Marked], Callable[[Floats], Floats]]] = {
        "Stanford politeness test, politest against rudest quarter": (
            "stanford_politeness",
            read_politeness,
            lambda acts: 1 - acts[:, ACTS.index("unprofessional")],
        ),
        "CaSiNo test, showing empathy against other turns": (
            "casino",
            read_casino,
            lambda acts: np.asarray(acts[:, empathy].max(axis=1)),
        ),
    }
    found: dict[str, Any] = {}
    for name, (file, read, score) in readers.items():
        train, test = read(data / f"{file}.jsonl.gz"), read(data / "test" / f"{file}.jsonl.gz")
        acts = np.array([probs for probs, _ in predict_texts(model, [(head, text) for text in test[0]])])
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(train[0])
        scores = {
            "acts of this model, untrained": score(acts),
            "this model's embedding + LR": _fitted(embed_texts(model, train[0]), train[1], embed_texts(model, test[0])),
            "frozen encoder + LR": _fitted(embed(train[0]), train[1], embed(test[0])),
            "TF-IDF + LR": _fitted(words.transform(train[0]), train[1], words.transform(test[0])),
        }
        found[name] = {
            "turns": len(test[0]),
            "cases": int(test[1].sum()),
            "auc": {method: _auc(test[1], values, test[2]) for method, values in scores.items()},
        }
    return found


def _fitted(x: Any, marks: NDArray[np.int64], x_test: Any) -> Floats:
    regression = LogisticRegression(C=10, class_weight="balanced", max_iter=3000).fit(x, marks)
    return np.asarray(regression.predict_proba(x_test)[:, 1])


def _auc(marks: NDArray[np.int64], scores: Floats, conversations: Sequence[str]) -> dict[str, float]:
    names, groups = np.unique(np.asarray(conversations), return_inverse=True)
    chance = np.random.default_rng(SEED)
    drawn = []
    for _ in range(_REPEATS):
        weights = chance.multinomial(len(names), np.full(len(names), 1 / len(names)))[groups]
        if 0 < (weights * marks).sum() < weights.sum():
            drawn.append(roc_auc_score(marks, scores, sample_weight=weights))
    low, high = np.quantile(drawn, (0.025, 0.975))
    value = roc_auc_score(marks, scores)
    return {"value": round(float(value), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _read(text: str) -> str:
    return mask(clean(text)).text


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        raise UsageError(str(path), "this set is missing", do="Give --data the folder of the sources")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
