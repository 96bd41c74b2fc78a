"""Customers and money: churn, retention, lifetime value, cost per evaluated contact."""

import numpy as np
import pytest

from cxsentiment.errors import UsageError
from cxsentiment.kpis.cost import Prices, costs
from cxsentiment.kpis.customers import Customers, customer_kpis, read_customers

PERIOD = ("2026-01-01", "2026-03-31")
HEAD = "customer_id,from,to,margin\n"


def table(tmp_path, text, name="customers.csv", **more):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_customers(str(path), **more)


def by_name(*given):
    return {kpi.name: kpi.estimate for kpi in customer_kpis(*given)}


def test_churn_and_retention_by_hand(tmp_path):
    """Four at the start; one left, one more joined and stayed, one joined and left again."""
    rows = "a,2025-01-01,,10\nb,2025-01-01,,20\nc,2025-06-01,2026-02-01,30\nd,2025-12-31,2027-01-01,40\n"
    rows += "e,2026-01-01,,50\nf,2026-01-02,2026-03-01,60\ng,2026-04-01,,70\nh,2024-01-01,2025-12-31,80\n"
    found = by_name(table(tmp_path, HEAD + rows), PERIOD, None)
    assert (found["Customer churn"].value, found["Customer churn"].n) == (25.0, 4)
    assert (found["Customer retention"].value, found["Customer retention"].n) == (75.0, 4)
    assert found["Customer retention"].low < 75 < found["Customer retention"].high


def test_who_leaves_on_the_last_day_is_lost(tmp_path):
    found = by_name(table(tmp_path, HEAD + "a,2025-01-01,2026-03-31,1\nb,2025-01-01,2026-04-01,1\n"), PERIOD, None)
    assert found["Customer churn"].value == 50.0


def test_lifetime_value_is_the_formula_with_an_interval(tmp_path):
    rows = "".join(f"s{k},2025-01-01,,{90 + k}\n" for k in range(20)) + "".join(
        f"l{k},2025-01-01,2026-02-01,100\n" for k in range(5)
    )
    found = by_name(table(tmp_path, HEAD + rows), PERIOD, 0.1)["Customer lifetime value"]
    margin = (sum(90 + k for k in range(20)) + 500) / 25
    assert found.value == pytest.approx(margin * 0.8 / (1.1 - 0.8))
    assert found.low < found.value < found.high
    assert by_name(table(tmp_path, HEAD + rows), PERIOD, 0.1)["Customer lifetime value"] == found, "same bytes"


def test_an_imported_lifetime_value_is_its_mean(tmp_path):
    found = by_name(table(tmp_path, "customer_id,from,clv\na,2025-01-01,100\nb,2025-01-01,300\n"), None, None)
    assert found["Customer lifetime value"].value == 200
    assert "--period" in found["Customer churn"].reason


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ((None, PERIOD, 0.1), "Customer churn", "--customers"),
        (("T", None, 0.1), "Customer retention", "--period"),
        (("T", PERIOD, None), "Customer lifetime value", "--discount"),
        (("T", PERIOD, 0.0), "Customer lifetime value", "has no end"),
        (("E", PERIOD, 0.1), "Customer churn", "no customers at the start"),
        (("E", PERIOD, 0.1), "Customer lifetime value", "neither margin nor clv"),
    ],
)
def test_what_lacks_is_said(given, name, words):
    one = Customers(("2025-01-01",), ("",), np.array([5.0]), np.array([np.nan]))
    none = Customers((), (), np.zeros(0), np.zeros(0))
    found = by_name({"T": one, "E": none, None: None}[given[0]], *given[1:])[name]
    assert found.value is None
    assert words in found.reason


def test_bad_rows_are_refused_with_a_code_and_the_good_ones_stay(tmp_path):
    rows = "a,2025-01-01,,1\na,2025-02-01,,1\n,2025-01-01,,1\nb,,,1\nc,2025-13-01,,1\nd,2025-02-01,2025-01-01,1\n"
    rows += "e,2025-01-01,,lots\nf,2025-01-01,,nan\ng,2025-01-01,,inf\nh,03/04/2025,,1\ni,2025-01-01,2099-01-01,1\n"
    found = table(tmp_path, HEAD + rows)
    assert len(found.first) == 3
    assert [reject.code for reject in found.rejects] == [
        "duplicate_customer",
        "missing_id",
        "missing_from",
        "impossible_date",
        "ends_before_it_begins",
        "bad_margin",
        "bad_margin",
        "ambiguous_date",
    ]
    assert np.isnan(found.margin[1]), "nan is how some write an absent value"


@pytest.mark.parametrize("text", ["customer_id,to\na,2025-01-01\n", "name,from\na,2025-01-01\n"])
def test_a_table_without_its_columns_is_refused(tmp_path, text):
    with pytest.raises(UsageError, match="no column"):
        table(tmp_path, text)


def receipt(**more):
    return {"contacts": {"scored": 100}, "seconds": {"read": 600.0, "predict": 3000.0, "total": 1e9}, **more}


def test_cost_is_core_seconds_times_price():
    found = {kpi.name: kpi.estimate for kpi in costs(receipt(), Prices(2.0, 5.02))}
    assert found["Cost per evaluated contact"].value == pytest.approx(0.02), "one core hour for 100 contacts"
    assert found["Saved per evaluated contact"].value == pytest.approx(5.0)
    assert found["Return on evaluation"].value == pytest.approx(25_000)
    assert all(one.low is None and one.reason for one in found.values())


@pytest.mark.parametrize(
    ("content", "prices", "words"),
    [
        (receipt(), Prices(), "--price-per-core-hour"),
        (receipt(contacts={"scored": 0}), Prices(1.0), "no contact was scored"),
        (receipt(seconds={"total": 5}), Prices(1.0), "does not say how long"),
        (receipt(shards_reused=2), Prices(1.0), "taken from an earlier one"),
        (receipt(core_seconds=0.1, rescored_from={"run": "june"}), Prices(1.0, 2.0), "rescored from another"),
    ],
)
def test_cost_that_is_not_known_says_why(content, prices, words):
    for kpi in costs(content, prices):
        assert kpi.estimate.value is None
        assert words in kpi.estimate.reason


def test_a_cost_of_nothing_has_no_return():
    found = {kpi.name: kpi.estimate for kpi in costs(receipt(), Prices(0.0, 1.0))}
    assert found["Cost per evaluated contact"].value == 0
    assert "no return" in found["Return on evaluation"].reason
