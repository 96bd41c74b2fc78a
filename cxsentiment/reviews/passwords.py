"""Passwords as argon2 hashes; the only home of argon2."""

from functools import cache
from typing import Any

from cxsentiment.errors import UsageError

LEAST, MOST = 12, 200
"""Characters of a password."""


def hashed(password: str) -> str:
    """The hash of a new password. Raises UsageError for one that is too short or too long, or without the extra."""
    if not LEAST <= len(password) <= MOST:
        raise UsageError("password", f"has {len(password)} characters", allowed=f"{LEAST} to {MOST}")
    argon2 = _argon2()
    made: str = argon2.PasswordHasher().hash(password)
    return made


def is_right(password: str, stored: str | None) -> bool:
    """Whether a password is the one of a stored hash. A user without one costs as much time as a wrong password."""
    argon2 = _argon2()
    try:
        argon2.PasswordHasher().verify(stored or _nobodys(), password[: MOST + 1])
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.VerificationError, argon2.exceptions.InvalidHash):
        return False
    return stored is not None


@cache
def _nobodys() -> str:
    return hashed("nobody's password, to compare with")


def _argon2() -> Any:
    try:
        import argon2
        import argon2.exceptions
    except ImportError as error:
        raise UsageError(
            "passwords", "need a package that is not installed", do="Install it: pip install 'cxsentiment[serve]'"
        ) from error
    return argon2
