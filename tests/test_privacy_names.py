"""The plug-in for names, with the real Presidio and a spaCy model of a few written names instead of a trained one."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

spacy = pytest.importorskip("spacy")
pytest.importorskip("presidio_analyzer", reason="needs the presidio extra")

from cxsentiment.errors import UsageError  # noqa: E402
from cxsentiment.pipeline import Settings, run  # noqa: E402
from cxsentiment.privacy import Masking, mask, mask_transcript, names  # noqa: E402
from cxsentiment.privacy.marks import STANDARD  # noqa: E402
from cxsentiment.rubric import default_rubric, read_rubric  # noqa: E402
from cxsentiment.runs import read_table  # noqa: E402
from cxsentiment.schema import Transcript  # noqa: E402

MODEL = "en_core_web_sm"
NAMED = Masking(kinds=STANDARD | {"NAME"})
LOADER = """from spacy.util import load_model_from_init_py


def load(**options):
    return load_model_from_init_py(__file__, **options)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that holds one model: what pip makes of a model's wheel, in small."""
    site = tmp_path_factory.mktemp("site")
    pipeline = spacy.blank("en")
    patterns = [
        {"label": "PERSON", "pattern": [{"ORTH": "Jane"}, {"ORTH": "Doe", "OP": "?"}]},
        {"label": "PERSON", "pattern": "CARD"},  # as trained models take words in capitals for names
        {"label": "GPE", "pattern": "Leeds"},
        {"label": "CARDINAL", "pattern": [{"LIKE_NUM": True}]},
    ]
    pipeline.add_pipe("entity_ruler").add_patterns(patterns)
    (site / MODEL).mkdir()
    pipeline.to_disk(site / MODEL / f"{MODEL}-3.8.0")
    meta = json.loads((site / MODEL / f"{MODEL}-3.8.0" / "meta.json").read_text(encoding="utf-8"))
    meta |= {"name": MODEL.removeprefix("en_"), "version": "3.8.0"}
    (site / MODEL / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    (site / MODEL / "__init__.py").write_text(LOADER, encoding="utf-8")
    (site / f"{MODEL}-3.8.0.dist-info").mkdir()
    facts = f"Metadata-Version: 2.1\nName: {MODEL}\nVersion: 3.8.0\n"
    (site / f"{MODEL}-3.8.0.dist-info" / "METADATA").write_text(facts, encoding="utf-8")
    return site


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No model of this machine, no analyzer of another test, and no network."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(names, "MODELS", (MODEL,))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    names._analyzer.cache_clear()
    yield
    names._analyzer.cache_clear()


@pytest.fixture
def model(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(site)


@pytest.mark.usefixtures("model")
def test_people_are_masked_beside_what_is_masked_anyway(caplog: pytest.LogCaptureFixture) -> None:
    masked = mask("Jane Doe here, card 4111 1111 1111 1111, for two flats in Leeds, and Jane pays", NAMED)
    assert masked.text == "[NAME] here, card [CARD], for two flats in Leeds, and [NAME] pays"
    assert masked.counts == {"NAME": 2, "CARD": 1}
    assert caplog.records == []  # a warning a turn would bury those that matter


@pytest.mark.usefixtures("model")
def test_marks_are_no_names_and_masking_again_changes_nothing() -> None:
    once = mask("Jane, the CARD is 4111 1111 1111 1111", NAMED).text
    assert once == "[NAME], the [NAME] is [CARD]"
    assert mask(once, NAMED).text == once


@pytest.mark.usefixtures("model")
def test_names_are_left_alone_unless_asked_for(contact: Callable[..., Transcript]) -> None:
    made = contact("A: Hello, Jane speaking.", "C: Jane Doe here.")
    (usual, _), (named, counts) = mask_transcript(made), mask_transcript(made, NAMED)
    assert usual.turns == made.turns
    assert [turn.text for turn in named.turns] == ["Hello, [NAME] speaking.", "[NAME] here."]
    assert counts == {"NAME": 2}


@pytest.mark.usefixtures("model")
def test_no_name_is_stored(toy_bundle: Path, jsonl: Callable[..., Path], tmp_path: Path) -> None:
    turns = [{"speaker": "agent", "text": "Hello, Jane speaking."}, {"speaker": "customer", "text": "thanks Jane"}]
    settings = Settings(toy_bundle, read_rubric(default_rubric()), workers=1, masking=NAMED)
    run([str(jsonl([{"id": "c1", "turns": turns}]))], tmp_path / "run", settings)
    assert read_table(tmp_path / "run", "turns")["text"].to_pylist() == ["Hello, [NAME] speaking.", "thanks [NAME]"]


def test_without_a_model_names_are_refused() -> None:
    with pytest.raises(UsageError, match="no English spaCy model with names is installed"):
        mask("Jane", NAMED)


def test_a_folder_that_merely_has_a_models_name_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / MODEL).mkdir()
    (tmp_path / MODEL / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="no English spaCy model with names is installed"):
        mask("Jane", NAMED)
