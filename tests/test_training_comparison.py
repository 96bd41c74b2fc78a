from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from training.comparison import MIN_CASES, HeadPair, compare_head, sentence, shown, table

TEMPLATES = Path(__file__).parents[1] / "training"
LABELS = ("yes", "no", "rare")


def judged(turns: int, right_before: float, right_after: float, contacts: int) -> HeadPair:
    """Two models of known shares of right answers on turns of "yes" and "no", and one turn of "rare"."""
    chance = np.random.default_rng(7)
    truth = np.zeros((turns, 3), np.bool_)
    truth[np.arange(turns), np.arange(turns) % 2] = True
    truth[0, 2] = True
    said = []
    for right in (right_before, right_after):
        wrong = chance.random(turns) >= right
        given = truth.copy()
        given[wrong] = given[wrong][:, [1, 0, 2]]
        said.append(given)
    return compare_head(LABELS, truth, *said, [f"c{k % contacts}" for k in range(turns)])


@pytest.mark.parametrize(
    ("before", "after", "contacts", "verdict"),
    [
        (0.6, 0.95, 60, "better"),
        (0.95, 0.6, 60, "worse"),
        (0.8, 0.8, 60, "cannot be told apart"),
        (1.0, 1.0, 60, "cannot be told apart"),
        (0.6, 0.95, 5, "cannot be told apart"),  # too few contacts for an interval
    ],
)
def test_the_interval_of_the_difference_decides(before: float, after: float, contacts: int, verdict: str) -> None:
    found = judged(240, before, after, contacts)
    assert found.verdict == verdict
    assert found.macro_classes == ("yes", "no")
    assert found.macro is not None
    assert found.macro.before.value == pytest.approx(before, abs=0.07)
    assert found.macro.difference.value == pytest.approx(found.macro.after.value - found.macro.before.value, abs=2e-4)
    assert (found.macro.difference.low is None) == (contacts < 8)


def test_equal_answers_differ_by_nothing_in_every_draw() -> None:
    found = judged(90, 1.0, 1.0, 30)
    assert found.macro is not None
    assert (found.macro.difference.low, found.macro.difference.value, found.macro.difference.high) == (0, 0, 0)
    assert found.classes["rare"].cases == 1


def test_the_paired_difference_is_surer_than_both_figures() -> None:
    """Where both models err on the same contacts, the difference is not blurred by these."""
    truth = np.zeros((200, 2), np.bool_)
    truth[np.arange(200), np.arange(200) % 2] = True
    before = truth.copy()
    before[:80] = before[:80, ::-1]  # contacts 0 to 7 are hard for both
    after = before.copy()
    after[::20] = truth[::20]
    found = compare_head(("yes", "no"), truth, before, after, [f"c{k // 10}" for k in range(200)])
    assert found.macro is not None

    def width(figure: object) -> float:
        return float(figure.high - figure.low)  # type: ignore[attr-defined]

    assert width(found.macro.difference) < width(found.macro.before) / 2
    assert found.verdict == "better"


def test_a_draw_without_the_class_says_nothing_of_it() -> None:
    # Six cases in one of nine contacts, all found: a third of the draws hold none, which is no failure to find them.
    truth = np.array([[True, False]] * 6 + [[False, True]] * 8)
    contacts = ["full"] * 6 + [f"c{k}" for k in range(8)]
    found = compare_head(("a", "b"), truth, truth, truth, contacts).classes["a"]
    assert (found.before.low, found.before.high) == (1, 1)
    said = np.array([[True, False]] * 14)
    nothing = compare_head(("a", "b"), np.zeros_like(said), said, said, contacts).classes["a"]
    assert (nothing.before.value, nothing.before.low) == (0, None)


def test_f1_by_hand() -> None:
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], np.bool_)
    before = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.bool_)
    found = compare_head(("a", "b"), truth, before, truth, ["x", "x", "y", "z"])
    assert found.classes["a"].before.value == pytest.approx(2 / 3, abs=1e-4)
    assert found.classes["b"].before.value == pytest.approx(1 / 2, abs=1e-4)
    assert found.classes["b"].difference.value == pytest.approx(1 / 2, abs=1e-4)
    assert found.macro is None  # fewer than five cases of each
    assert found.verdict == "not measured"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (judged(240, 0.6, 0.95, 60), "acts, 240 held-out turns of 60 contacts: the new model is better."),
        (judged(240, 0.95, 0.6, 60), "is WORSE than the one it started from."),
        (judged(240, 0.8, 0.8, 60), "is not shown to be better; the difference may be chance."),
        (judged(240, 0.5, 0.99, 10), "is better. With so few contacts the interval is too narrow"),
        (judged(6, 1.0, 1.0, 6), f"no class has {MIN_CASES} cases, so nothing can be said."),
    ],
)
def test_the_verdict_is_said_plainly(found: HeadPair, says: str) -> None:
    assert says in sentence("acts", found)


def test_a_class_of_few_cases_has_no_interval_and_no_part_in_the_verdict() -> None:
    """One case is found in every draw that holds it: 1.000 [1.00, 1.00] would look as sure as a hundred cases."""
    found = judged(240, 1.0, 1.0, 60)
    assert (found.classes["rare"].cases, found.classes["rare"].after.low) == (1, None)
    assert found.classes["yes"].after.low == 1
    said = sentence("acts", found)
    assert said.endswith(
        "It is judged by 2 of the 3 classes that were held out, for the others have fewer than 5 cases."
    )
    truth = np.array([[1, 0]] * 9 + [[0, 1]], np.bool_)
    alone = compare_head(("yes", "no"), truth, truth, truth, [f"c{k}" for k in range(10)])
    assert "It is judged by yes alone" in sentence("acts", alone)
    whole = compare_head(("yes", "no"), truth[:9], truth[:9], truth[:9], [f"c{k}" for k in range(9)])
    assert "judged" not in sentence("acts", whole)


def test_the_table_shows_every_class_that_is_true_or_said() -> None:
    text = table({"acts": judged(240, 0.6, 0.95, 60)})
    assert [line.split()[0] for line in text.splitlines()[3:]] == ["macro-F1,", "yes", "no", "rare"]
    assert text.startswith("sentiment: no labelled turn was held out, so nothing can be said.\n")
    assert "+0.3" in text


def test_turns_that_name_no_contact_get_no_verdict() -> None:
    found = replace(judged(240, 0.6, 0.95, 60), unnamed=7)
    assert found.verdict == "not judged"
    said = sentence("acts", found)
    assert said.startswith("acts, 240 held-out turns: no verdict, for 7 labelled turns name no contact")
    assert "contacts" not in said
    assert "better" not in said
    shown_table = table({"acts": found})
    assert "macro-F1" in shown_table
    assert "[+0." in shown_table  # the interval is still there


def test_figures_without_an_interval_show_none() -> None:
    found = judged(240, 0.6, 0.95, 5)
    assert found.macro is not None
    assert "[" not in shown(found.macro.after)
    assert shown(found.macro.difference, "+").startswith("+0.")


def test_a_campaigns_card_says_the_same_of_its_use_as_the_default_models() -> None:
    use = (TEMPLATES / "use.md.j2").read_text(encoding="utf-8").strip()
    default = (TEMPLATES / "card.md.j2").read_text(encoding="utf-8")
    assert use in default or '{% include "use.md.j2" %}' in default
