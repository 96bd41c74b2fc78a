"""Fixtures every test file may use."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import Command, Outcome
from hypothesis import settings
from postgres_server import postgres_server
from toy_bundle import write_toy_bundle

from cxsentiment import cli
from cxsentiment.model import Model
from cxsentiment.pipeline import Settings
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.schema import Transcript, Turn

if TYPE_CHECKING:
    from cxsentiment.web.desk import Desk
    from cxsentiment.web.facts import Facts

ROOT = Path(__file__).parent.parent

# No deadline: a busy machine is no fault of the code. The gate draws the same examples each time, so that it turns red
# for a change and not by chance; `pytest --hypothesis-profile=random` looks further.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None)
settings.load_profile("tests")

# With several processes each file runs in one of them (what its tests share is made once), in this order: a long file
# that came last would leave the other processes idle.
LONGEST = (
    "test_docs.py",
    "test_notebooks.py",
    "test_wheel.py",
    "test_web_browser.py",
    "test_spark_run.py",
    "test_pages_browser.py",
    "test_training_campaign.py",
    "test_training_data.py",
    "test_erase.py",
    "test_memory.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data folder beside the checkout; the test is skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "README.md").exists():
        pytest.skip("needs ../shared (real data beside the checkout), which is absent here")
    return folder


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `--cache` of the whole test run: many tests score the demo, whose turns are so read once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "model-cache"


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, for one file of tests; skipped where there is no server."""
    yield from postgres_server()


@pytest.fixture(scope="session")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model that knows a few cue words."""
    return write_toy_bundle(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy_model(toy_bundle: Path) -> Model:
    return Model(toy_bundle)


@pytest.fixture
def settings(toy_bundle: Path) -> Settings:
    """A run in this process by the toy model and the default scorecard."""
    return Settings(toy_bundle, read_rubric(default_rubric()), workers=1)


@pytest.fixture
def contact() -> Callable[..., Transcript]:
    """Make a Transcript from "A: …" and "C: …" lines."""

    def make(*lines: str, **fields: Any) -> Transcript:
        speakers = {"A": "agent", "C": "customer", "B": "bot", "U": "unknown"}
        turns = [(speakers[line[0]], line[3:]) for line in lines]
        made = tuple(Turn(k, speaker, text) for k, (speaker, text) in enumerate(turns))  # type: ignore[arg-type]
        return Transcript(**({"id": "c1", "agent_id": "a1", "channel": "chat"} | fields), turns=made)

    return make


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write contacts as a JSONL file and return its path."""

    def write(contacts: Sequence[Mapping[str, Any]], name: str = "contacts.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(contact) + "\n" for contact in contacts), encoding="utf-8")
        return path

    return write


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process, as typed in a wide terminal."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["cxsentiment", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as left:
            cli.main()
        said = capsys.readouterr()
        return Outcome(int(left.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def desk_run(tmp_path_factory: pytest.TempPathFactory, toy_bundle: Path) -> Path:
    """The run that tests of the pages stand on."""
    from desk_pages import make_run

    return make_run(tmp_path_factory.mktemp("runs"), toy_bundle)


@pytest.fixture(scope="module")
def facts(desk_run: Path) -> Iterator["Facts"]:
    """What the pages read of it."""
    from cxsentiment.web.facts import Facts

    made = Facts(desk_run)
    yield made
    made.close()


@pytest.fixture
def desk(desk_run: Path, tmp_path: Path) -> Iterator["Desk"]:
    """A desk over it, with one user of each role and a store of its own."""
    from desk_pages import open_desk

    made = open_desk([desk_run], str(tmp_path / "reviews.db"), users=True)
    yield made
    made.close()
