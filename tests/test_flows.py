from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxsentiment.errors import RubricError
from cxsentiment.model import Model
from cxsentiment.predict import predict
from cxsentiment.rows import measured
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ItemResult, Transcript
from cxsentiment.score.contact import Labels
from cxsentiment.score.evaluation import Scorecard
from cxsentiment.score.flows import Walk
from cxsentiment.signals import measure

Contact = Callable[..., Transcript]
Walker = Callable[..., Walk]


def _rubric(flow: dict[str, Any], *items: dict[str, Any]) -> Rubric:
    whole = [{"id": "flow", "question": "Is it?", "weight": 1, "met_when": {"flow": "task", "is": "in_order"}}]
    whole += [{"question": "Is it?", "weight": 1} | item for item in items]
    return parse_rubric(
        {
            "name": "t",
            "version": "1",
            "minimum_coverage": 0,
            "flows": [{"id": "task"} | flow],
            "sections": [{"id": "all", "title": "All", "weight": 1, "items": whole}],
        },
        "t",
    )


@pytest.fixture
def walk(toy_model: Model, contact: Contact) -> Walker:
    acts = toy_model.bundle.head("acts")

    def apply(flow: dict[str, Any], *lines: str, **fields: Any) -> Walk:
        transcript = contact(*lines, **fields)
        (predictions,) = predict(toy_model, [transcript])
        card = Scorecard(_rubric(flow), Labels(acts.labels, acts.thresholds))
        return card.walk(transcript, predictions, measured(transcript, measure(transcript, predictions)))["task"]

    return apply


@pytest.fixture
def judge(toy_model: Model, contact: Contact) -> Callable[..., dict[str, ItemResult]]:
    acts = toy_model.bundle.head("acts")

    def apply(rubric: Rubric, *lines: str, **fields: Any) -> dict[str, ItemResult]:
        transcript = contact(*lines, **fields)
        (predictions,) = predict(toy_model, [transcript])
        values = measured(transcript, measure(transcript, predictions))
        found = Scorecard(rubric, Labels(acts.labels, acts.thresholds)).evaluate(transcript, predictions, values)
        return {item.item: item for item in found.items}

    return apply


def _step(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "title": name, "seen": {"phrase": f"say {name}"}} | fields


def _said(walk: Walk) -> dict[str, str]:
    return {finding.step.id: finding.status for finding in walk.steps}


ABC = [_step("alpha"), _step("beta"), _step("gamma")]
STRICT = {"order": "strict", "steps": ABC}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("alpha beta gamma", "done done done"),
        ("alpha gamma beta", "done done out_of_order"),
        ("beta alpha gamma", "done out_of_order done"),
        ("beta gamma alpha", "done out_of_order out_of_order"),
        ("gamma alpha", "done missed out_of_order"),  # across the step that is missing
        ("beta gamma", "missed done done"),
        ("beta alpha beta gamma", "done done done"),  # done again in its place
        ("alpha gamma beta gamma", "done done done"),
        ("", "missed missed missed"),
    ],
)
def test_strict_order(walk: Walker, said: str, expected: str) -> None:
    found = walk(STRICT, *[f"A: say {name}" for name in said.split()], "A: ok")
    assert list(_said(found).values()) == expected.split()
    assert {finding.step.id for finding in found.faults} == {
        name for name, status in _said(found).items() if status != "done"
    }


def test_in_free_order_only_what_after_says_counts(walk: Walker) -> None:
    flow = {"steps": [_step("alpha"), _step("beta", after=["alpha"]), _step("gamma")]}
    assert set(_said(walk(flow, "A: say gamma", "A: say alpha", "A: say beta")).values()) == {"done"}
    assert _said(walk(flow, "A: say gamma", "A: say beta", "A: say alpha"))["beta"] == "out_of_order"


def test_after_reaches_over_a_missed_step(walk: Walker) -> None:
    flow = {"steps": [_step("gamma", after=["beta"]), _step("beta", after=["alpha"]), _step("alpha")]}
    found = walk(flow, "A: say gamma", "A: say alpha")
    assert _said(found) == {"gamma": "out_of_order", "beta": "missed", "alpha": "done"}
    assert [finding.step.id for finding in found.steps] == ["gamma", "beta", "alpha"]  # as the file says


def test_both_places_of_an_order_violation_are_kept(walk: Walker) -> None:
    finding = next(iter(walk(STRICT, "A: say beta", "C: yes", "A: say alpha", "A: say gamma").faults))
    assert finding.sighting is not None
    assert finding.other is not None
    assert (finding.sighting.place, finding.other.place) == (0, 2)
    assert finding.why == "it should come after alpha"


def test_what_overlaps_in_one_sentence_has_no_order(walk: Walker) -> None:
    """An act is seen in a whole sentence, a phrase in its words: neither is before the other."""
    act = {"id": "ask", "title": "ask", "seen": {"act": "verify"}}
    phrase = {"id": "card", "title": "card", "seen": {"phrase": "card"}}
    for steps in ([act, phrase], [phrase, act]):
        found = walk({"order": "strict", "steps": steps}, "A: the number of your card please")
        assert set(_said(found).values()) == {"done"}
    late = walk({"order": "strict", "steps": [phrase, act]}, "A: your number please. And the card")
    assert _said(late)["ask"] == "out_of_order"  # another sentence


def test_steps_that_look_for_the_same_need_a_sighting_each(walk: Walker) -> None:
    steps = [{"id": name, "title": name, "seen": {"act": "apologise"}} for name in ("first", "again")]
    assert _said(walk({"order": "strict", "steps": steps}, "A: sorry", "A: ok")) == {
        "first": "done",
        "again": "missed",
    }
    assert set(_said(walk({"order": "strict", "steps": steps}, "A: sorry", "A: sorry")).values()) == {"done"}


def test_a_step_that_is_asked_for_twice(walk: Walker) -> None:
    flow = {"steps": [_step("alpha", seen={"phrase": "say alpha", "times": 2})]}
    assert _said(walk(flow, "A: say alpha"))["alpha"] == "missed"
    found = walk(flow, "A: say alpha", "A: say alpha")
    assert _said(found)["alpha"] == "done"
    assert found.steps[0].sighting is not None
    assert found.steps[0].sighting.place == 1


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["A: say alpha", "C: now", "A: say due"], "done"),
        (["A: say due", "A: say alpha"], "late"),
        (["A: say alpha"], "done"),  # what it is due by never came
        (["A: say due"], "missed"),
        (["A: say due", "A: say alpha", "A: say due"], "late"),  # the first occurrence counts
    ],
)
def test_due(walk: Walker, lines: list[str], status: str) -> None:
    found = walk({"steps": [_step("alpha", due={"phrase": "say due"})]}, *lines)
    assert _said(found) == {"alpha": status}


def test_only_if_and_optional_steps(walk: Walker) -> None:
    flow = {
        "order": "strict",
        "steps": [
            _step("alpha"),
            _step("beta", only_if={"phrase": "cancel", "by": "customer"}),
            _step("gamma", required=False),
            {"id": "click", "title": "click"},
        ],
    }
    assert _said(walk(flow, "C: hello", "A: say alpha")) == {
        "alpha": "done",
        "beta": "not_needed",
        "gamma": "left_out",
        "click": "cannot_be_seen",
    }
    assert _said(walk(flow, "C: cancel", "A: say alpha"))["beta"] == "missed"
    assert _said(walk(flow, "A: say gamma", "C: cancel", "A: say alpha"))["gamma"] == "out_of_order"


def test_a_step_without_its_occasion_is_not_missed(walk: Walker) -> None:
    thanked = _step("thanks", seen={"act": "appreciate", "after": {"act": "hold"}})
    assert _said(walk({"steps": [thanked, _step("alpha")]}, "A: say alpha"))["thanks"] == "not_needed"
    assert _said(walk({"steps": [thanked]}, "A: one moment", "C: yes", "A: so"))["thanks"] == "missed"


def test_a_step_that_needs_times_is_not_missed_without(walk: Walker) -> None:
    timed = _step("alpha", seen={"phrase": "say alpha", "in_first_seconds": 5})
    assert _said(walk({"steps": [timed, _step("beta")]}, "A: say alpha"))["alpha"] == "cannot_be_seen"


def test_the_branch_that_is_seen_most_is_taken(walk: Walker) -> None:
    flow = {
        "order": "strict",
        "steps": [_step("alpha")],
        "branches": [
            {"id": "no", "steps": [_step("beta")]},
            {"id": "yes", "steps": [_step("gamma"), _step("delta")]},
        ],
    }
    assert walk(flow, "A: say alpha", "A: say beta").branch == "no"
    taken = walk(flow, "A: say alpha", "A: say gamma", "A: say delta")
    assert (taken.branch, list(_said(taken))) == ("yes", ["alpha", "gamma", "delta"])
    both = walk(flow, "A: say alpha", "A: say beta", "A: say gamma", "A: say delta")
    assert both.branch == "yes"  # of equal shares the one with more steps seen
    assert walk(flow, "A: say alpha").branch == "no"  # of equals the first
    assert _said(walk(flow, "A: say beta", "A: say alpha"))["beta"] == "out_of_order"


def test_a_branchs_steps_that_are_not_asked_for_do_not_count_against_it(walk: Walker) -> None:
    unasked = [_step(name, only_if={"phrase": "cancel", "by": "customer"}) for name in ("x", "y")]
    flow = {
        "branches": [
            {"id": "one", "steps": [_step("alpha"), _step("beta")]},
            {"id": "two", "steps": [*ABC[2:], *unasked]},
        ]
    }
    assert walk(flow, "A: say alpha", "A: say gamma").branch == "two"


def test_verdicts_and_probabilities(judge: Callable[..., dict[str, ItemResult]]) -> None:
    complete = {"id": "complete", "met_when": {"flow": "task", "is": "complete"}}
    steps = [{"id": act, "title": act, "seen": {"act": act}} for act in ("verify", "inform")]
    rubric = _rubric({"order": "strict", "steps": steps}, complete)
    good = judge(rubric, "A: your number?", "A: a refund")
    sure = 1 / (1 + 2.718281828**-3)
    assert {name: one.verdict for name, one in good.items()} == {"flow": "met", "complete": "met"}
    assert good["flow"].p_met == pytest.approx(sure**2, abs=1e-3)
    swapped = judge(rubric, "A: a refund", "A: your number?")
    assert {name: one.verdict for name, one in swapped.items()} == {"flow": "not_met", "complete": "met"}
    assert swapped["flow"].p_met is not None
    assert swapped["flow"].p_met < 0.1 < 0.8 < (swapped["complete"].p_met or 0)
    assert swapped["flow"].evidence is not None
    assert {swapped["flow"].evidence.quote, *(one.quote for one in swapped["flow"].more)} == {
        "a refund",
        "your number?",
    }
    assert "inform: out of order (it should come after verify)" in swapped["flow"].reason


def test_p_counts_only_sightings_in_their_place(judge: Callable[..., dict[str, ItemResult]]) -> None:
    """A sure sighting too early does not make a doubtful one in its place surer."""
    rubric = _rubric(
        {"order": "strict", "steps": [_step("alpha"), {"id": "b", "title": "b", "seen": {"act": "inform"}}]}
    )
    early = judge(rubric, "A: a refund", "A: say alpha", "A: ok")["flow"]
    assert early.verdict == "not_met"
    assert early.p_met == pytest.approx(1 / (1 + 2.718281828**3), abs=1e-3)


def test_a_missed_step_is_as_likely_as_its_doubtful_sightings_in_their_place(
    toy_model: Model, contact: Contact
) -> None:
    acts = toy_model.bundle.head("acts")
    inform = acts.labels.index("inform")
    transcript = contact("A: ok", "A: say alpha", "A: ok")
    (predictions,) = predict(toy_model, [transcript])
    doubtful = {0: 0.4, 2: 0.1}  # below the threshold of 0.5: before what it should follow, and after
    doubted = [
        replace(one, probs=(*one.probs[:inform], doubtful.get(one.turn, 0.0), *one.probs[inform + 1 :]))
        for one in predictions
    ]
    rubric = _rubric({"order": "strict", "steps": [_step("alpha"), _step("b", seen={"act": "inform"})]})
    walk = Scorecard(rubric, Labels(acts.labels, acts.thresholds)).walk(transcript, doubted, {})["task"]
    assert (walk.steps[1].status, walk.steps[1].p, walk.steps[1].p_done) == ("missed", 0.1, 0.4)


def test_a_flow_of_another_task_does_not_apply(judge: Callable[..., dict[str, ItemResult]]) -> None:
    rubric = _rubric({"applies_if": {"phrase": "refund", "by": "customer"}, "steps": [_step("alpha")]})
    assert judge(rubric, "C: hello", "A: say alpha")["flow"].verdict == "not_applicable"
    assert judge(rubric, "C: refund", "A: say alpha")["flow"].verdict == "met"


def test_a_flow_of_which_nothing_was_asked_does_not_apply(judge: Callable[..., dict[str, ItemResult]]) -> None:
    rubric = _rubric({"steps": [_step("alpha", only_if={"phrase": "cancel", "by": "customer"})]})
    assert judge(rubric, "C: hello", "A: ok")["flow"].verdict == "not_applicable"
    unseen = _rubric({"steps": [{"id": "click", "title": "click"}]})
    assert judge(unseen, "C: hello", "A: ok")["flow"].verdict == "unscored"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(st.sampled_from(["alpha", "beta", "gamma"]), max_size=6),
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["A: well", "C: hm", "C: terrible"])), max_size=4),
)
def test_unrelated_turns_change_nothing(walk: Walker, said: list[str], more: list[tuple[int, str]]) -> None:
    lines = ["A: ok", *[f"A: say {name}" for name in said]]
    before = _said(walk(STRICT, *lines))
    for place, line in more:
        lines.insert(place, line)
    assert _said(walk(STRICT, *lines)) == before


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"order": "strict", "steps": [_step("alpha", after=["beta"]), _step("beta")]}, "stands later"),
        ({"steps": [_step("alpha", after=["beta"]), _step("beta", after=["alpha"])]}, "wait for one another"),
        ({"steps": [_step("alpha", after=["omega"])]}, "no step of its way"),
        ({"steps": [_step("alpha"), _step("alpha")]}, "more than once"),
        ({"steps": []}, "has no step"),
        ({"steps": [_step("alpha", due={"act": "inform", "after_every": {"act": "hold"}})]}, "not …_every"),
        ({"steps": [_step("alpha", seen={"all": [{"act": "hold"}]})]}, "happens in a turn"),
    ],
)
def test_a_flow_that_cannot_be_walked_is_refused(flow: dict[str, Any], message: str) -> None:
    with pytest.raises(RubricError, match=message):
        _rubric(flow)


def test_levels_without_conditions_are_left_to_a_person(judge: Callable[..., dict[str, ItemResult]]) -> None:
    levels = [{"name": "good", "points": 1}, {"name": "poor", "points": 0}]
    rubric = _rubric({"steps": [_step("alpha")]}, {"id": "advice", "kind": "ordinal", "levels": levels})
    found = judge(rubric, "A: say alpha")
    assert (found["advice"].verdict, found["advice"].p_met, found["advice"].points) == ("unscored", None, None)
    assert found["flow"].verdict == "met"
