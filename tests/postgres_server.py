"""A PostgreSQL server for tests; those that want it are skipped, with the reason, where there is none."""

from collections.abc import Iterator

import pytest

from cxsentiment.errors import UsageError
from eval import throwaway_postgres


def postgres_server() -> Iterator[str]:
    """Start a server, give its URL, stop it."""
    pytest.importorskip("psycopg", reason="needs the driver of the postgres extra, which is not installed")
    server = throwaway_postgres.postgres_server("fsync=off")
    try:
        url = server.__enter__()
    except UsageError as error:
        pytest.skip(f"needs PostgreSQL: {error.what}")
    try:
        yield url
    finally:
        server.__exit__(None, None, None)
