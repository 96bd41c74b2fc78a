"""README and docs: every Python and shell example runs, as written, in an empty folder."""

import csv
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import typer
from mktestdocs import check_md_file

from cxsentiment import cli
from cxsentiment.rubric.conditions import MEASURES, Condition
from cxsentiment.rubric.scorecard import Item, Rubric
from cxsentiment.runs import SCHEMAS

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
RUBRIC = ROOT / "docs" / "rubric.md"
RUN_FOLDER = ROOT / "docs" / "run_folder.md"
STAR = ROOT / "docs" / "star.md"
STAR_CHATS = 200  # docs/star.md says so


@pytest.fixture
def empty_folder(tmp_path: Path, model_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder in which the `cxsentiment` of this environment is the first on the path."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CXSENTIMENT_CACHE", str(model_cache))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, empty_folder: Path, request: pytest.FixtureRequest) -> None:
    if "../shared" in "".join(blocks(page)):
        assert page == STAR
        part_of_star(request.getfixturevalue("shared"), empty_folder.parent / "shared")
    check_md_file(page, lang="bash", memory=True)
    check_md_file(page, lang="python", memory=True)


def blocks(page: Path) -> list[str]:
    """The shell examples of a page."""
    return re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def part_of_star(shared: Path, copy: Path) -> None:
    """The first chats of STAR where the page has all of them: scoring all takes minutes."""
    (copy / "data").mkdir(parents=True)
    with (
        gzip.open(shared / "data" / "star.jsonl.gz", "rb") as whole,
        gzip.open(copy / "data" / "star.jsonl.gz", "wb") as part,
    ):
        part.writelines(islice(whole, STAR_CHATS))


def test_what_the_page_on_star_says_of_its_survey_is_so(shared: Path, empty_folder: Path) -> None:
    """The page's converter, on all chats, gives the counts in its text."""
    (empty_folder.parent / "shared").symlink_to(shared)
    (converter,) = [block for block in blocks(STAR) if "star-surveys.csv" in block and "python" in block]
    subprocess.run(["bash", "-e", "-u", "-c", converter], check=True)
    with gzip.open(shared / "data" / "star.jsonl.gz", "rb") as chats:
        contacts = sum(1 for _ in chats)
    with Path("star-surveys.csv").open(encoding="utf-8") as file:
        answers = [int(row["csat"]) for row in csv.DictReader(file)]
    text = " ".join(STAR.read_text(encoding="utf-8").split())
    assert (
        f"{len(answers):,} of the {contacts:,} customers answered, and {sum(answers) / len(answers):.0%}"
        in text.replace(" %", "%")
    )
    assert f"scores the first {STAR_CHATS} chats only" in text


def test_there_are_examples_to_run() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("```bash") >= 3


def headings(page: Path) -> set[str]:
    """What links call the headings of a page: as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, *(ROOT / "docs" / "decisions").glob("*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        there = page.parent / target if target else page
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        assert not heading or heading in headings(there), f"{page.name}: {target or page.name} has no heading {heading}"


def test_every_column_of_a_run_is_explained() -> None:
    text = RUN_FOLDER.read_text(encoding="utf-8")
    for table, schema in SCHEMAS.items():
        part = text.split(f"## `{table}`")[1].split("\n## ")[0]
        first_cells = " ".join(line.split("|")[1] for line in part.splitlines() if line.startswith("| `"))
        assert re.findall(r"`(\w+)`", first_cells) == schema.names, f"{RUN_FOLDER.name}: the columns of {table}"


def test_every_code_of_refused_input_is_explained() -> None:
    """Codes that stand in the source as they are; those of surveys and logs are made with the name of a column."""
    package = ROOT / "cxsentiment"
    files = [*(package / "ingest").rglob("*.py"), package / "privacy" / "errors.py", package / "batches.py"]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    codes = set(re.findall(r'(?:InputError|DateError)\(\s*"([a-z_]+)"', source))
    codes |= set(re.findall(r'_CHANGED, _MOVED = "([a-z_]+)", "([a-z_]+)"', source)[0])
    assert {"no_turns", "future_date", "moved_file"} <= codes
    explained = set(re.findall(r"`([a-z_]+)`", RUN_FOLDER.read_text(encoding="utf-8")))
    assert codes <= explained, f"{RUN_FOLDER.name} says nothing of {sorted(codes - explained)}"


def test_every_key_of_a_scorecard_is_explained() -> None:
    kinds = (Rubric, Item, Condition)
    keys = {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}
    explained = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", RUBRIC.read_text(encoding="utf-8")))))
    assert {*keys, *MEASURES} <= explained, f"{RUBRIC.name} says nothing of {sorted({*keys, *MEASURES} - explained)}"


def test_every_command_and_option_is_described_somewhere() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    def untold(command: Any, name: str) -> Iterator[str]:
        if f"{name} " not in text and f"{name}`" not in text and not hasattr(command, "commands"):
            yield name
        options = {option for one in command.params for option in one.opts if option.startswith("--")}
        yield from (f"{name} {one}" for one in sorted(options) if not re.search(rf"{one}(?![\w-])", text))
        for own, below in getattr(command, "commands", {}).items():
            yield from untold(below, f"{name} {own}")

    assert set(untold(typer.main.get_command(cli.app), "cxsentiment")) == {"cxsentiment --show-completion"}
