"""Whether input files stay as they are from the moment they are hashed until they have been read."""

from collections.abc import Sequence
from pathlib import Path

from cxsentiment.errors import UnsettledError
from cxsentiment.ingest.sources import Source

_State = tuple[int, int, int]  # bytes, time of the last change (ns) and number of the file, only ever compared


class Stillness:
    """Looks at the files among `sources` now; `check` says whether they have changed since.

    Without it a receipt could hold the hash of one content beside the contacts of another. Members of stores and the
    standard input, which are read once, are not looked at.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._states = {path: _state(path) for path in sources if isinstance(path, Path)}

    def check(self) -> None:
        """Raise UnsettledError for a file that is another one now. One that is gone was read, or is refused as gone."""
        for path, before in self._states.items():
            if (now := _state(path)) is not None and now != before:
                raise UnsettledError(
                    str(path),
                    "was changed while it was scored, so the run would not be what its receipt says",
                    do="Score again into another folder, or with --overwrite, when nobody writes to the file",
                )


def _state(path: Path) -> _State | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino
