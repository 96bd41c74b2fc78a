"""Consistency: verdicts of equivalence, case mix, control charts by their known answers, drift, before and after."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cxsentiment.cli import app
from cxsentiment.consistency.contrasts import Change, Difference, changes, differences, judged_together
from cxsentiment.consistency.labels import Beside, beside
from cxsentiment.consistency.measures import Factor, Measure, case_mix, factors, measures
from cxsentiment.consistency.monitoring import (
    Periods,
    drift_monitors,
    monitors,
    periods,
    probability_monitors,
    reading,
)
from cxsentiment.errors import UsageError
from cxsentiment.labels import labels_in
from cxsentiment.schema import Estimate
from cxsentiment.starts import starts
from cxsentiment.steadiness import Steadiness, drawings
from tests import finished
from tests.tables import contacts, items, no_contacts, no_items

GROUPS = ("day", "night")


def made(n=1200, *, night=0.0, noise=10.0, mix=0.0, tilt=0.5, seed=1):
    """Contacts of 12 agents, half at night; `night` is what night adds, `mix` what a hard campaign adds, `tilt` the
    share of night contacts that are of the hard campaign (half of the others).
    """
    rng = np.random.default_rng(seed)
    agent, of = rng.integers(0, 12, n), rng.integers(0, 2, n)
    hard = rng.random(n) < np.where(of == 1, tilt, 0.5)
    score = 60 + rng.normal(0, 3, 12)[agent] + night * of + mix * hard + rng.normal(0, noise, n)
    rows = [
        {"agent_id": f"A{a:02d}", "campaign": "hard" if h else "easy", "channel": "call", "score": float(s)}
        for a, h, s in zip(agent, hard, score, strict=True)
    ]
    return contacts(rows), Factor("shift", of.astype(np.int64), GROUPS)


def shift_difference(**given):
    table, factor = made(**given)
    (row,) = differences(table, [factor], measures(table, no_items()))
    return row


@pytest.mark.parametrize(
    ("given", "verdict"),
    [({"night": 0.0}, "equivalent"), ({"night": -8.0}, "different"), ({"n": 60, "noise": 25.0}, "undetermined")],
)
def test_the_verdict_for_what_was_planted(given, verdict):
    row = shift_difference(**given)
    assert row.verdict == verdict
    assert row.margin == 3
    assert row.estimate.low < row.low90 < row.estimate.value < row.high90 < row.estimate.high
    assert "delete-one-agent jackknife" in row.estimate.method


def test_case_mix_is_taken_out():
    """Nights get the hard campaign more often; without that they are served alike."""
    row = shift_difference(mix=-20.0, tilt=0.9, n=3000, noise=5.0)
    raw = row.others.value - row.mean.value  # the first group is the day
    assert abs(raw) > 5
    assert abs(row.estimate.value) < 1.5
    assert "adjusted for case mix" in row.estimate.method


def test_case_mix_that_is_the_group_itself_is_not_adjusted_for_and_said():
    table, _ = made()
    campaign = np.array([name == "hard" for name in table["campaign"].to_pylist()])
    (row,) = differences(table, [Factor("site", campaign.astype(np.int64), ("a", "b"))], measures(table, no_items()))
    assert not row.adjusted
    assert "cannot be adjusted for" in row.estimate.reason
    assert row.estimate.low is not None


def test_constant_scores_are_undetermined_not_equal():
    table, factor = made()
    (row,) = differences(table, [factor], [Measure("score", np.full(table.num_rows, 70.0))])
    assert row.verdict == "undetermined"
    assert row.estimate.low is None
    assert row.estimate.reason


def test_few_agents_are_undetermined():
    table, factor = made()
    (row,) = differences(table.filter([name < "A05" for name in table["agent_id"].to_pylist()]), [
        Factor("shift", factor.of[np.array([name < "A05" for name in table["agent_id"].to_pylist()])], GROUPS)
    ], [Measure("score", np.array([s for s, name in zip(table["score"].to_pylist(), table["agent_id"].to_pylist(),
                                                         strict=True) if name < "A05"]))])  # fmt: skip
    assert row.verdict == "undetermined"
    assert "too few" in row.estimate.reason


def test_nothing_to_compare_says_what_lacks():
    table = contacts([{"agent_id": "A", "score": 5.0, "channel": "call"}] * 3)
    times = starts(table["started_at"])
    parts = {factor.name: factor for factor in factors(table, times, times.hour)}
    assert "--shifts" in parts["shift"].reason
    assert "column site" in parts["site"].reason
    assert parts["channel"].reason == "all contacts are of one channel: call"
    assert parts["weekday"].reason
    rows = differences(table, list(parts.values()), measures(table, no_items()))
    assert all(row.estimate.value is None and row.estimate.reason for row in rows)
    assert all(row.verdict == "undetermined" for row in rows)


def test_peak_hours_are_the_busiest_of_all_contacts_or_those_declared():
    table = contacts([{"started_at": f"2026-06-01T{hour:02d}:00:00Z"} for hour in (9, 10)])
    times = starts(table["started_at"])
    busiest = np.repeat([1, 2, 3, 4, 5, 10, 9], [9, 9, 9, 9, 9, 5, 1])
    peak = next(one for one in factors(table, times, busiest) if one.name == "peak")
    assert peak.groups == ("peak hours", "other hours")
    assert peak.of.tolist() == [1, 0]
    assert "01, 02, 03, 04, 05, 10 of UTC, those with most contacts" in peak.note
    peak = next(one for one in factors(table, times, busiest, (), [9]) if one.name == "peak")
    assert peak.of.tolist() == [0, 1]


def test_case_mix_leaves_out_what_stands_for_the_factor_and_fills_in_unknown_openings():
    rows = [{"channel": "chat" if k % 2 else "call", "queue": f"q{k % 2}", "sentiment_start": None if k == 0 else 0.5}
            for k in range(60)]  # fmt: skip
    table = contacts(rows)
    assert case_mix(table, "shift").shape == (60, 4)
    assert case_mix(table, "channel").shape == (60, 2)
    assert not np.isnan(case_mix(table, "shift")).any()
    assert case_mix(no_contacts(), "shift").shape == (0, 0)


def test_items_are_shares_of_contacts_where_they_were_judged():
    table = contacts([{"score": 1.0}, {"score": 2.0}, {}])
    verdicts = items([
        {"contact_id": "c000", "item": "greet", "verdict": "met"},
        {"contact_id": "c001", "item": "greet", "verdict": "not_met"},
        {"contact_id": "c002", "item": "greet", "verdict": "not_applicable"},
        {"contact_id": "gone", "item": "greet", "verdict": "met"},
    ])  # fmt: skip
    score, greet = measures(table, verdicts)
    assert (score.name, greet.name) == ("score", "item:greet")
    assert greet.value[:2].tolist() == [100.0, 0.0]
    assert np.isnan(greet.value[2])


def test_laney_limits_known_answer():
    """METHODS 2.9, fixture p_prime_chart."""
    n, passed = [400, 380, 420, 410, 395, 405, 390], [340, 310, 371, 350, 329, 349, 320]
    score = np.concatenate([np.repeat([90.0, 10.0], [k, size - k]) for k, size in zip(passed, n, strict=True)])
    split = Periods(np.repeat(np.arange(7), n), tuple("abcdefg"))
    chart = monitors([Measure("score", score)], split, "day", pass_mark=50)[0]
    assert chart.chart.centre == pytest.approx(84.607, abs=0.001)
    assert chart.chart.spread == pytest.approx(1.8197, abs=0.0001)
    assert chart.chart.high == pytest.approx([94.46, 94.71, 94.22, 94.34, 94.52, 94.40, 94.58], abs=0.006)
    assert chart.chart.low == pytest.approx([74.76, 74.50, 74.99, 74.88, 74.69, 74.82, 74.63], abs=0.006)
    assert chart.n.tolist() == n
    assert chart.alarms == []


def test_ewma_of_the_mean_score_known_answer():
    """After z of 1, 1, 1 it stands at .488; the first limit is .572."""
    base = np.array([-1.0, 1.0] * 4)
    means = 60 + np.concatenate([base, [base.std(ddof=1)] * 3])
    chart = monitors([Measure("score", means)], Periods(np.arange(11), tuple(map(str, range(11)))), "day", baseline=8)[
        1
    ]
    before = chart.chart.value[7]
    assert chart.chart.value[10] == pytest.approx(0.488 + before * 0.8**3)
    assert chart.chart.high[0] == pytest.approx(0.572, abs=0.0005)


def test_charts_that_cannot_be_drawn_say_why():
    score = Measure("score", np.array([50.0] * 6))
    few = monitors([score], Periods(np.repeat([0, 1], 3), ("a", "b")), "week")
    assert "2 periods" in few[0].reason
    assert "eight periods" in few[1].reason
    same = monitors([score], Periods(np.arange(6), tuple("abcdef")), "week", pass_mark=10)
    assert same[0].periods == ()
    assert same[0].reason == "all contacts have the same verdict, so there is nothing to chart"
    undated = monitors([score], periods(starts(contacts([{}] * 6)["started_at"]), "week"), "week")
    assert all(one.reason for one in undated)


def drifted(specificity=(0.8, 0.8), prevalence=(0.7, 0.7), size=400, seed=4):
    """Ten weeks of labels; from the sixth on the second rate of each pair holds."""
    rng = np.random.default_rng(seed)
    week = np.repeat(np.arange(10), size)
    late = (week >= 5).astype(int)
    truth = (rng.random(week.size) < np.array(prevalence)[late]).astype(float)
    right = rng.random(week.size) < np.where(truth == 1, 0.95, np.array(specificity)[late])
    flagged = np.where(right, truth, 1 - truth)
    split = Periods(week, tuple(f"W{k}" for k in range(10)))
    score = Measure("score", 100 * flagged + rng.normal(0, 1, week.size))
    labels = Beside(np.arange(week.size), truth, flagged)
    return monitors([score], split, "week", baseline=8)[1], drift_monitors(labels, split, "week", 5)[0]


def test_a_model_that_moved_is_told_from_agents_that_changed():
    mean, residuals = drifted(specificity=(0.8, 0.55))
    assert residuals[1].alarms
    assert not residuals[0].alarms
    assert "the model moved" in reading(mean, residuals)
    assert "of agents nothing is said" not in reading(mean, residuals)
    mean, residuals = drifted(prevalence=(0.7, 0.3))
    assert not residuals[0].alarms
    assert not residuals[1].alarms


def test_without_labels_nobody_can_tell():
    split = Periods(np.zeros(3, dtype=np.int64), ("W0",))
    none, _ = drift_monitors(Beside(np.arange(3), np.ones(3), np.ones(3)), split, "week")
    assert all(one.reason == "labels of two periods are needed" for one in none)
    assert "cannot be told" in reading(none[0], none)
    empty, _ = drift_monitors(Beside(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)), split, "week")
    assert all(one.reason for one in empty)


def test_labels_of_picked_contacts_do_not_count_and_bad_rows_are_refused(tmp_path):
    table = contacts([{}, {}, {}])
    verdicts = items([{"contact_id": "c000", "item": "greet", "verdict": "met"},
                      {"contact_id": "c001", "item": "greet", "verdict": "not_applicable"},
                      {"contact_id": "c002", "item": "greet", "verdict": "not_met"}])  # fmt: skip
    path = tmp_path / "labels.csv"
    path.write_text(
        "contact_id,item,value,purpose\nc000,greet,not_met,random\nc002,greet,1,double\nc002,hello,met,coaching\n"
        "c001,greet,met,random\nc009,greet,met,random\nc001,greet,maybe,random\nc001,greet,met,\n,greet,met,random\n",
        encoding="utf-8",
    )
    read = labels_in(str(path), weighted=False)
    found = beside(read.table, table, verdicts)
    assert found.row.tolist() == [0, 2]
    assert found.truth.tolist() == [0.0, 1.0]
    assert found.flagged.tolist() == [1.0, 0.0]
    assert [one.code for one in read.rejects] == ["unknown_value", "missing_purpose", "missing_contact"]
    assert [read.record(place) for place in found.unknown] == [6]
    assert found.notes == ("1 label where people or the machine gave no verdict of yes or no left out",)
    with pytest.raises(UsageError, match="is no item"):
        beside(read.table, table, verdicts, ["great"])


def test_before_and_after_compares_agents_with_themselves():
    table, _ = made(n=2400, noise=5.0)
    after = np.arange(2400) >= 1200
    score = np.array(table["score"].to_pylist()) + 6.0 * after
    (row,) = changes(table, [Measure("score", score)], ~after, after)
    assert row.paired
    assert row.agents == 12
    assert row.verdict == "different"
    assert row.estimate.low < 6 < row.estimate.high
    (row,) = changes(table, [Measure("score", score)], ~after, np.zeros(2400, dtype=bool))
    assert row.verdict == "undetermined"
    assert row.estimate.reason


def command(*arguments):
    return CliRunner().invoke(app, ["consistency", *map(str, arguments)])


@pytest.fixture
def run(tmp_path):
    rng = np.random.default_rng(2)
    rows = [
        {
            "contact_id": f"c{k}", "agent_id": f"A{k % 10}", "channel": "chat", "score": float(rng.normal(60, 8)),
            "started_at": f"2026-{4 + k // 200:02d}-{k % 28 + 1:02d}T{k % 24:02d}:30:00Z",
        }
        for k in range(400)
    ]  # fmt: skip
    verdicts = [
        {"contact_id": f"c{k}", "item": "greet", "verdict": "met" if rng.random() < 0.7 else "not_met"}
        for k in range(400)
    ]
    rows.append({"contact_id": "wrong", "agent_id": "A1", "score": 60.0, "started_at": "2062-04-01T10:00:00Z"})
    return finished.run(tmp_path / "run", rows, verdicts)


def test_the_command_gives_rows_files_and_drawings_the_same_each_time(run, tmp_path):
    given = ("--shifts", "day=08-20,night=20-08", "--timezone", "Europe/Berlin", "--baseline", "2026-04-01..2026-04-28",
             "--per", "day")  # fmt: skip
    for name in ("one", "two"):
        folder = tmp_path / name
        done = command(run, *given, "--csv", folder, "--parquet", folder, "--charts", folder)
        assert done.exit_code == 0, (done.output, done.exception)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert {"differences.csv", "changes.parquet", "charts.csv", "differences.svg", "chart-pass.svg", "chart-ewma.svg",
            "chart-item-greet.svg", "changes.svg"} <= set(names)  # fmt: skip
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    document = json.loads(command(run, *given, "--json").stdout)
    assert pq.read_table(tmp_path / "one" / "differences.parquet").to_pylist() == document["differences"]
    for row in document["differences"] + document["changes"] + document["charts"]:
        assert {"estimate", "low", "high", "n", "method", "reason", "reason_code"} <= row.keys()
        assert row["estimate"] is not None or row["reason"]
    assert all(row["verdict"] in ("equivalent", "different", "undetermined") for row in document["differences"])
    shifts = [row for row in document["differences"] if row["factor"] == "shift"]
    assert {row["group"] for row in shifts} == {"day"}, "of two groups one difference says all"
    assert any("1 contact with a start in the future" in note for note in document["notes"])
    assert not any(row["period"] and row["period"] > "2026-07" for row in document["charts"])


def test_the_words_a_person_reads(run):
    text = command(run).stdout
    assert "no contact has a site" in text
    assert "differences were judged" in text
    assert "significant" not in text


def test_an_empty_run_has_reasons_only(tmp_path):
    document = json.loads(command(finished.run(tmp_path / "run", []), "--json").stdout)
    assert document["differences"]
    for row in document["differences"] + document["charts"]:
        assert row["estimate"] is None
        assert row["reason"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--shifts", "day=08-16"), "--timezone"),
        (("--peak", "09-12"), "--timezone"),
        (("--peak", "noon", "--timezone", "UTC"), "are no hours"),
        (("--baseline", "2026"), "is no period"),
        (("--per", "month"), "is no period"),
        (("--timezone", "Mars"), "not a time zone"),
        (("--labels", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_options_that_cannot_be_used(run, given, words):
    found = command(run, *given)
    assert isinstance(found.exception, UsageError)
    assert words in found.exception.message


def difference_of(p, verdict="different", measure="score"):
    figure = Estimate(4.0, 0.5, 7.5, 100, "difference")
    return Difference("shift", "day", measure, 50, figure, figure, figure, 1.0, 7.0, 3.0, verdict, p, None, True)


def test_what_only_stands_out_alone_is_not_called_different():
    """Of 21 comparisons one has p = .04: by chance alone one in 25 would."""
    rows = [difference_of(0.04), *(difference_of(0.5 + k / 50, "undetermined") for k in range(20))]
    found, _ = judged_together(rows, [])
    assert found[0].verdict == "undetermined"
    assert found[0].p_adjusted == pytest.approx(0.84)
    assert "not after allowing for 21 comparisons" in found[0].estimate.reason
    alone, _ = judged_together(rows[:1], [])
    assert (alone[0].verdict, alone[0].p_adjusted) == ("different", 0.04)
    strong, _ = judged_together([difference_of(0.0004), *rows[1:]], [])
    assert strong[0].verdict == "different"


def test_differences_and_changes_are_allowed_for_together():
    figure = Estimate(4.0, 0.5, 7.5, 100, "change")
    changed = [Change(f"item:{k}", figure, figure, figure, 1.0, 7.0, 3.0, "different", 0.03, None, True, 9)
               for k in range(2)]  # fmt: skip
    found, since = judged_together([difference_of(None, "undetermined"), difference_of(0.9, "equivalent")], changed)
    assert found[0].p_adjusted is None
    assert found[1].verdict == "equivalent", "equivalence is not what chance makes of many comparisons"
    assert [one.p_adjusted for one in since] == pytest.approx([0.045, 0.045])


def test_both_drift_charts_are_drawn_beside_the_others():
    """The mean score and whether the machine is right: first moves alone, agents changed; second, the model."""
    mean, residuals = drifted(specificity=(0.85, 0.6))
    found = Steadiness((), (), (mean, *residuals), (), ())
    drawn = drawings(found, 3.0)
    assert {"chart-ewma.svg", "chart-drift_sensitivity.svg", "chart-drift_specificity.svg"} <= set(drawn)
    assert all(svg.startswith("<svg") for svg in drawn.values())


def test_probabilities_that_move_or_grow_unsure_show_without_labels():
    rng = np.random.default_rng(3)
    week = np.repeat(np.arange(10), 300)
    sure = rng.choice([0.05, 0.95], week.size) + rng.uniform(-0.04, 0.04, week.size)
    moved = np.where(week >= 7, rng.uniform(0.3, 0.7, week.size), sure)
    table = contacts([{}] * week.size)
    split = Periods(week, tuple(f"W{k}" for k in range(10)))

    def charted(p):
        rows = [
            {"contact_id": f"c{k:03d}", "item": "x", "verdict": "met", "p_met": float(one)} for k, one in enumerate(p)
        ]
        return probability_monitors(items(rows), table, split, "week", 5)

    quiet = charted(sure + 0.0)
    assert quiet[0].reason == "all contacts have the same verdict, so there is nothing to chart"
    assert not quiet[1].alarms
    unsure, stability = charted(moved)
    assert stability.alarms == ["W7", "W8", "W9"]
    assert unsure.chart.value[:7].max() == 0
    assert unsure.chart.value[7:].min() == pytest.approx(100)
    few = probability_monitors(items([]), table, split, "week")
    assert "200 probabilities are needed" in few[1].reason
