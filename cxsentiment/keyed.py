"""What was read from a file of ours and tells which of its parts is missing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cxsentiment.errors import ReceiptError


class Keyed(dict[str, Any]):
    """Content by key, of the file `path`. A key that is missing raises ReceiptError; `get` gives None as ever."""

    def __init__(self, content: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), path: Path | None = None) -> None:
        super().__init__(content)
        self._path = path

    def __missing__(self, key: str) -> Any:
        do = "Restore the file, or score again into a new folder"
        what = f"{key!r} is missing: the receipt was edited, or is of another program"
        raise ReceiptError(str(self._path or "run.json"), what, do=do)


def keyed(content: Mapping[str, Any], path: Path) -> Keyed:
    """The content of `path`, in which the objects that it holds by key, or in lists, tell what they lack as well."""
    return Keyed({name: _inner(value, path) for name, value in content.items()}, path)


def _inner(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return Keyed(value, path)
    if isinstance(value, list):
        return [Keyed(one, path) if isinstance(one, dict) else one for one in value]
    return value
