"""One writer to a run folder at a time: a lock of the operating system, which ends with its process however that ends.

The lock is on the folder itself. Who holds it stands in a note beside the results, which a killed process leaves behind
and the next one replaces; the note never decides anything. Windows, and file systems that know no locks, have none; and
of a shared disk (NFS, SMB) Linux locks folders for its own machine alone.
"""

import errno
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from cxsentiment.errors import BusyError, RunError, UsageError

NOTE = ".holder.json"
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}
_WAIT = "Wait until it has ended, or stop it"


def resolved(run: Path) -> Path:
    """The whole path of a run folder. Raises UsageError for a link that leads round in a circle."""
    try:
        return run.resolve()
    except RuntimeError as error:  # before Python 3.13; later ones leave it to whoever opens the folder
        raise UsageError(str(run), "is a link that leads round in a circle", do="Give --out a folder") from error


@contextmanager
def alone(run: Path, doing: str) -> Iterator[Callable[[], None]]:
    """Hold the folder `run` against other writers as long as this lasts; it is made where it is missing.

    Yields a function to call before the first write: it notes who is `doing` what, for those who are turned away.
    Raises BusyError where another process holds the folder, RunError where it cannot be made or opened.
    """
    try:
        if not run.exists():
            run.mkdir(parents=True, exist_ok=True)
        folder = os.open(run, os.O_RDONLY) if sys.platform != "win32" else None
    except OSError as error:
        do = "Free space or choose a folder you may write to"
        raise RunError(str(run), f"cannot be written: {error.strerror or error}", do=do) from error
    signed = False

    def sign() -> None:
        nonlocal signed
        signed = True
        note = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing, "since": _now()}
        with suppress(OSError):  # who cannot write the note will soon learn so from what matters
            (run / NOTE).write_text(json.dumps(note), encoding="utf-8")

    try:
        if folder is not None:
            _take(folder, run)
        yield sign
    finally:
        if signed:
            with suppress(OSError):
                (run / NOTE).unlink(missing_ok=True)
        if folder is not None:
            os.close(folder)


def _take(folder: int, run: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        import fcntl
    except ModuleNotFoundError:  # a system that has no such locks
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BusyError(str(run), f"another process is at work here{_holder(run)}", do=_WAIT) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise RunError(str(run), f"cannot be locked: {error.strerror or error}") from error


def _holder(run: Path) -> str:
    """Who holds the folder, as far as the note tells."""
    try:
        note = json.loads((run / NOTE).read_text(encoding="utf-8"))
        where = "" if note["host"] == socket.gethostname() else f" on {note['host']}"
        return f": {note['doing']}, process {note['pid']}{where}, since {note['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
