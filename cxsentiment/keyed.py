"""What was read from a file of ours and tells which of its parts is missing."""

from pathlib import Path
from typing import Any

from cxsentiment.errors import RunError


class Keyed(dict[str, Any]):
    """The content of `path` by key. Asking for a key that is missing raises RunError; `get` gives None as ever."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        super().__init__(content)
        self._path = path

    def __missing__(self, key: str) -> Any:
        do = "Restore the file, or score again into a new folder"
        raise RunError(str(self._path), f"{key!r} is missing: the receipt was edited, or is of another program", do=do)
