"""Which files of a folder have landed: those whose size and time have not changed for a while."""

from contextlib import suppress
from pathlib import Path

from cxsentiment.errors import UsageError
from cxsentiment.ingest.sources import find_sources
from cxsentiment.lock import resolved

# What programs call a file that they are still writing.
UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".swp", "~")
# Bytes, and times (ns) of the last change of its content, and of that or its permissions; only ever compared.
State = tuple[int, int, int]


class Landing:
    """Looks at a folder again and again; `settle_s` is how long a file must have stayed the same, in seconds.

    Time is that of the caller's steady clock: what the wall clock or a file's date says is never compared with it.
    """

    def __init__(self, folder: Path, run: Path, settle_s: float) -> None:
        self._folder = folder
        self._run = resolved(run)
        self._settle_s = settle_s
        self._first_seen: dict[Path, tuple[State, float]] = {}

    def look(self, now: float) -> tuple[list[Path], list[Path]]:
        """The files that have landed, and those that have not yet: they change still, or are empty. Both sorted.

        Raises UsageError where the folder is none.
        """
        if not self._folder.is_dir():
            raise UsageError(str(self._folder), "is no folder", do="Name the folder in which files land")
        seen: dict[Path, tuple[State, float]] = {}
        landed: list[Path] = []
        waiting: list[Path] = []
        for path in self._files():
            try:
                status = path.stat()
            except OSError:  # it went away between two looks
                continue
            state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            before, since = self._first_seen.get(path, (state, now))
            if before != state:
                since = now
            seen[path] = (state, since)
            (landed if status.st_size and now - since >= self._settle_s else waiting).append(path)
        self._first_seen = seen
        return landed, waiting

    def state(self, path: Path) -> State | None:
        """What a file was like at the last look; None where it was not there."""
        return self._first_seen[path][0] if path in self._first_seen else None

    def _files(self) -> list[Path]:
        """Files that may be input. Links are left out, as everywhere in folders, and names of unfinished files."""
        with suppress(UsageError):  # no file yet
            return [
                path
                for path in find_sources([str(self._folder)])
                if isinstance(path, Path)
                and not path.is_symlink()
                and not path.name.lower().endswith(UNFINISHED)
                and not path.resolve().is_relative_to(self._run)
            ]
        return []
