"""`cxsentiment serve` and `cxsentiment user …`: pages for people, and who may see them. Imports are inside."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxsentiment.errors import UsageError

if TYPE_CHECKING:
    from cxsentiment.reviews.accounts import Accounts

user_app = typer.Typer(no_args_is_help=True, help="Add, list and change the people who may sign in to the pages.")

Database = Annotated[
    str, typer.Option("--db", metavar="PATH|URL", help="The store of reviews: a file, or postgresql+psycopg://…")
]
UserName = Annotated[str, typer.Argument(help="The name that the person signs in with.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="Who does it, for the audit log.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
_DEFAULT = "cxsentiment-reviews.db"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.add_typer(user_app, name="user")
    app.command()(serve)


def serve(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run folders made by cxsentiment score.")],
    db: Database = _DEFAULT,
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine only with users.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8765,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where people find it, e.g. https://qa.example.org behind TLS.")
    ] = None,
    proxy_header: Annotated[
        str | None, typer.Option(metavar="NAME", help="Header in which a proxy names the user that it has checked.")
    ] = None,
    proxy_from: Annotated[
        list[str], typer.Option(metavar="ADDRESS", help="The proxy's address, whose headers are believed.")
    ] = ["127.0.0.1", "::1"],  # noqa: B006
) -> None:
    """Show runs as pages: overview, contacts, agents, coaching, review desk, disputes. Run folders are only read.

    With no user in the store it serves the person at this machine, by a link; add users with cxsentiment user add.
    """
    _require_extra()
    from cxsentiment.web.server import Address, open_desk
    from cxsentiment.web.server import serve as answer

    address = Address(host, port, public_url, proxy_header, tuple(proxy_from))
    answer(open_desk(runs, db, address), address, typer.echo)


@user_app.command("add")
def add(
    name: UserName,
    role: Annotated[str, typer.Option(help="admin, qa, trainer, agent (own contacts) or client (totals only).")],
    db: Database = _DEFAULT,
    agent_id: Annotated[str | None, typer.Option(metavar="ID", help="The agent's id in the runs (role agent).")] = None,
    password_stdin: PasswordStdin = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Only through a proxy that checks people.")
    ] = False,
    by: By = None,
) -> None:
    """Add a user; the password is asked for, and kept as an argon2 hash."""
    with _accounts(db, create=True) as accounts:
        password = None if no_password else _password(password_stdin)
        user = accounts.add(name, role, agent_id=agent_id, password=password, who=by)
    typer.echo(f"user {user.name} added with the role {user.role}")


@user_app.command("list")
def list_(db: Database = _DEFAULT) -> None:
    """List users with their roles."""
    with _accounts(db) as accounts:
        for user in accounts.users():
            notes: list[str] = [user.role]
            notes += [f"agent {user.agent_id}"] if user.agent_id else []
            notes += ["disabled"] if user.disabled else []
            notes += [] if user.has_password else ["through a proxy only"]
            typer.echo(f"{user.name}: {', '.join(notes)}")


@user_app.command("password")
def password(
    name: UserName,
    db: Database = _DEFAULT,
    password_stdin: PasswordStdin = False,
    by: By = None,
) -> None:
    """Give a user a new password; their sessions end."""
    with _accounts(db) as accounts:
        accounts.set_password(name, _password(password_stdin), by)
    typer.echo(f"the password of {name} is changed, and their sessions have ended")


@user_app.command("disable")
def disable(name: UserName, db: Database = _DEFAULT, by: By = None) -> None:
    """Let a user in no more; what they did stays on record."""
    with _accounts(db) as accounts:
        accounts.set_disabled(name, True, by)
    typer.echo(f"{name} is disabled, and their sessions have ended")


@user_app.command("enable")
def enable(name: UserName, db: Database = _DEFAULT, by: By = None) -> None:
    """Let a disabled user in again."""
    with _accounts(db) as accounts:
        accounts.set_disabled(name, False, by)
    typer.echo(f"{name} may sign in again")


@contextmanager
def _accounts(database: str, *, create: bool = False) -> "Iterator[Accounts]":
    """The users of a store, which is closed at the end."""
    from cxsentiment.reviews.accounts import Accounts
    from cxsentiment.reviews.store import LabelStore

    with LabelStore.open(database, create=create) as store:
        yield Accounts(store)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return given


def _require_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "argon2") if find_spec(name) is None]
    if missing:
        raise UsageError(
            "cxsentiment serve",
            f"needs packages that are not installed ({', '.join(missing)})",
            do="Install them: pip install 'cxsentiment[serve]'",
        )
