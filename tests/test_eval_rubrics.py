import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxsentiment.abstention import measured
from cxsentiment.model import read_bundle
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.schema import ACTS
from cxsentiment.stats.rates import wilson_interval
from eval import abstention, rubric_speed
from eval.abstention import _curve
from eval.testset import Case


@pytest.mark.parametrize("items", [1, 100, 200])
def test_the_rubrics_of_the_benchmark_are_as_large_as_they_say(items: int) -> None:
    rubric = rubric_speed.rubric_of(items)
    assert len(list(rubric.pairs())) == items
    assert len(rubric.sections) == max(1, items // 4)
    said = {part.what for _, item in rubric.pairs() for one in item.conditions() for part in one.walk()}
    assert items == 1 or said >= {"act", "phrase", "pattern", "sentiment", "any", "all", "not", "at_least"}


def test_the_benchmark_rescores_a_run_by_each_rubric(
    jsonl: Callable[..., Path], toy_bundle: Path, tmp_path: Path
) -> None:
    turns = [{"speaker": "agent", "text": "Hello, one moment."}, {"speaker": "customer", "text": "terrible"}]
    path = jsonl([{"id": f"c{k}", "turns": turns} for k in range(3)])
    run([str(path)], tmp_path / "run", Settings(toy_bundle, read_rubric(default_rubric()), workers=1))
    found = rubric_speed.measure(tmp_path / "run")
    assert found["run"] == {"contacts": 3, "turns": 6}
    assert set(found["seconds_of_one_core"]) == {"bench-1", "default", "bench-100", "bench-200"}
    assert found["times_one_item"]["bench-1"] == 1


def test_the_measured_curve_counts_what_is_kept_and_wrong() -> None:
    p = np.array([0.5, 0.58, 0.93, 0.02])
    wrong = np.array([True, True, False, False])
    rows = {row["half_width"]: row for row in _curve(p, wrong, np.arange(4))}
    assert (rows[0.0]["abstained"], rows[0.0]["wrong"], rows[0.0]["kept"]) == (0.0, 0.5, 4)
    assert (rows[0.05]["abstained"], rows[0.05]["wrong"], rows[0.05]["kept"]) == (
        0.25,
        pytest.approx(1 / 3, abs=1e-4),
        3,
    )
    assert (rows[0.1]["wrong"], rows[0.45]["kept"]) == (0.0, 1)
    assert (rows[0.0]["low"], rows[0.0]["high"]) == (None, None)  # four conversations tell no spread


def test_verdicts_of_a_conversation_count_as_alike_as_they_are() -> None:
    """Ten verdicts a conversation that are all right or all wrong tell no more than one each."""
    conversations = np.repeat(np.arange(100), 10)
    wrong = conversations < 20
    (row, *_) = _curve(np.full(1000, 0.9), wrong, conversations)
    each = wilson_interval(20, 100)
    assert row["kept"] == 1000
    assert (row["low"], row["high"]) == pytest.approx((each.low, each.high), abs=0.002)


def test_where_no_verdict_is_wrong_a_conversation_is_one_trial() -> None:
    (row, *_) = _curve(np.full(1000, 0.9), np.zeros(1000, bool), np.repeat(np.arange(100), 10))
    each = wilson_interval(0, 100)
    assert (row["wrong"], row["low"], row["high"]) == (0.0, 0.0, pytest.approx(each.high, abs=1e-5))


def test_the_measured_curve_names_its_bundle_and_is_read_again(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(toy_bundle, tmp_path / "toy")
    turns = [("so sorry", ("apologise",)), ("hello", ("greet",)), ("hello", ())]
    cases = [
        Case("strangers", f"c{k}", turn, "chat", "chat", text, "test", None, acts)
        for k in range(10)
        for turn, (text, acts) in enumerate(turns)
    ]
    monkeypatch.setattr(abstention, "read_cases", lambda data, model: cases)
    abstention.main([str(model), "--data", str(tmp_path)])
    assert "'half_width': 0.45" in capsys.readouterr().out
    known, lacks = measured(model)
    assert lacks == ""
    assert known is not None
    assert known["bundle_sha256"] == read_bundle(model)[1]
    assert (known["turns"], known["conversations"], known["verdicts"]) == (30, 10, 30 * len(ACTS))
    assert known["acts"]["greet"][0]["wrong"] == pytest.approx(1 / 3, abs=1e-4)
    assert known["all"][0]["low"] < known["all"][0]["wrong"] < known["all"][0]["high"]


def test_a_measurement_that_cannot_be_made_is_told(toy_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="does not say what it was not trained on"):
        abstention.main([str(toy_bundle), "--data", str(tmp_path)])
