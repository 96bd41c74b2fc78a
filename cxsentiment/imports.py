"""Packages that libraries below load where they happen to be installed, and for which this program has no use."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusal(MetaPathFinder):
    """Says of some packages that they are not installed. (None in `sys.modules`: pyarrow would take it for pandas.)"""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = frozenset(packages)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in self._packages:
            raise ModuleNotFoundError(f"{name} is not wanted here", name=name)
        return None


def leave_out(*packages: str) -> None:
    """Keep this process from loading packages from now on; one that is loaded stays. For processes of our own."""
    sys.meta_path.insert(0, _Refusal(packages))


@contextmanager
def left_out(*packages: str) -> Iterator[None]:
    """As `leave_out`, while this lasts."""
    refusal = _Refusal(packages)
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)
