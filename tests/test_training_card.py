import json
from collections.abc import Callable
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
    results["model"]["bundle_sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(UsageError, match="of another model"):
        card(MODEL, tmp_path / "other.json")
    with pytest.raises(UsageError, match="no such file of figures"):
        card(MODEL, tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("of_run", "of_behaviour", "says"),
    [
        (lambda text: text[:5000], None, r"r\.json: not valid JSON"),
        (lambda _: "{}", None, r"r\.json: lacks 'model', 'heads'"),
        (None, lambda text: text[:5000], r"r-behaviour\.json: not valid JSON"),
        (None, lambda _: "[]", r"r-behaviour\.json: holds no figures"),
        (lambda text: text.replace('"macro_f1"', '"macro_f2"'), None, "lack something that the card shows: .*macro_f1"),
        (None, lambda text: text.replace('"capability"', '"ability"'), "lack something that the card shows"),
    ],
)
def test_damaged_results_are_told(
    tmp_path: Path, of_run: Callable[[str], str] | None, of_behaviour: Callable[[str], str] | None, says: str
) -> None:
    for damage, path in ((of_run, RESULTS), (of_behaviour, RESULTS.with_name("default-behaviour.json"))):
        text = path.read_text(encoding="utf-8")
        name = path.name.replace("default", "r")
        (tmp_path / name).write_text(damage(text) if damage else text, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        card(MODEL, tmp_path / "r.json")
