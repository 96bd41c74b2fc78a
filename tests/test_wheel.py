"""The wheel alone: installed bare into a fresh environment, it scores the demo in an empty folder, without torch."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    return next(folder.glob("cxsentiment-*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cxsentiment"}
    for needed in ("models/default/model.onnx", "demo/contacts.jsonl", "rubrics/default.yaml", "py.typed"):
        assert f"cxsentiment/{needed}" in names
    assert any(name.startswith("cxsentiment/templates/") for name in names)


@pytest.mark.slow
def test_a_bare_install_scores_the_demo_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python = tmp_path / "env" / "bin" / "python"
    _run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    installed = {
        p["name"].lower() for p in json.loads(_run(python, "-m", "pip", "list", "--format", "json", cwd=tmp_path))
    }
    assert not installed & {"torch", "transformers", "datasets", "scikit-learn"}
    empty = tmp_path / "empty"
    empty.mkdir()
    said = _run(tmp_path / "env" / "bin" / "cxsentiment", "demo", cwd=empty)
    assert "432 contacts scored of 432" in said
    assert "DEMO DATA" in said
    assert (empty / "cxsentiment-demo" / "report" / "index.html").stat().st_size > 100_000
