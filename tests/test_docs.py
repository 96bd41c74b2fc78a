"""README and docs: every Python and shell example runs, as written, in an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mktestdocs import check_md_file

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder in which the `cxsentiment` of this environment is the first on the path."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, empty_folder: Path, request: pytest.FixtureRequest) -> None:
    commands = "".join(re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    if "../shared" in commands:
        shared = request.getfixturevalue("shared")
        (empty_folder.parent / "shared").symlink_to(shared)
    check_md_file(page, lang="bash", memory=True)
    check_md_file(page, lang="python", memory=True)


def test_the_readme_shows_what_the_demo_prints(empty_folder: Path) -> None:
    """What the README quotes of the demo's output is the output, but for the seconds that a machine takes."""
    shown = re.search(
        r"<!-- demo output -->\n```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert shown, "README.md has no block marked <!-- demo output -->"
    done = subprocess.run(["cxsentiment", "demo"], capture_output=True, text=True, check=True)
    said = {" ".join(line.split()) for line in done.stdout.splitlines()}
    missing = [
        line for line in shown[1].splitlines() if line.strip() not in ("", "…") and " ".join(line.split()) not in said
    ]
    assert not missing, "the README quotes lines that the demo does not print: " + "\n".join(missing)


def test_there_are_examples_to_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("```bash") >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_run_and_are_kept_without_output(path: Path, tmp_path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code), "strip it: nbstripout"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "-o", "addopts=", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "docs" / "decisions").glob("*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"
