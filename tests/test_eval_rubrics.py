from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric
from eval import rubric_speed
from eval.abstention import _curve


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
    rows = {row["half_width"]: row for row in _curve(p, np.array([True, True, False, False]))}
    assert (rows[0.0]["abstained"], rows[0.0]["wrong"], rows[0.0]["kept"]) == (0.0, 0.5, 4)
    assert (rows[0.05]["abstained"], rows[0.05]["wrong"], rows[0.05]["kept"]) == (
        0.25,
        pytest.approx(1 / 3, abs=1e-4),
        3,
    )
    assert (rows[0.1]["wrong"], rows[0.45]["kept"]) == (0.0, 1)
