"""Training that goes on from several models: what the recipe takes from them, and what the new bundle says of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch", reason="needs the train extra")

import torch
from tiny_bundle import write_tiny_bundle

from cxsentiment.errors import CxError, UsageError
from cxsentiment.model import read_bundle
from training.bundle import check_folder, put
from training.catalogue import SOURCES
from training.config import read_config
from training.model import encoder_folder
from training.store import store
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


def test_a_finished_bundle_is_stored_anew_without_its_start(mean: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    before, sha256 = read_bundle(mean)
    out = store(mean, "fp16+int8", "9", tmp_path / "data", tmp_path / "default")
    after, _ = read_bundle(out)
    assert (after.name, after.version) == ("default", "9")
    assert after.training["stored_from"] == {f"{before.name} {before.version}": sha256}
    assert after.training["recipe"]["storage"] == "fp16+int8"  # type: ignore[index]
    assert {key: after.training[key] for key in ("start", "turns", "sources")} == {
        key: before.training[key] for key in ("start", "turns", "sources")
    }
    assert (out / "split.json").read_bytes() == (mean / "split.json").read_bytes()
    assert (out / "model.onnx").stat().st_size < (mean / "model.onnx").stat().st_size


def test_a_bundle_that_cannot_be_written_leaves_the_old_one_whole(
    tmp_path: Path, toy_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    put(toy_bundle, out)
    (out / "MODEL_CARD.md").write_text("of the old one", encoding="utf-8")
    (out / "model.onnx").write_bytes(b"old")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    copied: list[Path] = []

    def full(source: Path, target: Path) -> None:
        if copied:
            raise OSError(28, "No space left on device", str(target))
        copied.append(target)
        target.write_bytes(source.read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", full)
        with pytest.raises(
            CxError, match=r"model: the model \(\d+ MB\) cannot be written: No space left on device\. Make"
        ):
            put(toy_bundle, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    put(toy_bundle, out)
    assert not (out / "MODEL_CARD.md").exists(), "the card of the model before"


@pytest.mark.parametrize("out", ["file/model", "file/deeper/model"])
def test_a_place_that_cannot_be_written_is_told_before_training(starts: list[str], tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match=r"model: cannot be written: Not a directory\. Give --out another folder"):
        check_folder(tmp_path / out, read_config(recipe(tmp_path, starts)))


def test_a_missing_recipe_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nosuch\.yaml: no such recipe"):
        read_config(tmp_path / "nosuch.yaml")


def test_a_checkpoint_is_due_by_the_clock_and_says_where_it_cannot_be_written(
    starts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 11904 vs 11798")

    monkeypatch.setattr("torch.save", full)
    monkeypatch.setattr("training.train._SAVE_AFTER", -1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "data").mkdir()
    with pytest.raises(
        CxError, match=r"checkpoint\.pt: the checkpoint cannot be written \(the disk may be full\)\. Make room"
    ):
        train(recipe(tmp_path, starts), tmp_path / "data", tmp_path / "out")
    assert "step 10 of 10" not in capsys.readouterr().out, "it was due after the first step"
    assert not [*(tmp_path / "temporary").rglob("*.tmp")]
