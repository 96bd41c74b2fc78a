"""A PostgreSQL server of its own on a socket, that is gone afterwards; under another user for root, whom it refuses."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxsentiment.errors import UsageError


@contextmanager
def postgres_server(*options: str) -> Iterator[str]:
    """The URL of a server with an empty database; `options` are settings such as `fsync=off`.

    Raises:
        UsageError: PostgreSQL's pg_ctl is not installed, or the server does not start.
    """
    found = shutil.which("pg_ctl") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/pg_ctl")), default=None)
    if found is None:
        raise UsageError("PostgreSQL", "pg_ctl is not installed", do="Install the server (Debian: postgresql)")
    binaries = Path(found).resolve().parent
    root = os.geteuid() == 0
    before = ["runuser", "-u", "postgres", "--"] if root else []
    with tempfile.TemporaryDirectory(prefix="cx-pg-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if root:
            shutil.chown(home, "postgres")

        def run(*command: str) -> None:
            command = (*before, *command)
            # fixed commands, no shell
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home)  # nosec B603
            if done.returncode:
                raise UsageError("PostgreSQL", f"cannot be started here: {done.stderr[-300:]}")

        run(str(binaries / "initdb"), "-D", f"{home}/data", "-A", "trust", "-U", "cx", "-E", "UTF8", "--locale=C")
        settings = " ".join(f"-c {option}" for option in ("listen_addresses=''", *options))
        control = (str(binaries / "pg_ctl"), "-D", f"{home}/data", "-w")
        run(*control, "-l", f"{home}/log", "-o", f"-k {home} {settings}", "start")
        try:
            yield f"postgresql+psycopg://cx@/postgres?host={home}"
        finally:
            run(*control, "-m", "immediate", "stop")
