"""Bad input and bad arguments on the command line: good contacts are all scored, and nobody sees a traceback."""

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxsentiment import cli, runs
from cxsentiment.errors import CxError, ExitCode

GOOD = {
    "calls.jsonl": "".join(
        json.dumps(
            {
                "id": f"good-{k}",
                "agent_id": f"agent-{k % 3}",
                "turns": [
                    {"speaker": "agent", "text": "Hello, Anna speaking. How can I help?"},
                    {"speaker": "customer", "text": f"This is terrible, my order {k} never came, get me a manager!"},
                    {"speaker": "agent", "text": "I am so sorry. One moment, I promise we will help."},
                ],
            }
        )
        + "\n"
        for k in range(12)
    ),
    "good-call.txt": "Agent: Hello, Ben speaking.\nCustomer: Thanks, that was great!\nAgent: Goodbye!\n",
    "good-table.csv": "contact_id,speaker,text\ngood-t,agent,Welcome!\ngood-t,customer,I am so angry.\n",
}


class Outcome(NamedTuple):
    code: int
    said: str


def typed(*arguments: str, stdin: bytes = b"") -> Outcome:
    """What comes of arguments: the exit code, and all that is printed. Anything but a regular exit is raised."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    before = sys.argv, sys.stdin
    sys.argv, sys.stdin = ["cxsentiment", *arguments], io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        sys.argv, sys.stdin = before
    out.flush()
    return Outcome(int(left.value.code or 0), out.buffer.getvalue().decode("utf-8", "replace"))  # type: ignore[attr-defined]


def _write_good(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, text in GOOD.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _rows_of_good(run: Path) -> dict[str, list[dict[str, Any]]]:
    """The rows of the good contacts in every table, by contact."""
    return {
        table: sorted(
            (row for row in runs.read_table(run, table).to_pylist() if row["contact_id"].startswith("good-")),
            key=lambda row: (row["contact_id"], row.get("turn") or 0, row.get("item") or ""),
        )
        for table in runs.TABLES
    }


@pytest.mark.shared
def test_in_a_folder_of_bad_files_every_good_contact_is_scored_as_if_alone(
    shared: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    hostile = shared / "formats" / "hostile"
    cases = json.loads((hostile / "EXPECTED.json").read_text(encoding="utf-8"))
    folder = tmp_path / "input"
    good = _write_good(folder / "good")
    for case in cases:
        shutil.copy(hostile / case["file"], folder / case["file"])
    shutil.copytree(hostile / "near_miss_from_docs", folder / "near misses")
    alone, among = tmp_path / "alone", tmp_path / "among"
    model = ("--model", str(toy_bundle), "--workers", "1")
    assert typed("score", str(good), "--out", str(alone), *model).code == ExitCode.DONE
    code, said = typed("score", str(folder), "--out", str(among), *model)
    assert code == ExitCode.REJECTS, said
    assert "Traceback" not in said

    expected = _rows_of_good(alone)
    assert len(expected["contacts"]) == 14
    assert _rows_of_good(among) == expected

    scored = runs.read_table(among, "contacts", ("contact_id", "source")).to_pylist()
    rejects = [json.loads(line) for line in (among / runs.REJECTS).read_text(encoding="utf-8").splitlines()]
    assert all(one["code"] and one["message"] for one in rejects)

    def stand(path: Path, rows: list[dict[str, Any]]) -> bool:
        """Whether a file, or a member of it, is the source of a row."""
        name = path.as_posix()
        return any(row["source"] == name or row["source"].startswith((f"{name}!", f"{name}/")) for row in rows)

    bad = {
        folder / case["file"]: "partial" if case["expect"].startswith("or partial") else case["verdict"]
        for case in cases
    }
    bad |= dict.fromkeys((folder / "near misses").iterdir(), "reject")
    assert [path.name for path in bad if not stand(path, scored) and not stand(path, rejects)] == [], "lost in silence"
    for path, verdict in bad.items():
        refused = verdict == "reject" or path.name.startswith("17_")  # surveys, which are no transcripts
        assert not (refused and stand(path, scored)), f"{path.name} is no contact, but was scored"
        assert stand(path, rejects) or verdict not in ("reject", "partial"), f"{path.name} has no reject"

    verified = typed("verify", str(among), "--model", str(toy_bundle), "--rescore", "20")
    assert verified.code == ExitCode.DONE, verified.said


# `serve` waits for people, and `demo` scores with the bundled model; `watch` looks once, at files that need not settle.
NEVER = {"serve", "demo"}
ALWAYS = {("watch",): ["--once", "--settle", "0"]}


def _commands(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*before, name))
        elif name not in NEVER:
            yield (*before, name), command


COMMANDS = dict(_commands(typer.main.get_command(cli.app)))
WORDS = [
    *("", " ", "-", "=", "a=b", "text=", "=agent", "nonsense", "1", "-1", "0", "1e999", "nan", "9" * 30, "1-5", "5-1"),
    *("agent", "agent=customer", "jsonl", "UTF-8", "Europe/Berlin", "2026-02-30", "dmy", "[", "{}", "*.nope", "[z-a]*"),
    *("nosuch://bucket/x", "ünï ☎ \u202e", "\udcff\udcfe", "-rf", "'; drop table", "a" * 300, "x/../y", "C:\\x", "~"),
]


@pytest.fixture(scope="module")
def places(toy_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Things that arguments may name: of the right kind, of the wrong kind, and broken."""
    folder = tmp_path_factory.mktemp("places")
    good = _write_good(folder / "good")
    run = folder / "run"
    assert typed("score", str(good), "--out", str(run), "--model", str(toy_bundle)).code == ExitCode.DONE
    made: list[Path] = [good, run, toy_bundle, folder / "none", good / "calls.jsonl", good / "good-table.csv"]

    def file(name: str, content: bytes) -> None:
        path = folder / name
        path.write_bytes(content)
        made.append(path)

    file("empty", b"")
    file("zeros.parquet", bytes(1000))
    file("cut.json", b'{"id": "x", "turns": [{"spe')
    file("latin.csv", "contact_id,speaker,text\n1,agent,caf\xe9 \xff\n".encode("latin-1"))
    file("rubric.yaml", b"name: x\nversion: 1\nsections: [[[")
    file("deep.yaml", b"[" * 10_000)
    file("labels.db", b"SQLite format 3\0" + bytes(200))
    file("key", b"k")
    for name, receipt in (
        ("cut run", b'{"state": "comp'),
        ("list run", b"[]"),
        ("begun run", b'{"state": "incomplete"}'),
    ):
        path = folder / name
        shutil.copytree(run, path)
        (path / runs.RECEIPT).write_bytes(receipt)
        made.append(path)
    damaged = folder / "damaged run"
    shutil.copytree(run, damaged)
    (damaged / "turns" / "part-00000.parquet").write_bytes(b"PAR1 and nothing else")
    (folder / "gone").symlink_to(folder / "nowhere")
    closed = folder / "closed"
    closed.mkdir()
    shut = closed / "calls.jsonl"
    shut.write_text(GOOD["calls.jsonl"])
    shut.chmod(0)
    made += [damaged, folder / "gone", shut, folder]  # and nothing of the system: some options name a file to write
    return {"paths": [str(path) for path in made], "model": str(toy_bundle), "work": str(folder)}


@st.composite
def command_lines(draw: st.DrawFn) -> tuple[list[str], list[int | str]]:
    """A command with arguments of all kinds; a number stands for the place of that number."""
    name = draw(st.sampled_from([*sorted(COMMANDS), *[("score",)] * 6, *[("check",)] * 3]))
    # No "/" in text that is made up: some options name a folder to write to.
    text = st.text(st.characters(exclude_characters="\0/"), max_size=8).filter(lambda one: one not in (".", ".."))
    values = st.one_of(st.integers(0, 99), st.integers(0, 99), st.sampled_from(WORDS), text)
    line: list[int | str] = []
    for parameter in COMMANDS[name].params:
        if parameter.param_type_name == "argument":
            line += draw(st.lists(values, min_size=draw(st.integers(0, 9)) > 0, max_size=2))
    options = [
        one
        for one in COMMANDS[name].params
        if one.param_type_name == "option" and not {"--help", "--settle"} & {*one.opts}
    ]
    if options:
        for option in draw(st.lists(st.sampled_from(options), max_size=3)):
            line.append(option.opts[0])
            if not option.is_flag:
                line.append(draw(values))
    if draw(st.integers(0, 19)) == 0:
        line.insert(draw(st.integers(0, len(line))), draw(st.sampled_from(["--nonsense", "-Z", "--out", "--"])))
    return list(name), line


@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")  # nobody is at a terminal who could type a password
@settings(
    max_examples=int(os.environ.get("CXSENTIMENT_FUZZ_EXAMPLES", "80")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize="CXSENTIMENT_FUZZ_EXAMPLES" not in os.environ,
)
@given(given=command_lines())
def test_no_arguments_end_in_a_traceback(
    given: tuple[list[str], list[int | str]], places: dict[str, Any], tmp_path: Path
) -> None:
    name, line = given
    paths = places["paths"]
    arguments = ALWAYS.get(tuple(name), []) + [paths[one % len(paths)] if isinstance(one, int) else one for one in line]
    options = {option for one in COMMANDS[tuple(name)].params for option in one.opts}
    for option, value in (("--out", str(tmp_path / "out")), ("--model", places["model"]), ("--workers", "1")):
        if option in options and option not in arguments and "--" not in arguments:
            arguments += [option, value]
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        code, said = typed(*name, *arguments)
    finally:
        os.chdir(before)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert code in set(ExitCode), (code, said)
    assert "Traceback" not in said, said
    if code == ExitCode.USAGE:
        assert said.strip(), "a refusal says why"


def test_a_fault_that_ends_in_a_full_stop_gets_no_second_one() -> None:
    assert CxError("a", "is no Parquet file.", do="Score again").message == "a: is no Parquet file. Score again"
    assert CxError("a", "is missing", do="Score again").message == "a: is missing. Score again"
