import re
from collections.abc import Callable
from typing import Any

import pytest

from cxsentiment.model import Model
from cxsentiment.predict import predict
from cxsentiment.rows import measured
from cxsentiment.rubric.reading import default_rubric, parse_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Evaluation, ItemResult, Transcript
from cxsentiment.score.contact import Labels
from cxsentiment.score.evaluation import Scorecard
from cxsentiment.score.weighing import weighted_score
from cxsentiment.signals import measure

Contact = Callable[..., Transcript]


@pytest.fixture
def judge(toy_model: Model) -> Callable[..., Evaluation]:
    acts = toy_model.bundle.head("acts")

    def apply(transcript: Transcript, rubric: Rubric | None = None) -> Evaluation:
        (predictions,) = predict(toy_model, [transcript])
        scorecard = Scorecard(rubric or read_rubric(default_rubric()), Labels(acts.labels, acts.thresholds))
        return scorecard.evaluate(transcript, predictions, measured(transcript, measure(transcript, predictions)))

    return apply


def _rubric(*items: dict[str, Any], **fields: Any) -> Rubric:
    whole = [{"question": "Is it?", "weight": 1} | item for item in items]
    section = {"id": "all", "title": "All", "weight": 100, "items": whole}
    return parse_rubric({"name": "t", "version": "1", "sections": [section]} | fields, "t")


def _items(evaluation: Evaluation) -> dict[str, ItemResult]:
    return {item.item: item for item in evaluation.items}


def test_the_known_answer_of_the_scorecard() -> None:
    assert weighted_score([10, None, 10, 0], [10, 15, 20, 5]) == pytest.approx(57.1429, abs=1e-4)
    assert weighted_score([None, None], [10, 20]) is None
    assert weighted_score([], []) is None


def test_a_good_call(judge: Callable[..., Evaluation], contact: Contact) -> None:
    evaluation = judge(
        contact(
            "A: Hello, Anna speaking.",
            "C: my order is terrible",
            "A: I am sorry, that is stressful. Don't worry, thank you for your patience.",
            "A: What is the order number?",
            "C: 17",
            "A: Right. The refund is on its way. Is it solved? Anything else? Bye!",
        )
    )
    assert {item.verdict for item in evaluation.items} == {"met"}
    assert evaluation.score == 100
    assert evaluation.coverage == 1
    assert _items(evaluation)["apologise"].evidence.quote == "I am sorry, that is stressful."  # type: ignore[union-attr]
    assert all(item.evidence is not None and item.evidence.quote for item in evaluation.items)


def test_items_that_do_not_apply_leave_the_denominator(judge: Callable[..., Evaluation], contact: Contact) -> None:
    evaluation = judge(contact("C: where is it", "A: Hello, Anna speaking.", channel="social"))
    items = _items(evaluation)
    assert items["verification"].verdict == "not_applicable"
    assert items["acknowledge"].verdict == "not_applicable"
    assert evaluation.coverage == pytest.approx(0.65)
    scored = [item for item in evaluation.items if item.points is not None]
    points, weight = sum(item.points or 0 for item in scored), sum(item.weight for item in scored)
    assert evaluation.score == pytest.approx(100 * points / weight, abs=1e-3)
    assert evaluation.score == pytest.approx(100 * 20 / 65, abs=1e-3)  # opening and conduct met


def test_a_section_keeps_its_weight_when_some_of_its_items_do_not_apply(
    judge: Callable[..., Evaluation], contact: Contact
) -> None:
    rubric = _rubric(
        {"id": "a", "weight": 3, "met_when": {"act": "greet"}},
        {"id": "b", "weight": 9, "met_when": {"act": "close"}, "applies_when": {"channels": ["call"]}},
        {"id": "c", "met_when": {"act": "hold"}},
        minimum_coverage=0,
    )
    items = _items(judge(contact("A: hello"), rubric))
    assert (items["a"].weight, items["c"].weight) == (75, 25)
    assert items["b"].verdict == "not_applicable"


def test_missed_empathy_quotes_the_customer_turn_that_called_for_it(
    judge: Callable[..., Evaluation], contact: Contact
) -> None:
    item = _items(judge(contact("A: hello", "C: this is terrible", "A: ok", "A: ok")))["apologise"]
    assert item.verdict == "not_met"
    assert item.evidence is not None
    assert item.evidence.turn == 1
    assert item.evidence.quote == "this is terrible"
    assert "apologised within 3 agent turns after the customer was negative (2 agent turns)" in item.evidence.why


def test_an_apology_before_the_complaint_does_not_answer_it(judge: Callable[..., Evaluation], contact: Contact) -> None:
    assert _items(judge(contact("A: sorry", "C: terrible", "A: ok")))["apologise"].verdict == "not_met"
    late = contact("C: terrible", *["A: ok"] * 3, "A: sorry")
    assert _items(judge(late))["apologise"].verdict == "not_met"
    again = contact("C: terrible", *["A: ok"] * 3, "C: terrible", "A: sorry")
    assert _items(judge(again))["apologise"].verdict == "met"


def test_no_chance_to_answer_is_no_failure(judge: Callable[..., Evaluation], contact: Contact) -> None:
    item = _items(judge(contact("A: hello", "C: this is terrible")))["apologise"]
    assert item.verdict == "not_applicable"
    assert "No agent turn followed" in item.reason


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["C: hello"], "no agent turn with text"),
        (["U: hello", "U: hi"], "the speaker of 2 turns is unknown.*--role LABEL=agent"),
        ([], "no agent turn with text"),
    ],
)
def test_without_an_agent_turn_the_score_is_null(
    judge: Callable[..., Evaluation], contact: Contact, lines: list[str], reason: str
) -> None:
    evaluation = judge(contact(*lines))
    assert evaluation.score is None
    assert {item.verdict for item in evaluation.items} == {"unscored"}
    assert all(item.points is None for item in evaluation.items)
    assert re.search(reason, evaluation.null_reason or "")


def test_nothing_applies_or_too_little_applies(judge: Callable[..., Evaluation], contact: Contact) -> None:
    only_calls = {"applies_when": {"channels": ["call"]}, "met_when": {"act": "greet"}}
    evaluation = judge(contact("A: hello"), _rubric({"id": "a"} | only_calls))
    assert (evaluation.score, evaluation.coverage) == (None, 0)
    assert evaluation.null_reason == "no item of the rubric applies to this contact"
    part = _rubric({"id": "a", "weight": 3} | only_calls, {"id": "b", "met_when": {"act": "greet"}})
    evaluation = judge(contact("A: hello"), part)
    assert evaluation.score is None
    assert evaluation.null_reason == "only 25% of the rubric's weight was scored (minimum 50%)"


def test_a_critical_error_is_reported_with_its_quote(judge: Callable[..., Evaluation], contact: Contact) -> None:
    calm = judge(contact("A: hello", "C: hi"))
    rude = judge(contact("A: hello", "C: hi", "A: Well. You stupid idiot."))
    assert calm.p_critical["customer"] == pytest.approx(0.05, abs=0.05)
    assert rude.p_critical["customer"] == pytest.approx(0.95, abs=0.02)
    assert rude.p_critical["business"] is None
    item = _items(rude)["professional"]
    assert item.verdict == "not_met"
    assert item.evidence is not None
    assert item.evidence.quote == "You stupid idiot."


@pytest.mark.parametrize("position", [0, 10, 300])
def test_appending_turns_never_hides_a_critical_error(
    judge: Callable[..., Evaluation], contact: Contact, position: int
) -> None:
    lines = ["A: hello", "C: ok"] * 150
    lines.insert(position, "A: whatever")
    assert _items(judge(contact(*lines)))["professional"].verdict == "not_met"


def test_an_act_may_be_the_condition(judge: Callable[..., Evaluation], contact: Contact) -> None:
    rubric = _rubric(
        {"id": "thanks", "met_when": {"act": "appreciate"}, "applies_when": {"if": {"act": "hold"}}},
        {"id": "any", "met_when": {"act": "greet"}},
    )
    assert _items(judge(contact("A: hello"), rubric))["thanks"].verdict == "not_applicable"
    assert _items(judge(contact("A: one moment"), rubric))["thanks"].verdict == "not_met"


@pytest.mark.parametrize("bounds", [{"min": 5}, {"max": 1}, {"min": 5, "max": 9}])
def test_a_measure_with_one_bound_or_two_is_explained(
    judge: Callable[..., Evaluation], contact: Contact, bounds: dict[str, int]
) -> None:
    asked = {"measure": "customer_turns"} | bounds
    rubric = _rubric(
        {"id": "applies", "met_when": {"act": "greet"}, "applies_when": {"if": asked}},
        {"id": "met", "met_when": asked},
    )
    items = _items(judge(contact("A: hello", "C: hi", "A: yes?", "C: no"), rubric))
    words = {"min": "at least 5", "max": "at most 1"}
    for item, verdict in (("applies", "not_applicable"), ("met", "not_met")):
        assert items[item].verdict == verdict
        assert "ustomer turns is 2, asked is " in items[item].reason
        assert words[next(iter(bounds))] in items[item].reason


def test_a_long_quote_ends_in_an_ellipsis(judge: Callable[..., Evaluation], contact: Contact) -> None:
    item = _items(judge(contact("A: hello " + "word " * 20)))["greeting"]
    assert item.evidence is not None
    assert len(item.evidence.quote) <= 301


def test_a_missing_act_is_quoted_where_it_would_have_belonged(
    judge: Callable[..., Evaluation], contact: Contact
) -> None:
    items = _items(judge(contact("A: good day", "C: hm", "A: the parcel", "C: ok", "A: see you")))
    quotes = {name: item.evidence.quote for name, item in items.items() if item.evidence}
    assert quotes["verification"] == "good day"
    assert quotes["further_help"] == "see you"


@pytest.mark.parametrize(
    ("limits", "said"),
    [({"min": 1}, "at least 1"), ({"max": 0}, "at most 0"), ({"min": 1, "max": 5}, "at least 1 and at most 5")],
)
def test_a_measure_that_fails_its_limits_says_them(
    judge: Callable[..., Evaluation], contact: Contact, limits: dict[str, float], said: str
) -> None:
    item = {"id": "one", "met_when": {"measure": "customer_turns"} | limits}
    turns = ["A: Hello"] + (["C: hi"] if "min" not in limits else [])
    result = _items(judge(contact(*turns), _rubric(item)))["one"]
    assert result.verdict == "not_met"
    assert result.reason.endswith(f"asked is {said}.")
