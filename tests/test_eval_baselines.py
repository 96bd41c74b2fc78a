import numpy as np
import pytest

from cxsentiment.schema import ACTS, SENTIMENTS
from eval.baselines import CUES, cue_rules, majority, tfidf, truth_of, vader
from eval.testset import Case

pytest.importorskip("sklearn", reason="needs the train extra")


def customer(text: str, mood: str, part: str = "test") -> Case:
    return Case("service_talk", text, 0, "chat", "chat", text, part, mood, None)


def agent(text: str, *acts: str, part: str = "test") -> Case:
    return Case("service_talk", text, 0, "chat", "chat", text, part, None, acts)


def test_truth_has_one_column_per_label() -> None:
    assert truth_of([customer("x", "positive")], "sentiment").tolist() == [[False, False, True]]
    row = truth_of([agent("x", "greet", "unprofessional")], "acts")[0]
    assert [act for act, here in zip(ACTS, row, strict=True) if here] == ["greet", "unprofessional"]


def test_majority_names_the_commonest_mood_and_no_act() -> None:
    train = [customer("a", "neutral"), customer("b", "neutral"), customer("c", "negative")]
    assert majority("sentiment", train, train).predicted[:, SENTIMENTS.index("neutral")].all()
    assert not majority("acts", [agent("a", "greet"), agent("b"), agent("c")], [agent("d")]).predicted.any()


@pytest.mark.parametrize(
    ("text", "mood"),
    [("This is terrible, I hate it", "negative"), ("Wonderful, thank you!", "positive"), ("The box", "neutral")],
)
def test_vader_knows_plain_words(text: str, mood: str) -> None:
    answer = vader("sentiment", [], [customer(text, mood)])
    assert SENTIMENTS[int(answer.predicted[0].argmax())] == mood


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("I am so sorry for the delay", "apologise"),
        ("Good afternoon!", "greet"),
        ("Is there anything else?", "further_help"),
        ("Bear with me", "hold"),
        ("Don't worry", "reassure"),
        ("I will transfer you", "transfer"),
        ("Is that right?", "confirm"),
    ],
)
def test_cues_find_their_act(text: str, act: str) -> None:
    assert cue_rules("acts", [], [agent(text)]).predicted[0, ACTS.index(act)]


def test_every_act_has_cues() -> None:
    assert tuple(CUES) == ACTS


def test_tfidf_learns_a_word() -> None:
    train = [customer(f"{word} {k}", mood) for k in range(6) for word, mood in zip("xyz", SENTIMENTS, strict=True)]
    answer = tfidf("sentiment", train, [customer("z", "positive"), customer("x", "negative")])
    assert answer.predicted.argmax(1).tolist() == [2, 0]
    assert answer.scores is not None
    assert np.allclose(answer.scores.sum(1), 1)
