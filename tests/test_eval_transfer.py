import gzip
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the train extra")

from cxsentiment.errors import UsageError
from cxsentiment.model import Model
from cxsentiment.predict import embed_texts
from eval import transfer

KIND, RUDE = ["thanks, could you help", "please, hello, thank you"], ["whatever you stupid idiot", "stupid, whatever"]


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in (tmp_path, tmp_path / "test"):
        polite = [
            {"id": f"{quarter}{k}", "text": text, "derived": {"quartile_class": quarter}}
            for quarter, texts in ((1, KIND), (-1, RUDE), (0, ["which one?"]))
            for k, text in enumerate(texts * 4)
        ]
        _write(folder / "stanford_politeness.jsonl.gz", polite)
        turns = [
            {"text": "so sorry, that is stressful", "labels": {"strategies": ["showing-empathy", "small-talk"]}},
            {"text": "which price", "labels": {"strategies": ["self-need"]}},
            {"text": "not annotated", "labels": {}},
        ]
        _write(folder / "casino.jsonl.gz", [{"id": f"chat-{k}", "turns": turns} for k in range(6)])
    return tmp_path


def test_only_the_outer_quarters_and_the_annotated_turns_are_read(data: Path) -> None:
    texts, marks, _ = transfer.read_politeness(data / "stanford_politeness.jsonl.gz")
    assert (len(texts), marks.sum()) == (16, 8)
    texts, marks, chats = transfer.read_casino(data / "test" / "casino.jsonl.gz")
    assert (len(texts), marks.sum(), len(set(chats))) == (12, 6, 6)


def test_what_the_model_tells_apart_has_an_area_of_one(
    data: Path, toy_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "embed", lambda texts: np.zeros((len(texts), 2)))
    monkeypatch.setattr(transfer, "_REPEATS", 50)  # every draw has an area of one here
    found = transfer.probes(toy_model, data)
    assert [one["cases"] for one in found.values()] == [8, 6]
    for one in found.values():
        assert one["auc"]["acts of this model, untrained"] == {"value": 1.0, "low": 1.0, "high": 1.0}
        assert one["auc"]["this model's embedding + LR"]["value"] == 1.0
        assert one["auc"]["frozen encoder + LR"]["value"] == 0.5  # the stand-in says nothing


def test_an_embedding_is_the_same_in_any_company(toy_model: Model) -> None:
    texts = ["so sorry", "thanks, goodbye", "terrible " * 100, "", "which number?"]
    together = embed_texts(toy_model, texts)
    assert together.shape == (5, 20)
    for text, row in zip(texts, together, strict=True):
        assert (embed_texts(toy_model, [text])[0] == row).all()
    assert embed_texts(toy_model, []).shape == (0, 0)


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"goemotions\.jsonl\.gz: this set is missing"):
        transfer.read_goemotions(tmp_path)
