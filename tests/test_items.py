import pytest

from cxsentiment.items import item_rates
from cxsentiment.schema import ItemText
from tests.tables import items, no_items

TEXTS = {
    "verify": ItemText("Verification", "Asked for identity?", "Ask first."),
    "greet": ItemText("Opening", "Greeted?", "Say hello."),
}


def verdicts(item, **counts):
    return [{"item": item, "verdict": verdict} for verdict, count in counts.items() for _ in range(count)]


def test_rate_is_met_among_applicable_with_wilson_in_rubric_order():
    table = items(verdicts("greet", met=8, not_met=2, not_applicable=5, unscored=1) + verdicts("verify", met=1))
    verify, greet = item_rates(table, TEXTS)
    assert (verify.item, greet.item) == ("verify", "greet")
    assert (greet.met, greet.not_met, greet.not_applicable, greet.unscored) == (8, 2, 5, 1)
    assert greet.estimate.value == 0.8
    assert greet.estimate.n == 10
    assert (round(greet.estimate.low, 4), round(greet.estimate.high, 4)) == (0.4902, 0.9433)
    assert (greet.section, greet.question, greet.hint) == ("Opening", "Greeted?", "Say hello.")


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"not_applicable": 3}, "it applied to no contact"),
        ({"not_applicable": 3, "unscored": 1}, "it was not scored on any contact"),
        ({}, "it applied to no contact"),
    ],
)
def test_an_item_that_never_applied_is_null_with_the_reason(counts, reason):
    greet = item_rates(items(verdicts("verify", met=1) + verdicts("greet", **counts)), TEXTS)[1]
    assert greet.estimate.value is None
    assert greet.estimate.reason == reason


def test_items_outside_the_texts_are_kept_at_the_end():
    table = items([{"item": "extra", "verdict": "met", "section": "more"}, *verdicts("greet", met=1)])
    assert [rate.item for rate in item_rates(table, TEXTS)] == ["verify", "greet", "extra"]
    assert item_rates(table, TEXTS)[2].section == "more"


def test_empty_table_still_lists_the_rubric():
    assert [rate.estimate.value for rate in item_rates(no_items(), TEXTS)] == [None, None]
