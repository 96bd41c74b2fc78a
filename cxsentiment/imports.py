"""What libraries do when they are imported: they load packages that happen to be installed and for which this program
has no use, which are left out here; and one looks for a home folder, which need not be there.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
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


@contextmanager
def some_home() -> Iterator[None]:
    """While this lasts there is a home folder. Altair looks for one when it is imported, and keeps nothing there.

    A container may run as a user whom its system does not know, and without HOME; then there is none.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.sep
        try:
            yield
        finally:
            del os.environ["HOME"]
    else:
        yield
