import pyarrow as pa
import pytest

from cxsentiment import runs
from cxsentiment.kpis.overview import kpis
from tests.tables import contacts, items, no_contacts


def by_name(table, scale=None):
    return {kpi.name: kpi for kpi in kpis(table, scale)}


def answered(outcome, answers):
    return contacts([{outcome: answer} for answer in answers])


@pytest.mark.parametrize(
    ("scale", "answers", "satisfied", "mean"),
    [
        ((1, 5), [5, 4, 3, 1, None], 50.0, 65.0),
        ((1, 10), [10, 9, 8, 7, 1], 60.0, 70.0),
        ((0, 1), [1, 1, 1, 0], 75.0, 75.0),
        ((1, 7), [7, 6, 5, 4], 50.0, 100 * 5.5 / 7),
    ],
)
def test_csat_on_its_declared_scale(scale, answers, satisfied, mean):
    found = by_name(answered("csat", answers), scale=scale)
    assert found["CSAT, satisfied customers"].estimate.value == pytest.approx(satisfied)
    assert found["CSAT, mean"].estimate.value == pytest.approx(mean)
    assert found["CSAT, mean"].estimate.n == sum(answer is not None for answer in answers)
    assert (
        found["CSAT, satisfied customers"].estimate.low < satisfied < found["CSAT, satisfied customers"].estimate.high
    )


@pytest.mark.parametrize(
    ("answers", "scale", "words"),
    [
        ([5, 4], None, "2 CSAT answers, but their scale is not known: declare it with --csat-scale"),
        ([5, 9], (1, 5), "1 of 2 answers lie outside the declared scale 1-5"),
        ([None], (1, 5), "no contact has a CSAT answer"),
        ([-1], (-2, 0), "must rise to a highest answer above 0"),
    ],
)
def test_csat_without_usable_answers_is_null_with_the_reason(answers, scale, words):
    found = by_name(answered("csat", answers), scale=scale)
    for name in ("CSAT, satisfied customers", "CSAT, mean"):
        assert found[name].estimate.value is None
        assert words in found[name].estimate.reason


def test_nps_known_answer():
    estimate = by_name(answered("nps", [10, 9, 9, 8, 7, 7, 6, 3, 10, 0]))["NPS"].estimate
    assert estimate.value == pytest.approx(10)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.959964 * 26.268, abs=0.01)


@pytest.mark.parametrize(
    ("answers", "value", "words"),
    [
        ([10, 9, 9], 100.0, "one group"),
        ([11, 3], None, "1 of 2 answers lie outside 0-10"),
        ([None], None, "no contact"),
    ],
)
def test_nps_edges(answers, value, words):
    estimate = by_name(answered("nps", answers))["NPS"].estimate
    assert (estimate.value, estimate.low) == (value, None)
    assert words in estimate.reason


def test_ces_is_a_plain_mean_that_says_its_direction():
    kpi = by_name(answered("ces", [2, 4, 6]))["CES, mean"]
    assert kpi.estimate.value == 4
    assert "higher is easier" in kpi.definition


def test_first_response_is_the_median_of_the_contacts_signal_by_channel():
    waits = [10.0, 20, 30, 40, 50, 60]
    rows = [{"channel": "chat", "first_response_s": wait} for wait in (*waits, None)]
    found = by_name(contacts([*rows, {"channel": "email", "first_response_s": 900.0}]))
    estimate = found["First response time, chat"].estimate
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (35, 10, 60, 6)
    assert (found["First response time, email"].estimate.value, found["First response time, email"].estimate.n) == (
        900,
        1,
    )


def test_first_response_is_missing_not_zero_where_times_or_replies_lack():
    estimate = by_name(contacts([{"channel": "email"}] * 5))["First response time, email"].estimate
    assert estimate.value is None
    assert estimate.reason == "no contact has the times of a customer turn and of an agent turn after it"


def test_first_response_of_a_call_needs_a_queue_log():
    found = by_name(contacts([{"channel": "call", "first_response_s": 1.0}, {"first_response_s": 30.0}]))
    assert "queue" in found["First response time, call"].estimate.reason
    assert found["First response time, channel not given"].estimate.value == 30


@pytest.mark.parametrize(
    ("column", "answers", "name", "bounds"),
    [
        ("csat", [1.0, 5.0], "CSAT, mean", (20.0, 100.0)),
        ("nps", [10.0, 10.0, 0.0], "NPS", (None, 100.0)),
        ("nps", [0.0, 0.0, 10.0], "NPS", (-100.0, None)),
    ],
)
def test_an_interval_stays_on_the_scale(column, answers, name, bounds):
    estimate = by_name(answered(column, answers), scale=(1, 5))[name].estimate
    assert estimate.low < estimate.value < estimate.high
    for bound, end in zip(bounds, (estimate.low, estimate.high), strict=True):
        assert bound is None or end == bound


def test_quality_stays_on_the_scale_and_says_why_no_contact_has_a_score():
    rows = [{"agent_id": f"a{k}", "score": 100.0 if k else 0.0} for k in range(8)]
    assert by_name(contacts(rows))["Call quality"].estimate.high == 100
    reasons = ["too little applies", "unknown speaker", "unknown speaker"]
    nothing = by_name(contacts([{"null_reason": why} for why in reasons]))["Call quality"].estimate
    assert nothing.reason == "no contact has a score: unknown speaker"


def test_quality_interval_is_clustered_by_agent():
    rows = [{"agent_id": f"a{k}", "score": 50.0 + k} for k in range(8) for _ in range(50)]
    estimate = by_name(contacts(rows))["Call quality"].estimate
    assert estimate.value == 53.5
    assert estimate.high - 53.5 == pytest.approx(2.3646 * 6**0.5 / 8**0.5, abs=1e-3)
    few = by_name(contacts(rows[:350]))["Call quality"].estimate
    assert few.low is None
    assert few.reason == "too few agents for an interval: 7 of 8"


def test_quality_stands_without_the_effect_of_critical_errors_where_they_lowered_a_score():
    rows = [{"agent_id": f"a{k}", "score": 60.0, "score_uncapped": None} for k in range(8)]
    assert "Call quality, before critical errors" not in by_name(contacts(rows))
    rows[0] |= {"score": 0.0, "score_uncapped": 76.0}
    found = by_name(contacts([*rows, {"agent_id": "a1", "score": None}]))
    assert found["Call quality"].estimate.value == 52.5
    before = found["Call quality, before critical errors"]
    assert (before.estimate.value, before.estimate.n) == (62.0, 8)
    assert "lowers that of 1 contact;" in before.definition


def test_critical_errors_are_three_accuracies_with_a_warning():
    verdicts = [
        ("a", "met", "customer", 1.0),
        ("a", "not_met", "customer", 0.0),
        ("a", "not_met", "business", 0.0),
        ("b", "met", "customer", 1.0),
        ("c", "unscored", "customer", None),
        ("d", "not_applicable", "customer", None),
        ("a", "not_met", "none", 0.0),
        ("b", "met", "none", 1.0),
        ("c", "met", "none", 1.0),
        ("d", "met", "none", 1.0),
    ]
    names = ("contact_id", "verdict", "critical", "points")
    table = items([dict(zip(names, row, strict=True)) for row in verdicts])
    found = {kpi.name: kpi for kpi in kpis(contacts([{"contact_id": name} for name in "abcd"]), None, None, table)}
    customers = found["Accuracy, customer-critical"]
    assert (customers.estimate.value, customers.estimate.n) == (50.0, 2)
    assert "have a person listen" in customers.definition
    business = found["Accuracy, business-critical"].estimate
    assert (business.value, business.n) == (0.0, 1)
    compliance = found["Accuracy, compliance-critical"].estimate
    assert compliance.reason == "no contact was scored on an item critical to compliance"
    others = found["Accuracy, non-critical"].estimate
    assert (others.value, others.low, others.n) == (75.0, None, 4)
    assert others.reason == "too few agents for an interval: 1 of 8"


def test_verdicts_of_contacts_that_are_not_there_do_not_count_and_one_agents_contacts_are_independent():
    rows = [{"contact_id": f"c{k}", "agent_id": "A", "score": float(k)} for k in range(20)]
    verdicts = [
        {"contact_id": f"c{k}", "item": item, "verdict": "not_met" if (k + n) % 5 == 0 else "met", "points": 1.0}
        for k in range(21)
        for n, item in enumerate(("x", "y"))
    ]
    found = {kpi.name: kpi.estimate for kpi in kpis(contacts(rows), None, None, items(verdicts))}
    others = found["Accuracy, non-critical"]
    assert (others.value, others.n) == (80.0, 20)
    assert 60 < others.low < 80 < others.high < 100
    assert found["Call quality"].low is not None
    assert found["Call quality"].method == "mean, t interval"


def test_the_length_of_transcripts_is_the_median_of_each_channel():
    rows = [{"duration_s": s, "channel": "call"} for s in (60.0, 90.0, 600.0)]
    found = by_name(contacts([*rows, {"duration_s": 86_400.0, "channel": "email"}]))
    assert found["Length of transcript, call"].estimate.value == 90
    assert found["Length of transcript, email"].estimate.value == 86_400
    assert "after-call work" in found["Length of transcript, call"].definition
    assert "no times" in by_name(contacts([{"channel": "call"}]))["Length of transcript, call"].estimate.reason


@pytest.mark.parametrize("table", [no_contacts(), contacts([{"channel": "chat"}])])
def test_every_null_says_what_it_lacks(table):
    found = by_name(table)
    assert {"First-contact resolution", "Average handle time", "Service level", "Abandonment"} <= found.keys()
    assert {"Customer retention", "Customer lifetime value"} <= found.keys()
    assert all(kpi.estimate.value is None and kpi.estimate.reason and kpi.definition for kpi in found.values())


def test_friction_is_the_share_of_contacts_with_a_cue():
    table = contacts([{"supervisor_requests": n} for n in (0.0, 2.0, 1.0, 0.0, None)])
    estimate = by_name(table)["Customers who ask for a supervisor"].estimate
    assert (estimate.value, estimate.n) == (50.0, 4)
    assert estimate.low < 50 < estimate.high
    silent = by_name(contacts([{"repeat_effort": None}]))["Customers who say they repeat themselves"].estimate
    assert silent.value is None
    assert silent.reason == "no contact has a customer turn"


def test_a_contact_log_tells_who_came_back():
    starts = ("2026-06-01T10:00:00Z", "2026-06-02T10:00:00Z", "2026-06-20T10:00:00Z")
    rows = [{"contact_id": f"c{k}", "customer_id": "C1", "started_at": at} for k, at in enumerate(starts)]
    found = {kpi.name: kpi for kpi in kpis(no_contacts(), None, pa.Table.from_pylist(rows, schema=runs.LOG))}
    assert found["First-contact resolution"].estimate.value == 0
    lacking = by_name(no_contacts())["First-contact resolution"].estimate
    assert lacking.reason == "needs a contact log with every contact of each customer, which this run does not hold"


def test_a_contact_log_gives_wait_handle_time_and_rates_of_all_its_contacts():
    rows = [
        {"contact_id": f"c{k}", "wait_s": 10.0 * k, "handle_s": 100.0 + k, "abandoned": k == 9, "transferred": k < 3}
        for k in range(10)
    ]
    log = pa.Table.from_pylist(rows, schema=runs.LOG)
    found = {kpi.name: kpi.estimate for kpi in kpis(no_contacts(), None, log)}
    assert found["Average wait"].value == 40, "the one who hung up was not answered"
    assert found["Average handle time"].value == 104
    assert found["Average handle time"].low < 104 < found["Average handle time"].high
    assert (found["Abandonment"].value, found["Abandonment"].n) == (10, 10)
    assert found["Transfer rate"].value == pytest.approx(100 / 3)
    assert found["Resolved, as logged"].value is None
    assert found["Resolved, as logged"].reason == "no contact of the log has resolved"
