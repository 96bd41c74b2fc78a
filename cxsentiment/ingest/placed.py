"""What every source that is no file on this machine has in common: a path, which says its name."""

from pathlib import PurePosixPath


class Placed:
    """Names and kind of a source with a `path`; members of archives, standard input and stored objects are such."""

    __slots__ = ()
    path: PurePosixPath

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.name

    @property
    def stem(self) -> str:
        """The name without its last suffix."""
        return self.path.stem

    @property
    def suffix(self) -> str:
        """The last suffix, with its dot."""
        return self.path.suffix

    def is_symlink(self) -> bool:
        """Never: a link is refused before it becomes a source."""
        return False
