"""Devices: which one runs the model, that all say the same, and that runs, receipts and caches tell them apart."""

import gzip
import json
import os
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slow_run
from slow_run import contacts, files, finish

from cxsentiment import cli, devices, shards
from cxsentiment.cache import Cache
from cxsentiment.devices import OpenVino, choose, facts, load_onnxruntime, open_engine
from cxsentiment.errors import RunError, UsageError
from cxsentiment.executors import Task, pack
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.libraries import versions
from cxsentiment.model import MOST_APART, Model, default_model, device_for
from cxsentiment.pipeline import Settings, run
from cxsentiment.predict import predict_texts
from cxsentiment.privacy import EVERYTHING_USUAL
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.samples import rescore_sample
from cxsentiment.schema import Span
from cxsentiment.verify import Verification

SAME = 1e-3  # of a probability, whatever the company
AGREEING = 0.995
TURNS = 120  # of each speaker and source; some have fewer
Answer = tuple[tuple[float, ...], tuple[Span, ...]]


def _why_not() -> str:
    if find_spec("openvino") is None:
        return "needs the extra openvino: pip install 'cxsentiment[openvino]'"
    if devices._has(devices._BF16) is False:
        return "needs a processor that multiplies bf16 (amx_bf16 or avx512_bf16)"
    return ""


with_openvino = pytest.mark.skipif(bool(_why_not()), reason=_why_not())


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make this machine look like another: its processor's flags, its GPUs, what is installed."""
    onnxruntime = load_onnxruntime()

    def pretend(*flags: str, gpus: int = 0, cuda: bool = False, openvino: bool = True) -> None:
        (tmp_path / "cpuinfo").write_text(f"model name: made up\nflags\t\t: fpu {' '.join(flags)} sse2\n")
        for number in range(gpus):
            (tmp_path / f"nvidia{number}").touch()
        providers = [*(["CUDAExecutionProvider"] if cuda else []), "CPUExecutionProvider"]
        monkeypatch.setattr(devices, "_PROCESSORS", tmp_path / "cpuinfo")
        monkeypatch.setattr(devices, "_NODES", tmp_path)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: providers)
        monkeypatch.setattr(devices, "find_spec", lambda name: object() if openvino else None)

    return pretend


@pytest.mark.parametrize("flag", ["amx_bf16", "avx512_bf16"])
def test_auto_takes_the_fastest_that_is_here(machine: Any, flag: str) -> None:
    machine(flag, gpus=1, cuda=True)
    assert choose("auto") == "gpu"
    assert choose("gpu") == "gpu"
    machine(flag)
    assert choose("auto") == "openvino"
    machine(flag, openvino=False)
    assert choose("auto") == "cpu"
    machine("avx2")
    assert choose("auto") == "cpu"


@pytest.mark.parametrize(("flag", "device"), [("amx_bf16", "openvino"), ("avx512_bf16", "cpu")])
def test_auto_knows_that_whole_numbers_are_quicker_than_bf16_without_amx(machine: Any, flag: str, device: str) -> None:
    machine(flag)
    assert device_for("auto", default_model()) == device
    assert device_for("openvino", default_model()) == "openvino"


def test_auto_wants_a_gpu_and_not_only_a_library_for_one(machine: Any) -> None:
    machine("avx2", cuda=True)
    assert choose("auto") == "cpu"


@pytest.mark.parametrize(
    ("asked", "here", "message"),
    [
        (
            "openvino",
            {"openvino": False},
            r"--device openvino: OpenVINO is not installed \(allowed: here: auto, cpu\)\. pip install 'cxsentiment\[op",
        ),
        ("openvino", {}, r"does not multiply bf16 \(allowed: here: auto, cpu\)\. Use --device cpu"),
        ("gpu", {}, r"--device gpu: ONNX Runtime was installed without CUDA .*pip install onnxruntime-gpu"),
        ("tpu", {}, r"--device: 'tpu' is not known \(allowed: auto, cpu, openvino, gpu\)"),
    ],
)
def test_a_device_that_is_not_here_is_refused(machine: Any, asked: str, here: dict[str, bool], message: str) -> None:
    machine("avx2", **here)
    with pytest.raises(UsageError, match=message):
        choose(asked)


def test_a_run_with_a_device_that_is_not_here_writes_nothing(machine: Any, toy_bundle: Path, tmp_path: Path) -> None:
    machine("avx2", openvino=False)
    source = slow_run.write(tmp_path / "contacts.jsonl", contacts(2))
    with pytest.raises(UsageError, match="OpenVINO is not installed"):
        finish(source, tmp_path / "run", toy_bundle, device="openvino")
    assert not (tmp_path / "run").exists()


def test_a_gpu_that_onnxruntime_cannot_use_is_told_and_not_replaced(toy_bundle: Path, monkeypatch: Any) -> None:
    onnxruntime = load_onnxruntime()

    class WithoutGpu:
        """As the library is where the GPU or the CUDA libraries cannot be used: it goes on with the processor."""

        def __init__(self, *args: object, **kwargs: Any) -> None:
            assert kwargs["providers"] == ["CUDAExecutionProvider"]
            assert kwargs["provider_options"] == [{"use_tf32": "0"}]

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", WithoutGpu)
    with pytest.raises(UsageError, match=r"--device gpu: .* finds no GPU that it can use.*nvidia-smi"):
        open_engine(toy_bundle / "model.onnx", "gpu")


def test_the_default_is_the_processor_and_the_receipt_says_so(toy_bundle: Path, tmp_path: Path) -> None:
    receipt = finish(slow_run.write(tmp_path / "c.jsonl", contacts(2)), tmp_path / "run", toy_bundle)
    assert receipt["device"] == facts("cpu")
    assert receipt["device"]["name"] == "cpu"
    assert receipt["device"]["precision"] == "fp32"
    assert not [name for name in receipt["parts"] if "device" in name], "the default names none"


class Opinion:
    """An engine that says something else than the default."""

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def __call__(self, graph: Path, device: str) -> Any:
        made = open_engine(graph, "cpu")
        if device == "cpu":
            return made
        run, shift = made.run, self.shift
        made.run = lambda *args: [table + np.float32(shift) for table in run(*args)]  # type: ignore[method-assign]
        return made


@pytest.mark.parametrize("shift", [4.0, float("nan")])
def test_an_engine_of_another_opinion_is_refused(toy_bundle: Path, monkeypatch: Any, shift: float) -> None:
    monkeypatch.setattr("cxsentiment.model.open_engine", Opinion(shift))
    monkeypatch.setattr("cxsentiment.model.facts", lambda device: {"library": "made up", "version": "1"})
    with pytest.raises(RunError, match=r"--device gpu: made up 1 gives other probabilities .*head '.*--device cpu"):
        Model(toy_bundle, "gpu").load()
    monkeypatch.setattr("cxsentiment.model.open_engine", Opinion(1e-3))
    Model(toy_bundle, "gpu").load()


# OpenVINO


@pytest.fixture(scope="module")
def fast() -> Model:
    model = Model(default_model(), "openvino")
    model.load()
    return model


@pytest.fixture(scope="module")
def texts(shared: Path, fast: Model) -> list[Any]:
    """Real turns of chats and calls with the head that reads them, each once, some of them longer than a window."""
    found: dict[tuple[str, str], None] = {}
    for name in ("star", "primock57", "multidogo", "abcd_sample"):
        wanted = dict.fromkeys(("agent", "customer"), TURNS)
        with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            turns = ((turn["speaker"], turn["text"]) for line in file for turn in json.loads(line)["turns"])
            for speaker, text in turns:
                if wanted.get(speaker) and (speaker, text) not in found:
                    found[speaker, text] = None
                    wanted[speaker] -= 1
                if not any(wanted.values()):
                    break
    whole = [*found, ("agent", " ".join(text for _, text in list(found)[:40])), ("customer", "ok")]
    heads = {head.speaker: head for head in fast.bundle.heads}
    return [(heads[speaker], text) for speaker, text in whole]


@pytest.fixture(scope="module")
def answers(fast: Model, texts: list[Any]) -> list[Answer]:
    return predict_texts(fast, texts)


@with_openvino
def test_it_labels_real_turns_as_the_default_does(texts: list[Any], answers: list[Answer]) -> None:
    default = predict_texts(Model(default_model()), texts)
    for head in {head.name: head for head, _ in texts}.values():
        places = [place for place, (one, _) in enumerate(texts) if one.name == head.name]
        ours = np.array([default[place][0] for place in places])
        theirs = np.array([answers[place][0] for place in places])
        assert len(places) > 300
        assert np.abs(ours - theirs).max() <= MOST_APART
        if head.kind == "single":
            assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= AGREEING
        else:
            same = (ours >= head.thresholds) == (theirs >= head.thresholds)
            assert same.mean(axis=0).min() >= AGREEING, dict(zip(head.labels, same.mean(axis=0), strict=True))


@with_openvino
def test_a_turn_scores_the_same_alone_in_any_batch_and_in_any_order(
    fast: Model, texts: list[Any], answers: list[Answer]
) -> None:
    backwards = predict_texts(fast, texts[::-1])[::-1]
    some = list(range(0, len(texts), max(len(texts) // 80, 1)))
    alone = {place: predict_texts(fast, [texts[place]])[0][0] for place in some}
    few = {}
    for start in range(0, len(some), 7):
        chosen = some[start : start + 7]
        few |= dict(zip(chosen, predict_texts(fast, [texts[place] for place in chosen]), strict=True))
    assert max(_apart(a[0], b[0]) for a, b in zip(answers, backwards, strict=True)) <= SAME
    assert max(_apart(answers[place][0], alone[place]) for place in some) <= SAME
    assert max(_apart(answers[place][0], few[place][0]) for place in some) <= SAME


def _apart(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    return float(np.abs(np.array(first) - np.array(second)).max())


@with_openvino
def test_embeddings_are_those_of_the_default(fast: Model) -> None:
    ids, mask = fast._sample()
    ours, theirs = Model(default_model()).embeddings(ids, mask), fast.embeddings(ids, mask)
    assert ours.shape == theirs.shape
    cosines = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() > 0.999


@with_openvino
def test_each_row_is_run_at_the_width_of_its_own_length(toy_bundle: Path, monkeypatch: Any) -> None:
    """So a row's sums are the same in any batch; and what comes back is at the row's place."""
    engine, default = OpenVino(toy_bundle / "model.onnx"), open_engine(toy_bundle / "model.onnx", "cpu")
    asked: list[tuple[int, ...]] = []

    class Watched:
        def __init__(self, request: Any) -> None:
            self.request = request

        def infer(self, inputs: dict[str, Any]) -> None:
            asked.append(inputs["input_ids"].shape)
            self.request.infer(inputs)

        def get_tensor(self, name: str) -> Any:
            return self.request.get_tensor(name)

    monkeypatch.setattr(engine, "_request", Watched(engine._request))
    lengths = [5, 30, 2, 9, 5, 600, 31, 3]
    ids, mask = np.zeros((8, 600), np.int64), np.zeros((8, 600), np.int64)
    for row, length in enumerate(lengths):
        ids[row, :length] = np.arange(length) % 60
        mask[row, :length] = 1
    ours, theirs = engine.run(["acts", "sentiment"], ids, mask), default.run(["acts", "sentiment"], ids, mask)
    assert sorted(asked) == [(1, 12), (1, 600), (2, 4), (2, 8), (2, 32)]
    for first, second in zip(ours, theirs, strict=True):
        assert np.abs(first - second).max() < 0.1
    asked.clear()
    engine.run(["acts"], np.ones((300, 16), np.int64), np.ones((300, 16), np.int64))
    assert asked[0] == (32, 16), "no more than so many tokens at once"
    assert sum(rows for rows, _ in asked) == 300


@pytest.mark.parametrize("device", ["cpu", pytest.param("openvino", marks=with_openvino)])
def test_no_library_reports_to_its_makers_or_leaves_an_id_at_home(
    device: str, toy_bundle: Path, tmp_path: Path
) -> None:
    program = (
        "import sys; from pathlib import Path; from cxsentiment.model import Model; "
        f"Model(Path({str(toy_bundle)!r}), {device!r}).load(); "
        "assert 'onnxruntime' in sys.modules; "
        "assert not [name for name, module in sys.modules.items() if 'openvino_telemetry' in name and module]"
    )
    # Continuous integration would switch the reports off by itself.
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    env |= {"HOME": str(tmp_path), "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    env.pop("XDG_CACHE_HOME", None)
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


@with_openvino
def test_a_run_has_its_device_and_is_the_same_on_any_number_of_processes(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = slow_run.write(tmp_path / "contacts.jsonl", contacts(14))
    receipt = finish(source, tmp_path / "one", toy_bundle, device="openvino")
    assert receipt["device"] == {
        "name": "openvino",
        "precision": "bf16",
        "library": "openvino",
        "version": version("openvino"),
    }
    assert receipt["shards"] == 4
    monkeypatch.setattr(shards, "SHARD_CONTACTS", slow_run.PER_SHARD)
    settings = Settings(toy_bundle, read_rubric(default_rubric()), workers=2, device="openvino")
    assert run([str(source)], tmp_path / "two", settings)["device"] == receipt["device"]
    assert files(tmp_path / "two") == files(tmp_path / "one")


@with_openvino
def test_an_executor_of_spark_scores_with_it_as_a_run_does(toy_bundle: Path, tmp_path: Path) -> None:
    source = slow_run.write(tmp_path / "contacts.jsonl", contacts(3))
    receipt = finish(source, tmp_path / "run", toy_bundle, device="openvino")
    rubric = read_rubric(default_rubric())
    here = versions(EVERYTHING_USUAL, "openvino")
    task = Task(toy_bundle, receipt["model"]["sha256"], here, rubric, EVERYTHING_USUAL, "openvino")
    (shard,) = shards.cut(read_contacts([source], ReadOptions()), receipt["identity"])  # type: ignore[arg-type]
    scored = task(pack(shard))
    assert isinstance(scored, shards.ScoredShard), scored
    assert {name: files(tmp_path / "run")[name] for name in scored.files} == scored.files


@with_openvino
@pytest.mark.parametrize(("first", "second"), [("cpu", "openvino"), ("openvino", "cpu")])
def test_shards_of_two_devices_are_never_mixed(toy_bundle: Path, tmp_path: Path, first: str, second: str) -> None:
    source = slow_run.write(tmp_path / "contacts.jsonl", contacts(5))
    finish(source, tmp_path / "run", toy_bundle, device=first)
    with pytest.raises(UsageError, match=r"holds another run: it differs in device or the version of its library"):
        finish(source, tmp_path / "run", toy_bundle, device=second)
    assert finish(source, tmp_path / "run", toy_bundle, device=first)["already_scored"]
    over = finish(source, tmp_path / "run", toy_bundle, device=second, overwrite=True)
    assert over["device"]["name"] == second
    assert over["shards_reused"] == 0


@with_openvino
def test_what_one_device_said_is_not_remembered_for_another(toy_bundle: Path, tmp_path: Path) -> None:
    source, cache = slow_run.write(tmp_path / "contacts.jsonl", contacts(5)), tmp_path / "cache"
    finish(source, tmp_path / "cpu", toy_bundle, cache=cache)
    finish(source, tmp_path / "openvino", toy_bundle, cache=cache, device="openvino")
    names = sorted(path.name for path in cache.iterdir())
    assert len(names) == 2
    assert names[0].endswith(f"-onnxruntime-{facts('cpu')['version']}.sqlite")
    assert names[1].endswith(f"-openvino-openvino-bf16-{facts('openvino')['version']}.sqlite")
    Cache(cache, "f" * 64, 2, "openvino").keep({b"a": np.ones(2, np.float32)})
    assert Cache(cache, "f" * 64, 2, "cpu").find(b"a") is None


@with_openvino
def test_a_run_is_scored_again_by_the_device_that_scored_it(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = slow_run.write(tmp_path / "contacts.jsonl", contacts(5))
    finish(source, tmp_path / "run", toy_bundle, device="openvino")
    asked: list[str] = []
    opened = open_engine
    monkeypatch.setattr("cxsentiment.model.open_engine", lambda graph, name: asked.append(name) or opened(graph, name))
    found = Verification("run")
    assert rescore_sample(tmp_path / "run", 5, 1, toy_bundle, found)
    assert asked == ["cpu", "openvino"], "the default only to hold the other against"
    assert found.differences == []
    assert found.not_compared == []

    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    found = Verification("run")
    assert not rescore_sample(tmp_path / "run", 5, 1, toy_bundle, found)
    assert found.not_compared == [
        "scoring again: the device that scored this run is not here: --device openvino: OpenVINO is not installed "
        "(allowed: here: auto, cpu). pip install 'cxsentiment[openvino]'"
    ]
    monkeypatch.undo()

    path = tmp_path / "run" / "run.json"
    receipt = json.loads(path.read_text())
    path.write_text(json.dumps(receipt | {"device": receipt["device"] | {"version": "2024.6.0"}}))
    found = Verification("run")
    assert rescore_sample(tmp_path / "run", 5, 1, toy_bundle, found)
    assert "scored with openvino 2024.6.0 (bf16), here is openvino" in found.not_compared[0]


@pytest.mark.parametrize("command", ["score", "watch"])
def test_the_command_says_what_is_missing(
    command: str, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    source = slow_run.write(tmp_path / "contacts.jsonl", contacts(2))
    arguments = [str(source if command == "score" else tmp_path), "--out", str(tmp_path / "run")]
    monkeypatch.setattr(
        sys, "argv", ["cxsentiment", command, *arguments, "--model", str(toy_bundle), "--device", "openvino"]
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "pip install 'cxsentiment[openvino]'" in capsys.readouterr().err
