"""Rates by campaign: the method that the data allow, named on every row."""

import copy

import numpy as np
import pytest
from gradebook import RUBRIC, Book

from cxsentiment.gradings import Gradings
from cxsentiment.rates import ALL, Rate, rates
from cxsentiment.rubric.reading import parse_rubric


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(2400, specificity=0.8)


def found(book: Book, rows: list[dict[str, object]] | None) -> dict[tuple[str, str, str], Rate]:
    rows_of = rates(book.contacts, book.gradings(rows))[0]
    return {(one.campaign, one.kind, one.name): one for one in rows_of}


def of_campaign(book: Book, name: str) -> list[int]:
    return [place for place, campaign in enumerate(book.columns["campaign"]) if campaign == name]


def test_with_labels_the_rate_is_prediction_powered_and_right(book: Book) -> None:
    table = found(book, book.label_rows(book.random(300)))
    one = table[ALL, "item", "a"]
    truth, machine = book.truth[0].mean(), (0.05 + 0.9 * book.seen[0]).mean()
    assert one.estimate.method == "PPI++, clustered by agent"
    assert one.labels == 300
    assert one.estimate.low is not None
    assert one.estimate.high is not None
    assert one.estimate.low < truth < one.estimate.high
    assert abs((one.estimate.value or 0) - truth) < 0.05
    assert abs(machine - truth) > 0.01


def test_few_labels_are_people_alone(book: Book) -> None:
    one = found(book, book.label_rows(book.random(20)))[ALL, "item", "a"]
    assert one.estimate.method.startswith("human labels only: share, Wilson interval")
    assert "20 labels are too few" in (one.estimate.reason or "")
    assert one.lam == 0


def test_a_campaign_without_labels_borrows_the_machines_errors(book: Book) -> None:
    chosen = of_campaign(book, "k0")[::4]
    table = found(book, book.label_rows(chosen))
    one = table["k1", "item", "a"]
    assert one.labels == 0
    assert one.estimate.method == "Rogan-Gladen, the machine's errors taken from other campaigns"
    truth = book.truth[0][of_campaign(book, "k1")].mean()
    assert one.estimate.low is not None
    assert one.estimate.high is not None
    assert one.estimate.low < truth < one.estimate.high
    assert table["k0", "item", "a"].estimate.method.startswith("PPI++")


def test_weighted_labels_of_other_campaigns_are_not_borrowed(book: Book) -> None:
    rows = book.label_rows(of_campaign(book, "k0")[::4])
    for place, row in enumerate(rows):
        row |= {"purpose": "targeted", "inclusion_probability": 0.2 if place // 3 % 2 else 0.5}
    one = found(book, rows)["k1", "item", "a"]
    assert one.estimate.method.startswith("machine alone, uncalibrated")
    assert "equal probability" in (one.estimate.reason or "")


def test_labels_of_one_class_leave_the_machine_alone(book: Book) -> None:
    rows = [{**row, "value": 1.0} for row in book.label_rows(of_campaign(book, "k0")[::4])]
    table = found(book, rows)
    assert table["k0", "item", "a"].estimate.method.startswith("human labels only")
    assert "one class" in (table["k0", "item", "a"].estimate.reason or "")
    assert table["k1", "item", "a"].estimate.method.startswith("machine alone, uncalibrated")


def test_without_labels_every_rate_is_named_the_machines(book: Book) -> None:
    found_rates, notes = rates(book.contacts, book.gradings())
    assert all(one.estimate.method.startswith("machine alone, uncalibrated") for one in found_rates)
    assert "No human labels" in notes[0]
    assert (
        "mean of the machine's probabilities" in notes[1]
    )  # the report counts verdicts: another number of the same item


def test_a_critical_rate_is_of_contacts_with_an_error(book: Book) -> None:
    table = found(book, book.label_rows(book.random(300)))
    one = table[ALL, "critical error", "compliance"]
    met = table[ALL, "item", "c"]
    assert one.estimate.value == pytest.approx(1 - (met.estimate.value or 0), abs=1e-9)
    assert one.estimate.low is not None
    assert one.estimate.high is not None
    assert one.estimate.low < 1 - book.truth[2].mean() < one.estimate.high


def test_no_critical_error_seen_has_the_rule_of_three(book: Book) -> None:
    rows = [{**row, "value": 1.0} for row in book.label_rows(book.random(20))]
    one = found(book, rows)[ALL, "critical error", "compliance"]
    assert (one.estimate.value, one.estimate.low) == (0, 0)
    assert one.estimate.high == pytest.approx(3 / 20)
    assert "rule of three" in one.estimate.method


def test_accuracy_counts_defects_of_items_that_are_not_critical(book: Book) -> None:
    one = found(book, None)[ALL, "accuracy", "not critical"]
    assert one.estimate.value == pytest.approx(book.seen[:2].mean())


def test_items_that_can_be_met_in_part_are_named(book: Book) -> None:
    content = copy.deepcopy(RUBRIC)
    content["sections"][0]["items"][1] |= {
        "kind": "count",
        "count": {"of": {"act": "probe"}, "full_at": 3, "none_at": 0},
    }
    content["sections"][0]["items"][1].pop("met_when")
    _, notes = rates(book.contacts, Gradings(book.contacts, book.items, parse_rubric(content, "t"), None))
    assert notes[-1].startswith("Can be met in part: b. The rate is the mean share of the points there;")
    assert not any("in part" in note for note in rates(book.contacts, book.gradings())[1])


def test_every_row_has_a_value_or_a_reason_and_never_nan() -> None:
    for agents in (1, 12):
        book = Book(60, agents=agents)
        for rows in (None, book.label_rows([0, 1]), book.label_rows(book.random(50))):
            for one in rates(book.contacts, book.gradings(rows))[0]:
                e = one.estimate
                assert e.method
                for number in (e.value, e.low, e.high):
                    assert number is None or np.isfinite(number)
                assert (e.value is not None and e.low is not None) or e.reason
