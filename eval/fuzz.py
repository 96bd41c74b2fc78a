"""Throws spoilt input at every parser, guided by what code each input reaches, and says what broke.

    pip install atheris
    python -m eval.fuzz --seconds 60 [TARGET …]

Each target runs in a process of its own for so many seconds of processor time, so that a busy machine shortens nothing.
Whatever a parser raises but InputError, an answer that no later step could use, and an input that takes more than five
seconds is a finding: it is written down once for each place in the code, with the shortest input that leads there. The
parsers may get anything; so there should be none.
"""

import argparse
import base64
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "fuzz.json"
HANG_S = 5.0
_MAX_BYTES = 4096
_SAVE_EVERY_S = 5.0
_NEVER_S = 10**6  # for libFuzzer's own limit, which counts the waiting of a busy machine; 0 would stop at once
_PATIENCE = 20  # on a busy machine a second of processor time takes so long at most


class Hang(BaseException):
    """An input took too long; no Exception, so that no parser catches it."""


class Session:
    """One target under fuzz: counts what ran, remembers what broke, writes both down now and then."""

    def __init__(self, target: Any, seconds: float, out: Path) -> None:
        self._target = target
        self._out = out
        self._begun = self._saved = time.process_time()
        self._end = self._begun + seconds
        self.executions = 0
        self.findings: dict[str, dict[str, str]] = {}

    def one(self, data: bytes) -> None:
        """Run one input, and end the process when the time is up."""
        self.executions += 1
        signal.setitimer(signal.ITIMER_PROF, HANG_S)  # of processor time: a busy machine is no hang
        try:
            self._target.run(data)
        except (Exception, Hang) as error:
            self._note(error, data)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        now = time.process_time()
        if now - self._saved > _SAVE_EVERY_S or now > self._end:
            self.save()
        if now > self._end:
            os._exit(0)  # libFuzzer would go on, and cleans up nothing we need

    def _note(self, error: BaseException, data: bytes) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "cxsentiment" in Path(frame.filename).parts] or frames
        kind = type(error).__name__
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if kind != "Hang" else "anywhere"
        key = f"{kind} at {place}" if kind != "AssertionError" else f"broken: {error}"[:80]
        encoded = base64.b64encode(data).decode()
        known = self.findings.setdefault(key, {"what": f"{kind}: {error}"[:200], "input": encoded})
        if len(encoded) < len(known["input"]):
            known["input"] = encoded

    def save(self) -> None:
        """Write down where it stands."""
        self._saved = time.process_time()
        facts = {
            "executions": self.executions,
            "seconds": round(self._saved - self._begun, 1),
            "findings": self.findings,
        }
        self._out.write_text(json.dumps(facts), encoding="utf-8")


def _raise_hang(number: int, frame: object) -> None:
    raise Hang(f"more than {HANG_S:.0f} s of processor time")


def work(name: str, seconds: float, out: Path) -> None:
    """Fuzz one target in this process; never returns."""
    atheris = importlib.import_module("atheris")  # needed by nothing else, and there is no wheel for every system
    with atheris.instrument_imports(include=["cxsentiment"]):
        targets = importlib.import_module("eval.fuzz_targets")
    from eval.fuzz_mutate import mutated

    target = next(target for target in targets.TARGETS if target.name == name)
    session = Session(target, seconds, out)
    signal.signal(signal.SIGPROF, _raise_hang)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        return mutated(data, max_size, seed, lambda some, most: bytes(atheris.Mutate(some, max(most, 1))))

    with tempfile.TemporaryDirectory() as corpus:
        for place, seed in enumerate(target.seeds()):
            session.one(seed)
            Path(corpus, f"seed{place}").write_bytes(seed)
        longest = max(_MAX_BYTES, *(2 * path.stat().st_size for path in Path(corpus).iterdir()))
        arguments = [
            sys.argv[0],
            corpus,
            f"-max_len={longest}",
            f"-timeout={_NEVER_S}",
            "-rss_limit_mb=3072",
            "-verbosity=0",
        ]
        arguments.append(f"-artifact_prefix={corpus}/")  # else libFuzzer leaves its files in the working folder
        atheris.Setup(arguments, session.one, **({"custom_mutator": mutate} if target.json else {}))
        atheris.Fuzz()


def fuzz(name: str, seconds: float) -> dict[str, Any]:
    """Fuzz one target in a process of its own; what it counted and found, and how the process ended if badly."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "facts.json")
        command = [sys.executable, "-m", "eval.fuzz", "--work", name, "--seconds", str(seconds), "--out", str(out)]
        # What a hang inside of C code would not let through is ended from here.
        try:
            done = subprocess.run(  # nosec B603  # a fixed command, no shell
                command, capture_output=True, text=True, timeout=_PATIENCE * seconds + 600, errors="replace"
            )
            ended = done.returncode, _last_words(done.stderr)
        except subprocess.TimeoutExpired:
            ended = -1, "the process did not end"
        facts: dict[str, Any] = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"findings": {}}
    if ended[0]:
        facts["findings"][f"process ended with {ended[0]}"] = {"what": ended[1], "input": ""}
    return facts


def _last_words(said: str) -> str:
    """The end of what a process said that broke off: its exception, and libFuzzer's remarks."""
    return "\n".join(line for line in said.splitlines() if not line.startswith("INFO: "))[-1500:]


def add(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Executions and seconds of two runs of a target together; the findings of the new one."""
    return {
        "executions": old.get("executions", 0) + new.get("executions", 0),
        "seconds": round(old.get("seconds", 0.0) + new.get("seconds", 0.0), 1),
        "findings": new["findings"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, fuzz, write and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="of all targets (default)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of processor time, for each target")
    parser.add_argument("--out", type=Path, default=RESULTS, help="results; those of earlier runs are added up")
    parser.add_argument("--work", metavar="TARGET", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        work(options.work, options.seconds, options.out)
    names = [target.name for target in importlib.import_module("eval.fuzz_targets").TARGETS]
    if unknown := sorted(set(options.targets) - set(names)):
        raise SystemExit(f"no such target: {', '.join(unknown)} (allowed: {', '.join(names)})")
    results = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"targets": {}}
    results["python"] = platform.python_version()
    for name in options.targets or names:
        facts = fuzz(name, options.seconds)
        results["targets"][name] = add(results["targets"].get(name, {}), facts)
        for total in ("executions", "seconds"):
            results[total] = round(sum(each[total] for each in results["targets"].values()), 1)
        options.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {facts.get('executions', 0):,} inputs in {facts.get('seconds', 0)} s", flush=True)
        for key, finding in facts["findings"].items():
            print(f"  {key}\n    {finding['what']}\n    {finding['input'][:400]}", flush=True)


if __name__ == "__main__":
    main()
