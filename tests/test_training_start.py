"""Training that goes on from several models: what the recipe takes from them, and what the new bundle says of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch", reason="needs the train extra")

import torch
from tiny_bundle import write_tiny_bundle

from cxsentiment.errors import UsageError
from cxsentiment.model import read_bundle
from training.bundle import check_folder, put
from training.catalogue import SOURCES
from training.config import read_config
from training.model import encoder_folder
from training.train import train
from training.weights import load_network

FINISH = Path(__file__).parents[1] / "training" / "configs" / "finish.yaml"


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("starts")
    return [str(write_tiny_bundle(folder / name)) for name in ("one", "other")]


def recipe(folder: Path, starts: list[str] | str, **changes: object) -> Path:
    whole: dict[str, Any] = yaml.safe_load(FINISH.read_text(encoding="utf-8")) | changes
    whole |= {"start": starts, "max_tokens": 32, "storage": "fp32", "sources": {"talk_rare": {"repeat": 0.2}}}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def mean(starts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that went on from both, as the recipe says: the mean with its start."""
    folder = tmp_path_factory.mktemp("mean")
    (folder / "data").mkdir()
    return train(recipe(folder, starts), folder / "data", folder / "new")


def test_a_model_that_goes_on_from_two_names_both_and_owes_their_credits(starts: list[str], mean: Path) -> None:
    bundle, _ = read_bundle(mean)
    assert bundle.training["recipe"]["start"] == starts  # type: ignore[index]
    assert bundle.training["start"] == {"tiny from-the-encoder": read_bundle(Path(starts[0]))[1]}
    assert set(bundle.training["sources"]) == {"old_talk", "posts", "talk_rare"}  # type: ignore[call-overload]
    sources = bundle.training["sources"]
    assert sources["old_talk"]["credit"] == "written for a test"  # type: ignore[index]
    # What a start recorded of a source that has grown since would leave makers of its texts without their credit.
    assert sources["posts"]["credit"] == SOURCES["posts"].credit  # type: ignore[index]


def test_the_mean_with_the_start_lies_half_way_between(
    starts: list[str], mean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    written: list[Any] = []
    monkeypatch.setattr("training.bundle.write_bundle", lambda network, *_: written.append(network))
    train(recipe(tmp_path, starts, mean_with_start=False), tmp_path / "data", tmp_path / "alone")
    start, between = (load_network(Path(one)).acts.weight for one in (starts[0], mean))
    (trained,) = (network.acts.weight for network in written)
    assert (trained - start).abs().max() > 1e-3, "training changes something"
    assert torch.allclose(between, (trained + start) / 2, atol=1e-5)


def test_the_recipe_of_the_shipped_model_may_write_it_but_not_over_its_start(starts: list[str], tmp_path: Path) -> None:
    config = read_config(recipe(tmp_path, starts))
    check_folder(tmp_path / "default", config)
    for start in starts:
        with pytest.raises(UsageError, match="is the model that training starts from"):
            check_folder(Path(start), config)


def test_models_of_different_kinds_are_refused(starts: list[str], tmp_path: Path) -> None:
    plain = write_tiny_bundle(tmp_path / "plain", "mean")
    with pytest.raises(UsageError, match="key 'acts_pooling': comes from the model it starts from"):
        read_config(recipe(tmp_path, [starts[0], str(plain)]))


def test_a_mean_with_the_start_needs_one(tmp_path: Path) -> None:
    whole = yaml.safe_load((FINISH.parent / "default.yaml").read_text(encoding="utf-8")) | {"mean_with_start": True}
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    with pytest.raises(UsageError, match=r"key 'start': .*`mean_with_start` needs a `start`"):
        read_config(path)


def test_a_start_that_is_not_there_is_named(starts: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="start 'build/nothing': no model folder"):
        read_config(recipe(tmp_path, [starts[0], "build/nothing"]))


@pytest.mark.parametrize("content", ['{"name": ', "[1]", "null"])
def test_a_damaged_bundle_in_the_place_of_the_new_one_is_named(starts: list[str], tmp_path: Path, content: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "bundle.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"bundle\.json: (cannot be read as JSON|not a JSON object)"):
        check_folder(tmp_path / "out", read_config(recipe(tmp_path, starts)))


def test_a_model_is_not_written_where_a_file_lies(starts: list[str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="out: is a file"):
        check_folder(tmp_path / "out", read_config(recipe(tmp_path, starts)))


def test_training_needs_a_thread(starts: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--threads: 0 threads"):
        train(recipe(tmp_path, starts), tmp_path, tmp_path / "out", threads=0)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("json", "holds no config.json, tokenizer.json, model.safetensors"),
        ("nosuch-package", "neither a folder nor an installed package"),
        ("", "holds no config.json"),  # the folder where the command runs
        (".x", "neither a folder nor an installed package"),
    ],
)
def test_an_encoder_without_weights_is_named(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        encoder_folder(name)


def test_a_folder_without_weights_is_no_encoder(tmp_path: Path) -> None:
    for file in ("config.json", "tokenizer.json"):
        (tmp_path / file).write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"holds no model\.safetensors"):
        encoder_folder(str(tmp_path))
    (tmp_path / "model.safetensors").touch()
    assert encoder_folder(str(tmp_path)) == tmp_path


def test_a_recipe_that_trains_on_nothing_is_refused(
    starts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe(tmp_path, starts)
    whole = yaml.safe_load(path.read_text(encoding="utf-8")) | {"sources": {"talk_rare": {"repeat": 0.00001}}}
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    (tmp_path / "data").mkdir()
    with pytest.raises(UsageError, match="trains on no turn"):
        train(path, tmp_path / "data", tmp_path / "out")
    assert "source talk_rare gives no turn to an epoch" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_bundle_over_another_leaves_no_figures_of_that_one(tmp_path: Path, toy_bundle: Path) -> None:
    out = tmp_path / "model"
    put(toy_bundle, out)
    (out / "abstention.json").write_text("{}", encoding="utf-8")
    put(toy_bundle, out)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in toy_bundle.iterdir())
