"""The bundle that ships: whole, of the right shape, the same score in any company, and right on plain sentences."""

import random
from pathlib import Path

import numpy as np
import pytest

from cxsentiment import predict
from cxsentiment.model import Model
from cxsentiment.predict import Memory, embed_texts, predict_texts
from cxsentiment.schema import ACTS, SENTIMENTS

FOLDER = Path(__file__).parents[1] / "models" / "default"
TEXTS = [
    "Hello, thank you for calling, this is Dana from Larkfield Bank. How can I help you today?",
    "I am so sorry about the delay. Let me check that for you, one moment please.",
    "ok",
    "Is there anything else I can help you with?",
    "Your refund of 20 pounds will reach your account within five days. Have a lovely day, goodbye!",
    "Could you give me your order number and your date of birth, please?",
]


@pytest.fixture(scope="module")
def model() -> Model:
    model = Model(FOLDER)  # raises where a hash does not hold
    model.load()
    return model


def test_the_heads_are_sentiment_of_customers_and_acts_of_agents(model: Model) -> None:
    heads = {head.name: (head.speaker, head.kind, head.labels, head.evidence) for head in model.bundle.heads}
    assert heads == {
        "sentiment": ("customer", "single", SENTIMENTS, "turn"),
        "acts": ("agent", "multi", ACTS, "sentence"),
    }


def test_no_head_reads_an_agents_mood(model: Model) -> None:
    for head in model.bundle.heads:
        if head.speaker == "agent":
            assert not set(head.labels) & {*SENTIMENTS, "angry", "anger", "joy", "sad", "mood", "emotion", "stress"}


def test_the_bundle_is_small_and_tells_where_it_comes_from(model: Model) -> None:
    assert sum(file.bytes for file in model.bundle.files.values()) <= 40e6
    assert not list(FOLDER.glob("*.data"))
    training = model.bundle.training
    assert {"recipe", "files", "sources", "versions", "parity", "seconds"} <= set(training)
    assert "split.json" in model.bundle.files


def test_a_turn_scores_the_same_alone_and_in_any_company(model: Model) -> None:
    for head in model.bundle.heads:
        together = [probs for probs, _ in predict_texts(model, [(head, text) for text in TEXTS])]
        backwards = [probs for probs, _ in predict_texts(model, [(head, text) for text in TEXTS[::-1]])][::-1]
        alone = [predict_texts(model, [(head, text)])[0][0] for text in TEXTS]
        assert together == alone == backwards


def test_logits_and_embeddings_are_the_same_to_the_bit_in_any_company(model: Model) -> None:
    words = " ".join(TEXTS).split()
    texts = [" ".join(words[place : place + count]) for count in range(1, 40) for place in (0, 7, 19)]
    ids = [tokens.ids for tokens in model.tokenise(texts)]
    assert {(len(one) + 2) % 8 for one in ids} == set(range(8)), "a kernel may treat any width apart"
    logits, embedding = predict._score(model, ids, Memory()), embed_texts(model, texts)
    chance = random.Random(3)
    for _ in range(3):
        order = chance.sample(range(len(ids)), len(ids))
        while order:
            some, order = order[: (size := chance.choice((1, 1, 2, 3, 7, 30)))], order[size:]
            assert np.array_equal(predict._score(model, [ids[k] for k in some], Memory()), logits[some])
            assert np.array_equal(embed_texts(model, [texts[k] for k in some]), embedding[some])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This is the third time I call and it is still not working, it is a disgrace.", "negative"),
        ("I want to change the address on my account.", "neutral"),
        ("That is wonderful, thank you so much for your help!", "positive"),
    ],
)
def test_plain_customer_sentences(model: Model, text: str, expected: str) -> None:
    (probs, _), *_ = predict_texts(model, [(model.bundle.head("sentiment"), text)])
    assert SENTIMENTS[int(np.argmax(probs))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXTS[0], {"greet", "identify", "offer_help"}),
        (TEXTS[1], {"apologise", "hold"}),
        (TEXTS[3], {"further_help"}),
        (TEXTS[4], {"inform", "close"}),
        (TEXTS[5], {"verify"}),
    ],
)
def test_plain_agent_sentences(model: Model, text: str, expected: set[str]) -> None:
    head = model.bundle.head("acts")
    (probs, _), *_ = predict_texts(model, [(head, text)])
    named = {act for act, p, edge in zip(ACTS, probs, head.thresholds, strict=True) if p >= edge}
    assert expected <= named
    assert "unprofessional" not in named
