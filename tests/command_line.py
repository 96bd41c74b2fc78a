"""What a command of the tests leaves behind: its exit code, and what it said on both streams."""

from collections.abc import Callable
from typing import NamedTuple


class Outcome(NamedTuple):
    """What became of one call of the command line."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]
