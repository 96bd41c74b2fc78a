"""Agents' figures: with human labels they find the truth, without them they say what they are."""

import copy
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from gradebook import AGENTS, RUBRIC, Book, rubric

from cxsentiment.calibrated import AgentFigures, agent_figures
from cxsentiment.gradings import Gradings
from cxsentiment.labels import labels_of
from cxsentiment.rubric.reading import parse_rubric


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


@pytest.fixture(scope="module")
def labelled(book: Book) -> Gradings:
    return book.gradings(book.label_rows(book.random(240)))


def truths(book: Book) -> np.ndarray[Any, Any]:
    score = (3 * book.truth[:2].mean(axis=0) + book.truth[2]) / 4
    return np.array([100 * score[book.agent == code].mean() for code in range(AGENTS)])


def calibrated(book: Book, labelled: Gradings, **more: Any) -> AgentFigures:
    return agent_figures(book.contacts, labelled, **more)


def test_labels_take_the_machines_bias_out(book: Book, labelled: Gradings) -> None:
    truth = truths(book)
    found = calibrated(book, labelled).figures
    ours = np.array([one.estimate.value for one in found])
    machine = np.array([one.machine.value for one in found])
    # The weakest agent's machine score is too high by what the machine takes for met, which is some 5 points.
    assert machine[0] - truth[0] > 3
    assert np.sqrt(np.mean((ours - truth) ** 2)) < 0.75 * np.sqrt(np.mean((machine - truth) ** 2))
    covered = [one.estimate.low <= t <= one.estimate.high for one, t in zip(found, truth, strict=True)]
    assert sum(covered) >= AGENTS - 2


def test_agents_stand_in_the_order_of_their_ids_and_say_what_they_rest_on(book: Book, labelled: Gradings) -> None:
    found = calibrated(book, labelled)
    assert [one.agent_id for one in found.figures] == sorted(one.agent_id for one in found.figures)
    assert sum(one.labels for one in found.figures) == 240
    assert all(one.labels + one.unlabelled == one.contacts == 100 for one in found.figures)
    assert all(one.calibrated and one.estimate.method == "two-channel hierarchical model" for one in found.figures)
    assert any("no league table" in note for note in found.notes)


def test_tiers_are_against_the_target(book: Book, labelled: Gradings) -> None:
    found = calibrated(book, labelled, target=70).figures
    assert found[0].tier == "below"
    assert found[-1].tier == "above"
    easy = calibrated(book, labelled, target=10).figures
    assert {one.tier for one in easy} == {"above"}


def test_a_target_off_the_scale_is_refused(book: Book, labelled: Gradings) -> None:
    with pytest.raises(ValueError, match="outside 0-100"):
        calibrated(book, labelled, target=101)


def test_without_labels_it_says_uncalibrated_and_gives_no_tier_against_a_target(book: Book) -> None:
    plain = agent_figures(book.contacts, book.gradings())
    held = agent_figures(book.contacts, book.gradings(), target=80)
    assert any("uncalibrated machine scores" in note for note in plain.notes)
    for one, other in zip(plain.figures, held.figures, strict=True):
        assert not one.calibrated
        assert one.estimate.method.startswith("uncalibrated machine score")
        # Neither wider nor narrower than the machine's mean is.
        assert (one.estimate.low, one.estimate.high) == (one.machine.low, one.machine.high)
        assert one.tier is not None
        assert other.tier is None
        assert "cannot be held against a target" in (other.estimate.reason or "")


def test_every_level_has_its_values(book: Book, labelled: Gradings) -> None:
    levels = ("item", "section", "critical")
    names = {level: [one.name for one in calibrated(book, labelled, levels=(level,)).models] for level in levels}
    assert names == {"item": ["a", "b", "c"], "section": ["care", "law"], "critical": ["compliance"]}


def test_the_items_line_is_that_of_the_machines_errors(book: Book, labelled: Gradings) -> None:
    model = calibrated(book, labelled, levels=("item",)).models[0]
    # p_met is .05 or .95, so its slope is .9 · (sensitivity + specificity - 1).
    assert model.beta.low is not None
    assert model.beta.high is not None
    assert model.beta.low < 0.9 * 0.8 < model.beta.high
    assert model.usable
    assert model.minimum_n is not None


def test_a_machine_that_tells_nothing_is_not_usable() -> None:
    book = Book(sensitivity=0.5, specificity=0.5, seed=1)
    found = agent_figures(book.contacts, book.gradings(book.label_rows(book.random(240))), ("item",))
    assert all(model.usable is False for model in found.models)
    assert any("machine not usable" in note for note in found.notes)
    assert all("machine not usable" in (one.estimate.reason or "") for one in found.figures)
    assert all(one.adjusted.value is None and one.adjusted.reason for one in found.figures)


def test_labels_of_one_class_calibrate_nothing(book: Book) -> None:
    rows = [{**row, "value": 1.0} for row in book.label_rows(book.random(60))]
    found = agent_figures(book.contacts, book.gradings(rows), ("item",))
    assert all(one.tier is None and one.p_above is None for one in found.figures)
    assert all("same" in (one.estimate.reason or "") for one in found.figures if one.labels)


def test_one_agent_alone_has_a_figure_and_nobody_to_be_compared_with() -> None:
    book = Book(80, agents=1)
    for rows in (None, book.label_rows(book.random(40))):
        (one,) = agent_figures(book.contacts, book.gradings(rows)).figures
        assert one.estimate.value is not None
        assert one.adjusted.value is None
        assert one.adjusted.reason
        assert one.contacts == 80
        assert (one.p_above, one.tier) == (None, None)
        assert "no tier" in one.estimate.reason


def test_no_contact_names_its_agent(book: Book) -> None:
    bare = book.contacts.set_column(3, "agent_id", pa.nulls(book.n, pa.string()))
    found = agent_figures(bare, Gradings(bare, book.items, rubric(), None))
    assert found.figures == ()
    assert "No contact names its agent" in found.notes[0]


def test_coaching_labels_never_calibrate(book: Book) -> None:
    rows = book.label_rows(book.random(240), purpose="coaching")
    assert not any(one.calibrated for one in agent_figures(book.contacts, book.gradings(rows)).figures)


def test_targeted_labels_count_with_their_probability(book: Book) -> None:
    # Graders looked at every contact that the machine found wanting, and at one in five of the others.
    wanting = book.seen[0] == 0
    chance = np.where(wanting, 1.0, 0.2)
    chosen = np.flatnonzero(book.rng.random(book.n) < chance).tolist()
    rows = [
        {**row, "purpose": "targeted", "inclusion_probability": chance[chosen[place // 3]]}
        for place, row in enumerate(book.label_rows(chosen))
    ]
    unweighted = [{**row, "purpose": "random", "inclusion_probability": 0.5} for row in rows]
    truth = 100 * np.array([book.truth[0][book.agent == code].mean() for code in range(AGENTS)])

    def bias(given: list[dict[str, Any]]) -> float:
        figures = agent_figures(book.contacts, book.gradings(given), ("item",)).figures[:AGENTS]
        return float(np.mean([one.estimate.value or 0 for one in figures] - truth))

    assert abs(bias(rows)) < 2.5
    assert abs(bias(unweighted)) > 5


def test_a_contact_graded_in_part_has_no_score_by_people(book: Book) -> None:
    whole = book.label_rows(book.random(100))
    part = [row for row in whole if row["item"] != "c"]
    gradings = book.gradings(part)
    assert not next(gradings.of("agent")).labelled.any()
    care, law = gradings.of("section")
    assert care.labelled.sum() == 100
    assert not law.labelled.any()


def test_the_score_by_people_weighs_as_the_scorecard_does(book: Book) -> None:
    rows = book.label_rows([0, 1])
    for row, value in zip(rows, (1, 0, 1, "NA", 1, 0), strict=True):
        row["value"] = value
    human = next(book.gradings(rows).of("agent")).human
    # Sections weigh 3 and 1; in the second contact item a did not apply.
    assert human[:2].tolist() == [(3 * 0.5 + 1) / 4, 3 / 4]


@pytest.mark.parametrize(("effect", "first"), [("zero", 0.0), ({"cap": 60}, 0.6), ("report", 0.75)])
def test_a_critical_error_that_people_found_lowers_their_score_as_the_machines_does(
    book: Book, effect: object, first: float
) -> None:
    content = copy.deepcopy(RUBRIC)
    content["sections"][1]["items"][0]["effect"] = effect  # item c, a quarter of the score
    rows = book.label_rows([0, 1, 2])
    for row, value in zip(rows, (1, 1, 0, 1, 1, "NA", 0, 0, 1), strict=True):
        row["value"] = value
    gradings = Gradings(book.contacts, book.items, parse_rubric(content, "t"), labels_of(rows))
    human = next(gradings.of("agent")).human
    assert human[:3].tolist() == [first, 1, 0.25]  # what does not apply is no error


def test_numbers_of_too_low_a_reliability_are_withheld_unless_asked_for() -> None:
    book = Book(400, seed=11, skill=(0.7, 0.7))
    rows = book.label_rows(book.random(100))
    shown = agent_figures(book.contacts, book.gradings(rows), unreliable=True)
    found = agent_figures(book.contacts, book.gradings(rows))
    low = [one for one in found.figures if one.reliability is not None and one.reliability < 0.5]
    assert low, "agents do not differ, so their reliability is low"
    for one in low:
        for estimate in (one.estimate, one.machine, one.adjusted):
            assert estimate.value is None
            assert estimate.low is None
            assert estimate.reason
        assert one.estimate.n
        assert one.p_above is None
        assert one.estimate.reason.startswith("withheld: reliability 0.")
    assert all(one.estimate.value is not None for one in shown.figures)
    assert any("--unreliable shows them" in note for note in found.notes)
    assert not any("--unreliable" in note for note in shown.notes)


def test_two_graders_of_one_contact_count_once(book: Book) -> None:
    rows = book.label_rows([0])
    second = [{**row, "grader": "g2", "purpose": "double", "value": 1 - row["value"]} for row in rows]
    grading = next(book.gradings([*rows, *second]).of("item"))
    assert grading.labelled.sum() == 1
    assert grading.binary, "the mean of a yes and a no is no verdict"


def test_labels_that_belong_nowhere_are_told(book: Book) -> None:
    rows = book.label_rows([0])
    bad = {**rows[0], "value": "maybe"}
    labels = labels_of([bad, *rows, {**rows[0], "contact_id": "gone"}, {**rows[0], "item": "poise"}], "mine.csv")
    gradings = book.gradings(labels)
    assert [(one.code, one.contact_id, one.source, one.record) for one in gradings.rejects] == [
        ("unknown_item", "c00000", "mine.csv", 6),
        ("unknown_contact", "gone", "mine.csv", 5),
    ]
    assert next(gradings.of("item")).labelled.sum() == 1


def test_a_hard_queue_given_to_some_is_adjusted_for() -> None:
    book = Book(2400, seed=3)
    # The second half of the agents gets three quarters of the hard queue, which costs 20 points of each item.
    share = np.where(book.agent >= AGENTS // 2, 0.75, 0.25)
    hard = book.rng.random(book.n) < share
    book.skill = np.full(AGENTS, 0.8)
    book.truth = (book.rng.random((3, book.n)) < book.skill[book.agent] - 0.2 * hard).astype(float)
    book.seen = book.truth
    book.columns = {**book.columns, "queue": np.where(hard, "hard", "easy").tolist()}
    found = agent_figures(book.contacts, book.gradings(book.label_rows(book.random(400))))

    def gap(name: str) -> float:
        values = [getattr(one, name).value for one in found.figures]
        return float(np.mean(values[AGENTS // 2 :]) - np.mean(values[: AGENTS // 2]))

    assert gap("estimate") < -5
    assert abs(gap("adjusted")) < 3
    assert all(one.overlap is not None and one.overlap > 0.4 for one in found.figures)


def test_an_agent_with_a_queue_of_its_own_is_warned_of() -> None:
    book = Book(600, seed=4)
    queue = np.where(book.agent == 0, "billing", np.where(book.rng.random(book.n) < 0.5, "sales", "care"))
    book.columns = {**book.columns, "queue": queue.tolist()}
    found = agent_figures(book.contacts, book.gradings())
    assert found.figures[0].overlap == 0
    assert any("rest on the model alone: a00" in note for note in found.notes)


def test_the_same_input_gives_the_same_figures(book: Book, labelled: Gradings) -> None:
    assert calibrated(book, labelled, target=70) == calibrated(book, labelled, target=70)
