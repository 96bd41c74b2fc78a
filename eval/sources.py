"""Whether the files of the data folder can be read: what gzip and json raise inside is told with the file's name."""

import gzip
import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxsentiment.errors import UsageError

_UNREADABLE = (EOFError, OSError, zlib.error, UnicodeDecodeError, json.JSONDecodeError)
_DO = "Give --data the folder of the sources, each as it came"


def lines_of(path: Path) -> list[str]:
    """The lines of a JSONL.gz file. Raises UsageError where it is missing, cut short or not gzip."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return list(file)
    except FileNotFoundError as error:
        raise UsageError(str(path), "this source is missing", do=_DO) from error
    except _UNREADABLE as error:
        raise UsageError(str(path), f"this source cannot be read: {error}", do=_DO) from error


def check(paths: Iterable[Path]) -> None:
    """Read JSONL.gz files to their end. Raises UsageError for the first that is missing or damaged."""
    for path in paths:
        for number, line in enumerate(lines_of(path), 1):
            try:
                json.loads(line)
            except json.JSONDecodeError as error:
                raise UsageError(f"{path}, line {number}", f"not valid JSON: {error}", do=_DO) from error


@contextmanager
def told(data: Path) -> Iterator[None]:
    """Where what is done inside meets a damaged file of `data`, raise UsageError that names it."""
    try:
        yield
    except _UNREADABLE as error:
        check(sorted(data.glob("*.jsonl.gz")))
        raise UsageError(str(data), f"a source cannot be read: {error}", do=_DO) from error


def results_folder(out: Path) -> Path:
    """Make the folder of the results before anything is measured. Raises UsageError where it cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out):
            return out
    except OSError as error:
        raise UsageError(str(out), f"cannot be written: {error.strerror}", do="Give --out another folder") from error
