"""A PostgreSQL server of its own on a socket, for tests; under another user where they run as root: it refuses root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def postgres_server() -> Iterator[str]:
    """Start a server, give its URL, stop it; the test is skipped where there is none."""
    if shutil.which("pg_ctl") is None:
        pytest.skip("needs PostgreSQL's pg_ctl (Debian: postgresql), which is not installed")
    pytest.importorskip("psycopg", reason="needs the driver of the postgres extra, which is not installed")
    root = os.geteuid() == 0
    before = ["runuser", "-u", "postgres", "--"] if root else []
    home = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    if root:
        shutil.chown(home, "postgres")

    def run(*command: str) -> None:
        done = subprocess.run([*before, *command], capture_output=True, text=True, check=False, cwd=home)
        if done.returncode:
            pytest.skip(f"PostgreSQL cannot be started here: {done.stderr[-300:]}")

    binaries = Path(shutil.which("pg_ctl") or "").resolve().parent
    run(str(binaries / "initdb"), "-D", f"{home}/data", "-A", "trust", "-U", "cx", "-E", "UTF8", "--locale=C")
    options = f"-k {home} -c listen_addresses='' -c fsync=off"
    run(str(binaries / "pg_ctl"), "-D", f"{home}/data", "-w", "-l", f"{home}/log", "-o", options, "start")
    yield f"postgresql+psycopg://cx@/postgres?host={home}"
    subprocess.run([*before, str(binaries / "pg_ctl"), "-D", f"{home}/data", "-m", "immediate", "stop"], check=False)
    shutil.rmtree(home, ignore_errors=True)
