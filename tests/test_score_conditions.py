import itertools
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored import contact, evaluate, rubric, verdict

from cxsentiment.phrases import PhraseBook, Phrases
from cxsentiment.score.contact import Sighting
from cxsentiment.score.outcome import Outcome, all_of, any_of, at_least, not_of

TRUE, FALSE = Outcome(True, 0.9), Outcome(False, 0.2)
UNKNOWN, NO_CHANCE = Outcome(None, None, gap="unknown"), Outcome(None, None, gap="no_chance")
NAMES = {"T": TRUE, "F": FALSE, "U": UNKNOWN, "N": NO_CHANCE}


def _name(outcome: Outcome) -> str:
    return {True: "T", False: "F", None: "N" if outcome.gap == "no_chance" else "U"}[outcome.holds]


@pytest.mark.parametrize(
    ("parts", "all_", "any_", "two"),
    [
        ("TT", "T", "T", "T"),
        ("TF", "F", "T", "F"),
        ("FF", "F", "F", "F"),
        ("TU", "U", "T", "U"),
        ("FU", "F", "U", "F"),
        ("UU", "U", "U", "U"),
        ("TN", "T", "T", "F"),
        ("FN", "F", "F", "F"),
        ("UN", "U", "U", "F"),
        ("NN", "N", "N", "N"),
        ("TTF", "F", "T", "T"),
        ("TFU", "F", "T", "U"),
        ("TFN", "F", "T", "F"),
        ("TUN", "U", "T", "U"),
        ("FFU", "F", "U", "F"),
    ],
)
def test_truth_table(parts: str, all_: str, any_: str, two: str) -> None:
    for order in itertools.permutations(parts):
        outcomes = [NAMES[part] for part in order]
        assert (_name(all_of(outcomes)), _name(any_of(outcomes)), _name(at_least(2, outcomes))) == (all_, any_, two)


def test_not_turns_true_and_false_round_and_leaves_gaps() -> None:
    assert [_name(not_of(NAMES[part])) for part in "TFUN"] == ["F", "T", "U", "N"]
    assert not_of(TRUE).p == pytest.approx(0.1)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=6), st.integers(1, 6))
def test_probabilities_are_those_of_independent_parts(parts: list[tuple[bool, float]], n: int) -> None:
    outcomes = [Outcome(holds, p) for holds, p in parts]
    exact = {"all": 0.0, "any": 0.0, "n": 0.0}
    n = min(n, len(parts))
    for row in itertools.product((False, True), repeat=len(parts)):
        chance = 1.0
        for happens, (_, p) in zip(row, parts, strict=True):
            chance *= p if happens else 1 - p
        exact["all"] += chance * all(row)
        exact["any"] += chance * any(row)
        exact["n"] += chance * (sum(row) >= n)
    assert all_of(outcomes).p == pytest.approx(exact["all"])
    assert any_of(outcomes).p == pytest.approx(exact["any"])
    assert at_least(n, outcomes).p == pytest.approx(exact["n"])


def test_de_morgan() -> None:
    for row in itertools.product("TFU", repeat=3):
        parts = [NAMES[name] for name in row]
        left = not_of(all_of(parts))
        right = any_of([not_of(part) for part in parts])
        assert _name(left) == _name(right)
        if left.p is not None and right.p is not None:
            assert left.p == pytest.approx(right.p)


def test_evidence_is_that_of_the_parts_that_decide() -> None:
    one, two = Sighting(0, 0, 1, 0.9, 0.4, "a"), Sighting(1, 0, 1, 0.2, -0.3, "b")
    outcomes = [Outcome(True, 0.9, (one,)), Outcome(False, 0.2, (two,))]
    assert all_of(outcomes).evidence == (two,)
    assert any_of(outcomes).evidence == (one,)


VERIFY_FIRST = {"act": "verify", "before": {"act": "inform"}}


@pytest.mark.parametrize(
    ("lines", "expected", "quotes"),
    [
        (
            [("A: your number?", {"verify": 0.9}), ("A: 40 dollars", {"inform": 0.9})],
            "met",
            ["your number?", "40 dollars"],
        ),
        (
            [("A: 40 dollars", {"inform": 0.9}), ("A: your number?", {"verify": 0.9})],
            "not_met",
            ["your number?", "40 dollars"],
        ),
        ([("A: 40 dollars", {"inform": 0.9}), "A: ok"], "not_met", ["40 dollars"]),
        ([("A: your number?", {"verify": 0.9}), "A: ok"], "met", ["your number?"]),
        (["A: ok"], "not_met", ["ok"]),
    ],
)
def test_verify_before_inform(lines: list[Any], expected: str, quotes: list[str]) -> None:
    item = verdict(VERIFY_FIRST, contact(*lines))
    assert item.verdict == expected
    assert item.evidence is not None
    assert [item.evidence.quote, *(one.quote for one in item.more)] == quotes


def test_an_order_violation_says_where_both_stood() -> None:
    lines = ["C: hi", ("A: 40 dollars", {"inform": 0.9}), "C: ok", ("A: your number?", {"verify": 0.9})]
    item = verdict(VERIFY_FIRST, contact(*lines))
    assert item.reason == (
        "It was not seen that the agent asked for identity or account data before the agent gave an answer, result or "
        "explanation (1 agent turn), only elsewhere (turn 3)."
    )
    assert item.more[0].turn == 1


def test_in_one_turn_the_earlier_sentence_comes_first() -> None:
    text = ("A: Your number? It is 40 dollars.", {"verify": 0.9, "inform": 0.9})
    assert verdict(VERIFY_FIRST, contact(text)).verdict == "met"  # the toy spans are the same sentence: no violation


def test_hold_thanked_after_each_hold() -> None:
    thanked = {"act": "appreciate", "after_every": {"act": "hold"}, "within": 2}
    hold, thanks = ("A: one moment", {"hold": 0.9}), ("A: thank you for waiting", {"appreciate": 0.9})
    assert verdict(thanked, contact(hold, "C: ok", thanks, hold, thanks)).verdict == "met"
    missed = verdict(thanked, contact(hold, thanks, hold, "A: so", "A: well", thanks))
    assert missed.verdict == "not_met"
    assert missed.evidence is not None
    assert missed.evidence.turn == 2
    assert "missing at turn 2, 1 of 2" in missed.reason
    assert verdict(thanked, contact("A: hello")).verdict == "not_applicable"
    assert verdict(thanked, contact("A: hello", hold)).verdict == "not_applicable"
    assert missed.p_met == pytest.approx(0.0)


def test_hold_asked_before_each_silence() -> None:
    asked = {"act": "hold", "before_every": {"silence": 20}, "within": 1}
    hold = ("A: one moment", {"hold": 0.9})
    times = [(0.0, 2.0), (3.0, 4.0), (40.0, 41.0)]
    assert verdict(asked, contact("C: hi", hold, "A: back", times=times)).verdict == "met"
    assert verdict(asked, contact(hold, "A: so", "A: back", times=times)).verdict == "not_met"
    assert verdict(asked, contact("C: hi", "A: so", "C: hello?", times=times)).verdict == "not_met"
    quick = [(0.0, 2.0), (3.0, 4.0), (5.0, 6.0)]
    assert verdict(asked, contact("C: hi", "A: so", "A: back", times=quick)).verdict == "not_applicable"
    unknown = verdict(asked, contact("C: hi", hold, "A: back"))
    assert (unknown.verdict, unknown.reason) == ("unscored", "The turns of this contact have no times.")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"in_first": 1}, "not_met"),
        ({"in_first": 2}, "met"),
        ({"in_last": 1}, "not_met"),
        ({"in_last": 2}, "met"),
        ({"in_first_seconds": 5}, "not_met"),
        ({"in_first_seconds": 12}, "met"),
        ({"in_last_seconds": 5}, "not_met"),
        ({"in_last_seconds": 25}, "met"),
    ],
)
def test_places(place: dict[str, Any], expected: str) -> None:
    lines = ["A: hm", "C: hi", ("A: hello", {"greet": 0.9}), "C: hi", "A: ok"]
    times = [(float(k * 5), float(k * 5 + 2)) for k in range(5)]
    assert verdict({"act": "greet"} | place, contact(*lines, times=times)).verdict == expected


def test_the_first_negative_turn_or_any() -> None:
    sorry, angry = ("A: sorry", {"apologise": 0.9}), ("C: terrible", {"negative": 0.9})
    lines = [angry, "A: ok", "A: ok", angry, sorry]
    anyone = {"act": "apologise", "after": {"sentiment": "negative"}, "within": 2}
    first = {"act": "apologise", "after_first": {"sentiment": "negative"}, "within": 2}
    assert verdict(anyone, contact(*lines)).verdict == "met"
    assert verdict(first, contact(*lines)).verdict == "not_met"
    assert verdict({"act": "apologise", "after_every": {"sentiment": "negative"}}, contact(*lines)).verdict == "met"


def test_how_often_takes_the_nth_surest_turn() -> None:
    lines = [("A: a?", {"verify": 0.9}), ("A: b?", {"verify": 0.7}), ("A: c", {"verify": 0.1})]
    assert verdict({"act": "verify", "times": 2}, contact(*lines)).p_met == pytest.approx(0.7)
    three = verdict({"act": "verify", "times": 3}, contact(*lines))
    assert (three.verdict, three.p_met) == ("not_met", pytest.approx(0.1))
    assert "in 2 of 3 turns asked for" in three.reason


def test_in_the_same_turn() -> None:
    balance = {"act": "inform", "with": {"pattern": r"\$\d+"}}
    said = contact(("A: it is late", {"inform": 0.9}), ("A: you owe $40", {"inform": 0.8}))
    item = verdict(balance, said)
    assert item.p_met == pytest.approx(0.8)
    assert item.evidence is not None
    assert item.evidence.turn == 1
    assert verdict(balance, contact(("A: it is late", {"inform": 0.9}), "A: you owe $40")).verdict == "not_met"


def test_phrases_of_the_customer_and_negation() -> None:
    cancel = {"phrase": "want to cancel", "by": "customer"}
    assert verdict(cancel, contact("C: I want to cancel", "A: ok")).verdict == "met"
    assert verdict(cancel, contact("C: I don't want to cancel", "A: want to cancel")).verdict == "not_met"
    assert verdict(cancel | {"negated": "count"}, contact("C: I don't want to cancel", "A: ok")).verdict == "met"
    assert verdict(cancel, contact("A: ok")).verdict == "unscored"


@pytest.mark.parametrize(
    ("phrase", "said", "expected"),
    [
        ("we will follow up", "We will follow-up.", "met"),
        ("follow-up call", "a follow up call", "met"),
        ("e-mail|text you", "I will email you", "met"),
        ("e-mail|text you", "I will e mail you", "met"),
        ("refundable", "that fare is non-refundable", "not_met"),
        ("log in", "it is a login", "not_met"),
        ("re-sign", "I resign", "not_met"),
        ("re-sign", "please re-sign the form", "met"),
        ("this is {name}", "this is Ana", "met"),
        ("this is {name}", "this is [NAME]", "met"),
        ("this is {name}", "this is [CARD]", "not_met"),
    ],
)
def test_a_phrase_is_found_with_and_without_its_hyphen_and_a_name_behind_its_mark(
    phrase: str, said: str, expected: str
) -> None:
    assert verdict({"phrase": phrase}, contact(f"A: {said}")).verdict == expected


def test_other_spellings_are_looked_for_only_where_a_text_may_hold_one(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []
    PhraseBook({"cue": Phrases(("hello",))}).find("hello")  # the first import of spaCy, without torch
    from spacy.matcher import Matcher

    class Counted(Matcher):  # type: ignore[misc]
        def add(self, key: str, *given: Any, **named: Any) -> None:
            keys.append(key)
            super().add(key, *given, **named)

    monkeypatch.setattr("spacy.matcher.Matcher", Counted)
    for typos in (0, 1):
        book = PhraseBook({"cue": Phrases(("we will follow up",), typos)})
        keys.clear()
        assert book.find("so we will follow up soon") == {"cue": (3, 20)}
        assert len(keys) == 1  # all patterns cost time, those that are not found too
        assert book.find("so we will follow-up soon") == {"cue": (3, 20)}
        assert len(keys) == 4


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("A: This call is recorded for quality and training purposes.", "met"),
        ("A: hi there this call is being recorded for quality and training purpose ok", "met"),
        ("A: We record for training.", "not_met"),
        ("C: this call is recorded for quality and training purposes", "not_met"),
    ],
)
def test_required_wording(said: str, expected: str) -> None:
    wording = {"wording": "this call is recorded for quality and training purposes", "tolerance": 0.25}
    assert verdict(wording, contact("A: hello", said)).verdict == expected


def test_wording_over_two_turns_of_one_speaker() -> None:
    wording = {"wording": "this call is recorded for quality and training purposes"}
    item = verdict(wording, contact("A: hello this call is recorded for", "A: quality and training purposes", "C: ok"))
    assert item.verdict == "met"
    assert item.evidence is not None
    assert item.evidence.quote == "this call is recorded for"
    between = contact("A: hello this call is recorded for", "C: yes", "A: quality and training purposes")
    assert verdict(wording, between).verdict == "not_met"


@pytest.mark.parametrize(
    ("measured", "expected"), [({"hold_s": 20.0}, "met"), ({"hold_s": 90.0}, "not_met"), ({}, "unscored")]
)
def test_measures(measured: dict[str, float], expected: str) -> None:
    item = verdict({"measure": "hold_s", "max": 60}, contact("A: hi"), **measured)
    assert item.verdict == expected
    assert "old s is" in item.reason


def test_counted_measures() -> None:
    lines = ["A: what is it?", "C: a box", ("A: tell me the size", {"probe": 0.9}), "A: ok"]
    times = [(0.0, 1.0), (2.0, 3.0), (10.0, 11.0), (12.0, 13.0)]
    assert verdict({"measure": "agent_questions", "min": 2, "max": 2}, contact(*lines)).verdict == "met"
    assert verdict({"measure": "dead_air_s", "min": 7, "max": 7}, contact(*lines, times=times)).verdict == "met"
    share = verdict({"measure": "dead_air_share", "min": 0.5}, contact(*lines, times=times), duration_s=14.0)
    assert share.verdict == "met"
    assert verdict({"measure": "dead_air_s", "min": 7}, contact(*lines)).verdict == "unscored"


def test_items_build_on_items_whatever_their_order() -> None:
    card = rubric(
        {"id": "both", "met_when": {"all": [{"item": "a"}, {"item": "b", "is": "not_met"}]}},
        {"id": "a", "met_when": {"act": "greet"}},
        {"id": "b", "applies_when": {"if": {"item": "a"}}, "met_when": {"act": "close"}},
        {"id": "seen", "met_when": {"item": "b", "is": "applicable"}},
    )
    found = {item.item: item.verdict for item in evaluate(card, contact(("A: hello", {"greet": 0.9}))).items}
    assert found == {"both": "met", "a": "met", "b": "not_met", "seen": "met"}
    found = {item.item: item.verdict for item in evaluate(card, contact("A: hm")).items}
    assert found == {"both": "not_met", "a": "not_met", "b": "not_applicable", "seen": "not_met"}


@pytest.mark.parametrize(
    ("fields", "when", "expected"),
    [
        ({"channel": "call"}, {"channels": ["call"]}, "met"),
        ({"channel": "chat"}, {"channels": ["call"]}, "not_applicable"),
        ({}, {"channels": ["call"]}, "not_applicable"),
        ({"campaign": "x"}, {"campaigns": ["x"], "queues": ["q"]}, "not_applicable"),
        ({"campaign": "x", "queue": "q"}, {"campaigns": ["x"], "queues": ["q"]}, "met"),
        ({}, {"languages": ["en"]}, "met"),
        ({}, {"languages": ["es"]}, "not_applicable"),
        ({}, {"if": {"sentiment": "negative"}}, "not_applicable"),
        ({}, {"if": {"cue": "asked_to_cancel"}}, "met"),
    ],
)
def test_when_an_item_applies(fields: dict[str, Any], when: dict[str, Any], expected: str) -> None:
    card = rubric({"id": "it", "applies_when": when, "met_when": {"act": "greet"}})
    lines = (
        "C: i want to cancel my contract and that is it for now",
        ("A: hello, how can I help you with that", {"greet": 0.9}),
    )
    (item,) = evaluate(card, contact(*lines, **fields)).items
    assert item.verdict == expected


LEVELS = [
    {"name": "full", "points": 1, "when": {"act": "verify", "times": 2}},
    {"name": "part", "points": 0.5, "when": {"act": "verify"}},
    {"name": "none", "points": 0},
]


@pytest.mark.parametrize(("count", "points", "said"), [(2, 1.0, "met"), (1, 0.5, "not_met"), (0, 0.0, "not_met")])
def test_ordinal_items(count: int, points: float, said: str) -> None:
    card = rubric({"id": "it", "kind": "ordinal", "levels": LEVELS})
    lines = [("A: number?", {"verify": 1.0})] * count + ["A: ok"]
    evaluation = evaluate(card, contact(*lines))
    (item,) = evaluation.items
    assert (item.verdict, item.points, evaluation.score) == (said, points, 100 * points)
    assert item.p_met == pytest.approx(points)


def test_an_ordinal_item_expects_what_its_probabilities_say() -> None:
    card = rubric({"id": "it", "kind": "ordinal", "levels": LEVELS})
    (item,) = evaluate(card, contact(("A: a?", {"verify": 0.8}), ("A: b?", {"verify": 0.4}))).items
    assert item.p_met == pytest.approx(0.4 + 0.6 * 0.8 * 0.5)


@pytest.mark.parametrize(("asked", "points"), [(0, 0.0), (1, 0.5), (2, 1.0), (5, 1.0)])
def test_count_items(asked: int, points: float) -> None:
    card = rubric({"id": "it", "kind": "count", "count": {"of": {"act": "probe"}, "full_at": 2, "none_at": 0}})
    lines = [("A: why?", {"probe": 1.0})] * asked + ["A: ok"]
    (item,) = evaluate(card, contact(*lines)).items
    assert item.points == points


def test_counts_of_what_should_not_happen() -> None:
    card = rubric({"id": "it", "kind": "count", "count": {"of": {"act": "hold"}, "full_at": 1, "none_at": 3}})
    points = []
    for held in range(5):
        (item,) = evaluate(card, contact(*[("A: wait", {"hold": 1.0})] * held, "A: ok")).items
        points.append(item.points)
    assert points == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_uncertain_verdicts_go_to_a_person() -> None:
    card = rubric(
        {
            "id": "a",
            "critical": "customer",
            "uncertain_between": [0.3, 0.7],
            "met_when": {"not": {"act": "unprofessional"}},
        },
        {"id": "b", "met_when": {"act": "greet"}},
    )
    evaluation = evaluate(card, contact(("A: hello", {"greet": 0.9, "unprofessional": 0.4})))
    first, second = evaluation.items
    assert (first.verdict, first.p_met, first.points) == ("unscored", 0.6, None)
    assert first.reason.startswith("uncertain: p(met) = 0.60")
    assert first.evidence is not None
    assert second.verdict == "met"
    assert evaluation.score == 100
    assert evaluation.coverage == 0.5
    assert evaluation.p_critical["customer"] == pytest.approx(0.4)
    sure = evaluate(card, contact(("A: hello", {"greet": 0.9, "unprofessional": 0.9})))
    assert sure.items[0].verdict == "not_met"


def test_one_turn_is_one_turn_in_a_reason() -> None:
    talk = contact("C: hello", "A: hm")
    answered = {"act": "greet", "after": {"phrase": "hello", "by": "customer"}, "within": 1}
    assert "within 1 agent turn after" in verdict(answered, talk).reason
    assert "in the first agent turn (" in verdict({"act": "greet", "in_first": 1}, talk).reason
    assert "in the last 2 agent turns (" in verdict({"act": "greet", "in_last": 2}, talk).reason


def test_a_person_grades_what_has_no_rule() -> None:
    evaluation = evaluate(rubric({"id": "notes"}, {"id": "b", "met_when": {"act": "greet"}}), contact("A: hm"))
    assert evaluation.items[0].verdict == "unscored"
    assert "a person grades this item" in evaluation.items[0].reason
    assert evaluation.score == 0


@pytest.mark.parametrize(
    ("effect", "score", "uncapped"),
    [("report", 50.0, None), ("zero", 0.0, 50.0), ({"cap": 30}, 30.0, 50.0), ({"cap": 80}, 50.0, None)],
)
def test_effects_of_a_critical_error(effect: Any, score: float, uncapped: float | None) -> None:
    card = rubric(
        {"id": "kind", "critical": "customer", "effect": effect, "met_when": {"not": {"act": "unprofessional"}}},
        {"id": "b", "met_when": {"act": "greet"}},
    )
    evaluation = evaluate(card, contact(("A: hello", {"greet": 0.9, "unprofessional": 0.9})))
    (rude,) = [one for one in evaluation.items if one.item == "kind"]
    assert rude.reason == "The agent said what reads as unprofessional (turn 0)."  # a flag is no finding
    assert (evaluation.score, evaluation.score_uncapped) == (score, uncapped)
    assert (evaluation.score_effect is None) is (uncapped is None)
    clean = evaluate(card, contact(("A: hello", {"greet": 0.9})))
    assert (clean.score, clean.score_uncapped, clean.score_effect) == (100, None, None)


def test_a_flat_rubric_leaves_the_weights_of_sections_out() -> None:
    sections = [
        {
            "id": "s1",
            "title": "1",
            "weight": 90,
            "items": [{"id": "a", "question": "Is it?", "weight": 10, "met_when": {"act": "greet"}}],
        },
        {
            "id": "s2",
            "title": "2",
            "weight": 10,
            "items": [{"id": "b", "question": "Is it?", "weight": 30, "met_when": {"act": "close"}}],
        },
    ]
    said = contact(("A: hello", {"greet": 0.9}))
    assert evaluate(rubric(sections=sections), said).score == 90
    assert evaluate(rubric(sections=sections, flat=True), said).score == 25


# ---- properties -----------------------------------------------------------------------------------------------------

ITEMS = {
    "order": VERIFY_FIRST,
    "thanked": {"act": "appreciate", "after_every": {"act": "hold"}},
    "kind": {"not": {"act": "unprofessional"}},
    "sorry": {"act": "apologise", "after": {"sentiment": "negative"}},
    "first": {"act": "apologise", "after_first": {"sentiment": "negative"}},
    "words": {"phrase": "thank you for waiting"},
}
TELLING: list[Any] = [
    ("A: your number?", {"verify": 0.9}),
    ("A: it is 40", {"inform": 0.8}),
    ("A: one moment", {"hold": 0.9}),
    ("A: thank you for waiting", {"appreciate": 0.9}),
    ("A: sorry", {"apologise": 0.7}),
    ("A: idiot", {"unprofessional": 0.95}),
    ("C: terrible", {"negative": 0.9}),
]
UNRELATED: list[Any] = ["B: hello i am a bot", "C: ok", "C: seventeen", "A: right", "A: mhm"]


def _verdicts(lines: list[Any]) -> dict[str, str]:
    card = rubric(*({"id": name, "met_when": condition} for name, condition in ITEMS.items()))
    return {item.item: item.verdict for item in evaluate(card, contact("A: well", *lines)).items}


@settings(max_examples=150)
@given(st.lists(st.sampled_from(TELLING), max_size=6), st.data())
def test_unrelated_turns_leave_every_verdict_alone(telling: list[Any], data: st.DataObject) -> None:
    lines = list(telling)
    # Never as the last one: a turn that follows an occasion gives the chance to answer it that was not there before.
    for _ in range(data.draw(st.integers(0, 6))):
        lines.insert(data.draw(st.integers(0, max(len(lines) - 1, 0))), data.draw(st.sampled_from(UNRELATED)))
    before, after = _verdicts(telling), _verdicts(lines)
    same = {name for name in ITEMS if before[name] != "not_applicable"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(TELLING + UNRELATED), max_size=6),
    st.lists(st.sampled_from(TELLING + UNRELATED), max_size=12),
)
def test_text_after_a_critical_error_never_hides_it(before: list[Any], after: list[Any]) -> None:
    assert _verdicts([*before, ("A: idiot", {"unprofessional": 0.95}), *after])["kind"] == "not_met"


@settings(max_examples=100)
@given(st.lists(st.sampled_from(TELLING + UNRELATED), min_size=1, max_size=10))
def test_every_quote_stands_in_its_turn_and_every_verdict_has_a_reason(lines: list[Any]) -> None:
    said = contact("A: well", *lines)
    card = rubric(*({"id": name, "met_when": condition} for name, condition in ITEMS.items()))
    for item in evaluate(card, said).items:
        assert item.reason.endswith((".", "…"))
        assert (item.p_met is None) is (item.verdict in ("not_applicable", "unscored"))
        for quote in (item.evidence, *item.more) if item.evidence else ():
            text = said[0].turns[quote.turn].text
            assert quote.quote.removesuffix("…") == text[quote.start : quote.end]


def test_not_where_something_else_stands_in_the_turn() -> None:
    rude = {"not": {"act": "unprofessional", "without": {"phrase": "delete your post"}}}
    asked = contact(("A: please delete your post, others can read your number", {"unprofessional": 0.7}))
    assert verdict(rude, asked).verdict == "met"
    assert verdict(rude, contact(("A: go away", {"unprofessional": 0.7}))).verdict == "not_met"


def test_what_nobody_could_say_was_not_said() -> None:
    assert verdict({"phrase": "transcript", "by": "system"}, contact("A: ok")).verdict == "not_met"
    assert verdict({"phrase": "transcript", "by": "bot"}, contact("A: ok", "B: your transcript")).verdict == "met"


def test_in_a_call_a_pause_needs_the_end_of_what_was_said() -> None:
    quiet = {"not": {"silence": 20}}
    starts: Any = [(0.0, None), (40.0, None)]
    assert verdict(quiet, contact("A: a long story", "C: ok", times=starts, channel="call")).verdict == "unscored"
    assert verdict(quiet, contact("A: hi", "C: ok", times=starts, channel="chat")).verdict == "not_met"


def test_the_expected_score_has_probabilities_in_the_place_of_verdicts() -> None:
    card = rubric(
        {"id": "a", "weight": 3, "met_when": {"act": "greet"}},
        {"id": "b", "weight": 1, "met_when": {"not": {"act": "hold"}}},
    )
    evaluation = evaluate(card, contact(("A: hello", {"greet": 0.6, "hold": 0.3})))
    assert evaluation.score == 100
    assert evaluation.score_expected == pytest.approx(100 * (3 * 0.6 + 0.7) / 4)
    capped = rubric({"id": "a", "effect": "zero", "critical": "customer", "met_when": {"act": "greet"}})
    evaluation = evaluate(capped, contact(("A: hello", {"greet": 0.2})))
    assert (evaluation.score, evaluation.score_expected) == (0, 20)


@pytest.mark.parametrize(("p", "exact"), [(0.05, 50.0), (0.3, 57.5), (0.5, 62.5), (0.7, 67.5), (0.95, 75.0)])
def test_where_it_is_unsure_what_applies_the_expected_score_is_a_mean_over_draws(p: float, exact: float) -> None:
    card = rubric(
        {"id": "always", "met_when": {"act": "greet"}},
        {"id": "sometimes", "applies_when": {"if": {"act": "hold"}}, "met_when": {"act": "close"}},
    )
    one = contact(("A: hello", {"greet": 0.5, "hold": p, "close": 1.0}))
    found = evaluate(card, one).score_expected
    assert found == evaluate(card, one).score_expected, "draws hang on the contact alone"
    # The mean of 200 draws of a ratio that is 50 or 75: four standard errors.
    assert found == pytest.approx(exact, abs=4 * 25 * (p * (1 - p) / 200) ** 0.5 if 0.1 < p < 0.9 else 1e-9)


def test_a_contact_without_a_score_has_no_expected_one() -> None:
    card = rubric({"id": "a", "met_when": {"act": "greet"}}, {"id": "b", "weight": 9}, minimum_coverage=0.5)
    evaluation = evaluate(card, contact(("A: hello", {"greet": 0.9})))
    assert (evaluation.score, evaluation.score_expected) == (None, None)


ASKED = {"cancel": {"phrase": "cancel", "by": "customer"}, "deeper": {"cue": "cancel"}}


@pytest.mark.parametrize("cue", ["cancel", "deeper"])
def test_turns_are_counted_of_whoever_a_cue_is_about(cue: str) -> None:
    scored = contact("A: Hello.", "A: How can I help?", "C: Cancel it.", "A: Why?", "C: Well.")
    for place in ({"in_first": 1}, {"after": {"phrase": "help"}, "within": 1}):
        (item,) = evaluate(rubric({"id": "it", "met_when": {"cue": cue} | place}, cues=ASKED), scored).items
        assert item.verdict == "met", place
    (item,) = evaluate(rubric({"id": "it", "met_when": {"cue": cue, "in_last": 1}}, cues=ASKED), scored).items
    assert item.verdict == "not_met"
    assert "(1 customer turn)" in item.reason


def test_a_cue_of_silence_needs_times_as_silence_does() -> None:
    card = rubric({"id": "it", "met_when": {"not": {"cue": "quiet"}}}, cues={"quiet": {"silence": 20}})
    (item,) = evaluate(card, contact("A: Hello.", "C: Hi.")).items
    assert item.verdict == "unscored"
    assert "no times" in item.reason


def test_cues_that_name_cues_twice_cost_no_time() -> None:
    cues = {f"c{k}": {"any": [{"cue": f"c{k + 1}"}, {"cue": f"c{k + 1}", "by": "agent"}]} for k in range(16)}
    card = rubric({"id": "it", "met_when": {"cue": "c0", "in_first": 1}}, cues=cues | {"c16": {"phrase": "hello"}})
    before = time.process_time()
    assert evaluate(card, contact("C: Well.", "A: Hello.")).items[0].verdict == "met"
    assert time.process_time() - before < 3


@pytest.mark.parametrize("cue", [{"any": [{"phrase": "ham"}, {"phrase": "eggs"}]}, {"cue": "inner"}])
def test_who_said_it_reaches_all_words_of_a_cue(cue: dict[str, Any]) -> None:
    cues = {"food": cue, "inner": {"phrase": "eggs"}}
    card = rubric({"id": "it", "met_when": {"cue": "food", "by": "customer"}}, cues=cues)
    assert evaluate(card, contact("A: Eggs?", "C: No.")).items[0].verdict == "not_met"
    assert evaluate(card, contact("A: Well?", "C: Eggs!")).items[0].verdict == "met"


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"phrase": "customers' account"}, "I opened the customers' account."),
        ({"phrase": "lookin' into"}, "I'm lookin' into it."),
        ({"phrase": "'em|them all"}, "I called 'em all."),
        ({"phrase": "a\u0300 biento\u0302t"}, "À bientôt!"),
        ({"pattern": "biento\u0302t"}, "À bientôt!"),
        ({"wording": "tre\u0300s bonne journe\u0301e", "tolerance": 0}, "Une très bonne journée!"),
        ({"phrase": "İptal edildi"}, "Siparişiniz: İptal edildi."),
        ({"phrase": "get {money} back"}, "You get 20€ back."),
        ({"phrase": "get {money} back"}, "You get 20 £ back."),
        ({"phrase": "get {money} back"}, "You get $20 back."),
    ],
)
def test_words_are_found_however_they_are_spelt(condition: dict[str, Any], said: str) -> None:
    assert verdict(condition, contact("C: Hello.", f"A: {said}")).verdict == "met"


@pytest.mark.parametrize(
    ("fields", "when"),
    [
        ({"channel": "call"}, {"channels": ["Voice"]}),
        ({"channel": "email"}, {"channels": ["E-Mail"]}),
        ({"channel": "whatsapp"}, {"channels": ["WhatsApp"]}),
        ({"channel": "voice"}, {"channels": ["voice"]}),
        ({"queue": "Réseau"}, {"queues": ["Re\u0301seau "]}),
    ],
)
def test_an_item_names_channels_and_queues_as_the_source_does(fields: dict[str, Any], when: dict[str, Any]) -> None:
    card = rubric({"id": "it", "applies_when": when, "met_when": {"phrase": "hello"}})
    assert evaluate(card, contact("A: Hello.", **fields)).items[0].verdict == "met"
    assert evaluate(card, contact("A: Hello.")).items[0].verdict == "not_applicable"
