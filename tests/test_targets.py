"""Targets: the file and every way it can be wrong, attainment, and the balanced scorecard."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxsentiment.errors import UsageError
from cxsentiment.kpis.attainment import balance
from cxsentiment.kpis.indicators import Row
from cxsentiment.kpis.targets import read_targets
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.scorecard import Target, attained, attainment

KNOWN = ("csat_mean", "nps", "average_handle_time", "call_quality")
GOOD = {
    "kpi": "csat_mean",
    "target": "80",
    "floor": "60",
    "direction": "higher",
    "perspective": "customer",
}
IMPORTED = {"kpi": "Training done", "value": "50", "target": "100", "floor": "0", "direction": "higher"}


def written(tmp_path: Path, *goals: dict[str, str], tail: str = "") -> Path:
    """A targets file: a goal's keys stand one a line, the first goal's from line 2 on."""
    lines = ["targets:"]
    for goal in goals:
        lines += [f"{'  - ' if k == 0 else '    '}{key}: {value}" for k, (key, value) in enumerate(goal.items())]
    path = tmp_path / "targets.yaml"
    path.write_text("\n".join(lines) + "\n" + tail, encoding="utf-8")
    return path


def read(tmp_path: Path, *goals: dict[str, str], tail: str = ""):
    return read_targets(written(tmp_path, *goals, tail=tail), KNOWN)


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if name != key}


BAD = {
    "misspelt key": ([{**without("direction"), "directoin": "higher"}], "", 6, "did you mean 'direction'?"),
    "unknown indicator": ([{**GOOD, "kpi": "csat_meen"}], "", 2, "no such indicator; did you mean 'csat_mean'?"),
    "missing key": ([without("target")], "", 2, "target: this key is required"),
    "no number": ([{**GOOD, "target": "high"}], "", 3, "'high' is no number (allowed: a number)"),
    "yes for a number": ([{**GOOD, "target": "yes"}], "", 3, "are no numbers"),
    "yes for a weight": ([GOOD], "perspectives: {customer: yes}", None, "are no numbers"),
    "not finite": ([{**GOOD, "target": ".inf"}], "", 3, "finite"),
    "direction": ([{**GOOD, "direction": "up"}], "", 5, "'up' is not known (allowed: higher, lower)"),
    "perspective": ([{**GOOD, "perspective": "people"}], "", 6, "'people' is not known"),
    "floor is target": ([{**GOOD, "floor": "80"}], "", 4, "both 80"),
    "floor on the wrong side": ([{**GOOD, "direction": "lower"}], "", 5, "the floor must lie above the target"),
    "weight": ([{**GOOD, "weight": "0"}], "", 7, "0 is too small (allowed: a number above 0)"),
    "valid_from": ([{**GOOD, "valid_from": "soon"}], "", 7, "valid_from"),
    "twice": ([GOOD, GOOD], "", 7, "two targets that are valid from the same day"),
    "half an interval": ([{**IMPORTED, "perspective": "learning", "low": "1"}], "", 8, "two ends"),
    "outside its interval": ([{**IMPORTED, "perspective": "learning", "low": "60", "high": "70"}], "", 3, "outside"),
    "value of a measured one": ([{**GOOD, "value": "3"}], "", 7, "the run measures this indicator itself"),
    "interval without value": ([{**GOOD, "low": "3"}], "", 7, "belongs to an imported value"),
    "name without letters": ([{**GOOD, "kpi": "'...'"}], "", 2, "letters or digits"),
    "perspective without weight": ([GOOD], "perspectives: {learning: 1}", 7, "gives 'customer' no weight"),
    "unknown perspective": ([GOOD], "perspectives: {custmer: 1}", 7, "perspectives"),
    "unknown top key": ([GOOD], "target: 3", 7, "did you mean 'targets'?"),
    "alias": ([{**GOOD, "owner": "*who"}], "", 7, "YAML alias"),
    "key twice": ([GOOD], "targets: []", None, "stands twice"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_names_its_line_and_what_is_wrong(tmp_path, case):
    goals, tail, line, words = BAD[case]
    with pytest.raises(UsageError) as error:
        read(tmp_path, *goals, tail=tail)
    assert words in error.value.message
    if line is not None:
        assert error.value.where == f"{tmp_path / 'targets.yaml'}:{line}"


@pytest.mark.parametrize(
    "text", ["", "- 1", "just words", "targets: []", "targets:", "targets: {a: 1}", "a: [", "\x00"]
)
def test_a_file_that_is_none(tmp_path, text):
    path = tmp_path / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        read_targets(path, KNOWN)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(UsageError, match="Give --targets"):
        read_targets(tmp_path / "no.yaml", KNOWN)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UsageError, match="UTF-8"):
        read_targets(tmp_path / "bytes.yaml", KNOWN)


def test_an_indicator_goes_by_its_name_too(tmp_path):
    (goal,) = read(tmp_path, {**GOOD, "kpi": "'CSAT, mean'"}).targets
    assert goal.key == "csat_mean"


def test_the_latest_target_that_is_valid_counts(tmp_path):
    later = {**GOOD, "target": "90", "valid_from": "2026-07-01"}
    found = read(tmp_path, GOOD, later)
    assert [goal.target for goal in found.valid_on("2026-06-30")] == [80]
    assert [goal.target for goal in found.valid_on("2026-07-01")] == [90]


def row(key, value, low=None, high=None, reason=None):
    return {key: Row(key, key, "%", "", "", Estimate(value, low, high, 30, "share", reason), "")}


FULL = [
    GOOD,
    {"kpi": "call_quality", "target": "75", "floor": "50", "direction": "higher", "perspective": "internal process"},
    {**IMPORTED, "perspective": "learning"},
    {"kpi": "Cost", "value": "4", "low": "3.5", "high": "4.5", "target": "3", "floor": "5", "direction": "lower",
     "perspective": "financial"},
]  # fmt: skip


def test_the_balanced_scorecard_of_four_perspectives(tmp_path):
    rows = row("csat_mean", 70.0, 66.0, 74.0) | row("call_quality", 75.0, 70.0, 80.0)
    found = balance(rows, read(tmp_path, *FULL), "2026-06-30")
    assert [one.estimate.value for one in found.targets] == pytest.approx([0.5, 1.0, 0.5, 0.5])
    assert [one.name for one in found.perspectives] == [
        "customer", "internal process", "learning", "financial", "composite",
    ]  # fmt: skip
    composite = found.perspectives[-1].estimate
    assert composite.value == pytest.approx(0.625)
    assert composite.low < 0.625 < composite.high
    assert "held at their value" in composite.reason
    assert [one.standing for one in found.targets] == ["not reached", "cannot be told", "not reached", "not reached"]
    assert balance(rows, read(tmp_path, *FULL), "2026-06-30") == found, "same input, same bytes"


def test_a_value_too_thin_for_an_interval_reaches_no_target(tmp_path):
    goals = [
        GOOD,
        {**GOOD, "kpi": "call_quality", "target": "90"},
        IMPORTED | {"perspective": "learning", "value": "100"},
    ]
    few, counted = Reason("too_few", "too few agents for an interval: 3 of 8"), Reason("counted", "all there is")
    rows = row("csat_mean", 95.0, reason=few) | row("call_quality", 70.0, reason=few)
    found = balance(rows, read(tmp_path, *goals), "2026-06-30").targets
    assert [one.standing for one in found] == ["cannot be told", "cannot be told", "reached"]
    rows = row("csat_mean", 95.0, reason=counted) | row("call_quality", 70.0, reason=counted)
    found = balance(rows, read(tmp_path, *goals), "2026-06-30").targets
    assert [one.standing for one in found] == ["reached", "not reached", "reached"]


@pytest.mark.parametrize(
    ("n", "value", "target", "standing"),
    [
        (1000, 100, 50, "reached"),
        (1000, -100, 50, "not reached"),
        (1000, 100, 99.5, "cannot be told"),  # 3 of 1,000 may be detractors: 99.4
        (40, 0, 5, "cannot be told"),  # 3 of 40 may be promoters: 7.5
        (40, 0, 8, "not reached"),
        (3, 100, 50, "cannot be told"),
    ],
)
def test_equal_answers_reach_a_target_that_those_who_may_differ_cannot_undo(tmp_path, n, value, target, standing):
    equal = Estimate(value, None, None, n, "m", Reason("constant", "all equal"))
    rows = {"nps": Row("nps", "NPS", "points", "", "", equal, "d")}
    goal = {**GOOD, "kpi": "nps", "target": str(target), "floor": "-100"}
    assert [one.standing for one in balance(rows, read(tmp_path, goal), "2026-06-30").targets] == [standing]


def test_no_composite_where_a_perspective_is_mostly_unknown(tmp_path):
    nps = {"kpi": "nps", "target": "40", "floor": "0", "direction": "higher", "perspective": "customer", "weight": "1"}
    rows = (
        row("csat_mean", 70.0) | row("call_quality", 75.0) | row("nps", None, reason=Reason("no_answers", "no answers"))
    )
    found = balance(rows, read(tmp_path, *FULL, nps), "2026-06-30")
    assert found.perspectives[0].estimate.value is None
    assert "only 50% of its weight is known (60% needed)" in found.perspectives[0].estimate.reason
    assert found.perspectives[-1].estimate.value is None
    assert "customer" in found.perspectives[-1].estimate.reason
    lighter = balance(rows, read(tmp_path, *FULL, {**nps, "weight": "0.5"}), "2026-06-30")
    assert lighter.perspectives[-1].estimate.value is not None


def test_no_composite_where_a_perspective_has_no_target_unless_the_file_leaves_it_out(tmp_path):
    rows = row("csat_mean", 70.0, 66.0, 74.0)
    found = balance(rows, read(tmp_path, GOOD), "2026-06-30")
    assert found.perspectives[-1].estimate.value is None
    assert "no target belongs to: internal process, learning, financial" in found.perspectives[-1].estimate.reason
    found = balance(rows, read(tmp_path, GOOD, tail="perspectives: {customer: 1}"), "2026-06-30")
    assert found.perspectives[-1].estimate.value == pytest.approx(0.5)


def test_no_target_is_valid_yet(tmp_path):
    found = balance(row("csat_mean", 70.0), read(tmp_path, {**GOOD, "valid_from": "2027-01-01"}), "2026-06-30")
    assert found.targets == ()
    assert found.perspectives[-1].estimate.reason == "no target is valid on 2026-06-30"
    assert "no target of these is valid yet: csat_mean" in found.notes


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@given(value=numbers, floor=numbers, span=st.floats(0.01, 1e6), shift=st.floats(0, 1e6))
def test_attainment_is_clipped_mirrored_and_monotone(value, floor, span, shift):
    higher, lower = Target(floor + span, floor), Target(-floor - span, -floor)
    found = attainment(value, higher)
    assert 0 <= found <= 1.2
    assert attainment(-value, lower) == pytest.approx(found, abs=1e-6), "mirrored where lower is better"
    assert attainment(value + shift, higher) >= found
    assert attainment(floor, higher) == 0
    assert attainment(floor + span, higher) == pytest.approx(1)


@given(value=numbers, half=st.floats(0, 1e5))
def test_the_interval_of_an_attainment_holds_it(value, half):
    estimate = Estimate(value, value - half, value + half, 9, "m")
    for target in (Target(100, 0), Target(0, 100)):
        found = attained(estimate, target)
        assert 0 <= found.low <= found.value <= found.high <= 1.2
