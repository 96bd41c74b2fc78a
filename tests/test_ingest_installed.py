"""Formats of other packages: a distribution as pip leaves it, from its entry point to the run folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import pytest
from command_line import Command
from reader_package import DIALLER, LOG, distribution
from reading import read

from cxsentiment import runs
from cxsentiment.batches import Batches
from cxsentiment.errors import UsageError
from cxsentiment.ingest import facts
from cxsentiment.ingest.installed import installed
from cxsentiment.ingest.readers import READERS
from cxsentiment.ingest.values import shown
from cxsentiment.pipeline import Settings, run

JSON_FORMAT = """
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, FileFormat, Format

def read(document, origin):
    for one in document["said"]:
        yield Contact([Entry(one["words"], one["by"])], id=one["id"], campaign=one.get("campaign"))

def named(name):
    return DocumentFormat(Format(name, "Said", "", "by", "none", ""), lambda one: "said" in one, read)

SAID = named("said")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages on the path of this process."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    invalidate_caches()
    installed.cache_clear()
    yield folder
    installed.cache_clear()
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "calls.log"
    path.write_text(LOG)
    return path


def own_process(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with the packages of `site`."""
    path = os.pathsep.join([str(site), *sys.path])
    words = [sys.executable, "-m", "cxsentiment", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False)


def test_a_package_s_format_is_scored_from_the_command_line(tmp_path: Path, log: Path, toy_bundle: Path) -> None:
    site = distribution(tmp_path / "site", "acme_dialler", DIALLER, "dialler = acme_dialler:DIALLER", version="2.1")
    out = tmp_path / "run"
    done = own_process(site, "score", log, "--role", "C=customer", "--workers", 2, "--out", out, "--model", toy_bundle)
    assert done.returncode == 3, done.stderr
    assert "read by dialler of acme_dialler 2.1: 1 contact" in done.stdout
    receipt = json.loads((out / "run.json").read_text())
    assert receipt["contacts"] == {"in": 2, "scored": 1, "rejected": 1}
    assert receipt["readers"] == {"dialler of acme_dialler 2.1": 1}
    assert "reader_faults" not in receipt
    turns = runs.read_table(out, "turns", ("contact_id", "speaker", "text", "start_s")).to_pylist()
    assert [(turn["contact_id"], turn["speaker"], turn["start_s"]) for turn in turns] == [
        ("one", "agent", 0.0),
        ("one", "customer", 4.0),
        ("one", "agent", 9.0),
    ]
    assert "4111" not in turns[1]["text"]
    (refused,) = (out / "rejects.jsonl").read_text().splitlines()
    assert json.loads(refused)["code"] == "bad_line"
    assert json.loads(refused)["record"] == 2
    assert "calls.log, call two: has the line" in refused
    assert "jane@mail.com" not in refused


def test_a_package_s_format_is_listed_checked_and_asked_for_by_name(site: Path, log: Path, command: Command) -> None:
    distribution(site, "acme_dialler", DIALLER, "dialler = acme_dialler:DIALLER")
    listed = json.loads(command("formats", "--json")[1])
    assert [one for one in listed if one["package"]] == [
        {
            "name": "dialler",
            "title": "Dialler log",
            "family": "",
            "roles": "A: agent; --role declares C",
            "times": "seconds",
            "example": "cxsentiment check calls.log",
            "package": "acme_dialler 1.0",
        }
    ]
    assert "given by package acme_dialler 1.0" in command("formats")[1]
    _, checked, _ = command("check", log, "--format", "dialler")
    assert "format: Dialler log (dialler); its times: seconds" in checked
    assert '"C": unknown' in checked
    code, _, said = command("check", log, "--format", "diallers")
    assert code == 2
    assert "dialler" in said.split("allowed:")[1]


def test_a_run_is_read_again_when_a_package_comes_and_parts_that_are_the_same_stay(
    site: Path, tmp_path: Path, log: Path, settings: Settings
) -> None:
    out, other = tmp_path / "run", tmp_path / "a.txt"
    other.write_text("Agent: Hello, Anna speaking.\nCustomer: This is terrible!\n")

    def scored() -> dict[str, Any]:
        installed.cache_clear()
        return run([str(other), str(log)], out, settings)

    first = scored()
    assert (first["contacts"], first.get("readers")) == ({"in": 2, "scored": 1, "rejected": 1}, None)
    (out / "report").mkdir()
    (out / "report" / "index.html").write_text("of the run before")
    distribution(site, "acme_dialler", DIALLER, "dialler = acme_dialler:DIALLER")
    second = scored()
    assert second["contacts"] == {"in": 3, "scored": 2, "rejected": 1}
    assert second["identity"] == first["identity"]
    assert not (out / "report" / "index.html").exists()
    assert scored()["already_scored"]
    shutil.rmtree(site / "acme_dialler-1.0.dist-info")
    assert scored()["files"] == first["files"]


def test_a_run_that_grows_counts_the_contacts_of_all_its_batches(
    site: Path, tmp_path: Path, log: Path, settings: Settings
) -> None:
    distribution(site, "acme_dialler", DIALLER, "dialler = acme_dialler:DIALLER")
    later = tmp_path / "later.log"
    later.write_text("dialler 1\n# call three\n0|A|Hello again.\n")
    for file in (log, later):
        Batches(tmp_path / "run", settings).take([file])
    receipt = json.loads((tmp_path / "run" / "run.json").read_text())
    assert receipt["readers"] == {"dialler of acme_dialler 1.0": 2}


def test_a_broken_package_is_told_of_and_breaks_no_run_that_does_not_name_it(
    site: Path, tmp_path: Path, log: Path, toy_bundle: Path, command: Command
) -> None:
    distribution(site, "acme_broken", "import nothing_of_that_name", "dialler = acme_broken:X")
    told = "package acme_broken 1.0, entry point dialler = acme_broken:X: cannot be imported: ModuleNotFoundError: No"
    known = tmp_path / "a.jsonl"
    known.write_text('{"id": "a", "turns": [{"speaker": "agent", "text": "Hello"}]}\n')
    words = ["--model", toy_bundle, "--workers", 1]
    code, _, said = command("score", known, "--out", tmp_path / "plain", *words)
    assert (code, said) == (0, "")
    code, _, said = command("score", known, log, "--out", tmp_path / "guessed", *words)
    assert code == 3
    assert told in said
    receipt = json.loads((tmp_path / "guessed" / "run.json").read_text())
    assert [fault.startswith(told) for fault in receipt["reader_faults"]] == [True]
    assert "unknown_format" in (tmp_path / "guessed" / "rejects.jsonl").read_text()
    before = (tmp_path / "plain" / "run.json").read_bytes()
    code, _, said = command("score", known, "--format", "dialler", "--out", tmp_path / "plain", "--overwrite", *words)
    assert code == 2
    assert told in said
    assert (tmp_path / "plain" / "run.json").read_bytes() == before
    code, _, said = command("formats")
    assert code == 0
    assert told in said


def test_the_help_loads_no_package(tmp_path: Path) -> None:
    module = f"import pathlib; pathlib.Path({str(tmp_path / 'loaded')!r}).touch()"
    site = distribution(tmp_path / "site", "acme_loud", module, "loud = acme_loud:X")
    assert own_process(site, "--help").returncode == 0
    assert not (tmp_path / "loaded").exists()
    assert own_process(site, "formats").returncode == 0
    assert (tmp_path / "loaded").exists()


@pytest.mark.parametrize(
    ("entry", "module", "what"),
    [
        ("said = acme:NONE", JSON_FORMAT, "cannot be imported: AttributeError"),
        ("said = acme:read", JSON_FORMAT, "gives a function (allowed: a DocumentFormat or FileFormat"),
        ("saying = acme:SAID", JSON_FORMAT, 'its facts name the format "said"'),
        ("Said_It = acme:SAID", JSON_FORMAT, "its name is none of a format"),
        ("csv = acme:SAID", JSON_FORMAT, '"csv" is the name of a built-in format. The built-in one is used'),
        ("deepgram = acme:SAID", JSON_FORMAT, '"deepgram" is the name of a built-in format'),
        ("said = acme:SAID", "import sys; sys.exit(4)", "cannot be imported: SystemExit: 4"),
        ("said = acme:SAID", "SAID = (", "cannot be imported: SyntaxError"),
        ("said = acme:BAD", JSON_FORMAT + "BAD = DocumentFormat(SAID.facts, SAID.detect, None)", "is no function"),
        ("said = acme:BAD", JSON_FORMAT + "BAD = DocumentFormat('said', SAID.detect, read)", "no Format of texts"),
        ("said = acme:BAD", JSON_FORMAT + "BAD = FileFormat(SAID.facts, 'log', len, read)", "its suffixes"),
    ],
)
def test_what_is_no_format_is_refused_by_name_and_told_of(
    site: Path, tmp_path: Path, entry: str, module: str, what: str
) -> None:
    distribution(site, "acme", module, entry)
    (tmp_path / "a.json").write_text('{"said": []}')
    found, (refused,) = read(tmp_path / "a.json")
    assert (found, refused.code) == ([], "no_turns")
    (fault,) = installed().faults.values()
    assert fault.startswith(f"package acme 1.0, entry point {entry}: ")
    assert what in fault
    name = entry.split(" ")[0]
    if name not in {known.name for known in facts.formats()}:
        with pytest.raises(UsageError, match=r"package acme 1\.0, entry point"):
            read(tmp_path / "a.json", format=name)


def test_two_packages_of_one_format_are_both_refused(site: Path, tmp_path: Path) -> None:
    distribution(site, "acme", JSON_FORMAT, "said = acme:SAID")
    distribution(site, "other", JSON_FORMAT, "said = other:SAID")
    (tmp_path / "a.json").write_text('{"said": []}')
    with pytest.raises(UsageError, match=r"acme 1.0.*other 1.0.*so neither is used. Uninstall one of them"):
        read(tmp_path / "a.json", format="said")


def test_json_of_a_package_is_read_in_arrays_and_lines_and_a_slip_is_one_refusal(site: Path, tmp_path: Path) -> None:
    distribution(site, "acme", JSON_FORMAT, "said = acme:SAID")
    good, odd = {"id": "a", "words": "Hello", "by": "agent"}, {"id": "b", "words": 5, "by": "agent"}
    worse = {"id": "c", "words": "Hi", "by": "agent", "campaign": 7}
    lines = [{"said": [good, odd, worse]}, {"said": 3}, {"said": [good | {"id": "d"}]}, {"said": [{}]}, {"said": []}]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found, rejects = read(path)
    assert [(one.id, one.format, one.turns[0].speaker) for one in found] == [
        ("a", "said", "agent"),
        ("d", "said", "agent"),
    ]
    assert [(one.record, one.code) for one in rejects] == [
        (2, "reader_failed"),
        (3, "reader_failed"),
        (2, "reader_failed"),
        (4, "reader_failed"),
        (5, "empty"),
    ]
    assert "the reader gave an entry whose text is none (entry 0). Tell the package's makers" in rejects[0].message
    assert "a contact whose campaign is no line of text" in rejects[1].message
    assert "the format said of package acme 1.0 failed: TypeError" in rejects[2].message


def test_what_a_built_in_format_knows_stays_with_it(site: Path, tmp_path: Path) -> None:
    greedy = DIALLER.replace('head.text.startswith("dialler 1")', "True")
    distribution(site, "acme", greedy, "dialler = acme:DIALLER")
    for name, text in {
        "a.jsonl": '{"turns": [{"speaker": "agent", "text": "Hello"}]}',
        "b.csv": "speaker,text\nagent,hello\n",
        "c.txt": "Agent: hello\n",
        "d.vtt": "WEBVTT\n\n00:01.000 --> 00:02.000\nAgent: hello\n",
        "e.txt": LOG,
    }.items():
        (tmp_path / name).write_text(text)
    found, rejects = read(*(tmp_path / f"{name}" for name in ("a.jsonl", "b.csv", "c.txt", "d.vtt", "e.txt")))
    assert [one.format for one in found] == ["jsonl", "csv", "text", "webvtt", "dialler"]
    assert "read as Dialler log by its content" in found[-1].warnings
    assert [one.code for one in rejects] == ["bad_line"]


def test_a_detect_that_fails_is_taken_for_no_and_told_without_what_a_customer_said(site: Path, log: Path) -> None:
    failing = DIALLER.replace('head.text.startswith("dialler 1")', 'int("4111 1111 1111 1111 of jane@mail.com")')
    distribution(site, "acme", failing, "dialler = acme:DIALLER")
    _, (refused,) = read(log)
    assert refused.code == "unknown_format"
    (fault,) = installed().faults.values()
    assert "its detect failed (ValueError: invalid literal" in fault
    assert "4111" not in fault
    assert "jane@mail.com" not in fault


@pytest.mark.parametrize("line", ["raise ValueError('jane@mail.com')", "contact.notes.add('jane@mail.com says so')"])
def test_what_a_package_says_is_masked(site: Path, log: Path, line: str) -> None:
    spoilt = DIALLER.replace("for line in lines:", f"{line}\n        for line in lines:")
    distribution(site, "acme", spoilt, "dialler = acme:DIALLER")
    found, rejects = read(log)
    said = [*(refused.message for refused in rejects), *(line for one in found for line in one.warnings)]
    assert shown("jane@mail.com") in " ".join(said)
    assert "jane@mail.com" not in " ".join(said)


def test_every_reader_has_its_facts_in_the_list(site: Path) -> None:
    assert tuple(reader.facts for reader in READERS) == facts.OWN
