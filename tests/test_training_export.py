import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

torch = pytest.importorskip("torch", reason="needs the train extra")
transformers = pytest.importorskip("transformers", reason="needs the train extra")

from cxsentiment.devices import load_onnxruntime  # noqa: E402
from cxsentiment.errors import CxError  # noqa: E402
from cxsentiment.schema import ACTS, SENTIMENTS  # noqa: E402
from training.batches import Item, pad  # noqa: E402
from training.bundle import weighed  # noqa: E402
from training.calibrate import plain_heads  # noqa: E402
from training.config import Config, read_config  # noqa: E402
from training.export import export  # noqa: E402
from training.model import Network  # noqa: E402
from training.parity import Parity, check, measure  # noqa: E402
from training.sources import LabelledTurn  # noqa: E402
from training.train import fit  # noqa: E402

RECIPE = Path(__file__).parents[1] / "training" / "configs" / "default.yaml"
TEXTS = ["hello", "i am so sorry about that one moment", "terrible", "thanks what is else", "bye " * 30]


def tiny(vocabulary: int = 120, pooling: str = "mean") -> Network:
    torch.manual_seed(3)
    shape = transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    network = Network(transformers.BertModel(shape, add_pooling_layer=False), pooling, 0.1)
    for head in (network.sentiment, network.acts):
        torch.nn.init.normal_(head.weight, std=1.0)  # so that a difference would show
    return network.eval()


@pytest.fixture(scope="module")
def recipe() -> Config:
    whole = read_config(RECIPE)
    optimiser = whole.optimiser.model_copy(update={"epochs": 2, "batch_rows": 8, "encoder_rate": 0.001})
    talk = whole.sources["service_talk"].model_copy(update={"repeat": 2})
    return whole.model_copy(
        update={"sources": {"service_talk": talk}, "optimiser": optimiser, "max_tokens": 32, "precision": "fp32"}
    )


@pytest.fixture
def tokeniser(toy_bundle: Path) -> Tokenizer:
    return Tokenizer.from_file(str(toy_bundle / "tokenizer.json"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small only wait for each other on more threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(tiny(), {folder / "exact.onnx": "fp32", folder / "small.onnx": "fp16+int8"})
    return folder


def test_the_graph_says_what_torch_says(exported: Path, tokeniser: Tokenizer) -> None:
    found = measure(tiny(), exported / "exact.onnx", exported / "small.onnx", TEXTS, tokeniser, plain_heads())
    assert found.fp32_logit <= 2e-5
    assert 0 < found.shipped_logit < 0.2  # rounded, a little
    assert found.alone_in_batch <= 1e-6
    assert (exported / "small.onnx").stat().st_size < (exported / "exact.onnx").stat().st_size


def test_a_graph_of_other_weights_misses_the_gates(exported: Path, tokeniser: Tokenizer) -> None:
    network = tiny()
    with torch.no_grad():
        network.acts.bias.add_(1.0)
    found = measure(network, exported / "exact.onnx", exported / "small.onnx", TEXTS, tokeniser, plain_heads())
    with pytest.raises(CxError, match="fp32_logit"):
        check(found)


def test_acts_with_attention_are_exported_too(tmp_path: Path, tokeniser: Tokenizer) -> None:
    network = tiny(pooling="attention")
    torch.nn.init.normal_(network.attention.weight, std=1.0)
    export(network, {tmp_path / "m.onnx": "fp32"})
    assert (
        measure(network, tmp_path / "m.onnx", tmp_path / "m.onnx", TEXTS, tokeniser, plain_heads()).fp32_logit <= 2e-5
    )


def test_the_graph_keeps_the_contract_of_a_bundle(exported: Path) -> None:
    session = load_onnxruntime().InferenceSession(str(exported / "small.onnx"))
    assert [(put.name, put.type) for put in session.get_inputs()] == [
        ("input_ids", "tensor(int64)"),
        ("attention_mask", "tensor(int64)"),
    ]
    assert [(put.name, put.type) for put in session.get_outputs()] == [
        (name, "tensor(float)") for name in ("sentiment", "acts", "embedding")
    ]
    ids = np.full((2, 5), 7, np.int64)
    mood, acts, embedding = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
    assert (mood.shape, acts.shape, embedding.shape) == ((2, len(SENTIMENTS)), (2, len(ACTS)), (2, 32))


def test_the_same_network_gives_the_same_bytes(exported: Path, tmp_path: Path) -> None:
    export(tiny(), {tmp_path / "again.onnx": "fp16+int8"})
    assert (tmp_path / "again.onnx").read_bytes() == (exported / "small.onnx").read_bytes()


@pytest.mark.parametrize(
    ("name", "value"), [("fp32_logit", 2e-4), ("labels_agree", 0.99), ("shipped_p99", 0.03), ("alone_in_batch", 1e-3)]
)
def test_a_missed_gate_stops_the_export(name: str, value: float) -> None:
    good = {"fp32_logit": 1e-6, "shipped_logit": 0.01, "shipped_p99": 0.001, "labels_agree": 1, "alone_in_batch": 0}
    check(Parity(texts=9, **good))
    with pytest.raises(CxError, match=name):
        check(Parity(texts=9, **good | {name: value}))


def test_padding_changes_no_row() -> None:
    items = [Item(((2, 9, 3), (2, 3)), None, False, (0,) * 17, 1.0), Item(((2, 5, 6, 7, 3),), 1, False, None, 1.0)]
    batch = pad(items, 8)
    assert batch.input_ids.shape == (8, 8)
    assert batch.pieces.tolist() == [[0, 1], [2, 2]]
    assert batch.input_ids[2, :5].tolist() == [2, 5, 6, 7, 3]
    assert batch.attention_mask.sum(1)[:3].tolist() == [3, 2, 5]
    assert pad(items).input_ids.shape == (3, 5)


def turns() -> list[LabelledTurn]:
    words = {"apologise": "sorry", "greet": "hello", "close": "bye", "hold": "moment"}
    rows = [
        LabelledTurn("service_talk", "service_talk", f"c{k}", 0, "chat", f"{words.get(act, act)} what", acts=(act,))
        for k in range(4)
        for act in ACTS
    ]
    moods = {"negative": "terrible", "neutral": "number", "positive": "thanks"}
    rows += [
        LabelledTurn("service_talk", "service_talk", f"d{k}", 0, "chat", f"{word} what", sentiment=mood)
        for k in range(20)
        for mood, word in moods.items()
    ]
    return rows


def test_training_learns_and_a_stopped_run_goes_on_to_the_same_weights(
    tmp_path: Path, recipe: Config, tokeniser: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    straight = tiny()
    fit(straight, turns(), tokeniser, recipe, None, said.append)
    assert "loss" in said[-1]

    monkeypatch.setattr("training.train._SAVE_EVERY", 3)
    broken = tiny()
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    steps: list[int] = []
    original = torch.optim.AdamW.step

    def stop(*args: object, **options: object) -> object:
        steps.append(1)
        if len(steps) == 11:
            raise KeyboardInterrupt
        return original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(broken, turns(), tokeniser, recipe, checkpoint, said.append)
    resumed = tiny()
    fit(resumed, turns(), tokeniser, recipe, checkpoint, said.append)
    assert [line for line in said if line.startswith("going on from")]
    for name, value in straight.state_dict().items():
        assert torch.allclose(value, resumed.state_dict()[name], atol=1e-6), name


def test_a_damaged_checkpoint_says_so(tmp_path: Path, recipe: Config, tokeniser: Tokenizer) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(CxError, match=r"checkpoint\.pt: this checkpoint cannot be read: .*--fresh"):
        fit(tiny(), turns(), tokeniser, recipe, tmp_path / "checkpoint.pt", lambda line: None)


def test_a_loss_that_is_no_number_stops_the_run(recipe: Config, tokeniser: Tokenizer) -> None:
    network = tiny()
    with torch.no_grad():
        network.acts.bias.fill_(torch.nan)
    with pytest.raises(CxError, match=r"epoch 1, step 1: the loss is nan: training has diverged.*encoder_rate"):
        fit(network, turns(), tokeniser, recipe, None, lambda line: None)


def test_posts_do_not_say_what_a_probability_means_in_a_contact(recipe: Config) -> None:
    contact, post = (
        LabelledTurn(source, source, "c-1", 0, "chat", "fine, thanks", "positive")
        for source in ("service_talk", "posts")
    )
    assert weighed([contact, post], recipe) == [contact]


def test_a_recipe_survives_json(recipe: Config) -> None:
    again = Config.model_validate(json.loads(recipe.model_dump_json()))
    assert again.sha256 == recipe.sha256
