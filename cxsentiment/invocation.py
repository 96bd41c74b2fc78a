"""What options that several commands share stand for, and how commands speak to machines and to Ctrl-C."""

import codecs
import io
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cxsentiment.arguments import one_of
from cxsentiment.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from cxsentiment.ingest.options import ReadOptions
    from cxsentiment.privacy import Masking
    from cxsentiment.spark_engine import Spark


_ESCAPE = "cxsentiment"


def ready_streams() -> None:
    """Let whatever is said be printed: "≤", a customer's emoji, a name that is no text.

    A stream of an encoding that lacks them (Latin-1 by the locale; on Windows whatever is piped or sent to a file)
    would raise; it writes them as JSON does, so that JSON stays what it is. Windows' pipes and files are given UTF-8,
    as everywhere else and from Python 3.15 on. A stream that is closed (`>&-`) takes all and keeps nothing.
    """
    codecs.register_error(_ESCAPE, _escaped)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (until the end)
        elif isinstance(stream, io.TextIOWrapper):
            if sys.platform == "win32" and not (stream.isatty() or "PYTHONIOENCODING" in os.environ):
                stream.reconfigure(encoding="utf-8")
            stream.reconfigure(errors=_ESCAPE)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


@contextmanager
def interruptible() -> Iterator[None]:
    """Leave with the exit code of an interruption where one comes."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("interrupted: run the same command again to go on from what is done", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def stopping() -> None:
    """Say that a stop was heard; for `on_stop`."""
    typer.echo("stopping when the parts under way are written (again: at once)", err=True)


def options_of(
    map_: list[str],
    role: list[str],
    roles: Path | None = None,
    guess_roles: bool = False,
    format_: str | None = None,
    time_unit: str | None = None,
    date_order: str | None = None,
    timezone: str | None = None,
) -> "ReadOptions":
    """The options of reading. Raises UsageError for what is none."""
    from cxsentiment.ingest.dates import date_rules
    from cxsentiment.ingest.options import ReadOptions, parse_map, parse_roles, parse_time_unit, read_roles

    declared = {**(read_roles(roles) if roles else {}), **parse_roles(role)}
    return ReadOptions(
        parse_map(map_),
        declared,
        format_,
        guess_roles=guess_roles,
        time_unit=parse_time_unit(time_unit),
        dates=date_rules(date_order, timezone),
    )


def masking_of(also: list[str], off: bool, keep_vendor_marks: bool, key: Path | None) -> "Masking":
    """What is masked. Raises UsageError for a kind or a key that is none."""
    from cxsentiment.privacy import Masking
    from cxsentiment.privacy.marks import STANDARD
    from cxsentiment.privacy.pseudonyms import read_key

    kinds = STANDARD | {kind.strip().upper() for text in also for kind in text.split(",")}
    return Masking(kinds, off=off, vendor_marks=not keep_vendor_marks, key=read_key(key))


def engine_of(engine: str, master: str | None) -> "Spark | None":
    """Where Spark scores; None where processes of this machine do. Raises UsageError for an engine that is none."""
    if one_of("--engine", engine, ("local", "spark")) == "spark":
        from cxsentiment.spark_engine import Spark

        return Spark(master)
    if master is not None:
        raise UsageError(f"--master {master}", "is for --engine spark", do="Add --engine spark, or leave --master out")
    return None


def rejected_beside(receipt: Mapping[str, Any]) -> int:
    """Refused rows of surveys, of the contact log and of labels."""
    return sum((receipt.get(name) or {}).get("rejected", 0) for name in ("surveys", "log", "labels"))


def typed() -> str:
    """The command as it was typed."""
    return shlex.join(["cxsentiment", *sys.argv[1:]])


def print_json(document: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))
