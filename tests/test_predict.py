from collections.abc import Callable

import numpy as np
import pytest

from cxsentiment.model import Model
from cxsentiment.predict import Memory, _batches, _windows, predict, predict_texts
from cxsentiment.schema import ACTS, SENTIMENTS, Transcript


def _p(probs: tuple[float, ...], label: str) -> float:
    return dict(zip(SENTIMENTS if len(probs) == 3 else ACTS, probs, strict=True))[label]


def test_only_turns_a_head_reads_are_scored(toy_model: Model, contact: Callable[..., Transcript]) -> None:
    transcript = contact("B: hello", "A: hello", "C: terrible", "U: sorry")
    (predictions,) = predict(toy_model, [transcript])
    assert [(p.turn, p.head) for p in predictions] == [(1, "acts"), (2, "sentiment")]
    assert _p(predictions[0].probs, "greet") > 0.9
    assert _p(predictions[1].probs, "negative") > 0.9


def test_an_act_points_at_its_sentence(toy_model: Model) -> None:
    text = "Hello there. I am so sorry! One moment please."
    ((probs, spans),) = predict_texts(toy_model, [(toy_model.bundle.head("acts"), text)])
    quoted = {act: text[span.start : span.end] for act, span in zip(ACTS, spans, strict=True)}
    assert quoted["greet"] == "Hello there."
    assert quoted["apologise"] == "I am so sorry!"
    assert quoted["hold"] == "One moment please."
    assert _p(probs, "apologise") > 0.9
    assert _p(probs, "close") < 0.1


def test_nothing_is_cut_off(toy_model: Model) -> None:
    """The act in the last word of a turn far longer than the window is found, and its evidence points there."""
    text = "blah " * 40_000 + "sorry"
    ((probs, spans),) = predict_texts(toy_model, [(toy_model.bundle.head("acts"), text)])
    span = spans[ACTS.index("apologise")]
    assert _p(probs, "apologise") > 0.9
    assert text[span.start : span.end].endswith("blah sorry")
    assert span.end - span.start < 200


def test_a_long_customer_turn_is_the_mean_of_its_windows(toy_model: Model) -> None:
    sentiment = toy_model.bundle.head("sentiment")
    window = toy_model.bundle.max_tokens - 2
    ((probs, spans),) = predict_texts(toy_model, [(sentiment, "terrible " * window + "thanks " * window)])
    assert _p(probs, "negative") == pytest.approx(_p(probs, "positive"), abs=1e-4)
    assert spans[0].start == 0
    assert spans[0].end >= 2 * window


def test_a_turn_scores_the_same_alone_and_in_any_company(toy_model: Model) -> None:
    acts = toy_model.bundle.head("acts")
    texts = ["Hello!", "sorry " * 60, "", "One moment. I will check the price because it is right.", "ok"]
    together = predict_texts(toy_model, [(acts, text) for text in texts])
    reverse = predict_texts(toy_model, [(acts, text) for text in reversed(texts)])[::-1]
    alone = [predict_texts(toy_model, [(acts, text)])[0] for text in texts]
    for a, b, c in zip(together, reverse, alone, strict=True):
        assert a[0] == pytest.approx(b[0], abs=1e-4)
        assert a[0] == pytest.approx(c[0], abs=1e-4)
        assert a[1] == b[1] == c[1]


def test_each_distinct_text_is_run_once(toy_model: Model, contact: Callable[..., Transcript], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    rows = []
    run = Model.logits
    monkeypatch.setattr(Model, "logits", lambda self, ids, mask: rows.append(len(ids)) or run(self, ids, mask))
    memory = Memory()
    for _ in range(2):
        predict(toy_model, [contact(*["A: hello", "C: thanks"] * 50, id=str(k)) for k in range(20)], memory)
    assert sum(rows) == 2


def test_texts_are_scored_in_parts_that_change_nothing(
    toy_model: Model, contact: Callable[..., Transcript], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = contact(*[f"{who}: {text} {k}" for k in range(40) for who, text in (("A", "sorry"), ("C", "thanks"))])
    whole = predict(toy_model, [call])
    sizes = []
    tokenise = Model.tokenise
    monkeypatch.setattr(Model, "tokenise", lambda self, texts: sizes.append(len(texts)) or tokenise(self, texts))
    for name, limit in (("_PART_TEXTS", 7), ("_PART_CHARACTERS", 60)):
        monkeypatch.setattr(f"cxsentiment.predict.{name}", limit)
        sizes.clear()
        assert predict(toy_model, [call]) == whole
        assert sum(sizes) == 80
        assert max(sizes) <= 7


def test_what_is_remembered_of_a_piece_is_small(toy_model: Model) -> None:
    memory = Memory()
    predict_texts(toy_model, [(toy_model.bundle.head("acts"), "hello there " * 2_000)], memory)
    assert memory._logits
    assert all(len(key) == 16 and len(value) == 4 * 20 for key, value in memory._logits.items())


def test_a_full_memory_forgets_and_still_answers(toy_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxsentiment.predict._MEMORY_ROWS", 2)
    acts, memory = toy_model.bundle.head("acts"), Memory()
    texts = [(acts, text) for text in ("hello", "sorry", "moment", "bye")]
    assert predict_texts(toy_model, texts, memory) == predict_texts(toy_model, texts)
    assert predict_texts(toy_model, texts[::-1], memory) == predict_texts(toy_model, texts)[::-1]


@pytest.mark.parametrize(
    ("tokens", "window", "lengths"), [(0, 10, [0]), (10, 10, [10]), (11, 10, [6, 5]), (25, 10, [8, 9, 8])]
)
def test_windows_cover_all_tokens_evenly(tokens: int, window: int, lengths: list[int]) -> None:
    cuts = _windows(tokens, window)
    assert sorted(c.end - c.start for c in cuts) == sorted(lengths)
    assert cuts[0].start == 0
    assert cuts[-1].end == tokens
    assert all(c.end - c.start <= window for c in cuts)


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = np.random.default_rng(0).integers(2, 130, 5000).tolist()
    batches = list(_batches(lengths, 1024))
    assert sorted(row for batch in batches for row in batch) == list(range(5000))
    assert all(len(batch) * max(lengths[row] for row in batch) <= 1024 for batch in batches)
