"""The wheel alone: installed bare into a fresh environment, it scores the demo in an empty folder, without torch."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow


def _run(*command: str | Path, cwd: Path, cache: Path | None = None) -> str:
    known = {} if cache is None else {"CXSENTIMENT_CACHE": str(cache)}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False, env=os.environ | known
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    return next(folder.glob("cxsentiment-*.whl"))


def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cxsentiment"}
    migration = "reviews/migrations/versions/labels_0001.py"
    model = [f"models/default/{file}" for file in ("model.onnx", "float.onnx", "weights.bin", "tokenizer.json")]
    for needed in (*model, "demo/contacts.jsonl", "rubrics/default.yaml", "py.typed", migration):
        assert f"cxsentiment/{needed}" in names
    assert any(name.startswith("cxsentiment/pages/templates/") for name in names)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that holds the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    _run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    _run(*pip, "install", "--quiet", "--no-compile", "-c", ROOT / "constraints.txt", wheel, cwd=folder.parent)
    packages = {p["name"].lower() for p in json.loads(_run(*pip, "list", "--format", "json", cwd=folder.parent))}
    assert not packages & {"torch", "transformers", "datasets", "scikit-learn"}
    return folder / "bin"


@pytest.fixture(scope="module")
def demo(installed: Path, model_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An empty folder outside the checkout in which `cxsentiment demo` ran, and what it printed."""
    empty = tmp_path_factory.mktemp("empty")
    return empty, _run(installed / "cxsentiment", "demo", cwd=empty, cache=model_cache)


def test_a_bare_install_scores_the_demo_outside_the_checkout(demo: tuple[Path, str]) -> None:
    folder, said = demo
    assert "432 contacts scored of 432" in said
    assert "DEMO DATA" in said
    assert (folder / "cxsentiment-demo" / "report" / "index.html").stat().st_size > 100_000


def test_a_bare_install_reads_turns_with_the_model_itself(installed: Path, tmp_path: Path) -> None:
    said = "Agent: Sorry about the delay, Sam.\nCustomer: Thank you, that is very kind!\n"
    (tmp_path / "call.txt").write_text(said, encoding="utf-8")
    receipt = json.loads(_run(installed / "cxsentiment", "score", "call.txt", "--out", "run", "--json", cwd=tmp_path))
    assert (receipt["contacts"]["scored"], receipt["turns"]["scored"]) == (1, 2)


def _words_and_numbers(line: str) -> tuple[str, list[float]]:
    number = r"[-+]?\d+(?:\.\d+)?"
    return " ".join(re.sub(number, "#", line).split()), [float(found) for found in re.findall(number, line)]


def _nearly(one: tuple[str, list[float]], other: tuple[str, list[float]]) -> bool:
    return one[0] == other[0] and all(
        abs(a - b) <= max(0.02, 0.005 * abs(a)) for a, b in zip(one[1], other[1], strict=True)
    )


def test_the_readme_shows_what_the_demo_prints(demo: tuple[Path, str]) -> None:
    """What the README quotes of the demo's output is the output.

    Numbers may differ by half a percent or .02: another kind of processor may round a probability otherwise
    (decision 19), and one of some 6,000 verdicts may stand on the edge.
    """
    shown = re.search(
        r"<!-- demo output -->\n```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert shown, "README.md has no block marked <!-- demo output -->"
    said = [_words_and_numbers(line) for line in demo[1].splitlines()]
    missing = [
        line
        for line in shown[1].splitlines()
        if line.strip() not in ("", "…") and not any(_nearly(_words_and_numbers(line), other) for other in said)
    ]
    assert not missing, "the README quotes lines that the demo does not print: " + "\n".join(missing)
