"""Opening the database of labels: SQLite by path, PostgreSQL by URL, brought to the newest schema by its migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cxsentiment.errors import StoreError, UsageError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 30_000
"""How long a writer waits for another one on SQLite, in milliseconds."""
_LOCK = 7_141_026  # any number, the same for all writers: PostgreSQL's advisory lock
_ATTEMPTS = 5
_POOL = {"pool_size": 20, "max_overflow": 30}
# Writers of one process queue here before they take a connection. Waiting inside the database each would hold one, and
# readers, who need not wait for a writer at all, would find none left.
_QUEUES: WeakKeyDictionary[Engine, Lock] = WeakKeyDictionary()


def open_engine(database: str) -> Engine:
    """An engine for a path of SQLite or a URL postgresql+psycopg://…; nothing is read yet.

    Raises:
        UsageError: another kind of URL, or a driver that is not installed.
    """
    if "://" not in database:
        engine = create_engine(URL.create("sqlite+pysqlite", database=str(Path(database).absolute())), **_POOL)
        _prepare_sqlite(engine)
        return engine
    if not database.startswith(("postgresql://", "postgresql+psycopg://")):
        kind = database.partition("://")[0]
        raise UsageError(
            f"--db {kind}://…",
            "is no store of labels that is known",
            allowed="a path (SQLite), or postgresql+psycopg://…",
        )
    try:
        return create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True, **_POOL)
    except ImportError as error:
        raise UsageError(
            "--db postgresql+psycopg://…",
            "PostgreSQL's driver is not installed",
            do="Install it: pip install 'cxsentiment[postgres]'",
        ) from error
    except (SQLAlchemyError, ValueError) as error:
        raise UsageError("--db", "is no URL that can be read", allowed="postgresql+psycopg://USER@HOST/NAME") from error


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection, record) -> None:  # type: ignore[no-untyped-def]
        # The driver would begin transactions late and leave tables outside of them; the store begins its own.
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten, not only unlinked

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once: one that reads first and then writes could not wait for another.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def writing(engine: Engine, database: str) -> Iterator[Connection]:
    """A transaction that may write; another writer waits until it ends. Raises StoreError as `reading`."""
    with told(database), _QUEUES.setdefault(engine, Lock()), engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection


@contextmanager
def reading(engine: Engine, database: str) -> Iterator[Connection]:
    """A transaction that reads. Raises StoreError for whatever the database reports, without its password."""
    with told(database), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def told(database: str) -> Iterator[None]:
    """What the database reports becomes a StoreError that says where, without a password."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(
            shown_database(database),
            f"the store of labels cannot be used: {_why(error)}",
            do="Check the path or URL, that its folder can be written to, and that it is a store of cxsentiment",
        ) from error


def _why(error: Exception) -> str:
    """What the database itself said, in one line."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return " ".join(str(cause).split()) or type(cause).__name__


def shown_database(database: str) -> str:
    """A path or URL as it may be printed: without user and password."""
    scheme, separator, rest = database.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if separator else database


def migrate(engine: Engine, database: str) -> list[str]:
    """Bring the schema to the newest version; the versions that were applied, in order, none where it is there.

    Raises:
        StoreError: the schema is newer than this version of cxsentiment knows, or the file is another program's.
    """
    versions = known_versions()
    if engine.dialect.name == "sqlite":
        _write_ahead(engine, versions, database)
    with reading(engine, database) as connection:
        if _version(connection, versions, database) == versions[-1]:
            return []
    with writing(engine, database) as connection:
        before = _version(connection, versions, database)  # another writer may have been here meanwhile
        if before is None:
            _refuse_foreign(connection, database)
        _upgrade(connection)
        return versions[versions.index(before) + 1 if before else 0 :]


def _write_ahead(engine: Engine, versions: list[str], database: str) -> None:
    """SQLite's write-ahead log, in which readers do not wait for a writer; it stays in the file, which must be ours."""
    with told(database):
        for attempt in range(_ATTEMPTS):
            try:
                with engine.connect() as connection:
                    with connection.begin():
                        if _version(connection, versions, database) is None:
                            _refuse_foreign(connection, database)
                    raw = connection.connection.cursor()
                    if raw.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                        raw.execute("PRAGMA journal_mode = WAL")
                return
            except StoreError:
                raise
            except Exception as error:
                # Two processes that open a new file at once: SQLite does not wait here, so the later one tries again.
                if attempt == _ATTEMPTS - 1 or "locked" not in str(error):
                    raise StoreError(
                        shown_database(database),
                        f"the store of labels cannot be opened: {_why(error)}",
                        do="Name a file that cxsentiment labels import made, or one that does not exist yet",
                    ) from error


def known_versions() -> list[str]:
    """The versions of the schema that this cxsentiment knows, oldest first."""
    from alembic.script import ScriptDirectory

    return [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]


def _version(connection: Connection, versions: list[str], database: str) -> str | None:
    from alembic.migration import MigrationContext

    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in versions:
        raise StoreError(
            shown_database(database),
            f"was written by a newer cxsentiment (schema {found}, this one knows up to {versions[-1]})",
            do="Update cxsentiment, or name another file with --db; nothing was changed",
        )
    return found


def _refuse_foreign(connection: Connection, database: str) -> None:
    """A file with tables but without our version is another program's; so are tables of our names on a server."""
    from sqlalchemy import inspect

    names = set(inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite":  # a server's database may serve several programs
        names &= {"labels", "audit"}
    if names:
        raise StoreError(
            shown_database(database),
            f"has a table {min(names)!r} that cxsentiment did not make",
            do="Name another file or database with --db; nothing was changed",
        )


def _upgrade(connection: Connection, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
