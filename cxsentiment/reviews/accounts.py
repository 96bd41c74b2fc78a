"""Users of the pages: their roles, who is signed in, and how often somebody tried. Every change is in the audit log."""

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from sqlalchemy import Connection, delete, insert, select, update

from cxsentiment.errors import UsageError
from cxsentiment.reviews import passwords
from cxsentiment.reviews.audit import note, now
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.tables import login_failures, sessions, users

Role = Literal["admin", "qa", "trainer", "agent", "client"]
ROLES: tuple[Role, ...] = get_args(Role)
IDLE_S, LONGEST_S = 3_600, 12 * 3_600
"""A session ends after an hour without a page, and after twelve hours in any case."""
_TOUCH_S = 300  # a session is written at most once in five minutes, so that reading pages hardly writes
_WINDOW_S = 15 * 60
_TRIES = {"both": 5, "name": 50, "address": 50}  # failures within the window, of a name from an address and of each
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. An agent's `agent_id` is the one in the run, whose contacts they see."""

    name: str
    role: Role
    agent_id: str | None
    disabled: bool
    has_password: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A visit: whose, the token that its forms carry, and whether it began with the link that serve printed."""

    user_name: str
    csrf: str
    local: bool


class TooManyTriesError(Exception):
    """So many wrong passwords that no more are looked at; `wait_s` seconds until one is again."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"wait {wait_s} s")


class Accounts:
    """The users of a store of labels and their sessions. Methods raise StoreError where the store cannot be used.

    `proxied` says that a proxy checks people, so that an admin without a password can come in as well as one with it.
    """

    def __init__(self, store: LabelStore, *, proxied: bool = False) -> None:
        self._store = store
        self._proxied = proxied

    def users(self) -> list[User]:
        """All users, by name."""
        with self._store.reading() as connection:
            return [_user(row) for row in connection.execute(select(users).order_by(users.c.name)).mappings()]

    def find(self, name: str) -> User | None:
        """A user by name; None where there is none."""
        with self._store.reading() as connection:
            row = _row(connection, name)
        return None if row is None else _user(row)

    def add(self, name: str, role: str, *, agent_id: str | None, password: str | None, who: str | None = None) -> User:
        """Add a user. One without a password can only come in through a proxy.

        Raises:
            UsageError: a name that is taken or none, another role, an agent without agent_id, a short password.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"user {name!r}", "is no name", allowed="small letters, digits and . _ @ + -, up to 64")
        agent_id = _agent_of(role, agent_id)
        row: dict[str, Any] = {"name": name, "role": role, "agent_id": agent_id, "disabled": False}
        row |= {"password_hash": passwords.hashed(password) if password else None, "created_at": now()}
        with self._store.writing() as connection:
            if _row(connection, name) is not None:
                raise UsageError(f"user {name}", "is there already", do="Choose another name, or change the password")
            connection.execute(insert(users), row)
            note(connection, "user added", name, {"role": role, "agent_id": agent_id}, who)
        return User(name, cast(Role, role), agent_id, False, bool(password))

    def set_role(self, name: str, role: str, agent_id: str | None, who: str | None = None) -> None:
        """Give a user another role, or an agent another agent id; their sessions end.

        Raises:
            UsageError: nobody, no role, an agent without agent_id, or the last admin who may sign in or has a password.
        """
        values = {"role": role, "agent_id": _agent_of(role, agent_id)}
        self._change(name, values, "role changed", who, values)

    def set_password(self, name: str, password: str, who: str | None = None) -> None:
        """Give a user a new password and end their sessions. Raises UsageError for nobody, or a short password."""
        self._change(name, {"password_hash": passwords.hashed(password)}, "password changed", who)

    def set_disabled(self, name: str, disabled: bool, who: str | None = None) -> None:
        """Let a user in no more, or again; their sessions end. Raises UsageError for nobody, and for the last admin."""
        self._change(name, {"disabled": disabled}, "user disabled" if disabled else "user enabled", who)

    def _change(
        self,
        name: str,
        values: dict[str, Any],
        action: str,
        who: str | None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        with self._store.writing() as connection:
            _keep_an_admin(connection, name, values, proxied=self._proxied)
            if connection.execute(update(users).where(users.c.name == name).values(**values)).rowcount == 0:
                raise UsageError(f"user {name}", "is not there", do="See the names: cxsentiment user list")
            connection.execute(delete(sessions).where(sessions.c.user_name == name))
            note(connection, action, name, details or {}, who)

    def sign_in(self, name: str, password: str, address: str) -> User | None:
        """The user whose password this is; None where it is wrong, the user is disabled or there is none.

        Raises:
            TooManyTriesError: five failures of this name from this address, or fifty of either, within 15 minutes.
        """
        keys = {"both": f"{name}\0{address}", "name": f"name\0{name}", "address": f"address\0{address}"}
        keys = {kind: hashlib.sha256(key.encode("utf-8", "replace")).hexdigest() for kind, key in keys.items()}
        with self._store.reading() as connection:
            _refuse_many(connection, keys)  # who is refused anyway waits for no writer
        with self._store.writing() as connection:
            # Counted before the slow hash, not after it: of guesses that are sent at once each must see the others.
            _refuse_many(connection, keys)
            for key in keys.values():
                _count_try(connection, key)
            row = _row(connection, name)
        right = passwords.is_right(password, None if row is None else row["password_hash"])
        allowed = right and row is not None and not row["disabled"]
        with self._store.writing() as connection:
            if allowed:
                connection.execute(delete(login_failures).where(login_failures.c.key == keys["both"]))
                _take_back(connection, keys["name"], keys["address"])
            else:
                change = update(login_failures).where(login_failures.c.key.in_(keys.values()))
                connection.execute(change.values(last=int(time.time())))
            # The name of a failed try is not written down: people type passwords into the wrong field.
            known = name if row is not None else "unknown user"
            note(connection, "signed in" if allowed else "sign-in failed", known, {"address": address}, known)
        return _user(row) if allowed and row is not None else None

    def start(self, user_name: str, *, local: bool = False) -> str:
        """Begin a session; the token for its cookie, of which the store keeps a hash only."""
        token, moment = secrets.token_urlsafe(32), int(time.time())
        row = {"token_sha256": _hash(token), "user_name": user_name, "local": local}
        row |= {"csrf": secrets.token_urlsafe(32), "started": moment, "seen": moment}
        with self._store.writing() as connection:
            connection.execute(
                delete(sessions).where(sessions.c.started < moment - LONGEST_S, sessions.c.local.is_(False))
            )
            connection.execute(insert(sessions), row)
        return token

    def session(self, token: str) -> Session | None:
        """The session of a token; None where it is over or was never begun."""
        moment, key = int(time.time()), _hash(token)
        with self._store.reading() as connection:
            row = connection.execute(select(sessions).where(sessions.c.token_sha256 == key)).mappings().first()
        # A session of the printed link lasts as long as serve runs: without a new link nobody could come in again.
        if row is None:
            return None
        if not row["local"] and (row["seen"] < moment - IDLE_S or row["started"] < moment - LONGEST_S):
            return None
        if row["seen"] < moment - _TOUCH_S:
            with self._store.writing() as connection:
                connection.execute(update(sessions).where(sessions.c.token_sha256 == key).values(seen=moment))
        return Session(row["user_name"], row["csrf"], row["local"])

    def end(self, token: str) -> None:
        """End a session."""
        with self._store.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_sha256 == _hash(token)))

    def end_local(self) -> None:
        """End the sessions that began with a printed link: each start of serve prints a new one."""
        with self._store.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.local.is_(True)))


def _agent_of(role: str, agent_id: str | None) -> str | None:
    """The agent id of a role, None where it has none. Raises UsageError for what does not go together."""
    if role not in ROLES:
        raise UsageError(f"role {role!r}", "is no role", allowed=", ".join(ROLES))
    agent_id = (agent_id or "").strip() or None
    if (role == "agent") != (agent_id is not None):
        raise UsageError("the agent's id", "goes with the role agent, and the role agent with it")
    return agent_id


def _keep_an_admin(connection: Connection, name: str, values: Mapping[str, Any], *, proxied: bool) -> None:
    """Refuse a change after which no admin could sign in. Two such changes at once wait for each other."""
    if values.get("role", "admin") == "admin" and not values.get("disabled"):
        return
    question = select(users.c.name, users.c.password_hash.is_not(None))
    question = question.where(users.c.role == "admin", users.c.disabled.is_(False)).with_for_update()
    admins: dict[str, bool] = {admin: has for admin, has in connection.execute(question)}
    if list(admins) == [name]:
        raise UsageError(f"user {name}", "is the last admin who may sign in", do="Make somebody else an admin first")
    # Without a password only a proxy lets somebody in, and whether there is one is known to the pages alone.
    if admins.pop(name, False) and not proxied and not any(admins.values()):
        do = f"Give another a password first: cxsentiment user password {min(admins)}"
        raise UsageError(f"user {name}", "is the last admin who has a password", do=do)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _row(connection: Connection, name: str) -> Any:
    return connection.execute(select(users).where(users.c.name == name)).mappings().first()


def _user(row: Any) -> User:
    return User(row["name"], row["role"], row["agent_id"], bool(row["disabled"]), row["password_hash"] is not None)


def _refuse_many(connection: Connection, keys: dict[str, str]) -> None:
    moment = int(time.time())
    for kind, key in keys.items():
        row = connection.execute(select(login_failures).where(login_failures.c.key == key)).mappings().first()
        if row is not None and row["failures"] >= _TRIES[kind] and row["last"] > moment - _WINDOW_S:
            raise TooManyTriesError(row["last"] + _WINDOW_S - moment)


def _count_try(connection: Connection, key: str) -> None:
    """Count a try as a failure, before it is known to be one; when the last failure was is not touched."""
    moment = int(time.time())
    row = connection.execute(select(login_failures).where(login_failures.c.key == key)).mappings().first()
    if row is None:
        connection.execute(insert(login_failures), {"key": key, "failures": 1, "last": moment})
        return
    change = update(login_failures).where(login_failures.c.key == key)
    if row["last"] > moment - _WINDOW_S:
        connection.execute(change.values(failures=login_failures.c.failures + 1))
    else:
        connection.execute(change.values(failures=1, last=moment))


def _take_back(connection: Connection, *keys: str) -> None:
    """Count a try no more: its password was right."""
    change = update(login_failures).where(login_failures.c.key.in_(keys), login_failures.c.failures > 0)
    connection.execute(change.values(failures=login_failures.c.failures - 1))
