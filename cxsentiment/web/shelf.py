"""The runs that are served: each by a short name, read when first asked for, and again when its receipt changes."""

import re
import threading
from collections.abc import Sequence
from pathlib import Path

from cxsentiment.errors import CxError, UsageError
from cxsentiment.web.facts import Facts, stamp


class Shelf:
    """Run folders by name. A run that cannot be read is told of on its own pages; the others can be used."""

    def __init__(self, folders: Sequence[Path]) -> None:
        """Raises UsageError where no folder is given or one does not exist."""
        if not folders:
            raise UsageError("serve", "names no run", do="Name a run folder: cxsentiment serve RUN")
        self._folders: dict[str, Path] = {}
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(str(folder), "is no folder", do="Name a run folder made by cxsentiment score")
            self._folders[self._free_name(folder)] = folder
        self._read: dict[str, Facts] = {}
        self._lock = threading.Lock()

    def _free_name(self, folder: Path) -> str:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "run"
        name, number = plain, 2
        while name in self._folders:
            name, number = f"{plain}-{number}", number + 1
        return name

    @property
    def names(self) -> list[str]:
        """The names of the runs, in the order in which they were given."""
        return list(self._folders)

    def folder(self, name: str) -> Path | None:
        """Where a run lies; None for a name that is not served."""
        return self._folders.get(name)

    def facts(self, name: str) -> Facts:
        """A run as it is now. Raises RunError where it is damaged, unfinished or gone, KeyError for an unknown name."""
        folder = self._folders[name]
        now = stamp(folder)
        known = self._read.get(name)
        if known is not None and known.stamp == now:
            return known
        with self._lock:
            known = self._read.get(name)
            if known is None or known.stamp != now:
                # The one before is not closed: another thread may still ask it; it goes when nobody holds it.
                known = self._read[name] = Facts(folder)
            return known

    def close(self) -> None:
        """Give the memory of all runs back."""
        for facts in self._read.values():
            facts.close()
        self._read.clear()

    def named(self, key: str) -> str | None:
        """The name of the run with this key, as far as it can be read; None where it is not served."""
        for name in self._folders:
            try:
                if self.facts(name).key == key:
                    return name
            except CxError:
                continue
        return None
