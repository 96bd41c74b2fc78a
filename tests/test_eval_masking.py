import random

import pytest

from eval.kept_numbers import KINDS, kept
from eval.masking import GOALS, cost, demo_contacts, measure, short_of_goal
from eval.spoken_numbers import card_number, said


@pytest.mark.slow
def test_a_shorter_run_meets_every_goal() -> None:
    results = measure(700)
    assert results["sentences"] == 700
    assert results.keys() >= set(GOALS)
    assert short_of_goal(results) == []


def test_the_cost_is_measured_on_whole_contacts() -> None:
    found = cost(demo_contacts()[:30])
    assert found["turns"] > 300
    assert found["ms a turn"] > 0


def test_made_cards_have_their_check_digit_and_made_sentences_repeat() -> None:
    for seed in range(50):
        _, digits = card_number(random.Random(seed))
        doubled = [int(d) * 2 for d in digits[-2::-2]]
        assert (sum(map(int, digits[-1::-2])) + sum(d - 9 if d > 9 else d for d in doubled)) % 10 == 0
        assert said(random.Random(seed)) == said(random.Random(seed))
    assert len(KINDS) >= 22
    assert kept(KINDS[0], random.Random(1)) == kept(KINDS[0], random.Random(1))
