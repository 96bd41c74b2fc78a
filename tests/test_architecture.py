"""What import-linter cannot see: imports by string, of the root, and the habits the conventions ask for."""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from cxsentiment import schema

ROOT = Path(__file__).parent.parent
REFUSE_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "datasets", "sklearn"}:
            raise ModuleNotFoundError(f"{name} is refused here")

sys.meta_path.insert(0, Refuse())
"""


def test_a_call_is_scored_and_reported_where_torch_cannot_be_imported(tmp_path: Path, toy_bundle: Path) -> None:
    program = (
        REFUSE_TORCH
        + f"""
from pathlib import Path
from cxsentiment.findings import write_report
from cxsentiment.pipeline import Settings, run
from cxsentiment.rubric.reading import default_rubric, read_rubric
source = Path({str(tmp_path / "call.txt")!r})
source.write_text("Agent: hello\\nCustomer: terrible, I already told you, get me a manager\\nAgent: sorry\\n")
settings = Settings(Path({str(toy_bundle)!r}), read_rubric(default_rubric()))
receipt = run([str(source)], Path({str(tmp_path / "run")!r}), settings)
assert receipt["turns"]["scored"] == 3, receipt["turns"]
_, page = write_report(Path({str(tmp_path / "run")!r}))
assert page.exists()
assert "spacy" in sys.modules, "the cue phrases were not looked at"
assert "torch" not in sys.modules
"""
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_call_is_scored_and_verified_without_what_windows_and_macos_lack(tmp_path: Path, toy_bundle: Path) -> None:
    program = f"""
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty"):
    assert name not in sys.modules, name
    sys.modules[name] = None
for name in ("sched_getaffinity", "geteuid", "getuid", "fork", "O_NONBLOCK"):
    if hasattr(os, name):
        delattr(os, name)
from cxsentiment.cli import main
call, run = {str(tmp_path / "call.txt")!r}, {str(tmp_path / "run")!r}
with open(call, "w") as file:
    file.write("Agent: hello\\nCustomer: terrible, get me a manager\\nAgent: sorry\\n")
for arguments in (["score", call, "--out", run, "--model", {str(toy_bundle)!r}], ["verify", run]):
    sys.argv = ["cxsentiment", *arguments]
    try:
        main()
    except SystemExit as left:
        assert not left.code, left.code
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the run is what its receipt says" in done.stdout


def test_no_module_imports_the_package_root() -> None:
    graph = grimp.build_graph("cxsentiment")
    assert graph.find_modules_that_directly_import("cxsentiment") == set()


HEAVY = set(
    "scipy altair duckdb spacy sqlalchemy alembic jinja2 openpyxl pandas torch vl_convert fastapi fsspec".split()
)


def _loaded_by(arguments: list[str]) -> set[str]:
    """The modules that a process of the command line has loaded when it ends."""
    program = (
        "import atexit, sys; from cxsentiment.cli import main; atexit.register(lambda: print(*sys.modules)); main()"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_needs_no_heavy_import() -> None:
    loaded = _loaded_by(["--help"])
    assert "typer" in loaded
    assert not loaded & (HEAVY | set("numpy pyarrow onnxruntime tokenizers pydantic yaml re2".split()))


def test_charts_need_no_home_folder() -> None:
    """A container may run as a user whom its system does not know."""
    program = """
import os, pathlib, pwd
os.environ.pop("HOME", None)
pwd.getpwuid = lambda number: {}[number]
try:
    home = pathlib.Path.home()
except RuntimeError:
    import cxsentiment.charts
    assert "HOME" not in os.environ
else:
    raise AssertionError(home)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_small_file_is_scored_by_one_process_with_what_it_needs(tmp_path: Path, toy_bundle: Path) -> None:
    call = tmp_path / "call.txt"
    call.write_text("Agent: hello, how can I help?\nCustomer: my parcel is late\n" * 10, encoding="utf-8")
    loaded = _loaded_by(["score", str(call), "--out", str(tmp_path / "run"), "--model", str(toy_bundle)])
    assert {"pyarrow", "onnxruntime", "cxsentiment.shards"} <= loaded
    assert not loaded & HEAVY  # pandas too, which pyarrow imports by itself where it is installed
    assert "cxsentiment.erase" not in loaded
    assert "multiprocessing.popen_spawn_posix" not in loaded, "a worker was started for one small file"
    assert (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize("folder", ["cxsentiment", "training", "eval"])
def test_modules_are_small_and_named_for_what_they_are(folder: str) -> None:
    modules = sorted((ROOT / folder).rglob("*.py"))
    assert modules
    for path in modules:
        assert path.stem not in {"utils", "util", "helpers", "common", "misc", "manager", "provider", "factory"}, path
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, f"{path} has more than 400 lines"


def test_the_nouns_know_no_emotion_of_an_agent() -> None:
    fields = {name for kind in vars(schema).values() for name in getattr(kind, "__dataclass_fields__", {})}
    assert not [name for name in fields if any(word in name for word in ("mood", "emotion", "agent_sentiment"))]
    assert not set(schema.SENTIMENTS) & set(schema.ACTS)
