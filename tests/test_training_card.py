import json
from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from training.card import card

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "models" / "default"
RESULTS = ROOT / "eval" / "results" / "default.json"


def test_the_card_that_ships_is_the_one_that_its_figures_make() -> None:
    assert (MODEL / "MODEL_CARD.md").read_text(encoding="utf-8") == card(MODEL, RESULTS)


def test_the_card_says_what_a_reader_needs() -> None:
    text = card(MODEL, RESULTS)
    for needed in ("Not intended", "Known weaknesses", "CC BY 4.0", "How to make it again", "TF-IDF + LR", "VADER"):
        assert needed in text


def test_the_card_says_how_many_random_turns_were_left_out(tmp_path: Path) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8")) | {"left_out": {"random_turns": 164}}
    (tmp_path / "r.json").write_text(json.dumps(results), encoding="utf-8")
    behaviour = RESULTS.with_name("default-behaviour.json").read_text(encoding="utf-8")
    (tmp_path / "r-behaviour.json").write_text(behaviour, encoding="utf-8")
    text = card(MODEL, tmp_path / "r.json")
    assert "(164 of those drawn are left out, for a turn of a training conversation says the same" in text
    assert "after training, and carry" not in text


def test_results_of_another_model_are_refused(tmp_path: Path) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    results["model"]["onnx_sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(UsageError, match="of another model"):
        card(MODEL, tmp_path / "other.json")
    with pytest.raises(UsageError, match="no evaluation results"):
        card(MODEL, tmp_path / "missing.json")
